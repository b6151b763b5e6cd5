//! What other threads posted to this shard, carried out at the start of a turn.

use parlor_core::input::Input;

use super::{App, Shard, outlet::View};
use crate::mailbox::{Mailbox, Parcel, Visit};

impl Shard {
    /// Where other threads post what they want of this shard.
    pub(super) fn mailbox(&self) -> Mailbox {
        self.inbox.mailbox()
    }

    /// Empties the mailbox. What is posted meanwhile has its turn with the next.
    pub(super) fn unpack(&mut self) {
        for parcel in self.inbox.take() {
            self.parcel(parcel);
        }
    }

    /// What is to be done on this thread beside turns, in the order in which it came.
    pub(super) fn take_visits(&mut self) -> Vec<Visit> {
        std::mem::take(&mut self.visits)
    }

    fn parcel(&mut self, parcel: Parcel) {
        let now = self.now();
        let parcel = match parcel {
            Parcel::Visit(visit) => return self.visits.push(visit),
            Parcel::Batch(from, messages) => {
                for message in messages {
                    self.input(Input::Told(from, message));
                }
                return;
            }
            other => other,
        };
        let App::SocketIo { handlers, .. } = &mut self.app else { return };
        let view = View(&self.sessions);
        match parcel {
            Parcel::Wish(input) => return self.input(input),
            Parcel::Run(socket, job) => handlers.run(&view, socket, job),
            Parcel::Decided(decision) => handlers.decided(&view, decision),
            Parcel::Every(id, beat) => handlers.every(now, id, beat),
            Parcel::Cancel(id) => handlers.cancel(id),
            Parcel::Visit(_) | Parcel::Batch(..) => unreachable!("seen to above"),
            Parcel::Ended(socket, outcome) => {
                handlers.ended(socket, outcome);
                self.settle();
                while let App::SocketIo { handlers, .. } = &mut self.app
                    && handlers.resume(&View(&self.sessions), socket)
                {
                    self.settle();
                }
            }
        }
        self.settle();
    }
}

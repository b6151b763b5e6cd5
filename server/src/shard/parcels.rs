//! What other threads posted to this shard, carried out at the start of a turn.

use parlor_core::{input::Input, key::SocketKey};

use super::{App, Shard, outlet::View};
use crate::{
    handlers::Handlers,
    mailbox::{Mailbox, Parcel, Visit},
};

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
        match parcel {
            Parcel::Visit(visit) => self.visits.push(visit),
            Parcel::Batch(from, messages) => {
                for message in messages {
                    self.input(Input::Told(from, message));
                }
            }
            Parcel::Wish(input) => self.input(input),
            Parcel::Run(socket, job, _) => self.handlers(|all, view| all.run(view, socket, job)),
            Parcel::RunHere(job, _) => self.handlers(|all, _| all.run_here(now, "", job)),
            Parcel::Decided(decision) => self.handlers(|all, view| all.decided(view, decision)),
            Parcel::Every(id, beat) => self.handlers(|all, _| all.every(now, id, beat)),
            Parcel::Revoked(revoked) => self.handlers(|all, _| all.revoked(revoked.as_ref())),
            Parcel::Cancel(id) => self.handlers(|all, _| all.cancel(id)),
            Parcel::Passed(socket, passed) => {
                self.handlers(|all, view| all.passed(view, socket, passed));
                self.resume(socket);
            }
            Parcel::Spawned(socket, end) => self.handlers(|all, _| all.spawned(socket, end)),
            Parcel::Ended(socket, outcome) => {
                self.handlers(|all, _| all.ended(socket, outcome));
                self.resume(socket);
            }
        }
    }

    /// Handles events of a socket that have waited, for as long as it is their turn.
    fn resume(&mut self, socket: SocketKey) {
        let mut has_resumed = true;
        while has_resumed {
            has_resumed = false;
            self.handlers(|all, view| has_resumed = all.resume(view, socket));
        }
    }

    /// Has handlers do something, and then what they want done, until all is still.
    fn handlers(&mut self, run: impl FnOnce(&mut Handlers, &View<'_>)) {
        let App::SocketIo { handlers, .. } = &mut self.app else { return };
        run(handlers, &View(&self.sessions));
        self.settle();
    }
}

//! What is done with many sockets at once, on whichever shards they are: asking them, finding
//! them, moving them between rooms, and disconnecting them.

use std::time::Duration;

use parlor_core::{
    cluster::{AckOf, Answer, Change, Question, SocketInfo},
    input::Input,
};
use parlor_shared::socket_io::{Draft, EventArgs};

use super::{Context, Emit, EmitError, Emitter, ShardContext, context::draft};
use crate::mailbox::{Parcel, Refused};

impl<S> Emit<S> {
    fn change(self, change: Change) -> (S, Option<Input<'static>>) {
        let Self { from, namespace, target, .. } = self;
        (from, namespace.map(|namespace| Input::Change(namespace, target, change)))
    }
}

/// Rooms as they are named in a call: one, or several.
pub trait Rooms {
    /// Their names.
    fn names(self) -> Vec<String>;
}

impl Rooms for &str {
    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Rooms for String {
    fn names(self) -> Vec<String> {
        vec![self]
    }
}

impl Rooms for Vec<String> {
    fn names(self) -> Vec<String> {
        self
    }
}

impl<const N: usize> Rooms for [&str; N] {
    fn names(self) -> Vec<String> {
        self.map(str::to_owned).to_vec()
    }
}

macro_rules! changes {
    ($from:ty) => {
        impl Emit<$from> {
            /// Puts these sockets into rooms.
            pub fn sockets_join(self, rooms: impl Rooms) {
                self.wish_change(Change::Join(rooms.names()));
            }

            /// Takes these sockets out of rooms.
            pub fn sockets_leave(self, rooms: impl Rooms) {
                self.wish_change(Change::Leave(rooms.names()));
            }

            /// Disconnects these sockets from the namespace; with `close` their sessions end as
            /// well, and with them their sockets in other namespaces.
            pub fn disconnect_sockets(self, close: bool) {
                self.wish_change(Change::Disconnect(close));
            }

            fn wish_change(self, change: Change) {
                if let (from, Some(input)) = self.change(change) {
                    from.desk.wish(input);
                }
            }
        }
    };
}

changes!(&mut Context<'_>);
changes!(&mut ShardContext<'_>);

impl Emit<&Emitter> {
    /// Puts these sockets into rooms.
    ///
    /// # Errors
    /// As [`Emit::emit`].
    pub fn sockets_join(self, rooms: impl Rooms) -> Result<(), EmitError> {
        self.post_change(Change::Join(rooms.names()))
    }

    /// Takes these sockets out of rooms.
    ///
    /// # Errors
    /// As [`Emit::emit`].
    pub fn sockets_leave(self, rooms: impl Rooms) -> Result<(), EmitError> {
        self.post_change(Change::Leave(rooms.names()))
    }

    /// Disconnects these sockets from the namespace; with `close` their sessions end as well.
    ///
    /// # Errors
    /// As [`Emit::emit`].
    pub fn disconnect_sockets(self, close: bool) -> Result<(), EmitError> {
        self.post_change(Change::Disconnect(close))
    }

    fn post_change(self, change: Change) -> Result<(), EmitError> {
        let env = self.from.env()?;
        let (_, input) = self.change(change);
        let input = input.ok_or(EmitError::UnknownNamespace)?;
        env.mailbox.offer(Parcel::Wish(input)).map_err(|(_, refused)| match refused {
            Refused::Full => EmitError::Overloaded,
            Refused::Closed => EmitError::NotRunning,
        })
    }
}

impl Emit<&mut Context<'_>> {
    /// Asks all these sockets' clients. `then` gets each one's answer, or why there is none within
    /// `timeout`, once all have answered or their time is up; the order means nothing.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn ask(
        self,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
        then: impl FnOnce(&mut Context<'_>, Vec<AckOf>) + Send + 'static,
    ) {
        let draft = draft(Draft::event(event), args);
        let Self { from, namespace, target, .. } = self;
        let Some(namespace) = namespace else { return };
        let then = move |cx: &mut Context<'_>, answer| {
            if let Answer::Acks(acks) = answer {
                then(cx, acks);
            }
        };
        let question = Question::Ask(namespace, target, draft, timeout);
        from.desk.gather(from.socket, question, Box::new(then));
    }

    /// Finds these sockets. `then` gets what is known of each; the order means nothing.
    pub fn fetch_sockets(
        self,
        then: impl FnOnce(&mut Context<'_>, Vec<SocketInfo>) + Send + 'static,
    ) {
        let Self { from, namespace, target, .. } = self;
        let Some(namespace) = namespace else { return };
        let then = move |cx: &mut Context<'_>, answer| {
            if let Answer::Sockets(sockets) = answer {
                then(cx, sockets);
            }
        };
        let question = Question::Sockets(namespace, target);
        from.desk.gather(from.socket, question, Box::new(then));
    }
}

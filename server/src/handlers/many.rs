//! What is done to many sockets at once, on whichever shards they are: moving them between rooms,
//! and disconnecting them. Asking and finding them is `gather`'s part.

use parlor_core::{cluster::Change, input::Input};

use super::{AsyncContext, Context, Emit, EmitError, Emitter, Rooms, ShardContext};
use crate::mailbox::Parcel;

impl<S> Emit<S> {
    fn change(self, change: Change) -> (S, Option<Input<'static>>) {
        let Self { from, scope, target, .. } = self;
        (from, scope.map(|scope| Input::Change(scope, target, change)))
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

impl Emit<&AsyncContext> {
    /// Puts these sockets into rooms. Waits while the shard has more to do than it may.
    pub async fn sockets_join(self, rooms: impl Rooms) {
        self.post_change(Change::Join(rooms.names())).await;
    }

    /// Takes these sockets out of rooms. Waits while the shard has more to do than it may.
    pub async fn sockets_leave(self, rooms: impl Rooms) {
        self.post_change(Change::Leave(rooms.names())).await;
    }

    /// Disconnects these sockets from the namespace; with `close` their sessions end as well.
    /// Waits while the shard has more to do than it may.
    pub async fn disconnect_sockets(self, close: bool) {
        self.post_change(Change::Disconnect(close)).await;
    }

    async fn post_change(self, change: Change) {
        if let (from, Some(input)) = self.change(change) {
            from.wish(input).await;
        }
    }
}

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
        env.offer(Parcel::Wish(input))
    }
}

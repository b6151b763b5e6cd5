//! A volatile event before it is told for whom: for the socket itself, unless others are named.
//! A type of its own, because what aims at one socket heeds nothing else that is told.

use parlor_core::input::Target;
use parlor_shared::socket_io::EventArgs;

use super::{AsyncContext, Context, Emit, Rooms};

/// A volatile event on its way out: to the socket itself, or to the others that are told next.
///
/// ```
/// # let mut server = parlor_server::Server::default();
/// server.namespace("/").on_typed("move", |cx, (x, y): (f32, f32)| {
///     cx.volatile().emit("moved", (x, y));
///     cx.volatile().to("arena").emit("other-moved", (x, y));
/// });
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent before `emit`"]
pub struct Volatile<S> {
    /// Aimed at the socket itself.
    own: Emit<S>,
    /// Everybody else.
    others: Target,
}

impl<S> Volatile<S> {
    pub(super) fn new(own: Emit<S>, others: Target) -> Self {
        Self { own: own.volatile(), others }
    }

    /// The newest under `key` counts, of whatever event.
    pub fn volatile_key(self, key: u64) -> Self {
        Self { own: self.own.volatile_key(key), ..self }
    }

    /// To the sockets in these rooms, but not this one.
    pub fn to(self, rooms: impl Rooms) -> Emit<S> {
        self.broadcast().to(rooms)
    }

    /// The same as [`Self::to`]: this socket is left out.
    pub fn in_(self, rooms: impl Rooms) -> Emit<S> {
        self.to(rooms)
    }

    /// To all sockets of the namespace but this one and those in these rooms.
    pub fn except(self, rooms: impl Rooms) -> Emit<S> {
        self.broadcast().except(rooms)
    }

    /// To all sockets of the namespace but this one.
    pub fn broadcast(self) -> Emit<S> {
        self.own.aimed_at(self.others)
    }
}

impl<'e, 'c> Volatile<&'e mut Context<'c>> {
    /// To the sockets of the namespace that are on this one's shard, but not this one.
    pub fn local(self) -> Emit<&'e mut Context<'c>> {
        self.broadcast().local()
    }

    /// Sends it to this socket.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn emit(self, event: &str, args: impl EventArgs) {
        self.own.emit(event, args);
    }
}

impl<'e> Volatile<&'e AsyncContext> {
    /// To the sockets of the namespace that are on this one's shard, but not this one.
    pub fn local(self) -> Emit<&'e AsyncContext> {
        self.broadcast().local()
    }

    /// Sends it to this socket. Waits while the shard has more to do than it may.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub async fn emit(self, event: &str, args: impl EventArgs) {
        self.own.emit(event, args).await;
    }
}

//! Everything a world can want, as one closed list.

use std::{sync::Arc, time::Duration};

use parlor_shared::{
    api::signal::Via,
    id::{Pid, SocketId},
    socket_io::{Args, Frame},
};

use serde::{Deserialize, Serialize};

use crate::{
    close::CloseReason,
    cluster::{Answer, Asker, Message},
    delivery::Delivery,
    input::AckToken,
    key::{NamespaceKey, Origin, SessionKey, ShardId, SocketKey, ViewId},
    matchmaker::TicketRecord,
};

/// Something to be done, in the order in which it is pushed.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Hand a frame to each of these sessions.
    Send(&'a [SessionKey], Frame, Delivery),
    /// Tell a session that there is something new in a view; and whether it wants deltas.
    Show(SessionKey, ViewId, bool),
    /// Tell a session that its client does not look at a view any more.
    Hide(SessionKey, ViewId),
    /// Tell a session that its client has lost what a view's deltas build on.
    Rebase(SessionKey, ViewId),
    /// A match took a step, so late after it was due; so many before it were left out.
    Ticked(Duration, u64),
    /// Two peers of a lobby are linked directly: how, and so long after they could be.
    Linked(Via, Duration),
    /// A ticket has ended that is to be written down.
    Recorded(Box<TicketRecord>),
    /// End a session.
    Close(SessionKey, CloseReason),
    /// Ask the namespace's handler whether to admit a socket.
    Connecting {
        /// The socket to be.
        socket: SocketKey,
        /// Its public id.
        id: SocketId,
        /// Whose it is.
        session: SessionKey,
        /// Where to, or to a child of it.
        namespace: NamespaceKey,
        /// The child's name, if it is one.
        child: Option<&'a Arc<str>>,
        /// What the client sent along, a JSON object; `None` if nothing.
        auth: Option<&'a str>,
    },
    /// A socket wants into a namespace that is not in the list and has no other socket. The answer
    /// is [`Input::Adopt`](crate::input::Input::Adopt), and after it as for
    /// [`Self::Connecting`]; or [`Input::Refuse`](crate::input::Input::Refuse).
    Unlisted {
        /// The socket to be.
        socket: SocketKey,
        /// Its public id.
        id: SocketId,
        /// Whose it is.
        session: SessionKey,
        /// What the client calls it.
        name: &'a Arc<str>,
        /// What the client sent along, a JSON object; `None` if nothing.
        auth: Option<&'a str>,
    },
    /// A socket that is connected next is the one that its client had before: this is its id, and
    /// what was [`Effect::Kept`] under this pid is its own again.
    Recovered {
        /// Which.
        socket: SocketKey,
        /// What it is called from now on.
        id: SocketId,
        /// What its client has named.
        pid: Pid,
    },
    /// A session has joined its first namespace.
    Joined(SessionKey),
    /// A socket is connected and its client has been told; where that comes from. Here and below,
    /// a child's events are told as its parent's.
    Connected(SocketKey, NamespaceKey, Origin),
    /// An event for the namespace's handlers.
    Event {
        /// From whom.
        socket: SocketKey,
        /// Where.
        namespace: NamespaceKey,
        /// Name and arguments.
        args: Args<'a>,
        /// The client wants an answer under this id.
        ack: Option<u64>,
    },
    /// An answer has come, or will not.
    Acked(AckToken, Result<Args<'a>, AckError>),
    /// What sockets of all shards answered to [`crate::input::Input::Gather`], and how many shards
    /// did not answer in time.
    Gathered(AckToken, Answer, usize),
    /// An event of another shard's, or of somebody beside them, for this one's server; whoever
    /// wants an answer gets it by [`crate::input::Input::AnswerServer`].
    ServerSide(Args<'a>, Option<Asker>),
    /// Tell another shard.
    Tell(ShardId, Message),
    /// A socket that is disconnected next may be had back under this pid.
    Kept(SocketKey, Pid),
    /// Nobody will have back what was kept under this pid.
    Forgotten(Pid),
    /// A connected socket will be no more, and was in these rooms; only if the namespace's handlers
    /// listen to that.
    Disconnecting(SocketKey, DisconnectReason, &'a [&'a str]),
    /// Something has become of a room because of this socket; only if the namespace's handlers
    /// listen to rooms.
    Room(SocketKey, &'a str, RoomChange),
    /// These sockets are sent an event next; only if the namespace's handlers listen to that.
    Sending(&'a [SocketKey], &'a Frame),
    /// A connected socket is no more.
    Disconnected(SocketKey, NamespaceKey, DisconnectReason),
    /// A socket is no more about which the namespace's handler was still deciding.
    Abandoned(SocketKey),
}

/// What has become of a room on this shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomChange {
    /// Its first socket joins.
    Created,
    /// A socket has joined.
    Joined,
    /// A socket has left.
    Left,
    /// Its last socket has left.
    Deleted,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AckError {
    /// None came in time; one that comes later is ignored.
    #[error("operation has timed out")]
    Timeout,
    /// The socket is gone.
    #[error("socket has been disconnected")]
    Disconnected,
    /// Too many answers of this socket are awaited already.
    #[error("too many unanswered acknowledgements")]
    TooMany,
}

/// Why a socket is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server disconnected it.
    ServerNamespaceDisconnect,
    /// One of its handlers panicked.
    HandlerFailed,
    /// The token it came with has expired.
    TokenExpired,
    /// Its token, or its account, has been revoked.
    TokenRevoked,
    /// Its client brought other tokens again and again, none of which was accepted.
    TokenRefused,
    /// Its session ended.
    Session(CloseReason),
}

impl DisconnectReason {
    /// The words that socket.io's users know, and four of our own.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::HandlerFailed => "handler failed",
            Self::TokenExpired => "token expired",
            Self::TokenRevoked => "token revoked",
            Self::TokenRefused => "token refused",
            Self::Session(reason) => reason.as_str(),
        }
    }
}

/// Where effects go. The driver carries them out as they come; a test writes them down.
pub trait Effects {
    /// Takes one effect.
    fn push(&mut self, effect: Effect<'_>);

    /// True if something that a session was sent has not left yet, so that its client cannot have
    /// heard it.
    fn has_queued(&self, session: SessionKey) -> bool {
        let _ = session;
        false
    }
}

//! Everything that can happen to a world, as one closed list.
//! Time comes beside it; see [`crate::World::handle`].

use std::time::Duration;

use parlor_shared::{
    id::ID_BYTES,
    socket_io::{Draft, Frame},
};

use crate::{
    close::CloseReason,
    delivery::Delivery,
    effect::DisconnectReason,
    key::{NamespaceKey, SessionKey, SocketKey},
};

/// Something that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Random bytes for identities to come.
    Ids(Vec<[u8; ID_BYTES]>),
    /// A session opened.
    Opened(SessionKey),
    /// A session delivered text.
    Text(SessionKey, &'a str),
    /// A session delivered bytes.
    Bytes(SessionKey, &'a [u8]),
    /// A session ended.
    Closed(SessionKey, CloseReason),
    /// A handler admitted a socket to its namespace.
    Admit(SocketKey),
    /// A handler refused a socket: `message`, and `data` as JSON.
    Refuse(SocketKey, String, Option<String>),
    /// A packet for sockets of a namespace.
    Emit(NamespaceKey, Target, Frame, Delivery),
    /// An event that wants an answer under this token, within this time if one is given.
    Ask(SocketKey, Draft, AckToken, Option<Duration>),
    /// Put a socket into a room.
    Join(SocketKey, String),
    /// Take a socket out of a room.
    Leave(SocketKey, String),
    /// Disconnect a socket from its namespace, or (true) end its whole session. Its handlers hear
    /// the reason; its client hears that it is disconnected.
    Disconnect(SocketKey, bool, DisconnectReason),
    /// A deadline may have passed.
    Timeout,
}

/// Whom a packet is for.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// This socket alone; the rest is ignored then.
    pub socket: Option<SocketKey>,
    /// Sockets in any of these rooms; none named: all of the namespace. Every socket is in the
    /// room of its own id.
    pub rooms: Vec<String>,
    /// But none that is in one of these.
    pub except: Vec<String>,
    /// And not this one.
    pub except_socket: Option<SocketKey>,
    /// Sockets of this shard only.
    pub local: bool,
}

impl Target {
    /// One socket.
    pub fn socket(socket: SocketKey) -> Self {
        Self { socket: Some(socket), ..Self::default() }
    }
}

/// The driver's name for an answer it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AckToken(pub u64);

//! Everything that can happen to a world, as one closed list.
//! Time comes beside it; see [`crate::World::handle`].

use std::time::Duration;

use compact_str::CompactString;
use parlor_shared::{
    id::ID_BYTES,
    socket_io::{Draft, Frame},
};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    close::CloseReason,
    cluster::{Change, Message, Question},
    delivery::Delivery,
    effect::DisconnectReason,
    fault::{self, Fault},
    key::{NamespaceKey, SessionKey, ShardId, SocketKey},
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
    /// A session sends more than it may: its text, or that bytes come next, which are handed in as
    /// usual.
    Excess(SessionKey, Option<&'a str>),
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
    /// A change for sockets of a namespace, on all shards.
    Change(NamespaceKey, Target, Change),
    /// A question that sockets of all shards answer; what came is
    /// [`crate::effect::Effect::Gathered`] under this token.
    Gather(AckToken, Question),
    /// Another shard says something.
    Told(ShardId, Message),
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

/// Names of rooms. One name of up to 24 bytes, as an identity has, costs no memory of its own.
pub type RoomNames = SmallVec<[CompactString; 1]>;

/// Whom a packet is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// This socket alone; the rest is ignored then.
    pub socket: Option<SocketKey>,
    /// Sockets in any of these rooms; none named: all of the namespace. Every socket is in the
    /// room of its own id.
    pub rooms: RoomNames,
    /// But none that is in one of these.
    pub except: RoomNames,
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

    /// True if only sockets of this shard can be meant.
    pub fn is_local(&self) -> bool {
        self.local || self.socket.is_some()
    }

    /// The same for another shard, which knows none of this one's keys.
    pub(crate) fn abroad(&self) -> Self {
        let mut abroad = Self { socket: None, except_socket: None, ..self.clone() };
        if fault::is_planted(Fault::ExceptIgnoredAbroad) {
            abroad.except.clear();
        }
        abroad
    }
}

/// The driver's name for an answer it waits for: below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AckToken(pub u64);

/// Tokens from here on are core's own.
const INTERNAL: u64 = 1 << 63;

impl AckToken {
    pub(crate) fn internal(number: u64) -> Self {
        Self(INTERNAL | number)
    }

    pub(crate) fn is_internal(self) -> bool {
        self.0 & INTERNAL != 0
    }
}

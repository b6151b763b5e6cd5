//! Everything that can happen to a world, as one closed list.
//! Time comes beside it; see [`crate::World::handle`].

use std::{sync::Arc, time::Duration};

use compact_str::CompactString;
use parlor_shared::{
    id::ID_BYTES,
    socket_io::{Draft, Frame},
};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    close::CloseReason,
    cluster::{self, Asker, Change, Message, Question, RawArgs},
    delivery::Delivery,
    effect::DisconnectReason,
    fault::{self, Fault},
    key::{NamespaceKey, Origin, SessionKey, ShardId, SocketKey},
};

/// Something that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Random bytes for identities to come.
    Ids(Vec<[u8; ID_BYTES]>),
    /// A session opened.
    Opened(SessionKey, Origin),
    /// A session delivered text.
    Text(SessionKey, &'a str),
    /// A session delivered bytes.
    Bytes(SessionKey, &'a [u8]),
    /// A session was pinged: what it was sent before is in front of that.
    Pinged(SessionKey),
    /// It has answered: its client has all of that.
    Ponged(SessionKey),
    /// A session sends more than it may: its text, or that it is something else. Bytes are handed
    /// in next, as usual.
    Excess(SessionKey, Option<&'a str>),
    /// A session ended.
    Closed(SessionKey, CloseReason),
    /// Whose socket it is that wants to connect: it gets back only what was theirs.
    Identify(SocketKey, String),
    /// Whose child the namespace is that a socket wants: the answer to
    /// [`Effect::Unlisted`](crate::effect::Effect::Unlisted), if there is one.
    Adopt(SocketKey, NamespaceKey),
    /// A handler admitted a socket to its namespace.
    Admit(SocketKey),
    /// A handler admitted a socket of this account's to `/lobby`, where it is known by that.
    AdmitPlayer(SocketKey, Arc<str>),
    /// A handler refused a socket: `message`, and `data` as JSON.
    Refuse(SocketKey, String, Option<String>),
    /// A packet for sockets of a namespace.
    Emit(Scope, Target, Frame, Delivery),
    /// An event for sockets of all children of a namespace, or of one child. Its offset is written
    /// where sockets can be had back, and does not count elsewhere.
    EmitEach(Scope, Target, Draft, Delivery),
    /// An event that wants an answer under this token, within this time if one is given.
    Ask(SocketKey, Draft, AckToken, Option<Duration>),
    /// A change for sockets of a namespace, on all shards.
    Change(Scope, Target, Change),
    /// A question that sockets of all shards answer; what came is
    /// [`crate::effect::Effect::Gathered`] under this token.
    Gather(AckToken, Question),
    /// An event for the servers of the other shards.
    ServerSide(Draft, Reach),
    /// The same, and what they answer within this time comes as
    /// [`crate::effect::Effect::Gathered`].
    AskServers(AckToken, Draft, Reach, Duration),
    /// What this one answers to [`crate::effect::Effect::ServerSide`], if anything.
    AnswerServer(Asker, Option<RawArgs>),
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

impl Input<'_> {
    /// About how many bytes it keeps while it waits: those that clients may choose the number of.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::Emit(_, target, frame, _) => target.n_bytes() + frame.wire().len(),
            Self::EmitEach(_, target, draft, _) => target.n_bytes() + draft.n_bytes(),
            Self::Change(_, target, change) => target.n_bytes() + change.n_bytes(),
            Self::Gather(_, question) => question.n_bytes(),
            Self::Ask(_, draft, ..)
            | Self::ServerSide(draft, _)
            | Self::AskServers(_, draft, ..) => draft.n_bytes(),
            Self::AnswerServer(_, reply) => reply.as_ref().map_or(0, cluster::raw_n_bytes),
            Self::Told(_, message) => message.n_bytes(),
            Self::Text(_, text) | Self::Excess(_, Some(text)) => text.len(),
            Self::Bytes(_, bytes) => bytes.len(),
            Self::Refuse(_, message, data) => message.len() + data.as_ref().map_or(0, String::len),
            Self::Identify(_, word) | Self::Join(_, word) | Self::Leave(_, word) => word.len(),
            Self::AdmitPlayer(_, player) => player.len(),
            Self::Ids(_)
            | Self::Opened(..)
            | Self::Pinged(_)
            | Self::Ponged(_)
            | Self::Excess(_, None)
            | Self::Closed(..)
            | Self::Adopt(..)
            | Self::Admit(_)
            | Self::Disconnect(..)
            | Self::Timeout => 0,
        }
    }
}

/// Which servers an event is for: one of several shards may emit it, or somebody beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of the other shards.
    Others,
    /// Those of all shards.
    All,
}

/// A namespace by a name that is the same on every shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// One of the server's list; of a parent, all its children.
    Listed(NamespaceKey),
    /// The child of this name. Each shard has it while it has sockets in it.
    Child(Arc<str>),
}

impl From<NamespaceKey> for Scope {
    fn from(key: NamespaceKey) -> Self {
        Self::Listed(key)
    }
}

/// Names of rooms. One name of up to 24 bytes, as an identity has, costs no memory of its own.
pub type RoomNames = SmallVec<[CompactString; 1]>;

/// Whom a packet is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// This socket alone, and the rest is ignored; but if it is gone, those of `rooms` are meant
    /// if any is named: where it can be had back, that is the room of its id.
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

    /// About how many bytes the names of its rooms take.
    pub(crate) fn n_bytes(&self) -> usize {
        let named = self.rooms.iter().chain(&self.except);
        named.map(CompactString::len).sum()
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

//! What a lobby's shard and its members' shards say to each other.
//! A lobby lives on one shard, its members' sockets on any: requests go to the lobby in the order
//! in which each socket made them, and what it pushes comes back in its own order.

use std::sync::Arc;

use parlor_shared::{
    api::lobby::{self as api},
    id::LobbyId,
    socket_io::Frame,
};
use serde::{Deserialize, Serialize};

use super::{
    blocks::{BlockMessage, BlockSet},
    filter::Card,
    online::PresenceMessage,
    quick::QuickMessage,
    request::Request,
    watch::WatchMessage,
    who::Who,
};
use crate::{delivery::Delivery, key::SocketKey};

/// One message. The sender's shard is known from how it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum LobbyMessage {
    /// To a lobby: a socket of the sender's asks something.
    Ask(Ask),
    /// To a lobby: a socket of the sender's is gone.
    Gone(SocketKey),
    /// To any shard: which public lobbies it has. Answered under this number.
    List(u64, Box<api::Filter>),
    /// From it: those that the filter lets through, in its order.
    Listed(u64, Vec<Card>),
    /// About those who seek a seat.
    Quick(QuickMessage),
    /// About listings that are watched.
    Watch(WatchMessage),
    /// About who is online.
    Presence(PresenceMessage),
    /// To a player's home, about whom the player has blocked.
    Block(BlockMessage),
    /// From it, to shards where the player has sockets: all whom the player has blocked.
    BlockSet(Arc<str>, BlockSet),
    /// To a lobby: all whom the player of a socket of the sender's has blocked now.
    Blocked(SocketKey, BlockSet),
    /// From a lobby: the answer to the last request of a socket of the receiver's.
    Answer(Answer),
    /// From a lobby: something for a socket of the receiver's.
    Push(SocketKey, Frame, Delivery),
    /// From a lobby: a socket of the receiver's is in it no more.
    Removed(SocketKey),
    /// From a lobby: a socket of the receiver's comes into the room of its audience, or (false)
    /// leaves it.
    Room(SocketKey, LobbyId, bool),
    /// From a lobby that is no more: these were in its audience.
    Dismissed(LobbyId, Vec<SocketKey>),
    /// From a lobby: another socket has taken this one's place.
    Disconnect(SocketKey),
}

impl From<QuickMessage> for LobbyMessage {
    fn from(message: QuickMessage) -> Self {
        Self::Quick(message)
    }
}

impl From<WatchMessage> for LobbyMessage {
    fn from(message: WatchMessage) -> Self {
        Self::Watch(message)
    }
}

impl From<PresenceMessage> for LobbyMessage {
    fn from(message: PresenceMessage) -> Self {
        Self::Presence(message)
    }
}

/// A request on its way to a lobby.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// Which socket asks.
    pub socket: SocketKey,
    /// Whose it is.
    pub who: Who,
    /// Tells this request from others of the sender's.
    pub number: u64,
    /// What.
    pub request: Request,
    /// Where the answer goes, if one is wanted.
    pub ack: Option<u64>,
    /// The socket is in a lobby of another shard.
    pub is_elsewhere: bool,
    /// Whom the player has blocked, where a request may take the socket into a lobby. `None`: that
    /// is not known, or there is no account.
    pub blocked: Option<BlockSet>,
}

/// The answer on its way back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// Who asked.
    pub socket: SocketKey,
    /// The request's.
    pub number: u64,
    /// The acknowledgement, if one was wanted.
    pub frame: Option<Frame>,
    /// The request may have moved the socket: whether it is in a lobby of the sender's now. `None`
    /// after requests that move nobody.
    pub is_inside: Option<bool>,
    /// The request named something that exists.
    pub is_hit: bool,
}

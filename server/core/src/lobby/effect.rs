//! What lobbies want done, and how their words become frames.
//! When which is said is decided in `machine` and `lobbies`.

use std::time::Duration;

use parlor_shared::{
    api::{Refusal, lobby::Done, lobby::NAMESPACE},
    id::LobbyId,
    socket_io::Frame,
};
use serde::Serialize;

use super::message::LobbyMessage;
use crate::{
    assignment::Assigned,
    delivery::Delivery,
    events,
    key::{Address, ShardId, SocketKey, ViewId},
    seating::Seating,
};

/// What lobbies want done, in order.
#[derive(Debug)]
pub enum LobbyEffect {
    /// Send this to a socket.
    Push(Address, Frame, Delivery),
    /// Send this to the audience of a lobby, on all shards.
    Broadcast(LobbyId, Frame, Delivery),
    /// A socket comes into the room of a lobby's audience, or (false) leaves it.
    Room(Address, LobbyId, bool),
    /// Disconnect a socket of this shard: its place was taken over by another.
    Disconnect(Address),
    /// Tell another shard.
    Tell(ShardId, LobbyMessage),
    /// A socket looks at this view from now on, and at no other. It has just been told the state
    /// that it shows, but as no key.
    Watch {
        /// Who.
        who: Address,
        /// At what.
        view: ViewId,
        /// It can do something with deltas.
        deltas: bool,
    },
    /// A socket looks at nothing any more.
    Unwatch(Address),
    /// A socket has lost what deltas build on.
    Resync(Address),
    /// A view has a new state: see [`super::Lobbies::state`].
    Dirty(ViewId),
    /// What the shard that reserved a lobby, perhaps this one, is to know of it.
    Assigned(ShardId, Assigned),
    /// Something about the seats of a lobby whose players are peers.
    Seating(Seating),
    /// A match took a step.
    Ticked {
        /// How long after it was due.
        late: Duration,
        /// How many ticks before it were left out.
        n_skipped: u64,
    },
}

/// Where what a lobby wants goes.
pub(super) type Pushes = Vec<LobbyEffect>;

/// What is told to sockets of this shard.
pub(super) type Sends = Vec<(SocketKey, Frame)>;

/// Answers a request, if it wants an answer.
pub(super) fn answer<T: Serialize>(
    socket: Address,
    ack: Option<u64>,
    reply: Result<T, Refusal>,
    pushes: &mut Pushes,
) {
    let frame = answer_frame(ack, reply);
    pushes.extend(frame.map(|frame| LobbyEffect::Push(socket, frame, Delivery::Reliable)));
}

/// The acknowledgement of a request, if one is wanted.
pub(super) fn answer_frame<T: Serialize>(
    ack: Option<u64>,
    reply: Result<T, Refusal>,
) -> Option<Frame> {
    events::answer_frame(NAMESPACE, ack, reply)
}

/// The same for a request that is refused.
pub(super) fn refusal_frame(ack: Option<u64>, refusal: Refusal) -> Option<Frame> {
    answer_frame(ack, Err::<Done, _>(refusal))
}

/// An event of `/lobby`, encoded once for all who get it.
pub(super) fn event<T: Serialize>(name: &str, payload: &T) -> Frame {
    events::event(NAMESPACE, name, |draft| draft.arg(payload))
}

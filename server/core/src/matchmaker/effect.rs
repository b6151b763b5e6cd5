//! What the matchmaker wants done, and how its words become frames.

use parlor_shared::{
    api::{Refusal, matchmaking::NAMESPACE},
    socket_io::Frame,
};
use serde::Serialize;

use super::{message::MatchMessage, record::TicketRecord};
use crate::{
    assignment::Reservation,
    delivery::Delivery,
    events,
    key::{Address, ShardId},
};

/// What it wants done, in order.
#[derive(Debug)]
pub enum MatchEffect {
    /// Send this to a socket.
    Push(Address, Frame, Delivery),
    /// A lobby is wanted on this shard.
    Reserve(ShardId, Box<Reservation>),
    /// Tell another shard.
    Tell(ShardId, MatchMessage),
    /// A ticket has ended: for [`MatchmakerSettings::are_recorded`](super::MatchmakerSettings).
    Recorded(Box<TicketRecord>),
}

/// Where what is wanted goes.
pub(super) type Effects = Vec<MatchEffect>;

/// The acknowledgement of a request, if one is wanted.
pub(super) fn answer<T: Serialize>(
    to: Address,
    ack: Option<u64>,
    reply: Result<T, Refusal>,
    effects: &mut Effects,
) {
    let frame = events::answer_frame(NAMESPACE, ack, reply);
    effects.extend(frame.map(|frame| MatchEffect::Push(to, frame, Delivery::Reliable)));
}

/// An event of `/matchmaking`, encoded once for all who get it.
pub(super) fn event<T: Serialize>(name: &str, payload: &T) -> Frame {
    events::event(NAMESPACE, name, |draft| draft.arg(payload))
}

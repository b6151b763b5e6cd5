//! What signaling wants done, and how its words become frames.

use std::time::Duration;

use bytes::Bytes;
use parlor_shared::{
    api::{
        Refusal,
        signal::{NAMESPACE, Via},
    },
    socket_io::{Binary, Frame},
};
use serde::Serialize;

use super::message::SignalMessage;
use crate::{
    delivery::Delivery,
    events,
    key::{Address, ShardId},
};

/// What is wanted, in order.
#[derive(Debug)]
pub enum SignalEffect {
    /// Send this to a socket of any shard.
    Push(Address, Frame, Delivery),
    /// Tell another shard.
    Tell(ShardId, SignalMessage),
    /// A link is direct for the first time: how, and so long after it was opened.
    Direct(Via, Duration),
}

/// Where it goes.
pub(super) type Effects = Vec<SignalEffect>;

/// The acknowledgement of a request, if one is wanted.
pub(super) fn answer_frame<T: Serialize>(
    ack: Option<u64>,
    reply: Result<T, Refusal>,
) -> Option<Frame> {
    events::answer_frame(NAMESPACE, ack, reply)
}

/// An event of `/signal`, encoded once for all who get it.
pub(super) fn event<T: Serialize>(name: &str, payload: &T) -> Frame {
    events::event(NAMESPACE, name, |draft| draft.arg(payload))
}

/// A peer's frame on its way to the other end.
pub(super) fn relayed(name: &str, link: u32, bytes: Bytes) -> Frame {
    events::event(NAMESPACE, name, |draft| {
        draft.arg(&link)?;
        draft.arg(&Binary(bytes))
    })
}

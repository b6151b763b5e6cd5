//! What signaling wants done, and how its words become frames.

use std::time::Duration;

use bytes::Bytes;
use parlor_shared::{
    api::{
        Refusal, Reply,
        signal::{NAMESPACE, Via},
    },
    socket_io::{Binary, Draft, Frame},
};
use serde::Serialize;

use super::message::SignalMessage;
use crate::{
    delivery::Delivery,
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
    let id = ack?;
    let mut draft = Draft::ack();
    let frame = draft.arg(&Reply::from(reply)).and_then(|()| draft.into_ack(NAMESPACE, id));
    Some(frame.expect("types of shared::api have a JSON form and no attachments"))
}

/// An event of `/signal`, encoded once for all who get it.
pub(super) fn event<T: Serialize>(name: &str, payload: &T) -> Frame {
    let write = || {
        let mut draft = Draft::event(name)?;
        draft.arg(payload)?;
        draft.into_event(NAMESPACE, None)
    };
    write().expect("types of shared::api have a JSON form and no attachments")
}

/// A peer's frame on its way to the other end.
pub(super) fn relayed(name: &str, link: u32, bytes: Bytes) -> Frame {
    let write = || {
        let mut draft = Draft::event(name)?;
        draft.arg(&link)?;
        draft.arg(&Binary(bytes))?;
        draft.into_event(NAMESPACE, None)
    };
    write().expect("a number and one attachment can be written")
}

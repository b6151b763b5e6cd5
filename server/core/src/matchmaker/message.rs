//! What the desk's shard, where all tickets are, and the others say to each other.

use parlor_shared::socket_io::Frame;
use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::{delivery::Delivery, key::SocketKey, who::Who};

/// One message. The sender's shard is known from how it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum MatchMessage {
    /// To the desk: a socket of the sender's asks something; the answer goes to this ack id, if it
    /// wants one.
    Ask(SocketKey, Who, Box<Request>, Option<u64>),
    /// To the desk: a socket of the sender's that had asked something is gone.
    Gone(SocketKey),
    /// From the desk: something for a socket of the receiver's.
    Push(SocketKey, Frame, Delivery),
}

impl MatchMessage {
    /// About how many bytes it keeps while it waits: those that clients choose the number of.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::Ask(_, _, request, _) => request.n_bytes(),
            Self::Push(_, frame, _) => frame.wire().len(),
            Self::Gone(_) => 0,
        }
    }
}

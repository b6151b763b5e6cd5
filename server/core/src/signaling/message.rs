//! What a hub's shard and the shards of its peers' sockets say to each other. A hub is where its
//! lobby is; from one shard to another all arrives in order.

use parlor_shared::socket_io::Frame;
use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::{delivery::Delivery, key::SocketKey};

/// One message. The sender's shard is known from how it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum SignalMessage {
    /// To a hub: a socket of the sender's asks something; the answer goes to this ack id. How often
    /// it has asked to join stands behind.
    Ask(SocketKey, Request, Option<u64>, u32),
    /// To a hub: a socket of the sender's is gone.
    Gone(SocketKey),
    /// From a hub: something for a socket of the receiver's.
    Push(SocketKey, Frame, Delivery),
    /// From a hub: a socket of the receiver's is no peer, as which it had asked so often to join.
    Released(SocketKey, u32),
}

impl SignalMessage {
    /// About how many bytes it keeps while it waits: those that clients choose the number of.
    pub(crate) fn n_bytes(&self) -> usize {
        match self {
            Self::Ask(_, request, ..) => request.n_bytes(),
            Self::Push(_, frame, _) => frame.wire().len(),
            Self::Gone(_) | Self::Released(..) => 0,
        }
    }

    /// True if it may be dropped where there is no room for it.
    pub fn is_volatile(&self) -> bool {
        match self {
            Self::Ask(_, request, ..) => matches!(request, Request::Volatile(..)),
            Self::Push(_, _, delivery) => delivery.is_volatile(),
            Self::Gone(_) | Self::Released(..) => false,
        }
    }
}

//! What shards tell each other about views: the owner what there is to see, and who looks.
//! How it travels is the cluster's matter; messages of one shard to another arrive in order.

use serde::{Deserialize, Serialize};

use crate::key::{SocketKey, ViewId};

/// From the shard that owns a view to one that has clients looking at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViewMessage {
    /// A socket of yours looks at it now; what it had of it before does not count.
    Watch {
        /// At what.
        view: ViewId,
        /// Who.
        socket: SocketKey,
        /// It can do something with deltas.
        deltas: bool,
    },
    /// It does not any more.
    Unwatch {
        /// At what.
        view: ViewId,
        /// Who.
        socket: SocketKey,
    },
    /// It has lost what deltas build on.
    Resync {
        /// Of what.
        view: ViewId,
        /// Who.
        socket: SocketKey,
    },
    /// A whole state, which is a key: later deltas build on it.
    Full {
        /// Of what.
        view: ViewId,
        /// Number of the state.
        n: u64,
        /// The state as JSON.
        text: String,
    },
    /// The newest state, as what differs from the last `Full`.
    Delta {
        /// Of what.
        view: ViewId,
        /// Number of that `Full`.
        key: u64,
        /// Number of the state.
        n: u64,
        /// The delta as JSON.
        text: String,
    },
    /// There is no such view any more; nobody of yours looks at it.
    Gone {
        /// Which.
        view: ViewId,
    },
}

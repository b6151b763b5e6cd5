//! How much a packet matters on its way to a client that may be slow.
//! What is done about it is decided in `engine_io`.

use serde::{Deserialize, Serialize};

/// How much a frame matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// Arrives, in order, or the session ends.
    Reliable,
    /// Only the newest under this key counts: while the client is blocked it replaces the last.
    Volatile {
        /// Made of the namespace and the event, or chosen.
        key: u64,
    },
}

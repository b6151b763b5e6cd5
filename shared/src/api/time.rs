//! The event `time`, in `/` and `/lobby`: the server's clock, and how far away a client is,
//! measured by the server.
//!
//! ```js
//! const ask = (echo) => socket.emitWithAck("time", echo && { echo });
//! const { echo } = await ask();
//! const sent = performance.now();
//! const { server_ms, rtt_ms } = await ask(echo);
//! const offset = server_ms - (sent + performance.now()) / 2; // the server's clock is ahead by it
//! ```

use serde::{Deserialize, Serialize};

/// Name of the event; answered by a [`super::Reply`] of [`Told`].
pub const TIME: &str = "time";

/// The argument; absent: as if it were empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// [`Told::echo`] of the answer that came just now: the time from that answer to this request
    /// is a round trip. Ask at once, or it looks longer than it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<String>,
}

/// What time it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The server's clock, in milliseconds since the Unix epoch: the one that states and pushes of
    /// `/lobby` tell times of. It does not jump while the server runs.
    pub server_ms: u64,
    /// Milliseconds between the answer with the [`Ask::echo`] and this request, in thousandths:
    /// there is no way for a client to make it shorter. Absent without an echo, or if that is
    /// another socket's, or older than 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    /// What to send back at once; nobody can guess it.
    pub echo: String,
}

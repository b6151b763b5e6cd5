//! What an operator may choose about sessions. Reading them from a file is the server's part.

use std::time::Duration;

/// Timers and limits of every session of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// From the opening, and from each pong, to the next ping.
    pub ping_interval: Duration,
    /// From a ping to the end of the session if nothing comes.
    pub ping_timeout: Duration,
    /// From the opening of a second transport to its end if it has not taken over.
    pub upgrade_timeout: Duration,
    /// Most bytes of one message or polling payload, in both directions; told to the client.
    pub max_payload: usize,
    /// Bytes that may wait for a blocked client; the packet that passes it ends the session.
    /// One client costs at most this, one packet with its attachments, `max_burst_bytes`, and as
    /// much as this in volatile packets.
    pub max_queue_bytes: usize,
    /// Bytes that one turn may queue, beside what it queues later, for a client that had less than
    /// [`HIGH_WATER_BYTES`](super::HIGH_WATER_BYTES) waiting: it has read what it could. The first
    /// packet of these may pass it. 0: none, such a client waits like any other.
    pub max_burst_bytes: usize,
    /// Packets that may wait for a blocked client, whatever their size; the one that passes it ends
    /// the session. A client that polls is blocked between two polls, and gets 16 with each.
    pub max_queue_packets: usize,
    /// Volatile kinds (events, or keys) and views of which the newest waits for a blocked client:
    /// with one more, or with `max_queue_bytes` of them, the oldest is dropped.
    pub max_volatile_keys: usize,
    /// A client that has data waiting and accepts no byte for this long is cut.
    pub write_stall_timeout: Duration,
    /// How long a closing session waits for the poll, or the room, to say good-bye by.
    pub close_timeout: Duration,
}

impl Default for Settings {
    /// The timers and `max_payload` of socket.io 4.8; the limits it has none for.
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(20_000),
            upgrade_timeout: Duration::from_millis(10_000),
            max_payload: 1_000_000,
            max_queue_bytes: 1 << 20,
            max_burst_bytes: 4 << 20,
            max_queue_packets: 16_384,
            max_volatile_keys: 256,
            write_stall_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(30),
        }
    }
}

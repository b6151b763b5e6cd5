//! Engine.IO protocol v4 as values: packets, polling payloads, the handshake.
//! When each is sent is decided in `parlor-core`.
//! Source: Engine.IO protocol v4.

mod handshake;
mod packet;
mod payload;

pub use handshake::{Handshake, HandshakeError};
pub use packet::{Packet, ParseError};
pub use payload::{MAX_PACKETS_IN, MAX_PACKETS_OUT, SEPARATOR, decode_payload, write_packet};

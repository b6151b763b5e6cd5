//! The greeting of a session, and the errors that a request is refused with instead.
//! Source: Engine.IO protocol v4, § Handshake; socket.io 4.8 for codes and bodies.

use serde::{Deserialize, Serialize};

/// The data of the `open` packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// The session.
    pub sid: String,
    /// Transports the client may go over to.
    pub upgrades: Vec<String>,
    /// Milliseconds between pings.
    pub ping_interval: u64,
    /// Milliseconds within which a pong must follow.
    pub ping_timeout: u64,
    /// Most bytes of one payload or message.
    pub max_payload: u64,
}

/// Why a request is refused before it reaches a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeError {
    /// `transport` is missing or none that is served.
    TransportUnknown,
    /// No session has this `sid`.
    SidUnknown,
    /// Without `sid` only GET opens a session.
    BadMethod,
    /// The request contradicts itself or the session.
    BadRequest,
    /// Not admitted.
    Forbidden,
    /// `EIO` is not 4.
    UnsupportedVersion,
}

impl HandshakeError {
    /// The number in the body.
    pub fn code(self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SidUnknown => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The sentence in the body.
    pub fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SidUnknown => "Session ID unknown",
            Self::BadMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        if self == Self::Forbidden { 403 } else { 400 }
    }

    /// The JSON body, byte for byte as the reference server writes it.
    pub fn body(self) -> String {
        format!(r#"{{"code":{},"message":"{}"}}"#, self.code(), self.message())
    }
}

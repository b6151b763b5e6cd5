//! What can go wrong in a client: with the opening, with what the server sends, with what the
//! program wants to send, and with the network underneath.

use std::io;

use parlor_shared::{
    engine_io,
    socket_io::{EncodeError, PacketError},
    websocket::{Violation, close_code},
};

use super::{
    address::Address,
    event::{CloseReason, ConnectRefusal},
};

/// Why a server's answer to the opening handshake does not open a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// It answers something other than HTTP/1.1; probably it is no web server.
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    /// The head of the answer is over 16 KiB.
    #[error("the head of the answer is too long")]
    HeadTooLong,
    /// It says no; the message tells why.
    #[error("the server refused with status {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the body says, as far as it can be shown.
        message: String,
    },
    /// Status 101, but this header does not say what it must (RFC 6455 § 4.1).
    #[error("the answer has no valid `{0}` header")]
    Header(&'static str),
    /// `Sec-WebSocket-Accept` does not belong to our key: something in between answered.
    #[error("the server's accept key does not match")]
    AcceptKey,
    /// It chose an extension or a protocol that nobody offered.
    #[error("the server chose `{0}`, which was not offered")]
    NotOffered(&'static str),
    /// The connection ended before the answer did.
    #[error("the server hung up before it had answered")]
    Ended,
}

/// What the server did wrong, or failed to do. The session is over; a new one may be tried.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The opening handshake failed.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// No session was open in time.
    #[error("the server did not open a session in time")]
    OpeningTimeout,
    /// No ping came for longer than the handshake promised.
    #[error("the server has gone silent")]
    PingTimeout,
    /// The stream ended without a farewell.
    #[error("the connection was lost")]
    ConnectionLost,
    /// A rule of WebSocket was broken, or a message is over the limit.
    #[error("WebSocket: {0}")]
    WebSocket(#[from] Violation),
    /// A message that is no Engine.IO packet.
    #[error("Engine.IO: {0}")]
    EnginePacket(#[from] engine_io::ParseError),
    /// The first message is not a readable `open` packet.
    #[error("the first message is no Engine.IO greeting")]
    Greeting,
    /// A packet that may not come over WebSocket from a server, or not a second time.
    #[error("a packet that a server may not send now")]
    UnexpectedPacket,
    /// A message that is no Socket.IO packet.
    #[error("Socket.IO: {0}")]
    SocketPacket(#[from] PacketError),
    /// Bytes that no packet announced.
    #[error("binary data that no packet announced")]
    StrayAttachment,
    /// A packet came while attachments of the one before were missing.
    #[error("a packet came before the attachments of the last one were complete")]
    MissingAttachment,
    /// A packet and its attachments are over the limit for one message.
    #[error("a packet with its attachments is too big")]
    AttachmentsTooBig,
    /// The welcome to a namespace has no socket id.
    #[error("the answer to CONNECT has no sid")]
    NoSocketId,
    /// The refusal of a namespace has no message.
    #[error("the refusal of CONNECT has no message")]
    NoMessage,
    /// An acknowledgement of something that was never asked.
    #[error("an acknowledgement of something that was never asked ({0})")]
    UnaskedAnswer(u64),
}

impl ClientError {
    /// The close code that tells the server; `None` when no WebSocket is open to send it on.
    pub(super) fn close_code(&self) -> Option<u16> {
        match self {
            Self::Opening(_) | Self::OpeningTimeout | Self::ConnectionLost => None,
            Self::PingTimeout => Some(close_code::GOING_AWAY),
            Self::WebSocket(violation) => Some(violation.code),
            Self::AttachmentsTooBig => Some(close_code::TOO_BIG),
            _ => Some(close_code::PROTOCOL_ERROR),
        }
    }
}

/// Why something could not be sent; nothing was, and the session is unharmed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No session is open (yet, or any more).
    #[error("no session is open")]
    NotOpen,
    /// This namespace is not connected.
    #[error("the namespace `{0}` is not connected")]
    NotConnected(String),
    /// This namespace is connected, or about to be, already.
    #[error("the namespace `{0}` is connected already")]
    AlreadyConnected(String),
    /// A namespace begins with `/`, is at most 256 bytes long and holds no `,` or `?`.
    #[error("`{0}` is no name of a namespace")]
    Namespace(String),
    /// The payload of CONNECT must be an object, or `()`.
    #[error("the auth payload is no object")]
    Auth,
    /// More namespaces than one session may have.
    #[error("too many namespaces in one session")]
    TooManyNamespaces,
    /// More unanswered questions than one session may have.
    #[error("too many unanswered questions")]
    TooManyAsks,
    /// The packet is larger than the server takes.
    #[error("{bytes} bytes, and the server takes {limit}")]
    TooBig {
        /// Of the packet with its attachments.
        bytes: usize,
        /// What the server takes.
        limit: usize,
    },
    /// It has no wire form.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a connection is of no use, or a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The host's name leads nowhere.
    #[error("the host `{host}` was not found: {source}")]
    Host {
        /// As given.
        host: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nothing listens there, or nothing answers.
    #[error("cannot connect to {address}: {source}")]
    Unreachable {
        /// As given.
        address: Address,
        /// What the operating system says.
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Entropy(getrandom::Error),
    /// Reading or writing failed.
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
    /// The server takes no bytes.
    #[error("the server has stopped reading")]
    Stalled,
    /// The server did something wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing was sent; the connection is unharmed.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The session is over.
    #[error(transparent)]
    Closed(#[from] CloseReason),
    /// The server took this client out of the namespace.
    #[error("the server disconnected this client from `{0}`")]
    Disconnected(String),
    /// The server refuses the namespace.
    #[error("the server refuses the namespace `{namespace}`: {}", refusal.message)]
    Refused {
        /// Which.
        namespace: String,
        /// Why.
        refusal: ConnectRefusal,
    },
    /// The answer did not come in time; it may still come, and is dropped then.
    #[error("no answer to `{0}` came in time")]
    NoAnswer(String),
    /// More than 4096 events came while an answer was awaited.
    #[error("too many events came before the answer")]
    Backlog,
}

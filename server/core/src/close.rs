//! Why sessions end: who did it, and whether the client may come back.
//! When they end is decided in `engine_io` and `socket_io`.

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed its transport, or said it would.
    TransportClose,
    /// The transport failed, or was used against its rules.
    TransportError,
    /// No pong in time.
    PingTimeout,
    /// A packet or payload could not be read.
    ParseError,
    /// A Socket.IO packet could not be read or was out of place.
    ForcedClose,
    /// No namespace was joined in time, or a handler asked for it.
    ForcedServerClose,
    /// The server shuts down.
    ServerShuttingDown,
    /// More was waiting for the client than may be, or it accepted nothing for too long.
    SlowConsumer,
    /// The client sent more of something than it may.
    PolicyViolation,
    /// Its client has come back by another session.
    TakenOver,
    /// What the client sent along with its CONNECT is larger than that may be.
    AuthTooLarge,
    /// A packet and its attachments are larger than they may be together.
    PacketTooLarge,
}

/// Who ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client or the network between.
    ByPeer,
    /// The server, for something the client did.
    ForMisbehaviour,
    /// The server, for reasons of its own.
    ByServer,
}

impl CloseReason {
    /// All of them, for tables.
    pub const ALL: [Self; 12] = [
        Self::TransportClose,
        Self::TransportError,
        Self::PingTimeout,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
        Self::ServerShuttingDown,
        Self::SlowConsumer,
        Self::PolicyViolation,
        Self::TakenOver,
        Self::AuthTooLarge,
        Self::PacketTooLarge,
    ];

    /// The words that socket.io's users know, and some of our own.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
            Self::SlowConsumer => "slow consumer",
            Self::PolicyViolation => "policy violation",
            Self::TakenOver => "session taken over",
            Self::AuthTooLarge => "auth too large",
            Self::PacketTooLarge => "packet too large",
        }
    }

    /// Who ended it.
    pub fn ended(self) -> Ended {
        match self {
            Self::TransportClose | Self::TransportError | Self::PingTimeout => Ended::ByPeer,
            Self::ParseError
            | Self::ForcedClose
            | Self::SlowConsumer
            | Self::PolicyViolation
            | Self::AuthTooLarge
            | Self::PacketTooLarge => Ended::ForMisbehaviour,
            Self::ForcedServerClose | Self::ServerShuttingDown | Self::TakenOver => Ended::ByServer,
        }
    }

    /// True if what its sockets have is kept for a while, where that is wanted. A server that shuts
    /// down keeps nothing, and who has broken a limit starts anew.
    pub fn is_recoverable(self) -> bool {
        match self {
            Self::TransportClose
            | Self::TransportError
            | Self::PingTimeout
            | Self::ForcedClose
            | Self::ForcedServerClose
            | Self::SlowConsumer
            | Self::TakenOver => true,
            Self::ParseError
            | Self::ServerShuttingDown
            | Self::PolicyViolation
            | Self::AuthTooLarge
            | Self::PacketTooLarge => false,
        }
    }

    /// True if the same client may well come back and do better.
    pub fn may_reconnect(self) -> bool {
        self.ended() == Ended::ByPeer
            || matches!(self, Self::SlowConsumer | Self::ServerShuttingDown)
    }
}

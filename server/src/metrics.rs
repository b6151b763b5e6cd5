//! What is counted, and how Prometheus reads it. Counted where it is decided or carried out;
//! labels come from closed lists only.

use std::sync::atomic::AtomicU64;

use parlor_core::{close::CloseReason, engine_io::Transport};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

type Count = Counter<u64, AtomicU64>;

/// All metrics of a server; cloning shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_refused: Count,
    pub(crate) sessions: Family<ByTransport, Gauge>,
    pub(crate) sessions_opened: Family<ByTransport, Count>,
    pub(crate) sessions_refused: Count,
    pub(crate) sessions_closed: Family<ByReason, Count>,
    pub(crate) upgrades: Family<ByResult, Count>,
    pub(crate) messages_received: Count,
    pub(crate) bytes_received: Count,
    pub(crate) frames_sent: Count,
    pub(crate) bytes_sent: Count,
    pub(crate) volatile_replaced: Count,
    pub(crate) volatile_dropped: Count,
    pub(crate) handler_panics: Count,
    pub(crate) handlers_running: Gauge,
    pub(crate) events_refused: Family<ByCause, Count>,
    pub(crate) emits_refused: Count,
    pub(crate) sockets: Gauge,
    pub(crate) lobbies: Gauge,
    pub(crate) matches: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByTransport {
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByReason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByCause {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByResult {
    result: &'static str,
}

impl Metrics {
    pub(crate) fn opened(&self, transport: Transport) {
        let label = ByTransport { transport: transport.as_str() };
        self.sessions.get_or_create(&label).inc();
        self.sessions_opened.get_or_create(&label).inc();
    }

    pub(crate) fn closed(&self, transport: Transport, reason: CloseReason) {
        self.sessions.get_or_create(&ByTransport { transport: transport.as_str() }).dec();
        self.sessions_closed.get_or_create(&ByReason { reason: reason.as_str() }).inc();
    }

    pub(crate) fn upgraded(&self) {
        let gauge = |transport: Transport| {
            self.sessions.get_or_create(&ByTransport { transport: transport.as_str() }).clone()
        };
        gauge(Transport::Polling).dec();
        gauge(Transport::WebSocket).inc();
        self.upgrades.get_or_create(&ByResult { result: "upgraded" }).inc();
    }

    pub(crate) fn upgrade_failed(&self) {
        self.upgrades.get_or_create(&ByResult { result: "dropped" }).inc();
    }

    /// An event's arguments are not what its handler takes.
    pub(crate) fn refused_arguments(&self) {
        self.events_refused.get_or_create(&ByCause { cause: "arguments" }).inc();
    }

    /// A middleware kept an event from its handler.
    pub(crate) fn refused_by_middleware(&self) {
        self.events_refused.get_or_create(&ByCause { cause: "middleware" }).inc();
    }

    /// The page that `/metrics` answers with.
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("parlor");
        let r = &mut registry;
        r.register("connections", "TCP connections open", self.connections.clone());
        r.register(
            "connections_refused",
            "TCP connections refused because their address has as many as it may",
            self.connections_refused.clone(),
        );
        r.register("sessions", "Engine.IO sessions open", self.sessions.clone());
        r.register("sessions_opened", "Engine.IO sessions opened", self.sessions_opened.clone());
        r.register(
            "sessions_refused",
            "Handshakes refused because their address has as many sessions as it may",
            self.sessions_refused.clone(),
        );
        r.register("sessions_closed", "Engine.IO sessions ended", self.sessions_closed.clone());
        r.register("upgrades", "Upgrades from polling to WebSocket", self.upgrades.clone());
        r.register("messages_received", "Messages from clients", self.messages_received.clone());
        r.register("bytes_received", "Bytes of messages", self.bytes_received.clone());
        r.register("frames_sent", "Frames handed to sessions", self.frames_sent.clone());
        r.register("bytes_sent", "Bytes written to clients", self.bytes_sent.clone());
        r.register(
            "volatile_replaced",
            "Volatile frames that a newer one replaced",
            self.volatile_replaced.clone(),
        );
        r.register("handler_panics", "Handlers that panicked", self.handler_panics.clone());
        r.register("handlers_running", "Async handlers at work", self.handlers_running.clone());
        r.register(
            "events_refused",
            "Events kept from their handlers, by what refused them",
            self.events_refused.clone(),
        );
        r.register(
            "emits_refused",
            "Emits of other threads refused because a shard had as much to do as it may",
            self.emits_refused.clone(),
        );
        r.register(
            "volatile_dropped",
            "Volatile broadcasts that another shard could not take",
            self.volatile_dropped.clone(),
        );
        r.register("sockets", "Socket.IO sockets", self.sockets.clone());
        r.register("lobbies", "Lobbies", self.lobbies.clone());
        r.register("matches", "Matches being played", self.matches.clone());
        registry
    }
}

/// The registry as text.
pub(crate) fn render(registry: &Registry) -> String {
    let mut page = String::new();
    encode(&mut page, registry).expect("writing to memory cannot fail");
    page
}

//! What is counted, and how Prometheus reads it. Counted where it is decided or carried out;
//! labels come from closed lists only.

use std::{sync::atomic::AtomicU64, time::Duration};

use parlor_core::{close::CloseReason, engine_io::Transport};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

mod matchmaking;
mod signaling;
pub(crate) use matchmaking::Matched;
pub(crate) use signaling::Signaled;

type Count = Counter<u64, AtomicU64>;

/// Adds to a counter, which is there from its first one on.
fn grow<L: Clone + std::hash::Hash + Eq + std::fmt::Debug>(
    family: &Family<L, Count>,
    labels: &L,
    n: u64,
) {
    if n > 0 {
        family.get_or_create(labels).inc_by(n);
    }
}

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
    pub(crate) acks_unasked: Count,
    pub(crate) volatile_replaced: Count,
    pub(crate) volatile_dropped: Count,
    pub(crate) states_coalesced: Count,
    pub(crate) views_encoded: Family<ByKind, Count>,
    pub(crate) connections_blocked: Gauge,
    pub(crate) ticks: Family<ByShard, Count>,
    pub(crate) ticks_skipped: Family<ByShard, Count>,
    pub(crate) tick_lateness: LatenessByShard,
    pub(crate) every_calls: Count,
    pub(crate) every_skipped: Count,
    pub(crate) every_lateness: Lateness,
    pub(crate) auth_failed: Count,
    pub(crate) forwarded_untrusted: Count,
    pub(crate) handler_panics: Count,
    pub(crate) handlers_running: Gauge,
    pub(crate) events_refused: Family<ByCause, Count>,
    pub(crate) emits_refused: Count,
    pub(crate) recovered: Count,
    pub(crate) sockets_parked: Gauge,
    pub(crate) sockets: Gauge,
    pub(crate) peers: Gauge,
    pub(crate) links: Gauge,
    pub(crate) links_direct: Gauge,
    pub(crate) signaling: Signaled,
    pub(crate) matchmaking: Matched,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByShard {
    shard: u32,
}

/// How late ticks are: from 100 µs to 1.6 s, each step twice the last.
#[derive(Debug, Clone)]
pub(crate) struct Lateness(Histogram);

impl Default for Lateness {
    fn default() -> Self {
        Self(histogram_of_lateness())
    }
}

/// The same on each shard.
#[derive(Debug, Clone)]
pub(crate) struct LatenessByShard(Family<ByShard, Histogram, fn() -> Histogram>);

impl Default for LatenessByShard {
    fn default() -> Self {
        Self(Family::new_with_constructor(histogram_of_lateness))
    }
}

fn histogram_of_lateness() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 15))
}

/// What is counted of the ticks of one shard.
#[derive(Debug)]
pub(crate) struct Ticks {
    n: Count,
    n_skipped: Count,
    lateness: Histogram,
}

impl Ticks {
    /// A match took a step.
    pub(crate) fn ticked(&self, late: Duration, n_skipped: u64) {
        self.n.inc();
        self.n_skipped.inc_by(n_skipped);
        self.lateness.observe(late.as_secs_f64());
    }
}

impl Metrics {
    /// Those of one shard.
    pub(crate) fn ticks_of(&self, shard: u8) -> Ticks {
        let of = ByShard { shard: shard.into() };
        Ticks {
            n: self.ticks.get_or_create(&of).clone(),
            n_skipped: self.ticks_skipped.get_or_create(&of).clone(),
            lateness: self.tick_lateness.0.get_or_create(&of).clone(),
        }
    }

    /// A function that is called once per period was called.
    pub(crate) fn called(&self, late: Duration, n_skipped: u64) {
        self.every_calls.inc();
        self.every_skipped.inc_by(n_skipped);
        self.every_lateness.0.observe(late.as_secs_f64());
    }

    pub(crate) fn encoded(&self, kind: &'static str, n: u64) {
        self.views_encoded.get_or_create(&ByKind { kind }).inc_by(n);
    }

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
        r.register(
            "states_coalesced",
            "States of views that a newer one replaced before their client could take them",
            self.states_coalesced.clone(),
        );
        r.register(
            "views_encoded",
            "Frames made of views, whole states and deltas; each is shared by all who get it",
            self.views_encoded.clone(),
        );
        r.register(
            "connections_blocked",
            "WebSockets whose client takes no more bytes just now",
            self.connections_blocked.clone(),
        );
        r.register("ticks", "Ticks of matches", self.ticks.clone());
        r.register(
            "ticks_skipped",
            "Ticks left out because of lateness",
            self.ticks_skipped.clone(),
        );
        r.register(
            "tick_lateness_seconds",
            "How long after it was due a tick was played",
            self.tick_lateness.0.clone(),
        );
        r.register("every_calls", "Calls of functions due once a period", self.every_calls.clone());
        r.register(
            "every_skipped",
            "Calls of such functions left out because their shard was busy for over a period",
            self.every_skipped.clone(),
        );
        r.register(
            "every_lateness_seconds",
            "How long after it was due such a function was called",
            self.every_lateness.0.clone(),
        );
        r.register("auth_failed", "Tokens that were not accepted", self.auth_failed.clone());
        r.register(
            "forwarded_untrusted",
            "Handshakes said to be forwarded by who is not among proxy.trusted",
            self.forwarded_untrusted.clone(),
        );
        r.register("handler_panics", "Handlers that panicked", self.handler_panics.clone());
        r.register("handlers_running", "Async handlers at work", self.handlers_running.clone());
        r.register(
            "events_refused",
            "Events kept from their handlers, by what refused them",
            self.events_refused.clone(),
        );
        r.register(
            "acks_unasked",
            "Acknowledgements of clients that nobody had asked for, or that came too late",
            self.acks_unasked.clone(),
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
        r.register(
            "sockets_parked",
            "Socket.IO sockets whose clients are away and may come back",
            self.sockets_parked.clone(),
        );
        r.register(
            "sockets_recovered",
            "Socket.IO sockets that clients have got back",
            self.recovered.clone(),
        );
        r.register("peers", "Peers of lobbies", self.peers.clone());
        r.register("links", "Links between peers", self.links.clone());
        r.register(
            "links_direct",
            "Links between peers whose ends both say that they are direct",
            self.links_direct.clone(),
        );
        self.signaling.register(r);
        self.matchmaking.register(r);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_for_each_shard() {
        let metrics = Metrics::default();
        let shards = [0, 1].map(|shard| metrics.ticks_of(shard));
        shards[0].ticked(Duration::from_millis(1), 0);
        shards[1].ticked(Duration::from_millis(60), 3);
        shards[1].ticked(Duration::from_micros(10), 0);
        let page = render(&metrics.registry());
        for line in [
            "parlor_ticks_total{shard=\"0\"} 1",
            "parlor_ticks_total{shard=\"1\"} 2",
            "parlor_ticks_skipped_total{shard=\"1\"} 3",
            "parlor_tick_lateness_seconds_bucket{le=\"0.0512\",shard=\"0\"} 1",
            "parlor_tick_lateness_seconds_bucket{le=\"0.0512\",shard=\"1\"} 1",
            "parlor_tick_lateness_seconds_count{shard=\"1\"} 2",
        ] {
            assert!(page.lines().any(|told| told == line), "{line} in {page}");
        }
    }
}

//! What is counted of queues: who waits and for how long, how far apart those are who play, and how
//! tickets end. Matches and tickets in a minute are what Prometheus makes of the counters (`rate`).

use std::sync::atomic::AtomicU64;

use parlor_core::matchmaker::QueueFigures;

use super::{Count, EncodeLabelSet, Family, Gauge, Registry, grow};

/// A figure with a fraction.
type Fraction = Gauge<f64, AtomicU64>;

/// The metrics; cloning shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matched {
    tickets: Family<ByQueue, Gauge>,
    players: Family<ByQueue, Gauge>,
    waits: Family<ByQuantile, Fraction>,
    gaps: Family<ByQuantile, Fraction>,
    matches: Family<ByQueue, Count>,
    handed_in: Family<ByQueue, Count>,
    ended: Family<ByEnd, Count>,
}

/// Queues are named in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQueue {
    queue: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQuantile {
    queue: String,
    quantile: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEnd {
    queue: String,
    reason: String,
}

impl Matched {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("queue_tickets", "Tickets that wait", self.tickets.clone());
        r.register("queue_players", "Players of tickets that wait", self.players.clone());
        r.register(
            "queue_wait_seconds",
            "How long the last 256 tickets waited that were matched",
            self.waits.clone(),
        );
        r.register(
            "queue_rating_gap",
            "How far the teams of the last 256 matches were apart in rating",
            self.gaps.clone(),
        );
        r.register("queue_matches", "Matches that have begun", self.matches.clone());
        r.register("queue_tickets_created", "Tickets handed in", self.handed_in.clone());
        r.register("queue_tickets_ended", "Tickets ended, by reason", self.ended.clone());
    }

    /// How it stands with a queue, and how it stood when it was last said.
    pub(crate) fn tell(&self, name: &str, before: &QueueFigures, now: &QueueFigures) {
        let queue = || name.to_owned();
        let of_queue = ByQueue { queue: queue() };
        self.tickets.get_or_create(&of_queue).set(now.n_waiting as i64);
        self.players.get_or_create(&of_queue).set(now.n_players as i64);
        grow(&self.matches, &of_queue, now.n_matches - before.n_matches);
        grow(&self.handed_in, &of_queue, now.n_tickets - before.n_tickets);
        let both = [(&self.waits, now.waits_ms, 1000.0), (&self.gaps, now.gaps, 1.0)];
        for (family, percentiles, unit) in both {
            let Some((p50, p95)) = percentiles else { continue };
            for (quantile, value) in [("0.5", p50), ("0.95", p95)] {
                let labels = ByQuantile { queue: queue(), quantile };
                family.get_or_create(&labels).set(f64::from(value) / unit);
            }
        }
        for (reason, n) in &now.ended {
            let n_before = before.ended.get(reason).copied().unwrap_or_default();
            let word = serde_json::to_value(reason).ok();
            let reason = word.as_ref().and_then(|word| word.as_str()).unwrap_or("other");
            let labels = ByEnd { queue: queue(), reason: reason.to_owned() };
            grow(&self.ended, &labels, n - n_before);
        }
    }
}

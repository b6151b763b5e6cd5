//! What is counted of peers and their links: how many became direct and how soon, what is relayed,
//! and what is refused.

use std::time::Duration;

use parlor_core::signaling::{DROP_REASONS, REJECTED_CODES, SignalFigures};
use parlor_shared::api::signal::Via;

use super::{Count, EncodeLabelSet, Family, Histogram, Registry, exponential_buckets, grow};

/// Names of [`Via`], in its order.
const VIAS: [&str; 4] = ["host", "srflx", "prflx", "turn"];
/// Names of the ways, in the order of [`parlor_shared::api::signal::Path`].
const PATHS: [&str; 2] = ["relay", "direct"];
/// Names of [`parlor_shared::api::signal::SwitchReason`], in its order.
const SWITCH_REASONS: [&str; 5] = ["probed", "silent", "closed", "forced", "flapping"];
/// Kinds of frames, in the order of [`SignalFigures::frames`].
const CLASSES: [&str; 2] = ["reliable", "volatile"];

/// The counters; cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Signaled {
    opened: Count,
    results: Family<ByResult, Count>,
    time_to_direct: Histogram,
    switches: Family<ByPath, Count>,
    signals: Count,
    rejected: Family<ByCode, Count>,
    frames: Family<ByClass, Count>,
    bytes: Family<ByClass, Count>,
    dropped: Family<ByCause, Count>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPath {
    to: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByClass {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCause {
    cause: &'static str,
}

impl Default for Signaled {
    fn default() -> Self {
        Self {
            opened: Count::default(),
            results: Family::default(),
            // From 10 ms to 82 s, each step twice the last.
            time_to_direct: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            switches: Family::default(),
            signals: Count::default(),
            rejected: Family::default(),
            frames: Family::default(),
            bytes: Family::default(),
            dropped: Family::default(),
        }
    }
}

impl Signaled {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("links_opened", "Links between peers opened", self.opened.clone());
        r.register(
            "links_by_result",
            "Links that became direct, by the farther candidate, or ended without having been",
            self.results.clone(),
        );
        r.register(
            "link_time_to_direct_seconds",
            "From a link's opening until both its ends say that it is direct",
            self.time_to_direct.clone(),
        );
        r.register(
            "link_switches",
            "Changes of path that ends of links report",
            self.switches.clone(),
        );
        r.register("signals", "Descriptions and candidates passed on", self.signals.clone());
        r.register("signals_rejected", "Requests of /signal refused", self.rejected.clone());
        r.register("relay_frames", "Frames relayed between peers", self.frames.clone());
        r.register("relay_bytes", "Bytes of them", self.bytes.clone());
        r.register("relay_dropped", "Frames between peers dropped", self.dropped.clone());
    }

    /// A link is direct for the first time.
    pub(crate) fn direct(&self, via: Via, after: Duration) {
        self.time_to_direct.observe(after.as_secs_f64());
        self.results.get_or_create(&ByResult { result: VIAS[via as usize] }).inc();
    }

    /// What has been counted between two moments.
    pub(crate) fn add(&self, before: &SignalFigures, now: &SignalFigures) {
        self.opened.inc_by(now.opened - before.opened);
        self.signals.inc_by(now.signals - before.signals);
        let n = now.relayed_only - before.relayed_only;
        grow(&self.results, &ByResult { result: "relay" }, n);
        for (at, class) in CLASSES.into_iter().enumerate() {
            let class = ByClass { class };
            grow(&self.frames, &class, now.frames[at] - before.frames[at]);
            grow(&self.bytes, &class, now.bytes[at] - before.bytes[at]);
        }
        for (at, cause) in DROP_REASONS.into_iter().enumerate() {
            grow(&self.dropped, &ByCause { cause }, now.dropped[at] - before.dropped[at]);
        }
        for (at, code) in REJECTED_CODES.into_iter().enumerate() {
            grow(&self.rejected, &ByCode { code }, now.rejected[at] - before.rejected[at]);
        }
        for (path, to) in PATHS.into_iter().enumerate() {
            for (at, reason) in SWITCH_REASONS.into_iter().enumerate() {
                let n = now.switches[path][at] - before.switches[path][at];
                grow(&self.switches, &ByPath { to, reason }, n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::signal::{Path, SwitchReason};
    use serde::de::DeserializeOwned;

    use super::*;

    /// Reads a list of names as the wire does.
    fn read<T: DeserializeOwned, const N: usize>(names: [&str; N]) -> [T; N] {
        names.map(|name| serde_json::from_value(name.into()).unwrap())
    }

    #[test]
    fn words_of_the_wire_are_called_the_same_here_and_stand_at_their_places() {
        assert_eq!(read::<Via, 4>(VIAS).map(|via| via as usize), [0, 1, 2, 3]);
        assert_eq!(read::<Path, 2>(PATHS).map(|path| path as usize), [0, 1]);
        let reasons = read::<SwitchReason, 5>(SWITCH_REASONS);
        assert_eq!(reasons.map(|reason| reason as usize), [0, 1, 2, 3, 4]);
    }
}

//! When matches of circles tick: on a grid that never moves, and none is left out without need.
//! Source: ARCHITECTURE.md, one input's journey; `Game::PACE` and `Game::CATCH_UP` of circles.

use std::{collections::BTreeMap, time::Duration};

use parlor_core::time::Time;

use crate::sim::plan::Plan;

/// Circles has 20 ticks a second, and plays at most 5 late ones at once.
const PERIOD: Duration = Duration::from_millis(50);
const AT_ONCE: u32 = 5;
/// Matches of a shard begin in different 64ths of a period.
const PHASE_NANOS: u128 = 50_000_000 / 64;

#[derive(Debug)]
pub(super) struct Ticks {
    latest: Duration,
    /// The last tick of each phase, by shard: matches at once have different ones.
    last: BTreeMap<(usize, u128), Time>,
}

impl Ticks {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { latest: plan.latest(), last: BTreeMap::new() }
    }

    /// A match takes a step that was due so long ago; so many before it were left out.
    pub(super) fn ticked(
        &mut self,
        now: Time,
        at: usize,
        late: Duration,
        n_skipped: u64,
    ) -> Result<(), String> {
        let due = now.since_start().as_nanos() - late.as_nanos();
        let what =
            |what: &str| Err(format!("shard {at}, {late:?} late, {n_skipped} left out: {what}"));
        if !due.is_multiple_of(PHASE_NANOS) {
            return what("not on the grid");
        }
        if late > self.latest {
            return what("the shard was never so late");
        }
        let newest = PERIOD * (AT_ONCE - 1);
        if n_skipped > 0 && !(newest..newest + PERIOD).contains(&late) {
            return what("left out without need");
        }
        let due = Time::after_start(Duration::from_nanos(due as u64));
        let phase = due.since_start().as_nanos() % PERIOD.as_nanos();
        match self.last.insert((at, phase), due) {
            Some(last) if due <= last => what("twice, or back in time"),
            // Another match may have begun in the same phase: the gap may be longer.
            Some(last) if due < last + PERIOD * (n_skipped as u32 + 1) => {
                what("others were left out than it says")
            }
            _ => Ok(()),
        }
    }
}

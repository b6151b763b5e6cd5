//! When a match ticks: at t0 + k/hz without drift, and what becomes of ticks that are late.
//! What a tick does is `machine`'s part.
//!
//! Matches of the same rate begin at different phases of their period, so that a shard's work is
//! level: each takes the phase that fewest others have.

use std::{collections::BTreeMap, time::Duration};

use smallvec::{SmallVec, smallvec};

use super::game::CatchUp;
use crate::{
    fault::{self, Fault},
    time::Time,
};

/// Phases into which a period is cut; a power of two.
pub(super) const N_PHASES: usize = 64;

const NANOS: u128 = 1_000_000_000;

/// How many matches begin at which phase, for each rate.
#[derive(Debug, Default)]
pub(super) struct Phases {
    taken: BTreeMap<u8, Vec<u32>>,
}

impl Phases {
    /// Takes the emptiest phase of this rate; of several the one farthest from those before it.
    pub(super) fn take(&mut self, hz: u8) -> usize {
        let taken = self.taken.entry(hz).or_insert_with(|| vec![0; N_PHASES]);
        // Bits reversed: 0, 1/2, 1/4, 3/4, 1/8, …
        let bits = N_PHASES.trailing_zeros();
        let spread = (0..N_PHASES).map(|i| i.reverse_bits() >> (usize::BITS - bits));
        let phase = spread.min_by_key(|phase| taken[*phase]).unwrap_or_default();
        taken[phase] += 1;
        phase
    }

    /// Gives back what [`Self::take`] gave.
    pub(super) fn give_back(&mut self, hz: u8, phase: usize) {
        let Some(taken) = self.taken.get_mut(&hz) else { return };
        taken[phase] = taken[phase].saturating_sub(1);
        if taken.iter().all(|n| *n == 0) {
            self.taken.remove(&hz);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }
}

/// The ticks of one match.
#[derive(Debug)]
pub(super) struct Beat {
    pub(super) hz: u8,
    pub(super) phase: usize,
    catch_up: CatchUp,
    /// When tick 0 was due; moves only if the game slows down.
    t0: Time,
    /// The next tick.
    k: u64,
    /// The next tick as the game sees it: of several late ones, that which is not played yet.
    pub(super) coming: u64,
}

/// Ticks to be played now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Number and due time of each, in order.
    pub(super) ticks: SmallVec<[(u64, Time); 1]>,
    /// How many before them are left out.
    pub(super) n_skipped: u64,
}

impl Beat {
    /// Begins with the first moment after `now` that has this phase.
    pub(super) fn new(now: Time, hz: u8, phase: usize, catch_up: CatchUp) -> Self {
        let offset = NANOS * phase as u128 / (u128::from(hz) * N_PHASES as u128);
        // Counted from a second before the start, where no offset reaches.
        let passed = now.since_start().as_nanos() + NANOS - offset;
        let period = newest(passed, hz) + 1;
        let first = offset + period * NANOS / u128::from(hz);
        let t0 = Time::ZERO + nanos(first.saturating_sub(NANOS));
        Self { hz, phase, catch_up, t0, k: 0, coming: 0 }
    }

    /// When the next tick is due.
    pub(super) fn due(&self) -> Time {
        self.at(self.k)
    }

    fn at(&self, k: u64) -> Time {
        self.t0 + nanos(u128::from(k) * NANOS / u128::from(self.hz))
    }

    /// The ticks that are due and are to be played. After that the next one lies ahead.
    pub(super) fn take(&mut self, now: Time) -> Steps {
        if self.due() > now {
            return Steps::default();
        }
        let (n_at_once, slow) = match self.catch_up {
            CatchUp::Skip => (1, false),
            CatchUp::Steps(n) if fault::is_planted(Fault::OneMoreLeftOut) => {
                (u64::from(n.max(2)) - 1, false)
            }
            CatchUp::Steps(n) => (u64::from(n.max(1)), false),
            CatchUp::Slow => (1, true),
        };
        let slow = slow || fault::is_planted(Fault::TickDrift);
        if slow {
            let step = (self.k, self.due());
            self.t0 = self.t0 + now.since(step.1);
            self.k += 1;
            return Steps { ticks: smallvec![step], n_skipped: 0 };
        }
        let newest = newest(now.since(self.t0).as_nanos(), self.hz);
        let newest = u64::try_from(newest).unwrap_or(u64::MAX - 1);
        let first = self.k.max((newest + 1).saturating_sub(n_at_once));
        let n_skipped = first - self.k;
        self.k = newest + 1;
        Steps { ticks: (first..=newest).map(|k| (k, self.at(k))).collect(), n_skipped }
    }
}

/// The last tick that is due so long after tick 0, where due times are rounded down.
fn newest(passed_nanos: u128, hz: u8) -> u128 {
    ((passed_nanos + 1) * u128::from(hz) - 1) / NANOS
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Time {
        Time::after_start(Duration::from_micros(us))
    }

    fn beat(hz: u8, catch_up: CatchUp) -> Beat {
        let beat = Beat::new(at(0), hz, 0, catch_up);
        Beat { t0: at(0), ..beat }
    }

    #[test]
    fn ticks_do_not_drift() {
        for hz in [1, 3, 7, 20, 60, 127, 128] {
            let mut beat = beat(hz, CatchUp::Steps(1));
            for k in 0..10 * u64::from(hz) {
                let due = beat.due();
                assert_eq!(beat.take(due), Steps { ticks: smallvec![(k, due)], n_skipped: 0 });
                assert_eq!(beat.take(due), Steps::default(), "each once");
            }
            assert_eq!(beat.due(), at(10_000_000), "{hz} Hz after ten seconds");
        }
    }

    #[test]
    fn a_tick_is_not_due_a_nanosecond_before_its_time() {
        for hz in [3, 7, 60, 127] {
            let mut beat = beat(hz, CatchUp::Skip);
            for _ in 0..1000 {
                let due = beat.due();
                let before = Time::after_start(due.since_start().saturating_sub(nanos(1)));
                assert_eq!(before == due, beat.k == 0);
                assert!(beat.k == 0 || beat.take(before).ticks.is_empty());
                assert_eq!(beat.take(due).ticks.len(), 1);
            }
        }
    }

    #[test]
    fn the_first_tick_is_the_next_moment_of_its_phase() {
        for (now, phase, due) in
            [(0, 0, 100_000), (0, 32, 50_000), (50_000, 32, 150_000), (999_999, 0, 1_000_000)]
        {
            let beat = Beat::new(at(now), 10, phase, CatchUp::Skip);
            assert_eq!(beat.due(), at(due), "{now} {phase}");
        }
        for hz in [1, 3, 128] {
            for phase in 0..N_PHASES {
                let now = at(123_456_789);
                let first = Beat::new(now, hz, phase, CatchUp::Skip).due();
                let wait = first.since(now);
                assert!(!wait.is_zero() && wait <= nanos(NANOS / u128::from(hz) + 1));
            }
        }
    }

    #[test]
    fn a_game_that_skips_plays_the_newest_and_leaves_the_others_out() {
        let mut beat = beat(10, CatchUp::Skip);
        beat.take(at(0));
        let steps = beat.take(at(555_000));
        assert_eq!(steps, Steps { ticks: smallvec![(5, at(500_000))], n_skipped: 4 });
        assert_eq!(beat.due(), at(600_000));
    }

    #[test]
    fn a_game_that_catches_up_plays_so_many_at_once_and_one_more_is_left_out() {
        let mut some = beat(10, CatchUp::Steps(3));
        let ticks = |range: std::ops::Range<u64>| range.map(|k| (k, at(k * 100_000))).collect();
        assert_eq!(some.take(at(200_000)), Steps { ticks: ticks(0..3), n_skipped: 0 });
        assert_eq!(some.take(at(600_000)), Steps { ticks: ticks(4..7), n_skipped: 1 });
        assert_eq!(some.take(at(610_000)), Steps::default());
        // A pause of a week costs no more.
        let steps = some.take(at(7 * 24 * 3600 * 1_000_000));
        assert_eq!((steps.ticks.len(), steps.n_skipped), (3, 6_048_000 - 9));
    }

    #[test]
    fn a_game_that_slows_down_plays_all_and_later() {
        let mut beat = beat(10, CatchUp::Slow);
        beat.take(at(0));
        assert_eq!(beat.take(at(550_000)).ticks[..], [(1, at(100_000))]);
        assert_eq!(beat.due(), at(650_000), "450 ms later than planned");
        assert_eq!(beat.take(at(650_000)).ticks[..], [(2, at(650_000))]);
        assert_eq!(beat.due(), at(750_000));
    }

    #[test]
    fn after_a_tick_the_next_one_lies_ahead_whatever_the_policy() {
        for catch_up in [CatchUp::Skip, CatchUp::Steps(2), CatchUp::Slow] {
            for hz in [1, 3, 60, 128] {
                let mut beat = beat(hz, catch_up);
                for us in (0..20_000_000).step_by(77_777) {
                    beat.take(at(us));
                    assert!(beat.due() > at(us), "{catch_up:?} {hz}");
                }
            }
        }
    }

    /// Of the phases taken, the largest share that lies within a tenth of the period.
    fn largest_share(phases: &Phases, hz: u8) -> f64 {
        let taken = &phases.taken[&hz];
        let width = N_PHASES / 10 + 1;
        let within = |from: usize| (0..width).map(|i| taken[(from + i) % N_PHASES]).sum::<u32>();
        let most = (0..N_PHASES).map(within).max().unwrap();
        f64::from(most) / f64::from(taken.iter().sum::<u32>())
    }

    /// No tenth of a period may hold more than this share of a hundred matches.
    const MAX_SHARE: f64 = 0.16;

    #[test]
    fn a_hundred_matches_are_spread_over_the_period_though_some_have_ended() {
        let mut phases = Phases::default();
        let first: Vec<usize> = (0..100).map(|_| phases.take(20)).collect();
        assert!(largest_share(&phases, 20) <= MAX_SHARE, "{}", largest_share(&phases, 20));
        // All that began in one half of the period end, and as many others begin.
        let ended: Vec<usize> = first.into_iter().filter(|phase| *phase < N_PHASES / 2).collect();
        ended.iter().for_each(|phase| phases.give_back(20, *phase));
        assert!(largest_share(&phases, 20) > MAX_SHARE);
        for _ in ended {
            phases.take(20);
        }
        assert!(largest_share(&phases, 20) <= MAX_SHARE, "{}", largest_share(&phases, 20));
    }

    #[test]
    fn few_matches_are_as_far_apart_as_can_be_and_none_leaves_nothing() {
        let mut phases = Phases::default();
        assert_eq!([0; 4].map(|_| phases.take(60)), [0, 32, 16, 48]);
        assert_eq!(phases.take(30), 0, "another rate");
        for (hz, phase) in [(60, 0), (60, 32), (60, 16), (60, 48), (30, 0)] {
            phases.give_back(hz, phase);
        }
        assert!(phases.is_empty());
    }
}

//! What lately happened in a queue, as far as people and graphs want to know it: the last waits and
//! rating gaps, and their percentiles.

use std::collections::VecDeque;

use crate::time::Time;

/// How many of the last are looked at.
pub const MAX_RECENT: usize = 256;
/// With fewer nobody is told an estimate.
const FEWEST: usize = 5;

/// The last so many of some number, and when each was noted.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Time, u32)>);

impl Recent {
    /// One more.
    pub(super) fn note(&mut self, now: Time, value: u32) {
        if self.0.len() == MAX_RECENT {
            self.0.pop_front();
        }
        self.0.push_back((now, value));
    }

    /// Of those noted since then: half of them are no larger than the first, of twenty nineteen no
    /// larger than the second; `None` if there are too few to tell.
    pub(super) fn percentiles(&self, since: Time) -> Option<(u32, u32)> {
        let from = self.0.partition_point(|(at, _)| *at < since);
        let mut sorted: Vec<u32> = self.0.range(from..).map(|(_, value)| *value).collect();
        if sorted.len() < FEWEST {
            return None;
        }
        sorted.sort_unstable();
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
        Some((at(50), at(95)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_ones() {
        let (mut recent, now) = (Recent::default(), Time::ZERO);
        (1..=4).for_each(|value| recent.note(now, value));
        assert_eq!(recent.percentiles(now), None, "too few");
        recent.note(now, 100);
        assert_eq!(recent.percentiles(now), Some((3, 100)));
        (1..=MAX_RECENT as u32).for_each(|value| recent.note(now, value));
        assert_eq!(recent.percentiles(now), Some((128, 244)), "the first five are forgotten");
        assert_eq!(recent.0.len(), MAX_RECENT);
    }

    #[test]
    fn what_was_noted_before_a_time_does_not_count_from_then_on() {
        let at = |seconds| Time::after_start(Duration::from_secs(seconds));
        let mut recent = Recent::default();
        (1..=9).for_each(|second| recent.note(at(second), second as u32));
        assert_eq!(recent.percentiles(at(5)), Some((7, 9)));
        assert_eq!(recent.percentiles(at(6)), None, "too few");
        assert_eq!(recent.percentiles(Time::ZERO), Some((5, 9)));
    }
}

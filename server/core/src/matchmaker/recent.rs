//! What lately happened in a queue, as far as people and graphs want to know it: the last waits and
//! rating gaps, and their percentiles.

use std::collections::VecDeque;

/// How many of the last are looked at.
pub const MAX_RECENT: usize = 256;
/// With fewer nobody is told an estimate.
const FEWEST: usize = 5;

/// The last so many of some number.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<u32>);

impl Recent {
    /// One more.
    pub(super) fn note(&mut self, value: u32) {
        if self.0.len() == MAX_RECENT {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// Half of them are no larger than the first, of twenty nineteen no larger than the second;
    /// `None` while there are too few to tell.
    pub(super) fn percentiles(&self) -> Option<(u32, u32)> {
        if self.0.len() < FEWEST {
            return None;
        }
        let mut sorted: Vec<u32> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
        Some((at(50), at(95)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_ones() {
        let mut recent = Recent::default();
        (1..=4).for_each(|value| recent.note(value));
        assert_eq!(recent.percentiles(), None, "too few");
        recent.note(100);
        assert_eq!(recent.percentiles(), Some((3, 100)));
        (1..=MAX_RECENT as u32).for_each(|value| recent.note(value));
        assert_eq!(recent.percentiles(), Some((128, 244)), "the first five are forgotten");
        assert_eq!(recent.0.len(), MAX_RECENT);
    }
}

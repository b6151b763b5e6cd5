//! Dice: everything a run leaves to chance comes from one seed.

use std::time::Duration;

use parlor_core::lobby::game::Random;

/// Shorthands on core's own small generator.
pub(super) trait Chance {
    fn below(&mut self, below: u32) -> u32;

    /// True once in `n` times.
    fn one_in(&mut self, n: u32) -> bool {
        Chance::below(self, n) == 0
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + u64::from(Chance::below(self, u32::try_from(high - low + 1).unwrap_or(u32::MAX)))
    }

    /// So many milliseconds, and some part of one, so that few things happen at once.
    fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high)) + self.us(0, 999)
    }

    fn us(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low, high))
    }

    /// One of these.
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[Chance::below(self, u32::try_from(all.len()).unwrap_or(u32::MAX)) as usize]
    }
}

impl Chance for Random {
    fn below(&mut self, below: u32) -> u32 {
        Self::below(self, below)
    }
}

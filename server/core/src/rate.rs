//! How much of something somebody may do: a bucket that fills with time.

use std::time::Duration;

use crate::time::Time;

/// A token bucket of 16 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Thousandths of a token.
    milli: u32,
    at: Time,
}

/// So many at once, and one more each `every`.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// One more each.
    pub every: Duration,
}

impl Allowance {
    /// A full bucket.
    pub fn full(now: Time, rate: Rate) -> Self {
        Self { milli: rate.burst * 1000, at: now }
    }

    /// Takes one token; false if there is none.
    pub fn take(&mut self, now: Time, rate: Rate) -> bool {
        let passed = now.since(self.at).as_nanos() * 1000 / rate.every.as_nanos().max(1);
        let full = rate.burst * 1000;
        let passed = u32::try_from(passed).unwrap_or(full).min(full);
        self.milli = full.min(self.milli.saturating_add(passed));
        // What is not a whole thousandth yet counts next time, or who asks often would get less.
        let is_full = self.milli == full;
        self.at = if is_full { now } else { self.at + rate.every * passed / 1000 };
        if self.milli < 1000 {
            return false;
        }
        self.milli -= 1000;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_one_at_a_time() {
        let rate = Rate { burst: 3, every: Duration::from_secs(2) };
        let at = |ms| Time::after_start(Duration::from_millis(ms));
        let mut allowance = Allowance::full(at(0), rate);
        assert!((0..3).all(|_| allowance.take(at(0), rate)));
        assert!(!allowance.take(at(1999), rate));
        assert!(allowance.take(at(2000), rate));
        assert!(!allowance.take(at(2001), rate));
        assert_eq!((0..9).filter(|_| allowance.take(at(60_000), rate)).count(), 3);
    }
}

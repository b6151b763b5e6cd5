//! How many bytes may be relayed: so many each second, and twice as many at once.

use parlor_core::time::Time;

/// What is counted in whole thousandths there may differ by this many bytes here.
pub(super) const TOLERANCE: f64 = 2.0;
/// Bytes that a frame costs beside its own.
pub(super) const OVERHEAD: usize = 64;
/// As much at once as can be counted.
const MOST: f64 = 4_000_000.0;

/// What one link, player or lobby has used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    used: f64,
    at: Time,
}

impl Bucket {
    /// How much may be used now.
    pub(super) fn left(&mut self, now: Time, rate: u32) -> f64 {
        let seconds = now.since(self.at).as_secs_f64();
        self.used = (self.used - seconds * f64::from(rate)).max(0.0);
        self.at = now;
        (2.0 * f64::from(rate)).min(MOST) - self.used
    }

    pub(super) fn take(&mut self, n: f64) {
        self.used += n;
    }
}

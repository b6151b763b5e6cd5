//! The only place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parlor_core::time::Time;

/// Turns the machine's monotonic clock into core's time. Copies agree with each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    epoch_ms: u64,
}

impl Clock {
    /// A clock whose zero is now.
    pub(crate) fn start() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch_ms: epoch.as_millis() as u64 }
    }

    pub(crate) fn now(&self) -> Time {
        Time::after_start(self.start.elapsed())
    }

    /// Milliseconds from the Unix epoch to `Time::ZERO`.
    pub(crate) fn epoch_ms(&self) -> u64 {
        self.epoch_ms
    }

    /// Milliseconds from the Unix epoch to now, by a clock that may be set: for times that others
    /// tell.
    pub(crate) fn unix_ms() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
    }

    /// When tokio is to wake for a deadline of core's.
    pub(crate) fn instant(&self, time: Time) -> tokio::time::Instant {
        (self.start + time.since_start()).into()
    }
}

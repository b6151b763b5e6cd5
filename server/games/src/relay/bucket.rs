//! How much one player may send: so much at once, and in the long run one more each so often.
//! Source: the generic cell rate algorithm (ITU-T I.371), as a virtual schedule.

use std::time::Duration;

use parlor_core::time::Time;

/// A bucket of tokens, as the moment from which on it is full.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket {
    full_at: Time,
}

impl Bucket {
    /// Takes a token out of `burst` that come back one `every` so often; false if none is left.
    pub(super) fn take(&mut self, now: Time, every: Duration, burst: u32) -> bool {
        let full_at = self.full_at.max(now) + every;
        let is_left = full_at <= now + every * burst;
        if is_left {
            self.full_at = full_at;
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    #[test]
    fn so_many_go_at_once_and_not_one_more() {
        let mut bucket = Bucket::default();
        let taken = (0..9).filter(|_| bucket.take(at(5000), EVERY, 5)).count();
        assert_eq!(taken, 5);
    }

    #[test]
    fn one_more_goes_each_so_often_and_not_a_moment_earlier() {
        let mut bucket = Bucket::default();
        (0..5).for_each(|_| assert!(bucket.take(at(5000), EVERY, 5)));
        assert!(!bucket.take(at(5099), EVERY, 5));
        assert!(bucket.take(at(5100), EVERY, 5));
        assert!(!bucket.take(at(5199), EVERY, 5));
        assert!(bucket.take(at(5200), EVERY, 5));
    }

    #[test]
    fn silence_gives_no_more_than_a_full_bucket() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(at(0), EVERY, 5));
        let taken = (0..9).filter(|_| bucket.take(at(60_000), EVERY, 5)).count();
        assert_eq!(taken, 5);
    }
}

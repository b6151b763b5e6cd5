//! Time as core sees it: a number that comes in as an argument, and a table of deadlines.
//! Nobody here reads a clock; the server's `clock` does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    num::NonZeroU64,
    ops::Add,
    time::Duration,
};

/// A moment, as time since the shard started: 8 bytes, and no more for one that may not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(
    /// Nanoseconds, and one.
    NonZeroU64,
);

impl Default for Time {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Time {
    /// The moment the shard started.
    pub const ZERO: Self = Self(NonZeroU64::MIN);

    /// The moment this long after the start; saturates after 584 years.
    pub fn after_start(since: Duration) -> Self {
        Self::ZERO + since
    }

    /// How long after the start.
    pub fn since_start(self) -> Duration {
        self.since(Self::ZERO)
    }

    /// How long after `earlier`; zero if it was later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The earliest of those that there are.
pub(crate) fn earliest<const N: usize>(times: [Option<Time>; N]) -> Option<Time> {
    times.into_iter().flatten().min()
}

/// At most one deadline per key, and the earliest of all at hand.
///
/// Setting and taking cost O(log n); memory is that of the deadlines set, because moving one
/// leaves nothing behind.
#[derive(Debug)]
pub struct Deadlines<K> {
    by_key: BTreeMap<K, Time>,
    by_time: BTreeSet<(Time, K)>,
}

impl<K: Ord + Copy> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Ord + Copy> Deadlines<K> {
    /// Sets, moves or (with `None`) removes the deadline of `key`.
    pub fn set(&mut self, key: K, at: Option<Time>) {
        let before = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline that is not after `now`, and whose it was.
    pub fn pop(&mut self, now: Time) -> Option<(Time, K)> {
        let (at, key) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        self.by_key.remove(&key);
        Some((at, key))
    }

    /// What deadlines are set for.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.by_key.keys()
    }

    /// How many deadlines are set.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// True if none is set.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_eight_bytes_whether_it_comes_or_not_and_saturates() {
        assert_eq!((size_of::<Time>(), size_of::<Option<Time>>()), (8, 8));
        assert_eq!((Time::ZERO, Time::default()), (Time::after_start(Duration::ZERO), Time::ZERO));
        let nano = Duration::from_nanos(1);
        assert_eq!((Time::ZERO + nano).since_start(), nano);
        assert_eq!(Time::ZERO.since(at(1)), Duration::ZERO);
        let last = Time::after_start(Duration::MAX);
        assert_eq!(last.since_start(), Duration::from_nanos(u64::MAX - 1));
        assert_eq!((last + nano, at(1) + Duration::MAX), (last, last));
    }

    fn at(seconds: u64) -> Time {
        Time::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn deadlines_come_in_order_and_moving_one_leaves_nothing_behind() {
        let mut deadlines = Deadlines::default();
        deadlines.set('a', Some(at(3)));
        deadlines.set('b', Some(at(2)));
        deadlines.set('a', Some(at(1)));
        deadlines.set('c', Some(at(4)));
        deadlines.set('c', None);
        assert_eq!(deadlines.next(), Some(at(1)));
        assert_eq!(deadlines.pop(at(0)), None);
        assert_eq!(deadlines.pop(at(5)), Some((at(1), 'a')));
        assert_eq!(deadlines.pop(at(5)), Some((at(2), 'b')));
        assert_eq!(deadlines.pop(at(5)), None);
        assert!(deadlines.is_empty());
        assert_eq!(deadlines.len(), 0);
    }
}

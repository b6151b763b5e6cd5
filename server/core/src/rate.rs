//! How much of something somebody may do: a bucket that fills with time.

use std::{collections::BTreeMap, time::Duration};

use crate::{key::Origin, time::Time};

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

    /// A bucket that nobody has taken from: full at whichever rate it is asked for first.
    pub(crate) const fn untouched() -> Self {
        Self { milli: u32::MAX, at: Time::ZERO }
    }

    /// Takes one token; false if there is none.
    pub fn take(&mut self, now: Time, rate: Rate) -> bool {
        self.take_up_to(now, rate, 1) == 1
    }

    /// Takes so many tokens, or as many as there are; how many.
    pub fn take_up_to(&mut self, now: Time, rate: Rate, most: u32) -> u32 {
        self.fill(now, rate);
        let taken = most.min(self.milli / 1000);
        self.milli -= taken * 1000;
        taken
    }

    /// Puts tokens back that were taken in vain.
    pub fn give_back(&mut self, rate: Rate, n: u32) {
        let n = n.saturating_mul(1000);
        self.milli = self.milli.saturating_add(n).min(rate.burst.saturating_mul(1000));
    }

    /// True if nothing is missing: it is as good as a new one.
    pub fn is_full(&mut self, now: Time, rate: Rate) -> bool {
        self.fill(now, rate);
        self.milli == rate.burst * 1000
    }

    fn fill(&mut self, now: Time, rate: Rate) {
        let passed = now.since(self.at).as_nanos() * 1000 / rate.every.as_nanos().max(1);
        let full = rate.burst * 1000;
        let passed = u32::try_from(passed).unwrap_or(full).min(full);
        self.milli = full.min(self.milli.saturating_add(passed));
        // What is not a whole thousandth yet counts next time, or who asks often would get less.
        let is_full = self.milli == full;
        self.at = if is_full { now } else { self.at + rate.every * passed / 1000 };
    }
}

impl Rate {
    /// So many a second, and so many at once; `None` if that is no limit: 0 a second. At once it
    /// is one at least, and 4,000,000 at most, which is what an [`Allowance`] can hold.
    pub fn per_second(n: u32, burst: u32) -> Option<Self> {
        const MOST: u32 = 4_000_000;
        let every = Duration::from_secs(1) / n.max(1);
        (n > 0).then(|| Self { burst: burst.clamp(1, MOST), every })
    }
}

/// What those of one address may do together, of so many addresses: with one more, those who have
/// taken nothing of late are forgotten, or else somebody is.
#[derive(Debug)]
pub(crate) struct PerOrigin {
    rate: Rate,
    most: usize,
    left: BTreeMap<Origin, Allowance>,
}

impl PerOrigin {
    pub(crate) fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most, left: BTreeMap::new() }
    }

    /// Takes one token; false if there is none.
    pub(crate) fn take(&mut self, now: Time, origin: Origin) -> bool {
        let rate = self.rate;
        if self.left.len() >= self.most && !self.left.contains_key(&origin) {
            self.left.retain(|_, left| !left.is_full(now, rate));
            if self.left.len() >= self.most {
                self.left.pop_first();
            }
        }
        self.left.entry(origin).or_insert_with(|| Allowance::full(now, rate)).take(now, rate)
    }

    /// Puts one back that was taken in vain.
    pub(crate) fn give_back(&mut self, now: Time, origin: Origin) {
        let Some(left) = self.left.get_mut(&origin) else { return };
        left.give_back(self.rate, 1);
        if left.is_full(now, self.rate) {
            self.left.remove(&origin);
        }
    }

    /// Whether there is one.
    pub(crate) fn has_any(&mut self, now: Time, origin: Origin) -> bool {
        let has_any = self.take(now, origin);
        if has_any {
            self.give_back(now, origin);
        }
        has_any
    }
}

/// What may be used without asking: messages and bytes taken from an [`Allowance`] beforehand, many
/// at once, so that a message costs a subtraction. 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lease {
    messages: u32,
    bytes: u32,
}

impl Lease {
    /// So much.
    pub fn new(messages: u32, bytes: u32) -> Self {
        Self { messages, bytes }
    }

    /// Uses one message of so many bytes up; false if there is not enough left.
    #[inline]
    pub fn take(&mut self, n_bytes: usize) -> bool {
        match u32::try_from(n_bytes) {
            Ok(n) if self.messages > 0 && self.bytes >= n => {
                self.messages -= 1;
                self.bytes -= n;
                true
            }
            _ => false,
        }
    }

    /// What is missing for one message of so many bytes.
    pub fn lacks(&self, n_bytes: usize) -> (u32, u32) {
        let n_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
        (u32::from(self.messages == 0), n_bytes.saturating_sub(self.bytes))
    }

    /// Adds to it.
    pub fn add(&mut self, messages: u32, bytes: u32) {
        self.messages = self.messages.saturating_add(messages);
        self.bytes = self.bytes.saturating_add(bytes);
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

    #[test]
    fn those_of_an_address_share_and_who_takes_nothing_is_not_remembered() {
        let at = |ms| Time::after_start(Duration::from_millis(ms));
        let rate = Rate { burst: 3, every: Duration::from_secs(2) };
        let mut shared = PerOrigin::new(rate, 4);
        for _ in 0..9 {
            assert!(shared.has_any(at(0), Origin(1)) && shared.take(at(0), Origin(1)));
            shared.give_back(at(0), Origin(1));
        }
        assert!(shared.left.is_empty());
        assert!((0..3).all(|_| shared.take(at(0), Origin(1))));
        assert!(!shared.has_any(at(1999), Origin(1)) && !shared.take(at(1999), Origin(1)));
        assert!(shared.take(at(0), Origin(2)), "others");
        assert!(shared.has_any(at(2000), Origin(1)) && shared.take(at(2000), Origin(1)));
    }

    #[test]
    fn with_one_address_more_those_who_have_rested_go_first() {
        let at = |ms| Time::after_start(Duration::from_millis(ms));
        let mut shared = PerOrigin::new(Rate { burst: 3, every: Duration::from_secs(2) }, 100);
        (0..100).for_each(|address| assert!(shared.take(at(0), Origin(address))));
        assert!(shared.take(at(0), Origin(7)));
        assert_eq!(shared.left.len(), 100);
        assert!(shared.take(at(0), Origin(u64::MAX)));
        assert_eq!(shared.left.len(), 100);
        assert!(shared.take(at(2000), Origin(u64::MAX - 1)));
        assert_eq!(shared.left.len(), 2, "who took two, and the newest");
    }

    #[test]
    fn what_nobody_has_taken_from_is_full_from_the_first_moment_on() {
        let rate = Rate { burst: 3, every: Duration::from_secs(2) };
        for seconds in [0, 1, 1_000_000] {
            let now = Time::after_start(Duration::from_secs(seconds));
            let mut allowance = Allowance::untouched();
            assert!(allowance.is_full(now, rate));
            assert_eq!(allowance.take_up_to(now, rate, 9), 3, "after {seconds} s");
        }
    }

    #[test]
    fn what_is_taken_beforehand_and_not_used_comes_back() {
        let rate = Rate::per_second(1000, 10).unwrap();
        let at = |ms| Time::after_start(Duration::from_millis(ms));
        let mut allowance = Allowance::full(at(0), rate);
        assert_eq!(allowance.take_up_to(at(0), rate, 7), 7);
        assert!(!allowance.is_full(at(6), rate));
        assert!(allowance.is_full(at(7), rate));
        assert_eq!(allowance.take_up_to(at(7), rate, 11), 10);
        assert_eq!(allowance.take_up_to(at(7), rate, 1), 0);
        allowance.give_back(rate, 4);
        assert_eq!(allowance.take_up_to(at(7), rate, 11), 4);
        allowance.give_back(rate, u32::MAX);
        assert!(allowance.is_full(at(7), rate), "and not more than full");
        assert!(Rate::per_second(0, 10).is_none());
    }

    #[test]
    fn a_lease_lasts_for_its_messages_and_bytes_and_not_one_more() {
        let mut lease = Lease::new(2, 10);
        assert!(lease.take(4) && lease.take(6));
        assert!(!lease.take(0), "no message is left");
        assert_eq!(lease.lacks(7), (1, 7));
        lease.add(1, 6);
        assert!(!lease.take(7), "a byte is missing");
        assert_eq!(lease.lacks(7), (0, 1));
        assert!(lease.take(6));
        lease.add(u32::MAX, u32::MAX);
        lease.add(1, 1);
        assert_eq!(lease, Lease::new(u32::MAX, u32::MAX));
    }
}

//! Who declines a match or vanishes from one waits before seeking the next, longer each time.
//! Half an hour without another offence makes up for all, as does a match that was played to its
//! end.
//! What an offence is the matchmaker decides.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    key::Origin,
    rate::{PerOrigin, Rate},
    time::{Deadlines, Time},
};

/// How long one waits after the first offence; after each further one twice as long.
pub const FIRST_COOL_DOWN: Duration = Duration::from_secs(10);
/// How long one waits at most.
pub const LONGEST_COOL_DOWN: Duration = Duration::from_secs(600);
/// Good conduct by which all is forgiven, counted from the end of the last cool-down.
pub const FORGIVEN_AFTER: Duration = Duration::from_secs(1800);
/// Offenders who are remembered, about 10 MB; with one more, whose time is up soonest is forgotten.
pub const MAX_OFFENDERS: usize = 1 << 16;

/// Offences of one address beyond which nobody seeks a match from there: so many at once, for there
/// are households and schools, and then one each five seconds. Who has no account, or ever new
/// ones, is somebody else each time, but comes from somewhere.
pub const OFFENCES_OF_ADDRESS: Rate = Rate { burst: 32, every: Duration::from_secs(5) };
/// Addresses whose offences are counted; with one more, some other's are forgotten.
pub const MAX_ADDRESSES: usize = 4_096;

/// Those who have offended of late, by whatever number tells players apart.
#[derive(Debug)]
pub struct Penalties {
    offenders: BTreeMap<u64, Offender>,
    /// When each is forgiven.
    forgiven: Deadlines<u64>,
    max_offenders: usize,
    /// What addresses may still offend.
    addresses: PerOrigin,
}

#[derive(Debug, Clone, Copy)]
struct Offender {
    /// How long the next cool-down is.
    next: Duration,
    until: Time,
}

impl Default for Penalties {
    fn default() -> Self {
        Self {
            offenders: BTreeMap::new(),
            forgiven: Deadlines::default(),
            max_offenders: MAX_OFFENDERS,
            addresses: PerOrigin::new(OFFENCES_OF_ADDRESS, MAX_ADDRESSES),
        }
    }
}

impl Penalties {
    /// Somebody has declined or vanished. Gives when the wait is over.
    pub fn offend(&mut self, now: Time, who: u64) -> Time {
        self.forgive(now);
        let before = self.offenders.get(&who);
        let cool_down = before.map_or(FIRST_COOL_DOWN, |before| before.next);
        let until = before.map_or(now, |before| before.until).max(now + cool_down);
        if before.is_none() && self.offenders.len() >= self.max_offenders {
            self.forgive_one();
        }
        let next = (cool_down * 2).min(LONGEST_COOL_DOWN);
        self.remember(who, Offender { next, until });
        until
    }

    /// Whoever has offended came from there.
    pub fn offend_from(&mut self, now: Time, address: Origin) {
        self.addresses.take(now, address);
    }

    /// Whether there have been few enough offences from there for anybody to seek a match.
    pub fn may_seek_from(&mut self, now: Time, address: Origin) -> bool {
        self.addresses.has_any(now, address)
    }

    /// When somebody may seek a match again; `None`: at once.
    pub fn until(&self, now: Time, who: u64) -> Option<Time> {
        self.offenders.get(&who).map(|offender| offender.until).filter(|until| *until > now)
    }

    /// Somebody has played a match: the next cool-down is as short as the first. One that is on
    /// goes on.
    pub fn played(&mut self, now: Time, who: u64) {
        match self.until(now, who) {
            Some(until) => self.remember(who, Offender { next: FIRST_COOL_DOWN, until }),
            None => self.forget(who),
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.offenders.len()
    }

    /// True if nobody is.
    pub fn is_empty(&self) -> bool {
        self.offenders.is_empty()
    }

    fn remember(&mut self, who: u64, offender: Offender) {
        self.offenders.insert(who, offender);
        self.forgiven.set(who, Some(offender.until + FORGIVEN_AFTER));
    }

    fn forget(&mut self, who: u64) {
        self.offenders.remove(&who);
        self.forgiven.set(who, None);
    }

    fn forgive(&mut self, now: Time) {
        while let Some((_, who)) = self.forgiven.pop(now) {
            self.offenders.remove(&who);
        }
    }

    fn forgive_one(&mut self) {
        if let Some(at) = self.forgiven.next()
            && let Some((_, who)) = self.forgiven.pop(at)
        {
            self.offenders.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn each_offence_costs_twice_the_one_before_up_to_ten_minutes() {
        let (mut penalties, mut now) = (Penalties::default(), at(0));
        for seconds in [10, 20, 40, 80, 160, 320, 600, 600] {
            assert_eq!(penalties.until(now, 1), None);
            let until = penalties.offend(now, 1);
            assert_eq!(until, now + Duration::from_secs(seconds));
            assert_eq!(penalties.until(now, 1), Some(until));
            assert_eq!(penalties.until(now, 2), None, "others");
            now = until;
        }
        assert_eq!(penalties.until(now, 1), None, "the wait is over");
    }

    #[test]
    fn half_an_hour_of_good_conduct_makes_up_for_all() {
        for (after, seconds) in [(1799, 40), (1800, 10)] {
            let mut penalties = Penalties::default();
            let first = penalties.offend(at(0), 1);
            let second = penalties.offend(first, 1);
            let again = second + Duration::from_secs(after);
            assert_eq!(penalties.offend(again, 1), again + Duration::from_secs(seconds));
        }
    }

    #[test]
    fn a_match_played_makes_up_for_all_but_the_wait_that_is_on() {
        let mut penalties = Penalties::default();
        let until = penalties.offend(at(0), 1);
        penalties.played(until, 1);
        assert!(penalties.is_empty());
        assert_eq!(penalties.offend(at(60), 1), at(70));
        penalties.played(at(61), 1);
        assert_eq!(penalties.until(at(61), 1), Some(at(70)));
        assert_eq!(penalties.offend(at(80), 1), at(90), "as short as the first");
        penalties.played(at(80), 2);
        assert_eq!(penalties.len(), 1);
    }

    #[test]
    fn offences_during_a_wait_make_it_longer_and_never_shorter() {
        let mut penalties = Penalties::default();
        assert_eq!(penalties.offend(at(0), 1), at(10));
        assert_eq!(penalties.offend(at(1), 1), at(21));
        penalties.played(at(2), 1);
        assert_eq!(penalties.offend(at(3), 1), at(21), "that is 18 seconds already");
    }

    #[test]
    fn with_one_more_than_is_remembered_the_first_to_be_forgiven_goes() {
        let mut penalties = Penalties { max_offenders: 2, ..Penalties::default() };
        penalties.offend(at(0), 1);
        penalties.offend(at(1), 2);
        assert_eq!(penalties.len(), 2);
        penalties.offend(at(2), 1);
        assert_eq!(penalties.len(), 2, "one who is known is no other");
        penalties.offend(at(3), 3);
        assert_eq!(penalties.len(), 2);
        assert_eq!(penalties.until(at(3), 2), None);
        assert!(penalties.until(at(3), 1).is_some() && penalties.until(at(3), 3).is_some());
        penalties.offend(at(4000), 4);
        assert_eq!(penalties.len(), 1, "whose time is up needs no place");
    }

    #[test]
    fn so_many_may_offend_from_one_address_and_then_one_each_five_seconds() {
        let (mut penalties, home) = (Penalties::default(), Origin(1));
        for _ in 0..32 {
            assert!(penalties.may_seek_from(at(0), home));
            penalties.offend_from(at(0), home);
        }
        assert!(!penalties.may_seek_from(at(4), home) && penalties.may_seek_from(at(4), Origin(2)));
        assert!(penalties.may_seek_from(at(5), home));
    }

    #[test]
    fn a_flood_of_offenders_stays_within_its_limit() {
        let mut penalties = Penalties::default();
        for who in 0..=MAX_OFFENDERS as u64 {
            assert_eq!(penalties.offend(at(0), who), at(10));
        }
        assert_eq!((penalties.len(), penalties.forgiven.len()), (MAX_OFFENDERS, MAX_OFFENDERS));
    }
}

//! Who meets whom again and again on a ladder: two who play for each other's rating. Their first
//! few matches of a day count, further ones change nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::BuildHasher as _,
};

use crate::hash::Keyed;

/// Matches of two opponents on a ladder that count, within [`REMEMBERED_MS`].
pub const MAX_COUNTED: u8 = 3;
/// How long a match is remembered: a day.
pub const REMEMBERED_MS: u64 = 86_400_000;
/// Meetings that are remembered, about 20 MB; with one more the oldest is forgotten. Lasts a day
/// at three duels a second.
pub const MAX_MEETINGS: usize = 1 << 18;

/// The meetings of the last day that counted.
#[derive(Debug)]
pub struct Farm {
    hasher: Keyed,
    /// When two met, oldest first.
    met: VecDeque<(u64, u64)>,
    /// How often two are in that list.
    n_met: BTreeMap<u64, u8>,
    max_meetings: usize,
}

impl Farm {
    /// Nobody has met. The seed keeps players from choosing ids that pass for others'.
    pub fn new(seed: u64) -> Self {
        Self {
            hasher: Keyed::new(seed),
            met: VecDeque::new(),
            n_met: BTreeMap::new(),
            max_meetings: MAX_MEETINGS,
        }
    }

    /// Two opponents have met on a ladder: true if that counts. It is remembered only then, so
    /// that who goes on playing each other has a few matches that count on each day.
    pub fn meet(&mut self, unix_ms: u64, ladder: &str, a: &str, b: &str) -> bool {
        self.forget(unix_ms);
        let two = self.hasher.hash_one((ladder, a.min(b), a.max(b)));
        let n_met = self.n_met.entry(two).or_default();
        if *n_met >= MAX_COUNTED {
            return false;
        }
        *n_met += 1;
        self.met.push_back((unix_ms, two));
        if self.met.len() > self.max_meetings {
            self.forget_oldest();
        }
        true
    }

    /// Meetings that are remembered.
    pub fn len(&self) -> usize {
        self.met.len()
    }

    /// True if none is.
    pub fn is_empty(&self) -> bool {
        self.met.is_empty()
    }

    fn forget(&mut self, unix_ms: u64) {
        while self.met.front().is_some_and(|(at, _)| unix_ms.saturating_sub(*at) >= REMEMBERED_MS) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, two)) = self.met.pop_front() else { return };
        if let Some(n_met) = self.n_met.get_mut(&two) {
            *n_met -= 1;
            if *n_met == 0 {
                self.n_met.remove(&two);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_match_of_two_within_a_day_does_not_count() {
        let mut farm = Farm::new(7);
        let mut meet = |at, a, b| farm.meet(at, "chess/blitz", a, b);
        assert!(meet(0, "ada", "bob") && meet(1_000, "bob", "ada") && meet(2_000, "ada", "bob"));
        assert!(!meet(3_000, "ada", "bob") && !meet(3_000, "bob", "ada"));
        assert!(meet(3_000, "ada", "cid"), "others");
        assert!(!meet(REMEMBERED_MS - 1, "ada", "bob"));
        // The first is a day old; what did not count is not remembered.
        assert!(meet(REMEMBERED_MS, "ada", "bob"));
        assert!(!meet(REMEMBERED_MS + 999, "ada", "bob"));
        assert!(meet(REMEMBERED_MS + 1_000, "ada", "bob"));
        assert!(farm.meet(REMEMBERED_MS + 1_000, "chess/rapid", "ada", "bob"), "elsewhere");
    }

    #[test]
    fn names_that_are_cut_otherwise_are_others() {
        let mut farm = Farm::new(7);
        assert!((0..3).all(|_| farm.meet(0, "chess", "ab", "c")));
        assert!(farm.meet(0, "chess", "a", "bc") && !farm.meet(0, "chess", "c", "ab"));
    }

    #[test]
    fn with_one_more_than_it_holds_the_oldest_is_forgotten() {
        let mut farm = Farm { max_meetings: 4, ..Farm::new(7) };
        let mut meet = |a: &str, b: &str| farm.meet(0, "chess", a, b);
        assert!((0..3).all(|_| meet("ada", "bob")));
        assert!(meet("c", "d") && !meet("ada", "bob"), "four are held");
        assert!(meet("e", "f") && meet("ada", "bob"), "the first of two is the fifth");
        assert_eq!((farm.len(), farm.n_met.len()), (4, 3));
        assert!(!farm.is_empty());
        assert!(farm.meet(REMEMBERED_MS, "chess", "x", "y"));
        assert_eq!((farm.len(), farm.n_met.len()), (1, 1), "nothing is left of a day ago");
    }

    #[test]
    fn a_day_of_meetings_stays_within_its_limit() {
        let mut farm = Farm::new(7);
        for i in 0..=MAX_MEETINGS {
            assert!(farm.meet(i as u64, "chess", "ada", &i.to_string()));
        }
        assert_eq!(farm.len(), MAX_MEETINGS);
    }
}

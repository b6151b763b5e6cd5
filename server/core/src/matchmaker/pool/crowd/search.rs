//! What is left when no ring makes a match any more: other sets of those who fit each other are
//! tried one after the other, so that nobody waits who could play. Of few tickets all sets are
//! tried, of many as many as there is time for; those who have waited longest come first.

use smallvec::SmallVec;

use super::{Crowd, Gathered, Set, places};
use crate::matchmaker::{
    pool::{rules::Common, split},
    queue::{Shape, Teams},
};

/// What is tried within one group: all sets of nine tickets, and that takes a millisecond or two.
pub(super) const MAX_TRIES: usize = 2048;

/// Some who fit each other, in the order in which they were taken.
#[derive(Debug, Clone)]
struct Part {
    set: Set,
    sizes: SmallVec<[u8; 16]>,
    /// Who fits all of them.
    allowed: Set,
    common: Common,
}

impl Part {
    fn n_players(&self) -> usize {
        self.sizes.iter().map(|size| usize::from(*size)).sum()
    }
}

impl Crowd<'_> {
    /// Some match of those who are free, if there is one that is found in so many tries.
    pub(super) fn search(&self, free: Set, n_tries: &mut usize) -> Option<Gathered> {
        let mut anchors: SmallVec<[usize; 16]> = places(free).collect();
        anchors.sort_by_key(|i| (self.group[*i].since, *i));
        let mut others = free;
        anchors.into_iter().find_map(|anchor| {
            others &= !(1 << anchor);
            self.search_around(anchor, others, n_tries)
        })
    }

    /// Some match of a ticket and some of these.
    pub(super) fn search_around(
        &self,
        anchor: usize,
        others: Set,
        n_tries: &mut usize,
    ) -> Option<Gathered> {
        let others = others & self.fits[anchor];
        let nearest: SmallVec<[usize; 16]> = self.outwards(anchor, others).collect();
        let alone = Part {
            set: 1 << anchor,
            sizes: [self.group[anchor].size() as u8].into_iter().collect(),
            allowed: others,
            common: Common::of(self.group[anchor], self.rules)?,
        };
        self.extend(&alone, &nearest, n_tries)
    }

    /// A match of a part and some of these, or of the part alone.
    fn extend(&self, part: &Part, others: &[usize], n_tries: &mut usize) -> Option<Gathered> {
        let n_players = part.n_players();
        let fitting = || others.iter().filter(|other| part.allowed & 1 << **other != 0);
        let n_fitting: usize = fitting().map(|other| self.group[*other].size()).sum();
        if n_players + n_fitting < self.rules.shape.fewest() {
            return None;
        }
        for (i, other) in others.iter().enumerate() {
            if let Some(more) = self.with(part, *other, n_tries)
                && let Some(found) = self.extend(&more, &others[i + 1..], n_tries)
            {
                return Some(found);
            }
        }
        if n_players < self.rules.shape.fewest() || *n_tries == 0 {
            return None;
        }
        // There are the more ways to split them.
        *n_tries = n_tries.saturating_sub(n_players * n_players / 4);
        self.arrange(part.set)
    }

    /// A part with one more, if that fits.
    fn with(&self, part: &Part, other: usize, n_tries: &mut usize) -> Option<Part> {
        let size = self.group[other].size();
        let n_players = part.n_players() + size;
        if part.allowed & 1 << other == 0 || n_players > self.rules.shape.most() {
            return None;
        }
        *n_tries = n_tries.checked_sub(1)?;
        let mut more = Part {
            set: part.set | 1 << other,
            sizes: part.sizes.clone(),
            allowed: part.allowed & self.fits[other],
            common: part.common.join(self.group[other], self.rules)?,
        };
        more.sizes.push(size as u8);
        let goes_in = match self.rules.shape {
            Shape::Teams(Teams { count, size }) => {
                split::fits(more.sizes.iter().copied(), (count.into(), size.into()), &self.packings)
            }
            Shape::Players(_) => true,
        };
        goes_in.then_some(more)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{
        matchmaker::pool::{
            Candidate, MemberTraits, TicketKey, repeats::Repeats, rules::Rules, waiting::Waiting,
        },
        time::Time,
    };

    fn now() -> Time {
        Time::after_start(Duration::from_secs(1))
    }

    /// So many teams of so many.
    fn rules(count: u8, size: u8) -> Rules {
        let teams = json!({"count": count, "size": size});
        let queue = json!({"name": "teams", "game": "chess", "teams": teams});
        Rules::new(serde_json::from_value(queue).unwrap(), 1)
    }

    fn party(rules: &Rules, key: u32, size: u64) -> Waiting {
        let member = |i: u64| MemberTraits { player: u64::from(key) * 9 + i, ..<_>::default() };
        let members = (0..size).map(member).collect();
        let candidate = Candidate { key: TicketKey(key), members, ..Candidate::default() };
        let mut waiting = Waiting::new(candidate, rules).unwrap();
        waiting.stand(rules, now());
        waiting
    }

    #[test]
    fn parties_that_fill_no_team_take_a_group_so_long_and_no_longer() {
        // Of 15 teams of four none is filled by threes.
        let rules = rules(15, 4);
        let tickets: Vec<Waiting> =
            (0..128).map(|key| party(&rules, key, 2 + u64::from(key % 2))).collect();
        let group: Vec<&Waiting> = tickets.iter().collect();
        let crowd = Crowd::new(now(), &group, &rules, &Repeats::default());
        for gathered in crowd.gather(true) {
            assert_eq!(gathered.teams.len(), 15);
        }
        let n_packings = crowd.n_packings();
        assert!((1..=super::super::MAX_PACKINGS).contains(&n_packings), "{n_packings}");
    }

    #[test]
    fn so_many_joins_are_tried_and_no_more() {
        let rules = rules(2, 2);
        let tickets = [party(&rules, 1, 2), party(&rules, 2, 1), party(&rules, 3, 2)];
        let group: Vec<&Waiting> = tickets.iter().collect();
        let crowd = Crowd::new(now(), &group, &rules, &Repeats::default());
        // The pair and the one alone, in vain; then both pairs.
        assert_eq!(crowd.search(0b111, &mut 2), None, "nothing is left for the split");
        let mut n_tries = 3;
        let found = crowd.search(0b111, &mut n_tries).expect("two are enough");
        assert_eq!((found.teams.concat(), n_tries), (vec![0, 2], 0));
        let mut n_tries = 100;
        assert!(crowd.search(0b111, &mut n_tries).is_some());
        assert_eq!(n_tries, 94, "and what it takes to split four");
    }
}

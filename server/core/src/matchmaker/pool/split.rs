//! Who plays in which team: tickets stay whole, teams are full, and their mean ratings are as near
//! to each other as can be had. Few players are split by trying everything, many by exchanges that
//! make it better until none does.

use std::cell::Cell;

use smallvec::{SmallVec, smallvec};

/// Players up to whom everything is tried: 126 ways for five a side.
const MAX_EXHAUSTIVE: usize = 10;
/// Ways of packing parties into teams that are tried before it counts as impossible.
const MAX_TRIES: usize = 2_000;
/// Rounds of exchanges.
const MAX_ROUNDS: usize = 16;
/// An exchange that gains less is none.
const MIN_GAIN: f32 = 0.01;

/// One ticket, as it counts here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    pub(super) size: u8,
    /// The mean of its members.
    pub(super) rating: f32,
}

/// Teams to be filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teams {
    pub(super) count: usize,
    pub(super) size: usize,
    /// How much the largest parties of two teams may differ by.
    pub(super) party_gap: f32,
}

/// A split: each ticket's team, and how good that is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    pub(super) team_of: Vec<usize>,
    /// How far the means of the best and the worst team are apart.
    pub(super) gap: f32,
}

/// The best split that there is or can be found; none if parties do not go into the teams. Seats
/// that are left over are bots'.
pub(super) fn split(shares: &[Share], teams: Teams) -> Option<Split> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    let by_size = |i: &usize| (shares[*i].size, shares[*i].rating);
    order.sort_by(|a, b| by_size(b).partial_cmp(&by_size(a)).expect("ratings are numbers"));
    let n_players: usize = shares.iter().map(|share| usize::from(share.size)).sum();
    let mut search = Search {
        shares,
        teams,
        order,
        team_of: vec![0; shares.len()],
        filled: vec![0; teams.count],
        best: None,
        n_tries: 0,
        max_tries: MAX_TRIES,
        is_exhaustive: n_players <= MAX_EXHAUSTIVE && n_players == teams.count * teams.size,
    };
    search.place(0, 0);
    let mut best = search.best.take()?;
    if !search.is_exhaustive {
        search.exchange(&mut best);
    }
    is_allowed(shares, teams, &best.team_of).then_some(best)
}

/// True if parties of these sizes go into the teams. `tries` is what may be spent on finding that
/// out, and is less by what was; with none left they do not if the first way does not do.
pub(super) fn fits(
    sizes: impl Iterator<Item = u8> + Clone,
    (count, size): (usize, usize),
    tries: &Cell<usize>,
) -> bool {
    let (mut n_players, mut largest) = (0, 0);
    for size in sizes.clone() {
        n_players += usize::from(size);
        largest = largest.max(size);
    }
    if largest <= 1 || n_players > count * size {
        return n_players <= count * size;
    }
    let mut largest_first: SmallVec<[u8; 64]> = sizes.collect();
    largest_first.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    if go_where_most_is_free(&largest_first, count, size) {
        return true;
    }
    if tries.get() == 0 {
        return false;
    }
    let shares: Vec<Share> =
        largest_first.iter().map(|size| Share { size: *size, rating: 0.0 }).collect();
    let mut search = Search {
        shares: &shares,
        teams: Teams { count, size, party_gap: f32::INFINITY },
        order: (0..shares.len()).collect(),
        team_of: vec![0; shares.len()],
        filled: vec![0; count],
        best: None,
        n_tries: 0,
        max_tries: tries.get().min(MAX_TRIES),
        is_exhaustive: false,
    };
    search.place(0, 0);
    tries.set(tries.get().saturating_sub(search.n_tries));
    search.best.is_some()
}

/// True if nothing has to be tried twice: as it nearly always is.
fn go_where_most_is_free(largest_first: &[u8], count: usize, size: usize) -> bool {
    let mut filled: SmallVec<[usize; 16]> = smallvec![0; count];
    largest_first.iter().all(|party| {
        let Some(team) = filled.iter_mut().min() else { return false };
        *team += usize::from(*party);
        *team <= size
    })
}

struct Search<'s> {
    shares: &'s [Share],
    teams: Teams,
    /// The largest tickets first.
    order: Vec<usize>,
    team_of: Vec<usize>,
    filled: Vec<usize>,
    best: Option<Split>,
    n_tries: usize,
    max_tries: usize,
    is_exhaustive: bool,
}

impl Search<'_> {
    /// Places the ticket at this position of the order and those behind it; true if it is enough.
    /// Where the one before it was put, so many were there.
    fn place(&mut self, at: usize, before: usize) -> bool {
        if self.n_tries >= self.max_tries && !self.is_exhaustive {
            return true;
        }
        let Some(&ticket) = self.order.get(at) else {
            return self.judge();
        };
        let size = usize::from(self.shares[ticket].size);
        let mut candidates: SmallVec<[usize; 8]> = (0..self.teams.count).collect();
        if !self.is_exhaustive {
            // Where most is free: parties spread, and strong players with them.
            candidates.sort_by_key(|team| self.filled[*team]);
        }
        // If all that is asked is whether there is a way, two teams that are as full are one, and
        // tickets of one size go where least is first.
        let last = at.checked_sub(1).map(|at| usize::from(self.shares[self.order[at]].size));
        let least = if last == Some(size) && !self.is_exhaustive { before } else { 0 };
        let (mut seen_empty, mut seen) = (false, None);
        for team in candidates {
            let filled = self.filled[team];
            if filled + size > self.teams.size || filled < least {
                continue;
            }
            // One empty team is like another.
            let is_empty_again = filled == 0 && std::mem::replace(&mut seen_empty, true);
            let is_like_another = seen.replace(filled) == Some(filled) && !self.is_exhaustive;
            if is_empty_again || is_like_another {
                continue;
            }
            self.filled[team] += size;
            self.team_of[ticket] = team;
            let is_enough = self.place(at + 1, filled);
            self.filled[team] -= size;
            if is_enough {
                return true;
            }
        }
        self.n_tries += 1;
        false
    }

    /// Everybody has a team.
    fn judge(&mut self) -> bool {
        if self.is_exhaustive && !is_allowed(self.shares, self.teams, &self.team_of) {
            return false;
        }
        let gap = gap(self.shares, self.teams, &self.team_of);
        if self.best.as_ref().is_none_or(|best| gap < best.gap) {
            self.best = Some(Split { team_of: self.team_of.clone(), gap });
        }
        !self.is_exhaustive
    }

    /// Exchanges tickets of one size between teams while that brings the teams together.
    fn exchange(&self, split: &mut Split) {
        let mut sums = vec![0.0_f32; self.teams.count];
        for (share, team) in self.shares.iter().zip(&split.team_of) {
            sums[*team] += share.rating * f32::from(share.size);
        }
        for _ in 0..MAX_ROUNDS {
            let mut is_better = false;
            for i in 0..self.shares.len() {
                for j in i + 1..self.shares.len() {
                    let (a, b) = (split.team_of[i], split.team_of[j]);
                    let (one, other) = (self.shares[i], self.shares[j]);
                    if a == b || one.size != other.size {
                        continue;
                    }
                    let moved = (other.rating - one.rating) * f32::from(one.size);
                    let (before, after) = (sums[a] - sums[b], sums[a] - sums[b] + 2.0 * moved);
                    if after.abs() + MIN_GAIN < before.abs() {
                        split.team_of.swap(i, j);
                        (sums[a], sums[b]) = (sums[a] + moved, sums[b] - moved);
                        is_better = true;
                    }
                }
            }
            if !is_better {
                break;
            }
        }
        split.gap = gap(self.shares, self.teams, &split.team_of);
    }
}

/// How far the means of the best and the worst team are apart, of those that have players.
fn gap(shares: &[Share], teams: Teams, team_of: &[usize]) -> f32 {
    let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
    for team in 0..teams.count {
        let (mut sum, mut n) = (0.0, 0.0);
        for (share, own) in shares.iter().zip(team_of) {
            if *own == team {
                sum += share.rating * f32::from(share.size);
                n += f32::from(share.size);
            }
        }
        if n > 0.0 {
            (least, most) = (least.min(sum / n), most.max(sum / n));
        }
    }
    (most - least).max(0.0)
}

/// True if the largest parties of the teams are nearly of one size.
fn is_allowed(shares: &[Share], teams: Teams, team_of: &[usize]) -> bool {
    if teams.party_gap == f32::INFINITY {
        return true;
    }
    let largest = |team: usize| {
        let own = shares.iter().zip(team_of).filter(|(_, own)| **own == team);
        own.map(|(share, _)| share.size).max()
    };
    // A team of bots alone has no party.
    let sizes = || (0..teams.count).filter_map(largest);
    let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
    f32::from(most - least) <= teams.party_gap
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(sizes: &[u8], ratings: &[f32]) -> Vec<Share> {
        let both = sizes.iter().zip(ratings);
        both.map(|(size, rating)| Share { size: *size, rating: *rating }).collect()
    }

    fn teams(count: usize, size: usize) -> Teams {
        Teams { count, size, party_gap: f32::INFINITY }
    }

    /// The least gap of all ways to fill the teams, by trying all; none if there is no way. What
    /// makes a way right is said here once more.
    fn least_gap(shares: &[Share], teams: Teams) -> Option<f32> {
        let ways = 0..teams.count.pow(shares.len() as u32);
        let gaps = ways.filter_map(|way| {
            let (mut filled, mut largest) = (vec![0; teams.count], vec![0; teams.count]);
            let mut sums = vec![0.0; teams.count];
            for (i, share) in shares.iter().enumerate() {
                let team = way / teams.count.pow(i as u32) % teams.count;
                filled[team] += usize::from(share.size);
                largest[team] = share.size.max(largest[team]);
                sums[team] += f32::from(share.size) * share.rating;
            }
            let parties = largest.iter().max()? - largest.iter().min()?;
            let is_right =
                filled.iter().all(|n| *n == teams.size) && f32::from(parties) <= teams.party_gap;
            sums.sort_by(f32::total_cmp);
            is_right.then(|| (sums[teams.count - 1] - sums[0]) / teams.size as f32)
        });
        gaps.min_by(f32::total_cmp)
    }

    /// So many teams of so many, and parties that come to as many players, if not as many teams.
    fn full() -> impl Strategy<Value = (Vec<Share>, Teams)> {
        let shape = prop::sample::select(vec![
            (2, 1),
            (2, 2),
            (2, 3),
            (2, 4),
            (2, 5),
            (3, 1),
            (3, 2),
            (3, 3),
            (4, 1),
            (4, 2),
        ]);
        let sizes = prop::collection::vec(1_u8..=3, 10);
        let ratings = prop::collection::vec(0_f32..3000.0, 10);
        let party_gap = prop::sample::select(vec![0.0, 1.0, f32::INFINITY]);
        (shape, any::<bool>(), sizes, ratings, party_gap).prop_map(
            |((count, size), are_alone, sizes, ratings, party_gap)| {
                let mut n_left = (count * size) as u8;
                let sizes: Vec<u8> = (sizes.into_iter())
                    .map(|size| {
                        let size = if are_alone { 1 } else { size.min(n_left) };
                        n_left -= size.min(n_left);
                        size
                    })
                    .collect();
                let n_tickets = if are_alone { count * size } else { sizes.len() };
                let mut all = shares(&sizes[..n_tickets], &ratings);
                all.retain(|share| share.size > 0);
                (all, Teams { count, size, party_gap })
            },
        )
    }

    proptest! {
        #[test]
        fn few_are_split_as_well_as_can_be((shares, teams) in full()) {
            let (found, least) = (split(&shares, teams), least_gap(&shares, teams));
            prop_assert_eq!(found.is_some(), least.is_some());
            if let (Some(found), Some(least)) = (found, least) {
                prop_assert!((found.gap - least).abs() < 0.01, "{} {}", found.gap, least);
            }
        }

        #[test]
        fn many_are_split_whole_and_nearly_evenly(
            ratings in prop::collection::vec(1000_f32..2000.0, 32),
        ) {
            let shares = shares(&[1; 32], &ratings);
            let found = split(&shares, teams(4, 8)).unwrap();
            for team in 0..4 {
                prop_assert_eq!(found.team_of.iter().filter(|own| **own == team).count(), 8);
            }
            prop_assert!(found.gap < 25.0, "{}", found.gap);
        }
    }

    #[test]
    fn parties_stay_whole_or_nobody_plays() {
        let tries = Cell::new(100);
        assert!(fits([3, 2, 3, 2].into_iter(), (2, 5), &tries));
        assert!(!fits([3, 3, 3, 1].into_iter(), (2, 5), &tries));
        assert!(!fits([4, 4, 2].into_iter(), (2, 5), &tries));
        let found = split(&shares(&[2, 1, 1, 2], &[9.0, 1.0, 1.0, 8.0]), teams(2, 3)).unwrap();
        assert_ne!(found.team_of[0], found.team_of[3]);
        let alike = Teams { party_gap: 0.0, ..teams(2, 2) };
        assert_eq!(split(&shares(&[2, 1, 1], &[1.0; 3]), alike), None);
    }

    #[test]
    fn seats_that_are_left_are_spread_over_the_teams() {
        let found = split(&shares(&[1; 4], &[1.0; 4]), teams(2, 5)).unwrap();
        assert_eq!(found.team_of.iter().filter(|team| **team == 0).count(), 2);
    }

    #[test]
    fn parties_that_go_in_no_way_are_given_up_soon() {
        // 21 threes into 4 teams of 16: each takes 5. Teams that are as full are not told apart.
        let tries = Cell::new(MAX_TRIES);
        assert!(!fits([3; 21].into_iter(), (4, 16), &tries));
        assert!(tries.get() > MAX_TRIES / 2, "{}", tries.get());
    }

    #[test]
    fn what_may_be_spent_is_and_no_more() {
        // The largest first, where most is free, leaves no room for the last one.
        let sizes = [3, 3, 2, 2, 2];
        let tries = Cell::new(100);
        assert!(fits(sizes.into_iter(), (2, 6), &tries));
        let n_tries = 100 - tries.get();
        assert!(n_tries > 0);
        for (n, does) in [(0, false), (n_tries, false), (n_tries + 1, true)] {
            let tries = Cell::new(n);
            assert_eq!(fits(sizes.into_iter(), (2, 6), &tries), does, "{n}");
            assert_eq!(tries.get(), usize::from(does), "{n}");
        }
    }
}

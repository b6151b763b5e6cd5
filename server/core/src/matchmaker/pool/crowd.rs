//! Matches of more than two tickets within a group of neighbours: teams, or each for themselves.
//! Around each ticket a set is gathered of those near it who all fit each other; of all sets the
//! best is taken, then the best of what is left.

mod search;

use std::cell::Cell;

use smallvec::SmallVec;

use super::{
    duel::{NEARNESS, impatience},
    repeats::Repeats,
    rules::{Common, Rules},
    split::{self, Share, Split},
    waiting::Waiting,
};
use crate::{
    matchmaker::queue::{Kind, Players, Shape, Teams},
    time::Time,
};

/// Tickets of one group: who fits whom is kept in as many bits.
pub(super) const MAX_GROUP: usize = 128;

/// Of as many players as are in a match, so many gather others around them.
const RINGS_OF_A_MATCH: usize = 8;

/// Ways of packing parties into teams that are tried in vain within one group: each takes about as
/// long as a unit of a slice.
const MAX_PACKINGS: usize = 1_024;

/// A set of a group's tickets, by their places in it.
type Set = u128;

/// A match within a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gathered {
    /// The places in the group of each team's tickets.
    pub(super) teams: Vec<Vec<usize>>,
    pub(super) gap: f32,
}

/// Those who are gathered around one ticket.
#[derive(Debug, Clone)]
struct Ring {
    set: Set,
    score: f32,
}

/// A group at work.
#[derive(Debug)]
pub(super) struct Crowd<'g> {
    now: Time,
    group: &'g [&'g Waiting],
    rules: &'g Rules,
    /// Whom each fits.
    fits: Vec<Set>,
    /// How far it is from each to each.
    distances: Vec<f32>,
    /// What may still be spent on packing parties into teams.
    packings: Cell<usize>,
}

impl<'g> Crowd<'g> {
    pub(super) fn new(
        now: Time,
        group: &'g [&'g Waiting],
        rules: &'g Rules,
        repeats: &Repeats,
    ) -> Self {
        let n = group.len();
        assert!(n <= MAX_GROUP, "groups are cut before");
        let (mut fits, mut distances) = (vec![0; n], vec![f32::INFINITY; n * n]);
        for i in 0..n {
            for j in i + 1..n {
                if rules.is_out_of_reach(group[i], group[j]) {
                    continue;
                }
                if let Ok(distance) = rules.distance(now, group[i], group[j], repeats) {
                    fits[i] |= 1 << j;
                    fits[j] |= 1 << i;
                    distances[i * n + j] = distance;
                    distances[j * n + i] = distance;
                }
            }
        }
        Self { now, group, rules, fits, distances, packings: Cell::new(MAX_PACKINGS) }
    }

    /// The same, with less to be spent on packing parties into teams.
    pub(super) fn spending(self, packings: usize) -> Self {
        self.packings.set(packings);
        self
    }

    /// What was spent on that, in units of a slice.
    pub(super) fn n_packings(&self) -> usize {
        MAX_PACKINGS.saturating_sub(self.packings.get())
    }

    /// The matches of the group, none of which shares a ticket with another. If more neighbours are
    /// to come, matches of each for themselves are as large as may be.
    pub(super) fn gather(&self, is_last: bool) -> Vec<Gathered> {
        let n = self.group.len();
        let all = if n == MAX_GROUP { Set::MAX } else { (1 << n) - 1 };
        let (mut free, mut gathered) = (all, Vec::new());
        let mut rings: Vec<Option<Ring>> = vec![None; n];
        let (mut stale, mut wanted, mut n_tries) = (all, 0, search::MAX_TRIES);
        loop {
            let now_wanted = self.wanted(free, is_last);
            if now_wanted != wanted {
                (wanted, stale) = (now_wanted, free);
            }
            for (i, anchor) in places(stale & free).enumerate() {
                let is_asked = i % self.stride() == 0;
                rings[anchor] = is_asked.then(|| self.ring(anchor, free, wanted)).flatten();
            }
            let best = places(free).filter_map(|anchor| Some((anchor, rings[anchor].as_ref()?)));
            let best = best.max_by(|(i, a), (j, b)| a.score.total_cmp(&b.score).then(j.cmp(i)));
            let Some((anchor, Ring { set, .. })) = best else {
                let Some(found) = self.search(free, &mut n_tries) else { return gathered };
                found.teams.iter().flatten().for_each(|place| free &= !(1 << place));
                gathered.push(found);
                continue;
            };
            let set = *set;
            stale = 0;
            match self.arrange(set) {
                Some(found) => {
                    gathered.push(found);
                    free &= !set;
                    for other in places(free) {
                        if rings[other].as_ref().is_some_and(|ring| ring.set & set != 0) {
                            stale |= 1 << other;
                        }
                    }
                }
                None => rings[anchor] = None,
            }
        }
    }

    /// The match around one ticket, with what is there: the rest of the seats is for bots.
    pub(super) fn with_bots(&self, anchor: usize) -> Gathered {
        let all = (1..self.group.len()).fold(1, |all, i| all | 1 << i);
        let gathered = self.collect(anchor, self.outwards(anchor, all), self.rules.shape.fewest());
        let together = gathered.and_then(|(set, _)| self.arrange(set));
        together.or_else(|| self.arrange(1 << anchor)).expect("one ticket goes into a team")
    }

    /// The match around one ticket that is best for it, if there is one.
    pub(super) fn around(&self, anchor: usize) -> Option<Gathered> {
        let all = (1..self.group.len()).fold(1, |all, i| all | 1 << i);
        let wanted = self.rules.shape.most();
        let ring = self.collect(anchor, self.outwards(anchor, all), wanted);
        let ring = ring.and_then(|ring| self.finish(ring, wanted));
        ring.and_then(|ring| self.arrange(ring.set))
            .or_else(|| self.search_around(anchor, all, &mut { search::MAX_TRIES }))
    }

    /// The rule about teams by which those who are gathered around one ticket, who are enough, do
    /// not play each other; by its place in the queue.
    pub(super) fn team_rule_against(&self, anchor: usize) -> Option<usize> {
        let Shape::Teams(Teams { count, size }) = self.rules.shape else { return None };
        let all = (1..self.group.len()).fold(1, |all, i| all | 1 << i);
        let wanted = self.rules.shape.most();
        let ring = self.collect(anchor, self.outwards(anchor, all), wanted);
        let set = ring.and_then(|ring| self.finish(ring, wanted))?.set;
        if self.arrange(set).is_some() {
            return None;
        }
        let rule_of =
            |is: fn(&Kind) -> bool| self.rules.queue.rules.iter().position(|rule| is(&rule.kind));
        let any = split::Teams { count: count.into(), size: size.into(), party_gap: f32::INFINITY };
        let group: SmallVec<[&Waiting; 16]> = places(set).map(|i| self.group[i]).collect();
        let (balance_gap, _) = self.rules.team_gaps(&group);
        match split::split(&shares(&group), any) {
            Some(Split { gap, .. }) if gap <= balance_gap => {
                rule_of(|kind| matches!(kind, Kind::PartySize { .. }))
            }
            Some(_) => rule_of(|kind| matches!(kind, Kind::Balance { .. })),
            None => None,
        }
    }

    /// In large matches neighbours gather the same others: every so many are asked.
    fn stride(&self) -> usize {
        (self.rules.shape.most() / RINGS_OF_A_MATCH).max(1)
    }

    /// How many players a match should have: if those who are left go into several, as many each.
    fn wanted(&self, free: Set, is_last: bool) -> usize {
        match self.rules.shape {
            Shape::Players(Players { from, to }) if is_last => {
                let (from, to) = (usize::from(from), usize::from(to));
                let n_players: usize = places(free).map(|i| self.group[i].size()).sum();
                let n_matches = n_players.div_ceil(to).max(1);
                n_players.div_ceil(n_matches).clamp(from, to)
            }
            shape => shape.most(),
        }
    }

    /// The better of those who come behind a ticket, and those on both sides of it.
    fn ring(&self, anchor: usize, free: Set, wanted: usize) -> Option<Ring> {
        let forwards = self.collect(anchor, places(free & behind(anchor)), wanted);
        let outwards = self.collect(anchor, self.outwards(anchor, free), wanted);
        let finished = |collected: Option<_>| self.finish(collected?, wanted);
        match (finished(forwards), finished(outwards)) {
            (Some(one), Some(other)) if other.score > one.score => Some(other),
            (Some(one), _) => Some(one),
            (None, other) => other,
        }
    }

    /// Those of a set nearest to a place, on both sides.
    fn outwards(&self, anchor: usize, free: Set) -> impl Iterator<Item = usize> {
        let n = self.group.len();
        let beside = (1..n).flat_map(move |step| [anchor.checked_sub(step), Some(anchor + step)]);
        beside.flatten().filter(move |i| *i < n && free & 1 << *i != 0)
    }

    /// Adds one after the other who fits all before, until there are as many players as wanted.
    fn collect(
        &self,
        anchor: usize,
        others: impl Iterator<Item = usize>,
        wanted: usize,
    ) -> Option<(Set, usize)> {
        let (mut set, mut allowed) = (1 << anchor, self.fits[anchor]);
        let mut n_players = self.group[anchor].size();
        let mut sizes: SmallVec<[u8; 16]> = SmallVec::new();
        sizes.push(n_players as u8);
        let mut common = Common::of(self.group[anchor], self.rules)?;
        // Where a party goes into no team, none of its size does any more.
        let mut too_large = usize::MAX;
        for other in others {
            if n_players >= wanted {
                break;
            }
            let size = self.group[other].size();
            let is_larger = n_players + size > wanted || size >= too_large;
            if allowed & 1 << other == 0 || is_larger {
                continue;
            }
            let Some(joined) = common.join(self.group[other], self.rules) else { continue };
            sizes.push(size as u8);
            if let Shape::Teams(Teams { count, size: of_team }) = self.rules.shape {
                let teams = (count.into(), of_team.into());
                if !split::fits(sizes.iter().copied(), teams, &self.packings) {
                    sizes.pop();
                    too_large = size;
                    continue;
                }
            }
            common = joined;
            set |= 1 << other;
            allowed &= self.fits[other];
            n_players += size;
        }
        Some((set, n_players))
    }

    /// A set as it counts, if it is large enough.
    fn finish(&self, (set, n_players): (Set, usize), wanted: usize) -> Option<Ring> {
        if n_players < self.rules.shape.fewest() {
            return None;
        }
        let (n, mut apart, mut n_pairs, mut impatience_of_all) = (self.group.len(), 0.0, 0.0, 0.0);
        for i in places(set) {
            impatience_of_all += impatience(self.now, self.group[i], self.rules);
            for j in places(set & behind(i)) {
                apart += self.distances[i * n + j];
                n_pairs += 1.0;
            }
        }
        let nearness = 1.0 - apart / f32::max(n_pairs, 1.0) / self.rules.worst;
        let patience = impatience_of_all / set.count_ones() as f32;
        let fullness = NEARNESS * n_players as f32 / wanted as f32;
        Some(Ring { set, score: NEARNESS * nearness + 2.0 * patience + fullness })
    }

    /// Who plays in which team; none if a rule about teams does not hold.
    fn arrange(&self, set: Set) -> Option<Gathered> {
        let tickets: Vec<usize> = places(set).collect();
        let ratings = || tickets.iter().map(|i| self.group[*i].rating);
        let Shape::Teams(Teams { count, size }) = self.rules.shape else {
            let gap = ratings().fold(f32::MIN, f32::max) - ratings().fold(f32::MAX, f32::min);
            return Some(Gathered { teams: tickets.iter().map(|i| vec![*i]).collect(), gap });
        };
        let group: SmallVec<[&Waiting; 16]> = tickets.iter().map(|i| self.group[*i]).collect();
        let (balance_gap, party_gap) = self.rules.team_gaps(&group);
        let teams = split::Teams { count: count.into(), size: size.into(), party_gap };
        let Split { team_of, gap } = split::split(&shares(&group), teams)?;
        if gap > balance_gap {
            return None;
        }
        let mut teams = vec![Vec::new(); count.into()];
        for (ticket, team) in tickets.into_iter().zip(team_of) {
            teams[team].push(ticket);
        }
        Some(Gathered { teams, gap })
    }
}

fn shares(group: &[&Waiting]) -> SmallVec<[Share; 16]> {
    let share = |ticket: &&Waiting| Share { size: ticket.size() as u8, rating: ticket.rating };
    group.iter().map(share).collect()
}

/// All places behind this one.
fn behind(place: usize) -> Set {
    Set::MAX << place << 1
}

/// The places that are in a set.
fn places(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(place)
    })
}

//! A wave over a pool, in slices: first those who have waited long look far around, then everybody
//! is paired within groups of neighbours along the order, then bots come for those who have waited
//! for them. Tickets may come and go between two slices.
//!
//! ```text
//!         Urgent ──► Sweep ──► Bots ──► rest
//! ```

use std::time::Duration;

use super::{
    Found, Place, Pool, Progress,
    crowd::{Crowd, Gathered, MAX_GROUP},
    duel, in_order, place,
    waiting::Waiting,
};
use crate::time::Time;

/// Shortest time between two waves that only time is the reason for.
const SHORTEST_REST: Duration = Duration::from_millis(250);
/// A wave is followed by as many times as long without one.
const RESTS: u32 = 3;
/// Neighbours of whom the best pairs are found at once.
const GROUP_OF_DUELS: usize = 48;
/// Of these the last, who may find somebody better behind them, and those who found nobody: they
/// are in the next group as well.
const AHEAD_OF_DUELS: usize = 12;
/// Of those who found nobody so many are in the next group.
const LEFT_OF_DUELS: usize = 12;
/// Tickets that look far around in one wave.
const MAX_URGENT: usize = 256;
/// Others each of them looks at, if that takes no longer than [`MOST_OF_A_LOOK`].
const MAX_EXAMINED: usize = 1024;
/// Units that one of them may take to look at others.
const MOST_OF_A_LOOK: usize = 512;
/// Neighbours on either side whom bots do not replace.
const MAX_BESIDE_BOTS: usize = 32;

/// What becomes of each ticket that is matched takes time as well: its owner is told, and a lobby
/// is made.
const UNITS_OF_A_MATCHED: usize = 25;

/// A wave that is on.
#[derive(Debug)]
pub(super) struct Cycle {
    /// When it began: as long everybody has waited.
    at: Time,
    stage: Stage,
    /// Neighbours, in order, whom the sweep has reached and who are not matched.
    pub(super) group: Vec<u32>,
    /// How far the sweep has come.
    reached: Place,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Urgent { n_left: usize },
    Sweep,
    Bots { next: (Time, u32) },
    Over,
}

/// The tickets of each team, and how far apart the teams are.
type Match = (Vec<Vec<u32>>, f32);

impl Cycle {
    /// A ticket is here no more.
    pub(super) fn forget(&mut self, slot: u32) {
        self.group.retain(|kept| *kept != slot);
    }
}

impl Pool {
    /// Works on a wave, if one is due, for about so many units, each about a microsecond long, and
    /// adds the matches that it found.
    pub fn step(&mut self, now: Time, budget: usize, found: &mut Vec<Found>) -> Progress {
        let mut cycle = match self.cycle.take() {
            Some(cycle) => cycle,
            None if self.next_wave().is_none_or(|at| at > now) => return Progress::Done,
            None => self.begin(now),
        };
        let mut n_done = 0;
        while n_done < budget.max(1) {
            let n_waiting = self.len();
            n_done += match cycle.stage {
                Stage::Urgent { n_left } => self.look_far(&mut cycle, n_left, found),
                Stage::Sweep => self.sweep(&mut cycle, found),
                Stage::Bots { next } => self.call_bots(&mut cycle, next, found),
                Stage::Over => {
                    self.rest(now, cycle.at);
                    return Progress::Done;
                }
            };
            n_done += UNITS_OF_A_MATCHED * (n_waiting - self.len());
        }
        self.cycle = Some(cycle);
        Progress::More
    }

    fn begin(&mut self, now: Time) -> Cycle {
        self.unseen = None;
        self.again = None;
        // Where all are one group, nobody is too far away.
        let n_left = if self.len() > self.group_size() { MAX_URGENT } else { 0 };
        Cycle { at: now, stage: Stage::Urgent { n_left }, group: Vec::new(), reached: (0, 0, 0) }
    }

    /// After a wave: nothing for so long that waves take a quarter of the time at most.
    fn rest(&mut self, now: Time, began: Time) {
        self.not_before = now + RESTS * now.since(began);
        let is_changing = self.queue().changes_with_time() || self.len() > self.group_size();
        let is_enough = self.len() > 1 || self.queue().bots_after().is_some();
        if is_changing && is_enough && !self.is_empty() {
            let after = Duration::from_millis(self.queue().wave.after_ms);
            self.again = Some(now + after.max(SHORTEST_REST));
        }
    }

    fn is_for_pairs(&self) -> bool {
        self.rules.shape.most() == 2
    }

    fn group_size(&self) -> usize {
        let is_for_pairs = self.is_for_pairs();
        if is_for_pairs {
            GROUP_OF_DUELS
        } else {
            (4 * self.rules.shape.most()).clamp(64, MAX_GROUP)
        }
    }

    /// How many of a group's last, and of those who found nobody, are in the next one too.
    fn kept_of_group(&self) -> (usize, usize) {
        if self.is_for_pairs() {
            (AHEAD_OF_DUELS, LEFT_OF_DUELS)
        } else {
            (self.rules.shape.most().min(self.group_size() / 2), self.group_size() / 4)
        }
    }

    /// One of those who have waited for half of the time that there is.
    fn look_far(&mut self, cycle: &mut Cycle, n_left: usize, found: &mut Vec<Found>) -> usize {
        let half = self.queue().give_up() / 2;
        let next = self.by_since.from(&self.next_urgent).next();
        let Some((since, slot)) = next.filter(|(since, _)| *since + half <= cycle.at) else {
            // From the first on, the next time.
            self.next_urgent = (Time::ZERO, 0);
            cycle.stage = Stage::Sweep;
            return 1;
        };
        if n_left == 0 {
            cycle.stage = Stage::Sweep;
            return 1;
        }
        cycle.stage = Stage::Urgent { n_left: n_left - 1 };
        self.next_urgent = (since, slot + 1);
        let (around, n_examined) = self.around(cycle.at, slot);
        let mut n_units = 1 + n_examined * self.quarters_of_a_look() / 4;
        let matched = if self.is_for_pairs() {
            let best =
                around.iter().max_by_key(|(worth, other)| (*worth, std::cmp::Reverse(*other)));
            best.map(|(_, other)| {
                let of = |slot: u32| self.tickets[slot as usize].rating;
                (vec![vec![slot], vec![*other]], (of(slot) - of(*other)).abs())
            })
        } else {
            n_units += units_of_group(self.group_size().min(1 + around.len()));
            let (matched, n_packings) = self.ring_around(cycle.at, slot, around);
            n_units += n_packings;
            matched
        };
        if let Some((teams, gap)) = matched {
            found.push(self.commit(&teams, gap));
        }
        n_units
    }

    /// What it takes to look at somebody who is not at hand, in quarters of a unit.
    fn quarters_of_a_look(&self) -> usize {
        1 + self.queue().rules.len()
    }

    /// Those who fit a ticket, of many, and what a pair with each is worth; and how many they are.
    fn around(&mut self, now: Time, slot: u32) -> (Vec<(i64, u32)>, usize) {
        self.tickets[slot as usize].stand(&self.rules, now);
        let own = &self.tickets[slot as usize];
        let (sort, reach) = (own.sort, self.rules.reach(own));
        let own = place(own, slot);
        let most = MAX_EXAMINED.min(4 * MOST_OF_A_LOOK / self.quarters_of_a_look());
        // Its window, by how many come before; every other time not about itself but about anybody
        // there, if there are more than can be looked at.
        let random = self.draw();
        let rank = |rating: f32, slot: u32| self.order.rank(&(own.0, in_order(rating), slot));
        let (from, to) = (rank(sort - reach, 0), rank(sort + reach, u32::MAX));
        let anywhere = from + (random >> 1) as usize % (to - from).max(1);
        let middle = if random & 1 == 1 { anywhere } else { self.order.rank(&own) };
        let last = from.max(to.saturating_sub(most));
        let first = middle.saturating_sub(most / 2).clamp(from, last);
        let n = (to - first).min(most);
        let first = self.order.nth(first).unwrap_or(own);
        let others: Vec<u32> = self.order.from(&first).take(n).map(|(.., slot)| slot).collect();
        let mut fitting = Vec::new();
        for other in others.iter().copied().filter(|other| *other != slot) {
            if let Ok(distance) = self.distance(now, slot, other) {
                let of = |slot: u32| &self.tickets[slot as usize];
                let worth = duel::worth(now, of(slot), of(other), distance, &self.rules);
                fitting.push((worth, other));
            }
        }
        (fitting, others.len())
    }

    /// A match of more than two around a ticket, of those who fit it best; and what it took to
    /// pack them into teams.
    fn ring_around(
        &self,
        now: Time,
        slot: u32,
        mut around: Vec<(i64, u32)>,
    ) -> (Option<Match>, usize) {
        around.sort_unstable_by_key(|(worth, other)| (std::cmp::Reverse(*worth), *other));
        around.truncate(self.group_size() - 1);
        let slots: Vec<u32> = [slot].into_iter().chain(around.iter().map(|(_, s)| *s)).collect();
        let group: Vec<&Waiting> = slots.iter().map(|s| &self.tickets[*s as usize]).collect();
        let crowd = Crowd::new(now, &group, &self.rules, &self.repeats);
        let gathered = crowd.around(0);
        let matched = gathered.map(|gathered| (in_slots(&gathered, &slots), gathered.gap));
        (matched, crowd.n_packings())
    }

    /// One group of neighbours.
    fn sweep(&mut self, cycle: &mut Cycle, found: &mut Vec<Found>) -> usize {
        let size = self.group_size();
        let mut bucket = cycle.group.first().map(|slot| self.tickets[*slot as usize].bucket);
        let mut is_last = true;
        for next in self.order.from(&cycle.reached) {
            if bucket.is_some_and(|bucket| bucket != next.0) {
                break;
            }
            if cycle.group.len() == size {
                is_last = false;
                break;
            }
            bucket = Some(next.0);
            cycle.group.push(next.2);
            cycle.reached = (next.0, next.1, next.2 + 1);
        }
        let n = cycle.group.len();
        if n == 0 {
            cycle.stage = Stage::Bots { next: (Time::ZERO, 0) };
            return 1;
        }
        for slot in &cycle.group {
            self.tickets[*slot as usize].stand(&self.rules, cycle.at);
        }
        let (matched, n_packings) = self.match_group(cycle.at, &cycle.group, is_last);
        let last = self.tickets[cycle.group[n - 1] as usize].sort;
        let (n_ahead, most_left) = self.kept_of_group();
        let mut is_free = vec![true; n];
        for gathered in matched {
            let mut places = gathered.teams.iter().flatten();
            if is_last || places.any(|i| i + n_ahead < n) {
                gathered.teams.iter().flatten().for_each(|i| is_free[*i] = false);
                found.push(self.commit(&in_slots(&gathered, &cycle.group), gathered.gap));
            }
        }
        // Who may find somebody further on is in the next group as well.
        let (mut i, mut n_left) = (n, 0);
        let group = std::mem::take(&mut cycle.group);
        for slot in group.into_iter().rev().filter(|_| !is_last) {
            i -= 1;
            let goes_so_far = |ticket: &Waiting| last - ticket.sort <= self.rules.reach(ticket);
            if !is_free[i] || !goes_so_far(&self.tickets[slot as usize]) {
                continue;
            }
            if i + n_ahead < n {
                n_left += 1;
            }
            if n_left <= most_left {
                cycle.group.push(slot);
            }
        }
        cycle.group.reverse();
        units_of_group(n) + n_packings
    }

    /// The matches within a group, whose tickets stand; and what it took to pack them into teams.
    fn match_group(&mut self, now: Time, slots: &[u32], is_last: bool) -> (Vec<Gathered>, usize) {
        let group: Vec<&Waiting> = slots.iter().map(|slot| &self.tickets[*slot as usize]).collect();
        if !self.is_for_pairs() {
            let crowd = Crowd::new(now, &group, &self.rules, &self.repeats);
            return (crowd.gather(is_last), crowd.n_packings());
        }
        let mates = self.duels.pair(now, &group, &self.rules, &self.repeats);
        let pairs = mates.iter().enumerate().filter_map(|(i, mate)| Some((i, (*mate)?)));
        let once = pairs.filter(|(i, mate)| i < mate);
        let gap = |i: usize, j: usize| (group[i].rating - group[j].rating).abs();
        let pair = |(i, j)| Gathered { teams: vec![vec![i], vec![j]], gap: gap(i, j) };
        (once.map(pair).collect(), 0)
    }

    /// One of those who have waited long enough for bots, with others of them who are near.
    fn call_bots(&mut self, cycle: &mut Cycle, next: (Time, u32), found: &mut Vec<Found>) -> usize {
        let is_ripe = |since: Time, after: Duration| since + after <= cycle.at;
        let ripe = self.queue().bots_after().and_then(|after| {
            let next = self.by_since.from(&next).next()?;
            is_ripe(next.0, after).then_some((next, after))
        });
        let Some(((since, slot), after)) = ripe else {
            cycle.stage = Stage::Over;
            return 1;
        };
        cycle.stage = Stage::Bots { next: (since, slot + 1) };
        let own = place(&self.tickets[slot as usize], slot);
        let beside: Vec<u32> = (self.order.before(&own).take(MAX_BESIDE_BOTS))
            .chain(self.order.from(&own).skip(1).take(MAX_BESIDE_BOTS))
            .filter(|other| other.0 == own.0)
            .map(|(.., slot)| slot)
            .filter(|slot| is_ripe(self.tickets[*slot as usize].since, after))
            .collect();
        let slots: Vec<u32> = [slot].into_iter().chain(beside).collect();
        for slot in &slots {
            self.tickets[*slot as usize].stand(&self.rules, cycle.at);
        }
        let gathered = {
            let group: Vec<&Waiting> = slots.iter().map(|s| &self.tickets[*s as usize]).collect();
            Crowd::new(cycle.at, &group, &self.rules, &self.repeats).with_bots(0)
        };
        found.push(self.commit(&in_slots(&gathered, &slots), gathered.gap));
        units_of_group(slots.len())
    }

    /// Takes the tickets of a match out; the seats that are left are for bots.
    fn commit(&mut self, teams: &[Vec<u32>], gap: f32) -> Found {
        let tickets: Vec<&Waiting> =
            teams.iter().flatten().map(|slot| &self.tickets[*slot as usize]).collect();
        let n_players: usize = tickets.iter().map(|ticket| ticket.size()).sum();
        let region = self.rules.region(&tickets);
        let n_bots = self.rules.shape.fewest().saturating_sub(n_players) as u8;
        let keys = teams.iter().map(|team| team.iter().map(|slot| self.take(*slot).key).collect());
        Found { teams: keys.collect(), region, gap, n_bots }
    }

    /// The next number of the seed's sequence.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// What it takes to look at each pair of a group.
fn units_of_group(n: usize) -> usize {
    n * n / 8 + 1
}

/// A match of a group, by where its tickets are kept.
fn in_slots(gathered: &Gathered, slots: &[u32]) -> Vec<Vec<u32>> {
    let team = |team: &Vec<usize>| team.iter().map(|i| slots[*i]).collect();
    gathered.teams.iter().map(team).collect()
}

//! The tickets that wait in one queue, and who of them play each other: `insert` them, `remove`
//! them, and call `step` at the `deadline`. Nothing is decided about what becomes of a match that
//! was found: its tickets are no longer here, and come back with `insert` if it comes to nothing.

mod blossom;
mod candidate;
mod crowd;
mod cycle;
mod duel;
mod repeats;
mod rules;
mod sorted;
mod split;
mod waiting;

use std::{collections::HashMap, sync::Arc, time::Duration};

use slab::Slab;

pub use candidate::{
    Attribute, Candidate, MAX_ATTRIBUTES, MAX_AVOIDED, MAX_LATENCY_MS, MAX_REGIONS,
    MAX_STRING_BYTES, MAX_STRINGS, MemberTraits, TicketKey, Unfit,
};
pub use repeats::MAX_REMEMBERED;
pub use rules::Obstacle;

use super::queue::{Kind, Queue, Rule};
use crate::{
    fault::{self, Fault},
    hash::Keyed,
    time::{Time, earliest},
};
use crowd::Crowd;
use cycle::Cycle;
use duel::Duels;
use repeats::Repeats;
use rules::Rules;
use sorted::Sorted;
use waiting::Waiting;

/// Neighbours on either side that [`Pool::why`] looks at.
const MAX_NEIGHBOURS: usize = 64;

/// Of those who fit so many, the nearest, are asked for a match of teams with whom it is explained.
const MAX_EXPLAINED: usize = 24;

/// What is spent then on packing parties into teams.
const PACKINGS_EXPLAINED: usize = 64;

/// Where a ticket stands among those that wait: what it must have in common with others, what it
/// is sorted by, and where it is kept.
type Place = (u64, u32, u32);

/// The tickets that wait in one queue.
#[derive(Debug)]
pub struct Pool {
    rules: Rules,
    tickets: Slab<Waiting>,
    /// Where each is kept; never iterated.
    by_key: HashMap<TicketKey, u32, Keyed>,
    /// Neighbours stand beside each other.
    order: Sorted<Place>,
    /// Who waits longest comes first.
    by_since: Sorted<(Time, u32)>,
    n_players: usize,
    repeats: Repeats,
    /// When the oldest came that no wave has seen, and how many there are.
    unseen: Option<(Time, u32)>,
    /// When there is a wave though nobody comes.
    again: Option<Time>,
    /// There is no wave before: nobody else would have a turn.
    not_before: Time,
    /// The wave that is on.
    cycle: Option<Cycle>,
    duels: Duels,
    /// Whose turn it is of those who have waited long.
    next_urgent: (Time, u32),
    random: u64,
}

/// A match that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The tickets of each team; in a match of each for themselves every ticket is a team. Teams
    /// of bots alone are empty.
    pub teams: Vec<Vec<TicketKey>>,
    /// The region that is nearest to who has it worst, if the queue asks for one.
    pub region: Option<Box<str>>,
    /// How far the ratings are apart: the means of the best and the worst team.
    pub gap: f32,
    /// How many seats are for bots.
    pub n_bots: u8,
}

/// Whether a wave is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to do until the deadline.
    Done,
    /// Come again soon.
    More,
}

/// Why a ticket still waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Why {
    /// How many other tickets wait.
    pub others: usize,
    /// How many of them, the nearest, were looked at.
    pub near: usize,
    /// How many players of those would do, and of its own.
    pub fitting: usize,
    /// What keeps the rest apart and how many each, most first.
    pub obstacles: Vec<(Obstacle, usize)>,
    /// The rule about teams that keeps those who would do, and are enough, from a match, by its
    /// place in the queue.
    pub of_teams: Option<u8>,
}

impl Pool {
    /// An empty one. The same seed and the same calls find the same matches.
    pub fn new(queue: Arc<Queue>, seed: u64) -> Self {
        Self {
            rules: Rules::new(queue, seed),
            tickets: Slab::new(),
            by_key: HashMap::with_hasher(Keyed::new(seed)),
            order: Sorted::default(),
            by_since: Sorted::default(),
            n_players: 0,
            repeats: Repeats::default(),
            unseen: None,
            again: None,
            not_before: Time::ZERO,
            cycle: None,
            duels: Duels::default(),
            next_urgent: (Time::ZERO, 0),
            random: seed,
        }
    }

    /// The queue whose tickets wait here.
    pub fn queue(&self) -> &Arc<Queue> {
        &self.rules.queue
    }

    /// Adds a ticket, also one that returns: it has its old wait.
    ///
    /// # Errors
    /// If it cannot wait here, whatever happens.
    pub fn insert(&mut self, now: Time, candidate: Candidate) -> Result<(), Unfit> {
        candidate.judge(self.queue().largest_party())?;
        if self.by_key.contains_key(&candidate.key) {
            return Err(Unfit::Taken);
        }
        let waiting = Waiting::new(candidate, &self.rules)?;
        self.n_players += waiting.size();
        let entry = self.tickets.vacant_entry();
        let slot = entry.key() as u32;
        self.by_key.insert(waiting.key, slot);
        self.by_since.insert((waiting.since, slot));
        self.order.insert(place(&waiting, slot));
        entry.insert(waiting);
        let (since, n_unseen) = self.unseen.unwrap_or((now, 0));
        self.unseen = Some((since, n_unseen + 1));
        Ok(())
    }

    /// Takes a ticket out, at any time; false if it was not here.
    pub fn remove(&mut self, key: TicketKey) -> bool {
        let Some(slot) = self.by_key.get(&key) else { return false };
        self.take(*slot);
        true
    }

    fn take(&mut self, slot: u32) -> Waiting {
        let waiting = self.tickets.remove(slot as usize);
        self.by_key.remove(&waiting.key);
        self.by_since.remove(&(waiting.since, slot));
        self.order.remove(&place(&waiting, slot));
        self.n_players -= waiting.size();
        if let Some(cycle) = &mut self.cycle {
            cycle.forget(slot);
        }
        waiting
    }

    /// These players have met in a match, one list for each team.
    pub fn met(&mut self, now: Time, teams: &[&[u64]]) {
        let last = self.queue().rules.iter().filter_map(|rule| match rule.kind {
            Kind::AvoidRepeats { last, .. } => Some(last),
            _ => None,
        });
        if let Some(last) = last.max() {
            self.repeats.note(now, teams, last);
        }
    }

    /// When there is something to do: `step` if a wave is due or on, `expire` if somebody has
    /// waited too long.
    pub fn deadline(&self) -> Option<Time> {
        let give_up = self.by_since.first().map(|(since, _)| since + self.queue().give_up());
        let wave = if self.cycle.is_some() { Some(Time::ZERO) } else { self.next_wave() };
        earliest([wave, give_up])
    }

    fn next_wave(&self) -> Option<Time> {
        let wave = self.queue().wave;
        let by_unseen = self.unseen.map(|(since, n_unseen)| {
            let is_full = n_unseen >= wave.tickets;
            if is_full { Time::ZERO } else { since + Duration::from_millis(wave.after_ms) }
        });
        earliest([by_unseen, self.again]).map(|at| at.max(self.not_before))
    }

    fn distance(&mut self, now: Time, one: u32, other: u32) -> Result<f32, Obstacle> {
        let (one, other) = self
            .tickets
            .get2_mut(one as usize, other as usize)
            .expect("both wait here and are different");
        one.stand(&self.rules, now);
        other.stand(&self.rules, now);
        self.rules.distance(now, one, other, &self.repeats)
    }

    /// Takes out one that has waited too long, if there is one.
    pub fn expire(&mut self, now: Time) -> Option<TicketKey> {
        let (since, slot) = self.by_since.first()?;
        let is_over = since + self.queue().give_up() <= now;
        (is_over && !fault::is_planted(Fault::WaitsForever)).then(|| self.take(slot).key)
    }

    /// How many tickets wait.
    pub fn len(&self) -> usize {
        self.tickets.len()
    }

    /// True if nobody waits.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// How many players wait.
    pub fn n_players(&self) -> usize {
        self.n_players
    }

    /// How many tickets have waited longer than this one.
    pub fn position(&self, key: TicketKey) -> Option<usize> {
        let slot = *self.by_key.get(&key)?;
        let since = self.tickets[slot as usize].since;
        Some(self.by_since.rank(&(since, slot)))
    }

    /// How many tickets have waited longer than one that has waited since then.
    pub fn n_before(&self, since: Time) -> usize {
        self.by_since.rank(&(since, 0))
    }

    /// What keeps a ticket from those nearest to it.
    pub fn why(&mut self, now: Time, key: TicketKey) -> Option<Why> {
        let slot = *self.by_key.get(&key)?;
        let own = place(&self.tickets[slot as usize], slot);
        let behind = self.order.from(&own).skip(1).take(MAX_NEIGHBOURS);
        let near: Vec<u32> = (self.order.before(&own).take(MAX_NEIGHBOURS))
            .chain(behind)
            .map(|(.., slot)| slot)
            .collect();
        let fitting = self.tickets[slot as usize].size();
        let mut why = Why { others: self.len() - 1, near: near.len(), fitting, ..Why::default() };
        let mut fitting = Vec::new();
        for other in near {
            match self.distance(now, slot, other) {
                Ok(distance) => {
                    why.fitting += self.tickets[other as usize].size();
                    fitting.push((in_order(distance), other));
                }
                Err(obstacle) => {
                    match why.obstacles.iter_mut().find(|(known, _)| *known == obstacle) {
                        Some((_, n)) => *n += 1,
                        None => why.obstacles.push((obstacle, 1)),
                    }
                }
            }
        }
        why.obstacles.sort_by_key(|(obstacle, n)| (std::cmp::Reverse(*n), *obstacle));
        why.of_teams = self.team_rule_against(now, slot, fitting);
        Some(why)
    }

    /// The rule about teams that keeps a ticket from a match with those of these who are nearest.
    fn team_rule_against(&self, now: Time, own: u32, mut fitting: Vec<(u32, u32)>) -> Option<u8> {
        let is_of_teams =
            |rule: &Rule| matches!(rule.kind, Kind::Balance { .. } | Kind::PartySize { .. });
        if self.rules.are_single() || !self.queue().rules.iter().any(is_of_teams) {
            return None;
        }
        fitting.sort_unstable();
        fitting.truncate(MAX_EXPLAINED);
        let slots = [own].into_iter().chain(fitting.into_iter().map(|(_, slot)| slot));
        let group: Vec<&Waiting> = slots.map(|slot| &self.tickets[slot as usize]).collect();
        let crowd = Crowd::new(now, &group, &self.rules, &self.repeats);
        let rule = crowd.spending(PACKINGS_EXPLAINED).team_rule_against(0);
        rule.map(|rule| rule as u8)
    }
}

fn place(waiting: &Waiting, slot: u32) -> Place {
    (waiting.bucket, in_order(waiting.sort), slot)
}

/// Bits that are in the same order as the numbers.
fn in_order(number: f32) -> u32 {
    let bits = number.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

#[cfg(test)]
mod tests;

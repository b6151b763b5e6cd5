//! Who has met whom lately, for as long as a queue's rule asks, and no more of it than fits.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::time::Time;

/// Players of whom a pool remembers whom they met; those who played longest ago are forgotten.
pub const MAX_REMEMBERED: usize = 65_536;

/// The last matches of those who played lately.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    by_player: BTreeMap<u64, VecDeque<Met>>,
    /// When each played last.
    by_time: BTreeSet<(Time, u64)>,
}

/// One match of somebody.
#[derive(Debug)]
struct Met {
    at: Time,
    opponents: Box<[u64]>,
}

impl Repeats {
    /// These teams have played each other. Of each player the last so many matches count.
    pub(super) fn note(&mut self, now: Time, teams: &[&[u64]], last: u8) {
        for (i, team) in teams.iter().enumerate() {
            let others = teams.iter().enumerate().filter(|(j, _)| *j != i);
            let opponents: Box<[u64]> =
                others.flat_map(|(_, other)| other.iter().copied()).collect();
            for player in *team {
                self.note_one(now, *player, &opponents, last);
            }
        }
        while self.by_player.len() > MAX_REMEMBERED {
            let Some((_, player)) = self.by_time.pop_first() else { break };
            self.by_player.remove(&player);
        }
    }

    fn note_one(&mut self, now: Time, player: u64, opponents: &[u64], last: u8) {
        let met = self.by_player.entry(player).or_default();
        if let Some(before) = met.back() {
            self.by_time.remove(&(before.at, player));
        }
        met.push_back(Met { at: now, opponents: opponents.into() });
        while met.len() > usize::from(last) {
            met.pop_front();
        }
        self.by_time.insert((now, player));
    }

    /// True if one of the two met the other in the last matches that are remembered, and not
    /// longer ago than this.
    pub(super) fn have_met(
        &self,
        now: Time,
        one: u64,
        other: u64,
        within: Option<Duration>,
    ) -> bool {
        if self.by_player.is_empty() {
            return false;
        }
        let has_met = |one: u64, other: u64| {
            let met = self.by_player.get(&one).into_iter().flatten();
            let is_recent = |met: &&Met| within.is_none_or(|within| now.since(met.at) < within);
            met.filter(is_recent).any(|met| met.opponents.contains(&other))
        };
        has_met(one, other) || has_met(other, one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn opponents_are_remembered_for_so_many_matches_and_so_long() {
        let mut repeats = Repeats::default();
        repeats.note(at(1), &[&[1, 2], &[3, 4]], 2);
        let met = |repeats: &Repeats, one, other| repeats.have_met(at(9), one, other, None);
        assert!(met(&repeats, 1, 3) && met(&repeats, 4, 2));
        assert!(!met(&repeats, 1, 2), "they were on one side");
        let within = |seconds| Some(Duration::from_secs(seconds));
        assert!(repeats.have_met(at(9), 1, 3, within(9)));
        assert!(!repeats.have_met(at(9), 1, 3, within(8)));
        repeats.note(at(2), &[&[1], &[5]], 2);
        assert!(met(&repeats, 1, 3));
        repeats.note(at(3), &[&[1], &[6]], 2);
        assert!(met(&repeats, 1, 3), "for the other it was the last one");
        repeats.note(at(4), &[&[3], &[7]], 2);
        repeats.note(at(5), &[&[3], &[8]], 2);
        assert!(!met(&repeats, 1, 3));
        assert_eq!(repeats.by_time.len(), repeats.by_player.len(), "each once, when it was last");
    }

    #[test]
    fn those_who_played_longest_ago_are_forgotten_first() {
        let mut repeats = Repeats::default();
        let n = MAX_REMEMBERED as u64;
        for player in (0..n).step_by(2) {
            repeats.note(at(player), &[&[player], &[player + 1]], 3);
        }
        assert!(repeats.have_met(at(0), 0, 1, None));
        assert_eq!(repeats.by_player.len(), MAX_REMEMBERED);
        repeats.note(at(n), &[&[n], &[n + 1]], 3);
        assert!(!repeats.have_met(at(0), 0, 1, None));
        assert!(repeats.have_met(at(0), n, n + 1, None));
        assert_eq!(repeats.by_player.len(), MAX_REMEMBERED);
        assert_eq!(repeats.by_time.len(), MAX_REMEMBERED);
    }
}

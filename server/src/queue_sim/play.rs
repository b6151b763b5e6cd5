//! Plays a trace through the pools, event by event: arrivals, those who leave, waves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use parlor_core::{
    matchmaker::{
        TicketRecord,
        pool::{Pool, Progress, TicketKey},
        queue::Queue,
    },
    time::Time,
};

use super::trace::Arrival as _;

/// What came of one queue's tickets.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) queue: String,
    pub(super) n_matches: usize,
    pub(super) tickets: Vec<Ticket>,
}

/// What came of one ticket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) rating: f32,
    pub(super) wait: Duration,
    pub(super) end: End,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// With others alone; how far the ratings of the match are apart.
    Matched {
        gap: f32,
    },
    WithBots,
    GivenUp,
    Left,
    /// The queue does not take such tickets.
    Refused,
}

/// One queue at work.
struct Run<'a> {
    pool: Pool,
    arrivals: &'a [TicketRecord],
    /// Which arrivals are this queue's, in order.
    own: Vec<u32>,
    next: usize,
    /// Who leaves when.
    leaves: BTreeSet<(Time, u32)>,
    ends: BTreeMap<u32, (Time, End)>,
    n_matches: usize,
}

/// Each queue's tickets, in the order of the configuration; those without any are left out.
pub(super) fn play(
    queues: &[Arc<Queue>],
    arrivals: &[TicketRecord],
    seed: u64,
) -> Result<Vec<Outcome>> {
    let mut own: Vec<Vec<u32>> = vec![Vec::new(); queues.len()];
    for (i, arrival) in arrivals.iter().enumerate() {
        let named = |name: &String| queues.iter().position(|queue| queue.name == *name);
        let queue = match &arrival.queue {
            Some(name) => named(name).with_context(|| format!("there is no queue `{name}`"))?,
            None => 0,
        };
        own[queue].push(i as u32);
    }
    let played = queues.iter().zip(own).filter(|(_, own)| !own.is_empty());
    Ok(played.map(|(queue, own)| Run::new(queue, arrivals, own, seed).play()).collect())
}

impl<'a> Run<'a> {
    fn new(queue: &Arc<Queue>, arrivals: &'a [TicketRecord], own: Vec<u32>, seed: u64) -> Self {
        let pool = Pool::new(queue.clone(), seed);
        let (leaves, ends) = (BTreeSet::new(), BTreeMap::new());
        Self { pool, arrivals, own, next: 0, leaves, ends, n_matches: 0 }
    }

    fn play(mut self) -> Outcome {
        let mut now = Time::ZERO;
        while let Some(at) = self.next_event() {
            now = now.max(at);
            self.leave(now);
            self.arrive(now);
            self.give_up(now);
            self.pair(now);
        }
        let ticket = |key: &u32| {
            let arrival = &self.arrivals[*key as usize];
            let (at, end) = self.ends[key];
            Ticket { rating: arrival.rating(), wait: at.since(arrival.at()), end }
        };
        Outcome {
            queue: self.pool.queue().name.clone(),
            n_matches: self.n_matches,
            tickets: self.own.iter().map(ticket).collect(),
        }
    }

    fn next_event(&self) -> Option<Time> {
        let arrival = self.own.get(self.next).map(|key| self.arrivals[*key as usize].at());
        let leaves = self.leaves.first().map(|(at, _)| *at);
        [arrival, leaves, self.pool.deadline()].into_iter().flatten().min()
    }

    fn arrive(&mut self, now: Time) {
        while let Some(key) = self.own.get(self.next).copied() {
            let arrival = &self.arrivals[key as usize];
            if arrival.at() > now {
                return;
            }
            self.next += 1;
            if self.pool.insert(now, arrival.candidate(key)).is_err() {
                self.ends.insert(key, (now, End::Refused));
            } else if let Some(leave_ms) = arrival.leave_ms {
                self.leaves.insert((now + Duration::from_millis(leave_ms), key));
            }
        }
    }

    fn leave(&mut self, now: Time) {
        while self.leaves.first().is_some_and(|(at, _)| *at <= now) {
            let Some((at, key)) = self.leaves.pop_first() else { return };
            if self.pool.remove(TicketKey(key)) {
                self.ends.insert(key, (at, End::Left));
            }
        }
    }

    fn give_up(&mut self, now: Time) {
        while let Some(TicketKey(key)) = self.pool.expire(now) {
            self.ends.insert(key, (now, End::GivenUp));
        }
    }

    fn pair(&mut self, now: Time) {
        let mut all = Vec::new();
        while self.pool.step(now, usize::MAX, &mut all) == Progress::More {}
        for found in all {
            self.n_matches += 1;
            let end = match found.n_bots {
                0 => End::Matched { gap: found.gap },
                _ => End::WithBots,
            };
            let mut players: Vec<Vec<u64>> = Vec::new();
            for team in &found.teams {
                let mut own = Vec::new();
                for TicketKey(key) in team {
                    self.ends.insert(*key, (now, end));
                    let candidate = self.arrivals[*key as usize].candidate(*key);
                    own.extend(candidate.members.iter().map(|member| member.player));
                }
                players.push(own);
            }
            let players: Vec<&[u64]> = players.iter().map(Vec::as_slice).collect();
            self.pool.met(now, &players);
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_core::matchmaker::queue::Declared;

    use super::*;

    #[test]
    fn each_ticket_ends_once_and_when_it_should() {
        let blitz = Declared { give_up_ms: 10_000, ..Declared::duel("blitz", "chess") };
        let pairs: [Declared; 2] = [blitz, Declared::duel("rapid", "chess")];
        let queues = pairs.map(|declared| Arc::new(Queue::try_from(declared).unwrap()));
        let lines = [
            r#"{"at_ms": 0, "members": [{"rating": 1500}]}"#,
            r#"{"at_ms": 100, "members": [{"rating": 1540}]}"#,
            r#"{"at_ms": 200, "members": [{"rating": 1}, {"rating": 1}]}"#,
            r#"{"at_ms": 600, "members": [{"rating": 1500}], "leave_ms": 300}"#,
            r#"{"at_ms": 2000, "members": [{"rating": 1500}]}"#,
            r#"{"at_ms": 2000, "queue": "rapid", "members": [{"rating": 1500}], "leave_ms": 7}"#,
        ];
        let arrivals: Vec<TicketRecord> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let outcomes = play(&queues, &arrivals, 1).unwrap();
        let told: Vec<Vec<(u128, End)>> = (outcomes.iter())
            .map(|one| one.tickets.iter().map(|it| (it.wait.as_millis(), it.end)).collect())
            .collect();
        let matched = End::Matched { gap: 40.0 };
        let blitz = vec![
            (500, matched),
            (400, matched),
            (0, End::Refused),
            (300, End::Left),
            (10_000, End::GivenUp),
        ];
        assert_eq!(told, [blitz, vec![(7, End::Left)]]);
        assert_eq!((outcomes[0].n_matches, outcomes[1].n_matches), (1, 0));
        let unknown = TicketRecord { queue: Some("chess".to_owned()), ..arrivals[0].clone() };
        assert!(play(&queues, &[unknown], 1).is_err());
    }
}

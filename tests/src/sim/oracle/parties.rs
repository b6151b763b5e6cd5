//! Parties, as their members are told of them: all hear the same story, in order; only leaders
//! lead; nobody is in a party who has left it, or has been away for longer than anybody may.
//!
//! What one connection is told comes in the order in which it happened, so that a client knows at
//! each moment what its party was when the server said what it hears now.

mod party;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_core::time::Time;
use parlor_shared::api::matchmaking as api;

use super::At;
use crate::sim::plan::Plan;
use party::{Party, numbers};

type Check = Result<(), String>;

#[derive(Debug)]
pub(in crate::sim) struct Parties {
    max_members: u8,
    away: Duration,
    slack: Duration,
    all: Vec<Party>,
    by_code: BTreeMap<String, usize>,
    clients: BTreeMap<usize, Client>,
}

#[derive(Debug, Default)]
struct Client {
    belief: Belief,
    /// What brings it back, if it has no account.
    token: Option<Token>,
    was_ever_in: bool,
    /// Its sessions that have asked something in `/matchmaking`.
    sessions: Vec<At>,
    is_here: bool,
}

#[derive(Debug, Clone)]
struct Token {
    text: String,
    party: usize,
    number: u32,
    lost_at: Option<Time>,
}

/// What a client knows by its connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sim) enum Belief {
    #[default]
    Unknown,
    Outside,
    In(Place),
}

/// A place in a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) struct Place {
    pub(in crate::sim) party: usize,
    pub(in crate::sim) number: u32,
    pub(in crate::sim) version: u64,
    /// It has heard all since this version began.
    pub(in crate::sim) is_whole: bool,
}

impl Parties {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            max_members: plan.queues.max_members,
            away: plan.queues.away,
            slack: plan.slack() + Duration::from_millis(2 * plan.latency_ms),
            all: Vec::new(),
            by_code: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }

    pub(in crate::sim) fn belief(&self, client: usize) -> Belief {
        self.clients.get(&client).map_or(Belief::Unknown, |own| own.belief)
    }

    /// True if it may share tickets of a party by what it knows, or was ever in one.
    pub(in crate::sim) fn may_share(&self, client: usize) -> bool {
        let own = self.clients.get(&client);
        own.is_some_and(|own| own.was_ever_in && own.belief != Belief::Outside)
    }

    pub(in crate::sim) fn was_ever_in(&self, client: usize) -> bool {
        self.clients.get(&client).is_some_and(|own| own.was_ever_in)
    }

    /// The party that a client is in, as it was told last, and its own number.
    pub(in crate::sim) fn party(&self, client: usize) -> Option<(&api::Party, u32)> {
        let Belief::In(place) = self.belief(client) else { return None };
        Some((self.all[place.party].versions.get(&place.version)?, place.number))
    }

    /// How a client is called in its party.
    pub(in crate::sim) fn name(&self, client: usize) -> Option<String> {
        let (party, own) = self.party(client)?;
        let member = party.members.iter().find(|one| one.member == own);
        member.map(|member| member.name.clone())
    }

    /// A party as it was in one of its versions.
    pub(in crate::sim) fn members(&self, party: usize, version: u64) -> BTreeSet<u32> {
        self.all[party].versions.get(&version).map(numbers).unwrap_or_default()
    }

    /// Who was in a party in one of its versions, as far as that is known.
    pub(in crate::sim) fn clients(&self, party: usize, version: u64) -> BTreeSet<usize> {
        let known = &self.all[party].clients;
        let all = self.members(party, version);
        all.iter().filter_map(|member| known.get(member).copied()).collect()
    }

    /// True if nobody of a party is known to have been away since one of its versions.
    pub(in crate::sim) fn are_here_since(&self, party: usize, version: u64) -> bool {
        let mut since = self.all[party].versions.range(version..);
        since.all(|(_, told)| told.members.iter().all(|member| !member.away))
    }

    pub(in crate::sim) fn token(&self, client: usize) -> Option<&str> {
        self.clients.get(&client)?.token.as_ref().map(|token| &*token.text)
    }

    /// The code of one of the newest parties, as friends tell it each other.
    pub(in crate::sim) fn code(&self, nth_newest: usize) -> Option<&str> {
        let party = self.all.iter().rev().nth(nth_newest)?;
        party.versions.values().next_back().map(|party| &*party.code)
    }

    /// A client asks something in `/matchmaking` by this session.
    pub(in crate::sim) fn asks(&mut self, client: usize, at: Option<At>) {
        let own = self.clients.entry(client).or_default();
        own.is_here = true;
        own.sessions.extend(at.filter(|at| !own.sessions.contains(at)));
    }

    /// A client has lost its connection, or goes on by it as somebody else.
    pub(in crate::sim) fn lost(&mut self, now: Time, client: usize, is_gone: bool) {
        let own = self.clients.entry(client).or_default();
        own.belief = Belief::Unknown;
        own.is_here &= !is_gone;
        if let Some(token) = &mut own.token {
            token.lost_at.get_or_insert(now);
        }
    }

    /// Somebody may leave, or be sent away.
    pub(in crate::sim) fn may_go(&mut self, client: usize, member: u32) {
        if let Belief::In(place) = self.belief(client) {
            self.all[place.party].going.insert(member);
        }
    }

    /// A leader's ticket was taken for all of the party.
    pub(in crate::sim) fn seeks(&self, client: usize) -> Check {
        let Some((party, own)) = self.party(client) else {
            return Err(format!("{client} seeks with a party that it is not in"));
        };
        let is_missing =
            |member: &api::PartyMember| member.member != own && (member.away || !member.ready);
        if party.leader != own || party.members.iter().any(is_missing) {
            return Err(format!("{own} seeks for all of {party:?}"));
        }
        Ok(())
    }

    /// A client has received all that there is: nobody is in its party any more who has been gone
    /// for so long. `closed_at` says when a session ended.
    pub(in crate::sim) fn drained(
        &self,
        now: Time,
        client: usize,
        closed_at: impl Fn(At) -> Option<Time>,
    ) -> Check {
        let Belief::In(place) = self.belief(client) else { return Ok(()) };
        let Some((party, _)) = self.party(client) else { return Ok(()) };
        let of = &self.all[place.party];
        for member in &party.members {
            let other = of.clients.get(&member.member).filter(|other| **other != client);
            let Some(other) = other.and_then(|other| self.clients.get(other)) else { continue };
            if other.is_here || other.sessions.is_empty() {
                continue;
            }
            let ends: Option<Vec<Time>> = other.sessions.iter().map(|at| closed_at(*at)).collect();
            let gone_at = ends.and_then(|ends| ends.into_iter().max());
            if gone_at.is_some_and(|at| now > at + self.away + self.slack) {
                return Err(format!("{} is gone since {gone_at:?}: {party:?}", member.member));
            }
        }
        Ok(())
    }
}

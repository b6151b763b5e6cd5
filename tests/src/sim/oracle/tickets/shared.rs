//! Tickets that the members of a party share: all of them have it, in one team of one match; and
//! it lasts no longer than the party is what it was.

use std::collections::{BTreeMap, BTreeSet};

use parlor_core::time::Time;
use parlor_shared::api::matchmaking::{self as api, Reason, State};
use serde_json::Value;

use super::{
    super::parties::{Belief, Parties, Place},
    Check, Line, Ticket, Tickets, Told,
};

/// Which one: the party, its version when the ticket was handed in, the queue, and how many had
/// been handed in there before.
pub(super) type Key = (usize, u64, &'static str, usize);

/// What is known of one.
#[derive(Debug)]
pub(super) struct Shared {
    /// By the numbers of those who have heard of it.
    ids: BTreeMap<u32, String>,
    /// What its leader said.
    pub(super) wish: Option<Value>,
    heard_at: Time,
    reason: Option<Reason>,
}

impl Tickets {
    /// Somebody hears of a ticket of its party for the first time.
    pub(super) fn shared(
        &mut self,
        now: Time,
        (client, id, line): (usize, &str, Line),
        (told, how): (&api::Ticket, &Told),
        parties: &Parties,
    ) -> Check {
        let wish = match how {
            Told::Answered(asked) if asked.event == "create" => Some(asked.payload.clone()),
            _ => None,
        };
        if wish.is_some() {
            parties.seeks(client)?;
        }
        let Belief::In(place) = parties.belief(client) else { return Ok(()) };
        if !place.is_whole || told.state != State::Queued || told.waited_ms > 0 {
            return Ok(());
        }
        let Place { party, number, version, .. } = place;
        let nth = self.n_shared.entry((client, party, version, line.name())).or_default();
        let key = (party, version, line.name(), *nth);
        *nth += 1;
        let new = || Shared { ids: BTreeMap::new(), wish: None, heard_at: now, reason: None };
        let shared = self.all_shared.entry(key).or_insert_with(new);
        shared.ids.insert(number, id.to_owned());
        shared.wish = wish.or_else(|| shared.wish.take());
        self.tickets.get_mut(id).expect("just made").shared = Some(key);
        Ok(())
    }

    /// What was wished for a ticket, if that is known.
    pub(super) fn wish<'a>(&'a self, ticket: &'a Ticket) -> Option<&'a Value> {
        match ticket.shared.and_then(|key| self.all_shared.get(&key)) {
            Some(shared) => shared.wish.as_ref(),
            None => Some(&ticket.wish).filter(|_| !ticket.is_shared),
        }
    }

    /// Who plays by a ticket, if that is known, and nobody of them has been away.
    pub(super) fn players(&self, ticket: &Ticket, parties: &Parties) -> Option<BTreeSet<usize>> {
        let Some((party, version, ..)) = ticket.shared else {
            return Some(BTreeSet::from([ticket.client])).filter(|_| !ticket.is_shared);
        };
        let all = parties.clients(party, version);
        let are_known = all.len() == parties.members(party, version).len();
        Some(all).filter(|_| are_known && parties.are_here_since(party, version))
    }

    /// Somebody whose ticket is still in the line, or asked about, is in the party that it is of;
    /// or, where it is rated and one's own, in none with others.
    pub(super) fn is_good(
        &self,
        (client, id): (usize, &str),
        told: &api::Ticket,
        parties: &Parties,
    ) -> Check {
        let ticket = &self.tickets[id];
        let is_asked = told.proposal.is_some();
        let has_lobby = told.state == State::Assigned || told.state == State::Accepted && !is_asked;
        let (belief, is_over) = (parties.belief(client), told.state == State::Ended);
        if is_over || belief == Belief::Unknown {
            return Ok(());
        }
        let in_party = parties.party(client).map_or(0, |(party, _)| party.members.len());
        if ticket.line == Line::Ranked && in_party > 1 {
            return Err(format!("{id} seeks a rated match beside a party: {belief:?}"));
        }
        let Some((party, version, ..)) = ticket.shared.filter(|_| !has_lobby) else {
            return Ok(());
        };
        let members = parties.members(party, version);
        let is_same = matches!(belief, Belief::In(place)
            if place.party == party && parties.members(party, place.version) == members);
        if is_same { Ok(()) } else { Err(format!("{id} is of {members:?}, and {belief:?} now")) }
    }

    /// All who share a ticket hear of one end.
    pub(super) fn ended_as_others(&mut self, id: &str, reason: Option<Reason>) -> Check {
        let Some(key) = self.tickets[id].shared else { return Ok(()) };
        let Some(shared) = self.all_shared.get_mut(&key) else { return Ok(()) };
        shared.reason = shared.reason.or(reason);
        if shared.reason != reason {
            return Err(format!("{id} ends by {reason:?}, and for others by {:?}", shared.reason));
        }
        Ok(())
    }

    /// Somebody has received all that there is: a ticket of its party among it, and no end without
    /// a reason; and whose match has begun is not ready for the next.
    pub(in crate::sim) fn has_its_share(
        &self,
        now: Time,
        client: usize,
        parties: &Parties,
    ) -> Check {
        let Belief::In(place) = parties.belief(client) else { return Ok(()) };
        let from = (place.party, place.version, "", 0);
        let to = (place.party, place.version + 1, "", 0);
        for (key, shared) in self.all_shared.range(from..to) {
            let own = shared.ids.get(&place.number);
            if own.is_none() && place.is_whole && now > shared.heard_at + self.slack {
                return Err(format!("{place:?} has not heard of {key:?}: {shared:?}"));
            }
            let own = own.and_then(|id| self.tickets.get(id));
            // What it hears in one breath may take two.
            let Some(own) = own.filter(|own| own.told_at + self.slack < now) else { continue };
            if own.reason == Some(Reason::PartyChanged) {
                return Err(format!("{key:?} ends as its party has changed: it has not"));
            }
            let party = parties.party(client).map(|(party, _)| party);
            let is_ready = party.is_some_and(|party| party.members.iter().any(|one| one.ready));
            if own.reason == Some(Reason::Matched) && is_ready {
                return Err(format!("{key:?} is played, and some are ready again: {party:?}"));
            }
        }
        Ok(())
    }
}

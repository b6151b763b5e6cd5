//! Parties at the desk: whose sockets ask, whom what they say reaches, and what becomes of a
//! party's ticket when somebody comes or goes.

use std::collections::BTreeSet;

use parlor_shared::{
    api::{
        Refusal,
        lobby::Done,
        matchmaking::{self as api, Reason},
    },
    id::MemberToken,
};

use super::{
    super::{
        effect::{Effects, MatchEffect, answer, event},
        parties::{Caller, PartyEffect},
        pool::TicketKey,
        request::PartyRequest,
    },
    Desk,
    people::Identity,
    tickets::Standing,
};
use crate::{
    delivery::Delivery,
    fault::{self, Fault},
    ids::Ids,
    key::{Address, PartyKey, PersonKey},
    time::Time,
    who::Who,
};

impl Desk {
    /// Somebody asks something about a party.
    pub(super) fn ask_party(
        &mut self,
        now: Time,
        (socket, who): (Address, &Who),
        request: &PartyRequest,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Effects,
    ) {
        if let PartyRequest::Own(api::WhichParty { token: Some(token) }) = request {
            let own = self.returning(now, (socket, who), *token, effects);
            return answer(socket, ack, own, effects);
        }
        let person = self.somebody(now, (socket, who), ids);
        match request {
            PartyRequest::Own(_) => {
                let own = self.parties.told(person);
                answer(socket, ack, self.with_token(person, own), effects);
            }
            PartyRequest::Create(create) => {
                let caller = Caller { person, who: who.clone(), name: create.name.as_deref() };
                let created = self.parties.create(caller, ids);
                answer(socket, ack, self.with_token(person, created), effects);
            }
            PartyRequest::Join(join) => {
                let caller = Caller { person, who: who.clone(), name: join.name.as_deref() };
                let joined = self.join_party(now, caller, &join.code);
                answer(socket, ack, self.with_token(person, joined), effects);
            }
            PartyRequest::Ready(ready) => {
                let done = self.parties.ready(person, ready.ready, &mut self.gathered);
                answer(socket, ack, done.map(|()| Done {}), effects);
            }
            PartyRequest::Leave => {
                self.desert(now, person);
                let done = self.parties.leave(person, &mut self.gathered);
                answer(socket, ack, done.map(|()| Done {}), effects);
            }
            PartyRequest::Kick(which) => {
                let done = self.parties.kick(person, which.member, ids, &mut self.gathered);
                if done.is_ok() {
                    self.desert(now, person);
                }
                answer(socket, ack, done.map(|()| Done {}), effects);
            }
            PartyRequest::Promote(which) => {
                let done = self.parties.promote(person, which.member, &mut self.gathered);
                answer(socket, ack, done.map(|()| Done {}), effects);
            }
        }
        self.people.keep(person, self.parties.of(person).is_some());
    }

    /// A member without an account comes back by another connection.
    ///
    /// # Errors
    /// `E_PARTY`
    fn returning(
        &mut self,
        now: Time,
        (socket, who): (Address, &Who),
        token: MemberToken,
        effects: &mut Effects,
    ) -> Result<api::OwnParty, Refusal> {
        let person = self.people.of_identity(&Identity::Holder(token));
        let is_read = !fault::is_planted(Fault::PartyTokenIgnored);
        let person = person.filter(|_| who.player.is_none() && is_read);
        let none = || Refusal::new(api::code::PARTY, "nobody is in a party by this token");
        let person = person.filter(|person| self.parties.of(*person).is_some()).ok_or_else(none)?;
        self.attach(now, person, (socket, who));
        // Who goes on as another member may be told of two changes: not after what came of them.
        self.settle_parties(now, effects);
        let own = self.parties.told(person);
        self.with_token(person, own)
    }

    /// The answer to somebody who may have to come back by it.
    fn with_token(
        &self,
        person: PersonKey,
        own: Result<api::OwnParty, Refusal>,
    ) -> Result<api::OwnParty, Refusal> {
        Ok(api::OwnParty { token: self.people.holder(person), ..own? })
    }

    /// Somebody comes into the party of this code. What that makes void is not what somebody is
    /// being matched by: others would be kept waiting for nothing.
    ///
    /// # Errors
    /// Those of the party, or `E_STATE`.
    fn join_party(
        &mut self,
        now: Time,
        caller: Caller<'_>,
        code: &str,
    ) -> Result<api::OwnParty, Refusal> {
        let party = self.parties.find(now, &caller, code)?;
        let is_matched = |key: &TicketKey| {
            self.ticket(*key).is_some_and(|ticket| matches!(ticket.standing, Standing::Paired(_)))
        };
        if self.void_with(party, Some(caller.person)).iter().any(is_matched) {
            let sentence = "a match is being made for you, or for them; try again in a moment";
            return Err(Refusal::new(api::code::STATE, sentence));
        }
        self.parties.join(caller, party, &mut self.gathered)
    }

    /// Tickets that are void once somebody more is in this party: its own, and those by which any
    /// of them waits for a rated match without the others, whom nobody is to meet there.
    fn void_with(&self, party: PartyKey, joining: Option<PersonKey>) -> BTreeSet<TicketKey> {
        let members = self.parties.members(party).iter().map(|member| member.person);
        let all: Vec<PersonKey> = members.chain(joining).collect();
        let is_rated = |key: &TicketKey| {
            let ticket = self.ticket(*key).filter(|ticket| !ticket.is_over());
            ticket.is_some_and(|ticket| self.lines[ticket.line].queue.rated)
        };
        let of_one = |person: &PersonKey| self.people.tickets(*person).iter().copied();
        let apart = all.iter().flat_map(of_one).filter(is_rated);
        let is_met = all.len() > 1 && !fault::is_planted(Fault::RatedKeptInParty);
        self.tickets_of(party).chain(apart.filter(|_| is_met)).collect()
    }

    fn tickets_of(&self, party: PartyKey) -> impl Iterator<Item = TicketKey> {
        let all = self.by_party.range((party, TicketKey(0))..=(party, TicketKey(u32::MAX)));
        all.map(|(_, key)| *key)
    }

    /// True of the ticket of a party that is not what it was.
    pub(super) fn has_changed(&self, key: TicketKey) -> bool {
        let party = self.ticket(key).and_then(|ticket| ticket.party);
        let is_seen = !fault::is_planted(Fault::PartyWaitsAgain);
        is_seen && party.is_some_and(|party| !self.by_party.contains(&(party, key)))
    }

    /// Who this socket is, who is known from now on.
    pub(super) fn somebody(
        &mut self,
        now: Time,
        (socket, who): (Address, &Who),
        ids: &mut Ids,
    ) -> PersonKey {
        let person = match &who.player {
            Some(player) => self.people.come(Identity::Account(player.clone())),
            None => self.people.of_socket(socket).unwrap_or_else(|| {
                self.people.come(Identity::Holder(MemberToken::from_bytes(ids.take())))
            }),
        };
        self.attach(now, person, (socket, who));
        person
    }

    /// By what this one does now the party's tickets end: if a match is proposed, the others of it
    /// have been kept waiting.
    fn desert(&mut self, now: Time, person: PersonKey) {
        let party = self.parties.of(person).into_iter();
        let keys: Vec<TicketKey> = party.flat_map(|party| self.tickets_of(party)).collect();
        for key in keys {
            let Some(ticket) = self.ticket(key) else { continue };
            let is_asked = matches!(ticket.standing, Standing::Paired(_)) && !self.has_lobby(key);
            if let Some(place) = ticket.place_of(person).filter(|_| is_asked) {
                self.offend(now, key, place);
            }
        }
    }

    /// What parties want is done.
    pub(super) fn settle_parties(&mut self, now: Time, effects: &mut Effects) {
        for effect in std::mem::take(&mut self.gathered) {
            match effect {
                PartyEffect::Tell(all, party) => {
                    let frame = event(api::push::PARTY, &party);
                    for person in all {
                        for socket in self.people.sockets(person) {
                            let push =
                                MatchEffect::Push(*socket, frame.clone(), Delivery::Reliable);
                            effects.push(push);
                        }
                    }
                }
                PartyEffect::Left(person, reason) => {
                    let frame = event(api::push::PARTY_LEFT, &api::PartyLeft { reason });
                    for socket in self.people.sockets(person) {
                        effects.push(MatchEffect::Push(*socket, frame.clone(), Delivery::Reliable));
                    }
                    self.people.keep(person, false);
                }
                PartyEffect::Changed(party) => {
                    for key in self.void_with(party, None) {
                        self.by_party.remove(&(party, key));
                        if !self.has_lobby(key) && !fault::is_planted(Fault::PartyWaitsOn) {
                            self.withdraw(now, key, Reason::PartyChanged, None, effects);
                        }
                    }
                }
            }
        }
    }

    /// Who would share a ticket with the caller: all of the party.
    ///
    /// # Errors
    /// `E_PARTY`, `E_NOT_READY`
    pub(super) fn company(
        &self,
        person: PersonKey,
    ) -> Result<Vec<(PersonKey, Who, Box<str>)>, Refusal> {
        let party = self.parties.may_seek(person)?;
        let members = self.parties.members(party).iter();
        Ok(members.map(|one| (one.person, one.who.clone(), one.name.clone())).collect())
    }

    /// Somebody may seek alone.
    ///
    /// # Errors
    /// `E_PARTY` of who waits with a party, or is in one with others and would play for a rating.
    pub(super) fn expect_alone(&self, person: PersonKey, is_rated: bool) -> Result<(), Refusal> {
        let refused = |sentence| Err(Refusal::new(api::code::PARTY, sentence));
        let is_shared = self.people.tickets(person).iter().any(|key| {
            let ticket = self.ticket(*key);
            ticket.is_some_and(|ticket| !ticket.is_over() && ticket.members.len() > 1)
        });
        if is_shared {
            return refused("you wait with your party; leave it first");
        }
        let party = self.parties.of(person);
        let is_rated = is_rated && !fault::is_planted(Fault::RatedBesideParty);
        if is_rated && party.is_some_and(|party| self.parties.members(party).len() > 1) {
            return refused("this queue is rated: seek with your party, or leave it first");
        }
        Ok(())
    }
}

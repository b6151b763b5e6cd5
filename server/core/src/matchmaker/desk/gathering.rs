//! Parties at the desk: whose sockets ask, whom what they say reaches, and what becomes of a
//! party's ticket when somebody comes or goes.

use parlor_shared::{
    api::{
        Refusal,
        lobby::Done,
        matchmaking::{self as api, Reason},
    },
    id::TicketId,
};

use super::{
    super::{
        effect::{Effects, MatchEffect, answer, event},
        parties::{Caller, PartyEffect},
        request::PartyRequest,
    },
    Desk,
    people::Identity,
    tickets::Standing,
};
use crate::{
    delivery::Delivery,
    ids::Ids,
    key::{Address, PersonKey},
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
        let person = self.somebody(now, (socket, who), ids);
        match request {
            PartyRequest::Own => answer(socket, ack, self.parties.told(person), effects),
            PartyRequest::Create(create) => {
                let caller = Caller { person, who: who.clone(), name: create.name.as_deref() };
                let created = self.parties.create(caller, ids);
                answer(socket, ack, created, effects);
            }
            PartyRequest::Join(join) => {
                let caller = Caller { person, who: who.clone(), name: join.name.as_deref() };
                let joined = self.parties.join(now, caller, &join.code, &mut self.gathered);
                answer(socket, ack, joined, effects);
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
                self.people.come(Identity::Holder(TicketId::from_bytes(ids.take())))
            }),
        };
        self.attach(now, person, (socket, who));
        person
    }

    /// By what this one does now the party's ticket ends: if a match is proposed, the others of it
    /// have been kept waiting.
    fn desert(&mut self, now: Time, person: PersonKey) {
        let party = self.parties.of(person);
        let Some(key) = party.and_then(|party| self.by_party.get(&party).copied()) else { return };
        let Some(ticket) = self.ticket(key) else { return };
        let is_asked = matches!(ticket.standing, Standing::Paired(_)) && !self.has_lobby(key);
        if let Some(place) = ticket.place_of(person).filter(|_| is_asked) {
            self.offend(now, key, place);
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
                    if let Some(key) = self.by_party.remove(&party)
                        && !self.has_lobby(key)
                    {
                        self.withdraw(now, key, Reason::PartyChanged, None, effects);
                    }
                }
            }
        }
    }

    /// Who would share a ticket: all of the caller's party, or the caller alone.
    ///
    /// # Errors
    /// `E_PARTY`, `E_NOT_READY`; of who is alone but waits with a party, `E_PARTY`.
    pub(super) fn company(
        &self,
        person: PersonKey,
        who: &Who,
        name: &str,
        with_party: bool,
    ) -> Result<Vec<(PersonKey, Who, Box<str>)>, Refusal> {
        if !with_party {
            let is_shared = self.people.tickets(person).iter().any(|key| {
                let ticket = self.ticket(*key);
                ticket.is_some_and(|ticket| !ticket.is_over() && ticket.members.len() > 1)
            });
            if is_shared {
                let sentence = "you wait with your party; leave it first";
                return Err(Refusal::new(api::code::PARTY, sentence));
            }
            return Ok(vec![(person, who.clone(), name.into())]);
        }
        let party = self.parties.may_seek(person)?;
        let members = self.parties.members(party).iter();
        Ok(members.map(|one| (one.person, one.who.clone(), one.name.clone())).collect())
    }
}

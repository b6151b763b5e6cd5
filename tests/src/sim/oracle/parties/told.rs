//! What clients are told of their parties, by answers and pushes, and what follows from it.

use parlor_core::time::Time;
use parlor_shared::api::{Refusal, matchmaking as api};

use super::{Belief, Check, Parties, Party, Place, Token};
use crate::sim::queues::account;

impl Parties {
    /// The answer to `party`, `party:create` or `party:join`.
    pub(in crate::sim) fn answered(
        &mut self,
        client: usize,
        event: &str,
        told: &api::OwnParty,
    ) -> Check {
        let before = self.belief(client);
        if event != "party" && matches!(before, Belief::In(_)) {
            return Err(format!("{event} by who is in a party: {before:?}"));
        }
        if told.token.is_some() == account(client).is_some() {
            return Err(format!("a token for an account, or none for who has none: {told:?}"));
        }
        let own = self.clients.entry(client).or_default();
        let token =
            own.token.as_ref().filter(|own| told.token.is_some_and(|t| t.as_str() == own.text));
        let hint = match before {
            Belief::In(place) => Some(place.party),
            _ => token.map(|token| token.party),
        };
        let own = self.clients.entry(client).or_default();
        own.was_ever_in = true;
        let party = self.tell(&told.party, hint, event != "party")?;
        let Some(party) = party else { return Ok(()) };
        let number = told.member;
        if !told.party.members.iter().any(|member| member.member == number) {
            return Err(format!("{number} is not in {:?}", told.party));
        }
        let known = self.all[party].clients.entry(number).or_insert(client);
        if *known != client {
            return Err(format!("{client} and {known} are {number} in {:?}", told.party));
        }
        let is_same = matches!(before, Belief::In(place)
            if (place.party, place.version, place.is_whole) == (party, told.party.version, true));
        let version = told.party.version;
        let own = self.clients.entry(client).or_default();
        let is_whole = event != "party" || is_same;
        own.belief = Belief::In(Place { party, number, version, is_whole });
        own.token = told.token.map(|token| {
            let text = token.as_str().to_owned();
            Token { text, party, number, lost_at: None }
        });
        Ok(())
    }

    /// A push: one's party is another.
    pub(in crate::sim) fn changed(&mut self, client: usize, told: &api::Party) -> Check {
        let before = self.belief(client);
        match before {
            // By which of its connections it came into which, nobody knows.
            Belief::Unknown => Ok(()),
            Belief::Outside => Err(format!("{client}, who is in no party, is told of {told:?}")),
            Belief::In(place) if told.version < place.version => {
                Err(format!("{told:?} comes after version {}", place.version))
            }
            Belief::In(place) => {
                let party = self.tell(told, Some(place.party), false)?;
                let is_in = told.members.iter().any(|member| member.member == place.number);
                if party != Some(place.party) || !is_in {
                    return Err(format!("{place:?} is told of {told:?}"));
                }
                let is_whole = place.is_whole || told.version > place.version;
                let place = Place { version: told.version, is_whole, ..place };
                let own = self.clients.entry(client).or_default();
                own.belief = Belief::In(place);
                Ok(())
            }
        }
    }

    /// A push: one is in no party any more.
    pub(in crate::sim) fn left(&mut self, client: usize, told: api::PartyLeft) -> Check {
        if told.reason == api::PartyLeftReason::Expired {
            return Err(format!("{client} is away, and hears of it"));
        }
        self.is_out(client);
        Ok(())
    }

    /// Some request other than for a party itself was answered with a yes.
    pub(in crate::sim) fn done(&mut self, client: usize, event: &str, member: u32) -> Check {
        let Some((party, number)) = self.party(client) else {
            let is_fine = self.belief(client) != Belief::Outside;
            return if is_fine { Ok(()) } else { Err(format!("{event} by who is in no party")) };
        };
        let leads = party.leader == number;
        let is_member = party.members.iter().any(|one| one.member == member);
        if ["party:kick", "party:promote"].contains(&event) && !(leads && is_member) {
            return Err(format!("{event} of {member} by {number} in {party:?}"));
        }
        let (version, code) = (party.version, party.code.clone());
        let Belief::In(place) = self.belief(client) else { return Ok(()) };
        match event {
            "party:leave" => self.is_out(client),
            "party:kick" => {
                let party = &mut self.all[place.party];
                party.left.push((version, member));
                party.codes.push((version, code));
                return self.all[place.party].agrees();
            }
            _ => {}
        }
        Ok(())
    }

    /// Some request was refused.
    pub(in crate::sim) fn refused(
        &mut self,
        now: Time,
        client: usize,
        (event, argument): (&str, &serde_json::Value),
        refusal: &Refusal,
    ) -> Check {
        if refusal.code != api::code::PARTY {
            return Ok(());
        }
        let own = self.belief(client);
        match event {
            "party" if argument["token"].is_string() => {
                let token = self.clients.get(&client).and_then(|own| own.token.clone());
                let token = token.filter(|token| argument["token"] == *token.text);
                self.clients.entry(client).or_default().token = None;
                let Some(Token { party, number, lost_at: Some(lost_at), .. }) = token else {
                    return Ok(());
                };
                let is_going = self.all[party].going.contains(&number);
                if now < lost_at + self.away && !is_going {
                    return Err(format!("{client} may not come back after {lost_at:?}"));
                }
            }
            "party" if matches!(own, Belief::In(_)) => {
                return Err(format!("{client} is in a party, and hears that it is in none"));
            }
            "party" => self.is_out(client),
            "party:kick" | "party:promote"
                if self.party(client).is_some_and(|(party, own)| party.leader == own) =>
            {
                return Err(format!("{client} leads, and may not {event}: {refusal:?}"));
            }
            "party:create" | "party:join" if own == Belief::Outside => {
                return Err(format!("{client} is in no party, and may not {event}: {refusal:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn is_out(&mut self, client: usize) {
        let own = self.clients.entry(client).or_default();
        if let Belief::In(place) = own.belief {
            self.all[place.party].left.push((place.version, place.number));
        }
        (own.belief, own.token) = (Belief::Outside, None);
    }

    /// Which party this is, as it is told somebody; if that can be known.
    fn tell(
        &mut self,
        told: &api::Party,
        hint: Option<usize>,
        is_new: bool,
    ) -> Result<Option<usize>, String> {
        if told.members.len() > usize::from(self.max_members)
            || told.max_members != self.max_members
        {
            return Err(format!("{} may be in {told:?}", self.max_members));
        }
        let known = self.by_code.get(&told.code).copied().or(hint);
        let Some(party) = known.or_else(|| is_new.then_some(self.all.len())) else {
            return Ok(None);
        };
        if party == self.all.len() {
            self.all.push(Party::default());
        }
        self.by_code.insert(told.code.clone(), party);
        let own = self.all[party].versions.entry(told.version).or_insert_with(|| told.clone());
        if *own != *told {
            return Err(format!("some are told of {own:?}, and others of {told:?}"));
        }
        self.all[party].agrees()?;
        Ok(Some(party))
    }
}

//! Parties: who seeks a match together. Whose sockets are whose is known to whoever asks, who also
//! carries the words out; tickets are the desk's.
//!
//! ```text
//!  create ─► leads ──► tickets ──► Changed when anybody comes or goes
//!  join ───► member ─┬─ leave, kick ────────────────────► Left
//!                    └─ gone ─► away ─┬─ back ─► member
//!                                     └─ time is up ────► Left
//! ```

mod guesses;
mod party;

use std::{collections::BTreeMap, time::Duration};

use parlor_shared::{
    api::{Refusal, code, matchmaking as api},
    id::ID_BYTES,
};

use crate::{
    code::Code,
    fault::{self, Fault},
    ids::Ids,
    key::{PartyKey, PersonKey, Table},
    name,
    time::{Deadlines, Time},
    who::Who,
};
use guesses::Guesses;
pub use party::Member;
use party::Party;

/// Letters of a party's code. 6 of 19 letters make 47 million codes, and guessing is limited.
pub const PARTY_CODE_LETTERS: usize = 6;
/// Members of a party: one ticket holds no more.
pub const MAX_PARTY_MEMBERS: u8 = 16;
/// Members who are let go in one turn; others may be told of each.
const EXPIRED_AT_ONCE: usize = 16;
/// What somebody is called who says nothing.
const NAMELESS: &str = "Player";
/// Codes tried for a party: one in 47 million is taken for each other party.
const MAX_CODES_TRIED: usize = 4;

/// How parties are run.
#[derive(Debug, Clone, Copy)]
pub struct PartySettings {
    /// Members of one party, 1 to [`MAX_PARTY_MEMBERS`]; one more is refused with `E_FULL`.
    pub max_members: u8,
    /// Parties of the server; one more is refused with `E_LIMIT`.
    pub max_parties: usize,
    /// How long the place of a member is kept whose connection is lost.
    pub away_timeout: Duration,
}

impl Default for PartySettings {
    fn default() -> Self {
        Self {
            max_members: MAX_PARTY_MEMBERS,
            max_parties: 50_000,
            away_timeout: Duration::from_secs(30),
        }
    }
}

/// Somebody who wants to be in a party.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    /// The desk's key.
    pub person: PersonKey,
    /// Whose account and address.
    pub who: Who,
    /// How the person wants to be called, if that was said.
    pub name: Option<&'a str>,
}

/// What parties want done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartyEffect {
    /// Tell all of these how their party stands now.
    Tell(Vec<PersonKey>, api::Party),
    /// Tell this one that it is in no party any more.
    Left(PersonKey, api::PartyLeftReason),
    /// Somebody has come into a party or is in it no more: a ticket of it is good no more. The
    /// party may be no more itself.
    Changed(PartyKey),
}

/// Where what parties want goes.
pub type PartyEffects = Vec<PartyEffect>;

type PartyCode = Code<PARTY_CODE_LETTERS>;

/// All parties of a server.
#[derive(Debug)]
pub struct Parties {
    settings: PartySettings,
    parties: Table<PartyKey, Party>,
    by_code: BTreeMap<PartyCode, PartyKey>,
    /// Each person is in one at most.
    by_person: BTreeMap<PersonKey, PartyKey>,
    /// Until when the places of those who are away are kept.
    away: Deadlines<PersonKey>,
    guesses: Guesses,
}

impl Parties {
    /// There are none.
    pub fn new(settings: PartySettings) -> Self {
        let max_members = settings.max_members.clamp(1, MAX_PARTY_MEMBERS);
        Self {
            settings: PartySettings { max_members, ..settings },
            parties: Table::default(),
            by_code: BTreeMap::new(),
            by_person: BTreeMap::new(),
            away: Deadlines::default(),
            guesses: Guesses::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parties.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// The party that somebody is in: such a person's key has to stay good.
    pub fn of(&self, person: PersonKey) -> Option<PartyKey> {
        self.by_person.get(&person).copied()
    }

    /// Who is in a party, the first to have come first.
    pub fn members(&self, party: PartyKey) -> &[Member] {
        self.parties.get(party).map_or(&[], |party| &party.members)
    }

    /// How somebody's party stands. The token is the desk's to add.
    ///
    /// # Errors
    /// `E_PARTY` of who is in none.
    pub fn told(&self, person: PersonKey) -> Result<api::OwnParty, Refusal> {
        let party = self.parties.get(self.expect(person)?).ok_or_else(in_none)?;
        let member = party.members[party.place_of(person).ok_or_else(in_none)?].number;
        Ok(api::OwnParty { party: party.told(self.settings.max_members), member, token: None })
    }

    /// Somebody founds a party, and leads it.
    ///
    /// # Errors
    /// `E_PARTY` of who is in one, `E_NAME`, `E_LIMIT`.
    pub fn create(&mut self, caller: Caller<'_>, ids: &mut Ids) -> Result<api::OwnParty, Refusal> {
        self.expect_outside(caller.person)?;
        let name = name::clean(caller.name.unwrap_or(NAMELESS))?;
        if self.parties.len() >= self.settings.max_parties {
            return Err(Refusal::new(code::LIMIT, "too many parties on this server; try later"));
        }
        let code = self.free_code(ids)?;
        let person = caller.person;
        let key = self.parties.insert(Party::new(code, person, caller.who, &name));
        self.by_code.insert(code, key);
        self.by_person.insert(person, key);
        self.told(person)
    }

    /// The party of this code, into which somebody wants to come.
    ///
    /// # Errors
    /// `E_PARTY` of who is in one, `E_RATE` of who has guessed too often, `E_NOT_FOUND`.
    pub fn find(
        &mut self,
        now: Time,
        caller: &Caller<'_>,
        text: &str,
    ) -> Result<PartyKey, Refusal> {
        self.expect_outside(caller.person)?;
        let address = caller.who.address;
        self.guesses.take(now, address)?;
        let key = PartyCode::parse(text).and_then(|code| self.by_code.get(&code).copied());
        let key = key.ok_or_else(|| Refusal::new(code::NOT_FOUND, "no party has this code"))?;
        self.guesses.give_back(now, address);
        Ok(key)
    }

    /// Somebody comes into a party.
    ///
    /// # Errors
    /// `E_PARTY` of who is in one, `E_NOT_FOUND`, `E_FULL`, `E_NAME`.
    pub fn join(
        &mut self,
        caller: Caller<'_>,
        key: PartyKey,
        effects: &mut PartyEffects,
    ) -> Result<api::OwnParty, Refusal> {
        self.expect_outside(caller.person)?;
        let name = name::clean(caller.name.unwrap_or(NAMELESS))?;
        let none = || Refusal::new(code::NOT_FOUND, "this party is no more");
        let party = self.parties.get_mut(key).ok_or_else(none)?;
        let most = usize::from(self.settings.max_members)
            + usize::from(fault::is_planted(Fault::OnePartyMemberTooMany));
        if party.members.len() >= most {
            return Err(Refusal::new(code::FULL, "as many are in this party as may be"));
        }
        let person = caller.person;
        party.take_in(person, caller.who, &name);
        self.by_person.insert(person, key);
        effects.push(PartyEffect::Changed(key));
        self.tell(key, effects);
        self.told(person)
    }

    /// Somebody is ready, or not any more.
    ///
    /// # Errors
    /// `E_PARTY` of who is in no party.
    pub fn ready(
        &mut self,
        person: PersonKey,
        ready: bool,
        effects: &mut PartyEffects,
    ) -> Result<(), Refusal> {
        let key = self.expect(person)?;
        if self
            .member_mut(person)
            .is_some_and(|own| std::mem::replace(&mut own.ready, ready) != ready)
        {
            self.tell_change(key, effects);
        }
        Ok(())
    }

    /// Somebody leaves.
    ///
    /// # Errors
    /// `E_PARTY` of who is in no party.
    pub fn leave(&mut self, person: PersonKey, effects: &mut PartyEffects) -> Result<(), Refusal> {
        self.expect(person)?;
        self.let_go(person, api::PartyLeftReason::Left, effects);
        Ok(())
    }

    /// The leader sends a member away. The party has another code then: who knew the old one does
    /// not come back by it.
    ///
    /// # Errors
    /// `E_PARTY` of who does not lead a party, `E_NOT_FOUND` if no other member has this number,
    /// `E_LIMIT`.
    pub fn kick(
        &mut self,
        person: PersonKey,
        number: u32,
        ids: &mut Ids,
        effects: &mut PartyEffects,
    ) -> Result<(), Refusal> {
        let (key, other) = self.expect_lead_over(person, number)?;
        if other == person {
            return Err(Refusal::new(code::NOT_FOUND, "nobody sends themselves away; leave"));
        }
        let code = self.free_code(ids)?;
        if let Some(party) = self.parties.get_mut(key)
            && !fault::is_planted(Fault::PartyCodeKept)
        {
            let before = std::mem::replace(&mut party.code, code);
            self.by_code.remove(&before);
            self.by_code.insert(code, key);
        }
        self.let_go(other, api::PartyLeftReason::Kicked, effects);
        Ok(())
    }

    /// The leader makes a member leader.
    ///
    /// # Errors
    /// `E_PARTY` of who does not lead a party, `E_NOT_FOUND` if no member has this number.
    pub fn promote(
        &mut self,
        person: PersonKey,
        number: u32,
        effects: &mut PartyEffects,
    ) -> Result<(), Refusal> {
        let (key, other) = self.expect_lead_over(person, number)?;
        if other != person
            && let Some(party) = self.parties.get_mut(key)
        {
            party.leader = other;
            self.tell_change(key, effects);
        }
        Ok(())
    }

    /// The party that somebody may hand in a ticket for.
    ///
    /// # Errors
    /// `E_PARTY` of who does not lead a party, `E_NOT_READY` if another member is not ready, or
    /// away.
    pub fn may_seek(&self, person: PersonKey) -> Result<PartyKey, Refusal> {
        let key = self.expect_leader(person)?;
        let is_missing =
            |member: &&Member| member.person != person && (member.away || !member.ready);
        match self.members(key).iter().find(is_missing) {
            Some(_) if fault::is_planted(Fault::UnreadySought) => Ok(key),
            None => Ok(key),
            Some(member) => {
                let what = if member.away { "away" } else { "not ready" };
                let sentence = format!("{} of your party is {what}", member.name);
                Err(Refusal::new(code::NOT_READY, sentence))
            }
        }
    }

    /// Nobody is ready any more: their match has begun.
    pub fn unready(&mut self, key: PartyKey, effects: &mut PartyEffects) {
        let party = self.parties.get_mut(key).filter(|_| !fault::is_planted(Fault::ReadyForever));
        let Some(party) = party else { return };
        let was_ready = |n, member: &mut Member| n + usize::from(std::mem::take(&mut member.ready));
        if party.members.iter_mut().fold(0, was_ready) > 0 {
            self.tell_change(key, effects);
        }
    }

    /// Somebody has no connection any more: the place is kept for a while.
    pub fn gone(&mut self, now: Time, person: PersonKey, effects: &mut PartyEffects) {
        let Some(key) = self.of(person) else { return };
        if self.member_mut(person).is_some_and(|own| !std::mem::replace(&mut own.away, true)) {
            let until = now + self.settings.away_timeout;
            self.away.set(person, (!fault::is_planted(Fault::PartyAwayForever)).then_some(until));
            self.tell_change(key, effects);
        }
    }

    /// Somebody has a connection again, perhaps from another address.
    pub fn back(&mut self, person: PersonKey, who: &Who, effects: &mut PartyEffects) {
        let Some(key) = self.of(person) else { return };
        let Some(own) = self.member_mut(person) else { return };
        own.who = who.clone();
        if std::mem::take(&mut own.away) {
            self.away.set(person, None);
            self.tell_change(key, effects);
        }
    }

    /// When [`Self::expire`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.away.next()
    }

    /// Some of those who have been away for too long are in their parties no more.
    pub fn expire(&mut self, now: Time, effects: &mut PartyEffects) {
        for _ in 0..EXPIRED_AT_ONCE {
            let Some((_, person)) = self.away.pop(now) else { return };
            self.let_go(person, api::PartyLeftReason::Expired, effects);
        }
    }

    /// Takes somebody out of the party, and ends one that nobody is in.
    fn let_go(
        &mut self,
        person: PersonKey,
        reason: api::PartyLeftReason,
        effects: &mut PartyEffects,
    ) {
        let Some(key) = self.by_person.remove(&person) else { return };
        self.away.set(person, None);
        effects.extend([PartyEffect::Changed(key), PartyEffect::Left(person, reason)]);
        let Some(party) = self.parties.get_mut(key) else { return };
        party.let_go(person);
        if !party.members.is_empty() {
            self.tell(key, effects);
        } else if let Some(party) = self.parties.remove(key) {
            self.by_code.remove(&party.code);
        }
    }

    /// Something other than who is in it has changed.
    fn tell_change(&mut self, key: PartyKey, effects: &mut PartyEffects) {
        if let Some(party) = self.parties.get_mut(key) {
            party.version += u64::from(!fault::is_planted(Fault::PartyUnversioned));
        }
        self.tell(key, effects);
    }

    fn tell(&self, key: PartyKey, effects: &mut PartyEffects) {
        if let Some(party) = self.parties.get(key) {
            let all = party.members.iter().map(|member| member.person).collect();
            effects.push(PartyEffect::Tell(all, party.told(self.settings.max_members)));
        }
    }

    fn member_mut(&mut self, person: PersonKey) -> Option<&mut Member> {
        let party = self.parties.get_mut(*self.by_person.get(&person)?)?;
        party.members.iter_mut().find(|member| member.person == person)
    }

    fn expect_outside(&self, person: PersonKey) -> Result<(), Refusal> {
        match self.of(person) {
            None => Ok(()),
            Some(_) => Err(refused("you are in a party; leave it first")),
        }
    }

    fn expect(&self, person: PersonKey) -> Result<PartyKey, Refusal> {
        self.of(person).ok_or_else(in_none)
    }

    fn expect_leader(&self, person: PersonKey) -> Result<PartyKey, Refusal> {
        let key = self.expect(person)?;
        let is_led_by_all = fault::is_planted(Fault::PartyLedByAll);
        let leads = |party: &Party| party.leader == person || is_led_by_all;
        let leads = self.parties.get(key).is_some_and(leads);
        leads.then_some(key).ok_or_else(|| refused("only the party's leader may do this"))
    }

    fn expect_lead_over(
        &self,
        person: PersonKey,
        number: u32,
    ) -> Result<(PartyKey, PersonKey), Refusal> {
        let key = self.expect_leader(person)?;
        let other = self.members(key).iter().find(|member| member.number == number);
        let none = || Refusal::new(code::NOT_FOUND, "nobody in your party has this number");
        Ok((key, other.ok_or_else(none)?.person))
    }

    fn free_code(&self, ids: &mut Ids) -> Result<PartyCode, Refusal> {
        let random: [u8; ID_BYTES] = ids.take();
        let windows = random.windows(8).take(MAX_CODES_TRIED);
        let codes = windows.map(|window| {
            let mut bytes = [0; ID_BYTES];
            bytes[..8].copy_from_slice(window);
            PartyCode::from_bytes(bytes)
        });
        let mut free = codes.filter(|code| !self.by_code.contains_key(code));
        let none = || Refusal::new(code::LIMIT, "no free code was found; try again");
        free.next().ok_or_else(none)
    }
}

fn in_none() -> Refusal {
    refused("you are in no party")
}

fn refused(sentence: &str) -> Refusal {
    Refusal::new(api::code::PARTY, sentence)
}

#[cfg(test)]
mod tests;

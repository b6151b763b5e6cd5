//! Tickets: how they are handed in, and end, once each.

use std::{collections::btree_map::Entry, time::Duration};

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::IdempotencyKey,
        matchmaking::{self as api, Reason},
    },
    id::TicketId,
};
use std::hash::{BuildHasher as _, Hasher as _};

use super::{
    super::{
        effect::{Effects, MatchEffect, answer, event},
        penalty::OFFENCES_OF_ADDRESS,
        pool::{self, Candidate, MemberTraits, TicketKey, Unfit},
        queue::{Kind, Queue},
        rating::Rating,
        record::TicketRecord,
    },
    Desk, Due,
    people::Identity,
};
use crate::{
    delivery::{Delivery, spread},
    fault::{self, Fault},
    ids::Ids,
    key::{Address, Origin, PartyKey, PersonKey},
    name,
    time::Time,
    who::Who,
};

/// How long one that has ended can be asked about, so that a request sent again finds it.
const KEPT: Duration = Duration::from_secs(20);
/// Tickets of one player that have ended and can be asked about.
const MAX_KEPT: usize = 16;
/// What somebody is called who says nothing.
const NAMELESS: &str = "Player";

/// One ticket.
#[derive(Debug)]
pub(super) struct Ticket {
    /// The line it waits in.
    pub(super) line: usize,
    pub(super) standing: Standing,
    /// Why it has ended, or waits again.
    pub(super) reason: Option<Reason>,
    /// From then on it has waited.
    pub(super) since: Time,
    /// When it was last said how it goes on.
    pub(super) told_at: Time,
    /// Until when it had waited, once it does not any more.
    pub(super) waited_until: Option<Time>,
    pub(super) members: Vec<Member>,
    /// Where who has handed it in came from.
    from: Origin,
    /// Whose members share it.
    pub(super) party: Option<PartyKey>,
    /// What the pool gets each time; its members alone once it has ended.
    pub(super) candidate: Box<Candidate>,
    pub(super) key: Option<(Box<str>, Box<str>)>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Waiting,
    /// In this pairing.
    Paired(u64),
    Ended,
}

/// One who shares it.
#[derive(Debug)]
pub(super) struct Member {
    /// By which the member speaks for it.
    pub(super) id: TicketId,
    pub(super) person: PersonKey,
    pub(super) who: Who,
    pub(super) name: Box<str>,
    pub(super) side: Option<u8>,
    /// Has said yes to the pairing.
    pub(super) has_accepted: bool,
}

impl Ticket {
    pub(super) fn is_over(&self) -> bool {
        self.standing == Standing::Ended
    }

    /// One of its members as those are known who keep others waiting.
    pub(super) fn offender(&self, place: usize) -> Option<u64> {
        self.candidate.members.get(place).map(|member| member.player)
    }

    pub(super) fn place_of(&self, person: PersonKey) -> Option<usize> {
        self.members.iter().position(|member| member.person == person)
    }
}

impl Desk {
    pub(super) fn ticket(&self, key: TicketKey) -> Option<&Ticket> {
        self.tickets.get(key.0 as usize)
    }

    pub(super) fn ticket_mut(&mut self, key: TicketKey) -> Option<&mut Ticket> {
        self.tickets.get_mut(key.0 as usize)
    }

    /// The ticket that somebody means, whose socket is reached by what happens to it from now on.
    ///
    /// # Errors
    /// `E_NOT_FOUND`
    pub(super) fn find(
        &mut self,
        now: Time,
        (socket, who): (Address, &Who),
        which: api::Which,
    ) -> Result<TicketKey, Refusal> {
        let account =
            |player: &_| self.people.of_identity(&Identity::Account(Clone::clone(player)));
        let own = who.player.as_ref().map_or_else(|| self.people.of_socket(socket), account);
        let found = match which.ticket {
            None => own.and_then(|person| Some((person, *self.people.tickets(person).last()?))),
            Some(id) => self.by_id.get(&id).copied().and_then(|key| {
                let member = self.ticket(key)?.members.iter().find(|member| member.id == id)?;
                let is_own = match who.player {
                    Some(_) => own == Some(member.person),
                    None => self.people.holder(member.person).is_some(),
                };
                is_own.then_some((member.person, key))
            }),
        };
        let (person, key) = found.ok_or_else(no_ticket)?;
        self.attach(now, person, (socket, who));
        Ok(key)
    }

    /// A socket is that player's from now on.
    pub(super) fn attach(&mut self, now: Time, person: PersonKey, (socket, who): (Address, &Who)) {
        let was_away = self.people.is_away(person);
        let left = self.people.attach(person, socket);
        if was_away {
            self.is_back(now, person);
        }
        self.deadlines.set(Due::Away(person), None);
        self.parties.back(person, who, &mut self.gathered);
        left.into_iter().for_each(|left| self.is_gone(now, left));
    }

    /// A player is there again: who waits for a match may be found one.
    fn is_back(&mut self, now: Time, person: PersonKey) {
        for key in self.people.tickets(person).to_vec() {
            if self.ticket(key).is_some_and(|ticket| ticket.standing == Standing::Waiting) {
                self.line_up(now, key);
            }
        }
    }

    /// A player has no socket any more: nobody is matched with whom they would wait for in vain,
    /// and the wait goes on.
    pub(super) fn is_gone(&mut self, now: Time, person: PersonKey) {
        for key in self.people.tickets(person).to_vec() {
            if let Some(line) = self.ticket(key).map(|ticket| ticket.line) {
                self.lines[line].pool.remove(key);
            }
        }
        let is_waited_for = !self.people.tickets(person).is_empty();
        let away = is_waited_for.then(|| now + self.settings.away_timeout);
        self.deadlines.set(Due::Away(person), away);
        self.parties.gone(now, person, &mut self.gathered);
    }

    /// Somebody wants to wait.
    ///
    /// # Errors
    /// `E_NOT_FOUND`, `E_NAME`, `E_AUTH`, `E_COOLDOWN`, `E_LIMIT`, `E_QUERY`, or `E_STATE` of whom
    /// a match is proposed to, or a seat kept for.
    pub(super) fn create(
        &mut self,
        now: Time,
        (socket, who): (Address, &Who),
        create: &api::Create,
        ids: &mut Ids,
        effects: &mut Effects,
    ) -> Result<TicketKey, Refusal> {
        let key = create.key.as_ref().map(|key| idempotency(who, key));
        let known = key.as_ref().filter(|_| !fault::is_planted(Fault::TicketKeyIgnored));
        if let Some((known, author)) = known.and_then(|key| self.by_key.get(key).copied()) {
            let first = self.ticket(known).map_or(author, |ticket| ticket.members[0].person);
            let is_first = fault::is_planted(Fault::PartyKeyOfFirst);
            self.attach(now, if is_first { first } else { author }, (socket, who));
            return Ok(known);
        }
        let line = self.lines.iter().position(|line| line.queue.name == create.queue);
        let line = line.ok_or_else(|| Refusal::new(code::NOT_FOUND, "no queue has this name"))?;
        let name: Box<str> = name::clean(create.name.as_deref().unwrap_or(NAMELESS))?.into();
        let person = self.somebody(now, (socket, who), ids);
        let is_rated = self.lines[line].queue.rated;
        let company = if create.party {
            self.company(person)?
        } else {
            self.expect_alone(person, is_rated)?;
            vec![(person, who.clone(), name)]
        };
        if is_rated && company.iter().any(|(_, who, _)| who.player.is_none()) {
            let sentence = "this queue is rated: bring a token, or ask for a guest's";
            return Err(Refusal::new(code::AUTH, sentence));
        }
        let member = |(person, who, name): (PersonKey, Who, Box<str>)| Member {
            id: TicketId::from_bytes(ids.take()),
            person,
            who,
            name,
            side: create.side,
            has_accepted: false,
        };
        let members: Vec<Member> = company.into_iter().map(member).collect();
        let candidate = self.candidate(now, line, &members, create)?;
        self.expect_patience(now, &candidate)?;
        members.iter().for_each(|member| self.forget_some(member.person));
        // From here on to its insertion no ticket is forgotten.
        let own = TicketKey(self.tickets.vacant_key() as u32);
        let mut candidate = Candidate { key: own, since: now, ..candidate };
        let queue = &self.lines[line].queue;
        candidate.judge(queue.largest_party()).map_err(|why| unfit(queue, &why))?;
        candidate.forget_unasked(queue);
        let inserted = self.lines[line].pool.insert(now, candidate.clone());
        inserted.map_err(|why| unfit(&self.lines[line].queue, &why))?;
        if let Err(refusal) = self.make_room(now, &members, who.address, effects) {
            self.lines[line].pool.remove(own);
            return Err(refusal);
        }
        for member in &members {
            self.by_id.insert(member.id, own);
            self.people.give(member.person, own);
        }
        let party = self.parties.of(person).filter(|_| create.party);
        if let Some(party) = party {
            self.by_party.insert((party, own));
        }
        let is_shared = members.len() > 1 && !fault::is_planted(Fault::PartyTicketUntold);
        self.tickets.insert(Ticket {
            line,
            standing: Standing::Waiting,
            reason: None,
            since: now,
            told_at: now,
            waited_until: None,
            members,
            from: who.address,
            candidate: Box::new(candidate),
            party,
            key: key.clone(),
        });
        if let Some(key) = key {
            self.by_key.insert(key, (own, person));
        }
        self.n_active += 1;
        *self.n_active_from.entry(who.address).or_default() += 1;
        self.lines[line].figures.n_tickets += 1;
        self.settle_progress(now);
        if is_shared {
            self.tell(now, own, Some(socket), effects);
        }
        Ok(own)
    }

    /// Nobody seeks a match who has kept others waiting in vain of late.
    fn expect_patience(&mut self, now: Time, candidate: &Candidate) -> Result<(), Refusal> {
        let mut addresses = candidate.members.iter().map(|member| Origin(member.address));
        if !addresses.all(|address| self.penalties.may_seek_from(now, address)) {
            let seconds = OFFENCES_OF_ADDRESS.every.as_secs();
            let sentence = format!(
                "too many who come from your address have kept others waiting in vain: wait \
                 {seconds} s"
            );
            return Err(Refusal::new(api::code::COOLDOWN, sentence));
        }
        let until = |member: &MemberTraits| self.penalties.until(now, member.player);
        let until = candidate.members.iter().filter_map(until).max();
        let until = until.filter(|_| !fault::is_planted(Fault::CoolDownForgotten));
        let Some(until) = until else { return Ok(()) };
        let n_seconds = until.since(now).as_secs() + 1;
        let who = if candidate.members.len() > 1 { "one of your party has" } else { "you have" };
        let sentence = format!("{who} kept others waiting in vain: wait {n_seconds} s");
        Err(Refusal::new(api::code::COOLDOWN, sentence))
    }

    /// Who has as many tickets as one may have has the oldest no more.
    ///
    /// # Errors
    /// `E_STATE` of whom a match is proposed to, or a seat kept for; `E_LIMIT` if the server has as
    /// many as it may.
    fn make_room(
        &mut self,
        now: Time,
        members: &[Member],
        from: Origin,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let most = self.settings.tickets_per_player.max(1);
        let (mut over, mut is_seated) = (Vec::new(), false);
        for member in members {
            let tickets = self.people.tickets(member.person).iter().copied();
            let is_active =
                |key: &TicketKey| self.ticket(*key).is_some_and(|ticket| !ticket.is_over());
            let active: Vec<TicketKey> = tickets.filter(is_active).collect();
            is_seated |= active.iter().any(|key| self.has_lobby(*key));
            let n_over = (active.len() + 1).saturating_sub(most);
            over.extend(active.into_iter().take(n_over));
        }
        over.sort_unstable();
        over.dedup();
        if is_seated {
            let sentence = "a seat is kept for you; take it, or wait until it falls";
            return Err(Refusal::new(api::code::STATE, sentence));
        }
        // By another ticket nobody gets out of a match, nor lets another member fail in one.
        if over.iter().any(|key| self.pairing_of(*key).is_some()) {
            let who = if members.len() > 1 { "one of your party" } else { "you" };
            let sentence = format!("a match is proposed to {who}; accept or decline it first");
            return Err(Refusal::new(api::code::STATE, sentence));
        }
        if self.n_active >= self.settings.max_tickets + over.len() {
            return Err(Refusal::new(code::LIMIT, "too many tickets on this server; try later"));
        }
        let is_from = |key: &&TicketKey| self.ticket(**key).is_some_and(|it| it.from == from);
        let n_from = self.n_active_from.get(&from).copied().unwrap_or_default();
        let most = self.settings.tickets_per_address;
        if most > 0 && n_from >= most + over.iter().filter(is_from).count() {
            let sentence = "too many tickets from your address; wait until some are settled";
            return Err(Refusal::new(code::LIMIT, sentence));
        }
        for key in over {
            self.end(now, key, Reason::Replaced, effects);
        }
        Ok(())
    }

    /// Of somebody's tickets that have ended the oldest cannot be asked about any more if there are
    /// many.
    fn forget_some(&mut self, person: PersonKey) {
        let is_over = |key: &TicketKey| self.ticket(*key).is_none_or(Ticket::is_over);
        let tickets = self.people.tickets(person).iter().copied();
        let mut over: Vec<TicketKey> = tickets.filter(is_over).collect();
        over.truncate((over.len() + 1).saturating_sub(MAX_KEPT));
        for key in over {
            self.deadlines.set(Due::Forget(key), None);
            self.forget(key);
        }
    }

    /// What the pool is told of those who share a ticket.
    fn candidate(
        &mut self,
        now: Time,
        line: usize,
        members: &[Member],
        create: &api::Create,
    ) -> Result<Candidate, Refusal> {
        if create.avoid.len() > api::MAX_AVOIDED {
            let sentence = format!("at most {} players can be avoided", api::MAX_AVOIDED);
            return Err(Refusal::new(api::code::QUERY, sentence));
        }
        let unix_ms = self.unix_ms(now);
        let avoid: Vec<u64> = create.avoid.iter().map(|player| self.number(player)).collect();
        let ladder = self.lines[line].ladder.clone();
        let mut traits = Vec::with_capacity(members.len());
        for member in members {
            let rating = match &member.who.player {
                Some(player) => self.ladders.rating(unix_ms, &ladder, player),
                None => Rating::fresh(unix_ms),
            };
            traits.push(MemberTraits {
                player: self.number_of(member),
                address: member.who.address.0,
                rating: rating.rating as f32,
                deviation: rating.deviation as f32,
                avoid: avoid.clone(),
            });
        }
        let attribute = |of: &api::Attribute| match of {
            api::Attribute::Number(number) => pool::Attribute::Number(*number),
            api::Attribute::Text(text) => pool::Attribute::Text(text.as_str().into()),
            api::Attribute::Texts(texts) => {
                pool::Attribute::Texts(texts.iter().map(|text| text.as_str().into()).collect())
            }
        };
        let attributes = create.attributes.iter();
        let latencies = create.latencies.iter();
        let most = api::MAX_LATENCY_MS;
        Ok(Candidate {
            members: traits,
            attributes: attributes
                .map(|(name, of)| (name.as_str().into(), attribute(of)))
                .collect(),
            latencies: latencies.map(|(of, ms)| (of.as_str().into(), (*ms).min(most))).collect(),
            ..Candidate::default()
        })
    }

    /// Who is seeking, as a number: the account, or else what the person is known by.
    fn number_of(&self, member: &Member) -> u64 {
        let holder = self.people.holder(member.person);
        match (&member.who.player, holder) {
            (Some(player), _) => self.number(player),
            (None, Some(holder)) => self.number(holder.as_str()),
            (None, None) => self.number(member.id.as_str()),
        }
    }

    /// An account as a number that nobody can choose; never 0.
    pub(super) fn number(&self, player: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(player.as_bytes());
        hasher.finish().max(1)
    }

    /// Somebody does not want to wait any more.
    ///
    /// # Errors
    /// `E_STATE` once there is a lobby.
    pub(super) fn cancel(
        &mut self,
        now: Time,
        key: TicketKey,
        socket: Address,
        effects: &mut Effects,
    ) -> Result<TicketKey, Refusal> {
        if self.has_lobby(key) {
            let sentence = "it is too late: a lobby is made";
            return Err(Refusal::new(api::code::STATE, sentence));
        }
        let by = self.people.of_socket(socket).map(|person| (person, socket));
        self.withdraw(now, key, Reason::Cancelled, by, effects);
        Ok(key)
    }

    /// A ticket ends, and with it the pairing that it may be in: by that member, who gets an answer
    /// by that socket.
    pub(super) fn withdraw(
        &mut self,
        now: Time,
        key: TicketKey,
        reason: Reason,
        by: Option<(PersonKey, Address)>,
        effects: &mut Effects,
    ) {
        let except = by.map(|(_, socket)| socket);
        match self.ticket(key).map(|ticket| ticket.standing) {
            Some(Standing::Waiting) => self.end_but(now, key, reason, except, effects),
            Some(Standing::Paired(number)) => {
                let ticket = self.ticket(key);
                let place = by.zip(ticket).and_then(|((by, _), ticket)| ticket.place_of(by));
                place.into_iter().for_each(|place| self.offend(now, key, place));
                self.fail(now, number, &[(key, reason)], Reason::OtherDeclined, except, effects);
            }
            Some(Standing::Ended) | None => {}
        }
    }

    /// It ends, once.
    pub(super) fn end(&mut self, now: Time, key: TicketKey, reason: Reason, effects: &mut Effects) {
        self.end_but(now, key, reason, None, effects);
    }

    /// Tells of a ticket that is about to end, for whoever keeps a trace of them.
    fn record(&self, now: Time, key: TicketKey, reason: Reason, effects: &mut Effects) {
        let Some(ticket) = self.ticket(key).filter(|ticket| !ticket.is_over()) else { return };
        if !self.settings.are_recorded {
            return;
        }
        let (epoch_ms, queue) = (self.settings.epoch_ms, &self.lines[ticket.line].queue.name);
        // Whatever else ended it lies in who was found, which other rules may do otherwise.
        let has_left = matches!(
            reason,
            Reason::Cancelled | Reason::Replaced | Reason::Gone | Reason::PartyChanged
        );
        let left = has_left.then_some(now);
        let record = TicketRecord::of(epoch_ms, queue, &ticket.candidate, left, &self.hasher);
        effects.push(MatchEffect::Recorded(Box::new(record)));
    }

    pub(super) fn end_but(
        &mut self,
        now: Time,
        key: TicketKey,
        reason: Reason,
        except: Option<Address>,
        effects: &mut Effects,
    ) {
        self.record(now, key, reason, effects);
        let Some(ticket) = self.ticket_mut(key).filter(|ticket| !ticket.is_over()) else { return };
        let was_waiting = ticket.standing == Standing::Waiting;
        ticket.standing = Standing::Ended;
        ticket.reason = Some(reason);
        ticket.waited_until.get_or_insert(now);
        ticket.candidate.forget_wishes();
        let (line, party, from) = (ticket.line, ticket.party, ticket.from);
        if let Some(party) = party {
            self.by_party.remove(&(party, key));
        }
        if was_waiting {
            self.lines[line].pool.remove(key);
        }
        self.n_active -= 1;
        if let Entry::Occupied(mut n_active) = self.n_active_from.entry(from) {
            *n_active.get_mut() -= 1;
            if *n_active.get() == 0 {
                n_active.remove();
            }
        }
        *self.lines[line].figures.ended.entry(reason).or_default() += 1;
        self.tell(now, key, except, effects);
        self.deadlines.set(Due::Forget(key), Some(now + KEPT));
    }

    /// It waits again, as long as it has waited already; unless its party has changed meanwhile.
    pub(super) fn requeue(
        &mut self,
        now: Time,
        key: TicketKey,
        reason: Reason,
        effects: &mut Effects,
    ) {
        if self.has_changed(key) {
            return self.end(now, key, Reason::PartyChanged, effects);
        }
        let Some(ticket) = self.ticket_mut(key).filter(|ticket| !ticket.is_over()) else { return };
        ticket.standing = Standing::Waiting;
        ticket.reason = Some(reason);
        ticket.waited_until = None;
        if fault::is_planted(Fault::WaitForgotten) {
            ticket.since = now;
        }
        ticket.members.iter_mut().for_each(|member| member.has_accepted = false);
        self.line_up(now, key);
        self.tell(now, key, None, effects);
    }

    /// It is in the pool again, if all who share it are there.
    fn line_up(&mut self, now: Time, key: TicketKey) {
        let Some(ticket) = self.ticket(key).filter(|ticket| !self.has_away(ticket)) else { return };
        let (line, candidate) = (ticket.line, (*ticket.candidate).clone());
        let again = self.lines[line].pool.insert(now, candidate);
        debug_assert!(again.is_ok(), "it had been in the pool before: {again:?}");
        self.settle_progress(now);
    }

    /// The connection of somebody who shares it is lost.
    pub(super) fn has_away(&self, ticket: &Ticket) -> bool {
        ticket.members.iter().any(|member| self.people.is_away(member.person))
    }

    /// Nothing can be asked about it any more.
    pub(super) fn forget(&mut self, key: TicketKey) {
        let Some(ticket) = self.tickets.try_remove(key.0 as usize) else { return };
        for member in &ticket.members {
            self.by_id.remove(&member.id);
            self.people.take(member.person, key);
            if self.people.tickets(member.person).is_empty() {
                self.deadlines.set(Due::Away(member.person), None);
            }
        }
        if let Some(own) = &ticket.key {
            self.by_key.remove(own);
        }
    }

    /// Somebody has been away for long enough.
    pub(super) fn away(&mut self, now: Time, person: PersonKey, effects: &mut Effects) {
        if !self.people.is_away(person) {
            return;
        }
        for key in self.people.tickets(person).to_vec() {
            let Some(ticket) = self.ticket(key) else { continue };
            match ticket.standing {
                Standing::Waiting => {
                    let is_shared = ticket.members.len() > 1;
                    let reason = if is_shared { Reason::PartyChanged } else { Reason::Gone };
                    self.end(now, key, reason, effects);
                }
                // A pairing has deadlines of its own, and after it this one may wait again.
                Standing::Paired(_) => {
                    let again = now + self.settings.away_timeout;
                    self.deadlines.set(Due::Away(person), Some(again));
                }
                Standing::Ended => {}
            }
        }
    }

    /// All who share it hear how it stands; but not by that socket, which gets an answer.
    pub(super) fn tell(
        &mut self,
        now: Time,
        key: TicketKey,
        except: Option<Address>,
        effects: &mut Effects,
    ) {
        let why = self.why(now, key);
        let Some(ticket) = self.ticket(key) else { return };
        for (place, member) in ticket.members.iter().enumerate() {
            let sockets = self.people.sockets(member.person).iter().copied();
            let mut frame = None;
            for socket in sockets.filter(|socket| Some(*socket) != except) {
                let told = || {
                    let told = self.told(now, key, (ticket, place), why.clone());
                    event(api::push::TICKET, &told)
                };
                let frame = frame.get_or_insert_with(told).clone();
                effects.push(MatchEffect::Push(socket, frame, Delivery::Reliable));
            }
        }
    }

    /// The answer to a request about a ticket: how it stands.
    pub(super) fn answer_ticket(
        &mut self,
        now: Time,
        socket: Address,
        ack: Option<u64>,
        found: Result<TicketKey, Refusal>,
        effects: &mut Effects,
    ) {
        let told = found.and_then(|key| {
            let why = self.why(now, key);
            let person = self.people.of_socket(socket).ok_or_else(no_ticket)?;
            let ticket = self.ticket(key).ok_or_else(no_ticket)?;
            let place = ticket.place_of(person).ok_or_else(no_ticket)?;
            Ok(self.told(now, key, (ticket, place), why))
        });
        answer(socket, ack, told, effects);
    }
}

/// What of `ticket` only tells how the wait goes on: the newest of each counts.
pub(super) fn progress_of(id: TicketId) -> Delivery {
    Delivery::Volatile { key: spread(0x7469_636b_6574, id.as_str()) }
}

fn idempotency(who: &Who, key: &IdempotencyKey) -> (Box<str>, Box<str>) {
    (who.player.as_deref().unwrap_or_default().into(), key.as_str().into())
}

fn no_ticket() -> Refusal {
    Refusal::new(code::NOT_FOUND, "no such ticket, or none of yours")
}

/// What is wrong with a ticket; of what a rule asks for, also as what.
fn unfit(queue: &Queue, why: &Unfit) -> Refusal {
    let named = |name: &str| {
        let rule = queue.rules.iter().find(|rule| rule.kind.attribute() == Some(name));
        rule.map(|rule| &rule.kind)
    };
    let of_kind = match why {
        Unfit::Lacks(name) => match named(name) {
            Some(Kind::Difference { .. }) => ", a number",
            Some(Kind::Equal { .. }) => ", a text or a number",
            Some(Kind::Overlap { .. }) => ", a text or several",
            _ => "",
        },
        _ => "",
    };
    Refusal::new(api::code::QUERY, format!("{why}{of_kind}"))
}

//! The ledger of tickets, as their owners are told of them: none is lost, each ends once and with a
//! reason that there was, nobody is in two matches, or in one that the queue's rules forbid.

mod hunger;
mod shared;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_core::time::Time;
use parlor_shared::api::matchmaking::{self as api, Reason, State};
use serde_json::Value;

use super::{parties::Parties, story::Story};
use crate::sim::{
    kept::N_ORIGINS,
    plan::Plan,
    queues::{Line, Queues, account},
};
use shared::{Key, Shared};

/// How long the matchmaker waits for a lobby, and for word of who came.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long somebody waits at least who has said no.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// A wish whose answer was lost: a ticket may come of it.
const LOST: &str = "lost";

type Check = Result<(), String>;

/// A request of somebody's in `/matchmaking`.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Asked {
    pub(in crate::sim) client: usize,
    pub(in crate::sim) epoch: u32,
    pub(in crate::sim) event: &'static str,
    pub(in crate::sim) payload: Value,
    pub(in crate::sim) at: Time,
}

/// How somebody was told of a ticket.
#[derive(Debug, Clone)]
pub(in crate::sim) enum Told {
    Answered(Asked),
    Pushed,
}

impl Told {
    fn is_of(&self, event: &str) -> bool {
        matches!(self, Self::Answered(asked) if asked.event == event)
    }
}

#[derive(Debug)]
pub(in crate::sim) struct Tickets {
    queues: Queues,
    slack: Duration,
    tickets: BTreeMap<String, Ticket>,
    /// Those who have asked to be rid of all their tickets, or said no to whatever there was.
    wishes: BTreeSet<(usize, &'static str)>,
    n_created: BTreeMap<usize, usize>,
    matches: BTreeMap<String, Match>,
    /// Whose each token is.
    tokens: BTreeMap<String, String>,
    /// Which ticket each idempotency key has brought.
    keys: BTreeMap<String, String>,
    /// Who was told that a lobby ends as others have not come: the lobby, and the seat.
    stayed: BTreeSet<(String, u8)>,
    /// Who has said no by this connection, at the earliest.
    cooling: BTreeMap<(usize, u32), Time>,
    all_shared: BTreeMap<Key, Shared>,
    /// How many each client has heard of, by party, its version, and queue.
    n_shared: BTreeMap<(usize, usize, u64, &'static str), usize>,
}

#[derive(Debug)]
struct Ticket {
    client: usize,
    line: Line,
    wish: Value,
    state: State,
    reason: Option<Reason>,
    waited_ms: u64,
    /// When it was first told that it stands so, and when something was last told.
    told_at: Time,
    heard_at: Time,
    /// By which connection.
    epoch: u32,
    seat: Option<(String, u8)>,
    /// It is of a party, and which one, if that is known.
    is_shared: bool,
    shared: Option<Key>,
    /// When its owner had last received all that there was.
    drained_at: Time,
}

/// A lobby in which seats were assigned.
#[derive(Debug, Default)]
struct Match {
    seats: BTreeMap<u8, String>,
    teams: BTreeMap<u8, u8>,
    /// One of its tickets waits again, or ended otherwise.
    has_failed: bool,
    has_begun: bool,
}

impl Tickets {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            queues: plan.queues.clone(),
            slack: plan.slack() + Duration::from_millis(2 * plan.latency_ms),
            tickets: BTreeMap::new(),
            wishes: BTreeSet::new(),
            n_created: BTreeMap::new(),
            matches: BTreeMap::new(),
            tokens: BTreeMap::new(),
            keys: BTreeMap::new(),
            stayed: BTreeSet::new(),
            cooling: BTreeMap::new(),
            all_shared: BTreeMap::new(),
            n_shared: BTreeMap::new(),
        }
    }

    /// Somebody asks something.
    pub(in crate::sim) fn asked(&mut self, asked: &Asked) {
        if asked.event == "create" {
            *self.n_created.entry(asked.client).or_default() += 1;
        }
        self.wishes.insert((asked.client, asked.event));
    }

    /// Somebody will not hear the answer.
    pub(in crate::sim) fn unanswered(&mut self, asked: &Asked) {
        if asked.event == "create" {
            self.wishes.insert((asked.client, LOST));
        }
    }

    /// By the same connection a client goes on as somebody whom it was before: what becomes of
    /// others' tickets is not told here.
    pub(in crate::sim) fn is_another(&mut self, client: usize, epoch: u32) {
        self.cooling.remove(&(client, epoch));
        let own = self.tickets.values_mut().filter(|ticket| ticket.client == client);
        own.for_each(|ticket| ticket.epoch = u32::MAX);
    }

    /// Nobody knows of this ticket any more.
    pub(in crate::sim) fn forgotten(&mut self, id: &str) {
        self.tickets.remove(id);
    }

    /// Somebody is told how it stands with a ticket.
    pub(in crate::sim) fn told(
        &mut self,
        now: Time,
        (client, epoch): (usize, u32),
        told: &api::Ticket,
        how: &Told,
        parties: &Parties,
    ) -> Check {
        let id = told.ticket.to_string();
        let line = Line::named(&told.queue).ok_or_else(|| format!("queue {}", told.queue))?;
        is_well_said(told)?;
        if !self.tickets.contains_key(&id) {
            // Who hands one in alone is told so by an answer.
            let is_news = told.state == State::Queued && told.waited_ms == 0;
            let is_given = is_news && parties.may_share(client);
            if !how.is_of("create") && !is_given && self.wishes.contains(&(client, LOST)) {
                // Whose ticket it is that client will never know.
                return Ok(());
            }
            self.handed_in(now, (client, epoch), (&id, line, told), how, parties)?;
        }
        self.is_the_only_one((client, epoch), &id, told)?;
        self.answered(&id, told, how)?;
        let ticket = self.tickets.get_mut(&id).expect("just made");
        if ticket.client != client || ticket.line != line {
            return Err(format!("{id} is {ticket:?}"));
        }
        let before = (ticket.state, ticket.reason);
        if before.0 == State::Ended && before != (told.state, told.reason) {
            return Err(format!("{id} has ended by {:?}, and is {told:?}", before.1));
        }
        if told.waited_ms < ticket.waited_ms {
            let what =
                format!("{id} had waited {} ms, and now {}", ticket.waited_ms, told.waited_ms);
            return Err(what);
        }
        let is_seamless = ticket.epoch == epoch;
        let seat = told.assignment.as_ref().map(|a| (a.lobby.to_string(), a.seat));
        let had = std::mem::replace(&mut ticket.seat, seat.clone());
        if ticket.state != told.state || !is_seamless {
            // By another connection it may be another match that it is told of.
            ticket.told_at = now;
        }
        (ticket.state, ticket.reason) = (told.state, told.reason);
        (ticket.waited_ms, ticket.heard_at, ticket.epoch) = (told.waited_ms, now, epoch);
        let is_over = told.state == State::Ended;
        self.is_good((client, &id), told, parties)?;
        if let Some(had) = had.filter(|had| seat.as_ref() != Some(had)) {
            let is_matched = is_over && told.reason == Some(Reason::Matched);
            if is_over {
                // It is asked about again after it has ended.
                self.tickets.get_mut(&id).into_iter().for_each(|own| own.seat = Some(had.clone()));
            }
            if !is_matched && before.0 == State::Assigned {
                self.failed(&had, told.reason)?;
            }
        }
        match told.state {
            State::Assigned => self.assigned(&id, line, told),
            State::Ended if before.0 != State::Ended => {
                self.ended(&id, told, (how, is_seamless), parties)?;
                self.ended_as_others(&id, told.reason)
            }
            State::Accepted | State::Queued | State::Proposed | State::Ended => Ok(()),
        }
    }

    /// What was asked has come to this.
    fn answered(&mut self, id: &str, told: &api::Ticket, how: &Told) -> Check {
        let Told::Answered(asked) = how else { return Ok(()) };
        let is_fine = match asked.event {
            "decline" | "cancel" => told.state == State::Ended,
            "accept" => !matches!(told.state, State::Queued | State::Proposed),
            _ => true,
        };
        if !is_fine {
            return Err(format!("{} is answered by {told:?}", asked.event));
        }
        let Some(key) = asked.payload["key"].as_str().filter(|_| asked.event == "create") else {
            return Ok(());
        };
        let owner = self.keys.entry(key.to_owned()).or_insert_with(|| id.to_owned());
        if owner == id { Ok(()) } else { Err(format!("{key} brings {owner}, and then {id}")) }
    }

    fn handed_in(
        &mut self,
        now: Time,
        (client, epoch): (usize, u32),
        (id, line, told): (&str, Line, &api::Ticket),
        how: &Told,
        parties: &Parties,
    ) -> Check {
        let mut wish = Value::Null;
        match how {
            Told::Answered(asked) if asked.event == "create" => {
                if asked.payload["queue"] != line.name() {
                    return Err(format!("{id} is in {}, not as {asked:?}", line.name()));
                }
                let declined = self.cooling.get(&(client, epoch));
                if declined.is_some_and(|since| *since < asked.at && now < *since + COOL_DOWN) {
                    return Err(format!("{id} comes too soon after a no: {declined:?}"));
                }
                wish = asked.payload.clone();
            }
            // Who leads its party has handed it in.
            _ if parties.may_share(client) => {}
            // Its answer was lost, or it was given up for lost.
            how => return Err(format!("{id} was never handed in: {how:?}")),
        }
        let is_shared = wish.is_null() || wish["party"] == true;
        let ticket = Ticket {
            client,
            line,
            wish,
            state: told.state,
            reason: told.reason,
            waited_ms: 0,
            told_at: now,
            heard_at: now,
            epoch,
            seat: None,
            is_shared,
            shared: None,
            drained_at: now,
        };
        self.tickets.insert(id.to_owned(), ticket);
        if is_shared { self.shared(now, (client, id, line), (told, how), parties) } else { Ok(()) }
    }

    /// Who may have one ticket has no other: one that was heard of by this connection has ended.
    fn is_the_only_one(
        &self,
        (client, epoch): (usize, u32),
        id: &str,
        told: &api::Ticket,
    ) -> Check {
        let may_have_more = self.queues.tickets_per_player > 1 || account(client).is_none();
        if may_have_more || told.state == State::Ended {
            return Ok(());
        }
        let is_beside = |(other, ticket): &(&String, &Ticket)| {
            *other != id
                && (ticket.client, ticket.epoch) == (client, epoch)
                && ticket.state != State::Ended
        };
        match self.tickets.iter().find(is_beside) {
            None => Ok(()),
            Some((other, ticket)) => Err(format!("{told:?} is beside {other}: {ticket:?}")),
        }
    }

    /// A ticket has a seat.
    fn assigned(&mut self, id: &str, line: Line, told: &api::Ticket) -> Check {
        let ticket = &self.tickets[id];
        if !self.queues.accept.is_zero() && !self.wishes.contains(&(ticket.client, "accept")) {
            return Err(format!("{id} has a seat, though its owner never said yes"));
        }
        let Some(assignment) = &told.assignment else { return Err(format!("{id}: no seat")) };
        let (lobby, seat) = (assignment.lobby.to_string(), assignment.seat);
        let is_its_team = line.team_of(seat).is_none_or(|team| team == assignment.team);
        if usize::from(seat) >= line.players().1 || !is_its_team {
            return Err(format!("{id} has {assignment:?} in {line:?}"));
        }
        let owner = self.tokens.entry(assignment.token.clone()).or_insert_with(|| id.to_owned());
        if owner != id {
            return Err(format!("{id} has the token of {owner}"));
        }
        let of = self.matches.entry(lobby.clone()).or_default();
        of.teams.insert(seat, assignment.team);
        let owner = of.seats.entry(seat).or_insert_with(|| id.to_owned());
        if owner != id {
            return Err(format!("{id} and {owner} have seat {seat} of {lobby}"));
        }
        let own = &self.tickets[id];
        for (at, other) in self.matches[&lobby].seats.iter().filter(|(at, _)| **at != seat) {
            let Some(other) = self.tickets.get(other) else { continue };
            if other.line != line {
                return Err(format!("{lobby} is of {line:?} and {:?}", other.line));
            }
            if other.seat.as_ref() != Some(&(lobby.clone(), *at)) {
                continue;
            }
            let is_one_team = self.matches[&lobby].teams.get(at) == Some(&assignment.team);
            let is_one_ticket = own.shared.is_some() && own.shared == other.shared;
            let may_be_one = own.is_shared && other.is_shared;
            if is_one_ticket && !is_one_team {
                return Err(format!("{lobby}: seats {seat} and {at} are of one party: {own:?}"));
            }
            if line == Line::Arena && is_one_team && !may_be_one {
                return Err(format!("{lobby}: seats {seat} and {at} are of one team: {own:?}"));
            }
            if is_one_ticket {
                continue;
            }
            if line == Line::Ranked && are_of_one_address(own, other) {
                return Err(format!(
                    "{lobby}: {} meets {} of one address",
                    own.client, other.client
                ));
            }
            let (Some(wish), Some(wish_of_other)) = (self.wish(own), self.wish(other)) else {
                continue;
            };
            let meets = line.may_meet((wish, own.waited_ms), (wish_of_other, other.waited_ms));
            meets.map_err(|why| format!("{lobby}: seats {seat} and {at}: {why}"))?;
            if line == Line::Duel && !own.is_shared && !other.is_shared {
                is_seated_as_wished((own, seat), other)?;
                is_seated_as_wished((other, *at), own)?;
            }
        }
        Ok(())
    }

    /// A ticket that had this seat waits again, or has ended by something else than its match.
    fn failed(&mut self, (lobby, seat): &(String, u8), reason: Option<Reason>) -> Check {
        let of = self.matches.entry(lobby.clone()).or_default();
        of.has_failed = true;
        if of.has_begun {
            return Err(format!("seat {seat} of {lobby} is given up ({reason:?}) in its match"));
        }
        Ok(())
    }

    /// True if no match comes of this lobby, as some have heard.
    pub(in crate::sim) fn has_failed(&self, lobby: &str) -> bool {
        self.matches.get(lobby).is_some_and(|of| of.has_failed)
    }

    /// The match in a lobby has begun.
    pub(in crate::sim) fn begun(&mut self, lobby: &str) -> Check {
        let Some(of) = self.matches.get_mut(lobby) else { return Ok(()) };
        of.has_begun = true;
        if of.has_failed {
            return Err(format!("{lobby} begins, though some of its players wait again"));
        }
        Ok(())
    }

    /// A ticket has ended, as is heard for the first time.
    fn ended(
        &mut self,
        id: &str,
        told: &api::Ticket,
        (how, is_seamless): (&Told, bool),
        parties: &Parties,
    ) -> Check {
        let ticket = &self.tickets[id];
        let (client, seat, is_shared) = (ticket.client, ticket.seat.clone(), ticket.is_shared);
        // Of those who share it, it may have been another.
        let has_asked = |event| is_shared || self.wishes.contains(&(client, event));
        let was_in_party = parties.was_ever_in(client);
        let give_up_ms = self.queues.give_up.as_millis() as u64;
        let is_true = match told.reason {
            Some(Reason::Cancelled) => has_asked("cancel"),
            Some(Reason::Declined) => has_asked("decline"),
            Some(Reason::Replaced) => {
                was_in_party || self.n_created.get(&client).is_some_and(|n| *n > 1)
            }
            Some(Reason::PartyChanged) => {
                was_in_party && (is_shared || ticket.line == Line::Ranked)
            }
            Some(Reason::Expired) => told.waited_ms >= give_up_ms,
            Some(Reason::Unanswered) => !self.queues.accept.is_zero(),
            // In between it may have been given another seat, of which its owner has not heard.
            Some(Reason::NoShow) => {
                !is_seamless || is_shared || seat.is_none_or(|seat| !self.stayed.contains(&seat))
            }
            // Who hears of it all the time is not gone.
            Some(Reason::Gone) => !is_seamless,
            Some(Reason::Matched | Reason::Refused) => true,
            _ => false,
        };
        if !is_true {
            return Err(format!("{id} ends by {:?}, which is not so", told.reason));
        }
        if let (Told::Answered(asked), Some(Reason::Declined)) = (how, told.reason)
            && asked.event == "decline"
        {
            self.cooling.entry((client, asked.epoch)).or_insert(asked.at);
        }
        Ok(())
    }

    /// Somebody in this seat is told that the lobby ends, as others have not come.
    pub(in crate::sim) fn stayed(&mut self, lobby: &str, seat: u8) -> Check {
        let own = (lobby.to_owned(), seat);
        let of = self.matches.get(lobby);
        let ticket = of.and_then(|of| self.tickets.get(of.seats.get(&seat)?));
        // It may have been given another seat since, and not taken that.
        let ticket = ticket.filter(|ticket| ticket.seat.as_ref() == Some(&own));
        let is_blamed =
            ticket.is_some_and(|ticket| ticket.reason == Some(Reason::NoShow) && !ticket.is_shared);
        self.stayed.insert(own);
        if is_blamed {
            return Err(format!("seat {seat} of {lobby} was there, and is blamed"));
        }
        Ok(())
    }

    /// The owner of a ticket, who may be in a lobby, has received all that there is.
    pub(in crate::sim) fn drained(
        &mut self,
        now: Time,
        id: &str,
        here: Option<&Story>,
        parties: &Parties,
    ) -> Check {
        let Some(ticket) = self.tickets.get_mut(id) else { return Ok(()) };
        ticket.drained_at = now;
        let ticket = &self.tickets[id];
        if ticket.state == State::Queued {
            self.is_not_starving(now, id, parties)?;
        }
        let waited = Duration::from_millis(ticket.waited_ms);
        let (since, most) = match ticket.state {
            State::Queued => {
                // Nobody is given up whose party waits for somebody who is away.
                let away = if ticket.is_shared { self.queues.away } else { Duration::ZERO };
                (ticket.heard_at, self.queues.give_up.saturating_sub(waited) + away)
            }
            State::Proposed | State::Accepted => (ticket.told_at, self.queues.accept + PATIENCE),
            State::Assigned => (ticket.told_at, self.queues.hold + PATIENCE),
            State::Ended => return self.is_in_its_match(now, ticket, here),
        };
        if now > since + most + self.slack {
            return Err(format!("{id} is lost: {ticket:?}"));
        }
        Ok(())
    }

    /// Who hears that its match is on, and is where it is, has seen it begin.
    fn is_in_its_match(&self, now: Time, ticket: &Ticket, here: Option<&Story>) -> Check {
        let is_matched = ticket.reason == Some(Reason::Matched);
        let Some((lobby, _)) = ticket.seat.as_ref().filter(|_| is_matched) else { return Ok(()) };
        let is_there = here.is_some_and(|story| story.lobby == *lobby);
        let has_begun = self.matches.get(lobby).is_some_and(|of| of.has_begun);
        if is_there && !has_begun && now > ticket.told_at + self.slack {
            return Err(format!("the match of {ticket:?} is on, but nobody plays"));
        }
        Ok(())
    }
}

/// True if these are known to come from one address; 0 is none.
fn are_of_one_address(one: &Ticket, other: &Ticket) -> bool {
    let [one, other] = [one, other].map(|ticket| ticket.client as u64 % N_ORIGINS);
    one == other && one != 0
}

/// What is said goes with the state.
fn is_well_said(told: &api::Ticket) -> Check {
    let again = [Reason::OtherDeclined, Reason::OtherUnanswered, Reason::OtherNoShow];
    let is_fine = match told.state {
        // All shards answer in time, in these runs.
        State::Queued => {
            told.reason.is_none_or(|reason| again.contains(&reason))
                && told.position.is_some()
                && told.proposal.is_none()
                && told.assignment.is_none()
        }
        State::Proposed => told.proposal.is_some() && told.assignment.is_none(),
        State::Accepted => told.assignment.is_none(),
        State::Assigned => told.assignment.is_some(),
        State::Ended => told.reason.is_some_and(|reason| !again.contains(&reason)),
    };
    let is_asked = told.proposal.is_none_or(|asked| asked.accepted <= asked.players);
    if is_fine && is_asked { Ok(()) } else { Err(format!("{told:?}")) }
}

/// Of two, who wants a side that the other does not want has it.
fn is_seated_as_wished((own, seat): (&Ticket, u8), other: &Ticket) -> Check {
    let side = |ticket: &Ticket| ticket.wish["side"].as_u64();
    match side(own) {
        Some(wish) if side(other) != Some(wish) && wish != u64::from(seat) => {
            Err(format!("{own:?} has seat {seat}, and nobody else wanted the other"))
        }
        _ => Ok(()),
    }
}

//! What is told of a ticket: where it stands, how long it may take, and why it is not matched yet.

use std::time::Duration;

use parlor_shared::api::matchmaking::{self as api, State, Why, WhyCode};

use super::{
    super::{
        effect::{Effects, MatchEffect, event},
        pool::{Obstacle, TicketKey},
        queue::Kind,
    },
    Desk, Due, Line,
    pairings::{ATTEND_TIMEOUT, Stage},
    seats::Seat,
    tickets::{Standing, Ticket, progress_of},
};
use crate::{
    fault::{self, Fault},
    time::Time,
};

/// How often some of those who wait are told how it goes on.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);
/// How many at once: about a millisecond's work.
const PROGRESS_AT_ONCE: usize = 50;
/// How many tickets are looked at for it.
const PROGRESS_LOOK: usize = 2_000;

impl Desk {
    /// How it stands with a ticket, for one of those who share it.
    pub(super) fn told(
        &self,
        now: Time,
        key: TicketKey,
        (ticket, place): (&Ticket, usize),
        why: Option<Why>,
    ) -> api::Ticket {
        let line = &self.lines[ticket.line];
        let is_waiting = ticket.standing == Standing::Waiting;
        let (state, proposal, assignment) = self.told_pairing(now, key, ticket, place);
        api::Ticket {
            ticket: ticket.members[place].id,
            queue: line.queue.name.clone(),
            state,
            reason: ticket.reason,
            waited_ms: waited_ms(now, ticket),
            position: is_waiting.then(|| line.position(key, ticket)),
            estimate: line.estimate(now).filter(|_| is_waiting),
            why,
            proposal,
            assignment,
        }
    }

    /// Why a ticket is not matched yet; nothing if it does not wait.
    pub(super) fn why(&mut self, now: Time, key: TicketKey) -> Option<Why> {
        let ticket = self.ticket(key)?;
        let (at, waited) = (ticket.line, now.since(ticket.since));
        let said = |code, message: String| Some(Why { code, message });
        if ticket.standing == Standing::Waiting && self.has_away(ticket) {
            return said(WhyCode::Away, "one of your party has lost the connection".into());
        }
        let line = self.lines.get_mut(at)?;
        let why = line.pool.why(now, key)?;
        let needed = line.queue.shape().fewest();
        let wave = Duration::from_millis(line.queue.wave.after_ms);
        let most = why.obstacles.first().copied();
        match (most, why.of_teams) {
            _ if why.others == 0 => said(WhyCode::Alone, "nobody else waits in this queue".into()),
            _ if line.pool.n_players() < needed => {
                let n = line.pool.n_players();
                said(WhyCode::TooFew, format!("{n} players wait, and a match needs {needed}"))
            }
            (Some((obstacle, n)), _) if why.fitting < needed => {
                let (code, what) = line.obstacle(obstacle);
                let sentence = match why.near {
                    1 => format!("those who wait {what}"),
                    near => format!("of the {near} nearest tickets {n} {what}"),
                };
                said(code, sentence)
            }
            (_, Some(rule)) => {
                let (code, what) = line.obstacle(Obstacle::Rule(rule));
                said(code, format!("those who would do {what}"))
            }
            _ if waited <= wave => said(WhyCode::Wave, "the next wave comes soon".into()),
            _ => said(WhyCode::Taken, "those who would do were better matched".into()),
        }
    }

    fn told_pairing(
        &self,
        now: Time,
        key: TicketKey,
        ticket: &Ticket,
        place: usize,
    ) -> (State, Option<api::Proposal>, Option<api::Assignment>) {
        let (_, pairing) = match (ticket.standing, self.pairing_of(key)) {
            (Standing::Ended, _) => return (State::Ended, None, None),
            (_, None) => return (State::Queued, None, None),
            (_, Some(pairing)) => pairing,
        };
        let left_ms = pairing.until.map_or(0, |until| until.since(now).as_millis() as u64);
        match &pairing.stage {
            Stage::Asking => {
                let has = |seat: &&Seat| {
                    let member = self.ticket(seat.ticket).map(|t| &t.members[seat.place]);
                    member.is_some_and(|member| member.has_accepted)
                };
                let accepted = pairing.seats.iter().filter(has).count() as u8;
                let proposal =
                    api::Proposal { left_ms, players: pairing.seats.len() as u8, accepted };
                let own = ticket.members[place].has_accepted;
                let state = if own { State::Accepted } else { State::Proposed };
                (state, Some(proposal), None)
            }
            Stage::Opening | Stage::Playing(_) => (State::Accepted, None, None),
            Stage::Holding(held) => {
                let is_own = |seat: &Seat| (seat.ticket, seat.place) == (key, place);
                let is_own = |seat: &Seat| is_own(seat) || fault::is_planted(Fault::SeatGivenTwice);
                let at = pairing.seats.iter().position(is_own).unwrap_or_default();
                let seat = pairing.seats[at];
                // The lobby has a while to say who came.
                let attend = ATTEND_TIMEOUT.as_millis() as u64;
                let game = self.lines[ticket.line].queue.game.clone();
                let assignment = api::Assignment {
                    game,
                    lobby: held.lobby,
                    code: held.code.to_string(),
                    seat: seat.seat,
                    token: held.tokens[at].to_string(),
                    left_ms: left_ms.saturating_sub(attend),
                    team: seat.team,
                    region: pairing.region.as_deref().map(str::to_owned),
                };
                (State::Assigned, None, Some(assignment))
            }
        }
    }

    /// Somebody waits who is to be told now and then.
    pub(super) fn settle_progress(&mut self, now: Time) {
        let is_wanted = !self.settings.progress.is_zero() && !self.is_telling;
        if is_wanted {
            self.is_telling = true;
            self.deadlines.set(Due::Progress, Some(now + PROGRESS_INTERVAL));
        }
    }

    /// Some of those who wait, and have not been told for a while, are.
    pub(super) fn tell_progress(&mut self, now: Time, effects: &mut Effects) {
        let n_places = self.tickets.capacity();
        let mut n_told = 0;
        for _ in 0..n_places.min(PROGRESS_LOOK) {
            self.told_up_to = (self.told_up_to + 1) % n_places;
            let key = TicketKey(self.told_up_to as u32);
            let every = self.settings.progress;
            let is_due = |ticket: &&mut Ticket| {
                ticket.standing == Standing::Waiting && now.since(ticket.told_at) >= every
            };
            let Some(ticket) = self.ticket_mut(key).filter(is_due) else { continue };
            ticket.told_at = now;
            self.tell_how_it_goes(now, key, effects);
            n_told += 1;
            if n_told == PROGRESS_AT_ONCE {
                break;
            }
        }
        self.is_telling = false;
        if self.n_active > 0 {
            self.settle_progress(now);
        }
    }

    fn tell_how_it_goes(&mut self, now: Time, key: TicketKey, effects: &mut Effects) {
        let is_heard = |ticket: &Ticket| {
            let mut members = ticket.members.iter();
            members.any(|member| !self.people.is_away(member.person))
        };
        if !self.ticket(key).is_some_and(is_heard) {
            return;
        }
        let why = self.why(now, key);
        let Some(ticket) = self.ticket(key) else { return };
        let line = &self.lines[ticket.line];
        for member in &ticket.members {
            let progress = api::Progress {
                ticket: member.id,
                waited_ms: waited_ms(now, ticket),
                position: line.position(key, ticket),
                estimate: line.estimate(now),
                why: why.clone(),
            };
            let frame = event(api::push::PROGRESS, &progress);
            for socket in self.people.sockets(member.person) {
                let delivery = progress_of(member.id);
                effects.push(MatchEffect::Push(*socket, frame.clone(), delivery));
            }
        }
    }
}

impl Line {
    /// The place of a ticket that waits, counted from 1; also while it is not in the pool.
    fn position(&self, key: TicketKey, ticket: &Ticket) -> u32 {
        let n_before = self.pool.position(key);
        n_before.unwrap_or_else(|| self.pool.n_before(ticket.since)) as u32 + 1
    }

    /// What keeps tickets apart, in a code and the end of a sentence.
    fn obstacle(&self, obstacle: Obstacle) -> (WhyCode, String) {
        let kind = match obstacle {
            Obstacle::SamePlayer => {
                return (WhyCode::SameAddress, "are your own, or of your party".into());
            }
            Obstacle::SameAddress => {
                return (WhyCode::SameAddress, "come from your address".into());
            }
            Obstacle::Avoided => return (WhyCode::Avoided, "avoid you, or you them".into()),
            Obstacle::Rule(at) => self.queue.rules.get(usize::from(at)).map(|rule| &rule.kind),
        };
        match kind {
            Some(Kind::Difference { attribute, .. }) => {
                (WhyCode::Difference, format!("are too far away in `{attribute}`"))
            }
            Some(Kind::Overlap { attribute, .. }) => {
                (WhyCode::Overlap, format!("share too little in `{attribute}`"))
            }
            Some(Kind::Equal { attribute, .. }) => {
                (WhyCode::Equal, format!("are otherwise in `{attribute}`"))
            }
            Some(Kind::Region { .. }) => (WhyCode::Region, "are near to no region of yours".into()),
            Some(Kind::Balance { .. }) => (WhyCode::Balance, "would make uneven teams".into()),
            Some(Kind::PartySize { .. }) => {
                (WhyCode::PartySize, "have larger or smaller parties".into())
            }
            Some(Kind::AvoidRepeats { .. }) | None => {
                (WhyCode::AvoidRepeats, "have met you of late".into())
            }
        }
    }
}

/// How long a ticket has waited, or had.
fn waited_ms(now: Time, ticket: &Ticket) -> u64 {
    ticket.waited_until.unwrap_or(now).since(ticket.since).as_millis() as u64
}

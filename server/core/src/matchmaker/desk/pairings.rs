//! Tickets that go together, from the moment a pool has found them until their match is over.
//! Through whomever it fails ends, and the others wait again, as long as they had already.

use std::{sync::Arc, time::Duration};

use parlor_shared::{
    api::{
        Refusal,
        matchmaking::{self as api, Reason},
    },
    id::{LobbyId, ResumeToken},
};

use super::{
    super::{
        effect::{Effects, MatchEffect, event},
        pool::{Candidate, Found, TicketKey},
        queue::Shape,
        rating::ranks,
    },
    Desk, Due, choices,
    people::Identity,
    seats::{Seat, arrange},
    tickets::{Member, Standing, Ticket},
    told_rating,
};
use crate::{
    assignment::{Reservation, Reserved},
    delivery::Delivery,
    fault::{self, Fault},
    key::{Address, Origin},
    time::Time,
};

/// How long a shard has to make a lobby.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after the longest match its lobby has to say how it ended.
const PLAY_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long after its hold a lobby has to say who came.
pub(super) const ATTEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Tickets that go together.
#[derive(Debug)]
pub(super) struct Pairing {
    line: usize,
    /// In the order of their seats.
    teams: Vec<Vec<TicketKey>>,
    n_bots: u8,
    gap: u32,
    pub(super) region: Option<Box<str>>,
    pub(super) stage: Stage,
    /// When the stage is over.
    pub(super) until: Option<Time>,
    /// Those of players; bots have the others.
    pub(super) seats: Vec<Seat>,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Everybody is asked.
    Asking,
    /// A lobby is being made.
    Opening,
    /// Seats wait in it.
    Holding(Held),
    /// The match is on: by team its players, for their ratings.
    Playing(Vec<Vec<Playing>>),
}

/// One who plays.
#[derive(Debug)]
pub(super) struct Playing {
    seat: u8,
    /// As those are known who keep others waiting.
    player: u64,
    address: Origin,
    /// `None`: there is no account, and so no rating.
    account: Option<Arc<str>>,
}

/// Seats that wait.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lobby: LobbyId,
    pub(super) code: Box<str>,
    /// As seats.
    pub(super) tokens: Vec<ResumeToken>,
}

impl Pairing {
    fn tickets(&self) -> impl Iterator<Item = TicketKey> {
        self.teams.iter().flatten().copied()
    }

    /// There is a lobby, or will be, and its match is not on: its tickets have not ended.
    fn is_gathering(&self) -> bool {
        matches!(self.stage, Stage::Opening | Stage::Holding(_))
    }
}

impl Desk {
    /// A pool has found tickets that go together.
    pub(super) fn found(&mut self, now: Time, line: usize, found: Found, effects: &mut Effects) {
        let keys: Vec<TicketKey> = found.teams.iter().flatten().copied().collect();
        if keys.iter().any(|key| self.ticket(*key).is_none_or(Ticket::is_over)) {
            // Somebody has got a seat by another match of the same wave.
            for key in keys {
                self.requeue(now, key, Reason::OtherDeclined, effects);
            }
            return;
        }
        let number = self.n_pairings;
        self.n_pairings += 1;
        let queue = Arc::clone(&self.lines[line].queue);
        let wish = |team: &Vec<TicketKey>| {
            let members = team.iter().filter_map(|key| self.ticket(*key)).flat_map(|t| &t.members);
            let sides = members.filter_map(|member| member.side);
            sides.filter(|_| !queue.rated).find(|_| !fault::is_planted(Fault::SideIgnored))
        };
        let teams = found.teams.into_iter().map(|team| (wish(&team), team));
        let teams = teams.map(|(side, team)| (team, side)).collect();
        let teams = arrange(teams, self.settings.seed ^ number.wrapping_mul(0x9e37_79b9));
        let mut seats = self.seats_of(line, &teams);
        if fault::is_planted(Fault::PartySplit)
            && seats.iter().any(|seat| seat.place > 0)
            && let [first, .., last] = &mut seats[..]
        {
            std::mem::swap(&mut first.seat, &mut last.seat);
            std::mem::swap(&mut first.team, &mut last.team);
        }
        let pairing = Pairing {
            line,
            teams,
            n_bots: found.n_bots,
            gap: found.gap.max(0.0) as u32,
            region: found.region,
            stage: Stage::Asking,
            until: None,
            seats,
        };
        self.pairings.insert(number, pairing);
        for key in &keys {
            if let Some(ticket) = self.ticket_mut(*key) {
                ticket.standing = Standing::Paired(number);
                ticket.reason = None;
                ticket.waited_until = Some(now);
            }
        }
        if queue.accept_ms == 0 {
            return self.open(now, number, effects);
        }
        self.wait(number, Some(now + Duration::from_millis(queue.accept_ms)));
        for key in keys {
            self.tell(now, key, None, effects);
        }
    }

    /// Each team has its own range of seats, also where bots fill it up.
    fn seats_of(&self, line: usize, teams: &[Vec<TicketKey>]) -> Vec<Seat> {
        let team_size = match self.lines[line].queue.shape() {
            Shape::Teams(of) => usize::from(of.size),
            Shape::Players(_) => 1,
        };
        let mut seats: Vec<Seat> = Vec::new();
        for (team, tickets) in teams.iter().enumerate() {
            let mut seat =
                (team * team_size).max(seats.last().map_or(0, |last| usize::from(last.seat) + 1));
            for ticket in tickets.iter().copied() {
                let n_members = self.ticket(ticket).map_or(0, |ticket| ticket.members.len());
                for place in 0..n_members {
                    seats.push(Seat { seat: seat as u8, team: team as u8, ticket, place });
                    seat += 1;
                }
            }
        }
        seats
    }

    fn wait(&mut self, number: u64, until: Option<Time>) {
        if let Some(pairing) = self.pairings.get_mut(&number) {
            pairing.until = until;
            self.deadlines.set(Due::Pairing(number), until);
        }
    }

    /// The pairing of a ticket, if it is in one.
    pub(super) fn pairing_of(&self, key: TicketKey) -> Option<(u64, &Pairing)> {
        let Standing::Paired(number) = self.ticket(key)?.standing else { return None };
        Some((number, self.pairings.get(&number)?))
    }

    /// True once a lobby is made, or being made.
    pub(super) fn has_lobby(&self, key: TicketKey) -> bool {
        self.pairing_of(key).is_some_and(|(_, pairing)| !matches!(pairing.stage, Stage::Asking))
    }

    /// Somebody says yes.
    ///
    /// # Errors
    /// `E_STATE` if nothing is proposed.
    pub(super) fn accept(
        &mut self,
        now: Time,
        key: TicketKey,
        socket: Address,
        effects: &mut Effects,
    ) -> Result<TicketKey, Refusal> {
        let nothing = || Refusal::new(api::code::STATE, "nothing is proposed");
        let (number, pairing) = self.pairing_of(key).ok_or_else(nothing)?;
        if !matches!(pairing.stage, Stage::Asking) {
            // All had said yes before, this one among them.
            return Ok(key);
        }
        let keys: Vec<TicketKey> = pairing.tickets().collect();
        let person = self.people.of_socket(socket).ok_or_else(nothing)?;
        let ticket = self.ticket_mut(key).ok_or_else(nothing)?;
        let place = ticket.place_of(person).ok_or_else(nothing)?;
        if std::mem::replace(&mut ticket.members[place].has_accepted, true) {
            return Ok(key);
        }
        let has_all = |key: &TicketKey| {
            let ticket = self.ticket(*key);
            ticket.is_some_and(|ticket| ticket.members.iter().all(|member| member.has_accepted))
        };
        if keys.iter().all(has_all) || fault::is_planted(Fault::OneYesIsEnough) {
            self.open(now, number, effects);
        } else {
            for key in keys {
                self.tell(now, key, Some(socket), effects);
            }
        }
        Ok(key)
    }

    /// Somebody says no.
    ///
    /// # Errors
    /// `E_STATE` if nothing is proposed any more.
    pub(super) fn decline(
        &mut self,
        now: Time,
        key: TicketKey,
        socket: Address,
        effects: &mut Effects,
    ) -> Result<TicketKey, Refusal> {
        let nothing = || Refusal::new(api::code::STATE, "nothing is proposed");
        if self.ticket(key).is_some_and(|it| it.is_over() && it.reason == Some(Reason::Declined)) {
            // It was heard before; the answer was not.
            return Ok(key);
        }
        let (number, pairing) = self.pairing_of(key).ok_or_else(nothing)?;
        if !matches!(pairing.stage, Stage::Asking) {
            return Err(Refusal::new(api::code::STATE, "it is too late: a lobby is made"));
        }
        let person = self.people.of_socket(socket);
        let ticket = self.ticket(key);
        let place = person.zip(ticket).and_then(|(person, ticket)| ticket.place_of(person));
        place.into_iter().for_each(|place| self.offend(now, key, place));
        let mut guilty = vec![(key, Reason::Declined)];
        if fault::is_planted(Fault::NoUnheard) {
            guilty.clear();
        }
        self.fail(now, number, &guilty, Reason::OtherDeclined, Some(socket), effects);
        Ok(key)
    }

    /// It fails through these, whose tickets end; the others wait again.
    pub(super) fn fail(
        &mut self,
        now: Time,
        number: u64,
        guilty: &[(TicketKey, Reason)],
        others: Reason,
        except: Option<Address>,
        effects: &mut Effects,
    ) {
        let Some(pairing) = self.pairings.remove(&number) else { return };
        self.deadlines.set(Due::Pairing(number), None);
        for key in pairing.tickets() {
            match guilty.iter().find(|(other, _)| *other == key) {
                Some((_, reason)) => self.end_but(now, key, *reason, except, effects),
                None if fault::is_planted(Fault::OthersLost) => {}
                None => self.requeue(now, key, others, effects),
            }
        }
    }

    /// Who keeps others waiting in vain waits before the next time.
    pub(super) fn offend(&mut self, now: Time, key: TicketKey, place: usize) {
        let Some(ticket) = self.ticket(key) else { return };
        let address = ticket.members.get(place).map(|member| member.who.address);
        if let Some((offender, address)) = ticket.offender(place).zip(address) {
            self.penalties.offend(now, offender);
            self.penalties.offend_from(now, address);
        }
    }

    /// Everybody wants it: a lobby is to be made.
    fn open(&mut self, now: Time, number: u64, effects: &mut Effects) {
        let Some(pairing) = self.pairings.get(&number) else { return };
        let queue = Arc::clone(&self.lines[pairing.line].queue);
        let reserved = |seat: &Seat| {
            let member = self.ticket(seat.ticket)?.members.get(seat.place)?;
            Some(Reserved {
                seat: seat.seat,
                player: member.who.player.clone(),
                address: member.who.address,
                name: member.name.clone(),
            })
        };
        let candidate = |key| Some(&*self.ticket(key)?.candidate);
        let tickets: Vec<&Candidate> = pairing.tickets().filter_map(candidate).collect();
        let config = choices::config_of(&queue, &tickets, self.settings.seed ^ number);
        let has_config = !config.is_empty();
        let config = serde_json::value::to_raw_value(&config);
        let reservation = Box::new(Reservation {
            number,
            game: queue.game.as_str().into(),
            config: has_config.then(|| config.expect("JSON has a JSON form")),
            seats: pairing.seats.iter().filter_map(reserved).collect(),
            n_bots: pairing.n_bots,
            hold: self.settings.hold,
            rated: queue.rated,
        });
        let keys: Vec<TicketKey> = pairing.tickets().collect();
        if let Some(pairing) = self.pairings.get_mut(&number) {
            pairing.stage = Stage::Opening;
        }
        self.wait(number, Some(now + OPEN_TIMEOUT));
        let shard = self.shards[number as usize % self.shards.len()];
        effects.push(MatchEffect::Reserve(shard, reservation));
        self.end_others(now, &keys, effects);
        for key in keys {
            self.tell(now, key, None, effects);
        }
    }

    /// Nobody sits in two places: who gets a seat by one of these waits by no other ticket. Whom
    /// they were to meet by that waits again.
    fn end_others(&mut self, now: Time, seated: &[TicketKey], effects: &mut Effects) {
        let members = seated.iter().filter_map(|key| self.ticket(*key)).flat_map(|it| &it.members);
        let of_one = |member: &Member| self.people.tickets(member.person).iter().copied();
        let others: Vec<TicketKey> = members.flat_map(of_one).collect();
        for key in others.into_iter().filter(|key| !seated.contains(key)) {
            match self.ticket(key).map(|ticket| ticket.standing) {
                Some(Standing::Waiting) => self.end(now, key, Reason::Replaced, effects),
                Some(Standing::Paired(number)) if !self.has_lobby(key) => {
                    let guilty = [(key, Reason::Replaced)];
                    self.fail(now, number, &guilty, Reason::OtherDeclined, None, effects);
                }
                Some(Standing::Paired(_) | Standing::Ended) | None => {}
            }
        }
    }

    /// There is a lobby, with these tokens for its seats.
    pub(super) fn opened(
        &mut self,
        now: Time,
        number: u64,
        (lobby, code, tokens): (LobbyId, &str, &[ResumeToken]),
        effects: &mut Effects,
    ) {
        let Some(pairing) = self.pairings.get_mut(&number) else { return };
        let is_opening = matches!(pairing.stage, Stage::Opening);
        if !is_opening || tokens.len() != pairing.seats.len() {
            return;
        }
        let held = Held { lobby, code: code.into(), tokens: tokens.to_vec() };
        pairing.stage = Stage::Holding(held);
        let keys: Vec<TicketKey> = pairing.tickets().collect();
        self.wait(number, Some(now + self.settings.hold + ATTEND_TIMEOUT));
        for key in keys {
            self.tell(now, key, None, effects);
        }
    }

    /// There will be no lobby.
    pub(super) fn refused(
        &mut self,
        now: Time,
        number: u64,
        refusal: &Refusal,
        effects: &mut Effects,
    ) {
        let Some(pairing) = self.pairings.get(&number).filter(|pairing| pairing.is_gathering())
        else {
            return;
        };
        let queue = &self.lines[pairing.line].queue.name;
        tracing::warn!(queue, code = %refusal.code, why = %refusal.message, "no lobby for a match");
        self.dissolve(now, number, Reason::Refused, effects);
    }

    /// It ends for all, through nobody's fault.
    fn dissolve(&mut self, now: Time, number: u64, reason: Reason, effects: &mut Effects) {
        let Some(pairing) = self.pairings.remove(&number) else { return };
        self.deadlines.set(Due::Pairing(number), None);
        for key in pairing.tickets() {
            self.end(now, key, reason, effects);
        }
    }

    /// All have come: the match is on.
    pub(super) fn seated(&mut self, now: Time, number: u64, effects: &mut Effects) {
        let Some(pairing) = self.pairings.get(&number) else { return };
        if !pairing.is_gathering() {
            return;
        }
        // Nobody is far from a bot.
        let gap = Some(pairing.gap).filter(|_| pairing.n_bots == 0);
        let line = pairing.line;
        let mut teams: Vec<Vec<Playing>> = pairing.teams.iter().map(|_| Vec::new()).collect();
        for seat in &pairing.seats {
            let ticket = self.ticket(seat.ticket);
            let member = ticket.and_then(|ticket| ticket.members.get(seat.place));
            let player = ticket.and_then(|ticket| ticket.offender(seat.place));
            if let Some((member, player)) = member.zip(player) {
                let account = member.who.player.clone();
                let address = member.who.address;
                let playing = Playing { seat: seat.seat, player, address, account };
                teams[usize::from(seat.team)].push(playing);
            }
        }
        let numbers = |team: &Vec<Playing>| team.iter().map(|playing| playing.player).collect();
        let players: Vec<Vec<u64>> = teams.iter().map(numbers).collect();
        let met: Vec<&[u64]> = players.iter().map(Vec::as_slice).collect();
        let keys: Vec<TicketKey> = pairing.tickets().collect();
        if let Some(pairing) = self.pairings.get_mut(&number) {
            pairing.stage = Stage::Playing(teams);
        }
        self.wait(number, Some(now + self.settings.max_match + PLAY_TIMEOUT));
        let line = &mut self.lines[line];
        line.pool.met(now, &met);
        gap.into_iter().for_each(|gap| line.gaps.note(now, gap));
        line.figures.n_matches += 1;
        for key in keys {
            if let Some(party) = self.ticket(key).and_then(|ticket| ticket.party) {
                self.parties.unready(party, &mut self.gathered);
            }
            let Some(ticket) = self.ticket(key) else { continue };
            let waited = ticket.waited_until.unwrap_or(now).since(ticket.since);
            let at = ticket.line;
            self.lines[at].waits.note(now, u32::try_from(waited.as_millis()).unwrap_or(u32::MAX));
            self.end(now, key, Reason::Matched, effects);
        }
    }

    /// These did not come in time.
    pub(super) fn absent(&mut self, now: Time, number: u64, seats: &[u8], effects: &mut Effects) {
        let Some(pairing) = self.pairings.get(&number).filter(|pairing| pairing.is_gathering())
        else {
            return;
        };
        let missing = pairing.seats.iter().filter(|seat| seats.contains(&seat.seat));
        let missing: Vec<Seat> = missing.copied().collect();
        missing.iter().for_each(|seat| self.offend(now, seat.ticket, seat.place));
        let guilty: Vec<_> = missing.iter().map(|seat| (seat.ticket, Reason::NoShow)).collect();
        self.fail(now, number, &guilty, Reason::OtherNoShow, None, effects);
    }

    /// The match is over.
    pub(super) fn played(
        &mut self,
        now: Time,
        number: u64,
        (winners, left, counts): (&[u8], &[u8], bool),
        effects: &mut Effects,
    ) {
        let is_on = |pairing: &Pairing| matches!(pairing.stage, Stage::Playing(_));
        if !self.pairings.get(&number).is_some_and(is_on) {
            return;
        }
        let Some(pairing) = self.pairings.remove(&number) else { return };
        self.deadlines.set(Due::Pairing(number), None);
        let Stage::Playing(teams) = pairing.stage else { return };
        self.judge(now, pairing.line, &teams, left);
        let account = |playing: &Playing| playing.account.clone();
        let accounts = teams.iter().map(|team| team.iter().map(account).collect());
        let accounts: Option<Vec<Vec<Arc<str>>>> = accounts.collect();
        let line = &self.lines[pairing.line];
        let Some(accounts) = accounts.filter(|_| counts && line.queue.rated) else { return };
        let seats = |team: &Vec<Playing>| team.iter().map(|playing| playing.seat).collect();
        let seats: Vec<Vec<u8>> = teams.iter().map(seats).collect();
        let unix_ms = self.unix_ms(now);
        let ladder = line.ladder.clone();
        if fault::is_planted(Fault::RatedTwice) {
            self.ladders.played(unix_ms, &ladder, &accounts, &ranks(&seats, winners));
        }
        let rated = self.ladders.played(unix_ms, &ladder, &accounts, &ranks(&seats, winners));
        for (account, rated) in accounts.iter().flatten().zip(rated.iter().flatten()) {
            let rating = told_rating(&ladder, &rated.after);
            let before = told_rating(&ladder, &rated.before).rating;
            let unchanged = rated.before == rated.after;
            let frame = event(api::push::RATED, &api::Rated { rating, before, unchanged });
            // Whoever has lost all connections meanwhile is known anew.
            let Some(person) = self.people.of_identity(&Identity::Account(account.clone())) else {
                continue;
            };
            for socket in self.people.sockets(person) {
                let push = MatchEffect::Push(*socket, frame.clone(), Delivery::Reliable);
                effects.push(push);
            }
        }
    }

    /// Who has stayed in a match has made up for former offences. Who has left its team, or an only
    /// opponent, is an offender; where each plays for themselves nobody is left alone.
    fn judge(&mut self, now: Time, line: usize, teams: &[Vec<Playing>], left: &[u8]) {
        let is_of_teams = matches!(self.lines[line].queue.shape(), Shape::Teams(_));
        for Playing { seat, player, address, .. } in teams.iter().flatten() {
            if !left.contains(seat) {
                self.penalties.played(now, *player);
            } else if is_of_teams {
                self.penalties.offend(now, *player);
                self.penalties.offend_from(now, *address);
            }
        }
    }

    /// A stage has lasted for as long as it may.
    pub(super) fn overdue(&mut self, now: Time, number: u64, effects: &mut Effects) {
        let Some(pairing) = self.pairings.get(&number) else { return };
        match pairing.stage {
            Stage::Asking => {
                let is_silent = |seat: &&Seat| {
                    let ticket = self.ticket(seat.ticket);
                    ticket.is_some_and(|ticket| !ticket.members[seat.place].has_accepted)
                };
                let silent = pairing.seats.iter().filter(is_silent);
                let silent: Vec<Seat> = silent.copied().collect();
                silent.iter().for_each(|seat| self.offend(now, seat.ticket, seat.place));
                let guilty: Vec<_> =
                    silent.iter().map(|seat| (seat.ticket, Reason::Unanswered)).collect();
                self.fail(now, number, &guilty, Reason::OtherUnanswered, None, effects);
            }
            // The shard of the lobby does not answer: nobody's fault.
            Stage::Opening | Stage::Holding(_) => {
                self.fail(now, number, &[], Reason::Unavailable, None, effects);
            }
            Stage::Playing(_) => drop(self.pairings.remove(&number)),
        }
    }
}

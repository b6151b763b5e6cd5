//! Who comes into a lobby, is lost, comes back and leaves, and who leads it then.

use super::*;
use crate::lobby::name;

impl Lobby {
    /// Takes a free seat, or a spectator's place, for somebody who comes by themselves.
    pub(in crate::lobby) fn join(
        &mut self,
        now: Now,
        join: &api::Join,
        token: ResumeToken,
        comer: Comer,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        self.admits(&comer.who, join)?;
        let api::Join { name, rename, role, colour, .. } = join;
        let guest = Guest { name, rename: *rename, role: *role, colour: *colour };
        self.enter(now, guest, token, comer, seed, pushes)
    }

    /// Whether somebody who comes by themselves may come in at all.
    pub(in crate::lobby) fn admits(&self, who: &Who, join: &api::Join) -> Result<(), Refusal> {
        self.expect_not_banned(who)?;
        self.settings.admit(join.password.as_deref())
    }

    fn is_called(&self, name: &str) -> bool {
        let folded = name::fold(name);
        let people = self.members.iter().map(|member| &member.name);
        people.chain(self.bots.iter().map(|bot| &bot.name)).any(|name| name::fold(name) == folded)
    }

    /// This name, or the first with a number that nobody here has.
    pub(super) fn free_name(&self, name: &str) -> String {
        // Each of those who are here has one name, so one of so many is free.
        let mut names =
            std::iter::once(name.to_owned()).chain((2..).map(|n| name::numbered(name, n)));
        names.find(|name| !self.is_called(name)).expect("numbers do not end")
    }

    /// Takes a free seat, or a spectator's place.
    pub(in crate::lobby) fn enter(
        &mut self,
        now: Now,
        Guest { name, rename, role, colour }: Guest<'_>,
        token: ResumeToken,
        comer: Comer,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        let mut name = name::clean(name)?;
        let is_in = |player| self.members.iter().any(|m| m.who.player.as_ref() == Some(player));
        if comer.who.player.as_ref().is_some_and(is_in) {
            let sentence = "you have a place in this lobby; resume it, or leave it first";
            return Err(Refusal::new(code::IN_LOBBY, sentence));
        }
        let place = match role {
            Role::Player => Place::Seat(self.seat_to_come()?),
            Role::Spectator if self.n_spectators() >= usize::from(self.settings.max_spectators) => {
                return Err(Refusal::new(code::FULL, "no more spectators fit in"));
            }
            Role::Spectator | Role::Audience => Place::Spectator,
        };
        if self.is_called(&name) {
            if !rename {
                let sentence = "somebody here is called that already";
                return Err(Refusal::new(code::NAME_TAKEN, sentence));
            }
            name = self.free_name(&name);
        }
        place.seat().into_iter().for_each(|seat| self.make_way(now, seat, pushes));
        let colour = place.seat().and_then(|_| self.free_colour(colour));
        let ready = place.seat().is_some() && self.counts_as_ready();
        let change = match place {
            Place::Seat(seat) => {
                let (name, connected) = (name.clone(), true);
                let (overdue, bot) = (false, false);
                Change::Joined(api::Seat { seat, name, connected, ready, overdue, colour, bot })
            }
            Place::Spectator | Place::Audience => {
                Change::Spectators { count: self.n_spectators() as u32 + 1 }
            }
        };
        self.push(change, pushes);
        self.count_anew(place);
        if let Place::Seat(seat) = place {
            // The game knows of them before they see anything of it.
            self.take_in(now, seat, &name, pushes);
        }
        // Few come in, and most lobbies only wait: no room is kept for more.
        self.members.reserve_exact(1);
        self.members.push(Member {
            name: name.into(),
            who: comer.who,
            place,
            colour,
            token,
            previous: None,
            socket: Some(comer.socket),
            showing: comer.showing,
            away: None,
            ready,
            // Who takes a seat after a match may not see what its player saw.
            plays: self.is_playing(),
            version: self.version,
            since: self.version,
            spent: None,
        });
        if let (Some(blocked), Some(member)) = (&comer.blocked, self.members.last_mut()) {
            member.block(now.time, blocked);
        }
        if self.members.len() == 1 {
            // Who opens a lobby is its host: nobody is there to be told.
            self.host = place.seat();
        }
        let leads = self.settle_host(Some(comer.socket), pushes);
        self.watch((comer.socket, comer.showing), place, pushes);
        let joined = self.joined(now, self.members.len() - 1);
        self.tell_host(now, leads, pushes);
        self.end_if_crashed(pushes);
        self.touch(now.time);
        self.settle_start(now, seed, pushes);
        Ok(joined)
    }

    /// Somebody takes a seat of a match that is on, if one is.
    pub(super) fn take_in(&mut self, now: Now, seat: u8, name: &str, pushes: &mut Pushes) {
        if !self.is_playing() {
            return;
        }
        self.players.retain(|player| player.seat != seat);
        self.players.push(api::Player { seat, name: name.to_owned() });
        self.players.sort_unstable_by_key(|player| player.seat);
        self.tell_game(now, seat, SeatChange::Joined, pushes);
    }

    /// Back to a place whose token was `shown`; it is replaced by `fresh`. Gives the socket
    /// that held the place until now, if one did.
    pub(in crate::lobby) fn resume(
        &mut self,
        now: Now,
        at: usize,
        (shown, fresh): (ResumeToken, ResumeToken),
        comer: &Comer,
        seed: u64,
        pushes: &mut Pushes,
    ) -> (api::Joined, Option<Address>) {
        let (member, socket) = (&mut self.members[at], comer.socket);
        let before = member.socket.replace(socket);
        let place = member.place;
        member.who.address = comer.who.address;
        member.showing = comer.showing;
        member.away = None;
        comer.blocked.iter().for_each(|blocked| member.block(now.time, blocked));
        member.token = fresh;
        member.previous = Some(Box::new(shown));
        let returned = member.place.seat().filter(|_| before.is_none());
        if let Some(before) = before {
            // Who comes back by the same socket is still there to be told.
            if before != socket {
                self.unanswered(before);
            }
            pushes.push(LobbyEffect::Unwatch(before));
        }
        if let Some(seat) = returned {
            self.push_except(Change::Returned { seat }, Some(socket), pushes);
        }
        let leads = returned.is_some() && self.settle_host(Some(socket), pushes);
        self.watch((comer.socket, comer.showing), place, pushes);
        // What the game says to a return comes after the answer, so it is not contained in it.
        let mut joined = self.joined(now, at);
        joined.missed = match comer.seen {
            // This socket has been sent all there is.
            Some(_) if before == Some(socket) => Some(0),
            Some(seen) => self.missed(at, seen, pushes),
            None => None,
        };
        self.tell_host(now, leads, pushes);
        if let Some(seat) = returned {
            self.tell_game(now, seat, SeatChange::Returned, pushes);
            // Before the first match nobody has said that they are not.
            if self.counts_as_ready() && self.n_matches == 0 {
                self.set_ready(at, seat, true, pushes);
            }
        }
        self.end_if_crashed(pushes);
        self.touch(now.time);
        self.settle_start(now, seed, pushes);
        (joined, before)
    }

    /// The connection of a member is lost: its place is kept for a while.
    pub(in crate::lobby) fn dropped(&mut self, now: Now, at: usize, pushes: &mut Pushes) {
        let (grace, keep) = match self.holds_until() {
            _ if self.is_playing() => (self.kind.grace(), self.kind.keep()),
            Some(until) if self.members[at].place != Place::Spectator => {
                let rest = until.since(now.time);
                (rest, rest)
            }
            _ => (GRACE, GRACE),
        };
        let kept_until_ms = now.unix_ms + keep.as_millis() as u64;
        let claim_from_ms = now.unix_ms + grace.as_millis() as u64;
        let member = &mut self.members[at];
        let socket = member.socket.take();
        let kept_until = match () {
            () if fault::is_planted(Fault::SeatLeak) => None,
            () if fault::is_planted(Fault::SeatFreedAtOnce) => Some(now.time),
            () => Some(now.time + keep),
        };
        let is_at_once = fault::is_planted(Fault::OverdueAtOnce);
        let late = Lateness::Until(if is_at_once { now.time } else { now.time + grace });
        let lateness = if grace < keep { late } else { Lateness::None };
        member.away = Some(Box::new(Away { kept_until, lateness }));
        let place = member.place;
        if let Some(socket) = socket {
            self.unanswered(socket);
            pushes.push(LobbyEffect::Unwatch(socket));
        }
        if let Place::Seat(seat) = place {
            self.halt(pushes);
            if self.phase == Phase::Open {
                self.set_ready(at, seat, false, pushes);
            }
            self.push(Change::Dropped { seat, kept_until_ms, claim_from_ms }, pushes);
            self.tell_game(now, seat, SeatChange::Dropped, pushes);
            let leads = self.settle_host(None, pushes);
            self.tell_host(now, leads, pushes);
        }
    }

    /// A member goes for good. If all others want a rematch, it begins with this seed.
    pub(in crate::lobby) fn leave(
        &mut self,
        now: Now,
        at: usize,
        reason: LeaveReason,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Member {
        let member = self.members.remove(at);
        pushes.extend(member.socket.map(LobbyEffect::Unwatch));
        match member.place {
            Place::Seat(seat) => {
                self.note_leaver(seat);
                self.refuse_noted_of(seat, pushes);
                self.halt(pushes);
                self.push(Change::Left { seat, reason }, pushes);
                self.tell_game(now, seat, SeatChange::Left, pushes);
                self.refill(now, pushes);
                let leads = self.settle_host(None, pushes);
                self.tell_host(now, leads, pushes);
                self.report_deserted(pushes);
                self.begin_if_wanted(now, seed, pushes);
                self.settle_start(now, seed, pushes);
            }
            Place::Spectator | Place::Audience => {
                member.socket.into_iter().for_each(|socket| self.forget_vote(now, socket));
                let count = self.n_spectators() as u32;
                self.push(Change::Spectators { count }, pushes);
            }
        }
        member
    }

    /// Places whose time is up, and deadlines of the match and the phase. If the lobby ends by it,
    /// all its members are gone.
    pub(in crate::lobby) fn expire(
        &mut self,
        now: Now,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Vec<Member> {
        let gone = self.end_hold(now, pushes);
        if !gone.is_empty() {
            return gone;
        }
        self.wake(now, pushes);
        self.grow_late(now, pushes);
        self.tell_of_votes(now, pushes);
        self.tell_of_crowd(now, pushes);
        let mut gone = Vec::new();
        while let Some(at) =
            self.members.iter().position(|m| m.kept_until().is_some_and(|until| until <= now.time))
        {
            gone.push(self.leave(now, at, LeaveReason::Expired, seed, pushes));
        }
        if self.until.is_some_and(|until| until <= now.time) && self.end_phase(now, seed, pushes) {
            gone.append(&mut self.close(api::ClosedReason::Idle, pushes));
        }
        if !self.is_empty() {
            // What has begun or ended by now has its own deadline from now on.
            self.keep_deadline(now.time);
        }
        gone
    }

    /// Players who were lost and for whom the others have waited long enough.
    fn grow_late(&mut self, now: Now, pushes: &mut Pushes) {
        for at in 0..self.members.len() {
            let Lateness::Until(late) = self.members[at].lateness() else { continue };
            if late > now.time {
                continue;
            }
            let seat = self.members[at].place.seat().filter(|_| self.is_playing());
            let lateness = if seat.is_some() { Lateness::Overdue } else { Lateness::None };
            self.members[at].grow(lateness);
            if let Some(seat) = seat {
                self.push(Change::Overdue { seat }, pushes);
                self.tell_game(now, seat, SeatChange::Overdue, pushes);
            }
        }
    }

    /// Seats of this match that the others have waited for long enough.
    pub(super) fn overdue(&self) -> Vec<Seat> {
        let overdue = self.members.iter().filter(|member| member.lateness() == Lateness::Overdue);
        let mut seats: Vec<Seat> = overdue.filter_map(|m| m.place.seat()).map(Seat).collect();
        seats.sort_unstable();
        seats
    }

    /// Ends the lobby, whoever is in it.
    pub(super) fn close(&mut self, reason: api::ClosedReason, pushes: &mut Pushes) -> Vec<Member> {
        let frame = event(push::CLOSED, &api::Closed { reason });
        for socket in self.members.iter().filter_map(|member| member.socket) {
            pushes.push(LobbyEffect::Push(socket, frame.clone(), Delivery::Reliable));
            pushes.push(LobbyEffect::Unwatch(socket));
        }
        self.until = None;
        std::mem::take(&mut self.members)
    }

    /// The host stays host while connected. Then it is the longest seated player who is; if nobody
    /// is, it stays with its seat, or goes to the longest seated. Who is told of it otherwise is
    /// `except`. True if it is another.
    pub(super) fn settle_host(&mut self, except: Option<Address>, pushes: &mut Pushes) -> bool {
        let current = self.seated().find(|member| member.place.seat() == self.host);
        let stays = self.policy.host_migration == HostMigration::Stay;
        let next = current
            .filter(|member| stays || member.socket.is_some())
            .or_else(|| self.seated().find(|member| member.socket.is_some()))
            .or(current)
            .or_else(|| self.seated().next())
            .and_then(|member| member.place.seat());
        self.lead(next, except, pushes)
    }

    /// This seat is host now. True if it was another before.
    pub(super) fn lead(
        &mut self,
        next: Option<u8>,
        except: Option<Address>,
        pushes: &mut Pushes,
    ) -> bool {
        let is_other = std::mem::replace(&mut self.host, next) != next;
        if let (true, Some(seat)) = (is_other, next) {
            self.push_except(Change::Host { seat }, except, pushes);
        }
        if is_other {
            self.lead_peers(pushes);
        }
        is_other && next.is_some()
    }

    /// Tells the match that another seat is host, if one is.
    pub(super) fn tell_host(&mut self, now: Now, is_other: bool, pushes: &mut Pushes) {
        if is_other {
            let when = self.when(now);
            self.tell_play(|play| play.host(when), pushes);
        }
    }

    /// Who takes a seat now, or returns to it, is ready without a word.
    fn counts_as_ready(&self) -> bool {
        self.settings.start == StartRule::Full && self.phase == Phase::Open
    }

    /// A member's request shows that it has the last token: the one before is no longer good.
    pub(in crate::lobby) fn confirm_token(&mut self, at: usize) -> Option<ResumeToken> {
        if fault::is_planted(Fault::TokenUsableTwice) {
            return None;
        }
        self.members[at].previous.take().map(|previous| *previous)
    }

    /// Refuses who would take a seat when none is to be taken.
    pub(super) fn expect_seating(&self) -> Result<(), Refusal> {
        self.expect_unbooked()?;
        let sentence = match self.phase {
            Phase::Open | Phase::Finished => return Ok(()),
            Phase::Playing if self.kind.late_join() => return Ok(()),
            Phase::Playing => "a match is on; watch it as a spectator",
            Phase::Starting => "a match is about to begin; watch it",
        };
        Err(Refusal::new(code::PHASE, sentence))
    }

    /// The seat of somebody who comes now: one that is free, or else a bot's, who makes way.
    fn seat_to_come(&self) -> Result<u8, Refusal> {
        self.expect_seating()?;
        let capacity = usize::from(self.settings.capacity);
        if self.n_taken() == capacity && fault::is_planted(Fault::OneSeatTooMany) {
            return Ok(self.settings.capacity);
        }
        let bots = || self.last_bot().filter(|_| self.seated().count() < capacity);
        self.free_seat().or_else(bots).ok_or_else(is_full)
    }
}

/// No seat is free.
pub(super) fn is_full() -> Refusal {
    Refusal::new(code::FULL, "every seat is taken")
}

//! A lobby's way from gathering to a match, to its end and to the next one.

use super::*;

impl Lobby {
    pub(in crate::lobby) fn ready(
        &mut self,
        at: usize,
        ready: bool,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        self.expect_phase(Phase::Open, "the match has begun already")?;
        self.set_ready(at, seat, ready, pushes);
        Ok(api::Done {})
    }

    /// The host begins the match; starting counts as being ready.
    pub(in crate::lobby) fn start(
        &mut self,
        now: Now,
        at: usize,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        if self.host != Some(seat) {
            return Err(Refusal::new(code::FORBIDDEN, "only the host may start"));
        }
        self.expect_phase(Phase::Open, "the match has begun already")?;
        let needed = *self.kind.seats().start();
        if self.seated().count() < usize::from(needed) {
            let message = format!("the game needs {needed} players");
            return Err(Refusal::new(code::NOT_READY, message));
        }
        if self.seated().any(|m| !m.ready && m.place != Place::Seat(seat)) {
            return Err(Refusal::new(code::NOT_READY, "not everyone is ready"));
        }
        self.begin(now, seed, pushes);
        Ok(api::Done {})
    }

    /// This seat wants another match; it begins when all do.
    pub(in crate::lobby) fn rematch(
        &mut self,
        now: Now,
        at: usize,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        self.expect_phase(Phase::Finished, "there is no finished match")?;
        self.set_ready(at, seat, true, pushes);
        self.begin_if_wanted(now, seed, pushes);
        Ok(api::Done {})
    }

    /// After a match, the next one begins when enough players are here and all want it.
    pub(super) fn begin_if_wanted(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        let needed = usize::from(*self.kind.seats().start()).max(1);
        let is_wanted = self.seated().count() >= needed && self.seated().all(|m| m.ready);
        if self.phase == Phase::Finished && is_wanted {
            self.begin(now, seed, pushes);
        }
    }

    pub(super) fn begin(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        let mut seats: Vec<Seat> = self.seated().filter_map(|m| m.place.seat()).map(Seat).collect();
        seats.sort_unstable();
        self.players = self
            .seated()
            .filter_map(|m| Some(api::Player { seat: m.place.seat()?, name: m.name.clone() }))
            .collect();
        self.players.sort_unstable_by_key(|player| player.seat);
        self.n_matches += 1;
        self.phase = Phase::Playing;
        self.outcome = None;
        self.numbers.clear();
        for member in &mut self.members {
            member.ready = false;
        }
        let when = When { tick: 0, ..self.when(now) };
        let (play, told) = self.config.start(when, self.n_matches, seats, seed);
        if self.play.replace(play).is_none() {
            for member in &self.members {
                if let Some(socket) = member.socket {
                    let how = (socket, member.deltas, member.format);
                    self.watch(how, member.place, pushes);
                }
            }
        }
        self.push(Change::Started { number: self.n_matches }, pushes);
        self.push_events(0, told, pushes);
        for member in 0..self.members.len() {
            // Who is away just now is told to the game as a loss it has yet to learn of.
            if let (Place::Seat(seat), None) =
                (self.members[member].place, self.members[member].socket)
            {
                self.tell_game(now, seat, SeatChange::Dropped, pushes);
            }
        }
        self.settle(pushes);
    }

    /// Looks whether the match has ended, and shows everybody how it stands if that is news.
    pub(super) fn settle(&mut self, pushes: &mut Pushes) {
        self.end_if_decided(pushes);
        if self.play.as_mut().is_some_and(|play| play.take_changed()) {
            self.show(pushes);
        }
    }

    /// Asks the game for its outcome, as after every change.
    pub(super) fn end_if_decided(&mut self, pushes: &mut Pushes) {
        let Some(play) = &mut self.play else { return };
        if self.phase != Phase::Playing {
            return;
        }
        self.outcome = play.outcome();
        if let Some(outcome) = &self.outcome {
            self.phase = Phase::Finished;
            let outcome = travel(outcome);
            self.push(Change::Finished { outcome }, pushes);
            self.refuse_noted(pushes);
        }
    }

    /// After views were made: one of them may be what the game failed over.
    pub(in crate::lobby) fn end_if_crashed(&mut self, pushes: &mut Pushes) {
        if self.has_crashed() {
            self.settle(pushes);
        }
    }

    pub(super) fn tell_game(
        &mut self,
        now: Now,
        seat: u8,
        change: SeatChange,
        pushes: &mut Pushes,
    ) {
        self.catch_up(now, pushes);
        let when = self.when(now);
        self.tell_play(|play| play.seat(when, Seat(seat), change), pushes);
    }

    pub(super) fn set_ready(&mut self, at: usize, seat: u8, ready: bool, pushes: &mut Pushes) {
        if std::mem::replace(&mut self.members[at].ready, ready) != ready {
            if fault::is_planted(Fault::VersionSkipped) {
                self.members.iter_mut().for_each(|member| member.version += 1);
            }
            self.push(Change::Ready { seat, ready }, pushes);
        }
    }
}

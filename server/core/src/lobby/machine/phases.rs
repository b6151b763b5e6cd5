//! A lobby's way from gathering to a match, to its end and to the next one.

use super::*;

impl Lobby {
    pub(in crate::lobby) fn ready(
        &mut self,
        now: Now,
        at: usize,
        ready: bool,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.seat_of(at)?;
        if !self.is_gathering() {
            return Err(Refusal::new(code::PHASE, "the match has begun already"));
        }
        self.set_ready(at, seat, ready, pushes);
        self.settle_start(now, seed, pushes);
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
        self.expect_host(at, "start")?;
        if self.settings.start != StartRule::Host {
            return Err(Refusal::new(code::FORBIDDEN, "in this lobby matches begin by themselves"));
        }
        self.expect_phase(Phase::Open, "the match has begun already")?;
        if !self.has_enough() {
            let message = format!("the game needs {} players", self.kind.seats().start());
            return Err(Refusal::new(code::NOT_READY, message));
        }
        if !self.may_begin() {
            return Err(Refusal::new(code::NOT_READY, "not everyone is ready"));
        }
        self.count_down(now, seed, pushes);
        Ok(api::Done {})
    }

    /// The host ends the countdown. Where matches begin by themselves the next one would begin at
    /// once, were it not that the host is ready no more.
    pub(in crate::lobby) fn stop(
        &mut self,
        at: usize,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let seat = self.expect_host(at, "stop the countdown")?;
        self.expect_phase(Phase::Starting, "no match is about to begin")?;
        self.halt(pushes);
        if self.settings.start != StartRule::Host {
            self.set_ready(at, seat, false, pushes);
        }
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
        let is_wanted = self.has_enough() && self.seated().all(|m| m.ready);
        if self.phase == Phase::Finished && is_wanted {
            self.begin(now, seed, pushes);
        }
    }

    /// After whatever may bring the next match nearer, or put it off: the countdown begins or ends.
    pub(super) fn settle_start(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        match self.phase {
            Phase::Open if self.is_waiting() && !self.is_assembled() => {}
            Phase::Open if self.is_waiting() => self.begin(now, seed, pushes),
            Phase::Open if self.settings.start != StartRule::Host && self.may_begin() => {
                self.count_down(now, seed, pushes);
            }
            Phase::Starting if !self.may_begin() => self.halt(pushes),
            _ => {}
        }
    }

    /// Seats enough are taken for a match.
    fn has_enough(&self) -> bool {
        let n = if self.settings.fill { self.settings.capacity.into() } else { self.n_taken() };
        self.seated().next().is_some() && n >= usize::from(*self.kind.seats().start())
    }

    /// Nothing is in the way of a match but, in an open lobby, its host's word.
    fn may_begin(&self) -> bool {
        let is_ready = |member: &Member| match self.settings.start {
            StartRule::Host => {
                member.ready || member.place.seat() == self.host && member.socket.is_some()
            }
            StartRule::Ready | StartRule::Full => member.ready,
        };
        let n_needed = match self.settings.start {
            StartRule::Full => usize::from(self.settings.capacity),
            StartRule::Host | StartRule::Ready => 0,
        };
        self.has_enough() && self.n_taken() >= n_needed && self.seated().all(is_ready)
    }

    fn count_down(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        let countdown = self.policy.countdown;
        if countdown.is_zero() {
            return self.begin(now, seed, pushes);
        }
        let at_ms = now.unix_ms + countdown.as_millis() as u64;
        self.turn_to(Phase::Starting);
        let is_endless = fault::is_planted(Fault::EndlessCountdown);
        self.until = Some(now.time + countdown).filter(|_| !is_endless);
        self.push(Change::Starting { at_ms }, pushes);
    }

    /// Ends the countdown, if it is on.
    pub(super) fn halt(&mut self, pushes: &mut Pushes) {
        if self.phase == Phase::Starting {
            self.turn_to(Phase::Open);
            self.push(Change::Stopped, pushes);
        }
    }

    /// Another phase. How long it lasts at most is settled once all that led to it is done.
    fn turn_to(&mut self, phase: Phase) {
        self.phase = phase;
        self.until = None;
    }

    /// Players gather, or a match is about to begin.
    pub(super) fn is_gathering(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Starting)
    }

    /// How long the phase lasts at most, if that is not settled yet.
    pub(super) fn keep_deadline(&mut self, now: Time) {
        const DAY: Duration = Duration::from_secs(86_400);
        let most = match self.phase {
            Phase::Finished if fault::is_planted(Fault::FinishedForEver) => DAY,
            Phase::Starting if fault::is_planted(Fault::EndlessCountdown) => DAY,
            Phase::Open => self.policy.open_timeout,
            Phase::Starting => self.policy.countdown,
            Phase::Playing => self.policy.max_match,
            Phase::Finished => self.policy.finished,
        };
        self.until.get_or_insert(now + most);
    }

    /// Something was said or done here.
    pub(in crate::lobby) fn touch(&mut self, now: Time) {
        self.touched = now;
    }

    /// The phase has lasted as long as it may. True if the lobby is to end.
    pub(super) fn end_phase(&mut self, now: Now, seed: u64, pushes: &mut Pushes) -> bool {
        match self.phase {
            // Whatever is said or done moves the deadline only when it has come.
            Phase::Open => {
                let idle_at = self.touched + self.policy.open_timeout;
                self.until = Some(idle_at);
                return idle_at <= now.time;
            }
            Phase::Starting => self.begin(now, seed, pushes),
            Phase::Playing => {
                self.finish(Outcome::void("timeout"), pushes);
                self.show(pushes);
            }
            Phase::Finished => self.reopen(now, seed, pushes),
        }
        false
    }

    /// Nobody wants another match just now: the last one is forgotten.
    fn reopen(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        self.turn_to(Phase::Open);
        // Nothing happened meanwhile, or the next match would have begun: count from here.
        self.touch(now.time);
        for at in 0..self.members.len() {
            let Member { place, socket, .. } = &self.members[at];
            match (*place, *socket) {
                (_, Some(socket)) => pushes.push(LobbyEffect::Unwatch(socket)),
                (Place::Seat(seat), None) => self.set_ready(at, seat, false, pushes),
                (Place::Spectator | Place::Audience, None) => {}
            }
        }
        self.hide_from_audience(pushes);
        (self.play, self.outcome, self.players) = (None, None, Few::default());
        self.numbers = Few::default();
        self.push(Change::Opened, pushes);
        self.settle_start(now, seed, pushes);
    }

    pub(super) fn begin(&mut self, now: Now, seed: u64, pushes: &mut Pushes) {
        self.fill(now, pushes);
        let player =
            |m: &Member| Some(api::Player { seat: m.place.seat()?, name: m.name.to_string() });
        let people = self.seated().filter_map(player);
        self.players = people.chain(self.bots.iter().map(Bot::player)).collect::<Vec<_>>().into();
        self.players.sort_unstable_by_key(|player| player.seat);
        self.n_matches += 1;
        self.turn_to(Phase::Playing);
        self.outcome = None;
        self.numbers.clear();
        let overdue_at = now.time + self.kind.grace();
        let mut news = Vec::new();
        for (at, member) in self.members.iter_mut().enumerate() {
            member.ready = false;
            // Who is away as it begins is waited for from here on.
            let is_kept = member.kept_until().is_some_and(|until| overdue_at < until);
            member.grow(if is_kept { Lateness::Until(overdue_at) } else { Lateness::None });
            let plays = member.place != Place::Spectator;
            if plays && !std::mem::replace(&mut member.plays, plays) {
                news.push(at);
            }
        }
        let when = When { tick: 0, ..self.when(now) };
        let cast = Cast {
            seats: self.players.iter().map(|player| Seat(player.seat)).collect(),
            bots: self.bot_seats(),
            bot_delay: self.policy.bot_delay,
        };
        let (play, told) = self.config.start(when, self.n_matches, cast, seed);
        let is_first = self.play.replace(play).is_none();
        for (at, member) in self.members.iter().enumerate() {
            // Who did not play the last one has had another view of it.
            if let (Some(socket), true) = (member.socket, is_first || news.contains(&at)) {
                self.watch((socket, member.showing), member.place, pushes);
            }
        }
        if is_first {
            self.show_audience(pushes);
        }
        self.push(Change::Started { number: self.n_matches }, pushes);
        self.report_start(pushes);
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
        let Some(play) = &mut self.play else { return };
        if !play.take_changed() {
            return;
        }
        if let Some(question) = play.take_question().filter(|_| self.phase == Phase::Playing) {
            self.ask_for_game(question, pushes);
        }
        self.show(pushes);
    }

    /// Asks the game for its outcome, as after every change.
    pub(super) fn end_if_decided(&mut self, pushes: &mut Pushes) {
        let Some(play) = &mut self.play else { return };
        if self.phase != Phase::Playing {
            return;
        }
        if let Some(outcome) = play.outcome() {
            self.finish(outcome, pushes);
        }
    }

    fn finish(&mut self, outcome: Outcome, pushes: &mut Pushes) {
        self.report_end(&outcome, pushes);
        self.turn_to(Phase::Finished);
        let told = travel(&outcome);
        self.outcome = Some(Box::new(outcome));
        // The story is told: nobody waits for anybody any more.
        self.members.iter_mut().for_each(|member| member.grow(Lateness::None));
        self.end_games_poll(pushes);
        self.push(Change::Finished { outcome: told }, pushes);
        self.refuse_noted(pushes);
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

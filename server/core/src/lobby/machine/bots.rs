//! Seats that nobody plays: who seats bots, and how they make way for people.
//! What a bot does in a match is `play`'s knowledge.

use super::{entrance::is_full, *};

/// What bots are called; the second has a number.
const NAME: &str = "Bot";

/// One of them. It is ready whenever that is asked, and never host.
#[derive(Debug)]
pub(super) struct Bot {
    seat: u8,
    pub(super) name: Box<str>,
    pub(super) colour: Option<Colour>,
}

impl Bot {
    pub(super) fn player(&self) -> api::Player {
        api::Player { seat: self.seat, name: self.name.to_string() }
    }

    pub(super) fn told(&self) -> api::Seat {
        let Self { seat, name, colour } = self;
        let (seat, name, colour) = (*seat, name.to_string(), *colour);
        api::Seat { seat, name, colour, connected: true, ready: true, bot: true, overdue: false }
    }
}

impl Lobby {
    /// Refuses if the game has no bots.
    pub(in crate::lobby) fn expect_bots(&self) -> Result<(), Refusal> {
        expect_bots(&*self.kind)
    }

    /// The host seats a bot.
    pub(in crate::lobby) fn add_bot(
        &mut self,
        now: Now,
        at: usize,
        seed: u64,
        pushes: &mut Pushes,
    ) -> Result<api::BotSeated, Refusal> {
        self.expect_host(at, "seat a bot")?;
        self.expect_bots()?;
        self.expect_seating()?;
        let seat = self.free_seat().ok_or_else(is_full)?;
        self.seat_bot(now, seat, pushes);
        self.begin_if_wanted(now, seed, pushes);
        self.settle_start(now, seed, pushes);
        Ok(api::BotSeated { seat })
    }

    /// A match begins: bots take the seats that are free, if they are to.
    pub(super) fn fill(&mut self, now: Now, pushes: &mut Pushes) {
        while self.settings.fill
            && let Some(seat) = self.free_seat()
        {
            self.seat_bot(now, seat, pushes);
        }
    }

    /// A seat of the match that is on has become free: a bot takes it, if the game lets it.
    pub(super) fn refill(&mut self, now: Now, pushes: &mut Pushes) {
        if self.is_playing() && self.kind.late_join() && self.seated().next().is_some() {
            self.fill(now, pushes);
        }
    }

    /// There are no more than fit: in seats that the lobby has, and beside its people.
    pub(super) fn fit_bots(&mut self, pushes: &mut Pushes) {
        let capacity = self.settings.capacity;
        while let Some(seat) =
            self.bots.iter().rev().map(|bot| bot.seat).find(|seat| *seat >= capacity)
        {
            self.unseat_bot(seat, LeaveReason::MadeWay, pushes);
        }
        while self.n_taken() > usize::from(capacity)
            && let Some(seat) = self.last_bot()
        {
            self.unseat_bot(seat, LeaveReason::MadeWay, pushes);
        }
    }

    /// Whoever takes this seat: a bot that has it goes.
    pub(super) fn make_way(&mut self, now: Now, seat: u8, pushes: &mut Pushes) {
        if self.unseat_bot(seat, LeaveReason::MadeWay, pushes) {
            self.tell_bots(now);
        }
    }

    /// The host sends the bot in this seat away.
    pub(super) fn kick_bot(&mut self, now: Now, seat: u8, seed: u64, pushes: &mut Pushes) {
        self.halt(pushes);
        self.unseat_bot(seat, LeaveReason::Kicked, pushes);
        self.tell_bots(now);
        self.tell_game(now, seat, SeatChange::Left, pushes);
        self.begin_if_wanted(now, seed, pushes);
        self.settle_start(now, seed, pushes);
    }

    pub(super) fn is_bot(&self, seat: u8) -> bool {
        self.bots.iter().any(|bot| bot.seat == seat)
    }

    /// People and bots.
    pub(super) fn n_taken(&self) -> usize {
        self.seated().count() + self.bots.len()
    }

    /// The first seat that neither people nor bots have, if there may be one more of them: seats
    /// above the capacity may be taken still.
    pub(super) fn free_seat(&self) -> Option<u8> {
        let is_free = |seat: &u8| {
            self.seated().all(|member| member.place != Place::Seat(*seat)) && !self.is_bot(*seat)
        };
        let capacity = self.settings.capacity;
        (0..capacity).find(is_free).filter(|_| self.n_taken() < usize::from(capacity))
    }

    /// The seat of the bot that makes way next.
    pub(super) fn last_bot(&self) -> Option<u8> {
        self.bots.last().map(|bot| bot.seat)
    }

    pub(super) fn seat_bot(&mut self, now: Now, seat: u8, pushes: &mut Pushes) {
        let name = self.free_name(NAME);
        let bot = Bot { seat, colour: self.free_colour(None), name: name.clone().into() };
        self.push(Change::Joined(bot.told()), pushes);
        self.bots.push(bot);
        self.tell_bots(now);
        self.count_anew(Place::Seat(seat));
        self.take_in(now, seat, &name, pushes);
    }

    fn unseat_bot(&mut self, seat: u8, reason: LeaveReason, pushes: &mut Pushes) -> bool {
        let Some(at) = self.bots.iter().position(|bot| bot.seat == seat) else { return false };
        self.bots.remove(at);
        if !fault::is_planted(Fault::BotMadeWayUntold) {
            self.push(Change::Left { seat, reason }, pushes);
        }
        true
    }

    /// The match that is on knows which of its seats bots have.
    fn tell_bots(&mut self, now: Now) {
        let (when, seats, delay) = (self.when(now), self.bot_seats(), self.policy.bot_delay);
        if let (true, Some(play)) = (self.is_playing(), &mut self.play) {
            play.set_bots(when, seats, delay);
        }
    }

    pub(super) fn bot_seats(&self) -> Vec<Seat> {
        let mut seats: Vec<_> = self.bots.iter().map(|bot| Seat(bot.seat)).collect();
        seats.sort_unstable();
        seats
    }
}

/// Refuses if this game has no bots.
pub(super) fn expect_bots(kind: &dyn Kind) -> Result<(), Refusal> {
    if kind.bots() { Ok(()) } else { Err(Refusal::new(code::FORBIDDEN, "this game has no bots")) }
}

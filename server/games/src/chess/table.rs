//! Test only: a match between two seats, driven through `Game` the way a lobby drives it.

use std::{borrow::Cow, time::Duration};

use parlor_core::{
    lobby::game::{Cx, Game, Outcome, Random, Reject, Seat, SeatChange, Timer, Viewer},
    time::Time,
};
use parlor_shared::api::chess::{Action, Config, Event, Side, View};

use super::{Chess, State};

/// The seats that play; neither is numbered as if there were only two.
pub(super) const HOST: Seat = Seat(2);
pub(super) const GUEST: Seat = Seat(5);

/// A match; unless [`Self::seated`] otherwise, the host has white.
#[derive(Debug, Clone)]
pub(super) struct Table {
    state: State,
    random: Random,
    now: Time,
    /// The deadline that is set.
    due: Option<(Timer, Time)>,
}

/// When the clocks of tables begin, since the Unix epoch.
const EPOCH_MS: u64 = 1_700_000_000_000;

impl Table {
    /// The first match of a lobby with the usual configuration.
    pub(super) fn new() -> Self {
        Self::seated(&Config::default(), 1, 0)
    }

    /// The same from another position.
    pub(super) fn at(fen: &str) -> Self {
        Self::seated(&Config { fen: Some(fen.to_owned()), ..Config::default() }, 1, 0)
    }

    pub(super) fn seated(config: &Config, number: u32, seed: u64) -> Self {
        assert!(Chess::check(config).is_ok() || config.fen.is_some());
        let mut random = Random::new(seed);
        let mut cx = Cx::new(Time::ZERO, number, &[HOST, GUEST], &mut random).at_unix_ms(EPOCH_MS);
        let state = Chess::setup(config, &mut cx);
        assert!(cx.take_events().is_empty());
        let due = set(None, cx.take_timers());
        Self { state, random, now: Time::ZERO, due }
    }

    /// Calls the game as of now.
    fn call<T>(
        &mut self,
        call: impl FnOnce(&mut State, &mut Cx<'_, Chess>) -> Result<T, Reject>,
    ) -> Result<(T, Vec<Event>), Reject> {
        let before = self.state.clone();
        let unix_ms = self.unix_ms();
        let cx = Cx::new(self.now, 1, &[HOST, GUEST], &mut self.random);
        let mut cx = cx.at_unix_ms(unix_ms);
        match call(&mut self.state, &mut cx) {
            Ok(value) => {
                self.due = set(self.due, cx.take_timers());
                Ok((value, cx.take_events()))
            }
            Err(reject) => {
                self.state = before;
                Err(reject)
            }
        }
    }

    /// The same, for what cannot be refused and is not told.
    fn tell(&mut self, call: impl FnOnce(&mut State, &mut Cx<'_, Chess>)) {
        let ((), events) = self
            .call(|state, cx| {
                call(state, cx);
                Ok(())
            })
            .expect("it cannot be refused");
        assert_eq!(events, []);
    }

    /// The time of day.
    pub(super) fn unix_ms(&self) -> u64 {
        EPOCH_MS + self.now.since_start().as_millis() as u64
    }

    /// Lets time pass; a deadline on the way comes when it is due.
    pub(super) fn wait(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some((timer, at)) = self.due.filter(|(_, at)| *at <= end) {
            if self.outcome().is_some() {
                break;
            }
            (self.now, self.due) = (at, None);
            self.tell(|state, cx| Chess::wake(state, timer, cx));
        }
        self.now = end;
    }

    /// In how many milliseconds a deadline comes, if the match is on.
    pub(super) fn due(&self) -> Option<u128> {
        let (_, at) = self.due.filter(|_| self.outcome().is_none())?;
        Some(at.since(self.now).as_millis())
    }

    /// Claims the match; the code if that is refused.
    pub(super) fn claim(&mut self, by: Seat, overdue: &[Seat]) -> Result<(), &'static str> {
        let claimed = self.call(|state, cx| Chess::claim(state, by, overdue, cx));
        claimed.map(|_| ()).map_err(|reject| reject.code)
    }

    pub(super) fn bot(&mut self, seat: Seat) -> Option<Action> {
        let mut cx = Cx::new(self.now, 1, &[HOST, GUEST], &mut self.random);
        Chess::bot(&self.state, seat, &mut cx)
    }

    /// Does something, and takes it back if it is refused.
    pub(super) fn act(&mut self, seat: Seat, action: Action) -> Result<Vec<Event>, Reject> {
        let acted = self.call(|state, cx| Chess::apply(state, seat, action, cx));
        acted.map(|((), events)| events)
    }

    /// The code with which an action is refused.
    pub(super) fn refused(&mut self, seat: Seat, action: Action) -> &'static str {
        let reject = self.act(seat, action).expect_err("this is not accepted");
        assert!(!reject.message.is_empty());
        reject.code
    }

    /// Plays moves that stand apart by blanks, each by the seat to move, and says what was told.
    pub(super) fn play(&mut self, moves: &str) -> Vec<Event> {
        let play_one = |text: &str| {
            let action = Action::Move { text: text.to_owned() };
            self.act(self.to_move(), action).unwrap_or_else(|reject| panic!("{text}: {reject:?}"))
        };
        moves.split_whitespace().flat_map(play_one).collect()
    }

    pub(super) fn change(&mut self, seat: Seat, change: SeatChange) {
        self.tell(|state, cx| Chess::seat(state, seat, change, cx));
    }

    pub(super) fn view(&self, seat: Seat) -> View {
        Chess::view(&self.state, Viewer::Seat(seat))
    }

    pub(super) fn spectator(&self) -> View {
        Chess::view(&self.state, Viewer::Spectator)
    }

    /// The legal moves of the seat to move.
    pub(super) fn legal(&self) -> Vec<String> {
        self.view(self.to_move()).legal
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        Chess::outcome(&self.state)
    }

    /// Winners and reason of a match that is over.
    pub(super) fn ended(&self) -> (Vec<Seat>, &'static str) {
        let outcome = self.outcome().expect("the match is over");
        let Cow::Borrowed(reason) = outcome.reason else { panic!("{outcome:?}") };
        (outcome.winners, reason)
    }

    pub(super) fn bytes(&self) -> usize {
        self.state.bytes()
    }

    fn to_move(&self) -> Seat {
        let view = self.spectator();
        match view.turn {
            Side::White => Seat(view.white),
            Side::Black => Seat(view.black),
        }
    }
}

/// The deadline that is set after these changes.
fn set(
    before: Option<(Timer, Time)>,
    changes: Vec<(Timer, Option<Time>)>,
) -> Option<(Timer, Time)> {
    changes.into_iter().fold(before, |_, (timer, at)| at.map(|at| (timer, at)))
}

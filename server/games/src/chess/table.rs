//! Test only: a match between two seats, driven through `Game` the way a lobby drives it.

use std::borrow::Cow;

use parlor_core::{
    lobby::game::{Cx, Game, Outcome, Random, Reject, Seat, SeatChange, Viewer},
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
}

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
        let mut random = Random::new(seed);
        let mut cx = Cx::new(Time::ZERO, number, &[HOST, GUEST], &mut random);
        let state = Chess::setup(config, &mut cx);
        assert!(cx.take_events().is_empty());
        Self { state, random }
    }

    /// Does something, and takes it back if it is refused.
    pub(super) fn act(&mut self, seat: Seat, action: Action) -> Result<Vec<Event>, Reject> {
        let before = self.state.clone();
        let mut cx = Cx::new(Time::ZERO, 1, &[HOST, GUEST], &mut self.random);
        match Chess::apply(&mut self.state, seat, action, &mut cx) {
            Ok(()) => Ok(cx.take_events()),
            Err(reject) => {
                self.state = before;
                Err(reject)
            }
        }
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
        let mut cx = Cx::new(Time::ZERO, 1, &[HOST, GUEST], &mut self.random);
        Chess::seat(&mut self.state, seat, change, &mut cx);
        assert!(cx.take_events().is_empty());
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

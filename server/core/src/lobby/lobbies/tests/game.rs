//! A small game for tests: its seats count to a goal together, and it fails wherever it is told to.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Game;
use crate::lobby::game::{Cx, Outcome, Reject, Seat, SeatChange, Viewer};
use std::{ops::RangeInclusive, time::Duration};

/// Two to four seats count up; who reaches the goal wins.
pub(super) struct Tally;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    goal: u32,
    /// Where the game panics: `setup`, `apply`, `view`, `seat`, `outcome` or `event`.
    trap: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { goal: 3, trap: String::new() }
    }
}

#[derive(Debug, Clone)]
pub(super) struct State {
    total: u32,
    goal: u32,
    trap: String,
    /// Seats whose players have not left.
    playing: Vec<Seat>,
    last: Option<Seat>,
    /// The last number drawn.
    drawn: u32,
}

impl State {
    fn spring(&self, place: &str) {
        assert!(self.trap != place, "the trap in {place}");
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    /// Counts one up.
    Add,
    /// Changes everything, and is rejected then.
    Refuse,
    /// Draws a number.
    Draw,
    /// Fails as soon as it is read.
    Unreadable { is: Unreadable },
    /// Sets a trap.
    Trap {
        #[serde(rename = "in")]
        place: String,
    },
}

/// Panics when it is read.
pub(super) struct Unreadable;

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("the trap in reading an action");
    }
}

#[derive(Serialize)]
pub(super) struct View {
    total: u32,
    /// Only the viewer's own.
    seat: Option<u8>,
    drawn: u32,
}

/// Panics when it is written, if it says so.
pub(super) struct Event(String);

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != "event", "the trap in writing an event");
        serializer.serialize_str(&self.0)
    }
}

impl Game for Tally {
    type Config = Config;
    type State = State;
    type Action = Action;
    type View = View;
    type Event = Event;

    const SEATS: RangeInclusive<u8> = 2..=4;
    const GRACE: Duration = Duration::from_secs(30);

    fn check(config: &Config) -> Result<(), String> {
        assert!(config.trap != "check", "the trap in check");
        if config.goal == 0 { Err("a goal is at least 1".to_owned()) } else { Ok(()) }
    }

    fn setup(config: &Config, cx: &mut Cx<'_, Self>) -> State {
        let (goal, trap) = (config.goal, config.trap.clone());
        let drawn = cx.random(1_000_000);
        let playing = cx.seats().to_vec();
        let state = State { total: 0, goal, trap, playing, last: None, drawn };
        state.spring("setup");
        state
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        match action {
            Action::Add => state.total += 1,
            Action::Draw => state.drawn = cx.random(1_000_000),
            Action::Trap { place } => state.trap = place,
            Action::Unreadable { is: Unreadable } => {}
            Action::Refuse => {
                (state.total, state.drawn) = (1000, cx.random(1_000_000));
                cx.emit(Event("never told".to_owned()));
                return Err(Reject::new("E_NO", "not this one"));
            }
        }
        state.last = Some(seat);
        state.spring("apply");
        cx.emit(Event(if state.trap == "event" {
            "event".to_owned()
        } else {
            format!("by {}", seat.0)
        }));
        Ok(())
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        state.spring("seat");
        cx.emit(Event(format!("{change:?} {}", seat.0)));
        if change == SeatChange::Left {
            state.playing.retain(|playing| *playing != seat);
        }
    }

    fn view(state: &State, viewer: Viewer) -> View {
        state.spring("view");
        let seat = match viewer {
            Viewer::Seat(seat) => Some(seat.0),
            Viewer::Spectator | Viewer::Audience => None,
        };
        View { total: state.total, seat, drawn: state.drawn }
    }

    fn outcome(state: &State) -> Option<Outcome> {
        state.spring("outcome");
        if state.total >= state.goal {
            return Some(Outcome::new(state.last.into_iter().collect(), "goal"));
        }
        let is_alone = state.playing.len() < 2;
        is_alone.then(|| Outcome::new(state.playing.clone(), "abandonment"))
    }
}

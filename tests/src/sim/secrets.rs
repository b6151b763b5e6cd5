//! A game of secrets, for the simulator alone: each seat has a word that no other may see, players
//! are told theirs in a whisper, and any of them may have the game panic at a place of its choice.
//! With ticks or without. What must come of it is `oracle::secrets`' part.

use std::{borrow::Cow, collections::BTreeMap, ops::RangeInclusive, time::Duration};

use parlor_core::lobby::game::{
    Cx, Game, Outcome, Pace, Reject, Seat, SeatChange, Timer, To, Viewer,
};
use serde::{Deserialize, Serialize};

/// What every secret begins with: nothing else that travels does.
pub(super) const MARK: &str = "secret-";
/// How long after a trap for it [`Game::wake`] panics.
pub(super) const WAKES_AFTER: Duration = Duration::from_millis(200);

/// The game: without ticks if `HZ` is 0.
#[derive(Debug)]
pub(super) struct Secrets<const HZ: u8>;

#[derive(Debug, Clone)]
pub(super) struct State {
    secrets: BTreeMap<u8, String>,
    n_actions: u64,
    n_whispers: u64,
    trap: Option<Call>,
    is_over: bool,
}

/// What a player does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Action {
    /// Tells another seat its own secret once more.
    Whisper { to: u8 },
    /// Tells everybody that something happened.
    Shout,
    /// Ends the match.
    End,
    /// From now on this call panics.
    Trap { call: Call },
}

/// Where a game may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    Apply,
    View,
    Outcome,
    Wake,
    Tick,
    Seat,
}

/// What a viewer may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    /// Its own, if it is a seat that plays.
    pub(super) secret: Option<String>,
    pub(super) seats: Vec<u8>,
    /// Not for the audience.
    pub(super) n_whispers: Option<u64>,
    pub(super) n_actions: u64,
}

/// What happens once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    /// For this seat alone; absent: for everybody.
    pub(super) to: Option<u8>,
    pub(super) secret: Option<String>,
    pub(super) n_actions: u64,
}

impl<const HZ: u8> Game for Secrets<HZ> {
    type Config = ();
    type State = State;
    type Action = Action;
    type View = View;
    type Event = Event;

    const SEATS: RangeInclusive<u8> = 2..=4;
    const LATE_JOIN: bool = true;
    const GRACE: Duration = Duration::from_secs(3);
    const KEEP: Duration = Duration::from_secs(60);
    const PACE: Pace = if HZ == 0 { Pace::Turns } else { Pace::Hz(HZ) };

    fn setup((): &(), cx: &mut Cx<'_, Self>) -> State {
        let seats = cx.seats().to_vec();
        let secrets = seats.into_iter().map(|seat| (seat.0, secret_of(seat, cx))).collect();
        State { secrets, n_actions: 0, n_whispers: 0, trap: None, is_over: false }
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        state.n_actions += 1;
        let n_actions = state.n_actions;
        match action {
            Action::Whisper { to } => {
                let Some(secret) = state.secrets.get(&to).cloned() else {
                    return Err(Reject::new("E_NOBODY", "nobody plays in that seat"));
                };
                state.n_whispers += 1;
                let event = Event { to: Some(to), secret: Some(secret), n_actions };
                cx.emit_to(To::Seat(Seat(to)), event);
            }
            Action::Shout => cx.emit(Event { to: None, secret: None, n_actions }),
            Action::End => state.is_over = true,
            Action::Trap { call: Call::Apply } => panic!("seat {seat:?} wanted it"),
            Action::Trap { call } => {
                if state.trap.is_some() {
                    return Err(Reject::new("E_TRAP", "there is a trap already"));
                }
                state.trap = Some(call);
                if call == Call::Wake {
                    cx.deadline(Timer(0), cx.now() + WAKES_AFTER);
                }
            }
        }
        Ok(())
    }

    fn tick(state: &mut State, _: &mut Cx<'_, Self>) {
        state.step_into(Call::Tick);
    }

    fn wake(state: &mut State, _: Timer, _: &mut Cx<'_, Self>) {
        state.step_into(Call::Wake);
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        state.step_into(Call::Seat);
        match change {
            SeatChange::Joined => _ = state.secrets.insert(seat.0, secret_of(seat, cx)),
            SeatChange::Left => {
                state.secrets.remove(&seat.0);
                state.is_over |= state.secrets.is_empty();
            }
            SeatChange::Dropped | SeatChange::Overdue | SeatChange::Returned => cx.keep_view(),
        }
    }

    fn claim(state: &mut State, _: Seat, _: &[Seat], _: &mut Cx<'_, Self>) -> Result<(), Reject> {
        state.is_over = true;
        Ok(())
    }

    fn view(state: &State, viewer: Viewer) -> View {
        state.step_into(Call::View);
        let secret = match viewer {
            Viewer::Seat(seat) => state.secrets.get(&seat.0).cloned(),
            Viewer::Spectator | Viewer::Audience => None,
        };
        let seats = state.secrets.keys().copied().collect();
        let n_whispers = Some(state.n_whispers).filter(|_| viewer != Viewer::Audience);
        View { secret, seats, n_whispers, n_actions: state.n_actions }
    }

    fn outcome(state: &State) -> Option<Outcome> {
        state.step_into(Call::Outcome);
        let reason = Cow::Borrowed("over");
        state.is_over.then(|| Outcome::new(Vec::new(), reason))
    }
}

impl State {
    fn step_into(&self, call: Call) {
        assert!(self.trap != Some(call), "a trap was set for {call:?}");
    }
}

/// A word of this seat's that is nowhere else.
fn secret_of<const HZ: u8>(seat: Seat, cx: &mut Cx<'_, Secrets<HZ>>) -> String {
    let word = [cx.random(u32::MAX), cx.random(u32::MAX)];
    format!("{MARK}{}-{:08x}{:08x}", seat.0, word[0], word[1])
}

/// The seats and words of the secrets in what was sent.
pub(super) fn secrets_in(text: &str) -> impl Iterator<Item = (u8, &str)> {
    text.match_indices(MARK).filter_map(move |(at, _)| {
        let rest = &text[at..];
        let word = &rest[..rest.find(['"', '\\']).unwrap_or(rest.len())];
        let seat = word.split('-').nth(1)?.parse().ok()?;
        Some((seat, word))
    })
}

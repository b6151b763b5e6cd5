//! Chess for two: who sits behind which pieces, and what each viewer is told.
//! What a move, an offer or a claim does is `state`'s; what they are called on the wire is in
//! `parlor_shared::api::chess`.
//! Source: FIDE Laws of Chess (2023), articles 1 to 6 and 9.

mod state;

mod bot;
mod clock;

mod draw;
mod end;

mod moves;
mod notation;
mod san;
mod uci;

mod fen;
mod history;
mod material;
mod position;

#[cfg(test)]
mod openings;
#[cfg(test)]
mod random_players;
#[cfg(test)]
mod table;

use std::{ops::RangeInclusive, time::Duration};

use parlor_core::lobby::game::{Cx, Game, Outcome, Reject, Seat, SeatChange, Timer, Viewer};
use parlor_shared::api::chess::{Action, ClockConfig, Config, Event, View, WhiteSeat};

use clock::{Clock, Moment};

pub use state::State;

/// What a side may have to begin with, in milliseconds: 1 s to 6 h.
pub const INITIAL_MS: RangeInclusive<u32> = 1_000..=21_600_000;
/// What a move may bring at most, in milliseconds: 3 min.
pub const MAX_INCREMENT_MS: u32 = 180_000;

/// The time of the side to move is up.
const FLAG: Timer = Timer(0);

/// The game of chess, with every draw of FIDE's article 9, and with a clock if it is wanted.
#[derive(Debug)]
pub struct Chess;

impl Game for Chess {
    type Config = Config;
    type State = State;
    type Action = Action;
    type View = View;
    type Event = Event;

    const SEATS: RangeInclusive<u8> = 2..=2;
    const GRACE: Duration = Duration::from_secs(30);
    const KEEP: Duration = Duration::from_secs(300);
    const BOTS: bool = true;

    fn check(config: &Config) -> Result<(), String> {
        if let Some(ClockConfig { initial_ms, increment_ms }) = config.clock {
            if !INITIAL_MS.contains(&initial_ms) {
                let (least, most) = (INITIAL_MS.start(), INITIAL_MS.end());
                return Err(format!("a clock begins with {least} to {most} ms"));
            }
            if increment_ms > MAX_INCREMENT_MS {
                return Err(format!("a move brings at most {MAX_INCREMENT_MS} ms"));
            }
        }
        let Some(text) = &config.fen else { return Ok(()) };
        let position = fen::read(text)?;
        match end::on_the_board(&position) {
            Some(_) => Err("the game is already over in the position of the fen".to_owned()),
            None => Ok(()),
        }
    }

    fn setup(config: &Config, cx: &mut Cx<'_, Self>) -> State {
        // `check` has refused what cannot be read, so the usual position is never a surprise.
        let position = config.fen.as_deref().and_then(|text| fen::read(text).ok());
        let (white, black) = sides(config.white, cx);
        let clock = config.clock.map(|clock| Clock::new(&clock, moment(cx)));
        let state = State::new(position.unwrap_or_default(), white, black, clock);
        set_flag(&state, cx);
        state
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        if let Some(event) = state.act(seat, &action, moment(cx))? {
            cx.emit(event);
        }
        set_flag(state, cx);
        Ok(())
    }

    fn wake(state: &mut State, _: Timer, cx: &mut Cx<'_, Self>) {
        state.time_up(cx.now());
    }

    fn claim(
        state: &mut State,
        by: Seat,
        overdue: &[Seat],
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        state.claim(by, overdue, cx.now())
    }

    fn bot(state: &State, seat: Seat, cx: &mut Cx<'_, Self>) -> Option<Action> {
        state.bot(seat, |below| cx.random(below))
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        match change {
            SeatChange::Left => state.abandon(seat, cx.now()),
            SeatChange::Joined
            | SeatChange::Dropped
            | SeatChange::Overdue
            | SeatChange::Returned => {}
        }
    }

    fn view(state: &State, viewer: Viewer) -> View {
        state.view(viewer)
    }

    fn outcome(state: &State) -> Option<Outcome> {
        state.outcome()
    }
}

fn moment(cx: &Cx<'_, Chess>) -> Moment {
    Moment { time: cx.now(), unix_ms: cx.unix_ms() }
}

/// Sees to it that the flag falls when it should. A match that is over has no deadlines anyway.
fn set_flag(state: &State, cx: &mut Cx<'_, Chess>) {
    if let Some(due) = state.due() {
        cx.deadline(FLAG, due);
    }
}

/// The seats of white and black: as configured in the first match, the other way round in the
/// second, and so on; where chance decides, it decides each time.
fn sides(white: WhiteSeat, cx: &mut Cx<'_, Chess>) -> (Seat, Seat) {
    let [host, guest] = *cx.seats() else { unreachable!("a match has as many seats as SEATS") };
    let as_configured = cx.number() % 2 == 1;
    let host_is_white = match white {
        WhiteSeat::Host => as_configured,
        WhiteSeat::Guest => !as_configured,
        WhiteSeat::Random => cx.random(2) == 0,
    };
    if host_is_white { (host, guest) } else { (guest, host) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::table::{GUEST, HOST, Table};

    fn white_of(white: WhiteSeat, number: u32, seed: u64) -> u8 {
        Table::seated(&Config { white, ..Config::default() }, number, seed).spectator().white
    }

    fn check(fen: &str) -> Result<(), String> {
        Chess::check(&Config { fen: Some(fen.to_owned()), ..Config::default() })
    }

    #[test]
    fn the_configured_seat_has_white_and_the_sides_swap_at_each_rematch() {
        for (number, host_side, guest_side) in
            [(1, HOST, GUEST), (2, GUEST, HOST), (3, HOST, GUEST)]
        {
            assert_eq!(white_of(WhiteSeat::Host, number, 0), host_side.0, "match {number}");
            assert_eq!(white_of(WhiteSeat::Guest, number, 0), guest_side.0, "match {number}");
        }
    }

    #[test]
    fn chance_gives_white_to_both_and_the_same_seed_to_the_same() {
        let drawn: Vec<_> = (0..64).map(|seed| white_of(WhiteSeat::Random, 1, seed)).collect();
        assert!(drawn.contains(&HOST.0) && drawn.contains(&GUEST.0));
        let again: Vec<_> = (0..64).map(|seed| white_of(WhiteSeat::Random, 1, seed)).collect();
        assert_eq!(drawn, again);
    }

    #[test]
    fn black_is_always_the_other_seat() {
        for white in [WhiteSeat::Host, WhiteSeat::Guest, WhiteSeat::Random] {
            for seed in 0..8 {
                let view =
                    Table::seated(&Config { white, ..Config::default() }, 1, seed).spectator();
                assert_eq!(view.white + view.black, HOST.0 + GUEST.0);
                assert_ne!(view.white, view.black);
            }
        }
    }

    #[test]
    fn a_config_without_a_fen_or_with_a_good_one_is_accepted() {
        assert_eq!(Chess::check(&Config::default()), Ok(()));
        assert_eq!(check("4k3/8/8/8/8/8/4P3/4K3 b - - 3 40"), Ok(()));
    }

    #[test]
    fn a_config_whose_fen_cannot_be_read_or_is_over_is_refused_with_a_sentence() {
        for (fen, sentence) in [
            ("", "a fen has six fields"),
            ("8/8/8/8/8/8/8/8 w - - 0 1", "the pieces in the fen"),
            ("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "already over"), // stalemate
            ("R5k1/5ppp/8/8/8/8/8/K7 b - - 0 1", "already over"), // mate
            ("8/8/3k4/8/8/3K4/8/8 w - - 0 1", "already over"),  // two kings
            ("4k3/8/8/8/8/8/4P3/4K3 w - - 150 90", "already over"), // 75 moves
        ] {
            let refusal = check(fen).unwrap_err();
            assert!(refusal.contains(sentence), "{fen}: {refusal}");
        }
    }

    #[test]
    fn limits_of_a_clock_hold_at_the_limit_and_one_past_it() {
        let check = |initial_ms, increment_ms| {
            let clock = Some(ClockConfig { initial_ms, increment_ms });
            Chess::check(&Config { clock, ..Config::default() }).is_ok()
        };
        for (initial_ms, increment_ms, is_fine) in [
            (1_000, 0, true),
            (999, 0, false),
            (21_600_000, 180_000, true),
            (21_600_001, 0, false),
            (60_000, 180_001, false),
        ] {
            assert_eq!(check(initial_ms, increment_ms), is_fine, "{initial_ms} {increment_ms}");
        }
    }

    #[test]
    fn a_match_that_was_never_checked_begins_in_the_usual_position() {
        let config = Config { fen: Some("nonsense".to_owned()), ..Config::default() };
        let view = Table::seated(&config, 1, 0).spectator();
        assert_eq!(view.fen, "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1");
    }
}

//! The clock of a match: whose time runs since when, and when it is up. Lag is not made up for.
//! What follows when it is up is `state`'s knowledge.
//! Source: FIDE Laws of Chess, article 6, and lichess for the first moves.

use std::time::Duration;

use cozy_chess::Color;
use parlor_core::time::Time;
use parlor_shared::api::chess::{ClockConfig, ClockView};

/// How long each side has for its first move.
pub(super) const FIRST_MOVE: Duration = Duration::from_secs(30);

/// A moment: to reckon with, and for views.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) time: Time,
    pub(super) unix_ms: u64,
}

/// ```text
///  First ──white moves──► First ──black moves──► Runs ──each move, other side──► Runs
///    └──30 s──► Stands      └──30 s──► Stands      └──time up, or the end──► Stands
/// ```
/// (Black and white change places if black begins.)
#[derive(Debug, Clone)]
pub(super) struct Clock {
    white: Duration,
    black: Duration,
    increment: Duration,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nobody's time runs: the side to move has [`FIRST_MOVE`] from then on.
    First(Moment),
    /// The time of the side to move runs since then.
    Runs(Moment),
    /// The match is over.
    Stands,
}

impl Clock {
    /// The clock of a match that begins now.
    pub(super) fn new(config: &ClockConfig, now: Moment) -> Self {
        let ms = |ms: u32| Duration::from_millis(u64::from(ms));
        let (initial, increment) = (ms(config.initial_ms), ms(config.increment_ms));
        Self { white: initial, black: initial, increment, phase: Phase::First(now) }
    }

    /// `side` has made a move, by which there are so many.
    pub(super) fn moved(&mut self, side: Color, ply: u32, now: Moment) {
        if let Phase::Runs(since) = self.phase {
            let spent = now.time.since(since.time);
            let (increment, left) = (self.increment, self.left_mut(side));
            // Who moves at the last moment has no time left, and is given none.
            let given = if spent < *left { increment } else { Duration::ZERO };
            *left = left.saturating_sub(spent) + given;
        }
        self.phase = if ply < 2 { Phase::First(now) } else { Phase::Runs(now) };
    }

    /// The match is over while it is the turn of `side`.
    pub(super) fn stop(&mut self, side: Color, now: Time) {
        if let Phase::Runs(since) = self.phase {
            let left = self.left_mut(side);
            *left = left.saturating_sub(now.since(since.time));
        }
        self.phase = Phase::Stands;
    }

    /// When the time of `side`, whose turn it is, will be up.
    pub(super) fn due(&self, side: Color) -> Option<Time> {
        match self.phase {
            Phase::First(since) => Some(since.time + FIRST_MOVE),
            Phase::Runs(since) => Some(since.time + self.left(side)),
            Phase::Stands => None,
        }
    }

    /// True once both sides have made their first move.
    pub(super) fn has_started(&self) -> bool {
        matches!(self.phase, Phase::Runs(_))
    }

    pub(super) fn view(&self) -> ClockView {
        let ms = |left: Duration| u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let first = FIRST_MOVE.as_millis() as u64;
        let (since_ms, first_move_until_ms) = match self.phase {
            Phase::First(since) => (None, Some(since.unix_ms + first)),
            Phase::Runs(since) => (Some(since.unix_ms), None),
            Phase::Stands => (None, None),
        };
        let (white_ms, black_ms) = (ms(self.white), ms(self.black));
        ClockView { white_ms, black_ms, since_ms, first_move_until_ms }
    }

    fn left(&self, side: Color) -> Duration {
        match side {
            Color::White => self.white,
            Color::Black => self.black,
        }
    }

    fn left_mut(&mut self, side: Color) -> &mut Duration {
        match side {
            Color::White => &mut self.white,
            Color::Black => &mut self.black,
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::chess::{Action, Config};

    use super::*;
    use crate::chess::table::{GUEST, HOST, Table};

    /// A match of three minutes and two seconds a move.
    fn timed() -> Table {
        table(180_000, 2_000)
    }

    fn table(initial_ms: u32, increment_ms: u32) -> Table {
        Table::seated(&config(None, initial_ms, increment_ms), 1, 0)
    }

    fn config(fen: Option<&str>, initial_ms: u32, increment_ms: u32) -> Config {
        let clock = Some(ClockConfig { initial_ms, increment_ms });
        Config { fen: fen.map(str::to_owned), clock, ..Config::default() }
    }

    /// What both sides have left, and since when that of the side to move runs.
    fn left(table: &Table) -> (u64, u64, Option<u64>) {
        let clock = table.spectator().clock.unwrap();
        (clock.white_ms, clock.black_ms, clock.since_ms)
    }

    /// Each move is made so many milliseconds after the one before.
    fn play(table: &mut Table, moves: &[(u64, &str)]) {
        for (ms, mv) in moves {
            table.wait(*ms);
            table.play(mv);
        }
    }

    #[test]
    fn a_match_without_a_clock_sets_no_deadline_and_shows_none() {
        let mut table = Table::new();
        table.wait(10_000_000);
        table.play("e4 e5");
        assert_eq!((table.outcome(), table.due()), (None, None));
        assert_eq!(table.spectator().clock, None);
    }

    #[test]
    fn no_time_runs_before_both_have_moved() {
        let mut table = timed();
        assert_eq!(left(&table), (180_000, 180_000, None));
        play(&mut table, &[(20_000, "e4")]);
        assert_eq!(left(&table), (180_000, 180_000, None));
        play(&mut table, &[(29_000, "e5")]);
        assert_eq!(left(&table), (180_000, 180_000, Some(table.unix_ms())));
        assert_eq!(table.due(), Some(180_000));
    }

    #[test]
    fn a_move_costs_its_time_and_brings_the_increment() {
        let mut table = timed();
        play(&mut table, &[(0, "e4"), (0, "e5"), (10_000, "Nf3")]);
        assert_eq!(left(&table), (172_000, 180_000, Some(table.unix_ms())));
        play(&mut table, &[(500, "Nc6")]);
        assert_eq!(left(&table), (172_000, 181_500, Some(table.unix_ms())));
        assert_eq!(table.due(), Some(172_000));
    }

    #[test]
    fn what_is_left_is_told_as_of_the_moment_since_when_it_runs() {
        let mut table = timed();
        play(&mut table, &[(0, "e4"), (0, "e5")]);
        let began = table.unix_ms();
        table.wait(60_000);
        table.act(HOST, Action::OfferDraw).unwrap();
        assert_eq!(left(&table), (180_000, 180_000, Some(began)));
    }

    #[test]
    fn a_flag_falls_at_its_very_time_and_not_before() {
        let mut table = timed();
        play(&mut table, &[(0, "e4"), (0, "e5"), (30_000, "d4")]);
        table.wait(179_999);
        assert_eq!(table.outcome(), None);
        table.wait(1);
        assert_eq!(table.ended(), (vec![HOST], "time"));
        assert_eq!(left(&table), (152_000, 0, None));
        assert_eq!(table.refused(GUEST, Action::Resign), "E_MATCH_OVER");
        assert_eq!(table.due(), None);
    }

    #[test]
    fn a_move_at_the_last_moment_brings_no_increment() {
        let mut table = table(1000, 2_000);
        play(&mut table, &[(0, "e4"), (0, "e5"), (999, "d4")]);
        assert_eq!(left(&table).0, 2_001);
        let mut clock = Clock::new(
            &ClockConfig { initial_ms: 1000, increment_ms: 2000 },
            Moment { time: Time::ZERO, unix_ms: 0 },
        );
        let at = |ms| Moment { time: Time::after_start(Duration::from_millis(ms)), unix_ms: ms };
        clock.moved(Color::White, 1, at(0));
        clock.moved(Color::Black, 2, at(0));
        clock.moved(Color::White, 3, at(1000));
        assert_eq!(clock.view().white_ms, 0);
    }

    #[test]
    fn a_match_that_does_not_begin_is_off() {
        let mut table = timed();
        assert_eq!(table.due(), Some(30_000));
        let until = table.spectator().clock.unwrap().first_move_until_ms;
        assert_eq!(until, Some(table.unix_ms() + 30_000));
        table.wait(29_999);
        assert_eq!(table.outcome(), None);
        table.wait(1);
        assert_eq!(table.ended(), (vec![], "no_start"));
        let mut table = timed();
        play(&mut table, &[(29_999, "e4")]);
        table.wait(29_999);
        assert_eq!(table.outcome(), None);
        table.wait(1);
        assert_eq!(table.ended(), (vec![], "no_start"));
        assert!(table.outcome().unwrap().is_void, "nobody has drawn by not playing");
        assert_eq!(left(&table), (180_000, 180_000, None));
    }

    #[test]
    fn black_may_begin_and_white_then_has_its_own_first_move() {
        let fen = "4k3/4p3/8/8/8/8/4P3/4K3 b - - 7 31";
        let mut table = Table::seated(&config(Some(fen), 60_000, 0), 1, 0);
        play(&mut table, &[(10_000, "e5"), (10_000, "e4"), (1000, "Kd7")]);
        assert_eq!(left(&table), (60_000, 59_000, Some(table.unix_ms())));
    }

    #[test]
    fn a_flag_is_a_draw_against_who_cannot_mate() {
        for (fen, moves, outcome) in [
            // White's flag falls; black has a bare king, a knight, a pawn.
            ("4k3/8/8/8/8/8/P7/4K3 w - - 0 1", ["a3", "Kd7"], (vec![], "insufficient_material")),
            ("4k1n1/8/8/8/8/8/Q7/4K3 w - - 0 1", ["Qa3", "Nf6"], (vec![], "insufficient_material")),
            ("4k1n1/8/8/8/8/8/P7/4K3 w - - 0 1", ["a3", "Nf6"], (vec![GUEST], "time")),
            ("4k3/p7/8/8/8/8/Q7/4K3 w - - 0 1", ["Qb2", "a6"], (vec![GUEST], "time")),
        ] {
            let mut table = Table::seated(&config(Some(fen), 1000, 0), 1, 0);
            table.play(&moves.join(" "));
            table.wait(1000);
            assert_eq!(table.ended(), outcome, "{fen}");
        }
    }

    #[test]
    fn the_clock_stands_as_it_was_when_the_match_ended_otherwise() {
        let mut table = timed();
        play(&mut table, &[(0, "e4"), (0, "e5")]);
        table.wait(7_000);
        table.act(GUEST, Action::Resign).unwrap();
        assert_eq!(left(&table), (173_000, 180_000, None));
        let mut table = timed();
        play(&mut table, &[(0, "f3"), (0, "e5"), (3000, "g4"), (4000, "Qh4#")]);
        assert_eq!(left(&table), (179_000, 178_000, None));
    }

    #[test]
    fn a_refused_move_costs_nothing_but_the_time_it_took() {
        let mut table = timed();
        play(&mut table, &[(0, "e4"), (0, "e5")]);
        let before = left(&table);
        table.wait(5000);
        table.refused(HOST, Action::Move { text: "e5".to_owned() });
        assert_eq!(left(&table), before);
        table.play("d4");
        assert_eq!(left(&table).0, 177_000);
    }
}

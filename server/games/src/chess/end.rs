//! When a match is over: by itself, or because the side to move may claim a draw.
//! Draws by agreement are in `draw`; resigning and leaving are `state`'s.
//! Source: FIDE Laws of Chess, 5.1, 5.2, 9.2, 9.3 and 9.6.

use cozy_chess::Color;
use parlor_shared::api::chess::reason;

use super::{history::History, material, position::Position};

/// Half-moves after which the side to move may claim a draw (9.3).
const FIFTY_MOVES: u8 = 100;
/// Half-moves after which the match is drawn (9.6.2).
const SEVENTY_FIVE_MOVES: u8 = 150;
/// How often a position comes before the side to move may claim a draw (9.2).
const THREEFOLD: usize = 3;
/// How often a position comes before the match is drawn (9.6.1).
const FIVEFOLD: usize = 5;

/// How a match ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The side that won; `None` for a draw.
    pub(super) winner: Option<Color>,
    /// One of the words in `api::chess::reason`.
    pub(super) reason: &'static str,
}

impl End {
    pub(super) fn won(winner: Color, reason: &'static str) -> Self {
        Self { winner: Some(winner), reason }
    }

    pub(super) fn drawn(reason: &'static str) -> Self {
        Self { winner: None, reason }
    }
}

/// Whether the match ends here by itself.
pub(super) fn automatic(position: &Position, history: &History) -> Option<End> {
    let fivefold =
        || (history.times() >= FIVEFOLD).then(|| End::drawn(reason::FIVEFOLD_REPETITION));
    on_the_board(position).or_else(fivefold)
}

/// Whether the match ends in this position, however it came about. Mate goes before all draws.
pub(super) fn on_the_board(position: &Position) -> Option<End> {
    match (position.can_move(), position.check()) {
        (false, true) => Some(End::won(!position.turn(), reason::CHECKMATE)),
        (false, false) => Some(End::drawn(reason::STALEMATE)),
        (true, _) if material::is_insufficient(position.board()) => {
            Some(End::drawn(reason::INSUFFICIENT_MATERIAL))
        }
        (true, _) if position.clock() >= SEVENTY_FIVE_MOVES => {
            Some(End::drawn(reason::SEVENTY_FIVE_MOVES))
        }
        (true, _) => None,
    }
}

/// The reason for which the side to move may claim a draw.
pub(super) fn claimable(position: &Position, history: &History) -> Option<&'static str> {
    if history.times() >= THREEFOLD {
        Some(reason::THREEFOLD_REPETITION)
    } else if position.clock() >= FIFTY_MOVES {
        Some(reason::FIFTY_MOVES)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::chess::Action;

    use crate::chess::table::{GUEST, HOST, Table};

    const SHUFFLE: &str = "Nf3 Nf6 Ng1 Ng8 ";

    /// Plays `moves` from `fen`; `expected` is the end that follows.
    fn check(fen: &str, moves: &str, expected: Option<(Option<u8>, &str)>) {
        let mut table = Table::at(fen);
        table.play(moves);
        let outcome = table.outcome();
        let outcome = outcome.as_ref().map(|o| (o.winners.first().map(|seat| seat.0), &*o.reason));
        assert_eq!(outcome, expected, "{fen} {moves}");
    }

    #[test]
    fn mate_wins_for_the_side_that_gave_it() {
        let mut table = Table::new();
        table.play("f3 e5 g4 Qh4#");
        assert_eq!(table.ended(), (vec![GUEST], "checkmate"));
        let mut table = Table::new();
        table.play("e4 e5 Bc4 Nc6 Qh5 Nf6 Qxf7#");
        assert_eq!(table.ended(), (vec![HOST], "checkmate"));
        assert!(table.spectator().check);
    }

    #[test]
    fn a_mate_by_castling_in_passing_or_with_a_new_knight_is_one() {
        let host = Some((Some(HOST.0), "checkmate"));
        check("5k2/8/8/8/8/6Q1/4R3/4K2R w K - 0 1", "O-O", host);
        check("7R/2k5/8/3pP3/8/7B/6B1/KR1Q4 w - d6 0 1", "exd6", host);
        check("6bb/5Ppk/7p/8/8/8/8/K7 w - - 0 1", "f8=N", host);
        check("6bb/5Ppk/7p/8/8/8/8/K7 w - - 0 1", "f8=Q", None);
    }

    #[test]
    fn the_side_to_move_without_a_move_and_not_in_check_draws() {
        check("7k/8/6K1/8/8/8/8/5Q2 w - - 0 1", "Qf7", Some((None, "stalemate")));
        check("7k/8/6K1/8/8/8/8/5Q2 w - - 0 1", "Qf6", None);
    }

    #[test]
    fn the_last_piece_that_could_mate_is_taken() {
        let drawn = Some((None, "insufficient_material"));
        check("4k3/8/8/8/8/8/3r4/4K3 w - - 0 1", "Kxd2", drawn);
        check("4k3/8/8/8/8/8/3rB3/4K3 w - - 0 1", "Kxd2", drawn);
        check("4k3/8/8/8/8/8/3rN3/4K3 w - - 0 1", "Kxd2", drawn);
        check("2b1k3/8/8/8/8/8/3rB3/4K3 w - - 0 1", "Kxd2", drawn);
        check("1b2k3/8/8/8/8/8/3rB3/4K3 w - - 0 1", "Kxd2", None);
        check("4k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a8=B", drawn);
        check("4k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a8=R+", None);
    }

    #[test]
    fn the_third_time_may_be_claimed_by_the_side_to_move_and_the_second_may_not() {
        let mut table = Table::new();
        table.play(SHUFFLE);
        assert!(!table.spectator().can_claim_draw);
        assert_eq!(table.refused(HOST, Action::ClaimDraw), "E_DRAW_OFFER");
        table.play(SHUFFLE);
        assert!(table.spectator().can_claim_draw);
        assert_eq!(table.refused(GUEST, Action::ClaimDraw), "E_DRAW_OFFER");
        assert_eq!(table.act(HOST, Action::ClaimDraw).unwrap(), []);
        assert_eq!(table.ended(), (vec![], "threefold_repetition"));
        assert!(!table.spectator().can_claim_draw);
    }

    #[test]
    fn a_claim_is_gone_when_another_position_follows() {
        let mut table = Table::new();
        table.play(&SHUFFLE.repeat(2));
        table.play("e4");
        assert!(!table.spectator().can_claim_draw);
        assert_eq!(table.refused(GUEST, Action::ClaimDraw), "E_DRAW_OFFER");
    }

    #[test]
    fn the_fifth_time_draws_without_a_claim() {
        let mut table = Table::new();
        table.play(&SHUFFLE.repeat(3));
        assert_eq!(table.outcome(), None);
        table.play("Nf3 Nf6 Ng1");
        assert_eq!(table.outcome(), None);
        table.play("Ng8");
        assert_eq!(table.ended(), (vec![], "fivefold_repetition"));
    }

    #[test]
    fn fifty_moves_may_be_claimed_and_one_half_move_less_may_not() {
        let mut table = Table::at("4k3/7p/8/8/8/8/P7/4K3 w - - 98 80");
        table.play("Kd1");
        assert!(!table.spectator().can_claim_draw);
        assert_eq!(table.refused(GUEST, Action::ClaimDraw), "E_DRAW_OFFER");
        table.play("Kd8");
        assert!(table.spectator().can_claim_draw);
        assert_eq!(table.refused(GUEST, Action::ClaimDraw), "E_DRAW_OFFER");
        table.act(HOST, Action::ClaimDraw).unwrap();
        assert_eq!(table.ended(), (vec![], "fifty_moves"));
    }

    #[test]
    fn a_pawn_move_or_a_capture_takes_the_fifty_moves_back() {
        for moves in ["a3", "Kxd2"] {
            let mut table = Table::at("4k3/7p/8/8/8/8/P2n4/4K3 w - - 120 90");
            assert!(table.spectator().can_claim_draw);
            table.play(moves);
            assert!(!table.spectator().can_claim_draw, "{moves}");
        }
    }

    #[test]
    fn seventy_five_moves_draw_without_a_claim_and_one_half_move_less_does_not() {
        let fen = "4k3/7p/8/8/8/8/P7/4K3 w - - 148 100";
        check(fen, "Kd1", None);
        check(fen, "Kd1 Kd8", Some((None, "seventy_five_moves")));
        check(fen, "Kd1 h6", None);
    }

    #[test]
    fn mate_goes_before_the_seventy_five_moves() {
        let fen = "6k1/5ppp/8/8/8/8/8/R3K3 w - - 149 100";
        check(fen, "Ra8", Some((Some(HOST.0), "checkmate")));
        check(fen, "Ra7", Some((None, "seventy_five_moves")));
    }

    /// The quiet move after which the position has been there least often, and that position.
    fn quiet(table: &Table, seen: &[String]) -> (String, String) {
        let clock = |fen: &str| fen.split(' ').nth(4).map(str::to_owned);
        let place = |fen: &str| fen.rsplitn(4, ' ').last().unwrap_or_default().to_owned();
        let (mut best, mut best_times) = (None, usize::MAX);
        for mv in table.legal() {
            let mut after = table.clone();
            after.play(&mv);
            let fen = after.spectator().fen;
            let times = seen.iter().filter(|place_before| **place_before == place(&fen)).count();
            if clock(&fen).as_deref() != Some("0") && times < best_times {
                (best, best_times) = (Some((mv, place(&fen))), times);
            }
        }
        best.unwrap()
    }

    #[test]
    fn seventy_five_quiet_moves_played_one_by_one_draw_at_the_last() {
        let mut table = Table::at("7k/7p/8/8/8/8/P7/K6R w - - 0 1");
        let mut seen = Vec::new();
        for ply in 0..150 {
            assert_eq!(table.outcome(), None);
            assert_eq!(table.spectator().can_claim_draw, ply >= 100, "{ply}");
            let (mv, place) = quiet(&table, &seen);
            table.play(&mv);
            seen.push(place);
        }
        assert_eq!(table.ended(), (vec![], "seventy_five_moves"));
    }
}

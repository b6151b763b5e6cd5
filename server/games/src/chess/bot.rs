//! A player that looks one move ahead: it mates if it can, takes what it gets for nothing or for
//! less, and otherwise makes any move that does not lose the piece it moves.

use cozy_chess::{Color, Move, Piece};

use super::{
    end::{self, End},
    position::Position,
};

/// Better than all that can be taken, and worse.
const MATE: i32 = 1000;

/// What a bot moves, one of the best by lot; `None` if it cannot move.
pub(super) fn choose(position: &Position, lot: impl FnOnce(u32) -> u32) -> Option<Move> {
    let worths = position.legal().into_iter().map(|mv| (worth(position, mv), mv));
    let worths: Vec<(i32, Move)> = worths.collect();
    let best = worths.iter().map(|(worth, _)| *worth).max()?;
    let best: Vec<Move> = worths.iter().filter(|(w, _)| *w == best).map(|(_, mv)| *mv).collect();
    Some(best[lot(u32::try_from(best.len()).expect("there are 218 moves at most")) as usize])
}

/// What a legal move brings, in pawns, if the other side then takes back with what it has.
fn worth(position: &Position, mv: Move) -> i32 {
    let mover = position.turn();
    let mut after = position.clone();
    after.play(mv);
    let here = |position: &Position| material(position, mover) - material(position, !mover);
    match end::on_the_board(&after) {
        Some(End { winner: Some(_), .. }) => return MATE,
        // As bad as being behind is good.
        Some(End { winner: None, .. }) => return -here(position),
        None => {}
    }
    let gain = here(&after) - here(position);
    let is_taken = |moves: cozy_chess::PieceMoves| moves.to.has(mv.to);
    let moved = after.board().piece_on(mv.to);
    match moved {
        // Castling leaves nothing where cozy-chess says that it goes.
        Some(piece) if !position.is_castling(mv) && after.board().generate_moves(is_taken) => {
            gain - value(piece)
        }
        _ => gain,
    }
}

/// What a side has, in pawns.
fn material(position: &Position, side: Color) -> i32 {
    let count = |piece| position.board().colored_pieces(side, piece).len() as i32;
    Piece::ALL.into_iter().map(|piece| value(piece) * count(piece)).sum()
}

/// In pawns; kings are not taken.
fn value(piece: Piece) -> i32 {
    match piece {
        Piece::Pawn => 1,
        Piece::Knight | Piece::Bishop => 3,
        Piece::Rook => 5,
        Piece::Queen => 9,
        Piece::King => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parlor_core::lobby::game::Random;

    use super::*;
    use crate::chess::fen;

    /// All that a bot may do in a position.
    fn choices(fen: &str) -> BTreeSet<String> {
        let position = fen::read(fen).unwrap();
        let choose = |seed| {
            let mv = choose(&position, |below| Random::new(seed).below(below)).unwrap();
            position.in_uci(mv).to_string()
        };
        (0..200).map(choose).collect()
    }

    fn check(fen: &str, expected: &[&str]) {
        assert_eq!(choices(fen), expected.iter().map(|&mv| mv.to_owned()).collect(), "{fen}");
    }

    #[test]
    fn a_bot_mates_rather_than_take_a_queen() {
        check("6k1/5ppp/8/8/8/8/q7/R3R1K1 w - - 0 1", &["e1e8"]);
    }

    #[test]
    fn a_bot_takes_what_is_worth_most_and_not_what_costs_more() {
        // The rook takes a queen for nothing, rather than a knight.
        check("4k3/8/8/q6n/8/8/8/R3K2R w - - 0 1", &["a1a5"]);
        // A queen that is defended is still worth a rook.
        check("4k3/8/1p6/q7/8/8/8/R3K3 w - - 0 1", &["a1a5"]);
        // A pawn that is defended is not worth a rook.
        assert!(!choices("4k3/8/1p6/p7/8/8/8/R3K3 w - - 0 1").contains("a1a5"));
    }

    #[test]
    fn a_bot_promotes_to_what_is_worth_most() {
        check("8/P6k/8/8/8/8/8/K7 w - - 0 1", &["a7a8q"]);
    }

    #[test]
    fn a_bot_does_not_move_to_where_it_is_taken_and_castles_without_fear() {
        let choices = choices("4k3/8/8/8/3p4/8/8/1N2K2R w K - 0 1");
        assert!(!choices.contains("b1c3"), "{choices:?}");
        assert!(choices.contains("e1g1"), "{choices:?}");
    }

    #[test]
    fn a_bot_that_is_ahead_gives_no_stalemate() {
        let choices = choices("7k/8/6K1/8/8/8/8/5Q2 w - - 0 1");
        assert!(!choices.contains("f1f7"), "{choices:?}");
    }

    #[test]
    fn chance_decides_among_what_is_as_good() {
        let start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        assert_eq!(choices(start).len(), 20);
    }
}

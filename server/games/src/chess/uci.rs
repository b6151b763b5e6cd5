//! UCI's moves: from, to and what a pawn becomes, as `e2e4`, `e7e8q` and `e1g1`.
//! Also read is castling as cozy-chess and Chess960 programs write it, `e1h1`.
//! Source: UCI protocol (2006), "move format is in long algebraic notation".

use cozy_chess::{Move, Piece};

use super::{notation::Misread, position::Position};

/// The legal move that a text stands for.
///
/// # Errors
/// [`Misread::Unreadable`] if the text is not of this form at all.
pub(super) fn read(position: &Position, text: &str) -> Result<Move, Misread> {
    let wanted = parse(text).ok_or(Misread::Unreadable)?;
    let mut without_promotion = false;
    for mv in position.legal() {
        if wanted == mv || wanted == position.in_uci(mv) {
            return Ok(mv);
        }
        without_promotion |= wanted == Move { promotion: None, ..mv };
    }
    Err(if without_promotion { Misread::NoPromotion } else { Misread::Illegal })
}

/// Writes a legal move.
pub(super) fn write(position: &Position, mv: Move) -> String {
    position.in_uci(mv).to_string()
}

fn parse(text: &str) -> Option<Move> {
    let (from, rest) = text.split_at_checked(2)?;
    let (to, promotion) = rest.split_at_checked(2)?;
    let promotion = match promotion {
        "" => None,
        "n" => Some(Piece::Knight),
        "b" => Some(Piece::Bishop),
        "r" => Some(Piece::Rook),
        "q" => Some(Piece::Queen),
        _ => return None,
    };
    Some(Move { from: from.parse().ok()?, to: to.parse().ok()?, promotion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::fen;

    /// Reads `text` in `fen` and writes what was read.
    fn check(fen: &str, text: &str, expected: Result<&str, Misread>) {
        let position = fen::read(fen).unwrap();
        let written = read(&position, text).map(|mv| write(&position, mv));
        assert_eq!(written, expected.map(str::to_owned), "{text} in {fen}");
    }

    #[test]
    fn castling_is_read_as_two_steps_and_as_taking_the_rook() {
        let white = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1";
        check(white, "e1g1", Ok("e1g1"));
        check(white, "e1h1", Ok("e1g1"));
        check(white, "e1c1", Ok("e1c1"));
        check(white, "e1a1", Ok("e1c1"));
        check(white, "e1b1", Err(Misread::Illegal));
        let black = "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1";
        check(black, "e8g8", Ok("e8g8"));
        check(black, "e8a8", Ok("e8c8"));
        check(black, "e1g1", Err(Misread::Illegal));
    }

    #[test]
    fn castling_through_check_or_without_the_right_is_illegal() {
        check("4kr2/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1g1", Err(Misread::Illegal));
        check("4kr2/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1c1", Ok("e1c1"));
        check("1k2r3/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1c1", Err(Misread::Illegal));
        check("4k3/8/8/8/8/8/8/R3K2R w K - 0 1", "e1c1", Err(Misread::Illegal));
        check("4k3/8/8/8/8/8/8/R3K2R w K - 0 1", "e1a1", Err(Misread::Illegal));
    }

    #[test]
    fn a_rook_or_queen_on_e1_that_goes_to_g1_does_not_castle() {
        check("k7/8/8/8/8/8/K7/4R2R w - - 0 1", "e1g1", Ok("e1g1"));
        check("k7/8/8/8/8/8/K7/4R2R w - - 0 1", "e1h1", Err(Misread::Illegal));
    }

    #[test]
    fn a_promotion_names_its_piece() {
        let fen = "8/P7/8/8/8/8/8/k3K3 w - - 0 1";
        for text in ["a7a8q", "a7a8r", "a7a8b", "a7a8n"] {
            check(fen, text, Ok(text));
        }
        check(fen, "a7a8", Err(Misread::NoPromotion));
        for text in ["a7a8k", "a7a8p", "a7a8Q", "a7a8qq", "a7a8q "] {
            check(fen, text, Err(Misread::Unreadable));
        }
        check(fen, "e1e2q", Err(Misread::Illegal));
    }

    #[test]
    fn a_move_of_the_other_side_or_of_no_piece_is_illegal() {
        let fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        for text in ["e7e5", "e4e5", "e2e5", "e2e2", "a1a8"] {
            check(fen, text, Err(Misread::Illegal));
        }
    }

    #[test]
    fn what_is_not_two_squares_is_unreadable() {
        let fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        for text in ["", "e2", "e2e", "0000", "e2-e4", "E2E4", "e2e9", "é2e4", "e2é4", "eé24"] {
            check(fen, text, Err(Misread::Unreadable));
        }
    }
}

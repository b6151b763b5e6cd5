//! Whether the pieces left can mate at all, whoever plays them and however badly.
//! Positions that are dead by their pawns alone are not looked for.
//! Source: FIDE Laws of Chess, 5.2.2 and 6.9, by material.

use cozy_chess::{BitBoard, Board, Color, Piece};

/// True if neither side could mate: with king against king, one knight more, or bishops on one
/// colour only.
pub(super) fn is_insufficient(board: &Board) -> bool {
    !can_mate(board, Color::White) && !can_mate(board, Color::Black)
}

/// True if this side could mate, with all the help that the other side's pieces may be.
pub(super) fn can_mate(board: &Board, side: Color) -> bool {
    let own = |piece| board.colored_pieces(side, piece);
    if !(own(Piece::Pawn) | own(Piece::Rook) | own(Piece::Queen)).is_empty() {
        return true;
    }
    let theirs = |piece| !board.colored_pieces(!side, piece).is_empty();
    let (knights, bishops) = (own(Piece::Knight), own(Piece::Bishop));
    if !knights.is_empty() {
        // A knight alone needs a piece that takes a square from its own king, and no queen does.
        let blocker = || [Piece::Pawn, Piece::Knight, Piece::Bishop, Piece::Rook].map(theirs);
        return knights.len() > 1 || !bishops.is_empty() || blocker().contains(&true);
    }
    // Bishops need squares of the other colour taken: by a bishop there, a knight or a pawn.
    !bishops.is_empty()
        && (!of_one_colour(board.pieces(Piece::Bishop))
            || theirs(Piece::Knight)
            || theirs(Piece::Pawn))
}

fn of_one_colour(bishops: BitBoard) -> bool {
    bishops.is_disjoint(BitBoard::DARK_SQUARES) || bishops.is_disjoint(BitBoard::LIGHT_SQUARES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::fen;

    fn check(pieces: &str, insufficient: bool) {
        let position = fen::read(&format!("{pieces} w - - 0 1")).unwrap();
        assert_eq!(is_insufficient(position.board()), insufficient, "{pieces}");
    }

    #[test]
    fn bare_kings_one_minor_piece_and_bishops_of_one_colour_cannot_mate() {
        check("4k3/8/8/8/8/8/8/4K3", true);
        check("4k3/8/8/8/8/8/8/4KB2", true);
        check("4kb2/8/8/8/8/8/8/4K3", true);
        check("4k3/8/8/8/8/8/8/4KN2", true);
        check("4kn2/8/8/8/8/8/8/4K3", true);
        check("2b1k3/8/8/8/8/8/8/4KB2", true); // c8 and f1 are light
        check("b1b1k3/8/8/8/8/7B/8/4KB2", true);
    }

    #[test]
    fn a_mate_that_only_help_can_bring_is_still_possible() {
        check("2b1k3/8/8/8/8/8/8/2B1K3", false); // c8 is light, c1 is dark
        check("4k3/8/8/8/8/8/8/2B1KB2", false);
        check("4k3/8/8/8/8/8/8/1N2KN2", false);
        check("4kn2/8/8/8/8/8/8/4KN2", false);
        check("4kn2/8/8/8/8/8/8/4KB2", false);
        check("4k3/8/8/8/8/8/8/4KBN1", false);
    }

    /// Whether white and whether black could mate.
    fn sides(pieces: &str, white: bool, black: bool) {
        let position = fen::read(&format!("{pieces} w - - 0 1")).unwrap();
        let can = |side| can_mate(position.board(), side);
        assert_eq!((can(Color::White), can(Color::Black)), (white, black), "{pieces}");
    }

    #[test]
    fn a_side_with_a_bare_king_cannot_mate_whatever_the_other_one_has() {
        sides("8/5k2/8/8/8/8/3K4/8", false, false);
        sides("8/4rk2/8/8/8/8/3K4/8", false, true);
        sides("8/4qk2/8/8/8/8/3K4/8", false, true);
        sides("8/4pk2/8/8/8/8/3K4/8", false, true);
        sides("8/5kr1/8/8/8/8/3KQ3/8", true, true);
    }

    #[test]
    fn a_knight_alone_mates_with_the_help_of_anything_but_a_queen() {
        sides("8/3k4/8/8/2N5/8/3K4/8", false, false);
        sides("8/3kq3/8/8/2N5/8/3K4/8", false, true);
        for piece in ["r", "b", "n", "p"] {
            sides(&format!("8/3k{piece}3/8/8/2N5/8/3K4/8"), true, true);
        }
        sides("8/3k4/8/8/2N5/5N2/3K4/8", true, false);
        sides("8/3k4/8/8/2N5/5B2/3K4/8", true, false);
    }

    #[test]
    fn bishops_mate_when_squares_of_the_other_colour_are_taken() {
        sides("8/5k2/8/8/8/4B3/3K1B2/8", false, false); // e3 and f2 are dark
        sides("5K2/8/8/1B6/8/k7/6b1/8", false, false); // b5 and g2 are light
        sides("8/8/8/4k3/5b2/3K4/8/2B5", false, false); // f4 and c1 are dark
        sides("8/4bk2/8/8/8/8/3KB3/8", true, true); // e7 is dark, e2 is light
        sides("3b4/8/8/6b1/8/8/R7/K1k5", true, false);
        sides("8/8/8/8/8/4q3/3kB3/K7", false, true);
        sides("8/8/8/8/8/4r3/3kB3/K7", false, true);
        sides("8/8/8/8/8/4n3/3kB3/K7", true, true);
        sides("8/8/8/8/8/4p3/3kB3/K7", true, true);
    }

    #[test]
    fn one_pawn_rook_or_queen_is_enough() {
        check("4k3/8/8/8/8/8/P7/4K3", false);
        check("4k3/p7/8/8/8/8/8/4K3", false);
        check("4k3/8/8/8/8/8/8/R3K3", false);
        check("4k3/8/8/8/8/8/8/Q3K3", false);
    }
}

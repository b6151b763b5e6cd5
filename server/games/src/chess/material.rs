//! Whether the pieces left can mate at all, whoever plays them and however badly.
//! Positions that are dead by their pawns alone are not looked for.
//! Source: FIDE Laws of Chess, 5.2.2, by material.

use cozy_chess::{BitBoard, Board, Piece};

/// True with king against king, with one knight more, or with bishops on one colour only.
pub(super) fn is_insufficient(board: &Board) -> bool {
    let count = |piece| board.pieces(piece).len();
    if count(Piece::Pawn) + count(Piece::Rook) + count(Piece::Queen) > 0 {
        return false;
    }
    match count(Piece::Knight) {
        0 => of_one_colour(board.pieces(Piece::Bishop)),
        1 => count(Piece::Bishop) == 0,
        _ => false,
    }
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

    #[test]
    fn one_pawn_rook_or_queen_is_enough() {
        check("4k3/8/8/8/8/8/P7/4K3", false);
        check("4k3/p7/8/8/8/8/8/4K3", false);
        check("4k3/8/8/8/8/8/8/R3K3", false);
        check("4k3/8/8/8/8/8/8/Q3K3", false);
    }
}

//! How often the position on the board has come up.
//! What makes two positions the same is `Position::key`; what follows from it is in `end`.
//! Source: FIDE Laws of Chess, 9.2 and 9.6.1.

use super::position::Position;

/// Room is made for this many positions at a time, since doubling would waste up to half.
const GROWTH: usize = 16;

/// The keys of the positions since the last capture or pawn move, the present one last.
///
/// Nothing before such a move can come again, so that there are at most 150 after it.
#[derive(Debug, Clone)]
pub(super) struct History {
    keys: Vec<u64>,
}

impl History {
    /// The history of a match that begins here.
    pub(super) fn new(position: &Position) -> Self {
        Self { keys: vec![position.key()] }
    }

    /// Notes the position after a move.
    pub(super) fn push(&mut self, position: &Position) {
        if position.clock() == 0 {
            self.keys.clear();
        }
        if self.keys.len() == self.keys.capacity() {
            self.keys.reserve_exact(GROWTH);
        }
        self.keys.push(position.key());
    }

    /// How often the present position has been on the board, this time included.
    pub(super) fn times(&self) -> usize {
        let present = self.keys.last();
        self.keys.iter().filter(|key| Some(*key) == present).count()
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.keys.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::fen;

    /// How often the position was there after each of `moves`.
    fn check(fen: &str, moves: &str, expected: &[usize]) {
        let mut position = fen::read(fen).unwrap();
        let mut history = History::new(&position);
        let mut times = vec![history.times()];
        for mv in moves.split_whitespace() {
            position.play(mv.parse().unwrap());
            history.push(&position);
            times.push(history.times());
        }
        assert_eq!(times, expected, "{fen} {moves}");
    }

    #[test]
    fn the_first_position_counts() {
        let fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        check(fen, "g1f3 g8f6 f3g1 f6g8", &[1, 1, 1, 1, 2]);
        check(fen, "g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8", &[1, 1, 1, 1, 2, 2, 2, 2, 3]);
    }

    #[test]
    fn the_same_pieces_with_the_other_side_to_move_are_another_position() {
        // White loses a move: d1-e1-e2-d1 against e8-d8-e8.
        let fen = "4k3/p7/8/8/8/8/P7/3K4 w - - 0 1";
        check(fen, "d1e1 e8d8 e1e2 d8e8 e2d1", &[1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn lost_castling_rights_make_another_position() {
        let fen = "4k3/p7/8/8/8/8/P7/4K2R w K - 0 1";
        let moves = "h1g1 e8d8 g1h1 d8e8 h1g1 e8d8 g1h1 d8e8";
        check(fen, moves, &[1, 1, 1, 1, 1, 2, 2, 2, 2]);
    }

    #[test]
    fn a_legal_capture_in_passing_makes_another_position_and_an_illegal_one_does_not() {
        let back_and_forth = "e2e4 a8b8 e1f1 b8a8 f1e1 a8b8";
        let legal = "k7/8/8/8/3p4/8/4P3/4K3 w - - 0 1";
        check(legal, "e2e4 a8b8 e1f1 b8a8 f1e1", &[1, 1, 1, 1, 1, 1]);
        let no_pawn_beside = "k7/8/8/8/7p/8/4P3/4K3 w - - 0 1";
        check(no_pawn_beside, back_and_forth, &[1, 1, 1, 1, 1, 2, 2]);
        let pinned = "8/8/8/8/k2p3R/8/4P3/4K3 w - - 0 1";
        check(pinned, "e2e4 a4b4 e1f1 b4a4 f1e1 a4b4", &[1, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn only_positions_since_the_last_capture_or_pawn_move_are_kept() {
        let mut position = Position::default();
        let mut history = History::new(&position);
        for mv in "g1f3 g8f6 f3g1 f6g8 e2e4".split_whitespace() {
            position.play(mv.parse().unwrap());
            history.push(&position);
        }
        assert_eq!(history.keys.len(), 1);
    }
}

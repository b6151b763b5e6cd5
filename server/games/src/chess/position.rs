//! A position: cozy-chess's board, and a half-move clock that goes on past 100.
//! How a position is written is in `fen`, how often it came in `history`.
//! Source: FIDE Laws of Chess, articles 3 and 9; cozy-chess stops its own clock at 100.

use cozy_chess::{Board, Color, File, Move, Piece, Rank, Square, get_pawn_attacks};

/// Pieces on a board, with everything that decides which moves are legal.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    board: Board,
    /// Half-moves since the last capture or pawn move; the board's own is not used.
    clock: u8,
}

impl Position {
    pub(super) fn new(board: Board, clock: u8) -> Self {
        Self { board, clock }
    }

    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    pub(super) fn clock(&self) -> u8 {
        self.clock
    }

    /// The side to move.
    pub(super) fn turn(&self) -> Color {
        self.board.side_to_move()
    }

    /// True if the side to move is in check.
    pub(super) fn check(&self) -> bool {
        !self.board.checkers().is_empty()
    }

    /// All legal moves, castling as the king taking its own rook; at most 218.
    pub(super) fn legal(&self) -> Vec<Move> {
        let mut legal = Vec::with_capacity(48);
        self.board.generate_moves(|moves| {
            legal.extend(moves);
            false
        });
        legal
    }

    /// True if there is a legal move.
    pub(super) fn can_move(&self) -> bool {
        self.board.generate_moves(|_| true)
    }

    /// True if `mv`, a legal move, is castling.
    pub(super) fn is_castling(&self, mv: Move) -> bool {
        self.board.colors(self.turn()).has(mv.to)
    }

    /// True if `mv`, a legal move, takes a piece.
    pub(super) fn is_capture(&self, mv: Move) -> bool {
        let en_passant =
            self.board.piece_on(mv.from) == Some(Piece::Pawn) && mv.from.file() != mv.to.file();
        en_passant || self.board.colors(!self.turn()).has(mv.to)
    }

    /// The square behind a pawn that can be captured there, by a legal move, in passing.
    pub(super) fn en_passant(&self) -> Option<Square> {
        let square = Square::new(self.board.en_passant()?, Rank::Sixth.relative_to(self.turn()));
        let beside = get_pawn_attacks(square, !self.turn());
        let pawns = beside & self.board.colored_pieces(self.turn(), Piece::Pawn);
        self.board.generate_moves_for(pawns, |moves| moves.to.has(square)).then_some(square)
    }

    /// A number that is the same for the same position as FIDE 9.2.3 has it: pieces, turn,
    /// castling rights and what can be captured in passing.
    pub(super) fn key(&self) -> u64 {
        match self.en_passant() {
            Some(_) => self.board.hash(),
            None => self.board.hash_without_ep(),
        }
    }

    /// Makes a move.
    ///
    /// # Panics
    /// If it is not one of [`Self::legal`].
    pub(super) fn play(&mut self, mv: Move) {
        self.board.play(mv);
        let irreversible = self.board.halfmove_clock() == 0;
        self.clock = if irreversible { 0 } else { self.clock.saturating_add(1) };
    }

    /// The move as UCI has it: castling is the king's two steps.
    pub(super) fn in_uci(&self, mv: Move) -> Move {
        if !self.is_castling(mv) {
            return mv;
        }
        let file = if mv.from < mv.to { File::G } else { File::C };
        Move { to: Square::new(file, mv.from.rank()), ..mv }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::fen;

    const KIWIPETE: &str = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";

    fn leaves(position: &Position, depth: u32) -> usize {
        let legal = position.legal();
        if depth == 1 {
            return legal.len();
        }
        let after = |mv| {
            let mut after = position.clone();
            after.play(mv);
            after
        };
        legal.into_iter().map(|mv| leaves(&after(mv), depth - 1)).sum()
    }

    fn after(fen: &str, moves: &str) -> Position {
        let mut position = fen::read(fen).unwrap();
        moves.split_whitespace().for_each(|mv| position.play(mv.parse().unwrap()));
        position
    }

    #[test]
    fn the_positions_of_the_chess_programming_wiki_have_as_many_moves_as_published() {
        for (fen, published) in [
            ("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", [20, 400, 8902]),
            (KIWIPETE, [48, 2039, 97862]),
            ("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", [14, 191, 2812]),
            ("r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", [6, 264, 9467]),
            ("rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8", [44, 1486, 62379]),
        ] {
            let position = fen::read(fen).unwrap();
            for (depth, leaves_published) in (1..).zip(published) {
                assert_eq!(leaves(&position, depth), leaves_published, "{fen} at depth {depth}");
            }
        }
    }

    #[test]
    fn the_clock_goes_on_past_100_and_returns_to_0_at_a_pawn_move() {
        let start = "4k3/8/8/8/8/8/4P3/4K3 w - - 99 80";
        assert_eq!(after(start, "e1d1 e8d8").clock(), 101);
        assert_eq!(after(start, "e1d1 e8d8 e2e4").clock(), 0);
    }

    #[test]
    fn castling_does_not_count_as_a_capture() {
        let position = fen::read(KIWIPETE).unwrap();
        let castling = "e1h1".parse().unwrap();
        assert!(position.is_castling(castling) && !position.is_capture(castling));
        assert_eq!(after(KIWIPETE, "e1h1").clock(), 1);
    }

    #[test]
    fn castling_is_two_steps_of_the_king_in_uci() {
        let position = fen::read(KIWIPETE).unwrap();
        assert_eq!(position.in_uci("e1h1".parse().unwrap()).to_string(), "e1g1");
        assert_eq!(position.in_uci("e1a1".parse().unwrap()).to_string(), "e1c1");
        assert_eq!(position.in_uci("e1f1".parse().unwrap()).to_string(), "e1f1");
    }

    #[test]
    fn a_capture_in_passing_counts_only_if_it_is_legal() {
        let usual = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
        assert_eq!(after(usual, "e2e4").en_passant(), None);
        assert_eq!(after(usual, "e2e4 a7a6 e4e5 d7d5").en_passant(), Some(Square::D6));
        // The capture would take both pawns off the fourth rank and open it to the rook.
        assert_eq!(after("8/8/8/8/k2p3R/8/4P3/4K3 w - - 0 1", "e2e4").en_passant(), None);
        // A pawn beside it, but bound to its file.
        assert_eq!(
            after("3rk3/8/8/8/3p4/8/4P3/3K4 w - - 0 1", "e2e4").en_passant(),
            Some(Square::E3)
        );
        assert_eq!(after("3k4/8/8/8/3p4/8/4P3/3RK3 w - - 0 1", "e2e4").en_passant(), None);
    }

    #[test]
    fn the_key_knows_turn_castling_rights_and_legal_captures_in_passing_but_no_clock() {
        let key = |fen: &str| fen::read(fen).unwrap().key();
        let base = key("r3k3/8/8/8/4P3/8/8/4K3 b q - 0 1");
        assert_eq!(key("r3k3/8/8/8/4P3/8/8/4K3 b q - 9 30"), base);
        assert_eq!(key("r3k3/8/8/8/4P3/8/8/4K3 b q e3 0 1"), base);
        assert_ne!(key("r3k3/8/8/8/4P3/8/8/4K3 w q - 0 1"), base);
        assert_ne!(key("r3k3/8/8/8/4P3/8/8/4K3 b - - 0 1"), base);
        let beside = key("r3k3/8/8/8/3pP3/8/8/4K3 b q e3 0 1");
        assert_ne!(key("r3k3/8/8/8/3pP3/8/8/4K3 b q - 0 1"), beside);
    }
}

//! The moves of a match as they were played, in little memory: one text, grown at its end.
//! How a move is written is in `san`.

use cozy_chess::Move;

/// Room is made for this much text at a time, since doubling would waste up to half.
const GROWTH_BYTES: usize = 128;

/// All moves in SAN, each followed by a blank, and the last one for itself.
///
/// The whole state is cloned before each action, and this is the only part that grows with a
/// match: some five bytes for each half-move.
#[derive(Debug, Clone, Default)]
pub(super) struct Moves {
    san: String,
    ply: u32,
    last: Option<Move>,
}

impl Moves {
    /// Notes a move: in SAN, and as [`super::position::Position::in_uci`] has it.
    pub(super) fn push(&mut self, san: &str, last: Move) {
        let missing = self.san.len() + san.len() + 1 > self.san.capacity();
        if missing {
            self.san.reserve_exact(GROWTH_BYTES);
        }
        self.san.push_str(san);
        self.san.push(' ');
        self.ply += 1;
        self.last = Some(last);
    }

    /// How many there are.
    pub(super) fn ply(&self) -> u32 {
        self.ply
    }

    /// All of them in SAN.
    pub(super) fn san(&self) -> Vec<String> {
        self.san.split_ascii_whitespace().map(str::to_owned).collect()
    }

    /// The last one in UCI.
    pub(super) fn last(&self) -> Option<String> {
        self.last.map(|mv| mv.to_string())
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.san.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_come_back_in_order_and_the_last_in_uci() {
        let mut moves = Moves::default();
        assert_eq!((moves.ply(), moves.san(), moves.last()), (0, vec![], None));
        for (san, uci) in [("e4", "e2e4"), ("e5", "e7e5"), ("Nf3", "g1f3")] {
            moves.push(san, uci.parse().unwrap());
        }
        assert_eq!(moves.ply(), 3);
        assert_eq!(moves.san(), ["e4", "e5", "Nf3"]);
        assert_eq!(moves.last().as_deref(), Some("g1f3"));
    }

    #[test]
    fn a_long_match_wastes_less_than_one_growth() {
        let mut moves = Moves::default();
        for _ in 0..300 {
            moves.push("Qa1xb2+", "a1b2".parse().unwrap());
            assert!(moves.heap_bytes() <= moves.san.len() + GROWTH_BYTES);
        }
    }
}

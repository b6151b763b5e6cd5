//! A move as a player writes it, in SAN or in UCI, looked up among the legal ones.
//! How each notation is read is in `san` and `uci`.

use cozy_chess::Move;
use parlor_core::lobby::game::Reject;
use parlor_shared::api::chess::code;

use super::{position::Position, san, uci};

/// Longer than any move: seven bytes of SAN and some marks for how good it is.
const MAX_BYTES: usize = 16;

/// How much of a move that is refused is repeated in the refusal.
const MAX_SHOWN_CHARS: usize = 32;

/// Why a text is not a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misread {
    /// It is neither SAN nor UCI.
    Unreadable,
    /// No legal move is written like this.
    Illegal,
    /// More than one legal move is; the piece's own file or rank is missing.
    Ambiguous,
    /// A pawn reaches the last rank and the text does not say what it becomes.
    NoPromotion,
}

/// The legal move that a text stands for.
///
/// # Errors
/// A refusal that names the move as it was given.
pub(super) fn read(position: &Position, text: &str) -> Result<Move, Reject> {
    look_up(position, text).map_err(|misread| {
        let shown = shown(text);
        let message = match misread {
            Misread::Unreadable => format!("{shown:?} is not a move in SAN or UCI"),
            Misread::Illegal => format!("{shown:?} is not legal in this position"),
            Misread::Ambiguous => {
                format!("{shown:?} is ambiguous: add the file or rank of the piece that moves")
            }
            Misread::NoPromotion => format!("{shown:?} does not say what the pawn becomes"),
        };
        Reject::new(code::ILLEGAL_MOVE, message)
    })
}

fn look_up(position: &Position, text: &str) -> Result<Move, Misread> {
    if text.len() > MAX_BYTES {
        return Err(Misread::Unreadable);
    }
    // A text that is both, such as e2e4, is a pawn's move and the same in both.
    uci::read(position, text).or_else(|misread| match misread {
        Misread::Unreadable => san::read(position, text),
        Misread::Illegal | Misread::Ambiguous | Misread::NoPromotion => Err(misread),
    })
}

/// The text without control characters and not too long.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::fen;

    fn refusal(fen: &str, text: &str) -> String {
        let reject = read(&fen::read(fen).unwrap(), text).unwrap_err();
        assert_eq!(reject.code, "E_ILLEGAL_MOVE");
        reject.message
    }

    const TWO_KNIGHTS: &str = "4k3/8/8/8/8/2N3N1/4P3/4K3 w - - 0 1";

    #[test]
    fn each_refusal_names_the_move_and_says_what_is_wrong_with_it() {
        for (text, sentence) in [
            ("banana", "\"banana\" is not a move in SAN or UCI"),
            ("Nf6", "\"Nf6\" is not legal in this position"),
            ("e2e5", "\"e2e5\" is not legal in this position"),
            ("Ne4", "\"Ne4\" is ambiguous: add the file or rank of the piece that moves"),
        ] {
            assert_eq!(refusal(TWO_KNIGHTS, text), sentence);
        }
        let promoting = "8/P7/8/8/8/8/8/k3K3 w - - 0 1";
        for text in ["a8", "a7a8"] {
            let sentence = format!("{text:?} does not say what the pawn becomes");
            assert_eq!(refusal(promoting, text), sentence);
        }
    }

    #[test]
    fn a_move_is_repeated_without_control_characters_and_up_to_32_characters() {
        assert_eq!(refusal(TWO_KNIGHTS, "\u{1b}[2J\0\r\n"), "\"[2J\" is not a move in SAN or UCI");
        for (length, shown) in [(31, 31), (32, 32), (33, 32), (1 << 20, 32)] {
            let message = refusal(TWO_KNIGHTS, &"♞".repeat(length));
            assert_eq!(message.matches('♞').count(), shown, "{length}");
        }
        // What turns the reading direction is escaped.
        assert!(!refusal(TWO_KNIGHTS, "\u{202e}4e").contains('\u{202e}'));
    }

    #[test]
    fn a_text_of_the_greatest_length_is_read_and_one_past_it_refused() {
        let position = fen::read(TWO_KNIGHTS).unwrap();
        let marked = |length: usize| format!("{:!<length$}", "e4");
        assert!(read(&position, &marked(MAX_BYTES)).is_ok());
        assert!(read(&position, &marked(MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn odd_texts_are_refused_and_nothing_else() {
        let position = Position::default();
        for text in [
            "",
            " ",
            "-",
            "--",
            "0000",
            "0-0",
            "O-O",
            "0-0-0-0",
            "O",
            "e",
            "4",
            "e9",
            "i4",
            "e0",
            "N",
            "Nf",
            "x",
            "=Q",
            "e4=Q",
            "e4Q",
            "#",
            "+",
            "?!",
            "♞f3",
            "Nf３",
            "é4",
            "e2e4e5",
            "e2e2",
            "e1e1",
            "a1h8q",
            "e2e4q",
            "e7e8k",
            "e7e8p",
            "Ke2",
            "Pe4",
            "e4 ",
            " e4",
            "e4\0",
            "NNf3",
            "Nxxf3",
            "Ng1x",
            "null",
            "\u{301}e4",
            "🏳️‍🌈",
            "e2e4🏳️",
            "ééé",
            "e7♞8",
            "aéb1",
        ] {
            assert!(read(&position, text).is_err(), "{text:?}");
        }
    }
}

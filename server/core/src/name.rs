//! Names of players, and what texts of clients may hold: nothing that is not seen, turns the text
//! around it, or towers over its line. Source: UAX #15 for what looks alike.

use std::ops::RangeInclusive;

use parlor_shared::api::{Refusal, code};
use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};

/// Longest name of a player.
pub const MAX_NAME_CODE_POINTS: usize = 64;
/// Marks on one letter: what scripts of South Asia write.
const MAX_MARKS: usize = 4;
/// Marks on one letter of those that pile up.
const MAX_STACKED_MARKS: usize = 2;

/// Blanks without width, marks of direction, separators of lines, fillers, tags.
const HIDDEN: [RangeInclusive<char>; 13] = [
    '\u{ad}'..='\u{ad}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff9}'..='\u{fffb}',
    '\u{e0000}'..='\u{e007f}',
];
/// Marks around a letter, which have no class of their own.
const ENCLOSING: [RangeInclusive<char>; 5] = [
    '\u{488}'..='\u{489}',
    '\u{1abe}'..='\u{1abe}',
    '\u{20dd}'..='\u{20e0}',
    '\u{20e2}'..='\u{20e4}',
    '\u{a670}'..='\u{a672}',
];
/// What turns the text behind it around, or isolates it.
const OVERRIDES: [RangeInclusive<char>; 2] = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];

/// A name as others see it: 1 to 64 code points that are seen, with single blanks inside and none
/// around, and few marks on a letter.
///
/// # Errors
/// `E_NAME`.
pub(crate) fn clean(name: &str) -> Result<String, Refusal> {
    let refuse = || {
        let message = format!("a name has 1 to {MAX_NAME_CODE_POINTS} visible characters");
        Refusal::new(code::NAME, message)
    };
    // Too long is too long: what is looked at is not longer than what is kept.
    if name.chars().nth(4 * MAX_NAME_CODE_POINTS).is_some() {
        return Err(refuse());
    }
    let words: Vec<&str> = name.split(char::is_whitespace).filter(|w| !w.is_empty()).collect();
    let cleaned = words.join(" ");
    let n = cleaned.chars().count();
    let is_hidden = |c: char| c.is_control() || is_in(&HIDDEN, c);
    if n == 0 || n > MAX_NAME_CODE_POINTS || name.chars().any(is_hidden) {
        return Err(refuse());
    }
    if has_towers(&cleaned) {
        let message = "a letter of a name has too many marks";
        return Err(Refusal::new(code::NAME, message));
    }
    Ok(cleaned)
}

/// The name with this number behind it, no longer than a name may be.
pub(crate) fn numbered(name: &str, n: usize) -> String {
    let number = format!(" {n}");
    let kept: String = name.chars().take(MAX_NAME_CODE_POINTS - number.len()).collect();
    kept.trim_end().to_owned() + &number
}

/// The same for names that nobody can tell apart: compatible forms and letter case do not count.
pub(crate) fn fold(name: &str) -> String {
    let upper: String = name.nfkc().flat_map(char::to_uppercase).collect();
    upper.chars().flat_map(char::to_lowercase).nfkc().collect()
}

/// True for a text that stays in its lines: it has no control character, but for ends of lines if
/// it may have those, and nothing turns around what is shown behind it.
pub(crate) fn is_plain(text: &str, has_lines: bool) -> bool {
    let is_bad = |c: char| c.is_control() && !(has_lines && c == '\n') || is_in(&OVERRIDES, c);
    !text.chars().any(is_bad)
}

fn has_towers(name: &str) -> bool {
    let (mut n_marks, mut n_stacked) = (0, 0);
    // Taken apart, so that a letter with its mark counts as both.
    name.nfd().any(|c| {
        if !is_combining_mark(c) {
            (n_marks, n_stacked) = (0, 0);
            return false;
        }
        n_marks += 1;
        let is_stacked = canonical_combining_class(c) != 0 || is_in(&ENCLOSING, c);
        n_stacked += usize::from(is_stacked);
        n_marks > MAX_MARKS || n_stacked > MAX_STACKED_MARKS
    })
}

fn is_in(ranges: &[RangeInclusive<char>], c: char) -> bool {
    ranges.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_without_blanks_around_it_and_with_single_ones_inside() {
        for (name, cleaned) in [
            ("Ada", "Ada"),
            ("  Ada \u{a0}  Lovelace\u{3000}", "Ada Lovelace"),
            ("Zoë", "Zoë"),
            ("नमस्ते", "नमस्ते"),
            ("Việt Nguyễn", "Việt Nguyễn"),
            ("ကြောင်း", "ကြောင်း"),
            ("שלום", "שלום"),
            ("😀", "😀"),
        ] {
            assert_eq!(clean(name).unwrap(), cleaned);
        }
        assert!(clean(&"é".repeat(64)).is_ok());
        assert!(clean(&"x".repeat(65)).is_err());
    }

    #[test]
    fn what_is_not_seen_or_turns_the_text_around_makes_no_name() {
        for name in ["", "   ", "a\nb", "a\u{202e}b", "a\u{200b}", "\u{3164}", "\u{e0041}x", "\0"] {
            assert_eq!(clean(name).unwrap_err().code, code::NAME, "{name:?}");
        }
    }

    #[test]
    fn two_marks_pile_up_on_a_letter_and_no_third() {
        assert!(clean("a\u{301}\u{302}b\u{301}\u{302}").is_ok());
        assert!(clean("a\u{301}\u{302}\u{303}").is_err());
        assert!(clean("á\u{302}").is_ok());
        assert!(clean("á\u{302}\u{303}").is_err(), "the first mark is in the letter");
        assert!(clean("a\u{20dd}\u{20dd}\u{20dd}").is_err());
        assert!(clean("ก\u{e34}\u{e34}\u{e34}\u{e34}").is_ok());
        assert!(clean("ก\u{e34}\u{e34}\u{e34}\u{e34}\u{e34}").is_err());
    }

    #[test]
    fn names_that_nobody_can_tell_apart_are_one() {
        for (one, other) in [
            ("Ada", "aDA"),
            ("Ａｄａ", "ada"),
            ("ﬁn", "FIN"),
            ("straße", "STRASSE"),
            ("é", "e\u{301}"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("Ada"), fold("Ada 2"));
    }

    #[test]
    fn a_plain_text_has_no_controls_but_perhaps_ends_of_lines_and_turns_nothing_around() {
        assert!(is_plain("two\nlines", true) && !is_plain("two\nlines", false));
        for text in ["a\tb", "a\u{7f}", "\u{202e}abc", "\u{2067}abc", "a\u{85}b"] {
            assert!(!is_plain(text, true), "{text:?}");
        }
        assert!(is_plain("שלום \u{200f}a 👩\u{200d}🚀", true));
    }
}

//! JSON as plainly as RFC 8259 puts it: a letter at a time, recursive, for nothing but comparison.
//! What this takes and refuses, and why, the fast pass has to take and refuse.

use proptest::prelude::*;

use super::{JsonError, MAX_DEPTH, Outline, check, elements, mend_surrogates, tests::value};

/// The elements of `text`, if it is an array; nothing, if it is another value.
fn outline(text: &str) -> Result<Vec<String>, JsonError> {
    let mut model = Model {
        letters: text.chars().collect(),
        at: 0,
        depth: 0,
        elements: Vec::new(),
        is_out_of_range: false,
    };
    model.value()?;
    model.blanks();
    match model.at == model.letters.len() {
        false => Err(JsonError::Syntax),
        true if model.is_out_of_range => Err(JsonError::Range),
        true => Ok(model.elements),
    }
}

struct Model {
    letters: Vec<char>,
    at: usize,
    depth: u32,
    elements: Vec<String>,
    is_out_of_range: bool,
}

impl Model {
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let found = self.letters.get(self.at).is_some_and(|letter| wanted(*letter));
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, wanted: impl Fn(char) -> bool) -> Result<(), JsonError> {
        if self.take(wanted) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn blanks(&mut self) {
        while self.take(|letter| " \t\n\r".contains(letter)) {}
    }

    fn value(&mut self) -> Result<(), JsonError> {
        self.blanks();
        let start = self.at;
        match self.letters.get(self.at) {
            Some('{') => self.members('}')?,
            Some('[') => self.members(']')?,
            Some('"') => self.string()?,
            Some('-' | '0'..='9') => self.number()?,
            _ => {
                let words = ["true", "false", "null"].map(|word| word.chars().collect::<Vec<_>>());
                let rest = &self.letters[self.at..];
                let word = words.iter().find(|word| rest.starts_with(word));
                self.at += word.ok_or(JsonError::Syntax)?.len();
            }
        }
        if self.depth == 1 {
            self.elements.push(self.letters[start..self.at].iter().collect());
        }
        Ok(())
    }

    fn members(&mut self, end: char) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        self.blanks();
        if !self.take(|letter| letter == end) {
            loop {
                if end == '}' {
                    self.blanks();
                    self.string()?;
                    self.blanks();
                    self.need(|letter| letter == ':')?;
                }
                self.value()?;
                self.blanks();
                if self.take(|letter| letter == end) {
                    break;
                }
                self.need(|letter| letter == ',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.need(|letter| letter == '"')?;
        while !self.take(|letter| letter == '"') {
            if !self.take(|letter| letter == '\\') {
                self.need(|letter| letter >= ' ')?;
            } else if self.take(|letter| letter == 'u') {
                for _ in 0..4 {
                    self.need(|letter| letter.is_ascii_hexdigit())?;
                }
            } else {
                self.need(|letter| "\"\\/bfnrt".contains(letter))?;
            }
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.take(|letter| letter == '-');
        if !self.take(|letter| letter == '0') {
            self.digits()?;
        }
        if self.take(|letter| letter == '.') {
            self.digits()?;
        }
        if self.take(|letter| "eE".contains(letter)) {
            self.take(|letter| "+-".contains(letter));
            self.digits()?;
        }
        let number: String = self.letters[start..self.at].iter().collect();
        self.is_out_of_range |= number.parse().is_ok_and(f64::is_infinite);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        self.need(|letter| letter.is_ascii_digit())?;
        while self.take(|letter| letter.is_ascii_digit()) {}
        Ok(())
    }
}

fn judged_alike(text: &str) -> Result<(), TestCaseError> {
    let model = outline(text);
    prop_assert_eq!(check(text), model.clone().map(|_| ()), "{}", text);
    let Ok(expected) = model else { return Ok(()) };
    let is_array = text.trim_start().starts_with('[');
    let outline = Outline::of(text).expect("checked");
    prop_assert!(outline.may_have_halves() || mend_surrogates(text).is_none(), "{}", text);
    prop_assert_eq!(outline.n_elements(), if is_array { expected.len() } else { 0 });
    if is_array {
        prop_assert_eq!(&elements(text).collect::<Vec<_>>(), &expected);
        for first in 0..expected.len() + 2 {
            prop_assert_eq!(outline.element(text, first), expected.get(first).map(String::as_str));
            let mut slow = elements(text);
            (0..first).for_each(|_| {
                slow.next();
            });
            let fast = outline.elements_from(text, first);
            prop_assert_eq!((fast.rest(), fast.count()), (slow.rest(), slow.count()));
        }
    }
    Ok(())
}

/// A letter of `text` replaced, left out or doubled.
fn mistyped(text: &str, place: prop::sample::Index, by: Option<char>, keep: bool) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let place = place.index(letters.len());
    letters.splice(place..place + usize::from(!keep), by);
    letters.into_iter().collect()
}

fn letter() -> impl Strategy<Value = char> {
    prop_oneof![
        prop::sample::select(
            "[]{}\",:\\/utrnbf0123456789abcdefDEe.+- \n\t\r".chars().collect::<Vec<_>>()
        ),
        any::<char>(),
        (0u8..0x80).prop_map(char::from),
    ]
}

#[test]
fn every_letter_at_every_place_of_a_run_is_judged_as_by_the_model() {
    for letter in (0..0x80).map(char::from).chain(['\u{e4}', '\u{1f600}']) {
        for (fill, quote) in [("7", ""), ("x", "\"")] {
            for before in (0..18).chain(45..60) {
                let (before, after) = (fill.repeat(before), fill.repeat(12));
                let run = format!("{quote}{before}{letter}{after}{quote}");
                judged_alike(&run).expect("alike");
                judged_alike(&format!("[{run},{run}]")).expect("alike");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_as_by_the_model(letters in prop::collection::vec(letter(), 0..60)) {
        judged_alike(&letters.into_iter().collect::<String>())?;
    }

    #[test]
    fn escapes_are_judged_as_by_the_model(
        escapes in prop::collection::vec(
            r#"x{0,9}|\\[u\\"n]|\\u[dD][7-9a-fA-F][0-9a-f]{2}"#,
            0..6,
        ),
    ) {
        judged_alike(&format!("[\"{}\"]", escapes.concat()))?;
    }

    #[test]
    fn mistyped_values_are_judged_as_by_the_model(
        values in prop::collection::vec(value(), 0..7),
        is_pretty: bool,
        mistakes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::option::of(letter()), any::<bool>()),
            0..3,
        ),
    ) {
        let mut text = match is_pretty {
            true => serde_json::to_string_pretty(&values).expect("values"),
            false => serde_json::to_string(&values).expect("values"),
        };
        for (place, by, keep) in mistakes {
            if !text.is_empty() {
                text = mistyped(&text, place, by, keep);
            }
        }
        judged_alike(&text)?;
    }

    #[test]
    fn large_numbers_are_judged_as_by_the_model(
        sign in "-?",
        digits in "0|[1-9][0-9]{0,3}|[1-9]{180,220}|[1-9][0-9]{300,310}",
        fraction in "(\\.[0-9]{1,3})?",
        exponent in "([eE][+-]?[0-9]{1,4})?",
    ) {
        judged_alike(&format!("{sign}{digits}{fraction}{exponent}"))?;
        judged_alike(&format!("[1,{sign}{digits}{fraction}{exponent}]"))?;
    }

    #[test]
    fn depth_is_judged_as_by_the_model(
        n_open in 120usize..135,
        n_closed in 120usize..135,
        letter in letter(),
        is_object: bool,
    ) {
        let (open, close) = if is_object { ("{\"a\":", "}") } else { ("[", "]") };
        judged_alike(&format!("{}{letter}{}", open.repeat(n_open), close.repeat(n_closed)))?;
        judged_alike(&format!("[1,{}3{}]", open.repeat(n_open), close.repeat(n_open)))?;
    }
}

//! JSON looked at without being built: is it valid, how deep is it, where do its elements lie.
//! Values are built only when a handler asks for a type: by `read`, and by serde_json whatever is
//! not at hand there.
//! Source: RFC 8259. Unlike serde_json this lets lone surrogates (`"\ud800"`) pass, because
//! `JSON.stringify` writes them.

#[cfg(test)]
mod model;
mod outline;
mod read;
mod scan;

pub use outline::Outline;
pub use read::read;

use serde::de::DeserializeOwned;

use scan::{Mark, Scanner};

/// Deepest nesting that is accepted, the event's own array included. The reference server dies
/// of deeper input when an application sends it on; serde_json stops at the same depth.
pub const MAX_DEPTH: u32 = 128;

/// Why a text is not taken as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or something follows it.
    #[error("invalid JSON")]
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("JSON nested too deep")]
    TooDeep,
    /// A number beyond those of f64 (`1e400`): some would read infinity, others nothing at all.
    #[error("number out of range")]
    Range,
}

/// What [`walk`] meets, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// A member's name, with its quotes and escapes.
    Key(&'a str),
    /// A string, number or literal, as written.
    Scalar(&'a str),
}

/// Checks that `text` is one JSON value and nothing else.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<(), JsonError> {
    Outline::of(text).map(|_| ())
}

/// The same JSON with each half of a surrogate pair that stands alone (`\ud800`) written as
/// `\ufffd`; `None` if there is none. Rust's strings cannot hold halves, so nobody behind this
/// would be able to read them. Cost: one look at each backslash; [`Outline::may_have_halves`] says
/// when it can be saved.
pub fn mend_surrogates(text: &str) -> Option<String> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(offset) = text.as_bytes()[at..].iter().position(|b| *b == b'\\') {
        at += offset;
        match (unit(text, at), unit(text, at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => at += 12,
            (Some(0xd800..0xe000), _) => {
                let mended = mended.get_or_insert_with(|| text.as_bytes().to_vec());
                mended[at..at + 6].copy_from_slice(br"\ufffd");
                at += 6;
            }
            // Any other escape is two letters, or six of which the last four are plain.
            _ => at += 2,
        }
        at = at.min(text.len());
    }
    mended.map(|bytes| String::from_utf8(bytes).expect("ASCII was replaced by ASCII"))
}

/// The UTF-16 unit that `\uXXXX` at this place spells.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

/// True if `text` is written in JSON as it is, between quotes.
pub(super) fn is_plain(text: &str) -> bool {
    scan::skip_plain(text.as_bytes(), 0) == text.len()
}

/// The elements of a JSON array that [`check`] has accepted, as written.
pub fn elements(array: &str) -> Elements<'_> {
    debug_assert!(array.trim_start().starts_with('['));
    Elements { text: array, at: scan::skip_blanks(array.as_bytes(), 0) + 1 }
}

/// Iterator of [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Elements<'a> {
    /// What has not been handed out yet, from the element's first byte to before the `]`.
    pub fn rest(&self) -> &'a str {
        let body = self.text.trim_end();
        let at = self.next_start();
        let end = body.len() - usize::from(body.ends_with(']'));
        body.get(at..end).unwrap_or("").trim_end()
    }

    fn next_start(&self) -> usize {
        let bytes = self.text.as_bytes();
        let at = scan::skip_blanks(bytes, self.at);
        if bytes.get(at) == Some(&b',') { scan::skip_blanks(bytes, at + 1) } else { at }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let start = self.next_start();
        if matches!(self.text.as_bytes().get(start), None | Some(b']')) {
            return None;
        }
        self.at = Scanner::new(self.text).end(start).ok()?;
        Some(&self.text[start..self.at])
    }
}

/// Checks that `text` is one JSON value and nothing else, notes where its elements lie, and visits
/// its parts, or those of an array's elements: in one pass.
///
/// # Errors
/// What is wrong with it. What was visited before that is without meaning.
pub(super) fn walk<'a>(
    text: &'a str,
    mut visit: impl FnMut(Token<'a>),
) -> Result<Outline, JsonError> {
    Outline::visiting(text, |mark, start, end| {
        visit(match mark {
            Mark::ObjectStart => Token::ObjectStart,
            Mark::ObjectEnd => Token::ObjectEnd,
            Mark::ArrayStart => Token::ArrayStart,
            Mark::ArrayEnd => Token::ArrayEnd,
            Mark::Key => Token::Key(&text[start..end]),
            Mark::Scalar => Token::Scalar(&text[start..end]),
        });
    })
}

/// Reads a `T`, where of several members of one name the last counts, as in JavaScript: what
/// derives its reading takes no name twice. For small texts: one that cannot be read is built.
///
/// # Errors
/// If it is no `T`.
pub fn read_last<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| {
        let value: serde_json::Value = serde_json::from_str(text)?;
        serde_json::from_str(&value.to_string()).map_err(|_| error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_several_members_of_one_name_the_last_is_read() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Sent {
            token: Option<String>,
        }
        let read = |text| read_last::<Sent>(text).ok().map(|sent| sent.token);
        for (text, token) in [
            (r#"{"token":"a"}"#, Some(Some("a"))),
            (r#"{"token":"a","x":[],"token":"b"}"#, Some(Some("b"))),
            (r#"{"token":1,"token":"b"}"#, Some(Some("b"))),
            (r#"{"token":"a","token":null}"#, Some(None)),
            (r#"{"token":"a","token":1}"#, None),
            (r#"{"token":"a","token":"b""#, None),
        ] {
            assert_eq!(read(text), token.map(|token| token.map(str::to_owned)), "{text}");
        }
    }

    fn split(array: &str) -> Vec<&str> {
        check(array).unwrap();
        elements(array).collect()
    }

    #[test]
    fn what_serde_json_takes_and_refuses_is_judged_alike() {
        for text in [
            "1",
            "-0",
            "0.5",
            "1e5",
            "1E-5",
            "\"a\"",
            "true",
            "null",
            "[]",
            "{}",
            "[1,2]",
            "[[]]",
            " [ 1 , {\"a\" : [ ] } ] ",
            "{\"a\":1,\"a\":2}",
            "\"\\u00e4\\n\"",
            "",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "-",
            "tru",
            "nul",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "[1]x",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "[}",
            "{]",
            "[1}",
            "]",
            "}",
            "1e+",
            "\\",
            "\"\\",
            "\"\\u",
        ] {
            let serde = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(check(text).is_ok(), serde, "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_passes_though_serde_json_refuses_it() {
        assert_eq!(check(r#"["\ud800"]"#), Ok(()));
    }

    #[test]
    fn numbers_pass_up_to_the_largest_of_f64_and_not_beyond() {
        let nines = "9".repeat(308);
        for number in ["1.7976931348623157e308", "0e999", "1e-999", "0", &nines, "1e00000000005"] {
            assert_eq!(check(number), Ok(()), "{number}");
            assert_eq!(check(&format!("[0,-{number}]")), Ok(()), "{number}");
        }
        let more = format!("{nines}9");
        for number in ["1.8e308", "1e309", "1E+999", "1e99999999999999999999", &more, "10e308"] {
            assert_eq!(check(number), Err(JsonError::Range), "{number}");
            assert_eq!(check(&format!("[0,{{\"a\":-{number}}}]")), Err(JsonError::Range));
        }
        assert_eq!(check("[1e999"), Err(JsonError::Syntax));
    }

    #[test]
    fn halves_of_surrogate_pairs_are_mended_and_nothing_else_is() {
        for (text, mended) in [
            (r#"["a\ud800b"]"#, Some(r#"["a\ufffdb"]"#)),
            (r#"["\udc00\ud800"]"#, Some(r#"["\ufffd\ufffd"]"#)),
            (r#"["\ud83d\ude00"]"#, None),
            (r#"["\ud800\ud83d\ude00"]"#, Some(r#"["\ufffd\ud83d\ude00"]"#)),
            (r#"["\\ud800"]"#, None),
            (r#"["\n\u00e4",1]"#, None),
            ("[\"\\u\u{e4}\u{e4}\u{e4}\\", None),
        ] {
            assert_eq!(mend_surrogates(text).as_deref(), mended, "{text}");
        }
    }

    #[test]
    fn the_depth_limit_holds_at_128_and_one_past_it() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(check(&nested(128)), Ok(()));
        assert_eq!(check(&nested(129)), Err(JsonError::TooDeep));
        assert_eq!(check(&nested(1_000_000)), Err(JsonError::TooDeep));
        assert_eq!(check(&"{\"a\":".repeat(400_000)), Err(JsonError::TooDeep));
    }

    #[test]
    fn elements_are_cut_as_written() {
        assert_eq!(
            split(r#"["m", 1 ,{"a":[1,2]},"x]\"y"]"#),
            [r#""m""#, "1", r#"{"a":[1,2]}"#, r#""x]\"y""#]
        );
        assert_eq!(split(" [ ] "), Vec::<&str>::new());
        let mut elements = elements(r#" ["m", 1 , 2 ] "#);
        assert_eq!(elements.next(), Some(r#""m""#));
        assert_eq!(elements.rest(), "1 , 2");
        assert_eq!(elements.by_ref().count(), 2);
        assert_eq!(elements.rest(), "");
    }

    pub(super) fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f32>().prop_map(|f| serde_json::json!(f)),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::hash_map(".*", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_accepted_and_its_elements_are_found(
            values in prop::collection::vec(value(), 0..5),
        ) {
            let text = serde_json::to_string_pretty(&values).unwrap();
            let found: Vec<serde_json::Value> =
                split(&text).iter().map(|e| serde_json::from_str(e).unwrap()).collect();
            prop_assert_eq!(found, serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap());
        }

        #[test]
        fn no_text_makes_it_panic_and_nothing_malformed_is_taken(
            text in "[\\[\\]{}\",:0-9eE.+\\-\\\\utrn a]{0,40}",
        ) {
            if check(&text).is_ok() {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok());
            } else {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
            }
        }
    }
}

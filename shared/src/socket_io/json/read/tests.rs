//! What is read is compared with what serde_json reads, for types of all kinds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, value::RawValue};

use super::{super::check, *};
use crate::socket_io::json::tests::value;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
struct Mixed {
    s: u64,
    #[serde(default)]
    x: f64,
    y: Option<f32>,
    #[serde(default)]
    b: i8,
    #[serde(rename = "k\n", alias = "k")]
    key: Option<String>,
    kind: Option<Kind>,
    within: Option<Box<Self>>,
    raw: Option<Box<RawValue>>,
    #[serde(default)]
    list: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
struct Pair(i64, bool);

#[derive(Debug, Deserialize)]
struct Wrapped(#[expect(dead_code, reason = "printed")] u16);

#[derive(Debug, Deserialize)]
struct Nothing;

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Plain,
    Tuple(u8, u8),
    Struct { a: u8 },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[expect(dead_code, reason = "printed")]
enum Tagged {
    A { x: f64 },
    B { y: Option<u8> },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "printed")]
enum Untagged {
    Number(u8),
    Text(String),
    Many(Vec<Self>),
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
struct Flat {
    s: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Takes no notice of what fails, and goes on.
#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
struct Careless(Option<u8>);

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(u8::deserialize(deserializer).ok()))
    }
}

/// Looks at nothing.
#[derive(Debug)]
struct Blind;

impl<'de> Deserialize<'de> for Blind {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

fn alike_as<T: DeserializeOwned + fmt::Debug>(text: &str) -> Result<(), TestCaseError> {
    let told = |result: Result<T, serde_json::Error>| {
        result.map(|value| format!("{value:?}")).map_err(|error| error.to_string())
    };
    let (read, expected) = (told(read(text)), told(serde_json::from_str(text)));
    prop_assert_eq!(read, expected, "{}: {}", std::any::type_name::<T>(), text);
    Ok(())
}

/// A text that is no checked JSON is nothing to read.
fn alike(text: &str) -> Result<(), TestCaseError> {
    if check(text).is_err() || text.trim() != text {
        return Ok(());
    }
    alike_as::<Mixed>(text)?;
    alike_as::<Vec<Mixed>>(text)?;
    alike_as::<Pair>(text)?;
    alike_as::<Wrapped>(text)?;
    alike_as::<Nothing>(text)?;
    alike_as::<Kind>(text)?;
    alike_as::<BTreeMap<Kind, Wrapped>>(text)?;
    alike_as::<Tagged>(text)?;
    alike_as::<Untagged>(text)?;
    alike_as::<Flat>(text)?;
    alike_as::<Value>(text)?;
    alike_as::<Box<RawValue>>(text)?;
    alike_as::<BTreeMap<String, Box<RawValue>>>(text)?;
    alike_as::<BTreeMap<String, f64>>(text)?;
    alike_as::<BTreeMap<i16, IgnoredAny>>(text)?;
    alike_as::<BTreeMap<char, Blind>>(text)?;
    alike_as::<BTreeMap<String, Careless>>(text)?;
    alike_as::<Vec<Careless>>(text)?;
    alike_as::<Vec<Blind>>(text)?;
    alike_as::<Careless>(text)?;
    alike_as::<Blind>(text)?;
    alike_as::<(u8, Option<()>, String)>(text)?;
    alike_as::<(f64, f64, f32)>(text)?;
    alike_as::<Vec<Option<u32>>>(text)?;
    alike_as::<Vec<f64>>(text)?;
    alike_as::<f64>(text)?;
    alike_as::<f32>(text)?;
    alike_as::<u64>(text)?;
    alike_as::<i64>(text)?;
    alike_as::<u8>(text)?;
    alike_as::<i128>(text)?;
    alike_as::<bool>(text)?;
    alike_as::<char>(text)?;
    alike_as::<String>(text)?;
    alike_as::<()>(text)?;
    alike_as::<IgnoredAny>(text)?;
    alike_as::<Vec<char>>(text)
}

#[test]
fn what_is_read_is_what_serde_json_reads() {
    for text in [
        r#"{"s":1000001,"x":142.143,"y":857.857,"b":5,"k":"wa"}"#,
        r#"{ "s" : 1 , "within" : {"s":2,"list":[[1,true],[-2,false]]} , "more": [{}] }"#,
        r#"{"s":1,"kind":"plain"}"#,
        r#"{"s":1,"kind":{"tuple":[1,2]}}"#,
        r#"{"s":1,"kind":{"struct":{"a":1}},"raw":{"a" : [1, 2]}}"#,
        r#"{"s":1,"kind":"tuple"}"#,
        r#"{"s":1,"kind":"p\u006cain","k":"a\n\"\u00e4"}"#,
        r#"{"s":1,"\u0078":2.5,"k\n":"x"}"#,
        r#"{"s":1,"s":2}"#,
        r#"{"s":1.0}"#,
        r#"{"s":-1}"#,
        r#"{"s":"1"}"#,
        r#"{"x":1}"#,
        r#"{"plain":1,"tuple":2}"#,
        r#"{"1":1,"-2":2}"#,
        r#"{"x":1,"y":"z"}"#,
        r#"{"a":"x","b":300,"c":[1],"d":7}"#,
        r#"["x",300,[1],7]"#,
        r#"[1,2,0.5,4,"a",null,true]"#,
        "[1,2]",
        "[1.5,2,-3.25]",
        r#"[1,null,"x"]"#,
        "[7,true]",
        "[7,true,1]",
        "[ ]",
        "{}",
        r#"{"type":"A","x":1}"#,
        r#"{"type":"B"}"#,
        r#"{"type":"B","z":1}"#,
        r#""plain""#,
        r#""\ud800""#,
        r#""a""#,
        "\"\u{e4}\"",
        "null",
        "true",
        "false",
    ] {
        check(text).unwrap();
        alike(text).unwrap();
    }
}

#[test]
fn numbers_are_what_serde_json_reads() {
    let more = ["0", "-0", "0.0", "-0.0", "1e5", "1.5e3", "1E-5", "0.1", "-0.1", "5e-324"];
    let edges = [u64::from(u8::MAX), u64::from(u32::MAX), 1 << 53, i64::MAX as u64, u64::MAX];
    let edges = edges.into_iter().flat_map(|edge| {
        let near = [edge - 1, edge, edge.wrapping_add(1), edge.wrapping_add(2)];
        near.into_iter().flat_map(|number| [format!("{number}"), format!("-{number}")])
    });
    let long = (1..25).flat_map(|n| {
        let digits = "7".repeat(n);
        let points = (1..n).map(|at| format!("{}.{}", &digits[..at], &digits[at..]));
        points.chain([digits.clone()]).collect::<Vec<_>>()
    });
    for number in more.map(str::to_owned).into_iter().chain(edges).chain(long) {
        alike(&number).unwrap();
        alike(&format!("[{number},{number}]")).unwrap();
        alike(&format!("{{\"s\":{number},\"x\":{number},\"y\":{number}}}")).unwrap();
    }
}

#[test]
fn strings_are_borrowed_from_the_text() {
    let text = String::from(r#"["abc","d"]"#);
    assert_eq!(read::<Vec<&str>>(&text).unwrap(), ["abc", "d"]);
    assert!(read::<Vec<&str>>(r#"["a\nb"]"#).is_err(), "as serde_json has it");
}

proptest! {
    #[test]
    fn any_value_is_read_as_by_serde_json(value in value(), is_pretty: bool) {
        let text = match is_pretty {
            true => serde_json::to_string_pretty(&value).expect("a value"),
            false => value.to_string(),
        };
        alike(&text)?;
        alike(&format!("[{text},{text}]"))?;
        alike(&format!(r#"{{"s":3,"k":{text}}}"#))?;
        alike(&format!(r#"{{"x":{text},"s":3}}"#))?;
        alike(&format!(r#"{{"s":3,"list":{text},"raw":{text}}}"#))?;
    }

    #[test]
    fn any_number_is_read_as_by_serde_json(
        number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?",
    ) {
        alike(&number)?;
        alike(&format!("[{number},{number},{number}]"))?;
    }

    #[test]
    fn any_float_is_read_as_it_was_written(number: f64, short in -1_000_000i64..1_000_000) {
        for number in [number, short as f64 / 1000.0] {
            prop_assume!(number.is_finite());
            let text = serde_json::to_string(&number).expect("finite");
            let again = read::<f64>(&text).expect("a number");
            prop_assert_eq!(again.to_bits(), number.to_bits(), "{}", text);
        }
    }
}

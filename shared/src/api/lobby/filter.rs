//! Which lobbies somebody asks for: a filter in words, and its limits.
//! Which lobbies it lets through is decided in `parlor-core`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap as _,
};

use super::{
    MAX_LISTED, Phase, Scalar,
    metadata::{Named, ScalarVisitor, is_name},
};

/// Names of metadata in one [`Filter`].
pub const MAX_CONDITIONS: usize = 8;
/// Values in one [`Condition::In`].
pub const MAX_CHOICES: usize = 16;
/// Bytes of all names and texts of a [`Filter`] together.
pub const MAX_FILTER_BYTES: usize = 1024;

/// Which public lobbies somebody wants to know of. Every field that is given must fit; absent ones
/// let everything through. At most 1,024 bytes of names and texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Filter {
    /// Only lobbies of this game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game: Option<String>,
    /// Only those in whose host's name or texts this is found, whatever the case of its letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only those that stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Only those with at least so many free seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<u8>,
    /// Only those that ask (true) or do not ask (false) for a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_password: Option<bool>,
    /// Only those that are (true) or are not (false) locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// What their metadata must say; at most 8 names.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    pub metadata: Conditions,
    /// Which come first; absent: the newest.
    #[serde(skip_serializing_if = "Sort::is_newest")]
    pub sort: Sort,
    /// How many at most, 1 to 100; absent: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u8>,
}

/// Names of metadata and what each must say, in the order of the names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions(Vec<(Box<str>, Condition)>);

/// What one name in metadata must say: a value, `{"min": 1, "max": 2}` or `{"in": [1, "a"]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Exactly this.
    Is(Scalar),
    /// A number in this range, its ends included; `None`: open to that side.
    Range(Option<Scalar>, Option<Scalar>),
    /// One of these; at most 16.
    In(Vec<Scalar>),
}

/// In which order lobbies are told. Those that are equal in it come newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sort {
    /// `newest`: the newest first.
    #[default]
    Newest,
    /// `players`: those with most players first.
    Players,
    /// `+name`: by this name in their metadata, the smallest first; those without it last.
    Rising(Box<str>),
    /// `-name`: by this name in their metadata, the largest first; those without it last.
    Falling(Box<str>),
}

impl Filter {
    /// Bytes of its names and texts.
    pub fn n_bytes(&self) -> usize {
        let words = [&self.game, &self.text].into_iter().flatten().map(String::len);
        let named = self.metadata.iter().map(|(name, condition)| {
            let values = match condition {
                Condition::Is(value) => value.n_bytes(),
                Condition::Range(..) => 16,
                Condition::In(choices) => choices.iter().map(Scalar::n_bytes).sum(),
            };
            name.len() + values
        });
        words.chain(named).sum::<usize>() + self.sort.name().map_or(0, str::len)
    }

    /// How many lobbies it lets through at most.
    pub fn most(&self) -> usize {
        self.limit.map_or(MAX_LISTED, usize::from)
    }
}

/// A filter as it was written, before its limits are looked at.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a filter, which is an object")]
struct Written {
    game: Option<String>,
    text: Option<String>,
    phase: Option<Phase>,
    free: Option<u8>,
    has_password: Option<bool>,
    locked: Option<bool>,
    metadata: Conditions,
    sort: Sort,
    limit: Option<u8>,
}

impl TryFrom<Written> for Filter {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { game, text, phase, free, has_password, locked, metadata, sort, limit } =
            written;
        if text.as_ref().is_some_and(String::is_empty) {
            return Err("`text` is empty".to_owned());
        }
        if limit.is_some_and(|limit| !(1..=MAX_LISTED).contains(&usize::from(limit))) {
            return Err(format!("`limit` is 1 to {MAX_LISTED}"));
        }
        let text = text.map(|text| text.to_lowercase());
        let filter = Self { game, text, phase, free, has_password, locked, metadata, sort, limit };
        if filter.n_bytes() > MAX_FILTER_BYTES {
            return Err(format!("a filter has at most {MAX_FILTER_BYTES} bytes"));
        }
        Ok(filter)
    }
}

impl Conditions {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Condition)> {
        self.0.iter().map(|(name, condition)| (&**name, condition))
    }
}

impl Serialize for Conditions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sentence = "an object of names with what each must say";
        let mut all: Vec<(Box<str>, Condition)> =
            deserializer.deserialize_map(Named::new(sentence, MAX_CONDITIONS))?;
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(pair) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(de::Error::custom(format!("the filter has `{}` twice", pair[0].0)));
        }
        Ok(Self(all))
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::Is(value) => return value.serialize(serializer),
            _ => serializer.serialize_map(None)?,
        };
        if let Self::Range(min, max) = self {
            if let Some(min) = min {
                map.serialize_entry("min", min)?;
            }
            if let Some(max) = max {
                map.serialize_entry("max", max)?;
            }
        }
        if let Self::In(choices) = self {
            map.serialize_entry("in", choices)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false, {\"min\", \"max\"} or {\"in\": [\u{2026}]}")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Condition, E> {
        ScalarVisitor.visit_bool(flag).map(Condition::Is)
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Condition, E> {
        ScalarVisitor.visit_i64(n).map(Condition::Is)
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Condition, E> {
        ScalarVisitor.visit_u64(n).map(Condition::Is)
    }

    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Condition, E> {
        ScalarVisitor.visit_f64(n).map(Condition::Is)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Condition, E> {
        ScalarVisitor.visit_str(text).map(Condition::Is)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let (mut min, mut max, mut choices) = (None, None, None);
        while let Some(name) = map.next_key::<Box<str>>()? {
            match &*name {
                "min" => min = Some(map.next_value::<Bound>()?.0),
                "max" => max = Some(map.next_value::<Bound>()?.0),
                "in" => choices = Some(map.next_value::<Choices>()?.0),
                _ => return Err(de::Error::unknown_field(&name, &["min", "max", "in"])),
            }
        }
        match (min, max, choices) {
            (None, None, Some(choices)) => Ok(Condition::In(choices)),
            (Some(min), Some(max), None) if min > max => {
                Err(de::Error::custom("the range is empty: `min` is above `max`"))
            }
            (min, max, None) if min.is_some() || max.is_some() => Ok(Condition::Range(min, max)),
            _ => Err(de::Error::custom("a condition has `min` or `max` or both, or `in` alone")),
        }
    }
}

/// An end of a range: a number.
struct Bound(Scalar);

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            number @ Scalar::Number(_) => Ok(Self(number)),
            _ => Err(de::Error::custom("`min` and `max` are numbers")),
        }
    }
}

struct Choices(Vec<Scalar>);

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ChoicesVisitor).map(Self)
    }
}

struct ChoicesVisitor;

impl<'de> Visitor<'de> for ChoicesVisitor {
    type Value = Vec<Scalar>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 to {MAX_CHOICES} values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Scalar>, A::Error> {
        let mut choices = Vec::new();
        while let Some(choice) = seq.next_element()? {
            if choices.len() == MAX_CHOICES {
                return Err(de::Error::invalid_length(MAX_CHOICES + 1, &self));
            }
            choices.push(choice);
        }
        choices.sort();
        choices.dedup();
        if choices.is_empty() {
            return Err(de::Error::invalid_length(0, &self));
        }
        Ok(choices)
    }
}

impl Sort {
    fn is_newest(&self) -> bool {
        *self == Self::Newest
    }

    /// The name in metadata that it goes by.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Newest | Self::Players => None,
            Self::Rising(name) | Self::Falling(name) => Some(name),
        }
    }
}

impl Serialize for Sort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Newest => serializer.serialize_str("newest"),
            Self::Players => serializer.serialize_str("players"),
            Self::Rising(name) => serializer.collect_str(&format_args!("+{name}")),
            Self::Falling(name) => serializer.collect_str(&format_args!("-{name}")),
        }
    }
}

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let name = |name: &str| is_name(name).then(|| name.into());
        let sort = match word.as_str() {
            "newest" => Some(Self::Newest),
            "players" => Some(Self::Players),
            word => match word.split_at_checked(1) {
                Some(("+", rest)) => name(rest).map(Self::Rising),
                Some(("-", rest)) => name(rest).map(Self::Falling),
                _ => None,
            },
        };
        let sentence = "`sort` is `newest`, `players`, or `+` or `-` and a name of metadata";
        sort.ok_or_else(|| de::Error::custom(sentence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn filter(value: &Value) -> Result<Filter, String> {
        serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
    }

    fn names(n: usize) -> Value {
        (0..n).map(|i| (format!("n{i}"), json!(i))).collect::<serde_json::Map<_, _>>().into()
    }

    #[test]
    fn a_filter_reads_back_as_it_was_written() {
        let all = json!({
            "game": "chess", "text": "ann", "phase": "open", "free": 1, "has_password": false,
            "locked": false, "sort": "-rating", "limit": 100, "metadata": {
                "mode": "blitz", "rated": true, "rating": {"min": 1500, "max": 2000},
                "region": {"in": ["eu", "us"]}, "size": {"max": 3},
            },
        });
        let read = filter(&all).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), all);
        assert_eq!((read.most(), read.sort.name()), (100, Some("rating")));
        assert_eq!(serde_json::to_string(&filter(&json!({})).unwrap()).unwrap(), "{}");
        // However it is written, the same filter is the same.
        let one = filter(&json!({"text": "Ä", "metadata": {"b": {"in": [2, 1, 2]}, "a": 1.0}}));
        let other = filter(&json!({"metadata": {"a": 1, "b": {"in": [1, 2]}}, "text": "ä"}));
        assert_eq!(one, other);
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_refused_with_a_sentence() {
        let long = |n| "x".repeat(n);
        let choices = |n| (0..n).collect::<Vec<u8>>();
        for (good, bad, sentence) in [
            (json!({"free": 0}), json!({"fre": 0}), "unknown field `fre`"),
            (json!({"free": 255}), json!({"free": 256}), "256"),
            (json!({"text": "a"}), json!({"text": ""}), "`text` is empty"),
            (json!({"text": long(1024)}), json!({"text": long(1025)}), "1024 bytes"),
            (json!({"limit": 100}), json!({"limit": 101}), "`limit` is 1 to 100"),
            (json!({"limit": 1}), json!({"limit": 0}), "`limit` is 1 to 100"),
            (json!({"sort": "+a"}), json!({"sort": "a"}), "`sort` is"),
            (json!({"sort": "players"}), json!({"sort": "-"}), "`sort` is"),
            (json!({"metadata": names(8)}), json!({"metadata": names(9)}), "at most 8 names"),
            (
                json!({"metadata": {"a": {"in": choices(16)}}}),
                json!({"metadata": {"a": {"in": choices(17)}}}),
                "1 to 16 values",
            ),
            (
                json!({"metadata": {"a": {"in": [1]}}}),
                json!({"metadata": {"a": {"in": []}}}),
                "1 to 16 values",
            ),
            (
                json!({"metadata": {"a": {"min": 1, "max": 1}}}),
                json!({"metadata": {"a": {"min": 1, "max": 0.9}}}),
                "`min` is above `max`",
            ),
            (
                json!({"metadata": {"a": {"min": 1}}}),
                json!({"metadata": {"a": {}}}),
                "has `min` or `max`",
            ),
            (
                json!({"metadata": {"a": {"max": 1}}}),
                json!({"metadata": {"a": {"max": "1"}}}),
                "are numbers",
            ),
            (
                json!({"metadata": {"a": {"max": 1}}}),
                json!({"metadata": {"a": {"max": 1, "in": [1]}}}),
                "`in` alone",
            ),
            (
                json!({"metadata": {"a": {"min": 1}}}),
                json!({"metadata": {"a": {"above": 1}}}),
                "unknown field `above`",
            ),
            (json!({"metadata": {"a": 1}}), json!({"metadata": {"a": [1]}}), "a text, a number"),
            (json!({}), json!(3), "expected a filter, which is an object"),
        ] {
            assert!(filter(&good).is_ok(), "{good}: {:?}", filter(&good));
            let refused = filter(&bad).unwrap_err();
            assert!(refused.contains(sentence), "{bad}: {refused}");
        }
    }
}

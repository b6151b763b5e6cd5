//! What a host says of its lobby for others to find it by. How it is asked for is `filter`'s part.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
};

/// Names in the metadata of one lobby.
pub const MAX_METADATA_NAMES: usize = 16;
/// Bytes of such a name.
pub const MAX_METADATA_NAME_BYTES: usize = 32;
/// Bytes of a text in metadata.
pub const MAX_METADATA_TEXT_BYTES: usize = 128;
/// Bytes of all metadata of a lobby, as JSON.
pub const MAX_METADATA_BYTES: usize = 2048;

/// What a host says of its lobby, for others to find it by: a JSON object of at most 16 names (1 to
/// 32 bytes) with texts (128 bytes at most), finite numbers, and truths, of 2,048 bytes in all.
/// Neither names nor texts have control characters; with marks that turn text around a lobby does
/// not take it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Metadata(Option<Arc<[Entry]>>);

type Entry = (Box<str>, Scalar);

/// One value in [`Metadata`].
#[derive(Debug, Clone)]
pub enum Scalar {
    /// True or false.
    Flag(bool),
    /// A finite number.
    Number(f64),
    /// A text of at most 128 bytes without control characters.
    Text(Box<str>),
}

impl Metadata {
    /// True if it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What it says, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        self.0.iter().flat_map(|all| all.iter()).map(|(name, value)| (&**name, value))
    }

    /// What it says under this name.
    pub fn get(&self, name: &str) -> Option<&Scalar> {
        let all = self.0.as_ref()?;
        let at = all.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        Some(&all[at].1)
    }

    /// True if both are one and the same in memory, and so surely equal.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// About how many bytes it has as JSON.
    pub fn n_bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.n_bytes() + 4).sum()
    }

    fn new(mut all: Vec<Entry>) -> Result<Self, String> {
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(pair) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("metadata says `{}` twice", pair[0].0));
        }
        if all.is_empty() {
            return Ok(Self(None));
        }
        let metadata = Self(Some(all.into()));
        // What has to be escaped counts as it is written.
        let n_bytes = serde_json::to_string(&metadata).map_or(usize::MAX, |json| json.len());
        if n_bytes > MAX_METADATA_BYTES {
            return Err(format!("metadata has at most {MAX_METADATA_BYTES} bytes"));
        }
        Ok(metadata)
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sentence = "an object of names with texts, numbers and truths";
        let all = deserializer.deserialize_map(Named::new(sentence, MAX_METADATA_NAMES))?;
        Self::new(all).map_err(de::Error::custom)
    }
}

impl Scalar {
    /// A number of our own.
    pub fn number(number: impl Into<f64>) -> Self {
        Self::Number(number.into() + 0.0)
    }

    /// A text of our own.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn n_bytes(&self) -> usize {
        match self {
            Self::Flag(_) | Self::Number(_) => 8,
            Self::Text(text) => text.len(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

/// Truths come before numbers, these before texts.
impl Ord for Scalar {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (one, other) => one.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scalar {}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Up to here each whole number is one.
        const WHOLE: f64 = (1_u64 << 53) as f64;
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(n) if n.fract() == 0.0 && n.abs() <= WHOLE => {
                serializer.serialize_i64(*n as i64)
            }
            Self::Number(n) => serializer.serialize_f64(*n),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

pub(super) struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Scalar, E> {
        Ok(Scalar::number(n as f64))
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Scalar, E> {
        Ok(Scalar::number(n as f64))
    }

    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Scalar, E> {
        // There is one zero.
        let finite = n.is_finite().then(|| Scalar::number(n));
        finite.ok_or_else(|| E::custom("a number is finite"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        if text.len() > MAX_METADATA_TEXT_BYTES || text.chars().any(char::is_control) {
            let sentence = format!(
                "a text has at most {MAX_METADATA_TEXT_BYTES} bytes and no control characters"
            );
            return Err(E::custom(sentence));
        }
        Ok(Scalar::text(text))
    }
}

/// Reads an object whose names are names of metadata.
pub(super) struct Named<T> {
    expected: &'static str,
    most: usize,
    values: std::marker::PhantomData<T>,
}

impl<T> Named<T> {
    pub(super) fn new(expected: &'static str, most: usize) -> Self {
        Self { expected, most, values: std::marker::PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<T> {
    type Value = Vec<(Box<str>, T)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(name) = map.next_key::<Box<str>>()? {
            if !is_name(&name) {
                let sentence = format!(
                    "a name in metadata has 1 to {MAX_METADATA_NAME_BYTES} bytes and no control \
                     characters"
                );
                return Err(de::Error::custom(sentence));
            }
            if all.len() == self.most {
                let sentence = format!("at most {} names of metadata", self.most);
                return Err(de::Error::custom(sentence));
            }
            all.push((name, map.next_value()?));
        }
        Ok(all)
    }
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_METADATA_NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn metadata(value: &Value) -> Result<Metadata, String> {
        serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
    }

    fn names(n: usize) -> Value {
        (0..n).map(|i| (format!("n{i}"), json!(i))).collect::<serde_json::Map<_, _>>().into()
    }

    #[test]
    fn metadata_reads_back_as_it_was_written() {
        let value = json!({"b": 1500, "a": "é", "c": true, "d": -0.5, "e": 1e300, "f": 0});
        let read = metadata(&value).unwrap();
        let written = r#"{"a":"é","b":1500,"c":true,"d":-0.5,"e":1e+300,"f":0}"#;
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
        assert_eq!(metadata(&serde_json::from_str(written).unwrap()), Ok(read.clone()));
        assert_eq!(serde_json::from_value::<Metadata>(value).unwrap(), read);
        assert_eq!(read.get("b"), Some(&Scalar::number(1500)));
        assert_eq!((read.get("g"), metadata(&json!({})).unwrap().is_empty()), (None, true));
        assert_eq!(metadata(&json!({"f": -0.0})).unwrap(), metadata(&json!({"f": 0})).unwrap());
    }

    #[test]
    fn metadata_is_flat_and_small() {
        let long = |n| "x".repeat(n);
        for (good, bad, sentence) in [
            (names(16), names(17), "at most 16 names"),
            (json!({long(32): 1}), json!({long(33): 1}), "1 to 32 bytes"),
            (json!({"a": long(128)}), json!({"a": long(129)}), "at most 128 bytes"),
            (json!({"a": "b"}), json!({"a": "b\u{7}"}), "no control characters"),
            (json!({"a b": 1}), json!({"": 1}), "1 to 32 bytes"),
            (json!({"a": false}), json!({"a": null}), "a text, a number, true or false"),
            (json!({"a": 1}), json!({"a": {"b": 1}}), "a text, a number, true or false"),
            (json!({}), json!([]), "an object"),
        ] {
            assert!(metadata(&good).is_ok(), "{good}");
            let refused = metadata(&bad).unwrap_err();
            assert!(refused.contains(sentence), "{bad}: {refused}");
        }
        let twice: Result<Metadata, _> = serde_json::from_str(r#"{"a":1,"a":2}"#);
        assert!(twice.unwrap_err().to_string().contains("`a` twice"));
    }

    #[test]
    fn metadata_of_two_thousand_and_forty_eight_bytes_is_taken_and_not_one_more() {
        let of = |n_last: usize| -> Value {
            let texts = (0..15).map(|i| (format!("{i:02}"), json!("x".repeat(127))));
            let last = ("zz".to_owned(), json!("x".repeat(n_last)));
            texts.chain([last]).collect::<serde_json::Map<_, _>>().into()
        };
        let n_bytes = |n_last| of(n_last).to_string().len();
        let last = (0..128).find(|n| n_bytes(*n) == MAX_METADATA_BYTES).unwrap();
        assert!(metadata(&of(last)).is_ok());
        assert!(metadata(&of(last + 1)).unwrap_err().contains("2048 bytes"));
        // What has to be escaped counts.
        let mut quoted = of(last);
        quoted["zz"] = json!("\"".repeat(last));
        assert!(metadata(&quoted).is_err());
    }

    #[test]
    fn values_have_an_order() {
        let sorted = [
            Scalar::Flag(false),
            Scalar::Flag(true),
            Scalar::number(-1.5),
            Scalar::number(0),
            Scalar::number(1e9),
            Scalar::text(""),
            Scalar::text("a"),
        ];
        assert!(sorted.is_sorted_by(|a, b| a < b));
    }
}

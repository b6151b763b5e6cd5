//! Requests that may be sent again: by its key the server knows what it has done already.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Letters of a key: what a UUID has, and room for others' habits.
pub const MIN_KEY_LETTERS: usize = 16;
/// And no more.
pub const MAX_KEY_LETTERS: usize = 64;

/// Chosen at random by the client, a UUID for one, for one [`super::Create`] or [`super::Join`]:
/// the request may be sent again with it, by the same or another connection of the same player,
/// until its answer has arrived. The first makes a lobby, or takes a place; each after it leads
/// back there as [`super::Resume`] does, whatever else it says. Whoever knows the key can do so:
/// keep it secret, as the token. When the place is gone, and once it was come back to and
/// something more was asked there, the key means nothing any more: the request is done as if for
/// the first time.
///
/// 16 to 64 characters of printable ASCII without blanks.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// The key that this text is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_long_enough = (MIN_KEY_LETTERS..=MAX_KEY_LETTERS).contains(&text.len());
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_long_enough && is_visible).then(|| Self(text.into()))
    }

    /// As it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    /// The first letters only: it is as good as the token that belongs to it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({}…)", &self.0[..4])
    }
}

impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let sentence = || {
            de::Error::custom(format_args!(
                "a key has {MIN_KEY_LETTERS} to {MAX_KEY_LETTERS} printable ASCII characters \
                 without blanks"
            ))
        };
        Self::parse(&text).ok_or_else(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_16_to_64_letters_that_are_seen() {
        let (shortest, longest) = ("k".repeat(16), "~".repeat(64));
        let uuid = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";
        for good in [shortest.as_str(), longest.as_str(), uuid, r#"!"\{}'0123456789"#] {
            let key: IdempotencyKey = serde_json::from_value(good.into()).unwrap();
            assert_eq!(key.as_str(), good);
            assert_eq!(serde_json::to_value(&key).unwrap(), good);
        }
        let (shorter, longer) = ("k".repeat(15), "k".repeat(65));
        for bad in [shorter.as_str(), longer.as_str(), "", "0123456789 012345", "0123456789é12345"]
        {
            let refused = serde_json::from_value::<IdempotencyKey>(bad.into()).unwrap_err();
            assert!(refused.to_string().contains("16 to 64 printable"), "{refused}");
        }
        assert!(serde_json::from_str::<IdempotencyKey>("1234567890123456").is_err());
        assert!(!format!("{:?}", IdempotencyKey::parse(uuid)).contains("4f50"));
    }
}

//! JSON objects read as plainly as can be, for models: what stands under which name.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// An object's members in their order, those of one name too.
#[derive(Debug)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

/// Why a member is not read.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Object {
    /// `None` if it is no JSON object.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The member of this name; `None` if there is none, or it is null.
    ///
    /// # Errors
    /// If it comes twice, or is no `T`.
    pub(super) fn member<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Unreadable> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        let (Some((_, raw)), None) = (found.next(), found.next()) else {
            let is_missing = self.0.iter().all(|(known, _)| known != name);
            return if is_missing { Ok(None) } else { Err(Unreadable) };
        };
        // In a list it lies as deep as it did.
        let list: Result<(Option<T>,), _> = serde_json::from_str(&format!("[{raw}]"));
        list.map(|(value,)| value).map_err(|_| Unreadable)
    }

    /// The last member of this name; `None` also if serde_json does not read it.
    pub(super) fn last(&self, name: &str) -> Option<Value> {
        let (_, raw) = self.0.iter().rfind(|(known, _)| known == name)?;
        serde_json::from_str(raw.get()).ok()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

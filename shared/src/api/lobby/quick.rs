//! Quick play: a seat in a lobby that others have opened, or one's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use super::{Create, Filter, Join, Role, Visibility};

/// Take a seat in the best open lobby that fits, or open one: public, not locked, without a
/// password, with somebody connected in it; the fullest first, of these the oldest. Written as a
/// [`Create`] (without `visibility`, `password`, `locked`, `key`) and a `filter`.
#[derive(Debug, Clone, Serialize)]
pub struct Quick {
    /// What to open if there is nothing; also who comes, into which game, and how.
    #[serde(flatten)]
    pub create: Create,
    /// Which lobbies will do; only `text`, `free` and `metadata` may be given. It does not change
    /// what is opened: for others with the same filter to come in, say the same in
    /// [`Create::metadata`].
    #[serde(skip_serializing_if = "is_empty")]
    pub filter: Filter,
}

fn is_empty(filter: &Filter) -> bool {
    *filter == Filter::default()
}

impl Quick {
    /// The request by which to take a seat in this lobby.
    pub fn join(&self, id: &str) -> Join {
        let create = &self.create;
        Join {
            code: None,
            id: Some(id.to_owned()),
            name: create.name.clone(),
            // Strangers often have the same name.
            rename: true,
            role: Role::Player,
            password: None,
            colour: create.colour,
            deltas: create.deltas,
            format: create.format,
            key: None,
        }
    }
}

impl<'de> Deserialize<'de> for Quick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields: BTreeMap<String, Box<RawValue>> = Deserialize::deserialize(deserializer)?;
        let filter: Option<Filter> = fields
            .remove("filter")
            .map(|filter| serde_json::from_str(filter.get()))
            .transpose()
            .map_err(de::Error::custom)?;
        let filter = filter.unwrap_or_default();
        let Filter { text, free, metadata, .. } = filter.clone();
        if filter != (Filter { text, free, metadata, ..Filter::default() }) {
            let sentence = "the filter of a quick play has only `text`, `free` and `metadata`";
            return Err(de::Error::custom(sentence));
        }
        let has_visibility = fields.contains_key("visibility");
        let written = serde_json::to_string(&fields).map_err(de::Error::custom)?;
        let mut create: Create = serde_json::from_str(&written).map_err(de::Error::custom)?;
        let is_public = !has_visibility || create.visibility == Visibility::Public;
        if !is_public || create.password.is_some() || create.locked {
            let sentence = "a quick play opens a public lobby, without a password and unlocked";
            return Err(de::Error::custom(sentence));
        }
        if create.key.is_some() {
            let sentence = "a quick play has no `key`: it would lead elsewhere the next time";
            return Err(de::Error::custom(sentence));
        }
        create.visibility = Visibility::Public;
        Ok(Self { create, filter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: &Value) -> Result<Quick, String> {
        serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_quick_play_reads_back_as_it_was_written() {
        let written = json!({
            "game": "chess", "name": "A", "config": {"a": [1]}, "metadata": {"rated": true},
            "filter": {"free": 1, "metadata": {"rated": true}}, "deltas": true,
        });
        let quick = read(&written).unwrap();
        assert_eq!(quick.create.visibility, Visibility::Public);
        let join = quick.join("x");
        assert_eq!((join.id.as_deref(), join.name.as_str(), join.deltas), (Some("x"), "A", true));
        let again = read(&serde_json::to_value(&quick).unwrap()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{quick:?}"));
        assert!(read(&json!({"game": "g", "name": "A", "visibility": "public"})).is_ok());
    }

    #[test]
    fn a_quick_play_that_makes_no_sense_is_refused_with_a_sentence() {
        for (field, value, sentence) in [
            ("visibility", json!("private"), "opens a public lobby"),
            ("password", json!("x"), "opens a public lobby"),
            ("locked", json!(true), "opens a public lobby"),
            ("key", json!("0123456789abcdef"), "has no `key`"),
            ("filter", json!({"game": "chess"}), "only `text`, `free` and `metadata`"),
            ("filter", json!({"limit": 1}), "only `text`, `free` and `metadata`"),
            ("filter", json!({"fre": 1}), "unknown field `fre`"),
            ("nonsense", json!(1), "unknown field `nonsense`"),
            ("name", json!(1), "expected a string"),
        ] {
            let mut quick = json!({"game": "chess", "name": "A"});
            assert!(read(&quick).is_ok());
            quick[field] = value;
            let refused = read(&quick).unwrap_err();
            assert!(refused.contains(sentence), "{quick}: {refused}");
        }
        assert!(read(&json!([])).is_err() && read(&json!({"game": "chess"})).is_err());
    }
}

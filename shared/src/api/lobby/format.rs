//! How a viewer wants to get the states of a match.

use serde::{Deserialize, Serialize};

/// How the payload of `state` and `delta` pushes is written.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object in the event's text.
    #[default]
    Json,
    /// One binary attachment: the same object in MessagePack, its members by their names. Shorter,
    /// and quicker to read, where views hold many numbers. A state that is nested so deeply (over
    /// 127 levels) that it cannot be read back comes as JSON.
    Msgpack,
}

impl Format {
    /// True for what is meant when nothing is said.
    pub fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

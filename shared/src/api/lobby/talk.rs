//! What people in a lobby say to each other: words, that they write some, and reactions, which are
//! shown for a moment and forgotten.

use serde::{Deserialize, Serialize};

/// Bytes of a reaction: an emoji of many parts, or a short word.
pub const MAX_REACTION_BYTES: usize = 32;

/// Say something to everybody in the lobby.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// 1 to 500 code points.
    pub text: String,
}

/// Say that one begins or stops typing.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// True: typing.
    pub typing: bool,
}

/// Show everybody in the lobby a reaction. Five may come at once, then one each 400 ms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct React {
    /// One emoji or one short word: 1 to 32 bytes without blanks.
    pub reaction: String,
}

/// Somebody reacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionPush {
    /// The player's name.
    pub name: String,
    /// The seat; absent for a spectator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// With what.
    pub reaction: String,
}

/// Somebody began or stopped typing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TypingPush {
    /// The player's name.
    pub name: String,
    /// The seat; absent for a spectator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// True: typing.
    pub typing: bool,
}

//! What people in a lobby say to each other beside words: a reaction is shown for a moment and
//! forgotten.

use serde::{Deserialize, Serialize};

/// Bytes of a reaction: an emoji of many parts, or a short word.
pub const MAX_REACTION_BYTES: usize = 32;

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

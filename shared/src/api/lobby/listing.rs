//! What is told of public lobbies to those who look for one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Metadata, Phase, is_false};

/// Lobbies told in one [`Listing`], and known to one who watches.
pub const MAX_LISTED: usize = 100;

/// Answer to a [`super::Filter`]: the public lobbies that it lets through.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Listing {
    /// In the order asked for, at most as many as asked for.
    pub lobbies: Vec<Arc<Listed>>,
}

/// What has changed of a [`Listing`] since it was told, or changed, last: so that at any time a
/// watcher knows what `list` would tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListingChange {
    /// Lobbies that were not in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Arc<Listed>>,
    /// Lobbies that were, and are not as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Arc<Listed>>,
    /// Ids of those that are not in it any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// One public lobby in a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// What [`super::Join::id`] takes.
    pub id: String,
    /// The game's registered name.
    pub game: String,
    /// The host's name.
    pub host: String,
    /// Seats taken by people.
    pub players: u8,
    /// Seats taken by bots, who make way.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bots: u8,
    /// Seats in all.
    pub capacity: u8,
    /// Where the lobby stands.
    pub phase: Phase,
    /// True if [`super::Join::password`] is asked for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub password: bool,
    /// True if nobody new comes in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// When it was made, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub made_ms: u64,
    /// What its host says of it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

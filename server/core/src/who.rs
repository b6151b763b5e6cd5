//! Who comes to `/lobby`: a player whom an account names, or somebody of an address.
//! Which account it is was decided by the driver, which alone sees tokens.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::key::Origin;

/// The room of `/lobby` in which all sockets of this player are, on all shards. Who has no account
/// is in none, and nobody joins rooms of `/lobby` by themselves.
pub fn player_room(player: &str) -> String {
    format!("player:{player}")
}

/// Who a socket of `/lobby` is. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Who {
    /// The id of its account; `None` for a guest who has no token to be known again by.
    pub player: Option<Arc<str>>,
    /// Whose limits count for its client: its address, or the network of one.
    pub address: Origin,
}

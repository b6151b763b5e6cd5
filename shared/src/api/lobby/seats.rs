//! What becomes of a seat but by its own player's will: who is sent away, and why a place is free.

use serde::{Deserialize, Serialize};

/// Send somebody away; only the host may. Exactly one of `seat` and `spectator` says whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kick {
    /// The player, or the bot, in this seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The spectator of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spectator: Option<String>,
    /// Absent: they may come again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ban: Option<Ban>,
}

/// How somebody is kept from coming again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ban {
    /// Their account; of guests who have none, their address.
    Player,
    /// Everybody of their address.
    Address,
}

/// The host sent you away: you are in no lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kicked {
    /// [`LeaveReason::Kicked`] or [`LeaveReason::Banned`].
    pub reason: LeaveReason,
}

/// Why a seat became free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// The player left.
    Left,
    /// The connection was lost for longer than the seat is kept.
    Expired,
    /// The host sent the player away.
    Kicked,
    /// And for good.
    Banned,
    /// It was a bot's, and somebody has come.
    MadeWay,
    /// Something that only a later version of Parlor knows: for clients.
    #[serde(other)]
    Unknown,
}

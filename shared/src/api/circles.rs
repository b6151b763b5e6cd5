//! Circles in a lobby: its configuration, actions and view.
//! How they move is decided by `parlor-games`.

use serde::{Deserialize, Serialize};

/// The registered name of the game.
pub const GAME: &str = "circles";

/// Codes of circles in a [`super::Refusal`].
pub mod code {
    /// A direction is a finite number from -1 to 1.
    pub const STEER: &str = "E_STEER";
}

/// Configuration of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Circles that belong to nobody: they drift and bounce. At most 256.
    pub drifting: u16,
    /// Width of the arena: 64 to 4096.
    pub width: u16,
    /// Height of the arena: 64 to 4096.
    pub height: u16,
    /// After so many ticks the match ends; absent: when all players have left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self { drifting: 0, width: 1000, height: 1000, ticks: None }
    }
}

/// What a player does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Head this way, at full speed for a length of 1, until told otherwise.
    Steer {
        /// To the right: -1 to 1.
        x: f64,
        /// Down: -1 to 1.
        y: f64,
    },
}

/// What everybody sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Ticks since the match began.
    pub tick: u64,
    /// The players' circles, and then those that drift.
    pub circles: Vec<Circle>,
}

/// One circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circle {
    /// Whose; absent if nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// Of its centre, in hundredths, from the left.
    pub x: i32,
    /// Of its centre, in hundredths, from the top.
    pub y: i32,
    /// Its radius, in hundredths.
    pub r: i32,
}

//! What a player does in a match, numbered: once, and perhaps with a tick of the player's choice.

use serde::{Deserialize, Serialize};

/// The third argument of `input`, in a game with ticks: with which tick the action is applied.
/// Absent: with the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForTick {
    /// Counts like [`super::State::tick`]: at least the tick that comes next (else `E_LATE`), and
    /// at most 8 after it (else `E_EARLY`).
    pub tick: u64,
}

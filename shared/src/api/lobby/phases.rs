//! A lobby's way from gathering to a match and on: its phases, when the next one begins, and how a
//! lobby ends.

use serde::{Deserialize, Serialize};

/// Where a lobby stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Gathering players.
    #[default]
    Open,
    /// A match begins in a moment: the countdown is on. Nobody takes a seat meanwhile.
    Starting,
    /// A match is on.
    Playing,
    /// The match has ended; a rematch leads back to playing, and if it is not wanted for a while,
    /// the lobby is open again.
    Finished,
}

/// When a match begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartRule {
    /// When the host says so and all others are ready.
    #[default]
    Host,
    /// When enough seats are taken and all are ready.
    Ready,
    /// When all seats are taken: who takes one is ready. After a match, those who played it have
    /// to say again that they are.
    Full,
}

/// The lobby is no more: you are in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Why.
    pub reason: ClosedReason,
}

/// Why a lobby is no more, though somebody is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedReason {
    /// It was open for long, and nobody said or did anything.
    Idle,
    /// Its last member is gone; told to its audience.
    Deserted,
    /// Its seats were for players whom the matchmaker had put together, and not all of them came in
    /// time, or one left again before the match.
    NoShow,
}

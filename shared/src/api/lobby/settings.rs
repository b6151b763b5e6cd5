//! How a lobby is entered and run: what its creator chooses and its host changes, and the colours
//! of its seats.

use serde::{Deserialize, Serialize};

use super::{Lobby, Metadata, StartRule, Visibility};

/// Change how a lobby is run; only its host may. What is absent stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may find it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// What others must say to come in, 1 to 64 code points; empty: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Seats in all: at least as many as are taken and as the game needs, at most as many as it
    /// has. Not while a match is on or starting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u8>,
    /// How many may watch, 0 to 64. Those who do already may stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_spectators: Option<u8>,
    /// When a match begins. Not while one is on or starting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<StartRule>,
    /// True: as a match begins, bots take the seats that are free. Only if the game has bots, and
    /// not while a match is on or starting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<bool>,
    /// True: nobody new comes in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// What others may find it by, in place of what was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// How a lobby is run, as everybody in it may know: part of [`Lobby`], and told whole when it
/// changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Who may find it.
    pub visibility: Visibility,
    /// True if others must say a password to come in.
    pub password: bool,
    /// Seats in all.
    pub capacity: u8,
    /// How many may watch.
    pub max_spectators: u8,
    /// True if nobody new comes in.
    pub locked: bool,
    /// True if bots take the seats that are free when a match begins.
    #[serde(default)]
    pub fill: bool,
    /// What others find it by.
    #[serde(default)]
    pub metadata: Metadata,
    /// When a match begins.
    pub start: StartRule,
}

impl Lobby {
    /// Follows a change of the terms.
    pub fn set_terms(&mut self, terms: &Terms) {
        let Terms { visibility, password, capacity, max_spectators, locked, .. } = *terms;
        (self.visibility, self.password, self.capacity) = (visibility, password, capacity);
        (self.max_spectators, self.locked, self.start) = (max_spectators, locked, terms.start);
        (self.fill, self.metadata) = (terms.fill, terms.metadata.clone());
    }
}

/// Hand the lobby over to another seat; only its host may.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The next host: its player must be connected.
    pub seat: u8,
}

/// Choose a colour for one's own seat.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paint {
    /// Which: one that no other seat has.
    pub colour: Colour,
}

/// The colour of a seat: no two of a lobby have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Colour {
    Red,
    Blue,
    Green,
    Yellow,
    Purple,
    Orange,
    Cyan,
    Pink,
    Lime,
    Brown,
    Teal,
    Navy,
    Olive,
    Grey,
    White,
    Black,
}

impl Colour {
    /// All of them, in the order in which they are given to those who choose none. Where there are
    /// more seats, the last ones have none.
    pub const ALL: [Self; 16] = [
        Self::Red,
        Self::Blue,
        Self::Green,
        Self::Yellow,
        Self::Purple,
        Self::Orange,
        Self::Cyan,
        Self::Pink,
        Self::Lime,
        Self::Brown,
        Self::Teal,
        Self::Navy,
        Self::Olive,
        Self::Grey,
        Self::White,
        Self::Black,
    ];
}

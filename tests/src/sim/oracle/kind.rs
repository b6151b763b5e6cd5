//! The games that are played, as far as what must come of them differs.

use std::time::Duration;

use parlor_core::lobby::game::Game;
use parlor_games::{Chess, Circles, Relay};

use crate::sim::secrets::Secrets;

/// A game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum GameKind {
    Chess,
    Circles,
    Relay,
    Secrets,
    Ticking,
}

impl GameKind {
    pub(in crate::sim) fn of(game: &str) -> Self {
        match game {
            "chess" => Self::Chess,
            "circles" => Self::Circles,
            "relay" => Self::Relay,
            "secrets" => Self::Secrets,
            "ticking" => Self::Ticking,
            other => panic!("{other} is not played here"),
        }
    }

    /// Each accepted action is told to all by one event.
    pub(super) fn tells_turns(self) -> bool {
        self == Self::Chess
    }

    /// Some of what is told is for some alone.
    pub(super) fn has_private_events(self) -> bool {
        matches!(self, Self::Relay | Self::Secrets | Self::Ticking)
    }

    /// How long a place is kept at most, during a match; never shorter than without one.
    pub(in crate::sim) fn keep(self) -> Duration {
        match self {
            Self::Chess => Chess::KEEP,
            Self::Relay => Relay::KEEP,
            Self::Circles => Circles::KEEP,
            Self::Secrets | Self::Ticking => Secrets::<0>::KEEP,
        }
    }
}

//! How all lobbies of a server are run, whatever their game.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the configuration says of lobbies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// From the moment that nothing is in a match's way to its beginning; zero: it begins at once.
    pub countdown: Duration,
    /// How long a match's end is shown, for a rematch, before the lobby is open again.
    pub finished: Duration,
    /// How long a lobby is open without anything said or done; then it ends.
    pub open_timeout: Duration,
    /// How long a match may take; then it ends without a winner.
    pub max_match: Duration,
    /// How long a bot thinks in a game of turns.
    pub bot_delay: Duration,
    /// Who is host while the host's connection is lost.
    pub host_migration: HostMigration,
    /// What becomes of a place that is connected when its token is shown by another connection.
    pub second_tab: SecondTab,
}

/// Who is host while the host's connection is lost. Written in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostMigration {
    /// The player who has been there longest and is connected.
    Connected,
    /// The same still, until the seat is left.
    Stay,
}

/// Which of two connections has a place. Written in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondTab {
    /// The second; the first is disconnected.
    TakeOver,
    /// The first; the second is refused.
    Refuse,
}

impl Policy {
    /// The default, but matches begin at once.
    pub fn without_countdown() -> Self {
        Self { countdown: Duration::ZERO, ..Self::default() }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            countdown: Duration::from_secs(3),
            finished: Duration::from_secs(60),
            open_timeout: Duration::from_secs(3600),
            max_match: Duration::from_secs(24 * 3600),
            bot_delay: Duration::from_millis(700),
            host_migration: HostMigration::Connected,
            second_tab: SecondTab::TakeOver,
        }
    }
}

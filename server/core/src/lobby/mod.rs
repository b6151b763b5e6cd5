//! Lobbies: people gathered before, during and after a match.
//! Sockets and sessions are not known here but as addresses; `world` puts them together.

pub mod game;

mod blocks;
mod effect;
mod filter;
mod listing;
mod lobbies;
mod machine;
mod message;
mod online;
mod pace;
mod play;
mod policy;
mod presence;
mod question;
mod quick;
mod request;
mod retry;
mod showing;
mod talk;
mod visitors;
mod watch;
mod watchers;

use crate::{name, who};

pub use blocks::{BlockMessage, BlockSet, BlockWish, MAX_BLOCKS_OF_HOME};
pub use effect::LobbyEffect;
pub use filter::Card;
pub use listing::MAX_EXAMINED;
pub use lobbies::{Lobbies, LobbyInput, LobbySettings};
pub use machine::{
    MAX_BANS, MAX_CHAT_CODE_POINTS, MAX_INPUT_BYTES_PER_TICK, MAX_INPUTS_PER_TICK,
    MAX_PASSWORD_CODE_POINTS, MAX_SEQ_AHEAD, MAX_SEQ_BEHIND, MAX_SPECTATORS, MAX_TICKS_AHEAD,
};
pub use message::{Answer, Ask, LobbyMessage};
pub use online::{PresenceMessage, Viewer};
pub use play::{Games, MAX_HZ};
pub use policy::{HostMigration, Policy, SecondTab};
pub use presence::MAX_FOLLOWED_PER_ADDRESS;
pub use quick::{MAX_SEEKERS, Prospect, QuickMessage, Wish};
pub use request::{MAX_SEQ, Request};
pub use visitors::MAX_HELD;
pub use watch::{LISTING_INTERVAL, WatchMessage};
pub use watchers::{MAX_FILTERS_PER_ADDRESS, MAX_WATCHED_FILTERS};

/// Letters of a lobby's code. 5 of 19 letters make 2.4 million codes, and guessing is limited.
pub const CODE_LETTERS: usize = 5;

/// What one joins a lobby by.
type Code = crate::code::Code<CODE_LETTERS>;

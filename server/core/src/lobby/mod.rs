//! Lobbies: people gathered before, during and after a match.
//! Sockets and sessions are not known here but as addresses; `world` puts them together.

pub mod game;

mod code;
mod lobbies;
mod machine;
mod message;
mod play;
mod request;
mod visitors;

pub use code::{CODE_ALPHABET, CODE_LETTERS};
pub use lobbies::{Lobbies, LobbyEffect, LobbyInput, LobbySettings, MAX_EXAMINED};
pub use machine::{MAX_CHAT_CODE_POINTS, MAX_NAME_CODE_POINTS, MAX_SPECTATORS};
pub use message::{Answer, Ask, LobbyMessage};
pub use play::Games;
pub use request::Request;
pub use visitors::{MAX_HELD, MAX_LISTED};

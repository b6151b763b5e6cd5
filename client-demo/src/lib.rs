//! A native client of Parlor for players, bots and load tools: a small Socket.IO client, the typed
//! calls of `/lobby`, and a chess player that moves at random.
//! It sees what both ends say (`parlor-shared`) and nothing of the server.

pub mod client;
pub mod lobby;
pub mod player;
mod random;

pub use random::Random;

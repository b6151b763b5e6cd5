//! The games that come with Parlor, written against `parlor_core`'s `Game` as anybody's are.
//! What a lobby does with a game is not known here; see `parlor_core::lobby`.

pub mod chess;
pub mod circles;
pub mod relay;

pub use chess::Chess;
pub use circles::Circles;
pub use relay::Relay;

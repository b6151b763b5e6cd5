//! Parlor's decisions: sessions, sockets, lobbies and matches as plain machines.
//! Whatever happens comes in as a value, time beside it; whatever is wanted goes out as a value.
//! There is no runtime, clock, chance, lock, file or socket here: `parlor-server` has them.
//!
//! A machine has two verbs: `handle(now, input, effects)` and `deadline()`. A timeout is an
//! ordinary input, and one with nothing due is harmless.

pub mod assignment;
pub mod close;
pub mod cluster;
pub mod code;
pub mod delivery;
pub mod effect;
pub mod engine_io;
mod events;
pub mod fault;
mod few;
mod gather;
pub mod hash;
pub mod ids;
pub mod input;
pub mod key;
pub mod lobby;
pub mod matchmaker;
pub mod name;
mod questions;
pub mod rate;
pub mod seating;
pub mod signaling;
pub mod socket_io;
pub mod time;
pub mod views;
pub mod who;
mod world;

pub use world::{World, WorldSettings, volatile_by_key, volatile_by_name};

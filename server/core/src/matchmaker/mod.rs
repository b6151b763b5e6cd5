//! The matchmaker: who plays with whom. Held by one shard of a server; the others pass requests
//! on to it. Lobbies are not known here.

pub mod penalty;
pub mod pool;
pub mod queue;
pub mod rating;

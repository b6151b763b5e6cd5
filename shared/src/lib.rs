//! Parlor's words: what client and server say to each other, as pure codecs and types.
//! No I/O, no clock, no thread and no decision lives here; those are `parlor-core` (decisions)
//! and `parlor-server` (drivers).

pub mod api;
pub mod engine_io;
pub mod id;
pub mod socket_io;
pub mod websocket;

//! How Engine.IO packets travel: only here are HTTP polling and WebSocket connections known.
//! What a packet means is decided by the session.

pub(crate) mod opening;
pub(crate) mod polling;
pub(crate) mod stream;
pub(crate) mod websocket;

//! How Engine.IO packets travel: only here are HTTP polling and WebSocket connections known.
//! What a packet means is decided by the session.

pub(crate) mod opening;
pub(crate) mod polling;
pub(crate) mod stream;
pub(crate) mod websocket;

use parlor_core::engine_io::Transport;

use crate::config::Offered;

/// Which of them are offered; the others are as unknown as any word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transports {
    polling: bool,
    websocket: bool,
}

impl Transports {
    /// # Errors
    /// If it is none.
    pub(crate) fn new(offered: &[Offered]) -> Result<Self, String> {
        if offered.is_empty() {
            return Err("engine.transports must not be empty".to_owned());
        }
        let has = |one| offered.contains(&one);
        Ok(Self { polling: has(Offered::Polling), websocket: has(Offered::Websocket) })
    }

    pub(crate) fn has(self, transport: Transport) -> bool {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
        }
    }

    /// Where a session of this transport may go from there.
    pub(crate) fn upgrades(self, from: Transport) -> &'static [Transport] {
        match from {
            Transport::Polling if self.websocket => &[Transport::WebSocket],
            Transport::Polling | Transport::WebSocket => &[],
        }
    }
}

impl Default for Transports {
    /// All there are.
    fn default() -> Self {
        Self { polling: true, websocket: true }
    }
}

//! How the peers of all lobbies are linked, and how much goes through the server.

use std::time::Duration;

use parlor_shared::api::signal::{Budget, IceServer, Links};

use crate::rate::Rate;

/// What the configuration says of peers.
#[derive(Debug, Clone)]
pub struct SignalSettings {
    /// How lobbies are linked whose creators do not say; if it is private, all are.
    pub links: Links,
    /// What clients are told of STUN and TURN.
    pub ice_servers: Vec<IceServer>,
    /// Bytes that may be relayed each second; twice as many at once.
    pub budget: Budget,
    /// Peers of one lobby; one more is refused.
    pub max_peers: usize,
    /// How long a peer whose connection is lost is still one.
    pub away_timeout: Duration,
}

impl Default for SignalSettings {
    fn default() -> Self {
        Self {
            links: Links::default(),
            ice_servers: Vec::new(),
            budget: Budget { link: 256 << 10, player: 512 << 10, lobby: 2_000_000 },
            max_peers: 16,
            away_timeout: Duration::from_secs(30),
        }
    }
}

/// Bytes a second as a rate: twice as many at once.
pub(super) fn rate(bytes: u32) -> Rate {
    let most = bytes.saturating_mul(2);
    Rate::per_second(bytes.max(1), most).expect("one byte a second at least")
}

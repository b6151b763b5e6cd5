//! What the matchmaker must know from the start.

use std::{sync::Arc, time::Duration};

use super::{parties::PartySettings, queue::Queue};

/// Tickets of one server, unless it is said otherwise.
pub const MAX_TICKETS: usize = 200_000;
/// Tickets of one address, unless it is said otherwise: as many as it may have sessions.
const TICKETS_PER_ADDRESS: usize = 512;

/// How it is run.
#[derive(Debug, Clone)]
pub struct MatchmakerSettings {
    /// What can be waited for, in the order in which clients are told.
    pub queues: Vec<Arc<Queue>>,
    /// Tickets that may wait, be proposed or assigned at once; one more is refused with `E_LIMIT`.
    pub max_tickets: usize,
    /// Of those that come from one address; 0: any number. One more is refused with `E_LIMIT`.
    pub tickets_per_address: usize,
    /// Of one player; with one more, the oldest ends.
    pub tickets_per_player: usize,
    /// How long the ticket of somebody is kept whose connection is lost.
    pub away_timeout: Duration,
    /// How long a seat in a lobby is kept for whom it is assigned to.
    pub hold: Duration,
    /// How parties are run.
    pub parties: PartySettings,
    /// How long a match may take at most.
    pub max_match: Duration,
    /// How often those who wait are told how it goes on; zero: only when they ask.
    pub progress: Duration,
    /// Whether each ticket that ends is told, as a [`TicketRecord`](super::TicketRecord).
    pub are_recorded: bool,
    /// From the Unix epoch to the shard's start, in milliseconds.
    pub epoch_ms: u64,
    /// Whatever is decided by lot, and keys the hashers.
    pub seed: u64,
}

impl Default for MatchmakerSettings {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            max_tickets: MAX_TICKETS,
            tickets_per_address: TICKETS_PER_ADDRESS,
            tickets_per_player: 1,
            away_timeout: Duration::from_secs(30),
            hold: Duration::from_secs(15),
            parties: PartySettings::default(),
            max_match: Duration::from_secs(24 * 3600),
            progress: Duration::from_secs(5),
            are_recorded: false,
            epoch_ms: 0,
            seed: 0,
        }
    }
}

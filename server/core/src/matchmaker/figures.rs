//! What the desk counts of each queue. A driver reads it now and then.

use std::collections::BTreeMap;

use parlor_shared::api::matchmaking::Reason;

/// How it stands with one queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Tickets that wait now.
    pub n_waiting: usize,
    /// Players of these.
    pub n_players: usize,
    /// How long tickets waited lately, in milliseconds: half of them no longer, and of twenty
    /// nineteen; `None` while too few have.
    pub waits_ms: Option<(u32, u32)>,
    /// The same of the rating gaps of matches.
    pub gaps: Option<(u32, u32)>,
    /// Matches that have begun, since the shard did.
    pub n_matches: u64,
    /// Tickets that have ended, by why.
    pub ended: BTreeMap<Reason, u64>,
    /// Tickets handed in.
    pub n_tickets: u64,
}

//! What became of a run, as a number over everything that was delivered and when; and, if asked
//! for, each step in words.

use std::{fmt, io::Write as _};

use parlor_core::time::Time;

/// What became of a run: two of one seed are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// Over every packet that reached a client or a shard, with its time.
    pub hash: u64,
    /// Things that happened.
    pub n_steps: u64,
    /// Packets that reached clients.
    pub n_packets: u64,
    /// Welcomes to the namespace that clients may come back to.
    pub n_welcomes: u64,
    /// Those of clients that have what they had.
    pub n_recovered: u64,
    /// Sessions opened.
    pub n_sessions: u64,
    /// Broadcasts of handlers.
    pub n_broadcasts: u64,
    /// Requests of players that were accepted.
    pub n_accepted: u64,
    /// Requests of players that were refused.
    pub n_refused: u64,
    /// Matches that ended.
    pub n_matches: u64,
    /// Seats that were kept for those who had waited for a match.
    pub n_seats: u64,
    /// Pushes that players had missed and were sent when they came back.
    pub n_missed: u64,
    is_told: bool,
}

impl Trace {
    pub(super) fn new(seed: u64, is_told: bool) -> Self {
        Self {
            hash: seed,
            n_steps: 0,
            n_packets: 0,
            n_welcomes: 0,
            n_recovered: 0,
            n_sessions: 0,
            n_broadcasts: 0,
            n_accepted: 0,
            n_refused: 0,
            n_matches: 0,
            n_seats: 0,
            n_missed: 0,
            is_told,
        }
    }

    /// Counts something in that was delivered.
    pub(super) fn count(&mut self, now: Time, whom: usize, bytes: &[u8]) {
        let head = [now.since_start().as_nanos() as u64, whom as u64, bytes.len() as u64];
        let head = head.iter().flat_map(|word| word.to_le_bytes());
        self.hash = head
            .chain(bytes.iter().copied())
            .fold(self.hash, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    }

    /// Says what happens, if somebody listens.
    pub(super) fn tell(&self, now: Time, what: impl FnOnce() -> String) {
        if self.is_told {
            let seconds = now.since_start().as_secs_f64();
            let line: String = what().chars().take(300).collect();
            // Who does not listen any more misses nothing.
            let _ = writeln!(std::io::stdout(), "{:>7} {seconds:>11.6} {line}", self.n_steps);
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hash, n_steps, n_packets, n_sessions, n_broadcasts, .. } = self;
        let Self { n_accepted, n_refused, n_matches, n_missed, n_welcomes, n_recovered, .. } = self;
        let n_seats = self.n_seats;
        write!(
            f,
            "trace {hash:016x}, {n_steps} steps, {n_packets} packets to {n_sessions} sessions, \
             {n_broadcasts} broadcasts, {n_accepted} requests accepted, {n_refused} refused, \
             {n_seats} seats kept, {n_matches} matches, {n_missed} pushes missed, \
             {n_recovered} of {n_welcomes} recovered"
        )
    }
}

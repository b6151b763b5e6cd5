//! What signaling counts. A driver reads it now and then and tells the difference.

use parlor_shared::api::{
    code,
    signal::{Path, SwitchReason, code as signal_code},
};

/// Since the shard began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalFigures {
    /// Links opened.
    pub opened: u64,
    /// Links that have ended without having been direct.
    pub relayed_only: u64,
    /// Changes of path that ends reported: to the relay and to the direct path, by reason.
    pub switches: [[u64; 5]; 2],
    /// Signals passed on.
    pub signals: u64,
    /// Requests refused, by the place of their code in [`REJECTED_CODES`].
    pub rejected: [u64; REJECTED_CODES.len()],
    /// Frames relayed, reliable and volatile.
    pub frames: [u64; 2],
    /// Their bytes.
    pub bytes: [u64; 2],
    /// Frames dropped, by the place of the reason in [`DROP_REASONS`].
    pub dropped: [u64; DROP_REASONS.len()],
}

/// Codes by which requests are refused; the last stands for all others.
pub const REJECTED_CODES: [&str; 15] = [
    code::BAD_REQUEST,
    code::NOT_FOUND,
    code::NOT_IN_LOBBY,
    code::IN_LOBBY,
    code::FORBIDDEN,
    code::RATE,
    code::FULL,
    code::UNAVAILABLE,
    code::UNKNOWN_EVENT,
    signal_code::STATE,
    signal_code::STALE,
    signal_code::TOO_LARGE,
    signal_code::FINGERPRINT,
    signal_code::TERM,
    "other",
];

/// Why frames are dropped: there is no such link, its other end is away, or too much is relayed.
pub const DROP_REASONS: [&str; 3] = ["no_link", "away", "budget"];

impl SignalFigures {
    pub(super) fn reject(&mut self, code: &str) {
        let last = REJECTED_CODES.len() - 1;
        let at = REJECTED_CODES.iter().position(|known| *known == code).unwrap_or(last);
        self.rejected[at] += 1;
    }

    pub(super) fn switched(&mut self, path: Path, reason: SwitchReason) {
        self.switches[path as usize][reason as usize] += 1;
    }
}

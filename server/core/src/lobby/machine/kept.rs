//! What a lobby has said of late, kept for members whose connection is lost: one list for all, with
//! whom each was for. What is said, and under which versions, is `told`'s part.
//!
//! ```text
//!  nothing ──a match, a chat, a loss──► kept ──two sweeps, nobody away, nothing said──► nothing
//! ```
//!
//! Each viewer counts what it is told, and nothing else: so the last n of its versions are the last
//! n entries here that were for it, and need no numbers.

use std::collections::VecDeque;

use bytes::Bytes;
use parlor_shared::socket_io::Frame;

use super::{Member, Place};
use crate::lobby::game::{Seat, To};

/// So many of the last pushes of each viewer are kept: what a minute of talk or of a turn game
/// comes to. Who has missed more gets the lobby as it stands, and that alone.
pub(in crate::lobby) const MAX_MISSED: usize = 64;
/// So many are kept for all viewers of a lobby together: what is for one seat counts for few.
pub(in crate::lobby) const MAX_KEPT: usize = 256;
/// Bytes of what is kept of one lobby.
pub(in crate::lobby) const MAX_KEPT_BYTES: usize = 64 * 1024;
/// The list, oldest first.
#[derive(Debug, Default)]
pub(super) struct Kept {
    entries: VecDeque<Entry>,
    /// Of those that are for everybody.
    n_for_all: usize,
    n_bytes: usize,
    /// The first so many were there already at the last sweep.
    n_old: usize,
    /// Its lobby's shard knows that there is something to sweep.
    pub(super) is_known: bool,
}

/// One push, as far as it is the same for all who got it.
#[derive(Debug)]
struct Entry {
    to: To,
    name: &'static str,
    /// The payload behind its version: a part of the frame that was sent.
    rest: Bytes,
}

impl Kept {
    /// Keeps a push that was written with some version. Those that no viewer needs any more go.
    pub(super) fn note(&mut self, to: To, name: &'static str, frame: &Frame) {
        let entry = Entry { to, name, rest: rest_of(frame) };
        self.n_for_all += usize::from(to == To::All);
        self.n_bytes += entry.rest.len();
        self.entries.push_back(entry);
        while self.is_too_much() {
            self.pop();
        }
    }

    fn is_too_much(&self) -> bool {
        let Some(oldest) = self.entries.front() else { return false };
        let n_after = || match oldest.to {
            To::All => self.n_for_all,
            // One who got it got so many more at least.
            to => self.entries.iter().filter(|entry| entry.to == to || entry.to == To::All).count(),
        };
        self.entries.len() > MAX_KEPT
            || self.n_bytes > MAX_KEPT_BYTES
            || self.entries.len() > MAX_MISSED && n_after() > MAX_MISSED
    }

    fn pop(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.n_for_all -= usize::from(oldest.to == To::All);
        self.n_bytes -= oldest.rest.len();
        self.n_old = self.n_old.saturating_sub(1);
    }

    /// The last `n` pushes that were for this place, in order; `None` if some are not here.
    pub(super) fn last(&self, n: usize, place: Place) -> Option<Vec<(&'static str, &str)>> {
        let own = self.entries.iter().rev().filter(|entry| is_for(entry.to, place));
        let mut last: Vec<_> = own.take(n.min(MAX_MISSED + 1)).map(Entry::parts).collect();
        last.reverse();
        (last.len() == n && n <= MAX_MISSED).then_some(last)
    }

    /// Forgets what was there at the last sweep already; false if nothing is left.
    pub(super) fn sweep(&mut self) -> bool {
        for _ in 0..self.n_old {
            self.pop();
        }
        self.n_old = self.entries.len();
        !self.entries.is_empty()
    }
}

impl Entry {
    fn parts(&self) -> (&'static str, &str) {
        let rest = std::str::from_utf8(&self.rest).expect("JSON that was written as text");
        (self.name, rest)
    }
}

/// What stands behind the version in the payload of an event, which is its only argument.
fn rest_of(frame: &Frame) -> Bytes {
    const VERSION: &[u8] = b"{\"version\":";
    let wire = frame.wire();
    let version = wire.windows(VERSION.len()).position(|window| window == VERSION);
    let digits = version.expect("versioned pushes begin with it") + VERSION.len();
    let comma =
        wire[digits..].iter().position(|byte| *byte == b',').expect("more stands behind it");
    wire.slice(digits + comma + 1..wire.len() - 1)
}

/// True if something for these reaches who has this place.
pub(super) fn is_for(to: To, place: Place) -> bool {
    match (to, place) {
        (To::All, _) | (To::Watchers | To::AllBut(_), Place::Spectator) => true,
        (To::Seat(to), Place::Seat(seat)) => to.0 == seat,
        (To::Seats(to), Place::Seat(seat)) => to.has(Seat(seat)),
        (To::OtherSeats(not) | To::AllBut(not), Place::Seat(seat)) => not.0 != seat,
        _ => false,
    }
}

/// True if somebody's connection is known to be lost, and the place is kept.
pub(super) fn is_somebody_away(members: &[Member]) -> bool {
    members.iter().any(|member| member.socket.is_none() && member.kept_until.is_some())
}

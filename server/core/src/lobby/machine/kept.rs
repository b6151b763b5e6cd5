//! What a lobby has said of late, kept for members whose connection is lost: one list for all, with
//! whom each was for. What is said, and under which versions, is `told`'s part.
//!
//! ```text
//!  nothing ──a match, a chat, a loss──► kept ──two sweeps, nobody away, nothing said──► nothing
//! ```
//!
//! Each viewer counts what it is told, and nothing else: so the last n of its versions are the last
//! n entries here that were for it, and need no numbers.

use std::{collections::VecDeque, sync::Arc};

use parlor_shared::{api::lobby::push, socket_io::Frame};

use super::{Member, Place};
use crate::{
    fault::{self, Fault},
    few::Few,
    lobby::{
        blocks::BlockSet,
        game::{Seat, To},
    },
};

/// So many of the last pushes of each viewer are kept: what a minute of talk or of a turn game
/// comes to. Who has missed more gets the lobby as it stands, and that alone.
pub(in crate::lobby) const MAX_MISSED: usize = 64;
/// So many are kept for all viewers of a lobby together: what is for one seat counts for few.
pub(in crate::lobby) const MAX_KEPT: usize = 256;
/// Bytes of what is kept of one lobby.
pub(in crate::lobby) const MAX_KEPT_BYTES: usize = 64 * 1024;
/// What pushes with versions are called.
const NAMES: [&str; 2] = [push::CHANGED, push::EVENT];
/// Beside the place of a name: these are words, and whose is the next of the authors.
const HAS_AUTHOR: u8 = 0x80;
/// Room is made for so much text at a time, and so many entries, or a quarter of what there is: a
/// lobby keeps some, most of the time, and doubling would waste up to half.
const GROWTH: (usize, usize) = (256, 4);

/// The list, oldest first: small, because each match has one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    entries: VecDeque<Entry>,
    /// What stood behind the versions of all entries, one after the other.
    text: String,
    /// So much at its beginning is of entries that are gone.
    n_gone: usize,
    /// Of those that are for everybody.
    n_for_all: usize,
    /// The players who said those that are words; of who has no account nothing is known.
    authors: Few<Arc<str>>,
    /// The first so many were there already at the last sweep.
    n_old: usize,
    /// Its lobby's shard knows that there is something to sweep.
    pub(super) is_known: bool,
}

/// One push, as far as it is the same for all who got it.
#[derive(Debug)]
struct Entry {
    to: To,
    /// The bytes of its text.
    n_bytes: u32,
    /// Its place in [`NAMES`], and perhaps [`HAS_AUTHOR`].
    name: u8,
}

impl Kept {
    /// Keeps a push that was written with some version. Those that no viewer needs any more go.
    pub(super) fn note(
        &mut self,
        (to, author): (To, Option<&Arc<str>>),
        name: &'static str,
        frame: &Frame,
    ) {
        let rest = rest_of(frame);
        let n_bytes = u32::try_from(rest.len()).expect("events of games are smaller");
        let name = NAMES.iter().position(|own| *own == name).expect("one of the names");
        if self.text.len() + rest.len() > self.text.capacity() {
            self.text.reserve_exact(rest.len().max(GROWTH.0).max(self.text.len() / 4));
        }
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(GROWTH.1.max(self.entries.len() / 4));
        }
        self.n_for_all += usize::from(to == To::All);
        self.text.push_str(rest);
        let has_author = author.map_or(0, |_| HAS_AUTHOR);
        self.entries.push_back(Entry { to, n_bytes, name: name as u8 | has_author });
        if let Some(author) = author {
            self.authors.push(Arc::clone(author));
        }
        while self.is_too_much() {
            self.pop();
        }
    }

    fn n_bytes(&self) -> usize {
        self.text.len() - self.n_gone
    }

    fn is_too_much(&self) -> bool {
        let Some(oldest) = self.entries.front() else { return false };
        let n_after = || match oldest.to {
            To::All => self.n_for_all,
            // One who got it got so many more at least.
            to => self.entries.iter().filter(|entry| entry.to == to || entry.to == To::All).count(),
        };
        self.entries.len() > MAX_KEPT
            || self.n_bytes() > MAX_KEPT_BYTES
            || self.entries.len() > MAX_MISSED && n_after() > MAX_MISSED
    }

    fn pop(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.n_for_all -= usize::from(oldest.to == To::All);
        if oldest.name & HAS_AUTHOR != 0 {
            self.authors.remove(0);
        }
        self.n_gone += oldest.n_bytes as usize;
        self.n_old = self.n_old.saturating_sub(1);
        if self.n_gone > self.text.len() / 2 {
            self.text.drain(..std::mem::take(&mut self.n_gone));
        }
    }

    /// The last `n` pushes that were for this place, whose player had blocked these all the time,
    /// in order; `None` if some are not here.
    pub(super) fn last(
        &self,
        n: usize,
        place: Place,
        blocked: &BlockSet,
    ) -> Option<Vec<(&'static str, &str)>> {
        let mut end = self.text.len();
        let mut authors = self.authors.iter().rev();
        let parts = self.entries.iter().rev().map(|Entry { to, n_bytes, name }| {
            let begin = end - *n_bytes as usize;
            let text = &self.text[begin..std::mem::replace(&mut end, begin)];
            let author = (name & HAS_AUTHOR != 0).then(|| authors.next()).flatten();
            let is_heard = !author.is_some_and(|author| blocked.has(author));
            (is_heard && is_for(*to, place), NAMES[usize::from(name & !HAS_AUTHOR)], text)
        });
        let own = parts.filter(|(is_own, ..)| *is_own).map(|(_, name, text)| (name, text));
        let mut last: Vec<_> = own.take(n.min(MAX_MISSED + 1)).collect();
        last.reverse();
        (last.len() == n && n <= MAX_MISSED).then_some(last)
    }

    /// Forgets what was there at the last sweep already; false if nothing is left.
    pub(super) fn sweep(&mut self) -> bool {
        for _ in 0..self.n_old {
            self.pop();
        }
        self.n_old = self.entries.len();
        self.text.drain(..std::mem::take(&mut self.n_gone));
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
        if self.authors.is_empty() {
            self.authors = Few::default();
        }
        !self.entries.is_empty()
    }
}

/// What stands behind the version in the payload of an event, which is its only argument.
fn rest_of(frame: &Frame) -> &str {
    const VERSION: &[u8] = b"{\"version\":";
    let wire = frame.wire();
    let version = wire.windows(VERSION.len()).position(|window| window == VERSION);
    let digits = version.expect("versioned pushes begin with it") + VERSION.len();
    let comma =
        wire[digits..].iter().position(|byte| *byte == b',').expect("more stands behind it");
    let rest = &wire[digits + comma + 1..wire.len() - 1];
    std::str::from_utf8(rest).expect("JSON that was written as text")
}

/// True if something for these reaches who has this place.
pub(super) fn is_for(to: To, place: Place) -> bool {
    match (to, place) {
        (To::All, _) => true,
        (To::Watchers | To::AllBut(_), Place::Spectator | Place::Audience) => true,
        (To::Seat(_), Place::Seat(_)) if fault::is_planted(Fault::WhisperToAll) => true,
        (To::Seat(to), Place::Seat(seat)) => to.0 == seat,
        (To::Seats(to), Place::Seat(seat)) => to.has(Seat(seat)),
        (To::OtherSeats(not) | To::AllBut(not), Place::Seat(seat)) => not.0 != seat,
        _ => false,
    }
}

/// True if somebody's connection is known to be lost, and the place is kept.
pub(super) fn is_somebody_away(members: &[Member]) -> bool {
    members.iter().any(|member| member.socket.is_none() && member.kept_until().is_some())
}

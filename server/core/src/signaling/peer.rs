//! One peer of a lobby: where its socket is, what others may know of it, and what it is told later
//! while it is away.

use parlor_shared::{
    api::signal::{self as api},
    id::PeerToken,
    socket_io::Frame,
};

use crate::{
    key::Address,
    rate::Allowance,
    time::{Time, earliest},
};

/// Signals kept for a peer that is away; one more is refused.
pub(super) const MAX_HELD: usize = 64;
/// Their bytes.
pub(super) const MAX_HELD_BYTES: usize = 64 * 1024;

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) number: u32,
    pub(super) seat: u8,
    pub(super) token: PeerToken,
    /// `None` while its connection is lost.
    pub(super) socket: Option<Address>,
    away: Option<Away>,
    pub(super) rtc: bool,
    pub(super) is_private: bool,
    pub(super) key: Option<String>,
    /// The certificates that it has shown first: it shows no others.
    pub(super) pin: Option<Vec<Box<str>>>,
    /// Bytes that may be relayed from it, and to it.
    pub(super) sends: Allowance,
    pub(super) gets: Allowance,
}

/// A peer whose connection is lost.
#[derive(Debug)]
struct Away {
    /// It is given up then.
    until: Time,
    /// So long signals are kept for it.
    holds_until: Option<Time>,
    /// Each with its link.
    held: Vec<(u32, Frame)>,
    n_bytes: usize,
}

impl Peer {
    pub(super) fn new(
        (number, seat, token): (u32, u8, PeerToken),
        socket: Address,
        join: &api::Join,
    ) -> Self {
        Self {
            number,
            seat,
            token,
            socket: Some(socket),
            away: None,
            rtc: join.rtc,
            is_private: join.private,
            key: join.key.clone(),
            pin: None,
            sends: Allowance::untouched(),
            gets: Allowance::untouched(),
        }
    }

    /// What others know of it.
    pub(super) fn shown(&self) -> api::Peer {
        let Self { number, seat, rtc, .. } = *self;
        let here = self.socket.is_some();
        api::Peer { peer: number, seat, here, rtc, key: self.key.clone() }
    }

    /// Its connection is lost.
    pub(super) fn lose(&mut self, until: Time, holds_until: Time) {
        self.socket = None;
        let holds_until = Some(holds_until);
        self.away = Some(Away { until, holds_until, held: Vec::new(), n_bytes: 0 });
    }

    /// It is back by this socket. What was kept for it, and the socket that it had.
    pub(super) fn find(&mut self, socket: Address) -> (Vec<(u32, Frame)>, Option<Address>) {
        let held = self.away.take().map(|away| away.held).unwrap_or_default();
        (held, self.socket.replace(socket))
    }

    /// True if one who comes back says of itself what it has said before.
    pub(super) fn is_as_before(&self, join: &api::Join) -> bool {
        (self.rtc, self.is_private, &self.key) == (join.rtc, join.private, &join.key)
    }

    /// Keeps these of a link for when it comes back; false if they are too much, or it is away for
    /// too long.
    pub(super) fn hold(&mut self, link: u32, frames: &[Frame]) -> bool {
        let Some(away) = self.away.as_mut().filter(|away| away.holds_until.is_some()) else {
            return false;
        };
        let n_bytes: usize = frames.iter().map(|frame| frame.wire().len()).sum();
        if away.held.len() + frames.len() > MAX_HELD || away.n_bytes + n_bytes > MAX_HELD_BYTES {
            return false;
        }
        away.held.extend(frames.iter().map(|frame| (link, frame.clone())));
        away.n_bytes += n_bytes;
        true
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let away = self.away.as_ref()?;
        earliest([Some(away.until), away.holds_until])
    }

    /// True if it is to be given up. What was kept for too long is forgotten.
    pub(super) fn timeout(&mut self, now: Time) -> bool {
        let Some(away) = &mut self.away else { return false };
        if away.holds_until.is_some_and(|until| until <= now) {
            (away.holds_until, away.held, away.n_bytes) = (None, Vec::new(), 0);
        }
        away.until <= now
    }
}

//! The peers of one lobby: who comes, is lost, comes back and goes, and what each is told of that.
//! Below: who is `host`, the `links` between them, and the `frames` that they have relayed.
//! Which socket is whose is `machine`'s knowledge; what two peers negotiate, `link`'s.

mod frames;
mod host;
mod links;

use std::time::Duration;

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::Done,
        signal::{
            self as api, Closed, Gone, GoneReason, MAX_REASON_BYTES, Topology, code as signal_code,
            push,
        },
    },
    id::{LobbyId, PeerToken},
    socket_io::Frame,
};
use serde_json::value::RawValue;

use super::{
    effect::{Effects, SignalEffect, event},
    figures::SignalFigures,
    link::{Link, Pair, Side, Turn},
    peer::Peer,
    settings::SignalSettings,
};
use crate::{
    delivery::Delivery,
    fault::{self, Fault},
    key::Address,
    rate::Allowance,
    seating::Admission,
    time::Time,
};
use links::shown_link;

/// How long signals are kept for a peer that is away.
const HOLD_TIMEOUT: Duration = Duration::from_secs(10);

/// The peers of a lobby.
#[derive(Debug)]
pub(super) struct Hub {
    id: LobbyId,
    links_as: api::Links,
    /// Whose players may be peers.
    seats: Vec<(u8, PeerToken)>,
    /// By number.
    peers: Vec<Peer>,
    /// By number.
    links: Vec<Link>,
    n_peers_made: u32,
    n_links_made: u32,
    /// The lobby's host, whether a peer or not.
    host_seat: Option<u8>,
    host: Option<u32>,
    term: u32,
    /// What a host has kept last, and in which term.
    checkpoint: Option<(u32, Box<RawValue>)>,
    budget: Allowance,
}

/// What a hub does beside its own state.
pub(super) struct Out<'a> {
    pub(super) settings: &'a SignalSettings,
    pub(super) figures: &'a mut SignalFigures,
    pub(super) effects: &'a mut Effects,
    /// Sockets that are no peer's any more, and why.
    pub(super) released: &'a mut Vec<(Address, GoneReason)>,
}

impl Out<'_> {
    pub(super) fn push(&mut self, to: Address, frame: &Frame) {
        self.effects.push(SignalEffect::Push(to, frame.clone(), Delivery::Reliable));
    }
}

/// A peer that has come, and what its socket is told.
pub(super) struct Came {
    pub(super) joined: api::Joined,
    pub(super) peer: u32,
    /// Signals that were kept for it.
    pub(super) held: Vec<Frame>,
}

impl Hub {
    /// Nobody is there yet.
    pub(super) fn new(admission: &Admission, settings: &SignalSettings) -> Self {
        let mut links_as = admission.links.unwrap_or(settings.links);
        links_as.private |= settings.links.private;
        Self {
            id: admission.id,
            links_as,
            seats: Vec::new(),
            peers: Vec::new(),
            links: Vec::new(),
            n_peers_made: 0,
            n_links_made: 0,
            host_seat: admission.host,
            host: None,
            term: 0,
            checkpoint: None,
            budget: Allowance::untouched(),
        }
    }

    /// The player in a seat may become a peer by this token.
    pub(super) fn admit(&mut self, seat: u8, token: PeerToken) {
        self.seats.push((seat, token));
    }

    /// The player with this token has no seat any more.
    pub(super) fn expel(&mut self, token: PeerToken, out: &mut Out<'_>, now: Time) {
        self.seats.retain(|(_, held)| *held != token);
        if let Some(number) = self.peer_by_token(token).map(|peer| peer.number) {
            self.remove(now, number, GoneReason::Unseated, out);
        }
    }

    /// True if nobody may come any more.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    pub(super) fn n_peers(&self) -> usize {
        self.peers.len()
    }

    /// Links there are, and how many of them are direct.
    pub(super) fn n_links(&self) -> (usize, usize) {
        (self.links.len(), self.links.iter().filter(|link| link.is_direct()).count())
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let peers = self.peers.iter().filter_map(Peer::deadline);
        peers.chain(self.links.iter().filter_map(Link::deadline)).min()
    }

    pub(super) fn timeout(&mut self, now: Time, out: &mut Out<'_>) {
        self.links.iter_mut().for_each(|link| link.timeout(now));
        let late = |peer: &mut Peer| peer.timeout(now).then_some(peer.number);
        let late: Vec<u32> = self.peers.iter_mut().filter_map(late).collect();
        for number in late {
            self.remove(now, number, GoneReason::Timeout, out);
        }
    }

    /// The player with this token comes by this socket, or back by it.
    ///
    /// # Errors
    /// `E_FULL`, `E_BAD_REQUEST`.
    pub(super) fn join(
        &mut self,
        now: Time,
        socket: Address,
        (seat, join): (u8, &api::Join),
        out: &mut Out<'_>,
    ) -> Result<Came, Refusal> {
        if join.key.as_ref().is_some_and(|key| key.len() > api::MAX_KEY_BYTES) {
            let sentence = format!("a key has at most {} bytes", api::MAX_KEY_BYTES);
            return Err(Refusal::new(code::BAD_REQUEST, sentence));
        }
        let before = self.peer_by_token(join.token).map(|peer| peer.number);
        let is_back = |number: &u32| self.peer(*number).is_some_and(|peer| peer.is_as_before(join));
        if let Some(number) = before.filter(|n| join.resume == Some(*n)).filter(is_back) {
            return Ok(self.resume(number, socket, out));
        }
        if self.peers.len() >= out.settings.max_peers && before.is_none() {
            let sentence = "as many peers of this lobby are there as may be";
            return Err(Refusal::new(code::FULL, sentence));
        }
        if let Some(number) = before {
            // By the same socket it has nothing to be told but the answer.
            self.peers
                .iter_mut()
                .filter(|p| p.socket == Some(socket))
                .for_each(|p| p.socket = None);
            self.remove(now, number, GoneReason::Replaced, out);
        }
        self.n_peers_made += 1;
        let number = self.n_peers_made;
        let peer = Peer::new((number, seat, join.token), socket, join);
        self.tell_others(number, &event(push::PEER, &peer.shown()), out);
        self.peers.push(peer);
        self.link_newcomer(now, number, out);
        self.settle_host(now, Some(number), out);
        let joined = self.joined(number, false, out.settings);
        Ok(Came { joined, peer: number, held: Vec::new() })
    }

    fn resume(&mut self, number: u32, socket: Address, out: &mut Out<'_>) -> Came {
        let peer = self.peer_mut(number).expect("just found");
        let (mut held, before) = peer.find(socket);
        let shown = peer.shown();
        if before != Some(socket) {
            // Also of one whose loss nobody has noticed: what was sent to it since may be lost.
            self.tell_others(number, &event(push::PEER, &shown), out);
        }
        let replaced = before.filter(|before| *before != socket);
        out.released.extend(replaced.map(|before| (before, GoneReason::Replaced)));
        held.retain(|(link, _)| self.link_of(number, *link).is_some());
        if fault::is_planted(Fault::HeldSignalsLost) {
            held.clear();
        }
        let held = held.into_iter().map(|(_, frame)| frame).collect();
        Came { joined: self.joined(number, true, out.settings), peer: number, held }
    }

    fn joined(&self, number: u32, resumed: bool, settings: &SignalSettings) -> api::Joined {
        let me = self.peer(number).expect("just came");
        let of_mine = |link: &Link| Some(shown_link(link, link.side_of(number)?));
        api::Joined {
            peer: number,
            seat: me.seat,
            lobby: self.id,
            resumed,
            topology: self.links_as.topology,
            private: self.links_as.private,
            host: self.shown_host(self.host == Some(number)),
            peers: self.peers.iter().filter(|p| p.number != number).map(Peer::shown).collect(),
            links: self.links.iter().filter_map(of_mine).collect(),
            ice_servers: settings.ice_servers.clone(),
            budget: settings.budget,
        }
    }

    /// The connection of a peer is lost: it may come back.
    pub(super) fn lose(&mut self, now: Time, number: u32, out: &mut Out<'_>) {
        let is_forever = fault::is_planted(Fault::AwayForever);
        let until = now + out.settings.away_timeout * if is_forever { 1000 } else { 1 };
        let holds_until = until.min(now + HOLD_TIMEOUT);
        let Some(peer) = self.peer_mut(number) else { return };
        peer.lose(until, holds_until);
        let shown = peer.shown();
        self.tell_others(number, &event(push::PEER, &shown), out);
    }

    /// A peer is no more, and its links with it.
    pub(super) fn remove(&mut self, now: Time, number: u32, reason: GoneReason, out: &mut Out<'_>) {
        let Ok(at) = self.peers.binary_search_by_key(&number, |peer| peer.number) else { return };
        let peer = self.peers.remove(at);
        if let Some(socket) = peer.socket {
            out.released.push((socket, reason));
        }
        if !fault::is_planted(Fault::GoneLinkKept) {
            self.drop_links(|link| link.side_of(number).is_some(), out.figures);
        }
        self.tell_others(number, &event(push::GONE, &Gone { peer: number, reason }), out);
        self.settle_host(now, None, out);
    }

    fn peer(&self, number: u32) -> Option<&Peer> {
        let at = self.peers.binary_search_by_key(&number, |peer| peer.number).ok()?;
        Some(&self.peers[at])
    }

    fn peer_mut(&mut self, number: u32) -> Option<&mut Peer> {
        let at = self.peers.binary_search_by_key(&number, |peer| peer.number).ok()?;
        Some(&mut self.peers[at])
    }

    fn peer_by_token(&self, token: PeerToken) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.token == token)
    }

    /// The seat of a peer.
    pub(super) fn seat_of(&self, number: u32) -> Option<u8> {
        self.peer(number).map(|peer| peer.seat)
    }

    fn tell(&self, number: u32, frame: &Frame, out: &mut Out<'_>) {
        if let Some(socket) = self.peer(number).and_then(|peer| peer.socket) {
            out.push(socket, frame);
        }
    }

    fn tell_others(&self, number: u32, frame: &Frame, out: &mut Out<'_>) {
        let others = self.peers.iter().filter(|peer| peer.number != number);
        others.filter_map(|peer| peer.socket).for_each(|socket| out.push(socket, frame));
    }
}

/// The same for all that one may not know: there is no such thing, or it is not yours.
pub(super) fn not_found() -> Refusal {
    Refusal::new(code::NOT_FOUND, "there is no such link, peer or token")
}

fn unavailable() -> Refusal {
    Refusal::new(code::UNAVAILABLE, "the other end is away; it is told when it is back")
}

//! The peers of one lobby and the links between them: who is there, who is host, and what passes
//! from one to another.
//! Which socket is whose is `machine`'s knowledge; what two peers negotiate, `link`'s.

mod frames;
mod host;

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

    fn drop_links(&mut self, is_meant: impl Fn(&Link) -> bool, figures: &mut SignalFigures) {
        self.links.retain(|link| {
            let goes = is_meant(link);
            figures.relayed_only += u64::from(goes && link.via.is_none());
            !goes
        });
    }

    /// Links a newcomer with those that it is to be linked with. It hears of that in its answer.
    fn link_newcomer(&mut self, now: Time, number: u32, out: &mut Out<'_>) {
        if self.links_as.topology == Topology::Star {
            // With the host, who is settled next, or is the newcomer.
            if let Some(host) = self.host {
                self.link(now, [host, number], Some(number), out);
            }
            return;
        }
        let others: Vec<u32> = self.peers.iter().map(|peer| peer.number).collect();
        for other in others.into_iter().filter(|other| *other != number) {
            self.link(now, [other, number], Some(number), out);
        }
    }

    /// Links two peers and tells them, but not this one.
    fn link(&mut self, now: Time, peers: [u32; 2], except: Option<u32>, out: &mut Out<'_>) {
        let [a, b] = peers.map(|number| self.peer(number));
        let (Some(a), Some(b)) = (a, b) else { return };
        let is_private = self.links_as.private || a.is_private || b.is_private;
        let pair = Pair { peers, rtc: a.rtc && b.rtc, is_private };
        self.n_links_made += 1;
        let link = Link::new(now, self.n_links_made, pair);
        for side in [Side::A, Side::B] {
            let peer = self.peer(link.end(side).peer);
            let socket = peer.filter(|peer| Some(peer.number) != except).and_then(|p| p.socket);
            let told = event(push::LINK, &shown_link(&link, side));
            socket.into_iter().for_each(|socket| out.push(socket, &told));
        }
        self.links.push(link);
        out.figures.opened += 1;
    }

    /// Links with a peer again that was linked before.
    pub(super) fn open(
        &mut self,
        now: Time,
        number: u32,
        open: api::Open,
        out: &mut Out<'_>,
    ) -> Result<Done, Refusal> {
        let other = self.peer(open.peer).filter(|peer| peer.number != number);
        let other = other.ok_or_else(not_found)?.number;
        let is_one = |link: &&Link| link.side_of(number).is_some() && link.side_of(other).is_some();
        if self.links.iter().any(|link| is_one(&link)) {
            return Ok(Done {});
        }
        let is_of_star = [Some(number), Some(other)].contains(&self.host);
        if self.links_as.topology == Topology::Star && !is_of_star {
            let sentence = "in a star, only the host is linked";
            return Err(Refusal::new(code::FORBIDDEN, sentence));
        }
        let peers = if self.host == Some(number) { [number, other] } else { [other, number] };
        self.link(now, peers, None, out);
        Ok(Done {})
    }

    /// Ends a link, as one of its ends wants it.
    pub(super) fn close(
        &mut self,
        number: u32,
        close: &api::Close,
        out: &mut Out<'_>,
    ) -> Result<Done, Refusal> {
        let reason = &close.reason;
        if reason.len() > MAX_REASON_BYTES || reason.chars().any(char::is_control) {
            let sentence = format!("a reason has at most {MAX_REASON_BYTES} bytes of plain text");
            return Err(Refusal::new(code::BAD_REQUEST, sentence));
        }
        let (at, side) = self.link_of(number, close.link).ok_or_else(not_found)?;
        let other = self.links[at].end(side.other()).peer;
        let closed = Closed { link: close.link, reason: reason.clone() };
        self.tell(other, &event(push::CLOSED, &closed), out);
        self.drop_links(|link| link.number == close.link, out.figures);
        Ok(Done {})
    }

    /// Passes on what one end of a link has to tell the other.
    pub(super) fn signal(
        &mut self,
        now: Time,
        number: u32,
        signal: api::Signal,
        out: &mut Out<'_>,
    ) -> Result<Done, Refusal> {
        let link = signal.link;
        let (at, side) = self.link_of(number, link).ok_or_else(not_found)?;
        let mut to = self.links[at].end(side.other()).peer;
        if fault::is_planted(Fault::SignalToStranger) {
            to = self.peers.iter().map(|peer| peer.number).max().unwrap_or(to);
        }
        // What the other end could neither hear nor be told later must not count.
        let is_deaf =
            self.peer_mut(to).is_some_and(|peer| peer.socket.is_none() && !peer.hold(0, &[]));
        if is_deaf {
            return Err(unavailable());
        }
        let mut pin = self.peer_mut(number).and_then(|peer| peer.pin.take());
        let is_away = self.peer(to).is_some_and(|peer| peer.socket.is_none());
        let before = is_away.then(|| (self.links[at].clone(), pin.clone()));
        let passed = self.links[at].signal(now, side, signal, &mut pin);
        self.peer_mut(number).into_iter().for_each(|peer| peer.pin = pin.take());
        let is_misled = fault::is_planted(Fault::SenderAsWritten);
        let from = if is_misled { to } else { number };
        let stamp = |signal| api::Signal { from, ..signal };
        let frames: Vec<Frame> =
            passed?.into_iter().map(|s| event(push::SIGNAL, &stamp(s))).collect();
        let Some(peer) = self.peer_mut(to) else { return Err(not_found()) };
        if let Some(socket) = peer.socket {
            frames.iter().for_each(|frame| out.push(socket, frame));
        } else if !peer.hold(link, &frames) {
            if let Some((link, pin)) = before {
                self.links[at] = link;
                self.peer_mut(number).into_iter().for_each(|peer| peer.pin.clone_from(&pin));
            }
            return Err(unavailable());
        }
        out.figures.signals += frames.len() as u64;
        Ok(Done {})
    }

    /// One peer says how its links are; all others are told.
    pub(super) fn report(
        &mut self,
        now: Time,
        number: u32,
        report: &api::Report,
        out: &mut Out<'_>,
    ) -> Result<Done, Refusal> {
        if report.links.is_empty() || report.links.len() > self.peers.len() {
            let sentence = "a report tells of one link or more, each once";
            return Err(Refusal::new(code::BAD_REQUEST, sentence));
        }
        let mut links = Vec::with_capacity(report.links.len());
        for told in &report.links {
            told.quality.check().map_err(|sentence| Refusal::new(code::BAD_REQUEST, sentence))?;
            let (at, side) = self.link_of(number, told.link).ok_or_else(not_found)?;
            let peer = self.links[at].end(side.other()).peer;
            if links.iter().any(|other: &api::PeerQuality| other.peer == peer) {
                let sentence = "a report tells of each link once";
                return Err(Refusal::new(code::BAD_REQUEST, sentence));
            }
            links.push(api::PeerQuality { peer, quality: told.quality.clone() });
        }
        for told in &report.links {
            let Some((at, side)) = self.link_of(number, told.link) else { continue };
            if let Some(reason) = told.switched {
                out.figures.switched(told.quality.path, reason);
            }
            if let Turn::First(via, after) = self.links[at].report(now, side, &told.quality) {
                out.effects.push(SignalEffect::Direct(via, after));
            }
        }
        self.tell_others(number, &event(push::QUALITY, &api::Quality { from: number, links }), out);
        Ok(Done {})
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

    /// Where a link is, and which end of it a peer is.
    fn link_of(&self, number: u32, link: u32) -> Option<(usize, Side)> {
        let at = self.links.binary_search_by_key(&link, |link| link.number).ok()?;
        Some((at, self.links[at].side_of(number)?))
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

fn shown_link(link: &Link, side: Side) -> api::Link {
    api::Link {
        link: link.number,
        peer: link.end(side.other()).peer,
        polite: link.polite == side || fault::is_planted(Fault::PoliteBoth),
        offer: link.offerer == side,
        rtc: link.rtc,
    }
}

/// The same for all that one may not know: there is no such thing, or it is not yours.
pub(super) fn not_found() -> Refusal {
    Refusal::new(code::NOT_FOUND, "there is no such link, peer or token")
}

fn unavailable() -> Refusal {
    Refusal::new(code::UNAVAILABLE, "the other end is away; it is told when it is back")
}

/// A checkpoint of this term may come from this peer.
fn expect_term(term: u32, told: u32) -> Result<(), Refusal> {
    if term == told {
        return Ok(());
    }
    Err(Refusal::new(signal_code::TERM, format!("the term is {term}")))
}

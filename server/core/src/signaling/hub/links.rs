//! The links of a lobby's peers: who is linked with whom, what two ends tell each other to be
//! linked directly, and how they say that their link is.
//! What of that passes is `signaling::link`'s decision; the frames are `frames`' matter.

use super::*;

impl Hub {
    /// Where a link is, and which end of it a peer is.
    pub(super) fn link_of(&self, number: u32, link: u32) -> Option<(usize, Side)> {
        let at = self.links.binary_search_by_key(&link, |link| link.number).ok()?;
        Some((at, self.links[at].side_of(number)?))
    }

    /// Links a newcomer with those that it is to be linked with. It hears of that in its answer.
    pub(super) fn link_newcomer(&mut self, now: Time, number: u32, out: &mut Out<'_>) {
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
    pub(super) fn link(
        &mut self,
        now: Time,
        peers: [u32; 2],
        except: Option<u32>,
        out: &mut Out<'_>,
    ) {
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
    pub(in crate::signaling) fn open(
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
    pub(in crate::signaling) fn close(
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

    pub(super) fn drop_links(
        &mut self,
        is_meant: impl Fn(&Link) -> bool,
        figures: &mut SignalFigures,
    ) {
        self.links.retain(|link| {
            let goes = is_meant(link);
            figures.relayed_only += u64::from(goes && link.via.is_none());
            !goes
        });
    }

    /// Passes on what one end of a link has to tell the other.
    pub(in crate::signaling) fn signal(
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
    pub(in crate::signaling) fn report(
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
}

pub(super) fn shown_link(link: &Link, side: Side) -> api::Link {
    api::Link {
        link: link.number,
        peer: link.end(side.other()).peer,
        polite: link.polite == side || fault::is_planted(Fault::PoliteBoth),
        offer: link.offerer == side,
        rtc: link.rtc,
    }
}

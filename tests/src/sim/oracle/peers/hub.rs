//! The peers of one lobby as they must be: who there is, who is linked with whom, what each request
//! leads to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use parlor_core::{
    key::LobbyKey,
    signaling::{SignalRequest as Request, SignalSettings},
    time::Time,
};
use parlor_shared::{
    api::{
        code,
        signal::{self as api, GoneReason, Topology, code as signal_code},
    },
    id::PeerToken,
};
use serde_json::{Value, json};

use super::{
    At, budget,
    budget::Bucket,
    link::Link,
    turn::{Said, Turn},
    view::View,
};

/// Signals are kept so long for who is away, and so many.
const HOLD: Duration = Duration::from_secs(10);
const MAX_HELD: usize = 64;
/// How often one is told that frames of a link are refused.
const REFUSAL_INTERVAL: Duration = Duration::from_millis(100);

/// The code of a refusal.
type Reply = Result<(), &'static str>;

#[derive(Debug)]
pub(super) struct Hub {
    pub(super) topology: Topology,
    is_private: bool,
    /// Whose players may be peers.
    pub(super) seats: BTreeMap<PeerToken, u8>,
    pub(super) host_seat: Option<u8>,
    pub(super) peers: BTreeMap<u32, Peer>,
    pub(super) links: BTreeMap<u32, Link>,
    /// Who does not want to be linked.
    closed: BTreeSet<(u32, u32)>,
    pub(super) host: Option<u32>,
    /// The term, or the least that it may be if nobody has been told yet.
    pub(super) term: (u32, bool),
    /// What a host kept last, and in which term.
    checkpoint: Option<(u32, String)>,
    n_peers: u32,
    n_links: u32,
    budget: Bucket,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) seat: u8,
    token: PeerToken,
    pub(super) who: Option<At>,
    away_since: Option<Time>,
    holds: bool,
    /// Of which link, and what.
    held: Vec<(u32, Value)>,
    pub(super) rtc: bool,
    is_private: bool,
    pin: Option<String>,
    sends: Bucket,
    gets: Bucket,
}

impl Peer {
    pub(super) fn shown(&self, number: u32) -> api::Peer {
        let here = self.who.is_some();
        api::Peer { peer: number, seat: self.seat, here, rtc: self.rtc, key: None }
    }
}

impl Hub {
    pub(super) fn new(links: api::Links) -> Self {
        Self {
            topology: links.topology,
            is_private: links.private,
            seats: BTreeMap::new(),
            host_seat: None,
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            closed: BTreeSet::new(),
            host: None,
            term: (0, true),
            checkpoint: None,
            n_peers: 0,
            n_links: 0,
            budget: Bucket::default(),
        }
    }

    // ---- who there is --------------------------------------------------------------------------

    /// Somebody comes with a token, and was answered this if it may.
    pub(super) fn join(
        &mut self,
        (who, join): (At, &api::Join),
        joined: Option<&api::Joined>,
        settings: &SignalSettings,
        turn: &mut Turn,
    ) -> Reply {
        let seat = *self.seats.get(&join.token).ok_or(code::NOT_FOUND)?;
        let before = self.number_of(join.token);
        let is_as_before = |number: &u32| {
            let Peer { rtc, is_private, .. } = self.peers[number];
            join.resume == Some(*number) && (rtc, is_private) == (join.rtc, join.private)
        };
        if let Some(number) = before.filter(is_as_before) {
            let peer = self.peers.get_mut(&number).expect("just found");
            if let Some(other) = peer.who.replace(who).filter(|other| *other != who) {
                turn.end(other, GoneReason::Replaced);
            }
            (peer.away_since, peer.holds) = (None, false);
            let mut held = std::mem::take(&mut peer.held);
            held.retain(|(link, _)| self.links.contains_key(link));
            held.into_iter().for_each(|(_, signal)| turn.tell(who, "signal", signal));
            turn.came = Some((number, true));
            return Ok(());
        }
        if self.peers.len() >= settings.max_peers && before.is_none() {
            return Err(code::FULL);
        }
        if let Some(number) = before {
            let peer = self.peers.get_mut(&number).expect("just found");
            peer.who = peer.who.filter(|other| *other != who);
            self.remove(number, GoneReason::Replaced, turn);
        }
        let Some(joined) = joined else { return Ok(()) };
        turn.holds(joined.peer > self.n_peers, || format!("{} comes again", joined.peer));
        self.n_peers = joined.peer;
        let peer = Peer {
            seat,
            token: join.token,
            who: Some(who),
            away_since: None,
            holds: false,
            held: Vec::new(),
            rtc: join.rtc,
            is_private: join.private,
            pin: None,
            sends: Bucket::default(),
            gets: Bucket::default(),
        };
        self.peers.insert(joined.peer, peer);
        self.settle();
        turn.came = Some((joined.peer, false));
        Ok(())
    }

    fn number_of(&self, token: PeerToken) -> Option<u32> {
        self.peers.iter().find(|(_, peer)| peer.token == token).map(|(number, _)| *number)
    }

    /// The connection of a peer is lost.
    pub(super) fn lose(&mut self, now: Time, number: u32) {
        if let Some(peer) = self.peers.get_mut(&number) {
            (peer.who, peer.away_since, peer.holds) = (None, Some(now), true);
        }
    }

    pub(super) fn remove(&mut self, number: u32, reason: GoneReason, turn: &mut Turn) {
        let Some(peer) = self.peers.remove(&number) else { return };
        peer.who.into_iter().for_each(|who| turn.end(who, reason));
        self.links.retain(|_, link| !link.has(number));
        self.closed.retain(|(a, b)| *a != number && *b != number);
        turn.gone.insert(number, reason);
        self.settle();
    }

    /// Those whose seat is gone are gone; the host may be another.
    pub(super) fn seat(&mut self, seats: BTreeMap<PeerToken, u8>, turn: &mut Turn) {
        let is_unseated = |(_, peer): &(&u32, &Peer)| !seats.contains_key(&peer.token);
        let unseated: Vec<u32> =
            self.peers.iter().filter(is_unseated).map(|(number, _)| *number).collect();
        self.seats = seats;
        for number in unseated {
            self.remove(number, GoneReason::Unseated, turn);
        }
        self.settle();
    }

    /// What was due has happened.
    pub(super) fn timeout(&mut self, now: Time, away_timeout: Duration, turn: &mut Turn) {
        let mut late = Vec::new();
        for (number, peer) in &mut self.peers {
            let Some(since) = peer.away_since else { continue };
            if since + HOLD.min(away_timeout) <= now {
                (peer.holds, peer.held) = (false, Vec::new());
            }
            if since + away_timeout <= now {
                late.push(*number);
            }
        }
        for number in late {
            self.remove(number, GoneReason::Timeout, turn);
        }
    }

    /// Who should have been given up by now.
    pub(super) fn overdue(&self, now: Time, after: Duration) -> Option<u32> {
        let is_late = |peer: &Peer| peer.away_since.is_some_and(|since| since + after < now);
        self.peers.iter().find(|(_, peer)| is_late(peer)).map(|(number, _)| *number)
    }

    /// The host is who has the seat of the lobby's.
    fn settle(&mut self) {
        let is_host = |(_, peer): &(&u32, &Peer)| Some(peer.seat) == self.host_seat;
        let host = self.peers.iter().find(is_host).map(|(number, _)| *number);
        if host == self.host {
            return;
        }
        (self.host, self.term) = (host, (self.term.0 + 1, false));
        if self.topology == Topology::Star {
            self.closed.clear();
            self.links.retain(|_, link| host.is_some_and(|host| link.has(host)));
        }
    }

    /// Who must be linked with whom.
    pub(super) fn pairs(&self) -> BTreeSet<(u32, u32)> {
        let all: Vec<u32> = self.peers.keys().copied().collect();
        let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b)));
        let is_star = self.topology == Topology::Star;
        let is_linked = |(a, b): &(u32, u32)| {
            a < b
                && (!is_star || [Some(*a), Some(*b)].contains(&self.host))
                && !self.closed.contains(&(*a, *b))
        };
        pairs.filter(is_linked).collect()
    }

    /// One end is told of a link: as the other was, if that was told before.
    pub(super) fn announce(&mut self, number: u32, told: &api::Link) -> Result<(), String> {
        let (Some(own), Some(other)) = (self.peers.get(&number), self.peers.get(&told.peer)) else {
            // Gone by now.
            return Ok(());
        };
        let rtc = own.rtc && other.rtc;
        if self.topology == Topology::Star {
            // Another one may have been host for a moment: the link that the two had is closed.
            let is_pair = |link: &Link| link.has(number) && link.has(told.peer);
            self.links.retain(|link, old| *link >= told.link || !is_pair(old));
        }
        let is_private = self.is_private || own.is_private || other.is_private;
        let pick = |is_own: bool| if is_own { number } else { told.peer };
        let (polite, offers) = (pick(told.polite), pick(told.offer));
        let ends = [number, told.peer];
        if !self.links.contains_key(&told.link) {
            if told.link <= self.n_links
                && self.links.values().any(|l| l.has(number) && l.has(told.peer))
            {
                return Err(format!("{number} is linked twice: {told:?}"));
            }
            self.n_links = self.n_links.max(told.link);
            let mut link = Link::new(ends, polite, offers);
            (link.rtc, link.is_private) = (rtc, is_private);
            self.links.insert(told.link, link);
        }
        let link = &self.links[&told.link];
        let is_same = link.has(number)
            && link.other(number) == told.peer
            && (link.polite, link.offers, link.rtc) == (polite, offers, told.rtc);
        if is_same { Ok(()) } else { Err(format!("{number} is told {told:?}, but it is {link:?}")) }
    }

    // ---- what peers say ------------------------------------------------------------------------

    /// A peer asks something; `has_passed`: a frame has come through, should that be open.
    pub(super) fn ask(
        &mut self,
        now: Time,
        number: u32,
        request: &Request,
        (settings, has_passed): (&SignalSettings, bool),
        turn: &mut Turn,
    ) -> Reply {
        match request {
            Request::Join(_) => unreachable!("handled by the caller"),
            Request::Leave => {
                self.remove(number, GoneReason::Left, turn);
                Ok(())
            }
            Request::Signal(signal) => self.signal(now, number, signal, turn),
            Request::Open(open) => self.open(number, open.peer),
            Request::Close(close) => {
                let link = self.link_of(number, close.link).ok_or(code::NOT_FOUND)?;
                let other = link.other(number);
                self.closed.insert((number.min(other), number.max(other)));
                self.links.remove(&close.link);
                turn.closed.insert(close.link, close.reason.clone());
                Ok(())
            }
            Request::Report(report) => self.report(number, report, turn),
            Request::Checkpoint(checkpoint) => {
                let is_of_term = checkpoint.term == self.term.0;
                match self.host == Some(number) {
                    _ if !is_of_term => Err(signal_code::TERM),
                    false => Err(code::FORBIDDEN),
                    true => {
                        let state = checkpoint.state.get().to_owned();
                        self.checkpoint = Some((checkpoint.term, state));
                        Ok(())
                    }
                }
            }
            Request::Reliable(link, bytes) => {
                let frame = (*link, bytes, false);
                self.relay(now, number, frame, (settings, has_passed), turn)
            }
            Request::Volatile(link, bytes, _) => {
                let frame = (*link, bytes, true);
                self.relay(now, number, frame, (settings, has_passed), turn)
            }
        }
    }

    fn link_of(&mut self, number: u32, link: u32) -> Option<&mut Link> {
        self.links.get_mut(&link).filter(|link| link.has(number))
    }

    fn signal(&mut self, now: Time, number: u32, signal: &api::Signal, turn: &mut Turn) -> Reply {
        let mut link = self.link_of(number, signal.link).ok_or(code::NOT_FOUND)?.clone();
        let other = link.other(number);
        let (is_away, holds) = (self.peers[&other].who.is_none(), self.peers[&other].holds);
        if is_away && !holds {
            return Err(code::UNAVAILABLE);
        }
        let mut pin = self.peers[&number].pin.clone();
        let passed = link.signal(now, number, signal, &mut pin)?;
        let stamp = |signal: api::Signal| json!(api::Signal { from: number, ..signal });
        let passed: Vec<Value> = passed.into_iter().map(stamp).collect();
        let peer = self.peers.get_mut(&other).expect("an end of a link");
        match peer.who {
            // Nothing of it counts then.
            None if peer.held.len() + passed.len() > MAX_HELD => return Err(code::UNAVAILABLE),
            None => peer.held.extend(passed.into_iter().map(|passed| (signal.link, passed))),
            Some(who) => passed.into_iter().for_each(|signal| turn.tell(who, "signal", signal)),
        }
        self.links.insert(signal.link, link);
        self.peers.get_mut(&number).expect("it asks").pin = pin;
        Ok(())
    }

    fn open(&mut self, number: u32, other: u32) -> Reply {
        if other == number || !self.peers.contains_key(&other) {
            return Err(code::NOT_FOUND);
        }
        let pair = (number.min(other), number.max(other));
        if self.pairs().contains(&pair) {
            return Ok(());
        }
        let is_of_star = [Some(number), Some(other)].contains(&self.host);
        if self.topology == Topology::Star && !is_of_star {
            return Err(code::FORBIDDEN);
        }
        self.closed.remove(&pair);
        Ok(())
    }

    fn report(&mut self, number: u32, report: &api::Report, turn: &mut Turn) -> Reply {
        if report.links.is_empty() || report.links.len() > self.peers.len() {
            return Err(code::BAD_REQUEST);
        }
        let mut links: Vec<api::PeerQuality> = Vec::new();
        for told in &report.links {
            let peer = self.link_of(number, told.link).ok_or(code::NOT_FOUND)?.other(number);
            if links.iter().any(|other| other.peer == peer) {
                return Err(code::BAD_REQUEST);
            }
            links.push(api::PeerQuality { peer, quality: told.quality.clone() });
        }
        let quality = json!(api::Quality { from: number, links });
        for (_, peer) in self.peers.iter().filter(|(other, _)| **other != number) {
            peer.who.into_iter().for_each(|who| turn.tell(who, "quality", quality.clone()));
        }
        Ok(())
    }

    fn relay(
        &mut self,
        now: Time,
        number: u32,
        (link, bytes, is_volatile): (u32, &Bytes, bool),
        (settings, has_passed): (&SignalSettings, bool),
        turn: &mut Turn,
    ) -> Reply {
        let other = self.link_of(number, link).ok_or(code::NOT_FOUND)?.other(number);
        let to = self.peers[&other].who.ok_or(code::UNAVAILABLE)?;
        let n = (bytes.len() + budget::OVERHEAD) as f64;
        let rates = settings.budget;
        let spare = [
            self.links.get_mut(&link).expect("seen").side(number).budget.left(now, rates.link),
            self.peers.get_mut(&number).expect("it asks").sends.left(now, rates.player),
            self.peers.get_mut(&other).expect("seen").gets.left(now, rates.player),
            self.budget.left(now, rates.lobby),
        ];
        let spare = spare.into_iter().fold(f64::MAX, f64::min) - n;
        let may_pass = spare > budget::TOLERANCE || has_passed && spare > -budget::TOLERANCE;
        let own = self.peers[&number].who;
        let side = self.links.get_mut(&link).expect("seen").side(number);
        if !may_pass {
            if side.refused_at.is_none_or(|told| told + REFUSAL_INTERVAL <= now) {
                side.refused_at = Some(now);
                let refused = json!([link, signal_code::RELAY_BUDGET]);
                own.into_iter().for_each(|own| turn.tell(own, "refused", refused.clone()));
            }
            return Err(signal_code::RELAY_BUDGET);
        }
        side.budget.take(n);
        self.peers.get_mut(&number).expect("it asks").sends.take(n);
        self.peers.get_mut(&other).expect("seen").gets.take(n);
        self.budget.take(n);
        let name = if is_volatile { "volatile" } else { "reliable" };
        turn.data.entry(to).or_default().push_back(Said::Frame(name, link, bytes.to_vec()));
        Ok(())
    }
}

// ---- what peers know ---------------------------------------------------------------------------

impl Hub {
    /// A peer that is here knows all the others, and its own links.
    pub(super) fn is_known_to(&self, number: u32, view: &View) -> Result<(), String> {
        let others = self.peers.iter().filter(|(other, _)| **other != number);
        let others: BTreeMap<u32, api::Peer> =
            others.map(|(other, peer)| (*other, peer.shown(*other))).collect();
        if view.number != number || view.peers != others {
            return Err(format!("{number} knows {:?}, and there are {others:?}", view.peers));
        }
        let links = self.links.iter().filter(|(_, link)| link.has(number)).map(|(link, _)| link);
        if !links.eq(view.links.keys()) {
            return Err(format!("{number} knows {:?} of {:?}", view.links, self.links));
        }
        Ok(())
    }

    /// Those are linked that must be: nobody else, and each pair once.
    pub(super) fn is_linked(&self) -> Result<(), String> {
        let pair = |link: &Link| (link.ends[0].min(link.ends[1]), link.ends[0].max(link.ends[1]));
        let linked: BTreeSet<(u32, u32)> = self.links.values().map(pair).collect();
        let is_here = |number: &u32| self.peers[number].who.is_some();
        // While both are away, nobody is told.
        let lacks =
            |(a, b): &&(u32, u32)| !linked.contains(&(*a, *b)) && (is_here(a) || is_here(b));
        let pairs = self.pairs();
        if linked.len() < self.links.len() || !linked.is_subset(&pairs) {
            return Err(format!("{linked:?} are linked, where {pairs:?} should be"));
        }
        match pairs.iter().find(lacks) {
            Some(pair) => Err(format!("{pair:?} are not linked: {:?}", self.topology)),
            None => Ok(()),
        }
    }

    /// All know the same host, since the same term.
    pub(super) fn is_led<'v>(
        &mut self,
        views: impl Iterator<Item = &'v View>,
        key: LobbyKey,
    ) -> Result<(), String> {
        let mut told = None;
        for View { number, host, term, .. } in views.filter(|view| view.lobby == key) {
            let (least, is_exact) = self.term;
            // Another one may have been host for a moment.
            let is_right = *term == least || *term >= least + if is_exact { 2 } else { 0 };
            if *host != self.host || !is_right || told.is_some_and(|told| told != *term) {
                let known = (self.host, self.term);
                return Err(format!("{number} knows {host:?} of {term}, and it is {known:?}"));
            }
            told = Some(*term);
        }
        if let Some(term) = told {
            self.term = (term, true);
        }
        Ok(())
    }

    /// A peer is told who is host: until that keeps something itself, it is handed what was kept.
    pub(super) fn hand(&self, number: u32, told: &api::Host) -> Result<(), String> {
        let handed = told.checkpoint.as_ref().map(|kept| kept.get());
        let is_due = |(term, _): &&(u32, String)| told.peer == Some(number) && *term < told.term;
        let expected = self.checkpoint.as_ref().filter(is_due).map(|(_, state)| state.as_str());
        if handed == expected {
            return Ok(());
        }
        Err(format!("{number} is handed {handed:?}, and not {expected:?}"))
    }
}

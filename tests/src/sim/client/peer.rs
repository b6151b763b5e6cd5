//! One client in namespace `/signal`: what it knows of the other peers, and how it comes to be one.
//! What it says there is `signals`' part; whether all is right, the oracle's.

mod signals;

use std::collections::{BTreeMap, BTreeSet};

use parlor_core::{close::CloseReason, time::Time};
use parlor_shared::{
    api::signal::{self as api, DescriptionKind},
    socket_io::{Args, Kind, Packet, Sender},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Line;
use crate::sim::{
    Sim,
    chance::Chance as _,
    oracle::{At, Way},
};

#[derive(Debug, Default)]
pub(super) struct Peer {
    is_in: bool,
    is_asking: bool,
    /// It has left, and comes back in another session.
    is_done: bool,
    n_ids: u64,
    /// Ids of `join` and `leave`, as they are not answered.
    moving: BTreeSet<u64>,
    /// By which it may become a peer, and as whom it may come back.
    pub(super) token: Option<String>,
    number: Option<u32>,
    place: Option<Place>,
    /// An event whose attachment is still to come, and when it came.
    half: Option<(Time, String)>,
}

/// What it knows while it is a peer.
#[derive(Debug, Default)]
struct Place {
    number: u32,
    host: api::Host,
    peers: BTreeSet<u32>,
    links: BTreeMap<u32, Own>,
}

/// One of its links.
#[derive(Debug, Default)]
struct Own {
    peer: u32,
    generation: u32,
    /// The other end has made an offer that is not answered.
    is_offered: bool,
    is_direct: bool,
}

impl Peer {
    /// There is something that it can do in `/signal`.
    pub(super) fn is_ready(&self) -> bool {
        self.token.is_some() || self.is_in
    }
}

impl Sim {
    /// Its player may become a peer by this.
    pub(super) fn peer_admitted(&mut self, n: usize, token: &str) {
        let peer = &mut self.clients[n].peer;
        if peer.token.as_deref() != Some(token) {
            (peer.token, peer.number) = (Some(token.to_owned()), None);
        }
    }

    pub(super) fn peer_enters(&mut self, n: usize) {
        self.clients[n].peer.is_asking = true;
        self.say(n, "40/signal,");
    }

    pub(super) fn peer_acts(&mut self, n: usize) {
        let peer = &self.clients[n].peer;
        if !peer.is_in {
            if !peer.is_asking && !peer.is_done && !self.clients[n].mood.is_idle {
                self.peer_enters(n);
            }
            return;
        }
        if self.random.one_in(150) {
            // What else it has said is against the rules by then.
            if let Some(at) = self.clients[n].at {
                self.oracle.allow(at, CloseReason::ForcedClose);
                self.oracle.peers.leaves(at);
            }
            self.peer_lost(n);
            self.clients[n].peer.is_done = true;
            return self.say(n, "41/signal,");
        }
        if self.clients[n].peer.place.is_some() {
            let n_times = if self.random.one_in(3) { self.random.between(2, 9) } else { 1 };
            for _ in 0..n_times {
                self.signals(n);
            }
        } else if self.clients[n].peer.moving.is_empty() {
            self.peer_comes(n);
        } else if self.random.one_in(10) {
            // It is none yet, or no more.
            self.ask_signal(n, "report", &json!({ "links": [] }));
        }
    }

    /// Comes, or comes back, mostly as itself; now and then by another's token.
    fn peer_comes(&mut self, n: usize) {
        let other = self.random.below(self.clients.len() as u32) as usize;
        let whose = if self.random.one_in(10) { other } else { n };
        let peer = &self.clients[whose].peer;
        let Some(token) = peer.token.clone() else { return };
        let token = if self.random.one_in(40) { "A".repeat(24) } else { token };
        let mut join = json!({ "token": token });
        if let Some(number) = peer.number.filter(|_| !self.random.one_in(5)) {
            join["resume"] = json!(number);
        }
        if self.random.one_in(8) {
            join["rtc"] = json!(false);
        }
        if self.random.one_in(8) {
            join["private"] = json!(true);
        }
        if whose != n {
            self.clients[n].peer.token = Some(token);
            self.clients[n].peer.number = join["resume"].as_u64().map(|number| number as u32);
        }
        let id = self.ask_signal(n, "join", &join);
        self.clients[n].peer.moving.insert(id);
    }

    fn ask_signal(&mut self, n: usize, event: &str, payload: &Value) -> u64 {
        let peer = &mut self.clients[n].peer;
        let id = peer.n_ids;
        peer.n_ids += 1;
        self.say(n, &format!("42/signal,{id}{}", json!([event, payload])));
        id
    }

    // ---- what it is told -----------------------------------------------------------------------

    pub(super) fn peer_packet(&mut self, n: usize, text: &str) {
        if text.starts_with("51-") {
            self.clients[n].peer.half = Some((self.now, text.to_owned()));
            return;
        }
        let packet = match Packet::decode(text, Sender::Server) {
            Ok(packet) if packet.kind == Kind::Connect => {
                let peer = &mut self.clients[n].peer;
                (peer.is_in, peer.is_asking) = (true, false);
                return;
            }
            Ok(packet) if packet.kind == Kind::Disconnect => {
                self.peer_lost(n);
                self.clients[n].peer.is_done = true;
                return;
            }
            Ok(packet) if matches!(packet.kind, Kind::Ack | Kind::Event) => packet,
            other => return self.peer_wonders(n, &format!("{other:?}")),
        };
        self.peer_received(n, self.now, text, None);
        let data = packet.data.unwrap_or("null");
        if packet.kind == Kind::Ack {
            let id = packet.id.unwrap_or_default();
            let answer = Args::of_ack(data, &[]).raw().next().unwrap_or("null").to_owned();
            return self.peer_answered(n, id, &answer);
        }
        let args = Args::of_event(data, &[]);
        let (name, data) = (args.name(), args.raw().next().unwrap_or("null"));
        if let Some(place) = &mut self.clients[n].peer.place {
            place.told(&name, data);
        }
        if name == "ended" {
            self.clients[n].peer.place = None;
        }
    }

    /// An attachment has arrived; false if it is nothing of this namespace's.
    pub(super) fn peer_bytes(&mut self, n: usize, bytes: &[u8]) -> bool {
        let Some((at, text)) = self.clients[n].peer.half.take() else { return false };
        self.peer_received(n, at, &text, Some(bytes));
        true
    }

    /// Something whole has arrived, which began to at this time.
    fn peer_received(&mut self, n: usize, since: Time, text: &str, attachment: Option<&[u8]>) {
        let Some(at) = self.clients[n].at else { return };
        let way = match self.clients[n].line {
            _ if self.closed_at(at).is_some() => Way::Last,
            Line::Polling(_) => Way::Polled,
            _ => Way::Streamed,
        };
        let what = (text.as_bytes(), attachment);
        let result = self.oracle.peers.received(since, at, what, way);
        if let Err((invariant, what)) = result {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }

    fn peer_wonders(&mut self, n: usize, what: &str) {
        let what = format!("client {n} in /signal: {what}");
        self.oracle.broken(crate::sim::Invariant::Peers, what);
    }

    fn peer_answered(&mut self, n: usize, id: u64, answer: &str) {
        let peer = &mut self.clients[n].peer;
        peer.moving.remove(&id);
        if answer.contains("\"ok\":false") {
            self.trace.n_refused += 1;
            if answer.contains("E_NOT_FOUND") && peer.place.is_none() {
                // Whoever had the seat has it no more.
                (peer.token, peer.number) = (None, None);
            }
            return;
        }
        self.trace.n_accepted += 1;
        let Some(joined) = read::<api::Joined>(answer) else { return };
        peer.number = Some(joined.peer);
        let own = |link: &api::Link| (link.link, Own { peer: link.peer, ..Own::default() });
        peer.place = Some(Place {
            number: joined.peer,
            host: joined.host,
            peers: joined.peers.iter().map(|peer| peer.peer).collect(),
            links: joined.links.iter().map(own).collect(),
        });
    }

    /// The session is gone, or has left the namespace.
    pub(super) fn peer_lost(&mut self, n: usize) {
        let peer = &mut self.clients[n].peer;
        (peer.is_in, peer.is_asking, peer.is_done) = (false, false, false);
        (peer.place, peer.half) = (None, None);
        peer.moving.clear();
    }

    /// It has received all that there is.
    pub(super) fn peer_drained(&mut self, n: usize, at: At) {
        if let Err((invariant, what)) = self.oracle.peers.drained(self.now, at) {
            self.oracle.broken(invariant, format!("client {n}: {what}"));
        }
    }
}

impl Place {
    fn told(&mut self, name: &str, data: &str) {
        match name {
            "peer" => self.peers.extend(read::<api::Peer>(data).map(|peer| peer.peer)),
            "gone" => {
                if let Some(gone) = read::<api::Gone>(data) {
                    self.peers.remove(&gone.peer);
                    self.links.retain(|_, link| link.peer != gone.peer);
                }
            }
            "link" => {
                if let Some(link) = read::<api::Link>(data) {
                    self.links.insert(link.link, Own { peer: link.peer, ..Own::default() });
                }
            }
            "closed" => {
                let closed = read::<api::Closed>(data).map(|closed| closed.link);
                closed.into_iter().for_each(|link| _ = self.links.remove(&link));
            }
            "host" => self.host = read(data).unwrap_or_default(),
            "signal" => {
                let Some(signal) = read::<api::Signal>(data) else { return };
                let Some(link) = self.links.get_mut(&signal.link) else { return };
                link.generation = link.generation.max(signal.generation);
                if let Some(description) = signal.description {
                    link.is_offered = description.kind == DescriptionKind::Offer;
                }
            }
            _ => {}
        }
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).ok()
}

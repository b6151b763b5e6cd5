//! What one peer says: descriptions and candidates, frames, how its links are; now and then what
//! may not be said.

use parlor_shared::api::signal::{
    Path,
    frame::{HEADER_BYTES, kind},
};
use serde_json::{Value, json};

use super::Own;
use crate::sim::{Sim, chance::Chance as _, oracle::ADDRESS};

impl Sim {
    /// Says one thing about one of its links, or to its end.
    pub(super) fn signals(&mut self, n: usize) {
        let Some(place) = &self.clients[n].peer.place else { return };
        let links: Vec<u32> = place.links.keys().copied().collect();
        // Some are another's, or nobody's.
        let link = if links.is_empty() || self.random.one_in(60) {
            self.random.below(12)
        } else {
            self.random.pick(&links)
        };
        match self.random.below(100) {
            0..45 => self.send_frame(n, link),
            45..60 => self.describe(n, link),
            60..78 => self.trickle(n, link),
            78..84 => self.report_links(n, link),
            84..88 => self.keep_checkpoint(n),
            88..91 => {
                let reason = self.random.pick(&["", "enough"]);
                self.ask_signal(n, "close", &json!({ "link": link, "reason": reason }));
            }
            91..96 => self.open_link(n),
            96 => _ = self.ask_signal(n, "nonsense", &Value::Null),
            97 if self.random.one_in(4) => {
                let id = self.ask_signal(n, "leave", &Value::Null);
                self.clients[n].peer.moving.insert(id);
            }
            // To be sure, or anew, in its place.
            98 if self.random.one_in(3) => self.peer_comes(n),
            _ => self.send_frame(n, link),
        }
    }

    /// A frame with a number in it, rarely one that wants an answer.
    fn send_frame(&mut self, n: usize, link: u32) {
        self.n_said += 1;
        let number = self.n_said;
        let is_volatile = self.random.one_in(3);
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[0] = if is_volatile { kind::VOLATILE } else { kind::RELIABLE };
        bytes[1] = self.random.below(2) as u8;
        bytes[11] = self.random.below(3) as u8;
        bytes.extend(format!("#frame {number}#").bytes());
        if self.random.one_in(5) {
            bytes.resize(400, b'.');
        }
        let name = if is_volatile { "volatile" } else { "reliable" };
        let id = if self.random.one_in(6) {
            let id = self.clients[n].peer.n_ids;
            self.clients[n].peer.n_ids += 1;
            id.to_string()
        } else {
            String::new()
        };
        let event = json!([name, link, { "_placeholder": true, "num": 0 }]);
        self.say(n, &format!("451-/signal,{id}{event}"));
        self.say_packet(n, true, &bytes);
    }

    fn own_link(&mut self, n: usize, link: u32) -> Option<&mut Own> {
        self.clients[n].peer.place.as_mut()?.links.get_mut(&link)
    }

    /// An offer or an answer, sometimes one that nobody waits for.
    fn describe(&mut self, n: usize, link: u32) {
        let luck = self.random.below(20);
        let own = self.own_link(n, link);
        let (known, is_offered) = own.map_or((0, false), |own| (own.generation, own.is_offered));
        let is_answer = if luck == 0 { !is_offered } else { is_offered && luck < 18 };
        let generation = match self.random.below(12) {
            0 => known.saturating_sub(1),
            1 => known + 2,
            2..5 if !is_answer => known + 1,
            _ => known,
        };
        let (kind, certificate) = (["offer", "answer"][usize::from(is_answer)], n);
        let certificate = if self.random.one_in(30) { certificate + 100 } else { certificate };
        let fingerprint = match self.random.below(40) {
            0 => String::new(),
            _ => format!("a=fingerprint:sha-256 AB:{certificate:03}\r\n"),
        };
        let fragment = self.fragment(n, generation);
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ADDRESS}\r\ns=-\r\nt=0 0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 {ADDRESS}\r\n\
             a=ice-ufrag:{fragment}\r\n{fingerprint}"
        );
        if let Some(own) = self.own_link(n, link) {
            own.generation = own.generation.max(generation.min(known + 1));
            own.is_offered &= !is_answer;
        }
        let description = json!({ "type": kind, "sdp": sdp });
        let signal = json!({ "link": link, "generation": generation, "description": description });
        self.ask_signal(n, "signal", &signal);
    }

    /// What candidates of one description name: clients that share a token have their own.
    fn fragment(&mut self, n: usize, generation: u32) -> String {
        let version = if self.random.one_in(25) { "other" } else { "own" };
        format!("{version}{n}g{generation}")
    }

    /// A candidate, or that there are no more.
    fn trickle(&mut self, n: usize, link: u32) {
        let known = self.own_link(n, link).map_or(0, |own| own.generation);
        let generation = match self.random.below(12) {
            0 => known.saturating_sub(1),
            1 | 2 => known + 1,
            3 => known + 2,
            _ => known,
        };
        let n_times = if self.random.one_in(40) { 30 } else { 1 };
        for _ in 0..n_times {
            self.n_said += 1;
            let port = 1 + self.n_said % 60_000;
            let line = if self.random.one_in(3) {
                format!("candidate:1 1 udp 1 192.0.2.1 {port} typ relay raddr {ADDRESS} rport 4")
            } else {
                format!("candidate:1 1 udp 1 {ADDRESS} {port} typ host")
            };
            let mut candidate = json!({ "candidate": line, "sdpMid": "0" });
            if !self.random.one_in(4) {
                candidate["usernameFragment"] = json!(self.fragment(n, generation));
            }
            if self.random.one_in(6) {
                candidate = Value::Null;
            }
            let signal = json!({ "link": link, "generation": generation, "candidate": candidate });
            self.ask_signal(n, "signal", &signal);
        }
    }

    /// Says how links are, one of which may have changed its path.
    fn report_links(&mut self, n: usize, link: u32) {
        let changes = self.random.one_in(2);
        if let Some(own) = self.own_link(n, link) {
            own.is_direct ^= changes;
        }
        let Some(place) = &self.clients[n].peer.place else { return };
        let of = |(link, own): (&u32, &Own)| {
            let path = if own.is_direct { Path::Direct } else { Path::Relay };
            json!({ "link": link, "path": path, "rtt_ms": 12.5, "switches": 1 })
        };
        let mut links: Vec<Value> = place.links.iter().map(of).collect();
        if self.random.one_in(2) {
            links.retain(|told| told["link"] == link);
        }
        if self.random.one_in(20) {
            links.extend(links.first().cloned());
        }
        if changes && let Some(first) = links.first_mut() {
            first["switched"] = json!("probed");
        }
        self.ask_signal(n, "report", &json!({ "links": links }));
    }

    /// The host keeps something; others try to, and some are late.
    fn keep_checkpoint(&mut self, n: usize) {
        let Some(place) = &self.clients[n].peer.place else { return };
        let is_host = place.host.peer == Some(place.number);
        let term = place.host.term;
        if !is_host && !self.random.one_in(4) {
            return;
        }
        self.n_said += 1;
        let term = if self.random.one_in(10) { term.saturating_sub(1) } else { term };
        let checkpoint = json!({ "term": term, "state": { "number": self.n_said } });
        self.ask_signal(n, "checkpoint", &checkpoint);
    }

    fn open_link(&mut self, n: usize) {
        let Some(place) = &self.clients[n].peer.place else { return };
        let peers: Vec<u32> = place.peers.iter().copied().collect();
        let peer = if peers.is_empty() { 99 } else { self.random.pick(&peers) };
        self.ask_signal(n, "open", &json!({ "peer": peer }));
    }
}

//! One client's machine: transports, polls and posts, an upgrade now and then, and what goes
//! wrong on the way. What it wants in `/`, `/lobby`, `/signal` and `/kept` is `guest`'s,
//! `player`'s, `peer`'s and `regular`'s.

mod guest;
mod mishap;
mod mood;
mod moves;
mod peer;
mod player;
mod regular;
mod seeker;

use std::collections::VecDeque;

use parlor_core::{engine_io::Transport, key::ConnectionKey, time::Time};
use parlor_shared::engine_io::{Packet, SEPARATOR, write_packet};

use super::{
    Invariant, Sim,
    agenda::{Happening, Up},
    chance::Chance as _,
    network::{Arrived, Connection, capacity},
    oracle::At,
};
use guest::Guest;
use mood::Mood;
use peer::Peer;
use player::Player;
use regular::Regular;
use seeker::Seeker;

#[derive(Debug)]
pub(super) struct Client {
    /// Counts its sessions: what belongs to an earlier one is ignored.
    pub(super) epoch: u32,
    line: Line,
    at: Option<At>,
    is_greeted: bool,
    pub(super) mood: Mood,
    guest: Guest,
    player: Player,
    regular: Regular,
    peer: Peer,
    seeker: Seeker,
}

#[derive(Debug)]
enum Line {
    Off,
    Opening,
    Polling(Polling),
    WebSocket(ConnectionKey),
}

#[derive(Debug, Default)]
struct Polling {
    has_get: bool,
    has_post: bool,
    /// Packets for the next POST.
    outgoing: VecDeque<(bool, Vec<u8>)>,
    upgrade: Upgrade,
}

/// How far an upgrade is.
#[derive(Debug, Default)]
enum Upgrade {
    #[default]
    None,
    Opening,
    /// The probe is under way.
    Probing(ConnectionKey),
    /// It was answered: polling ends, then the WebSocket takes over.
    Pausing(ConnectionKey),
}

impl Client {
    pub(super) fn new(random: &mut parlor_core::lobby::game::Random) -> Self {
        Self {
            epoch: 0,
            line: Line::Off,
            at: None,
            is_greeted: false,
            mood: Mood::new(random),
            guest: Guest::default(),
            player: Player::default(),
            regular: Regular::default(),
            peer: Peer::default(),
            seeker: Seeker::default(),
        }
    }
}

impl Sim {
    /// A client does something, or goes.
    pub(super) fn wake(&mut self, n: usize) {
        if self.is_ending {
            return self.leave_for_good(n);
        }
        let Some(pause) = self.plan.pause(self.now, &mut self.random) else { return };
        self.agenda.note(self.now + pause, Happening::Wake(n));
        match &self.clients[n].line {
            Line::Off => {
                if !self.random.one_in(3) {
                    self.dial(n);
                }
            }
            Line::Opening => {}
            Line::Polling(_) | Line::WebSocket(_) if !self.clients[n].is_greeted => {
                if self.random.one_in(60) {
                    self.mishap(n);
                }
            }
            Line::Polling(_) | Line::WebSocket(_) => match self.random.below(100) {
                0..4 => self.mishap(n),
                4..7 => {
                    if let Line::WebSocket(connection) = self.clients[n].line
                        && self.random.one_in(8)
                    {
                        self.up(connection, Up::Close(Some(1000)));
                    }
                    let most = self.plan.session.write_stall_timeout.as_millis() as u64 * 5 / 4;
                    self.clients[n].mood.reads_from = self.now + self.random.ms(10, most);
                }
                7..17 => self.begin_upgrade(n),
                17..31 => self.guest_acts(n),
                31..65 if self.is_in_a_hurry(n) || self.plan.queues.are_eager => {
                    self.seeker_acts(n);
                }
                31..45 => self.regular_acts(n),
                45..65 if self.clients[n].peer.is_ready() => self.peer_acts(n),
                65..77 => self.seeker_acts(n),
                _ => self.player_acts(n),
            },
        }
    }

    fn dial(&mut self, n: usize) {
        let later = self.now + self.latency();
        let mood = Mood::new(&mut self.random);
        let client = &mut self.clients[n];
        client.epoch += 1;
        client.mood = mood;
        client.line = Line::Opening;
        let epoch = client.epoch;
        self.agenda.note(later, Happening::Open { client: n, epoch });
    }

    /// The handshake has arrived at a shard.
    pub(super) fn open_arrives(&mut self, n: usize, epoch: u32) {
        if self.clients[n].epoch != epoch {
            return;
        }
        let at = self.random.below(self.shards.len() as u32) as usize;
        let is_websocket = self.clients[n].mood.is_websocket;
        let transport = if is_websocket { Transport::WebSocket } else { Transport::Polling };
        let key = self.open(at, n, transport);
        self.trace.tell(self.now, || format!("client {n}: {key:?} on shard {at}, {transport:?}"));
        self.clients[n].at = Some((at, key));
        self.clients[n].is_greeted = false;
        if is_websocket {
            let connection = self.connect(n, (at, key), false);
            if let Some(slot) = self.shards[at].sessions.get_mut(key) {
                slot.connection = Some(connection);
            }
            self.clients[n].line = Line::WebSocket(connection);
        } else {
            let polling = Polling { has_get: true, ..Polling::default() };
            self.clients[n].line = Line::Polling(polling);
            self.get_arrives(n, epoch);
        }
    }

    /// A WebSocket of this session.
    pub(super) fn connect(&mut self, n: usize, at: At, is_candidate: bool) -> ConnectionKey {
        let capacity = capacity(&mut self.random);
        self.connections.insert(Connection::new(n, at, is_candidate, capacity))
    }

    // ---- sending -------------------------------------------------------------------------------

    /// Sends an Engine.IO packet by the transport of the moment.
    fn say(&mut self, n: usize, packet: &str) {
        self.say_packet(n, false, packet.as_bytes());
    }

    fn say_packet(&mut self, n: usize, is_binary: bool, packet: &[u8]) {
        if self.clients[n].mood.is_silent {
            return;
        }
        match &mut self.clients[n].line {
            Line::Off | Line::Opening => {}
            Line::Polling(polling) => {
                polling.outgoing.push_back((is_binary, packet.to_vec()));
                self.post_outgoing(n);
            }
            Line::WebSocket(connection) => {
                let connection = *connection;
                self.up(connection, up_of(is_binary, packet));
            }
        }
    }

    /// Something is said that took its time, if the session is still the same.
    pub(super) fn say_later(&mut self, n: usize, epoch: u32, packet: &str) {
        if self.clients[n].epoch == epoch {
            self.say(n, packet);
        }
    }

    fn post_outgoing(&mut self, n: usize) {
        let later = self.now + self.latency();
        let client = &mut self.clients[n];
        let Line::Polling(polling) = &mut client.line else { return };
        let is_paused = matches!(polling.upgrade, Upgrade::Pausing(_));
        if polling.has_post || polling.outgoing.is_empty() || is_paused {
            return;
        }
        let mut body = Vec::new();
        for (is_binary, packet) in polling.outgoing.drain(..) {
            write_packet(&mut body, is_binary, &packet);
        }
        polling.has_post = true;
        let body = Some(String::from_utf8(body).expect("what clients say is text"));
        let post = Happening::Post { client: n, epoch: client.epoch, body };
        self.agenda.note(later, post);
    }

    /// The answer to a POST has arrived.
    pub(super) fn posted(&mut self, n: usize, epoch: u32, accepted: bool) {
        if self.clients[n].epoch != epoch {
            return;
        }
        if !accepted {
            return self.lost(n);
        }
        if let Line::Polling(polling) = &mut self.clients[n].line {
            polling.has_post = false;
            self.post_outgoing(n);
            self.finish_upgrade(n);
        }
    }

    // ---- receiving -----------------------------------------------------------------------------

    fn poll(&mut self, n: usize) {
        let mut later = self.now + self.latency();
        let client = &mut self.clients[n];
        let Line::Polling(polling) = &mut client.line else { return };
        if polling.has_get || matches!(polling.upgrade, Upgrade::Pausing(_)) {
            return;
        }
        polling.has_get = true;
        later = later.max(client.mood.reads_from);
        self.agenda.note(later, Happening::Get { client: n, epoch: client.epoch });
    }

    /// The answer to a GET has arrived.
    pub(super) fn answered(&mut self, n: usize, epoch: u32, body: Option<&[u8]>) {
        let client = &mut self.clients[n];
        if client.epoch != epoch {
            return;
        }
        let Line::Polling(polling) = &mut client.line else {
            // The last poll before the WebSocket took over carries nothing.
            return;
        };
        polling.has_get = false;
        let Some(body) = body else { return self.lost(n) };
        for packet in body.split(|byte| *byte == SEPARATOR) {
            if self.clients[n].epoch != epoch || matches!(self.clients[n].line, Line::Off) {
                return;
            }
            let text = String::from_utf8_lossy(packet);
            match Packet::decode(&text) {
                Ok(Packet::Binary(bytes)) => self.packet(n, true, &bytes),
                Ok(_) => self.packet(n, false, packet),
                Err(error) => {
                    let what = format!("client {n}: {error} in {text:?}");
                    return self.oracle.broken(Invariant::Frames, what);
                }
            }
        }
        self.poll(n);
        self.finish_upgrade(n);
    }

    /// Something has arrived by a WebSocket.
    pub(super) fn arrived(&mut self, key: ConnectionKey, arrived: Arrived) {
        let Some(connection) = self.connections.get(key) else { return };
        let n = connection.client;
        if self.clients[n].at != Some((connection.shard, connection.session)) {
            return;
        }
        let is_transport = matches!(self.clients[n].line, Line::WebSocket(own) if own == key);
        match arrived {
            Arrived::Text(text) if is_transport => self.packet(n, false, text.as_bytes()),
            Arrived::Bytes(bytes) if is_transport => self.packet(n, true, &bytes),
            Arrived::Close if is_transport => {
                self.up(key, Up::Gone { clean: true });
                self.lost(n);
            }
            Arrived::Text(text) if text == "3probe" => self.probed(n, key),
            Arrived::Text(_) | Arrived::Bytes(_) => {
                let what = format!("client {n} gets packets by a WebSocket that is being tried");
                self.oracle.broken(Invariant::Order, what);
            }
            Arrived::Close => {}
        }
    }

    /// All that the server had to say by this WebSocket is read.
    pub(super) fn over(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.remove(key) else { return };
        let n = connection.client;
        if connection.has_said_all && !connection.has_good_bye {
            // Some frame was not finished, and swallowed it.
            let what = format!("client {n} was told everything, but reads no good-bye");
            self.oracle.broken(Invariant::Frames, what);
        }
        match &mut self.clients[n].line {
            Line::WebSocket(own) if *own == key => self.lost(n),
            Line::Polling(polling) => {
                if matches!(polling.upgrade, Upgrade::Probing(own) | Upgrade::Pausing(own)
                    if own == key)
                {
                    polling.upgrade = Upgrade::None;
                    self.poll(n);
                    self.post_outgoing(n);
                }
            }
            _ => {}
        }
    }

    fn packet(&mut self, n: usize, is_binary: bool, packet: &[u8]) {
        let now = self.now;
        self.trace.n_packets += 1;
        self.trace.count(now, 100 + n, packet);
        self.trace.tell(now, || format!("client {n} gets {}", String::from_utf8_lossy(packet)));
        if let Some(at) = self.clients[n].at {
            self.oracle.received(at, is_binary, packet);
        }
        if is_binary {
            return self.guest_bytes(n, packet);
        }
        let text = String::from_utf8_lossy(packet).into_owned();
        match text.split_at(1) {
            ("0", _) => self.greeted(n),
            ("1", _) => self.lost(n),
            ("2", _) => {
                let slow = if self.random.one_in(4) { 800 } else { 5 };
                let later = now + self.random.ms(0, slow);
                let epoch = self.clients[n].epoch;
                let packet = "3".to_owned();
                self.agenda.note(later, Happening::Say { client: n, epoch, packet });
            }
            ("4", text) => self.socket_packet(n, text),
            _ => {}
        }
        self.player_saw(n, &text);
    }

    fn greeted(&mut self, n: usize) {
        self.clients[n].is_greeted = true;
        if self.clients[n].mood.is_idle {
            return;
        }
        if !self.random.one_in(8) {
            self.say(n, "40/lobby,");
        }
        if !self.random.one_in(8) {
            self.say(n, "40");
            if self.random.one_in(4) {
                self.guest_says(n);
            }
        }
        if !self.random.one_in(8) {
            self.regular_asks(n);
        }
        if self.clients[n].peer.is_ready() && !self.random.one_in(3) {
            self.peer_enters(n);
        }
        if self.random.one_in(2) {
            self.seeker_acts(n);
        }
    }

    fn socket_packet(&mut self, n: usize, text: &str) {
        match text.split(['/', ',']).nth(1) {
            Some("lobby") => self.player_packet(n, text),
            Some("signal") => self.peer_packet(n, text),
            Some("matchmaking") => self.seeker_packet(n, text),
            Some("kept") => self.regular_packet(n, text),
            _ => self.guest_packet(n, text),
        }
    }

    // ---- upgrades ------------------------------------------------------------------------------

    fn begin_upgrade(&mut self, n: usize) {
        let later = self.now + self.latency();
        let client = &mut self.clients[n];
        let Line::Polling(polling) = &mut client.line else { return };
        if matches!(polling.upgrade, Upgrade::None) && !client.mood.never_upgrades {
            polling.upgrade = Upgrade::Opening;
            let epoch = client.epoch;
            self.agenda.note(later, Happening::OpenCandidate { client: n, epoch });
        }
    }

    /// The server has taken the second transport.
    pub(super) fn candidate_open(&mut self, n: usize, epoch: u32, connection: ConnectionKey) {
        let client = &mut self.clients[n];
        if let Line::Polling(polling) = &mut client.line
            && client.epoch == epoch
        {
            polling.upgrade = Upgrade::Probing(connection);
            let says = if self.random.one_in(20) { "4too early" } else { "2probe" };
            self.up(connection, Up::Packet(says.to_owned()));
        } else {
            self.hang_up(connection);
        }
    }

    fn probed(&mut self, n: usize, connection: ConnectionKey) {
        let Line::Polling(polling) = &mut self.clients[n].line else { return };
        match self.random.below(12) {
            // The browser has been closed just now; the server waits for a while.
            0 => {}
            1 => {
                polling.upgrade = Upgrade::None;
                self.hang_up(connection);
            }
            _ => {
                polling.upgrade = Upgrade::Pausing(connection);
                self.finish_upgrade(n);
            }
        }
    }

    fn finish_upgrade(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let Line::Polling(polling) = &mut client.line else { return };
        let Upgrade::Pausing(connection) = polling.upgrade else { return };
        if polling.has_get || polling.has_post {
            return;
        }
        let outgoing = std::mem::take(&mut polling.outgoing);
        client.line = Line::WebSocket(connection);
        self.up(connection, Up::Packet("5".to_owned()));
        for (is_binary, packet) in outgoing {
            self.up(connection, up_of(is_binary, &packet));
        }
    }

    fn hang_up(&mut self, connection: ConnectionKey) {
        self.up(connection, Up::Gone { clean: false });
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.is_dead = true;
        }
    }

    // ---- the end of a session ------------------------------------------------------------------

    /// The client has no session any more, whatever the server thinks.
    fn lost(&mut self, n: usize) {
        let client = &mut self.clients[n];
        match std::mem::replace(&mut client.line, Line::Off) {
            Line::WebSocket(connection) => self.abandon(connection),
            Line::Polling(Polling {
                upgrade: Upgrade::Probing(connection) | Upgrade::Pausing(connection),
                ..
            }) => self.hang_up(connection),
            Line::Polling(_) | Line::Off | Line::Opening => {}
        }
        let client = &mut self.clients[n];
        client.epoch += 1;
        client.guest = Guest::default();
        let at = client.at.take();
        self.trace.tell(self.now, || format!("client {n} has lost {at:?}"));
        self.player_lost(n, at);
        self.regular_lost(n);
        self.peer_lost(n);
        self.seeker_lost(n, at);
        if let Some(at) = at {
            self.oracle.forget_client(at);
        }
    }

    fn abandon(&mut self, connection: ConnectionKey) {
        if let Some(found) = self.connections.get_mut(connection) {
            found.is_dead = true;
            if found.is_finished {
                self.connections.remove(connection);
            }
        }
    }

    /// If a client has received all that there is, so must the oracle think.
    pub(super) fn check_drained(&mut self, n: usize) {
        let Some((at, key)) = self.clients[n].at else { return };
        let Some(slot) = self.shards[at].sessions.get(key).filter(|slot| slot.is_flushed) else {
            return;
        };
        let is_read = match (slot.connection, &self.clients[n].line) {
            (Some(own), Line::WebSocket(connection)) if own == *connection => {
                let connection = self.connections.get(own);
                connection.is_some_and(|c| !c.is_blocked && c.is_read() && !c.is_dead)
            }
            // A GET waits: what was answered before has arrived.
            (None, Line::Polling(polling)) => polling.has_get && self.oracle.has_get((at, key)),
            _ => false,
        };
        if is_read && self.oracle.drained((at, key)) {
            self.player_drained(n);
            self.seeker_drained(n);
            self.regular_drained(n, (at, key));
            self.peer_drained(n, (at, key));
        }
    }

    fn closed_at(&self, at: At) -> Option<Time> {
        self.oracle.closed_at(at)
    }
}

fn up_of(is_binary: bool, packet: &[u8]) -> Up {
    if is_binary {
        Up::Bytes(packet.to_vec())
    } else {
        Up::Packet(String::from_utf8_lossy(packet).into_owned())
    }
}

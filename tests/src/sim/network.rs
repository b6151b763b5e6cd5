//! WebSockets between clients and shards: bytes take their time, buffers fill, and either end may
//! vanish without the other's knowledge.

use std::{collections::VecDeque, time::Duration};

use parlor_core::{key::ConnectionKey, key::SessionKey, lobby::game::Random, time::Time};
use parlor_shared::websocket::{Decoder, Limits, Message, Role};

use super::{
    Sim,
    agenda::{Happening, Up},
    chance::Chance as _,
};

/// One WebSocket.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: usize,
    pub(super) shard: usize,
    pub(super) session: SessionKey,
    /// It is a second transport that has not taken over.
    pub(super) is_candidate: bool,
    /// What the server has written and the client has not read, with the time it arrives.
    down: VecDeque<(Time, Vec<u8>)>,
    n_down: usize,
    capacity: usize,
    /// The server was told that nothing fits in.
    pub(super) is_blocked: bool,
    is_waking: bool,
    /// The client is no longer there; the server may not know.
    pub(super) is_dead: bool,
    /// The server will write no more.
    pub(super) is_finished: bool,
    /// It has written all that it had to say, the good-bye last.
    pub(super) has_said_all: bool,
    /// The client has read the good-bye.
    pub(super) has_good_bye: bool,
    decoder: Decoder,
    last_up: Time,
    last_down: Time,
}

impl Connection {
    pub(super) fn new(
        client: usize,
        (shard, session): (usize, SessionKey),
        is_candidate: bool,
        capacity: usize,
    ) -> Self {
        let limits = Limits { max_message_bytes: 1 << 22, max_fragments: 1 };
        Self {
            client,
            shard,
            session,
            is_candidate,
            down: VecDeque::new(),
            n_down: 0,
            capacity,
            is_blocked: false,
            is_waking: false,
            is_dead: false,
            is_finished: false,
            has_said_all: false,
            has_good_bye: false,
            decoder: Decoder::new(Role::Client, limits),
            last_up: Time::ZERO,
            last_down: Time::ZERO,
        }
    }

    /// How many bytes the server can write.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.n_down)
    }

    /// Everything that was written is read.
    pub(super) fn is_read(&self) -> bool {
        self.down.is_empty()
    }

    fn take(&mut self, now: Time, most: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some((at, bytes)) = self.down.front_mut()
            && *at <= now
            && taken.len() < most
        {
            let n = bytes.len().min(most - taken.len());
            taken.extend(bytes.drain(..n));
            if bytes.is_empty() {
                self.down.pop_front();
            }
        }
        self.n_down -= taken.len();
        taken
    }
}

/// Whole messages as the client's WebSocket hands them on.
pub(super) enum Arrived {
    Text(String),
    Bytes(Vec<u8>),
    Close,
}

impl Sim {
    pub(super) fn latency(&mut self) -> Duration {
        let most = self.plan.latency_ms;
        self.random.ms(most / 2, most)
    }

    /// The client does something to its WebSocket; it arrives in order.
    pub(super) fn up(&mut self, key: ConnectionKey, up: Up) {
        let arrives = self.now + self.latency();
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.last_up = connection.last_up.max(arrives);
        self.agenda.note(connection.last_up, Happening::Up(key, up));
    }

    /// The server has written something.
    pub(super) fn down(&mut self, key: ConnectionKey, bytes: &[u8]) {
        let arrives = self.now + self.latency();
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.n_down += bytes.len();
        connection.last_down = connection.last_down.max(arrives);
        connection.down.push_back((connection.last_down, bytes.to_vec()));
        self.agenda.note(connection.last_down, Happening::Read(key));
    }

    /// The server will write no more; the client learns it when it has read the rest.
    pub(super) fn finish(&mut self, key: ConnectionKey) {
        let arrives = self.now + self.latency();
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.is_finished = true;
        if connection.is_dead {
            self.connections.remove(key);
        } else {
            self.agenda.note(connection.last_down.max(arrives), Happening::Read(key));
        }
    }

    /// The client reads as much as it likes.
    pub(super) fn read(&mut self, key: ConnectionKey) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.is_dead {
            return;
        }
        let client = connection.client;
        let mood = &self.clients[client].mood;
        if mood.reads_from > now {
            return self.agenda.note(mood.reads_from, Happening::Read(key));
        }
        let pace = mood.pace(&mut self.random);
        let bytes = connection.take(now, pace.unwrap_or(usize::MAX));
        if pace.is_some() && connection.down.front().is_some_and(|(at, _)| *at <= now) {
            let later = now + self.random.ms(1, 80);
            self.agenda.note(later, Happening::Read(key));
        }
        let wakes = connection.is_blocked && !connection.is_waking && connection.room() > 0;
        connection.is_waking |= wakes;
        let is_over = connection.is_finished && connection.is_read();
        if wakes {
            let later = now + self.latency();
            self.agenda.note(later, Happening::Writable(key));
        }
        for message in self.decode(key, bytes) {
            // What one message leads to may end the connection.
            if self.connections.get(key).is_none_or(|connection| connection.is_dead) {
                return;
            }
            self.arrived(key, message);
        }
        if is_over {
            self.over(key);
        }
        self.check_drained(client);
    }

    fn decode(&mut self, key: ConnectionKey, mut bytes: Vec<u8>) -> Vec<Arrived> {
        let Some(connection) = self.connections.get_mut(key) else { return Vec::new() };
        let (mut rest, mut arrived) = (&mut bytes[..], Vec::new());
        loop {
            match connection.decoder.next(&mut rest) {
                Ok(None) => return arrived,
                Ok(Some(Message::Text(text))) => arrived.push(Arrived::Text(text.into_owned())),
                Ok(Some(Message::Binary(bytes))) => {
                    arrived.push(Arrived::Bytes(bytes.into_owned()));
                }
                Ok(Some(Message::Close(_))) => {
                    connection.has_good_bye = true;
                    arrived.push(Arrived::Close);
                }
                Ok(Some(Message::Ping(_) | Message::Pong(_))) => {}
                Err(violation) => {
                    let what = format!("client {}: {violation}", connection.client);
                    self.oracle.broken(super::Invariant::Frames, what);
                    return arrived;
                }
            }
        }
    }

    /// The server learns that there is room again.
    pub(super) fn writable(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.is_waking = false;
        if std::mem::take(&mut connection.is_blocked) && !connection.is_candidate {
            let (shard, session) = (connection.shard, connection.session);
            self.tell(shard, session, parlor_core::engine_io::SessionInput::Writable, None);
        }
    }
}

/// How big the buffers between server and client are, together.
pub(super) fn capacity(random: &mut Random) -> usize {
    random.pick(&[300, 3_000, 30_000, 200_000])
}

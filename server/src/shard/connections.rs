//! Connections past their 101: how they are watched, read and let go.
//! What they are before that is `guests`' part; what is written to them, `writing`'s.

use std::time::Duration;

use mio::{Interest, Token};
use parlor_core::{
    engine_io::SessionInput,
    key::{ConnectionKey, Key as _, SessionKey},
};
use parlor_shared::{
    engine_io::Packet,
    socket_io::Frame,
    websocket::{Brought, Message},
};

use super::{Shard, Timer, sessions::Told};
use crate::{
    acceptor::OpenConnection,
    chance,
    handlers::Handshake,
    limits::Pass,
    transport::websocket::{Connection, Rest, Role},
};

/// Reads from one connection, and frames in what was read, before others have their turn.
pub(super) const MAX_READS_AT_ONCE: usize = 4;
pub(super) const MAX_FRAMES_AT_ONCE: usize = 256;
/// Frames and bytes of all connections in one turn: what is left waits for the next, so that the
/// shard looks at its door, its clocks and other clients however much some of them say.
pub(super) const MAX_FRAMES_PER_TURN: usize = 2 * MAX_FRAMES_AT_ONCE;
pub(super) const MAX_BYTES_PER_TURN: usize = 1 << 20;
/// How long a connection that is done waits for its peer to close.
const LINGER: Duration = Duration::from_secs(2);

impl Shard {
    /// Takes over a connection after the 101, with the bytes that were read already, and opens a
    /// session by it.
    pub(crate) fn open_websocket(
        &mut self,
        stream: std::net::TcpStream,
        read: &[u8],
        handshake: Handshake,
        (open, pass): (Option<OpenConnection>, Option<Pass>),
    ) {
        // The session's key is not known before the connection's, and the other way round.
        let stream = mio::net::TcpStream::from_std(stream);
        let Some(connection) = self.adopt(stream, Role::Lingering, open) else { return };
        self.open_by(connection, handshake, pass);
        self.first_bytes(connection, &mut read.to_vec());
    }

    /// Watches a connection from now on.
    pub(super) fn adopt(
        &mut self,
        stream: mio::net::TcpStream,
        role: Role,
        open: Option<OpenConnection>,
    ) -> Option<ConnectionKey> {
        let connection = Connection::new(stream, role, self.max_payload(), open);
        let key = self.connections.insert(connection);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let stream = &mut self.connections.get_mut(key)?.stream;
        if let Err(error) = self.registry.register(stream, token(key), interest) {
            tracing::error!(%error, "a socket could not be watched");
            self.connections.remove(key);
            return None;
        }
        Some(key)
    }

    /// A connection can take more.
    pub(super) fn writable(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if std::mem::take(&mut connection.is_blocked)
            && let Role::Transport(session) = connection.role
        {
            self.tell(session, SessionInput::Writable, None);
        }
    }

    /// There is something to read. Who has had to wait already stands in line; and half of a turn
    /// is for those in line.
    pub(super) fn readable(&mut self, key: ConnectionKey, is_ending: bool) {
        let Some(connection) = self.connections.get(key) else { return };
        if connection.is_unread {
            return;
        }
        if connection.role != Role::Guest && self.taken.is_past(2) {
            return self.read_later(key);
        }
        self.read(key, is_ending);
    }

    /// Reads from those that had to wait, in the order in which they came, while the turn lasts.
    pub(super) fn read_on(&mut self) {
        for _ in 0..self.unread.len() {
            if self.taken.is_past(1) {
                return self.wake.call();
            }
            let Some(key) = self.unread.pop_front() else { return };
            if let Some(connection) = self.connections.get_mut(key) {
                connection.is_unread = false;
            }
            self.read(key, true);
        }
    }

    /// Reads what there is, up to what one connection may say at once. Less than was asked for is
    /// all there was, unless `is_ending`: then the end is still to be read.
    pub(super) fn read(&mut self, key: ConnectionKey, is_ending: bool) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.role == Role::Guest {
            return self.heard.push(key);
        }
        if self.links.is_congested() {
            return self.read_later(key);
        }
        let most = self.taken.n_frames + MAX_FRAMES_AT_ONCE;
        if let Some(mut rest) = connection.rest.take() {
            let n_left = self.bytes(key, &mut rest.bytes[rest.from..], most);
            if n_left > 0 {
                rest.from = rest.bytes.len() - n_left;
                return self.keep(key, rest);
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut n_reads = 0;
        while let Some(connection) = self.connections.get_mut(key) {
            let has_said_enough = n_reads == MAX_READS_AT_ONCE || self.taken.n_frames >= most;
            if has_said_enough || self.links.is_congested() {
                self.read_later(key);
                break;
            }
            n_reads += 1;
            match connection.read(&mut scratch) {
                Ok(None) => break,
                Ok(Some(0)) => {
                    self.connection_gone(key, true);
                    break;
                }
                Ok(Some(n)) => {
                    self.taken.n_bytes += n;
                    let n_left = self.bytes(key, &mut scratch[..n], most);
                    if n_left > 0 {
                        let bytes = scratch[n - n_left..n].to_vec();
                        self.keep(key, Box::new(Rest { bytes, from: 0 }));
                        break;
                    }
                    if n < scratch.len() && !is_ending {
                        break;
                    }
                }
                Err(_) => {
                    self.connection_gone(key, false);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    fn keep(&mut self, key: ConnectionKey, rest: Box<Rest>) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.rest = Some(rest);
        }
        self.read_later(key);
    }

    fn read_later(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !std::mem::replace(&mut connection.is_unread, true) {
            self.unread.push_back(key);
            // Its socket has told of this already, and does not tell again.
            self.wake.call();
        }
    }

    /// All bytes that came along with an opening: they are few.
    pub(super) fn first_bytes(&mut self, key: ConnectionKey, bytes: &mut [u8]) {
        self.bytes(key, bytes, usize::MAX);
    }

    /// Bytes of a connection: whole messages are handled as they are found, until so many frames
    /// were taken in this turn. How many bytes are left then.
    fn bytes(&mut self, key: ConnectionKey, mut bytes: &mut [u8], most: usize) -> usize {
        while !bytes.is_empty() {
            let Some(connection) = self.connections.get_mut(key) else { return 0 };
            let (session, is_candidate) = match connection.role {
                Role::Transport(session) => (session, false),
                Role::Candidate(session) => (session, true),
                Role::Guest | Role::Lingering => return 0,
            };
            if self.taken.n_frames >= most {
                return bytes.len();
            }
            self.taken.n_frames += 1;
            match connection.decoder.next_frame(&mut bytes) {
                Ok(None) => return 0,
                Ok(Some(brought)) if is_candidate => self.candidate_brought(session, &brought),
                Ok(Some(Brought::Message(message))) => self.message(session, &message),
                // Its bytes count with the message.
                Ok(Some(Brought::Part)) => self.noise(session, 0),
                Err(violation) if is_candidate => {
                    self.candidate_violated(session, violation);
                    return 0;
                }
                Err(violation) => {
                    tracing::debug!(session = chance::short(session), %violation, "cut");
                    self.tell(session, SessionInput::Violated(violation), None);
                    return 0;
                }
            }
        }
        0
    }

    fn message(&mut self, session: SessionKey, message: &Message<'_>) {
        let (told, n_bytes) = match message {
            Message::Text(text) => (self.packet(session, text), text.len()),
            Message::Binary(bytes) => {
                let packet = Packet::Binary(bytes.as_ref().into());
                let told = self.tell(session, SessionInput::Packet(&packet), Some(&packet));
                (told, bytes.len())
            }
            Message::Ping(payload) => {
                let told = self.tell(session, SessionInput::WebSocketPing(payload), None);
                (told, payload.len())
            }
            Message::Pong(payload) => {
                (self.tell(session, SessionInput::WebSocketPong, None), payload.len())
            }
            Message::Close(code) => {
                (self.tell(session, SessionInput::WebSocketClosing(*code), None), 0)
            }
        };
        if told == Told::Noise {
            self.noise(session, n_bytes);
        }
    }

    fn packet(&mut self, session: SessionKey, text: &str) -> Told {
        match Packet::decode(text) {
            Ok(packet) => self.tell(session, SessionInput::Packet(&packet), Some(&packet)),
            Err(_) => self.tell(session, SessionInput::Malformed, None),
        }
    }

    /// A connection has ended: cleanly, or cut off.
    pub(super) fn connection_gone(&mut self, key: ConnectionKey, clean: bool) {
        let Some(connection) = self.connections.get(key) else { return };
        match connection.role {
            Role::Transport(session) => {
                self.tell(session, SessionInput::TransportGone { clean }, None);
                self.flush_session(session);
            }
            Role::Candidate(session) => self.candidate_gone(session),
            Role::Guest | Role::Lingering => {}
        }
        self.remove_connection(key);
    }

    /// Nothing will be written to this connection after the last word; it lingers until its peer
    /// closes.
    pub(super) fn finish_connection(&mut self, key: ConnectionKey, last_word: Option<Frame>) {
        let until = self.now() + LINGER;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if let Some(frame) = last_word {
            // The connection ends either way.
            let _ = connection.write_whole(frame.wire());
        }
        connection.finish();
        self.deadlines.set(Timer::Connection(key), Some(until));
    }

    pub(super) fn remove_connection(&mut self, key: ConnectionKey) {
        self.deadlines.set(Timer::Connection(key), None);
        if let Some(mut connection) = self.connections.remove(key) {
            // Closing the descriptor would do it as well.
            let _ = self.registry.deregister(&mut connection.stream);
        }
    }
}

/// What a turn has taken from connections so far.
#[derive(Debug, Default)]
pub(super) struct Taken {
    n_frames: usize,
    n_bytes: usize,
}

impl Taken {
    /// True if it is as much as one turn takes, or the n-th part of that.
    fn is_past(&self, n: usize) -> bool {
        self.n_frames >= MAX_FRAMES_PER_TURN / n || self.n_bytes >= MAX_BYTES_PER_TURN / n
    }
}

/// An end that nobody is to blame for.
pub(super) fn good_bye() -> Frame {
    Frame::close(None, "")
}

fn token(key: ConnectionKey) -> Token {
    let (index, generation) = key.parts();
    Token(((generation as usize) << 32) | index as usize)
}

pub(super) fn connection_key(token: Token) -> ConnectionKey {
    ConnectionKey::new(token.0 as u32, (token.0 >> 32) as u32)
}

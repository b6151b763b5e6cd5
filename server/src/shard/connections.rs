//! Connections past their 101: how they are watched, read and let go.
//! What they are before that is `guests`' part; what is written to them, `writing`'s.

use std::time::Duration;

use mio::{Interest, Token};
use parlor_core::{
    engine_io::SessionInput,
    key::{ConnectionKey, Key as _, SessionKey},
};
use parlor_shared::{engine_io::Packet, socket_io::Frame, websocket::Message};

use super::{Shard, Timer};
use crate::{
    acceptor::OpenConnection,
    chance,
    handlers::Handshake,
    limits::Pass,
    transport::websocket::{Connection, Role},
};

/// Reads from one connection before others have their turn.
pub(super) const MAX_READS_PER_TURN: usize = 16;
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
        self.bytes(connection, &mut read.to_vec());
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

    /// Reads what there is. Less than was asked for is all there was, unless `is_ending`: then the
    /// end is still to be read.
    pub(super) fn read(&mut self, key: ConnectionKey, is_ending: bool) {
        if self.connections.get(key).is_some_and(|connection| connection.role == Role::Guest) {
            return self.heard.push(key);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut n_reads = 0;
        while let Some(connection) = self.connections.get_mut(key) {
            if n_reads == MAX_READS_PER_TURN || self.links.is_congested() {
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
                    self.bytes(key, &mut scratch[..n]);
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

    fn read_later(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !std::mem::replace(&mut connection.is_unread, true) {
            self.unread.push(key);
            // Its socket has told of this already, and does not tell again.
            self.wake.call();
        }
    }

    /// Bytes of a connection: whole messages are handled as they are found.
    pub(super) fn bytes(&mut self, key: ConnectionKey, mut bytes: &mut [u8]) {
        while let Some(connection) = self.connections.get_mut(key) {
            let (session, is_candidate) = match connection.role {
                Role::Transport(session) => (session, false),
                Role::Candidate(session) => (session, true),
                Role::Guest | Role::Lingering => return,
            };
            match connection.decoder.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(message)) if is_candidate => self.candidate_message(session, &message),
                Ok(Some(message)) => self.message(session, &message),
                Err(violation) if is_candidate => {
                    return self.candidate_violated(session, violation);
                }
                Err(violation) => {
                    tracing::debug!(session = chance::short(session), %violation, "cut");
                    self.tell(session, SessionInput::Violated(violation), None);
                    return;
                }
            }
        }
    }

    fn message(&mut self, session: SessionKey, message: &Message<'_>) {
        match message {
            Message::Text(text) => match Packet::decode(text) {
                Ok(packet) => {
                    self.tell(session, SessionInput::Packet(&packet), Some(&packet));
                }
                Err(_) => {
                    self.tell(session, SessionInput::Malformed, None);
                }
            },
            Message::Binary(bytes) => {
                let packet = Packet::Binary(bytes.as_ref().into());
                self.tell(session, SessionInput::Packet(&packet), Some(&packet));
            }
            Message::Ping(payload) => {
                self.tell(session, SessionInput::WebSocketPing(payload), None);
            }
            Message::Pong(_) => {
                self.tell(session, SessionInput::WebSocketPong, None);
            }
            Message::Close(code) => {
                self.tell(session, SessionInput::WebSocketClosing(*code), None);
            }
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

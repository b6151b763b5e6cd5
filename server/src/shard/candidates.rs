//! WebSockets that want to become the transport of a session that polls.
//! Whether one may, and when it has, is the session's to say.

use parlor_core::{
    engine_io::{SessionEffect, SessionInput},
    key::{ConnectionKey, SessionKey},
};
use parlor_shared::{
    engine_io::Packet,
    id::Sid,
    websocket::{Message, Violation},
};

use super::Shard;
use crate::{acceptor::OpenConnection, transport::websocket::Role};

impl Shard {
    /// Takes over a connection that wants to become the transport of a polling session.
    pub(crate) fn open_candidate(
        &mut self,
        stream: std::net::TcpStream,
        read: &[u8],
        key: SessionKey,
        open: Option<OpenConnection>,
    ) {
        let stream = mio::net::TcpStream::from_std(stream);
        let Some(connection) = self.adopt(stream, Role::Candidate(key), open) else { return };
        self.candidate(connection, key, &mut read.to_vec());
    }

    /// A connection that wants to become the transport of a polling session.
    pub(super) fn candidate(
        &mut self,
        connection: ConnectionKey,
        key: SessionKey,
        read: &mut [u8],
    ) {
        let now = self.now();
        let mut verdict = Vec::new();
        if let Some(slot) = self.sessions.get_mut(key) {
            slot.session.handle(now, SessionInput::CandidateOpened, &mut verdict);
            if verdict == [SessionEffect::AcceptCandidate] {
                slot.seldom.candidate = Some(connection);
                self.arm(key);
                self.bytes(connection, read);
                return;
            }
        }
        // Upgraded or upgrading already, or gone: this one closes, the session does not notice.
        self.settings.metrics.upgrade_failed();
        self.finish_connection(connection, true);
    }

    /// A WebSocket for this session is on its way from another shard.
    pub(crate) fn expect_candidate(&mut self, sid: &Sid) {
        if let Some(slot) = self.session(sid).and_then(|key| self.sessions.get_mut(key)) {
            slot.seldom.n_expected += 1;
        }
    }

    /// It is here, or will not come.
    pub(crate) fn candidate_arrived(&mut self, sid: &Sid) {
        if let Some(slot) = self.session(sid).and_then(|key| self.sessions.get_mut(key)) {
            slot.seldom.n_expected = slot.seldom.n_expected.saturating_sub(1);
        }
        self.arrival.notify_waiters();
    }

    pub(crate) fn expects_candidate(&self, sid: &Sid) -> bool {
        let slot = self.session(sid).and_then(|key| self.sessions.get(key));
        slot.is_some_and(|slot| slot.seldom.n_expected > 0)
    }

    pub(super) fn candidate_message(
        &mut self,
        key: ConnectionKey,
        session: SessionKey,
        message: &Message<'_>,
    ) {
        match message {
            Message::Text(text) => match Packet::decode(text) {
                Ok(packet) => {
                    self.tell(session, SessionInput::CandidatePacket(&packet), None);
                }
                Err(_) => self.drop_candidate(session),
            },
            Message::Ping(payload) => {
                let pong = parlor_shared::socket_io::Frame::pong(payload);
                let connection = self.connections.get_mut(key);
                if !connection.is_some_and(|connection| connection.write_whole(pong.wire())) {
                    self.candidate_gone(session);
                }
            }
            Message::Pong(_) => {}
            Message::Binary(_) | Message::Close(_) => self.drop_candidate(session),
        }
    }

    pub(super) fn candidate_violated(&mut self, session: SessionKey, violation: Violation) {
        let candidate = self.sessions.get(session).and_then(|slot| slot.seldom.candidate);
        if let Some(connection) = candidate.and_then(|key| self.connections.get_mut(key)) {
            let close =
                parlor_shared::socket_io::Frame::close(Some(violation.code), violation.reason);
            // The connection ends either way.
            let _ = connection.write_whole(close.wire());
        }
        self.drop_candidate_with(session, false);
    }

    fn drop_candidate(&mut self, session: SessionKey) {
        self.drop_candidate_with(session, true);
    }

    pub(super) fn candidate_gone(&mut self, session: SessionKey) {
        self.drop_candidate_with(session, false);
    }

    /// The candidate's connection ends, polling goes on.
    fn drop_candidate_with(&mut self, session: SessionKey, say_good_bye: bool) {
        let candidate =
            self.sessions.get_mut(session).and_then(|slot| slot.seldom.candidate.take());
        if let Some(candidate) = candidate {
            self.settings.metrics.upgrade_failed();
            self.finish_connection(candidate, say_good_bye);
        }
        self.tell(session, SessionInput::CandidateGone, None);
    }
}

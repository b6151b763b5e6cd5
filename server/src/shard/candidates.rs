//! WebSockets that want to become the transport of a session that polls.
//! Whether one may, and when it has, is the session's to say.

use parlor_core::{
    engine_io::{MAX_CONTROL_FRAMES_PER_SECOND, SessionEffect, SessionInput},
    key::{ConnectionKey, SessionKey},
};
use parlor_shared::{
    engine_io::Packet,
    id::Sid,
    socket_io::Frame,
    websocket::{Brought, Message, Violation, close_code},
};

use super::{Carrier, Shard, connections::good_bye};
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
                slot.seldom.n_candidate_frames = 0;
                self.arm(key);
                self.first_bytes(connection, read);
                return;
            }
        }
        // Upgraded or upgrading already, or gone: this one closes, the session does not notice.
        self.settings.metrics.upgrade_failed();
        self.finish_connection(connection, Some(good_bye()));
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

    /// A frame of the candidate, which may send few.
    pub(super) fn candidate_brought(&mut self, session: SessionKey, brought: &Brought<'_>) {
        if self.has_said_enough(session) {
            let code = close_code::POLICY_VIOLATION;
            let reason = "too many frames before the upgrade";
            return self.candidate_violated(session, Violation { code, reason });
        }
        let Brought::Message(message) = brought else { return };
        match message {
            Message::Text(text) => match Packet::decode(text) {
                Ok(packet) => {
                    self.tell(session, SessionInput::CandidatePacket(&packet), None);
                }
                Err(_) => self.drop_candidate(session, Some(good_bye())),
            },
            Message::Ping(payload) => self.write_to_candidate(session, &Frame::pong(payload)),
            Message::Pong(_) => {}
            Message::Close(code) => {
                self.drop_candidate(session, Some(Frame::close(*code, "")));
            }
            Message::Binary(_) => self.drop_candidate(session, Some(good_bye())),
        }
    }

    /// Counts a frame of the candidate; true if it was one too many. In all it may send as many as
    /// a session's own transport may send control frames in a second: its time is short.
    fn has_said_enough(&mut self, session: SessionKey) -> bool {
        let Some(slot) = self.sessions.get_mut(session) else { return true };
        slot.seldom.n_candidate_frames += 1;
        slot.seldom.n_candidate_frames > MAX_CONTROL_FRAMES_PER_SECOND
    }

    pub(super) fn candidate_violated(&mut self, session: SessionKey, violation: Violation) {
        let last_word = Frame::close(Some(violation.code), violation.reason);
        self.drop_candidate(session, Some(last_word));
    }

    /// The candidate's connection has ended, or takes nothing.
    pub(super) fn candidate_gone(&mut self, session: SessionKey) {
        self.drop_candidate(session, None);
    }

    /// The candidate is the session's transport from now on.
    pub(super) fn upgraded(&mut self, session: SessionKey) {
        let Some(slot) = self.sessions.get_mut(session) else { return };
        let last_answer = slot.session.upgrade();
        let Some(candidate) = slot.seldom.candidate.take() else { return };
        let before = std::mem::replace(&mut slot.carrier, Carrier::WebSocket(candidate));
        if let (Carrier::Polling(Some(waiting)), Some(answer)) = (before, last_answer) {
            // Nobody waits any more if the request was given up.
            let _ = waiting.send(answer);
        }
        if let Some(connection) = self.connections.get_mut(candidate) {
            connection.role = Role::Transport(session);
        }
        self.settings.metrics.upgraded();
    }

    /// Says something short to the candidate. One that cannot take it is of no use.
    pub(super) fn write_to_candidate(&mut self, session: SessionKey, frame: &Frame) {
        let candidate = self.sessions.get(session).and_then(|slot| slot.seldom.candidate);
        let connection = candidate.and_then(|key| self.connections.get_mut(key));
        if !connection.is_some_and(|connection| connection.write_whole(frame.wire())) {
            self.candidate_gone(session);
        }
    }

    /// The candidate's connection ends, polling goes on; the session learns it here.
    fn drop_candidate(&mut self, session: SessionKey, last_word: Option<Frame>) {
        self.end_candidate(session, last_word);
        self.tell(session, SessionInput::CandidateGone, None);
    }

    /// The candidate's connection ends, as the session knows.
    pub(super) fn end_candidate(&mut self, session: SessionKey, last_word: Option<Frame>) {
        let Some(slot) = self.sessions.get_mut(session) else { return };
        if let Some(candidate) = slot.seldom.candidate.take() {
            self.settings.metrics.upgrade_failed();
            self.finish_connection(candidate, last_word);
        }
    }
}

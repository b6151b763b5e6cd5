//! What arrives at a shard: requests of clients that poll, and what comes by WebSockets.

use parlor_core::{
    engine_io::{SessionEffect, SessionInput, Transport},
    key::{ConnectionKey, SessionKey},
};
use parlor_shared::{
    engine_io::{Packet, decode_payload},
    websocket::{Violation, close_code},
};

use super::{
    Sim,
    agenda::{Happening, Up},
};

impl Sim {
    pub(super) fn get_arrives(&mut self, client: usize, epoch: u32) {
        let accepted = match self.sids.get(&(client, epoch)).copied() {
            Some((at, key)) if self.polls((at, key)) => {
                self.tell(at, key, SessionInput::PollOpened, None)
            }
            _ => false,
        };
        if !accepted {
            self.answer(client, epoch, None);
        }
    }

    pub(super) fn get_aborted(&mut self, client: usize, epoch: u32) {
        if let Some((at, key)) = self.sids.get(&(client, epoch)).copied() {
            self.tell(at, key, SessionInput::PollAborted, None);
        }
    }

    pub(super) fn post_arrives(&mut self, client: usize, epoch: u32, body: Option<&str>) {
        let mut accepted = false;
        if let Some((at, key)) = self.sids.get(&(client, epoch)).copied()
            && self.polls((at, key))
            && self.tell(at, key, SessionInput::PostOpened, None)
        {
            accepted = body.is_some();
            match body {
                None => _ = self.tell(at, key, SessionInput::PostBroken, None),
                Some(body) => {
                    for packet in decode_payload(body) {
                        let Some(slot) = self.shards[at].sessions.get(key) else { break };
                        match &packet {
                            Ok(packet) => {
                                let input = SessionInput::Packet(packet);
                                self.tell(at, key, input, Some(packet));
                            }
                            Err(_) if slot.session.is_closed() => break,
                            Err(_) => {
                                accepted = false;
                                self.tell(at, key, SessionInput::Malformed, None);
                            }
                        }
                    }
                    self.tell(at, key, SessionInput::PostClosed, None);
                }
            }
        }
        let back = self.now + self.latency();
        self.agenda.note(back, Happening::Posted { client, epoch, accepted });
    }

    fn polls(&self, (at, key): (usize, SessionKey)) -> bool {
        let slot = self.shards[at].sessions.get(key);
        slot.is_some_and(|slot| slot.session.transport() == Transport::Polling)
    }

    pub(super) fn answer(&mut self, client: usize, epoch: u32, body: Option<Vec<u8>>) {
        let back = self.now + self.latency();
        self.agenda.note(back, Happening::Answered { client, epoch, body });
    }

    /// A WebSocket's handshake arrives for a session that polls.
    pub(super) fn candidate_arrives(&mut self, client: usize, epoch: u32) {
        let Some((at, key)) = self.sids.get(&(client, epoch)).copied() else { return };
        let connection = self.connect(client, (at, key), true);
        let now = self.now;
        let Some(slot) = self.shards[at].sessions.get_mut(key) else { return };
        let mut verdict = Vec::new();
        slot.session.handle(now, SessionInput::CandidateOpened, &mut verdict);
        self.oracle.session_output(now, (at, key), None, &verdict);
        if verdict == [SessionEffect::AcceptCandidate] {
            slot.candidate = Some(connection);
            self.touch(at);
            self.candidate_open(client, epoch, connection);
        } else {
            self.finish(connection);
        }
    }

    /// Something arrives by a WebSocket.
    pub(super) fn up_arrives(&mut self, connection_key: ConnectionKey, up: &Up) {
        let Some(connection) = self.connections.get(connection_key) else { return };
        let (at, key) = (connection.shard, connection.session);
        if connection.is_finished {
            if matches!(up, Up::Gone { .. }) {
                self.connections.remove(connection_key);
            }
            return;
        }
        if connection.is_candidate {
            return self.candidate_up(at, key, connection_key, up);
        }
        let told = |sim: &mut Self, input: SessionInput<'_>| _ = sim.tell(at, key, input, None);
        match up {
            Up::Packet(text) => match Packet::decode(text) {
                Ok(packet) => {
                    self.tell(at, key, SessionInput::Packet(&packet), Some(&packet));
                }
                Err(_) => told(self, SessionInput::Malformed),
            },
            Up::Bytes(bytes) => {
                let packet = Packet::Binary(bytes.as_slice().into());
                self.tell(at, key, SessionInput::Packet(&packet), Some(&packet));
            }
            Up::Malformed => told(self, SessionInput::Malformed),
            Up::Violation => {
                let code = close_code::PROTOCOL_ERROR;
                let violation = Violation { code, reason: "simulated" };
                told(self, SessionInput::Violated(violation));
            }
            Up::Ping => told(self, SessionInput::WebSocketPing(b"?")),
            Up::Close(code) => told(self, SessionInput::WebSocketClosing(*code)),
            Up::Gone { clean } => {
                if let Some(connection) = self.connections.get_mut(connection_key) {
                    connection.is_dead = true;
                }
                told(self, SessionInput::TransportGone { clean: *clean });
                self.flush_session(at, key);
                self.connections.remove(connection_key);
            }
        }
    }

    fn candidate_up(&mut self, at: usize, key: SessionKey, connection: ConnectionKey, up: &Up) {
        if let Up::Packet(text) = up
            && let Ok(packet) = Packet::decode(text)
        {
            self.tell(at, key, SessionInput::CandidatePacket(&packet), None);
            return;
        }
        if let Some(slot) = self.shards[at].sessions.get_mut(key) {
            slot.candidate = None;
        }
        self.finish(connection);
        self.tell(at, key, SessionInput::CandidateGone, None);
    }
}

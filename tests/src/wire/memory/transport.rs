//! What a server's transports do between connections and sessions, in short: requests and frames
//! in, answers and frames out.

use anyhow::{Result, ensure};
use parlor_core::{
    engine_io::{SessionInput, Transport},
    key::SessionKey,
};
use parlor_shared::{
    engine_io::{Packet, decode_payload},
    socket_io::Frame,
    websocket::{Decoder, Limits, Message, Role, Violation},
};

use super::{Carrier, End, Memory, Slot};
use crate::wire::{Came, Line, Request};

impl Memory {
    pub(super) fn session_of(&self, sid: Option<&str>) -> Option<(SessionKey, Transport)> {
        let key = *self.by_sid.get(sid?)?;
        let slot = self.sessions.get(key)?;
        Some((key, slot.session.transport()))
    }

    pub(super) fn get(&mut self, key: SessionKey) -> Result<Line> {
        let line = self.add(End::Get(key));
        if !self.tell(key, SessionInput::PollOpened, None)? {
            self.answer(line, 400, "");
        } else if let Some(Slot { carrier: Carrier::Polling(get), .. }) = self.sessions.get_mut(key)
        {
            *get = Some(line);
        }
        Ok(line)
    }

    pub(super) fn post(&mut self, key: SessionKey, request: &Request) -> Result<Line> {
        let line = self.add(End::Post(key));
        if !self.tell(key, SessionInput::PostOpened, None)? {
            self.answer(line, 400, "");
        } else if request.body.len() > self.settings.max_payload {
            self.answer(line, 413, "");
            self.tell(key, SessionInput::PostBroken, None)?;
        } else if request.is_whole {
            let is_fine = self.body(key, &request.body)?;
            self.tell(key, SessionInput::PostClosed, None)?;
            let (status, body) = if is_fine { (200, "ok") } else { (400, "") };
            self.answer(line, status, body);
        }
        Ok(line)
    }

    /// The packets of a POST; false if something in it could not be read.
    fn body(&mut self, key: SessionKey, body: &[u8]) -> Result<bool> {
        let Ok(body) = std::str::from_utf8(body) else {
            self.tell(key, SessionInput::Malformed, None)?;
            return Ok(false);
        };
        for packet in decode_payload(body) {
            let Some(slot) = self.sessions.get(key) else { break };
            let Ok(packet) = packet else {
                if slot.session.is_closed() {
                    break;
                }
                self.tell(key, SessionInput::Malformed, None)?;
                return Ok(false);
            };
            self.tell(key, SessionInput::Packet(&packet), Some(&packet))?;
        }
        Ok(true)
    }

    pub(super) fn websocket_end(&self, session: SessionKey, is_candidate: bool) -> End {
        let limits = Limits {
            max_message_bytes: self.settings.max_payload,
            max_fragments: Limits::MAX_FRAGMENTS,
        };
        let decoder = Decoder::new(Role::Server, limits);
        End::WebSocket { session, is_candidate, decoder, is_stalled: false }
    }

    /// The server writes to a WebSocket.
    pub(super) fn transmit(&mut self, line: Line, wire: &[u8]) -> Result<()> {
        let when = self.now.since_start();
        let connection = self.line(line)?;
        connection.reader.push(wire);
        while let Some(came) = connection.reader.next()? {
            connection.arrived.push_back((when, came));
        }
        Ok(())
    }

    /// The server ends a connection.
    pub(super) fn hang_up(&mut self, line: Line, last: Option<&Frame>) -> Result<()> {
        if let Some(frame) = last {
            self.transmit(line, frame.wire())?;
        }
        let connection = self.line(line)?;
        ensure!(!connection.reader.is_half(), "the connection ended in the middle of a frame");
        connection.end = End::Over;
        self.arrive(line, Came::End);
        Ok(())
    }

    pub(super) fn bytes(&mut self, line: Line, mut bytes: &mut [u8]) -> Result<()> {
        while !bytes.is_empty() {
            let end = std::mem::replace(&mut self.line(line)?.end, End::Over);
            let End::WebSocket { session, is_candidate, mut decoder, is_stalled } = end else {
                return Ok(());
            };
            let message = decoder.next(&mut bytes).map(|message| message.map(owned));
            let end = End::WebSocket { session, is_candidate, decoder, is_stalled };
            self.line(line)?.end = end;
            match (message, is_candidate) {
                (Ok(None), _) => return Ok(()),
                (Ok(Some(message)), false) => self.message(session, message)?,
                (Ok(Some(message)), true) => self.candidate_message(line, session, message)?,
                (Err(violation), false) => {
                    self.tell(session, SessionInput::Violated(violation), None)?;
                    return Ok(());
                }
                (Err(violation), true) => return self.candidate_gone(session, Some(violation)),
            }
        }
        Ok(())
    }

    fn message(&mut self, key: SessionKey, message: Message<'_>) -> Result<()> {
        let input = match message {
            Message::Text(text) => match Packet::decode(&text) {
                Ok(packet) => {
                    self.tell(key, SessionInput::Packet(&packet), Some(&packet))?;
                    return Ok(());
                }
                Err(_) => SessionInput::Malformed,
            },
            Message::Binary(bytes) => {
                let packet = Packet::Binary(bytes);
                self.tell(key, SessionInput::Packet(&packet), Some(&packet))?;
                return Ok(());
            }
            Message::Ping(payload) => {
                self.tell(key, SessionInput::WebSocketPing(&payload), None)?;
                return Ok(());
            }
            Message::Pong(_) => SessionInput::WebSocketPong,
            Message::Close(code) => SessionInput::WebSocketClosing(code),
        };
        self.tell(key, input, None)?;
        Ok(())
    }

    fn candidate_message(
        &mut self,
        line: Line,
        key: SessionKey,
        message: Message<'_>,
    ) -> Result<()> {
        match message {
            Message::Text(text) => match Packet::decode(&text) {
                Ok(packet) => {
                    self.tell(key, SessionInput::CandidatePacket(&packet), None)?;
                }
                Err(_) => self.drop_candidate(key, None)?,
            },
            Message::Ping(payload) => self.transmit(line, Frame::pong(&payload).wire())?,
            Message::Pong(_) => {}
            Message::Binary(_) => self.drop_candidate(key, None)?,
            Message::Close(code) => self.drop_candidate(key, code)?,
        }
        Ok(())
    }

    fn drop_candidate(&mut self, key: SessionKey, code: Option<u16>) -> Result<()> {
        let candidate = self.sessions.get_mut(key).and_then(|slot| slot.candidate.take());
        if let Some(line) = candidate {
            self.hang_up(line, Some(&Frame::close(code, "")))?;
        }
        self.tell(key, SessionInput::CandidateGone, None)?;
        Ok(())
    }

    pub(super) fn candidate_gone(
        &mut self,
        key: SessionKey,
        violation: Option<Violation>,
    ) -> Result<()> {
        let candidate = self.sessions.get_mut(key).and_then(|slot| slot.candidate.take());
        if let (Some(line), Some(violation)) = (candidate, violation) {
            self.hang_up(line, Some(&Frame::close(Some(violation.code), violation.reason)))?;
        }
        self.tell(key, SessionInput::CandidateGone, None)?;
        Ok(())
    }
}

fn owned(message: Message<'_>) -> Message<'static> {
    match message {
        Message::Text(text) => Message::Text(text.into_owned().into()),
        Message::Binary(bytes) => Message::Binary(bytes.into_owned().into()),
        Message::Ping(bytes) => Message::Ping(bytes.into_owned().into()),
        Message::Pong(bytes) => Message::Pong(bytes.into_owned().into()),
        Message::Close(code) => Message::Close(code),
    }
}

//! What a shard does between sessions and the application, in short: the only room that knows the
//! session's verbs.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use parlor_core::{
    delivery::{Delivery, NoViews},
    engine_io::{Session, SessionEffect, SessionInput, Transport},
    input::Input,
    key::{Origin, SessionKey},
    time::Time,
};
use parlor_shared::{
    engine_io::{Handshake, Packet},
    id::{ID_BYTES, Sid},
    socket_io::Frame,
};

use super::{
    Carrier, End, MAX_TIMEOUTS, Memory, Slot,
    app::{Application, Wish},
};

impl Memory {
    pub(super) fn open(&mut self, transport: Transport, carrier: Carrier) -> Result<SessionKey> {
        let mut id = [0; ID_BYTES];
        id[ID_BYTES - 8..].copy_from_slice(&(self.by_sid.len() as u64).to_be_bytes());
        let sid = Sid::from_bytes(id).as_str().to_owned();
        let settings = Arc::clone(&self.settings);
        let greeting = serde_json::to_string(&Handshake {
            sid: sid.clone(),
            upgrades: match transport {
                Transport::Polling => vec![Transport::WebSocket.as_str().to_owned()],
                Transport::WebSocket => Vec::new(),
            },
            ping_interval: u64::try_from(settings.ping_interval.as_millis())?,
            ping_timeout: u64::try_from(settings.ping_timeout.as_millis())?,
            max_payload: settings.max_payload as u64,
        })?;
        let session = Session::open(self.now, transport, &format!("0{greeting}"), settings);
        let slot = Slot { session, sid: sid.clone(), carrier, candidate: None };
        let key = self.sessions.insert(slot);
        self.by_sid.insert(sid, key);
        self.input(Input::Opened(key, Origin::default()))?;
        Ok(key)
    }

    /// Hands an input to a session and does what it says; false if it refused a request. `message`
    /// is the packet inside the input, if it may be one for the application.
    pub(super) fn tell(
        &mut self,
        key: SessionKey,
        input: SessionInput<'_>,
        message: Option<&Packet<'_>>,
    ) -> Result<bool> {
        let Some(slot) = self.sessions.get_mut(key) else { return Ok(false) };
        let mut effects = Vec::new();
        slot.session.handle(self.now, input, &mut effects);
        let mut is_admitted = true;
        for effect in effects {
            match effect {
                SessionEffect::RefuseRequest => is_admitted = false,
                SessionEffect::Deliver => {
                    if let Some(packet) = message {
                        self.deliver(key, packet)?;
                    }
                }
                other => self.carry_out(key, other)?,
            }
        }
        Ok(is_admitted)
    }

    fn carry_out(&mut self, key: SessionKey, effect: SessionEffect) -> Result<()> {
        let Some(slot) = self.sessions.get_mut(key) else { return Ok(()) };
        match effect {
            SessionEffect::Deliver
            | SessionEffect::Noise
            | SessionEffect::RefuseRequest
            | SessionEffect::AcceptCandidate => {}
            SessionEffect::Pinged => self.input(Input::Pinged(key))?,
            SessionEffect::Ponged => self.input(Input::Ponged(key))?,
            SessionEffect::DropCandidate => {
                if let Some(line) = slot.candidate.take() {
                    self.hang_up(line, Some(&Frame::close(None, "")))?;
                }
            }
            SessionEffect::SendToCandidate(frame) => {
                let line = slot.candidate.context("a candidate is there")?;
                self.transmit(line, frame.wire())?;
            }
            SessionEffect::Upgraded => {
                let last_answer = slot.session.upgrade();
                let line = slot.candidate.take().context("a candidate is there")?;
                let before = std::mem::replace(&mut slot.carrier, Carrier::WebSocket(line));
                if let Carrier::Polling(Some(get)) = before {
                    self.answer(get, 200, last_answer.context("the GET is not answered")?);
                }
                if let End::WebSocket { is_candidate, .. } = &mut self.line(line)?.end {
                    *is_candidate = false;
                }
            }
            SessionEffect::Closed(reason) => {
                self.ended.push((slot.sid.clone(), self.now, reason));
                self.input(Input::Closed(key, reason))?;
            }
        }
        Ok(())
    }

    /// Whatever a session has to send goes out now, if its client can take it.
    fn flush(&mut self, key: SessionKey) -> Result<()> {
        let now = self.now;
        let Some(slot) = self.sessions.get_mut(key) else { return Ok(()) };
        match &mut slot.carrier {
            Carrier::Polling(get) => {
                if let Some(body) = slot.session.poll_answer(&mut NoViews) {
                    let get = get.take().context("an answer, but no GET waits")?;
                    self.answer(get, 200, body);
                }
            }
            Carrier::WebSocket(line) => {
                let line = *line;
                let wire: Vec<u8> =
                    slot.session.poll_transmit(&mut NoViews).flatten().copied().collect();
                let is_stalled =
                    matches!(self.line(line)?.end, End::WebSocket { is_stalled: true, .. });
                if !wire.is_empty() && is_stalled {
                    self.tell(key, SessionInput::Blocked, None)?;
                } else if !wire.is_empty() {
                    self.transmit(line, &wire)?;
                    let slot = self.sessions.get_mut(key).context("just seen")?;
                    slot.session.written(now, wire.len());
                }
            }
        }
        self.remove_if_gone(key)
    }

    fn remove_if_gone(&mut self, key: SessionKey) -> Result<()> {
        if self.sessions.get(key).is_none_or(|slot| !slot.session.is_gone()) {
            return Ok(());
        }
        let Some(slot) = self.sessions.remove(key) else { return Ok(()) };
        if let Some(line) = slot.candidate {
            self.hang_up(line, Some(&Frame::close(None, "")))?;
        }
        match slot.carrier {
            Carrier::Polling(None) => {}
            Carrier::Polling(Some(get)) => self.answer(get, 400, ""),
            Carrier::WebSocket(line) => self.hang_up(line, None)?,
        }
        Ok(())
    }

    /// Everything that is due is done, and everything that can be is written.
    pub(super) fn settle(&mut self) -> Result<()> {
        for n in 0.. {
            ensure!(n < MAX_TIMEOUTS, "deadlines do not end");
            for key in self.sessions.keys() {
                self.flush(key)?;
            }
            let Some((_, due)) = self.next_deadline().filter(|(at, _)| *at <= self.now) else {
                break;
            };
            match due {
                Some(key) => {
                    self.tell(key, SessionInput::Timeout, None)?;
                }
                None => self.input(Input::Timeout)?,
            }
        }
        Ok(())
    }

    /// When something is due, and to which session; `None`: to the world.
    pub(super) fn next_deadline(&self) -> Option<(Time, Option<SessionKey>)> {
        let sessions = self.sessions.iter();
        let session =
            sessions.filter_map(|(key, slot)| Some((slot.session.deadline()?, key))).min();
        let world = self.application.deadline();
        match (session, world) {
            (Some((at, key)), world) if world.is_none_or(|world| at <= world) => {
                Some((at, Some(key)))
            }
            (_, world) => world.map(|at| (at, None)),
        }
    }

    fn deliver(&mut self, key: SessionKey, packet: &Packet<'_>) -> Result<()> {
        match (&self.application, packet) {
            (Application::Engine, Packet::Text(text)) => {
                self.wish(key, Wish::Send(Frame::message_text(text), Delivery::Reliable))
            }
            (Application::Engine, Packet::Binary(bytes)) => {
                self.wish(key, Wish::Send(Frame::message_binary(bytes), Delivery::Reliable))
            }
            (Application::Socket(_), Packet::Text(text)) => self.input(Input::Text(key, text)),
            (Application::Socket(_), Packet::Binary(bytes)) => self.input(Input::Bytes(key, bytes)),
            _ => Ok(()),
        }
    }

    /// Hands an input to the world, and then what handlers want, until all is still.
    fn input(&mut self, input: Input<'_>) -> Result<()> {
        let mut input = Some(input);
        while let Application::Socket(socket) = &mut self.application {
            let Some(next) = input.take().or_else(|| socket.wanted.pop_front()) else { break };
            let sessions = &self.sessions;
            let session = |key| {
                let session = &sessions.get(key)?.session;
                Some((session.transport(), session.queued_packets()))
            };
            for (key, wish) in socket.handle(self.now, next, &session) {
                self.wish(key, wish)?;
            }
        }
        Ok(())
    }

    fn wish(&mut self, key: SessionKey, wish: Wish) -> Result<()> {
        match wish {
            Wish::Send(frame, delivery) => {
                self.tell(key, SessionInput::Send(frame, delivery), None)?;
                if self.sessions.get(key).is_some_and(|slot| slot.session.wants_flush()) {
                    self.flush(key)?;
                }
            }
            Wish::Close(reason) => {
                self.tell(key, SessionInput::Close(reason), None)?;
            }
        }
        Ok(())
    }
}

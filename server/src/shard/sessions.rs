//! Sessions: how they begin, what they are told, what they want done about it, how they end.
//! What decides is core's `Session`; what they say above Engine.IO goes to the world, or to the
//! application on bare Engine.IO.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use parlor_core::{
    close::CloseReason,
    engine_io::{Session, SessionEffect, SessionInput, Transport},
    input::Input,
    key::{ConnectionKey, SessionKey},
};
use parlor_shared::{
    engine_io::{self as engine, Packet},
    id::Sid,
};

use super::{App, Carrier, Seldom, Shard, Slot, connections::good_bye};
use crate::{
    address::Network, chance, engine_app::EngineContext, handlers::Handshake, limits::Pass,
    transport::websocket::Role,
};

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Fine,
    /// It was no message: `noise` counts it.
    Noise,
    Refused,
}

impl Shard {
    /// Opens a session by polling; the greeting waits for the first poll.
    pub(crate) fn open_polling(&mut self, handshake: Handshake, pass: Option<Pass>) -> SessionKey {
        self.open(Transport::Polling, Carrier::Polling(None), handshake, pass)
    }

    /// Opens a session by a connection that is a WebSocket now.
    pub(super) fn open_by(
        &mut self,
        connection: ConnectionKey,
        handshake: Handshake,
        pass: Option<Pass>,
    ) -> SessionKey {
        let carrier = Carrier::WebSocket(connection);
        let key = self.open(Transport::WebSocket, carrier, handshake, pass);
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.role = Role::Transport(key);
        }
        key
    }

    fn open(
        &mut self,
        transport: Transport,
        carrier: Carrier,
        handshake: Handshake,
        mut pass: Option<Pass>,
    ) -> SessionKey {
        if let (App::Engine(_), Some(pass)) = (&self.app, &mut pass) {
            // There is nothing to join.
            pass.pending = None;
        }
        let (now, settings) = (self.now(), Arc::clone(&self.settings.session));
        let origin = Network::of(handshake.address).origin();
        let sid = chance::sid(&self.settings.owners, self.settings.id);
        let upgrades = self.settings.transports.upgrades(transport);
        let greeting = engine::Handshake {
            sid: sid.to_string(),
            upgrades: upgrades.iter().map(|to| to.as_str().to_owned()).collect(),
            ping_interval: settings.ping_interval.as_millis() as u64,
            ping_timeout: settings.ping_timeout.as_millis() as u64,
            max_payload: settings.max_payload as u64,
        };
        let greeting = serde_json::to_string(&greeting).expect("a greeting has a JSON form");
        let session = Session::open(now, transport, &format!("0{greeting}"), settings);
        let slot = Slot {
            session,
            carrier,
            is_dirty: true,
            has_told: false,
            lease: self.settings.limits.first_lease(),
            armed: None,
            seldom: Box::new(Seldom {
                sid,
                handshake: Arc::new(handshake),
                candidate: None,
                n_candidate_frames: 0,
                n_expected: 0,
                meter: None,
                pass,
                account_budget: None,
            }),
        };
        let key = self.sessions.insert(slot);
        self.by_sid.insert(sid, key);
        self.settings.metrics.opened(transport);
        tracing::debug!(session = chance::short(key), transport = transport.as_str(), "opened");
        self.dirty.push(key);
        self.input(Input::Opened(key, origin));
        self.arm(key);
        key
    }

    /// The session of this id.
    pub(crate) fn session(&self, sid: &Sid) -> Option<SessionKey> {
        self.by_sid.get(sid).copied()
    }

    /// The WebSocket of a session, or the one that wants to become it.
    pub(super) fn connection_of(&self, sid: &Sid) -> Option<ConnectionKey> {
        let slot = self.sessions.get(self.session(sid)?)?;
        match slot.carrier {
            Carrier::WebSocket(connection) => Some(connection),
            Carrier::Polling(_) => slot.seldom.candidate,
        }
    }

    /// The transport of a session of which only the key is known.
    pub(crate) fn transport(&self, key: SessionKey) -> Option<Transport> {
        self.sessions.get(key).map(|slot| slot.session.transport())
    }

    /// Hands one input to a session and carries out what it says. `message` is the packet inside
    /// the input, if it may be one for the layer above.
    pub(super) fn tell(
        &mut self,
        key: SessionKey,
        input: SessionInput<'_>,
        message: Option<&Packet<'_>>,
    ) -> Told {
        let now = self.now();
        let Some(slot) = self.sessions.get_mut(key) else { return Told::Refused };
        let mut effects = std::mem::take(&mut self.effects);
        slot.handle(now, input, &mut effects, &mut self.tally);
        if slot.session.wants_transmit() {
            slot.mark(key, &mut self.dirty);
        }
        let mut told = Told::Fine;
        for effect in effects.drain(..) {
            match effect {
                SessionEffect::Deliver => {
                    if let Some(packet) = message {
                        self.deliver(key, packet);
                    }
                }
                SessionEffect::Noise => told = Told::Noise,
                SessionEffect::RefuseRequest => told = Told::Refused,
                other => self.carry_out(key, other),
            }
        }
        // Delivering may have used the list meanwhile; the larger one is kept.
        if effects.capacity() > self.effects.capacity() {
            self.effects = effects;
        }
        self.arm(key);
        told
    }

    /// Does what a session wants done, beside what `tell` has seen to.
    pub(super) fn carry_out(&mut self, key: SessionKey, effect: SessionEffect) {
        match effect {
            SessionEffect::Deliver
            | SessionEffect::Noise
            | SessionEffect::RefuseRequest
            | SessionEffect::AcceptCandidate => {}
            SessionEffect::DropCandidate => self.end_candidate(key, Some(good_bye())),
            SessionEffect::SendToCandidate(frame) => self.write_to_candidate(key, &frame),
            SessionEffect::Upgraded => self.upgraded(key),
            SessionEffect::Pinged if self.is_recovering() => self.input(Input::Pinged(key)),
            SessionEffect::Ponged if self.is_recovering() => self.input(Input::Ponged(key)),
            SessionEffect::Pinged | SessionEffect::Ponged => {}
            SessionEffect::Closed(reason) => self.closed(key, reason),
        }
    }

    fn is_recovering(&self) -> bool {
        match &self.app {
            App::SocketIo { world, .. } => world.socket_io().is_recovering(),
            App::Engine(_) => false,
        }
    }

    fn closed(&mut self, key: SessionKey, reason: CloseReason) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        slot.has_told = true;
        if let Some(pass) = &mut slot.seldom.pass {
            // It will not join anything, though it may stay for its last word.
            pass.pending = None;
        }
        slot.mark(key, &mut self.dirty);
        self.settings.metrics.closed(slot.session.transport(), reason);
        tracing::debug!(session = chance::short(key), reason = reason.as_str(), "closed");
        if slot.session.is_gone() {
            // It has nothing left to say, and is unknown at once.
            self.by_sid.remove(&slot.seldom.sid);
        }
        self.input(Input::Closed(key, reason));
    }

    fn deliver(&mut self, key: SessionKey, packet: &Packet<'_>) {
        let (n_bytes, input) = match packet {
            Packet::Text(text) => (text.len(), Input::Text(key, text)),
            Packet::Binary(bytes) => (bytes.len(), Input::Bytes(key, bytes)),
            _ => return,
        };
        self.tally.messages_received += 1;
        self.tally.bytes_received += n_bytes as u64;
        if let App::Engine(_) = &self.app {
            return self.engine_message(key, packet);
        }
        if self.is_within_limits(key, n_bytes) {
            return self.input(input);
        }
        match input {
            Input::Text(_, text) => self.input(Input::Excess(key, Some(text))),
            bytes => {
                self.input(Input::Excess(key, None));
                self.input(bytes);
            }
        }
    }

    /// Counts what is no message as one: it is as much work.
    pub(super) fn noise(&mut self, key: SessionKey, n_bytes: usize) {
        if let App::SocketIo { .. } = &self.app
            && !self.is_within_limits(key, n_bytes)
        {
            self.input(Input::Excess(key, None));
        }
    }

    /// Counts a message; false if it is more than its client may send just now.
    fn is_within_limits(&mut self, key: SessionKey, n_bytes: usize) -> bool {
        let now = self.time;
        let Some(slot) = self.sessions.get_mut(key) else { return true };
        slot.lease.take(n_bytes) || {
            let Seldom { meter, pass, account_budget, .. } = &mut *slot.seldom;
            let of_network = pass.as_ref().and_then(|pass| pass.budget.as_deref());
            let shared = [account_budget.as_deref(), of_network];
            self.settings.limits.take(now, n_bytes, (meter, &mut slot.lease), shared)
        }
    }

    fn engine_message(&mut self, key: SessionKey, packet: &Packet<'_>) {
        let App::Engine(app) = &self.app else { return };
        let mut context = EngineContext::default();
        let call = AssertUnwindSafe(|| app.call(&mut context, packet));
        if catch_unwind(call).is_err() {
            self.settings.metrics.handler_panics.inc();
            tracing::error!("a handler panicked; its session ends");
            context.close = true;
        }
        for (frame, delivery) in context.frames {
            self.tally.frames_sent += 1;
            self.tell(key, SessionInput::Send(frame, delivery), None);
            if self.sessions.get(key).is_some_and(|slot| slot.session.wants_flush()) {
                self.flush_session(key);
            }
        }
        if context.close {
            self.tell(key, SessionInput::Close(CloseReason::ForcedServerClose), None);
        }
    }

    /// Begins to end every session.
    pub(super) fn shut_down(&mut self) {
        self.is_shutting_down = true;
        for key in self.sessions.keys() {
            self.tell(key, SessionInput::Close(CloseReason::ServerShuttingDown), None);
        }
    }
}

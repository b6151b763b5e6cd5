//! One Engine.IO session: heartbeat, upgrade, and the queue towards one client.
//! Namespaces and games are not known here; see `socket_io` and `lobby`. Bytes are carried by the
//! server's `transport`.
//! Source: Engine.IO protocol v4, §§ Heartbeat, Upgrade; engine.io 6.6.11 where it is silent.

use std::{sync::Arc, time::Duration};

use parlor_shared::{
    engine_io::Packet,
    socket_io::Frame,
    websocket::{Violation, close_code},
};

use super::{
    Settings,
    heartbeat::{Beat, Heartbeat},
    outbox::{HIGH_WATER_BYTES, HIGH_WATER_PACKETS, Outbox},
    slots::SlotLimits,
};
use crate::{
    close::CloseReason,
    delivery::{Delivery, Views},
    fault::{self, Fault},
    key::ViewId,
    time::Time,
};

/// Pings and pongs of the WebSocket protocol taken from one client in a second.
pub const MAX_CONTROL_FRAMES_PER_SECOND: u32 = 100;

/// While a second transport is being tried, a waiting poll is ended this often, so that the
/// client can pause polling.
const NOOP_INTERVAL: Duration = Duration::from_millis(100);

/// Carrier of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// As it stands in the query and in `upgrades`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// Everything that can happen to a session.
#[derive(Debug)]
pub enum SessionInput<'a> {
    /// A GET arrived and waits for an answer.
    PollOpened,
    /// The client gave up the GET that waits.
    PollAborted,
    /// A POST began.
    PostOpened,
    /// Its packets have all been handed in.
    PostClosed,
    /// Its body broke a rule: too large, not text, of the wrong type, or cut off.
    PostBroken,
    /// A packet arrived by the session's own transport.
    Packet(&'a Packet<'a>),
    /// Something that is no packet arrived by the session's own transport.
    Malformed,
    /// The WebSocket's peer broke its rules.
    Violated(Violation),
    /// A ping of the WebSocket protocol arrived.
    WebSocketPing(&'a [u8]),
    /// A pong of the WebSocket protocol arrived.
    WebSocketPong,
    /// The WebSocket's peer said good-bye; its code is answered.
    WebSocketClosing(Option<u16>),
    /// The WebSocket is gone; `clean` if its peer closed it.
    TransportGone {
        /// False: an error ended it.
        clean: bool,
    },
    /// The WebSocket takes no more bytes just now.
    Blocked,
    /// It does again.
    Writable,
    /// A second transport asks to take over.
    CandidateOpened,
    /// A packet arrived by the second transport.
    CandidatePacket(&'a Packet<'a>),
    /// The second transport broke a rule or is gone.
    CandidateGone,
    /// A frame for the client.
    Send(Frame, Delivery),
    /// There is something new to see in a view; the client gets the newest when it can take it.
    Show {
        /// Which.
        view: ViewId,
        /// The client can do something with deltas.
        deltas: bool,
    },
    /// The client does not look at a view any more, and gets nothing of it.
    Hide {
        /// Which.
        view: ViewId,
    },
    /// The client has lost what deltas build on: the next frame of this view is a whole one.
    Rebase {
        /// Which.
        view: ViewId,
    },
    /// End the session for this reason, after what is queued.
    Close(CloseReason),
    /// A deadline may have passed.
    Timeout,
}

/// What the driver is to do, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionEffect {
    /// The packet just handed in is a message for the layer above.
    Deliver,
    /// What was just handed in is no message, and nothing has asked for it: it counts as one.
    Noise,
    /// Answer the request just handed in with 400.
    RefuseRequest,
    /// Admit the second transport; it is a candidate now.
    AcceptCandidate,
    /// Close the second transport; polling goes on.
    DropCandidate,
    /// Write this to the second transport.
    SendToCandidate(Frame),
    /// The second transport is the session's own from now on.
    Upgraded,
    /// A ping is queued, behind everything that the client was sent so far.
    Pinged,
    /// It is answered.
    Ponged,
    /// The session has ended: tell the layer above. It may still have to say good-bye.
    Closed(CloseReason),
}

/// ```text
///              ┌────────────── Open ─────────────┐
///  polling ───►│ Polling ──candidate sends 5──►  │──close──► Closing ──said──► gone
///  websocket ─►│                    WebSocket    │──transport lost──────────► gone
///              └─────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    carrier: Carrier,
    heartbeat: Heartbeat,
    outbox: Outbox,
    state: State,
    control_frames: ControlFrames,
    n_replaced: u64,
    n_coalesced: u64,
}

#[derive(Debug)]
enum Carrier {
    Polling(Polling),
    WebSocket {
        /// Since when it takes no bytes; moves on with each byte taken.
        blocked_since: Option<Time>,
    },
}

#[derive(Debug, Default)]
struct Polling {
    /// A GET waits.
    get: bool,
    /// A POST is being read.
    post: bool,
    /// A WebSocket tries to take over.
    candidate: Option<Candidate>,
    /// The waiting GET is to be answered with this, whatever is queued.
    answer: Option<&'static str>,
    /// The good-bye waits until all that is queued is out: see [`Session::end`].
    owes_good_bye: bool,
}

#[derive(Debug)]
struct Candidate {
    until: Time,
    noop_at: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closing { until: Time },
    Gone,
}

#[derive(Debug, Default)]
struct ControlFrames {
    second: u64,
    n: u32,
}

impl Session {
    /// A session that begins now by this transport. The greeting is already queued.
    pub fn open(now: Time, transport: Transport, greeting: &str, settings: Arc<Settings>) -> Self {
        let mut outbox = Outbox::default();
        outbox.push(Frame::engine(greeting));
        Self {
            heartbeat: Heartbeat::new(now, &settings),
            settings,
            carrier: match transport {
                Transport::Polling => Carrier::Polling(Polling::default()),
                Transport::WebSocket => Carrier::WebSocket { blocked_since: None },
            },
            outbox,
            state: State::Open,
            control_frames: ControlFrames::default(),
            n_replaced: 0,
            n_coalesced: 0,
        }
    }

    /// Carrier of the moment.
    pub fn transport(&self) -> Transport {
        match self.carrier {
            Carrier::Polling(_) => Transport::Polling,
            Carrier::WebSocket { .. } => Transport::WebSocket,
        }
    }

    /// True once the session has ended, though it may still have to say good-bye.
    pub fn is_closed(&self) -> bool {
        self.state != State::Open
    }

    /// True once there is nothing left to do: the driver drops the session and its carrier.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Bytes that wait for the client.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.bytes()
    }

    /// Reliable packets that wait for the client.
    pub fn queued_packets(&self) -> usize {
        self.outbox.n_packets()
    }

    /// Volatile frames that a newer one replaced before the client could take them.
    pub fn n_replaced(&self) -> u64 {
        self.n_replaced
    }

    /// True if the transport takes nothing just now: a WebSocket whose buffers are full, or a
    /// client between two polls.
    pub fn is_blocked(&self) -> bool {
        !self.can_take()
    }

    /// States of views that a newer one replaced before the client could take them.
    pub fn n_coalesced(&self) -> u64 {
        self.n_coalesced
    }

    /// True if so much is queued that it should be written before more is made.
    pub fn wants_flush(&self) -> bool {
        self.is_over_high_water() && self.can_take()
    }

    /// When [`SessionInput::Timeout`] is due. `None` only when the session is gone.
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Gone => None,
            State::Closing { until } => Some(until),
            State::Open => {
                let heartbeat = self.heartbeat.deadline();
                let other = match &self.carrier {
                    Carrier::Polling(Polling { candidate: Some(candidate), get, .. }) => {
                        Some(if *get {
                            candidate.until.min(candidate.noop_at)
                        } else {
                            candidate.until
                        })
                    }
                    Carrier::Polling(_) => None,
                    Carrier::WebSocket { blocked_since } => {
                        blocked_since.map(|since| since + self.settings.write_stall_timeout)
                    }
                };
                Some(other.map_or(heartbeat, |other| other.min(heartbeat)))
            }
        }
    }

    /// Takes in one thing that happened and says what is to be done about it.
    pub fn handle(&mut self, now: Time, input: SessionInput<'_>, effects: &mut Vec<SessionEffect>) {
        if self.state != State::Open {
            return self.handle_while_closing(now, &input, effects);
        }
        match input {
            SessionInput::PollOpened => self.poll_opened(now, effects),
            SessionInput::PollAborted => self.poll_aborted(effects),
            SessionInput::PostOpened => self.post_opened(now, effects),
            SessionInput::PostClosed => {
                if let Carrier::Polling(polling) = &mut self.carrier {
                    polling.post = false;
                }
            }
            // The waiting GET gets no word: to clients a `1` means that they should stay away, but
            // this one may do better with another session.
            SessionInput::PostBroken => self.vanish(CloseReason::TransportError, effects),
            SessionInput::Packet(packet) => self.packet(now, packet, effects),
            SessionInput::Malformed => self.end(now, CloseReason::ParseError, effects),
            SessionInput::Violated(violation) => self.violated(now, violation, effects),
            SessionInput::WebSocketPing(payload) => {
                if self.control_frame(now, effects) {
                    effects.push(SessionEffect::Noise);
                    self.outbox.pong(Frame::pong(payload));
                }
            }
            SessionInput::WebSocketPong => {
                if self.control_frame(now, effects) {
                    effects.push(SessionEffect::Noise);
                }
            }
            SessionInput::WebSocketClosing(code) => {
                self.outbox.clear_unbegun();
                self.outbox.push(Frame::close(code, ""));
                self.begin_closing(now, CloseReason::TransportClose, effects);
            }
            SessionInput::TransportGone { clean } => {
                self.transport_gone(clean, effects);
            }
            SessionInput::Blocked => {
                if let Carrier::WebSocket { blocked_since } = &mut self.carrier {
                    blocked_since.get_or_insert(now);
                }
            }
            SessionInput::Writable => {
                if let Carrier::WebSocket { blocked_since } = &mut self.carrier {
                    *blocked_since = None;
                }
                self.drop_expired(now);
            }
            SessionInput::CandidateOpened => self.candidate_opened(now, effects),
            SessionInput::CandidatePacket(packet) => self.candidate_packet(now, packet, effects),
            SessionInput::CandidateGone => {
                if let Carrier::Polling(polling) = &mut self.carrier {
                    polling.candidate = None;
                }
            }
            SessionInput::Send(frame, delivery) => self.send(now, frame, delivery, effects),
            SessionInput::Show { view, deltas } => {
                let limits = self.slot_limits();
                self.n_coalesced += u64::from(self.outbox.slots().show(view, deltas, limits));
            }
            SessionInput::Hide { view } => {
                if let Some(slots) = self.outbox.known_slots() {
                    slots.hide(view);
                }
            }
            SessionInput::Rebase { view } => {
                if let Some(slots) = self.outbox.known_slots() {
                    slots.rebase(view);
                }
            }
            SessionInput::Close(reason) => self.end(now, reason, effects),
            SessionInput::Timeout => self.timeout(now, effects),
        }
    }

    /// The answer to the GET that waits, if there is anything to say. Views are asked for the
    /// newest there is.
    pub fn poll_answer(&mut self, views: &mut dyn Views) -> Option<Vec<u8>> {
        let Carrier::Polling(polling) = &mut self.carrier else { return None };
        if !polling.get {
            return None;
        }
        let is_closing = matches!(self.state, State::Closing { .. });
        let body = match polling.answer.take() {
            Some(answer) => answer.as_bytes().to_vec(),
            None if self.outbox.is_empty() && !is_closing => return None,
            None => self.outbox.take_payload(self.settings.max_payload, views),
        };
        if body.is_empty() && !is_closing {
            // Only views waited, and there is nothing to see in them.
            return None;
        }
        polling.get = false;
        if is_closing && self.outbox.is_empty() {
            if std::mem::take(&mut polling.owes_good_bye) {
                self.push_good_bye(false);
            } else {
                self.state = State::Gone;
            }
        }
        Some(body)
    }

    /// True if there is something to write, or an end to be seen to, as far as this session knows.
    pub fn wants_transmit(&self) -> bool {
        !self.outbox.is_empty() || self.state != State::Open || self.has_answer()
    }

    fn has_answer(&self) -> bool {
        matches!(&self.carrier, Carrier::Polling(polling) if polling.answer.is_some())
    }

    /// What [`Self::poll_transmit`] would give, if it is one chunk and no view: the usual case,
    /// at hand.
    pub fn only_chunk(&self) -> Option<&[u8]> {
        let is_open = self.transport() == Transport::WebSocket && self.state != State::Gone;
        if is_open { self.outbox.only_chunk() } else { None }
    }

    /// What the WebSocket is to be written next, front first; tell [`Self::written`] how much of
    /// it was, before anything else happens. Views are asked for the newest there is, unless the
    /// client cannot take it yet.
    pub fn poll_transmit<'s>(
        &'s mut self,
        views: &mut dyn Views,
    ) -> impl Iterator<Item = &'s [u8]> + use<'s> {
        let is_websocket = self.transport() == Transport::WebSocket && self.state != State::Gone;
        let takes_views = self.can_take() && self.outbox.bytes() < HIGH_WATER_BYTES;
        let views = takes_views.then_some(views);
        is_websocket.then(|| self.outbox.chunks(views)).into_iter().flatten()
    }

    /// The WebSocket took `n` bytes of [`Self::poll_transmit`].
    pub fn written(&mut self, now: Time, n: usize) {
        self.outbox.advance(n);
        if let Carrier::WebSocket { blocked_since: Some(since) } = &mut self.carrier
            && n > 0
        {
            *since = now;
        }
        if matches!(self.state, State::Closing { .. }) && self.outbox.is_empty() {
            self.state = State::Gone;
        }
    }

    /// True if the body of a POST that was admitted is to be read.
    pub fn expects_post(&self) -> bool {
        match &self.carrier {
            Carrier::Polling(polling) => polling.post,
            // It began before the upgrade.
            Carrier::WebSocket { .. } => true,
        }
    }

    /// At the high-water mark, or at the limit if that is lower.
    fn is_over_high_water(&self) -> bool {
        self.is_over_high_water_with(0)
    }

    /// The same with so many bytes more.
    fn is_over_high_water_with(&self, n_bytes: usize) -> bool {
        let (settings, outbox) = (&self.settings, &self.outbox);
        outbox.bytes() + n_bytes >= HIGH_WATER_BYTES.min(settings.max_queue_bytes)
            || outbox.n_packets() >= HIGH_WATER_PACKETS.min(settings.max_queue_packets)
    }

    fn slot_limits(&self) -> SlotLimits {
        let Settings { max_volatile_keys, max_queue_bytes, .. } = *self.settings;
        SlotLimits { keys: max_volatile_keys, bytes: max_queue_bytes }
    }

    /// True if one packet more may wait; asked when much does, or will.
    #[cold]
    fn may_wait(&mut self, now: Time, n_bytes: usize) -> bool {
        let has_kept_up = !self.is_over_high_water();
        let (bytes, n_packets) = (self.outbox.bytes(), self.outbox.n_packets());
        let Settings { max_queue_bytes, max_queue_packets, max_burst_bytes, .. } = *self.settings;
        let burst = self.outbox.burst();
        if has_kept_up {
            burst.at = Some(now);
        }
        let fits = has_kept_up || bytes + n_bytes <= max_burst_bytes;
        if max_burst_bytes > 0 && burst.at == Some(now) && fits {
            burst.max_bytes = bytes + n_bytes + max_queue_bytes;
            burst.max_packets = n_packets + 1 + max_queue_packets;
            return true;
        }
        // What has been read of it meanwhile is no excuse any more.
        let most = |before: usize, waiting: usize, max: usize| before.min(waiting + max).max(max);
        burst.max_bytes = most(burst.max_bytes, bytes, max_queue_bytes);
        burst.max_packets = most(burst.max_packets, n_packets, max_queue_packets);
        has_kept_up || bytes < burst.max_bytes && n_packets < burst.max_packets
    }

    /// True if the client takes bytes just now.
    fn can_take(&self) -> bool {
        match &self.carrier {
            Carrier::Polling(polling) => polling.get,
            Carrier::WebSocket { blocked_since } => blocked_since.is_none(),
        }
    }

    fn send(
        &mut self,
        now: Time,
        frame: Frame,
        delivery: Delivery,
        effects: &mut Vec<SessionEffect>,
    ) {
        let n_bytes = frame.wire().len();
        let is_much = self.is_over_high_water_with(n_bytes);
        let slot = match delivery {
            Delivery::Volatile { key } => Some((key, None)),
            Delivery::Fleeting { key, max_age_ms } => {
                Some((key, Some(now + Duration::from_millis(max_age_ms.into()))))
            }
            Delivery::Reliable | Delivery::Recoverable(_) => None,
        };
        match slot {
            Some(_) if fault::is_planted(Fault::VolatileQueued) => self.outbox.push(frame),
            None if fault::is_planted(Fault::ReliableDroppedWhileBlocked) && !self.can_take() => {}
            Some((key, until))
                if !self.can_take()
                    || is_much && self.is_over_high_water()
                    || self.outbox.holds(key) =>
            {
                let limits = self.slot_limits();
                self.n_replaced += self.outbox.slots().replace(key, (frame, until), limits);
            }
            _ => {
                if is_much
                    && !self.may_wait(now, n_bytes)
                    && !fault::is_planted(Fault::QueueUnlimited)
                {
                    return self.end(now, CloseReason::SlowConsumer, effects);
                }
                self.outbox.push(frame);
            }
        }
    }

    fn poll_opened(&mut self, now: Time, effects: &mut Vec<SessionEffect>) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return effects.push(SessionEffect::RefuseRequest);
        };
        if polling.get {
            // Two polls at once: the first is told that it is over (engine.io-protocol suite).
            polling.answer = Some("1");
            effects.push(SessionEffect::RefuseRequest);
            return self.lose(now, CloseReason::TransportError, effects);
        }
        polling.get = true;
        self.drop_expired(now);
    }

    /// What is too old, now that the client can take it, counts as replaced.
    fn drop_expired(&mut self, now: Time) {
        if let Some(slots) = self.outbox.known_slots() {
            self.n_replaced += slots.expire(now);
        }
    }

    fn poll_aborted(&mut self, effects: &mut Vec<SessionEffect>) {
        if let Carrier::Polling(polling) = &mut self.carrier
            && polling.get
        {
            polling.get = false;
            self.vanish(CloseReason::TransportError, effects);
        }
    }

    fn post_opened(&mut self, now: Time, effects: &mut Vec<SessionEffect>) {
        let Carrier::Polling(polling) = &mut self.carrier else {
            return effects.push(SessionEffect::RefuseRequest);
        };
        if std::mem::take(&mut polling.post) {
            // Neither is read.
            effects.push(SessionEffect::RefuseRequest);
            return self.end(now, CloseReason::TransportError, effects);
        }
        polling.post = true;
    }

    fn packet(&mut self, now: Time, packet: &Packet<'_>, effects: &mut Vec<SessionEffect>) {
        if let Packet::Pong(_) = packet {
            let was_asked = self.heartbeat.pong(now, &self.settings);
            let effect = if was_asked { SessionEffect::Ponged } else { SessionEffect::Noise };
            return effects.push(effect);
        }
        self.heartbeat.other(now, &self.settings);
        match packet {
            Packet::Text(_) | Packet::Binary(_) => effects.push(SessionEffect::Deliver),
            Packet::Close => match &mut self.carrier {
                Carrier::Polling(polling) => {
                    polling.answer = Some("6");
                    self.lose(now, CloseReason::TransportClose, effects);
                }
                Carrier::WebSocket { .. } => self.end(now, CloseReason::TransportClose, effects),
            },
            // The server pings in v4, never the client.
            Packet::Ping(_) => self.end(now, CloseReason::TransportError, effects),
            Packet::Open(_) => self.end(now, CloseReason::ParseError, effects),
            Packet::Pong(_) | Packet::Upgrade | Packet::Noop => effects.push(SessionEffect::Noise),
        }
    }

    fn violated(&mut self, now: Time, violation: Violation, effects: &mut Vec<SessionEffect>) {
        let reason = match violation.code {
            close_code::POLICY_VIOLATION => CloseReason::PolicyViolation,
            _ => CloseReason::TransportError,
        };
        self.outbox.clear_unbegun();
        self.outbox.push(Frame::close(Some(violation.code), violation.reason));
        self.begin_closing(now, reason, effects);
    }

    /// Counts a control frame; false if it was one too many.
    fn control_frame(&mut self, now: Time, effects: &mut Vec<SessionEffect>) -> bool {
        let second = now.since_start().as_secs();
        let counted = &mut self.control_frames;
        if counted.second != second {
            *counted = ControlFrames { second, n: 0 };
        }
        counted.n += 1;
        if counted.n <= MAX_CONTROL_FRAMES_PER_SECOND {
            return true;
        }
        let code = close_code::POLICY_VIOLATION;
        self.violated(now, Violation { code, reason: "too many control frames" }, effects);
        false
    }

    fn transport_gone(&mut self, clean: bool, effects: &mut Vec<SessionEffect>) {
        let reason = if clean { CloseReason::TransportClose } else { CloseReason::TransportError };
        self.vanish(reason, effects);
    }

    fn candidate_opened(&mut self, now: Time, effects: &mut Vec<SessionEffect>) {
        match &mut self.carrier {
            Carrier::Polling(Polling { candidate: candidate @ None, .. }) => {
                let until = now + self.settings.upgrade_timeout;
                *candidate = Some(Candidate { until, noop_at: now + NOOP_INTERVAL });
                effects.push(SessionEffect::AcceptCandidate);
            }
            _ => effects.push(SessionEffect::DropCandidate),
        }
    }

    fn candidate_packet(
        &mut self,
        now: Time,
        packet: &Packet<'_>,
        effects: &mut Vec<SessionEffect>,
    ) {
        let Carrier::Polling(polling) = &mut self.carrier else { return };
        if polling.candidate.is_none() {
            return;
        }
        match packet {
            Packet::Ping("probe") => {
                effects.push(SessionEffect::SendToCandidate(Frame::engine("3probe")));
                // The client pauses polling now: it waits for this poll to end.
                if polling.get && self.outbox.is_empty() {
                    polling.answer = Some("6");
                }
            }
            Packet::Upgrade => {
                if polling.get {
                    polling.answer = Some("6");
                }
                effects.push(SessionEffect::Upgraded);
                self.heartbeat.upgraded(now, &self.settings);
            }
            _ => {
                polling.candidate = None;
                effects.push(SessionEffect::DropCandidate);
            }
        }
    }

    /// Makes the WebSocket the session's own, after [`SessionEffect::Upgraded`]. Gives the last
    /// answer for a GET that still waits.
    pub fn upgrade(&mut self) -> Option<Vec<u8>> {
        let last = match &mut self.carrier {
            Carrier::Polling(polling) if polling.get => Some(b"6".to_vec()),
            _ => None,
        };
        self.carrier = Carrier::WebSocket { blocked_since: None };
        if let Some(slots) = self.outbox.known_slots() {
            slots.forget_bases();
        }
        if fault::is_planted(Fault::UpgradeLosesQueue) {
            self.outbox.clear();
        }
        last
    }

    fn timeout(&mut self, now: Time, effects: &mut Vec<SessionEffect>) {
        match self.heartbeat.timeout(now, &self.settings) {
            Some(Beat::Ping) => {
                self.outbox.shrink();
                self.outbox.push(Frame::engine("2"));
                effects.push(SessionEffect::Pinged);
            }
            Some(Beat::Dead) => return self.end(now, CloseReason::PingTimeout, effects),
            None => {}
        }
        match &mut self.carrier {
            Carrier::WebSocket { blocked_since: Some(since) }
                if fault::is_planted(Fault::StallIgnored) =>
            {
                *since = now;
            }
            Carrier::WebSocket { blocked_since: Some(since) }
                if now >= *since + self.settings.write_stall_timeout =>
            {
                self.end(now, CloseReason::SlowConsumer, effects);
            }
            Carrier::Polling(polling) => {
                let Some(candidate) = &mut polling.candidate else { return };
                if now >= candidate.until {
                    polling.candidate = None;
                    return effects.push(SessionEffect::DropCandidate);
                }
                if now >= candidate.noop_at {
                    candidate.noop_at = now + NOOP_INTERVAL;
                    if polling.get && self.outbox.is_empty() {
                        polling.answer = Some("6");
                    }
                }
            }
            Carrier::WebSocket { .. } => {}
        }
    }

    /// Ends the session and says good-bye as its transport does.
    fn end(&mut self, now: Time, reason: CloseReason, effects: &mut Vec<SessionEffect>) {
        match &mut self.carrier {
            Carrier::Polling(polling) => {
                if reason == CloseReason::SlowConsumer {
                    self.outbox.clear();
                }
                self.outbox.empty_slots();
                // Stock clients act on a `1` before they have handed on the messages in front of
                // it: those would be lost, and a socket disconnected twice. So it comes alone.
                polling.owes_good_bye = !self.outbox.is_empty();
                if !polling.owes_good_bye {
                    let has_get = polling.get;
                    self.push_good_bye(has_get);
                }
            }
            Carrier::WebSocket { .. } => {
                let code = match reason {
                    CloseReason::ServerShuttingDown => Some(close_code::GOING_AWAY),
                    CloseReason::SlowConsumer => Some(close_code::TRY_AGAIN_LATER),
                    CloseReason::PolicyViolation => Some(close_code::POLICY_VIOLATION),
                    CloseReason::TakenOver => Some(close_code::NORMAL),
                    CloseReason::AuthTooLarge | CloseReason::PacketTooLarge => {
                        Some(close_code::TOO_BIG)
                    }
                    _ => None,
                };
                if matches!(reason, CloseReason::SlowConsumer | CloseReason::PingTimeout) {
                    self.outbox.clear_unbegun();
                }
                self.outbox.empty_slots();
                let words = if code.is_some() { reason.as_str() } else { "" };
                self.outbox.push(Frame::close(code, words));
            }
        }
        self.begin_closing(now, reason, effects);
    }

    /// The last word of polling. A poll that comes later gets a noop in front, as from the
    /// reference.
    fn push_good_bye(&mut self, has_get: bool) {
        if !has_get {
            self.outbox.push(Frame::engine("6"));
        }
        self.outbox.push(Frame::engine("1"));
    }

    /// Ends the session after the waiting GET has got its last answer; there is no other word.
    fn lose(&mut self, now: Time, reason: CloseReason, effects: &mut Vec<SessionEffect>) {
        self.outbox.clear();
        match &self.carrier {
            Carrier::Polling(polling) if polling.get => self.begin_closing(now, reason, effects),
            _ => self.vanish(reason, effects),
        }
    }

    /// Ends the session whose transport is no more.
    fn vanish(&mut self, reason: CloseReason, effects: &mut Vec<SessionEffect>) {
        self.outbox.clear();
        self.drop_candidate(effects);
        self.state = State::Gone;
        effects.push(SessionEffect::Closed(reason));
    }

    fn begin_closing(&mut self, now: Time, reason: CloseReason, effects: &mut Vec<SessionEffect>) {
        self.drop_candidate(effects);
        let wait = match (&self.carrier, reason) {
            // Who does not answer will not read the good-bye either.
            (Carrier::WebSocket { .. }, CloseReason::PingTimeout) => Duration::ZERO,
            // Who reads too slowly may still read why it has lost something; but not who reads
            // nothing for so long that it is cut for that.
            (Carrier::WebSocket { blocked_since }, CloseReason::SlowConsumer) => {
                let patience = self.settings.write_stall_timeout;
                blocked_since.map_or(patience, |since| (since + patience).since(now))
            }
            // A dead client does not poll, and one that broke the transport's rules gets 400.
            (
                Carrier::Polling(Polling { get: false, .. }),
                CloseReason::PingTimeout
                | CloseReason::ParseError
                | CloseReason::TransportError
                | CloseReason::TransportClose,
            ) => Duration::ZERO,
            (Carrier::WebSocket { .. }, _) => self.settings.write_stall_timeout,
            (Carrier::Polling(_), _) => self.settings.close_timeout,
        };
        self.state = State::Closing { until: now + wait };
        effects.push(SessionEffect::Closed(reason));
    }

    fn drop_candidate(&mut self, effects: &mut Vec<SessionEffect>) {
        if let Carrier::Polling(polling) = &mut self.carrier
            && polling.candidate.take().is_some()
        {
            effects.push(SessionEffect::DropCandidate);
        }
    }

    fn handle_while_closing(
        &mut self,
        now: Time,
        input: &SessionInput<'_>,
        effects: &mut Vec<SessionEffect>,
    ) {
        match (input, &mut self.carrier, self.state) {
            (SessionInput::PollOpened, Carrier::Polling(polling), State::Closing { .. })
                if !polling.get =>
            {
                polling.get = true;
            }
            // What its client says is of no more interest, but being refused it would not ask for
            // what is left to say. Hearing that it is disconnected, it may close by itself.
            (SessionInput::PostOpened, Carrier::Polling(polling), State::Closing { .. })
                if !polling.post =>
            {
                polling.post = true;
            }
            (SessionInput::PostClosed | SessionInput::PostBroken, Carrier::Polling(polling), _) => {
                polling.post = false;
            }
            (SessionInput::Packet(Packet::Close), Carrier::Polling(polling), _) if !polling.get => {
                self.state = State::Gone;
            }
            (SessionInput::PollOpened | SessionInput::PostOpened, ..) => {
                effects.push(SessionEffect::RefuseRequest);
            }
            (SessionInput::CandidateOpened, ..) => effects.push(SessionEffect::DropCandidate),
            (SessionInput::TransportGone { .. } | SessionInput::PollAborted, ..) => {
                self.state = State::Gone;
            }
            (SessionInput::Timeout, _, State::Closing { until }) if now >= until => {
                self.state = State::Gone;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

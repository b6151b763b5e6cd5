//! One shard: a thread that owns its world, its clients' sessions and their sockets.
//!
//! ```text
//!  HTTP (hyper, this thread's tokio runtime) ──► requests ─┐
//!  WebSockets (a mio::Poll of the shard's own, watched     ├─► sessions ─► world ─► handlers
//!              by that runtime through one AsyncFd) ───────┘       │         │
//!                                            written at once ◄─────┴─────────┘
//! ```
//! Nothing here decides anything about sessions, lobbies or matches: it carries inputs to the
//! machines and their effects to sockets.

mod guests;
mod handle;
mod local;
mod outlet;
mod parcels;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    io::IoSlice,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use mio::{Events, Interest, Registry, Token};
use parlor_core::{
    World, WorldSettings,
    close::CloseReason,
    cluster::Owners,
    delivery::{NoViews, Views},
    engine_io::{Session, SessionEffect, SessionInput, Settings, Transport},
    hash::OfRandom,
    input::Input,
    key::{ConnectionKey, Key as _, SessionKey, ShardId, Table},
    time::{Deadlines, Time},
};
use parlor_shared::{
    engine_io::{self as engine, Packet},
    id::Sid,
    websocket::{Message, Violation},
};
use tokio::sync::{Notify, oneshot};

pub(crate) use guests::Guest;
pub(crate) use handle::Handle;
use handle::{MAX_EVENTS, Wake};
pub(crate) use local::spawn;
use outlet::{Outlet, refill};

use crate::{
    acceptor::{Door, OpenConnection},
    address::Counted,
    chance,
    clock::Clock,
    cluster::{Flushed, Links},
    engine_app::{EngineApp, EngineContext},
    handlers::{Handlers, Handshake},
    mailbox::{Inbox, Visit},
    metrics::Metrics,
    transport::websocket::{Connection, MAX_SLICES, Role},
};

/// Read at once; shared by all connections of the shard.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Reads from one connection before others have their turn.
const MAX_READS_PER_TURN: usize = 16;
/// What is due in the world at one moment may take several timeouts; more wait for the next turn.
const MAX_TIMEOUTS_PER_TURN: usize = 64;
/// How long the deadline of a client that is not read is put off.
const KEPT_WAITING: Duration = Duration::from_millis(100);
/// How long what another shard could not take waits.
const LINK_RETRY: Duration = Duration::from_millis(1);
/// How long a connection that is done waits for its peer to close.
const LINGER: Duration = Duration::from_secs(2);

/// The door's token; no connection has it, as that would be the 2^64th.
const LISTENER: Token = Token(usize::MAX);
/// Another thread wants something; what, is in the mailbox.
const ALARM: Token = Token(usize::MAX - 1);

/// What a shard is made of.
#[derive(Debug, Clone)]
pub(crate) struct ShardSettings {
    pub(crate) id: ShardId,
    pub(crate) clock: Clock,
    pub(crate) owners: Owners,
    pub(crate) session: Arc<Settings>,
    /// How long a connection may say nothing at first.
    pub(crate) patience: Duration,
    pub(crate) metrics: Metrics,
    /// There are no other shards.
    pub(crate) is_alone: bool,
}

/// What sits on top of the sessions.
pub(crate) enum App {
    /// Socket.IO namespaces and lobbies.
    SocketIo { world: Box<World>, handlers: Box<Handlers> },
    /// Engine.IO messages as they are.
    Engine(EngineApp),
}

impl App {
    pub(crate) fn socket_io(settings: WorldSettings, handlers: Handlers) -> Self {
        Self::SocketIo { world: Box::new(World::new(settings)), handlers: Box::new(handlers) }
    }
}

/// What has been counted on this shard since the metrics, which all shards share, were told.
#[derive(Debug, Default)]
struct Tally {
    messages_received: u64,
    bytes_received: u64,
    frames_sent: u64,
    bytes_sent: u64,
    volatile_replaced: u64,
    states_coalesced: u64,
}

/// The shard.
pub(crate) struct Shard {
    settings: ShardSettings,
    /// As the clock said at the start of what is being done.
    time: Time,
    tally: Tally,
    app: App,
    inbox: Inbox,
    links: Links,
    /// What other threads want done on this one beside turns.
    visits: Vec<Visit>,
    sessions: Table<SessionKey, Slot>,
    by_sid: HashMap<Sid, SessionKey, OfRandom>,
    connections: Table<ConnectionKey, Connection>,
    /// Those that have not said what they want.
    guests: BTreeMap<ConnectionKey, Guest>,
    /// Those of them that have just said something.
    heard: Vec<ConnectionKey>,
    /// Where connections come in, if this is the only shard.
    door: Option<Door>,
    registry: Registry,
    deadlines: Deadlines<Timer>,
    /// Sessions that may have something to send, each once.
    dirty: Vec<SessionKey>,
    /// Sessions that are to be written to before anything else happens.
    full: Vec<SessionKey>,
    /// Connections that had more to read than their turn allowed.
    unread: Vec<ConnectionKey>,
    scratch: Vec<u8>,
    effects: Vec<SessionEffect>,
    /// Wakes the shard's loop: there is an earlier deadline or something unread.
    wake: Rc<Wake>,
    /// Tells requests that a WebSocket which they wait for is here.
    arrival: Rc<Notify>,
    /// Tells requests that other shards keep up again.
    relief: Rc<Notify>,
    /// Until when the loop sleeps (`Some(None)`: for ever); `None` while it is awake.
    asleep_until: Option<Option<Time>>,
    is_shutting_down: bool,
    /// Sockets, lobbies, matches and blocked connections as the gauges have counted them.
    gauged: [i64; 4],
    /// Views encoded that are counted in the metrics: whole ones, and deltas.
    n_encoded: (u64, u64),
}

/// A session and how to reach its client.
struct Slot {
    session: Session,
    carrier: Carrier,
    is_dirty: bool,
    /// The world knows that the session has ended: from then on the slot may go.
    has_told: bool,
    /// The deadline that is set for it.
    armed: Option<Time>,
    /// Kept apart, so that what is written to each tick lies close together.
    seldom: Box<Seldom>,
}

/// What is seldom asked of a session.
struct Seldom {
    sid: Sid,
    handshake: Arc<Handshake>,
    candidate: Option<ConnectionKey>,
    /// WebSockets that are on their way from other shards.
    n_expected: u32,
    _counted: Option<Counted>,
}

impl Slot {
    /// Hands an input to the session, and counts what that replaced.
    fn handle(
        &mut self,
        now: Time,
        input: SessionInput<'_>,
        effects: &mut Vec<SessionEffect>,
        tally: &mut Tally,
    ) {
        let session = &mut self.session;
        let (n_replaced, n_coalesced) = (session.n_replaced(), session.n_coalesced());
        session.handle(now, input, effects);
        tally.volatile_replaced += session.n_replaced() - n_replaced;
        tally.states_coalesced += session.n_coalesced() - n_coalesced;
    }

    /// Notes that there may be something to send.
    fn mark(&mut self, key: SessionKey, dirty: &mut Vec<SessionKey>) {
        if !std::mem::replace(&mut self.is_dirty, true) {
            dirty.push(key);
        }
    }
}

impl App {
    /// Where sessions get views from.
    fn views<'a>(&'a mut self, none: &'a mut NoViews) -> &'a mut dyn Views {
        match self {
            Self::SocketIo { world, .. } => &mut **world,
            Self::Engine(_) => none,
        }
    }
}

enum Carrier {
    /// The request that waits, if one does.
    Polling(Option<oneshot::Sender<Vec<u8>>>),
    WebSocket(ConnectionKey),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Another shard could not take what there is for it.
    Links,
    /// Somebody may wait at the door.
    Door,
    Session(SessionKey),
    Connection(ConnectionKey),
}

/// What becomes of a GET.
#[derive(Debug)]
pub(crate) enum Polled {
    /// There was something to say.
    Answered(Vec<u8>),
    /// The answer comes by this. If it is dropped, so is the poll.
    Waits(oneshot::Receiver<Vec<u8>>),
}

/// Why a request about a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No such session.
    Unknown,
    /// The session has another transport.
    OtherTransport,
    /// The session took the request amiss and may have ended over it.
    Overlap,
}

impl Shard {
    pub(crate) fn new(
        settings: ShardSettings,
        app: App,
        inbox: Inbox,
        links: Links,
        registry: Registry,
    ) -> Self {
        Self {
            time: settings.clock.now(),
            settings,
            tally: Tally::default(),
            app,
            inbox,
            links,
            visits: Vec::new(),
            sessions: Table::default(),
            by_sid: HashMap::default(),
            connections: Table::default(),
            guests: BTreeMap::new(),
            heard: Vec::new(),
            door: None,
            registry,
            deadlines: Deadlines::default(),
            dirty: Vec::new(),
            full: Vec::new(),
            unread: Vec::new(),
            scratch: vec![0; READ_BUFFER_BYTES],
            effects: Vec::new(),
            wake: Rc::default(),
            arrival: Rc::default(),
            relief: Rc::default(),
            asleep_until: None,
            is_shutting_down: false,
            gauged: [0; 4],
            n_encoded: (0, 0),
        }
    }

    pub(crate) fn max_payload(&self) -> usize {
        self.settings.session.max_payload
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.settings.metrics
    }

    pub(crate) fn n_sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.is_shutting_down
    }

    /// Brings this shard's part of the metrics up to date that nobody counts along the way; cost
    /// grows with the number of lobbies and connections.
    pub(crate) fn gauge(&mut self) {
        self.report();
        let metrics = &self.settings.metrics;
        let n_blocked = self.connections.iter().filter(|(_, c)| c.is_blocked).count();
        let mut now = [0, 0, 0, n_blocked];
        if let App::SocketIo { world, .. } = &self.app {
            let (n_full, n_delta) = world.gallery().n_encoded();
            metrics.encoded("full", n_full - self.n_encoded.0);
            metrics.encoded("delta", n_delta - self.n_encoded.1);
            self.n_encoded = (n_full, n_delta);
            let (sockets, lobbies) = (world.socket_io(), world.lobbies());
            now = [sockets.n_sockets(), lobbies.len(), lobbies.n_playing(), n_blocked];
        }
        let now = now.map(|n| n as i64);
        let gauges =
            [&metrics.sockets, &metrics.lobbies, &metrics.matches, &metrics.connections_blocked];
        for ((gauge, now), before) in gauges.into_iter().zip(now).zip(self.gauged) {
            gauge.inc_by(now - before);
        }
        self.gauged = now;
    }

    /// Tells the metrics what was counted.
    fn report(&mut self) {
        let (metrics, tally) = (&self.settings.metrics, std::mem::take(&mut self.tally));
        for (count, n) in [
            (&metrics.messages_received, tally.messages_received),
            (&metrics.bytes_received, tally.bytes_received),
            (&metrics.frames_sent, tally.frames_sent),
            (&metrics.bytes_sent, tally.bytes_sent),
            (&metrics.volatile_replaced, tally.volatile_replaced),
            (&metrics.states_coalesced, tally.states_coalesced),
        ] {
            if n > 0 {
                count.inc_by(n);
            }
        }
    }

    /// One turn: what other threads want and sockets bring, then deadlines, then everything is
    /// written. While another shard cannot keep up, clients are not read: what they say waits in
    /// the kernel.
    pub(crate) fn turn(&mut self, events: &Events) {
        self.look_at_clock();
        self.unpack();
        let mut n_events = 0;
        for event in events {
            n_events += 1;
            match event.token() {
                LISTENER => {
                    self.accept();
                    continue;
                }
                ALARM => continue,
                _ => {}
            }
            let key = connection_key(event.token());
            if event.is_writable() {
                self.writable(key);
            }
            let is_ending = event.is_read_closed() || event.is_error();
            if event.is_readable() || is_ending {
                self.read(key, is_ending);
            }
        }
        if n_events == MAX_EVENTS {
            // There may be more.
            self.wake.call();
        }
        if !self.links.is_congested() {
            for key in std::mem::take(&mut self.unread) {
                if let Some(connection) = self.connections.get_mut(key) {
                    connection.is_unread = false;
                }
                self.read(key, true);
            }
        }
        // What has become due since the turn began has the next one, which begins at once.
        if self.deadline().is_some_and(|at| at <= self.now()) {
            // Answers do not wait for what is due by now, which may be a long tick.
            self.flush();
            self.fire();
        }
        self.flush();
    }

    /// Sends other shards what there is for them: once a turn.
    pub(crate) fn flush_links(&mut self) {
        // What is not told yet is not made yet either: the newest state counts.
        if let App::SocketIo { world, .. } = &mut self.app
            && !self.links.is_holding()
        {
            for (to, message) in world.take_views() {
                self.links.push_first(to, message);
            }
        }
        match self.links.flush() {
            Flushed::Sent => {}
            Flushed::Held => {
                let again = self.now() + LINK_RETRY;
                self.deadlines.set(Timer::Links, Some(again));
            }
            // Views, unread sockets and requests have waited for this.
            Flushed::Caught => {
                self.relief.notify_waiters();
                self.wake.call();
            }
        }
        self.settings.metrics.volatile_dropped.inc_by(self.links.take_dropped());
        self.report();
    }

    pub(super) fn now(&self) -> Time {
        self.time
    }

    /// Time stands still in between: what is handled together happens together.
    pub(super) fn look_at_clock(&mut self) {
        self.time = self.settings.clock.now();
    }

    // ---- sessions ------------------------------------------------------------------------------

    /// Opens a session by polling; the greeting waits for the first poll.
    pub(crate) fn open_polling(
        &mut self,
        handshake: Handshake,
        counted: Option<Counted>,
    ) -> SessionKey {
        self.open(Transport::Polling, Carrier::Polling(None), handshake, counted)
    }

    fn open(
        &mut self,
        transport: Transport,
        carrier: Carrier,
        handshake: Handshake,
        counted: Option<Counted>,
    ) -> SessionKey {
        let (now, settings) = (self.now(), Arc::clone(&self.settings.session));
        let sid = chance::sid(&self.settings.owners, self.settings.id);
        let greeting = engine::Handshake {
            sid: sid.to_string(),
            upgrades: match transport {
                Transport::Polling => vec![Transport::WebSocket.as_str().to_owned()],
                Transport::WebSocket => Vec::new(),
            },
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
            armed: None,
            seldom: Box::new(Seldom {
                sid,
                handshake: Arc::new(handshake),
                candidate: None,
                n_expected: 0,
                _counted: counted,
            }),
        };
        let key = self.sessions.insert(slot);
        self.by_sid.insert(sid, key);
        self.settings.metrics.opened(transport);
        tracing::debug!(session = chance::short(key), transport = transport.as_str(), "opened");
        self.dirty.push(key);
        self.input(Input::Opened(key));
        self.arm(key);
        key
    }

    /// What was done outside of a turn comes to its end: everything is written. Other shards are
    /// told in the turn that follows.
    pub(crate) fn settle_up(&mut self) {
        self.flush();
        if self.settings.is_alone {
            self.note_deadline();
        } else {
            self.wake.call();
        }
    }

    /// The session of this id.
    pub(crate) fn session(&self, sid: &Sid) -> Option<SessionKey> {
        self.by_sid.get(sid).copied()
    }

    /// The WebSocket of a session, or the one that wants to become it.
    fn connection_of(&self, sid: &Sid) -> Option<ConnectionKey> {
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
    fn tell(
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

    fn carry_out(&mut self, key: SessionKey, effect: SessionEffect) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        match effect {
            SessionEffect::Deliver | SessionEffect::RefuseRequest => {}
            SessionEffect::AcceptCandidate => {}
            SessionEffect::DropCandidate => {
                if let Some(candidate) = slot.seldom.candidate.take() {
                    self.settings.metrics.upgrade_failed();
                    self.finish_connection(candidate, true);
                }
            }
            SessionEffect::SendToCandidate(frame) => {
                let connection =
                    slot.seldom.candidate.and_then(|candidate| self.connections.get_mut(candidate));
                let written =
                    connection.is_some_and(|connection| connection.write_whole(frame.wire()));
                if !written {
                    self.candidate_gone(key);
                }
            }
            SessionEffect::Upgraded => {
                let last_answer = slot.session.upgrade();
                let Some(candidate) = slot.seldom.candidate.take() else { return };
                let before = std::mem::replace(&mut slot.carrier, Carrier::WebSocket(candidate));
                if let (Carrier::Polling(Some(waiting)), Some(answer)) = (before, last_answer) {
                    // Nobody waits any more if the request was given up.
                    let _ = waiting.send(answer);
                }
                if let Some(connection) = self.connections.get_mut(candidate) {
                    connection.role = Role::Transport(key);
                }
                self.settings.metrics.upgraded();
            }
            SessionEffect::Closed(reason) => {
                slot.has_told = true;
                slot.mark(key, &mut self.dirty);
                self.settings.metrics.closed(slot.session.transport(), reason);
                tracing::debug!(session = chance::short(key), reason = reason.as_str(), "closed");
                self.by_sid_if_gone(key);
                self.input(Input::Closed(key, reason));
            }
        }
    }

    /// A session that has ended and has nothing left to say is unknown at once.
    fn by_sid_if_gone(&mut self, key: SessionKey) {
        if let Some(slot) = self.sessions.get(key)
            && slot.session.is_gone()
        {
            self.by_sid.remove(&slot.seldom.sid);
        }
    }

    fn deliver(&mut self, key: SessionKey, packet: &Packet<'_>) {
        self.tally.messages_received += 1;
        match packet {
            Packet::Text(text) => {
                self.tally.bytes_received += text.len() as u64;
                match &self.app {
                    App::SocketIo { .. } => self.input(Input::Text(key, text)),
                    App::Engine(_) => self.engine_message(key, packet),
                }
            }
            Packet::Binary(bytes) => {
                self.tally.bytes_received += bytes.len() as u64;
                match &self.app {
                    App::SocketIo { .. } => self.input(Input::Bytes(key, bytes)),
                    App::Engine(_) => self.engine_message(key, packet),
                }
            }
            _ => {}
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

    /// Hands one input to the world, and then what its handlers want, until all is still.
    fn input(&mut self, input: Input<'_>) {
        let now = self.now();
        let Self {
            app: App::SocketIo { world, handlers },
            sessions,
            dirty,
            full,
            settings,
            tally,
            links,
            ..
        } = self
        else {
            return;
        };
        refill(world, now);
        let mut outlet = Outlet {
            now,
            sessions,
            handlers,
            dirty,
            full,
            metrics: &settings.metrics,
            tally,
            links,
            aftermath: Vec::new(),
        };
        world.handle(now, input, &mut outlet);
        let aftermath = std::mem::take(&mut outlet.aftermath);
        self.settle(aftermath);
    }

    fn settle(&mut self, mut aftermath: Vec<(SessionKey, SessionEffect)>) {
        loop {
            for (key, effect) in aftermath.drain(..) {
                self.carry_out(key, effect);
                self.arm(key);
            }
            self.flush_full();
            let now = self.now();
            let Self {
                app: App::SocketIo { world, handlers },
                sessions,
                dirty,
                full,
                settings,
                tally,
                links,
                ..
            } = self
            else {
                return;
            };
            let Some(input) = handlers.next_wish() else { return };
            refill(world, now);
            let metrics = &settings.metrics;
            let mut outlet =
                Outlet { now, sessions, handlers, dirty, full, metrics, tally, links, aftermath };
            world.handle(now, input, &mut outlet);
            aftermath = outlet.aftermath;
        }
    }

    /// Writes to the sessions for which more is queued than should be while they can take it.
    fn flush_full(&mut self) {
        while let Some(key) = self.full.pop() {
            self.flush_session(key);
        }
    }

    // ---- polling -------------------------------------------------------------------------------

    /// A GET is answered, or waits.
    pub(crate) fn poll_opened(&mut self, key: SessionKey) -> Result<Polled, Refused> {
        match self.transport(key) {
            None => return Err(Refused::Unknown),
            Some(Transport::WebSocket) => return Err(Refused::OtherTransport),
            Some(Transport::Polling) => {}
        }
        let told = self.tell(key, SessionInput::PollOpened, None);
        if told == Told::Refused {
            return Err(Refused::Overlap);
        }
        let Some(slot) = self.sessions.get_mut(key) else { return Err(Refused::Unknown) };
        if let Some(body) = slot.session.poll_answer(self.app.views(&mut NoViews)) {
            self.settings.metrics.bytes_sent.inc_by(body.len() as u64);
            self.after_write(key);
            return Ok(Polled::Answered(body));
        }
        let (answer, receiver) = oneshot::channel();
        slot.carrier = Carrier::Polling(Some(answer));
        Ok(Polled::Waits(receiver))
    }

    /// The client gave up its GET.
    pub(crate) fn poll_aborted(&mut self, key: SessionKey) {
        self.tell(key, SessionInput::PollAborted, None);
    }

    /// A POST begins.
    pub(crate) fn post_opened(&mut self, key: SessionKey) -> Result<(), Refused> {
        match self.transport(key) {
            None => return Err(Refused::Unknown),
            Some(Transport::WebSocket) => return Err(Refused::OtherTransport),
            Some(Transport::Polling) => {}
        }
        let told = self.tell(key, SessionInput::PostOpened, None);
        if told == Told::Refused { Err(Refused::Overlap) } else { Ok(()) }
    }

    /// A POST's body is here: false if something in it could not be read.
    pub(crate) fn post_body(&mut self, key: SessionKey, body: &[u8]) -> bool {
        let mut is_fine = true;
        match std::str::from_utf8(body) {
            Err(_) => {
                is_fine = false;
                self.tell(key, SessionInput::Malformed, None);
            }
            Ok(body) => {
                for packet in engine::decode_payload(body) {
                    if self.sessions.get(key).is_none_or(|slot| slot.session.is_closed()) {
                        break;
                    }
                    if let Ok(packet) = &packet {
                        self.tell(key, SessionInput::Packet(packet), Some(packet));
                    } else {
                        is_fine = false;
                        self.tell(key, SessionInput::Malformed, None);
                    }
                }
            }
        }
        self.tell(key, SessionInput::PostClosed, None);
        is_fine
    }

    /// A POST broke a rule or was cut off.
    pub(crate) fn post_broken(&mut self, key: SessionKey) {
        self.tell(key, SessionInput::PostBroken, None);
    }

    // ---- WebSockets ----------------------------------------------------------------------------

    /// Takes over a connection after the 101, with the bytes that were read already, and opens a
    /// session by it.
    pub(crate) fn open_websocket(
        &mut self,
        stream: std::net::TcpStream,
        read: &[u8],
        handshake: Handshake,
        counted: (Option<OpenConnection>, Option<Counted>),
    ) {
        let (open, session_counted) = counted;
        // The session's key is not known before the connection's, and the other way round.
        let stream = mio::net::TcpStream::from_std(stream);
        let Some(connection) = self.adopt(stream, Role::Lingering, open) else { return };
        let carrier = Carrier::WebSocket(connection);
        let key = self.open(Transport::WebSocket, carrier, handshake, session_counted);
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.role = Role::Transport(key);
        }
        self.bytes(connection, &mut read.to_vec());
    }

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
    fn candidate(&mut self, connection: ConnectionKey, key: SessionKey, read: &mut [u8]) {
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

    fn adopt(
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

    fn writable(&mut self, key: ConnectionKey) {
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
        if self.links.is_congested() {
            return self.read_later(key);
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
                    if n < READ_BUFFER_BYTES && !is_ending {
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
    fn bytes(&mut self, key: ConnectionKey, mut bytes: &mut [u8]) {
        while let Some(connection) = self.connections.get_mut(key) {
            let role = connection.role;
            if matches!(role, Role::Guest | Role::Lingering) {
                return;
            }
            match connection.decoder.next(&mut bytes) {
                Ok(None) => return,
                Ok(Some(message)) => match role {
                    Role::Transport(session) => self.message(session, &message),
                    Role::Candidate(session) => self.candidate_message(key, session, &message),
                    Role::Guest | Role::Lingering => return,
                },
                Err(violation) => match role {
                    Role::Transport(session) => {
                        tracing::debug!(session = chance::short(session), %violation, "cut");
                        self.tell(session, SessionInput::Violated(violation), None);
                        return;
                    }
                    Role::Candidate(session) => return self.candidate_violated(session, violation),
                    Role::Guest | Role::Lingering => return,
                },
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

    fn candidate_message(
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

    fn candidate_violated(&mut self, session: SessionKey, violation: Violation) {
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

    fn candidate_gone(&mut self, session: SessionKey) {
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

    fn connection_gone(&mut self, key: ConnectionKey, clean: bool) {
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

    /// Nothing more will be written to this connection; it lingers until its peer closes.
    fn finish_connection(&mut self, key: ConnectionKey, say_good_bye: bool) {
        let until = self.now() + LINGER;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if say_good_bye {
            // The connection ends either way.
            let _ = connection.write_whole(parlor_shared::socket_io::Frame::close(None, "").wire());
        }
        connection.finish();
        self.deadlines.set(Timer::Connection(key), Some(until));
    }

    fn remove_connection(&mut self, key: ConnectionKey) {
        self.deadlines.set(Timer::Connection(key), None);
        if let Some(mut connection) = self.connections.remove(key) {
            // Closing the descriptor would do it as well.
            let _ = self.registry.deregister(&mut connection.stream);
        }
    }

    // ---- time and writing ----------------------------------------------------------------------

    fn arm(&mut self, key: SessionKey) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        let deadline = slot.session.deadline();
        if slot.armed != deadline {
            slot.armed = deadline;
            self.deadlines.set(Timer::Session(key), deadline);
        }
    }

    /// When the next turn is due.
    fn deadline(&self) -> Option<Time> {
        let (world, handlers) = match &self.app {
            App::SocketIo { world, handlers } => (world.deadline(), handlers.deadline()),
            App::Engine(_) => (None, None),
        };
        [world, handlers, self.deadlines.next()].into_iter().flatten().min()
    }

    fn fire(&mut self) {
        let now = self.now();
        while let Some((_, timer)) = self.deadlines.pop(now) {
            match timer {
                // What it has said has not been read: its time does not count.
                Timer::Session(key) if self.is_kept_waiting(key) => {
                    self.deadlines.set(Timer::Session(key), Some(now + KEPT_WAITING));
                }
                Timer::Session(key) => {
                    if let Some(slot) = self.sessions.get_mut(key) {
                        slot.armed = None;
                    }
                    self.tell(key, SessionInput::Timeout, None);
                    self.flush_session(key);
                }
                Timer::Connection(key) => {
                    self.guests.remove(&key);
                    self.remove_connection(key);
                }
                Timer::Door => self.accept(),
                // Every turn tries.
                Timer::Links => {}
            }
        }
        for _ in 0..MAX_TIMEOUTS_PER_TURN {
            match &self.app {
                App::SocketIo { world, .. } if world.deadline().is_some_and(|at| at <= now) => {
                    self.input(Input::Timeout);
                }
                _ => break,
            }
        }
        self.fire_handlers();
    }

    /// True if the shard may not have read what this session's client said, because another shard
    /// cannot keep up.
    fn is_kept_waiting(&self, key: SessionKey) -> bool {
        self.links.is_congested()
            && match self.sessions.get(key).map(|slot| &slot.carrier) {
                // Bodies wait before they are read.
                Some(Carrier::Polling(_)) => true,
                Some(Carrier::WebSocket(connection)) => {
                    self.connections.get(*connection).is_some_and(|c| c.is_unread)
                }
                None => false,
            }
    }

    /// True while another shard cannot keep up.
    pub(crate) fn is_congested(&self) -> bool {
        self.links.is_congested()
    }

    /// Writes to every session that may have something to send.
    fn flush(&mut self) {
        while let Some(key) = self.dirty.pop() {
            self.flush_session(key);
        }
    }

    /// Wakes the loop if it would sleep past a deadline.
    fn note_deadline(&mut self) {
        if let (Some(until), Some(deadline)) = (self.asleep_until, self.deadline())
            && until.is_none_or(|until| deadline < until)
        {
            self.asleep_until = None;
            self.wake.call();
        }
    }

    fn flush_session(&mut self, key: SessionKey) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        slot.is_dirty = false;
        match &mut slot.carrier {
            Carrier::Polling(waiting) => {
                if let Some(body) = slot.session.poll_answer(self.app.views(&mut NoViews)) {
                    self.tally.bytes_sent += body.len() as u64;
                    let sent = waiting.take().is_some_and(|waiting| waiting.send(body).is_ok());
                    if !sent {
                        // The request was given up just now, and what it should carry is lost.
                        self.tell(key, SessionInput::TransportGone { clean: false }, None);
                    }
                }
            }
            Carrier::WebSocket(connection) => {
                let connection = *connection;
                self.write(key, connection);
            }
        }
        self.after_write(key);
    }

    fn write(&mut self, key: SessionKey, connection_key: ConnectionKey) {
        let now = self.now();
        let (Some(slot), Some(connection)) =
            (self.sessions.get_mut(key), self.connections.get_mut(connection_key))
        else {
            return;
        };
        while !connection.is_blocked {
            let written = if let Some(chunk) = slot.session.only_chunk() {
                connection.write(chunk)
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let mut n_slices = 0;
                let chunks = slot.session.poll_transmit(self.app.views(&mut NoViews));
                for (slice, chunk) in slices.iter_mut().zip(chunks) {
                    *slice = IoSlice::new(chunk);
                    n_slices += 1;
                }
                match n_slices {
                    0 => return,
                    _ => connection.write_all(&slices[..n_slices]),
                }
            };
            match written {
                Ok(Some(n)) => {
                    self.tally.bytes_sent += n as u64;
                    slot.session.written(now, n);
                    if !slot.session.wants_transmit() {
                        return;
                    }
                }
                Ok(None) => {
                    slot.session.handle(now, SessionInput::Blocked, &mut Vec::new());
                }
                Err(_) => return self.connection_gone(connection_key, false),
            }
        }
    }

    /// Drops a session that is gone, and sees to its deadline otherwise.
    fn after_write(&mut self, key: SessionKey) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        if !slot.session.is_gone() || !slot.has_told {
            // Who is blocked has something new to wait for; nobody else has.
            if slot.session.is_blocked() {
                self.arm(key);
            }
            return;
        }
        let Some(slot) = self.sessions.remove(key) else { return };
        self.by_sid.remove(&slot.seldom.sid);
        self.deadlines.set(Timer::Session(key), None);
        if let Some(candidate) = slot.seldom.candidate {
            self.finish_connection(candidate, true);
        }
        if let Carrier::WebSocket(connection) = slot.carrier {
            self.finish_connection(connection, false);
        }
    }

    /// Begins to end every session.
    fn shut_down(&mut self) {
        self.is_shutting_down = true;
        for key in self.sessions.keys() {
            self.tell(key, SessionInput::Close(CloseReason::ServerShuttingDown), None);
        }
    }
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Fine,
    Refused,
}

fn token(key: ConnectionKey) -> Token {
    let (index, generation) = key.parts();
    Token(((generation as usize) << 32) | index as usize)
}

fn connection_key(token: Token) -> ConnectionKey {
    ConnectionKey::new(token.0 as u32, (token.0 >> 32) as u32)
}

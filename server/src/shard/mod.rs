//! One shard: a thread that owns its world, its clients' sessions and their sockets.
//!
//! ```text
//!  HTTP (hyper, this thread's tokio runtime) ──► requests ─┐
//!  guests and WebSockets (a mio::Poll of the shard's own,  ├─► sessions ─► world ─► handlers
//!      on which the loop waits; by that runtime, while     │       │         │
//!      that has tasks) ────────────────────────────────────┘       │         │
//!                                            written at once ◄─────┴─────────┘
//! ```
//! Nothing here decides anything about sessions, lobbies or matches: it carries inputs to the
//! machines and their effects to sockets. Here is what a shard is and how its turn goes; each room
//! beside has a part of what it does, as an `impl Shard` of its own.

mod candidates;
mod connections;
mod deadlines;
mod figures;
mod guests;
mod handle;
mod outlet;
mod parcels;
mod polling;
mod sessions;
#[cfg(test)]
mod tests;
mod writing;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use mio::{Events, Registry, Token};
use parlor_core::{
    World, WorldSettings,
    cluster::Owners,
    delivery::{NoViews, Views},
    engine_io::{Session, SessionEffect, SessionInput, Settings},
    hash::OfRandom,
    key::{ConnectionKey, SessionKey, ShardId, Table},
    matchmaker::QueueFigures,
    rate::Lease,
    signaling::SignalFigures,
    time::{Deadlines, Time},
};
use parlor_shared::id::Sid;
use tokio::sync::{Notify, oneshot};

use connections::{Taken, connection_key};
use figures::Tally;
pub(crate) use guests::Guest;
pub(crate) use handle::Handle;
use handle::{MAX_EVENTS, Wake};
pub(crate) use polling::{Polled, Refused};

use crate::{
    acceptor::Door,
    clock::Clock,
    cluster::{Flushed, Links},
    engine_app::EngineApp,
    handlers::{Handlers, Handshake},
    limits::{Budget, Limits, Meter, Pass},
    mailbox::{Inbox, Visit},
    metrics::{Metrics, Ticks},
    ticket_trace::TicketTrace,
    transport::{Transports, websocket::Connection},
};

/// Read at once; shared by all connections of the shard.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// How long what another shard could not take waits.
const LINK_RETRY: Duration = Duration::from_millis(1);

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
    pub(crate) transports: Transports,
    /// How long a connection may say nothing at first.
    pub(crate) patience: Duration,
    pub(crate) metrics: Metrics,
    /// Where tickets go when they end.
    pub(crate) trace: Option<TicketTrace>,
    pub(crate) limits: Arc<Limits>,
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
    pub(crate) fn socket_io(settings: WorldSettings, mut handlers: Handlers) -> Self {
        let mut world = World::new(settings);
        handlers.know_played(world.played().collect());
        if handlers.guards_players() {
            world.guard();
        }
        Self::SocketIo { world: Box::new(world), handlers: Box::new(handlers) }
    }
}

/// The shard.
pub(crate) struct Shard {
    settings: ShardSettings,
    ticks: Ticks,
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
    /// Connections that had more to say than they may at once, or came when a turn was over: in
    /// this order they are read from.
    unread: VecDeque<ConnectionKey>,
    taken: Taken,
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
    /// What the gauges have counted; see `figures`.
    gauged: [i64; 8],
    /// Views encoded that are counted in the metrics: whole ones, and deltas.
    n_encoded: (u64, u64),
    n_unasked_acks: u64,
    /// What of signaling is counted in the metrics.
    signaled: SignalFigures,
    /// What of queues is told in the metrics, in their order.
    matched: Vec<QueueFigures>,
}

/// A session and how to reach its client.
struct Slot {
    session: Session,
    carrier: Carrier,
    is_dirty: bool,
    /// The world knows that the session has ended: from then on the slot may go.
    has_told: bool,
    /// What its client may send without a look at its meter.
    lease: Lease,
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
    /// Frames that it has sent.
    n_candidate_frames: u32,
    /// WebSockets that are on their way from other shards.
    n_expected: u32,
    /// Of what it sends, once that is more than a little.
    meter: Option<Box<Meter>>,
    pass: Option<Pass>,
    /// What it shares with other sessions of its account.
    account_budget: Option<Arc<Budget>>,
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
            ticks: settings.metrics.ticks_of(settings.id.shard),
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
            unread: VecDeque::new(),
            taken: Taken::default(),
            scratch: vec![0; READ_BUFFER_BYTES],
            effects: Vec::new(),
            wake: Rc::default(),
            arrival: Rc::default(),
            relief: Rc::default(),
            asleep_until: None,
            is_shutting_down: false,
            gauged: [0; 8],
            n_encoded: (0, 0),
            n_unasked_acks: 0,
            signaled: SignalFigures::default(),
            matched: Vec::new(),
        }
    }

    pub(crate) fn max_payload(&self) -> usize {
        self.settings.session.max_payload
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.settings.metrics
    }

    pub(crate) fn clock(&self) -> Clock {
        self.settings.clock
    }

    /// The request that opened a session.
    pub(crate) fn handshake(&self, key: SessionKey) -> Option<Arc<Handshake>> {
        self.sessions.get(key).map(|slot| Arc::clone(&slot.seldom.handshake))
    }

    pub(crate) fn n_sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.is_shutting_down
    }

    /// True while another shard cannot keep up.
    pub(crate) fn is_congested(&self) -> bool {
        self.links.is_congested()
    }

    /// One turn: what other threads want and sockets bring (as much of it as `connections` says),
    /// then deadlines (if any is due, all is written before), then everything is written. While
    /// another shard cannot keep up, clients are not read: what they say waits in the kernel.
    pub(crate) fn turn(&mut self, events: &Events) {
        self.look_at_clock();
        self.taken = Taken::default();
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
                self.readable(key, is_ending);
            }
        }
        if n_events == MAX_EVENTS {
            // There may be more.
            self.wake.call();
        }
        if !self.links.is_congested() {
            self.read_on();
        }
        // What has become due since the turn began has the next one, which begins at once; so has
        // what this turn itself has set for now, unless the loop was told to look again.
        let due = self.asleep_until.unwrap_or_else(|| self.deadline());
        if due.is_some_and(|at| at <= self.now()) {
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

    /// What was done outside of a turn comes to its end: everything is written. Other shards are
    /// told in the turn that follows.
    pub(crate) fn settle_up(&mut self) {
        self.flush();
        if self.settings.is_alone {
            self.wake_by(self.deadline());
        } else {
            self.wake.call();
        }
    }

    pub(super) fn now(&self) -> Time {
        self.time
    }

    /// Milliseconds since 1970, by the clock that stood at the server's start.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.settings.clock.epoch_ms() + self.time.since_start().as_millis() as u64
    }

    /// Time stands still in between: what is handled together happens together.
    pub(super) fn look_at_clock(&mut self) {
        self.time = self.settings.clock.now();
    }
}

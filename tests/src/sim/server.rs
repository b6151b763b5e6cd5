//! One shard as the driver drives it: its world, its clients' sessions, turns. Every input and
//! every effect passes the oracle.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use parlor_core::{
    World, WorldSettings,
    cluster::{Message, Neighbours, Owners},
    delivery::Delivery,
    engine_io::{Session, SessionEffect, SessionInput, Transport},
    ids::REFILL,
    input::Input,
    key::{ConnectionKey, NamespaceKey, Origin, SessionKey, ShardId, Table},
    lobby::{Games, LobbySettings},
    rate::Rate,
    time::Time,
};
use parlor_shared::{engine_io::Packet, socket_io::Frame};

use super::{
    Sim, kept,
    oracle::MAIN,
    plan::Plan,
    queues::account,
    secrets::Secrets,
    seen::{Log, Seen},
};

/// `/matchmaking`, behind `/`, `/kept`, `/lobby` and `/signal`.
const SEEKERS: NamespaceKey = NamespaceKey(4);
/// Milliseconds from the Unix epoch to the start of each run.
pub(super) const EPOCH_MS: u64 = 1_700_000_000_000;

/// Who tells by an identity whose it is, in this run.
pub(super) fn owners(seed: u64) -> Owners {
    Owners::new(seed ^ 0x5eed)
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) world: World,
    pub(super) sessions: Table<SessionKey, Slot>,
    /// What handlers want.
    pub(super) wanted: VecDeque<Input<'static>>,
    pub(super) dirty: BTreeSet<SessionKey>,
    full: Vec<SessionKey>,
    /// What other shards are told at the end of the turn.
    pub(super) abroad: BTreeMap<usize, Vec<Message>>,
    pub(super) turn_at: Option<Time>,
}

/// A session and how to reach its client.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) session: Session,
    pub(super) client: usize,
    pub(super) epoch: u32,
    /// `None`: polling.
    pub(super) connection: Option<ConnectionKey>,
    pub(super) candidate: Option<ConnectionKey>,
    /// The world has been told that it ended.
    pub(super) has_told: bool,
    /// All there is to say is written.
    pub(super) is_flushed: bool,
}

impl Shard {
    pub(super) fn new(plan: &Plan, own: ShardId, seed: u64) -> Self {
        let mut games = Games::default();
        games.register::<parlor_games::Chess>("chess");
        games.register::<parlor_games::Circles>("circles");
        games.register::<parlor_games::Relay>("relay");
        games.register::<Secrets<0>>("secrets");
        games.register::<Secrets<20>>("ticking");
        let neighbours = Neighbours { own, all: plan.shards.clone(), owners: owners(seed) };
        let lobbies = LobbySettings {
            max_audience: 10,
            games,
            max_lobbies: plan.max_lobbies,
            epoch_ms: EPOCH_MS,
            inputs: Rate::per_second(60, 120),
            seed: seed ^ u64::from(own.shard),
            policy: plan.lobbies.clone().into(),
            ..Default::default()
        };
        let mut world = World::new(WorldSettings {
            neighbours,
            namespaces: vec!["/".to_owned(), kept::NAME.to_owned()],
            dynamic: Default::default(),
            listeners: Default::default(),
            connect_timeout: plan.connect_timeout,
            attachments_timeout: Duration::from_secs(10),
            max_payload: plan.session.max_payload,
            hash_seed: seed,
            recovery: plan.recovery.clone(),
            lobbies: Some(lobbies),
            signaling: Some(plan.signaling.clone()),
            matchmaking: Some(plan.queues.settings()),
        });
        world.guard();
        Self {
            world,
            sessions: Table::default(),
            wanted: VecDeque::new(),
            dirty: BTreeSet::new(),
            full: Vec::new(),
            abroad: BTreeMap::new(),
            turn_at: None,
        }
    }
}

type Aftermath = Vec<(SessionKey, SessionEffect)>;

impl Sim {
    /// A session begins; its greeting waits to be written.
    pub(super) fn open(&mut self, at: usize, client: usize, transport: Transport) -> SessionKey {
        let (now, settings) = (self.now, Arc::clone(&self.plan.session));
        let epoch = self.clients[client].epoch;
        let slot = Slot {
            session: Session::open(now, transport, "0{}", settings),
            client,
            epoch,
            connection: None,
            candidate: None,
            has_told: false,
            is_flushed: false,
        };
        let key = self.shards[at].sessions.insert(slot);
        self.sids.insert((client, epoch), (at, key));
        self.trace.n_sessions += 1;
        self.oracle.opened(now, (at, key), transport);
        self.shards[at].dirty.insert(key);
        let origin = client as u64 % kept::N_ORIGINS;
        self.input(at, Input::Opened(key, Origin(origin)));
        key
    }

    /// Hands one input to a session and carries out what it says; false if it was refused.
    pub(super) fn tell(
        &mut self,
        at: usize,
        key: SessionKey,
        input: SessionInput<'_>,
        packet: Option<&Packet<'_>>,
    ) -> bool {
        let now = self.now;
        let Some(slot) = self.shards[at].sessions.get_mut(key) else { return false };
        let queued = slot.session.queued_bytes();
        let is_open = !slot.session.is_closed();
        let expected = self.oracle.session_input(now, (at, key), &input, queued, is_open);
        let mut effects = Vec::new();
        slot.is_flushed = false;
        slot.session.handle(now, input, &mut effects);
        self.oracle.session_output(now, (at, key), expected, &effects);
        self.shards[at].dirty.insert(key);
        self.touch(at);
        let mut accepted = true;
        for effect in effects {
            match effect {
                SessionEffect::Deliver => self.deliver(at, key, packet),
                SessionEffect::RefuseRequest => accepted = false,
                other => self.carry_out(at, key, other),
            }
        }
        accepted
    }

    fn carry_out(&mut self, at: usize, key: SessionKey, effect: SessionEffect) {
        let Some(slot) = self.shards[at].sessions.get_mut(key) else { return };
        match effect {
            SessionEffect::Deliver
            | SessionEffect::Noise
            | SessionEffect::RefuseRequest
            | SessionEffect::AcceptCandidate => {}
            SessionEffect::Pinged => self.input(at, Input::Pinged(key)),
            SessionEffect::Ponged => self.input(at, Input::Ponged(key)),
            SessionEffect::DropCandidate => {
                if let Some(candidate) = slot.candidate.take() {
                    self.finish(candidate);
                }
            }
            SessionEffect::SendToCandidate(frame) => {
                if let Some(candidate) = slot.candidate {
                    self.down(candidate, frame.wire());
                }
            }
            SessionEffect::Upgraded => {
                let (client, epoch) = (slot.client, slot.epoch);
                let last_answer = slot.session.upgrade();
                slot.connection = slot.candidate.take();
                if let Some(connection) = slot.connection.and_then(|c| self.connections.get_mut(c))
                {
                    connection.is_candidate = false;
                }
                if let Some(body) = last_answer {
                    self.answer(client, epoch, Some(body));
                }
            }
            SessionEffect::Closed(reason) => {
                slot.has_told = true;
                self.trace.tell(self.now, || format!("shard {at}: {key:?} closed: {reason:?}"));
                self.input(at, Input::Closed(key, reason));
                self.remove_if_gone(at, key);
            }
        }
    }

    fn deliver(&mut self, at: usize, key: SessionKey, packet: Option<&Packet<'_>>) {
        match packet {
            Some(Packet::Text(text)) => {
                self.trace.tell(self.now, || format!("shard {at}: {key:?} says {text}"));
                self.trace.count(self.now, at, text.as_bytes());
                self.oracle.said(self.now, (at, key), text);
                self.input(at, Input::Text(key, text));
            }
            Some(Packet::Binary(bytes)) => {
                self.trace.tell(self.now, || format!("shard {at}: {key:?} says {bytes:?}"));
                self.trace.count(self.now, at, bytes);
                self.oracle.attached(self.now, (at, key));
                self.input(at, Input::Bytes(key, bytes));
            }
            _ => {}
        }
    }

    /// Hands one input to a world, and then what its handlers want, until all is still.
    pub(super) fn input(&mut self, at: usize, input: Input<'_>) {
        let mut aftermath = self.hand(at, input);
        loop {
            for (key, effect) in aftermath.drain(..) {
                self.carry_out(at, key, effect);
            }
            while let Some(key) = self.shards[at].full.pop() {
                self.flush_session(at, key);
            }
            let Some(input) = self.shards[at].wanted.pop_front() else { break };
            aftermath = self.hand(at, input);
        }
        self.touch(at);
    }

    fn hand(&mut self, at: usize, input: Input<'_>) -> Aftermath {
        let now = self.now;
        self.refill(at);
        let expected = self.oracle.world_input(now, at, &input);
        let mut log = Log::default();
        self.shards[at].world.handle(now, input, &mut log);
        self.oracle.world_output(now, at, expected, &log.0, &self.shards[at].world);
        let mut aftermath = Vec::new();
        let mut recovered = None;
        for seen in log.0 {
            if matches!(seen, Seen::Kept(..) | Seen::Recovered(..) | Seen::Forgotten(_)) {
                self.trace.tell(now, || format!("shard {at}: {seen:?}"));
            }
            match seen {
                Seen::Send(key, frame, delivery) => {
                    self.send(at, key, frame, delivery, &mut aftermath);
                }
                Seen::Close(key, reason) => {
                    self.quietly(at, key, SessionInput::Close(reason), &mut aftermath);
                }
                Seen::Tell(to, message) => {
                    let to = self.index_of(to);
                    self.shards[at].abroad.entry(to).or_default().push(message);
                }
                Seen::Connecting { socket, namespace: MAIN, .. } => self.connecting(at, socket),
                Seen::Connecting { socket, session, namespace, .. } if namespace != kept::KEPT => {
                    let client = self.shards[at].sessions.get(session).map(|slot| slot.client);
                    let account = client.and_then(account).filter(|_| namespace == SEEKERS);
                    self.shards[at].wanted.push_back(match account {
                        Some(account) => Input::AdmitPlayer(socket, account.into()),
                        None => Input::Admit(socket),
                    });
                }
                Seen::Connecting { socket, auth, .. } => {
                    self.kept_connecting(at, socket, auth.as_deref());
                }
                Seen::Event { socket, namespace: MAIN, name, args, ack } => {
                    self.handle_event(at, socket, &name, &args, ack);
                }
                Seen::Event { socket, namespace, .. } => {
                    self.kept_acts_later(at, socket, 1);
                    let wishes = self.act(at, namespace, socket);
                    self.shards[at].wanted.extend(wishes);
                }
                Seen::Recovered(socket, _) => recovered = Some(socket),
                Seen::Connected(socket, kept::KEPT) => {
                    if recovered != Some(socket) {
                        self.kept_connected(at, socket);
                    }
                }
                Seen::Show(key, view, deltas) => {
                    let input = SessionInput::Show { view, deltas };
                    self.quietly(at, key, input, &mut aftermath);
                }
                Seen::Hide(key, view) => {
                    self.quietly(at, key, SessionInput::Hide { view }, &mut aftermath);
                }
                Seen::Rebase(key, view) => {
                    self.quietly(at, key, SessionInput::Rebase { view }, &mut aftermath);
                }
                Seen::Kept(socket, _) => self.kept_acts_later(at, socket, 4),
                Seen::Connected(..)
                | Seen::Forgotten(_)
                | Seen::Disconnected(_)
                | Seen::Abandoned(_)
                | Seen::Ticked(..)
                | Seen::Acked(..)
                | Seen::Gathered(..) => {}
            }
        }
        aftermath
    }

    /// Tells a session something while the world is at work: what it says to it comes later.
    fn quietly(
        &mut self,
        at: usize,
        key: SessionKey,
        input: SessionInput<'_>,
        aftermath: &mut Aftermath,
    ) {
        let now = self.now;
        let Some(slot) = self.shards[at].sessions.get_mut(key) else { return };
        let queued = slot.session.queued_bytes();
        let is_open = !slot.session.is_closed();
        let expected = self.oracle.session_input(now, (at, key), &input, queued, is_open);
        let mut effects = Vec::new();
        slot.is_flushed = false;
        if !matches!(input, SessionInput::Send(..)) {
            self.trace.tell(now, || format!("shard {at}: {key:?} is told {input:?}"));
        }
        slot.session.handle(now, input, &mut effects);
        self.oracle.session_output(now, (at, key), expected, &effects);
        self.oracle.queued((at, key), slot.session.queued_bytes());
        if slot.session.wants_flush() {
            self.shards[at].full.push(key);
        }
        self.shards[at].dirty.insert(key);
        aftermath.extend(effects.into_iter().map(|effect| (key, effect)));
    }

    fn send(
        &mut self,
        at: usize,
        key: SessionKey,
        frame: Frame,
        delivery: Delivery,
        aftermath: &mut Aftermath,
    ) {
        self.quietly(at, key, SessionInput::Send(frame, delivery), aftermath);
    }

    fn refill(&mut self, at: usize) {
        if !self.shards[at].world.wants_ids() {
            return;
        }
        let ids = (0..REFILL).map(|_| {
            let mut id = [0; 18];
            id[..8].copy_from_slice(&self.random.next_u64().to_le_bytes());
            id[8..16].copy_from_slice(&self.random.next_u64().to_le_bytes());
            id[16..].copy_from_slice(&self.random.next_u64().to_le_bytes()[..2]);
            id
        });
        let ids = Input::Ids(ids.collect());
        self.shards[at].world.handle(self.now, ids, &mut Log::default());
    }

    pub(super) fn index_of(&self, shard: ShardId) -> usize {
        self.plan.shards.iter().position(|own| *own == shard).expect("a shard of this run")
    }
}

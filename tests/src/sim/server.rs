//! One shard as the driver drives it: its world, its clients' sessions, turns. Every input and
//! every effect passes the oracle.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use parlor_core::{
    World, WorldSettings,
    cluster::{Message, Neighbours, Owners},
    delivery::Delivery,
    engine_io::{Session, SessionEffect, SessionInput, Transport},
    ids::REFILL,
    input::Input,
    key::{ConnectionKey, SessionKey, ShardId, Table},
    lobby::{Games, LobbySettings},
    time::Time,
};
use parlor_shared::{
    engine_io::{Packet, decode_payload},
    socket_io::Frame,
    websocket::{Violation, close_code},
};

use super::{
    Invariant, Sim,
    agenda::{Happening, Up},
    chance::Chance as _,
    plan::Plan,
    seen::{Log, Seen},
};

/// Milliseconds from the Unix epoch to the start of each run.
pub(super) const EPOCH_MS: u64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) world: World,
    pub(super) sessions: Table<SessionKey, Slot>,
    /// What handlers want.
    pub(super) wanted: VecDeque<Input<'static>>,
    dirty: BTreeSet<SessionKey>,
    full: Vec<SessionKey>,
    /// What other shards are told at the end of the turn.
    abroad: BTreeMap<usize, Vec<Message>>,
    turn_at: Option<Time>,
}

/// A session and how to reach its client.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) session: Session,
    pub(super) client: usize,
    pub(super) epoch: u32,
    /// `None`: polling.
    pub(super) connection: Option<ConnectionKey>,
    candidate: Option<ConnectionKey>,
    /// The world has been told that it ended.
    has_told: bool,
    /// All there is to say is written.
    pub(super) is_flushed: bool,
}

impl Shard {
    pub(super) fn new(plan: &Plan, own: ShardId, seed: u64) -> Self {
        let mut games = Games::default();
        games.register::<parlor_games::Chess>("chess");
        games.register::<parlor_games::Circles>("circles");
        let neighbours =
            Neighbours { own, all: plan.shards.clone(), owners: Owners::new(seed ^ 0x5eed) };
        let lobbies = LobbySettings {
            games,
            max_lobbies: plan.max_lobbies,
            epoch_ms: EPOCH_MS,
            seed: seed ^ u64::from(own.shard),
        };
        let world = World::new(WorldSettings {
            neighbours,
            namespaces: vec!["/".to_owned()],
            connect_timeout: plan.connect_timeout,
            max_payload: plan.session.max_payload,
            hash_seed: seed,
            lobbies: Some(lobbies),
        });
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
        self.input(at, Input::Opened(key));
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
            | SessionEffect::RefuseRequest
            | SessionEffect::AcceptCandidate => {}
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
                self.oracle.attached((at, key));
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
        self.oracle.world_output(now, at, expected, &log.0);
        let mut aftermath = Vec::new();
        for seen in log.0 {
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
                Seen::Connecting { socket, .. } => self.connecting(at, socket),
                Seen::Event { socket, name, args, ack } => {
                    self.handle_event(at, socket, &name, &args, ack);
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
                Seen::Connected
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

    fn index_of(&self, shard: ShardId) -> usize {
        self.plan.shards.iter().position(|own| *own == shard).expect("a shard of this run")
    }

    // ---- requests and WebSockets ---------------------------------------------------------------

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
                        let slot = self.shards[at].sessions.get(key);
                        if slot.is_none_or(|slot| slot.session.is_closed()) {
                            break;
                        }
                        match &packet {
                            Ok(packet) => {
                                let input = SessionInput::Packet(packet);
                                self.tell(at, key, input, Some(packet));
                            }
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

    fn answer(&mut self, client: usize, epoch: u32, body: Option<Vec<u8>>) {
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

    // ---- turns ---------------------------------------------------------------------------------

    /// There is something to write before long.
    fn touch(&mut self, at: usize) {
        let until = self.now + self.random.us(0, self.plan.turn_us);
        let shard = &mut self.shards[at];
        if shard.turn_at.is_none_or(|turn_at| turn_at > until) {
            shard.turn_at = Some(until);
            self.agenda.note(until, Happening::Turn(at));
        }
    }

    /// Fires deadlines, writes, and tells other shards.
    pub(super) fn turn(&mut self, at: usize) {
        if self.shards[at].turn_at != Some(self.now) {
            return;
        }
        self.shards[at].turn_at = Some(self.now);
        for n in 0.. {
            if !self.fire(at) {
                break;
            }
            if n == 10 {
                let what = format!("shard {at}: deadlines do not go away");
                return self.oracle.broken(Invariant::Deadlines, what);
            }
        }
        while let Some(key) = self.shards[at].dirty.pop_first() {
            self.flush_session(at, key);
        }
        self.post(at);
        self.shards[at].turn_at = None;
        if let Some(deadline) = self.deadline(at) {
            let late = self.random.between(0, self.plan.late_ms * 1000);
            let until = deadline.max(self.now) + std::time::Duration::from_micros(late);
            self.shards[at].turn_at = Some(until);
            self.agenda.note(until, Happening::Turn(at));
        }
        self.check_shard(at);
    }

    fn fire(&mut self, at: usize) -> bool {
        let now = self.now;
        let mut has_fired = false;
        for key in self.shards[at].sessions.keys() {
            let slot = self.shards[at].sessions.get(key);
            if slot.and_then(|slot| slot.session.deadline()).is_some_and(|due| due <= now) {
                has_fired = true;
                self.tell(at, key, SessionInput::Timeout, None);
                self.flush_session(at, key);
            }
        }
        if self.shards[at].world.deadline().is_some_and(|due| due <= now) {
            has_fired = true;
            self.input(at, Input::Timeout);
        }
        has_fired
    }

    fn deadline(&self, at: usize) -> Option<Time> {
        let shard = &self.shards[at];
        let sessions = shard.sessions.iter().filter_map(|(_, slot)| slot.session.deadline());
        sessions.chain(shard.world.deadline()).min()
    }

    fn post(&mut self, at: usize) {
        let mut batches: BTreeMap<usize, Vec<Message>> = BTreeMap::new();
        // Views go before all else of a turn.
        for (to, message) in self.shards[at].world.take_views() {
            batches.entry(self.index_of(to)).or_default().push(message);
        }
        for (to, mut batch) in std::mem::take(&mut self.shards[at].abroad) {
            batches.entry(to).or_default().append(&mut batch);
        }
        for (to, batch) in batches {
            let arrives = self.now + self.random.us(0, self.plan.wire_ms * 1000);
            let arrives = self.wires.post(at, to, arrives, batch);
            self.agenda.note(arrives, Happening::Batch { from: at, to });
        }
    }

    pub(super) fn batch_arrives(&mut self, from: usize, to: usize) {
        let (sender, receiver) = (self.plan.shards[from], self.plan.shards[to]);
        for mut message in self.wires.take(from, to) {
            if sender.node != receiver.node {
                message = travelled(&message);
            }
            self.trace.tell(self.now, || format!("shard {from} tells {to}: {message:?}"));
            self.input(to, Input::Told(sender, message));
        }
    }

    /// Writes what a client can take.
    pub(super) fn flush_session(&mut self, at: usize, key: SessionKey) {
        let Shard { world, sessions, .. } = &mut self.shards[at];
        let Some(slot) = sessions.get_mut(key) else { return };
        let (client, epoch) = (slot.client, slot.epoch);
        match slot.connection {
            None => {
                if let Some(body) = slot.session.poll_answer(world) {
                    self.oracle.polled((at, key));
                    self.answer(client, epoch, Some(body));
                } else {
                    slot.is_flushed = true;
                }
            }
            Some(connection) => self.write(at, key, connection),
        }
        self.check_drained(client);
        self.remove_if_gone(at, key);
    }

    /// A session that has nothing left to say is dropped, but not before the world knows.
    fn remove_if_gone(&mut self, at: usize, key: SessionKey) {
        let Some(slot) = self.shards[at].sessions.get_mut(key) else { return };
        let (client, epoch) = (slot.client, slot.epoch);
        if slot.session.is_gone() && slot.has_told {
            let slot = self.shards[at].sessions.remove(key).expect("just seen");
            self.sids.remove(&(client, epoch));
            for connection in slot.candidate.into_iter().chain(slot.connection) {
                self.finish(connection);
            }
            if self.oracle.forget_poll((at, key)) {
                self.answer(client, epoch, None);
            }
        }
    }

    fn write(&mut self, at: usize, key: SessionKey, connection_key: ConnectionKey) {
        let now = self.now;
        while let Some(connection) = self.connections.get_mut(connection_key)
            && !connection.is_blocked
        {
            let Shard { world, sessions, .. } = &mut self.shards[at];
            let Some(slot) = sessions.get_mut(key) else { return };
            let chunks = slot.session.poll_transmit(world);
            let bytes: Vec<u8> = chunks.flatten().copied().collect();
            if bytes.is_empty() {
                slot.is_flushed = true;
                return;
            }
            let mut n = bytes.len().min(connection.room());
            if n == 0 {
                connection.is_blocked = true;
                let input = SessionInput::Blocked;
                self.oracle.session_input(now, (at, key), &input, 0, true);
                slot.session.handle(now, input, &mut Vec::new());
                return;
            }
            if self.random.one_in(4) {
                n = self.random.between(1, n as u64) as usize;
            }
            slot.session.written(now, n);
            self.oracle.written((at, key), n);
            self.down(connection_key, &bytes[..n]);
        }
    }
}

/// A message between nodes is bytes on its way.
fn travelled(message: &Message) -> Message {
    let bytes = serde_json::to_vec(message).expect("messages can travel");
    serde_json::from_slice(&bytes).expect("what was written can be read")
}

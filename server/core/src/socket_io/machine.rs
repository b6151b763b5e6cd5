//! All sockets of a shard: who is connected where, who is in which room, whose answer is awaited.
//! Handlers are called by the driver; what they want comes back as inputs.
//! Source: Socket.IO protocol v5; socket.io 4.8 where it is silent.

mod fetching;
mod keeping;
mod returning;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use parlor_shared::{
    id::{ID_LETTERS, Pid, SocketId},
    socket_io::{Args, Claim, Draft, Frame, Kind, Offset, Packet, Sender, json},
};

use super::{
    assembly::Assembly,
    client::{Client, MAX_FAILED_CONNECTS, MAX_QUEUED_PACKETS, Queued},
    log::{Journal, Log},
    recovery::{Kept, Parked, RecoverySettings, Returning},
    rooms::{MAX_ROOMS_PER_SOCKET, Memberships, Rooms},
    socket::{MAX_PENDING_ACKS, Socket, State, Waiting},
};
use crate::{
    close::CloseReason,
    cluster::{Change, Message, Neighbours, SocketInfo},
    delivery::Delivery,
    effect::{AckError, DisconnectReason, Effect, Effects},
    fault::{self, Fault},
    hash::{Keyed, OfRandom},
    ids::Ids,
    input::{AckToken, Input, Target},
    key::{Beside, NamespaceKey, SessionKey, ShardId, SocketKey, Table},
    time::{Deadlines, Time},
};

/// What the machine must know from the start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names of all namespaces; a [`NamespaceKey`] is a position in it.
    pub namespaces: Vec<String>,
    /// Within this time a client must have joined one.
    pub connect_timeout: Duration,
    /// Bytes of one packet, attachments included.
    pub max_payload: usize,
    /// Keys the hashers.
    pub hash_seed: u64,
    /// Which shard this is, and which others there are.
    pub neighbours: Neighbours,
    /// What is kept of sockets whose clients may come back.
    pub recovery: RecoverySettings,
}

/// The machine.
#[derive(Debug)]
pub struct SocketIo {
    connect_timeout: Duration,
    max_payload: usize,
    clients: Beside<SessionKey, Client>,
    sockets: Table<SocketKey, Socket>,
    namespaces: Vec<Namespace>,
    namespace_keys: HashMap<String, NamespaceKey, Keyed>,
    deadlines: Deadlines<Deadline>,
    stamp: u64,
    /// Those whom a broadcast is for, while it is.
    addressed: Vec<SessionKey>,
    neighbours: Neighbours,
    recovery: RecoverySettings,
    journal: Journal,
    parked: Parked,
    /// Sockets here that can be had back.
    by_pid: HashMap<Pid, SocketKey, OfRandom>,
    /// Where those are whose pid names this shard, and how often they have moved.
    moved: BTreeMap<Pid, (ShardId, u64)>,
    /// Where others went that have left of late: who asks may not know yet.
    left: VecDeque<(Pid, ShardId)>,
}

#[derive(Debug)]
struct Namespace {
    name: String,
    /// Connected sockets, dense, and whose they are.
    sockets: Vec<(SocketKey, SessionKey)>,
    by_id: HashMap<SocketId, (SocketKey, SessionKey), OfRandom>,
    rooms: Rooms,
    next_ack: u64,
    is_recoverable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    Client(SessionKey),
    Ack(SocketKey, u64),
    /// It has waited long enough for what it claims.
    Returning(SocketKey),
    /// It has been kept long enough.
    Kept(SocketKey),
    /// The oldest event of the journal is too old.
    Journal,
}

/// A client broke a rule: its session ends for this reason.
struct Broken(CloseReason);

const FORCED_CLOSE: Broken = Broken(CloseReason::ForcedClose);

/// Places kept from one broadcast to the next.
const MAX_KEPT: usize = 65_536;

impl SocketIo {
    /// Nobody is connected yet.
    pub fn new(settings: Settings) -> Self {
        let keyed = Keyed::new(settings.hash_seed);
        let mut namespace_keys = HashMap::with_hasher(keyed);
        let mut namespaces = Vec::new();
        for name in settings.namespaces {
            let key = NamespaceKey(u32::try_from(namespaces.len()).expect("few namespaces"));
            namespace_keys.insert(name.clone(), key);
            let is_recoverable = settings.recovery.namespaces.contains(&key);
            namespaces.push(Namespace {
                name,
                sockets: Vec::new(),
                by_id: HashMap::default(),
                rooms: Rooms::new(keyed),
                next_ack: 0,
                is_recoverable,
            });
        }
        Self {
            connect_timeout: settings.connect_timeout,
            max_payload: settings.max_payload,
            clients: Beside::default(),
            sockets: Table::default(),
            namespaces,
            namespace_keys,
            deadlines: Deadlines::default(),
            stamp: 0,
            addressed: Vec::new(),
            neighbours: settings.neighbours,
            recovery: settings.recovery,
            journal: Journal::default(),
            parked: Parked::default(),
            by_pid: HashMap::default(),
            moved: BTreeMap::new(),
            left: VecDeque::new(),
        }
    }

    /// Sessions known.
    pub fn n_clients(&self) -> usize {
        self.clients.len()
    }

    /// Sockets, those that are still connecting and those without a connection included.
    pub fn n_sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Sockets that have lost their connection and may be had back.
    pub fn n_parked(&self) -> usize {
        self.parked.len()
    }

    /// Sockets that have moved to other shards, of which this one knows where they are.
    pub fn n_moved(&self) -> usize {
        self.moved.len()
    }

    /// True if any namespace lets clients come back: only then pings and pongs are of interest.
    pub fn is_recovering(&self) -> bool {
        !self.recovery.namespaces.is_empty()
    }

    /// Bytes of events that are kept for clients that come back.
    pub fn n_journal_bytes(&self) -> usize {
        self.journal.n_bytes()
    }

    /// True if every table agrees with every other and each deadline is of something that is there;
    /// for tests and the simulator. Cost grows with everything there is.
    pub fn is_consistent(&self) -> bool {
        let kept = |key| self.sockets.get(key).and_then(|socket| socket.kept.as_ref());
        let is_there = |deadline: &Deadline| match *deadline {
            Deadline::Client(session) => {
                self.clients.get(session).is_some_and(|client| client.deadline().is_some())
            }
            Deadline::Ack(key, id) => {
                self.sockets.get(key).is_some_and(|socket| socket.acks.contains_key(&id))
            }
            Deadline::Returning(key) => {
                let state = self.sockets.get(key).map(|socket| &socket.state);
                matches!(state, Some(State::Connecting(_)))
            }
            Deadline::Kept(key) => {
                kept(key).is_some_and(|kept| kept.parked.is_some() || kept.leaving.is_some())
            }
            Deadline::Journal => self.journal.n_bytes() > 0,
        };
        let is_known = |key| kept(key).is_some_and(|k| self.by_pid.get(&k.pid) == Some(&key));
        let sockets = || self.sockets.iter();
        let is_parked = |socket: &Socket| matches!(socket.state, State::Parked);
        let n_parked = sockets().filter(|(_, socket)| is_parked(socket)).count();
        self.deadlines.keys().all(is_there)
            && n_parked == self.parked.len()
            && sockets().filter(|(key, _)| is_known(*key)).count() == self.by_pid.len()
            && sockets().all(|(key, socket)| !is_parked(socket) || is_known(key))
    }

    /// The session of a socket that is not gone.
    pub fn session(&self, socket: SocketKey) -> Option<SessionKey> {
        self.sockets.get(socket).map(|socket| socket.session)
    }

    /// Whom an emit is for: a socket that is gone may be somewhere else by now, and one that goes
    /// hears where it comes what is sent from now on.
    pub(crate) fn find(&self, target: Target) -> Target {
        match target.socket {
            Some(key) if !target.rooms.is_empty() && !self.stays(key) => {
                Target { socket: None, ..target }
            }
            _ => target,
        }
    }

    fn stays(&self, key: SocketKey) -> bool {
        let Some(socket) = self.sockets.get(key) else { return false };
        let is_leaving = socket.kept.as_ref().is_some_and(|kept| kept.leaving.is_some())
            && !fault::is_planted(Fault::LostWhileLeaving);
        socket.place.is_some() && !is_leaving
    }

    /// When [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// Takes in one thing that happened.
    pub fn handle(
        &mut self,
        now: Time,
        input: Input<'_>,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) {
        match input {
            Input::Ids(_) => {}
            Input::Opened(session, origin) => {
                self.clients.insert(session, Client::new(now + self.connect_timeout, origin));
                self.set_client_deadline(session);
            }
            Input::Text(session, text) => {
                if let Err(Broken(reason)) = self.text(now, session, text, ids, effects) {
                    effects.push(Effect::Close(session, reason));
                }
            }
            Input::Bytes(session, bytes) => {
                if let Err(Broken(reason)) = self.bytes(session, bytes, ids, effects) {
                    effects.push(Effect::Close(session, reason));
                }
            }
            Input::Pinged(session) => self.each_log(session, |log, journal| {
                log.mark();
                if fault::is_planted(Fault::ConfirmedWithoutPong) {
                    log.confirm(journal);
                }
            }),
            Input::Ponged(session) => self.each_log(session, Log::confirm),
            Input::Closed(session, reason) => self.closed(now, session, reason, effects),
            Input::Identify(socket, identity) => self.identify(socket, identity),
            Input::Admit(socket) => self.admit(now, socket, effects),
            Input::Refuse(socket, message, data) => {
                self.refuse(socket, &message, data.as_deref(), effects);
            }
            Input::Emit(namespace, target, frame, delivery) => {
                self.emit(now, namespace, &target, &frame, delivery, effects);
            }
            Input::Ask(socket, draft, token, timeout) => {
                self.ask(now, socket, draft, token, timeout, effects);
            }
            Input::Change(namespace, target, change) => {
                self.change(namespace, &target, &change, effects);
            }
            Input::Told(from, Message::Recovery(message)) => {
                self.told(now, from, message, effects);
            }
            // The world's own business.
            Input::Gather(..) | Input::Told(..) => {}
            Input::Join(socket, room) => {
                self.touch(socket, &room);
                self.join(socket, &room);
            }
            Input::Leave(socket, room) => {
                self.touch(socket, &room);
                self.leave(socket, &room);
            }
            Input::Disconnect(socket, whole, reason) => {
                self.disconnect(socket, whole, reason, effects);
            }
            Input::Timeout => self.timeout(now, effects),
        }
    }

    fn text(
        &mut self,
        now: Time,
        session: SessionKey,
        text: &str,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        let Some(client) = self.clients.get_mut(session) else { return Ok(()) };
        if client.assembly.is_some() {
            return Err(FORCED_CLOSE);
        }
        let decode = |text| {
            Packet::decode(text, Sender::Client).map_err(|error| {
                tracing::debug!(%error, "packet refused");
                FORCED_CLOSE
            })
        };
        let (mut text, mut packet) = (text, decode(text)?);
        let mended;
        if packet.outline.may_have_halves()
            && let Some(with_substitutes) = json::mend_surrogates(text)
        {
            mended = with_substitutes;
            (text, packet) = (&mended, decode(&mended)?);
        }
        if let Some(n @ 1..) = packet.attachments {
            client.assembly = Some(Box::new(Assembly::begin(now, text, &packet, n)));
            self.set_client_deadline(session);
            return Ok(());
        }
        self.packet(session, &packet, &[], ids, effects)
    }

    fn bytes(
        &mut self,
        session: SessionKey,
        bytes: &[u8],
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        let Some(client) = self.clients.get_mut(session) else { return Ok(()) };
        let assembly = client.assembly.as_mut().ok_or(FORCED_CLOSE)?;
        if assembly.add(bytes) > self.max_payload {
            return Err(FORCED_CLOSE);
        }
        if !assembly.is_whole() {
            return Ok(());
        }
        let assembly = client.assembly.take().expect("just seen");
        self.set_client_deadline(session);
        let (packet, attachments) = assembly.packet();
        self.packet(session, &packet, attachments, ids, effects)
    }

    fn packet(
        &mut self,
        session: SessionKey,
        packet: &Packet<'_>,
        attachments: &[Bytes],
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        if packet.kind == Kind::Connect {
            let namespace = self.namespace_keys.get(packet.namespace).copied();
            return self.connect(session, namespace, packet, ids, effects);
        }
        // All else must be for a namespace that this client has joined or is joining: it is among
        // few, so that nothing is hashed.
        let client = self.clients.get(session).expect("checked by the caller");
        let name = |key: NamespaceKey| self.namespaces[key.0 as usize].name.as_str();
        let joined = client.sockets.iter().find(|(key, _)| name(*key) == packet.namespace);
        let (namespace, key) = *joined.ok_or(FORCED_CLOSE)?;
        let socket = self.sockets.get_mut(key).expect("a client's sockets exist");
        let data = packet.data.unwrap_or("[]");
        match (packet.kind, &mut socket.state) {
            (Kind::Disconnect, _) => {
                self.remove_and_tell(key, DisconnectReason::ClientNamespaceDisconnect, effects);
            }
            (Kind::Event, State::Connecting(waiting)) => {
                waiting.n_bytes += data.len() + attachments.iter().map(Bytes::len).sum::<usize>();
                let is_full = waiting.queued.len() == MAX_QUEUED_PACKETS;
                if is_full || waiting.n_bytes > self.max_payload {
                    return Err(Broken(CloseReason::PolicyViolation));
                }
                let (data, attachments) = (data.to_owned(), attachments.to_vec());
                waiting.queued.push(Queued { data, attachments, ack: packet.id });
            }
            // The rest is no client's.
            (Kind::Event, _) => {
                let args = packet.args(attachments);
                effects.push(Effect::Event { socket: key, namespace, args, ack: packet.id });
            }
            (Kind::Ack, _) => {
                // An id that was never asked, or whose time is up, is ignored.
                let id = packet.id.expect("an ack has an id");
                if let Some(token) = socket.acks.remove(&id) {
                    self.deadlines.set(Deadline::Ack(key, id), None);
                    effects.push(Effect::Acked(token, Ok(packet.args(attachments))));
                }
            }
            (Kind::Connect | Kind::ConnectError, _) => return Err(FORCED_CLOSE),
        }
        Ok(())
    }

    fn connect(
        &mut self,
        session: SessionKey,
        namespace: Option<NamespaceKey>,
        packet: &Packet<'_>,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        let client = self.clients.get_mut(session).expect("checked by the caller");
        let Some(namespace) = namespace else {
            client.n_failed_connects += 1;
            if client.n_failed_connects > MAX_FAILED_CONNECTS {
                return Err(Broken(CloseReason::PolicyViolation));
            }
            let frame = Frame::connect_error(packet.namespace, "Invalid namespace", None);
            send(session, &frame, effects);
            return Ok(());
        };
        if client.socket(namespace).is_some() {
            return Err(FORCED_CLOSE);
        }
        let id = SocketId::from_bytes(ids.take());
        let is_recoverable = self.namespaces[namespace.0 as usize].is_recoverable;
        let claim = packet.data.filter(|_| is_recoverable).and_then(Claim::read);
        let waiting = Waiting { returning: claim.map(Returning::Claims), ..Waiting::default() };
        let kept = is_recoverable.then(|| {
            let pid = self.neighbours.owners.mint(ids.take(), self.neighbours.own);
            Box::new(Kept {
                pid: Pid::from_bytes(pid),
                identity: None,
                origin: client.origin,
                log: Log::after(None),
                parked: None,
                n_moves: 0,
                leaving: None,
            })
        });
        let socket = self.sockets.insert(Socket {
            id,
            session,
            namespace,
            state: State::Connecting(Box::new(waiting)),
            place: None,
            memberships: Default::default(),
            acks: Default::default(),
            stamp: 0,
            kept,
        });
        client.sockets.push((namespace, socket));
        effects.push(Effect::Connecting { socket, id, session, namespace, auth: packet.data });
        Ok(())
    }

    fn admit(&mut self, now: Time, key: SocketKey, effects: &mut dyn Effects) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let State::Connecting(waiting) = &mut socket.state else { return };
        if std::mem::replace(&mut waiting.is_admitted, true) {
            return;
        }
        match waiting.returning {
            Some(Returning::Claims(claim)) => self.claim(now, key, claim, effects),
            _ => self.welcome(key, None, effects),
        }
    }

    /// Connects a socket, with what it has missed if its client has come back.
    fn welcome(
        &mut self,
        key: SocketKey,
        missed: Option<&[(Offset, Frame)]>,
        effects: &mut dyn Effects,
    ) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let before = std::mem::replace(&mut socket.state, State::Connected);
        let State::Connecting(waiting) = before else {
            socket.state = before;
            return;
        };
        let Waiting { queued, rooms, .. } = *waiting;
        let (session, namespace_key, id) = (socket.session, socket.namespace, socket.id);
        let pid = socket.kept.as_ref().map(|kept| kept.pid);
        if let Some(pid) = pid {
            self.by_pid.insert(pid, key);
        }
        self.enlist(key);
        for (_, frame) in missed.unwrap_or_default() {
            send(session, frame, effects);
        }
        let name = &self.namespaces[namespace_key.0 as usize].name;
        let frame = Frame::connected(name, id.as_str(), pid.as_ref().map(Pid::as_str));
        send(session, &frame, effects);
        if let (Some(_), Some(pid)) = (missed, pid) {
            effects.push(Effect::Recovered { socket: key, id, pid });
        }
        effects.push(Effect::Connected(key, namespace_key));
        if let Some(client) = self.clients.get_mut(session) {
            client.connect_until = None;
        }
        for room in rooms {
            self.join(key, &room);
        }
        self.set_client_deadline(session);
        for Queued { data, attachments, ack } in queued {
            let args = Args::of_event(&data, &attachments);
            effects.push(Effect::Event { socket: key, namespace: namespace_key, args, ack });
        }
    }

    /// From now on broadcasts reach a socket.
    fn enlist(&mut self, key: SocketKey) {
        let Some(socket) = self.sockets.get_mut(key).filter(|socket| socket.place.is_none()) else {
            return;
        };
        let namespace = &mut self.namespaces[socket.namespace.0 as usize];
        let place = u32::try_from(namespace.sockets.len()).expect("fewer than 2^32 sockets");
        socket.place = Some(place);
        namespace.sockets.push((key, socket.session));
        namespace.by_id.insert(socket.id, (key, socket.session));
    }

    fn refuse(
        &mut self,
        key: SocketKey,
        message: &str,
        data: Option<&str>,
        effects: &mut dyn Effects,
    ) {
        let Some(socket) = self.sockets.get(key) else { return };
        if !matches!(&socket.state, State::Connecting(waiting) if !waiting.is_admitted) {
            return;
        }
        let session = socket.session;
        let name = &self.namespaces[socket.namespace.0 as usize].name;
        let frame = Frame::connect_error(name, message, data);
        send(session, &frame, effects);
        self.remove(key);
        let client = self.clients.get_mut(session).expect("a socket's client exists");
        client.n_failed_connects += 1;
        if client.n_failed_connects > MAX_FAILED_CONNECTS {
            effects.push(Effect::Close(session, CloseReason::PolicyViolation));
        }
    }

    fn emit(
        &mut self,
        now: Time,
        namespace: NamespaceKey,
        target: &Target,
        frame: &Frame,
        delivery: Delivery,
        effects: &mut dyn Effects,
    ) {
        let mut to = std::mem::take(&mut self.addressed);
        let known = self.namespaces.get(namespace.0 as usize);
        if known.is_some_and(|namespace| namespace.is_recoverable) {
            self.each_kept(now, namespace, target, (frame, delivery), &mut to);
        } else {
            self.each(namespace, target, |_, session| to.push(session));
        }
        if !to.is_empty() {
            effects.push(Effect::Send(&to, frame, delivery));
        }
        to.clear();
        if to.capacity() <= MAX_KEPT {
            self.addressed = to;
        }
    }

    /// Connected sockets that a target means, with their ids.
    pub(crate) fn select(
        &mut self,
        namespace: NamespaceKey,
        target: &Target,
    ) -> Vec<(SocketKey, SocketId)> {
        let mut selected = Vec::new();
        self.each(namespace, target, |key, _| selected.push(key));
        let id = |key: SocketKey| {
            let socket = self.sockets.get(key)?;
            matches!(socket.state, State::Connected).then_some((key, socket.id))
        };
        selected.into_iter().filter_map(id).collect()
    }

    /// What others may know of the sockets that a target means.
    pub(crate) fn describe(
        &mut self,
        namespace: NamespaceKey,
        target: &Target,
        shard: ShardId,
    ) -> Vec<SocketInfo> {
        let selected = self.select(namespace, target);
        let Some(namespace) = self.namespaces.get(namespace.0 as usize) else { return Vec::new() };
        let describe = |(key, id): (SocketKey, SocketId)| {
            let memberships = &self.sockets.get(key)?.memberships;
            let rooms = memberships.iter().map(|m| namespace.rooms.name(m).to_owned()).collect();
            Some(SocketInfo { id, shard, rooms })
        };
        selected.into_iter().filter_map(describe).collect()
    }

    fn change(
        &mut self,
        namespace: NamespaceKey,
        target: &Target,
        change: &Change,
        effects: &mut dyn Effects,
    ) {
        // Those without a connection as well: they will be had back as they should be by then.
        let mut selected = Vec::new();
        self.each(namespace, target, |key, _| selected.push(key));
        for key in selected {
            match change {
                Change::Join(rooms) => rooms.iter().for_each(|room| {
                    self.touch(key, room);
                    self.join(key, room);
                }),
                Change::Leave(rooms) => rooms.iter().for_each(|room| {
                    self.touch(key, room);
                    self.leave(key, room);
                }),
                Change::Disconnect(whole) => {
                    let reason = DisconnectReason::ServerNamespaceDisconnect;
                    self.disconnect(key, *whole, reason, effects);
                }
            }
        }
    }

    /// Calls `run` once for each socket that a target means, and with whose it is. Where sockets
    /// can be had back, some have no connection.
    fn each(
        &mut self,
        namespace: NamespaceKey,
        target: &Target,
        mut run: impl FnMut(SocketKey, SessionKey),
    ) {
        if let Some(key) = target.socket {
            if let Some(socket) = self.sockets.get(key)
                && socket.place.is_some()
            {
                run(key, socket.session);
            }
            return;
        }
        let Self { sockets, namespaces, stamp, .. } = self;
        // Another node may name one that this one has not.
        let Some(namespace) = namespaces.get(namespace.0 as usize) else { return };
        let mut run = |(key, session): (SocketKey, SessionKey)| {
            if Some(key) != target.except_socket {
                run(key, session);
            }
        };
        // Where nobody can be meant twice, no socket needs to be looked at.
        match (&target.rooms[..], &target.except[..]) {
            ([], []) => return namespace.sockets.iter().copied().for_each(run),
            ([room], []) => match (namespace.members(room), namespace.of_id(room)) {
                (members, None) => return members.for_each(run),
                (members, Some(own)) if members.len() == 0 => return run(own),
                _ => {}
            },
            _ => {}
        }
        *stamp += 1;
        for room in &target.except {
            for (key, _) in namespace.addressed(room) {
                sockets.get_mut(key).expect("members exist").stamp = *stamp;
            }
        }
        let mut once = |(key, session): (SocketKey, SessionKey)| {
            let socket = sockets.get_mut(key).expect("members exist");
            if socket.stamp != *stamp {
                socket.stamp = *stamp;
                run((key, session));
            }
        };
        if target.rooms.is_empty() {
            namespace.sockets.iter().copied().for_each(once);
        } else {
            for room in &target.rooms {
                namespace.addressed(room).for_each(&mut once);
            }
        }
    }

    fn ask(
        &mut self,
        now: Time,
        key: SocketKey,
        draft: Draft,
        token: AckToken,
        timeout: Option<Duration>,
        effects: &mut dyn Effects,
    ) {
        let socket = self.sockets.get_mut(key).filter(|s| matches!(s.state, State::Connected));
        let Some(socket) = socket else {
            return effects.push(Effect::Acked(token, Err(AckError::Disconnected)));
        };
        if socket.acks.len() == MAX_PENDING_ACKS {
            return effects.push(Effect::Acked(token, Err(AckError::TooMany)));
        }
        let namespace = &mut self.namespaces[socket.namespace.0 as usize];
        let id = namespace.next_ack;
        namespace.next_ack += 1;
        let frame = match draft.into_event(&namespace.name, Some(id)) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(%error, "event not sent");
                return effects.push(Effect::Acked(token, Err(AckError::TooMany)));
            }
        };
        socket.acks.insert(id, token);
        self.deadlines.set(Deadline::Ack(key, id), timeout.map(|timeout| now + timeout));
        send(socket.session, &frame, effects);
    }

    fn join(&mut self, key: SocketKey, room: &str) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let has_joined = match &mut socket.state {
            State::Connecting(waiting) if socket.place.is_none() => {
                let is_in = waiting.rooms.iter().any(|joined| joined == room);
                let has_room = waiting.rooms.len() < MAX_ROOMS_PER_SOCKET;
                if has_room && !is_in {
                    waiting.rooms.push(room.to_owned());
                }
                has_room || is_in
            }
            _ => {
                let rooms = &mut self.namespaces[socket.namespace.0 as usize].rooms;
                rooms.join((key, socket.session), &mut socket.memberships, room)
            }
        };
        if !has_joined {
            tracing::warn!(room, "a socket is in as many rooms as it may be; join ignored");
        }
    }

    fn leave(&mut self, key: SocketKey, room: &str) {
        if fault::is_planted(Fault::LeaveIgnored) {
            return;
        }
        let Some(socket) = self.sockets.get_mut(key) else { return };
        if let State::Connecting(waiting) = &mut socket.state {
            waiting.rooms.retain(|joined| joined != room);
        }
        let mut memberships = std::mem::take(&mut socket.memberships);
        let namespace = socket.namespace.0 as usize;
        let sockets = &mut self.sockets;
        self.namespaces[namespace].rooms.leave(&mut memberships, room, |other, at, place| {
            sockets.get_mut(other).expect("members exist").memberships[at].moved_to(place);
        });
        self.sockets.get_mut(key).expect("just seen").memberships = memberships;
    }

    fn disconnect(
        &mut self,
        key: SocketKey,
        whole: bool,
        reason: DisconnectReason,
        effects: &mut dyn Effects,
    ) {
        let socket = self.sockets.get(key);
        if socket.is_some_and(|s| s.place.is_some() && matches!(s.state, State::Connecting(_))) {
            // What it fetches is meant: that is not had back, and where it was it may be no more.
            self.not_returned(key, effects);
        }
        let Some(socket) = self.sockets.get(key) else { return };
        let session = socket.session;
        if matches!(socket.state, State::Parked) {
            if !fault::is_planted(Fault::DisconnectSparesTheAway) {
                self.forget(key, effects);
            }
            return;
        }
        let keys = if whole {
            let client = self.clients.get(session).expect("a socket's client exists");
            client.sockets.iter().map(|(_, key)| *key).collect()
        } else {
            vec![key]
        };
        for key in keys {
            let Some(socket) = self.sockets.get(key) else { continue };
            let name = &self.namespaces[socket.namespace.0 as usize].name;
            let frame = Frame::disconnected(name);
            send(session, &frame, effects);
            self.remove_and_tell(key, reason, effects);
        }
        if whole {
            effects.push(Effect::Close(session, CloseReason::ForcedServerClose));
        }
    }

    fn closed(
        &mut self,
        now: Time,
        session: SessionKey,
        reason: CloseReason,
        effects: &mut dyn Effects,
    ) {
        let Some(client) = self.clients.remove(session) else { return };
        for (_, key) in client.sockets {
            if !reason.is_recoverable() || !self.part(now, key, reason, effects) {
                self.remove_and_tell(key, DisconnectReason::Session(reason), effects);
            }
        }
        if !fault::is_planted(Fault::DeadlineLeftBehind) {
            self.deadlines.set(Deadline::Client(session), None);
        }
    }

    fn timeout(&mut self, now: Time, effects: &mut dyn Effects) {
        while let Some((at, deadline)) = self.deadlines.pop(now) {
            match deadline {
                Deadline::Client(session) => {
                    let Some(client) = self.clients.get(session) else { continue };
                    let has_joined = client.connect_until.is_none_or(|until| until > at);
                    if !has_joined && fault::is_planted(Fault::ConnectTimeoutIgnored) {
                        continue;
                    }
                    let reason = if has_joined {
                        CloseReason::ForcedClose
                    } else {
                        CloseReason::ForcedServerClose
                    };
                    effects.push(Effect::Close(session, reason));
                }
                Deadline::Ack(key, id) => {
                    let socket = self.sockets.get_mut(key);
                    if let Some(token) = socket.and_then(|socket| socket.acks.remove(&id)) {
                        effects.push(Effect::Acked(token, Err(AckError::Timeout)));
                    }
                }
                Deadline::Returning(key) => self.not_returned(key, effects),
                Deadline::Kept(key) => self.kept_long_enough(at, key, effects),
                Deadline::Journal => {
                    self.journal.trim(at, self.recovery.max_age);
                    self.watch_journal();
                }
            }
        }
    }

    /// Removes a socket and tells its handlers.
    fn remove_and_tell(
        &mut self,
        key: SocketKey,
        reason: DisconnectReason,
        effects: &mut dyn Effects,
    ) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let was_connected = matches!(socket.state, State::Connected);
        let namespace = socket.namespace;
        self.drop_acks(key, effects);
        self.refuse_askers(key, effects);
        self.leave_home(key, effects);
        let lost = self.sockets.get(key).and_then(Socket::fetched);
        self.remove(key);
        if let Some((pid, n_moves)) = lost {
            self.lose(pid, n_moves, effects);
        }
        effects.push(if was_connected {
            Effect::Disconnected(key, namespace, reason)
        } else {
            Effect::Abandoned(key)
        });
    }

    /// Nobody will answer any more.
    fn drop_acks(&mut self, key: SocketKey, effects: &mut dyn Effects) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        for (id, token) in std::mem::take(&mut socket.acks) {
            self.deadlines.set(Deadline::Ack(key, id), None);
            effects.push(Effect::Acked(token, Err(AckError::Disconnected)));
        }
    }

    fn remove(&mut self, key: SocketKey) {
        self.unkeep(key);
        let Some(mut socket) = self.sockets.remove(key) else { return };
        if let Some(client) = self.clients.get_mut(socket.session) {
            client.sockets.retain(|(_, socket)| *socket != key);
        }
        if fault::is_planted(Fault::RoomKeptAfterDisconnect) {
            socket.memberships.clear();
        }
        self.delist(socket.namespace, socket.id, socket.place, socket.memberships);
    }

    /// Broadcasts do not reach a socket any more that had this place and was in these rooms.
    fn delist(
        &mut self,
        namespace: NamespaceKey,
        id: SocketId,
        place: Option<u32>,
        mut memberships: Memberships,
    ) {
        let Self { sockets, namespaces, .. } = self;
        let namespace = &mut namespaces[namespace.0 as usize];
        namespace.rooms.leave_all(&mut memberships, |other, at, place| {
            sockets.get_mut(other).expect("members exist").memberships[at].moved_to(place);
        });
        if let Some(place) = place {
            namespace.by_id.remove(&id);
            namespace.sockets.swap_remove(place as usize);
            if let Some((moved, _)) = namespace.sockets.get(place as usize) {
                sockets.get_mut(*moved).expect("members exist").place = Some(place);
            }
        }
    }

    fn set_client_deadline(&mut self, session: SessionKey) {
        let at = self.clients.get(session).and_then(Client::deadline);
        self.deadlines.set(Deadline::Client(session), at);
    }
}

impl Namespace {
    /// Connected sockets that a room's name addresses: its members, or the socket of that id.
    fn addressed(&self, room: &str) -> impl Iterator<Item = (SocketKey, SessionKey)> {
        self.members(room).chain(self.of_id(room))
    }

    fn members(&self, room: &str) -> impl ExactSizeIterator<Item = (SocketKey, SessionKey)> {
        self.rooms.members(room).iter().map(|member| (member.socket, member.session))
    }

    fn of_id(&self, room: &str) -> Option<(SocketKey, SessionKey)> {
        let letters: &[u8; ID_LETTERS] = room.as_bytes().try_into().ok()?;
        self.by_id.get(letters).copied()
    }
}

fn send(to: SessionKey, frame: &Frame, effects: &mut dyn Effects) {
    effects.push(Effect::Send(&[to], frame, Delivery::Reliable));
}

#[cfg(test)]
mod tests;

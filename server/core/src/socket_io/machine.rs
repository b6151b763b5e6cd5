//! All sockets of a shard: who is connected where, who is in which room, whose answer is awaited.
//! Handlers are called by the driver; what they want comes back as inputs.
//! Source: Socket.IO protocol v5; socket.io 4.8 where it is silent.

mod addressing;
mod connecting;
mod fetching;
mod keeping;
mod returning;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use parlor_shared::{
    api,
    id::Pid,
    socket_io::{Draft, Frame, Kind, Packet, Sender, json},
};

use super::{
    assembly::{Assembly, MAX_PAYLOADS_OF_A_PACKET},
    client::{Client, MAX_QUEUED_PACKETS, Queued},
    excess::Verdict,
    log::{Journal, Log},
    namespaces::{Dynamic, Listeners, Namespaces},
    recovery::{Parked, RecoverySettings, Returning},
    rooms::{self, Note},
    socket::{Listed, Socket, State},
};
use crate::{
    close::CloseReason,
    cluster::{Message, Neighbours},
    delivery::Delivery,
    effect::{AckError, DisconnectReason, Effect, Effects},
    fault::{self, Fault},
    hash::{Keyed, OfRandom},
    ids::Ids,
    input::{Input, Target},
    key::{Beside, NamespaceKey, SessionKey, ShardId, SocketKey, Table},
    time::{Deadlines, Time, earliest},
};

/// What the machine must know from the start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names of all namespaces; a [`NamespaceKey`] is a position in it.
    pub namespaces: Vec<String>,
    /// Which of them are made when a client names them.
    pub dynamic: Dynamic,
    /// What their handlers want to be told beside connections and events.
    pub listeners: Listeners,
    /// Within this time a client must have joined one.
    pub connect_timeout: Duration,
    /// Within this time all attachments of a packet must arrive.
    pub attachments_timeout: Duration,
    /// Bytes of one message; with its attachments a packet may have
    /// [`MAX_PAYLOADS_OF_A_PACKET`](super::MAX_PAYLOADS_OF_A_PACKET) times that.
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
    attachments_timeout: Duration,
    max_payload: usize,
    clients: Beside<SessionKey, Client>,
    sockets: Table<SocketKey, Socket>,
    namespaces: Namespaces,
    deadlines: Deadlines<Deadline>,
    /// Whose packet has just begun: its deadline is not among the others yet, because most often
    /// the attachment comes next.
    begun: Option<SessionKey>,
    /// What has become of rooms and is not told yet.
    notes: Vec<Note>,
    stamp: u64,
    n_unasked_acks: u64,
    /// Of what is handled.
    now: Time,
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

const DECIDED: &str = "whose a namespace is, is decided before a socket is connected to it";
const FORCED_CLOSE: Broken = Broken(CloseReason::ForcedClose);

/// Places kept from one broadcast to the next.
const MAX_KEPT: usize = 65_536;

impl SocketIo {
    /// Nobody is connected yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            connect_timeout: settings.connect_timeout,
            attachments_timeout: settings.attachments_timeout,
            max_payload: settings.max_payload,
            clients: Beside::default(),
            sockets: Table::default(),
            namespaces: Namespaces::new(
                settings.namespaces,
                settings.dynamic,
                settings.listeners,
                settings.recovery.namespaces.clone(),
                settings.neighbours.ack_ids(),
                Keyed::new(settings.hash_seed),
            ),
            now: Time::default(),
            deadlines: Deadlines::default(),
            begun: None,
            notes: Vec::new(),
            stamp: 0,
            n_unasked_acks: 0,
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

    /// Children of dynamic namespaces.
    pub fn n_children(&self) -> usize {
        self.namespaces.n_children()
    }

    /// Answers to questions that were never asked, or whose time was up, since the start.
    pub fn n_unasked_acks(&self) -> u64 {
        self.n_unasked_acks
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
    #[inline]
    pub(crate) fn find(&self, target: &mut Target) {
        if let Some(key) = target.socket
            && !target.rooms.is_empty()
            && !self.stays(key)
        {
            target.socket = None;
        }
        // Where it comes, it is known by its id alone.
        if let Some(key) = target.except_socket
            && !self.stays(key)
            && let Some(socket) = self.sockets.get(key)
        {
            target.except.push(socket.id.as_str().into());
        }
    }

    fn stays(&self, key: SocketKey) -> bool {
        let Some(socket) = self.sockets.get(key) else { return false };
        let is_leaving = socket.kept.as_ref().is_some_and(|kept| kept.leaving.is_some())
            && !fault::is_planted(Fault::LostWhileLeaving);
        // One that connects waits for what it is sent.
        let is_here = socket.place.is_some() || matches!(socket.state, State::Connecting(_));
        is_here && !is_leaving
    }

    /// When [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        let begun = || self.clients.get(self.begun?)?.deadline();
        earliest([self.deadlines.next(), begun()])
    }

    /// Takes in one thing that happened.
    pub fn handle(
        &mut self,
        now: Time,
        input: Input<'_>,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) {
        self.now = now;
        if let Some(begun) = self.begun
            && !matches!(input, Input::Bytes(session, _) if session == begun)
        {
            self.note_begun(begun);
        }
        match input {
            Input::Ids(_) => {}
            Input::Opened(session, origin) => {
                self.clients.insert(session, Client::new(now + self.connect_timeout, origin));
                self.set_client_deadline(session);
            }
            Input::Text(session, text) => {
                if let Err(Broken(reason)) = self.text(now, session, text, false, ids, effects) {
                    effects.push(Effect::Close(session, reason));
                }
            }
            Input::Bytes(session, bytes) => {
                if let Err(Broken(reason)) = self.bytes(session, bytes, ids, effects) {
                    effects.push(Effect::Close(session, reason));
                }
            }
            Input::Excess(session, text) => {
                if let Err(Broken(reason)) = self.excess(now, session, text, ids, effects) {
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
            Input::Adopt(socket, parent) => self.adopt(socket, parent, ids),
            Input::Identify(socket, identity) => self.identify(socket, identity),
            Input::Admit(socket) | Input::AdmitPlayer(socket, _) => {
                self.admit(now, socket, effects);
            }
            Input::Refuse(socket, message, data) => {
                self.refuse(socket, &message, data.as_deref(), effects);
            }
            Input::Emit(scope, target, frame, delivery) => {
                if let Some(namespace) = self.namespaces.one(&scope) {
                    self.emit(now, namespace, &target, (frame, delivery), effects);
                }
            }
            Input::EmitEach(scope, target, draft, delivery) => {
                for child in self.namespaces.of(&scope) {
                    let event = (draft.clone(), delivery);
                    self.emit_in_child(now, child, &target, event, effects);
                }
            }
            Input::Ask(socket, draft, token, timeout) => {
                self.ask(now, socket, draft, token, timeout, effects);
            }
            Input::Change(scope, target, change) => {
                for namespace in self.namespaces.of(&scope) {
                    // Who is disconnected whole may have been the last in another one.
                    if self.namespaces.contains(namespace) {
                        self.change(namespace, &target, &change, effects);
                    }
                }
            }
            Input::Told(from, Message::Recovery(message)) => {
                self.told(now, from, message, effects);
            }
            // The world's own business.
            Input::Gather(..)
            | Input::ServerSide(..)
            | Input::AskServers(..)
            | Input::AnswerServer(..)
            | Input::Told(..) => {}
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
        if !self.notes.is_empty() {
            self.tell_of_rooms(effects);
        }
    }

    fn text(
        &mut self,
        now: Time,
        session: SessionKey,
        text: &str,
        is_dropped: bool,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        let Some(client) = self.clients.get_mut(session) else { return Ok(()) };
        if client.assembly.is_some() {
            return Err(FORCED_CLOSE);
        }
        let packet = Packet::decode(text, Sender::Client).map_err(|error| {
            tracing::debug!(%error, "packet refused");
            FORCED_CLOSE
        })?;
        if packet.outline.may_have_halves()
            && let Some(mended) = json::mend_surrogates(text)
        {
            return self.text(now, session, &mended, is_dropped, ids, effects);
        }
        if let Some(n @ 1..) = packet.attachments {
            let until = now + self.attachments_timeout;
            let mut assembly = Assembly::begin(until, text, &packet, n);
            if is_dropped {
                assembly.drop_event();
            }
            client.assembly = Some(Box::new(assembly));
            self.begun = Some(session);
            return Ok(());
        }
        if is_dropped {
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
        if assembly.add(bytes) > self.max_payload.saturating_mul(MAX_PAYLOADS_OF_A_PACKET) {
            return Err(Broken(CloseReason::PacketTooLarge));
        }
        if !assembly.is_whole() {
            if let Some(begun) = self.begun {
                self.note_begun(begun);
            }
            return Ok(());
        }
        let assembly = client.assembly.take().expect("just seen");
        if self.begun.take().is_none() {
            self.set_client_deadline(session);
        }
        match assembly.packet() {
            Some((packet, attachments)) => self.packet(session, &packet, attachments, ids, effects),
            None => Ok(()),
        }
    }

    /// More than the client may send. Of that, events are dropped before they are parsed, those
    /// with attachments once all of these are here, and the client is told; what else it says
    /// counts, or both sides would lose count of each other.
    fn excess(
        &mut self,
        now: Time,
        session: SessionKey,
        text: Option<&str>,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        let Some(client) = self.clients.get_mut(session) else { return Ok(()) };
        let is_dropped = match text {
            Some(text) => text.starts_with(['2', '5']),
            None => client.assembly.as_mut().is_some_and(|assembly| assembly.drop_event()),
        };
        match client.excess.note(now, is_dropped) {
            Verdict::Cut => return Err(Broken(CloseReason::PolicyViolation)),
            Verdict::Tell(n_dropped) => self.tell_of_excess(session, text, n_dropped, effects),
            Verdict::Bear => {}
        }
        match text {
            Some(text) if !text.starts_with('2') => {
                self.text(now, session, text, is_dropped, ids, effects)
            }
            _ => Ok(()),
        }
    }

    /// Tells a client that it sends too much: in the namespace for which that was, if it is in it.
    fn tell_of_excess(
        &self,
        session: SessionKey,
        text: Option<&str>,
        n_dropped: u32,
        effects: &mut dyn Effects,
    ) {
        let packet = text.and_then(|text| Packet::decode(text, Sender::Client).ok());
        let Some(client) = self.clients.get(session) else { return };
        let is_connected = |key: SocketKey| {
            self.sockets.get(key).is_some_and(|socket| matches!(socket.state, State::Connected))
        };
        let name = |key: NamespaceKey| &*self.namespaces[key].name;
        let joined =
            || client.sockets.iter().filter(|(_, s)| is_connected(*s)).map(|(n, _)| name(*n));
        let own = packet.and_then(|packet| joined().find(|name| *name == packet.namespace));
        let Some(name) = own.or_else(|| joined().next()) else { return };
        let excess = api::RateLimited::new(n_dropped);
        let mut draft = Draft::event(api::RATE_LIMITED).expect("the name is not reserved");
        draft.arg(&excess).expect("a number has a JSON form");
        let frame = draft.into_event(name, None).expect("no attachments");
        send(session, &frame, effects);
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
            return self.connect(session, packet, ids, effects);
        }
        // All else must be for a namespace that this client has joined or is joining: it is among
        // few, so that nothing is hashed.
        let client = self.clients.get(session).expect("checked by the caller");
        let name = |key: NamespaceKey| &*self.namespaces[key].name;
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
                let namespace = self.namespaces.family(namespace).expect(DECIDED);
                effects.push(Effect::Event { socket: key, namespace, args, ack: packet.id });
            }
            (Kind::Ack, _) => {
                let id = packet.id.expect("an ack has an id");
                if let Some(token) = socket.acks.remove(&id) {
                    self.deadlines.set(Deadline::Ack(key, id), None);
                    effects.push(Effect::Acked(token, Ok(packet.args(attachments))));
                } else {
                    // An id that was never asked, or whose time is up.
                    self.n_unasked_acks += 1;
                }
            }
            (Kind::Connect | Kind::ConnectError, _) => return Err(FORCED_CLOSE),
        }
        Ok(())
    }

    fn join(&mut self, key: SocketKey, room: &str) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let has_joined = match &mut socket.state {
            State::Connecting(waiting) if socket.place.is_none() => {
                let is_in = waiting.rooms.iter().any(|joined| joined == room);
                let has_room = rooms::may_join(waiting.rooms.len(), room);
                if has_room && !is_in {
                    waiting.rooms.push(room.to_owned());
                }
                has_room || is_in
            }
            _ => {
                let rooms = &mut self.namespaces[socket.namespace].rooms;
                let (session, is_away) = (socket.session, !socket.is_connected());
                let has_joined = rooms.join((key, session), &mut socket.memberships, room, is_away);
                rooms.hand_over_notes(&mut self.notes);
                has_joined
            }
        };
        if !has_joined {
            let room = &room[..room.floor_char_boundary(100)];
            tracing::warn!(room, "too many rooms of one socket, or too long a name; join ignored");
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
        let (namespace, is_away) = (socket.namespace, !socket.is_connected());
        let sockets = &mut self.sockets;
        let rooms = &mut self.namespaces[namespace].rooms;
        rooms.leave(&mut memberships, room, is_away, |other, at, place| {
            sockets.get_mut(other).expect("members exist").memberships[at].moved_to(place);
        });
        rooms.hand_over_notes(&mut self.notes);
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
            let name = &self.namespaces[socket.namespace].name;
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
        let was_connected = socket.is_connected();
        let waiting = socket.returning().map(Returning::take_next).unwrap_or_default();
        let family = self.namespaces.family(socket.namespace);
        if was_connected {
            self.tell_leaving(key, reason, effects);
        }
        self.drop_acks(key, effects);
        self.refuse_askers(key, effects);
        self.leave_home(key, effects);
        let lost = self.sockets.get(key).and_then(Socket::fetched);
        self.remove(key);
        self.tell_of_rooms(effects);
        if let Some((pid, n_moves)) = lost {
            self.lose(pid, n_moves, effects);
        }
        self.refuse_all(waiting, effects);
        effects.push(match family.filter(|_| was_connected) {
            Some(family) => Effect::Disconnected(key, family, reason),
            None => Effect::Abandoned(key),
        });
    }

    /// Tells handlers that listen to it that a connected socket will be no more.
    fn tell_leaving(&self, key: SocketKey, reason: DisconnectReason, effects: &mut dyn Effects) {
        let Some(socket) = self.sockets.get(key) else { return };
        let namespace = &self.namespaces[socket.namespace];
        if namespace.hears_leaving {
            let rooms = socket.memberships.iter().map(|m| namespace.rooms.name(m));
            effects.push(Effect::Disconnecting(key, reason, &rooms.collect::<Vec<_>>()));
        }
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
        self.delist(socket.take_listed());
        self.namespaces.exit(socket.namespace);
    }

    /// Broadcasts do not reach a socket any more that was here, in its place and in its rooms.
    fn delist(&mut self, socket: Listed) {
        let Self { sockets, namespaces, notes, .. } = self;
        let Listed { namespace, id, place, mut memberships, is_away } = socket;
        let namespace = &mut namespaces[namespace];
        namespace.rooms.leave_all(&mut memberships, is_away, |other, at, place| {
            sockets.get_mut(other).expect("members exist").memberships[at].moved_to(place);
        });
        namespace.rooms.hand_over_notes(notes);
        if let Some(place) = place {
            namespace.by_id.remove(&id);
            namespace.sockets.swap_remove(place as usize);
            if let Some((moved, _)) = namespace.sockets.get(place as usize) {
                sockets.get_mut(*moved).expect("members exist").place = Some(place);
            }
        }
    }

    #[cold]
    fn tell_of_rooms(&mut self, effects: &mut dyn Effects) {
        for Note { socket, room, change } in std::mem::take(&mut self.notes) {
            effects.push(Effect::Room(socket, &room, change));
        }
    }

    /// The attachments of what has begun do not come at once.
    fn note_begun(&mut self, session: SessionKey) {
        self.begun = None;
        self.set_client_deadline(session);
    }

    fn set_client_deadline(&mut self, session: SessionKey) {
        let at = self.clients.get(session).and_then(Client::deadline);
        self.deadlines.set(Deadline::Client(session), at);
    }
}

fn send(to: SessionKey, frame: &Frame, effects: &mut dyn Effects) {
    effects.push(Effect::Send(&[to], frame.clone(), Delivery::Reliable));
}

#[cfg(test)]
mod tests;

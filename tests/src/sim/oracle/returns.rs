//! Sockets of `/kept` and the clients that come back to them: who must get back what it had, who
//! must not, and what each client hears over all its sessions.
//! Source: ARCHITECTURE.md, Clients that come back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_core::{
    close::CloseReason,
    cluster::Change,
    input::Target,
    key::{SessionKey, SocketKey},
    socket_io::RecoverySettings,
    time::Time,
};
use parlor_shared::socket_io::{Frame, Offset};
use serde::Deserialize;
use serde_json::Value;

use super::{At, Invariant};
use crate::sim::{
    kept::{Auth, home, identity},
    plan::{LARGE, Plan},
};

type Check = Result<(), (Invariant, String)>;

/// Longer than anything of a claim is under way that nobody waits for any more.
const UNSETTLED: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(in crate::sim) struct Returns {
    settings: RecoverySettings,
    slack: Duration,
    latest: Duration,
    /// The node of each shard.
    nodes: Vec<u8>,
    n_offsets: u64,
    /// When each shard emitted to all.
    to_all: Vec<Vec<Time>>,
    /// What was emitted to rooms: when, by which shard, to which.
    to_some: Vec<(Time, usize, Target)>,
    /// Changes of the rooms of a home, or of one: they may arrive after somebody new.
    changes: Vec<(Time, usize, Target, Change)>,
    /// When anything reliable was emitted, and its bytes.
    emissions: Vec<(Time, usize)>,
    by_offset: BTreeMap<String, Time>,
    /// What there ever was, by pid.
    lives: BTreeMap<String, Life>,
    /// Who has asked to be let in, and is not answered.
    asked: BTreeMap<At, Asked>,
    sockets: BTreeMap<(usize, SocketKey), Known>,
    clients: Vec<Client>,
    /// What handlers keep, by node and pid.
    data: BTreeSet<(u8, String)>,
    last_claim: Option<Time>,
}

/// One socket of one client, on whichever shard it is.
#[derive(Debug)]
struct Life {
    client: usize,
    id: String,
    born: Time,
    /// The session that has it, or had it last.
    holder: At,
    /// Since when that has been over.
    parked: Option<Time>,
    /// It was disconnected, and is not to come back.
    ended: Option<Time>,
    /// When a claim came to an end that left it who knows where.
    unsettled: Option<Time>,
    moves: Vec<Move>,
}

/// Into a room, or out of it.
#[derive(Debug, Clone)]
struct Move {
    at: Time,
    /// By a handler of this shard.
    from: usize,
    room: String,
    is_in: bool,
    /// It may have come too late.
    is_sure: bool,
}

#[derive(Debug)]
struct Asked {
    auth: Auth,
    admitted: Option<Time>,
}

#[derive(Debug)]
struct Known {
    session: SessionKey,
    pid: Option<String>,
    /// Handlers were told that it is no more before it was anything.
    is_abandoned: bool,
    /// Rooms that wait for its welcome.
    rooms: Vec<String>,
}

/// What one client has heard.
#[derive(Debug, Default)]
struct Client {
    pid: Option<String>,
    is_in: bool,
    /// It has heard something in this session, and is not welcome yet.
    is_early: bool,
    /// The newest of each shard, of what was for all, and of the rest.
    all: BTreeMap<usize, u64>,
    some: BTreeMap<usize, u64>,
    /// What it has yet to hear of what was for rooms.
    expected: BTreeSet<u64>,
}

#[derive(Deserialize)]
struct Welcome {
    sid: String,
    pid: String,
}

impl Life {
    fn is_of(&self, client: usize) -> bool {
        self.client == client || identity(self.client) == identity(client)
    }

    /// At that time it may have been in that room.
    fn may_be_in(&self, room: &str, at: Time, slack: Duration) -> bool {
        let own = self.moves.iter().filter(|m| m.room == room);
        let join = own.clone().filter(|m| m.is_in && m.at <= at + slack).map(|m| m.at).max();
        let Some(join) = join else { return room == self.id };
        !own.clone().any(|m| !m.is_in && m.is_sure && m.at > join + slack && m.at + slack < at)
    }

    /// It certainly was.
    fn is_in_for_sure(&self, room: &str, at: Time, slack: Duration) -> bool {
        if room == self.id {
            return true;
        }
        let is_join = |m: &Move| m.room == room && m.is_in && m.is_sure && m.at + 2 * slack < at;
        let Some(n) = self.moves.iter().rposition(is_join) else { return false };
        let join = &self.moves[n];
        let may_count = |(i, m): (usize, &Move)| {
            let is_before = i < n && m.from == join.from;
            !is_before && m.at + slack > join.at && m.at < at + slack
        };
        let mut moves = self.moves.iter().enumerate();
        !moves.any(|(i, m)| m.room == room && !m.is_in && may_count((i, m)))
    }

    /// A handler moves sockets of all shards.
    fn change(
        &mut self,
        (at, from, target, change): (Time, usize, &Target, &Change),
        slack: Duration,
    ) {
        let (rooms, is_in) = match change {
            Change::Join(rooms) => (rooms, true),
            Change::Leave(rooms) => (rooms, false),
            Change::Disconnect(_) => return,
        };
        let own_home = home(self.client);
        let is_meant = |room: &str| room == self.id || room == own_home;
        if !target.rooms.iter().any(|room| is_meant(room)) {
            return;
        }
        let is_here = |room: &str| self.is_in_for_sure(room, at, slack);
        let is_sure = self.born + slack < at && target.rooms.iter().any(|room| is_here(room));
        self.moves.extend(rooms.iter().map(|room| {
            let room = room.clone();
            Move { at, from, room, is_in, is_sure }
        }));
    }

    fn hears(&self, target: &Target, at: Time, slack: Duration) -> bool {
        let is_in = |room: &str| self.is_in_for_sure(room, at, slack);
        self.born + slack < at && target.except.is_empty() && target.rooms.iter().any(|r| is_in(r))
    }

    fn may_hear(&self, target: &Target, at: Time, slack: Duration) -> bool {
        target.rooms.iter().any(|room| self.may_be_in(room, at, slack))
            && !target.except.iter().any(|room| self.is_in_for_sure(room, at, slack))
    }
}

impl Returns {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            settings: plan.recovery.clone(),
            slack: plan.slack(),
            latest: plan.latest(),
            nodes: plan.shards.iter().map(|shard| shard.node).collect(),
            n_offsets: 0,
            to_all: vec![Vec::new(); plan.shards.len()],
            to_some: Vec::new(),
            changes: Vec::new(),
            emissions: Vec::new(),
            by_offset: BTreeMap::new(),
            lives: BTreeMap::new(),
            asked: BTreeMap::new(),
            sockets: BTreeMap::new(),
            clients: (0..plan.n_clients).map(|_| Client::default()).collect(),
            data: BTreeSet::new(),
            last_claim: None,
        }
    }

    // ---- what handlers do ----------------------------------------------------------------------

    pub(in crate::sim) fn next_offset(&mut self) -> u64 {
        self.n_offsets += 1;
        self.n_offsets
    }

    /// A shard is about to emit to all; the number that is this.
    pub(in crate::sim) fn count_for_all(&mut self, now: Time, at: usize) -> u64 {
        self.to_all[at].push(now);
        self.to_all[at].len() as u64 - 1
    }

    /// A shard is about to emit to rooms; the number that is this.
    pub(in crate::sim) fn count_for_rooms(&mut self, now: Time, at: usize, target: &Target) -> u64 {
        let number = self.to_some.len() as u64;
        self.to_some.push((now, at, target.clone()));
        for client in &mut self.clients {
            let life = client.pid.as_ref().and_then(|pid| self.lives.get(pid));
            if life.is_some_and(|life| life.hears(target, now, self.slack)) {
                client.expected.insert(number);
            }
        }
        number
    }

    pub(super) fn emitted(&mut self, now: Time, offset: Offset, frame: &Frame) {
        self.by_offset.insert(offset.to_string(), now);
        self.emissions.push((now, frame.wire().len()));
    }

    /// The client whose socket this is.
    pub(in crate::sim) fn client_of(&self, at: usize, socket: SocketKey) -> Option<usize> {
        self.life_of(at, socket).map(|life| life.client)
    }

    pub(in crate::sim) fn id_of(&self, at: usize, socket: SocketKey) -> Option<String> {
        self.life_of(at, socket).map(|life| life.id.clone())
    }

    /// True if this was the last connection of what it was, and is lost.
    pub(in crate::sim) fn is_away(&self, at: usize, socket: SocketKey) -> bool {
        let session = self.sockets.get(&(at, socket)).map(|known| known.session);
        let life = self.life_of(at, socket);
        life.is_some_and(|life| {
            life.parked.is_some() && Some(life.holder) == session.map(|s| (at, s))
        })
    }

    /// A handler disconnects a socket, which may be elsewhere.
    pub(super) fn sent_away(&mut self, now: Time, at: usize, socket: SocketKey) {
        let Some(known) = self.sockets.get(&(at, socket)) else { return };
        let (Some(pid), session) = (known.pid.clone(), known.session) else { return };
        if self.is_still(now, &pid)
            && let Some(life) = self.lives.get_mut(&pid)
            && life.holder == (at, session)
        {
            life.ended = life.ended.or(Some(now));
        }
    }

    fn life_of(&self, at: usize, socket: SocketKey) -> Option<&Life> {
        self.lives.get(self.sockets.get(&(at, socket))?.pid.as_ref()?)
    }

    /// A handler puts one socket of its shard into a room, or takes it out.
    pub(super) fn moved(
        &mut self,
        now: Time,
        at: usize,
        socket: SocketKey,
        (room, is_in): (&str, bool),
    ) {
        let Some(known) = self.sockets.get_mut(&(at, socket)) else { return };
        let Some(pid) = &known.pid else {
            known.rooms.retain(|other| other != room);
            known.rooms.extend(is_in.then(|| room.to_owned()));
            return;
        };
        let (pid, session) = (pid.clone(), known.session);
        let is_still = self.is_still(now, &pid);
        let life = self.lives.get_mut(&pid).expect("whoever is known lives");
        let is_sure = is_still && life.holder == (at, session) && life.parked.is_none();
        life.moves.push(Move { at: now, from: at, room: room.to_owned(), is_in, is_sure });
    }

    /// A handler moves sockets of all shards: those of a home, or one.
    pub(super) fn changed(&mut self, now: Time, at: usize, target: &Target, change: &Change) {
        for life in self.lives.values_mut() {
            life.change((now, at, target, change), self.slack);
        }
        self.changes.push((now, at, target.clone(), change.clone()));
    }

    // ---- what goes in --------------------------------------------------------------------------

    /// A client's text is about to reach the world; true if it leaves the namespace.
    pub(super) fn said(&mut self, at: At, text: &str) {
        if let Some(auth) = text.strip_prefix("0/kept,") {
            self.asked.insert(at, Asked { auth: Auth::read(auth), admitted: None });
        }
    }

    pub(super) fn connecting(&mut self, at: usize, socket: SocketKey, session: SessionKey) {
        self.sockets.insert(
            (at, socket),
            Known { session, pid: None, is_abandoned: false, rooms: Vec::new() },
        );
    }

    /// A handler lets a socket in: what its client claims counts from now on.
    pub(super) fn admitted(&mut self, now: Time, at: usize, socket: SocketKey) {
        let Some(known) = self.sockets.get(&(at, socket)) else { return };
        if let Some(asked) = self.asked.get_mut(&(at, known.session)) {
            asked.admitted.get_or_insert(now);
            self.last_claim = Some(now);
        }
    }

    /// A session has ended.
    pub(super) fn closed(&mut self, now: Time, at: At, reason: CloseReason) {
        if let Some(asked) = self.asked.remove(&at)
            && asked.admitted.is_some()
            && let Some(life) = asked.auth.pid.and_then(|pid| self.lives.get_mut(&pid))
            && life.is_of(asked.auth.client)
        {
            life.unsettled = Some(now);
        }
        for life in self.lives.values_mut().filter(|life| life.holder == at) {
            if life.parked.is_none() {
                life.parked = Some(now);
            }
            if !reason.is_recoverable() {
                life.ended = life.ended.or(Some(now));
            }
        }
    }

    // ---- what comes out ------------------------------------------------------------------------

    /// A session is sent a packet of this namespace's own.
    pub(super) fn sent(&mut self, now: Time, at: At, frame: &Frame, is_ending: bool) -> Check {
        let packet = frame.packets().next().map(|(_, packet)| packet).unwrap_or_default();
        if packet.starts_with(b"44/kept,") {
            self.asked.remove(&at);
        }
        let Some(welcome) = packet.strip_prefix(b"40/kept,") else { return Ok(()) };
        let welcome: Welcome = serde_json::from_slice(welcome).expect("a server's JSON");
        self.answered(now, at, welcome, is_ending).map_err(|what| (Invariant::Comebacks, what))
    }

    fn answered(
        &mut self,
        now: Time,
        at: At,
        Welcome { sid: id, pid }: Welcome,
        is_ending: bool,
    ) -> Result<(), String> {
        let Some(Asked { auth, admitted }) = self.asked.remove(&at) else {
            return Err(format!("{at:?} is welcome, and never asked"));
        };
        let admitted = admitted.unwrap_or(now);
        let Auth { client, pid: claimed, offset } = auth;
        if claimed.as_ref() == Some(&pid) {
            let is_still = self.is_still(admitted, &pid);
            let Some(life) = self.lives.get_mut(&pid) else { return Err(format!("{pid} is none")) };
            if !life.is_of(client) || life.id != id {
                return Err(format!("client {client} gets {id}, where {life:?} was"));
            }
            let late = self.latest + self.slack;
            // A claim that was met when its session had ended is kept from then on, anew.
            let kept_from = |parked: Time| life.unsettled.map_or(parked, |since| parked.max(since));
            let is_over = |parked| kept_from(parked) + self.settings.window + late < admitted;
            let is_gone = life.ended.is_some_and(|ended| ended + self.slack < admitted);
            if is_still && (is_gone || life.parked.is_some_and(is_over)) {
                return Err(format!("client {client} has back at {at:?} what is over: {life:?}"));
            }
            (life.holder, life.parked, life.ended) = (at, None, None);
            return Ok(());
        }
        if let Some(claimed) = claimed {
            let why = self.must_return(now, admitted, client, (&claimed, offset.as_deref()));
            if let Some(life) = self.lives.get_mut(&claimed).filter(|life| life.is_of(client)) {
                if is_ending {
                    life.ended = Some(now);
                } else if why {
                    return Err(format!("client {client} at {at:?} should have back {life:?}"));
                }
                life.unsettled = Some(now);
            }
        }
        let (parked, ended, unsettled) = (None, None, None);
        let mut life =
            Life { client, id, born: now, holder: at, parked, ended, unsettled, moves: Vec::new() };
        let recent = self.changes.partition_point(|(at, ..)| *at + self.slack < now);
        for (at, from, target, change) in &self.changes[recent..] {
            life.change((*at, *from, target, change), self.slack);
        }
        self.lives.insert(pid, life);
        Ok(())
    }

    /// A claim that was admitted then must be met by now.
    fn must_return(
        &self,
        now: Time,
        admitted: Time,
        client: usize,
        (pid, offset): (&String, Option<&str>),
    ) -> bool {
        let Some(life) = self.lives.get(pid) else { return false };
        let since = match offset {
            None => Some(life.born),
            Some(offset) => self.by_offset.get(offset).copied(),
        };
        let Some(since) = since else { return false };
        let missed = self.emissions.partition_point(|(at, _)| *at + self.slack < since);
        let missed = &self.emissions[missed..];
        let oldest = missed.iter().find(|(at, _)| *at > since).map_or(now, |(at, _)| *at);
        let n_bytes: usize = missed.iter().map(|(_, n)| *n).sum();
        let RecoverySettings { window, max_events, max_bytes, max_age, .. } = self.settings;
        life.is_of(client)
            && life.ended.is_none()
            && self.is_still(admitted, pid)
            && life.parked.is_none_or(|parked| admitted + 2 * self.slack < parked + window)
            && missed.len() <= max_events
            && n_bytes <= max_bytes
            && now + self.slack < oldest + max_age
            && self.settings.max_sockets == LARGE
    }

    /// No other claim of it is under way, or was of late.
    fn is_still(&self, now: Time, pid: &String) -> bool {
        let Some(life) = self.lives.get(pid) else { return false };
        let is_its = |asked: &Asked| {
            asked.auth.pid.as_ref() == Some(pid)
                && asked.admitted.is_some()
                && life.is_of(asked.auth.client)
        };
        !self.asked.values().any(is_its)
            && life.unsettled.is_none_or(|unsettled| unsettled + UNSETTLED < now)
    }

    /// True if a session may be ended, because its client has come back by another.
    pub(super) fn may_take_over(&self, now: Time, at: At) -> bool {
        let mut held = self.lives.iter().filter(|(_, life)| life.holder == at);
        held.any(|(pid, _)| !self.is_still(now, pid))
    }

    /// Something may be on its way from shard to shard.
    pub(in crate::sim) fn are_some_moving(&self, now: Time) -> bool {
        self.last_claim.is_some_and(|claim| now < claim + UNSETTLED)
    }

    /// A socket is connected: it is its session's life.
    pub(super) fn connected(&mut self, now: Time, at: usize, socket: SocketKey) {
        let Some(known) = self.sockets.get_mut(&(at, socket)) else { return };
        let held = |life: &Life| life.holder == (at, known.session) && life.parked.is_none();
        let Some((pid, life)) = self.lives.iter_mut().find(|(_, life)| held(life)) else { return };
        known.pid = Some(pid.clone());
        for room in std::mem::take(&mut known.rooms) {
            life.moves.push(Move { at: now, from: at, room, is_in: true, is_sure: true });
        }
    }

    /// A socket is no more, because somebody wanted that.
    pub(super) fn disconnected(&mut self, now: Time, at: usize, socket: SocketKey) {
        if let Some(known) = self.sockets.get(&(at, socket))
            && let Some(life) = known.pid.as_ref().and_then(|pid| self.lives.get_mut(pid))
        {
            (life.ended, life.parked) = (Some(now), life.parked.or(Some(now)));
        }
    }

    /// What handlers know of a socket is put aside.
    pub(super) fn kept(&mut self, at: usize, socket: SocketKey, pid: &str) {
        if self.sockets.get(&(at, socket)).is_some_and(|known| !known.is_abandoned) {
            self.data.insert((self.nodes[at], pid.to_owned()));
        }
    }

    pub(super) fn abandoned(&mut self, at: usize, socket: SocketKey) {
        if let Some(known) = self.sockets.get_mut(&(at, socket)) {
            known.is_abandoned = true;
        }
    }

    /// It is taken up again.
    pub(super) fn recovered(&mut self, at: usize, pid: &str) {
        self.data.remove(&(self.nodes[at], pid.to_owned()));
    }

    /// Nobody will have a socket back: it was disconnected, or its time is up, or others have
    /// taken its place.
    pub(super) fn forgotten(
        &mut self,
        now: Time,
        at: usize,
        pid: &str,
        (is_ending, is_timeout): (bool, bool),
    ) -> Check {
        self.data.remove(&(self.nodes[at], pid.to_owned()));
        let is_still = self.is_still(now, &pid.to_owned());
        let Some(life) = self.lives.get_mut(pid) else { return Ok(()) };
        if is_ending {
            life.ended = Some(now);
        }
        let is_too_early = life.parked.is_none_or(|parked| now < parked + self.settings.window);
        if is_timeout && is_still && is_too_early {
            return Err((Invariant::Comebacks, format!("shard {at} forgets {life:?} too early")));
        }
        Ok(())
    }

    // ---- what clients hear ---------------------------------------------------------------------

    /// A client's session, or its place in the namespace, is lost.
    pub(in crate::sim) fn is_out(&mut self, n: usize) {
        (self.clients[n].is_in, self.clients[n].is_early) = (false, false);
    }

    pub(in crate::sim) fn welcomed(&mut self, now: Time, n: usize, id: &str, pid: &str) -> Check {
        let client = &mut self.clients[n];
        client.is_in = true;
        let was_early = std::mem::take(&mut client.is_early);
        let Some(life) = self.lives.get(pid) else {
            return Err((Invariant::Comebacks, format!("{now:?}: {pid} was never given")));
        };
        if client.pid.as_deref() != Some(pid) {
            *client = Client { pid: Some(pid.to_owned()), is_in: true, ..Client::default() };
            if was_early {
                let what = "it was sent what it missed, and then not taken back".to_owned();
                return Err((Invariant::Continuity, what));
            }
        }
        if life.id == id {
            return Ok(());
        }
        Err((Invariant::Comebacks, format!("{pid} is called {id}, where {life:?} was")))
    }

    /// An event arrives.
    pub(in crate::sim) fn heard(&mut self, n: usize, args: &[Value]) -> Check {
        let slack = self.slack;
        let client = &mut self.clients[n];
        // What only the newest counts of may come late.
        client.is_early |= !client.is_in && args.last().is_some_and(Value::is_string);
        let number = |i: usize| args.get(i).and_then(Value::as_u64).unwrap_or(u64::MAX);
        let what = |what: &str| (Invariant::Continuity, format!("{what}: {args:?}"));
        let Some(life) = client.pid.as_ref().and_then(|pid| self.lives.get(pid)) else {
            return Err(what("before it is welcome"));
        };
        let (number, from) = (number(1), number(2) as usize);
        match args[0].as_str() {
            Some("all") => {
                let last = client.all.insert(from, number);
                if last.is_some_and(|last| last + 1 != number) {
                    return Err(what(&format!("after {last:?}")));
                }
            }
            Some("some") => {
                client.expected.remove(&number);
                let last = client.some.insert(from, number);
                if last.is_some_and(|last| last >= number) {
                    return Err(what(&format!("after {last:?}")));
                }
                let (at, _, target) = &self.to_some[number as usize];
                if !life.may_hear(target, *at, slack) {
                    let what = format!("{args:?}, for {target:?}, by {life:?}");
                    return Err((Invariant::Broadcast, what));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A client has received all that there is.
    pub(in crate::sim) fn drained(&mut self, now: Time, n: usize, at: At) -> Check {
        let slack = self.slack;
        let client = &self.clients[n];
        let Some(pid) = client.pid.clone().filter(|_| client.is_in) else { return Ok(()) };
        let Some(life) = self.lives.get(&pid) else { return Ok(()) };
        let is_whole = life.holder == at && life.parked.is_none() && life.ended.is_none();
        if !is_whole || !self.is_still(now, &pid) {
            return Ok(());
        }
        for (from, emitted) in self.to_all.iter().enumerate() {
            let n_due = emitted.partition_point(|at| *at + slack < now);
            let is_its = n_due > 0 && emitted[n_due - 1] > life.born + slack;
            if is_its && client.all.get(&from).is_none_or(|heard| *heard + 1 < n_due as u64) {
                let what = format!("{n_due} of shard {from} to all, of which {:?}", client.all);
                return Err((Invariant::Continuity, what));
            }
        }
        let client = &mut self.clients[n];
        while let Some(number) = client.expected.first().copied() {
            let (at, from, target) = &self.to_some[number as usize];
            if *at + slack >= now {
                break;
            }
            client.expected.pop_first();
            if life.hears(target, *at, slack) {
                let what = format!("{number} of shard {from} for {target:?} never came: {life:?}");
                return Err((Invariant::Continuity, what));
            }
        }
        Ok(())
    }

    /// What is left when all is over.
    pub(super) fn check_end(&self) -> Check {
        match self.data.first() {
            None => Ok(()),
            Some((node, pid)) => {
                let what = format!("node {node} keeps data of {pid}: {:?}", self.lives.get(pid));
                Err((Invariant::LeftBehind, what))
            }
        }
    }
}

//! Who is in which room, by shard, and what each shard has yet to tell which other: the plainest
//! model of broadcasts across shards.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlor_core::{
    cluster::{Change, Message, Question},
    input::{AckToken, RoomNames, Target},
    key::{SessionKey, SocketKey},
    lobby::game::Random,
    time::Time,
};
use parlor_shared::{id::SocketId, socket_io::Frame};

/// Something that concerns sockets of several shards.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Emit(Frame, Target),
    Change(Change, Target),
    Question(AckToken, Question),
}

/// A socket of `/`.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: SocketId,
    pub(super) session: SessionKey,
    pub(super) rooms: BTreeSet<String>,
    is_connected: bool,
    /// Events its handlers have heard.
    n_heard: u64,
}

/// What one shard has yet to tell another, and since when.
type Untold = VecDeque<(Time, Op)>;

#[derive(Debug)]
pub(super) struct Rooms {
    here: Vec<BTreeMap<SocketKey, Member>>,
    untold: BTreeMap<(usize, usize), Untold>,
}

impl Rooms {
    pub(super) fn new(n_shards: usize) -> Self {
        Self { here: vec![BTreeMap::new(); n_shards], untold: BTreeMap::new() }
    }

    pub(super) fn n_shards(&self) -> usize {
        self.here.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.here.iter().all(BTreeMap::is_empty)
    }

    pub(super) fn is_here(&self, at: usize, socket: SocketKey) -> bool {
        self.here[at].contains_key(&socket)
    }

    pub(super) fn connecting(
        &mut self,
        at: usize,
        socket: SocketKey,
        id: SocketId,
        session: SessionKey,
    ) {
        let rooms = BTreeSet::new();
        let member = Member { id, session, rooms, is_connected: false, n_heard: 0 };
        self.here[at].insert(socket, member);
    }

    /// The session of a socket that is connected from now on.
    pub(super) fn admitted(&mut self, at: usize, socket: SocketKey) -> Option<SessionKey> {
        let member = self.here[at].get_mut(&socket)?;
        member.is_connected = true;
        Some(member.session)
    }

    pub(super) fn remove(&mut self, at: usize, socket: SocketKey) {
        self.here[at].remove(&socket);
    }

    /// A handler does not let a socket in; one that is in stays.
    pub(super) fn refused(&mut self, at: usize, socket: SocketKey) {
        if self.here[at].get(&socket).is_some_and(|member| !member.is_connected) {
            self.here[at].remove(&socket);
        }
    }

    pub(super) fn session_of(&self, at: usize, socket: SocketKey) -> Option<SessionKey> {
        self.here[at].get(&socket).map(|member| member.session)
    }

    pub(super) fn of_session(&self, at: usize, session: SessionKey) -> Vec<SocketKey> {
        let own = self.here[at].iter().filter(|(_, member)| member.session == session);
        own.map(|(socket, _)| *socket).collect()
    }

    pub(super) fn join(&mut self, at: usize, socket: SocketKey, room: &str) {
        if let Some(member) = self.here[at].get_mut(&socket) {
            member.rooms.insert(room.to_owned());
        }
    }

    pub(super) fn leave(&mut self, at: usize, socket: SocketKey, room: &str) {
        if let Some(member) = self.here[at].get_mut(&socket) {
            member.rooms.remove(room);
        }
    }

    /// The sockets of a shard that a target means.
    pub(super) fn select(&self, at: usize, target: &Target) -> Vec<(SocketKey, &Member)> {
        let is_meant = |socket: &SocketKey, member: &Member| {
            if let Some(only) = target.socket {
                return only == *socket;
            }
            let is_one = |room: &str| room == member.id.as_str() || member.rooms.contains(room);
            let is_in = |rooms: &RoomNames| rooms.iter().any(|room| is_one(room));
            let is_named = target.rooms.is_empty() || is_in(&target.rooms);
            is_named && !is_in(&target.except) && target.except_socket != Some(*socket)
        };
        let connected = self.here[at].iter().filter(|(_, member)| member.is_connected);
        let meant = connected.filter(|(socket, member)| is_meant(socket, member));
        meant.map(|(socket, member)| (*socket, member)).collect()
    }

    /// Carries a change out; the sockets that it disconnects.
    pub(super) fn change(&mut self, at: usize, target: &Target, change: &Change) -> Vec<SocketKey> {
        let selected: Vec<SocketKey> = self.select(at, target).iter().map(|(s, _)| *s).collect();
        for socket in &selected {
            match change {
                Change::Join(rooms) => rooms.iter().for_each(|room| self.join(at, *socket, room)),
                Change::Leave(rooms) => rooms.iter().for_each(|room| self.leave(at, *socket, room)),
                Change::Disconnect(_) => return selected,
            }
        }
        Vec::new()
    }

    /// The id of some socket.
    pub(super) fn some_id(&self, random: &mut Random) -> Option<String> {
        let all: Vec<&Member> = self.here.iter().flat_map(BTreeMap::values).collect();
        let n = u32::try_from(all.len()).ok().filter(|n| *n > 0)?;
        Some(all[random.below(n) as usize].id.to_string())
    }

    /// Events of one socket are heard in order, each once, unless its client `may_miscount`.
    pub(super) fn heard(
        &mut self,
        at: usize,
        socket: SocketKey,
        number: u64,
        may_miscount: bool,
    ) -> Result<(), String> {
        let Some(member) = self.here[at].get_mut(&socket) else {
            return Err(format!("shard {at}: {socket:?} is heard, but not here"));
        };
        let expected = std::mem::replace(&mut member.n_heard, number + 1);
        if expected == number || may_miscount {
            return Ok(());
        }
        Err(format!("shard {at}: {socket:?} is heard with {number} where {expected} was to come"))
    }

    // ---- between shards ------------------------------------------------------------------------

    /// All other shards have yet to be told.
    pub(super) fn tell_others(&mut self, now: Time, at: usize, target: &Target, op: &Op) {
        if target.local || target.socket.is_some() {
            return;
        }
        for other in (0..self.here.len()).filter(|other| *other != at) {
            let mut op = op.clone();
            match &mut op {
                Op::Emit(_, target) | Op::Change(_, target) => target.except_socket = None,
                Op::Question(_, Question::Ask(_, target, ..) | Question::Sockets(_, target)) => {
                    target.except_socket = None;
                }
            }
            self.untold.entry((at, other)).or_default().push_back((now, op));
        }
    }

    /// A shard is told something: what it is to be.
    pub(super) fn take_told(
        &mut self,
        from: usize,
        at: usize,
        message: &Message,
    ) -> Result<Op, String> {
        let untold = self.untold.entry((from, at)).or_default();
        let next = untold.pop_front().map(|(_, op)| op);
        let is_it = match (&next, message) {
            (Some(Op::Emit(frame, _)), Message::Emit(_, _, told, _)) => frame == told,
            (Some(Op::Change(change, _)), Message::Change(_, _, told)) => change == told,
            (Some(Op::Question(..)), Message::Question(..)) => true,
            _ => false,
        };
        match next {
            Some(op) if is_it => Ok(op),
            next => Err(format!("{from} told {at} {message:?}, where {next:?} was to come")),
        }
    }

    /// What a shard should have been told before this time.
    pub(super) fn untold(&self, late: Time) -> Result<(), String> {
        for ((from, at), untold) in &self.untold {
            if let Some((since, op)) = untold.front()
                && *since < late
            {
                return Err(format!("{from} never told {at} of {op:?}"));
            }
        }
        Ok(())
    }
}

/// The number that every event of a handler in this simulation has, first of its arguments.
pub(super) fn number_of(frame: &Frame) -> Option<u64> {
    let (is_binary, packet) = frame.packets().next()?;
    let is_event = !is_binary && (packet.starts_with(b"42") || packet.starts_with(b"45"));
    let text = std::str::from_utf8(packet).ok().filter(|_| is_event)?;
    let (head, rest) = text.split_once('[')?;
    // Those of `/lobby` are its own.
    if head.contains('/') {
        return None;
    }
    rest.split([',', ']']).nth(1)?.parse().ok()
}

/// True if this is a packet of that type and namespace.
pub(super) fn is_word(frame: &Frame, word: &str) -> bool {
    frame.packets().next().is_some_and(|(_, packet)| packet.starts_with(word.as_bytes()))
}

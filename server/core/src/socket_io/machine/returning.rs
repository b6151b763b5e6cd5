//! Clients that come back: they claim the socket that they had, and get it if it is theirs.
//! How it comes from another shard is `fetching`'s part.
//! Source: socket.io 4.8, connection state recovery; reference A12 and rec-01 to rec-09.

use std::time::Duration;

use parlor_shared::{
    id::{Pid, SocketId},
    socket_io::{Claim, Frame},
};

use super::{DECIDED, Deadline, Log, SocketIo, State, fetching::tell, send};
use crate::{
    close::CloseReason,
    effect::{DisconnectReason, Effect, Effects},
    fault::{self, Fault},
    key::{Address, ShardId, SocketKey},
    socket_io::recovery::{Claimed, Kept, Missed, RecoveryMessage, Returning},
    time::Time,
};

/// How long a client waits for what another shard has of it; then it starts anew.
pub(super) const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
/// Claims that wait while a socket is on its way: of one client that comes and goes.
const MAX_WAITING_CLAIMS: usize = 8;
/// A claim that is passed on more often goes round in circles.
const MAX_HOPS: u8 = 8;
/// Sockets of other shards of which is known where they are. One more, and one is forgotten,
/// whichever: what it is forgotten for is a client that starts anew.
const MAX_MOVED: usize = 1 << 20;

/// A socket that its client has back.
pub(super) struct Back {
    pub(super) id: SocketId,
    pub(super) rooms: Vec<String>,
    pub(super) kept: Box<Kept>,
    pub(super) missed: Missed,
}

impl SocketIo {
    /// A client that has come back is admitted, and claims what it had.
    pub(super) fn claim(
        &mut self,
        now: Time,
        key: SocketKey,
        claim: Claim,
        effects: &mut dyn Effects,
    ) {
        let own = self.neighbours.own;
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let State::Connecting(waiting) = &mut socket.state else { return };
        waiting.returning = Some(Returning::Asks(claim));
        self.deadlines.set(Deadline::Returning(key), Some(now + CLAIM_TIMEOUT));
        let claimed = Claimed {
            asker: Address { shard: own, socket: key },
            pid: claim.pid,
            offset: claim.offset,
            namespace: self.namespaces[socket.namespace].name.to_string(),
            identity: socket.kept.as_ref().and_then(|kept| kept.identity.clone()),
            n_hops: 0,
        };
        self.claimed(now, claimed, effects);
    }

    /// Somebody claims a socket, of this shard or another.
    pub(super) fn claimed(&mut self, now: Time, mut claimed: Claimed, effects: &mut dyn Effects) {
        let own = self.neighbours.own;
        let holder = self.whereabouts(&claimed.pid).filter(|holder| *holder != own);
        if let Some(holder) = holder
            && claimed.n_hops < MAX_HOPS
        {
            claimed.n_hops += 1;
            return tell(holder, RecoveryMessage::Claim(claimed), effects);
        }
        let Address { shard, socket: asker } = claimed.asker;
        if shard == own && !self.asks(asker) {
            // It has gone again.
            return;
        }
        if let Some(next) = self.by_pid.get(&claimed.pid).copied().and_then(|key| self.next(key)) {
            // It is elsewhere in a moment, or here.
            if next.len() == MAX_WAITING_CLAIMS {
                return self.answer(shard, RecoveryMessage::Refused(asker), effects);
            }
            return next.push(claimed);
        }
        let Some((key, missed)) = self.find_had(&claimed) else {
            return self.answer(shard, RecoveryMessage::Refused(asker), effects);
        };
        if shard != own {
            return self.grant(now, claimed.asker, key, missed, effects);
        }
        self.take_over(now, key, effects);
        let back = self.take_out(key, missed);
        self.give_back(now, asker, back, effects);
    }

    /// True if a socket of this shard waits for what it claims.
    fn asks(&self, key: SocketKey) -> bool {
        let state = self.sockets.get(key).map(|socket| &socket.state);
        matches!(state, Some(State::Connecting(waiting))
            if matches!(waiting.returning, Some(Returning::Asks(_))))
    }

    /// Where claims wait while a socket is on its way.
    fn next(&mut self, key: SocketKey) -> Option<&mut Vec<Claimed>> {
        let socket = self.sockets.get_mut(key)?;
        if let State::Connecting(waiting) = &mut socket.state {
            return match &mut waiting.returning {
                Some(Returning::Gets { next, .. }) => Some(next),
                _ => None,
            };
        }
        Some(&mut socket.kept.as_mut()?.leaving.as_mut()?.next)
    }

    /// The shard where the socket of this pid is, as far as this one knows.
    fn whereabouts(&self, pid: &Pid) -> Option<ShardId> {
        if self.by_pid.contains_key(pid) {
            return Some(self.neighbours.own);
        }
        let left = || self.left.iter().rev().find(|left| left.0 == *pid).map(|left| left.1);
        self.moved.get(pid).map(|moved| moved.0).or_else(left).or_else(|| self.home(pid))
    }

    /// A socket whose pid names this shard is there by now.
    pub(super) fn note_move(&mut self, pid: Pid, shard: ShardId, n_moves: u64) {
        // What comes by another way may be older.
        let known = self.moved.get(&pid);
        if known.is_none_or(|(_, n_known)| *n_known < n_moves) {
            self.moved.insert(pid, (shard, n_moves));
            if self.moved.len() > MAX_MOVED {
                self.moved.pop_first();
            }
        }
    }

    /// The shard that a pid names.
    pub(super) fn home(&self, pid: &Pid) -> Option<ShardId> {
        self.neighbours.of_id(&pid.to_bytes())
    }

    /// A socket of this shard that somebody may have back, and what has to be sent again.
    fn find_had(&self, claimed: &Claimed) -> Option<(SocketKey, Missed)> {
        let key = *self.by_pid.get(&claimed.pid)?;
        let socket = self.sockets.get(key)?;
        let kept = socket.kept.as_ref()?;
        let namespace = &self.namespaces[socket.namespace].name;
        // What was nobody's in particular is whose who knows the pid.
        let is_theirs = kept.identity.is_none()
            || kept.identity == claimed.identity
            || fault::is_planted(Fault::IdentityNotChecked);
        if **namespace != *claimed.namespace || !is_theirs {
            return None;
        }
        Some((key, kept.log.missed(claimed.offset, &self.journal)?))
    }

    /// If the socket still has a connection, that is over: its client has another one.
    pub(super) fn take_over(&mut self, now: Time, key: SocketKey, effects: &mut dyn Effects) {
        let Some(socket) = self.sockets.get(key) else { return };
        if !matches!(socket.state, State::Connected) {
            return;
        }
        let (session, namespace) = (socket.session, socket.namespace);
        if let Some(client) = self.clients.get_mut(session) {
            client.sockets.retain(|(_, socket)| *socket != key);
        }
        // Clients that hear this do not come back by themselves, to take it over in turn.
        let frame = Frame::disconnected(&self.namespaces[namespace].name);
        send(session, &frame, effects);
        let reason = CloseReason::TakenOver;
        self.tell_leaving(key, DisconnectReason::Session(reason), effects);
        self.park(now, key, effects);
        let family = self.namespaces.family(namespace).expect(DECIDED);
        effects.push(Effect::Disconnected(key, family, DisconnectReason::Session(reason)));
        effects.push(Effect::Close(session, reason));
    }

    /// Takes a socket without a connection out of all tables, to be given back.
    pub(super) fn take_out(&mut self, key: SocketKey, missed: Missed) -> Option<Back> {
        let (id, rooms) = (self.sockets.get(key)?.id, self.rooms_of(key));
        self.unkeep(key);
        let kept = self.sockets.get_mut(key)?.kept.take()?;
        self.remove(key);
        Some(Back { id, rooms, kept, missed })
    }

    pub(super) fn rooms_of(&self, key: SocketKey) -> Vec<String> {
        let Some(socket) = self.sockets.get(key) else { return Vec::new() };
        let rooms = &self.namespaces[socket.namespace].rooms;
        socket.memberships.iter().map(|m| rooms.name(m).to_owned()).collect()
    }

    /// Nobody gets what it claims.
    pub(super) fn refuse_all(&mut self, claims: Vec<Claimed>, effects: &mut dyn Effects) {
        for Claimed { asker: Address { shard, socket }, .. } in claims {
            self.answer(shard, RecoveryMessage::Refused(socket), effects);
        }
    }

    /// A connecting socket becomes the one that its client had.
    pub(super) fn give_back(
        &mut self,
        now: Time,
        key: SocketKey,
        back: Option<Back>,
        effects: &mut dyn Effects,
    ) {
        let Some(Back { id, rooms, mut kept, missed }) = back else { return };
        self.deadlines.set(Deadline::Returning(key), None);
        let Some(socket) = self.sockets.get_mut(key) else { return };
        if let Some(own) = &mut socket.kept {
            (kept.origin, kept.identity) = (own.origin, own.identity.take());
        }
        kept.parked = None;
        socket.id = id;
        socket.kept = Some(kept);
        self.enlist(key);
        if !fault::is_planted(Fault::RoomsNotRestored) {
            rooms.iter().for_each(|room| self.join(key, room));
        }
        let session = self.sockets.get(key).map(|socket| socket.session);
        if session.is_some_and(|session| self.clients.get(session).is_some()) {
            return self.welcome(key, Some(&missed), effects);
        }
        // It has lost its connection again meanwhile.
        if let Some(kept) = self.sockets.get(key).and_then(|socket| socket.kept.as_ref()) {
            self.by_pid.insert(kept.pid, key);
        }
        self.park(now, key, effects);
        self.forget_surplus(key, effects);
    }

    /// A client does not get what it claims: it starts anew.
    pub(super) fn not_returned(&mut self, key: SocketKey, effects: &mut dyn Effects) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let lost = socket.fetched();
        let State::Connecting(waiting) = &mut socket.state else { return };
        let (claim, own, others) = match waiting.returning.take() {
            Some(Returning::Gets { claim, own, next, .. }) => (claim, Some(own), next),
            Some(Returning::Asks(claim)) => (claim, None, Vec::new()),
            other => {
                waiting.returning = other;
                return;
            }
        };
        self.deadlines.set(Deadline::Returning(key), None);
        let (listed, session) = (socket.take_listed(), socket.session);
        if let Some(kept) = &mut socket.kept {
            kept.log = Log::new(claim.offset);
            if let Some(own) = own {
                self.by_pid.remove(&kept.pid);
                (kept.pid, socket.id) = *own;
            }
        }
        self.delist(listed);
        if let Some((pid, n_moves)) = lost {
            self.lose(pid, n_moves, effects);
        }
        self.refuse_all(others, effects);
        if self.clients.get(session).is_some() {
            self.welcome(key, None, effects);
        } else {
            // Its client has gone again.
            self.remove(key);
        }
    }
}

//! Sockets that go from shard to shard, to where their clients have come back; on the holder's side
//! and on the asker's.
//! Who says what when is told at [`RecoveryMessage`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_shared::{
    id::Pid,
    socket_io::{Claim, Frame, Offset},
};

use super::{
    Deadline, Log, SocketIo, State,
    returning::{Back, CLAIM_TIMEOUT},
    send,
};
use crate::{
    close::CloseReason,
    cluster::Message,
    effect::{Effect, Effects},
    fault::{self, Fault},
    key::{Address, ShardId, SocketKey},
    socket_io::recovery::{Claimed, Grant, Leaving, Missed, RecoveryMessage, Returning},
    time::Time,
};

/// How long a socket waits to be fetched, before it is kept on.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(4);
/// Sockets that have left of late, of which is known where they went.
const MAX_LEFT: usize = 1024;

impl SocketIo {
    /// Another shard says something about a socket that a client has come back to.
    pub(super) fn told(
        &mut self,
        now: Time,
        from: ShardId,
        message: RecoveryMessage,
        effects: &mut dyn Effects,
    ) {
        let own = self.neighbours.own;
        match message {
            RecoveryMessage::Claim(claimed) => self.claimed(now, claimed, effects),
            RecoveryMessage::Refused(key) => self.not_returned(key, effects),
            RecoveryMessage::Granted(grant) => self.granted(now, grant, effects),
            RecoveryMessage::Fence { asker, holder: Address { shard, socket } } => {
                if shard == own {
                    self.fenced(now, asker, socket, from, effects);
                } else {
                    tell(shard, RecoveryMessage::Fenced { asker, socket }, effects);
                    tell(asker.shard, RecoveryMessage::Fenced { asker, socket }, effects);
                }
            }
            RecoveryMessage::Fenced { asker, .. } if asker.shard == own => {
                self.fenced_here(now, asker.socket, from, effects);
            }
            RecoveryMessage::Fenced { asker, socket } => {
                self.fenced(now, asker, socket, from, effects);
            }
            RecoveryMessage::Declined { asker, socket } => {
                let kept = self.sockets.get(socket).and_then(|socket| socket.kept.as_ref());
                let leaving = kept.and_then(|kept| kept.leaving.as_ref());
                if leaving.is_some_and(|leaving| leaving.asker == asker && !leaving.is_fenced) {
                    let next = self.stop_leaving(now, socket, effects).unwrap_or_default();
                    next.into_iter().for_each(|next| self.claimed(now, next, effects));
                }
            }
            RecoveryMessage::Rest { to, pid, n_moves, rooms, missed } => {
                if !self.rest(now, (to, pid), rooms, missed, effects) {
                    self.lose(pid, n_moves, effects);
                }
            }
            RecoveryMessage::Moved(pid, n_moves) => {
                if !self.by_pid.contains_key(&pid) && self.home(&pid) == Some(own) {
                    self.note_move(pid, from, n_moves);
                }
            }
            RecoveryMessage::Forgotten(pid) => {
                if self.moved.get(&pid).is_some_and(|moved| moved.0 == from) {
                    self.moved.remove(&pid);
                }
            }
        }
    }

    /// Tells another shard, or this one.
    pub(super) fn answer(
        &mut self,
        shard: ShardId,
        message: RecoveryMessage,
        effects: &mut dyn Effects,
    ) {
        match message {
            RecoveryMessage::Refused(key) if shard == self.neighbours.own => {
                self.not_returned(key, effects);
            }
            message => tell(shard, message, effects),
        }
    }

    /// A socket of this shard goes to another: this much of it now, the rest when everybody knows.
    pub(super) fn grant(
        &mut self,
        now: Time,
        asker: Address,
        key: SocketKey,
        missed: Missed,
        effects: &mut dyn Effects,
    ) {
        let (rooms, unfenced) = (self.rooms_of(key), self.neighbours.others().collect());
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let Some(kept) = &mut socket.kept else { return };
        let n_told = kept.log.n_pushed();
        let n_before = BTreeMap::from([(self.neighbours.own.sender(), n_told)]);
        let until = now + LEAVE_TIMEOUT;
        let (is_fenced, next) = (false, Vec::new());
        let leaving = Leaving { asker, until, unfenced, n_told, n_before, is_fenced, next };
        kept.leaving = Some(Box::new(leaving));
        self.deadlines.set(Deadline::Kept(key), Some(until));
        let (to, id, n_moves) = (asker.socket, socket.id, kept.n_moves);
        let from = Address { shard: self.neighbours.own, socket: key };
        let grant = Grant { to, from, id, n_moves, rooms, missed };
        tell(asker.shard, RecoveryMessage::Granted(grant), effects);
    }

    /// Nobody fetches it after all: it is kept on. Who wants it next, if anybody fetched it.
    pub(super) fn stop_leaving(
        &mut self,
        now: Time,
        key: SocketKey,
        effects: &mut dyn Effects,
    ) -> Option<Vec<Claimed>> {
        let socket = self.sockets.get_mut(key)?;
        let kept = socket.kept.as_mut()?;
        let leaving = kept.leaving.take()?;
        let is_parked = matches!(socket.state, State::Parked);
        let until = is_parked.then(|| now + self.recovery.window);
        self.deadlines.set(Deadline::Kept(key), until);
        if !is_parked {
            match kept.log.since(leaving.n_told, &self.journal) {
                Some(held) => {
                    held.iter().for_each(|(_, frame)| send(socket.session, frame, effects));
                }
                // More has come meanwhile than is kept.
                None => effects.push(Effect::Close(socket.session, CloseReason::SlowConsumer)),
            }
        }
        Some(leaving.next)
    }

    /// Whoever fetches it does not get it.
    pub(super) fn refuse_askers(&mut self, key: SocketKey, effects: &mut dyn Effects) {
        let kept = self.sockets.get_mut(key).and_then(|socket| socket.kept.as_mut());
        let Some(leaving) = kept.and_then(|kept| kept.leaving.take()) else { return };
        let Address { shard, socket } = leaving.asker;
        self.answer(shard, RecoveryMessage::Refused(socket), effects);
        self.refuse_all(leaving.next, effects);
    }

    /// All that this shard had sent before it heard that the socket goes is here.
    fn fenced(
        &mut self,
        now: Time,
        asker: Address,
        key: SocketKey,
        shard: ShardId,
        effects: &mut dyn Effects,
    ) {
        let kept = self.sockets.get_mut(key).and_then(|socket| socket.kept.as_mut());
        let Some(kept) = kept else { return };
        let n_pushed = kept.log.n_pushed();
        let leaving = kept.leaving.as_mut().filter(|leaving| leaving.asker == asker);
        let Some(leaving) = leaving else { return };
        if leaving.unfenced.remove(&shard) {
            leaving.n_before.insert(shard.sender(), n_pushed);
        }
        let is_last = leaving.unfenced.is_empty();
        if shard == asker.shard {
            leaving.is_fenced = true;
            let until = leaving.until;
            self.take_over(now, key, effects);
            self.deadlines.set(Deadline::Kept(key), Some(until));
        }
        if is_last {
            self.hand_over(key, effects);
        }
    }

    /// A socket that goes to another shard is not this one's any more.
    fn hand_over(&mut self, key: SocketKey, effects: &mut dyn Effects) {
        let rooms = self.rooms_of(key);
        let Some(kept) = self.sockets.get_mut(key).and_then(|socket| socket.kept.as_mut()) else {
            return;
        };
        let Some(leaving) = &kept.leaving else { return };
        let Some(mut missed) = kept.log.since(leaving.n_told, &self.journal) else {
            // More has come meanwhile than is kept.
            return self.forget(key, effects);
        };
        let mut at = leaving.n_told;
        missed.retain(|(offset, _)| {
            at += 1;
            leaving.n_before.get(&offset.sender()).is_none_or(|n| at <= *n)
        });
        let (Address { shard, socket: to }, pid) = (leaving.asker, kept.pid);
        let n_moves = kept.n_moves + 1;
        let next = kept.leaving.take().map(|leaving| leaving.next);
        tell(shard, RecoveryMessage::Rest { to, pid, n_moves, rooms, missed }, effects);
        if shard.node != self.neighbours.own.node {
            // What handlers know of it does not travel.
            effects.push(Effect::Forgotten(pid));
        }
        self.take_out(key, Vec::new());
        if self.home(&pid) == Some(self.neighbours.own) {
            self.note_move(pid, shard, n_moves);
        } else {
            if self.left.len() == MAX_LEFT {
                self.left.pop_front();
            }
            self.left.push_back((pid, shard));
        }
        for next in next.unwrap_or_default() {
            tell(shard, RecoveryMessage::Claim(next), effects);
        }
    }

    /// The socket that was claimed is coming: what its rooms are sent from now on is heard here.
    fn granted(&mut self, now: Time, grant: Grant, effects: &mut dyn Effects) {
        let Grant { to: key, from, id, n_moves, rooms, missed } = grant;
        let asker = Address { shard: self.neighbours.own, socket: key };
        let socket = self.sockets.get_mut(key);
        let waits = socket.and_then(|socket| match (&mut socket.state, &mut socket.kept) {
            (State::Connecting(waiting), Some(kept)) => match waiting.returning {
                Some(Returning::Asks(claim)) => Some((&mut socket.id, waiting, kept, claim)),
                _ => None,
            },
            _ => None,
        });
        let Some((own_id, waiting, kept, claim)) = waits else {
            let declined = RecoveryMessage::Declined { asker, socket: from.socket };
            return tell(from.shard, declined, effects);
        };
        let own = (std::mem::replace(&mut kept.pid, claim.pid), std::mem::replace(own_id, id));
        self.by_pid.insert(claim.pid, key);
        waiting.returning = Some(Returning::Gets {
            claim,
            n_moves,
            own: Box::new(own),
            next: Vec::new(),
            unfenced: self.neighbours.others().filter(|shard| *shard != from.shard).collect(),
            n_before: BTreeMap::new(),
            rest: None,
            touched: BTreeSet::new(),
            missed,
        });
        self.enlist(key);
        rooms.iter().for_each(|room| self.join(key, room));
        self.deadlines.set(Deadline::Returning(key), Some(now + CLAIM_TIMEOUT));
        for shard in self.neighbours.others() {
            tell(shard, RecoveryMessage::Fence { asker, holder: from }, effects);
        }
    }

    /// All that this shard had sent here before it heard that the socket comes is here.
    fn fenced_here(
        &mut self,
        now: Time,
        key: SocketKey,
        shard: ShardId,
        effects: &mut dyn Effects,
    ) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let n_pushed = socket.kept.as_ref().map_or(0, |kept| kept.log.n_pushed());
        let State::Connecting(waiting) = &mut socket.state else { return };
        if let Some(Returning::Gets { unfenced, n_before, .. }) = &mut waiting.returning
            && unfenced.remove(&shard)
        {
            n_before.insert(shard.sender(), n_pushed);
            self.finish_if_whole(now, key, effects);
        }
    }

    /// A room of a socket changes, which may be one that is on its way here.
    pub(super) fn touch(&mut self, key: SocketKey, room: &str) {
        if let Some(socket) = self.sockets.get_mut(key)
            && let State::Connecting(waiting) = &mut socket.state
            && let Some(Returning::Gets { touched, .. }) = &mut waiting.returning
        {
            touched.insert(room.to_owned());
        }
    }

    /// The holder has given all it had; false if the asker does not want it any more.
    fn rest(
        &mut self,
        now: Time,
        (key, pid): (SocketKey, Pid),
        rooms: Vec<String>,
        missed: Missed,
        effects: &mut dyn Effects,
    ) -> bool {
        let Some(socket) = self.sockets.get_mut(key) else { return false };
        let State::Connecting(waiting) = &mut socket.state else { return false };
        let Some(Returning::Gets { claim, rest, .. }) = &mut waiting.returning else {
            return false;
        };
        if claim.pid != pid {
            return false;
        }
        *rest = Some((rooms, missed));
        self.finish_if_whole(now, key, effects);
        true
    }

    /// A socket is neither where it was nor where it was to be.
    pub(super) fn lose(&mut self, pid: Pid, n_moves: u64, effects: &mut dyn Effects) {
        if fault::is_planted(Fault::FetchedInVain) {
            return;
        }
        effects.push(Effect::Forgotten(pid));
        match self.home(&pid) {
            Some(home) if home != self.neighbours.own => {
                // It knows it elsewhere, or not yet here.
                tell(home, RecoveryMessage::Moved(pid, n_moves), effects);
                tell(home, RecoveryMessage::Forgotten(pid), effects);
            }
            _ => _ = self.moved.remove(&pid),
        }
    }

    /// Gives a client what it claims, once all of it is here.
    fn finish_if_whole(&mut self, now: Time, key: SocketKey, effects: &mut dyn Effects) {
        let here = self.rooms_of(key);
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let State::Connecting(waiting) = &mut socket.state else { return };
        let is_whole = matches!(
            &waiting.returning,
            Some(Returning::Gets { unfenced, rest: Some(_), .. })
                if unfenced.is_empty() || fault::is_planted(Fault::AskerDoesNotWait)
        );
        if !is_whole {
            return;
        }
        let direct = socket.kept.as_ref().and_then(|kept| kept.log.since(0, &self.journal));
        let Some(direct) = direct else {
            // More has come meanwhile than is kept.
            return self.not_returned(key, effects);
        };
        let (returning, kept) = (waiting.returning.take(), socket.kept.take());
        let (
            Some(Returning::Gets {
                claim,
                n_moves,
                next,
                rest: Some(rest),
                n_before,
                touched,
                mut missed,
                ..
            }),
            Some(mut kept),
        ) = (returning, kept)
        else {
            return;
        };
        let (rooms, rest) = rest;
        missed.extend(rest);
        missed.extend(direct.into_iter().zip(0..).filter_map(|(event, at)| {
            let is_before = n_before.get(&event.0.sender()).is_some_and(|n| at < *n);
            let counts = !is_before || fault::is_planted(Fault::CountedAtBothEnds);
            counts.then_some(event)
        }));
        let rooms = rooms.iter().filter(|room| !touched.contains(*room));
        let of_here = here.iter().filter(|room| touched.contains(*room));
        let rooms: Vec<String> = rooms.chain(of_here).cloned().collect();
        for room in here.iter().filter(|room| !rooms.contains(room)) {
            self.leave(key, room);
        }
        let Claim { pid, offset } = claim;
        let n_moves = n_moves + 1;
        kept.n_moves = n_moves;
        kept.log = self.log_of(now, offset, &missed);
        let Some(socket) = self.sockets.get(key) else { return };
        let back = Back { id: socket.id, rooms, kept, missed };
        self.moved.remove(&pid);
        self.left.retain(|left| left.0 != pid);
        if let Some(home) = self.home(&pid).filter(|home| *home != self.neighbours.own) {
            tell(home, RecoveryMessage::Moved(pid, n_moves), effects);
        }
        self.give_back(now, key, Some(back), effects);
        for next in next {
            self.claimed(now, next, effects);
        }
    }

    /// A log of what a client is about to be sent that has this event.
    fn log_of(&mut self, now: Time, offset: Option<Offset>, missed: &[(Offset, Frame)]) -> Log {
        let mut log = Log::after(offset);
        for (offset, frame) in missed {
            let number = self.journal.push(now, *offset, frame, self.recovery.max_journal_bytes);
            log.push(number, frame.wire().len(), self.recovery.log_limits(), &self.journal);
        }
        self.watch_journal();
        log
    }
}

pub(super) fn tell(shard: ShardId, message: RecoveryMessage, effects: &mut dyn Effects) {
    effects.push(Effect::Tell(shard, Message::Recovery(message)));
}

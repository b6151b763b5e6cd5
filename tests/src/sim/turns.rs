//! A shard's turns: deadlines are fired, clients are written what they can take, and other shards
//! are told.

use std::{collections::BTreeMap, time::Duration};

use parlor_core::{
    cluster::Message,
    engine_io::SessionInput,
    input::Input,
    key::{ConnectionKey, SessionKey},
    time::Time,
};

use super::{Invariant, Sim, agenda::Happening, chance::Chance as _, server::Shard};

impl Sim {
    /// There is something to write before long.
    pub(super) fn touch(&mut self, at: usize) {
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
            let until = deadline.max(self.now) + Duration::from_micros(late);
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
    pub(super) fn remove_if_gone(&mut self, at: usize, key: SessionKey) {
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
            self.oracle.peers.offered(now, (at, key), &bytes);
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
            connection.has_said_all = slot.session.is_gone();
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

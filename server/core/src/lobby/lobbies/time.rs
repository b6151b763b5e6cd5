//! What happens to lobbies because time passes, each at its own time, and after any change.
//! What is due when inside one is `machine`'s knowledge.

use super::*;

impl Lobbies {
    pub(super) fn timeout(&mut self, time: Time, effects: &mut Vec<LobbyEffect>) {
        while let Some((at, key)) = self.deadlines.pop(time) {
            let seed = self.random.next_u64();
            let Some(lobby) = self.lobbies.get_mut(key) else { continue };
            lobby.end_if_crashed(effects);
            let steps = lobby.take_ticks(time);
            let mut n_skipped = steps.n_skipped;
            if steps.ticks.is_empty() {
                self.expire(at, key, seed, effects);
            }
            // Before a tick goes what fell by then; what it has led to comes by a deadline.
            for (tick, due) in steps.ticks {
                self.tick(time, (tick, due), n_skipped, key, seed, effects);
                n_skipped = 0;
            }
            self.tidy(time, key);
        }
    }

    /// Plays one tick at the time at which it was due, after the places that fell before it.
    pub(super) fn tick(
        &mut self,
        time: Time,
        (tick, due): (u64, Time),
        n_skipped: u64,
        key: LobbyKey,
        seed: u64,
        effects: &mut Vec<LobbyEffect>,
    ) {
        if let Some(lobby) = self.lobbies.get_mut(key) {
            lobby.approach(tick);
        }
        self.expire(due, key, seed, effects);
        let now = self.now(due);
        if let Some(lobby) = self.lobbies.get_mut(key).filter(|lobby| lobby.is_playing()) {
            effects.push(LobbyEffect::Ticked { late: time.since(due), n_skipped });
            lobby.tick(now, tick, effects);
        }
    }

    /// Places whose time was up by then fall, each at its own time: late firing changes nothing.
    pub(super) fn expire(
        &mut self,
        by: Time,
        key: LobbyKey,
        seed: u64,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let falls = |lobby: &Lobby| lobby.falls().filter(|at| *at <= by);
        while let Some(at) = self.lobbies.get(key).and_then(falls) {
            let now = self.now(at);
            let Some(lobby) = self.lobbies.get_mut(key) else { return };
            for member in lobby.expire(now, seed, effects) {
                self.remove(&member, effects);
            }
        }
    }

    /// Forgets what lobbies have kept for members who may have missed it, as its time has come.
    pub(super) fn sweep(&mut self, now: Time) {
        while let Some((_, key)) = self.unswept.pop_front_if(|(due, _)| *due <= now) {
            if self.lobbies.get_mut(key).is_some_and(Lobby::sweep) {
                self.unswept.push_back((now + SWEEP_INTERVAL, key));
            }
        }
    }

    /// A member is gone for good: if it has a socket, that is in no lobby any more.
    pub(super) fn remove(&mut self, member: &Member, effects: &mut Vec<LobbyEffect>) {
        if !fault::is_planted(Fault::KickedTokenKept) {
            forget(&mut self.by_token, member);
        }
        peers::unseat_peer(member, effects);
        let Some(Address { shard, socket }) = member.socket else { return };
        self.places.remove(&Address { shard, socket });
        if fault::is_planted(Fault::RemovedStillInside) {
            return;
        }
        if shard == self.neighbours.own {
            self.visitors.evicted(shard, socket);
        } else {
            effects.push(LobbyEffect::Tell(shard, LobbyMessage::Removed(socket)));
        }
    }

    /// After any change: a lobby without members is no more, another has its deadline.
    pub(super) fn tidy(&mut self, now: Time, key: LobbyKey) {
        let Some(lobby) = self.lobbies.get_mut(key) else { return };
        lobby.keep_time(now, &mut self.phases);
        if lobby.begins_to_keep() {
            self.unswept.push_back((now + SWEEP_INTERVAL, key));
        }
        self.board.keep(key, lobby);
        self.watched.touched(lobby.serial, key);
        let (is_empty, deadline) = (lobby.is_empty(), lobby.deadline());
        self.deadlines.set(key, deadline.filter(|_| !is_empty));
        if is_empty && let Some(mut lobby) = self.lobbies.remove(key) {
            self.dismiss(&mut lobby);
            self.by_code.remove(&lobby.code);
            self.by_id.remove(&lobby.id);
        }
    }
}

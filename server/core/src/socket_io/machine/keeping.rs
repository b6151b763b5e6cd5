//! Sockets that clients may come back to: what they are sent is noted, and they are kept for a
//! while when they lose their connection.
//! What is kept for how long is `recovery`'s part; how they are had back, `returning`'s.
//! Source: socket.io 4.8, connection state recovery; reference A12.

use parlor_shared::{id::Pid, socket_io::Frame};

use super::{DECIDED, Deadline, Journal, Log, SocketIo, State, fetching::tell};
use crate::{
    close::CloseReason,
    delivery::Delivery,
    effect::{DisconnectReason, Effect, Effects},
    fault::{self, Fault},
    ids::Ids,
    input::Target,
    key::{NamespaceKey, SessionKey, SocketKey},
    socket_io::recovery::{Kept, RecoveryMessage, Returning},
    time::Time,
};

impl SocketIo {
    /// A socket that connects to where sockets can be had back is one of these.
    pub(super) fn keep(&mut self, key: SocketKey, ids: &mut Ids) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let is_recoverable = self.namespaces[socket.namespace].is_recoverable;
        if let State::Connecting(waiting) = &socket.state
            && is_recoverable
            && socket.kept.is_none()
        {
            let pid = self.neighbours.owners.mint(ids.take(), self.neighbours.own);
            socket.kept = Some(Box::new(Kept {
                pid: Pid::from_bytes(pid),
                identity: None,
                origin: waiting.origin,
                log: Log::new(None),
                parked: None,
                n_moves: 0,
                leaving: None,
            }));
        }
    }

    /// Whose a socket is that wants to connect.
    pub(super) fn identify(&mut self, key: SocketKey, identity: String) {
        let socket = self.sockets.get_mut(key);
        if let Some(socket) = socket.filter(|s| matches!(s.state, State::Connecting(_)))
            && let Some(kept) = &mut socket.kept
        {
            kept.identity = Some(identity);
        }
    }

    /// Notes an event for all whom it is meant for, and finds those who can be sent it.
    pub(super) fn each_kept(
        &mut self,
        now: Time,
        namespace: NamespaceKey,
        target: &Target,
        (frame, delivery): (&Frame, Delivery),
        to: &mut Vec<SessionKey>,
    ) {
        let mut meant = Vec::new();
        self.each(namespace, target, |key, _| meant.push(key));
        let limits = self.recovery.log_limits();
        let mut number = None;
        for key in meant {
            let Some(socket) = self.sockets.get_mut(key) else { continue };
            let is_lost =
                matches!(socket.state, State::Parked) && fault::is_planted(Fault::AwayNotLogged);
            if let (Some(kept), Delivery::Recoverable(offset)) = (&mut socket.kept, delivery)
                && !is_lost
            {
                let max_bytes = self.recovery.max_journal_bytes;
                let push = || self.journal.push(now, offset, frame, max_bytes);
                let number = *number.get_or_insert_with(push);
                kept.log.push(number, frame.wire().len(), limits, &self.journal);
            }
            let is_leaving = socket.kept.as_ref().is_some_and(|kept| kept.leaving.is_some());
            let waits = is_leaving && matches!(delivery, Delivery::Recoverable(_));
            if matches!(socket.state, State::Connected) && !waits {
                to.push(socket.session);
            }
        }
        if number.is_some() {
            self.watch_journal();
        }
    }

    pub(super) fn watch_journal(&mut self) {
        let at = self.journal.deadline(self.recovery.max_age);
        self.deadlines.set(Deadline::Journal, at);
    }

    /// Runs something with the log of each of a client's sockets that has one.
    pub(super) fn each_log(&mut self, session: SessionKey, run: impl Fn(&mut Log, &Journal)) {
        let Some(client) = self.clients.get(session) else { return };
        for (_, key) in &client.sockets {
            // What is on its way to a client that has come back, it has not been sent yet.
            if let Some(socket) = self.sockets.get_mut(*key).filter(|s| s.is_connected())
                && let Some(kept) = &mut socket.kept
                && kept.leaving.is_none()
            {
                run(&mut kept.log, &self.journal);
            }
        }
    }

    /// A socket has lost its connection; true if it is kept all the same.
    pub(super) fn part(
        &mut self,
        now: Time,
        key: SocketKey,
        reason: CloseReason,
        effects: &mut dyn Effects,
    ) -> bool {
        let Some(socket) = self.sockets.get(key) else { return false };
        let namespace = socket.namespace;
        match &socket.state {
            State::Connected if socket.kept.is_some() => {
                let told = DisconnectReason::Session(reason);
                self.tell_leaving(key, told, effects);
                self.park(now, key, effects);
                let family = self.namespaces.family(namespace).expect(DECIDED);
                effects.push(Effect::Disconnected(key, family, told));
                self.forget_surplus(key, effects);
                true
            }
            // It is being fetched, and is kept here as soon as it is.
            State::Connecting(waiting)
                if matches!(waiting.returning, Some(Returning::Gets { .. })) =>
            {
                effects.push(Effect::Abandoned(key));
                true
            }
            _ => false,
        }
    }

    /// Keeps a connected socket without its connection from now on.
    pub(super) fn park(&mut self, now: Time, key: SocketKey, effects: &mut dyn Effects) {
        self.drop_acks(key, effects);
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let Some(kept) = &mut socket.kept else { return };
        let before = std::mem::replace(&mut socket.state, State::Parked);
        if matches!(before, State::Connected) {
            let rooms = &mut self.namespaces[socket.namespace].rooms;
            rooms.all_go_away(key, &socket.memberships);
            rooms.hand_over_notes(&mut self.notes);
        }
        kept.parked = Some(self.parked.add(kept.origin, key));
        let is_short = fault::is_planted(Fault::ForgottenTooEarly);
        let window = self.recovery.window / if is_short { 2 } else { 1 };
        self.deadlines.set(Deadline::Kept(key), Some(now + window));
        effects.push(Effect::Kept(key, kept.pid));
        self.tell_of_rooms(effects);
    }

    /// Makes room if this one was one too many.
    pub(super) fn forget_surplus(&mut self, newest: SocketKey, effects: &mut dyn Effects) {
        let origin = self.sockets.get(newest).and_then(|s| s.kept.as_ref()).map(|k| k.origin);
        let Some(origin) = origin else { return };
        while let Some(key) = self.parked.surplus(origin, &self.recovery) {
            self.forget(key, effects);
        }
    }

    /// Drops a socket that has no connection: nobody will have it back.
    pub(super) fn forget(&mut self, key: SocketKey, effects: &mut dyn Effects) {
        self.refuse_askers(key, effects);
        if let Some(kept) = self.sockets.get(key).and_then(|socket| socket.kept.as_ref()) {
            effects.push(Effect::Forgotten(kept.pid));
        }
        self.leave_home(key, effects);
        self.remove(key);
    }

    /// It was kept for as long as it may be, or was to be fetched by another shard and was not.
    pub(super) fn kept_long_enough(&mut self, at: Time, key: SocketKey, effects: &mut dyn Effects) {
        match self.stop_leaving(at, key, effects) {
            None => self.forget(key, effects),
            Some(next) => next.into_iter().for_each(|next| self.claimed(at, next, effects)),
        }
    }

    /// Tells the shard that the pid names, if it is another one, that the socket is no more.
    pub(super) fn leave_home(&self, key: SocketKey, effects: &mut dyn Effects) {
        let kept = self.sockets.get(key).and_then(|socket| socket.kept.as_ref());
        let Some(pid) = kept.map(|kept| kept.pid) else { return };
        if self.by_pid.get(&pid) == Some(&key)
            && let Some(home) = self.home(&pid).filter(|home| *home != self.neighbours.own)
        {
            tell(home, RecoveryMessage::Forgotten(pid), effects);
        }
    }

    /// No table knows it any more as one that can be had back.
    pub(super) fn unkeep(&mut self, key: SocketKey) {
        let Some(kept) = self.sockets.get(key).and_then(|socket| socket.kept.as_ref()) else {
            return;
        };
        if self.by_pid.get(&kept.pid) == Some(&key) {
            self.by_pid.remove(&kept.pid);
        }
        if let Some(number) = kept.parked {
            self.parked.remove(kept.origin, number, key);
        }
        self.deadlines.set(Deadline::Kept(key), None);
        self.deadlines.set(Deadline::Returning(key), None);
    }
}

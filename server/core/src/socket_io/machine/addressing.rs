//! Whom something is for: events, changes and questions for the sockets that a target means.

use std::time::Duration;

use parlor_shared::{
    id::SocketId,
    socket_io::{Draft, Frame},
};

use super::{Deadline, MAX_KEPT, SocketIo, State, send};
use crate::{
    cluster::{Change, SocketInfo},
    delivery::Delivery,
    effect::{AckError, DisconnectReason, Effect, Effects},
    input::{AckToken, Scope, Target},
    key::{NamespaceKey, SessionKey, ShardId, SocketKey},
    socket_io::{
        namespaces::Namespace,
        socket::{MAX_PENDING_ACKS, Socket},
    },
    time::Time,
};

/// Events that wait for one socket until it is connected.
pub(super) const MAX_EARLY: usize = 1024;

impl SocketIo {
    pub(super) fn emit(
        &mut self,
        now: Time,
        namespace: NamespaceKey,
        target: &Target,
        (frame, delivery): (Frame, Delivery),
        effects: &mut dyn Effects,
    ) {
        if self.namespaces[namespace].hears_sending {
            self.tell_of_sending(namespace, target, &frame, effects);
        }
        let mut to = std::mem::take(&mut self.addressed);
        if self.namespaces[namespace].is_recoverable {
            self.each_kept(now, namespace, target, (&frame, delivery), &mut to);
        } else {
            self.each(namespace, target, |_, session| to.push(session));
        }
        if !to.is_empty() {
            effects.push(Effect::Send(&to, frame, delivery));
        } else if let Some(key) = target.socket {
            self.keep_for_welcome(key, (&frame, delivery));
        }
        to.clear();
        if to.capacity() <= MAX_KEPT {
            self.addressed = to;
        }
    }

    /// What is for one socket alone that is not connected yet waits until it is.
    #[cold]
    fn keep_for_welcome(&mut self, key: SocketKey, (frame, delivery): (&Frame, Delivery)) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let State::Connecting(waiting) = &mut socket.state else { return };
        if waiting.early.len() == MAX_EARLY {
            tracing::warn!("more waits for a socket that is not connected than may; not sent");
            return;
        }
        waiting.early.push((frame.clone(), delivery));
    }

    #[cold]
    fn tell_of_sending(
        &mut self,
        namespace: NamespaceKey,
        target: &Target,
        frame: &Frame,
        effects: &mut dyn Effects,
    ) {
        let mut whom = Vec::new();
        self.each(namespace, target, |key, _| whom.push(key));
        whom.retain(|key| self.sockets.get(*key).is_some_and(Socket::is_connected));
        effects.push(Effect::Sending(&whom, frame));
    }

    /// Sends the sockets of one child what is for those of all.
    pub(super) fn emit_in_child(
        &mut self,
        now: Time,
        child: NamespaceKey,
        target: &Target,
        (mut draft, mut delivery): (Draft, Delivery),
        effects: &mut dyn Effects,
    ) {
        let Namespace { name, is_recoverable, .. } = &self.namespaces[child];
        if *is_recoverable {
            delivery.mark(&mut draft);
        } else if let Delivery::Recoverable(_) = delivery {
            delivery = Delivery::Reliable;
        }
        match draft.into_event(name, None) {
            Ok(frame) => {
                let delivery = delivery.in_child(name);
                self.emit(now, child, target, (frame, delivery), effects);
            }
            Err(error) => tracing::warn!(%error, "event not sent"),
        }
    }

    /// Connected sockets that a target means, with their ids.
    pub(crate) fn select(&mut self, scope: &Scope, target: &Target) -> Vec<(SocketKey, SocketId)> {
        let namespaces = self.namespaces.of(scope);
        namespaces.into_iter().flat_map(|namespace| self.select_in(namespace, target)).collect()
    }

    pub(super) fn select_in(
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
        scope: &Scope,
        target: &Target,
        shard: ShardId,
    ) -> Vec<SocketInfo> {
        let selected = self.select(scope, target);
        let describe = |(key, id): (SocketKey, SocketId)| {
            let Socket { namespace, memberships, .. } = self.sockets.get(key)?;
            let rooms = &self.namespaces[*namespace].rooms;
            let rooms = memberships.iter().map(|m| rooms.name(m).to_owned()).collect();
            Some(SocketInfo { id, shard, socket: key, rooms, details: None })
        };
        selected.into_iter().filter_map(describe).collect()
    }

    pub(super) fn change(
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
    pub(super) fn each(
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
        let namespace = &namespaces[namespace];
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

    pub(super) fn ask(
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
        let id = self.namespaces.next_ack(socket.namespace, |id| socket.acks.contains_key(&id));
        let namespace = &self.namespaces[socket.namespace];
        let frame = match draft.into_event(&namespace.name, Some(id)) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(%error, "event not sent");
                return effects.push(Effect::Acked(token, Err(AckError::TooMany)));
            }
        };
        if namespace.hears_sending {
            effects.push(Effect::Sending(&[key], &frame));
        }
        socket.acks.insert(id, token);
        self.deadlines.set(Deadline::Ack(key, id), timeout.map(|timeout| now + timeout));
        send(socket.session, &frame, effects);
    }
}

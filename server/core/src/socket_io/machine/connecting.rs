//! Sockets on their way into a namespace: asked for, admitted and welcomed, or refused.
//! What a client gets back that comes again is `returning`'s part.
//! Source: Socket.IO protocol v5, § Connection to a namespace.

use parlor_shared::{
    id::{Pid, SocketId},
    socket_io::{Args, Claim, Frame, Offset, Packet},
};

use super::{Broken, DECIDED, FORCED_CLOSE, SocketIo, State, send};
use crate::{
    close::CloseReason,
    effect::{Effect, Effects},
    ids::Ids,
    input::Target,
    key::{NamespaceKey, SessionKey, SocketKey},
    socket_io::{
        client::{MAX_AUTH_BYTES, MAX_FAILED_CONNECTS, Queued},
        namespaces::{MAX_SOCKETS_PER_CLIENT, NotMade},
        recovery::Returning,
        socket::{Socket, Waiting},
    },
    time::Time,
};

impl SocketIo {
    pub(super) fn connect(
        &mut self,
        session: SessionKey,
        packet: &Packet<'_>,
        ids: &mut Ids,
        effects: &mut dyn Effects,
    ) -> Result<(), Broken> {
        if packet.data.is_some_and(|auth| auth.len() > MAX_AUTH_BYTES) {
            return Err(Broken(CloseReason::AuthTooLarge));
        }
        let found = self.namespaces.find(packet.namespace);
        let client = self.clients.get_mut(session).expect("checked by the caller");
        if let Some(known) = found.and_then(|namespace| client.socket(namespace)) {
            return self.connect_again(session, known, effects);
        }
        let namespace = match found {
            Some(key) if !self.namespaces.is_child(key) => Ok(key),
            // Its name is the client's to make up.
            _ if client.sockets.len() >= MAX_SOCKETS_PER_CLIENT => Err(NotMade::TooMany),
            Some(child) => Ok(child),
            None => self.namespaces.make(packet.namespace),
        };
        let namespace = match namespace {
            Ok(namespace) => namespace,
            Err(why) => {
                client.n_failed_connects += 1;
                if client.n_failed_connects > MAX_FAILED_CONNECTS {
                    return Err(Broken(CloseReason::PolicyViolation));
                }
                let frame = Frame::connect_error(packet.namespace, why.as_str(), None);
                send(session, &frame, effects);
                return Ok(());
            }
        };
        let (id, origin) = (SocketId::from_bytes(ids.take()), client.origin);
        let may_recover = self.namespaces.may_recover(namespace);
        let claim = packet.data.filter(|_| may_recover).and_then(Claim::read);
        let waiting =
            Waiting { origin, returning: claim.map(Returning::Claims), ..Waiting::default() };
        let socket = self.sockets.insert(Socket {
            id,
            session,
            namespace,
            state: State::Connecting(Box::new(waiting)),
            place: None,
            memberships: Default::default(),
            acks: Default::default(),
            stamp: 0,
            kept: None,
        });
        client.sockets.push((namespace, socket));
        self.keep(socket, ids);
        self.namespaces.enter(namespace);
        let (child, auth) = (self.namespaces.name_of_child(namespace), packet.data);
        effects.push(match (self.namespaces.family(namespace), child) {
            (Some(namespace), child) => {
                Effect::Connecting { socket, id, session, namespace, child, auth }
            }
            (None, child) => {
                let name = child.expect("those of the list are decided");
                Effect::Unlisted { socket, id, session, name, auth }
            }
        });
        Ok(())
    }

    /// A CONNECT to a namespace that the client has joined or is joining. Stock clients send one
    /// more if they leave and come back before they have heard the answer (React's `StrictMode`
    /// does so to each component): that answer is then for both.
    fn connect_again(
        &self,
        session: SessionKey,
        known: SocketKey,
        effects: &dyn Effects,
    ) -> Result<(), Broken> {
        let socket = self.sockets.get(known).expect("a client's sockets exist");
        match socket.state {
            State::Connecting(_) => Ok(()),
            _ if effects.has_queued(session) => Ok(()),
            _ => Err(FORCED_CLOSE),
        }
    }

    pub(super) fn adopt(&mut self, key: SocketKey, parent: NamespaceKey, ids: &mut Ids) {
        if let Some(socket) = self.sockets.get(key) {
            self.namespaces.adopt(socket.namespace, parent);
            self.keep(key, ids);
        }
    }

    pub(super) fn admit(&mut self, now: Time, key: SocketKey, effects: &mut dyn Effects) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        if self.namespaces.family(socket.namespace).is_none() {
            return;
        }
        let is_recoverable = socket.kept.is_some();
        let State::Connecting(waiting) = &mut socket.state else { return };
        if std::mem::replace(&mut waiting.is_admitted, true) {
            return;
        }
        match waiting.returning {
            Some(Returning::Claims(claim)) if is_recoverable => {
                self.claim(now, key, claim, effects);
            }
            _ => self.welcome(key, None, effects),
        }
    }

    /// Connects a socket, with what it has missed if its client has come back.
    pub(super) fn welcome(
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
        let Waiting { queued, rooms, early, origin, .. } = *waiting;
        let (session, namespace_key, id) = (socket.session, socket.namespace, socket.id);
        let family = self.namespaces.family(namespace_key).expect(DECIDED);
        let rooms_before = &mut self.namespaces[namespace_key].rooms;
        rooms_before.all_come_back(key, &socket.memberships);
        rooms_before.hand_over_notes(&mut self.notes);
        let pid = socket.kept.as_ref().map(|kept| kept.pid);
        if let Some(pid) = pid {
            self.by_pid.insert(pid, key);
        }
        self.enlist(key);
        let name = &self.namespaces[namespace_key].name;
        let welcome = Frame::connected(name, id.as_str(), pid.as_ref().map(Pid::as_str));
        let missed_frames = || missed.unwrap_or_default().iter().map(|(_, frame)| frame);
        if arrive_at_once(missed_frames()) {
            missed_frames().for_each(|frame| send(session, frame, effects));
            send(session, &welcome, effects);
        } else {
            send(session, &welcome, effects);
            missed_frames().for_each(|frame| send(session, frame, effects));
        }
        if let (Some(_), Some(pid)) = (missed, pid) {
            effects.push(Effect::Recovered { socket: key, id, pid });
        }
        for (frame, delivery) in early {
            self.emit(self.now, namespace_key, &Target::socket(key), (frame, delivery), effects);
        }
        effects.push(Effect::Connected(key, family, origin));
        if let Some(client) = self.clients.get_mut(session)
            && client.connect_until.take().is_some()
        {
            effects.push(Effect::Joined(session));
        }
        for room in rooms {
            self.join(key, &room);
        }
        self.tell_of_rooms(effects);
        self.set_client_deadline(session);
        for Queued { data, attachments, ack } in queued {
            let args = Args::of_event(&data, &attachments);
            effects.push(Effect::Event { socket: key, namespace: family, args, ack });
        }
    }

    /// From now on broadcasts reach a socket.
    pub(super) fn enlist(&mut self, key: SocketKey) {
        let Some(socket) = self.sockets.get_mut(key).filter(|socket| socket.place.is_none()) else {
            return;
        };
        let namespace = &mut self.namespaces[socket.namespace];
        let place = u32::try_from(namespace.sockets.len()).expect("fewer than 2^32 sockets");
        socket.place = Some(place);
        namespace.sockets.push((key, socket.session));
        namespace.by_id.insert(socket.id, (key, socket.session));
    }

    pub(super) fn refuse(
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
        let name = &self.namespaces[socket.namespace].name;
        let frame = Frame::connect_error(name, message, data);
        send(session, &frame, effects);
        self.remove(key);
        let client = self.clients.get_mut(session).expect("a socket's client exists");
        client.n_failed_connects += 1;
        if client.n_failed_connects > MAX_FAILED_CONNECTS {
            effects.push(Effect::Close(session, CloseReason::PolicyViolation));
        }
    }
}

/// Bytes that arrive as a whole or not at all: one segment of TCP, with room for the welcome.
const MAX_AHEAD_BYTES: usize = 1024;
/// Packets in front of the welcome that fit into one answer to a poll with it.
const MAX_AHEAD_PACKETS: usize = 15;

/// True if what a client has missed can be sent in front of the packet that says that it is
/// connected, as the reference does. Clients that lose their connection in between do not count
/// what they have got of it, and would get it again.
fn arrive_at_once<'f>(missed: impl Iterator<Item = &'f Frame> + Clone) -> bool {
    missed.clone().map(|frame| frame.wire().len()).sum::<usize>() <= MAX_AHEAD_BYTES
        && missed.map(|frame| frame.packets().count()).sum::<usize>() <= MAX_AHEAD_PACKETS
}

//! All peers of a shard's lobbies, and the sockets of this shard that are or would be peers.
//! What happens between peers of one lobby is `hub`'s part; who has a seat is the lobby's.

use std::collections::BTreeMap;

use parlor_shared::{
    api::{
        Refusal, code,
        lobby::Done,
        signal::{Ended, GoneReason, Join, push},
    },
    id::PeerToken,
    socket_io::Frame,
};

use super::{
    callers::Callers,
    effect::{Effects, SignalEffect, answer_frame, event},
    figures::SignalFigures,
    hub::{Hub, Out, not_found},
    message::SignalMessage,
    request::Request,
    settings::SignalSettings,
};
use crate::{
    cluster::Neighbours,
    delivery::Delivery,
    key::{Address, LobbyKey, ShardId, SocketKey},
    seating::{Admission, Seating},
    time::{Deadlines, Time},
};

/// Everything that can happen to signaling.
#[derive(Debug)]
pub enum SignalInput {
    /// A socket has joined `/signal`.
    Arrived(SocketKey),
    /// It asks something; the answer goes to this ack id, if it wants one.
    Asked(SocketKey, Result<Request, Refusal>, Option<u64>),
    /// It is gone.
    Gone(SocketKey),
    /// A lobby of this shard says something of its seats.
    Seating(Seating),
    /// Another shard says something.
    Told(ShardId, SignalMessage),
    /// A deadline may have passed.
    Timeout,
}

/// The machine.
#[derive(Debug)]
pub struct Signaling {
    settings: SignalSettings,
    neighbours: Neighbours,
    callers: Callers,
    hubs: BTreeMap<LobbyKey, Hub>,
    by_token: BTreeMap<PeerToken, (LobbyKey, u8)>,
    /// Of which hub a socket of any shard is which peer.
    by_socket: BTreeMap<Address, Place>,
    deadlines: Deadlines<LobbyKey>,
    figures: SignalFigures,
}

/// Of which hub a socket is which peer, and the how many-th time it had asked to join.
#[derive(Debug, Clone, Copy)]
struct Place {
    key: LobbyKey,
    number: u32,
    n_joins: u32,
}

impl Signaling {
    /// Nobody is there.
    pub fn new(settings: SignalSettings, neighbours: Neighbours) -> Self {
        Self {
            settings,
            neighbours,
            callers: Callers::default(),
            hubs: BTreeMap::new(),
            by_token: BTreeMap::new(),
            by_socket: BTreeMap::new(),
            deadlines: Deadlines::default(),
            figures: SignalFigures::default(),
        }
    }

    /// True if no socket is in `/signal`, and no lobby has peers.
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty() && self.hubs.is_empty() && self.by_socket.is_empty()
    }

    /// What was counted since the beginning.
    pub fn figures(&self) -> &SignalFigures {
        &self.figures
    }

    /// Peers of this shard's lobbies; cost grows with the number of lobbies that have any.
    pub fn n_peers(&self) -> usize {
        self.hubs.values().map(Hub::n_peers).sum()
    }

    /// Links of this shard's lobbies, and how many of them are direct; cost grows with both.
    pub fn n_links(&self) -> (usize, usize) {
        let links = self.hubs.values().map(Hub::n_links);
        links.fold((0, 0), |(all, direct), (n, n_direct)| (all + n, direct + n_direct))
    }

    /// When [`SignalInput::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// Takes in one thing that happened.
    pub fn handle(&mut self, now: Time, input: SignalInput, effects: &mut Effects) {
        match input {
            SignalInput::Arrived(socket) => self.callers.arrived(now, socket),
            SignalInput::Asked(socket, request, ack) => {
                self.called(now, socket, request, ack, effects);
            }
            SignalInput::Gone(socket) => {
                if let Some(shard) = self.callers.gone(socket) {
                    self.tell(now, shard, SignalMessage::Gone(socket), effects);
                }
            }
            SignalInput::Seating(seating) => self.seated(now, seating, effects),
            SignalInput::Told(from, message) => self.told(now, from, message, effects),
            SignalInput::Timeout => {
                while let Some((_, key)) = self.deadlines.pop(now) {
                    self.of_hub(now, key, effects, |hub, out| hub.timeout(now, out));
                }
            }
        }
    }

    /// A socket of this shard asks something.
    fn called(
        &mut self,
        now: Time,
        socket: SocketKey,
        request: Result<Request, Refusal>,
        ack: Option<u64>,
        effects: &mut Effects,
    ) {
        let routed = request.and_then(|request| {
            let to = self.callers.route(now, &self.neighbours, socket, &request)?;
            Ok((to, request))
        });
        match routed {
            Ok(((shard, n_joins), request)) => {
                let ask = SignalMessage::Ask(socket, request, ack, n_joins);
                self.tell(now, shard, ask, effects);
            }
            Err(refusal) => {
                self.figures.reject(&refusal.code);
                let shard = self.neighbours.own;
                self.answer(Address { shard, socket }, ack, Err(refusal), effects);
            }
        }
    }

    fn answer(
        &self,
        to: Address,
        ack: Option<u64>,
        reply: Result<Done, Refusal>,
        effects: &mut Effects,
    ) {
        let push = |frame| SignalEffect::Push(to, frame, Delivery::Reliable);
        effects.extend(answer_frame(ack, reply).map(push));
    }

    fn tell(&mut self, now: Time, to: ShardId, message: SignalMessage, effects: &mut Effects) {
        if to == self.neighbours.own {
            self.told(now, to, message, effects);
        } else {
            effects.push(SignalEffect::Tell(to, message));
        }
    }

    /// A shard, perhaps this one, says something.
    fn told(&mut self, now: Time, from: ShardId, message: SignalMessage, effects: &mut Effects) {
        match message {
            SignalMessage::Ask(socket, Request::Join(join), ack, n_joins) => {
                let who = Address { shard: from, socket };
                self.join(now, (who, n_joins), &join, ack, effects);
            }
            SignalMessage::Ask(socket, request, ack, _) => {
                self.asked(now, Address { shard: from, socket }, request, ack, effects);
            }
            SignalMessage::Gone(socket) => {
                let place = self.by_socket.remove(&Address { shard: from, socket });
                if let Some(Place { key, number, .. }) = place {
                    self.of_hub(now, key, effects, |hub, out| hub.lose(now, number, out));
                }
            }
            SignalMessage::Push(socket, frame, delivery) => {
                let to = Address { shard: self.neighbours.own, socket };
                effects.push(SignalEffect::Push(to, frame, delivery));
            }
            SignalMessage::Released(socket, n_joins) => {
                self.callers.released(from, socket, n_joins);
            }
        }
    }

    /// A lobby of this shard says something of its seats.
    fn seated(&mut self, now: Time, seating: Seating, effects: &mut Effects) {
        match seating {
            Seating::Admitted(admission) => {
                let Admission { lobby, seat, token, .. } = *admission;
                let hub = self.hubs.entry(lobby);
                hub.or_insert_with(|| Hub::new(&admission, &self.settings)).admit(seat, token);
                self.by_token.insert(token, (lobby, seat));
            }
            Seating::Removed(token) => {
                if let Some((lobby, _)) = self.by_token.remove(&token) {
                    self.of_hub(now, lobby, effects, |hub, out| hub.expel(token, out, now));
                }
            }
            Seating::Host(lobby, seat) => {
                self.of_hub(now, lobby, effects, |hub, out| hub.lead(now, seat, out));
            }
        }
    }

    /// Does something with a hub, and what follows from it.
    fn of_hub<T>(
        &mut self,
        now: Time,
        key: LobbyKey,
        effects: &mut Effects,
        act: impl FnOnce(&mut Hub, &mut Out<'_>) -> T,
    ) -> Option<T> {
        let mut released = Vec::new();
        let hub = self.hubs.get_mut(&key)?;
        let (settings, figures) = (&self.settings, &mut self.figures);
        let done = act(hub, &mut Out { settings, figures, effects, released: &mut released });
        if hub.is_empty() {
            self.hubs.remove(&key);
            self.deadlines.set(key, None);
        } else {
            let deadline = hub.deadline();
            self.deadlines.set(key, deadline);
        }
        for (socket, reason) in released {
            let Some(place) = self.by_socket.remove(&socket) else { continue };
            self.release(now, (socket, place.n_joins), Some(reason), effects);
        }
        Some(done)
    }

    /// A socket is no peer any more, or has not become one.
    fn release(
        &mut self,
        now: Time,
        (who, n_joins): (Address, u32),
        reason: Option<GoneReason>,
        effects: &mut Effects,
    ) {
        if let Some(reason) = reason {
            let frame = event(push::ENDED, &Ended { reason });
            effects.push(SignalEffect::Push(who, frame, Delivery::Reliable));
        }
        self.tell(now, who.shard, SignalMessage::Released(who.socket, n_joins), effects);
    }

    /// A socket of any shard asks something of a hub.
    fn asked(
        &mut self,
        now: Time,
        who: Address,
        request: Request,
        ack: Option<u64>,
        effects: &mut Effects,
    ) {
        let request = match request {
            Request::Reliable(link, bytes) => {
                return self.relay(now, who, (link, bytes, None), ack, effects);
            }
            Request::Volatile(link, bytes, key) => {
                return self.relay(now, who, (link, bytes, Some(key)), ack, effects);
            }
            other => other,
        };
        let reply = match self.by_socket.get(&who) {
            None => Err(Refusal::new(code::NOT_IN_LOBBY, "join with a token first")),
            Some(&Place { key, number, .. }) => {
                // The answer goes out before what the request leads to.
                let mut led_to = Effects::new();
                let act = |hub: &mut Hub, out: &mut Out<'_>| {
                    Self::of_peer(now, hub, number, request, out)
                };
                let done = self.of_hub(now, key, &mut led_to, act);
                let reply = done.unwrap_or_else(|| Err(not_found()));
                if let Err(refusal) = &reply {
                    self.figures.reject(&refusal.code);
                }
                self.answer(who, ack, reply, effects);
                return effects.append(&mut led_to);
            }
        };
        self.figures.reject(code::NOT_IN_LOBBY);
        self.answer(who, ack, reply, effects);
    }

    fn of_peer(
        now: Time,
        hub: &mut Hub,
        number: u32,
        request: Request,
        out: &mut Out<'_>,
    ) -> Result<Done, Refusal> {
        match request {
            Request::Leave => {
                hub.remove(now, number, GoneReason::Left, out);
                Ok(Done {})
            }
            Request::Signal(signal) => hub.signal(now, number, *signal, out),
            Request::Open(open) => hub.open(now, number, open, out),
            Request::Close(close) => hub.close(number, &close, out),
            Request::Report(report) => hub.report(now, number, &report, out),
            Request::Checkpoint(checkpoint) => hub.keep(number, *checkpoint),
            Request::Join(_) | Request::Reliable(..) | Request::Volatile(..) => {
                unreachable!("handled by the caller")
            }
        }
    }

    /// A frame goes its way: no deadline changes by it.
    fn relay(
        &mut self,
        now: Time,
        who: Address,
        (link, bytes, volatile): (u32, bytes::Bytes, Option<(u8, u32)>),
        ack: Option<u64>,
        effects: &mut Effects,
    ) {
        let found = self
            .by_socket
            .get(&who)
            .and_then(|place| Some((self.hubs.get_mut(&place.key)?, place.number)));
        let reply = match found {
            Some((hub, number)) => {
                let (settings, figures) = (&self.settings, &mut self.figures);
                let mut out = Out { settings, figures, effects, released: &mut Vec::new() };
                hub.relay(now, number, (link, bytes), volatile, &mut out)
            }
            None => {
                self.figures.dropped[0] += 1;
                Err(not_found())
            }
        };
        self.answer(who, ack, reply, effects);
    }

    fn join(
        &mut self,
        now: Time,
        (who, n_joins): (Address, u32),
        join: &Join,
        ack: Option<u64>,
        effects: &mut Effects,
    ) {
        let place = self.by_token.get(&join.token).copied();
        let mut led_to = Effects::new();
        let came = match (place, self.by_socket.get(&who)) {
            (None, _) => Err(not_found()),
            (Some((lobby, seat)), Some(other)) if !self.is_of_seat(*other, (lobby, seat)) => {
                let sentence = "you are a peer of another seat; leave first";
                Err(Refusal::new(code::IN_LOBBY, sentence))
            }
            (Some((lobby, seat)), _) => {
                let act = |hub: &mut Hub, out: &mut Out<'_>| hub.join(now, who, (seat, join), out);
                let came = self.of_hub(now, lobby, &mut led_to, act);
                came.unwrap_or_else(|| Err(not_found())).map(|came| (lobby, came))
            }
        };
        match came {
            Ok((lobby, came)) => {
                self.by_socket.insert(who, Place { key: lobby, number: came.peer, n_joins });
                let answer = answer_frame(ack, Ok(came.joined));
                let push = |frame: Frame| SignalEffect::Push(who, frame, Delivery::Reliable);
                effects.extend(answer.into_iter().chain(came.held).map(push));
            }
            Err(refusal) => {
                self.figures.reject(&refusal.code);
                self.answer(who, ack, Err(refusal), effects);
                match self.by_socket.get_mut(&who) {
                    Some(place) => place.n_joins = n_joins,
                    None => self.release(now, (who, n_joins), None, effects),
                }
            }
        }
        effects.append(&mut led_to);
    }

    /// True if the peer is that of the seat.
    fn is_of_seat(&self, place: Place, (lobby, seat): (LobbyKey, u8)) -> bool {
        let hub = self.hubs.get(&place.key).filter(|_| place.key == lobby);
        hub.is_some_and(|hub| hub.seat_of(place.number) == Some(seat))
    }
}

#[cfg(test)]
mod tests;

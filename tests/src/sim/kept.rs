//! The handlers of namespace `/kept`, whose clients may come back to what they had: they emit to
//! all, to rooms and to one, move sockets from room to room, and disconnect one now and then.

use parlor_core::{
    cluster::Change,
    delivery::Delivery,
    effect::DisconnectReason,
    input::{Input, Target},
    key::{NamespaceKey, SocketKey},
    volatile_by_name,
};
use parlor_shared::socket_io::{Binary, Draft, Offset};
use serde::Deserialize;

use super::{Sim, agenda::Happening, chance::Chance as _};

pub(super) const NAME: &str = "/kept";
/// It stands between `/` and `/lobby`.
pub(super) const KEPT: NamespaceKey = NamespaceKey(1);
/// Clients share so many origins.
pub(super) const N_ORIGINS: u64 = 5;
/// Rooms that one is in by who one is, and never leaves.
pub(super) const N_HOMES: usize = 3;

const ROOMS: [&str; 2] = ["a", "b"];

/// What clients send along with their CONNECT.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Auth {
    pub(super) client: usize,
    pub(super) pid: Option<String>,
    pub(super) offset: Option<String>,
}

impl Auth {
    pub(super) fn read(auth: &str) -> Self {
        serde_json::from_str(auth).expect("clients say who they are")
    }
}

/// Every other client says who it is.
pub(super) fn identity(client: usize) -> Option<String> {
    (client % 2 == 1).then(|| format!("client {client}"))
}

pub(super) fn home(client: usize) -> String {
    format!("home {}", client % N_HOMES)
}

impl Sim {
    /// A socket wants in.
    pub(super) fn kept_connecting(&mut self, at: usize, socket: SocketKey, auth: Option<&str>) {
        let client = Auth::read(auth.expect("clients say who they are")).client;
        let answer = if self.random.one_in(30) {
            Input::Refuse(socket, "not today".to_owned(), None)
        } else {
            Input::Admit(socket)
        };
        let identity = identity(client).map(|identity| Input::Identify(socket, identity));
        let mut wishes: Vec<_> = identity.into_iter().chain([answer]).collect();
        if self.random.one_in(6) {
            wishes.insert(0, Input::Join(socket, self.random.pick(&ROOMS).to_owned()));
        }
        self.wish(at, wishes);
    }

    /// A socket is connected that has nothing yet.
    pub(super) fn kept_connected(&mut self, at: usize, socket: SocketKey) {
        if let Some(client) = self.oracle.returns.client_of(at, socket) {
            self.shards[at].wanted.push_back(Input::Join(socket, home(client)));
        }
    }

    /// Something has happened to a socket: handlers do something about it later, when it may be on
    /// its way to another shard.
    pub(super) fn kept_acts_later(&mut self, at: usize, socket: SocketKey, most: u32) {
        // One that was fetched for a client that is gone again is none of theirs.
        if self.oracle.returns.client_of(at, socket).is_none() {
            return;
        }
        for _ in 0..self.random.below(most + 1) {
            let later = self.now + self.random.ms(0, 2_000);
            self.agenda.note(later, Happening::Act(at, KEPT, socket));
        }
    }

    pub(super) fn act_in_kept(&mut self, at: usize, socket: SocketKey) -> Vec<Input<'static>> {
        let room = self.random.pick(&ROOMS).to_owned();
        if self.oracle.returns.is_away(at, socket) {
            match self.random.below(12) {
                0 => {
                    let reason = DisconnectReason::ServerNamespaceDisconnect;
                    return vec![Input::Disconnect(socket, false, reason)];
                }
                1..8 => return self.tell_one(at, socket),
                _ => {}
            }
        }
        match self.random.below(24) {
            0..6 => vec![self.tell_all(at, 0)],
            6..8 => (0..self.random.between(2, 12)).map(|_| self.tell_all(at, 0)).collect(),
            8 => vec![self.tell_all(at, 3_000)],
            9..14 => {
                let target = self.kept_target();
                vec![self.tell_rooms(at, target)]
            }
            14..16 => self.tell_one(at, socket),
            16 => (0..3).map(|_| self.flash(at)).collect(),
            17 => vec![Input::Join(socket, room)],
            18 => vec![Input::Leave(socket, room)],
            19..23 => {
                let target = self.those_of_a_home(at, socket);
                let change = match self.random.below(3) {
                    0 => Change::Leave(vec![room]),
                    _ => Change::Join(vec![room]),
                };
                // Out and in again: whoever is on the way between shards is in afterwards.
                let again = self.random.one_in(2).then(|| change.clone());
                let back = match &change {
                    Change::Leave(rooms) => Some(Change::Join(rooms.clone())),
                    _ => again,
                };
                let all = [Some(change), back].into_iter().flatten();
                all.map(|change| Input::Change(KEPT.into(), target.clone(), change)).collect()
            }
            _ => self.kept_disconnect(at, socket),
        }
    }

    fn kept_disconnect(&mut self, at: usize, socket: SocketKey) -> Vec<Input<'static>> {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        let is_whole = self.random.one_in(3);
        match self.random.below(4) {
            0 => vec![Input::Disconnect(socket, is_whole, reason)],
            1 => {
                let target = self.those_of_a_home(at, socket);
                vec![Input::Change(KEPT.into(), target, Change::Disconnect(is_whole))]
            }
            _ => Vec::new(),
        }
    }

    /// Reliably, to everybody: each shard counts what it sends.
    fn tell_all(&mut self, at: usize, n_more: usize) -> Input<'static> {
        let number = self.oracle.returns.count_for_all(self.now, at);
        self.kept_event(at, Target::default(), "all", (number, at), n_more)
    }

    /// Reliably, to rooms.
    fn tell_rooms(&mut self, at: usize, target: Target) -> Input<'static> {
        let number = self.oracle.returns.count_for_rooms(self.now, at, &target);
        self.kept_event(at, target, "some", (number, at), 0)
    }

    /// Reliably, to one socket, which may be elsewhere.
    fn tell_one(&mut self, at: usize, socket: SocketKey) -> Vec<Input<'static>> {
        let id = self.oracle.returns.id_of(at, socket);
        let own = |id: String| Target { rooms: [id.into()].into(), ..Target::socket(socket) };
        id.map(|id| self.tell_rooms(at, own(id))).into_iter().collect()
    }

    fn kept_event(
        &mut self,
        at: usize,
        target: Target,
        name: &str,
        (number, from): (u64, usize),
        n_more: usize,
    ) -> Input<'static> {
        self.trace.n_broadcasts += 1;
        let offset = self.oracle.returns.next_offset();
        let offset = Offset::new(self.plan.shards[at].sender(), offset);
        let mut draft = Draft::event(name).expect("not reserved");
        let arg = |draft: &mut Draft, value: u64| draft.arg(&value).expect("a number has JSON");
        arg(&mut draft, number);
        arg(&mut draft, from as u64);
        draft.arg(&"x".repeat(n_more)).expect("text has JSON");
        if self.random.one_in(8) {
            let bytes = Binary::from(number.to_le_bytes().to_vec());
            draft.arg(&bytes).expect("bytes have JSON");
        }
        draft.offset(offset);
        let frame = draft.into_event(NAME, None).expect("one attachment at most");
        Input::Emit(KEPT.into(), target, frame, Delivery::Recoverable(offset))
    }

    /// Something of which only the newest counts; it ends in text, which is no offset.
    fn flash(&self, at: usize) -> Input<'static> {
        let mut draft = Draft::event("flash").expect("not reserved");
        draft.arg(&at).expect("a number has JSON");
        draft.arg(&"text").expect("text has JSON");
        draft.no_offset();
        let frame = draft.into_event(NAME, None).expect("no attachments");
        Input::Emit(KEPT.into(), Target::default(), frame, volatile_by_name(&KEPT.into(), "flash"))
    }

    fn kept_target(&mut self) -> Target {
        let home = home(self.random.below(N_HOMES as u32) as usize);
        let room = self.random.pick(&ROOMS);
        let mut target = Target::default();
        match self.random.below(6) {
            0 | 1 => target.rooms = [home.into()].into(),
            2 => target.rooms = [room.into(), home.into()].into_iter().collect(),
            3 => {
                target.rooms = [room.into()].into();
                target.except = [home.into()].into();
            }
            _ => target.rooms = [room.into()].into(),
        }
        target
    }

    /// A target that means the same whenever one looks.
    fn those_of_a_home(&mut self, at: usize, socket: SocketKey) -> Target {
        let id = self.oracle.returns.id_of(at, socket).filter(|_| self.random.one_in(2));
        let home = home(self.random.below(N_HOMES as u32) as usize);
        Target { rooms: [id.unwrap_or(home).into()].into(), ..Target::default() }
    }
}

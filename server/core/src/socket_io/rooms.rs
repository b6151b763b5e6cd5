//! Rooms of one namespace: addresses for broadcasts, never a game.
//! Members lie dense, so that a broadcast walks memory in order and looks nothing up.

use std::{collections::HashMap, sync::Arc};

use slab::Slab;
use smallvec::SmallVec;

use crate::{
    effect::RoomChange,
    hash::Keyed,
    key::{SessionKey, SocketKey},
};

/// Rooms one socket may be in.
pub const MAX_ROOMS_PER_SOCKET: usize = 1024;
/// Bytes of a room's name: clients choose these in many applications.
pub const MAX_ROOM_NAME_BYTES: usize = 1024;

/// True if a socket that is in so many rooms may join this one too.
pub(super) fn may_join(n_rooms: usize, name: &str) -> bool {
    n_rooms < MAX_ROOMS_PER_SOCKET && name.len() <= MAX_ROOM_NAME_BYTES
}

#[derive(Debug)]
pub(super) struct Rooms {
    by_name: HashMap<Arc<str>, u32, Keyed>,
    rooms: Slab<Room>,
    /// Somebody listens to what becomes of them.
    is_heard: bool,
    notes: Vec<Note>,
}

/// Something to be told of a room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) socket: SocketKey,
    pub(super) room: Box<str>,
    pub(super) change: RoomChange,
}

#[derive(Debug)]
struct Room {
    name: Arc<str>,
    members: Vec<Member>,
    /// Members of which nobody is told: those without a connection, or not connected yet.
    n_away: u32,
}

/// A socket in a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) socket: SocketKey,
    /// Whose it is: a broadcast asks for nothing else.
    pub(super) session: SessionKey,
    /// Where the member's socket keeps its [`Membership`].
    place: u32,
}

/// A socket's side: in which room, and where in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    room: u32,
    place: u32,
}

/// Of one socket: most are in a room or two.
pub(super) type Memberships = SmallVec<[Membership; 2]>;

impl Rooms {
    pub(super) fn new(keyed: Keyed) -> Self {
        Self {
            by_name: HashMap::with_hasher(keyed),
            rooms: Slab::new(),
            is_heard: false,
            notes: Vec::new(),
        }
    }

    /// From now on what becomes of them is noted.
    pub(super) fn listen(&mut self) {
        self.is_heard = true;
    }

    /// What is to be told goes to the end of these.
    pub(super) fn hand_over_notes(&mut self, to: &mut Vec<Note>) {
        to.append(&mut self.notes);
    }

    fn note(&mut self, socket: SocketKey, room: &str, change: RoomChange) {
        if self.is_heard {
            self.notes.push(Note { socket, room: room.into(), change });
        }
    }

    pub(super) fn members(&self, name: &str) -> &[Member] {
        self.by_name.get(name).map_or(&[], |room| &self.rooms[*room as usize].members)
    }

    /// The room that a socket is in.
    pub(super) fn name(&self, membership: &Membership) -> &str {
        &self.rooms[membership.room as usize].name
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.rooms.is_empty()
    }

    /// Puts a socket in; false if it is in as many rooms as it may be, or the name is too long. Of
    /// one that is away nobody is told.
    pub(super) fn join(
        &mut self,
        (socket, session): (SocketKey, SessionKey),
        memberships: &mut Memberships,
        name: &str,
        is_away: bool,
    ) -> bool {
        if self.place_of(memberships, name).is_some() {
            return true;
        }
        if !may_join(memberships.len(), name) {
            return false;
        }
        let room = match self.by_name.get(name) {
            Some(room) => *room,
            None => {
                let name: Arc<str> = name.into();
                let room = Room { name: Arc::clone(&name), members: Vec::new(), n_away: 0 };
                let room = number(self.rooms.insert(room));
                self.by_name.insert(name, room);
                room
            }
        };
        let Room { members, n_away, .. } = &mut self.rooms[room as usize];
        memberships.push(Membership { room, place: number(members.len()) });
        members.push(Member { socket, session, place: number(memberships.len() - 1) });
        *n_away += 1;
        if !is_away {
            self.come_back(socket, room);
        }
        true
    }

    /// A socket that is in this room is there from now on.
    fn come_back(&mut self, socket: SocketKey, room: u32) {
        let room = &mut self.rooms[room as usize];
        room.n_away -= 1;
        if self.is_heard {
            let is_first = room.members.len() == room.n_away as usize + 1;
            let name = room.name.clone();
            if is_first {
                self.note(socket, &name, RoomChange::Created);
            }
            self.note(socket, &name, RoomChange::Joined);
        }
    }

    /// A socket that is in this room is away from now on: it is told of as one that has left.
    fn go_away(&mut self, socket: SocketKey, room: u32) {
        let room = &mut self.rooms[room as usize];
        room.n_away += 1;
        if self.is_heard {
            let is_last = room.members.len() == room.n_away as usize;
            let name = room.name.clone();
            self.note(socket, &name, RoomChange::Left);
            if is_last {
                self.note(socket, &name, RoomChange::Deleted);
            }
        }
    }

    /// A socket was away, and is in its rooms for all to see.
    pub(super) fn all_come_back(&mut self, socket: SocketKey, memberships: &[Membership]) {
        memberships.iter().for_each(|membership| self.come_back(socket, membership.room));
    }

    /// A socket has no connection any more, but stays in its rooms.
    pub(super) fn all_go_away(&mut self, socket: SocketKey, memberships: &[Membership]) {
        memberships.iter().for_each(|membership| self.go_away(socket, membership.room));
    }

    /// Takes a socket out of one room. `others` gives the memberships of any other socket, to
    /// tell the one that moves into the gap.
    pub(super) fn leave(
        &mut self,
        memberships: &mut Memberships,
        name: &str,
        is_away: bool,
        others: impl FnMut(SocketKey, usize, usize),
    ) {
        let Some(place) = self.place_of(memberships, name) else { return };
        // In the order of joining, as it is told: those behind move up, and tell their rooms.
        self.take_out(memberships.remove(place), is_away, others);
        for (place, Membership { room, place: at }) in memberships.iter().enumerate().skip(place) {
            self.rooms[*room as usize].members[*at as usize].place = number(place);
        }
    }

    /// Takes a socket out of all its rooms, in the order of joining.
    pub(super) fn leave_all(
        &mut self,
        memberships: &mut Memberships,
        is_away: bool,
        mut others: impl FnMut(SocketKey, usize, usize),
    ) {
        for membership in std::mem::take(memberships) {
            self.take_out(membership, is_away, &mut others);
        }
    }

    fn place_of(&self, memberships: &[Membership], name: &str) -> Option<usize> {
        let room = self.by_name.get(name)?;
        memberships.iter().position(|membership| membership.room == *room)
    }

    fn take_out(
        &mut self,
        Membership { room: key, place: gap }: Membership,
        is_away: bool,
        mut others: impl FnMut(SocketKey, usize, usize),
    ) {
        if !is_away {
            let socket = self.rooms[key as usize].members[gap as usize].socket;
            self.go_away(socket, key);
        }
        let room = &mut self.rooms[key as usize];
        let gap = gap as usize;
        room.members.swap_remove(gap);
        room.n_away -= 1;
        if let Some(moved) = room.members.get(gap) {
            others(moved.socket, moved.place as usize, gap);
        }
        if room.members.is_empty() {
            let room = self.rooms.remove(key as usize);
            self.by_name.remove(&room.name);
        }
    }
}

impl Membership {
    /// The room moved this member into a gap.
    pub(super) fn moved_to(&mut self, place: usize) {
        self.place = number(place);
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 sockets and rooms")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, Table};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn session() -> SessionKey {
        SessionKey::new(0, 0)
    }

    /// Rooms driven as the machine drives them, beside a model that is plainly right.
    #[derive(Default)]
    struct Model {
        sockets: Table<SocketKey, Memberships>,
        sets: Vec<BTreeSet<SocketKey>>,
        /// Rooms of each socket, in the order of joining.
        orders: BTreeMap<SocketKey, Vec<usize>>,
        away: BTreeSet<SocketKey>,
        /// What listeners have heard: rooms, and who is in them.
        heard: BTreeMap<Box<str>, BTreeSet<SocketKey>>,
    }

    impl Model {
        fn hear(&mut self, Note { socket, room, change }: Note) {
            let members = self.heard.get_mut(&room);
            let fits = match (change, members) {
                (RoomChange::Created, None) => self.heard.insert(room, BTreeSet::new()).is_none(),
                (RoomChange::Joined, Some(members)) => members.insert(socket),
                (RoomChange::Left, Some(members)) => members.remove(&socket),
                (RoomChange::Deleted, Some(members)) if members.is_empty() => {
                    self.heard.remove(&room).is_some()
                }
                _ => false,
            };
            assert!(fits, "{change:?} was told out of turn");
        }
    }

    proptest! {
        #[test]
        fn members_are_those_that_joined_and_did_not_leave(
            ops in prop::collection::vec((0u8..4, 0usize..6, 0usize..4), 0..200),
        ) {
            let mut rooms = Rooms::new(Keyed::new(1));
            rooms.listen();
            let mut model = Model { sets: vec![BTreeSet::new(); 4], ..Model::default() };
            let mut insert = || model.sockets.insert(Memberships::new());
            let sockets: Vec<SocketKey> = (0..6).map(|_| insert()).collect();
            for (op, socket, room) in ops {
                let key = sockets[socket];
                let name = format!("room {room}");
                let mut own = std::mem::take(model.sockets.get_mut(key).unwrap());
                let is_away = model.away.contains(&key);
                let order = model.orders.entry(key).or_default();
                let before = order.clone();
                let table = &mut model.sockets;
                let mut others = |other: SocketKey, membership: usize, place: usize| {
                    assert_ne!(other, key, "a gap is never filled by the one that left it");
                    table.get_mut(other).unwrap()[membership].moved_to(place);
                };
                match op {
                    0 => {
                        rooms.join((key, session()), &mut own, &name, is_away);
                        if model.sets[room].insert(key) {
                            order.push(room);
                        }
                    }
                    1 => {
                        rooms.leave(&mut own, &name, is_away, &mut others);
                        model.sets[room].remove(&key);
                        order.retain(|known| *known != room);
                    }
                    2 => {
                        rooms.leave_all(&mut own, is_away, &mut others);
                        for set in &mut model.sets { set.remove(&key); }
                        order.clear();
                    }
                    _ if is_away => {
                        rooms.all_come_back(key, &own);
                        model.away.remove(&key);
                    }
                    _ => {
                        rooms.all_go_away(key, &own);
                        model.away.insert(key);
                    }
                }
                let names = |order: &[usize]| -> Vec<String> {
                    order.iter().map(|room| format!("room {room}")).collect()
                };
                let told: Vec<_> = own.iter().map(|place| rooms.name(place)).collect();
                prop_assert_eq!(told, names(order), "in the order of joining");
                let mut notes = Vec::new();
                rooms.hand_over_notes(&mut notes);
                if op >= 2 && !is_away {
                    let left = notes.iter().filter(|note| note.change == RoomChange::Left);
                    let left: Vec<_> = left.map(|note| note.room.as_ref()).collect();
                    prop_assert_eq!(left, names(&before), "in the order of joining");
                }
                notes.into_iter().for_each(|note| model.hear(note));
                *model.sockets.get_mut(key).unwrap() = own;
                for (i, set) in model.sets.iter().enumerate() {
                    let members = rooms.members(&format!("room {i}")).iter();
                    let members: BTreeSet<_> =
                        members.map(|member| member.socket).collect();
                    prop_assert_eq!(&members, set);
                    let there: BTreeSet<_> = set.difference(&model.away).copied().collect();
                    let heard = model.heard.get(&*format!("room {i}"));
                    prop_assert_eq!(heard.cloned().unwrap_or_default(), there.clone());
                    let is_there = !there.is_empty();
                    prop_assert_eq!(heard.is_some(), is_there, "as long as anybody");
                }
            }
            let left: usize = model.sets.iter().filter(|set| !set.is_empty()).count();
            prop_assert_eq!(rooms.rooms.len(), left, "empty rooms are not kept");
        }
    }

    #[test]
    fn a_socket_is_in_1024_rooms_and_not_in_one_more() {
        let mut rooms = Rooms::new(Keyed::new(1));
        let (key, mut own) = (SocketKey::new(0, 0), Memberships::new());
        let mut join = |name: &str| rooms.join((key, session()), &mut own, name, false);
        assert!((0..1024).all(|i| join(&i.to_string())));
        assert!(join("7"), "it is in there already");
        assert!(!join("one more"));
    }
}

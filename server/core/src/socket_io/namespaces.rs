//! Namespaces of a shard: those of the server's list, and children that are made when a client
//! names them and go with their last socket.
//! Which names are taken, and whose children they are, is the users' to say: the driver is asked.

use std::{
    collections::HashMap,
    ops::{Index, IndexMut},
    sync::Arc,
};

use parlor_shared::id::{ID_LETTERS, SocketId};
use slab::Slab;
use smallvec::SmallVec;

use super::rooms::Rooms;
use crate::{
    cluster::AckIds,
    hash::{Keyed, OfRandom},
    input::Scope,
    key::{NamespaceKey, SessionKey, SocketKey},
};

/// Sockets that one client may have before it gets no more in children of dynamic namespaces:
/// their names are its own to make up.
pub const MAX_SOCKETS_PER_CLIENT: usize = 64;

/// Namespaces that are made when a client names them.
#[derive(Debug, Clone, Default)]
pub struct Dynamic {
    /// Those of the list that no client can join: it joins children of theirs.
    pub parents: Vec<NamespaceKey>,
    /// Children there may be at once.
    pub max_children: usize,
}

/// What the handlers of some namespaces listen to beside connections and events, and of a parent
/// those of its children. Of other namespaces nothing of it is told.
#[derive(Debug, Clone, Default)]
pub struct Listeners {
    /// What becomes of rooms.
    pub rooms: Vec<NamespaceKey>,
    /// That a socket will be no more, while it is still in its rooms.
    pub leaving: Vec<NamespaceKey>,
    /// What is sent to each socket.
    pub sending: Vec<NamespaceKey>,
}

/// Those of the list have its keys. Children have keys behind them that other namespaces will have
/// after them: such a key is kept by what counts as a user of the child, and told to nobody.
#[derive(Debug)]
pub(super) struct Namespaces {
    all: Slab<Namespace>,
    n_listed: usize,
    dynamic: Dynamic,
    listeners: Listeners,
    /// Those of the list whose sockets can be had back, and of parents their children's.
    recoverable: Vec<NamespaceKey>,
    keys: HashMap<Arc<str>, NamespaceKey, Keyed>,
    keyed: Keyed,
    /// For questions that clients may answer to another shard.
    ack_ids: AckIds,
    /// How many questions a namespace that is gone may have asked.
    n_asked: u32,
}

#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: Arc<str>,
    /// Whose handlers serve it: its own key, its parent's, or `None` until that is decided.
    family: Option<NamespaceKey>,
    /// Sockets, those that are still connecting included.
    n_users: usize,
    pub(super) hears_leaving: bool,
    pub(super) hears_sending: bool,
    pub(super) is_recoverable: bool,
    /// Connected sockets, dense, and whose they are.
    pub(super) sockets: Vec<(SocketKey, SessionKey)>,
    pub(super) by_id: HashMap<SocketId, (SocketKey, SessionKey), OfRandom>,
    pub(super) rooms: Rooms,
    /// Questions, which are numbered: clients answer on whatever connection they have by then.
    n_asked: u32,
}

/// Why a name that nobody has used is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotMade {
    Unknown,
    TooMany,
}

impl NotMade {
    /// What the client is told.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Invalid namespace",
            Self::TooMany => "Too many namespaces",
        }
    }
}

impl Namespaces {
    pub(super) fn new(
        names: Vec<String>,
        dynamic: Dynamic,
        listeners: Listeners,
        recoverable: Vec<NamespaceKey>,
        ack_ids: AckIds,
        keyed: Keyed,
    ) -> Self {
        let mut namespaces = Self {
            all: Slab::new(),
            n_listed: names.len(),
            dynamic,
            listeners,
            recoverable,
            keys: HashMap::with_hasher(keyed),
            keyed,
            ack_ids,
            n_asked: 0,
        };
        for name in names {
            let key = namespaces.insert(name.into());
            namespaces.set_family(key, key);
            if !namespaces.dynamic.parents.contains(&key) {
                namespaces.keys.insert(Arc::clone(&namespaces[key].name), key);
            }
        }
        namespaces
    }

    /// The namespace of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<NamespaceKey> {
        self.keys.get(name).copied()
    }

    /// A child of this name, of which it is to be decided whose it is.
    pub(super) fn make(&mut self, name: &str) -> Result<NamespaceKey, NotMade> {
        if self.dynamic.parents.is_empty() {
            return Err(NotMade::Unknown);
        }
        if self.n_children() >= self.dynamic.max_children {
            return Err(NotMade::TooMany);
        }
        let name: Arc<str> = name.into();
        let key = self.insert(Arc::clone(&name));
        self.keys.insert(name, key);
        Ok(key)
    }

    /// Decides whose child a namespace is, unless that is decided.
    pub(super) fn adopt(&mut self, key: NamespaceKey, parent: NamespaceKey) {
        if self[key].family.is_none() && self.dynamic.parents.contains(&parent) {
            self.set_family(key, parent);
        }
    }

    fn set_family(&mut self, key: NamespaceKey, family: NamespaceKey) {
        let Listeners { rooms, leaving, sending } = &self.listeners;
        let namespace = &mut self.all[key.0 as usize];
        namespace.family = Some(family);
        namespace.hears_leaving = leaving.contains(&family);
        namespace.hears_sending = sending.contains(&family);
        namespace.is_recoverable = self.recoverable.contains(&family);
        if rooms.contains(&family) {
            namespace.rooms.listen();
        }
    }

    /// False if it was a child, and is gone.
    pub(super) fn contains(&self, key: NamespaceKey) -> bool {
        self.all.contains(key.0 as usize)
    }

    /// Whose handlers serve a namespace, if that is decided.
    #[inline]
    pub(super) fn family(&self, key: NamespaceKey) -> Option<NamespaceKey> {
        self[key].family
    }

    /// The name, if it is a child's.
    pub(super) fn name_of_child(&self, key: NamespaceKey) -> Option<&Arc<str>> {
        self.is_child(key).then(|| &self[key].name)
    }

    /// True if sockets of a namespace can be had back, or that is not decided yet.
    pub(super) fn may_recover(&self, key: NamespaceKey) -> bool {
        self[key].is_recoverable || self[key].family.is_none() && !self.recoverable.is_empty()
    }

    /// The number of a question in it, which is none of those that are still open.
    pub(super) fn next_ack(&mut self, key: NamespaceKey, is_open: impl Fn(u64) -> bool) -> u64 {
        let namespace = &mut self.all[key.0 as usize];
        let ids = if namespace.is_recoverable { self.ack_ids } else { AckIds::ALL };
        loop {
            let id = u64::from(ids.nth(namespace.n_asked));
            namespace.n_asked = namespace.n_asked.wrapping_add(1);
            if !is_open(id) {
                return id;
            }
        }
    }

    /// A socket begins to connect to it.
    pub(super) fn enter(&mut self, key: NamespaceKey) {
        self[key].n_users += 1;
    }

    /// A socket is gone from it; a child goes with the last one.
    pub(super) fn exit(&mut self, key: NamespaceKey) {
        self[key].n_users -= 1;
        if self[key].n_users == 0 && self.is_child(key) {
            let child = self.all.remove(key.0 as usize);
            self.keys.remove(&child.name);
            // Clients may still answer it, wherever they are by then.
            self.n_asked = self.n_asked.max(child.n_asked);
        }
    }

    /// The namespace that is meant, if this shard has it.
    #[inline]
    pub(super) fn one(&self, scope: &Scope) -> Option<NamespaceKey> {
        match scope {
            // Another node may name one that this one has not.
            Scope::Listed(key) => Some(*key).filter(|key| !self.is_child(*key)),
            Scope::Child(name) => self.find(name),
        }
    }

    /// The namespaces that are meant and that this shard has: of a parent its children, as it has
    /// no sockets but theirs.
    pub(super) fn of(&self, scope: &Scope) -> SmallVec<[NamespaceKey; 1]> {
        match scope {
            Scope::Listed(parent) if self.dynamic.parents.contains(parent) => {
                let children = self.all.iter().skip(self.n_listed);
                let of_parent = children.filter(|(_, child)| child.family == Some(*parent));
                of_parent.map(|(index, _)| key_of(index)).collect()
            }
            one => self.one(one).into_iter().collect(),
        }
    }

    /// Children that there are now.
    pub(super) fn n_children(&self) -> usize {
        self.all.len() - self.n_listed
    }

    pub(super) fn is_child(&self, key: NamespaceKey) -> bool {
        key.0 as usize >= self.n_listed
    }

    fn insert(&mut self, name: Arc<str>) -> NamespaceKey {
        key_of(self.all.insert(Namespace {
            name,
            family: None,
            n_users: 0,
            hears_leaving: false,
            hears_sending: false,
            is_recoverable: false,
            sockets: Vec::new(),
            by_id: HashMap::default(),
            rooms: Rooms::new(self.keyed),
            n_asked: self.n_asked,
        }))
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.all.iter().map(|(_, namespace)| namespace)
    }
}

impl Index<NamespaceKey> for Namespaces {
    type Output = Namespace;

    #[inline]
    fn index(&self, key: NamespaceKey) -> &Namespace {
        &self.all[key.0 as usize]
    }
}

impl IndexMut<NamespaceKey> for Namespaces {
    #[inline]
    fn index_mut(&mut self, key: NamespaceKey) -> &mut Namespace {
        &mut self.all[key.0 as usize]
    }
}

impl Namespace {
    /// Connected sockets that a room's name addresses: its members, or the socket of that id.
    #[inline]
    pub(super) fn addressed(&self, room: &str) -> impl Iterator<Item = (SocketKey, SessionKey)> {
        self.members(room).chain(self.of_id(room))
    }

    #[inline]
    pub(super) fn members(
        &self,
        room: &str,
    ) -> impl ExactSizeIterator<Item = (SocketKey, SessionKey)> {
        self.rooms.members(room).iter().map(|member| (member.socket, member.session))
    }

    #[inline]
    pub(super) fn of_id(&self, room: &str) -> Option<(SocketKey, SessionKey)> {
        let letters: &[u8; ID_LETTERS] = room.as_bytes().try_into().ok()?;
        self.by_id.get(letters).copied()
    }
}

fn key_of(index: usize) -> NamespaceKey {
    NamespaceKey(u32::try_from(index).expect("fewer than 2^32 namespaces"))
}

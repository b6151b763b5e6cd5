//! Names for what lives on a shard: an index to find it fast, a generation to tell it from what
//! lived in the same place before.

use parlor_shared::api::lobby::Format;
use serde::{Deserialize, Serialize};
use slab::Slab;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name {
            index: u32,
            generation: u32,
        }

        impl Key for $name {
            fn new(index: u32, generation: u32) -> Self {
                Self { index, generation }
            }

            fn parts(self) -> (u32, u32) {
                (self.index, self.generation)
            }
        }
    };
}

/// A typed index with a generation.
pub trait Key: Copy {
    /// From its parts.
    fn new(index: u32, generation: u32) -> Self;
    /// Its parts.
    fn parts(self) -> (u32, u32);
}

key! {
    /// An Engine.IO session on its shard.
    SessionKey
}
key! {
    /// A Socket.IO socket on its shard.
    SocketKey
}
key! {
    /// A lobby on its shard.
    LobbyKey
}
key! {
    /// A party of those who seek a match together.
    PartyKey
}
key! {
    /// A question whose answers are being gathered.
    GatheringKey
}
key! {
    /// A player whom the matchmaker knows.
    PersonKey
}
key! {
    /// A TCP connection on its shard.
    ConnectionKey
}

/// Where a session comes from, in the driver's words: those of one origin share limits.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Origin(pub u64);

/// A shard: the node that runs it, and which of that node's shards it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ShardId {
    /// The process.
    pub node: u8,
    /// Its thread.
    pub shard: u8,
}

impl ShardId {
    /// As it stands in the offsets of events that it sends.
    pub fn sender(self) -> u16 {
        u16::from_be_bytes([self.node, self.shard])
    }
}

/// A socket of any shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The shard whose socket it is.
    pub shard: ShardId,
    /// Its key there.
    pub socket: SocketKey,
}

impl GatheringKey {
    /// As it travels in messages.
    pub(crate) fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// As it came back.
    pub(crate) fn of_number(number: u64) -> Self {
        Self::new(number as u32, (number >> 32) as u32)
    }
}

/// What one kind of viewer may know of a lobby's match: one sequence of states, the same for all
/// who look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ViewId {
    /// The shard that owns the lobby.
    pub shard: ShardId,
    /// The lobby, there.
    pub lobby: LobbyKey,
    /// Whose view it is.
    pub viewer: ViewerKey,
    /// How it is written: who wants it otherwise looks at another view.
    pub format: Format,
}

/// Whose view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ViewerKey {
    /// Everybody's: the game hides nothing.
    Everybody,
    /// That of one seat.
    Seat(u8),
    /// That of all who only watch.
    Spectators,
    /// That of the many who watch from afar.
    Audience,
}

/// Index of a namespace in the server's list; the same on every shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespaceKey(pub u32);

/// A table whose keys stay valid until their entry is removed and never name another.
#[derive(Debug)]
pub struct Table<K, V> {
    entries: Slab<(u32, V)>,
    next_generation: u32,
    keys: std::marker::PhantomData<K>,
}

impl<K: Key, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { entries: Slab::new(), next_generation: 0, keys: std::marker::PhantomData }
    }
}

impl<K: Key, V> Table<K, V> {
    /// Adds an entry.
    ///
    /// # Panics
    /// Beyond 2^32 entries at once.
    pub fn insert(&mut self, value: V) -> K {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let index = self.entries.insert((generation, value));
        K::new(u32::try_from(index).expect("fewer than 2^32 entries"), generation)
    }

    /// The key that the next entry will have.
    ///
    /// # Panics
    /// Beyond 2^32 entries at once.
    pub fn next_key(&self) -> K {
        let index = self.entries.vacant_key();
        K::new(u32::try_from(index).expect("fewer than 2^32 entries"), self.next_generation)
    }

    /// The entry, if it is still there.
    pub fn get(&self, key: K) -> Option<&V> {
        let (index, generation) = key.parts();
        self.entries.get(index as usize).filter(|entry| entry.0 == generation).map(|e| &e.1)
    }

    /// The entry, if it is still there.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (index, generation) = key.parts();
        self.entries.get_mut(index as usize).filter(|e| e.0 == generation).map(|e| &mut e.1)
    }

    /// Takes the entry out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.get(key)?;
        Some(self.entries.remove(key.parts().0 as usize).1)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, by index: the same order tomorrow.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries.iter().map(|(index, (generation, value))| {
            (K::new(u32::try_from(index).expect("as inserted"), *generation), value)
        })
    }

    /// All keys, by index.
    pub fn keys(&self) -> Vec<K> {
        self.iter().map(|(key, _)| key).collect()
    }
}

/// What somebody keeps of each entry of another's table, found by the same keys: by index, so that
/// nothing is hashed. As large as that table was at most.
#[derive(Debug)]
pub struct Beside<K, V> {
    /// With the generation of the entry it is of.
    entries: Vec<Option<(u32, V)>>,
    len: usize,
    keys: std::marker::PhantomData<K>,
}

impl<K: Key, V> Default for Beside<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), len: 0, keys: std::marker::PhantomData }
    }
}

impl<K: Key, V> Beside<K, V> {
    /// Keeps a value, in the place of any other that has the same index.
    pub fn insert(&mut self, key: K, value: V) {
        let (index, generation) = key.parts();
        let index = index as usize;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        let before = self.entries[index].replace((generation, value));
        self.len += usize::from(before.is_none());
    }

    /// The value, if there is one.
    pub fn get(&self, key: K) -> Option<&V> {
        let (index, generation) = key.parts();
        let (own, value) = self.entries.get(index as usize)?.as_ref()?;
        (*own == generation).then_some(value)
    }

    /// The value, if there is one.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (index, generation) = key.parts();
        let (own, value) = self.entries.get_mut(index as usize)?.as_mut()?;
        (*own == generation).then_some(value)
    }

    /// Takes the value out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        self.get(key)?;
        self.len -= 1;
        self.entries[key.parts().0 as usize].take().map(|(_, value)| value)
    }

    /// All, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        let entries = (0..).zip(&self.entries);
        entries.filter_map(|(index, entry)| {
            let (generation, value) = entry.as_ref()?;
            Some((K::new(index, *generation), value))
        })
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_one_socket_never_finds_what_is_the_next_ones() {
        let mut beside = Beside::default();
        let [old, new] = [1, 2].map(|generation| SocketKey::new(7, generation));
        assert_eq!(beside.get(old), None);
        beside.insert(old, 'a');
        assert_eq!((beside.get(old), beside.get(new)), (Some(&'a'), None));
        assert_eq!((beside.remove(new), beside.remove(old)), (None, Some('a')));
        beside.insert(new, 'b');
        assert_eq!(beside.get_mut(old), None);
        assert_eq!(beside.get_mut(new), Some(&mut 'b'));
        assert_eq!((beside.remove(old), beside.len()), (None, 1));
        beside.insert(old, 'c');
        assert_eq!((beside.get(new), beside.len(), beside.is_empty()), (None, 1, false));
        assert_eq!(beside.iter().collect::<Vec<_>>(), [(old, &'c')]);
    }

    #[test]
    fn a_key_never_names_what_came_after() {
        let mut table: Table<SocketKey, char> = Table::default();
        let a = table.insert('a');
        assert_eq!(table.remove(a), Some('a'));
        let next = table.next_key();
        let b = table.insert('b');
        assert_eq!(b, next);
        assert_eq!((table.get(a), table.get(b)), (None, Some(&'b')));
        assert_eq!(table.remove(a), None);
        assert_eq!((table.len(), table.is_empty()), (1, false));
    }
}

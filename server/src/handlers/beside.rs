//! What is kept of each socket beside the world's own table, found by the same keys: by index, so
//! that an event hashes nothing.

use parlor_core::key::{Key as _, SocketKey};

/// At most one value per socket.
pub(super) struct Beside<V> {
    /// With the generation of the socket it is of.
    entries: Vec<Option<(u32, V)>>,
}

impl<V> Default for Beside<V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<V> Beside<V> {
    pub(super) fn insert(&mut self, socket: SocketKey, value: V) {
        let (index, generation) = socket.parts();
        let index = index as usize;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        self.entries[index] = Some((generation, value));
    }

    pub(super) fn get(&self, socket: SocketKey) -> Option<&V> {
        let (index, generation) = socket.parts();
        let (own, value) = self.entries.get(index as usize)?.as_ref()?;
        (*own == generation).then_some(value)
    }

    pub(super) fn get_mut(&mut self, socket: SocketKey) -> Option<&mut V> {
        let (index, generation) = socket.parts();
        let (own, value) = self.entries.get_mut(index as usize)?.as_mut()?;
        (*own == generation).then_some(value)
    }

    pub(super) fn remove(&mut self, socket: SocketKey) -> Option<V> {
        self.get(socket)?;
        self.entries[socket.parts().0 as usize].take().map(|(_, value)| value)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.iter().flatten().count()
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
    }
}

//! Hashers for maps whose keys clients name: they cannot choose collisions, because the hash is
//! keyed by the start seed or the keys in the map are random. The same seed gives the same table.
//! Such maps are for look-up only and never iterated.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};

/// Builds SipHash with a secret first word.
#[derive(Debug, Clone, Copy)]
pub struct Keyed(u64);

impl Keyed {
    /// Keyed by this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

/// For keys that are random themselves, drawn by us: nobody can choose which ones are in a map, so
/// that their first letters do as a hash.
pub type OfRandom = BuildHasherDefault<FirstLetters>;

/// The hash of a key is its first eight bytes, spread over all bits.
#[derive(Debug, Clone, Copy, Default)]
pub struct FirstLetters(u64);

impl Hasher for FirstLetters {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// The length of a key that follows: always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_shared::id::SocketId;
    use std::collections::HashSet;

    #[test]
    fn random_ids_fall_into_all_places() {
        // Not random at all but in their first letters, of which each has but 6 bits.
        let hashes = (0..=u16::MAX).map(|i| {
            let mut bytes = [0; 18];
            bytes[..2].copy_from_slice(&i.to_le_bytes());
            OfRandom::default().hash_one(SocketId::from_bytes(bytes))
        });
        let (mut low, mut high) = (HashSet::new(), HashSet::new());
        for hash in hashes {
            low.insert(hash as u16);
            high.insert((hash >> 48) as u16);
        }
        // By chance alone, 63 of 100 places are taken.
        assert!(low.len() > 32_768, "{}", low.len());
        assert!(high.len() > 32_768, "{}", high.len());
    }
}

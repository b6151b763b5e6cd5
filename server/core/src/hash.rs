//! A hasher keyed by the start seed: clients cannot choose collisions, and the same seed gives the
//! same table. Maps that use it are for look-up only and never iterated.

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

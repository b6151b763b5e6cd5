//! Finds sessions by their ids, which are random and nobody's choice but ours: mixing their letters
//! is enough, where a table of what clients choose would need more.

use std::hash::{BuildHasher, Hasher};

/// Odd, and without a pattern: the golden ratio's digits.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Builds hashers with a secret start.
#[derive(Debug, Clone, Copy)]
pub(super) struct BySid(u64);

impl BySid {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl BuildHasher for BySid {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer(self.0)
    }
}

/// Mixes eight letters at a time.
#[derive(Debug)]
pub(super) struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(MIX);
        // What differs only at the top of a word shows in the upper half alone.
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.mix(u64::from(*byte));
        }
    }

    fn write_usize(&mut self, _length: usize) {
        // Of all ids the same.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use parlor_shared::id::Sid;

    use super::*;

    #[test]
    fn ids_that_differ_little_are_far_apart() {
        let by_sid = BySid::new(7);
        let hashes = (0..=u16::MAX).map(|i| {
            let mut bytes = [0; 18];
            bytes[16..].copy_from_slice(&i.to_le_bytes());
            by_sid.hash_one(Sid::from_bytes(bytes))
        });
        let (mut low, mut high) = (HashSet::new(), HashSet::new());
        for hash in hashes {
            low.insert(hash as u16);
            high.insert((hash >> 48) as u16);
        }
        // By chance alone, 63 of 100 places are taken; of true ids all letters differ.
        assert!(low.len() > 32_768, "{}", low.len());
        assert!(high.len() > 32_768, "{}", high.len());
    }
}

//! A hasher keyed by the start seed: clients cannot choose collisions, and the same seed gives the
//! same table. Maps that use it are for look-up only and never iterated.

use std::hash::{BuildHasher, DefaultHasher, Hasher as _};

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

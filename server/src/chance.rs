//! The only place that draws random bytes, from the operating system.

use parlor_core::{
    cluster::Owners,
    ids::REFILL,
    key::{Key as _, SessionKey, ShardId},
};
use parlor_shared::id::{ID_BYTES, Sid};

/// 8 random bytes.
///
/// # Panics
/// If the operating system has none, which it tells at start-up already.
pub(crate) fn seed() -> u64 {
    u64::from_le_bytes(bytes())
}

/// A stock of identities for a world.
pub(crate) fn ids() -> Vec<[u8; ID_BYTES]> {
    let mut all = vec![0; REFILL * ID_BYTES];
    fill(&mut all);
    all.as_chunks().0.to_vec()
}

/// A session id that tells its shard to whoever has the key.
pub(crate) fn sid(owners: &Owners, shard: ShardId) -> Sid {
    Sid::from_bytes(owners.mint(bytes(), shard))
}

/// Tells one log line from another without showing a whole session id.
pub(crate) fn short(key: SessionKey) -> u32 {
    key.parts().1
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has random bytes");
}

//! The only place that draws random bytes, from the operating system.

use parlor_core::{ids::REFILL, key::Key as _, key::SessionKey};
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

/// Makes session ids that tell their shard to whoever has the key, and to nobody else: 16 random
/// bytes, and the shard's number under a mask that depends on them.
#[derive(Debug, Clone)]
pub(crate) struct SidMint {
    key: parlor_core::hash::Keyed,
}

impl SidMint {
    /// All shards of a process share one.
    pub(crate) fn new() -> Self {
        Self { key: parlor_core::hash::Keyed::new(seed()) }
    }

    pub(crate) fn mint(&self, shard: u16) -> Sid {
        let mut id: [u8; ID_BYTES] = bytes();
        let masked = shard ^ self.mask(&id);
        id[16..].copy_from_slice(&masked.to_be_bytes());
        Sid::from_bytes(id)
    }

    /// The shard that owns this session, if it is one of ours; any number if it is not.
    #[cfg(test)]
    pub(crate) fn shard(&self, sid: &Sid) -> u16 {
        let id = sid.to_bytes();
        u16::from_be_bytes([id[16], id[17]]) ^ self.mask(&id)
    }

    fn mask(&self, id: &[u8; ID_BYTES]) -> u16 {
        use std::hash::BuildHasher as _;
        self.key.hash_one(&id[..16]) as u16
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_tells_its_shard_to_its_own_server_only() {
        let (ours, theirs) = (SidMint::new(), SidMint::new());
        let sids: Vec<Sid> = (0..64).map(|shard| ours.mint(shard)).collect();
        let told =
            |mint: &SidMint| -> Vec<u16> { sids.iter().map(|sid| mint.shard(sid)).collect() };
        assert_eq!(told(&ours), (0..64).collect::<Vec<_>>());
        assert_ne!(told(&theirs), told(&ours));
    }
}

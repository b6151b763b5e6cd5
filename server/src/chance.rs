//! The only place that draws random bytes, from the operating system.

use std::cell::RefCell;

use parlor_core::{
    cluster::Owners,
    ids::REFILL,
    key::{Key as _, SessionKey, ShardId},
};
use parlor_shared::id::{ID_BYTES, Sid};

/// Bytes drawn at once: a system call for each session would be dear.
const STOCK_BYTES: usize = 1024;

thread_local! {
    static STOCK: RefCell<Stock> =
        const { RefCell::new(Stock { bytes: [0; STOCK_BYTES], n_left: 0 }) };
}

/// Random bytes that were drawn and not given yet: the first `n_left`.
struct Stock {
    bytes: [u8; STOCK_BYTES],
    n_left: usize,
}

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

/// An identity for whom no world has one.
pub(crate) fn id() -> [u8; ID_BYTES] {
    bytes()
}

/// A key that nobody else has.
pub(crate) fn secret() -> [u8; 32] {
    bytes()
}

/// Tells one log line from another without showing a whole session id.
pub(crate) fn short(key: SessionKey) -> u32 {
    key.parts().1
}

fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= STOCK_BYTES) };
    STOCK.with_borrow_mut(|stock| {
        if stock.n_left < N {
            fill(&mut stock.bytes);
            stock.n_left = STOCK_BYTES;
        }
        let taken = &mut stock.bytes[stock.n_left - N..stock.n_left];
        stock.n_left -= N;
        let mut bytes = [0; N];
        bytes.copy_from_slice(taken);
        // Nothing is given twice, and what was given is nowhere else.
        taken.fill(0);
        bytes
    })
}

fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has random bytes");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_is_drawn_twice_and_all_of_the_stock_is_random() {
        let all: BTreeSet<[u8; 24]> = (0..1000).map(|_| bytes()).collect();
        assert_eq!(all.len(), 1000);
        let mut seen = [0; 24];
        for bytes in &all {
            for (seen, byte) in seen.iter_mut().zip(bytes) {
                *seen |= byte;
            }
        }
        assert_eq!(seen, [255; 24]);
        assert!(STOCK.with_borrow(|stock| stock.bytes[stock.n_left..].iter().all(|b| *b == 0)));
    }
}

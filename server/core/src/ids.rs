//! Random bytes for identities and secrets, which come in with the inputs and are used up one by
//! one: core itself has no chance.

use parlor_shared::id::ID_BYTES;

/// Identities one input may use up at most: 3 for each of the requests that one answer releases.
pub const MAX_IDS_PER_INPUT: usize = 64;
/// Identities a refill brings.
pub const REFILL: usize = 256;

/// The stock.
#[derive(Debug, Default)]
pub struct Ids {
    stock: Vec<[u8; ID_BYTES]>,
}

impl Ids {
    /// What is left of the stock. Another input may use up [`MAX_IDS_PER_INPUT`] of it.
    pub fn n_left(&self) -> usize {
        self.stock.len()
    }

    /// Adds to the stock.
    pub fn refill(&mut self, fresh: Vec<[u8; ID_BYTES]>) {
        self.stock.extend(fresh);
    }

    /// Uses one up.
    ///
    /// # Panics
    /// If the driver did not refill the stock when it was low.
    pub fn take(&mut self) -> [u8; ID_BYTES] {
        self.stock.pop().expect("the driver refills before it hands in an input")
    }
}

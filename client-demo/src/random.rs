//! Chance from a seed: the same seed gives the same game, and the same bytes.
//! Nothing secret comes from here; seeds that must not be guessed are the caller's business.
//! Source: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").

/// A generator of pseudorandom numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// One of the things, each as likely as the others; `None` if there are none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let n = u128::try_from(things.len()).ok()?;
        // The upper half of the product is below n, and even to within one in 2^64 / n.
        let index = (u128::from(self.bits()) * n) >> 64;
        things.get(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        // The first outputs of the reference implementation for seed 0.
        let mut random = Random::seeded(0);
        assert_eq!(random.bits(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.bits(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn everything_is_picked_sooner_or_later_and_nothing_from_nothing() {
        let mut random = Random::seeded(1);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[*random.pick(&[0, 1, 2, 3, 4]).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}

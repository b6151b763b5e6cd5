//! How often those of an address may name codes that no party has: it is how codes are guessed.

use std::{collections::BTreeMap, time::Duration};

use parlor_shared::api::{Refusal, code};

use crate::{
    key::Origin,
    rate::{Allowance, Rate},
    time::Time,
};

/// Wrong codes of an address: enough for a household that cannot type.
const GUESS_RATE: Rate = Rate { burst: 20, every: Duration::from_secs(2) };
/// Addresses whose guesses are counted at once; with one more, some other's are forgotten.
const MAX_GUESSING: usize = 4_096;

/// Who has guessed of late.
#[derive(Debug, Default)]
pub(super) struct Guesses(BTreeMap<Origin, Allowance>);

impl Guesses {
    /// Counts a look for a code.
    ///
    /// # Errors
    /// `E_RATE`
    pub(super) fn take(&mut self, now: Time, address: Origin) -> Result<(), Refusal> {
        if self.0.len() >= MAX_GUESSING && !self.0.contains_key(&address) {
            self.0.retain(|_, guesses| !guesses.is_full(now, GUESS_RATE));
            if self.0.len() >= MAX_GUESSING {
                self.0.pop_first();
            }
        }
        let guesses = self.0.entry(address).or_insert_with(|| Allowance::full(now, GUESS_RATE));
        if guesses.take(now, GUESS_RATE) {
            return Ok(());
        }
        let sentence = "too many codes that no party has; wait a few seconds";
        Err(Refusal::new(code::RATE, sentence))
    }

    /// It was no guess.
    pub(super) fn give_back(&mut self, now: Time, address: Origin) {
        let Some(guesses) = self.0.get_mut(&address) else { return };
        guesses.give_back(GUESS_RATE, 1);
        if guesses.is_full(now, GUESS_RATE) {
            self.0.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_guesses_of_an_address_and_one_more_each_two_seconds() {
        let (now, mut guesses) = (Time::ZERO, Guesses::default());
        assert!((0..20).all(|_| guesses.take(now, Origin(1)).is_ok()));
        assert_eq!(guesses.take(now, Origin(1)).unwrap_err().code, code::RATE);
        assert!(guesses.take(now, Origin(2)).is_ok(), "others");
        let later = now + Duration::from_secs(2);
        assert!(guesses.take(later, Origin(1)).is_ok() && guesses.take(later, Origin(1)).is_err());
    }

    #[test]
    fn who_is_right_is_not_counted_nor_remembered() {
        let (now, mut guesses) = (Time::ZERO, Guesses::default());
        for _ in 0..100 {
            guesses.take(now, Origin(1)).unwrap();
            guesses.give_back(now, Origin(1));
        }
        assert!(guesses.0.is_empty());
    }

    #[test]
    fn with_one_address_more_those_who_have_rested_go_first() {
        let (now, mut guesses) = (Time::ZERO, Guesses::default());
        for address in 0..MAX_GUESSING as u64 {
            guesses.take(now, Origin(address)).unwrap();
        }
        guesses.take(now, Origin(7)).unwrap();
        assert_eq!(guesses.0.len(), MAX_GUESSING);
        guesses.take(now, Origin(u64::MAX)).unwrap();
        assert_eq!(guesses.0.len(), MAX_GUESSING);
        let later = now + Duration::from_secs(2);
        guesses.take(later, Origin(u64::MAX - 1)).unwrap();
        assert_eq!(guesses.0.len(), 2, "who guessed twice, and the newest");
    }
}

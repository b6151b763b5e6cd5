//! How often those of an address may name codes that no party has: it is how codes are guessed.

use std::time::Duration;

use parlor_shared::api::{Refusal, code};

use crate::{
    key::Origin,
    rate::{PerOrigin, Rate},
    time::Time,
};

/// Wrong codes of an address: enough for a household that cannot type.
const GUESS_RATE: Rate = Rate { burst: 20, every: Duration::from_secs(2) };
/// Addresses whose guesses are counted at once; with one more, some other's are forgotten.
const MAX_GUESSING: usize = 4_096;

/// Who has guessed of late.
#[derive(Debug)]
pub(super) struct Guesses(PerOrigin);

impl Default for Guesses {
    fn default() -> Self {
        Self(PerOrigin::new(GUESS_RATE, MAX_GUESSING))
    }
}

impl Guesses {
    /// Counts a look for a code.
    ///
    /// # Errors
    /// `E_RATE`
    pub(super) fn take(&mut self, now: Time, address: Origin) -> Result<(), Refusal> {
        if self.0.take(now, address) {
            return Ok(());
        }
        let sentence = "too many codes that no party has; wait a few seconds";
        Err(Refusal::new(code::RATE, sentence))
    }

    /// It was no guess.
    pub(super) fn give_back(&mut self, now: Time, address: Origin) {
        self.0.give_back(now, address);
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
        let later = now + Duration::from_secs(2);
        assert!(guesses.take(later, Origin(1)).is_ok() && guesses.take(later, Origin(1)).is_err());
    }
}

//! How fast one may talk, whatever lobbies one comes into and leaves meanwhile: each socket for
//! itself, and all sockets of a player on this shard together.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::who::Who;
use crate::{
    rate::{Allowance, Rate},
    time::Time,
};

/// How fast one may say something.
pub(super) const TALK_RATE: Rate = Rate { burst: 10, every: Duration::from_millis(500) };
/// How fast one may react.
const REACT_RATE: Rate = Rate { burst: 5, every: Duration::from_millis(400) };
/// Players who are remembered at least: past that, those who have been silent for a while go.
const MIN_REMEMBERED: usize = 256;

/// What one may say just now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    words: Allowance,
    reactions: Allowance,
}

impl Voice {
    pub(super) fn new(now: Time) -> Self {
        let (words, reactions) =
            (Allowance::full(now, TALK_RATE), Allowance::full(now, REACT_RATE));
        Self { words, reactions }
    }

    fn take(&mut self, now: Time, is_reaction: bool) -> bool {
        if is_reaction {
            self.reactions.take(now, REACT_RATE)
        } else {
            self.words.take(now, TALK_RATE)
        }
    }

    fn is_rested(&mut self, now: Time) -> bool {
        self.words.is_full(now, TALK_RATE) && self.reactions.is_full(now, REACT_RATE)
    }
}

/// The voices of players who have spoken of late.
#[derive(Debug, Default)]
pub(super) struct Voices {
    of_players: BTreeMap<Arc<str>, Voice>,
    /// With so many, who is rested is forgotten.
    n_most: usize,
}

impl Voices {
    /// True if this socket's client may say something, or (true) react.
    pub(super) fn may_talk(
        &mut self,
        now: Time,
        own: &mut Voice,
        who: &Who,
        is_reaction: bool,
    ) -> bool {
        if !own.take(now, is_reaction) {
            return false;
        }
        let Some(player) = &who.player else { return true };
        if self.of_players.len() >= self.n_most.max(MIN_REMEMBERED) {
            // Twice what is left: a look at all of them costs each that comes the same.
            self.of_players.retain(|_, voice| !voice.is_rested(now));
            self.n_most = 2 * self.of_players.len();
        }
        let voice = self.of_players.entry(Arc::clone(player));
        voice.or_insert_with(|| Voice::new(now)).take(now, is_reaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(player: &str) -> Who {
        Who { player: Some(player.into()), ..Who::default() }
    }

    #[test]
    fn ten_words_at_once_of_each_player_by_however_many_sockets() {
        let (now, mut voices) = (Time::ZERO, Voices::default());
        let mut sockets = [Voice::new(now), Voice::new(now)];
        let spoken =
            (0..20).filter(|i| voices.may_talk(now, &mut sockets[i % 2], &who("ada"), false));
        assert_eq!(spoken.count(), 10);
        assert!(voices.may_talk(now, &mut Voice::new(now), &who("bob"), false));
        assert!(voices.may_talk(now, &mut Voice::new(now), &Who::default(), false));
        assert!(voices.may_talk(now, &mut Voice::new(now), &who("ada"), true), "not a word");
        let later = now + Duration::from_millis(500);
        assert!(voices.may_talk(later, &mut Voice::new(now), &who("ada"), false));
        assert!(!voices.may_talk(later, &mut Voice::new(now), &who("ada"), false));
    }

    #[test]
    fn who_is_rested_is_forgotten_and_who_is_not_stays() {
        let (now, mut voices) = (Time::ZERO, Voices::default());
        let speak = |voices: &mut Voices, now, i: usize| {
            voices.may_talk(now, &mut Voice::new(now), &who(&i.to_string()), false)
        };
        assert!((0..9).all(|_| speak(&mut voices, now, 0)));
        assert!((0..MIN_REMEMBERED).all(|i| speak(&mut voices, now, i)));
        assert_eq!(voices.of_players.len(), MIN_REMEMBERED);
        let later = now + Duration::from_millis(600);
        assert!(speak(&mut voices, later, MIN_REMEMBERED));
        assert_eq!(voices.of_players.len(), 2, "the one who said much, and the newest");
        assert!(speak(&mut voices, later, 0) && !speak(&mut voices, later, 0));
    }
}

//! Where ratings are kept: what a store has to do, and the one in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
};

use super::Rating;

/// Ratings that are kept in memory, about 80 MB; with one more the least of them goes.
pub const MAX_RATINGS: usize = 1 << 18;

/// Keeps ratings. Called on a shard's thread: whoever asks waits for the answer.
pub trait RatingStore: Send + Debug {
    /// What was put last for this player on this ladder.
    fn get(&mut self, ladder: &str, player: &str) -> Option<Rating>;
    /// Keeps it.
    fn put(&mut self, ladder: &str, player: &str, rating: Rating);
}

/// Keeps them as long as the process lives.
#[derive(Debug)]
pub struct InMemory {
    ladders: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Rating>>,
    /// All of them, those first that go first.
    order: BTreeSet<Place>,
    max_ratings: usize,
}

/// Provisional ones go first, of them those that changed longest ago.
type Place = (bool, u64, Arc<str>, Arc<str>);

impl Default for InMemory {
    fn default() -> Self {
        Self { ladders: BTreeMap::new(), order: BTreeSet::new(), max_ratings: MAX_RATINGS }
    }
}

impl InMemory {
    /// How many ratings it keeps.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True if it keeps none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn take(&mut self, ladder: &str, player: &str) {
        let Some((name, ratings)) = self.ladders.get_key_value(ladder) else { return };
        let Some((player, rating)) = ratings.get_key_value(player) else { return };
        let place = place(name, player, rating);
        self.order.remove(&place);
        self.remove(&place);
    }

    fn drop_least(&mut self) {
        if let Some(place) = self.order.pop_first() {
            self.remove(&place);
        }
    }

    fn remove(&mut self, (_, _, ladder, player): &Place) {
        let Some(ratings) = self.ladders.get_mut(ladder) else { return };
        ratings.remove(player);
        if ratings.is_empty() {
            self.ladders.remove(ladder);
        }
    }
}

impl RatingStore for InMemory {
    fn get(&mut self, ladder: &str, player: &str) -> Option<Rating> {
        self.ladders.get(ladder)?.get(player).copied()
    }

    fn put(&mut self, ladder: &str, player: &str, rating: Rating) {
        self.take(ladder, player);
        if self.order.len() >= self.max_ratings {
            self.drop_least();
        }
        let name = self.ladders.get_key_value(ladder).map(|(name, _)| Arc::clone(name));
        let (ladder, player) = (name.unwrap_or_else(|| ladder.into()), Arc::from(player));
        self.order.insert(place(&ladder, &player, &rating));
        self.ladders.entry(ladder).or_default().insert(player, rating);
    }
}

fn place(ladder: &Arc<str>, player: &Arc<str>, rating: &Rating) -> Place {
    (!rating.is_provisional(), rating.at_ms, Arc::clone(ladder), Arc::clone(player))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(at_ms: u64) -> Rating {
        Rating { deviation: 60.0, ..Rating::fresh(at_ms) }
    }

    #[test]
    fn what_is_put_is_got_by_ladder_and_player() {
        let mut store = InMemory::default();
        assert!(store.is_empty() && store.get("chess", "ada").is_none());
        store.put("chess", "ada", known(1));
        store.put("chess", "ada", known(2));
        store.put("circles", "ada", Rating::fresh(3));
        assert_eq!(store.get("chess", "ada"), Some(known(2)));
        assert_eq!(store.get("circles", "ada"), Some(Rating::fresh(3)));
        assert_eq!((store.get("chess", "bob"), store.get("go", "ada")), (None, None));
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn past_its_limit_the_oldest_guesses_go_before_what_is_known() {
        let mut store = InMemory { max_ratings: 3, ..InMemory::default() };
        store.put("chess", "ada", known(1));
        store.put("chess", "bob", Rating::fresh(5));
        store.put("circles", "cid", Rating::fresh(4));
        assert_eq!(store.len(), 3, "at the limit");
        store.put("chess", "bob", Rating::fresh(6));
        assert_eq!(store.len(), 3, "who is there is no other");
        store.put("chess", "dot", known(7));
        assert!(store.get("circles", "cid").is_none(), "the oldest guess");
        store.put("chess", "eve", known(8));
        assert!(store.get("chess", "bob").is_none(), "the other one");
        store.put("chess", "fay", Rating::fresh(9));
        assert!(store.get("chess", "ada").is_none(), "the oldest of those that are known");
        assert_eq!((store.len(), store.ladders.len()), (3, 1));
    }

    #[test]
    fn a_full_store_keeps_as_many_as_it_may() {
        let mut store = InMemory::default();
        for i in 0..=MAX_RATINGS {
            store.put("chess", &i.to_string(), known(i as u64));
        }
        assert_eq!(store.len(), MAX_RATINGS);
        assert!(store.get("chess", "0").is_none() && store.get("chess", "1").is_some());
    }
}

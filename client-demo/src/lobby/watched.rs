//! The public lobbies that a socket watches, kept as the server tells what changes of them.
//! Source: `parlor_shared::api::lobby`, `watch`.

use std::sync::Arc;

use parlor_shared::api::lobby::{Listed, Listing, ListingChange, MAX_LISTED};

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Watched(Vec<Arc<Listed>>);

impl Watched {
    /// It begins with the answer to `watch`.
    pub(super) fn new(Listing { lobbies }: Listing) -> Self {
        Self(lobbies)
    }

    /// Those of the first answer in its order, and then in the order in which they came.
    pub(super) fn lobbies(&self) -> &[Arc<Listed>] {
        &self.0
    }

    /// Goes on with a `listing`. More than the server says it tells is not kept.
    pub(super) fn follow(&mut self, change: ListingChange) {
        let ListingChange { added, changed, removed } = change;
        self.0.retain(|known| !removed.contains(&known.id));
        for listed in added.into_iter().chain(changed) {
            match self.0.iter().position(|known| known.id == listed.id) {
                Some(at) => self.0[at] = listed,
                None if self.0.len() < MAX_LISTED => self.0.push(listed),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn listed(id: &str, players: u8) -> Value {
        json!({"id": id, "game": "chess", "host": "A", "players": players, "capacity": 2,
            "phase": "open"})
    }

    fn follow(watched: &mut Watched, change: Value) -> Vec<(String, u8)> {
        watched.follow(serde_json::from_value(change).unwrap());
        watched.lobbies().iter().map(|one| (one.id.clone(), one.players)).collect()
    }

    #[test]
    fn what_comes_changes_and_goes_is_followed() {
        let first = json!({"lobbies": [listed("a", 1), listed("b", 1)]});
        let mut watched = Watched::new(serde_json::from_value(first).unwrap());
        let known = follow(&mut watched, json!({"added": [listed("c", 1)]}));
        assert_eq!(known, [("a".into(), 1), ("b".into(), 1), ("c".into(), 1)]);
        let change = json!({"changed": [listed("b", 2)], "removed": ["a", "unknown"]});
        assert_eq!(follow(&mut watched, change), [("b".into(), 2), ("c".into(), 1)]);
    }

    #[test]
    fn no_more_is_kept_than_the_server_tells() {
        let mut watched = Watched::default();
        let many: Vec<_> = (0..=MAX_LISTED).map(|n| listed(&n.to_string(), 1)).collect();
        assert_eq!(follow(&mut watched, json!({"added": &many[..MAX_LISTED]})).len(), MAX_LISTED);
        assert_eq!(follow(&mut watched, json!({"added": many})).len(), MAX_LISTED);
        let full = follow(&mut watched, json!({"changed": [listed("7", 2)]}));
        assert_eq!((full.len(), full[7].1), (MAX_LISTED, 2), "those that are known change still");
    }
}

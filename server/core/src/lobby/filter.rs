//! Whether a public lobby is what somebody looks for, and which of two comes first.
//! How filters are written is `shared`'s; where lobbies are found quickly, `listing`'s.

use std::{cmp::Ordering, sync::Arc};

use parlor_shared::api::lobby::{Condition, Filter, Listed, Metadata, Phase, Scalar, Sort};
use serde::{Deserialize, Serialize};

/// A public lobby as others may see it, before it is written down for any of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Face<'l> {
    pub(super) game: &'l str,
    pub(super) host: &'l str,
    pub(super) players: u8,
    pub(super) bots: u8,
    pub(super) capacity: u8,
    pub(super) phase: Phase,
    pub(super) password: bool,
    pub(super) locked: bool,
    pub(super) metadata: &'l Metadata,
}

/// A lobby as it is told, shared by all who are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// How many lobbies its shard had made before.
    pub serial: u64,
    /// What is told.
    pub listed: Arc<Listed>,
}

impl Card {
    pub(super) fn face(&self) -> Face<'_> {
        let listed = &*self.listed;
        Face {
            game: &listed.game,
            host: &listed.host,
            players: listed.players,
            bots: listed.bots,
            capacity: listed.capacity,
            phase: listed.phase,
            password: listed.password,
            locked: listed.locked,
            metadata: &listed.metadata,
        }
    }
}

impl Face<'_> {
    pub(super) fn is_admitted(&self, filter: &Filter) -> bool {
        let Filter { game, text, phase, free, has_password, locked, metadata, .. } = filter;
        game.as_ref().is_none_or(|game| game == self.game)
            && phase.is_none_or(|phase| phase == self.phase)
            && free.is_none_or(|free| self.capacity.saturating_sub(self.players) >= free)
            && has_password.is_none_or(|has| has == self.password)
            && locked.is_none_or(|is| is == self.locked)
            && metadata.iter().all(|(name, condition)| {
                self.metadata.get(name).is_some_and(|value| meets(condition, value))
            })
            && text.as_ref().is_none_or(|text| self.says(text))
    }

    /// True if this text, in small letters, is in the host's name or in any text of the metadata.
    fn says(&self, text: &str) -> bool {
        let texts = self.metadata.iter().filter_map(|(_, value)| match value {
            Scalar::Text(text) => Some(&**text),
            Scalar::Flag(_) | Scalar::Number(_) => None,
        });
        texts.chain([self.host]).any(|said| said.to_lowercase().contains(text))
    }
}

fn meets(condition: &Condition, value: &Scalar) -> bool {
    match condition {
        Condition::Is(own) => own == value,
        Condition::Range(min, max) => {
            matches!(value, Scalar::Number(_))
                && min.as_ref().is_none_or(|min| min <= value)
                && max.as_ref().is_none_or(|max| value <= max)
        }
        Condition::In(choices) => choices.contains(value),
    }
}

/// Which of two comes first in a listing. Those that are equal in what is asked for come newest
/// first; of one shard and millisecond, the last made.
pub(super) fn order(sort: &Sort, one: &Card, other: &Card) -> Ordering {
    let (a, b) = (&one.listed, &other.listed);
    let newest = || {
        let age = b.made_ms.cmp(&a.made_ms).then(other.serial.cmp(&one.serial));
        age.then_with(|| a.id.cmp(&b.id))
    };
    let by = match sort {
        Sort::Newest => Ordering::Equal,
        Sort::Players => b.players.cmp(&a.players),
        Sort::Rising(name) | Sort::Falling(name) => {
            match (a.metadata.get(name), b.metadata.get(name)) {
                (Some(a), Some(b)) if matches!(sort, Sort::Falling(_)) => b.cmp(a),
                (Some(a), Some(b)) => a.cmp(b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
        }
    };
    by.then_with(newest)
}

/// Puts these into order and drops those that are too many.
pub(super) fn arrange(filter: &Filter, cards: &mut Vec<Card>) {
    cards.sort_unstable_by(|one, other| order(&filter.sort, one, other));
    cards.truncate(filter.most());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn listed() -> Listed {
        let metadata = json!({"rating": 1500, "mode": "Blitz", "rated": true});
        Listed {
            id: "x".to_owned(),
            game: "chess".to_owned(),
            host: "Ännchen".to_owned(),
            players: 1,
            bots: 0,
            capacity: 4,
            phase: Phase::Open,
            password: false,
            locked: true,
            made_ms: 5,
            metadata: serde_json::from_value(metadata).unwrap(),
        }
    }

    fn admits(filter: &Value) -> bool {
        let filter = serde_json::from_value(filter.clone()).unwrap();
        Card { serial: 0, listed: listed().into() }.face().is_admitted(&filter)
    }

    #[test]
    fn a_filter_lets_through_what_fits_it_in_everything() {
        for (yes, no) in [
            (json!({}), json!({"game": "go"})),
            (json!({"game": "chess", "free": 3}), json!({"game": "chess", "free": 4})),
            (json!({"phase": "open"}), json!({"phase": "playing"})),
            (json!({"text": "äNN"}), json!({"text": "Bob"})),
            (json!({"text": "blitz"}), json!({"text": "rating"})),
            (json!({"metadata": {"rating": 1500.0}}), json!({"metadata": {"rating": "1500"}})),
            (json!({"metadata": {"rated": true}}), json!({"metadata": {"rated": 1}})),
            (json!({"metadata": {"mode": "Blitz"}}), json!({"metadata": {"mode": "blitz"}})),
            (
                json!({"metadata": {"rating": {"min": 1500, "max": 1500}}}),
                json!({"metadata": {"rating": {"min": 1500.1}}}),
            ),
            (
                json!({"metadata": {"rating": {"max": 1500}}}),
                json!({"metadata": {"rating": {"max": 1499}}}),
            ),
            (
                json!({"metadata": {"rating": {"min": -1}}}),
                json!({"metadata": {"mode": {"min": 0}}}),
            ),
            (
                json!({"metadata": {"mode": {"in": ["Blitz", 3]}, "rating": {"in": [1, 1500]}}}),
                json!({"metadata": {"mode": {"in": ["Blitz", 3]}, "rating": {"in": [1]}}}),
            ),
            (json!({"has_password": false}), json!({"has_password": true})),
            (json!({"locked": true}), json!({"locked": false})),
            (json!({"sort": "+none"}), json!({"metadata": {"none": false}})),
        ] {
            assert!(admits(&yes), "{yes}");
            assert!(!admits(&no), "{no}");
        }
    }

    #[test]
    fn lobbies_come_in_the_order_asked_for_and_those_equal_in_it_newest_first() {
        let card = |id: &str, made_ms, serial, players, metadata: Value| {
            let metadata = serde_json::from_value(metadata).unwrap();
            let listed = Listed { id: id.to_owned(), made_ms, players, metadata, ..listed() };
            Card { serial, listed: listed.into() }
        };
        let cards = [
            card("a", 1, 0, 3, json!({"n": 2})),
            card("b", 2, 1, 1, json!({"n": "x"})),
            card("c", 2, 2, 1, json!({})),
            card("d", 9, 3, 2, json!({"n": 2})),
            card("e", 8, 4, 2, json!({"n": 1})),
        ];
        for (sort, ids) in
            [("newest", "decba"), ("players", "adecb"), ("+n", "edabc"), ("-n", "bdaec")]
        {
            let filter: Filter = serde_json::from_value(json!({"sort": sort})).unwrap();
            let mut sorted = cards.to_vec();
            arrange(&filter, &mut sorted);
            let got: String = sorted.iter().map(|card| card.listed.id.as_str()).collect();
            assert_eq!(got, ids, "{sort}");
        }
        let filter: Filter = serde_json::from_value(json!({"limit": 2})).unwrap();
        let mut sorted = cards.to_vec();
        arrange(&filter, &mut sorted);
        assert_eq!(sorted.len(), 2);
    }
}

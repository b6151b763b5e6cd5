//! A ticket in a trace, and as the pool takes it.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use parlor_core::{
    matchmaker::{
        MemberRecord, TicketRecord,
        pool::{Candidate, MemberTraits, TicketKey},
    },
    time::Time,
};

/// What it is to a pool.
pub(super) trait Arrival {
    /// When it comes.
    fn at(&self) -> Time;
    /// The mean of its members.
    fn rating(&self) -> f32;
    /// As it waits, under this number.
    fn candidate(&self, key: u32) -> Candidate;
}

impl Arrival for TicketRecord {
    fn at(&self) -> Time {
        Time::after_start(Duration::from_millis(self.at_ms))
    }

    fn rating(&self) -> f32 {
        self.members.iter().map(|member| member.rating).sum::<f32>() / self.members.len() as f32
    }

    fn candidate(&self, key: u32) -> Candidate {
        let nameless = |i: usize| u64::from(key) << 8 | i as u64;
        let member = |(i, member): (usize, &MemberRecord)| MemberTraits {
            player: member.player.as_deref().map_or_else(|| nameless(i), number),
            address: member.address.as_deref().map_or(0, number),
            rating: member.rating,
            deviation: member.deviation,
            avoid: member.avoid.iter().map(|name| number(name)).collect(),
        };
        // For the member who has it worst; regions that somebody does not name are none for all.
        let mut latencies: Option<BTreeMap<&str, u32>> = None;
        for member in &self.members {
            let own = member.latencies.iter().map(|(name, ms)| (name.as_str(), *ms));
            latencies = Some(match latencies {
                None => own.collect(),
                Some(before) => {
                    let both =
                        own.filter_map(|(name, ms)| Some((name, ms.max(*before.get(name)?))));
                    both.collect()
                }
            });
        }
        let attributes = self.attributes.iter();
        Candidate {
            key: TicketKey(key),
            since: self.at(),
            members: self.members.iter().enumerate().map(member).collect(),
            attributes: attributes.map(|(name, value)| ((**name).into(), value.clone())).collect(),
            latencies: (latencies.into_iter().flatten())
                .map(|(name, ms)| (name.into(), ms))
                .collect(),
        }
    }
}

/// A number for a name. Nobody here chooses names to make two of them the same.
fn number(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_needs_a_time_and_ratings_and_a_party_has_the_regions_of_all() {
        let line = r#"{"at_ms": 5, "members": [{"rating": 1500}]}"#;
        let arrival: TicketRecord = serde_json::from_str(line).unwrap();
        assert_eq!((arrival.rating(), arrival.queue.as_deref()), (1500.0, None));
        assert_eq!(serde_json::to_string(&arrival).unwrap().matches("null").count(), 0);
        let line = r#"{"at_ms": 5, "members": [
            {"rating": 1500, "latencies": {"eu": 10, "us": 90, "as": 200}},
            {"rating": 1700, "latencies": {"eu": 30, "us": 40}}]}"#;
        let candidate = serde_json::from_str::<TicketRecord>(line).unwrap().candidate(1);
        assert_eq!(candidate.latencies, [("eu".into(), 30), ("us".into(), 90)]);
        assert_ne!(candidate.members[0].player, candidate.members[1].player);
        assert!(
            serde_json::from_str::<TicketRecord>(r#"{"at_ms": 5, "members": [], "x": 1}"#).is_err()
        );
    }
}

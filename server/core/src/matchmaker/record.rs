//! A ticket as it is written down, a JSON object on a line of its own: `parlor queue-sim` reads
//! what a server has written, and plays it by other rules.

use std::{collections::BTreeMap, hash::BuildHasher as _, time::Duration};

use serde::{Deserialize, Serialize};

use super::pool::{Attribute, Candidate};
use crate::{hash::Keyed, time::Time};

/// One ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketRecord {
    /// When it came, in milliseconds: of a server, since 1970.
    pub at_ms: u64,
    /// The queue; none: the first of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Milliseconds after which it was withdrawn; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_ms: Option<u64>,
    /// Who shares it.
    pub members: Vec<MemberRecord>,
    /// What it says for rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
}

/// One who shares it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRecord {
    /// Who it is: of a server, a number that means nothing after its next start; none: nobody else
    /// in the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    /// How strong.
    pub rating: f32,
    /// How sure that is.
    #[serde(default)]
    pub deviation: f32,
    /// Where from, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Players whom this one does not want to meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<String>,
    /// Milliseconds to each region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latencies: BTreeMap<String, u32>,
}

impl TicketRecord {
    /// A ticket of a shard that started so many milliseconds after 1970; `left` if it was
    /// withdrawn.
    pub(super) fn of(
        epoch_ms: u64,
        queue: &str,
        candidate: &Candidate,
        left: Option<Time>,
        hasher: &Keyed,
    ) -> Self {
        let ms = |time: Duration| time.as_millis() as u64;
        let latencies = candidate.latencies.iter().map(|(name, ms)| (name.to_string(), *ms));
        let latencies: BTreeMap<String, u32> = latencies.collect();
        let members = candidate.members.iter().map(|member| MemberRecord {
            player: Some(member.player.to_string()),
            rating: member.rating,
            deviation: member.deviation,
            // As it comes it is the address itself.
            address: (member.address != 0).then(|| hasher.hash_one(member.address).to_string()),
            avoid: member.avoid.iter().map(u64::to_string).collect(),
            latencies: latencies.clone(),
        });
        let attributes = candidate.attributes.iter();
        Self {
            at_ms: epoch_ms + ms(candidate.since.since_start()),
            queue: Some(queue.to_owned()),
            leave_ms: left.map(|left| ms(left.since(candidate.since))),
            members: members.collect(),
            attributes: attributes.map(|(name, what)| (name.to_string(), what.clone())).collect(),
        }
    }
}

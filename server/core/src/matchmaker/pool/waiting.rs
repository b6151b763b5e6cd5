//! A ticket as it waits: what the rules ask of it, worked out once, and how far it goes at the
//! moment of a wave.

use smallvec::SmallVec;

use super::{
    candidate::{Attribute, Candidate, MemberTraits, TicketKey, Unfit},
    rules::Rules,
};
use crate::{
    matchmaker::queue::{Kind, Merge, RATING, Rule},
    time::Time,
};

/// A ticket in a pool.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: TicketKey,
    pub(super) since: Time,
    pub(super) members: Vec<MemberTraits>,
    /// The names of regions, one behind the other.
    regions: Box<str>,
    /// The members' mean.
    pub(super) rating: f32,
    /// Only tickets that have this in common can fit.
    pub(super) bucket: u64,
    /// What tickets are sorted by.
    pub(super) sort: f32,
    /// What each rule asks, in their order.
    pub(super) values: SmallVec<[Value; 2]>,
    /// How wide each rule's window is, in their order, at `stood_at`.
    pub(super) windows: SmallVec<[f32; 4]>,
    /// One bit for each rule on which it does not insist, at `stood_at`.
    pub(super) optional: u32,
    stood_at: Option<Time>,
}

/// What one rule asks of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Nothing, or the ticket does not say.
    Absent,
    Number(f32),
    /// A string or number, by its hash.
    Same(u64),
    /// Strings by their hashes, sorted.
    Set(Box<[u64]>),
    /// Regions by their hashes, sorted.
    Near(Box<[Near]>),
}

/// A region, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub(super) region: u64,
    pub(super) ms: f32,
    /// Where its name begins among those of the ticket, and how long it is.
    name: (u16, u16),
}

impl Near {
    /// The same region for two, of whom one has it worse.
    pub(super) fn worse(&self, other: &Self) -> Self {
        Self { ms: self.ms.max(other.ms), ..*self }
    }
}

impl Waiting {
    pub(super) fn new(candidate: Candidate, rules: &Rules) -> Result<Self, Unfit> {
        let mut waiting = Self {
            key: candidate.key,
            since: candidate.since,
            rating: merged(&candidate.members, Merge::Mean),
            bucket: 0,
            sort: 0.0,
            values: SmallVec::new(),
            windows: SmallVec::new(),
            optional: 0,
            stood_at: None,
            members: Vec::new(),
            regions: Box::default(),
        };
        let mut sort = None;
        for rule in &rules.queue.rules {
            let (value, asked) = value(&rule.kind, &candidate, rules);
            if value == Value::Absent && rule.optional_after_ms == 0 && !asked.is_empty() {
                return Err(Unfit::Lacks(asked.into()));
            }
            candidate.judge_choice(rule)?;
            match (&rule.kind, &value) {
                (Kind::Difference { .. }, Value::Number(number)) => {
                    sort.get_or_insert(*number);
                }
                (Kind::Equal { .. }, Value::Same(same)) if rule.optional_after_ms == 0 => {
                    waiting.bucket = rules.hash(&(waiting.bucket, same));
                }
                _ => {}
            }
            waiting.values.push(value);
        }
        waiting.sort = sort.unwrap_or(waiting.rating);
        waiting.members = candidate.members;
        let is_region = |rule: &Rule| matches!(rule.kind, Kind::Region { .. });
        if rules.queue.rules.iter().any(is_region) {
            let names = candidate.latencies.iter().map(|(name, _)| &**name);
            waiting.regions = names.collect::<String>().into();
        }
        Ok(waiting)
    }

    pub(super) fn size(&self) -> usize {
        self.members.len()
    }

    /// Works out how far it goes at this moment, if that is not done.
    pub(super) fn stand(&mut self, rules: &Rules, now: Time) {
        if self.stood_at == Some(now) {
            return;
        }
        let waited = now.since(self.since);
        let is_known = self.stood_at.is_some();
        self.stood_at = Some(now);
        if is_known && !rules.change_with_time {
            return;
        }
        (self.windows, self.optional) = rules.stance(waited);
    }

    /// What it calls one of the regions that it says for a rule.
    pub(super) fn region_named(&self, rule: usize, region: u64) -> Option<&str> {
        let Value::Near(near) = &self.values[rule] else { return None };
        let (start, len) = near.iter().find(|near| near.region == region)?.name;
        self.regions.get(usize::from(start)..usize::from(start + len))
    }
}

/// One number for a party.
fn merged(members: &[MemberTraits], merge: Merge) -> f32 {
    let ratings = members.iter().map(|member| member.rating);
    match merge {
        Merge::Mean => ratings.sum::<f32>() / members.len() as f32,
        Merge::Min => ratings.fold(f32::INFINITY, f32::min),
        Merge::Max => ratings.fold(f32::NEG_INFINITY, f32::max),
    }
}

/// What a rule asks of a ticket, and what that is called if the ticket has to say it.
fn value<'k>(kind: &'k Kind, candidate: &Candidate, rules: &Rules) -> (Value, &'k str) {
    match kind {
        Kind::Difference { attribute, merge, .. } if attribute == RATING => {
            (Value::Number(merged(&candidate.members, *merge)), "")
        }
        Kind::Difference { attribute, .. } => {
            let value = match candidate.attribute(attribute) {
                // None is infinite: what is far away can still be told apart from what is not.
                Some(Attribute::Number(number)) => {
                    Value::Number((*number as f32).clamp(f32::MIN, f32::MAX))
                }
                _ => Value::Absent,
            };
            (value, attribute)
        }
        Kind::Equal { attribute } => {
            let value = match candidate.attribute(attribute) {
                Some(Attribute::Text(text)) => Value::Same(rules.hash(text)),
                // A zero is a zero, whichever sign it has.
                Some(Attribute::Number(number)) => {
                    Value::Same(rules.hash(&(number + 0.0).to_bits()))
                }
                _ => Value::Absent,
            };
            (value, attribute)
        }
        Kind::Overlap { attribute, .. } => {
            let value = match candidate.attribute(attribute) {
                Some(Attribute::Texts(texts)) => {
                    let mut set: Vec<u64> = texts.iter().map(|text| rules.hash(text)).collect();
                    set.sort_unstable();
                    set.dedup();
                    Value::Set(set.into())
                }
                Some(Attribute::Text(text)) => Value::Set([rules.hash(text)].into()),
                _ => Value::Absent,
            };
            (value, attribute)
        }
        Kind::Region { .. } => {
            let mut end = 0;
            let mut near: Vec<Near> = (candidate.latencies.iter())
                .map(|(name, ms)| {
                    let (start, len) = (end, name.len() as u16);
                    end += len;
                    Near { region: rules.hash(&**name), ms: *ms as f32, name: (start, len) }
                })
                .collect();
            near.sort_by_key(|near| near.region);
            near.dedup_by_key(|near| near.region);
            let is_silent = near.is_empty();
            (if is_silent { Value::Absent } else { Value::Near(near.into()) }, "latencies")
        }
        Kind::Balance { .. } | Kind::PartySize { .. } | Kind::AvoidRepeats { .. } => {
            (Value::Absent, "")
        }
    }
}

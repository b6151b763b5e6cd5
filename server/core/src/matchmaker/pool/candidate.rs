//! A ticket as it comes into a pool: who shares it, what they bring along, and what of that is too
//! much.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::queue::{Kind, MAX_PARTY, Queue, Rule};
use crate::time::Time;

/// Attributes of one ticket.
pub const MAX_ATTRIBUTES: usize = 16;
/// Strings of one set.
pub const MAX_STRINGS: usize = 32;
/// Bytes of a string, of the name of an attribute and of a region.
pub const MAX_STRING_BYTES: usize = 64;
/// Regions that one ticket names.
pub const MAX_REGIONS: usize = 32;
/// Players whom one member does not want to meet.
pub const MAX_AVOIDED: usize = 64;
/// Longest latency that is told apart from longer ones, in milliseconds.
pub const MAX_LATENCY_MS: u32 = 60_000;

/// What its owner calls a ticket.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct TicketKey(pub u32);

/// A ticket that wants to be matched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Candidate {
    /// Its name, which no other ticket of the pool has.
    pub key: TicketKey,
    /// From when on it has waited; for one that returns, from when it came first.
    pub since: Time,
    /// Who shares it: 1 to 16.
    pub members: Vec<MemberTraits>,
    /// What rules may ask, by name. `rating` is not one of them: that is the members'.
    pub attributes: Vec<(Box<str>, Attribute)>,
    /// Milliseconds to each region, for the member who has it worst.
    pub latencies: Vec<(Box<str>, u32)>,
}

/// One who shares a ticket.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberTraits {
    /// Who it is, as a number that nobody can choose.
    pub player: u64,
    /// Where from, likewise; 0: it is not known.
    pub address: u64,
    /// How strong.
    pub rating: f32,
    /// How sure that is.
    pub deviation: f32,
    /// Players whom this one does not want to meet.
    pub avoid: Vec<u64>,
}

/// What rules may ask of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Attribute {
    /// A number.
    Number(f64),
    /// A string.
    Text(Box<str>),
    /// A set of strings.
    Texts(Vec<Box<str>>),
}

/// Why a ticket cannot wait in a pool.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfit {
    /// There is a ticket of that name.
    #[error("there is a ticket of that name")]
    Taken,
    /// So many may share a ticket of this queue, and at least one.
    #[error("1 to {0} players share a ticket of this queue")]
    Party(usize),
    /// Somebody is in it twice.
    #[error("a player is in it twice")]
    Twice,
    /// One of the limits, and which.
    #[error("{0}")]
    TooMuch(&'static str),
    /// A rule asks for this, and nothing of that kind is there.
    #[error("a rule of this queue asks for `{0}`")]
    Lacks(Box<str>),
    /// All who play together share so many of its texts, and it has fewer.
    #[error("`{0}` has {1} texts or more: so many all have to share")]
    TooFew(Box<str>, u8),
    /// Players choose by this attribute, and it says what cannot be chosen.
    #[error("`{attribute}` says no other than {choices}")]
    Unknown {
        /// Which attribute.
        attribute: Box<str>,
        /// All that can be.
        choices: Box<str>,
    },
}

impl Unfit {
    fn unknown(rule: &Rule) -> Self {
        let names: Vec<String> = rule.config.keys().map(|text| format!("`{text}`")).collect();
        let attribute = rule.kind.attribute().unwrap_or_default().into();
        Self::Unknown { attribute, choices: names.join(", ").into() }
    }
}

impl Candidate {
    /// # Errors
    /// What is too much, or makes no sense.
    pub(crate) fn judge(&self, largest_party: usize) -> Result<(), Unfit> {
        let most = largest_party.min(MAX_PARTY);
        if !(1..=most).contains(&self.members.len()) {
            return Err(Unfit::Party(most));
        }
        for (i, member) in self.members.iter().enumerate() {
            if self.members[..i].iter().any(|other| other.player == member.player) {
                return Err(Unfit::Twice);
            }
            if member.avoid.len() > MAX_AVOIDED {
                return Err(Unfit::TooMuch("64 players are avoided at most"));
            }
            if !member.rating.is_finite() || !member.deviation.is_finite() {
                return Err(Unfit::TooMuch("a rating is a finite number"));
            }
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            return Err(Unfit::TooMuch("a ticket has 16 attributes at most"));
        }
        if self.latencies.len() > MAX_REGIONS {
            return Err(Unfit::TooMuch("a ticket names 32 regions at most"));
        }
        let names = self.attributes.iter().map(|(name, _)| name);
        let mut words = names.chain(self.latencies.iter().map(|(name, _)| name));
        if words.any(|word| word.len() > MAX_STRING_BYTES) {
            return Err(Unfit::TooMuch("a name has 64 bytes at most"));
        }
        self.attributes.iter().try_for_each(|(_, attribute)| attribute.judge())
    }

    /// Keeps only who shares it: what they said may be 40 KB.
    pub(crate) fn forget_wishes(&mut self) {
        (self.attributes, self.latencies) = (Vec::new(), Vec::new());
        self.members.iter_mut().for_each(|member| member.avoid = Vec::new());
    }

    /// Keeps of what its members said only what the queue's rules ask for.
    pub(crate) fn forget_unasked(&mut self, queue: &Queue) {
        let is_asked =
            |name: &str| queue.rules.iter().any(|rule| rule.kind.attribute() == Some(name));
        self.attributes.retain(|(name, _)| is_asked(name));
        self.attributes.shrink_to_fit();
        if !queue.rules.iter().any(|rule| matches!(rule.kind, Kind::Region { .. })) {
            self.latencies = Vec::new();
        }
    }

    /// The texts that it says for a rule.
    pub(crate) fn texts(&self, rule: &Rule) -> &[Box<str>] {
        match self.said(rule) {
            Some(Attribute::Text(text)) => std::slice::from_ref(text),
            Some(Attribute::Texts(texts)) => texts,
            Some(Attribute::Number(_)) | None => &[],
        }
    }

    /// # Errors
    /// If it says something else than players may choose by a rule, or less than all have to share.
    pub(super) fn judge_choice(&self, rule: &Rule) -> Result<(), Unfit> {
        let texts = self.texts(rule);
        let is_number = matches!(self.said(rule), Some(Attribute::Number(_)));
        let mut known = texts.iter().map(|text| rule.config.contains_key(&**text));
        if !rule.config.is_empty() && (is_number || !known.all(|is_known| is_known)) {
            return Err(Unfit::unknown(rule));
        }
        match &rule.kind {
            Kind::Overlap { attribute, at_least } if rule.optional_after_ms == 0 => {
                let distinct: BTreeSet<&str> = texts.iter().map(|text| &**text).collect();
                match distinct.len() >= usize::from(*at_least) {
                    true => Ok(()),
                    false => Err(Unfit::TooFew(attribute.as_str().into(), *at_least)),
                }
            }
            _ => Ok(()),
        }
    }

    fn said(&self, rule: &Rule) -> Option<&Attribute> {
        rule.kind.attribute().and_then(|name| self.attribute(name))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        let named = self.attributes.iter().find(|(own, _)| **own == *name);
        named.map(|(_, attribute)| attribute)
    }
}

impl Attribute {
    fn judge(&self) -> Result<(), Unfit> {
        let is_long = |text: &str| text.len() > MAX_STRING_BYTES;
        match self {
            Self::Number(number) if !number.is_finite() => {
                Err(Unfit::TooMuch("a number is a finite number"))
            }
            Self::Texts(texts) if texts.len() > MAX_STRINGS => {
                Err(Unfit::TooMuch("a set has 32 strings at most"))
            }
            Self::Text(text) if is_long(text) => {
                Err(Unfit::TooMuch("a string has 64 bytes at most"))
            }
            Self::Texts(texts) if texts.iter().any(|text| is_long(text)) => {
                Err(Unfit::TooMuch("a string has 64 bytes at most"))
            }
            Self::Number(_) | Self::Text(_) | Self::Texts(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::matchmaker::queue::Declared;

    fn member(player: u64) -> MemberTraits {
        MemberTraits { player, rating: 1500.0, deviation: 50.0, ..MemberTraits::default() }
    }

    fn candidate() -> Candidate {
        Candidate { members: vec![member(1)], ..Candidate::default() }
    }

    #[test]
    fn of_what_it_says_only_what_rules_ask_for_is_kept() {
        let says = || Candidate {
            attributes: ["a", "b", "rating", "c"]
                .map(|a| (a.into(), Attribute::Number(1.0)))
                .into(),
            latencies: vec![("eu".into(), 1)],
            ..candidate()
        };
        for (rules, attributes, n_regions) in [
            (json!([]), vec![], 0),
            (json!([{"kind": "party_size"}, {"kind": "region", "within": 9}]), vec![], 1),
            (
                json!([{"kind": "equal", "attribute": "c"}, {"kind": "overlap", "attribute": "a"},
                       {"kind": "difference", "attribute": "x", "within": 1}]),
                vec!["a", "c"],
                0,
            ),
        ] {
            let rules = serde_json::from_value(rules).unwrap();
            let queue = Declared { rules, ..Declared::duel("q", "g") }.try_into().unwrap();
            let mut candidate = says();
            candidate.forget_unasked(&queue);
            let kept: Vec<&str> = candidate.attributes.iter().map(|(name, _)| &**name).collect();
            assert_eq!((kept, candidate.latencies.len()), (attributes, n_regions));
        }
    }

    #[test]
    fn each_limit_holds_and_one_past_it_does_not() {
        let word = |n: usize| "a".repeat(n).into_boxed_str();
        let words = |n: usize| (0..n).map(|i| i.to_string().into_boxed_str()).collect();
        let having =
            |attribute| Candidate { attributes: vec![("a".into(), attribute)], ..candidate() };
        let with = |n: usize| Candidate {
            attributes: vec![("a".into(), Attribute::Number(1.0)); n],
            ..candidate()
        };
        let regions = |n: usize| Candidate { latencies: vec![("eu".into(), 1); n], ..candidate() };
        let region = |n: usize| Candidate { latencies: vec![(word(n), 1)], ..candidate() };
        let party = |n: u64| Candidate { members: (0..n).map(member).collect(), ..candidate() };
        let avoiding = |n: u64| Candidate {
            members: vec![MemberTraits { avoid: (0..n).collect(), ..member(1) }],
            ..candidate()
        };
        for (at, past) in [
            (with(MAX_ATTRIBUTES), with(MAX_ATTRIBUTES + 1)),
            (
                having(Attribute::Text(word(MAX_STRING_BYTES))),
                having(Attribute::Text(word(MAX_STRING_BYTES + 1))),
            ),
            (
                having(Attribute::Texts(vec![word(MAX_STRING_BYTES)])),
                having(Attribute::Texts(vec![word(MAX_STRING_BYTES + 1)])),
            ),
            (
                having(Attribute::Texts(words(MAX_STRINGS))),
                having(Attribute::Texts(words(MAX_STRINGS + 1))),
            ),
            (having(Attribute::Number(1e300)), having(Attribute::Number(f64::NAN))),
            (regions(MAX_REGIONS), regions(MAX_REGIONS + 1)),
            (region(MAX_STRING_BYTES), region(MAX_STRING_BYTES + 1)),
            (party(MAX_PARTY as u64), party(MAX_PARTY as u64 + 1)),
            (party(1), party(0)),
            (avoiding(MAX_AVOIDED as u64), avoiding(MAX_AVOIDED as u64 + 1)),
        ] {
            assert_eq!(at.judge(64), Ok(()), "{at:?}");
            assert!(past.judge(64).is_err(), "{past:?}");
        }
        assert_eq!(party(3).judge(2), Err(Unfit::Party(2)), "the queue's own limit");
        for (rating, deviation) in [(f32::NAN, 50.0), (1500.0, f32::INFINITY)] {
            let strange = MemberTraits { rating, deviation, ..member(1) };
            let candidate = Candidate { members: vec![member(2), strange], ..candidate() };
            assert!(candidate.judge(2).is_err(), "{rating} {deviation}");
        }
        let twice = Candidate { members: vec![member(1), member(1)], ..candidate() };
        assert_eq!(twice.judge(2), Err(Unfit::Twice));
    }
}

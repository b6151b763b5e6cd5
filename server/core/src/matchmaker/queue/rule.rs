//! A rule: what must hold for two tickets, or for the teams of a match.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    MAX_LAST, MAX_TIME_MS, judge_word,
    window::{Grow, Growth, Window},
};

/// Heaviest weight: what a rule counts beside others.
pub const MAX_WEIGHT: f64 = 100.0;
/// Strings that two sets may have to share.
pub const MAX_AT_LEAST: u8 = 32;

/// Texts by which one rule configures the game.
pub const MAX_CHOICES: usize = 32;

/// What each text that a ticket may say makes of the game's configuration: its keys take the place
/// of the queue's.
pub type Choices = BTreeMap<String, Map<String, Value>>;

/// The attribute that is the members' own, and no ticket says.
pub const RATING: &str = "rating";

/// One rule of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Rule {
    /// What it asks.
    pub kind: Kind,
    /// How much it counts, beside others, how far apart two are by it.
    pub weight: f64,
    /// Milliseconds after which a ticket does not insist on it; 0: it always does.
    pub optional_after_ms: u64,
    /// Of `Overlap` and `Equal`: what players choose of the game's configuration by the texts that
    /// they share. Empty: tickets may say what they like, and nothing comes of it but a match.
    pub config: Choices,
}

/// What a rule asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A number that is nearly the same. `rating` is the members' own.
    Difference {
        /// Which number.
        attribute: String,
        /// How near.
        window: Window,
        /// What counts for a party, if it is the rating.
        merge: Merge,
    },
    /// Sets of strings that share some.
    Overlap {
        /// Which set.
        attribute: String,
        /// How many they share.
        at_least: u8,
    },
    /// A string or number that is the same.
    Equal {
        /// Which one.
        attribute: String,
    },
    /// A region that is near all of them.
    Region {
        /// How near, in milliseconds.
        window: Window,
    },
    /// Teams whose mean ratings are nearly the same.
    Balance {
        /// How near.
        window: Window,
    },
    /// Teams whose largest parties have nearly the same size.
    PartySize {
        /// How near.
        window: Window,
    },
    /// Nobody meets whom they have met lately.
    AvoidRepeats {
        /// In so many matches of either.
        last: u8,
        /// And for so long; 0: as long as it is remembered.
        for_ms: u64,
    },
}

/// What counts of the members' ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Their mean.
    #[default]
    Mean,
    /// The lowest.
    Min,
    /// The highest.
    Max,
}

impl From<Kind> for Rule {
    fn from(kind: Kind) -> Self {
        Self { kind, weight: 1.0, optional_after_ms: 0, config: Choices::new() }
    }
}

impl Rule {
    /// True if a ticket that has waited so long does not insist on it.
    pub fn is_optional(&self, waited: Duration) -> bool {
        self.optional_after_ms > 0 && waited.as_millis() >= u128::from(self.optional_after_ms)
    }

    pub(crate) fn changes_with_time(&self) -> bool {
        let repeats = matches!(self.kind, Kind::AvoidRepeats { for_ms: 1.., .. });
        self.optional_after_ms > 0 || repeats || self.kind.window().is_some_and(Window::grows)
    }

    pub(super) fn judge(&self) -> Result<(), String> {
        if !(0.0..=MAX_WEIGHT).contains(&self.weight) {
            return Err(format!("`weight` is 0 to {MAX_WEIGHT}"));
        }
        if self.optional_after_ms > MAX_TIME_MS {
            return Err(format!("`optional_after_ms` is {MAX_TIME_MS} at most"));
        }
        self.kind.window().map_or(Ok(()), Window::judge)?;
        self.judge_choices()?;
        match &self.kind {
            Kind::Difference { attribute, .. } | Kind::Equal { attribute } => {
                judge_word("attribute", attribute)
            }
            Kind::Overlap { attribute, at_least } => {
                if !(1..=MAX_AT_LEAST).contains(at_least) {
                    return Err(format!("`at_least` is 1 to {MAX_AT_LEAST}"));
                }
                judge_word("attribute", attribute)
            }
            Kind::AvoidRepeats { last, for_ms } => {
                if !(1..=MAX_LAST).contains(last) || *for_ms > MAX_TIME_MS {
                    return Err(format!("`last` is 1 to {MAX_LAST}, `for_ms` a day at most"));
                }
                Ok(())
            }
            Kind::Region { .. } | Kind::Balance { .. } | Kind::PartySize { .. } => Ok(()),
        }
    }
}

impl Rule {
    fn judge_choices(&self) -> Result<(), String> {
        let n_shared = match &self.kind {
            _ if self.config.is_empty() => return Ok(()),
            Kind::Overlap { at_least, .. } => usize::from(*at_least),
            Kind::Equal { .. } => 1,
            _ => return Err("it has no texts to choose a `config` by".to_owned()),
        };
        if self.optional_after_ms > 0 {
            return Err("`config` needs what all share: no `optional_after_ms`".to_owned());
        }
        if !(n_shared..=MAX_CHOICES).contains(&self.config.len()) {
            return Err(format!("`config` has {n_shared} to {MAX_CHOICES} texts"));
        }
        self.config.keys().try_for_each(|text| judge_word("config", text))
    }
}

impl Kind {
    /// What it is called in a declaration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Difference { .. } => "difference",
            Self::Overlap { .. } => "overlap",
            Self::Equal { .. } => "equal",
            Self::Region { .. } => "region",
            Self::Balance { .. } => "balance",
            Self::PartySize { .. } => "party_size",
            Self::AvoidRepeats { .. } => "avoid_repeats",
        }
    }

    /// The attribute that it asks tickets for, if it asks for one.
    pub fn attribute(&self) -> Option<&str> {
        match self {
            Self::Difference { attribute, .. }
            | Self::Overlap { attribute, .. }
            | Self::Equal { attribute } => Some(attribute),
            Self::Region { .. }
            | Self::Balance { .. }
            | Self::PartySize { .. }
            | Self::AvoidRepeats { .. } => None,
        }
    }

    /// Its window, if it has one.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Self::Difference { window, .. }
            | Self::Region { window }
            | Self::Balance { window }
            | Self::PartySize { window } => Some(window),
            Self::Overlap { .. } | Self::Equal { .. } | Self::AvoidRepeats { .. } => None,
        }
    }
}

/// A rule as it is written: one flat table, of which each kind has some words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merge: Option<Merge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grow: Option<Grow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<(u64, f64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Choices>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    for_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    optional_after_ms: Option<u64>,
}

/// The kinds, and which words go with each beside `weight` and `optional_after_ms`.
const KINDS: [(&str, &[&str]); 7] = [
    ("difference", &["attribute", "within", "merge", "grow", "steps"]),
    ("overlap", &["attribute", "at_least", "config"]),
    ("equal", &["attribute", "config"]),
    ("region", &["within", "grow", "steps"]),
    ("balance", &["within", "grow", "steps"]),
    ("party_size", &["within", "grow", "steps"]),
    ("avoid_repeats", &["last", "for_ms"]),
];

impl Table {
    /// The words that it has, of those that not every kind takes.
    fn words(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("attribute", self.attribute.is_some()),
            ("within", self.within.is_some()),
            ("merge", self.merge.is_some()),
            ("grow", self.grow.is_some()),
            ("steps", self.steps.is_some()),
            ("at_least", self.at_least.is_some()),
            ("config", self.config.is_some()),
            ("last", self.last.is_some()),
            ("for_ms", self.for_ms.is_some()),
        ];
        all.into_iter().filter_map(|(word, is_there)| is_there.then_some(word))
    }

    fn attribute(&self) -> Result<String, String> {
        let lacks = || format!("a rule of kind `{}` needs `attribute`", self.kind);
        self.attribute.clone().ok_or_else(lacks)
    }

    fn window(&self, otherwise: Option<f64>) -> Result<Window, String> {
        let lacks = || format!("a rule of kind `{}` needs `within`", self.kind);
        let growth = match (self.grow, &self.steps) {
            (Some(_), Some(_)) => return Err("either `grow` or `steps`, not both".to_owned()),
            (Some(grow), None) => Growth::Linear(grow),
            (None, Some(steps)) => Growth::Steps(steps.clone()),
            (None, None) => Growth::None,
        };
        Ok(Window { within: self.within.or(otherwise).ok_or_else(lacks)?, growth })
    }
}

impl TryFrom<Table> for Rule {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let known = KINDS.iter().find(|(kind, _)| *kind == table.kind);
        let Some((_, words)) = known else {
            let all = KINDS.map(|(kind, _)| kind).join(", ");
            return Err(format!("there is no rule of kind `{}`; there are {all}", table.kind));
        };
        if let Some(word) = table.words().find(|word| !words.contains(word)) {
            return Err(format!("a rule of kind `{}` has no `{word}`", table.kind));
        }
        let is_members_own = table.attribute.as_deref() == Some(RATING);
        if table.merge.is_some() && !is_members_own {
            return Err("`merge` is for `rating`: all else a ticket says once".to_owned());
        }
        let kind = match &*table.kind {
            "difference" => Kind::Difference {
                attribute: table.attribute()?,
                window: table.window(None)?,
                merge: table.merge.unwrap_or_default(),
            },
            "overlap" => Kind::Overlap {
                attribute: table.attribute()?,
                at_least: table.at_least.unwrap_or(1),
            },
            "equal" => Kind::Equal { attribute: table.attribute()? },
            "region" => Kind::Region { window: table.window(None)? },
            "balance" => Kind::Balance { window: table.window(None)? },
            "party_size" => Kind::PartySize { window: table.window(Some(0.0))? },
            _ => Kind::AvoidRepeats {
                last: table.last.unwrap_or(1),
                for_ms: table.for_ms.unwrap_or(0),
            },
        };
        Ok(Self {
            kind,
            weight: table.weight.unwrap_or(1.0),
            optional_after_ms: table.optional_after_ms.unwrap_or(0),
            config: table.config.unwrap_or_default(),
        })
    }
}

impl From<Rule> for Table {
    fn from(rule: Rule) -> Self {
        let mut table = Self {
            kind: rule.kind.name().to_owned(),
            weight: Some(rule.weight),
            optional_after_ms: Some(rule.optional_after_ms),
            config: (!rule.config.is_empty()).then_some(rule.config),
            ..Self::default()
        };
        if let Some(window) = rule.kind.window() {
            table.within = Some(window.within);
            match &window.growth {
                Growth::None => {}
                Growth::Linear(grow) => table.grow = Some(*grow),
                Growth::Steps(steps) => table.steps = Some(steps.clone()),
            }
        }
        match rule.kind {
            Kind::Difference { attribute, merge, .. } => {
                table.merge = (attribute == RATING).then_some(merge);
                table.attribute = Some(attribute);
            }
            Kind::Overlap { attribute, at_least } => {
                (table.attribute, table.at_least) = (Some(attribute), Some(at_least));
            }
            Kind::Equal { attribute } => table.attribute = Some(attribute),
            Kind::AvoidRepeats { last, for_ms } => {
                (table.last, table.for_ms) = (Some(last), Some(for_ms));
            }
            Kind::Region { .. } | Kind::Balance { .. } | Kind::PartySize { .. } => {}
        }
        table
    }
}

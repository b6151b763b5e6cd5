//! A queue as it is declared, in the configuration or from Rust: what is played in it, by how many,
//! by which rules two tickets go together, and how long anybody waits. What is wrong in a
//! declaration is said before anybody waits in it; a [`Queue`] that exists is right.
//! What becomes of the tickets is `pool`'s matter.

mod rule;
mod window;

use std::{collections::BTreeSet, fmt, ops::Deref, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::assignment::MAX_RESERVED_SEATS;

pub use rule::{Choices, Kind, MAX_AT_LEAST, MAX_CHOICES, MAX_WEIGHT, Merge, RATING, Rule};
pub use window::{Grow, Growth, MAX_STEPS, MAX_WITHIN, Window};

/// Queues of one server: each has a pool and a machine's attention.
pub const MAX_QUEUES: usize = 64;
/// Rules of one queue: two tickets are compared by each of them.
pub const MAX_RULES: usize = 16;
/// Configurations of the game that the rules of one queue choose from: a server that starts asks
/// the game about each.
pub const MAX_CONFIGS: usize = 256;
/// Bytes of a queue's name.
pub const MAX_NAME_BYTES: usize = 32;
/// Bytes of what names an attribute, a game or a ladder.
pub const MAX_WORD_BYTES: usize = 64;
/// Players of one match: no lobby keeps more seats for those who come.
pub const MAX_PLAYERS: usize = MAX_RESERVED_SEATS;
/// Members of one party, who share a ticket.
pub const MAX_PARTY: usize = 16;
/// Longest of all times in a declaration: a day.
pub const MAX_TIME_MS: u64 = 86_400_000;
/// Longest time that anybody is asked whether the match suits them.
pub const MAX_ACCEPT_MS: u64 = 60_000;
/// Most matches back to which `avoid_repeats` looks.
pub const MAX_LAST: u8 = 16;

/// A queue that is right, and stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Declared", into = "Declared")]
pub struct Queue(Declared);

/// A queue as somebody writes it down. [`Queue::try_from`] judges it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// What clients call it: small letters, digits, `-` and `_`.
    pub name: String,
    /// The game that is played.
    pub game: String,
    /// What the game gets as its configuration.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// So many teams of so many; neither this nor `players`: two who play each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<Teams>,
    /// Each for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub players: Option<Players>,
    /// Whether results count: players need to be known, and who may be the same person does not
    /// meet.
    #[serde(default)]
    pub rated: bool,
    /// Whose ratings count and change; none: `game/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<String>,
    /// When the tickets that wait are paired.
    #[serde(default)]
    pub wave: Wave,
    /// Milliseconds within which everybody has to accept a match; 0: nobody is asked.
    #[serde(default)]
    pub accept_ms: u64,
    /// Milliseconds after which a ticket is given up.
    #[serde(default = "default_give_up_ms")]
    pub give_up_ms: u64,
    /// Milliseconds after which bots take the seats that are free; 0: never.
    #[serde(default)]
    pub bots_after_ms: u64,
    /// All of them must hold for any two tickets of a match.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// So many teams of so many players.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// How many teams play; 2 or more.
    pub count: u8,
    /// How many players each has.
    pub size: u8,
}

/// How many players a match has in which each is for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Players {
    /// At least; 2 or more.
    pub from: u8,
    /// At most.
    pub to: u8,
}

/// A wave pairs those who wait. It comes when either of these is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wave {
    /// The oldest ticket that no wave has seen has waited so many milliseconds.
    pub after_ms: u64,
    /// So many tickets have come since the last one.
    pub tickets: u32,
}

impl Default for Wave {
    fn default() -> Self {
        Self { after_ms: 500, tickets: 40 }
    }
}

fn default_give_up_ms() -> u64 {
    120_000
}

/// How a queue's matches are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Teams of the same size.
    Teams(Teams),
    /// Each for themselves.
    Players(Players),
}

impl Shape {
    /// The most who play in one match.
    pub fn most(self) -> usize {
        match self {
            Self::Teams(teams) => usize::from(teams.count) * usize::from(teams.size),
            Self::Players(players) => usize::from(players.to),
        }
    }

    /// The fewest who play in one match, bots among them.
    pub fn fewest(self) -> usize {
        match self {
            Self::Teams(_) => self.most(),
            Self::Players(players) => usize::from(players.from),
        }
    }

    /// The most who may share a ticket. In a match of each for themselves that is rated, members
    /// of a party would play each other for points; in one of two they would seek nobody.
    fn largest_party(self, is_rated: bool) -> usize {
        let most = match self {
            Self::Teams(teams) => usize::from(teams.size),
            Self::Players(players) if is_rated || players.to == 2 => 1,
            Self::Players(players) => usize::from(players.to),
        };
        most.min(MAX_PARTY)
    }
}

impl Declared {
    /// Two who play each other, with nothing asked of them.
    pub fn duel(name: &str, game: &str) -> Self {
        Self {
            name: name.to_owned(),
            game: game.to_owned(),
            config: Map::new(),
            teams: None,
            players: None,
            rated: false,
            ladder: None,
            wave: Wave::default(),
            accept_ms: 0,
            give_up_ms: default_give_up_ms(),
            bots_after_ms: 0,
            rules: Vec::new(),
        }
    }
}

impl Queue {
    /// How its matches are made up.
    pub fn shape(&self) -> Shape {
        match (self.0.teams, self.0.players) {
            (_, Some(players)) => Shape::Players(players),
            (Some(teams), None) => Shape::Teams(teams),
            (None, None) => Shape::Teams(Teams { count: 2, size: 1 }),
        }
    }

    /// The most who may share a ticket.
    pub fn largest_party(&self) -> usize {
        self.shape().largest_party(self.0.rated)
    }

    /// Whose ratings count and change.
    pub fn ladder(&self) -> String {
        let own = || format!("{}/{}", self.0.game, self.0.name);
        self.0.ladder.clone().unwrap_or_else(own)
    }

    /// How long a ticket waits before it is given up.
    pub fn give_up(&self) -> Duration {
        Duration::from_millis(self.0.give_up_ms)
    }

    /// After how long bots take free seats; none: never.
    pub fn bots_after(&self) -> Option<Duration> {
        (self.0.bots_after_ms > 0).then(|| Duration::from_millis(self.0.bots_after_ms))
    }

    /// The game's configuration where players share these texts. `chosen` says, of a rule by which
    /// they choose, which text that is. No two rules choose the same of it.
    pub fn config_of<'q>(
        &'q self,
        mut chosen: impl FnMut(&'q Rule) -> &'q str,
    ) -> Map<String, Value> {
        let mut config = self.0.config.clone();
        for rule in self.0.rules.iter().filter(|rule| !rule.config.is_empty()) {
            if let Some(own) = rule.config.get(chosen(rule)) {
                config.extend(own.clone());
            }
        }
        config
    }

    /// All configurations that the game may get.
    pub fn configs(&self) -> Vec<Map<String, Value>> {
        let mut configs = vec![self.0.config.clone()];
        for rule in self.0.rules.iter().filter(|rule| !rule.config.is_empty()) {
            let chosen = |before: &Map<String, Value>| {
                let before = before.clone();
                rule.config
                    .values()
                    .map(move |own| {
                        let mut config = before.clone();
                        config.extend(own.clone());
                        config
                    })
                    .collect::<Vec<_>>()
            };
            configs = configs.iter().flat_map(chosen).collect();
        }
        configs
    }

    /// Whether anything about two tickets that wait may change by itself.
    pub(super) fn changes_with_time(&self) -> bool {
        self.0.bots_after_ms > 0 || self.0.rules.iter().any(Rule::changes_with_time)
    }
}

impl Deref for Queue {
    type Target = Declared;

    fn deref(&self) -> &Declared {
        &self.0
    }
}

impl From<Queue> for Declared {
    fn from(queue: Queue) -> Self {
        queue.0
    }
}

/// What is wrong with a declaration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueError(String);

impl std::error::Error for QueueError {}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Declared> for Queue {
    type Error = QueueError;

    fn try_from(declared: Declared) -> Result<Self, QueueError> {
        let told = |why: String| QueueError(format!("queue `{}`: {why}", declared.name));
        declared.judge().map_err(told)?;
        Ok(Self(declared))
    }
}

impl Declared {
    fn judge(&self) -> Result<(), String> {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if !(1..=MAX_NAME_BYTES).contains(&self.name.len()) || !self.name.chars().all(is_letter) {
            return Err(format!("its name has 1 to {MAX_NAME_BYTES} of a-z, 0-9, `-`, `_`"));
        }
        judge_word("game", &self.game)?;
        self.ladder.iter().try_for_each(|ladder| judge_word("ladder", ladder))?;
        self.judge_shape()?;
        self.judge_times()?;
        if self.rules.len() > MAX_RULES {
            return Err(format!("{} rules; {MAX_RULES} at most", self.rules.len()));
        }
        for (i, rule) in self.rules.iter().enumerate() {
            let told = |why| format!("rule {} (`{}`): {why}", i + 1, rule.kind.name());
            rule.judge().map_err(told)?;
            if matches!(rule.kind, Kind::Balance { .. }) && self.players.is_some() {
                return Err(told("there are no teams whose means could be the same".to_owned()));
            }
        }
        self.judge_choices()
    }

    fn judge_choices(&self) -> Result<(), String> {
        let choosing = || self.rules.iter().filter(|rule| !rule.config.is_empty());
        let n_configs = choosing().fold(1_usize, |n, rule| n.saturating_mul(rule.config.len()));
        if n_configs > MAX_CONFIGS {
            return Err(format!("{n_configs} configs to choose from; {MAX_CONFIGS} at most"));
        }
        if self.rated && n_configs > 1 {
            return Err("a rated queue has one `config`: its ladder is of one pace".to_owned());
        }
        let (mut attributes, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for rule in choosing() {
            if !attributes.insert(rule.kind.attribute()) {
                return Err("two rules choose a `config` by one attribute".to_owned());
            }
            let own: BTreeSet<&String> = rule.config.values().flat_map(Map::keys).collect();
            if let Some(key) = own.iter().find(|key| !keys.insert(**key)) {
                return Err(format!("two rules choose `{key}` of the `config`"));
            }
        }
        Ok(())
    }

    fn judge_shape(&self) -> Result<(), String> {
        let n_players = match (self.teams, self.players) {
            (Some(_), Some(_)) => return Err("either `teams` or `players`, not both".to_owned()),
            (Some(Teams { count, size }), None) => {
                if count < 2 || size < 1 {
                    return Err("`teams` are 2 or more of 1 or more".to_owned());
                }
                usize::from(count) * usize::from(size)
            }
            (None, Some(Players { from, to })) => {
                if from < 2 || to < from {
                    return Err("`players` go from 2 or more to no fewer".to_owned());
                }
                usize::from(to)
            }
            (None, None) => 2,
        };
        if n_players > MAX_PLAYERS {
            return Err(format!("{n_players} players in a match; {MAX_PLAYERS} at most"));
        }
        Ok(())
    }

    fn judge_times(&self) -> Result<(), String> {
        let within = |name: &str, value: u64, from: u64, to: u64| {
            let is_within = (from..=to).contains(&value);
            is_within
                .then_some(())
                .ok_or_else(|| format!("`{name}` is {from} to {to}, not {value}"))
        };
        within("wave.after_ms", self.wave.after_ms, 0, MAX_TIME_MS)?;
        within("wave.tickets", u64::from(self.wave.tickets), 1, 1_000_000)?;
        within("accept_ms", self.accept_ms, 0, MAX_ACCEPT_MS)?;
        within("give_up_ms", self.give_up_ms, 1_000, MAX_TIME_MS)?;
        within("bots_after_ms", self.bots_after_ms, 0, MAX_TIME_MS)?;
        if self.bots_after_ms >= self.give_up_ms {
            return Err("`bots_after_ms` is before `give_up_ms`, or bots never come".to_owned());
        }
        Ok(())
    }
}

/// Something that is named in a declaration.
fn judge_word(what: &str, word: &str) -> Result<(), String> {
    if !(1..=MAX_WORD_BYTES).contains(&word.len()) || word.chars().any(char::is_control) {
        return Err(format!("`{what}` has 1 to {MAX_WORD_BYTES} bytes, none of them a control"));
    }
    Ok(())
}

/// All queues of a server.
///
/// # Errors
/// If there are too many, or two of the same name.
pub fn judge_all(queues: &[Queue]) -> Result<(), QueueError> {
    if queues.len() > MAX_QUEUES {
        return Err(QueueError(format!("{} queues; {MAX_QUEUES} at most", queues.len())));
    }
    for (i, queue) in queues.iter().enumerate() {
        if queues[..i].iter().any(|other| other.name == queue.name) {
            return Err(QueueError(format!("queue `{}`: there are two of that name", queue.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

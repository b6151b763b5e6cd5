//! What can be waited for in a run, and by which rules: as the server is told, and as the oracle
//! reckons with it.

use std::{sync::Arc, time::Duration};

use parlor_core::{
    lobby::game::Random,
    matchmaker::{MatchmakerSettings, parties::PartySettings, queue::Queue},
};
use serde_json::{Value, json};

use super::{chance::Chance as _, server::EPOCH_MS};

/// Two who are so far apart at most as this says when they have waited so long: `within`, and as
/// much more each second as it was at first, up to `limit`.
const WITHIN: u64 = 100;
const BY: u64 = 60;
const LIMIT: u64 = 520;

/// How a run's queues differ from those of others.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    pub(super) accept: Duration,
    pub(super) give_up: Duration,
    pub(super) bots_after: Duration,
    pub(super) hold: Duration,
    pub(super) away: Duration,
    /// Where most want to wait, so that some matches of many come about.
    pub(super) favourite: Line,
    /// Clients are here more often than elsewhere.
    pub(super) are_eager: bool,
    /// Of twenty things that clients do here so many are about parties.
    pub(super) sociable: u32,
    /// Of one party.
    pub(super) max_members: u8,
    progress: Duration,
    pub(super) tickets_per_player: usize,
    max_tickets: usize,
    seed: u64,
}

/// A queue of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Chess between two whose levels are near enough and who want the same variant.
    Duel,
    /// Two to four for themselves, bots among them if need be.
    Arena,
    /// Two against two who share a language.
    Pairs,
    /// Chess between two with accounts, for their ratings.
    Ranked,
}

/// Every other client has an account.
pub(super) fn account(client: usize) -> Option<String> {
    client.is_multiple_of(2).then(|| format!("account {client}"))
}

impl Line {
    pub(super) const ALL: [Self; 4] = [Self::Duel, Self::Arena, Self::Pairs, Self::Ranked];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Duel => "duel",
            Self::Arena => "arena",
            Self::Pairs => "pairs",
            Self::Ranked => "ranked",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|line| line.name() == name)
    }

    /// In which its lobbies play this.
    pub(super) fn of_game(game: &str) -> Self {
        let known = Self::ALL.into_iter().find(|line| line.game() == game);
        known.expect("lobbies of queues play their games")
    }

    pub(super) fn game(self) -> &'static str {
        match self {
            Self::Duel | Self::Ranked => "chess",
            Self::Arena => "circles",
            Self::Pairs => "relay",
        }
    }

    /// The fewest and the most who play.
    pub(super) fn players(self) -> (usize, usize) {
        match self {
            Self::Duel | Self::Ranked => (2, 2),
            Self::Arena => (2, 4),
            Self::Pairs => (4, 4),
        }
    }

    /// The team of who has this seat. Where each is for themselves, a ticket is a team.
    pub(super) fn team_of(self, seat: u8) -> Option<u8> {
        match self {
            Self::Duel | Self::Ranked => Some(seat),
            Self::Arena => None,
            Self::Pairs => Some(seat / 2),
        }
    }

    /// What somebody says who wants to wait here.
    pub(super) fn wish(self, random: &mut Random) -> Value {
        match self {
            Self::Duel => {
                let mut wish = json!({ "attributes": {
                    "level": random.pick(&[0, 90, 180, 400, 900]),
                    "variant": random.pick(&["standard", "standard", "960"]),
                } });
                if random.one_in(2) {
                    wish["side"] = json!(random.below(2));
                }
                wish
            }
            Self::Arena | Self::Ranked => json!({}),
            Self::Pairs => {
                let all = [json!(["en"]), json!(["de", "en"]), json!(["de", "fr"])];
                let speaks = all[random.pick(&[0, 1, 1, 2])].clone();
                json!({ "attributes": { "languages": speaks } })
            }
        }
    }

    /// After how long all windows are as wide as they get.
    pub(super) fn widens_within(self) -> Duration {
        match self {
            Self::Duel => Duration::from_secs((LIMIT - WITHIN).div_ceil(BY)),
            Self::Arena | Self::Pairs | Self::Ranked => Duration::ZERO,
        }
    }

    /// Whether two may meet who want this, and have waited so long, in milliseconds.
    pub(super) fn may_meet(self, one: (&Value, u64), other: (&Value, u64)) -> Result<(), String> {
        let attribute = |wish: &Value, name: &str| wish["attributes"][name].clone();
        let both = |name| (attribute(one.0, name), attribute(other.0, name));
        match self {
            Self::Duel => {
                let (a, b) = both("level");
                let apart = a.as_i64().unwrap_or_default().abs_diff(b.as_i64().unwrap_or_default());
                let reach = |waited_ms: u64| (WITHIN + BY * (waited_ms / 1000)).min(LIMIT);
                if apart > reach(one.1).min(reach(other.1)) {
                    return Err(format!("{apart} apart after {} and {} ms", one.1, other.1));
                }
                let (a, b) = both("variant");
                if a == b { Ok(()) } else { Err(format!("{a} plays {b}")) }
            }
            Self::Arena | Self::Ranked => Ok(()),
            Self::Pairs => {
                let (a, b) = both("languages");
                let (a, b) = (a.as_array().cloned(), b.as_array().cloned());
                let shares = a.iter().flatten().any(|own| b.iter().flatten().any(|b| b == own));
                if shares { Ok(()) } else { Err(format!("{a:?} and {b:?} share nothing")) }
            }
        }
    }
}

impl Queues {
    pub(super) fn of(random: &mut Random) -> Self {
        let are_eager = random.one_in(3);
        Self {
            are_eager,
            accept: Duration::from_millis(random.pick(if are_eager {
                &[0, 0, 5_000]
            } else {
                &[0, 2_000, 5_000]
            })),
            give_up: random.ms(8_000, 40_000),
            bots_after: Duration::from_millis(random.pick(&[0, 0, 4_000])),
            hold: random.ms(2_000, 15_000),
            away: random.ms(2_000, 12_000),
            favourite: random.pick(if are_eager {
                &[Line::Arena, Line::Pairs, Line::Pairs, Line::Ranked]
            } else {
                &[Line::Duel, Line::Duel, Line::Arena, Line::Pairs]
            }),
            sociable: random.pick(if are_eager { &[6, 12, 16] } else { &[0, 3, 8] }),
            max_members: random.pick(&[2, 3, 16]),
            progress: Duration::from_millis(random.pick(&[0, 700, 2_000])),
            tickets_per_player: random.pick(&[1, 1, 2]),
            max_tickets: random.pick(&[5, 1_000, 1_000]),
            seed: random.next_u64(),
        }
    }

    /// As the server is told.
    pub(super) fn settings(&self) -> MatchmakerSettings {
        MatchmakerSettings {
            queues: Line::ALL.into_iter().map(|line| Arc::new(self.declared(line))).collect(),
            max_tickets: self.max_tickets,
            tickets_per_player: self.tickets_per_player,
            away_timeout: self.away,
            hold: self.hold,
            progress: self.progress,
            epoch_ms: EPOCH_MS,
            seed: self.seed,
            parties: PartySettings {
                max_members: self.max_members,
                away_timeout: self.away,
                ..PartySettings::default()
            },
            ..MatchmakerSettings::default()
        }
    }

    fn declared(&self, line: Line) -> Queue {
        let mut queue = json!({
            "name": line.name(), "game": line.game(),
            "wave": { "after_ms": 200, "tickets": 4 },
            "accept_ms": self.accept.as_millis() as u64,
            "give_up_ms": self.give_up.as_millis() as u64,
        });
        let more = match line {
            Line::Duel => json!({
                "teams": { "count": 2, "size": 1 },
                "rules": [
                    { "kind": "difference", "attribute": "level", "within": WITHIN,
                      "grow": { "by": BY, "every_ms": 1000, "limit": LIMIT } },
                    { "kind": "equal", "attribute": "variant" },
                ],
            }),
            Line::Arena => json!({
                "players": { "from": 2, "to": 4 },
                "config": { "drifting": 3, "ticks": 200 },
                "bots_after_ms": self.bots_after.as_millis() as u64,
            }),
            Line::Pairs => json!({
                "teams": { "count": 2, "size": 2 },
                "rules": [{ "kind": "overlap", "attribute": "languages" }],
            }),
            Line::Ranked => json!({ "teams": { "count": 2, "size": 1 }, "rated": true }),
        };
        queue.as_object_mut().zip(more.as_object()).into_iter().for_each(|(queue, more)| {
            queue.extend(more.clone());
        });
        serde_json::from_value(queue).expect("a queue")
    }
}

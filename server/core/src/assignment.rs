//! What the matchmaker and lobbies say to each other: it wants a lobby whose seats are taken
//! already, the lobby says who came and how the match ended. Neither imports the other; `world`
//! carries the words, also from one shard to another.
//!
//! ```text
//!  Reservation ──► Refused
//!        └───────► Opened ──► Absent
//!                        └──► Seated ──► Played
//! ```

use std::{sync::Arc, time::Duration};

use parlor_shared::{
    api::Refusal,
    id::{LobbyId, ResumeToken},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::key::Origin;

/// Players of one match: each needs a token of its own when their lobby opens.
pub const MAX_RESERVED_SEATS: usize = 60;
/// The longest that seats wait: what is longer is as long.
pub const MAX_HOLD: Duration = Duration::from_secs(300);

/// A lobby is wanted for a match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reservation {
    /// Under which all that is said of it comes back.
    pub number: u64,
    /// The registered name of the game.
    pub game: Box<str>,
    /// The game's own configuration; `None`: its defaults.
    #[serde(with = "as_text")]
    pub config: Option<Box<RawValue>>,
    /// Who plays, at most [`MAX_RESERVED_SEATS`]: each in another seat below the number of all,
    /// bots included.
    pub seats: Vec<Reserved>,
    /// So many bots have the other seats.
    pub n_bots: u8,
    /// How long the seats wait for their players, at most [`MAX_HOLD`].
    pub hold: Duration,
    /// The result changes ratings.
    pub rated: bool,
}

/// A seat that is kept for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Which.
    pub seat: u8,
    /// Whose account may come, if it is one's.
    pub player: Option<Arc<str>>,
    /// Where the player came from when last heard of.
    pub address: Origin,
    /// What the player is called; a name that no lobby takes becomes one that says the seat.
    pub name: Box<str>,
}

/// What a lobby says of a [`Reservation`]: each ends with exactly one of `Refused`, `Absent` and
/// `Played`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assigned {
    /// It is there, and its seats wait.
    Opened {
        /// The reservation's.
        number: u64,
        /// Which lobby.
        lobby: LobbyId,
        /// What friends of the players come in by.
        code: Box<str>,
        /// By which each takes its seat, in the order of [`Reservation::seats`].
        tokens: Vec<ResumeToken>,
    },
    /// There is none, and there will be none.
    Refused {
        /// The reservation's.
        number: u64,
        /// Why.
        refusal: Refusal,
    },
    /// All have come, and the match has begun.
    Seated {
        /// The reservation's.
        number: u64,
    },
    /// No match has begun, and the lobby is no more.
    Absent {
        /// The reservation's.
        number: u64,
        /// Who was not there when the hold was over, or who left before that.
        seats: Vec<u8>,
    },
    /// The first match is over. What follows in the lobby is nobody else's business.
    Played {
        /// The reservation's.
        number: u64,
        /// The seats that won; empty: a draw, or nobody.
        winners: Vec<u8>,
        /// The game's word for how it ended; `crashed`, `timeout` and `deserted` are Parlor's own.
        reason: Box<str>,
        /// Who went for good while it was on, or had been away for so long at its end that the
        /// others need not have waited.
        left: Vec<u8>,
        /// True if ratings may change by it: it was to be rated, it was played to an end that says
        /// something, and no bot played.
        counts: bool,
    },
}

impl Reservation {
    /// About how many bytes it keeps while it waits: those that clients choose the number of.
    pub fn n_bytes(&self) -> usize {
        let config = self.config.as_ref().map_or(0, |config| config.get().len());
        config + self.seats.iter().map(|reserved| reserved.name.len()).sum::<usize>()
    }
}

impl Assigned {
    /// The reservation that it is about.
    pub fn number(&self) -> u64 {
        match self {
            Self::Opened { number, .. }
            | Self::Refused { number, .. }
            | Self::Seated { number }
            | Self::Absent { number, .. }
            | Self::Played { number, .. } => *number,
        }
    }

    /// True if nothing more will be said of that reservation.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Opened { .. } | Self::Seated { .. } => false,
            Self::Refused { .. } | Self::Absent { .. } | Self::Played { .. } => true,
        }
    }
}

/// JSON travels as its text, whatever the messages around it are written in.
mod as_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        json: &Option<Box<RawValue>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        json.as_ref().map(|json| json.get()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Box<RawValue>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| RawValue::from_string(text).map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_reads_back_with_its_configuration() {
        let config = || RawValue::from_string(r#"{"goal": 3}"#.to_owned()).unwrap();
        for config in [None, Some(config())] {
            let seats = vec![Reserved {
                seat: 1,
                player: Some("p".into()),
                address: Origin(7),
                name: "Ann".into(),
            }];
            let (hold, game) = (Duration::from_secs(15), "tally".into());
            let reservation =
                Reservation { number: 5, game, config, seats, n_bots: 1, hold, rated: true };
            let text = serde_json::to_string(&reservation).unwrap();
            let back: Reservation = serde_json::from_str(&text).unwrap();
            assert_eq!(format!("{reservation:?}"), format!("{back:?}"));
            let n_config = reservation.config.as_ref().map_or(0, |config| config.get().len());
            assert_eq!(back.n_bytes(), n_config + "Ann".len());
        }
    }

    #[test]
    fn a_configuration_that_is_no_json_is_not_read() {
        let text = r#"{"number":1,"game":"g","config":"{","seats":[],"n_bots":0,
                       "hold":{"secs":1,"nanos":0},"rated":false}"#;
        let error = serde_json::from_str::<Reservation>(text).unwrap_err();
        assert!(error.to_string().contains("EOF"), "{error}");
    }
}

//! Which players are online: those of whose sockets one is in `/lobby`, on whichever device.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Players whose presence one socket may want to know.
pub const MAX_PRESENCE_PLAYERS: usize = 100;
/// Bytes of a player's id: what an account may be called.
pub const MAX_PLAYER_BYTES: usize = 256;

/// Be told which of these players are online, and from then on of each change, until the socket's
/// end or another request, which takes the place of this one. A player's id is its account's, or a
/// guest's who has a token; who has neither has no presence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presence {
    /// Up to 100 ids, of 1 to 256 bytes each; none ends it.
    #[serde(deserialize_with = "read")]
    pub players: BTreeSet<String>,
}

/// Answer to [`Presence`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Online {
    /// Those of the players who are online, in the order of their ids.
    pub online: Vec<String>,
}

/// Somebody has come online, or is not any more. Reliable; who comes back within 2 s has not been
/// away, and of each player there is one change a second at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresencePush {
    /// Who.
    pub player: String,
    /// Whether.
    pub online: bool,
}

/// True for what may be the id of a player.
pub fn is_player(id: &str) -> bool {
    (1..=MAX_PLAYER_BYTES).contains(&id.len())
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let players: Vec<String> = Deserialize::deserialize(deserializer)?;
    if players.len() > MAX_PRESENCE_PLAYERS {
        let sentence = format!("the presence of {MAX_PRESENCE_PLAYERS} players can be known");
        return Err(de::Error::custom(sentence));
    }
    if !players.iter().all(|id| is_player(id)) {
        let sentence = format!("the id of a player has 1 to {MAX_PLAYER_BYTES} bytes");
        return Err(de::Error::custom(sentence));
    }
    Ok(players.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hundred_players_of_256_bytes_and_not_one_or_one_byte_more() {
        let read = |players: Vec<String>| {
            serde_json::from_value::<Presence>(json!({ "players": players }))
        };
        let ids = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(read(ids(100)).unwrap().players.len(), 100);
        assert!(read(ids(101)).unwrap_err().to_string().contains("100 players"));
        assert!(read(vec!["é".repeat(128)]).is_ok());
        for bad in ["x".repeat(257), String::new()] {
            assert!(read(vec![bad]).unwrap_err().to_string().contains("1 to 256 bytes"));
        }
        assert!(read(vec![]).unwrap().players.is_empty());
        assert_eq!(read(vec!["a".into(), "a".into()]).unwrap().players.len(), 1);
        assert!(serde_json::from_value::<Presence>(json!({})).is_err());
    }
}

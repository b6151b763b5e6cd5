//! Whom a player has blocked. The list is the player's, by whichever connection: it needs an
//! account, or a guest's token, and so does who is blocked.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{MAX_PLAYER_BYTES, is_player};

/// Whom one player may have blocked at a time.
pub const MAX_BLOCKS: usize = 200;

/// Block somebody: nothing that they say, show or type reaches you any more, and they see you as
/// offline. Whoever is blocked already stays so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// The player in this seat of the lobby that one is in.
    Seat(u8),
    /// The spectator of this name there.
    Spectator(String),
    /// The player of this id: that of an account, or of a guest with a token.
    Player(#[serde(deserialize_with = "read_player")] String),
}

/// Block somebody no more. Whoever is not blocked stays so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unblock {
    /// [`Blocked::number`].
    Number(u64),
    /// The player of this id, who was blocked by it.
    Player(#[serde(deserialize_with = "read_player")] String),
}

/// Somebody who is blocked: the answer to [`Block`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// For [`Unblock::Number`].
    pub number: u64,
    /// What they were called when they were blocked in a lobby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id by which they were blocked otherwise: who did not know it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
}

/// Answer to `blocks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// Up to 200, the oldest first. The server forgets them when it ends, and may forget those who
    /// have not been there for long before that.
    pub blocks: Vec<Blocked>,
}

fn read_player<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    if is_player(&id) {
        return Ok(id);
    }
    Err(de::Error::custom(format_args!("the id of a player has 1 to {MAX_PLAYER_BYTES} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_is_blocked_at_a_time_by_seat_name_or_id() {
        let read = |value| serde_json::from_value::<Block>(value).ok();
        assert_eq!(read(json!({"seat": 1})), Some(Block::Seat(1)));
        assert_eq!(read(json!({"spectator": "A"})), Some(Block::Spectator("A".to_owned())));
        let longest = "x".repeat(256);
        assert_eq!(read(json!({"player": longest})), Some(Block::Player(longest.clone())));
        let all = json!({"seat": 1, "player": "x"});
        for bad in [json!({"player": longest + "x"}), json!({"player": ""}), json!({}), all] {
            assert_eq!(read(bad.clone()), None, "{bad}");
        }
        let text = r#"{"seat":1,"player":"x"}"#;
        assert!(serde_json::from_str::<Block>(text).is_err());
        let unblock = Unblock::Number(7);
        assert_eq!(serde_json::to_value(&unblock).unwrap(), json!({"number": 7}));
    }
}

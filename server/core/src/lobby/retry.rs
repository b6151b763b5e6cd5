//! The first token of a place that was taken by a request with an idempotency key: the key decides
//! which it is, so that who sends the request again is known by the token, and nothing else has to
//! be kept. What becomes of them is `lobbies`' part.

use std::hash::{DefaultHasher, Hasher as _};

use parlor_shared::{
    api::lobby::IdempotencyKey,
    id::{ID_BYTES, LobbyId, ResumeToken},
};

use super::who::Who;
use crate::{cluster::Neighbours, ids::Ids};

/// Which token belongs to which key.
#[derive(Debug, Default)]
pub(super) struct FirstTokens {
    /// What nobody else can know; drawn with the first key.
    secret: Option<[u8; ID_BYTES]>,
}

impl FirstTokens {
    /// The token of whoever asked with this key to make a lobby, or to come into that one.
    pub(super) fn of(
        &mut self,
        key: &IdempotencyKey,
        who: &Who,
        into: Option<LobbyId>,
        neighbours: &Neighbours,
        ids: &mut Ids,
    ) -> ResumeToken {
        let secret = self.secret.get_or_insert_with(|| ids.take());
        let half = |number: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write(secret);
            hasher.write_u8(number);
            let into = into.as_ref().map_or("", LobbyId::as_str);
            let player = who.player.as_deref().unwrap_or_default();
            // Accounts have names, so who has none is nobody's namesake.
            for word in [into, key.as_str(), player] {
                hasher.write_usize(word.len());
                hasher.write(word.as_bytes());
            }
            hasher.finish().to_le_bytes()
        };
        let mut bytes = [0; ID_BYTES];
        bytes[..8].copy_from_slice(&half(0));
        bytes[8..16].copy_from_slice(&half(1));
        ResumeToken::from_bytes(neighbours.owners.mint(bytes, neighbours.own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::REFILL, key::ShardId};

    #[test]
    fn a_token_is_that_of_its_key_its_player_and_its_lobby_and_tells_its_shard() {
        let (mut tokens, mut ids) = (FirstTokens::default(), Ids::default());
        ids.refill((0..REFILL).map(|i| [i as u8; ID_BYTES]).collect());
        let neighbours = Neighbours::alone(7);
        let who = |player: &str| Who { player: Some(player.into()), ..Who::default() };
        let key = |text: &str| IdempotencyKey::parse(text).unwrap();
        let asked = [
            (key("0123456789abcdef"), Who::default(), None),
            (key("0123456789abcdeg"), Who::default(), None),
            (key("0123456789abcdef"), who("ada"), None),
            (key("0123456789abcdefa"), who("da"), None),
            (key("0123456789abcdef"), who("bob"), None),
            (key("0123456789abcdef"), who("ada"), Some(LobbyId::from_bytes([1; ID_BYTES]))),
            (key("0123456789abcdef"), who("ada"), Some(LobbyId::from_bytes([2; ID_BYTES]))),
        ];
        let mut all = || -> Vec<ResumeToken> {
            let of = |(key, who, into)| tokens.of(key, who, into, &neighbours, &mut ids);
            asked.iter().map(|(key, who, into)| (key, who, *into)).map(of).collect()
        };
        let (first, again) = (all(), all());
        assert_eq!(first, again, "the secret is drawn once");
        for (i, token) in first.iter().enumerate() {
            assert!(!first[..i].contains(token), "{i}");
            assert_eq!(neighbours.owners.shard_of(&token.to_bytes()), ShardId::default());
        }
        ids.take();
        let other =
            FirstTokens::default().of(&asked[0].0, &asked[0].1, None, &neighbours, &mut ids);
        assert!(!first.contains(&other), "another server's");
    }
}

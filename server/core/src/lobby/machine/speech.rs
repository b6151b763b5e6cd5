//! What members of a lobby say to each other: words are part of its story, reactions and typing are
//! not. How fast one may talk is `talk`'s knowledge.

use parlor_shared::api::lobby::{MAX_REACTION_BYTES, ReactionPush, TypingPush};

use super::*;
use crate::lobby::name::is_plain;

/// Longest thing one may say at once.
pub const MAX_CHAT_CODE_POINTS: usize = 500;

/// Volatile frames of `/lobby`: one kind for each seat's typing.
const TYPING_KEY: u64 = 2 << 32;
/// And one for each seat's reactions.
const REACTION_KEY: u64 = 7 << 32;

impl Lobby {
    pub(in crate::lobby) fn chat(
        &mut self,
        now: Now,
        at: usize,
        text: &str,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let n = text.chars().count();
        if n == 0 || n > MAX_CHAT_CODE_POINTS || !is_plain(text, true) {
            let message = format!(
                "a message has 1 to {MAX_CHAT_CODE_POINTS} characters, none of control or direction"
            );
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        let member = &mut self.members[at];
        if !member.spent(now.time).chat.take(now.time, TALK_RATE) {
            return Err(Refusal::new(code::RATE, "too many messages; wait a moment"));
        }
        let change = Change::Chat {
            name: member.name.to_string(),
            seat: member.place.seat(),
            text: text.to_owned(),
            at_ms: now.unix_ms,
        };
        let author = member.who.clone();
        self.say(change, &author, pushes);
        Ok(api::Done {})
    }

    pub(in crate::lobby) fn typing(
        &self,
        at: usize,
        typing: bool,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let member = &self.members[at];
        let (name, seat, from) = (member.name.to_string(), member.place.seat(), member.socket);
        let key = TYPING_KEY | u64::from(seat.unwrap_or(u8::MAX));
        let frame = event(push::TYPING, &TypingPush { name, seat, typing });
        let author = Some(&member.who);
        self.to_members(&frame, Delivery::Volatile { key }, (author, from), pushes);
        Ok(api::Done {})
    }

    /// Shows the others a reaction, and its author that it was shown.
    pub(in crate::lobby) fn react(
        &self,
        at: usize,
        reaction: &str,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let is_one = !reaction.is_empty()
            && reaction.len() <= MAX_REACTION_BYTES
            && !reaction.contains(char::is_whitespace);
        if !is_one || !is_plain(reaction, false) {
            let message = format!(
                "a reaction is one emoji or short word, of at most {MAX_REACTION_BYTES} bytes"
            );
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        let member = &self.members[at];
        let (name, seat) = (member.name.to_string(), member.place.seat());
        let key = REACTION_KEY | u64::from(seat.unwrap_or(u8::MAX));
        let reaction = ReactionPush { name, seat, reaction: reaction.to_owned() };
        let frame = event(push::REACTION, &reaction);
        let author = Some(&member.who);
        self.to_members(&frame, Delivery::Volatile { key }, (author, None), pushes);
        Ok(api::Done {})
    }
}

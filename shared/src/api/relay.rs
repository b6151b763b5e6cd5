//! Relay in a lobby: messages between players whose game the server does not know, and a state that
//! their host keeps for all. Its configuration, actions, view and event.
//! Who may say how much is decided by `parlor-games`.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The registered name of the game.
pub const GAME: &str = "relay";

/// Codes of relay in a [`super::Refusal`], beside [`super::code::RATE`] for who sends too much and
/// [`super::code::FORBIDDEN`] for what is the host's.
pub mod code {
    /// A message is for somebody who does not play in this match, or for nobody.
    pub const RECIPIENT: &str = "E_RECIPIENT";
    /// A message or state is larger than it may be.
    pub const TOO_LARGE: &str = "E_TOO_LARGE";
    /// An outcome names winners who do not play, or a reason that is no short plain text.
    pub const OUTCOME: &str = "E_OUTCOME";
}

/// Words that stand in [`super::lobby::Outcome::reason`] after a relay match, beside those that the
/// host chose.
pub mod reason {
    /// The host finished without a reason.
    pub const FINISHED: &str = "finished";
    /// All players have left.
    pub const ABANDONMENT: &str = "abandonment";
}

/// Configuration of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Longest `data` of one message, in bytes of its JSON: 1 to 65,536.
    pub max_bytes: u32,
    /// What one player may send and publish each second, in the long run: 1 to 100.
    pub per_second: u32,
    /// The same at once: 1 to 200.
    pub burst: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_bytes: 16 * 1024, per_second: 30, burst: 60 }
    }
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Recipients {
    /// `"all"`, `"others"` or `"host"`.
    Group(Group),
    /// The player in this seat.
    Seat(u8),
    /// The players in these seats.
    Seats(Vec<u8>),
}

/// Whom a message is for, by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Everybody in the lobby: the sender too, and those who watch.
    All,
    /// Everybody in the lobby but the sender.
    Others,
    /// Whoever is host when it arrives.
    Host,
}

/// What a player does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "AnyAction<'_>")]
pub enum Action {
    /// Say something to others, who get it as [`Event::Message`].
    Send {
        /// To whom.
        to: Recipients,
        /// What: any JSON.
        data: Box<RawValue>,
        /// True: it may be lost, and of what one sender says so, only the newest waits for a slow
        /// client. Absent: it arrives, in order.
        #[serde(default, skip_serializing_if = "is_false")]
        volatile: bool,
    },
    /// The host alone: this is the state of the match now, for all and for those who come later.
    Publish {
        /// Any JSON, at most 65,536 bytes; in the [`View`] as it is.
        state: Box<RawValue>,
    },
    /// The host alone: the match is over.
    Finish {
        /// The seats that won; absent: nobody, or a draw.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        winners: Vec<u8>,
        /// Why it is over: 1 to 64 letters, digits, blanks and ASCII punctuation marks; absent:
        /// `finished`. The words `crashed` and `abandoned` are Parlor's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// What everybody sees.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct View {
    /// The seat that hosts; absent if nobody is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u8>,
    /// The seats that play: whom messages can be for.
    pub seats: Vec<u8>,
    /// What a host published last; null before.
    pub state: Box<RawValue>,
}

/// What happened, pushed once: in a [`super::lobby::MatchEvent`], or if it was sent so in a
/// [`super::lobby::VolatileEvent`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "AnyEvent<'_>")]
pub enum Event {
    /// A player said something.
    Message {
        /// The sender's seat.
        from: u8,
        /// What was sent, as it was.
        data: Box<RawValue>,
    },
}

/// An action as it is read: raw JSON cannot be read from within a tagged enum.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyAction<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    to: Option<Recipients>,
    #[serde(default, deserialize_with = "given")]
    data: Option<Box<RawValue>>,
    volatile: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    state: Option<Box<RawValue>>,
    winners: Option<Vec<u8>>,
    reason: Option<String>,
}

impl TryFrom<AnyAction<'_>> for Action {
    type Error = &'static str;

    fn try_from(any: AnyAction<'_>) -> Result<Self, Self::Error> {
        let AnyAction { kind, to, data, volatile, state, winners, reason } = any;
        match (&*kind, to, data, volatile, state, winners, reason) {
            ("send", Some(to), Some(data), volatile, None, None, None) => {
                Ok(Self::Send { to, data, volatile: volatile.unwrap_or(false) })
            }
            ("publish", None, None, None, Some(state), None, None) => Ok(Self::Publish { state }),
            ("finish", None, None, None, None, winners, reason) => {
                Ok(Self::Finish { winners: winners.unwrap_or_default(), reason })
            }
            ("send", ..) => Err("`send` takes `to`, `data` and, if you want, `volatile`"),
            ("publish", ..) => Err("`publish` takes `state` alone"),
            ("finish", ..) => Err("`finish` takes, if you want, `winners` and `reason`"),
            _ => Err("the type of an action is `send`, `publish` or `finish`"),
        }
    }
}

/// An event as it is read.
#[derive(Deserialize)]
struct AnyEvent<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    from: u8,
    data: Box<RawValue>,
}

impl TryFrom<AnyEvent<'_>> for Event {
    type Error = &'static str;

    fn try_from(AnyEvent { kind, from, data }: AnyEvent<'_>) -> Result<Self, Self::Error> {
        match &*kind {
            "message" => Ok(Self::Message { from, data }),
            _ => Err("the type of an event is `message`"),
        }
    }
}

/// What is there is there, `null` too.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let action: Action = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&action).unwrap())
    }

    #[test]
    fn actions_are_written_as_they_were_read() {
        for text in [
            r#"{"type":"send","to":"all","data":{"x":1.50}}"#,
            r#"{"type":"send","to":"others","data":null,"volatile":true}"#,
            r#"{"type":"send","to":"host","data":[]}"#,
            r#"{"type":"send","to":3,"data":"hi"}"#,
            r#"{"type":"send","to":[0,15],"data":0}"#,
            r#"{"type":"publish","state":null}"#,
            r#"{"type":"finish"}"#,
            r#"{"type":"finish","winners":[1],"reason":"flag"}"#,
        ] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn an_action_of_another_shape_is_refused_with_a_sentence() {
        for (text, sentence) in [
            (r#"{"type":"send","to":"all"}"#, "`send` takes"),
            (r#"{"type":"send","data":1}"#, "`send` takes"),
            (r#"{"type":"send","to":"all","data":1,"state":2}"#, "`send` takes"),
            (r#"{"type":"send","to":"nobody","data":1}"#, "Recipients"),
            (r#"{"type":"send","to":256,"data":1}"#, "Recipients"),
            (r#"{"type":"publish"}"#, "`publish` takes"),
            (r#"{"type":"publish","state":1,"to":"all"}"#, "`publish` takes"),
            (r#"{"type":"finish","data":1}"#, "`finish` takes"),
            (r#"{"type":"shout"}"#, "the type of an action is"),
            (r#"{"type":"finish","because":1}"#, "unknown field"),
            ("7", "invalid type"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(sentence), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_message_reads_back() {
        let text = r#"{"type":"message","from":2,"data":{"a":[1.0]}}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
    }
}

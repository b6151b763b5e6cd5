//! The events of Parlor's own namespaces, in both directions: the only types that travel.
//! Codecs are not known here; what the events do is decided in `parlor-core`.

pub mod chess;
pub mod circles;
pub mod delta;
pub mod lobby;
pub mod matchmaking;
pub mod relay;
pub mod signal;
pub mod time;

use std::fmt;

use serde::{Deserialize, Serialize};

/// The answer in an acknowledgement: `{"ok":true, …}` with the fields of `T`, or
/// `{"ok":false,"code":"E_…","message":"…"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<T> {
    /// The request was accepted.
    Ok(T),
    /// The request was refused and nothing changed.
    Refused(Refusal),
}

/// Why a request was refused: a stable code for programs, one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// One of the `E_…` codes of [`code`], or one that a game defines.
    pub code: String,
    /// One sentence in English that says what was wrong.
    pub message: String,
}

impl Refusal {
    /// A refusal with this code and sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl<T> Reply<T> {
    /// The reply as a `Result`.
    ///
    /// # Errors
    /// The refusal, if there was one.
    pub fn into_result(self) -> Result<T, Refusal> {
        match self {
            Self::Ok(value) => Ok(value),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

impl<T> From<Result<T, Refusal>> for Reply<T> {
    fn from(result: Result<T, Refusal>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

#[derive(Serialize)]
struct Accepted<'a, T> {
    ok: bool,
    #[serde(flatten)]
    value: &'a T,
}

#[derive(Serialize)]
struct Denied<'a> {
    ok: bool,
    #[serde(flatten)]
    refusal: &'a Refusal,
}

impl<T: Serialize> Serialize for Reply<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ok(value) => Accepted { ok: true, value }.serialize(serializer),
            Self::Refused(refusal) => Denied { ok: false, refusal }.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reply<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        // RawValue keeps this independent of T, which may itself hold raw JSON.
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        #[derive(Deserialize)]
        struct Head {
            ok: bool,
        }
        let head: Head = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        if head.ok {
            serde_json::from_str(raw.get()).map(Self::Ok).map_err(D::Error::custom)
        } else {
            serde_json::from_str(raw.get()).map(Self::Refused).map_err(D::Error::custom)
        }
    }
}

/// The event by which a client hears that it sends more than it may: some of it was dropped.
pub const RATE_LIMITED: &str = "rate_limited";

/// What comes with [`RATE_LIMITED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimited {
    /// [`code::RATE`]
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// Events dropped since the client was told last.
    pub dropped: u32,
}

impl RateLimited {
    /// So many were dropped.
    pub fn new(dropped: u32) -> Self {
        let message = "too many messages; slow down, or the connection ends".to_owned();
        Self { code: code::RATE.to_owned(), message, dropped }
    }
}

/// The event by which a client hears that its token expires soon.
pub const EXPIRING: &str = "auth:expiring";
/// The event by which a guest who asked for it is told its token.
pub const GUEST: &str = "auth:guest";
/// The event by which a client brings a new token: its argument, or `token` of its argument. Eight
/// in vain, one after the other, and the socket is disconnected.
pub const RENEW: &str = "auth:renew";

/// What comes with [`EXPIRING`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// Milliseconds until the client is disconnected.
    pub in_ms: u64,
}

/// What the answer to [`RENEW`] holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Seconds from the Unix epoch to the new token's end.
    pub expires: u64,
}

/// A guest's token, as it is told: [`GUEST`], and the answer to `POST /guest`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestToken {
    /// To be sent as `token` with each CONNECT, to be the same player again.
    pub token: String,
    /// Whom it names.
    pub account: String,
    /// Seconds from the Unix epoch to its end.
    pub expires: u64,
}

impl fmt::Debug for GuestToken {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestToken")
            .field("account", &self.account)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Codes that Parlor itself puts into a [`Refusal`].
pub mod code {
    /// The arguments are not what this event takes.
    pub const BAD_REQUEST: &str = "E_BAD_REQUEST";
    /// No such event in this namespace.
    pub const UNKNOWN_EVENT: &str = "E_UNKNOWN_EVENT";
    /// No game of that name is registered.
    pub const UNKNOWN_GAME: &str = "E_UNKNOWN_GAME";
    /// The game refused its configuration.
    pub const BAD_CONFIG: &str = "E_BAD_CONFIG";
    /// The name is empty, longer than 64 code points, or holds characters that are not seen, or
    /// too many marks on a letter.
    pub const NAME: &str = "E_NAME";
    /// Somebody in the lobby has this name, or one that looks the same.
    pub const NAME_TAKEN: &str = "E_NAME_TAKEN";
    /// No lobby with this id or code (also: a private one asked for by id without its code).
    pub const NOT_FOUND: &str = "E_NOT_FOUND";
    /// The lobby has a password, and this is not it.
    pub const PASSWORD: &str = "E_PASSWORD";
    /// The host keeps this player, or this address, out of the lobby.
    pub const BANNED: &str = "E_BANNED";
    /// Another connection holds this place, and the server lets none take over.
    pub const CONNECTED: &str = "E_CONNECTED";
    /// Nobody is overdue: there is nothing to claim.
    pub const NOT_OVERDUE: &str = "E_NOT_OVERDUE";
    /// The lobby is locked: nobody new comes in.
    pub const LOCKED: &str = "E_LOCKED";
    /// Nobody sits in this seat, or not somebody who can do what is asked.
    pub const SEAT: &str = "E_SEAT";
    /// Another seat has this colour.
    pub const COLOUR: &str = "E_COLOUR";
    /// Every seat (or every spectator's place) is taken.
    pub const FULL: &str = "E_FULL";
    /// This socket is already in a lobby; leave it first.
    pub const IN_LOBBY: &str = "E_IN_LOBBY";
    /// This socket is in no lobby.
    pub const NOT_IN_LOBBY: &str = "E_NOT_IN_LOBBY";
    /// Only the host (or only a seated player, or who has an account) may do this.
    pub const FORBIDDEN: &str = "E_FORBIDDEN";
    /// Not possible in the lobby's present phase.
    pub const PHASE: &str = "E_PHASE";
    /// Not everyone is ready.
    pub const NOT_READY: &str = "E_NOT_READY";
    /// The token of an account is not accepted, or there is none where one is asked for.
    pub const AUTH: &str = "E_AUTH";
    /// The resume token is unknown, used or expired.
    pub const TOKEN: &str = "E_TOKEN";
    /// Too many requests of this kind; try again in a few seconds.
    pub const RATE: &str = "E_RATE";
    /// The number of an input is more than 1,024 above the last.
    pub const SEQ: &str = "E_SEQ";
    /// The number of an input is below the last 64, or was left out by one above it.
    pub const SEQ_OLD: &str = "E_SEQ_OLD";
    /// The tick that an input is for has been.
    pub const LATE: &str = "E_LATE";
    /// The tick that an input is for is too far ahead.
    pub const EARLY: &str = "E_EARLY";
    /// Another part of the server does not answer; the request may have been carried out.
    pub const UNAVAILABLE: &str = "E_UNAVAILABLE";
    /// There are as many of these as there may be: lobbies of the server, what is watched from one
    /// address, whom one player has blocked.
    pub const LIMIT: &str = "E_LIMIT";
    /// There is no match, or this socket does not play in it.
    pub const NOT_IN_MATCH: &str = "E_NOT_IN_MATCH";
    /// The match has ended.
    pub const MATCH_OVER: &str = "E_MATCH_OVER";
    /// The game failed; the match has been ended.
    pub const MATCH_CRASH: &str = "E_MATCH_CRASH";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: i32,
    }

    #[test]
    fn a_reply_reads_back_as_it_was_written() {
        let yes: Reply<Point> = Reply::Ok(Point { x: 3 });
        let text = serde_json::to_string(&yes).unwrap();
        assert_eq!(text, r#"{"ok":true,"x":3}"#);
        assert_eq!(serde_json::from_str::<Reply<Point>>(&text).unwrap(), yes);

        let no: Reply<Point> = Reply::Refused(Refusal::new(code::FULL, "no seat is free"));
        let text = serde_json::to_string(&no).unwrap();
        assert_eq!(text, r#"{"ok":false,"code":"E_FULL","message":"no seat is free"}"#);
        assert_eq!(serde_json::from_str::<Reply<Point>>(&text).unwrap(), no);
    }
}

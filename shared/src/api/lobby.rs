//! Namespace `/lobby`: what clients ask and what the server pushes, from gathering to rematch.
//! One socket is in at most one lobby, so events after `create`, `join` and `resume` name none.
//! What a game's actions and views look like is the game's own page (see [`super::chess`]). How
//! lobbies are found is said beside: `metadata`, `filter`, `listing`.

mod blocks;
mod crowd;
mod entrance;
mod filter;
mod listing;
mod metadata;
mod quick;

mod format;
mod input;
mod phases;
mod presence;
mod retry;
mod seats;
mod settings;
mod talk;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

pub use blocks::{Block, Blocked, Blocks, MAX_BLOCKS, Unblock};
pub use crowd::*;
pub use entrance::{Create, Join, Joined, PeerAdmitted, Resume, Role};
pub use filter::*;
pub use format::Format;
pub use input::ForTick;
pub use listing::*;
pub use metadata::*;
pub use phases::{Closed, ClosedReason, Phase, StartRule};
pub use presence::{
    MAX_PLAYER_BYTES, MAX_PRESENCE_PLAYERS, Online, Presence, PresencePush, is_player,
};
pub use quick::Quick;
pub use retry::{IdempotencyKey, MAX_KEY_LETTERS, MIN_KEY_LETTERS};
pub use seats::{Ban, Kick, Kicked, LeaveReason};
pub use settings::{Colour, HandOver, Paint, Settings, Terms};
pub use talk::{Chat, MAX_REACTION_BYTES, React, ReactionPush, Typing, TypingPush};

/// Name of the namespace.
pub const NAMESPACE: &str = "/lobby";

/// Names of the events that clients send; each is answered in its acknowledgement by a
/// [`super::Reply`].
pub mod request {
    /// [`super::Create`] → [`super::Joined`].
    pub const CREATE: &str = "create";
    /// [`super::Join`] → [`super::Joined`].
    pub const JOIN: &str = "join";
    /// [`super::Resume`] → [`super::Joined`]: back to one's seat after a lost connection. A socket
    /// that still holds the seat is disconnected.
    pub const RESUME: &str = "resume";
    /// [`super::Quick`] → [`super::Joined`]: a seat in the best open lobby that fits, or in one of
    /// one's own.
    pub const QUICK: &str = "quick";
    /// [`super::Filter`] → [`super::Listing`]: the public lobbies that it lets through. Without an
    /// argument: all.
    pub const LIST: &str = "list";
    /// [`super::Filter`] → [`super::Listing`], and from then on [`super::push::LISTING`] whenever
    /// it changes, until `unwatch`, another `watch` or the socket's end. Without an argument: all.
    pub const WATCH: &str = "watch";
    /// No argument → [`super::Done`]: ends what `watch` began.
    pub const UNWATCH: &str = "unwatch";
    /// [`super::Presence`] → [`super::Online`], and from then on [`super::push::PRESENCE`].
    pub const PRESENCE: &str = "presence";
    /// [`super::Block`] → [`super::Blocked`].
    pub const BLOCK: &str = "block";
    /// [`super::Unblock`] → [`super::Done`].
    pub const UNBLOCK: &str = "unblock";
    /// No argument → [`super::Blocks`]: whom one has blocked.
    pub const BLOCKS: &str = "blocks";
    /// [`super::Settings`] → [`super::Done`]: the host changes how the lobby is run.
    pub const SETTINGS: &str = "settings";
    /// [`super::HandOver`] → [`super::Done`]: the host makes another seat host.
    pub const HOST: &str = "host";
    /// [`super::Kick`] → [`super::Done`]: the host sends somebody away.
    pub const KICK: &str = "kick";
    /// No argument → [`super::BotSeated`]: the host seats a bot, if the game has such, and not in a
    /// match that nobody can join. `kick` sends it away.
    pub const BOT: &str = "bot";
    /// No argument → [`super::Done`]: this seat claims what the game gives for it that others are
    /// overdue: dropped for longer than its grace.
    pub const CLAIM: &str = "claim";
    /// [`super::Paint`] → [`super::Done`]: another colour for one's own seat.
    pub const COLOUR: &str = "colour";
    /// [`super::Ready`] → [`super::Done`].
    pub const READY: &str = "ready";
    /// No argument → [`super::Done`]: the host starts the match, which counts as being ready. Only
    /// if the lobby leaves that to its host ([`super::StartRule::Host`]).
    pub const START: &str = "start";
    /// No argument → [`super::Done`]: the host ends the countdown to a match. If the match would
    /// begin by itself, the host is no longer ready.
    pub const STOP: &str = "stop";
    /// [`super::Chat`] → [`super::Done`].
    pub const CHAT: &str = "chat";
    /// [`super::OpenPoll`] → [`super::Done`]: the host asks audience and spectators something.
    pub const POLL: &str = "poll";
    /// [`super::Vote`] → [`super::Done`]: one of them answers.
    pub const VOTE: &str = "vote";
    /// [`super::React`] → [`super::Done`].
    pub const REACT: &str = "react";
    /// [`super::Typing`] → [`super::Done`].
    pub const TYPING: &str = "typing";
    /// The game's own action → [`super::Acted`].
    pub const ACTION: &str = "action";
    /// A number, the game's own action and perhaps [`super::ForTick`] → [`super::Acted`]: an
    /// action that is applied once, however often it is sent. The numbers (1 to 2^53 − 1) of a
    /// seat grow by 1,024 at most, and begin anew with each match. One of the last 64 that comes
    /// again is answered as it was first, whatever it brings; one before them, or one that was
    /// left out, is refused with `E_SEQ_OLD`. What the game refuses has used its number; what is
    /// refused with `E_RATE`, `E_SEQ`, `E_LATE`, `E_EARLY`, `E_NOT_IN_MATCH` or `E_MATCH_OVER`
    /// has not, unless it had been waiting for its tick.
    pub const INPUT: &str = "input";
    /// No argument → [`super::Done`]: a whole [`super::State`] comes next. For those who got a
    /// [`super::Delta`] whose base they do not know.
    pub const RESYNC: &str = "resync";
    /// No argument → [`super::Done`]: this seat wants another match; it begins when all do.
    pub const REMATCH: &str = "rematch";
    /// No argument → [`super::PeerAdmitted`]: who has a seat may become a peer of the others.
    pub const PEER: &str = "peer";
    /// No argument → [`super::Done`].
    pub const LEAVE: &str = "leave";
}

/// Names of the events that the server pushes.
pub mod push {
    /// [`super::Changed`]: reliable, in order, versions without a gap.
    pub const CHANGED: &str = "changed";
    /// [`super::MatchEvent`]: reliable, in order, counted in the same versions as `changed`.
    pub const EVENT: &str = "event";
    /// [`super::VolatileEvent`]: what soon is old; may be lost, and counts in no version.
    pub const VOLATILE: &str = "volatile";
    /// [`super::State`]: what this viewer may know of the match; only the newest counts.
    pub const STATE: &str = "state";
    /// [`super::Delta`]: the same in short, for those who asked for `deltas`.
    pub const DELTA: &str = "delta";
    /// [`super::Kicked`]: the host sent you away; the last one from the lobby.
    pub const KICKED: &str = "kicked";
    /// [`super::Closed`]: the lobby is no more; the last one from it.
    pub const CLOSED: &str = "closed";
    /// [`super::ListingChange`]: what is watched has changed; reliable, at most four a second.
    pub const LISTING: &str = "listing";
    /// [`super::PresencePush`]: a player has come online, or is not any more.
    pub const PRESENCE: &str = "presence";
    /// [`super::TypingPush`]: somebody began or stopped typing; may be lost.
    pub const TYPING: &str = "typing";
    /// [`super::AudiencePush`]: another number of people in the audience; may be lost.
    pub const AUDIENCE: &str = "audience";
    /// [`super::Tally`]: how the votes stand; may be lost.
    pub const TALLY: &str = "tally";
    /// [`super::ReactionPush`]: somebody reacts; may be lost, and of one seat's the newest counts.
    pub const REACTION: &str = "reaction";
}

/// Who may find a lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Listed, and joined by id or code.
    Public,
    /// Not listed, and joined by id or code.
    Unlisted,
    /// Not listed, and joined by its code alone.
    #[default]
    Private,
}

/// Say whether this seat is ready.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// True: ready.
    pub ready: bool,
}

/// Answer to an action that the game accepted. In a game with ticks it comes with the tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// How many actions the match had accepted then, this one included; [`State::turn`] counts
    /// alike.
    pub turn: u64,
}

/// Answer to `bot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotSeated {
    /// The bot's seat.
    pub seat: u8,
}

/// Answer to a request that has nothing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// A whole lobby as one viewer may know it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Lobby {
    /// Identifies the lobby; for [`Join::id`] if it is not private.
    pub id: String,
    /// The code to tell friends.
    pub code: String,
    /// The game's registered name.
    pub game: String,
    /// The game's configuration, defaults filled in.
    pub config: Box<RawValue>,
    /// Who may find it.
    pub visibility: Visibility,
    /// True if others must say a password to come in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub password: bool,
    /// True if nobody new comes in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// True if bots take the seats that are free when a match begins.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fill: bool,
    /// When a match begins.
    #[serde(default)]
    pub start: StartRule,
    /// Where it stands.
    pub phase: Phase,
    /// When the match begins, in milliseconds since the Unix epoch; only while it is starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at_ms: Option<u64>,
    /// Of the last change or event contained here: each viewer counts what it was told.
    pub version: u64,
    /// The seat that may start; absent while nobody has one: bots do not lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u8>,
    /// The seats taken, by number.
    pub seats: Vec<Seat>,
    /// Seats in all.
    pub capacity: u8,
    /// Seats that must be taken for a match to begin.
    pub needed: u8,
    /// How many watch.
    pub spectators: u32,
    /// How many are in the audience beside them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub audience: u32,
    /// The question that is being voted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// How many may.
    #[serde(default)]
    pub max_spectators: u8,
    /// What others find it by.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The running or last match; absent before the first, and when the lobby is open again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// One taken seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Number of the seat, from 0.
    pub seat: u8,
    /// The player's name.
    pub name: String,
    /// False while the connection is lost and the seat is kept.
    pub connected: bool,
    /// Ready for the next match (in [`Phase::Finished`]: wants a rematch).
    pub ready: bool,
    /// True while others may claim, as it has been without a connection for so long.
    #[serde(default, skip_serializing_if = "is_false")]
    pub overdue: bool,
    /// Its colour; absent for those for whom none was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// True if nobody plays it: a bot does, who is always ready, and makes way for somebody who
    /// comes when every seat is taken.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bot: bool,
}

/// What a viewer may know of a match after `turn` accepted actions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// Number of the match in this lobby, from 1.
    pub number: u32,
    /// Accepted actions so far.
    pub turn: u64,
    /// The tick that comes next, from 0: what arrives now is applied with it. Only while a match
    /// with ticks is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<u64>,
    /// Who plays, or played, this match, by seat; the seat may have been taken by others since.
    pub players: Vec<Player>,
    /// The game's own view; null if the game has crashed.
    pub view: Box<RawValue>,
    /// How it ended; absent while it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The highest number of an `input` that the game accepted, for each seat that sent one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub applied: BTreeMap<u8, u64>,
    /// Which of this viewer's states it is: each is numbered, though not each is sent. May begin
    /// anew after [`Create`], [`Join`] and [`Resume`], and with a match. Only in a push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// True if later [`Delta`]s may build on this state: keep it. Only in a push.
    #[serde(default, skip_serializing_if = "is_false")]
    pub key: bool,
}

/// A [`State`] as what differs from an earlier one: for those who asked for `deltas`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Which state it leads to; counts like [`State::n`].
    pub n: u64,
    /// The state with this [`State::n`] is what it builds on: always the last one with `key`. Who
    /// does not have it ignores the delta and asks for `resync`.
    pub base: u64,
    /// What to apply to that state, but for its `n` and `key` (see [`super::delta`]).
    pub delta: Value,
}

/// Who plays a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Number of the seat.
    pub seat: u8,
    /// The name at the start of the match.
    pub name: String,
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The seats that won; empty: a draw, or nobody.
    pub winners: Vec<u8>,
    /// The game's word for it, such as `checkmate`; `crashed` and `timeout` are Parlor's own.
    pub reason: String,
}

/// A change of the lobby: reliable, and `version` is always one more than the last that this viewer
/// was told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changed {
    /// How much this viewer was told, this change included.
    pub version: u64,
    /// What changed.
    pub change: Change,
}

/// Something happened in the match, in the game's own words: reliable, and `version` is always
/// one more than that of the last [`Changed`] or `MatchEvent`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MatchEvent {
    /// How much this viewer was told, this event included.
    pub version: u64,
    /// Accepted actions so far; [`State::turn`] counts alike.
    pub turn: u64,
    /// The game's own event.
    pub event: Box<RawValue>,
}

/// Something of the moment in the match, in the game's own words: it may be lost, and of one kind
/// only the newest waits for a slow client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolatileEvent {
    /// Accepted actions so far; [`State::turn`] counts alike.
    pub turn: u64,
    /// The game's own event.
    pub event: Box<RawValue>,
}

/// What changed in a lobby.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Change {
    /// A player, or a bot, took a seat: this one.
    Joined(Seat),
    /// A player's connection was lost; the seat is kept for a while. In an open lobby, or one
    /// that is starting, a `ready` comes before, if it was.
    Dropped {
        /// Which.
        seat: u8,
        /// Until when it is kept, in milliseconds since the Unix epoch.
        kept_until_ms: u64,
        /// From when on, if they are not back, others may claim, in milliseconds since the Unix
        /// epoch. Not before `kept_until_ms`: then there is nothing to claim.
        #[serde(default)]
        claim_from_ms: u64,
    },
    /// A dropped player has not come back for so long that others may claim.
    Overdue {
        /// Which.
        seat: u8,
    },
    /// A dropped player is back.
    Returned {
        /// Which.
        seat: u8,
    },
    /// A seat became free.
    Left {
        /// Which.
        seat: u8,
        /// Why.
        reason: LeaveReason,
    },
    /// Another seat is host now: the last one left, lost its connection, or handed it over.
    Host {
        /// Which.
        seat: u8,
    },
    /// The host changed how the lobby is run: to this.
    Settings(Terms),
    /// A seat chose another colour.
    Colour {
        /// Which seat.
        seat: u8,
        /// Which colour.
        colour: Colour,
    },
    /// A seat said whether it is ready.
    Ready {
        /// Which.
        seat: u8,
        /// Whether.
        ready: bool,
    },
    /// The number of spectators changed.
    Spectators {
        /// How many there are now.
        count: u32,
    },
    /// A match begins in a moment, unless somebody is no longer ready, drops or leaves.
    Starting {
        /// When, in milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// It does not: the lobby is open.
    Stopped,
    /// Nobody wanted another match for a while: the lobby is open again, and the last match is no
    /// longer to be seen.
    Opened,
    /// A match began, and nobody but bots is ready for the next one yet; a `state` follows.
    Started {
        /// Number of the match in this lobby, from 1.
        number: u32,
    },
    /// The match ended.
    Finished {
        /// How.
        outcome: Outcome,
    },
    /// The host has asked something, and votes are taken.
    Poll(Poll),
    /// No more votes are taken: how they stand.
    PollEnded(Tally),
    /// Somebody said something. Not told to the audience.
    Chat {
        /// The speaker's name.
        name: String,
        /// The speaker's seat; absent for a spectator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seat: Option<u8>,
        /// What was said.
        text: String,
        /// When, in milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// Something that only a later version of Parlor knows: for clients, which go on without it.
    #[serde(other)]
    Unknown,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_with_what_only_pushes_have() {
        let text = concat!(
            r#"{"number":1,"turn":2,"players":[],"view":{"x":1.0},"#,
            r#""applied":{"3":7},"n":5,"key":true}"#
        );
        let state: State = serde_json::from_str(text).unwrap();
        assert_eq!((state.n, state.key, state.applied[&3]), (Some(5), true, 7));
        assert_eq!(serde_json::to_string(&state).unwrap(), text);
        // As a client has it after a delta.
        let value: Value = serde_json::from_str(text).unwrap();
        let state: State = serde_json::from_value(value).unwrap();
        assert_eq!((state.view.get(), state.applied[&3]), (r#"{"x":1.0}"#, 7));
    }
}

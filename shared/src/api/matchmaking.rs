//! The matchmaker in namespace `/matchmaking`: a player, or a party, hands in a ticket to a queue,
//! is told how it stands with it, says yes to what is proposed, and gets a seat in a lobby.
//!
//! ```text
//!            ┌────────────── somebody else fails ◄────────────┐
//!            ▼                                                │
//!  create ─► queued ─► proposed ─► accepted ─► assigned ──────┤
//!            │             │            │           │         │
//!            └─────────────┴────────────┴───────────┴──► ended, once, with a reason
//! ```

mod party;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lobby::IdempotencyKey;
use crate::id::{LobbyId, TicketId};

pub use party::{
    CreateParty, JoinParty, OwnParty, Party, PartyLeft, PartyLeftReason, PartyMember, PartyReady,
    WhichMember, WhichParty,
};

/// The namespace.
pub const NAMESPACE: &str = "/matchmaking";

/// Attributes of one ticket.
pub const MAX_ATTRIBUTES: usize = 16;
/// Texts of one attribute.
pub const MAX_TEXTS: usize = 32;
/// Bytes of one text, or of an attribute's or region's name.
pub const MAX_TEXT_BYTES: usize = 64;
/// Regions of which a ticket names its latency.
pub const MAX_REGIONS: usize = 32;
/// Largest latency that counts; what is above is this, in milliseconds.
pub const MAX_LATENCY_MS: u32 = 2_000;
/// Players whom one ticket wants to avoid.
pub const MAX_AVOIDED: usize = 64;

/// What clients ask. Each wants an answer.
pub mod request {
    /// No argument → [`super::Queues`]
    pub const QUEUES: &str = "queues";
    /// [`super::Create`] → [`super::Ticket`]: wait for a match.
    pub const CREATE: &str = "create";
    /// [`super::Which`] → [`super::Ticket`]: how it stands. From then on this socket is told of
    /// it, as after `create`: what a client asks that lost its connection.
    pub const TICKET: &str = "ticket";
    /// [`super::Which`] → [`super::Ticket`]: wait no more. Too late once a lobby is made.
    pub const CANCEL: &str = "cancel";
    /// [`super::Which`] → [`super::Ticket`]: yes to the match that is proposed.
    pub const ACCEPT: &str = "accept";
    /// [`super::Which`] → [`super::Ticket`]: no. One then has to wait before the next ticket.
    pub const DECLINE: &str = "decline";
    /// [`super::WhichParty`] → [`super::OwnParty`]: that which one is in. From then on this socket
    /// is told of it: what a client asks that lost its connection.
    pub const PARTY: &str = "party";
    /// [`super::CreateParty`] → [`super::OwnParty`]
    pub const PARTY_CREATE: &str = "party:create";
    /// [`super::JoinParty`] → [`super::OwnParty`]
    pub const PARTY_JOIN: &str = "party:join";
    /// [`super::PartyReady`] → [`super::super::lobby::Done`]
    pub const PARTY_READY: &str = "party:ready";
    /// No argument → [`super::super::lobby::Done`]
    pub const PARTY_LEAVE: &str = "party:leave";
    /// [`super::WhichMember`] → [`super::super::lobby::Done`]: the leader sends a member away, and
    /// the party has another code.
    pub const PARTY_KICK: &str = "party:kick";
    /// [`super::WhichMember`] → [`super::super::lobby::Done`]: the leader makes a member leader.
    pub const PARTY_PROMOTE: &str = "party:promote";
    /// [`super::AskRatings`] → [`super::Ratings`]
    pub const RATINGS: &str = "ratings";
}

/// What clients are told.
pub mod push {
    /// [`super::Ticket`]: it stands otherwise with it. Reliable, in order.
    pub const TICKET: &str = "ticket";
    /// [`super::Progress`]: it still waits. Now and then; may be lost, and only the newest counts.
    pub const PROGRESS: &str = "progress";
    /// [`super::Party`]: one's party is another. Reliable.
    pub const PARTY: &str = "party";
    /// [`super::PartyLeft`]: one is in no party any more.
    pub const PARTY_LEFT: &str = "party:left";
    /// [`super::Rated`]: a rated match has ended.
    pub const RATED: &str = "rated";
}

/// Codes of `/matchmaking` in a [`super::Refusal`], beside [`super::code`]'s `E_BAD_REQUEST`,
/// `E_RATE`, `E_LIMIT` (too many tickets on this server), `E_AUTH` (a rated queue needs an account
/// or a guest's token), `E_NAME` and `E_NOT_FOUND` (no such ticket of one's own, or queue).
pub mod code {
    /// One has declined, not come, or left a match: the sentence says how long to wait.
    pub const COOLDOWN: &str = "E_COOLDOWN";
    /// Not possible in the ticket's present state.
    pub const STATE: &str = "E_STATE";
    /// More attributes, regions or names than a ticket may have, or longer ones; or an attribute
    /// that a rule asks for is not there, of another kind, or says what cannot be chosen.
    pub const QUERY: &str = "E_QUERY";
    /// Only the party's leader may do this, or only who is in a party; or one may not do it who is
    /// in a party with others, such as wait alone in a rated queue.
    pub const PARTY: &str = "E_PARTY";
}

/// Wait for a match in a queue. Who waits already, and may have no more tickets, waits with this
/// one instead: the other ends with [`Reason::Replaced`]. While a match is proposed to it, or a
/// seat is kept for it, that is `E_STATE`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Its name: one of [`Queues`].
    pub queue: String,
    /// How one wants to be called in the lobby. Absent: `Player`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the queue's rules ask for beside the rating, by name: [`Queue::asks`]. All else is
    /// forgotten.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// How far each region is, in milliseconds of a round trip.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latencies: BTreeMap<String, u32>,
    /// Accounts with whom one does not want to play.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<String>,
    /// The side that one would rather have, counted from 0: in chess 0 is white. Who wants what
    /// nobody else wants gets it. In a rated queue sides are by lot, whatever one would rather.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<u8>,
    /// True: with all of one's party, whose leader one is. What stands here counts for all of it,
    /// latencies too; ratings are each one's own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub party: bool,
    /// Makes it safe to ask again: who asks with the same key gets the same ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
}

/// What a ticket says of its player, for the queue's rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "an attribute is a number, a text, or a list of texts")]
pub enum Attribute {
    /// A number.
    Number(f64),
    /// One text.
    Text(String),
    /// Several, such as all modes that one would play.
    Texts(Vec<String>),
}

/// One of one's own tickets.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Absent: the last one that one has handed in. Who has no account must name it, by another
    /// connection than that which handed it in: it is known to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
}

/// How it stands with a ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ticket {
    /// Which one. Without an account whoever knows it speaks for it: a secret.
    pub ticket: TicketId,
    /// In which queue.
    pub queue: String,
    /// Where it stands.
    pub state: State,
    /// Why it has ended, or is queued again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How long it has waited, in milliseconds; what it had waited before a match that failed
    /// through somebody else counts.
    pub waited_ms: u64,
    /// How many tickets of the queue have waited longer, and this one; only while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// How long tickets of the queue have waited lately; absent while too few have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Why it is not matched yet; only while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The match that is proposed; until all have said yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// One's own seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
}

/// How the wait goes on: the same words as in [`Ticket`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Progress {
    /// Whose; it is not queued any more if [`push::TICKET`] has said so before.
    pub ticket: TicketId,
    /// How long it has waited, in milliseconds.
    pub waited_ms: u64,
    /// How many tickets have waited longer, and this one.
    pub position: u32,
    /// How long tickets of the queue have waited lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Why it is not matched yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits. While the connection of anybody who shares it is lost, it is matched with nobody.
    Queued,
    /// There is a match: one is asked.
    Proposed,
    /// One has said yes, and others have not yet; or all have, or nobody is asked, and a lobby is
    /// being made.
    Accepted,
    /// There is a lobby, and a seat for a while.
    Assigned,
    /// It is no more.
    Ended,
}

/// Why a ticket has ended, or waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Ended: everybody has come, and the match is on.
    Matched,
    /// Ended: one did not want to wait any more.
    Cancelled,
    /// Ended: one has handed in another, or has got a seat by another.
    Replaced,
    /// Ended: the queue gives up after so long.
    Expired,
    /// Ended: one's connection was lost for too long.
    Gone,
    /// Ended: one, or somebody of the party, has said no.
    Declined,
    /// Ended: one, or somebody of the party, has not answered.
    Unanswered,
    /// Ended: one, or somebody of the party, has not come to the lobby.
    NoShow,
    /// Ended: the party is not what it was, or one waited alone for a rated match and is in a
    /// party with others now.
    PartyChanged,
    /// Ended: there could be no lobby, through no fault of one's own.
    Refused,
    /// Queued again, at the head: somebody else has said no, or has left.
    OtherDeclined,
    /// Queued again, at the head: somebody else has not answered.
    OtherUnanswered,
    /// Queued again, at the head: somebody else has not come.
    OtherNoShow,
    /// Queued again, at the head: a part of the server does not answer.
    Unavailable,
}

/// How long tickets of a queue have waited that were matched in the last half hour, 256 of them at
/// most: in milliseconds from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Half of them no longer than this.
    pub p50_ms: u64,
    /// Of twenty nineteen no longer than this.
    pub p95_ms: u64,
}

/// Why a ticket is not matched yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// For programs.
    pub code: WhyCode,
    /// One sentence for people.
    pub message: String,
}

/// The same for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyCode {
    /// Nobody else waits.
    Alone,
    /// Fewer wait than a match needs.
    TooFew,
    /// It has not been looked at yet: the next wave comes soon.
    Wave,
    /// Who would do was better matched with others.
    Taken,
    /// Most others are too far away in rating, or another number.
    Difference,
    /// Most others share nothing in an attribute.
    Overlap,
    /// Most others are otherwise in an attribute.
    Equal,
    /// Most others are near to no region that this one is near to.
    Region,
    /// Teams of those who wait would not be balanced.
    Balance,
    /// Those who wait have larger or smaller parties.
    PartySize,
    /// One has met those who wait of late.
    AvoidRepeats,
    /// One of both wants to avoid the other.
    Avoided,
    /// They come from the same address, or party: no opponents in a rated queue.
    SameAddress,
    /// Somebody of one's party has lost the connection: until they are back, or their place has
    /// fallen, no match is looked for.
    Away,
}

/// A match that is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Milliseconds left to answer.
    pub left_ms: u64,
    /// How many are asked.
    pub players: u8,
    /// How many have said yes.
    pub accepted: u8,
}

/// A seat in a lobby, kept for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The game.
    pub game: String,
    /// The lobby.
    pub lobby: LobbyId,
    /// Its code, for friends who would watch.
    pub code: String,
    /// One's own seat there.
    pub seat: u8,
    /// Takes one to it: for `resume` in `/lobby`. A secret.
    pub token: String,
    /// Milliseconds left to come.
    pub left_ms: u64,
    /// The team, counted from 0.
    pub team: u8,
    /// The region that was found, if the queue has a rule about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Answer to `queues`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Queues {
    /// In the order in which they are declared.
    pub queues: Vec<Queue>,
}

/// A queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// What is played.
    pub game: String,
    /// Its configuration, as it is declared; what players choose takes the place of some of it.
    pub config: Box<serde_json::value::RawValue>,
    /// Teams of a match; as many as players in a game of each against all.
    pub teams: u8,
    /// Players of a team.
    pub team_size: u8,
    /// The most members of a party that may wait in it: 1, it takes none.
    pub max_party: u8,
    /// True if results count, for [`Queue::ladder`].
    pub rated: bool,
    /// Under which name ratings are kept.
    pub ladder: String,
    /// What its rules ask tickets to say.
    pub asks: Vec<Asked>,
    /// True if a rule asks for [`Create::latencies`].
    pub asks_latencies: bool,
    /// Milliseconds in which everybody has to accept a match; 0: nobody is asked.
    pub accept_ms: u64,
    /// Milliseconds after which bots take free seats; 0: never.
    pub bots_after_ms: u64,
    /// Milliseconds after which a ticket is given up.
    pub give_up_ms: u64,
    /// Players who wait.
    pub waiting: u32,
    /// How long tickets have waited lately; absent while too few have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// An attribute that a queue's rules ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its name in [`Create::attributes`].
    pub name: String,
    /// What it is.
    pub kind: AskedKind,
    /// True if a ticket without it is refused with `E_QUERY`.
    pub required: bool,
    /// What may be said, if that is not free: what players share of it configures the game.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// What an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedKind {
    /// A number, which is nearly the same for all who play together.
    Number,
    /// A text or number, which is the same for all.
    Same,
    /// Texts, or one: all share some.
    Texts,
}

/// Whose ratings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskRatings {
    /// An account; absent: one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
}

/// Answer to `ratings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ratings {
    /// One for each ladder of this server's queues on which the player has played.
    pub ratings: Vec<Rating>,
}

/// How good a player is thought to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// Where.
    pub ladder: String,
    /// The number: 1500 to begin with.
    pub rating: f64,
    /// How sure that is: with 95 % it is within twice this. Grows with time.
    pub deviation: f64,
    /// True while it is hardly more than a guess.
    pub provisional: bool,
    /// Rated matches so far.
    pub games: u32,
}

/// What a rated match has made of a rating.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    /// What it is now.
    pub rating: Rating,
    /// What it was.
    pub before: f64,
    /// True if it stays what it was, though the match was rated: these have played each other too
    /// often of late.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unchanged: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

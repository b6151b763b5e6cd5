//! How one comes into a lobby, and back: by a new one, a code, an id or a token.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Colour, Format, IdempotencyKey, Lobby, Metadata, StartRule, Visibility, is_default, is_false,
};
use crate::{api::signal::Links, id::PeerToken};

/// As what somebody joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes a seat.
    #[default]
    Player,
    /// Watches, and sees what spectators may see.
    Spectator,
    /// One of thousands who watch: needs no name, is counted but not told to others, hears no chat
    /// and nobody type, and votes. Its place is not kept: it gets no token, and joins again.
    Audience,
}

/// Open a lobby and take its first seat as host.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The registered name of the game, such as `chess`.
    pub game: String,
    /// The game's own configuration; absent: its defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Box<RawValue>>,
    /// Absent: private.
    #[serde(default)]
    pub visibility: Visibility,
    /// What others must say to come in, 1 to 64 code points; absent or empty: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Seats in all, no fewer than the game needs and no more than it has; absent: all it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u8>,
    /// How many may watch, 0 to 64; absent: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_spectators: Option<u8>,
    /// True: nobody comes in until the host unlocks it; absent: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// True: as a match begins, bots take the seats that are free, and make way for people later.
    /// Only if the game has bots; absent: false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fill: bool,
    /// When a match begins; absent: when the host says so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: StartRule,
    /// The player's name: 1 to 64 code points, no control characters.
    pub name: String,
    /// The seat's colour; absent: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// What others may find it by; absent: nothing.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Whether [`super::Delta`]s may come in place of states; absent: no.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deltas: bool,
    /// How [`super::State`]s and [`super::Delta`]s are written; absent: as JSON.
    #[serde(default, skip_serializing_if = "Format::is_json")]
    pub format: Format,
    /// How its peers are linked in `/signal`; absent: as is usual on this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
    /// By which the request may be sent again; absent: each makes another lobby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
}

/// Join a lobby by its code, or one that is not private by its id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The join code; letter case and surrounding blanks do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The lobby's id; used when there is no code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The player's name: 1 to 64 code points that are seen, and no other's in the lobby. The
    /// audience has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether a number may be put behind a name that somebody in the lobby has; absent: no.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rename: bool,
    /// Absent: player.
    #[serde(default)]
    pub role: Role,
    /// The lobby's password, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The seat's colour; absent, or if another seat has it: the first that is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Whether [`super::Delta`]s may come in place of states; absent: no.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deltas: bool,
    /// How [`super::State`]s and [`super::Delta`]s are written; absent: as JSON.
    #[serde(default, skip_serializing_if = "Format::is_json")]
    pub format: Format,
    /// By which the request may be sent again; absent: each takes another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
}

/// Return to a seat (or spectator's place) after a lost connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The token of the last [`Joined`]. Each works once; one whose answer was lost works again
    /// until the seat's next request.
    pub token: String,
    /// The last version that the client has seen in this place: it is sent what it missed since, if
    /// that is still there ([`Joined::missed`]). Absent: it wants the lobby as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether [`super::Delta`]s may come in place of states; absent: no.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deltas: bool,
    /// How [`super::State`]s and [`super::Delta`]s are written; absent: as JSON.
    #[serde(default, skip_serializing_if = "Format::is_json")]
    pub format: Format,
}

/// Answer to [`Create`], [`Join`] and [`Resume`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joined {
    /// Everything this viewer may know, at `lobby.version`; later [`super::Changed`] build on it.
    pub lobby: Lobby,
    /// The seat taken; absent for a spectator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// What [`Resume`] takes; keep it secret. Empty for who is in the audience.
    pub token: String,
    /// True if the request opened this lobby.
    #[serde(default)]
    pub created: bool,
    /// The next so many [`super::Changed`] and [`super::MatchEvent`] are what was missed since
    /// [`Resume::version`], one by one up to [`Lobby::version`]: `lobby` contains them already.
    /// Absent: nothing of that comes, because the client did not say what it has, or because it has
    /// been away for too long (64 pushes, or what the server keeps of them); `lobby` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u32>,
}

/// Answer to `peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAdmitted {
    /// What `join` of `/signal` takes, by any connection: keep it secret. It is good as long as the
    /// seat is one's own, and the same each time.
    pub token: PeerToken,
}

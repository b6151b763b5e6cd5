//! Parties: players who gather before they seek a match together, under a leader who hands in
//! their ticket (`create` with [`super::Create::party`]).

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::id::MemberToken;

/// Found a party and lead it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateParty {
    /// How one wants to be called in it and in the lobby. Absent: `Player`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Come into a party.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinParty {
    /// Its code; letter case and surrounding blanks do not matter.
    pub code: String,
    /// How one wants to be called in it and in the lobby. Absent: `Player`. Who is called as
    /// somebody in the party is gets a number behind the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One's own party.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichParty {
    /// As in [`OwnParty::token`]. Who has no account must name it, by another connection than that
    /// which was in the party: it is known to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<MemberToken>,
}

/// Say whether one is ready to play.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyReady {
    /// One is.
    pub ready: bool,
}

/// A member of one's own party, whom its leader sends away or makes leader.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichMember {
    /// As in [`PartyMember::member`].
    pub member: u32,
}

/// Answer of who is in a party: how it stands, and who one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnParty {
    /// The party.
    pub party: Party,
    /// One's own number in it.
    pub member: u32,
    /// What brings one back to it by another connection, before the place has fallen
    /// ([`PartyMember::away`]). Absent: one has an account, by which one is known. A secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<MemberToken>,
}

/// A party, whole: each change is told as the party that it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Grows with each change: of two, the higher one is the newer.
    pub version: u64,
    /// What others come in by.
    pub code: String,
    /// The number of the member who hands in tickets, and may send others away.
    pub leader: u32,
    /// How many it may have.
    pub max_members: u8,
    /// Who is in it, the first to have come first.
    pub members: Vec<PartyMember>,
}

/// One who is in a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyMember {
    /// Which one; nobody else in this party ever has the same number.
    pub member: u32,
    /// What the member is called; no two in a party look the same.
    pub name: String,
    /// True if the leader may hand in a ticket as far as this one is concerned. Leaders need not
    /// say it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ready: bool,
    /// True while the connection is lost: the place is kept for half a minute, unless the server
    /// was told otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub away: bool,
}

/// One is in no party any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyLeft {
    /// Why.
    pub reason: PartyLeftReason,
}

/// Why somebody is in a party no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyLeftReason {
    /// By one's own wish, perhaps by another of one's connections.
    Left,
    /// The leader's wish.
    Kicked,
    /// One's connection was lost for too long.
    Expired,
    /// Something that only a later version of Parlor knows: for clients.
    #[serde(other)]
    Unknown,
}

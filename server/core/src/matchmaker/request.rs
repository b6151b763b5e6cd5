//! What a client asks in namespace `/matchmaking`, read from an event once.

use parlor_shared::{
    api::{
        Refusal, code,
        matchmaking::{self as api, request as name},
    },
    socket_io::Args,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::events::{as_json, first};

/// A request that could be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// What there is to wait for.
    Queues,
    /// Wait.
    Create(#[serde(with = "as_json")] Box<api::Create>),
    /// How does it stand?
    Ticket(#[serde(with = "as_json")] api::Which),
    /// Wait no more.
    Cancel(#[serde(with = "as_json")] api::Which),
    /// Yes to what is proposed.
    Accept(#[serde(with = "as_json")] api::Which),
    /// No.
    Decline(#[serde(with = "as_json")] api::Which),
    /// About a party.
    Party(PartyRequest),
    /// How good is somebody?
    Ratings(#[serde(with = "as_json")] api::AskRatings),
}

/// A request about parties.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum PartyRequest {
    /// How does one's own stand?
    Own(#[serde(with = "as_json")] api::WhichParty),
    /// Found one.
    Create(#[serde(with = "as_json")] api::CreateParty),
    /// Come into one.
    Join(#[serde(with = "as_json")] api::JoinParty),
    /// Ready, or not.
    Ready(#[serde(with = "as_json")] api::PartyReady),
    /// Be in it no more.
    Leave,
    /// Send somebody away.
    Kick(#[serde(with = "as_json")] api::WhichMember),
    /// Make somebody leader.
    Promote(#[serde(with = "as_json")] api::WhichMember),
}

impl Request {
    /// Reads an event's name and arguments.
    ///
    /// # Errors
    /// `E_UNKNOWN_EVENT`, or `E_BAD_REQUEST` with what serde says.
    pub fn read(args: &Args<'_>) -> Result<Self, Refusal> {
        Ok(match args.name().as_ref() {
            name::QUEUES => Self::Queues,
            name::CREATE => Self::Create(Box::new(first(args)?)),
            name::TICKET => Self::Ticket(first_or_none(args)?),
            name::CANCEL => Self::Cancel(first_or_none(args)?),
            name::ACCEPT => Self::Accept(first_or_none(args)?),
            name::DECLINE => Self::Decline(first_or_none(args)?),
            name::PARTY => Self::Party(PartyRequest::Own(first_or_none(args)?)),
            name::PARTY_CREATE => Self::Party(PartyRequest::Create(first_or_none(args)?)),
            name::PARTY_JOIN => Self::Party(PartyRequest::Join(first(args)?)),
            name::PARTY_READY => Self::Party(PartyRequest::Ready(first(args)?)),
            name::PARTY_LEAVE => Self::Party(PartyRequest::Leave),
            name::PARTY_KICK => Self::Party(PartyRequest::Kick(first(args)?)),
            name::PARTY_PROMOTE => Self::Party(PartyRequest::Promote(first(args)?)),
            name::RATINGS => Self::Ratings(first_or_none(args)?),
            _ => return Err(Refusal::new(code::UNKNOWN_EVENT, "no such event in /matchmaking")),
        })
    }

    /// Bytes of what its client may write at length.
    pub(crate) fn n_bytes(&self) -> usize {
        match self {
            Self::Create(create) => n_bytes(create),
            Self::Ratings(ask) => ask.player.as_ref().map_or(0, String::len),
            Self::Party(PartyRequest::Create(create)) => {
                create.name.as_ref().map_or(0, String::len)
            }
            Self::Party(PartyRequest::Join(join)) => {
                join.code.len() + join.name.as_ref().map_or(0, String::len)
            }
            Self::Party(_)
            | Self::Queues
            | Self::Ticket(_)
            | Self::Cancel(_)
            | Self::Accept(_)
            | Self::Decline(_) => 0,
        }
    }
}

/// The first argument, if there is one.
fn first_or_none<T: DeserializeOwned + Default>(args: &Args<'_>) -> Result<T, Refusal> {
    match args.raw().next() {
        None | Some("null") => Ok(T::default()),
        Some(_) => first(args),
    }
}

fn n_bytes(create: &api::Create) -> usize {
    let attribute = |of: &api::Attribute| match of {
        api::Attribute::Number(_) => size_of::<f64>(),
        api::Attribute::Text(text) => text.len(),
        api::Attribute::Texts(texts) => texts.iter().map(|text| text.len() + 24).sum(),
    };
    let attributes = create.attributes.iter().map(|(name, of)| name.len() + attribute(of)).sum();
    let latencies: usize = create.latencies.keys().map(|region| region.len() + 4).sum();
    let avoid: usize = create.avoid.iter().map(|player| player.len() + 24).sum();
    let name = create.name.as_ref().map_or(0, String::len);
    [attributes, latencies, avoid, name, create.queue.len()].iter().sum()
}

//! What a lobby says of its seats to those who link their players: `lobby` says it, `signaling`
//! hears it, on the shard that the lobby lives on.

use parlor_shared::{
    api::signal::Links,
    id::{LobbyId, PeerToken},
};

use crate::key::LobbyKey;

/// Something about the seats of a lobby of which a player wants to be a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seating {
    /// Who shows this token speaks for this seat.
    Admitted(Box<Admission>),
    /// The player has the seat no more.
    Removed(PeerToken),
    /// Another seat is the lobby's host now, or none.
    Host(LobbyKey, Option<u8>),
}

/// A seat whose player may become a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Of which lobby.
    pub lobby: LobbyKey,
    /// As others know it.
    pub id: LobbyId,
    /// Which seat.
    pub seat: u8,
    /// What the player shows.
    pub token: PeerToken,
    /// How the lobby's peers are linked; `None`: as is usual here.
    pub links: Option<Links>,
    /// The lobby's host.
    pub host: Option<u8>,
}

//! A lobby as others see it who are not in it: those who look for one.

use parlor_shared::api::lobby::{Listed, Metadata, Phase, Terms};

use super::{Lobby, Place};
use crate::lobby::filter::{Card, Face};

impl Lobby {
    pub(in crate::lobby) fn game(&self) -> &str {
        self.kind.name()
    }

    /// What others find it by.
    pub(in crate::lobby) fn metadata(&self) -> &Metadata {
        &self.settings.metadata
    }

    /// As others may see it; `None` if nobody has a seat.
    pub(in crate::lobby) fn face(&self) -> Option<Face<'_>> {
        let host = Place::Seat(self.host?);
        let Terms { password, capacity, locked, .. } = self.settings.terms();
        Some(Face {
            game: self.game(),
            host: &self.members.iter().find(|member| member.place == host)?.name,
            players: u8::try_from(self.seated().count()).unwrap_or(u8::MAX),
            bots: u8::try_from(self.bots.len()).unwrap_or(u8::MAX),
            capacity,
            phase: self.phase,
            password,
            locked,
            metadata: self.metadata(),
        })
    }

    /// How many seats are free, if anybody may take one who comes by, and would find somebody.
    pub(in crate::lobby) fn free_to_all(&self) -> Option<u8> {
        let Face { players, capacity, phase, password, locked, .. } = self.face()?;
        let is_open = phase == Phase::Open && !password && !locked && !self.is_waiting();
        let has_somebody = self.seated().any(|member| member.socket.is_some());
        let free = capacity.saturating_sub(players);
        Some(free).filter(|free| is_open && has_somebody && *free > 0)
    }

    /// As it is told to others.
    pub(in crate::lobby) fn card(&self) -> Option<Card> {
        let Face { game, host, players, bots, capacity, phase, password, locked, metadata } =
            self.face()?;
        let listed = Listed {
            id: self.id.to_string(),
            game: game.to_owned(),
            host: host.to_owned(),
            players,
            bots,
            capacity,
            phase,
            password,
            locked,
            made_ms: self.made_ms,
            metadata: metadata.clone(),
        };
        Some(Card { serial: self.serial, listed: listed.into() })
    }
}

//! Which members of a lobby may be peers of each other, and who leads them.

use parlor_shared::id::PeerToken;

use super::*;
use crate::seating::{Admission, Seating};

impl Lobby {
    /// Gives a seat the token of a peer: this fresh one, unless it has one.
    pub(in crate::lobby) fn admit_peer(
        &mut self,
        now: Time,
        at: usize,
        fresh: PeerToken,
        pushes: &mut Pushes,
    ) -> Result<api::PeerAdmitted, Refusal> {
        let seat = self.seat_of(at)?;
        if let Some(token) = self.members[at].peer_token() {
            return Ok(api::PeerAdmitted { token });
        }
        self.members[at].spent(now).peer = Some(fresh);
        let admission = Box::new(self.admission(seat, fresh));
        pushes.push(LobbyEffect::Seating(Seating::Admitted(admission)));
        Ok(api::PeerAdmitted { token: fresh })
    }

    fn admission(&self, seat: u8, token: PeerToken) -> Admission {
        let (id, (_, lobby), links, host) = (self.id, self.home, self.settings.links, self.host);
        Admission { lobby, id, seat, token, links, host }
    }

    /// Whose players may be peers.
    pub(in crate::lobby) fn admissions(&self) -> impl Iterator<Item = Admission> {
        let of = |member: &Member| Some(self.admission(member.place.seat()?, member.peer_token()?));
        self.members.iter().filter_map(of)
    }

    /// Another seat is host now: its peers hear of it, if there can be any.
    pub(super) fn lead_peers(&self, pushes: &mut Pushes) {
        if self.members.iter().any(|member| member.peer_token().is_some()) {
            pushes.push(LobbyEffect::Seating(Seating::Host(self.home.1, self.host)));
        }
    }
}

impl Member {
    /// By which it may be a peer.
    pub(in crate::lobby) fn peer_token(&self) -> Option<PeerToken> {
        self.spent.as_ref()?.peer
    }
}

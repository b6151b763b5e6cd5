//! Players who want to be peers: each gets a token, which `/signal` asks for.
//! What becomes of peers is decided elsewhere, which hears of them by [`crate::seating`].

use parlor_shared::id::PeerToken;

use super::*;
use crate::seating::{Admission, Seating};

impl Lobbies {
    /// Whose players may be peers, in all lobbies; cost grows with the number of members.
    pub fn admissions(&self) -> Vec<Admission> {
        self.lobbies.iter().flat_map(|(_, lobby)| lobby.admissions()).collect()
    }

    /// Lets the player behind a socket be a peer of the others.
    ///
    /// # Errors
    /// `E_NOT_IN_LOBBY`, `E_FORBIDDEN` for who has no seat, `E_UNKNOWN_EVENT` where there are no
    /// peers.
    pub(super) fn admit_peer(
        &mut self,
        now: Now,
        who: Address,
        ids: &mut Ids,
        pushes: &mut Pushes,
    ) -> Result<api::PeerAdmitted, Refusal> {
        if !self.settings.has_peers {
            return Err(Refusal::new(code::UNKNOWN_EVENT, "there is no /signal on this server"));
        }
        let (key, at) = self.lobby_of(who)?;
        let fresh = PeerToken::from_bytes(self.mint(ids));
        let lobby = self.lobbies.get_mut(key).expect("just found");
        if let Some(previous) = lobby.confirm_token(at) {
            self.by_token.remove(&previous);
        }
        lobby.admit_peer(now.time, at, fresh, pushes)
    }
}

/// Who has no seat any more, however it came to that, is no peer.
pub(super) fn unseat_peer(member: &Member, pushes: &mut Pushes) {
    if fault::is_planted(Fault::LeftStaysPeer) {
        return;
    }
    let removed = member.peer_token().map(Seating::Removed);
    pushes.extend(removed.map(LobbyEffect::Seating));
}

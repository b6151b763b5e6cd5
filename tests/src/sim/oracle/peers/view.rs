//! What one peer has been told: who else there is, its links, and who is host.

use std::collections::BTreeMap;

use parlor_core::key::LobbyKey;
use parlor_shared::api::signal as api;
use serde_json::Value;

use super::{
    hub::Hub,
    turn::{Turn, read},
};

/// What one peer has been told.
#[derive(Debug)]
pub(super) struct View {
    pub(super) lobby: LobbyKey,
    pub(super) number: u32,
    pub(super) peers: BTreeMap<u32, api::Peer>,
    pub(super) links: BTreeMap<u32, api::Link>,
    pub(super) host: Option<u32>,
    pub(super) term: u32,
}

impl View {
    /// It knows nothing yet.
    pub(super) fn new(lobby: LobbyKey, number: u32) -> Self {
        let (peers, links) = (BTreeMap::new(), BTreeMap::new());
        Self { lobby, number, peers, links, host: None, term: 0 }
    }

    /// A peer is told that something has changed.
    pub(super) fn told(
        &mut self,
        name: &str,
        what: &Value,
        hub: Option<&mut Hub>,
        turn: &Turn,
    ) -> Result<(), String> {
        match name {
            "peer" => {
                let peer: api::Peer = read(what)?;
                // Of who is back before anybody knew that it was away, others hear all the same.
                let is_same = self.peers.get(&peer.peer) == Some(&peer);
                if peer.peer == self.number || is_same && turn.came != Some((peer.peer, true)) {
                    return Err(format!("{} is told of {peer:?}", self.number));
                }
                self.peers.insert(peer.peer, peer);
            }
            "gone" => {
                let gone: api::Gone = read(what)?;
                let is_known = self.peers.remove(&gone.peer).is_some();
                if !is_known || turn.gone.get(&gone.peer) != Some(&gone.reason) {
                    return Err(format!("{gone:?}, where it should be {:?}", turn.gone));
                }
                self.links.retain(|_, link| link.peer != gone.peer);
            }
            "link" => {
                let link: api::Link = read(what)?;
                let is_known = self.peers.contains_key(&link.peer);
                if !is_known || self.links.insert(link.link, link).is_some() {
                    return Err(format!("{} is linked: {link:?}", self.number));
                }
                return hub.map_or(Ok(()), |hub| hub.announce(self.number, &link));
            }
            "closed" => {
                let closed: api::Closed = read(what)?;
                let reason = turn.closed.get(&closed.link).map_or("host", String::as_str);
                if self.links.remove(&closed.link).is_none() || closed.reason != reason {
                    return Err(format!("{closed:?}, for {reason}"));
                }
            }
            "host" => {
                let host: api::Host = read(what)?;
                if host.term <= self.term {
                    return Err(format!("{host:?} after term {}", self.term));
                }
                (self.host, self.term) = (host.peer, host.term);
                return hub.map_or(Ok(()), |hub| hub.hand(self.number, &host));
            }
            _ => return Err(format!("{name} is no push")),
        }
        Ok(())
    }
}

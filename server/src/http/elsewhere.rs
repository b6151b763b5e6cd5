//! Requests for sessions of other shards: carried there as a whole, or announced there if they are
//! to become a WebSocket.

use std::{rc::Rc, sync::Arc};

use hyper::{Request, body::Incoming};
use parlor_core::{engine_io::Transport, key::SessionKey};
use parlor_shared::{engine_io::HandshakeError, id::Sid};
use tokio::{sync::oneshot, task::spawn_local};

use super::{Peer, Refusal, is_elsewhere};
use crate::{
    mailbox::{Mailbox, Parcel},
    shard::Handle,
    transport::polling::{self, Answer},
};

impl Peer {
    /// The mailbox of the shard whose session this is, if it is another one of this node.
    pub(super) fn elsewhere(&self, sid: &Sid) -> Option<&Mailbox> {
        if self.settings.mailboxes.len() == 1 {
            return None;
        }
        let owner = self.settings.owners.shard_of(&sid.to_bytes());
        let own = self.shard.id();
        let is_other = owner.node == own.node && owner != own;
        self.settings.mailboxes.get(usize::from(owner.shard)).filter(|_| is_other)
    }

    /// Tells another shard that a WebSocket for its session is on its way; what the session is
    /// there.
    pub(super) async fn announce(
        &self,
        owner: &Mailbox,
        sid: Sid,
        request: &Request<Incoming>,
    ) -> Result<Option<(SessionKey, Transport)>, Refusal> {
        let (answer, answered) = oneshot::channel();
        let from = self.settings.binds_sessions.then(|| {
            let address = self.settings.proxies.client(self.address, request.headers());
            (address, request.headers().clone())
        });
        owner.post(Parcel::Visit(Box::new(move |shard| {
            let known = shard.asked_about(&sid);
            let opened = known.and_then(|(key, _)| shard.peek(|shard| shard.handshake(key)));
            if let (Some((address, headers)), Some(opened)) = (from, opened)
                && is_elsewhere(&opened, address, &headers)
            {
                // The request may have been given up meanwhile.
                return drop(answer.send(Err(Refusal::Foreign)));
            }
            shard.peek(|shard| shard.expect_candidate(&sid));
            // As above.
            let _ = answer.send(Ok(known));
        })));
        answered.await.unwrap_or(Ok(None))
    }

    /// Has a request answered by the shard that owns its session.
    pub(super) async fn forward(&self, owner: &Mailbox, request: Request<Incoming>) -> Answer {
        let (mut answer, answered) = oneshot::channel();
        let (settings, address) = (Arc::clone(&self.settings), self.address);
        owner.post(Parcel::Visit(Box::new(move |shard: &Handle| {
            let peer = Rc::new(Self::new(shard.clone(), settings, address));
            let until_done = shard.draining();
            spawn_local(async move {
                let answering = async {
                    let begun = Rc::clone(&peer).engine(request, None);
                    peer.finish(begun).await
                };
                let answered = tokio::select! {
                    answered = Box::pin(answering) => Some(answered),
                    // The connection is gone, and the request with it.
                    () = answer.closed() => None,
                };
                if let Some(answered) = answered {
                    // Nobody waits any more if the connection went just now.
                    let _ = answer.send(answered);
                }
                drop(until_done);
            });
        })));
        // Without an answer the shard is no more, and the session with it.
        answered.await.unwrap_or_else(|_| polling::error(HandshakeError::SidUnknown))
    }
}

/// A WebSocket on its way to the shard of its session. The session's requests wait for it there:
/// what it has said is older than what they say. When this is dropped it has arrived, or will not.
pub(super) struct Expected {
    pub(super) owner: Mailbox,
    pub(super) sid: Sid,
}

impl Drop for Expected {
    fn drop(&mut self) {
        let sid = self.sid;
        self.owner.post(Parcel::Visit(Box::new(move |shard: &Handle| {
            shard.peek(|shard| shard.candidate_arrived(&sid));
        })));
    }
}

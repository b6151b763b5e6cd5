//! How shards reach each other: an adapter carries batches of messages, one for each pair of shards
//! and turn. What the messages mean is core's part, and the same for a shard of this process and
//! for one of another node.

mod in_process;
mod links;

use std::{fmt, sync::Arc};

pub use parlor_core::{cluster::Message, key::ShardId};

pub(crate) use in_process::InProcess;
pub(crate) use links::{Flushed, Links};

use crate::mailbox::{Mailbox, Parcel};

/// Carries messages to shards.
///
/// What one shard sends another arrives once and in order. Nothing may block: `send` is called from
/// the shard's own thread.
pub trait Adapter: Send + Sync + 'static {
    /// Takes a batch on its way.
    ///
    /// # Errors
    /// The batch comes back if the way is full; it is offered again, before anything newer.
    fn send(&self, from: ShardId, to: ShardId, batch: Vec<Message>) -> Result<(), Vec<Message>>;

    /// Called once when the server starts: what arrives for this node's shards goes in there.
    fn start(&self, inlet: Inlet);
}

/// Nodes that know each other: each runs the same application on as many shards.
#[derive(Clone)]
pub struct Cluster {
    /// Which node this is.
    pub node: u8,
    /// How many nodes there are.
    pub n_nodes: u8,
    /// Makes identities tell their shard; the same on all nodes, and secret.
    pub seed: u64,
    /// Reaches the shards of other nodes.
    pub adapter: Arc<dyn Adapter>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, n_nodes, .. } = self;
        f.debug_struct("Cluster").field("node", node).field("n_nodes", n_nodes).finish()
    }
}

/// Where an adapter hands in what arrived for this node's shards. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Inlet {
    node: u8,
    mailboxes: Arc<[Mailbox]>,
}

impl Inlet {
    pub(crate) fn new(node: u8, mailboxes: Arc<[Mailbox]>) -> Self {
        Self { node, mailboxes }
    }

    /// Hands a batch to one of this node's shards.
    ///
    /// # Errors
    /// The batch comes back if the shard has as much waiting as it may.
    pub fn deliver(
        &self,
        from: ShardId,
        to: ShardId,
        batch: Vec<Message>,
    ) -> Result<(), Vec<Message>> {
        let mailbox = self.mailboxes.get(usize::from(to.shard)).filter(|_| to.node == self.node);
        // One that never was, or is no more, hears nothing.
        let Some(mailbox) = mailbox else { return Ok(()) };
        match mailbox.offer(Parcel::Batch(from, batch)) {
            Ok(()) => Ok(()),
            Err((parcel, crate::mailbox::Refused::Full)) => match *parcel {
                Parcel::Batch(_, batch) => Err(batch),
                _ => Ok(()),
            },
            Err((_, crate::mailbox::Refused::Closed)) => Ok(()),
        }
    }
}

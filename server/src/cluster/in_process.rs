//! The adapter between the shards of one process: a batch is moved into the other's mailbox.

use std::sync::OnceLock;

use parlor_core::{cluster::Message, key::ShardId};

use super::{Adapter, Inlet};

/// Reaches the shards of this process.
#[derive(Debug, Default)]
pub(crate) struct InProcess {
    inlet: OnceLock<Inlet>,
}

impl Adapter for InProcess {
    fn send(&self, from: ShardId, to: ShardId, batch: Vec<Message>) -> Result<(), Vec<Message>> {
        match self.inlet.get() {
            Some(inlet) => inlet.deliver(from, to, batch),
            None => Err(batch),
        }
    }

    fn start(&self, inlet: Inlet) {
        // A second start would be the same server's.
        let _ = self.inlet.set(inlet);
    }
}

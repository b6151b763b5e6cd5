//! One client: the sockets that share its session, and what it has sent but half.

use bytes::Bytes;
use smallvec::SmallVec;

use super::{assembly::Assembly, excess::Excess};
use crate::{
    key::{NamespaceKey, Origin, SocketKey},
    time::Time,
};

/// Refused CONNECTs after which a client is cut. Nothing is kept of each.
pub const MAX_FAILED_CONNECTS: u32 = 32;
/// Packets that may wait for the answer to a CONNECT, per socket.
pub const MAX_QUEUED_PACKETS: usize = 64;
/// Bytes that a client may send along with its CONNECT: a token, and some.
pub const MAX_AUTH_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Client {
    /// At most one per namespace; most clients have one.
    pub(super) sockets: SmallVec<[(NamespaceKey, SocketKey); 1]>,
    pub(super) assembly: Option<Box<Assembly>>,
    /// Until then a namespace must be joined; `None` once one is.
    pub(super) connect_until: Option<Time>,
    pub(super) n_failed_connects: u32,
    pub(super) origin: Origin,
    pub(super) excess: Excess,
}

impl Client {
    pub(super) fn new(connect_until: Time, origin: Origin) -> Self {
        Self {
            sockets: SmallVec::new(),
            assembly: None,
            connect_until: Some(connect_until),
            n_failed_connects: 0,
            origin,
            excess: Excess::default(),
        }
    }

    pub(super) fn socket(&self, namespace: NamespaceKey) -> Option<SocketKey> {
        self.sockets.iter().find(|(n, _)| *n == namespace).map(|(_, socket)| *socket)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let assembly = self.assembly.as_ref().map(|assembly| assembly.until);
        match (assembly, self.connect_until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A packet that came between CONNECT and its answer.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) data: String,
    pub(super) attachments: Vec<Bytes>,
    pub(super) ack: Option<u64>,
}

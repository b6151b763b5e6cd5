//! A binary packet whose attachments are still arriving.
//! Source: Socket.IO protocol v5, § Packet encoding, BINARY_EVENT and BINARY_ACK.

use std::ops::Range;

use bytes::Bytes;
use parlor_shared::socket_io::{Kind, Packet, json::Outline};

use crate::time::Time;

/// A packet may have as many bytes as so many messages of the largest size, all its attachments
/// included: eleven of them would be a lot to keep for a client that never ends what it began.
pub const MAX_PAYLOADS_OF_A_PACKET: usize = 4;

/// A packet kept until it is whole. Its parts are remembered as places in the text, so that it is
/// not decoded a second time.
#[derive(Debug)]
pub(super) struct Assembly {
    text: String,
    kind: Kind,
    /// `None`: the main namespace, which may not stand in the text.
    namespace: Option<Range<usize>>,
    id: Option<u64>,
    data: Range<usize>,
    outline: Outline,
    n_attachments: usize,
    n_missing: usize,
    attachments: Vec<Bytes>,
    n_bytes: usize,
    is_dropped: bool,
    pub(super) until: Time,
}

impl Assembly {
    /// Begins with a packet that announces at least one attachment; it must be whole by then.
    pub(super) fn begin(
        until: Time,
        text: &str,
        packet: &Packet<'_>,
        n_attachments: usize,
    ) -> Self {
        let place = |part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        Self {
            kind: packet.kind,
            namespace: (packet.namespace != "/").then(|| place(packet.namespace)),
            id: packet.id,
            data: place(packet.data.expect("an event or ack has data")),
            outline: packet.outline,
            text: text.to_owned(),
            n_attachments,
            n_missing: n_attachments,
            attachments: Vec::with_capacity(n_attachments),
            n_bytes: text.len(),
            is_dropped: false,
            until,
        }
    }

    /// Adds an attachment; how many bytes the packet has by now.
    pub(super) fn add(&mut self, bytes: &[u8]) -> usize {
        if !self.is_dropped {
            self.attachments.push(Bytes::copy_from_slice(bytes));
        }
        self.n_missing -= 1;
        self.n_bytes += bytes.len();
        self.n_bytes
    }

    pub(super) fn is_whole(&self) -> bool {
        self.n_missing == 0
    }

    /// Nothing will come of the packet if it is an event, but the rest of it is still waited for;
    /// true if something would have come of it.
    pub(super) fn drop_event(&mut self) -> bool {
        let is_new = self.kind == Kind::Event && !self.is_dropped;
        if is_new {
            self.is_dropped = true;
            self.attachments = Vec::new();
        }
        is_new
    }

    /// The packet and its attachments, if it is to be heard.
    pub(super) fn packet(&self) -> Option<(Packet<'_>, &[Bytes])> {
        if self.is_dropped {
            return None;
        }
        let packet = Packet {
            kind: self.kind,
            attachments: Some(self.n_attachments),
            namespace: self.namespace.clone().map_or("/", |place| &self.text[place]),
            id: self.id,
            data: Some(&self.text[self.data.clone()]),
            outline: self.outline,
        };
        Some((packet, &self.attachments))
    }
}

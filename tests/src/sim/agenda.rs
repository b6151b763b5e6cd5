//! What is to happen when. Of two things at one moment, the one that was noted first comes first.

use std::collections::BTreeMap;

use parlor_core::{
    input::Input,
    key::{ConnectionKey, NamespaceKey, SessionKey, SocketKey},
    time::Time,
};

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Happening {
    /// A client thinks of something to do.
    Wake(usize),
    /// A client hurries to where a match waits for it.
    Hurry(usize),
    /// Within this session of the client's, it says something: a pong, or an answer that took it
    /// time.
    Say { client: usize, epoch: u32, packet: String },
    /// A handshake arrives at its shard.
    Open { client: usize, epoch: u32 },
    /// A GET arrives.
    Get { client: usize, epoch: u32 },
    /// A GET that waits is given up.
    GetAborted { client: usize, epoch: u32 },
    /// A POST arrives; `None`: it breaks the rules.
    Post { client: usize, epoch: u32, body: Option<String> },
    /// The answer to a GET arrives; `None`: it is refused.
    Answered { client: usize, epoch: u32, body: Option<Vec<u8>> },
    /// The answer to a POST arrives.
    Posted { client: usize, epoch: u32, accepted: bool },
    /// A second transport's handshake arrives at the session's shard.
    OpenCandidate { client: usize, epoch: u32 },
    /// Something arrives by a WebSocket.
    Up(ConnectionKey, Up),
    /// The client reads from its WebSocket.
    Read(ConnectionKey),
    /// The server learns that a WebSocket takes bytes again.
    Writable(ConnectionKey),
    /// A shard fires its deadlines and writes.
    Turn(usize),
    /// A batch from one shard arrives at another.
    Batch { from: usize, to: usize },
    /// A handler that took its time wants something.
    Wish(usize, Vec<Input<'static>>),
    /// A handler that took its time does something for a socket, which may be gone.
    Act(usize, NamespaceKey, SocketKey),
    /// A deadline is fired that may not be due.
    Early(usize, SessionKey),
}

/// What a client can do to a WebSocket.
#[derive(Debug)]
pub(super) enum Up {
    Packet(String),
    Bytes(Vec<u8>),
    Malformed,
    Violation,
    Ping,
    Close(Option<u16>),
    Gone { clean: bool },
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<(Time, u64), Happening>,
    n: u64,
}

impl Agenda {
    pub(super) fn note(&mut self, at: Time, happening: Happening) {
        self.n += 1;
        self.entries.insert((at, self.n), happening);
    }

    /// The next, if it is not after `end`.
    pub(super) fn next(&mut self, end: Time) -> Option<(Time, Happening)> {
        let first = self.entries.first_entry()?;
        let (at, _) = *first.key();
        (at <= end).then(|| (at, first.remove()))
    }
}

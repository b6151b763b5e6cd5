//! Connection state recovery: what is kept of a socket for when its client comes back, for
//! how long, and what shards say to each other about it. How a client gets it back is
//! `machine::returning`'s part; what it was sent, `log`'s.
//! Source: socket.io 4.8, connection state recovery; reference A12 and rec-01 to rec-09.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_shared::{
    id::{Pid, SocketId},
    socket_io::{Claim, Frame, Offset},
};
use serde::{Deserialize, Serialize};

use super::log::{Log, LogLimits};
use crate::{
    key::{Address, NamespaceKey, Origin, ShardId, SocketKey},
    time::Time,
};

/// What is kept of sockets whose clients may come back, by one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverySettings {
    /// Namespaces whose sockets can be had back.
    pub namespaces: Vec<NamespaceKey>,
    /// For so long after its connection was lost.
    pub window: Duration,
    /// Events kept for one socket: one that misses more cannot be had back.
    pub max_events: usize,
    /// Bytes of them.
    pub max_bytes: usize,
    /// Bytes of events kept for all sockets; those that many got count once.
    pub max_journal_bytes: usize,
    /// Events older than this are dropped: longer than `window`, and the time in which a session
    /// that is alive confirms what it got.
    pub max_age: Duration,
    /// Sockets without a connection. With one more, the one that lost it first is forgotten.
    pub max_sockets: usize,
    /// The same for those of one [`Origin`].
    pub max_sockets_per_origin: usize,
}

impl Default for RecoverySettings {
    /// The reference's window, in no namespace.
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            window: Duration::from_secs(120),
            max_events: 1000,
            max_bytes: 256 * 1024,
            max_journal_bytes: 64 << 20,
            max_age: Duration::from_secs(180),
            max_sockets: 10_000,
            max_sockets_per_origin: 1000,
        }
    }
}

impl RecoverySettings {
    pub(super) fn log_limits(&self) -> LogLimits {
        LogLimits { max_events: self.max_events, max_bytes: self.max_bytes }
    }
}

/// What shards say to each other about sockets that clients have come back to.
///
/// ```text
///  asker              home of the pid          holder of the socket        everybody
///    ├─── Claim ────────────► └─── Claim (passed on) ──► │
///    │ ◄──────────────── Granted | Refused ──────────────┤
///    ├─── Fence | Declined ───────────────────────────── ┼ ──────────────────► │
///    │ ◄───────────────── Fenced ─────────────────────── │ ◄──── Fenced ───────┤
///    │ ◄──────────────────── Rest ───────────────────────┘
///    └─── Moved ────────────► │
/// ```
/// From `Granted` on the asker hears what the socket's rooms are sent, beside the holder. What
/// somebody has sent in front of its `Fenced` counts where it arrives at the holder, and what it
/// sends later where that arrives at the asker; of the holder itself, `Granted` is in its place.
/// With `Fence` the asker has made up its mind: a connection that the socket still has is ended
/// then, and not for a client that is gone again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum RecoveryMessage {
    /// A client has come back to a socket that is connecting, and claims another.
    Claim(Claimed),
    /// This asker does not get what it claims.
    Refused(SocketKey),
    /// It does.
    Granted(Grant),
    /// The asker hears for itself what the holder's socket is sent from now on.
    Fence {
        /// Who it is, where it is.
        asker: Address,
        /// What it gets.
        holder: Address,
    },
    /// Whatever the sender had sent before it heard of that is here.
    Fenced {
        /// Who was heard of.
        asker: Address,
        /// The holder's.
        socket: SocketKey,
    },
    /// This asker is gone again, and leaves the holder's socket where it is.
    Declined {
        /// Who.
        asker: Address,
        /// The holder's.
        socket: SocketKey,
    },
    /// All there was until everybody had heard of that.
    Rest {
        /// The asker.
        to: SocketKey,
        /// What it has claimed.
        pid: Pid,
        /// How often that has moved by now.
        n_moves: u64,
        /// Its rooms by now.
        rooms: Vec<String>,
        /// What it has missed since `Granted`.
        missed: Missed,
    },
    /// The socket of this pid lives at the sender's, which is where it has moved so often.
    Moved(Pid, u64),
    /// It is no more.
    Forgotten(Pid),
}

impl RecoveryMessage {
    /// Bytes of events in it.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::Granted(Grant { missed, .. }) | Self::Rest { missed, .. } => {
                missed.iter().map(|(_, frame)| frame.wire().len()).sum()
            }
            _ => 0,
        }
    }
}

/// What makes a socket one that can be had back.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) pid: Pid,
    pub(super) identity: Option<String>,
    pub(super) origin: Origin,
    pub(super) log: Log,
    /// Its number among those that have lost their connection.
    pub(super) parked: Option<u64>,
    /// How often it has moved from shard to shard.
    pub(super) n_moves: u64,
    /// Another shard is fetching it.
    pub(super) leaving: Option<Box<Leaving>>,
}

/// How far a client is that has come back, on the asker's side.
#[derive(Debug)]
pub(super) enum Returning {
    /// It has said what it wants, and is not admitted yet.
    Claims(Claim),
    /// Another shard was asked.
    Asks(Claim),
    /// Some of it is here; what comes now is in the socket's own log.
    Gets {
        claim: Claim,
        /// How often it has moved before.
        n_moves: u64,
        /// The pid and the id that it would have if it were new.
        own: Box<(Pid, SocketId)>,
        /// Who wants it next.
        next: Vec<Claimed>,
        /// Who may still have something on its way here that the holder has as well.
        unfenced: BTreeSet<ShardId>,
        /// Of the socket's own log, what came of each sender before it had heard.
        n_before: BTreeMap<u16, u64>,
        /// The rest that the holder had, and the rooms.
        rest: Option<(Vec<String>, Missed)>,
        /// Rooms that it was put into or taken out of here: whoever did so was heard here last.
        touched: BTreeSet<String>,
        missed: Missed,
    },
}

impl Returning {
    /// Takes out who wants the socket next.
    pub(super) fn take_next(&mut self) -> Vec<Claimed> {
        match self {
            Self::Gets { next, .. } => std::mem::take(next),
            Self::Claims(_) | Self::Asks(_) => Vec::new(),
        }
    }
}

/// How far a socket is that goes to another shard, on the holder's side.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) asker: Address,
    /// By then it is there, or stays.
    pub(super) until: Time,
    /// Shards from which something may still be on its way.
    pub(super) unfenced: BTreeSet<ShardId>,
    /// Of the log, what `Granted` held and what came before. Its own session, if it has one,
    /// is sent no more until it is clear who gets it: the asker may hear what comes now in
    /// another order.
    pub(super) n_told: u64,
    /// Of the log, what came of each sender before it had heard; the asker hears what comes later.
    pub(super) n_before: BTreeMap<u16, u64>,
    /// The asker has made up its mind.
    pub(super) is_fenced: bool,
    /// Who has claimed it since then.
    pub(super) next: Vec<Claimed>,
}

/// A socket on its way to an asker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The asker.
    pub to: SocketKey,
    /// What it gets.
    pub from: Address,
    /// The id that the socket has.
    pub id: SocketId,
    /// How often it has moved before.
    pub n_moves: u64,
    /// Its rooms.
    pub rooms: Vec<String>,
    /// What it has missed so far.
    pub missed: Missed,
}

/// Events that a client has missed, oldest first.
pub type Missed = Vec<(Offset, Frame)>;

/// A claim on its way to whoever can answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Who is to be answered.
    pub asker: Address,
    /// Which socket.
    pub pid: Pid,
    /// The last event that the client has.
    pub offset: Option<Offset>,
    /// The namespace's name.
    pub namespace: String,
    /// Who the client is.
    pub identity: Option<String>,
    /// How often it was passed on.
    pub n_hops: u8,
}

/// Sockets without a connection, in the order in which they lost it.
#[derive(Debug, Default)]
pub(super) struct Parked {
    order: BTreeSet<(u64, SocketKey)>,
    by_origin: BTreeMap<Origin, BTreeSet<(u64, SocketKey)>>,
    n_ever: u64,
}

impl Parked {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Adds a socket; its number.
    pub(super) fn add(&mut self, origin: Origin, socket: SocketKey) -> u64 {
        let number = self.n_ever;
        self.n_ever += 1;
        self.order.insert((number, socket));
        self.by_origin.entry(origin).or_default().insert((number, socket));
        number
    }

    pub(super) fn remove(&mut self, origin: Origin, number: u64, socket: SocketKey) {
        self.order.remove(&(number, socket));
        if let Some(others) = self.by_origin.get_mut(&origin) {
            others.remove(&(number, socket));
            if others.is_empty() {
                self.by_origin.remove(&origin);
            }
        }
    }

    /// The one to be forgotten first, if there are more than may be.
    pub(super) fn surplus(&self, origin: Origin, settings: &RecoverySettings) -> Option<SocketKey> {
        let of_origin = self.by_origin.get(&origin);
        let crowded = of_origin.filter(|of| of.len() > settings.max_sockets_per_origin);
        let all = Some(&self.order).filter(|all| all.len() > settings.max_sockets);
        let first = |sockets: &BTreeSet<(u64, SocketKey)>| sockets.first().map(|first| first.1);
        crowded.or(all).and_then(first)
    }
}

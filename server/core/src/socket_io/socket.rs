//! One socket: a client in a namespace.

use std::collections::BTreeMap;

use parlor_shared::{
    id::{Pid, SocketId},
    socket_io::Frame,
};

use super::{
    client::Queued,
    recovery::{Kept, Returning},
    rooms::Memberships,
};
use crate::{
    delivery::Delivery,
    input::AckToken,
    key::{NamespaceKey, Origin, SessionKey},
};

/// Answers awaited from one socket.
pub const MAX_PENDING_ACKS: usize = 1024;

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    pub(super) session: SessionKey,
    pub(super) namespace: NamespaceKey,
    pub(super) state: State,
    /// Where it stands in its namespace's list, if broadcasts reach it.
    pub(super) place: Option<u32>,
    pub(super) memberships: Memberships,
    /// Answers awaited, by the id that went out.
    pub(super) acks: BTreeMap<u64, AckToken>,
    /// The last broadcast that has counted it, so that it gets each one once.
    pub(super) stamp: u64,
    /// In namespaces whose sockets can be had back.
    pub(super) kept: Option<Box<Kept>>,
}

/// What of a socket others find it by.
pub(super) struct Listed {
    pub(super) namespace: NamespaceKey,
    pub(super) id: SocketId,
    pub(super) place: Option<u32>,
    pub(super) memberships: Memberships,
    /// Nobody knows it as a member of its rooms.
    pub(super) is_away: bool,
}

impl Socket {
    /// Takes out what others find it by, to be taken off their lists.
    pub(super) fn take_listed(&mut self) -> Listed {
        Listed {
            namespace: self.namespace,
            id: self.id,
            place: self.place.take(),
            memberships: std::mem::take(&mut self.memberships),
            is_away: !self.is_connected(),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// How far its client is that has come back.
    pub(super) fn returning(&mut self) -> Option<&mut Returning> {
        match &mut self.state {
            State::Connecting(waiting) => waiting.returning.as_mut(),
            State::Connected | State::Parked => None,
        }
    }

    /// What it has fetched from another shard, where that is not any more: its pid, and how often
    /// it has moved.
    pub(super) fn fetched(&self) -> Option<(Pid, u64)> {
        let State::Connecting(waiting) = &self.state else { return None };
        match &waiting.returning {
            Some(Returning::Gets { claim, n_moves, rest: Some(_), .. }) => {
                Some((claim.pid, n_moves + 1))
            }
            _ => None,
        }
    }
}

/// ```text
///  Connecting ──admitted──► Connected ──connection lost──► Parked ──time is up──► gone
///       │                            (where it can be had back) │
///       └──refused──► gone                                      └──its client is back──► gone,
///                                                                  and another one has it all
/// ```
#[derive(Debug)]
pub(super) enum State {
    /// A handler is deciding.
    Connecting(Box<Waiting>),
    Connected,
    /// Its client may come back.
    Parked,
}

/// What waits for a handler's decision.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// What the client sends meanwhile.
    pub(super) queued: Vec<Queued>,
    pub(super) n_bytes: usize,
    /// Rooms that it will be in: until it is connected it hears nothing.
    pub(super) rooms: Vec<String>,
    /// What its handlers have for it alone; its client hears of it when it is connected.
    pub(super) early: Vec<(Frame, Delivery)>,
    pub(super) origin: Origin,
    /// The handler has decided.
    pub(super) is_admitted: bool,
    /// The client has come back, and wants what it had.
    pub(super) returning: Option<Returning>,
}

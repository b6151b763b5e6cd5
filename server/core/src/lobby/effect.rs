//! What lobbies want done, and how their words become frames.
//! When which is said is decided in `machine` and `lobbies`.

use std::time::Duration;

use parlor_shared::{
    api::{Refusal, Reply, lobby::NAMESPACE},
    socket_io::{Draft, Frame},
};
use serde::Serialize;

use crate::{
    delivery::Delivery,
    key::{Address, ViewId},
};

/// What lobbies want done, in order.
#[derive(Debug)]
pub enum LobbyEffect {
    /// Send this to a socket.
    Push(Address, Frame, Delivery),
    /// Disconnect a socket: its place was taken over by another.
    Disconnect(Address),
    /// A socket looks at this view from now on, and at no other. It has just been told the state
    /// that it shows, but as no key.
    Watch {
        /// Who.
        who: Address,
        /// At what.
        view: ViewId,
        /// It can do something with deltas.
        deltas: bool,
    },
    /// A socket looks at nothing any more.
    Unwatch(Address),
    /// A socket has lost what deltas build on.
    Resync(Address),
    /// A view has a new state: see [`super::Lobbies::state`].
    Dirty(ViewId),
    /// A match took a step.
    Ticked {
        /// How long after it was due.
        late: Duration,
        /// How many ticks before it were left out.
        n_skipped: u64,
    },
}

/// Where what a lobby wants goes.
pub(super) type Pushes = Vec<LobbyEffect>;

/// Answers a request, if it wants an answer.
pub(super) fn answer<T: Serialize>(
    socket: Address,
    ack: Option<u64>,
    reply: Result<T, Refusal>,
    pushes: &mut Pushes,
) {
    let Some(id) = ack else { return };
    let mut draft = Draft::ack();
    let frame = draft.arg(&Reply::from(reply)).and_then(|()| draft.into_ack(NAMESPACE, id));
    let frame = frame.expect("types of shared::api have a JSON form and no attachments");
    pushes.push(LobbyEffect::Push(socket, frame, Delivery::Reliable));
}

/// An event of `/lobby`, encoded once for all who get it.
pub(super) fn event<T: Serialize>(name: &str, payload: &T) -> Frame {
    let write = || {
        let mut draft = Draft::event(name)?;
        draft.arg(payload)?;
        draft.into_event(NAMESPACE, None)
    };
    write().expect("types of shared::api have a JSON form and no attachments")
}

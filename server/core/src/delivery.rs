//! How packets come to a client that may be slow: how much one matters, and what is only made when
//! the client can take it.
//! What is done about slowness is decided in `engine_io`; what views hold, in `views`.

use parlor_shared::socket_io::{Draft, Frame, Offset};

use crate::key::ViewId;

use serde::{Deserialize, Serialize};

/// How much a frame matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// Arrives, in order, or the session ends.
    Reliable,
    /// The same, and is kept for clients that come back: the frame carries this offset.
    Recoverable(Offset),
    /// Only the newest under this key counts: while the client is blocked it replaces the last.
    Volatile {
        /// Made of the namespace and the event, or chosen.
        key: u64,
    },
    /// The same, and only while it is new: what waits for longer is dropped.
    Fleeting {
        /// As above.
        key: u64,
        /// From when its session gets it, in milliseconds.
        max_age_ms: u32,
    },
}

impl Delivery {
    /// The same in the child of this name, beside others: each has a newest of its own.
    pub(crate) fn in_child(self, name: &str) -> Self {
        match self {
            Self::Reliable | Self::Recoverable(_) => self,
            Self::Volatile { key } => Self::Volatile { key: spread(key, name) },
            Self::Fleeting { key, max_age_ms } => {
                Self::Fleeting { key: spread(key, name), max_age_ms }
            }
        }
    }
}

/// FNV-1a from this start. Clients cannot choose what servers emit, so collisions are not made on
/// purpose.
pub(crate) fn spread(start: u64, word: &str) -> u64 {
    word.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Delivery {
    /// True if it may be replaced, or dropped.
    pub fn is_volatile(self) -> bool {
        match self {
            Self::Volatile { .. } | Self::Fleeting { .. } => true,
            Self::Reliable | Self::Recoverable(_) => false,
        }
    }

    /// Writes behind an event's arguments what clients that may come back look for there.
    pub fn mark(self, draft: &mut Draft) {
        match self {
            Self::Recoverable(offset) => draft.offset(offset),
            Self::Volatile { .. } | Self::Fleeting { .. } => draft.no_offset(),
            Self::Reliable => {}
        }
    }
}

/// Where a session gets views from, in the moment in which its client can take them.
pub trait Views {
    /// The newest state of a view for a client that has begun to receive the key `base` (`None`:
    /// it has none, or wants none). `None`: there is nothing to show.
    fn frame(&mut self, view: ViewId, base: Option<u64>) -> Option<Shown>;
}

/// A view as one client gets it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Shared by all who get the same.
    pub frame: Frame,
    /// The frame is a key of this number: later ones may build on it.
    pub key: Option<u64>,
}

/// Where no views are.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoViews;

impl Views for NoViews {
    fn frame(&mut self, _: ViewId, _: Option<u64>) -> Option<Shown> {
        None
    }
}

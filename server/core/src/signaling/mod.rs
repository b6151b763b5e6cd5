//! Signaling: the players of one lobby as peers, the links between them, and what goes through the
//! server while they are not linked directly.
//! Who has a seat comes from the lobby, by [`crate::seating`]; sockets are not known here beyond
//! their keys.
//!
//! ```text
//!  lobby ──Seating──► Signaling ──► Hub (one per lobby) ──► Peer, Link
//!  /signal socket ──► Callers (its shard) ──SignalMessage──► the hub's shard
//! ```

mod callers;
mod candidate;
mod description;
#[doc(hidden)]
pub mod doors;
mod effect;
mod figures;
mod hub;
mod link;
mod machine;
mod message;
mod peer;
mod request;
mod settings;

pub use effect::SignalEffect;
pub use figures::{DROP_REASONS, REJECTED_CODES, SignalFigures};
pub use machine::{SignalInput, Signaling};
pub use message::SignalMessage;
pub use request::Request as SignalRequest;
pub use settings::SignalSettings;

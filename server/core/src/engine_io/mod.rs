//! Engine.IO: one session per client, across its transports.
//! Namespaces and games are not known here; bytes are carried by `parlor-server`.
//! Source: Engine.IO protocol v4.

mod heartbeat;
mod outbox;
mod session;
mod settings;
mod slots;

pub use outbox::HIGH_WATER_BYTES;
pub use session::{MAX_CONTROL_FRAMES_PER_SECOND, Session, SessionEffect, SessionInput, Transport};
pub use settings::Settings;

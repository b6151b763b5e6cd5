//! Socket.IO: clients in namespaces, rooms, acknowledgements.
//! What an event means is up to the handlers behind a namespace; sessions are `engine_io`'s.
//! Source: Socket.IO protocol v5; socket.io 4.8 where it is silent.

mod assembly;
mod client;
mod excess;
mod log;
mod machine;
mod namespaces;
mod recovery;
mod rooms;
mod socket;

pub use assembly::MAX_PAYLOADS_OF_A_PACKET;
pub use client::{MAX_AUTH_BYTES, MAX_FAILED_CONNECTS, MAX_QUEUED_PACKETS};
pub use excess::{EXCESS_FORGOTTEN, EXCESS_TOLD_EVERY, MAX_EXCESS_MESSAGES, MAX_EXCESS_TIME};
pub use machine::{Settings, SocketIo};
pub use namespaces::{Dynamic, Listeners, MAX_SOCKETS_PER_CLIENT};
pub use recovery::{Claimed, Grant, Missed, RecoveryMessage, RecoverySettings};
pub use rooms::{MAX_ROOM_NAME_BYTES, MAX_ROOMS_PER_SOCKET};
pub use socket::MAX_PENDING_ACKS;

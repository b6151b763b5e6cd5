//! Socket.IO protocol v5 as values: packets, raw JSON arguments, prebuilt frames.
//! Namespaces, acknowledgements and rooms are decided in `parlor-core`.
//! Source: Socket.IO protocol v5.

mod args;
mod binary;
mod frame;
pub mod json;
mod owned;
mod packet;
mod recovery;

pub use args::{Args, ArgsError, EventArgs, Forward};
pub use binary::Binary;
pub use frame::{Draft, EncodeError, Frame};
pub use owned::{FromArgs, OwnedArgs};
pub use packet::{
    Kind, MAX_ACK_ID, MAX_ATTACHMENTS, MAX_NAMESPACE_BYTES, Packet, PacketError, RESERVED_EVENTS,
    Sender,
};
pub use recovery::{Claim, Offset};

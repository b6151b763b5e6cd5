//! A Socket.IO client in two parts: [`Client`], a machine without sockets, clocks or chance, and
//! [`Connection`], which carries it over a blocking TCP stream.
//! WebSocket is the only transport. What events mean is known to callers such as `lobby`.
//! Source: Engine.IO protocol v4; Socket.IO protocol v5; RFC 6455 for the frames.
//!
//! A bot needs a [`Connection`]. A tool that holds thousands of clients keeps a [`Client`] for
//! each beside its socket, reads into one shared buffer, and calls [`Client::next`] until the
//! buffer is used up; idle clients hold a few hundred bytes and no thread.
//!
//! ```no_run
//! use std::time::Duration;
//! use parlor_client_demo::client::{Connection, Event, Limits};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = "http://127.0.0.1:3000".parse()?;
//!     let mut connection = Connection::open(&server, Limits::default())?;
//!     connection.connect("/", &(), Duration::from_secs(5))?;
//!     let answer = connection.emit_with_ack("/", "add", (1, 2), Duration::from_secs(5))?;
//!     let sum: i64 = answer.args().get(0)?;
//!     while let Some(event) = connection.next_event(None)? {
//!         if let Event::Pushed(pushed) = event {
//!             println!("{} {:?}, after {sum}", pushed.name(), pushed.args());
//!         }
//!     }
//!     Ok(())
//! }
//! ```

mod address;
mod connection;
mod error;
mod event;
mod machine;
mod opening;
mod sending;
mod sockets;
mod transmit;

#[cfg(test)]
mod peer;
#[cfg(test)]
pub(crate) mod script;

pub use address::{Address, AddressError};
pub use connection::Connection;
pub use error::{ClientError, ConnectionError, OpeningError, SendError};
pub use event::{Arguments, CloseReason, ConnectRefusal, Event, Pushed, Question};
pub use machine::{Client, Limits, Time};
pub use transmit::Transmit;

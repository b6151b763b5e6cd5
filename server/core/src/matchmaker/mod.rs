//! The matchmaker: who plays with whom. Held by one shard of a server; the others pass requests
//! on to it. Lobbies are not known here.

pub mod parties;
pub mod penalty;
pub mod pool;
pub mod queue;
pub mod rating;

mod callers;
mod desk;
mod effect;
mod figures;
mod machine;
mod message;
mod recent;
mod record;
mod request;
mod settings;

pub use effect::MatchEffect;
pub use figures::QueueFigures;
pub use machine::{MatchInput, Matchmaker};
pub use message::MatchMessage;
pub use recent::MAX_RECENT;
pub use record::{MemberRecord, TicketRecord};
pub use request::{PartyRequest, Request as MatchRequest};
pub use settings::{MAX_TICKETS, MatchmakerSettings};

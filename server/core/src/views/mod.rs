//! Views: who looks at which, and each encoded at most once, when the first client can take it.
//! What a view shows is asked of its owner; when a client can take it is its session's knowledge.
//! `world` puts them together.
//! Source: DESIGN, "State and deltas".

mod gallery;
mod message;
mod picture;

pub use gallery::{Gallery, Source, ViewEffect, ViewInput};
pub use message::ViewMessage;
pub use picture::KEY_INTERVAL;

//! Namespace `/lobby` for programs: its requests as typed calls, its pushes as a story that is
//! kept and checked.
//! Connections are `client`'s part; what a game's views mean is known to players such as
//! [`crate::player`].

mod calls;
mod story;
mod watched;

pub use calls::{LobbyError, LobbySocket};
pub use story::{Push, Story, StoryError};

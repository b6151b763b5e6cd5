//! What a client asks in namespace `/lobby`, read from an event once.

use parlor_shared::{
    api::{Refusal, code, lobby as api, lobby::request as name},
    socket_io::Args,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Highest number of an input: the largest whole number that JavaScript counts exactly to.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// A request that could be read.
#[derive(Debug)]
pub enum Request {
    /// Open a lobby.
    Create(api::Create),
    /// Join one.
    Join(api::Join),
    /// Return to one.
    Resume(api::Resume),
    /// List public ones.
    List(api::List),
    /// Be ready or not.
    Ready(api::Ready),
    /// Begin the match.
    Start,
    /// Say something.
    Chat(api::Chat),
    /// Begin or stop typing.
    Typing(api::Typing),
    /// Do something in the match.
    Action(Box<RawValue>),
    /// Do something in the match once, however often this number comes.
    Input(u64, Box<RawValue>),
    /// Get a whole state next.
    Resync,
    /// Want another match.
    Rematch,
    /// Leave.
    Leave,
}

impl Request {
    /// Reads an event's name and arguments.
    ///
    /// # Errors
    /// `E_UNKNOWN_EVENT`, or `E_BAD_REQUEST` with what serde says.
    pub fn read(args: &Args<'_>) -> Result<Self, Refusal> {
        Ok(match args.name().as_ref() {
            name::CREATE => Self::Create(first(args)?),
            name::JOIN => Self::Join(first(args)?),
            name::RESUME => Self::Resume(first(args)?),
            name::LIST => {
                Self::List(if has_argument(args) { first(args)? } else { api::List::default() })
            }
            name::READY => Self::Ready(first(args)?),
            name::START => Self::Start,
            name::CHAT => Self::Chat(first(args)?),
            name::TYPING => Self::Typing(first(args)?),
            name::ACTION => Self::Action(first(args)?),
            name::INPUT => {
                let seq = first(args)?;
                if !(1..=MAX_SEQ).contains(&seq) {
                    let message = format!("the number of an input is 1 to {MAX_SEQ}");
                    return Err(Refusal::new(code::BAD_REQUEST, message));
                }
                Self::Input(seq, argument(args, 1)?)
            }
            name::RESYNC => Self::Resync,
            name::REMATCH => Self::Rematch,
            name::LEAVE => Self::Leave,
            _ => return Err(Refusal::new(code::UNKNOWN_EVENT, "no such event in /lobby")),
        })
    }
}

fn has_argument(args: &Args<'_>) -> bool {
    args.raw().next().is_some_and(|raw| raw != "null")
}

fn first<T: DeserializeOwned>(args: &Args<'_>) -> Result<T, Refusal> {
    argument(args, 0)
}

fn argument<T: DeserializeOwned>(args: &Args<'_>, index: usize) -> Result<T, Refusal> {
    args.get(index).map_err(|error| Refusal::new(code::BAD_REQUEST, error.to_string()))
}

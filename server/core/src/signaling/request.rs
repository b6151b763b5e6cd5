//! What a client asks in namespace `/signal`, read from an event once.

use bytes::Bytes;
use parlor_shared::{
    api::{
        Refusal, code,
        signal::{self as api, MAX_FRAME_BYTES, frame, request as name},
    },
    socket_io::{Args, Binary},
};
use serde::{Deserialize, Serialize};

use crate::events::{argument, as_json, first};

/// A request that could be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Become a peer.
    Join(#[serde(with = "as_json")] Box<api::Join>),
    /// Be one no more.
    Leave,
    /// Tell the other end of a link something.
    Signal(#[serde(with = "as_json")] Box<api::Signal>),
    /// Link with a peer again.
    Open(api::Open),
    /// Have a link no more.
    Close(api::Close),
    /// Say how links are.
    Report(#[serde(with = "as_json")] Box<api::Report>),
    /// Keep this for the next host.
    Checkpoint(#[serde(with = "as_json")] Box<api::Checkpoint>),
    /// A frame for the other end of this link.
    Reliable(u32, Bytes),
    /// One of which only the newest counts: that of this channel and key.
    Volatile(u32, Bytes, (u8, u32)),
}

impl Request {
    /// Reads an event's name and arguments.
    ///
    /// # Errors
    /// `E_UNKNOWN_EVENT`, `E_TOO_LARGE`, or `E_BAD_REQUEST` with what serde says.
    pub fn read(args: &Args<'_>) -> Result<Self, Refusal> {
        Ok(match args.name().as_ref() {
            name::RELIABLE => {
                let (link, bytes) = read_frame(args)?;
                let is_one = frame::is_reliable(&bytes);
                Self::Reliable(link, is_one.then_some(bytes).ok_or_else(no_frame)?)
            }
            name::VOLATILE => {
                let (link, bytes) = read_frame(args)?;
                let key = frame::volatile_key(&bytes).ok_or_else(no_frame)?;
                Self::Volatile(link, bytes, key)
            }
            name::SIGNAL => Self::Signal(Box::new(first(args)?)),
            name::REPORT => Self::Report(Box::new(first(args)?)),
            name::JOIN => Self::Join(Box::new(first(args)?)),
            name::LEAVE => Self::Leave,
            name::OPEN => Self::Open(first(args)?),
            name::CLOSE => Self::Close(first(args)?),
            name::CHECKPOINT => Self::Checkpoint(Box::new(first(args)?)),
            _ => return Err(Refusal::new(code::UNKNOWN_EVENT, "no such event in /signal")),
        })
    }

    /// Bytes of what its client may write at length.
    pub(crate) fn n_bytes(&self) -> usize {
        match self {
            Self::Reliable(_, bytes) | Self::Volatile(_, bytes, _) => bytes.len(),
            Self::Signal(signal) => signal_bytes(signal),
            Self::Checkpoint(checkpoint) => checkpoint.state.get().len(),
            Self::Join(join) => join.key.as_ref().map_or(0, String::len),
            Self::Close(close) => close.reason.len(),
            Self::Report(report) => report.links.len() * size_of::<api::LinkReport>(),
            Self::Leave | Self::Open(_) => 0,
        }
    }
}

/// Bytes of a signal's texts.
pub(super) fn signal_bytes(signal: &api::Signal) -> usize {
    let description = signal.description.as_ref().map_or(0, |description| description.sdp.len());
    let candidate = signal.candidate.as_ref().and_then(Option::as_ref);
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let n_bytes =
        |of: &api::Candidate| of.candidate.len() + text(&of.sdp_mid) + text(&of.username_fragment);
    description + candidate.map_or(0, n_bytes)
}

fn no_frame() -> Refusal {
    Refusal::new(code::BAD_REQUEST, "this is no frame of this kind")
}

fn read_frame(args: &Args<'_>) -> Result<(u32, Bytes), Refusal> {
    let link = argument(args, 0)?;
    let Binary(bytes) = argument(args, 1)?;
    if bytes.len() > MAX_FRAME_BYTES {
        let sentence = format!("a frame has at most {MAX_FRAME_BYTES} bytes");
        return Err(Refusal::new(api::code::TOO_LARGE, sentence));
    }
    Ok((link, bytes))
}

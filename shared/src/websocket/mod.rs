//! WebSocket frames as bytes: the header writer, the decoder and the opening handshake's answer.
//! Sockets, pings at intervals and what a message means live elsewhere. Extensions are not spoken.
//! Source: RFC 6455.

mod decoder;
mod handshake;

pub use decoder::{Brought, Decoder, Limits, Message, Role, Violation};
pub use handshake::{accept_key, is_valid_key};

/// Most bytes a frame header takes (RFC 6455 § 5.2: 2, 8 for the length, 4 for the mask).
pub const MAX_HEADER_BYTES: usize = 14;
/// Most bytes of a control frame's payload (RFC 6455 § 5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

/// What a frame is (RFC 6455 § 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Goes on with the message begun.
    Continuation = 0,
    /// UTF-8 text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// Ends the connection.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// Close codes that Parlor sends (RFC 6455 § 7.4.1).
pub mod close_code {
    /// All done.
    pub const NORMAL: u16 = 1000;
    /// The server shuts down.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the framing rules.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// Text that is not UTF-8.
    pub const INVALID_DATA: u16 = 1007;
    /// The peer broke a rule of ours, such as a limit on control frames.
    pub const POLICY_VIOLATION: u16 = 1008;
    /// A message over the limit.
    pub const TOO_BIG: u16 = 1009;
    /// Try again later: the peer reads too slowly.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// Bytes of an unmasked frame with `length` payload bytes, its header included.
pub(crate) fn frame_len(length: usize) -> usize {
    let header = match length {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    header + length
}

/// Appends the header of an unmasked final frame with `length` payload bytes, which are to follow.
pub(crate) fn write_header(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    let mut header = [0; MAX_HEADER_BYTES];
    let n = header_bytes(&mut header, opcode, length, 0);
    out.extend_from_slice(&header[..n]);
}

/// Appends one unmasked final frame: what a server sends.
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    write_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends one masked final frame: what a client sends (RFC 6455 § 5.3).
pub fn write_masked_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    let mut header = [0; MAX_HEADER_BYTES];
    let n = header_bytes(&mut header, opcode, payload.len(), 0x80);
    out.extend_from_slice(&header[..n]);
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    decoder::apply_mask(&mut out[start..], mask, 0);
}

/// Appends a close frame with this code and reason; the reason is cut to what fits.
pub fn write_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut cut = reason.len().min(MAX_CONTROL_BYTES - 2);
    while !reason.is_char_boundary(cut) {
        cut -= 1;
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..cut]);
    write_frame(out, Opcode::Close, &payload);
}

/// Reads an unmasked frame that `write_frame` or `write_header` wrote: opcode, payload and
/// what follows. `None` at the end.
pub(crate) fn split_frame(wire: &[u8]) -> Option<(Opcode, &[u8], &[u8])> {
    let opcode = Opcode::from_bits(*wire.first()? & 0x0f)?;
    let (start, length): (usize, usize) = match wire.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(wire.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(wire.get(2..10)?.try_into().ok()?)).ok()?),
        n => (2, usize::from(*n)),
    };
    let end = start.checked_add(length)?;
    Some((opcode, wire.get(start..end)?, &wire[end..]))
}

fn header_bytes(
    header: &mut [u8; MAX_HEADER_BYTES],
    opcode: Opcode,
    length: usize,
    mask_bit: u8,
) -> usize {
    header[0] = 0x80 | opcode as u8;
    match length {
        0..=125 => {
            header[1] = mask_bit | length as u8;
            2
        }
        126..=0xffff => {
            header[1] = mask_bit | 126;
            header[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            header[1] = mask_bit | 127;
            header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    }
}

//! One Engine.IO packet: a type and, for some types, data.
//! Source: Engine.IO protocol v4, § Packet types.

use std::borrow::Cow;

use base64::{
    DecodeError, Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

/// A packet as it arrives, borrowed from the carrier's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the server's greeting.
    Open(&'a str),
    /// `1`: the other side ends the session.
    Close,
    /// `2`: answer with a pong of the same text.
    Ping(&'a str),
    /// `3`
    Pong(&'a str),
    /// `4`: text for the layer above.
    Text(&'a str),
    /// A binary frame, or `b` and base64: bytes for the layer above.
    Binary(Cow<'a, [u8]>),
    /// `5`: go on with the new transport.
    Upgrade,
    /// `6`: ends a poll and means nothing.
    Noop,
}

/// Text that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing where a packet should be.
    #[error("empty packet")]
    Empty,
    /// The first letter is none of `0` to `6` and `b`.
    #[error("unknown packet type")]
    UnknownType,
    /// `b` is followed by something other than base64.
    #[error("invalid base64")]
    Base64,
    /// More packets in one payload than [`super::MAX_PACKETS_IN`].
    #[error("too many packets in a payload")]
    TooMany,
}

impl<'a> Packet<'a> {
    /// Reads the text of one packet. (A binary WebSocket message is a [`Packet::Binary`] as it is.)
    ///
    /// # Errors
    /// What is wrong with it; the session is to be closed with `parse error`.
    pub fn decode(text: &'a str) -> Result<Self, ParseError> {
        let kind = *text.as_bytes().first().ok_or(ParseError::Empty)?;
        // The first byte is ASCII in every case that goes on, so 1 is a boundary.
        Ok(match kind {
            b'0' => Self::Open(&text[1..]),
            b'1' => Self::Close,
            b'2' => Self::Ping(&text[1..]),
            b'3' => Self::Pong(&text[1..]),
            b'4' => Self::Text(&text[1..]),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            b'b' => Self::Binary(decode(&text[1..]).map_err(|_| ParseError::Base64)?.into()),
            _ => return Err(ParseError::UnknownType),
        })
    }
}

/// Standard alphabet or the one for URLs, padded in full or not at all: some clients leave it out.
fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    let decode = |text: &str| match text.len() {
        n if n.is_multiple_of(4) => STANDARD.decode(text),
        _ => STANDARD_NO_PAD.decode(text),
    };
    match decode(text) {
        Err(_) if text.contains(['-', '_']) => decode(&text.replace('-', "+").replace('_', "/")),
        decoded => decoded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_by_their_first_letter() {
        assert_eq!(Packet::decode("2probe"), Ok(Packet::Ping("probe")));
        assert_eq!(Packet::decode("4h\u{e4}"), Ok(Packet::Text("h\u{e4}")));
        assert_eq!(Packet::decode("bAQIDBA=="), Ok(Packet::Binary(vec![1, 2, 3, 4].into())));
        assert_eq!(Packet::decode("bAQIDBA"), Ok(Packet::Binary(vec![1, 2, 3, 4].into())));
        for url_safe in ["b_-8=", "b/+8=", "b_+8", "b_-8"] {
            assert_eq!(Packet::decode(url_safe), Ok(Packet::Binary(vec![0xff, 0xef].into())));
        }
        assert_eq!(Packet::decode("b_-!="), Err(ParseError::Base64));
        assert_eq!(Packet::decode("bAQIDBA="), Err(ParseError::Base64));
        assert_eq!(Packet::decode("b!!!!"), Err(ParseError::Base64));
        assert_eq!(Packet::decode(""), Err(ParseError::Empty));
        assert_eq!(Packet::decode("abc"), Err(ParseError::UnknownType));
        assert_eq!(Packet::decode("\u{e4}"), Err(ParseError::UnknownType));
        assert_eq!(Packet::decode("7"), Err(ParseError::UnknownType));
    }
}

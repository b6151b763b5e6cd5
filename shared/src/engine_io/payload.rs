//! A long-polling body: packets with a separator between them.
//! Source: Engine.IO protocol v4, § Payload.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::packet::{Packet, ParseError};

/// Stands between packets (ASCII record separator).
pub const SEPARATOR: u8 = 0x1e;
/// Packets taken from one POST. More would let one request take a tick of CPU.
pub const MAX_PACKETS_IN: usize = 1024;
/// Packets put into one answer: python-engineio ends a session that gets more.
pub const MAX_PACKETS_OUT: usize = 16;

/// The packets of a POST body, in order; what follows an error is not to be read.
pub fn decode_payload(body: &str) -> impl Iterator<Item = Result<Packet<'_>, ParseError>> {
    body.split(char::from(SEPARATOR)).enumerate().map(|(i, text)| {
        if i < MAX_PACKETS_IN { Packet::decode(text) } else { Err(ParseError::TooMany) }
    })
}

/// Appends one encoded packet to a polling answer: text as it is, binary as `b` and base64.
pub fn write_packet(body: &mut Vec<u8>, is_binary: bool, packet: &[u8]) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
    if is_binary {
        body.push(b'b');
        let start = body.len();
        body.resize(start + packet.len().div_ceil(3) * 4, 0);
        let n = STANDARD.encode_slice(packet, &mut body[start..]).expect("room was made for it");
        body.truncate(start + n);
    } else {
        body.extend_from_slice(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &str) -> Vec<Result<Packet<'_>, ParseError>> {
        decode_payload(body).collect()
    }

    #[test]
    fn a_payload_reads_back_as_it_was_written() {
        let mut body = Vec::new();
        write_packet(&mut body, false, b"4hello");
        write_packet(&mut body, true, &[1, 2, 3, 4]);
        assert_eq!(body, b"4hello\x1ebAQIDBA==");
        let body = String::from_utf8(body).unwrap();
        assert_eq!(
            decode(&body),
            [Ok(Packet::Text("hello")), Ok(Packet::Binary(vec![1, 2, 3, 4].into()))]
        );
    }

    #[test]
    fn an_empty_body_and_a_trailing_separator_are_errors() {
        assert_eq!(decode(""), [Err(ParseError::Empty)]);
        assert_eq!(decode("4a\x1e"), [Ok(Packet::Text("a")), Err(ParseError::Empty)]);
    }

    #[test]
    fn a_payload_holds_1024_packets_and_not_one_more() {
        let full = vec!["3"; MAX_PACKETS_IN].join("\x1e");
        assert!(decode(&full).iter().all(Result::is_ok));
        let over = format!("{full}\x1e3");
        assert_eq!(decode(&over).last(), Some(&Err(ParseError::TooMany)));
    }
}

//! Bytes in, WebSocket messages out: reassembly, unmasking and every rule a peer may break.
//! A message that lies whole in the given bytes is handed out without a copy.
//! Source: RFC 6455 §§ 5 and 8.1; limits after ws 8.21 (CVE-2026-48779).

use std::borrow::Cow;

use super::{MAX_CONTROL_BYTES, MAX_HEADER_BYTES, Opcode, close_code};

/// Which side this decoder is: servers demand masks, clients forbid them (RFC 6455 § 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads what clients send.
    Server,
    /// Reads what servers send.
    Client,
}

/// What a peer may make the decoder keep.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one message, all fragments together. One more: close 1009.
    pub max_message_bytes: usize,
    /// Fragments of one message, empty ones too. One more: close 1008.
    pub max_fragments: usize,
}

impl Limits {
    /// Fragments of one message unless said otherwise, as in ws 8.21.
    pub const MAX_FRAGMENTS: usize = 16_384;
}

/// One whole message or control frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'d> {
    /// A text message.
    Text(Cow<'d, str>),
    /// A binary message.
    Binary(Cow<'d, [u8]>),
    /// A ping; to be answered by a pong with the same bytes.
    Ping(Cow<'d, [u8]>),
    /// A pong.
    Pong(Cow<'d, [u8]>),
    /// The peer closes; `None` if it gave no code.
    Close(Option<u16>),
}

/// What one frame has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought<'d> {
    /// A message, or the end of one; or a control frame.
    Message(Message<'d>),
    /// A part of a message that goes on.
    Part,
}

/// A broken rule: the connection is to be closed with this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (close {code})")]
pub struct Violation {
    /// The close code to send.
    pub code: u16,
    /// What was broken, in a few words.
    pub reason: &'static str,
}

fn violation(reason: &'static str) -> Violation {
    Violation { code: close_code::PROTOCOL_ERROR, reason }
}

/// Decoder of one connection. Between messages it holds no heap memory.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    limits: Limits,
    /// A header of which only a part has arrived.
    head: [u8; MAX_HEADER_BYTES],
    head_len: usize,
    /// The frame whose payload is arriving, and what of it is here, unmasked.
    frame: Option<Header>,
    body: Vec<u8>,
    /// The fragmented message that is arriving.
    message: Option<Fragmented>,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    fin: bool,
    opcode: Opcode,
    mask: Option<[u8; 4]>,
    length: usize,
}

#[derive(Debug)]
struct Fragmented {
    opcode: Opcode,
    bytes: Vec<u8>,
    n_fragments: usize,
}

impl Decoder {
    /// A decoder for a fresh connection.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self {
            role,
            limits,
            head: [0; MAX_HEADER_BYTES],
            head_len: 0,
            frame: None,
            body: Vec::new(),
            message: None,
        }
    }

    /// Takes bytes off the front of `data` until a message is whole; `None` when `data` is used
    /// up. Call it again with the rest until then.
    ///
    /// # Errors
    /// The rule that was broken; the decoder is of no use afterwards.
    pub fn next<'d>(&mut self, data: &mut &'d mut [u8]) -> Result<Option<Message<'d>>, Violation> {
        loop {
            match self.next_frame(data)? {
                Some(Brought::Message(message)) => return Ok(Some(message)),
                Some(Brought::Part) => {}
                None => return Ok(None),
            }
        }
    }

    /// The same for one frame: who counts them, or has not time for all, uses this one.
    ///
    /// # Errors
    /// As [`Self::next`].
    #[inline]
    pub fn next_frame<'d>(
        &mut self,
        data: &mut &'d mut [u8],
    ) -> Result<Option<Brought<'d>>, Violation> {
        let header = match self.frame.take() {
            Some(header) => header,
            None => match self.read_header(data)? {
                Some(header) => header,
                None => return Ok(None),
            },
        };
        let Some(payload) = self.read_payload(header, data) else {
            self.frame = Some(header);
            return Ok(None);
        };
        let message = self.take_frame(header, payload)?;
        Ok(Some(message.map_or(Brought::Part, Brought::Message)))
    }

    /// Reads the header, if it is all there, and checks what it alone can break.
    fn read_header(&mut self, data: &mut &mut [u8]) -> Result<Option<Header>, Violation> {
        let known = self.head_len;
        let found = if known == 0 {
            parse_header(data)?
        } else {
            let n = data.len().min(MAX_HEADER_BYTES - known);
            self.head[known..known + n].copy_from_slice(&data[..n]);
            parse_header(&self.head[..known + n])?
        };
        let Some((header, header_len)) = found else {
            // It is shorter than a header, so the head has room for all of it.
            self.head[known..known + data.len()].copy_from_slice(data);
            self.head_len += data.len();
            *data = &mut [];
            return Ok(None);
        };
        *data = &mut std::mem::take(data)[header_len - known..];
        self.head_len = 0;
        self.check(header)?;
        Ok(Some(header))
    }

    fn check(&self, header: Header) -> Result<(), Violation> {
        match self.role {
            Role::Server if header.mask.is_none() => return Err(violation("unmasked frame")),
            Role::Client if header.mask.is_some() => return Err(violation("masked frame")),
            _ => {}
        }
        if header.opcode.is_control() {
            if !header.fin {
                return Err(violation("fragmented control frame"));
            }
            if header.length > MAX_CONTROL_BYTES {
                return Err(violation("control frame over 125 bytes"));
            }
            return Ok(());
        }
        let before = match (&self.message, header.opcode) {
            (None, Opcode::Continuation) => return Err(violation("continuation of nothing")),
            (Some(message), Opcode::Continuation) => {
                if message.n_fragments >= self.limits.max_fragments {
                    let code = close_code::POLICY_VIOLATION;
                    return Err(Violation { code, reason: "too many fragments" });
                }
                message.bytes.len()
            }
            (Some(_), _) => return Err(violation("new message inside a fragmented one")),
            (None, _) => 0,
        };
        if header.length > self.limits.max_message_bytes.saturating_sub(before) {
            return Err(Violation { code: close_code::TOO_BIG, reason: "message too big" });
        }
        Ok(())
    }

    /// The frame's payload once it is all there: borrowed if it lies whole in `data`.
    fn read_payload<'d>(
        &mut self,
        header: Header,
        data: &mut &'d mut [u8],
    ) -> Option<Cow<'d, [u8]>> {
        let missing = header.length - self.body.len();
        let n = missing.min(data.len());
        let (part, rest) = std::mem::take(data).split_at_mut(n);
        *data = rest;
        if let Some(mask) = header.mask {
            apply_mask(part, mask, self.body.len());
        }
        if self.body.is_empty() && n == header.length {
            return Some(Cow::Borrowed(part));
        }
        self.body.extend_from_slice(part);
        (n == missing).then(|| Cow::Owned(std::mem::take(&mut self.body)))
    }

    fn take_frame<'d>(
        &mut self,
        header: Header,
        payload: Cow<'d, [u8]>,
    ) -> Result<Option<Message<'d>>, Violation> {
        match header.opcode {
            Opcode::Ping => Ok(Some(Message::Ping(payload))),
            Opcode::Pong => Ok(Some(Message::Pong(payload))),
            Opcode::Close => parse_close(&payload).map(|code| Some(Message::Close(code))),
            Opcode::Text | Opcode::Binary if header.fin => finish(header.opcode, payload).map(Some),
            opcode @ (Opcode::Text | Opcode::Binary) => {
                let bytes = payload.into_owned();
                self.message = Some(Fragmented { opcode, bytes, n_fragments: 1 });
                Ok(None)
            }
            Opcode::Continuation => {
                let message = self.message.as_mut().expect("checked with the header");
                message.bytes.extend_from_slice(&payload);
                message.n_fragments += 1;
                if !header.fin {
                    return Ok(None);
                }
                let message = self.message.take().expect("just seen");
                finish(message.opcode, Cow::Owned(message.bytes)).map(Some)
            }
        }
    }
}

fn finish(opcode: Opcode, payload: Cow<'_, [u8]>) -> Result<Message<'_>, Violation> {
    if opcode == Opcode::Binary {
        return Ok(Message::Binary(payload));
    }
    let invalid = Violation { code: close_code::INVALID_DATA, reason: "text is not UTF-8" };
    let text = match payload {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| invalid)?),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).map_err(|_| invalid)?),
    };
    Ok(Message::Text(text))
}

fn parse_header(bytes: &[u8]) -> Result<Option<(Header, usize)>, Violation> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(violation("reserved bit set"));
    }
    let opcode = Opcode::from_bits(first & 0x0f).ok_or_else(|| violation("reserved opcode"))?;
    let (length, mut at) = match second & 0x7f {
        126 => {
            let Some(wide) = bytes.get(2..4) else { return Ok(None) };
            (u64::from(u16::from_be_bytes([wide[0], wide[1]])), 4)
        }
        127 => {
            let Some(wide) = bytes.get(2..10) else { return Ok(None) };
            let length = u64::from_be_bytes(wide.try_into().expect("8 bytes"));
            if length >> 63 != 0 {
                return Err(violation("length over 63 bits"));
            }
            (length, 10)
        }
        n => (u64::from(n), 2),
    };
    let mask = if second & 0x80 == 0 {
        None
    } else {
        let Some(mask) = bytes.get(at..at + 4) else { return Ok(None) };
        at += 4;
        Some(mask.try_into().expect("4 bytes"))
    };
    // A length that does not fit is over every limit as well.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Some((Header { fin: first & 0x80 != 0, opcode, mask, length }, at)))
}

/// RFC 6455 § 5.5.1: nothing, or a code that may travel and a reason in UTF-8.
fn parse_close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    match payload {
        [] => Ok(None),
        [_] => Err(violation("close frame of one byte")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(violation("close code that must not travel"));
            }
            if std::str::from_utf8(reason).is_err() {
                let code = close_code::INVALID_DATA;
                return Err(Violation { code, reason: "close reason is not UTF-8" });
            }
            Ok(Some(code))
        }
    }
}

/// Masks or unmasks in place; `offset` is the position of `bytes` in the payload.
pub(super) fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mask = u32::from_ne_bytes([0, 1, 2, 3].map(|i| mask[(offset + i) % 4]));
    let wide = u64::from(mask) << 32 | u64::from(mask);
    // Blocks first: they become vectors.
    let mut blocks = bytes.chunks_exact_mut(32);
    for block in &mut blocks {
        for eight in block.as_chunks_mut().0 {
            *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
        }
    }
    let (eights, rest) = blocks.into_remainder().as_chunks_mut();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    let (fours, rest) = rest.as_chunks_mut();
    for four in fours {
        *four = (u32::from_ne_bytes(*four) ^ mask).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.to_ne_bytes()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{write_frame, write_masked_frame};
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { max_message_bytes: 1000, max_fragments: 4 };

    /// Feeds the wire in pieces of `step` bytes and shows what came out.
    fn run(role: Role, wire: &[u8], step: usize) -> Result<Vec<Message<'static>>, u16> {
        let mut decoder = Decoder::new(role, LIMITS);
        let mut seen = Vec::new();
        for piece in wire.chunks(step) {
            let mut piece = piece.to_vec();
            let mut data = piece.as_mut_slice();
            while let Some(message) = decoder.next(&mut data).map_err(|v| v.code)? {
                seen.push(match message {
                    Message::Text(text) => Message::Text(Cow::Owned(text.into_owned())),
                    Message::Binary(bytes) => Message::Binary(Cow::Owned(bytes.into_owned())),
                    Message::Ping(bytes) => Message::Ping(Cow::Owned(bytes.into_owned())),
                    Message::Pong(bytes) => Message::Pong(Cow::Owned(bytes.into_owned())),
                    Message::Close(code) => Message::Close(code),
                });
            }
        }
        Ok(seen)
    }

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_masked_frame(&mut out, Opcode::Text, payload, [1, 2, 3, 4]);
        out[0] = first;
        out
    }

    /// A row: what, the bytes, the code that closes.
    #[test]
    fn every_broken_rule_has_its_close_code() {
        let mut unmasked = Vec::new();
        write_frame(&mut unmasked, Opcode::Text, b"x");
        let mut inside = masked(0x01, b"a");
        inside.extend(masked(0x81, b"b"));
        let mut fragments = masked(0x01, b"");
        for _ in 0..4 {
            fragments.extend(masked(0x00, b""));
        }
        let mut sum = masked(0x01, &[b'a'; 600]);
        sum.extend(masked(0x80, &[b'a'; 401]));
        let huge = [0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0].to_vec();
        let top_bit = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
        for (what, wire, code) in [
            ("unmasked", unmasked, 1002),
            ("RSV1", masked(0xc1, b"x"), 1002),
            ("reserved opcode 3", masked(0x83, b"x"), 1002),
            ("reserved control opcode 11", masked(0x8b, b"x"), 1002),
            ("control frame of 126 bytes", masked(0x89, &[0; 126]), 1002),
            ("fragmented ping", masked(0x09, b"x"), 1002),
            ("continuation of nothing", masked(0x80, b"x"), 1002),
            ("text inside a fragmented text", inside, 1002),
            ("text that is not UTF-8", masked(0x81, &[0xff]), 1007),
            ("length 2^63-1", huge, 1009),
            ("length 2^63", top_bit, 1002),
            ("one byte over the limit", masked(0x81, &[b'a'; 1001]), 1009),
            ("fragments over the limit in sum", sum, 1009),
            ("one fragment too many", fragments, 1008),
            ("close code 1005", masked(0x88, &1005u16.to_be_bytes()), 1002),
            ("close code 999", masked(0x88, &999u16.to_be_bytes()), 1002),
            ("close of one byte", masked(0x88, &[3]), 1002),
            ("close reason not UTF-8", masked(0x88, &[3, 232, 0xff]), 1007),
        ] {
            for step in [1, 3, 5000] {
                assert_eq!(run(Role::Server, &wire, step), Err(code), "{what}, step {step}");
            }
        }
    }

    #[test]
    fn limits_hold_at_the_limit_too() {
        let mut wire = masked(0x81, &[b'a'; 1000]);
        wire.extend(masked(0x01, b""));
        for _ in 0..2 {
            wire.extend(masked(0x00, b""));
        }
        wire.extend(masked(0x80, b"b"));
        let seen = run(Role::Server, &wire, 7).unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1], Message::Text("b".into()));
    }

    #[test]
    fn control_frames_may_interleave_with_fragments() {
        let mut wire = masked(0x01, "h\u{e4}".as_bytes().split_at(2).0);
        wire.extend(masked(0x89, b"now"));
        wire.extend(masked(0x80, "h\u{e4}".as_bytes().split_at(2).1));
        wire.extend(masked(0x88, &[3, 232]));
        for step in [1, 4, 100] {
            assert_eq!(
                run(Role::Server, &wire, step).unwrap(),
                [
                    Message::Ping(b"now".as_slice().into()),
                    Message::Text("h\u{e4}".into()),
                    Message::Close(Some(1000)),
                ]
            );
        }
    }

    #[test]
    fn each_frame_of_a_message_is_told_by_itself() {
        let parts = [(0x01, "a"), (0x00, ""), (0x89, "now"), (0x80, "b"), (0x81, "c")];
        let mut wire: Vec<u8> =
            parts.iter().flat_map(|(first, text)| masked(*first, text.as_bytes())).collect();
        let mut data = wire.as_mut_slice();
        let mut decoder = Decoder::new(Role::Server, LIMITS);
        let mut brought = || decoder.next_frame(&mut data).unwrap();
        assert_eq!(brought(), Some(Brought::Part));
        assert_eq!(brought(), Some(Brought::Part));
        let ping = Message::Ping(b"now".as_slice().into());
        for message in [ping, Message::Text("ab".into()), Message::Text("c".into())] {
            assert_eq!(brought(), Some(Brought::Message(message)));
        }
        assert_eq!(brought(), None);
    }

    proptest! {
        #[test]
        fn what_one_side_writes_the_other_reads(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1000), 1..6),
            mask: [u8; 4],
            step in 1usize..3000,
        ) {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            for payload in &payloads {
                write_masked_frame(&mut up, Opcode::Binary, payload, mask);
                write_frame(&mut down, Opcode::Binary, payload);
            }
            let expected: Vec<_> =
                payloads.iter().map(|p| Message::Binary(Cow::Owned(p.clone()))).collect();
            prop_assert_eq!(run(Role::Server, &up, step).unwrap(), expected.clone());
            prop_assert_eq!(run(Role::Client, &down, step).unwrap(), expected);
        }

        #[test]
        fn no_bytes_make_it_panic(
            wire in prop::collection::vec(any::<u8>(), 0..300),
            step in 1usize..50,
        ) {
            let _ = run(Role::Server, &wire, step);
            let _ = run(Role::Client, &wire, step);
        }
    }
}

//! WebSocket frames as the client of a script writes and reads them, rules broken on purpose
//! included. Nothing is shared with the codec that is being tested.
//! Source: RFC 6455 § 5.2.

use anyhow::{Result, ensure};

use super::Came;

/// Bits of the first two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: u8,
    /// False: more of the message follows.
    pub(super) is_final: bool,
    pub(super) has_reserved_bit: bool,
    pub(super) is_masked: bool,
}

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

impl Head {
    /// What a well-behaved client sends.
    pub(super) fn of(opcode: u8) -> Self {
        Self { opcode, is_final: true, has_reserved_bit: false, is_masked: true }
    }

    /// The frame around this payload.
    pub(super) fn frame(self, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; 4] = [7, 1, 8, 2];
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let first = bit(self.is_final, 0x80) | bit(self.has_reserved_bit, 0x40) | self.opcode;
        let masked = bit(self.is_masked, 0x80);
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..=125 => frame.push(masked | n as u8),
            n @ 126..=0xffff => {
                frame.push(masked | 126);
                frame.extend((n as u16).to_be_bytes());
            }
            n => {
                frame.push(masked | 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        if self.is_masked {
            frame.extend(MASK);
            frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            frame.extend_from_slice(payload);
        }
        frame
    }
}

/// Takes bytes of the server as they come; servers send whole messages, never masked.
#[derive(Debug, Default)]
pub(super) struct Reader(Vec<u8>);

impl Reader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// If it is none that a server may send.
    pub(super) fn next(&mut self) -> Result<Option<Came>> {
        let [first, second, rest @ ..] = self.0.as_slice() else { return Ok(None) };
        ensure!(first & 0xf0 == 0x80, "a frame with first byte {first:#x}: not a final frame");
        ensure!(second & 0x80 == 0, "the server masked a frame");
        let wide = match second {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(length) = rest.get(..wide) else { return Ok(None) };
        let length = match second {
            126 | 127 => length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
            short => usize::from(*short),
        };
        let Some(payload) = rest.get(wide..).and_then(|rest| rest.get(..length)) else {
            return Ok(None);
        };
        let came = match first & 0x0f {
            TEXT => Came::Text(payload.to_vec()),
            BINARY => Came::Bytes(payload.to_vec()),
            PING => Came::Ping(payload.to_vec()),
            PONG => Came::Pong(payload.to_vec()),
            CLOSE => match payload {
                [] => Came::Close(None, Vec::new()),
                [high, low, words @ ..] => {
                    Came::Close(Some(u16::from_be_bytes([*high, *low])), words.to_vec())
                }
                [_] => anyhow::bail!("a close frame with half a code"),
            },
            opcode => anyhow::bail!("a frame of opcode {opcode}"),
        };
        self.0.drain(..2 + wide + length);
        Ok(Some(came))
    }

    /// True if a frame was begun and not ended.
    pub(super) fn is_half(&self) -> bool {
        !self.0.is_empty()
    }
}

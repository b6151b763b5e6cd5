//! Bytes on their way to a server: each frame masked with a key of its own.
//! Writing them to a socket is the driver's part.
//! Source: RFC 6455 § 5.3.

use parlor_shared::websocket::{self, Opcode};

use crate::Random;

/// What is to be written next. One of these can serve all clients of a thread, as long as it is
/// emptied between them.
#[derive(Debug)]
pub struct Transmit {
    /// Grows at the end; the driver takes bytes off as it writes them.
    pub bytes: Vec<u8>,
    /// Masks keep scripts in browsers from choosing what proxies see. Here the program itself
    /// chooses what is sent, so a generator is enough if its seed is not known beforehand.
    masks: Random,
}

impl Transmit {
    /// Nothing to write; masks follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self { bytes: Vec::new(), masks: Random::seeded(seed) }
    }

    pub(super) fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        let [a, b, c, d, ..] = self.masks.bits().to_le_bytes();
        websocket::write_masked_frame(&mut self.bytes, opcode, payload, [a, b, c, d]);
    }

    pub(super) fn text(&mut self, packet: &str) {
        self.frame(Opcode::Text, packet.as_bytes());
    }

    /// A close frame, empty without a code.
    pub(super) fn close(&mut self, code: Option<u16>) {
        match code {
            Some(code) => self.frame(Opcode::Close, &code.to_be_bytes()),
            None => self.frame(Opcode::Close, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_a_mask_of_its_own_and_a_seed_gives_the_same_bytes() {
        let write = |seed| {
            let mut transmit = Transmit::new(seed);
            transmit.text("4hello");
            transmit.text("4hello");
            transmit.bytes
        };
        let bytes = write(1);
        let (first, second) = bytes.split_at(bytes.len() / 2);
        assert_eq!(first[..2], second[..2]);
        assert_ne!(first[2..], second[2..]);
        assert_eq!(bytes, write(1));
        assert_ne!(bytes, write(2));
    }
}

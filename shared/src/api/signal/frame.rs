//! The header of a frame between peers: the same on a data channel and through the server, so that
//! a stream may change its way in the middle. The server reads of it only what a volatile frame is
//! replaced by.
//!
//! ```text
//!  0      1         2       3        4         8               12
//!  kind   channel   flags   0        seq u32   ack or key u32  payload …      (big endian)
//! ```

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 12;

/// What a frame is.
pub mod kind {
    /// Only by a data channel: is the path alive? `seq` counts them.
    pub const PING: u8 = 1;
    /// The answer: the same `seq`.
    pub const PONG: u8 = 2;
    /// No payload: all reliable frames below `ack` have arrived.
    pub const ACK: u8 = 3;
    /// Part of a message that arrives, in order. `seq` counts from 0, one more with each; `ack` as
    /// above, of the other direction.
    pub const RELIABLE: u8 = 4;
    /// A message of which only the newest counts. `seq` counts those of its key from 1.
    pub const VOLATILE: u8 = 5;
}

/// Bits of `flags`.
pub mod flag {
    /// The message goes on in the next reliable frame.
    pub const MORE: u8 = 1;
    /// The payload is JSON; else bytes.
    pub const JSON: u8 = 2;
    /// The payload is encrypted.
    pub const SEALED: u8 = 4;
}

/// What a volatile frame replaces while it waits for a slow client: the last one of the same
/// channel and key.
///
/// `None` if these bytes are no frame of this kind.
pub fn volatile_key(frame: &[u8]) -> Option<(u8, u32)> {
    let header: &[u8; HEADER_BYTES] = frame.first_chunk()?;
    let key = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    (header[0] == kind::VOLATILE).then_some((header[1], key))
}

/// True if these bytes may travel as a reliable frame: one that carries a message, or an
/// acknowledgement.
pub fn is_reliable(frame: &[u8]) -> bool {
    frame.len() >= HEADER_BYTES && matches!(frame[0], kind::ACK | kind::RELIABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_whole_and_of_the_kind_that_its_event_says() {
        let mut frame = [0; 20];
        frame[..HEADER_BYTES].copy_from_slice(&[5, 7, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]);
        assert_eq!(volatile_key(&frame), Some((7, 0x0102_0304)));
        assert_eq!(volatile_key(&frame[..12]), Some((7, 0x0102_0304)));
        assert_eq!(volatile_key(&frame[..11]), None);
        assert!(!is_reliable(&frame));
        for (kind, expected) in [(1, false), (2, false), (3, true), (4, true), (6, false)] {
            frame[0] = kind;
            assert_eq!(is_reliable(&frame), expected, "{kind}");
            assert_eq!(volatile_key(&frame), None, "{kind}");
        }
        frame[0] = kind::RELIABLE;
        assert!(is_reliable(&frame[..12]) && !is_reliable(&frame[..11]));
    }
}

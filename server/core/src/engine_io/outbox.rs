//! The queue towards one client: reliable frames in order, and the newest of each volatile kind.
//! Whether the client can take anything just now is the session's knowledge.
//! Source: DESIGN of slow readers: a frame begun is finished; reliable first.

use std::collections::VecDeque;

use parlor_shared::{
    engine_io::{MAX_PACKETS_OUT, write_packet},
    socket_io::Frame,
};

/// Volatile kinds kept for one blocked client. With one more, the oldest is dropped.
pub const MAX_VOLATILE_KEYS: usize = 8;
/// Bytes queued for a client that can still take them, from which on it is written to before
/// anything else happens, so that a burst does not look like a slow reader.
pub const HIGH_WATER_BYTES: usize = 64 * 1024;
/// Packets queued, likewise.
pub const HIGH_WATER_PACKETS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Frame>,
    /// Bytes of the front frame that are written already.
    begun: usize,
    /// Bytes in the queue, the begun part included.
    bytes: usize,
    /// Volatile frames of a blocked client, oldest key first.
    slots: Vec<(u64, Frame)>,
    /// The answer to the newest WebSocket ping: older ones need none (RFC 6455 § 5.5.3).
    pong: Option<Frame>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.slots.is_empty() && self.pong.is_none()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn packets(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_over_high_water(&self) -> bool {
        self.bytes >= HIGH_WATER_BYTES || self.queue.len() >= HIGH_WATER_PACKETS
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.wire().len();
        self.queue.push_back(frame);
    }

    /// Keeps the newest frame under `key`; true if that cost another frame its place.
    pub(super) fn replace(&mut self, key: u64, frame: Frame) -> bool {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.0 == key) {
            slot.1 = frame;
            return true;
        }
        let full = self.slots.len() == MAX_VOLATILE_KEYS;
        if full {
            self.slots.remove(0);
        }
        self.slots.push((key, frame));
        full
    }

    pub(super) fn pong(&mut self, frame: Frame) {
        self.pong = Some(frame);
    }

    /// Drops all that is not begun, to say good-bye at once.
    pub(super) fn clear_unbegun(&mut self) {
        self.queue.truncate(usize::from(self.begun > 0));
        self.bytes = self.queue.iter().map(|frame| frame.wire().len()).sum();
        self.slots.clear();
        self.pong = None;
    }

    /// Drops everything: the transport is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What a WebSocket is to be written next, front first.
    pub(super) fn chunks(&mut self) -> impl Iterator<Item = &[u8]> {
        self.settle();
        let mut skip = self.begun;
        self.queue.iter().map(move |frame| &frame.wire()[std::mem::take(&mut skip)..])
    }

    /// `n` bytes of [`Self::chunks`] were written.
    pub(super) fn advance(&mut self, n: usize) {
        self.begun += n;
        while let Some(front) = self.queue.front() {
            let length = front.wire().len();
            if self.begun < length {
                break;
            }
            self.begun -= length;
            self.bytes -= length;
            self.queue.pop_front();
        }
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
    }

    /// Brings a pong in between two frames, and one volatile frame behind the reliable ones: one
    /// at a time, because what is in the queue can no longer be replaced.
    fn settle(&mut self) {
        if let Some(pong) = self.pong.take() {
            self.bytes += pong.wire().len();
            self.queue.insert(usize::from(self.begun > 0).min(self.queue.len()), pong);
        }
        if self.queue.is_empty() && !self.slots.is_empty() {
            let (_, frame) = self.slots.remove(0);
            self.push(frame);
        }
    }

    /// Takes a polling answer: at most 16 packets and `max_payload` bytes, but at least one frame.
    pub(super) fn take_payload(&mut self, max_payload: usize) -> Vec<u8> {
        let mut body = Vec::new();
        let mut n_packets = 0;
        self.pong = None;
        loop {
            if self.queue.is_empty() {
                self.settle();
            }
            let Some(front) = self.queue.front() else { return body };
            let n = front.packets().count();
            let length: usize = front
                .packets()
                .map(|(binary, p)| 1 + if binary { p.len().div_ceil(3) * 4 + 1 } else { p.len() })
                .sum();
            let fits = n_packets + n <= MAX_PACKETS_OUT && body.len() + length <= max_payload + 1;
            if !fits && n_packets > 0 {
                return body;
            }
            for (is_binary, packet) in front.packets() {
                write_packet(&mut body, is_binary, packet);
            }
            n_packets += n;
            self.advance(front.wire().len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(outbox: &mut Outbox) -> String {
        String::from_utf8(outbox.take_payload(1_000_000)).unwrap().replace('\x1e', " ")
    }

    #[test]
    fn volatile_frames_are_replaced_and_come_after_reliable_ones() {
        let mut outbox = Outbox::default();
        outbox.replace(1, Frame::message_text("old"));
        outbox.push(Frame::message_text("reliable"));
        outbox.replace(2, Frame::message_text("other"));
        outbox.replace(1, Frame::message_text("new"));
        assert_eq!(all(&mut outbox), "4reliable 4new 4other");
        assert!(outbox.is_empty());
    }

    #[test]
    fn eight_volatile_kinds_are_kept_and_the_ninth_drops_the_oldest() {
        let mut outbox = Outbox::default();
        for key in 0..8 {
            assert!(!outbox.replace(key, Frame::message_text(&key.to_string())));
        }
        assert!(outbox.replace(8, Frame::message_text("8")));
        assert_eq!(all(&mut outbox), "41 42 43 44 45 46 47 48");
    }

    #[test]
    fn a_frame_begun_is_finished_and_a_pong_waits_for_its_end() {
        let mut outbox = Outbox::default();
        outbox.push(Frame::message_text("abc"));
        outbox.push(Frame::message_text("def"));
        let first: Vec<u8> = outbox.chunks().next().unwrap().to_vec();
        outbox.advance(2);
        outbox.pong(Frame::pong(b"1"));
        outbox.pong(Frame::pong(b"2"));
        outbox.replace(1, Frame::message_text("state"));
        let chunks: Vec<Vec<u8>> = outbox.chunks().map(<[u8]>::to_vec).collect();
        assert_eq!(chunks.len(), 3, "the volatile frame is not begun yet");
        assert_eq!(chunks[0], first[2..]);
        assert_eq!(chunks[1], Frame::pong(b"2").wire().to_vec());
        outbox.clear_unbegun();
        let rest: Vec<Vec<u8>> = outbox.chunks().map(<[u8]>::to_vec).collect();
        assert_eq!(rest, [first[2..].to_vec()]);
        outbox.advance(rest[0].len());
        assert!(outbox.is_empty());
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn an_answer_holds_sixteen_packets_and_not_one_more() {
        let mut outbox = Outbox::default();
        for i in 0..17 {
            outbox.push(Frame::message_text(&i.to_string()));
        }
        assert_eq!(all(&mut outbox).split(' ').count(), 16);
        assert_eq!(all(&mut outbox), "416");
    }

    #[test]
    fn an_answer_keeps_within_max_payload_unless_one_packet_alone_does_not() {
        let mut outbox = Outbox::default();
        outbox.push(Frame::message_text("aaa"));
        outbox.push(Frame::message_text("bbb"));
        outbox.push(Frame::message_text("cc"));
        assert_eq!(outbox.take_payload(9), b"4aaa\x1e4bbb");
        outbox.push(Frame::message_text("too long for it"));
        assert_eq!(outbox.take_payload(9), b"4cc");
        assert_eq!(outbox.take_payload(9), b"4too long for it");
    }
}

//! The queue towards one client: reliable frames in order, and the newest of each volatile kind.
//! Whether the client can take anything just now is the session's knowledge.
//! Source: DESIGN of slow readers: a frame begun is finished; reliable first.

use std::collections::VecDeque;

use bytes::Bytes;
use parlor_shared::{
    engine_io::{MAX_PACKETS_OUT, write_packet},
    socket_io::Frame,
};

/// Volatile kinds kept for one blocked client. With one more, the oldest is dropped.
pub const MAX_VOLATILE_KEYS: usize = 8;
/// Bytes queued for a client that can still take them, from which on it is written to before
/// anything else happens, so that a burst does not look like a slow reader.
pub const HIGH_WATER_BYTES: usize = 64 * 1024;

/// Frames up to this size that have to wait are copied together, so that what waits costs its
/// bytes and not an allocation each.
const SMALL_BYTES: usize = 1024;
/// So much is copied together at most.
const TAIL_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whole frames back to back; the front one may be written in part.
    queue: VecDeque<Bytes>,
    /// Small frames behind the queue, whole and back to back.
    tail: Vec<u8>,
    /// Bytes of the front that are written already.
    begun: usize,
    /// Bytes in queue and tail, the begun part included.
    bytes: usize,
    /// Volatile frames of a blocked client, oldest key first.
    slots: Vec<(u64, Frame)>,
    /// The answer to the newest WebSocket ping: older ones need none (RFC 6455 § 5.5.3).
    pong: Option<Frame>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.slots.is_empty() && self.pong.is_none()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes - self.begun
    }

    pub(super) fn push(&mut self, frame: &Frame) {
        let wire = frame.wire();
        self.bytes += wire.len();
        // What is written at once is shared with all others who get it.
        let must_wait = !self.queue.is_empty();
        if must_wait && wire.len() <= SMALL_BYTES {
            if self.tail.len() + wire.len() > TAIL_BYTES {
                self.close_tail();
            }
            return self.tail.extend_from_slice(wire);
        }
        self.close_tail();
        self.queue.push_back(wire.clone());
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

    /// True if a frame waits under `key`: a newer one must take its place, not overtake it.
    pub(super) fn holds(&self, key: u64) -> bool {
        self.slots.iter().any(|slot| slot.0 == key)
    }

    /// Queues what waits in slots: nothing newer will come.
    pub(super) fn empty_slots(&mut self) {
        for (_, frame) in std::mem::take(&mut self.slots) {
            self.push(&frame);
        }
    }

    pub(super) fn pong(&mut self, frame: Frame) {
        self.pong = Some(frame);
    }

    /// Drops all that is not begun, to say good-bye at once.
    pub(super) fn clear_unbegun(&mut self) {
        let front = self.queue.pop_front().filter(|_| self.begun > 0);
        let begun = self.begun;
        self.clear();
        if let Some(mut front) = front {
            // The frame that is begun ends somewhere in there.
            let mut end = 0;
            while end < begun
                && let Some((_, _, length)) = Frame::first_packet(&front[end..])
            {
                end += length;
            }
            front.truncate(end);
            self.bytes = end;
            self.begun = begun;
            self.queue.push_back(front);
        }
    }

    /// Drops everything: the transport is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What a WebSocket is to be written next, front first. When nothing reliable waits, that is
    /// one volatile frame, which can still be replaced as long as none of it is written.
    pub(super) fn chunks(&mut self) -> impl Iterator<Item = &[u8]> {
        self.close_tail();
        if let Some(pong) = self.pong.take() {
            // Between two chunks: the front one may have begun.
            self.bytes += pong.wire().len();
            let place = usize::from(self.begun > 0).min(self.queue.len());
            self.queue.insert(place, pong.wire().clone());
        }
        let slot = self.slots.first().filter(|_| self.queue.is_empty());
        let mut skip = self.begun;
        let chunks = self.queue.iter().chain(slot.map(|slot| slot.1.wire()));
        chunks.map(move |chunk| &chunk[std::mem::take(&mut skip)..])
    }

    /// `n` bytes of [`Self::chunks`] were written.
    pub(super) fn advance(&mut self, n: usize) {
        if n > 0 && self.queue.is_empty() && !self.slots.is_empty() {
            let (_, begun) = self.slots.remove(0);
            self.push(&begun);
        }
        self.begun += n;
        while let Some(front) = self.queue.front() {
            let length = front.len();
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

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push_back(std::mem::take(&mut self.tail).into());
        }
    }

    /// Takes a polling answer: at most 16 packets and `max_payload` bytes, but at least one packet.
    pub(super) fn take_payload(&mut self, max_payload: usize) -> Vec<u8> {
        let mut body = Vec::new();
        let mut n_packets = 0;
        self.pong = None;
        loop {
            self.close_tail();
            let front = self.queue.front().or_else(|| self.slots.first().map(|s| s.1.wire()));
            let Some(front) = front.map(|front| front.slice(self.begun..)) else { return body };
            let (packet, is_binary, length) = match Frame::first_packet(&front) {
                Some((Some(is_binary), packet, length)) => (packet, is_binary, length),
                // Control frames of the WebSocket protocol are no packets.
                Some((None, _, length)) => {
                    self.advance(length);
                    continue;
                }
                None => unreachable!("the queue holds whole frames"),
            };
            let coded = if is_binary { 1 + packet.len().div_ceil(3) * 4 } else { packet.len() };
            let fits = n_packets < MAX_PACKETS_OUT
                && body.len() + usize::from(n_packets > 0) + coded <= max_payload;
            if !fits && n_packets > 0 {
                return body;
            }
            write_packet(&mut body, is_binary, packet);
            n_packets += 1;
            self.advance(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(outbox: &mut Outbox) -> String {
        String::from_utf8(outbox.take_payload(1_000_000)).unwrap().replace('\x1e', " ")
    }

    fn push(outbox: &mut Outbox, text: &str) {
        outbox.push(&Frame::message_text(text));
    }

    #[test]
    fn volatile_frames_are_replaced_and_come_after_reliable_ones() {
        let mut outbox = Outbox::default();
        outbox.replace(1, Frame::message_text("old"));
        push(&mut outbox, "reliable");
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
        push(&mut outbox, "abc");
        push(&mut outbox, "def");
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
    fn small_frames_that_wait_are_copied_together_and_cut_between_frames() {
        let mut outbox = Outbox::default();
        for i in 0..10_000 {
            push(&mut outbox, &i.to_string());
        }
        let whole: Vec<u8> = outbox.chunks().flatten().copied().collect();
        assert_eq!(whole.len(), outbox.bytes());
        assert!(outbox.chunks().count() < 10, "{}", outbox.chunks().count());
        // One whole frame, and three bytes of the second chunk's second frame.
        let first = Frame::message_text("0").wire().len();
        outbox.advance(first + 2 * first - 1);
        outbox.clear_unbegun();
        let rest: Vec<u8> = outbox.chunks().flatten().copied().collect();
        assert_eq!(rest, whole[3 * first - 1..3 * first]);
    }

    #[test]
    fn an_answer_holds_sixteen_packets_and_not_one_more() {
        let mut outbox = Outbox::default();
        for i in 0..17 {
            push(&mut outbox, &i.to_string());
        }
        assert_eq!(all(&mut outbox).split(' ').count(), 16);
        assert_eq!(all(&mut outbox), "416");
    }

    #[test]
    fn an_answer_keeps_within_max_payload_unless_one_packet_alone_does_not() {
        let mut outbox = Outbox::default();
        push(&mut outbox, "aaa");
        push(&mut outbox, "bbb");
        push(&mut outbox, "cc");
        assert_eq!(outbox.take_payload(9), b"4aaa\x1e4bbb");
        push(&mut outbox, "too long for it");
        assert_eq!(outbox.take_payload(9), b"4cc");
        assert_eq!(outbox.take_payload(9), b"4too long for it");
    }
}

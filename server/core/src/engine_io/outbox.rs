//! The queue towards one client: reliable frames in order, and the newest of each volatile kind.
//! Whether the client can take anything just now is the session's knowledge; what waits in which
//! slot is that of `slots`.
//! Source: DESIGN of slow readers: a frame begun is finished; reliable first.

use std::collections::VecDeque;

use bytes::Bytes;
use parlor_shared::{
    engine_io::{MAX_PACKETS_OUT, write_packet},
    socket_io::Frame,
};

use super::slots::Slots;
use crate::{
    delivery::Views,
    fault::{self, Fault},
};

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
    /// Volatile frames of a blocked client, and views.
    pub(super) slots: Slots,
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

    /// Queues the frames that wait in slots: nothing newer will come. Views are dropped.
    pub(super) fn empty_slots(&mut self) {
        for frame in self.slots.take_frames() {
            self.push(&frame);
        }
    }

    pub(super) fn pong(&mut self, frame: Frame) {
        self.pong = Some(frame);
    }

    /// Drops all that is not begun, to say good-bye at once.
    pub(super) fn clear_unbegun(&mut self) {
        let is_kept = self.begun > 0 && !fault::is_planted(Fault::BegunFrameAbandoned);
        let front = self.queue.pop_front().filter(|_| is_kept);
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

    /// What a WebSocket is to be written next, front first: the queue and then, if `views` are
    /// given, the slots. What waits in a slot can be replaced as long as none of it is written.
    pub(super) fn chunks<'o>(
        &'o mut self,
        views: Option<&mut dyn Views>,
    ) -> impl Iterator<Item = &'o [u8]> + use<'o> {
        self.close_tail();
        if let Some(pong) = self.pong.take() {
            // Between two chunks: the front one may have begun.
            self.bytes += pong.wire().len();
            let place = usize::from(self.begun > 0).min(self.queue.len());
            self.queue.insert(place, pong.wire().clone());
        }
        match views {
            Some(views) => self.slots.offer(views),
            None => self.slots.withdraw(),
        }
        let mut skip = self.begun;
        let chunks = self.queue.iter().chain(self.slots.offered().map(Frame::wire));
        chunks.map(move |chunk| &chunk[std::mem::take(&mut skip)..])
    }

    /// `n` bytes of the last [`Self::chunks`] were written.
    pub(super) fn advance(&mut self, n: usize) {
        let mut beyond = n.saturating_sub(self.bytes());
        while beyond > 0
            && let Some(frame) = self.slots.begin()
        {
            beyond = beyond.saturating_sub(frame.wire().len());
            self.bytes += frame.wire().len();
            self.close_tail();
            self.queue.push_back(frame.wire().clone());
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
    pub(super) fn take_payload(&mut self, max_payload: usize, views: &mut dyn Views) -> Vec<u8> {
        let mut body = Vec::new();
        let mut n_packets = 0;
        self.pong = None;
        loop {
            self.close_tail();
            let front = match self.queue.front() {
                Some(front) => Some(front.slice(self.begun..)),
                None => self.slots.offer_first(views).map(|frame| frame.wire().clone()),
            };
            let Some(front) = front else { return body };
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
    use crate::delivery::NoViews;

    fn all(outbox: &mut Outbox) -> String {
        let payload = outbox.take_payload(1_000_000, &mut NoViews);
        String::from_utf8(payload).unwrap().replace('\x1e', " ")
    }

    fn chunks(outbox: &mut Outbox) -> Vec<Vec<u8>> {
        outbox.chunks(Some(&mut NoViews)).map(<[u8]>::to_vec).collect()
    }

    fn push(outbox: &mut Outbox, text: &str) {
        outbox.push(&Frame::message_text(text));
    }

    #[test]
    fn volatile_frames_are_replaced_and_come_after_reliable_ones() {
        let mut outbox = Outbox::default();
        outbox.slots.replace(1, Frame::message_text("old"));
        push(&mut outbox, "reliable");
        outbox.slots.replace(2, Frame::message_text("other"));
        outbox.slots.replace(1, Frame::message_text("new"));
        assert_eq!(all(&mut outbox), "4reliable 4new 4other");
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_frame_begun_is_finished_and_a_pong_waits_for_its_end() {
        let mut outbox = Outbox::default();
        push(&mut outbox, "abc");
        push(&mut outbox, "def");
        let first = chunks(&mut outbox).remove(0);
        outbox.advance(2);
        outbox.pong(Frame::pong(b"1"));
        outbox.pong(Frame::pong(b"2"));
        outbox.slots.replace(1, Frame::message_text("state"));
        let all = chunks(&mut outbox);
        assert_eq!(all.len(), 4, "the volatile frame is the last");
        assert_eq!(all[0], first[2..]);
        assert_eq!(all[1], Frame::pong(b"2").wire().to_vec());
        outbox.clear_unbegun();
        let rest = chunks(&mut outbox);
        assert_eq!(rest, [first[2..].to_vec()]);
        outbox.advance(rest[0].len());
        assert!(outbox.is_empty());
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn a_write_may_end_in_any_frame_of_queue_and_slots() {
        let fill = || {
            let mut outbox = Outbox::default();
            push(&mut outbox, "abc");
            for key in 0..3 {
                outbox.slots.replace(key, Frame::message_text(&format!("slot {key}")));
            }
            outbox
        };
        let whole = chunks(&mut fill()).concat();
        for n in 0..=whole.len() {
            let mut outbox = fill();
            assert_eq!(chunks(&mut outbox).concat(), whole);
            outbox.advance(n);
            // What is not begun can still be replaced, and what is begun is finished.
            let n_waiting = (0..3).filter(|key| outbox.slots.holds(*key)).count();
            assert_eq!(n_waiting, 3 - n.saturating_sub(6).div_ceil(9).min(3), "{n}");
            assert_eq!(chunks(&mut outbox).concat(), whole[n..], "{n}");
            outbox.advance(whole.len() - n);
            assert!(outbox.is_empty() && outbox.bytes() == 0);
        }
    }

    #[test]
    fn small_frames_that_wait_are_copied_together_and_cut_between_frames() {
        let mut outbox = Outbox::default();
        for i in 0..10_000 {
            push(&mut outbox, &i.to_string());
        }
        let whole = chunks(&mut outbox).concat();
        assert_eq!(whole.len(), outbox.bytes());
        assert!(chunks(&mut outbox).len() < 10);
        // One whole frame, and three bytes of the second chunk's second frame.
        let first = Frame::message_text("0").wire().len();
        outbox.advance(first + 2 * first - 1);
        outbox.clear_unbegun();
        let rest = chunks(&mut outbox).concat();
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
        assert_eq!(outbox.take_payload(9, &mut NoViews), b"4aaa\x1e4bbb");
        push(&mut outbox, "too long for it");
        assert_eq!(outbox.take_payload(9, &mut NoViews), b"4cc");
        assert_eq!(outbox.take_payload(9, &mut NoViews), b"4too long for it");
    }
}

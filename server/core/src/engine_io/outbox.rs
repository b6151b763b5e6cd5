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
    time::Time,
};

/// Bytes queued for a client that can still take them, from which on it is written to before
/// anything else happens, so that a burst does not look like a slow reader.
pub const HIGH_WATER_BYTES: usize = 64 * 1024;

/// The same in packets: small ones are many before they are so many bytes.
pub(super) const HIGH_WATER_PACKETS: usize = 1024;

/// Frames up to this size that have to wait are copied together, so that what waits costs its
/// bytes and not an allocation each.
const SMALL_BYTES: usize = 1024;
/// Frames behind the front that are not copied: as many as a client gets in one turn.
const MAX_SHARED: usize = 3;
/// So much is copied together at most.
const TAIL_BYTES: usize = 16 * 1024;

/// Frames that wait, oldest first. What most clients never have is kept apart, so that a session is
/// small and one frame costs no memory of its own.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whole frames back to back, of which the first may be written in part; empty if none waits.
    front: Bytes,
    /// Bytes of the front that are written already.
    begun: usize,
    /// Bytes in front, queue and tail, the begun part included.
    bytes: usize,
    /// Frames in the front.
    n_in_front: u32,
    /// Frames in front, queue and tail; those in front count until it is written as a whole.
    n_frames: u32,
    rest: Option<Box<Rest>>,
}

/// What one turn has queued for a client that had kept up until then.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// When the client had kept up last; a turn has one time.
    pub(super) at: Option<Time>,
    /// So much may wait until it has kept up again.
    pub(super) max_bytes: usize,
    pub(super) max_packets: usize,
}

/// What waits behind the front.
#[derive(Debug, Default)]
struct Rest {
    /// Whole frames back to back, and how many.
    queue: VecDeque<(Bytes, u32)>,
    /// Small frames behind the queue, whole and back to back.
    tail: Vec<u8>,
    n_in_tail: u32,
    /// Volatile frames of a blocked client, and views.
    slots: Option<Box<Slots>>,
    burst: Option<Box<Burst>>,
    /// The answer to the newest WebSocket ping: older ones need none (RFC 6455 § 5.5.3).
    pong: Option<Frame>,
}

impl Rest {
    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            let n_frames = std::mem::take(&mut self.n_in_tail);
            self.queue.push_back((std::mem::take(&mut self.tail).into(), n_frames));
        }
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.tail.is_empty()
            && self.slots.as_ref().is_none_or(|slots| slots.is_empty())
            && self.pong.is_none()
    }
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.rest.as_ref().is_none_or(|rest| rest.is_empty())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes - self.begun
    }

    /// Reliable packets that wait, as far as is known: some more than do, while one that was copied
    /// together with others is being written.
    pub(super) fn n_packets(&self) -> usize {
        self.n_frames as usize
    }

    /// True if a volatile frame waits under `key`.
    pub(super) fn holds(&self, key: u64) -> bool {
        self.rest
            .as_ref()
            .and_then(|rest| rest.slots.as_ref())
            .is_some_and(|slots| slots.holds(key))
    }

    /// Volatile frames and views, to be changed.
    pub(super) fn slots(&mut self) -> &mut Slots {
        self.rest.get_or_insert_default().slots.get_or_insert_default()
    }

    /// The same if any were ever used.
    pub(super) fn known_slots(&mut self) -> Option<&mut Slots> {
        self.rest.as_mut()?.slots.as_deref_mut()
    }

    /// What this turn has queued, to be counted.
    pub(super) fn burst(&mut self) -> &mut Burst {
        self.rest.get_or_insert_default().burst.get_or_insert_default()
    }

    pub(super) fn push(&mut self, frame: Frame) {
        let wire = Bytes::from(frame);
        self.bytes += wire.len();
        self.n_frames += 1;
        if self.front.is_empty() {
            (self.front, self.n_in_front) = (wire, 1);
            return;
        }
        let rest = self.rest.get_or_insert_default();
        // What is written at once is shared with all others who get it.
        let must_wait = rest.queue.len() >= MAX_SHARED || !rest.tail.is_empty();
        if must_wait && wire.len() <= SMALL_BYTES {
            if rest.tail.len() + wire.len() > TAIL_BYTES {
                rest.close_tail();
            }
            rest.n_in_tail += 1;
            return rest.tail.extend_from_slice(&wire);
        }
        rest.close_tail();
        rest.queue.push_back((wire, 1));
    }

    /// Queues the frames that wait in slots: nothing newer will come. Views are dropped.
    pub(super) fn empty_slots(&mut self) {
        let frames = self.known_slots().map(Slots::take_frames);
        for frame in frames.into_iter().flatten() {
            self.push(frame);
        }
    }

    pub(super) fn pong(&mut self, frame: Frame) {
        self.rest.get_or_insert_default().pong = Some(frame);
    }

    /// Drops all that is not begun, to say good-bye at once.
    pub(super) fn clear_unbegun(&mut self) {
        let begun = self.begun;
        let mut front = std::mem::take(&mut self.front);
        self.clear();
        if begun > 0 && !fault::is_planted(Fault::BegunFrameAbandoned) {
            // The frame that is begun ends somewhere in there.
            let mut end = 0;
            (self.n_in_front, self.n_frames) = (1, 1);
            while end < begun
                && let Some((_, _, length)) = Frame::first_packet(&front[end..])
            {
                end += length;
            }
            front.truncate(end);
            self.bytes = end;
            self.begun = begun;
            self.front = front;
        }
    }

    /// Drops everything: the transport is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives back the memory of what has not been used of late.
    pub(super) fn shrink(&mut self) {
        let has_bases = self.known_slots().is_some_and(|slots| slots.has_bases());
        if !has_bases && self.rest.as_ref().is_some_and(|rest| rest.is_empty()) {
            self.rest = None;
        }
    }

    /// The one chunk that is to be written, if it is one.
    pub(super) fn only_chunk(&self) -> Option<&[u8]> {
        let is_alone =
            self.bytes == self.front.len() && self.rest.as_ref().is_none_or(|rest| rest.is_empty());
        (is_alone && self.bytes > 0).then(|| &self.front[self.begun..])
    }

    /// What a WebSocket is to be written next, front first: the queue and then, if `views` are
    /// given, the slots. What waits in a slot can be replaced as long as none of it is written.
    pub(super) fn chunks<'o>(
        &'o mut self,
        views: Option<&mut dyn Views>,
    ) -> impl Iterator<Item = &'o [u8]> + use<'o> {
        let Self { front, begun, bytes, n_in_front, n_frames, rest } = self;
        if let Some(rest) = rest {
            rest.close_tail();
            if let Some(pong) = rest.pong.take() {
                // Between two chunks: the front one may have begun.
                *bytes += pong.wire().len();
                *n_frames += 1;
                if *begun > 0 {
                    rest.queue.push_front((pong.wire().clone(), 1));
                } else {
                    let front = std::mem::replace(front, pong.wire().clone());
                    let n_before = std::mem::replace(n_in_front, 1);
                    if !front.is_empty() {
                        rest.queue.push_front((front, n_before));
                    }
                }
            }
            match (&mut rest.slots, views) {
                (Some(slots), Some(views)) => slots.offer(views),
                (Some(slots), None) => slots.withdraw(),
                (None, _) => {}
            }
        }
        let first = (!front.is_empty()).then(|| &front[*begun..]);
        let others = rest.iter().flat_map(|rest| {
            let queued = rest.queue.iter().map(|(chunk, _)| chunk);
            let offered = rest.slots.iter().flat_map(|slots| slots.offered());
            queued.chain(offered.map(Frame::wire)).map(|chunk| &chunk[..])
        });
        first.into_iter().chain(others)
    }

    /// `n` bytes of the last [`Self::chunks`] were written.
    pub(super) fn advance(&mut self, n: usize) {
        if self.bytes == self.front.len() && self.begun + n == self.bytes {
            // All of it, and nothing waits behind it: the usual case.
            self.front = Bytes::new();
            (self.begun, self.bytes, self.n_in_front, self.n_frames) = (0, 0, 0, 0);
            return;
        }
        let mut beyond = n.saturating_sub(self.bytes());
        while beyond > 0
            && let Some(frame) = self.known_slots().and_then(Slots::begin)
        {
            beyond = beyond.saturating_sub(frame.wire().len());
            self.bytes += frame.wire().len();
            self.n_frames += 1;
            if self.front.is_empty() {
                (self.front, self.n_in_front) = (frame.wire().clone(), 1);
            } else {
                let rest = self.rest.get_or_insert_default();
                rest.close_tail();
                rest.queue.push_back((frame.wire().clone(), 1));
            }
        }
        self.begun += n;
        while !self.front.is_empty() && self.begun >= self.front.len() {
            self.begun -= self.front.len();
            self.bytes -= self.front.len();
            self.n_frames -= self.n_in_front;
            (self.front, self.n_in_front) = self.next_front();
        }
    }

    fn next_front(&mut self) -> (Bytes, u32) {
        let Some(rest) = &mut self.rest else { return (Bytes::new(), 0) };
        if rest.queue.is_empty() {
            rest.close_tail();
        }
        let front = rest.queue.pop_front().unwrap_or_default();
        if rest.queue.is_empty() && rest.queue.capacity() > 64 {
            rest.queue = VecDeque::new();
        }
        front
    }

    /// Takes a polling answer: at most 16 packets and `max_payload` bytes, but at least one packet.
    pub(super) fn take_payload(&mut self, max_payload: usize, views: &mut dyn Views) -> Vec<u8> {
        let mut body = Vec::new();
        let mut n_packets = 0;
        if let Some(rest) = &mut self.rest {
            rest.pong = None;
        }
        loop {
            let front = if self.front.is_empty() {
                self.known_slots()
                    .and_then(|slots| slots.offer_first(views))
                    .map(|frame| frame.wire().clone())
            } else {
                Some(self.front.slice(self.begun..))
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
    use crate::{delivery::NoViews, engine_io::slots::SlotLimits};

    const EIGHT: SlotLimits = SlotLimits { keys: 8, bytes: 1000 };

    fn all(outbox: &mut Outbox) -> String {
        let payload = outbox.take_payload(1_000_000, &mut NoViews);
        String::from_utf8(payload).unwrap().replace('\x1e', " ")
    }

    fn chunks(outbox: &mut Outbox) -> Vec<Vec<u8>> {
        outbox.chunks(Some(&mut NoViews)).map(<[u8]>::to_vec).collect()
    }

    fn push(outbox: &mut Outbox, text: &str) {
        outbox.push(Frame::message_text(text));
    }

    #[test]
    fn volatile_frames_are_replaced_and_come_after_reliable_ones() {
        let mut outbox = Outbox::default();
        outbox.slots().replace(1, (Frame::message_text("old"), None), EIGHT);
        push(&mut outbox, "reliable");
        outbox.slots().replace(2, (Frame::message_text("other"), None), EIGHT);
        outbox.slots().replace(1, (Frame::message_text("new"), None), EIGHT);
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
        outbox.slots().replace(1, (Frame::message_text("state"), None), EIGHT);
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
                outbox.slots().replace(
                    key,
                    (Frame::message_text(&format!("slot {key}")), None),
                    EIGHT,
                );
            }
            outbox
        };
        let whole = chunks(&mut fill()).concat();
        for n in 0..=whole.len() {
            let mut outbox = fill();
            assert_eq!(chunks(&mut outbox).concat(), whole);
            outbox.advance(n);
            // What is not begun can still be replaced, and what is begun is finished.
            let n_waiting = (0..3).filter(|key| outbox.holds(*key)).count();
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
        // The whole frames before those that are copied, and all but a byte of the second of these.
        let length = Frame::message_text("0").wire().len();
        let end = (1 + MAX_SHARED + 2) * length;
        outbox.advance(end - 1);
        outbox.clear_unbegun();
        let rest = chunks(&mut outbox).concat();
        assert_eq!(rest, whole[end - 1..end]);
    }

    #[test]
    fn packets_are_counted_until_the_chunk_that_they_are_in_is_written() {
        let mut outbox = Outbox::default();
        for n in 1..=100 {
            push(&mut outbox, "x");
            assert_eq!(outbox.n_packets(), n);
        }
        let length = Frame::message_text("x").wire().len();
        for n in (0..100).rev() {
            outbox.advance(length);
            // The last 96 are one chunk.
            assert_eq!(outbox.n_packets(), if n == 0 { 0 } else { n.max(96) });
        }
        outbox.slots().replace(1, (Frame::message_text("state"), None), EIGHT);
        assert_eq!(outbox.n_packets(), 0, "what may be replaced does not count");
        let n_bytes = chunks(&mut outbox).concat().len();
        outbox.advance(1);
        assert_eq!(outbox.n_packets(), 1, "what has begun does");
        outbox.pong(Frame::pong(b"1"));
        let _ = chunks(&mut outbox);
        assert_eq!(outbox.n_packets(), 2);
        outbox.clear_unbegun();
        assert_eq!(outbox.n_packets(), 1);
        outbox.advance(n_bytes - 1);
        assert_eq!(outbox.n_packets(), 0);
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

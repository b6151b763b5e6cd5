//! What was sent to sockets whose clients may come back: each event once in a journal that all
//! sockets of the shard share, and in each socket's log the numbers of those that it was sent.
//! Who may come back to what is `recovery`'s part.
//! Source: DESIGN, "Recovery".

use std::{collections::VecDeque, time::Duration};

use parlor_shared::socket_io::{Frame, Offset};

use crate::{
    fault::{self, Fault},
    time::Time,
};

/// Events that were sent, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Number of the oldest one that is still here.
    first: u64,
    records: VecDeque<Record>,
    n_bytes: usize,
}

#[derive(Debug)]
struct Record {
    offset: Offset,
    frame: Frame,
    at: Time,
}

impl Journal {
    /// Keeps an event; its number. With more than `max_bytes` the oldest go.
    pub(super) fn push(
        &mut self,
        now: Time,
        offset: Offset,
        frame: &Frame,
        max_bytes: usize,
    ) -> u64 {
        self.n_bytes += frame.wire().len();
        self.records.push_back(Record { offset, frame: frame.clone(), at: now });
        while self.n_bytes > max_bytes && self.records.len() > 1 {
            self.pop();
        }
        self.first + self.records.len() as u64 - 1
    }

    /// Drops what is older than `max_age`.
    pub(super) fn trim(&mut self, now: Time, max_age: Duration) {
        while self.records.front().is_some_and(|oldest| oldest.at + max_age <= now) {
            self.pop();
        }
    }

    /// When the oldest event becomes older than `max_age`.
    pub(super) fn deadline(&self, max_age: Duration) -> Option<Time> {
        self.records.front().map(|oldest| oldest.at + max_age)
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    fn pop(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.first += 1;
            self.n_bytes -= record.frame.wire().len();
        }
        if self.records.is_empty() {
            // A burst costs no memory once it is over.
            self.records = VecDeque::new();
        }
    }

    fn get(&self, number: u64) -> Option<&Record> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.records.get(at)
    }
}

/// How much of what one socket was sent is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogLimits {
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
}

/// What one socket was sent, oldest first, without what its client certainly has.
#[derive(Debug)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    n_bytes: usize,
    base: Base,
    /// All there ever were.
    n_pushed: u64,
    /// How many there were when its session was pinged.
    marked: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u64,
    n_bytes: u32,
}

/// What comes before the oldest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// Nothing: the client has no offset yet, or this one of a socket that it had before. Stock
    /// clients keep it.
    Start(Option<Offset>),
    /// This event.
    After(Offset),
    /// Something that is not known any more.
    Lost,
}

impl Log {
    /// Of a new socket, whose client may know an event of one that it had before.
    pub(super) fn new(stale: Option<Offset>) -> Self {
        Self::begin(Base::Start(stale))
    }

    /// Of a socket whose client has this event, or (`None`) nothing yet.
    pub(super) fn after(offset: Option<Offset>) -> Self {
        Self::begin(offset.map_or(Base::Start(None), Base::After))
    }

    fn begin(base: Base) -> Self {
        Self { entries: VecDeque::new(), n_bytes: 0, base, n_pushed: 0, marked: None }
    }

    /// Notes an event of the journal. Past the limits the oldest are forgotten.
    pub(super) fn push(
        &mut self,
        number: u64,
        n_bytes: usize,
        limits: LogLimits,
        journal: &Journal,
    ) {
        self.n_pushed += 1;
        self.n_bytes += n_bytes;
        // No frame is longer: `max_payload` is a fraction of it.
        let n_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
        self.entries.push_back(Entry { number, n_bytes });
        while self.entries.len() > limits.max_events || self.n_bytes > limits.max_bytes {
            self.pop(journal);
        }
    }

    /// The session was pinged: its pong will say that the client has all there is by now.
    pub(super) fn mark(&mut self) {
        self.marked = Some(self.n_pushed);
    }

    /// The pong is here.
    pub(super) fn confirm(&mut self, journal: &Journal) {
        let Some(marked) = self.marked.take() else { return };
        while !self.entries.is_empty() && self.n_pushed - (self.entries.len() as u64) < marked {
            self.pop(journal);
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    fn pop(&mut self, journal: &Journal) {
        let Some(Entry { number, n_bytes }) = self.entries.pop_front() else { return };
        self.n_bytes -= n_bytes as usize;
        self.base = journal.get(number).map_or(Base::Lost, |record| Base::After(record.offset));
    }

    /// What a client has missed whose last event is this one (`None`: it has none). `None` if
    /// that is not known, or not kept as a whole.
    pub(super) fn missed(
        &self,
        offset: Option<Offset>,
        journal: &Journal,
    ) -> Option<Vec<(Offset, Frame)>> {
        let is_base = match self.base {
            Base::Start(stale) => offset.is_none() || offset == stale,
            Base::After(known) => offset == Some(known),
            Base::Lost => false,
        };
        let skipped = if is_base {
            0
        } else {
            let is_it = |entry: &Entry| journal.get(entry.number).map(|r| r.offset) == offset;
            offset?;
            let n_known = u8::from(!fault::is_planted(Fault::MissedFromOneBefore));
            self.entries.iter().rposition(is_it)? + usize::from(n_known)
        };
        let rest = self.entries.iter().skip(skipped);
        rest.map(|entry| journal.get(entry.number).map(|r| (r.offset, r.frame.clone()))).collect()
    }

    /// What came after the first `n_seen` events. `None` if it is not kept as a whole.
    pub(super) fn since(&self, n_seen: u64, journal: &Journal) -> Option<Vec<(Offset, Frame)>> {
        let n_forgotten = self.n_pushed - self.entries.len() as u64;
        let skipped = usize::try_from(n_seen.checked_sub(n_forgotten)?).ok()?;
        let rest = self.entries.iter().skip(skipped);
        rest.map(|entry| journal.get(entry.number).map(|r| (r.offset, r.frame.clone()))).collect()
    }

    /// All there ever were.
    pub(super) fn n_pushed(&self) -> u64 {
        self.n_pushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LogLimits = LogLimits { max_events: 5, max_bytes: 100 };

    fn offset(number: u64) -> Offset {
        Offset::new(1, number)
    }

    struct Script {
        journal: Journal,
        log: Log,
        now: Time,
    }

    impl Script {
        fn new() -> Self {
            Self { journal: Journal::default(), log: Log::after(None), now: Time::ZERO }
        }

        fn send(&mut self, number: u64, n_letters: usize) {
            let frame = Frame::message_text(&"x".repeat(n_letters));
            let at = self.journal.push(self.now, offset(number), &frame, 10_000);
            self.log.push(at, frame.wire().len(), LIMITS, &self.journal);
        }

        fn missed(&self, last: Option<u64>) -> Option<Vec<Offset>> {
            let missed = self.log.missed(last.map(offset), &self.journal)?;
            Some(missed.into_iter().map(|(offset, _)| offset).collect())
        }
    }

    fn offsets(numbers: std::ops::Range<u64>) -> Option<Vec<Offset>> {
        Some(numbers.map(offset).collect())
    }

    #[test]
    fn what_came_after_the_last_event_is_missed_and_without_one_all() {
        let mut script = Script::new();
        assert_eq!(script.missed(None), offsets(0..0));
        assert_eq!(script.missed(Some(0)), None, "nothing was sent");
        (0..5).for_each(|number| script.send(number, 1));
        assert_eq!(script.missed(None), offsets(0..5));
        assert_eq!(script.missed(Some(1)), offsets(2..5));
        assert_eq!(script.missed(Some(4)), offsets(5..5));
        assert_eq!(script.missed(Some(5)), None, "of the future");
        assert_eq!(script.log.missed(Some(Offset::new(2, 1)), &script.journal), None);
    }

    #[test]
    fn five_events_are_kept_and_the_sixth_costs_the_first() {
        let mut script = Script::new();
        (0..6).for_each(|number| script.send(number, 1));
        assert_eq!(script.missed(None), None);
        assert_eq!(script.missed(Some(0)), offsets(1..6), "who has the first misses nothing of it");
        script.send(6, 1);
        assert_eq!(script.missed(Some(0)), None);
        assert_eq!(script.missed(Some(1)), offsets(2..7));
    }

    #[test]
    fn a_hundred_bytes_are_kept_and_not_one_more() {
        let mut script = Script::new();
        (0..2).for_each(|number| script.send(number, 47));
        assert_eq!(script.log.n_bytes, 100);
        assert_eq!(script.missed(None), offsets(0..2));
        script.send(2, 1);
        assert_eq!((script.missed(None), script.missed(Some(0))), (None, offsets(1..3)));
        script.send(3, 200);
        assert_eq!(script.missed(Some(2)), None, "it is too long by itself");
        assert_eq!(script.missed(Some(3)), offsets(4..4));
    }

    #[test]
    fn what_a_pong_confirms_is_not_kept_and_its_last_offset_never_ages() {
        let mut script = Script::new();
        (0..3).for_each(|number| script.send(number, 1));
        script.log.confirm(&script.journal);
        assert_eq!(script.missed(None), offsets(0..3), "nobody was pinged");
        script.log.mark();
        script.send(3, 1);
        script.log.confirm(&script.journal);
        assert_eq!((script.missed(None), script.missed(Some(1))), (None, None));
        assert_eq!(script.missed(Some(2)), offsets(3..4));
        script.log.mark();
        script.log.confirm(&script.journal);
        script.journal.trim(Time::after_start(Duration::from_hours(1)), Duration::from_secs(1));
        assert_eq!(script.journal.n_bytes(), 0);
        assert_eq!(script.missed(Some(3)), offsets(4..4));
        script.send(9, 1);
        assert_eq!(script.missed(Some(3)), offsets(9..10));
    }

    #[test]
    fn what_the_journal_has_dropped_is_no_silent_gap() {
        let mut script = Script::new();
        (0..3).for_each(|number| script.send(number, 1));
        script.now = Time::after_start(Duration::from_secs(10));
        script.send(3, 1);
        assert_eq!(
            script.journal.deadline(Duration::from_secs(4)),
            Some(Time::after_start(Duration::from_secs(4)))
        );
        script.journal.trim(script.now, Duration::from_secs(4));
        assert_eq!((script.missed(None), script.missed(Some(1))), (None, None));
        assert_eq!(script.missed(Some(3)), offsets(4..4));
        assert_eq!(script.missed(Some(2)), None, "the third is not known by its offset any more");
    }

    #[test]
    fn the_journal_keeps_so_many_bytes_and_at_least_one_event() {
        let mut journal = Journal::default();
        let frame = Frame::message_text("0123456789");
        let n_bytes = frame.wire().len();
        assert!((0..3).all(|i| journal.push(Time::ZERO, offset(i), &frame, 3 * n_bytes) == i));
        assert!(journal.get(0).is_some());
        journal.push(Time::ZERO, offset(3), &frame, 3 * n_bytes);
        assert!(journal.get(0).is_none() && journal.get(1).is_some());
        assert_eq!(journal.push(Time::ZERO, offset(4), &frame, 1), 4);
        assert_eq!(journal.n_bytes(), n_bytes);
    }

    #[test]
    fn what_came_since_somebody_looked_is_told_if_it_is_still_there() {
        let mut script = Script::new();
        (0..2).for_each(|number| script.send(number, 1));
        let n_seen = script.log.n_pushed();
        (2..4).for_each(|number| script.send(number, 1));
        let since = |script: &Script| script.log.since(n_seen, &script.journal).map(|s| s.len());
        assert_eq!(since(&script), Some(2));
        (4..7).for_each(|number| script.send(number, 1));
        assert_eq!(since(&script), Some(5));
        script.send(7, 1);
        assert_eq!(since(&script), None);
    }
}

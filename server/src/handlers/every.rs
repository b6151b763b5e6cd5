//! Functions that the shard calls once per period: when each is due, and what it may do.
//! Source: k-th call at t0 + k · period, so that nothing drifts.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use parlor_core::{
    cluster::{Asker, RawArgs},
    input::Target,
    time::{Deadlines, Time},
};

use super::{
    Emit,
    desk::{Desk, Env},
    foreign::Foreign,
    tasks::caught,
};

type Run = Box<dyn FnMut(&mut ShardContext<'_>) + Send>;

/// Names one function that is called again and again, on its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerId(pub(super) u64);

/// A function and how often it is to be called.
pub(crate) struct Beat {
    period: Duration,
    run: Run,
}

impl Beat {
    /// # Panics
    /// If the period is zero.
    pub(crate) fn new(
        period: Duration,
        run: impl FnMut(&mut ShardContext<'_>) + Send + 'static,
    ) -> Self {
        assert!(!period.is_zero(), "a period is longer than nothing");
        Self { period, run: Box::new(run) }
    }
}

impl fmt::Debug for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beat").field("period", &self.period).finish_non_exhaustive()
    }
}

/// What a function that is called once per period may do. As in handlers, what it wants is carried
/// out when it has returned.
pub struct ShardContext<'c> {
    pub(super) desk: &'c mut Desk,
    call: Call,
    /// Who wants an answer to a server-side event, unless the right to give it was taken.
    pub(super) asker: Option<Asker>,
    /// That answer.
    pub(super) reply: Option<RawArgs>,
}

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Call {
    due: Time,
    late: Duration,
    n_skipped: u64,
}

impl fmt::Debug for ShardContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardContext").field("call", &self.call).finish_non_exhaustive()
    }
}

impl<'c> ShardContext<'c> {
    /// For a call that no period has brought about.
    pub(super) fn at(now: Time, desk: &'c mut Desk) -> Self {
        Self::of_call(desk, Call { due: now, late: Duration::ZERO, n_skipped: 0 })
    }

    fn of_call(desk: &'c mut Desk, call: Call) -> Self {
        Self { desk, call, asker: None, reply: None }
    }

    /// When this call was due, since the server started: whole periods after the last one.
    pub fn due(&self) -> Duration {
        self.call.due.since_start()
    }

    /// How long ago that is.
    pub fn late(&self) -> Duration {
        self.call.late
    }

    /// Calls left out just before this one, because the shard was busy for more than a period.
    pub fn n_skipped(&self) -> u64 {
        self.call.n_skipped
    }

    /// Stops the whole server, as [`Running::stop`](crate::Running::stop) does.
    pub fn close_server(&self) {
        self.desk.env.close_server();
    }

    /// The shard's number, from 0.
    pub fn shard(&self) -> u16 {
        self.desk.env.shard
    }

    /// To all sockets of this namespace, or to those in rooms that are named next. The pattern or
    /// name of a parent means all its children.
    ///
    /// # Panics
    /// If it has no handlers.
    pub fn namespace(&mut self, name: &str) -> Emit<&mut Self> {
        let scope = Some(self.desk.env.handled(name));
        Emit::new(self, scope, Target::default())
    }
}

/// When each function is due.
#[derive(Default)]
pub(super) struct Schedule {
    entries: BTreeMap<TimerId, Entry>,
    deadlines: Deadlines<TimerId>,
}

struct Entry {
    start: Time,
    /// The call that comes next.
    next: u64,
    beat: Foreign<Beat>,
}

impl Entry {
    fn due(&self, k: u64) -> Time {
        let period = u64::try_from(self.beat.period.as_nanos()).unwrap_or(u64::MAX);
        self.start + Duration::from_nanos(period.saturating_mul(k))
    }

    /// The call to be made now that the next one is due, or a later one if more than a period has
    /// gone by since.
    fn take(&mut self, now: Time) -> Call {
        let mut k = self.next;
        if now.since(self.due(k)) > self.beat.period {
            let gone = now.since(self.start).as_nanos() / self.beat.period.as_nanos();
            k = u64::try_from(gone).unwrap_or(u64::MAX);
        }
        let n_skipped = k - self.next;
        self.next = k + 1;
        Call { due: self.due(k), late: now.since(self.due(k)), n_skipped }
    }
}

impl Schedule {
    pub(super) fn add(&mut self, now: Time, id: TimerId, beat: Foreign<Beat>) {
        let entry = Entry { start: now, next: 1, beat };
        self.deadlines.set(id, Some(entry.due(1)));
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: TimerId) {
        self.deadlines.set(id, None);
        self.entries.remove(&id);
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// Makes the call that is due first; false if none is. One that panics keeps its schedule.
    pub(super) fn call(&mut self, now: Time, desk: &mut Desk) -> bool {
        let Some((_, id)) = self.deadlines.pop(now) else { return false };
        let Some(entry) = self.entries.get_mut(&id) else { return true };
        let call = entry.take(now);
        self.deadlines.set(id, Some(entry.due(entry.next)));
        desk.begin_call();
        let env: Arc<Env> = Arc::clone(&desk.env);
        env.metrics.called(call.late, call.n_skipped);
        if let Err(words) = caught(|| (entry.beat.run)(&mut ShardContext::of_call(desk, call))) {
            env.report_panic("every", &words);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{handlers::HandlerThreads, mailbox::mailbox};
    use std::sync::mpsc;

    const PERIOD: Duration = Duration::from_millis(10);

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    struct Script {
        schedule: Schedule,
        desk: Desk,
        calls: mpsc::Receiver<(u128, u128, u64)>,
    }

    /// One function every 10 ms from 1000 ms on, which notes due time, lateness and skipped calls.
    fn script() -> Script {
        let env = Env::alone(mailbox().0);
        let desk = Desk::new(Arc::new(env), HandlerThreads::new(1).tasks());
        let (note, calls) = mpsc::channel();
        let mut schedule = Schedule::default();
        let run = move |cx: &mut ShardContext<'_>| {
            note.send((cx.due().as_millis(), cx.late().as_millis(), cx.n_skipped())).unwrap();
        };
        schedule.add(at(1000), TimerId(7), Foreign::new(Beat::new(PERIOD, run), &desk.env));
        Script { schedule, desk, calls }
    }

    impl Script {
        fn fire(&mut self, ms: u64) -> Vec<(u128, u128, u64)> {
            while self.schedule.call(at(ms), &mut self.desk) {}
            self.calls.try_iter().collect()
        }
    }

    #[test]
    fn calls_are_due_whole_periods_after_the_start_however_late_each_is() {
        let mut script = script();
        assert_eq!(script.fire(1009), []);
        assert_eq!(script.schedule.deadline(), Some(at(1010)));
        assert_eq!(script.fire(1013), [(1010, 3, 0)]);
        assert_eq!(script.schedule.deadline(), Some(at(1020)));
        assert_eq!(script.fire(1029), [(1020, 9, 0)]);
        assert_eq!(script.fire(1030), [(1030, 0, 0)]);
    }

    #[test]
    fn a_call_that_is_late_by_more_than_a_period_is_skipped() {
        let mut script = script();
        assert_eq!(script.fire(1020), [(1010, 10, 0), (1020, 0, 0)], "by a period: not yet");
        assert_eq!(script.fire(1041), [(1040, 1, 1)], "by 11 ms: the newest due one counts");
        assert_eq!(script.fire(2_000_000), [(2_000_000, 0, 199_895)]);
        assert_eq!(script.schedule.deadline(), Some(at(2_000_010)));
    }

    #[test]
    fn one_that_is_cancelled_is_called_no_more() {
        let mut script = script();
        script.schedule.remove(TimerId(7));
        assert_eq!((script.fire(1010), script.schedule.deadline()), (Vec::new(), None));
    }

    #[test]
    fn one_that_panics_is_counted_and_keeps_its_schedule() {
        let mut script = script();
        let run = |_: &mut ShardContext<'_>| panic!("as the test wants it");
        let beat = Foreign::new(Beat::new(PERIOD, run), &script.desk.env);
        script.schedule.add(at(0), TimerId(8), beat);
        script.schedule.remove(TimerId(7));
        script.fire(10);
        script.fire(20);
        assert_eq!(script.desk.env.metrics.handler_panics.get(), 2);
        assert_eq!(script.schedule.deadline(), Some(at(30)));
    }
}

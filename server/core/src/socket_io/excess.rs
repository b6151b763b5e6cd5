//! A client that sends more than it may: how long that is borne, and how often it is told.
//! How much each may send is counted by the driver; what is dropped, by the machine.

use std::time::Duration;

use crate::time::Time;

/// Messages beyond what a client may send after which it is cut, however soon: it does not listen.
pub const MAX_EXCESS_MESSAGES: u32 = 1024;
/// How long a client may go on sending more than it may.
pub const MAX_EXCESS_TIME: Duration = Duration::from_secs(5);
/// After so long without any, it begins anew.
pub const EXCESS_FORGOTTEN: Duration = Duration::from_secs(2);
/// How often a client is told.
pub const EXCESS_TOLD_EVERY: Duration = Duration::from_secs(1);

/// One client's.
#[derive(Debug, Default)]
pub(super) struct Excess(Option<Box<Going>>);

#[derive(Debug)]
struct Going {
    since: Time,
    last: Time,
    told_at: Time,
    n_messages: u32,
    n_dropped: u32,
}

/// What is to be done about one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Bear it. The client knows.
    Bear,
    /// Tell it how many of its events have been dropped since it was told last.
    Tell(u32),
    /// It goes on for too long.
    Cut,
}

impl Excess {
    /// One more message than may be, which is dropped or not.
    pub(super) fn note(&mut self, now: Time, is_dropped: bool) -> Verdict {
        self.0.take_if(|going| now.since(going.last) >= EXCESS_FORGOTTEN);
        let is_new = self.0.is_none();
        let going = self.0.get_or_insert_with(|| {
            Box::new(Going { since: now, last: now, told_at: now, n_messages: 0, n_dropped: 0 })
        });
        going.last = now;
        going.n_messages += 1;
        going.n_dropped += u32::from(is_dropped);
        if going.n_messages > MAX_EXCESS_MESSAGES || now.since(going.since) >= MAX_EXCESS_TIME {
            return Verdict::Cut;
        }
        if is_new || now.since(going.told_at) >= EXCESS_TOLD_EVERY {
            going.told_at = now;
            return Verdict::Tell(std::mem::take(&mut going.n_dropped));
        }
        Verdict::Bear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    #[test]
    fn who_sends_too_much_is_told_once_a_second_and_cut_after_five() {
        let mut excess = Excess::default();
        let verdicts: Vec<Verdict> =
            (0..11).map(|half| excess.note(at(10_000 + 500 * half), half % 4 != 3)).collect();
        use Verdict::{Bear, Cut, Tell};
        assert_eq!(
            verdicts,
            [Tell(1), Bear, Tell(2), Bear, Tell(1), Bear, Tell(2), Bear, Tell(1), Bear, Cut]
        );
    }

    #[test]
    fn so_many_are_borne_at_once_and_not_one_more() {
        let mut excess = Excess::default();
        assert_eq!(excess.note(at(0), true), Verdict::Tell(1));
        for _ in 1..MAX_EXCESS_MESSAGES {
            assert_eq!(excess.note(at(0), true), Verdict::Bear);
        }
        assert_eq!(excess.note(at(0), true), Verdict::Cut);
    }

    #[test]
    fn who_stops_for_a_while_begins_anew() {
        let mut excess = Excess::default();
        for round in 0..20 {
            let verdict = excess.note(at(round * 2000), false);
            assert_eq!(verdict, Verdict::Tell(0), "{round}");
        }
    }
}

//! Questions that more than one has to answer: who is still to answer, what came, and when it is
//! enough. What is asked is not known here.

use std::collections::BTreeMap;

use crate::{
    key::{Key, Table},
    time::{Deadlines, Time},
};

/// Answers being gathered under keys `K`, from answerers `W`, into items `T`; `O` is whatever the
/// asker wants back with them.
#[derive(Debug)]
pub(crate) struct Gathering<K, W, T, O> {
    open: Table<K, Open<W, T, O>>,
    deadlines: Deadlines<K>,
}

#[derive(Debug)]
struct Open<W, T, O> {
    /// Who has not answered, and how often each must.
    waiting: BTreeMap<W, usize>,
    found: Vec<T>,
    origin: O,
}

impl<K: Key + Ord, W, T, O> Default for Gathering<K, W, T, O> {
    fn default() -> Self {
        Self { open: Table::default(), deadlines: Deadlines::default() }
    }
}

impl<K: Key + Ord, W: Ord, T, O> Gathering<K, W, T, O> {
    /// Begins to wait for these, until then at the latest.
    pub(crate) fn begin(
        &mut self,
        until: Time,
        origin: O,
        waiting: impl IntoIterator<Item = W>,
    ) -> K {
        let mut open = Open { waiting: BTreeMap::new(), found: Vec::new(), origin };
        for who in waiting {
            *open.waiting.entry(who).or_default() += 1;
        }
        let key = self.open.insert(open);
        self.deadlines.set(key, Some(until));
        key
    }

    /// Somebody answered. Who is not waited for, or no more, is ignored.
    pub(crate) fn answered(&mut self, key: K, who: &W, items: impl IntoIterator<Item = T>) {
        let Some(open) = self.open.get_mut(key) else { return };
        let Some(times) = open.waiting.get_mut(who) else { return };
        *times -= 1;
        if *times == 0 {
            open.waiting.remove(who);
        }
        open.found.extend(items);
    }

    /// All that was found, if nobody is waited for any more.
    pub(crate) fn take_if_whole(&mut self, key: K) -> Option<(O, Vec<T>)> {
        self.open.get(key).filter(|open| open.waiting.is_empty())?;
        self.take(key)
    }

    /// What was found where the time is up, and how many did not answer.
    pub(crate) fn take_late(&mut self, now: Time) -> Option<((O, Vec<T>), usize)> {
        let (_, key) = self.deadlines.pop(now)?;
        let n_silent = self.open.get(key)?.waiting.len();
        Some((self.take(key)?, n_silent))
    }

    /// When [`Self::take_late`] has something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    fn take(&mut self, key: K) -> Option<(O, Vec<T>)> {
        self.deadlines.set(key, None);
        let open = self.open.remove(key)?;
        Some((open.origin, open.found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::GatheringKey;
    use std::time::Duration;

    fn at(ms: u64) -> Time {
        Time::after_start(Duration::from_millis(ms))
    }

    #[test]
    fn a_gathering_is_whole_when_all_have_answered_once() {
        let mut all: Gathering<GatheringKey, u8, &str, char> = Gathering::default();
        let key = all.begin(at(10), 'x', [1, 2]);
        all.answered(key, &1, ["a", "b"]);
        all.answered(key, &1, ["again"]);
        all.answered(key, &3, ["a stranger"]);
        assert_eq!(all.take_if_whole(key), None);
        all.answered(key, &2, []);
        assert_eq!(all.take_if_whole(key), Some(('x', vec!["a", "b"])));
        assert_eq!((all.len(), all.deadline()), (0, None));
        all.answered(key, &2, ["too late"]);
    }

    #[test]
    fn what_is_found_in_time_counts() {
        let mut all: Gathering<GatheringKey, u8, &str, char> = Gathering::default();
        let key = all.begin(at(10), 'x', [1, 2]);
        all.answered(key, &2, ["b"]);
        assert_eq!(all.take_late(at(9)), None);
        assert_eq!(all.deadline(), Some(at(10)));
        assert_eq!(all.take_late(at(10)), Some((('x', vec!["b"]), 1)));
        assert_eq!(all.take_late(at(10)), None);
    }
}

//! Between shards: what one tells another arrives in order, but nobody knows when.

use std::collections::{BTreeMap, VecDeque};

use parlor_core::{cluster::Message, time::Time};

#[derive(Debug, Default)]
pub(super) struct Wires {
    /// Batches on their way, by sender and receiver.
    batches: BTreeMap<(usize, usize), VecDeque<Vec<Message>>>,
    last: BTreeMap<(usize, usize), Time>,
}

impl Wires {
    /// Sends a batch; when it really arrives: not before the one in front of it.
    pub(super) fn post(
        &mut self,
        from: usize,
        to: usize,
        arrives: Time,
        batch: Vec<Message>,
    ) -> Time {
        let last = self.last.entry((from, to)).or_default();
        *last = (*last).max(arrives);
        self.batches.entry((from, to)).or_default().push_back(batch);
        *last
    }

    pub(super) fn take(&mut self, from: usize, to: usize) -> Vec<Message> {
        let batches = self.batches.get_mut(&(from, to));
        batches.and_then(VecDeque::pop_front).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.values().all(VecDeque::is_empty)
    }
}

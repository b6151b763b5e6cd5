//! A list that stays sorted, in chunks: what comes and goes moves a few kilobytes at most, what is
//! next is beside it in memory, and how many come before something is told without walking there.

/// A chunk that has grown to this is cut in two.
const FULL: usize = 512;

/// Different values in their order.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    /// None of them is empty; each one's values come before those of the next.
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Ord + Copy> Sorted<T> {
    /// Where a value stands, or would stand: the chunk and the place in it.
    fn place(&self, value: &T) -> (usize, Result<usize, usize>) {
        let behind = |chunk: &Vec<T>| chunk.last().is_some_and(|last| last < value);
        let chunk_index = self.chunks.partition_point(behind);
        match self.chunks.get(chunk_index) {
            Some(chunk) => (chunk_index, chunk.binary_search(value)),
            None => (chunk_index, Err(0)),
        }
    }

    /// Adds a value; false if it was there.
    pub(super) fn insert(&mut self, value: T) -> bool {
        let (mut chunk_index, Err(mut at)) = self.place(&value) else { return false };
        if chunk_index == self.chunks.len() {
            // Behind all: into the last chunk.
            match self.chunks.last() {
                Some(last) => (chunk_index, at) = (chunk_index - 1, last.len()),
                None => self.chunks.push(Vec::new()),
            }
        }
        let chunk = &mut self.chunks[chunk_index];
        chunk.insert(at, value);
        if chunk.len() >= FULL {
            let tail = chunk.split_off(FULL / 2);
            self.chunks.insert(chunk_index + 1, tail);
        }
        true
    }

    /// Removes a value; false if it was not there.
    pub(super) fn remove(&mut self, value: &T) -> bool {
        let (chunk_index, Ok(at)) = self.place(value) else { return false };
        self.chunks[chunk_index].remove(at);
        if self.chunks[chunk_index].is_empty() {
            self.chunks.remove(chunk_index);
        }
        true
    }

    pub(super) fn first(&self) -> Option<T> {
        self.chunks.first()?.first().copied()
    }

    /// How many come before this value, whether it is there or not.
    pub(super) fn rank(&self, value: &T) -> usize {
        let (chunk_index, at) = self.place(value);
        let before: usize = self.chunks[..chunk_index].iter().map(Vec::len).sum();
        before + at.unwrap_or_else(|at| at)
    }

    /// The value before which so many come.
    pub(super) fn nth(&self, mut n: usize) -> Option<T> {
        for chunk in &self.chunks {
            if let Some(value) = chunk.get(n) {
                return Some(*value);
            }
            n -= chunk.len();
        }
        None
    }

    /// The values from this one on.
    pub(super) fn from(&self, value: &T) -> impl Iterator<Item = T> + '_ {
        let (chunk_index, at) = self.place(value);
        let at = at.unwrap_or_else(|at| at);
        let here = self.chunks.get(chunk_index).map_or(&[][..], |chunk| &chunk[at..]);
        let later = self.chunks.iter().skip(chunk_index + 1).flatten();
        here.iter().chain(later).copied()
    }

    /// The values before this one, the nearest first.
    pub(super) fn before(&self, value: &T) -> impl Iterator<Item = T> + '_ {
        let (chunk_index, at) = self.place(value);
        let at = at.unwrap_or_else(|at| at);
        let here = self.chunks.get(chunk_index).map_or(&[][..], |chunk| &chunk[..at]);
        let earlier = self.chunks[..chunk_index].iter().rev().flat_map(|chunk| chunk.iter().rev());
        here.iter().rev().chain(earlier).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_that_knows_ranks(
            moves in prop::collection::vec((any::<bool>(), 0..1500_u32), 1..4000),
            asked in 0..1500_u32,
        ) {
            let (mut sorted, mut model) = (Sorted::default(), BTreeSet::new());
            for (is_insert, value) in moves {
                if is_insert {
                    prop_assert_eq!(sorted.insert(value), model.insert(value));
                } else {
                    prop_assert_eq!(sorted.remove(&value), model.remove(&value));
                }
            }
            prop_assert_eq!(sorted.first(), model.first().copied());
            prop_assert_eq!(sorted.rank(&asked), model.range(..asked).count());
            let n = asked as usize / 2;
            prop_assert_eq!(sorted.nth(n), model.iter().nth(n).copied());
            prop_assert!(sorted.from(&asked).eq(model.range(asked..).copied()));
            prop_assert!(sorted.before(&asked).eq(model.range(..asked).rev().copied()));
            prop_assert!(sorted.chunks.iter().all(|chunk| (1..FULL).contains(&chunk.len())));
        }
    }

    #[test]
    fn chunks_are_cut_when_they_are_full() {
        let mut sorted = Sorted::default();
        (0..FULL as u32).for_each(|value| assert!(sorted.insert(value)));
        assert_eq!(sorted.chunks.len(), 2);
        (0..FULL as u32).for_each(|value| assert!(sorted.remove(&value)));
        assert!(sorted.chunks.is_empty());
    }
}

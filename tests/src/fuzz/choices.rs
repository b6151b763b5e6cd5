//! Bytes as a list of decisions, one after the other. When they are used up, all are made.

#[derive(Debug)]
pub(super) struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    pub(super) fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `n`, which is at most 256.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }

    /// One of these, if there is any.
    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let chosen = self.below(all.len());
        all.get(chosen).copied()
    }

    /// Some bytes as they are, their number first.
    pub(super) fn bytes(&mut self) -> &'d [u8] {
        let n = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(n);
        self.0 = rest;
        bytes
    }
}

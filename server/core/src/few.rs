//! A list that most of its owners never put anything into: a pointer's size until then.

use std::ops::{Deref, DerefMut};

/// A `Vec` of 8 bytes if it is empty, and somewhat dearer to reach if it is not.
#[derive(Debug, Clone)]
pub(crate) struct Few<T>(
    #[expect(clippy::box_collection, reason = "a Vec's three words are what is spared")]
    Option<Box<Vec<T>>>,
);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(list: Vec<T>) -> Self {
        Self((!list.is_empty()).then(|| Box::new(list)))
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|list| *list).unwrap_or_default().into_iter()
    }
}

impl<T> Deref for Few<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        self.0.as_deref().unwrap_or(const { &Vec::new() })
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_a_vec_and_none_are_a_word() {
        let mut few = Few::default();
        assert_eq!((few.len(), few.iter().next()), (0, None));
        assert!(few.0.is_none(), "looking costs nothing");
        few.extend([1, 2, 3]);
        few.retain(|n| *n != 2);
        assert_eq!(*few, [1, 3]);
        assert_eq!(few.into_iter().collect::<Vec<_>>(), [1, 3]);
        assert!(Few::<u8>::from(Vec::new()).0.is_none());
        assert_eq!(size_of::<Few<u8>>(), size_of::<usize>());
    }
}

//! What users' code leaves with a shard: their data, and functions that may never be called.
//! Dropping it runs code of theirs, which may panic, and must not end the shard.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::desk::Env;

/// A value of a user's type. A panic in its drop is caught, counted and logged.
pub(super) struct Foreign<T> {
    /// `None` once it is taken.
    value: Option<T>,
    env: Arc<Env>,
}

impl<T> Foreign<T> {
    pub(super) fn new(value: T, env: &Arc<Env>) -> Self {
        Self { value: Some(value), env: Arc::clone(env) }
    }

    /// The value, whose drop is the caller's matter from here on.
    pub(super) fn into_inner(mut self) -> T {
        self.value.take().expect("it is taken once")
    }
}

impl<T> Deref for Foreign<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("nobody has taken it")
    }
}

impl<T> DerefMut for Foreign<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("nobody has taken it")
    }
}

impl<T> Drop for Foreign<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.env.dispose(value);
        }
    }
}

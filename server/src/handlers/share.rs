//! How many async handlers each session has at work, so that one client cannot use up those of
//! all: sockets may come and go faster than their handlers end.

use std::collections::HashMap;

use parlor_core::key::SessionKey;

/// Async handlers of one session at work, beyond which it gets no more sockets in namespaces that
/// have any, and its sync ones start none. A socket it has already adds few: one of its own, one
/// at its end, and what its handlers start then.
pub(crate) const MAX_RUNNING_PER_SESSION: usize = 64;

/// The sessions that have any, and how many.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<SessionKey, usize>);

impl Shares {
    pub(super) fn is_full(&self, session: SessionKey) -> bool {
        self.0.get(&session).is_some_and(|n| *n >= MAX_RUNNING_PER_SESSION)
    }

    pub(super) fn begin(&mut self, session: SessionKey) {
        *self.0.entry(session).or_default() += 1;
    }

    pub(super) fn end(&mut self, session: SessionKey) {
        let Some(n) = self.0.get_mut(&session) else { return };
        *n -= 1;
        if *n == 0 {
            self.0.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_core::key::Key as _;

    #[test]
    fn a_session_has_as_many_as_it_may_and_nothing_is_kept_of_one_that_has_none() {
        let mut shares = Shares::default();
        let [one, other] = [1, 2].map(|number| SessionKey::new(number, 0));
        for _ in 0..MAX_RUNNING_PER_SESSION {
            assert!(!shares.is_full(one));
            shares.begin(one);
        }
        assert!(shares.is_full(one) && !shares.is_full(other));
        shares.end(one);
        assert!(!shares.is_full(one));
        (1..MAX_RUNNING_PER_SESSION).for_each(|_| shares.end(one));
        shares.end(other);
        assert!(shares.0.is_empty());
    }
}

//! Connections that speak HTTP: how long each may take over the head of its next request, and who
//! tells them that the shard has ended. Who still takes an answer is not waited for, however slowly
//! that goes.
//! There is no timer per request: a connection notes since when it waits, and is looked at once per
//! time-out at most.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use parlor_core::{
    key::{ConnectionKey, Table},
    time::{Deadlines, Time},
};

use crate::clock::Clock;

/// The connections of one shard that speak HTTP; cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Patience(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    timeout: Duration,
    places: RefCell<Table<ConnectionKey, Rc<Place>>>,
    /// When each is looked at again.
    looks: RefCell<Deadlines<ConnectionKey>>,
    is_ending: Cell<bool>,
}

/// What is known of one connection.
#[derive(Debug)]
struct Place {
    /// Since when it waits for a head, while it has nothing under way.
    waits_since: Cell<Time>,
    /// Requests and refused bodies that are under way.
    n_busy: Cell<u32>,
    /// An answer that had to wait has got on.
    progress: Progress,
    is_late: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Noted by who writes, which may be on any thread as far as hyper knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<AtomicBool>);

impl Progress {
    /// The client took some of an answer for which it had no room before.
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// A connection's place; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Placed {
    shared: Patience,
    place: Rc<Place>,
    key: ConnectionKey,
}

/// While this lives, its connection is not waited for.
#[derive(Debug)]
pub(crate) struct Busy {
    shared: Patience,
    place: Rc<Place>,
}

impl Patience {
    /// Connections get this long for each head.
    pub(crate) fn new(clock: Clock, timeout: Duration) -> Self {
        Self(Rc::new(Shared {
            clock,
            timeout,
            places: RefCell::default(),
            looks: RefCell::default(),
            is_ending: Cell::new(false),
        }))
    }

    /// A place for a connection that is silent since then, and writes as `progress` says.
    pub(crate) fn place(&self, since: Time, progress: Progress) -> Placed {
        let place = Rc::new(Place {
            waits_since: Cell::new(since),
            n_busy: Cell::new(0),
            progress,
            is_late: Cell::new(false),
            waker: RefCell::new(None),
        });
        let key = self.0.places.borrow_mut().insert(Rc::clone(&place));
        self.0.looks.borrow_mut().set(key, Some(since + self.0.timeout));
        Placed { shared: self.clone(), place, key }
    }

    /// When somebody has to be looked at.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.0.looks.borrow().next()
    }

    /// Ends the connections whose heads are overdue.
    pub(crate) fn expire(&self, now: Time) {
        let mut looks = self.0.looks.borrow_mut();
        let mut again = Vec::new();
        while let Some((_, key)) = looks.pop(now) {
            let places = self.0.places.borrow();
            let Some(place) = places.get(key) else { continue };
            if place.progress.take() {
                place.waits_since.set(now);
            }
            let until = place.waits_since.get() + self.0.timeout;
            if place.n_busy.get() == 0 && until <= now {
                place.is_late.set(true);
                place.wake();
            }
            // Who is late may be heard of in this very moment, and is silent again later.
            again.push((key, if until > now { until } else { now + self.0.timeout }));
        }
        for (key, until) in again {
            looks.set(key, Some(until));
        }
    }

    /// From now on, the request that a connection answers is its last.
    pub(crate) fn end(&self) {
        self.0.is_ending.set(true);
        let places = self.0.places.borrow();
        for (_, place) in places.iter() {
            place.wake();
        }
    }
}

impl Place {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

impl Placed {
    /// A head is here. What it asks for is under way until the answer is dropped.
    pub(crate) fn begin(&self) -> Busy {
        self.place.n_busy.set(self.place.n_busy.get() + 1);
        self.place.is_late.set(false);
        Busy { shared: self.shared.clone(), place: Rc::clone(&self.place) }
    }

    /// True if the next head is overdue.
    pub(crate) fn is_late(&self) -> bool {
        self.place.is_late.get()
    }

    /// True once the shard has ended.
    pub(crate) fn is_ending(&self) -> bool {
        self.shared.0.is_ending.get()
    }

    /// Has the task woken when one of these changes.
    pub(crate) fn wake_on_change(&self, cx: &Context<'_>) {
        let mut waker = self.place.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.shared.0.places.borrow_mut().remove(self.key);
        self.shared.0.looks.borrow_mut().set(self.key, None);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.place.n_busy.set(self.place.n_busy.get() - 1);
        self.place.waits_since.set(self.shared.0.clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(3600);

    #[test]
    fn who_is_silent_for_too_long_is_late_and_nobody_else_is() {
        let patience = Patience::new(Clock::start(), TIMEOUT);
        let (silent, asking) = (
            patience.place(Time::ZERO, Progress::default()),
            patience.place(Time::ZERO, Progress::default()),
        );
        let busy = asking.begin();
        let due = Time::ZERO + TIMEOUT;
        assert_eq!(patience.deadline(), Some(due));
        patience.expire(due);
        assert!(silent.is_late());
        assert!(!asking.is_late(), "it is being answered");
        drop(busy);
        patience.expire(due + TIMEOUT);
        assert!(asking.is_late(), "it waits again");
        drop(asking.begin());
        assert!(!asking.is_late(), "its head came after all");
    }

    #[test]
    fn who_takes_an_answer_slowly_is_waited_for_and_who_stops_is_not() {
        let patience = Patience::new(Clock::start(), TIMEOUT);
        let progress = Progress::default();
        let slow = patience.place(Time::ZERO, progress.clone());
        for n in 1..4 {
            progress.note();
            patience.expire(Time::ZERO + TIMEOUT * n);
            assert!(!slow.is_late());
        }
        patience.expire(Time::ZERO + TIMEOUT * 4);
        assert!(slow.is_late());
    }

    #[test]
    fn a_connection_is_looked_at_again_when_its_next_head_is_due() {
        let patience = Patience::new(Clock::start(), TIMEOUT);
        let placed = patience.place(Time::ZERO, Progress::default());
        drop(placed.begin());
        let since = placed.place.waits_since.get();
        assert!(since > Time::ZERO);
        patience.expire(Time::ZERO + TIMEOUT);
        assert!(!placed.is_late());
        assert_eq!(patience.deadline(), Some(since + TIMEOUT));
        drop(placed);
        assert_eq!(patience.deadline(), None);
        patience.end();
        assert!(patience.place(Time::ZERO, Progress::default()).is_ending());
    }
}

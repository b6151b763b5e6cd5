//! Connections that speak HTTP: how long each may take over the head of its next request, and who
//! tells them that the shard has ended.
//! There is no timer per request: a connection notes since when it waits, and is looked at once per
//! time-out at most.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
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
pub(crate) struct Patience(Rc<Room>);

#[derive(Debug)]
struct Room {
    clock: Clock,
    timeout: Duration,
    seats: RefCell<Table<ConnectionKey, Rc<Seat>>>,
    /// When each is looked at again.
    looks: RefCell<Deadlines<ConnectionKey>>,
    is_ending: Cell<bool>,
}

/// What is known of one connection.
#[derive(Debug)]
struct Seat {
    /// Since when it waits for a head, while it has nothing under way.
    waits_since: Cell<Time>,
    /// Requests and refused bodies that are under way.
    n_busy: Cell<u32>,
    is_late: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A connection's place; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Seated {
    room: Patience,
    seat: Rc<Seat>,
    key: ConnectionKey,
}

/// While this lives, its connection is not waited for.
#[derive(Debug)]
pub(crate) struct Busy {
    room: Patience,
    seat: Rc<Seat>,
}

impl Patience {
    /// Connections get this long for each head.
    pub(crate) fn new(clock: Clock, timeout: Duration) -> Self {
        Self(Rc::new(Room {
            clock,
            timeout,
            seats: RefCell::default(),
            looks: RefCell::default(),
            is_ending: Cell::new(false),
        }))
    }

    /// A place for a connection that is silent since then.
    pub(crate) fn seat(&self, since: Time) -> Seated {
        let seat = Rc::new(Seat {
            waits_since: Cell::new(since),
            n_busy: Cell::new(0),
            is_late: Cell::new(false),
            waker: RefCell::new(None),
        });
        let key = self.0.seats.borrow_mut().insert(Rc::clone(&seat));
        self.0.looks.borrow_mut().set(key, Some(since + self.0.timeout));
        Seated { room: self.clone(), seat, key }
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
            let seats = self.0.seats.borrow();
            let Some(seat) = seats.get(key) else { continue };
            let until = seat.waits_since.get() + self.0.timeout;
            if seat.n_busy.get() == 0 && until <= now {
                seat.is_late.set(true);
                seat.wake();
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
        let seats = self.0.seats.borrow();
        for (_, seat) in seats.iter() {
            seat.wake();
        }
    }
}

impl Seat {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

impl Seated {
    /// A head is here. What it asks for is under way until the answer is dropped.
    pub(crate) fn begin(&self) -> Busy {
        self.seat.n_busy.set(self.seat.n_busy.get() + 1);
        self.seat.is_late.set(false);
        Busy { room: self.room.clone(), seat: Rc::clone(&self.seat) }
    }

    /// True if the next head is overdue.
    pub(crate) fn is_late(&self) -> bool {
        self.seat.is_late.get()
    }

    /// True once the shard has ended.
    pub(crate) fn is_ending(&self) -> bool {
        self.room.0.is_ending.get()
    }

    /// Has the task woken when one of these changes.
    pub(crate) fn wake_on_change(&self, cx: &Context<'_>) {
        let mut waker = self.seat.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.room.0.seats.borrow_mut().remove(self.key);
        self.room.0.looks.borrow_mut().set(self.key, None);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.seat.n_busy.set(self.seat.n_busy.get() - 1);
        self.seat.waits_since.set(self.room.0.clock.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(3600);

    #[test]
    fn who_is_silent_for_too_long_is_late_and_nobody_else_is() {
        let patience = Patience::new(Clock::start(), TIMEOUT);
        let (silent, asking) = (patience.seat(Time::ZERO), patience.seat(Time::ZERO));
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
    fn a_connection_is_looked_at_again_when_its_next_head_is_due() {
        let patience = Patience::new(Clock::start(), TIMEOUT);
        let seated = patience.seat(Time::ZERO);
        drop(seated.begin());
        let since = seated.seat.waits_since.get();
        assert!(since > Time::ZERO);
        patience.expire(Time::ZERO + TIMEOUT);
        assert!(!seated.is_late());
        assert_eq!(patience.deadline(), Some(since + TIMEOUT));
        drop(seated);
        assert_eq!(patience.deadline(), None);
        patience.end();
        assert!(patience.seat(Time::ZERO).is_ending());
    }
}

//! When the shard has something to do by itself, and what it does then.

use std::time::Duration;

use parlor_core::{engine_io::SessionInput, input::Input, key::SessionKey, time::Time};

use super::{App, Carrier, Shard, Timer};

/// What is due in the world at one moment may take several timeouts; more wait for the next turn.
const MAX_TIMEOUTS_PER_TURN: usize = 64;
/// How long the deadline of a client that is not read is put off.
const KEPT_WAITING: Duration = Duration::from_millis(100);

impl Shard {
    /// Sets the deadline of a session anew if it has another one now.
    pub(super) fn arm(&mut self, key: SessionKey) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        let deadline = slot.session.deadline();
        if slot.armed != deadline {
            slot.armed = deadline;
            self.deadlines.set(Timer::Session(key), deadline);
        }
    }

    /// When the next turn is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let (world, handlers) = match &self.app {
            App::SocketIo { world, handlers } => (world.deadline(), handlers.deadline()),
            App::Engine(_) => (None, None),
        };
        [world, handlers, self.deadlines.next()].into_iter().flatten().min()
    }

    /// Wakes the loop if it would sleep past this.
    pub(super) fn wake_by(&mut self, deadline: Option<Time>) {
        if let (Some(until), Some(deadline)) = (self.asleep_until, deadline)
            && until.is_none_or(|until| deadline < until)
        {
            self.asleep_until = None;
            self.wake.call();
        }
    }

    /// Does what is due.
    pub(super) fn fire(&mut self) {
        let now = self.now();
        while let Some((_, timer)) = self.deadlines.pop(now) {
            match timer {
                // What it has said has not been read: its time does not count.
                Timer::Session(key) if self.is_kept_waiting(key) => {
                    self.deadlines.set(Timer::Session(key), Some(now + KEPT_WAITING));
                }
                Timer::Session(key) => {
                    if let Some(slot) = self.sessions.get_mut(key) {
                        slot.armed = None;
                    }
                    self.tell(key, SessionInput::Timeout, None);
                    self.flush_session(key);
                }
                Timer::Connection(key) => {
                    self.guests.remove(&key);
                    self.remove_connection(key);
                }
                Timer::Door => self.accept(),
                // Every turn tries.
                Timer::Links => {}
            }
        }
        for _ in 0..MAX_TIMEOUTS_PER_TURN {
            match &self.app {
                App::SocketIo { world, .. } if world.deadline().is_some_and(|at| at <= now) => {
                    self.input(Input::Timeout);
                }
                _ => break,
            }
        }
        self.fire_handlers();
    }

    /// Calls the functions that are due.
    fn fire_handlers(&mut self) {
        let now = self.now();
        while let App::SocketIo { handlers, .. } = &mut self.app
            && handlers.fire(now)
        {
            self.settle();
        }
    }

    /// True if the shard may not have read what this session's client said, because another shard
    /// cannot keep up.
    fn is_kept_waiting(&self, key: SessionKey) -> bool {
        self.links.is_congested()
            && match self.sessions.get(key).map(|slot| &slot.carrier) {
                // Bodies wait before they are read.
                Some(Carrier::Polling(_)) => true,
                Some(Carrier::WebSocket(connection)) => {
                    self.connections.get(*connection).is_some_and(|c| c.is_unread)
                }
                None => false,
            }
    }
}

//! What sessions have to say goes to their clients: written to their sockets at once, or as the
//! answer to the poll that waits. Who has ended and said all is dropped.

use std::io::IoSlice;

use parlor_core::{
    delivery::NoViews,
    engine_io::SessionInput,
    key::{ConnectionKey, SessionKey},
};

use super::{Carrier, Shard, Timer, connections::good_bye};
use crate::transport::websocket::MAX_SLICES;

impl Shard {
    /// Writes to every session that may have something to send.
    pub(super) fn flush(&mut self) {
        while let Some(key) = self.dirty.pop() {
            self.flush_session(key);
        }
    }

    /// Writes to the sessions for which more is queued than should be while they can take it.
    pub(super) fn flush_full(&mut self) {
        while let Some(key) = self.full.pop() {
            self.flush_session(key);
        }
    }

    pub(super) fn flush_session(&mut self, key: SessionKey) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        slot.is_dirty = false;
        match &mut slot.carrier {
            Carrier::Polling(waiting) => {
                if let Some(body) = slot.session.poll_answer(self.app.views(&mut NoViews)) {
                    self.tally.bytes_sent += body.len() as u64;
                    let sent = waiting.take().is_some_and(|waiting| waiting.send(body).is_ok());
                    if !sent {
                        // The request was given up just now, and what it should carry is lost.
                        self.tell(key, SessionInput::TransportGone { clean: false }, None);
                    }
                }
            }
            Carrier::WebSocket(connection) => {
                let connection = *connection;
                self.write(key, connection);
            }
        }
        self.after_write(key);
    }

    fn write(&mut self, key: SessionKey, connection_key: ConnectionKey) {
        let now = self.now();
        let (Some(slot), Some(connection)) =
            (self.sessions.get_mut(key), self.connections.get_mut(connection_key))
        else {
            return;
        };
        while !connection.is_blocked {
            let written = if let Some(chunk) = slot.session.only_chunk() {
                connection.write(chunk)
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let mut n_slices = 0;
                let chunks = slot.session.poll_transmit(self.app.views(&mut NoViews));
                for (slice, chunk) in slices.iter_mut().zip(chunks) {
                    *slice = IoSlice::new(chunk);
                    n_slices += 1;
                }
                match n_slices {
                    0 => return,
                    _ => connection.write_vectored(&slices[..n_slices]),
                }
            };
            match written {
                Ok(Some(n)) => {
                    self.tally.bytes_sent += n as u64;
                    slot.session.written(now, n);
                    if !slot.session.wants_transmit() {
                        return;
                    }
                }
                Ok(None) => {
                    slot.session.handle(now, SessionInput::Blocked, &mut Vec::new());
                }
                Err(_) => return self.connection_gone(connection_key, false),
            }
        }
    }

    /// Drops a session that is gone, and sees to its deadline otherwise.
    pub(super) fn after_write(&mut self, key: SessionKey) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        if !slot.session.is_gone() || !slot.has_told {
            // Who is blocked has something new to wait for; nobody else has.
            if slot.session.is_blocked() {
                self.arm(key);
            }
            return;
        }
        let Some(slot) = self.sessions.remove(key) else { return };
        self.by_sid.remove(&slot.seldom.sid);
        self.deadlines.set(Timer::Session(key), None);
        if let Some(candidate) = slot.seldom.candidate {
            self.finish_connection(candidate, Some(good_bye()));
        }
        if let Carrier::WebSocket(connection) = slot.carrier {
            self.finish_connection(connection, None);
        }
    }
}

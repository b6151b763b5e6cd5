//! Connections that have not said yet what they want: how they come in, and what becomes of them.
//! What they say is `http`'s to judge.

use std::{net::IpAddr, time::Duration};

use mio::Interest;
use parlor_core::{
    delivery::NoViews,
    key::{ConnectionKey, SessionKey},
    time::Time,
};

use super::{LISTENER, Shard, Timer};
use crate::{
    acceptor::{Accepted, Arrival, Door, MAX_AT_ONCE, OpenConnection, RESPITE},
    handlers::Handshake,
    limits::Pass,
    transport::websocket::Role,
};

/// Who it is, and since when it is silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest {
    pub(crate) address: IpAddr,
    pub(crate) since: Time,
}

impl Shard {
    /// Watches the door from now on: there are no other shards.
    pub(crate) fn open_door(&mut self, mut door: Door) -> std::io::Result<()> {
        self.registry.register(&mut door.listener, LISTENER, Interest::READABLE)?;
        self.door = Some(door);
        Ok(())
    }

    /// Whoever comes now finds nobody.
    pub(super) fn close_door(&mut self) {
        self.door = None;
        self.deadlines.set(Timer::Door, None);
    }

    /// Takes who waits at the door.
    pub(super) fn accept(&mut self) {
        for _ in 0..MAX_AT_ONCE {
            let Some(door) = &self.door else { return };
            match door.accept() {
                Ok(Arrival::Nobody) => return,
                Ok(Arrival::Refused) => {}
                Ok(Arrival::Came(accepted)) => self.welcome(accepted),
                Err(_) => {
                    let again = self.now() + RESPITE;
                    return self.deadlines.set(Timer::Door, Some(again));
                }
            }
        }
        // There may be more: others have their turn first, so that it is not due in this one.
        let next = self.now() + Duration::from_nanos(1);
        self.deadlines.set(Timer::Door, Some(next));
    }

    /// Takes a connection in, and waits for its first word.
    pub(crate) fn welcome(&mut self, accepted: Accepted) {
        let Accepted { stream, address, open } = accepted;
        let Some(key) = self.adopt(stream, Role::Guest, Some(open)) else { return };
        let guest = Guest { address, since: self.now() };
        self.guests.insert(key, guest);
        self.deadlines.set(Timer::Connection(key), Some(guest.since + self.settings.patience));
    }

    /// Guests that have said something.
    pub(super) fn take_heard(&mut self) -> Vec<ConnectionKey> {
        std::mem::take(&mut self.heard)
    }

    /// What a guest said: so many bytes of `words`. One that has left is forgotten.
    pub(crate) fn listen(
        &mut self,
        key: ConnectionKey,
        words: &mut [u8],
    ) -> Option<(Guest, usize)> {
        let guest = *self.guests.get(&key)?;
        match self.connections.get_mut(key)?.read(words) {
            Ok(Some(n @ 1..)) => return Some((guest, n)),
            Ok(None) => return None,
            Ok(Some(0)) | Err(_) => {}
        }
        self.guests.remove(&key);
        self.remove_connection(key);
        None
    }

    /// Gives a guest away, to somebody with more time.
    pub(crate) fn hand_over(
        &mut self,
        key: ConnectionKey,
    ) -> Option<(std::net::TcpStream, Option<OpenConnection>)> {
        self.forget_guest(key);
        let (mut stream, open) = self.connections.remove(key)?.into_parts();
        if let Err(error) = self.registry.deregister(&mut stream) {
            tracing::debug!(%error, "a socket was not watched");
        }
        Some((stream.into(), open))
    }

    fn forget_guest(&mut self, key: ConnectionKey) {
        self.guests.remove(&key);
        self.deadlines.set(Timer::Connection(key), None);
    }

    /// A guest opens a session by WebSocket. `answer` is the 101; it and the greeting go out as
    /// one. `rest` is what came behind the request.
    pub(crate) fn open_session(
        &mut self,
        key: ConnectionKey,
        answer: Vec<u8>,
        handshake: Handshake,
        pass: Option<Pass>,
        rest: &mut [u8],
    ) {
        self.forget_guest(key);
        let session = self.open_by(key, handshake, pass);
        self.write_opening(session, key, answer);
        self.first_bytes(key, rest);
        // Its end may have come along with its first word.
        self.read(key, true);
    }

    fn write_opening(&mut self, session: SessionKey, key: ConnectionKey, answer: Vec<u8>) {
        let now = self.now();
        let (Some(slot), Some(connection)) =
            (self.sessions.get_mut(session), self.connections.get_mut(key))
        else {
            return;
        };
        let n_answer = answer.len();
        let mut opening = answer;
        for chunk in slot.session.poll_transmit(self.app.views(&mut NoViews)) {
            opening.extend_from_slice(chunk);
        }
        match connection.write(&opening) {
            Ok(Some(n)) if n >= n_answer => {
                self.tally.bytes_sent += (n - n_answer) as u64;
                slot.session.written(now, n - n_answer);
            }
            // A new connection takes more than this, unless it is gone.
            _ => self.connection_gone(key, false),
        }
    }

    /// A guest wants to become the transport of a polling session.
    pub(crate) fn try_candidate(
        &mut self,
        key: ConnectionKey,
        answer: &[u8],
        session: SessionKey,
        rest: &mut [u8],
    ) {
        self.forget_guest(key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.role = Role::Candidate(session);
        if !connection.write_whole(answer) {
            return self.remove_connection(key);
        }
        self.candidate(key, session, rest);
        self.read(key, true);
    }
}

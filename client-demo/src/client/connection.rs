//! A client on a blocking TCP stream: the driver for players and bots that have a thread each.
//! All decisions are `machine`'s. Pings are answered while one of the functions here waits, so a
//! program that wants to pause waits in [`Connection::next_event`].

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    ops::Range,
    time::{Duration, Instant},
};

use parlor_shared::socket_io::EventArgs;
use serde::Serialize;

use super::{
    address::Address,
    error::{ClientError, ConnectionError},
    event::{Arguments, CloseReason, Event, Question},
    machine::{Client, Limits, Time},
    transmit::Transmit,
};

/// Events that are kept while an answer is awaited; a server that sends more in that time than
/// anybody has asked for is given up.
const MAX_BACKLOG: usize = 4096;
/// Bytes read at once.
const BUFFER_BYTES: usize = 16 * 1024;
/// How long the server may take no byte of ours.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection with its session.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    client: Client,
    transmit: Transmit,
    started: Instant,
    buffer: Box<[u8]>,
    /// What has been read and not yet understood.
    unread: Range<usize>,
    /// Events that came while an answer was awaited, oldest first.
    backlog: VecDeque<Event<'static>>,
    next_token: u64,
    /// Who ended the session, once it has ended in good order.
    closed: Option<CloseReason>,
}

impl Connection {
    /// Connects and waits until the session is open.
    ///
    /// # Errors
    /// If that does not happen within `limits.open_timeout`.
    pub fn open(address: &Address, limits: Limits) -> Result<Self, ConnectionError> {
        let started = Instant::now();
        let stream = dial(address, started + limits.open_timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(ConnectionError::Entropy)?;
        let mut transmit = Transmit::new(getrandom::u64().map_err(ConnectionError::Entropy)?);
        let client = Client::new(Time::ZERO, address, limits, key, &mut transmit);
        let mut connection = Self {
            stream,
            client,
            transmit,
            started,
            buffer: vec![0; BUFFER_BYTES].into(),
            unread: 0..0,
            backlog: VecDeque::new(),
            next_token: 0,
            closed: None,
        };
        connection.flush()?;
        loop {
            match connection.pump(None)? {
                Some(Event::Open(_)) => return Ok(connection),
                Some(Event::Closed(reason)) => return Err(reason.into()),
                _ => {}
            }
        }
    }

    /// Connects a namespace and waits for the answer: this client's public id in it. `auth` is an
    /// object, or `()`.
    ///
    /// # Errors
    /// If the server refuses, or the answer does not come in time.
    pub fn connect(
        &mut self,
        namespace: &str,
        auth: &impl Serialize,
        timeout: Duration,
    ) -> Result<String, ConnectionError> {
        self.connect_again(namespace, auth, timeout).map(|(id, _)| id)
    }

    /// Like [`Self::connect`], and tells what that socket can be claimed by after the connection
    /// was lost, as `pid` of `auth`; `None` where sockets cannot be had back. What was missed comes
    /// as [`Self::next_event`].
    ///
    /// # Errors
    /// As there.
    pub fn connect_again(
        &mut self,
        namespace: &str,
        auth: &impl Serialize,
        timeout: Duration,
    ) -> Result<(String, Option<String>), ConnectionError> {
        let deadline = Instant::now() + timeout;
        self.client.connect(namespace, auth, &mut self.transmit)?;
        self.flush()?;
        loop {
            match self.await_event("connect", deadline)? {
                Event::Connected { namespace: name, id, pid } if *name == *namespace => {
                    return Ok((id, pid));
                }
                Event::Refused { namespace: name, refusal } if *name == *namespace => {
                    let namespace = namespace.to_owned();
                    return Err(ConnectionError::Refused { namespace, refusal });
                }
                event => self.keep(event, namespace)?,
            }
        }
    }

    /// Sends an event.
    ///
    /// # Errors
    /// If it could not be sent.
    pub fn emit(
        &mut self,
        namespace: &str,
        event: &str,
        args: impl EventArgs,
    ) -> Result<(), ConnectionError> {
        self.client.emit(namespace, event, args, &mut self.transmit)?;
        self.flush()
    }

    /// Sends an event and waits for its answer. Events that come meanwhile are kept for
    /// [`Self::next_event`].
    ///
    /// # Errors
    /// If the answer does not come in time, or cannot come any more.
    pub fn emit_with_ack(
        &mut self,
        namespace: &str,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
    ) -> Result<Arguments<'static>, ConnectionError> {
        let deadline = Instant::now() + timeout;
        let token = self.next_token;
        self.next_token += 1;
        self.client.ask(namespace, event, args, token, &mut self.transmit)?;
        self.flush()?;
        loop {
            match self.await_event(event, deadline) {
                Ok(Event::Answered { token: of, arguments }) if of == token => {
                    return Ok(arguments);
                }
                Ok(event) => self.keep(event, namespace)?,
                Err(error) => {
                    self.client.forget(token);
                    return Err(error);
                }
            }
        }
    }

    /// Answers a question of the server's.
    ///
    /// # Errors
    /// If it could not be sent.
    pub fn answer(
        &mut self,
        question: &Question,
        args: impl EventArgs,
    ) -> Result<(), ConnectionError> {
        self.client.answer(question, args, &mut self.transmit)?;
        self.flush()
    }

    /// The next event, waiting for it until `deadline`; without one, as long as the session lives.
    /// `None` at the deadline.
    ///
    /// # Errors
    /// If the session has ended.
    pub fn next_event(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<Event<'static>>, ConnectionError> {
        match self.backlog.pop_front() {
            Some(event) => Ok(Some(event)),
            None => self.pump(deadline),
        }
    }

    /// Forgets the events that came while answers were awaited, but for those that are `wanted`.
    pub fn drop_backlog(&mut self, wanted: impl FnMut(&Event<'static>) -> bool) {
        self.backlog.retain(wanted);
    }

    /// Says good-bye and waits a moment for the server to do so, too. What it still sends is lost.
    ///
    /// # Errors
    /// If the connection broke before.
    pub fn close(mut self) -> Result<(), ConnectionError> {
        self.closed = Some(CloseReason::Ours);
        self.client.close(self.now(), &mut self.transmit);
        self.flush()?;
        loop {
            match self.pump(None) {
                Ok(Some(Event::Closed(_))) | Err(ConnectionError::Closed(_)) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next event from the wire that a question or a CONNECT is waiting for.
    fn await_event(
        &mut self,
        event: &str,
        deadline: Instant,
    ) -> Result<Event<'static>, ConnectionError> {
        let next = self.pump(Some(deadline))?;
        next.ok_or_else(|| ConnectionError::NoAnswer(event.to_owned()))
    }

    /// Keeps an event for later; ends of what an answer is awaited from are errors at once.
    fn keep(&mut self, event: Event<'static>, awaited: &str) -> Result<(), ConnectionError> {
        match event {
            Event::Closed(reason) => Err(reason.into()),
            Event::Disconnected { namespace } if *namespace == *awaited => {
                Err(ConnectionError::Disconnected(awaited.to_owned()))
            }
            _ if self.backlog.len() >= MAX_BACKLOG => Err(ConnectionError::Backlog),
            event => {
                self.backlog.push_back(event);
                Ok(())
            }
        }
    }

    /// Reads and understands until there is an event; `None` at the deadline.
    fn pump(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<Event<'static>>, ConnectionError> {
        let mut has_read = false;
        loop {
            if let Some(event) = self.understand()? {
                return Ok(Some(event));
            }
            if self.client.is_closed() {
                let lost = || ClientError::ConnectionLost.into();
                return Err(self.closed.map_or_else(lost, ConnectionError::from));
            }
            let now = Instant::now();
            if has_read && deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            let due = self.client.deadline().map(|due| self.started + due);
            let wake = [deadline, due].into_iter().flatten().min();
            let came = self.read(wake.map(|wake| wake.saturating_duration_since(now)))?;
            has_read = true;
            if !came {
                // Only now: a ping may have been waiting in the socket.
                let checked = self.client.timeout(self.now(), &mut self.transmit);
                self.farewell(checked)?;
            }
        }
    }

    /// The next event in what has been read.
    fn understand(&mut self) -> Result<Option<Event<'static>>, ConnectionError> {
        let now = self.now();
        let mut data = &mut self.buffer[self.unread.clone()];
        let next = self.client.next(now, &mut data, &mut self.transmit);
        self.unread.start = self.unread.end - data.len();
        let next = next.map(|event| event.map(Event::into_owned));
        let event = self.farewell(next)?;
        if let Some(Event::Closed(reason)) = event {
            self.closed = Some(reason);
        }
        Ok(event)
    }

    /// Sends what is to be sent. After an error of the server's it may not arrive, which matters
    /// less than the error.
    fn farewell<T>(&mut self, result: Result<T, ClientError>) -> Result<T, ConnectionError> {
        let flushed = self.flush();
        let value = result?;
        flushed?;
        Ok(value)
    }

    /// Waits for bytes, at most this long; false if none came.
    fn read(&mut self, timeout: Option<Duration>) -> Result<bool, ConnectionError> {
        // Zero would mean no timeout at all.
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        self.stream.set_read_timeout(timeout)?;
        match self.stream.read(&mut self.buffer) {
            Ok(0) => self.client.end()?,
            Ok(n) => self.unread = 0..n,
            Err(error) if is_passing(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), ConnectionError> {
        let written = self.stream.write_all(&self.transmit.bytes);
        self.transmit.bytes.clear();
        match written {
            Err(error) if is_passing(&error) => Err(ConnectionError::Stalled),
            written => Ok(written?),
        }
    }

    fn now(&self) -> Time {
        self.started.elapsed()
    }
}

/// Tries each address of the host until one answers.
fn dial(address: &Address, deadline: Instant) -> Result<TcpStream, ConnectionError> {
    let not_found = |source| ConnectionError::Host { host: address.host().to_owned(), source };
    let candidates = (address.host(), address.port()).to_socket_addrs().map_err(not_found)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no IP address");
    for candidate in candidates {
        match dial_one(&candidate, deadline) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(ConnectionError::Unreachable { address: address.clone(), source: last })
}

fn dial_one(candidate: &SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let left = deadline.saturating_duration_since(Instant::now());
    TcpStream::connect_timeout(candidate, left.max(Duration::from_millis(1)))
}

/// Nothing has arrived yet, or a signal came.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

#[cfg(test)]
mod tests;

//! Plays scripts against sessions and a world in memory. Time stands still while anything can be
//! done, and then jumps to the next deadline: a script says to the millisecond what comes when.
//! What a server's shard and transports do between sockets and sessions is done here in short;
//! that they do it right is seen over TCP.

mod app;
mod driver;
mod transport;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use parlor_core::{
    close::CloseReason,
    engine_io::{Session, SessionEffect, SessionInput, Settings, Transport},
    key::{SessionKey, Table},
    time::Time,
};
use parlor_shared::{engine_io::HandshakeError, socket_io::Frame, websocket::Decoder};

use self::app::Application;
use super::{Arrived, Came, Line, Loss, Net, Request, frame::Reader, script::Story};

/// Deadlines fired before a story is taken for one that does not end.
const MAX_TIMEOUTS: usize = 100_000;

pub(super) struct Memory {
    now: Time,
    settings: Arc<Settings>,
    application: Application,
    sessions: Table<SessionKey, Slot>,
    by_sid: BTreeMap<String, SessionKey>,
    lines: Vec<Connection>,
    /// Sessions that ended, and the story has not told yet.
    ended: Vec<(String, Time, CloseReason)>,
}

struct Slot {
    session: Session,
    sid: String,
    carrier: Carrier,
    candidate: Option<Line>,
}

enum Carrier {
    /// The GET that waits, if one does.
    Polling(Option<Line>),
    WebSocket(Line),
}

/// A connection, both its ends.
struct Connection {
    end: End,
    reader: Reader,
    /// Not looked at yet by the client.
    arrived: VecDeque<Arrived>,
}

/// The server's end of it.
enum End {
    Get(SessionKey),
    /// A POST whose body is still being sent.
    Post(SessionKey),
    WebSocket {
        session: SessionKey,
        is_candidate: bool,
        decoder: Decoder,
        /// The client takes no bytes.
        is_stalled: bool,
    },
    Over,
}

impl Memory {
    pub(super) fn new(story: &Story) -> Self {
        Self {
            now: Time::ZERO,
            settings: Arc::new(story.settings.session.clone()),
            application: Application::new(story),
            sessions: Table::default(),
            by_sid: BTreeMap::new(),
            lines: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn add(&mut self, end: End) -> Line {
        self.lines.push(Connection { end, reader: Reader::default(), arrived: VecDeque::new() });
        self.lines.len() - 1
    }

    fn line(&mut self, line: Line) -> Result<&mut Connection> {
        self.lines.get_mut(line).context("no such connection")
    }

    /// Something reaches the client.
    fn arrive(&mut self, line: Line, came: Came) {
        let when = self.now.since_start();
        if let Some(connection) = self.lines.get_mut(line) {
            connection.arrived.push_back((when, came));
        }
    }

    fn answer(&mut self, line: Line, status: u16, body: impl Into<Vec<u8>>) {
        self.arrive(line, Came::Answer(status, body.into()));
        if let Some(connection) = self.lines.get_mut(line) {
            connection.end = End::Over;
        }
    }

    fn refuse(&mut self, line: Line, error: HandshakeError) {
        self.answer(line, error.status(), error.body());
    }
}

impl Net for Memory {
    fn is_exact(&self) -> bool {
        true
    }

    fn request(&mut self, request: Request) -> Result<Line> {
        ensure!(
            request.query.is_none() && request.headers.is_empty(),
            "what HTTP makes of a request is seen over TCP only: `only tcp`"
        );
        let is_get = request.method == "GET";
        let line = match (&request.sid, self.session_of(request.sid.as_deref())) {
            (None, _) if is_get => {
                let key = self.open(Transport::Polling, Carrier::Polling(None))?;
                self.get(key)?
            }
            (None, _) => {
                let line = self.add(End::Over);
                self.refuse(line, HandshakeError::BadMethod);
                line
            }
            (Some(_), None) => {
                let line = self.add(End::Over);
                self.refuse(line, HandshakeError::SidUnknown);
                line
            }
            (Some(_), Some((_, Transport::WebSocket))) => {
                let line = self.add(End::Over);
                self.refuse(line, HandshakeError::BadRequest);
                line
            }
            (Some(_), Some((key, Transport::Polling))) if is_get => self.get(key)?,
            (Some(_), Some((key, Transport::Polling))) => self.post(key, &request)?,
        };
        self.settle()?;
        Ok(line)
    }

    fn websocket(&mut self, sid: Option<&str>) -> Result<Line> {
        let line = self.add(End::Over);
        if sid.is_none() {
            let key = self.open(Transport::WebSocket, Carrier::WebSocket(line))?;
            self.line(line)?.end = self.websocket_end(key, false);
        } else if let Some((key, _)) = self.session_of(sid) {
            let mut effects = Vec::new();
            if let Some(slot) = self.sessions.get_mut(key) {
                slot.session.handle(self.now, SessionInput::CandidateOpened, &mut effects);
                if effects == [SessionEffect::AcceptCandidate] {
                    slot.candidate = Some(line);
                    self.line(line)?.end = self.websocket_end(key, true);
                } else {
                    self.hang_up(line, Some(&Frame::close(None, "")))?;
                }
            }
        } else {
            self.answer(line, 400, HandshakeError::SidUnknown.message());
        }
        self.settle()?;
        Ok(line)
    }

    fn write(&mut self, line: Line, bytes: &[u8]) -> Result<()> {
        self.bytes(line, &mut bytes.to_vec())?;
        self.settle()
    }

    fn lose(&mut self, line: Line, loss: Loss) -> Result<()> {
        match std::mem::replace(&mut self.line(line)?.end, End::Over) {
            End::Get(key) => {
                if let Some(Slot { carrier: Carrier::Polling(get), .. }) =
                    self.sessions.get_mut(key)
                {
                    *get = None;
                }
                self.tell(key, SessionInput::PollAborted, None)?;
            }
            End::Post(key) => {
                self.tell(key, SessionInput::PostBroken, None)?;
            }
            End::WebSocket { session, is_candidate: true, .. } => {
                self.candidate_gone(session, None)?;
            }
            End::WebSocket { session, .. } => {
                let clean = loss == Loss::HangUp;
                self.tell(session, SessionInput::TransportGone { clean }, None)?;
            }
            End::Over => {}
        }
        self.settle()?;
        // Whatever the server says to that reaches nobody.
        self.line(line)?.arrived.clear();
        Ok(())
    }

    fn set_reading(&mut self, line: Line, reads: bool) -> Result<()> {
        let connection = self.line(line)?;
        let End::WebSocket { session, is_stalled, .. } = &mut connection.end else {
            return Ok(());
        };
        *is_stalled = !reads;
        let session = *session;
        if reads {
            self.tell(session, SessionInput::Writable, None)?;
        }
        self.settle()
    }

    fn receive(&mut self, line: Line, until: Duration) -> Result<Option<Arrived>> {
        let until = Time::after_start(until);
        for n in 0.. {
            ensure!(n < MAX_TIMEOUTS, "deadlines do not end");
            if let Some(arrived) = self.line(line)?.arrived.pop_front() {
                return Ok(Some(arrived));
            }
            if !self.step(until)? {
                break;
            }
        }
        Ok(None)
    }

    fn put_back(&mut self, line: Line, arrived: Arrived) {
        if let Some(connection) = self.lines.get_mut(line) {
            connection.arrived.push_front(arrived);
        }
    }

    fn ended(&mut self, sid: &str, reason: &str, until: Duration) -> Result<Duration> {
        let until = Time::after_start(until);
        loop {
            if let Some(at) = self.ended.iter().position(|(ended, ..)| ended == sid) {
                let (_, when, why) = self.ended.remove(at);
                ensure!(why.as_str() == reason, "ended: {}", why.as_str());
                return Ok(when.since_start());
            }
            ensure!(self.step(until)?, "the session goes on");
        }
    }

    fn pass(&mut self, until: Duration) -> Result<()> {
        while self.step(Time::after_start(until))? {}
        self.nothing_unread()
    }

    fn finish(&mut self) -> Result<()> {
        if let Some((_, _, reason)) = self.ended.first() {
            bail!("a session ended: {}", reason.as_str());
        }
        self.nothing_unread()
    }
}

impl Memory {
    /// Jumps to the next deadline and fires what is due; false if none is before `until`.
    fn step(&mut self, until: Time) -> Result<bool> {
        let next = self.next_deadline().filter(|(at, _)| *at <= until);
        let Some((at, _)) = next else {
            self.now = self.now.max(until);
            return Ok(false);
        };
        self.now = self.now.max(at);
        self.settle()?;
        Ok(true)
    }

    fn nothing_unread(&self) -> Result<()> {
        let unread = self.lines.iter().flat_map(|line| &line.arrived);
        match unread.filter(|(_, came)| *came != Came::End).min_by_key(|(when, _)| *when) {
            Some((when, came)) => {
                bail!("at {} ms also came: {came}", when.as_millis())
            }
            None => Ok(()),
        }
    }
}

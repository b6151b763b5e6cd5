//! One session as it must be: when it is pinged, when and why it ends, how much may wait.
//! Source: Engine.IO protocol v4, § Heartbeat; ARCHITECTURE.md, Slow clients.

use parlor_core::{
    close::CloseReason,
    engine_io::{
        HIGH_WATER_BYTES, MAX_CONTROL_FRAMES_PER_SECOND, SessionEffect, SessionInput, Settings,
        Transport,
    },
    time::Time,
};
use parlor_shared::engine_io::Packet;

use super::{Invariant, stream::Stream};

#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    polls: bool,
    /// It began by polling, which nobody counts the bytes of.
    has_polled: bool,
    pub(super) has_get: bool,
    /// How often it has become able to take something, or unable.
    n_turns: u64,
    has_post: bool,
    /// The next ping, or after it the end.
    beat: Beat,
    /// The client takes no byte; until then it must.
    stall_until: Option<Time>,
    candidate_until: Option<Time>,
    /// Until then a namespace must be joined.
    pub(super) join_until: Option<Time>,
    pub(super) allowed: Vec<CloseReason>,
    closed: Option<(Time, CloseReason)>,
    /// An attachment of what it said is still to come.
    pub(super) is_half_said: bool,
    /// The client is there.
    pub(super) has_client: bool,
    control_frames: (u64, u32),
    /// Reliable bytes sent, the last frame that was queued, and bytes written to a WebSocket.
    n_sent: usize,
    n_last: usize,
    n_written: usize,
    /// When it had kept up last, and how much may wait since.
    burst: (Option<Time>, usize),
}

#[derive(Debug, Clone, Copy)]
enum Beat {
    PingAt(Time),
    PongUntil(Time, bool),
}

impl Watched {
    pub(super) fn new(
        now: Time,
        transport: Transport,
        join_until: Time,
        settings: &Settings,
    ) -> Self {
        let mut stream = Stream::default();
        stream.engine("0{}");
        Self {
            stream,
            polls: transport == Transport::Polling,
            has_polled: transport == Transport::Polling,
            has_get: false,
            n_turns: 0,
            has_post: false,
            beat: Beat::PingAt(now + settings.ping_interval),
            stall_until: None,
            candidate_until: None,
            join_until: Some(join_until),
            allowed: Vec::new(),
            closed: None,
            is_half_said: false,
            has_client: true,
            control_frames: (0, 0),
            n_sent: 0,
            n_last: 0,
            n_written: 0,
            burst: (None, 0),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The GET that waited is answered.
    pub(super) fn polled(&mut self) {
        self.has_get = false;
        self.n_turns += 1;
    }

    pub(super) fn closed_at(&self) -> Option<Time> {
        self.closed.map(|(at, _)| at)
    }

    /// For which reason the session must end now.
    pub(super) fn input(
        &mut self,
        now: Time,
        input: &SessionInput<'_>,
        queued: usize,
        is_open: bool,
        settings: &Settings,
    ) -> Option<CloseReason> {
        let could_take = self.can_take();
        let expected = self.take_in(now, input, queued, is_open, settings);
        self.n_turns += u64::from(self.can_take() != could_take);
        expected
    }

    fn take_in(
        &mut self,
        now: Time,
        input: &SessionInput<'_>,
        queued: usize,
        is_open: bool,
        settings: &Settings,
    ) -> Option<CloseReason> {
        if !is_open {
            self.has_get |= matches!(input, SessionInput::PollOpened);
            return None;
        }
        match input {
            SessionInput::PollOpened => {
                let twice = self.polls && std::mem::replace(&mut self.has_get, self.polls);
                return twice.then_some(CloseReason::TransportError);
            }
            SessionInput::PollAborted => {
                let had_get = self.polls && std::mem::take(&mut self.has_get);
                return had_get.then_some(CloseReason::TransportError);
            }
            SessionInput::PostOpened => {
                let twice = self.polls && std::mem::replace(&mut self.has_post, self.polls);
                return twice.then_some(CloseReason::TransportError);
            }
            SessionInput::PostClosed => self.has_post = false,
            SessionInput::PostBroken => return Some(CloseReason::TransportError),
            SessionInput::Packet(packet) => return self.packet(now, packet, settings),
            SessionInput::Malformed => return Some(CloseReason::ParseError),
            SessionInput::Violated(_) => return Some(CloseReason::TransportError),
            SessionInput::WebSocketPing(_) | SessionInput::WebSocketPong => {
                let second = now.since_start().as_secs();
                let (of, n) = self.control_frames;
                self.control_frames = if of == second { (of, n + 1) } else { (second, 1) };
                let too_many = self.control_frames.1 > MAX_CONTROL_FRAMES_PER_SECOND;
                return too_many.then_some(CloseReason::PolicyViolation);
            }
            SessionInput::WebSocketClosing(_) | SessionInput::TransportGone { clean: true } => {
                return Some(CloseReason::TransportClose);
            }
            SessionInput::TransportGone { clean: false } => {
                return Some(CloseReason::TransportError);
            }
            SessionInput::Blocked => {
                self.stall_until = Some(now + settings.write_stall_timeout);
            }
            SessionInput::Writable => self.stall_until = None,
            SessionInput::CandidateGone => self.candidate_until = None,
            SessionInput::CandidateOpened | SessionInput::CandidatePacket(_) => {}
            SessionInput::Send(frame, delivery) => {
                let high_water = HIGH_WATER_BYTES.min(settings.max_queue_bytes);
                let is_free = self.can_take() && queued < high_water;
                if !delivery.is_volatile() {
                    if !self.may_wait(now, queued, frame.wire().len(), settings) {
                        return Some(CloseReason::SlowConsumer);
                    }
                    self.n_sent += frame.wire().len();
                    self.n_last = frame.wire().len();
                } else if is_free {
                    self.n_last = frame.wire().len();
                }
                let blocked = (!self.can_take()).then_some(self.n_turns);
                self.stream.send(frame, *delivery, is_free, blocked);
            }
            SessionInput::Show { view, .. } => self.stream.show(*view),
            SessionInput::Hide { .. } => self.stream.hide(),
            SessionInput::Rebase { view } => self.stream.rebase(*view),
            SessionInput::Close(reason) => return Some(*reason),
            SessionInput::Timeout => return self.timeout(now, settings),
        }
        None
    }

    /// What one turn sends to a client that had kept up counts for itself.
    fn may_wait(&mut self, now: Time, queued: usize, n: usize, settings: &Settings) -> bool {
        let Settings { max_queue_bytes, max_burst_bytes, .. } = *settings;
        let high_water = HIGH_WATER_BYTES.min(max_queue_bytes);
        if queued + n < high_water {
            return true;
        }
        let has_kept_up = queued < high_water;
        if has_kept_up {
            self.burst.0 = Some(now);
        }
        let fits = has_kept_up || queued + n <= max_burst_bytes;
        if max_burst_bytes > 0 && self.burst.0 == Some(now) && fits {
            self.burst.1 = queued + n + max_queue_bytes;
            return true;
        }
        self.burst.1 = self.burst.1.min(queued + max_queue_bytes).max(max_queue_bytes);
        has_kept_up || queued < self.burst.1
    }

    pub(super) fn can_take(&self) -> bool {
        if self.polls { self.has_get } else { self.stall_until.is_none() }
    }

    fn packet(
        &mut self,
        now: Time,
        packet: &Packet<'_>,
        settings: &Settings,
    ) -> Option<CloseReason> {
        match (packet, &mut self.beat) {
            (Packet::Pong(_), _) => self.beat = Beat::PingAt(now + settings.ping_interval),
            (_, Beat::PongUntil(until, is_longer @ false)) => {
                (*until, *is_longer) = (now + settings.ping_timeout, true);
            }
            _ => {}
        }
        match packet {
            Packet::Close => Some(CloseReason::TransportClose),
            Packet::Ping(_) => Some(CloseReason::TransportError),
            Packet::Open(_) => Some(CloseReason::ParseError),
            _ => None,
        }
    }

    fn timeout(&mut self, now: Time, settings: &Settings) -> Option<CloseReason> {
        match self.beat {
            Beat::PingAt(at) if at <= now => {
                self.beat = Beat::PongUntil(now + settings.ping_timeout, false);
                self.stream.engine("2");
            }
            Beat::PongUntil(until, _) if until <= now => return Some(CloseReason::PingTimeout),
            _ => {}
        }
        let is_stalled = self.stall_until.is_some_and(|until| until <= now);
        (is_stalled && !self.polls).then_some(CloseReason::SlowConsumer)
    }

    pub(super) fn output(
        &mut self,
        now: Time,
        expected: Option<CloseReason>,
        effects: &[SessionEffect],
        settings: &Settings,
    ) -> Result<(), (Invariant, String)> {
        let mut closed = None;
        for effect in effects {
            match effect {
                SessionEffect::Closed(reason) => closed = Some(*reason),
                SessionEffect::AcceptCandidate => {
                    self.candidate_until = Some(now + settings.upgrade_timeout);
                }
                SessionEffect::DropCandidate => self.candidate_until = None,
                SessionEffect::Upgraded => {
                    (self.polls, self.has_get, self.candidate_until) = (false, false, None);
                    self.n_turns += 1;
                    if let Beat::PongUntil(..) = self.beat {
                        self.beat = Beat::PingAt(now + settings.ping_interval);
                    }
                }
                _ => {}
            }
        }
        self.closed = self.closed.or_else(|| closed.map(|reason| (now, reason)));
        if closed == expected {
            return Ok(());
        }
        let is_beat = [closed, expected].contains(&Some(CloseReason::PingTimeout));
        let invariant = if is_beat { Invariant::Heartbeat } else { Invariant::Reasons };
        Err((invariant, format!("ended: {closed:?}, where it should have been {expected:?}")))
    }

    /// So much waits after something was sent.
    pub(super) fn queued(&self, queued: usize, settings: &Settings) -> Result<(), String> {
        if self.is_closed() {
            return Ok(());
        }
        let most = settings.max_queue_bytes.max(self.burst.1) + self.n_last;
        let waiting = self.n_sent.saturating_sub(self.n_written);
        let at_least = if self.has_polled { 0 } else { waiting };
        if queued > most || at_least > most {
            return Err(format!("{queued} or {at_least} bytes wait, where {most} may"));
        }
        Ok(())
    }

    pub(super) fn written(&mut self, n: usize) {
        self.n_written += n;
    }

    pub(super) fn received(
        &mut self,
        is_binary: bool,
        packet: &[u8],
    ) -> Result<(), (Invariant, String)> {
        // A noop means nothing, and a session that has ended says so by polling.
        if packet == b"6" || packet == b"1" && self.is_closed() {
            return Ok(());
        }
        let result = self.stream.received(is_binary, packet);
        if packet == b"2" {
            return result.map_err(|(_, what)| (Invariant::Heartbeat, what));
        }
        result
    }

    pub(super) fn drained(&mut self, settings: &Settings) -> Result<(), (Invariant, String)> {
        if self.is_closed() { Ok(()) } else { self.stream.drained(settings) }
    }

    /// Some kind of volatile packet may not have arrived, because there were too many.
    pub(super) fn lacks_some(&self) -> bool {
        self.stream.lacks_some
    }

    /// What should have happened by now, but did not.
    pub(super) fn overdue(&self, now: Time) -> Option<(Invariant, String)> {
        if self.is_closed() {
            return None;
        }
        let (Beat::PingAt(beat) | Beat::PongUntil(beat, _)) = self.beat;
        let stall = self.stall_until.filter(|_| !self.polls);
        let late = |until: Option<Time>| until.filter(|until| *until <= now);
        let all = [
            (Invariant::Heartbeat, "a ping or the end after one", Some(beat)),
            (Invariant::Reasons, "the end of a slow consumer", stall),
            (Invariant::Reasons, "the end of who joins nothing", self.join_until),
            (Invariant::Reasons, "the end of an upgrade", self.candidate_until),
        ];
        all.into_iter().find_map(|(invariant, name, until)| {
            let until = late(until)?;
            Some((invariant, format!("{name} was due at {:?}", until.since_start())))
        })
    }
}

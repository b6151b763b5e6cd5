//! One client, from the first byte of its handshake to the last: bytes in and events out, values
//! in and bytes out (in `sending`). No socket, clock or chance is known here, and nothing blocks.
//! Namespaces and questions are `sockets`' part; `connection` is one driver, an epoll loop another.
//! Source: Engine.IO protocol v4, § Heartbeat; RFC 6455 §§ 5.5 and 7.

use std::{borrow::Cow, time::Duration};

use parlor_shared::{
    engine_io::{Handshake, Packet},
    websocket::{Decoder, Limits as FrameLimits, Message, Opcode, Role, close_code},
};

use super::{
    address::Address,
    error::{ClientError, OpeningError},
    event::{CloseReason, Event},
    opening::Opening,
    sending::prefix,
    sockets::Sockets,
    transmit::Transmit,
};

/// Time since a moment that the driver chose once for all its clients.
pub type Time = Duration;

/// How long the server may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest silence that a handshake can ask for; more is as good as for ever.
const MAX_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server may make a client keep, and how long it may take to open.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one message, and of one packet with its attachments.
    pub max_message_bytes: usize,
    /// From the start to the greeting.
    pub open_timeout: Duration,
}

impl Default for Limits {
    /// 1 MiB, a little over what Parlor sends at most; 10 seconds.
    fn default() -> Self {
        Self { max_message_bytes: 1 << 20, open_timeout: Duration::from_secs(10) }
    }
}

/// The machine of one client.
#[derive(Debug)]
pub struct Client {
    pub(super) state: State,
    decoder: Decoder,
    pub(super) sockets: Sockets,
}

/// ```text
///  Opening ──101──► Greeting ──open packet──► Open ──close()──► Closing ──its answer──► Closed
///     │                │                       │                                          ▲
///     └────────────────┴───────────────────────┴── an error, or the server's farewell ────┘
/// ```
#[derive(Debug)]
pub(super) enum State {
    /// The answer to the opening handshake is awaited.
    Opening { opening: Box<Opening>, until: Time },
    /// The `open` packet is awaited.
    Greeting { until: Time },
    /// The session is on.
    Open { silence: Duration, until: Time, max_payload: usize },
    /// Our close frame is out.
    Closing { until: Time },
    /// Nothing more happens.
    Closed,
}

impl Client {
    /// A client whose handshake is in `transmit`; `key` is 16 bytes that nobody can guess.
    pub fn new(
        now: Time,
        address: &Address,
        limits: Limits,
        key: [u8; 16],
        transmit: &mut Transmit,
    ) -> Self {
        let frames = FrameLimits {
            max_message_bytes: limits.max_message_bytes,
            max_fragments: FrameLimits::MAX_FRAGMENTS,
        };
        let opening = Box::new(Opening::begin(address, key, &mut transmit.bytes));
        Self {
            state: State::Opening { opening, until: now + limits.open_timeout },
            decoder: Decoder::new(Role::Client, frames),
            sockets: Sockets::new(limits.max_message_bytes),
        }
    }

    /// Takes bytes that have arrived off the front of `data` until something happens; `None` when
    /// they are used up. Call it again with the rest until then.
    ///
    /// # Errors
    /// What the server did wrong: the client is closed, and a close frame is in `transmit`.
    pub fn next<'d>(
        &mut self,
        now: Time,
        data: &mut &'d mut [u8],
        transmit: &mut Transmit,
    ) -> Result<Option<Event<'d>>, ClientError> {
        self.advance(now, data, transmit).map_err(|error| self.fail(error, transmit))
    }

    /// When [`Self::timeout`] is due; `None` once closed.
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Opening { until, .. }
            | State::Greeting { until }
            | State::Open { until, .. }
            | State::Closing { until } => Some(until),
            State::Closed => None,
        }
    }

    /// Ends what has taken too long; harmless if nothing has. A farewell that was not answered in
    /// time just closes.
    ///
    /// # Errors
    /// What was waited for: the client is closed, and a close frame may be in `transmit`.
    pub fn timeout(&mut self, now: Time, transmit: &mut Transmit) -> Result<(), ClientError> {
        if self.deadline().is_none_or(|until| now < until) {
            return Ok(());
        }
        let error = match &self.state {
            State::Opening { opening, .. } if opening.is_refused() => opening.end().into(),
            State::Opening { .. } | State::Greeting { .. } => ClientError::OpeningTimeout,
            State::Open { .. } => ClientError::PingTimeout,
            State::Closing { .. } | State::Closed => {
                self.state = State::Closed;
                return Ok(());
            }
        };
        Err(self.fail(error, transmit))
    }

    /// The stream has ended: no more bytes will come. Harmless after a farewell.
    ///
    /// # Errors
    /// What was lost by it.
    pub fn end(&mut self) -> Result<(), ClientError> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Opening { opening, .. } => Err(opening.end().into()),
            State::Greeting { .. } => Err(OpeningError::Ended.into()),
            State::Open { .. } => Err(ClientError::ConnectionLost),
            State::Closing { .. } | State::Closed => Ok(()),
        }
    }

    /// True once nothing more can happen; the stream can be dropped when `transmit` is written.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Says good-bye in every namespace and closes; [`Event::Closed`] follows.
    pub fn close(&mut self, now: Time, transmit: &mut Transmit) {
        match self.state {
            State::Opening { .. } => self.state = State::Closed,
            State::Greeting { .. } | State::Open { .. } => {
                for name in self.sockets.names() {
                    transmit.text(&format!("41{}", prefix(name)));
                }
                transmit.close(Some(close_code::NORMAL));
                self.state = State::Closing { until: now + CLOSE_TIMEOUT };
            }
            State::Closing { .. } | State::Closed => {}
        }
    }

    fn advance<'d>(
        &mut self,
        now: Time,
        data: &mut &'d mut [u8],
        transmit: &mut Transmit,
    ) -> Result<Option<Event<'d>>, ClientError> {
        if let State::Opening { opening, until } = &mut self.state {
            if !opening.read(data)? {
                return Ok(None);
            }
            self.state = State::Greeting { until: *until };
        }
        loop {
            if self.is_closed() {
                *data = &mut [];
                return Ok(None);
            }
            let Some(message) = self.decoder.next(data)? else { return Ok(None) };
            let event = match message {
                Message::Text(text) => self.text(now, text, transmit)?,
                Message::Binary(bytes) => self.bytes(&bytes)?,
                Message::Ping(bytes) => self.pong(&bytes, transmit),
                Message::Pong(_) => None,
                Message::Close(code) => Some(self.closed_by(code, transmit)),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// One Engine.IO packet.
    fn text<'d>(
        &mut self,
        now: Time,
        text: Cow<'d, str>,
        transmit: &mut Transmit,
    ) -> Result<Option<Event<'d>>, ClientError> {
        match (&mut self.state, Packet::decode(&text)?) {
            (State::Closing { .. }, _) => Ok(None),
            (State::Greeting { .. }, Packet::Open(json)) => self.greeted(now, json).map(Some),
            (State::Open { .. }, Packet::Text(_)) => self.sockets.text(text),
            (State::Open { silence, until, .. }, Packet::Ping(data)) => {
                *until = now + *silence;
                transmit.text(&format!("3{data}"));
                Ok(None)
            }
            (State::Open { .. }, Packet::Noop) => Ok(None),
            (State::Open { .. }, Packet::Close) => {
                transmit.close(Some(close_code::NORMAL));
                self.state = State::Closed;
                Ok(Some(Event::Closed(CloseReason::Server)))
            }
            (State::Open { .. }, _) => Err(ClientError::UnexpectedPacket),
            (State::Greeting { .. } | State::Opening { .. } | State::Closed, _) => {
                Err(ClientError::Greeting)
            }
        }
    }

    fn greeted(&mut self, now: Time, json: &str) -> Result<Event<'static>, ClientError> {
        let handshake: Handshake = serde_json::from_str(json).map_err(|_| ClientError::Greeting)?;
        let silence = handshake.ping_interval.saturating_add(handshake.ping_timeout);
        let silence = Duration::from_millis(silence).min(MAX_SILENCE);
        let max_payload = usize::try_from(handshake.max_payload).unwrap_or(usize::MAX);
        self.state = State::Open { silence, until: now + silence, max_payload };
        Ok(Event::Open(handshake))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<Option<Event<'static>>, ClientError> {
        match self.state {
            State::Open { .. } => self.sockets.bytes(bytes),
            State::Closing { .. } => Ok(None),
            State::Opening { .. } | State::Greeting { .. } | State::Closed => {
                Err(ClientError::Greeting)
            }
        }
    }

    /// After our close frame nothing may follow (RFC 6455 § 5.5.1).
    fn pong<T>(&self, payload: &[u8], transmit: &mut Transmit) -> Option<T> {
        if !matches!(self.state, State::Closing { .. }) {
            transmit.frame(Opcode::Pong, payload);
        }
        None
    }

    /// The server's close frame has come.
    fn closed_by(&mut self, code: Option<u16>, transmit: &mut Transmit) -> Event<'static> {
        let before = std::mem::replace(&mut self.state, State::Closed);
        if matches!(before, State::Closing { .. }) {
            return Event::Closed(CloseReason::Ours);
        }
        transmit.close(code);
        Event::Closed(CloseReason::ServerCode(code))
    }

    fn fail(&mut self, error: ClientError, transmit: &mut Transmit) -> ClientError {
        let is_closing = matches!(self.state, State::Closing { .. });
        self.state = State::Closed;
        if let Some(code) = error.close_code().filter(|_| !is_closing) {
            transmit.close(Some(code));
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use parlor_shared::socket_io::Frame;

    use super::super::peer::{GREETING, Peer, switching_protocols};
    use super::*;

    const fn ms(ms: u64) -> Time {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_session_opens_when_the_greeting_comes() {
        let mut peer = Peer::upgraded(Limits::default());
        let events = peer.says(GREETING).unwrap();
        let [Event::Open(handshake)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((handshake.sid.as_str(), handshake.ping_interval), ("s", 1000));
        assert!(peer.hears().is_empty());
    }

    #[test]
    fn frames_right_behind_the_answer_are_understood() {
        let mut peer = Peer::new(Limits::default());
        let request = String::from_utf8(std::mem::take(&mut peer.transmit.bytes)).unwrap();
        let mut bytes = switching_protocols(&request).into_bytes();
        let greeting = Frame::engine(GREETING);
        bytes.extend_from_slice(greeting.wire());
        assert!(matches!(peer.gives(&bytes).unwrap()[..], [Event::Open(_)]));
    }

    #[test]
    fn anything_but_a_greeting_first_is_an_error() {
        for first in ["2", "40", "0{}", "0", "1"] {
            let error = Peer::upgraded(Limits::default()).says(first).unwrap_err();
            assert!(matches!(error, ClientError::Greeting), "{first}: {error}");
        }
        let error = Peer::upgraded(Limits::default()).sends(Opcode::Binary, b"x").unwrap_err();
        assert!(matches!(error, ClientError::Greeting));
    }

    #[test]
    fn pings_are_answered_with_their_data_and_put_off_the_end() {
        let mut peer = Peer::open();
        assert_eq!(peer.client.deadline(), Some(ms(1500)));
        peer.now = ms(1400);
        assert!(peer.says("2data").unwrap().is_empty());
        assert!(peer.sends(Opcode::Ping, b"ab").unwrap().is_empty());
        assert_eq!(peer.hears(), ["3data", "pong [97, 98]"]);
        assert_eq!(peer.client.deadline(), Some(ms(2900)));
    }

    #[test]
    fn a_server_that_never_pings_is_gone_after_interval_plus_timeout() {
        let mut peer = Peer::open();
        assert!(peer.client.timeout(ms(1499), &mut peer.transmit).is_ok());
        let error = peer.client.timeout(ms(1500), &mut peer.transmit).unwrap_err();
        assert!(matches!(error, ClientError::PingTimeout));
        assert_eq!(peer.hears(), ["close Some(1001)"]);
        assert!(peer.client.is_closed() && peer.client.deadline().is_none());
        assert!(peer.client.timeout(ms(9999), &mut peer.transmit).is_ok(), "harmless");
    }

    #[test]
    fn a_server_that_does_not_open_in_time_is_given_up() {
        let mut silent = Peer::new(Limits::default());
        let error = silent.client.timeout(ms(10_000), &mut silent.transmit).unwrap_err();
        assert!(matches!(error, ClientError::OpeningTimeout));
        let mut half = Peer::upgraded(Limits::default());
        let error = half.client.timeout(ms(10_000), &mut half.transmit).unwrap_err();
        assert!(matches!(error, ClientError::OpeningTimeout));
        let mut refused = Peer::new(Limits::default());
        refused.gives(b"HTTP/1.1 403 x\r\n\r\nno").unwrap();
        let error = refused.client.timeout(ms(10_000), &mut refused.transmit).unwrap_err();
        assert!(matches!(error, ClientError::Opening(OpeningError::Refused { status: 403, .. })));
    }

    #[test]
    fn intervals_without_measure_do_not_overflow() {
        let mut peer = Peer::upgraded(Limits::default());
        let max = u64::MAX.to_string();
        let greeting = GREETING.replace("1000", &max).replace("500", &max);
        assert_eq!(peer.says(&greeting).unwrap().len(), 1);
        assert_eq!(peer.client.deadline(), Some(MAX_SILENCE));
    }

    #[test]
    fn the_server_may_end_the_session_in_two_ways() {
        let mut peer = Peer::open();
        let events = peer.says("1").unwrap();
        assert!(matches!(events[..], [Event::Closed(CloseReason::Server)]), "{events:?}");
        assert_eq!(peer.hears(), ["close Some(1000)"]);

        for (payload, code) in [(&[][..], None), (&[3, 233][..], Some(1001))] {
            let mut peer = Peer::open();
            let events = peer.sends(Opcode::Close, payload).unwrap();
            let [Event::Closed(CloseReason::ServerCode(seen))] = events[..] else {
                panic!("{events:?}")
            };
            assert_eq!(seen, code);
            assert_eq!(peer.hears(), [format!("close {code:?}")]);
            assert!(peer.client.end().is_ok(), "the stream may end now");
        }
    }

    #[test]
    fn closing_says_good_bye_everywhere_and_waits_for_the_answer() {
        let mut peer = Peer::connected("/a");
        peer.client.close(ms(100), &mut peer.transmit);
        assert_eq!(peer.hears(), ["41/a,", "close Some(1000)"]);
        assert!(peer.says(r#"42/a,["late"]"#).unwrap().is_empty());
        assert!(peer.sends(Opcode::Binary, b"late").unwrap().is_empty());
        assert!(peer.sends(Opcode::Ping, b"late").unwrap().is_empty());
        assert!(peer.hears().is_empty(), "nothing follows a close frame");
        let events = peer.sends(Opcode::Close, &[3, 232]).unwrap();
        assert!(matches!(events[..], [Event::Closed(CloseReason::Ours)]));
        assert!(peer.hears().is_empty());
        assert!(peer.says("2").unwrap().is_empty(), "nothing happens any more");
    }

    #[test]
    fn a_farewell_without_answer_ends_by_itself() {
        let mut peer = Peer::open();
        peer.client.close(ms(100), &mut peer.transmit);
        assert_eq!(peer.client.deadline(), Some(ms(5100)));
        assert!(peer.client.timeout(ms(5100), &mut peer.transmit).is_ok());
        assert!(peer.client.is_closed());
    }

    #[test]
    fn a_stream_that_just_ends_is_a_lost_connection() {
        assert!(matches!(Peer::open().client.end(), Err(ClientError::ConnectionLost)));
        let mut early = Peer::upgraded(Limits::default());
        assert!(matches!(early.client.end(), Err(ClientError::Opening(OpeningError::Ended))));
    }

    #[test]
    fn what_a_server_may_not_send_closes_with_a_code() {
        type Is = fn(&ClientError) -> bool;
        let bad: [(&[u8], Is, &str); 8] = [
            (b"\x81\x015", |e| matches!(e, ClientError::UnexpectedPacket), "close Some(1002)"),
            (b"\x81\x013", |e| matches!(e, ClientError::UnexpectedPacket), "close Some(1002)"),
            (b"\x81\x01x", |e| matches!(e, ClientError::EnginePacket(_)), "close Some(1002)"),
            (b"\x81\x00", |e| matches!(e, ClientError::EnginePacket(_)), "close Some(1002)"),
            (b"\x81\x02\xff\xff", |e| matches!(e, ClientError::WebSocket(_)), "close Some(1007)"),
            (b"\xf1garbage", |e| matches!(e, ClientError::WebSocket(_)), "close Some(1002)"),
            (b"\x81\x81abcd4", |e| matches!(e, ClientError::WebSocket(_)), "close Some(1002)"),
            (b"\x81\x7e\x03\xe9", |e| matches!(e, ClientError::WebSocket(_)), "close Some(1009)"),
        ];
        for (bytes, is_right, close) in bad {
            let mut peer = Peer::open();
            let error = peer.gives(bytes).unwrap_err();
            assert!(is_right(&error), "{bytes:?}: {error}");
            assert_eq!(peer.hears(), [close], "{bytes:?}");
            assert!(peer.client.is_closed());
        }
        assert!(matches!(Peer::open().says(GREETING), Err(ClientError::UnexpectedPacket)));
    }

    #[test]
    fn the_same_bytes_mean_the_same_however_they_are_cut() {
        let mut wire = Vec::new();
        for text in [r#"42/a,["m",1]"#, "2", r#"451-/a,["b",{"_placeholder":true,"num":0}]"#] {
            wire.extend_from_slice(Frame::engine(text).wire());
        }
        wire.extend_from_slice(Frame::message_binary(&[1; 200]).wire());
        wire.extend_from_slice(Frame::close(Some(1001), "").wire());
        let run = |step: usize| {
            let mut peer = Peer::connected("/a");
            let pieces = wire.chunks(step).map(|piece| peer.gives(piece).unwrap());
            let events: Vec<String> = pieces.flatten().map(|e| format!("{e:?}")).collect();
            (events, peer.hears())
        };
        let whole = run(10_000);
        assert_eq!(
            (whole.0.len(), whole.1.as_slice()),
            (3, &["3", "close Some(1001)"].map(str::to_owned)[..])
        );
        for step in [1, 2, 3, 7, 50] {
            assert_eq!(run(step), whole, "step {step}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut wire = Frame::engine(r#"42/a,7["m",{"x":[1,"\ud800"]}]"#).wire().to_vec();
        for text in ["43/a,0[1]", r#"451-/a,["b",{"_placeholder":true,"num":0}]"#, "41/a,", "1"] {
            wire.extend_from_slice(Frame::engine(text).wire());
            wire.extend_from_slice(Frame::message_binary(&[1; 3]).wire());
        }
        for seed in 0..3000 {
            let mut random = crate::Random::seeded(seed);
            let mut bytes = wire.clone();
            for _ in 0..1 + random.bits() % 4 {
                let at = random.bits() as usize % bytes.len();
                bytes[at] ^= 1 << (random.bits() % 8);
            }
            let mut peer = if seed % 3 == 0 {
                Peer::upgraded(Limits::default())
            } else {
                Peer::connected("/a")
            };
            // An error is as good as an event here.
            let _ = peer.gives(&bytes);
        }
    }

    #[test]
    fn an_idle_client_is_small() {
        assert!(size_of::<Client>() <= 400, "{} bytes", size_of::<Client>());
    }
}

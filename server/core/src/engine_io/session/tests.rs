//! Sessions in virtual time, with the driver's half of each played by a [`Script`].
//! One file per subject below; what is the same in all of them stands here.

mod closing;
mod heartbeat;
mod polling;
mod queue;
mod random;
mod upgrade;
mod views;

use parlor_shared::websocket::{MAX_HEADER_BYTES, Opcode};

use super::*;

/// A session and what its driver does: fires deadlines, answers GETs, writes to the WebSocket.
struct Script {
    session: Session,
    now: Time,
    /// Written to the WebSocket, but not a whole frame yet.
    wire: Vec<u8>,
    /// The last word of polling, if an upgrade ended a GET.
    last_answer: Option<String>,
    views: views::Shelf,
}

impl Script {
    /// A session whose client has read the greeting.
    fn open(transport: Transport, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings =
            Settings { max_burst_bytes: 0, max_volatile_keys: 8, ..Settings::default() };
        change(&mut settings);
        let now = Time::after_start(Duration::from_secs(1000));
        let session = Session::open(now, transport, "0{}", Arc::new(settings));
        let views = views::Shelf::default();
        let mut script = Self { session, now, wire: Vec::new(), last_answer: None, views };
        match transport {
            Transport::Polling => assert_eq!(script.get().as_deref(), Some("0{}")),
            Transport::WebSocket => assert_eq!(script.read(), ["0{}"]),
        }
        script
    }

    fn polling() -> Self {
        Self::open(Transport::Polling, |_| ())
    }

    fn websocket() -> Self {
        Self::open(Transport::WebSocket, |_| ())
    }

    fn tell(&mut self, input: SessionInput<'_>) -> Vec<SessionEffect> {
        let mut effects = Vec::new();
        self.session.handle(self.now, input, &mut effects);
        if effects.contains(&SessionEffect::Upgraded) {
            self.last_answer = self.session.upgrade().map(readable);
        }
        effects
    }

    fn packet(&mut self, text: &str) -> Vec<SessionEffect> {
        let packet = Packet::decode(text).unwrap();
        self.tell(SessionInput::Packet(&packet))
    }

    fn candidate(&mut self, text: &str) -> Vec<SessionEffect> {
        let packet = Packet::decode(text).unwrap();
        self.tell(SessionInput::CandidatePacket(&packet))
    }

    fn send(&mut self, text: &str) -> Vec<SessionEffect> {
        self.tell(SessionInput::Send(Frame::message_text(text), Delivery::Reliable))
    }

    fn volatile(&mut self, key: u64, text: &str) -> Vec<SessionEffect> {
        self.tell(SessionInput::Send(Frame::message_text(text), Delivery::Volatile { key }))
    }

    fn close(&mut self, reason: CloseReason) -> Vec<SessionEffect> {
        self.tell(SessionInput::Close(reason))
    }

    /// Opens a GET that must be admitted; its answer, if it gets one at once.
    fn get(&mut self) -> Option<String> {
        assert_eq!(self.tell(SessionInput::PollOpened), [], "the GET is admitted");
        self.answer()
    }

    /// The answer to the GET that waits.
    fn answer(&mut self) -> Option<String> {
        self.session.poll_answer(&mut self.views).map(readable)
    }

    /// Lets the WebSocket take `n` bytes, or as many as there are.
    fn write(&mut self, n: usize) {
        let chunks = self.session.poll_transmit(&mut self.views);
        let chunks: Vec<u8> = chunks.flatten().copied().take(n).collect();
        self.session.written(self.now, chunks.len());
        self.wire.extend(chunks);
    }

    /// Lets the WebSocket take everything; the whole frames its client has then read.
    fn read(&mut self) -> Vec<String> {
        while self.session.poll_transmit(&mut self.views).next().is_some() {
            self.write(usize::MAX);
        }
        let mut frames = Vec::new();
        while let Some((frame, length)) = first_frame(&self.wire) {
            frames.push(frame);
            self.wire.drain(..length);
        }
        frames
    }

    /// Lets time pass; each deadline on the way is fired when it is due.
    fn wait(&mut self, ms: u64) -> Vec<SessionEffect> {
        let end = self.now + Duration::from_millis(ms);
        let mut effects = Vec::new();
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            effects.extend(self.tell(SessionInput::Timeout));
        }
        self.now = end;
        effects
    }

    /// Lets time pass while nobody looks at the deadlines.
    fn sleep(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }
}

fn readable(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap().replace('\x1e', "|")
}

/// The frame at the front and its length: a text as it is, anything else with its kind in front.
fn first_frame(wire: &[u8]) -> Option<(String, usize)> {
    let (first, second) = (*wire.first()?, *wire.get(1)?);
    assert_eq!((first & 0xf0, second & 0x80), (0x80, 0), "one final unmasked frame");
    let wide = |n: usize| {
        let bytes = wire.get(2..2 + n)?;
        Some((2 + n, bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))))
    };
    let (head, length) = match second {
        126 => wide(2)?,
        127 => wide(8)?,
        short => (2, usize::from(short)),
    };
    assert!(head <= MAX_HEADER_BYTES);
    let payload = wire.get(head..head + length)?;
    let text = String::from_utf8_lossy(payload);
    let close = || match payload {
        [] => "close".to_owned(),
        [a, b, words @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            format!("close {code} {}", String::from_utf8_lossy(words)).trim_end().to_owned()
        }
        [_] => panic!("half a close code"),
    };
    let frame = match first & 0x0f {
        op if op == Opcode::Text as u8 => text.into_owned(),
        op if op == Opcode::Binary as u8 => format!("binary {text}"),
        op if op == Opcode::Pong as u8 => format!("pong {text}"),
        op if op == Opcode::Close as u8 => close(),
        op => panic!("opcode {op}"),
    };
    Some((frame, head + length))
}

fn closed(reason: CloseReason) -> [SessionEffect; 1] {
    [SessionEffect::Closed(reason)]
}

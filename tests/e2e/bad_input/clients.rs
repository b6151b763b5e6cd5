//! The clients of the rows: a bare connection, a session that polls, and one by either transport
//! that speaks Socket.IO. What a server has cut may be written to all the same: it may be cut
//! while it is still being told.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parlor_server::Transport;
use parlor_shared::websocket::{Opcode, write_masked_frame};
use parlor_tests::harness::{Received, WebSocket, connect};

use super::POLLING;

/// A connection and what was read of it.
pub(super) struct Raw {
    pub(super) stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(':'));
        headers
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// It is one of Engine.IO's errors.
    pub(super) fn assert_error(&self, code: u8, message: &str) {
        let body = format!(r#"{{"code":{code},"message":"{message}"}}"#);
        assert_eq!((self.status, self.body.as_str()), (400, body.as_str()), "{}", self.head);
    }

    pub(super) fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}{}", self.head, self.body);
    }
}

impl Raw {
    pub(super) fn open(server: SocketAddr) -> Self {
        let stream = connect(server).unwrap();
        Self { stream, unread: Vec::new() }
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        match self.stream.write_all(bytes.as_ref()) {
            Err(error) if !is_gone(&error) => panic!("{error}"),
            _ => {}
        }
    }

    pub(super) fn ask(&mut self, request: &str) -> Answer {
        self.send(request);
        self.answer()
    }

    pub(super) fn answer(&mut self) -> Answer {
        self.answer_or_end().expect("an answer")
    }

    /// The next answer; `None` if the connection ends without one.
    pub(super) fn answer_or_end(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read() {
                assert!(self.unread.is_empty(), "half an answer: {}", self.seen());
                return None;
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.read(), "half a body: {}", self.seen());
        }
        answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        Some(answer)
    }

    /// Nothing else comes before the server closes.
    pub(super) fn assert_ends(&mut self) {
        while self.read() {}
        assert!(self.unread.is_empty(), "{}", self.seen());
    }

    /// All that comes before the server closes.
    pub(super) fn read_to_end(&mut self) -> String {
        while self.read() {}
        self.seen()
    }

    /// True once the server has closed; the time-out of the stream says how long that is awaited.
    pub(super) fn has_ended(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(n) => n == 0,
            Err(error) => is_gone(&error),
        }
    }

    pub(super) fn finish_writing(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads some; false at the end.
    fn read(&mut self) -> bool {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part) {
            Ok(0) => false,
            Ok(n) => {
                self.unread.extend_from_slice(&part[..n]);
                true
            }
            Err(error) if is_gone(&error) => false,
            Err(error) => panic!("nothing came in time ({error}) after {:?}", self.seen()),
        }
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted)
}

/// A session that polls. It says good-bye when it is dropped.
pub(super) struct Polling {
    server: SocketAddr,
    pub(super) sid: String,
    arrived: VecDeque<String>,
    is_open: bool,
}

impl Polling {
    pub(super) fn open(server: SocketAddr) -> Self {
        let open = format!("GET {POLLING} HTTP/1.1\r\nHost: test\r\n\r\n");
        Self::opened(server, &Raw::open(server).ask(&open))
    }

    /// The session that this answer opened.
    pub(super) fn opened(server: SocketAddr, answer: &Answer) -> Self {
        answer.assert_status(200);
        let sid = answer.body.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        let sid = sid.to_owned();
        Self { server, sid, arrived: VecDeque::new(), is_open: true }
    }

    pub(super) fn path(&self) -> String {
        format!("{POLLING}&sid={}", self.sid)
    }

    /// The head of a request, but for its last empty line.
    pub(super) fn head(&self, method: &str) -> String {
        format!("{method} {} HTTP/1.1\r\nHost: test\r\n", self.path())
    }

    pub(super) fn get(&self) -> Answer {
        Raw::open(self.server).ask(&format!("{}\r\n", self.head("GET")))
    }

    pub(super) fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post_as("", body)
    }

    /// With more headers, each with its line end.
    pub(super) fn post_as(&self, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let mut raw = Raw::open(self.server);
        let head = self.head("POST");
        raw.send(
            [format!("{head}{headers}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
                .concat(),
        );
        raw.answer()
    }

    fn next(&mut self) -> String {
        loop {
            if let Some(packet) = self.arrived.pop_front() {
                match packet.as_str() {
                    "2" => self.post("3").assert_status(200),
                    "6" => {}
                    _ => return packet,
                }
                continue;
            }
            let answer = self.get();
            answer.assert_status(200);
            self.arrived.extend(answer.body.split('\x1e').map(str::to_owned));
        }
    }

    /// It goes on as if nothing had been.
    pub(super) fn assert_lives(&mut self) {
        self.post("40").assert_status(200);
        assert!(self.next().starts_with("40{"));
        assert_eq!(self.next(), r#"42["auth",{}]"#);
        self.post(r#"421["message-with-ack","alive"]"#).assert_status(200);
        assert_eq!(self.next(), r#"431["alive"]"#);
    }

    /// It is over: what comes of it, if anything, is a last word.
    pub(super) fn assert_ended(&mut self) {
        self.is_open = false;
        let mut answer = self.get();
        if answer.status == 200 {
            assert!(["1", "6\x1e1"].contains(&answer.body.as_str()), "{:?}", answer.body);
            answer = self.get();
        }
        answer.assert_error(1, "Session ID unknown");
    }

    /// Ends it, if it has not ended.
    pub(super) fn leave(mut self) {
        self.is_open = false;
        self.post("1");
    }

    /// It goes on by another transport.
    pub(super) fn moved(&mut self) {
        self.is_open = false;
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        if self.is_open && !std::thread::panicking() {
            self.post("1").assert_status(200);
        }
    }
}

/// A client that speaks Socket.IO by either transport.
pub(super) enum Client {
    Polling(Polling),
    WebSocket(Box<WebSocket>),
}

impl Client {
    /// A session that has joined nothing.
    pub(super) fn open(server: SocketAddr, transport: Transport) -> Self {
        match transport {
            Transport::Polling => Self::Polling(Polling::open(server)),
            Transport::WebSocket => {
                let mut socket = WebSocket::open(server, "").unwrap();
                assert!(socket.text().unwrap().starts_with("0{"));
                Self::WebSocket(Box::new(socket))
            }
        }
    }

    /// A client of the main namespace.
    pub(super) fn join(server: SocketAddr, transport: Transport) -> Self {
        let mut client = Self::open(server, transport);
        client.send("40");
        let welcome = client.next();
        assert!(welcome.starts_with("40{"), "{welcome}");
        client.expect(r#"42["auth",{}]"#);
        client
    }

    /// Says a packet, whether it is one or not.
    pub(super) fn send(&mut self, packet: &str) {
        match self {
            Self::Polling(polling) => drop(polling.post(packet)),
            Self::WebSocket(socket) => {
                let mut frame = Vec::new();
                write_masked_frame(&mut frame, Opcode::Text, packet.as_bytes(), [7, 1, 8, 2]);
                // It may be cut already.
                let _ = socket.write(&frame);
            }
        }
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        match self {
            Self::Polling(polling) => drop(polling.post(format!("b{}", STANDARD.encode(bytes)))),
            Self::WebSocket(socket) => {
                let mut frame = Vec::new();
                write_masked_frame(&mut frame, Opcode::Binary, bytes, [7, 1, 8, 2]);
                let _ = socket.write(&frame);
            }
        }
    }

    /// The next packet; bytes as polling writes them.
    pub(super) fn next(&mut self) -> String {
        match self {
            Self::Polling(polling) => polling.next(),
            Self::WebSocket(socket) => match socket.receive().unwrap() {
                Received::Text(text) => text,
                Received::Binary(bytes) => format!("b{}", STANDARD.encode(bytes)),
                other => panic!("{other:?}"),
            },
        }
    }

    pub(super) fn expect(&mut self, packet: &str) {
        let next = self.next();
        assert_eq!(next, packet);
    }

    pub(super) fn assert_echoes(&mut self) {
        self.send(r#"421["message-with-ack","served"]"#);
        self.expect(r#"431["served"]"#);
    }

    /// It is cut before anything else comes.
    pub(super) fn assert_ends(self) {
        match self {
            Self::Polling(mut polling) => polling.assert_ended(),
            Self::WebSocket(mut socket) => {
                let last = socket.receive().unwrap();
                assert!(matches!(last, Received::Close(_)), "{last:?}");
            }
        }
    }
}

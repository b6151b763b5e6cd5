//! Plays scripts against a real server, in real time: TCP connections on 127.0.0.1, plain HTTP
//! and WebSocket frames written by hand. Every wait is for an event, with a deadline.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use parlor_server::Running;
use socket2::SockRef;

use super::{Arrived, Came, Line, Loss, Net, Request, frame::Reader, script::Story};
use crate::{
    app,
    harness::{self, get},
};

/// No answer takes longer, on a busy machine in a debug build. The server's own timers that a
/// story does not set are longer, so that they cannot stand in for what is expected.
const DEADLINE: Duration = Duration::from_secs(8);

/// Bytes that the kernel keeps for a client that does not read, and for one that does.
const STALLED_BUFFER_BYTES: usize = 16 * 1024;
const READING_BUFFER_BYTES: usize = 1 << 20;

pub(super) struct Tcp {
    running: Option<Running>,
    address: SocketAddr,
    path: &'static str,
    start: Instant,
    lines: Vec<Connection>,
    /// How many sessions have ended, by reason, as far as the story has told.
    n_ended: BTreeMap<String, usize>,
}

struct Connection {
    stream: Option<TcpStream>,
    kind: Kind,
    /// Read, but not wanted yet.
    arrived: VecDeque<Arrived>,
}

enum Kind {
    Http,
    WebSocket(Reader),
}

impl Tcp {
    /// A server for this story alone.
    pub(super) fn start(story: &Story, shards: u16) -> Result<Self> {
        let mut config = app::config();
        config.server.shards = shards.into();
        let session = &story.settings.session;
        let ms = |duration: Duration| u64::try_from(duration.as_millis());
        config.engine.ping_interval_ms = ms(session.ping_interval)?;
        config.engine.ping_timeout_ms = ms(session.ping_timeout)?;
        config.engine.upgrade_timeout_ms = ms(session.upgrade_timeout)?;
        config.engine.connect_timeout_ms = ms(story.settings.connect_timeout)?;
        config.engine.max_payload = session.max_payload;
        config.limits.max_queue_bytes = session.max_queue_bytes;
        config.limits.max_burst_bytes = session.max_burst_bytes;
        config.limits.write_stall_timeout_ms = ms(session.write_stall_timeout)?;
        // Whatever a story leaves open ends with the server.
        config.shutdown.timeout_ms = 0;
        let running = story.app.server(config).start(("127.0.0.1", 0))?;
        Ok(Self {
            address: running.address(),
            running: Some(running),
            path: story.app.path(),
            start: Instant::now(),
            lines: Vec::new(),
            n_ended: BTreeMap::new(),
        })
    }

    fn add(&mut self, stream: TcpStream, kind: Kind) -> Line {
        self.lines.push(Connection { stream: Some(stream), kind, arrived: VecDeque::new() });
        self.lines.len() - 1
    }

    fn line(&mut self, line: Line) -> Result<&mut Connection> {
        self.lines.get_mut(line).context("no such connection")
    }
}

impl Net for Tcp {
    fn is_exact(&self) -> bool {
        false
    }

    fn request(&mut self, request: Request) -> Result<Line> {
        let mut stream = connect(self.address)?;
        let sid = request.sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
        let usual = format!("EIO=4&transport=polling{sid}");
        let query = request.query.unwrap_or(usual);
        let mut wire = format!("{} {}?{query} HTTP/1.1\r\n", request.method, self.path);
        wire.push_str("Host: test\r\nConnection: close\r\n");
        for (name, value) in &request.headers {
            wire.push_str(&format!("{name}: {value}\r\n"));
        }
        if request.method == "POST" {
            let more = if request.is_whole { 0 } else { 100 };
            wire.push_str(&format!("Content-Length: {}\r\n", request.body.len() + more));
        }
        if !request.is_whole {
            wire.push_str("Expect: 100-continue\r\n");
        }
        wire.push_str("\r\n");
        stream.write_all(wire.as_bytes())?;
        if !request.is_whole {
            // The server says so when it reads the body, and so has begun with the request.
            let head = read_head(&mut stream)?;
            ensure!(head.starts_with("HTTP/1.1 100"), "no body is wanted: {head}");
        }
        write(&mut stream, &request.body)?;
        Ok(self.add(stream, Kind::Http))
    }

    fn websocket(&mut self, sid: Option<&str>) -> Result<Line> {
        let mut stream = connect(self.address)?;
        let sid = sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
        write!(
            stream,
            "GET {}?EIO=4&transport=websocket{sid} HTTP/1.1\r\nHost: test\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.path
        )?;
        let head = read_head(&mut stream)?;
        if head.starts_with("HTTP/1.1 101") {
            return Ok(self.add(stream, Kind::WebSocket(Reader::default())));
        }
        let answer = (self.start.elapsed(), read_body(&mut stream, &head)?);
        let line = self.add(stream, Kind::Http);
        self.line(line)?.arrived.push_back(answer);
        Ok(line)
    }

    fn write(&mut self, line: Line, bytes: &[u8]) -> Result<()> {
        let stream = self.line(line)?.stream.as_mut().context("the connection is lost")?;
        write(stream, bytes)
    }

    fn lose(&mut self, line: Line, loss: Loss) -> Result<()> {
        let stream = self.line(line)?.stream.take().context("the connection is lost")?;
        match loss {
            // The stream is kept until its server has seen that, and closed it.
            Loss::HangUp => {
                stream.shutdown(Shutdown::Write)?;
                self.line(line)?.stream = Some(stream);
            }
            Loss::Reset => SockRef::from(&stream).set_linger(Some(Duration::ZERO))?,
        }
        Ok(())
    }

    fn set_reading(&mut self, line: Line, reads: bool) -> Result<()> {
        let stream = self.line(line)?.stream.as_ref().context("the connection is lost")?;
        let bytes = if reads { READING_BUFFER_BYTES } else { STALLED_BUFFER_BYTES };
        Ok(SockRef::from(stream).set_recv_buffer_size(bytes)?)
    }

    fn receive(&mut self, line: Line, _: Duration) -> Result<Option<Arrived>> {
        let start = self.start;
        let connection = self.line(line)?;
        if let Some(arrived) = connection.arrived.pop_front() {
            return Ok(Some(arrived));
        }
        let stream = connection.stream.as_mut().context("the connection is lost")?;
        let came = match &mut connection.kind {
            Kind::Http => read_head(stream).and_then(|head| read_body(stream, &head)).map(Some),
            Kind::WebSocket(reader) => read_frame(stream, reader),
        };
        Ok(came?.map(|came| (start.elapsed(), came)))
    }

    fn put_back(&mut self, line: Line, arrived: Arrived) {
        if let Some(connection) = self.lines.get_mut(line) {
            connection.arrived.push_front(arrived);
        }
    }

    /// What the server counts is all that can be seen from outside.
    fn ended(&mut self, _: &str, reason: &str, _: Duration) -> Result<Duration> {
        let n = self.n_ended.entry(reason.to_owned()).or_default();
        *n += 1;
        let counted = format!("parlor_sessions_closed_total{{reason=\"{reason}\"}} {n}\n");
        let begun = Instant::now();
        loop {
            let page = get(self.address, "/metrics")?;
            if page.contains(&counted) {
                return Ok(self.start.elapsed());
            }
            if begun.elapsed() > DEADLINE {
                let ends: Vec<&str> =
                    page.lines().filter(|line| line.contains("sessions_closed_total{")).collect();
                bail!("not ended for that reason, but {ends:?}");
            }
        }
    }

    fn pass(&mut self, _: Duration) -> Result<()> {
        bail!("real time does not jump")
    }

    fn finish(&mut self) -> Result<()> {
        self.lines.clear();
        let running = self.running.take().context("finished twice")?;
        running.stop();
        Ok(running.wait()?)
    }
}

impl Drop for Tcp {
    /// A story that failed has not ended its server.
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.stop();
        }
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = harness::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// A server that has closed takes no more; what it said before tells why.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    match stream.write_all(bytes) {
        Err(error) if is_gone(&error) => Ok(()),
        written => Ok(written?),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn read_frame(stream: &mut TcpStream, reader: &mut Reader) -> Result<Option<Came>> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some(came) = reader.next()? {
            return Ok(Some(came));
        }
        match stream.read(&mut buffer) {
            Ok(0) => {
                ensure!(!reader.is_half(), "the connection ended in the middle of a frame");
                return Ok(Some(Came::End));
            }
            Ok(n) => reader.push(&buffer[..n]),
            Err(error) if is_gone(&error) => return Ok(Some(Came::End)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// An answer up to its empty line, letter by letter so that nothing behind it is taken.
fn read_head(stream: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).context("no answer, or half of one")?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head)?)
}

fn read_body(stream: &mut TcpStream, head: &str) -> Result<Came> {
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.context("an answer without content-length")?];
    stream.read_exact(&mut body).context("half a body")?;
    Ok(Came::Answer(status, body))
}

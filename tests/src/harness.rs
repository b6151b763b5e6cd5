//! A bare client for tests of the real server: HTTP and WebSocket over a TCP stream, nothing that
//! knows Socket.IO. Every wait has a deadline.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use parlor_shared::websocket::{Decoder, Limits, Message, Opcode, Role, write_masked_frame};

/// No answer takes longer, on a busy machine in a debug build.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Sends one request and reads the answer to its end.
///
/// # Errors
/// If the server is not there, or does not answer in time.
pub fn request(server: SocketAddr, head: &str) -> Result<String> {
    let mut stream = connect(server)?;
    stream.write_all(format!("{head}\r\nHost: test\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// `GET path`.
///
/// # Errors
/// As [`request`].
pub fn get(server: SocketAddr, path: &str) -> Result<String> {
    request(server, &format!("GET {path} HTTP/1.1"))
}

/// A TCP connection that does not wait for ever, and sends each piece when it is written.
///
/// # Errors
/// If the server is not there.
pub fn connect(server: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A WebSocket on the Socket.IO path.
#[derive(Debug)]
pub struct WebSocket {
    stream: TcpStream,
    decoder: Decoder,
    unread: Vec<u8>,
    /// Pings of Engine.IO answered so far.
    pub n_pings: u32,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The answer to a ping of the WebSocket protocol.
    Pong(Vec<u8>),
    /// The server closes.
    Close(Option<u16>),
}

impl WebSocket {
    /// Opens one, with more headers if need be (each with its line end).
    ///
    /// # Errors
    /// If the server does not answer 101.
    pub fn open(server: SocketAddr, more_headers: &str) -> Result<Self> {
        Self::over(connect(server)?, more_headers)
    }

    /// Opens one over a connection that is there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn over(mut stream: TcpStream, more_headers: &str) -> Result<Self> {
        Self::ask(&mut stream, "", more_headers)?;
        Self::answered(stream)
    }

    /// Asks for the WebSocket of a session that polls.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of_session(server: SocketAddr, sid: &str) -> Result<Self> {
        let mut stream = connect(server)?;
        Self::ask(&mut stream, &format!("&sid={sid}"), "")?;
        Self::answered(stream)
    }

    fn ask(stream: &mut TcpStream, more_query: &str, more_headers: &str) -> Result<()> {
        Ok(write!(
            stream,
            "GET /socket.io/?EIO=4&transport=websocket{more_query} HTTP/1.1\r\nHost: test\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more_headers}\r\n"
        )?)
    }

    /// A connection whose request is written.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn answered(mut stream: TcpStream) -> Result<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).context("the answer ended early")?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            bail!("{}", String::from_utf8_lossy(&head));
        }
        let limits = Limits { max_message_bytes: 16 << 20, max_fragments: 1 };
        Ok(Self {
            stream,
            decoder: Decoder::new(Role::Client, limits),
            unread: Vec::new(),
            n_pings: 0,
        })
    }

    /// Opens one, reads the greeting and joins the main namespace.
    ///
    /// # Errors
    /// If that is refused.
    pub fn join(server: SocketAddr) -> Result<Self> {
        let mut socket = Self::open(server, "")?;
        socket.join_main()?;
        Ok(socket)
    }

    /// Reads the greeting and joins the main namespace.
    ///
    /// # Errors
    /// If that is refused.
    pub fn join_main(&mut self) -> Result<()> {
        self.text()?;
        self.send("40")?;
        let answer = self.text()?;
        if !answer.starts_with("40{") {
            bail!("not joined: {answer}");
        }
        Ok(())
    }

    /// What [`Self::into_parts`] gave, put together again.
    pub fn from_parts(stream: TcpStream, decoder: Decoder, unread: Vec<u8>) -> Self {
        Self { stream, decoder, unread, n_pings: 0 }
    }

    /// How long [`Self::receive`] waits.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn set_timeout(&self, timeout: Duration) -> Result<()> {
        Ok(self.stream.set_read_timeout(Some(timeout))?)
    }

    /// The connection, its decoder, and what was read but not decoded yet.
    pub fn into_parts(self) -> (TcpStream, Decoder, Vec<u8>) {
        (self.stream, self.decoder, self.unread)
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn send(&mut self, text: &str) -> Result<()> {
        let mut wire = Vec::new();
        write_masked_frame(&mut wire, Opcode::Text, text.as_bytes(), [7, 1, 8, 2]);
        self.write(&wire)
    }

    /// Sends bytes as they are: frames cut or broken on purpose.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// The next text message. Pings of Engine.IO are answered on the way.
    ///
    /// # Errors
    /// If something else comes, or nothing in time.
    pub fn text(&mut self) -> Result<String> {
        match self.receive()? {
            Received::Text(text) => Ok(text),
            other => bail!("expected text, got {other:?}"),
        }
    }

    /// The next message of any kind.
    ///
    /// # Errors
    /// If the connection ends without a close frame, or nothing comes in time.
    pub fn receive(&mut self) -> Result<Received> {
        loop {
            match self.receive_all()? {
                Received::Text(ping) if ping == "2" => {
                    self.n_pings += 1;
                    self.send("3")?;
                }
                received => return Ok(received),
            }
        }
    }

    /// The next message of any kind, pings of Engine.IO too.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_all(&mut self) -> Result<Received> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let mut bytes = std::mem::take(&mut self.unread);
            let mut rest = bytes.as_mut_slice();
            let message = self.decoder.next(&mut rest)?;
            let received = message.map(|message| match message {
                Message::Text(text) => Received::Text(text.into_owned()),
                Message::Binary(bytes) => Received::Binary(bytes.into_owned()),
                Message::Close(code) => Received::Close(code),
                Message::Ping(_) => Received::Binary(Vec::new()),
                Message::Pong(bytes) => Received::Pong(bytes.into_owned()),
            });
            self.unread = rest.to_vec();
            match received {
                Some(received) => return Ok(received),
                None => {
                    let n = self.stream.read(&mut buffer).context("nothing came in time")?;
                    if n == 0 {
                        bail!("the connection ended without a close frame");
                    }
                    self.unread = buffer[..n].to_vec();
                }
            }
        }
    }
}

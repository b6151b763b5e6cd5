//! One WebSocket connection: the descriptor that hyper gave up, its decoder, and what it is to
//! the session behind it.
//! Source: RFC 6455; the frames themselves are `parlor_shared::websocket`'s.

use std::{
    collections::BTreeSet,
    io::{self, IoSlice, Read as _, Write as _},
    net::Shutdown,
};

use hyper::{
    HeaderMap, Method, StatusCode, Version,
    header::{self, HeaderValue},
};
use mio::net::TcpStream;
use parlor_core::key::SessionKey;
use parlor_shared::websocket::{Decoder, Limits, Role as Side, accept_key, is_valid_key};
use socket2::SockRef;

use crate::acceptor::OpenConnection;

/// Frames handed to the kernel at once.
pub(crate) const MAX_SLICES: usize = 32;

/// What the connection is to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has not said yet what it wants to be.
    Guest,
    /// The session's transport.
    Transport(SessionKey),
    /// It tries to become that.
    Candidate(SessionKey),
    /// All is said; it is read from until the peer closes, so that nothing sent is lost.
    Lingering,
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) decoder: Decoder,
    pub(crate) role: Role,
    /// The kernel takes no more bytes just now.
    pub(crate) is_blocked: bool,
    /// There is more to read, which has to wait.
    pub(crate) is_unread: bool,
    /// What of that is read already.
    pub(crate) rest: Option<Box<Rest>>,
    /// Counts it as open.
    open: Option<OpenConnection>,
}

/// Bytes that were read and have to wait, those of one read at most.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) bytes: Vec<u8>,
    /// Those in front are done with.
    pub(crate) from: usize,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        role: Role,
        max_payload: usize,
        open: Option<OpenConnection>,
    ) -> Self {
        let limits =
            Limits { max_message_bytes: max_payload, max_fragments: Limits::MAX_FRAGMENTS };
        Self {
            stream,
            decoder: Decoder::new(Side::Server, limits),
            role,
            is_blocked: false,
            is_unread: false,
            rest: None,
            open,
        }
    }

    /// Reads into `buffer`; `None` when there is nothing now, `Some(0)` at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                Ok(n) => return Ok(Some(n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes what it can of one chunk; `None` if the kernel takes nothing now.
    pub(crate) fn write(&mut self, chunk: &[u8]) -> io::Result<Option<usize>> {
        self.written_by(|mut stream| stream.write(chunk))
    }

    /// The same for several chunks at once. `writev` goes through the layer of files and costs
    /// about half a microsecond more than `sendmsg`.
    pub(crate) fn write_vectored(&mut self, chunks: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        self.written_by(|stream| SockRef::from(stream).send_vectored(chunks))
    }

    fn written_by(
        &mut self,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<Option<usize>> {
        loop {
            match write(&self.stream) {
                Ok(n) => return Ok(Some(n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes a short answer of a candidate's, whole or not at all.
    pub(crate) fn write_whole(&mut self, bytes: &[u8]) -> bool {
        matches!(self.write(bytes), Ok(Some(n)) if n == bytes.len())
    }

    /// Gives the descriptor away.
    pub(crate) fn into_parts(self) -> (TcpStream, Option<OpenConnection>) {
        (self.stream, self.open)
    }

    /// Says that nothing more will be written.
    pub(crate) fn finish(&mut self) {
        // It may be closed already; then there is nothing to finish.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.rest = None;
        self.role = Role::Lingering;
    }
}

/// True if the request asks to become a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, header::CONNECTION, "upgrade") && headers.contains_key(header::UPGRADE)
}

/// Checks the opening handshake (RFC 6455 § 4.2.1); the value of `Sec-WebSocket-Accept`.
///
/// # Errors
/// Status and sentence to answer with.
pub(crate) fn accept(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<String, (StatusCode, &'static str)> {
    if method != Method::GET || version != Version::HTTP_11 {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "Invalid HTTP method"));
    }
    if !only(headers, header::UPGRADE).is_some_and(|to| to.eq_ignore_ascii_case("websocket")) {
        return Err((StatusCode::BAD_REQUEST, "Invalid Upgrade header"));
    }
    let key = only(headers, header::SEC_WEBSOCKET_KEY);
    let Some(key) = key.filter(|key| is_valid_key(key)) else {
        return Err((StatusCode::BAD_REQUEST, "Missing or invalid Sec-WebSocket-Key header"));
    };
    if only(headers, header::SEC_WEBSOCKET_VERSION) != Some("13") {
        let sentence = "Missing or invalid Sec-WebSocket-Version header";
        return Err((StatusCode::UPGRADE_REQUIRED, sentence));
    }
    if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) && !offers_protocols(headers) {
        return Err((StatusCode::BAD_REQUEST, "Invalid Sec-WebSocket-Protocol header"));
    }
    Ok(accept_key(key))
}

/// The value of a header that may be there once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// True if each subprotocol that the client offers is a token, and is there once (RFC 6455
/// § 11.3.4).
fn offers_protocols(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut known = BTreeSet::new();
    values.map(|value| value.to_str().unwrap_or_default()).flat_map(|value| value.split(',')).all(
        |offered| {
            let offered = offered.trim();
            is_token(offered) && known.insert(offered)
        },
    )
}

fn is_token(text: &str) -> bool {
    let is_valid = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_valid)
}

/// The first subprotocol that the client offers: browsers fail unless one of theirs is taken.
pub(crate) fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').next()?.trim();
    is_token(first).then(|| HeaderValue::from_str(first).ok()).flatten()
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

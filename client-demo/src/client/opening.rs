//! The opening handshake of a WebSocket, from the client's side: the request, and the answer read
//! as it arrives.
//! What is said over the WebSocket is `machine`'s part.
//! Source: RFC 6455 §§ 4.1 and 4.2.2; Engine.IO protocol v4, § Handshake, for the query.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parlor_shared::websocket::accept_key;

use super::{address::Address, error::OpeningError};

/// Most bytes of an answer's head. Parlor's is under 200; proxies add to it.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most bytes read of a refusal's body: its message is for people.
const MAX_REFUSAL_BYTES: usize = 1024;

/// Awaits the answer to [`Opening::begin`].
#[derive(Debug)]
pub(super) struct Opening {
    /// What `Sec-WebSocket-Accept` must say.
    accept: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The head, as far as it is here.
    Head(Vec<u8>),
    /// The server refuses; its body, as far as it is here, and how many bytes of it are missing.
    Refusal { status: u16, body: Vec<u8>, missing: usize },
}

impl Opening {
    /// Writes the request; `key` is 16 bytes that nobody can guess.
    pub(super) fn begin(address: &Address, key: [u8; 16], out: &mut Vec<u8>) -> Self {
        let key = STANDARD.encode(key);
        let request = format!(
            "GET {path}?EIO=4&transport=websocket HTTP/1.1\r\n\
             Host: {authority}\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n",
            path = address.path(),
            authority = address.authority(),
        );
        out.extend_from_slice(request.as_bytes());
        Self { accept: accept_key(&key), stage: Stage::Head(Vec::new()) }
    }

    /// Takes the answer off the front of `data`; true when the WebSocket is open. Bytes after the
    /// answer are left: they are frames.
    ///
    /// # Errors
    /// If the answer opens no WebSocket.
    pub(super) fn read(&mut self, data: &mut &mut [u8]) -> Result<bool, OpeningError> {
        if let Stage::Head(head) = &mut self.stage {
            let Some(end) = take_head(head, data)? else { return Ok(false) };
            let text = std::str::from_utf8(&head[..end]).map_err(|_| OpeningError::NotHttp)?;
            let answer = Answer::parse(text)?;
            if answer.status == 101 {
                answer.check(&self.accept)?;
                return Ok(true);
            }
            let missing = answer.body_length().min(MAX_REFUSAL_BYTES);
            self.stage = Stage::Refusal { status: answer.status, body: Vec::new(), missing };
        }
        match &mut self.stage {
            Stage::Refusal { body, missing, .. } => {
                body.extend_from_slice(take(data, *missing - body.len()));
                if body.len() < *missing { Ok(false) } else { Err(self.end()) }
            }
            Stage::Head(_) => Ok(false),
        }
    }

    /// What it means that nothing more comes.
    pub(super) fn end(&self) -> OpeningError {
        match &self.stage {
            Stage::Head(_) => OpeningError::Ended,
            Stage::Refusal { status, body, .. } => {
                OpeningError::Refused { status: *status, message: message(*status, body) }
            }
        }
    }

    /// The server refuses, and only the end of its message is missing.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.stage, Stage::Refusal { .. })
    }
}

/// Moves bytes from `data` to `head` up to the blank line; where that ends, once it is here.
fn take_head(head: &mut Vec<u8>, data: &mut &mut [u8]) -> Result<Option<usize>, OpeningError> {
    let before = head.len();
    let n = data.len().min(MAX_HEAD_BYTES - before);
    head.extend_from_slice(&data[..n]);
    if !head.starts_with(b"HTTP/1.1 ") && !b"HTTP/1.1 ".starts_with(head.as_slice()) {
        return Err(OpeningError::NotHttp);
    }
    let searched = before.saturating_sub(3);
    let found = head[searched..].windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = found.map(|at| searched + at + 4) else {
        take(data, n);
        return if head.len() < MAX_HEAD_BYTES { Ok(None) } else { Err(OpeningError::HeadTooLong) };
    };
    take(data, end - before);
    Ok(Some(end))
}

/// Takes at most `n` bytes off the front.
fn take<'d>(data: &mut &'d mut [u8], n: usize) -> &'d [u8] {
    let n = n.min(data.len());
    let (front, rest) = std::mem::take(data).split_at_mut(n);
    *data = rest;
    front
}

/// The head of an answer.
struct Answer<'h> {
    status: u16,
    /// The lines after the first.
    headers: &'h str,
}

impl<'h> Answer<'h> {
    fn parse(head: &'h str) -> Result<Self, OpeningError> {
        let (first, headers) = head.split_once("\r\n").ok_or(OpeningError::NotHttp)?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| digits.parse().ok()).ok_or(OpeningError::NotHttp)?;
        Ok(Self { status, headers })
    }

    fn header(&self, name: &str) -> Option<&'h str> {
        let pairs = self.headers.split("\r\n").filter_map(|line| line.split_once(':'));
        let mut values = pairs.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim());
        values.next()
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        let value = self.header(name).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    /// The rules of RFC 6455 § 4.1 for an answer with status 101.
    fn check(&self, accept: &str) -> Result<(), OpeningError> {
        if !self.has_token("Upgrade", "websocket") {
            return Err(OpeningError::Header("Upgrade"));
        }
        if !self.has_token("Connection", "upgrade") {
            return Err(OpeningError::Header("Connection"));
        }
        match self.header("Sec-WebSocket-Accept") {
            None => return Err(OpeningError::Header("Sec-WebSocket-Accept")),
            Some(value) if value != accept => return Err(OpeningError::AcceptKey),
            Some(_) => {}
        }
        let chosen = ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"]
            .into_iter()
            .find(|name| self.header(name).is_some_and(|value| !value.is_empty()));
        chosen.map_or(Ok(()), |name| Err(OpeningError::NotOffered(name)))
    }

    /// Without a length the body ends with the connection.
    fn body_length(&self) -> usize {
        self.header("Content-Length").and_then(|value| value.parse().ok()).unwrap_or(usize::MAX)
    }
}

/// What a refusal says: the `message` of a JSON body, or else its text, without what could
/// confuse a terminal.
fn message(status: u16, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        message: String,
    }
    let text = match serde_json::from_slice::<Body>(body) {
        Ok(body) => body.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    match (shown.is_empty(), status) {
        (false, _) => shown,
        (true, 404) => "nothing answers at this path".to_owned(),
        (true, _) => "no reason given".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and accept value of RFC 6455 § 1.3.
    const KEY: &[u8; 16] = b"the sample nonce";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn begin() -> (Opening, String) {
        let address: Address = "http://localhost:3000".parse().unwrap();
        let mut out = Vec::new();
        let opening = Opening::begin(&address, *KEY, &mut out);
        (opening, String::from_utf8(out).unwrap())
    }

    /// Reads an answer in pieces; the verdict, and what was left of the last piece.
    fn read(answer: &str, step: usize) -> (Result<bool, OpeningError>, String) {
        let (mut opening, _) = begin();
        let mut last = (Ok(false), String::new());
        for piece in answer.as_bytes().chunks(step) {
            let mut piece = piece.to_vec();
            let mut data = piece.as_mut_slice();
            let verdict = opening.read(&mut data);
            last = (verdict, String::from_utf8_lossy(data).into_owned());
            if last.0 != Ok(false) {
                return last;
            }
        }
        last
    }

    fn good() -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\
             connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        )
    }

    fn json_refusal(length: usize, body: &str) -> String {
        format!("HTTP/1.1 429 Slow down\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    #[test]
    fn the_request_asks_for_a_websocket_below_the_path() {
        let (_, request) = begin();
        assert!(request.starts_with("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"));
        assert!(request.contains("\r\nHost: localhost:3000\r\n"));
        assert!(request.contains("\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
        assert!(request.ends_with("\r\n\r\n"));
    }

    #[test]
    fn a_good_answer_opens_and_the_frames_after_it_are_left() {
        let answer = format!("{}frames", good());
        assert_eq!(read(&answer, 10_000), (Ok(true), "frames".to_owned()));
        for step in [1, 3, 50] {
            assert_eq!(read(&good(), step).0, Ok(true), "step {step}");
        }
    }

    #[test]
    fn every_bad_answer_has_its_error() {
        use OpeningError::*;
        let refused = |status, message: &str| Refused { status, message: message.to_owned() };
        for (answer, error) in [
            ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), NotHttp),
            ("HTTP/1.0 101 x\r\n\r\n".to_owned(), NotHttp),
            ("HTTP/1.1 abc\r\n\r\n".to_owned(), NotHttp),
            ("HTTP/1.1 \u{e4}\u{e4}\r\n\r\n".to_owned(), NotHttp),
            (good().replace(ACCEPT, "c29tZXRoaW5nIGVsc2UgYWx0b2c="), AcceptKey),
            (good().replace("Sec-WebSocket-Accept", "X"), Header("Sec-WebSocket-Accept")),
            (good().replace("WebSocket\r\n", "h2c\r\n"), Header("Upgrade")),
            (good().replace("keep-alive, Upgrade", "keep-alive"), Header("Connection")),
            (
                good().replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a\r\n\r\n"),
                NotOffered("Sec-WebSocket-Protocol"),
            ),
            (
                "HTTP/1.1 400 Bad Request\r\nContent-Length: 11\r\n\r\nBad request".to_owned(),
                refused(400, "Bad request"),
            ),
            (json_refusal(35, r#"{"code":"E_RATE","message":"too many"}"#), {
                refused(429, r#"{"code":"E_RATE","message":"too man"#)
            }),
            (json_refusal(32, r#"{"code":5,"message":"v\u001b[4"}"#), refused(429, "v[4")),
            (
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
                refused(404, "nothing answers at this path"),
            ),
        ] {
            for step in [1, 10_000] {
                assert_eq!(read(&answer, step).0, Err(error.clone()), "{answer}");
            }
        }
    }

    #[test]
    fn a_head_may_have_16_kib_and_not_one_byte_more() {
        let fill =
            |n: usize| good().replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "x".repeat(n)));
        let room = MAX_HEAD_BYTES - fill(0).len();
        assert_eq!(read(&fill(room), 1000).0, Ok(true));
        assert_eq!(read(&fill(room + 1), 1000).0, Err(OpeningError::HeadTooLong));
    }

    #[test]
    fn an_early_end_is_told_from_a_refusal() {
        let (mut opening, _) = begin();
        assert_eq!(opening.end(), OpeningError::Ended);
        let mut answer = b"HTTP/1.1 503 x\r\n\r\nlater".to_vec();
        assert_eq!(opening.read(&mut answer.as_mut_slice()), Ok(false));
        assert!(opening.is_refused());
        let refused = OpeningError::Refused { status: 503, message: "later".to_owned() };
        assert_eq!(opening.end(), refused);
    }
}

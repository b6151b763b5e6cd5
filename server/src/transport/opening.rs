//! A WebSocket's opening handshake that arrives in one piece: read without hyper, and its answer
//! written. What it comes to is `http`'s to say, by the same rules as for all requests.
//! Source: RFC 9112 for the form of a head; RFC 6455 § 4.

use std::mem::MaybeUninit;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{self, HeaderName, HeaderValue},
};

use super::polling::Answer;

/// Headers of a head; one that has more is hyper's to refuse.
const MAX_HEADERS: usize = 100;

/// The request at the front of `bytes`, and how long its head is. Only a plain one: a GET of
/// HTTP/1.1 with a path, whole, without a body and without a doubt. Of anything else hyper knows
/// better what it is.
pub(crate) fn read(bytes: &[u8]) -> Option<(Request<()>, usize)> {
    // What is no GET need not be read twice.
    if !bytes.starts_with(b"GET /") {
        return None;
    }
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let parsed = head.parse_with_uninit_headers(bytes, &mut headers);
    let Ok(httparse::Status::Complete(n_head)) = parsed else { return None };
    if (head.method?, head.version?) != ("GET", 1) {
        return None;
    }
    // One copy, which all values share.
    let whole = Bytes::copy_from_slice(&bytes[..n_head]);
    let part = |part: &[u8]| {
        let start = part.as_ptr().addr() - bytes.as_ptr().addr();
        whole.slice(start..start + part.len())
    };
    let mut map = HeaderMap::with_capacity(head.headers.len());
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(part(header.value)).ok()?;
        map.append(name, value);
    }
    let bodily = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];
    if bodily.iter().any(|name| map.contains_key(name)) || !map.contains_key(header::UPGRADE) {
        return None;
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = Uri::from_maybe_shared(part(head.path?.as_bytes())).ok()?;
    *request.headers_mut() = map;
    Some((request, n_head))
}

/// True if the head at the front of `bytes` tells the length of its body in two ways, which is how
/// requests are smuggled past proxies. Hyper reads chunks then, and does not tell that there was
/// another length. Source: RFC 9112 § 6.3, which lets a server refuse such a request.
pub(crate) fn has_two_lengths(bytes: &[u8]) -> bool {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let parsed = head.parse_with_uninit_headers(bytes, &mut headers);
    let has = |name: &str| head.headers.iter().any(|h| h.name.eq_ignore_ascii_case(name));
    matches!(parsed, Ok(httparse::Status::Complete(_)))
        && has("content-length")
        && has("transfer-encoding")
}

/// The answer as it travels.
pub(crate) fn write(answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(b"HTTP/1.1 ");
    bytes.extend_from_slice(answer.status().as_str().as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(answer.status().canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in answer.headers() {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";

    #[test]
    fn a_head_is_read_and_what_follows_is_left() {
        let (request, n_head) = read(format!("{HEAD}rest").as_bytes()).unwrap();
        assert_eq!(n_head, HEAD.len());
        assert_eq!(request.uri(), "/socket.io/?EIO=4");
        assert_eq!(request.headers()["upgrade"], "websocket");
        assert_eq!(request.headers().len(), 2);
    }

    #[test]
    fn two_lengths_are_seen_in_a_head_that_is_whole() {
        let head = |lengths: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\n");
        let both = head("content-length: 3\r\nTransfer-Encoding: chunked");
        assert!(has_two_lengths(both.as_bytes()));
        assert!(has_two_lengths(format!("{both}rest").as_bytes()));
        assert!(!has_two_lengths(&both.as_bytes()[..both.len() - 1]));
        for one in ["Content-Length: 3", "Transfer-Encoding: chunked", "X: Content-Length"] {
            assert!(!has_two_lengths(head(one).as_bytes()), "{one}");
        }
    }

    #[test]
    fn whatever_is_not_plain_is_left_to_hyper() {
        for n in 0..HEAD.len() {
            assert!(read(&HEAD.as_bytes()[..n]).is_none(), "the first {n} bytes");
        }
        let with = |from: &str, to: &str| HEAD.replacen(from, to, 1);
        for other in [
            with("1.1", "1.0"),
            with("GET", "POST"),
            with("GET ", "GET  "),
            with("/socket", "http://a/socket"),
            with("/socket", "*"),
            with("Upgrade", "Up grade"),
            with("Upgrade: websocket", "Nothing: else"),
            with("Host: a", "Content-Length: 0"),
            with("Host: a", "Transfer-Encoding: chunked"),
            with("Host: a", "Expect: 100-continue"),
            with("Host: a", "Host : a"),
            with("Host: a", "Host: a\u{1}"),
            with("Host: a", " folded"),
        ] {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
        let many = |n: usize| with("Host", &format!("{}Host", "A: b\r\n".repeat(n)));
        assert!(read(many(98).as_bytes()).is_some());
        assert!(read(many(99).as_bytes()).is_none());
    }
}

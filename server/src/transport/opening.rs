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
    if (head.method?, head.version?) != ("GET", 1) || has_bare_line_end(&bytes[..n_head]) {
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

/// True if servers on a request's way may read the head at the front of `bytes` in another way than
/// hyper does, which tells of none of this: its lines end without a CR, or the length of its body
/// stands there twice. So requests are smuggled past proxies.
/// Source: RFC 9112 §§ 2.2 and 6.3, which let a server refuse such a request.
pub(crate) fn is_doubtful(bytes: &[u8]) -> bool {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut []);
    match head.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(n_head)) => {
            let count = |name: &str| {
                let all = head.headers.iter();
                all.filter(|header| header.name.eq_ignore_ascii_case(name)).count()
            };
            let n_lengths = count("content-length");
            let is_told_twice = n_lengths > 1 || n_lengths == 1 && count("transfer-encoding") > 0;
            is_told_twice || has_bare_line_end(&bytes[..n_head])
        }
        // What there is of it so far.
        Ok(httparse::Status::Partial) => has_bare_line_end(bytes),
        // Hyper refuses it.
        Err(_) => false,
    }
}

fn has_bare_line_end(head: &[u8]) -> bool {
    head.first() == Some(&b'\n') || head.windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r')
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
        for both in [
            "content-length: 3\r\nTransfer-Encoding: chunked",
            "Content-Length: 3\r\ncontent-length: 3",
        ] {
            let both = head(both);
            assert!(is_doubtful(both.as_bytes()));
            assert!(is_doubtful(format!("{both}rest").as_bytes()));
            assert!(!is_doubtful(&both.as_bytes()[..both.len() - 1]));
        }
        for one in ["Content-Length: 3", "Transfer-Encoding: chunked", "X: Content-Length"] {
            assert!(!is_doubtful(head(one).as_bytes()), "{one}");
        }
    }

    #[test]
    fn a_line_end_without_a_cr_is_seen_wherever_it_is() {
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n",
        ] {
            assert!(is_doubtful(head.as_bytes()), "{head:?}");
        }
        for head in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\n\r\na\nb", ""] {
            assert!(!is_doubtful(head.as_bytes()), "{head:?}");
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
            with("Host: a\r\n", "Host: a\n"),
            with("\r\n\r\n", "\r\n\n"),
        ] {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
        let many = |n: usize| with("Host", &format!("{}Host", "A: b\r\n".repeat(n)));
        assert!(read(many(98).as_bytes()).is_some());
        assert!(read(many(99).as_bytes()).is_none());
    }
}

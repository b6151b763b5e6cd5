//! What a request asks for, and whether it may: read and judged without answering.
//! Source: engine.io 6.6.11 for the order of checks (reference A3).

use std::borrow::Cow;

use hyper::{HeaderMap, Method, Request, Uri, Version, header};
use parlor_core::engine_io::Transport;
use parlor_shared::{engine_io::HandshakeError, id::Sid};

use crate::{
    handlers::decode,
    transport::{Transports, websocket},
};

/// What of a request says which way it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) is_upgrade: bool,
    pub(super) query: Query,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            is_upgrade: websocket::is_upgrade(request.headers()),
            query: Query::read(request.uri()),
        }
    }

    /// The checks that any request must pass, in the reference's order. `known` is the transport of
    /// the session that it names.
    pub(super) fn verify(
        &self,
        method: &Method,
        known: Option<Transport>,
        offered: Transports,
    ) -> Result<(), HandshakeError> {
        let Self { is_upgrade, ref query } = *self;
        let transport = query.transport.filter(|one| offered.has(*one));
        let transport = transport.ok_or(HandshakeError::TransportUnknown)?;
        if query.is_repeated {
            return Err(HandshakeError::BadRequest);
        }
        if query.names_session {
            let own = known.ok_or(HandshakeError::SidUnknown)?;
            if !query.is_v4 || (!is_upgrade && own != transport) {
                return Err(HandshakeError::BadRequest);
            }
            if is_upgrade && transport != Transport::WebSocket {
                return Err(HandshakeError::BadRequest);
            }
            return Ok(());
        }
        if method != Method::GET {
            return Err(HandshakeError::BadMethod);
        }
        if is_upgrade != (transport == Transport::WebSocket) {
            return Err(HandshakeError::BadRequest);
        }
        if !query.is_v4 {
            return Err(HandshakeError::UnsupportedVersion);
        }
        Ok(())
    }
}

/// The parameters that matter; others are ignored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) transport: Option<Transport>,
    is_v4: bool,
    /// An empty name counts as none.
    pub(super) names_session: bool,
    /// `None` too if what is named cannot be a session.
    pub(super) sid: Option<Sid>,
    pub(super) is_repeated: bool,
}

impl Query {
    pub(super) fn read(uri: &Uri) -> Self {
        let (mut transport, mut eio, mut sid, mut is_repeated) = (None, None, None, false);
        let mut rest = uri.query().unwrap_or_default();
        while !rest.is_empty() {
            let Cut { name, value, after, has_escapes } = cut(rest);
            rest = after;
            let plain = |word| if has_escapes { decode(word) } else { Cow::Borrowed(word) };
            let (name, value) = (plain(name), plain(value));
            let place = match &*name {
                "transport" => &mut transport,
                "EIO" => &mut eio,
                "sid" => &mut sid,
                _ => continue,
            };
            is_repeated |= place.replace(value).is_some();
        }
        let sid = sid.filter(|sid| !sid.is_empty());
        Self {
            transport: match transport.as_deref() {
                Some("polling") => Some(Transport::Polling),
                Some("websocket") => Some(Transport::WebSocket),
                _ => None,
            },
            is_v4: eio.as_deref() == Some("4"),
            names_session: sid.is_some(),
            sid: sid.and_then(|sid| Sid::parse(&sid)),
            is_repeated,
        }
    }
}

/// A query's first parameter, and what is behind it.
struct Cut<'q> {
    name: &'q str,
    value: &'q str,
    after: &'q str,
    /// It may not be written as it is read.
    has_escapes: bool,
}

fn cut(query: &str) -> Cut<'_> {
    let (mut equals, mut end, mut has_escapes) = (None, query.len(), false);
    for (at, byte) in query.bytes().enumerate() {
        match byte {
            b'&' => {
                end = at;
                break;
            }
            b'=' if equals.is_none() => equals = Some(at),
            b'%' | b'+' => has_escapes = true,
            _ => {}
        }
    }
    let (name, value) = match equals {
        Some(at) => (&query[..at], &query[at + 1..end]),
        None => (&query[..end], ""),
    };
    Cut { name, value, after: query.get(end + 1..).unwrap_or_default(), has_escapes }
}

/// True if the request is for one host, as its version asks for: servers on its way may take
/// either of two (RFC 9112 § 3.2).
pub(super) fn is_plain<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (has_host, has_two) = (hosts.next().is_some(), hosts.next().is_some());
    (has_host || request.version() != Version::HTTP_11) && !has_two
}

/// True if a path would leave the folder it names, however it is spelled.
pub(super) fn climbs(path: &str) -> bool {
    let dot = |part: &mut &[u8]| match part {
        [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => {
            *part = rest;
            true
        }
        _ => false,
    };
    path.as_bytes()
        .split(|byte| *byte == b'/')
        .any(|mut part| dot(&mut part) && dot(&mut part) && part.is_empty())
}

pub(super) fn is_old_internet_explorer(headers: &HeaderMap) -> bool {
    let Some(agent) = headers.get(header::USER_AGENT) else { return false };
    let says = |word: &[u8]| agent.as_bytes().windows(word.len()).any(|part| part == word);
    says(b";MSIE") || says(b"Trident/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_noticed_and_an_empty_sid_is_none() {
        let read = |query: &str| Query::read(&format!("/?{query}").parse().unwrap());
        let usual = Query { is_v4: true, transport: Some(Transport::Polling), ..Query::default() };
        assert_eq!(read("EIO=4&transport=polling&sid=&x&=&&t=1&t=2&sidx=3"), usual);
        let repeated =
            ["transport=polling&transport=websocket", "sid=a&sid=", "sid&sid", "EIO&EIO="];
        for query in repeated {
            assert!(read(query).is_repeated, "{query}");
        }
        let named = Query { names_session: true, ..Query::default() };
        assert_eq!(read("sid=eighteen=bytes=1=2&"), named);
        assert_eq!(read("transport=x&EIO=3&sid"), Query::default());
        let sid = Sid::from_bytes([7; 18]);
        assert_eq!(read(&format!("&sid={sid}")), Query { sid: Some(sid), ..named });
        assert_eq!(read(""), Query::default());
        assert_eq!(read("?%45IO=%34&transport=%70olling"), Query { is_v4: false, ..usual });
        assert_eq!(read("%45IO=%34&tr%61nsport=%70olling"), usual);
        let escaped =
            format!("sid=%{:02X}{}", sid.to_string().as_bytes()[0], &sid.to_string()[1..]);
        assert_eq!(read(&escaped), Query { sid: Some(sid), ..named });
        assert!(read("EIO=4&%45IO=4").is_repeated);
        assert_eq!(Query::read(&"/".parse().unwrap()), Query::default());
    }

    #[test]
    fn paths_that_climb_are_known_however_they_are_spelled() {
        for path in ["/..", "/a/../b", "/a/.%2e", "/%2E%2e/", "/%2e./b"] {
            assert!(climbs(path), "{path}");
        }
        for path in ["/", "/a/.b/c..", "/...", "/a/./b", "/%2e", "/%2e%2", "/..%2f"] {
            assert!(!climbs(path), "{path}");
        }
    }
}

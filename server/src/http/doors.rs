//! Doors to what reads bytes of the network here, for the fuzz targets alone: no part of the API.

use std::net::{IpAddr, Ipv4Addr};

use hyper::{
    HeaderMap, Uri,
    header::{self, HeaderValue},
};
use parlor_core::engine_io::Transport;
use parlor_shared::id::ID_BYTES;

use super::{
    asked::{Asked, Query, climbs, is_plain},
    upgrades::switching,
};
pub use crate::auth::doors::{Verifier, revoked};
use crate::{
    address::TrustedProxies,
    handlers::{Handshake, Headers},
    transport::{Transports, opening, websocket},
};

/// A request that was read without hyper.
#[derive(Debug)]
pub struct Opening {
    /// Bytes of its head.
    pub n_head: usize,
    /// Names and values, as read.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The 101, if it is to have one.
    pub answer: Option<Vec<u8>>,
}

/// Reads a WebSocket's opening handshake, and answers it if nothing is wrong with it.
pub fn read_opening(bytes: &[u8]) -> Option<Opening> {
    let (request, n_head) = opening::read(bytes)?;
    let asked = Asked::of(&request);
    let known = [None, Some(Transport::Polling), Some(Transport::WebSocket)];
    let is_in_order = is_plain(&request)
        && !climbs(request.uri().path())
        && asked.is_upgrade
        && known
            .iter()
            .any(|known| asked.verify(request.method(), *known, Transports::default()).is_ok());
    let accept = websocket::accept(request.method(), request.version(), request.headers());
    let answer = accept
        .ok()
        .filter(|_| is_in_order)
        .map(|accept| opening::write(&switching(request.headers(), &accept)));
    let owned = |(name, value): (&header::HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    Some(Opening { n_head, headers: request.headers().iter().map(owned).collect(), answer })
}

/// What a query was read as.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// A transport that is served.
    pub transport: Option<&'static str>,
    /// Something is named as a session.
    pub names_session: bool,
    /// The session, if it can be one.
    pub sid: Option<[u8; ID_BYTES]>,
    /// Something that matters is there twice.
    pub is_repeated: bool,
}

/// Reads a query; `None` if it can stand in no request.
pub fn read_query(query: &str) -> Option<Read> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    let read = Query::read(&uri);
    Some(Read {
        transport: read.transport.map(Transport::as_str),
        names_session: read.names_session,
        sid: read.sid.map(|sid| sid.to_bytes()),
        is_repeated: read.is_repeated,
    })
}

/// Who a client is behind proxies of these networks; `None` if its headers can be none.
pub fn forwarded(trusted: &[String], peer: IpAddr, values: &[&[u8]]) -> Option<IpAddr> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(value).ok()?);
    }
    Some(TrustedProxies::parse(trusted).ok()?.client(peer, &headers))
}

/// The value of a cookie in these lines; `None` if they can be no headers, or are no longer the
/// same once they have been kept.
pub fn cookie(lines: &[&[u8]], name: &str) -> Option<Option<String>> {
    let mut map = HeaderMap::new();
    for line in lines {
        map.append(header::COOKIE, HeaderValue::from_bytes(line).ok()?);
    }
    let headers = Headers::from(&map);
    let handshake =
        Handshake { address: Ipv4Addr::LOCALHOST.into(), url: "/".into(), headers, issued: 0 };
    (*handshake.headers == map).then(|| handshake.cookie(name))
}

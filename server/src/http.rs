//! Requests of one TCP connection: which are Engine.IO's, which the operator's, which the site's.
//! Polling and WebSocket themselves are `transport`'s part. A request for a session of another
//! shard is carried there, and a connection that becomes a WebSocket moves there.
//! Source: engine.io 6.6.11 for the order of checks (reference A3).

use std::{cell::Cell, convert::Infallible, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri, Version,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use parlor_core::{cluster::Owners, engine_io::Transport};
use parlor_shared::{engine_io::HandshakeError, id::Sid};
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
};

use crate::{
    acceptor::OpenConnection,
    address::{Counted, PerAddress, TrustedProxies},
    cors::Cors,
    handlers::Handshake,
    mailbox::{Mailbox, Parcel},
    metrics,
    shard::Handle,
    site,
    transport::{
        polling::{self, Answer, close, empty, text},
        websocket,
    },
};

/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long a shard may take to tell its figures.
const GAUGE_TIMEOUT: Duration = Duration::from_millis(500);
/// Headers of a request.
const MAX_HEADERS: usize = 100;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    /// Begins and ends with `/`.
    pub(crate) path: String,
    pub(crate) cors: Cors,
    pub(crate) proxies: TrustedProxies,
    pub(crate) sessions_per_address: PerAddress,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) site: bool,
    pub(crate) registry: Registry,
    pub(crate) owners: Owners,
    /// Of this node's shards.
    pub(crate) mailboxes: Arc<[Mailbox]>,
}

/// One connection, as its requests see it.
struct Peer {
    shard: Handle,
    settings: Arc<HttpSettings>,
    address: IpAddr,
    /// Goes along with the descriptor if the connection becomes a WebSocket.
    open: Cell<Option<OpenConnection>>,
}

/// Serves a connection until it closes or becomes a WebSocket.
pub(crate) async fn serve(
    stream: TcpStream,
    address: IpAddr,
    open: OpenConnection,
    shard: Handle,
    settings: Arc<HttpSettings>,
    mut draining: watch::Receiver<bool>,
) {
    let header_timeout = settings.header_timeout;
    let peer = Rc::new(Peer { shard, settings, address, open: Cell::new(Some(open)) });
    let service = service_fn(move |request| {
        let peer = Rc::clone(&peer);
        async move { Ok::<_, Infallible>(peer.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = draining.wait_for(|draining| *draining) => {
            // The request that is being answered is the last one.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

impl Peer {
    async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST) {
            return close(empty(StatusCode::BAD_REQUEST));
        }
        // The reference serves everything below the path; `..` has no business there.
        if path.starts_with(&self.settings.path) && !climbs(path) {
            let (method, asked) = (request.method().clone(), request.headers().clone());
            let mut response = if self.settings.cors.handles(request.method()) {
                self.settings.cors.preflight(&asked)
            } else {
                Rc::clone(&self).engine(request).await
            };
            self.settings.cors.apply(&method, &asked, response.headers_mut());
            if is_old_internet_explorer(&asked) {
                // Its filter breaks answers that look like scripts.
                let off = HeaderValue::from_static("0");
                response.headers_mut().insert(header::X_XSS_PROTECTION, off);
            }
            return response;
        }
        // An upgrade that is not for us is not made: the request is answered as any other.
        if path == "/metrics" {
            self.gauge().await;
        }
        self.page(request.method(), path, request.headers())
    }

    /// Has every shard bring its part of the gauges up to date.
    async fn gauge(&self) {
        let ask = |mailbox: &Mailbox| {
            let (done, answered) = oneshot::channel();
            mailbox.post(Parcel::Visit(Box::new(move |shard: &Handle| {
                shard.peek(|shard| shard.gauge());
                // The scrape may have been given up meanwhile.
                let _ = done.send(());
            })));
            answered
        };
        let asked: Vec<_> = self.settings.mailboxes.iter().map(ask).collect();
        for answered in asked {
            // A shard that is stuck or gone keeps its last figures.
            let _ = tokio::time::timeout(GAUGE_TIMEOUT, answered).await;
        }
    }

    /// Pages for operators and the demo site.
    fn page(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
        if method != Method::GET && method != Method::HEAD {
            return not_allowed("GET, HEAD");
        }
        match path {
            "/livez" => json(StatusCode::OK, r#"{"status":"live"}"#),
            "/readyz" if self.shard.peek(|shard| shard.is_shutting_down()) => {
                json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
            }
            "/readyz" => json(StatusCode::OK, r#"{"status":"ready"}"#),
            "/metrics" => {
                let page = metrics::render(&self.settings.registry);
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                text(StatusCode::OK, kind, page.into_bytes())
            }
            _ if self.settings.site => site::page(path, headers),
            _ => empty(StatusCode::NOT_FOUND),
        }
    }

    /// A request below the Engine.IO path.
    async fn engine(self: Rc<Self>, request: Request<Incoming>) -> Answer {
        let is_upgrade = websocket::is_upgrade(request.headers());
        let query = Query::read(request.uri());
        let mut expected = None;
        let known = match query.as_ref().ok().and_then(|query| query.sid.as_deref()) {
            Some(sid) => match self.elsewhere(sid) {
                Some(owner) if is_upgrade => {
                    expected = Some(Expected { owner: owner.clone(), sid: sid.to_owned() });
                    self.announce(owner, sid).await
                }
                Some(owner) => return self.forward(owner, request).await,
                None => {
                    self.shard.candidates(sid).await;
                    look_up(&self.shard, sid)
                }
            },
            None => None,
        };
        let verdict = query.and_then(|query| self.verify(&request, &query, is_upgrade, known));
        match verdict {
            Err(error) if is_upgrade => upgrade_error(StatusCode::BAD_REQUEST, error.message()),
            Err(error) => {
                let limit = self.shard.peek(|shard| shard.max_payload());
                let (head, body) = request.into_parts();
                polling::drain(&head.headers, body, limit, self.settings.body_timeout);
                polling::error(error)
            }
            Ok(sid) if is_upgrade => self.upgrade(request, sid, expected),
            Ok(None) => self.handshake(&request).await,
            Ok(Some(sid)) => self.poll(request, &sid).await,
        }
    }

    /// The mailbox of the shard whose session this is, if it is another one of this node.
    fn elsewhere(&self, sid: &str) -> Option<&Mailbox> {
        let owner = self.settings.owners.shard_of(&Sid::parse(sid)?.to_bytes());
        let own = self.shard.id();
        let is_other = owner.node == own.node && owner != own;
        self.settings.mailboxes.get(usize::from(owner.shard)).filter(|_| is_other)
    }

    /// Tells another shard that a WebSocket for its session is on its way; the session's transport.
    async fn announce(&self, owner: &Mailbox, sid: &str) -> Option<Transport> {
        let (answer, answered) = oneshot::channel();
        let sid = sid.to_owned();
        owner.post(Parcel::Visit(Box::new(move |shard| {
            let known = look_up(shard, &sid);
            shard.peek(|shard| shard.expect_candidate(&sid));
            // The request may have been given up meanwhile.
            let _ = answer.send(known);
        })));
        answered.await.ok()?
    }

    /// Has a request answered by the shard that owns its session.
    async fn forward(&self, owner: &Mailbox, request: Request<Incoming>) -> Answer {
        let (mut answer, answered) = oneshot::channel();
        let (settings, address) = (Arc::clone(&self.settings), self.address);
        owner.post(Parcel::Visit(Box::new(move |shard: &Handle| {
            let peer = Self { shard: shard.clone(), settings, address, open: Cell::new(None) };
            let until_done = shard.draining();
            tokio::task::spawn_local(async move {
                let answered = tokio::select! {
                    answered = Box::pin(Rc::new(peer).engine(request)) => Some(answered),
                    // The connection is gone, and the request with it.
                    () = answer.closed() => None,
                };
                if let Some(answered) = answered {
                    // Nobody waits any more if the connection went just now.
                    let _ = answer.send(answered);
                }
                drop(until_done);
            });
        })));
        // Without an answer the shard is no more, and the session with it.
        answered.await.unwrap_or_else(|_| polling::error(HandshakeError::SidUnknown))
    }

    /// The checks that any request must pass, in the reference's order. Gives the session's id.
    fn verify(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        is_upgrade: bool,
        known: Option<Transport>,
    ) -> Result<Option<String>, HandshakeError> {
        let transport = match query.transport.as_deref() {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(HandshakeError::TransportUnknown),
        };
        if query.is_repeated {
            return Err(HandshakeError::BadRequest);
        }
        let is_v4 = query.eio.as_deref() == Some("4");
        if let Some(sid) = &query.sid {
            let own = known.ok_or(HandshakeError::SidUnknown)?;
            if !is_v4 || (!is_upgrade && own != transport) {
                return Err(HandshakeError::BadRequest);
            }
            if is_upgrade && transport != Transport::WebSocket {
                return Err(HandshakeError::BadRequest);
            }
            return Ok(Some(sid.clone()));
        }
        if request.method() != Method::GET {
            return Err(HandshakeError::BadMethod);
        }
        if is_upgrade != (transport == Transport::WebSocket) {
            return Err(HandshakeError::BadRequest);
        }
        if !is_v4 {
            return Err(HandshakeError::UnsupportedVersion);
        }
        Ok(None)
    }

    async fn handshake(&self, request: &Request<Incoming>) -> Answer {
        if self.shard.peek(|shard| shard.is_shutting_down()) {
            return shutting_down();
        }
        let handshake = self.describe(request);
        let Some(counted) = self.count(handshake.address) else { return too_many() };
        let key = self.shard.with(|shard| shard.open_polling(handshake, Some(counted)));
        polling::get(&self.shard, key).await
    }

    async fn poll(&self, request: Request<Incoming>, sid: &str) -> Answer {
        let key = self.shard.peek(|shard| shard.session(sid));
        let Some(key) = key else { return polling::error(HandshakeError::SidUnknown) };
        match *request.method() {
            Method::GET => polling::get(&self.shard, key).await,
            Method::POST => {
                self.shard.relief().await;
                let (head, body) = request.into_parts();
                let timeout = self.settings.body_timeout;
                polling::post(&self.shard, key, &head.headers, body, timeout).await
            }
            _ => not_allowed("GET, POST, OPTIONS"),
        }
    }

    /// Answers 101, and hands the descriptor to the shard once hyper lets go of it.
    fn upgrade(
        self: Rc<Self>,
        mut request: Request<Incoming>,
        sid: Option<String>,
        expected: Option<Expected>,
    ) -> Answer {
        let accepted = websocket::accept(request.method(), request.version(), request.headers());
        let accept = match accepted {
            Ok(accept) => accept,
            Err((status, sentence)) => return upgrade_error(status, sentence),
        };
        if sid.is_none() && self.shard.peek(|shard| shard.is_shutting_down()) {
            return shutting_down();
        }
        let protocol = websocket::first_protocol(request.headers());
        let handshake = self.describe(&request);
        let session_counted = match sid {
            Some(_) => None,
            None => match self.count(handshake.address) {
                Some(counted) => Some(counted),
                None => return too_many(),
            },
        };
        let on_upgrade = hyper::upgrade::on(&mut request);
        tokio::task::spawn_local(async move {
            let upgraded = match on_upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => return tracing::debug!(%error, "upgrade failed"),
            };
            let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
                return tracing::error!("an upgraded connection is no TCP stream");
            };
            let stream = match parts.io.into_inner().into_std() {
                Ok(stream) => stream,
                Err(error) => return tracing::error!(%error, "a socket was not given up"),
            };
            let (open, read) = (self.open.take(), parts.read_buf);
            let Some(sid) = sid else {
                let counted = (open, session_counted);
                return self.shard.with(|shard| {
                    shard.open_websocket(stream, &read, handshake, counted);
                });
            };
            // If the session has ended meanwhile, the connection just closes.
            let give = move |shard: &Handle| {
                shard.with(|shard| {
                    if let Some(key) = shard.session(&sid) {
                        shard.open_candidate(stream, &read, key, open);
                    }
                });
            };
            match expected {
                Some(expected) => drop(expected.owner.post(Parcel::Visit(Box::new(give)))),
                None => give(&self.shard),
            }
        });
        let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let accept = HeaderValue::from_str(&accept).expect("base64 may stand in a header");
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        response
    }

    fn describe(&self, request: &Request<Incoming>) -> Handshake {
        Handshake {
            address: self.settings.proxies.client(self.address, request.headers()),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
        }
    }

    fn count(&self, address: IpAddr) -> Option<Counted> {
        let counted = self.settings.sessions_per_address.take(address);
        if counted.is_none() {
            self.shard.peek(|shard| shard.metrics().sessions_refused.inc());
        }
        counted
    }
}

/// A WebSocket on its way to the shard of its session. The session's requests wait for it there:
/// what it has said is older than what they say. When this is dropped it has arrived, or will not.
struct Expected {
    owner: Mailbox,
    sid: String,
}

impl Drop for Expected {
    fn drop(&mut self) {
        let sid = std::mem::take(&mut self.sid);
        self.owner.post(Parcel::Visit(Box::new(move |shard: &Handle| {
            shard.peek(|shard| shard.candidate_arrived(&sid));
        })));
    }
}

/// The transport of a session of this shard.
fn look_up(shard: &Handle, sid: &str) -> Option<Transport> {
    shard.with(|shard| shard.session(sid).and_then(|key| shard.transport(key)))
}

/// The parameters that matter; others are ignored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    transport: Option<String>,
    eio: Option<String>,
    /// Empty counts as absent.
    sid: Option<String>,
    is_repeated: bool,
}

impl Query {
    fn read(uri: &Uri) -> Result<Self, HandshakeError> {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "transport" => &mut query.transport,
                "EIO" => &mut query.eio,
                "sid" => &mut query.sid,
                _ => continue,
            };
            query.is_repeated |= place.replace(value.to_owned()).is_some();
        }
        query.sid = query.sid.filter(|sid| !sid.is_empty());
        Ok(query)
    }
}

/// True if a path would leave the folder it names, however it is spelled.
fn climbs(path: &str) -> bool {
    path.split('/').any(|part| part.to_ascii_lowercase().replace("%2e", ".") == "..")
}

fn is_old_internet_explorer(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.contains(";MSIE") || agent.contains("Trident/"))
}

/// As the reference answers upgrades that it refuses.
fn upgrade_error(status: StatusCode, sentence: &str) -> Answer {
    let mut response = close(text(status, "text/html", sentence.as_bytes().to_vec()));
    if status == StatusCode::UPGRADE_REQUIRED {
        let version = HeaderValue::from_static("13");
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, version);
    }
    response
}

fn shutting_down() -> Answer {
    let body = r#"{"code":"E_SHUTDOWN","message":"the server is stopping"}"#;
    close(json(StatusCode::SERVICE_UNAVAILABLE, body))
}

fn too_many() -> Answer {
    let body = r#"{"code":"E_RATE","message":"too many sessions of one address"}"#;
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, body);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    close(response)
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

fn json(status: StatusCode, body: &str) -> Answer {
    text(status, "application/json", body.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_noticed_and_an_empty_sid_is_none() {
        let read = |query: &str| Query::read(&format!("/?{query}").parse().unwrap()).unwrap();
        assert_eq!(read("EIO=4&transport=polling&sid=").sid, None);
        assert!(!read("EIO=4&t=1&t=2&transport=polling").is_repeated);
        assert!(read("transport=polling&transport=websocket").is_repeated);
        assert!(read("sid=a&sid=").is_repeated);
        assert_eq!(read(""), Query::default());
    }
}

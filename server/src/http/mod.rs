//! Requests of one TCP connection: which are Engine.IO's, which the operator's, which the site's.
//! Polling and WebSocket themselves are `transport`'s part. A request for a session of another
//! shard is carried there, and a connection that becomes a WebSocket moves there.

mod answers;
mod asked;
pub mod doors;
mod elsewhere;
mod pages;
mod upgrades;

use std::{
    cell::Cell,
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Once},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use parlor_core::{
    cluster::Owners,
    engine_io::Transport,
    key::{ConnectionKey, SessionKey},
};
use parlor_shared::engine_io::HandshakeError;
use prometheus_client::registry::Registry;
use tokio::{net::TcpStream, task::spawn_local};

use answers::{forbidden, not_allowed, shutting_down, too_many, upgrade_error};
use asked::{Asked, climbs, is_old_internet_explorer, is_plain};
use elsewhere::Expected;
use upgrades::Upgrade;

use crate::{
    acceptor::OpenConnection,
    address::{Network, TrustedProxies},
    allow::{self, Allow, HandshakeRequest, Verdict},
    auth::Accounts,
    cors::{self, Cors, foreign_page},
    handlers::Handshake,
    limits::{Denied, Limits, Pass},
    mailbox::Mailbox,
    patience::Placed,
    shard::{Guest, Handle},
    transport::{
        Transports, opening,
        polling::{self, Answer, Post, close, empty},
        stream::Stream,
    },
};

/// Bytes of a request's head. It has 100 headers at most: that is hyper's own limit, and naming it
/// would cost each request.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Where a page gets a token before it connects.
const GUEST_PATH: &str = "/guest";

/// When an address may try again that has as many sessions as it may.
const COME_AGAIN: Duration = Duration::from_secs(10);

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    /// Begins and ends with `/`.
    pub(crate) path: String,
    pub(crate) transports: Transports,
    pub(crate) cors: Cors,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: Arc<Limits>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) allow: Allow,
    /// How long an async judge of handshakes may take.
    pub(crate) allow_timeout: Duration,
    /// Requests of a session must come from the network and the page that opened it.
    pub(crate) binds_sessions: bool,
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
    /// What was said of its first request before hyper had it: nobody is asked twice.
    verdict: Cell<Option<Judged>>,
    /// Its first request is to be refused, for what hyper does not tell.
    is_doubtful: Cell<bool>,
}

impl Peer {
    fn new(shard: Handle, settings: Arc<HttpSettings>, address: IpAddr) -> Self {
        let (open, verdict, is_doubtful) = Default::default();
        Self { shard, settings, address, open, verdict, is_doubtful }
    }
}

/// How far an answer came while its request was looked at.
enum Begun {
    Done(Answer),
    /// A GET of a session, and a POST.
    Get(SessionKey),
    Post(SessionKey, Post),
    /// Something else has to happen first, which is rare: the others stay small.
    Later(Pin<Box<dyn Future<Output = Answer>>>),
}

impl Begun {
    fn later(answer: impl Future<Output = Answer> + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }
}

/// Serves a connection until it closes or becomes a WebSocket.
async fn serve(
    stream: Stream,
    guest: Guest,
    (open, (verdict, is_doubtful)): (OpenConnection, (Option<Judged>, bool)),
    shard: Handle,
    settings: Arc<HttpSettings>,
) {
    let Guest { address, since } = guest;
    let place = Rc::new(shard.place(since, stream.progress()));
    let _until_done = shard.draining();
    let peer = Rc::new(Peer {
        open: Cell::new(Some(open)),
        verdict: Cell::new(verdict),
        is_doubtful: Cell::new(is_doubtful),
        ..Peer::new(shard, settings, address)
    });
    let own = Rc::clone(&place);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = own.begin();
        let (peer, place) = (Rc::clone(&peer), Rc::clone(&own));
        async move {
            // Not before hyper has read what of the body came along: a body that is dropped then
            // costs nothing, one that is dropped before costs the connection.
            let (begun, told) = Rc::clone(&peer).begin(request, &place);
            let mut answer = peer.finish(begun).await;
            if let Some(told) = told {
                told.apply(answer.headers_mut());
            }
            drop(busy);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(stream, service)
        .with_upgrades();
    tokio::pin!(connection);
    let mut is_ending = false;
    let served = std::future::poll_fn(|cx| {
        if place.is_ending() && !std::mem::replace(&mut is_ending, true) {
            // The request that is being answered is the last one.
            connection.as_mut().graceful_shutdown();
        }
        match connection.as_mut().poll(cx) {
            Poll::Ready(served) => Poll::Ready(Some(served)),
            Poll::Pending if place.is_late() => Poll::Ready(None),
            Poll::Pending => {
                place.wake_on_change(cx);
                Poll::Pending
            }
        }
    });
    match served.await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        None => tracing::debug!("a connection said nothing for too long"),
    }
}

/// What every answer below the Engine.IO path tells besides.
struct Told {
    cors: cors::Told,
    /// The filter of old Internet Explorers breaks answers that look like scripts.
    without_filter: bool,
}

impl Told {
    fn apply(self, headers: &mut HeaderMap) {
        self.cors.apply(headers);
        if self.without_filter {
            headers.insert(header::X_XSS_PROTECTION, HeaderValue::from_static("0"));
        }
    }
}

impl Peer {
    /// True if the request is Engine.IO's. The reference serves everything below the path; `..`
    /// has no business there.
    fn is_engines<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        path.starts_with(&self.settings.path) && !climbs(path)
    }

    /// Begins to answer; and what the answer tells besides.
    fn begin(
        self: Rc<Self>,
        request: Request<Incoming>,
        place: &Rc<Placed>,
    ) -> (Begun, Option<Told>) {
        if self.is_doubtful.take() || !is_plain(&request) {
            return (Begun::Done(close(empty(StatusCode::BAD_REQUEST))), None);
        }
        if request.headers().get(header::EXPECT).is_some_and(|what| !expects_continue(what)) {
            return (Begun::Done(close(empty(StatusCode::EXPECTATION_FAILED))), None);
        }
        if self.is_engines(&request) {
            let told = self.told(&request);
            let begun = if self.settings.cors.handles(request.method()) {
                Begun::Done(self.settings.cors.preflight(request.headers()))
            } else {
                self.engine(request, Some(place))
            };
            return (begun, Some(told));
        }
        if request.uri().path() == GUEST_PATH {
            return (Begun::Done(self.guest_page(&request)), Some(self.told(&request)));
        }
        // An upgrade that is not for us is not made: the request is answered as any other.
        if request.uri().path() == "/metrics" {
            let page = Begun::later(async move {
                self.gauge().await;
                self.page(&request)
            });
            return (page, None);
        }
        (Begun::Done(self.page(&request)), None)
    }

    fn told<B>(&self, request: &Request<B>) -> Told {
        Told {
            cors: self.settings.cors.told(request.method(), request.headers()),
            without_filter: is_old_internet_explorer(request.headers()),
        }
    }

    async fn finish(&self, begun: Begun) -> Answer {
        match begun {
            Begun::Done(answer) => answer,
            Begun::Get(key) => polling::get(&self.shard, key).await,
            Begun::Post(key, post) => {
                polling::post(&self.shard, key, post, self.settings.body_timeout).await
            }
            Begun::Later(answer) => answer.await,
        }
    }

    /// A request below the Engine.IO path.
    fn engine(self: Rc<Self>, request: Request<Incoming>, place: Option<&Rc<Placed>>) -> Begun {
        let asked = Asked::of(&request);
        let Some(sid) = asked.query.sid else {
            return self.decide(request, asked, None, None, place);
        };
        if let Some(owner) = self.elsewhere(&sid) {
            let owner = owner.clone();
            let place = place.cloned();
            return Begun::later(async move {
                if !asked.is_upgrade {
                    return self.forward(&owner, request).await;
                }
                // If the request is given up meanwhile, this tells the owner.
                let expected = Expected { owner, sid };
                let known = match self.announce(&expected.owner, sid, &request).await {
                    Ok(known) => known,
                    Err(refusal) => return self.refuse(refusal, true),
                };
                let expected = Some(expected);
                let begun =
                    Rc::clone(&self).decide(request, asked, known, expected, place.as_ref());
                self.finish(begun).await
            });
        }
        if self.shard.peek(|shard| shard.expects_candidate(&sid)) {
            let place = place.cloned();
            return Begun::later(async move {
                self.shard.candidates(&sid).await;
                let known = self.shard.asked_about(&sid);
                let begun = Rc::clone(&self).decide(request, asked, known, None, place.as_ref());
                self.finish(begun).await
            });
        }
        let known = self.shard.asked_about(&sid);
        self.decide(request, asked, known, None, place)
    }

    /// A request of which is known what its session is, if it names one.
    fn decide(
        self: Rc<Self>,
        request: Request<Incoming>,
        asked: Asked,
        known: Option<(SessionKey, Transport)>,
        expected: Option<Expected>,
        place: Option<&Rc<Placed>>,
    ) -> Begun {
        let transport = known.map(|(_, transport)| transport);
        match asked.verify(request.method(), transport, self.settings.transports) {
            Err(error) if asked.is_upgrade => {
                Begun::Done(upgrade_error(StatusCode::BAD_REQUEST, error.message()))
            }
            Err(error) => {
                let limit = self.shard.peek(|shard| shard.max_payload());
                let busy = place.map(|place| place.begin());
                polling::drain(Post::of(request, busy), limit, self.settings.body_timeout);
                Begun::Done(polling::error(error))
            }
            // One of another shard has been looked at there.
            Ok(())
                if expected.is_none()
                    && known.is_some_and(|(key, _)| self.is_foreign(key, &request)) =>
            {
                Begun::Done(self.refuse(Refusal::Foreign, asked.is_upgrade))
            }
            Ok(()) if !asked.query.names_session => self.ask(request, asked),
            Ok(()) if asked.is_upgrade => Begun::Done(self.upgrade(request, &asked, expected)),
            Ok(()) => match known {
                None => Begun::Done(polling::error(HandshakeError::SidUnknown)),
                Some((key, _)) => match *request.method() {
                    Method::GET => Begun::Get(key),
                    Method::POST => {
                        let busy = place.map(|place| place.begin());
                        Begun::Post(key, Post::of(request, busy))
                    }
                    _ => Begun::Done(not_allowed("GET, POST, OPTIONS")),
                },
            },
        }
    }

    /// Asks whoever judges handshakes about a request that would open a session.
    fn ask(self: Rc<Self>, request: Request<Incoming>, asked: Asked) -> Begun {
        let verdict = match (self.verdict.take(), &self.settings.allow) {
            (Some(verdict), _) => verdict,
            (None, Allow::All) => Ok(Ok(())),
            (None, Allow::Now(judge)) => self.judge(&**judge, &request),
            (None, Allow::Later(judge, tasks)) => {
                if let Err(denied) = self.visit(&request) {
                    let refusal = Refusal::Denied(denied);
                    return Begun::Done(self.refuse(refusal, asked.is_upgrade));
                }
                let (judge, tasks) = (Arc::clone(judge), Arc::clone(tasks));
                return Begun::later(async move {
                    let running = self.shard.peek(|s| s.metrics().handlers_running.clone());
                    let timeout = self.settings.allow_timeout;
                    let about = self.handshake_request(&request);
                    let verdict = allow::judge_later(judge, &tasks, about, timeout, &running).await;
                    let begun = Rc::clone(&self).judged(request, asked, Ok(verdict));
                    self.finish(begun).await
                });
            }
        };
        self.judged(request, asked, verdict)
    }

    /// Asks a judge who answers at once, but not for who comes too often: that may cost a lot.
    fn judge<B>(&self, judge: &allow::Now, request: &Request<B>) -> Judged {
        self.visit(request)?;
        Ok(allow::judge(judge, &self.handshake_request(request)))
    }

    fn judged(self: Rc<Self>, request: Request<Incoming>, asked: Asked, verdict: Judged) -> Begun {
        let refusal = match verdict {
            Ok(Ok(())) => None,
            Ok(Err(message)) => Some(Refusal::NotAllowed(message)),
            Err(denied) => Some(Refusal::Denied(denied)),
        };
        if let Some(refusal) = refusal {
            return Begun::Done(self.refuse(refusal, asked.is_upgrade));
        }
        if asked.is_upgrade {
            return Begun::Done(self.upgrade(request, &asked, None));
        }
        match self.handshake(&request) {
            Ok(key) => Begun::Get(key),
            Err(refusal) => Begun::Done(self.refuse(refusal, false)),
        }
    }

    fn handshake<B>(&self, request: &Request<B>) -> Result<SessionKey, Refusal> {
        if self.shard.peek(|shard| shard.is_shutting_down()) {
            return Err(Refusal::ShuttingDown);
        }
        if !self.settings.cors.may_poll(request.headers()) {
            return Err(Refusal::Foreign);
        }
        let handshake = self.describe(request);
        let pass = self.pass(handshake.address)?;
        Ok(self.shard.with(|shard| shard.open_polling(handshake, Some(pass))))
    }

    fn refuse(&self, refusal: Refusal, is_upgrade: bool) -> Answer {
        let count = || self.shard.peek(|shard| shard.metrics().sessions_refused.inc());
        match refusal {
            Refusal::Opening(status, sentence) => upgrade_error(status, sentence),
            Refusal::ShuttingDown => shutting_down(),
            Refusal::Denied(denied) => {
                count();
                match denied {
                    Denied::Sessions => too_many("sessions", COME_AGAIN),
                    Denied::TooOften(after) => too_many("handshakes", after),
                }
            }
            Refusal::Foreign if is_upgrade => {
                upgrade_error(StatusCode::FORBIDDEN, HandshakeError::Forbidden.message())
            }
            Refusal::Foreign => polling::error(HandshakeError::Forbidden),
            // As the reference words it for each transport.
            Refusal::NotAllowed(message) if is_upgrade => {
                upgrade_error(StatusCode::BAD_REQUEST, message)
            }
            Refusal::NotAllowed(message) => forbidden(&message),
        }
    }

    fn handshake_request<B>(&self, request: &Request<B>) -> HandshakeRequest {
        let address = self.settings.proxies.client(self.address, request.headers());
        HandshakeRequest::of(request, address)
    }

    /// True if sessions are bound to who opened them, and this request comes from elsewhere.
    fn is_foreign<B>(&self, key: SessionKey, request: &Request<B>) -> bool {
        self.settings.binds_sessions && {
            let address = self.settings.proxies.client(self.address, request.headers());
            let opened = self.shard.peek(|shard| shard.handshake(key));
            opened.is_some_and(|opened| is_elsewhere(&opened, address, request.headers()))
        }
    }

    /// Says it once if clients come by a proxy that is not trusted: then all of them share what
    /// one address may.
    fn look_for_proxy(&self, headers: &HeaderMap) {
        static TOLD: Once = Once::new();
        let is_forwarded =
            ["x-forwarded-for", "forwarded"].iter().any(|n| headers.contains_key(*n));
        if is_forwarded && !self.settings.proxies.contains(self.address) {
            self.shard.peek(|shard| shard.metrics().forwarded_untrusted.inc());
            TOLD.call_once(|| {
                let what = "a request was forwarded, but by an address that `proxy.trusted` does \
                            not name: if it is a proxy, its clients have one address's limits";
                tracing::warn!(address = %self.address, "{what}");
            });
        }
    }

    fn describe<B>(&self, request: &Request<B>) -> Handshake {
        self.look_for_proxy(request.headers());
        Handshake {
            address: self.settings.proxies.client(self.address, request.headers()),
            url: request.uri().to_string().into(),
            headers: request.headers().into(),
            issued: self.shard.peek(|shard| shard.wall_ms()),
        }
    }

    /// Somebody wants a session, and is to be judged.
    fn visit<B>(&self, request: &Request<B>) -> Result<(), Denied> {
        let now = self.shard.peek(|shard| shard.clock().now());
        let address = self.settings.proxies.client(self.address, request.headers());
        self.settings.limits.visit(now, Network::of(address))
    }

    fn pass(&self, address: IpAddr) -> Result<Pass, Refusal> {
        let now = self.shard.peek(|shard| shard.clock().now());
        let is_known = !matches!(self.settings.allow, Allow::All);
        let pass = self.settings.limits.pass(now, Network::of(address), is_known);
        pass.map_err(Refusal::Denied)
    }
}

/// Nothing else can be expected (RFC 9110 § 10.1.1).
fn expects_continue(what: &HeaderValue) -> bool {
    what.as_bytes().eq_ignore_ascii_case(b"100-continue")
}

/// True if a request comes from another network than the one that opened its session, or from
/// another page. Of pages from here, browsers name the origin when they POST, and not when they
/// GET.
fn is_elsewhere(opened: &Handshake, address: IpAddr, headers: &HeaderMap) -> bool {
    Network::of(opened.address) != Network::of(address)
        || foreign_page(headers)
            .is_some_and(|page| opened.headers.get(header::ORIGIN) != Some(page))
}

/// What is said of a handshake: that its network comes too often, or what the judge says.
type Judged = Result<Verdict, Denied>;

/// Why a request that is in order is refused all the same.
#[derive(Debug)]
enum Refusal {
    Opening(StatusCode, &'static str),
    ShuttingDown,
    Denied(Denied),
    /// The page that it comes from may not do this.
    Foreign,
    /// The operator's own judge says no.
    NotAllowed(String),
}

/// Hears what a guest of the shard wants. A WebSocket whose request is complete and in order is
/// made at once; whatever else it may be, it is for hyper to find out.
pub(crate) fn greet(shard: &Handle, settings: &Arc<HttpSettings>, key: ConnectionKey) {
    let mut words = [0; MAX_HEAD_BYTES];
    let Some((guest, n)) = shard.peek(|shard| shard.listen(key, &mut words)) else { return };
    let words = &mut words[..n];
    let mut verdict = None;
    if let Some((request, n_head)) = opening::read(words) {
        let (shard, settings) = (shard.clone(), Arc::clone(settings));
        let peer = Peer::new(shard, settings, guest.address);
        if let Some((upgrade, session)) = peer.straight(&request) {
            let Upgrade { answer, handshake, pass } = upgrade;
            let (answer, rest) = (opening::write(&answer), &mut words[n_head..]);
            return peer.shard.with(|shard| match session {
                None => shard.open_session(key, answer, handshake, pass, rest),
                Some(session) => shard.try_candidate(key, &answer, session, rest),
            });
        }
        verdict = peer.verdict.take();
    }
    let first = (verdict, opening::is_doubtful(words));
    let Some((stream, Some(open))) = shard.peek(|shard| shard.hand_over(key)) else { return };
    match TcpStream::from_std(stream) {
        Ok(stream) => {
            let stream = Stream::new(stream, Bytes::copy_from_slice(words));
            let (shard, settings) = (shard.clone(), Arc::clone(settings));
            spawn_local(async move {
                // Until tokio knows that, an answer would wait; and a 101 that waits is lost if
                // hyper has no more to read.
                match stream.writable().await {
                    Ok(()) => serve(stream, guest, (open, first), shard, settings).await,
                    Err(error) => tracing::debug!(%error, "a connection ended early"),
                }
            });
        }
        Err(error) => tracing::error!(%error, "a socket could not be watched"),
    }
}

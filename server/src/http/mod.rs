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
    cell::Cell, convert::Infallible, net::IpAddr, pin::Pin, rc::Rc, sync::Arc, task::Poll,
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
use prometheus_client::registry::Registry;
use tokio::{net::TcpStream, task::spawn_local};

use answers::{not_allowed, shutting_down, too_many, upgrade_error};
use asked::{Asked, climbs, is_old_internet_explorer, is_plain};
use elsewhere::Expected;
use upgrades::Upgrade;

use crate::{
    acceptor::OpenConnection,
    address::{Counted, PerAddress, TrustedProxies},
    cors::{self, Cors},
    handlers::Handshake,
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

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    /// Begins and ends with `/`.
    pub(crate) path: String,
    pub(crate) transports: Transports,
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
    open: OpenConnection,
    shard: Handle,
    settings: Arc<HttpSettings>,
) {
    let Guest { address, since } = guest;
    let place = Rc::new(shard.place(since, stream.progress()));
    let _until_done = shard.draining();
    let peer = Rc::new(Peer { shard, settings, address, open: Cell::new(Some(open)) });
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
        if !is_plain(&request) {
            return (Begun::Done(close(empty(StatusCode::BAD_REQUEST))), None);
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
                let known = self.announce(&expected.owner, sid).await;
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
            Ok(()) if asked.is_upgrade => Begun::Done(self.upgrade(request, &asked, expected)),
            Ok(()) => match known {
                None => self.handshake(&request),
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

    fn handshake<B>(&self, request: &Request<B>) -> Begun {
        if self.shard.peek(|shard| shard.is_shutting_down()) {
            return Begun::Done(self.refuse(Refusal::ShuttingDown));
        }
        let handshake = self.describe(request);
        let Some(counted) = self.count(handshake.address) else {
            return Begun::Done(self.refuse(Refusal::TooMany));
        };
        Begun::Get(self.shard.with(|shard| shard.open_polling(handshake, Some(counted))))
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::Opening(status, sentence) => upgrade_error(status, sentence),
            Refusal::ShuttingDown => shutting_down(),
            Refusal::TooMany => {
                self.shard.peek(|shard| shard.metrics().sessions_refused.inc());
                too_many()
            }
        }
    }

    fn describe<B>(&self, request: &Request<B>) -> Handshake {
        Handshake {
            address: self.settings.proxies.client(self.address, request.headers()),
            url: request.uri().to_string().into(),
            headers: request.headers().into(),
            issued: self.shard.peek(|shard| shard.wall_ms()),
        }
    }

    fn count(&self, address: IpAddr) -> Option<Counted> {
        self.settings.sessions_per_address.take(address)
    }
}

/// Why a request that is in order is refused all the same.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Opening(StatusCode, &'static str),
    ShuttingDown,
    TooMany,
}

/// Hears what a guest of the shard wants. A WebSocket whose request is complete and in order is
/// made at once; whatever else it may be, it is for hyper to find out.
pub(crate) fn greet(shard: &Handle, settings: &Arc<HttpSettings>, key: ConnectionKey) {
    let mut words = [0; MAX_HEAD_BYTES];
    let Some((guest, n)) = shard.peek(|shard| shard.listen(key, &mut words)) else { return };
    let words = &mut words[..n];
    if let Some((request, n_head)) = opening::read(words) {
        let (shard, settings) = (shard.clone(), Arc::clone(settings));
        let peer = Peer { shard, settings, address: guest.address, open: Cell::new(None) };
        if let Some((upgrade, session)) = peer.straight(&request) {
            let Upgrade { answer, handshake, counted } = upgrade;
            let (answer, rest) = (opening::write(&answer), &mut words[n_head..]);
            return peer.shard.with(|shard| match session {
                None => shard.open_session(key, answer, handshake, counted, rest),
                Some(session) => shard.try_candidate(key, &answer, session, rest),
            });
        }
    }
    let Some((stream, Some(open))) = shard.peek(|shard| shard.hand_over(key)) else { return };
    match TcpStream::from_std(stream) {
        Ok(stream) => {
            let stream = Stream::new(stream, Bytes::copy_from_slice(words));
            let (shard, settings) = (shard.clone(), Arc::clone(settings));
            spawn_local(async move {
                // Until tokio knows that, an answer would wait; and a 101 that waits is lost if
                // hyper has no more to read.
                match stream.writable().await {
                    Ok(()) => serve(stream, guest, open, shard, settings).await,
                    Err(error) => tracing::debug!(%error, "a connection ended early"),
                }
            });
        }
        Err(error) => tracing::error!(%error, "a socket could not be watched"),
    }
}

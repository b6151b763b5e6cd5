//! Connections that become WebSockets: judged, answered 101, and handed to the shard.

use std::rc::Rc;

use hyper::{
    HeaderMap, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use parlor_core::key::SessionKey;
use tokio::task::spawn_local;

use super::{
    Peer, Refusal,
    asked::{Asked, is_plain},
    elsewhere::Expected,
};
use crate::{
    allow::Allow,
    handlers::Handshake,
    limits::Pass,
    mailbox::Parcel,
    shard::Handle,
    transport::{
        polling::{Answer, empty},
        stream::Stream,
        websocket,
    },
};

/// A WebSocket that may be.
pub(super) struct Upgrade {
    /// The 101.
    pub(super) answer: Answer,
    pub(super) handshake: Handshake,
    /// Of a new session.
    pub(super) pass: Option<Pass>,
}

/// The 101.
pub(super) fn switching(request: &HeaderMap, accept: &str) -> Answer {
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    if let Some(protocol) = websocket::first_protocol(request) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = HeaderValue::from_str(accept).expect("base64 may stand in a header");
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

impl Peer {
    /// Judges a request to become a WebSocket that is in order as a request.
    fn accept<B>(&self, request: &Request<B>, asked: &Asked) -> Result<Upgrade, Refusal> {
        let accept = websocket::accept(request.method(), request.version(), request.headers())
            .map_err(|(status, sentence)| Refusal::Opening(status, sentence))?;
        if !self.settings.cors.may_upgrade(request.headers()) {
            return Err(Refusal::Foreign);
        }
        let is_new = !asked.query.names_session;
        if is_new && self.shard.peek(|shard| shard.is_shutting_down()) {
            return Err(Refusal::ShuttingDown);
        }
        let handshake = self.describe(request);
        let pass = match is_new {
            true => Some(self.pass(handshake.address)?),
            false => None,
        };
        let answer = switching(request.headers(), &accept);
        Ok(Upgrade { answer, handshake, pass })
    }

    /// Answers 101, and hands the descriptor to the shard once hyper lets go of it.
    pub(super) fn upgrade(
        self: Rc<Self>,
        mut request: Request<Incoming>,
        asked: &Asked,
        expected: Option<Expected>,
    ) -> Answer {
        let Upgrade { answer, handshake, pass } = match self.accept(&request, asked) {
            Ok(upgrade) => upgrade,
            Err(refusal) => return self.refuse(refusal, true),
        };
        let sid = asked.query.sid;
        let on_upgrade = hyper::upgrade::on(&mut request);
        spawn_local(async move {
            let upgraded = match on_upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => return tracing::debug!(%error, "upgrade failed"),
            };
            let Ok(parts) = upgraded.downcast::<Stream>() else {
                return tracing::error!("an upgraded connection is no TCP stream");
            };
            let (stream, unread) = parts.io.into_parts();
            let stream = match stream.into_std() {
                Ok(stream) => stream,
                Err(error) => return tracing::error!(%error, "a socket was not given up"),
            };
            let (open, read) = (self.open.take(), [parts.read_buf, unread].concat());
            let Some(sid) = sid else {
                return self.shard.with(|shard| {
                    shard.open_websocket(stream, &read, handshake, (open, pass));
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
        answer
    }

    /// What a request that is here as a whole comes to, if it is to become a WebSocket of this
    /// shard and nothing is wrong with it. All else is told by hyper's way.
    pub(super) fn straight(&self, request: &Request<()>) -> Option<(Upgrade, Option<SessionKey>)> {
        if !is_plain(request) || !self.is_engines(request) {
            return None;
        }
        let asked = Asked::of(request);
        let known = match asked.query.sid {
            Some(sid) if self.elsewhere(&sid).is_some() => return None,
            Some(sid) if self.shard.peek(|shard| shard.expects_candidate(&sid)) => return None,
            Some(sid) => self.shard.asked_about(&sid),
            None => None,
        };
        let transport = known.map(|(_, transport)| transport);
        let verdict = asked.verify(request.method(), transport, self.settings.transports);
        if !asked.is_upgrade || verdict.is_err() {
            return None;
        }
        match known {
            Some((key, _)) if self.is_foreign(key, request) => return None,
            Some(_) => {}
            None => match &self.settings.allow {
                Allow::All => {}
                Allow::Now(judge) => {
                    let verdict = self.judge(&**judge, request);
                    let is_refused = !matches!(verdict, Ok(Ok(())));
                    self.verdict.set(Some(verdict));
                    if is_refused {
                        return None;
                    }
                }
                Allow::Later(..) => return None,
            },
        }
        let mut upgrade = self.accept(request, &asked).ok()?;
        self.told(request).apply(upgrade.answer.headers_mut());
        Some((upgrade, known.map(|(key, _)| key)))
    }
}

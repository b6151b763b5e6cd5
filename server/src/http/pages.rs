//! Pages for operators, and the demo site: whatever is not below the Engine.IO path.

use std::time::Duration;

use hyper::{Method, Request, StatusCode};
use tokio::sync::oneshot;

use super::{
    Peer, Refusal,
    answers::{json, not_allowed},
};
use crate::{
    address::Network,
    mailbox::{Mailbox, Parcel},
    metrics,
    shard::Handle,
    site,
    transport::polling::{Answer, empty, text},
};

/// How long a shard may take to tell its figures.
const GAUGE_TIMEOUT: Duration = Duration::from_millis(500);

impl Peer {
    /// Has every shard bring its part of the gauges up to date.
    pub(super) async fn gauge(&self) {
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

    /// A new guest's token, for who asks for one before connecting.
    pub(super) fn guest_page<B>(&self, request: &Request<B>) -> Answer {
        if self.settings.cors.handles(request.method()) {
            return self.settings.cors.preflight(request.headers());
        }
        if request.method() != Method::POST {
            return not_allowed("POST");
        }
        let address = self.settings.proxies.client(self.address, request.headers());
        let now = self.shard.peek(|shard| shard.clock().now());
        if let Err(denied) = self.settings.limits.visit(now, Network::of(address)) {
            return self.refuse(Refusal::Denied(denied), false);
        }
        let guest = self.settings.accounts.new_guest();
        let guest = serde_json::to_string(&guest).expect("a token has a JSON form");
        text(StatusCode::OK, "application/json", guest)
    }

    /// Pages for operators and the demo site.
    pub(super) fn page<B>(&self, request: &Request<B>) -> Answer {
        let method = request.method();
        if method != Method::GET && method != Method::HEAD {
            return not_allowed("GET, HEAD");
        }
        match request.uri().path() {
            "/livez" => json(StatusCode::OK, r#"{"status":"live"}"#),
            "/readyz" if self.shard.peek(|shard| shard.is_shutting_down()) => {
                json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
            }
            "/readyz" => json(StatusCode::OK, r#"{"status":"ready"}"#),
            "/metrics" => {
                let page = metrics::render(&self.settings.registry);
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                text(StatusCode::OK, kind, page)
            }
            path if self.settings.site => site::page(path, request.headers()),
            _ => empty(StatusCode::NOT_FOUND),
        }
    }
}

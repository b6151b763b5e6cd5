//! The operator's own word on who may open a session, before there is one: `allow_request`.
//! Which requests it is asked about, and how a refusal is worded, is `http`'s part.
//! Source: engine.io's option `allowRequest`.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hyper::{HeaderMap, Method, Request, Uri};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::oneshot;

use crate::handlers::{RunningTask, Tasks, caught, shown};

/// What is said of a request whose judge failed, or gave no reason in time.
const FORBIDDEN: &str = "Forbidden";

/// A request that would open a session. Its `Debug` tells neither the query nor what
/// cookies and authorizations say: they may be secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct HandshakeRequest {
    /// The client's address, as told by trusted proxies.
    pub address: IpAddr,
    /// GET; the reference knows no other.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// All of them, cookies included: which a page of any origin can make a browser send.
    pub headers: HeaderMap,
}

impl fmt::Debug for HandshakeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter();
        let headers =
            headers.map(|(name, value)| shown(name.as_str().as_bytes(), value.as_bytes()));
        let headers: Vec<_> = headers.collect();
        f.debug_struct("HandshakeRequest")
            .field("address", &self.address)
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .field("headers", &headers)
            .finish()
    }
}

impl HandshakeRequest {
    pub(crate) fn of<B>(request: &Request<B>, address: IpAddr) -> Self {
        Self {
            address,
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        }
    }
}

/// Yes, or what a client is told that may not.
pub(crate) type Verdict = Result<(), String>;

pub(crate) type Now = dyn Fn(&HandshakeRequest) -> Verdict + Send + Sync;
type Later = dyn Fn(HandshakeRequest) -> RunningTask<Verdict> + Send + Sync;

/// The judge, if there is one.
#[derive(Clone, Default)]
pub(crate) enum Allow {
    #[default]
    All,
    Now(Arc<Now>),
    Later(Arc<Later>, Arc<OnceLock<Tasks>>),
}

impl fmt::Debug for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Allow")
    }
}

impl Allow {
    /// The threads that an async judge runs on.
    pub(crate) fn run_on(&self, tasks: Tasks) {
        if let Self::Later(_, place) = self {
            // A server starts once.
            let _ = place.set(tasks);
        }
    }

    pub(crate) fn is_async(&self) -> bool {
        matches!(self, Self::Later(..))
    }
}

/// What a judge on the shard says.
pub(crate) fn judge(judge: &Now, request: &HandshakeRequest) -> Verdict {
    caught(|| judge(request)).unwrap_or_else(|words| {
        tracing::error!(panic = words, "allow_request panicked");
        Err(FORBIDDEN.to_owned())
    })
}

/// What an async judge says within this time.
pub(crate) async fn judge_later(
    judge: Arc<Later>,
    tasks: &OnceLock<Tasks>,
    request: HandshakeRequest,
    timeout: Duration,
    running: &Gauge,
) -> Verdict {
    let refused = || Err(FORBIDDEN.to_owned());
    let Some(tasks) = tasks.get().filter(|tasks| !tasks.is_full()) else { return refused() };
    let (done, verdict) = oneshot::channel();
    tasks.spawn(
        move || judge(request),
        running,
        move |verdict| {
            let verdict = verdict.unwrap_or_else(|words: String| {
                tracing::error!(panic = words, "allow_request_async panicked");
                Err(FORBIDDEN.to_owned())
            });
            // Who asked may have given up.
            let _ = done.send(verdict);
        },
    );
    match tokio::time::timeout(timeout, verdict).await {
        Ok(Ok(verdict)) => verdict,
        _ => refused(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adm_09_what_is_printed_of_it_tells_no_secret() {
        let request = Request::get("/socket.io/?token=secret")
            .header("Cookie", "a=secret")
            .header("Authorization", "Bearer secret")
            .header("User-Agent", "a browser")
            .body(())
            .unwrap();
        let printed = format!("{:?}", HandshakeRequest::of(&request, [127, 0, 0, 1].into()));
        assert!(!printed.contains("secret"), "{printed}");
        assert!(printed.contains("/socket.io/") && printed.contains("a browser"), "{printed}");
    }
}

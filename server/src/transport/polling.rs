//! HTTP long-polling: what a GET and a POST of the Engine.IO path are to a session.
//! Which request is which, and what refuses one, is `http`'s part.
//! Source: Engine.IO protocol v4, § HTTP long-polling; engine.io 6.6.11 for statuses and headers.

use std::{task::Poll, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Body as _, Incoming},
    header::{self, HeaderValue},
};
use parlor_core::key::SessionKey;
use parlor_shared::engine_io::HandshakeError;
use tokio::task::spawn_local;

use crate::{
    patience::Busy,
    shard::{Handle, Polled, Refused},
};

pub(crate) type Answer = Response<Full<Bytes>>;

/// What of a POST matters.
pub(crate) struct Post {
    body: Incoming,
    is_compressed: bool,
    is_binary: bool,
    /// It asks first whether its body is wanted.
    is_asking: bool,
    /// While its body may still come, the connection's next head is not waited for.
    busy: Option<Busy>,
}

impl Post {
    pub(crate) fn of(request: Request<Incoming>, busy: Option<Busy>) -> Self {
        let (head, body) = request.into_parts();
        let headers = &head.headers;
        Self {
            body,
            is_compressed: headers.contains_key(header::CONTENT_ENCODING),
            is_binary: headers
                .get(header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream")),
            is_asking: headers.contains_key(header::EXPECT),
            busy,
        }
    }
}

/// Waits until there is something for the session's client.
pub(crate) async fn get(shard: &Handle, key: SessionKey) -> Answer {
    let kind = "text/plain; charset=UTF-8";
    let receiver = match shard.with(|shard| shard.poll_opened(key)) {
        Ok(Polled::Answered(body)) => return text(StatusCode::OK, kind, body),
        Ok(Polled::Waits(receiver)) => receiver,
        Err(refused) => return refuse(refused),
    };
    let mut guard = Abort {
        shard,
        key,
        is_armed: true,
        abort: |shard, key| shard.with(|s| s.poll_aborted(key)),
    };
    let body = receiver.await;
    guard.is_armed = false;
    match body {
        Ok(body) => text(StatusCode::OK, kind, body),
        // The session ended without a word for this request.
        Err(_) => error(HandshakeError::SidUnknown),
    }
}

/// Takes a client's packets.
pub(crate) async fn post(
    shard: &Handle,
    key: SessionKey,
    mut post: Post,
    body_timeout: Duration,
) -> Answer {
    if shard.peek(|shard| shard.is_congested()) {
        Box::pin(shard.relief()).await;
    }
    if post.is_compressed {
        // Bodies are never inflated: a small one could become a huge one.
        return empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let max_payload = shard.peek(|shard| shard.max_payload());
    if let Err(refused) = shard.with(|shard| shard.post_opened(key)) {
        drain(post, max_payload, body_timeout);
        return refuse(refused);
    }
    let mut guard = Abort {
        shard,
        key,
        is_armed: true,
        abort: |shard, key| shard.with(|s| s.post_broken(key)),
    };
    if post.is_binary {
        // Only v3 had binary bodies. The guard ends the session.
        return empty(StatusCode::BAD_REQUEST);
    }
    let read = {
        let mut reading = std::pin::pin!(read_body(&mut post.body, max_payload));
        // Nearly always it came along with the head, and needs no timer.
        match std::future::poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
            Poll::Ready(read) => Ok(read),
            Poll::Pending => Box::pin(tokio::time::timeout(body_timeout, reading)).await,
        }
    };
    let body = match read {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => {
            drain(post, max_payload, body_timeout);
            return empty(status);
        }
        Err(_) => return close(empty(StatusCode::REQUEST_TIMEOUT)),
    };
    guard.is_armed = false;
    if shard.with(|shard| shard.post_body(key, &body)) {
        text(StatusCode::OK, "text/html", "ok")
    } else {
        empty(StatusCode::BAD_REQUEST)
    }
}

/// Reads a body, but not one byte more than `limit`.
async fn read_body(body: &mut Incoming, limit: usize) -> Result<Bytes, StatusCode> {
    if body.size_hint().lower() > limit as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    // Most are one piece, which is not copied.
    let (mut first, mut joined) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + joined.len() + data.len() > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if first.is_empty() && joined.is_empty() {
            first = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// Reads what is left of a refused request beside its answer, up to 8 times `limit`: a client
/// that still writes would otherwise see a broken connection instead of the answer.
pub(crate) fn drain(post: Post, limit: usize, timeout: Duration) {
    let Post { mut body, is_asking, busy, .. } = post;
    // Who asks first has not written yet; reading would invite it to.
    if body.is_end_stream() || is_asking {
        return;
    }
    spawn_local(async move {
        let read = async {
            let mut n_bytes = 0;
            while let Some(Ok(frame)) = body.frame().await {
                n_bytes += frame.data_ref().map_or(0, Bytes::len);
                if n_bytes > 8 * limit {
                    return;
                }
            }
        };
        // Past the limits the connection breaks off, which is all there is to do.
        let _ = tokio::time::timeout(timeout, read).await;
        drop(busy);
    });
}

/// Tells the session if a request ends before it should.
struct Abort<'s, F: Fn(&Handle, SessionKey)> {
    shard: &'s Handle,
    key: SessionKey,
    is_armed: bool,
    abort: F,
}

impl<F: Fn(&Handle, SessionKey)> Drop for Abort<'_, F> {
    fn drop(&mut self) {
        if self.is_armed {
            (self.abort)(self.shard, self.key);
        }
    }
}

/// An answer with the engine's JSON error.
pub(crate) fn error(error: HandshakeError) -> Answer {
    let status = StatusCode::from_u16(error.status()).expect("400 or 403");
    text(status, "application/json", error.body())
}

fn refuse(refused: Refused) -> Answer {
    match refused {
        Refused::Unknown => error(HandshakeError::SidUnknown),
        Refused::OtherTransport => error(HandshakeError::BadRequest),
        Refused::Overlap => empty(StatusCode::BAD_REQUEST),
    }
}

/// An answer with a body. Engine.IO answers are never to be cached.
pub(crate) fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Ends the connection after this answer: the rest of the request is not read.
pub(crate) fn close(mut response: Answer) -> Answer {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

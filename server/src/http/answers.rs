//! Answers to what is refused, as they are worded.

use std::time::Duration;

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use serde_json::json;

use crate::transport::polling::{Answer, close, empty, text};

/// As the reference answers upgrades that it refuses.
pub(super) fn upgrade_error(status: StatusCode, sentence: impl Into<Bytes>) -> Answer {
    let mut response = close(text(status, "text/html", sentence));
    if status == StatusCode::UPGRADE_REQUIRED {
        let version = HeaderValue::from_static("13");
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, version);
    }
    response
}

/// A server that stops takes no new sessions.
pub(super) fn shutting_down() -> Answer {
    let body = r#"{"code":"E_SHUTDOWN","message":"the server is stopping"}"#;
    close(json(StatusCode::SERVICE_UNAVAILABLE, body))
}

/// One address has its share of something. It may come again after so long.
pub(super) fn too_many(what: &'static str, after: Duration) -> Answer {
    let body = match what {
        "sessions" => r#"{"code":"E_RATE","message":"too many sessions of one address"}"#,
        _ => r#"{"code":"E_RATE","message":"too many new sessions of one address"}"#,
    };
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, body);
    let seconds = after.as_millis().div_ceil(1000).max(1);
    let seconds = HeaderValue::from_str(&seconds.to_string()).expect("digits");
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    close(response)
}

/// Somebody is kept out, for this reason, as the engine words it.
pub(super) fn forbidden(message: &str) -> Answer {
    let body = json!({"code": 4, "message": message}).to_string();
    text(StatusCode::FORBIDDEN, "application/json", body)
}

/// This page knows these methods only.
pub(super) fn not_allowed(methods: &'static str) -> Answer {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// An answer with a body in JSON.
pub(super) fn json(status: StatusCode, body: &'static str) -> Answer {
    text(status, "application/json", body)
}

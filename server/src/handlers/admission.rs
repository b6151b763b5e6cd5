//! What a client brings along when it connects, and the answer whether it may.

use std::{
    net::IpAddr,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use hyper::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};
use parlor_core::key::{SessionKey, SocketKey};
use parlor_shared::api::code;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// What a client sent along with its CONNECT.
#[derive(Debug, Clone, Copy)]
pub struct Auth<'a>(pub(super) Option<&'a str>);

impl<'a> Auth<'a> {
    /// The raw JSON object; `None` if the client sent none.
    pub fn raw(&self) -> Option<&'a str> {
        self.0
    }

    /// As a `T`; an absent payload reads as `{}`.
    ///
    /// # Errors
    /// If it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.unwrap_or("{}"))
    }
}

/// An [`Auth`] that owns its bytes, for async handlers.
#[derive(Debug, Clone)]
pub struct OwnedAuth(pub(super) Option<Arc<str>>);

impl OwnedAuth {
    /// The raw JSON object; `None` if the client sent none.
    pub fn raw(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// As a `T`; an absent payload reads as `{}`.
    ///
    /// # Errors
    /// If it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        Auth(self.raw()).get()
    }
}

/// Whether a socket may join.
pub type Admission = Result<(), ConnectError>;

/// Why a socket may not join: the client's `connect_error` gets it as `message` and `data`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    pub(super) message: String,
    pub(super) data: Option<String>,
    /// It counts as a failed token.
    pub(super) is_unauthorized: bool,
}

impl ConnectError {
    /// With a message alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None, is_unauthorized: false }
    }

    /// With data that programs can read.
    ///
    /// # Panics
    /// If `data` has no JSON form.
    pub fn with_data(message: impl Into<String>, data: &impl Serialize) -> Self {
        let data = serde_json::to_string(data).expect("the data has a JSON form");
        Self { message: message.into(), data: Some(data), is_unauthorized: false }
    }

    /// With the code `E_AUTH`: what the client brought does not prove who it is. Who fails often is
    /// shut out; see `limits.max_failed_auths_per_minute_per_address`.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        let refused = Self::with_data(message, &json!({"code": code::AUTH}));
        Self { is_unauthorized: true, ..refused }
    }

    /// What a client hears whose handler failed.
    pub(super) fn internal() -> Self {
        Self::new("Internal error")
    }
}

/// The request that opened a session.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The client's address, as told by trusted proxies.
    pub address: IpAddr,
    /// The query string, without `?`.
    pub query: String,
    /// The headers, as a [`HeaderMap`].
    pub headers: Headers,
}

impl Handshake {
    /// The value of a cookie; of two of one name the first, which is the one of the longer path.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all(header::COOKIE);
        let pairs = all.iter().filter_map(|all| all.to_str().ok()).flat_map(|all| all.split(';'));
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(own, _)| *own == name).map(|(_, value)| value.trim_matches('"').to_owned())
    }
}

/// The headers of a request. They are kept as text, for as long as the session lives, and made a
/// map when somebody asks for the first time.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// `name:value` and a line's end for each.
    text: Box<[u8]>,
    map: OnceLock<Box<HeaderMap>>,
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let n_bytes = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
        let mut text = Vec::with_capacity(n_bytes);
        for (name, value) in map {
            text.extend_from_slice(name.as_str().as_bytes());
            text.push(b':');
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        Self { text: text.into(), map: OnceLock::new() }
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let mut map = HeaderMap::new();
            for line in self.text.split(|byte| *byte == b'\n') {
                // No name has a colon, and no value an end of line.
                let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
                let name = HeaderName::from_bytes(&line[..colon]);
                let value = HeaderValue::from_bytes(&line[colon + 1..]);
                if let (Ok(name), Ok(value)) = (name, value) {
                    map.append(name, value);
                }
            }
            Box::new(map)
        })
    }
}

/// What an async handler has decided, on its way back to the shard.
pub(crate) struct Decision {
    pub(super) socket: SocketKey,
    pub(super) session: SessionKey,
    /// The handler to be asked next, if this one admits.
    pub(super) next: usize,
    pub(super) auth: OwnedAuth,
    /// Or the words with which it panicked.
    pub(super) verdict: Result<Admission, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("host", "a:80"),
            ("x-twice", "1"),
            ("cookie", "a=b; c=d"),
            ("x-empty", ""),
            ("x-twice", "2:\t3"),
        ] {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map.append("x-raw", HeaderValue::from_bytes(&[0xff, b':', 0x80]).unwrap());
        let headers = Headers::from(&map);
        assert_eq!(*headers, map);
        assert!(Headers::default().is_empty());
    }
}

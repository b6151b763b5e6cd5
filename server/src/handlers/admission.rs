//! What a client brings along when it connects, and the answer whether it may.

use std::{fmt, sync::Arc};

use parlor_core::key::{SessionKey, SocketKey};
use parlor_shared::{api::code, socket_io::json::read_last};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// What a client sent along with its CONNECT.
///
/// Its `Debug` tells no more than how long it is: it may hold a token.
#[derive(Clone, Copy)]
pub struct Auth<'a>(pub(super) Option<&'a str>);

impl fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({} bytes)", self.0.map_or(0, str::len))
    }
}

impl<'a> Auth<'a> {
    /// The raw JSON object; `None` if the client sent none.
    pub fn raw(&self) -> Option<&'a str> {
        self.0
    }

    /// As a `T`; an absent payload reads as `{}`. Of several members of one name the last counts.
    ///
    /// # Errors
    /// If it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        read_last(self.0.unwrap_or("{}"))
    }
}

/// An [`Auth`] that owns its bytes, for async handlers.
#[derive(Clone, Default)]
pub struct OwnedAuth(pub(super) Option<Arc<str>>);

impl fmt::Debug for OwnedAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_auth().fmt(f)
    }
}

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
        self.as_auth().get()
    }

    pub(super) fn as_auth(&self) -> Auth<'_> {
        Auth(self.raw())
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
    fn adm_09_what_is_printed_of_it_holds_no_token() {
        let text = r#"{"token":"secret"}"#;
        assert_eq!(format!("{:?}", Auth(Some(text))), "Auth(18 bytes)");
        assert_eq!(format!("{:?}", OwnedAuth(Some(text.into()))), "Auth(18 bytes)");
        assert_eq!(format!("{:#?}", OwnedAuth::default()), "Auth(0 bytes)");
    }
}

//! Accounts: who a client is, told by a signed token. The only place that sees tokens.
//!
//! Guests' tokens are ours, others are the operator's own; their keys, and who is revoked, are in
//! files that are read again when they change. What a shard's sockets hold is `gate`'s part, and
//! how often one may fail, `limits`'.

pub(crate) mod doors;
mod gate;
mod keys;
mod revoked;
mod token;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use parlor_core::time::Time;
use parlor_shared::{api::GuestToken, id::SocketId};
use ring::hmac;
use serde::{Deserialize, de::DeserializeOwned};

pub(crate) use gate::{Due, Gate, Refused, Request};
pub use revoked::Revoked;

use keys::Keys;
use revoked::RevokedList;
use token::{Key, Unverified};

use crate::{
    chance,
    clock::Clock,
    config::{AuthSection, ConfigError},
    limits::Limits,
    mailbox::{Mailbox, Parcel},
};

/// Longest id of an account or token: they are kept for each socket.
pub(crate) const MAX_ID_BYTES: usize = 256;
/// How far the clock of who makes tokens may be ahead of ours.
const LEEWAY_MS: u64 = 5_000;
/// Tells guests' tokens from the operator's, so that no key is ever tried with the other kind.
const GUEST_TYPE: &str = "parlor-guest";
/// Begins the ids of guests.
const GUEST: &str = "guest:";
/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which accounts a namespace asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRule {
    /// None: what clients send as `token` is not looked at.
    #[default]
    None,
    /// Who sends no token is a guest; one that is sent must be good.
    Guests,
    /// A good token, and not a guest's.
    Required,
}

/// Who a socket's client is.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    id: Arc<str>,
    token_id: Option<Box<str>>,
    is_guest: bool,
    /// A JSON object.
    claims: Box<str>,
    expires_ms: Option<u64>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Account {
    /// Its name: the claim `sub`; of guests, `guest:` and 24 letters.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// True if nobody but this server knows it.
    pub fn is_guest(&self) -> bool {
        self.is_guest
    }

    /// The token's own name, claim `jti`, if it has one.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// When its token expires, in milliseconds from the Unix epoch; `None` for a guest who came
    /// without one.
    pub fn expires_ms(&self) -> Option<u64> {
        self.expires_ms
    }

    /// All that its token says; nothing for a guest who came without one.
    ///
    /// # Errors
    /// If that is not a `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.claims)
    }

    fn new_guest() -> Self {
        Self {
            id: format!("{GUEST}{}", SocketId::from_bytes(chance::id())).into(),
            token_id: None,
            is_guest: true,
            claims: "{}".into(),
            expires_ms: None,
        }
    }

    pub(crate) fn shared_id(&self) -> &Arc<str> {
        &self.id
    }

    #[cfg(test)]
    pub(crate) fn test(id: &str, token_id: Option<&str>) -> Self {
        Self { id: id.into(), token_id: token_id.map(Into::into), ..Self::new_guest() }
    }
}

/// Why a token is not accepted. What exactly is wrong with a signature is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("the token is not accepted")]
    NotAccepted,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token is not for this server")]
    NotForUs,
    #[error("the token has been revoked")]
    Revoked,
    #[error("a token is needed")]
    Missing,
    #[error("guests may not enter")]
    NoGuests,
    #[error("the token is another account's")]
    Another,
}

/// The claims that matter to us. One that comes twice makes a token unreadable.
#[derive(Deserialize)]
struct Registered {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

/// What all shards know of accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    settings: AuthSection,
    guest_secret: hmac::Key,
    keys: RwLock<Arc<Keys>>,
    revoked: RwLock<RevokedList>,
    /// What the files were when they were last looked at.
    files: Mutex<[Stamp; 2]>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    mailboxes: Arc<[Mailbox]>,
}

/// What tells whether a file has changed; the inner is `None` if it is not there.
type Stamp = Option<Option<(SystemTime, u64)>>;

impl Accounts {
    /// Reads the files.
    ///
    /// # Errors
    /// Which of them cannot be read, and why.
    pub(crate) fn new(
        settings: &AuthSection,
        limits: Arc<Limits>,
        clock: Clock,
        mailboxes: Arc<[Mailbox]>,
    ) -> Result<Self, ConfigError> {
        let guest_secret = match settings.guest_secret.as_str() {
            "" => hmac::Key::new(hmac::HMAC_SHA256, &chance::secret()),
            path => {
                let secret = read(path, "auth.guest_secret")?;
                let secret = secret.trim_ascii();
                if secret.len() < 32 {
                    let what = format!("auth.guest_secret: {path}: a secret has at least 32 bytes");
                    return Err(ConfigError::new(what));
                }
                hmac::Key::new(hmac::HMAC_SHA256, secret)
            }
        };
        let accounts = Self {
            settings: settings.clone(),
            guest_secret,
            keys: RwLock::default(),
            revoked: RwLock::default(),
            files: Mutex::default(),
            limits,
            clock,
            mailboxes,
        };
        accounts.look_at_files()?;
        Ok(accounts)
    }

    /// As without a configuration.
    #[cfg(test)]
    pub(crate) fn test() -> Self {
        let config = crate::Config::default();
        let limits = Arc::new(Limits::new(&config.limits, config.engine.max_payload));
        Self::new(&config.auth, limits, Clock::start(), [].into()).expect("it names no file")
    }

    /// The cookie that may hold a token; `None`: cookies mean nothing.
    pub(crate) fn cookie(&self) -> Option<&str> {
        Some(self.settings.cookie.as_str()).filter(|name| !name.is_empty())
    }

    /// Which accounts `/lobby` asks for.
    pub(crate) fn lobby_rule(&self) -> AccountRule {
        self.settings.lobby
    }

    /// How long before its end a client hears that its token expires.
    pub(crate) fn notice(&self) -> Duration {
        Duration::from_secs(self.settings.expiring_notice_s)
    }

    /// Who a token says somebody is, at this time since the Unix epoch.
    pub(crate) fn verify(&self, unix_ms: u64, token: &str) -> Result<Account, Denied> {
        let token = Unverified::read(token).ok_or(Denied::NotAccepted)?;
        let is_guest = token.header.typ.as_deref() == Some(GUEST_TYPE);
        let claims = if is_guest {
            token.verify(&Key::Secret(self.guest_secret.clone()))
        } else {
            self.keys().verify(&token)
        };
        let account = self.account(unix_ms, claims.ok_or(Denied::NotAccepted)?, is_guest)?;
        match self.is_revoked(&account) {
            true => Err(Denied::Revoked),
            false => Ok(account),
        }
    }

    /// What claims that somebody has vouched for say.
    fn account(&self, unix_ms: u64, claims: String, is_guest: bool) -> Result<Account, Denied> {
        let told: Registered = token::object(claims.as_bytes()).ok_or(Denied::NotAccepted)?;
        // A number too large or too small is the largest or smallest.
        let ms = |seconds: f64| (seconds * 1000.0) as u64;
        let is_short = |id: &String| !id.is_empty() && id.len() <= MAX_ID_BYTES;
        let (Some(id), Some(expires)) = (told.sub.filter(is_short), told.exp.map(ms)) else {
            return Err(Denied::NotAccepted);
        };
        if told.jti.as_ref().is_some_and(|id| !is_short(id)) {
            return Err(Denied::NotAccepted);
        }
        if expires <= unix_ms {
            return Err(Denied::Expired);
        }
        if told.nbf.map(ms).is_some_and(|from| from > unix_ms.saturating_add(LEEWAY_MS)) {
            return Err(Denied::NotYet);
        }
        let AuthSection { issuer, audience, .. } = &self.settings;
        let is_ours = (issuer.is_empty() || told.iss.as_ref() == Some(issuer))
            && (audience.is_empty() || told.aud.is_some_and(|aud| aud.has(audience)));
        if !is_guest && !is_ours {
            return Err(Denied::NotForUs);
        }
        Ok(Account {
            id: id.into(),
            token_id: told.jti.map(Into::into),
            is_guest,
            claims: claims.into(),
            expires_ms: Some(expires),
        })
    }

    /// A token by which this guest is known again.
    pub(crate) fn guest_token(&self, unix_ms: u64, guest: &Account) -> GuestToken {
        let (now, account) = (unix_ms / 1000, guest.id().to_owned());
        let expires = now.saturating_add(self.settings.guest_days.saturating_mul(24 * 3600));
        let jti = SocketId::from_bytes(chance::id());
        let claims = format!(
            r#"{{"sub":"{account}","iat":{now},"exp":{expires},"jti":"{}"}}"#,
            jti.as_str()
        );
        let token = token::sign(&self.guest_secret, GUEST_TYPE, &claims);
        GuestToken { token, account, expires }
    }

    /// A new guest, and its token.
    pub(crate) fn new_guest(&self) -> GuestToken {
        self.guest_token(Clock::unix_ms(), &Account::new_guest())
    }

    // ---- those who are not let in any more -----------------------------------------------------

    pub(crate) fn is_revoked(&self, account: &Account) -> bool {
        self.revoked.read().unwrap_or_else(PoisonError::into_inner).has(account)
    }

    /// Lets this one in no more, and disconnects it; false if no more can be revoked.
    pub(crate) fn revoke(&self, revoked: &Revoked) -> bool {
        let mut list = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        if !list.add(revoked.clone()) {
            return false;
        }
        drop(list);
        self.tell_shards(Some(revoked));
        true
    }

    /// Takes a call of [`Self::revoke`] back. What the file says stays.
    pub(crate) fn reinstate(&self, revoked: &Revoked) {
        self.revoked.write().unwrap_or_else(PoisonError::into_inner).remove(revoked);
    }

    /// `None`: many, and they have to look themselves.
    fn tell_shards(&self, revoked: Option<&Revoked>) {
        for mailbox in self.mailboxes.iter() {
            // If a shard is no more, so are its sockets.
            let _ = mailbox.post(Parcel::Revoked(revoked.cloned()));
        }
    }

    // ---- files ---------------------------------------------------------------------------------

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// True if there is any file to be watched.
    pub(crate) fn has_files(&self) -> bool {
        !self.settings.keys.is_empty() || !self.settings.revoked.is_empty()
    }

    /// Looks at the files again and again, until the server stops.
    pub(crate) async fn watch(
        self: Arc<Self>,
        mut stopped: tokio::sync::watch::Receiver<bool>,
    ) -> io::Result<()> {
        while tokio::time::timeout(LOOK_EVERY, stopped.wait_for(|stop| *stop)).await.is_err() {
            if let Err(error) = self.look_at_files() {
                tracing::warn!(%error, "what was read before still holds");
            }
        }
        Ok(())
    }

    /// Reads those files that have changed.
    fn look_at_files(&self) -> Result<(), ConfigError> {
        let AuthSection { keys, revoked, .. } = &self.settings;
        if self.has_changed(0, keys) {
            let content = read(keys, "auth.keys")?;
            let read = Keys::parse(&content)
                .map_err(|what| ConfigError::new(format!("auth.keys: {keys}: {what}")))?;
            tracing::info!(?read, "keys of accounts read");
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        }
        if self.has_changed(1, revoked) {
            let content = read(revoked, "auth.revoked")?;
            let wrong = |what: &str| ConfigError::new(format!("auth.revoked: {revoked}: {what}"));
            let text = std::str::from_utf8(&content).map_err(|_| wrong("it is no text"))?;
            let mut list = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
            list.read_file(text).map_err(|what| wrong(&what))?;
            drop(list);
            self.tell_shards(None);
        }
        Ok(())
    }

    /// True if this file is another than when it was last looked at.
    fn has_changed(&self, at: usize, path: &str) -> bool {
        if path.is_empty() {
            return false;
        }
        let stamp =
            std::fs::metadata(path).ok().and_then(|of| Some((of.modified().ok()?, of.len())));
        let known = &mut self.files.lock().unwrap_or_else(PoisonError::into_inner)[at];
        known.replace(stamp) != Some(stamp)
    }
}

fn read(path: &str, key: &str) -> Result<Vec<u8>, ConfigError> {
    let path: &Path = &PathBuf::from(path);
    std::fs::read(path)
        .map_err(|error| ConfigError::new(format!("{key}: {}: {error}", path.display())))
}

/// The clock of accounts: deadlines of a shard from times of the world outside.
pub(crate) fn deadline(now: Time, unix_ms: u64, expires_ms: u64) -> Time {
    now + Duration::from_millis(expires_ms.saturating_sub(unix_ms))
}

#[cfg(test)]
mod tests;

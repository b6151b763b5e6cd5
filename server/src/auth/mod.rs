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

pub(crate) use gate::{Due, Entered, Gate, Refused, Request};
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
    /// A good token, and not a guest's: with the claims `sub` and `exp`, by a key in `auth.keys`.
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

/// Why a token is not accepted. What exactly is wrong with a signature is nobody's business; who
/// brings a good one may know what is wrong with the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// It cannot be read, or none of the keys has signed it.
    #[error("the token is not accepted")]
    NotAccepted,
    /// It is a guest's, and not signed with our secret: mostly with that of a server before this.
    #[error("the guest is not known, or not any more")]
    UnknownGuest,
    #[error("the token's claims cannot be read")]
    Unreadable,
    #[error("the token has no `exp`")]
    NoEnd,
    #[error("the token has no `sub` of 1 to {MAX_ID_BYTES} bytes")]
    NoAccount,
    #[error("the token's `jti` is empty or longer than {MAX_ID_BYTES} bytes")]
    BadId,
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

impl Denied {
    /// True if somebody may be trying tokens out. Guests' are not worth it: their key is random,
    /// or the operator's for them alone, and honest clients bring old ones after each restart.
    pub(crate) fn is_a_guess(self) -> bool {
        self == Self::NotAccepted
    }
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
    /// Those of keys and of who is revoked.
    files: Mutex<[Watched; 2]>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    mailboxes: Arc<[Mailbox]>,
}

/// A file that is read again when it changes.
#[derive(Debug, Default)]
struct Watched {
    /// What it was when it was last read, whatever it said.
    read: Option<Stamp>,
    /// What it was when it was last said that it cannot be read.
    failed: Option<Stamp>,
}

/// What tells whether a file has changed; `None` if it is not there.
type Stamp = Option<(SystemTime, u64)>;

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
        accounts.look_at_keys()?;
        accounts.look_at_revoked()?;
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
            let key = Key::Secret(self.guest_secret.clone());
            token.verify(&key).ok_or(Denied::UnknownGuest)?
        } else {
            self.keys().verify(&token).ok_or(Denied::NotAccepted)?
        };
        let account = self.account(unix_ms, claims, is_guest)?;
        match self.is_revoked(&account) {
            true => Err(Denied::Revoked),
            false => Ok(account),
        }
    }

    /// What claims that somebody has vouched for say.
    fn account(&self, unix_ms: u64, claims: String, is_guest: bool) -> Result<Account, Denied> {
        let told: Registered = token::object(claims.as_bytes()).ok_or(Denied::Unreadable)?;
        // A number too large or too small is the largest or smallest.
        let ms = |seconds: f64| (seconds * 1000.0) as u64;
        let is_short = |id: &String| !id.is_empty() && id.len() <= MAX_ID_BYTES;
        let id = told.sub.filter(is_short).ok_or(Denied::NoAccount)?;
        let expires = told.exp.map(ms).ok_or(Denied::NoEnd)?;
        if told.jti.as_ref().is_some_and(|id| !is_short(id)) {
            return Err(Denied::BadId);
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
        if !list.add(Clock::unix_ms(), revoked.clone()) {
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
            let looked = [self.look_at_keys(), self.look_at_revoked()];
            for error in looked.into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "what was read before still holds");
            }
        }
        Ok(())
    }

    /// Reads the keys, if their file has changed.
    fn look_at_keys(&self) -> Result<(), ConfigError> {
        let path = &self.settings.keys;
        let Some(content) = self.read_if_changed(0, path, "auth.keys")? else { return Ok(()) };
        let read = Keys::parse(&content)
            .map_err(|what| ConfigError::new(format!("auth.keys: {path}: {what}")))?;
        tracing::info!(?read, "keys of accounts read");
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
        Ok(())
    }

    /// Reads who is revoked, if their file has changed.
    fn look_at_revoked(&self) -> Result<(), ConfigError> {
        let path = &self.settings.revoked;
        let Some(content) = self.read_if_changed(1, path, "auth.revoked")? else { return Ok(()) };
        let wrong = |what: &str| ConfigError::new(format!("auth.revoked: {path}: {what}"));
        let text = std::str::from_utf8(&content).map_err(|_| wrong("it is no text"))?;
        let mut list = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        list.read_file(text).map_err(|what| wrong(&what))?;
        drop(list);
        self.tell_shards(None);
        Ok(())
    }

    /// What a file holds, if it is another than when it was last read. One that cannot be read is
    /// tried again each time: who may read it does not show in its stamp. That is told once.
    fn read_if_changed(
        &self,
        at: usize,
        path: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, ConfigError> {
        if path.is_empty() {
            return Ok(None);
        }
        let watched = &mut self.files.lock().unwrap_or_else(PoisonError::into_inner)[at];
        // Before it is read: what is written meanwhile is read the next time.
        let stamp =
            std::fs::metadata(path).ok().and_then(|of| Some((of.modified().ok()?, of.len())));
        if watched.read == Some(stamp) {
            return Ok(None);
        }
        match read(path, key) {
            Ok(content) => {
                *watched = Watched { read: Some(stamp), failed: None };
                Ok(Some(content))
            }
            Err(_) if watched.failed.replace(stamp) == Some(stamp) => Ok(None),
            Err(error) => Err(error),
        }
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

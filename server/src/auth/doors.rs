//! Doors to what reads tokens, and an operator's files of keys and of revoked accounts, for the
//! fuzz targets alone: no part of the API.

use std::sync::Arc;

use ring::hmac;

use super::{Account, Accounts, keys::Keys, revoked::RevokedList, token::Unverified};
use crate::{Config, clock::Clock, limits::Limits};

/// Accounts whose keys come from no file.
#[derive(Debug)]
pub struct Verifier(Accounts);

impl Verifier {
    /// With keys as a file holds them, and what operators' tokens must say (empty: anything).
    ///
    /// # Errors
    /// What is wrong with the keys.
    pub fn new(keys: &[u8], guest: &[u8], issuer: &str, audience: &str) -> Result<Self, String> {
        let keys = Keys::parse(keys)?;
        let mut config = Config::default();
        (config.auth.issuer, config.auth.audience) = (issuer.to_owned(), audience.to_owned());
        let limits = Arc::new(Limits::new(&config.limits, config.engine.max_payload));
        let accounts = Accounts::new(&config.auth, limits, Clock::start(), [].into());
        let mut accounts = accounts.expect("it names no file");
        accounts.guest_secret = hmac::Key::new(hmac::HMAC_SHA256, guest);
        accounts.keys = Arc::new(keys).into();
        Ok(Self(accounts))
    }

    /// How many keys there are.
    pub fn n_keys(&self) -> usize {
        self.0.keys().len()
    }

    /// What a token says, if one of the operator's keys has signed it.
    pub fn claims(&self, token: &str) -> Option<String> {
        self.0.keys().verify(&Unverified::read(token)?)
    }

    /// Who a token says somebody is, at this time.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn account(&self, unix_ms: u64, token: &str) -> Result<Account, String> {
        self.0.verify(unix_ms, token).map_err(|denied| denied.to_string())
    }
}

/// Those of these accounts, with a token's name each, that a file revokes.
///
/// # Errors
/// The line that is wrong.
pub fn revoked(file: &str, accounts: &[(&str, Option<&str>)]) -> Result<Vec<bool>, String> {
    let mut list = RevokedList::default();
    list.read_file(file)?;
    let account = |(id, token_id): &(&str, Option<&str>)| Account {
        id: (*id).into(),
        token_id: token_id.map(Into::into),
        ..Account::new_guest()
    };
    Ok(accounts.iter().map(|known| list.has(&account(known))).collect())
}

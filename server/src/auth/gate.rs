//! The accounts of one shard's sockets: who may come in, whose token expires when, and who is let
//! in no more. Time is an argument; what is due is carried out by `handlers`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parlor_core::{
    key::{NamespaceKey, SocketKey},
    time::{Deadlines, Time},
};
use parlor_shared::{api::GuestToken, socket_io::json};
use serde::Deserialize;
use serde_json::Value;

use super::{Account, AccountRule, Accounts, Denied, Revoked, deadline};
use crate::{
    address::{Counted, Network},
    limits::Budget,
};

/// A socket that wants to come in.
pub(crate) struct Request<'r> {
    pub(crate) socket: SocketKey,
    pub(crate) namespace: NamespaceKey,
    pub(crate) rule: AccountRule,
    /// `None` if its session is gone already.
    pub(crate) network: Option<Network>,
    /// What the client sent along, a JSON object.
    pub(crate) auth: Option<&'r str>,
    /// What it sent as the cookie that counts, if one does.
    pub(crate) cookie: Option<&'r str>,
}

/// One that may.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) account: Arc<Account>,
    /// It has a token, or gets one, by which it comes back as the same.
    pub(crate) is_known_again: bool,
    /// What its session shares from now on.
    pub(crate) budget: Option<Arc<Budget>>,
}

/// Why one may not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Denied(Denied),
    /// Its account has as many sockets as it may, or comes too often; or its network is shut out.
    TooMany,
}

/// What is due for a socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its client is to hear that its token expires in so many milliseconds.
    Expiring(SocketKey, NamespaceKey, u64),
    /// Its token has expired.
    Expired(SocketKey),
}

/// Tokens one after the other that a socket's client may bring in vain: with the last, its socket
/// goes. One that has a good one does not try for long.
pub(crate) const MAX_FAILED_RENEWALS: u8 = 8;

/// Of one shard.
pub(crate) struct Gate {
    accounts: Arc<Accounts>,
    /// Those who have a token: there is nothing to be known of other guests but who they are.
    holders: BTreeMap<SocketKey, Holder>,
    deadlines: Deadlines<SocketKey>,
}

struct Holder {
    account: Arc<Account>,
    namespace: NamespaceKey,
    /// `None` if its session was gone when it came.
    network: Option<Network>,
    /// When its client is to hear of it, and when its token expires; `None` for a guest who has
    /// just got one.
    end: Option<(Time, Time)>,
    has_heard: bool,
    n_failed_renewals: u8,
    /// For a guest who wants to be known again.
    guest: Option<GuestToken>,
    _counted: Option<Counted<Arc<str>>>,
}

/// What of what a client sends along is read here.
#[derive(Default, Deserialize)]
struct Sent {
    token: Option<String>,
    guest: Option<Value>,
}

impl Gate {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts, holders: BTreeMap::new(), deadlines: Deadlines::default() }
    }

    pub(crate) fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// A client of this network was refused because of who it is.
    pub(crate) fn failed(&self, now: Time, network: Network) {
        self.accounts.limits.auth_failed(now, network);
    }

    /// Decides about a socket.
    ///
    /// # Errors
    /// What its client is told.
    pub(crate) fn enter(
        &mut self,
        now: Time,
        unix_ms: u64,
        request: &Request<'_>,
    ) -> Result<Entered, Refused> {
        let entered = self.judge(now, unix_ms, request);
        if let (Err(Refused::Denied(denied)), Some(network)) = (&entered, request.network)
            && denied.is_a_guess()
        {
            self.accounts.limits.auth_failed(now, network);
        }
        entered
    }

    fn judge(
        &mut self,
        now: Time,
        unix_ms: u64,
        request: &Request<'_>,
    ) -> Result<Entered, Refused> {
        let sent: Sent = match request.auth {
            Some(auth) => {
                json::read_last(auth).map_err(|_| Refused::Denied(Denied::NotAccepted))?
            }
            None => Sent::default(),
        };
        let token = sent.token.as_deref().or(request.cookie).filter(|token| !token.is_empty());
        let Some(token) = token else {
            return match request.rule {
                AccountRule::Required => Err(Refused::Denied(Denied::Missing)),
                _ => Ok(self.guest(unix_ms, request, sent.guest == Some(Value::Bool(true)))),
            };
        };
        let limits = Arc::clone(&self.accounts.limits);
        if request.network.is_some_and(|network| limits.is_shut_out(now, network)) {
            // Its tokens are not even looked at.
            return Err(Refused::TooMany);
        }
        let account = self.accounts.verify(unix_ms, token).map_err(Refused::Denied)?;
        if account.is_guest && request.rule == AccountRule::Required {
            return Err(Refused::Denied(Denied::NoGuests));
        }
        let counted = limits.socket(now, account.shared_id()).ok_or(Refused::TooMany)?;
        let budget = limits.account_budget(now, account.shared_id());
        let account = Arc::new(account);
        let end = self.end_of(now, unix_ms, &account);
        let holder = Holder {
            account: Arc::clone(&account),
            namespace: request.namespace,
            network: request.network,
            end,
            has_heard: false,
            n_failed_renewals: 0,
            guest: None,
            _counted: Some(counted),
        };
        self.holders.insert(request.socket, holder);
        // Before it is connected it hears nothing.
        self.deadlines.set(request.socket, end.map(|(_, expires_at)| expires_at));
        Ok(Entered { account, is_known_again: true, budget })
    }

    fn guest(&mut self, unix_ms: u64, request: &Request<'_>, wants_token: bool) -> Entered {
        let account = Arc::new(Account::new_guest());
        if wants_token {
            let holder = Holder {
                account: Arc::clone(&account),
                namespace: request.namespace,
                network: request.network,
                end: None,
                has_heard: false,
                n_failed_renewals: 0,
                guest: Some(self.accounts.guest_token(unix_ms, &account)),
                _counted: None,
            };
            self.holders.insert(request.socket, holder);
        }
        Entered { account, is_known_again: wants_token, budget: None }
    }

    /// When its client is to hear that this account's token expires, and when it does.
    fn end_of(&self, now: Time, unix_ms: u64, account: &Account) -> Option<(Time, Time)> {
        let expires_ms = account.expires_ms?;
        let notice_ms = u64::try_from(self.accounts.notice().as_millis()).unwrap_or(u64::MAX);
        let at = |ms| deadline(now, unix_ms, ms);
        Some((at(expires_ms.saturating_sub(notice_ms)), at(expires_ms)))
    }

    /// A socket's client has been told that it is in: now it can hear of its token, and hears of it
    /// if it wants one.
    pub(crate) fn connected(&mut self, socket: SocketKey) -> Option<GuestToken> {
        let holder = self.holders.get_mut(&socket)?;
        if let Some((notice_at, _)) = holder.end {
            self.deadlines.set(socket, Some(notice_at));
        }
        holder.guest.take()
    }

    /// A socket is no more.
    pub(crate) fn gone(&mut self, socket: SocketKey) {
        if self.holders.remove(&socket).is_some() {
            self.deadlines.set(socket, None);
        }
    }

    /// A client brings another token for a socket. A token is work: none is looked at of who can
    /// have none here, of a network that is shut out, or more often than an account may connect.
    ///
    /// # Errors
    /// Why it is not taken; the one before still holds.
    pub(crate) fn renew(
        &mut self,
        now: Time,
        unix_ms: u64,
        socket: SocketKey,
        token: &str,
    ) -> Result<Arc<Account>, Refused> {
        let limits = &self.accounts.limits;
        let holder = self.holders.get(&socket).ok_or(Refused::Denied(Denied::Another))?;
        let network = holder.network;
        if network.is_some_and(|network| limits.is_shut_out(now, network))
            || !limits.may_connect(now, holder.account.shared_id())
        {
            return Err(Refused::TooMany);
        }
        let is_same = |new: &Account| {
            let old = &holder.account;
            old.id == new.id && old.is_guest == new.is_guest
        };
        let verified = self.accounts.verify(unix_ms, token);
        let renewed = verified.and_then(|new| is_same(&new).then_some(new).ok_or(Denied::Another));
        if let (Err(denied), Some(network)) = (&renewed, network)
            && denied.is_a_guess()
        {
            limits.auth_failed(now, network);
        }
        let end = renewed.as_ref().ok().and_then(|account| self.end_of(now, unix_ms, account));
        let holder = self.holders.get_mut(&socket).expect("it was there just now");
        let account = renewed.map_err(|denied| {
            holder.n_failed_renewals = holder.n_failed_renewals.saturating_add(1);
            Refused::Denied(denied)
        })?;
        let account = Arc::new(account);
        holder.account = Arc::clone(&account);
        (holder.end, holder.has_heard, holder.n_failed_renewals) = (end, false, 0);
        drop(self.connected(socket));
        Ok(account)
    }

    /// True if a socket's client has brought so many tokens in vain that its socket has to go.
    pub(crate) fn has_failed_too_often(&self, socket: SocketKey) -> bool {
        let holder = self.holders.get(&socket);
        holder.is_some_and(|holder| holder.n_failed_renewals >= MAX_FAILED_RENEWALS)
    }

    /// When [`Self::due`] has something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// What is due first.
    pub(crate) fn due(&mut self, now: Time) -> Option<Due> {
        while let Some((_, socket)) = self.deadlines.pop(now) {
            let Some(holder) = self.holders.get_mut(&socket) else { continue };
            let Some((_, expires_at)) = holder.end else { continue };
            if expires_at <= now {
                return Some(Due::Expired(socket));
            }
            self.deadlines.set(socket, Some(expires_at));
            if !std::mem::replace(&mut holder.has_heard, true) {
                let in_ms = expires_at.since(now).as_millis() as u64;
                return Some(Due::Expiring(socket, holder.namespace, in_ms));
            }
        }
        None
    }

    /// The sockets that are to go, because this one is let in no more, or (`None`) many are: of
    /// those who have a token, and of these others.
    pub(crate) fn revoked<'o>(
        &'o self,
        revoked: Option<&Revoked>,
        others: impl Iterator<Item = (SocketKey, &'o Arc<Account>)>,
    ) -> BTreeSet<SocketKey> {
        let is_out = |account: &Account| match revoked {
            Some(revoked) => revoked.is_about(account),
            None => self.accounts.is_revoked(account),
        };
        let holders = self.holders.iter().map(|(socket, holder)| (*socket, &holder.account));
        let out = holders.chain(others).filter(|(_, account)| is_out(account));
        out.map(|(socket, _)| socket).collect()
    }
}

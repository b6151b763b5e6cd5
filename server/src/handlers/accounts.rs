//! Accounts of sockets, carried out: who is let in, what their clients hear, and who has to go.
//! What is decided is `auth`'s; tokens are seen there alone.

use std::sync::Arc;

use parlor_core::{
    delivery::Delivery,
    effect::DisconnectReason,
    input::{Input, Scope, Target},
    key::{NamespaceKey, SessionKey, SocketKey},
    time::Time,
};
use parlor_shared::{
    api::{self, Refusal, Renewed, Reply, code},
    socket_io::{Args, Draft, Frame},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    ConnectError, Handlers, Sessions,
    context::{SocketInfo, answer, draft},
};
use crate::{
    address::Network,
    auth::{self, AccountRule, Due, Revoked},
    clock::Clock,
    limits::Budget,
};

/// The argument of [`api::RENEW`]: a token, or an object that has one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Renewal {
    Token(String),
    Object { token: String },
}

/// Who a socket is, and what its session shares from now on.
#[derive(Default)]
pub(super) struct Known {
    pub(super) account: Option<Arc<auth::Account>>,
    /// It has a token, or gets one, by which the same account comes back.
    pub(super) is_known_again: bool,
    pub(super) budget: Option<Arc<Budget>>,
}

impl Handlers {
    /// True if somebody has to be asked who joins `/lobby` or `/matchmaking`.
    pub(crate) fn guards_players(&self) -> bool {
        self.lobby_rule != AccountRule::None
    }

    /// Hears which namespaces of players the world serves itself.
    pub(crate) fn know_played(&mut self, played: Vec<(NamespaceKey, &'static str)>) {
        self.played = played;
    }

    /// Of a namespace of players its name.
    pub(super) fn played(&self, namespace: NamespaceKey) -> Option<&'static str> {
        self.played.iter().find(|(key, _)| *key == namespace).map(|(_, name)| *name)
    }

    /// Somebody wants to join `/lobby` or `/matchmaking`.
    pub(super) fn enter_played(
        &mut self,
        sessions: &dyn Sessions,
        now: Time,
        (socket, session, namespace): (SocketKey, SessionKey, NamespaceKey),
        auth: Option<&str>,
    ) -> Option<Arc<Budget>> {
        let rule = self.lobby_rule;
        match self.enter(sessions, now, (socket, session, namespace), rule, auth) {
            Ok(known) => {
                let admitted = match known.account.filter(|_| known.is_known_again) {
                    Some(account) => Input::AdmitPlayer(socket, Arc::clone(account.shared_id())),
                    None => Input::Admit(socket),
                };
                self.desk.note(admitted);
                self.arrived(socket, namespace);
                known.budget
            }
            Err(error) => {
                self.desk.note(Input::Refuse(socket, error.message, error.data));
                None
            }
        }
    }

    /// Asks for a socket's account, if its namespace does.
    pub(super) fn enter(
        &mut self,
        sessions: &dyn Sessions,
        now: Time,
        (socket, session, namespace): (SocketKey, SessionKey, NamespaceKey),
        rule: AccountRule,
        auth: Option<&str>,
    ) -> Result<Known, ConnectError> {
        if rule == AccountRule::None {
            return Ok(Known::default());
        }
        let handshake = sessions.handshake(session);
        let cookie = self.gate.accounts().cookie().zip(handshake);
        let cookie = cookie.and_then(|(name, handshake)| handshake.cookie(name));
        let network = handshake.map(|handshake| Network::of(handshake.address));
        let request =
            auth::Request { socket, namespace, rule, network, auth, cookie: cookie.as_deref() };
        match self.gate.enter(now, Clock::unix_ms(), &request) {
            Ok(auth::Entered { account, is_known_again, budget }) => {
                Ok(Known { account: Some(account), is_known_again, budget })
            }
            Err(auth::Refused::Denied(denied)) => {
                tracing::debug!(why = %denied, "a client is not let in");
                self.desk.env.metrics.auth_failed.inc();
                Err(ConnectError::with_data(denied.to_string(), &json!({"code": code::AUTH})))
            }
            Err(auth::Refused::TooMany) => {
                let what = "too many connections of this account";
                Err(ConnectError::with_data(what, &json!({"code": code::RATE})))
            }
        }
    }

    /// A socket's client has been told that it is in.
    pub(super) fn arrived(&mut self, socket: SocketKey, namespace: NamespaceKey) {
        if let Some(guest) = self.gate.connected(socket) {
            self.tell(socket, namespace, api::GUEST, &guest);
        }
    }

    /// A user's handler has refused a client because of who it is.
    pub(super) fn auth_failed(&self, socket: SocketKey) {
        let info = self.sockets.get(socket);
        if let Some(handshake) = info.and_then(|info| info.handshake.as_ref()) {
            let now = self.gate.accounts().clock.now();
            self.gate.failed(now, Network::of(handshake.address));
        }
    }

    /// A client brings another token; it hears whether that is taken.
    pub(super) fn renew(
        &mut self,
        now: Time,
        (socket, namespace): (SocketKey, NamespaceKey),
        args: &Args<'_>,
        ack: Option<u64>,
    ) {
        let token = args.get(0).map(|renewal| match renewal {
            Renewal::Token(token) | Renewal::Object { token } => token,
        });
        let renewed = self.gate.renew(now, Clock::unix_ms(), socket, &token.unwrap_or_default());
        let reply = match renewed {
            Ok(account) => {
                let expires = account.expires_ms().unwrap_or_default() / 1000;
                if let Some(info) = self.sockets.get_mut(socket) {
                    info.account = Some(account);
                }
                Reply::Ok(Renewed { expires })
            }
            Err(auth::Refused::Denied(denied)) => {
                self.desk.env.metrics.auth_failed.inc();
                Reply::Refused(Refusal::new(code::AUTH, denied.to_string()))
            }
            Err(auth::Refused::TooMany) => {
                let what = "too many tokens of this account, or bad ones of this address";
                Reply::Refused(Refusal::new(code::RATE, what))
            }
        };
        if let Some(id) = ack {
            let scope = self.scope(socket, namespace);
            let frame = answer(self.name(&scope), id, (reply,));
            self.send(socket, scope, frame);
        }
        if self.gate.has_failed_too_often(socket) {
            let reason = DisconnectReason::TokenRefused;
            self.desk.note(Input::Disconnect(socket, false, reason));
        }
    }

    /// Does what is due first for an account; false if nothing is.
    pub(super) fn fire_gate(&mut self, now: Time) -> bool {
        match self.gate.due(now) {
            None => return false,
            Some(Due::Expiring(socket, namespace, in_ms)) => {
                self.tell(socket, namespace, api::EXPIRING, &api::Expiring { in_ms });
            }
            Some(Due::Expired(socket)) => {
                let reason = DisconnectReason::TokenExpired;
                self.desk.note(Input::Disconnect(socket, false, reason));
            }
        }
        true
    }

    /// This one is let in no more, or (`None`) many are not.
    pub(crate) fn revoked(&mut self, revoked: Option<&Revoked>) {
        // A guest of `/lobby` who has no token is none of them: nobody is told its name.
        let guests = self.sockets.iter().filter_map(|(key, info)| {
            let account = info.account.as_ref()?;
            account.is_guest().then_some((key, account))
        });
        for socket in self.gate.revoked(revoked, guests) {
            let reason = DisconnectReason::TokenRevoked;
            self.desk.note(Input::Disconnect(socket, false, reason));
        }
    }

    /// The namespace of a socket: this one, or its child.
    fn scope(&self, socket: SocketKey, namespace: NamespaceKey) -> Scope {
        self.sockets.get(socket).map_or(Scope::Listed(namespace), SocketInfo::scope)
    }

    fn name<'a>(&'a self, scope: &'a Scope) -> &'a str {
        let played = match scope {
            Scope::Listed(key) => self.played(*key),
            Scope::Child(_) => None,
        };
        played.unwrap_or_else(|| self.desk.env.names.text(scope))
    }

    fn tell(
        &mut self,
        socket: SocketKey,
        namespace: NamespaceKey,
        event: &str,
        what: &impl Serialize,
    ) {
        let draft = draft(Draft::event(event), (what,));
        let scope = self.scope(socket, namespace);
        let frame = draft.into_event(self.name(&scope), None).expect("no attachments");
        self.send(socket, scope, frame);
    }

    pub(super) fn send(&mut self, socket: SocketKey, scope: Scope, frame: Frame) {
        let to = Target::socket(socket);
        self.desk.note(Input::Emit(scope, to, frame, Delivery::Reliable));
    }
}

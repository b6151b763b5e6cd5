//! A socket from its wish to connect to its end: who is asked, and who is told.

use std::sync::Arc;

use parlor_core::{
    effect::DisconnectReason,
    input::Input,
    key::{NamespaceKey, SessionKey, SocketKey},
    time::Time,
};
use parlor_shared::id::{Pid, SocketId};

use super::{
    Admission, Auth, ConnectError, Decision, End, Failed, Handlers, OwnedAuth, Sessions,
    accounts::Known,
    context::SocketInfo,
    namespace::{Later, OnAdmit},
};
use crate::{limits::Budget, mailbox::Parcel};

impl Handlers {
    /// A client wants a socket. What its session shares from now on, if its account says so.
    pub(crate) fn connecting(
        &mut self,
        sessions: &dyn Sessions,
        now: Time,
        (socket, id, session): (SocketKey, SocketId, SessionKey),
        (namespace, child): (NamespaceKey, Option<&Arc<str>>),
        auth: Option<&str>,
    ) -> Option<Arc<Budget>> {
        if self.played(namespace).is_some() {
            return self.enter_played(sessions, now, (socket, session, namespace), auth);
        }
        let handshake = sessions.handshake(session).cloned();
        let has_async =
            self.namespaces[namespace.0 as usize].1.has_async() || self.desk.has_spawned(namespace);
        if has_async && self.desk.tasks.is_full() {
            self.turn_away(socket, ConnectError::new("Server is busy"));
            return None;
        }
        if has_async && self.desk.shares.is_full(session) {
            let what = "Too much of this client is still being handled";
            self.turn_away(socket, ConnectError::new(what));
            return None;
        }
        let rule = self.namespaces[namespace.0 as usize].1.accounts;
        let Known { account, budget, .. } =
            match self.enter(sessions, now, (socket, session, namespace), rule, auth) {
                Ok(known) => known,
                Err(error) => {
                    self.turn_away(socket, error);
                    return None;
                }
            };
        // Who has no token is nobody in particular.
        if let Some(known) = account.as_ref().filter(|account| account.expires_ms().is_some()) {
            self.desk.note(Input::Identify(socket, known.id().to_owned()));
        }
        let own = OwnedAuth(auth.map(Into::into));
        let namespace = (namespace, child.cloned());
        let info = SocketInfo::new((id, session), namespace, handshake, own, account);
        self.sockets.insert(socket, info);
        self.admit(sessions, socket, 0, auth);
        budget
    }

    /// Refuses a socket of which nothing is kept yet.
    fn turn_away(&mut self, socket: SocketKey, error: ConnectError) {
        self.desk.note(Input::Refuse(socket, error.message, error.data));
    }

    /// Asks the handlers of admission from `next` on, until one refuses or has to wait.
    fn admit(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        next: usize,
        auth: Option<&str>,
    ) {
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        for (at, admit) in namespaces[at].1.admit.iter().enumerate().skip(next) {
            let verdict = match admit {
                OnAdmit::Now(admit) => {
                    self.call(sessions, socket, None, |cx| admit(cx, Auth(auth)))
                }
                OnAdmit::Later(admit) => {
                    return self.admit_later(sessions, socket, admit, at + 1);
                }
            };
            match verdict {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return self.refuse(socket, error),
                Err(Failed::Panicked) => return self.refuse(socket, ConnectError::internal()),
                Err(Failed::Gone) => return,
            }
        }
        self.desk.note(Input::Admit(socket));
    }

    fn admit_later(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        admit: &Later<OwnedAuth, Admission>,
        next: usize,
    ) {
        let admit = Arc::clone(admit);
        let called = self.call(sessions, socket, None, |cx| {
            (cx.info.auth.clone(), cx.hand_over(), cx.info.session)
        });
        let Ok((auth, cx, session)) = called else { return };
        let kept = auth.clone();
        let end =
            move |verdict| Parcel::Decided(Decision { socket, session, next, auth: kept, verdict });
        self.desk.spawn(session, move || admit(cx, auth), end);
    }

    /// An async handler has decided about a socket, which may be gone meanwhile.
    pub(crate) fn decided(&mut self, sessions: &dyn Sessions, decision: Decision) {
        let Decision { socket, session, next, auth, verdict } = decision;
        self.desk.shares.end(session);
        match verdict {
            Ok(Ok(())) => self.admit(sessions, socket, next, auth.raw()),
            Ok(Err(error)) => self.refuse(socket, error),
            Err(words) => {
                self.report(socket, &words);
                self.refuse(socket, ConnectError::internal());
            }
        }
    }

    fn refuse(&mut self, socket: SocketKey, error: ConnectError) {
        if error.is_unauthorized {
            self.auth_failed(socket);
        }
        if self.sockets.remove(socket).is_some() {
            self.gate.gone(socket);
            self.desk.note(Input::Refuse(socket, error.message, error.data));
        }
    }

    /// A socket is the one that its client had before.
    pub(crate) fn recovered(&mut self, socket: SocketKey, id: SocketId, pid: &Pid) {
        let data = self.desk.env.cloakroom.take(pid);
        let Some(info) = self.sockets.get_mut(socket) else { return };
        (info.id, info.is_recovered) = (id, true);
        // What admission has just found out is newer.
        if info.data.is_none() {
            info.data = data;
        }
    }

    /// A socket that is disconnected next may be had back.
    pub(crate) fn kept(&mut self, socket: SocketKey, pid: Pid) {
        if let Some(info) = self.sockets.get_mut(socket) {
            info.keep(pid);
        }
    }

    /// Nobody will have it back.
    pub(crate) fn forgotten(&self, pid: &Pid) {
        drop(self.desk.env.cloakroom.take(pid));
    }

    pub(crate) fn connected(&mut self, sessions: &dyn Sessions, socket: SocketKey) {
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        if let Some(info) = self.sockets.get(socket) {
            self.arrived(socket, info.namespace);
        }
        let handlers = &namespaces[at].1;
        let called = self.call(sessions, socket, None, |cx| {
            handlers.connect.iter().for_each(|connect| connect(cx, ()));
            handlers.connect_later.as_ref().map(|later| (later, cx.hand_over()))
        });
        match called {
            Ok(Some((later, cx))) => self.begin(socket, later, cx, ()),
            Ok(None) | Err(Failed::Gone) => {}
            Err(Failed::Panicked) => self.fail(socket),
        }
    }

    /// A socket is no more about which a handler of admission has not decided yet.
    pub(crate) fn abandoned(&mut self, socket: SocketKey) {
        self.gate.gone(socket);
        self.sockets.remove(socket);
    }

    pub(crate) fn disconnected(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        reason: DisconnectReason,
    ) {
        self.gate.gone(socket);
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        let (name, handlers) = &namespaces[at];
        tracing::debug!(namespace = name, reason = reason.as_str(), "socket disconnected");
        if let Some(info) = self.sockets.get_mut(socket) {
            info.is_leaving = true;
        }
        // It is gone already: a panic has nothing left to end.
        let called = self.call(sessions, socket, None, |cx| {
            handlers.disconnect.iter().for_each(|disconnect| disconnect(cx, reason));
            let later = handlers.disconnect_later.as_ref();
            later.map(|later| (later, cx.hand_over(), cx.info.session))
        });
        if let Ok(Some((later, cx, session))) = called {
            let (later, env) = (Arc::clone(later), Arc::clone(&self.desk.env));
            let end = move |ended: Result<(), String>| {
                // Here, because the shard may be no more.
                if let Err(words) = ended {
                    env.report_panic(&env.names.listed()[at], &words);
                }
                Parcel::Ended(socket, End { session, outcome: Ok(()) })
            };
            self.desk.spawn(session, move || later(cx, reason), end);
        }
        let Some(info) = self.sockets.remove(socket) else { return };
        if let (Some(pid), Some(data)) = (info.kept(), info.data) {
            self.desk.env.cloakroom.put(pid, data);
        }
    }
}

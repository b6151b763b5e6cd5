//! Events on their way to their handlers: in order, one after the other for each socket.
//! What waits meanwhile, and how much of it may, is `lane`'s part.

use std::sync::Arc;

use parlor_core::{
    key::{NamespaceKey, SessionKey, SocketKey},
    time::Time,
};
use parlor_shared::{
    api::{self, Refusal},
    socket_io::{Args, OwnedArgs},
};

use super::{
    AsyncContext, End, Failed, Handlers, Sessions,
    lane::{TooMuchWaits, Waiting},
    namespace::{Later, Middleware, OnEvent},
};
use crate::mailbox::Parcel;

/// An event as it came, or as it waited.
enum Event<'a> {
    Live(Args<'a>),
    Kept(OwnedArgs),
}

/// What comes after the handlers that run on the shard.
enum Then<'h> {
    Done,
    Handle(&'h Later<OwnedArgs>, AsyncContext),
    /// An async middleware, with the right to answer and the middleware after it.
    Ask(&'h Later<OwnedArgs, Result<(), Refusal>>, AsyncContext, Option<u64>, usize),
}

/// What an async middleware has decided, on its way back to the shard.
pub(crate) struct Passed {
    session: SessionKey,
    args: OwnedArgs,
    ack: Option<u64>,
    /// The middleware to be asked next, if this one lets the event pass.
    next: usize,
    /// Or the words with which it panicked.
    verdict: Result<Result<(), Refusal>, String>,
}

impl Event<'_> {
    fn args(&self) -> Args<'_> {
        match self {
            Self::Live(args) => *args,
            Self::Kept(args) => args.as_args(),
        }
    }

    fn into_owned(self) -> OwnedArgs {
        match self {
            Self::Live(args) => args.to_owned(),
            Self::Kept(args) => args,
        }
    }
}

impl Handlers {
    /// Hands an event to its handler, or lets it wait for its turn.
    ///
    /// # Errors
    /// The session to be ended, if more of this socket would wait than may.
    pub(crate) fn event(
        &mut self,
        sessions: &dyn Sessions,
        now: Time,
        (socket, namespace): (SocketKey, NamespaceKey),
        args: Args<'_>,
        ack: Option<u64>,
    ) -> Result<(), SessionKey> {
        let Some(info) = self.sockets.get_mut(socket) else {
            self.played_event(now, (socket, namespace), &args, ack);
            return Ok(());
        };
        // What waits behind an async handler would make the way look longer.
        if self.time_namespace == Some(namespace) && args.name() == api::time::TIME {
            self.tell_time(now, (socket, namespace), &args, ack);
            return Ok(());
        }
        // It has to come in time, whatever runs, and is for nobody else's eyes.
        if info.account.is_some() && args.name() == api::RENEW {
            let namespace = info.namespace;
            self.renew(now, (socket, namespace), &args, ack);
            return Ok(());
        }
        if info.lane.is_taken() {
            let waiting = Waiting { args: args.to_owned(), ack };
            return info.lane.wait(waiting).map_err(|TooMuchWaits| info.session);
        }
        self.dispatch(sessions, socket, Event::Live(args), ack, 0);
        Ok(())
    }

    /// An event of a socket that has no handlers: one of `/lobby` or `/matchmaking` that is about
    /// the time, or its account.
    fn played_event(
        &mut self,
        now: Time,
        (socket, namespace): (SocketKey, NamespaceKey),
        args: &Args<'_>,
        ack: Option<u64>,
    ) {
        let name = args.name();
        if name == api::time::TIME {
            self.tell_time(now, (socket, namespace), args, ack);
        } else if self.guards_players() && name == api::RENEW {
            self.renew(now, (socket, namespace), args, ack);
        }
    }

    /// An async middleware has decided about an event.
    pub(crate) fn passed(&mut self, sessions: &dyn Sessions, socket: SocketKey, passed: Passed) {
        let Passed { session, args, ack, next, verdict } = passed;
        self.desk.shares.end(session);
        if let Some(info) = self.sockets.get_mut(socket) {
            info.lane.end();
        }
        match verdict {
            Ok(Ok(())) => self.dispatch(sessions, socket, Event::Kept(args), ack, next),
            Ok(Err(refusal)) => {
                // Gone or not: nothing of the user's runs.
                let _ = self.call(sessions, socket, ack, |cx| cx.refuse(refusal));
            }
            Err(words) => {
                self.report(socket, &words);
                self.fail(socket);
            }
        }
    }

    /// An async handler has ended.
    pub(crate) fn ended(&mut self, socket: SocketKey, end: End) {
        let End { session, outcome } = end;
        self.desk.shares.end(session);
        if let Some(info) = self.sockets.get_mut(socket) {
            info.lane.end();
        }
        if let Err(words) = outcome {
            self.report(socket, &words);
            self.fail(socket);
        }
    }

    /// What a sync handler started has ended. It was reported where it ran.
    pub(crate) fn spawned(&mut self, socket: SocketKey, end: End) {
        let End { session, outcome } = end;
        self.desk.shares.end(session);
        if outcome.is_err() {
            self.fail(socket);
        }
    }

    /// Handles the next event that waits; false if it is not the turn of any. What one wants is
    /// carried out before the next is handled.
    pub(crate) fn resume(&mut self, sessions: &dyn Sessions, socket: SocketKey) -> bool {
        let next = self.sockets.get_mut(socket).and_then(|info| info.lane.next());
        let Some(Waiting { args, ack }) = next else { return false };
        self.dispatch(sessions, socket, Event::Kept(args), ack, 0);
        true
    }

    /// Shows an event to middleware from `next` on, and then to its handler.
    fn dispatch(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        event: Event<'_>,
        ack: Option<u64>,
        next: usize,
    ) {
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        let handlers = &namespaces[at].1;
        let args = event.args();
        let handler = handlers.event(&args.name());
        if handler.is_none() && handlers.middleware.is_empty() && handlers.any.is_empty() {
            return;
        }
        let called = self.call(sessions, socket, ack, |cx| {
            if next == 0 {
                handlers.any.iter().for_each(|listener| listener(cx, &args));
            }
            for (at, middleware) in handlers.middleware.iter().enumerate().skip(next) {
                match middleware {
                    Middleware::Now(middleware) => {
                        if let Err(refusal) = middleware(cx, &args) {
                            cx.refuse(refusal);
                            return Then::Done;
                        }
                    }
                    Middleware::Later(later) => {
                        let ack = cx.ack.take();
                        return Then::Ask(later, cx.hand_over(), ack, at + 1);
                    }
                }
            }
            let Some(OnEvent { now, later }) = handler else { return Then::Done };
            if let Some(now) = now {
                now(cx, args);
            }
            match later {
                Some(later) => Then::Handle(later, cx.hand_over()),
                None => Then::Done,
            }
        });
        match called {
            Ok(Then::Handle(later, cx)) => self.begin(socket, later, cx, event.into_owned()),
            Ok(Then::Ask(later, cx, ack, next)) => {
                self.ask_middleware(socket, later, cx, event.into_owned(), ack, next);
            }
            Ok(Then::Done) | Err(Failed::Gone) => {}
            Err(Failed::Panicked) => self.fail(socket),
        }
    }

    fn ask_middleware(
        &mut self,
        socket: SocketKey,
        later: &Later<OwnedArgs, Result<(), Refusal>>,
        cx: AsyncContext,
        args: OwnedArgs,
        ack: Option<u64>,
        next: usize,
    ) {
        let Some(info) = self.sockets.get_mut(socket) else { return };
        info.lane.begin();
        let (later, session, kept) = (Arc::clone(later), info.session, args.clone());
        let end = move |verdict| {
            let passed = Passed { session, args: kept, ack, next, verdict };
            Parcel::Passed(socket, passed)
        };
        self.desk.spawn(session, move || later(cx, args), end);
    }

    /// Starts an async handler; what comes of the same socket waits behind it.
    pub(super) fn begin<A: Send + 'static>(
        &mut self,
        socket: SocketKey,
        later: &Later<A>,
        cx: AsyncContext,
        args: A,
    ) {
        let Some(info) = self.sockets.get_mut(socket) else { return };
        info.lane.begin();
        let (later, session) = (Arc::clone(later), info.session);
        let end = move |outcome| Parcel::Ended(socket, End { session, outcome });
        self.desk.spawn(session, move || later(cx, args), end);
    }
}

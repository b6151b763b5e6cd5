//! Events on their way to their handlers: in order, one after the other for each socket.
//! What waits meanwhile, and how much of it may, is `lane`'s part.

use std::sync::Arc;

use parlor_core::key::{SessionKey, SocketKey};
use parlor_shared::socket_io::{Args, OwnedArgs};

use super::{
    AsyncContext, End, Failed, Handlers, Sessions,
    lane::{TooMuchWaits, Waiting},
    namespace::{Later, OnEvent},
};
use crate::mailbox::Parcel;

/// An event as it came, or as it waited.
enum Event<'a> {
    Live(Args<'a>),
    Kept(OwnedArgs),
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
        socket: SocketKey,
        args: Args<'_>,
        ack: Option<u64>,
    ) -> Result<(), SessionKey> {
        let Some(info) = self.sockets.get_mut(socket) else {
            self.lobby_event(socket, &args, ack);
            return Ok(());
        };
        if info.lane.is_taken() {
            let waiting = Waiting { args: args.to_owned(), ack };
            return info.lane.wait(waiting).map_err(|TooMuchWaits| info.session);
        }
        self.dispatch(sessions, socket, Event::Live(args), ack);
        Ok(())
    }

    /// An async handler has ended.
    pub(crate) fn ended(&mut self, socket: SocketKey, end: End) {
        let End { session, outcome } = end;
        self.shares.end(session);
        if let Some(info) = self.sockets.get_mut(socket) {
            info.lane.end();
        }
        if let Err(words) = outcome {
            self.report(socket, &words);
            self.fail(socket);
        }
    }

    /// Handles the next event that waits; false if it is not the turn of any. What one wants is
    /// carried out before the next is handled.
    pub(crate) fn resume(&mut self, sessions: &dyn Sessions, socket: SocketKey) -> bool {
        let next = self.sockets.get_mut(socket).and_then(|info| info.lane.next());
        let Some(Waiting { args, ack }) = next else { return false };
        self.dispatch(sessions, socket, Event::Kept(args), ack);
        true
    }

    fn dispatch(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        event: Event<'_>,
        ack: Option<u64>,
    ) {
        let Some((namespaces, at)) = self.namespace_of(socket) else { return };
        let handlers = &namespaces[at].1;
        let args = event.args();
        let handler = handlers.event(&args.name());
        if handler.is_none() && handlers.middleware.is_empty() {
            return;
        }
        let called = self.call(sessions, socket, ack, |cx| {
            for middleware in &handlers.middleware {
                if let Err(refusal) = middleware(cx, &args) {
                    cx.refuse(refusal);
                    return None;
                }
            }
            match handler? {
                OnEvent::Now(handler) => {
                    handler(cx, args);
                    None
                }
                OnEvent::Later(later) => Some((later, cx.hand_over())),
            }
        });
        match called {
            Ok(Some((later, cx))) => self.begin(socket, later, cx, event.into_owned()),
            Ok(None) | Err(Failed::Gone) => {}
            Err(Failed::Panicked) => self.fail(socket),
        }
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
        self.spawn(session, move || later(cx, args), end);
    }
}

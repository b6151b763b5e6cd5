//! Users' handlers: when each is called, and what becomes of one that panics.
//! Sync ones run on the shard, async ones on a runtime of their own. Neither touches the world:
//! their contexts note or post what they want, and the shard hands that in.

mod accounts;
mod admission;
mod asynchronous;
mod cloakroom;
mod context;
mod desk;
mod dynamic;
mod emit;
mod emitter;
mod events;
mod every;
mod foreign;
mod gather;
mod handshake;
mod lane;
mod life;
mod listening;
mod many;
mod names;
mod namespace;
mod remote;
mod rooms;
mod server_side;
mod share;
mod tasks;
mod time;
mod volatile;

use std::sync::Arc;

use parlor_core::{
    effect::{AckError, DisconnectReason},
    input::{AckToken, Input},
    key::{Beside, NamespaceKey, SocketKey},
    time::Time,
};
use parlor_shared::socket_io::Args;

pub use admission::{Admission, Auth, ConnectError, OwnedAuth};
pub use asynchronous::{AsyncContext, Gone};
pub use context::{Ack, Busy, Context};
pub use emit::Emit;
pub use emitter::{EmitError, Emitter, Timer};
pub use every::ShardContext;
pub use gather::{Answer, Pending, Replies};
pub use handshake::{Handshake, Headers};
pub use namespace::Namespace;
pub use remote::{RemoteHandshake, RemoteSocket};
pub use rooms::Rooms;
pub use server_side::{ServerAck, ServerAnswer};
pub use volatile::Volatile;

pub(crate) use admission::Decision;
pub(crate) use cloakroom::Cloakroom;
pub(crate) use context::Sessions;
pub(crate) use desk::{Env, EnvParts, Gathered};
pub(crate) use dynamic::{Matching, Unlisted};
pub(crate) use events::Passed;
pub(crate) use every::{Beat, TimerId};
pub(crate) use handshake::{decode, shown};
pub(crate) use listening::listeners;
pub(crate) use names::Names;
pub(crate) use namespace::Running as RunningTask;
pub(crate) use server_side::ServerSide;
pub(crate) use tasks::{End, HandlerThreads, Tasks, caught};

use crate::auth::{AccountRule, Gate};
use context::SocketInfo;
use desk::{Desk, Gatherer};
use every::Schedule;
use foreign::Foreign;
use time::Stopwatch;

/// All namespaces by name, in the order of their keys.
pub(crate) type Namespaces = Arc<[(String, Namespace)]>;

/// What handlers run with. The shard owns one.
pub(crate) struct Handlers {
    namespaces: Namespaces,
    server_side: ServerSide,
    sockets: Beside<SocketKey, SocketInfo>,
    desk: Desk,
    schedule: Schedule,
    gate: Gate,
    /// `/lobby` and `/matchmaking`, which the world serves itself, and their names.
    played: Vec<(NamespaceKey, &'static str)>,
    lobby_rule: AccountRule,
    stopwatch: Stopwatch,
    /// Where `time` is answered because no handler does.
    time_namespace: Option<NamespaceKey>,
}

/// Why a handler did not come to its end.
enum Failed {
    /// Its socket is not there any more: it was not called.
    Gone,
    Panicked,
}

impl Handlers {
    pub(crate) fn new(
        env: Arc<Env>,
        namespaces: &[(String, Namespace)],
        server_side: ServerSide,
        tasks: Tasks,
    ) -> Self {
        let namespaces: Namespaces = namespaces.into();
        Self {
            stopwatch: Stopwatch::new(),
            time_namespace: time::time_namespace(&namespaces),
            gate: Gate::new(Arc::clone(&env.accounts)),
            played: Vec::new(),
            lobby_rule: env.accounts.lobby_rule(),
            // A counter of its own: shards that share one would wait for each other's caches.
            namespaces,
            server_side,
            sockets: Beside::default(),
            desk: Desk::new(env, tasks),
            schedule: Schedule::default(),
        }
    }

    /// The next thing that handlers want.
    pub(crate) fn next_wish(&mut self) -> Option<Input<'static>> {
        self.desk.next_wish()
    }

    pub(crate) fn acked(
        &mut self,
        sessions: &dyn Sessions,
        token: AckToken,
        answer: Result<Args<'_>, AckError>,
    ) {
        let Some((socket, then)) = self.desk.take_ack(token) else { return };
        self.run(sessions, socket, |cx| (then.into_inner())(cx, answer));
    }

    /// What many answered has come, or their time is up.
    pub(crate) fn gathered(
        &mut self,
        now: Time,
        sessions: &dyn Sessions,
        token: AckToken,
        (mut answer, n_silent): Gathered,
    ) {
        self.describe_in(&mut answer);
        let gathered = (answer, n_silent);
        match self.desk.take_gatherer(token) {
            Some(Gatherer::Socket(socket, then)) => {
                self.run(sessions, socket, |cx| (then.into_inner())(cx, gathered));
            }
            Some(Gatherer::Shard(then)) => {
                self.run_here(now, "", |cx| (then.into_inner())(cx, gathered));
            }
            None => {}
        }
    }

    /// Runs something with a socket's context, if it is still there.
    pub(crate) fn run(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        job: impl FnOnce(&mut Context<'_>),
    ) {
        if let Err(Failed::Panicked) = self.call(sessions, socket, None, job) {
            self.fail(socket);
        }
    }

    /// Runs something that is no socket's. A panic ends nothing.
    pub(crate) fn run_here(
        &mut self,
        now: Time,
        whose: &str,
        run: impl FnOnce(&mut ShardContext<'_>),
    ) {
        self.desk.begin_call();
        let env = Arc::clone(&self.desk.env);
        if let Err(words) = caught(|| run(&mut ShardContext::at(now, &mut self.desk))) {
            env.report_panic(whose, &words);
        }
    }

    // ---- functions that are called once per period ---------------------------------------------

    pub(crate) fn every(&mut self, now: Time, id: TimerId, beat: Beat) {
        self.schedule.add(now, id, Foreign::new(beat, &self.desk.env));
    }

    pub(crate) fn cancel(&mut self, id: TimerId) {
        self.schedule.remove(id);
    }

    /// When [`Self::fire`] is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        [self.schedule.deadline(), self.gate.deadline()].into_iter().flatten().min()
    }

    /// Calls the function, or does what else is due, first; false if nothing is.
    pub(crate) fn fire(&mut self, now: Time) -> bool {
        self.fire_gate(now) || self.schedule.call(now, &mut self.desk)
    }

    // ---- calls ---------------------------------------------------------------------------------

    fn namespace_of(&self, socket: SocketKey) -> Option<(Namespaces, usize)> {
        let info = self.sockets.get(socket)?;
        Some((Arc::clone(&self.namespaces), info.namespace.0 as usize))
    }

    fn call<T>(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        ack: Option<u64>,
        run: impl FnOnce(&mut Context<'_>) -> T,
    ) -> Result<T, Failed> {
        let Self { sockets, desk, .. } = self;
        let Some(info) = sockets.get_mut(socket) else {
            // It holds what is the user's.
            desk.env.dispose(run);
            return Err(Failed::Gone);
        };
        desk.begin_call();
        let mut context = Context { socket, info, ack, sessions, desk };
        caught(|| run(&mut context)).map_err(|words| {
            self.report(socket, &words);
            Failed::Panicked
        })
    }

    fn report(&self, socket: SocketKey, words: &str) {
        let scope = self.sockets.get(socket).map(SocketInfo::scope);
        let name = scope.as_ref().map_or("", |scope| self.desk.env.names.text(scope));
        self.desk.env.report_panic(name, words);
    }

    /// Ends a socket whose handler panicked.
    fn fail(&mut self, socket: SocketKey) {
        let reason = DisconnectReason::HandlerFailed;
        self.desk.note(Input::Disconnect(socket, false, reason));
    }
}

#[cfg(test)]
mod tests;

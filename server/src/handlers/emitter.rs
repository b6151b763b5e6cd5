//! Emitting from any thread: a handle that posts to one shard, which passes on what is for others.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use parlor_core::{input::Target, who::player_room};
use parlor_shared::{api::lobby, socket_io::EncodeError};

use super::{Beat, Emit, ShardContext, TimerId, desk::Env};
use crate::{
    auth::Revoked,
    mailbox::{Mailbox, Parcel},
};

/// Emits from any thread, without a socket of its own. Cloning is cheap. What one thread emits by
/// one emitter arrives in that order.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut server = parlor_server::Server::default();
/// server.namespace("/");
/// let emitter = server.emitter();
/// let running = server.start("127.0.0.1:3000")?;
/// std::thread::spawn(move || emitter.namespace("/").to("news").emit("headline", ("…",)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Emitter {
    /// Set when the server starts.
    env: Arc<OnceLock<Arc<Env>>>,
}

/// Why an [`Emitter`] did not emit.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The server does not run: not yet, or not any more.
    #[error("the server does not run")]
    NotRunning,
    /// The server has more to do than it may; try again later, or leave it.
    #[error("the server is overloaded")]
    Overloaded,
    /// No namespace of this name has handlers. With a parent by
    /// [`namespaces_where`](crate::Server::namespaces_where) that is never known, because its
    /// predicate asks clients too: any name that begins with `/` may then be a child's.
    #[error("no such namespace")]
    UnknownNamespace,
    /// The event cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Emitter {
    pub(crate) fn start(&self, env: Arc<Env>) {
        self.env.set(env).expect("a server starts once");
    }

    /// To all sockets of this namespace, or to those in rooms that are named next. The pattern or
    /// name of a parent means all its children.
    pub fn namespace(&self, name: &str) -> Emit<&Self> {
        let scope = self.env().ok().and_then(|env| env.names.find(name));
        Emit::new(self, scope, Target::default())
    }

    /// To all sockets of this player's in `/lobby`, on whichever device and shard: those that came
    /// with a token of this account. Whether there are any is not known here.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut server = parlor_server::Server::default();
    /// server.game::<parlor_games::Chess>("chess");
    /// let emitter = server.emitter();
    /// let running = server.start("127.0.0.1:3000")?;
    /// emitter.player("ada").emit("invited", ("bob",))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn player(&self, id: &str) -> Emit<&Self> {
        self.namespace(lobby::NAMESPACE).to(&*player_room(id))
    }

    /// Calls `run` once per `period` from now on, on one of the server's shards; see
    /// [`Server::every`](crate::Server::every).
    ///
    /// # Errors
    /// If the server does not run, or is overloaded.
    ///
    /// # Panics
    /// If the period is zero.
    pub fn every(
        &self,
        period: Duration,
        run: impl FnMut(&mut ShardContext<'_>) + Send + 'static,
    ) -> Result<Timer, EmitError> {
        let env = self.env()?;
        let id = env.next_timer();
        env.offer(Parcel::Every(id, Beat::new(period, run)))?;
        Ok(Timer { id, mailbox: env.mailbox.clone() })
    }

    /// Stops the whole server, as [`Running::stop`](crate::Running::stop) does.
    ///
    /// # Errors
    /// If it does not run yet.
    pub fn close_server(&self) -> Result<(), EmitError> {
        self.env()?.close_server();
        Ok(())
    }

    /// Lets an account, or a token, in no more, and disconnects its sockets with the reason
    /// `token revoked`. Each node of several is told by itself; for all, and for longer than this
    /// process lives, there is the file `auth.revoked`.
    ///
    /// # Errors
    /// If the server does not run, or 1,000,000 are revoked. Tokens of which is said when they
    /// expire do not count for longer: [`Revoked::token_of`].
    pub fn revoke(&self, revoked: &Revoked) -> Result<(), EmitError> {
        self.env()?.accounts.revoke(revoked).then_some(()).ok_or(EmitError::Overloaded)
    }

    /// Takes [`Self::revoke`] back. What the file says stays.
    ///
    /// # Errors
    /// If the server does not run.
    pub fn reinstate(&self, revoked: &Revoked) -> Result<(), EmitError> {
        self.env()?.accounts.reinstate(revoked);
        Ok(())
    }

    pub(super) fn env(&self) -> Result<&Arc<Env>, EmitError> {
        self.env.get().ok_or(EmitError::NotRunning)
    }
}

/// A function that is called again and again. Dropping this leaves it running.
#[derive(Debug)]
pub struct Timer {
    id: TimerId,
    mailbox: Mailbox,
}

impl Timer {
    /// Calls it no more once its shard has heard of this, at the start of its next turn: until then
    /// a call may still begin.
    pub fn cancel(self) {
        // If the shard is no more, so are its timers.
        let _ = self.mailbox.post(Parcel::Cancel(self.id));
    }
}

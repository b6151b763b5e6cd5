//! What handlers of one shard share: what they want, whose answers they wait for, and where other
//! threads reach the shard.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parlor_core::{
    cluster::{Answer, Question},
    effect::AckError,
    input::{AckToken, Input, Reach, Scope},
    key::{NamespaceKey, SessionKey, ShardId, SocketKey},
};
use parlor_shared::socket_io::{Args, Draft, Offset};

use super::{
    Context, EmitError, Names, ShardContext, TimerId,
    cloakroom::Cloakroom,
    foreign::Foreign,
    namespace::Running,
    share::Shares,
    tasks::{Tasks, caught},
};
use crate::{
    auth::Accounts,
    mailbox::{Mailbox, Parcel, Refused},
    metrics::Metrics,
    server::Stop,
};

/// What one call of a handler may want: more is a loop that does not end, or a broadcast written
/// as one emit per socket.
pub(crate) const MAX_WISHES_PER_CALL: usize = 65_536;

pub(crate) type OnAck = Box<dyn FnOnce(&mut Context<'_>, Result<Args<'_>, AckError>) + Send>;

/// What was gathered, and how many shards did not answer.
pub(crate) type Gathered = (Answer, usize);

pub(super) type OnGathered = Box<dyn FnOnce(&mut Context<'_>, Gathered) + Send>;
pub(super) type OnGatheredHere = Box<dyn FnOnce(&mut ShardContext<'_>, Gathered) + Send>;

/// Who wants to know what is being gathered.
pub(super) enum Gatherer {
    Socket(SocketKey, Foreign<OnGathered>),
    Shard(Foreign<OnGatheredHere>),
}

/// What other threads know of a shard.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) shard: u16,
    pub(crate) names: Arc<Names>,
    pub(crate) mailbox: Mailbox,
    pub(crate) metrics: Metrics,
    /// Tells the whole server to stop.
    stop: Option<Arc<Stop>>,
    pub(crate) accounts: Arc<Accounts>,
    next_timer: AtomicU64,
    /// Node and shard, as they stand in offsets.
    sender: u16,
    next_offset: AtomicU64,
    pub(super) cloakroom: Arc<Cloakroom>,
}

/// What an [`Env`] is made of.
pub(crate) struct EnvParts {
    pub(crate) id: ShardId,
    pub(crate) names: Arc<Names>,
    pub(crate) mailbox: Mailbox,
    pub(crate) metrics: Metrics,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) stop: Option<Arc<Stop>>,
    pub(crate) cloakroom: Arc<Cloakroom>,
    /// Random: clients may know offsets of a process before this one, and none may be met again.
    pub(crate) first_offset: u64,
}

impl Env {
    pub(crate) fn new(parts: EnvParts) -> Self {
        let EnvParts { id, names, mailbox, metrics, accounts, stop, cloakroom, first_offset } =
            parts;
        Self {
            shard: id.shard.into(),
            names,
            mailbox,
            metrics,
            accounts,
            stop,
            next_timer: AtomicU64::new(0),
            sender: id.sender(),
            next_offset: AtomicU64::new(first_offset),
            cloakroom,
        }
    }

    /// Of a shard with one namespace, `/`.
    #[cfg(test)]
    pub(super) fn alone(mailbox: Mailbox) -> Self {
        Self::new(EnvParts {
            id: ShardId::default(),
            names: Arc::new(Names::new([("/", None, false)].into_iter())),
            mailbox,
            metrics: Metrics::default(),
            accounts: Arc::new(Accounts::test()),
            stop: None,
            cloakroom: Arc::default(),
            first_offset: 1,
        })
    }

    /// The name of one more event that this shard sends.
    pub(super) fn next_offset(&self) -> Offset {
        Offset::new(self.sender, self.next_offset.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn close_server(&self) {
        if let Some(stop) = &self.stop {
            stop.tell();
        }
    }

    /// Posts for an emitter, which does not wait.
    pub(super) fn offer(&self, parcel: Parcel) -> Result<(), EmitError> {
        self.mailbox.offer(parcel).map_err(|(_, refused)| match refused {
            Refused::Full => EmitError::Overloaded,
            Refused::Closed => EmitError::NotRunning,
        })
    }

    pub(crate) fn next_timer(&self) -> TimerId {
        TimerId(self.next_timer.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts and logs a handler that panicked.
    pub(super) fn report_panic(&self, namespace: &str, words: &str) {
        self.metrics.handler_panics.inc();
        tracing::error!(namespace, panic = words, "a handler panicked");
    }

    /// Drops what is the user's; a panic ends nothing.
    pub(super) fn dispose<T>(&self, value: T) {
        if let Err(words) = caught(|| drop(value)) {
            self.metrics.handler_panics.inc();
            tracing::error!(panic = words, "what a handler left behind panicked when dropped");
        }
    }

    /// A namespace that has handlers.
    ///
    /// # Panics
    /// If it has none.
    pub(super) fn handled(&self, name: &str) -> Scope {
        self.names.find(name).unwrap_or_else(|| panic!("the namespace {name} has handlers"))
    }
}

/// What the handlers of a shard want, in order.
pub(crate) struct Desk {
    pub(super) env: Arc<Env>,
    wishes: VecDeque<Input<'static>>,
    /// Those of the call that runs.
    n_wishes: usize,
    asks: HashMap<AckToken, (SocketKey, Foreign<OnAck>)>,
    gatherers: HashMap<AckToken, Gatherer>,
    next_ask: u64,
    pub(super) tasks: Tasks,
    pub(super) shares: Shares,
    /// Those whose sync handlers have started async functions.
    spawning: Vec<NamespaceKey>,
}

impl Desk {
    pub(super) fn new(env: Arc<Env>, tasks: Tasks) -> Self {
        Self {
            env,
            tasks,
            shares: Shares::default(),
            spawning: Vec::new(),
            wishes: VecDeque::new(),
            n_wishes: 0,
            asks: HashMap::new(),
            gatherers: HashMap::new(),
            next_ask: 0,
        }
    }

    pub(super) fn begin_call(&mut self) {
        self.n_wishes = 0;
    }

    /// Notes what a handler wants.
    ///
    /// # Panics
    /// If this call has wanted as much as it may.
    pub(super) fn wish(&mut self, input: Input<'static>) {
        assert!(
            self.n_wishes < MAX_WISHES_PER_CALL,
            "one call of a handler wants more than {MAX_WISHES_PER_CALL} things"
        );
        self.n_wishes += 1;
        self.wishes.push_back(input);
    }

    /// Notes what has to be done about a handler.
    pub(super) fn note(&mut self, input: Input<'static>) {
        self.wishes.push_back(input);
    }

    pub(super) fn next_wish(&mut self) -> Option<Input<'static>> {
        let wish = self.wishes.pop_front();
        if wish.is_none() && self.wishes.capacity() > 1024 {
            // A burst costs no memory once it is over.
            self.wishes = VecDeque::new();
        }
        wish
    }

    /// Starts an async function of this session; `end` makes the parcel that tells what came of it.
    pub(super) fn spawn<T: Send + 'static>(
        &mut self,
        session: SessionKey,
        make: impl FnOnce() -> Running<T> + Send + 'static,
        end: impl FnOnce(Result<T, String>) -> Parcel + Send + 'static,
    ) {
        let mailbox = self.env.mailbox.clone();
        self.tasks.spawn(make, &self.env.metrics.handlers_running, move |outcome| {
            // If the shard is no more, so is the session.
            let _ = mailbox.post(end(outcome));
        });
        self.shares.begin(session);
    }

    /// True if so many async functions run, of all or of this session, that no more may begin.
    pub(super) fn is_busy(&self, session: SessionKey) -> bool {
        self.tasks.is_full() || self.shares.is_full(session)
    }

    /// From now on a namespace counts as one with async handlers.
    pub(super) fn note_spawning(&mut self, namespace: NamespaceKey) {
        if !self.spawning.contains(&namespace) {
            self.spawning.push(namespace);
        }
    }

    /// True if sync handlers of a namespace have started async functions.
    pub(super) fn has_spawned(&self, namespace: NamespaceKey) -> bool {
        self.spawning.contains(&namespace)
    }

    /// Asks one socket; `then` gets what it answers.
    pub(super) fn ask(
        &mut self,
        socket: SocketKey,
        draft: Draft,
        timeout: Option<Duration>,
        then: OnAck,
    ) {
        let then = Foreign::new(then, &self.env);
        let token = self.next_token();
        self.wish(Input::Ask(socket, draft, token, timeout));
        self.asks.insert(token, (socket, then));
    }

    /// Asks many for a socket; `then` gets what they answer.
    pub(super) fn gather(&mut self, socket: SocketKey, question: Question, then: OnGathered) {
        let then = Foreign::new(then, &self.env);
        self.begin_gathering(Gatherer::Socket(socket, then), |token| {
            Input::Gather(token, question)
        });
    }

    /// Asks many for nobody in particular.
    pub(super) fn gather_here(&mut self, question: Question, then: OnGatheredHere) {
        let then = Foreign::new(then, &self.env);
        self.begin_gathering(Gatherer::Shard(then), |token| Input::Gather(token, question));
    }

    /// Asks the servers of other shards for a socket.
    pub(super) fn ask_servers(
        &mut self,
        socket: SocketKey,
        event: Draft,
        timeout: Duration,
        then: OnGathered,
    ) {
        let then = Foreign::new(then, &self.env);
        self.begin_gathering(Gatherer::Socket(socket, then), |token| {
            Input::AskServers(token, event, Reach::Others, timeout)
        });
    }

    /// Asks servers for nobody in particular.
    pub(super) fn ask_servers_here(
        &mut self,
        event: Draft,
        reach: Reach,
        timeout: Duration,
        then: OnGatheredHere,
    ) {
        let then = Foreign::new(then, &self.env);
        self.begin_gathering(Gatherer::Shard(then), |token| {
            Input::AskServers(token, event, reach, timeout)
        });
    }

    fn begin_gathering(&mut self, whom: Gatherer, input: impl FnOnce(AckToken) -> Input<'static>) {
        let token = self.next_token();
        self.wish(input(token));
        self.gatherers.insert(token, whom);
    }

    fn next_token(&mut self) -> AckToken {
        let token = AckToken(self.next_ask);
        self.next_ask += 1;
        token
    }

    pub(super) fn take_gatherer(&mut self, token: AckToken) -> Option<Gatherer> {
        self.gatherers.remove(&token)
    }

    pub(super) fn take_ack(&mut self, token: AckToken) -> Option<(SocketKey, Foreign<OnAck>)> {
        self.asks.remove(&token)
    }
}

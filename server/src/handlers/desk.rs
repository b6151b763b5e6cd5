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
    input::{AckToken, Input},
    key::{NamespaceKey, SocketKey},
};
use parlor_shared::socket_io::{Args, Draft};

use super::{Context, EmitError, TimerId, foreign::Foreign, tasks::caught};
use crate::{
    auth::Accounts,
    mailbox::{Mailbox, Parcel, Refused},
    metrics::Metrics,
};

/// What one call of a handler may want: more is a loop that does not end, or a broadcast written
/// as one emit per socket.
pub(crate) const MAX_WISHES_PER_CALL: usize = 65_536;

pub(crate) type OnAck = Box<dyn FnOnce(&mut Context<'_>, Result<Args<'_>, AckError>) + Send>;

pub(crate) type OnGathered = Box<dyn FnOnce(&mut Context<'_>, Answer) + Send>;

/// What other threads know of a shard.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) shard: u16,
    /// Of namespaces, in the order of their keys. The handlers themselves are not here: they may
    /// hold an emitter, which holds this.
    pub(crate) names: Arc<[String]>,
    pub(crate) mailbox: Mailbox,
    pub(crate) metrics: Metrics,
    pub(crate) accounts: Arc<Accounts>,
    next_timer: AtomicU64,
}

impl Env {
    pub(crate) fn new(
        shard: u16,
        names: Arc<[String]>,
        mailbox: Mailbox,
        metrics: Metrics,
        accounts: Arc<Accounts>,
    ) -> Self {
        Self { shard, names, mailbox, metrics, accounts, next_timer: AtomicU64::new(0) }
    }

    /// Posts for an emitter, which does not wait.
    pub(super) fn offer(&self, parcel: Parcel) -> Result<(), EmitError> {
        self.mailbox.offer(parcel).map_err(|(_, refused)| match refused {
            Refused::Full => EmitError::Overloaded,
            Refused::Closed => EmitError::NotRunning,
        })
    }

    pub(super) fn name(&self, namespace: NamespaceKey) -> &str {
        &self.names[namespace.0 as usize]
    }

    pub(super) fn namespace(&self, name: &str) -> Option<NamespaceKey> {
        let at = self.names.iter().position(|known| known == name)?;
        Some(NamespaceKey(u32::try_from(at).expect("few namespaces")))
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

    /// The key of a namespace that has handlers.
    ///
    /// # Panics
    /// If it has none.
    pub(super) fn handled(&self, name: &str) -> NamespaceKey {
        self.namespace(name).unwrap_or_else(|| panic!("the namespace {name} has handlers"))
    }
}

/// What the handlers of a shard want, in order.
pub(crate) struct Desk {
    pub(super) env: Arc<Env>,
    wishes: VecDeque<Input<'static>>,
    /// Those of the call that runs.
    n_wishes: usize,
    asks: HashMap<AckToken, (SocketKey, Foreign<OnAck>)>,
    gathered: HashMap<AckToken, (SocketKey, Foreign<OnGathered>)>,
    next_ask: u64,
}

impl Desk {
    pub(super) fn new(env: Arc<Env>) -> Self {
        Self {
            env,
            wishes: VecDeque::new(),
            n_wishes: 0,
            asks: HashMap::new(),
            gathered: HashMap::new(),
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

    /// Asks many sockets; `then` gets what they answer.
    pub(super) fn gather(&mut self, socket: SocketKey, question: Question, then: OnGathered) {
        let then = Foreign::new(then, &self.env);
        let token = self.next_token();
        self.wish(Input::Gather(token, question));
        self.gathered.insert(token, (socket, then));
    }

    fn next_token(&mut self) -> AckToken {
        let token = AckToken(self.next_ask);
        self.next_ask += 1;
        token
    }

    pub(super) fn take_gathered(
        &mut self,
        token: AckToken,
    ) -> Option<(SocketKey, Foreign<OnGathered>)> {
        self.gathered.remove(&token)
    }

    pub(super) fn take_ack(&mut self, token: AckToken) -> Option<(SocketKey, Foreign<OnAck>)> {
        self.asks.remove(&token)
    }
}

//! A shard as the tasks of its thread share it, and the loop that turns it.

use std::{
    cell::{Cell, RefCell},
    io,
    os::fd::{AsRawFd, RawFd},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use mio::{Events, Poll};
use parlor_core::{
    engine_io::Transport,
    key::{SessionKey, ShardId},
    time::Time,
};
use parlor_shared::id::Sid;
use tokio::{
    io::unix::AsyncFd,
    sync::{Notify, mpsc, watch},
};

use super::{ALARM, App, Shard, ShardSettings};
use crate::{
    acceptor::Accepted,
    cluster::Links,
    http::{self, HttpSettings},
    mailbox::Inbox,
    patience::{Patience, Placed, Progress},
};

/// How long a WebSocket may take from one shard to another.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Sockets that are looked at in one turn; more wait for the next.
pub(super) const MAX_EVENTS: usize = 1024;

/// The shard's own poll, beside the shard so that both can be used at once.
pub(crate) struct PollAndEvents {
    poll: Poll,
    events: Events,
}

/// A shard and its poll, as the tasks of its thread share them.
#[derive(Clone)]
pub(crate) struct Handle {
    shard: Rc<RefCell<Shard>>,
    poll: Rc<RefCell<PollAndEvents>>,
    id: ShardId,
    /// A panic has left the shard half done: it cannot go on.
    is_torn: Rc<Cell<bool>>,
    /// Told when the shard has ended; whoever has an answer on its way then listens.
    drain: Rc<watch::Sender<bool>>,
    /// Its connections that speak HTTP.
    patience: Patience,
}

impl Handle {
    /// Sets a shard up on the current thread.
    ///
    /// # Errors
    /// If the operating system gives no poll.
    pub(crate) fn new(
        settings: ShardSettings,
        app: App,
        inbox: Inbox,
        links: Links,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        inbox.hang(mio::Waker::new(&registry, ALARM)?);
        let events = Events::with_capacity(MAX_EVENTS);
        let id = settings.id;
        Ok(Self {
            id,
            is_torn: Rc::default(),
            drain: Rc::new(watch::channel(false).0),
            patience: Patience::new(settings.clock, settings.patience),
            shard: Rc::new(RefCell::new(Shard::new(settings, app, inbox, links, registry))),
            poll: Rc::new(RefCell::new(PollAndEvents { poll, events })),
        })
    }

    /// Which shard it is.
    pub(crate) fn id(&self) -> ShardId {
        self.id
    }

    /// The shard's end waits a while for these to be dropped; true once it has begun.
    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.drain.subscribe()
    }

    /// Waits until the answers that are on their way have got there; false if they did not in time.
    pub(crate) async fn drain(&self, timeout: Duration) -> bool {
        self.drain.send_replace(true);
        self.patience.end();
        tokio::time::timeout(timeout, self.drain.closed()).await.is_ok()
    }

    /// A place for a connection that speaks HTTP and is silent since then.
    pub(crate) fn place(&self, since: Time, progress: Progress) -> Placed {
        let placed = self.patience.place(since, progress);
        self.peek(|shard| shard.wake_by(self.patience.deadline()));
        placed
    }

    /// The session that a request is about, with its transport. What the session's WebSocket
    /// brought is read first: it is older than what the request says.
    pub(crate) fn asked_about(&self, sid: &Sid) -> Option<(SessionKey, Transport)> {
        if let Some(connection) = self.peek(|shard| shard.connection_of(sid)) {
            self.with(|shard| shard.read(connection, true));
        }
        self.peek(|shard| {
            let key = shard.session(sid)?;
            Some((key, shard.transport(key)?))
        })
    }

    /// Waits for WebSockets of this session that are on their way from other shards.
    pub(crate) async fn candidates(&self, sid: &Sid) {
        let arrival = Rc::clone(&self.shard.borrow().arrival);
        let arrived = async {
            while self.peek(|shard| shard.expects_candidate(sid)) {
                arrival.notified().await;
            }
        };
        // Past that the other shard has worse troubles than an order of requests.
        let _ = tokio::time::timeout(ARRIVAL_TIMEOUT, arrived).await;
    }

    /// Waits while another shard cannot keep up.
    pub(crate) async fn relief(&self) {
        let relief = Rc::clone(&self.shard.borrow().relief);
        while self.peek(|shard| shard.is_congested()) {
            relief.notified().await;
        }
    }

    /// Does something with the shard between its turns, and writes what came of it.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut Shard) -> T) -> T {
        let _torn = Torn(&self.is_torn);
        let mut shard = self.shard.borrow_mut();
        shard.look_at_clock();
        let result = run(&mut shard);
        shard.settle_up();
        result
    }

    /// Takes a turn, with what sockets bring within `timeout` (`None`: in any time). True if
    /// another thread has rung before it.
    fn turn(&self, timeout: Option<Duration>) -> bool {
        let _torn = Torn(&self.is_torn);
        let PollAndEvents { poll, events } = &mut *self.poll.borrow_mut();
        if let Err(error) = poll.poll(events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "polling sockets failed");
        }
        let mut shard = self.shard.borrow_mut();
        // Whoever rings from here on may want something that this turn has not seen.
        let has_rung = shard.inbox.has_rung();
        shard.turn(events);
        shard.flush_links();
        has_rung
    }

    /// Does something with the shard, without a turn.
    pub(crate) fn peek<T>(&self, run: impl FnOnce(&mut Shard) -> T) -> T {
        run(&mut self.shard.borrow_mut())
    }

    /// Turns the shard until `stopped` is told, then ends its sessions and turns on until all are
    /// gone or `timeout` has passed.
    ///
    /// While the runtime has no task (connections that speak HTTP, and what users spawn), the loop
    /// waits on the shard's poll itself. Asking the runtime as well costs a second system call, and
    /// more, each time.
    pub(crate) async fn run(
        &self,
        http: &Arc<HttpSettings>,
        mut accepted: Option<mpsc::Receiver<Accepted>>,
        stopped: watch::Receiver<bool>,
        timeout: Duration,
    ) -> io::Result<()> {
        let fd = self.poll.borrow().poll.as_raw_fd();
        let watched = PollFd { fd, _open: Rc::clone(&self.poll) };
        #[expect(deprecated, reason = "its successor is unsafe; `PollFd` keeps what that asks for")]
        let watched = AsyncFd::with_interest(watched, tokio::io::Interest::READABLE)?;
        let wake = Rc::clone(&self.shard.borrow().wake);
        let mailbox = self.shard.borrow().mailbox();
        let clock = self.shard.borrow().settings.clock;
        let tasks = tokio::runtime::Handle::current().metrics();
        let mut give_up_at: Option<Time> = None;
        loop {
            let deadline = self.peek(|shard| {
                let silence = self.patience.deadline();
                let deadlines = [shard.deadline(), silence, give_up_at];
                let deadline = deadlines.into_iter().flatten().min();
                shard.asleep_until = Some(deadline);
                deadline
            });
            let has_rung = if tasks.num_alive_tasks() == 0 {
                let is_free = !wake.take() && self.peek(|shard| shard.inbox.listen());
                let left = deadline.map(|at| at.since(clock.now()));
                self.turn(if is_free { left } else { Some(Duration::ZERO) })
            } else {
                let sleep = async {
                    match deadline {
                        Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    ready = watched.readable() => ready?.clear_ready(),
                    () = sleep => {}
                    // Whatever else is ready has its turn before this shard goes on.
                    () = wake.called() => tokio::task::yield_now().await,
                    () = mailbox.posted() => tokio::task::yield_now().await,
                }
                if self.is_torn.get() {
                    return Err(io::Error::other("a shard panicked"));
                }
                self.turn(Some(Duration::ZERO))
            };
            self.peek(|shard| shard.asleep_until = None);
            if has_rung {
                while let Some(accepted) = accepted.as_mut().and_then(|all| all.try_recv().ok()) {
                    self.with(|shard| shard.welcome(accepted));
                }
                if give_up_at.is_none() && *stopped.borrow() {
                    give_up_at = Some(clock.now() + timeout);
                    self.with(|shard| {
                        shard.close_door();
                        shard.shut_down();
                    });
                }
            }
            self.patience.expire(self.peek(|shard| shard.now()));
            for key in self.peek(Shard::take_heard) {
                http::greet(self, http, key);
            }
            for visit in self.peek(Shard::take_visits) {
                visit(self);
            }
            let n_sessions = self.peek(|shard| shard.n_sessions());
            if let Some(at) = give_up_at
                && (n_sessions == 0 || clock.now() >= at)
            {
                return Ok(());
            }
        }
    }
}

/// Says that a loop has more to do and should not wait.
#[derive(Debug, Default)]
pub(super) struct Wake {
    is_called: Cell<bool>,
    called: Notify,
}

impl Wake {
    pub(super) fn call(&self) {
        self.is_called.set(true);
        self.called.notify_one();
    }

    pub(super) fn take(&self) -> bool {
        self.is_called.take()
    }

    /// A call that the loop has heeded already may have left its notice behind.
    async fn called(&self) {
        while !self.take() {
            self.called.notified().await;
        }
    }
}

/// Notes if what it accompanies does not come to its end.
struct Torn<'t>(&'t Cell<bool>);

impl Drop for Torn<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set(true);
        }
    }
}

/// Lets tokio watch a `mio::Poll`, and keeps that open as long as it does.
struct PollFd {
    fd: RawFd,
    _open: Rc<RefCell<PollAndEvents>>,
}

impl AsRawFd for PollFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

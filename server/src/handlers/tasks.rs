//! Where async handlers run: a runtime of their own, so that none of them can hold a shard up.
//! What they do there is `asynchronous`' part; what follows their end is `handlers`'.

use std::{
    any::Any,
    convert::Infallible,
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use parlor_core::key::SessionKey;
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::mpsc,
};

use super::namespace::Running;

/// Async handlers at work in a server, beyond which namespaces that have any take no more sockets.
/// Each socket has one at most, but those of sockets that are gone may still run, and what sync
/// handlers have started.
pub(crate) const MAX_RUNNING_HANDLERS: usize = 65_536;

/// How long threads of handlers that block get to end, before they are left behind.
const ABANDON_AFTER: Duration = Duration::from_secs(1);

/// An async handler's end, on its way back to the shard.
pub(crate) struct End {
    /// Whose it was, even if its socket is gone.
    pub(super) session: SessionKey,
    /// Or the words with which it panicked.
    pub(super) outcome: Result<(), String>,
}

/// Where async handlers run, and what waits for their end.
#[derive(Debug)]
pub(crate) struct HandlerThreads {
    tasks: Tasks,
    ended: mpsc::Receiver<Infallible>,
}

/// Starts async handlers; cloning shares the runtime.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    pool: Arc<Pool>,
    n_running: Arc<AtomicUsize>,
    /// Never sent to: its receiver ends when the last task has.
    alive: mpsc::Sender<Infallible>,
}

/// A runtime, once one is needed: most servers' handlers are sync.
#[derive(Debug)]
struct Pool {
    n_threads: usize,
    handle: OnceLock<Handle>,
    /// A lock, because it is started once and taken once.
    runtime: Mutex<Option<Runtime>>,
}

impl Pool {
    fn start(&self) -> io::Result<()> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if self.handle.get().is_none() {
            let mut builder = Builder::new_multi_thread();
            if self.n_threads > 0 {
                builder.worker_threads(self.n_threads);
            }
            let started = builder.thread_name("handlers").enable_io().enable_time().build()?;
            self.handle.get_or_init(|| started.handle().clone());
            *runtime = Some(started);
        }
        Ok(())
    }

    fn handle(&self) -> &Handle {
        self.handle.get().unwrap_or_else(|| {
            self.start().expect("the operating system gives threads for async handlers");
            self.handle.get().expect("it has just been started")
        })
    }

    fn take(&self) -> Option<Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl HandlerThreads {
    /// With so many threads, once they are needed; 0: as many as cores.
    pub(crate) fn new(n_threads: usize) -> Self {
        let pool = Pool { n_threads, handle: OnceLock::new(), runtime: Mutex::default() };
        let (alive, ended) = mpsc::channel(1);
        Self { tasks: Tasks { pool: pool.into(), n_running: Arc::default(), alive }, ended }
    }

    /// Starts the threads, because they are going to be needed.
    ///
    /// # Errors
    /// If the operating system gives none.
    pub(crate) fn start(&self) -> io::Result<()> {
        self.tasks.pool.start()
    }

    pub(crate) fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Waits until all shards have ended, which is when `shards` does, and then until all handlers
    /// have or `timeout` has passed.
    pub(crate) fn run(self, mut shards: mpsc::Receiver<Infallible>, timeout: Duration) {
        let Self { tasks, mut ended } = self;
        shards.blocking_recv();
        let runtime = tasks.pool.take();
        drop(tasks);
        let Some(runtime) = runtime else { return };
        runtime.block_on(async {
            if tokio::time::timeout(timeout, ended.recv()).await.is_err() {
                tracing::warn!("async handlers still ran at the end");
            }
        });
        runtime.shutdown_timeout(ABANDON_AFTER);
    }
}

impl Tasks {
    /// True if so many handlers run that no more sockets are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.n_running.load(Ordering::Relaxed) >= MAX_RUNNING_HANDLERS
    }

    /// Starts what `make` gives. `end` hears what came of it, or the words with which it panicked.
    ///
    /// # Panics
    /// If these are the first, and there are no threads to be had.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> Running<T> + Send + 'static,
        gauge: &Gauge,
        end: impl FnOnce(Result<T, String>) + Send + 'static,
    ) {
        let runtime = self.pool.handle();
        let (alive, gauge) = (self.alive.clone(), gauge.clone());
        let n_running = Arc::clone(&self.n_running);
        n_running.fetch_add(1, Ordering::Relaxed);
        gauge.inc();
        // Owned by the runtime, and awaited through `alive`.
        runtime.spawn(async move {
            let outcome = match caught(make) {
                Ok(future) => finished(future).await,
                Err(words) => Err(words),
            };
            end(outcome);
            n_running.fetch_sub(1, Ordering::Relaxed);
            gauge.dec();
            drop(alive);
        });
    }
}

/// What a future gives, or the words with which it panicked.
async fn finished<T>(future: Running<T>) -> Result<T, String> {
    let mut future = Some(future);
    poll_fn(move |cx| {
        let running = future.as_mut().expect("not polled after its end");
        let polled = match caught(|| running.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(words) => Err(words),
        };
        // What it holds may panic as well when it is dropped.
        let dropped = caught(|| drop(future.take()));
        Poll::Ready(polled.and_then(|value| dropped.map(|()| value)))
    })
    .await
}

/// What a function gives, or the words with which it panicked.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let words = words(payload.as_ref());
        // What was thrown may panic as well; what that throws is left behind.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        words
    })
}

/// The words of a panic.
fn words(payload: &(dyn Any + Send)) -> String {
    let literal = payload.downcast_ref::<&str>().map(|words| (*words).to_owned());
    literal.or_else(|| payload.downcast_ref().cloned()).unwrap_or_default()
}

#[cfg(test)]
impl Tasks {
    /// As if so many ran already.
    pub(super) fn pretend(&self, n_running: usize) {
        self.n_running.store(n_running, Ordering::Relaxed);
    }
}

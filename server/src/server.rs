//! The server as a value: what is registered on it, and how it is started and stopped.

use std::{
    convert::Infallible,
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use parlor_core::{
    lobby::{Games, game::Game},
    matchmaker::queue::Declared,
};
use parlor_shared::{api, socket_io::Args};
use tokio::{
    runtime::LocalOptions,
    sync::{mpsc, watch},
};

use crate::{
    acceptor::{Doorbell, MAX_HANDED_OVER},
    allow::{Allow, HandshakeRequest},
    auth::Revoked,
    cluster::Cluster,
    config::Config,
    engine_app::{EngineApp, EngineContext, EngineMessage},
    handlers::{
        Auth, Beat, EmitError, Emitter, Env, Matching, Namespace, RunningTask, ServerSide,
        ShardContext,
    },
    mailbox::{Inbox, Mailbox, Parcel, mailbox},
    plan::{Entrance, Parts, Plan},
};

/// A server that is being put together.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use parlor_server::Server;
///
/// let mut server = Server::default();
/// server.namespace("/").on("hello", |cx, _| cx.emit("hello-back", ()));
/// server.start("127.0.0.1:3000")?.wait();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Server {
    config: Config,
    namespaces: Vec<(String, Namespace)>,
    server_side: ServerSide,
    games: Games,
    queues: Vec<Declared>,
    engine: Option<EngineApp>,
    emitter: Emitter,
    timers: Vec<Every>,
    cluster: Option<Cluster>,
    allow: Allow,
}

/// Shards of a server: as many as an identity can tell.
const MAX_SHARDS: usize = 256;

impl Server {
    /// With this configuration. Its `server.host` and `server.port` are for those who call
    /// [`Self::start`].
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// The handlers of a namespace, to be added to. Its name begins with `/`; `/` is the main one.
    ///
    /// # Panics
    /// If the name does not begin with `/`, is `/lobby`, `/matchmaking` or `/signal`, which belong
    /// to Parlor, or is the pattern of [`Self::namespaces_matching`].
    pub fn namespace(&mut self, name: &str) -> &mut Namespace {
        assert!(name.starts_with('/'), "a namespace's name begins with `/`");
        let own = [api::lobby::NAMESPACE, api::matchmaking::NAMESPACE, api::signal::NAMESPACE];
        assert!(!own.contains(&name), "`{name}` belongs to Parlor");
        self.named(name, Namespace::default())
    }

    /// The handlers of all namespaces whose name this regular expression finds something in, to be
    /// added to. As on Node, it is to begin with `^` and to end with `$` if it means whole names;
    /// `\d` and `\w` mean ASCII, and there are no look-arounds or references.
    ///
    /// Such a namespace begins when a client names it, on each shard by itself, and goes with its
    /// last socket. There are [`limits.max_dynamic_namespaces`](Config) of them at most, and a
    /// client has 64 sockets at most. Names that [`Self::namespace`] has are never meant; of
    /// several parents, the one that was registered first counts. Emitters and contexts reach one
    /// by its name, and all that share a parent by its pattern.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let mut server = parlor_server::Server::default();
    /// server.namespaces_matching(r"^/game-\d+$").on("hello", |cx, _| {
    ///     let name = cx.namespace().to_owned();
    ///     cx.emit("welcome-to", (name,));
    /// });
    /// let running = server.start("127.0.0.1:0")?;
    /// running.emitter().namespace("/game-7").emit("to-those-in-7", ()).ok();
    /// running.emitter().namespace(r"^/game-\d+$").emit("to-those-in-any", ()).ok();
    /// # running.stop();
    /// # running.wait()
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it is no regular expression, or is the name of [`Self::namespace`] or a label.
    pub fn namespaces_matching(&mut self, pattern: &str) -> &mut Namespace {
        self.named(pattern, Namespace::parent_of(Matching::pattern(pattern)))
    }

    /// Like [`Self::namespaces_matching`], for the names that `takes` says yes to; it also gets
    /// what the client sent as `auth`. It is asked for the first socket of each such namespace on a
    /// shard: whether the others may join is [`Namespace::admit`]'s to say. It runs on the shard
    /// and must not block. All of them are reached by `label`.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// let rooms = ["/red", "/blue"];
    /// server.namespaces_where("colours", move |name, _| rooms.contains(&name));
    /// server.every(std::time::Duration::from_secs(1), |cx| {
    ///     cx.namespace("colours").emit("tick", ());
    /// });
    /// ```
    ///
    /// # Panics
    /// If the label begins with `/`, or is taken, by a pattern too.
    pub fn namespaces_where(
        &mut self,
        label: &str,
        takes: impl Fn(&str, Auth<'_>) -> bool + Send + Sync + 'static,
    ) -> &mut Namespace {
        assert!(!label.starts_with('/'), "a label is no namespace's name");
        self.named(label, Namespace::parent_of(Matching::Predicate(Arc::new(takes))))
    }

    /// # Panics
    /// If the name is taken by another kind of namespace.
    fn named(&mut self, name: &str, new: Namespace) -> &mut Namespace {
        let at = match self.namespaces.iter().position(|(known, _)| known == name) {
            Some(at) => {
                assert!(self.namespaces[at].1.adds_up_with(&new), "`{name}` is taken");
                at
            }
            None => {
                self.namespaces.push((name.to_owned(), new));
                self.namespaces.len() - 1
            }
        };
        &mut self.namespaces[at].1
    }

    /// Adds a game that lobbies can be made for. With the first one, `/lobby` is served.
    ///
    /// # Panics
    /// If the game wants another number of ticks a second than 1 to 128.
    pub fn game<G: Game>(&mut self, name: &str) -> &mut Self {
        self.games.register::<G>(name);
        self
    }

    /// Adds a queue in which players wait for a match of one of the games, beside those of the
    /// configuration; the usual ones are not there then. With the first one, `/matchmaking` is
    /// served. What is wrong with it is said by [`Self::check`] and [`Self::start`].
    ///
    /// ```
    /// # use parlor_server::{Server, game::*};
    /// # struct Nim;
    /// # impl Game for Nim {
    /// #     type Config = (); type State = (); type Action = (); type View = (); type Event = ();
    /// #     const SEATS: std::ops::RangeInclusive<u8> = 2..=2;
    /// #     fn setup(_: &(), _: &mut Cx<'_, Self>) {}
    /// #     fn apply(_: &mut (), _: Seat, _: (), _: &mut Cx<'_, Self>) -> Result<(), Reject> {
    /// #         Ok(())
    /// #     }
    /// #     fn view(_: &(), _: Viewer) {}
    /// #     fn outcome(_: &()) -> Option<Outcome> { None }
    /// # }
    /// use parlor_server::queue::{Declared, Grow, Growth, Kind, Merge, Window};
    ///
    /// let mut server = Server::default();
    /// server.game::<Nim>("nim");
    /// let equals = Kind::Difference {
    ///     attribute: "rating".to_owned(),
    ///     window: Window {
    ///         within: 100.0,
    ///         growth: Growth::Linear(Grow { by: 25.0, every_ms: 1_000, limit: 500.0 }),
    ///     },
    ///     merge: Merge::Mean,
    /// };
    /// server.queue(Declared::duel("casual", "nim")).queue(Declared {
    ///     rated: true,
    ///     accept_ms: 10_000,
    ///     rules: vec![equals.into()],
    ///     ..Declared::duel("ranked", "nim")
    /// });
    /// server.check()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn queue(&mut self, queue: Declared) -> &mut Self {
        self.queues.push(queue);
        self
    }

    /// Calls `run` once per `period`, on the server's first shard. Its emits reach the sockets of
    /// all. The k-th call is due k periods after the start, so that nothing drifts; one that is
    /// late by more than a period is skipped. Like a handler it must not block.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// use std::time::Duration;
    ///
    /// server.namespace("/");
    /// let mut tick = 0;
    /// server.every(Duration::from_millis(50), move |cx| {
    ///     tick += 1 + cx.n_skipped();
    ///     cx.namespace("/").to("arena").volatile().emit("tick", (tick,));
    /// });
    /// ```
    ///
    /// # Panics
    /// If the period is zero.
    pub fn every(
        &mut self,
        period: Duration,
        run: impl FnMut(&mut ShardContext<'_>) + Send + 'static,
    ) -> &mut Self {
        self.timers.push(Every::First(Beat::new(period, run)));
        self
    }

    /// Like [`Self::every`], on each of the server's shards: for what is emitted `local()`.
    ///
    /// # Panics
    /// If the period is zero.
    pub fn every_on_each_shard(
        &mut self,
        period: Duration,
        run: impl Fn(&mut ShardContext<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        let run = Arc::new(run);
        let make = move || {
            let run = Arc::clone(&run);
            Beat::new(period, move |cx: &mut ShardContext<'_>| run(cx))
        };
        // Tells at once if the period is zero.
        make();
        self.timers.push(Every::Each(Box::new(make)));
        self
    }

    /// Makes this server one node of several that run the same application. Broadcasts, rooms,
    /// questions and lobbies then span them; requests of one session must reach its own node.
    pub fn cluster(&mut self, cluster: Cluster) -> &mut Self {
        self.cluster = Some(cluster);
        self
    }

    /// Called on each shard for each event of this name that another one sends by
    /// [`server_side_emit`](crate::Context::server_side_emit): another shard of this process, or of
    /// another node, or an emitter. [`ShardContext::ack`] answers it. Of several handlers of one
    /// name all are called, in the order in which they were registered.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// use std::time::Duration;
    ///
    /// server.on_server_side("load?", |cx, _| {
    ///     let shard = cx.shard();
    ///     cx.ack((shard, 0.5));
    /// });
    /// server.namespace("/").on_async("loads", |cx, _| async move {
    ///     let loads = cx.server_side_ask("load?", (), Duration::from_secs(1)).await;
    ///     let Ok(loads) = loads else { return };
    ///     let loads = loads.iter().filter_map(|load| load.args.get(1).ok());
    ///     cx.ack((loads.collect::<Vec<f32>>(),)).await;
    /// });
    /// ```
    ///
    /// # Panics
    /// If the name is reserved: `connection` or `new_namespace`, or one that no client may send.
    pub fn on_server_side(
        &mut self,
        event: &str,
        handler: impl Fn(&mut ShardContext<'_>, Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.server_side.on(event, handler);
        self
    }

    /// Asks `judge` about each request that would open a session, by either transport, before it
    /// does. A refusal is 403 `{"code":4,"message":…}` for polling, and 400 with the message for a
    /// WebSocket, as from the reference. It runs on the shard: it must not block. One that panics
    /// refuses. A second judge replaces the first.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.allow_request(|request| match request.headers.get("x-maintenance") {
    ///     Some(_) => Err("come back later".to_owned()),
    ///     None => Ok(()),
    /// });
    /// ```
    pub fn allow_request(
        &mut self,
        judge: impl Fn(&HandshakeRequest) -> Result<(), String> + Send + Sync + 'static,
    ) -> &mut Self {
        self.allow = Allow::Now(Arc::new(judge));
        self
    }

    /// Like [`Self::allow_request`], by a judge that may wait, on the threads of async handlers:
    /// for `engine.connect_timeout_ms`, then the request is refused.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// # async fn is_banned(address: std::net::IpAddr) -> bool { false }
    /// server.allow_request_async(|request| async move {
    ///     if is_banned(request.address).await { Err("banned".to_owned()) } else { Ok(()) }
    /// });
    /// ```
    pub fn allow_request_async<F: Future<Output = Result<(), String>> + Send + 'static>(
        &mut self,
        judge: impl Fn(HandshakeRequest) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let judge = Arc::new(move |request| -> RunningTask<_> { Box::pin(judge(request)) });
        self.allow = Allow::Later(judge, Arc::default());
        self
    }

    /// Emits from any thread, once the server runs.
    pub fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    /// Serves bare Engine.IO messages by this handler instead of Socket.IO: nothing else that is
    /// registered is ever called.
    pub fn engine(
        &mut self,
        handler: impl Fn(&mut EngineContext, EngineMessage<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.engine = Some(EngineApp::new(handler));
        self
    }

    /// Whether it would start: all that is checked before anything is listened to.
    ///
    /// # Errors
    /// If the configuration makes no sense, or does not go with what is registered.
    pub fn check(self) -> io::Result<()> {
        self.plan().map(drop)
    }

    fn plan(self) -> io::Result<(Plan, Arc<[Mailbox]>, Vec<Inbox>)> {
        let n_shards = n_shards(self.config.server.shards)?;
        let (mailboxes, inboxes): (Vec<Mailbox>, Vec<Inbox>) =
            (0..n_shards).map(|_| mailbox()).unzip();
        let mailboxes: Arc<[Mailbox]> = mailboxes.into();
        let Self { config, namespaces, server_side, games, queues, engine, cluster, allow, .. } =
            self;
        let parts =
            Parts { config, namespaces, server_side, games, queues, engine, cluster, allow };
        Ok((Plan::of(parts, &mailboxes)?, mailboxes, inboxes))
    }

    /// Listens, and serves from threads of its own. The calling thread goes on.
    ///
    /// # Errors
    /// If the address cannot be had, or the configuration makes no sense.
    pub fn start(self, address: impl ToSocketAddrs) -> io::Result<Running> {
        let listener = std::net::TcpListener::bind(address)?;
        self.start_on(listener)
    }

    /// Like [`Self::start`], on a listener that exists already. It is set not to block, listens
    /// with a queue of 4,096, and its connections get `TCP_NODELAY` and `limits.notsent_lowat`.
    ///
    /// # Errors
    /// If the configuration makes no sense.
    pub fn start_on(mut self, listener: std::net::TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let (emitter, timers) = (self.emitter.clone(), std::mem::take(&mut self.timers));
        let (plan, mailboxes, inboxes) = self.plan()?;
        let n_shards = inboxes.len();
        plan.connect(&mailboxes);
        let timeout = Duration::from_millis(plan.config.shutdown.timeout_ms);
        let handler_threads = plan.handler_threads()?;
        let (stop, stopped) = Stop::new(Arc::clone(&mailboxes));
        let (alive, shards) = mpsc::channel::<Infallible>(1);
        let (mut threads, mut arrivals, mut envs) = (Vec::new(), Vec::new(), Vec::new());
        let mut trace = None;
        if let Some((own, writer)) = plan.ticket_trace()? {
            trace = Some(own);
            threads.push(thread("ticket-trace".to_owned(), || writer.run())?);
        }
        let mut door = Some(plan.door(listener)?);
        for (number, inbox) in (0..=u8::MAX).zip(inboxes) {
            let entrance = match door.take_if(|_| n_shards == 1) {
                Some(door) => Entrance::Door(Box::new(door)),
                None => {
                    let (queue, accepted) = mpsc::channel(MAX_HANDED_OVER);
                    let mailbox = mailboxes[usize::from(number)].clone();
                    arrivals.push(Doorbell { queue, mailbox });
                    Entrance::Acceptor(accepted)
                }
            };
            let mailbox = mailboxes[usize::from(number)].clone();
            let (mut plan, stopped, alive) = (plan.clone(), stopped.clone(), alive.clone());
            plan.trace = trace.take();
            let env = Arc::new(plan.env(number, mailbox, Arc::clone(&stop)));
            envs.push(Arc::clone(&env));
            let tasks = handler_threads.tasks();
            let all_end = AllEnd(Arc::clone(&stop));
            let run = move || {
                let (_alive, _all_end) = (alive, all_end);
                on_runtime(plan.serve(env, inbox, tasks, entrance, stopped, timeout))
            };
            threads.push(thread(format!("shard-{number}"), run)?);
        }
        if plan.accounts.has_files() {
            let (accounts, stopped) = (Arc::clone(&plan.accounts), stopped.clone());
            let all_end = AllEnd(Arc::clone(&stop));
            let run = move || {
                let _all_end = all_end;
                on_runtime(accounts.watch(stopped))
            };
            threads.push(thread("accounts".to_owned(), run)?);
        }
        post(timers, &envs);
        emitter.start(Arc::clone(&envs[0]));
        drop(alive);
        let run = move || {
            handler_threads.run(shards, timeout);
            Ok(())
        };
        threads.push(thread("handlers".to_owned(), run)?);
        if let Some(door) = door {
            let all_end = AllEnd(Arc::clone(&stop));
            let run = move || {
                let _all_end = all_end;
                on_runtime(Plan::accept(door, arrivals, stopped))
            };
            threads.push(thread("acceptor".to_owned(), run)?);
        }
        Ok(Running { address, stop, threads, emitter })
    }
}

/// A thread that ends, however that comes, ends the server: half of one would look alive.
struct AllEnd(Arc<Stop>);

impl Drop for AllEnd {
    fn drop(&mut self) {
        self.0.tell();
    }
}

/// Tells all threads to stop.
#[derive(Debug)]
pub(crate) struct Stop {
    told: watch::Sender<bool>,
    /// Of the shards, which look when they are rung.
    mailboxes: Arc<[Mailbox]>,
}

impl Stop {
    fn new(mailboxes: Arc<[Mailbox]>) -> (Arc<Self>, watch::Receiver<bool>) {
        let (told, stopped) = watch::channel(false);
        (Arc::new(Self { told, mailboxes }), stopped)
    }

    pub(crate) fn tell(&self) {
        self.told.send_replace(true);
        self.mailboxes.iter().for_each(Mailbox::ring);
    }
}

/// A function that is called once per period.
enum Every {
    First(Beat),
    Each(Box<dyn Fn() -> Beat + Send>),
}

impl fmt::Debug for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Every")
    }
}

/// Hands each function to the shards that are to call it.
fn post(timers: Vec<Every>, shards: &[Arc<Env>]) {
    let post = |env: &Env, beat| {
        // If the shard has failed already, so has the server.
        let _ = env.mailbox.post(Parcel::Every(env.next_timer(), beat));
    };
    for timer in timers {
        match timer {
            Every::First(beat) => post(&shards[0], beat),
            Every::Each(make) => shards.iter().for_each(|env| post(env, make())),
        }
    }
}

/// A running server. Dropping it leaves the server running until the process ends.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    emitter: Emitter,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Emits from any thread.
    pub fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    /// Lets an account, or a token, in no more; see [`Emitter::revoke`].
    ///
    /// # Errors
    /// If the server has stopped, or 1,000,000 are revoked.
    pub fn revoke(&self, revoked: &Revoked) -> Result<(), EmitError> {
        self.emitter.revoke(revoked)
    }

    /// Tells it to stop: it takes no more connections, ends its sessions with
    /// `server shutting down`, and gives them `shutdown.timeout_ms` to hear of it. Async handlers
    /// that still run have as long again, and answers on their way a second.
    pub fn stop(&self) {
        self.stop.tell();
    }

    /// Waits until it has stopped.
    ///
    /// # Errors
    /// What ended one of its threads early.
    pub fn wait(self) -> io::Result<()> {
        let mut ended = Ok(());
        for thread in self.threads {
            let panicked = |_| Err(io::Error::other("a thread of the server panicked"));
            // All end when one does; the first error is the cause, or near it.
            let this = thread.join().unwrap_or_else(panicked);
            ended = ended.and(this);
        }
        ended
    }
}

/// As configured, or one per core.
fn n_shards(configured: usize) -> io::Result<usize> {
    match configured {
        0 => Ok(std::thread::available_parallelism().map_or(1, usize::from).min(MAX_SHARDS)),
        n @ 1..=MAX_SHARDS => Ok(n),
        _ => {
            let what = format!("server.shards is {MAX_SHARDS} at most");
            Err(io::Error::new(io::ErrorKind::InvalidInput, what))
        }
    }
}

fn thread(
    name: String,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name(name).spawn(run)
}

fn on_runtime(future: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_io().enable_time().build_local(LocalOptions::default())?.block_on(future)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    type Register = for<'s> fn(&'s mut Server, &str) -> &'s mut Namespace;

    #[test]
    fn a_name_is_of_one_kind_of_namespace() {
        let named: Register = Server::namespace;
        let matching: Register = Server::namespaces_matching;
        let predicate: Register = |server, name| server.namespaces_where(name, |_, _| true);
        for (name, first, second, may) in [
            ("/both", named, named, true),
            ("/both", named, matching, false),
            ("/both", matching, named, false),
            ("both", matching, matching, true),
            ("both", matching, predicate, false),
            ("both", predicate, matching, false),
            ("both", predicate, predicate, false),
        ] {
            let mut server = Server::default();
            first(&mut server, name);
            let again = AssertUnwindSafe(|| second(&mut server, name).matching().is_some());
            assert_eq!(catch_unwind(again).is_ok(), may, "{name}");
            assert_eq!(server.namespaces.len(), 1);
        }
    }

    #[test]
    fn a_thread_that_panics_ends_all() {
        let (stop, stopped) = Stop::new([mailbox().0].into());
        let all_end = AllEnd(stop);
        let run = move || {
            let _all_end = all_end;
            panic!("something is torn")
        };
        assert!(std::thread::spawn(run).join().is_err());
        assert!(*stopped.borrow());
    }
}

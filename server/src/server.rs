//! The server as a value: what is registered on it, and how it is started and stopped.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use parlor_core::{
    WorldSettings,
    engine_io::Settings,
    lobby::{Games, LobbySettings, game::Game},
};
use tokio::{sync::mpsc, task::LocalSet};

use crate::{
    acceptor::{self, Accepted, MAX_HANDED_OVER},
    address::{PerAddress, TrustedProxies},
    chance::{self, SidMint},
    clock::Clock,
    config::Config,
    cors::Cors,
    engine_app::{EngineApp, EngineContext, EngineMessage},
    handlers::Namespace,
    http::{self, HttpSettings},
    metrics::Metrics,
    shard::{App, Handle, ShardSettings},
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
    games: Games,
    engine: Option<EngineApp>,
}

/// After the sessions have ended, how long their last answers may take to be written.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// Shards of a server; more than one come with the next version.
const N_SHARDS: u16 = 1;

impl Server {
    /// With this configuration. Its `server.host` and `server.port` are for those who call
    /// [`Self::start`].
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// The handlers of a namespace, to be added to. Its name begins with `/`; `/` is the main one.
    ///
    /// # Panics
    /// If the name does not begin with `/`, or is `/lobby`, which belongs to Parlor.
    pub fn namespace(&mut self, name: &str) -> &mut Namespace {
        assert!(name.starts_with('/'), "a namespace's name begins with `/`");
        assert!(name != parlor_shared::api::lobby::NAMESPACE, "`/lobby` belongs to Parlor");
        let at = self.namespaces.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            self.namespaces.push((name.to_owned(), Namespace::default()));
            self.namespaces.len() - 1
        });
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

    /// Serves bare Engine.IO messages by this handler instead of Socket.IO.
    pub fn engine(
        &mut self,
        handler: impl Fn(&mut EngineContext, EngineMessage<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.engine = Some(EngineApp::new(handler));
        self
    }

    /// Listens, and serves from threads of its own. The calling thread goes on.
    ///
    /// # Errors
    /// If the address cannot be had, or the configuration makes no sense.
    pub fn start(self, address: impl ToSocketAddrs) -> io::Result<Running> {
        let listener = std::net::TcpListener::bind(address)?;
        self.start_on(listener)
    }

    /// Like [`Self::start`], on a listener that exists already.
    ///
    /// # Errors
    /// If the configuration makes no sense.
    pub fn start_on(self, listener: std::net::TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let plan = Plan::of(self)?;
        let timeout = Duration::from_millis(plan.config.shutdown.timeout_ms);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut threads = Vec::new();
        let mut inboxes = Vec::new();
        for number in 0..N_SHARDS {
            let (inbox, accepted) = mpsc::channel(MAX_HANDED_OVER);
            inboxes.push(inbox);
            let (plan, stopped) = (plan.clone(), stopped.clone());
            let run = move || on_runtime(plan.serve(number, accepted, stopped, timeout));
            threads.push(thread(format!("shard-{number}"), run)?);
        }
        let run = move || on_runtime(plan.accept(listener, inboxes, stopped));
        threads.push(thread("acceptor".to_owned(), run)?);
        Ok(Running { address, stop, threads })
    }
}

/// A running server. Dropping it leaves the server running until the process ends.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: tokio::sync::watch::Sender<bool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells it to stop: it takes no more connections, ends its sessions with
    /// `server shutting down`, and is gone after `shutdown.timeout_ms` at the latest.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has stopped.
    ///
    /// # Errors
    /// What ended one of its threads early.
    pub fn wait(self) -> io::Result<()> {
        for thread in self.threads {
            thread.join().map_err(|_| io::Error::other("a thread of the server panicked"))??;
        }
        Ok(())
    }
}

/// A server's parts, checked, as its threads share them.
#[derive(Clone)]
struct Plan {
    config: Config,
    clock: Clock,
    sids: SidMint,
    session: Arc<Settings>,
    namespaces: Arc<[(String, Namespace)]>,
    games: Games,
    engine: Option<EngineApp>,
    metrics: Metrics,
    http: Arc<HttpSettings>,
    proxies: TrustedProxies,
}

impl Plan {
    fn of(server: Server) -> io::Result<Self> {
        let Server { config, namespaces, games, engine } = server;
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let proxies = TrustedProxies::parse(&config.proxy.trusted).map_err(wrong)?;
        let cors = Cors::new(&config.cors.origins, config.cors.credentials).map_err(wrong)?;
        let ms = Duration::from_millis;
        for (value, key) in [
            (config.engine.ping_interval_ms, "engine.ping_interval_ms"),
            (config.engine.ping_timeout_ms, "engine.ping_timeout_ms"),
            (config.engine.connect_timeout_ms, "engine.connect_timeout_ms"),
            (config.engine.max_payload as u64, "engine.max_payload"),
        ] {
            if value == 0 {
                return Err(wrong(format!("{key} must not be 0")));
            }
        }
        let session = Arc::new(Settings {
            ping_interval: ms(config.engine.ping_interval_ms),
            ping_timeout: ms(config.engine.ping_timeout_ms),
            upgrade_timeout: ms(config.engine.upgrade_timeout_ms),
            max_payload: config.engine.max_payload,
            max_queue_bytes: config.limits.max_queue_bytes,
            write_stall_timeout: ms(config.limits.write_stall_timeout_ms),
            close_timeout: Settings::default().close_timeout,
        });
        let metrics = Metrics::default();
        let http = Arc::new(HttpSettings {
            path: format!("/{}/", config.server.path.trim_matches('/')),
            cors,
            proxies: proxies.clone(),
            sessions_per_address: PerAddress::new(config.limits.max_sessions_per_address),
            header_timeout: ms(config.limits.header_timeout_ms),
            body_timeout: ms(config.limits.body_timeout_ms),
            site: config.site.enabled,
            registry: metrics.registry(),
        });
        Ok(Self {
            clock: Clock::start(),
            sids: SidMint::new(),
            session,
            namespaces: namespaces.into(),
            games,
            engine,
            metrics,
            http,
            proxies,
            config,
        })
    }

    fn app(&self) -> App {
        if let Some(engine) = &self.engine {
            return App::Engine(engine.clone());
        }
        let lobbies = (!self.games.is_empty()).then(|| LobbySettings {
            games: self.games.clone(),
            max_lobbies: self.config.limits.max_lobbies,
            epoch_ms: self.clock.epoch_ms(),
            seed: chance::seed(),
        });
        let settings = WorldSettings {
            shard: parlor_core::key::ShardId { node: 0, shard: 0 },
            namespaces: self.namespaces.iter().map(|(name, _)| name.clone()).collect(),
            connect_timeout: Duration::from_millis(self.config.engine.connect_timeout_ms),
            max_payload: self.config.engine.max_payload,
            hash_seed: chance::seed(),
            lobbies,
        };
        App::socket_io(settings, Arc::clone(&self.namespaces))
    }

    /// One shard's thread.
    async fn serve(
        self,
        number: u16,
        mut accepted: mpsc::Receiver<Accepted>,
        mut stopped: tokio::sync::watch::Receiver<bool>,
        timeout: Duration,
    ) -> io::Result<()> {
        let settings = ShardSettings {
            number,
            clock: self.clock,
            sids: self.sids.clone(),
            session: Arc::clone(&self.session),
            notsent_lowat: self.config.limits.notsent_lowat,
            metrics: self.metrics.clone(),
        };
        let shard = Handle::new(settings, self.app())?;
        let (arrivals, http) = (shard.clone(), Arc::clone(&self.http));
        let (drain, draining) = tokio::sync::watch::channel(false);
        // Ends with the shard: the local set that owns it is dropped then.
        tokio::task::spawn_local(async move {
            while let Some(connection) = accepted.recv().await {
                let (shard, http) = (arrivals.clone(), Arc::clone(&http));
                let task = serve_connection(connection, shard, http, draining.clone());
                tokio::task::spawn_local(task);
            }
        });
        let stop = async move {
            // If the sender is gone, nobody can stop the server any more.
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending().await
            }
        };
        shard.run(stop, timeout).await?;
        // Answers that are on their way get there: each connection holds a receiver to its end.
        drain.send_replace(true);
        if tokio::time::timeout(DRAIN_TIMEOUT, drain.closed()).await.is_err() {
            tracing::debug!("connections were still open at the end");
        }
        Ok(())
    }

    /// The acceptor's thread.
    async fn accept(
        self,
        listener: std::net::TcpListener,
        shards: Vec<mpsc::Sender<Accepted>>,
        mut stopped: tokio::sync::watch::Receiver<bool>,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let per_address = PerAddress::new(self.config.limits.max_connections_per_address);
        let stop = async move {
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = acceptor::accept(listener, shards, per_address, self.proxies, self.metrics) => {}
            () = stop => {}
        }
        Ok(())
    }
}

async fn serve_connection(
    accepted: Accepted,
    shard: Handle,
    settings: Arc<HttpSettings>,
    draining: tokio::sync::watch::Receiver<bool>,
) {
    let Accepted { stream, address, open } = accepted;
    match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => http::serve(stream, address, open, shard, settings, draining).await,
        Err(error) => tracing::error!(%error, "a socket could not be watched"),
    }
}

fn thread(
    name: String,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<JoinHandle<io::Result<()>>> {
    std::thread::Builder::new().name(name).spawn(run)
}

fn on_runtime(future: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    LocalSet::new().block_on(&runtime, future)
}

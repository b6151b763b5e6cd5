//! What a server is made of once it is checked: what its threads share, and what each of them does.
//! Which threads there are is `server`'s part.

use std::{io, path::Path, sync::Arc, time::Duration};

use parlor_core::{
    WorldSettings,
    assignment::MAX_HOLD,
    cluster::{Neighbours, Owners},
    engine_io::Settings,
    key::ShardId,
    lobby::{Games, LobbySettings, Policy},
    matchmaker::{
        MatchmakerSettings,
        parties::{MAX_PARTY_MEMBERS, PartySettings},
        queue::{self, Declared, Queue, QueueError},
    },
    rate::Rate,
    signaling::SignalSettings,
    socket_io::{Dynamic, RecoverySettings},
};
use parlor_shared::api::signal::{Budget, IceServer, Links as LinkedAs};
use tokio::sync::mpsc;

use crate::{
    acceptor::{self, Accepted, Door, Doorbell},
    address::{PerAddress, TrustedProxies},
    allow::Allow,
    auth::Accounts,
    chance,
    clock::Clock,
    cluster::{Adapter as _, Cluster, InProcess, Inlet, Links},
    config::Config,
    cors::Cors,
    engine_app::EngineApp,
    handlers::{
        Cloakroom, Env, EnvParts, HandlerThreads, Handlers, Names, Namespace, Namespaces,
        ServerSide, Tasks, listeners,
    },
    http::HttpSettings,
    ice,
    limits::Limits,
    mailbox::{Inbox, Mailbox},
    metrics::Metrics,
    server::Stop,
    shard::{App, Handle, ShardSettings},
    ticket_trace::{self, TicketTrace},
    transport::Transports,
};

/// After the sessions have ended, how long their last answers may take to be written.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest countdown to a match: nobody sits through more.
const MAX_COUNTDOWN_MS: u64 = 3_600_000;
/// Shortest phase of a lobby: its clients see it before it is over.
const MIN_PHASE_MS: u64 = 1_000;
/// Peers of one lobby: each has a link with each other.
const MAX_PEERS: usize = 64;
/// Bytes relayed in a second: no less than one frame, no more than can be counted.
const RELAY_BYTES: std::ops::RangeInclusive<u32> = 20_000..=2_000_000;

/// What was registered on a server.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) namespaces: Vec<(String, Namespace)>,
    pub(crate) server_side: ServerSide,
    pub(crate) games: Games,
    pub(crate) engine: Option<EngineApp>,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) allow: Allow,
    /// Beside those of the configuration.
    pub(crate) queues: Vec<Declared>,
}

/// A server's parts, checked, as its threads share them.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    clock: Clock,
    last_shard: u8,
    cluster: Option<Cluster>,
    in_process: Arc<InProcess>,
    session: Arc<Settings>,
    namespaces: Namespaces,
    server_side: ServerSide,
    games: Games,
    engine: Option<EngineApp>,
    pub(crate) metrics: Metrics,
    /// Of the shard that has the tickets.
    pub(crate) trace: Option<TicketTrace>,
    http: Arc<HttpSettings>,
    proxies: TrustedProxies,
    cloakroom: Arc<Cloakroom>,
    pub(crate) accounts: Arc<Accounts>,
    ice_servers: Vec<IceServer>,
    queues: Vec<Arc<Queue>>,
}

impl Plan {
    pub(crate) fn of(parts: Parts, mailboxes: &Arc<[Mailbox]>) -> io::Result<Self> {
        let Parts { config, namespaces, server_side, games, queues, engine, cluster, allow } =
            parts;
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let proxies = TrustedProxies::parse(&config.proxy.trusted).map_err(wrong)?;
        let cors = {
            let (cors, has_cookie) = (&config.cors, !config.auth.cookie.is_empty());
            Cors::new(&cors.origins, cors.credentials, has_cookie).map_err(wrong)?
        };
        let transports = Transports::new(&config.engine.transports).map_err(wrong)?;
        let ms = Duration::from_millis;
        check(&config).map_err(wrong)?;
        if cluster.as_ref().is_some_and(|cluster| cluster.node >= cluster.n_nodes) {
            return Err(wrong("a node's number is below the number of nodes".to_owned()));
        }
        let ice_servers = ice::servers(&config.signaling).map_err(wrong)?;
        let queues = all_queues(&config, queues, &games).map_err(wrong)?;
        let session = Arc::new(Settings {
            ping_interval: ms(config.engine.ping_interval_ms),
            ping_timeout: ms(config.engine.ping_timeout_ms),
            upgrade_timeout: ms(config.engine.upgrade_timeout_ms),
            max_payload: config.engine.max_payload,
            max_queue_bytes: config.limits.max_queue_bytes,
            max_burst_bytes: config.limits.max_burst_bytes,
            max_queue_packets: config.limits.max_queue_packets,
            max_volatile_keys: config.limits.max_volatile_keys,
            write_stall_timeout: ms(config.limits.write_stall_timeout_ms),
            close_timeout: Settings::default().close_timeout,
        });
        let metrics = Metrics::default();
        let clock = Clock::start();
        let limits = Arc::new(Limits::new(&config.limits, config.engine.max_payload));
        let accounts =
            Accounts::new(&config.auth, Arc::clone(&limits), clock, Arc::clone(mailboxes))
                .map_err(|error| wrong(error.to_string()))?;
        let accounts = Arc::new(accounts);
        let http = Arc::new(HttpSettings {
            path: format!("/{}/", config.server.path.trim_matches('/')),
            transports,
            cors,
            proxies: proxies.clone(),
            limits,
            accounts: Arc::clone(&accounts),
            allow,
            allow_timeout: ms(config.engine.connect_timeout_ms),
            binds_sessions: config.limits.bind_sessions,
            header_timeout: ms(config.limits.header_timeout_ms),
            body_timeout: ms(config.limits.body_timeout_ms),
            site: config.site.enabled,
            registry: metrics.registry(),
            owners: Owners::new(cluster.as_ref().map_or_else(chance::seed, |c| c.seed)),
            mailboxes: Arc::clone(mailboxes),
        });
        Ok(Self {
            clock,
            accounts,
            last_shard: u8::try_from(mailboxes.len() - 1).expect("at most 256 shards"),
            cluster,
            in_process: Arc::default(),
            session,
            namespaces: namespaces.into(),
            server_side,
            games,
            engine,
            metrics,
            trace: None,
            http,
            proxies,
            cloakroom: Arc::default(),
            ice_servers,
            queues,
            config,
        })
    }

    /// Tells adapters where what arrives is to go.
    pub(crate) fn connect(&self, mailboxes: &Arc<[Mailbox]>) {
        let node = self.cluster.as_ref().map_or(0, |cluster| cluster.node);
        let inlet = Inlet::new(node, Arc::clone(mailboxes));
        self.in_process.start(inlet.clone());
        if let Some(cluster) = &self.cluster {
            cluster.adapter.start(inlet);
        }
    }

    /// A shard of this node, and all there are.
    fn neighbours(&self, number: u16) -> Neighbours {
        let (node, n_nodes) = self.cluster.as_ref().map_or((0, 1), |c| (c.node, c.n_nodes));
        let shards = |node| (0..=self.last_shard).map(move |shard| ShardId { node, shard });
        let own = ShardId { node, shard: number as u8 };
        Neighbours { own, all: (0..n_nodes).flat_map(shards).collect(), owners: self.http.owners }
    }

    pub(crate) fn names(&self) -> Arc<Names> {
        let named = self.namespaces.iter();
        let named = named.map(|(name, own)| (name.as_str(), own.matching(), own.is_recoverable));
        Arc::new(Names::new(named).with_lobby(!self.games.is_empty()))
    }

    /// Where async handlers run: at once, if there are any, or when a sync one starts something.
    pub(crate) fn handler_threads(&self) -> io::Result<HandlerThreads> {
        let threads = HandlerThreads::new(self.config.handlers.threads);
        if self.http.allow.is_async() || self.namespaces.iter().any(|(_, own)| own.has_async()) {
            threads.start()?;
        }
        self.http.allow.run_on(threads.tasks());
        Ok(threads)
    }

    /// What one shard keeps of sockets whose clients may come back.
    fn recovery(&self) -> RecoverySettings {
        let (config, session) = (&self.config.recovery, &self.session);
        let window = Duration::from_millis(config.window_ms);
        let share = |all: usize| all.div_ceil(usize::from(self.last_shard) + 1);
        RecoverySettings {
            namespaces: self.names().recoverable(),
            window,
            max_events: config.max_events,
            max_bytes: config.max_bytes,
            max_journal_bytes: share(config.max_total_bytes),
            // A session that is alive answers each ping within this time.
            max_age: window + 2 * (session.ping_interval + session.ping_timeout),
            max_sockets: share(config.max_sockets),
            max_sockets_per_origin: share(config.max_sockets_per_address),
        }
    }

    /// How lobbies are run.
    fn policy(&self) -> Policy {
        let config = &self.config.lobbies;
        let ms = Duration::from_millis;
        Policy {
            countdown: ms(config.countdown_ms),
            finished: ms(config.finished_ms),
            open_timeout: ms(config.open_timeout_ms),
            max_match: ms(config.max_match_ms),
            bot_delay: ms(config.bot_delay_ms),
            host_migration: config.host_migration,
            second_tab: config.second_tab,
        }
    }

    /// How peers are linked.
    fn signaling(&self) -> Option<SignalSettings> {
        let config = &self.config.signaling;
        config.enabled.then(|| SignalSettings {
            links: LinkedAs { topology: config.topology, private: config.private },
            ice_servers: self.ice_servers.clone(),
            budget: Budget {
                link: config.relay_bytes_per_link,
                player: config.relay_bytes_per_player,
                lobby: config.relay_bytes_per_lobby,
            },
            max_peers: config.max_peers,
            away_timeout: Duration::from_millis(config.away_timeout_ms),
        })
    }

    /// How tickets are matched, if anything can be waited for.
    fn matchmaking(&self) -> Option<MatchmakerSettings> {
        let config = &self.config.matchmaking;
        let ms = Duration::from_millis;
        (config.enabled && !self.queues.is_empty()).then(|| MatchmakerSettings {
            queues: self.queues.clone(),
            max_tickets: config.max_tickets,
            tickets_per_address: config.max_tickets_per_address,
            tickets_per_player: config.tickets_per_player,
            away_timeout: ms(config.away_timeout_ms),
            hold: ms(config.hold_ms),
            parties: PartySettings {
                max_members: config.max_party_members,
                max_parties: config.max_parties,
                away_timeout: ms(config.away_timeout_ms),
            },
            max_match: ms(self.config.lobbies.max_match_ms),
            progress: ms(config.progress_ms),
            are_recorded: !config.trace.is_empty(),
            epoch_ms: self.clock.epoch_ms(),
            seed: chance::seed(),
        })
    }

    /// What other threads know of one shard.
    pub(crate) fn env(&self, number: u8, mailbox: Mailbox, stop: Arc<Stop>) -> Env {
        Env::new(EnvParts {
            id: self.neighbours(number.into()).own,
            names: self.names(),
            mailbox,
            metrics: self.metrics.clone(),
            accounts: Arc::clone(&self.accounts),
            stop: Some(stop),
            cloakroom: Arc::clone(&self.cloakroom),
            first_offset: chance::seed(),
        })
    }

    /// Where tickets are written when they end, if they are, and what writes them.
    pub(crate) fn ticket_trace(&self) -> io::Result<Option<(TicketTrace, ticket_trace::Writer)>> {
        let settings = self.matchmaking().filter(|settings| settings.are_recorded);
        let config = &self.config.matchmaking;
        let open = |_| ticket_trace::open(Path::new(&config.trace), config.max_trace_bytes);
        settings.map(open).transpose()
    }

    fn app(&self, env: Arc<Env>, tasks: Tasks, neighbours: Neighbours) -> App {
        if let Some(engine) = &self.engine {
            return App::Engine(engine.clone());
        }
        let lobbies = (!self.games.is_empty()).then(|| LobbySettings {
            games: self.games.clone(),
            max_lobbies: self.config.limits.max_lobbies.div_ceil(usize::from(self.last_shard) + 1),
            max_audience: self.config.limits.max_audience,
            epoch_ms: self.clock.epoch_ms(),
            inputs: {
                let lobbies = &self.config.lobbies;
                Rate::per_second(lobbies.inputs_per_second, lobbies.inputs_burst)
            },
            seed: chance::seed(),
            policy: self.policy().into(),
            ..Default::default()
        });
        let n_shards = usize::from(self.last_shard) + 1;
        let settings = WorldSettings {
            neighbours,
            namespaces: env.names.listed().to_vec(),
            dynamic: Dynamic {
                parents: env.names.parents().to_vec(),
                max_children: self.config.limits.max_dynamic_namespaces.div_ceil(n_shards),
            },
            listeners: listeners(&self.namespaces),
            connect_timeout: Duration::from_millis(self.config.engine.connect_timeout_ms),
            attachments_timeout: Duration::from_millis(self.config.engine.attachments_timeout_ms),
            max_payload: self.config.engine.max_payload,
            hash_seed: chance::seed(),
            recovery: self.recovery(),
            lobbies,
            signaling: self.signaling(),
            matchmaking: self.matchmaking(),
        };
        let handlers = Handlers::new(env, &self.namespaces, self.server_side.clone(), tasks);
        App::socket_io(settings, handlers)
    }

    /// One shard's thread.
    pub(crate) async fn serve(
        self,
        env: Arc<Env>,
        inbox: Inbox,
        tasks: Tasks,
        entrance: Entrance,
        stopped: tokio::sync::watch::Receiver<bool>,
        timeout: Duration,
    ) -> io::Result<()> {
        let neighbours = self.neighbours(env.shard);
        let settings = ShardSettings {
            transports: self.http.transports,
            id: neighbours.own,
            clock: self.clock,
            owners: self.http.owners,
            session: Arc::clone(&self.session),
            patience: self.http.header_timeout,
            metrics: self.metrics.clone(),
            trace: self.trace.clone(),
            limits: Arc::clone(&self.http.limits),
            is_alone: neighbours.all.len() == 1,
        };
        let far = self.cluster.as_ref().map(|cluster| Arc::clone(&cluster.adapter));
        let links = Links::new(neighbours.own, Arc::clone(&self.in_process) as _, far);
        let app = self.app(env, tasks, neighbours);
        let shard = Handle::new(settings, app, inbox, links)?;
        let accepted = match entrance {
            Entrance::Door(door) => {
                shard.peek(|shard| shard.open_door(*door))?;
                None
            }
            Entrance::Acceptor(accepted) => Some(accepted),
        };
        shard.run(&self.http, accepted, stopped, timeout).await?;
        // Answers that are on their way get there: each connection listens to its end.
        if !shard.drain(DRAIN_TIMEOUT).await {
            tracing::debug!("connections were still open at the end");
        }
        Ok(())
    }

    /// Where connections come in.
    pub(crate) fn door(&self, listener: std::net::TcpListener) -> io::Result<Door> {
        let limits = &self.config.limits;
        let per_address = PerAddress::new(limits.max_connections_per_address);
        let (proxies, metrics) = (self.proxies.clone(), self.metrics.clone());
        Door::new(listener, per_address, proxies, metrics, limits.notsent_lowat)
    }

    /// The acceptor's thread.
    pub(crate) async fn accept(
        door: Door,
        shards: Vec<Doorbell>,
        mut stopped: tokio::sync::watch::Receiver<bool>,
    ) -> io::Result<()> {
        let stop = async move {
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending().await
            }
        };
        tokio::select! {
            ended = acceptor::accept(door, shards) => ended,
            () = stop => Ok(()),
        }
    }
}

/// How connections get to a shard.
pub(crate) enum Entrance {
    /// It takes them itself: there is no other.
    Door(Box<Door>),
    /// The acceptor hands them over.
    Acceptor(mpsc::Receiver<Accepted>),
}

/// What can be waited for. Of the usual queues, those whose game is not there are left out; where
/// a program has its own, all of them.
fn all_queues(
    config: &Config,
    own: Vec<Declared>,
    games: &Games,
) -> Result<Vec<Arc<Queue>>, String> {
    let configured = &config.matchmaking.queues;
    let is_usual = *configured == Config::default().matchmaking.queues;
    let configured = if is_usual && !own.is_empty() { &[][..] } else { configured };
    let own: Result<Vec<Queue>, QueueError> = own.into_iter().map(Queue::try_from).collect();
    let named = &[&own.map_err(|why| why.to_string())?, configured].concat();
    let is_usual = is_usual && !configured.is_empty();
    queue::judge_all(named).map_err(|why| format!("matchmaking.queues: {why}"))?;
    let mut queues: Vec<Arc<Queue>> = Vec::new();
    for queue in named {
        let name = &queue.name;
        if is_usual && !games.names().any(|game| game == queue.game) {
            continue;
        }
        let (shape, has_bots) = (queue.shape(), queue.bots_after().is_some());
        let players = shape.fewest()..=shape.most();
        for config in queue.configs() {
            // As a match gets it: a game that can be configured in nothing takes no empty object.
            let own = (!config.is_empty()).then(|| serde_json::value::to_raw_value(&config));
            let own = own.transpose().expect("JSON has a JSON form");
            games
                .judge(&queue.game, players.clone(), has_bots, own.as_deref())
                .map_err(|why| format!("queue `{name}`: {why}"))?;
        }
        queues.push(Arc::new(queue.clone()));
    }
    Ok(queues)
}

/// Refuses figures that no server can run with.
fn check(config: &Config) -> Result<(), String> {
    let Config { engine, lobbies, signaling, matchmaking, .. } = config;
    for (value, least, key) in [
        (engine.ping_interval_ms, 1, "engine.ping_interval_ms"),
        (engine.ping_timeout_ms, 1, "engine.ping_timeout_ms"),
        (engine.connect_timeout_ms, 1, "engine.connect_timeout_ms"),
        (engine.attachments_timeout_ms, 1, "engine.attachments_timeout_ms"),
        (engine.max_payload as u64, 1, "engine.max_payload"),
        (lobbies.bot_delay_ms, 1, "lobbies.bot_delay_ms"),
        (lobbies.finished_ms, MIN_PHASE_MS, "lobbies.finished_ms"),
        (lobbies.open_timeout_ms, MIN_PHASE_MS, "lobbies.open_timeout_ms"),
        (lobbies.max_match_ms, MIN_PHASE_MS, "lobbies.max_match_ms"),
        (signaling.max_peers as u64, 2, "signaling.max_peers"),
        (signaling.away_timeout_ms, 1, "signaling.away_timeout_ms"),
        (matchmaking.max_tickets as u64, 1, "matchmaking.max_tickets"),
        (matchmaking.tickets_per_player as u64, 1, "matchmaking.tickets_per_player"),
        (matchmaking.max_party_members.into(), 1, "matchmaking.max_party_members"),
        (matchmaking.max_parties as u64, 1, "matchmaking.max_parties"),
        (matchmaking.away_timeout_ms, 1, "matchmaking.away_timeout_ms"),
        (matchmaking.hold_ms, 1000, "matchmaking.hold_ms"),
    ] {
        match (value, least) {
            (0, _) => return Err(format!("{key} must not be 0")),
            (value, least) if value < least => return Err(format!("{key} is {least} or more")),
            _ => {}
        }
    }
    if lobbies.countdown_ms > MAX_COUNTDOWN_MS {
        return Err(format!("lobbies.countdown_ms is {MAX_COUNTDOWN_MS} at most"));
    }
    if matchmaking.max_party_members > MAX_PARTY_MEMBERS {
        return Err(format!("matchmaking.max_party_members is {MAX_PARTY_MEMBERS} at most"));
    }
    let most = MAX_HOLD.as_millis();
    if u128::from(matchmaking.hold_ms) > most {
        return Err(format!("matchmaking.hold_ms is {most} at most"));
    }
    if signaling.max_peers > MAX_PEERS {
        return Err(format!("signaling.max_peers is {MAX_PEERS} at most"));
    }
    for (bytes, key) in [
        (signaling.relay_bytes_per_link, "relay_bytes_per_link"),
        (signaling.relay_bytes_per_player, "relay_bytes_per_player"),
        (signaling.relay_bytes_per_lobby, "relay_bytes_per_lobby"),
    ] {
        if !RELAY_BYTES.contains(&bytes) {
            let (least, most) = (RELAY_BYTES.start(), RELAY_BYTES.end());
            return Err(format!("signaling.{key} is {least} to {most}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_lobbies_are_what_they_may_be_at_the_limit_and_not_past_it() {
        let of = |change: fn(&mut Config, u64), ms| {
            let mut config = Config::default();
            change(&mut config, ms);
            check(&config)
        };
        let refused = |sentence: &str| Err(sentence.to_owned());
        for (change, key) in [
            ((|c, ms| c.lobbies.finished_ms = ms) as fn(&mut Config, u64), "lobbies.finished_ms"),
            (|c, ms| c.lobbies.open_timeout_ms = ms, "lobbies.open_timeout_ms"),
            (|c, ms| c.lobbies.max_match_ms = ms, "lobbies.max_match_ms"),
        ] {
            assert_eq!(of(change, 1_000), Ok(()));
            assert_eq!(of(change, 999), refused(&format!("{key} is 1000 or more")));
            assert_eq!(of(change, 0), refused(&format!("{key} must not be 0")));
        }
        let bot = |ms| of(|c, ms| c.lobbies.bot_delay_ms = ms, ms);
        assert_eq!((bot(1), bot(0)), (Ok(()), refused("lobbies.bot_delay_ms must not be 0")));
        let countdown = |ms| of(|c, ms| c.lobbies.countdown_ms = ms, ms);
        assert_eq!((countdown(0), countdown(3_600_000)), (Ok(()), Ok(())));
        assert_eq!(countdown(3_600_001), refused("lobbies.countdown_ms is 3600000 at most"));
    }
}

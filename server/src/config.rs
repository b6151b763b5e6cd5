//! One configuration: a TOML file, then `PARLOR_SECTION_KEY`, then `--section-key`, each over the
//! last. Unknown keys are errors that name the nearest known one.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use parlor_core::{
    lobby::{HostMigration, SecondTab},
    matchmaker::queue::{Declared, Grow, Growth, Kind, Merge, Players, Queue, Rule, Wave, Window},
};
use parlor_shared::api::signal::Topology;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::auth::AccountRule;

/// A key of the configuration, for help and documentation.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The table it stands in.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it means, with unit and what 0 or empty does.
    pub doc: &'static str,
}

impl Key {
    /// `PARLOR_SECTION_KEY`
    pub fn env(&self) -> String {
        format!("PARLOR_{}_{}", self.section, self.name).to_uppercase()
    }

    /// `section-key`, without the leading dashes.
    pub fn flag(&self) -> String {
        format!("{}-{}", self.section, self.name).replace('_', "-")
    }

    /// `section.key`
    pub fn dotted(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }
}

macro_rules! config {
    ($($(#[doc = $section_doc:literal])* $section:ident: $Section:ident {
        $($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr,)*
    })*) => {
        /// The whole configuration.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $section_doc])* pub $section: $Section,)*
        }

        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $Section {
                $($(#[doc = $doc])* pub $name: $type,)*
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $($name: $default,)* }
                }
            }
        )*

        impl Config {
            /// Every key there is, in order.
            pub const KEYS: &[Key] = &[$($(Key {
                section: stringify!($section),
                name: stringify!($name),
                doc: concat!($($doc, "\n",)*),
            },)*)*];
        }
    };
}

config! {
    /// Where the server listens.
    server: Server {
        /// Address to listen on; 0.0.0.0 is every IPv4 address of the machine.
        host: String = "127.0.0.1".to_owned(),
        /// TCP port; 0 takes a free one.
        port: u16 = 3000,
        /// Threads that own clients and lobbies; 0: one per core, 256 at most.
        shards: usize = 0,
        /// Path of the Socket.IO endpoint.
        path: String = "/socket.io/".to_owned(),
    }
    /// Timers of every session; the defaults are Socket.IO's unless said otherwise.
    engine: Engine {
        /// Transports that are offered and accepted: "polling", "websocket".
        transports: Vec<Offered> = vec![Offered::Polling, Offered::Websocket],
        /// Milliseconds from the opening, and from each pong, to the next ping.
        ping_interval_ms: u64 = 25_000,
        /// Milliseconds within which a pong must follow.
        ping_timeout_ms: u64 = 20_000,
        /// Milliseconds that a second transport has to take over.
        upgrade_timeout_ms: u64 = 10_000,
        /// Milliseconds within which a client must join a namespace (Socket.IO: 45000).
        connect_timeout_ms: u64 = 10_000,
        /// Milliseconds within which all attachments of a binary packet must arrive.
        attachments_timeout_ms: u64 = 10_000,
        /// Most bytes of one message or polling payload, both ways.
        max_payload: usize = 1_000_000,
    }
    /// What one client, or one address, may cost.
    limits: Limits {
        /// Bytes that may wait for a client that does not read; then it is cut.
        max_queue_bytes: usize = 1_048_576,
        /// Bytes that one turn may queue beside, for a client that had less than 65,536 waiting; 0:
        /// none.
        max_burst_bytes: usize = 4_194_304,
        /// Packets that may wait for such a client.
        max_queue_packets: usize = 16_384,
        /// Volatile events, or keys, and views of which the newest waits for such a client, in as
        /// many bytes again; with one more, the oldest is dropped.
        max_volatile_keys: usize = 256,
        /// Milliseconds without accepting a byte, while data waits, after which a client is cut.
        write_stall_timeout_ms: u64 = 10_000,
        /// Unsent bytes with which the kernel takes no more for a client: what waits there is not
        /// replaced by newer state. 0 leaves it to the kernel, which then holds megabytes.
        notsent_lowat: u32 = 1,
        /// TCP connections of one address; 0 is no limit. Trusted proxies have none.
        max_connections_per_address: usize = 1024,
        /// Sessions of one address; 0 is no limit.
        max_sessions_per_address: usize = 512,
        /// Sessions of one address that have joined no namespace yet; 0 is no limit.
        max_pending_sessions_per_address: usize = 256,
        /// New sessions of one address in a second, when it has had its burst; 0 is no limit.
        /// Addresses of IPv6 count by their /64, here and below; clients behind trusted proxies by
        /// their own.
        max_handshakes_per_second_per_address: u32 = 50,
        /// New sessions of one address at once.
        max_handshake_burst_per_address: u32 = 512,
        /// Tokens of one address in a minute that cannot be read, or that no key has signed: one
        /// more, and new sessions of it are refused for a minute, then two, four, up to an hour. 0
        /// is no limit. Guests' tokens do not count, nor those that are past their end.
        max_failed_auths_per_minute_per_address: u32 = 100,
        /// Messages of one session in a second, when it has had its burst; 0 is no limit. Events
        /// past it are dropped and the client is told; if it goes on, it is cut. Packets that are
        /// no messages, WebSocket pings and each part of a fragmented message count as one each.
        max_messages_per_second: u32 = 10_000,
        /// Messages of one session at once.
        max_message_burst: u32 = 5_000,
        /// Bytes of one session's messages in a second, when it has had its burst; 0 is no limit.
        max_bytes_per_second: u32 = 4_000_000,
        /// Bytes of one session's messages at once; at least one message of the largest size.
        max_byte_burst: u32 = 16_000_000,
        /// What all sessions of one address may send, as a multiple of what one may; 0 is no limit.
        max_traffic_per_address: u32 = 64,
        /// What all sessions of one account may send, as a multiple of what one may; 0 is no limit.
        max_traffic_per_account: u32 = 4,
        /// Sockets of one account; 0 is no limit.
        max_sockets_per_account: usize = 32,
        /// CONNECTs of one account in a second, ten times as many at once; 0 is no limit. Each
        /// token that `auth:renew` brings is one more.
        max_connects_per_second_per_account: u32 = 5,
        /// Whether requests about a session must come from the network and the page that opened it.
        /// Clients that change networks then lose theirs, and open another.
        bind_sessions: bool = false,
        /// Milliseconds within which a request's header must be complete. Who takes nothing of an
        /// answer for so long is cut too, by twice that at the latest.
        header_timeout_ms: u64 = 10_000,
        /// Milliseconds within which a POST's body must be complete.
        body_timeout_ms: u64 = 20_000,
        /// Lobbies on this server.
        max_lobbies: usize = 100_000,
        /// People in the audience of one lobby (`join` with `role: "audience"`).
        max_audience: usize = 10_000,
        /// Namespaces on this server that were made because a client named them, with a
        /// share of them for each shard. They go with their last socket.
        max_dynamic_namespaces: usize = 65_536,
    }
    /// Lobbies and their matches.
    lobbies: LobbiesSection {
        /// Actions and inputs of one seat in a second; more are refused with `E_RATE`. 0 is no
        /// limit.
        inputs_per_second: u32 = 60,
        /// How many of them may come at once.
        inputs_burst: u32 = 120,
        /// Milliseconds from the host's start, or from the moment that nothing is in a match's way,
        /// to its beginning; 0: it begins at once. At most an hour.
        countdown_ms: u64 = 3_000,
        /// Milliseconds for which the end of a match is shown, before the lobby is open again. Here
        /// and below at least a second.
        finished_ms: u64 = 60_000,
        /// Milliseconds that a lobby is open without anything said or done, before it ends.
        open_timeout_ms: u64 = 3_600_000,
        /// Milliseconds that a match may take, before it ends with the reason `timeout`.
        max_match_ms: u64 = 86_400_000,
        /// Milliseconds that a bot thinks before it moves in a game of turns; at least 1.
        bot_delay_ms: u64 = 700,
        /// Who is host while the host's connection is lost: "connected", the player who has been
        /// there longest and is connected, or "stay", the same until the seat is left.
        host_migration: HostMigration = HostMigration::Connected,
        /// Who has a place when a second connection shows its token: "takeover", the second, or
        /// "refuse", the first.
        second_tab: SecondTab = SecondTab::TakeOver,
    }
    /// Players of one lobby as peers, linked directly or through this server.
    signaling: SignalingSection {
        /// Whether `/signal` is served, where there are lobbies.
        enabled: bool = true,
        /// Who of a lobby is linked with whom, unless its creator says so: "mesh", each with each,
        /// or "star", the host with each other.
        topology: Topology = Topology::Mesh,
        /// Whether no peer may learn another's address: candidates that would tell it are taken out
        /// on their way, so that only relayed ones are left. Creators and players may want that for
        /// themselves where this is false.
        private: bool = false,
        /// URLs that clients are told of: `stun:HOST:PORT`, `turn:HOST:PORT` or `turns:HOST:PORT`.
        ice_servers: Vec<String> = Vec::new(),
        /// Name for the TURN servers among them.
        turn_username: String = String::new(),
        /// File with the password for that name; empty: they ask for none.
        turn_credential: String = String::new(),
        /// Peers of one lobby; one more is refused with `E_FULL`. At most 64.
        max_peers: usize = 16,
        /// Milliseconds for which a peer whose connection to this server is lost is still one.
        away_timeout_ms: u64 = 30_000,
        /// Bytes that one link may have relayed in a second, each way, and twice as many at once;
        /// more are dropped with `E_RELAY_BUDGET`. Here and below 20,000 to 2,000,000.
        relay_bytes_per_link: u32 = 262_144,
        /// The same for all links of one player, each way.
        relay_bytes_per_player: u32 = 524_288,
        /// The same for a whole lobby.
        relay_bytes_per_lobby: u32 = 2_000_000,
    }
    /// Who waits for a match, and with whom one is made.
    matchmaking: MatchmakingSection {
        /// Whether `/matchmaking` is served, where there are lobbies and queues.
        enabled: bool = true,
        /// Tickets that wait, or are not settled yet; one more is refused with `E_LIMIT`.
        max_tickets: usize = 200_000,
        /// The same of those that come from one address; 0 is no limit.
        max_tickets_per_address: usize = 512,
        /// Tickets of one player; with one more, the oldest ends.
        tickets_per_player: usize = 1,
        /// Milliseconds for which the ticket of a player whose connection is lost is kept, and the
        /// place in a party; nobody is matched with it meanwhile.
        away_timeout_ms: u64 = 30_000,
        /// Members of a party; one more is refused with `E_FULL`. At most 16.
        max_party_members: u8 = 16,
        /// Parties; one more is refused with `E_LIMIT`.
        max_parties: usize = 50_000,
        /// Milliseconds for which a seat is kept for whom it is assigned to. 1 s to 5 min.
        hold_ms: u64 = 15_000,
        /// Milliseconds between two words to those who wait of how it goes on; 0: none but answers.
        progress_ms: u64 = 5_000,
        /// A file to which each ticket is added when it ends, for `parlor queue-sim --trace`; "":
        /// none. No names: players and addresses are numbers that another start makes anew.
        trace: String = String::new(),
        /// Bytes of it; when it is as long, no more is written.
        max_trace_bytes: u64 = 1_000_000_000,
        /// What can be waited for, each a table of its own: README says what may stand in it. Those
        /// here are for chess as everybody knows it, and one for friends; whoever names one names
        /// all.
        queues: Vec<Queue> = usual_queues(),
    }
    /// What is kept of clients that lose their connection, where namespaces let them come back.
    recovery: Recovery {
        /// Milliseconds that a client may be away.
        window_ms: u64 = 120_000,
        /// Events that one client may have missed.
        max_events: usize = 1000,
        /// Bytes of them.
        max_bytes: usize = 262_144,
        /// Bytes of events kept for all clients; what many were sent counts once.
        max_total_bytes: usize = 67_108_864,
        /// Sockets of clients that are away; with one more, the one longest away is forgotten.
        max_sockets: usize = 10_000,
        /// The same for those of one address.
        max_sockets_per_address: usize = 1000,
    }
    /// Handlers of the library's users.
    handlers: HandlersSection {
        /// Threads that async handlers run on, if there are any; 0: as many as cores.
        threads: usize = 0,
    }
    /// Accounts: who clients are, by signed tokens.
    auth: AuthSection {
        /// Whom `/lobby` and `/matchmaking` let in. "guests": everybody, but a token that is sent
        /// must be good; "required": only who has a token of yours; "none": nobody is asked.
        lobby: AccountRule = AccountRule::Guests,
        /// File with the keys of your tokens: a JWKS, public keys in PEM (RSA for RS256, Ed25519
        /// for EdDSA), or a secret for HS256 of 32 bytes or more. It is read again when it
        /// changes: best put a whole one in its place by renaming. Each token needs the claims
        /// `sub`, the account's name, and `exp`, its end. Empty: there are none but guests' tokens.
        keys: String = String::new(),
        /// What a token must say as `iss`; empty: anything.
        issuer: String = String::new(),
        /// What a token must say as `aud`, or among it; empty: anything.
        audience: String = String::new(),
        /// File that names who is let in no more, a line for each: `account ID` (`sub`) or
        /// `token ID` (`jti`), and for each comment, which begins with `#`. It is read again when
        /// it changes, as `keys` is, and who is in it is disconnected.
        revoked: String = String::new(),
        /// File with a secret of 32 bytes or more that signs guests' tokens, for several nodes and
        /// for restarts. Empty: one is drawn at the start, and guests are forgotten at the end:
        /// who comes back with a token of before is refused, and has to ask for another.
        guest_secret: String = String::new(),
        /// Days for which a guest's token is good.
        guest_days: u64 = 30,
        /// Seconds before its token expires that a client hears of it, by `auth:expiring`.
        expiring_notice_s: u64 = 60,
        /// Cookie that holds the token of clients that send none along; empty: cookies mean
        /// nothing. Pages of origins that are not in `cors.origins`, or the server's own, are then
        /// refused.
        cookie: String = String::new(),
    }
    /// Which web pages may talk to this server from another origin.
    cors: CorsSection {
        /// Origins such as `https://game.example`; "*" is any; none: no cross-origin headers. If
        /// some are named, pages of others, `null` among them, may not open WebSockets.
        origins: Vec<String> = Vec::new(),
        /// Whether such pages may send cookies.
        credentials: bool = false,
    }
    /// Reverse proxies in front of the server.
    proxy: Proxy {
        /// Addresses or networks whose X-Forwarded-For is believed. A proxy or load balancer in
        /// front that is not named here is taken for one client: all that come by it share the
        /// limits of one address, and the server warns of it.
        trusted: Vec<String> = Vec::new(),
    }
    /// What the server says of itself.
    log: Log {
        /// Least level: error, warn, info, debug or trace; or tracing's filter syntax.
        level: String = "info".to_owned(),
        /// text, json, or auto: text on a terminal, JSON otherwise.
        format: LogFormat = LogFormat::Auto,
    }
    /// The demo site at /.
    site: Site {
        /// Whether it is served.
        enabled: bool = true,
    }
    /// How the server ends.
    shutdown: Shutdown {
        /// Milliseconds to say good-bye to clients in after SIGTERM or SIGINT, and as many again
        /// for async handlers to end.
        timeout_ms: u64 = 5_000,
    }
}

/// A transport that a server may offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offered {
    /// HTTP long-polling.
    Polling,
    /// WebSocket, by an upgrade from polling or at once.
    Websocket,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What is wrong with a configuration, in one sentence that names the place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(what: String) -> Self {
        Self(what)
    }
}

impl Config {
    /// The defaults, overlaid by a file (if any), environment variables and flags, in this order.
    /// The maps go from [`Key::dotted`] to the value as text; lists are separated by commas.
    ///
    /// # Errors
    /// The first thing that is wrong, with file and line, variable or flag.
    pub fn load(
        file: Option<&Path>,
        env: &BTreeMap<String, String>,
        flags: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut table = Self::default().to_table();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
            overlay_file(&mut table, &path.display().to_string(), &text)?;
        }
        for key in Self::KEYS {
            if let Some(text) = env.get(&key.dotted()) {
                overlay_text(&mut table, key, &key.env(), text)?;
            }
            if let Some(text) = flags.get(&key.dotted()) {
                overlay_text(&mut table, key, &format!("--{}", key.flag()), text)?;
            }
        }
        table.try_into().map_err(|error: toml::de::Error| ConfigError(error.message().to_owned()))
    }

    /// As TOML, without comments: what is in effect.
    pub fn to_toml(&self) -> String {
        self.to_table().to_string()
    }

    /// A file with every key at its default and what it means.
    pub fn sample() -> String {
        let defaults = Self::default().to_table();
        let mut sample = String::from(
            "# Every key of Parlor's configuration, at its default. Each is also an environment\n\
             # variable (PARLOR_SERVER_PORT) and a flag (--server-port); they win over the file.\n",
        );
        let mut section = "";
        for key in Self::KEYS {
            if key.section != section {
                section = key.section;
                let _ = write!(sample, "\n[{section}]\n");
            }
            for line in key.doc.lines() {
                let _ = writeln!(sample, "#{line}");
            }
            match &defaults[key.section][key.name] {
                Value::Array(tables) if tables.iter().any(Value::is_table) => {
                    let name = key.dotted();
                    tables.iter().for_each(|table| write_table(&mut sample, &name, table));
                }
                value => {
                    let _ = writeln!(sample, "{} = {value}", key.name);
                }
            }
        }
        sample
    }

    fn to_table(&self) -> Table {
        Table::try_from(self).expect("every key has a TOML form")
    }
}

/// A table of a list, and behind it those of lists in it. Keys that say nothing are left out.
fn write_table(sample: &mut String, name: &str, table: &Value) {
    let _ = writeln!(sample, "[[{name}]]");
    let mut entries: Vec<_> = table.as_table().into_iter().flatten().collect();
    entries.sort_by_key(|(name, _)| !["name", "kind"].contains(&name.as_str()));
    let mut lists = Vec::new();
    for (key, value) in entries {
        match value {
            Value::Array(list) if list.is_empty() => {}
            Value::Array(list) if list.iter().any(Value::is_table) => lists.push((key, list)),
            Value::Table(table) if table.is_empty() => {}
            value if *value == Value::from(0) || *value == Value::from(false) => {}
            value => drop(writeln!(sample, "{key} = {value}")),
        }
    }
    for (key, list) in lists {
        list.iter().for_each(|table| write_table(sample, &format!("{name}.{key}"), table));
    }
}

/// Chess as everybody knows it: who comes is paired with who plays about as well, which matters
/// less the longer both have waited, and after ten seconds not at all. Not rated: who is rated has
/// to bring a token, and to come from elsewhere than the other.
fn usual_queues() -> Vec<Queue> {
    let grow = Grow { by: 100.0, every_ms: 1000, limit: 1000.0 };
    let window = Window { within: 200.0, growth: Growth::Linear(grow) };
    let nearly = Kind::Difference { attribute: "rating".to_owned(), window, merge: Merge::Mean };
    let nearly = Rule { optional_after_ms: 10_000, ..nearly.into() };
    let queue = |name: &str, minutes: u32, increment_s: u32| {
        let clock = [("initial_ms", minutes * 60_000), ("increment_ms", increment_s * 1000)];
        let clock = clock.map(|(key, ms)| (key.to_owned(), ms.into()));
        let clock = serde_json::Map::from_iter(clock);
        let mut declared = Declared::duel(name, "chess");
        declared.config.insert("clock".to_owned(), clock.into());
        declared.rules = vec![nearly.clone()];
        Queue::try_from(declared).expect("they are right")
    };
    vec![queue("bullet", 1, 0), queue("blitz", 3, 2), queue("rapid", 10, 5), arena()]
}

/// A minute in one arena for up to eight, and so for parties. Who has been alone for ten seconds
/// gets a bot.
fn arena() -> Queue {
    let config = [("width", 600), ("height", 600), ("drifting", 12), ("ticks", 1200)];
    let declared = Declared {
        config: config.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
        players: Some(Players { from: 2, to: 8 }),
        wave: Wave { after_ms: 2000, ..Wave::default() },
        bots_after_ms: 10_000,
        ..Declared::duel("arena", "circles")
    };
    Queue::try_from(declared).expect("it is right")
}

fn overlay_file(table: &mut Table, path: &str, text: &str) -> Result<(), ConfigError> {
    let line_of = |offset: usize| text[..offset].matches('\n').count() + 1;
    let parsed = toml::de::DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        ConfigError(format!("{path}:{line}: {}", error.message()))
    })?;
    let unknown = |offset: usize, name: &str| {
        let nearest = nearest(name).map(|key| format!("; did you mean `{key}`?"));
        let line = line_of(offset);
        ConfigError(format!("{path}:{line}: unknown key `{name}`{}", nearest.unwrap_or_default()))
    };
    let values: Table = toml::from_str(text)
        .map_err(|error| ConfigError(format!("{path}: {}", error.message())))?;
    for (section, content) in parsed.get_ref() {
        let (name, at) = (section.get_ref(), section.span().start);
        let is_known = Config::KEYS.iter().any(|key| key.section == name.as_ref());
        let Some(keys) = content.get_ref().as_table().filter(|_| is_known) else {
            return Err(unknown(at, name));
        };
        for (key, value) in keys {
            let known = Config::KEYS
                .iter()
                .find(|k| k.section == name.as_ref() && k.name == key.get_ref().as_ref());
            let Some(known) = known else {
                return Err(unknown(key.span().start, &format!("{name}.{}", key.get_ref())));
            };
            let place = value.span().start;
            let elements = value.get_ref().as_array().map(|array| array.iter());
            let places = elements.into_iter().flatten().map(|element| element.span().start);
            let value = values[name.as_ref()][key.get_ref().as_ref()].clone();
            set(table, known, value.clone()).map_err(|wrong| {
                let nearer = [within(text, &wrong), element(known, &value, places)];
                let line = line_of(nearer.into_iter().flatten().max().unwrap_or(place));
                ConfigError(format!("{path}:{line}: {wrong}"))
            })?;
        }
    }
    Ok(())
}

/// Where the first element of a list begins that is wrong.
fn element(key: &Key, list: &Value, mut places: impl Iterator<Item = usize>) -> Option<usize> {
    let is_wrong = |one: &Value| read(key, &Value::Array(vec![one.clone()])).is_err();
    places.nth(list.as_array()?.iter().position(is_wrong)?)
}

/// Where this is wrong, as far as can be told from the whole file.
fn within(text: &str, wrong: &str) -> Option<usize> {
    let error = toml::from_str::<Config>(text).err()?;
    let is_the_same = wrong.ends_with(error.message().trim());
    is_the_same.then(|| error.span())?.map(|span| span.start)
}

fn overlay_text(table: &mut Table, key: &Key, source: &str, text: &str) -> Result<(), ConfigError> {
    let wrong = |what: &str| ConfigError(format!("{source}: `{text}` is not {what}"));
    let value = match &table[key.section][key.name] {
        Value::Integer(_) => Value::Integer(text.trim().parse().map_err(|_| wrong("a number"))?),
        Value::Boolean(_) => {
            Value::Boolean(text.trim().parse().map_err(|_| wrong("true or false"))?)
        }
        Value::Array(_) if text.trim().starts_with('[') => {
            text.trim().parse().map_err(|_| wrong("a list as TOML has it"))?
        }
        Value::Array(_) => Value::Array(
            text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(Value::from).collect(),
        ),
        _ => Value::from(text),
    };
    set(table, key, value).map_err(|wrong| ConfigError(format!("{source}: {wrong}")))
}

/// Sets one key, and tries whether the whole still reads as a configuration.
fn set(table: &mut Table, key: &Key, value: Value) -> Result<(), String> {
    read(key, &value)?;
    let section = table.get_mut(key.section).and_then(Value::as_table_mut);
    section.expect("defaults hold every section").insert(key.name.to_owned(), value);
    Ok(())
}

/// Whether a key may have this value.
fn read(key: &Key, value: &Value) -> Result<(), String> {
    let own = Table::from_iter([(key.name.to_owned(), value.clone())]);
    let alone = Table::from_iter([(key.section.to_owned(), own.into())]);
    let read: Result<Config, _> = alone.try_into();
    let told = |error: toml::de::Error| format!("{}: {}", key.dotted(), error.message().trim());
    read.map(drop).map_err(told)
}

/// The known key that a wrong one was most likely meant to be.
fn nearest(name: &str) -> Option<String> {
    let known = Config::KEYS.iter().map(Key::dotted);
    let sections = Config::KEYS.iter().map(|key| key.section.to_owned());
    known
        .chain(sections)
        .map(|key| (strsim::damerau_levenshtein(&key, name), key))
        .min()
        .filter(|(distance, _)| *distance <= name.len() / 2)
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use parlor_core::{
        matchmaker::pool::{Candidate, Found, MemberTraits, Pool, Progress, TicketKey},
        time::Time,
    };

    use super::*;

    fn overlay(text: &str) -> Result<Config, String> {
        let mut table = Config::default().to_table();
        overlay_file(&mut table, "parlor.toml", text).map_err(|error| error.to_string())?;
        table.try_into().map_err(|error: toml::de::Error| error.to_string())
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn each_layer_lies_over_the_last() {
        let config = overlay("[server]\nport = 1\nhost = \"::1\"\n").unwrap();
        assert_eq!((config.server.port, config.server.host.as_str()), (1, "::1"));
        let env = pairs(&[("server.port", "2"), ("cors.origins", "http://a, http://b")]);
        let config = Config::load(None, &env, &pairs(&[("server.port", "3")])).unwrap();
        assert_eq!(config.server.port, 3);
        assert_eq!(config.cors.origins, ["http://a", "http://b"]);
        assert_eq!(config.engine, Engine::default());
        let flags = pairs(&[("engine.transports", "websocket")]);
        let config = Config::load(None, &env, &flags).unwrap();
        assert_eq!(config.engine.transports, [Offered::Websocket]);
        let queues = r#"[{ name = "duel", game = "circles", players = { from = 2, to = 4 } }]"#;
        let env = pairs(&[("matchmaking.queues", queues)]);
        let config = Config::load(None, &env, &pairs(&[])).unwrap();
        let queues: Vec<&str> = config.matchmaking.queues.iter().map(|q| &*q.name).collect();
        assert_eq!(queues, ["duel"]);
        let config = overlay("[[matchmaking.queues]]\nname = \"a\"\ngame = \"chess\"\n").unwrap();
        assert_eq!(config.matchmaking.queues.len(), 1, "whoever names one names all");
    }

    /// What is found after so many milliseconds for parties of these ratings, who came at once.
    fn found(queue: &Queue, parties: &[&[f32]], ms: u64) -> Vec<Found> {
        let at = |ms| Time::after_start(Duration::from_millis(ms));
        let mut pool = Pool::new(Arc::new(queue.clone()), 1);
        let mut players = 1..;
        for (key, ratings) in (1..).zip(parties) {
            let traits = players.by_ref().zip(*ratings);
            let traits = traits.map(|(player, rating)| MemberTraits {
                player,
                rating: *rating,
                ..Default::default()
            });
            let (key, members) = (TicketKey(key), traits.collect());
            let candidate = Candidate { key, since: at(0), members, ..Candidate::default() };
            pool.insert(at(0), candidate).unwrap();
        }
        let mut found = Vec::new();
        while pool.step(at(ms), 1000, &mut found) == Progress::More {}
        found
    }

    /// Whether two of these ratings, who came at once, are paired after so many milliseconds.
    fn are_paired(queue: &Queue, [one, other]: [f32; 2], ms: u64) -> bool {
        !found(queue, &[&[one], &[other]], ms).is_empty()
    }

    #[test]
    fn an_arena_takes_parties_with_whoever_waits_and_gives_a_bot_to_who_is_alone() {
        let queue = arena();
        assert_eq!(queue.largest_party(), 8);
        let sizes = |parties: &[&[f32]], ms| -> Vec<(usize, u8)> {
            let found = found(&queue, parties, ms);
            found.iter().map(|found| (found.teams.concat().len(), found.n_bots)).collect()
        };
        let [friends, alone]: [&[f32]; 2] = [&[1500.0, 900.0], &[2100.0]];
        assert_eq!(sizes(&[friends], 1999), []);
        assert_eq!(sizes(&[friends], 2000), [(1, 0)]);
        assert_eq!(sizes(&[friends, alone, friends], 2000), [(3, 0)]);
        assert_eq!(sizes(&[&[1500.0; 8], alone], 2000), [(1, 0)]);
        assert_eq!(sizes(&[alone], 9999), []);
        assert_eq!(sizes(&[alone], 10_000), [(1, 1)]);
    }

    #[test]
    fn the_usual_queues_pair_equals_at_once_and_anybody_in_the_end() {
        for queue in usual_queues().into_iter().filter(|queue| queue.game == "chess") {
            assert!(are_paired(&queue, [1500.0, 1500.0], 500));
            assert!(are_paired(&queue, [1500.0, 1700.0], 500));
            assert!(!are_paired(&queue, [1500.0, 2000.0], 2999));
            assert!(are_paired(&queue, [1500.0, 2000.0], 3000));
            assert!(!are_paired(&queue, [100.0, 4000.0], 9999));
            assert!(are_paired(&queue, [100.0, 4000.0], 10_000));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_the_nearest_name() {
        for (text, message) in [
            (
                "[server]\n\nprot = 1",
                "parlor.toml:3: unknown key `server.prot`; did you mean `server.port`?",
            ),
            ("[sever]\nport = 1", "parlor.toml:1: unknown key `sever`; did you mean `server`?"),
            ("port = 1", "parlor.toml:1: unknown key `port`"),
            ("[server]\nport = 70000", "parlor.toml:2: server.port: "),
            ("[server]\nport = \"x\"", "parlor.toml:2: server.port: "),
            ("[server]\nport =", "parlor.toml:2: "),
            ("[log]\nformat = \"xml\"", "parlor.toml:2: log.format: "),
            ("[engine]\ntransports = [\"x\"]", "parlor.toml:2: engine.transports: "),
            (
                "[[matchmaking.queues]]\nname = 'a'\ngame = 'b'\n\n[[matchmaking.queues]]\n\
                 name = 'c'\ngame = 'd'\nacept_ms = 1",
                "parlor.toml:8: matchmaking.queues: unknown field `acept_ms`",
            ),
            (
                "[[matchmaking.queues]]\nname = 'a'\ngame = 'b'\nrules = [\n\
                 { kind = 'equal', attribute = 'x' },\n{ kind = 'region' },\n]",
                "parlor.toml:4: matchmaking.queues: a rule of kind `region` needs `within`",
            ),
            (
                "[[matchmaking.queues]]\nname = 'a'\ngame = 'b'\n\n[[matchmaking.queues]]\n\
                 name = 'c'\ngame = 'd'\ngive_up_ms = 1",
                "parlor.toml:5: matchmaking.queues: queue `c`: `give_up_ms` is 1000 to ",
            ),
        ] {
            let error = overlay(text).unwrap_err();
            assert!(error.starts_with(message), "{text:?}: {error}");
        }
        let flags = pairs(&[("matchmaking.queues", "[{name = 1}]")]);
        let error = Config::load(None, &pairs(&[]), &flags).unwrap_err().to_string();
        assert!(error.starts_with("--matchmaking-queues: matchmaking.queues: "), "{error}");
        let flags = pairs(&[("server.port", "many")]);
        let error = Config::load(None, &pairs(&[]), &flags).unwrap_err().to_string();
        assert_eq!(error, "--server-port: `many` is not a number");
        let env = pairs(&[("site.enabled", "maybe")]);
        let error = Config::load(None, &env, &pairs(&[])).unwrap_err().to_string();
        assert_eq!(error, "PARLOR_SITE_ENABLED: `maybe` is not true or false");
    }

    #[test]
    fn the_sample_reads_as_the_defaults() {
        assert_eq!(overlay(&Config::sample()).unwrap(), Config::default());
        assert_eq!(overlay(&Config::default().to_toml()).unwrap(), Config::default());
    }
}

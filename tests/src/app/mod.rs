//! The applications that suites, stock clients and wire scripts talk to, on the public library.
//! Who starts one, where and with which timers, is theirs to say (`bin/fixture.rs`, `wire/tcp.rs`).

mod client_suite;
mod socket;

use parlor_core::matchmaker::queue::{Declared, Queue};
use parlor_server::{Config, Server};
use parlor_shared::api::relay;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// Echo of bare Engine.IO messages.
    Engine,
    /// Namespaces `/`, `/custom` and `/auth`, each event with an answer.
    Socket,
    /// What the test suite of socket.io-client expects of its server.
    ClientSuite,
}

/// The defaults of a server whose clients all come from one address.
pub fn config() -> Config {
    let mut config = Config::default();
    config.limits.max_connections_per_address = 0;
    config.limits.max_sessions_per_address = 0;
    config.limits.max_pending_sessions_per_address = 0;
    config.limits.max_handshakes_per_second_per_address = 0;
    config.limits.max_failed_auths_per_minute_per_address = 0;
    config.limits.max_traffic_per_address = 0;
    // Suites send large payloads, one after the other.
    (config.limits.max_bytes_per_second, config.limits.max_byte_burst) = (64_000_000, 256_000_000);
    config.site.enabled = false;
    config
}

impl App {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Engine, Self::Socket, Self::ClientSuite];

    /// As it is called on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Socket => "socket",
            Self::ClientSuite => "client-suite",
        }
    }

    /// Where clients find it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Engine => "/engine.io/",
            Self::Socket | Self::ClientSuite => "/socket.io/",
        }
    }

    /// What it wants to be different from [`config`].
    pub fn configure(self, config: &mut Config) {
        if self == Self::ClientSuite {
            config.engine.ping_interval_ms = 2_000;
        }
    }

    /// A server with this application, to be started.
    pub fn server(self, config: Config) -> Server {
        self.with_options(config, Options::default())
    }

    /// The same with choices.
    pub fn with_options(self, mut config: Config, options: Options) -> Server {
        config.server.path = self.path().to_owned();
        if options.lobbies && config.matchmaking == Config::default().matchmaking {
            let queue = Queue::try_from(Declared::duel("q0", relay::GAME));
            config.matchmaking.queues = vec![queue.expect("it is in order")];
        }
        let mut server = Server::new(config);
        if options.lobbies {
            server.game::<parlor_games::Relay>(relay::GAME);
        }
        match self {
            Self::Engine => {
                server.engine(|cx, message| cx.send(message));
            }
            Self::Socket => socket::serve(&mut server, options),
            Self::ClientSuite => client_suite::serve(&mut server),
        }
        server
    }
}

/// What an application may be asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Clients of `/`, `/custom` and `/auth` may come back to what they had; those of
    /// [`App::ClientSuite`] may in any case.
    pub recovery: bool,
    /// There are lobbies, with the game `relay` and a queue `q0` for it, and their players may be
    /// peers.
    pub lobbies: bool,
}

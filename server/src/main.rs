//! The binary `parlor`: a server that needs no code. Options come from `config`, the server from
//! the library.

mod queue_sim;

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command};
use parlor_server::{
    Config, Server,
    config::{Key, LogFormat},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> Result<()> {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("dev", options)) => serve(options, true),
        Some(("serve", options)) => serve(options, false),
        Some(("config", options)) => print_config(options),
        Some(("queue-sim", options)) => queue_sim::run(options),
        _ => unreachable!("clap asks for one of them"),
    }
}

fn command() -> Command {
    Command::new("parlor")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A multiplayer game session server that stock Socket.IO clients connect to")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_keys(Command::new("dev").about(
            "Run on this machine for trying out: any web page may connect, no limits per address",
        )))
        .subcommand(with_keys(Command::new("serve").about("Run for real, with safe defaults")))
        .subcommand(
            with_keys(
                Command::new("config")
                    .about("Check the configuration, and print what is in effect"),
            )
            .arg(
                Arg::new("sample")
                    .long("sample")
                    .action(clap::ArgAction::SetTrue)
                    .help("Print a file with every key at its default, and what it means"),
            ),
        )
        .subcommand(queue_sim::command())
}

/// Every key of the configuration is a flag.
fn with_keys(command: Command) -> Command {
    let file = Arg::new("config")
        .long("config")
        .short('c')
        .env("PARLOR_CONFIG")
        .value_name("FILE")
        .help("A TOML file; `parlor config --sample` prints one");
    let keys = Config::KEYS.iter().map(|key| {
        Arg::new(key.dotted())
            .long(key.flag())
            .value_name("VALUE")
            .help(format!("{} [env: {}]", key.doc.trim(), key.env()))
            .help_heading(key.section)
    });
    command.arg(file).args(keys)
}

fn load(options: &ArgMatches) -> Result<Config> {
    let pick = |get: &dyn Fn(&Key) -> Option<String>| -> BTreeMap<String, String> {
        Config::KEYS.iter().filter_map(|key| Some((key.dotted(), get(key)?))).collect()
    };
    let env = pick(&|key| std::env::var(key.env()).ok());
    let flags = pick(&|key| options.get_one::<String>(&key.dotted()).cloned());
    let file = options.get_one::<String>("config").map(PathBuf::from);
    Ok(Config::load(file.as_deref(), &env, &flags)?)
}

fn print_config(options: &ArgMatches) -> Result<()> {
    let text = if options.get_flag("sample") {
        Config::sample()
    } else {
        let config = load(options)?;
        let text = config.to_toml();
        server(config).check()?;
        text
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// What every `parlor` serves.
fn server(config: Config) -> Server {
    let mut server = Server::new(config);
    server.namespace("/");
    server.game::<parlor_games::Chess>(parlor_shared::api::chess::GAME);
    server.game::<parlor_games::Circles>(parlor_shared::api::circles::GAME);
    server.game::<parlor_games::Relay>(parlor_shared::api::relay::GAME);
    server
}

fn serve(options: &ArgMatches, for_development: bool) -> Result<()> {
    let mut config = load(options)?;
    if for_development {
        loosen(&mut config);
    }
    log(&config)?;
    let host = (config.server.host.clone(), config.server.port);
    let server = server(config.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anybody can know that it runs: whoever hears it may stop it at once.
    let mut signals = runtime.block_on(async { Signals::listen() })?;
    let listener = std::net::TcpListener::bind(host.clone());
    let listener = listener.with_context(|| format!("cannot listen on {}:{}", host.0, host.1))?;
    let running = server.start_on(listener)?;
    let address = running.address();
    if for_development {
        io::stdout().write_all(welcome(address, &config).as_bytes())?;
    }
    tracing::info!(%address, path = config.server.path, "listening");
    runtime.block_on(signals.told_to_stop());
    tracing::info!("stopping");
    running.stop();
    running.wait()?;
    tracing::info!("stopped");
    Ok(())
}

/// What `dev` allows unless it was chosen otherwise.
fn loosen(config: &mut Config) {
    let defaults = Config::default();
    if config.cors == defaults.cors {
        config.cors.origins = vec!["*".to_owned()];
    }
    if config.limits.max_connections_per_address == defaults.limits.max_connections_per_address {
        config.limits.max_connections_per_address = 0;
    }
    if config.limits.max_sessions_per_address == defaults.limits.max_sessions_per_address {
        config.limits.max_sessions_per_address = 0;
    }
    let (limits, defaults) = (&mut config.limits, &defaults.limits);
    if limits.max_pending_sessions_per_address == defaults.max_pending_sessions_per_address {
        limits.max_pending_sessions_per_address = 0;
    }
    for (limit, default) in [
        (
            &mut limits.max_handshakes_per_second_per_address,
            defaults.max_handshakes_per_second_per_address,
        ),
        (
            &mut limits.max_failed_auths_per_minute_per_address,
            defaults.max_failed_auths_per_minute_per_address,
        ),
        (&mut limits.max_traffic_per_address, defaults.max_traffic_per_address),
    ] {
        if *limit == default {
            *limit = 0;
        }
    }
}

fn welcome(address: std::net::SocketAddr, config: &Config) -> String {
    let shown = if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    let option = match config.server.path.trim_matches('/') {
        "socket.io" => String::new(),
        other => format!(", {{ path: \"/{other}/\" }}"),
    };
    format!(
        "Parlor is running (for trying out, not for production).

  demo site       http://{shown}/
  Socket.IO       http://{shown}{path}   (Engine.IO v4: polling, WebSocket)
  health          http://{shown}/livez   http://{shown}/readyz
  metrics         http://{shown}/metrics

A client (npm install socket.io-client):

  import {{ io }} from \"socket.io-client\";
  const lobby = io(\"http://{shown}/lobby\"{option});
  lobby.on(\"changed\", ({{ change }}) => console.log(change));
  lobby.on(\"state\", ({{ view }}) => console.log(view));
  const reply = await lobby.emitWithAck(\"create\", {{ game: \"chess\", name: \"Ada\" }});
  console.log(\"friends join with\", reply.lobby.code);

",
        path = format_args!("/{}/", config.server.path.trim_matches('/')),
    )
}

fn log(config: &Config) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.level)
        .with_context(|| format!("log.level: `{}`", config.log.level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let as_text = match config.log.format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    if as_text {
        builder.with_target(false).with_ansi(io::stderr().is_terminal()).init();
    } else {
        builder.json().init();
    }
    Ok(())
}

/// SIGINT and SIGTERM, from the moment they are listened to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

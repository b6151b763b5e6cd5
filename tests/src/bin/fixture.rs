//! A server that the suites of others can be pointed at; its application is one of `app/`.
//! It prints `READY <address>` when it listens, and runs until it is told to end by a signal.

use std::{io::Write as _, sync::Arc};

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, Command};
use parlor_server::{cluster::Cluster, config::Limits};
use parlor_tests::{
    app::{self, App, Options},
    loopback::Loopback,
};

fn main() -> Result<()> {
    let options = options().get_matches();
    let text = |name: &str| options.get_one::<String>(name).map(String::as_str);
    let number =
        |name: &str| -> Result<Option<u64>> { Ok(text(name).map(str::parse).transpose()?) };
    if text("verbose").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(text("verbose").unwrap_or("info"))
            .with_writer(std::io::stderr)
            .init();
    }
    let name = text("app").unwrap_or_else(|| App::Socket.name());
    let Some(app) = App::ALL.into_iter().find(|app| app.name() == name) else {
        bail!("--app {name}: there are {}", App::ALL.map(App::name).join(", "));
    };
    let mut config = app::config();
    if options.get_flag("limits") {
        config.limits = Limits::default();
    }
    app.configure(&mut config);
    let engine = &mut config.engine;
    engine.ping_interval_ms = number("ping-interval")?.unwrap_or(engine.ping_interval_ms);
    engine.ping_timeout_ms = number("ping-timeout")?.unwrap_or(engine.ping_timeout_ms);
    engine.connect_timeout_ms = number("connect-timeout")?.unwrap_or(engine.connect_timeout_ms);
    engine.upgrade_timeout_ms = number("upgrade-timeout")?.unwrap_or(engine.upgrade_timeout_ms);
    engine.attachments_timeout_ms =
        number("attachments-timeout")?.unwrap_or(engine.attachments_timeout_ms);
    if let Some(max) = number("max-payload")? {
        engine.max_payload = usize::try_from(max)?;
    }
    if let Some(names) = text("transports") {
        let names = names.split(',').map(|name| serde_json::from_value(name.into()));
        engine.transports = names.collect::<Result<_, _>>()?;
    }
    config.cors.origins = text("cors").map(str::to_owned).into_iter().collect();
    if let Some(n) = number("shards")? {
        config.server.shards = usize::try_from(n)?;
    }
    let link = text("link").map(str::to_owned);
    let port = u16::try_from(number("port")?.unwrap_or(3000))?;
    let host = text("host").unwrap_or("127.0.0.1").to_owned();
    let options =
        Options { recovery: options.get_flag("recovery"), lobbies: options.get_flag("lobbies") };
    let mut server = app.with_options(config, options);
    if let Some(link) = link {
        server.cluster(node(&link)?);
    }
    let running = server.start((host, port))?;
    writeln!(std::io::stdout(), "READY {}", running.address())?;
    Ok(running.wait()?)
}

/// One of two nodes: the first listens for the second and says where.
fn node(link: &str) -> Result<Cluster> {
    let (adapter, node) = match link {
        "listen" => {
            let (adapter, address) = Loopback::listen()?;
            writeln!(std::io::stdout(), "LINK {address}")?;
            (adapter, 0)
        }
        address => (Loopback::connect(address.parse()?), 1),
    };
    // Both have to know the same; a secret would come from the configuration.
    Ok(Cluster { node, n_nodes: 2, seed: 7, adapter: Arc::new(adapter) })
}

fn options() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    Command::new("fixture")
        .about("Parlor's conformance application")
        .arg(flag("port", "TCP port on 127.0.0.1; 0 takes a free one [default: 3000]"))
        .arg(flag("host", "address to listen on [default: 127.0.0.1]"))
        .arg(flag("app", "`engine`, `socket` or `client-suite` [default: socket]"))
        .arg(flag("ping-interval", "milliseconds"))
        .arg(flag("ping-timeout", "milliseconds"))
        .arg(flag("connect-timeout", "milliseconds"))
        .arg(flag("upgrade-timeout", "milliseconds"))
        .arg(flag("attachments-timeout", "milliseconds"))
        .arg(flag("max-payload", "bytes"))
        .arg(flag("transports", "those that are offered [default: polling,websocket]"))
        .arg(flag("cors", "origin whose pages may read answers"))
        .arg(flag("shards", "threads; 0: one per core [default: 0]"))
        .arg(
            flag(
                "recovery",
                "clients of `/`, `/custom` and `/auth` may come back to what they had",
            )
            .action(ArgAction::SetTrue),
        )
        .arg(
            flag("limits", "those of a server that is open to the world, per address and session")
                .action(ArgAction::SetTrue),
        )
        .arg(
            flag("lobbies", "`/lobby`, `/matchmaking` and `/signal`, with the game `relay`")
                .action(ArgAction::SetTrue),
        )
        .arg(flag("link", "`listen`: first of two nodes; address: the second, linked to that one"))
        .arg(flag("verbose", "log filter, such as `debug`; without it nothing is logged"))
}

//! An application on the public library that the suites of others can be pointed at.
//! It prints `READY <address>` when it listens, and runs until it is told to end by a signal.

use std::{io::Write as _, time::Duration};

use anyhow::{Result, bail};
use clap::{Arg, Command};
use parlor_server::{Args, Config, ConnectError, Context, Server, Transport};
use serde::{Deserialize, Serialize};

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
    let mut config = Config::default();
    config.limits.max_connections_per_address = 0;
    config.limits.max_sessions_per_address = 0;
    config.site.enabled = false;
    let engine = &mut config.engine;
    engine.ping_interval_ms = number("ping-interval")?.unwrap_or(engine.ping_interval_ms);
    engine.ping_timeout_ms = number("ping-timeout")?.unwrap_or(engine.ping_timeout_ms);
    engine.connect_timeout_ms = number("connect-timeout")?.unwrap_or(engine.connect_timeout_ms);
    if let Some(max) = number("max-payload")? {
        engine.max_payload = usize::try_from(max)?;
    }
    config.cors.origins = text("cors").map(str::to_owned).into_iter().collect();
    if let Some(n) = number("shards")? {
        config.server.shards = usize::try_from(n)?;
    }
    let app = text("app").unwrap_or("socket");
    if app == "engine" {
        config.server.path = "/engine.io/".to_owned();
    }
    let mut server = Server::new(config);
    match app {
        "engine" => {
            server.engine(|cx, message| cx.send(message));
        }
        "socket" => socket_app(&mut server),
        other => bail!("--app {other}: there are `engine` and `socket`"),
    }
    let port = u16::try_from(number("port")?.unwrap_or(3000))?;
    let running = server.start((text("host").unwrap_or("127.0.0.1"), port))?;
    writeln!(std::io::stdout(), "READY {}", running.address())?;
    Ok(running.wait()?)
}

fn options() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
    Command::new("fixture")
        .about("Parlor's conformance application")
        .arg(flag("port", "TCP port on 127.0.0.1; 0 takes a free one [default: 3000]"))
        .arg(flag("host", "address to listen on [default: 127.0.0.1]"))
        .arg(flag("app", "`engine`: echo of bare Engine.IO; `socket` [default]"))
        .arg(flag("ping-interval", "milliseconds"))
        .arg(flag("ping-timeout", "milliseconds"))
        .arg(flag("connect-timeout", "milliseconds"))
        .arg(flag("max-payload", "bytes"))
        .arg(flag("cors", "origin whose pages may read answers"))
        .arg(flag("shards", "threads; 0: one per core [default: 0]"))
        .arg(flag("verbose", "log filter, such as `debug`; without it nothing is logged"))
}

fn socket_app(server: &mut Server) {
    for name in ["/", "/custom"] {
        server
            .namespace(name)
            .on_connect(|cx| {
                let auth = cx.data::<Option<String>>().take();
                let auth =
                    auth.and_then(|auth| serde_json::value::RawValue::from_string(auth).ok());
                match auth {
                    Some(auth) => cx.emit("auth", (auth,)),
                    None => cx.emit("auth", (Empty {},)),
                }
            })
            .admit(|cx, auth| {
                *cx.data() = auth.raw().map(str::to_owned);
                Ok(())
            })
            .on("message", |cx, args| cx.emit("message-back", args))
            .on("message-with-ack", |cx, args| cx.ack(args));
    }
    server
        .namespace("/")
        .on("ask-back", ask_back)
        .on("join", |cx, args| with_room(cx, args, |cx, room| cx.join(room)))
        .on("leave", |cx, args| with_room(cx, args, |cx, room| cx.leave(room)))
        .on("room-send", |cx, args| {
            with_room(cx, args, |cx, room| cx.to(room).emit("room-message", args));
        })
        .on("burst", |cx, args| {
            for i in 0..args.get::<u32>(0).unwrap_or(0) {
                cx.emit("burst", (i,));
            }
        })
        .on("whoami", |cx, _| {
            let transport = cx.transport().map_or("", Transport::as_str);
            cx.ack((WhoAmI { id: cx.id().to_string(), transport, recovered: false },));
        })
        .on("bye", |cx, _| cx.disconnect());
    server.namespace("/auth").admit(|_, auth| {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        match auth.get::<Token>() {
            Ok(Token { token }) if token == "secret" => Ok(()),
            _ => Err(ConnectError::with_data("Unauthorized", &Code { code: "E_AUTH" })),
        }
    });
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Code {
    code: &'static str,
}

#[derive(Serialize)]
struct WhoAmI {
    id: String,
    transport: &'static str,
    recovered: bool,
}

/// Asks the client its own question, and answers with its answer.
fn ask_back(cx: &mut Context<'_>, args: Args<'_>) {
    let ack = cx.take_ack();
    cx.ask("question", args, Some(Duration::from_secs(5)), move |cx, answer| {
        if let (Some(ack), Ok(answer)) = (ack, answer) {
            ack.send(cx, answer);
        }
    });
}

fn with_room(cx: &mut Context<'_>, args: Args<'_>, run: impl FnOnce(&mut Context<'_>, String)) {
    match args.get::<String>(0) {
        Ok(room) => {
            run(cx, room);
            cx.ack(("ok",));
        }
        Err(error) => cx.ack((error.to_string(),)),
    }
}

//! The crate rust_socketio 0.6, threaded and asynchronous, against a running fixture
//! (`fixture --app socket`, or `reference.mjs`). It has no way to answer the server's events, and
//! opens one connection per namespace; by WebSocket, bytes that begin like a packet of Engine.IO's
//! are taken for one. Which cases it cannot do stands in `CANNOT`, with the reason.
//!
//! Each case runs in a process of its own: a client that is gone leaves a thread that never rests,
//! and with a dozen of them the others answer no ping in time.
//!
//!     parlor-interop-rust --url http://127.0.0.1:PORT [--only TEXT] [--verbose]

mod stock;

use std::{
    env,
    process::{self, Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use rust_socketio::{Payload, TransportType};
use serde_json::{Value, json};
use stock::{Client, Kind, Network, Options};
use tokio::runtime::Runtime;

#[derive(Debug, Parser)]
struct Flags {
    /// Where the server is.
    #[arg(long)]
    url: String,
    /// Runs cases whose names have this in them.
    #[arg(long)]
    only: Option<String>,
    /// Names all cases.
    #[arg(long)]
    verbose: bool,
    /// Runs the one case of this name, and says nothing of others.
    #[arg(long)]
    alone: Option<String>,
}

/// A silent network is noticed when no ping has come in time, but the good-bye that is posted then
/// is given up after 30 s only, and so is an attempt to come back that was made meanwhile.
const SILENT: Duration = Duration::from_secs(70);
/// No case takes longer.
const CASE: Duration = Duration::from_secs(120);

/// What a case begins with.
struct Ground<'r> {
    runtime: &'r Runtime,
    options: Options,
}

impl Ground<'_> {
    /// A network that can fail, and how a client reaches the server through it.
    fn behind_network(&self) -> Result<(Network, Options)> {
        let network = Network::open(&self.options.url)?;
        let options = Options { url: network.url.clone(), ..self.options.clone() };
        Ok((network, options))
    }
}

type Case = (&'static str, fn(&Ground<'_>) -> Result<()>);

const CASES: &[Case] = &[
    ("connects and gets its auth payload back", connects),
    ("gets nested and Unicode arguments back", echoes),
    ("gets bytes back", echoes_bytes),
    ("gets its arguments back in acks", acks),
    ("a message of 500 kB comes back", large),
    ("a burst of a thousand comes in order", burst),
    ("a thousand sent at once come back in order", thousand),
    ("joins another namespace", namespaces),
    ("/auth refuses without the secret and says why", refused),
    ("/auth accepts the secret", accepted),
    ("an unknown namespace is refused", unknown),
    ("rooms: it joins, hears, leaves and hears no more", rooms),
    ("where nobody listens it says so, and connects once somebody does", nobody),
    ("a cut connection comes back by itself", cut),
    ("a server that goes away and comes again is found again", away),
    ("a silent network is noticed", silent),
    ("a silent network is left", left),
];

/// What the crate cannot do, whatever the server: the client, its ways, and the sentence.
const CANNOT: &[(&str, &str, &str)] = &[
    // It takes each piece of a body, as it comes from TCP, for a payload of its own.
    ("Async", "polling", "a message of 500 kB comes back"),
    // It waits for an answer to its requests and openings without an end: to the good-bye that it
    // posts, and to an attempt to come back that was made while the network was silent still.
    ("Async", "polling", "a silent network is noticed"),
    ("Async", "polling websocket upgrade", "a silent network is left"),
];

impl<'r> Ground<'r> {
    fn open(&self) -> Result<Client<'r>> {
        Client::open(self.runtime, &self.options)
    }

    fn at(&self, namespace: &'static str, auth: Option<Value>) -> Options {
        Options { namespace, auth, ..self.options.clone() }
    }
}

fn connects(ground: &Ground<'_>) -> Result<()> {
    let auth = json!({"token": "abc", "deep": {"é": [1]}});
    let client = Client::open(ground.runtime, &ground.at("/", Some(auth.clone())))?;
    same(client.next("auth")?, &[auth])
}

fn echoes(ground: &Ground<'_>) -> Result<()> {
    let client = ground.open()?;
    for said in [
        vec![json!(null)],
        vec![json!(1), json!("2"), json!({"3": [true, false, null]})],
        vec![json!("é€𝒳🦊\u{2028}\0"), json!({"": ""})],
        vec![json!([[[]]]), json!(-0.5)],
    ] {
        client.emit("message", said.clone())?;
        same(client.next("message-back")?, &said)?;
    }
    Ok(())
}

fn echoes_bytes(ground: &Ground<'_>) -> Result<()> {
    let client = ground.open()?;
    let bytes: Vec<u8> = (b'7'..=255).collect();
    for _ in 0..10 {
        client.emit("message", bytes.clone())?;
        same_bytes(client.next("message-back")?, &bytes)?;
    }
    Ok(())
}

fn acks(ground: &Ground<'_>) -> Result<()> {
    let client = ground.open()?;
    for i in 0..10 {
        // The list of arguments comes as one.
        same(client.ask("message-with-ack", json!({"a": i}))?, &[json!([{"a": i}])])?;
    }
    Ok(())
}

fn large(ground: &Ground<'_>) -> Result<()> {
    let client = ground.open()?;
    let text = json!("é".repeat(250_000));
    client.emit("message", text.clone())?;
    same(client.next("message-back")?, &[text])?;
    let bytes = vec![7; 500_000];
    client.emit("message", bytes.clone())?;
    same_bytes(client.next("message-back")?, &bytes)
}

fn burst(ground: &Ground<'_>) -> Result<()> {
    let client = ground.open()?;
    client.emit("burst", json!(1_000))?;
    (0..1_000).try_for_each(|i| same(client.next("burst")?, &[json!(i)]))
}

fn thousand(ground: &Ground<'_>) -> Result<()> {
    let client = ground.open()?;
    (0..1_000).try_for_each(|i| client.emit("message", json!(i)))?;
    (0..1_000).try_for_each(|i| same(client.next("message-back")?, &[json!(i)]))
}

fn namespaces(ground: &Ground<'_>) -> Result<()> {
    let client = Client::open(ground.runtime, &ground.at("/custom", None))?;
    client.emit("message", json!("custom"))?;
    same(client.next("message-back")?, &[json!("custom")])
}

fn refused(ground: &Ground<'_>) -> Result<()> {
    let options = ground.at("/auth", Some(json!({"token": "wrong"})));
    let said = Client::begin(ground.runtime, &options)?.next("error")?;
    let said = format!("{said:?}");
    ensure!(said.contains("Unauthorized") && said.contains("E_AUTH"), "it says {said}");
    Ok(())
}

fn accepted(ground: &Ground<'_>) -> Result<()> {
    Client::open(ground.runtime, &ground.at("/auth", Some(json!({"token": "secret"})))).map(drop)
}

fn unknown(ground: &Ground<'_>) -> Result<()> {
    let said = Client::begin(ground.runtime, &ground.at("/nobody", None))?.next("error")?;
    let said = format!("{said:?}");
    ensure!(said.contains("Invalid namespace"), "it says {said}");
    Ok(())
}

fn rooms(ground: &Ground<'_>) -> Result<()> {
    let (client, speaker) = (ground.open()?, ground.open()?);
    let room = json!(format!("rust {:?}", Instant::now()));
    client.ask("join", room.clone())?;
    speaker.ask("room-send", vec![room.clone(), json!({"n": 1})])?;
    same(client.next("room-message")?, &[room.clone(), json!({"n": 1})])?;
    client.ask("leave", room.clone())?;
    speaker.ask("room-send", vec![room, json!(2)])?;
    client.ask("message-with-ack", json!(1))?;
    ensure!(!client.has_heard("room-message"), "it hears no more");
    Ok(())
}

fn nobody(ground: &Ground<'_>) -> Result<()> {
    let (mut network, options) = ground.behind_network()?;
    network.does("refuse")?;
    ensure!(Client::begin(ground.runtime, &options).is_err(), "it is refused");
    network.does("listen")?;
    Client::open(ground.runtime, &options).map(drop)
}

fn cut(ground: &Ground<'_>) -> Result<()> {
    let (mut network, options) = ground.behind_network()?;
    let client = Client::open(ground.runtime, &options)?;
    client.ask("message-with-ack", json!(1))?;
    // Between two polls there may be nothing to cut.
    network.does("cut")?;
    client.comes_back(Duration::from_secs(20), || network.does("cut"))?;
    client.asks_again()
}

fn away(ground: &Ground<'_>) -> Result<()> {
    let (mut network, options) = ground.behind_network()?;
    let client = Client::open(ground.runtime, &options)?;
    network.does("refuse")?;
    client.notices(Duration::from_secs(20))?;
    network.does("listen")?;
    client.comes_back(Duration::from_secs(20), || Ok(()))?;
    client.asks_again()
}

fn silent(ground: &Ground<'_>) -> Result<()> {
    let (mut network, options) = ground.behind_network()?;
    let client = Client::open(ground.runtime, &options)?;
    network.does("silence")?;
    client.notices(Duration::from_secs(20))
}

fn left(ground: &Ground<'_>) -> Result<()> {
    let (mut network, options) = ground.behind_network()?;
    let client = Client::open(ground.runtime, &options)?;
    network.does("silence")?;
    client.notices(Duration::from_secs(20))?;
    network.does("resume")?;
    client.comes_back(SILENT, || Ok(()))?;
    client.asks_again()
}

fn same(payload: Payload, expected: &[Value]) -> Result<()> {
    let Payload::Text(values) = payload else { anyhow::bail!("no text: {payload:?}") };
    ensure!(values == expected, "{}", short(&format!("{values:?} instead of {expected:?}")));
    Ok(())
}

fn same_bytes(payload: Payload, expected: &[u8]) -> Result<()> {
    let Payload::Binary(bytes) = payload else { anyhow::bail!("no bytes: {payload:?}") };
    ensure!(bytes == expected, "other bytes");
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(400).collect()
}

/// Runs one case here.
fn run(case: fn(&Ground<'_>) -> Result<()>, options: Options) -> Result<()> {
    let runtime = Runtime::new().context("the asynchronous client wants a runtime")?;
    let result = case(&Ground { runtime: &runtime, options });
    // What a client has left behind there is not waited for.
    runtime.shutdown_background();
    result
}

/// Runs one case in a process of its own, and gives what that says if it fails.
fn run_alone(flags: &Flags, name: &str) -> Result<()> {
    let ended =
        Command::new(env::current_exe()?).args(["--url", &flags.url, "--alone", name]).output()?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout).trim());
    Ok(())
}

fn main() -> Result<ExitCode> {
    let flags = Flags::parse();
    let (mut n_passed, mut n_failed) = (0, 0);
    for kind in [Kind::Threaded, Kind::Async] {
        for (way, transport) in [
            ("polling", TransportType::Polling),
            ("websocket", TransportType::Websocket),
            ("upgrade", TransportType::WebsocketUpgrade),
        ] {
            for (sentence, case) in CASES {
                let name = format!("{kind:?}, {way}: {sentence}");
                if flags.alone.as_ref() == Some(&name) {
                    thread::spawn(|| {
                        thread::sleep(CASE);
                        println!("it takes too long");
                        process::exit(1);
                    });
                    let url = flags.url.clone();
                    let options = Options { kind, transport, url, namespace: "/", auth: None };
                    let failed = run(*case, options).err();
                    if let Some(error) = &failed {
                        println!("{}", short(&format!("{error:#}")));
                    }
                    // Without waiting for threads that never rest.
                    process::exit(i32::from(failed.is_some()));
                }
                let cannot = |(who, by, what): &(&str, &str, &str)| {
                    *who == format!("{kind:?}") && by.contains(way) && what == sentence
                };
                if flags.alone.is_some()
                    || CANNOT.iter().any(cannot)
                    || flags.only.as_ref().is_some_and(|only| !name.contains(only))
                {
                    continue;
                }
                match run_alone(&flags, &name) {
                    Ok(()) => {
                        n_passed += 1;
                        if flags.verbose {
                            println!("ok   {name}");
                        }
                    }
                    Err(error) => {
                        n_failed += 1;
                        println!("FAIL {name}\n       {error:#}");
                    }
                }
            }
        }
    }
    println!("{n_passed} passed, {n_failed} failed");
    let is_well = n_failed == 0 && n_passed > 0;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! Parlor as the bench of all peers wants it (`../shared/bench/CONTRACT.md`), on the public
//! library: what a user would write, and nothing else.
//! It listens on 127.0.0.1:$PORT, prints `READY`, and takes its orders from stdin.

use std::{
    hint::black_box,
    io::{BufRead as _, Write as _},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use parlor_games::{Chess, Circles};
use parlor_server::{Emitter, Server, ShardContext, Timer};
use serde::{Deserialize, Serialize};

/// Bytes of a state's packet beside its filler.
const STATE_BYTES: usize = 56;

/// What a lobby's players are told each tick.
#[derive(Serialize)]
struct State<'a> {
    n: u64,
    t: u64,
    l: usize,
    p: &'a str,
}

/// What a player does.
#[derive(Deserialize)]
#[expect(dead_code, reason = "a game would use them")]
struct Input {
    s: f64,
    x: f64,
    y: f64,
    b: u8,
    k: String,
}

#[derive(Default)]
struct Counted {
    inputs: AtomicU64,
    relayed: AtomicU64,
    /// Microseconds that each tick computes, beside what it sends.
    burn_us: AtomicU64,
}

fn main() -> Result<()> {
    if let Ok(parser) = std::env::var("PARSER") {
        bail!("PARSER={parser}: there is only the default parser");
    }
    let port: u16 = std::env::var("PORT").context("PORT")?.parse()?;
    let mut config = parlor_tests::app::config();
    // One connection of the load is many players'; and the peers have no such limits.
    (config.limits.max_messages_per_second, config.limits.max_bytes_per_second) = (0, 0);
    config.server.shards = std::env::var("SHARDS").map_or(Ok(0), |shards| shards.parse())?;
    if let Ok(bytes) = std::env::var("NOTSENT_LOWAT") {
        config.limits.notsent_lowat = bytes.parse()?;
    }
    let counted = Arc::new(Counted::default());
    let mut server = Server::new(config);
    serve(&mut server, &counted);
    let running = server.start(("127.0.0.1", port))?;
    let emitter = running.emitter();
    std::thread::spawn(move || {
        if let Err(error) = orders(&emitter, &counted) {
            eprintln!("{error:#}");
        }
    });
    writeln!(std::io::stdout(), "READY")?;
    Ok(running.wait()?)
}

fn serve(server: &mut Server, counted: &Arc<Counted>) {
    server.game::<Chess>("chess").game::<Circles>("circles");
    let (inputs, relayed, binary) = (Arc::clone(counted), Arc::clone(counted), Arc::clone(counted));
    server
        .namespace("/")
        .on_typed("join", |cx, (room,): (String,)| {
            cx.join(room);
            cx.ack(("ok",));
        })
        .on_typed("in", move |_, (input,): (Input,)| {
            black_box(&input);
            inputs.inputs.fetch_add(1, Relaxed);
        })
        .on("echo", |cx, args| cx.ack(args))
        .on("relay", move |cx, args| {
            relayed.relayed.fetch_add(1, Relaxed);
            if let Ok(to) = args.get::<String>(0) {
                cx.to(to).emit("relay", args.forward_from(1));
            }
        })
        .on("brelay", move |cx, args| {
            binary.relayed.fetch_add(1, Relaxed);
            if let Ok(to) = args.get::<String>(0) {
                cx.to(to).emit("brelay", args.forward_from(1));
            }
        });
}

/// Reads orders until there are no more.
fn orders(emitter: &Emitter, counted: &Arc<Counted>) -> Result<()> {
    let mut ticks: Option<Timer> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["tick", active, hz, bytes, volatile, _total] => {
                if let Some(ticks) = ticks.take() {
                    ticks.cancel();
                }
                let tick = Tick {
                    rooms: (0..number(active)?).map(|room| format!("r{room}")).collect(),
                    filler: "x".repeat(number::<usize>(bytes)?.saturating_sub(STATE_BYTES)),
                    is_volatile: volatile == "1",
                    n: 0,
                    epoch: None,
                };
                let period = Duration::from_secs_f64(1.0 / number::<f64>(hz)?);
                ticks = Some(tick.begin(emitter, period, Arc::clone(counted))?);
            }
            ["stop"] => {
                if let Some(ticks) = ticks.take() {
                    ticks.cancel();
                }
            }
            ["burn", us] => counted.burn_us.store(number(us)?, Relaxed),
            ["stats"] => {
                let (inputs, relayed) =
                    (counted.inputs.load(Relaxed), counted.relayed.load(Relaxed));
                writeln!(std::io::stdout(), "STATS in={inputs} relay={relayed}")?;
            }
            // Only raw TCP has modes.
            ["mode", _] | [] => {}
            _ => bail!("no such order: {line}"),
        }
    }
    Ok(())
}

fn number<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(word: &str) -> Result<T> {
    word.parse().with_context(|| format!("`{word}` in an order"))
}

/// One state for each lobby's room, each period.
struct Tick {
    rooms: Vec<String>,
    filler: String,
    is_volatile: bool,
    n: u64,
    /// From the Unix epoch to the server's start.
    epoch: Option<Duration>,
}

impl Tick {
    fn begin(
        mut self,
        emitter: &Emitter,
        period: Duration,
        counted: Arc<Counted>,
    ) -> Result<Timer> {
        let run = move |cx: &mut ShardContext<'_>| self.run(cx, counted.burn_us.load(Relaxed));
        Ok(emitter.every(period, run)?)
    }

    fn run(&mut self, cx: &mut ShardContext<'_>, burn_us: u64) {
        self.n += 1 + cx.n_skipped();
        let epoch = *self.epoch.get_or_insert_with(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            now.saturating_sub(cx.due() + cx.late())
        });
        let t = (epoch + cx.due()).as_micros() as u64;
        burn(Duration::from_micros(burn_us));
        for (l, room) in self.rooms.iter().enumerate() {
            let emit = cx.namespace("/").to(room);
            let emit = if self.is_volatile { emit.volatile() } else { emit };
            emit.emit("s", (State { n: self.n, t, l, p: &self.filler },));
        }
    }
}

/// Computes for so long.
fn burn(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box((0..100u64).fold(0, |a: u64, b| black_box(a.wrapping_mul(31) ^ b)));
    }
}

//! What slow readers cost, themselves and others: the contract server sends a state to everybody
//! many times a second, while some clients read too slowly (throttled) and some not at all
//! (stalled). Each round is a fresh server: first without the slow ones, then with them; volatile
//! and reliable rounds take turns. Prints a table; fails if a bound is broken.
//!
//! How old may a volatile state be when a throttled client has read it? No older than what lies
//! in that client's own receive buffer. In bytes, which no pace of reading blurs: one tick after
//! a state was due, its end is at most a full receive buffer (`SO_RCVBUF`: what the client's kernel
//! promises to take) and the frame that was begun ahead of what the client has read by then. What
//! is more waited in the server, or in its kernel.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::{
    collections::VecDeque,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use parlor_server::Config;
use parlor_tests::load::{
    Client, Numbers, Sample, Server, State, Swarm, median, median_and_spread, now_us,
};
use socket2::SockRef;

/// How often a throttled client reads a little.
const STEP: Duration = Duration::from_millis(10);
/// How often the server is asked what it uses, and the receive buffers what they hold.
const LOOK: Duration = Duration::from_millis(100);
/// Reading at a pace is done in steps, which a busy machine makes late: so much in time.
const PACE_SLACK: Duration = Duration::from_millis(100);
/// Time that the kernels' buffers for a stalled client may take to fill, and the looks between.
const CUT_SLACK: Duration = Duration::from_secs(1);
/// Beside its frames, what a slow session may cost: its outbox, and the allocator's rounding.
const SESSION_BYTES: u64 = 16 << 10;

struct Options {
    normal: usize,
    slow: usize,
    bytes: u64,
    hz: u64,
    rate: u64,
    receive_buffer: usize,
    rounds: usize,
    volatile_only: bool,
}

impl Options {
    fn read() -> Self {
        let numbers = Numbers::from_command_line(
            "slowreaders",
            &[
                ("normal", 200.0, "Clients that read at once"),
                ("slow", 10.0, "Clients that read slowly, and as many that stop reading"),
                ("bytes", 4096.0, "Bytes of a state"),
                ("hz", 100.0, "States per second"),
                ("rate", 10000.0, "Bytes per second that a throttled client reads"),
                (
                    "receive-buffer",
                    8192.0,
                    "Receive buffer that slow clients ask for; 0 leaves it to the kernel",
                ),
                ("rounds", 3.0, "Rounds of each kind"),
                ("volatile-only", 0.0, "1: only volatile rounds"),
            ],
        );
        Self {
            normal: numbers.count("normal"),
            slow: numbers.count("slow"),
            bytes: numbers.count("bytes") as u64,
            hz: numbers.count("hz") as u64,
            rate: numbers.count("rate") as u64,
            receive_buffer: numbers.count("receive-buffer"),
            rounds: numbers.count("rounds"),
            volatile_only: numbers.count("volatile-only") > 0,
        }
    }
}

/// A client that reads at a pace of its own.
struct Throttled {
    client: Client,
    start: Instant,
    /// When it had read how far, newest last.
    reads: VecDeque<(u64, u64)>,
    /// Most bytes that its receive buffer may hold, and was seen to.
    receive_buffer: u64,
    held: u64,
    /// Most bytes between where it was one tick after a state was due and that state's end.
    ahead: u64,
    ages_us: Sample,
}

impl Throttled {
    fn new(client: Client) -> Self {
        let reads = VecDeque::from([(now_us(), 0)]);
        Self {
            client,
            start: Instant::now(),
            reads,
            receive_buffer: 0,
            held: 0,
            ahead: 0,
            ages_us: Sample::default(),
        }
    }

    /// Reads what its pace allows by now.
    fn step(&mut self, options: &Options, buffer: &mut [u8]) {
        let allowed = (self.start.elapsed().as_secs_f64() * options.rate as f64) as u64;
        let n = allowed.saturating_sub(self.client.n_read).min(buffer.len() as u64) as usize;
        if n == 0 || !self.client.is_open {
            return;
        }
        let (now, period_us) = (now_us(), 1_000_000 / options.hz);
        let (reads, ages_us, ahead) = (&mut self.reads, &mut self.ages_us, &mut self.ahead);
        self.client.read(&mut buffer[..n], |text, end| {
            let Some(state) = State::read(text) else { return };
            ages_us.add(now.saturating_sub(state.due_us));
            let by = state.due_us + period_us;
            while reads.len() > 1 && reads[1].0 <= by {
                reads.pop_front();
            }
            *ahead = (*ahead).max(end - reads[0].1);
        });
        self.reads.push_back((now, self.client.n_read));
    }

    fn look(&mut self, buffer: &mut [u8]) {
        if let Ok(n) = self.client.stream.peek(buffer) {
            self.held = self.held.max(n as u64);
        }
        // The kernel may make it larger as it goes.
        if let Ok(n) = SockRef::from(&self.client.stream).recv_buffer_size() {
            self.receive_buffer = self.receive_buffer.max(n as u64);
        }
    }

    /// How many bytes of old state waited elsewhere than in its own receive buffer.
    fn excess(&self) -> u64 {
        self.ahead.saturating_sub(self.receive_buffer)
    }
}

/// What one round showed.
struct Round {
    late_without: Sample,
    late_with: Sample,
    normal_lost: usize,
    throttled: Vec<Throttled>,
    growth_bytes: u64,
    /// When the n-th slow client was cut, since they stopped to keep up.
    cuts: Vec<Duration>,
    reasons: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let (mut volatile, mut reliable) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        volatile.push(round(&options, true)?);
        if !options.volatile_only {
            reliable.push(round(&options, false)?);
        }
    }
    println!(
        "{} clients that read, {} throttled to {} B/s, {} stalled; states of {} B at {} Hz, \
         {} rounds; ms are p50 / p99 / max.\n",
        options.normal,
        options.slow,
        options.rate,
        options.slow,
        options.bytes,
        options.hz,
        options.rounds
    );
    println!("| | measured | bound | kept |\n|---|---|---|---|");
    let mut broken = 0;
    for (kind, rounds) in [("volatile", volatile), ("reliable", reliable)] {
        if !rounds.is_empty() {
            broken += report(&options, kind, rounds);
        }
    }
    Ok(if broken > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn round(options: &Options, is_volatile: bool) -> Result<Round> {
    let mut server = Server::start()?;
    let mut swarm = Swarm::new()?;
    for _ in 0..options.normal {
        swarm.add(Client::join(server.address, Some("r0"), None)?)?;
    }
    let volatile = u8::from(is_volatile);
    server.order(&format!("tick 1 {} {} {volatile} 1", options.hz, options.bytes))?;
    swarm.turn_for(Duration::from_secs(1), |_, _, _| {})?;
    let late_without = watch(&mut swarm, &server, Duration::from_secs(4), |_, _| Ok(()))?;

    let before = server.resident_bytes()?;
    let receive_buffer = Some(options.receive_buffer).filter(|bytes| *bytes > 0);
    let slow = || Client::join(server.address, Some("r0"), receive_buffer);
    let mut throttled = Vec::new();
    for _ in 0..options.slow {
        throttled.push(Throttled::new(slow()?));
    }
    let _stalled = (0..options.slow).map(|_| slow()).collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    let (mut growth_bytes, mut cuts, mut looked) = (0, Vec::new(), start);
    let (mut step_buffer, mut look_buffer) = (vec![0; 4096], vec![0; 8 << 20]);
    let time = write_stall_timeout() + CUT_SLACK + Duration::from_secs(2);
    let late_with = watch(&mut swarm, &server, time, |server, now| {
        for client in &mut throttled {
            client.step(options, &mut step_buffer);
        }
        if now - looked >= LOOK {
            looked = now;
            growth_bytes = growth_bytes.max(server.resident_bytes()?.saturating_sub(before));
            throttled.iter_mut().for_each(|client| client.look(&mut look_buffer));
            let n_cut = server.metrics()?.get(SLOW_CONSUMER).copied().unwrap_or(0.0) as usize;
            cuts.resize(n_cut.max(cuts.len()), now - start);
        }
        Ok(())
    })?;
    let metrics = server.metrics()?;
    let closed = metrics.iter().filter(|(name, _)| name.starts_with("parlor_sessions_closed"));
    let reasons = closed.map(|(name, n)| format!("{n} × {}", label(name))).collect();
    let normal_lost = options.normal - swarm.n_open();
    Ok(Round { late_without, late_with, normal_lost, throttled, growth_bytes, cuts, reasons })
}

const SLOW_CONSUMER: &str = "parlor_sessions_closed_total{reason=\"slow consumer\"}";

fn label(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

fn write_stall_timeout() -> Duration {
    Duration::from_millis(Config::default().limits.write_stall_timeout_ms)
}

/// Lets the normal clients read for so long, and does something else every now and then; how late
/// their states were, in microseconds.
fn watch(
    swarm: &mut Swarm,
    server: &Server,
    time: Duration,
    mut beside: impl FnMut(&Server, Instant) -> Result<()>,
) -> Result<Sample> {
    let (mut late_us, end) = (Sample::default(), Instant::now() + time);
    let mut next = Instant::now();
    loop {
        let now = Instant::now();
        if now >= end {
            return Ok(late_us);
        }
        if now >= next {
            next = now + STEP;
            beside(server, now)?;
        }
        swarm.turn(next.saturating_duration_since(Instant::now()), |_, text, now| {
            if let Some(state) = State::read(text) {
                late_us.add(now.saturating_sub(state.due_us));
            }
        })?;
    }
}

/// Prints what the rounds of one kind showed; how many bounds are broken.
fn report(options: &Options, kind: &str, mut rounds: Vec<Round>) -> usize {
    let mut broken = 0;
    let mut row = |what: &str, measured: String, bound: String, is_kept: bool| {
        broken += usize::from(!is_kept);
        let kept = match is_kept {
            _ if bound == "–" => "–",
            true => "yes",
            false => "**no**",
        };
        println!("| {kind}: {what} | {measured} | {bound} | {kept} |");
    };
    // There are a tenth more to be written to, and rounds differ in their rarest values.
    for (q, most) in [(0.5, 1.25), (0.99, 1.5)] {
        let ratio = |round: &mut Round| {
            round.late_with.quantile(q) as f64 / round.late_without.quantile(q).max(1) as f64
        };
        let mut ratios: Vec<f64> = rounds.iter_mut().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let name = format!("lateness p{} of the others, with slow ones ÷ without", q * 100.0);
        let is_kept = median(&ratios) <= most;
        row(&name, median_and_spread(ratios), format!("{most}"), is_kept);
    }
    let (mut with, mut without) = (Sample::default(), Sample::default());
    for round in &mut rounds {
        with.append(&mut round.late_with);
        without.append(&mut round.late_without);
    }
    let late = format!("{} (without: {})", with.summary_ms(), without.summary_ms());
    row("lateness of the others, ms", late, "–".to_owned(), true);
    let lost = rounds.iter().map(|round| round.normal_lost).sum::<usize>();
    row("others cut", lost.to_string(), "0".to_owned(), lost == 0);

    let n_slow = 2 * options.slow as u64;
    let per_slow = match kind {
        "volatile" => 2 * options.bytes + SESSION_BYTES,
        _ => Config::default().limits.max_queue_bytes as u64 + SESSION_BYTES,
    };
    let growth = rounds.iter().map(|round| round.growth_bytes).max().unwrap_or(0);
    let bound = n_slow * per_slow;
    let kib = |bytes: u64| format!("{} KiB", bytes / 1024);
    row("server memory for the slow ones", kib(growth), kib(bound), growth <= bound);

    let timeout = write_stall_timeout();
    let n_cut = rounds.iter().map(|round| round.cuts.len()).min().unwrap_or(0);
    let last = rounds.iter().filter_map(|round| round.cuts.last()).max().copied();
    let last_s = last.map_or(f64::INFINITY, |last| last.as_secs_f64());
    let expected = if kind == "volatile" { options.slow } else { 2 * options.slow };
    let reasons: Vec<&str> =
        rounds.iter().flat_map(|round| &round.reasons).map(String::as_str).collect();
    row(
        "slow ones cut",
        format!("{n_cut}; the last after {last_s:.1} s; per round: {}", reasons.join(", ")),
        format!("{expected} `slow consumer` within {:.0} s", (timeout + CUT_SLACK).as_secs_f64()),
        n_cut == expected
            && rounds.iter().all(|round| round.cuts.len() == expected)
            && last.is_some_and(|last| last <= timeout + CUT_SLACK),
    );
    if kind == "volatile" {
        ages(options, &mut rounds, &mut row);
    }
    broken
}

/// How old states were when throttled clients had read them.
fn ages(options: &Options, rounds: &mut [Round], row: &mut impl FnMut(&str, String, String, bool)) {
    let mut ages_us = Sample::default();
    for client in rounds.iter_mut().flat_map(|round| &mut round.throttled) {
        ages_us.append(&mut client.ages_us);
    }
    let most = |of: fn(&Throttled) -> u64| {
        rounds.iter().flat_map(|round| &round.throttled).map(of).max().unwrap_or(0)
    };
    let (buffer, held, excess) =
        (most(|client| client.receive_buffer), most(|client| client.held), most(Throttled::excess));
    let slack = (options.rate as f64 * PACE_SLACK.as_secs_f64()) as u64;
    let bound = options.bytes + slack;
    let tick_ms = 1000.0 / options.hz as f64;
    let bound_ms = (buffer + bound) as f64 / options.rate as f64 * 1000.0 + tick_ms;
    row(
        "age of a state when a throttled client has read it, ms",
        ages_us.summary_ms(),
        format!("about {bound_ms:.0}: its receive buffer at its pace, and a tick"),
        true,
    );
    row(
        "bytes of old state that waited elsewhere than in the client's receive buffer",
        format!("{excess} (SO_RCVBUF is {buffer}, and held up to {held})"),
        format!("{bound}: the frame begun, and {slack} for steps"),
        excess <= bound && !ages_us.is_empty(),
    );
}

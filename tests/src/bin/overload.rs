//! What becomes of a server that has half as much again to do as its core can: ticks that compute
//! and then send to everybody, at 1.5 times what fits, beside the same ticks at half the rate,
//! which fit. It must leave ticks out, not fall behind: a delivered message must not cost more than
//! at the rate it can keep, an ack must wait for about one tick at most and a ping for two (one
//! when it is due, one before that for the pong from which it counts), and nobody may lose the
//! session. Phases alternate on one server. Prints tables; fails if a bound is broken.
//!
//! Clients are opened over one ping interval, so that their pings come evenly. Acks are asked for
//! by sockets in no room, from a thread of their own, at fixed times whatever the answers do.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::{
    collections::BTreeSet,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use parlor_server::Config;
use parlor_tests::load::{
    Client, Cpu, Numbers, Sample, Server, State, Swarm, median, median_and_spread, now_us,
};

/// Sockets that ask for acks, and how often each does.
const N_ECHOES: usize = 10;
const ECHO_PERIOD: Duration = Duration::from_millis(50);
/// Before each phase is measured.
const WARM: Duration = Duration::from_secs(1);
/// Demand of the overload, in periods.
const DEMAND: f64 = 1.5;
/// How much dearer a message may get: what rounds differ by on a machine that does other things.
const MAX_COST_RATIO: f64 = 1.1;

struct Options {
    lobbies: usize,
    players: usize,
    hz: f64,
    bytes: usize,
    secs: f64,
    rounds: usize,
    max_wait_pct: f64,
}

impl Options {
    fn read() -> Self {
        let numbers = Numbers::from_command_line(
            "overload",
            &[
                ("lobbies", 1000.0, "Lobbies"),
                ("players", 4.0, "Players in each"),
                ("hz", 20.0, "Ticks per second when overloaded; half of that otherwise"),
                ("bytes", 200.0, "Bytes of a state"),
                ("secs", 6.0, "Seconds of each phase"),
                (
                    "max-wait-pct",
                    2.0,
                    "How long the server may wait for its core; a round of more is void",
                ),
                ("rounds", 5.0, "Pairs of phases"),
            ],
        );
        Self {
            lobbies: numbers.count("lobbies"),
            players: numbers.count("players"),
            hz: numbers.number("hz"),
            bytes: numbers.count("bytes"),
            secs: numbers.number("secs"),
            rounds: numbers.count("rounds"),
            max_wait_pct: numbers.number("max-wait-pct"),
        }
    }
}

/// One phase, as it was seen.
struct Phase {
    start_us: u64,
    end_us: u64,
    secs: f64,
    cpu: Cpu,
    delivered: u64,
    ticks: BTreeSet<u64>,
    late_us: Sample,
    ping_late_us: Sample,
}

impl Phase {
    fn n_due(&self) -> u64 {
        let span = |(first, last)| last - first + 1;
        self.ticks.first().zip(self.ticks.last()).map_or(0, span)
    }

    fn n_skipped(&self) -> u64 {
        self.n_due() - self.ticks.len() as u64
    }

    fn gross_us(&self) -> f64 {
        self.cpu.run.as_secs_f64() * 1e6 / self.delivered as f64
    }

    /// Without what the ticks computed. They do that by the clock, so what the server waited
    /// meanwhile is not in its CPU time.
    fn net_us(&self, work: Work) -> f64 {
        let share = work.burn.as_secs_f64() / (work.burn + work.fan_out).as_secs_f64();
        let waited = self.cpu.wait.as_secs_f64() * share;
        let burnt = work.burn.as_secs_f64() * self.ticks.len() as f64 - waited;
        (self.cpu.run.as_secs_f64() - burnt) * 1e6 / self.delivered as f64
    }

    fn wait_share(&self) -> f64 {
        self.cpu.wait.as_secs_f64() / self.secs
    }
}

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let mut server = Server::start()?;
    let mut crowd = Crowd::open(&options, &server)?;
    let echoes = Echoes::start(&server)?;

    let idle = crowd.phase(&mut server, &options, options.hz, Duration::ZERO)?;
    let fan_out = idle.cpu.run / u32::try_from(idle.ticks.len().max(1))?;
    let burn = Duration::from_secs_f64(DEMAND / options.hz).saturating_sub(fan_out);
    let before = server.metrics()?;
    let mut pairs = Vec::new();
    let mut n_void = 0;
    while pairs.len() < options.rounds && n_void < 2 * options.rounds {
        let over = crowd.phase(&mut server, &options, options.hz, burn)?;
        let within = crowd.phase(&mut server, &options, options.hz / 2.0, burn)?;
        if 100.0 * over.wait_share().max(within.wait_share()) > options.max_wait_pct {
            n_void += 1;
        } else {
            pairs.push((over, within));
        }
    }
    let after = server.metrics()?;
    let n_lost = crowd.swarm.clients.len() - crowd.swarm.n_open();
    let answers = echoes.end()?;

    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{} lobbies of {}, {} B, {} Hz: a tick sends for {:.1} ms and computes for {:.1} ms, \
         {DEMAND} periods of {:.0} ms; beside it the same at {} Hz. {} rounds of {} s; {n_void} \
         more are void, because the server waited for its core for over {} % of the time.\n",
        options.lobbies,
        options.players,
        options.bytes,
        options.hz,
        ms(fan_out),
        ms(burn),
        1e3 / options.hz,
        options.hz / 2.0,
        pairs.len(),
        options.secs,
        options.max_wait_pct
    );
    if pairs.is_empty() {
        println!("Nothing can be said: this machine is too busy.");
        return Ok(ExitCode::FAILURE);
    }
    let work = Work { burn, fan_out };
    let (over, within) = pairs.into_iter().unzip();
    let seen = Seen { work, over, within, n_lost: n_lost + answers.n_lost, answers };
    seen.print_figures();
    let is_kept = seen.print_bounds();
    println!("\nWhat the server's metrics said over these phases:\n");
    for (name, value) in &after {
        let grown = value - before.get(name).copied().unwrap_or(0.0);
        if grown != 0.0 && !name.contains("bucket") {
            println!("- `{name}` {grown:+.0}");
        }
    }
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a tick does.
#[derive(Clone, Copy)]
struct Work {
    burn: Duration,
    fan_out: Duration,
}

/// All that was seen.
struct Seen {
    work: Work,
    over: Vec<Phase>,
    within: Vec<Phase>,
    answers: Answers,
    n_lost: usize,
}

impl Seen {
    fn print_figures(&self) {
        println!("| | overloaded | at half the rate |\n|---|---|---|");
        let row = |what: &str, of: &dyn Fn(&[Phase]) -> String| {
            println!("| {what} | {} | {} |", of(&self.over), of(&self.within));
        };
        let each = |what: &str, of: &dyn Fn(&Phase) -> f64| {
            row(what, &|phases| median_and_spread(phases.iter().map(of).collect()));
        };
        let all = |what: &str, of: &dyn Fn(&Phase) -> Sample| {
            row(what, &|phases| {
                let mut sample = merged(phases, of);
                format!("{} of {}", sample.summary_ms(), sample.len())
            });
        };
        each("delivered per second", &|phase| phase.delivered as f64 / phase.secs);
        each("ticks per second", &|phase| phase.ticks.len() as f64 / phase.secs);
        row("ticks left out, of those due", &|phases| {
            let sum = |of: fn(&Phase) -> u64| phases.iter().map(of).sum::<u64>();
            format!("{} of {}", sum(Phase::n_skipped), sum(Phase::n_due))
        });
        each("server CPU, %", &|phase| phase.cpu.run.as_secs_f64() / phase.secs * 100.0);
        each("server waited for its core, %", &|phase| phase.wait_share() * 100.0);
        each("CPU µs per delivered message, all", &Phase::gross_us);
        each("CPU µs per delivered message, without the computing", &|phase| {
            phase.net_us(self.work)
        });
        all("lateness of states, ms (p50 / p99 / max)", &|phase| phase.late_us.clone());
        all("ack round trip, ms (p50 / p99 / max)", &|phase| self.answers.within(phase));
        all("pings of Engine.IO late, ms (p50 / p99 / max)", &|phase| phase.ping_late_us.clone());
    }

    /// True if all are kept.
    fn print_bounds(&self) -> bool {
        let pairs = || self.over.iter().zip(&self.within);
        let mut net: Vec<f64> =
            pairs().map(|(a, b)| a.net_us(self.work) / b.net_us(self.work)).collect();
        net.sort_by(f64::total_cmp);
        let gross = pairs().map(|(a, b)| a.gross_us() / b.gross_us()).collect();
        let mut round_trips = merged(&self.over, |phase| self.answers.within(phase));
        let mut within = merged(&self.within, |phase| self.answers.within(phase));
        let [nearly_all, slowest] =
            [0.99, 1.0].map(|q| Duration::from_micros(round_trips.quantile(q)));
        // A tick that the machine made longer makes one ack wait longer, at any rate.
        let usual = Duration::from_micros(within.quantile(1.0));
        let tick = self.work.burn + self.work.fan_out;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;

        println!("\n| bound | measured | kept |\n|---|---|---|");
        let mut are_kept = true;
        let mut bound = |what: &str, measured: &str, is_kept: bool| {
            are_kept &= is_kept;
            println!("| {what} | {measured} | {} |", if is_kept { "yes" } else { "**no**" });
        };
        bound(
            &format!(
                "a message costs at most {MAX_COST_RATIO} times what it does at half the rate"
            ),
            &format!(
                "{} without the computing, {} with it",
                median_and_spread(net.clone()),
                median_and_spread(gross)
            ),
            median(&net) <= MAX_COST_RATIO,
        );
        bound(
            &format!("99 of 100 acks wait for a tick at most ({:.0} ms, and a fifth)", ms(tick)),
            &format!("{:.1} ms", ms(nearly_all)),
            !round_trips.is_empty() && nearly_all <= tick.mul_f64(1.2),
        );
        bound(
            &format!("none waits longer than at half the rate ({:.1} ms, and a fifth)", ms(usual)),
            &format!("{:.1} ms at most", ms(slowest)),
            slowest <= usual.mul_f64(1.2),
        );
        let mut pings = merged(&self.over, |phase| phase.ping_late_us.clone());
        let latest = Duration::from_micros(pings.quantile(1.0));
        bound(
            &format!("a ping waits for two ticks at most ({:.0} ms, and a fifth)", ms(tick * 2)),
            &format!("{:.1} ms at most", ms(latest)),
            !pings.is_empty() && latest <= tick.mul_f64(2.4),
        );
        bound("nobody loses the session", &format!("{} lost", self.n_lost), self.n_lost == 0);
        are_kept
    }
}

fn merged(phases: &[Phase], of: impl Fn(&Phase) -> Sample) -> Sample {
    let mut all = Sample::default();
    for phase in phases {
        all.append(&mut of(phase));
    }
    all
}

/// Those who play.
struct Crowd {
    swarm: Swarm,
    /// When each one's next ping is due, in microseconds since the Unix epoch.
    pings_due_us: Vec<u64>,
    ping_interval_us: u64,
}

impl Crowd {
    fn open(options: &Options, server: &Server) -> Result<Self> {
        let interval = Duration::from_millis(Config::default().engine.ping_interval_ms);
        let ping_interval_us = interval.as_micros() as u64;
        let mut crowd = Self { swarm: Swarm::new()?, pings_due_us: Vec::new(), ping_interval_us };
        let (start, n) = (Instant::now(), options.lobbies * options.players);
        for i in 0..n {
            let room = format!("r{}", i % options.lobbies);
            crowd.pings_due_us.push(now_us() + ping_interval_us);
            crowd.swarm.add(Client::join(server.address, Some(&room), None)?)?;
            let due = interval.mul_f64((i + 1) as f64 / n as f64);
            let left = due.saturating_sub(start.elapsed());
            if !left.is_zero() {
                crowd.turn(left, None)?;
            }
        }
        Ok(crowd)
    }

    /// Ticks at this rate, each of which computes for so long, until enough was seen.
    fn phase(
        &mut self,
        server: &mut Server,
        options: &Options,
        hz: f64,
        burn: Duration,
    ) -> Result<Phase> {
        server.order(&format!("burn {}", burn.as_micros()))?;
        let (lobbies, bytes) = (options.lobbies, options.bytes);
        server.order(&format!("tick {lobbies} {hz} {bytes} 1 {lobbies}"))?;
        self.turn(WARM, None)?;
        let mut phase = Phase {
            start_us: now_us(),
            end_us: 0,
            secs: 0.0,
            cpu: Cpu::default(),
            delivered: 0,
            ticks: BTreeSet::new(),
            late_us: Sample::default(),
            ping_late_us: Sample::default(),
        };
        let (cpu, start) = (server.cpu()?, Instant::now());
        self.turn(Duration::from_secs_f64(options.secs), Some(&mut phase))?;
        phase.cpu = server.cpu()?.since(cpu);
        phase.secs = start.elapsed().as_secs_f64();
        phase.end_us = now_us();
        server.order("stop")?;
        // What was under way is read before the next phase.
        self.turn(WARM, None)?;
        Ok(phase)
    }

    fn turn(&mut self, time: Duration, mut phase: Option<&mut Phase>) -> Result<()> {
        let (pings_due_us, interval) = (&mut self.pings_due_us, self.ping_interval_us);
        self.swarm.turn_for(time, |i, text, now| {
            if text == "2" {
                let due = std::mem::replace(&mut pings_due_us[i], now + interval);
                if let Some(phase) = &mut phase {
                    phase.ping_late_us.add(now.saturating_sub(due));
                }
            } else if let (Some(phase), Some(state)) = (&mut phase, State::read(text)) {
                phase.delivered += 1;
                phase.late_us.add(now.saturating_sub(state.due_us));
                phase.ticks.insert(state.n);
            }
        })
    }
}

/// Sockets that ask for acks all the time.
struct Echoes {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Result<Answers>>,
}

/// When each ack was asked for, and how long it took, in microseconds.
struct Answers {
    answers: Vec<(u64, u64)>,
    n_lost: usize,
}

impl Answers {
    fn within(&self, phase: &Phase) -> Sample {
        let mut sample = Sample::default();
        for (asked, took) in &self.answers {
            if (phase.start_us..phase.end_us).contains(asked) {
                sample.add(*took);
            }
        }
        sample
    }
}

impl Echoes {
    fn start(server: &Server) -> Result<Self> {
        let mut swarm = Swarm::new()?;
        for _ in 0..N_ECHOES {
            swarm.add(Client::join(server.address, None, None)?)?;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let thread = thread::spawn(move || ask(swarm, &until));
        Ok(Self { is_over, thread })
    }

    fn end(self) -> Result<Answers> {
        self.is_over.store(true, Relaxed);
        self.thread.join().map_err(|_| anyhow!("the thread that asks for acks panicked"))?
    }
}

fn ask(mut swarm: Swarm, is_over: &AtomicBool) -> Result<Answers> {
    let (mut asked_us, mut answers) = (Vec::new(), Vec::new());
    let mut next = Instant::now();
    while !is_over.load(Relaxed) {
        swarm.turn(next.saturating_duration_since(Instant::now()), |_, text, now| {
            // The ack's id says which question it answers.
            let id = text.strip_prefix("43").and_then(|rest| rest.split('[').next());
            if let Some(asked) = id.and_then(|id| asked_us.get(id.parse::<usize>().ok()?)) {
                answers.push((*asked, now - asked));
            }
        })?;
        if Instant::now() >= next {
            next += ECHO_PERIOD / N_ECHOES as u32;
            let i = asked_us.len() % N_ECHOES;
            let text = format!("42{}[\"echo\",\"0123456789abcdef\"]", asked_us.len());
            asked_us.push(now_us());
            swarm.clients[i].send(&text);
        }
    }
    Ok(Answers { answers, n_lost: N_ECHOES - swarm.n_open() })
}

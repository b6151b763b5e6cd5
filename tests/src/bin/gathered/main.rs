//! What lobbies cost a server with one shard: many that wait, each with two players of chess, and
//! many whose matches tick. Memory and CPU of the first are those of a server with the same
//! connections before and after they gather; the second says how late ticks were and how much of
//! that the core was somebody else's. Prints tables; fails if a bound is broken.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod relaying;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use parlor_tests::load::{Client, Cpu, Numbers, Server, Swarm};
use serde_json::{Value, json};

/// What a lobby that waits may keep.
const MAX_IDLE_BYTES: f64 = 1024.0 * 1024.0 * 10.0 / 10_000.0;
/// The share of a core that lobbies that wait may use beside what their connections do, in per
/// cent: what two measurements of the same differ by.
const MAX_IDLE_CPU_PCT: f64 = 0.1;
/// Ticks of the game `circles` in a second.
const HZ: f64 = 20.0;
/// The bounds of the histogram of lateness that stand around one period.
const BUCKETS: [&str; 3] = ["0.0128", "0.0256", "0.0512"];
/// How often each player steers.
const STEER_PERIOD: Duration = Duration::from_millis(500);
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<ExitCode> {
    let numbers = Numbers::from_command_line(
        "gathered",
        &[
            ("idle", 9_900.0, "Lobbies that wait, of two (each socket is an open file)"),
            ("idle-secs", 26.0, "Seconds of idleness measured: a ping interval and more"),
            ("matches", 500.0, "Lobbies whose matches tick"),
            ("players", 4.0, "Players in each of these"),
            ("secs", 20.0, "Seconds of ticks"),
            ("relaying", 200.0, "Lobbies of four whose matches tick while every link relays"),
        ],
    );
    let count = |name| numbers.count(name);
    let secs = |name| Duration::from_secs_f64(numbers.number(name));
    let is_light = waiting(count("idle"), secs("idle-secs"))?;
    println!();
    let is_steady = ticking(count("matches"), count("players"), secs("secs"))?;
    println!();
    let is_even = relaying::measure(count("relaying"), secs("secs"))?;
    Ok(if is_light && is_steady && is_even { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lobbies of two in which nobody says anything. True if that costs as little as it may.
fn waiting(n_lobbies: usize, time: Duration) -> Result<bool> {
    let server = Server::start()?;
    let mut crowd = Crowd::open(&server, 2 * n_lobbies)?;
    let (cpu_before, bytes_before) = (crowd.rest(&server, time)?, server.resident_bytes()?);
    crowd.gather(2, "chess")?;
    let bytes = server.resident_bytes()? - bytes_before;
    let cpu = crowd.rest(&server, time)?;
    ensure!(crowd.swarm.n_open() == 2 * n_lobbies, "the server has closed connections");
    let per_lobby = bytes as f64 / n_lobbies as f64;
    let pct = |cpu: Cpu| 100.0 * cpu.run.as_secs_f64() / time.as_secs_f64();
    println!("| {n_lobbies} lobbies of two that wait | before | with them | bound |");
    println!("|---|---|---|---|");
    println!("| memory for each, bytes | – | {per_lobby:.0} | {MAX_IDLE_BYTES:.0} |");
    println!(
        "| CPU, % of a core over {:.0} s | {:.2} | {:.2} | + {MAX_IDLE_CPU_PCT} |",
        time.as_secs_f64(),
        pct(cpu_before),
        pct(cpu)
    );
    Ok(per_lobby <= MAX_IDLE_BYTES && pct(cpu) <= pct(cpu_before) + MAX_IDLE_CPU_PCT)
}

/// Matches of circles, in which everybody steers. True if ticks are late by no more than a period,
/// but where the server waited for its core.
fn ticking(n_lobbies: usize, n_players: usize, time: Duration) -> Result<bool> {
    let server = Server::start()?;
    let mut crowd = Crowd::playing(&server, n_lobbies, n_players)?;

    let (before, cpu_before) = (server.metrics()?, server.cpu()?);
    let start = Instant::now();
    let n_states = crowd.steer(time)?;
    let (cpu, passed) = (server.cpu()?.since(cpu_before), start.elapsed().as_secs_f64());
    let after = server.metrics()?;
    let grown = |name: &str| metric(&after, name) - metric(&before, name);
    let n_ticks = grown("parlor_ticks_total{shard=\"0\"}");
    let within = |le: &str| {
        grown(&format!("parlor_tick_lateness_seconds_bucket{{le=\"{le}\",shard=\"0\"}}"))
    };
    let n_late = n_ticks - within(BUCKETS[2]);
    let n_skipped = grown("parlor_ticks_skipped_total{shard=\"0\"}");

    println!(
        "| {n_lobbies} matches of {n_players} at {HZ:.0} Hz, everybody steers | in {passed:.0} s |"
    );
    println!("|---|---|");
    println!("| ticks played | {n_ticks:.0} of {:.0} |", n_lobbies as f64 * HZ * passed);
    println!("| – left out | {n_skipped:.0} |");
    for le in BUCKETS {
        println!("| – later than {le} s | {:.0} |", n_ticks - within(le));
    }
    println!("| states that arrived | {n_states} |");
    println!("| CPU of the server, % of a core | {:.1} |", 100.0 * cpu.run.as_secs_f64() / passed);
    println!("| – waiting for its core, % | {:.2} |", 100.0 * cpu.wait.as_secs_f64() / passed);
    println!("| CPU for a state, µs | {:.2} |", cpu.run.as_secs_f64() * 1e6 / n_states as f64);
    ensure!(crowd.swarm.n_open() == n_lobbies * n_players, "the server has closed connections");
    // Each time the core is taken for a period, one tick of each match may be late by that.
    let n_excused = n_lobbies as f64 * (cpu.wait.as_secs_f64() * HZ).ceil();
    Ok(n_late + n_skipped <= n_excused)
}

/// A metric of the only shard, as it is called there; zero if it has not been counted yet.
fn metric(all: &BTreeMap<String, f64>, name: &str) -> f64 {
    all.get(name).copied().unwrap_or_default()
}

/// Clients in `/lobby`.
struct Crowd {
    swarm: Swarm,
    n_asked: usize,
    n_answered: usize,
}

/// What is behind an answer's packet type and namespace.
fn answer_in(text: &str) -> Option<&str> {
    text.strip_prefix("43/lobby,1").or_else(|| text.strip_prefix("43/signal,1"))
}

impl Crowd {
    /// So many lobbies in which circles are played.
    fn playing(server: &Server, n_lobbies: usize, n_players: usize) -> Result<Self> {
        let mut crowd = Self::open(server, n_lobbies * n_players)?;
        crowd.gather(n_players, "circles")?;
        for at in 0..n_lobbies * n_players {
            if at % n_players != 0 {
                crowd.ask(at, "ready", &json!({"ready": true}));
            }
        }
        crowd.answers()?;
        (0..n_lobbies).for_each(|lobby| crowd.ask(lobby * n_players, "start", &Value::Null));
        crowd.answers()?;
        let n_playing =
            || -> Result<f64> { Ok(metric(&server.metrics()?, "parlor_ticks_total{shard=\"0\"}")) };
        let deadline = Instant::now() + PATIENCE;
        while n_playing()? < n_lobbies as f64 {
            ensure!(Instant::now() < deadline, "matches do not begin");
            crowd.swarm.turn_for(Duration::from_millis(200), |_, _, _| {})?;
        }
        crowd.swarm.turn_for(Duration::from_secs(2), |_, _, _| {})?;
        Ok(crowd)
    }

    fn open(server: &Server, n: usize) -> Result<Self> {
        let mut swarm = Swarm::new()?;
        for _ in 0..n {
            swarm.add(Client::in_lobby(server.address)?)?;
            // Pings that come meanwhile are answered.
            if swarm.clients.len().is_multiple_of(500) {
                swarm.turn(Duration::ZERO, |_, _, _| {})?;
            }
        }
        Ok(Self { swarm, n_asked: 0, n_answered: 0 })
    }

    fn ask(&mut self, client: usize, name: &str, payload: &Value) {
        self.ask_in("/lobby", client, name, payload);
    }

    fn ask_in(&mut self, namespace: &str, client: usize, name: &str, payload: &Value) {
        self.n_asked += 1;
        self.swarm.clients[client].send(&format!("42{namespace},1{}", json!([name, payload])));
    }

    /// All that were asked for and have not come; by the client's number.
    fn answers(&mut self) -> Result<Vec<(usize, Value)>> {
        let (mut answers, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while self.n_answered < self.n_asked {
            ensure!(Instant::now() < deadline, "{} of {}", self.n_answered, self.n_asked);
            let n_before = answers.len();
            self.swarm.turn(Duration::from_millis(100), |client, text, _| {
                answers.extend(answer_in(text).map(|answer| (client, answer.to_owned())));
            })?;
            self.n_answered += answers.len() - n_before;
        }
        let read = |(client, answer): (usize, String)| {
            let [answer]: [Value; 1] = serde_json::from_str(&answer)?;
            if answer["ok"] != true {
                bail!("client {client}: {answer}");
            }
            Ok((client, answer))
        };
        answers.into_iter().map(read).collect()
    }

    /// So many each are in a lobby of their own; the first of them has opened it.
    fn gather(&mut self, n_players: usize, game: &str) -> Result<()> {
        let n_lobbies = self.swarm.clients.len() / n_players;
        let all: Vec<usize> = (0..n_lobbies).collect();
        for some in all.chunks(250) {
            for lobby in some {
                self.ask(lobby * n_players, "create", &json!({"game": game, "name": "Player 0"}));
            }
            for (host, answer) in self.answers()? {
                for seat in 1..n_players {
                    let name = format!("Player {seat}");
                    let join = json!({"code": answer["lobby"]["code"], "name": name});
                    self.ask(host + seat, "join", &join);
                }
            }
            self.answers()?;
        }
        Ok(())
    }

    /// Nobody does anything: what the server uses then.
    fn rest(&mut self, server: &Server, time: Duration) -> Result<Cpu> {
        self.swarm.turn_for(Duration::from_secs(1), |_, _, _| {})?;
        let before = server.cpu()?;
        self.swarm.turn_for(time, |_, _, _| {})?;
        Ok(server.cpu()?.since(before))
    }

    /// Everybody steers now and then, a few at a time; the states that arrive.
    fn steer(&mut self, time: Duration) -> Result<u64> {
        let mut n_states = 0;
        self.steer_and(
            time,
            |_, _| {},
            |text| {
                n_states += u64::from(text.starts_with("42/lobby,[\"state\""));
            },
        )?;
        Ok(n_states)
    }

    /// The same beside something else, which is told how long it has been; each text that comes.
    fn steer_and(
        &mut self,
        time: Duration,
        mut beside: impl FnMut(&mut Self, Duration),
        mut on: impl FnMut(&str),
    ) -> Result<()> {
        let (start, n_clients) = (Instant::now(), self.swarm.clients.len());
        let mut n_steered = 0;
        while start.elapsed() < time {
            beside(self, start.elapsed());
            let periods = start.elapsed().as_secs_f64() / STEER_PERIOD.as_secs_f64();
            let n_due = (periods * n_clients as f64) as usize;
            for at in n_steered..n_due {
                let x = (at % 21) as f64 / 10.0 - 1.0;
                let action = json!(["action", {"type": "steer", "x": x, "y": 1.0 - x.abs()}]);
                self.swarm.clients[at % n_clients].send(&format!("42/lobby,{action}"));
            }
            n_steered = n_due;
            self.swarm.turn(Duration::from_millis(2), |_, text, _| on(text))?;
        }
        Ok(())
    }
}

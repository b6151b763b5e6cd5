//! Matches that tick while every link between their players relays, beside the same matches while
//! none does: half of the frames arrive in order, of the others only the newest counts.

use super::*;

/// Players in each lobby, each linked with each.
const N_PLAYERS: usize = 4;
/// How often each end of a link sends a frame.
const FRAME_PERIOD: Duration = Duration::from_millis(100);
/// Bytes of a frame's payload.
const PAYLOAD: [u8; 64] = [7; 64];
/// How often either is measured, in turn.
const N_ROUNDS: usize = 3;
/// By how much lateness may grow, in seconds: a fifth of a period.
const MAX_GROWTH: f64 = 0.2 / HZ;

/// What came of some seconds of ticks.
#[derive(Default)]
struct Round {
    /// Ticks by how late they were at most, in seconds.
    late: Vec<(f64, f64)>,
    n_ticks: f64,
    n_skipped: f64,
    cpu: Cpu,
    n_sent: u64,
    n_arrived: u64,
    n_refused: u64,
}

/// True if ticks are later by no more than they may be while everybody relays.
pub(super) fn measure(n_lobbies: usize, time: Duration) -> Result<bool> {
    let server = Server::start()?;
    let mut crowd = Crowd::playing(&server, n_lobbies, N_PLAYERS)?;
    let ends = link(&mut crowd)?;
    let [mut still, mut relaying] = [Round::default(), Round::default()];
    for _ in 0..N_ROUNDS {
        still.add(&round(&server, &mut crowd, time / N_ROUNDS as u32, &[])?);
        relaying.add(&round(&server, &mut crowd, time / N_ROUNDS as u32, &ends)?);
    }
    ensure!(crowd.swarm.n_open() == n_lobbies * N_PLAYERS, "the server has closed connections");
    let secs = time.as_secs_f64();
    println!("| {n_lobbies} matches of {N_PLAYERS} at {HZ:.0} Hz | still | every link relays |");
    println!("|---|---|---|");
    let row = |name: &str, of: &dyn Fn(&Round) -> String| {
        println!("| {name} | {} | {} |", of(&still), of(&relaying));
    };
    row("ticks played", &|round| format!("{:.0}", round.n_ticks));
    row("– left out", &|round| format!("{:.0}", round.n_skipped));
    row("lateness p50 / p99, ms", &|round| {
        format!("{:.2} / {:.2}", 1e3 * round.quantile(0.5), 1e3 * round.quantile(0.99))
    });
    row("frames relayed in a second", &|round| format!("{:.0}", round.n_arrived as f64 / secs));
    row("– refused or lost", &|round| format!("{}", round.n_sent - round.n_arrived));
    row("CPU of the server, % of a core", &|round| {
        format!("{:.1}", 100.0 * round.cpu.run.as_secs_f64() / secs)
    });
    row("– waiting for its core, %", &|round| {
        format!("{:.2}", 100.0 * round.cpu.wait.as_secs_f64() / secs)
    });
    let growth = relaying.quantile(0.99) - still.quantile(0.99);
    println!("| growth of p99, ms | – | {:.2}, bound {:.0} |", 1e3 * growth, 1e3 * MAX_GROWTH);
    ensure!(relaying.n_refused == 0, "{} frames were over a budget", relaying.n_refused);
    // A volatile frame may be dropped where its receiver is slow; a reliable one never is.
    ensure!(relaying.n_arrived * 2 >= relaying.n_sent, "reliable frames are lost");
    Ok(growth <= MAX_GROWTH)
}

/// All become peers: each end of each link, as the client and the link's number.
fn link(crowd: &mut Crowd) -> Result<Vec<(usize, u64)>> {
    let n_clients = crowd.swarm.clients.len();
    let mut ends = Vec::new();
    for some in (0..n_clients).collect::<Vec<_>>().chunks(200) {
        for at in some {
            crowd.swarm.clients[*at].send("40/signal,");
            crowd.ask(*at, "peer", &Value::Null);
        }
        for (at, answer) in crowd.answers()? {
            crowd.ask_in("/signal", at, "join", &json!({"token": answer["token"]}));
        }
        let answers = crowd.answers()?;
        let number = |of: &Value| of.as_u64().unwrap_or_default();
        let lobby = |at: usize| at / N_PLAYERS;
        let known: BTreeMap<(usize, u64), usize> = answers
            .iter()
            .map(|(at, joined)| ((lobby(*at), number(&joined["peer"])), *at))
            .collect();
        for (at, joined) in &answers {
            for link in joined["links"].as_array().into_iter().flatten() {
                let other = known.get(&(lobby(*at), number(&link["peer"])));
                ends.extend([*at, *other.unwrap_or(at)].map(|at| (at, number(&link["link"]))));
            }
        }
    }
    let n_links = n_clients / N_PLAYERS * N_PLAYERS * (N_PLAYERS - 1) / 2;
    ensure!(ends.len() == 2 * n_links, "{} ends of {n_links} links", ends.len());
    Ok(ends)
}

/// Some seconds of ticks in which these ends of links send frames.
fn round(
    server: &Server,
    crowd: &mut Crowd,
    time: Duration,
    ends: &[(usize, u64)],
) -> Result<Round> {
    let (before, cpu_before) = (server.metrics()?, server.cpu()?);
    let mut round = Round::default();
    let mut n_sent = 0;
    let send = |crowd: &mut Crowd, passed: Duration| {
        let n_due = passed.as_secs_f64() / FRAME_PERIOD.as_secs_f64() * ends.len() as f64;
        for at in n_sent..n_due as usize {
            let (client, link) = ends[at % ends.len()];
            send_frame(crowd, client, link, at / ends.len());
        }
        n_sent = n_sent.max(n_due as usize);
    };
    let is_frame = |text: &str| text.starts_with("451-/signal,");
    let is_refused = |text: &str| text.starts_with("42/signal,[\"refused\"");
    crowd.steer_and(time, send, |text| {
        round.n_arrived += u64::from(is_frame(text));
        round.n_refused += u64::from(is_refused(text));
    })?;
    round.cpu = server.cpu()?.since(cpu_before);
    let after = server.metrics()?;
    // What was sent last is still under way.
    crowd.swarm.turn_for(Duration::from_millis(300), |_, text, _| {
        round.n_arrived += u64::from(is_frame(text));
    })?;
    round.n_sent = n_sent as u64;
    let grown = |name: &str| metric(&after, name) - metric(&before, name);
    round.n_ticks = grown("parlor_ticks_total{shard=\"0\"}");
    round.n_skipped = grown("parlor_ticks_skipped_total{shard=\"0\"}");
    let bucket = |name: &String| {
        let le = name.strip_prefix("parlor_tick_lateness_seconds_bucket{le=\"")?;
        let le = le.split('"').next()?.parse().ok().filter(|le: &f64| le.is_finite())?;
        Some((le, grown(name)))
    };
    round.late = after.keys().filter_map(bucket).collect();
    round.late.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(round)
}

/// The n-th frame of one end of a link: in turn one that arrives, and one of which the newest
/// counts.
fn send_frame(crowd: &mut Crowd, client: usize, link: u64, n: usize) {
    let (name, kind) = if n.is_multiple_of(2) { ("reliable", 4) } else { ("volatile", 5) };
    let mut frame = [0; 12 + PAYLOAD.len()];
    (frame[0], frame[11]) = (kind, 1);
    frame[4..8].copy_from_slice(&(n as u32).to_be_bytes());
    frame[12..].copy_from_slice(&PAYLOAD);
    let text = format!("451-/signal,[\"{name}\",{link},{{\"_placeholder\":true,\"num\":0}}]");
    crowd.swarm.clients[client].send_binary(&text, &frame);
}

impl Round {
    fn add(&mut self, other: &Self) {
        if self.late.is_empty() {
            self.late = other.late.iter().map(|(le, _)| (*le, 0.0)).collect();
        }
        for (sum, one) in self.late.iter_mut().zip(&other.late) {
            sum.1 += one.1;
        }
        self.n_ticks += other.n_ticks;
        self.n_skipped += other.n_skipped;
        self.cpu.run += other.cpu.run;
        self.cpu.wait += other.cpu.wait;
        self.n_sent += other.n_sent;
        self.n_arrived += other.n_arrived;
        self.n_refused += other.n_refused;
    }

    /// How late a share `q` of all ticks is at most, in seconds: between the bounds of its bucket
    /// as if those in it were spread evenly.
    fn quantile(&self, q: f64) -> f64 {
        let wanted = q * self.n_ticks;
        let (mut low, mut n_below) = (0.0, 0.0);
        for (le, n) in &self.late {
            if *n >= wanted {
                return low + (le - low) * (wanted - n_below) / (n - n_below).max(1.0);
            }
            (low, n_below) = (*le, *n);
        }
        f64::INFINITY
    }
}

//! Worlds of several shards, their sessions and random clients on one thread, in virtual time, all
//! from one seed. Clients lose connections, stop reading, come back elsewhere, play and
//! broadcast; an oracle beside the server says after each step what must hold.

mod agenda;
mod arrivals;
mod chance;
mod client;
mod handlers;
mod kept;
mod network;
mod oracle;
mod plan;
mod queues;
mod secrets;
mod seen;
mod server;
mod trace;
mod turns;
mod wires;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use parlor_core::{
    engine_io::SessionInput,
    key::{ConnectionKey, SessionKey, Table},
    lobby::game::Random,
    time::Time,
};

use agenda::{Agenda, Happening};
use chance::Chance as _;
use client::Client;
use network::Connection;
use oracle::Oracle;
pub use oracle::{Broken, Invariant};
use plan::Plan;
use server::Shard;
pub use trace::Trace;
use wires::Wires;

/// Longer than anything is kept without a client: places (those of chess longest), polls that never
/// come, questions, and events for clients that come back.
const AFTERWARDS: Duration = Duration::from_secs(480);
/// A run is some tens of thousands of steps; one that does not end goes round in circles.
const MAX_STEPS: u64 = 5_000_000;

/// The simulated servers and their clients.
#[derive(Debug)]
pub struct Sim {
    now: Time,
    plan: Plan,
    random: Random,
    agenda: Agenda,
    shards: Vec<Shard>,
    wires: Wires,
    clients: Vec<Client>,
    connections: Table<ConnectionKey, Connection>,
    /// Where each client's session of each epoch is.
    sids: BTreeMap<(usize, u32), (usize, SessionKey)>,
    /// Codes of lobbies, as players tell them each other.
    codes: Vec<String>,
    /// What handlers have emitted and asked: each has its number.
    n_emitted: u64,
    /// What players have said: as well.
    n_said: u64,
    n_inputs: u64,
    oracle: Oracle,
    trace: Trace,
    is_ending: bool,
}

/// Where a run ended that broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which invariant, and what was seen.
    pub broken: Broken,
    /// After so many steps.
    pub step: u64,
    /// In virtual time.
    pub at: Duration,
}

/// Runs one seed, telling each step if asked to.
///
/// # Errors
/// The first invariant that was broken.
pub fn run(seed: u64, is_told: bool) -> Result<Trace, Failure> {
    let mut sim = Sim::new(seed, is_told);
    let panicked = catch_unwind(AssertUnwindSafe(|| sim.go())).err();
    if let Some(panic) = panicked {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        sim.oracle.broken(Invariant::Panic, words.unwrap_or("without words").to_owned());
    }
    match sim.oracle.first {
        None => Ok(sim.trace),
        Some(broken) => {
            let (step, at) = (sim.trace.n_steps, sim.now.since_start());
            Err(Failure { broken, step, at })
        }
    }
}

impl Sim {
    fn new(seed: u64, is_told: bool) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::of(&mut random);
        let trace = Trace::new(seed, is_told);
        trace.tell(Time::ZERO, || format!("{plan:?}"));
        let mut agenda = Agenda::default();
        for n in 0..plan.n_clients {
            agenda.note(Time::ZERO, Happening::Wake(n));
        }
        Self {
            now: Time::ZERO,
            agenda,
            shards: plan.shards.iter().map(|own| Shard::new(&plan, *own, seed)).collect(),
            wires: Wires::default(),
            clients: (0..plan.n_clients).map(|_| Client::new(&mut random)).collect(),
            connections: Table::default(),
            sids: BTreeMap::new(),
            codes: Vec::new(),
            n_emitted: 0,
            n_said: 0,
            n_inputs: 0,
            oracle: Oracle::new(&plan, server::owners(seed)),
            trace,
            is_ending: false,
            random,
            plan,
        }
    }

    /// Plays until the last act is over, then lets everybody go.
    fn go(&mut self) {
        let [.., end] = self.plan.acts;
        self.until(end);
        self.is_ending = true;
        for n in 0..self.clients.len() {
            self.agenda.note(self.now, Happening::Wake(n));
        }
        self.until(end + AFTERWARDS);
        self.check_end();
    }

    fn until(&mut self, end: Time) {
        while self.oracle.first.is_none()
            && let Some((at, happening)) = self.agenda.next(end)
        {
            self.now = at;
            self.trace.n_steps += 1;
            if self.trace.n_steps > MAX_STEPS {
                let what = "the run does not end".to_owned();
                return self.oracle.broken(Invariant::Deadlines, what);
            }
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(n) => self.wake(n),
            Happening::Hurry(n) => self.hurry(n),
            Happening::Say { client, epoch, packet } => self.say_later(client, epoch, &packet),
            Happening::Open { client, epoch } => self.open_arrives(client, epoch),
            Happening::Get { client, epoch } => self.get_arrives(client, epoch),
            Happening::GetAborted { client, epoch } => self.get_aborted(client, epoch),
            Happening::Post { client, epoch, body } => {
                self.post_arrives(client, epoch, body.as_deref());
            }
            Happening::Answered { client, epoch, body } => {
                self.answered(client, epoch, body.as_deref());
            }
            Happening::Posted { client, epoch, accepted } => self.posted(client, epoch, accepted),
            Happening::OpenCandidate { client, epoch } => self.candidate_arrives(client, epoch),
            Happening::Up(connection, up) => self.up_arrives(connection, &up),
            Happening::Read(connection) => self.read(connection),
            Happening::Writable(connection) => self.writable(connection),
            Happening::Turn(at) => self.turn(at),
            Happening::Batch { from, to } => self.batch_arrives(from, to),
            Happening::Wish(at, wishes) => self.wish_arrives(at, wishes),
            Happening::Act(at, namespace, socket) => self.act_arrives(at, namespace, socket),
            Happening::Early(at, key) => _ = self.tell(at, key, SessionInput::Timeout, None),
        }
    }

    /// After each turn of a shard.
    fn check_shard(&mut self, at: usize) {
        self.oracle.check_due(self.now, at);
        let world = &self.shards[at].world;
        if !world.lobbies().is_consistent() {
            self.oracle.broken(Invariant::Tables, format!("lobbies of shard {at} disagree"));
        }
        let sockets = world.socket_io();
        if !sockets.is_consistent() {
            self.oracle.broken(Invariant::Tables, format!("sockets of shard {at} disagree"));
        }
        let may_return = sockets.n_parked() > 0
            || sockets.n_journal_bytes() > 0
            || self.oracle.returns.are_some_moving(self.now);
        if sockets.n_clients() == 0
            && !may_return
            && (sockets.n_sockets() > 0 || sockets.deadline().is_some())
        {
            let what = format!("shard {at} has no clients, but sockets or deadlines");
            self.oracle.broken(Invariant::Deadlines, what);
        }
        if world.is_empty() && sockets.n_journal_bytes() == 0 && world.deadline().is_some() {
            self.oracle.broken(Invariant::Deadlines, format!("shard {at} is empty, but waits"));
        }
        if sockets.n_clients() > self.shards[at].sessions.len() {
            self.oracle.broken(Invariant::Tables, format!("shard {at} knows dead sessions"));
        }
        if self.random.one_in(40)
            && let Some((key, _)) = self.shards[at].sessions.iter().next()
        {
            // One with nothing due is harmless.
            self.agenda.note(self.now, Happening::Early(at, key));
        }
    }

    fn check_end(&mut self) {
        if self.oracle.first.is_some() {
            return;
        }
        self.oracle.check_end(self.now);
        for (at, shard) in self.shards.iter().enumerate() {
            let world = &shard.world;
            let n_sessions = shard.sessions.len();
            let sockets = world.socket_io();
            let n_kept = sockets.n_parked() + sockets.n_journal_bytes() + sockets.n_moved();
            if !world.is_empty() || world.deadline().is_some() || n_sessions + n_kept > 0 {
                let n_lobbies = world.lobbies().len();
                let n_sockets = world.socket_io().n_sockets();
                let what = format!(
                    "shard {at}: {n_sessions} sessions, {n_sockets} sockets, {n_lobbies} lobbies, \
                     {n_kept} kept, next deadline: {:?}",
                    world.deadline()
                );
                self.oracle.broken(Invariant::LeftBehind, what);
            }
        }
        if !self.wires.is_empty() {
            self.oracle.broken(Invariant::LeftBehind, "something on the wires".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_trace_and_another_gives_another() {
        let run = |seed| run(seed, false).unwrap();
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).hash, run(8).hash);
    }
}

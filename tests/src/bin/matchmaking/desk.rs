//! How long a turn of a shard takes on which many wait while matches tick: whatever is due in such
//! a turn is late by as much. A whole shard without its sockets, in virtual time: each run does the
//! same in every turn, and the shortest time of each turn is what it takes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parlor_core::{
    World, WorldSettings,
    close::CloseReason,
    cluster::Neighbours,
    effect::{Effect, Effects},
    ids::REFILL,
    input::Input,
    key::{Key as _, Origin, SessionKey, SocketKey},
    lobby::{Games, LobbySettings, Policy},
    matchmaker::{MatchmakerSettings, queue::Queue},
    signaling::SignalSettings,
    socket_io::RecoverySettings,
    time::Time,
};
use serde_json::json;

use crate::people::queue;

/// One turn: nothing else on its shard is later than that by matchmaking.
const MAX_TURN: Duration = Duration::from_millis(5);
/// The time that passes in a turn when another one is due at once.
const TURN: Duration = Duration::from_millis(1);
/// For so long it is watched.
const WATCHED: Duration = Duration::from_secs(32);
const ROUNDS: usize = 3;
const LOBBIES: u32 = 50;
const SEATS: u32 = 4;

/// Prints a row for each kind of queue; true if no turn is too long.
pub(crate) fn turns(n_waiting: u32) -> bool {
    let rating = json!({"kind": "difference", "attribute": "level", "within": 100,
        "grow": {"by": 25, "every_ms": 1000, "limit": 400}});
    let own = json!({"kind": "equal", "attribute": "own", "optional_after_ms": 3_600_000});
    let kinds = [
        ("nobody", 0, json!({"rules": [rating]})),
        ("all fit, and nobody comes to the lobbies", n_waiting, json!({"rules": [rating]})),
        (
            "all fit, are asked, and nobody answers",
            n_waiting,
            json!({"rules": [rating], "accept_ms": 10_000}),
        ),
        (
            "nobody fits, and all give up at once",
            n_waiting,
            json!({"rules": [rating, own], "give_up_ms": 30_000}),
        ),
        ("nobody fits, and all connections are lost", n_waiting, json!({"rules": [rating, own]})),
    ];
    println!(
        "| who waits beside {LOBBIES} matches of {SEATS} | tickets | to create one, µs | turns | \
         together, ms | p99, ms | longest, ms |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut is_kept = true;
    for (name, n_tickets, written) in kinds {
        let queue = queue(written);
        let run = || Rig::run(&queue, n_tickets, name.ends_with("lost"));
        let Run { created, mut turns } = (1..ROUNDS).map(|_| run()).fold(run(), Run::shortest);
        turns.sort_unstable();
        let ms =
            |share: f64| turns[((turns.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "| {name} | {n_tickets} | {:.2} | {} | {:.0} | {:.2} | {:.2} |",
            created.as_secs_f64() * 1e6 / f64::from(n_tickets.max(1)),
            turns.len(),
            turns.iter().sum::<Duration>().as_secs_f64() * 1e3,
            ms(0.99),
            ms(1.0)
        );
        is_kept &= turns.last().is_none_or(|longest| *longest <= MAX_TURN);
    }
    println!("\nBound: {} ms for a turn.", MAX_TURN.as_millis());
    is_kept
}

struct Run {
    created: Duration,
    turns: Vec<Duration>,
}

impl Run {
    fn shortest(self, other: Self) -> Self {
        assert_eq!(self.turns.len(), other.turns.len(), "each run is the same");
        let both = self.turns.into_iter().zip(other.turns);
        let turns = both.map(|(one, other)| one.min(other)).collect();
        Self { created: self.created.min(other.created), turns }
    }
}

/// A shard whose sockets take everything.
struct Rig {
    world: World,
    now: Time,
    n_ids: u64,
    log: Log,
}

#[derive(Default)]
struct Log {
    connecting: Vec<SocketKey>,
    /// The last frame for a session.
    last: String,
    is_read: bool,
}

impl Effects for Log {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Connecting { socket, .. } => self.connecting.push(socket),
            Effect::Send(_, frame, _) if self.is_read => {
                self.last = String::from_utf8_lossy(frame.wire()).into_owned();
            }
            _ => {}
        }
    }
}

impl Rig {
    fn run(queue: &Arc<Queue>, n_tickets: u32, are_lost: bool) -> Run {
        let mut rig = Self::new(queue);
        (0..LOBBIES).for_each(|i| rig.play(i * SEATS));
        let created = Instant::now();
        let first = LOBBIES * SEATS;
        for i in first..first + n_tickets {
            rig.enter(i, "0/matchmaking,");
            let level = u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44 & 0xfff;
            let attributes = json!({"level": level, "own": i.to_string()});
            let create = json!(["create", {"queue": "bench", "attributes": attributes}]);
            rig.text(i, &format!("2/matchmaking,1{create}"));
        }
        let created = created.elapsed();
        if are_lost {
            for i in first..first + n_tickets {
                let key = SessionKey::new(i, 0);
                rig.input(Input::Closed(key, CloseReason::TransportClose));
            }
        }
        let end = rig.now + WATCHED;
        let mut turns = Vec::new();
        while let Some(due) = rig.world.deadline().filter(|due| *due < end) {
            rig.now = if due > rig.now { due } else { rig.now + TURN };
            if rig.now >= end {
                break;
            }
            rig.refill();
            let start = Instant::now();
            rig.world.handle(rig.now, Input::Timeout, &mut rig.log);
            turns.push(start.elapsed());
        }
        Run { created, turns }
    }

    fn new(queue: &Arc<Queue>) -> Self {
        let mut games = Games::default();
        games.register::<parlor_games::Circles>("circles");
        games.register::<parlor_games::Chess>("chess");
        let lobbies = LobbySettings {
            games,
            max_lobbies: 200_000,
            policy: Policy::without_countdown().into(),
            ..Default::default()
        };
        let queues = vec![Arc::clone(queue)];
        let world = World::new(WorldSettings {
            neighbours: Neighbours::alone(1),
            namespaces: vec!["/".to_owned()],
            dynamic: Default::default(),
            listeners: Default::default(),
            connect_timeout: Duration::from_secs(10),
            attachments_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            hash_seed: 1,
            recovery: RecoverySettings::default(),
            lobbies: Some(lobbies),
            signaling: Some(SignalSettings::default()),
            matchmaking: Some(MatchmakerSettings { queues, ..Default::default() }),
        });
        let now = Time::after_start(Duration::from_secs(1));
        Self { world, now, n_ids: 0, log: Log::default() }
    }

    /// A match of so many, from this session on.
    fn play(&mut self, first: u32) {
        (first..first + SEATS).for_each(|i| self.enter(i, "0/lobby,"));
        self.log.is_read = true;
        self.text(first, r#"2/lobby,1["create",{"game":"circles","name":"a"}]"#);
        self.log.is_read = false;
        let code =
            self.log.last.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let code = code.expect("the lobby's code").to_owned();
        for i in first + 1..first + SEATS {
            let join = json!(["join", {"code": code, "name": format!("p{i}")}]);
            self.text(i, &format!("2/lobby,1{join}"));
        }
        for i in first..first + SEATS {
            self.text(i, r#"2/lobby,2["ready",{"ready":true}]"#);
        }
        self.text(first, r#"2/lobby,3["start"]"#);
    }

    fn enter(&mut self, session: u32, connect: &str) {
        self.input(Input::Opened(SessionKey::new(session, 0), Origin(u64::from(session) + 1)));
        self.text(session, connect);
        for socket in std::mem::take(&mut self.log.connecting) {
            self.input(Input::Admit(socket));
        }
    }

    fn text(&mut self, session: u32, text: &str) {
        self.input(Input::Text(SessionKey::new(session, 0), text));
    }

    fn input(&mut self, input: Input<'_>) {
        self.refill();
        self.world.handle(self.now, input, &mut self.log);
    }

    fn refill(&mut self) {
        while self.world.wants_ids() {
            let ids = (0..REFILL).map(|_| {
                self.n_ids += 1;
                let mut id = [0; 18];
                // Codes of lobbies are made of an id's first bytes.
                let mixed = self.n_ids.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                id[..8].copy_from_slice(&mixed.to_le_bytes());
                id[8..16].copy_from_slice(&self.n_ids.to_le_bytes());
                id
            });
            let ids = ids.collect();
            self.world.handle(self.now, Input::Ids(ids), &mut self.log);
        }
    }
}

//! What a seed decides before anything happens: how many shards, how patient they are, how far
//! away the clients, how slow the wires.

use std::{sync::Arc, time::Duration};

use parlor_core::{
    engine_io::Settings,
    key::ShardId,
    lobby::{Policy, game::Random},
    signaling::SignalSettings,
    socket_io::RecoverySettings,
    time::Time,
};

use parlor_shared::api::signal::Budget;

use super::{chance::Chance as _, kept::KEPT, queues::Queues};

/// A place is kept so long at least: while no match is on, and in most games.
pub(super) const GRACE: Duration = Duration::from_secs(60);
/// How long a listing waits for other shards.
pub(super) const LIST_TIMEOUT: Duration = Duration::from_secs(2);
/// A limit that no run reaches.
pub(super) const LARGE: usize = 1 << 30;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) shards: Vec<ShardId>,
    pub(super) n_clients: usize,
    pub(super) session: Arc<Settings>,
    pub(super) connect_timeout: Duration,
    pub(super) max_lobbies: usize,
    pub(super) lobbies: Policy,
    pub(super) recovery: RecoverySettings,
    pub(super) signaling: SignalSettings,
    pub(super) queues: Queues,
    /// A batch takes at most so long from shard to shard.
    pub(super) wire_ms: u64,
    /// A turn ends at most so long after what happened in it.
    pub(super) turn_us: u64,
    /// A deadline is fired at most so late.
    pub(super) late_ms: u64,
    /// A packet takes at most so long from a client to the server or back.
    pub(super) latency_ms: u64,
    /// When clients do much, little and much again.
    pub(super) acts: [Time; 3],
}

impl Plan {
    pub(super) fn of(random: &mut Random) -> Self {
        let n_shards = random.pick(&[1, 2, 2, 3, 3, 4]);
        let n_per_node = if random.one_in(3) { 2 } else { 4 };
        let shard = |i: u8| ShardId { node: i / n_per_node, shard: i % n_per_node };
        let seconds = |random: &mut Random, low: u64, high: u64| random.ms(low * 1000, high * 1000);
        let mut session = Settings {
            ping_interval: seconds(random, 2, 25),
            ping_timeout: seconds(random, 1, 20),
            upgrade_timeout: seconds(random, 1, 10),
            max_payload: random.between(10_000, 60_000) as usize,
            max_queue_bytes: random.between(6_000, 90_000) as usize,
            max_burst_bytes: 0,
            max_queue_packets: Settings::default().max_queue_packets,
            max_volatile_keys: 8,
            write_stall_timeout: seconds(random, 2, 10),
            close_timeout: seconds(random, 2, 30),
        };
        // One run in four is generous.
        if session.max_queue_bytes.is_multiple_of(4) {
            session.max_burst_bytes = 60_000;
        }
        if session.max_payload.is_multiple_of(4) {
            session.max_volatile_keys = 256;
        }
        let window = seconds(random, 4, 15);
        let tight = random.one_in(4);
        let recovery = RecoverySettings {
            namespaces: vec![KEPT],
            window,
            max_events: random.pick(&[2, 100, 1_000]),
            max_bytes: random.pick(&[10_000, 300_000]),
            max_journal_bytes: if tight { 30_000 } else { LARGE },
            // What was sent behind a ping is confirmed by the next one's pong, and each pong may
            // take twice the timeout; an upgrade costs another interval.
            max_age: window + 2 * session.ping_interval + 4 * session.ping_timeout,
            max_sockets: if tight { 3 } else { LARGE },
            max_sockets_per_origin: if tight { 2 } else { LARGE },
        };
        let busy = seconds(random, 10, 20);
        let calm = busy + seconds(random, 20, 90);
        let end = calm + seconds(random, 10, 20);
        let queues = Queues::of(random);
        // There is room for whoever finds a match, where many seek one.
        let max_lobbies = random.between(2, 6) as usize * if queues.are_eager { 4 } else { 1 };
        Self {
            shards: (0..n_shards).map(shard).collect(),
            n_clients: random.between(8, 14) as usize,
            session: Arc::new(session),
            connect_timeout: seconds(random, 3, 15),
            max_lobbies,
            lobbies: Policy {
                countdown: Duration::from_millis(random.pick(&[0, 0, 500, 3_000])),
                finished: seconds(random, 5, 60),
                open_timeout: seconds(random, 60, 3_600),
                max_match: seconds(random, 30, 3_600),
                ..Policy::default()
            },
            recovery,
            signaling: signaling(random),
            queues,
            wire_ms: random.pick(&[1, 20, 150]),
            turn_us: random.pick(&[0, 200, 5_000]),
            late_ms: random.pick(&[0, 0, 10, 250, 400]),
            latency_ms: random.pick(&[2, 30, 200]),
            acts: [busy, calm, end].map(Time::after_start),
        }
    }

    /// The longest that a deadline can be late.
    pub(super) fn latest(&self) -> Duration {
        Duration::from_millis(self.late_ms + 1) + Duration::from_micros(self.turn_us)
    }

    /// Longer than a question to another shard and its answer take, with whatever is late.
    pub(super) fn slack(&self) -> Duration {
        let turns = Duration::from_micros(4 * self.turn_us);
        Duration::from_millis(3 * self.wire_ms + 2 * self.late_ms + 100) + turns
    }

    /// How long until a client does the next thing.
    pub(super) fn pause(&self, now: Time, random: &mut Random) -> Option<Duration> {
        let [busy, calm, end] = self.acts;
        if now < busy || (calm..end).contains(&now) {
            Some(random.ms(20, 500))
        } else if now < calm {
            Some(random.ms(500, if self.queues.are_eager { 4_000 } else { 12_000 }))
        } else {
            None
        }
    }
}

/// How peers are linked: in one run of four they may send each other little.
fn signaling(random: &mut Random) -> SignalSettings {
    let mut settings = SignalSettings {
        max_peers: random.pick(&[2, 3, 16, 16]),
        away_timeout: random.ms(4_000, 30_000),
        ..SignalSettings::default()
    };
    if random.one_in(4) {
        settings.budget = Budget {
            link: random.pick(&[400, 1_000]),
            player: random.pick(&[500, 2_000]),
            lobby: random.pick(&[1_000, 2_500]),
        };
    }
    settings
}

//! Players as a queue has them: ratings around 1500, regions, maps, and the same each time.

use std::{sync::Arc, time::Duration};

use parlor_core::{
    matchmaker::{
        pool::{Attribute, Candidate, MemberTraits, TicketKey},
        queue::Queue,
    },
    time::Time,
};
use serde_json::{Value, json};

const REGIONS: [&str; 5] = ["eu", "us", "as", "sa", "oc"];
const MAPS: [&str; 4] = ["a", "b", "c", "d"];

/// A queue of this declaration.
pub(crate) fn queue(mut written: Value) -> Arc<Queue> {
    let table = written.as_object_mut().expect("it is a table");
    table.entry("name").or_insert(json!("bench"));
    table.entry("game").or_insert(json!("chess"));
    Arc::new(serde_json::from_value(written).expect("it is right"))
}

/// Draws players.
#[derive(Debug)]
pub(crate) struct People(u64);

impl People {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.share() * n as f64) as usize
    }

    /// Normal around 1500, by 300.
    pub(crate) fn rating(&mut self) -> f32 {
        let (radius, angle) = ((-2.0 * (1.0 - self.share()).ln()).sqrt(), self.share());
        (1500.0 + 300.0 * radius * (std::f64::consts::TAU * angle).cos()) as f32
    }

    /// A ticket that has waited for 0 to 10 s, one in a thousand for 70.
    pub(crate) fn ticket(&mut self, queue: &Queue, key: u32, now: Time) -> Candidate {
        let size = match queue.largest_party() {
            1 => 1,
            _ if queue.players.is_some() => 1,
            most => [1, 1, 1, 1, 1, 2, 2, 3][self.below(8)].min(most),
        };
        let rating = self.rating();
        let waited = if self.below(1000) == 0 { 70.0 } else { 10.0 * self.share() };
        let home = self.below(REGIONS.len());
        let latency = |i: usize| if i == home { 30 } else { 60 + 25 * i as u32 };
        let latencies = REGIONS.iter().enumerate().map(|(i, name)| ((*name).into(), latency(i)));
        let map = self.below(MAPS.len());
        let maps = [MAPS[map], MAPS[(map + 1) % MAPS.len()]];
        let member = |i: u64| MemberTraits {
            player: u64::from(key) << 8 | i,
            address: u64::from(key) + 1,
            rating: rating + 20.0 * i as f32,
            deviation: 60.0,
            avoid: Vec::new(),
        };
        Candidate {
            key: TicketKey(key),
            since: before(now, waited),
            members: (0..size as u64).map(member).collect(),
            attributes: vec![
                ("maps".into(), Attribute::Texts(maps.map(Into::into).into())),
                ("own".into(), Attribute::Text(key.to_string().into())),
            ],
            latencies: latencies.collect(),
        }
    }

    /// One who wants a map that nobody else does.
    pub(crate) fn lone(&mut self, queue: &Queue, key: u32, now: Time) -> Candidate {
        let own = Attribute::Text(format!("map {key}").into());
        Candidate { attributes: vec![("maps".into(), own)], ..self.ticket(queue, key, now) }
    }
}

fn before(now: Time, secs: f64) -> Time {
    Time::after_start(now.since_start().saturating_sub(Duration::from_secs_f64(secs)))
}

//! What a pool does, seen from outside: who is matched, when, and what is said of who is not.

mod brute;
mod crowds;
mod far;
mod pairs;
mod right;
mod rules;
mod waves;

use serde_json::{Value, json};

use super::*;

fn at(ms: u64) -> Time {
    Time::after_start(Duration::from_millis(ms))
}

fn queue(mut written: Value) -> Arc<Queue> {
    let table = written.as_object_mut().unwrap();
    table.entry("name").or_insert(json!("blitz"));
    table.entry("game").or_insert(json!("chess"));
    Arc::new(serde_json::from_value(written).unwrap())
}

fn by_rating(within: f64) -> Value {
    json!({"kind": "difference", "attribute": "rating", "within": within})
}

/// A single player whose number is the ticket's.
fn solo(key: u32, rating: f32) -> Candidate {
    let member =
        MemberTraits { player: u64::from(key), rating, deviation: 50.0, ..MemberTraits::default() };
    Candidate { key: TicketKey(key), members: vec![member], ..Candidate::default() }
}

fn party(key: u32, size: u64, rating: f32) -> Candidate {
    let member = |i: u64| MemberTraits {
        player: u64::from(key) * 100 + i,
        rating,
        ..MemberTraits::default()
    };
    Candidate {
        key: TicketKey(key),
        members: (0..size).map(member).collect(),
        ..Candidate::default()
    }
}

/// One wave, to its end: the tickets of each match, as numbers.
fn wave(pool: &mut Pool, now: Time) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    while pool.step(now, 1000, &mut found) == Progress::More {}
    let mut all: Vec<Vec<u32>> = (found.iter())
        .map(|found| {
            let mut keys: Vec<u32> = found.teams.iter().flatten().map(|key| key.0).collect();
            keys.sort_unstable();
            keys
        })
        .collect();
    all.sort();
    all
}

fn having(key: u32, name: &str, value: Value) -> Candidate {
    let attributes = vec![(name.into(), serde_json::from_value(value).unwrap())];
    Candidate { attributes, ..solo(key, 1500.0) }
}

fn from_regions(key: u32, latencies: &[(&str, u32)]) -> Candidate {
    let latencies = latencies.iter().map(|(name, ms)| ((*name).into(), *ms)).collect();
    Candidate { latencies, ..solo(key, 1500.0) }
}

/// A small random generator, for pools that are the same each time.
fn below(random: &mut u64, n: u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
    (*random >> 33) % n
}

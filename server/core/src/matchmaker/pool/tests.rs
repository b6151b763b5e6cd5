//! What a pool does, seen from outside: who is matched, when, and what is said of who is not.

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

/// True if two tickets that came at time 0 are matched by these rules at this time.
fn fits(written: &Value, one: Candidate, other: Candidate, ms: u64) -> bool {
    let mut pool = Pool::new(queue(written.clone()), 1);
    pool.insert(at(0), one).unwrap();
    pool.insert(at(0), other).unwrap();
    !wave(&mut pool, at(ms)).is_empty()
}

fn having(key: u32, name: &str, value: Value) -> Candidate {
    let attributes = vec![(name.into(), serde_json::from_value(value).unwrap())];
    Candidate { attributes, ..solo(key, 1500.0) }
}

fn from_regions(key: u32, latencies: &[(&str, u32)]) -> Candidate {
    let latencies = latencies.iter().map(|(name, ms)| ((*name).into(), *ms)).collect();
    Candidate { latencies, ..solo(key, 1500.0) }
}

#[test]
fn the_rules_as_a_table() {
    let rule = |rule: Value| json!({"rules": [rule]});
    let grown = json!({"rules": [{"kind": "difference", "attribute": "rating", "within": 100,
        "grow": {"by": 50, "every_ms": 1000, "limit": 200}}]});
    let optional = rule(json!({"kind": "equal", "attribute": "mode", "optional_after_ms": 4000}));
    let mode = |mode: Value| move |key| having(key, "mode", mode.clone());
    let maps = |maps: Value| move |key| having(key, "maps", maps.clone());
    let rated = |rating: f32| move |key| solo(key, rating);
    let near = |latencies: &'static [(&str, u32)]| move |key| from_regions(key, latencies);
    type Made<'m> = &'m dyn Fn(u32) -> Candidate;
    let table: [(&Value, Made<'_>, Made<'_>, u64, bool); 20] = [
        (&json!({}), &rated(0.0), &rated(4000.0), 500, true),
        (&rule(by_rating(100.0)), &rated(1500.0), &rated(1600.0), 500, true),
        (&rule(by_rating(100.0)), &rated(1500.0), &rated(1600.5), 500, false),
        (&grown, &rated(1500.0), &rated(1650.0), 999, false),
        (&grown, &rated(1500.0), &rated(1650.0), 1000, true),
        (&grown, &rated(1500.0), &rated(1701.0), 100_000, false),
        (
            &rule(json!({"kind": "equal", "attribute": "mode"})),
            &mode(json!("a")),
            &mode(json!("a")),
            500,
            true,
        ),
        (
            &rule(json!({"kind": "equal", "attribute": "mode"})),
            &mode(json!("a")),
            &mode(json!("b")),
            500,
            false,
        ),
        (
            &rule(json!({"kind": "equal", "attribute": "mode"})),
            &mode(json!(0.0)),
            &mode(json!(-0.0)),
            500,
            true,
        ),
        (
            &rule(json!({"kind": "equal", "attribute": "mode"})),
            &mode(json!("1")),
            &mode(json!(1)),
            500,
            false,
        ),
        (&optional, &mode(json!("a")), &mode(json!("b")), 3999, false),
        (&optional, &mode(json!("a")), &mode(json!("b")), 4000, true),
        (&optional, &mode(json!("a")), &rated(1500.0), 4000, true),
        (
            &rule(json!({"kind": "overlap", "attribute": "maps"})),
            &maps(json!(["x", "y"])),
            &maps(json!(["y", "z"])),
            500,
            true,
        ),
        (
            &rule(json!({"kind": "overlap", "attribute": "maps"})),
            &maps(json!(["x"])),
            &maps(json!("y")),
            500,
            false,
        ),
        (
            &rule(json!({"kind": "overlap", "attribute": "maps", "at_least": 2})),
            &maps(json!(["x", "y"])),
            &maps(json!(["y", "z"])),
            500,
            false,
        ),
        (
            &rule(json!({"kind": "region", "within": 80})),
            &near(&[("eu", 20), ("us", 90)]),
            &near(&[("us", 20), ("eu", 80)]),
            500,
            true,
        ),
        (
            &rule(json!({"kind": "region", "within": 80})),
            &near(&[("eu", 20), ("us", 90)]),
            &near(&[("us", 20), ("eu", 81)]),
            500,
            false,
        ),
        (
            &rule(json!({"kind": "region", "within": 80, "steps": [[900, 90]]})),
            &near(&[("eu", 20), ("us", 90)]),
            &near(&[("us", 20), ("eu", 91)]),
            900,
            true,
        ),
        (
            &rule(json!({"kind": "balance", "within": 50})),
            &rated(1500.0),
            &rated(1551.0),
            500,
            false,
        ),
    ];
    for (i, (written, one, other, ms, does)) in table.into_iter().enumerate() {
        assert_eq!(fits(written, one(1), other(2), ms), does, "row {i}: {written}");
    }
}

#[test]
fn nobody_is_taken_out_of_their_own_window() {
    let grow = json!({"by": 100, "every_ms": 1000, "limit": 500});
    let rule = json!({"kind": "difference", "attribute": "rating", "within": 100, "grow": grow});
    let mut pool = Pool::new(queue(json!({"rules": [rule]})), 1);
    pool.insert(at(0), solo(1, 1500.0)).unwrap();
    pool.insert(at(3000), Candidate { since: at(3000), ..solo(2, 1800.0) }).unwrap();
    assert!(wave(&mut pool, at(3500)).is_empty(), "the second one asks for 100 yet");
    assert!(wave(&mut pool, at(4900)).is_empty());
    assert_eq!(wave(&mut pool, at(5400)), [[1, 2]]);
}

#[test]
fn who_must_not_meet_does_not() {
    let solo_of = |key, player, address, avoid: &[u64]| {
        let mut candidate = solo(key, 1500.0);
        let member = &mut candidate.members[0];
        (member.player, member.address, member.avoid) = (player, address, avoid.to_vec());
        candidate
    };
    let rated = json!({"rated": true});
    for (written, one, other, does) in [
        (&json!({}), solo_of(1, 7, 0, &[]), solo_of(2, 7, 0, &[]), false),
        (&json!({}), solo_of(1, 7, 0, &[]), solo_of(2, 8, 0, &[7]), false),
        (&json!({}), solo_of(1, 7, 0, &[8]), solo_of(2, 8, 0, &[]), false),
        (&json!({}), solo_of(1, 7, 5, &[]), solo_of(2, 8, 5, &[]), true),
        (&rated, solo_of(1, 7, 5, &[]), solo_of(2, 8, 5, &[]), false),
        (&rated, solo_of(1, 7, 5, &[]), solo_of(2, 8, 6, &[]), true),
        (&rated, solo_of(1, 7, 0, &[]), solo_of(2, 8, 0, &[]), true),
    ] {
        assert_eq!(fits(written, one.clone(), other.clone(), 500), does, "{one:?} {other:?}");
    }
}

#[test]
fn who_has_met_waits_until_that_is_long_ago() {
    let rule = json!({"kind": "avoid_repeats", "last": 1, "for_ms": 5000});
    let mut pool = Pool::new(queue(json!({"rules": [rule]})), 1);
    pool.met(at(0), &[&[1], &[2]]);
    pool.insert(at(0), solo(1, 1500.0)).unwrap();
    pool.insert(at(0), solo(2, 1500.0)).unwrap();
    assert!(wave(&mut pool, at(4999)).is_empty());
    let why = pool.why(at(4999), TicketKey(1)).unwrap();
    assert_eq!(why.obstacles, [(Obstacle::Rule(0), 1)]);
    assert_eq!(wave(&mut pool, at(5500)), [[1, 2]]);
}

#[test]
fn a_wave_comes_by_time_or_by_number() {
    let mut pool = Pool::new(queue(json!({"wave": {"after_ms": 500, "tickets": 3}})), 1);
    assert_eq!(pool.deadline(), None);
    pool.insert(at(100), solo(1, 1500.0)).unwrap();
    pool.insert(at(400), solo(2, 1500.0)).unwrap();
    assert_eq!(pool.deadline(), Some(at(600)));
    assert!(wave(&mut pool, at(599)).is_empty());
    assert_eq!(wave(&mut pool, at(600)), [[1, 2]]);
    assert_eq!(pool.deadline(), None);
    for key in 3..6 {
        pool.insert(at(700), solo(key, 1500.0)).unwrap();
    }
    assert_eq!(pool.deadline(), Some(Time::ZERO), "three have come: at once");
    assert_eq!(wave(&mut pool, at(700)).len(), 1);
    assert_eq!(pool.len(), 1);
}

#[test]
fn who_waits_too_long_is_given_up_and_the_longest_wait_comes_first() {
    let mut pool = Pool::new(queue(json!({"give_up_ms": 5000, "rules": [by_rating(10.0)]})), 1);
    for (key, since) in [(1, 300), (2, 100), (3, 200)] {
        let candidate = Candidate { since: at(since), ..solo(key, 1000.0 * key as f32) };
        pool.insert(at(300), candidate).unwrap();
    }
    let positions = |pool: &Pool| [1, 2, 3].map(|key| pool.position(TicketKey(key)));
    assert_eq!(positions(&pool), [Some(2), Some(0), Some(1)]);
    assert!(wave(&mut pool, at(800)).is_empty());
    assert_eq!(pool.deadline(), Some(at(5100)));
    let mut out = Vec::new();
    pool.expired(at(5099), &mut out);
    assert!(out.is_empty());
    pool.expired(at(5200), &mut out);
    assert_eq!(out, [TicketKey(2), TicketKey(3)]);
    assert_eq!(positions(&pool), [Some(0), None, None]);
    assert!(pool.remove(TicketKey(1)) && !pool.remove(TicketKey(1)));
    assert!(pool.is_empty());
    assert_eq!(pool.deadline(), None);
}

#[test]
fn what_cannot_wait_is_not_taken() {
    let rules = json!([{"kind": "equal", "attribute": "mode"}, {"kind": "region", "within": 80}]);
    let mut pool = Pool::new(queue(json!({"rules": rules})), 1);
    let lacks = |what: &str| Err(Unfit::Lacks(what.into()));
    assert_eq!(pool.insert(at(0), solo(1, 1500.0)), lacks("mode"));
    assert_eq!(pool.insert(at(0), having(1, "mode", json!("a"))), lacks("latencies"));
    let whole = Candidate { latencies: vec![("eu".into(), 1)], ..having(1, "mode", json!("a")) };
    assert_eq!(pool.insert(at(0), whole.clone()), Ok(()));
    assert_eq!(pool.insert(at(0), whole.clone()), Err(Unfit::Taken));
    let party = Candidate { members: [whole.members.clone(), whole.members].concat(), ..whole };
    assert_eq!(pool.insert(at(0), Candidate { key: TicketKey(2), ..party }), Err(Unfit::Party(1)));
    assert_eq!((pool.len(), pool.n_players()), (1, 1));
}

#[test]
fn a_match_is_where_it_is_nearest_to_who_has_it_worst() {
    let mut pool = Pool::new(queue(json!({"rules": [{"kind": "region", "within": 80}]})), 1);
    pool.insert(at(0), from_regions(1, &[("eu", 10), ("us", 60), ("as", 300)])).unwrap();
    pool.insert(at(0), from_regions(2, &[("us", 50), ("eu", 70), ("au", 1)])).unwrap();
    let mut found = Vec::new();
    pool.step(at(500), 1000, &mut found);
    assert_eq!(found[0].region.as_deref(), Some("us"));
}

#[test]
fn numbers_keep_their_order_as_bits() {
    let numbers = [-1e30_f32, -2.5, -1.0, -0.0, 0.0, 1e-30, 1.0, 2.5, 1e30];
    assert!(numbers.map(in_order).is_sorted());
}

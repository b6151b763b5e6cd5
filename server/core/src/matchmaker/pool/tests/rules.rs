//! Who goes together by a queue's rules, and what is said of who does not.

use super::*;

/// True if two tickets that came at time 0 are matched by these rules at this time.
fn fits(written: &Value, one: Candidate, other: Candidate, ms: u64) -> bool {
    let mut pool = Pool::new(queue(written.clone()), 1);
    pool.insert(at(0), one).unwrap();
    pool.insert(at(0), other).unwrap();
    !wave(&mut pool, at(ms)).is_empty()
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
    let level = |level: f64| move |key| having(key, "level", json!(level));
    let by_level = rule(json!({"kind": "difference", "attribute": "level", "within": 5}));
    let twice = rule(json!({"kind": "overlap", "attribute": "maps", "at_least": 2}));
    let by_region = rule(json!({"kind": "region", "within": 80}));
    let table: [(&Value, Made<'_>, Made<'_>, u64, bool); 28] = [
        (&twice, &maps(json!(["x", "y"])), &maps(json!(["x", "z", "x"])), 500, false),
        (&twice, &maps(json!(["y", "x", "z"])), &maps(json!(["z", "x"])), 500, true),
        (&by_region, &near(&[("eu", 90), ("eu", 9)]), &near(&[("eu", 90), ("eu", 9)]), 500, false),
        (&by_region, &near(&[("eu", 9), ("eu", 90)]), &near(&[("eu", 9), ("eu", 90)]), 500, true),
        (&by_level, &level(1.0), &level(6.0), 500, true),
        (&by_level, &level(1.0), &level(6.5), 500, false),
        (&by_level, &level(1e300), &level(1e300), 500, true),
        (&by_level, &level(1e300), &level(-1e300), 500, false),
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
fn a_match_is_where_it_is_nearest_to_who_has_it_worst() {
    let mut pool = Pool::new(queue(json!({"rules": [{"kind": "region", "within": 80}]})), 1);
    pool.insert(at(0), from_regions(1, &[("eu", 10), ("us", 60), ("as", 300)])).unwrap();
    pool.insert(at(0), from_regions(2, &[("us", 50), ("eu", 70), ("au", 1)])).unwrap();
    let mut found = Vec::new();
    pool.step(at(500), 1000, &mut found);
    assert_eq!(found[0].region.as_deref(), Some("us"));
}

#[test]
fn it_says_which_rule_about_teams_keeps_those_who_fit_from_a_match() {
    let rules = json!([{"kind": "balance", "within": 10}, {"kind": "party_size", "within": 0}]);
    let squads = |rules: Value| json!({"teams": {"count": 2, "size": 2}, "rules": rules});
    let why = |rules: Value, tickets: &[Candidate]| {
        let mut pool = Pool::new(queue(squads(rules)), 7);
        tickets.iter().for_each(|ticket| pool.insert(at(0), ticket.clone()).unwrap());
        let why = pool.why(at(0), TicketKey(1)).unwrap();
        assert_eq!(why.of_teams.is_none(), !wave(&mut pool, at(500)).is_empty() || why.fitting < 4);
        why.of_teams
    };
    let four =
        |last: f32| [solo(1, 1000.0), solo(2, 1000.0), solo(3, 1000.0), solo(4, last)].to_vec();
    assert_eq!(why(rules.clone(), &four(1000.0)), None);
    assert_eq!(why(rules.clone(), &four(2000.0)), Some(0), "one side is stronger");
    assert_eq!(why(json!([]), &four(2000.0)), None, "nobody minds");
    assert_eq!(why(rules.clone(), &four(2000.0)[..3]), None, "there are too few");
    let three = [party(1, 2, 1000.0), solo(2, 1000.0), solo(3, 1000.0)];
    assert_eq!(why(rules, &three), Some(1), "two play against one and one");
}

#[test]
fn it_says_what_keeps_tickets_apart() {
    let rules = json!([by_rating(50.0), {"kind": "equal", "attribute": "mode"}]);
    let mut pool = Pool::new(queue(json!({"rules": rules, "rated": true})), 7);
    let make = |key, rating, mode: &str, address| {
        let mut ticket = having(key, "mode", json!(mode));
        (ticket.members[0].rating, ticket.members[0].address) = (rating, address);
        ticket
    };
    for (key, rating, mode, address) in [
        (1, 1500.0, "a", 1),
        (2, 1600.0, "a", 2),
        (3, 1610.0, "a", 3),
        (4, 1500.0, "b", 4),
        (5, 1510.0, "a", 1),
        (6, 1520.0, "a", 6),
    ] {
        pool.insert(at(0), make(key, rating, mode, address)).unwrap();
    }
    let why = pool.why(at(0), TicketKey(1)).unwrap();
    let obstacles =
        vec![(Obstacle::Rule(0), 2), (Obstacle::SameAddress, 1), (Obstacle::Rule(1), 1)];
    assert_eq!((why.others, why.near, why.fitting), (5, 5, 2), "itself among those");
    let mut sorted = why.obstacles.clone();
    sorted.sort();
    let mut wanted = obstacles;
    wanted.sort();
    assert_eq!((why.obstacles[0], sorted), ((Obstacle::Rule(0), 2), wanted));
    assert_eq!(pool.why(at(0), TicketKey(9)), None);
}

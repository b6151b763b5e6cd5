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
    assert!(pool.deadline().unwrap() <= at(700), "three have come: at once");
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

/// A small random generator, for pools that are the same each time.
fn below(random: &mut u64, n: u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
    (*random >> 33) % n
}

/// The most that any pairing of these is worth, by trying all of them.
fn best_worth(pool: &mut Pool, now: Time, slots: &[u32]) -> i64 {
    let Some((first, others)) = slots.split_first() else { return 0 };
    let mut best = best_worth(pool, now, others);
    for other in others {
        if let Some(worth) = worth_of(pool, now, *first, *other) {
            let rest: Vec<u32> = others.iter().copied().filter(|slot| slot != other).collect();
            best = best.max(worth + best_worth(pool, now, &rest));
        }
    }
    best
}

fn worth_of(pool: &mut Pool, now: Time, one: u32, other: u32) -> Option<i64> {
    let distance = pool.distance(now, one, other).ok()?;
    let (one, other) = (&pool.tickets[one as usize], &pool.tickets[other as usize]);
    Some(duel::worth(now, one, other, distance, &pool.rules))
}

#[test]
fn small_pools_are_paired_as_well_as_can_be() {
    let rules = json!([
        {"kind": "difference", "attribute": "rating", "within": 60,
            "grow": {"by": 40, "every_ms": 1000, "limit": 400}},
        {"kind": "region", "within": 60, "weight": 0.5},
        {"kind": "overlap", "attribute": "maps", "optional_after_ms": 5000},
        {"kind": "avoid_repeats", "last": 2},
    ]);
    let queue = queue(json!({"rated": true, "rules": rules, "give_up_ms": 20000}));
    let mut random = 5;
    let mut n_pairs = 0;
    for _ in 0..600 {
        let mut pool = Pool::new(queue.clone(), 1);
        let n = 2 + below(&mut random, 9) as u32;
        for key in 0..n {
            let mut ticket = solo(key, 1500.0 + below(&mut random, 300) as f32);
            ticket.since = at(below(&mut random, 9000));
            ticket.members[0].address = below(&mut random, 12);
            let maps = ["x", "y", "z"][below(&mut random, 3) as usize];
            ticket.attributes = vec![("maps".into(), Attribute::Text(maps.into()))];
            let mut latency = || 20 + below(&mut random, 80) as u32;
            ticket.latencies = vec![("eu".into(), latency()), ("us".into(), latency())];
            pool.insert(at(9000), ticket).unwrap();
        }
        pool.met(at(9000), &[&[0], &[1]]);
        let now = at(9500);
        let slots: Vec<u32> = (0..n).collect();
        let best = best_worth(&mut pool, now, &slots);
        // What each pair is worth, before they are gone.
        let mut worths = std::collections::BTreeMap::new();
        for one in 0..n {
            for other in one + 1..n {
                worths.insert(vec![one, other], worth_of(&mut pool, now, one, other));
            }
        }
        let found = wave(&mut pool, now);
        let total: i64 = found.iter().map(|pair| worths[pair].expect("they fit")).sum();
        assert_eq!(total, best, "{found:?}");
        n_pairs += found.len();
    }
    assert!(n_pairs > 600, "{n_pairs}");
}

/// A pool of many, sorted out over slices, in which tickets leave while a wave is on.
#[test]
fn slices_come_to_the_same_and_those_who_leave_are_in_no_match() {
    let written = json!({"rules": [by_rating(40.0)], "give_up_ms": 60000});
    let run = |budget: usize, leaves: bool| {
        let mut pool = Pool::new(queue(written.clone()), 7);
        let mut random = 3;
        for key in 0..3000 {
            let rating = 1000.0 + below(&mut random, 1000) as f32;
            let since = at(below(&mut random, 39_000));
            pool.insert(at(39_000), Candidate { since, ..solo(key, rating) }).unwrap();
        }
        let (mut found, mut gone, mut n_slices) = (Vec::new(), Vec::new(), 0);
        while pool.step(at(40_000), budget, &mut found) == Progress::More {
            assert_eq!(pool.deadline(), Some(Time::ZERO));
            n_slices += 1;
            if leaves {
                // Who is in the middle of being matched, and anybody.
                let group = pool.cycle.as_ref().unwrap().group.first().copied();
                let near = group.map(|slot| pool.tickets[slot as usize].key);
                for key in near.into_iter().chain([TicketKey(below(&mut random, 3000) as u32)]) {
                    if pool.remove(key) {
                        gone.push(key);
                    }
                }
            }
        }
        let mut all: Vec<TicketKey> =
            found.iter().flat_map(|found| found.teams.iter().flatten().copied()).collect();
        all.extend(&gone);
        let n = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), n, "nobody is in two matches");
        assert_eq!(pool.len() + n, 3000);
        (found, n_slices)
    };
    let (whole, _) = run(usize::MAX, false);
    let (sliced, n_slices) = run(100, false);
    assert_eq!(whole, sliced);
    assert!(n_slices > 20 && whole.len() > 1450, "{n_slices} {}", whole.len());
    let (left, _) = run(100, true);
    assert!(left.len() > 1300, "{}", left.len());
}

/// Somebody whom few fit is not passed over for ever by those who always find somebody nearer.
#[test]
fn nobody_starves_while_somebody_fits() {
    let rules = json!([
        {"kind": "difference", "attribute": "rating", "within": 200},
        {"kind": "overlap", "attribute": "maps"},
    ]);
    let queue = queue(json!({"rules": rules, "give_up_ms": 20000}));
    let mut pool = Pool::new(queue, 7);
    let texts = |maps: &[&str]| Attribute::Texts(maps.iter().map(|map| (*map).into()).collect());
    let having = |key: u32, rating: f32, maps: Attribute| Candidate {
        attributes: vec![("maps".into(), maps)],
        ..solo(key, rating)
    };
    let mut random = 11;
    let (mut key, mut now_ms, mut longest) = (0, 0, 0);
    let mut came = std::collections::BTreeMap::new();
    // Every wave brings 300, of whom 3 want a map that one in fifty others would play too, and all
    // others have somebody nearer.
    while now_ms < 60_000 {
        now_ms += 500;
        for i in 0..300 {
            let rating = 1000.0 + below(&mut random, 1000) as f32;
            let maps = match (i % 100, below(&mut random, 50)) {
                (0, _) => texts(&["odd"]),
                (_, 0) => texts(&["even", "odd"]),
                _ => texts(&["even"]),
            };
            let candidate = Candidate { since: at(now_ms), ..having(key, rating, maps) };
            pool.insert(at(now_ms), candidate).unwrap();
            came.insert(TicketKey(key), now_ms);
            key += 1;
        }
        let mut found = Vec::new();
        while pool.step(at(now_ms), 1000, &mut found) == Progress::More {}
        let met = found.iter().flat_map(|found| found.teams.iter().flatten());
        for key in met {
            longest = longest.max(now_ms - came[key]);
        }
        let mut given_up = Vec::new();
        pool.expired(at(now_ms), &mut given_up);
        assert!(given_up.is_empty(), "at {now_ms} ms: {given_up:?}");
    }
    assert!(longest < 20_000, "{longest}");
    assert!(pool.len() < 300, "{}", pool.len());
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

#[test]
fn teams_are_full_parties_whole_and_nobody_is_in_two() {
    for (count, size, n, within) in [(2, 5, 400, 150.0), (3, 2, 200, 200.0), (4, 8, 700, 300.0)] {
        let rules = json!([by_rating(within), {"kind": "balance", "within": 60}]);
        let teams = json!({"count": count, "size": size});
        let mut pool = Pool::new(queue(json!({"teams": teams, "rules": rules})), 7);
        let (mut random, mut n_players) = (3, 0);
        let mut sizes = std::collections::BTreeMap::new();
        for key in 0..n {
            let party_size = 1 + below(&mut random, 3).min(size - 1);
            sizes.insert(TicketKey(key), party_size);
            n_players += party_size;
            let rating = 1200.0 + below(&mut random, 600) as f32;
            pool.insert(at(0), party(key, party_size, rating)).unwrap();
        }
        let mut found = Vec::new();
        while pool.step(at(500), 300, &mut found) == Progress::More {}
        let mut seen = std::collections::BTreeSet::new();
        let mut n_matched = 0;
        for found in &found {
            assert_eq!((found.teams.len(), found.n_bots), (count as usize, 0));
            assert!(found.gap <= 60.0, "{}", found.gap);
            for team in &found.teams {
                assert_eq!(team.iter().map(|key| sizes[key]).sum::<u64>(), size);
                assert!(team.iter().all(|key| seen.insert(*key)));
                n_matched += size;
            }
        }
        assert!(n_matched * 10 > n_players * 7, "{count} of {size}: {n_matched} of {n_players}");
        assert_eq!(pool.len() + seen.len(), n as usize);
    }
}

#[test]
fn everybody_for_themselves_in_matches_of_one_size() {
    let players = json!({"from": 3, "to": 8});
    for (n, sizes) in [
        (2, vec![]),
        (3, vec![3]),
        (8, vec![8]),
        (9, vec![4, 5]),
        (10, vec![5, 5]),
        (17, vec![5, 6, 6]),
    ] {
        let mut pool = Pool::new(queue(json!({"players": players})), 7);
        for key in 0..n {
            pool.insert(at(0), solo(key, 1500.0 + key as f32)).unwrap();
        }
        let mut found = Vec::new();
        while pool.step(at(500), 300, &mut found) == Progress::More {}
        let mut got: Vec<usize> = found.iter().map(|found| found.teams.len()).collect();
        got.sort_unstable();
        assert_eq!(got, sizes, "{n} players");
        assert!(found.iter().all(|found| found.teams.iter().all(|team| team.len() == 1)));
    }
}

#[test]
fn a_match_of_many_has_one_region_and_one_map_for_all() {
    let rules = json!([
        {"kind": "region", "within": 80}, {"kind": "overlap", "attribute": "maps"},
    ]);
    let make = |key, regions: &[(&str, u32)], maps: &[&str]| Candidate {
        attributes: vec![(
            "maps".into(),
            Attribute::Texts(maps.iter().map(|map| (*map).into()).collect()),
        )],
        ..from_regions(key, regions)
    };
    let near = |regions: &[&'static str]| -> Vec<(&'static str, u32)> {
        regions.iter().map(|region| (*region, 30)).collect()
    };
    let three = |rows: [(&[&'static str], &[&str]); 3]| {
        let players = json!({"from": 3, "to": 3});
        let mut pool = Pool::new(queue(json!({"players": players, "rules": rules})), 7);
        for (key, (regions, maps)) in rows.into_iter().enumerate() {
            pool.insert(at(0), make(key as u32, &near(regions), maps)).unwrap();
        }
        wave(&mut pool, at(500)).len()
    };
    // Any two have something in common; all three only in the last row.
    assert_eq!(three([(&["a", "b"], &["m"]), (&["b", "c"], &["m"]), (&["a", "c"], &["m"])]), 0);
    assert_eq!(three([(&["a"], &["m", "n"]), (&["a"], &["n", "o"]), (&["a"], &["m", "o"])]), 0);
    assert_eq!(
        three([(&["a", "b"], &["m", "n"]), (&["b", "c"], &["n"]), (&["b"], &["n", "o"])]),
        1
    );
}

#[test]
fn bots_come_for_those_who_have_waited_for_them() {
    let with_bots = |mut written: Value| {
        written["bots_after_ms"] = json!(3000);
        written["rules"] = json!([by_rating(50.0)]);
        Pool::new(queue(written), 7)
    };
    let step = |pool: &mut Pool, ms| {
        let mut found = Vec::new();
        while pool.step(at(ms), 300, &mut found) == Progress::More {}
        found
    };
    let mut pool = with_bots(json!({}));
    pool.insert(at(0), solo(1, 1500.0)).unwrap();
    assert!(step(&mut pool, 500).is_empty());
    assert!(pool.deadline().unwrap() <= at(3000), "{:?}", pool.deadline());
    assert!(step(&mut pool, 2999).is_empty());
    let found = step(&mut pool, 3500);
    assert_eq!((found[0].teams.clone(), found[0].n_bots), (vec![vec![TicketKey(1)], vec![]], 1));
    assert!(pool.is_empty());

    let mut pool = with_bots(json!({"teams": {"count": 2, "size": 3}}));
    for (key, size, since) in [(1, 2, 0), (2, 1, 100), (3, 1, 2000)] {
        let candidate = Candidate { since: at(since), ..party(key, size, 1500.0) };
        pool.insert(at(2000), candidate).unwrap();
    }
    let found = step(&mut pool, 3200);
    assert_eq!((found.len(), found[0].n_bots), (1, 3), "who has not waited so long waits on");
    assert_eq!(found[0].teams.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(pool.len(), 1);

    let mut pool = with_bots(json!({"players": {"from": 4, "to": 8}}));
    pool.insert(at(0), solo(1, 1500.0)).unwrap();
    pool.insert(at(0), solo(2, 1520.0)).unwrap();
    let found = step(&mut pool, 3000);
    assert_eq!((found[0].teams.len(), found[0].n_bots), (2, 2), "as many as a match needs");
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
    assert_eq!((why.others, why.near, why.fitting), (5, 5, 1));
    let mut sorted = why.obstacles.clone();
    sorted.sort();
    let mut wanted = obstacles;
    wanted.sort();
    assert_eq!((why.obstacles[0], sorted), ((Obstacle::Rule(0), 2), wanted));
    assert_eq!(pool.why(at(0), TicketKey(9)), None);
}

//! Pairs are the best that there are, by trying all.

use super::*;

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

#[test]
fn a_pair_is_worth_more_the_nearer_it_is_and_the_longer_it_has_waited() {
    // The second rule is twice as heavy; all that is left of the first is nothing.
    let rules = json!([
        {"kind": "equal", "attribute": "mode", "optional_after_ms": 1},
        {"kind": "difference", "attribute": "rating", "within": 100, "weight": 2},
    ]);
    let queue = queue(json!({"rules": rules, "give_up_ms": 20_000}));
    let worth = |apart: f32, waited_ms: [u64; 2], mode: &str| {
        let mut pool = Pool::new(queue.clone(), 1);
        for (key, rating, mode) in [(0, 1500.0, "a"), (1, 1500.0 + apart, mode)] {
            let since = at(60_000 - waited_ms[key as usize]);
            let attributes = vec![("mode".into(), Attribute::Text(mode.into()))];
            let ticket = Candidate { since, attributes, ..solo(key, rating) };
            pool.insert(at(60_000), ticket).unwrap();
        }
        worth_of(&mut pool, at(60_000), 0, 1)
    };
    let new = [0, 0];
    assert_eq!(worth(0.0, new, "a"), Some(1001));
    assert_eq!(worth(50.0, new, "a"), Some(1 + 666), "a half of two thirds");
    assert_eq!(worth(100.0, new, "a"), Some(1 + 333));
    assert_eq!(worth(101.0, new, "a"), None);
    assert_eq!(worth(100.0, [1, 1], "b"), Some(1), "as little as may be, but something");
    // A share of 2000, by the square of the time: three quarters are more than any nearness.
    assert_eq!(worth(100.0, [10_000, 0], "a"), Some(1 + 333 + 500));
    assert_eq!(worth(100.0, [10_000, 10_000], "a"), Some(1 + 333 + 1000));
    assert_eq!(worth(100.0, [15_000, 0], "a"), Some(1 + 333 + 1125));
    assert_eq!(worth(100.0, [60_000, 0], "a"), Some(1 + 333 + 2000));
}

#[test]
fn of_two_who_are_farther_than_usual_the_nearer_is_still_better() {
    let grow = json!({"by": 400, "every_ms": 1000, "limit": 500});
    let rule = json!({"kind": "difference", "attribute": "rating", "within": 100, "grow": grow});
    let worths = [0.0, 50.0, 100.0, 300.0, 500.0].map(|apart| {
        let queue = queue(json!({"rules": [rule], "give_up_ms": 86_400_000}));
        let mut pool = Pool::new(queue, 1);
        pool.insert(at(0), solo(0, 1500.0)).unwrap();
        pool.insert(at(0), solo(1, 1500.0 + apart)).unwrap();
        worth_of(&mut pool, at(1000), 0, 1)
    });
    assert_eq!(worths, [1001, 541, 81, 41, 1].map(Some));
}

/// What all pairs of one wave are worth, of 200 tickets whose ratings are so far apart, and what
/// the best are that there could be if nothing were cut into groups; of ten such pools, in percent.
fn share_of_the_best(spread: u64) -> f64 {
    let (mut paired, mut best, mut random) = (0, 0, 9);
    for _ in 0..10 {
        let mut pool = Pool::new(queue(json!({"rules": [by_rating(100.0)]})), 1);
        let n = 200;
        for key in 0..n {
            let rating = 1000.0 + below(&mut random, spread) as f32;
            pool.insert(at(0), solo(key, rating)).unwrap();
        }
        let mut edges = Vec::new();
        let mut worths = std::collections::BTreeMap::new();
        for (one, other) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
            let Some(weight) = worth_of(&mut pool, at(500), one, other) else { continue };
            edges.push(blossom::Edge { ends: [one as usize, other as usize], weight });
            worths.insert(vec![one, other], weight);
        }
        let mut matching = blossom::Matching::default();
        for (one, other) in (0..).zip(matching.find(n as usize, &edges)) {
            let pair = other.map(|other| vec![one, other as u32]);
            best += pair.and_then(|pair| worths.get(&pair)).unwrap_or(&0);
        }
        paired += wave(&mut pool, at(500)).iter().map(|pair| worths[pair]).sum::<i64>();
    }
    100.0 * paired as f64 / best as f64
}

#[test]
fn groups_are_paired_nearly_as_well_as_if_they_were_one() {
    for (spread, least) in [(500, 99.9), (1000, 99.6), (2000, 96.0)] {
        let share = share_of_the_best(spread);
        assert!(share >= least && share <= 100.0, "{spread}: {share} %");
    }
}

/// Whose wishes exclude each other do not stand in each other's way.
#[test]
fn who_has_to_have_something_in_common_is_sorted_by_it() {
    let rules = json!([{"kind": "equal", "attribute": "mode"}, by_rating(500.0)]);
    let mut pool = Pool::new(queue(json!({"rules": rules})), 1);
    for key in 0..200 {
        let mode = Attribute::Number(f64::from(key % 100));
        let attributes = vec![("mode".into(), mode)];
        pool.insert(at(0), Candidate { attributes, ..solo(key, 1000.0 + key as f32) }).unwrap();
    }
    let wanted: Vec<Vec<u32>> = (0..100).map(|key| vec![key, key + 100]).collect();
    assert_eq!(wave(&mut pool, at(500)), wanted);
}

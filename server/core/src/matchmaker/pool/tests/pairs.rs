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

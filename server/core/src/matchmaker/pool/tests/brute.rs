//! Small pools with rules of all kinds, by chance: each match that is found is right, and nobody is
//! left who could be in another, by trying everything.

use std::collections::BTreeMap;

use super::{right::Scene, *};

/// Small pools that are made up for each shape.
const N_POOLS: u64 = 500;
/// When the wave comes.
const NOW_MS: u64 = 9_000;

/// What is made up for one pool.
struct MadeUp {
    queue: Arc<Queue>,
    tickets: Vec<Candidate>,
    before: Vec<(Time, Vec<Vec<u64>>)>,
}

fn one_of<T: Clone>(random: &mut u64, of: &[T]) -> T {
    of[below(random, of.len() as u64) as usize].clone()
}

/// A rule of each kind now and then, wide enough to let many go together.
fn some_rules(random: &mut u64, is_for_teams: bool) -> Vec<Value> {
    let growth = |random: &mut u64, rule: &mut Value, within: u64| match below(random, 3) {
        0 => {
            rule["grow"] = json!({"by": within / 4 + 1, "every_ms": 1000, "limit": 3 * within + 2})
        }
        1 => rule["steps"] = json!([[3000, 2 * within], [8000, 3 * within]]),
        _ => {}
    };
    let mut rules = Vec::new();
    for kind in 0..8 {
        let mut rule = match kind {
            0 => by_rating(below(random, 300) as f64),
            1 => json!({"kind": "difference", "attribute": "level", "within": below(random, 5)}),
            2 => json!({"kind": "overlap", "attribute": "maps", "at_least": 1 + below(random, 2)}),
            3 => json!({"kind": "equal", "attribute": "mode"}),
            4 => json!({"kind": "region", "within": 40 + below(random, 60)}),
            5 if is_for_teams => json!({"kind": "balance", "within": below(random, 100)}),
            6 => json!({"kind": "party_size", "within": below(random, 2)}),
            7 => json!({"kind": "avoid_repeats", "last": 1 + below(random, 2),
                "for_ms": below(random, 2) * 4000}),
            _ => continue,
        };
        if below(random, 3) != 0 {
            continue;
        }
        if let Some(within) = rule.get("within").and_then(Value::as_f64) {
            growth(random, &mut rule, within as u64);
        }
        if kind == 0 {
            rule["merge"] = one_of(random, &["mean", "min", "max"]).into();
        }
        if below(random, 3) == 0 {
            rule["optional_after_ms"] = (1 + below(random, 8000)).into();
        }
        rules.insert(below(random, rules.len() as u64 + 1) as usize, rule);
    }
    rules
}

fn some_ticket(random: &mut u64, key: u32, most_members: u64) -> Candidate {
    let size = 1 + below(random, 2) * below(random, most_members);
    let rating = 1500.0 + below(random, 400) as f32;
    let mut ticket = party(key, size, rating);
    ticket.since = at(below(random, NOW_MS));
    for member in &mut ticket.members {
        member.rating += below(random, 60) as f32;
        member.address = below(random, 10);
        // Somebody who waits, or is in none of them.
        member.avoid = (0..below(random, 3)).map(|_| 100 * below(random, 40)).collect();
    }
    let maps: Vec<&str> =
        ["x", "y", "z", "w"].into_iter().filter(|_| below(random, 3) != 0).collect();
    let mut attributes = vec![("maps", json!(maps)), ("level", json!(below(random, 9)))];
    attributes.push(("mode", one_of(random, &[json!("a"), json!("a"), json!(1)])));
    attributes.retain(|_| below(random, 8) != 0);
    let attribute =
        |(name, value): (&str, Value)| (name.into(), serde_json::from_value(value).unwrap());
    ticket.attributes = attributes.into_iter().map(attribute).collect();
    for region in ["eu", "us", "as"] {
        if below(random, 5) != 0 {
            ticket.latencies.push((region.into(), 10 + below(random, 90) as u32));
        }
    }
    ticket
}

/// A queue of this shape, and up to nine who wait in it.
fn made_up(random: &mut u64, shape: &Value) -> MadeUp {
    let mut written = shape.clone();
    let is_for_teams = shape.get("players").is_none();
    written["rules"] = some_rules(random, is_for_teams).into();
    written["rated"] = (below(random, 3) == 0).into();
    written["give_up_ms"] = 20_000.into();
    let queue = queue(written);
    let n = 2 + below(random, 8) as u32;
    let most_members = queue.largest_party().min(3) as u64;
    let tickets: Vec<Candidate> =
        (0..n).map(|key| some_ticket(random, key, most_members)).collect();
    let mut before = Vec::new();
    for i in 0..below(random, 6) {
        let player = |random: &mut u64| 100 * below(random, n.into());
        let (one, other) = (player(random), player(random));
        if one != other {
            before.push((at(NOW_MS - 6000 + 1000 * i), vec![vec![one], vec![other]]));
        }
    }
    MadeUp { queue, tickets, before }
}

/// A pool of those who may wait at all.
fn pool_of(made_up: &mut MadeUp) -> Pool {
    let mut pool = Pool::new(Arc::clone(&made_up.queue), 1);
    for (at, teams) in &made_up.before {
        let teams: Vec<&[u64]> = teams.iter().map(Vec::as_slice).collect();
        pool.met(*at, &teams);
    }
    made_up.tickets.retain(|ticket| pool.insert(at(NOW_MS - 500), ticket.clone()).is_ok());
    pool
}

/// The matches of one wave, by the places of those who waited.
fn play(pool: &mut Pool, made_up: &MadeUp) -> Vec<(Found, Vec<Vec<usize>>)> {
    let mut found = Vec::new();
    while pool.step(at(NOW_MS), 1000, &mut found) == Progress::More {}
    let places: BTreeMap<TicketKey, usize> =
        made_up.tickets.iter().enumerate().map(|(i, ticket)| (ticket.key, i)).collect();
    let sides = |found: &Found| -> Vec<Vec<usize>> {
        found.teams.iter().map(|team| team.iter().map(|key| places[key]).collect()).collect()
    };
    found.into_iter().map(|found| (found.clone(), sides(&found))).collect()
}

#[test]
fn each_match_is_right_and_none_is_left_that_could_be() {
    for (shape, fewest_matches) in [
        (json!({}), 700),
        (json!({"teams": {"count": 2, "size": 2}}), 250),
        (json!({"teams": {"count": 2, "size": 3}}), 120),
        (json!({"teams": {"count": 3, "size": 2}}), 50),
        (json!({"teams": {"count": 4, "size": 1}}), 120),
        (json!({"players": {"from": 2, "to": 4}}), 900),
        (json!({"players": {"from": 3, "to": 3}}), 600),
        (json!({"players": {"from": 4, "to": 8}}), 250),
    ] {
        let n_matches: usize = (0..N_POOLS).map(|seed| one_pool(&shape, seed)).sum();
        assert!(n_matches >= fewest_matches, "{shape}: {n_matches}");
    }
}

/// How many matches there are in one pool, all of them right, and none more.
fn one_pool(shape: &Value, seed: u64) -> usize {
    let mut made_up = made_up(&mut seed.clone(), shape);
    let mut pool = pool_of(&mut made_up);
    let found = play(&mut pool, &made_up);
    let MadeUp { queue, tickets, before } = &made_up;
    let scene = Scene { queue, now: at(NOW_MS), tickets, before };
    let mut left: Vec<usize> = (0..tickets.len()).collect();
    for (found, teams) in &found {
        let of = teams.concat();
        let told = || format!("{shape} {seed}: {found:?}\n{queue:?}\n{tickets:?}");
        assert!(scene.may_meet(&of) && scene.may_play(teams), "{}", told());
        assert!((f64::from(found.gap) - scene.gap(teams)).abs() < 0.01, "{}", told());
        assert!(scene.may_be_in(&of, found.region.as_deref()), "{}", told());
        assert_eq!(found.n_bots, 0);
        for ticket in of {
            let place = left.iter().position(|left| *left == ticket);
            left.remove(place.expect("nobody is in two"));
        }
    }
    let more = scene.any_match(&left);
    assert_eq!(more, None, "{shape} {seed}: beside {found:?}\n{queue:?}\n{tickets:?}");
    found.len()
}

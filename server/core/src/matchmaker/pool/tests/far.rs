//! Nobody waits for ever while somebody fits, however many stand between them.

use super::*;

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
        assert_eq!(pool.expire(at(now_ms)), None, "at {now_ms} ms");
    }
    assert!(longest < 20_000, "{longest}");
    assert!(pool.len() < 300, "{}", pool.len());
}

/// A ticket that fits those who want the same map, and nobody else.
fn wanting(key: usize, rating: f32, map: &str, since: Time) -> Candidate {
    let attributes = vec![("maps".into(), Attribute::Text(map.into()))];
    Candidate { since, attributes, ..solo(key as u32, rating) }
}

/// So many wait, of whom some at these places want the same map, and all others one each. The first
/// of those has waited for as long as it takes to look far, the others have just come.
fn pool_of(written: Value, ratings: &[f32], some: &[usize]) -> (Pool, u64) {
    let mut pool = Pool::new(queue(written), 7);
    let half_ms = pool.queue().give_up_ms / 2;
    for (key, rating) in ratings.iter().enumerate() {
        let map = if some.contains(&key) { "odd".to_owned() } else { key.to_string() };
        let since = at(if key == some[0] { 0 } else { half_ms });
        pool.insert(at(half_ms), wanting(key, *rating, &map, since)).unwrap();
    }
    (pool, half_ms)
}

/// After how many waves two are found who fit each other alone.
fn met_after(written: Value, ratings: &[f32], two: [usize; 2], n_waves: u64) -> Option<u64> {
    let (mut pool, half_ms) = pool_of(written, ratings, &two);
    (1..=n_waves).find(|n| {
        let found = wave(&mut pool, at(half_ms + 500 * n));
        let mut wanted = two.map(|place| place as u32);
        wanted.sort_unstable();
        assert!(found.is_empty() || found == [wanted], "{found:?}");
        !found.is_empty()
    })
}

fn one_apart(n: usize) -> Vec<f32> {
    (0..n).map(|place| 1000.0 + place as f32).collect()
}

fn maps_alone() -> Value {
    json!({"rules": [{"kind": "overlap", "attribute": "maps"}]})
}

fn maps_within(within: f64) -> Value {
    json!({"rules": [{"kind": "overlap", "attribute": "maps"}, by_rating(within)]})
}

#[test]
fn who_fits_only_somebody_far_away_is_found_in_time() {
    let apart = one_apart(600);
    for two in [[0, 300], [300, 0], [100, 400], [400, 100], [299, 599], [599, 299]] {
        assert_eq!(met_after(maps_within(300.0), &apart, two, 1), Some(1), "{two:?}");
        assert_eq!(met_after(maps_within(299.0), &apart, two, 3), None, "{two:?}: that is too far");
    }
    for two in [[0, 599], [599, 0]] {
        assert!(met_after(maps_alone(), &apart, two, 20).is_some());
    }
}

/// As newcomers are.
#[test]
fn who_fits_only_one_of_thousands_that_are_rated_the_same_is_found_in_time() {
    let same = vec![1500.0; 2500];
    for two in [[600, 1900], [1900, 600]] {
        assert!(met_after(maps_alone(), &same, two, 40).is_some());
        assert!(met_after(maps_within(50.0), &same, two, 40).is_some());
    }
}

#[test]
fn who_looks_far_takes_the_nearest() {
    let (mut pool, half_ms) =
        pool_of(maps_within(1000.0), &one_apart(600), &[300, 50, 120, 500, 590]);
    assert_eq!(wave(&mut pool, at(half_ms + 500)), [[120, 300]]);
    let mut three = maps_within(1000.0);
    three["players"] = json!({"from": 3, "to": 3});
    let (mut pool, half_ms) = pool_of(three, &one_apart(600), &[300, 50, 130, 480, 590]);
    assert_eq!(wave(&mut pool, at(half_ms + 500)), [[130, 300, 480]]);
}

#[test]
fn many_look_far_in_one_wave() {
    let mut pool = Pool::new(queue(maps_alone()), 7);
    let half_ms = pool.queue().give_up_ms / 2;
    for key in 0..600 {
        // The first finds the last, the second the one before the last; the others nobody.
        let pair = key.min(599 - key);
        let map = (if pair < 20 { pair } else { key }).to_string();
        pool.insert(at(0), wanting(key, 1000.0 + key as f32, &map, at(0))).unwrap();
    }
    assert_eq!(wave(&mut pool, at(half_ms)).len(), 20);
}

#[test]
fn who_has_looked_in_vain_looks_again() {
    let (mut pool, half_ms) = pool_of(maps_alone(), &one_apart(600), &[300]);
    assert!(wave(&mut pool, at(half_ms + 500)).is_empty());
    let now = at(half_ms + 1000);
    pool.insert(now, wanting(600, 1000.0, "odd", now)).unwrap();
    let met = (2..10).map(|n| wave(&mut pool, at(half_ms + 500 * n))).find(|met| !met.is_empty());
    assert_eq!(met, Some(vec![vec![300, 600]]));
}

#[test]
fn teams_of_those_who_stand_far_from_each_other_are_found_in_time() {
    let mut teams = maps_alone();
    teams["teams"] = json!({"count": 2, "size": 2});
    let four = [0, 150, 250, 399];
    let mut pool = Pool::new(queue(teams), 7);
    for key in 0..400 {
        let map = if four.contains(&key) { "odd".to_owned() } else { key.to_string() };
        pool.insert(at(0), wanting(key, 1000.0 + key as f32, &map, at(0))).unwrap();
    }
    let half_ms = pool.queue().give_up_ms / 2;
    for ms in (500..half_ms).step_by(20_000) {
        assert!(wave(&mut pool, at(ms)).is_empty(), "they stand in different groups");
    }
    assert_eq!(wave(&mut pool, at(half_ms)), [four.map(|key| key as u32)]);
}

/// A pair at one end, somebody alone in the middle and a pair at the other end: the one alone is
/// nearer, and goes with neither.
#[test]
fn who_looks_far_for_a_team_is_not_content_with_the_nearest() {
    let mut teams = maps_within(1000.0);
    teams["teams"] = json!({"count": 2, "size": 2});
    let mut pool = Pool::new(queue(teams), 7);
    let half_ms = pool.queue().give_up_ms / 2;
    for key in 0..500_usize {
        let odd = [0, 200, 499].contains(&key);
        let map = if odd { "odd".to_owned() } else { key.to_string() };
        let since = at(if key == 0 { 0 } else { half_ms });
        let mut ticket = wanting(key, 1000.0 + key as f32, &map, since);
        if odd && key != 200 {
            ticket.members = party(key as u32, 2, 1000.0 + key as f32).members;
        }
        pool.insert(at(half_ms), ticket).unwrap();
    }
    assert_eq!(wave(&mut pool, at(half_ms + 500)), [[0, 499]]);
}

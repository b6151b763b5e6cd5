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

/// So many wait, of whom nobody fits anybody, and two that fit each other alone, at these places of
/// the order: after how many milliseconds those are found. They have waited for as long as it
/// takes to look far when the first wave comes.
fn met_after(written: Value, ratings: &[f32], two: [usize; 2], n_waves: u64) -> Option<u64> {
    let mut pool = Pool::new(queue(written), 7);
    let half_ms = pool.queue().give_up_ms / 2;
    for (key, rating) in ratings.iter().enumerate() {
        let is_one_of_two = two.contains(&key);
        let map = if is_one_of_two { "odd".to_owned() } else { key.to_string() };
        let since = at(if is_one_of_two { 0 } else { half_ms });
        let ticket = having(key as u32, "maps", map.into());
        let ticket =
            Candidate { since, attributes: ticket.attributes, ..solo(key as u32, *rating) };
        pool.insert(at(half_ms), ticket).unwrap();
    }
    (1..=n_waves).map(|n| half_ms + 500 * n).find(|ms| {
        let found = wave(&mut pool, at(*ms));
        let wanted = two.map(|place| place as u32);
        assert!(found.is_empty() || found == [wanted], "{found:?}");
        !found.is_empty()
    })
}

fn maps_alone() -> Value {
    json!({"rules": [{"kind": "overlap", "attribute": "maps"}]})
}

#[test]
fn who_fits_only_somebody_far_away_is_found_in_time() {
    let apart: Vec<f32> = (0..600).map(|n| 1000.0 + n as f32).collect();
    let by_map = json!({"kind": "overlap", "attribute": "maps"});
    let within = |within: f64| json!({"rules": [by_map, by_rating(within)]});
    for two in [[0, 300], [100, 500], [0, 500], [299, 599]] {
        assert!(met_after(within(500.0), &apart, two, 1).is_some(), "{two:?}: at once");
    }
    assert_eq!(met_after(within(299.0), &apart, [0, 300], 3), None, "that is too far");
    // More of them than are looked at.
    assert!(met_after(within(2000.0), &apart, [0, 599], 20).is_some());
    assert!(met_after(maps_alone(), &apart, [0, 599], 20).is_some());
}

/// As newcomers are.
#[test]
fn who_fits_only_one_of_thousands_that_are_rated_the_same_is_found_in_time() {
    let same = vec![1500.0; 2500];
    assert!(met_after(maps_alone(), &same, [600, 1900], 40).is_some());
    let near = json!({"rules": [{"kind": "overlap", "attribute": "maps"}, by_rating(50.0)]});
    assert!(met_after(near, &same, [600, 1900], 40).is_some());
}

#[test]
fn teams_of_those_who_stand_far_from_each_other_are_found_in_time() {
    let rules = json!([{"kind": "overlap", "attribute": "maps"}]);
    let teams = json!({"count": 2, "size": 2});
    let mut pool = Pool::new(queue(json!({"teams": teams, "rules": rules})), 7);
    let four = [0, 150, 250, 399];
    for key in 0..400 {
        let map = if four.contains(&key) { "odd".to_owned() } else { key.to_string() };
        let ticket = having(key, "maps", map.into());
        let attributes = ticket.attributes;
        pool.insert(at(0), Candidate { attributes, ..solo(key, 1000.0 + key as f32) }).unwrap();
    }
    let half_ms = pool.queue().give_up_ms / 2;
    for ms in (500..half_ms).step_by(20_000) {
        assert!(wave(&mut pool, at(ms)).is_empty(), "they stand in different groups");
    }
    assert_eq!(wave(&mut pool, at(half_ms)), [four]);
}

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
        let mut given_up = Vec::new();
        pool.expired(at(now_ms), &mut given_up);
        assert!(given_up.is_empty(), "at {now_ms} ms: {given_up:?}");
    }
    assert!(longest < 20_000, "{longest}");
    assert!(pool.len() < 300, "{}", pool.len());
}

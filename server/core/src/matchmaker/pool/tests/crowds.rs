//! Matches of more than two, from large pools.

use super::*;

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

/// The matches of three who came at once.
fn of_three(written: Value, three: [Candidate; 3], ms: u64) -> Vec<Found> {
    let mut pool = Pool::new(queue(written), 7);
    three.into_iter().for_each(|ticket| pool.insert(at(0), ticket).unwrap());
    let mut found = Vec::new();
    while pool.step(at(ms), 300, &mut found) == Progress::More {}
    found
}

/// Who has given a rule up is no reason for others to leave theirs.
#[test]
fn who_insists_shares_a_region_and_maps_with_all_also_with_those_who_do_not() {
    let rules = json!([{"kind": "region", "within": 80, "optional_after_ms": 5000}]);
    let three = |patient: &[(&str, u32)], one: &[(&str, u32)], other: &[(&str, u32)]| {
        let late = |ticket| Candidate { since: at(5000), ..ticket };
        let three = [from_regions(1, patient), from_regions(2, one), from_regions(3, other)];
        let [patient, one, other] = three;
        let players = json!({"players": {"from": 3, "to": 3}, "rules": rules});
        let found = of_three(players, [patient, late(one), late(other)], 6000);
        found.first().map(|found| found.region.clone().expect("they share one"))
    };
    assert_eq!(three(&[("b", 30), ("c", 9)], &[("a", 9), ("b", 30)], &[("a", 9), ("c", 30)]), None);
    let shared = three(&[("b", 30), ("c", 9)], &[("c", 60), ("b", 30)], &[("c", 9), ("a", 30)]);
    assert_eq!(shared.as_deref(), Some("c"));
    assert_eq!(three(&[("a", 90), ("b", 9)], &[("a", 9), ("b", 30)], &[("a", 9), ("b", 90)]), None);

    let rules = json!([{"kind": "overlap", "attribute": "maps", "optional_after_ms": 5000}]);
    let wanting =
        |key, since, maps: Value| Candidate { since: at(since), ..having(key, "maps", maps) };
    let three = |maps: [Value; 3]| {
        let [patient, one, other] = maps;
        let three = [wanting(1, 0, patient), wanting(2, 5000, one), wanting(3, 5000, other)];
        of_three(json!({"players": {"from": 3, "to": 3}, "rules": rules}), three, 6000).len()
    };
    assert_eq!(three([json!(["x", "y"]), json!(["x", "z"]), json!(["y", "z"])]), 0);
    assert_eq!(three([json!(["x", "y"]), json!(["y", "z"]), json!(["y", "z"])]), 1);
}

#[test]
fn parties_in_a_match_of_each_for_themselves_are_of_sizes_that_the_rules_allow() {
    let three = |within: u64, sizes: [u64; 3]| {
        let rules = json!([{"kind": "party_size", "within": within}]);
        let written = json!({"players": {"from": 5, "to": 8}, "rules": rules});
        let [one, two, three] = sizes;
        let tickets = [(1, one), (2, two), (3, three)].map(|(key, n)| party(key, n, 1500.0));
        of_three(written, tickets, 500).len()
    };
    assert_eq!(three(0, [2, 2, 1]), 0);
    assert_eq!(three(1, [2, 2, 1]), 1);
    assert_eq!(three(1, [3, 2, 1]), 1, "two of them");
    assert_eq!(three(1, [1, 3, 1]), 0);
}

/// A party is enough for a match of each for themselves; it is no match if its own rule forbids it.
#[test]
fn a_party_does_not_play_alone_where_it_would_not_play_with_others() {
    for (ms, n_matches) in [(80, 1), (81, 0)] {
        let mut pool = Pool::new(
            queue(json!({"players": {"from": 2, "to": 4},
                "rules": [{"kind": "region", "within": 80}]})),
            7,
        );
        let latencies = vec![("eu".into(), ms)];
        pool.insert(at(0), Candidate { latencies, ..party(1, 2, 1500.0) }).unwrap();
        assert_eq!(wave(&mut pool, at(500)).len(), n_matches);
    }
}

/// The first that come to mind are not always those that go together.
#[test]
fn who_could_play_does_not_wait_because_of_who_is_nearer() {
    let two_of_two = json!({"teams": {"count": 2, "size": 2}});
    let pairs = [party(1, 2, 1500.0), party(2, 1, 1510.0), party(3, 2, 1520.0)];
    assert_eq!(of_three(two_of_two, pairs, 500).len(), 1, "a single one stands between two pairs");

    // Together they would be two matches of four, but one of them fits nobody.
    let rules = json!([{"kind": "equal", "attribute": "mode", "optional_after_ms": 90_000}]);
    let from_four = json!({"players": {"from": 4, "to": 6}, "rules": rules});
    let of_mode = |key, size, mode: &str| {
        let attributes = vec![("mode".into(), Attribute::Text(mode.into()))];
        Candidate { attributes, ..party(key, size, 1500.0) }
    };
    let three = [of_mode(1, 3, "a"), of_mode(2, 3, "a"), of_mode(3, 1, "b")];
    assert_eq!(of_three(from_four, three, 500).len(), 1);

    // The nearest four cannot be split evenly.
    let mut pool = Pool::new(
        queue(json!({"teams": {"count": 2, "size": 2},
            "rules": [{"kind": "balance", "within": 50}]})),
        7,
    );
    for (key, rating) in [(1, 1000.0), (2, 1000.0), (3, 1200.0), (4, 1400.0), (5, 1400.0)] {
        pool.insert(at(0), solo(key, rating)).unwrap();
    }
    assert_eq!(wave(&mut pool, at(500)), [[1, 2, 4, 5]]);
}

#[test]
fn those_who_are_nearest_and_have_waited_longest_play_each_other() {
    let three = json!({"players": {"from": 3, "to": 3}, "give_up_ms": 20_000});
    let play = |tickets: &[(f32, u64)]| {
        let mut pool = Pool::new(queue(three.clone()), 7);
        for (key, (rating, since_ms)) in (0..).zip(tickets) {
            let ticket = Candidate { since: at(*since_ms), ..solo(key, *rating) };
            pool.insert(at(9500), ticket).unwrap();
        }
        wave(&mut pool, at(10_000))
    };
    let new = 9500;
    let two_heaps = [1000.0, 1001.0, 1002.0, 1300.0, 1301.0, 1302.0].map(|rating| (rating, new));
    assert_eq!(play(&two_heaps), [[0, 1, 2], [3, 4, 5]]);
    for patient in 0..4 {
        let mut four = [(1500.0, new); 4];
        four[patient].1 = 0;
        assert!(play(&four)[0].contains(&(patient as u32)), "{patient}");
    }
}

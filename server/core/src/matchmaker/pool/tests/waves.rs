//! When a pool does something: waves, their slices, bots, and giving up.

use super::*;

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

/// Two who do not fit each other yet.
fn apart(wave: &Value) -> Pool {
    let grow = json!({"by": 1, "every_ms": 1000, "limit": 500});
    let rule = json!({"kind": "difference", "attribute": "rating", "within": 10, "grow": grow});
    let mut pool = Pool::new(queue(json!({"rules": [rule], "wave": wave})), 1);
    pool.insert(at(0), solo(1, 1000.0)).unwrap();
    pool.insert(at(0), solo(2, 2000.0)).unwrap();
    pool
}

#[test]
fn waves_come_again_while_that_may_change_something() {
    for (after_ms, next_ms) in [(0, 2250), (250, 2250), (251, 2251), (2000, 4000)] {
        let mut pool = apart(&json!({"after_ms": after_ms}));
        assert!(wave(&mut pool, at(2000)).is_empty());
        assert_eq!(pool.deadline(), Some(at(next_ms)));
        // One alone needs none; there is one more, since somebody has come.
        pool.remove(TicketKey(1));
        assert!(wave(&mut pool, at(next_ms)).is_empty());
        assert_eq!(pool.deadline(), Some(at(120_000)), "until it is given up");
    }
}

#[test]
fn a_long_wave_is_followed_by_a_long_rest() {
    let mut pool = apart(&json!({"after_ms": 500, "tickets": 2}));
    assert_eq!(pool.step(at(500), 1, &mut Vec::new()), Progress::More);
    assert!(wave(&mut pool, at(700)).is_empty());
    for key in 3..6 {
        pool.insert(at(700), solo(key, 1500.0 + 100.0 * key as f32)).unwrap();
    }
    // It took 200 ms: waves take a quarter of the time.
    assert_eq!(pool.deadline(), Some(at(1300)));
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
    assert_eq!(pool.expire(at(5099)), None);
    let expired = [(); 3].map(|()| pool.expire(at(5200)));
    assert_eq!(expired, [Some(TicketKey(2)), Some(TicketKey(3)), None]);
    assert_eq!(positions(&pool), [Some(0), None, None]);
    assert!(pool.remove(TicketKey(1)) && !pool.remove(TicketKey(1)));
    assert_eq!((pool.is_empty(), pool.n_players()), (true, 0));
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
fn who_says_what_could_not_be_shared_is_not_taken() {
    let config = json!({"a": {}, "b": {}});
    let rule = |kind: &str, config: &Value| {
        let rule = json!({"kind": kind, "attribute": "it", "config": config});
        queue(json!({"rules": [rule]}))
    };
    let twice = json!({"kind": "overlap", "attribute": "it", "at_least": 2});
    let in_time = json!({"kind": "overlap", "attribute": "it", "optional_after_ms": 9});
    let of = |rule: Value| queue(json!({"rules": [rule]}));
    for (queue, said, is_taken) in [
        (rule("equal", &config), json!("a"), true),
        (rule("equal", &config), json!(5), false),
        (rule("equal", &config), json!("c"), false),
        (rule("overlap", &config), json!("a"), true),
        (rule("overlap", &config), json!(["b", "a"]), true),
        (rule("overlap", &config), json!(["b", "c"]), false),
        (rule("overlap", &config), json!([]), false),
        (rule("overlap", &config), json!(5), false),
        (rule("overlap", &json!({})), json!([]), false),
        (of(twice.clone()), json!(["a", "b"]), true),
        (of(twice.clone()), json!(["a", "a"]), false),
        (of(twice), json!("a"), false),
        (of(in_time), json!([]), true),
    ] {
        let taken = Pool::new(Arc::clone(&queue), 1).insert(at(0), having(1, "it", said.clone()));
        assert_eq!(taken.is_ok(), is_taken, "{said} {:?}: {taken:?}", queue.rules);
    }
}

#[test]
fn numbers_keep_their_order_as_bits() {
    let numbers = [-1e30_f32, -2.5, -1.0, -0.0, 0.0, 1e-30, 1.0, 2.5, 1e30];
    assert!(numbers.map(in_order).is_sorted());
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

//! Declarations that are right, and what is said of those that are not.

use serde_json::json;

use super::*;

fn read(mut written: Value) -> Result<Queue, String> {
    let table = written.as_object_mut().unwrap();
    table.entry("name").or_insert(json!("blitz"));
    table.entry("game").or_insert(json!("chess"));
    serde_json::from_value(written).map_err(|error| error.to_string())
}

fn with_rule(rule: &Value) -> Result<Queue, String> {
    read(json!({"rules": [rule]}))
}

#[test]
fn a_queue_needs_a_name_and_a_game_and_nothing_else() {
    let queue = read(json!({})).unwrap();
    assert_eq!(queue, Declared::duel("blitz", "chess").try_into().unwrap());
    assert_eq!(queue.shape(), Shape::Teams(Teams { count: 2, size: 1 }));
    assert_eq!((queue.shape().fewest(), queue.shape().most()), (2, 2));
    assert_eq!(queue.ladder(), "chess/blitz");
    assert_eq!(queue.give_up(), Duration::from_secs(120));
    assert_eq!(queue.bots_after(), None);
    assert!(!queue.changes_with_time());
}

#[test]
fn a_queue_is_written_as_it_is_read() {
    let queue = read(json!({
        "config": {"minutes": 3}, "teams": {"count": 2, "size": 3}, "rated": true,
        "ladder": "chess/all", "wave": {"after_ms": 10, "tickets": 4}, "accept_ms": 9,
        "give_up_ms": 5000, "bots_after_ms": 4000,
        "rules": [
            {"kind": "difference", "attribute": "rating", "within": 100, "merge": "max",
             "grow": {"by": 25, "every_ms": 1000, "limit": 500}, "weight": 2},
            {"kind": "overlap", "attribute": "maps", "at_least": 2, "optional_after_ms": 3000},
            {"kind": "equal", "attribute": "mode"},
            {"kind": "region", "within": 80, "steps": [[5000, 120], [10000, 200]]},
            {"kind": "balance", "within": 60},
            {"kind": "party_size"},
            {"kind": "avoid_repeats", "last": 3, "for_ms": 60000},
        ]
    }))
    .unwrap();
    let written = serde_json::to_value(&queue).unwrap();
    assert_eq!(serde_json::from_value::<Queue>(written).unwrap(), queue);
    assert_eq!((queue.ladder(), queue.largest_party()), ("chess/all".to_owned(), 3));
    assert!(queue.changes_with_time());
    assert_eq!(queue.rules[5].kind, Kind::PartySize { window: Window::of(0.0) });
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let grow = |by: f64, every_ms: u64, limit: u64| {
        json!({"kind": "region", "within": 80,
            "grow": {"by": by, "every_ms": every_ms, "limit": limit}})
    };
    let rule = |rule: Value| json!({"rules": [rule]});
    for (written, said) in [
        (json!({"name": ""}), "its name has 1 to 32"),
        (json!({"name": "Blitz"}), "its name has 1 to 32"),
        (json!({"game": ""}), "`game` has 1 to 64 bytes"),
        (json!({"ladder": "a\nb"}), "`ladder` has 1 to 64 bytes"),
        (json!({"colour": 1}), "unknown field `colour`"),
        (json!({"wave": {"every": 1}}), "unknown field `every`"),
        (json!({"wave": {"tickets": 0}}), "`wave.tickets` is 1 to 1000000, not 0"),
        (json!({"teams": {"count": 1, "size": 2}}), "`teams` are 2 or more of 1 or more"),
        (json!({"teams": {"count": 2, "size": 0}}), "`teams` are 2 or more of 1 or more"),
        (json!({"players": {"from": 1, "to": 2}}), "`players` go from 2"),
        (json!({"players": {"from": 3, "to": 2}}), "`players` go from 2"),
        (
            json!({"players": {"from": 2, "to": 2}, "teams": {"count": 2, "size": 1}}),
            "either `teams` or `players`",
        ),
        (json!({"give_up_ms": 999}), "`give_up_ms` is 1000 to 86400000, not 999"),
        (json!({"bots_after_ms": 120_000}), "`bots_after_ms` is before `give_up_ms`"),
        (rule(json!({"kind": "near"})), "there is no rule of kind `near`; there are difference,"),
        (rule(json!({"kind": "equal"})), "a rule of kind `equal` needs `attribute`"),
        (rule(json!({"kind": "region"})), "a rule of kind `region` needs `within`"),
        (
            rule(json!({"kind": "equal", "attribute": "mode", "within": 1})),
            "a rule of kind `equal` has no `within`",
        ),
        (
            rule(json!({"kind": "difference", "attribute": "level", "within": 3, "merge": "max"})),
            "`merge` is for `rating`",
        ),
        (rule(json!({"kind": "region", "within": -1})), "rule 1 (`region`): `within` is 0 to"),
        (rule(json!({"kind": "region", "within": 9e9})), "`within` is 0 to"),
        (rule(json!({"kind": "region", "within": 1, "weight": -1})), "`weight` is 0 to 100"),
        (
            rule(json!({"kind": "region", "within": 1, "steps": [[9, 2], [9, 3]]})),
            "`steps` are [after ms, within]",
        ),
        (rule(json!({"kind": "region", "within": 1, "steps": []})), "`steps` are 1 to 16"),
        (rule(grow(0.0, 1, 100)), "`grow.by` is more than 0"),
        (rule(grow(1.0, 0, 100)), "`grow.every_ms` is 1 to"),
        (rule(grow(1.0, 1, 79)), "`grow.limit` is no less than `within`"),
        (
            json!({"players": {"from": 2, "to": 4}, "rules": [{"kind": "balance", "within": 1}]}),
            "there are no teams",
        ),
    ] {
        let error = read(written.clone()).expect_err(&written.to_string());
        assert!(error.contains(said), "{written}: {error}");
    }
}

#[test]
fn each_limit_holds_and_one_past_it_does_not() {
    let letters = |n: usize| "a".repeat(n);
    let rules = |n: usize| vec![json!({"kind": "equal", "attribute": "mode"}); n];
    let steps = |n: u64| -> Vec<_> { (1..=n).map(|ms| json!([ms, 1.0])).collect() };
    for (at, past) in [
        (json!({"name": letters(32)}), json!({"name": letters(33)})),
        (json!({"game": letters(64)}), json!({"game": letters(65)})),
        (json!({"rules": rules(16)}), json!({"rules": rules(17)})),
        (json!({"teams": {"count": 12, "size": 5}}), json!({"teams": {"count": 61, "size": 1}})),
        (json!({"players": {"from": 2, "to": 60}}), json!({"players": {"from": 2, "to": 61}})),
        (json!({"give_up_ms": MAX_TIME_MS}), json!({"give_up_ms": MAX_TIME_MS + 1})),
        (json!({"accept_ms": MAX_ACCEPT_MS}), json!({"accept_ms": MAX_ACCEPT_MS + 1})),
        (
            json!({"wave": {"after_ms": MAX_TIME_MS}}),
            json!({"wave": {"after_ms": MAX_TIME_MS + 1}}),
        ),
        (
            json!({"rules": [{"kind": "region", "within": 1, "steps": steps(16)}]}),
            json!({"rules": [{"kind": "region", "within": 1, "steps": steps(17)}]}),
        ),
        (
            json!({"rules": [{"kind": "avoid_repeats", "last": 16}]}),
            json!({"rules": [{"kind": "avoid_repeats", "last": 17}]}),
        ),
        (
            json!({"rules": [{"kind": "overlap", "attribute": "a", "at_least": 32}]}),
            json!({"rules": [{"kind": "overlap", "attribute": "a", "at_least": 33}]}),
        ),
    ] {
        assert!(read(at.clone()).is_ok(), "{at}");
        assert!(read(past.clone()).is_err(), "{past}");
    }
    let queues = |n: usize| -> Vec<Queue> {
        (0..n).map(|i| read(json!({"name": format!("q{i}")})).unwrap()).collect()
    };
    assert!(judge_all(&queues(MAX_QUEUES)).is_ok());
    assert!(judge_all(&queues(MAX_QUEUES + 1)).is_err());
    let twice = [queues(1), queues(1)].concat();
    assert!(judge_all(&twice).unwrap_err().to_string().contains("two of that name"));
}

#[test]
fn windows_grow_while_somebody_waits() {
    let window = |rule: &Value| {
        let queue = with_rule(rule).unwrap();
        queue.rules[0].kind.window().unwrap().clone()
    };
    let linear = window(&json!({"kind": "difference", "attribute": "rating", "within": 100,
        "grow": {"by": 25, "every_ms": 1000, "limit": 160}}));
    let steps = window(&json!({"kind": "difference", "attribute": "rating", "within": 100,
        "steps": [[5000, 200], [10000, 400]]}));
    for (window, ms, within) in [
        (&linear, 0, 100.0),
        (&linear, 999, 100.0),
        (&linear, 1000, 125.0),
        (&linear, 2999, 150.0),
        (&linear, 3000, 160.0),
        (&linear, MAX_TIME_MS, 160.0),
        (&steps, 4999, 100.0),
        (&steps, 5000, 200.0),
        (&steps, 10_000, 400.0),
    ] {
        assert_eq!(window.after(Duration::from_millis(ms)), within, "{window:?} after {ms}");
    }
    assert_eq!((linear.widest(), steps.widest()), (160.0, 400.0));
}

#[test]
fn nobody_insists_on_a_rule_for_longer_than_it_says() {
    let rule = |optional_after_ms: u64| Rule {
        optional_after_ms,
        ..Kind::Equal { attribute: "mode".to_owned() }.into()
    };
    let after = Duration::from_millis;
    assert!(!rule(0).is_optional(after(MAX_TIME_MS)));
    assert!(!rule(500).is_optional(after(499)));
    assert!(rule(500).is_optional(after(500)));
}

#[test]
fn parties_fit_into_a_team_and_do_not_play_each_other_for_points() {
    for (written, largest) in [
        (json!({}), 1),
        (json!({"teams": {"count": 2, "size": 5}}), 5),
        (json!({"teams": {"count": 2, "size": 30}}), 16),
        (json!({"players": {"from": 2, "to": 8}}), 8),
        (json!({"players": {"from": 2, "to": 3}}), 3),
        (json!({"players": {"from": 2, "to": 2}}), 1),
        (json!({"players": {"from": 2, "to": 8}, "rated": true}), 1),
    ] {
        assert_eq!(read(written.clone()).unwrap().largest_party(), largest, "{written}");
    }
}

#[test]
fn players_choose_of_the_configuration_what_rules_let_them() {
    let pace = json!({"kind": "overlap", "attribute": "pace",
        "config": {"3+2": {"clock": 180}, "5+0": {"clock": 300, "chat": false}}});
    let board = json!({"kind": "equal", "attribute": "board",
        "config": {"mini": {"size": 5}, "large": {"size": 9}}});
    let written = json!({"config": {"clock": 60, "mode": "free"}, "rules": [pace, board]});
    let queue = read(written).unwrap();
    let with = |pace: &'static str, board: &'static str| {
        let says = move |rule: &Rule| match rule.kind {
            Kind::Overlap { .. } => pace,
            _ => board,
        };
        Value::Object(queue.config_of(says))
    };
    let blitz = json!({"clock": 180, "mode": "free", "size": 9});
    let slow = json!({"clock": 300, "chat": false, "mode": "free", "size": 5});
    assert_eq!((with("3+2", "large"), with("5+0", "mini")), (blitz.clone(), slow.clone()));
    let all: Vec<Value> = queue.configs().into_iter().map(Value::Object).collect();
    assert_eq!(all.len(), 4);
    assert!(all.contains(&blitz) && all.contains(&slow), "{all:?}");
    assert_eq!(read(json!({})).unwrap().configs().len(), 1, "nothing is to be chosen");
}

#[test]
fn what_nobody_could_choose_is_refused() {
    let texts = |n: usize| {
        let texts = (0..n).map(|i| (i.to_string(), json!({"a": i})));
        Value::Object(texts.collect())
    };
    let rule_of = |attribute: &str, config: Value| {
        let (kind, attribute) = ("equal", attribute.to_owned());
        json!({"kind": kind, "attribute": attribute, "config": config})
    };
    let rule = |attribute: &str, n: usize| {
        let texts = (0..n).map(|i| (i.to_string(), json!({attribute: i})));
        rule_of(attribute, Value::Object(texts.collect()))
    };
    let overlap = |at_least: u8| {
        let config = texts(2);
        json!({"kind": "overlap", "attribute": "a", "at_least": at_least, "config": config})
    };
    for (at, past) in [
        (vec![rule("a", 32)], vec![rule("a", 33)]),
        (vec![rule("a", 16), rule("b", 16)], vec![rule("a", 16), rule("b", 17)]),
        (vec![rule("a", 2), rule("b", 2)], vec![rule("a", 2), rule("a", 2)]),
        (vec![rule("a", 2), rule("b", 2)], vec![rule("a", 2), rule_of("b", texts(2))]),
        (vec![overlap(2)], vec![overlap(3)]),
        (
            vec![json!({"kind": "equal", "attribute": "a", "config": {"a".repeat(64): {}}})],
            vec![json!({"kind": "equal", "attribute": "a", "config": {"a".repeat(65): {}}})],
        ),
        (
            vec![json!({"kind": "equal", "attribute": "a", "optional_after_ms": 9})],
            vec![json!({"kind": "equal", "attribute": "a", "optional_after_ms": 9,
                        "config": texts(2)})],
        ),
        (
            vec![json!({"kind": "region", "within": 9})],
            vec![json!({"kind": "region", "within": 9, "config": texts(2)})],
        ),
    ] {
        assert!(read(json!({"rules": at})).is_ok(), "{at:?}");
        assert!(read(json!({"rules": past})).is_err(), "{past:?}");
    }
    let rated = |n: usize| read(json!({"rules": [rule("a", n)], "rated": true}));
    assert!(rated(1).is_ok());
    assert!(rated(2).is_err(), "a ladder is of one pace");
}

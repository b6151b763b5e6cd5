//! Quick play over several shards: who meets whom, and what becomes of those who are late, gone or
//! not let in.

use proptest::prelude::*;

use super::{
    net::{Client, Net},
    *,
};

fn quick(who: Client) -> Value {
    json!({"game": "tally", "name": format!("p{}-{}", who.0, who.1)})
}

fn with(mut request: Value, field: &str, value: Value) -> Value {
    request[field] = value;
    request
}

/// Clients of these numbers on each shard.
fn net(n_shards: u8, n_each: u32) -> (Net, Vec<Client>) {
    let mut net = Net::new(n_shards, 7);
    let all: Vec<Client> =
        (0..n_each).flat_map(|n| (0..n_shards.into()).map(move |at| (at, n))).collect();
    all.iter().for_each(|who| net.arrive(*who));
    (net, all)
}

/// The shard that puts seekers in line.
fn line(net: &Net) -> usize {
    net.shards[0].neighbours.of_word(b"tally").shard.into()
}

fn id(answer: &Value) -> String {
    answer["lobby"]["id"].as_str().unwrap().to_owned()
}

/// Seats taken in each lobby, all shards together.
fn taken(net: &Net) -> Vec<u8> {
    let lobbies = net.shards.iter().flat_map(|shard| shard.lobbies.iter());
    let mut taken: Vec<u8> = lobbies.map(|(_, l)| l.face().map_or(0, |f| f.players)).collect();
    taken.sort_unstable();
    taken
}

#[test]
fn strangers_of_one_name_meet_all_the_same() {
    let (mut net, all) = net(3, 1);
    let first = net.ok(all[0], "quick", &quick(all[0]));
    let wish = with(quick(all[1]), "name", quick(all[0])["name"].clone());
    assert_eq!(id(&net.ok(all[1], "quick", &wish)), id(&first));
    net.check_nothing_is_left();
}

#[test]
fn who_finds_no_lobby_opens_one_and_others_come_in() {
    let (mut net, all) = net(3, 3);
    let first = net.ok(all[0], "quick", &with(quick(all[0]), "metadata", json!({"a": 1})));
    assert_eq!((&first["created"], &first["seat"]), (&json!(true), &json!(0)));
    let lobby = &first["lobby"];
    assert_eq!((&lobby["visibility"], &lobby["metadata"]), (&json!("public"), &json!({"a": 1})));
    for (i, who) in all[1..].iter().enumerate() {
        let answer = net.ok(*who, "quick", &quick(*who));
        assert_eq!(answer["created"], (i + 1) % 4 == 0, "{i}");
        assert_eq!(answer["seat"], (i + 1) % 4);
        assert_eq!(id(&answer) == id(&first), i < 3);
    }
    assert_eq!(taken(&net), [1, 4, 4]);
    net.check_nothing_is_left();
}

#[test]
fn the_fullest_comes_first_and_of_these_the_oldest() {
    let (mut net, all) = net(3, 4);
    let mut open = |who: Client| {
        net.wait(3);
        let create = with(quick(who), "visibility", json!("public"));
        id(&net.ok(who, "create", &create))
    };
    let ids: Vec<String> = all[..3].iter().map(|who| open(*who)).collect();
    let join = json!({"id": ids[2], "name": "x"});
    net.ok(all[3], "join", &join);
    let mut next = all[4..].iter();
    let order = [2, 2, 0, 0, 0, 1, 1];
    for i in order {
        let who = *next.next().unwrap();
        assert_eq!(id(&net.ok(who, "quick", &quick(who))), ids[i]);
    }
    net.check_nothing_is_left();
}

#[test]
fn nobody_is_sent_where_nobody_may_come_in_or_nobody_is() {
    for case in 0..8 {
        let (mut net, all) = net(2, 3);
        let mut create = with(quick(all[0]), "visibility", json!("public"));
        let (field, value) = [
            ("visibility", json!("unlisted")),
            ("visibility", json!("private")),
            ("password", json!("x")),
            ("locked", json!(true)),
            ("game", json!("other")),
        ]
        .get(case)
        .cloned()
        .unwrap_or_else(|| ("visibility", json!("public")));
        create[field] = value;
        let lobby = net.ok(all[0], "create", &create);
        let join = json!({"code": lobby["lobby"]["code"], "name": "x", "password": "x"});
        match case {
            // Only somebody who watches is there still.
            5 => {
                net.ok(all[1], "join", &with(join.clone(), "role", json!("spectator")));
                net.ok(all[0], "leave", &Value::Null);
            }
            // All have lost their connections.
            6 => net.vanish(all[0]),
            // A match is on.
            7 => {
                net.ok(all[1], "join", &join);
                net.ok(all[1], "ready", &json!({"ready": true}));
                net.ok(all[0], "start", &Value::Null);
            }
            _ => {}
        }
        net.still();
        let answer = net.ok(all[2], "quick", &quick(all[2]));
        assert_eq!(answer["created"], true, "case {case}");
        net.check_nothing_is_left();
    }
}

#[test]
fn who_seeks_something_finds_what_fits_it() {
    let (mut net, all) = net(2, 4);
    let rating = |n: u32| json!({"rating": n});
    let create = |who: Client, n: u32| {
        with(with(quick(who), "metadata", rating(n)), "visibility", json!("public"))
    };
    let weak = id(&net.ok(all[0], "create", &create(all[0], 1000)));
    let strong = id(&net.ok(all[1], "create", &create(all[1], 2000)));
    let mut seek = |who: Client, filter: Value| {
        let wish = with(with(quick(who), "filter", filter), "metadata", rating(3000));
        id(&net.ok(who, "quick", &wish))
    };
    let above = |min: u32| json!({"metadata": {"rating": {"min": min}}});
    assert_eq!(seek(all[2], above(1500)), strong);
    assert_eq!(seek(all[3], json!({"metadata": {"rating": 1000}})), weak);
    // Three seats are free nowhere: each opens a lobby, in which they are.
    let new = seek(all[4], with(above(2500), "free", json!(3)));
    assert!(new != weak && new != strong);
    assert_eq!(seek(all[5], with(above(2500), "free", json!(3))), new);
    assert_ne!(seek(all[6], with(above(2500), "free", json!(3))), new);
    net.check_nothing_is_left();
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_left_of_it() {
    let (mut net, all) = net(2, 2);
    for (field, value, code) in [
        ("game", json!("go"), "E_UNKNOWN_GAME"),
        ("name", json!(""), "E_NAME"),
        ("config", json!({"goal": 0}), "E_BAD_CONFIG"),
        ("visibility", json!("private"), "E_BAD_REQUEST"),
        ("filter", json!({"limit": 3}), "E_BAD_REQUEST"),
    ] {
        let asked = net.ask(all[0], "quick", &with(quick(all[0]), field, value));
        net.still();
        assert_eq!(net.answers[&asked]["code"], code, "{field}");
    }
    // Who has a bad name is let in nowhere.
    net.ok(all[1], "quick", &quick(all[1]));
    let asked = net.ask(all[0], "quick", &with(quick(all[0]), "name", json!("")));
    net.still();
    assert_eq!(net.answers[&asked]["code"], "E_NAME");
    net.ok(all[0], "quick", &quick(all[0]));
    let asked = net.ask(all[0], "quick", &quick(all[0]));
    net.still();
    assert_eq!(net.answers[&asked]["code"], "E_IN_LOBBY");
    assert_eq!(taken(&net), [2]);
    net.check_nothing_is_left();
}

#[test]
fn what_is_asked_behind_a_quick_play_counts_from_the_lobby() {
    let (mut net, all) = net(3, 1);
    let asked: Vec<u64> = all
        .iter()
        .flat_map(|who| {
            [net.ask(*who, "quick", &quick(*who)), net.ask(*who, "chat", &json!({"text": "x"}))]
        })
        .collect();
    net.still();
    assert!(asked.iter().all(|id| net.answers[id]["ok"] == true));
    assert_eq!(taken(&net), [3]);
    net.check_nothing_is_left();
}

#[test]
fn a_shard_that_does_not_answer_holds_up_the_first_but_not_those_behind_it() {
    let (mut net, all) = net(4, 3);
    net.stuck = Some((line(&net) + 1) % 4);
    let here: Vec<Client> = all.iter().copied().filter(|who| Some(who.0) != net.stuck).collect();
    let asked = net.ask(here[0], "quick", &quick(here[0]));
    net.wait(999);
    assert!(!net.answers.contains_key(&asked));
    net.wait(1);
    assert_eq!(net.answers[&asked]["created"], true);
    assert_eq!(net.ok(here[1], "quick", &quick(here[1]))["created"], false, "at once");
    // It comes back to life, and its lobbies count again.
    net.stuck = None;
    net.still();
    net.check_nothing_is_left();
}

#[test]
fn a_line_that_does_not_answer_lets_its_seekers_go_after_fifteen_seconds() {
    let (mut net, _) = net(3, 2);
    let line = line(&net);
    let who = ((line + 1) % 3, 0);
    net.stuck = Some(line);
    let asked = net.ask(who, "quick", &quick(who));
    net.wait(14_999);
    assert!(!net.answers.contains_key(&asked));
    net.wait(1);
    assert_eq!(net.answers[&asked]["code"], "E_UNAVAILABLE");
    let own = id(&net.ok(who, "create", &quick(who)));
    // What the line says now comes too late.
    net.stuck = None;
    net.wait(60_000);
    assert_eq!(taken(&net), [1]);
    let again = net.ok(who, "settings", &json!({"visibility": "public"}));
    assert_eq!(again["ok"], true);
    let other = ((line + 2) % 3, 0);
    assert_eq!(id(&net.ok(other, "quick", &quick(other))), own);
    net.check_nothing_is_left();
}

#[test]
fn a_lobby_that_does_not_answer_is_given_up_and_the_line_goes_on() {
    let (mut net, all) = net(4, 3);
    let line = line(&net);
    let host = ((line + 1) % 4, 0);
    net.ok(host, "quick", &quick(host));
    let seekers: Vec<Client> =
        all.iter().copied().filter(|who| who.0 != host.0 && who.0 != line).collect();
    let asked = net.ask(seekers[0], "quick", &quick(seekers[0]));
    // The lobby's shard stops when it has said what it has.
    let is_sent = |net: &Net| {
        let key = |who: Client| &net.shards[who.0].visitors;
        key(seekers[0]).is_joining(socket(seekers[0].1))
    };
    while !is_sent(&net) {
        assert!(net.step());
    }
    net.stuck = Some(host.0);
    let behind = net.ask(seekers[1], "quick", &quick(seekers[1]));
    net.wait(2_999);
    assert!(!net.answers.contains_key(&behind), "2 s for those sent, 1 s for the question");
    net.wait(1);
    assert_eq!(net.answers[&behind]["created"], true);
    net.wait(2_000);
    assert_eq!(net.answers[&asked]["code"], "E_UNAVAILABLE");
    net.stuck = None;
    net.wait(60_000);
    net.check_nothing_is_left();
}

/// Many who seek at once, whatever the order in which what is said arrives.
fn rush(n_shards: u8, seed: u64, n_each: u32, filters: &[Value]) {
    let mut net = Net::new(n_shards, seed);
    let all: Vec<Client> =
        (0..n_each).flat_map(|n| (0..n_shards.into()).map(move |at| (at, n))).collect();
    all.iter().for_each(|who| net.arrive(*who));
    for (i, who) in all.iter().enumerate() {
        let n = i % filters.len();
        let wish = with(quick(*who), "filter", filters[n].clone());
        net.ask(*who, "quick", &with(wish, "metadata", json!({"of": n})));
        // Some of what was said arrives before the next one comes.
        (0..i % 5).for_each(|_| _ = net.step());
    }
    net.still();
    assert_eq!(net.asked.len(), 0, "each is answered without time passing");
    assert!(net.answers.values().all(|answer| answer["ok"] == true));
    let n_created = net.answers.values().filter(|answer| answer["created"] == true).count();
    let taken = taken(&net);
    assert_eq!(taken.len(), n_created);
    let n_half_empty = taken.iter().filter(|n| **n < 4).count();
    assert!(n_half_empty <= filters.len(), "{taken:?}");
    net.check_nothing_is_left();
}

#[derive(Debug, Clone)]
enum Op {
    Quick(Client),
    Join(Client, usize),
    Leave(Client),
    Vanish(Client),
    Step(u8),
    Wait(u64),
    Stick(Option<usize>),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || (0..3usize, 0..5u32);
    prop_oneof![
        10 => who().prop_map(Op::Quick),
        4 => (who(), any::<usize>()).prop_map(|(who, lobby)| Op::Join(who, lobby)),
        3 => who().prop_map(Op::Leave),
        3 => who().prop_map(Op::Vanish),
        10 => (0..30u8).prop_map(Op::Step),
        2 => (0..3000u64).prop_map(Op::Wait),
        1 => prop::option::of(0..3usize).prop_map(Op::Stick),
    ]
}

fn run(net: &mut Net, op: &Op) {
    match op {
        Op::Quick(who) => {
            if !net.told.contains_key(who) {
                net.arrive(*who);
            }
            net.ask(*who, "quick", &quick(*who));
        }
        Op::Join(who, lobby) => {
            let ids = net.shards.iter().flat_map(|s| s.lobbies.iter()).map(|(_, l)| l.id);
            let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            if net.told.contains_key(who) && !ids.is_empty() {
                let join = json!({"id": ids[lobby % ids.len()], "name": "x"});
                net.ask(*who, "join", &join);
            }
        }
        Op::Leave(who) if net.told.contains_key(who) => {
            net.ask(*who, "leave", &Value::Null);
        }
        Op::Vanish(who) if net.told.contains_key(who) => net.vanish(*who),
        Op::Step(n) => (0..*n).for_each(|_| _ = net.step()),
        Op::Wait(ms) => net.wait(*ms),
        Op::Stick(stuck) => net.stuck = *stuck,
        Op::Leave(_) | Op::Vanish(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn however_many_seek_at_once_no_two_lobbies_are_half_empty(
        n_shards in 1..5u8, seed in any::<u64>(), n_each in 1..12u32,
    ) {
        rush(n_shards, seed, n_each, &[json!({})]);
    }

    #[test]
    fn those_who_seek_the_same_meet(
        n_shards in 1..4u8, seed in any::<u64>(), n_each in 1..9u32,
    ) {
        let of = |n: u32| json!({"metadata": {"of": n}});
        rush(n_shards, seed, n_each, &[of(0), of(1)]);
    }

    #[test]
    fn whoever_comes_and_goes_meanwhile_each_is_answered_and_no_seat_leaks(
        ops in prop::collection::vec(op(), 0..120), seed in any::<u64>(),
    ) {
        let mut net = Net::new(3, seed);
        ops.iter().for_each(|op| run(&mut net, op));
        net.stuck = None;
        net.wait(30_000);
        assert_eq!(net.asked.len(), 0, "each who is there is answered");
        assert!(taken(&net).iter().all(|n| *n <= 4));
        net.check_nothing_is_left();
    }
}

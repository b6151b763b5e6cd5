//! What is said of public lobbies, and how they are found: settings, filters, the examined few.

use proptest::prelude::*;

use super::*;
use crate::lobby::{MAX_EXAMINED, filter::order};
use parlor_shared::api::lobby::{Filter, Listed, Listing, MAX_LISTED};

fn open(script: &mut Script, number: u32, metadata: &Value) -> Result<Value, String> {
    script.arrive(number);
    let create = json!({"game": "tally", "name": name(number), "visibility": "public",
        "metadata": metadata});
    script.ask(number, "create", &create)
}

fn list(script: &mut Script, number: u32, filter: &Value) -> Vec<Arc<Listed>> {
    let listing = script.ok(number, "list", filter);
    serde_json::from_value::<Listing>(listing).unwrap().lobbies
}

/// The hosts' numbers, in the order told.
fn hosts(script: &mut Script, number: u32, filter: &Value) -> Vec<String> {
    let lobbies = list(script, number, filter);
    lobbies.iter().map(|listed| listed.host.replace("Player ", "")).collect()
}

#[test]
fn public_lobbies_are_listed_newest_first() {
    let mut script = Script::new();
    for number in 0..8 {
        script.arrive(number);
        let visibility = if number == 3 { "private" } else { "public" };
        let create = json!({"game": "tally", "name": name(number), "visibility": visibility});
        script.ok(number, "create", &create);
    }
    script.ok(5, "leave", &Value::Null);
    script.wait(7);
    let metadata = json!({"rating": 1500.5, "mode": "blitz"});
    let create =
        json!({"game": "other", "name": "Five", "visibility": "public", "metadata": metadata});
    let joined = script.ok(5, "create", &create);
    assert_eq!(joined["lobby"]["metadata"], metadata);
    script.arrive(9);
    assert_eq!(hosts(&mut script, 9, &Value::Null), ["Five", "7", "6", "4", "2", "1", "0"]);
    assert_eq!(hosts(&mut script, 9, &json!({})), ["Five", "7", "6", "4", "2", "1", "0"]);
    assert_eq!(hosts(&mut script, 9, &json!({"game": "other"})), ["Five"]);
    assert_eq!(hosts(&mut script, 9, &json!({"game": "go"})), [""; 0]);
    let listing = script.ok(9, "list", &json!({"game": "other"}));
    let entry = json!({
        "id": script.lobby(5).id, "game": "other", "host": "Five", "players": 1, "capacity": 4,
        "phase": "open", "made_ms": EPOCH_MS + 1_000_007, "metadata": metadata,
    });
    assert_eq!(listing["lobbies"], json!([entry]));
    assert_eq!(script.ask(9, "list", &json!({"gam": "x"})), Err("E_BAD_REQUEST".to_owned()));
    script.check_nothing_is_left();
}

#[test]
fn a_full_lobby_is_listed_but_not_to_who_wants_a_free_seat() {
    let mut script = Script::new();
    open(&mut script, 0, &json!({})).unwrap();
    (1..4).for_each(|number| script.enter(number, "player"));
    let free = json!({"free": 1});
    assert_eq!(hosts(&mut script, 3, &free), [""; 0]);
    assert_eq!(list(&mut script, 3, &json!({}))[0].players, 4);
    script.ok(2, "leave", &Value::Null);
    assert_eq!(hosts(&mut script, 3, &free), ["0"]);
    assert_eq!(hosts(&mut script, 3, &json!({"free": 2})), [""; 0]);
}

#[test]
fn a_listing_tells_a_hundred_lobbies_and_not_one_more() {
    let mut script = Script::new();
    for number in 0..101 {
        open(&mut script, number, &json!({})).unwrap();
    }
    let listing = script.ok(0, "list", &Value::Null);
    let lobbies = listing["lobbies"].as_array().unwrap();
    assert_eq!((lobbies.len(), MAX_LISTED), (100, 100));
    assert_eq!(lobbies[99]["host"], "Player 1", "the oldest is left out");
}

#[test]
fn the_host_says_what_its_lobby_is_found_by() {
    let mut script = Script::new();
    open(&mut script, 0, &json!({"rating": 1500, "mode": "blitz"})).unwrap();
    script.enter(1, "player");
    script.enter(2, "spectator");
    script.forget();
    let strong = json!({"metadata": {"rating": {"min": 1600}}});
    assert_eq!(hosts(&mut script, 1, &strong), [""; 0]);
    let settings = json!({"metadata": {"rating": 1600, "region": "eu"}});
    script.ok(0, "settings", &settings);
    assert_eq!(hosts(&mut script, 1, &strong), ["0"]);
    let blitz = json!({"metadata": {"mode": "blitz"}});
    assert_eq!(hosts(&mut script, 1, &blitz), [""; 0], "it is replaced, not added to");
    for number in [0, 1, 2] {
        assert_eq!(script.told(number).len(), 1);
        let told = serde_json::to_value(&script.lobby(number).metadata).unwrap();
        assert_eq!(told, settings["metadata"]);
    }
    script.audit();
    for number in [1, 2] {
        assert_eq!(script.ask(number, "settings", &settings), Err("E_FORBIDDEN".to_owned()));
    }
    for bad in [json!({"metadata": {"a": null}}), json!({"metadat": {}}), json!({"metadata": 3})] {
        assert_eq!(script.ask(0, "settings", &bad), Err("E_BAD_REQUEST".to_owned()), "{bad}");
    }
    script.ok(0, "settings", &json!({"metadata": {}}));
    assert_eq!(hosts(&mut script, 1, &strong), [""; 0]);
    script.audit();
    script.check_nothing_is_left();
}

/// A shard with so many public lobbies; `i` is a number in each one's metadata.
fn crowd(n: u32) -> Script {
    let mut script = Script::with_max_lobbies(n as usize);
    for number in 0..n {
        open(&mut script, number, &json!({"i": number, "even": number % 2 == 0})).unwrap();
    }
    script.arrive(n);
    script
}

#[test]
fn a_listing_examines_a_thousand_lobbies_and_not_one_more() {
    let n = MAX_EXAMINED as u32 + 10;
    let mut script = crowd(n);
    let mut examined = |filter: Value| {
        let read: Filter = serde_json::from_value(filter.clone()).unwrap();
        let lobbies = &script.lobbies;
        let (cards, n_examined) = lobbies.board.list(&read, &lobbies.lobbies);
        assert_eq!(hosts(&mut script, n, &filter).len(), cards.len());
        let numbers = cards.iter().map(|card| card.listed.host.replace("Player ", ""));
        (numbers.map(|n| n.parse::<u32>().unwrap()).collect::<Vec<_>>(), n_examined)
    };
    let newest = |n_told: u32| (0..n_told).map(|i| n - 1 - i).collect::<Vec<_>>();
    assert_eq!(examined(json!({})), (newest(100), 100), "no more than are told");
    assert_eq!(examined(json!({"text": "0000"})), (vec![], MAX_EXAMINED));
    // The first ten are the oldest.
    assert_eq!(examined(json!({"text": "player 9", "limit": 1})).0, [999]);
    assert_eq!(examined(json!({"text": "player 7", "sort": "+i", "limit": 1})).0, [7]);
    assert_eq!(examined(json!({"sort": "players"})).1, MAX_EXAMINED);
    // A condition that leaves few is gone by, however old they are.
    let range = |min: u32, max: u32| json!({"metadata": {"i": {"min": min, "max": max}}});
    assert_eq!(examined(range(3, 5)), (vec![5, 4, 3], 3));
    assert_eq!(examined(range(0, 999)).1, MAX_EXAMINED);
    assert_eq!(examined(range(0, 1000)), (newest(109)[9..].to_vec(), 109), "too many to go by");
    let both = json!({"metadata": {"i": {"in": [1, 2, 8, "x"]}, "even": true}});
    assert_eq!(examined(both), (vec![8, 2], 3));
    assert_eq!(examined(json!({"metadata": {"none": 1}})), (vec![], 0));
    // And what is asked for first is found first.
    assert_eq!(examined(json!({"sort": "+i", "limit": 2})), (vec![0, 1], 2));
    assert_eq!(examined(json!({"sort": "-i", "limit": 2})), (vec![n - 1, n - 2], 2));
    assert_eq!(examined(json!({"sort": "-even", "limit": 1})), (vec![n - 2], n as usize / 2));
}

/// What a plain look at all lobbies finds.
fn plainly(script: &Script, filter: &Filter) -> Vec<String> {
    let all = script.lobbies.lobbies.iter().map(|(_, lobby)| lobby);
    let public = all.filter(|lobby| lobby.visibility() == Visibility::Public);
    let fitting = public.filter(|lobby| lobby.face().is_some_and(|face| face.is_admitted(filter)));
    let mut cards: Vec<_> = fitting.map(|lobby| lobby.card().unwrap()).collect();
    cards.sort_by(|one, other| order(&filter.sort, one, other));
    cards.truncate(filter.most());
    cards.iter().map(|card| card.listed.id.clone()).collect()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-2..3i32).prop_map(|n| json!(n)),
        2 => prop::sample::select(vec!["a", "b", ""]).prop_map(|text| json!(text)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => value(),
        1 => (-2..3i32).prop_map(|min| json!({"min": min})),
        1 => (-2..3i32).prop_map(|max| json!({"max": max})),
        1 => (-2..1i32, 0..3i32).prop_map(|(min, more)| json!({"min": min, "max": min + more})),
        2 => prop::collection::vec(value(), 1..4).prop_map(|choices| json!({"in": choices})),
    ]
}

fn named(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["x", "y"]).prop_map(str::to_owned);
    prop::collection::btree_map(name, value, 0..3).prop_map(|map| json!(map))
}

pub(super) fn filter() -> impl Strategy<Value = Value> {
    let sort = vec!["newest", "players", "+x", "-x", "+y", "-y"];
    let game = prop::option::of(prop::sample::select(vec!["tally", "other"]));
    let phase = prop::option::weighted(0.2, prop::sample::select(vec!["open", "playing"]));
    let free = prop::option::weighted(0.3, 0..5u8);
    let (sort, limit) = (prop::sample::select(sort), prop::option::of(1..6u8));
    (game, phase, free, named(condition()), sort, limit).prop_map(
        |(game, phase, free, metadata, sort, limit)| {
            let mut filter = json!({"metadata": metadata, "sort": sort});
            let mut set = |name: &str, value: Option<Value>| {
                value.into_iter().for_each(|value| filter[name] = value);
            };
            set("game", game.map(Value::from));
            set("phase", phase.map(Value::from));
            set("free", free.map(Value::from));
            set("limit", limit.map(Value::from));
            filter
        },
    )
}

#[derive(Debug, Clone)]
enum Op {
    Open(u32, bool, bool, Value),
    Leave(u32),
    Settings(u32, Value),
    Join(u32, u32),
    Start(u32),
}

fn op() -> impl Strategy<Value = Op> {
    let number = || 0..12u32;
    prop_oneof![
        4 => (number(), any::<bool>(), prop::bool::weighted(0.8), named(value()))
            .prop_map(|(n, other, public, metadata)| Op::Open(n, other, public, metadata)),
        1 => number().prop_map(Op::Leave),
        2 => (number(), named(value())).prop_map(|(n, metadata)| Op::Settings(n, metadata)),
        3 => (number(), number()).prop_map(|(n, of)| Op::Join(n, of)),
        1 => number().prop_map(Op::Start),
    ]
}

fn run(script: &mut Script, op: &Op) {
    let _ = match op {
        Op::Open(number, other, public, metadata) => {
            let game = if *other { "other" } else { "tally" };
            let visibility = if *public { "public" } else { "private" };
            let create = json!({"game": game, "name": name(*number), "visibility": visibility,
                "metadata": metadata});
            script.ask(*number, "create", &create)
        }
        Op::Leave(number) => script.ask(*number, "leave", &Value::Null),
        Op::Settings(number, metadata) => {
            script.ask(*number, "settings", &json!({"metadata": metadata}))
        }
        Op::Join(number, of) => {
            let Some(lobby) = &script.clients[of].lobby else { return };
            let join = json!({"code": lobby.code, "name": name(*number)});
            script.ask(*number, "join", &join)
        }
        Op::Start(number) => {
            let members = script.clients.iter().filter(|(_, c)| c.lobby.is_some());
            for other in members.map(|(number, _)| *number).collect::<Vec<_>>() {
                let _ = script.ask(other, "ready", &json!({"ready": true}));
            }
            script.ask(*number, "start", &Value::Null)
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_listing_is_what_a_plain_look_at_all_lobbies_finds(
        ops in prop::collection::vec(op(), 0..60),
        filters in prop::collection::vec(filter(), 1..20),
    ) {
        let mut script = Script::new();
        (0..13).for_each(|number| script.arrive(number));
        for op in &ops {
            run(&mut script, op);
            script.wait(7);
        }
        for filter in &filters {
            let told: Vec<String> =
                list(&mut script, 12, filter).iter().map(|listed| listed.id.clone()).collect();
            let filter = serde_json::from_value(filter.clone()).unwrap();
            assert_eq!(told, plainly(&script, &filter), "{filter:?}");
        }
        script.check_nothing_is_left();
    }
}

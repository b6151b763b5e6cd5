//! Requests that are sent again with their key, as their answers may have been lost: each leads to
//! one place, by whichever socket and shard, and to nobody else's.

use super::{
    net::{Client, Net},
    *,
};
use crate::key::Origin;

const KEY: &str = "0123456789abcdef";

fn create(key: &str) -> Value {
    json!({"game": "tally", "name": "A", "key": key})
}

fn ada() -> Who {
    Who { player: Some("ada".into()), address: Origin(1) }
}

impl Script {
    /// The client's connection is lost, and another tries once more.
    fn again(&mut self, lost: u32, number: u32, name: &str, request: &Value) -> Value {
        self.vanish(lost);
        self.arrive(number);
        self.ok(number, name, request)
    }

    fn join_with(&self, key: &str) -> Value {
        json!({"code": self.code(), "name": "B", "key": key})
    }
}

#[test]
fn a_lobby_is_made_once_however_often_its_answer_is_lost() {
    let mut script = Script::new();
    script.arrive(0);
    let first = script.ok(0, "create", &create(KEY));
    for number in 1..4 {
        let again = script.again(number - 1, number, "create", &create(KEY));
        assert_eq!((&again["created"], &again["seat"]), (&json!(true), &json!(0)));
        assert_eq!(again["lobby"]["id"], first["lobby"]["id"]);
        assert_ne!(again["token"], first["token"]);
    }
    assert_eq!(script.lobbies.len(), 1);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn a_seat_is_taken_once_however_often_its_answer_is_lost() {
    let mut script = Script::with_players(0..1);
    script.arrive(1);
    let join = script.join_with(KEY);
    script.ok(1, "join", &join);
    for number in 2..5 {
        assert_eq!(script.again(number - 1, number, "join", &join)["seat"], 1);
    }
    assert_eq!(script.lobby(0).seats.len(), 2);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn who_sits_there_already_is_answered_again_and_others_sit_where_they_do() {
    let mut script = Script::with_players(0..1);
    let id = script.lobby(0).id.clone();
    script.arrive(1);
    let join = script.join_with(KEY);
    script.ok(1, "join", &join);
    script.forget();
    assert_eq!(script.ok(1, "join", &join)["seat"], 1);
    assert_eq!(script.told(0), [""; 0], "nothing has changed");
    script.arrive(2);
    script.ok(2, "create", &create(KEY));
    assert_ne!(script.ok(2, "create", &create(KEY))["lobby"]["id"], id);
    // Neither what is elsewhere nor what is nowhere is any of its business.
    let nowhere = json!({"code": "BBBBBB", "name": "B", "key": KEY});
    let other = "fedcba9876543210";
    let by_id = json!({"id": id, "name": "B", "key": KEY});
    let refused = [
        ("create", create(other)),
        ("join", join.clone()),
        ("join", nowhere),
        ("join", by_id),
        ("join", json!({"code": script.lobby(2).code, "name": "B", "key": KEY})),
    ];
    for (name, request) in refused {
        assert_eq!(script.ask(2, name, &request).unwrap_err(), "E_IN_LOBBY", "{request}");
    }
    assert_eq!(script.ask(1, "join", &script.join_with(other)).unwrap_err(), "E_IN_LOBBY");
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn a_key_means_nothing_any_more_when_its_place_was_come_back_to_and_used_or_is_gone() {
    let mut script = Script::new();
    script.arrive(0);
    let first = script.ok(0, "create", &create(KEY));
    script.ok(0, "ready", &json!({"ready": true}));
    let again = script.again(0, 1, "create", &create(KEY));
    assert_eq!(again["lobby"]["id"], first["lobby"]["id"], "used, and never come back to");
    script.ok(1, "ready", &json!({"ready": true}));
    let second = script.again(1, 2, "create", &create(KEY));
    assert_ne!(second["lobby"]["id"], first["lobby"]["id"]);
    script.ok(2, "leave", &Value::Null);
    let third = script.again(2, 3, "create", &create(KEY));
    assert_ne!(third["lobby"]["id"], second["lobby"]["id"]);
    script.vanish(3);
    script.wait(60_000);
    script.arrive(4);
    let fourth = script.ok(4, "create", &create(KEY));
    assert_ne!(fourth["lobby"]["id"], third["lobby"]["id"]);
    assert_eq!(script.lobbies.len(), 1, "the others have ended");
    script.check_nothing_is_left();
}

#[test]
fn one_key_of_two_players_leads_to_two_places() {
    let mut script = Script::new();
    let bob = || Who { player: Some("bob".into()), address: Origin(1) };
    for (number, who) in [(0, ada()), (1, bob()), (2, Who::default())] {
        script.arrive_as(number, who);
        script.ok(number, "create", &create(KEY));
    }
    assert_eq!(script.lobbies.len(), 3);
    let code = script.lobby(2).code.clone();
    let join = |name: &str| json!({"code": code, "name": name, "key": KEY});
    for (number, who) in [(3, ada()), (4, bob())] {
        script.arrive_as(number, who);
        assert_eq!(script.ok(number, "join", &join(&number.to_string()))["seat"], number - 2);
    }
    script.vanish(3);
    script.arrive_as(5, ada());
    assert_eq!(script.ok(5, "join", &join("x"))["seat"], 1);
    script.check_nothing_is_left();
}

#[test]
fn what_keeps_others_out_keeps_nobody_out_who_is_in_but_for_a_ban() {
    let mut script = Script::with_players(0..1);
    script.arrive(1);
    let join = script.join_with(KEY);
    script.ok(1, "join", &join);
    script.ok(0, "settings", &json!({"locked": true, "password": "secret"}));
    assert_eq!(script.again(1, 2, "join", &join)["seat"], 1);
    script.ok(0, "settings", &json!({"locked": false, "password": ""}));
    script.ok(0, "kick", &json!({"seat": 1, "ban": "address"}));
    assert_eq!(script.ask(2, "join", &join).unwrap_err(), "E_BANNED");
}

#[test]
fn a_full_server_lets_back_in_who_has_made_its_last_lobby() {
    let mut script = Script::with_max_lobbies(1);
    script.arrive(0);
    script.ok(0, "create", &create(KEY));
    script.again(0, 1, "create", &create(KEY));
    script.arrive(2);
    assert_eq!(script.ask(2, "create", &create("fedcba9876543210")).unwrap_err(), "E_LIMIT");
}

#[test]
fn a_second_tab_that_is_refused_is_refused_with_a_key_too() {
    let policy = Policy { second_tab: SecondTab::Refuse, ..Policy::default() };
    let mut script = Script::with_policy(10, policy);
    script.arrive(0);
    script.ok(0, "create", &create(KEY));
    script.arrive(1);
    assert_eq!(script.ask(1, "create", &create(KEY)).unwrap_err(), "E_CONNECTED");
    script.ok(0, "create", &create(KEY));
    script.again(0, 2, "create", &create(KEY));
}

#[test]
fn one_of_the_audience_is_answered_again_if_it_has_a_key() {
    let mut script = Script::playing(0..2);
    script.arrive(5);
    let join = json!({"code": script.code(), "role": "audience", "key": KEY});
    script.ok(5, "join", &join);
    script.ok(0, "poll", &json!({"question": "?", "options": ["a", "b"], "seconds": 60}));
    script.ok(5, "vote", &json!({"option": 1}));
    let again = script.ok(5, "join", &join);
    assert_eq!((&again["token"], &again["lobby"]["audience"]), (&json!(""), &json!(1)));
    script.action(0, "add").unwrap();
    assert!(script.total(5).contains("\"total\":1"), "it sees the match still");
    let mut other = join.clone();
    other["role"] = json!("spectator");
    assert_eq!(script.ask(5, "join", &other).unwrap_err(), "E_IN_LOBBY");
    script.wait(60_000);
    let told = script.told(0);
    assert!(told.iter().any(|line| line.contains("[0, 1]")), "its vote counts once: {told:?}");
}

#[test]
fn a_key_has_16_to_64_letters_and_a_quick_play_has_none() {
    let mut script = Script::new();
    script.arrive(0);
    let refused = |script: &mut Script, name: &str, request: &Value| {
        assert_eq!(script.ask(0, name, request).unwrap_err(), "E_BAD_REQUEST", "{request}");
    };
    for bad in ["k".repeat(15), "k".repeat(65), "0123456789 abcdef".to_owned()] {
        refused(&mut script, "create", &create(&bad));
        refused(&mut script, "join", &json!({"code": "BBBBBB", "name": "B", "key": bad}));
    }
    refused(&mut script, "quick", &create(KEY));
    for good in ["k".repeat(16), "k".repeat(64)] {
        script.ok(0, "create", &create(&good));
        script.ok(0, "leave", &Value::Null);
    }
}

#[test]
fn whichever_shard_a_request_comes_to_again_it_leads_to_the_same_place() {
    let mut net = Net::new(3, 11);
    for i in 0..12 {
        let key = format!("{KEY}{i}");
        let clients: Vec<Client> = (0..3).map(|at| (at, i)).collect();
        clients.iter().for_each(|who| net.arrive_as(*who, ada()));
        let made = net.ok(clients[0], "create", &create(&key));
        let own = net.shards[0].neighbours.of_word(key.as_bytes()).shard;
        assert_eq!(net.shards[usize::from(own)].lobbies.len(), 1);
        let mut lost = clients[0];
        for (i, who) in clients[1..].iter().enumerate() {
            // Of the first the server does not know yet that it is lost.
            if i == 1 {
                net.vanish(lost);
            }
            let again = net.ok(*who, "create", &create(&key));
            assert_eq!(again["lobby"]["id"], made["lobby"]["id"]);
            lost = *who;
        }
        let again = net.ok(lost, "create", &create(&key));
        assert_eq!(again["lobby"]["id"], made["lobby"]["id"], "by the same socket");
        let other = net.answer(lost, "create", &create(&format!("{key}+")));
        assert_eq!(other["code"], "E_IN_LOBBY");
        net.ok(lost, "leave", &json!({}));
    }
    net.check_nothing_is_left();
}

#[test]
fn who_is_lost_while_its_join_is_under_way_gets_that_seat_all_the_same() {
    for seed in 0..40 {
        let mut net = Net::new(3, seed);
        (0..3).for_each(|at| net.arrive((at, 0)));
        let made = net.ok((0, 0), "create", &json!({"game": "tally", "name": "A"}));
        let join = json!({"code": made["lobby"]["code"], "name": "B", "key": KEY});
        net.ask((1, 0), "join", &join);
        (0..seed % 4).for_each(|_| _ = net.step());
        net.vanish((1, 0));
        let joined = net.ok((2, 0), "join", &join);
        net.still();
        let seats: Vec<u8> = net.shards.iter().map(|shard| shard.n_seats_taken()).collect();
        assert_eq!((&joined["seat"], seats.iter().sum::<u8>()), (&json!(1), 2), "seed {seed}");
        net.check_nothing_is_left();
    }
}

impl Lobbies {
    fn n_seats_taken(&self) -> u8 {
        self.lobbies.iter().map(|(_, lobby)| lobby.members().len() as u8).sum()
    }
}

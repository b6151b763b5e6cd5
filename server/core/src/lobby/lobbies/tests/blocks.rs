//! Whom players have blocked, over several shards: one list of all their sockets, and what others
//! see of who has blocked them.

use super::{
    net::{Client, Net},
    *,
};
use crate::key::Origin;

const ADA: Client = (0, 1);
const BOB: Client = (1, 1);
const EVE: Client = (2, 1);

fn of(player: &str) -> Who {
    Who { player: Some(player.into()), address: Origin(1) }
}

/// Three players on three shards, and one without an account on the first.
fn net() -> Net {
    let mut net = Net::new(3, 21);
    for (who, player) in [(ADA, "ada"), (BOB, "bob"), (EVE, "eve")] {
        net.arrive_as(who, of(player));
    }
    net.arrive((0, 9));
    net.still();
    net
}

/// The same with a lobby of ada's, in which bob sits and eve watches.
fn net_with_lobby() -> Net {
    let mut net = net();
    let made = net.ok(ADA, "create", &json!({"game": "tally", "name": "A"}));
    let join =
        |name: &str, role: &str| json!({"code": made["lobby"]["code"], "name": name, "role": role});
    net.ok(BOB, "join", &join("B", "player"));
    net.ok(EVE, "join", &join("E", "spectator"));
    net.ok((0, 9), "join", &join("N", "spectator"));
    net
}

fn blocks(net: &mut Net, who: Client) -> Value {
    net.ok(who, "blocks", &Value::Null)["blocks"].clone()
}

#[test]
fn a_list_is_the_players_by_whichever_socket_and_tells_no_id_that_was_not_known() {
    let mut net = net_with_lobby();
    let seen = net.ok(ADA, "block", &json!({"seat": 1}));
    assert_eq!(seen, json!({"ok": true, "number": seen["number"], "name": "B"}));
    let watcher = net.ok(ADA, "block", &json!({"spectator": "E"}));
    let known = net.ok(ADA, "block", &json!({"player": "dan"}));
    assert_eq!(known["player"], "dan");
    net.arrive_as((2, 2), of("ada"));
    let all = blocks(&mut net, (2, 2));
    let without_ok = |mut answer: Value| {
        answer.as_object_mut().unwrap().remove("ok");
        answer
    };
    assert_eq!(all, json!([seen.clone(), watcher, known].map(without_ok)));
    net.ok((2, 2), "unblock", &json!({"number": seen["number"]}));
    net.ok((2, 2), "unblock", &json!({"player": "dan"}));
    net.ok((2, 2), "unblock", &json!({"player": "eve"}));
    assert_eq!(blocks(&mut net, ADA).as_array().unwrap().len(), 1);
    assert_eq!(blocks(&mut net, BOB), json!([]));
    net.check_nothing_is_left();
}

#[test]
fn who_is_blocked_sees_the_other_as_offline_until_that_ends() {
    let mut net = net();
    for who in [BOB, EVE, (0, 9)] {
        assert_eq!(net.online(who, &["ada"]), ["ada"]);
    }
    net.ok(ADA, "block", &json!({"player": "bob"}));
    assert_eq!(net.heard(BOB), ["-ada"]);
    net.arrive_as((2, 3), of("bob"));
    assert_eq!(net.online((2, 3), &["ada", "bob"]), ["bob"]);
    net.vanish(ADA);
    net.wait(5_000);
    net.arrive_as((1, 3), of("ada"));
    net.still();
    assert_eq!(net.heard(EVE), ["-ada", "+ada"]);
    assert_eq!(net.heard((0, 9)), ["-ada", "+ada"]);
    assert_eq!(net.heard(BOB), [""; 0]);
    assert_eq!(net.online((1, 3), &["bob"]), ["bob"], "who blocks sees who is blocked");
    net.ok((1, 3), "unblock", &json!({"player": "bob"}));
    assert_eq!(net.heard(BOB), ["+ada"]);
    assert_eq!(net.heard((2, 3)), ["+ada"]);
    assert_eq!(net.heard(EVE), [""; 0]);
    net.check_nothing_is_left();
}

#[test]
fn who_has_no_account_blocks_nobody_and_is_not_blocked() {
    let mut net = net_with_lobby();
    for (name, request) in
        [("block", json!({"seat": 0})), ("unblock", json!({"number": 1})), ("blocks", Value::Null)]
    {
        let refused = net.answer((0, 9), name, &request);
        assert_eq!(refused["code"], "E_FORBIDDEN");
        assert!(refused["message"].as_str().unwrap().contains("guest: true"));
    }
    for (request, code) in [
        (json!({"spectator": "N"}), "E_FORBIDDEN"),
        (json!({"seat": 0}), "E_SEAT"),
        (json!({"seat": 3}), "E_SEAT"),
        (json!({"spectator": "B"}), "E_SEAT"),
        (json!({"player": "ada"}), "E_BAD_REQUEST"),
        (json!({"seat": 1, "spectator": "E"}), "E_BAD_REQUEST"),
        (json!({}), "E_BAD_REQUEST"),
    ] {
        assert_eq!(net.answer(ADA, "block", &request)["code"], code, "{request}");
    }
    net.wait(5_000);
    net.ok(ADA, "leave", &Value::Null);
    assert_eq!(net.answer(ADA, "block", &json!({"seat": 1}))["code"], "E_NOT_IN_LOBBY");
    net.check_nothing_is_left();
}

#[test]
fn a_player_may_block_two_hundred_by_all_sockets_together() {
    let mut net = net();
    net.arrive_as((1, 2), of("ada"));
    for i in 0..200 {
        net.wait(500);
        let who = if i % 2 == 0 { ADA } else { (1, 2) };
        net.ok(who, "block", &json!({"player": format!("p{i}")}));
    }
    assert_eq!(net.answer((1, 2), "block", &json!({"player": "x"}))["code"], "E_LIMIT");
    net.ok(ADA, "block", &json!({"player": "p7"}));
    let fast = (0..12).map(|_| net.answer(ADA, "blocks", &Value::Null)["code"].clone());
    assert_eq!(fast.last().unwrap(), "E_RATE");
    net.check_nothing_is_left();
}

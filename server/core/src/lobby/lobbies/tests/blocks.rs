//! Whom players have blocked, over several shards: one list of all their sockets, and what others
//! see of who has blocked them.

use proptest::prelude::*;

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

/// What a client has seen of its lobby.
struct Reader {
    who: Client,
    version: u64,
    token: String,
}

impl Reader {
    fn new(who: Client, joined: &Value) -> Self {
        let version = joined["lobby"]["version"].as_u64().unwrap();
        let missed = joined["missed"].as_u64().unwrap_or_default();
        let token = joined["token"].as_str().unwrap().to_owned();
        Self { who, version: version - missed, token }
    }

    /// The words, and other signs of somebody, that it was told; no version may be left out.
    fn hear(&mut self, net: &mut Net) -> Vec<String> {
        let mut heard = Vec::new();
        for (name, push, _) in std::mem::take(net.told.get_mut(&self.who).unwrap()) {
            if let Some(version) = push["version"].as_u64() {
                assert_eq!(version, self.version + 1, "{push}");
                self.version = version;
            }
            let text = push["change"]["text"].as_str();
            heard.extend(text.map(str::to_owned));
            let is_sign = name == "typing" || name == "reaction";
            heard.extend(is_sign.then(|| format!("{name} {}", push["name"])));
        }
        heard
    }

    /// Its socket is lost, and another of the player's comes back by the token.
    fn come_back(&mut self, net: &mut Net, who: Client, player: &str) -> Value {
        net.arrive_as(who, of(player));
        net.still();
        let resume = json!({"token": self.token, "version": self.version});
        let joined = net.ok(who, "resume", &resume);
        *self = Self { version: self.version, ..Self::new(who, &joined) };
        if joined["missed"].is_null() {
            self.version = joined["lobby"]["version"].as_u64().unwrap();
        }
        joined
    }
}

/// Ada's lobby on the first shard, with bob and eve; each of these says and shows something.
fn readers(net: &mut Net) -> [Reader; 3] {
    let made = net.ok(ADA, "create", &json!({"game": "tally", "name": "A"}));
    let join = |name: &str| json!({"code": made["lobby"]["code"], "name": name});
    let bob = net.ok(BOB, "join", &join("B"));
    let eve = net.ok(EVE, "join", &join("E"));
    let mut readers = [(ADA, made), (BOB, bob), (EVE, eve)].map(|(w, j)| Reader::new(w, &j));
    readers.iter_mut().for_each(|reader| drop(reader.hear(net)));
    readers
}

fn speak(net: &mut Net, who: Client, text: &str) {
    net.wait(1_000);
    net.ok(who, "chat", &json!({"text": text}));
    net.ok(who, "typing", &json!({"typing": true}));
    net.ok(who, "react", &json!({"reaction": "!"}));
}

#[test]
fn nothing_of_who_is_blocked_is_heard_until_that_ends_and_no_version_is_left_out() {
    let mut net = net();
    let [mut ada, mut bob, mut eve] = readers(&mut net);
    // By another of her devices.
    net.arrive_as((1, 5), of("ada"));
    net.ok((1, 5), "block", &json!({"player": "bob"}));
    speak(&mut net, BOB, "one");
    speak(&mut net, EVE, "two");
    speak(&mut net, ADA, "three");
    assert_eq!(
        ada.hear(&mut net),
        ["two", "typing \"E\"", "reaction \"E\"", "three", "reaction \"A\""]
    );
    assert_eq!(eve.hear(&mut net)[..3], ["one", "typing \"B\"", "reaction \"B\""]);
    assert!(bob.hear(&mut net).contains(&"three".to_owned()), "who is blocked hears the other");
    net.ok(ADA, "unblock", &json!({"player": "bob"}));
    speak(&mut net, BOB, "four");
    assert_eq!(ada.hear(&mut net)[0], "four");
    net.ok(ADA, "block", &json!({"seat": 1}));
    speak(&mut net, BOB, "five");
    assert_eq!(ada.hear(&mut net), [""; 0]);
    net.check_nothing_is_left();
}

#[test]
fn who_comes_into_a_lobby_hears_nothing_of_who_was_blocked_before() {
    let mut net = net();
    let [_, mut bob, _] = readers(&mut net);
    net.arrive_as((2, 5), of("dan"));
    net.ok((2, 5), "block", &json!({"player": "bob"}));
    net.arrive_as((0, 5), of("dan"));
    net.still();
    let code = net.shards[0].lobbies.iter().map(|(_, lobby)| lobby.code.as_str()).next().unwrap();
    let join = json!({"code": code, "name": "D"});
    let joined = net.ask((0, 5), "join", &join);
    net.ask(BOB, "chat", &json!({"text": "welcome"}));
    net.still();
    let mut dan = Reader::new((0, 5), &net.answers.remove(&joined).unwrap());
    assert_eq!(dan.hear(&mut net), [""; 0]);
    assert_eq!(bob.hear(&mut net), ["welcome"]);
    net.check_nothing_is_left();
}

#[test]
fn who_comes_back_is_told_what_it_missed_but_for_words_of_who_is_blocked() {
    let mut net = net();
    let [mut ada, _, _] = readers(&mut net);
    net.ok(ADA, "block", &json!({"player": "bob"}));
    speak(&mut net, EVE, "before");
    assert_eq!(ada.hear(&mut net)[0], "before");
    net.vanish(ADA);
    speak(&mut net, BOB, "one");
    speak(&mut net, EVE, "two");
    speak(&mut net, BOB, "three");
    speak(&mut net, EVE, "four");
    // By a shard that has not had a socket of hers.
    let joined = ada.come_back(&mut net, (2, 7), "ada");
    assert_eq!(joined["missed"], 5, "her loss, another host, two words, her return");
    let mut heard = ada.hear(&mut net);
    heard.retain(|line| !line.contains(' '));
    assert_eq!(heard, ["two", "four"]);
    speak(&mut net, EVE, "five");
    assert_eq!(ada.hear(&mut net)[0], "five");
    net.check_nothing_is_left();
}

#[test]
fn nothing_is_told_again_from_before_the_list_has_changed() {
    let mut net = net();
    let [mut ada, _, _] = readers(&mut net);
    speak(&mut net, BOB, "one");
    let seen = ada.version;
    ada.hear(&mut net);
    net.ok(ADA, "block", &json!({"player": "bob"}));
    let changed = ada.version;
    speak(&mut net, EVE, "two");
    ada.hear(&mut net);
    net.vanish(ADA);
    // She saw less than she was told.
    ada.version = seen;
    assert!(ada.come_back(&mut net, (1, 7), "ada")["missed"].is_null());
    ada.hear(&mut net);
    net.vanish((1, 7));
    ada.version = changed;
    assert!(ada.come_back(&mut net, (2, 7), "ada")["missed"].as_u64() > Some(1));
    ada.hear(&mut net);
    // And while she is away, by a device that is in no lobby.
    net.vanish((2, 7));
    speak(&mut net, BOB, "three");
    net.arrive_as((0, 8), of("ada"));
    net.ok((0, 8), "unblock", &json!({"player": "bob"}));
    assert!(ada.come_back(&mut net, (2, 9), "ada")["missed"].is_null());
    speak(&mut net, BOB, "four");
    assert_eq!(ada.hear(&mut net)[0], "four");
    net.check_nothing_is_left();
}

#[derive(Debug, Clone)]
enum Step {
    Speak(usize),
    Block(usize, usize),
    Unblock(usize, usize),
    Vanish(usize),
    Return(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (a, b, shard) = (0..3_usize, 0..3_usize, 0..3_usize);
    prop_oneof![
        4 => a.clone().prop_map(Step::Speak),
        2 => (a.clone(), b.clone()).prop_map(|(a, b)| Step::Block(a, b)),
        1 => (a.clone(), b).prop_map(|(a, b)| Step::Unblock(a, b)),
        1 => a.clone().prop_map(Step::Vanish),
        2 => (a, shard).prop_map(|(a, shard)| Step::Return(a, shard)),
    ]
}

const NAMES: [&str; 3] = ["ada", "bob", "eve"];

/// What one of three must have heard.
#[derive(Default)]
struct Expected {
    blocked: BTreeSet<usize>,
    /// While it is away, whom it had blocked when it left: its lobby knows no better.
    away: Option<BTreeSet<usize>>,
    /// Since somebody looked.
    words: Vec<String>,
}

impl Expected {
    fn hears(&self, author: usize) -> bool {
        !self.away.as_ref().unwrap_or(&self.blocked).contains(&author)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_everybody_hears_those_who_are_not_blocked_and_nobody_else(
        steps in prop::collection::vec(step(), 0..50),
    ) {
        let (mut net, mut n) = (net(), 100);
        let mut readers = readers(&mut net);
        let mut all: [Expected; 3] = Default::default();
        // A device of each that is in no lobby.
        for (i, name) in NAMES.into_iter().enumerate() {
            net.arrive_as((i, 50), of(name));
        }
        for step in steps {
            net.wait(600);
            match step {
                Step::Speak(author) if all[author].away.is_none() => {
                    n += 1;
                    net.ok(readers[author].who, "chat", &json!({"text": format!("{n}")}));
                    let hearing = all.iter_mut().filter(|expected| expected.hears(author));
                    hearing.for_each(|expected| expected.words.push(format!("{n}")));
                }
                Step::Block(i, whom) if i != whom => {
                    net.ok((i, 50), "block", &json!({"player": NAMES[whom]}));
                    all[i].blocked.insert(whom);
                }
                Step::Unblock(i, whom) => {
                    net.ok((i, 50), "unblock", &json!({"player": NAMES[whom]}));
                    all[i].blocked.remove(&whom);
                }
                Step::Vanish(i) if all[i].away.is_none() => {
                    net.vanish(readers[i].who);
                    all[i].away = Some(all[i].blocked.clone());
                }
                Step::Return(i, shard) if all[i].away.is_some() => {
                    n += 1;
                    let joined = readers[i].come_back(&mut net, (shard, n), NAMES[i]);
                    let expected = &mut all[i];
                    let is_same = expected.away.take().as_ref() == Some(&expected.blocked);
                    prop_assert_eq!(joined["missed"].is_null(), !is_same);
                    if !is_same {
                        expected.words.clear();
                    }
                }
                _ => {}
            }
            for (reader, expected) in readers.iter_mut().zip(&mut all) {
                if expected.away.is_none() {
                    let heard = reader.hear(&mut net);
                    prop_assert_eq!(heard, std::mem::take(&mut expected.words), "{:?}", reader.who);
                }
            }
        }
        net.check_nothing_is_left();
    }
}

//! Bad input in `/matchmaking`: players who are several, who keep others waiting, or who farm their
//! rating; tickets that say too much, or nothing that can be read; and floods of them.

mod seeker;

use parlor_server::{Config, Transport};
use parlor_shared::api::{
    lobby::{MAX_KEY_LETTERS, MIN_KEY_LETTERS},
    matchmaking::{MAX_ATTRIBUTES, MAX_AVOIDED, MAX_REGIONS, MAX_TEXT_BYTES, MAX_TEXTS},
};
use serde_json::{Map, Value, json};

use super::{BOTH, Scene, play_with, process::Process};
use seeker::{Seeker, guest};

/// Queues of the game `relay`, for two, whose waves come at once.
fn queues(config: &mut Config, more: &[Value]) {
    let queue = |(at, more): (usize, &Value)| {
        let mut queue = json!({"name": format!("q{at}"), "game": "relay"});
        let wave = json!({"after_ms": 0, "tickets": 2});
        let declared = queue.as_object_mut().unwrap();
        declared.insert("wave".to_owned(), wave);
        declared.extend(more.as_object().unwrap().clone());
        queue
    };
    let all = more.iter().enumerate().map(queue).collect();
    config.matchmaking.queues = serde_json::from_value(Value::Array(all)).unwrap();
}

/// Plays a row, by either transport, beside one queue that is otherwise so.
fn play_beside(more: &Value, row: impl Fn(&Scene, Transport)) {
    for transport in BOTH {
        let more = std::slice::from_ref(more);
        play_with(|config| queues(config, more), |scene| row(scene, transport));
    }
}

fn plain() -> Value {
    json!({"queue": "q0"})
}

/// A ticket that says this as well.
fn with(name: &str, value: impl Into<Value>) -> Value {
    json!({"queue": "q0", name: value.into()})
}

/// So many different names, each with this.
fn named(n: usize, value: &Value) -> Value {
    Value::Object((0..n).map(|n| (format!("name{n}"), value.clone())).collect())
}

#[test]
fn game_15_three_tickets_from_three_tabs_of_one_user() {
    // What is seen of tickets that do not go together: a rule keeps all of them apart.
    let lone = json!({"rules": [{"kind": "equal", "attribute": "own"}]});
    play_beside(&lone, |scene, transport| {
        let token = guest(scene);
        let mut tabs: Vec<Seeker> =
            (0..3).map(|_| Seeker::known(scene.address(), transport, &token)).collect();
        let mut tickets: Vec<Value> = Vec::new();
        for (n, tab) in tabs.iter_mut().enumerate() {
            let created = tab.accepted("create", &with("attributes", json!({"own": n})));
            tickets.push(created["ticket"].clone());
        }
        for (n, ticket) in tickets.iter().enumerate() {
            let now = tabs[0].accepted("ticket", &json!({"ticket": ticket}));
            let expected = if n == 2 { json!("queued") } else { json!("ended") };
            assert_eq!(now["state"], expected, "{now}");
            assert_eq!(now["reason"] == "replaced", n < 2, "{now}");
        }
        scene.wait_for("parlor_queue_tickets{queue=\"q0\"}", 1);
        let last = tabs[0].stands("ended");
        assert_eq!(last["reason"], "replaced", "the first tab hears of its own");
        tabs[1].accepted("cancel", &Value::Null);
    });
}

#[test]
fn game_16_matchmaking_query_bomb() {
    play_beside(&json!({}), |scene, transport| {
        let mut seeker = Seeker::open(scene.address(), transport);
        let many = |n: usize| json!(vec!["(a+)+$"; n]);
        for bomb in [
            with("attributes", named(10_000, &json!("(a+)+$"))),
            with("attributes", json!({"a": many(10_000)})),
            with("attributes", json!({"a": "(a+)+$".repeat(10_000)})),
            with("latencies", named(10_000, &json!(1))),
            with("avoid", many(10_000)),
        ] {
            seeker.refused("E_QUERY", "create", &bomb.to_string());
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let nested = format!(r#"{{"queue":"q0","attributes":{{"a":{deep}}}}}"#);
        seeker.refused("E_BAD_REQUEST", "create", &nested);
        // Nothing is a pattern: it is a text as any other.
        seeker.accepted("create", &with("attributes", json!({"a": "^(a+)+$", "b": ".*"})));
        seeker.accepted("cancel", &Value::Null);
    });
}

#[test]
fn game_17_friends_of_one_address_queue_against_each_other() {
    let change = |config: &mut Config| {
        config.proxy.trusted = vec!["127.0.0.1".to_owned()];
        config.matchmaking.progress_ms = 50;
        queues(config, &[json!({"rated": true}), json!({})]);
    };
    play_with(change, |scene| {
        let seek = |address: &str, queue: &str| {
            let mut seeker = Seeker::from(scene.address(), address, &guest(scene));
            seeker.accepted("create", &json!({"queue": queue}));
            seeker
        };
        // A household has a whole network of IPv6.
        for [one, other, elsewhere] in [
            ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"],
        ] {
            let mut friends = [one, other].map(|address| seek(address, "q0"));
            for friend in &mut friends {
                // By then there have been many waves.
                friend.told("progress", |told| told["waited_ms"].as_u64().unwrap() > 300);
                let now = friend.accepted("ticket", &Value::Null);
                assert_eq!(now["state"], "queued");
                assert_eq!(now["why"]["code"], "same_address", "{now}");
            }
            friends[1].accepted("cancel", &Value::Null);
            // Whoever comes from elsewhere is an opponent.
            let mut stranger = seek(elsewhere, "q0");
            stranger.stands("assigned");
            friends[0].stands("assigned");
        }
        // For nothing they may play each other.
        for mut friend in ["192.0.2.1", "192.0.2.1"].map(|address| seek(address, "q1")) {
            friend.stands("assigned");
        }
    });
}

#[test]
fn game_18_accept_then_dodge_twenty_times() {
    let asking = json!({"accept_ms": 60_000});
    let change = |config: &mut Config| {
        config.matchmaking.tickets_per_player = 20;
        queues(config, std::slice::from_ref(&asking));
    };
    play_with(change, |scene| {
        let (address, token) = (scene.address(), guest(scene));
        // All are handed in before the first no: then it has to wait. A socket asks for ten.
        let mut dodgers: Vec<Seeker> =
            (0..4).map(|_| Seeker::known(address, Transport::WebSocket, &token)).collect();
        for n in 0..20 {
            dodgers[n / 10].accepted("create", &plain());
        }
        let mut patient = Seeker::open(address, Transport::WebSocket);
        patient.accepted("create", &plain());
        let (mut waited, mut cool_downs) = (0, Vec::new());
        for n in 0..20 {
            let asked = dodgers[0].stands("proposed");
            let which = json!({"ticket": asked["ticket"]});
            patient.stands("proposed");
            dodgers[0].accepted("accept", &which);
            assert_eq!(patient.stands("proposed")["proposal"]["accepted"], 1);
            assert_eq!(dodgers[0].accepted("decline", &which)["reason"], "declined");
            let again = patient.stands("queued");
            assert_eq!(again["reason"], "other_declined");
            let now = again["waited_ms"].as_u64().unwrap();
            assert!(now >= waited, "{now} ms after {waited}");
            waited = now;
            let told = dodgers[2 + n / 10].refused("E_COOLDOWN", "create", &plain().to_string());
            let seconds: u32 = told.split(' ').rev().nth(1).unwrap().parse().unwrap();
            cool_downs.push(seconds);
        }
        assert!(cool_downs.windows(2).all(|pair| pair[0] <= pair[1]), "{cool_downs:?}");
        assert!((9..=10).contains(&cool_downs[0]), "{cool_downs:?}");
        assert!((590..=600).contains(&cool_downs[19]), "{cool_downs:?}");
        let mut tab = Seeker::known(address, Transport::Polling, &token);
        tab.refused("E_COOLDOWN", "create", &plain().to_string());
        // Who waited is at the head, and is matched with the next who means it.
        assert_eq!(patient.accepted("ticket", &Value::Null)["position"], 1);
        let mut next = Seeker::open(address, Transport::WebSocket);
        next.accepted("create", &plain());
        patient.stands("proposed");
        next.stands("proposed");
    });
}

#[test]
fn game_19_matched_player_vanishes_before_joining() {
    assert_eq!(Config::default().matchmaking.hold_ms, 15_000, "how long a seat is kept");
    let change = |config: &mut Config| {
        config.matchmaking.hold_ms = 1_000;
        queues(config, &[json!({})]);
    };
    play_with(change, |scene| {
        let address = scene.address();
        let [mut one, mut two] = [(); 2].map(|()| Seeker::open(address, Transport::WebSocket));
        one.accepted("create", &plain());
        let vanishes = two.accepted("create", &plain())["ticket"].clone();
        let assigned = one.stands("assigned");
        assert!(assigned["assignment"]["left_ms"].as_u64().unwrap() <= 1_000, "{assigned}");
        drop(two);
        one.come(&assigned["assignment"]);
        let again = one.stands("queued");
        assert_eq!((&again["reason"], &again["position"]), (&json!("other_no_show"), &json!(1)));
        let waited = |ticket: &Value| ticket["waited_ms"].as_u64().unwrap();
        assert!(waited(&again) >= waited(&assigned), "{again}");
        let mut back = Seeker::open(address, Transport::WebSocket);
        let over = back.accepted("ticket", &json!({"ticket": vanishes}));
        assert_eq!((&over["state"], &over["reason"]), (&json!("ended"), &json!("no_show")));
        back.refused("E_COOLDOWN", "create", &plain().to_string());
        // The other one's wait goes on, to its end.
        let mut next = Seeker::open(address, Transport::WebSocket);
        next.accepted("create", &plain());
        assert_ne!(one.stands("assigned")["assignment"], assigned["assignment"]);
    });
}

/// A ticket with this is taken, and with that is refused.
fn assert_limit(seeker: &mut Seeker, at: &Value, code: &str, past: &Value) {
    seeker.accepted("create", at);
    seeker.accepted("cancel", &Value::Null);
    seeker.refused(code, "create", &past.to_string());
}

#[test]
fn a_ticket_says_as_much_as_it_may_and_no_more() {
    play_beside(&json!({}), |scene, transport| {
        let server = scene.address();
        let word = |n: usize| json!("ä".repeat(n / 2) + &"x".repeat(n % 2));
        let attributes = |n: usize| with("attributes", named(n, &json!(1)));
        let texts = |n: usize| with("attributes", json!({"a": vec![word(MAX_TEXT_BYTES); n]}));
        let text = |n: usize| with("attributes", json!({"a": word(n)}));
        let one_of = |n: usize| with("attributes", json!({"a": [word(n)]}));
        let of_name = |field: &str, n: usize| {
            let name = word(n).as_str().unwrap().to_owned();
            with(field, Map::from_iter([(name, json!(1))]))
        };
        let regions = |n: usize| with("latencies", named(n, &json!(u32::MAX)));
        let avoid = |n: usize| with("avoid", json!(vec![word(500); n]));
        let mut seeker = Seeker::open(server, transport);
        for limit in [
            [attributes(MAX_ATTRIBUTES), attributes(MAX_ATTRIBUTES + 1)],
            [texts(MAX_TEXTS), texts(MAX_TEXTS + 1)],
            [text(MAX_TEXT_BYTES), text(MAX_TEXT_BYTES + 1)],
            [one_of(MAX_TEXT_BYTES), one_of(MAX_TEXT_BYTES + 1)],
            [of_name("attributes", MAX_TEXT_BYTES), of_name("attributes", MAX_TEXT_BYTES + 1)],
        ] {
            assert_limit(&mut seeker, &limit[0], "E_QUERY", &limit[1]);
        }
        // As many as one socket may hand in at once.
        let mut seeker = Seeker::open(server, transport);
        for limit in [
            [of_name("latencies", MAX_TEXT_BYTES), of_name("latencies", MAX_TEXT_BYTES + 1)],
            [regions(MAX_REGIONS), regions(MAX_REGIONS + 1)],
            [avoid(MAX_AVOIDED), avoid(MAX_AVOIDED + 1)],
        ] {
            assert_limit(&mut seeker, &limit[0], "E_QUERY", &limit[1]);
        }
        let name = |n: usize| with("name", "ä".repeat(n));
        assert_limit(&mut seeker, &name(64), "E_NAME", &name(65));
        let mut seeker = Seeker::open(server, transport);
        let key = |n: usize| with("key", "k".repeat(n));
        assert_limit(
            &mut seeker,
            &key(MIN_KEY_LETTERS),
            "E_BAD_REQUEST",
            &key(MIN_KEY_LETTERS - 1),
        );
        assert_limit(
            &mut seeker,
            &key(MAX_KEY_LETTERS),
            "E_BAD_REQUEST",
            &key(MAX_KEY_LETTERS + 1),
        );
        let full = json!({
            "queue": "q0", "name": "ä".repeat(64), "side": 255, "key": "K".repeat(MAX_KEY_LETTERS),
            "attributes": named(MAX_ATTRIBUTES, &json!(vec![word(MAX_TEXT_BYTES); MAX_TEXTS])),
            "latencies": named(MAX_REGIONS, &json!(0)),
            "avoid": vec![word(256); MAX_AVOIDED],
        });
        seeker.accepted("create", &full);
        seeker.accepted("cancel", &Value::Null);
    });
}

#[test]
fn what_is_no_ticket_is_refused_and_leaves_nothing() {
    play_beside(&json!({}), |scene, transport| {
        let server = scene.address();
        let mut wrong: Vec<String> =
            ["null", "[]", "7", "\"x\"", "true", "{}"].map(str::to_owned).into();
        for (field, values) in [
            ("queue", &["null", "7", "[]", "{}"][..]),
            ("name", &["7", "[]", "{}", "false"][..]),
            ("attributes", &["[]", "7", "\"x\"", "{\"a\":null}", "{\"a\":true}", "{\"a\":{}}"][..]),
            ("attributes", &["{\"a\":[1]}", "{\"a\":[\"x\",2]}", "{\"a\":[[]]}"][..]),
            ("latencies", &["[]", "{\"eu\":-1}", "{\"eu\":1.5}", "{\"eu\":4294967296}"][..]),
            ("latencies", &["{\"eu\":\"20\"}", "{\"eu\":null}", "{\"eu\":1e300}"][..]),
            ("avoid", &["7", "\"x\"", "[7]", "[null]", "{}"][..]),
            ("side", &["-1", "256", "0.5", "\"white\"", "[]"][..]),
            ("party", &["1", "\"yes\"", "[]"][..]),
            ("key", &["7", "\"\"", "\"with blanks in the key\"", "[]"][..]),
            ("admin", &["true"][..]),
            ("rating", &["3000"][..]),
            ("__proto__", &["{}"][..]),
        ] {
            for value in values {
                let queue = if field == "queue" { "" } else { r#""queue":"q0","# };
                wrong.push(format!(r#"{{{queue}"{field}":{value}}}"#));
            }
        }
        // Nine for each socket: one hands in ten at once.
        for some in wrong.chunks(9) {
            let mut seeker = Seeker::open(server, transport);
            for payload in some {
                seeker.refused("E_BAD_REQUEST", "create", payload);
            }
            seeker.refused("E_NOT_FOUND", "ticket", "null");
        }
        scene.wait_for("parlor_queue_tickets_created_total{queue=\"q0\"}", 0);
    });
}

#[test]
fn numbers_that_are_none_or_huge_are_no_matches_by_chance() {
    let near = json!({"rules": [{"kind": "difference", "attribute": "skill", "within": 10}]});
    play_beside(&near, |scene, transport| {
        let server = scene.address();
        let say = |skill: &str| format!(r#"{{"queue":"q0","attributes":{{"skill":{skill}}}}}"#);
        let mut seekers = Vec::new();
        for skill in ["1e308", "-1e308", "-0.0", "5e-324", "9007199254740993"] {
            let mut seeker = Seeker::open(server, transport);
            let answer = seeker.say("create", &say(skill));
            assert_eq!(answer["ok"], true, "{skill}: {answer}");
            seekers.push(seeker);
        }
        // What is all but nothing, on either side of it, goes together, and nothing else does.
        for at in [2, 3] {
            seekers[at].stands("assigned");
        }
        for at in [0, 1, 4] {
            let now = seekers[at].accepted("ticket", &Value::Null);
            assert_eq!(now["state"], "queued", "{now}");
            seekers[at].accepted("cancel", &Value::Null);
        }
    });
    // What no float holds, and what is no JSON, ends the session of who says it.
    for skill in ["1e999", "NaN", "Infinity", "0x10", "1_000", "--1"] {
        play_beside(&json!({}), |scene, transport| {
            let mut seeker = Seeker::open(scene.address(), transport);
            let ticket = format!(r#"{{"queue":"q0","attributes":{{"skill":{skill}}}}}"#);
            seeker.client.send(&format!(r#"42/matchmaking,5["create",{ticket}]"#));
            seeker.client.assert_ends();
            scene.assert_ended("forced close");
        });
    }
}

#[test]
fn requests_about_no_ticket_are_refused() {
    play_beside(&json!({}), |scene, transport| {
        let mut seeker = Seeker::open(scene.address(), transport);
        for event in ["ticket", "cancel", "accept", "decline"] {
            for payload in [r#"{"ticket":""}"#, r#"{"ticket":7}"#, r#"{"ticket":"../../etc"}"#] {
                seeker.refused("E_BAD_REQUEST", event, payload);
            }
            seeker.refused("E_BAD_REQUEST", event, r#"{"ticket":null,"admin":true}"#);
            let nobodys = json!({"ticket": "A".repeat(24)}).to_string();
            seeker.refused("E_NOT_FOUND", event, &nobodys);
        }
        seeker.refused("E_AUTH", "ratings", "null");
        seeker.refused("E_BAD_REQUEST", "ratings", r#"{"player":7}"#);
        let unknown = seeker.accepted("ratings", &json!({"player": "ä".repeat(1_000)}));
        assert_eq!(unknown["ratings"], json!([]), "of whom nobody has heard");
        for event in ["__proto__", "progress", "rated", "disconnecting "] {
            seeker.refused("E_UNKNOWN_EVENT", event, "null");
        }
        let mut seeker = Seeker::open(scene.address(), transport);
        let name = "x".repeat(1_000);
        seeker.refused("E_NOT_FOUND", "create", &json!({"queue": name}).to_string());
        seeker.refused("E_PARTY", "create", &with("party", true).to_string());
        // Nobody answers what asks for no answer; what comes after is answered.
        seeker.client.send(r#"42/matchmaking,["create",{"queue":"nowhere"}]"#);
        seeker.client.send(r#"42/matchmaking,["create"]"#);
        assert_eq!(seeker.n_told(), 0);
        seeker.client.send(r#"451-/matchmaking,["create",{"_placeholder":true,"num":0}]"#);
        seeker.client.send_bytes(b"no ticket");
        seeker.refused("E_NOT_FOUND", "ticket", "null");
    });
}

#[test]
fn floods_of_tickets_and_of_questions_are_refused() {
    play_beside(&json!({}), |scene, transport| {
        let mut seeker = Seeker::open(scene.address(), transport);
        let create = plain().to_string();
        for _ in 0..10 {
            assert_eq!(seeker.say("create", &create)["ok"], true);
        }
        let mut more = (0..30).map(|_| seeker.say("create", &create)["code"].clone());
        assert!(more.any(|code| code == "E_RATE"));
        seeker.accepted("cancel", &Value::Null);
        let mut more = (0..100).map(|_| seeker.say("queues", "null")["code"].clone());
        assert!(more.any(|code| code == "E_RATE"));
        // Others have an allowance of their own.
        let mut other = Seeker::open(scene.address(), transport);
        other.accepted("create", &plain());
        other.accepted("cancel", &Value::Null);
    });
}

#[test]
fn tickets_that_are_over_keep_nothing_of_what_they_said() {
    let server = Process::start(&["--lobbies"]);
    let texts = json!(vec!["x".repeat(MAX_TEXT_BYTES); MAX_TEXTS]);
    let create = with("attributes", named(MAX_ATTRIBUTES, &texts)).to_string();
    // Each socket hands in ten at once, and each that is over can be asked about for a while: what
    // is kept is that of the last ones.
    let n_sockets = 20;
    server.assert_bounded(create.len() * n_sockets, || {
        let mut seekers = Vec::new();
        for _ in 0..n_sockets {
            let mut seeker = Seeker::open(server.address, Transport::WebSocket);
            for _ in 0..30 {
                let answer = seeker.say("create", &create);
                assert!(answer["ok"] == true || answer["code"] == "E_RATE", "{answer}");
            }
            seeker.accepted("cancel", &Value::Null);
            seekers.push(seeker);
        }
    });
}

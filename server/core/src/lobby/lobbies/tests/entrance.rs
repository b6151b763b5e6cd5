//! Ways in and out: creating, joining by code and by id, names, room for everybody.

use super::*;
use crate::{
    code::CODE_ALPHABET,
    lobby::{CODE_LETTERS, MAX_SPECTATORS},
};

const NOT_FOUND: &str = "E_NOT_FOUND";

fn create(script: &mut Script, number: u32, visibility: &str) -> Result<Value, String> {
    script.arrive(number);
    let create = json!({"game": "tally", "name": name(number), "visibility": visibility});
    script.ask(number, "create", &create)
}

fn guess(script: &mut Script, number: u32, code: &str) -> Result<Value, String> {
    script.ask(number, "join", &json!({"code": code, "name": name(number)}))
}

#[test]
fn who_creates_a_lobby_takes_its_first_seat_and_is_host() {
    let mut script = Script::new();
    script.arrive(0);
    let joined = script.ok(0, "create", &json!({"game": "tally", "name": "Ann"}));
    let lobby = &joined["lobby"];
    assert_eq!(joined["seat"], 0);
    assert_eq!(joined["token"].as_str().unwrap().len(), 24);
    assert_eq!(lobby["id"].as_str().unwrap().len(), 24);
    let code = lobby["code"].as_str().unwrap();
    assert_eq!(code.len(), CODE_LETTERS);
    assert!(code.bytes().all(|letter| CODE_ALPHABET.contains(&letter)), "{code}");
    assert_eq!(lobby["config"], json!({"goal": 3, "trap": ""}), "defaults are filled in");
    assert_eq!(
        [&lobby["visibility"], &lobby["phase"], &lobby["version"], &lobby["host"]],
        [&json!("private"), &json!("open"), &json!(1), &json!(0)]
    );
    let seat =
        json!({"seat": 0, "name": "Ann", "connected": true, "ready": false, "colour": "red"});
    assert_eq!(lobby["seats"], json!([seat]));
    assert_eq!((&lobby["capacity"], &lobby["spectators"]), (&json!(4), &json!(0)));
    assert_eq!(lobby.get("state"), None);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn a_lobby_that_makes_no_sense_is_not_created() {
    for (create, code) in [
        (json!({"game": "go", "name": "A"}), "E_UNKNOWN_GAME"),
        (json!({"game": "tally", "name": "A", "config": {"goal": 0}}), "E_BAD_CONFIG"),
        (json!({"game": "tally", "name": "A", "config": {"goal": -1}}), "E_BAD_CONFIG"),
        (json!({"game": "tally", "name": "A", "config": {"gaol": 1}}), "E_BAD_CONFIG"),
        (json!({"game": "tally", "name": "A", "config": 3}), "E_BAD_CONFIG"),
        (json!({"game": "tally", "name": "A", "config": {"trap": "check"}}), "E_BAD_CONFIG"),
        (json!({"game": "tally", "name": ""}), "E_NAME"),
        (json!({"game": "tally"}), "E_BAD_REQUEST"),
        (json!({"game": "tally", "name": 3}), "E_BAD_REQUEST"),
        (json!({"game": "tally", "name": "A", "visibility": "secret"}), "E_BAD_REQUEST"),
        (json!({"game": "tally", "name": "A", "size": 3}), "E_BAD_REQUEST"),
        (json!(["tally"]), "E_BAD_REQUEST"),
        (json!("tally"), "E_BAD_REQUEST"),
        (Value::Null, "E_BAD_REQUEST"),
    ] {
        let mut script = Script::new();
        script.arrive(0);
        assert_eq!(script.ask(0, "create", &create), Err(code.to_owned()), "{create}");
        assert!(script.lobbies.is_empty());
        script.check_nothing_is_left();
    }
}

#[test]
fn names_are_visible_and_of_64_code_points_at_most() {
    let long = "ä".repeat(64);
    for good in ["A", "Ann Lee", long.as_str(), "名前", "<b>x</b>", "🙂"] {
        let mut script = Script::new();
        script.arrive(0);
        script.ok(0, "create", &json!({"game": "tally", "name": good}));
        assert_eq!(script.lobby(0).seats[0].name, good);
    }
    let longer = "ä".repeat(65);
    let mut script = Script::new();
    script.arrive(0);
    for bad in [
        "",
        " ",
        "\u{3000}",
        longer.as_str(),
        "a\0",
        "a\nb",
        "a\u{7f}",
        "a\u{85}",
        "a\u{202e}b",
        "a\u{2067}b",
        "a\u{200f}b",
        "a\u{61c}b",
        "a\u{200b}b",
        "\u{2060}",
        "\u{feff}",
    ] {
        let refused = script.ask(0, "create", &json!({"game": "tally", "name": bad}));
        assert_eq!(refused, Err("E_NAME".to_owned()), "{bad:?}");
        script.now = script.now + Duration::from_secs(1);
    }
    assert!(script.lobbies.is_empty());
}

#[test]
fn a_code_may_be_typed_in_any_case_and_with_blanks() {
    let mut script = Script::with_players(0..1);
    let code = script.code().to_lowercase();
    script.arrive(1);
    let typed = format!(" {}-{} ", &code[..2], &code[2..]);
    let joined = guess(&mut script, 1, &typed).unwrap();
    assert_eq!((&joined["seat"], &joined["lobby"]["version"]), (&json!(1), &json!(2)));
    assert_eq!(script.told(0), ["joined 1 Player 1"]);
    assert_eq!(script.told(1), [""; 0], "the answer says it all");
    script.audit();
}

#[test]
fn a_public_lobby_is_joined_by_its_id_and_a_private_one_is_as_good_as_absent() {
    let mut script = Script::new();
    create(&mut script, 0, "public").unwrap();
    create(&mut script, 1, "private").unwrap();
    let (public, private) = (script.lobby(0).id.clone(), script.lobby(1).id.clone());
    script.arrive(2);
    for id in [private.as_str(), "AAAAAAAAAAAAAAAAAAAAAAAA", "", "x", &"x".repeat(1000)] {
        let join = json!({"id": id, "name": "B"});
        assert_eq!(script.ask(2, "join", &join), Err(NOT_FOUND.to_owned()), "{id:.30}");
    }
    assert_eq!(script.ask(2, "join", &json!({"name": "B"})), Err(NOT_FOUND.to_owned()));
    let join = json!({"id": public, "code": "nonsense", "name": "B"});
    assert_eq!(script.ask(2, "join", &join), Err(NOT_FOUND.to_owned()), "the code counts");
    assert_eq!(script.ok(2, "join", &json!({"id": public, "name": "B"}))["seat"], 1);
}

#[test]
fn a_private_and_an_absent_lobby_get_the_same_answer() {
    let mut script = Script::new();
    create(&mut script, 0, "private").unwrap();
    let id = script.lobby(0).id.clone();
    script.arrive(1);
    let mut answer = |id: &str| {
        let array = json!(["join", {"id": id, "name": "B"}]).to_string();
        let request = Request::read(&Args::of_event(&array, &[]));
        match &script.handle(LobbyInput::Asked(socket(1), request, Some(1)))[..] {
            [LobbyEffect::Push(_, frame, _)] => frame.wire().to_vec(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(answer(&id), answer("AAAAAAAAAAAAAAAAAAAAAAAA"));
}

#[test]
fn players_take_the_lowest_free_seat_until_every_seat_is_taken() {
    let mut script = Script::with_players(0..4);
    script.arrive(4);
    assert_eq!(script.join(4, "player"), Err("E_FULL".to_owned()));
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.join(4, "player").unwrap()["seat"], 1);
    assert_eq!(script.join(1, "player"), Err("E_FULL".to_owned()), "the race is lost");
    assert_eq!(script.join(1, "spectator").unwrap().get("seat"), None);
    script.audit();
}

#[test]
fn a_seat_that_is_kept_for_a_dropped_player_is_taken() {
    let mut script = Script::with_players(0..4);
    script.vanish(2);
    script.arrive(4);
    assert_eq!(script.join(4, "player"), Err("E_FULL".to_owned()));
    script.wait(60_000);
    assert_eq!(script.join(4, "player").unwrap()["seat"], 2);
}

#[test]
fn sixty_four_may_watch_and_one_more_may_not() {
    let mut script = Script::with_players(0..1);
    for number in 1..=MAX_SPECTATORS as u32 {
        script.enter(number, "spectator");
    }
    assert_eq!(script.told(0).last().unwrap(), "spectators 64");
    script.arrive(99);
    assert_eq!(script.join(99, "spectator"), Err("E_FULL".to_owned()));
    assert_eq!(script.join(99, "player").unwrap()["seat"], 1);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.told(0), ["joined 1 Player 99", "spectators 63"]);
    script.arrive(100);
    script.join(100, "spectator").unwrap();
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn somebody_in_a_lobby_can_neither_create_nor_join_another() {
    let mut script = Script::with_players(0..2);
    let in_lobby = Err("E_IN_LOBBY".to_owned());
    assert_eq!(script.ask(1, "create", &json!({"game": "tally", "name": "B"})), in_lobby);
    assert_eq!(script.join(1, "player"), in_lobby);
    assert_eq!(script.join(1, "spectator"), in_lobby);
    script.ok(1, "leave", &Value::Null);
    script.ok(1, "create", &json!({"game": "tally", "name": "B"}));
}

#[test]
fn a_match_may_be_watched_but_joined_only_when_it_is_over() {
    let mut script = Script::playing(0..2);
    script.arrive(2);
    assert_eq!(script.join(2, "player"), Err("E_PHASE".to_owned()));
    let shown = script.join(2, "spectator").unwrap();
    assert_eq!(shown["lobby"]["state"]["view"]["seat"], Value::Null);
    script.ok(2, "leave", &Value::Null);
    (0..3).for_each(|_| drop(script.action(0, "add").unwrap()));
    assert_eq!(script.join(2, "player").unwrap()["seat"], 2);
    script.audit();
}

#[test]
fn a_lobby_that_everybody_left_is_no_more() {
    let mut script = Script::new();
    create(&mut script, 0, "public").unwrap();
    let (code, id) = (script.code(), script.lobby(0).id.clone());
    let token = script.clients[&0].token.clone();
    script.ok(0, "leave", &Value::Null);
    assert!(script.lobbies.is_empty());
    assert_eq!(guess(&mut script, 0, &code), Err(NOT_FOUND.to_owned()));
    assert_eq!(script.ask(0, "join", &json!({"id": id, "name": "A"})), Err(NOT_FOUND.to_owned()));
    assert_eq!(script.resume(0, &token), Err("E_TOKEN".to_owned()));
    script.check_nothing_is_left();
}

#[test]
fn no_two_lobbies_have_the_same_code() {
    let mut script = Script::new();
    script.arrive(0);
    script.arrive(1);
    let create = json!({"game": "tally", "name": "A"});
    // The bytes come for an id, a code, and a token.
    script.next_ids = vec![[1; 18], [9; 18]];
    script.ok(0, "create", &create);
    script.next_ids = vec![[2; 18], [9; 18]];
    script.ok(1, "create", &create);
    assert_ne!(script.lobby(0).code, script.lobby(1).code);
}

#[test]
fn there_are_as_many_lobbies_as_allowed_and_not_one_more() {
    let mut script = Script::with_max_lobbies(3);
    for number in 0..3 {
        create(&mut script, number, "private").unwrap();
    }
    assert_eq!(create(&mut script, 3, "private"), Err("E_LIMIT".to_owned()));
    script.ok(0, "leave", &Value::Null);
    create(&mut script, 3, "private").unwrap();
    assert_eq!(script.lobbies.len(), 3);
}

#[test]
fn lobbies_are_created_twenty_at_once_and_then_one_each_tenth_of_a_second() {
    let mut script = Script::new();
    script.arrive(0);
    let create = |script: &mut Script| {
        let created = script.ask(0, "create", &json!({"game": "tally", "name": "A"}));
        if created.is_ok() {
            script.ok(0, "leave", &Value::Null);
        }
        created.is_ok()
    };
    assert!((0..20).all(|_| create(&mut script)));
    assert!(!create(&mut script));
    script.wait(99);
    assert!(!create(&mut script));
    script.wait(1);
    assert!(create(&mut script));
    assert!(!create(&mut script));
}

#[test]
fn ten_guesses_are_free_and_then_one_each_two_seconds() {
    let mut script = Script::with_players(0..1);
    script.arrive(1);
    for _ in 0..10 {
        assert_eq!(guess(&mut script, 1, "ZZZZZ"), Err(NOT_FOUND.to_owned()));
    }
    assert_eq!(guess(&mut script, 1, "ZZZZZ"), Err("E_RATE".to_owned()));
    assert_eq!(script.join(1, "player"), Err("E_RATE".to_owned()), "a right guess tells nothing");
    script.wait(1_999);
    assert_eq!(guess(&mut script, 1, "ZZZZZ"), Err("E_RATE".to_owned()));
    script.wait(1);
    assert_eq!(guess(&mut script, 1, "ZZZZZ"), Err(NOT_FOUND.to_owned()));
    script.wait(2_000);
    script.join(1, "player").unwrap();
    script.arrive(2);
    assert_eq!(guess(&mut script, 2, "ZZZZZ"), Err(NOT_FOUND.to_owned()), "others may guess");
}

#[test]
fn guessing_ids_and_tokens_counts_like_guessing_codes() {
    let mut script = Script::with_players(0..1);
    script.arrive(1);
    for i in 0..10 {
        let refused = match i % 2 {
            0 => script.ask(1, "join", &json!({"id": "x", "name": "B"})),
            _ => script.resume(1, "AAAAAAAAAAAAAAAAAAAAAAAA"),
        };
        assert!(matches!(refused.unwrap_err().as_str(), NOT_FOUND | "E_TOKEN"));
    }
    assert_eq!(script.resume(1, "AAAAAAAAAAAAAAAAAAAAAAAA"), Err("E_RATE".to_owned()));
    assert_eq!(guess(&mut script, 1, "ZZZZZ"), Err("E_RATE".to_owned()));
}

#[test]
fn coming_and_going_by_a_known_code_costs_no_guess() {
    let mut script = Script::with_players(0..1);
    script.arrive(1);
    for _ in 0..50 {
        script.join(1, "player").unwrap();
        script.ok(1, "leave", &Value::Null);
    }
}

#[test]
fn requests_of_somebody_who_is_in_no_lobby_are_refused() {
    let mut script = Script::new();
    script.arrive(0);
    for (name, payload) in [
        ("ready", json!({"ready": true})),
        ("start", Value::Null),
        ("chat", json!({"text": "hi"})),
        ("typing", json!({"typing": true})),
        ("action", json!({"type": "add"})),
        ("rematch", Value::Null),
        ("leave", Value::Null),
    ] {
        assert_eq!(script.ask(0, name, &payload), Err("E_NOT_IN_LOBBY".to_owned()), "{name}");
    }
    for name in ["", "created", "__proto__", "state"] {
        assert_eq!(script.ask(0, name, &json!({})), Err("E_UNKNOWN_EVENT".to_owned()), "{name}");
    }
    for name in ["ready", "chat", "typing", "join", "resume"] {
        assert_eq!(script.ask(0, name, &json!(7)), Err("E_BAD_REQUEST".to_owned()), "{name}");
    }
    script.check_nothing_is_left();
}

#[test]
fn who_wants_no_answer_gets_none_and_is_served_all_the_same() {
    let mut script = Script::with_players(0..2);
    let request = |text: &str| Request::read(&Args::of_event(text, &[]));
    let chat = request(r#"["chat",{"text":"hi"}]"#);
    let effects = script.handle(LobbyInput::Asked(socket(1), chat, None));
    assert_eq!(effects.len(), 2, "both are told, nobody is answered");
    let bad = request(r#"["chat",{}]"#);
    assert!(bad.is_err());
    assert_eq!(script.handle(LobbyInput::Asked(socket(1), bad, None)).len(), 0);
}

#[test]
fn a_socket_that_never_arrived_or_is_gone_is_refused_and_leaves_nothing() {
    let mut script = Script::new();
    for array in [
        r#"["create",{"game":"tally","name":"A"}]"#,
        r#"["join",{"code":"BBBBB","name":"A"}]"#,
        r#"["resume",{"token":"AAAAAAAAAAAAAAAAAAAAAAAA"}]"#,
        r#"["leave"]"#,
        r#"["start"]"#,
    ] {
        let request = Request::read(&Args::of_event(array, &[]));
        let effects = script.handle(LobbyInput::Asked(socket(9), request, Some(1)));
        assert_eq!(effects.len(), 1, "{array}");
    }
    script.tell(LobbyInput::Gone(socket(9)));
    script.check_nothing_is_left();
}

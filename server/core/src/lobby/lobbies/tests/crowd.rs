//! The audience: who comes without a name, what it hears, what it is asked, and its end.

use super::*;

impl Script {
    /// Two players, and an audience of these.
    fn with_audience(numbers: std::ops::Range<u32>) -> Self {
        let mut script = Self::with_players(0..2);
        let code = script.code();
        for number in numbers {
            script.arrive(number);
            let joined = script.ask(number, "join", &json!({"code": code, "role": "audience"}));
            assert_eq!(joined.unwrap()["token"], "");
        }
        script.forget();
        script
    }

    fn poll(&mut self, seconds: u32) {
        let options = json!(["yes", "no"]);
        self.ok(0, "poll", &json!({"question": "?", "options": options, "seconds": seconds}));
    }

    fn vote(&mut self, number: u32, option: u8) -> Result<Value, String> {
        self.ask(number, "vote", &json!({"option": option}))
    }
}

#[test]
fn the_audience_hears_what_spectators_hear_but_no_talk_and_in_versions_of_its_own() {
    let mut script = Script::with_audience(5..8);
    script.ok(0, "chat", &json!({"text": "among us"}));
    script.ok(0, "typing", &json!({"typing": true}));
    script.ok(0, "react", &json!({"reaction": "x"}));
    script.ok(1, "ready", &json!({"ready": true}));
    for number in 5..8 {
        assert_eq!(script.told(number), ["ready 1 true"], "client {number}");
    }
    // One who comes later goes on from where the others are.
    script.arrive(8);
    let code = script.code();
    script.ask(8, "join", &json!({"code": code, "role": "audience"})).unwrap();
    script.ok(0, "start", &Value::Null);
    assert_eq!(script.told(5), script.told(8));
    assert!(script.lobby(8).state.is_some(), "and sees the match");
    assert_eq!(script.lobby(5).version, script.lobby(8).version);
}

#[test]
fn the_audience_is_shown_a_match_once_however_many_play_and_keeps_looking_at_the_next() {
    let mut script = Script::with_audience(5..7);
    for number in 2..4 {
        script.enter(number, "player");
    }
    let shown_by = |script: &mut Script, number, line: &str| {
        let request = Request::read(&Args::of_event(line, &[]));
        let effects = script.handle(LobbyInput::Asked(socket(number), request, None));
        let of_audience = |effect: &LobbyEffect| match effect {
            LobbyEffect::Watch { who, .. } => Some(who.socket.parts().0).filter(|n| *n >= 5),
            _ => None,
        };
        let shown: Vec<u32> = effects.iter().filter_map(of_audience).collect();
        script.carry_out(effects);
        script.look();
        shown
    };
    (1..4).for_each(|number| drop(script.ok(number, "ready", &json!({"ready": true}))));
    assert_eq!(shown_by(&mut script, 0, "[\"start\"]"), [5, 6]);
    (0..3).for_each(|_| drop(script.action(0, "add").unwrap()));
    (1..4).for_each(|number| drop(script.ok(number, "rematch", &Value::Null)));
    assert_eq!(shown_by(&mut script, 0, "[\"rematch\"]"), [0; 0]);
    let state = script.lobby(5).state.as_ref().unwrap();
    assert_eq!((state.number, state.turn), (2, 0), "they look at it already");
}

#[test]
fn how_many_there_are_is_told_once_a_second_and_never_one_by_one() {
    let mut script = Script::with_audience(5..9);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1_000);
    assert!(script.told(0)[0].starts_with("audience 4 under Volatile"));
    script.forget();
    script.ok(5, "leave", &Value::Null);
    script.vanish(6);
    script.wait(999);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1);
    assert!(script.told(7)[0].starts_with("audience 2 under Volatile"));
    assert_eq!(script.told(0).len(), 1);
    script.wait(10_000);
    assert_eq!(script.told(0), [""; 0], "nothing has changed");
    script.vanish(7);
    script.vanish(8);
    script.check_nothing_is_left();
}

#[test]
fn as_many_as_may_come_into_the_audience_and_one_more_not() {
    let mut script = Script::with_audience(100..200);
    script.arrive(5);
    let join = json!({"code": script.code(), "role": "audience"});
    assert_eq!(script.ask(5, "join", &join).unwrap_err(), "E_FULL");
    script.ok(100, "leave", &Value::Null);
    script.ask(5, "join", &join).unwrap();
    assert_eq!(script.ask(5, "join", &join).unwrap_err(), "E_IN_LOBBY");
}

#[test]
fn the_audience_can_vote_and_nothing_else() {
    let mut script = Script::with_audience(5..6);
    for (event, payload) in [
        ("chat", json!({"text": "x"})),
        ("react", json!({"reaction": "x"})),
        ("typing", json!({"typing": true})),
        ("ready", json!({"ready": true})),
        ("start", Value::Null),
        ("poll", json!({"question": "?", "options": ["a", "b"], "seconds": 1})),
        ("action", json!({})),
    ] {
        assert_eq!(script.ask(5, event, &payload).unwrap_err(), "E_FORBIDDEN", "{event}");
    }
    script.ask(5, "resync", &Value::Null).unwrap();
    assert_eq!(script.ask(5, "resync", &Value::Null).unwrap_err(), "E_RATE");
}

#[test]
fn votes_are_told_twice_a_second_and_their_end_once() {
    let mut script = Script::with_audience(5..9);
    script.wait(1_000);
    script.forget();
    script.poll(10);
    assert_eq!(script.told(5), script.told(0));
    script.forget();
    for number in 5..9 {
        script.vote(number, 0).unwrap();
    }
    script.vote(5, 1).unwrap();
    script.wait(499);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1);
    for number in [0, 1, 5, 8] {
        let told = script.told(number);
        assert!(told[0].starts_with("tally 1 [3, 1] under Volatile"), "{number}: {told:?}");
        assert_eq!(told.len(), 1);
    }
    script.wait(9_499);
    assert_eq!(script.told(0), [""; 0]);
    script.vote(6, 1).unwrap();
    script.wait(1);
    assert_eq!(script.told(0), ["poll 1 ended [2, 2]"]);
    assert_eq!(script.vote(6, 1).unwrap_err(), "E_PHASE");
    script.poll(1);
    assert!(script.told(5).pop().unwrap().starts_with("poll 2 until"));
}

#[test]
fn each_socket_has_one_vote_and_each_player_and_who_plays_has_none() {
    let mut script = Script::with_audience(5..6);
    let code = script.code();
    let who = Who { player: Some("ada".into()), ..Who::default() };
    for number in [6, 7] {
        script.arrive_as(number, who.clone());
        script.ask(number, "join", &json!({"code": code, "role": "audience"})).unwrap();
    }
    script.enter(8, "spectator");
    script.poll(1);
    assert_eq!(script.vote(0, 0).unwrap_err(), "E_FORBIDDEN");
    assert_eq!(script.vote(5, 2).unwrap_err(), "E_BAD_REQUEST");
    for number in 5..9 {
        script.vote(number, 0).unwrap();
    }
    script.vote(6, 1).unwrap();
    // Who is nobody takes the vote along; a player's stays.
    script.vanish(5);
    script.vanish(6);
    script.vanish(7);
    script.wait(1_000);
    assert!(script.told(0).contains(&"poll 1 ended [1, 1]".to_owned()));
}

#[test]
fn only_the_host_asks_one_question_at_a_time_and_within_limits() {
    let mut script = Script::with_audience(5..6);
    let ask =
        |script: &mut Script, number, question: &str, n: usize, option: &str, seconds: u32| {
            let options = vec![option; n];
            let poll = json!({"question": question, "options": options, "seconds": seconds});
            script.ask(number, "poll", &poll).map(|_| ())
        };
    let (long, longer) = ("x".repeat(200), "x".repeat(201));
    let (wide, wider) = ("x".repeat(64), "x".repeat(65));
    assert_eq!(ask(&mut script, 1, "?", 2, "a", 1), Err("E_FORBIDDEN".to_owned()));
    for (question, n, option, seconds) in [
        ("", 2, "a", 1),
        (&*longer, 2, "a", 1),
        ("?", 1, "a", 1),
        ("?", 9, "a", 1),
        ("?", 2, "", 1),
        ("?", 2, &*wider, 1),
        ("?", 2, "a", 0),
        ("?", 2, "a", 3601),
        ("a\u{202e}b", 2, "a", 1),
    ] {
        let asked = ask(&mut script, 0, question, n, option, seconds);
        assert_eq!(asked, Err("E_BAD_REQUEST".to_owned()));
    }
    ask(&mut script, 0, &long, 8, &wide, 3600).unwrap();
    assert_eq!(ask(&mut script, 0, "?", 2, "a", 1), Err("E_PHASE".to_owned()));
}

#[test]
fn when_the_lobby_ends_its_audience_is_told_and_free_to_go_elsewhere() {
    let mut script = Script::with_audience(5..7);
    script.ok(0, "leave", &Value::Null);
    script.ok(1, "leave", &Value::Null);
    for number in 5..7 {
        assert_eq!(script.told(number).pop().unwrap(), "closed \"deserted\"");
    }
    assert!(script.lobbies.is_empty());
    script.ask(5, "create", &json!({"game": "tally", "name": "A"})).unwrap();
}

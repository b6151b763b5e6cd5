//! Chat and typing: how long, how fast, and who hears it.

use super::*;
use crate::lobby::MAX_CHAT_CODE_POINTS;

fn chat(script: &mut Script, number: u32, text: &str) -> Result<Value, String> {
    script.ask(number, "chat", &json!({"text": text}))
}

#[test]
fn everybody_hears_what_is_said_with_its_time_and_the_speakers_seat() {
    let mut script = Script::with_players(0..2);
    script.enter(2, "spectator");
    script.forget();
    script.wait(5);
    chat(&mut script, 1, "hello").unwrap();
    chat(&mut script, 2, "hi").unwrap();
    let told = ["chat Player 1 Some(1) hello at 1000005", "chat Player 2 None hi at 1000005"];
    for number in 0..3 {
        assert_eq!(script.told(number), told);
    }
    script.audit();
}

#[test]
fn a_message_has_1_to_500_code_points() {
    let mut script = Script::with_players(0..2);
    assert_eq!(MAX_CHAT_CODE_POINTS, 500);
    for good in ["x", &"x".repeat(500), &"🙂".repeat(500), "two\nlines"] {
        chat(&mut script, 0, good).unwrap();
    }
    script.forget();
    for bad in ["", &"x".repeat(501), &"🙂".repeat(501), "a\0b"] {
        assert_eq!(chat(&mut script, 0, bad), Err("E_BAD_REQUEST".to_owned()), "{bad:.10}");
    }
    assert_eq!(script.told(1), [""; 0]);
}

#[test]
fn ten_messages_may_come_at_once_and_then_two_a_second() {
    let mut script = Script::with_players(0..2);
    for _ in 0..10 {
        chat(&mut script, 0, "x").unwrap();
    }
    assert_eq!(chat(&mut script, 0, "x"), Err("E_RATE".to_owned()));
    chat(&mut script, 1, "others may talk").unwrap();
    script.wait(499);
    assert_eq!(chat(&mut script, 0, "x"), Err("E_RATE".to_owned()));
    script.wait(1);
    chat(&mut script, 0, "x").unwrap();
    assert_eq!(chat(&mut script, 0, "x"), Err("E_RATE".to_owned()));
}

/// The bug: each try threw away the part of a thousandth that had grown since the last.
#[test]
fn trying_too_often_does_not_make_one_wait_longer() {
    let mut script = Script::with_players(0..1);
    let mut n_heard = 0;
    for _ in 0..20_000 {
        n_heard += u32::from(chat(&mut script, 0, "x").is_ok());
        script.now = script.now + Duration::from_micros(300);
    }
    assert_eq!(n_heard, 10 + 11, "10 at once, and one each 500 ms of not quite 6 s");
}

#[test]
fn coming_back_does_not_let_one_talk_faster() {
    let mut script = Script::with_players(0..2);
    for _ in 0..10 {
        chat(&mut script, 1, "x").unwrap();
    }
    let token = script.vanish(1);
    script.arrive(2);
    script.resume(2, &token).unwrap();
    assert_eq!(chat(&mut script, 2, "x"), Err("E_RATE".to_owned()));
}

#[test]
fn the_others_see_who_is_typing_and_only_the_newest_of_each_seat_counts() {
    let mut script = Script::with_players(0..3);
    script.forget();
    let version = script.lobby(0).version;
    script.ok(1, "typing", &json!({"typing": true}));
    script.ok(2, "typing", &json!({"typing": false}));
    let told = script.told(0);
    assert!(told[0].starts_with("typing Player 1 Some(1) true under Volatile"), "{told:?}");
    assert!(told[1].starts_with("typing Player 2 Some(2) false under Volatile"), "{told:?}");
    let key = |line: &str| line.split("under ").nth(1).unwrap().to_owned();
    assert_ne!(key(&told[0]), key(&told[1]), "each seat has a key of its own");
    assert_eq!(script.told(1).len(), 1, "nobody is told of one's own typing");
    assert_eq!(script.lobby(0).version, version, "typing is not part of the story");
}

#[test]
fn leaving_and_joining_does_not_let_one_talk_faster() {
    let mut script = Script::with_players(0..2);
    for _ in 0..10 {
        chat(&mut script, 1, "x").unwrap();
    }
    script.ok(1, "leave", &Value::Null);
    script.join(1, "player").unwrap();
    assert_eq!(chat(&mut script, 1, "x"), Err("E_RATE".to_owned()));
    script.wait(500);
    chat(&mut script, 1, "x").unwrap();
}

#[test]
fn a_reaction_is_one_word_that_all_see_and_nobody_keeps() {
    let mut script = Script::with_players(0..2);
    script.forget();
    let version = script.lobby(0).version;
    let react = |script: &mut Script, reaction: &str| {
        script.ask(1, "react", &json!({"reaction": reaction}))
    };
    for bad in ["", "two words", &"x".repeat(33), "a\u{7}", "\u{202e}a"] {
        assert_eq!(react(&mut script, bad), Err("E_BAD_REQUEST".to_owned()), "{bad}");
        script.wait(400);
    }
    script.wait(10_000);
    react(&mut script, "👩\u{200d}🚀").unwrap();
    react(&mut script, &"x".repeat(32)).unwrap();
    for number in 0..2 {
        let told = script.told(number);
        assert!(
            told[0].starts_with("reaction Player 1 Some(1) 👩\u{200d}🚀 under Volatile"),
            "{told:?}"
        );
    }
    assert_eq!(script.lobby(0).version, version);
    (0..3).for_each(|_| drop(react(&mut script, "x").unwrap()));
    assert_eq!(react(&mut script, "x"), Err("E_RATE".to_owned()));
}

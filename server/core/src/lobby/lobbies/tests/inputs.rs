//! What players do in games with ticks, and inputs with numbers in any game: in order, once, and
//! not too much.

use super::*;
use crate::lobby::{MAX_INPUT_BYTES_PER_TICK, MAX_INPUTS_PER_TICK, MAX_SEQ};

impl Script {
    /// A request that may be answered later; the answers that come at once.
    pub(super) fn note(&mut self, number: u32, array: &Value, id: u64) -> Vec<(u64, Value)> {
        let request = Request::read(&Args::of_event(&array.to_string(), &[]));
        let effects = self.handle(LobbyInput::Asked(socket(number), request, Some(id)));
        self.answers(number, effects)
    }

    /// What comes next at its time: the answers of this client.
    fn next(&mut self, number: u32) -> Vec<(u64, Value)> {
        self.now = self.lobbies.deadline().unwrap();
        let effects = self.handle(LobbyInput::Timeout);
        self.answers(number, effects)
    }

    fn answers(&mut self, number: u32, effects: Vec<LobbyEffect>) -> Vec<(u64, Value)> {
        let (mut answers, mut rest) = (Vec::new(), Vec::new());
        for effect in effects {
            if let LobbyEffect::Push(to, frame, _) = &effect
                && let (_, Some(id), mut args) = read(frame)
            {
                assert_eq!(*to, address(number), "nobody else is answered");
                answers.push((id, args.remove(0)));
            } else {
                rest.push(effect);
            }
        }
        self.carry_out(rest);
        self.look();
        answers
    }

    fn applied(&self, number: u32) -> Vec<(u8, u64)> {
        let state = self.lobby(number).state.as_ref().unwrap();
        state.applied.iter().map(|(seat, seq)| (*seat, *seq)).collect()
    }
}

fn act(what: &str) -> Value {
    json!(["action", {"type": "do", "what": what}])
}

fn input(seq: u64, what: &str) -> Value {
    json!(["input", seq, {"type": "do", "what": what}])
}

fn acted(turn: u64) -> Value {
    json!({"ok": true, "turn": turn})
}

fn code_of(answers: &[(u64, Value)]) -> &str {
    assert_eq!(answers.len(), 1);
    answers[0].1["code"].as_str().unwrap_or("accepted")
}

#[test]
fn actions_wait_for_the_tick_and_are_applied_in_order_before_it() {
    let mut script = Script::ticking("pulse", 0..2);
    assert_eq!(script.note(1, &act("a"), 1), []);
    assert_eq!(script.note(0, &act("b"), 2), []);
    assert_eq!(script.note(1, &act("c"), 3), []);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(100);
    let log = ["0: 1 does a", "0: 0 does b", "0: 1 does c", "tick 0 at 100"];
    assert_eq!(script.log(0), log);
    assert_eq!(script.told(0), ["event \"1 does a\"", "event \"0 does b\"", "event \"1 does c\""]);
    script.audit();
}

#[test]
fn actions_are_answered_with_the_tick_and_before_what_they_led_to() {
    let mut script = Script::ticking("pulse", 0..1);
    script.note(0, &act("a"), 1);
    script.note(0, &json!(["action", {"type": "refuse"}]), 2);
    script.note(0, &json!(["action", "nonsense"]), 3);
    let request = Request::read(&Args::of_event(&act("b").to_string(), &[]));
    assert_eq!(script.handle(LobbyInput::Asked(socket(0), request, None)).len(), 0);
    script.now = script.lobbies.deadline().unwrap();
    let effects = script.handle(LobbyInput::Timeout);
    let said: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            LobbyEffect::Push(_, frame, _) => match read(frame) {
                (_, Some(id), args) => Some(format!("{id}: {}", args[0])),
                (name, ..) => Some(name),
            },
            _ => None,
        })
        .collect();
    assert_eq!(said[0], r#"1: {"ok":true,"turn":1}"#);
    assert_eq!(said[1], "event");
    assert!(said[2].starts_with("2: ") && said[2].contains("E_NO"), "{said:?}");
    assert!(said[3].starts_with("3: ") && said[3].contains("E_BAD_REQUEST"), "{said:?}");
    assert_eq!(said[4..], ["event"], "the last one wanted no answer");
}

#[test]
fn an_input_is_applied_once_however_often_it_comes() {
    let mut script = Script::ticking("pulse", 0..2);
    assert_eq!(script.note(0, &input(1, "a"), 1), []);
    assert_eq!(script.note(0, &input(1, "a"), 2), [(2, acted(0))], "taken, though not applied");
    assert_eq!(script.note(0, &input(3, "b"), 3), [], "numbers may be left out");
    assert_eq!(script.note(0, &input(2, "late"), 4), [(4, acted(0))]);
    assert_eq!(script.note(1, &input(1, "c"), 5), [], "each seat counts for itself");
    script.wait(100);
    assert_eq!(script.log(0), ["0: 0 does a", "0: 0 does b", "0: 1 does c", "tick 0 at 100"]);
    assert_eq!(script.applied(1), [(0, 3), (1, 1)]);
    assert_eq!(script.note(0, &input(3, "b"), 6), [(6, acted(3))]);
    script.wait(100);
    assert_eq!(script.log(0).len(), 5, "a tick and nothing else");
    script.audit();
}

#[test]
fn what_the_game_refuses_is_not_applied() {
    let mut script = Script::ticking("pulse", 0..1);
    script.note(0, &input(1, "a"), 1);
    script.note(0, &json!(["input", 2, {"type": "refuse"}]), 2);
    let answers = script.next(0);
    assert_eq!(answers[1].1["code"], "E_NO");
    assert_eq!(script.applied(0), [(0, 1)]);
}

#[test]
fn inputs_work_in_a_game_of_turns_too() {
    let mut script = Script::playing(0..2);
    let add = |seq| json!(["input", seq, {"type": "add"}]);
    assert_eq!(script.note(1, &add(5), 1), [(1, acted(1))]);
    assert_eq!(script.note(1, &add(5), 2), [(2, acted(1))]);
    assert_eq!(script.note(1, &add(4), 3), [(3, acted(1))]);
    assert_eq!(script.applied(0), [(1, 5)]);
    let refuse = json!(["input", 6, {"type": "refuse"}]);
    for id in [4, 5] {
        let answers = script.note(1, &refuse, id);
        assert_eq!(code_of(&answers), "E_NO", "a refused one is not taken");
    }
    assert_eq!(script.note(1, &add(6), 6), [(6, acted(2))]);
    script.audit();
}

#[test]
fn numbers_begin_anew_with_each_match_and_survive_a_return() {
    let mut script = Script::playing(0..2);
    let add = |seq| json!(["input", seq, {"type": "add"}]);
    script.note(0, &add(7), 1);
    let token = script.vanish(0);
    script.arrive(9);
    script.resume(9, &token).unwrap();
    assert_eq!(script.applied(9), [(0, 7)]);
    assert_eq!(script.note(9, &add(7), 2), [(2, acted(1))], "a duplicate still");
    script.note(9, &add(8), 3);
    script.note(9, &add(9), 4);
    assert_eq!(script.lobby(1).phase, api::Phase::Finished);
    assert_eq!(code_of(&script.note(9, &add(10), 5)), "E_MATCH_OVER");
    script.ok(9, "rematch", &Value::Null);
    script.ok(1, "rematch", &Value::Null);
    assert_eq!(script.applied(1), []);
    assert_eq!(script.note(9, &add(1), 6), [(6, acted(1))]);
    script.audit();
}

#[test]
fn a_number_is_1_to_2_to_the_53rd_minus_1() {
    let mut script = Script::playing(0..2);
    let add = |seq: Value| json!(["input", seq, {"type": "add"}]);
    for bad in [json!(0), json!(-1), json!(1.5), json!("1"), json!(null), json!(1u64 << 53)] {
        assert_eq!(code_of(&script.note(0, &add(bad.clone()), 1)), "E_BAD_REQUEST", "{bad}");
    }
    assert_eq!(code_of(&script.note(0, &json!(["input", 1]), 1)), "E_BAD_REQUEST");
    assert_eq!(script.note(0, &add(json!(1)), 1), [(1, acted(1))]);
    assert_eq!(script.note(0, &add(json!(MAX_SEQ)), 1), [(1, acted(2))]);
}

#[test]
fn sixty_four_actions_of_a_seat_wait_for_a_tick_and_one_more_is_too_much() {
    let mut script = Script::ticking("pulse", 0..2);
    for n in 1..=MAX_INPUTS_PER_TICK as u64 {
        assert_eq!(script.note(0, &input(n, "a"), n), []);
    }
    assert_eq!(code_of(&script.note(0, &input(65, "a"), 65)), "E_RATE");
    assert_eq!(code_of(&script.note(0, &act("a"), 66)), "E_RATE");
    assert_eq!(script.note(1, &act("others may"), 67), []);
    script.wait(100);
    assert_eq!(script.applied(0), [(0, 64)]);
    assert_eq!(script.note(0, &input(65, "a"), 68), [], "with the next tick it may");
    script.wait(100);
    assert_eq!(script.applied(0), [(0, 65)]);
}

#[test]
fn so_many_bytes_wait_for_a_tick_and_one_more_is_too_much() {
    let mut script = Script::ticking("pulse", 0..1);
    let frame = act("")[1].to_string().len();
    let half = "x".repeat(MAX_INPUT_BYTES_PER_TICK / 2 - frame);
    assert_eq!(script.note(0, &act(&half), 1), []);
    assert_eq!(code_of(&script.note(0, &act(&format!("{half}x")), 2)), "E_RATE");
    assert_eq!(script.note(0, &act(&half), 3), []);
    assert_eq!(code_of(&script.note(0, &act(""), 4)), "E_RATE");
    script.wait(100);
    assert_eq!(script.note(0, &act(""), 5), []);
}

#[test]
fn what_waits_when_the_match_ends_is_refused() {
    let mut script = Script::ticking("pulse", 0..2);
    script.note(0, &act("a"), 1);
    script.note(0, &json!(["action", {"type": "win"}]), 2);
    script.note(0, &act("b"), 3);
    let answers = script.next(0);
    assert_eq!(answers[..2], [(1, acted(1)), (2, acted(2))]);
    assert_eq!((answers[2].0, &answers[2].1["code"]), (3, &json!("E_MATCH_OVER")));
    assert_eq!(script.log(0), ["0: 0 does a"], "and there is no tick after the end");
    assert_eq!(code_of(&script.note(0, &act("c"), 4)), "E_MATCH_OVER");
    script.audit();
}

#[test]
fn what_a_player_who_leaves_did_is_refused_and_of_one_who_is_lost_it_counts() {
    let mut script = Script::ticking("pulse", 0..3);
    script.note(0, &act("a"), 1);
    script.note(1, &act("b"), 2);
    let answers = script.note(0, &json!(["leave"]), 9);
    assert_eq!(answers[0], (9, json!({"ok": true})));
    assert_eq!((answers[1].0, &answers[1].1["code"]), (1, &json!("E_NOT_IN_LOBBY")));
    script.clients.get_mut(&0).unwrap().lobby = None;
    script.vanish(1);
    script.wait(100);
    let log = script.log(2);
    assert_eq!(log[2..], ["0: 1 does b", "tick 0 at 100"], "{log:?}");
}

#[test]
fn only_who_plays_does_something() {
    let mut script = Script::ticking("pulse", 0..1);
    script.enter(5, "spectator");
    assert_eq!(code_of(&script.note(5, &input(1, "a"), 1)), "E_NOT_IN_MATCH");
    script.arrive(6);
    assert_eq!(code_of(&script.note(6, &input(1, "a"), 1)), "E_NOT_IN_LOBBY");
}

#[test]
fn who_returns_by_the_same_socket_is_still_answered_and_by_another_is_not() {
    let mut script = Script::ticking("pulse", 0..1);
    script.note(0, &act("a"), 1);
    let token = script.clients[&0].token.clone();
    script.resume(0, &token).unwrap();
    assert_eq!(script.next(0), [(1, acted(1))]);
    script.note(0, &act("b"), 2);
    let token = script.clients[&0].token.clone();
    script.arrive(9);
    script.resume(9, &token).unwrap();
    assert_eq!(script.next(9), []);
    assert_eq!(script.log(9).len(), 4, "what it did is done");
}

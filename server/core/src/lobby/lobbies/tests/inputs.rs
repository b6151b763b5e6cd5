//! What players do in games with ticks, and inputs with numbers in any game: in order, once, and
//! not too much.

use super::*;
use crate::lobby::{
    MAX_INPUT_BYTES_PER_TICK, MAX_INPUTS_PER_TICK, MAX_SEQ, MAX_SEQ_AHEAD, MAX_SEQ_BEHIND,
    MAX_TICKS_AHEAD,
};

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

    /// The answers of all.
    fn next_of_all(&mut self) -> Vec<(u64, Value)> {
        self.now = self.lobbies.deadline().unwrap();
        let effects = self.handle(LobbyInput::Timeout);
        self.answers_to(|_| true, effects)
    }

    fn answers(&mut self, number: u32, effects: Vec<LobbyEffect>) -> Vec<(u64, Value)> {
        self.answers_to(|to| to == address(number), effects)
    }

    fn answers_to(
        &mut self,
        is_one: impl Fn(Address) -> bool,
        effects: Vec<LobbyEffect>,
    ) -> Vec<(u64, Value)> {
        let (mut answers, mut rest) = (Vec::new(), Vec::new());
        for effect in effects {
            if let LobbyEffect::Push(to, frame, _) = &effect
                && let (_, Some(id), mut args) = read(frame)
            {
                assert!(is_one(*to), "nobody else is answered");
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
    assert_eq!(script.note(0, &input(1, "a"), 2), [], "answered with its tick");
    assert_eq!(script.note(0, &input(3, "b"), 3), [], "numbers may be left out");
    assert_eq!(code_of(&script.note(0, &input(2, "late"), 4)), "E_SEQ_OLD");
    assert_eq!(script.note(1, &input(1, "c"), 5), [], "each seat counts for itself");
    let answers = script.next_of_all();
    assert_eq!(answers, [(1, acted(1)), (2, acted(1)), (3, acted(2)), (5, acted(3))]);
    assert_eq!(script.log(0), ["0: 0 does a", "0: 0 does b", "0: 1 does c", "tick 0 at 100"]);
    assert_eq!(script.applied(1), [(0, 3), (1, 1)]);
    assert_eq!(script.note(0, &input(3, "b"), 6), [(6, acted(2))], "as it was then");
    assert_eq!(script.note(0, &input(1, "another"), 7), [(7, acted(1))]);
    script.wait(100);
    assert_eq!(script.log(0).len(), 5, "a tick and nothing else");
    script.audit();
}

#[test]
fn an_input_that_waits_may_come_four_times_and_once_more_is_too_often() {
    let mut script = Script::ticking("pulse", 0..1);
    for id in 1..=4 {
        assert_eq!(script.note(0, &input(1, "a"), id), []);
    }
    assert_eq!(code_of(&script.note(0, &input(1, "a"), 5)), "E_RATE");
    assert_eq!(script.next(0), [1, 2, 3, 4].map(|id| (id, acted(1))));
}

#[test]
fn who_returns_and_sends_again_what_waits_is_answered_there() {
    let mut script = Script::ticking("pulse", 0..1);
    script.note(0, &input(1, "a"), 1);
    let token = script.vanish(0);
    script.arrive(9);
    script.resume(9, &token).unwrap();
    assert_eq!(script.note(9, &input(1, "a"), 7), []);
    assert_eq!(script.next(9), [(7, acted(1))]);
    assert_eq!(script.note(9, &input(1, "a"), 8), [(8, acted(1))]);
}

#[test]
fn a_number_may_be_1024_above_the_last_and_64_below_it() {
    let mut script = Script::playing(0..2);
    let draw = |seq: u64| json!(["input", seq, {"type": "draw"}]);
    assert_eq!(code_of(&script.note(0, &draw(MAX_SEQ_AHEAD + 1), 1)), "E_SEQ");
    assert_eq!(script.note(0, &draw(MAX_SEQ_AHEAD), 1), [(1, acted(1))]);
    let last = MAX_SEQ_AHEAD + MAX_SEQ_BEHIND - 1;
    assert_eq!(script.note(0, &draw(last), 1), [(1, acted(2))]);
    assert_eq!(script.note(0, &draw(MAX_SEQ_AHEAD), 1), [(1, acted(1))]);
    assert_eq!(script.note(0, &draw(last + 1), 1), [(1, acted(3))]);
    assert_eq!(code_of(&script.note(0, &draw(MAX_SEQ_AHEAD), 1)), "E_SEQ_OLD");
    script.audit();
}

#[test]
fn what_is_refused_at_the_door_has_used_no_number() {
    let mut script = Script::ticking("pulse", 0..2);
    let early = json!(["input", 1, {"type": "do", "what": "a"}, {"tick": 9}]);
    assert_eq!(code_of(&script.note(0, &early, 1)), "E_EARLY");
    for n in 0..MAX_INPUTS_PER_TICK as u64 {
        assert_eq!(script.note(0, &act("x"), n), []);
    }
    assert_eq!(code_of(&script.note(0, &input(1, "a"), 1)), "E_RATE");
    script.wait(100);
    assert_eq!(script.note(0, &input(1, "a"), 1), []);
    script.wait(100);
    assert_eq!(script.applied(0), [(0, 1)]);
}

#[test]
fn the_last_input_of_a_match_is_answered_again_when_it_is_over() {
    let mut script = Script::playing(0..2);
    let add = |seq| json!(["input", seq, {"type": "add"}]);
    (1..=3).for_each(|seq| drop(script.note(0, &add(seq), seq)));
    assert_eq!(script.lobby(1).phase, api::Phase::Finished);
    assert_eq!(script.note(0, &add(3), 4), [(4, acted(3))]);
    assert_eq!(code_of(&script.note(0, &add(4), 5)), "E_MATCH_OVER");
    assert_eq!(code_of(&script.note(0, &add(5000), 6)), "E_MATCH_OVER");
}

#[test]
fn who_takes_a_seat_after_a_match_is_not_answered_what_another_did() {
    let mut script = Script::playing(0..2);
    let add = |seq| json!(["input", seq, {"type": "add"}]);
    (1..=3).for_each(|seq| drop(script.note(0, &add(seq), seq)));
    script.ok(0, "leave", &Value::Null);
    script.enter(5, "player");
    assert_eq!(script.clients[&5].seat, Some(0));
    assert_eq!(code_of(&script.note(5, &add(3), 4)), "E_MATCH_OVER");
    assert_eq!(script.applied(1), [(0, 3)]);
    script.audit();
}

fn for_tick(what: &str, tick: u64) -> Value {
    json!(["input", tick + 100, {"type": "do", "what": what}, {"tick": tick}])
}

#[test]
fn an_input_for_a_tick_is_applied_with_it() {
    let mut script = Script::ticking("pulse", 0..2);
    script.wait(500);
    let tick = |script: &Script| script.lobby(0).state.as_ref().unwrap().tick.unwrap();
    assert_eq!(tick(&script), 5, "the next");
    assert_eq!(code_of(&script.note(0, &for_tick("late", 4), 1)), "E_LATE");
    assert_eq!(code_of(&script.note(0, &for_tick("early", 5 + MAX_TICKS_AHEAD + 1), 1)), "E_EARLY");
    assert_eq!(script.note(0, &for_tick("a", 5), 1), []);
    assert_eq!(script.note(0, &for_tick("c", 5 + MAX_TICKS_AHEAD), 2), []);
    assert_eq!(script.note(1, &for_tick("b", 7), 3), []);
    assert_eq!(script.note(0, &for_tick("c", 5 + MAX_TICKS_AHEAD), 4), []);
    script.wait(900);
    let log = script.log(0);
    let at = |what: &str| log.iter().find(|line| line.ends_with(what)).unwrap().clone();
    assert_eq!(
        [at("does a"), at("does b"), at("does c")],
        ["5: 0 does a", "7: 1 does b", "13: 0 does c"]
    );
    assert_eq!(script.note(0, &for_tick("c", 5 + MAX_TICKS_AHEAD), 4), [(4, acted(3))]);
    assert_eq!(tick(&script), 14);
    script.audit();
}

#[test]
fn inputs_for_ticks_that_are_left_out_come_in_order_with_the_next_that_is_played() {
    let mut script = Script::ticking("skipping", 0..2);
    for (seq, tick) in [(1, 3), (2, 1), (3, 8), (4, 2)] {
        let does = json!({"type": "do", "what": tick.to_string()});
        assert_eq!(script.note(0, &json!(["input", seq, does, {"tick": tick}]), seq), []);
    }
    script.stall(555);
    assert_eq!(script.log(0), ["4: 0 does 1", "4: 0 does 2", "4: 0 does 3", "tick 4 at 500"]);
    script.wait(1000);
    assert!(script.log(0).contains(&"8: 0 does 8".to_owned()), "{:?}", script.log(0));
}

#[test]
fn what_waits_for_a_tick_that_does_not_come_is_refused() {
    let mut script = Script::ticking("pulse", 0..2);
    script.note(0, &for_tick("a", 6), 1);
    script.note(0, &json!(["action", {"type": "win"}]), 2);
    let answers = script.next(0);
    assert_eq!(answers[0], (2, acted(1)));
    assert_eq!((answers[1].0, &answers[1].1["code"]), (1, &json!("E_MATCH_OVER")));
    assert_eq!(code_of(&script.note(0, &for_tick("a", 6), 3)), "E_MATCH_OVER");
}

#[test]
fn a_game_of_turns_has_no_ticks() {
    let mut script = Script::playing(0..2);
    let add = json!(["input", 1, {"type": "add"}, {"tick": 0}]);
    assert_eq!(code_of(&script.note(0, &add, 1)), "E_BAD_REQUEST");
    let add = json!(["input", 1, {"type": "add"}, null]);
    assert_eq!(script.note(0, &add, 1), [(1, acted(1))]);
    let bad = json!(["input", 2, {"type": "add"}, {"tock": 0}]);
    assert_eq!(code_of(&script.note(0, &bad, 1)), "E_BAD_REQUEST");
    assert_eq!(script.lobby(0).state.as_ref().unwrap().tick, None);
}

#[test]
fn a_seat_does_so_much_at_once_and_then_so_much_a_second() {
    let mut script = Script::playing(0..2);
    script.lobbies.settings.inputs = Rate::per_second(60, 120);
    let draw = |number: u32, script: &mut Script| script.action(number, "draw").map(drop);
    for _ in 0..120 {
        assert_eq!(draw(0, &mut script), Ok(()));
    }
    assert_eq!(draw(0, &mut script), Err("E_RATE".to_owned()));
    assert_eq!(draw(1, &mut script), Ok(()), "each for itself");
    // What comes again counts too, and who returns is no new seat.
    let token = script.vanish(0);
    script.arrive(9);
    script.resume(9, &token).unwrap();
    assert_eq!(code_of(&script.note(9, &json!(["input", 1, {"type": "draw"}]), 1)), "E_RATE");
    script.wait(1000);
    for _ in 0..60 {
        assert_eq!(draw(9, &mut script), Ok(()));
    }
    assert_eq!(draw(9, &mut script), Err("E_RATE".to_owned()));
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
    assert_eq!(code_of(&script.note(1, &add(4), 3)), "E_SEQ_OLD");
    assert_eq!(script.applied(0), [(1, 5)]);
    let refuse = json!(["input", 6, {"type": "refuse"}]);
    for id in [4, 5] {
        let answers = script.note(1, &refuse, id);
        assert_eq!(code_of(&answers), "E_NO");
    }
    assert_eq!(code_of(&script.note(1, &add(6), 6)), "E_NO", "the number is used");
    assert_eq!(script.note(1, &add(7), 7), [(7, acted(2))]);
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
    assert_eq!(code_of(&script.note(0, &add(json!(MAX_SEQ)), 1)), "E_SEQ");
    assert_eq!(code_of(&script.note(0, &add(json!(1)), 1)), "E_BAD_REQUEST", "without an action");
    assert_eq!(script.note(0, &add(json!(2)), 1), [(1, acted(1))]);
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

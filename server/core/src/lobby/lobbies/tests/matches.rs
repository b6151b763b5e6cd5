//! A match from its start to the rematch: who sees what, what a refusal leaves alone, and that a
//! game that fails ends its own match and nothing else.

use super::*;

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

fn rematch(script: &mut Script, number: u32) -> Result<Value, String> {
    script.ask(number, "rematch", &Value::Null)
}

fn trap(script: &mut Script, number: u32, place: &str) -> Result<Value, String> {
    script.ask(number, "action", &json!({"type": "trap", "in": place}))
}

fn view(script: &Script, number: u32) -> Value {
    serde_json::from_str(script.total(number)).unwrap()
}

/// Plays until seat 0 has won.
fn finish(script: &mut Script) {
    for _ in 0..3 {
        script.action(0, "add").unwrap();
    }
    script.forget();
}

#[test]
fn everybody_gets_a_view_of_their_own_when_a_match_begins() {
    let mut script = Script::with_players(0..3);
    script.enter(3, "spectator");
    script.start(0..3);
    for number in 0..4 {
        let seat = if number == 3 { Value::Null } else { json!(number) };
        let view = view(&script, number);
        assert_eq!((&view["total"], &view["seat"]), (&json!(0), &seat));
        let told = std::mem::take(&mut script.clients.get_mut(&number).unwrap().told);
        assert_eq!(told.last().unwrap(), "state 1.0", "the state comes after the change");
    }
    assert_eq!(script.lobbies.n_playing(), 1);
    script.audit();
}

#[test]
fn an_accepted_action_is_counted_told_and_shown() {
    let mut script = Script::playing(0..2);
    assert_eq!(script.action(1, "add").unwrap()["turn"], 1);
    assert_eq!(script.action(0, "add").unwrap()["turn"], 2);
    assert_eq!(script.told(0), ["event \"by 1\"", "event \"by 0\""]);
    assert_eq!(view(&script, 1)["total"], 2);
    assert_eq!(script.lobby(1).state.as_ref().unwrap().turn, 2);
    script.audit();
}

#[test]
fn a_rejected_action_leaves_state_turn_chance_and_version_as_they_were() {
    let (mut script, mut other) = (Script::playing(0..2), Script::playing(0..2));
    script.action(0, "add").unwrap();
    other.action(0, "add").unwrap();
    script.forget();
    let before = serde_json::to_value(script.lobby(0)).unwrap();
    assert_eq!(script.action(0, "refuse"), refused("E_NO"));
    assert_eq!(script.action(0, "nonsense"), refused("E_BAD_REQUEST"));
    assert_eq!(script.ask(0, "action", &Value::Null), refused("E_BAD_REQUEST"));
    assert_eq!(script.ask(0, "action", &json!([[1]])), refused("E_BAD_REQUEST"));
    assert_eq!(script.told(0), [""; 0]);
    assert!(script.clients[&1].told.is_empty(), "not even a state is pushed");
    assert_eq!(serde_json::to_value(script.lobby(0)).unwrap(), before);
    script.audit();
    // What is drawn next is what would have been drawn without the rejected draw.
    assert_eq!(script.action(0, "draw").unwrap(), other.action(0, "draw").unwrap());
    assert_eq!(view(&script, 0), view(&other, 0));
}

#[test]
fn only_the_players_of_a_match_act_and_only_while_it_is_on() {
    let mut script = Script::with_players(0..2);
    script.enter(2, "spectator");
    assert_eq!(script.action(0, "add"), refused("E_NOT_IN_MATCH"));
    assert_eq!(script.action(2, "add"), refused("E_NOT_IN_MATCH"));
    script.start(0..2);
    assert_eq!(script.action(2, "add"), refused("E_NOT_IN_MATCH"));
    finish(&mut script);
    assert_eq!(script.action(0, "add"), refused("E_MATCH_OVER"));
    assert_eq!(script.action(2, "add"), refused("E_NOT_IN_MATCH"));
    assert_eq!(script.told(1), [""; 0]);
    assert_eq!(view(&script, 1)["total"], 3);
}

#[test]
fn an_outcome_ends_the_match_and_stays_to_be_seen() {
    let mut script = Script::playing(0..2);
    script.action(0, "add").unwrap();
    script.action(0, "add").unwrap();
    script.forget();
    assert_eq!(script.action(1, "add").unwrap()["turn"], 3);
    assert_eq!(script.told(0), ["event \"by 1\"", "finished [1] goal"]);
    let outcome = script.lobby(0).state.as_ref().unwrap().outcome.clone().unwrap();
    assert_eq!((outcome.winners, outcome.reason.as_str()), (vec![1], "goal"));
    assert_eq!(script.lobbies.n_playing(), 0);
    script.enter(2, "spectator");
    assert_eq!(script.lobby(2).state.as_ref().unwrap().outcome.as_ref().unwrap().reason, "goal");
    script.audit();
}

#[test]
fn another_match_begins_when_all_want_it() {
    let mut script = Script::playing(0..3);
    script.enter(3, "spectator");
    assert_eq!(rematch(&mut script, 0), refused("E_PHASE"), "while it is on");
    finish(&mut script);
    assert_eq!(script.ask(0, "start", &Value::Null), refused("E_PHASE"));
    rematch(&mut script, 1).unwrap();
    rematch(&mut script, 1).unwrap();
    rematch(&mut script, 0).unwrap();
    script.audit();
    assert_eq!(rematch(&mut script, 3), refused("E_FORBIDDEN"));
    rematch(&mut script, 2).unwrap();
    let told = ["ready 1 true", "ready 0 true", "ready 2 true", "started 2"];
    assert_eq!(script.told(3), told);
    let state = script.lobby(3).state.as_ref().unwrap();
    assert_eq!((state.number, state.turn, &state.outcome), (2, 0, &None));
    assert_eq!(view(&script, 3)["total"], 0);
    script.audit();
}

#[test]
fn a_rematch_needs_enough_players_and_waits_for_those_who_joined_since() {
    let mut script = Script::playing(0..2);
    finish(&mut script);
    script.ok(1, "leave", &Value::Null);
    rematch(&mut script, 0).unwrap();
    assert_eq!(script.lobby(0).phase, api::Phase::Finished);
    script.enter(2, "player");
    assert_eq!(script.lobby(0).phase, api::Phase::Finished);
    rematch(&mut script, 2).unwrap();
    assert_eq!(script.lobby(0).phase, api::Phase::Playing);
    script.audit();
}

/// The bug: all who were left wanted another match, and it did not begin.
#[test]
fn a_rematch_begins_when_the_last_who_did_not_want_it_goes() {
    let mut script = Script::playing(0..3);
    finish(&mut script);
    rematch(&mut script, 0).unwrap();
    rematch(&mut script, 1).unwrap();
    script.forget();
    script.ok(2, "leave", &Value::Null);
    assert_eq!(script.told(0), ["left 2 Left", "started 2"]);
    script.audit();

    let mut script = Script::playing(0..3);
    finish(&mut script);
    rematch(&mut script, 0).unwrap();
    rematch(&mut script, 1).unwrap();
    script.vanish(2);
    script.forget();
    script.wait(60_000);
    assert_eq!(script.told(0), ["left 2 Expired", "started 2"]);
    script.audit();
}

#[test]
fn a_game_is_told_who_is_away_when_it_begins() {
    let mut script = Script::playing(0..3);
    finish(&mut script);
    rematch(&mut script, 1).unwrap();
    rematch(&mut script, 2).unwrap();
    script.vanish(2);
    script.forget();
    rematch(&mut script, 0).unwrap();
    assert_eq!(script.told(1), ["ready 0 true", "started 2", "event \"Dropped 2\""]);
    script.audit();
}

#[test]
fn a_player_who_leaves_is_told_to_the_game_and_the_match_goes_on_without() {
    let mut script = Script::playing(0..3);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.told(0), ["left 1 Left", "event \"Left 1\""]);
    assert_eq!(script.action(1, "add"), refused("E_NOT_IN_LOBBY"));
    script.action(0, "add").unwrap();
    script.forget();
    script.ok(2, "leave", &Value::Null);
    assert_eq!(script.told(0), ["left 2 Left", "event \"Left 2\"", "finished [0] abandonment"]);
    script.audit();
}

#[test]
fn a_host_who_leaves_a_running_match_is_followed_by_another() {
    let mut script = Script::playing(0..3);
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.told(1), ["left 0 Left", "event \"Left 0\"", "host 1"]);
    script.audit();
}

#[test]
fn everybody_may_leave_a_running_match() {
    let mut script = Script::playing(0..2);
    script.ok(0, "leave", &Value::Null);
    script.ok(1, "leave", &Value::Null);
    assert!(script.lobbies.is_empty());
    script.check_nothing_is_left();
}

/// The bug: the events that told of the return came after an answer that contained them.
#[test]
fn a_player_who_comes_back_hears_each_version_once() {
    let mut script = Script::playing(0..2);
    let token = script.vanish(1);
    script.forget();
    script.arrive(7);
    script.resume(7, &token).unwrap();
    assert_eq!(script.told(0), ["returned 1", "event \"Returned 1\""]);
    assert_eq!(script.told(7), ["event \"Returned 1\""]);
    script.action(7, "add").unwrap();
    script.audit();
}

#[test]
fn a_game_that_panics_over_an_action_loses_its_match_and_nothing_else() {
    let mut script = Script::playing(0..2);
    script.arrive(5);
    script.ok(5, "create", &json!({"game": "tally", "name": "E"}));
    assert_eq!(trap(&mut script, 0, "apply"), refused("E_MATCH_CRASH"));
    assert_eq!(script.told(1), ["finished [] crashed"]);
    assert_eq!(script.lobby(1).state.as_ref().unwrap().view.get(), "null");
    assert_eq!(script.action(0, "add"), refused("E_MATCH_OVER"));
    assert_eq!(script.lobbies.len(), 2);
    script.ok(1, "chat", &json!({"text": "what was that"}));
    script.audit();
    rematch(&mut script, 0).unwrap();
    rematch(&mut script, 1).unwrap();
    assert_eq!(script.action(0, "add").unwrap()["turn"], 1, "the next match is fine");
    script.audit();
}

#[test]
fn a_game_that_panics_while_an_action_is_read_loses_its_match() {
    let mut script = Script::playing(0..2);
    let action = json!({"type": "unreadable", "is": 1});
    assert_eq!(script.ask(0, "action", &action), refused("E_MATCH_CRASH"));
    assert_eq!(script.told(1), ["finished [] crashed"]);
    script.audit();
}

#[test]
fn a_game_that_panics_over_an_event_loses_its_match() {
    let mut script = Script::playing(0..2);
    assert_eq!(trap(&mut script, 0, "event"), refused("E_MATCH_CRASH"));
    assert_eq!(script.told(1), ["finished [] crashed"]);
    script.audit();
}

/// The bug: a panic in a view left the match on, with nothing to see, until somebody acted.
#[test]
fn a_game_that_panics_over_a_view_loses_its_match_at_once() {
    let mut script = Script::playing(0..2);
    script.enter(2, "spectator");
    script.forget();
    assert_eq!(trap(&mut script, 0, "view").unwrap()["turn"], 1, "the action was accepted");
    assert_eq!(script.told(1), ["event \"by 0\"", "finished [] crashed"]);
    assert_eq!(script.lobby(2).phase, api::Phase::Finished);
    script.audit();
}

#[test]
fn a_view_that_panics_for_a_newcomer_ends_the_match_as_well() {
    let mut script = Script::with_config(0..2, &json!({"trap": "view"}));
    script.start(0..2);
    assert_eq!(script.told(1), ["ready 1 true", "started 1", "finished [] crashed"]);
    script.enter(2, "spectator");
    script.audit();
}

#[test]
fn a_game_that_panics_over_its_outcome_loses_its_match() {
    let mut script = Script::playing(0..2);
    trap(&mut script, 0, "outcome").unwrap();
    assert_eq!(script.told(1), ["event \"by 0\"", "finished [] crashed"]);
    script.audit();
}

#[test]
fn a_game_that_panics_over_a_seat_loses_its_match() {
    let mut script = Script::playing(0..2);
    trap(&mut script, 0, "seat").unwrap();
    script.forget();
    script.vanish(0);
    assert_eq!(script.told(1), ["dropped 0", "finished [] crashed", "host 1"]);
    script.audit();
}

#[test]
fn a_game_that_cannot_be_set_up_is_over_as_it_begins() {
    let mut script = Script::with_config(0..2, &json!({"trap": "setup"}));
    script.start(0..2);
    assert_eq!(script.told(1), ["ready 1 true", "started 1", "finished [] crashed"]);
    assert_eq!(script.action(0, "add"), refused("E_MATCH_OVER"));
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn the_same_seed_and_inputs_give_the_same_bytes() {
    let run = || {
        let mut script = Script::new();
        let mut bytes = Vec::new();
        (0..3).for_each(|number| script.arrive(number));
        let create = json!(["create", {"game": "tally", "name": "A"}]);
        let mut code = String::new();
        for (number, array) in [
            (0, create),
            (1, json!(["join", {"name": "B"}])),
            (1, json!(["ready", {"ready": true}])),
            (0, json!(["start"])),
            (1, json!(["action", {"type": "draw"}])),
            (0, json!(["action", {"type": "refuse"}])),
            (0, json!(["action", {"type": "draw"}])),
        ] {
            let mut array = array;
            if array[0] == "join" {
                array[1]["code"] = json!(code);
            }
            let request = Request::read(&Args::of_event(&array.to_string(), &[]));
            for effect in script.handle(LobbyInput::Asked(socket(number), request, Some(1))) {
                let LobbyEffect::Push(to, frame, _) = effect else { continue };
                bytes.push((to, frame.wire().to_vec()));
                if code.is_empty() {
                    code = read(&frame).2[0]["lobby"]["code"].as_str().unwrap().to_owned();
                }
            }
        }
        bytes
    };
    assert_eq!(run(), run());
}

//! From gathering to a match and on: countdowns, the rules by which a match begins, and that no
//! phase lasts for ever.

use super::*;

const COUNTDOWN_MS: u64 = 3000;
const FINISHED_MS: u64 = 60_000;
const OPEN_MS: u64 = 3_600_000;
const MATCH_MS: u64 = 24 * 3_600_000;

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

/// A lobby of these players, in which there is a countdown.
fn gathered(numbers: std::ops::Range<u32>, with: &Value) -> Script {
    let mut script = Script::with_policy(10, Policy::default());
    for number in numbers {
        if number > 0 {
            script.enter(number, "player");
            continue;
        }
        script.arrive(0);
        let mut create = json!({"game": "tally", "name": "Player 0"});
        create.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        script.ok(0, "create", &create);
    }
    script
}

fn ready(script: &mut Script, number: u32) {
    script.ok(number, "ready", &json!({"ready": true}));
}

fn unready(script: &mut Script, number: u32) {
    script.ok(number, "ready", &json!({"ready": false}));
}

fn ask(script: &mut Script, number: u32, name: &str) -> Result<Value, String> {
    script.ask(number, name, &Value::Null)
}

fn phase(script: &Script) -> api::Phase {
    script.clients.values().find_map(|client| client.lobby.as_ref()).unwrap().phase
}

/// In its countdown by the host's word.
fn starting() -> Script {
    let mut script = gathered(0..3, &json!({}));
    ready(&mut script, 1);
    ready(&mut script, 2);
    script.forget();
    ask(&mut script, 0, "start").unwrap();
    script
}

/// Finished, after a match of two; all but the countdown is as usual.
fn finished(with: &Value) -> Script {
    let mut script = gathered(0..2, with);
    ready(&mut script, 1);
    match with["start"].as_str() {
        Some("ready") => ready(&mut script, 0),
        _ => drop(ask(&mut script, 0, "start")),
    }
    script.wait(COUNTDOWN_MS);
    for _ in 0..3 {
        script.action(0, "add").unwrap();
    }
    script.forget();
    assert_eq!(phase(&script), api::Phase::Finished);
    script
}

#[test]
fn the_host_starts_a_countdown_and_the_match_begins_with_its_end() {
    let mut script = starting();
    let at = script.lobbies.deadline().unwrap();
    assert_eq!(at, script.now + Duration::from_millis(COUNTDOWN_MS));
    script.enter(3, "spectator");
    assert_eq!(script.lobby(3).starts_at_ms, script.lobby(0).starts_at_ms);
    script.audit();
    script.wait(COUNTDOWN_MS - 1);
    assert_eq!(phase(&script), api::Phase::Starting);
    assert_eq!(script.action(0, "add"), refused("E_NOT_IN_MATCH"));
    script.wait(1);
    let told = ["starting at 1003000", "spectators 1", "started 1"];
    assert_eq!(script.told(1), told);
    script.action(0, "add").unwrap();
    script.audit();
}

#[test]
fn a_countdown_ends_when_somebody_is_no_longer_ready_drops_or_leaves() {
    let mut script = starting();
    unready(&mut script, 2);
    assert_eq!(script.told(1), ["starting at 1003000", "ready 2 false", "stopped"]);
    script.audit();

    let mut script = starting();
    script.vanish(2);
    assert_eq!(script.told(1), ["starting at 1003000", "stopped", "ready 2 false", "dropped 2"]);
    script.audit();

    let mut script = starting();
    ask(&mut script, 2, "leave").unwrap();
    assert_eq!(script.told(1), ["starting at 1003000", "stopped", "left 2 Left"]);
    script.audit();

    let mut script = starting();
    script.vanish(0);
    assert_eq!(script.told(1), ["starting at 1003000", "stopped", "dropped 0", "host 1"]);
    script.audit();
    script.wait(COUNTDOWN_MS);
    assert_eq!(phase(&script), api::Phase::Open);
}

#[test]
fn the_host_alone_stops_a_countdown() {
    let mut script = starting();
    assert_eq!(ask(&mut script, 1, "stop"), refused("E_FORBIDDEN"));
    ask(&mut script, 0, "stop").unwrap();
    assert_eq!(ask(&mut script, 0, "stop"), refused("E_PHASE"));
    assert_eq!(script.told(1), ["starting at 1003000", "stopped"]);
    script.wait(COUNTDOWN_MS);
    assert_eq!(phase(&script), api::Phase::Open);
    ask(&mut script, 0, "start").unwrap();
    script.audit();
}

#[test]
fn nobody_takes_a_seat_or_changes_the_rules_while_a_match_is_starting() {
    let mut script = starting();
    script.arrive(3);
    assert_eq!(script.join(3, "player"), refused("E_PHASE"));
    assert_eq!(script.ask(0, "settings", &json!({"capacity": 4})), refused("E_PHASE"));
    assert_eq!(script.ask(0, "settings", &json!({"start": "full"})), refused("E_PHASE"));
    assert_eq!(ask(&mut script, 0, "start"), refused("E_PHASE"));
    script.ok(0, "host", &json!({"seat": 1}));
    assert_eq!(phase(&script), api::Phase::Starting, "seat 0 is not ready, but that is no matter");
    script.audit();
}

#[test]
fn a_lobby_that_starts_when_all_are_ready_needs_no_host() {
    let mut script = gathered(0..2, &json!({"start": "ready"}));
    assert_eq!(script.lobby(0).start, api::StartRule::Ready);
    ready(&mut script, 0);
    assert_eq!(ask(&mut script, 0, "start"), refused("E_FORBIDDEN"));
    script.forget();
    ready(&mut script, 1);
    assert_eq!(script.told(0), ["ready 1 true", "starting at 1003000"]);
    ask(&mut script, 0, "stop").unwrap();
    assert_eq!(script.told(0), ["stopped", "ready 0 false"]);
    ready(&mut script, 0);
    script.wait(COUNTDOWN_MS);
    assert_eq!(phase(&script), api::Phase::Playing);
    script.audit();
}

#[test]
fn one_who_is_ready_alone_waits_for_as_many_as_the_game_needs() {
    let mut script = gathered(0..1, &json!({"start": "ready"}));
    ready(&mut script, 0);
    script.enter(1, "player");
    assert_eq!(phase(&script), api::Phase::Open);
    ready(&mut script, 1);
    assert_eq!(phase(&script), api::Phase::Starting);
}

#[test]
fn a_lobby_starts_when_the_last_who_was_not_ready_leaves() {
    let mut script = gathered(0..3, &json!({"start": "ready"}));
    ready(&mut script, 0);
    ready(&mut script, 1);
    script.forget();
    ask(&mut script, 2, "leave").unwrap();
    assert_eq!(script.told(0), ["left 2 Left", "starting at 1003000"]);
    script.audit();
}

#[test]
fn a_lobby_that_starts_when_it_is_full_counts_all_as_ready() {
    let mut script = gathered(0..2, &json!({"start": "full", "capacity": 3}));
    assert_eq!(phase(&script), api::Phase::Open);
    assert!(script.lobby(0).seats.iter().all(|seat| seat.ready));
    script.forget();
    script.enter(2, "player");
    assert_eq!(script.told(0), ["joined 2 Player 2", "starting at 1003000"]);
    assert_eq!(script.told(2), ["starting at 1003000"], "after the answer");
    let token = script.vanish(2);
    assert_eq!(script.told(0), ["stopped", "ready 2 false", "dropped 2"]);
    script.wait(5000);
    script.arrive(3);
    script.resume(3, &token).unwrap();
    assert_eq!(script.told(0), ["returned 2", "ready 2 true", "starting at 1008000"]);
    script.audit();
    script.wait(COUNTDOWN_MS);
    assert_eq!(phase(&script), api::Phase::Playing);
}

#[test]
fn a_lobby_becomes_one_that_starts_when_it_is_full() {
    let mut script = gathered(0..2, &json!({}));
    script.ok(0, "settings", &json!({"start": "full"}));
    assert!(script.lobby(0).seats.iter().all(|seat| seat.ready));
    script.ok(0, "settings", &json!({"capacity": 2}));
    assert_eq!(phase(&script), api::Phase::Starting);
    script.audit();
}

#[test]
fn after_a_match_a_full_lobby_asks_whether_they_are_ready() {
    let mut script = gathered(0..2, &json!({"start": "full", "capacity": 2}));
    script.wait(COUNTDOWN_MS);
    for _ in 0..3 {
        script.action(0, "add").unwrap();
    }
    script.wait(FINISHED_MS);
    assert_eq!(phase(&script), api::Phase::Open);
    script.wait(10 * COUNTDOWN_MS);
    assert_eq!(phase(&script), api::Phase::Open);
    ready(&mut script, 0);
    ask(&mut script, 1, "leave").unwrap();
    script.enter(2, "player");
    assert_eq!(phase(&script), api::Phase::Starting, "who comes anew is ready");
    script.audit();
}

#[test]
fn a_finished_lobby_is_open_again_after_a_while_and_the_match_is_forgotten() {
    let mut script = finished(&json!({}));
    script.wait(FINISHED_MS - 1);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1);
    assert_eq!(script.told(0), ["opened"]);
    assert!(script.lobby(0).state.is_none());
    assert!(script.clients[&0].view.is_none(), "nobody looks at it");
    assert_eq!(ask(&mut script, 0, "rematch"), refused("E_PHASE"));
    script.audit();
    ready(&mut script, 1);
    ask(&mut script, 0, "start").unwrap();
    script.wait(COUNTDOWN_MS);
    assert_eq!(script.lobby(1).state.as_ref().unwrap().number, 2);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn who_wanted_a_rematch_is_ready_when_the_lobby_is_open_again_unless_lost() {
    let mut script = finished(&json!({"start": "ready"}));
    script.enter(2, "player");
    ask(&mut script, 0, "rematch").unwrap();
    ask(&mut script, 1, "rematch").unwrap();
    script.wait(30_000);
    script.vanish(1);
    script.forget();
    script.wait(30_000);
    assert_eq!(script.told(0), ["ready 1 false", "opened"]);
    assert!(script.lobby(0).seats[0].ready);
    script.audit();
    ready(&mut script, 2);
    script.wait(30_000);
    assert_eq!(
        script.told(0),
        ["ready 2 true", "left 1 Expired", "starting at 1096000"],
        "the lost one was in the way"
    );
}

#[test]
fn a_rematch_needs_no_countdown() {
    let mut script = finished(&json!({}));
    ask(&mut script, 0, "rematch").unwrap();
    ask(&mut script, 1, "rematch").unwrap();
    assert_eq!(script.told(0), ["ready 0 true", "ready 1 true", "started 2"]);
    script.wait(FINISHED_MS);
    assert_eq!(phase(&script), api::Phase::Playing, "the old deadline means nothing");
    script.audit();
}

#[test]
fn a_lobby_in_which_nothing_is_said_or_done_ends() {
    let mut script = gathered(0..2, &json!({}));
    script.enter(2, "spectator");
    script.forget();
    script.wait(OPEN_MS / 2);
    script.ok(2, "chat", &json!({"text": "still here"}));
    script.forget();
    script.wait(OPEN_MS - 1);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1);
    for number in 0..3 {
        assert_eq!(script.told(number), [r#"closed "idle""#]);
    }
    assert!(script.lobbies.is_empty());
    script.ok(1, "create", &json!({"game": "tally", "name": "B"}));
    script.check_nothing_is_left();
}

#[test]
fn a_lobby_of_lost_players_only_does_not_outlast_its_time() {
    let mut script = gathered(0..1, &json!({}));
    script.wait(OPEN_MS - 1000);
    script.vanish(0);
    script.wait(1000);
    assert!(script.lobbies.is_empty());
    script.check_nothing_is_left();
}

#[test]
fn a_match_ends_when_it_has_taken_as_long_as_it_may() {
    let mut script = gathered(0..2, &json!({}));
    ready(&mut script, 1);
    ask(&mut script, 0, "start").unwrap();
    script.wait(COUNTDOWN_MS);
    script.forget();
    script.wait(MATCH_MS - 1);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1);
    assert_eq!(script.told(0), ["finished [] timeout"]);
    assert_eq!(script.action(0, "add"), refused("E_MATCH_OVER"));
    let outcome = script.lobby(1).state.as_ref().unwrap().outcome.clone();
    assert_eq!(outcome.unwrap().reason, "timeout", "the last state says so");
    script.audit();
    script.wait(FINISHED_MS);
    assert_eq!(phase(&script), api::Phase::Open);
}

#[test]
fn deadlines_that_fire_late_leave_none_out() {
    let mut script = starting();
    script.forget();
    script.now = script.now + Duration::from_millis(COUNTDOWN_MS + MATCH_MS + FINISHED_MS);
    script.tell(LobbyInput::Timeout);
    assert_eq!(script.told(1), ["started 1", "finished [] timeout", "opened"]);
    script.audit();
}

#[test]
fn people_who_only_watch_do_not_keep_a_lobby_starting() {
    let mut script = gathered(0..2, &json!({"start": "ready"}));
    script.enter(2, "spectator");
    ready(&mut script, 0);
    ready(&mut script, 1);
    script.vanish(2);
    assert_eq!(phase(&script), api::Phase::Starting, "a lost spectator is not waited for");
    script.audit();
}

//! Who sits where and who leads: being ready, losing the connection, coming back, moving up.

use super::*;

const GRACE_MS: u64 = 60_000;
const MATCH_GRACE_MS: u64 = 30_000;

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

fn ready(script: &mut Script, number: u32, ready: bool) -> Result<Value, String> {
    script.ask(number, "ready", &json!({"ready": ready}))
}

fn start(script: &mut Script, number: u32) -> Result<Value, String> {
    script.ask(number, "start", &Value::Null)
}

#[test]
fn everybody_is_told_once_that_a_seat_is_ready() {
    let mut script = Script::with_players(0..2);
    ready(&mut script, 1, true).unwrap();
    ready(&mut script, 1, true).unwrap();
    ready(&mut script, 1, false).unwrap();
    assert_eq!(script.told(0), ["ready 1 true", "ready 1 false"]);
    assert_eq!(script.told(1), ["ready 1 true", "ready 1 false"]);
    script.audit();
}

#[test]
fn a_match_begins_when_the_host_starts_it_and_the_others_are_ready() {
    let mut script = Script::with_players(0..3);
    script.enter(3, "spectator");
    ready(&mut script, 1, true).unwrap();
    assert_eq!(start(&mut script, 0), refused("E_NOT_READY"));
    ready(&mut script, 2, true).unwrap();
    script.forget();
    assert_eq!(start(&mut script, 1), refused("E_FORBIDDEN"), "only the host starts");
    assert_eq!(start(&mut script, 3), refused("E_FORBIDDEN"), "a spectator does not");
    assert_eq!(script.told(0), [""; 0], "a refusal changes nothing");
    start(&mut script, 0).unwrap();
    for number in 0..4 {
        assert_eq!(script.told(number), ["started 1"]);
    }
    assert_eq!(start(&mut script, 0), refused("E_PHASE"));
    assert_eq!(ready(&mut script, 1, true), refused("E_PHASE"));
    script.audit();
}

#[test]
fn a_match_needs_as_many_players_as_its_game() {
    let mut script = Script::with_players(0..1);
    script.enter(1, "spectator");
    assert_eq!(start(&mut script, 0), refused("E_NOT_READY"));
    script.enter(2, "player");
    assert_eq!(start(&mut script, 0), refused("E_NOT_READY"));
    ready(&mut script, 2, true).unwrap();
    start(&mut script, 0).unwrap();
}

#[test]
fn spectators_are_neither_ready_nor_do_they_want_a_rematch() {
    let mut script = Script::with_players(0..1);
    script.enter(1, "spectator");
    assert_eq!(ready(&mut script, 1, true), refused("E_FORBIDDEN"));
    assert_eq!(script.ask(1, "rematch", &Value::Null), refused("E_FORBIDDEN"));
}

#[test]
fn a_lost_connection_keeps_its_seat_for_a_while_and_then_frees_it() {
    let mut script = Script::with_players(0..2);
    let token = script.vanish(1);
    assert_eq!(script.told(0), ["dropped 1"]);
    assert!(!script.lobby(0).seats[1].connected);
    script.wait(GRACE_MS - 1);
    assert_eq!(script.told(0), [""; 0]);
    script.audit();
    script.wait(1);
    assert_eq!(script.told(0), ["left 1 Expired"]);
    script.arrive(2);
    assert_eq!(script.resume(2, &token), refused("E_TOKEN"));
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn during_a_match_a_seat_is_kept_as_long_as_the_game_says() {
    let mut script = Script::playing(0..3);
    script.vanish(2);
    script.wait(MATCH_GRACE_MS - 1);
    assert_eq!(script.told(0), ["dropped 2", "event \"Dropped 2\""]);
    script.wait(1);
    assert_eq!(script.told(0), ["left 2 Expired", "event \"Left 2\""]);
    script.audit();
}

#[test]
fn a_player_comes_back_with_a_token_that_works_once() {
    let mut script = Script::with_players(0..3);
    let token = script.vanish(1);
    script.wait(GRACE_MS - 1);
    script.forget();
    script.arrive(7);
    let joined = script.resume(7, &token).unwrap();
    assert_eq!(
        (&joined["seat"], &joined["lobby"]["seats"][1]["connected"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(script.told(0), ["returned 1"]);
    assert_eq!(script.told(7), [""; 0], "the answer says it all");
    script.wait(10 * GRACE_MS);
    assert_eq!(script.told(0), [""; 0], "the seat is no longer counted down");
    script.arrive(8);
    ready(&mut script, 7, false).unwrap();
    assert_eq!(script.resume(8, &token), refused("E_TOKEN"), "the old token is used");
    let fresh = script.vanish(7);
    assert_ne!(fresh, token);
    script.resume(8, &fresh).unwrap();
    script.audit();
    script.check_nothing_is_left();
}

/// The bug: the connection broke before the answer with the next token arrived, and the seat could
/// not be had any more.
#[test]
fn a_token_whose_answer_was_lost_works_again_until_the_seats_next_request() {
    let mut script = Script::with_players(0..2);
    let token = script.vanish(1);
    script.arrive(7);
    script.resume(7, &token).unwrap();
    let unseen = script.vanish(7);
    script.arrive(8);
    script.resume(8, &token).unwrap();
    script.arrive(9);
    assert_eq!(script.resume(9, &unseen), refused("E_TOKEN"), "nobody has ever seen it");
    ready(&mut script, 8, false).unwrap();
    assert_eq!(script.resume(9, &token), refused("E_TOKEN"));
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn a_token_that_is_none_is_refused() {
    let mut script = Script::with_players(0..1);
    script.arrive(1);
    for token in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAA", &"x".repeat(10_000)] {
        assert_eq!(script.resume(1, token), refused("E_TOKEN"), "{token:.30}");
    }
}

#[test]
fn a_second_tab_takes_over_and_the_first_is_disconnected_without_a_word_to_others() {
    let mut script = Script::playing(0..2);
    let token = script.clients[&1].token.clone();
    script.arrive(7);
    let joined = script.resume(7, &token).unwrap();
    assert_eq!(joined["seat"], 1);
    assert!(!script.clients.contains_key(&1), "the first tab is disconnected");
    assert_eq!(script.told(0), [""; 0]);
    script.action(7, "add").unwrap();
    script.wait(GRACE_MS);
    assert_eq!(script.told(0), ["event \"by 1\""], "its end is not the player's");
    script.audit();
}

#[test]
fn the_tab_that_was_taken_over_is_in_no_lobby_even_before_it_is_gone() {
    let mut script = Script::with_players(0..2);
    let token = script.clients[&1].token.clone();
    script.arrive(7);
    let array = json!(["resume", {"token": token}]).to_string();
    let request = Request::read(&Args::of_event(&array, &[]));
    let effects = script.handle(LobbyInput::Asked(socket(7), request, Some(77)));
    assert!(matches!(effects[1], LobbyEffect::Disconnect(first) if first == address(1)));
    let late = Request::read(&Args::of_event(r#"["chat",{"text":"late"}]"#, &[]));
    let answer = script.handle(LobbyInput::Asked(socket(1), late, Some(77)));
    let [LobbyEffect::Push(_, frame, _)] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!(read(frame).2[0]["code"], "E_NOT_IN_LOBBY");
}

#[test]
fn one_client_holds_one_place() {
    let mut script = Script::with_players(0..2);
    let dropped = script.vanish(1);
    script.enter(2, "spectator");
    assert_eq!(script.resume(2, &dropped), refused("E_IN_LOBBY"), "another place in this lobby");
    script.arrive(3);
    script.ok(3, "create", &json!({"game": "tally", "name": "C"}));
    assert_eq!(script.resume(3, &dropped), refused("E_IN_LOBBY"), "a place in another lobby");
    script.arrive(4);
    script.resume(4, &dropped).unwrap();
    script.audit();
}

#[test]
fn coming_back_to_ones_own_place_changes_nothing_but_the_token() {
    let mut script = Script::with_players(0..2);
    let token = script.clients[&1].token.clone();
    let version = script.lobby(1).version;
    script.resume(1, &token).unwrap();
    assert_eq!(script.lobby(1).version, version);
    ready(&mut script, 1, false).unwrap();
    assert_eq!(script.resume(1, &token), refused("E_TOKEN"));
    assert_eq!(script.told(0), [""; 0]);
}

#[test]
fn the_longest_seated_player_leads_when_the_host_leaves() {
    let mut script = Script::with_players(0..3);
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.told(1), ["left 0 Left", "host 1"]);
    ready(&mut script, 2, true).unwrap();
    script.enter(3, "player");
    assert_eq!(script.clients[&3].seat, Some(0), "the first seat does not make a host");
    ready(&mut script, 3, true).unwrap();
    assert_eq!(start(&mut script, 3), refused("E_FORBIDDEN"));
    start(&mut script, 1).unwrap();
    script.audit();
}

/// The bug: the host's connection was lost, another player led, and nobody was told.
#[test]
fn a_player_who_is_there_leads_while_the_host_is_not_and_all_are_told() {
    let mut script = Script::with_players(0..3);
    let token = script.vanish(0);
    assert_eq!(script.told(1), ["dropped 0", "host 1"]);
    assert_eq!(script.lobby(2).host, Some(1));
    script.arrive(7);
    script.resume(7, &token).unwrap();
    assert_eq!(script.told(1), ["returned 0"], "who leads goes on leading");
    script.audit();
}

#[test]
fn who_enters_a_lobby_of_lost_players_leads_it() {
    let mut script = Script::with_players(0..2);
    let code = script.code();
    script.enter(2, "spectator");
    script.vanish(0);
    script.vanish(1);
    script.forget();
    script.arrive(3);
    script.ok(3, "join", &json!({"code": code, "name": "D"}));
    assert_eq!(script.told(2), ["joined 2 D", "host 2"]);
    assert_eq!(script.lobby(3).host, Some(2));
    script.audit();
}

#[test]
fn spectators_may_outlast_the_players_and_the_next_player_leads() {
    let mut script = Script::with_players(0..1);
    script.enter(1, "spectator");
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.told(1), ["left 0 Left"]);
    assert_eq!(script.lobby(1).host, None);
    script.audit();
    script.enter(2, "player");
    assert_eq!(script.told(1), ["joined 0 Player 2", "host 0"]);
    script.audit();
    script.check_nothing_is_left();
}

/// The bug: a dropped player was no longer ready, but nobody was told.
#[test]
fn who_is_lost_is_no_longer_ready_and_all_are_told() {
    let mut script = Script::with_players(0..2);
    ready(&mut script, 1, true).unwrap();
    script.forget();
    script.vanish(1);
    assert_eq!(script.told(0), ["ready 1 false", "dropped 1"]);
    assert_eq!(start(&mut script, 0), refused("E_NOT_READY"));
    script.audit();
}

#[test]
fn a_lost_spectator_is_counted_until_its_place_falls() {
    let mut script = Script::with_players(0..1);
    script.enter(1, "spectator");
    script.forget();
    let token = script.vanish(1);
    script.wait(GRACE_MS - 1);
    assert_eq!(script.told(0), [""; 0]);
    script.arrive(2);
    assert_eq!(script.resume(2, &token).unwrap()["lobby"]["spectators"], 1);
    script.vanish(2);
    script.wait(GRACE_MS);
    assert_eq!(script.told(0), ["spectators 0"]);
    script.audit();
}

#[test]
fn a_lobby_of_lost_players_falls_with_the_last_of_them() {
    let mut script = Script::with_players(0..2);
    script.vanish(0);
    script.wait(1000);
    script.vanish(1);
    script.wait(GRACE_MS - 1000);
    assert_eq!(script.lobbies.len(), 1);
    script.wait(1000);
    assert_eq!(script.lobbies.len(), 0);
    script.check_nothing_is_left();
}

#[test]
fn a_timeout_that_fires_late_frees_all_that_is_due() {
    let mut script = Script::with_players(0..3);
    script.vanish(1);
    script.now = script.now + Duration::from_secs(1);
    script.vanish(2);
    script.forget();
    script.now = script.now + Duration::from_secs(1000);
    script.tell(LobbyInput::Timeout);
    assert_eq!(script.told(0), ["left 1 Expired", "left 2 Expired"]);
    assert_eq!(script.awaited(), None);
}

#[test]
fn a_timeout_with_nothing_due_is_harmless() {
    let mut script = Script::with_players(0..2);
    script.vanish(1);
    script.forget();
    script.tell(LobbyInput::Timeout);
    script.wait(1000);
    script.tell(LobbyInput::Timeout);
    assert_eq!(script.told(0), [""; 0]);
}

#[test]
fn a_lobby_where_nothing_is_awaited_has_no_deadline() {
    let mut script = Script::with_players(0..2);
    assert_eq!(script.awaited(), None);
    let token = script.vanish(1);
    assert_eq!(script.awaited(), Some(script.now + Duration::from_secs(60)));
    script.arrive(2);
    script.resume(2, &token).unwrap();
    assert_eq!(script.awaited(), None);
    ready(&mut script, 2, true).unwrap();
    start(&mut script, 0).unwrap();
    assert_eq!(script.awaited(), None, "a turn game waits for its players alone");
}

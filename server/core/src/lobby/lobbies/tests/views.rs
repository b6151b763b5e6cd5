//! Who looks at what: that every way into a lobby and out of it is told, that nobody looks at what
//! is another's, and what those can do who have lost what deltas build on.

use super::*;
use crate::key::ViewerKey;

impl Script {
    fn viewer(&self, number: u32) -> Option<ViewerKey> {
        self.clients[&number].view.map(|view| view.viewer)
    }

    /// For whom the view of a client is made.
    fn shown_to(&self, number: u32, name: &str) -> Value {
        let view: Value = serde_json::from_str(self.total(number)).unwrap();
        view[name].clone()
    }
}

#[test]
fn each_seat_looks_at_its_own_view_and_spectators_share_one() {
    let mut script = Script::with_players(0..2);
    script.enter(2, "spectator");
    script.enter(3, "spectator");
    script.start(0..2);
    assert_eq!(script.viewer(0), Some(ViewerKey::Seat(0)));
    assert_eq!(script.viewer(1), Some(ViewerKey::Seat(1)));
    assert_eq!(script.viewer(2), Some(ViewerKey::Spectators));
    assert_eq!(script.clients[&2].view, script.clients[&3].view);
    let seats: Vec<Value> = (0..4).map(|number| script.shown_to(number, "seat")).collect();
    assert_eq!(seats, [json!(0), json!(1), Value::Null, Value::Null]);
}

#[test]
fn who_takes_a_seat_after_a_match_does_not_see_what_its_player_saw() {
    let mut script = Script::with_config(0..2, &json!({"goal": 1}));
    script.start(0..2);
    script.action(0, "add").unwrap();
    script.ok(1, "leave", &Value::Null);
    script.enter(2, "player");
    assert_eq!(script.clients[&2].seat, Some(1));
    assert_eq!(script.viewer(2), Some(ViewerKey::Spectators));
    assert_eq!(script.shown_to(2, "seat"), Value::Null);
    let lobby = script.clients[&2].lobby.as_ref().unwrap();
    let told: Value = serde_json::from_str(lobby.state.as_ref().unwrap().view.get()).unwrap();
    assert_eq!(told["seat"], Value::Null);
    // The next match is its own.
    script.ok(2, "rematch", &Value::Null);
    script.ok(0, "rematch", &Value::Null);
    let viewers = [0, 2].map(|number| script.viewer(number));
    assert_eq!(viewers, [0, 1].map(|seat| Some(ViewerKey::Seat(seat))));
    assert_eq!(script.shown_to(2, "seat"), json!(1));
    script.audit();
}

#[test]
fn a_game_that_hides_nothing_has_one_view_for_everybody() {
    let mut script = Script::ticking("skipping", 0..2);
    script.enter(2, "spectator");
    let view = script.clients[&0].view;
    assert!(view.is_some_and(|view| view.viewer == ViewerKey::Everybody));
    assert!((1..3).all(|number| script.clients[&number].view == view));
    script.wait(100);
    for number in 0..3 {
        assert_eq!(script.shown_to(number, "for_seat"), Value::Null);
    }
    script.audit();
}

#[test]
fn who_is_out_of_a_lobby_looks_at_nothing() {
    let mut script = Script::playing(0..3);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.viewer(1), None);
    let token = script.vanish(2);
    script.arrive(9);
    script.resume(9, &token).unwrap();
    assert_eq!(script.viewer(9), Some(ViewerKey::Seat(2)));
    // Another tab takes the place over.
    let token = script.clients[&9].token.clone();
    script.arrive(10);
    let (resume, ack) = (json!(["resume", {"token": token}]).to_string(), Some(1));
    let request = Request::read(&Args::of_event(&resume, &[]));
    let effects = script.handle(LobbyInput::Asked(socket(10), request, ack));
    let at = |wanted: fn(&LobbyEffect) -> bool| effects.iter().position(wanted).unwrap();
    let out = at(|effect| matches!(effect, LobbyEffect::Unwatch(who) if *who == address(9)));
    let into = at(|e| matches!(e, LobbyEffect::Watch { who, .. } if *who == address(10)));
    assert!(out < into);
}

#[test]
fn a_seat_that_is_taken_by_another_shows_what_is_seen_from_it() {
    let mut script = Script::with_players(0..2);
    script.ok(1, "leave", &Value::Null);
    script.enter(2, "player");
    script.ok(2, "ready", &json!({"ready": true}));
    script.ok(0, "start", &Value::Null);
    assert_eq!(script.viewer(2), Some(ViewerKey::Seat(1)));
    assert_eq!(script.shown_to(2, "seat"), 1);
}

#[test]
fn what_was_asked_for_with_an_entrance_is_told_with_the_view_when_there_is_one() {
    let mut script = Script::new();
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "tally", "name": "A", "deltas": true}));
    script.enter(1, "player");
    script.ok(1, "ready", &json!({"ready": true}));
    assert_eq!((script.viewer(0), script.viewer(1)), (None, None), "there is nothing to see yet");
    let start = json!(["start", null]).to_string();
    let request = Request::read(&Args::of_event(&start, &[]));
    let effects = script.handle(LobbyInput::Asked(socket(0), request, None));
    let told: Vec<(Address, bool)> = effects
        .iter()
        .filter_map(|effect| match effect {
            LobbyEffect::Watch { who, deltas, .. } => Some((*who, *deltas)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(address(0), true), (address(1), false)]);
}

#[test]
fn who_wants_it_written_otherwise_looks_at_another_view_of_the_same() {
    let mut script = Script::new();
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "tally", "name": "A", "format": "msgpack"}));
    script.enter(1, "player");
    script.enter(2, "spectator");
    script.arrive(3);
    let join =
        json!({"code": script.code(), "name": "D", "role": "spectator", "format": "msgpack"});
    script.ok(3, "join", &join);
    script.start(0..2);
    let of = |script: &Script, number: u32| {
        let view = script.clients[&number].view.unwrap();
        (view.viewer, view.format)
    };
    let all: Vec<_> = (0..4).map(|number| of(&script, number)).collect();
    let (json, msgpack) = (api::Format::Json, api::Format::Msgpack);
    assert_eq!(all[..2], [(ViewerKey::Seat(0), msgpack), (ViewerKey::Seat(1), json)]);
    assert_eq!(all[2..], [(ViewerKey::Spectators, json), (ViewerKey::Spectators, msgpack)]);
    script.action(0, "add").unwrap();
    assert!((0..4).all(|number| script.total(number).contains("\"total\":1")), "all are shown it");
    let token = script.vanish(0);
    script.arrive(9);
    script.resume(9, &token).unwrap();
    assert_eq!(of(&script, 9), (ViewerKey::Seat(0), json), "each entrance says what it wants");
    let bad = json!({"code": script.code(), "name": "E", "format": "xml"});
    script.arrive(10);
    assert_eq!(script.ask(10, "join", &bad), Err("E_BAD_REQUEST".to_owned()));
    script.audit();
}

#[test]
fn a_change_makes_each_view_that_is_looked_at_dirty_once() {
    let mut script = Script::playing(0..3);
    script.enter(3, "spectator");
    script.enter(4, "spectator");
    script.vanish(2);
    let action = json!(["action", {"type": "add"}]).to_string();
    let request = Request::read(&Args::of_event(&action, &[]));
    let effects = script.handle(LobbyInput::Asked(socket(0), request, None));
    let dirty: Vec<ViewerKey> = effects
        .iter()
        .filter_map(|effect| match effect {
            LobbyEffect::Dirty(view) => Some(view.viewer),
            _ => None,
        })
        .collect();
    assert_eq!(dirty, [ViewerKey::Seat(0), ViewerKey::Seat(1), ViewerKey::Spectators]);
}

#[test]
fn there_is_nothing_to_see_before_the_first_match_or_after_the_lobby() {
    let mut script = Script::with_players(0..2);
    assert_eq!(script.viewer(0), None);
    script.start(0..2);
    let view = script.clients[&0].view.unwrap();
    assert!(script.lobbies.state(view).is_some());
    let elsewhere = ViewId { shard: ShardId { node: 1, shard: 0 }, ..view };
    assert_eq!(script.lobbies.state(elsewhere), None, "another shard's");
    script.ok(0, "leave", &Value::Null);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.lobbies.state(view), None);
}

#[test]
fn five_resyncs_may_come_at_once_and_then_one_a_second() {
    let mut script = Script::playing(0..2);
    for _ in 0..5 {
        script.ok(0, "resync", &Value::Null);
    }
    let resyncs =
        script.noted.iter().filter(|e| matches!(e, LobbyEffect::Resync(who) if *who == address(0)));
    assert_eq!(resyncs.count(), 5);
    assert_eq!(script.ask(0, "resync", &Value::Null), Err("E_RATE".to_owned()));
    script.ok(1, "resync", &Value::Null);
    script.wait(1000);
    script.ok(0, "resync", &Value::Null);
    assert_eq!(script.ask(0, "resync", &Value::Null), Err("E_RATE".to_owned()));
    script.arrive(7);
    assert_eq!(script.ask(7, "resync", &Value::Null), Err("E_NOT_IN_LOBBY".to_owned()));
}

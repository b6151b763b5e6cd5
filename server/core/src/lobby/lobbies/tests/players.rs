//! Players whom an account names: one place each in a lobby, and nobody else's.

use super::*;
use crate::key::Origin;

fn who(player: &str) -> Who {
    Who { player: Some(player.into()), address: Origin(1) }
}

impl Script {
    /// The host without an account, and ada.
    fn with_ada() -> Self {
        let mut script = Self::with_players(0..1);
        script.arrive_as(1, who("ada"));
        script.join(1, "player").unwrap();
        script.forget();
        script
    }
}

#[test]
fn a_player_has_one_place_in_a_lobby_and_may_come_back_to_it() {
    let mut script = Script::with_ada();
    script.arrive_as(2, who("ada"));
    for role in ["player", "spectator"] {
        assert_eq!(script.join(2, role).unwrap_err(), "E_IN_LOBBY");
    }
    script.arrive_as(3, who("bob"));
    script.join(3, "player").unwrap();
    let token = script.vanish(1);
    assert_eq!(script.join(2, "player").unwrap_err(), "E_IN_LOBBY", "its seat is kept");
    script.resume(2, &token).unwrap();
    script.ok(2, "leave", &Value::Null);
    script.join(2, "player").unwrap();
}

#[test]
fn who_has_no_account_may_come_as_often_as_there_are_seats() {
    let mut script = Script::with_players(0..1);
    script.enter(1, "player");
    script.enter(2, "player");
}

#[test]
fn a_players_place_goes_to_no_other_player_but_to_who_shows_its_token_without_an_account() {
    let mut script = Script::with_ada();
    let token = script.vanish(1);
    script.arrive_as(2, who("bob"));
    assert_eq!(script.resume(2, &token).unwrap_err(), "E_TOKEN");
    script.arrive_as(3, Who { player: None, address: Origin(2) });
    script.resume(3, &token).unwrap();
    let token = script.vanish(3);
    script.arrive_as(4, who("ada"));
    assert_eq!(script.join(4, "player").unwrap_err(), "E_IN_LOBBY", "it is still ada's");
    script.resume(4, &token).unwrap();
}

#[test]
fn no_two_in_a_lobby_have_names_that_look_the_same() {
    let mut script = Script::with_players(0..1);
    let code = script.code();
    let mut join = |number: u32, name: &str| {
        script.arrive(number);
        script.ask(number, "join", &json!({"code": code, "name": name, "role": "spectator"}))
    };
    assert_eq!(join(1, " pLaYeR  0 ").unwrap_err(), "E_NAME_TAKEN");
    assert_eq!(join(2, "Ｐlayer 0").unwrap_err(), "E_NAME_TAKEN");
    join(3, "  Ada   L. ").unwrap();
    assert_eq!(join(4, "ADA L.").unwrap_err(), "E_NAME_TAKEN");
    script.forget();
    script.ok(3, "chat", &json!({"text": "x"}));
    assert!(script.told(0)[0].starts_with("chat Ada L. None x"));
    script.ok(3, "leave", &Value::Null);
    script.arrive(5);
    script.ask(5, "join", &json!({"code": code, "name": "ADA L."})).unwrap();
}

#[test]
fn a_name_that_is_taken_gets_a_number_if_its_owner_does_not_mind() {
    let mut script = Script::with_players(0..1);
    let code = script.code();
    let long = "x".repeat(64);
    let mut join = |number: u32, name: &str| {
        script.arrive(number);
        let role = if number > 3 { "spectator" } else { "player" };
        let join = json!({"code": code, "name": name, "rename": true, "role": role});
        script.ok(number, "join", &join);
        script.told(0)
    };
    assert_eq!(join(1, "player 0"), ["joined 1 player 0 2"]);
    assert_eq!(join(2, "Player  0"), ["joined 2 Player 0 3"]);
    assert_eq!(join(3, &long), [format!("joined 3 {long}")]);
    join(4, &long);
    script.ok(4, "chat", &json!({"text": "hi"}));
    assert!(script.told(0)[0].starts_with(&format!("chat {} 2 None", &long[2..])));
}

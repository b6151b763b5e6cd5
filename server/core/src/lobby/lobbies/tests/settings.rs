//! How a lobby is entered and run: what its creator chose, what its host changes, and colours.

use super::*;
use crate::lobby::{MAX_PASSWORD_CODE_POINTS, MAX_SPECTATORS};

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

/// A lobby of client 0 alone, created with these members.
fn created(with: &Value) -> Script {
    let mut script = Script::new();
    script.arrive(0);
    let mut create = json!({"game": "tally", "name": "Player 0"});
    create.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    script.ok(0, "create", &create);
    script.forget();
    script
}

/// A newcomer who says this password.
fn knock(script: &mut Script, number: u32, password: &str) -> Result<Value, String> {
    let join = json!({"code": script.code(), "name": name(number), "password": password});
    script.ask(number, "join", &join)
}

fn set(script: &mut Script, number: u32, settings: &Value) -> Result<Value, String> {
    script.ask(number, "settings", settings)
}

#[test]
fn an_unlisted_lobby_is_joined_by_id_but_not_listed_and_a_private_one_neither() {
    for (visibility, is_listed, is_found) in
        [("public", true, true), ("unlisted", false, true), ("private", false, false)]
    {
        let mut script = created(&json!({"visibility": visibility}));
        script.arrive(1);
        let listing = script.ok(1, "list", &Value::Null);
        assert_eq!(listing["lobbies"].as_array().unwrap().len(), usize::from(is_listed));
        let join = json!({"id": script.lobby(0).id, "name": "B"});
        let joined = script.ask(1, "join", &join);
        assert_eq!(joined.is_ok(), is_found, "{visibility}: {joined:?}");
        script.audit();
    }
}

#[test]
fn a_lobby_changes_its_visibility_and_the_listing_follows() {
    let mut script = created(&json!({"visibility": "private"}));
    script.arrive(1);
    let n_listed = |script: &mut Script| {
        script.ok(1, "list", &Value::Null)["lobbies"].as_array().unwrap().len()
    };
    assert_eq!(n_listed(&mut script), 0);
    set(&mut script, 0, &json!({"visibility": "public"})).unwrap();
    assert_eq!(n_listed(&mut script), 1);
    set(&mut script, 0, &json!({"locked": true})).unwrap();
    assert_eq!(n_listed(&mut script), 1);
    let listing = script.ok(1, "list", &json!({"locked": false}));
    assert_eq!(listing["lobbies"], json!([]), "a locked one cannot be joined");
    set(&mut script, 0, &json!({"locked": false, "visibility": "unlisted"})).unwrap();
    assert_eq!(n_listed(&mut script), 0);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn a_password_is_asked_of_all_who_join_by_themselves() {
    let mut script = created(&json!({"password": "swordfish", "visibility": "public"}));
    assert!(script.lobby(0).password);
    script.arrive(1);
    let listing = script.ok(1, "list", &Value::Null);
    assert_eq!(listing["lobbies"][0]["password"], true);
    assert!(!listing.to_string().contains("swordfish"));
    assert_eq!(script.join(1, "player"), refused("E_PASSWORD"));
    assert_eq!(script.join(1, "spectator"), refused("E_PASSWORD"));
    for wrong in ["", "swordfis", "swordfish ", "Swordfish"] {
        assert_eq!(knock(&mut script, 1, wrong), refused("E_PASSWORD"), "{wrong:?}");
    }
    knock(&mut script, 1, "swordfish").unwrap();
    let token = script.vanish(1);
    script.arrive(2);
    script.resume(2, &token).unwrap();
    script.audit();
}

#[test]
fn a_wrong_password_costs_a_guess_and_a_missing_one_none() {
    let mut script = created(&json!({"password": "swordfish"}));
    script.arrive(1);
    for _ in 0..50 {
        assert_eq!(script.join(1, "player"), refused("E_PASSWORD"));
    }
    for _ in 0..10 {
        assert_eq!(knock(&mut script, 1, "x"), refused("E_PASSWORD"));
    }
    assert_eq!(knock(&mut script, 1, "swordfish"), refused("E_RATE"));
    script.wait(2000);
    knock(&mut script, 1, "swordfish").unwrap();
}

#[test]
fn the_host_changes_the_password_and_takes_it_away() {
    let mut script = created(&json!({}));
    set(&mut script, 0, &json!({"password": "one"})).unwrap();
    let told = script.told(0);
    assert!(told[0].contains(r#""password":true"#) && !told[0].contains("one"), "{told:?}");
    set(&mut script, 0, &json!({"password": "two"})).unwrap();
    assert_eq!(script.told(0), [""; 0], "nobody sees that it is another");
    script.arrive(1);
    assert_eq!(knock(&mut script, 1, "one"), refused("E_PASSWORD"));
    knock(&mut script, 1, "two").unwrap();
    set(&mut script, 0, &json!({"password": ""})).unwrap();
    script.enter(2, "player");
    script.audit();
}

#[test]
fn a_password_has_64_code_points_and_not_one_more() {
    let longest = "ä".repeat(MAX_PASSWORD_CODE_POINTS);
    let mut script = created(&json!({"password": longest}));
    let longer = json!({"password": format!("{longest}ä")});
    assert_eq!(set(&mut script, 0, &longer), refused("E_BAD_REQUEST"));
    script.arrive(1);
    assert_eq!(knock(&mut script, 1, &format!("{longest}ä")), refused("E_PASSWORD"));
    knock(&mut script, 1, &longest).unwrap();
}

#[test]
fn a_capacity_is_what_the_game_can_have_and_what_is_taken_needs() {
    for (capacity, is_fine) in [(1, false), (2, true), (4, true), (5, false)] {
        let mut script = Script::new();
        script.arrive(0);
        let create = json!({"game": "tally", "name": "A", "capacity": capacity});
        assert_eq!(script.ask(0, "create", &create).is_ok(), is_fine, "{capacity}");
    }
    let mut script = created(&json!({"capacity": 3}));
    script.enter(1, "player");
    script.enter(2, "player");
    script.arrive(3);
    assert_eq!(script.join(3, "player"), refused("E_FULL"));
    assert_eq!(set(&mut script, 0, &json!({"capacity": 2})), refused("E_BAD_REQUEST"));
    script.ok(1, "leave", &Value::Null);
    set(&mut script, 0, &json!({"capacity": 2})).unwrap();
    assert_eq!(script.join(3, "player"), refused("E_FULL"), "seats 0 and 2 are taken");
    set(&mut script, 0, &json!({"capacity": 4})).unwrap();
    script.join(3, "player").unwrap();
    assert_eq!(script.clients[&3].seat, Some(1), "the first free one");
    script.audit();
}

#[test]
fn so_many_spectators_watch_as_the_creator_says() {
    let mut script = created(&json!({"max_spectators": 1}));
    script.enter(1, "spectator");
    script.arrive(2);
    assert_eq!(script.join(2, "spectator"), refused("E_FULL"));
    let most = json!({"max_spectators": MAX_SPECTATORS});
    set(&mut script, 0, &most).unwrap();
    script.join(2, "spectator").unwrap();
    set(&mut script, 0, &json!({"max_spectators": 0})).unwrap();
    assert_eq!(script.lobby(2).spectators, 2, "who watches may stay");
    let more = json!({"max_spectators": MAX_SPECTATORS + 1});
    assert_eq!(set(&mut script, 0, &more), refused("E_BAD_REQUEST"));
    script.audit();
}

#[test]
fn nobody_comes_into_a_locked_lobby_but_those_who_come_back() {
    let mut script = created(&json!({"locked": true}));
    script.arrive(1);
    assert_eq!(script.join(1, "player"), refused("E_LOCKED"));
    assert_eq!(script.join(1, "spectator"), refused("E_LOCKED"));
    set(&mut script, 0, &json!({"locked": false})).unwrap();
    script.join(1, "player").unwrap();
    set(&mut script, 0, &json!({"locked": true})).unwrap();
    let token = script.vanish(1);
    script.arrive(2);
    script.resume(2, &token).unwrap();
    script.audit();
}

#[test]
fn a_locked_lobby_tells_only_who_knows_its_password() {
    let mut script = created(&json!({"locked": true, "password": "x"}));
    script.arrive(1);
    assert_eq!(knock(&mut script, 1, "y"), refused("E_PASSWORD"));
    assert_eq!(knock(&mut script, 1, "x"), refused("E_LOCKED"));
}

#[test]
fn only_the_host_changes_settings_and_all_or_nothing() {
    let mut script = Script::with_players(0..2);
    script.enter(2, "spectator");
    script.forget();
    let locked = json!({"locked": true});
    assert_eq!(set(&mut script, 1, &locked), refused("E_FORBIDDEN"));
    assert_eq!(set(&mut script, 2, &locked), refused("E_FORBIDDEN"));
    let half = json!({"locked": true, "capacity": 100});
    assert_eq!(set(&mut script, 0, &half), refused("E_BAD_REQUEST"));
    assert_eq!(set(&mut script, 0, &json!({"lock": true})), refused("E_BAD_REQUEST"));
    assert!(!script.lobby(0).locked);
    assert_eq!(script.told(1), [""; 0]);
    set(&mut script, 0, &json!({})).unwrap();
    set(&mut script, 0, &json!({"locked": false})).unwrap();
    assert_eq!(script.told(1), [""; 0], "nothing has changed");
    script.audit();
}

#[test]
fn what_is_refused_leaves_the_password_as_it_was() {
    let mut script = Script::new();
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "tally", "name": "A", "password": "one"}));
    let both = json!({"password": "two", "fill": true});
    assert_eq!(set(&mut script, 0, &both), refused("E_FORBIDDEN"), "it has no bots");
    script.arrive(1);
    assert_eq!(knock(&mut script, 1, "two"), refused("E_PASSWORD"));
    knock(&mut script, 1, "one").unwrap();
}

#[test]
fn ten_changes_may_come_at_once_and_then_two_a_second() {
    let mut script = Script::with_players(0..2);
    script.forget();
    let change = |script: &mut Script, n: u32| set(script, 0, &json!({"metadata": {"n": n}}));
    for n in 1..=10 {
        change(&mut script, n).unwrap();
    }
    assert_eq!(change(&mut script, 11), refused("E_RATE"));
    assert_eq!(set(&mut script, 1, &json!({})), refused("E_FORBIDDEN"), "whoever asks");
    assert_eq!(script.told(1).len(), 10);
    script.wait(499);
    assert_eq!(change(&mut script, 11), refused("E_RATE"));
    script.wait(1);
    change(&mut script, 11).unwrap();
    assert_eq!(change(&mut script, 12), refused("E_RATE"));
    script.audit();
}

#[test]
fn metadata_turns_nothing_around_that_is_shown_beside_it() {
    let mut script = created(&json!({"metadata": {"map": "שלום"}}));
    for bad in [json!({"map": "a\u{202e}b"}), json!({"\u{2067}map": 1}), json!({"a\u{202d}": ""})] {
        assert_eq!(set(&mut script, 0, &json!({"metadata": bad})), refused("E_BAD_REQUEST"));
        script.arrive(1);
        let create = json!({"game": "tally", "name": "B", "metadata": bad});
        assert_eq!(script.ask(1, "create", &create), refused("E_BAD_REQUEST"));
    }
    assert!(script.lobby(0).metadata.get("map").is_some());
    script.audit();
}

#[test]
fn during_a_match_a_lobby_is_locked_but_not_resized() {
    let mut script = Script::playing(0..2);
    assert_eq!(set(&mut script, 0, &json!({"capacity": 3})), refused("E_PHASE"));
    set(&mut script, 0, &json!({"locked": true})).unwrap();
    script.audit();
}

#[test]
fn the_host_hands_over_to_somebody_who_is_there() {
    let mut script = Script::with_players(0..3);
    let hand = |script: &mut Script, number: u32, seat: u8| {
        script.ask(number, "host", &json!({"seat": seat}))
    };
    script.enter(3, "player");
    script.vanish(3);
    script.forget();
    assert_eq!(hand(&mut script, 1, 1), refused("E_FORBIDDEN"));
    assert_eq!(hand(&mut script, 0, 3), refused("E_SEAT"), "is not connected");
    assert_eq!(hand(&mut script, 0, 9), refused("E_SEAT"), "does not exist");
    hand(&mut script, 0, 0).unwrap();
    assert_eq!(script.told(1), [""; 0], "it is host already");
    hand(&mut script, 0, 2).unwrap();
    assert_eq!(script.told(1), ["host 2"]);
    assert_eq!(hand(&mut script, 0, 0), refused("E_FORBIDDEN"));
    set(&mut script, 2, &json!({"locked": true})).unwrap();
    script.audit();
}

#[test]
fn each_seat_has_a_colour_of_its_own() {
    let mut script = created(&json!({"colour": "teal"}));
    let colour = |script: &Script, seat: usize| {
        serde_json::to_value(script.lobby(0).seats[seat].colour).unwrap()
    };
    script.enter(1, "player");
    for (number, wish) in [(2, "teal"), (3, "green")] {
        script.arrive(number);
        let join = json!({"code": script.code(), "name": name(number), "colour": wish});
        script.ok(number, "join", &join);
    }
    let colours: Vec<Value> = (0..4).map(|seat| colour(&script, seat)).collect();
    assert_eq!(colours, ["teal", "red", "blue", "green"]);
    script.forget();
    let paint =
        |script: &mut Script, colour: &str| script.ask(1, "colour", &json!({"colour": colour}));
    assert_eq!(paint(&mut script, "teal"), refused("E_COLOUR"));
    assert_eq!(paint(&mut script, "mauve"), refused("E_BAD_REQUEST"));
    paint(&mut script, "red").unwrap();
    assert_eq!(script.told(0), [""; 0], "it is its own");
    paint(&mut script, "black").unwrap();
    assert_eq!(script.told(0), ["colour 1 Black"]);
    script.audit();
}

#[test]
fn spectators_have_no_colour_and_who_leaves_frees_its_own() {
    let mut script = Script::with_players(0..2);
    script.enter(2, "spectator");
    assert_eq!(script.ask(2, "colour", &json!({"colour": "red"})), refused("E_FORBIDDEN"));
    script.ok(1, "leave", &Value::Null);
    script.ok(0, "colour", &json!({"colour": "blue"}));
    script.enter(3, "player");
    assert_eq!(script.lobby(0).seats[1].colour, Some(api::Colour::Red));
    script.audit();
}

#[test]
fn a_hundred_things_that_all_are_told_of_may_come_at_once_and_then_ten_a_second() {
    let mut script = Script::with_players(0..3);
    let ready = |script: &mut Script, number, i: u32| {
        script.ask(number, "ready", &json!({"ready": i.is_multiple_of(2)})).map(drop)
    };
    // It has joined already.
    assert!((1..100).all(|i| ready(&mut script, 1, i).is_ok()));
    assert_eq!(ready(&mut script, 1, 100), Err("E_RATE".to_owned()));
    assert_eq!(script.ask(1, "colour", &json!({"colour": "pink"})), refused("E_RATE"));
    script.ok(2, "ready", &json!({"ready": true}));
    script.wait(100);
    script.ok(1, "colour", &json!({"colour": "pink"}));
    assert_eq!(script.ask(1, "typing", &json!({"typing": true})), refused("E_RATE"));
    let code = script.code();
    script.ok(1, "leave", &Value::Null);
    let join = json!({"code": code, "name": "Again"});
    assert_eq!(script.ask(1, "join", &join), refused("E_RATE"), "coming and going is no way out");
}

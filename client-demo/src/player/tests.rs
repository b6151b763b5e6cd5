//! Matches of one side against a script.

use super::*;
use crate::client::{
    Limits,
    script::{Server, serve},
};

/// What one side of a scripted match came to, and what it has shown.
type Played = (Result<Finish, PlayError>, Vec<String>);

fn played(
    script: impl FnOnce(&mut Server) + Send + 'static,
    begin: impl FnOnce(LobbySocket) -> Result<Player, PlayError>,
) -> Played {
    let (address, server) = serve(|server| {
        server.welcome("/lobby");
        script(server);
    });
    let socket = LobbySocket::open(&address, Limits::default()).unwrap();
    let mut shown = Vec::new();
    let finish = begin(socket).and_then(|player| {
        player.play(&mut |scene| {
            shown.push(match scene {
                Scene::Began { white, black } => format!("{white} - {black}"),
                Scene::Moved { side, san, ply } => format!("{ply} {side:?} {san}"),
            });
        })
    });
    server.join().unwrap();
    (finish, shown)
}

/// Plays as Grace, who joins, is ready, and has black.
fn joined(pace: Pace, script: impl FnOnce(&mut Server) + Send + 'static) -> Played {
    let begin = move |socket| Player::join(socket, "Grace", "bcdfg", Random::seeded(1), pace);
    played(
        |server| {
            server.answer("/lobby", JOIN, &answer(1, "open", "chess", &[ADA, GRACE]));
            server.answer("/lobby", r#"["ready",{"ready":true}]"#, r#"{"ok":true}"#);
            script(server);
        },
        begin,
    )
}

const JOIN: &str = r#"["join",{"code":"bcdfg","name":"Grace","role":"player","deltas":true}]"#;
const ADA: &str = r#"{"seat":0,"name":"Ada","connected":true,"ready":false}"#;
const GRACE: &str = r#"{"seat":1,"name":"Grace","connected":true,"ready":false}"#;
const MOVE: &str = r#"["action",{"type":"move","move":"e7e5"}]"#;
const FINISHED: &str = r#"{"type":"finished","outcome":{"winners":[0],"reason":"resignation"}}"#;

fn answer(seat: u8, phase: &str, game: &str, seats: &[&str]) -> String {
    format!(
        r#"{{"ok":true,"seat":{seat},"token":"t","lobby":{{"id":"i","code":"BCDFG",
        "game":"{game}","config":{{}},"visibility":"private","phase":"{phase}","version":10,
        "host":0,"seats":[{}],"capacity":2,"needed":2,"spectators":0}}}}"#,
        seats.join(",")
    )
}

fn change(server: &mut Server, version: u64, change: &str) {
    server.say(&format!(r#"42/lobby,["changed",{{"version":{version},"change":{change}}}]"#));
}

fn moved(server: &mut Server, version: u64, side: &str, san: &str, ply: u64) {
    server.say(&format!(
        r#"42/lobby,["event",{{"version":{version},"turn":{ply},"event":
        {{"type":"moved","side":"{side}","san":"{san}","uci":"x","ply":{ply}}}}}]"#
    ));
}

fn state(server: &mut Server, turn: u64, legal: &str) {
    let side = if turn.is_multiple_of(2) { "white" } else { "black" };
    server.say(&format!(
        r#"42/lobby,["state",{{"number":1,"turn":{turn},"players":[
        {{"seat":0,"name":"Ada"}},{{"seat":1,"name":"Grace"}}],"view":{{"fen":"x","turn":"{side}",
        "white":0,"black":1,"moves":[],"check":false,"can_claim_draw":false,
        "legal":[{legal}]}}}}]"#
    ));
}

fn farewell(server: &mut Server) {
    server.answer("/lobby", r#"["leave"]"#, r#"{"ok":true}"#);
    assert_eq!(server.hear(), "41/lobby,");
}

/// Up to black's first move.
fn opening(server: &mut Server) {
    change(server, 11, r#"{"type":"ready","seat":1,"ready":true}"#);
    change(server, 12, r#"{"type":"started","number":1}"#);
    state(server, 0, "");
    moved(server, 13, "white", "e4", 1);
    state(server, 1, r#""e7e5""#);
}

#[test]
fn a_match_is_played_to_its_result_and_shown() {
    let (finish, shown) = joined(Pace::default(), |server| {
        opening(server);
        server.answer("/lobby", MOVE, r#"{"ok":true,"turn":2}"#);
        moved(server, 14, "black", "e5", 2);
        change(server, 15, FINISHED);
        farewell(server);
    });
    assert_eq!(shown, ["Ada - Grace", "1 White e4", "2 Black e5"]);
    let winner = Some(("Ada".to_owned(), Some(Side::White)));
    let reason = "resignation".to_owned();
    assert_eq!(finish.unwrap(), Finish { winner, reason, n_plies: 2 });
}

#[test]
fn a_state_from_before_the_own_move_does_not_lead_to_another() {
    let (finish, _) = joined(Pace::default(), |server| {
        opening(server);
        server.answer("/lobby", MOVE, r#"{"ok":true,"turn":2}"#);
        state(server, 1, r#""e7e6""#);
        change(server, 14, FINISHED);
        farewell(server);
    });
    assert!(finish.is_ok());
}

#[test]
fn a_move_after_the_end_is_no_failure() {
    let (finish, _) = joined(Pace::default(), |server| {
        opening(server);
        let over = r#"{"ok":false,"code":"E_MATCH_OVER","message":"the match is over"}"#;
        server.answer("/lobby", MOVE, over);
        change(server, 14, FINISHED);
        farewell(server);
    });
    assert_eq!(finish.unwrap().reason, "resignation");
}

#[test]
fn a_move_that_came_too_fast_is_made_again() {
    let (finish, _) = joined(Pace::default(), |server| {
        opening(server);
        let fast = r#"{"ok":false,"code":"E_RATE","message":"too many inputs; wait a moment"}"#;
        server.answer("/lobby", MOVE, fast);
        server.answer("/lobby", MOVE, r#"{"ok":true,"turn":2}"#);
        change(server, 14, FINISHED);
        farewell(server);
    });
    assert_eq!(finish.unwrap().reason, "resignation");
}

#[test]
fn a_refused_move_and_a_lost_push_are_failures() {
    let (finish, _) = joined(Pace::default(), |server| {
        opening(server);
        let illegal = r#"{"ok":false,"code":"E_ILLEGAL_MOVE","message":"no"}"#;
        server.answer("/lobby", MOVE, illegal);
    });
    assert!(matches!(finish, Err(PlayError::Lobby(LobbyError::Refused(_)))));
    let (finish, _) = joined(Pace::default(), |server| {
        change(server, 12, r#"{"type":"started","number":1}"#);
    });
    assert!(matches!(finish, Err(PlayError::Lobby(LobbyError::Story(_)))));
}

#[test]
fn the_end_may_come_while_the_player_thinks() {
    let slow = Pace { delay: Duration::from_secs(3600), patience: None };
    let (finish, _) = joined(slow, |server| {
        opening(server);
        change(server, 14, FINISHED);
        farewell(server);
    });
    assert!(finish.is_ok());
}

#[test]
fn patience_ends() {
    let pace = Pace { patience: Some(Duration::from_millis(20)), ..Pace::default() };
    let (finish, _) = joined(pace, |server| assert_eq!(server.hear(), "end"));
    assert!(matches!(finish, Err(PlayError::Patience(_))));
}

#[test]
fn a_lobby_of_another_game_is_left_alone() {
    let begin = |socket| Player::join(socket, "Grace", "bcdfg", Random::seeded(1), Pace::default());
    let script = |server: &mut Server| {
        server.answer("/lobby", JOIN, &answer(1, "open", "go", &[ADA, GRACE]));
    };
    let (finish, _) = played(script, begin);
    assert!(matches!(finish, Err(PlayError::NotChess(game)) if game == "go"));
}

#[test]
fn a_host_starts_when_the_guest_is_ready_and_again_if_that_was_too_early() {
    let begin = |socket| {
        let random = Random::seeded(1);
        Player::create(socket, "Ada", Visibility::Private, random, Pace::default())
    };
    let (finish, _) = played(
        |server| {
            let create =
                r#"["create",{"game":"chess","visibility":"private","name":"Ada","deltas":true}]"#;
            server.answer("/lobby", create, &answer(0, "open", "chess", &[ADA]));
            change(
                server,
                11,
                r#"{"type":"joined","seat":1,"name":"Grace","connected":true,"ready":false}"#,
            );
            change(server, 12, r#"{"type":"ready","seat":1,"ready":true}"#);
            let early = r#"{"ok":false,"code":"E_NOT_READY","message":"not everyone is ready"}"#;
            server.answer("/lobby", r#"["start"]"#, early);
            change(server, 13, r#"{"type":"left","seat":1,"reason":"left"}"#);
            change(
                server,
                14,
                r#"{"type":"joined","seat":1,"name":"Emmy","connected":true,"ready":false}"#,
            );
            change(server, 15, r#"{"type":"ready","seat":1,"ready":true}"#);
            server.answer("/lobby", r#"["start"]"#, r#"{"ok":true}"#);
            change(server, 16, r#"{"type":"started","number":1}"#);
            change(
                server,
                17,
                r#"{"type":"finished","outcome":{"winners":[],"reason":"agreement"}}"#,
            );
            farewell(server);
        },
        begin,
    );
    assert_eq!(finish.unwrap().winner, None);
}

#[test]
fn a_match_against_a_bot_begins_at_once() {
    let begin = |socket| Player::against_bot(socket, "Ada", Random::seeded(1), Pace::default());
    let (finish, shown) = played(
        |server| {
            let terms = r#""visibility":"private","fill":true,"name":"Ada","deltas":true"#;
            let create = format!(r#"["create",{{"game":"chess",{terms}}}]"#);
            let filled = r#""capacity":2,"fill":true"#;
            let created = answer(0, "open", "chess", &[ADA]).replace(r#""capacity":2"#, filled);
            server.answer("/lobby", &create, &created);
            server.answer("/lobby", r#"["start"]"#, r#"{"ok":true}"#);
            let bot = r#""seat":1,"name":"Bot","connected":true,"ready":true,"bot":true"#;
            change(server, 11, &format!(r#"{{"type":"joined",{bot}}}"#));
            // It still looks open to the player.
            let begun = r#"{"ok":false,"code":"E_PHASE","message":"the match has begun already"}"#;
            server.answer("/lobby", r#"["start"]"#, begun);
            change(server, 12, r#"{"type":"started","number":1}"#);
            state(server, 0, r#""e7e5""#);
            server.answer("/lobby", MOVE, r#"{"ok":true,"turn":1}"#);
            change(server, 13, FINISHED);
            farewell(server);
        },
        begin,
    );
    assert_eq!(shown, ["Ada - Grace"]);
    assert_eq!(finish.unwrap().reason, "resignation");
}

//! What lobbies say of their seats to those who link players: each seat whose player asked for a
//! token is taken back once, however its player goes.

use super::*;
use crate::seating::Seating;

/// A lobby of three whose players may all be peers; the first is host.
fn admitted() -> Script {
    let mut script = Script::with_players(1..4);
    for number in 1..4 {
        script.ok(number, "peer", &Value::Null);
    }
    assert_eq!(script.seatings(), ["admitted 0", "admitted 1", "admitted 2"]);
    script
}

impl Script {
    /// What was said of seats since somebody looked.
    fn seatings(&mut self) -> Vec<String> {
        let said = |effect: LobbyEffect| match effect {
            LobbyEffect::Seating(Seating::Admitted(it)) => Some(format!("admitted {}", it.seat)),
            LobbyEffect::Seating(Seating::Removed(_)) => Some("removed".to_owned()),
            LobbyEffect::Seating(Seating::Host(_, Some(seat))) => Some(format!("host {seat}")),
            LobbyEffect::Seating(Seating::Host(_, None)) => Some("no host".to_owned()),
            _ => None,
        };
        std::mem::take(&mut self.noted).into_iter().filter_map(said).collect()
    }
}

#[test]
fn who_leaves_is_taken_back_and_the_next_host_is_named() {
    let mut script = admitted();
    script.ok(2, "leave", &Value::Null);
    assert_eq!(script.seatings(), ["removed"]);
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.seatings(), ["host 2", "removed"]);
    script.ok(3, "leave", &Value::Null);
    assert_eq!(script.seatings().iter().filter(|said| *said == "removed").count(), 1);
    assert!(script.lobbies.lobbies.is_empty());
}

#[test]
fn who_is_sent_away_or_lost_for_good_is_taken_back() {
    let mut script = admitted();
    script.ok(1, "kick", &json!({"seat": 2}));
    assert_eq!(script.seatings(), ["removed"]);
    script.tell(LobbyInput::Gone(address(2).socket));
    script.clients.remove(&2);
    assert_eq!(script.seatings(), Vec::<String>::new(), "the seat is kept for it");
    script.wait(300_000);
    assert_eq!(script.seatings(), ["removed"], "it is not");
}

#[test]
fn a_lobby_that_is_over_takes_all_back() {
    let mut script = admitted();
    script.wait(24 * 3_600_000);
    assert!(script.lobbies.lobbies.is_empty());
    assert_eq!(script.seatings().iter().filter(|said| *said == "removed").count(), 3);
}

#[test]
fn a_seat_has_one_token_and_who_has_no_seat_has_none() {
    let mut script = admitted();
    let token = script.ok(1, "peer", &Value::Null)["token"].clone();
    assert_eq!(script.ok(1, "peer", &Value::Null)["token"], token);
    assert_eq!(script.seatings(), Vec::<String>::new());
    script.enter(9, "spectator");
    assert_eq!(script.ask(9, "peer", &Value::Null), Err("E_FORBIDDEN".to_owned()));
}

//! Seats whose players are sent away, or let the others wait: kicks and bans, grace and claims, and
//! who takes a seat of a match that is on.

use std::ops::RangeInclusive;

use super::*;
use crate::lobby::{
    HostMigration, MAX_BANS, SecondTab,
    game::{Cx, Outcome, Reject, Seat, SeatChange, Viewer},
};

const GRACE_MS: u64 = 10_000;
const KEEP_MS: u64 = 40_000;

/// Waits for those who are lost, and lets others in.
struct Patient;

impl Game for Patient {
    type Config = ();
    type State = (Vec<Seat>, Option<Seat>);
    type Action = ();
    type View = usize;
    type Event = String;

    const SEATS: RangeInclusive<u8> = 2..=3;
    const GRACE: Duration = Duration::from_millis(GRACE_MS);
    const KEEP: Duration = Duration::from_millis(KEEP_MS);
    const LATE_JOIN: bool = true;

    fn setup((): &(), cx: &mut Cx<'_, Self>) -> Self::State {
        (cx.seats().to_vec(), None)
    }

    fn apply(_: &mut Self::State, _: Seat, (): (), _: &mut Cx<'_, Self>) -> Result<(), Reject> {
        Ok(())
    }

    fn seat(state: &mut Self::State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        if change == SeatChange::Joined {
            state.0.push(seat);
        }
        cx.emit(format!("{change:?} {} of {}", seat.0, cx.seats().len()));
    }

    fn claim(
        state: &mut Self::State,
        by: Seat,
        overdue: &[Seat],
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        if state.0.len() == 3 {
            return Err(Reject::new("E_THREE", "three play on"));
        }
        cx.emit(format!("{} claims against {overdue:?}", by.0));
        state.1 = Some(by);
        Ok(())
    }

    fn view(state: &Self::State, viewer: Viewer) -> usize {
        match viewer {
            Viewer::Seat(seat) => state.0.iter().position(|own| *own == seat).expect("plays"),
            _ => 99,
        }
    }

    fn outcome(state: &Self::State) -> Option<Outcome> {
        state.1.map(|winner| Outcome::new(vec![winner], "claimed"))
    }
}

pub(super) fn register(games: &mut Games) {
    games.register::<Patient>("patient");
}

/// A match of these, of whom the first is host.
fn patient(numbers: std::ops::Range<u32>) -> Script {
    let mut script = Script::new();
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "patient", "name": "Player 0"}));
    numbers.clone().skip(1).for_each(|number| script.enter(number, "player"));
    script.start(numbers);
    script.forget();
    script
}

fn refused(code: &str) -> Result<Value, String> {
    Err(code.to_owned())
}

fn claim(script: &mut Script, number: u32) -> Result<Value, String> {
    script.ask(number, "claim", &Value::Null)
}

fn kick(script: &mut Script, number: u32, whom: &Value) -> Result<Value, String> {
    script.ask(number, "kick", whom)
}

#[test]
fn who_is_lost_is_overdue_after_its_grace_and_gone_when_its_seat_is_kept_no_more() {
    let mut script = patient(0..2);
    let token = script.vanish(1);
    script.wait(GRACE_MS - 1);
    assert_eq!(script.told(0), ["dropped 1", "event \"Dropped 1 of 2\""]);
    assert_eq!(claim(&mut script, 0), refused("E_NOT_OVERDUE"));
    script.wait(1);
    assert_eq!(script.told(0), ["overdue 1", "event \"Overdue 1 of 2\""]);
    assert!(script.lobby(0).seats[1].overdue);
    script.audit();
    script.arrive(7);
    script.resume(7, &token).unwrap();
    assert!(!script.lobby(0).seats[1].overdue);
    assert_eq!(claim(&mut script, 0), refused("E_NOT_OVERDUE"), "it is back");
    script.audit();
    script.vanish(7);
    script.forget();
    script.wait(KEEP_MS);
    let told = ["overdue 1", "event \"Overdue 1 of 2\"", "left 1 Expired", "event \"Left 1 of 2\""];
    assert_eq!(script.told(0), told);
    script.audit();
}

#[test]
fn a_claim_is_the_games_to_decide() {
    let mut script = patient(0..2);
    script.enter(2, "spectator");
    script.vanish(1);
    script.wait(GRACE_MS);
    script.forget();
    assert_eq!(claim(&mut script, 2), refused("E_NOT_IN_MATCH"));
    claim(&mut script, 0).unwrap();
    let told = ["event \"0 claims against [Seat(1)]\"", "finished [0] claimed"];
    assert_eq!(script.told(0), told);
    assert!(!script.lobby(0).seats[1].overdue, "nobody waits any more");
    assert_eq!(claim(&mut script, 0), refused("E_MATCH_OVER"));
    script.audit();

    let mut script = patient(0..3);
    script.vanish(1);
    script.wait(GRACE_MS);
    script.forget();
    assert_eq!(claim(&mut script, 0), refused("E_THREE"));
    assert_eq!(script.told(0), [""; 0]);
    script.audit();
}

#[test]
fn who_is_away_as_a_match_begins_is_waited_for_from_then_on() {
    let mut script = patient(0..2);
    script.vanish(1);
    script.wait(GRACE_MS);
    claim(&mut script, 0).unwrap();
    script.ok(0, "chat", &json!({"text": "well"}));
    script.forget();
    script.wait(GRACE_MS);
    assert_eq!(script.told(0), [""; 0], "no match, nobody waits");
    script.audit();
}

#[test]
fn a_free_seat_of_a_match_is_taken_where_the_game_allows_it() {
    let mut script = patient(0..2);
    script.enter(2, "player");
    assert_eq!(script.told(0), ["joined 2 Player 2", "event \"Joined 2 of 3\""]);
    assert_eq!(script.told(2), [""; 0], "the answer holds it all");
    assert_eq!(script.total(2), "2", "its own view");
    assert_eq!(script.lobby(2).state.as_ref().unwrap().players.len(), 3);
    script.ok(2, "action", &Value::Null);
    script.audit();
    script.arrive(3);
    assert_eq!(script.join(3, "player"), refused("E_FULL"));
}

#[test]
fn the_host_sends_a_player_away_who_hears_why() {
    let mut script = Script::with_players(0..3);
    script.enter(3, "spectator");
    script.forget();
    let token = script.clients[&1].token.clone();
    assert_eq!(kick(&mut script, 1, &json!({"seat": 2})), refused("E_FORBIDDEN"));
    for nobody in [json!({"seat": 0}), json!({"seat": 9}), json!({"spectator": "x"})] {
        assert_eq!(kick(&mut script, 0, &nobody), refused("E_SEAT"), "{nobody}");
    }
    for unclear in [json!({}), json!({"seat": 1, "spectator": "Player 3"})] {
        assert_eq!(kick(&mut script, 0, &unclear), refused("E_BAD_REQUEST"), "{unclear}");
    }
    kick(&mut script, 0, &json!({"seat": 1})).unwrap();
    assert_eq!(script.told(0), ["left 1 Kicked"]);
    assert_eq!(script.told(1), [r#"kicked "kicked""#]);
    assert_eq!(script.ask(1, "chat", &json!({"text": "x"})), refused("E_NOT_IN_LOBBY"));
    assert_eq!(script.resume(1, &token), refused("E_TOKEN"));
    script.join(1, "player").unwrap();
    kick(&mut script, 0, &json!({"spectator": "Player 3"})).unwrap();
    assert_eq!(script.told(0), ["joined 1 Player 1", "spectators 0"]);
    assert_eq!(script.told(3).last().unwrap(), r#"kicked "kicked""#);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn who_is_lost_is_sent_away_as_well_and_a_match_goes_on_without() {
    let mut script = Script::playing(0..3);
    script.vanish(2);
    script.forget();
    kick(&mut script, 0, &json!({"seat": 2})).unwrap();
    assert_eq!(script.told(1), ["left 2 Kicked", "event \"Left 2\""]);
    script.audit();
    script.check_nothing_is_left();
}

/// A guest of this address, perhaps with an account.
fn person(player: Option<&str>, address: u64) -> Who {
    Who { player: player.map(Into::into), address: crate::key::Origin(address) }
}

#[test]
fn a_ban_keeps_an_account_out_wherever_it_comes_from() {
    let mut script = Script::with_players(0..1);
    script.arrive_as(1, person(Some("eve"), 1));
    script.join(1, "player").unwrap();
    kick(&mut script, 0, &json!({"seat": 1, "ban": "player"})).unwrap();
    assert_eq!(script.told(0).last().unwrap(), "left 1 Banned");
    script.arrive_as(2, person(Some("eve"), 2));
    assert_eq!(script.join(2, "player"), refused("E_BANNED"));
    assert_eq!(script.join(2, "spectator"), refused("E_BANNED"));
    script.arrive_as(3, person(Some("bob"), 1));
    script.join(3, "player").unwrap();
    script.audit();
}

#[test]
fn a_ban_of_an_address_keeps_all_of_it_out_and_is_what_guests_get() {
    for (player, ban) in [(Some("eve"), "address"), (None, "player")] {
        let mut script = Script::with_players(0..1);
        script.arrive_as(1, person(player, 7));
        script.join(1, "player").unwrap();
        kick(&mut script, 0, &json!({"seat": 1, "ban": ban})).unwrap();
        script.arrive_as(2, person(Some("bob"), 7));
        assert_eq!(script.join(2, "player"), refused("E_BANNED"));
        script.arrive_as(3, person(player, 8));
        script.join(3, "player").unwrap();
    }
}

#[test]
fn so_many_are_kept_out_and_with_one_more_the_first_may_come_again() {
    let mut script = Script::with_players(0..1);
    let last = MAX_BANS as u32 + 1;
    for number in 1..=last {
        if number == last {
            script.arrive_as(1, person(None, 1));
            assert_eq!(script.join(1, "player"), refused("E_BANNED"));
            script.vanish(1);
        }
        script.arrive_as(number, person(None, u64::from(number)));
        script.join(number, "player").unwrap();
        kick(&mut script, 0, &json!({"seat": 1, "ban": "address"})).unwrap();
        script.vanish(number);
    }
    script.arrive_as(1, person(None, 1));
    script.join(1, "player").unwrap();
    script.arrive_as(2, person(None, 2));
    assert_eq!(script.join(2, "player"), refused("E_BANNED"));
}

#[test]
fn where_the_host_stays_a_lost_one_is_host_until_its_seat_is_left() {
    let policy = Policy { host_migration: HostMigration::Stay, ..Policy::without_countdown() };
    let mut script = Script::with_policy(10, policy);
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "tally", "name": "Player 0"}));
    script.enter(1, "player");
    script.enter(2, "player");
    script.vanish(0);
    script.forget();
    assert_eq!(script.lobby(1).host, Some(0));
    script.wait(60_000);
    assert_eq!(script.told(1), ["left 0 Expired", "host 1"]);
    script.audit();
}

#[test]
fn where_no_second_tab_takes_over_the_first_keeps_its_place() {
    let policy = Policy { second_tab: SecondTab::Refuse, ..Policy::without_countdown() };
    let mut script = Script::with_policy(10, policy);
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "tally", "name": "Player 0"}));
    let token = script.clients[&0].token.clone();
    script.arrive(1);
    assert_eq!(script.resume(1, &token), refused("E_CONNECTED"));
    script.audit();
    let token = script.vanish(0);
    script.resume(1, &token).unwrap();
    script.audit();
}

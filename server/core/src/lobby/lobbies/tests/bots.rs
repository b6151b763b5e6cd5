//! Bots: who seats them, when they do something, and how they make way.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::*;
use crate::lobby::game::{Cx, Outcome, Pace, Reject, Seat, SeatChange, Viewer, Views};

/// Seats say their numbers; a bot that has said less than all people have.
struct Chorus<const HZ: u8>;

#[derive(Debug, Clone)]
struct State {
    said: Vec<String>,
    n_by: [u32; 4],
    trap: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Say,
    Refuse,
    Trap,
    Win,
}

impl<const HZ: u8> Game for Chorus<HZ> {
    type Config = ();
    type State = State;
    type Action = Action;
    type View = Vec<String>;
    type Event = ();

    const SEATS: RangeInclusive<u8> = 2..=4;
    const BOTS: bool = true;
    const LATE_JOIN: bool = HZ > 0;
    const PACE: Pace = if HZ > 0 { Pace::Hz(HZ) } else { Pace::Turns };
    const VIEWS: Views = Views::Shared;

    fn setup((): &(), cx: &mut Cx<'_, Self>) -> State {
        State { said: vec![format!("{:?}", cx.seats())], n_by: [0; 4], trap: false }
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        match action {
            Action::Say => {
                let ms = cx.now().since(Time::after_start(Duration::from_secs(1000))).as_millis();
                state.said.push(format!("{} at {ms}, tick {}", seat.0, cx.tick()));
                state.n_by[usize::from(seat.0)] += 1;
            }
            Action::Refuse => return Err(Reject::new("E_NO", "not this one")),
            Action::Trap => state.trap = true,
            Action::Win => state.n_by = [9; 4],
        }
        Ok(())
    }

    fn bot(state: &State, seat: Seat, _: &mut Cx<'_, Self>) -> Option<Action> {
        assert!(!state.trap, "the trap in a bot");
        let own = state.n_by[usize::from(seat.0)];
        match (seat.0, state.n_by[0]) {
            (3, 5) => Some(Action::Refuse),
            (_, by_host) => (own < by_host).then_some(Action::Say),
        }
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, _: &mut Cx<'_, Self>) {
        state.said.push(format!("{change:?} {}", seat.0));
    }

    fn view(state: &State, _: Viewer) -> Vec<String> {
        state.said.clone()
    }

    fn outcome(state: &State) -> Option<Outcome> {
        (state.n_by == [9; 4]).then(|| Outcome::new(Vec::new(), "won"))
    }
}

pub(super) fn register(games: &mut Games) {
    games.register::<Chorus<0>>("chorus");
    games.register::<Chorus<10>>("fast chorus");
}

impl Script {
    /// Client 0 in a lobby of its own; others come with [`Script::enter`].
    fn chorus(game: &str, terms: &Value) -> Self {
        let mut script = Self::new();
        script.arrive(0);
        let mut create = json!({"game": game, "name": "Host", "visibility": "public"});
        let terms = terms.as_object().unwrap().clone();
        create.as_object_mut().unwrap().extend(terms);
        script.ok(0, "create", &create);
        script
    }

    fn said(&self) -> Vec<String> {
        let state = self.clients[&0].lobby.as_ref().unwrap().state.as_ref().unwrap();
        serde_json::from_str(state.view.get()).unwrap()
    }

    /// Seats in order, a bot's with its name.
    fn seats(&self) -> Vec<String> {
        let lobby = self.clients[&0].lobby.as_ref().unwrap();
        let name = |seat: &api::Seat| if seat.bot { seat.name.clone() } else { "person".into() };
        lobby.seats.iter().map(|seat| format!("{} {}", seat.seat, name(seat))).collect()
    }

    fn speak(&mut self, number: u32) {
        self.ok(number, "action", &json!("say"));
    }
}

#[test]
fn a_host_seats_bots_and_plays_with_them() {
    let mut script = Script::chorus("chorus", &json!({}));
    assert_eq!(script.ask(0, "start", &Value::Null), Err("E_NOT_READY".into()));
    for seat in 1..=3 {
        assert_eq!(script.ok(0, "bot", &Value::Null)["seat"], seat);
    }
    assert_eq!(script.ask(0, "bot", &Value::Null), Err("E_FULL".into()));
    assert_eq!(script.seats(), ["0 person", "1 Bot", "2 Bot 2", "3 Bot 3"]);
    let lobby = script.clients[&0].lobby.clone().unwrap();
    assert!(lobby.seats[1].ready && lobby.seats[1].connected && lobby.host == Some(0));
    assert_eq!(script.ask(0, "host", &json!({"seat": 1})), Err("E_SEAT".into()));
    script.ok(0, "start", &Value::Null);
    assert!(script.clients[&0].lobby.as_ref().unwrap().seats[1].ready, "it stays so");
    assert_eq!(script.awaited(), Some(script.now + Duration::from_millis(700)));
    script.wait(10_000);
    assert_eq!(script.awaited(), None, "nothing happens, so nobody thinks");
    script.speak(0);
    script.wait(10_000);
    let all = ["[Seat(0), Seat(1), Seat(2), Seat(3)]", "0 at 10000, tick 0", "1 at 10700, tick 0"];
    assert_eq!(script.said()[..3], all);
    assert_eq!(script.said()[3..], ["2 at 11400, tick 0", "3 at 12100, tick 0"]);
    let turn = script.clients[&0].lobby.as_ref().unwrap().state.as_ref().unwrap().turn;
    assert_eq!((turn, script.awaited()), (4, None));
}

#[test]
fn each_bot_has_its_turn_and_one_that_may_not_do_something_keeps_nobody_from_it() {
    let mut script = Script::chorus("chorus", &json!({}));
    (1..=3).for_each(|_| drop(script.ok(0, "bot", &Value::Null)));
    script.ok(0, "start", &Value::Null);
    script.wait(1000);
    (0..5).for_each(|_| script.speak(0));
    script.wait(100_000);
    let by: Vec<_> = script.said()[6..].iter().map(|said| said[..1].to_owned()).collect();
    // Seat 3 wants what it may not.
    assert_eq!(by.concat(), "1212121212");
    assert_eq!(script.awaited(), None);
}

#[test]
fn bots_of_a_game_with_ticks_do_something_before_a_tick() {
    let mut script = Script::chorus("fast chorus", &json!({}));
    script.ok(0, "bot", &Value::Null);
    script.ok(0, "bot", &Value::Null);
    script.ok(0, "start", &Value::Null);
    script.wait(250);
    assert_eq!(script.ask(0, "action", &json!("say")), Err("later".into()));
    script.wait(300);
    assert_eq!(script.said()[1..], ["0 at 300, tick 2", "1 at 300, tick 2", "2 at 300, tick 2"]);
}

#[test]
fn a_bot_that_fails_ends_its_match() {
    for game in ["chorus", "fast chorus"] {
        let mut script = Script::chorus(game, &json!({}));
        script.ok(0, "bot", &Value::Null);
        script.ok(0, "start", &Value::Null);
        drop(script.ask(0, "action", &json!("trap")));
        script.wait(1000);
        let told = script.clients[&0].told.join("; ");
        assert!(told.contains("finished [] crashed"), "{told}");
    }
}

#[test]
fn bots_fill_what_is_free_as_a_match_begins() {
    let mut script = Script::chorus("chorus", &json!({"fill": true, "capacity": 3}));
    assert_eq!(script.seats(), ["0 person"]);
    script.ok(0, "start", &Value::Null);
    assert_eq!(script.seats(), ["0 person", "1 Bot", "2 Bot 2"]);
    script.ok(0, "action", &json!("win"));
    // They want another one, and the host alone decides.
    script.ok(0, "rematch", &Value::Null);
    assert_eq!(script.clients[&0].lobby.as_ref().unwrap().state.as_ref().unwrap().number, 2);
}

#[test]
fn a_bot_makes_way_for_who_comes_and_is_not_counted_among_those_who_are_there() {
    let mut script = Script::chorus("chorus", &json!({"capacity": 3}));
    script.ok(0, "bot", &Value::Null);
    script.ok(0, "bot", &Value::Null);
    let listed = |script: &mut Script| script.ok(0, "list", &Value::Null)["lobbies"][0].clone();
    let seats = |listed: &Value| (listed["players"].clone(), listed["bots"].clone());
    assert_eq!(seats(&listed(&mut script)), (json!(1), json!(2)));
    script.enter(1, "player");
    assert_eq!(script.seats(), ["0 person", "1 Bot", "2 person"]);
    let told = script.clients[&0].told.join("; ");
    assert!(told.contains("left 2 MadeWay"), "{told}");
    assert_eq!(seats(&listed(&mut script)), (json!(2), json!(1)));
    let free = |script: &mut Script| script.ok(0, "list", &json!({"free": 1}))["lobbies"].clone();
    assert_eq!(free(&mut script).as_array().unwrap().len(), 1);
    script.enter(2, "player");
    assert_eq!(script.seats(), ["0 person", "1 person", "2 person"]);
    assert_eq!(free(&mut script), json!([]));
    assert_eq!(script.ask(0, "bot", &Value::Null), Err("E_FULL".into()));
    script.arrive(3);
    assert_eq!(script.join(3, "player"), Err("E_FULL".into()));
}

#[test]
fn who_joins_a_match_late_takes_over_what_a_bot_was_and_a_bot_what_is_left() {
    let mut script = Script::chorus("fast chorus", &json!({"fill": true, "capacity": 2}));
    script.ok(0, "start", &Value::Null);
    assert_eq!(script.seats(), ["0 person", "1 Bot"]);
    script.enter(1, "player");
    assert_eq!(script.seats(), ["0 person", "1 person"]);
    script.wait(150);
    assert_eq!(script.said(), ["[Seat(0), Seat(1)]", "Joined 1"], "nobody had left");
    script.ok(1, "leave", &Value::Null);
    assert_eq!(script.seats(), ["0 person", "1 Bot"]);
    script.wait(150);
    assert_eq!(script.said()[2..], ["Left 1", "Joined 1"]);
    // It plays: the one before it does not any more.
    drop(script.ask(0, "action", &json!("say")));
    script.wait(150);
    let said = script.said();
    assert!(said.last().unwrap().starts_with("1 at"), "{said:?}");
    assert_eq!(said.len(), 6);
}

#[test]
fn a_host_sends_a_bot_away() {
    let mut script = Script::chorus("chorus", &json!({}));
    script.ok(0, "bot", &Value::Null);
    script.enter(1, "player");
    assert_eq!(script.ask(1, "bot", &Value::Null), Err("E_FORBIDDEN".into()));
    assert_eq!(script.ask(1, "kick", &json!({"seat": 1})), Err("E_FORBIDDEN".into()));
    let ban = json!({"seat": 1, "ban": "player"});
    assert_eq!(script.ask(0, "kick", &ban), Err("E_BAD_REQUEST".into()), "it is nobody");
    script.ok(1, "ready", &json!({"ready": true}));
    script.ok(0, "start", &Value::Null);
    script.ok(0, "kick", &json!({"seat": 1}));
    assert_eq!(script.seats(), ["0 person", "2 person"]);
    script.speak(0);
    script.wait(10_000);
    assert_eq!(script.said()[1..].len(), 2, "`Left`, and what the host said");
    assert_eq!(script.ask(0, "bot", &Value::Null), Err("E_PHASE".into()), "a match is on");
}

#[test]
fn a_lobby_of_bots_alone_ends_and_one_with_spectators_goes_on() {
    let mut script = Script::chorus("chorus", &json!({"fill": true}));
    script.enter(1, "spectator");
    script.ok(0, "start", &Value::Null);
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.lobbies.len(), 1);
    assert_eq!(script.clients[&1].lobby.as_ref().unwrap().seats.len(), 3);
    script.ok(1, "leave", &Value::Null);
    assert_eq!((script.lobbies.len(), script.lobbies.deadline()), (0, None));
}

#[test]
fn bots_among_themselves_want_no_rematch_and_do_not_begin() {
    let mut script = Script::chorus("chorus", &json!({"fill": true, "start": "ready"}));
    script.enter(1, "spectator");
    script.ok(0, "bot", &Value::Null);
    script.ok(0, "ready", &json!({"ready": true}));
    script.ok(0, "action", &json!("win"));
    script.ok(0, "leave", &Value::Null);
    script.wait(60_000);
    let lobby = script.clients[&1].lobby.as_ref().unwrap();
    assert_eq!((lobby.phase, lobby.host, lobby.seats.len()), (api::Phase::Open, None, 3));
    script.enter(2, "player");
    assert_eq!(script.clients[&1].lobby.as_ref().unwrap().host, Some(0));
}

#[test]
fn fewer_seats_are_fewer_bots_and_people_stay() {
    let mut script = Script::chorus("chorus", &json!({}));
    script.ok(0, "bot", &Value::Null);
    script.ok(0, "bot", &Value::Null);
    script.enter(1, "player");
    assert_eq!(script.seats(), ["0 person", "1 Bot", "2 Bot 2", "3 person"]);
    script.ok(0, "settings", &json!({"capacity": 3}));
    assert_eq!(script.seats(), ["0 person", "1 Bot", "3 person"]);
    script.ok(0, "settings", &json!({"capacity": 2}));
    assert_eq!(script.seats(), ["0 person", "3 person"]);
    assert_eq!(script.ask(0, "settings", &json!({"capacity": 1})), Err("E_BAD_REQUEST".into()));
    script.ok(0, "settings", &json!({"capacity": 3}));
    script.ok(0, "bot", &Value::Null);
    assert_eq!(script.seats(), ["0 person", "1 Bot", "3 person"]);
}

#[test]
fn a_game_without_bots_has_none() {
    let mut script = Script::with_players(0..1);
    assert_eq!(script.ask(0, "bot", &Value::Null), Err("E_FORBIDDEN".into()));
    let refused = script.ask(0, "settings", &json!({"fill": true}));
    assert_eq!(refused, Err("E_FORBIDDEN".into()));
    script.arrive(1);
    let create = json!({"game": "tally", "name": "A", "fill": true});
    assert_eq!(script.ask(1, "create", &create), Err("E_FORBIDDEN".into()));
    script.ok(0, "settings", &json!({"fill": false}));
}

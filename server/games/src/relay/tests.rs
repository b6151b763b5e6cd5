//! Relay as a lobby drives it.

use parlor_core::{
    lobby::game::{Random, Said},
    time::Time,
};
use serde_json::{Value, json};

use super::*;

const HOST: Seat = Seat(1);
const GUEST: Seat = Seat(4);
const THIRD: Seat = Seat(15);

struct Table {
    state: State,
    random: Random,
    seats: Vec<Seat>,
    host: Option<Seat>,
    now: Time,
    /// Whether the last call changed a view.
    shows: bool,
}

impl Table {
    fn new() -> Self {
        Self::with(&json!({}))
    }

    fn with(config: &Value) -> Self {
        let config: Config = serde_json::from_value(config.clone()).unwrap();
        assert_eq!(Relay::check(&config), Ok(()));
        let (mut random, seats) = (Random::new(0), vec![HOST, GUEST, THIRD]);
        let (host, now) = (Some(HOST), Time::after_start(Duration::from_secs(7)));
        let mut cx = Cx::new(now, 1, &seats, &mut random).with_host(host);
        let state = Relay::setup(&config, &mut cx);
        Self { state, random, seats, host, now, shows: true }
    }

    /// What a call says, and to whom; a refusal takes everything back.
    fn call(
        &mut self,
        call: impl FnOnce(&mut State, &mut Cx<'_, Relay>) -> Result<(), Reject>,
    ) -> Result<Vec<Said<Event>>, &'static str> {
        let before = self.state.clone();
        let cx = Cx::new(self.now, 1, &self.seats, &mut self.random);
        let mut cx = cx.with_host(self.host);
        match call(&mut self.state, &mut cx) {
            Ok(()) => {
                self.shows = !cx.keeps_view();
                Ok(cx.take_said())
            }
            Err(reject) => {
                assert!(!reject.message.is_empty());
                self.state = before;
                Err(reject.code)
            }
        }
    }

    fn act(&mut self, seat: Seat, action: &Value) -> Result<Vec<Said<Event>>, &'static str> {
        let action = serde_json::from_str(&action.to_string()).unwrap();
        self.call(|state, cx| Relay::apply(state, seat, action, cx))
    }

    /// Whom a message to `to` goes to, and whether it may be lost.
    fn send(&mut self, seat: Seat, to: &Value) -> Result<To, &'static str> {
        let action = json!({"type": "send", "to": to, "data": {"n": 1}});
        let mut said = self.act(seat, &action)?;
        let (Some(Said { to, volatile: None, event }), true) = (said.pop(), said.is_empty()) else {
            panic!("{said:?}");
        };
        let Event::Message { from, data } = event;
        assert_eq!((from, data.get()), (seat.0, r#"{"n":1}"#));
        Ok(to)
    }

    fn change(&mut self, seat: Seat, change: SeatChange) {
        self.call(|state, cx| {
            Relay::seat(state, seat, change, cx);
            Ok(())
        })
        .unwrap();
    }

    fn becomes_host(&mut self, host: Option<Seat>) {
        self.host = host;
        self.call(|state, cx| {
            Relay::host(state, cx);
            Ok(())
        })
        .unwrap();
    }

    fn view(&self) -> Value {
        serde_json::to_value(Relay::view(&self.state, Viewer::Audience)).unwrap()
    }

    fn finish(&mut self, rest: &Value) -> Result<(Vec<Seat>, String), &'static str> {
        let mut action = json!({"type": "finish"});
        action.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        assert!(self.act(HOST, &action)?.is_empty());
        let outcome = Relay::outcome(&self.state).unwrap();
        Ok((outcome.winners, outcome.reason.into_owned()))
    }
}

/// JSON of so many bytes.
fn data(n_bytes: usize) -> String {
    "x".repeat(n_bytes - 2)
}

#[test]
fn a_message_goes_to_whom_it_is_for() {
    let mut table = Table::new();
    assert_eq!(table.send(GUEST, &json!("all")), Ok(To::All));
    assert_eq!(table.send(GUEST, &json!("others")), Ok(To::AllBut(GUEST)));
    assert_eq!(table.send(GUEST, &json!("host")), Ok(To::Seat(HOST)));
    assert_eq!(table.send(HOST, &json!(15)), Ok(To::Seat(THIRD)));
    let both = To::Seats([THIRD, GUEST].into_iter().collect());
    assert_eq!(table.send(HOST, &json!([15, 4, 15])), Ok(both));
}

#[test]
fn a_message_for_nobody_is_refused() {
    let mut table = Table::new();
    for to in [json!(2), json!([]), json!([1, 2]), json!(255), json!([255])] {
        assert_eq!(table.send(HOST, &to), Err("E_RECIPIENT"), "{to}");
    }
    table.becomes_host(None);
    assert_eq!(table.send(GUEST, &json!("host")), Err("E_RECIPIENT"));
}

#[test]
fn a_message_sends_no_state() {
    let mut table = Table::new();
    table.send(GUEST, &json!("all")).unwrap();
    assert!(!table.shows);
    table.act(HOST, &json!({"type": "publish", "state": 1})).unwrap();
    assert!(table.shows);
}

#[test]
fn of_what_may_be_lost_the_newest_of_each_sender_counts() {
    let mut table = Table::new();
    for seat in [HOST, GUEST] {
        let send = json!({"type": "send", "to": "others", "data": 1, "volatile": true});
        let said = table.act(seat, &send).unwrap();
        assert_eq!((said[0].to, said[0].volatile), (To::AllBut(seat), Some(seat.0)));
    }
}

#[test]
fn a_message_has_as_many_bytes_as_it_may_and_not_one_more() {
    for (config, most) in [
        (json!({}), 16 * 1024),
        (json!({"max_bytes": 100}), 100),
        (json!({"max_bytes": 65_536}), 65_536),
    ] {
        let mut table = Table::with(&config);
        let mut send = |n| {
            let send = json!({"type": "send", "to": "all", "data": data(n)});
            table.act(GUEST, &send).map(|said| said.len())
        };
        assert_eq!(send(most), Ok(1));
        assert_eq!(send(most + 1), Err("E_TOO_LARGE"));
    }
}

#[test]
fn a_state_has_as_many_bytes_as_it_may_and_not_one_more() {
    let mut table = Table::with(&json!({"max_bytes": 100}));
    let mut publish = |n| table.act(HOST, &json!({"type": "publish", "state": data(n)})).err();
    assert_eq!(publish(MAX_STATE_BYTES), None);
    assert_eq!(publish(MAX_STATE_BYTES + 1), Some("E_TOO_LARGE"));
}

#[test]
fn each_player_sends_so_much_at_once_and_then_so_much_a_second() {
    let mut table = Table::new();
    let burst = |table: &mut Table, seat| {
        (0..100).filter(|_| table.send(seat, &json!("all")).is_ok()).count()
    };
    assert_eq!(burst(&mut table, GUEST), 60);
    assert_eq!(table.send(GUEST, &json!("all")), Err("E_RATE"));
    assert_eq!(burst(&mut table, THIRD), 60, "each for itself");
    table.now = table.now + Duration::from_secs(1);
    assert_eq!(burst(&mut table, GUEST), 30);
    let mut table = Table::with(&json!({"per_second": 2, "burst": 1}));
    assert_eq!(burst(&mut table, GUEST), 1);
    table.now = table.now + Duration::from_secs(1);
    assert_eq!(burst(&mut table, GUEST), 1);
}

#[test]
fn what_is_published_counts_as_a_message_and_what_is_refused_does_not() {
    let mut table = Table::with(&json!({"burst": 2}));
    let publish = json!({"type": "publish", "state": 1});
    assert_eq!(table.send(HOST, &json!(9)), Err("E_RECIPIENT"));
    table.act(HOST, &publish).unwrap();
    table.send(HOST, &json!("all")).unwrap();
    assert_eq!(table.act(HOST, &publish).err(), Some("E_RATE"));
    assert_eq!(table.finish(&json!({})), Ok((vec![], "finished".to_owned())));
}

#[test]
fn the_host_alone_publishes_and_everybody_sees_it() {
    let mut table = Table::new();
    assert_eq!(table.view(), json!({"host": 1, "seats": [1, 4, 15], "state": null}));
    let publish = json!({"type": "publish", "state": {"round": 2}});
    assert_eq!(table.act(GUEST, &publish).err(), Some("E_FORBIDDEN"));
    table.act(HOST, &publish).unwrap();
    assert_eq!(table.view()["state"], json!({"round": 2}));
    table.act(HOST, &json!({"type": "publish", "state": null})).unwrap();
    assert_eq!(table.view()["state"], Value::Null);
}

#[test]
fn who_becomes_host_may_do_what_the_one_before_may_no_more() {
    let mut table = Table::new();
    table.becomes_host(Some(GUEST));
    assert_eq!(table.view()["host"], 4);
    let publish = json!({"type": "publish", "state": 1});
    assert_eq!(table.act(HOST, &publish).err(), Some("E_FORBIDDEN"));
    assert_eq!(table.act(HOST, &json!({"type": "finish"})).err(), Some("E_FORBIDDEN"));
    table.act(GUEST, &publish).unwrap();
    assert_eq!(table.send(THIRD, &json!("host")), Ok(To::Seat(GUEST)));
}

#[test]
fn the_host_ends_the_match_with_winners_and_a_reason() {
    let finish = |rest: &Value| Table::new().finish(rest);
    assert_eq!(finish(&json!({})), Ok((vec![], "finished".to_owned())));
    let won = finish(&json!({"winners": [15, 1, 15], "reason": "Punkte: 3–2".replace('–', "-")}));
    assert_eq!(won, Ok((vec![HOST, THIRD], "Punkte: 3-2".to_owned())));
    assert_eq!(finish(&json!({"winners": [2]})), Err("E_OUTCOME"));
    assert_eq!(Table::new().act(GUEST, &json!({"type": "finish"})).err(), Some("E_FORBIDDEN"));
}

#[test]
fn a_reason_is_short_plain_text_and_no_word_of_the_servers() {
    let reason = |reason: &str| Table::new().finish(&json!({"reason": reason}));
    assert!(reason(&"ä".repeat(64)).is_ok());
    assert_eq!(reason(&"ä".repeat(65)), Err("E_OUTCOME"));
    for odd in ["", "   ", "a\nb", "a\u{202e}b", "\u{200b}", "\u{1f3f3}", "crashed", "abandoned"] {
        assert_eq!(reason(odd), Err("E_OUTCOME"), "{odd:?}");
    }
}

#[test]
fn who_comes_later_plays_and_who_left_does_not() {
    let mut table = Table::new();
    table.change(Seat(2), SeatChange::Joined);
    assert_eq!(table.view()["seats"], json!([1, 2, 4, 15]));
    assert_eq!(table.send(Seat(2), &json!("host")), Ok(To::Seat(HOST)));
    assert_eq!(table.send(GUEST, &json!([2])), Ok(To::Seats([Seat(2)].into_iter().collect())));
    table.change(GUEST, SeatChange::Dropped);
    assert!(!table.shows);
    assert_eq!(table.send(HOST, &json!(4)), Ok(To::Seat(GUEST)), "it is kept for the return");
    table.change(GUEST, SeatChange::Left);
    assert_eq!(table.view()["seats"], json!([1, 2, 15]));
    assert_eq!(table.send(HOST, &json!(4)), Err("E_RECIPIENT"));
    assert_eq!(table.send(GUEST, &json!("all")), Err("E_NOT_IN_MATCH"));
}

#[test]
fn a_match_that_all_have_left_is_over() {
    let mut table = Table::new();
    for seat in [HOST, GUEST, THIRD] {
        assert_eq!(Relay::outcome(&table.state), None);
        table.change(seat, SeatChange::Left);
    }
    assert_eq!(Relay::outcome(&table.state), Some(Outcome::void("abandonment")));
}

#[test]
fn limits_of_a_config_hold_at_the_limit_and_one_past_it() {
    let check = |config: Value| Relay::check(&serde_json::from_value(config).unwrap());
    for (name, most) in [("max_bytes", MAX_BYTES), ("per_second", 100), ("burst", 200)] {
        for (value, is_fine) in [(0, false), (1, true), (most, true), (most + 1, false)] {
            assert_eq!(check(json!({name: value})).is_ok(), is_fine, "{name} {value}");
        }
    }
}

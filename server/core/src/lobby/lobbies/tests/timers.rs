//! What a game may want beside its rules: deadlines of its own, words that soon are old, and to
//! know who is host.

use serde::{Deserialize, Serialize};

use super::*;
use crate::lobby::game::{Cx, Outcome, Reject, Seat, Seats, Timer, To, Viewer};

/// Sets its timers as it is told to, and says when they come.
struct Clockwork;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Action {
    Set {
        timer: u8,
        at_ms: u64,
    },
    Cancel {
        timer: u8,
    },
    /// Sets all anew, and is rejected.
    Refuse,
    /// From now on each call of timer 0 sets it anew.
    Repeat,
    /// Says so to all others, if that is still news.
    Point {
        x: i32,
    },
    /// Says so to these seats, and changes no view.
    Whisper {
        to: Vec<u8>,
    },
    /// Says so to everybody else, and changes no view.
    Shout,
}

#[derive(Debug, Clone)]
struct State {
    begin: Time,
    repeats: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Event {
    Said(String),
}

impl Game for Clockwork {
    type Config = ();
    type State = State;
    type Action = Action;
    type View = ();
    type Event = Event;

    const SEATS: std::ops::RangeInclusive<u8> = 1..=3;

    fn setup((): &(), cx: &mut Cx<'_, Self>) -> State {
        cx.emit(Event::Said(format!("host {:?}", cx.host().map(|seat| seat.0))));
        State { begin: cx.now(), repeats: false }
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        let at = |ms| state.begin + Duration::from_millis(ms);
        match action {
            Action::Set { timer, at_ms } => cx.deadline(Timer(timer), at(at_ms)),
            Action::Cancel { timer } => cx.cancel(Timer(timer)),
            Action::Refuse => {
                (0..9).for_each(|timer| cx.deadline(Timer(timer), at(1)));
                return Err(Reject::new("E_NO", "not this one"));
            }
            Action::Repeat => state.repeats = true,
            Action::Point { x } => {
                cx.emit_volatile(To::OtherSeats(seat), 7, Event::Said(format!("point {x}")));
            }
            Action::Whisper { to } => {
                let seats = to.into_iter().map(Seat).collect();
                cx.emit_to(To::Seats(seats), Event::Said("psst".to_owned()));
                cx.keep_view();
            }
            Action::Shout => {
                cx.emit_to(To::AllBut(seat), Event::Said(format!("hey at {}", cx.unix_ms())));
                cx.keep_view();
            }
        }
        Ok(())
    }

    fn wake(state: &mut State, timer: Timer, cx: &mut Cx<'_, Self>) {
        let ms = cx.now().since(state.begin).as_micros() as f64 / 1000.0;
        cx.emit(Event::Said(format!("{} at {ms}", timer.0)));
        if state.repeats {
            cx.deadline(timer, cx.now());
        }
    }

    fn host(_: &mut State, cx: &mut Cx<'_, Self>) {
        cx.emit(Event::Said(format!("now host {:?}", cx.host().map(|seat| seat.0))));
    }

    fn view(_: &State, _: Viewer) {}

    fn outcome(_: &State) -> Option<Outcome> {
        None
    }
}

pub(super) fn register(games: &mut Games) {
    games.register::<Clockwork>("clockwork");
}

impl Script {
    fn set(&mut self, timer: u8, at_ms: u64) {
        self.ok(0, "action", &json!({"type": "set", "timer": timer, "at_ms": at_ms}));
    }
}

fn clockwork(n_players: u32) -> Script {
    let mut script = Script::ticking("clockwork", 0..n_players);
    script.forget();
    script
}

#[test]
fn a_deadline_calls_the_game_with_its_own_time_however_late_it_is_heard_of() {
    let mut script = clockwork(1);
    script.set(3, 500);
    script.set(1, 200);
    script.set(2, 500);
    script.wait(199);
    assert_eq!(script.told(0), [""; 0]);
    script.now = script.now + Duration::from_secs(9);
    script.tell(LobbyInput::Timeout);
    assert_eq!(script.told(0), ["event \"1 at 200\"", "event \"2 at 500\"", "event \"3 at 500\""]);
    assert_eq!(script.awaited(), None);
}

#[test]
fn what_was_due_before_a_request_is_told_before_its_answer() {
    let mut script = clockwork(1);
    script.set(1, 200);
    script.now = script.now + Duration::from_millis(300);
    let request = Request::read(&Args::of_event(r#"["chat",{"text":"late"}]"#, &[]));
    let effects = script.handle(LobbyInput::Asked(socket(0), request, Some(77)));
    let name = |effect: &LobbyEffect| match effect {
        LobbyEffect::Push(_, frame, _) => Some(read(frame).0),
        _ => None,
    };
    let names: Vec<_> = effects.iter().filter_map(name).collect();
    assert_eq!(names, ["event", "", "changed"], "the answer has no name");
}

#[test]
fn a_deadline_set_again_has_moved_and_a_cancelled_one_does_not_come() {
    let mut script = clockwork(1);
    script.set(1, 100);
    script.set(2, 100);
    script.set(1, 300);
    script.ok(0, "action", &json!({"type": "cancel", "timer": 2}));
    script.wait(299);
    assert_eq!(script.told(0), [""; 0]);
    script.wait(1);
    assert_eq!(script.told(0), ["event \"1 at 300\""]);
}

#[test]
fn what_a_refused_action_set_is_not_set() {
    let mut script = clockwork(1);
    script.set(1, 100);
    assert_eq!(script.action(0, "refuse"), Err("E_NO".to_owned()));
    script.wait(1000);
    assert_eq!(script.told(0), ["event \"1 at 100\""]);
}

#[test]
fn a_deadline_that_has_passed_comes_a_millisecond_later_so_that_none_repeats_for_ever() {
    let mut script = clockwork(1);
    script.ok(0, "action", &json!({"type": "repeat"}));
    script.wait(50);
    script.set(0, 0);
    script.wait(2);
    assert_eq!(script.told(0), ["event \"0 at 51\"", "event \"0 at 52\""]);
}

#[test]
fn deadlines_end_with_the_match() {
    let mut script = clockwork(1);
    script.set(1, 100);
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.awaited(), None);
    script.check_nothing_is_left();
}

#[test]
fn what_soon_is_old_is_volatile_has_no_version_and_goes_where_it_is_meant_to() {
    let mut script = clockwork(3);
    script.ok(1, "action", &json!({"type": "point", "x": 5}));
    let told = format!("volatile \"point 5\" under {:?}", Delivery::Volatile { key: 6 << 32 | 7 });
    assert_eq!(script.told(0), [&*told]);
    assert_eq!(script.told(1), [""; 0]);
    assert_eq!(script.told(2), [&*told]);
    script.audit();
}

#[test]
fn a_game_knows_who_is_host_and_hears_of_another() {
    let mut script = Script::new();
    script.arrive(0);
    script.ok(0, "create", &json!({"game": "clockwork", "name": "A"}));
    script.enter(1, "player");
    script.forget();
    script.start(0..2);
    assert_eq!(script.told(1), ["ready 1 true", "started 1", "event \"host Some(0)\""]);
    script.vanish(0);
    assert_eq!(script.told(1), ["dropped 0", "host 1", "event \"now host Some(1)\""]);
}

#[test]
fn some_seats_are_told_and_no_other() {
    let mut script = clockwork(3);
    script.enter(3, "spectator");
    script.forget();
    script.ok(0, "action", &json!({"type": "whisper", "to": [0, 2]}));
    for (number, told) in [(0, true), (1, false), (2, true), (3, false)] {
        assert_eq!(script.told(number).len(), usize::from(told), "client {number}");
    }
}

#[test]
fn all_but_one_are_told_and_those_who_watch_are_among_them() {
    let mut script = clockwork(2);
    script.enter(2, "spectator");
    script.forget();
    script.ok(0, "action", &json!({"type": "shout"}));
    let hey =
        format!("event \"hey at {}\"", EPOCH_MS + script.now.since_start().as_millis() as u64);
    assert_eq!(script.told(0), [""; 0]);
    for number in 1..3 {
        assert_eq!(script.told(number), [&*hey], "client {number}");
    }
}

#[test]
fn seats_are_a_set_of_numbers_up_to_63() {
    let set = |seats: &[u8]| seats.iter().copied().map(Seat).collect::<Seats>();
    let seats = set(&[63, 0, 5, 63]);
    let has: Vec<u8> = (0..=255).filter(|seat| seats.has(Seat(*seat))).collect();
    assert_eq!(has, [0, 5, 63]);
    assert!(std::panic::catch_unwind(|| set(&[64])).is_err());
}

#[test]
fn no_state_is_sent_for_what_changes_no_view() {
    let mut script = clockwork(2);
    script.ok(0, "action", &json!({"type": "shout"}));
    assert_eq!(script.clients[&0].told, [""; 0]);
    script.ok(0, "action", &json!({"type": "set", "timer": 1, "at_ms": 100}));
    assert_eq!(script.clients[&0].told, ["state 1.2"]);
}

#[test]
fn a_deadline_goes_before_what_came_later_though_it_is_heard_of_later() {
    let mut script = clockwork(2);
    script.set(1, 100);
    script.now = script.now + Duration::from_millis(150);
    script.ok(1, "action", &json!({"type": "shout"}));
    let hey = EPOCH_MS + script.now.since_start().as_millis() as u64;
    assert_eq!(
        script.told(0),
        ["event \"1 at 100\"".to_owned(), format!("event \"hey at {hey}\"")]
    );
    script.set(1, 200);
    script.now = script.now + Duration::from_millis(150);
    script.vanish(1);
    assert_eq!(script.told(0)[..], ["dropped 1", "event \"1 at 200\""]);
}

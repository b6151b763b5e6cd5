//! Games with ticks: when they tick, what is done about late ones, and that games of turns and
//! lobbies without a match have no timer.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    lobby::game::{CatchUp, Cx, Outcome, Pace, Reject, Seat, SeatChange, Viewer, Views},
    time::Time,
};

/// A game with ten ticks a second. It writes down what happens, tick by tick, shows the newest of
/// it, and catches up as `P` says.
pub(super) struct Pulse<const P: u8>;

#[derive(Debug, Clone)]
pub(super) struct State {
    log: Vec<String>,
    trap: bool,
    won: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Action {
    Do {
        what: String,
    },
    Refuse,
    Win,
    /// Fails in the next tick.
    Trap,
}

#[derive(Serialize)]
pub(super) struct View {
    log: Vec<String>,
    for_seat: Option<u8>,
}

impl<const P: u8> Game for Pulse<P> {
    type Config = ();
    type State = State;
    type Action = Action;
    type View = View;
    type Event = String;

    const SEATS: RangeInclusive<u8> = 1..=4;
    const PACE: Pace = Pace::Hz(10);
    const CATCH_UP: CatchUp = match P {
        0 => CatchUp::Skip,
        1 => CatchUp::Slow,
        n => CatchUp::Steps(n),
    };
    const VIEWS: Views = if P == 0 { Views::Shared } else { Views::PerSeat };

    fn setup((): &(), _: &mut Cx<'_, Self>) -> State {
        State { log: Vec::new(), trap: false, won: false }
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        match action {
            Action::Refuse => return Err(Reject::new("E_NO", "not this one")),
            Action::Do { what } => {
                state.log.push(format!("{}: {} does {what}", cx.tick(), seat.0));
                cx.emit(format!("{} does {what}", seat.0));
            }
            Action::Win => state.won = true,
            Action::Trap => state.trap = true,
        }
        Ok(())
    }

    fn tick(state: &mut State, cx: &mut Cx<'_, Self>) {
        assert!(!state.trap, "the trap in a tick");
        let ms = cx.now().since(epoch()).as_millis();
        state.log.push(format!("tick {} at {ms}", cx.tick()));
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        let ms = cx.now().since(epoch()).as_millis();
        state.log.push(format!("{change:?} {} at {ms}, before {}", seat.0, cx.tick()));
    }

    fn view(state: &State, viewer: Viewer) -> View {
        let for_seat = match viewer {
            Viewer::Seat(seat) => Some(seat.0),
            Viewer::Spectator | Viewer::Audience => None,
        };
        let newest = state.log.len().saturating_sub(20);
        View { log: state.log[newest..].to_vec(), for_seat }
    }

    fn outcome(state: &State) -> Option<Outcome> {
        state.won.then(|| Outcome::new(Vec::new(), "won"))
    }
}

fn epoch() -> Time {
    Time::after_start(Duration::from_secs(1000))
}

pub(super) fn register(games: &mut Games) {
    games.register::<Pulse<0>>("skipping");
    games.register::<Pulse<1>>("slow");
    games.register::<Pulse<3>>("pulse");
}

impl Script {
    /// A running match of a game with ticks; `Script::now` is that of its beginning.
    pub(super) fn ticking(game: &str, numbers: std::ops::Range<u32>) -> Self {
        let mut script = Self::new();
        for number in numbers.clone() {
            script.arrive(number);
            if number == numbers.start {
                script.ok(number, "create", &json!({"game": game, "name": "host"}));
            } else {
                script.join(number, "player").unwrap();
            }
        }
        script.start(numbers);
        script.forget();
        script
    }

    /// What the game has written down, as this client sees it.
    pub(super) fn log(&self, number: u32) -> Vec<String> {
        let view: Value = serde_json::from_str(self.total(number)).unwrap();
        serde_json::from_value(view["log"].clone()).unwrap()
    }

    /// Time passes while nobody looks at the deadlines, and then somebody does.
    pub(super) fn stall(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.tell(LobbyInput::Timeout);
        assert!(self.lobbies.deadline().is_none_or(|at| at > self.now), "no progress");
    }

    /// How late each tick since the last look was, in milliseconds, and how many were left out.
    fn lateness(&mut self) -> Vec<(u128, u64)> {
        let ticked = |effect| match effect {
            LobbyEffect::Ticked { late, n_skipped } => (late.as_millis(), n_skipped),
            other => panic!("{other:?}"),
        };
        std::mem::take(&mut self.noted).into_iter().map(ticked).collect()
    }
}

#[test]
fn a_match_ticks_at_its_rate_from_its_beginning_on() {
    let mut script = Script::ticking("pulse", 0..1);
    assert_eq!(script.log(0), [""; 0]);
    script.wait(99);
    assert_eq!(script.log(0), [""; 0]);
    script.wait(301);
    let log = ["tick 0 at 100", "tick 1 at 200", "tick 2 at 300", "tick 3 at 400"];
    assert_eq!(script.log(0), log);
    assert_eq!(script.lateness(), [(0, 0); 4]);
    script.audit();
    script.wait(600_000);
    assert_eq!(script.log(0).last().unwrap(), "tick 6003 at 600400", "without drift");
    script.check_nothing_is_left();
}

#[test]
fn only_a_match_that_is_on_has_a_timer() {
    let mut script = Script::playing(0..2);
    assert_eq!(script.awaited(), None, "a game of turns");
    script = Script::ticking("pulse", 0..1);
    assert!(script.awaited().is_some());
    script.note(0, &json!(["action", {"type": "win"}]), 1);
    script.wait(100);
    assert_eq!(script.lobby(0).phase, api::Phase::Finished);
    assert_eq!(script.awaited(), None, "a match that is over");
    script.wait(10_000);
    assert_eq!(script.log(0), [""; 0]);
    script.ok(0, "rematch", &Value::Null);
    script.wait(100);
    assert_eq!(script.log(0).len(), 1, "the next one ticks anew");
    script.ok(0, "leave", &Value::Null);
    assert_eq!(script.awaited(), None);
    script.arrive(1);
    script.ok(1, "create", &json!({"game": "pulse", "name": "B"}));
    assert_eq!(script.awaited(), None, "a lobby without a match");
    script.check_nothing_is_left();
}

#[test]
fn a_game_that_skips_plays_the_newest_tick_alone() {
    let mut script = Script::ticking("skipping", 0..1);
    script.stall(555);
    assert_eq!(script.log(0), ["tick 4 at 500"]);
    assert_eq!(script.lateness(), [(55, 4)]);
    script.wait(45);
    assert_eq!(script.log(0), ["tick 4 at 500", "tick 5 at 600"]);
}

#[test]
fn a_game_that_catches_up_plays_as_many_at_once_as_it_says() {
    let mut script = Script::ticking("pulse", 0..1);
    script.stall(355);
    let log = ["tick 0 at 100", "tick 1 at 200", "tick 2 at 300"];
    assert_eq!(script.log(0), log);
    assert_eq!(script.lateness(), [(255, 0), (155, 0), (55, 0)]);
    script.stall(400);
    assert_eq!(script.log(0)[3..], ["tick 4 at 500", "tick 5 at 600", "tick 6 at 700"]);
    assert_eq!(script.lateness(), [(255, 1), (155, 0), (55, 0)], "and one is left out");
    let told = &script.clients[&0].told;
    assert_eq!(told.len(), 2, "shown once: {told:?}");
}

#[test]
fn a_game_that_slows_down_plays_every_tick_and_ends_later() {
    let mut script = Script::ticking("slow", 0..1);
    script.stall(350);
    assert_eq!(script.lateness(), [(250, 0)]);
    script.wait(100);
    assert_eq!(script.log(0), ["tick 0 at 100", "tick 1 at 450"]);
    assert_eq!(script.lateness(), [(0, 0)]);
}

#[test]
fn a_place_that_falls_between_two_late_ticks_falls_between_them() {
    let mut script = Script::ticking("pulse", 0..2);
    script.wait(50);
    script.vanish(1);
    script.wait(59_900);
    script.stall(250);
    let log = script.log(0);
    let tail = [
        "tick 599 at 60000",
        "Left 1 at 60050, before 600",
        "tick 600 at 60100",
        "tick 601 at 60200",
    ];
    assert_eq!(log[log.len() - 4..], tail);
    script.audit();
}

#[test]
fn a_game_that_panics_in_a_tick_loses_its_match_and_its_timer() {
    let mut script = Script::ticking("pulse", 0..2);
    script.note(0, &json!(["action", {"type": "trap"}]), 1);
    script.wait(100);
    assert_eq!(script.told(1), ["finished [] crashed"]);
    assert_eq!(script.awaited(), None);
    script.audit();
    script.check_nothing_is_left();
}

#[test]
fn a_match_that_begins_as_the_last_places_fall_leaves_no_timer_behind() {
    let mut script = Script::ticking("pulse", 0..2);
    script.note(0, &json!(["action", {"type": "trap"}]), 1);
    script.wait(100);
    // Once the other's place has fallen, all who are left want it; but so has this one's.
    script.ok(1, "rematch", &Value::Null);
    script.check_nothing_is_left();
}

#[test]
fn lobbies_of_one_rate_tick_at_different_times() {
    let mut script = Script::new();
    for number in 0..100 {
        script.arrive(number);
        script.ok(number, "create", &json!({"game": "pulse", "name": "A"}));
        script.ok(number, "start", &Value::Null);
    }
    let mut n_at: BTreeMap<Time, usize> = BTreeMap::new();
    let end = script.now + Duration::from_millis(100);
    while let Some(at) = script.awaited().filter(|at| *at <= end) {
        script.now = at;
        script.tell(LobbyInput::Timeout);
        *n_at.entry(at).or_default() += script.lateness().len();
    }
    assert_eq!(n_at.values().sum::<usize>(), 100);
    let within = |from: Time| {
        n_at.range(from..from + Duration::from_millis(10)).map(|(_, n)| n).sum::<usize>()
    };
    let most = n_at.keys().map(|at| within(*at)).max().unwrap();
    assert!(most <= 16, "{most} of a hundred within a tenth of the period");
}

#[test]
#[should_panic(expected = "game `fast` wants 129 ticks a second; 1 to 128 are possible")]
fn a_pace_that_cannot_be_kept_is_not_registered() {
    struct Fast;
    impl Game for Fast {
        type Config = ();
        type State = ();
        type Action = ();
        type View = ();
        type Event = ();
        const SEATS: RangeInclusive<u8> = 1..=1;
        const PACE: Pace = Pace::Hz(129);
        fn setup((): &(), _: &mut Cx<'_, Self>) {}
        fn apply((): &mut (), _: Seat, (): (), _: &mut Cx<'_, Self>) -> Result<(), Reject> {
            Ok(())
        }
        fn view((): &(), _: Viewer) {}
        fn outcome((): &()) -> Option<Outcome> {
            None
        }
    }
    Games::default().register::<Fast>("fast");
}

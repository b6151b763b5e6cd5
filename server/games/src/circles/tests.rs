//! Circles as a lobby drives them.

use std::borrow::Cow;

use parlor_core::{lobby::game::Random, time::Time};

use super::*;

const SEATS: [Seat; 2] = [Seat(0), Seat(3)];

struct Table {
    state: State,
    random: Random,
}

impl Table {
    fn new(config: &Config, seed: u64) -> Self {
        assert_eq!(Circles::check(config), Ok(()));
        let mut random = Random::new(seed);
        let state = Circles::setup(config, &mut Cx::new(Time::ZERO, 1, &SEATS, &mut random));
        Self { state, random }
    }

    fn steer(&mut self, seat: Seat, x: f64, y: f64) -> Result<(), Reject> {
        let mut cx = Cx::new(Time::ZERO, 1, &SEATS, &mut self.random);
        Circles::apply(&mut self.state, seat, Action::Steer { x, y }, &mut cx)
    }

    fn tick(&mut self, n: u32) {
        for _ in 0..n {
            Circles::tick(&mut self.state, &mut Cx::new(Time::ZERO, 1, &SEATS, &mut self.random));
        }
    }

    fn change(&mut self, seat: Seat, change: SeatChange) {
        let mut cx = Cx::new(Time::ZERO, 1, &SEATS, &mut self.random);
        Circles::seat(&mut self.state, seat, change, &mut cx);
    }

    fn view(&self) -> View {
        Circles::view(&self.state, Viewer::Spectator)
    }

    fn reason(&self) -> Option<Cow<'static, str>> {
        Circles::outcome(&self.state).map(|outcome| outcome.reason)
    }
}

fn small() -> Config {
    Config { drifting: 20, width: 64, height: 100, ticks: None }
}

#[test]
fn the_same_seed_and_inputs_give_the_same_match() {
    let run = |seed| {
        let mut table = Table::new(&Config { drifting: 50, ..Config::default() }, seed);
        for i in 0..100u32 {
            let angle = f64::from(i) / 100.0;
            table.steer(SEATS[i as usize % 2], angle, 1.0 - angle).unwrap();
            table.tick(3);
        }
        table.view()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn no_circle_leaves_the_arena() {
    for seed in 0..20 {
        let mut table = Table::new(&small(), seed);
        for i in 0..200 {
            table.steer(SEATS[0], if i % 70 < 35 { 1.0 } else { -1.0 }, 1.0).unwrap();
            table.tick(1);
            for Circle { x, y, r, .. } in table.view().circles {
                assert!((r..=6400 - r).contains(&x) && (r..=10_000 - r).contains(&y));
            }
        }
    }
}

#[test]
fn a_seat_steers_its_own_circle_until_told_otherwise() {
    let mut table = Table::new(&Config { drifting: 1, ..Config::default() }, 4);
    let before = table.view();
    table.steer(SEATS[1], 0.3, -0.4).unwrap();
    table.tick(2);
    let after = table.view();
    assert_eq!(after.tick, 2);
    assert_eq!(after.circles[0], before.circles[0]);
    assert_eq!(after.circles[1].seat, Some(3));
    let moved = |before: &Circle, after: &Circle| (after.x - before.x, after.y - before.y);
    assert_eq!(moved(&before.circles[1], &after.circles[1]), (600, -800));
    assert_ne!(moved(&before.circles[2], &after.circles[2]), (0, 0), "that one drifts");
    table.steer(SEATS[1], 0.0, 0.0).unwrap();
    table.tick(1);
    assert_eq!(table.view().circles[1], after.circles[1]);
}

#[test]
fn a_direction_longer_than_one_is_full_speed_and_no_more() {
    let mut table = Table::new(&Config { width: 4096, height: 4096, ..Config::default() }, 0);
    let before = table.view().circles[0];
    table.steer(SEATS[0], 1.0, 1.0).unwrap();
    table.tick(1);
    let after = table.view().circles[0];
    assert_eq!((after.x - before.x, after.y - before.y), (707, 707));
}

#[test]
fn what_is_no_direction_is_refused() {
    let mut table = Table::new(&small(), 0);
    for (x, y) in [(1.1, 0.0), (0.0, -1.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        assert_eq!(table.steer(SEATS[0], x, y).unwrap_err().code, "E_STEER");
    }
    assert!(table.steer(SEATS[0], -1.0, 1.0).is_ok());
}

#[test]
fn a_match_ends_after_its_ticks() {
    let mut table = Table::new(&Config { ticks: Some(3), ..Config::default() }, 0);
    table.tick(2);
    assert_eq!(table.reason(), None);
    table.tick(1);
    assert_eq!(table.reason(), Some("time".into()));
}

#[test]
fn a_match_without_an_end_ends_when_all_have_left() {
    let mut table = Table::new(&small(), 0);
    table.steer(SEATS[0], 1.0, 0.0).unwrap();
    table.change(SEATS[0], SeatChange::Dropped);
    let before = table.view().circles[0];
    table.tick(1);
    assert_eq!(table.view().circles[0], before, "whoever is away stands still");
    table.change(SEATS[0], SeatChange::Returned);
    table.change(SEATS[0], SeatChange::Left);
    assert_eq!(table.reason(), None);
    table.change(SEATS[1], SeatChange::Left);
    assert_eq!(table.reason(), Some("abandonment".into()));
}

#[test]
fn who_comes_later_gets_a_circle_and_who_takes_a_seat_that_was_left_gets_that_one() {
    let mut table = Table::new(&small(), 0);
    table.change(Seat(1), SeatChange::Joined);
    let seats = |table: &Table| -> Vec<Option<u8>> {
        table.view().circles.iter().map(|circle| circle.seat).take(3).collect()
    };
    assert_eq!(seats(&table), [Some(0), Some(1), Some(3)]);
    table.steer(Seat(1), 1.0, 0.0).unwrap();
    table.change(SEATS[0], SeatChange::Left);
    table.change(SEATS[1], SeatChange::Left);
    let before = table.view().circles[2];
    table.change(SEATS[1], SeatChange::Joined);
    assert_eq!((seats(&table).len(), table.view().circles[2]), (3, before));
    table.change(Seat(1), SeatChange::Left);
    assert_eq!(table.reason(), None, "one is left");
    table.change(SEATS[1], SeatChange::Left);
    assert_eq!(table.reason(), Some("abandonment".into()));
}

#[test]
fn a_bot_steers_somewhere_once_a_second_and_each_at_its_own_time() {
    let table = Table::new(&small(), 0);
    let mut random = Random::new(3);
    let mut steers = |seat: Seat| -> Vec<u64> {
        let mut steers = |tick: &u64| {
            let mut cx = Cx::new(Time::ZERO, 1, &SEATS, &mut random).at_tick(*tick);
            let action = Circles::bot(&table.state, seat, &mut cx);
            if let Some(Action::Steer { x, y }) = action {
                assert!((-1.0..=1.0).contains(&x) && (-1.0..=1.0).contains(&y));
            }
            action.is_some()
        };
        (0..60).filter(|tick| steers(tick)).collect()
    };
    assert_eq!(steers(SEATS[0]), [0, 20, 40]);
    assert_eq!(steers(SEATS[1]), [17, 37, 57]);
}

#[test]
fn everybody_who_looks_sees_the_same() {
    let table = Table::new(&small(), 0);
    for viewer in [Viewer::Seat(SEATS[0]), Viewer::Spectator, Viewer::Audience] {
        assert_eq!(Circles::view(&table.state, viewer), table.view());
    }
}

#[test]
fn limits_of_a_config_hold_at_the_limit_and_one_past_it() {
    let check = |drifting, width, height, ticks| {
        Circles::check(&Config { drifting, width, height, ticks }).is_ok()
    };
    assert!(check(256, 64, 4096, Some(1)));
    assert!(!check(257, 64, 64, None));
    assert!(!check(0, 63, 64, None));
    assert!(!check(0, 64, 4097, None));
    assert!(!check(0, 64, 64, Some(0)));
}

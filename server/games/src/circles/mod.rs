//! Circles: a game of ticks without rules yet, as a load and as an example. Each seat steers its
//! circle, and others drift about.
//! How circles move is `arena`'s part; what they are called on the wire is in
//! `parlor_shared::api::circles`.

mod arena;

use std::ops::RangeInclusive;

use parlor_core::lobby::game::{Cx, Game, Outcome, Pace, Reject, Seat, SeatChange, Viewer, Views};
use parlor_shared::api::circles::{Action, Circle, Config, View, code};

use arena::{Arena, Body};

/// Circles that belong to nobody, at most.
pub const MAX_DRIFTING: u16 = 256;
/// Width and height of an arena.
pub const SIZES: RangeInclusive<u16> = 64..=4096;

/// The game of circles.
#[derive(Debug)]
pub struct Circles;

/// A match of circles.
#[derive(Debug, Clone)]
pub struct State {
    arena: Arena,
    /// Ticks played.
    tick: u64,
    ends_at: Option<u64>,
    /// Those of the players, by seat. One whose player has left stays where it is.
    players: Vec<(Seat, Body)>,
    drifting: Vec<Body>,
    n_left: usize,
}

impl Game for Circles {
    type Config = Config;
    type State = State;
    type Action = Action;
    type View = View;
    type Event = ();

    const SEATS: RangeInclusive<u8> = 1..=8;
    const PACE: Pace = Pace::Hz(20);
    const VIEWS: Views = Views::Shared;

    fn check(config: &Config) -> Result<(), String> {
        if config.drifting > MAX_DRIFTING {
            return Err(format!("at most {MAX_DRIFTING} circles drift"));
        }
        if !SIZES.contains(&config.width) || !SIZES.contains(&config.height) {
            let (least, most) = (SIZES.start(), SIZES.end());
            return Err(format!("an arena is {least} to {most} wide, and as high"));
        }
        if config.ticks == Some(0) {
            return Err("a match has at least one tick".to_owned());
        }
        Ok(())
    }

    fn setup(config: &Config, cx: &mut Cx<'_, Self>) -> State {
        let arena = Arena::new(config.width, config.height);
        let seats = cx.seats().to_vec();
        let players = seats.into_iter().map(|seat| (seat, arena.player(&mut |n| cx.random(n))));
        let players = players.collect();
        let drifting = (0..config.drifting).map(|_| arena.drifting(&mut |n| cx.random(n)));
        let drifting = drifting.collect();
        let ends_at = config.ticks.map(u64::from);
        State { arena, tick: 0, ends_at, players, drifting, n_left: 0 }
    }

    fn apply(
        state: &mut State,
        seat: Seat,
        action: Action,
        _: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        let Action::Steer { x, y } = action;
        let is_fine = |part: f64| (-1.0..=1.0).contains(&part);
        if !is_fine(x) || !is_fine(y) {
            return Err(Reject::new(code::STEER, "a direction is two numbers from -1 to 1"));
        }
        if let Some((_, body)) = state.players.iter_mut().find(|player| player.0 == seat) {
            body.steer(x, y);
        }
        Ok(())
    }

    fn tick(state: &mut State, _: &mut Cx<'_, Self>) {
        state.tick += 1;
        for (_, body) in &mut state.players {
            state.arena.slide(body);
        }
        for body in &mut state.drifting {
            state.arena.bounce(body);
        }
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, _: &mut Cx<'_, Self>) {
        if !matches!(change, SeatChange::Dropped | SeatChange::Left) {
            return;
        }
        if let Some((_, body)) = state.players.iter_mut().find(|player| player.0 == seat) {
            body.steer(0.0, 0.0);
        }
        state.n_left += usize::from(change == SeatChange::Left);
    }

    fn view(state: &State, _: Viewer) -> View {
        let circle = |seat, body: &Body| Circle { seat, x: body.x, y: body.y, r: body.r };
        let players = state.players.iter().map(|(seat, body)| circle(Some(seat.0), body));
        let drifting = state.drifting.iter().map(|body| circle(None, body));
        View { tick: state.tick, circles: players.chain(drifting).collect() }
    }

    fn outcome(state: &State) -> Option<Outcome> {
        let reason = match state.ends_at {
            Some(ends_at) if state.tick >= ends_at => "time",
            _ if state.n_left == state.players.len() => "abandonment",
            _ => return None,
        };
        Some(Outcome::new(Vec::new(), reason))
    }
}

#[cfg(test)]
mod tests;

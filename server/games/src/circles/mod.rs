//! Circles: a game of ticks without rules yet, as a load and as an example. Each seat steers its
//! circle, and others drift about.
//! How circles move is `arena`'s part; what they are called on the wire is in
//! `parlor_shared::api::circles`.

mod arena;

use std::{ops::RangeInclusive, time::Duration};

use parlor_core::lobby::game::{Cx, Game, Outcome, Pace, Reject, Seat, SeatChange, Viewer, Views};
use parlor_shared::api::circles::{Action, Circle, Config, View, code};

use arena::{Arena, Body};

/// Circles that belong to nobody, at most.
pub const MAX_DRIFTING: u16 = 256;
/// Width and height of an arena.
pub const SIZES: RangeInclusive<u16> = 64..=4096;

/// So many ticks a bot keeps its direction.
const BOT_STEERS_EVERY: u64 = 20;

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
    /// Those of the players, by seat.
    players: Vec<Player>,
    drifting: Vec<Body>,
}

/// A seat's circle. When its player has left it stays where it is, for who takes the seat next.
#[derive(Debug, Clone)]
struct Player {
    seat: Seat,
    body: Body,
    has_left: bool,
}

impl Game for Circles {
    type Config = Config;
    type State = State;
    type Action = Action;
    type View = View;
    type Event = ();

    const SEATS: RangeInclusive<u8> = 1..=8;
    const PACE: Pace = Pace::Hz(20);
    /// One encoding of each state for players, spectators and audience.
    const VIEWS: Views = Views::Shared;
    /// Whoever is away stands still and holds nobody up, so there is nothing to claim.
    const GRACE: Duration = Duration::from_secs(60);
    const KEEP: Duration = Self::GRACE;
    const LATE_JOIN: bool = true;
    const BOTS: bool = true;

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
        let players = seats.into_iter().map(|seat| Player::new(seat, arena, cx)).collect();
        let drifting = (0..config.drifting).map(|_| arena.drifting(&mut |n| cx.random(n)));
        let drifting = drifting.collect();
        let ends_at = config.ticks.map(u64::from);
        State { arena, tick: 0, ends_at, players, drifting }
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
        if let Some(player) = state.player(seat) {
            player.body.steer(x, y);
        }
        Ok(())
    }

    fn tick(state: &mut State, _: &mut Cx<'_, Self>) {
        state.tick += 1;
        for player in &mut state.players {
            state.arena.slide(&mut player.body);
        }
        for body in &mut state.drifting {
            state.arena.bounce(body);
        }
    }

    fn seat(state: &mut State, seat: Seat, change: SeatChange, cx: &mut Cx<'_, Self>) {
        match (change, state.player(seat)) {
            (SeatChange::Joined, Some(player)) => player.has_left = false,
            (SeatChange::Joined, None) => {
                state.players.push(Player::new(seat, state.arena, cx));
                state.players.sort_unstable_by_key(|player| player.seat);
            }
            (SeatChange::Dropped | SeatChange::Left, Some(player)) => {
                player.body.steer(0.0, 0.0);
                player.has_left = change == SeatChange::Left;
            }
            _ => {}
        }
    }

    fn bot(_: &State, seat: Seat, cx: &mut Cx<'_, Self>) -> Option<Action> {
        // Not all at once.
        if !(cx.tick() + u64::from(seat.0)).is_multiple_of(BOT_STEERS_EVERY) {
            return None;
        }
        let mut part = || f64::from(cx.random(201)) / 100.0 - 1.0;
        Some(Action::Steer { x: part(), y: part() })
    }

    fn view(state: &State, _: Viewer) -> View {
        let circle = |seat, body: &Body| Circle { seat, x: body.x, y: body.y, r: body.r };
        let players = state.players.iter().map(|p| circle(Some(p.seat.0), &p.body));
        let drifting = state.drifting.iter().map(|body| circle(None, body));
        View { tick: state.tick, circles: players.chain(drifting).collect() }
    }

    fn outcome(state: &State) -> Option<Outcome> {
        match state.ends_at {
            Some(ends_at) if state.tick >= ends_at => Some(Outcome::new(Vec::new(), "time")),
            _ if state.players.iter().all(|player| player.has_left) => {
                Some(Outcome::void("abandonment"))
            }
            _ => None,
        }
    }
}

impl State {
    fn player(&mut self, seat: Seat) -> Option<&mut Player> {
        self.players.iter_mut().find(|player| player.seat == seat)
    }
}

impl Player {
    fn new(seat: Seat, arena: Arena, cx: &mut Cx<'_, Circles>) -> Self {
        Self { seat, body: arena.player(&mut |n| cx.random(n)), has_left: false }
    }
}

#[cfg(test)]
mod tests;

//! Where circles are and how they move: in whole hundredths, so that the same match is the same on
//! every machine.
//! Whose they are is the game's knowledge.

/// Hundredths in one unit of length.
const UNIT: i32 = 100;
/// Fastest that a player's circle moves in a tick.
const SPEED: f64 = 1000.0;
/// Radius of a player's circle.
const PLAYER: i32 = 16 * UNIT;
/// Radius of those that drift: from, and below.
const DRIFTING: (u32, u32) = (400, 1600);
/// Fastest that they drift, to either side.
const DRIFT: u32 = 400;

/// The space in which circles move.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arena {
    width: i32,
    height: i32,
}

/// A circle: its centre, its radius, and how it moves in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) r: i32,
    dx: i32,
    dy: i32,
}

/// A number below the one given, by lot.
type Lot<'l> = &'l mut dyn FnMut(u32) -> u32;

impl Arena {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self { width: i32::from(width) * UNIT, height: i32::from(height) * UNIT }
    }

    /// A circle of this radius somewhere inside.
    fn place(self, r: i32, lot: Lot<'_>) -> Body {
        let mut within = |length: i32| r + lot((length - 2 * r).unsigned_abs() + 1).cast_signed();
        Body { x: within(self.width), y: within(self.height), r, dx: 0, dy: 0 }
    }

    /// A player's circle, at rest.
    pub(super) fn player(self, lot: Lot<'_>) -> Body {
        self.place(PLAYER, lot)
    }

    /// A circle that drifts.
    pub(super) fn drifting(self, lot: Lot<'_>) -> Body {
        let r = (DRIFTING.0 + lot(DRIFTING.1 - DRIFTING.0)).cast_signed();
        let body = self.place(r, lot);
        let mut drift = || lot(2 * DRIFT + 1).cast_signed() - DRIFT.cast_signed();
        Body { dx: drift(), dy: drift(), ..body }
    }

    /// Moves a circle that stops at walls.
    pub(super) fn slide(self, body: &mut Body) {
        body.x = (body.x + body.dx).clamp(body.r, self.width - body.r);
        body.y = (body.y + body.dy).clamp(body.r, self.height - body.r);
    }

    /// Moves a circle that is thrown back by walls.
    pub(super) fn bounce(self, body: &mut Body) {
        (body.x, body.dx) = reflect(body.x, body.dx, body.r, self.width - body.r);
        (body.y, body.dy) = reflect(body.y, body.dy, body.r, self.height - body.r);
    }
}

impl Body {
    /// Heads this way from now on; a length of more than 1 counts as 1.
    pub(super) fn steer(&mut self, x: f64, y: f64) {
        // Squares, sums, roots and quotients are exact to the last bit on every machine.
        let length = (x * x + y * y).sqrt().max(1.0);
        self.dx = (x / length * SPEED).round() as i32;
        self.dy = (y / length * SPEED).round() as i32;
    }
}

/// One step between two walls; no step is longer than the way between them.
fn reflect(at: i32, step: i32, low: i32, high: i32) -> (i32, i32) {
    let next = at + step;
    if next < low {
        ((2 * low - next).min(high), -step)
    } else if next > high {
        ((2 * high - next).max(low), -step)
    } else {
        (next, step)
    }
}

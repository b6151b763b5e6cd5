//! How far apart two tickets may be, and how that grows while they wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MAX_TIME_MS;

/// Steps of one window.
pub const MAX_STEPS: usize = 16;
/// No window is wider: half of what a 32-bit float counts without gaps.
pub const MAX_WITHIN: f64 = 8_388_608.0;

/// What two tickets may differ by.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// At first.
    pub within: f64,
    /// And later.
    pub growth: Growth,
}

/// How a window grows with the time that a ticket has waited.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Growth {
    /// It stays.
    #[default]
    None,
    /// By so much each time, up to a limit.
    Linear(Grow),
    /// From so many milliseconds on it is so wide.
    Steps(Vec<(u64, f64)>),
}

/// Growth by equal parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grow {
    /// What is added each time.
    pub by: f64,
    /// Milliseconds from one time to the next.
    pub every_ms: u64,
    /// The window is never wider.
    pub limit: f64,
}

impl Window {
    /// One that stays as it is.
    pub fn of(within: f64) -> Self {
        Self { within, growth: Growth::None }
    }

    /// How wide it is for who has waited so long.
    pub fn after(&self, waited: Duration) -> f64 {
        let waited_ms = waited.as_millis() as u64;
        match &self.growth {
            Growth::None => self.within,
            Growth::Linear(Grow { by, every_ms, limit }) => {
                (self.within + by * (waited_ms / every_ms) as f64).min(*limit)
            }
            Growth::Steps(steps) => {
                let reached = steps.iter().rev().find(|(from_ms, _)| waited_ms >= *from_ms);
                reached.map_or(self.within, |(_, within)| *within)
            }
        }
    }

    /// How wide it ever is.
    pub fn widest(&self) -> f64 {
        match &self.growth {
            Growth::None => self.within,
            Growth::Linear(grow) => grow.limit,
            Growth::Steps(steps) => {
                steps.iter().map(|(_, within)| *within).fold(self.within, f64::max)
            }
        }
    }

    pub(super) fn grows(&self) -> bool {
        self.growth != Growth::None
    }

    pub(super) fn judge(&self) -> Result<(), String> {
        let is_width = |width: f64| (0.0..=MAX_WITHIN).contains(&width);
        if !is_width(self.within) {
            return Err(format!("`within` is 0 to {MAX_WITHIN}"));
        }
        match &self.growth {
            Growth::None => Ok(()),
            Growth::Linear(Grow { by, every_ms, limit }) => {
                if !(*by > 0.0 && is_width(*by)) {
                    return Err("`grow.by` is more than 0".to_owned());
                }
                if !(1..=MAX_TIME_MS).contains(every_ms) {
                    return Err(format!("`grow.every_ms` is 1 to {MAX_TIME_MS}"));
                }
                if !is_width(*limit) || *limit < self.within {
                    return Err("`grow.limit` is no less than `within`".to_owned());
                }
                Ok(())
            }
            Growth::Steps(steps) => {
                if !(1..=MAX_STEPS).contains(&steps.len()) {
                    return Err(format!("`steps` are 1 to {MAX_STEPS}"));
                }
                let rises = steps.windows(2).all(|pair| pair[0].0 < pair[1].0);
                let are_times =
                    steps.iter().all(|(from_ms, _)| (1..=MAX_TIME_MS).contains(from_ms));
                if !rises || !are_times || !steps.iter().all(|(_, within)| is_width(*within)) {
                    return Err("`steps` are [after ms, within], one later than the other".into());
                }
                Ok(())
            }
        }
    }
}

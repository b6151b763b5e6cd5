//! Is the client still there? The server asks after each interval and waits a timeout.
//! Source: Engine.IO protocol v4, § Heartbeat; engine.io 6.6.10 for the single extension.

use super::Settings;
use crate::{
    fault::{self, Fault},
    time::Time,
};

/// ```text
///  Quiet{ping_at} ──ping_at──► Asked{until} ──until──► dead
///        ▲                          │
///        └─────────── pong ─────────┘
/// ```
#[derive(Debug)]
pub(super) enum Heartbeat {
    /// The next ping goes out then.
    Quiet { ping_at: Time },
    /// A ping is out. `extended` once something else than a pong has shown that bytes arrive: a
    /// pong may wait behind a large upload.
    Asked { until: Time, extended: bool },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Ping,
    Dead,
}

impl Heartbeat {
    /// The first ping comes an interval after the opening, never at once.
    pub(super) fn new(now: Time, settings: &Settings) -> Self {
        if fault::is_planted(Fault::FirstPingAtOnce) {
            return Self::Quiet { ping_at: now };
        }
        Self::Quiet { ping_at: now + settings.ping_interval }
    }

    pub(super) fn deadline(&self) -> Time {
        match *self {
            Self::Quiet { ping_at } => ping_at,
            Self::Asked { until, .. } => until,
        }
    }

    /// A pong arrived; true if it was asked for. An unasked one counts as well: it moves the next
    /// ping.
    pub(super) fn pong(&mut self, now: Time, settings: &Settings) -> bool {
        let was_asked = matches!(self, Self::Asked { .. });
        *self = Self::new(now, settings);
        was_asked
    }

    /// A packet that is no pong arrived.
    pub(super) fn other(&mut self, now: Time, settings: &Settings) {
        if let Self::Asked { until, extended: extended @ false } = self {
            *until = now + settings.ping_timeout;
            *extended = true;
        }
    }

    /// The transport was replaced: a ping that went out by the old one may have died with it.
    pub(super) fn upgraded(&mut self, now: Time, settings: &Settings) {
        if let Self::Asked { .. } = self {
            *self = Self::new(now, settings);
        }
    }

    pub(super) fn timeout(&mut self, now: Time, settings: &Settings) -> Option<Beat> {
        if now < self.deadline() {
            return None;
        }
        match self {
            Self::Asked { .. } if fault::is_planted(Fault::PingTimeoutIgnored) => {
                *self = Self::new(now, settings);
                None
            }
            Self::Quiet { .. } => {
                *self = Self::Asked { until: now + settings.ping_timeout, extended: false };
                Some(Beat::Ping)
            }
            Self::Asked { .. } => Some(Beat::Dead),
        }
    }
}

//! How one client behaves during one session.

use parlor_core::{lobby::game::Random, time::Time};

use crate::sim::chance::Chance as _;

#[derive(Debug)]
pub(in crate::sim) struct Mood {
    pub(in crate::sim) is_websocket: bool,
    /// Polls for good.
    pub(in crate::sim) never_upgrades: bool,
    /// Joins no namespace.
    pub(in crate::sim) is_idle: bool,
    /// Sends nothing more, pongs included; reads on.
    pub(in crate::sim) is_silent: bool,
    /// Reads nothing before then.
    pub(in crate::sim) reads_from: Time,
    /// Reads at most so many bytes at a time.
    bytes_at_once: Option<u64>,
}

impl Mood {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            is_websocket: random.one_in(2),
            never_upgrades: random.one_in(3),
            is_idle: random.one_in(25),
            is_silent: false,
            reads_from: Time::ZERO,
            bytes_at_once: random.one_in(4).then(|| random.between(20, 2_000)),
        }
    }

    /// How many bytes are read now; `None`: all there are.
    pub(in crate::sim) fn pace(&self, random: &mut Random) -> Option<usize> {
        self.bytes_at_once.map(|most| random.between(1, most) as usize)
    }
}

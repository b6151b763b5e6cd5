//! How well somebody plays: a number, how sure it is, and what a match makes of both. One scale
//! for all: 1500 is where everybody begins, whoever the rating is computed by.
//! Which matches count is `farm`'s part, what is kept `store`'s; who has won comes in.
//!
//! ```text
//!  Ladders::played ──► Farm: which opponents count ──► duel (Glicko-2) or teams (Weng-Lin)
//!                  └─► RatingStore: get before, put after
//! ```
//! Source: M. Glickman, "Example of the Glicko-2 system"; R. Weng and C.-J. Lin, "A Bayesian
//! Approximation Method for Online Ranking" (JMLR 12, 2011), algorithm 1.

mod duel;
mod farm;
mod ladders;
mod store;
mod teams;

pub use duel::{Score, duel};
pub use farm::{Farm, MAX_COUNTED, MAX_MEETINGS, REMEMBERED_MS};
pub use ladders::{Ladders, Rated, ranks};
pub use store::{InMemory, MAX_RATINGS, RatingStore};
pub use teams::teams;

/// Ratings lie between these.
pub const RATING_BOUNDS: (f64, f64) = (100.0, 4000.0);
/// Deviations lie between these: nobody is so well known that results mean nothing.
pub const DEVIATION_BOUNDS: (f64, f64) = (45.0, 350.0);
/// Volatilities lie between these.
pub const VOLATILITY_BOUNDS: (f64, f64) = (0.01, 0.1);
/// One match changes a rating by this at most.
pub const MAX_CHANGE: f64 = 700.0;
/// From this deviation on a rating is a guess.
pub const PROVISIONAL_DEVIATION: f64 = 110.0;

/// Rating periods in a millisecond without a match: with them a player of the usual volatility
/// who has not played for a year goes from a deviation of 60 to one of 110.
const PERIODS_PER_MS: f64 = 0.21436 / 86_400_000.0;
/// Glicko-2's own unit, in points.
const GLICKO_UNIT: f64 = 173.7178;

/// How well somebody plays on one ladder. The truth is within two deviations of the rating, in 19
/// of 20 cases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// In points.
    pub rating: f64,
    /// How unsure that is, in points.
    pub deviation: f64,
    /// How much results swing (Glicko-2's sigma).
    pub volatility: f64,
    /// Matches that counted.
    pub games: u32,
    /// When the rest was as it is here, in Unix time: the last change, or what [`now`] was asked
    /// for.
    pub at_ms: u64,
}

impl Rating {
    /// Of somebody who has never played.
    pub fn fresh(unix_ms: u64) -> Self {
        Self { rating: 1500.0, deviation: 350.0, volatility: 0.06, games: 0, at_ms: unix_ms }
    }

    /// True if too little is known for it to mean much.
    pub fn is_provisional(&self) -> bool {
        self.deviation >= PROVISIONAL_DEVIATION
    }

    /// Within all bounds; what is no number at all is as fresh. Stores are users' code.
    fn bounded(self) -> Self {
        let fresh = Self::fresh(self.at_ms);
        let bound = |value: f64, or: f64, (low, high): (f64, f64)| {
            if value.is_nan() { or } else { value.clamp(low, high) }
        };
        Self {
            rating: bound(self.rating, fresh.rating, RATING_BOUNDS),
            deviation: bound(self.deviation, fresh.deviation, DEVIATION_BOUNDS),
            volatility: bound(self.volatility, fresh.volatility, VOLATILITY_BOUNDS),
            ..self
        }
    }

    /// What a match has made of it: no more than a match may.
    fn after_match(self, made: Self, unix_ms: u64) -> Self {
        let rating = made.rating.clamp(self.rating - MAX_CHANGE, self.rating + MAX_CHANGE);
        // Numbers that are none are what they were before.
        let or = |made: f64, before: f64| if made.is_nan() { before } else { made };
        Self {
            rating: or(rating, self.rating),
            deviation: or(made.deviation, self.deviation),
            volatility: or(made.volatility, self.volatility),
            games: self.games.saturating_add(1),
            at_ms: unix_ms,
        }
        .bounded()
    }
}

/// The rating as it is at this time: less sure the longer ago its last change was. A clock that
/// has gone back changes nothing.
pub fn now(rating: Rating, unix_ms: u64) -> Rating {
    let rating = rating.bounded();
    let periods = unix_ms.saturating_sub(rating.at_ms) as f64 * PERIODS_PER_MS;
    let drift = rating.volatility * GLICKO_UNIT * periods.sqrt();
    let deviation = rating.deviation.hypot(drift);
    Rating { deviation, at_ms: rating.at_ms.max(unix_ms), ..rating }.bounded()
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_MS: u64 = 365 * 86_400_000;

    #[test]
    fn who_does_not_play_for_a_year_goes_from_60_to_110_and_never_past_350() {
        let rating = Rating { rating: 1800.0, deviation: 60.0, ..Rating::fresh(1_000) };
        let later = now(rating, 1_000 + YEAR_MS);
        assert!((later.deviation - 110.0).abs() < 0.1, "{later:?}");
        assert!((later.rating, later.volatility) == (1800.0, 0.06));
        assert!(now(rating, 1_000 + YEAR_MS - 86_400_000).deviation < PROVISIONAL_DEVIATION);
        assert!(now(rating, u64::MAX).deviation == 350.0);
        assert_eq!(now(rating, 0), rating, "a clock that has gone back");
        let in_two = now(now(rating, YEAR_MS / 3), YEAR_MS);
        assert!((in_two.deviation - now(rating, YEAR_MS).deviation).abs() < 1e-9);
    }

    #[test]
    fn provisional_is_from_110_on() {
        let of = |deviation| Rating { deviation, ..Rating::fresh(0) };
        assert!(Rating::fresh(0).is_provisional() && of(110.0).is_provisional());
        assert!(!of(109.9).is_provisional());
    }

    #[test]
    fn what_a_store_gives_is_brought_within_bounds() {
        let odd = |value| Rating {
            rating: value,
            deviation: value,
            volatility: value,
            ..Rating::fresh(7)
        };
        let low = Rating { rating: 100.0, deviation: 45.0, volatility: 0.01, ..Rating::fresh(7) };
        let high = Rating { rating: 4000.0, deviation: 350.0, volatility: 0.1, ..Rating::fresh(7) };
        assert_eq!(now(odd(-1.0), 7), low);
        assert_eq!(now(odd(f64::NEG_INFINITY), 7), low);
        assert_eq!(now(odd(1e300), 7), high);
        assert_eq!(now(odd(f64::NAN), 7), Rating::fresh(7));
        assert_eq!((now(low, 7), now(high, 7)), (low, high));
    }

    #[test]
    fn one_match_changes_a_rating_by_700_at_most() {
        let before = Rating { games: u32::MAX, ..Rating::fresh(0) };
        let after = |made: f64| {
            let made = Rating { rating: made, ..before };
            before.after_match(made, 9).rating
        };
        assert!((after(2200.0), after(2200.1)) == (2200.0, 2200.0));
        assert!((after(800.0), after(799.9)) == (800.0, 800.0));
        assert!(after(f64::NAN) == 1500.0 && after(f64::INFINITY) == 2200.0);
        let made = before.after_match(before, 9);
        assert_eq!((made.games, made.at_ms), (u32::MAX, 9));
    }
}

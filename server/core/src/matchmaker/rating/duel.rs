//! A match of two: Glicko-2. Each match is a rating period of its own, as servers that show the
//! new rating at once must have it; time without matches counts besides (`super::now`).
//! Because a period adds the volatility, deviations of who plays much settle at about 60.

use skillratings::{
    Outcomes,
    glicko2::{Glicko2Config, Glicko2Rating, glicko2},
};

use super::{Rating, now};

/// As in Glickman's example: how fast volatility changes (tau), and how exact it is.
const CONFIG: Glicko2Config = Glicko2Config { tau: 0.5, convergence_tolerance: 0.000_001 };

/// What the first of two made of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// All of it.
    Won,
    /// Half of it.
    Drew,
    /// Nothing.
    Lost,
}

/// The ratings of two after a match at this time, as the first one scored.
pub fn duel(a: Rating, b: Rating, score: Score, unix_ms: u64) -> (Rating, Rating) {
    let (a, b) = (now(a, unix_ms), now(b, unix_ms));
    let outcome = match score {
        Score::Won => Outcomes::WIN,
        Score::Drew => Outcomes::DRAW,
        Score::Lost => Outcomes::LOSS,
    };
    let (made_a, made_b) = glicko2(&glicko(a), &glicko(b), &outcome, &CONFIG);
    (after(a, made_a, unix_ms), after(b, made_b, unix_ms))
}

fn glicko(rating: Rating) -> Glicko2Rating {
    let Rating { rating, deviation, volatility, .. } = rating;
    Glicko2Rating { rating, deviation, volatility }
}

fn after(before: Rating, made: Glicko2Rating, unix_ms: u64) -> Rating {
    let Glicko2Rating { rating, deviation, volatility } = made;
    before.after_match(Rating { rating, deviation, volatility, ..before }, unix_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matchmaker::rating::{
        DEVIATION_BOUNDS, GLICKO_UNIT, MAX_CHANGE, RATING_BOUNDS, VOLATILITY_BOUNDS,
    };
    use skillratings::glicko2::glicko2_rating_period;
    use std::f64::consts::PI;

    fn rated(rating: f64, deviation: f64) -> Rating {
        Rating { rating, deviation, ..Rating::fresh(0) }
    }

    /// Glickman's steps 2 to 8 for a period of one match, told anew; the volatility is found by
    /// halving. Gives rating, deviation and volatility of the first.
    fn plain(a: Rating, b: Rating, score: f64) -> (f64, f64, f64) {
        let (mu, phi) = ((a.rating - 1500.0) / GLICKO_UNIT, a.deviation / GLICKO_UNIT);
        let (mu_b, phi_b) = ((b.rating - 1500.0) / GLICKO_UNIT, b.deviation / GLICKO_UNIT);
        let g = 1.0 / (1.0 + 3.0 * phi_b * phi_b / (PI * PI)).sqrt();
        let expected = 1.0 / (1.0 + (-g * (mu - mu_b)).exp());
        let v = 1.0 / (g * g * expected * (1.0 - expected));
        let delta = v * g * (score - expected);
        let f = |x: f64| {
            let all = phi * phi + v + x.exp();
            let first = x.exp() * (delta * delta - all) / (2.0 * all * all);
            first - (x - (a.volatility * a.volatility).ln()) / (CONFIG.tau * CONFIG.tau)
        };
        let (mut low, mut high) = (-50.0, 50.0);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if f(middle) > 0.0 { low = middle } else { high = middle }
        }
        let volatility = (low / 2.0).exp();
        let variance = 1.0 / (1.0 / (phi * phi + volatility * volatility) + 1.0 / v);
        let made = mu + variance * g * (score - expected);
        (made * GLICKO_UNIT + 1500.0, variance.sqrt() * GLICKO_UNIT, volatility)
    }

    #[test]
    fn glickmans_example_comes_out_as_in_his_paper() {
        let player = glicko(rated(1500.0, 200.0));
        let results = [
            (glicko(rated(1400.0, 30.0)), Outcomes::WIN),
            (glicko(rated(1550.0, 100.0)), Outcomes::LOSS),
            (glicko(rated(1700.0, 300.0)), Outcomes::LOSS),
        ];
        let made = glicko2_rating_period(&player, &results, &CONFIG);
        assert!((made.rating - 1464.06).abs() < 0.01, "{made:?}");
        assert!((made.deviation - 151.52).abs() < 0.01, "{made:?}");
        assert!((made.volatility - 0.05999).abs() < 0.00001, "{made:?}");
        // What a duel uses is the same for a period of one match.
        for (other, outcome) in results {
            let period = glicko2_rating_period(&player, &[(other, outcome)], &CONFIG);
            let (single, _) = glicko2(&player, &other, &outcome, &CONFIG);
            assert!((period.rating - single.rating).abs() < 1e-9);
            assert!((period.deviation - single.deviation).abs() < 1e-9);
            assert!((period.volatility - single.volatility).abs() < 1e-9);
        }
    }

    #[test]
    fn any_two_come_out_as_the_paper_says_and_within_bounds() {
        let ratings = [100.0, 900.0, 1499.5, 1500.0, 2100.0, 4000.0];
        let deviations = [45.0, 80.0, 200.0, 350.0];
        let all: Vec<Rating> =
            ratings.iter().flat_map(|r| deviations.map(|d| rated(*r, d))).collect();
        let mut n_clamped = 0;
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
            for (score, points) in [(Score::Won, 1.0), (Score::Drew, 0.5), (Score::Lost, 0.0)] {
                let (made, other) = duel(a, b, score, 0);
                let (rating, deviation, volatility) = plain(a, b, points);
                let is_free = (rating - a.rating).abs() <= MAX_CHANGE
                    && (RATING_BOUNDS.0..=RATING_BOUNDS.1).contains(&rating)
                    && (DEVIATION_BOUNDS.0..=DEVIATION_BOUNDS.1).contains(&deviation)
                    && volatility <= VOLATILITY_BOUNDS.1;
                if is_free {
                    assert!((made.rating - rating).abs() < 0.01, "{a:?} {b:?} {score:?}");
                    assert!((made.deviation - deviation).abs() < 0.01, "{a:?} {b:?} {score:?}");
                    assert!((made.volatility - volatility).abs() < 1e-5, "{a:?} {b:?}");
                } else {
                    n_clamped += 1;
                }
                for made in [made, other] {
                    assert_eq!(made, made.bounded());
                    assert_eq!((made.games, made.at_ms), (1, 0));
                }
                assert!((made.rating - a.rating).abs() <= MAX_CHANGE);
            }
        }
        assert!((1..576).contains(&n_clamped), "{n_clamped} of 1728");
    }

    #[test]
    fn who_wins_gains_who_loses_loses_and_it_does_not_matter_who_is_first() {
        for (a, b) in [(1500.0, 1500.0), (1200.0, 1900.0), (1900.0, 1200.0)] {
            let (a, b) = (rated(a, 120.0), rated(b, 90.0));
            let (won, lost) = duel(a, b, Score::Won, 0);
            assert!(won.rating > a.rating && lost.rating < b.rating);
            assert_eq!(duel(b, a, Score::Lost, 0), (lost, won));
        }
        let (a, b) = duel(rated(1500.0, 80.0), rated(1500.0, 80.0), Score::Drew, 0);
        assert!(a.rating == 1500.0 && a == b);
        let (a, b) = duel(rated(1500.0, 80.0), rated(1500.0, 80.0), Score::Won, 0);
        assert!((a.rating + b.rating - 3000.0).abs() < 1e-9, "equals give what the other gets");
    }

    #[test]
    fn who_plays_often_is_known_after_a_dozen_matches_and_settles_near_60() {
        let (mut a, mut b) = (Rating::fresh(0), Rating::fresh(0));
        let mut n_provisional = 0;
        for i in 0..400 {
            n_provisional += u32::from(a.is_provisional());
            let score = if i % 2 == 0 { Score::Won } else { Score::Lost };
            (a, b) = duel(a, b, score, 0);
        }
        assert!((8..20).contains(&n_provisional), "{n_provisional}");
        assert!((50.0..70.0).contains(&a.deviation), "{a:?}");
        assert!((a.rating - 1500.0).abs() < 30.0 && (b.rating - 1500.0).abs() < 30.0);
    }
}

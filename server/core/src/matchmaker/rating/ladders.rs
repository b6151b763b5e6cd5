//! The ladders of a server: each player's rating on each, and what a match makes of them.

use std::sync::Arc;

use super::{Farm, InMemory, Rating, RatingStore, Score, duel, now, teams};
use crate::fault::{self, Fault};

/// What a match made of a player's rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rated {
    /// As it was when the match ended.
    pub before: Rating,
    /// As it is now; the same if the match changed nothing.
    pub after: Rating,
}

/// All ladders. They begin with the first match that is rated on them.
#[derive(Debug)]
pub struct Ladders {
    store: Box<dyn RatingStore>,
    farm: Farm,
}

impl Ladders {
    /// Ratings that last as long as the process.
    pub fn in_memory(seed: u64) -> Self {
        Self::new(Box::<InMemory>::default(), seed)
    }

    /// Ratings that this store keeps.
    pub fn new(store: Box<dyn RatingStore>, seed: u64) -> Self {
        Self { store, farm: Farm::new(seed) }
    }

    /// A player's rating on a ladder at this time.
    pub fn rating(&mut self, unix_ms: u64, ladder: &str, player: &str) -> Rating {
        let kept = self.store.get(ladder, player).unwrap_or_else(|| Rating::fresh(unix_ms));
        now(kept, unix_ms)
    }

    /// A match is over: the players of each team, and its rank ([`ranks`]). Tells for each player
    /// what it made of the rating. Opponents who have met too often of late ([`Farm`]) change
    /// nothing for each other; with fewer than two teams nothing changes at all.
    pub fn played(
        &mut self,
        unix_ms: u64,
        ladder: &str,
        players: &[Vec<Arc<str>>],
        ranks: &[usize],
    ) -> Vec<Vec<Rated>> {
        let before: Vec<Vec<Rating>> = players
            .iter()
            .map(|team| team.iter().map(|who| self.rating(unix_ms, ladder, who)).collect())
            .collect();
        let counts = self.meetings(unix_ms, ladder, players);
        let after = match (before.as_slice(), ranks) {
            ([a, b], [rank_a, rank_b]) if a.len() == 1 && b.len() == 1 => {
                if counts.contains(&(0, 1)) {
                    let (a, b) = duel(a[0], b[0], score(*rank_a, *rank_b), unix_ms);
                    vec![vec![a], vec![b]]
                } else {
                    before.clone()
                }
            }
            _ => teams(&before, ranks, unix_ms, |a, b| counts.contains(&(a.min(b), a.max(b)))),
        };
        let mut rated = Vec::with_capacity(players.len());
        for (team, (before, after)) in players.iter().zip(before.into_iter().zip(after)) {
            let both = before.into_iter().zip(after).map(|(before, after)| Rated { before, after });
            let team_rated: Vec<Rated> = both.collect();
            for (who, Rated { before, after }) in team.iter().zip(&team_rated) {
                if before != after && !fault::is_planted(Fault::RatingNotKept) {
                    self.store.put(ladder, who, *after);
                }
            }
            rated.push(team_rated);
        }
        rated
    }

    /// The pairs of teams, lower index first, of which more than half of all opponents count for
    /// each other: one new face does not make it another match.
    fn meetings(
        &mut self,
        unix_ms: u64,
        ladder: &str,
        players: &[Vec<Arc<str>>],
    ) -> Vec<(usize, usize)> {
        let mut counts = Vec::new();
        for b in 0..players.len() {
            for a in 0..b {
                let (mut n_counting, n_all) = (0, players[a].len() * players[b].len());
                for (one, other) in
                    players[a].iter().flat_map(|one| players[b].iter().map(move |o| (one, o)))
                {
                    // Nobody counts against themselves.
                    let does_count = one != other && self.farm.meet(unix_ms, ladder, one, other);
                    n_counting += usize::from(does_count);
                }
                if 2 * n_counting > n_all {
                    counts.push((a, b));
                }
            }
        }
        counts
    }
}

/// How teams, given by their seats, came out when these seats have won: a team has if any of its
/// seats has, and if nobody or everybody has, it is a draw.
pub fn ranks(teams: &[Vec<u8>], winners: &[u8]) -> Vec<usize> {
    let has_won = |team: &Vec<u8>| team.iter().any(|seat| winners.contains(seat));
    if !teams.iter().any(has_won) {
        return vec![0; teams.len()];
    }
    teams.iter().map(|team| usize::from(!has_won(team))).collect()
}

fn score(a: usize, b: usize) -> Score {
    match a.cmp(&b) {
        std::cmp::Ordering::Less => Score::Won,
        std::cmp::Ordering::Equal => Score::Drew,
        std::cmp::Ordering::Greater => Score::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn sides(names: &[&[&str]]) -> Vec<Vec<Arc<str>>> {
        names.iter().map(|team| team.iter().map(|name| Arc::from(*name)).collect()).collect()
    }

    fn is_same(rated: &[Vec<Rated>]) -> bool {
        rated.iter().flatten().all(|rated| rated.before == rated.after)
    }

    #[test]
    fn a_duel_is_glicko_and_is_kept_on_its_ladder() {
        let mut ladders = Ladders::in_memory(7);
        let made = ladders.played(5, "chess/blitz", &sides(&[&["ada"], &["bob"]]), &[1, 0]);
        let (ada, bob) = duel(Rating::fresh(5), Rating::fresh(5), Score::Lost, 5);
        assert_eq!((made[0][0].after, made[1][0].after), (ada, bob));
        assert_eq!(made[0][0].before, Rating::fresh(5));
        assert_eq!(ladders.rating(5, "chess/blitz", "ada"), ada);
        assert_eq!(ladders.rating(5, "chess/rapid", "ada"), Rating::fresh(5));
        let later = ladders.rating(5 + 900 * DAY_MS, "chess/blitz", "ada");
        assert!(later.rating == ada.rating && later.deviation > ada.deviation);
        let drawn = ladders.played(6, "chess/blitz", &sides(&[&["cid"], &["dot"]]), &[0, 0]);
        assert!(drawn[0][0].after.rating == 1500.0 && drawn[0][0].after.games == 1);
    }

    #[test]
    fn teams_and_many_are_weng_lin() {
        let mut ladders = Ladders::in_memory(7);
        let fresh = |n: usize| vec![vec![Rating::fresh(5); n]; 2];
        let made = ladders.played(5, "x", &sides(&[&["a", "b"], &["c", "d"]]), &[0, 1]);
        let by_hand = teams(&fresh(2), &[0, 1], 5, |_, _| true);
        for (made, by_hand) in made.iter().flatten().zip(by_hand.iter().flatten()) {
            assert_eq!(made.after, *by_hand);
        }
        let made = ladders.played(5, "y", &sides(&[&["a"], &["b"], &["c"]]), &[1, 0, 1]);
        assert!(made[1][0].after.rating > 1600.0 && made[0] == made[2]);
        assert_eq!(ladders.rating(5, "y", "b"), made[1][0].after);
    }

    #[test]
    fn a_pair_that_plays_again_and_again_gains_nothing_from_the_fourth_on() {
        let mut ladders = Ladders::in_memory(7);
        let two = sides(&[&["ada"], &["bob"]]);
        for _ in 0..3 {
            assert!(!is_same(&ladders.played(5, "chess", &two, &[0, 1])));
        }
        let kept = ladders.rating(5, "chess", "ada");
        assert!(is_same(&ladders.played(5, "chess", &two, &[0, 1])));
        assert_eq!(ladders.rating(5, "chess", "ada"), kept);
        // With a third, what happens between the two changes nothing either.
        let three = sides(&[&["ada"], &["bob"], &["cid"]]);
        let made = ladders.played(5, "chess", &three, &[0, 2, 1]);
        let bob_alone =
            teams(&[vec![made[1][0].before], vec![made[2][0].before]], &[1, 0], 5, |_, _| true);
        assert_eq!(made[1][0].after, bob_alone[0][0]);
        assert!(!is_same(&ladders.played(5 + DAY_MS, "chess", &two, &[0, 1])));
    }

    #[test]
    fn teams_that_play_again_and_again_gain_nothing_by_one_new_face() {
        let mut ladders = Ladders::in_memory(7);
        let mut played = |blue: [&str; 2]| {
            is_same(&ladders.played(5, "x", &sides(&[&["ada", "bob"], &blue]), &[0, 1]))
        };
        for _ in 0..3 {
            assert!(!played(["cid", "dot"]));
        }
        assert!(played(["cid", "dot"]), "all four have met three times");
        assert!(played(["cid", "eve"]), "half of them have");
        assert!(!played(["flo", "gil"]), "two new ones");
        let mut ladders = Ladders::in_memory(7);
        let mut played = |blue: [&str; 3]| {
            is_same(&ladders.played(5, "x", &sides(&[&["ada", "bob", "flo"], &blue]), &[0, 1]))
        };
        for _ in 0..3 {
            assert!(!played(["cid", "dot", "gil"]));
        }
        assert!(played(["cid", "dot", "eve"]), "a third of the opponents are new");
        assert!(!played(["cid", "hal", "ida"]), "two thirds are");
    }

    #[test]
    fn what_is_no_match_changes_nothing() {
        let mut ladders = Ladders::in_memory(7);
        for (names, ranks) in [
            (sides(&[]), &[][..]),
            (sides(&[&["ada"]]), &[0][..]),
            (sides(&[&["ada"], &["bob"]]), &[0][..]),
            (sides(&[&["ada"], &[]]), &[0, 1][..]),
            (sides(&[&["ada"], &["ada"]]), &[0, 1][..]),
        ] {
            let made = ladders.played(5, "chess", &names, ranks);
            assert!(is_same(&made) && made.len() == names.len(), "{names:?}");
        }
        assert_eq!(ladders.rating(5, "chess", "ada"), Rating::fresh(5));
    }

    #[test]
    fn a_team_wins_if_any_of_its_seats_does() {
        let teams = [vec![0, 1], vec![2, 3]];
        assert_eq!(ranks(&teams, &[3]), [1, 0]);
        assert_eq!(ranks(&teams, &[0, 1]), [0, 1]);
        assert_eq!(ranks(&teams, &[]), [0, 0]);
        assert_eq!(ranks(&teams, &[1, 2]), [0, 0]);
        assert_eq!(ranks(&teams, &[9]), [0, 0], "nobody of them");
        assert_eq!(ranks(&[vec![4], vec![0], vec![7]], &[7, 4]), [0, 1, 0]);
    }
}

//! Pairs within a group of neighbours: of all ways to pair some of them, the one that is worth
//! most. A pair is worth more the nearer its two are, and the longer each has waited.

use super::{
    blossom::{Edge, Matching},
    repeats::Repeats,
    rules::Rules,
    waiting::Waiting,
};
use crate::time::Time;

/// The best partners of each ticket that are looked at: with all of them, one group would take
/// longer than its pairs are better.
const MAX_PARTNERS: usize = 10;
/// What two who are equal are worth more than two as far apart as the rules ever let them be.
pub(super) const NEARNESS: f32 = 1000.0;
/// What somebody is worth who is about to give up. It goes with the square of the wait: after
/// three quarters of it, nobody comes before them.
const IMPATIENCE: f32 = 2000.0;

/// What pairing takes, kept for its memory.
#[derive(Debug, Default)]
pub(super) struct Duels {
    matching: Matching,
    /// With the distance of the two.
    edges: Vec<(f32, Edge)>,
    kept: Vec<Edge>,
    n_partners: Vec<usize>,
}

impl Duels {
    /// The partner of each of these, who all stand.
    pub(super) fn pair(
        &mut self,
        now: Time,
        group: &[&Waiting],
        rules: &Rules,
        repeats: &Repeats,
    ) -> &[Option<usize>] {
        self.edges.clear();
        for (i, one) in group.iter().enumerate() {
            for (j, other) in group.iter().enumerate().skip(i + 1) {
                if rules.is_out_of_reach(one, other) {
                    // They are sorted: everybody behind is farther away.
                    break;
                }
                if let Ok(distance) = rules.distance(now, one, other, repeats) {
                    let weight = worth(now, one, other, distance, rules);
                    self.edges.push((distance, Edge { ends: [i, j], weight }));
                }
            }
        }
        self.keep_best(group.len());
        self.matching.find(group.len(), &self.kept)
    }

    /// Of each ticket the nearest partners, and those of whom it is one of the nearest. Not those
    /// that are worth most: they would be the same few for all, those who have waited longest.
    fn keep_best(&mut self, n: usize) {
        self.kept.clear();
        self.n_partners.clear();
        self.n_partners.resize(n, 0);
        if n > MAX_PARTNERS + 1 {
            let order = |(distance, edge): &(f32, Edge)| (distance.to_bits(), edge.ends);
            self.edges.sort_unstable_by_key(order);
        }
        for (_, edge) in &self.edges {
            let [a, b] = edge.ends;
            if self.n_partners[a] < MAX_PARTNERS || self.n_partners[b] < MAX_PARTNERS {
                self.n_partners[a] += 1;
                self.n_partners[b] += 1;
                self.kept.push(*edge);
            }
        }
    }
}

/// What a pair is worth: always more than nothing, so that no two wait who fit each other.
pub(super) fn worth(
    now: Time,
    one: &Waiting,
    other: &Waiting,
    distance: f32,
    rules: &Rules,
) -> i64 {
    let nearness = (NEARNESS * (1.0 - distance / rules.worst)).max(0.0);
    let impatience = impatience(now, one, rules) + impatience(now, other, rules);
    1 + nearness as i64 + impatience as i64
}

/// What a ticket's wait is worth.
pub(super) fn impatience(now: Time, ticket: &Waiting, rules: &Rules) -> f32 {
    let share = now.since(ticket.since).as_secs_f32() / rules.queue.give_up().as_secs_f32();
    IMPATIENCE * share.min(1.0).powi(2)
}

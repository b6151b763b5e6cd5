//! What makes a match right, said once more and from the tickets alone: no line of it is the
//! pool's.

use super::*;
use crate::matchmaker::queue::{Growth, Merge, Players, Rule, Shape, Teams, Window};

/// Those who may play, when, and what has been played before.
pub(super) struct Scene<'s> {
    pub(super) queue: &'s Queue,
    pub(super) now: Time,
    pub(super) tickets: &'s [Candidate],
    /// When, and by whom, a team each.
    pub(super) before: &'s [(Time, Vec<Vec<u64>>)],
}

impl Scene<'_> {
    fn waited_ms(&self, ticket: usize) -> u64 {
        self.now.since(self.tickets[ticket].since).as_millis() as u64
    }

    fn insists(&self, ticket: usize, rule: &Rule) -> bool {
        rule.optional_after_ms == 0 || self.waited_ms(ticket) < rule.optional_after_ms
    }

    fn window(&self, ticket: usize, window: &Window) -> f64 {
        let waited_ms = self.waited_ms(ticket);
        let mut width = window.within;
        match &window.growth {
            Growth::None => {}
            Growth::Linear(grow) => {
                for _ in 0..waited_ms / grow.every_ms {
                    width = grow.limit.min(width + grow.by);
                }
            }
            Growth::Steps(steps) => {
                steps.iter().filter(|step| step.0 <= waited_ms).for_each(|step| width = step.1);
            }
        }
        width
    }

    /// The narrowest window of those who insist; none if nobody does.
    fn narrowest(&self, of: &[usize], rule: &Rule) -> Option<f64> {
        let insisting = of.iter().filter(|ticket| self.insists(**ticket, rule));
        let width =
            |ticket: &usize| rule.kind.window().map_or(0.0, |window| self.window(*ticket, window));
        insisting.map(width).min_by(f64::total_cmp)
    }

    pub(super) fn size(&self, ticket: usize) -> usize {
        self.tickets[ticket].members.len()
    }

    fn number(&self, ticket: usize, attribute: &str, merge: Merge) -> Option<f64> {
        let candidate = &self.tickets[ticket];
        if attribute == "rating" {
            let ratings = candidate.members.iter().map(|member| f64::from(member.rating));
            return Some(match merge {
                Merge::Mean => ratings.sum::<f64>() / candidate.members.len() as f64,
                Merge::Min => ratings.fold(f64::MAX, f64::min),
                Merge::Max => ratings.fold(f64::MIN, f64::max),
            });
        }
        match self.attribute(ticket, attribute) {
            Some(Attribute::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn attribute(&self, ticket: usize, name: &str) -> Option<&Attribute> {
        let attributes = &self.tickets[ticket].attributes;
        attributes.iter().find(|(own, _)| **own == *name).map(|(_, attribute)| attribute)
    }

    fn texts(&self, ticket: usize, name: &str) -> Vec<&str> {
        match self.attribute(ticket, name) {
            Some(Attribute::Text(text)) => vec![text],
            Some(Attribute::Texts(texts)) => texts.iter().map(|text| &**text).collect(),
            _ => vec![],
        }
    }

    fn rating(&self, ticket: usize) -> f64 {
        self.number(ticket, "rating", Merge::Mean).expect("everybody has one")
    }

    fn latency(&self, ticket: usize, region: &str) -> Option<u32> {
        let latencies = &self.tickets[ticket].latencies;
        latencies.iter().find(|(name, _)| **name == *region).map(|(_, ms)| *ms)
    }

    /// How long it takes who has it worst there.
    fn worst_latency(&self, of: &[usize], region: &str) -> Option<u32> {
        let all: Option<Vec<u32>> = of.iter().map(|i| self.latency(*i, region)).collect();
        all?.into_iter().max()
    }

    /// The least latency that who has it worst can have, if all of these share a region.
    fn least_latency(&self, of: &[usize]) -> Option<u32> {
        let regions = self.tickets[of[0]].latencies.iter();
        regions.filter_map(|(region, _)| self.worst_latency(of, region)).min()
    }

    /// True if a match of these may be in this region: where who has it worst has it best. Where
    /// they share none and do not mind, it is one that somebody knows.
    pub(super) fn may_be_in(&self, of: &[usize], region: Option<&str>) -> bool {
        let mut rules = self.queue.rules.iter();
        let has_rule = rules.any(|rule| matches!(rule.kind, Kind::Region { .. }));
        let is_known = |region| of.iter().any(|i| self.latency(*i, region).is_some());
        match (region.filter(|_| has_rule), self.least_latency(of)) {
            (Some(region), Some(ms)) => self.worst_latency(of, region) == Some(ms),
            (Some(region), None) => is_known(region),
            (None, least) => region.is_none() && (!has_rule || least.is_none()),
        }
    }

    /// True if these may play one match as far as each two, and all, of them are concerned: who
    /// plays on which side is another matter.
    pub(super) fn may_meet(&self, of: &[usize]) -> bool {
        let rules_hold = self.queue.rules.iter().all(|rule| {
            let Some(within) = self.narrowest(of, rule) else { return true };
            self.holds(of, rule, within)
        });
        rules_hold && self.people_may_meet(of)
    }

    /// True if a rule holds for all that somebody who insists on it meets. A window is asked of
    /// those who insist alone, each for itself.
    fn holds(&self, of: &[usize], rule: &Rule, within: f64) -> bool {
        let pairs = || of.iter().flat_map(|i| of.iter().map(move |j| (*i, *j)));
        let mut asking = pairs().filter(|(i, j)| i != j && self.insists(*i, rule));
        match &rule.kind {
            Kind::Difference { attribute, window, merge } => asking.all(|(i, j)| {
                let number = |ticket| self.number(ticket, attribute, *merge);
                let both = number(i).zip(number(j));
                both.is_some_and(|(a, b)| (a - b).abs() <= self.window(i, window))
            }),
            Kind::Equal { attribute } => asking.all(|(i, j)| {
                match (self.attribute(i, attribute), self.attribute(j, attribute)) {
                    (Some(Attribute::Number(a)), Some(Attribute::Number(b))) => a == b,
                    (Some(Attribute::Text(a)), Some(Attribute::Text(b))) => a == b,
                    _ => false,
                }
            }),
            Kind::Overlap { attribute, at_least } => {
                let in_all =
                    |text: &&str| of.iter().all(|i| self.texts(*i, attribute).contains(text));
                self.texts(of[0], attribute).iter().filter(|text| in_all(text)).count()
                    >= usize::from(*at_least)
            }
            Kind::Region { .. } => self.least_latency(of).is_some_and(|ms| f64::from(ms) <= within),
            Kind::AvoidRepeats { last, for_ms } => asking.all(|(i, j)| {
                let members = |ticket: usize| self.tickets[ticket].members.iter();
                members(i)
                    .all(|a| members(j).all(|b| !self.have_met(a.player, b.player, *last, *for_ms)))
            }),
            Kind::PartySize { .. } if matches!(self.queue.shape(), Shape::Players(_)) => asking
                .all(|(i, j)| {
                    let window = rule.kind.window().expect("it has one");
                    self.size(i).abs_diff(self.size(j)) as f64 <= self.window(i, window)
                }),
            Kind::Balance { .. } | Kind::PartySize { .. } => true,
        }
    }

    fn have_met(&self, one: u64, other: u64, last: u8, for_ms: u64) -> bool {
        let team_of =
            |teams: &[Vec<u64>], player| teams.iter().position(|team| team.contains(&player));
        [(one, other), (other, one)].into_iter().any(|(own, other)| {
            let lately =
                self.before.iter().rev().filter(|(_, teams)| team_of(teams, own).is_some());
            lately.take(last.into()).any(|(at, teams)| {
                let is_recent = for_ms == 0 || self.now.since(*at) < Duration::from_millis(for_ms);
                let theirs = team_of(teams, other);
                is_recent && theirs.is_some() && theirs != team_of(teams, own)
            })
        })
    }

    fn people_may_meet(&self, of: &[usize]) -> bool {
        let people = || {
            of.iter().flat_map(|i| self.tickets[*i].members.iter().map(move |member| (*i, member)))
        };
        people().all(|(i, a)| {
            people().filter(|(j, _)| i != *j).all(|(_, b)| {
                let is_same_place = a.address != 0 && a.address == b.address;
                a.player != b.player
                    && !(self.queue.rated && is_same_place)
                    && !a.avoid.contains(&b.player)
            })
        })
    }

    /// True if these are sides of a match that may be, full and even.
    pub(super) fn may_play(&self, teams: &[Vec<usize>]) -> bool {
        let n_players = |team: &Vec<usize>| -> usize { team.iter().map(|i| self.size(*i)).sum() };
        match self.queue.shape() {
            Shape::Teams(Teams { count, size }) => {
                teams.len() == usize::from(count)
                    && teams.iter().all(|team| n_players(team) == usize::from(size))
                    && self.is_even(teams)
            }
            Shape::Players(Players { from, to }) => {
                let n_players: usize = teams.iter().map(n_players).sum();
                (from.into()..=to.into()).contains(&n_players)
                    && teams.iter().all(|team| team.len() == 1)
            }
        }
    }

    /// True if what the rules ask of teams holds for these, of which some may be of bots alone.
    pub(super) fn is_even(&self, teams: &[Vec<usize>]) -> bool {
        let of: Vec<usize> = teams.concat();
        self.queue.rules.iter().all(|rule| {
            let Some(within) = self.narrowest(&of, rule) else { return true };
            match &rule.kind {
                // The pool counts in 32 bits.
                Kind::Balance { .. } => self.gap(teams) <= within + 0.01,
                Kind::PartySize { .. } => {
                    let largest = |team: &Vec<usize>| team.iter().map(|i| self.size(*i)).max();
                    let sizes: Vec<usize> = teams.iter().filter_map(largest).collect();
                    let both = sizes.iter().max().zip(sizes.iter().min());
                    both.is_none_or(|(most, least)| (most - least) as f64 <= within)
                }
                _ => true,
            }
        })
    }

    /// How far the means of the best and the worst side are apart.
    pub(super) fn gap(&self, teams: &[Vec<usize>]) -> f64 {
        let sided = teams.iter().filter(|team| !team.is_empty());
        let means: Vec<f64> = sided
            .map(|team| {
                let sum: f64 = team.iter().map(|i| self.rating(*i) * self.size(*i) as f64).sum();
                sum / team.iter().map(|i| self.size(*i) as f64).sum::<f64>()
            })
            .collect();
        let most = means.iter().copied().fold(f64::MIN, f64::max);
        most - means.iter().copied().fold(f64::MAX, f64::min)
    }

    /// Some match that these could all play at once, if there is one, by trying all.
    pub(super) fn some_match(&self, of: &[usize]) -> Option<Vec<Vec<usize>>> {
        if let Shape::Players(_) = self.queue.shape() {
            let teams: Vec<Vec<usize>> = of.iter().map(|i| vec![*i]).collect();
            return self.may_play(&teams).then_some(teams);
        }
        let Shape::Teams(Teams { count, .. }) = self.queue.shape() else { return None };
        let n_ways = usize::from(count).pow(of.len() as u32);
        (0..n_ways).map(|way| sides(of, count.into(), way)).find(|teams| self.may_play(teams))
    }

    /// Some match of some of these, by trying all.
    pub(super) fn any_match(&self, of: &[usize]) -> Option<Vec<Vec<usize>>> {
        let shape = self.queue.shape();
        let sets = (1_usize..1 << of.len()).map(|set| -> Vec<usize> {
            (0..of.len()).filter(|i| set & 1 << i != 0).map(|i| of[i]).collect()
        });
        let is_sized = |set: &Vec<usize>| {
            let n_players: usize = set.iter().map(|i| self.size(*i)).sum();
            (shape.fewest()..=shape.most()).contains(&n_players)
        };
        let mut sets = sets.filter(is_sized).filter(|set| self.may_meet(set));
        sets.find_map(|set| self.some_match(&set))
    }
}

/// Each of these on the side that the digits of a number say.
fn sides(of: &[usize], count: usize, mut way: usize) -> Vec<Vec<usize>> {
    let mut teams = vec![vec![]; count];
    for ticket in of {
        teams[way % count].push(*ticket);
        way /= count;
    }
    teams
}

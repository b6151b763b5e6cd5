//! Whether two tickets go together by a queue's rules, and how well.
//! What holds for a whole match (balance, one region for all) is judged where one is put together.

use std::{
    cmp::Ordering,
    hash::{BuildHasher as _, Hash},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    repeats::Repeats,
    waiting::{Near, Value, Waiting},
};
use crate::{
    fault::{self, Fault},
    hash::Keyed,
    matchmaker::queue::{Kind, Queue, Rule, Shape, Teams, Window},
    time::Time,
};

/// What keeps two tickets apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Obstacle {
    /// Somebody is in both.
    SamePlayer,
    /// They are from one address, and results count.
    SameAddress,
    /// Somebody does not want to meet somebody.
    Avoided,
    /// This rule, by its place in the queue.
    Rule(u8),
}

/// A queue's rules at work.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) queue: Arc<Queue>,
    pub(super) shape: Shape,
    pub(super) change_with_time: bool,
    /// By how much each rule's distance counts, in their order.
    scales: SmallVec<[Scale; 4]>,
    /// What two tickets that are as far apart as may be count less than two that are equal.
    pub(super) worst: f32,
    /// The rule about the number that tickets are sorted by.
    sorts: Option<usize>,
    keyed: Keyed,
}

impl Rules {
    pub(super) fn new(queue: Arc<Queue>, seed: u64) -> Self {
        let weights = queue.rules.iter().map(|rule| rule.weight as f32);
        let is_difference = |rule: &Rule| matches!(rule.kind, Kind::Difference { .. });
        Self {
            worst: weights.sum::<f32>().max(f32::MIN_POSITIVE),
            sorts: queue.rules.iter().position(is_difference),
            shape: queue.shape(),
            change_with_time: queue.rules.iter().any(Rule::changes_with_time),
            scales: queue.rules.iter().map(Scale::of).collect(),
            keyed: Keyed::new(seed),
            queue,
        }
    }

    /// A number for something that clients name, which they cannot foresee.
    pub(super) fn hash<T: Hash + ?Sized>(&self, of: &T) -> u64 {
        self.keyed.hash_one(of)
    }

    /// How wide the windows are for who has waited so long, and on what it does not insist.
    pub(super) fn stance(&self, waited: Duration) -> (SmallVec<[f32; 4]>, u32) {
        let (mut windows, mut optional) = (SmallVec::new(), 0);
        for (i, rule) in self.queue.rules.iter().enumerate() {
            windows.push(rule.kind.window().map_or(0.0, |window| window.after(waited) as f32));
            optional |= u32::from(rule.is_optional(waited)) << i;
        }
        (windows, optional)
    }

    /// How far from each other two tickets are, from 0 to the sum of all weights; or what keeps
    /// them apart. Both must stand.
    pub(super) fn distance(
        &self,
        now: Time,
        one: &Waiting,
        other: &Waiting,
        repeats: &Repeats,
    ) -> Result<f32, Obstacle> {
        let mut total = 0.0;
        for (i, rule) in self.queue.rules.iter().enumerate() {
            let apart = self.apart(now, i, rule, one, other, repeats);
            // Each of the two has its own window, and nobody is taken out of it.
            let reaches =
                |ticket: &Waiting| apart <= ticket.windows[i] || ticket.optional & 1 << i != 0;
            let is_one_enough = fault::is_planted(Fault::OneWindowOfTwo);
            if !reaches(one) && (!is_one_enough || !reaches(other))
                || !reaches(other) && !is_one_enough
            {
                return Err(Obstacle::Rule(i as u8));
            }
            total += self.scales[i].share(apart) * rule.weight as f32;
        }
        self.people(one, other)?;
        Ok(total)
    }

    /// How far apart two tickets are by one rule: to be compared with its window, which is 0 for a
    /// rule that has none; infinitely far if one does not say.
    fn apart(
        &self,
        now: Time,
        i: usize,
        rule: &Rule,
        one: &Waiting,
        other: &Waiting,
        repeats: &Repeats,
    ) -> f32 {
        match (&rule.kind, &one.values[i], &other.values[i]) {
            (Kind::Difference { .. }, ..) if fault::is_planted(Fault::RuleIgnored) => 0.0,
            (Kind::Difference { .. }, Value::Number(a), Value::Number(b)) => (a - b).abs(),
            (Kind::Equal { .. }, Value::Same(a), Value::Same(b)) if a == b => 0.0,
            (Kind::Overlap { at_least, .. }, Value::Set(a), Value::Set(b)) => {
                let n_shared = shared(a, b, |a| *a, |_, _| ()).len();
                if n_shared >= usize::from(*at_least) { 0.0 } else { f32::INFINITY }
            }
            (Kind::Region { .. }, Value::Near(a), Value::Near(b)) => {
                let both = shared(a, b, |near| near.region, Near::worse);
                both.into_iter().map(|near| near.ms).fold(f32::INFINITY, f32::min)
            }
            (Kind::Balance { .. }, ..) if self.are_single() => (one.rating - other.rating).abs(),
            (Kind::PartySize { .. }, ..) if matches!(self.shape, Shape::Players(_)) => {
                one.size().abs_diff(other.size()) as f32
            }
            (Kind::Balance { .. } | Kind::PartySize { .. }, ..) => 0.0,
            (Kind::AvoidRepeats { for_ms, .. }, ..) => {
                let within = (*for_ms > 0).then(|| Duration::from_millis(*for_ms));
                let players = |ticket: &Waiting| -> SmallVec<[u64; 4]> {
                    ticket.members.iter().map(|member| member.player).collect()
                };
                let (own, others) = (players(one), players(other));
                let mut pairs = own.iter().flat_map(|a| others.iter().map(move |b| (*a, *b)));
                let met = pairs.any(|(a, b)| repeats.have_met(now, a, b, within));
                if met { f32::INFINITY } else { 0.0 }
            }
            _ => f32::INFINITY,
        }
    }

    /// How far to either side of it a ticket finds others, by what tickets are sorted by.
    pub(super) fn reach(&self, ticket: &Waiting) -> f32 {
        let insists = self.sorts.filter(|i| ticket.optional & 1 << i == 0);
        insists.map_or(f32::INFINITY, |i| ticket.windows[i])
    }

    /// True if a ticket does not go so far as another one.
    pub(super) fn is_out_of_reach(&self, one: &Waiting, other: &Waiting) -> bool {
        (one.sort - other.sort).abs() > self.reach(one)
    }

    /// How far the means of teams, and their largest parties, may be apart for these tickets.
    pub(super) fn team_gaps(&self, tickets: &[&Waiting]) -> (f32, f32) {
        let (mut balance, mut parties) = (f32::INFINITY, f32::INFINITY);
        for (i, rule) in self.queue.rules.iter().enumerate() {
            let gap = match rule.kind {
                Kind::Balance { .. } => &mut balance,
                Kind::PartySize { .. } => &mut parties,
                _ => continue,
            };
            for ticket in tickets.iter().filter(|ticket| ticket.optional & 1 << i == 0) {
                *gap = gap.min(ticket.windows[i]);
            }
        }
        (balance, parties)
    }

    /// The region that is nearest to who has it worst, of those that all share; there is one if
    /// anybody insists.
    pub(super) fn region(&self, tickets: &[&Waiting]) -> Option<Box<str>> {
        let is_region = |rule: &Rule| matches!(rule.kind, Kind::Region { .. });
        let i = self.queue.rules.iter().position(is_region)?;
        let mut common: Option<SmallVec<[Near; 8]>> = None;
        for ticket in tickets {
            let Value::Near(own) = &ticket.values[i] else { continue };
            let Some(before) = &common else {
                common = Some(own.iter().copied().collect());
                continue;
            };
            let both = shared(before, own, |near| near.region, Near::worse);
            if !both.is_empty() {
                common = Some(both);
            }
        }
        let nearest = common?.into_iter().min_by(|a, b| a.ms.total_cmp(&b.ms))?;
        tickets.iter().find_map(|ticket| ticket.region_named(i, nearest.region)).map(Into::into)
    }

    /// True if each ticket is a team.
    pub(super) fn are_single(&self) -> bool {
        matches!(self.shape, Shape::Teams(Teams { size: 1, .. }))
    }

    /// Who must not or does not want to meet.
    fn people(&self, one: &Waiting, other: &Waiting) -> Result<(), Obstacle> {
        for a in &one.members {
            for b in &other.members {
                if a.player == b.player {
                    return Err(Obstacle::SamePlayer);
                }
                if self.queue.rated && a.address == b.address && a.address != 0 {
                    return Err(Obstacle::SameAddress);
                }
                if a.avoid.contains(&b.player) || b.avoid.contains(&a.player) {
                    return Err(Obstacle::Avoided);
                }
            }
        }
        Ok(())
    }
}

/// What several tickets have in common, of which any two might share something else: a region that
/// is near enough to all, and strings that are in all sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Common {
    /// By the rule, and whether somebody insists on it: if so, on sharing it with all, also with
    /// those who do not.
    of_rules: SmallVec<[(usize, Shared, bool); 1]>,
}

#[derive(Debug, Clone)]
enum Shared {
    Regions { near: SmallVec<[Near; 8]>, reach: f32 },
    Texts(SmallVec<[u64; 8]>),
}

impl Common {
    /// What one has; none if it asks for more than that itself.
    pub(super) fn of(ticket: &Waiting, rules: &Rules) -> Option<Self> {
        Self::default().join(ticket, rules)
    }

    /// What is left of it with one more; none if that is too little.
    pub(super) fn join(&self, ticket: &Waiting, rules: &Rules) -> Option<Self> {
        let mut joined = Self::default();
        for (i, rule) in rules.queue.rules.iter().enumerate() {
            let before = self.of_rules.iter().find(|(rule, ..)| *rule == i);
            let insists = ticket.optional & 1 << i == 0;
            let is_asked = insists || before.is_some_and(|(.., is_asked)| *is_asked);
            let before = before.map(|(_, before, _)| before);
            let (left, at_least) = match (&rule.kind, &ticket.values[i]) {
                (Kind::Region { .. }, value) => {
                    let own = if let Value::Near(near) = value { &near[..] } else { &[] };
                    let reach = if insists { ticket.windows[i] } else { f32::INFINITY };
                    (Shared::regions(before, own, reach), 1)
                }
                (Kind::Overlap { at_least, .. }, value) => {
                    let own = if let Value::Set(texts) = value { &texts[..] } else { &[] };
                    (Shared::texts(before, own), usize::from(*at_least))
                }
                _ => continue,
            };
            if is_asked && left.len() < at_least {
                return None;
            }
            joined.of_rules.push((i, left, is_asked));
        }
        Some(joined)
    }
}

impl Shared {
    /// The regions that are near enough to one more.
    fn regions(before: Option<&Self>, own: &[Near], reach: f32) -> Self {
        let (mut near, reach) = match before {
            Some(Self::Regions { near, reach: others }) => {
                (shared(near, own, |near| near.region, Near::worse), reach.min(*others))
            }
            _ => (own.iter().copied().collect(), reach),
        };
        near.retain(|near| near.ms <= reach);
        Self::Regions { near, reach }
    }

    /// The strings that one more has as well.
    fn texts(before: Option<&Self>, own: &[u64]) -> Self {
        Self::Texts(match before {
            Some(Self::Texts(texts)) => shared(texts, own, |text| *text, |text, _| *text),
            _ => own.iter().copied().collect(),
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Regions { near, .. } => near.len(),
            Self::Texts(texts) => texts.len(),
        }
    }
}

/// What a rule's distance counts, from 0 to 1. Most of it as long as that is usual: two of whom one
/// would rather wait for the next wave. A little up to the widest that its window ever is, so that
/// of two who are far away the nearer one is still better.
#[derive(Debug, Clone, Copy)]
struct Scale {
    usual: f32,
    widest: f32,
}

impl Scale {
    /// So many times the first window are usual. With less, gaps are smaller and waits longer.
    const USUAL: f32 = 1.0;
    /// What counts of the usual distance; of what is farther, the rest.
    const MOST: f32 = 0.9;

    fn of(rule: &Rule) -> Self {
        let window = rule.kind.window();
        let widest = window.map_or(1.0, Window::widest).max(1.0) as f32;
        let within = window.map_or(1.0, |window| window.within).max(1.0) as f32;
        Self { usual: (Self::USUAL * within).min(widest), widest }
    }

    fn share(self, apart: f32) -> f32 {
        let (usual, widest) = ((apart / self.usual).min(1.0), (apart / self.widest).min(1.0));
        Self::MOST * usual + (1.0 - Self::MOST) * widest
    }
}

/// What two sorted lists have in common.
pub(super) fn shared<T, U>(
    one: &[T],
    other: &[T],
    key: impl Fn(&T) -> u64,
    join: impl Fn(&T, &T) -> U,
) -> SmallVec<[U; 8]> {
    let (mut i, mut j, mut found) = (0, 0, SmallVec::new());
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        match key(a).cmp(&key(b)) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => {
                found.push(join(a, b));
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    found
}

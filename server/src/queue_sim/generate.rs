//! Tickets that are made up: they come by chance at a steady rate (Poisson), ratings are normal
//! around 1500, and everybody is near one region. The same seed makes the same trace.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use parlor_core::matchmaker::{
    MemberRecord, TicketRecord,
    pool::{Attribute, MAX_REGIONS},
    queue::{Kind, Queue, RATING, Rule},
};

const MEAN_RATING: f64 = 1500.0;
const SPREAD_OF_RATINGS: f64 = 300.0;
/// Within a party.
const SPREAD_OF_FRIENDS: f64 = 80.0;
/// Milliseconds to one's own region, at least and at most.
const NEAR_MS: (f64, f64) = (10.0, 60.0);
/// Milliseconds more to each other one.
const FAR_MS: (f64, f64) = (60.0, 180.0);
/// What attributes are drawn from.
const CHOICES: [&str; 4] = ["a", "b", "c", "d"];
/// In ten tickets, by their size.
const SIZES: [usize; 10] = [1, 1, 1, 1, 1, 1, 2, 2, 3, 4];

/// So many seconds of arrivals, so many a second.
pub(super) fn generate(
    queue: &Queue,
    seed: u64,
    secs: f64,
    rate: f64,
    regions: &str,
) -> Result<Vec<TicketRecord>> {
    let regions = read_regions(regions)?;
    let mut chance = Chance(seed);
    let mut arrivals = Vec::new();
    let mut at = 0.0;
    loop {
        at -= (1.0 - chance.share()).ln() / rate;
        if at >= secs {
            return Ok(arrivals);
        }
        let size = SIZES[chance.below(SIZES.len())].min(queue.largest_party());
        let strength = MEAN_RATING + SPREAD_OF_RATINGS * chance.normal();
        let home = chance.weighted(regions.iter().map(|(_, share)| *share));
        let n = arrivals.len();
        let members = (0..size).map(|i| MemberRecord {
            player: Some(format!("p{n}.{i}")),
            rating: (strength + SPREAD_OF_FRIENDS * f64::from(i != 0) * chance.normal())
                .clamp(100.0, 4000.0) as f32,
            deviation: 60.0,
            latencies: chance.latencies(&regions, home),
            ..MemberRecord::default()
        });
        let members = members.collect();
        arrivals.push(TicketRecord {
            at_ms: (1000.0 * at) as u64,
            queue: Some(queue.name.clone()),
            leave_ms: None,
            members,
            attributes: chance.attributes(queue),
        });
    }
}

/// `name:share,name:share`
fn read_regions(text: &str) -> Result<Vec<(String, f64)>> {
    let region = |part: &str| -> Result<(String, f64)> {
        let told = || format!("--regions: `{part}` is not NAME:SHARE");
        let (name, share) = part.split_once(':').with_context(told)?;
        let share: f64 = share.parse().ok().with_context(told)?;
        ensure!(!name.is_empty() && share.is_finite() && share > 0.0, told());
        Ok((name.to_owned(), share))
    };
    let regions: Vec<_> = text.split(',').map(region).collect::<Result<_>>()?;
    ensure!(regions.len() <= MAX_REGIONS, "--regions: {MAX_REGIONS} at most");
    Ok(regions)
}

/// Chance from a seed.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.share() * n as f64) as usize
    }

    fn between(&mut self, (from, to): (f64, f64)) -> f64 {
        from + (to - from) * self.share()
    }

    /// Around 0, by 1.
    fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.share()).ln()).sqrt(), self.share());
        radius * (std::f64::consts::TAU * angle).cos()
    }

    /// One of these, by its share of all.
    fn weighted(&mut self, shares: impl Iterator<Item = f64> + Clone) -> usize {
        let mut left = self.share() * shares.clone().sum::<f64>();
        let (mut last, mut chosen) = (0, None);
        for (i, share) in shares.enumerate() {
            left -= share;
            last = i;
            if left < 0.0 && chosen.is_none() {
                chosen = Some(i);
            }
        }
        chosen.unwrap_or(last)
    }

    fn latencies(&mut self, regions: &[(String, f64)], home: usize) -> BTreeMap<String, u32> {
        let near = self.between(NEAR_MS);
        let all = regions.iter().enumerate().map(|(i, (name, _))| {
            let ms = if i == home { near } else { near + self.between(FAR_MS) };
            (name.clone(), ms as u32)
        });
        all.collect()
    }

    /// Whatever the queue's rules ask for.
    fn attributes(&mut self, queue: &Queue) -> BTreeMap<String, Attribute> {
        let mut attributes = BTreeMap::new();
        for rule in &queue.rules {
            let (name, value) = match &rule.kind {
                Kind::Difference { attribute, .. } if attribute == RATING => continue,
                Kind::Difference { attribute, window, .. } => {
                    let widest = 10.0 * window.within.max(1.0);
                    (attribute, Attribute::Number(widest * self.share()))
                }
                Kind::Equal { attribute } => {
                    let choices = choices(rule, &CHOICES[..2]);
                    (attribute, Attribute::Text(choices[self.below(choices.len())].into()))
                }
                Kind::Overlap { attribute, at_least } => {
                    let choices = choices(rule, &CHOICES);
                    let (first, n) = (self.below(choices.len()), usize::from(*at_least) + 1);
                    let some = choices.iter().cycle().skip(first).take(n.min(choices.len()));
                    (attribute, Attribute::Texts(some.map(|text| (*text).into()).collect()))
                }
                _ => continue,
            };
            attributes.insert(name.clone(), value);
        }
        attributes
    }
}

/// What can be said for a rule.
fn choices<'r>(rule: &'r Rule, usual: &[&'r str]) -> Vec<&'r str> {
    let own: Vec<&str> = rule.config.keys().map(String::as_str).collect();
    if own.is_empty() { usual.to_vec() } else { own }
}

#[cfg(test)]
mod tests {
    use parlor_core::matchmaker::queue::Declared;

    use super::{super::trace::Arrival as _, *};

    #[test]
    fn a_seed_makes_the_same_trace_and_another_another() {
        let queue: Queue = Declared::duel("blitz", "chess").try_into().unwrap();
        let make = |seed| generate(&queue, seed, 100.0, 20.0, "eu:3,us:1").unwrap();
        let trace = make(1);
        assert_eq!(trace, make(1));
        assert_ne!(trace, make(2));
        assert!((1800..2200).contains(&trace.len()), "{}", trace.len());
        assert!(trace.is_sorted_by_key(|arrival| arrival.at_ms));
        let mean = trace.iter().map(|arrival| arrival.rating()).sum::<f32>() / trace.len() as f32;
        assert!((1470.0..1530.0).contains(&mean), "{mean}");
        let is_european = |arrival: &&TicketRecord| {
            let latencies = &arrival.members[0].latencies;
            latencies["eu"] < latencies["us"]
        };
        let n_europeans = trace.iter().filter(is_european).count();
        assert!((0.7..0.8).contains(&(n_europeans as f64 / trace.len() as f64)));
    }

    #[test]
    fn regions_that_make_no_sense_are_not_taken() {
        for wrong in ["", "eu", "eu:x", ":1", "eu:0", "eu:1,,"] {
            assert!(read_regions(wrong).is_err(), "{wrong}");
        }
    }
}

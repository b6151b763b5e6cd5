//! The same arrivals, rules and waves for two kinds of pairing: the pool's, and greedy, where who
//! has waited longest takes the nearest who is free.

use std::time::Duration;

use parlor_core::{
    matchmaker::{
        pool::{Candidate, MemberTraits, Pool, Progress, TicketKey},
        queue::Window,
    },
    time::Time,
};
use serde_json::json;

use crate::people::{People, queue};

/// By how much the mean gap has to be smaller, where a wave has [`MIN_CHOICE`] to choose from. In a
/// wave of one or two, all that can be done better is to wait.
const MIN_MARGIN: f64 = 0.05;
/// Arrivals of one wave.
const MIN_CHOICE: f64 = 5.0;
/// By how much the mean wait may be longer: by nothing that could be told.
const MAX_LONGER: f64 = 0.01;

/// Somebody who comes.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Time,
    rating: f32,
}

/// What came of them: gaps and waits of those who were matched.
#[derive(Debug, Default)]
struct Outcome {
    gaps: Vec<f64>,
    waits: Vec<f64>,
}

/// Other arrivals than those that the pool's constants were chosen with.
const SEED: u64 = 2026;

/// Queues with few players and with many. True if the pool's gaps are smaller, by the margin where
/// there is a choice, and nobody waits longer for that.
pub(crate) fn compare(n_arrivals: usize) -> bool {
    println!(
        "| arrivals a second | wave | pairing | mean gap | p95 | mean wait, s | p95 | matched |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut is_better = true;
    for (rate, wave) in [(2.0, 0.5), (10.0, 0.5), (50.0, 0.5), (10.0, 3.0), (50.0, 3.0)] {
        let wave = Duration::from_secs_f64(wave);
        let mut people = People::new(SEED);
        let mut at = 0.0;
        let arrivals: Vec<Arrival> = (0..n_arrivals)
            .map(|_| {
                at -= (1.0 - people.share()).ln() / rate;
                let rating = people.rating();
                Arrival { at: Time::after_start(Duration::from_secs_f64(at)), rating }
            })
            .collect();
        let (greedy, optimal) = (greedy(&arrivals, wave), pool(&arrivals, wave));
        greedy.tell(rate, wave, "greedy", n_arrivals);
        optimal.tell(rate, wave, "maximum weight", n_arrivals);
        let margin = 1.0 - mean(&optimal.gaps) / mean(&greedy.gaps);
        let longer = mean(&optimal.waits) / mean(&greedy.waits) - 1.0;
        println!(
            "| {rate} | {} s | – | {:+.1} % | | {:+.1} % | | |",
            wave.as_secs_f64(),
            -100.0 * margin,
            100.0 * longer
        );
        let has_choice = rate * wave.as_secs_f64() >= MIN_CHOICE;
        is_better &= margin > if has_choice { MIN_MARGIN } else { 0.0 } && longer <= MAX_LONGER;
    }
    println!(
        "\nBounds: mean gap {:.0} % smaller where {MIN_CHOICE} come in a wave (else: smaller), \
         mean wait no more than {:.0} % longer.",
        100.0 * MIN_MARGIN,
        100.0 * MAX_LONGER
    );
    is_better
}

fn rule() -> serde_json::Value {
    json!({"kind": "difference", "attribute": "rating", "within": 100,
        "grow": {"by": 25, "every_ms": 1000, "limit": 400}})
}

/// Waves of the same length for both, whoever comes.
fn pool(arrivals: &[Arrival], length: Duration) -> Outcome {
    let wave = json!({"after_ms": 0, "tickets": 1});
    let queue = queue(json!({"rules": [rule()], "wave": wave, "give_up_ms": 60_000}));
    let mut pool = Pool::new(queue, 1);
    let (mut outcome, mut found) = (Outcome::default(), Vec::new());
    let mut next = 0;
    let mut now = Time::ZERO;
    while next < arrivals.len() {
        now = now + length;
        while let Some(arrival) = arrivals.get(next).filter(|arrival| arrival.at <= now) {
            let player = next as u64;
            let member = MemberTraits { player, rating: arrival.rating, ..MemberTraits::default() };
            let key = TicketKey(next as u32);
            let members = vec![member];
            let ticket = Candidate { key, since: arrival.at, members, ..Candidate::default() };
            pool.insert(now, ticket).expect("it has a rating");
            next += 1;
        }
        while pool.expire(now).is_some() {}
        while pool.step(now, 1_000, &mut found) == Progress::More {}
        for found in found.drain(..) {
            outcome.gaps.push(f64::from(found.gap));
            for key in found.teams.iter().flatten() {
                outcome.waits.push(now.since(arrivals[key.0 as usize].at).as_secs_f64());
            }
        }
    }
    outcome
}

fn greedy(arrivals: &[Arrival], length: Duration) -> Outcome {
    let queue = queue(json!({"rules": [rule()]}));
    let window = queue.rules[0].kind.window().expect("it has one");
    let mut outcome = Outcome::default();
    let mut waiting: Vec<Arrival> = Vec::new();
    let mut next = 0;
    let mut now = Time::ZERO;
    while next < arrivals.len() {
        now = now + length;
        while let Some(arrival) = arrivals.get(next).filter(|arrival| arrival.at <= now) {
            waiting.push(*arrival);
            next += 1;
        }
        waiting.retain(|one| now.since(one.at) < Duration::from_secs(60));
        let mut i = 0;
        while i < waiting.len() {
            let Some(j) = nearest(&waiting, i, window, now) else {
                i += 1;
                continue;
            };
            let (other, one) = (waiting.remove(j), waiting.remove(i));
            outcome.gaps.push(f64::from((one.rating - other.rating).abs()));
            outcome.waits.extend([one, other].map(|who| now.since(who.at).as_secs_f64()));
        }
    }
    outcome
}

/// The nearest of those behind, who have not waited so long, of those who are near enough for both.
fn nearest(waiting: &[Arrival], i: usize, window: &Window, now: Time) -> Option<usize> {
    let gap = |j: usize| f64::from((waiting[i].rating - waiting[j].rating).abs());
    let within = |one: &Arrival| window.after(now.since(one.at));
    let fitting = (i + 1..waiting.len())
        .filter(|j| gap(*j) <= within(&waiting[i]) && gap(*j) <= within(&waiting[*j]));
    fitting.min_by(|a, b| gap(*a).total_cmp(&gap(*b)))
}

impl Outcome {
    fn tell(&self, rate: f64, wave: Duration, name: &str, n_arrivals: usize) {
        println!(
            "| {rate} | {} s | {name} | {:.1} | {:.1} | {:.2} | {:.2} | {:.1} % |",
            wave.as_secs_f64(),
            mean(&self.gaps),
            percentile(&self.gaps, 0.95),
            mean(&self.waits),
            percentile(&self.waits, 0.95),
            100.0 * self.waits.len() as f64 / n_arrivals as f64
        );
    }
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len() as f64
}

fn percentile(all: &[f64], share: f64) -> f64 {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or_default()
}

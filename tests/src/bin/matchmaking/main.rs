//! What pairing costs and how good it is: a wave over as many tickets as wait, its slices, tickets
//! that come and go beside it, and the ratings of those who meet beside what greedy pairing makes
//! of the same arrivals. No server: the pool of the core alone. Prints tables; fails if a bound is
//! broken.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

mod desk;
mod greedy;
mod people;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use parlor_core::{
    matchmaker::{
        pool::{Found, Pool, Progress, TicketKey},
        queue::Queue,
    },
    time::Time,
};
use parlor_tests::load::Numbers;
use people::{People, queue};
use serde_json::json;

/// A wave over 100,000 tickets.
const MAX_WAVE: Duration = Duration::from_secs(1);
/// One slice of it, so that nothing else on its shard is late.
const MAX_SLICE: Duration = Duration::from_millis(2);
/// What a slice is told to do: in microseconds, about.
const BUDGET: usize = 1_000;
/// Slices are the same each time; the shortest time of each is what it takes.
const ROUNDS: usize = 3;
/// Who waits while others come and go.
const WAITING: u32 = 100_000;

fn main() -> Result<ExitCode> {
    let numbers = Numbers::from_command_line(
        "matchmaking",
        &[
            ("secs", 20.0, "Seconds in which tickets come and go"),
            ("rate", 1_000.0, "Tickets that come, and that go, in a second"),
            ("arrivals", 20_000.0, "Arrivals of which both kinds of pairing are told"),
        ],
    );
    let is_fast = waves();
    println!();
    let is_punctual = desk::turns(WAITING);
    println!();
    let is_steady = churn(numbers.count("rate"), Duration::from_secs_f64(numbers.number("secs")));
    println!();
    let is_better = greedy::compare(numbers.count("arrivals"));
    Ok(if is_fast && is_punctual && is_steady && is_better {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One wave over a pool, for pools of several sizes and queues of several kinds.
fn waves() -> bool {
    let rating = json!({"kind": "difference", "attribute": "rating", "within": 100,
        "grow": {"by": 25, "every_ms": 1000, "limit": 400}});
    let region = json!({"kind": "region", "within": 80});
    let maps = json!({"kind": "overlap", "attribute": "maps"});
    let kinds = [
        ("pairs by rating", queue(json!({"rules": [rating]}))),
        ("pairs by rating, region and map", queue(json!({"rules": [rating, region, maps]}))),
        (
            "five a side, parties of 1 to 3",
            queue(json!({"teams": {"count": 2, "size": 5}, "rules": [rating, region]})),
        ),
        (
            "8 to 16, each for themselves",
            queue(json!({"players": {"from": 8, "to": 16}, "rules": [rating]})),
        ),
        (
            "32 to 60, each for themselves",
            queue(json!({"players": {"from": 32, "to": 60}, "rules": [rating, region]})),
        ),
        // Nobody plays on that map but oneself: all that is looked at is looked at in vain.
        (
            "pairs, and nobody fits",
            queue(json!({"rules": [rating, {"kind": "overlap", "attribute": "own"}]})),
        ),
    ];
    println!(
        "| queue | tickets | to add, µs | wave, ms | µs for each | longest slice, ms | matched |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut are_kept = true;
    for (name, queue) in &kinds {
        for n in [1_000, 10_000, 50_000, 100_000, 200_000] {
            let Wave { added, slices, n_matched } = wave(queue, n);
            let (total, longest) = (slices.iter().sum::<Duration>(), slices.iter().max());
            let longest = longest.copied().unwrap_or_default();
            println!(
                "| {name} | {n} | {:.2} | {:.1} | {:.2} | {:.2} | {:.1} % |",
                added.as_secs_f64() * 1e6 / f64::from(n),
                total.as_secs_f64() * 1e3,
                total.as_secs_f64() * 1e6 / f64::from(n),
                longest.as_secs_f64() * 1e3,
                100.0 * n_matched as f64 / f64::from(n)
            );
            are_kept &= longest <= MAX_SLICE && (n > 100_000 || total <= MAX_WAVE);
        }
    }
    println!(
        "\nBounds: {} ms for a slice, {} ms for a wave over 100,000.",
        MAX_SLICE.as_millis(),
        MAX_WAVE.as_millis()
    );
    are_kept
}

struct Wave {
    added: Duration,
    slices: Vec<Duration>,
    n_matched: usize,
}

/// Everybody has waited for some time, a few of them for long.
fn wave(queue: &Arc<Queue>, n: u32) -> Wave {
    let mut best: Option<Wave> = None;
    for _ in 0..ROUNDS {
        let mut people = People::new(1);
        let mut pool = Pool::new(queue.clone(), 1);
        let now = Time::after_start(Duration::from_secs(100));
        let tickets: Vec<_> = (0..n).map(|key| people.ticket(queue, key, now)).collect();
        let start = Instant::now();
        for ticket in tickets {
            pool.insert(now, ticket).expect("they have what the rules ask for");
        }
        let added = start.elapsed();
        let mut found = Vec::new();
        let mut slices = Vec::new();
        loop {
            let start = Instant::now();
            let progress = pool.step(now + Duration::from_secs(1), BUDGET, &mut found);
            slices.push(start.elapsed());
            if progress == Progress::Done {
                break;
            }
        }
        let n_matched = n as usize - pool.len();
        best = Some(match best {
            None => Wave { added, slices, n_matched },
            Some(best) => {
                let both = best.slices.into_iter().zip(slices);
                let slices = both.map(|(one, other)| one.min(other)).collect();
                Wave { added: best.added.min(added), slices, n_matched }
            }
        });
    }
    best.expect("there are rounds")
}

/// In real time: many who fit nobody wait, and beside them tickets come, are matched or go.
fn churn(rate: usize, time: Duration) -> bool {
    let maps = json!({"kind": "overlap", "attribute": "maps"});
    let rating = json!({"kind": "difference", "attribute": "rating", "within": 100,
        "grow": {"by": 25, "every_ms": 1000, "limit": 400}});
    let queue = queue(json!({"rules": [rating, maps], "give_up_ms": 3_600_000}));
    let mut people = People::new(2);
    let mut pool = Pool::new(queue.clone(), 1);
    for key in 0..WAITING {
        let lone = people.lone(&queue, key, Time::ZERO);
        pool.insert(Time::ZERO, lone).expect("they have what the rules ask for");
    }
    let start = Instant::now();
    let (mut found, mut steps): (Vec<Found>, Vec<Duration>) = (Vec::new(), Vec::new());
    let (mut n_came, mut n_left, mut n_matched) = (0, 0, 0);
    let (mut coming_and_going, mut working, mut latest) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    while start.elapsed() < time {
        let passed = start.elapsed();
        let now = Time::after_start(passed);
        let due = (passed.as_secs_f64() * rate as f64) as u32;
        latest = latest.max(Duration::from_secs_f64(f64::from(due - n_came) / rate as f64));
        while n_came < due {
            // One comes, and one who has waited goes: one of those who fit nobody.
            let ticket = people.ticket(&queue, WAITING + n_came, now);
            let lone = people.lone(&queue, WAITING + n_came + (1 << 30), now);
            let begun = Instant::now();
            pool.insert(now, ticket).expect("there is none of its name");
            n_left += usize::from(pool.remove(TicketKey(n_came)));
            pool.insert(now, lone).expect("there is none of its name");
            coming_and_going += begun.elapsed();
            n_came += 1;
        }
        if pool.deadline().is_some_and(|at| at <= now) {
            let begun = Instant::now();
            pool.step(now, BUDGET, &mut found);
            steps.push(begun.elapsed());
            working += begun.elapsed();
            n_matched += 2 * found.len();
            found.clear();
        }
    }
    let passed = start.elapsed().as_secs_f64();
    steps.sort_unstable();
    let longest = steps.last().copied().unwrap_or_default();
    let p999 = steps.get(steps.len() * 999 / 1000).copied().unwrap_or_default();
    println!("| {WAITING} wait who fit nobody, others come and go | in {passed:.0} s |");
    println!("|---|---|");
    println!(
        "| came in a second, beside {rate} who take the place of one who leaves | {:.0} |",
        f64::from(n_came) / passed
    );
    println!("| left in a second | {:.0} |", n_left as f64 / passed);
    println!("| matched in a second | {:.0} |", n_matched as f64 / passed);
    println!(
        "| one coming, one going and one more coming, µs | {:.2} |",
        coming_and_going.as_secs_f64() * 1e6 / f64::from(n_came)
    );
    println!("| waves, share of the core, % | {:.1} |", 100.0 * working.as_secs_f64() / passed);
    println!("| slices, 99.9th percentile, ms | {:.2} |", p999.as_secs_f64() * 1e3);
    println!(
        "| – longest (with what took the core away), ms | {:.2} |",
        longest.as_secs_f64() * 1e3
    );
    println!(
        "| longest that somebody had to wait to come in, ms | {:.1} |",
        latest.as_secs_f64() * 1e3
    );
    p999 <= MAX_SLICE && n_matched as f64 > 0.9 * f64::from(n_came)
}

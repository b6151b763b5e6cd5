//! Runs the simulator: `--seeds N` fresh ones (default 20), or `--seed S` again, step by step with
//! `--trace`. Prints each seed with the hash of its trace; the same seed always gives the same.

use std::{
    hash::BuildHasher as _,
    io::Write as _,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use clap::{Arg, ArgAction, Command};
use parlor_tests::sim;

fn main() -> Result<ExitCode> {
    let options = Command::new("sim")
        .about("Random clients of several shards, in virtual time")
        .arg(Arg::new("seeds").long("seeds").value_name("N").help("fresh seeds to try"))
        .arg(Arg::new("seed").long("seed").value_name("S").help("one seed, again"))
        .arg(Arg::new("trace").long("trace").action(ArgAction::SetTrue).help("tell each step"))
        .get_matches();
    let number = |name: &str| -> Result<Option<u64>> {
        Ok(options.get_one::<String>(name).map(|text| text.parse()).transpose()?)
    };
    // A panic is a result like others here.
    std::panic::set_hook(Box::new(|_| {}));
    let seeds: Vec<u64> = match number("seed")? {
        Some(seed) => vec![seed],
        None => (0..number("seeds")?.unwrap_or(20)).map(fresh).collect(),
    };
    let n_failed = run_all(&seeds, options.get_flag("trace"));
    writeln!(std::io::stdout(), "{} passed, {n_failed} failed", seeds.len() - n_failed)?;
    Ok(if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs seeds on all cores, each on one thread; how many failed.
fn run_all(seeds: &[u64], is_told: bool) -> usize {
    let (next, n_failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let line = match sim::run(*seed, is_told) {
                Ok(trace) => format!("seed {seed}: {trace}"),
                Err(sim::Failure { broken, step, at }) => {
                    n_failed.fetch_add(1, Ordering::Relaxed);
                    format!(
                        "seed {seed}: FAILED at step {step}, {at:?}: {broken}\n  \
                         again: make sim SEED={seed}"
                    )
                }
            };
            // Who does not listen any more misses nothing.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    };
    std::thread::scope(|scope| {
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..n_threads.min(seeds.len()) {
            scope.spawn(work);
        }
    });
    n_failed.into_inner()
}

/// A seed that no run before had.
fn fresh(i: u64) -> u64 {
    std::hash::RandomState::new().hash_one(i) >> 32
}

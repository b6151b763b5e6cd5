//! Runs the simulator: `--seeds N` fresh ones (default 20), or `--seed S` again.
//! Prints each seed with the hash of its trace; the same seed always gives the same hash.

use std::{hash::BuildHasher as _, io::Write as _};

use anyhow::{Result, bail};
use clap::{Arg, Command};
use parlor_tests::sim::Sim;

/// Steps of one seed: some minutes of virtual time.
const N_STEPS: u32 = 3_000;

fn main() -> Result<()> {
    let options = Command::new("sim")
        .about("Random players in virtual time")
        .arg(Arg::new("seeds").long("seeds").value_name("N").help("fresh seeds to try"))
        .arg(Arg::new("seed").long("seed").value_name("S").help("one seed, again"))
        .get_matches();
    let number = |name: &str| -> Result<Option<u64>> {
        Ok(options.get_one::<String>(name).map(|text| text.parse()).transpose()?)
    };
    let seeds: Vec<u64> = match number("seed")? {
        Some(seed) => vec![seed],
        None => (0..number("seeds")?.unwrap_or(20)).map(fresh).collect(),
    };
    let (mut n_passed, mut n_failed) = (0, 0);
    for seed in seeds {
        let run = || Sim::new(seed).run(N_STEPS);
        let outcome = run().and_then(|first| {
            let again = run()?;
            if again == first {
                Ok(first)
            } else {
                Err("the same seed gave another trace".to_owned())
            }
        });
        let mut out = std::io::stdout();
        match outcome {
            Ok(trace) => {
                n_passed += 1;
                writeln!(out, "seed {seed}: {trace}")?;
            }
            Err(what) => {
                n_failed += 1;
                writeln!(out, "seed {seed}: FAILED: {what} (make sim SEED={seed})")?;
            }
        }
    }
    writeln!(std::io::stdout(), "{n_passed} passed, {n_failed} failed")?;
    if n_failed > 0 {
        bail!("{n_failed} seeds failed");
    }
    Ok(())
}

/// A seed that no run before had.
fn fresh(i: u64) -> u64 {
    std::hash::RandomState::new().hash_one(i) >> 32
}

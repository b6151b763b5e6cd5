//! Plants each fault of core's list in turn and lets the simulator look for it: within 300 seeds it
//! must find every one, most in the first five, and in 20 nothing where none is planted.
//! With names of faults as arguments: those alone.
//! Built apart from everything else, with the feature `planted-faults`: see the Makefile.

use std::{
    io::Write as _,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

use parlor_core::fault::{self, Fault};
use parlor_tests::sim;

/// The first seeds there are: a fault that they find today they find tomorrow.
const N_SEEDS: u64 = 300;
const N_SEEDS_OF_NONE: u64 = 20;

fn main() -> ExitCode {
    // A panic is a result like others here.
    std::panic::set_hook(Box::new(|_| {}));
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut n_wrong = 0;
    for planted in [None].into_iter().chain(Fault::ALL.map(Some)) {
        fault::plant(planted);
        let name = planted.map_or_else(|| "nothing".to_owned(), |fault| format!("{fault:?}"));
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        let n_seeds = if planted.is_some() { N_SEEDS } else { N_SEEDS_OF_NONE };
        let (is_right, what) = match (first_failure(n_seeds), planted) {
            (Some((seed, failure)), _) => {
                let what = format!("seed {seed}, step {}: {}", failure.step, failure.broken);
                (planted.is_some(), what.chars().take(160).collect())
            }
            (None, None) => (true, format!("nothing found in {n_seeds} seeds")),
            (None, Some(_)) => (false, "NOT FOUND".to_owned()),
        };
        n_wrong += usize::from(!is_right);
        let mark = if is_right { "" } else { "WRONG: " };
        // Who does not listen any more misses nothing.
        let _ = writeln!(std::io::stdout(), "{mark}{name:28} {what}");
    }
    let n = Fault::ALL.len();
    let _ = writeln!(std::io::stdout(), "{n} faults, {n_wrong} wrong");
    if n_wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the first seed finds that finds anything: always the same, on however many cores.
fn first_failure(n_seeds: u64) -> Option<(u64, sim::Failure)> {
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let look = || {
        let mut own = None;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed as u64 >= n_seeds || seed > found.load(Ordering::Relaxed) {
                return own;
            }
            if let Err(failure) = sim::run(seed as u64, false) {
                found.fetch_min(seed, Ordering::Relaxed);
                own = own.or(Some((seed as u64, failure)));
            }
        }
    };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(look)).collect();
        let found = threads.into_iter().filter_map(|thread| thread.join().ok().flatten());
        found.min_by_key(|(seed, _)| *seed)
    })
}

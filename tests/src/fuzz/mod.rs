//! What decodes bytes of the network, and the machines behind it, for any input at all: each
//! target takes bytes and panics if something does not hold.
//! `make fuzz TARGET=…` looks for such bytes; the seeds, and what was found with them, are run by
//! every `cargo test`, with mutations that are the same each time.

mod accounts;
mod bus;
mod choices;
mod client;
mod decoders;
mod http;
mod plain;
mod session;
mod world;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As `make fuzz` calls it; its seeds lie in the folder of this name.
    pub name: &'static str,
    /// Panics if something does not hold for these bytes.
    pub run: fn(&[u8]),
}

/// All of them. Those with a name of a protocol take what travels by it.
pub const TARGETS: [Target; 19] = [
    Target { name: "websocket", run: decoders::websocket },
    Target { name: "payload", run: decoders::payload },
    Target { name: "packet", run: decoders::packet },
    Target { name: "json", run: decoders::json },
    Target { name: "opening", run: http::opening },
    Target { name: "query", run: http::query },
    Target { name: "forwarded", run: http::forwarded },
    Target { name: "handshake", run: http::handshake },
    Target { name: "claim", run: decoders::claim },
    Target { name: "token", run: accounts::token },
    Target { name: "claims", run: accounts::claims },
    Target { name: "keys", run: accounts::keys },
    Target { name: "der", run: accounts::der },
    Target { name: "revoked", run: accounts::revoked },
    Target { name: "description", run: decoders::description },
    Target { name: "bus", run: bus::bus },
    Target { name: "client", run: client::client },
    Target { name: "session", run: session::session },
    Target { name: "world", run: world::world },
];

/// Runs the target of this name.
///
/// # Panics
/// If there is none, or something does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("one of the targets").run)(data);
}

/// The longest text that `data` begins with.
fn text(data: &[u8]) -> &str {
    match std::str::from_utf8(data) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&data[..error.valid_up_to()]).expect("so far it is"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        panic::{AssertUnwindSafe, catch_unwind},
        path::Path,
    };

    use super::*;

    /// Mutations of the seeds that each target is run with.
    const N_MUTATIONS: usize = 3000;
    /// Those of worlds, which live on for an hour each time.
    const N_WORLDS: usize = 150;

    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort_unstable();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// A generator that is the same on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % n.max(1)
        }
    }

    /// One to four mistakes in one seed.
    fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
        let mut data = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(data.len() + 1);
            let end = (at + random.below(9)).min(data.len());
            match random.below(8) {
                0 => data.insert(at, random.below(256) as u8),
                1 => drop(data.drain(at..end)),
                2 => data.truncate(at),
                3 => {
                    let part = data[at..end].to_vec();
                    data.splice(at..at, part);
                }
                4 => {
                    let other = &seeds[random.below(seeds.len())];
                    let tail = other[random.below(other.len() + 1)..].to_vec();
                    data.splice(at.., tail);
                }
                5 => {
                    let telling = b"\0\x01\x7f\x80\xff 0129-,:/\"\\[]{}%&=\r\n\x1e";
                    data.insert(at, telling[random.below(telling.len())]);
                }
                _ => {
                    if let Some(byte) = data.get_mut(at) {
                        *byte ^= 1 << random.below(8);
                    }
                }
            }
        }
        data
    }

    fn hold(target: Target) {
        let seeds = seeds(target.name);
        assert!(!seeds.is_empty());
        let mut random = Random(7);
        let n_mutations = if target.name == "world" { N_WORLDS } else { N_MUTATIONS };
        let mutations: Vec<_> = (0..n_mutations).map(|_| mutated(&seeds, &mut random)).collect();
        for data in seeds.iter().chain(&mutations) {
            let held = catch_unwind(AssertUnwindSafe(|| (target.run)(data)));
            assert!(held.is_ok(), "{}: b\"{}\"", target.name, data.escape_ascii());
        }
    }

    #[test]
    fn targets_hold_for_their_seeds_and_what_is_like_them() {
        std::thread::scope(|scope| {
            let threads = TARGETS.map(|target| (target, scope.spawn(move || hold(target))));
            for (target, thread) in threads {
                assert!(thread.join().is_ok(), "{}", target.name);
            }
        });
    }

    #[test]
    fn every_target_can_be_run_by_the_fuzzer() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{}", target.name);
        }
    }
}

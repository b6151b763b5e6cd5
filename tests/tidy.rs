//! The house rules that a program can check: headings, walls, licences, dead files, line lengths.
//! Formatting and lints are `make check`'s.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files of the repository, whether committed yet or not, by their path from its root.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    let all: BTreeSet<&str> = names.lines().filter(|name| root().join(name).exists()).collect();
    assert!(all.len() > 50, "git lists the repository's files");
    all.into_iter().map(str::to_owned).collect()
}

fn rust_files() -> Vec<String> {
    files().into_iter().filter(|name| name.ends_with(".rs")).collect()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_rust_file_says_in_its_first_line_what_it_owns() {
    let silent: Vec<String> =
        rust_files().into_iter().filter(|name| !read(name).starts_with("//! ")).collect();
    assert_none("files without a heading", &silent);
}

#[test]
fn no_line_is_longer_than_100_columns() {
    let mut long = Vec::new();
    for name in rust_files() {
        for (i, line) in read(&name).lines().enumerate() {
            if line.chars().count() > 100 {
                long.push(format!("{name}:{}", i + 1));
            }
        }
    }
    assert_none("long lines", &long);
}

/// Which of our packages, and which runtimes, a package must not depend on, even at a distance.
#[test]
fn imports_point_down() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let name_of = |id: &str| -> String {
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["id"] == id).unwrap();
        package["name"].as_str().unwrap().to_owned()
    };
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in nodes {
        let dependencies = node["deps"].as_array().unwrap().iter().filter(|dependency| {
            // Tests may look further; what is shipped may not.
            dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
        });
        let names = dependencies.map(|dep| name_of(dep["pkg"].as_str().unwrap())).collect();
        edges.insert(name_of(node["id"].as_str().unwrap()), names);
    }
    let reachable = |from: &str| -> BTreeSet<String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(name) = open.pop() {
            for next in &edges[&name] {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let runtimes = ["tokio", "mio", "hyper", "async-std", "smol", "getrandom", "rand", "chrono"];
    for (package, forbidden) in [
        ("parlor-shared", vec!["parlor-core", "parlor-server", "parlor-games"]),
        ("parlor-core", vec!["parlor-server", "parlor-games"]),
        ("parlor-games", vec!["parlor-server"]),
        ("parlor-client-demo", vec!["parlor-server", "parlor-core", "parlor-games", "tokio"]),
    ] {
        let reached = reachable(package);
        let pure = ["parlor-shared", "parlor-core", "parlor-games"].contains(&package);
        let forbidden = forbidden.into_iter().chain(runtimes.into_iter().filter(|_| pure));
        let found: Vec<String> =
            forbidden.filter(|name| reached.contains(*name)).map(str::to_owned).collect();
        assert_none(&format!("{package} must not depend on"), &found);
    }
}

/// In core, machines side by side do not know each other: only `world.rs` knows them all.
#[test]
fn machines_side_by_side_do_not_import_each_other() {
    let machines = ["engine_io", "socket_io", "lobby", "matchmaker", "views"];
    let mut found = Vec::new();
    for name in rust_files() {
        let Some(path) = name.strip_prefix("server/core/src/") else { continue };
        let Some(own) = machines.iter().find(|machine| path.starts_with(*machine)) else {
            continue;
        };
        let text = read(&name);
        for other in machines.iter().filter(|machine| *machine != own) {
            if imports_of(&text).iter().any(|import| import.starts_with(&format!("crate::{other}")))
            {
                found.push(format!("{name} imports {other}"));
            }
        }
    }
    assert_none("machines that know each other", &found);
}

/// The paths a file imports from its own crate, braces multiplied out one level.
fn imports_of(text: &str) -> Vec<String> {
    let mut imports = Vec::new();
    for statement in text.split("use ").skip(1) {
        let statement = statement.split(';').next().unwrap_or_default().replace(['\n', ' '], "");
        match statement.split_once("::{") {
            Some(("crate", tail)) => {
                imports.extend(tail.split(',').map(|part| format!("crate::{part}")));
            }
            _ => imports.push(statement),
        }
    }
    imports
}

#[test]
fn only_one_place_reads_the_clock_and_one_draws_chance() {
    let mut found = Vec::new();
    for name in rust_files() {
        let text = read(&name);
        let is_server = name.starts_with("server/src/");
        if is_server && name != "server/src/clock.rs" && text.contains("SystemTime::now") {
            found.push(format!("{name} reads the wall clock"));
        }
        if is_server && name != "server/src/clock.rs" && text.contains("std::time::Instant") {
            found.push(format!("{name} reads the clock"));
        }
        if is_server && name != "server/src/chance.rs" && text.contains("getrandom::") {
            found.push(format!("{name} draws chance"));
        }
    }
    assert_none("clock and chance outside their rooms", &found);
}

/// Every source file is reached by `mod` from its crate's root.
#[test]
fn no_module_is_dead() {
    let all: BTreeSet<String> = rust_files().into_iter().collect();
    let mut alive: BTreeSet<String> = BTreeSet::new();
    let roots = all.iter().filter(|name| {
        name.ends_with("build.rs")
            || name.ends_with("src/lib.rs")
            || name.ends_with("src/main.rs")
            || name.contains("/src/bin/")
            || name.contains("/examples/")
            || (name.contains("/tests/") && name.ends_with("/main.rs"))
            || (name.starts_with("tests/") && !name.starts_with("tests/src/"))
    });
    let mut open: Vec<String> = roots.cloned().collect();
    while let Some(name) = open.pop() {
        if !alive.insert(name.clone()) {
            continue;
        }
        let path = Path::new(&name);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let folder = match stem {
            "lib" | "main" | "mod" => path.parent().unwrap().to_owned(),
            _ if name.contains("/src/bin/") => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        for line in read(&name).lines() {
            let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let Some(module) = line.strip_prefix("mod ").and_then(|m| m.strip_suffix(';')) else {
                continue;
            };
            for candidate in [format!("{module}.rs"), format!("{module}/mod.rs")] {
                open.extend(all.get(folder.join(candidate).to_str().unwrap()).cloned());
            }
        }
    }
    let dead: Vec<String> = all.difference(&alive).cloned().collect();
    assert_none("files that no `mod` reaches", &dead);
}

#[test]
fn every_module_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let mut missing = Vec::new();
    for name in rust_files() {
        let in_a_package = ["shared/src/", "server/", "client-demo/src/", "tests/"];
        if !in_a_package.iter().any(|package| name.starts_with(package)) {
            continue;
        }
        let path = Path::new(&name);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        // A room is on the map by its folder; the files in it are its own matter.
        let word = if stem == "mod" {
            path.parent().unwrap().file_name().unwrap().to_str().unwrap()
        } else {
            stem
        };
        let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let is_known = map.contains(word) || map.contains(&format!("{folder}/"));
        if !is_known && !matches!(stem, "lib" | "main") {
            missing.push(name);
        }
    }
    assert_none("modules that ARCHITECTURE.md does not name", &missing);
}

/// Licences that go with MIT and Apache-2.0. A package passes if one of its alternatives does.
#[test]
fn every_dependency_has_a_licence_that_suits_ours() {
    const FINE: [&str; 12] = [
        "MIT",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "Unlicense",
        "BSL-1.0",
        "0BSD",
        "CC0-1.0",
    ];
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none").replace('/', " OR ");
        let licence = licence.replace(['(', ')'], "");
        // `A AND B` needs both; `A OR B` needs one.
        let suits = licence
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|licence| FINE.contains(&licence.trim())));
        if !suits {
            wrong.push(format!("{} ({licence})", package["name"]));
        }
    }
    assert_none("licences that do not suit", &wrong);
}

#[test]
fn nothing_committed_names_this_machine_or_a_registry() {
    let mut found = Vec::new();
    for name in files() {
        let Ok(text) = fs::read_to_string(root().join(&name)) else { continue };
        if name.ends_with("package-lock.json") && text.contains("\"resolved\": \"http") {
            found.push(format!("{name} holds download addresses"));
        }
        let is_text = [".rs", ".md", ".toml", ".py", ".mjs", ".ts", ".json", ".wire"]
            .iter()
            .any(|e| name.ends_with(e));
        let own = concat!("/wo", "rk/");
        if is_text && text.contains(own) {
            found.push(format!("{name} holds a path of this machine"));
        }
    }
    assert_none("what must not be committed", &found);
}

#[test]
fn the_readme_quotes_the_example_as_it_is_and_it_has_under_100_lines() {
    let example = read("server/examples/tictactoe.rs");
    assert!(read("README.md").contains(&format!("```rust\n{example}```\n")), "README.md is old");
    assert!(example.lines().count() < 100);
}

#[test]
fn the_sample_configuration_is_up_to_date() {
    let sample = parlor_server::Config::sample();
    assert_eq!(
        read("parlor.sample.toml"),
        sample,
        "run `cargo run --bin parlor -- config --sample > parlor.sample.toml`"
    );
}

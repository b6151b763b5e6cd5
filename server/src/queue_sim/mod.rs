//! `parlor queue-sim`: what a queue's rules would have done with a trace of tickets, recorded or
//! generated, in virtual time: waits, gaps, who went without, in words and pictures.
//! It is the same pool that the server runs; nobody accepts or declines here.

mod figures;
mod generate;
mod play;
mod plot;
mod trace;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use parlor_core::matchmaker::{
    TicketRecord,
    queue::{Queue, judge_all},
};
use parlor_server::Config;

/// Tickets of one trace: more do not fit into what a pool can name.
const MAX_ARRIVALS: usize = 10_000_000;

/// How a trace is written.
const FORMAT: &str = r#"Try a queue's rules on a trace of tickets, in virtual time.

A trace has one JSON object per line, in any order. A server writes one if `matchmaking.trace` names
a file.

  {"at_ms": 1200, "queue": "blitz", "leave_ms": 30000,
   "members": [{"player": "ada", "rating": 1710, "deviation": 60, "address": "a",
                "avoid": ["eve"], "latencies": {"eu": 30, "us": 110}}],
   "attributes": {"maps": ["lake", "hill"], "mode": "ranked"}}

Only `at_ms` and each member's `rating` are needed; without `queue` it is the first one; with
`leave_ms` the ticket is withdrawn after so long."#;

/// What it can be told on the command line.
pub(crate) fn command() -> Command {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name).long(name).default_value(default).help(help)
    };
    Command::new("queue-sim")
        .about("Try a queue's rules on a trace of tickets, in virtual time")
        .long_about(FORMAT)
        .arg(
            Arg::new("config")
                .long("config")
                .short('c')
                .env("PARLOR_CONFIG")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The TOML file whose [[matchmaking.queues]] are tried; none: the usual ones"),
        )
        .arg(
            Arg::new("trace")
                .long("trace")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .required_unless_present("generate")
                .conflicts_with("generate")
                .help("The trace"),
        )
        .arg(
            Arg::new("generate")
                .long("generate")
                .value_name("QUEUE")
                .help("Make one up for this queue"),
        )
        .arg(
            number("seed", "1", "What is made up comes from this number")
                .value_parser(value_parser!(u64)),
        )
        .arg(number("secs", "600", "So many seconds of it").value_parser(value_parser!(f64)))
        .arg(
            number("rate", "5", "Tickets that come in a second, by chance")
                .value_parser(value_parser!(f64)),
        )
        .arg(
            number("regions", "eu:5,us:3,as:2", "Regions and how many players have each for home")
                .value_name("NAME:SHARE,…"),
        )
        .arg(
            Arg::new("save")
                .long("save")
                .value_name("FILE")
                .requires("generate")
                .value_parser(value_parser!(PathBuf))
                .help("Write down what was made up"),
        )
        .arg(
            Arg::new("plots")
                .long("plots")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("Draw a PNG for each queue into it"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the figures as JSON, a line for each queue"),
        )
}

/// Does what it was told.
pub(crate) fn run(options: &ArgMatches) -> Result<()> {
    let queues = read_queues(options.get_one::<PathBuf>("config").map(PathBuf::as_path))?;
    let seed: u64 = *options.get_one("seed").context("it has a default")?;
    let arrivals = match options.get_one::<PathBuf>("trace") {
        Some(path) => read_trace(path)?,
        None => make_up(options, &queues, seed)?,
    };
    if let Some(path) = options.get_one::<PathBuf>("save") {
        let mut file = File::create(path).with_context(|| path.display().to_string())?;
        for arrival in &arrivals {
            writeln!(file, "{}", serde_json::to_string(arrival)?)?;
        }
    }
    let mut out = std::io::stdout().lock();
    for outcome in play::play(&queues, &arrivals, seed)? {
        let figures = figures::Figures::of(&outcome);
        if options.get_flag("json") {
            writeln!(out, "{}", serde_json::to_string(&figures)?)?;
        } else {
            writeln!(out, "{figures}")?;
        }
        if let Some(folder) = options.get_one::<PathBuf>("plots") {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            let path = folder.join(format!("{}.png", outcome.queue));
            let png = plot::draw(&outcome, &figures)?;
            std::fs::write(&path, png).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// What the configuration declares, or what it has if nothing is declared.
fn read_queues(path: Option<&Path>) -> Result<Vec<Arc<Queue>>> {
    let queues = Config::load(path, &BTreeMap::new(), &BTreeMap::new())?.matchmaking.queues;
    ensure!(!queues.is_empty(), "there are no [[matchmaking.queues]]");
    judge_all(&queues)?;
    Ok(queues.into_iter().map(Arc::new).collect())
}

fn read_trace(path: &Path) -> Result<Vec<TicketRecord>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut arrivals: Vec<TicketRecord> = Vec::new();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}:{}", path.display(), i + 1);
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let arrival: TicketRecord = serde_json::from_str(&line).with_context(place)?;
        ensure!(arrivals.len() < MAX_ARRIVALS, "{}: too many tickets", place());
        arrivals.push(arrival);
    }
    // A server writes tickets when they end, and counts from 1970.
    arrivals.sort_by_key(|arrival| arrival.at_ms);
    let first = arrivals.first().map_or(0, |arrival| arrival.at_ms);
    arrivals.iter_mut().for_each(|arrival| arrival.at_ms -= first);
    Ok(arrivals)
}

fn make_up(options: &ArgMatches, queues: &[Arc<Queue>], seed: u64) -> Result<Vec<TicketRecord>> {
    let name: &String = options.get_one("generate").context("clap asks for it")?;
    let queue = queues.iter().find(|queue| queue.name == *name);
    let queue = queue.with_context(|| format!("there is no queue `{name}`"))?;
    let number = |name: &str| -> Result<f64> {
        let number: f64 = *options.get_one(name).context("it has a default")?;
        ensure!(number.is_finite() && number > 0.0, "--{name} is more than 0");
        Ok(number)
    };
    let regions: &String = options.get_one("regions").context("it has a default")?;
    let (secs, rate) = (number("secs")?, number("rate")?);
    ensure!(secs * rate <= MAX_ARRIVALS as f64, "too many tickets: {:.0}", secs * rate);
    generate::generate(queue, seed, secs, rate, regions)
}

//! What `parlor-player` can be told on its command line.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, error::ErrorKind, value_parser};
use parlor_client_demo::client::Address;
use parlor_shared::api::lobby::Visibility;

/// The options, read and checked.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) server: Address,
    pub(crate) mode: Mode,
    pub(crate) name: String,
    /// Name of the second player of [`Mode::Both`].
    pub(crate) opponent: String,
    pub(crate) delay: Duration,
    pub(crate) seed: u64,
    pub(crate) quiet: bool,
}

/// What is to be played.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In a lobby of one's own, with whoever comes.
    Create(Visibility),
    /// In the lobby with this code.
    Join(String),
    /// Against a bot of the server's.
    AgainstBot,
    /// Both sides.
    Both(Visibility),
}

/// Reads the command line.
pub(crate) fn read() -> Result<Options, clap::Error> {
    parse(&command().get_matches())
}

fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("parlor-player")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Plays a game of chess on a Parlor server, with random legal moves")
        .args([
            Arg::new("server")
                .long("server")
                .value_name("URL")
                .default_value("http://127.0.0.1:3000")
                .value_parser(value_parser!(Address))
                .help("Where the server is"),
            Arg::new("path")
                .long("path")
                .value_name("PATH")
                .default_value("/socket.io/")
                .help("Where its Socket.IO answers"),
            flag("create").help("Open a lobby and play whoever joins it (the default)"),
            Arg::new("join").long("join").value_name("CODE").help("Join the lobby with this code"),
            flag("both").help("Play both sides: one player creates, a second joins"),
            flag("against-bot")
                .help("Play the computer: a bot of the server's takes the other seat"),
            flag("public")
                .conflicts_with_all(["join", "against-bot"])
                .help("Open a lobby that everybody can find"),
            Arg::new("name")
                .long("name")
                .value_name("NAME")
                .help("The player's name [default: Ada, or Grace when joining]"),
            Arg::new("delay-ms")
                .long("delay-ms")
                .value_name("MS")
                .default_value("0")
                .value_parser(value_parser!(u64).range(..=3_600_000))
                .help("Time to think before each move"),
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("Choose the moves from this seed, to play the same game again"),
            flag("quiet").short('q').help("Print the result only, and the code to join with"),
        ])
        .group(ArgGroup::new("mode").args(["create", "join", "both", "against-bot"]))
}

fn parse(given: &ArgMatches) -> Result<Options, clap::Error> {
    let text = |name: &str| given.get_one::<String>(name).cloned();
    let wrong = |error: &dyn std::fmt::Display| command().error(ErrorKind::ValueValidation, error);
    let server = given.get_one::<Address>("server").cloned().expect("it has a default");
    let path = text("path").expect("it has a default");
    let server = server.with_path(&path).map_err(|error| wrong(&error))?;
    let visibility =
        if given.get_flag("public") { Visibility::Public } else { Visibility::Private };
    let mode = match text("join") {
        Some(code) => Mode::Join(code),
        None if given.get_flag("both") => Mode::Both(visibility),
        None if given.get_flag("against-bot") => Mode::AgainstBot,
        None => Mode::Create(visibility),
    };
    let usual = if matches!(mode, Mode::Join(_)) { "Grace" } else { "Ada" };
    let name = text("name").unwrap_or_else(|| usual.to_owned());
    let opponent = if name == "Grace" { "Ada" } else { "Grace" }.to_owned();
    let seed = match given.get_one::<u64>("seed") {
        Some(seed) => *seed,
        // Short enough to be typed again.
        None => u64::from(getrandom::u32().map_err(|error| wrong(&error))?),
    };
    let delay_ms = given.get_one::<u64>("delay-ms").copied().unwrap_or(0);
    let (delay, quiet) = (Duration::from_millis(delay_ms), given.get_flag("quiet"));
    Ok(Options { server, mode, name, opponent, delay, seed, quiet })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, clap::Error> {
        let words = std::iter::once("parlor-player").chain(line.split_whitespace());
        command().try_get_matches_from(words).and_then(|given| parse(&given))
    }

    #[test]
    fn without_options_a_private_lobby_is_opened_on_this_machine() {
        let options = read("").unwrap();
        assert_eq!(options.server.to_string(), "http://127.0.0.1:3000");
        assert_eq!(options.server.path(), "/socket.io/");
        assert_eq!(options.mode, Mode::Create(Visibility::Private));
        assert_eq!((options.name.as_str(), options.delay), ("Ada", Duration::ZERO));
    }

    #[test]
    fn the_options_are_understood() {
        let options = read("--join bcdfg --seed 7 --delay-ms 20 --path /games -q").unwrap();
        assert_eq!(options.mode, Mode::Join("bcdfg".to_owned()));
        assert_eq!((options.name.as_str(), options.seed, options.quiet), ("Grace", 7, true));
        assert_eq!(options.server.path(), "/games/");
        assert_eq!(read("--both --public").unwrap().mode, Mode::Both(Visibility::Public));
        assert_eq!(read("--against-bot").unwrap().mode, Mode::AgainstBot);
        let named = read("--both --name Grace").unwrap();
        assert_eq!((named.name.as_str(), named.opponent.as_str()), ("Grace", "Ada"));
    }

    #[test]
    fn what_contradicts_itself_or_makes_no_sense_is_refused() {
        for line in [
            "--join BCDFG --both",
            "--join BCDFG --public",
            "--create --both",
            "--against-bot --both",
            "--against-bot --public",
            "--join",
            "--seed x",
            "--delay-ms -1",
            "--delay-ms 3600001",
            "--server localhost:3000",
            "--server https://play.example",
            "--server http://a/lobby",
            "--path /a?b",
            "--unknown",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}

//! The binary `parlor-player`: plays a game of chess on a Parlor at random, alone against somebody,
//! against a bot of the server's, or both sides at once.
//! How a match is played is the library's part; this reads options, prints, and gives advice.

mod advice;
mod options;
mod report;

use std::{process::ExitCode, thread, time::Duration};

use parlor_client_demo::{
    Random,
    client::Limits,
    lobby::LobbySocket,
    player::{Finish, Pace, PlayError, Player},
};
use parlor_shared::api::lobby::Visibility;

use options::{Mode, Options};
use report::Report;

/// Between two players in one process nothing takes longer.
const PATIENCE_WITH_ONESELF: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let options = match options::read() {
        Ok(options) => options,
        Err(error) => error.exit(),
    };
    let mut report = Report::new(options.quiet);
    let played = match &options.mode {
        Mode::Create(visibility) => create(&options, *visibility, &mut report),
        Mode::Join(code) => join(&options, code, &mut report),
        Mode::AgainstBot => against_bot(&options, &mut report),
        Mode::Both(visibility) => both(&options, *visibility, &mut report),
    };
    match played {
        Ok(finish) => {
            report.result(&finish);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report.end_line();
            eprintln!("parlor-player: {error}");
            if let Some(advice) = advice::on(&error) {
                eprintln!("{advice}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Opens a lobby, says its code, and plays whoever comes.
fn create(
    options: &Options,
    visibility: Visibility,
    report: &mut Report,
) -> Result<Finish, PlayError> {
    let pace = Pace { delay: options.delay, patience: None };
    let random = Random::seeded(options.seed);
    let player = Player::create(dial(options)?, &options.name, visibility, random, pace)?;
    report.invitation(&options.server, player.code());
    player.play(&mut |scene| report.scene(scene))
}

/// Joins a lobby by its code and plays who waits there.
fn join(options: &Options, code: &str, report: &mut Report) -> Result<Finish, PlayError> {
    let pace = Pace { delay: options.delay, patience: None };
    let random = Random::seeded(options.seed);
    let player = Player::join(dial(options)?, &options.name, code, random, pace)?;
    player.play(&mut |scene| report.scene(scene))
}

/// Plays the computer, and nobody has to come.
fn against_bot(options: &Options, report: &mut Report) -> Result<Finish, PlayError> {
    let pace = Pace { delay: options.delay, patience: None };
    let random = Random::seeded(options.seed);
    let player = Player::against_bot(dial(options)?, &options.name, random, pace)?;
    player.play(&mut |scene| report.scene(scene))
}

/// Plays both sides: two players with a connection each. They meet here, so that what keeps them
/// apart is known at once, and play in two threads.
fn both(
    options: &Options,
    visibility: Visibility,
    report: &mut Report,
) -> Result<Finish, PlayError> {
    let pace = Pace { delay: options.delay, patience: Some(options.delay + PATIENCE_WITH_ONESELF) };
    let random = Random::seeded(options.seed);
    let host = Player::create(dial(options)?, &options.name, visibility, random, pace)?;
    report.meeting(&options.server, host.code(), options.seed);
    let random = Random::seeded(options.seed.wrapping_add(1));
    let guest = Player::join(dial(options)?, &options.opponent, host.code(), random, pace)?;
    thread::scope(|scope| {
        let guest = scope.spawn(move || guest.play(&mut |_| ()));
        let played = host.play(&mut |scene| report.scene(scene));
        match (played, guest.join().expect("the guest does not panic")) {
            // Who only waited in vain for the other has less to tell.
            (Err(PlayError::Patience(_)) | Ok(_), Err(error)) => Err(error),
            (played, _) => played,
        }
    })
}

fn dial(options: &Options) -> Result<LobbySocket, PlayError> {
    Ok(LobbySocket::open(&options.server, Limits::default())?)
}

//! Wire scripts (`tests/wire/*.wire`): what each side says and when, written down once and played
//! against real sessions in memory, in virtual time, and against a real server over TCP.
//! How a script reads is told in `tests/wire/README.md`.
//!
//! ```text
//!  script ──► Story ──► player ──► Net ┬─ memory: Session and World, time jumps
//!             (steps)   (clients)      └─ tcp: Server on a free port
//! ```

mod frame;
mod memory;
mod player;
mod script;
mod tcp;
mod text;

use std::{
    fmt, fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use parlor_core::engine_io::{Settings as Session, Transport};

pub use script::Script;
use script::Story;
use text::readable;

/// Stories played at the same time over TCP: most of their time is waiting.
const N_THREADS: usize = 8;

/// What a script is played against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// Sessions and a world in virtual time: what is due at 300 ms comes at 300, not at 299.
    Memory,
    /// A server on a free port: what is due at 300 ms does not come earlier.
    Tcp {
        /// Threads that own sessions.
        shards: u16,
    },
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory"),
            Self::Tcp { shards } => write!(f, "over TCP, shards: {shards}"),
        }
    }
}

/// Timers and limits of one story.
#[derive(Debug, Clone)]
struct Settings {
    session: Session,
    connect_timeout: Duration,
}

/// A connection that a client made: one HTTP request, or one WebSocket.
type Line = usize;

/// An HTTP request.
#[derive(Debug)]
struct Request {
    method: String,
    sid: Option<String>,
    /// Instead of the usual one.
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// False: more of the body is announced than is sent.
    is_whole: bool,
}

/// How a client lets go of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// It says that it sends no more.
    HangUp,
    /// It is gone.
    Reset,
}

/// What a client got.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Came {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, Vec<u8>),
    /// Status and body.
    Answer(u16, Vec<u8>),
    /// The connection is over.
    End,
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&readable(text)),
            Self::Bytes(bytes) => {
                f.write_str("BYTES")?;
                bytes.iter().take(100).try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            Self::Ping(payload) => write!(f, "PING {}", readable(payload)),
            Self::Pong(payload) => write!(f, "PONG {}", readable(payload)),
            Self::Close(None, _) => f.write_str("CLOSE"),
            Self::Close(Some(code), words) => write!(f, "CLOSE {code} {}", readable(words)),
            Self::Answer(status, body) => write!(f, "answer {status} {}", readable(body)),
            Self::End => f.write_str("the end of the connection"),
        }
    }
}

/// Something a client got, and when: time since the story began.
type Arrived = (Duration, Came);

/// What stands between the clients of a story and the sessions.
trait Net {
    /// True if time is virtual: things come when they are due, not only no earlier.
    fn is_exact(&self) -> bool;

    /// Begins an HTTP request.
    fn request(&mut self, request: Request) -> Result<Line>;

    /// Opens a WebSocket: of a session of its own, or (with a sid) to take over another.
    fn websocket(&mut self, sid: Option<&str>) -> Result<Line>;

    /// Writes to a WebSocket.
    fn write(&mut self, line: Line, bytes: &[u8]) -> Result<()>;

    /// Ends a connection from the client's side.
    fn lose(&mut self, line: Line, loss: Loss) -> Result<()>;

    /// Whether the client takes bytes from a WebSocket.
    fn set_reading(&mut self, line: Line, reads: bool) -> Result<()>;

    /// What comes next; `None` if nothing comes until then (in virtual time), or within a
    /// deadline that is none of the story's (in real time).
    fn receive(&mut self, line: Line, until: Duration) -> Result<Option<Arrived>>;

    /// Takes back something that was received, to be received again.
    fn put_back(&mut self, line: Line, arrived: Arrived);

    /// When the session ended, which must be for this reason.
    fn ended(&mut self, sid: &str, reason: &str, until: Duration) -> Result<Duration>;

    /// Time passes; nobody may get anything.
    fn pass(&mut self, until: Duration) -> Result<()>;

    /// The story is over: nothing may be left that it did not tell.
    fn finish(&mut self) -> Result<()>;
}

/// All scripts, in order of their names. With `WIRE` in the environment, those whose name contains
/// it.
///
/// # Errors
/// File, line and what cannot be read there.
pub fn scripts() -> Result<Vec<Script>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wire");
    let wanted = std::env::var("WIRE").unwrap_or_default();
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.strip_suffix(".wire").is_some_and(|stem| stem.contains(&wanted)) {
            names.push(name);
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "no script matches `{wanted}`");
    let read = |name: &String| {
        let text = fs::read_to_string(folder.join(name)).with_context(|| name.clone())?;
        Script::parse(&format!("tests/wire/{name}"), &text)
    };
    names.iter().map(read).collect()
}

/// Plays every story; how many plays there were.
///
/// # Errors
/// All that went wrong: file, line, what was expected and what came.
pub fn play(scripts: &[Script], runner: Runner) -> Result<usize, String> {
    let plays: Vec<(&Script, &Story, Transport)> = scripts
        .iter()
        .flat_map(|script| script.stories.iter().map(move |story| (script, story)))
        .filter(|(_, story)| story.is_for(runner))
        .flat_map(|(script, story)| story.transports().iter().map(move |by| (script, story, *by)))
        .collect();
    let n_threads = if runner == Runner::Memory { 1 } else { N_THREADS };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = Vec::new();
        while let Some((script, story, by)) = plays.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = play_one(story, *by, runner) {
                failures.push(format!("{}:{failure}", script.file));
            }
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        let crashed = |_| vec!["a thread of the runner panicked".to_owned()];
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(crashed)).collect()
    });
    if failures.is_empty() { Ok(plays.len()) } else { Err(failures.join("\n")) }
}

fn play_one(story: &Story, by: Transport, runner: Runner) -> Result<(), String> {
    let played = match runner {
        Runner::Memory => player::play(story, by, &mut memory::Memory::new(story)),
        Runner::Tcp { shards } => tcp::Tcp::start(story, shards)
            .map_err(|error| (story.line, format!("the server did not start: {error:#}")))
            .and_then(|mut tcp| player::play(story, by, &mut tcp)),
    };
    let by = by.as_str();
    played.map_err(|(line, what)| format!("{line}: {runner}, by {by}: {}\n{what}", story.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of shards that servers of the scripts have.
    const SHARDS: &[u16] = &[1, 3];

    fn check(runner: Runner) {
        let scripts = scripts().unwrap_or_else(|error| panic!("{error:#}"));
        let n_plays = play(&scripts, runner).unwrap_or_else(|failures| panic!("\n{failures}"));
        assert!(n_plays > 0);
    }

    #[test]
    fn all_scripts_hold_in_memory() {
        check(Runner::Memory);
    }

    #[test]
    fn all_scripts_hold_over_tcp() {
        for shards in SHARDS {
            check(Runner::Tcp { shards: *shards });
        }
    }

    #[test]
    fn a_script_that_does_not_hold_says_where_and_what_came_instead() {
        let script = "# One that is wrong.\n\napp engine\n\nstory Nothing echoes\n\
                      open websocket\n> 4a\n< 4b\n";
        let script = [Script::parse("x.wire", script).unwrap()];
        for runner in [Runner::Memory, Runner::Tcp { shards: 1 }] {
            let failure = play(&script, runner).unwrap_err();
            assert!(failure.starts_with("x.wire:8: "), "{failure}");
            assert!(failure.contains("< 4b") && failure.contains("came: 4a"), "{failure}");
        }
    }
}

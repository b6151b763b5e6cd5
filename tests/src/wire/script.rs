//! A script as it is read: stories, and the steps of each.
//! What a step does is the player's matter; `tests/wire/README.md` tells the format.

mod step;

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use parlor_core::engine_io::Transport;

use self::step::split_word;
pub(super) use self::step::{Act, Expect, Of, Post, Send, Step};
use super::{Runner, Settings};
use crate::app::{self, App};

/// One file.
#[derive(Debug)]
pub struct Script {
    /// Its path from the repository's root.
    pub(super) file: String,
    pub(super) stories: Vec<Story>,
}

#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) app: App,
    pub(super) settings: Settings,
    only: Option<Only>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    Memory,
    Tcp,
}

impl Script {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The line that cannot be read, and why.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        ensure!(text.starts_with("# "), "{file}:1: a script begins with `# ` and what it is about");
        let mut defaults = Story {
            name: String::new(),
            line: 0,
            app: App::Socket,
            settings: Settings::default(),
            only: None,
            steps: Vec::new(),
        };
        let mut stories: Vec<Story> = Vec::new();
        for (i, source) in text.lines().enumerate() {
            let line = i + 1;
            let source = source.trim();
            if source.is_empty() || source.starts_with('#') {
                continue;
            }
            if let Some(name) = source.strip_prefix("story ") {
                stories.push(Story { name: name.to_owned(), line, ..defaults.clone() });
                continue;
            }
            let read = match stories.last_mut() {
                Some(story) => story.read(line, source),
                None => defaults.set(source).and_then(|known| {
                    ensure!(known, "only `app`, `with` and `only` stand before the first story");
                    Ok(())
                }),
            };
            read.with_context(|| format!("{file}:{line}: {source}"))?;
        }
        for story in &stories {
            ensure!(!story.steps.is_empty(), "{file}:{}: a story without steps", story.line);
        }
        ensure!(!stories.is_empty(), "{file}: no story");
        Ok(Self { file: file.to_owned(), stories })
    }
}

impl Story {
    pub(super) fn is_for(&self, runner: Runner) -> bool {
        match self.only {
            None => true,
            Some(only) => (only == Only::Memory) == (runner == Runner::Memory),
        }
    }

    /// Transports by which it is played.
    pub(super) fn transports(&self) -> &'static [Transport] {
        let mut opened = self.steps.iter().filter_map(|step| match step.act {
            Act::Open(by) => Some(by),
            _ => None,
        });
        match (opened.clone().any(|by| by.is_none()), opened.next()) {
            (true, _) => &[Transport::Polling, Transport::WebSocket],
            (false, Some(Some(Transport::WebSocket))) => &[Transport::WebSocket],
            (false, _) => &[Transport::Polling],
        }
    }

    /// Takes a line that says something about the whole story; false if it is none.
    fn set(&mut self, source: &str) -> Result<bool> {
        let (word, rest) = split_word(source);
        match (word, rest) {
            ("app", "engine") => self.app = App::Engine,
            ("app", "socket") => self.app = App::Socket,
            ("app", _) => bail!("there are `engine` and `socket`"),
            ("only", "memory") => self.only = Some(Only::Memory),
            ("only", "tcp") => self.only = Some(Only::Tcp),
            ("only", _) => bail!("there are `memory` and `tcp`"),
            ("with", rest) => {
                for pair in rest.split_whitespace() {
                    let (name, value) = pair.split_once('=').context("`with name=number`")?;
                    self.settings.set(name, value.parse().context("`with name=number`")?)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read(&mut self, line: usize, source: &str) -> Result<()> {
        if self.set(source)? {
            ensure!(self.steps.is_empty(), "this stands before the first step");
            return Ok(());
        }
        let (client, rest) = match source.split_once(": ") {
            Some((name, rest)) if name.len() == 1 && name.as_bytes()[0].is_ascii_lowercase() => {
                (char::from(name.as_bytes()[0]), rest)
            }
            _ => ('a', source),
        };
        let (at, rest) = match rest.strip_prefix("at ") {
            Some(rest) => {
                let (ms, rest) = split_word(rest);
                (Some(Duration::from_millis(ms.parse().context("`at` wants milliseconds")?)), rest)
            }
            None => (None, rest),
        };
        let act = Act::parse(rest)?;
        if at.is_some() && !matches!(act, Act::Expect(_) | Act::Ended(_)) {
            ensure!(
                self.only == Some(Only::Memory),
                "a client that acts by the clock stands in a story `only memory`: over TCP it may \
                 be late"
            );
        }
        self.steps.push(Step { line, source: source.to_owned(), client, at, act });
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        let config = app::config();
        Self {
            session: Default::default(),
            connect_timeout: Duration::from_millis(config.engine.connect_timeout_ms),
        }
    }
}

impl Settings {
    fn set(&mut self, name: &str, value: u64) -> Result<()> {
        let ms = Duration::from_millis(value);
        let bytes = usize::try_from(value)?;
        match name {
            "ping-interval" => self.session.ping_interval = ms,
            "ping-timeout" => self.session.ping_timeout = ms,
            "upgrade-timeout" => self.session.upgrade_timeout = ms,
            "connect-timeout" => self.connect_timeout = ms,
            "write-stall-timeout" => self.session.write_stall_timeout = ms,
            "max-payload" => self.session.max_payload = bytes,
            "max-queue-bytes" => self.session.max_queue_bytes = bytes,
            "max-burst-bytes" => self.session.max_burst_bytes = bytes,
            _ => bail!("there is no setting `{name}`"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, line) in [
            ("story x\n", 1),
            ("# x\nwrong\n", 2),
            ("# x\nstory x\nopen sesame\n", 3),
            ("# x\nstory x\nopen polling\n> GETS\n", 4),
            ("# x\nstory x\nopen polling\nat 5 > 3\n", 4),
            ("# x\nstory x\nwith ping=3\n", 3),
            ("# x\nstory x\nopen polling\nended badly\n", 4),
            ("# x\nstory x\n", 2),
        ] {
            let error = Script::parse("x.wire", text).map(|_| ()).expect_err(text);
            assert!(error.to_string().starts_with(&format!("x.wire:{line}: ")), "{error}");
        }
    }
}

//! The steps of a story: who does what, or gets what.
//! What a step does is the player's matter.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use parlor_core::{close::CloseReason, engine_io::Transport};

use crate::wire::{
    Loss,
    frame::{self, Head},
    text::{Names, Text},
};

#[derive(Debug, Clone)]
pub(in crate::wire) struct Step {
    pub(in crate::wire) line: usize,
    /// As it is written.
    pub(in crate::wire) source: String,
    /// `a` to `z`.
    pub(in crate::wire) client: char,
    /// Since the story began.
    pub(in crate::wire) at: Option<Duration>,
    pub(in crate::wire) act: Act,
}

#[derive(Debug, Clone)]
pub(in crate::wire) enum Act {
    /// Opens a session, by the transport of the play unless one is given.
    Open(Option<Transport>),
    /// Joins the main namespace.
    Join,
    /// A GET that waits, if the client polls.
    Poll,
    Send(Send),
    Expect(Expect),
    /// The session ended for this reason.
    Ended(String),
}

#[derive(Debug, Clone)]
pub(in crate::wire) enum Send {
    /// Packets, by the session's transport.
    Packets(Text),
    /// A binary message, by the session's transport.
    Bytes(Vec<u8>),
    /// Packets by the WebSocket, whether it is the session's transport yet or not.
    WebSocketPackets(Text),
    Get(Option<Text>),
    Post(Post),
    /// Any other request: method and query.
    Http(String, Text),
    WebSocket,
    /// A WebSocket that is to take over the session of this id, or the client's own.
    Upgrade(Option<Text>),
    Ping(Text),
    /// So many pings at once.
    Pings(usize, Text),
    Pong(Text),
    Close(Option<u16>, Text),
    Frame(Head, Text),
    Lose(Of, Loss),
    /// The client takes no more bytes of its WebSocket, or does again.
    Reading(bool),
}

#[derive(Debug, Clone)]
pub(in crate::wire) struct Post {
    pub(in crate::wire) sid: Option<Text>,
    pub(in crate::wire) headers: Vec<(String, String)>,
    pub(in crate::wire) body: Text,
    pub(in crate::wire) is_whole: bool,
}

#[derive(Debug, Clone)]
pub(in crate::wire) enum Expect {
    Packets(Text),
    Bytes(Vec<u8>),
    WebSocketPackets(Text),
    /// The answer of a request: status and body.
    Answer(Of, u16, Text),
    Pong(Text),
    Close(Option<u16>, Text),
    /// The last word by the session's transport: `1`, or a close frame with this code.
    GoodBye(Option<u16>, Text),
    End,
}

/// One of a client's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wire) enum Of {
    Get,
    Post,
    Http,
    WebSocket,
}

impl Act {
    pub(super) fn parse(source: &str) -> Result<Self> {
        let (word, rest) = split_word(source);
        Ok(match (word, rest) {
            (">", rest) => Self::Send(Send::parse(rest)?),
            ("<", rest) => Self::Expect(Expect::parse(rest)?),
            ("open", "either") => Self::Open(None),
            ("open", "polling") => Self::Open(Some(Transport::Polling)),
            ("open", "websocket") => Self::Open(Some(Transport::WebSocket)),
            ("join", "") => Self::Join,
            ("poll", "") => Self::Poll,
            ("ended", reason) => {
                let known = CloseReason::ALL.iter().any(|known| known.as_str() == reason);
                ensure!(known, "there is no reason `{reason}`");
                Self::Ended(reason.to_owned())
            }
            _ => bail!("a step is `>`, `<`, `open`, `join`, `poll` or `ended`"),
        })
    }
}

impl Send {
    fn parse(source: &str) -> Result<Self> {
        let (word, rest) = split_word(source);
        Ok(match word {
            "GET" => match split_sid(rest)? {
                (sid, "") => Self::Get(sid),
                _ => bail!("`> GET [sid=…]`"),
            },
            "POST" => Self::Post(Post::parse(rest, true)?),
            "POST-BEGIN" => Self::Post(Post::parse(rest, false)?),
            "HTTP" => {
                let (method, query) = split_word(rest);
                Self::Http(method.to_owned(), Text::parse(query)?)
            }
            "WEBSOCKET" => Self::WebSocket,
            "UPGRADE" => Self::Upgrade(split_sid(rest)?.0),
            "WS" => Self::WebSocketPackets(Text::parse(rest)?),
            "BYTES" => Self::Bytes(bytes(rest)?),
            "PING" => Self::Ping(Text::parse(rest)?),
            "PINGS" => {
                let (n, rest) = split_word(rest);
                Self::Pings(n.parse().context("`> PINGS n …`")?, Text::parse(rest)?)
            }
            "PONG" => Self::Pong(Text::parse(rest)?),
            "CLOSE" => {
                let (code, words) = close(rest)?;
                Self::Close(code, words)
            }
            "FRAME" => frame(rest)?,
            "HANG-UP" => Self::Lose(of(rest)?, Loss::HangUp),
            "RESET" => Self::Lose(of(rest)?, Loss::Reset),
            "STALL" => Self::Reading(false),
            "READ" => Self::Reading(true),
            _ => Self::Packets(Text::parse(no_shouting(word, source)?)?),
        })
    }
}

impl Post {
    fn parse(source: &str, is_whole: bool) -> Result<Self> {
        let (sid, mut rest) = split_sid(source)?;
        let mut headers = Vec::new();
        while let Some(header) = rest.strip_prefix("header=") {
            let (header, after) = split_word(header);
            let (name, value) = header.split_once(':').context("`header=name:value`")?;
            headers.push((name.to_owned(), value.to_owned()));
            rest = after;
        }
        Ok(Self { sid, headers, body: Text::parse(rest)?, is_whole })
    }
}

impl Expect {
    fn parse(source: &str) -> Result<Self> {
        let (word, rest) = split_word(source);
        let answer = |of| -> Result<Self> {
            let (status, body) = split_word(rest);
            Ok(Self::Answer(of, status.parse().context("a status")?, Text::parse(body)?))
        };
        Ok(match word {
            "GET" => answer(Of::Get)?,
            "POST" => answer(Of::Post)?,
            "HTTP" => answer(Of::Http)?,
            "UPGRADE" => answer(Of::WebSocket)?,
            "WS" => Self::WebSocketPackets(Text::parse(rest)?),
            "BYTES" => Self::Bytes(bytes(rest)?),
            "PONG" => Self::Pong(Text::parse(rest)?),
            "CLOSE" => {
                let (code, words) = close(rest)?;
                Self::Close(code, words)
            }
            "GOOD-BYE" => {
                let (code, words) = close(rest)?;
                Self::GoodBye(code, words)
            }
            "END" => Self::End,
            _ => Self::Packets(Text::parse(no_shouting(word, source)?)?),
        })
    }
}

/// The first word, and what follows it.
pub(super) fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn split_sid(text: &str) -> Result<(Option<Text>, &str)> {
    match text.strip_prefix("sid=") {
        Some(rest) => {
            let (sid, rest) = split_word(rest);
            Ok((Some(Text::parse(sid)?), rest))
        }
        None => Ok((None, text)),
    }
}

/// Words of capital letters are the script's; no packet begins with one.
fn no_shouting<'a>(word: &str, source: &'a str) -> Result<&'a str> {
    let is_loud = word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    ensure!(!is_loud, "`{word}` is not known here");
    Ok(source)
}

/// `01 ff`, in which only repetitions mean anything else.
fn bytes(text: &str) -> Result<Vec<u8>> {
    let text = String::from_utf8(Text::parse(text)?.fill(&Names::new())?)?;
    let byte = |digits| u8::from_str_radix(digits, 16).with_context(|| format!("byte `{digits}`"));
    text.split_whitespace().map(byte).collect()
}

/// `[code [words]]`
fn close(text: &str) -> Result<(Option<u16>, Text)> {
    let (code, words) = split_word(text);
    let code = if code.is_empty() { None } else { Some(code.parse().context("a close code")?) };
    Ok((code, Text::parse(words)?))
}

fn of(text: &str) -> Result<Of> {
    Ok(match text {
        "GET" => Of::Get,
        "POST" => Of::Post,
        "" => Of::WebSocket,
        _ => bail!("there are `GET`, `POST`, and nothing for the WebSocket"),
    })
}

/// `[unmasked] [reserved] [more] <opcode>: payload`
fn frame(text: &str) -> Result<Send> {
    let (words, payload) = text.split_once(':').context("`> FRAME words: payload`")?;
    let mut head = Head::of(0);
    for word in words.split_whitespace() {
        match word {
            "unmasked" => head.is_masked = false,
            "reserved" => head.has_reserved_bit = true,
            "more" => head.is_final = false,
            "continuation" => head.opcode = 0,
            "text" => head.opcode = frame::TEXT,
            "binary" => head.opcode = frame::BINARY,
            "close" => head.opcode = frame::CLOSE,
            "ping" => head.opcode = frame::PING,
            "pong" => head.opcode = frame::PONG,
            other => {
                let number = other.strip_prefix("op").and_then(|number| number.parse().ok());
                let number = number.filter(|number| *number < 16);
                head.opcode = number.with_context(|| format!("`{other}` is no word of a frame"))?;
            }
        }
    }
    Ok(Send::Frame(head, Text::parse(payload.trim_start())?))
}

//! Plays a story: its clients, what each of them holds in hand, and whether what comes is what is
//! expected. How things travel, and how time passes, is the [`Net`]'s part.

mod expectations;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Display,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use parlor_core::engine_io::Transport;

use super::{
    Arrived, Came, Line, Net, Request,
    frame::{self, Head},
    script::{Act, Of, Post, Send, Step, Story},
    text::{Names, Text},
};

/// The line of the story that did not hold, and what came instead.
pub(super) type Failure = (usize, String);

/// Plays all steps, and sees that nothing is left over.
pub(super) fn play(story: &Story, by: Transport, net: &mut dyn Net) -> Result<(), Failure> {
    let mut player = Player {
        net,
        story,
        by,
        names: Names::new(),
        clients: BTreeMap::new(),
        now: Duration::ZERO,
    };
    for step in &story.steps {
        let played = player.step(step);
        played.map_err(|error| (step.line, format!("    {}\n    {error:#}", step.source)))?;
    }
    player.finish().map_err(|error| (story.line, format!("    at the end: {error:#}")))
}

struct Player<'p> {
    net: &'p mut dyn Net,
    story: &'p Story,
    by: Transport,
    names: Names,
    clients: BTreeMap<char, Client>,
    /// When the last thing expected at a time came.
    now: Duration,
}

/// A client and its connections.
#[derive(Debug, Default)]
struct Client {
    gets: Vec<Line>,
    posts: Vec<Line>,
    http: Vec<Line>,
    websocket: Option<Line>,
    /// The WebSocket is the session's transport.
    is_by_websocket: bool,
    /// Packets that a GET brought, and nobody has looked at yet.
    packets: VecDeque<Arrived>,
}

impl Player<'_> {
    fn step(&mut self, step: &Step) -> Result<()> {
        self.clients.entry(step.client).or_default();
        let name = step.client;
        match &step.act {
            Act::Expect(expect) => return self.expect(name, step.at, expect),
            Act::Ended(reason) => return self.ended(name, step.at, reason),
            Act::Open(_) | Act::Join | Act::Poll | Act::Send(_) => {}
        }
        if let Some(at) = step.at {
            self.net.pass(at)?;
            self.now = at;
        }
        match &step.act {
            Act::Open(by) => self.open(name, by.unwrap_or(self.by)),
            Act::Join => self.join(name),
            Act::Poll if self.client(name).is_by_websocket => Ok(()),
            Act::Poll => self.get(name, None),
            Act::Send(send) => self.send(name, send),
            Act::Expect(_) | Act::Ended(_) => Ok(()),
        }
    }

    fn client(&mut self, name: char) -> &mut Client {
        self.clients.entry(name).or_default()
    }

    fn finish(&mut self) -> Result<()> {
        for (name, client) in &self.clients {
            if let Some((_, came)) = client.packets.front() {
                bail!("{name} also got: {came}");
            }
        }
        self.net.finish()
    }

    // ---- what clients do -----------------------------------------------------------------------

    fn open(&mut self, name: char, by: Transport) -> Result<()> {
        let settings = &self.story.settings.session;
        let is_polling = by == Transport::Polling;
        let upgrades = if is_polling { r#""websocket""# } else { "" };
        let timers = format!(
            r#""pingInterval":{},"pingTimeout":{},"maxPayload":{}"#,
            settings.ping_interval.as_millis(),
            settings.ping_timeout.as_millis(),
            settings.max_payload,
        );
        let greeting = format!(r#"0{{"sid":"${name}.sid","upgrades":[{upgrades}],{timers}}}"#);
        self.send(name, &if is_polling { Send::Get(None) } else { Send::WebSocket })?;
        self.expect_packets(name, None, &Text::parse(&greeting)?)
    }

    fn join(&mut self, name: char) -> Result<()> {
        let welcome = format!(r#"40{{"sid":"${name}.id"}}\x1e42["auth",{{}}]"#);
        self.send(name, &Send::Packets(Text::parse("40")?))?;
        self.expect_packets(name, None, &Text::parse(&welcome)?)
    }

    fn send(&mut self, name: char, send: &Send) -> Result<()> {
        match send {
            Send::Packets(packets) if self.client(name).is_by_websocket => {
                self.send_frames(name, packets)
            }
            Send::Packets(packets) => {
                let body = packets.fill(&self.names)?;
                self.post_and_wait(name, body)
            }
            Send::Bytes(bytes) if self.client(name).is_by_websocket => {
                self.write(name, &Head::of(frame::BINARY).frame(bytes))
            }
            Send::Bytes(bytes) => {
                let body = format!("b{}", STANDARD.encode(bytes));
                self.post_and_wait(name, body.into_bytes())
            }
            Send::WebSocketPackets(packets) => {
                self.send_frames(name, packets)?;
                if packets.fill(&self.names)? == b"5" {
                    self.client(name).is_by_websocket = true;
                }
                Ok(())
            }
            Send::Get(sid) => self.get(name, sid.as_ref()),
            Send::Post(post) => self.post(name, post),
            Send::Http(method, query) => {
                let query = String::from_utf8(query.fill(&self.names)?)?;
                let line = self.net.request(Request {
                    query: Some(query),
                    method: method.clone(),
                    ..Request::get(None)
                })?;
                self.client(name).http.push(line);
                Ok(())
            }
            Send::WebSocket => {
                let line = self.net.websocket(None)?;
                let client = self.client(name);
                client.websocket = Some(line);
                client.is_by_websocket = true;
                Ok(())
            }
            Send::Upgrade(sid) => {
                let sid = self.sid(name, sid.as_ref())?.context("no session to take over")?;
                let line = self.net.websocket(Some(&sid))?;
                self.client(name).websocket = Some(line);
                Ok(())
            }
            Send::Ping(payload) => self.send_frame(name, Head::of(frame::PING), payload),
            Send::Pings(n, payload) => {
                let ping = Head::of(frame::PING).frame(&payload.fill(&self.names)?);
                self.write(name, &ping.repeat(*n))
            }
            Send::Pong(payload) => self.send_frame(name, Head::of(frame::PONG), payload),
            Send::Close(code, words) => {
                let mut payload: Vec<u8> =
                    code.iter().flat_map(|code| code.to_be_bytes()).collect();
                payload.extend(words.fill(&self.names)?);
                self.write(name, &Head::of(frame::CLOSE).frame(&payload))
            }
            Send::Frame(head, payload) => self.send_frame(name, *head, payload),
            Send::Lose(of, loss) => {
                let line = match of {
                    Of::Get => self.client(name).gets.pop(),
                    Of::Post => self.client(name).posts.pop(),
                    Of::Http => self.client(name).http.pop(),
                    Of::WebSocket => self.client(name).websocket.take(),
                };
                self.net.lose(line.context("there is no such connection")?, *loss)
            }
            Send::Reading(reads) => {
                let line = self.websocket(name)?;
                self.net.set_reading(line, *reads)
            }
        }
    }

    fn get(&mut self, name: char, sid: Option<&Text>) -> Result<()> {
        let sid = self.sid(name, sid)?;
        let line = self.net.request(Request::get(sid))?;
        self.client(name).gets.push(line);
        Ok(())
    }

    fn post(&mut self, name: char, post: &Post) -> Result<()> {
        let line = self.net.request(Request {
            method: "POST".to_owned(),
            sid: self.sid(name, post.sid.as_ref())?,
            query: None,
            headers: post.headers.clone(),
            body: post.body.fill(&self.names)?,
            is_whole: post.is_whole,
        })?;
        self.client(name).posts.push(line);
        Ok(())
    }

    /// Packets by polling: the body is taken, whatever its packets lead to.
    fn post_and_wait(&mut self, name: char, body: Vec<u8>) -> Result<()> {
        let sid = self.sid(name, None)?;
        let method = "POST".to_owned();
        let line = self.net.request(Request { method, body, ..Request::get(sid) })?;
        match self.net.receive(line, self.now)? {
            Some((_, Came::Answer(200, body))) if body == b"ok" => Ok(()),
            came => Err(instead("the POST should be answered 200 ok", came.as_ref())),
        }
    }

    fn send_frames(&mut self, name: char, packets: &Text) -> Result<()> {
        let mut wire = Vec::new();
        for packet in packets.packets() {
            wire.extend(Head::of(frame::TEXT).frame(&packet.fill(&self.names)?));
        }
        self.write(name, &wire)
    }

    fn send_frame(&mut self, name: char, head: Head, payload: &Text) -> Result<()> {
        let payload = payload.fill(&self.names)?;
        self.write(name, &head.frame(&payload))
    }

    fn write(&mut self, name: char, bytes: &[u8]) -> Result<()> {
        let line = self.websocket(name)?;
        self.net.write(line, bytes)
    }

    fn websocket(&mut self, name: char) -> Result<Line> {
        self.client(name).websocket.with_context(|| format!("{name} has no WebSocket"))
    }

    /// The id that is named, or else the client's own, if it has one.
    fn sid(&self, name: char, sid: Option<&Text>) -> Result<Option<String>> {
        match sid {
            Some(sid) => Ok(Some(String::from_utf8(sid.fill(&self.names)?)?)),
            None => Ok(self.names.get(&format!("{name}.sid")).cloned()),
        }
    }
}

impl Request {
    fn get(sid: Option<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            sid,
            query: None,
            headers: Vec::new(),
            body: Vec::new(),
            is_whole: true,
        }
    }
}

fn instead(what: &str, came: Option<&Arrived>) -> anyhow::Error {
    let came: &dyn Display = match came {
        Some((_, came)) => came,
        None => &"nothing",
    };
    let between = if what.is_empty() { "" } else { "; " };
    anyhow!("{what}{between}came: {came}")
}

//! Whether what comes is what a story expects, and comes when it should.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Player, instead};
use crate::wire::{
    Arrived, Came,
    script::{Expect, Of},
    text::{Names, Text},
};

impl Player<'_> {
    pub(super) fn expect(
        &mut self,
        name: char,
        at: Option<Duration>,
        expect: &Expect,
    ) -> Result<()> {
        match expect {
            Expect::Packets(packets) => self.expect_packets(name, at, packets),
            Expect::Bytes(bytes) => {
                let came = self.next(name, at)?;
                self.check(at, came.as_ref(), |came, _| *came == Came::Bytes(bytes.clone()))
            }
            Expect::WebSocketPackets(packets) => {
                for packet in packets.packets() {
                    let came = self.next_frame(name, at)?;
                    self.check(at, came.as_ref(), |came, names| is_text(came, &packet, names))?;
                }
                Ok(())
            }
            Expect::Answer(of, status, body) => self.expect_answer(name, at, *of, *status, body),
            Expect::Pong(payload) => {
                let came = self.next_frame(name, at)?;
                self.check(at, came.as_ref(), |came, names| match came {
                    Came::Pong(bytes) => payload.matches(bytes, names),
                    _ => false,
                })
            }
            Expect::Close(code, words) => self.expect_close(name, at, *code, words),
            Expect::GoodBye(code, words) if self.client(name).is_by_websocket => {
                self.expect_close(name, at, *code, words)
            }
            Expect::GoodBye(..) => self.expect_last_packet(name, at),
            Expect::End => {
                let came = self.next_frame(name, at)?;
                self.check(at, came.as_ref(), |came, _| *came == Came::End)
            }
        }
    }

    pub(super) fn expect_packets(
        &mut self,
        name: char,
        at: Option<Duration>,
        packets: &Text,
    ) -> Result<()> {
        for packet in packets.packets() {
            let came = self.next(name, at)?;
            self.check(at, came.as_ref(), |came, names| is_text(came, &packet, names))?;
        }
        Ok(())
    }

    /// A close frame, and nothing after it.
    fn expect_close(
        &mut self,
        name: char,
        at: Option<Duration>,
        code: Option<u16>,
        words: &Text,
    ) -> Result<()> {
        let came = self.next_frame(name, at)?;
        self.check(at, came.as_ref(), |came, names| match came {
            Came::Close(got, bytes) => *got == code && words.matches(bytes, names),
            _ => false,
        })?;
        let came = self.next_frame(name, at)?;
        self.check(at, came.as_ref(), |came, _| *came == Came::End).context("after the close frame")
    }

    /// `1`, behind a `6` if no GET was waiting.
    fn expect_last_packet(&mut self, name: char, at: Option<Duration>) -> Result<()> {
        let mut came = self.next(name, at)?;
        if let Some((_, Came::Text(noop))) = &came
            && noop == b"6"
        {
            came = self.next(name, at)?;
        }
        let is_exact = self.net.is_exact();
        self.check(at, came.as_ref(), |came, _| match came {
            Came::Text(packet) => packet == b"1",
            // The poll that should carry it came when the session was forgotten already.
            Came::Answer(400, body) => !is_exact && body.starts_with(br#"{"code":1,"#),
            _ => false,
        })
    }

    /// Requests have no order over TCP: any of them may have the answer. The last one is asked
    /// first.
    fn expect_answer(
        &mut self,
        name: char,
        at: Option<Duration>,
        of: Of,
        status: u16,
        body: &Text,
    ) -> Result<()> {
        let client = self.client(name);
        let lines = match of {
            Of::Get => std::mem::take(&mut client.gets),
            Of::Post => std::mem::take(&mut client.posts),
            Of::Http => std::mem::take(&mut client.http),
            Of::WebSocket => client.websocket.into_iter().collect(),
        };
        ensure!(!lines.is_empty(), "there is no such request");
        let until = at.unwrap_or(self.now);
        let (mut hit, mut others) = (None, Vec::new());
        let mut left = Vec::new();
        for line in lines.into_iter().rev() {
            if hit.is_some() {
                left.push(line);
                continue;
            }
            let Some(came) = self.net.receive(line, until)? else {
                left.push(line);
                continue;
            };
            let is_match = match &came.1 {
                Came::Answer(got, bytes) => *got == status && body.matches(bytes, &mut self.names),
                _ => false,
            };
            if is_match {
                hit = Some(came);
            } else {
                left.push(line);
                others.push((line, came));
            }
        }
        let Some(hit) = hit else {
            return Err(instead("", others.last().map(|(_, came)| came)));
        };
        for (line, came) in others {
            self.net.put_back(line, came);
        }
        left.reverse();
        let client = self.client(name);
        match of {
            Of::Get => client.gets = left,
            Of::Post => client.posts = left,
            Of::Http => client.http = left,
            Of::WebSocket => client.websocket = None,
        }
        self.check(at, Some(&hit), |_, _| true)
    }

    pub(super) fn ended(&mut self, name: char, at: Option<Duration>, reason: &str) -> Result<()> {
        let sid = self.sid(name, None)?.context("there was no session")?;
        let ended = self.net.ended(&sid, reason, at.unwrap_or(self.now))?;
        self.check_time(at, ended)
    }

    fn check(
        &mut self,
        at: Option<Duration>,
        came: Option<&Arrived>,
        is_expected: impl FnOnce(&Came, &mut Names) -> bool,
    ) -> Result<()> {
        match came {
            Some((when, what)) if is_expected(what, &mut self.names) => self.check_time(at, *when),
            other => Err(instead("", other)),
        }
    }

    fn check_time(&mut self, at: Option<Duration>, when: Duration) -> Result<()> {
        let Some(at) = at else { return Ok(()) };
        let is_in_time = if self.net.is_exact() { when == at } else { when >= at };
        ensure!(is_in_time, "that came at {} ms", when.as_millis());
        self.now = at;
        Ok(())
    }

    /// The next thing by the session's transport. By polling that is a packet: a GET is made if
    /// none waits.
    fn next(&mut self, name: char, at: Option<Duration>) -> Result<Option<Arrived>> {
        if self.client(name).is_by_websocket {
            return self.next_frame(name, at);
        }
        if let Some(packet) = self.client(name).packets.pop_front() {
            return Ok(Some(packet));
        }
        if self.client(name).gets.is_empty() {
            self.get(name, None)?;
        }
        let until = at.unwrap_or(self.now);
        let line = *self.client(name).gets.first().context("a GET was made")?;
        let Some((when, came)) = self.net.receive(line, until)? else { return Ok(None) };
        self.client(name).gets.remove(0);
        let Came::Answer(200, body) = came else { return Ok(Some((when, came))) };
        for packet in body.split(|byte| *byte == 0x1e) {
            let came = match packet.strip_prefix(b"b") {
                Some(coded) => Came::Bytes(STANDARD.decode(coded).context("base64")?),
                None => Came::Text(packet.to_vec()),
            };
            self.client(name).packets.push_back((when, came));
        }
        Ok(self.client(name).packets.pop_front())
    }

    fn next_frame(&mut self, name: char, at: Option<Duration>) -> Result<Option<Arrived>> {
        let line = self.websocket(name)?;
        self.net.receive(line, at.unwrap_or(self.now))
    }
}

fn is_text(came: &Came, packet: &Text, names: &mut Names) -> bool {
    matches!(came, Came::Text(text) if packet.matches(text, names))
}

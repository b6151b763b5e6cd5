//! What clients do in namespace `/`: they act, ask for echoes, and answer questions.

use std::collections::BTreeMap;

use crate::sim::{Invariant, Sim, agenda::Happening, chance::Chance as _};

#[derive(Debug, Default)]
pub(super) struct Guest {
    is_in: bool,
    /// Events said.
    n_said: u64,
    n_ids: u64,
    echoes: BTreeMap<u64, u64>,
    /// The newest broadcast of each shard.
    newest: BTreeMap<u64, u64>,
    /// Attachments that are still to come, and what they hold.
    attachments: Vec<Vec<u8>>,
}

impl Sim {
    pub(super) fn guest_acts(&mut self, n: usize) {
        if self.clients[n].guest.is_in {
            self.guest_says(n);
        } else if self.random.one_in(20) && !self.clients[n].mood.is_idle {
            // Twice is against the rules, and it may be on its way.
            if let Some(at) = self.clients[n].at {
                self.oracle.allow(at, parlor_core::close::CloseReason::ForcedClose);
            }
            self.say(n, "40");
        }
    }

    pub(super) fn guest_says(&mut self, n: usize) {
        if self.clients[n].mood.is_silent {
            return;
        }
        let guest = &mut self.clients[n].guest;
        let number = guest.n_said;
        guest.n_said += 1;
        match self.random.below(6) {
            0 | 1 => {
                let id = guest.n_ids;
                guest.n_ids += 1;
                guest.echoes.insert(id, number);
                self.say(n, &format!(r#"42{id}["echo",{number}]"#));
            }
            2 => {
                let attachment = r#"{"_placeholder":true,"num":0}"#;
                self.say(n, &format!(r#"451-["act",{number},{attachment}]"#));
                self.say_packet(n, true, &number.to_le_bytes());
            }
            _ => self.say(n, &format!(r#"42["act",{number}]"#)),
        }
    }

    pub(super) fn guest_packet(&mut self, n: usize, text: &str) {
        let what = |what: &str| format!("client {n}: {what}: {text}");
        let (head, rest) = text.split_once('[').unwrap_or((text, ""));
        let mut words = rest.trim_end_matches(']').split(',');
        match head.as_bytes().first() {
            Some(b'0') => self.clients[n].guest.is_in = true,
            Some(b'1') => self.clients[n].guest = Guest::default(),
            Some(b'3') => {
                let id = head[1..].parse().ok();
                let expected = id.and_then(|id| self.clients[n].guest.echoes.remove(&id));
                let number = words.next().and_then(|word| word.parse().ok());
                if expected.is_none() || expected != number {
                    self.oracle.broken(Invariant::Acks, what("another echo"));
                }
            }
            Some(b'2' | b'5') => {
                let name = words.next().unwrap_or_default();
                let number: u64 = words.next().and_then(|w| w.parse().ok()).unwrap_or_default();
                let shard = words.next().and_then(|w| w.parse().ok()).unwrap_or_default();
                if head.starts_with("51-") {
                    let attachment = number.to_le_bytes().to_vec();
                    self.clients[n].guest.attachments.push(attachment);
                }
                if name == "\"ask\"" {
                    let id = &head[1..];
                    return self.answer_question(n, id, number);
                }
                let is_reliable = name == "\"news\"";
                if is_reliable {
                    let newest = self.clients[n].guest.newest.insert(shard, number);
                    if newest.is_some_and(|newest| newest >= number) {
                        self.oracle.broken(Invariant::EmitterOrder, what("older than another"));
                    }
                }
            }
            // Refused: what was said before the answer came is lost.
            Some(b'4') if head.starts_with("4{") => self.clients[n].guest = Guest::default(),
            // Some namespaces do not exist.
            _ => {}
        }
    }

    /// An attachment has arrived.
    pub(super) fn guest_bytes(&mut self, n: usize, bytes: &[u8]) {
        if !self.regular_bytes(n, bytes)
            && !self.peer_bytes(n, bytes)
            && self.clients[n].guest.attachments.pop().as_deref() != Some(bytes)
        {
            let what = format!("client {n} gets an attachment of something else: {bytes:?}");
            self.oracle.broken(Invariant::Order, what);
        }
    }

    fn answer_question(&mut self, n: usize, id: &str, number: u64) {
        let says = format!(r#"43{id}[{number},"client {n}"]"#);
        let n_times = self.random.pick(&[0, 1, 1, 1, 1, 2]);
        for _ in 0..n_times {
            let late = if self.random.one_in(4) { 4_000 } else { 50 };
            let later = self.now + self.random.ms(0, late);
            let (epoch, packet) = (self.clients[n].epoch, says.clone());
            self.agenda.note(later, Happening::Say { client: n, epoch, packet });
        }
    }
}

//! What one input to a hub must lead to, and what it says, read from its frames.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use parlor_core::signaling::SignalRequest;
use parlor_shared::{
    api::signal::GoneReason,
    socket_io::{Kind, Packet, Sender},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{At, Cause, post::Packets};

/// What a hub says to one socket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Answer(u64, Value),
    Push(String, Value),
    Frame(&'static str, u32, Vec<u8>),
}

/// What is said to whom.
pub(super) type Outs = Vec<(At, Said)>;

/// What one input must lead to.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// For each socket what is told to it beside changes of peers, links and host.
    pub(super) data: BTreeMap<At, VecDeque<Said>>,
    pub(super) gone: BTreeMap<u32, GoneReason>,
    pub(super) closed: BTreeMap<u32, String>,
    pub(super) released: BTreeSet<At>,
    /// Who has come, and whether it is back.
    pub(super) came: Option<(u32, bool)>,
    pub(super) wrong: Option<String>,
}

impl Turn {
    pub(super) fn tell(&mut self, who: At, name: &str, what: Value) {
        self.data.entry(who).or_default().push_back(Said::Push(name.to_owned(), what));
    }

    pub(super) fn end(&mut self, who: At, reason: GoneReason) {
        self.tell(who, "ended", json!({ "reason": reason }));
        self.released.insert(who);
    }

    pub(super) fn holds(&mut self, is_true: bool, what: impl FnOnce() -> String) {
        if !is_true {
            self.wrong.get_or_insert_with(what);
        }
    }

    /// Who asked is answered so, before all else that follows, if it wants an answer.
    pub(super) fn expect_answer(
        &mut self,
        who: At,
        ack: Option<u64>,
        reply: Result<(), &str>,
        outs: &[(At, Said)],
    ) -> Result<(), String> {
        let own = || outs.iter().filter(|(to, _)| *to == who).map(|(_, said)| said);
        let answers = || own().filter(|said| matches!(said, Said::Answer(..)));
        let Some(id) = ack else {
            return match answers().next() {
                Some(answer) => Err(format!("{who:?} wanted no answer: {answer:?}")),
                None => Ok(()),
            };
        };
        let answer = answers().next();
        let is_right = answer.is_some_and(|said| match said {
            Said::Answer(to, value) if *to == id => match reply {
                Ok(()) => value["ok"] == true,
                Err(code) => value["ok"] == false && value["code"] == code,
            },
            _ => false,
        });
        if !is_right {
            return Err(format!("{who:?} is answered {answer:?}, and not {reply:?}"));
        }
        let answer = answer.expect("just seen").clone();
        let data = self.data.entry(who).or_default();
        // That a frame is refused is said before.
        let is_refused = matches!(data.front(), Some(Said::Push(name, _)) if name == "refused");
        data.insert(usize::from(is_refused), answer);
        Ok(())
    }
}

pub(super) fn read<T: DeserializeOwned>(what: &Value) -> Result<T, String> {
    serde_json::from_value(what.clone()).map_err(|error| format!("{error}: {what}"))
}

/// What a client of this session asks.
pub(super) fn read_request(who: At, text: &str, attachments: &[Bytes]) -> Cause {
    let Ok(packet) = Packet::decode(text, Sender::Client) else { return Cause::Other };
    let request = SignalRequest::read(&packet.args(attachments));
    Cause::Asks(who, request, packet.id)
}

/// An event or answer of `/signal`, if it is one.
pub(super) fn read_said(packets: &Packets) -> Option<Said> {
    let (_, first) = packets.first()?;
    let text = std::str::from_utf8(first.get(1..)?).ok()?;
    let head = text.get(..text.find('[')?)?;
    if !head.contains("/signal,") {
        return None;
    }
    let packet = Packet::decode(text, Sender::Server).ok()?;
    let attachments: Vec<Bytes> =
        packets[1..].iter().map(|(_, bytes)| Bytes::copy_from_slice(bytes)).collect();
    let args = packet.args(&attachments);
    let first: Value = args.get(0).ok()?;
    Some(match (packet.kind, args.name().as_ref()) {
        (Kind::Ack, _) => Said::Answer(packet.id?, first),
        (_, "reliable") => frame("reliable", &first, &attachments),
        (_, "volatile") => frame("volatile", &first, &attachments),
        (_, name) => Said::Push(name.to_owned(), first),
    })
}

fn frame(name: &'static str, link: &Value, attachments: &[Bytes]) -> Said {
    let bytes = attachments.first().map(|bytes| bytes.to_vec()).unwrap_or_default();
    Said::Frame(name, link.as_u64().unwrap_or_default() as u32, bytes)
}

/// True if the first packet begins so.
pub(super) fn is_of(packets: &Packets, word: &str) -> bool {
    packets.first().is_some_and(|(_, packet)| packet.starts_with(word.as_bytes()))
}

/// For people.
pub(super) fn words(packets: &Packets) -> String {
    let words = packets.iter().map(|(_, packet)| String::from_utf8_lossy(packet));
    words.collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

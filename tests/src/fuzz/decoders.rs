//! The decoders of `parlor-shared`, and what reads descriptions in core.

use std::{collections::BTreeMap, fmt::Debug};

use parlor_core::signaling::doors::bare_description;
use parlor_shared::{
    api::signal::MAX_SDP_BYTES,
    engine_io::{self, MAX_PACKETS_IN, decode_payload, write_packet},
    id::Pid,
    socket_io::{Claim, Draft, EventArgs, Kind, Offset, Packet, Sender, json},
    websocket::{Decoder, Limits, Role},
};
use serde::de::DeserializeOwned;

use super::{plain::Object, text};

/// Any bytes into the frame decoder of either side: in pieces of any size it says what it says of
/// all at once, and what comes behind a broken rule does it no harm.
pub(super) fn websocket(data: &[u8]) {
    let Some((step, wire)) = data.split_first() else { return };
    for role in [Role::Server, Role::Client] {
        let whole = messages(role, wire, wire.len().max(1));
        assert_eq!(messages(role, wire, usize::from(*step) + 1), whole);
    }
}

/// What comes of the wire, the first broken rule last.
fn messages(role: Role, wire: &[u8], step: usize) -> Vec<String> {
    let limits = Limits { max_message_bytes: 4096, max_fragments: 16 };
    let mut decoder = Decoder::new(role, limits);
    let mut seen = Vec::new();
    let mut is_broken = false;
    for piece in wire.chunks(step) {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        loop {
            match decoder.next(&mut rest) {
                Ok(Some(message)) if !is_broken => seen.push(format!("{message:?}")),
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(violation) => {
                    if !is_broken {
                        seen.push(violation.to_string());
                    }
                    is_broken = true;
                    break;
                }
            }
        }
    }
    seen
}

/// Any text as a polling body: what is read is written again and reads the same.
pub(super) fn payload(data: &[u8]) {
    let mut n_packets = 0;
    for packet in decode_payload(text(data)).flatten() {
        n_packets += 1;
        let mut body = Vec::new();
        match &packet {
            engine_io::Packet::Text(text) => {
                write_packet(&mut body, false, format!("4{text}").as_bytes());
            }
            engine_io::Packet::Binary(bytes) => write_packet(&mut body, true, bytes),
            _ => continue,
        }
        let body = String::from_utf8(body).expect("packets are text");
        let again: Vec<_> = decode_payload(&body).collect();
        assert_eq!(again, [Ok(packet)]);
    }
    assert!(n_packets <= MAX_PACKETS_IN);
}

/// Any text as a Socket.IO packet of either side; the arguments of what is accepted can be read,
/// and lie where one looks for them without the outline that the check has noted.
pub(super) fn packet(data: &[u8]) {
    for sender in [Sender::Client, Sender::Server] {
        let Ok(packet) = Packet::decode(text(data), sender) else { continue };
        if !matches!(packet.kind, Kind::Event | Kind::Ack) {
            continue;
        }
        let args = packet.args(&[]);
        let _ = args.name();
        let mut elements = json::elements(packet.data.unwrap_or("[]"));
        if packet.kind == Kind::Event {
            elements.next();
        }
        assert!(args.raw().eq(elements.clone()));
        assert_eq!(args.count(), elements.clone().count());
        for i in 0..args.count().min(16) {
            let _ = args.get::<String>(i);
            let (mut fast, mut slow) = (Draft::ack(), Draft::ack());
            args.forward_from(i).write(&mut fast).expect("JSON");
            slow.json(&[elements.rest()]);
            let finish = |draft: Draft| draft.into_ack("/", 0).expect("no attachments");
            assert_eq!(finish(fast), finish(slow));
            elements.next();
        }
    }
}

/// Of JSON that was checked everybody is told what serde_json would tell.
fn read_alike<T: DeserializeOwned + PartialEq + Debug>(value: &str) {
    let told = |result: serde_json::Result<T>| result.map_err(|error| error.to_string());
    assert_eq!(told(json::read(value)), told(serde_json::from_str(value)));
}

/// Any text as JSON: what passes here passes at serde_json, but for half surrogate pairs; and what
/// does not pass does not there.
pub(super) fn json(data: &[u8]) {
    use serde_json::{Value, from_str, value::RawValue};

    let text = text(data);
    // This checks the syntax and builds nothing.
    let is_json = from_str::<&RawValue>(text).is_ok();
    let mended = json::mend_surrogates(text);
    match json::check(text) {
        Ok(()) => {
            assert!(is_json, "accepted what is no JSON");
            let value = text.trim_matches([' ', '\t', '\n', '\r']);
            read_alike::<Vec<Option<f64>>>(value);
            read_alike::<Vec<BTreeMap<String, i64>>>(value);
            read_alike::<BTreeMap<String, Option<(u8, String)>>>(value);
            read_alike::<Vec<(bool, f32)>>(value);
            // One level less is left to it, which an event's own array takes.
            let readable = mended.as_deref().unwrap_or(text);
            let is_an_argument = json::check(&format!("[{readable}]")).is_ok();
            assert!(
                !is_an_argument || from_str::<Value>(readable).is_ok(),
                "accepted what nobody can read"
            );
        }
        Err(json::JsonError::Syntax) => assert!(!is_json, "refused JSON"),
        Err(json::JsonError::TooDeep) => {}
        Err(json::JsonError::Range) => {
            assert!(from_str::<Value>(text).is_err(), "refused a number");
        }
    }
    if let Some(mended) = mended {
        assert_eq!(mended.len(), text.len());
        assert!(json::mend_surrogates(&mended).is_none());
    }
}

/// Any text as what a client sends along that wants its socket back: it claims what its members
/// `pid` and `offset` say, and nothing else.
pub(super) fn claim(data: &[u8]) {
    use serde_json::Value;

    let auth = text(data);
    let letters = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let expected = || {
        let object = Object::read(auth)?;
        serde_json::from_str::<Value>(auth).ok()?;
        let Value::String(pid) = object.last("pid")? else { return None };
        (pid.chars().count() == 24 && pid.chars().all(letters)).then_some(())?;
        let offset = match object.last("offset") {
            None => None,
            Some(Value::String(offset)) if offset.is_empty() => None,
            // More digits than there can be are none of ours, even if they are zeros.
            Some(Value::String(offset)) if offset.len() <= 16 => {
                let is_hex = offset.chars().all(|letter| letter.is_ascii_hexdigit());
                Some(u64::from_str_radix(&offset, 16).ok().filter(|_| is_hex)?)
            }
            Some(_) => return None,
        };
        Some((pid, offset))
    };
    let claim = Claim::read(auth);
    let found = claim.map(|Claim { pid, offset }| {
        let number = |offset: Offset| u64::from_str_radix(&offset.to_string(), 16).expect("hex");
        (pid.to_string(), offset.map(number))
    });
    assert_eq!(found, expected());
    if let Some(Claim { pid, offset }) = claim {
        assert_eq!(Pid::from_bytes(pid.to_bytes()), pid);
        assert!(offset.is_none_or(|offset| Offset::parse(&offset.to_string()) == Some(offset)));
    }
}

/// Any text as a description: what passes on a private link tells no address, and is a description
/// still.
pub(super) fn description(data: &[u8]) {
    let Some(bare) = bare_description(text(data)) else { return };
    for line in bare.split_terminator("\r\n") {
        match line.split_at(2) {
            ("c=", what) => assert_eq!(what, "IN IP4 0.0.0.0"),
            ("o=", what) => assert!(what.ends_with(" IN IP4 127.0.0.1"), "{what}"),
            ("a=", what) if what.starts_with("candidate:") => {
                assert!(what.contains(" typ relay"), "{what}");
                let words: Vec<&str> = what.split(' ').collect();
                let hidden = |pair: &[&str]| pair[0] != "raddr" || pair[1] == "0.0.0.0";
                assert!(words.windows(2).all(hidden), "{what}");
            }
            _ => {}
        }
    }
    assert!(bare.len() > MAX_SDP_BYTES || bare_description(&bare).is_some(), "{bare}");
}

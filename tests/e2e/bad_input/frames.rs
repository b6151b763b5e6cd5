//! Bad WebSockets: opening handshakes that are none, frames that break the rules of RFC 6455, and
//! more of them than anybody needs.

use std::net::SocketAddr;

use parlor_server::Config;
use parlor_shared::websocket::{Decoder, Limits, Opcode, Role, write_masked_frame};
use parlor_tests::harness::{Received, WebSocket};

use super::{
    Scene,
    clients::{Polling, Raw},
    play, play_with,
    process::Process,
};

/// A good opening handshake.
pub(super) const OPENING: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// The default of `engine.max_payload`.
const MAX_PAYLOAD: usize = 1_000_000;
const MAX_FRAGMENTS: usize = 16_384;
const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x40;

/// A masked frame with this first byte.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    write_masked_frame(&mut wire, Opcode::Text, payload, [7, 1, 8, 2]);
    wire[0] = first;
    wire
}

/// A masked frame's header alone, which promises so many bytes.
fn header(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0xff][..], &length.to_be_bytes(), &[7, 1, 8, 2]].concat()
}

const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// The opening handshake with something else in it.
pub(super) fn opening(from: &str, to: &str) -> String {
    assert!(OPENING.contains(from));
    OPENING.replacen(from, to, 1)
}

fn assert_opening_refused(opening: &str, statuses: &[u16]) {
    play(|scene| {
        let mut raw = scene.raw();
        let answer = raw.ask(opening);
        assert!(statuses.contains(&answer.status), "{}", answer.head);
        if answer.status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
        raw.assert_ends();
    });
}

/// These bytes, whole or in pieces, are answered by a close with this code and by nothing else.
pub(super) fn assert_closes(wire: &[u8], code: u16) {
    let reason = if code == 1008 { "policy violation" } else { "transport error" };
    for n_pieces in [1, 7] {
        play_with(any_number, |scene| {
            let mut socket = joined(scene.address());
            for piece in wire.chunks(wire.len().div_ceil(n_pieces)) {
                // It may be cut before all is said.
                let _ = socket.write(piece);
            }
            assert_eq!(socket.receive().unwrap(), Received::Close(Some(code)));
            scene.assert_ended(reason);
        });
    }
}

/// As many frames as anybody likes: what ends a session is something else.
pub(super) fn any_number(config: &mut Config) {
    config.limits.max_messages_per_second = 0;
}

/// What ends a session, though it was told before that it sends too much.
pub(super) fn end_of(socket: &mut WebSocket) -> Received {
    loop {
        match socket.receive().unwrap() {
            Received::Text(text) if text.starts_with(r#"42["rate_limited""#) => {}
            last => return last,
        }
    }
}

pub(super) fn joined(server: SocketAddr) -> WebSocket {
    let mut socket = WebSocket::join(server).unwrap();
    assert_eq!(socket.text().unwrap(), r#"42["auth",{}]"#);
    socket
}

#[test]
fn ws_01_version_8() {
    assert_opening_refused(&opening("Version: 13", "Version: 8"), &[426]);
    assert_opening_refused(&opening("Version: 13", "Version: 13, 8"), &[426]);
    assert_opening_refused(&opening("Sec-WebSocket-Version: 13\r\n", ""), &[426]);
}

#[test]
fn ws_02_no_key() {
    let without = opening("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "");
    assert_opening_refused(&without, &[400]);
}

#[test]
fn ws_03_key_not_of_16_bytes() {
    for key in ["dGhlIHNhbXBsZQ==", "", "x", "dGhlIHNhbXBsZSBub25jZSE=", &"a".repeat(1000)] {
        assert_opening_refused(&opening("dGhlIHNhbXBsZSBub25jZQ==", key), &[400]);
    }
}

#[test]
fn what_is_there_twice_or_is_no_token_opens_nothing() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert_opening_refused(&opening(key, &key.repeat(2)), &[400]);
    let version = "Sec-WebSocket-Version: 13\r\n";
    assert_opening_refused(&opening(version, &version.repeat(2)), &[426]);
    for upgrade in ["websocket, h2c", "h2c, websocket", "websocket\r\nUpgrade: websocket"] {
        let upgrade = format!("Upgrade: {upgrade}\r\nSec");
        assert_opening_refused(&opening("Upgrade: websocket\r\nSec", &upgrade), &[400]);
    }
    for protocols in ["chat,,", "a, a", "", ",", "a b", "a,\r\nSec-WebSocket-Protocol: b"] {
        let offered = format!("Sec-WebSocket-Protocol: {protocols}\r\nHost");
        assert_opening_refused(&opening("Host", &offered), &[400]);
    }
    play(|scene| {
        let offered = "Sec-WebSocket-Protocol: chat , b\r\nSec-WebSocket-Protocol: c\r\nHost";
        let answer = scene.raw().ask(&opening("Host", offered));
        answer.assert_status(101);
        assert_eq!(answer.header("sec-websocket-protocol"), Some("chat"));
    });
}

#[test]
fn ws_04_upgrade_by_post() {
    assert_opening_refused(&opening("GET", "POST"), &[405, 400]);
    assert_opening_refused(&opening("HTTP/1.1", "HTTP/1.0"), &[405, 400]);
}

#[test]
fn ws_07_unmasked_frame() {
    assert_closes(b"\x81\x0540abc", 1002);
}

#[test]
fn ws_08_reserved_bit_without_an_extension() {
    for bit in [RESERVED, 0x20, 0x10, 0x70] {
        assert_closes(&frame(FINAL | bit | TEXT, b"3"), 1002);
    }
}

#[test]
fn ws_09_reserved_opcode() {
    for opcode in [3, 7, 11, 15] {
        assert_closes(&frame(FINAL | opcode, b"3"), 1002);
    }
}

#[test]
fn ws_10_control_frame_of_126_bytes() {
    assert_closes(&frame(FINAL | PING, &[b'x'; 126]), 1002);
    assert_closes(&header(FINAL | CLOSE, 1 << 40), 1002);
}

#[test]
fn ws_11_fragmented_ping() {
    assert_closes(&frame(PING, b"x"), 1002);
}

#[test]
fn ws_12_continuation_of_nothing() {
    assert_closes(&frame(FINAL | CONTINUATION, b"3"), 1002);
    let finished = [frame(TEXT, b"3"), frame(FINAL, b""), frame(FINAL, b"3")].concat();
    assert_closes(&finished, 1002);
}

#[test]
fn ws_13_message_inside_another() {
    assert_closes(&[frame(TEXT, b"4"), frame(FINAL | TEXT, b"3")].concat(), 1002);
    assert_closes(&[frame(TEXT, b"4"), frame(FINAL | BINARY, b"3")].concat(), 1002);
}

#[test]
fn ws_14_text_that_is_not_utf_8() {
    for text in [&b"4\xff"[..], b"4\xc3(", b"4\xed\xa0\x80", b"4\xf0\x9f"] {
        assert_closes(&frame(FINAL | TEXT, text), 1007);
    }
    // Half a letter may stand at the end of a fragment, and of the last it may not.
    let halves = [frame(TEXT, b"4\xc3"), frame(FINAL, b"")].concat();
    assert_closes(&halves, 1007);
}

#[test]
fn ws_15_length_of_2_to_the_63rd() {
    assert_closes(&header(FINAL | BINARY, (1 << 63) - 1), 1009);
    assert_closes(&header(BINARY, 1 << 31), 1009);
    assert_closes(&header(FINAL | BINARY, 1 << 63), 1002);
    // Nothing is kept for what is promised.
    let server = Process::start(&[]);
    server.assert_bounded(0, || {
        for length in [(1 << 63) - 1, 1 << 31, 1 << 20] {
            let mut socket = joined(server.address);
            socket.write(&header(FINAL | BINARY, length)).unwrap();
            assert_eq!(socket.receive().unwrap(), Received::Close(Some(1009)));
        }
        let sockets: Vec<_> = (0..50).map(|_| joined(server.address)).collect();
        for mut socket in sockets {
            socket.write(&header(FINAL | BINARY, MAX_PAYLOAD as u64)).unwrap();
            socket.write(b"x").unwrap();
        }
    });
}

#[test]
fn ws_16_message_too_long_by_a_byte() {
    let text = format!(r#"421["message-with-ack","{}"]"#, "a".repeat(MAX_PAYLOAD));
    let at_most = format!("{}\"]", &text[..MAX_PAYLOAD - 2]);
    play(|scene| {
        let mut socket = joined(scene.address());
        socket.send(&at_most).unwrap();
        assert_eq!(socket.text().unwrap().len(), MAX_PAYLOAD - r#""message-with-ack","#.len());
    });
    assert_closes(&frame(FINAL | TEXT, &text.as_bytes()[..=MAX_PAYLOAD]), 1009);
}

#[test]
fn ws_17_fragments_too_long_in_sum() {
    let fragment = frame(CONTINUATION, &[b'a'; 100]);
    let wire = [frame(TEXT, &[b'4'; 100]), fragment.repeat(20_000)].concat();
    assert_closes(&wire, 1009);
    // Few enough of them for a session whose frames are counted.
    let wire = [frame(TEXT, b"4"), frame(CONTINUATION, &[b'a'; 1000]).repeat(2000)].concat();
    let server = Process::start(&[]);
    server.assert_bounded(wire.len(), || {
        let mut socket = joined(server.address);
        let _ = socket.write(&wire);
        assert_eq!(socket.receive().unwrap(), Received::Close(Some(1009)));
    });
}

#[test]
fn ws_18_a_million_empty_fragments() {
    let empty = frame(CONTINUATION, b"");
    let many = |n: usize| [frame(TEXT, b""), empty.repeat(n - 1)].concat();
    let at_most = [frame(TEXT, b"3"), empty.repeat(MAX_FRAGMENTS - 2), frame(FINAL, b"")].concat();
    play_with(any_number, |scene| {
        let mut socket = joined(scene.address());
        socket.write(&at_most).unwrap();
        socket.send(r#"421["message-with-ack","one"]"#).unwrap();
        assert_eq!(socket.text().unwrap(), r#"431["one"]"#);
    });
    assert_closes(&many(MAX_FRAGMENTS + 1), 1008);
    let server = Process::start(&[]);
    server.assert_bounded(MAX_FRAGMENTS * empty.len(), || {
        let mut socket = joined(server.address);
        for _ in 0..10 {
            let _ = socket.write(&many(100_000));
        }
        assert_eq!(end_of(&mut socket), Received::Close(Some(1008)));
    });
}

/// The limit of ws 8.21 on chunks: what comes a byte at a time is kept as bytes, not as chunks, so
/// that there is nothing to limit.
#[test]
fn ws_18_a_message_a_byte_at_a_time() {
    let limits = Limits { max_message_bytes: MAX_PAYLOAD, max_fragments: MAX_FRAGMENTS };
    let mut decoder = Decoder::new(Role::Server, limits);
    let mut wire = frame(FINAL | BINARY, &[0; 300_000]);
    let n_bytes = wire.len();
    for (i, byte) in wire.iter_mut().enumerate() {
        let mut piece = std::slice::from_mut(byte);
        let message = decoder.next(&mut piece).unwrap();
        assert_eq!(message.is_some(), i == n_bytes - 1);
    }
    let server = Process::start(&[]);
    server.assert_bounded(20_000, || {
        let mut raw = Raw::open(server.address);
        raw.ask(OPENING).assert_status(101);
        for byte in &frame(FINAL | TEXT, &[b'4'; 20_000]) {
            raw.send([*byte]);
        }
    });
}

#[test]
fn ws_19_close_code_that_must_not_travel() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535u16] {
        assert_closes(&frame(FINAL | CLOSE, &code.to_be_bytes()), 1002);
    }
}

#[test]
fn ws_20_close_of_one_byte() {
    assert_closes(&frame(FINAL | CLOSE, &[3]), 1002);
    assert_closes(&frame(FINAL | CLOSE, b"\x03\xe8\xff"), 1007);
}

#[test]
fn ws_21_ping_flood() {
    play(|scene| {
        let mut socket = joined(scene.address());
        let flood = frame(FINAL | PING, b"now").repeat(1000);
        for _ in 0..100 {
            let _ = socket.write(&flood);
        }
        let mut n_pongs = 0;
        let code = loop {
            match socket.receive().unwrap() {
                Received::Pong(payload) => n_pongs += usize::from(payload == b"now"),
                Received::Close(code) => break code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, Some(1008));
        // A hundred in a second, and a hundred more if another one begins.
        assert!(n_pongs <= 200, "{n_pongs}");
        scene.assert_ended("policy violation");
    });
}

#[test]
fn ws_21_pings_of_who_does_not_read() {
    let server = Process::start(&[]);
    let flood = frame(FINAL | PING, &[b'x'; 125]).repeat(100);
    server.assert_bounded(50 * flood.len(), || {
        let sockets: Vec<_> = (0..50)
            .map(|_| {
                let mut socket = joined(server.address);
                socket.write(&flood).unwrap();
                socket
            })
            .collect();
        // Each is heard out, and none has done too much.
        for mut socket in sockets {
            socket.send(r#"421["message-with-ack"]"#).unwrap();
            while socket.receive().unwrap() != Received::Text("431[]".to_owned()) {}
        }
    });
}

#[test]
fn ws_21_ping_flood_before_an_upgrade() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut socket = WebSocket::of_session(scene.address(), &polling.sid).unwrap();
        socket.write(&frame(FINAL | PING, b"one")).unwrap();
        assert_eq!(socket.receive().unwrap(), Received::Pong(b"one".to_vec()));
        let flood = frame(FINAL | PING, b"now").repeat(1000);
        let _ = socket.write(&flood);
        let mut n_pongs = 0;
        let code = loop {
            match socket.receive().unwrap() {
                Received::Pong(_) => n_pongs += 1,
                Received::Close(code) => break code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, Some(1008));
        assert!(n_pongs <= 100, "{n_pongs}");
        polling.assert_lives();
    });
}

/// Frames that are no messages: packets of Engine.IO that say nothing, and parts of messages.
#[test]
fn what_is_no_message_is_counted_and_ends_the_session() {
    let few = |config: &mut Config| {
        let limits = &mut config.limits;
        (limits.max_messages_per_second, limits.max_message_burst) = (100, 200);
    };
    let text = |packet: &str| frame(FINAL | TEXT, packet.as_bytes());
    let parts = [frame(TEXT, b"3"), frame(CONTINUATION, b"").repeat(1000), frame(FINAL, b"")];
    let parts = parts.concat();
    for one in [text("3"), text("6"), text("5"), text("3probe"), parts] {
        play_with(few, |scene| {
            let mut socket = joined(scene.address());
            let n_frames = if one.len() > 1000 { 1002 } else { 1 };
            // As many as may be: it is heard behind them.
            if n_frames == 1 {
                socket.write(&one.repeat(190)).unwrap();
                socket.send(r#"421["message-with-ack"]"#).unwrap();
                assert_eq!(socket.text().unwrap(), "431[]");
            }
            let _ = socket.write(&one.repeat(20_000 / n_frames));
            assert_eq!(end_of(&mut socket), Received::Close(Some(1008)));
            scene.assert_ended("policy violation");
        });
    }
    for packet in ["3", "6"] {
        play_with(few, |scene| {
            let mut polling = Polling::open(scene.address());
            let body = vec![packet; 1024].join("\x1e");
            polling.post(&body).assert_status(200);
            // 200, and 1,024 past that, are borne.
            polling.post(&body);
            polling.assert_ended();
            scene.assert_ended("policy violation");
        });
    }
    play_with(few, |scene| {
        let mut polling = Polling::open(scene.address());
        let mut socket = WebSocket::of_session(scene.address(), &polling.sid).unwrap();
        let _ = socket.write(&text("2probe").repeat(1000));
        let code = loop {
            match socket.receive().unwrap() {
                Received::Text(answer) => assert_eq!(answer, "3probe"),
                Received::Close(code) => break code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, Some(1008));
        polling.assert_lives();
    });
}

#[test]
fn ws_22_compressed_bomb() {
    play(|scene| {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
        let mut raw = scene.raw();
        let answer = raw.ask(&opening("Host", &format!("{offer}Host")));
        answer.assert_status(101);
        assert_eq!(answer.header("sec-websocket-extensions"), None, "{}", answer.head);
        let mut socket = WebSocket::open(scene.address(), offer).unwrap();
        assert!(socket.text().unwrap().starts_with("0{"));
        socket.write(&frame(FINAL | RESERVED | TEXT, &[0; 64_000])).unwrap();
        assert_eq!(socket.receive().unwrap(), Received::Close(Some(1002)));
    });
}

/// Asks for 20,000 acks that carry so many bytes each, and reads none of them until all is asked.
/// Gives how many came, in order, and the code of the close if one came behind them.
fn ask_and_read_later(scene: &Scene, n_bytes: usize) -> (usize, Option<u16>) {
    const N: usize = 20_000;
    let filler = "x".repeat(n_bytes);
    let mut socket = joined(scene.address());
    for first in (0..N).step_by(100) {
        let mut wire = Vec::new();
        for i in first..first + 100 {
            let event = format!(r#"42{i}["message-with-ack","{filler}"]"#);
            wire.extend(frame(FINAL | TEXT, event.as_bytes()));
        }
        if socket.write(&wire).is_err() {
            break;
        }
    }
    scene.assert_bystander_goes_on();
    for i in 0..N {
        match socket.receive().unwrap() {
            Received::Text(ack) => assert_eq!(ack, format!(r#"43{i}["{filler}"]"#)),
            Received::Close(code) => return (i, code),
            other => panic!("{other:?}"),
        }
    }
    socket.send(r#"421["message-with-ack","still"]"#).unwrap();
    assert_eq!(socket.text().unwrap(), r#"431["still"]"#);
    (N, None)
}

#[test]
fn ws_23_slow_reader() {
    // So much may wait: all of it comes when the client reads again.
    play_with(any_number, |scene| assert_eq!(ask_and_read_later(scene, 1), (20_000, None)));
    // So much may not: what came is in order, and the client is told that it has lost the rest.
    let little = |config: &mut Config| {
        any_number(config);
        config.limits.max_queue_bytes = 100_000;
    };
    play_with(little, |scene| {
        let (n_acks, code) = ask_and_read_later(scene, 600);
        assert!(n_acks < 20_000);
        assert_eq!(code, Some(1013));
        scene.assert_ended("slow consumer");
    });
}

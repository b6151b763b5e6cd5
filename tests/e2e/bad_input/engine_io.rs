//! Bad Engine.IO: bodies and packets that break its rules, requests at the wrong time.

use std::time::{Duration, Instant};

use parlor_server::{Config, Transport};
use parlor_tests::harness::{Received, WebSocket};

use super::{
    BOTH, POLLING, Scene,
    clients::{Client, Polling},
    play, play_with,
    process::Process,
};

/// A tick of a match of 20 a second, which nobody may lose to another's input.
const TICK: Duration = Duration::from_millis(50);
/// The default of `engine.max_payload`.
const MAX_PAYLOAD: usize = 1_000_000;

/// A body that is answered with this status, and that ends its session for that reason.
fn assert_post_ends(headers: &str, body: impl AsRef<[u8]>, status: u16, reason: &str) {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        polling.post_as(headers, body.as_ref()).assert_status(status);
        polling.assert_ended();
        scene.assert_ended(reason);
    });
}

/// A packet that ends its session by either transport. The POST is answered by this status.
fn assert_packet_ends(packet: &str, status: u16, reason: &str) {
    assert_post_ends("", packet, status, reason);
    play(|scene| {
        let mut client = Client::open(scene.address(), Transport::WebSocket);
        client.send(packet);
        client.assert_ends();
        scene.assert_ended(reason);
    });
}

#[test]
fn eio_01_unknown_packet_type() {
    assert_packet_ends("abc", 400, "parse error");
    assert_packet_ends("7", 400, "parse error");
}

#[test]
fn eio_02_empty_body() {
    assert_post_ends("", "", 400, "parse error");
    // And what is empty between others.
    assert_post_ends("", "3\x1e", 400, "parse error");
    assert_post_ends("", "\x1e3", 400, "parse error");
    assert_packet_ends("", 400, "parse error");
}

#[test]
fn eio_03_one_byte_too_many() {
    let whole = format!("4{}", "a".repeat(MAX_PAYLOAD));
    assert_post_ends("", &whole, 413, "transport error");
    // At the limit it is read, and is no packet of Socket.IO.
    assert_post_ends("", &whole[1..], 400, "parse error");
}

#[test]
fn eio_03_memory() {
    let server = Process::start(&[]);
    let body = "a".repeat(4 * MAX_PAYLOAD);
    server.assert_bounded(body.len(), || {
        for _ in 0..4 {
            let mut polling = Polling::open(server.address);
            polling.post(&body).assert_status(413);
            polling.assert_ended();
        }
    });
}

#[test]
fn eio_04_chunked_and_too_long() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut raw = scene.raw();
        raw.send(format!("{}Transfer-Encoding: chunked\r\n\r\n", polling.head("POST")));
        let chunk = format!("{:x}\r\n{}\r\n", 100_000, "a".repeat(100_000));
        for _ in 0..10 {
            raw.send(&chunk);
        }
        // So much may come; one more, and the rest is not waited for.
        raw.send("1\r\na");
        raw.answer().assert_status(413);
        polling.assert_ended();
        scene.assert_ended("transport error");
        for _ in 0..20 {
            raw.send(&chunk);
        }
        scene.assert_bystander_goes_on();
    });
}

#[test]
fn eio_05_two_polls_at_once() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut first = scene.raw();
        first.send(format!("{}\r\n", polling.head("GET")));
        scene.let_read();
        polling.get().assert_status(400);
        let last = first.answer();
        assert_eq!((last.status, last.body.as_str()), (200, "1"));
        polling.assert_ended();
        scene.assert_ended("transport error");
    });
}

#[test]
fn eio_06_two_posts_at_once() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut first = scene.raw();
        let head = polling.head("POST");
        first
            .ask(&format!("{head}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"))
            .assert_status(100);
        polling.post("3").assert_status(400);
        polling.assert_ended();
        scene.assert_ended("transport error");
        // What it brings is thrown away, and it is told so.
        first.send("40");
        first.answer().assert_status(400);
    });
}

#[test]
fn eio_07_poll_given_up() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut first = scene.raw();
        first.send(format!("{}\r\n", polling.head("GET")));
        scene.let_read();
        drop(first);
        scene.assert_ended("transport error");
        polling.assert_ended();
    });
}

#[test]
fn eio_08_200_000_packets_in_a_body() {
    for packet in ["6", "3", "2"] {
        let body = vec![packet; 200_000].join("\x1e");
        play(|scene| {
            let mut polling = Polling::open(scene.address());
            let answer = polling.post(&body);
            // The first ping of a client ends its session; what follows is not looked at.
            answer.assert_status(if packet == "2" { 200 } else { 400 });
            polling.assert_ended();
            let reason = if packet == "2" { "transport error" } else { "parse error" };
            scene.assert_ended(reason);
        });
    }
    let server = Process::start(&[]);
    let body = vec!["6"; 200_000].join("\x1e");
    server.assert_bounded(body.len(), || {
        let mut polling = Polling::open(server.address);
        let took = server.cpu(|| polling.post(&body).assert_status(400));
        assert!(took < TICK, "{took:?}");
        polling.assert_ended();
    });
}

#[test]
fn eio_08_as_many_as_may() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        polling.post(vec!["6"; 1024].join("\x1e")).assert_status(200);
        polling.assert_lives();
    });
    assert_post_ends("", vec!["6"; 1025].join("\x1e"), 400, "parse error");
}

#[test]
fn eio_09_open_from_a_client() {
    assert_packet_ends("0{}", 200, "parse error");
}

#[test]
fn eio_10_ping_from_a_client() {
    assert_packet_ends("2", 200, "transport error");
    assert_packet_ends("2probe", 200, "transport error");
}

#[test]
fn eio_11_base64_that_is_none() {
    for packet in ["b!!!!", "bAQ=", "b====", "bAQ ID", "b\u{e4}"] {
        assert_packet_ends(packet, 400, "parse error");
    }
}

#[test]
fn eio_12_octet_stream() {
    let header = "Content-Type: application/octet-stream\r\n";
    assert_post_ends(header, "\0\x02\u{ff}40", 400, "transport error");
}

#[test]
fn eio_13_compressed_body() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        for coding in ["gzip", "deflate", "br", "identity, gzip"] {
            let header = format!("Content-Encoding: {coding}\r\n");
            polling.post_as(&header, [0x1f, 0x8b, 8, 0]).assert_status(415);
        }
        // Nothing of it was read, so the session may go on.
        polling.assert_lives();
    });
    // 50 MB of zeros, as gzip writes them: a header and one block that repeats.
    let server = Process::start(&[]);
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &vec![0; 48_000]].concat();
    server.assert_bounded(bomb.len(), || {
        let polling = Polling::open(server.address);
        polling.post_as("Content-Encoding: gzip\r\n", &bomb).assert_status(415);
    });
}

#[test]
fn eio_14_invalid_utf_8() {
    for body in [&b"4\xff"[..], b"4\xc3(", b"4\xed\xa0\x80", b"\xf0\x9f", b"4a\x1e\x80"] {
        assert_post_ends("", body, 400, "parse error");
    }
}

/// A WebSocket that asks to take over this session.
fn candidate(scene: &Scene, polling: &Polling) -> WebSocket {
    WebSocket::of_session(scene.address(), &polling.sid).unwrap()
}

fn assert_closed(socket: &mut WebSocket) {
    let last = socket.receive().unwrap();
    assert!(matches!(last, Received::Close(_)), "{last:?}");
}

#[test]
fn eio_15_websocket_that_does_not_probe() {
    for word in ["4hello", "3", "2", "2other", "0{}", "1", "6", "abc", ""] {
        play(|scene| {
            let mut polling = Polling::open(scene.address());
            let mut socket = candidate(scene, &polling);
            socket.send(word).unwrap();
            assert_closed(&mut socket);
            polling.assert_lives();
        });
    }
}

#[test]
fn eio_16_second_upgrade_of_a_session() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut first = candidate(scene, &polling);
        first.send("2probe").unwrap();
        assert_eq!(first.text().unwrap(), "3probe");
        assert_closed(&mut candidate(scene, &polling));
        first.send("5").unwrap();
        first.send("40").unwrap();
        assert!(first.text().unwrap().starts_with("40{"));
        polling.moved();
    });
}

#[test]
fn eio_17_websocket_for_a_session_that_has_one() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut first = candidate(scene, &polling);
        for word in ["2probe", "5", "40"] {
            first.send(word).unwrap();
        }
        assert_eq!(first.text().unwrap(), "3probe");
        assert!(first.text().unwrap().starts_with("40{"));
        polling.moved();
        let mut second = candidate(scene, &polling);
        second.send("2probe").unwrap();
        assert_closed(&mut second);
        assert_eq!(first.text().unwrap(), r#"42["auth",{}]"#);
        first.send(r#"421["message-with-ack","mine"]"#).unwrap();
        assert_eq!(first.text().unwrap(), r#"431["mine"]"#);
    });
}

#[test]
fn eio_18_poll_of_a_websocket_session() {
    play(|scene| {
        let mut socket = WebSocket::open(scene.address(), "").unwrap();
        let greeting = socket.text().unwrap();
        let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        for method in ["GET", "POST"] {
            let path = format!("{POLLING}&sid={sid}");
            scene.ask(&format!("{method} {path} HTTP/1.1")).assert_error(3, "Bad request");
        }
        socket.send("40").unwrap();
        assert!(socket.text().unwrap().starts_with("40{"));
    });
}

#[test]
fn eio_19_upgrade_that_is_not_finished() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let brief = |config: &mut Config| {
        config.engine.upgrade_timeout_ms = TIMEOUT.as_millis() as u64;
    };
    for probe in [true, false] {
        play_with(brief, |scene| {
            let mut polling = Polling::open(scene.address());
            let begun = Instant::now();
            let mut socket = candidate(scene, &polling);
            if probe {
                socket.send("2probe").unwrap();
                assert_eq!(socket.text().unwrap(), "3probe");
            }
            assert_closed(&mut socket);
            assert!(begun.elapsed() >= TIMEOUT);
            polling.assert_lives();
        });
    }
}

#[test]
fn eio_22_pings_that_are_not_answered() {
    for transport in BOTH {
        for n_shards in [1, 2] {
            let begun = Instant::now();
            // The bystander is silent, too.
            let scene = Scene::start(|config| {
                config.server.shards = n_shards;
                config.engine.ping_interval_ms = 400;
                config.engine.ping_timeout_ms = 400;
            });
            let client = Client::open(scene.address(), transport);
            if let Client::Polling(polling) = &client {
                assert_eq!(polling.get().body, "2");
            }
            scene.wait_for("parlor_sessions_closed_total{reason=\"ping timeout\"}", 2);
            assert!(begun.elapsed() >= Duration::from_millis(800));
            if let Client::Polling(mut polling) = client {
                polling.assert_ended();
            }
        }
    }
}

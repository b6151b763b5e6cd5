//! What no list has: found by reading the server as somebody would who wants to break it.

use std::time::{Duration, Instant};

use parlor_server::{Config, Transport};
use parlor_tests::harness::{Received, WebSocket};

use super::{
    POLLING, Scene, assert_within,
    clients::{Client, Polling},
    frames::{OPENING, frame, joined, opening},
    play, play_with,
    process::Process,
};

/// A request that must never be answered: it travels as the body of another.
const SMUGGLED: &str = "GET /metrics HTTP/1.1\r\nHost: smuggled\r\n\r\n";

#[test]
fn a_refused_body_is_never_taken_for_a_request() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let length = SMUGGLED.len();
        let nobodys = format!("POST {POLLING}&sid=nobody HTTP/1.1\r\nHost: test\r\n");
        let own = polling.head("POST");
        for head in [
            format!("{nobodys}Content-Length: {length}\r\n\r\n"),
            format!("{nobodys}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"),
            format!("{own}Content-Length: {length}\r\nContent-Encoding: gzip\r\n\r\n"),
            format!(
                "GET {POLLING}&sid=nobody HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
            ),
            format!("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
            format!(
                "PUT {} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n",
                polling.path()
            ),
            format!("OPTIONS {POLLING} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
            format!("DELETE /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"),
        ] {
            for parted in [false, true] {
                let mut raw = scene.raw();
                raw.send(&head);
                let mut answer = if parted { Some(raw.answer()) } else { None };
                raw.send(SMUGGLED);
                let answer = answer.take().unwrap_or_else(|| raw.answer());
                assert!(!answer.body.contains("parlor_"), "{head}");
                // The next one is answered, or the connection is at its end.
                raw.send("GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
                while let Some(answer) = raw.answer_or_end() {
                    assert!(!answer.body.contains("parlor_"), "{head}");
                }
            }
        }
        polling.assert_lives();
    });
}

#[test]
fn requests_behind_an_upgrade_are_frames() {
    play(|scene| {
        for n_whole in [OPENING.len() + SMUGGLED.len(), OPENING.len(), 20] {
            let wire = format!("{OPENING}{SMUGGLED}");
            let mut raw = scene.raw();
            raw.send(&wire[..n_whole]);
            if n_whole < wire.len() {
                scene.let_read();
                raw.send(&wire[n_whole..]);
            }
            raw.answer().assert_status(101);
            let rest = raw.read_to_end();
            assert!(!rest.contains("HTTP/1.1"), "{rest}");
            assert!(rest.contains("reserved bit set"), "{rest}");
        }
    });
}

#[test]
fn requests_behind_a_refused_upgrade_are_not_answered() {
    play(|scene| {
        for refused in [
            opening("Version: 13", "Version: 7"),
            opening("EIO=4", "EIO=3"),
            opening("GET", "POST"),
            opening("Host: test\r\n", ""),
        ] {
            let mut raw = scene.raw();
            raw.send(format!("{refused}{SMUGGLED}"));
            assert!(raw.answer().status >= 400);
            raw.assert_ends();
        }
    });
}

#[test]
fn what_is_no_http_of_today_is_refused() {
    play(|scene| {
        for request in [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET /livez\r\n\r\n",
            "GET /livez HTTP/0.9\r\n\r\n",
            "GET /livez HTTP/1.2\r\nHost: a\r\n\r\n",
            "GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /livez HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET /livez HTTP/1.1\r\nHost: a\r\nA\r\n\r\n",
            "GET /livez HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
            "GET /livez HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n",
            "GET /livez HTTP/1.1\r\nHost: a\r\nA: \x01\r\n\r\n",
            "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
            "G\u{e4}T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /socket.io/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            let mut raw = scene.raw();
            raw.send(request);
            raw.finish_writing();
            if let Some(answer) = raw.answer_or_end() {
                assert!([400, 505].contains(&answer.status), "{request:?}: {}", answer.head);
                raw.assert_ends();
            }
        }
    });
}

#[test]
fn other_forms_of_a_target_lead_nowhere_else() {
    play(|scene| {
        let refused = |target: &str, status: u16| {
            let answer = scene.ask(&format!("GET {target} HTTP/1.1"));
            assert_eq!(answer.status, status, "{target}: {}", answer.head);
        };
        // Whose host it names does not matter, as with the Host header.
        let absolute = format!("GET http://evil.example{POLLING} HTTP/1.1");
        Polling::opened(scene.address(), &scene.ask(&absolute));
        Polling::opened(scene.address(), &scene.ask(&format!("GET {POLLING}#part HTTP/1.1")));
        refused("/socket%2eio/?EIO=4&transport=polling", 404);
        refused("/%73ocket.io/?EIO=4&transport=polling", 404);
        refused("/socket.io?EIO=4&transport=polling", 404);
        refused("//socket.io/?EIO=4&transport=polling", 404);
        refused("/SOCKET.IO/?EIO=4&transport=polling", 404);
        refused("/livez/..", 404);
        scene.ask("OPTIONS * HTTP/1.1").assert_status(405);
        assert!(scene.ask("CONNECT evil.example:443 HTTP/1.1").status >= 400);
    });
}

#[test]
fn nothing_but_a_go_ahead_can_be_expected() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        for what in ["x", "", "100-continue, x"] {
            let mut raw = scene.raw();
            let head = format!("{}Expect: {what}\r\nContent-Length: 2\r\n", polling.head("POST"));
            raw.ask(&format!("{head}\r\n40")).assert_status(417);
            raw.assert_ends();
        }
        polling.assert_lives();
    });
}

#[test]
fn what_a_query_says_may_be_escaped() {
    play(|scene| {
        let opened = scene.ask("GET /socket.io/?%45IO=%34&transport=%70olling HTTP/1.1");
        let mut polling = Polling::opened(scene.address(), &opened);
        let first = polling.sid.as_bytes()[0];
        let path = format!("{POLLING}&s%69d=%{first:02x}{}", &polling.sid[1..]);
        let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n3");
        scene.raw().ask(&head).assert_status(200);
        polling.assert_lives();
        for query in ["EIO=4%20&transport=polling", "EIO=4&transport=%2570olling", "EIO=4&EI%4F=4"]
        {
            let answer = scene.ask(&format!("GET /socket.io/?{query} HTTP/1.1"));
            assert_eq!(answer.status, 400, "{query}");
        }
    });
}

#[test]
fn http_1_0_is_served_once_a_connection() {
    play(|scene| {
        let request = format!("GET {POLLING} HTTP/1.0\r\n\r\n");
        let mut raw = scene.raw();
        let answer = raw.ask(&request);
        Polling::opened(scene.address(), &answer);
        raw.assert_ends();
    });
}

#[test]
fn chunks_that_break_the_rules_end_the_session() {
    play(|scene| {
        for body in [
            "fffffffffffffffff\r\n40",
            "-2\r\n40\r\n0\r\n\r\n",
            "0x2\r\n40\r\n0\r\n\r\n",
            "2\n40\r\n0\r\n\r\n",
            "2\r\n40X\r\n0\r\n\r\n",
            "\r\n40\r\n0\r\n\r\n",
        ] {
            let mut polling = Polling::open(scene.address());
            let mut raw = scene.raw();
            raw.send(format!("{}Transfer-Encoding: chunked\r\n\r\n{body}", polling.head("POST")));
            raw.send(SMUGGLED);
            if let Some(answer) = raw.answer_or_end() {
                answer.assert_status(400);
                raw.assert_ends();
            }
            polling.assert_ended();
        }
    });
}

#[test]
fn what_stands_beside_chunks_is_limited() {
    let server = Process::start(&[]);
    let extension = format!("1;{}", "x".repeat(100_000));
    let trailer = format!("0\r\nA: {}", "x".repeat(100_000));
    let trailers = format!("0\r\n{}", "A: b\r\n".repeat(20_000));
    for body in [extension, trailer, trailers] {
        server.assert_bounded(body.len(), || {
            let mut polling = Polling::open(server.address);
            let mut raw = super::clients::Raw::open(server.address);
            raw.send(format!("{}Transfer-Encoding: chunked\r\n\r\n", polling.head("POST")));
            raw.send(&body);
            if let Some(answer) = raw.answer_or_end() {
                assert!(answer.status >= 400, "{}", answer.head);
            }
            polling.assert_ended();
        });
    }
}

#[test]
fn chunks_of_one_byte_hold_nobody_up() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut raw = scene.raw();
        raw.send(format!("{}Transfer-Encoding: chunked\r\n\r\n", polling.head("POST")));
        let chunks = "1\r\na\r\n".repeat(3_000);
        for _ in 0..10 {
            raw.send(&chunks);
            assert_within(Duration::from_millis(100), || scene.assert_bystander_goes_on());
        }
        raw.send("0\r\n\r\n");
        // What came is no packet.
        raw.answer().assert_status(400);
        polling.assert_ended();
    });
}

#[test]
fn a_poll_given_up_with_something_behind_it_ends_by_its_ping() {
    // hyper does not look whether a client has left while it has something of it to read.
    let quick = |config: &mut Config| {
        (config.engine.ping_interval_ms, config.engine.ping_timeout_ms) = (400, 400);
    };
    for n_shards in [1, 2] {
        let scene = Scene::start(|config| {
            config.server.shards = n_shards;
            quick(config);
        });
        let mut polling = Polling::open(scene.address());
        let mut raw = scene.raw();
        raw.send(format!("{}\r\nGET /livez", polling.head("GET")));
        drop(raw);
        scene.wait_for("parlor_sessions{transport=\"polling\"}", 0);
        polling.assert_ended();
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    let brief = |config: &mut Config| config.limits.body_timeout_ms = TIMEOUT.as_millis() as u64;
    for body in ["", "4", "40\x1e"] {
        play_with(brief, |scene| {
            let begun = Instant::now();
            let mut polling = Polling::open(scene.address());
            let mut raw = scene.raw();
            raw.send(format!("{}Content-Length: 100\r\n\r\n{body}", polling.head("POST")));
            raw.answer().assert_status(408);
            raw.assert_ends();
            assert!(begun.elapsed() >= TIMEOUT);
            polling.assert_ended();
            scene.assert_ended("transport error");
        });
    }
}

#[test]
fn a_poll_with_something_behind_it_is_one_poll() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let mut raw = scene.raw();
        let (get, post) = (polling.head("GET"), polling.head("POST"));
        // They are answered in turn: the POST is not heard before the poll has something to say.
        raw.send(format!("{get}\r\n{post}Content-Length: 2\r\n\r\n40"));
        polling.post("40").assert_status(200);
        let answer = raw.answer();
        assert!(answer.body.starts_with("40{"), "{}", answer.body);
        // Which is a second CONNECT to the same namespace.
        raw.answer().assert_status(200);
        polling.assert_ended();
        scene.assert_ended("forced close");
    });
}

#[test]
fn nothing_is_heard_behind_a_good_bye() {
    play(|scene| {
        for last in [frame(0x88, &[3, 232]), frame(0x81, b"1"), frame(0x83, b""), frame(0x81, b"7")]
        {
            let mut socket = joined(scene.address());
            let mut wire = last;
            for text in [r#"421["message-with-ack"]"#, "2", "0{}", "40", "1"] {
                wire.extend(frame(0x81, text.as_bytes()));
            }
            wire.extend(frame(0x89, b"ping").repeat(500));
            wire.extend(frame(0x80, b"nothing begun").repeat(500));
            let _ = socket.write(&wire);
            let received = socket.receive().unwrap();
            assert!(matches!(received, Received::Close(_)), "{received:?}");
        }
    });
}

#[test]
fn who_says_good_bye_and_goes_on_writing_is_not_kept() {
    play(|scene| {
        let mut socket = joined(scene.address());
        socket.write(&frame(0x88, &[3, 232])).unwrap();
        assert_eq!(socket.receive().unwrap(), Received::Close(Some(1000)));
        scene.assert_ended("transport close");
        let begun = Instant::now();
        while socket.write(&frame(0x82, &[0; 10_000])).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is still listened to");
        }
    });
}

#[test]
fn a_socket_of_one_transport_is_none_of_the_other() {
    play(|scene| {
        // What came by polling is not finished by the WebSocket that takes over, nor refused.
        let mut polling = Polling::open(scene.address());
        polling.post("40").assert_status(200);
        polling.post(r#"451-["message",{"_placeholder":true,"num":0}]"#).assert_status(200);
        let mut socket = WebSocket::of_session(scene.address(), &polling.sid).unwrap();
        socket.send("2probe").unwrap();
        assert_eq!(socket.text().unwrap(), "3probe");
        socket.send("5").unwrap();
        polling.moved();
        socket.write(&frame(0x82, b"x")).unwrap();
        assert!(socket.text().unwrap().starts_with("40{"));
        assert_eq!(socket.text().unwrap(), r#"42["auth",{}]"#);
        let back = r#"451-["message-back",{"_placeholder":true,"num":0}]"#;
        assert_eq!(socket.text().unwrap(), back);
        assert_eq!(socket.receive().unwrap(), Received::Binary(b"x".to_vec()));
    });
}

#[test]
fn coming_and_going_leaves_nothing() {
    play(|scene| {
        for transport in [Transport::Polling, Transport::WebSocket] {
            let mut client = Client::join(scene.address(), transport);
            for _ in 0..200 {
                client.send("41");
                client.send("40");
                assert!(client.next().starts_with("40{"));
                client.expect(r#"42["auth",{}]"#);
            }
            client.assert_echoes();
        }
    });
}

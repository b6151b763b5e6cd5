//! Bad HTTP: requests that no client should make, and bytes that are none.

use std::time::{Duration, Instant};

use parlor_server::Config;

use super::{POLLING, Scene, clients::Polling, play, play_with};

/// What a GET of this path is refused with.
fn assert_refused(path: &str, code: u8, message: &str) {
    play(|scene| scene.ask(&format!("GET {path} HTTP/1.1")).assert_error(code, message));
}

/// These bytes are answered with this status or with nothing, and no word of them is heard after.
fn assert_hung_up_on(scene: &Scene, bytes: impl AsRef<[u8]>, statuses: &[u16]) {
    let mut raw = scene.raw();
    raw.send(bytes);
    if let Some(answer) = raw.answer_or_end() {
        assert!(statuses.contains(&answer.status), "{}", answer.head);
        raw.assert_ends();
    }
}

#[test]
fn http_01_no_query() {
    assert_refused("/socket.io/", 0, "Transport unknown");
}

#[test]
fn http_02_protocol_2() {
    for version in ["2", "3", "5", "44", "", "4%20", "four"] {
        let path = format!("/socket.io/?EIO={version}&transport=polling");
        assert_refused(&path, 5, "Unsupported protocol version");
    }
}

#[test]
fn http_03_transport_abc() {
    assert_refused("/socket.io/?EIO=4&transport=abc", 0, "Transport unknown");
}

#[test]
fn http_04_transport_proto() {
    for transport in ["__proto__", "constructor", "toString", "webtransport", ""] {
        let path = format!("/socket.io/?EIO=4&transport={transport}");
        assert_refused(&path, 0, "Transport unknown");
    }
}

#[test]
fn http_05_unknown_sid() {
    assert_refused(&format!("{POLLING}&sid=unknown"), 1, "Session ID unknown");
    // One that could be ours, of any shard.
    for letter in ["A", "b", "7"] {
        let sid = letter.repeat(24);
        assert_refused(&format!("{POLLING}&sid={sid}"), 1, "Session ID unknown");
    }
}

#[test]
fn http_06_sid_proto() {
    assert_refused(&format!("{POLLING}&sid=__proto__"), 1, "Session ID unknown");
}

#[test]
fn http_07_post_to_sid_constructor() {
    play(|scene| {
        let mut raw = scene.raw();
        let head = format!("POST {POLLING}&sid=constructor HTTP/1.1\r\nHost: test\r\n");
        raw.ask(&format!("{head}Content-Length: 2\r\n\r\n40"))
            .assert_error(1, "Session ID unknown");
    });
}

#[test]
fn http_08_handshake_by_post() {
    play(|scene| {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = scene.ask(&format!("{method} {POLLING} HTTP/1.1\r\nContent-Length: 0"));
            answer.assert_error(2, "Bad handshake method");
        }
    });
}

/// The method is not for sessions, and the session does not mind.
fn assert_not_allowed(method: &str) {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        let answer = scene.ask(&format!("{method} {} HTTP/1.1", polling.path()));
        answer.assert_status(405);
        assert_eq!(answer.header("allow"), Some("GET, POST, OPTIONS"));
        polling.assert_lives();
    });
}

#[test]
fn http_09_put_with_a_live_sid() {
    assert_not_allowed("PUT");
}

#[test]
fn http_10_delete_with_a_live_sid() {
    assert_not_allowed("DELETE");
    assert_not_allowed("PATCH");
}

#[test]
fn http_11_sid_of_100_kb() {
    play(|scene| {
        let path = format!("{POLLING}&sid={}", "a".repeat(100_000));
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_hung_up_on(scene, request, &[414, 431]);
    });
}

#[test]
fn http_12_header_of_64_kb() {
    play(|scene| {
        let head = |n: usize| {
            let long = "b".repeat(n);
            format!(
                "GET {POLLING} HTTP/1.1\r\nHost: test\r\nA: {long}\r\nConnection: close\r\n\r\n"
            )
        };
        assert_hung_up_on(scene, head(64_000), &[431]);
        // 16 KiB in all, and one byte more.
        let n = 16 * 1024 - head(0).len();
        Polling::opened(scene.address(), &scene.raw().ask(&head(n - 1)));
        assert_hung_up_on(scene, head(n + 1), &[431]);
    });
}

#[test]
fn http_13_5000_headers() {
    play(|scene| {
        let many = "A: b\r\n".repeat(5000);
        let request = format!("GET {POLLING} HTTP/1.1\r\nHost: test\r\n{many}\r\n");
        assert_hung_up_on(scene, request, &[431]);
        let request = |n: usize| {
            let many = "A: b\r\n".repeat(n - 2);
            format!("GET /livez HTTP/1.1\r\nHost: test\r\n{many}Connection: close\r\n\r\n")
        };
        scene.raw().ask(&request(100)).assert_status(200);
        assert_hung_up_on(scene, request(101), &[431]);
    });
}

#[test]
fn http_14_repeated_parameters() {
    for path in [
        format!("{POLLING}&transport=polling"),
        "/socket.io/?EIO=4&transport=websocket&transport=polling".to_owned(),
        format!("{POLLING}&sid=a&sid=b"),
        format!("{POLLING}&EIO=4"),
    ] {
        assert_refused(&path, 3, "Bad request");
    }
}

#[test]
fn http_15_zero_and_ff_in_the_query() {
    play(|scene| {
        for query in ["&a=%00", "&%00=%ff", "&a=%ff%fe", "&%", "&a=%zz", "&t=\u{e4}"] {
            let answer = scene.ask(&format!("GET {POLLING}{query} HTTP/1.1"));
            if answer.status != 400 {
                Polling::opened(scene.address(), &answer);
            }
        }
        let strange = format!("{POLLING}&sid=%00");
        scene.ask(&format!("GET {strange} HTTP/1.1")).assert_error(1, "Session ID unknown");
    });
}

#[test]
fn http_16_content_length_and_transfer_encoding() {
    const CHUNKED: &str = "1\r\n6\r\n0\r\n\r\n";
    play(|scene| {
        for (lengths, body, statuses) in [
            ("Content-Length: 3\r\nTransfer-Encoding: chunked", CHUNKED, &[400][..]),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3", CHUNKED, &[400]),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n", &[400]),
            ("Transfer-Encoding: chunked, identity", CHUNKED, &[400]),
            ("Transfer-Encoding: xchunked", CHUNKED, &[400]),
            ("Transfer-Encoding : chunked\r\nContent-Length: 1", "6", &[400]),
        ] {
            let polling = Polling::open(scene.address());
            let second = polling.head("GET");
            let head = format!("{}{lengths}\r\n\r\n", polling.head("POST"));
            assert_hung_up_on(scene, format!("{head}{body}{second}\r\n"), statuses);
            polling.leave();
        }
    });
}

#[test]
fn http_17_two_content_lengths() {
    play(|scene| {
        for lengths in [
            "Content-Length: 2\r\nContent-Length: 3",
            "Content-Length: 2\r\nContent-Length: 2",
            "Content-Length: 2, 3",
            "Content-Length: +2",
            "Content-Length: -1",
            "Content-Length: 0x2",
            "Content-Length: 99999999999999999999999",
            "Content-Length: ",
        ] {
            let head = format!("POST {POLLING}&sid=x HTTP/1.1\r\nHost: test\r\n{lengths}\r\n\r\n");
            assert_hung_up_on(scene, format!("{head}400{head}400"), &[400]);
        }
    });
}

#[test]
fn http_18_no_host() {
    play(|scene| {
        for head in
            ["GET /livez HTTP/1.1\r\n\r\n", "GET /socket.io/?EIO=4 HTTP/1.1\r\nA: b\r\n\r\n"]
        {
            assert_hung_up_on(scene, head, &[400]);
        }
        // Two of them are none (RFC 9112 § 3.2).
        let two = "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
        assert_hung_up_on(scene, two, &[400]);
    });
}

#[test]
fn http_19_line_ends_in_the_origin() {
    let listed = |config: &mut Config| {
        config.cors.origins = vec!["http://a".to_owned(), "http://b".to_owned()];
    };
    play_with(listed, |scene| {
        for origin in [
            "http://a\rX-Evil: 1",
            "http://a\nX-Evil: 1",
            "http://a\r\n X-Evil: 1",
            "http://a\0",
            "http://a\x7f",
        ] {
            let request =
                format!("GET {POLLING} HTTP/1.1\r\nHost: test\r\nOrigin: {origin}\r\n\r\n");
            assert_hung_up_on(scene, request, &[400]);
        }
        for origin in ["http://a%0d%0aX-Evil: 1", "http://a, X-Evil: 1"] {
            let head = format!("GET {POLLING} HTTP/1.1\r\nOrigin: {origin}");
            let answer = scene.ask(&head);
            assert!(!answer.head.to_lowercase().contains("evil"), "{}", answer.head);
            Polling::opened(scene.address(), &answer);
        }
        // What a preflight asks for is told again: one line of it.
        let preflight = |headers: &str| {
            let head = "OPTIONS /socket.io/ HTTP/1.1\r\nOrigin: http://a";
            scene.ask(&format!("{head}\r\nAccess-Control-Request-Headers: {headers}"))
        };
        preflight("a, b").assert_status(204);
        preflight("a\rX-Evil: 1").assert_status(400);
        preflight("a\nX-Evil: 1").assert_status(400);
    });
}

#[test]
fn http_20_path_traversal() {
    play(|scene| {
        for path in [
            "/socket.io/../../etc/passwd",
            "/socket.io/%2e%2e/%2E./etc/passwd",
            "/../etc/passwd",
            "/..%2f..%2fetc/passwd",
            "/socket.io/..?EIO=4&transport=polling",
            "/%00",
            "//etc/passwd",
        ] {
            scene.ask(&format!("GET {path} HTTP/1.1")).assert_status(404);
        }
    });
}

#[test]
fn http_21_garbage() {
    play(|scene| {
        let mut random = 7u32;
        for _ in 0..20 {
            let garbage = (0..1024).map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 24) as u8
            });
            let mut raw = scene.raw();
            raw.send(garbage.collect::<Vec<u8>>());
            raw.finish_writing();
            if let Some(answer) = raw.answer_or_end() {
                answer.assert_status(400);
                raw.assert_ends();
            }
        }
    });
}

#[test]
fn http_22_preflight_from_a_foreign_origin() {
    let head = "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n\
                Origin: http://evil.example\r\nAccess-Control-Request-Method: POST";
    for origins in [&["http://good.example"][..], &["http://good.example", "http://b"]] {
        let listed = |config: &mut Config| {
            config.cors.origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            config.cors.credentials = true;
        };
        play_with(listed, |scene| {
            let answer = scene.ask(head);
            answer.assert_status(204);
            assert_eq!(answer.header("access-control-allow-origin"), None, "{}", answer.head);
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{}", answer.head);
            let good = scene.ask(&head.replace("evil", "good"));
            assert_eq!(good.header("access-control-allow-origin"), Some("http://good.example"));
        });
    }
    // Nothing is allowed unless something is listed.
    play(|scene| {
        let answer = scene.ask(head);
        answer.assert_error(2, "Bad handshake method");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{}", answer.head);
    });
}

#[test]
fn http_23_tls_on_the_plain_port() {
    play(|scene| {
        let mut hello = vec![0x16, 3, 1, 0, 0xf8, 1, 0, 0, 0xf4, 3, 3];
        hello.extend([0x5a; 242]);
        assert_hung_up_on(scene, hello, &[400]);
    });
}

#[test]
fn http_24_slowloris() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let brief = |config: &mut Config| {
        config.limits.header_timeout_ms = TIMEOUT.as_millis() as u64;
    };
    play_with(brief, |scene| {
        let begun = Instant::now();
        let mut slow: Vec<_> = (0..20).map(|_| scene.raw()).collect();
        let head = format!("GET {POLLING} HTTP/1.1\r\nHost: test\r\nA: ");
        slow.iter_mut().for_each(|raw| raw.send(&head));
        // A letter at a time, for as long as it is taken.
        for raw in &mut slow {
            raw.stream.set_read_timeout(Some(TIMEOUT / 10)).unwrap();
            while !raw.has_ended() {
                raw.send("b");
            }
        }
        assert!(begun.elapsed() >= TIMEOUT);
        assert!(begun.elapsed() < 10 * TIMEOUT, "they are not waited for one after the other");
        scene.assert_bystander_goes_on();
    });
}

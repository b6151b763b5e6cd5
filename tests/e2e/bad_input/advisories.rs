//! What other servers were harmed by: one test for each published advisory that concerns a server
//! of today's Parlor, in the order of the project's list.
//! What is not spoken yet comes with its tests: 6 and 7 with WebTransport, the second half of 16
//! with msgpack, the first form of 1 with Engine.IO v3. Five have none of their own: 10 is about a
//! client's TLS and about cookies that a server sets, and this one only reads one (`accounts.rs`);
//! 24 is a mistake of callers that types rule out; of 29 nothing is known; what 30 says of a bus
//! is tried with any bytes by `src/fuzz/bus.rs`.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parlor_server::{Config, Transport};
use parlor_shared::websocket::{Opcode, write_masked_frame};
use parlor_tests::harness::{DEADLINE, Received};
use socket2::SockRef;
use tokio::sync::Notify;

use super::{
    assert_answered, assert_guest_cut,
    clients::{Client, Polling, Raw},
    frames::{OPENING, any_number, assert_closes, end_of, frame, joined, opening},
    play, play_both, play_with,
    process::Process,
};

/// A tick of a match of 20 a second, which nobody may lose to another's input.
const TICK: Duration = Duration::from_millis(50);
/// The default of `engine.max_payload`.
const MAX_PAYLOAD: usize = 1_000_000;

#[test]
fn adv_01_cve_2020_36048_a_body_of_many_tiny_packets() {
    let server = Process::start(&[]);
    for part in ["1:2", "2:40", "\x1e", "4\x1e", "b\x1e", "999999999:4"] {
        let body = part.repeat(MAX_PAYLOAD / part.len());
        server.assert_bounded(body.len(), || {
            let mut polling = Polling::open(server.address);
            let took = server.cpu(|| drop(polling.post(&body)));
            assert!(took < TICK, "{part:?}: {took:?}");
            polling.assert_ended();
        });
    }
}

#[test]
fn adv_02_cve_2022_21676_an_upgrade_with_a_body() {
    for length in ["", "Content-Length: 4\r\n"] {
        play(|scene| {
            let polling = Polling::open(scene.address());
            let of_session = format!("transport=websocket&sid={}", polling.sid);
            for path in ["transport=websocket", &of_session] {
                for body in [&b"test"[..], b"\x80\x80\x80\x80", b"\xf1\xff\xff\xff"] {
                    let head = opening("transport=websocket", path);
                    let head = head.replacen("Host", &format!("{length}Host"), 1);
                    let mut raw = scene.raw();
                    raw.send([head.as_bytes(), body].concat());
                    raw.answer().assert_status(101);
                    raw.finish_writing();
                    while !raw.has_ended() {}
                }
            }
        });
    }
}

#[test]
fn adv_03_cve_2022_41940_a_reset_right_behind_a_request() {
    play(|scene| {
        let polling = Polling::open(scene.address());
        let requests = [
            opening("GET", "HEAD"),
            opening("Upgrade: websocket", "Upgrade: h2c"),
            opening("/socket.io/", "/elsewhere/"),
            opening("EIO=4", "EIO=3"),
            opening("transport=websocket", &format!("transport=websocket&sid={}", polling.sid)),
            OPENING.to_owned(),
            format!("{}\r\n", polling.head("GET")),
            format!("{}Content-Length: 100\r\n\r\n4", polling.head("POST")),
            "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100),
        ];
        for request in &requests {
            for n_bytes in [request.len(), request.len() / 2] {
                let mut raw = scene.raw();
                raw.send(&request[..n_bytes]);
                SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        // Whether it has ended over a poll or a body that was cut off, nobody can say.
        polling.leave();
    });
}

#[test]
fn adv_04_cve_2023_31125_an_upgrade_to_proto() {
    play(|scene| {
        for transport in ["__proto__", "constructor", "hasOwnProperty", "webtransport", ""] {
            let mut raw = scene.raw();
            let path = format!("transport={transport} ");
            let answer = raw.ask(&opening("transport=websocket ", &path));
            assert_eq!((answer.status, &*answer.body), (400, "Transport unknown"));
            raw.assert_ends();
        }
    });
}

#[test]
fn adv_05_cve_2026_59725_binary_bodies_are_answered() {
    play(|scene| {
        for _ in 0..20 {
            let mut polling = Polling::open(scene.address());
            let header = "Content-Type: application/octet-stream\r\n";
            polling.post_as(header, b"\x04\x00").assert_status(400);
            polling.assert_ended();
        }
    });
}

#[test]
fn adv_08_an_upgrade_that_speaks_another_protocol() {
    play(|scene| {
        let mut polling = Polling::open(scene.address());
        for version in ["EIO=3", "EIO=", "EIO=5", "eio=4"] {
            let own = format!("{version}&transport=websocket&sid={}", polling.sid);
            let mut raw = scene.raw();
            let answer = raw.ask(&opening("EIO=4&transport=websocket", &own));
            assert_eq!((answer.status, &*answer.body), (400, "Bad request"));
            raw.assert_ends();
        }
        polling.assert_lives();
    });
}

#[test]
fn adv_09_a_websocket_without_an_upgrade() {
    play(|scene| {
        let path = "/socket.io/?EIO=4&transport=websocket";
        scene.ask(&format!("GET {path} HTTP/1.1")).assert_error(3, "Bad request");
        let half = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket";
        scene.ask(half).assert_error(3, "Bad request");
    });
}

#[test]
fn adv_11_cve_2017_16031_ids_are_random() {
    play(|scene| {
        let ids: Vec<String> =
            (0..300).map(|_| Polling::open(scene.address()).sid.clone()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        // Each letter of them has 64 values; in 300 ids nearly all are seen at every place.
        for place in 0..24 {
            let letters: BTreeSet<u8> = ids.iter().map(|id| id.as_bytes()[place]).collect();
            assert!(letters.len() > 48, "place {place}: {}", letters.len());
        }
    });
}

#[test]
fn adv_12_cve_2020_28481_no_origin_is_allowed_unless_listed() {
    play(|scene| {
        let open =
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nOrigin: http://evil.example";
        let polling = scene.ask(open);
        drop(Polling::opened(scene.address(), &polling));
        let mut raw = scene.raw();
        let websocket = raw.ask(&opening("Host", "Origin: http://evil.example\r\nHost"));
        websocket.assert_status(101);
        for answer in [polling, websocket] {
            assert!(!answer.head.to_lowercase().contains("access-control"), "{}", answer.head);
        }
    });
}

#[test]
fn adv_13_cve_2024_38355_an_event_named_error() {
    assert_answered(r#"42["error"]"#, None);
    assert_answered(r#"42["error",{"message":1}]"#, None);
}

#[test]
fn adv_14_cve_2020_36049_packets_built_letter_by_letter() {
    let server = Process::start(&[]);
    // As fast as what is honest: a build that is not optimized, on a busy machine, takes its time.
    let honest = format!(r#"42["no such event","{}"]"#, "1".repeat(MAX_PAYLOAD - 100));
    for (before, after) in
        [("42", "[\"message\"]"), ("43", "[]"), ("45", "-[\"message\"]"), ("40", "")]
    {
        let packet = format!("{before}{}{after}", "1".repeat(MAX_PAYLOAD - 20));
        server.assert_bounded(packet.len(), || {
            let wait = Instant::now();
            loop {
                let limit = server.cpu(|| {
                    let mut client = Client::join(server.address, Transport::WebSocket);
                    client.send(&honest);
                    client.assert_echoes();
                });
                let mut client = Client::join(server.address, Transport::WebSocket);
                let took = server.cpu(|| {
                    client.send(&packet);
                    client.assert_ends();
                });
                if took < TICK.max(2 * limit) {
                    break;
                }
                // What else runs changes what the same work costs.
                assert!(
                    wait.elapsed() < DEADLINE,
                    "{before}: {took:?}, {limit:?}, again and again"
                );
            }
        });
    }
}

#[test]
fn adv_15_cve_2022_2421_a_placeholder_names_a_method() {
    for num in ["\"splice\"", "\"length\"", "-1", "1"] {
        assert_guest_cut(&format!(r#"451-["x",{{"_placeholder":true,"num":{num}}}]"#));
    }
}

#[test]
fn adv_16_cve_2023_32695_an_event_named_by_an_object() {
    assert_guest_cut(r#"42[{"toString":"foo"}]"#);
    assert_guest_cut(r#"421[{"toString":"foo"},1]"#);
}

#[test]
fn adv_17_cve_2026_33151_attachments_without_end() {
    let server = Process::start(&[]);
    let attachment = vec![7; 10_000];
    server.assert_bounded(100 * attachment.len(), || {
        let mut client = Client::join(server.address, Transport::WebSocket);
        client.send(r#"4599999-["x",{"_placeholder":true,"num":0}]"#);
        for _ in 0..100 {
            client.send_bytes(&attachment);
        }
        client.assert_ends();
    });
}

#[test]
fn adv_18_cve_2026_69185_attachments_of_a_packet_that_has_none() {
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        client.send(r#"450-["a"]"#);
        client.send_bytes(b"one");
        client.assert_ends();
        scene.assert_ended("forced close");
    });
    let server = Process::start(&[]);
    server.assert_bounded(1000 * 1000, || {
        let mut client = Client::join(server.address, Transport::WebSocket);
        client.send(r#"450-["a"]"#);
        for _ in 0..1000 {
            client.send_bytes(&[7; 1000]);
        }
        client.assert_ends();
    });
}

#[test]
fn adv_19_cve_2016_10518_a_pong_holds_its_pings_bytes_and_no_others() {
    play(|scene| {
        let mut socket = joined(scene.address());
        for n_bytes in [0, 1, 2, 50, 124, 125] {
            let payload: Vec<u8> = (0..n_bytes).collect();
            socket.write(&frame(0x89, &payload)).unwrap();
            assert_eq!(socket.receive().unwrap(), Received::Pong(payload));
        }
    });
}

#[test]
fn adv_20_cve_2016_10542_a_frame_of_2_gib_is_announced() {
    let server = Process::start(&[]);
    server.assert_bounded(0, || {
        for length in [1u64 << 31, (1 << 31) + 1, 1 << 32, u64::MAX >> 1] {
            let header = [&[0x82, 0xff][..], &length.to_be_bytes(), &[7, 1, 8, 2]].concat();
            let mut socket = joined(server.address);
            socket.write(&header).unwrap();
            assert_eq!(socket.receive().unwrap(), Received::Close(Some(1009)));
        }
    });
}

#[test]
fn adv_21_ghsa_5v72_extensions_named_like_methods() {
    play(|scene| {
        for offer in [
            "constructor",
            "__proto__",
            "toString; a=b",
            ";,;",
            "permessage-deflate; a=\"",
            "\u{e4}",
        ] {
            let mut raw = scene.raw();
            let header = format!("Sec-WebSocket-Extensions: {offer}\r\nHost");
            let answer = raw.ask(&opening("Host", &header));
            answer.assert_status(101);
            assert_eq!(answer.header("sec-websocket-extensions"), None);
        }
    });
}

#[test]
fn adv_22_cve_2021_32640_a_protocol_and_many_blanks() {
    let server = Process::start(&[]);
    // What offers no protocol is refused, and no extension is taken.
    for (name, status) in [("Protocol", 400), ("Extensions", 101)] {
        let header = format!("Sec-WebSocket-{name}: a{}x\r\nHost", " ".repeat(15_000));
        let took = server.cpu(|| {
            let mut raw = Raw::open(server.address);
            raw.ask(&opening("Host", &header)).assert_status(status);
        });
        assert!(took < TICK, "{took:?}");
    }
}

#[test]
fn adv_23_cve_2024_37890_more_headers_than_may_be_before_the_upgrade() {
    play(|scene| {
        for n_headers in [101, 2001, 5000] {
            let many = "A: b\r\n".repeat(n_headers);
            let mut raw = scene.raw();
            raw.send(opening("Host", &format!("{many}Host")));
            if let Some(answer) = raw.answer_or_end() {
                answer.assert_status(431);
                raw.assert_ends();
            }
        }
    });
}

#[test]
fn adv_25_cve_2026_48779_fragments_without_end() {
    let mut wire = frame(1, b"4");
    wire.extend(frame(0, b"x").repeat(131_000));
    assert_closes(&wire, 1008);
    let server = Process::start(&[]);
    server.assert_bounded(wire.len(), || {
        let mut socket = joined(server.address);
        let _ = socket.write(&wire);
        assert_eq!(end_of(&mut socket), Received::Close(Some(1008)));
    });
}

#[test]
fn adv_26_pings_of_a_peer_that_reads_nothing() {
    let server = Process::start(&[]);
    let flood = frame(0x89, &[b'x'; 125]).repeat(5000);
    server.assert_bounded(flood.len(), || {
        let mut socket = joined(server.address);
        for _ in 0..10 {
            let _ = socket.write(&flood);
        }
        loop {
            match socket.receive().unwrap() {
                Received::Pong(_) => {}
                last => break assert_eq!(last, Received::Close(Some(1008))),
            }
        }
    });
}

#[test]
fn adv_27_cve_2026_48802_pongs_that_nobody_asked_for() {
    const INTERVAL: Duration = Duration::from_millis(200);
    let mut pongs = Vec::new();
    write_masked_frame(&mut pongs, Opcode::Text, b"3", [7, 1, 8, 2]);
    let pongs = pongs.repeat(100_000);
    let server = Process::start(&["--ping-interval", "200", "--ping-timeout", "20000"]);
    server.assert_bounded(pongs.len(), || {
        let mut socket = joined(server.address);
        let _ = socket.write(&pongs);
        assert_eq!(end_of(&mut socket), Received::Close(Some(1008)));
    });
    // It is pinged once an interval all the same.
    let quick = |config: &mut Config| {
        any_number(config);
        config.engine.ping_interval_ms = INTERVAL.as_millis() as u64;
    };
    play_with(quick, |scene| {
        let begun = Instant::now();
        let mut socket = joined(scene.address());
        socket.write(&pongs).unwrap();
        for n_pings in 1..4 {
            assert_eq!(socket.receive_all().unwrap(), Received::Text("2".to_owned()));
            assert!(begun.elapsed() >= INTERVAL * n_pings, "{:?}", begun.elapsed());
            socket.send("3").unwrap();
        }
    });
}

#[test]
fn adv_28_cve_2026_48804_attachments_are_kept_within_limits() {
    const N: usize = 8;
    let attachment = vec![7; 400_000];
    let server = Process::start(&[]);
    server.assert_bounded(N * 9 * attachment.len(), || {
        let mut clients: Vec<_> =
            (0..N).map(|_| Client::join(server.address, Transport::WebSocket)).collect();
        for client in &mut clients {
            client.send(r#"4510-["message",{"_placeholder":true,"num":9}]"#);
            (0..9).for_each(|_| client.send_bytes(&attachment));
        }
        // One byte more than a packet may have in all.
        for mut client in clients {
            client.send_bytes(&attachment);
            client.assert_ends();
        }
    });
}

#[test]
fn adv_31_nesting_is_not_passed_on() {
    let deep = format!(r#"42["message",{}{}]"#, "[".repeat(5000), "]".repeat(5000));
    assert_guest_cut(&deep);
}

#[test]
fn adv_32_ack_id_of_400_digits() {
    assert_guest_cut(&format!("42{}[\"message-with-ack\"]", "9".repeat(400)));
}

#[test]
fn adv_33_half_a_surrogate_pair() {
    assert_answered(r#"42["message","\ud800"]"#, Some(r#"42["message-back","\ufffd"]"#));
    assert_answered(r#"42["\ud800",1]"#, None);
}

/// One admission and one answer for both, and the client's other namespaces stay.
#[test]
fn adv_34_connect_twice_while_the_first_is_being_admitted() {
    let (n_asked, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let running = super::super::start(parlor_tests::app::config(), |server| {
        let (n_asked, (go_on, is_going)) = (Arc::clone(&n_asked), (go_on.clone(), go_on.clone()));
        server.namespace("/").on("go on", move |cx, _| {
            is_going.notify_one();
            cx.ack(());
        });
        server.namespace("/slow").admit_async(move |_, auth| {
            n_asked.fetch_add(1, Ordering::Relaxed);
            let (go_on, auth) = (Arc::clone(&go_on), auth.get::<serde_json::Value>());
            async move {
                go_on.notified().await;
                assert_eq!(auth.unwrap()["n"], 1);
                Ok(())
            }
        });
    });
    for (n, transport) in [1, 2].into_iter().zip(super::BOTH) {
        let mut client = Client::open(running.address(), transport);
        client.send("40");
        assert!(client.next().starts_with("40{"));
        client.send(r#"40/slow,{"n":1}"#);
        client.send(r#"40/slow,{"n":2}"#);
        client.send(r#"421["go on"]"#);
        client.expect("431[]");
        assert!(client.next().starts_with("40/slow,{"));
        assert_eq!(n_asked.load(Ordering::Relaxed), n);
        // It has its answer now.
        client.send("40/slow,");
        client.assert_ends();
    }
}

#[test]
fn adv_socketioxide_357_binary_packets_cut_off() {
    for packet in [
        "451",
        "451-",
        "451-/custom",
        "451-/custom,",
        "451-[\"",
        "451-[\"message\"",
        "451-1",
        "461-[]",
    ] {
        assert_guest_cut(packet);
    }
}

#[test]
fn adv_socketioxide_762_the_limit_holds_for_websockets() {
    assert_closes(&frame(0x82, &[0; MAX_PAYLOAD + 1]), 1009);
    assert_closes(&frame(0x81, &[b'4'; MAX_PAYLOAD + 20]), 1009);
}

#[test]
fn adv_rustsec_2023_0065_large_handshakes() {
    let server = Process::start(&[]);
    server.assert_bounded(20 * 16_384, || {
        for _ in 0..20 {
            let mut raw = Raw::open(server.address);
            raw.send(&OPENING[..OPENING.len() - 2]);
            let line = format!("A: {}\r\n", "b".repeat(8000));
            for _ in 0..20 {
                raw.send(&line);
            }
            if let Some(answer) = raw.answer_or_end() {
                answer.assert_status(431);
            }
        }
    });
}

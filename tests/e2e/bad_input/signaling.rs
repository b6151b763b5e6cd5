//! Bad input in `/signal`: descriptions, candidates and frames for nobody, from nobody, too many or
//! broken; and who is not told, or may not be believed.

mod player;

use std::net::{TcpListener, UdpSocket};

use parlor_shared::api::signal::{MAX_CANDIDATES, MAX_FRAME_BYTES, MAX_SDP_BYTES, MAX_SECTIONS};
use serde_json::{Value, json};

use super::{BOTH, clients::Client, play, play_both, play_with, process::Process};
use player::{Player, SDP, frame, together};

/// A candidate that names this address.
fn candidate(address: &str) -> Value {
    let line = format!("candidate:1 1 udp 2113937151 {address} 40000 typ host");
    json!({"candidate": line, "sdpMid": "0", "usernameFragment": "EEtu"})
}

fn offer(link: u64, sdp: &str) -> Value {
    json!({"link": link, "generation": 0, "description": {"type": "offer", "sdp": sdp}})
}

fn answer(link: u64) -> Value {
    json!({"link": link, "generation": 0, "description": {"type": "answer", "sdp": SDP}})
}

#[test]
fn sdp_01_offer_to_a_peer_of_another_lobby() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        let [mut stranger, _other] = together(scene, transport);
        // Links are counted in each lobby: what this one calls 1 is its own.
        let third = Player::joining(scene.address(), transport, &one.code);
        for link in [2, 3] {
            stranger.refused("E_NOT_FOUND", "signal", &offer(link, SDP));
        }
        stranger.accepted("signal", &offer(1, SDP));
        let refused = stranger.refused("E_NOT_FOUND", "close", &json!({"link": 2}));
        let unknown = stranger.refused("E_NOT_FOUND", "close", &json!({"link": 99}));
        assert_eq!(refused["message"], unknown["message"], "one does not learn what there is");
        for player in [&mut one, &mut two] {
            player.assert_not_told("signal");
        }
        drop(third);
    });
}

#[test]
fn sdp_02_answer_without_an_offer_and_two_offers_at_once() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        one.refused("E_STATE", "signal", &answer(1));
        two.refused("E_STATE", "signal", &answer(1));
        one.accepted("signal", &offer(1, SDP));
        two.accepted("signal", &offer(1, SDP));
        one.refused("E_STATE", "signal", &answer(1));
        two.accepted("signal", &answer(1));
        two.refused("E_STATE", "signal", &answer(1));
        assert_eq!(one.told("signal")["description"]["type"], "offer");
        assert_eq!(one.told("signal")["description"]["type"], "answer");
        assert_eq!(two.told("signal")["description"]["type"], "offer");
        one.assert_not_told("signal");
    });
}

#[test]
fn sdp_03_huge_descriptions_and_broken_ones() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        let with = |more: &str| format!("{SDP}{more}");
        let pad = |n: usize| with(&format!("a=x:{}\r\n", "y".repeat(n - SDP.len() - 6)));
        let sections = |n: usize| with(&"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(n));
        two.refused("E_TOO_LARGE", "signal", &offer(1, &pad(MAX_SDP_BYTES + 1)));
        for bad in [
            sections(MAX_SECTIONS),
            with("a=mid:0\u{0}\r\n"),
            with("a=mid:0\rb=1\r\n"),
            with("\u{1b}[2J\r\n"),
            with("\r\n\r\nGET / HTTP/1.1\r\n"),
            with("a=candidate:1 1 udp\r\n"),
            SDP.replace("v=0", "v=1"),
            "[".repeat(1000),
            String::new(),
        ] {
            two.refused("E_BAD_REQUEST", "signal", &offer(1, &bad));
        }
        one.assert_not_told("signal");
        two.accepted("signal", &offer(1, &sections(MAX_SECTIONS - 1)));
        two.accepted("signal", &offer(1, &pad(MAX_SDP_BYTES)));
        one.told("signal");
        let told = one.told("signal");
        assert_eq!(told["description"]["sdp"], json!(pad(MAX_SDP_BYTES)), "as it was");
    });
    // A million bytes are no packet to begin with where packets are shorter.
    play_with(
        |config| config.engine.max_payload = 100_000,
        |scene| {
            let [mut one, mut two] = together(scene, BOTH[1]);
            two.client.send(&format!(r#"42/signal,["signal",{}]"#, offer(1, &"y".repeat(1 << 20))));
            assert_eq!(one.told("peer")["here"], json!(true), "who was there second");
            assert_eq!(one.told("peer")["here"], json!(false));
        },
    );
}

#[test]
fn sdp_04_forged_sender() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        let mut third = Player::joining(scene.address(), transport, &one.code);
        for from in [json!(3), json!("admin"), json!({"peer": 3}), Value::Null] {
            let mut forged = offer(1, SDP);
            forged["from"] = from;
            two.accepted("signal", &forged);
            assert_eq!(one.told("signal")["from"], 2);
        }
        let report = json!({"from": 3, "links": [{"link": 1, "path": "relay"}]});
        two.refused("E_BAD_REQUEST", "report", &report);
        third.assert_not_told("signal");
    });
}

#[test]
fn sdp_05_a_hundred_thousand_candidates() {
    play_with(
        |config| config.limits.max_messages_per_second = 0,
        |scene| {
            let [mut one, mut two] = together(scene, BOTH[1]);
            two.accepted("signal", &offer(1, SDP));
            let signal = json!({"link": 1, "generation": 0, "candidate": candidate("192.0.2.7")});
            let packet = format!(r#"42/signal,["signal",{signal}]"#);
            for n in 0..100_000 {
                two.client.send(&packet);
                // It does not listen, but for answers now and then, so that it is heard.
                if n % 10_000 == 0 {
                    let _ = two.ask("open", &json!({"peer": 1}));
                }
            }
            let refused = two.refused("E_RATE", "signal", &signal);
            assert!(refused["message"].as_str().unwrap().len() > 5);
            let mut n_told = 0;
            one.until_answered();
            while one.take_told("signal").is_some() {
                n_told += 1;
            }
            assert!((11..=1 + MAX_CANDIDATES).contains(&n_told), "{n_told} with the offer");
        },
    );
}

#[test]
fn sdp_06_addresses_that_nobody_should_connect_to() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        let (udp, tcp) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0"));
        let tcp = tcp.unwrap();
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        two.accepted("signal", &offer(1, SDP));
        one.told("signal");
        let addresses =
            ["169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1", "4c0d3a2e.local", "example.org"];
        let ports = [udp.local_addr().unwrap().port(), tcp.local_addr().unwrap().port()];
        for (address, port) in addresses.into_iter().flat_map(|a| ports.map(|port| (a, port))) {
            let mut told = candidate(address);
            let line = told["candidate"].as_str().unwrap().replace("40000", &port.to_string());
            told["candidate"] = line.into();
            let signal = json!({"link": 1, "generation": 0, "candidate": told});
            two.accepted("signal", &signal);
            assert_eq!(one.told("signal")["candidate"], told, "it passes as it is");
        }
        scene.let_read();
        assert!(udp.recv(&mut [0; 64]).is_err(), "the server has sent something there");
        assert!(tcp.accept().is_err(), "the server has connected there");
    });
}

#[test]
fn sdp_07_the_number_of_another_peer() {
    play_both(|scene, transport| {
        let [mut one, two] = together(scene, transport);
        let mut thief = Player::seated(scene.address(), transport, &one.code);
        for resume in [1, 2] {
            let join = json!({"token": thief.token, "resume": resume});
            let joined = thief.accepted("join", &join);
            assert_eq!(joined["resumed"], false);
            assert!(joined["peer"].as_u64().unwrap() > 2, "{joined}");
        }
        one.assert_not_told("ended");
        drop(two);
    });
}

#[test]
fn sdp_08_everybody_relays_at_once() {
    play(|scene| {
        let mut players: Vec<Player> = together(scene, BOTH[1]).into();
        let code = players[0].code.clone();
        players.extend((2..4).map(|_| Player::joining(scene.address(), BOTH[1], &code)));
        let longest = frame(4, &[7; MAX_FRAME_BYTES - 12]);
        players.iter_mut().for_each(Player::until_answered);
        // Three times what a link may have relayed at once.
        for _ in 0..90 {
            for player in &mut players {
                for link in player.links() {
                    player.send_frame("reliable", link, &longest);
                }
            }
        }
        for player in &mut players {
            let refused = player.told("refused");
            assert_eq!(refused["code"], "E_RELAY_BUDGET");
            assert!(refused["retry_ms"].as_u64().unwrap() > 0);
            player.refused("E_NOT_FOUND", "open", &json!({"peer": 99}));
        }
        let relayed = scene.figure("parlor_relay_bytes_total{class=\"reliable\"}");
        let dropped = scene.figure("parlor_relay_dropped_total{cause=\"budget\"}");
        assert!(relayed > 1_000_000 && relayed < 10_000_000, "{relayed} bytes");
        assert!(dropped > 100, "{dropped} frames");
    });
}

#[test]
fn sdp_09_frames_for_a_peer_that_left() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        two.accepted("leave", &Value::Null);
        assert_eq!(one.told("gone")["peer"], 2);
        for kind in [("reliable", 4), ("volatile", 5)] {
            one.send_frame(kind.0, 1, &frame(kind.1, b"for nobody"));
        }
        one.until_answered();
        assert_eq!(one.take_told("refused"), None, "nobody says anything about it");
        scene.wait_for("parlor_relay_dropped_total{cause=\"no_link\"}", 2);
        assert_eq!(scene.figure("parlor_relay_frames_total{class=\"reliable\"}"), 0);
    });
}

#[test]
fn what_is_no_request_of_signal_is_refused_and_nothing_more() {
    play_both(|scene, transport| {
        let [mut one, mut two] = together(scene, transport);
        for payload in [json!(null), json!([]), json!(7), json!("x"), json!({"link": {}})] {
            for event in ["signal", "open", "close", "report", "checkpoint"] {
                two.refused("E_BAD_REQUEST", event, &payload);
            }
        }
        two.refused("E_UNKNOWN_EVENT", "__proto__", &json!(1));
        for bytes in [&[][..], &[4; 11], &[0; 12], &[255; 40]] {
            for kind in ["reliable", "volatile"] {
                two.send_frame(kind, 1, bytes);
            }
        }
        two.until_answered();
        assert_eq!(one.take_told("signal"), None);
        one.assert_not_told("reliable");
    });
    // What is no JSON ends the session of who says it, and nothing else.
    play_both(|scene, transport| {
        let [mut one, two] = together(scene, transport);
        let mut client = two.client;
        client.send(r#"42/signal,["signal",{not json"#);
        client.assert_ends();
        assert_eq!(one.told("peer")["here"], json!(true));
        assert_eq!(one.told("peer")["here"], json!(false));
    });
}

#[test]
fn who_connects_to_signal_and_says_nothing_more_is_nobody() {
    play_both(|scene, transport| {
        let mut client = Client::open(scene.address(), transport);
        client.send("40/signal,");
        assert!(client.next().starts_with("40/signal,{"));
        client.send(r#"42/signal,1["signal",{"link":1,"generation":0,"candidate":null}]"#);
        assert!(client.next().contains("E_NOT_IN_LOBBY"));
        client.send_bytes(b"no attachment was announced");
        client.assert_ends();
    });
}

#[test]
fn guessed_tokens_are_refused_and_soon_not_even_looked_at() {
    play_both(|scene, transport| {
        let mut player = Player::stranger(scene.address(), transport);
        let mut codes = Vec::new();
        for n in 0..40 {
            let join = json!({"token": format!("{n:A>24}")});
            codes.push(player.ask("join", &join)["code"].as_str().unwrap().to_owned());
        }
        assert!(codes[..20].iter().all(|code| code == "E_NOT_FOUND"), "{codes:?}");
        assert!(codes.iter().any(|code| code == "E_RATE"), "{codes:?}");
    });
}

#[test]
fn twenty_thousand_offers_to_nobody_cost_no_memory() {
    let server = Process::start(&["--lobbies"]);
    let mut player = Player::hosting(server.address, BOTH[1]);
    let sdp = format!("{SDP}a=x:{}\r\n", "y".repeat(10_000));
    let to_nobody = format!(r#"42/signal,["signal",{}]"#, offer(9, &sdp));
    // What one of them may keep, and what waits in buffers: not what all of them are.
    server.assert_bounded(to_nobody.len() * 100, || {
        for n in 0..20_000 {
            player.client.send(&to_nobody);
            if n % 100 == 0 {
                player.until_answered();
            }
        }
        player.until_answered();
    });
    let code = player.ask("signal", &offer(9, &sdp))["code"].clone();
    assert!(["E_NOT_FOUND", "E_RATE"].contains(&code.as_str().unwrap()), "{code}");
}

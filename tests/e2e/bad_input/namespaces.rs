//! Bad CONNECTs: payloads that are none, names that lead nowhere, clients that join nothing.

use std::time::{Duration, Instant};

use parlor_server::Transport;

use super::{
    BOTH, assert_cut,
    clients::{Client, Polling},
    play, play_both, play_with,
};

/// A client that has joined nothing asks for a namespace that is refused, and may go on.
fn assert_invalid(connect: &str, answer: &str) {
    play_both(|scene, transport| {
        let mut client = Client::open(scene.address(), transport);
        client.send(connect);
        client.expect(answer);
        client.send("40");
        assert!(client.next().starts_with("40{"));
        client.expect(r#"42["auth",{}]"#);
        client.assert_echoes();
    });
}

/// The CONNECT is taken, and its payload is data for whoever admits.
fn assert_joined(connect: &str, auth: &str) {
    play_both(|scene, transport| {
        let mut client = Client::open(scene.address(), transport);
        client.send(connect);
        let welcome = client.next();
        assert!(welcome.starts_with("40{\"sid\":\""), "{welcome}");
        client.expect(&format!(r#"42["auth",{auth}]"#));
        client.assert_echoes();
    });
}

#[test]
fn ns_01_unknown_namespace() {
    assert_invalid("40/nope", r#"44/nope,{"message":"Invalid namespace"}"#);
    assert_invalid("40/nope,", r#"44/nope,{"message":"Invalid namespace"}"#);
    assert_invalid("40/nope,{\"token\":1}", r#"44/nope,{"message":"Invalid namespace"}"#);
}

#[test]
fn ns_02_payload_is_an_array() {
    assert_cut(&["40[]"]);
    assert_cut(&["40/custom,[]"]);
}

#[test]
fn ns_03_payload_is_a_string() {
    assert_cut(&["40\"a\""]);
}

#[test]
fn ns_04_payload_is_no_json() {
    for payload in ["abc", "null", "-1", "{", "{}x", "{a:1}"] {
        assert_cut(&[&format!("40{payload}")]);
    }
}

#[test]
fn ns_05_auth_with_proto() {
    let auth = r#"{"__proto__":{"isAdmin":true},"constructor":{"prototype":1}}"#;
    assert_joined(&format!("40{auth}"), auth);
}

#[test]
fn ns_06_event_before_connect() {
    for packet in [
        r#"42["message",1]"#,
        r#"421["message-with-ack"]"#,
        "431[]",
        "41",
        r#"42/custom,["message"]"#,
    ] {
        assert_cut(&[packet]);
    }
}

#[test]
fn ns_07_events_right_behind_connect() {
    let words = ["40", r#"42["message",1]"#, r#"42["message",2]"#, r#"423["message-with-ack",3]"#];
    let answers =
        [r#"42["auth",{}]"#, r#"42["message-back",1]"#, r#"42["message-back",2]"#, "433[3]"];
    play(|scene| {
        // In one body; and in as few pieces as they come by a WebSocket.
        let polling = Polling::open(scene.address());
        polling.post(words.join("\x1e")).assert_status(200);
        let mut clients =
            [Client::Polling(polling), Client::open(scene.address(), Transport::WebSocket)];
        words.iter().for_each(|word| clients[1].send(word));
        for client in &mut clients {
            assert!(client.next().starts_with("40{"));
            answers.iter().for_each(|answer| client.expect(answer));
            client.assert_echoes();
        }
    });
}

#[test]
fn ns_08_no_connect_at_all() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    for transport in BOTH {
        // A CONNECT that is refused is none.
        for word in [None, Some("40/nope")] {
            play_with(
                |config| config.engine.connect_timeout_ms = TIMEOUT.as_millis() as u64,
                |scene| {
                    let begun = Instant::now();
                    let mut client = Client::open(scene.address(), transport);
                    if let Some(word) = word {
                        client.send(word);
                        assert!(client.next().starts_with("44/nope,"));
                    }
                    scene.assert_ended("forced server close");
                    assert!(begun.elapsed() >= TIMEOUT);
                    client.assert_ends();
                },
            );
        }
    }
}

#[test]
fn ns_09_10_000_unknown_namespaces() {
    play_both(|scene, transport| {
        let mut client = Client::open(scene.address(), transport);
        let n_refused = 32;
        for i in 0..n_refused {
            client.send(&format!("40/unknown{i}"));
            client.expect(&format!(r#"44/unknown{i},{{"message":"Invalid namespace"}}"#));
        }
        client.send("40/unknown");
        client.assert_ends();
        scene.assert_ended("policy violation");
    });
    play(|scene| {
        let mut client = Client::open(scene.address(), Transport::WebSocket);
        (0..10_000).for_each(|i| client.send(&format!("40/unknown{i}")));
        let Client::WebSocket(mut socket) = client else { unreachable!() };
        for _ in 0..32 {
            assert!(socket.text().unwrap().starts_with("44/unknown"));
        }
        let last = socket.receive().unwrap();
        assert_eq!(last, parlor_tests::harness::Received::Close(Some(1008)));
    });
}

#[test]
fn ns_10_name_of_500_kb() {
    assert_cut(&[&format!("40/{}", "x".repeat(500_000))]);
    assert_cut(&[&format!("40/{},", "x".repeat(256))]);
    let longest = "x".repeat(255);
    assert_invalid(
        &format!("40/{longest},"),
        &format!(r#"44/{longest},{{"message":"Invalid namespace"}}"#),
    );
}

#[test]
fn ns_11_namespace_proto() {
    for name in ["__proto__", "constructor", "toString", "\0", "..", "\u{202e}"] {
        let answer = format!(r#"44/{name},{{"message":"Invalid namespace"}}"#);
        assert_invalid(&format!("40/{name},"), &answer);
    }
}

#[test]
fn ns_12_namespace_with_a_query() {
    let answer = r#"44/custom?token=x,{"message":"Invalid namespace"}"#;
    assert_invalid("40/custom?token=x", answer);
    assert_invalid("40/custom?token=x,{}", answer);
}

#[test]
fn ns_13_recovery_with_a_guessed_pid() {
    let guessed = r#"{"pid":"pdARYWpHSUQQ9E33AAAH","offset":"AAAA"}"#;
    assert_joined(&format!("40{guessed}"), guessed);
}

#[test]
fn ns_14_recovery_with_a_pid_that_is_none() {
    for auth in [
        r#"{"pid":{"toString":1},"offset":1}"#,
        r#"{"pid":7,"offset":[]}"#,
        r#"{"pid":null}"#,
        r#"{"pid":"","offset":""}"#,
    ] {
        assert_joined(&format!("40{auth}"), auth);
    }
}

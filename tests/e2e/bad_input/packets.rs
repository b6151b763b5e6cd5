//! Bad Socket.IO packets: what cannot be read, what is out of place, what is too much. They come
//! to the same by either transport.

use std::time::{Duration, Instant};

use parlor_server::Transport;

use super::{
    Scene, assert_answered, assert_guest_cut, assert_within,
    clients::{Client, Polling},
    play, play_both, play_with,
    process::Process,
};

/// The default of `engine.max_payload`.
const MAX_PAYLOAD: usize = 1_000_000;

/// What a client says in turn, texts and bytes; with the last of it, it is cut.
fn assert_cut_after(words: &[&dyn Fn(&mut Client)]) {
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        words.iter().for_each(|word| word(&mut client));
        client.assert_ends();
        scene.assert_ended("forced close");
    });
}

#[test]
fn sio_01_unknown_type() {
    for packet in ["49", "47", "48[\"message\"]"] {
        assert_guest_cut(packet);
    }
}

#[test]
fn sio_02_letters() {
    assert_guest_cut("4abc");
    assert_guest_cut("4\u{e4}");
}

#[test]
fn sio_03_nothing() {
    assert_guest_cut("4");
}

#[test]
fn sio_04_event_with_an_object() {
    assert_guest_cut("42{}");
    assert_guest_cut("42\"message\"");
    assert_guest_cut("42null");
}

#[test]
fn sio_05_event_with_an_empty_array() {
    assert_guest_cut("42[]");
    assert_guest_cut("42[ ]");
}

#[test]
fn sio_06_event_without_a_payload() {
    assert_guest_cut("42");
    assert_guest_cut("421");
}

#[test]
fn sio_07_reserved_name_connect() {
    for name in ["connect", "connect_error", "disconnect", "newListener", "removeListener"] {
        assert_guest_cut(&format!("42[\"{name}\"]"));
    }
    // However it is written.
    assert_guest_cut(r#"42["\u0063onnect"]"#);
    assert_guest_cut(r#"42[ "connect" , 1]"#);
    assert_guest_cut(r#"450-["connect"]"#);
}

#[test]
fn sio_08_reserved_name_disconnecting() {
    assert_guest_cut(r#"42["disconnecting"]"#);
}

#[test]
fn sio_09_event_name_proto() {
    for name in ["__proto__", "constructor", "hasOwnProperty", "error", ""] {
        assert_answered(&format!("42[\"{name}\",1]"), None);
    }
}

#[test]
fn sio_10_key_proto() {
    let data = r#"{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}"#;
    assert_answered(
        &format!(r#"42["message",{data}]"#),
        Some(&format!(r#"42["message-back",{data}]"#)),
    );
}

/// A number is an event's name like any other: one that nobody listens for.
#[test]
fn sio_11_number_as_a_name() {
    for event in ["42[1,2]", "42[-0.5e3]", "42[1e999]"] {
        if event.contains("e999") {
            assert_guest_cut(event);
        } else {
            assert_answered(event, None);
        }
    }
}

#[test]
fn sio_12_other_values_as_a_name() {
    for name in ["true", "null", "{}", "[]", "[\"message\"]"] {
        assert_guest_cut(&format!("42[{name}]"));
    }
}

#[test]
fn sio_13_ack_id_over_2_to_the_53rd() {
    assert_guest_cut(r#"429007199254740992["message-with-ack",1]"#);
    assert_guest_cut(r#"429007199254740993["message-with-ack",1]"#);
    let largest = "9007199254740991";
    assert_answered(
        &format!(r#"42{largest}["message-with-ack",1]"#),
        Some(&format!("43{largest}[1]")),
    );
}

#[test]
fn sio_14_ack_id_of_400_digits() {
    let digits = "1".repeat(400);
    assert_guest_cut(&format!(r#"42{digits}["message-with-ack",1]"#));
    assert_guest_cut(&format!("43{digits}[1]"));
}

#[test]
fn sio_15_negative_ack_id() {
    assert_guest_cut(r#"42-1["message-with-ack",1]"#);
    assert_guest_cut("43-1[]");
}

#[test]
fn sio_16_ack_id_in_other_notations() {
    for id in ["1e5", "0x10", "1.5", " 1", "1 ", "+1", "\u{0663}"] {
        assert_guest_cut(&format!(r#"42{id}["message-with-ack",1]"#));
    }
}

#[test]
fn sio_17_ack_that_nobody_asked_for() {
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        client.send("4399[]");
        client.send("430[\"\",{}]");
        client.assert_echoes();
        scene.wait_for("parlor_acks_unasked_total", 2);
    });
}

#[test]
fn sio_18_ack_without_an_id() {
    assert_guest_cut("43[]");
    assert_guest_cut("431");
    assert_guest_cut("431{}");
}

#[test]
fn sio_19_eleven_attachments() {
    assert_guest_cut(r#"4511-["message",{"_placeholder":true,"num":0}]"#);
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        let places: Vec<_> =
            (0..10).map(|i| format!(r#"{{"_placeholder":true,"num":{i}}}"#)).collect();
        client.send(&format!(r#"4510-["message",{}]"#, places.join(",")));
        (0..10).for_each(|i| client.send_bytes(&[i]));
        let back = client.next();
        assert!(back.starts_with(r#"4510-["message-back","#), "{back}");
        (0..10).for_each(|_| assert!(client.next().starts_with('b')));
        client.assert_echoes();
    });
}

#[test]
fn sio_20_a_billion_attachments() {
    for n in ["999999999", "99999999999999999999999999", "4294967296"] {
        assert_guest_cut(&format!(r#"45{n}-["message",{{"_placeholder":true,"num":0}}]"#));
    }
    let server = Process::start(&[]);
    let packet =
        format!(r#"45{}-["message",{{"_placeholder":true,"num":0}}]"#, "9".repeat(900_000));
    server.assert_bounded(packet.len(), || {
        let mut client = Client::join(server.address, Transport::WebSocket);
        client.send(&packet);
        client.assert_ends();
        let mut client = Client::join(server.address, Transport::WebSocket);
        client.send(r#"45999999999-["message",{"_placeholder":true,"num":0}]"#);
        client.assert_ends();
    });
}

#[test]
fn sio_21_attachments_that_are_no_number() {
    for n in ["-1", "1.5", "NaN", "", "Infinity", "null", "-"] {
        assert_guest_cut(&format!(r#"45{n}-["message",{{"_placeholder":true,"num":0}}]"#));
    }
    assert_guest_cut(r#"45["message",1]"#);
    assert_guest_cut("45");
}

#[test]
fn sio_22_attachments_in_other_notations() {
    for n in ["1e1", "0x1", " 1", "1 ", "+1", "01e0", "\u{0661}"] {
        assert_guest_cut(&format!(r#"45{n}-["message",{{"_placeholder":true,"num":0}}]"#));
    }
}

#[test]
fn sio_23_no_attachments() {
    assert_answered(r#"450-["message",1]"#, Some(r#"42["message-back",1]"#));
}

#[test]
fn sio_24_placeholder_out_of_range() {
    for num in ["1", "10", "99999999999999999999", "4294967296"] {
        assert_guest_cut(&format!(r#"451-["message",{{"_placeholder":true,"num":{num}}}]"#));
    }
}

#[test]
fn sio_25_placeholder_that_is_no_index() {
    for num in
        ["-1", "\"0\"", "\"__proto__\"", "\"splice\"", "0.5", "null", "true", "[0]", "{}", "1e0"]
    {
        assert_guest_cut(&format!(r#"451-["message",{{"_placeholder":true,"num":{num}}}]"#));
    }
    assert_guest_cut(r#"451-["message",{"_placeholder":true}]"#);
    assert_guest_cut(r#"450-["message",{"_placeholder":true,"num":0}]"#);
}

#[test]
fn sio_26_placeholder_without_attachments() {
    assert_answered(
        r#"42["message",{"_placeholder":true,"num":0}]"#,
        Some(r#"42["message-back",{"_placeholder":true,"num":0}]"#),
    );
}

const BEGUN: &str = r#"451-["message",{"_placeholder":true,"num":0}]"#;

#[test]
fn sio_27_text_where_bytes_are_due() {
    for text in [r#"42["message",1]"#, BEGUN, "41", "40/custom"] {
        assert_cut_after(&[&|client| client.send(BEGUN), &|client| client.send(text)]);
    }
}

#[test]
fn sio_28_bytes_that_nobody_announced() {
    assert_cut_after(&[&|client| client.send_bytes(b"x")]);
    // One more than was announced.
    play_both(|scene, transport| {
        let mut client = Client::join(scene.address(), transport);
        client.send(BEGUN);
        client.send_bytes(b"x");
        assert!(client.next().starts_with("451-[\"message-back\""));
        assert_eq!(client.next(), "beA==");
        client.send_bytes(b"y");
        client.assert_ends();
        scene.assert_ended("forced close");
    });
    // Before anything was joined.
    play_both(|scene, transport| {
        let mut client = Client::open(scene.address(), transport);
        client.send_bytes(b"x");
        client.assert_ends();
        scene.assert_ended("forced close");
    });
}

#[test]
fn sio_29_bytes_that_never_come() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    for transport in super::BOTH {
        play_with(
            |config| config.engine.attachments_timeout_ms = TIMEOUT.as_millis() as u64,
            |scene| {
                let mut client = Client::join(scene.address(), transport);
                let begun = Instant::now();
                client.send(r#"452-["message",{"_placeholder":true,"num":1}]"#);
                client.send_bytes(b"one of two");
                scene.assert_ended("forced close");
                assert!(begun.elapsed() >= TIMEOUT);
                client.assert_ends();
            },
        );
    }
}

#[test]
fn sio_29_bytes_count_together() {
    // One message less than a body has room for, by polling.
    let part = vec![7; MAX_PAYLOAD / 2];
    for transport in super::BOTH {
        play(|scene| {
            let mut client = Client::join(scene.address(), transport);
            client.send(r#"459-["message",{"_placeholder":true,"num":2}]"#);
            (0..8).for_each(|_| client.send_bytes(&part));
            scene.assert_ended("packet too large");
            client.assert_ends();
        });
    }
}

fn nested(depth: usize) -> String {
    format!(r#"42["message",{}{}]"#, "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn sio_30_json_100_000_deep() {
    assert_guest_cut(&nested(100_000));
    let objects =
        format!(r#"42["message",{}1{}]"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    assert_guest_cut(&objects);
    // The event's own array is one of 128.
    let most = nested(127);
    assert_answered(&most, Some(&most.replace("message", "message-back")));
    assert_guest_cut(&nested(128));
}

#[test]
fn sio_31_json_400_000_deep() {
    assert_guest_cut(&nested(400_000));
    assert_guest_cut(&format!("40{}", r#"{"a":"#.repeat(150_000)));
    assert_guest_cut(&format!("42[\"message\",{}", "[".repeat(900_000)));
}

/// An object of so many keys, the shortest there are.
fn object(n_keys: usize) -> String {
    let members: Vec<String> = (0..n_keys).map(|i| format!("\"{i:x}\":1")).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn sio_32_object_of_200_000_keys() {
    // Reading is a pass over the text, and passing it on another; nothing is built.
    const LIMIT: Duration = Duration::from_millis(50);
    // Without optimisation the same takes several times as long.
    let limit = if cfg!(debug_assertions) { 10 * LIMIT } else { LIMIT };
    let object = object(200_000);
    let server = Process::start(&["--max-payload", "3000000"]);
    server.assert_bounded(2 * object.len(), || {
        let mut client = Client::join(server.address, Transport::WebSocket);
        let took = server.cpu(|| {
            client.send(&format!(r#"42["message",{object}]"#));
            client.expect(&format!(r#"42["message-back",{object}]"#));
        });
        assert!(took < limit, "{took:?}");
    });
    let brief = |config: &mut parlor_server::Config| config.engine.max_payload = 3_000_000;
    play_with(brief, |scene| {
        let mut client = Client::join(scene.address(), Transport::WebSocket);
        client.send(&format!(r#"42["message",{object}]"#));
        assert_within(Duration::from_secs(1), || scene.assert_bystander_goes_on());
        client.expect(&format!(r#"42["message-back",{object}]"#));
    });
}

/// What is beyond every number is no number: no game's state can hold it.
#[test]
fn sio_33_numbers_out_of_range() {
    let digits = "9".repeat(400);
    for number in [
        "1e999",
        "-1e999",
        "1e309",
        "1.8e308",
        &digits,
        &format!("-{digits}.5"),
        "1e99999999999999999999",
    ] {
        assert_guest_cut(&format!(r#"42["message",{number}]"#));
        assert_guest_cut(&format!(r#"42["message",{{"a":[0,{number}]}}]"#));
    }
    for number in ["-0", "1e-400", "0e999", "1.7976931348623157e308", "-0.0", &"1".repeat(300)] {
        let packet = format!(r#"42["message",{number}]"#);
        assert_answered(&packet, Some(&packet.replace("message", "message-back")));
    }
    for number in ["NaN", "Infinity", "-", "01", "1.", ".5", "0x1", "+1"] {
        assert_guest_cut(&format!(r#"42["message",{number}]"#));
    }
}

#[test]
fn sio_34_half_a_surrogate_pair() {
    for (said, heard) in [
        (r#""\ud800""#, r#""\ufffd""#),
        (r#""a\udc00b""#, r#""a\ufffdb""#),
        (r#"{"\uDBFF":"\ud83d\ude00"}"#, r#"{"\ufffd":"\ud83d\ude00"}"#),
    ] {
        assert_answered(
            &format!(r#"42["message",{said}]"#),
            Some(&format!(r#"42["message-back",{heard}]"#)),
        );
        assert_answered(
            &format!(r#"421["message-with-ack",{said}]"#),
            Some(&format!("431[{heard}]")),
        );
    }
}

#[test]
fn sio_35_something_behind_the_packet() {
    for packet in
        [r#"42["message"]x"#, r#"42["message"][]"#, r#"42["message"],"#, "42[\"message\"]\0"]
    {
        assert_guest_cut(packet);
    }
}

/// Text passes as it is, so that whoever reads it takes the last, as `JSON.parse` does.
#[test]
fn sio_36_repeated_keys() {
    assert_answered(r#"42["message",{"a":1,"a":2}]"#, Some(r#"42["message-back",{"a":1,"a":2}]"#));
    let read: serde_json::Value = serde_json::from_str(r#"{"a":1,"a":2}"#).unwrap();
    assert_eq!(read["a"], 2);
}

#[test]
fn sio_37_second_connect() {
    assert_guest_cut("40");
    assert_guest_cut("40/,");
    assert_guest_cut("40{}");
}

#[test]
fn sio_38_connect_error_from_a_client() {
    assert_guest_cut("44{}");
    assert_guest_cut("44/custom,{\"message\":\"no\"}");
}

#[test]
fn sio_39_disconnect_with_a_payload() {
    assert_guest_cut("41{}");
    assert_guest_cut("41[]");
}

#[test]
fn sio_40_event_after_a_disconnect() {
    assert_cut_after(&[&|client| client.send("41"), &|client| client.send(r#"42["message",1]"#)]);
    // In one body, too.
    play(|scene: &Scene| {
        let mut polling = Polling::open(scene.address());
        polling.post("40").assert_status(200);
        polling.post("41\x1e42[\"message\",1]");
        scene.assert_ended("forced close");
        drop(polling.get());
        polling.assert_ended();
    });
}

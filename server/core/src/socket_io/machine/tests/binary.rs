//! Packets that come in parts: what may stand between them, how long and how large they may be.

use super::*;

fn header(n: usize, data: &str) -> String {
    format!("5{n}-[\"e\",{data}]")
}

const ONE: &str = r#"{"_placeholder":true,"num":0}"#;

#[test]
fn a_binary_event_is_handed_on_when_its_last_attachment_is_here() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    let text = r#"52-/a,3["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    assert_eq!(script.text(0, text), [""; 0]);
    assert_eq!(script.bytes(0, &[1]), [""; 0]);
    let data = r#"{"_placeholder":true,"num":1} {"_placeholder":true,"num":0}"#;
    assert_eq!(script.bytes(0, &[2, 3]), [format!("#0: e {data} [1] [2, 3] ack 3")]);
    assert_eq!(script.text(0, r#"2/a,["next"]"#), ["#0: next"]);
}

#[test]
fn an_event_that_announces_no_attachment_is_whole_at_once() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    assert_eq!(script.text(0, r#"50-["e",1]"#), ["#0: e 1"]);
    assert_eq!(script.text(0, r#"2["next"]"#), ["#0: next"]);
}

#[test]
fn an_attachment_may_be_empty() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.text(0, &header(1, ONE));
    assert_eq!(script.bytes(0, &[]), [format!("#0: e {ONE} []")]);
}

#[test]
fn ten_attachments_are_taken_and_eleven_end_the_session() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    assert_eq!(script.text(0, &header(10, "1")), [""; 0]);
    for i in 0..9 {
        assert_eq!(script.bytes(0, &[i]), [""; 0]);
    }
    assert_eq!(script.bytes(0, &[9]).len(), 1);
    assert_eq!(script.text(0, &header(11, "1")), ["close 0: forced close"]);
}

#[test]
fn text_while_an_attachment_is_due_ends_the_session() {
    for text in [r#"2["e"]"#, "0/a,", "1", "51-[\"e\",1]", "junk"] {
        let mut script = Script::with_sessions(0..1);
        script.connect(0, "/");
        script.text(0, &header(1, ONE));
        assert_eq!(script.text(0, text), ["close 0: forced close"], "{text}");
    }
}

#[test]
fn bytes_that_nobody_announced_end_the_session() {
    let mut script = Script::with_sessions(0..2);
    script.connect(0, "/");
    assert_eq!(script.bytes(0, &[1]), ["close 0: forced close"]);
    assert_eq!(script.bytes(1, &[1]), ["close 1: forced close"], "before any namespace");
}

#[test]
fn a_placeholder_that_points_nowhere_ends_the_session() {
    for num in ["1", "-1", "0.5", "\"0\"", "null"] {
        let mut script = Script::with_sessions(0..1);
        script.connect(0, "/");
        let data = format!(r#"{{"_placeholder":true,"num":{num}}}"#);
        assert_eq!(script.text(0, &header(1, &data)), ["close 0: forced close"], "{num}");
    }
}

#[test]
fn a_packet_must_be_whole_within_ten_seconds() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.wait(5000);
    script.text(0, &header(2, ONE));
    script.wait(9_999);
    assert_eq!(script.bytes(0, &[1]), [""; 0], "a part does not put it off");
    assert_eq!(script.wait(1), ["close 0: forced close"]);
}

#[test]
fn a_packet_that_is_whole_in_time_leaves_no_deadline() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.text(0, &header(1, ONE));
    script.wait(9_999);
    assert_eq!(script.bytes(0, &[1]).len(), 1);
    assert_eq!(script.machine.deadline(), None);
    assert_eq!(script.wait(100_000), [""; 0]);
}

#[test]
fn half_a_packet_does_not_hide_the_connect_timeout() {
    let mut script = Script::with_sessions(0..1);
    script.wait(5000);
    script.text(0, &header(1, ONE));
    assert_eq!(script.wait(4_999), [""; 0]);
    assert_eq!(script.wait(1), ["close 0: forced server close"]);
}

/// The bug: two attachments of 600 kB were cut, where each is a message of its own.
#[test]
fn text_and_attachments_together_may_have_four_times_max_payload_and_not_one_byte_more() {
    let text = header(5, "1");
    for (more, is_fine) in [(0, true), (1, false)] {
        let mut script = Script::with_sessions(0..1);
        script.connect(0, "/");
        script.text(0, &text);
        for _ in 0..3 {
            assert_eq!(script.bytes(0, &[0; MAX_PAYLOAD]), [""; 0]);
        }
        assert_eq!(script.bytes(0, &[0; 100]), [""; 0]);
        let last = vec![0; MAX_PAYLOAD - text.len() - 100 + more];
        let lines = script.bytes(0, &last);
        assert_eq!(lines == ["close 0: packet too large"], !is_fine, "{more}: {lines:?}");
    }
}

#[test]
fn a_binary_packet_for_a_namespace_that_was_not_joined_ends_the_session() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.text(0, r#"51-/b,["e",1]"#);
    assert_eq!(script.bytes(0, &[1]), ["close 0: forced close"]);
}

#[test]
fn half_a_packet_ends_with_its_session() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.text(0, &header(2, ONE));
    script.bytes(0, &[1]);
    assert_eq!(script.close(0, CloseReason::TransportClose), ["#0 is out of /: transport close"]);
    script.check_nothing_is_left();
}

#[test]
fn halves_of_two_clients_do_not_mix() {
    let mut script = Script::with_sessions(0..2);
    script.connect(0, "/");
    script.connect(1, "/");
    script.text(0, &header(1, ONE));
    script.text(1, &header(1, ONE));
    assert_eq!(script.bytes(1, &[1]), [format!("#1: e {ONE} [1]")]);
    assert_eq!(script.bytes(0, &[0]), [format!("#0: e {ONE} [0]")]);
}

#[test]
fn a_surrogate_half_becomes_a_replacement_in_the_text_before_attachments_too() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    assert_eq!(script.text(0, r#"2["e","\ud800"]"#), [r#"#0: e "\ufffd""#]);
    script.text(0, r#"51-["e","\ud800",{"_placeholder":true,"num":0}]"#);
    assert_eq!(script.bytes(0, &[1]), [format!(r#"#0: e "\ufffd" {ONE} [1]"#)]);
}

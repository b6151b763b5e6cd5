//! What a client may send, as its driver counts it: what is dropped past it, and who is cut.

use super::*;
use crate::socket_io::{EXCESS_TOLD_EVERY, MAX_AUTH_BYTES, MAX_EXCESS_MESSAGES, MAX_EXCESS_TIME};

impl Script {
    fn excess(&mut self, number: u32, text: Option<&str>) -> Vec<String> {
        self.tell(Input::Excess(session(number), text))
    }
}

fn told(namespace: &str, dropped: u32) -> String {
    let message = "too many messages; slow down, or the connection ends";
    let data = format!(r#"{{"code":"E_RATE","message":"{message}","dropped":{dropped}}}"#);
    format!(r#"to 0: 2{namespace}["rate_limited",{data}]"#)
}

#[test]
fn events_past_the_limit_are_dropped_and_their_client_is_told_once_a_second() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.connect(0, "/a");
    let past = Some(r#"2/a,1["e"]"#);
    assert_eq!(script.excess(0, past), [told("/a,", 1)]);
    assert_eq!(script.excess(0, past), [""; 0]);
    assert_eq!(script.excess(0, Some(r#"2["e""#)), [""; 0], "it is not even parsed");
    assert_eq!(script.text(0, r#"2["e"]"#), ["#0: e"], "what is within the limit counts");
    script.now = script.now + EXCESS_TOLD_EVERY;
    assert_eq!(script.excess(0, Some(r#"2/b,["e"]"#)), [told("", 3)]);
}

#[test]
fn what_is_no_event_counts_even_past_the_limit() {
    let mut script = Script::with_sessions(0..1);
    assert_eq!(script.excess(0, Some("0/a,")), ["#0 wants /a"], "nobody to be told yet");
    script.admit(0);
    script.ask(0, 7, None);
    assert_eq!(script.excess(0, Some("3/a,0[1]")), ["answer 7: 1"]);
    script.ask(0, 8, None);
    assert_eq!(script.excess(0, Some(r#"61-/a,1[{"_placeholder":true,"num":0}]"#)), [""; 0]);
    assert_eq!(script.excess(0, None), [""; 0]);
    assert_eq!(script.bytes(0, &[1]).len(), 1, "the answer whose part it is");
    let left = script.excess(0, Some("1/a,"));
    assert_eq!(left, ["#0 is out of /a: client namespace disconnect"]);
    assert_eq!(script.excess(0, Some("9")), ["close 0: forced close"]);
}

#[test]
fn an_event_is_dropped_if_any_part_of_it_is_past_the_limit() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    let parts = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
    let event = format!(r#"52-["e",{parts}]"#);
    assert_eq!(script.excess(0, Some(&event)), [told("", 1)], "the packet");
    assert_eq!(script.bytes(0, &[1]), [""; 0]);
    assert_eq!(script.bytes(0, &[2]), [""; 0]);
    assert_eq!(script.text(0, &event), [""; 0]);
    assert_eq!(script.bytes(0, &[1]), [""; 0]);
    assert_eq!(script.excess(0, None), [""; 0], "its last attachment");
    assert_eq!(script.bytes(0, &[2]), [""; 0]);
    assert_eq!(script.text(0, &event), [""; 0]);
    assert_eq!(script.bytes(0, &[1]), [""; 0]);
    assert_eq!(script.bytes(0, &[2]).len(), 1, "nobody lost count");
    script.now = script.now + EXCESS_TOLD_EVERY;
    assert_eq!(script.excess(0, Some(r#"2["e"]"#)), [told("", 2)]);
    assert_eq!(script.excess(0, Some(r#"50-["e"]"#)), [""; 0], "it has none, and is one");
    assert_eq!(script.excess(0, Some(r#"5["e"]"#)), ["close 0: forced close"]);
}

#[test]
fn who_goes_on_past_the_limit_is_cut() {
    let past = Some(r#"2["e"]"#);
    let cut = ["close 0: policy violation"];
    let mut flood = Script::with_sessions(0..1);
    flood.connect(0, "/");
    assert_eq!(flood.excess(0, past).len(), 1);
    for _ in 1..MAX_EXCESS_MESSAGES {
        assert_eq!(flood.excess(0, past), [""; 0]);
    }
    assert_eq!(flood.excess(0, past), cut);
    let mut steady = Script::with_sessions(0..1);
    steady.connect(0, "/");
    let end = steady.now + MAX_EXCESS_TIME;
    while steady.now < end {
        assert_ne!(steady.excess(0, past), cut);
        steady.now = steady.now + EXCESS_TOLD_EVERY;
    }
    assert_eq!(steady.excess(0, past), cut);
}

#[test]
fn as_much_may_be_sent_along_with_a_connect_and_not_one_byte_more() {
    let auth = |n_bytes: usize| format!(r#"{{"token":"{}"}}"#, "x".repeat(n_bytes - 12));
    assert_eq!(auth(MAX_AUTH_BYTES).len(), MAX_AUTH_BYTES);
    let mut script = Script::with_sessions(0..2);
    assert!(script.text(0, &format!("0{}", auth(MAX_AUTH_BYTES)))[0].starts_with("#0 wants /"));
    let more = auth(MAX_AUTH_BYTES + 1);
    for namespace in ["", "/a,", "/nope,"] {
        let refused = script.text(1, &format!("0{namespace}{more}"));
        assert_eq!(refused, ["close 1: auth too large"]);
    }
}

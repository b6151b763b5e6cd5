//! From a session to a socket: who is asked, who is told, what waits meanwhile, and who is cut.

use super::*;
use crate::socket_io::machine::addressing::MAX_EARLY;

#[test]
fn a_client_is_welcomed_once_its_handler_admits_it() {
    let mut script = Script::with_sessions(0..1);
    assert_eq!(script.text(0, "0"), ["#0 wants /"]);
    let welcome = format!(r#"to 0: 0{{"sid":"{}"}}"#, id(0));
    assert_eq!(script.admit(0), [welcome.as_str(), "#0 is in /"]);
    assert_eq!(script.admit(0), [""; 0], "it is admitted once");
    assert_eq!(script.text(0, r#"2["hello",1,{"a":2}]"#), [r#"#0: hello 1 {"a":2}"#]);
}

#[test]
fn the_main_namespace_may_be_spelled_in_three_ways() {
    for text in ["0", "0/", "0/,"] {
        assert_eq!(Script::with_sessions(0..1).text(0, text), ["#0 wants /"], "{text}");
    }
}

#[test]
fn what_a_client_sends_along_reaches_the_handler_as_it_is() {
    let mut script = Script::with_sessions(0..1);
    let asked = script.text(0, r#"0/a,{"token":"x","__proto__":1}"#);
    assert_eq!(asked, [r#"#0 wants /a with {"token":"x","__proto__":1}"#]);
}

#[test]
fn a_client_may_be_in_several_namespaces_at_once() {
    let mut script = Script::with_sessions(0..1);
    let (main, a) = (script.connect(0, "/"), script.connect(0, "/a"));
    assert_eq!(script.text(0, r#"2["e"]"#), [format!("#{main}: e")]);
    assert_eq!(script.text(0, r#"2/a,["e"]"#), [format!("#{a}: e")]);
}

/// The bug: what a handler of admission sent to the socket was lost without a word.
#[test]
fn what_its_handlers_send_a_socket_before_it_is_connected_comes_behind_the_welcome() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    let own = Target::socket(script.sockets[0]);
    assert_eq!(script.emit("/", own.clone()), [0; 0], "not yet");
    assert_eq!(script.emit("/", Target::default()), [0; 0], "and what is for all is not for it");
    let welcome = format!(r#"to 0: 0{{"sid":"{}"}}"#, id(0));
    let early = r#"to 0: 2["e"]"#;
    assert_eq!(script.admit(0), [welcome.as_str(), early, "#0 is in /"]);
    assert_eq!(script.emit("/", own), [0]);

    script.text(0, "0/a,");
    for _ in 0..MAX_EARLY + 1 {
        script.emit("/a", Target::socket(script.sockets[1]));
    }
    assert_eq!(script.admit(1).len(), 1 + MAX_EARLY + 1, "one too many is dropped");

    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    script.emit("/", Target::socket(script.sockets[0]));
    assert_eq!(script.refuse(0), [r#"to 0: 4{"message":"no"}"#], "who is refused hears no more");
}

#[test]
fn a_refused_client_is_told_why_and_may_try_again() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0/a,");
    let (why, data) = ("Unauthorized \"x\"".to_owned(), Some(r#"{"code":"E_AUTH"}"#.to_owned()));
    assert_eq!(
        script.tell(Input::Refuse(script.sockets[0], why, data)),
        [r#"to 0: 4/a,{"message":"Unauthorized \"x\"","data":{"code":"E_AUTH"}}"#]
    );
    assert_eq!(script.admit(0), [""; 0], "a refused socket is no more");
    assert_eq!(script.refuse(0), [""; 0]);
    script.connect(0, "/a");
    assert_eq!(script.refuse(1), [""; 0], "a connected socket is not refused");
    assert_eq!(script.text(0, r#"2/a,["e"]"#), ["#1: e"]);
}

#[test]
fn an_unknown_namespace_is_invalid_and_the_session_lives() {
    let mut script = Script::with_sessions(0..1);
    for name in ["/nope", "/__proto__", "/constructor", "/a?token=x", "/A"] {
        let answer = format!(r#"to 0: 4{name},{{"message":"Invalid namespace"}}"#);
        assert_eq!(script.text(0, &format!("0{name},")), [answer]);
    }
    assert_eq!(script.machine.n_sockets(), 0, "nothing is stored for an unknown name");
    script.connect(0, "/");
}

#[test]
fn a_second_connect_to_the_same_namespace_ends_the_session() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    assert_eq!(script.text(0, "0/a,"), ["close 0: forced close"]);
}

/// The bug: a client that left and came back before it was answered lost its connection, and all
/// of its namespaces with it.
#[test]
fn one_answer_is_for_every_connect_that_came_before_it() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    assert_eq!(script.text(0, r#"0/a,{"n":1}"#), [r#"#1 wants /a with {"n":1}"#]);
    for _ in 0..100 {
        assert_eq!(script.text(0, r#"0/a,{"n":2}"#), [""; 0], "the first payload counts");
    }
    assert_eq!(script.text(0, r#"2/a,["e"]"#), [""; 0]);
    assert_eq!(script.machine.n_sockets(), 2);
    let answer = format!(r#"to 0: 0/a,{{"sid":"{}"}}"#, id(1));
    assert_eq!(script.admit(1), [answer.as_str(), "#1 is in /a", "#1: e"]);
    script.close(0, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

#[test]
fn an_answer_that_has_not_left_is_for_every_connect_as_well() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    script.has_queued = true;
    assert_eq!(script.text(0, "0/a,"), [""; 0]);
    script.has_queued = false;
    assert_eq!(script.text(0, "0/a,"), ["close 0: forced close"]);
}

#[test]
fn a_refusal_is_for_every_connect_that_came_before_it() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0/a,");
    script.text(0, "0/a,");
    assert_eq!(script.refuse(0), [r#"to 0: 4/a,{"message":"no"}"#]);
    script.connect(0, "/a");
}

#[test]
fn whatever_is_not_for_a_joined_namespace_ends_the_session() {
    for text in [
        r#"2["e"]"#,
        r#"2/b,["e"]"#,
        r#"2/nope,["e"]"#,
        "1",
        "1/b,",
        "30[]",
        "4{}",
        r#"4/a,{"message":"x"}"#,
        "abc",
        "",
        "9",
        "0[]",
        "0\"a\"",
        "2",
        "2{}",
        "2[]",
        r#"2["connect"]"#,
        r#"2/a,["e"]x"#,
        "1/a,{}",
        "3/a,[]",
    ] {
        let mut script = Script::with_sessions(0..1);
        script.connect(0, "/a");
        assert_eq!(script.text(0, text), ["close 0: forced close"], "{text}");
    }
}

#[test]
fn events_sent_before_the_answer_to_a_connect_wait_for_it_and_keep_their_order() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    assert_eq!(script.text(0, r#"2["first",1]"#), [""; 0]);
    assert_eq!(script.text(0, r#"51-["second",{"_placeholder":true,"num":0}]"#), [""; 0]);
    assert_eq!(script.bytes(0, &[9]), [""; 0]);
    assert_eq!(script.text(0, r#"27["third"]"#), [""; 0]);
    let lines = script.admit(0);
    assert_eq!(lines[1], "#0 is in /");
    assert_eq!(lines[2], "#0: first 1");
    assert_eq!(lines[3], r#"#0: second {"_placeholder":true,"num":0} [9]"#);
    assert_eq!(lines[4], "#0: third ack 7");
    assert_eq!(lines.len(), 5);
    assert_eq!(script.text(0, r#"2["fourth"]"#), ["#0: fourth"]);
}

#[test]
fn events_of_a_refused_client_are_dropped() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    script.text(0, r#"2["lost"]"#);
    assert_eq!(script.refuse(0), [r#"to 0: 4{"message":"no"}"#]);
    script.text(0, "0");
    assert_eq!(script.admit(1).len(), 2, "nothing is left of the first try");
}

#[test]
fn sixty_four_events_may_wait_for_the_answer_and_one_more_ends_the_session() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    for _ in 0..64 {
        assert_eq!(script.text(0, "2[1]"), [""; 0]);
    }
    assert_eq!(script.text(0, "2[1]"), ["close 0: policy violation"]);
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    (0..64).for_each(|_| drop(script.text(0, "2[1]")));
    assert_eq!(script.admit(0).len(), 2 + 64);
}

#[test]
fn max_payload_bytes_may_wait_for_the_answer_and_one_more_ends_the_session() {
    let half = format!("2[\"{}\"]", "x".repeat(MAX_PAYLOAD / 2 - 4));
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    assert_eq!(script.text(0, &half), [""; 0]);
    assert_eq!(script.text(0, &half), [""; 0]);
    assert_eq!(script.text(0, "2[1]"), ["close 0: policy violation"]);
}

#[test]
fn attachments_that_wait_for_the_answer_count_as_well() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    for _ in 0..2 {
        script.text(0, r#"51-["e",{"_placeholder":true,"num":0}]"#);
        assert_eq!(script.bytes(0, &[0; 60]), [""; 0]);
    }
    script.text(0, r#"51-["e",{"_placeholder":true,"num":0}]"#);
    assert_eq!(script.bytes(0, &[0; 20]), ["close 0: policy violation"]);
}

#[test]
fn a_client_that_leaves_before_the_answer_was_never_there() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0/a,");
    assert_eq!(script.text(0, "1/a,"), ["#0 is abandoned"]);
    assert_eq!(script.admit(0), [""; 0]);
    script.connect(0, "/a");
    script.close(0, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

#[test]
fn an_answer_for_a_session_that_ended_meanwhile_is_ignored() {
    for admitted in [true, false] {
        let mut script = Script::with_sessions(0..1);
        script.text(0, "0/a,");
        script.text(0, r#"2/a,["lost"]"#);
        assert_eq!(script.close(0, CloseReason::TransportClose), ["#0 is abandoned"]);
        let late = if admitted { script.admit(0) } else { script.refuse(0) };
        assert_eq!(late, [""; 0]);
        script.check_nothing_is_left();
    }
}

#[test]
fn a_client_that_joins_nothing_within_connect_timeout_is_cut() {
    let mut script = Script::with_sessions(0..1);
    assert_eq!(script.wait(CONNECT_TIMEOUT_MS - 1), [""; 0]);
    assert_eq!(script.wait(1), ["close 0: forced server close"]);
    assert_eq!(script.wait(100_000), [""; 0], "once");
}

#[test]
fn neither_a_refusal_nor_a_handler_that_thinks_stops_the_connect_timeout() {
    let mut script = Script::with_sessions(0..3);
    script.text(0, "0/nope,");
    script.text(1, "0");
    script.refuse(0);
    script.text(2, "0");
    assert_eq!(
        script.wait(CONNECT_TIMEOUT_MS),
        [0, 1, 2].map(|s| format!("close {s}: forced server close"))
    );
}

#[test]
fn who_has_joined_once_is_not_cut_by_the_connect_timeout_even_after_leaving() {
    let mut script = Script::with_sessions(0..1);
    script.wait(CONNECT_TIMEOUT_MS - 1);
    script.connect(0, "/a");
    script.text(0, "1/a,");
    assert_eq!(script.wait(1_000_000), [""; 0]);
    assert_eq!(script.machine.deadline(), None);
}

#[test]
fn thirty_two_failed_connects_are_borne_and_one_more_ends_the_session() {
    let mut script = Script::with_sessions(0..1);
    for _ in 0..32 {
        assert!(script.text(0, "0/nope,")[0].starts_with("to 0: 4/nope,"));
    }
    assert_eq!(script.text(0, "0/nope,"), ["close 0: policy violation"]);
}

#[test]
fn refusals_count_as_failed_connects() {
    let mut script = Script::with_sessions(0..1);
    for i in 0..32 {
        script.text(0, "0");
        assert_eq!(script.refuse(i).len(), 1);
    }
    script.text(0, "0");
    assert_eq!(script.refuse(32), [r#"to 0: 4{"message":"no"}"#, "close 0: policy violation"]);
}

#[test]
fn failed_connects_are_counted_for_each_client_alone() {
    let mut script = Script::with_sessions(0..2);
    for _ in 0..32 {
        script.text(0, "0/nope,");
    }
    assert!(script.text(1, "0/nope,")[0].starts_with("to 1: 4/nope,"));
    script.connect(0, "/");
}

#[test]
fn packets_of_an_unknown_session_are_ignored() {
    let mut script = Script::new();
    assert_eq!(script.text(5, "0"), [""; 0]);
    assert_eq!(script.bytes(5, &[1]), [""; 0]);
    assert_eq!(script.close(5, CloseReason::TransportClose), [""; 0]);
    script.check_nothing_is_left();
}

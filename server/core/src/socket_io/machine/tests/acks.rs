//! Answers in both directions: ids, limits, time, and answers that come too late or never.

use super::*;

#[test]
fn an_event_that_wants_an_answer_tells_its_id() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    assert_eq!(script.text(0, r#"2/a,12["e"]"#), ["#0: e ack 12"]);
    assert_eq!(script.text(0, r#"2/a,9007199254740991["e"]"#), ["#0: e ack 9007199254740991"]);
    assert_eq!(script.text(0, r#"2/a,9007199254740992["e"]"#), ["close 0: forced close"]);
}

#[test]
fn a_question_is_answered_once() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    assert_eq!(script.ask(0, 70, None), [r#"to 0: 2/a,0["question"]"#]);
    assert_eq!(script.ask(0, 71, None), [r#"to 0: 2/a,1["question"]"#]);
    assert_eq!(script.text(0, "3/a,1[]"), ["answer 71:"]);
    assert_eq!(script.text(0, r#"3/a,0["yes",{"a":1}]"#), [r#"answer 70: "yes" {"a":1}"#]);
    assert_eq!(script.text(0, "3/a,0[1]"), [""; 0], "the second answer is ignored");
    assert_eq!(script.text(0, "3/a,99[1]"), [""; 0], "so is one that nobody asked for");
    assert_eq!(script.machine.n_unasked_acks(), 2);
}

#[test]
fn an_answer_may_be_binary() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.ask(0, 70, None);
    assert_eq!(script.text(0, r#"61-0[{"_placeholder":true,"num":0}]"#), [""; 0]);
    assert_eq!(script.bytes(0, &[1, 2]), [r#"answer 70: {"_placeholder":true,"num":0} [1, 2]"#]);
}

#[test]
fn nobody_answers_for_another() {
    let mut script = Script::with_sessions(0..2);
    let (one, other) = (script.connect(0, "/a"), script.connect(1, "/a"));
    script.connect(1, "/b");
    script.ask(one, 70, None);
    assert_eq!(script.text(1, "3/a,0[1]"), [""; 0]);
    assert_eq!(script.text(1, "3/b,0[1]"), [""; 0]);
    assert_eq!(script.ask(other, 71, None), [r#"to 1: 2/a,1["question"]"#]);
    assert_eq!(script.text(0, "3/a,0[1]"), ["answer 70: 1"]);
}

#[test]
fn a_question_that_is_not_answered_in_time_times_out_and_a_late_answer_is_ignored() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.ask(0, 70, Some(500));
    script.ask(0, 71, Some(400));
    assert_eq!(script.wait(399), [""; 0]);
    assert_eq!(script.wait(1), ["no answer 71: operation has timed out"]);
    assert_eq!(script.text(0, "31[1]"), [""; 0], "late");
    assert_eq!(script.text(0, "30[1]"), ["answer 70: 1"], "in time");
    assert_eq!(script.machine.deadline(), None);
    assert_eq!(script.wait(1000), [""; 0]);
}

#[test]
fn a_question_without_a_timeout_waits_for_ever() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.ask(0, 70, None);
    assert_eq!(script.machine.deadline(), None);
    assert_eq!(script.wait(1_000_000_000), [""; 0]);
    assert_eq!(script.text(0, "30[]"), ["answer 70:"]);
}

#[test]
fn a_question_with_no_time_at_all_times_out_at_the_next_timeout() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.ask(0, 70, Some(0));
    assert_eq!(script.wait(0), ["no answer 70: operation has timed out"]);
}

#[test]
fn a_socket_that_is_gone_answers_nothing() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.ask(0, 70, Some(500));
    script.ask(0, 71, None);
    assert_eq!(
        script.text(0, "1"),
        [
            "no answer 70: socket has been disconnected",
            "no answer 71: socket has been disconnected",
            "#0 is out of /: client namespace disconnect",
        ]
    );
    assert_eq!(script.machine.deadline(), None, "its timeouts are gone as well");
    assert_eq!(script.ask(0, 72, None), ["no answer 72: socket has been disconnected"]);
    script.connect(0, "/");
    assert_eq!(script.text(0, "30[]"), [""; 0], "a new socket does not inherit questions");
    script.close(0, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

#[test]
fn a_socket_that_is_not_connected_yet_is_not_asked() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0");
    assert_eq!(script.ask(0, 70, None), ["no answer 70: socket has been disconnected"]);
}

#[test]
fn as_many_answers_as_allowed_may_be_awaited_and_one_more_is_not_asked_for() {
    let mut script = Script::with_sessions(0..2);
    script.connect(0, "/");
    for token in 0..1024 {
        assert_eq!(script.ask(0, token, None), [format!(r#"to 0: 2{token}["question"]"#)]);
    }
    assert_eq!(script.ask(0, 5000, None), ["no answer 5000: too many unanswered acknowledgements"]);
    let other = script.connect(1, "/");
    assert_eq!(script.ask(other, 5001, None).len(), 1, "the limit is each socket's own");
    script.text(0, "37[]");
    assert!(script.ask(0, 5002, None)[0].starts_with("to 0:"));
}

//! How a session says good-bye, for how long it waits to, and that it says nothing afterwards.

use super::*;

#[test]
fn a_close_is_remembered_for_the_next_get() {
    for reason in [CloseReason::ForcedClose, CloseReason::ForcedServerClose] {
        let mut script = Script::polling();
        assert_eq!(script.close(reason), closed(reason));
        assert!(script.session.is_closed() && !script.session.is_gone());
        assert_eq!(script.get().as_deref(), Some("6|1"));
        assert!(script.session.is_gone());
        assert_eq!(script.tell(SessionInput::PollOpened), [SessionEffect::RefuseRequest]);
    }
}

#[test]
fn a_waiting_get_is_told_of_a_close_at_once() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.close(CloseReason::ServerShuttingDown);
    assert_eq!(script.answer().as_deref(), Some("1"));
    assert!(script.session.is_gone());
}

#[test]
fn what_is_queued_comes_before_the_close_however_many_answers_it_takes() {
    let mut script = Script::polling();
    for i in 0..20 {
        script.send(&i.to_string());
    }
    script.close(CloseReason::ForcedServerClose);
    assert_eq!(script.get().unwrap().split('|').count(), 16);
    assert!(!script.session.is_gone());
    assert_eq!(script.get().as_deref(), Some("416|417|418|419"));
    assert!(!script.session.is_gone());
    assert_eq!(script.get().as_deref(), Some("6|1"));
    assert!(script.session.is_gone());
}

/// The bug: `4a|1` in one answer. Stock clients act on the `1` first: the message was lost, and a
/// socket that `41` had disconnected was disconnected a second time.
#[test]
fn a_polls_good_bye_shares_no_answer_with_messages() {
    for waits in [false, true] {
        let mut script = Script::polling();
        if waits {
            assert_eq!(script.get(), None);
        }
        script.send("2[\"bye-bye\"]");
        script.send("1");
        script.close(CloseReason::ForcedServerClose);
        let first = if waits { script.answer() } else { script.get() };
        assert_eq!(first.as_deref(), Some("42[\"bye-bye\"]|41"));
        assert!(!script.session.is_gone());
        assert_eq!(script.answer(), None, "it has no GET");
        assert_eq!(script.get().as_deref(), Some("6|1"));
        assert!(script.session.is_gone());
    }
}

#[test]
fn the_good_bye_behind_messages_is_waited_for_as_long_as_any() {
    let mut script = Script::polling();
    script.send("1");
    script.close(CloseReason::ForcedServerClose);
    script.wait(20_000);
    assert_eq!(script.get().as_deref(), Some("41"));
    script.wait(9_999);
    assert!(!script.session.is_gone());
    script.wait(1);
    assert!(script.session.is_gone());
}

#[test]
fn a_client_that_closes_while_it_is_told_of_the_end_is_not_waited_for() {
    let mut script = Script::polling();
    script.send("1");
    script.close(CloseReason::ForcedServerClose);
    assert_eq!(script.get().as_deref(), Some("41"));
    assert_eq!(script.tell(SessionInput::PostOpened), []);
    assert_eq!(script.packet("4late"), []);
    assert!(!script.session.is_gone());
    assert_eq!(script.packet("1"), []);
    assert!(script.session.is_gone());
    assert_eq!(script.tell(SessionInput::PostClosed), []);
}

#[test]
fn a_close_that_nobody_asks_for_is_forgotten_after_a_while() {
    let mut script = Script::polling();
    script.close(CloseReason::ForcedServerClose);
    script.wait(29_999);
    assert!(!script.session.is_gone());
    script.wait(1);
    assert!(script.session.is_gone());
    assert_eq!(script.session.deadline(), None);
}

#[test]
fn a_closing_session_admits_one_get_and_one_post_and_hears_nothing() {
    let mut script = Script::polling();
    script.send("a");
    script.close(CloseReason::ForcedServerClose);
    assert_eq!(script.tell(SessionInput::PostOpened), []);
    assert_eq!(script.tell(SessionInput::PostOpened), [SessionEffect::RefuseRequest]);
    assert_eq!(script.tell(SessionInput::CandidateOpened), [SessionEffect::DropCandidate]);
    assert_eq!(script.packet("4late"), []);
    assert_eq!(script.send("late"), []);
    assert_eq!(script.close(CloseReason::ForcedClose), [], "it ends once");
    assert_eq!(script.tell(SessionInput::PollOpened), []);
    assert_eq!(script.tell(SessionInput::PollOpened), [SessionEffect::RefuseRequest]);
    assert_eq!(script.answer().as_deref(), Some("4a"));
    assert_eq!(script.get().as_deref(), Some("6|1"));
}

#[test]
fn a_websocket_gets_what_is_queued_and_then_a_close_frame() {
    let mut script = Script::websocket();
    script.send("a");
    assert_eq!(
        script.close(CloseReason::ForcedServerClose),
        closed(CloseReason::ForcedServerClose)
    );
    script.send("late");
    assert!(!script.session.is_gone());
    assert_eq!(script.read(), ["4a", "close"]);
    assert!(script.session.is_gone());
    assert_eq!(script.read(), [""; 0]);
}

#[test]
fn close_codes_tell_what_the_client_did() {
    for (reason, frame) in [
        (CloseReason::PolicyViolation, "close 1008 policy violation"),
        (CloseReason::SlowConsumer, "close 1013 slow consumer"),
        (CloseReason::PacketTooLarge, "close 1009 packet too large"),
        (CloseReason::ForcedClose, "close"),
        (CloseReason::ServerShuttingDown, "close 1001 server shutting down"),
        (CloseReason::ParseError, "close"),
    ] {
        let mut script = Script::websocket();
        assert_eq!(script.close(reason), closed(reason));
        assert_eq!(script.read(), [frame]);
    }
}

#[test]
fn a_broken_framing_rule_is_answered_with_its_code_at_once() {
    for (code, reason) in [
        (close_code::PROTOCOL_ERROR, CloseReason::TransportError),
        (close_code::INVALID_DATA, CloseReason::TransportError),
        (close_code::TOO_BIG, CloseReason::TransportError),
        (close_code::POLICY_VIOLATION, CloseReason::PolicyViolation),
    ] {
        let mut script = Script::websocket();
        script.send("never read");
        let violation = Violation { code, reason: "words" };
        assert_eq!(script.tell(SessionInput::Violated(violation)), closed(reason));
        assert_eq!(script.read(), [format!("close {code} words")]);
        assert!(script.session.is_gone());
    }
}

#[test]
fn a_websockets_good_bye_is_answered_with_its_own_code() {
    for (code, frame) in [(Some(1000), "close 1000"), (Some(4000), "close 4000"), (None, "close")] {
        let mut script = Script::websocket();
        script.send("never read");
        let effects = script.tell(SessionInput::WebSocketClosing(code));
        assert_eq!(effects, closed(CloseReason::TransportClose));
        assert_eq!(script.read(), [frame]);
        assert!(script.session.is_gone());
    }
}

#[test]
fn a_close_packet_by_a_websocket_ends_the_session() {
    let mut script = Script::websocket();
    assert_eq!(script.packet("1"), closed(CloseReason::TransportClose));
    assert_eq!(script.read(), ["close"]);
    assert!(script.session.is_gone());
}

#[test]
fn a_websocket_that_is_lost_says_nothing_more() {
    for (clean, reason) in
        [(true, CloseReason::TransportClose), (false, CloseReason::TransportError)]
    {
        let mut script = Script::websocket();
        script.send("never read");
        assert_eq!(script.tell(SessionInput::TransportGone { clean }), closed(reason));
        assert!(script.session.is_gone());
        assert_eq!(script.read(), [""; 0]);
        assert_eq!(script.tell(SessionInput::TransportGone { clean }), []);
    }
}

#[test]
fn a_frame_begun_is_finished_before_the_close_frame() {
    let mut script = Script::websocket();
    script.send("begun");
    script.send("unread");
    script.write(3);
    script.close(CloseReason::SlowConsumer);
    assert_eq!(script.read(), ["4begun", "close 1013 slow consumer"]);
}

#[test]
fn a_closing_websocket_that_reads_nothing_is_given_up() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.send("unread");
    script.close(CloseReason::ForcedServerClose);
    script.wait(9_999);
    assert!(!script.session.is_gone());
    script.wait(1);
    assert!(script.session.is_gone());

    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.close(CloseReason::PingTimeout);
    script.wait(0);
    assert!(script.session.is_gone(), "who does not answer will not read the good-bye either");
}

#[test]
fn a_slow_reader_is_told_why_it_is_cut_if_it_reads_on_in_time() {
    for reads_after_ms in [0, 7_999, 8_000] {
        let mut script = Script::websocket();
        script.tell(SessionInput::Blocked);
        script.wait(2_000);
        script.send("unread");
        script.close(CloseReason::SlowConsumer);
        script.wait(reads_after_ms);
        let is_late = reads_after_ms == 8_000;
        assert_eq!(script.session.is_gone(), is_late, "10 s after the last byte that it took");
        if !is_late {
            script.tell(SessionInput::Writable);
            assert_eq!(script.read(), ["close 1013 slow consumer"]);
            assert!(script.session.is_gone());
        }
    }
}

#[test]
fn a_closing_websocket_that_is_lost_is_gone_and_ends_once() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.close(CloseReason::ForcedServerClose);
    assert_eq!(script.tell(SessionInput::TransportGone { clean: false }), []);
    assert!(script.session.is_gone());
}

/// The bug: what waited in a volatile slot was written behind the close frame (RFC 6455 § 5.5.1:
/// nothing may follow it), and behind the `1` of polling.
#[test]
fn nothing_follows_the_last_word() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.send("a");
    script.volatile(1, "state");
    script.close(CloseReason::ForcedServerClose);
    script.tell(SessionInput::Writable);
    assert_eq!(script.read().last().map(String::as_str), Some("close"));

    let mut script = Script::polling();
    script.volatile(1, "state");
    script.close(CloseReason::ForcedServerClose);
    assert_eq!(script.get().as_deref(), Some("4state"));
    assert_eq!(script.get().as_deref(), Some("6|1"));
    assert!(script.session.is_gone());
}

//! GETs and POSTs: one at a time each, what they are answered, and what ends the session.

use super::*;

#[test]
fn a_get_waits_until_there_is_something_to_say() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    assert_eq!(script.answer(), None);
    script.send("a");
    script.send("b");
    assert_eq!(script.answer().as_deref(), Some("4a|4b"));
    assert_eq!(script.answer(), None, "a GET has one answer");
}

#[test]
fn what_was_sent_between_two_gets_is_in_the_answer_to_the_second() {
    let mut script = Script::polling();
    script.send("a");
    script.tell(SessionInput::Send(Frame::message_binary(&[1, 2, 3, 4]), Delivery::Reliable));
    assert_eq!(script.get().as_deref(), Some("4a|bAQIDBA=="));
    assert_eq!(script.get(), None);
}

#[test]
fn of_two_gets_the_first_is_told_that_it_is_over_and_the_second_is_refused() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    assert_eq!(
        script.tell(SessionInput::PollOpened),
        [SessionEffect::RefuseRequest, SessionEffect::Closed(CloseReason::TransportError)]
    );
    assert_eq!(script.answer().as_deref(), Some("1"));
    assert!(script.session.is_gone());
}

#[test]
fn of_two_posts_the_second_is_refused_and_the_session_ends() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    assert_eq!(script.tell(SessionInput::PostOpened), []);
    assert_eq!(
        script.tell(SessionInput::PostOpened),
        [SessionEffect::RefuseRequest, SessionEffect::Closed(CloseReason::TransportError)]
    );
    assert_eq!(script.answer().as_deref(), Some("1"));
    assert!(script.session.is_gone());
}

#[test]
fn a_post_may_follow_another_and_run_beside_a_get() {
    let mut script = Script::polling();
    for _ in 0..3 {
        assert_eq!(script.get(), None);
        assert_eq!(script.tell(SessionInput::PostOpened), []);
        assert_eq!(script.packet("4a"), [SessionEffect::Deliver]);
        assert_eq!(script.packet("bAQID"), [SessionEffect::Deliver]);
        assert_eq!(script.tell(SessionInput::PostClosed), []);
        script.send("b");
        assert_eq!(script.answer().as_deref(), Some("4b"));
    }
}

#[test]
fn a_get_that_its_client_gives_up_ends_the_session() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    assert_eq!(script.tell(SessionInput::PollAborted), closed(CloseReason::TransportError));
    assert!(script.session.is_gone());
    assert_eq!(script.answer(), None);
}

#[test]
fn giving_up_a_get_that_has_its_answer_harms_nothing() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.send("a");
    assert!(script.answer().is_some());
    assert_eq!(script.tell(SessionInput::PollAborted), []);
    assert!(!script.session.is_closed());
}

#[test]
fn a_post_that_breaks_a_rule_ends_the_session() {
    let mut script = Script::polling();
    script.tell(SessionInput::PostOpened);
    assert_eq!(script.tell(SessionInput::PostBroken), closed(CloseReason::TransportError));
    script.wait(1);
    assert!(script.session.is_gone());
}

#[test]
fn a_body_that_cannot_be_read_ends_the_session_and_its_waiting_get() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.tell(SessionInput::PostOpened);
    assert_eq!(script.tell(SessionInput::Malformed), closed(CloseReason::ParseError));
    assert_eq!(script.answer().as_deref(), Some("1"));

    let mut script = Script::polling();
    script.tell(SessionInput::PostOpened);
    assert_eq!(script.tell(SessionInput::Malformed), closed(CloseReason::ParseError));
    script.wait(1);
    assert!(script.session.is_gone(), "who broke the rules is not waited for");
}

#[test]
fn a_client_that_closes_is_answered_with_a_noop() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.tell(SessionInput::PostOpened);
    assert_eq!(script.packet("1"), closed(CloseReason::TransportClose));
    assert_eq!(script.tell(SessionInput::PostClosed), []);
    assert_eq!(script.answer().as_deref(), Some("6"));
    assert!(script.session.is_gone());

    let mut script = Script::polling();
    assert_eq!(script.packet("1"), closed(CloseReason::TransportClose));
    assert!(script.session.is_gone(), "no GET waits, so there is nothing to say");
}

#[test]
fn upgrade_and_noop_packets_mean_nothing_by_the_sessions_own_transport() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut script = Script::open(transport, |_| ());
        assert_eq!(script.packet("5"), [SessionEffect::Noise]);
        assert_eq!(script.packet("6"), [SessionEffect::Noise]);
        assert_eq!(script.session.transport(), transport);
        assert!(!script.session.is_closed());
    }
}

#[test]
fn an_answer_holds_sixteen_packets_and_the_seventeenth_waits_for_the_next_get() {
    let mut script = Script::polling();
    for i in 0..17 {
        script.send(&i.to_string());
    }
    assert_eq!(script.get().unwrap().split('|').count(), 16);
    assert_eq!(script.get().as_deref(), Some("416"));
    assert_eq!(script.get(), None);
}

#[test]
fn an_answer_holds_max_payload_bytes_and_not_one_more() {
    let mut script = Script::open(Transport::Polling, |settings| settings.max_payload = 11);
    for text in ["aaaa", "bbbb", "cccc"] {
        script.send(text);
    }
    assert_eq!(script.get().as_deref(), Some("4aaaa|4bbbb"));
    script.send("12345");
    assert_eq!(script.get().as_deref(), Some("4cccc"));
    assert_eq!(script.get().as_deref(), Some("412345"));
}

#[test]
fn a_websocket_session_takes_no_requests() {
    let mut script = Script::websocket();
    assert_eq!(script.tell(SessionInput::PollOpened), [SessionEffect::RefuseRequest]);
    assert_eq!(script.tell(SessionInput::PostOpened), [SessionEffect::RefuseRequest]);
    assert_eq!(script.tell(SessionInput::PollAborted), []);
    assert!(!script.session.is_closed());
    assert_eq!(script.answer(), None);
}

#[test]
fn a_polling_session_has_nothing_for_a_websocket() {
    let mut script = Script::polling();
    script.send("a");
    assert_eq!(script.read(), [""; 0]);
    assert_eq!(script.get().as_deref(), Some("4a"));
}

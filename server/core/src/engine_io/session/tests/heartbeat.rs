//! When pings go out, what counts as an answer, and when silence ends a session.

use super::*;

const INTERVAL: u64 = 25_000;
const TIMEOUT: u64 = 20_000;

#[test]
fn the_first_ping_comes_after_an_interval_and_never_at_once() {
    let mut script = Script::websocket();
    assert_eq!(script.tell(SessionInput::Timeout), []);
    assert_eq!(script.read(), [""; 0], "a ping at once");
    script.wait(INTERVAL - 1);
    assert_eq!(script.read(), [""; 0], "a ping too early");
    script.wait(1);
    assert_eq!(script.read(), ["2"]);

    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.wait(INTERVAL - 1);
    assert_eq!(script.answer(), None);
    script.wait(1);
    assert_eq!(script.answer().as_deref(), Some("2"));
}

#[test]
fn a_client_that_never_pongs_is_gone_after_interval_plus_timeout() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut script = Script::open(transport, |_| ());
        assert_eq!(script.wait(INTERVAL + TIMEOUT - 1), [SessionEffect::Pinged]);
        assert_eq!(script.wait(1), closed(CloseReason::PingTimeout), "{transport:?}");
        script.wait(1);
        assert!(script.session.is_gone(), "{transport:?}: nobody is there to say good-bye to");
    }
}

#[test]
fn a_dead_clients_waiting_get_is_told_that_it_is_over() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.wait(INTERVAL);
    assert_eq!(script.answer().as_deref(), Some("2"));
    assert_eq!(script.get(), None);
    assert_eq!(script.wait(TIMEOUT), closed(CloseReason::PingTimeout));
    assert_eq!(script.answer().as_deref(), Some("1"));
    assert!(script.session.is_gone());
}

#[test]
fn a_dead_websocket_is_closed_without_a_code_and_what_it_never_read_is_dropped() {
    let mut script = Script::websocket();
    script.wait(INTERVAL);
    script.tell(SessionInput::Blocked);
    script.send("unread");
    script.tell(SessionInput::Writable);
    script.wait(TIMEOUT - 1);
    let mut effects = Vec::new();
    script.now = script.now + Duration::from_millis(1);
    effects.extend(script.tell(SessionInput::Timeout));
    assert_eq!(effects, closed(CloseReason::PingTimeout));
    assert_eq!(script.read(), ["close"]);
}

#[test]
fn a_pong_moves_the_next_ping() {
    let mut script = Script::websocket();
    script.wait(INTERVAL);
    assert_eq!(script.read(), ["2"]);
    script.wait(7000);
    assert_eq!(script.packet("3"), [SessionEffect::Ponged]);
    assert_eq!(script.packet("3"), [SessionEffect::Noise], "nobody asked");
    script.wait(INTERVAL - 1);
    assert_eq!(script.read(), [""; 0]);
    script.wait(1);
    assert_eq!(script.read(), ["2"]);
    assert_eq!(script.wait(TIMEOUT), closed(CloseReason::PingTimeout));
}

#[test]
fn a_pong_that_nobody_asked_for_moves_the_next_ping_and_harms_nothing() {
    let mut script = Script::websocket();
    for _ in 0..3 {
        script.wait(INTERVAL - 1);
        assert_eq!(script.packet("3"), [SessionEffect::Noise]);
        assert_eq!(script.packet("3anything"), [SessionEffect::Noise]);
    }
    script.wait(INTERVAL - 1);
    assert_eq!(script.read(), [""; 0]);
    script.wait(1);
    assert_eq!(script.read(), ["2"]);
}

#[test]
fn another_packet_extends_the_wait_for_a_pong_once() {
    let mut script = Script::websocket();
    script.wait(INTERVAL);
    script.wait(TIMEOUT - 1);
    assert_eq!(script.packet("4a"), [SessionEffect::Deliver]);
    script.wait(TIMEOUT - 2);
    assert_eq!(script.packet("4b"), [SessionEffect::Deliver], "this one extends nothing");
    assert_eq!(script.wait(1), []);
    assert_eq!(script.wait(1), closed(CloseReason::PingTimeout));
}

#[test]
fn the_wait_may_be_extended_again_after_the_next_ping() {
    let mut script = Script::websocket();
    for _ in 0..2 {
        script.wait(INTERVAL + TIMEOUT - 1);
        script.packet("4a");
        assert_eq!(script.wait(TIMEOUT - 1), []);
        script.packet("3");
    }
}

#[test]
fn a_packet_before_the_ping_moves_nothing() {
    let mut script = Script::websocket();
    script.wait(INTERVAL - 1);
    script.packet("4a");
    script.wait(1);
    assert_eq!(script.read(), ["2"]);
}

#[test]
fn a_timeout_that_fires_late_sends_one_ping() {
    let mut script = Script::websocket();
    script.sleep(10 * INTERVAL);
    assert_eq!(script.tell(SessionInput::Timeout), [SessionEffect::Pinged]);
    assert_eq!(script.tell(SessionInput::Timeout), []);
    assert_eq!(script.read(), ["2"]);
    assert_eq!(script.wait(TIMEOUT - 1), []);
}

#[test]
fn an_upgrade_forgets_a_ping_that_went_out_by_the_old_transport() {
    let mut script = Script::polling();
    script.tell(SessionInput::CandidateOpened);
    script.candidate("2probe");
    script.get();
    script.wait(INTERVAL);
    assert!(script.answer().is_some());
    script.tell(SessionInput::CandidateOpened);
    script.candidate("5");
    assert_eq!(script.session.transport(), Transport::WebSocket);
    script.read();
    assert_eq!(script.wait(INTERVAL - 1), []);
    assert_eq!(script.read(), [""; 0]);
    script.wait(1);
    assert_eq!(script.read(), ["2"]);
}

#[test]
fn a_client_may_neither_ping_nor_open() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut script = Script::open(transport, |_| ());
        assert_eq!(script.packet("2"), closed(CloseReason::TransportError));
        let mut script = Script::open(transport, |_| ());
        assert_eq!(script.packet("0{}"), closed(CloseReason::ParseError));
    }
}

//! Slow and fast readers: what is queued, what is replaced, and who is cut for reading too slowly.

use super::*;

/// A blocked WebSocket with small limits.
fn blocked(max_queue_bytes: usize) -> Script {
    let mut script = Script::open(Transport::WebSocket, |settings| {
        settings.max_queue_bytes = max_queue_bytes;
    });
    script.tell(SessionInput::Blocked);
    script
}

#[test]
fn so_many_packets_may_wait_and_not_one_more_and_volatile_ones_do_not_count() {
    for transport in [Transport::WebSocket, Transport::Polling] {
        let mut script = Script::open(transport, |settings| settings.max_queue_packets = 5);
        if transport == Transport::Polling {
            // The greeting.
            script.get();
        } else {
            script.tell(SessionInput::Blocked);
        }
        for n in 1..=5 {
            assert_eq!(script.send("x"), []);
            assert_eq!(script.session.queued_packets(), n);
        }
        assert_eq!(script.volatile(1, "state"), []);
        assert_eq!(script.send("x"), closed(CloseReason::SlowConsumer), "{transport:?}");
    }
}

/// A blocked client with small limits that has kept up until now.
fn kept_up(transport: Transport) -> Script {
    let mut script = Script::open(transport, |settings| {
        settings.max_queue_bytes = 100;
        settings.max_queue_packets = 20;
        settings.max_burst_bytes = 1000;
    });
    if transport == Transport::WebSocket {
        script.tell(SessionInput::Blocked);
    }
    script
}

/// Sends packets that take so many bytes; what came of the last.
fn send_all(script: &mut Script, bytes: impl IntoIterator<Item = usize>) -> Vec<SessionEffect> {
    let mut last = Vec::new();
    for n_bytes in bytes {
        assert_eq!(last, []);
        let n_header = if n_bytes < 128 { 3 } else { 5 };
        last = script.send(&"x".repeat(n_bytes - n_header));
    }
    last
}

/// The bug: who got three times 600 kB from one call of a handler was cut as a slow reader.
#[test]
fn what_one_turn_sends_to_who_has_kept_up_counts_for_itself() {
    for transport in [Transport::WebSocket, Transport::Polling] {
        let mut script = kept_up(transport);
        assert_eq!(send_all(&mut script, [100; 10]), []);
        script.wait(1);
        assert_eq!(send_all(&mut script, [10; 10]), []);
        assert_eq!(script.session.queued_bytes(), 1100);
        assert_eq!(script.send("x"), closed(CloseReason::SlowConsumer), "{transport:?}");
    }
    let mut script = kept_up(Transport::WebSocket);
    assert_eq!(send_all(&mut script, [10; 50]), [], "as many packets as it likes");
    script.wait(1);
    assert_eq!(send_all(&mut script, [4; 20]), []);
    assert_eq!(script.send("x"), closed(CloseReason::SlowConsumer));
}

#[test]
fn a_burst_has_a_limit_and_is_no_excuse_once_it_is_read() {
    let cut = closed(CloseReason::SlowConsumer);
    let mut script = kept_up(Transport::WebSocket);
    assert_eq!(send_all(&mut script, [500, 500, 100]), [], "the last as what comes later");
    assert_eq!(script.send("x"), cut);
    // One that is longer than all of these may be.
    let mut script = kept_up(Transport::WebSocket);
    assert_eq!(send_all(&mut script, [5000, 100]), []);
    assert_eq!(script.send("x"), cut);
    let mut script = kept_up(Transport::WebSocket);
    assert_eq!(send_all(&mut script, [500]), []);
    script.tell(SessionInput::Writable);
    script.write(300);
    script.tell(SessionInput::Blocked);
    script.wait(1);
    assert_eq!(send_all(&mut script, [100]), []);
    assert_eq!(script.send("x"), cut);
}

#[test]
fn many_small_packets_are_written_before_they_are_too_many() {
    let mut script = Script::websocket();
    for _ in 1..HIGH_WATER_PACKETS {
        script.send("x");
        assert!(!script.session.wants_flush());
    }
    script.send("x");
    assert!(script.session.wants_flush());
    script.read();
    assert!(!script.session.wants_flush() && script.session.queued_packets() == 0);
}

#[test]
fn a_writable_client_gets_everything_in_order() {
    let mut script = Script::websocket();
    script.volatile(1, "a");
    script.send("b");
    script.volatile(1, "c");
    script.volatile(1, "d");
    assert_eq!(script.read(), ["4a", "4b", "4c", "4d"]);
    assert_eq!(script.session.n_replaced(), 0);
}

#[test]
fn a_volatile_frame_replaces_the_last_of_its_key_while_the_client_is_blocked() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.volatile(1, "old");
    script.volatile(2, "other");
    script.volatile(1, "older");
    script.volatile(1, "new");
    script.tell(SessionInput::Writable);
    assert_eq!(script.read(), ["4new", "4other"]);
    assert_eq!(script.session.n_replaced(), 2);
}

#[test]
fn what_counts_only_while_it_is_new_is_dropped_when_it_has_waited_for_too_long() {
    let fleeting = |script: &mut Script, key, text: &str| {
        let delivery = Delivery::Fleeting { key, max_age_ms: 200 };
        script.tell(SessionInput::Send(Frame::message_text(text), delivery));
    };
    let mut script = Script::websocket();
    fleeting(&mut script, 1, "at once");
    assert_eq!(script.read(), ["4at once"]);
    script.tell(SessionInput::Blocked);
    fleeting(&mut script, 1, "old");
    script.volatile(2, "not so old that it would not count");
    script.wait(1);
    fleeting(&mut script, 3, "new");
    script.wait(200);
    script.tell(SessionInput::Writable);
    assert_eq!(script.read(), ["4not so old that it would not count", "4new"]);
    assert_eq!((script.session.n_replaced(), script.session.queued_bytes()), (1, 0));
    // By polling likewise; and a newer one of the key has its own time.
    let mut script = Script::polling();
    fleeting(&mut script, 1, "old");
    script.wait(150);
    fleeting(&mut script, 1, "newer");
    script.wait(150);
    assert_eq!(script.get().as_deref(), Some("4newer"));
    fleeting(&mut script, 1, "next");
    assert_eq!(script.answer(), None);
    script.wait(201);
    assert_eq!(script.get(), None);
}

#[test]
fn between_two_polls_a_volatile_frame_replaces_the_last_of_its_key() {
    let mut script = Script::polling();
    script.volatile(1, "old");
    script.send("reliable");
    script.volatile(1, "new");
    assert_eq!(script.get().as_deref(), Some("4reliable|4new"));
    assert_eq!(script.get(), None);
    script.volatile(1, "a");
    script.volatile(1, "b");
    assert_eq!(script.answer().as_deref(), Some("4a|4b"), "while a GET waits all is sent");
}

#[test]
fn a_blocked_client_gets_reliable_frames_first_and_a_frame_begun_is_finished() {
    let mut script = Script::websocket();
    script.send("begun");
    script.write(4);
    script.tell(SessionInput::Blocked);
    script.volatile(1, "state");
    script.send("reliable");
    script.volatile(1, "newer");
    script.tell(SessionInput::Writable);
    assert_eq!(script.read(), ["4begun", "4reliable", "4newer"]);
}

#[test]
fn eight_volatile_keys_wait_and_the_ninth_drops_the_oldest() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    for key in 0..9 {
        script.volatile(key, &key.to_string());
    }
    script.tell(SessionInput::Writable);
    assert_eq!(script.read(), ["41", "42", "43", "44", "45", "46", "47", "48"]);
    assert_eq!(script.session.n_replaced(), 1);
}

/// The bug: once the client could take frames again, a newer frame went to the queue while the
/// older one of the same key still waited in its slot, and was written after it.
#[test]
fn an_older_volatile_frame_never_follows_a_newer_one() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.volatile(1, "old");
    script.tell(SessionInput::Writable);
    script.volatile(1, "new");
    assert_eq!(script.read(), ["4new"], "after a pause");

    let mut script = Script::polling();
    script.volatile(1, "old");
    script.tell(SessionInput::PollOpened);
    script.volatile(1, "new");
    assert_eq!(script.answer().as_deref(), Some("4new"), "between two polls");

    let mut script = Script::polling();
    script.volatile(1, "old");
    script.tell(SessionInput::CandidateOpened);
    script.candidate("5");
    script.volatile(1, "new");
    assert_eq!(script.read(), ["4new"], "over an upgrade");
}

/// The bug: what was offered to the socket, or left out of an answer, had moved to the queue of
/// reliable frames already, so that a newer one came behind it instead of in its place.
#[test]
fn a_volatile_frame_is_replaced_until_it_is_begun() {
    let mut script = Script::websocket();
    script.tell(SessionInput::Blocked);
    script.volatile(1, "old");
    script.volatile(2, "other");
    script.tell(SessionInput::Writable);
    let n_offered = script.session.poll_transmit(&mut script.views).count();
    assert_eq!(n_offered, 2, "offered, but not taken");
    script.tell(SessionInput::Blocked);
    script.volatile(1, "new");
    script.tell(SessionInput::Writable);
    script.write(1);
    script.tell(SessionInput::Blocked);
    script.volatile(1, "newer");
    script.tell(SessionInput::Writable);
    assert_eq!(script.read(), ["4new", "4other", "4newer"]);

    let mut script = Script::polling();
    (0..16).for_each(|_| drop(script.send("a")));
    script.volatile(1, "old");
    assert_eq!(script.get().unwrap().split('|').count(), 16);
    script.volatile(1, "new");
    assert_eq!(script.get().as_deref(), Some("4new"), "it did not fit into the answer");
}

#[test]
fn past_high_water_a_volatile_frame_is_replaced_though_the_client_can_take_it() {
    let mut script = Script::websocket();
    assert!(!script.session.wants_flush());
    for _ in 0..64 {
        script.send(&"x".repeat(1024));
    }
    assert!(script.session.wants_flush());
    script.volatile(1, "old");
    script.volatile(1, "new");
    assert_eq!(script.read().split_off(64), ["4new"]);
    assert!(!script.session.wants_flush());
}

#[test]
fn as_many_bytes_as_allowed_may_wait_and_the_packet_after_them_cuts_the_client() {
    let mut script = blocked(100);
    // 9 letters, the type, and two bytes of header.
    for _ in 0..8 {
        assert_eq!(script.send("123456789"), []);
    }
    assert_eq!(script.session.queued_bytes(), 96);
    assert_eq!(script.send("this one passes the limit and may"), []);
    assert_eq!(script.send(""), closed(CloseReason::SlowConsumer));
    script.tell(SessionInput::Writable);
    assert_eq!(script.read(), ["close 1013 slow consumer"]);
    script.wait(0);
    assert!(script.session.is_gone());
}

#[test]
fn exactly_the_allowed_bytes_leave_room_for_no_other_packet() {
    let mut script = blocked(24);
    assert_eq!(script.send("123456789"), []);
    assert_eq!(script.send("12345678"), []);
    assert_eq!(script.session.queued_bytes(), 23);
    let mut script = blocked(23);
    script.send("123456789");
    script.send("12345678");
    assert_eq!(script.send(""), closed(CloseReason::SlowConsumer));
}

#[test]
fn volatile_frames_never_cut_a_blocked_client() {
    let mut script = blocked(20);
    script.send("a");
    script.send("b");
    for i in 0..100 {
        assert_eq!(script.volatile(i, "a long state that would not fit"), []);
    }
    script.tell(SessionInput::Writable);
    assert_eq!(script.read().len(), 2 + 1, "the newest, though it is longer than all may be");
}

#[test]
fn a_client_that_does_not_poll_is_cut_like_one_that_does_not_read() {
    let mut script = Script::open(Transport::Polling, |settings| settings.max_queue_bytes = 12);
    script.send("a");
    script.send("b");
    script.send("c");
    assert_eq!(script.send("d"), closed(CloseReason::SlowConsumer));
    assert_eq!(script.get().as_deref(), Some("6|1"));
    assert!(script.session.is_gone());
}

/// The bug: with limits below the high-water marks a burst to a client that reads everything at
/// once was taken for a slow reader, and a volatile frame could cut it.
#[test]
fn a_burst_to_a_client_that_can_take_it_is_written_before_it_reaches_the_limit() {
    let mut script = Script::open(Transport::WebSocket, |settings| settings.max_queue_bytes = 100);
    let mut n_read = 0;
    for _ in 0..100 {
        assert_eq!(script.send("123456789"), []);
        assert_eq!(script.volatile(1, "state"), []);
        if script.session.wants_flush() {
            n_read += script.read().iter().filter(|frame| *frame == "4123456789").count();
        }
    }
    n_read += script.read().iter().filter(|frame| *frame == "4123456789").count();
    assert_eq!(n_read, 100);
}

#[test]
fn a_client_that_takes_no_byte_for_write_stall_timeout_is_cut() {
    let mut script = Script::websocket();
    script.send("a");
    script.tell(SessionInput::Blocked);
    assert_eq!(script.wait(9_999), []);
    assert_eq!(script.wait(1), closed(CloseReason::SlowConsumer));
    script.wait(0);
    assert!(script.session.is_gone());
}

#[test]
fn each_byte_taken_starts_the_stall_anew() {
    let mut script = Script::websocket();
    script.send("a long frame");
    script.tell(SessionInput::Blocked);
    for _ in 0..2 {
        assert_eq!(script.wait(9_999), []);
        script.write(1);
        script.tell(SessionInput::Blocked);
    }
    assert_eq!(script.wait(9_999), [SessionEffect::Pinged]);
    script.session.written(script.now, 0);
    assert_eq!(script.wait(1), closed(CloseReason::SlowConsumer), "no byte is no byte");
}

#[test]
fn a_client_that_can_be_written_again_is_not_cut() {
    let mut script = Script::websocket();
    script.send("a");
    script.tell(SessionInput::Blocked);
    script.wait(9_999);
    script.tell(SessionInput::Writable);
    assert_eq!(script.wait(2), []);
    script.tell(SessionInput::Blocked);
    assert_eq!(script.wait(9_999), []);
    assert_eq!(script.wait(1), closed(CloseReason::SlowConsumer));
}

#[test]
fn being_told_twice_that_the_socket_is_blocked_does_not_put_off_the_cut() {
    let mut script = Script::websocket();
    script.send("a");
    script.tell(SessionInput::Blocked);
    script.wait(9_999);
    script.tell(SessionInput::Blocked);
    assert_eq!(script.wait(1), closed(CloseReason::SlowConsumer));
}

#[test]
fn only_the_newest_websocket_ping_is_answered() {
    let mut script = Script::websocket();
    script.tell(SessionInput::WebSocketPing(b"1"));
    script.tell(SessionInput::WebSocketPing(b"2"));
    assert_eq!(script.read(), ["pong 2"]);
    assert_eq!(script.read(), [""; 0]);
}

#[test]
fn a_pong_goes_between_two_frames_and_before_what_waits() {
    let mut script = Script::websocket();
    script.send("begun");
    script.send("waits");
    script.write(1);
    script.tell(SessionInput::WebSocketPing(b"x"));
    assert_eq!(script.read(), ["4begun", "pong x", "4waits"]);
}

#[test]
fn a_hundred_control_frames_in_a_second_are_taken_and_one_more_is_too_many() {
    let mut script = Script::websocket();
    for i in 0..100 {
        let input = match i % 2 {
            0 => SessionInput::WebSocketPing(b""),
            _ => SessionInput::WebSocketPong,
        };
        assert_eq!(script.tell(input), [SessionEffect::Noise]);
    }
    script.read();
    let effects = script.tell(SessionInput::WebSocketPing(b""));
    assert_eq!(effects, closed(CloseReason::PolicyViolation));
    assert_eq!(script.read(), ["close 1008 too many control frames"]);
}

#[test]
fn a_hundred_control_frames_in_each_second_are_taken() {
    let mut script = Script::websocket();
    let is_taken = |effects: Vec<SessionEffect>| effects == [SessionEffect::Noise];
    for _ in 0..3 {
        assert!((0..100).all(|_| is_taken(script.tell(SessionInput::WebSocketPong))));
        script.wait(1000);
    }
    assert!((0..100).all(|_| is_taken(script.tell(SessionInput::WebSocketPong))));
    assert_eq!(script.tell(SessionInput::WebSocketPong), closed(CloseReason::PolicyViolation));
}

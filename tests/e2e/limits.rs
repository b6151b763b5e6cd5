//! How much clients may do: handshakes of one address, and what one session says.
//! Tests that have an id of the list of bad inputs in their name show the answer to that input.

use super::*;

#[test]
fn eio_21_handshakes_left_idle_are_too_many_at_some_point() {
    let mut config = Config::default();
    config.limits.max_handshake_burst_per_address = 300;
    // However slow the machine is, the first are still there with the last.
    config.engine.connect_timeout_ms = 60_000;
    let running = start(config, echo);
    let server = running.address();
    let held: Vec<String> = (0..256).map(|_| polling(server, "")).collect();
    assert!(held.iter().all(|answer| status(answer) == "200"));
    for refused in [polling(server, ""), WebSocket::open(server, "").unwrap_err().to_string()] {
        assert_eq!((status(&refused), header(&refused, "retry-after")), ("429", Some("10")));
    }
    let sid = held[0].split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut stream = connect(server).unwrap();
    let post = "Host: test\r\nContent-Length: 2\r\nConnection: close\r\n\r\n40";
    write!(stream, "POST {POLLING}&sid={sid} HTTP/1.1\r\n{post}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    assert_eq!(upgrade(server, ""), "101", "one has joined a namespace");
}

#[test]
fn eio_21_handshakes_that_come_too_fast_are_told_when_to_come_again() {
    let mut config = Config::default();
    (config.server.shards, config.limits.max_handshakes_per_second_per_address) = (2, 1);
    config.limits.max_handshake_burst_per_address = 3;
    let running = start(config, echo);
    let server = running.address();
    let begun = Instant::now();
    let answers: Vec<String> = (0..20).map(|_| polling(server, "")).collect();
    let n_taken = answers.iter().filter(|answer| status(answer) == "200").count();
    let n_more = begun.elapsed().as_secs() as usize;
    assert!((3..=3 + n_more).contains(&n_taken), "{n_taken} of 20 in {:?}", begun.elapsed());
    let refused = answers.iter().find(|answer| status(answer) != "200").unwrap();
    assert_eq!((status(refused), header(refused, "retry-after")), ("429", Some("1")));
    let wait = Instant::now();
    while upgrade(server, "") != "101" {
        assert!(wait.elapsed() < DEADLINE, "it may come again");
    }
}

#[test]
fn sio_41_10_000_events_in_one_burst_are_told_to_be_too_many_and_end_the_connection() {
    let mut config = Config::default();
    // However long they take.
    config.limits.max_messages_per_second = 1_000;
    let running = start(config, echo);
    let server = running.address();
    let mut next = WebSocket::join(server).unwrap();
    let flood = WebSocket::join(server).unwrap();
    let (mut stream, decoder, unread) = flood.into_parts();
    let mut wire = Vec::new();
    for i in 0..10_000 {
        let text = format!(r#"42{i}["echo",{i}]"#);
        parlor_shared::websocket::write_masked_frame(
            &mut wire,
            parlor_shared::websocket::Opcode::Text,
            text.as_bytes(),
            [7, 1, 8, 2],
        );
    }
    let writing = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        // The server may be gone before all of it is written.
        let _ = (&writing).write_all(&wire);
    });
    let mut flood = WebSocket::from_parts(stream.try_clone().unwrap(), decoder, unread);
    let (mut n_acks, mut n_told, mut last) = (0, 0, None);
    let end = loop {
        match flood.receive().unwrap() {
            Received::Text(text) if text.starts_with(r#"42["rate_limited",{"#) => n_told += 1,
            Received::Text(text) => {
                let id = text.strip_prefix("43").unwrap().split('[').next().unwrap();
                let number: u32 = id.parse().unwrap();
                assert_eq!(text, format!("43{number}[{number}]"), "acks of what is kept are right");
                assert!(last < Some(number), "{number} after {last:?}");
                (n_acks, last) = (n_acks + 1, Some(number));
            }
            end => break end,
        }
    };
    assert_eq!(end, Received::Close(Some(1008)));
    // The CONNECT counts as well.
    assert!((4_999..9_000).contains(&n_acks) && n_told >= 1, "{n_acks} kept, told {n_told} times");
    stream.flush().unwrap();
    drop(stream);
    writer.join().unwrap();
    assert_echoes(&mut next);
    wait_for_metric(server, r#"parlor_sessions_closed_total{reason="policy violation"} 1"#);
}

#[test]
fn a_session_that_is_limited_for_a_moment_goes_on() {
    let mut config = Config::default();
    // The first of them joins.
    (config.limits.max_messages_per_second, config.limits.max_message_burst) = (20, 11);
    let running = start(config, echo);
    let mut socket = WebSocket::join(running.address()).unwrap();
    for i in 0..10 {
        socket.send(&format!(r#"421["echo",{i}]"#)).unwrap();
        assert_eq!(socket.text().unwrap(), format!("431[{i}]"));
    }
    let mut n_sent = 0;
    let told = loop {
        socket.send(r#"421["echo","more"]"#).unwrap();
        n_sent += 1;
        let answer = socket.text().unwrap();
        if answer != r#"431["more"]"# {
            break answer;
        }
        assert!(n_sent < 1_000, "it was never limited");
    };
    let expected = r#"42["rate_limited",{"code":"E_RATE","message":"too many messages; "#;
    assert!(told.starts_with(expected) && told.ends_with(r#""dropped":1}]"#), "{told}");
    let wait = Instant::now();
    // Not in a loop without a breath: that would end it.
    while !is_answered(&mut socket, Duration::from_millis(200)) {
        assert!(wait.elapsed() < DEADLINE);
    }
}

/// True if an echo is answered within this time.
fn is_answered(socket: &mut WebSocket, within: Duration) -> bool {
    socket.send(r#"421["echo","again"]"#).unwrap();
    socket.set_timeout(within).unwrap();
    let answer = socket.text();
    socket.set_timeout(DEADLINE).unwrap();
    answer.is_ok_and(|answer| answer == r#"431["again"]"#)
}

#[test]
fn bytes_past_the_limit_are_dropped_as_events_are() {
    let mut config = Config::default();
    config.engine.max_payload = 10_000;
    (config.limits.max_bytes_per_second, config.limits.max_byte_burst) = (1_024, 100 * 1_024);
    let running = start(config, echo);
    let mut socket = WebSocket::join(running.address()).unwrap();
    let filler = "x".repeat(9_000);
    let mut n_kept = 0;
    loop {
        socket.send(&format!(r#"421["echo","{filler}"]"#)).unwrap();
        let answer = socket.text().unwrap();
        if answer.starts_with(r#"42["rate_limited""#) {
            break;
        }
        n_kept += 1;
        assert!(n_kept < 50, "it was never limited");
    }
    assert!(n_kept >= 11, "{n_kept} messages of 9 kB");
}

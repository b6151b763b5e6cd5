//! What a connection makes of servers that do as they should, and of those that do not.

use std::net::{Shutdown, TcpListener};

use parlor_shared::{socket_io::Binary, websocket::Opcode};

use super::super::{
    error::OpeningError,
    peer::GREETING,
    script::{Server, serve},
};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A connection in namespace `/a` to a server that goes on with the script.
fn connected(
    script: impl FnOnce(&mut Server) + Send + 'static,
) -> (Connection, std::thread::JoinHandle<()>) {
    let (address, server) = serve(|server| {
        server.welcome("/a");
        script(server);
    });
    let mut connection = Connection::open(&address, Limits::default()).unwrap();
    assert_eq!(connection.connect("/a", &(), SECOND).unwrap(), "me");
    (connection, server)
}

/// What comes of opening a connection to a server with this script.
fn refused(limits: Limits, script: impl FnOnce(&mut Server) + Send + 'static) -> ConnectionError {
    let (address, server) = serve(script);
    let error = Connection::open(&address, limits).unwrap_err();
    server.join().unwrap();
    error
}

#[test]
fn events_that_come_before_an_answer_are_kept_in_order() {
    let (mut connection, server) = connected(|server| {
        server.say(r#"42/a,["first"]"#);
        server.say(r#"42/a,["second"]"#);
        server.answer("/a", r#"["q",1]"#, r#""yes""#);
        server.say(r#"42/a,["third"]"#);
        assert_eq!(server.hear(), "41/a,");
        assert_eq!(server.hear(), "close Some(1000)");
        server.send(Opcode::Close, &[3, 232]);
        assert_eq!(server.hear(), "end");
    });
    let answer = connection.emit_with_ack("/a", "q", (1,), SECOND).unwrap();
    assert_eq!(answer.args().get::<String>(0).unwrap(), "yes");
    for name in ["first", "second", "third"] {
        let Some(Event::Pushed(pushed)) = connection.next_event(None).unwrap() else {
            panic!("an event")
        };
        assert_eq!(pushed.name(), name);
    }
    connection.close().unwrap();
    server.join().unwrap();
}

#[test]
fn questions_of_the_server_are_answered_and_bytes_travel_both_ways() {
    let (mut connection, server) = connected(|server| {
        server.say(r#"451-/a,7["q",{"_placeholder":true,"num":0}]"#);
        server.send(Opcode::Binary, &[1, 2]);
        assert_eq!(server.hear(), r#"461-/a,7[{"_placeholder":true,"num":0}]"#);
        assert_eq!(server.hear(), "binary [1, 2]");
    });
    let Some(Event::Pushed(pushed)) = connection.next_event(None).unwrap() else {
        panic!("an event")
    };
    let bytes: Binary = pushed.args().get(0).unwrap();
    connection.answer(&pushed.question().unwrap(), (bytes,)).unwrap();
    server.join().unwrap();
}

#[test]
fn a_missing_answer_is_missed_in_time_and_ignored_when_it_comes_late() {
    let (mut connection, server) = connected(|server| {
        assert_eq!(server.hear(), r#"42/a,0["q"]"#);
        assert_eq!(server.hear(), r#"42/a,["go on"]"#);
        server.say("43/a,0[]");
        server.say(r#"42/a,["m"]"#);
    });
    let error = connection.emit_with_ack("/a", "q", (), Duration::from_millis(20)).unwrap_err();
    assert!(matches!(&error, ConnectionError::NoAnswer(event) if event == "q"), "{error}");
    connection.emit("/a", "go on", ()).unwrap();
    assert!(matches!(connection.next_event(None).unwrap(), Some(Event::Pushed(_))));
    server.join().unwrap();
}

#[test]
fn nothing_by_the_deadline_is_no_error_and_what_has_come_is_found_even_after_it() {
    let (mut connection, server) = connected(|server| {
        assert_eq!(server.hear(), r#"42/a,["now"]"#);
        server.say(r#"42/a,["m"]"#);
    });
    let past = Some(Instant::now());
    assert!(connection.next_event(past).unwrap().is_none());
    connection.emit("/a", "now", ()).unwrap();
    server.join().unwrap();
    assert!(matches!(connection.next_event(past).unwrap(), Some(Event::Pushed(_))));
}

#[test]
fn a_refused_namespace_says_why() {
    let (address, server) = serve(|server| {
        server.open(GREETING);
        assert_eq!(server.hear(), r#"40/a,{"token":"x"}"#);
        server.say(r#"44/a,{"message":"Unauthorized"}"#);
    });
    let mut connection = Connection::open(&address, Limits::default()).unwrap();
    let auth = serde_json::json!({"token": "x"});
    let error = connection.connect("/a", &auth, SECOND).unwrap_err();
    assert!(error.to_string().ends_with("`/a`: Unauthorized"), "{error}");
    server.join().unwrap();
}

#[test]
fn every_end_while_an_answer_is_awaited_has_its_error() {
    type Is = fn(&ConnectionError) -> bool;
    let cases: [(&[u8], Is); 4] = [
        (b"\x81\x0541/a,", |e| matches!(e, ConnectionError::Disconnected(_))),
        (b"\x81\x011", |e| matches!(e, ConnectionError::Closed(CloseReason::Server))),
        (b"\x88\x02\x03\xf5", |e| {
            matches!(e, ConnectionError::Closed(CloseReason::ServerCode(Some(1013))))
        }),
        (b"\xffgarbage", |e| matches!(e, ConnectionError::Client(ClientError::WebSocket(_)))),
    ];
    for (bytes, is_right) in cases {
        let (mut connection, server) = connected(move |server| {
            server.hear();
            server.raw(bytes);
        });
        let error = connection.emit_with_ack("/a", "q", (), SECOND).unwrap_err();
        assert!(is_right(&error), "{bytes:?}: {error}");
        server.join().unwrap();
    }
}

#[test]
fn a_server_that_hangs_up_in_the_middle_of_a_frame_is_a_lost_connection() {
    let (mut connection, server) = connected(|server| {
        server.raw(b"\x81\x7e\x01\x00half");
    });
    server.join().unwrap();
    let error = connection.next_event(None).unwrap_err();
    let is_lost = matches!(
        error,
        ConnectionError::Client(ClientError::ConnectionLost) | ConnectionError::Lost(_)
    );
    assert!(is_lost, "{error}");
    let again = connection.next_event(None).unwrap_err();
    assert!(
        matches!(again, ConnectionError::Client(ClientError::ConnectionLost)),
        "it stays lost: {again}"
    );
}

#[test]
fn pings_are_answered_while_waiting() {
    let (mut connection, server) = connected(|server| {
        server.say("2");
        assert_eq!(server.hear(), "3");
        server.say(r#"42/a,["m"]"#);
    });
    assert!(matches!(connection.next_event(None).unwrap(), Some(Event::Pushed(_))));
    server.join().unwrap();
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let greeting = GREETING.replace("1000", "20").replace("500", "10");
    let (address, server) = serve(move |server| {
        server.open(&greeting);
        assert_eq!(server.hear(), "close Some(1001)");
    });
    let mut connection = Connection::open(&address, Limits::default()).unwrap();
    let error = connection.next_event(None).unwrap_err();
    assert!(matches!(error, ConnectionError::Client(ClientError::PingTimeout)), "{error}");
    server.join().unwrap();
}

#[test]
fn nobody_there_is_told_apart_from_nobody_answering() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address: Address = format!("http://127.0.0.1:{port}").parse().unwrap();
    let error = Connection::open(&address, Limits::default()).unwrap_err();
    assert!(matches!(error, ConnectionError::Unreachable { .. }), "{error}");

    let hasty = Limits { open_timeout: Duration::from_millis(50), ..Limits::default() };
    let error = refused(hasty, |server| {
        server.request();
        assert_eq!(server.hear(), "end");
    });
    let timed_out = ConnectionError::Client(ClientError::OpeningTimeout).to_string();
    assert_eq!(error.to_string(), timed_out);
}

#[test]
fn bad_answers_to_the_opening_are_reported() {
    let opening = |script: fn(&mut Server)| match refused(Limits::default(), script) {
        ConnectionError::Client(ClientError::Opening(error)) => error,
        other => panic!("{other}"),
    };
    let no = opening(|server| {
        server.request();
        server.raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!");
    });
    assert_eq!(no, OpeningError::Refused { status: 400, message: "no!".to_owned() });
    let garbage = opening(|server| {
        server.request();
        server.raw(b"SSH-2.0-OpenSSH_9.2\r\n");
    });
    assert_eq!(garbage, OpeningError::NotHttp);
    let hung_up = opening(|server| {
        server.request();
    });
    assert_eq!(hung_up, OpeningError::Ended);
}

#[test]
fn a_flood_of_events_before_an_answer_ends_at_the_limit() {
    let (mut connection, server) = connected(|server| {
        server.hear();
        let mut frame = Vec::new();
        parlor_shared::websocket::write_frame(&mut frame, Opcode::Text, br#"42/a,["m"]"#);
        server.raw(&frame.repeat(MAX_BACKLOG + 1));
        // Until the client has read it all, so that nothing is reset.
        server.hear();
    });
    let error = connection.emit_with_ack("/a", "q", (), 5 * SECOND).unwrap_err();
    assert!(matches!(error, ConnectionError::Backlog), "{error}");
    for _ in 0..MAX_BACKLOG {
        assert!(matches!(connection.next_event(None).unwrap(), Some(Event::Pushed(_))));
    }
    connection.stream.shutdown(Shutdown::Both).unwrap();
    server.join().unwrap();
}

//! Every way out of a namespace: who is told what, and that nothing is left behind.

use super::*;

#[test]
fn a_client_leaves_one_namespace_and_stays_in_the_others() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    script.connect(0, "/b");
    assert_eq!(script.text(0, "1/a,"), ["#0 is out of /a: client namespace disconnect"]);
    assert_eq!(script.text(0, r#"2/b,["e"]"#), ["#1: e"]);
    assert_eq!(script.text(0, r#"2/a,["e"]"#), ["close 0: forced close"]);
}

#[test]
fn the_server_disconnects_one_socket_and_says_so() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    script.connect(0, "/b");
    let input = disconnect(script.sockets[0], false);
    assert_eq!(script.tell(input), ["to 0: 1/a,", "#0 is out of /a: server namespace disconnect"]);
    assert_eq!(script.tell(disconnect(script.sockets[0], false)), [""; 0]);
    assert_eq!(script.text(0, r#"2/b,["e"]"#), ["#1: e"]);
    assert_eq!(script.connect(0, "/a"), 2, "it may come back");
}

#[test]
fn handlers_hear_why_the_server_disconnects_and_the_client_that_it_does() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    let input = Input::Disconnect(script.sockets[0], false, DisconnectReason::HandlerFailed);
    assert_eq!(script.tell(input), ["to 0: 1/a,", "#0 is out of /a: handler failed"]);
}

#[test]
fn the_server_ends_a_whole_client() {
    let mut script = Script::with_sessions(0..2);
    script.connect(0, "/a");
    script.connect(0, "/");
    script.connect(1, "/a");
    assert_eq!(
        script.tell(disconnect(script.sockets[1], true)),
        [
            "to 0: 1/a,",
            "#0 is out of /a: server namespace disconnect",
            "to 0: 1",
            "#1 is out of /: server namespace disconnect",
            "close 0: forced server close",
        ]
    );
    assert_eq!(script.close(0, CloseReason::ForcedServerClose), [""; 0], "they are out already");
    assert_eq!(script.emit("/a", Target::default()), [1], "others do not notice");
    script.close(1, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

#[test]
fn a_session_that_ends_takes_all_its_sockets_with_its_reason() {
    for reason in CloseReason::ALL {
        let mut script = Script::with_sessions(0..1);
        script.connect(0, "/");
        script.text(0, "0/a,");
        script.connect(0, "/b");
        script.join(0, "room");
        script.ask(2, 70, Some(1000));
        let words = reason.as_str();
        assert_eq!(
            script.close(0, reason),
            [
                format!("#0 is out of /: {words}"),
                "#1 is abandoned".to_owned(),
                "no answer 70: socket has been disconnected".to_owned(),
                format!("#2 is out of /b: {words}"),
            ]
        );
        script.check_nothing_is_left();
    }
}

#[test]
fn wishes_for_a_socket_that_is_gone_are_ignored() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.close(0, CloseReason::TransportClose);
    script.join(0, "room");
    script.leave(0, "room");
    assert_eq!(script.admit(0), [""; 0]);
    assert_eq!(script.refuse(0), [""; 0]);
    assert_eq!(script.tell(disconnect(script.sockets[0], true)), [""; 0]);
    assert_eq!(script.emit("/", Target::socket(script.sockets[0])), [0; 0]);
    script.check_nothing_is_left();
}

#[test]
fn a_socket_that_is_still_connecting_can_be_disconnected() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0/a,");
    assert_eq!(
        script.tell(disconnect(script.sockets[0], false)),
        ["to 0: 1/a,", "#0 is abandoned"]
    );
    assert_eq!(script.admit(0), [""; 0]);
    script.close(0, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

#[test]
fn a_key_of_one_socket_never_means_the_next() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/");
    script.text(0, "1");
    script.connect(0, "/");
    assert_eq!(script.tell(disconnect(script.sockets[0], false)), [""; 0]);
    assert_eq!(script.emit("/", Target::socket(script.sockets[0])), [0; 0]);
    assert_eq!(script.emit("/", Target::socket(script.sockets[1])), [0]);
}

//! Broadcasts: who gets a packet, once each, and who does not.

use super::*;

/// Six clients in `/a`: 0 and 1 in red, 1 and 2 in blue, 3 in both, 4 and 5 in none; 0 is in `/b`
/// as well.
fn painted() -> Script {
    let mut script = Script::with_sessions(0..6);
    for number in 0..6 {
        script.connect(number, "/a");
    }
    script.connect(0, "/b");
    for (room, members) in [("red", [0, 1, 3]), ("blue", [1, 2, 3])] {
        for member in members {
            script.join(member, room);
        }
    }
    script
}

#[test]
fn a_broadcast_reaches_every_socket_of_its_namespace_and_no_other() {
    let mut script = painted();
    assert_eq!(script.emit("/a", Target::default()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(script.emit("/b", Target::default()), [0]);
    assert_eq!(script.emit("/", Target::default()), [0; 0]);
}

#[test]
fn a_room_reaches_its_members_and_a_socket_in_two_rooms_gets_a_packet_once() {
    let mut script = painted();
    assert_eq!(script.emit("/a", rooms(&["red"])), [0, 1, 3]);
    assert_eq!(script.emit("/a", rooms(&["red", "blue"])), [0, 1, 3, 2]);
    assert_eq!(script.emit("/a", rooms(&["blue", "red", "blue"])), [1, 2, 3, 0]);
    assert_eq!(script.emit("/a", rooms(&["green"])), [0; 0]);
    assert_eq!(script.emit("/b", rooms(&["red"])), [0; 0], "rooms are the namespace's own");
}

#[test]
fn joining_twice_and_leaving_what_was_never_joined_change_nothing() {
    let mut script = painted();
    script.join(0, "red");
    script.leave(0, "blue");
    script.leave(0, "green");
    assert_eq!(script.emit("/a", rooms(&["red"])), [0, 1, 3]);
    script.leave(0, "red");
    assert_eq!(script.emit("/a", rooms(&["red"])).len(), 2);
}

#[test]
fn exceptions_are_left_out_wherever_else_they_are() {
    let mut script = painted();
    let except = |target: Target, rooms: &[&str]| Target {
        except: rooms.iter().map(|&room| room.into()).collect(),
        ..target
    };
    assert_eq!(script.emit("/a", except(Target::default(), &["red"])), [2, 4, 5]);
    assert_eq!(script.emit("/a", except(Target::default(), &["red", "blue"])), [4, 5]);
    assert_eq!(script.emit("/a", except(rooms(&["red"]), &["blue"])), [0]);
    assert_eq!(script.emit("/a", except(rooms(&["red"]), &["green"])), [0, 1, 3]);
    let target = Target { except_socket: Some(script.sockets[1]), ..rooms(&["red", "blue"]) };
    assert_eq!(script.emit("/a", target), [0, 3, 2]);
    let target = Target { except_socket: Some(script.sockets[4]), ..Target::default() };
    assert_eq!(script.emit("/a", except(target, &["red"])), [2, 5]);
}

#[test]
fn an_exception_holds_for_one_broadcast() {
    let mut script = painted();
    let target = Target { except_socket: Some(script.sockets[0]), ..Target::default() };
    assert_eq!(script.emit("/a", target), [1, 2, 3, 4, 5]);
    assert_eq!(script.emit("/a", Target::default()), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn every_socket_is_in_the_room_of_its_own_id() {
    let mut script = painted();
    let (own, other) = (id(4).to_string(), id(5).to_string());
    assert_eq!(script.emit("/a", rooms(&[&own])), [4]);
    assert_eq!(script.emit("/b", rooms(&[&own])), [0; 0], "in its own namespace");
    let target = Target {
        except: [&own, &other].map(Into::into).into_iter().collect(),
        ..Target::default()
    };
    assert_eq!(script.emit("/a", target), [0, 1, 2, 3]);
    script.join(0, &own);
    assert_eq!(script.emit("/a", rooms(&[&own, &other])), [0, 4, 5], "others may join it");
}

#[test]
fn one_socket_can_be_addressed_alone() {
    let mut script = painted();
    assert_eq!(script.emit("/a", Target::socket(script.sockets[2])), [2]);
    script.text(2, "1/a,");
    assert_eq!(script.emit("/a", Target::socket(script.sockets[2])), [0; 0]);
}

#[test]
fn the_frame_and_its_delivery_are_handed_on() {
    let mut script = painted();
    let input =
        Input::Emit(scope("/a"), rooms(&["red"]), event("/a", "e"), Delivery::Volatile { key: 3 });
    assert_eq!(script.tell(input), [0, 1, 3].map(|s| format!(r#"to {s}: volatile 2/a,["e"]"#)));
}

#[test]
fn who_is_gone_is_in_no_room() {
    let mut script = painted();
    script.text(0, "1/a,");
    script.close(3, CloseReason::TransportClose);
    script.tell(disconnect(script.sockets[4], false));
    assert_eq!(script.emit("/a", rooms(&["red"])), [1]);
    assert_eq!(script.emit("/a", rooms(&["blue"])), [1, 2]);
    let mut all = script.emit("/a", Target::default());
    all.sort_unstable();
    assert_eq!(all, [1, 2, 5]);
    assert_eq!(script.emit("/a", rooms(&[id(0).as_str()])), [0; 0]);
    let again = script.connect(0, "/a");
    assert_eq!(script.emit("/a", rooms(&["red"])), [1], "rooms are not inherited");
    script.join(script.sockets.iter().position(|s| *s == script.sockets[0]).unwrap(), "red");
    assert_eq!(script.emit("/a", rooms(&["red"])), [1], "a gone socket joins nothing");
    script.join(again, "red");
    assert_eq!(script.emit("/a", rooms(&["red"])), [1, 0]);
}

/// The bug: a room that a handler put a socket into before admitting it got broadcasts before its
/// client was welcomed, and even if it was then refused. The reference sends to connected sockets.
#[test]
fn a_socket_that_is_not_admitted_yet_gets_no_broadcast_though_it_may_be_in_a_room() {
    let mut script = Script::with_sessions(0..2);
    script.connect(0, "/a");
    script.text(1, "0/a,");
    script.join(0, "red");
    script.join(1, "red");
    assert_eq!(script.emit("/a", Target::default()), [0]);
    assert_eq!(script.emit("/a", rooms(&["red"])), [0]);
    assert_eq!(script.emit("/a", rooms(&[id(1).as_str()])), [0; 0]);
    assert_eq!(script.emit("/a", Target::socket(script.sockets[1])), [0; 0]);
    script.admit(1);
    assert_eq!(script.emit("/a", rooms(&["red"])), [0, 1], "it is in the room from then on");
}

#[test]
fn a_refused_socket_leaves_no_room_behind() {
    let mut script = Script::with_sessions(0..1);
    script.text(0, "0/a,");
    script.join(0, "red");
    script.refuse(0);
    script.close(0, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

#[test]
fn a_room_that_is_joined_again_counts_once_whether_the_socket_is_admitted_or_not() {
    for is_admitted in [true, false] {
        let mut script = Script::with_sessions(0..1);
        script.text(0, "0/a,");
        if is_admitted {
            script.admit(0);
        }
        for i in 0..1024 {
            script.join(0, "again");
            script.join(0, &i.to_string());
        }
        if !is_admitted {
            script.admit(0);
        }
        // One of the 1025 did not fit: the last.
        assert_eq!(script.emit("/a", rooms(&["again"])), [0]);
        assert_eq!(script.emit("/a", rooms(&["1022"])), [0]);
        assert_eq!(script.emit("/a", rooms(&["1023"])), [0; 0]);
    }
}

#[test]
fn a_name_of_1024_bytes_is_a_room_and_a_longer_one_is_none() {
    let (longest, too_long) = ("x".repeat(1024), "x".repeat(1025));
    for is_admitted in [true, false] {
        let mut script = Script::with_sessions(0..1);
        script.text(0, "0/a,");
        if is_admitted {
            script.admit(0);
        }
        script.join(0, &longest);
        script.join(0, &too_long);
        if !is_admitted {
            script.admit(0);
        }
        assert_eq!(script.emit("/a", rooms(&[&longest])), [0]);
        assert_eq!(script.emit("/a", rooms(&[&too_long])), [0; 0]);
    }
}

#[test]
fn a_socket_is_in_1024_rooms_and_a_join_past_them_is_ignored() {
    let mut script = Script::with_sessions(0..1);
    script.connect(0, "/a");
    for i in 0..1025 {
        script.join(0, &i.to_string());
    }
    assert_eq!(script.emit("/a", rooms(&["1023"])), [0]);
    assert_eq!(script.emit("/a", rooms(&["1024"])), [0; 0]);
    script.leave(0, "7");
    script.join(0, "1024");
    assert_eq!(script.emit("/a", rooms(&["1024"])), [0]);
    script.close(0, CloseReason::TransportClose);
    script.check_nothing_is_left();
}

//! What is told only where handlers listen: of rooms, of sockets that leave, of what is sent.

use super::*;

impl Script {
    fn change_rooms(&mut self, socket: usize, room: &str, is_in: bool) -> Vec<String> {
        let (key, room) = (self.sockets[socket], room.to_owned());
        self.tell(if is_in { Input::Join(key, room) } else { Input::Leave(key, room) })
    }
}

fn with_sessions() -> Script {
    let mut script = Script::with_listeners();
    (0..3).for_each(|number| _ = script.tell(Input::Opened(session(number), Origin::default())));
    script
}

#[test]
fn what_becomes_of_rooms_is_told_in_order() {
    let mut script = with_sessions();
    let [a, b] = [0, 1].map(|number| script.connect(number, "/a"));
    let told = script.change_rooms(a, "red", true);
    assert_eq!(told, ["red Created by #0", "red Joined by #0"]);
    assert_eq!(script.change_rooms(a, "red", true), [""; 0], "it is in already");
    assert_eq!(script.change_rooms(b, "red", true), ["red Joined by #1"]);
    assert_eq!(script.change_rooms(a, "blue", false), [""; 0], "it is not in it");
    assert_eq!(script.change_rooms(a, "red", false), ["red Left by #0"]);
    let join = Change::Join(vec!["red".to_owned(), "blue".to_owned()]);
    let told = script.tell(Input::Change(scope("/a"), Target::default(), join));
    assert_eq!(
        told,
        ["red Joined by #0", "blue Created by #0", "blue Joined by #0", "blue Joined by #1"]
    );
    let quiet = script.connect(2, "/b");
    assert_eq!(script.change_rooms(quiet, "red", true), [""; 0], "nobody listens there");
}

#[test]
fn who_leaves_is_told_of_with_its_rooms_before_it_is_out_of_them() {
    let mut script = with_sessions();
    script.connect(0, "/a");
    script.connect(1, "/a");
    script.change_rooms(0, "red", true);
    script.change_rooms(1, "red", true);
    script.change_rooms(0, "own", true);
    let told = script.text(0, "1/a,");
    assert_eq!(
        told,
        [
            r#"#0 leaves ["red", "own"]: client namespace disconnect"#,
            "red Left by #0",
            "own Left by #0",
            "own Deleted by #0",
            "#0 is out of /a: client namespace disconnect",
        ]
    );
    let told = script.close(1, CloseReason::PingTimeout);
    assert_eq!(told[0], r#"#1 leaves ["red"]: ping timeout"#);
    // One that was never in leaves nothing.
    script.text(2, "0/a,");
    assert_eq!(script.close(2, CloseReason::PingTimeout), ["#2 is abandoned"]);
}

#[test]
fn rooms_that_wait_for_a_connection_are_told_when_it_is_there_and_before_its_events() {
    let mut script = with_sessions();
    script.text(0, "0/a,");
    script.change_rooms(0, "red", true);
    script.text(0, r#"2/a,["e"]"#);
    let told = script.admit(0);
    assert_eq!(told[1..], ["#0 is in /a", "red Created by #0", "red Joined by #0", "#0: e"]);
}

#[test]
fn what_is_sent_is_told_with_those_who_get_it_and_answers_are() {
    let mut script = with_sessions();
    let [a, _] = [0, 1].map(|number| script.connect(number, "/a"));
    script.change_rooms(a, "red", true);
    let input = Input::Emit(scope("/a"), rooms(&["red"]), event("/a", "e"), Delivery::Reliable);
    let sent = r#"2/a,["e"]"#;
    assert_eq!(script.tell(input), [format!("for #0: {sent}"), format!("to 0: {sent}")]);
    let asked = script.ask(a, 1, None);
    assert_eq!(asked[0], r#"for #0: 2/a,0["question"]"#);
    let quiet = script.connect(2, "/b");
    assert_eq!(script.ask(quiet, 2, None).len(), 1);
}

#[test]
fn children_are_listened_to_as_their_parent_is() {
    let mut script = with_sessions();
    script.text(0, "0/c,");
    script.tell(Input::Adopt(script.sockets[0], PARENT));
    script.admit(0);
    assert_eq!(script.change_rooms(0, "red", true).len(), 2);
    // Its rooms are told of though it is gone by then.
    let told = script.close(0, CloseReason::TransportClose);
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(script.machine.n_children(), 0);
}

#[test]
fn a_client_of_several_children_is_disconnected_from_all_at_once() {
    let mut script = with_sessions();
    for (socket, name) in ["/c", "/d", "/e"].into_iter().enumerate() {
        script.text(0, &format!("0{name},"));
        script.tell(Input::Adopt(script.sockets[socket], PARENT));
        script.admit(socket);
    }
    let all = Scope::Listed(PARENT);
    script.tell(Input::Change(all, Target::default(), Change::Disconnect(true)));
    assert_eq!((script.machine.n_children(), script.closing.len()), (0, 1));
}

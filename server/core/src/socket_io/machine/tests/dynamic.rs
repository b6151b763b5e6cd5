//! Namespaces that begin when a client names them, and end with their last socket.

use super::*;

impl Script {
    /// A client names a namespace that nobody is in, and gets in; the socket's number.
    fn begin(&mut self, number: u32, name: &str) -> usize {
        let asked = self.text(number, &format!("0{name},"));
        let socket = self.sockets.len() - 1;
        assert_eq!(asked, [format!("#{socket} wants {name} of nobody")]);
        assert_eq!(self.adopt(socket, PARENT), [""; 0]);
        assert_eq!(self.admit(socket)[1], format!("#{socket} is in parent"));
        socket
    }

    fn adopt(&mut self, socket: usize, parent: NamespaceKey) -> Vec<String> {
        self.tell(Input::Adopt(self.sockets[socket], parent))
    }

    fn emit_each(&mut self, target: Target, delivery: Delivery) -> Vec<String> {
        let draft = Draft::event("e").unwrap();
        self.tell(Input::EmitEach(Scope::Listed(PARENT), target, draft, delivery))
    }
}

#[test]
fn a_namespace_begins_when_it_is_named_and_ends_with_its_last_socket() {
    let mut script = Script::with_children(9);
    (0..3).for_each(|number| _ = script.tell(Input::Opened(session(number), Origin::default())));
    assert_eq!(script.text(0, r#"0/c,{"x":1}"#), [r#"#0 wants /c of nobody with {"x":1}"#]);
    assert_eq!(script.admit(0), [""; 0], "nobody has said whose it is");
    assert_eq!(script.adopt(0, NamespaceKey(1)), [""; 0], "that one has no children");
    assert_eq!(script.admit(0), [""; 0]);
    assert_eq!(script.text(1, "0/c,"), ["#1 wants /c of nobody"]);
    script.adopt(0, PARENT);
    let connected = format!(r#"to 0: 0/c,{{"sid":"{}"}}"#, id(0));
    assert_eq!(script.admit(0), [connected.as_str(), "#0 is in parent"]);
    assert_eq!(script.admit(1)[1], "#1 is in parent");
    assert_eq!(script.text(2, "0/c,"), ["#2 wants /c of parent"]);
    assert_eq!(script.text(0, r#"2/c,["e",1]"#), ["#0: e 1"]);
    assert_eq!(script.emit("/c", Target::default()), [0, 1]);
    assert_eq!(script.text(0, "1/c,"), ["#0 is out of parent: client namespace disconnect"]);
    script.close(1, CloseReason::TransportClose);
    assert_eq!(script.machine.n_children(), 1, "one is still connecting");
    script.refuse(2);
    assert_eq!(script.machine.n_children(), 0);
    assert_eq!(script.text(2, "0/c,"), ["#3 wants /c of nobody"], "it begins anew");
    script.close(0, CloseReason::TransportClose);
    assert_eq!(script.close(2, CloseReason::TransportClose), ["#3 is abandoned"]);
    script.check_nothing_is_left();
}

#[test]
fn what_is_for_one_that_is_no_more_never_reaches_the_one_in_its_place() {
    let mut script = Script::with_children(1);
    (0..2).for_each(|number| _ = script.tell(Input::Opened(session(number), Origin::default())));
    script.begin(0, "/c");
    script.text(0, "1/c,");
    script.begin(1, "/d");
    assert_eq!(script.emit("/c", Target::default()), [0; 0]);
    assert_eq!(script.emit("/d", Target::default()), [1]);
}

#[test]
fn what_is_for_all_children_reaches_each_under_its_own_name() {
    let mut script = Script::with_children(9);
    (0..2).for_each(|number| _ = script.tell(Input::Opened(session(number), Origin::default())));
    script.connect(1, "/");
    let c = script.begin(0, "/c");
    script.begin(1, "/d");
    let each = [r#"to 0: 2/c,["e"]"#, r#"to 1: 2/d,["e"]"#];
    assert_eq!(script.emit_each(Target::default(), Delivery::Reliable), each);
    script.join(c, "red");
    assert_eq!(script.emit_each(rooms(&["red"]), Delivery::Reliable), each[..1]);
    assert_eq!(script.machine.select(&Scope::Listed(PARENT), &Target::default()).len(), 2);
    let all = || (Scope::Listed(PARENT), Target::default());
    script.tell(Input::Change(all().0, all().1, Change::Join(vec!["red".to_owned()])));
    assert_eq!(script.emit_each(rooms(&["red"]), Delivery::Reliable), each);
    let gone = script.tell(Input::Change(all().0, all().1, Change::Disconnect(false)));
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert_eq!(script.machine.n_children(), 0);
}

#[test]
fn each_child_has_a_newest_volatile_event_of_its_own() {
    let key = |name| match (Delivery::Volatile { key: 7 }).in_child(name) {
        Delivery::Volatile { key } => key,
        _ => panic!("it stays volatile"),
    };
    assert_ne!(key("/c"), key("/d"));
    assert_eq!(key("/c"), key("/c"));
}

#[test]
fn there_are_so_many_children_and_not_one_more() {
    let mut script = Script::with_children(2);
    (0..3).for_each(|number| _ = script.tell(Input::Opened(session(number), Origin::default())));
    script.begin(0, "/c");
    script.begin(1, "/d");
    let too_many = r#"to 2: 4/e,{"message":"Too many namespaces"}"#;
    assert_eq!(script.text(2, "0/e,"), [too_many]);
    assert_eq!(script.text(2, "0/d,"), ["#2 wants /d of parent"]);
    script.text(0, "1/c,");
    assert_eq!(script.text(2, "0/e,"), ["#3 wants /e of nobody"]);
}

#[test]
fn a_client_names_so_many_and_not_one_more() {
    let mut script = Script::with_children(1_000);
    (0..2).for_each(|number| _ = script.tell(Input::Opened(session(number), Origin::default())));
    (0..MAX_SOCKETS_PER_CLIENT).for_each(|i| _ = script.begin(0, &format!("/{i}")));
    let too_many = r#"to 0: 4/more,{"message":"Too many namespaces"}"#;
    assert_eq!(script.text(0, "0/more,"), [too_many]);
    script.begin(1, "/more");
    assert_eq!(script.text(0, "0/more,"), [too_many], "that others are in it changes nothing");
    assert_eq!(script.text(0, "0/a,").len(), 1, "those of the list are not its own to make up");
    assert_eq!(script.text(0, "0/a,"), [""; 0], "nor one that it has asked for already");
    assert!(script.text(0, "0/7,")[0].starts_with("close 0"));
    script.text(0, "1/7,");
    script.close(0, CloseReason::TransportClose);
    assert_eq!(script.machine.n_children(), 1);
}

#[test]
fn a_namespace_that_begins_again_asks_no_question_of_the_same_number() {
    let mut script = Script::with_children(9);
    script.tell(Input::Opened(session(0), Origin::default()));
    let first = script.begin(0, "/c");
    assert_eq!(script.ask(first, 7, None)[0], r#"to 0: 2/c,0["question"]"#);
    script.text(0, "1/c,");
    let second = script.begin(0, "/c");
    assert_eq!(script.ask(second, 8, None)[0], r#"to 0: 2/c,1["question"]"#);
    assert_eq!(script.text(0, "3/c,0[1]"), [""; 0], "it is the first one's");
    assert_eq!(script.text(0, "3/c,1[1]"), ["answer 8: 1"]);
}

//! Clients that come back: what they get, when they get nothing, and how much is kept for them.
//! The same across shards is tested where worlds are.

use std::collections::BTreeSet;

use parlor_shared::id::ID_LETTERS;

use super::*;

const WINDOW_MS: u64 = 60_000;

fn settings() -> RecoverySettings {
    RecoverySettings {
        namespaces: vec![NamespaceKey(1)],
        window: Duration::from_millis(WINDOW_MS),
        max_events: 5,
        max_sockets: 3,
        max_sockets_per_origin: 2,
        ..RecoverySettings::default()
    }
}

/// A script in whose namespace `/a` clients come back, and the pid that each socket has got.
struct Kept {
    script: Script,
    next_offset: u64,
}

impl Kept {
    /// With these sessions opened, each of an origin of its own.
    fn with_sessions(numbers: std::ops::Range<u32>) -> Self {
        let mut kept = Self { script: Script::with_recovery(settings()), next_offset: 1 };
        for number in numbers {
            kept.open(number, u64::from(number));
        }
        kept
    }

    fn open(&mut self, number: u32, origin: u64) {
        assert_eq!(self.script.tell(Input::Opened(session(number), Origin(origin))), [""; 0]);
    }

    /// A client that is new in `/a`; the pid that it gets.
    fn connect(&mut self, number: u32) -> String {
        let asked = self.script.text(number, "0/a,");
        assert!(asked[0].ends_with("wants /a"), "{asked:?}");
        pid_in(&self.script.admit(self.script.sockets.len() - 1))
    }

    /// A client claims a socket, and is admitted: what it is sent, and what its handlers hear.
    fn claim(&mut self, number: u32, pid: &str, offset: Option<u64>) -> Vec<String> {
        let offset = offset.map(|offset| format!(r#","offset":"{offset:x}""#)).unwrap_or_default();
        self.script.text(number, &format!(r#"0/a,{{"pid":"{pid}"{offset}}}"#));
        self.script.admit(self.script.sockets.len() - 1)
    }

    /// Whether a claim is met.
    fn is_met(&mut self, number: u32, pid: &str, offset: Option<u64>) -> bool {
        let lines = self.claim(number, pid, offset);
        let met = lines.iter().any(|line| line.contains(" again, "));
        assert_eq!(met, pid_in(&lines) == pid, "{lines:?}");
        met
    }

    fn emit(&mut self, target: Target) -> Vec<String> {
        let offset = Offset::new(0, self.next_offset);
        self.next_offset += 1;
        let mut draft = Draft::event("e").unwrap();
        draft.offset(offset);
        let frame = draft.into_event("/a", None).unwrap();
        self.script.tell(Input::Emit(scope("/a"), target, frame, Delivery::Recoverable(offset)))
    }

    /// Sends a word to everybody.
    fn emit_word(&mut self, word: &str) -> Vec<String> {
        let offset = Offset::new(0, self.next_offset);
        self.next_offset += 1;
        let mut draft = Draft::event("e").unwrap();
        draft.arg(&word).unwrap();
        draft.offset(offset);
        let frame = draft.into_event("/a", None).unwrap();
        let delivery = Delivery::Recoverable(offset);
        self.script.tell(Input::Emit(scope("/a"), Target::default(), frame, delivery))
    }

    fn close(&mut self, number: u32) -> Vec<String> {
        self.script.close(number, CloseReason::TransportClose)
    }
}

/// The pid in a welcome.
fn pid_in(lines: &[String]) -> String {
    let welcome = lines.iter().find(|line| line.contains(r#"0/a,{"sid":"#)).unwrap();
    let (_, rest) = welcome.split_once(r#""pid":""#).unwrap();
    rest[..ID_LETTERS].to_owned()
}

#[test]
fn a_client_that_was_away_gets_its_id_its_rooms_and_what_it_missed_before_the_welcome() {
    let mut kept = Kept::with_sessions(0..3);
    let pid = kept.connect(0);
    kept.script.join(0, "red");
    assert_eq!(kept.emit(rooms(&["red"])), [r#"to 0: 2/a,["e","1"]"#]);
    assert_eq!(
        kept.close(0),
        [format!("#0 is kept as {pid}"), "#0 is out of /a: transport close".to_owned()]
    );
    assert_eq!(kept.emit(rooms(&["red"])), [""; 0]);
    assert_eq!(kept.emit(rooms(&["blue"])), [""; 0], "it is not in there");
    assert_eq!(kept.emit(rooms(&[id(0).as_str()])), [""; 0]);
    let id = id(0);
    assert_eq!(
        kept.claim(1, &pid, Some(1)),
        [
            r#"to 1: 2/a,["e","2"]"#.to_owned(),
            r#"to 1: 2/a,["e","4"]"#.to_owned(),
            format!(r#"to 1: 0/a,{{"sid":"{id}","pid":"{pid}"}}"#),
            format!("#1 is {id} again, {pid}"),
            "#1 is in /a".to_owned(),
        ]
    );
    assert_eq!(kept.emit(rooms(&["red"])), [r#"to 1: 2/a,["e","5"]"#]);
    assert_eq!(kept.emit(rooms(&[id.as_str()])).len(), 1);
    kept.close(1);
    kept.close(2);
    kept.script.wait(WINDOW_MS);
    kept.script.wait(RecoverySettings::default().max_age.as_millis() as u64);
    kept.script.check_nothing_is_left();
}

#[test]
fn what_may_arrive_in_part_comes_after_the_welcome() {
    // With the largest that arrive at once, and with one byte and one event more.
    let told = |n_events: usize, n_letters: usize| {
        let settings = RecoverySettings { max_events: 100, ..settings() };
        let mut kept = Kept { script: Script::with_recovery(settings), next_offset: 1 };
        (0..2).for_each(|number| kept.open(number, number.into()));
        let pid = kept.connect(0);
        kept.close(0);
        (0..n_events).for_each(|_| _ = kept.emit_word(&"x".repeat(n_letters)));
        let lines = kept.claim(1, &pid, None);
        lines.iter().position(|line| line.contains("sid")).unwrap()
    };
    let n_around = Frame::message_text(r#"2/a,["e","","1"]"#).wire().len() + 2;
    assert_eq!(told(1, 1024 - n_around), 1);
    assert_eq!(told(1, 1024 - n_around + 1), 0);
    assert_eq!(told(15, 1), 15);
    assert_eq!(told(16, 1), 0);
}

#[test]
fn a_client_that_starts_anew_keeps_its_offset_and_comes_back_with_it() {
    let mut kept = Kept::with_sessions(0..4);
    kept.connect(0);
    assert_eq!(kept.emit(Target::default()).len(), 1);
    let of_nobody = Pid::from_bytes(id_bytes(99));
    let pid = pid_in(&kept.claim(1, of_nobody.as_str(), Some(1)));
    kept.close(1);
    kept.emit(Target::default());
    kept.emit(Target::default());
    let lines = kept.claim(2, &pid, Some(1));
    assert_eq!(lines[..2], [r#"to 2: 2/a,["e","2"]"#, r#"to 2: 2/a,["e","3"]"#]);
    kept.close(2);
    assert!(!kept.is_met(3, &pid, Some(9)), "an event that nobody has sent");
}

#[test]
fn rec_04_a_client_that_has_got_no_event_comes_back_without_an_offset() {
    let mut kept = Kept::with_sessions(0..3);
    let pid = kept.connect(0);
    kept.close(0);
    assert!(kept.is_met(1, &pid, None));
    kept.close(1);
    kept.emit(Target::default());
    let lines = kept.claim(2, &pid, None);
    assert_eq!(lines[0], r#"to 2: 2/a,["e","1"]"#);
}

#[test]
fn rec_01_rec_02_a_connection_that_seems_alive_is_taken_over_and_told_so() {
    let mut kept = Kept::with_sessions(0..2);
    let pid = kept.connect(0);
    kept.script.connect(0, "/b");
    kept.emit(Target::default());
    let lines = kept.claim(1, &pid, None);
    assert_eq!(
        lines[..4],
        [
            "to 0: 1/a,".to_owned(),
            format!("#0 is kept as {pid}"),
            "#0 is out of /a: session taken over".to_owned(),
            "close 0: session taken over".to_owned(),
        ]
    );
    assert_eq!(lines[4], r#"to 1: 2/a,["e","1"]"#);
    assert_eq!(pid_in(&lines), pid);
    assert_eq!(
        kept.script.close(0, CloseReason::TakenOver),
        ["#1 is out of /b: session taken over"]
    );
    assert_eq!(kept.emit(Target::default()), [r#"to 1: 2/a,["e","2"]"#], "there is one holder");
}

#[test]
fn a_client_that_loses_its_connection_twice_gets_everything_once_more() {
    let mut kept = Kept::with_sessions(0..4);
    let pid = kept.connect(0);
    kept.emit(Target::default());
    kept.close(0);
    kept.emit(Target::default());
    assert!(kept.claim(1, &pid, Some(1)).contains(&r#"to 1: 2/a,["e","2"]"#.to_owned()));
    kept.close(1);
    // What was on its way did not arrive.
    assert!(kept.claim(2, &pid, Some(1)).contains(&r#"to 2: 2/a,["e","2"]"#.to_owned()));
    kept.close(2);
    let lines = kept.claim(3, &pid, Some(2));
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn rec_06_what_is_claimed_wrongly_is_not_given_and_not_lost() {
    let mut kept = Kept::with_sessions(0..20);
    let pid = kept.connect(0);
    let other = kept.connect(1);
    kept.emit(rooms(&[id(1).as_str()]));
    kept.emit(rooms(&[id(0).as_str()]));
    kept.close(0);
    kept.close(1);
    for (number, pid, offset) in [
        (2, "AAAAAAAAAAAAAAAAAAAAAAAA", None),
        (3, &*pid, Some(1)),  // another socket's
        (4, &*pid, Some(99)), // the future
        (5, "", None),
        (6, "__proto__", Some(0)),
    ] {
        assert!(!kept.is_met(number, pid, offset), "{pid} {offset:?}");
    }
    assert!(kept.is_met(7, &pid, Some(2)));
    assert!(kept.is_met(8, &other, Some(1)));
}

#[test]
fn rec_07_what_was_one_persons_is_given_to_nobody_else() {
    let mut kept = Kept::with_sessions(0..5);
    let as_who = |kept: &mut Kept, number: u32, who: &str, auth: &str| {
        kept.script.text(number, &format!("0/a,{auth}"));
        let socket = kept.script.sockets.len() - 1;
        let key = kept.script.sockets[socket];
        kept.script.tell(Input::Identify(key, who.to_owned()));
        pid_in(&kept.script.admit(socket))
    };
    let pid = as_who(&mut kept, 0, "alice", "");
    kept.close(0);
    let claim = format!(r#"{{"pid":"{pid}"}}"#);
    assert_ne!(as_who(&mut kept, 1, "mallory", &claim), pid);
    assert!(!kept.is_met(2, &pid, None), "nobody in particular");
    assert_eq!(as_who(&mut kept, 3, "alice", &claim), pid);
}

#[test]
fn rec_09_who_is_refused_gets_nothing_back() {
    let mut kept = Kept::with_sessions(0..3);
    let pid = kept.connect(0);
    kept.close(0);
    kept.emit(Target::default());
    kept.script.text(1, &format!(r#"0/a,{{"pid":"{pid}"}}"#));
    assert_eq!(kept.script.refuse(1), [r#"to 1: 4/a,{"message":"no"}"#]);
    assert!(kept.is_met(2, &pid, None), "it may have been somebody else");
}

#[test]
fn nothing_is_kept_of_who_leaves_or_is_sent_away() {
    let mut kept = Kept::with_sessions(0..8);
    let left = kept.connect(0);
    kept.script.text(0, "1/a,");
    assert!(!kept.is_met(1, &left, None));
    let sent_away = kept.connect(2);
    kept.script.tell(disconnect(kept.script.sockets[2], true));
    kept.script.close(2, CloseReason::ForcedServerClose);
    assert!(!kept.is_met(3, &sent_away, None));
    let greedy = kept.connect(4);
    kept.script.close(4, CloseReason::PolicyViolation);
    assert!(!kept.is_met(5, &greedy, None));
}

#[test]
fn a_client_may_be_away_so_long_and_not_longer() {
    let mut kept = Kept::with_sessions(0..4);
    let pid = kept.connect(0);
    kept.close(0);
    kept.script.wait(WINDOW_MS - 1);
    assert!(kept.is_met(1, &pid, None));
    kept.close(1);
    assert_eq!(kept.script.machine.n_parked(), 1);
    let lines = kept.script.wait(WINDOW_MS);
    assert!(lines.contains(&format!("{pid} is forgotten")), "{lines:?}");
    assert_eq!(kept.script.machine.n_parked(), 0);
    kept.open(9, 9);
    assert!(!kept.is_met(9, &pid, None));
}

#[test]
fn rec_05_who_was_connected_for_long_and_heard_nothing_comes_back() {
    let mut kept = Kept::with_sessions(0..1);
    let pid = kept.connect(0);
    kept.emit(Target::default());
    kept.script.tell(Input::Pinged(session(0)));
    kept.script.tell(Input::Ponged(session(0)));
    kept.script.wait(86_400_000);
    assert_eq!(kept.script.machine.n_journal_bytes(), 0);
    kept.close(0);
    kept.open(1, 1);
    kept.emit(Target::default());
    let lines = kept.claim(1, &pid, Some(1));
    assert_eq!(lines[0], r#"to 1: 2/a,["e","2"]"#);
}

#[test]
fn rec_08_so_many_are_kept_of_all_and_of_one_origin_and_the_oldest_go_first() {
    let mut kept = Kept::with_sessions(0..0);
    let connect = |kept: &mut Kept, number: u32, origin: u64| {
        kept.open(number, origin);
        let pid = kept.connect(number);
        kept.close(number);
        pid
    };
    let first = connect(&mut kept, 0, 7);
    let second = connect(&mut kept, 1, 7);
    assert_eq!(kept.script.machine.n_parked(), 2);
    let third = connect(&mut kept, 2, 7);
    assert_eq!(kept.script.machine.n_parked(), 2, "of one origin");
    let others = [3, 4].map(|number| connect(&mut kept, number, u64::from(number)));
    assert_eq!(kept.script.machine.n_parked(), 3, "of all");
    let mut is_met = |number: u32, pid: &str| {
        kept.open(number, 9);
        kept.is_met(number, pid, None)
    };
    assert!(!is_met(10, &first) && !is_met(11, &second));
    assert!(is_met(12, &third) && is_met(13, &others[0]) && is_met(14, &others[1]));
}

#[test]
fn rec_08_so_many_bytes_are_kept_of_all_and_the_oldest_go_first() {
    const MAX_BYTES: usize = 10_000;
    const N_EVENTS: usize = 100;
    let limits = RecoverySettings {
        max_journal_bytes: MAX_BYTES,
        max_events: N_EVENTS,
        max_bytes: usize::MAX,
        ..settings()
    };
    let script = Script::with_recovery(limits);
    let mut kept = Kept { script, next_offset: 1 };
    kept.open(0, 0);
    let pid = kept.connect(0);
    let mut most = 0;
    for n in 0..N_EVENTS {
        kept.emit_word(&"x".repeat(1_000));
        if n == N_EVENTS - 3 {
            // Who comes back now has missed so few that they are all there.
            kept.close(0);
        }
        let n_bytes = kept.script.machine.n_journal_bytes();
        assert!(n_bytes <= MAX_BYTES, "{n_bytes} after {n}");
        most = most.max(n_bytes);
    }
    assert!(most > MAX_BYTES - 1_100, "as many as there is room for: {most}");
    kept.open(1, 1);
    let lines = kept.claim(1, &pid, Some(N_EVENTS as u64 - 2));
    assert_eq!(lines.iter().filter(|line| line.contains("xxx")).count(), 2);
    kept.close(1);
    (0..20).for_each(|_| drop(kept.emit_word(&"x".repeat(1_000))));
    assert!(kept.script.machine.n_journal_bytes() <= MAX_BYTES);
    kept.open(2, 2);
    assert!(!kept.is_met(2, &pid, Some(N_EVENTS as u64)), "what it missed is not there any more");
}

#[test]
fn who_has_missed_more_than_is_kept_starts_anew() {
    let mut kept = Kept::with_sessions(0..3);
    let pid = kept.connect(0);
    kept.emit(Target::default());
    kept.close(0);
    (0..5).for_each(|_| drop(kept.emit(Target::default())));
    assert_eq!(kept.claim(1, &pid, Some(1)).len(), 5 + 3);
    kept.close(1);
    kept.emit(Target::default());
    assert!(!kept.is_met(2, &pid, Some(1)));
}

#[test]
fn rooms_change_for_those_who_are_away_as_well() {
    let mut kept = Kept::with_sessions(0..6);
    let change = |kept: &mut Kept, target: Target, change: Change| {
        kept.script.tell(Input::Change(scope("/a"), target, change))
    };
    let pid = kept.connect(0);
    kept.script.join(0, "red");
    kept.close(0);
    change(&mut kept, rooms(&["red"]), Change::Join(vec!["blue".to_owned()]));
    change(&mut kept, rooms(&["blue"]), Change::Leave(vec!["red".to_owned()]));
    assert!(kept.is_met(1, &pid, None));
    assert_eq!(kept.emit(rooms(&["red"])).len(), 0);
    assert_eq!(kept.emit(rooms(&["blue"])).len(), 1);
    kept.close(1);
    let gone = change(&mut kept, rooms(&["blue"]), Change::Disconnect(false));
    assert_eq!(gone, [format!("{pid} is forgotten")]);
    assert!(!kept.is_met(2, &pid, None));
}

#[test]
fn those_who_are_away_are_not_asked_and_not_found() {
    let mut kept = Kept::with_sessions(0..2);
    kept.connect(0);
    kept.connect(1);
    assert_eq!(kept.script.ask(0, 3, None).len(), 1);
    let lines = kept.close(0);
    assert_eq!(lines[0], "no answer 3: socket has been disconnected");
    let all = kept.script.machine.describe(&scope("/a"), &Target::default(), ShardId::default());
    assert_eq!(all.iter().map(|info| info.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(kept.script.ask(0, 4, None), ["no answer 4: socket has been disconnected"]);
}

#[test]
fn a_namespace_that_does_not_want_it_tells_no_pid_and_hears_no_claim() {
    let mut kept = Kept::with_sessions(0..2);
    let socket = kept.script.connect(0, "/b");
    assert_eq!(socket, 0);
    assert_eq!(kept.close(0), ["#0 is out of /b: transport close"]);
    kept.script.text(1, r#"0/b,{"pid":"AAAAAAAAAAAAAAAAAAAAAAAA","offset":"1"}"#);
    let lines = kept.script.admit(1);
    assert!(!lines[0].contains("pid"), "{lines:?}");
}

#[test]
fn who_is_away_has_left_its_rooms_for_those_who_listen_until_it_is_back() {
    let listeners = Listeners { rooms: vec![NamespaceKey(1)], ..Listeners::default() };
    let script = Script::with_all(Dynamic::default(), listeners, settings());
    let mut kept = Kept { script, next_offset: 1 };
    (0..4).for_each(|number| kept.open(number, number.into()));
    let of_rooms = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| line.contains(" by #")).collect()
    };
    let pid = kept.connect(0);
    kept.connect(1);
    for (socket, room) in [(0, "red"), (0, "own"), (1, "red")] {
        kept.script.tell(Input::Join(kept.script.sockets[socket], room.to_owned()));
    }
    let lost = kept.close(0);
    assert_eq!(
        lost[1..],
        [
            "red Left by #0",
            "own Left by #0",
            "own Deleted by #0",
            "#0 is out of /a: transport close"
        ]
    );
    let key = kept.script.sockets[0];
    for input in [Input::Join(key, "more".into()), Input::Leave(key, "own".into())] {
        assert_eq!(kept.script.tell(input), [""; 0], "nobody saw it go in, or out");
    }
    let back = ["red Joined by #2", "more Created by #2", "more Joined by #2"];
    let told = of_rooms(kept.claim(2, &pid, None));
    assert_eq!(BTreeSet::from_iter(told), back.map(str::to_owned).into());
    kept.close(2);
    assert_eq!(of_rooms(kept.script.wait(WINDOW_MS)), [""; 0], "it has been told");
    assert_eq!(of_rooms(kept.close(1)), ["red Left by #1", "red Deleted by #1"]);
}

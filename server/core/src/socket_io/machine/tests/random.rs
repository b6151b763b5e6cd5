//! Random clients and handlers beside a model that is plainly right: every packet reaches whom it
//! should, and at the end no table remembers anybody.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::key::Origin;

/// The last two are named by clients.
const NAMES: [&str; 5] = ["/", "/a", "/b", "/c", "/d"];
const ROOMS: [&str; 3] = ["red", "blue", "green"];
const N_SESSIONS: u32 = 4;

#[derive(Debug, Clone)]
enum Op {
    Open(u32),
    Close(u32),
    Connect(u32, usize),
    Say(u32, &'static str),
    Excess(u32, Option<&'static str>),
    Bytes(u32),
    Admit(usize),
    Refuse(usize),
    Join(usize, usize),
    Leave(usize, usize),
    Emit(usize, Vec<usize>, Vec<usize>, usize),
    Ask(usize, Option<u64>),
    Disconnect(usize, bool),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let session = || 0..N_SESSIONS;
    let socket = || 0..40usize;
    let room = || 0..ROOMS.len();
    let some_rooms = || prop::collection::vec(room(), 0..3);
    let texts = prop::sample::select(vec![
        r#"2["e"]"#,
        r#"2/a,5["e"]"#,
        "1",
        "1/a,",
        "30[]",
        "3/a,0[]",
        "3/a,1[]",
        "4{}",
        r#"51-["e",1]"#,
        r#"52-/a,["e",1]"#,
        "junk",
        "0/nope,",
        r#"2/c,["e"]"#,
        "1/c,",
    ]);
    prop_oneof![
        6 => session().prop_map(Op::Open),
        2 => session().prop_map(Op::Close),
        20 => (session(), 0..NAMES.len()).prop_map(|(s, n)| Op::Connect(s, n)),
        3 => (session(), prop::option::of(texts.clone())).prop_map(|(s, t)| Op::Excess(s, t)),
        8 => (session(), texts).prop_map(|(s, text)| Op::Say(s, text)),
        3 => session().prop_map(Op::Bytes),
        20 => socket().prop_map(Op::Admit),
        2 => socket().prop_map(Op::Refuse),
        20 => (socket(), room()).prop_map(|(s, r)| Op::Join(s, r)),
        5 => (socket(), room()).prop_map(|(s, r)| Op::Leave(s, r)),
        20 => (0..NAMES.len(), some_rooms(), some_rooms(), socket())
            .prop_map(|(n, rooms, except, s)| Op::Emit(n, rooms, except, s)),
        6 => (socket(), prop::option::of(0..20_000u64)).prop_map(|(s, t)| Op::Ask(s, t)),
        3 => (socket(), any::<bool>()).prop_map(|(s, whole)| Op::Disconnect(s, whole)),
        4 => (0..6000u64).prop_map(Op::Wait),
    ]
}

/// What must be true, told by the lines alone.
#[derive(Default)]
struct Model {
    open: BTreeSet<u32>,
    /// Sockets that handlers have been told of and that are not gone: session and namespace.
    sockets: BTreeMap<usize, (u32, usize)>,
    connected: BTreeSet<usize>,
    rooms: BTreeSet<(usize, usize)>,
    /// Questions without an answer, by token.
    questions: BTreeSet<u64>,
}

struct Run {
    script: Script,
    model: Model,
    n_questions: u64,
}

impl Run {
    fn run(&mut self, op: &Op) {
        let known = self.script.sockets.len();
        let lines = match op {
            Op::Open(number) if self.model.open.insert(*number) => {
                self.script.tell(Input::Opened(session(*number), Origin::default()))
            }
            Op::Close(number) => self.close(*number),
            Op::Connect(number, n) => self.script.text(*number, &format!("0{},", NAMES[*n])),
            Op::Say(number, text) => self.script.text(*number, text),
            Op::Excess(number, text) => self.script.tell(Input::Excess(session(*number), *text)),
            Op::Bytes(number) => self.script.bytes(*number, &[1, 2, 3]),
            Op::Admit(socket) if *socket < known => self.script.admit(*socket),
            Op::Refuse(socket) if *socket < known => self.script.refuse(*socket),
            Op::Join(socket, room) if *socket < known => {
                if self.model.sockets.contains_key(socket) {
                    self.model.rooms.insert((*socket, *room));
                }
                self.script.join(*socket, ROOMS[*room]);
                Vec::new()
            }
            Op::Leave(socket, room) if *socket < known => {
                self.model.rooms.remove(&(*socket, *room));
                self.script.leave(*socket, ROOMS[*room]);
                Vec::new()
            }
            Op::Emit(n, rooms, except, socket) => {
                self.check_emit(*n, rooms, except, (*socket < known).then_some(*socket));
                Vec::new()
            }
            Op::Ask(socket, timeout) if *socket < known => {
                self.n_questions += 1;
                self.model.questions.insert(self.n_questions);
                self.script.ask(*socket, self.n_questions, *timeout)
            }
            Op::Disconnect(socket, whole) if *socket < known => {
                self.script.tell(disconnect(self.script.sockets[*socket], *whole))
            }
            Op::Wait(ms) => self.script.wait(*ms),
            _ => Vec::new(),
        };
        self.follow(&lines);
        // What the machine wants closed is closed, as the driver does it.
        for key in std::mem::take(&mut self.script.closing) {
            let lines = self.close(key.parts().0);
            self.follow(&lines);
        }
        self.check();
    }

    fn close(&mut self, number: u32) -> Vec<String> {
        self.model.open.remove(&number);
        self.script.close(number, CloseReason::TransportClose)
    }

    fn gone(&mut self, socket: usize) {
        self.model.sockets.remove(&socket);
        self.model.connected.remove(&socket);
        self.model.rooms.retain(|(member, _)| *member != socket);
    }

    fn follow(&mut self, lines: &[String]) {
        for line in lines {
            let socket = || line[1..].split([' ', ':']).next().unwrap().parse::<usize>().unwrap();
            if line.starts_with('#') && line.contains(" wants ") {
                let name = line.split(' ').nth(2).unwrap();
                let key = self.script.sockets[socket()];
                let Some(n) = NAMES.iter().position(|known| *known == name) else {
                    self.script.refuse(socket());
                    continue;
                };
                let session = self.script.machine.sockets.get(key).unwrap().session;
                self.model.sockets.insert(socket(), (session.parts().0, n));
                if line.ends_with(" of nobody") {
                    assert_eq!(self.script.tell(Input::Adopt(key, PARENT)), [""; 0]);
                }
            } else if line.contains(" is in ") {
                assert!(self.model.connected.insert(socket()), "{line}: once");
            } else if line.contains(" is out of ") {
                assert!(self.model.connected.contains(&socket()), "{line}: it was in");
                self.gone(socket());
            } else if line.ends_with(" is abandoned") {
                assert!(!self.model.connected.contains(&socket()), "{line}: it was never in");
                self.gone(socket());
            } else if line.contains("answer ") {
                let token = line.split("answer ").nth(1).unwrap().split(':').next().unwrap();
                assert!(self.model.questions.remove(&token.parse().unwrap()), "{line}: once");
            } else if line.starts_with('#') {
                assert!(self.model.connected.contains(&socket()), "{line}: from one that is in");
            }
        }
        // Who is refused goes without a word.
        let machine = &self.script.machine;
        let sockets = &self.script.sockets;
        let quiet = |socket: &usize| machine.sockets.get(sockets[*socket]).is_none();
        let quiet: Vec<usize> = self.model.sockets.keys().copied().filter(quiet).collect();
        for socket in quiet {
            assert!(!self.model.connected.contains(&socket), "#{socket} is gone without a word");
            self.gone(socket);
        }
    }

    fn check_emit(&mut self, n: usize, names: &[usize], except: &[usize], socket: Option<usize>) {
        let Model { connected, sockets, rooms, .. } = &self.model;
        let is_in = |socket: &usize, names: &[usize]| {
            names.iter().any(|room| rooms.contains(&(*socket, *room)))
        };
        let expected: BTreeSet<u32> = connected
            .iter()
            .filter(|s| sockets[*s].1 == n)
            .filter(|s| names.is_empty() || is_in(s, names))
            .filter(|s| !is_in(s, except) && Some(**s) != socket)
            .map(|s| sockets[s].0)
            .collect();
        let strings = |names: &[usize]| names.iter().map(|room| ROOMS[*room].into()).collect();
        let target = Target {
            rooms: strings(names),
            except: strings(except),
            except_socket: socket.map(|socket| self.script.sockets[socket]),
            ..Target::default()
        };
        let got = self.script.emit(NAMES[n], target);
        assert_eq!(got.iter().copied().collect::<BTreeSet<u32>>(), expected);
        assert_eq!(got.len(), expected.len(), "each once");
    }

    fn check(&self) {
        let machine = &self.script.machine;
        assert_eq!(machine.n_clients(), self.model.open.len());
        assert_eq!(machine.n_sockets(), self.model.sockets.len());
        let awaited: usize = machine.sockets.iter().map(|(_, socket)| socket.acks.len()).sum();
        assert_eq!(awaited, self.model.questions.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn packets_reach_whom_they_should_and_nothing_is_left_at_the_end(
        ops in prop::collection::vec(op(), 0..150),
    ) {
        let script = Script::with_children(2);
        let mut run = Run { script, model: Model::default(), n_questions: 0 };
        (0..N_SESSIONS).for_each(|number| run.run(&Op::Open(number)));
        ops.iter().for_each(|op| run.run(op));
        (0..N_SESSIONS).for_each(|number| run.run(&Op::Close(number)));
        prop_assert!(run.model.questions.is_empty(), "every question has an end");
        run.script.check_nothing_is_left();
    }
}

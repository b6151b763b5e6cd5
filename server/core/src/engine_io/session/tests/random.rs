//! Random drivers and clients: whatever happens in whatever order, a session keeps its promises.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One thing that happens; numbers are cut down to what makes sense.
#[derive(Debug, Clone)]
enum Op {
    Packet(&'static str),
    Input(usize),
    Ping(u8),
    Violated(u16),
    Send,
    Volatile(u64),
    /// A view has a new state, which is a key if it can be divided by three.
    Show(u32),
    Rebase(u32),
    Hide(u32),
    Candidate(&'static str),
    Close(usize),
    Answer,
    Write(usize),
    Sleep(u64),
    Wait(u64),
}

const MAX_BYTES: usize = 100;
const PACKETS: [&str; 8] = ["4a", "4b", "3", "6", "5", "bAQID", "1", "2"];
const CANDIDATE: [&str; 4] = ["2probe", "5", "5", "4a"];
const N_INPUTS: usize = 14;

fn input(number: usize) -> SessionInput<'static> {
    match number {
        0 => SessionInput::PollOpened,
        1 => SessionInput::PostOpened,
        2 => SessionInput::PostClosed,
        3 => SessionInput::Blocked,
        4 => SessionInput::Writable,
        5 => SessionInput::CandidateOpened,
        6 => SessionInput::CandidateGone,
        7 => SessionInput::Timeout,
        8 => SessionInput::PollAborted,
        9 => SessionInput::PostBroken,
        10 => SessionInput::Malformed,
        11 => SessionInput::WebSocketPong,
        12 => SessionInput::WebSocketClosing(Some(1000)),
        _ => SessionInput::TransportGone { clean: false },
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        // The first six are what a good client sends.
        12 => (0..6usize).prop_map(|i| Op::Packet(PACKETS[i])),
        1 => (6..8usize).prop_map(|i| Op::Packet(PACKETS[i])),
        30 => (0..8usize).prop_map(Op::Input),
        1 => (8..N_INPUTS).prop_map(Op::Input),
        2 => any::<u8>().prop_map(Op::Ping),
        1 => prop_oneof![Just(1002u16), Just(1008), Just(1009)].prop_map(Op::Violated),
        25 => Just(Op::Send),
        15 => (0..12u64).prop_map(Op::Volatile),
        20 => (0..3u32).prop_map(Op::Show),
        2 => (0..3u32).prop_map(Op::Rebase),
        2 => (0..3u32).prop_map(Op::Hide),
        8 => (0..4usize).prop_map(|i| Op::Candidate(CANDIDATE[i])),
        1 => (0..CloseReason::ALL.len()).prop_map(Op::Close),
        15 => Just(Op::Answer),
        20 => (0..40usize).prop_map(Op::Write),
        4 => (0..30_000u64).prop_map(Op::Sleep),
        8 => (0..15_000u64).prop_map(Op::Wait),
    ]
}

/// What a client has seen, and what it may expect.
struct Observer {
    script: Script,
    n_sent: u64,
    n_got: u64,
    /// The newest of each volatile key that arrived, by its number.
    newest: BTreeMap<u64, u64>,
    n_volatile: u64,
    /// The newest state of each view that arrived, and the last key.
    seen: BTreeMap<u64, (u64, u64)>,
    n_closed: usize,
    said_good_bye: bool,
}

impl Observer {
    fn new(transport: Transport) -> Self {
        let script = Script::open(transport, |settings| {
            settings.max_queue_bytes = MAX_BYTES;
            settings.max_payload = 60;
        });
        let newest = BTreeMap::new();
        Self {
            script,
            n_sent: 0,
            n_got: 0,
            newest,
            n_volatile: 0,
            seen: BTreeMap::new(),
            n_closed: 0,
            said_good_bye: false,
        }
    }

    fn run(&mut self, op: &Op) {
        let is_websockets = matches!(op, Op::Ping(_) | Op::Violated(_) | Op::Input(11 | 12));
        if is_websockets && self.script.session.transport() == Transport::Polling {
            return;
        }
        let was_open = !self.script.session.is_closed();
        let effects = match op {
            Op::Packet(text) => self.script.packet(text),
            Op::Input(number) => self.script.tell(input(*number)),
            Op::Ping(n) => self.script.tell(SessionInput::WebSocketPing(&[*n])),
            Op::Violated(code) => {
                let violation = Violation { code: *code, reason: "broken" };
                self.script.tell(SessionInput::Violated(violation))
            }
            Op::Send => {
                let effects = self.script.send(&format!("r{}", self.n_sent));
                // What cut the client is not among what was queued.
                self.n_sent += u64::from(!self.script.session.is_closed());
                effects
            }
            Op::Volatile(key) => {
                self.n_volatile += 1;
                self.script.volatile(*key, &format!("v{key}.{}", self.n_volatile))
            }
            Op::Show(number) => {
                let before = self.script.views.states.get(number).map_or(0, |state| state.0);
                self.script.show(*number, before + 1, (before + 1) / 3 * 3)
            }
            Op::Rebase(number) => {
                self.script.tell(SessionInput::Rebase { view: views::view(*number) })
            }
            Op::Hide(number) => self.script.tell(SessionInput::Hide { view: views::view(*number) }),
            Op::Candidate(text) => self.script.candidate(text),
            Op::Close(reason) => self.script.close(CloseReason::ALL[*reason]),
            Op::Answer => {
                let answer = self.script.answer();
                self.heard(answer);
                Vec::new()
            }
            Op::Write(n) => {
                self.script.write(*n);
                Vec::new()
            }
            Op::Sleep(ms) => {
                self.script.sleep(*ms);
                self.check_progress()
            }
            Op::Wait(ms) => self.script.wait(*ms),
        };
        let last_answer = self.script.last_answer.take();
        self.heard(last_answer);
        self.check_effects(was_open, op, &effects);
        self.check_state();
    }

    /// Firing what is due comes to an end: after a few timeouts the deadline lies ahead.
    fn check_progress(&mut self) -> Vec<SessionEffect> {
        let mut effects = Vec::new();
        for _ in 0..6 {
            if self.script.session.deadline().is_none_or(|at| at > self.script.now) {
                return effects;
            }
            effects.extend(self.script.tell(SessionInput::Timeout));
        }
        panic!("timeouts make no progress: {:?}", self.script.session);
    }

    fn check_effects(&mut self, was_open: bool, op: &Op, effects: &[SessionEffect]) {
        self.n_closed += effects.iter().filter(|e| matches!(e, SessionEffect::Closed(_))).count();
        let is_closed = self.script.session.is_closed();
        assert_eq!(self.n_closed, usize::from(is_closed), "{op:?}: an end is told once");
        if !was_open {
            let harmless = |effect: &SessionEffect| {
                matches!(effect, SessionEffect::RefuseRequest | SessionEffect::DropCandidate)
            };
            assert!(effects.iter().all(harmless), "{op:?} after the end: {effects:?}");
        }
    }

    fn check_state(&mut self) {
        let session = &mut self.script.session;
        assert_eq!(session.deadline().is_none(), session.is_gone());
        // One packet passes the limit of bytes; 8 volatile ones, a pong, a ping and two last words
        // may stand beside.
        assert!(session.queued_bytes() <= MAX_BYTES + 13 * 20, "{}", session.queued_bytes());
        let frames = {
            let mut frames = Vec::new();
            while let Some((frame, length)) = first_frame(&self.script.wire) {
                self.script.wire.drain(..length);
                frames.push(frame);
            }
            frames
        };
        for frame in frames {
            self.got(&frame);
        }
    }

    fn heard(&mut self, answer: Option<String>) {
        let Some(answer) = answer else { return };
        let packets: Vec<&str> = answer.split('|').collect();
        assert!(packets.len() <= 16, "{answer}");
        assert!(answer.len() <= 60 || packets.len() == 1, "{answer}");
        let says_good_bye = packets.contains(&"1");
        assert!(!says_good_bye || ["1", "6|1"].contains(&answer.as_str()), "{answer}");
        for packet in packets {
            self.got(packet);
        }
    }

    /// Reliable frames come in order and once, volatile ones of a key never get older, and nothing
    /// follows the last word.
    fn got(&mut self, frame: &str) {
        assert!(!self.said_good_bye, "{frame} after the last word");
        if let Some(number) = frame.strip_prefix("4r") {
            assert_eq!(number, self.n_got.to_string());
            self.n_got += 1;
        } else if let Some(volatile) = frame.strip_prefix("4v") {
            let (key, number) = volatile.split_once('.').unwrap();
            let (key, number) = (key.parse().unwrap(), number.parse().unwrap());
            let before = self.newest.insert(key, number);
            assert!(before.is_none_or(|before| before < number), "an old {frame} after {before:?}");
        } else if let Some(state) = frame.strip_prefix("4s") {
            self.got_state(state);
        } else if frame == "1" || frame.starts_with("close") {
            self.said_good_bye = true;
        } else {
            assert!(matches!(frame, "2" | "6") || frame.starts_with("pong"), "{frame}");
        }
    }

    /// States of a view never get older, and build on the last key that arrived.
    fn got_state(&mut self, state: &str) {
        let (view, rest) = state.split_once('.').unwrap();
        let mut words = rest.split(' ');
        let n: u64 = words.next().unwrap().parse().unwrap();
        let seen = self.seen.entry(view.parse().unwrap()).or_default();
        assert!(n > seen.0, "{state} after {seen:?}");
        seen.0 = n;
        match (words.next(), words.next()) {
            (Some("on"), Some(base)) => assert_eq!(base, seen.1.to_string(), "{state}"),
            (Some("key"), None) => seen.1 = n,
            (None, None) => {}
            other => panic!("{other:?}"),
        }
    }

    /// A client that reads to the end has got everything, or has been told that it has not.
    fn finish(mut self) {
        if !self.script.session.is_closed() {
            self.run(&Op::Input(4));
            for _ in 0..=40 {
                self.run(&Op::Input(0));
                self.run(&Op::Answer);
                self.run(&Op::Write(usize::MAX));
                if self.script.session.queued_bytes() == 0 {
                    break;
                }
            }
            if !self.script.session.is_closed() {
                assert_eq!(self.n_got, self.n_sent, "nothing is lost while the session lives");
            }
        }
        self.run(&Op::Close(0));
        self.run(&Op::Wait(30_000));
        assert!(self.script.session.is_gone(), "an ended session is gone after a while");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_session_keeps_its_promises_whatever_happens(
        is_polling in any::<bool>(),
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let transport = if is_polling { Transport::Polling } else { Transport::WebSocket };
        let mut observer = Observer::new(transport);
        for op in &ops {
            observer.run(op);
        }
        observer.finish();
    }
}

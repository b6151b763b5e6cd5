//! An owner and its mirrors: what is told to other shards and how often, and that whoever looks
//! from wherever sees what is.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn kind(message: &ViewMessage) -> String {
    match message {
        ViewMessage::Watch { .. } => "watch".to_owned(),
        ViewMessage::Unwatch { .. } => "unwatch".to_owned(),
        ViewMessage::Resync { .. } => "resync".to_owned(),
        ViewMessage::Full { n, .. } => format!("full {n}"),
        ViewMessage::Delta { key, n, .. } => format!("delta {key}→{n}"),
        ViewMessage::Gone { .. } => "gone".to_owned(),
    }
}

fn kinds(messages: &[ViewMessage]) -> Vec<String> {
    messages.iter().map(kind).collect()
}

#[test]
fn another_shard_gets_a_key_once_and_then_one_delta_a_turn() {
    let mut script = Script::new();
    script.tell(watch(address(THERE, 1), view(1), false));
    assert_eq!(kinds(&script.outgoing()), ["watch", "full 1"]);
    script.become_state(1);
    script.become_state(2);
    assert_eq!(kinds(&script.outgoing()), ["delta 1→3"]);
    assert_eq!(kinds(&script.outgoing()), [""; 0]);
    script.tell(watch(address(THERE, 2), view(1), true));
    assert_eq!(kinds(&script.outgoing()), ["watch"], "the shard knows the state");
    for number in 3..70 {
        script.become_state(number);
        let told = match number {
            64 => "full 65".to_owned(),
            _ => format!("delta {}→{}", if number < 64 { 1 } else { 65 }, number + 1),
        };
        assert_eq!(kinds(&script.outgoing()), [told]);
    }
}

#[test]
fn a_shard_that_begins_to_look_is_told_the_key_and_what_changed_since() {
    let mut script = Script::new();
    script.watch(9, true);
    script.become_state(1);
    script.frame(None);
    script.become_state(2);
    script.tell(watch(address(THERE, 1), view(1), false));
    assert_eq!(kinds(&script.outgoing()), ["watch", "full 2", "delta 2→3"]);
    script.tell(ViewInput::Unwatch(address(THERE, 1)));
    script.become_state(3);
    assert_eq!(kinds(&script.outgoing()), ["unwatch"]);
    script.tell(watch(address(THERE, 1), view(1), false));
    assert_eq!(kinds(&script.outgoing()), ["watch", "full 2", "delta 2→4"]);
}

#[test]
fn who_begins_and_stops_within_a_turn_is_told_nothing_of_the_state() {
    let mut script = Script::new();
    script.tell(watch(address(THERE, 1), view(1), false));
    script.become_state(1);
    script.tell(ViewInput::Unwatch(address(THERE, 1)));
    assert_eq!(kinds(&script.outgoing()), ["watch", "unwatch"]);
    assert!(script.gallery.is_empty());
}

#[test]
fn a_state_that_cannot_be_compared_is_told_whole_each_time() {
    let mut script = Script::new();
    script.tell(watch(address(THERE, 1), view(1), false));
    script.outgoing();
    let deep = format!("{{\"view\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for n in 2..4 {
        script.tell(ViewInput::Dirty(view(1)));
        let outgoing = script.gallery.take_outgoing(&mut |_| Some(deep.clone()));
        let [(THERE, ViewMessage::Full { n: told, text, .. })] = outgoing.as_slice() else {
            panic!("{outgoing:?}");
        };
        assert_eq!((*told, text), (n, &deep));
    }
    script.become_state(9);
    assert_eq!(kinds(&script.outgoing()), ["full 4"]);
}

#[test]
fn a_delta_for_another_key_is_not_shown() {
    let mut mirror = Gallery::new(THERE);
    let mut tell = |message, session| {
        let mut effects = Vec::new();
        mirror.handle(ViewInput::Told(message, session), &mut effects);
        effects
    };
    let (view, socket) = (view(1), SocketKey::new(1, 0));
    tell(ViewMessage::Watch { view, socket, deltas: true }, Some(session(1)));
    let show = [ViewEffect::Show(session(1), view, true)];
    assert_eq!(tell(ViewMessage::Full { view, n: 5, text: "{}".to_owned() }, None), show);
    let delta = |key, n| ViewMessage::Delta { view, key, n, text: "{\"a\":[1]}".to_owned() };
    assert_eq!(tell(delta(4, 6), None), []);
    assert_eq!(tell(delta(5, 6), None), show);
    assert_eq!(tell(ViewMessage::Gone { view }, None), [ViewEffect::Hide(session(1), view)]);
    assert_eq!(tell(delta(5, 7), None), []);
}

#[test]
fn messages_survive_the_way() {
    let mut script = Script::new();
    script.tell(watch(address(THERE, 1), view(1), true));
    script.become_state(1);
    for message in script.outgoing() {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<ViewMessage>(&text).unwrap(), message);
    }
}

/// Three shards, two views owned by the first, and clients that look from everywhere.
struct World {
    galleries: Vec<Gallery>,
    states: [u64; 2],
    /// Messages under way to each shard but the owner.
    under_way: [VecDeque<ViewMessage>; 2],
    clients: Vec<Client>,
}

#[derive(Debug, Default)]
struct Client {
    viewer: Viewer,
    /// Which, and whether as deltas; as its own shard knows it.
    watches: Option<(usize, bool)>,
    /// The states that it was told with the answers to its requests, and the last that arrived.
    answers: VecDeque<u64>,
    joined: u64,
    /// What its session was told to show.
    marked: BTreeSet<ViewId>,
}

const N_CLIENTS: u32 = 6;

fn home(client: u32) -> ShardId {
    ShardId { node: 0, shard: (client % 3) as u8 }
}

fn index(view: ViewId) -> usize {
    view.lobby.parts().0 as usize
}

impl World {
    fn new() -> Self {
        Self {
            galleries: (0..3).map(|shard| Gallery::new(ShardId { node: 0, shard })).collect(),
            states: [0, 0],
            under_way: Default::default(),
            clients: (0..N_CLIENTS).map(|_| Client::default()).collect(),
        }
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Watch(client, which, deltas) => self.watch(client, which, deltas),
            Op::Unwatch(client) => {
                self.owner(ViewInput::Unwatch(address(home(client), client)));
                if home(client) == HERE {
                    self.clients[client as usize].watches = None;
                }
            }
            Op::Resync(client) => self.owner(ViewInput::Resync(address(home(client), client))),
            Op::Change(which) => {
                self.states[which] += 1;
                self.owner(ViewInput::Dirty(view(which as u32)));
            }
            Op::EndTurn => self.end_turn(),
            Op::Arrive(shard) => self.arrive(shard),
            Op::Take(client) => self.take(client),
        }
    }

    fn owner(&mut self, input: ViewInput) {
        let mut effects = Vec::new();
        self.galleries[0].handle(input, &mut effects);
        self.carry_out(&effects);
    }

    fn carry_out(&mut self, effects: &[ViewEffect]) {
        for effect in effects {
            let (ViewEffect::Show(to, view, _)
            | ViewEffect::Hide(to, view)
            | ViewEffect::Rebase(to, view)) = effect;
            let client = &mut self.clients[to.parts().0 as usize];
            match effect {
                ViewEffect::Show(..) => drop(client.marked.insert(*view)),
                ViewEffect::Hide(..) => {
                    client.marked.remove(view);
                    client.viewer.begun = None;
                }
                ViewEffect::Rebase(..) => client.viewer.begun = None,
            }
        }
    }

    fn watch(&mut self, number: u32, which: usize, deltas: bool) {
        self.clients[number as usize].answers.push_back(self.states[which]);
        let (who, view) = (address(home(number), number), view(which as u32));
        let session = (who.shard == HERE).then(|| session(number));
        self.owner(ViewInput::Watch { who, session, view, deltas });
        if who.shard == HERE {
            self.clients[number as usize].watching(which, deltas);
        }
    }

    fn end_turn(&mut self) {
        let states = self.states;
        let source = &mut |view| Some(state(states[index(view)]).to_string());
        let mut told = BTreeSet::new();
        for (to, message) in self.galleries[0].take_outgoing(source) {
            if let ViewMessage::Delta { view, .. } = &message {
                assert!(told.insert((to, *view)), "one state of each view a turn");
            }
            self.under_way[usize::from(to.shard) - 1].push_back(message);
        }
    }

    fn arrive(&mut self, shard: usize) {
        let Some(message) = self.under_way[shard - 1].pop_front() else { return };
        let watch = match message {
            ViewMessage::Watch { view, socket, deltas } => {
                Some((socket.parts().0, Some((index(view), deltas))))
            }
            ViewMessage::Unwatch { socket, .. } => Some((socket.parts().0, None)),
            _ => None,
        };
        let session = watch.map(|(number, _)| session(number));
        let mut effects = Vec::new();
        self.galleries[shard].handle(ViewInput::Told(message, session), &mut effects);
        self.carry_out(&effects);
        match watch {
            Some((number, Some((which, deltas)))) => {
                self.clients[number as usize].watching(which, deltas);
            }
            Some((number, None)) => self.clients[number as usize].watches = None,
            None => {}
        }
    }

    /// The client can take something.
    fn take(&mut self, number: u32) {
        let client = &mut self.clients[number as usize];
        let states = self.states;
        let source = &mut |view| {
            assert_eq!(home(number), HERE, "a mirror asks nobody");
            Some(state(states[index(view)]).to_string())
        };
        for view in std::mem::take(&mut client.marked) {
            let (which, deltas) = client.watches.expect("nobody else is shown anything");
            assert_eq!(index(view), which, "nor another view");
            let base = client.viewer.begun.filter(|_| deltas);
            let gallery = &mut self.galleries[usize::from(home(number).shard)];
            if let Some(shown) = gallery.frame(view, base, source) {
                client.viewer.take(&shown);
            }
        }
    }

    fn let_all_arrive(&mut self) {
        self.end_turn();
        for shard in 1..3 {
            while !self.under_way[shard - 1].is_empty() {
                self.arrive(shard);
            }
        }
    }

    /// When all has arrived, everybody sees what is; when nobody looks, nothing is left.
    fn finish(mut self) {
        self.let_all_arrive();
        for number in 0..N_CLIENTS {
            self.take(number);
            let client = &self.clients[number as usize];
            let Some((which, _)) = client.watches else { continue };
            let joined = state(client.joined);
            let seen = client.viewer.seen.as_ref().map_or(&joined, |seen| &seen.1);
            assert_eq!(*seen, state(self.states[which]), "client {number}");
        }
        for number in 0..N_CLIENTS {
            self.run(&Op::Unwatch(number));
        }
        self.let_all_arrive();
        assert!(self.galleries.iter().all(Gallery::is_empty), "nothing is left");
        assert!(self.galleries[0].watching.is_empty() && self.galleries[0].untold.is_empty());
    }
}

impl Client {
    /// The answer to its request has arrived.
    fn watching(&mut self, which: usize, deltas: bool) {
        self.watches = Some((which, deltas));
        self.viewer = Viewer::default();
        self.joined = self.answers.pop_front().unwrap();
    }
}

#[derive(Debug, Clone)]
enum Op {
    Watch(u32, usize, bool),
    Unwatch(u32),
    Resync(u32),
    Change(usize),
    EndTurn,
    Arrive(usize),
    Take(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..N_CLIENTS, 0..2usize, any::<bool>()).prop_map(|(c, v, d)| Op::Watch(c, v, d)),
        2 => (0..N_CLIENTS).prop_map(Op::Unwatch),
        1 => (0..N_CLIENTS).prop_map(Op::Resync),
        12 => (0..2usize).prop_map(Op::Change),
        8 => Just(Op::EndTurn),
        12 => (1..3usize).prop_map(Op::Arrive),
        12 => (0..N_CLIENTS).prop_map(Op::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whoever_looks_from_wherever_sees_what_is(ops in prop::collection::vec(op(), 0..300)) {
        let mut world = World::new();
        ops.iter().for_each(|op| world.run(op));
        world.finish();
    }
}

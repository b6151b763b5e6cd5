//! Children of dynamic namespaces on several shards: each makes and removes its own, and yet what
//! is for one child, or for all, reaches whom it should and nobody else.

use super::*;
use crate::{cluster::Owners, lobby::game::Random, socket_io::Dynamic};

const N_SHARDS: usize = 3;
const N_SESSIONS: u32 = 4;
const NAMES: [&str; 4] = ["/a", "/b", "/c", "/d"];
const PARENT: NamespaceKey = NamespaceKey(1);

/// Where a session's sockets are, by name.
type Members = BTreeMap<(usize, u32, &'static str), SocketKey>;

struct Wander {
    shards: Vec<Script>,
    members: Members,
    random: Random,
}

impl Wander {
    fn new(seed: u64) -> Self {
        let all: Vec<ShardId> =
            (0..N_SHARDS as u8).map(|shard| ShardId { node: 0, shard }).collect();
        let script = |own: &ShardId| {
            let neighbours = Neighbours { own: *own, all: all.clone(), owners: Owners::new(7) };
            let mut script = Script::of(neighbours, None);
            let dynamic = Dynamic { parents: vec![PARENT], max_children: NAMES.len() };
            script.world = World::new(WorldSettings {
                neighbours: script.world.neighbours.clone(),
                namespaces: vec!["/".to_owned(), "parent".to_owned()],
                dynamic,
                listeners: Default::default(),
                connect_timeout: Duration::from_secs(10),
                max_payload: 10_000,
                hash_seed: 3,
                recovery: RecoverySettings::default(),
                attachments_timeout: Duration::from_secs(10),
                lobbies: None,
                signaling: None,
                matchmaking: None,
            });
            (0..N_SESSIONS)
                .for_each(|number| script.tell(Input::Opened(session(number), Origin::default())));
            script
        };
        let shards = all.iter().map(script).collect();
        Self { shards, members: Members::new(), random: Random::new(seed) }
    }

    fn below(&mut self, n: usize) -> usize {
        self.random.below(n as u32) as usize
    }

    /// Delivers what the shards have for each other.
    fn still(&mut self) {
        while let Some(from) = self.shards.iter().position(|shard| !shard.abroad.is_empty()) {
            for (to, message) in std::mem::take(&mut self.shards[from].abroad) {
                let own = self.shards[from].world.neighbours.own;
                self.shards[usize::from(to.shard)].tell(Input::Told(own, message));
            }
        }
    }

    fn step(&mut self) {
        let (at, number) = (self.below(N_SHARDS), self.below(N_SESSIONS as usize) as u32);
        let place = self.below(NAMES.len());
        let name = NAMES[place];
        let member = self.members.get(&(at, number, name)).copied();
        match (self.below(10), member) {
            (0..5, None) => self.join(at, number, name),
            (0..3, Some(_)) => {
                self.shards[at].tell(Input::Text(session(number), &format!("1{name},")));
                self.members.remove(&(at, number, name));
            }
            (3, Some(socket)) => {
                let reason = DisconnectReason::ServerNamespaceDisconnect;
                self.shards[at].tell(Input::Disconnect(socket, false, reason));
                self.members.remove(&(at, number, name));
            }
            (9, _) => {
                let (key, reason) = (session(number), CloseReason::TransportClose);
                self.shards[at].tell(Input::Closed(key, reason));
                self.shards[at].tell(Input::Opened(key, Origin::default()));
                self.members.retain(|(shard, n, _), _| (*shard, *n) != (at, number));
            }
            (5, _) => self.emit_each(at),
            _ => self.emit(at, name),
        }
        for (at, shard) in self.shards.iter().enumerate() {
            let here = self.members.keys().filter(|(shard, ..)| *shard == at);
            let names: BTreeSet<&str> = here.map(|(.., name)| *name).collect();
            assert_eq!(shard.world.socket_io.n_children(), names.len(), "as many as are used");
        }
    }

    fn join(&mut self, at: usize, number: u32, name: &'static str) {
        let shard = &mut self.shards[at];
        shard.tell(Input::Text(session(number), &format!("0{name},")));
        let socket = *shard.connecting.last().unwrap();
        if shard.told.last().is_some_and(|told| told.starts_with("unlisted")) {
            shard.tell(Input::Adopt(socket, PARENT));
        }
        // Some are not let in.
        if self.random.below(5) == 0 {
            self.shards[at].tell(Input::Refuse(socket, "no".to_owned(), None));
        } else {
            self.shards[at].tell(Input::Admit(socket));
            self.members.insert((at, number, name), socket);
        }
    }

    fn emit(&mut self, at: usize, name: &'static str) {
        let frame = Draft::event("one").unwrap().into_event(name, None).unwrap();
        let to = (Scope::Child(name.into()), Target::default());
        self.forget();
        self.shards[at].tell(Input::Emit(to.0, to.1, frame, Delivery::Reliable));
        self.check("one", |of| of == name);
    }

    fn emit_each(&mut self, at: usize) {
        let draft = Draft::event("each").unwrap();
        self.forget();
        self.shards[at].tell(Input::EmitEach(
            Scope::Listed(PARENT),
            Target::default(),
            draft,
            Delivery::Reliable,
        ));
        self.check("each", |_| true);
    }

    fn forget(&mut self) {
        self.shards.iter_mut().for_each(|shard| shard.sent.clear());
    }

    /// Those in children that are meant get it once, under their own name, and nobody else does.
    fn check(&mut self, event: &str, is_meant: impl Fn(&str) -> bool) {
        self.still();
        let mut expected: Vec<(usize, u32, String)> = Vec::new();
        for (at, number, name) in self.members.keys().filter(|(.., name)| is_meant(name)) {
            expected.push((*at, *number, format!(r#"2{name},["{event}"]"#)));
        }
        let mut got = Vec::new();
        for (at, shard) in self.shards.iter().enumerate() {
            for (number, packets) in &shard.sent {
                got.extend(packets.iter().map(|packet| (at, *number, packet.clone())));
            }
        }
        got.sort();
        expected.sort();
        assert_eq!(got, expected);
    }
}

#[test]
fn children_come_and_go_on_each_shard_and_everybody_hears_what_is_theirs() {
    for seed in 0..20 {
        let mut wander = Wander::new(seed);
        (0..300).for_each(|_| wander.step());
        for shard in &mut wander.shards {
            for number in 0..N_SESSIONS {
                shard.tell(Input::Closed(session(number), CloseReason::TransportClose));
            }
            assert!(shard.world.is_empty());
        }
    }
}

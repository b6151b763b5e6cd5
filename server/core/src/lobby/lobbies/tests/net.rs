//! Several shards with lobbies in virtual time, and the wires between them: in order for each pair,
//! in any order otherwise. Clients note what they are told.

use std::collections::VecDeque;

use super::*;
use crate::cluster::Owners;

/// A client: its shard, and its number there.
pub(super) type Client = (usize, u32);

pub(super) struct Net {
    pub(super) shards: Vec<Lobbies>,
    wires: BTreeMap<(usize, usize), VecDeque<LobbyMessage>>,
    pub(super) now: Time,
    random: Random,
    n_ids: u64,
    n_asked: u64,
    /// Requests that are not answered yet: whose, by ack id.
    pub(super) asked: BTreeMap<u64, Client>,
    /// Answers that nobody has looked at.
    pub(super) answers: BTreeMap<u64, Value>,
    /// Events that nobody has looked at: the name, the payload, and when it came.
    pub(super) told: BTreeMap<Client, Vec<(String, Value, Time)>>,
    /// A shard that takes nothing in any more.
    pub(super) stuck: Option<usize>,
    /// What was said of reservations, and to whom.
    pub(super) assigned: Vec<(ShardId, Assigned)>,
}

impl Net {
    pub(super) fn new(n_shards: u8, seed: u64) -> Self {
        let all: Vec<ShardId> = (0..n_shards).map(|shard| ShardId { node: 0, shard }).collect();
        let shard = |own: &ShardId| {
            let mut games = Games::default();
            games.register::<Tally>("tally");
            games.register::<Tally>("other");
            let settings = LobbySettings {
                max_audience: 100,
                games,
                max_lobbies: 1000,
                inputs: None,
                epoch_ms: EPOCH_MS,
                seed: 5,
                policy: Policy::without_countdown().into(),
                has_peers: true,
            };
            let neighbours = Neighbours { own: *own, all: all.clone(), owners: Owners::new(3) };
            Lobbies::new(settings, neighbours)
        };
        Self {
            shards: all.iter().map(shard).collect(),
            wires: BTreeMap::new(),
            now: Time::after_start(Duration::from_secs(1000)),
            random: Random::new(seed),
            n_ids: 0,
            n_asked: 0,
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            told: BTreeMap::new(),
            stuck: None,
            assigned: Vec::new(),
        }
    }

    pub(super) fn arrive(&mut self, who: Client) {
        self.arrive_as(who, Who::default());
    }

    pub(super) fn arrive_as(&mut self, (at, number): Client, who: Who) {
        self.told.insert((at, number), Vec::new());
        self.tell(at, LobbyInput::Arrived(socket(number), who));
    }

    pub(super) fn vanish(&mut self, (at, number): Client) {
        self.told.remove(&(at, number));
        self.asked.retain(|_, who| *who != (at, number));
        self.tell(at, LobbyInput::Gone(socket(number)));
    }

    /// Asks something; its answer comes under this id.
    pub(super) fn ask(&mut self, (at, number): Client, name: &str, payload: &Value) -> u64 {
        let array = json!([name, payload]).to_string();
        let request = Request::read(&Args::of_event(&array, &[]));
        self.n_asked += 1;
        self.asked.insert(self.n_asked, (at, number));
        self.tell(at, LobbyInput::Asked(socket(number), request, Some(self.n_asked)));
        self.n_asked
    }

    /// Asks, and waits for the answer.
    pub(super) fn ok(&mut self, who: Client, name: &str, payload: &Value) -> Value {
        let answer = self.answer(who, name, payload);
        assert_eq!(answer["ok"], true, "{name} {payload}: {answer}");
        answer
    }

    /// The same if it may be refused.
    pub(super) fn answer(&mut self, who: Client, name: &str, payload: &Value) -> Value {
        let id = self.ask(who, name, payload);
        self.still();
        self.answers.remove(&id).unwrap_or_else(|| panic!("{name} is not answered"))
    }

    pub(super) fn tell(&mut self, at: usize, input: LobbyInput) {
        let mut ids = Ids::default();
        let n_ids = (MAX_IDS_PER_INPUT + self.shards[at].n_ids_wanted()) as u64;
        let fresh = (0..n_ids).map(|i| {
            let mut bytes = [0; ID_BYTES];
            bytes[..8].copy_from_slice(&Random::new(self.n_ids + i).next_u64().to_le_bytes());
            bytes[8..16].copy_from_slice(&(self.n_ids + i).to_le_bytes());
            bytes
        });
        ids.refill(fresh.collect());
        self.n_ids += n_ids;
        let mut effects = Vec::new();
        self.shards[at].handle(self.now, input, &mut ids, &mut effects);
        assert!(self.shards[at].is_consistent());
        for effect in effects {
            match effect {
                LobbyEffect::Tell(to, message) => {
                    assert_ne!(usize::from(to.shard), at, "{message:?} to itself");
                    self.wires.entry((at, to.shard.into())).or_default().push_back(message);
                }
                LobbyEffect::Push(to, frame, delivery) if usize::from(to.shard.shard) != at => {
                    let message = LobbyMessage::Push(to.socket, frame, delivery);
                    self.wires.entry((at, to.shard.shard.into())).or_default().push_back(message);
                }
                LobbyEffect::Assigned(to, assigned) => self.assigned.push((to, assigned)),
                LobbyEffect::Push(to, frame, _) => self.hear((at, to.socket.parts().0), &frame),
                _ => {}
            }
        }
    }

    fn hear(&mut self, who: Client, frame: &Frame) {
        let (name, id, mut args) = read(frame);
        // Who is gone hears nothing.
        let Some(told) = self.told.get_mut(&who) else { return };
        let payload = args.remove(0);
        match id {
            None => told.push((name, payload, self.now)),
            Some(id) => {
                assert_eq!(self.asked.remove(&id), Some(who), "each is answered once");
                self.answers.insert(id, payload);
            }
        }
    }

    /// Fires a deadline that is due, or delivers one message of any wire; false if there is none.
    pub(super) fn step(&mut self) -> bool {
        let is_due = |at: &usize| {
            let deadline = self.shards[*at].deadline();
            Some(*at) != self.stuck && deadline.is_some_and(|deadline| deadline <= self.now)
        };
        let due = (0..self.shards.len()).find(is_due);
        let is_busy = |((_, to), wire): &(&(usize, usize), &VecDeque<_>)| {
            !wire.is_empty() && Some(*to) != self.stuck
        };
        let busy: Vec<_> = self.wires.iter().filter(is_busy).map(|(ends, _)| *ends).collect();
        let n = busy.len() + usize::from(due.is_some());
        if n == 0 {
            return false;
        }
        match busy.get(self.random.below(n as u32) as usize) {
            None => self.tell(due.unwrap(), LobbyInput::Timeout),
            Some((from, to)) => {
                let message = self.wires.get_mut(&(*from, *to)).unwrap().pop_front().unwrap();
                let from = ShardId { node: 0, shard: *from as u8 };
                self.tell(*to, LobbyInput::Told(from, message));
            }
        }
        true
    }

    /// Until nothing is on its way, without time passing.
    pub(super) fn still(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("it is never still");
    }

    pub(super) fn wait(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        self.still();
        loop {
            let up = self.shards.iter().enumerate().filter(|(at, _)| Some(*at) != self.stuck);
            let Some(at) = up.filter_map(|(_, lobbies)| lobbies.deadline()).min() else { break };
            if at > end {
                break;
            }
            assert!(at > self.now, "a deadline that has come is over");
            self.now = at;
            self.still();
        }
        self.now = end;
    }

    /// Everybody goes, and after a while nothing is left.
    pub(super) fn check_nothing_is_left(mut self) {
        self.stuck = None;
        for who in self.told.keys().copied().collect::<Vec<_>>() {
            self.vanish(who);
        }
        self.wait(120_000);
        for lobbies in &self.shards {
            assert!(lobbies.is_empty() && lobbies.is_unvisited(), "{lobbies:#?}");
            assert!(lobbies.board.is_empty() && lobbies.places.is_empty());
            assert!(lobbies.watched.is_empty());
        }
    }
}

//! Clients that come back to any shard, while everybody on every shard goes on emitting: what each
//! one hears has no gap and nothing twice, whatever was on its way just then.

use parlor_shared::socket_io::Offset;

use super::*;

const CLAIM_TIMEOUT_MS: u64 = 2_000;
const LEAVE_TIMEOUT_MS: u64 = 4_000;

fn settings() -> RecoverySettings {
    RecoverySettings { namespaces: vec![NamespaceKey(0)], ..RecoverySettings::default() }
}

/// A client as stock ones do it.
#[derive(Default)]
struct Client {
    /// Where its newest session is.
    at: usize,
    number: u32,
    pid: Option<String>,
    offset: Option<String>,
    id: Option<String>,
    /// The newest, as it came.
    welcome: Option<String>,
    is_welcome: bool,
    /// An older connection, which was slower, has taken everything over.
    is_cut: bool,
    n_recovered: usize,
    n_refused: usize,
    /// Of each shard, what it emitted last that this client has heard.
    heard: BTreeMap<u64, u64>,
}

impl Client {
    /// What has arrived; in the order in which it was sent.
    fn read(&mut self, packet: &str, rooms: &BTreeSet<u64>) {
        if let Some(welcome) = packet.strip_prefix('0') {
            self.welcome = Some(welcome.to_owned());
            let welcome: Value = serde_json::from_str(welcome).unwrap();
            let text = |name: &str| Some(welcome[name].as_str().unwrap().to_owned());
            let is_recovered = self.pid.is_some() && self.pid == text("pid");
            if is_recovered {
                assert_eq!(self.id, text("sid"));
                self.n_recovered += 1;
            } else {
                self.n_refused += usize::from(self.pid.is_some());
                // The offset stays, as with stock clients.
                self.heard.clear();
            }
            (self.pid, self.id, self.is_welcome) = (text("pid"), text("sid"), true);
            return;
        }
        let Some(event) = packet.strip_prefix('2') else {
            assert_eq!(packet, "1");
            self.is_cut = true;
            return;
        };
        let args: Vec<Value> = serde_json::from_str(event).unwrap();
        if let Some(Value::String(offset)) = args.last() {
            self.offset = Some(offset.clone());
        }
        if args[0] == "all" {
            let (shard, number) = (args[1].as_u64().unwrap(), args[2].as_u64().unwrap());
            let last = self.heard.insert(shard, number);
            assert!(
                last.is_none_or(|last| last + 1 == number),
                "shard {shard}: {number} after {last:?}"
            );
        } else {
            assert!(rooms.contains(&args[1].as_u64().unwrap()), "of a room that it is not in");
        }
    }
}

struct Story {
    net: Net,
    clients: Vec<Client>,
    n_sessions: u32,
    n_offsets: u64,
    n_emitted: Vec<u64>,
    /// Of each session what it was sent and its client has not read yet.
    unread: BTreeMap<(usize, u32), VecDeque<String>>,
}

impl Story {
    fn new(n_shards: u8, n_clients: usize, seed: u64, recovery: &RecoverySettings) -> Self {
        let mut story = Self {
            net: Net::with_recovery(n_shards, seed, recovery),
            clients: Vec::new(),
            n_sessions: 0,
            n_offsets: 0,
            n_emitted: vec![0; n_shards.into()],
            unread: BTreeMap::new(),
        };
        for client in 0..n_clients {
            story.clients.push(Client::default());
            story.connect(client, client % usize::from(n_shards));
        }
        story
    }

    fn shards(&self) -> u32 {
        self.net.shards.len() as u32
    }

    /// A client opens a session on a shard, and claims what it had.
    fn connect(&mut self, client: usize, at: usize) {
        let number = self.n_sessions;
        self.n_sessions += 1;
        let own = &mut self.clients[client];
        (own.at, own.number, own.is_welcome, own.is_cut) = (at, number, false, false);
        let claim = own.pid.as_ref().map(|pid| {
            let offset = own.offset.as_ref().map(|offset| format!(r#","offset":"{offset}""#));
            format!(r#"{{"pid":"{pid}"{}}}"#, offset.unwrap_or_default())
        });
        self.net.tell(at, Input::Opened(session(number), Origin(number.into())));
        self.net.text(at, number, &format!("0{}", claim.unwrap_or_default()));
        let socket = *self.net.shards[at].connecting.last().unwrap();
        self.net.tell(at, Input::Admit(socket));
        // Handlers say where it belongs when it is new.
        if self.clients[client].pid.is_none() {
            self.net.tell(at, Input::Join(socket, format!("room {}", client % 2)));
        }
        self.note();
    }

    /// The client's connection is lost, with what was on its way.
    fn lose(&mut self, client: usize) {
        let (at, number) = (self.clients[client].at, self.clients[client].number);
        self.unread.remove(&(at, number));
        self.net.tell(at, Input::Closed(session(number), CloseReason::TransportError));
        self.note();
    }

    /// Emits to everybody, or to a room.
    fn emit(&mut self, at: usize, room: Option<u64>) {
        self.n_offsets += 1;
        let sender = self.net.shards[at].world.neighbours.own.sender();
        let offset = Offset::new(sender, self.n_offsets);
        let mut draft = Draft::event(if room.is_some() { "room" } else { "all" }).unwrap();
        let target = match room {
            Some(room) => {
                draft.arg(&room).unwrap();
                Target { rooms: [format!("room {room}").into()].into(), ..Target::default() }
            }
            None => {
                draft.arg(&at).unwrap();
                draft.arg(&self.n_emitted[at]).unwrap();
                self.n_emitted[at] += 1;
                Target::default()
            }
        };
        draft.offset(offset);
        let frame = draft.into_event("/", None).unwrap();
        self.net.tell(at, Input::Emit(MAIN, target, frame, Delivery::Recoverable(offset)));
        self.note();
    }

    /// Puts aside what sessions were sent.
    fn note(&mut self) {
        for (at, number, packets) in self.net.sent() {
            self.unread.entry((at, number)).or_default().extend(packets);
        }
    }

    /// A client reads so many packets.
    fn read(&mut self, client: usize, n: usize) {
        let own = &mut self.clients[client];
        let Some(unread) = self.unread.get_mut(&(own.at, own.number)) else { return };
        let rooms = BTreeSet::from([client as u64 % 2]);
        for packet in unread.drain(..n.min(unread.len())) {
            own.read(&packet, &rooms);
        }
    }

    fn read_all(&mut self) {
        (0..self.clients.len()).for_each(|client| self.read(client, usize::MAX));
    }

    fn still(&mut self) {
        self.net.still();
        self.note();
    }

    /// Ends all sessions, and lets time pass on all shards until nothing is due any more.
    fn end(mut self) {
        for at in 0..self.net.shards.len() {
            for number in 0..self.n_sessions {
                let closed = Input::Closed(session(number), CloseReason::TransportClose);
                self.net.tell(at, closed);
            }
        }
        for _ in 0..20 {
            for at in 0..self.net.shards.len() {
                self.net.shards[at].wait(60_000);
                self.net.post(at);
            }
            self.still();
        }
        assert!(self.net.all_are_empty());
    }
}

#[test]
fn a_client_that_comes_back_to_another_shard_has_missed_nothing() {
    let mut story = Story::new(2, 2, 1, &settings());
    story.still();
    story.read_all();
    story.emit(0, None);
    story.read_all();
    story.lose(0);
    story.emit(0, None);
    story.emit(1, None);
    story.emit(1, Some(0));
    story.connect(0, 1);
    // While it is on its way, and before anybody knows.
    story.emit(0, None);
    story.emit(1, None);
    story.still();
    story.emit(0, None);
    story.still();
    story.read_all();
    let client = &story.clients[0];
    assert_eq!((client.n_recovered, client.n_refused), (1, 0));
    assert_eq!(client.heard, BTreeMap::from([(0, 3), (1, 1)]));
    assert!(story.net.shards[0].told.contains(&"kept".to_owned()));
    assert!(story.net.shards[1].told.iter().any(|told| told.starts_with("recovered")));
    // And home again, from where its pid is of.
    story.lose(0);
    story.emit(1, None);
    story.connect(0, 0);
    story.still();
    story.read_all();
    assert_eq!(story.clients[0].n_recovered, 2);
    assert_eq!(story.clients[0].heard, BTreeMap::from([(0, 3), (1, 2)]));
    story.end();
}

impl Story {
    /// A client of shard 0, whose old connection seems alive, has come to shard 1, which has got
    /// so much of its socket that it hears for it as well: the old socket.
    fn on_the_way(n_shards: u8, recovery: &RecoverySettings) -> (Self, SocketKey) {
        let mut story = Self::new(n_shards, 1, 1, recovery);
        story.read_all();
        let socket = *story.net.shards[0].connecting.last().unwrap();
        story.connect(0, 1);
        story.net.deliver_one(1, 0);
        story.net.deliver_one(0, 1);
        (story, socket)
    }

    /// Emits `text` to a room, or to one socket that is in the room of its id.
    fn emit_to(&mut self, at: usize, target: Target, text: &str) {
        self.n_offsets += 1;
        let sender = self.net.shards[at].world.neighbours.own.sender();
        let offset = Offset::new(sender, self.n_offsets);
        let mut draft = Draft::event(text).unwrap();
        draft.offset(offset);
        let frame = draft.into_event("/", None).unwrap();
        self.net.tell(at, Input::Emit(MAIN, target, frame, Delivery::Recoverable(offset)));
    }

    /// What the client's newest session was sent, in short.
    fn told(&mut self) -> Vec<String> {
        self.note();
        let (at, number) = (self.clients[0].at, self.clients[0].number);
        let unread = self.unread.remove(&(at, number)).unwrap_or_default();
        let short = |packet: &str| match packet.split('"').nth(1) {
            Some("sid") if Some(packet[1..].to_owned()) == self.clients[0].welcome => "back".into(),
            Some("sid") => "new".into(),
            Some(name) => name.to_owned(),
            None => packet.to_owned(),
        };
        unread.iter().map(|packet| short(packet)).collect()
    }

    fn n_moved(&self) -> usize {
        self.net.shards.iter().map(|shard| shard.world.socket_io().n_moved()).sum()
    }
}

#[test]
fn what_is_sent_to_a_socket_that_is_just_leaving_comes_after_it() {
    let (mut story, socket) = Story::on_the_way(2, &settings());
    let id = story.clients[0].id.clone().unwrap();
    story.emit_to(0, Target { rooms: [id.into()].into(), ..Target::socket(socket) }, "own");
    story.still();
    assert_eq!(story.told(), ["own", "back"]);
}

#[test]
fn out_of_a_room_and_in_again_is_in_also_on_the_way() {
    let (mut story, _) = Story::on_the_way(3, &settings());
    let change = |story: &mut Story, change: Change| {
        story.net.tell(2, Input::Change(MAIN, Target::default(), change));
    };
    change(&mut story, Change::Leave(vec!["room 0".to_owned()]));
    story.net.deliver_one(2, 1);
    // Shard 2 hears that the socket moves, and what it says next is for where that comes.
    story.net.deliver_one(1, 2);
    story.net.deliver_one(1, 0);
    change(&mut story, Change::Join(vec!["room 0".to_owned()]));
    story.net.deliver_one(2, 0);
    story.net.deliver_one(2, 0);
    story.still();
    story.emit_to(0, room("room 0"), "in");
    story.still();
    assert_eq!(story.told(), ["back", "in"]);
}

#[test]
fn who_is_sent_away_on_the_way_does_not_come_back() {
    for is_late in [false, true] {
        let (mut story, _) = Story::on_the_way(3, &settings());
        if is_late {
            story.net.deliver_one(1, 2);
            story.net.deliver_one(1, 0);
            // The old shard has handed everything over before it hears of it.
            story.net.deliver_one(2, 0);
        }
        story.net.tell(2, Input::Change(MAIN, room("room 0"), Change::Disconnect(false)));
        if is_late {
            story.net.deliver_one(2, 1);
            story.net.deliver_one(2, 1);
        }
        story.still();
        assert_eq!(story.told(), ["new", "1"], "{is_late}");
        story.lose(0);
        story.connect(0, 2);
        story.still();
        assert_eq!(story.told(), ["new"]);
        assert_eq!(story.n_moved(), 0);
        story.end();
    }
}

#[test]
fn what_an_asker_gets_and_cannot_give_on_is_forgotten_everywhere() {
    for has_given_up in [false, true] {
        let (mut story, _) =
            Story::on_the_way(3, &RecoverySettings { max_events: 2, ..settings() });
        if has_given_up {
            story.net.shards[1].wait(60_000);
            story.net.post(1);
        } else {
            (0..3).for_each(|_| story.emit_to(1, Target::default(), "many"));
        }
        story.still();
        assert_eq!(story.told(), ["new"], "{has_given_up}");
        assert!(story.net.shards[1].told.contains(&"forgotten".to_owned()));
        assert_eq!(story.n_moved(), 0);
        story.end();
    }
}

#[test]
fn whatever_is_on_its_way_nobody_misses_anything_or_hears_it_twice() {
    let (mut n_recovered, mut n_refused) = (0, 0);
    for seed in 0..150 {
        let n_shards = 1 + (seed % 4) as u8;
        let mut story = Story::new(n_shards, 4, seed, &settings());
        let mut random = Random::new(seed);
        for _ in 0..250 {
            let client = random.below(4) as usize;
            match random.below(14) {
                0 => {
                    story.lose(client);
                    for _ in 0..random.below(8) {
                        story.net.deliver();
                    }
                    let at = random.below(story.shards()) as usize;
                    story.connect(client, at);
                }
                // The old connection seems alive.
                1 if random.below(3) == 0 => {
                    let at = random.below(story.shards()) as usize;
                    let before = (story.clients[client].at, story.clients[client].number);
                    story.connect(client, at);
                    story.unread.remove(&before);
                }
                2..=5 => {
                    let at = random.below(story.shards()) as usize;
                    let room = (random.below(3) == 0).then(|| random.below(2).into());
                    story.emit(at, room);
                }
                6..=8 => story.read(client, random.below(6) as usize),
                _ => {
                    story.net.deliver();
                    story.note();
                }
            }
        }
        story.still();
        story.read_all();
        while let Some(client) = story.clients.iter().position(|client| client.is_cut) {
            story.connect(client, 0);
            story.still();
            story.read_all();
        }
        // Everybody who is there is at the end of all stories.
        for client in &story.clients {
            assert!(client.is_welcome, "seed {seed}");
            for (shard, heard) in &client.heard {
                assert_eq!(heard + 1, story.n_emitted[*shard as usize], "seed {seed}");
            }
            n_recovered += client.n_recovered;
            n_refused += client.n_refused;
        }
        story.end();
    }
    assert!(n_recovered > 500.max(500 * n_refused), "{n_recovered}, and refused {n_refused}");
}

#[test]
fn a_claim_that_comes_to_nothing_half_way_leaves_the_client_its_own_id() {
    let (mut story, _) = Story::on_the_way(3, &settings());
    let old = story.clients[0].id.clone().unwrap();
    story.net.shards[1].wait(CLAIM_TIMEOUT_MS);
    story.net.post(1);
    story.note();
    story.read_all();
    story.still();
    assert_eq!(story.clients[0].n_refused, 1);
    let new = story.clients[0].id.clone().unwrap();
    assert_ne!(new, old);
    let mut to_id = |id: String| {
        story.emit_to(1, room(&id), "own");
        story.still();
        story.told()
    };
    assert_eq!(to_id(old), [""; 0], "nobody has it any more");
    assert_eq!(to_id(new), ["own"]);
    story.end();
}

#[test]
fn who_moves_does_not_hear_what_it_sends_to_the_others() {
    let (mut story, socket) = Story::on_the_way(2, &settings());
    story.emit_to(0, Target { except_socket: Some(socket), ..room("room 0") }, "my own");
    story.still();
    assert_eq!(story.told(), ["back"]);
}

#[test]
fn pings_that_are_answered_on_the_way_do_not_count() {
    let (mut story, _) = Story::on_the_way(3, &settings());
    let number = story.clients[0].number;
    story.emit_to(1, room("room 0"), "x");
    story.net.tell(1, Input::Pinged(session(number)));
    story.net.tell(1, Input::Ponged(session(number)));
    story.still();
    assert_eq!(story.told(), ["x", "back"]);
}

#[test]
fn who_waits_for_a_socket_that_is_no_more_is_told_at_once() {
    let (mut story, _) = Story::on_the_way(3, &settings());
    story.net.deliver_one(1, 2);
    story.net.deliver_one(1, 0);
    story.net.deliver_one(2, 0);
    let number = story.clients[0].number;
    story.connect(0, 2);
    story.net.deliver_one(2, 0);
    (0..2).for_each(|_| story.net.deliver_one(0, 1));
    // The shard that gets it has another claim for it by now.
    story.net.text(1, number, "1");
    story.still();
    assert_eq!(story.told(), ["new"]);
}

#[test]
fn a_socket_that_is_taken_over_and_not_fetched_waits_no_longer_than_others() {
    let (mut story, _) = Story::on_the_way(3, &settings());
    // The asker has made up its mind; the third shard says nothing.
    story.net.deliver_one(1, 0);
    story.net.shards[0].wait(LEAVE_TIMEOUT_MS);
    story.net.post(0);
    story.lose(0);
    story.connect(0, 0);
    story.read_all();
    assert_eq!((story.clients[0].n_recovered, story.clients[0].n_refused), (1, 0));
}

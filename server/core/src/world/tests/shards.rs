//! Worlds of several shards that tell each other things: everybody hears each broadcast once,
//! lobbies are one wherever their members' sockets are, and questions come back whole.

mod recovery;

use std::collections::VecDeque;

use super::*;
use crate::{
    cluster::{AckOf, Change, Owners, SocketInfo},
    lobby::{Policy, game::Random},
};

const MAIN: Scope = Scope::Listed(NamespaceKey(0));

/// Shards, and what is on its way between each pair of them, in order.
struct Net {
    shards: Vec<Script>,
    wires: BTreeMap<(usize, usize), VecDeque<Message>>,
    random: Random,
}

impl Net {
    fn new(n: u8, seed: u64) -> Self {
        Self::with_recovery(n, seed, &RecoverySettings::default())
    }

    fn with_recovery(n: u8, seed: u64, recovery: &RecoverySettings) -> Self {
        let all: Vec<ShardId> = (0..n).map(|i| ShardId { node: i / 2, shard: i % 2 }).collect();
        let shard = |own: &ShardId| {
            let neighbours = Neighbours { own: *own, all: all.clone(), owners: Owners::new(7) };
            let mut games = Games::default();
            games.register::<Once>("once");
            let lobbies = LobbySettings {
                games,
                max_lobbies: 10,
                max_audience: 100,
                policy: Policy::without_countdown().into(),
                ..Default::default()
            };
            let recovery = recovery.clone();
            let mut script = Script::with_recovery(neighbours, Some(lobbies), recovery);
            script.n_ids = own.node * 2 + own.shard + 1;
            script
        };
        let shards = all.iter().map(shard).collect();
        Self { shards, wires: BTreeMap::new(), random: Random::new(seed) }
    }

    /// Puts what a shard has to say on the wires.
    fn post(&mut self, from: usize) {
        let mut messages = self.shards[from].world.take_views();
        messages.append(&mut self.shards[from].abroad);
        for (to, message) in messages {
            let to = self.shards.iter().position(|s| s.world.neighbours.own == to).unwrap();
            assert_ne!(from, to, "nobody writes to themselves");
            self.wires.entry((from, to)).or_default().push_back(message);
        }
    }

    /// Delivers one message of any wire; false if there is none.
    fn deliver(&mut self) -> bool {
        let busy: Vec<(usize, usize)> =
            self.wires.iter().filter(|(_, wire)| !wire.is_empty()).map(|(k, _)| *k).collect();
        if busy.is_empty() {
            return false;
        }
        let (from, to) = busy[self.random.below(busy.len() as u32) as usize];
        self.deliver_one(from, to);
        true
    }

    /// Delivers the next message of this wire.
    fn deliver_one(&mut self, from: usize, to: usize) {
        let message = self.wires.get_mut(&(from, to)).unwrap().pop_front().unwrap();
        let from = self.shards[from].world.neighbours.own;
        self.shards[to].tell(Input::Told(from, message));
        self.post(to);
    }

    fn still(&mut self) {
        while self.deliver() {}
    }

    fn tell(&mut self, at: usize, input: Input<'_>) {
        self.shards[at].tell(input);
        self.post(at);
    }

    fn text(&mut self, at: usize, number: u32, text: &str) {
        self.tell(at, Input::Text(session(number), text));
    }

    /// A session in the main namespace, in these rooms; its socket.
    fn connect(&mut self, at: usize, number: u32, rooms: &[&str]) -> SocketKey {
        self.tell(at, Input::Opened(session(number), Origin::default()));
        self.text(at, number, "0");
        let socket = *self.shards[at].connecting.last().unwrap();
        self.tell(at, Input::Admit(socket));
        for room in rooms {
            self.tell(at, Input::Join(socket, (*room).to_owned()));
        }
        self.shards[at].sent.clear();
        socket
    }

    /// Enters `/lobby`.
    fn enter(&mut self, at: usize, number: u32) {
        self.shards[at].enter(number);
        self.shards[at].sent.clear();
        self.post(at);
    }

    /// A request, and its answer once all is still.
    fn ask(&mut self, at: usize, number: u32, name: &str, payload: &Value) -> Value {
        self.text(at, number, &format!("2/lobby,7{}", json!([name, payload])));
        self.still();
        let sent = self.shards[at].sent.get(&number).cloned().unwrap_or_default();
        let answer = sent.iter().rev().find_map(|p| p.strip_prefix("3/lobby,7")).unwrap();
        serde_json::from_str::<[Value; 1]>(answer).unwrap()[0].take()
    }

    /// What all sessions were sent, by shard and session.
    fn sent(&mut self) -> Vec<(usize, u32, Vec<String>)> {
        let shards = self.shards.iter_mut().enumerate();
        let of = |(at, shard): (usize, &mut Script)| {
            let sent = std::mem::take(&mut shard.sent);
            sent.into_iter().map(move |(number, packets)| (at, number, packets))
        };
        shards.flat_map(of).collect()
    }

    fn all_are_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.world.is_empty())
    }
}

fn event(name: &str) -> Frame {
    Draft::event(name).unwrap().into_event("/", None).unwrap()
}

fn room(name: &str) -> Target {
    Target { rooms: [name.into()].into(), ..Target::default() }
}

#[test]
fn sockets_of_one_room_on_several_shards_get_each_broadcast_once() {
    let mut net = Net::new(3, 1);
    let mut emitter = None;
    for at in 0..3 {
        for number in 0..3 {
            let rooms = [&["a", "b"][..], &["a"], &[]][number as usize];
            let socket = net.connect(at, number, rooms);
            emitter = emitter.or(Some(socket));
        }
    }
    let both = Target {
        rooms: ["a", "b"].map(Into::into).into_iter().collect(),
        except_socket: emitter,
        ..Target::default()
    };
    net.tell(0, Input::Emit(MAIN, both, event("x"), Delivery::Reliable));
    net.still();
    let got: Vec<_> = net.sent().into_iter().map(|(at, n, told)| (at, n, told.len())).collect();
    // The emitter's key means somebody else elsewhere, and is not taken along.
    assert_eq!(got, [(0, 1, 1), (1, 0, 1), (1, 1, 1), (2, 0, 1), (2, 1, 1)]);

    net.tell(1, Input::Emit(MAIN, room("b"), event("y"), Delivery::Reliable));
    net.still();
    assert_eq!(net.sent().len(), 3);
    let local = Target { local: true, ..Target::default() };
    net.tell(1, Input::Emit(MAIN, local, event("z"), Delivery::Reliable));
    assert!(!net.deliver(), "what is local is told nobody");
    assert!(net.sent().iter().all(|(at, ..)| *at == 1));
    let except = Target { except: ["a".into()].into(), ..Target::default() };
    net.tell(2, Input::Emit(MAIN, except, event("z"), Delivery::Reliable));
    net.still();
    assert!(net.sent().iter().all(|(_, number, _)| *number == 2));
}

#[test]
fn players_of_several_shards_are_matched_on_each_and_meet_in_a_lobby() {
    let mut net = Net::new(3, 1);
    // Lobbies are made on one shard after the other.
    for round in 0..3 {
        for (at, number) in [(1, 1), (2, 2)] {
            net.enter(at, number);
            net.text(at, number, "0/matchmaking,");
            let create = json!(["create", {"queue": "duel"}]);
            net.text(at, number, &format!("2/matchmaking,8{create}"));
        }
        net.still();
        net.shards[0].wait(1000);
        net.post(0);
        net.still();
        let mut seats = Vec::new();
        for (at, number) in [(1, 1), (2, 2)] {
            let pushed = net.shards[at].sent[&number].iter().rev();
            let told = pushed.filter_map(|p| p.strip_prefix("2/matchmaking,[\"ticket\","));
            let told = told.map(|p| serde_json::from_str::<Value>(&p[..p.len() - 1]).unwrap());
            let told = told.into_iter().find(|told| told["state"] == "assigned").unwrap();
            let came =
                net.ask(at, number, "resume", &json!({"token": told["assignment"]["token"]}));
            assert_eq!((&came["ok"], &came["seat"]), (&json!(true), &told["assignment"]["seat"]));
            seats.push(came["seat"].as_u64().unwrap());
        }
        let first = if seats[0] == 0 { 1 } else { 2 };
        assert_eq!(net.ask(first, first as u32, "action", &Value::Null)["ok"], true);
        net.still();
        let (name, figures) = net.shards[0].world.matchmaker().figures().remove(0);
        assert_eq!((name, figures.n_matches, figures.n_waiting), ("duel", round + 1, 0));
        for number in 1..=2 {
            assert_eq!(net.ask(number as usize, number, "leave", &Value::Null)["ok"], true);
            let gone = Input::Closed(session(number), CloseReason::TransportClose);
            net.tell(number as usize, gone);
        }
        net.still();
        net.shards[0].wait(30_000);
        assert!(net.all_are_empty());
    }
}

#[test]
fn a_socket_is_addressed_by_its_id_from_any_shard() {
    let mut net = Net::new(2, 1);
    net.connect(0, 0, &[]);
    let own = Target::socket(net.connect(1, 0, &[]));
    let described = net.shards[1].world.socket_io.describe(&MAIN, &own, ShardId::default());
    let [SocketInfo { id, .. }] = &described[..] else { panic!("one socket") };
    let id = id.to_string();
    net.tell(0, Input::Emit(MAIN, room(&id), event("x"), Delivery::Reliable));
    net.still();
    assert_eq!(net.sent(), [(1, 0, vec![r#"2["x"]"#.to_owned()])]);
    net.tell(0, Input::Change(MAIN, room(&id), Change::Disconnect(false)));
    net.still();
    assert_eq!(net.sent(), [(1, 0, vec!["1".to_owned()])]);
    assert!(net.shards[1].told.iter().any(|told| told == "disconnected"));
}

#[test]
fn sockets_anywhere_join_and_leave_rooms_and_are_described() {
    let mut net = Net::new(3, 1);
    for at in 0..3 {
        net.connect(at, 0, &["a"]);
    }
    let change = Change::Join(vec!["b".to_owned(), "c".to_owned()]);
    net.tell(2, Input::Change(MAIN, room("a"), change));
    net.still();
    net.tell(0, Input::Change(MAIN, room("b"), Change::Leave(vec!["a".to_owned()])));
    net.still();
    net.tell(1, Input::Gather(AckToken(9), Question::Sockets(MAIN, room("c"))));
    net.still();
    let [(AckToken(9), Answer::Sockets(sockets))] = &net.shards[1].gathered[..] else {
        panic!("{:?}", net.shards[1].gathered)
    };
    let rooms = |socket: &SocketInfo| {
        let mut rooms = socket.rooms.clone();
        rooms.sort();
        rooms
    };
    assert!(sockets.iter().all(|socket| rooms(socket) == ["b", "c"]), "{sockets:?}");
    let mut shards: Vec<ShardId> = sockets.iter().map(|socket| socket.shard).collect();
    shards.sort_unstable();
    assert_eq!(shards, net.shards[0].world.neighbours.all);
}

#[test]
fn clients_of_all_shards_are_asked_and_who_does_not_answer_in_time_is_told_apart() {
    let mut net = Net::new(3, 1);
    for at in 0..3 {
        net.connect(at, 0, &["a"]);
    }
    let ask = |target| {
        let draft = Draft::event("question").unwrap();
        Question::Ask(MAIN, target, draft, Duration::from_secs(5))
    };
    net.tell(0, Input::Gather(AckToken(1), ask(room("a"))));
    net.still();
    for (at, number, packets) in net.sent() {
        let [question] = &packets[..] else { panic!("{packets:?}") };
        let id = question.strip_prefix('2').unwrap().strip_suffix(r#"["question"]"#).unwrap();
        match at {
            0 => net.text(at, number, &format!(r#"3{id}["zero",0]"#)),
            1 => net.tell(at, Input::Closed(session(number), CloseReason::TransportClose)),
            _ => {}
        }
    }
    net.still();
    assert!(net.shards[0].gathered.is_empty(), "one client has time yet");
    for shard in 0..3 {
        net.shards[shard].wait(5_000);
        net.post(shard);
    }
    net.still();
    let [(AckToken(1), Answer::Acks(acks))] = &net.shards[0].gathered[..] else {
        panic!("{:?}", net.shards[0].gathered)
    };
    let mut acks: Vec<_> = acks.iter().map(|AckOf { answer, .. }| answer.clone()).collect();
    acks.sort_by_key(|answer| format!("{answer:?}"));
    let zero = Ok((r#"["zero",0]"#.to_owned(), Vec::new()));
    assert_eq!(acks, [Err(AckError::Disconnected), Err(AckError::Timeout), zero]);
    net.tell(0, Input::Gather(AckToken(2), ask(room("nobody"))));
    net.still();
    assert_eq!(net.shards[0].gathered[1], (AckToken(2), Answer::Acks(Vec::new())));
}

#[test]
fn a_shard_that_does_not_answer_is_not_waited_for_for_ever() {
    let mut net = Net::new(2, 1);
    net.tell(0, Input::Gather(AckToken(1), Question::Sockets(MAIN, Target::default())));
    net.shards[0].wait(10_000);
    assert_eq!(net.shards[0].gathered, [(AckToken(1), Answer::Sockets(Vec::new()))]);
    net.still();
    assert_eq!(net.shards[0].gathered.len(), 1, "a late answer is ignored");
    assert!(net.all_are_empty());
}

#[test]
fn a_lobby_is_joined_by_code_id_and_token_from_any_shard() {
    let mut net = Net::new(3, 1);
    for at in 0..3 {
        net.enter(at, 0);
    }
    let create = json!({"game": "once", "name": "0", "visibility": "public"});
    let created = net.ask(0, 0, "create", &create);
    let (code, id) = (&created["lobby"]["code"], &created["lobby"]["id"]);
    let listing = net.ask(2, 0, "list", &Value::Null);
    assert_eq!(&listing["lobbies"][0]["id"], id);
    let joined = net.ask(1, 0, "join", &json!({"code": code, "name": "1"}));
    assert_eq!(joined["seat"], 1, "{joined}");
    let watcher = net.ask(2, 0, "join", &json!({"id": id, "name": "2", "role": "spectator"}));
    assert_eq!(watcher["ok"], true, "{watcher}");
    net.ask(1, 0, "ready", &json!({"ready": true}));
    net.ask(0, 0, "start", &Value::Null);
    let (_, _, told) = net.sent().pop().unwrap();
    assert!(told.iter().any(|p| p.contains("started")), "{told:?}");
    // A lost connection, and back on another shard.
    net.tell(1, Input::Closed(session(0), CloseReason::TransportClose));
    net.enter(2, 5);
    let back = net.ask(2, 5, "resume", &json!({"token": joined["token"]}));
    assert_eq!(back["seat"], 1, "{back}");
    // And a second tab takes over from there.
    net.enter(0, 6);
    let taken = net.ask(0, 6, "resume", &json!({"token": back["token"]}));
    assert_eq!(taken["seat"], 1);
    assert!(net.shards[2].sent(5).contains(&"1/lobby,".to_owned()), "the first tab is closed");
    let acted = net.ask(0, 6, "action", &Value::Null);
    assert_eq!(acted["turn"], 1, "{acted}");
    let heard = net.shards[2].sent(0);
    assert!(heard.iter().any(|packet| packet.contains("finished")));
    let state = heard.iter().rev().find(|packet| packet.contains("\"state\"")).unwrap();
    assert!(state.contains("\"view\":true") && state.contains("moved"), "{state}");
}

#[test]
fn who_is_in_a_lobby_of_one_shard_can_not_enter_one_of_another() {
    let mut net = Net::new(2, 1);
    for (at, number) in [(0, 0), (0, 1), (1, 0)] {
        net.enter(at, number);
    }
    let create = json!({"game": "once", "name": "0"});
    let here = net.ask(0, 0, "create", &create);
    let there = net.ask(1, 0, "create", &create);
    let join = json!({"code": there["lobby"]["code"], "name": "1"});
    assert_eq!(net.ask(0, 0, "join", &join)["code"], "E_IN_LOBBY");
    let joined = net.ask(0, 1, "join", &join);
    let resume = |token: &Value| json!({"token": token});
    assert_eq!(net.ask(0, 1, "resume", &resume(&here["token"]))["code"], "E_IN_LOBBY");
    assert_eq!(net.ask(0, 0, "resume", &resume(&joined["token"]))["code"], "E_IN_LOBBY");
    assert_eq!(net.ask(0, 1, "resume", &resume(&json!("A".repeat(24))))["code"], "E_TOKEN");
    assert_eq!(net.ask(0, 1, "chat", &json!({"text": "still here"}))["ok"], true);
    assert_eq!(net.ask(0, 1, "leave", &Value::Null)["ok"], true);
    assert_eq!(net.ask(0, 1, "chat", &json!({"text": "x"}))["code"], "E_NOT_IN_LOBBY");
    let join = json!({"code": here["lobby"]["code"], "name": "1"});
    assert_eq!(net.ask(0, 1, "join", &join)["seat"], 1);
}

#[test]
fn requests_made_while_a_join_is_on_its_way_are_held_and_one_too_many_is_refused() {
    let mut net = Net::new(2, 1);
    net.enter(0, 0);
    net.enter(1, 0);
    let created = net.ask(0, 0, "create", &json!({"game": "once", "name": "0"}));
    let join = json!(["join", {"code": created["lobby"]["code"], "name": "1"}]);
    net.sent();
    net.text(1, 0, &format!("2/lobby,1{join}"));
    for id in 2..19 {
        let chat = json!(["chat", {"text": id.to_string()}]);
        net.text(1, 0, &format!("2/lobby,{id}{chat}"));
    }
    let sent = net.shards[1].sent(0);
    assert_eq!(sent.len(), 1, "16 are held: {sent:?}");
    assert!(sent[0].starts_with("3/lobby,18") && sent[0].contains("E_RATE"), "{sent:?}");
    net.still();
    let heard: Vec<String> = net.shards[0].sent(0);
    let n_heard = heard.iter().filter(|p| p.contains("\"chat\"")).count();
    assert_eq!(n_heard, 10, "as many as one may say at once: {heard:?}");
    let acks = net.shards[1].sent(0).iter().filter(|p| p.starts_with("3/lobby,")).count();
    assert_eq!(acks, 17);
}

#[test]
fn who_is_gone_before_the_answer_comes_has_a_seat_that_is_kept_and_then_freed() {
    let mut net = Net::new(2, 1);
    net.enter(0, 0);
    net.enter(1, 0);
    let created = net.ask(0, 0, "create", &json!({"game": "once", "name": "0"}));
    let join = json!(["join", {"code": created["lobby"]["code"], "name": "1"}]);
    net.text(1, 0, &format!("2/lobby,1{join}"));
    net.tell(1, Input::Closed(session(0), CloseReason::TransportClose));
    net.still();
    let told = net.shards[0].sent(0).concat();
    assert!(told.contains("joined") && told.contains("dropped"), "{told}");
    net.tell(0, Input::Closed(session(0), CloseReason::TransportClose));
    net.shards[0].wait(60_000);
    assert!(net.all_are_empty());
}

#[test]
fn codes_lead_to_the_shard_that_made_them() {
    let mut net = Net::new(5, 3);
    for at in 0..5 {
        for number in 0..4 {
            net.enter(at, number);
            let created = net.ask(at, number, "create", &json!({"game": "once", "name": "0"}));
            let elsewhere = (at + 1) % 5;
            let guest = 100 + number;
            net.enter(elsewhere, guest);
            let join = json!({"code": created["lobby"]["code"], "name": "1"});
            assert_eq!(net.ask(elsewhere, guest, "join", &join)["seat"], 1);
            net.tell(elsewhere, Input::Closed(session(guest), CloseReason::TransportClose));
            net.still();
        }
    }
}

#[test]
fn listings_that_time_out_together_release_what_was_held_one_socket_after_another() {
    let mut net = Net::new(2, 1);
    for number in 0..12 {
        net.enter(0, number);
    }
    for number in 0..12 {
        net.text(0, number, "2/lobby,0[\"list\"]");
        for id in 1..8 {
            let create = r#"["create",{"game":"once","name":"x"}]"#;
            net.text(0, number, &format!("2/lobby,{id}{create}"));
            net.text(0, number, r#"2/lobby,["leave"]"#);
        }
    }
    net.shards[0].wait(2_000);
    for number in 0..12 {
        let acks = net.shards[0].sent(number);
        assert_eq!(acks.iter().filter(|ack| ack.starts_with("3/lobby,")).count(), 8, "{acks:?}");
    }
}

#[test]
fn answers_that_came_in_time_are_told_by_a_shard_that_is_late() {
    let mut net = Net::new(1, 1);
    net.connect(0, 0, &["a"]);
    net.connect(0, 1, &["a"]);
    let draft = Draft::event("question").unwrap();
    let ask = Question::Ask(MAIN, room("a"), draft, Duration::from_secs(1));
    net.tell(0, Input::Gather(AckToken(1), ask));
    net.text(0, 0, "30[\"in time\"]");
    net.shards[0].now = net.shards[0].now + Duration::from_millis(2_500);
    net.tell(0, Input::Timeout);
    let [(_, Answer::Acks(acks))] = &net.shards[0].gathered[..] else {
        panic!("{:?}", net.shards[0].gathered)
    };
    assert_eq!(acks.len(), 2, "{acks:?}");
}

#[test]
fn a_join_that_is_never_answered_is_given_up_and_its_late_answer_ignored() {
    let mut net = Net::new(2, 1);
    net.enter(0, 0);
    net.enter(1, 0);
    let created = net.ask(0, 0, "create", &json!({"game": "once", "name": "0"}));
    let join = json!(["join", {"code": created["lobby"]["code"], "name": "1"}]);
    net.text(1, 0, &format!("2/lobby,1{join}"));
    net.text(1, 0, r#"2/lobby,2["chat",{"text":"x"}]"#);
    net.shards[1].wait(4_999);
    assert_eq!(net.shards[1].sent(0), [""; 0]);
    net.shards[1].wait(1);
    let sent = net.shards[1].sent(0);
    assert!(sent[0].starts_with("3/lobby,1") && sent[0].contains("E_UNAVAILABLE"), "{sent:?}");
    assert!(sent[1].starts_with("3/lobby,2") && sent[1].contains("E_NOT_IN_LOBBY"), "{sent:?}");
    net.post(1);
    net.still();
    assert_eq!(net.shards[1].sent(0), [""; 0], "the answer comes too late");
    let told = net.shards[0].sent(0).concat();
    assert!(told.contains("joined") && told.contains("dropped"), "{told}");
    let again = json!({"code": created["lobby"]["code"], "name": "1"});
    assert_eq!(net.ask(1, 0, "join", &again)["code"], "E_FULL", "the seat is kept for a while");
}

#[test]
fn an_audience_on_another_shard_hears_by_one_broadcast_and_of_the_end_by_one_list() {
    let mut net = Net::new(2, 1);
    net.enter(0, 0);
    let created = net.ask(0, 0, "create", &json!({"game": "once", "name": "0"}));
    let join = json!({"code": created["lobby"]["code"], "role": "audience"});
    for (at, number) in [(1, 0), (1, 1), (1, 2), (0, 3)] {
        net.enter(at, number);
        assert_eq!(net.ask(at, number, "join", &join)["ok"], json!(true));
    }
    let poll = json!({"question": "?", "options": ["a", "b"], "seconds": 60});
    net.ask(0, 0, "poll", &poll);
    for (at, number) in [(1, 0), (1, 1), (1, 2), (0, 3)] {
        let sent = net.shards[at].sent(number).concat();
        assert_eq!(sent.matches(r#""type":"poll""#).count(), 1, "{at} {number}: {sent}");
    }
    assert_eq!(net.ask(1, 1, "vote", &json!({"option": 1}))["ok"], json!(true));
    assert_eq!(net.ask(1, 2, "leave", &Value::Null)["ok"], json!(true));
    net.ask(0, 0, "leave", &Value::Null);
    for (at, number, is_told) in [(1, 0, true), (1, 1, true), (1, 2, false), (0, 3, true)] {
        let sent = net.shards[at].sent(number).concat();
        assert_eq!(sent.contains(r#"["closed""#), is_told, "{at} {number}: {sent}");
    }
    let own = json!({"game": "once", "name": "1"});
    assert_eq!(net.ask(1, 1, "create", &own)["ok"], json!(true), "it is free to go elsewhere");
}

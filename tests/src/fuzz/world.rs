//! Any sequence of inputs into two worlds that talk to each other. Nothing panics; every question
//! is answered once; sockets come and go in order; who is in a room agrees with which rooms it is
//! in; and when all clients have gone, nothing is left after a while.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use parlor_core::{
    World, WorldSettings,
    close::CloseReason,
    cluster::{Answer, Change, Message, Neighbours, Owners, Question},
    delivery::{Delivery, Views as _},
    effect::{DisconnectReason, Effect, Effects},
    ids::REFILL,
    input::{AckToken, Input, Scope, Target},
    key::{NamespaceKey, Origin, SessionKey, ShardId, SocketKey, Table, ViewId},
    lobby::{Games, LobbySettings},
    matchmaker::{MatchmakerSettings, queue::Queue},
    socket_io::{Dynamic, Listeners, RecoverySettings},
    time::Time,
};
use parlor_shared::{
    id::{ID_BYTES, SocketId},
    socket_io::{Draft, Frame, Offset},
};

use serde_json::json;

use super::{choices::Choices, text};

const NAMESPACES: [&str; 2] = ["/", "/a"];
const ROOMS: [&str; 3] = ["red", "blue", "green"];
const MAX_CLIENTS: usize = 8;
/// Longer than anything waits: seats, lobbies, questions.
const A_WHILE: Duration = Duration::from_secs(3600);

/// What clients say, well or badly. `#` is a digit, `$` the code of a lobby.
const TEXTS: [&str; 79] = [
    "0",
    r#"0/a,{"pid":"$"}"#,
    r##"0/a,{"pid":"$","offset":"#"}"##,
    "0/a,",
    "0/lobby,",
    "0/nope,",
    "1",
    "1/a,",
    "1/lobby,",
    r#"2["e",1]"#,
    r#"2#["e",{"a":[1,2]}]"#,
    r#"2/a,#["e"]"#,
    "3#[]",
    r#"3/a,#["answer",{}]"#,
    r#"51-["e",{"_placeholder":true,"num":0}]"#,
    r#"52-/a,#["e",{"_placeholder":true,"num":1}]"#,
    r#"61-#[{"_placeholder":true,"num":0}]"#,
    r#"2["\ud800"]"#,
    r#"2/lobby,#["create",{"game":"chess","name":"A"}]"#,
    r#"2/lobby,#["create",{"game":"circles","name":"A","visibility":"public","deltas":true}]"#,
    r#"2/lobby,#["quick",{"game":"chess","name":"Q","filter":{"free":1}}]"#,
    r#"2/lobby,#["join",{"code":"$","name":"B"}]"#,
    r#"2/lobby,#["join",{"code":"$","name":"S","role":"spectator","deltas":true}]"#,
    r#"2/lobby,#["resume",{"token":"$"}]"#,
    r#"2/lobby,#["ready",{"ready":true}]"#,
    r#"2/lobby,#["start"]"#,
    r#"2/lobby,#["action",{"type":"move","move":"e4"}]"#,
    r#"2/lobby,#["action",{"type":"steer","x":1,"y":0}]"#,
    r#"2/lobby,#["input",#,{"type":"steer","x":0,"y":1}]"#,
    r#"2/lobby,#["chat",{"text":"hello"}]"#,
    r#"2/lobby,#["typing",{"typing":true}]"#,
    r#"2/lobby,#["resync"]"#,
    r#"2/lobby,#["rematch"]"#,
    r#"2/lobby,#["list",{}]"#,
    r#"2/lobby,#["watch",{"free":1}]"#,
    r#"2/lobby,#["unwatch"]"#,
    r#"2/lobby,#["leave"]"#,
    r#"2/lobby,#["create",7]"#,
    "4{}",
    "2[]",
    "",
    r#"0/signal,"#,
    r#"2/lobby,#["create",{"game":"chess","name":"A","links":{"topology":"star","private":true}}]"#,
    r#"2/lobby,#["peer"]"#,
    r#"2/lobby,#["host",{"seat":1}]"#,
    r#"2/signal,#["join",{"token":"$"}]"#,
    r#"2/signal,#["join",{"token":"$","resume":#}]"#,
    r#"2/signal,#["leave"]"#,
    r#"2/signal,#["open",{"peer":#}]"#,
    r#"2/signal,#["close",{"link":#,"reason":"x"}]"#,
    r#"2/signal,#["report",{"links":[{"link":1,"path":"direct","switched":"probed","rtt_ms":#}]}]"#,
    r#"2/signal,#["checkpoint",{"term":#,"state":[#]}]"#,
    r#"2/signal,#["signal",{"link":1,"generation":#,"candidate":null}]"#,
    concat!(
        r#"2/signal,#["signal",{"link":1,"generation":0,"candidate":"#,
        r#"{"candidate":"candidate:1 1 udp 1 a.local 9 typ host","usernameFragment":"u"}}]"#
    ),
    r#"51-/signal,["reliable",1,{"_placeholder":true,"num":0}]"#,
    r#"51-/signal,#["volatile",#,{"_placeholder":true,"num":0}]"#,
    concat!(
        r#"2/signal,#["signal",{"link":1,"generation":0,"description":{"type":"offer","#,
        r#""sdp":"v=0\r\nm=application 9 x y\r\na=ice-ufrag:u\r\na=fingerprint:sha-256 AB\r\n"}}]"#
    ),
    concat!(
        r#"2/signal,#["signal",{"link":1,"generation":0,"description":{"type":"answer","#,
        r#""sdp":"v=0\r\nm=application 9 x y\r\na=ice-ufrag:u\r\na=fingerprint:sha-256 CD\r\n"}}]"#
    ),
    "0/matchmaking,",
    "1/matchmaking,",
    r#"2/matchmaking,#["create",{"queue":"duel","name":"A","side":#}]"#,
    concat!(
        r#"2/matchmaking,#["create",{"queue":"arena","attributes":{"level":#,"maps":["a","b"]},"#,
        r#""latencies":{"eu":#0},"key":"0123456789abcde#"}]"#
    ),
    r#"2/matchmaking,#["create",{"queue":"squads","party":true}]"#,
    r#"2/matchmaking,#["create",{"queue":"squads"}]"#,
    r#"2/matchmaking,#["create",{"queue":#}]"#,
    r#"2/matchmaking,#["ticket",{"ticket":"$"}]"#,
    r#"2/matchmaking,#["ticket"]"#,
    r#"2/matchmaking,#["cancel"]"#,
    r#"2/matchmaking,#["accept"]"#,
    r#"2/matchmaking,#["decline"]"#,
    r#"2/matchmaking,#["queues"]"#,
    r#"2/matchmaking,#["ratings",{"player":"$"}]"#,
    r#"2/matchmaking,#["party",{"token":"$"}]"#,
    r#"2/matchmaking,#["party:create",{"name":"P"}]"#,
    r#"2/matchmaking,#["party:join",{"code":"$"}]"#,
    r#"2/matchmaking,#["party:ready",{"ready":true}]"#,
    r#"2/matchmaking,#["party:leave"]"#,
    r#"2/matchmaking,#["party:kick",{"member":#}]"#,
    r#"2/matchmaking,#["party:promote",{"member":#}]"#,
];

/// What can be waited for.
fn queues() -> Vec<Arc<Queue>> {
    let wave = json!({"after_ms": 100, "tickets": 2});
    let all = json!([
        {"name": "duel", "game": "chess", "wave": wave},
        {"name": "arena", "game": "circles", "players": {"from": 2, "to": 4}, "wave": wave,
         "accept_ms": 5000, "bots_after_ms": 20_000, "rules": [
            {"kind": "difference", "attribute": "level", "within": 2,
             "grow": {"by": 1, "every_ms": 1000, "limit": 9}},
            {"kind": "overlap", "attribute": "maps"},
            {"kind": "region", "within": 50, "optional_after_ms": 5000}]},
        {"name": "squads", "game": "circles", "teams": {"count": 2, "size": 2}, "wave": wave,
         "accept_ms": 5000, "rules": [
            {"kind": "balance", "within": 100}, {"kind": "party_size", "steps": [[9000, 1]]},
            {"kind": "avoid_repeats", "last": 2, "optional_after_ms": 9000}]},
    ]);
    serde_json::from_value(all).expect("they are in order")
}

fn shard(number: u8) -> ShardId {
    ShardId { node: 0, shard: number }
}

/// A socket as its handlers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Connected,
}

/// One world, and what its driver would know.
struct Driven {
    own: ShardId,
    world: World,
    sessions: Table<SessionKey, ()>,
    sockets: BTreeMap<SocketKey, (State, NamespaceKey)>,
    /// About which the handler has decided; they may still wait for what their clients claim.
    admitted: BTreeSet<SocketKey>,
    awaited: BTreeSet<AckToken>,
    /// The sockets that a question of this very input found.
    found: Vec<(SocketId, Vec<String>)>,
    to_close: Vec<(SessionKey, CloseReason)>,
    told: VecDeque<(ShardId, Message)>,
    shown: Vec<ViewId>,
    /// Codes and tokens that clients were told.
    words: Vec<String>,
    n_ids: u64,
    n_tokens: u64,
}

/// Takes effects as they come; the world cannot be asked meanwhile.
struct Sink<'d> {
    driven: &'d mut Seen,
}

/// What one input led to, in order.
#[derive(Default)]
struct Seen(Vec<What>);

enum What {
    Sent(Vec<SessionKey>, Frame),
    Close(SessionKey, CloseReason),
    Connecting(SocketKey, SessionKey, NamespaceKey),
    Connected(SocketKey),
    Event(SocketKey),
    Answered(AckToken),
    Found(AckToken, Vec<(SocketId, Vec<String>)>),
    Tell(ShardId, Message),
    Disconnected(SocketKey),
    Abandoned(SocketKey),
    Shown(ViewId),
}

impl Effects for Sink<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        self.driven.0.push(match effect {
            Effect::Send(to, frame, _) => What::Sent(to.to_vec(), frame),
            Effect::Close(session, reason) => What::Close(session, reason),
            Effect::Connecting { socket, session, namespace, .. } => {
                What::Connecting(socket, session, namespace)
            }
            Effect::Connected(socket, ..) => What::Connected(socket),
            Effect::Event { socket, args, .. } => {
                // Whoever is told reads it.
                assert!(args.raw().count() == args.count());
                What::Event(socket)
            }
            Effect::Acked(token, _) => What::Answered(token),
            Effect::Gathered(token, Answer::Sockets(sockets), _) => {
                What::Found(token, sockets.into_iter().map(|s| (s.id, s.rooms)).collect())
            }
            Effect::Gathered(token, Answer::Acks(_) | Answer::Servers(_), _) => {
                What::Answered(token)
            }
            Effect::Tell(shard, message) => What::Tell(shard, message),
            Effect::Disconnected(socket, ..) => What::Disconnected(socket),
            Effect::Abandoned(socket) => What::Abandoned(socket),
            Effect::Show(_, view, _) => What::Shown(view),
            _ => return,
        });
    }
}

impl Driven {
    fn new(own: ShardId, all: &[ShardId]) -> Self {
        let mut games = Games::default();
        games.register::<parlor_games::Chess>("chess");
        games.register::<parlor_games::Circles>("circles");
        let world = World::new(WorldSettings {
            neighbours: Neighbours { own, all: all.to_vec(), owners: Owners::new(5) },
            namespaces: NAMESPACES.map(str::to_owned).to_vec(),
            connect_timeout: Duration::from_secs(10),
            attachments_timeout: Duration::from_secs(10),
            max_payload: 10_000,
            hash_seed: 7,
            dynamic: Dynamic::default(),
            listeners: Listeners::default(),
            recovery: RecoverySettings {
                namespaces: vec![NamespaceKey(1)],
                max_events: 20,
                max_sockets: 4,
                ..RecoverySettings::default()
            },
            lobbies: Some(LobbySettings { games, max_lobbies: 3, ..Default::default() }),
            signaling: Some(parlor_core::signaling::SignalSettings::default()),
            matchmaking: Some(MatchmakerSettings { queues: queues(), ..Default::default() }),
        });
        Self {
            own,
            world,
            sessions: Table::default(),
            sockets: BTreeMap::new(),
            admitted: BTreeSet::new(),
            awaited: BTreeSet::new(),
            found: Vec::new(),
            to_close: Vec::new(),
            told: VecDeque::new(),
            shown: Vec::new(),
            words: Vec::new(),
            n_ids: 0,
            n_tokens: 0,
        }
    }

    /// Hands in one input; what goes to other shards.
    fn input(&mut self, now: Time, input: Input<'_>) -> Vec<(ShardId, Message)> {
        if self.world.wants_ids() {
            let ids = (0..REFILL).map(|_| self.next_id()).collect();
            self.world.handle(now, Input::Ids(ids), &mut Sink { driven: &mut Seen::default() });
        }
        let mut seen = Seen::default();
        self.world.handle(now, input, &mut Sink { driven: &mut seen });
        let mut told = Vec::new();
        for what in seen.0 {
            match what {
                What::Sent(to, frame) => {
                    for session in to {
                        assert!(self.sessions.get(session).is_some(), "sent to nobody");
                    }
                    self.listen(&frame);
                }
                What::Close(session, reason) => self.to_close.push((session, reason)),
                What::Connecting(socket, session, namespace) => {
                    assert!(self.sessions.get(session).is_some());
                    let before = self.sockets.insert(socket, (State::Connecting, namespace));
                    assert_eq!(before, None);
                }
                What::Connected(socket) => {
                    let known = self.sockets.get_mut(&socket).expect("it was connecting");
                    assert_eq!(known.0, State::Connecting);
                    known.0 = State::Connected;
                }
                What::Event(socket) => {
                    assert_eq!(self.sockets[&socket].0, State::Connected);
                }
                What::Answered(token) => assert!(self.awaited.remove(&token), "answered twice"),
                What::Found(token, found) => {
                    assert!(self.awaited.remove(&token), "answered twice");
                    self.found = found;
                }
                What::Tell(shard, message) => told.push((shard, message)),
                What::Disconnected(socket) => {
                    assert_eq!(self.sockets.remove(&socket).map(|s| s.0), Some(State::Connected));
                }
                What::Abandoned(socket) => {
                    assert_eq!(self.sockets.remove(&socket).map(|s| s.0), Some(State::Connecting));
                }
                // A session may have gone before its lobby, elsewhere, has heard of that.
                What::Shown(view) => self.shown.push(view),
            }
        }
        told
    }

    fn next_id(&mut self) -> [u8; ID_BYTES] {
        self.n_ids += 1;
        let mut id = [self.own.shard; ID_BYTES];
        id[..8].copy_from_slice(&self.n_ids.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        Owners::new(5).mint(id, self.own)
    }

    fn token(&mut self) -> AckToken {
        self.n_tokens += 1;
        let token = AckToken(self.n_tokens);
        self.awaited.insert(token);
        token
    }

    /// Keeps words that may be codes or tokens.
    fn listen(&mut self, frame: &Frame) {
        for (_, packet) in frame.packets() {
            let said = text(packet);
            for name in ["\"code\":\"", "\"token\":\"", "\"pid\":\"", "\"ticket\":\""] {
                if let Some(word) = said.split(name).nth(1).and_then(|rest| rest.split('"').next())
                    && !word.starts_with("E_")
                {
                    self.words.push(word.to_owned());
                }
            }
        }
    }

    /// Looks at what is to be seen, as sessions do when they can take it.
    fn look(&mut self) {
        for view in std::mem::take(&mut self.shown) {
            let shown = self.world.frame(view, None);
            assert!(shown.is_none_or(|shown| shown.frame.packets().count() == 1));
        }
    }

    /// Whoever a room is said to hold says so too, and nobody else does.
    fn assert_rooms_agree(&mut self, now: Time) {
        for namespace in 0..NAMESPACES.len() as u32 {
            let mut ask = |rooms: &[&str]| {
                let rooms = rooms.iter().map(|room| (*room).into()).collect();
                let target = Target { rooms, local: true, ..Target::default() };
                let question = Question::Sockets(Scope::Listed(NamespaceKey(namespace)), target);
                let token = self.token();
                self.input(now, Input::Gather(token, question));
                let mut found = std::mem::take(&mut self.found);
                found.sort_unstable_by_key(|(id, _)| id.to_string());
                found
            };
            let all = ask(&[]);
            for room in ROOMS {
                let members = ask(&[room]);
                let expected: Vec<_> = all
                    .iter()
                    .filter(|(_, rooms)| rooms.iter().any(|joined| joined == room))
                    .cloned()
                    .collect();
                assert_eq!(members, expected, "{room}");
            }
        }
    }
}

/// Two shards, and the time.
struct Pair {
    now: Time,
    shards: [Driven; 2],
    /// The last codes and tokens that anybody was told.
    words: VecDeque<String>,
}

impl Pair {
    fn input(&mut self, at: usize, input: Input<'_>) {
        let told = self.shards[at].input(self.now, input);
        let own = self.shards[at].own;
        self.words.extend(self.shards[at].words.drain(..));
        self.words.drain(..self.words.len().saturating_sub(8));
        for (shard, message) in told {
            let to = self.shards.iter_mut().find(|driven| driven.own == shard);
            to.expect("one of the two").told.push_back((own, message));
        }
        for (session, reason) in std::mem::take(&mut self.shards[at].to_close) {
            self.close(at, session, reason);
        }
    }

    fn close(&mut self, at: usize, session: SessionKey, reason: CloseReason) {
        if self.shards[at].sessions.get(session).is_some() {
            self.input(at, Input::Closed(session, reason));
            self.shards[at].sessions.remove(session);
        }
    }

    /// The end of a turn: what is to be seen, and one message from the other shard.
    fn turn(&mut self, at: usize) {
        self.shards[at].look();
        let own = self.shards[at].own;
        for (shard, message) in self.shards[at].world.take_views() {
            let to = self.shards.iter_mut().find(|driven| driven.own == shard);
            to.expect("one of the two").told.push_back((own, message));
        }
        if let Some((from, message)) = self.shards[at].told.pop_front() {
            self.input(at, Input::Told(from, message));
        }
    }

    /// Until nobody has anything to tell the other.
    fn settle(&mut self) {
        for n_turns in 0.. {
            assert!(n_turns < 100_000, "they talk for ever");
            self.turn(0);
            self.turn(1);
            if self.shards.iter().all(|driven| driven.told.is_empty() && driven.shown.is_empty()) {
                return;
            }
        }
    }

    /// Lets time pass, deadline by deadline if there are few.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        for n_fired in 0.. {
            assert!(n_fired < 100_000, "deadlines do not get on");
            let next = self.shards.iter().filter_map(|driven| driven.world.deadline()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for at in [0, 1] {
                if self.shards[at].world.deadline().is_some_and(|at| at <= self.now) {
                    self.input(at, Input::Timeout);
                }
            }
            self.settle();
        }
        self.now = end;
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let at = choices.below(2);
        let kind = choices.below(20);
        let sessions = self.shards[at].sessions.keys();
        let session = choices.one_of(&sessions);
        let sockets: Vec<SocketKey> = self.shards[at].sockets.keys().copied().collect();
        let socket = choices.one_of(&sockets);
        match kind {
            0 if sessions.len() < MAX_CLIENTS => {
                let session = self.shards[at].sessions.insert(());
                self.input(at, Input::Opened(session, Origin::default()));
            }
            0..=7 => {
                let Some(session) = session else { return };
                let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
                let word = choices.one_of(&words).unwrap_or_default().to_owned();
                let said = choices.one_of(&TEXTS).expect("there are some");
                let digit = choices.below(10).to_string();
                let said = said.replace('#', &digit).replace('$', &word);
                self.input(at, Input::Text(session, &said));
            }
            8 => {
                let Some(session) = session else { return };
                self.input(at, Input::Text(session, text(choices.bytes())));
            }
            9 => {
                let Some(session) = session else { return };
                self.input(at, Input::Bytes(session, choices.bytes()));
            }
            10 => {
                let Some(session) = session else { return };
                self.close(at, session, CloseReason::ALL[choices.below(CloseReason::ALL.len())]);
            }
            11 => {
                let Some(socket) = socket else { return };
                if choices.below(4) > 0 {
                    self.shards[at].admitted.insert(socket);
                    return self.input(at, Input::Admit(socket));
                }
                // Whoever refuses needs not be told that it is no more.
                let Driven { sockets, admitted, .. } = &mut self.shards[at];
                let is_decided = admitted.contains(&socket);
                if sockets[&socket].0 == State::Connecting && !is_decided {
                    sockets.remove(&socket);
                }
                self.input(at, Input::Refuse(socket, "no".to_owned(), Some("[1]".to_owned())));
            }
            12 => {
                let (namespace, target) = aim(choices, socket);
                let frame = Frame::message_text(r#"2["said",1]"#);
                let delivery = match choices.below(3) {
                    0 => Delivery::Reliable,
                    1 => {
                        let number = u64::from(choices.byte() % 10);
                        Delivery::Recoverable(Offset::new(self.shards[at].own.sender(), number))
                    }
                    _ => Delivery::Volatile { key: 1 },
                };
                self.input(at, Input::Emit(namespace, target, frame, delivery));
            }
            13 => {
                let Some(socket) = socket else { return };
                let timeout = Duration::from_millis(u64::from(choices.byte()) * 10);
                let token = self.shards[at].token();
                // Who is asked always answers, or its time is up: nobody waits for ever.
                self.input(at, Input::Ask(socket, draft(), token, Some(timeout)));
            }
            14 => {
                let (namespace, target) = aim(choices, socket);
                let room = ROOMS[choices.below(3)].to_owned();
                let change = match choices.below(5) {
                    0 | 1 => Change::Join(vec![room]),
                    2 | 3 => Change::Leave(vec![room]),
                    _ => Change::Disconnect(choices.below(2) == 0),
                };
                self.input(at, Input::Change(namespace, target, change));
            }
            15 => {
                let (namespace, target) = aim(choices, socket);
                let question = match choices.below(2) {
                    0 => Question::Sockets(namespace, target),
                    _ => Question::Ask(namespace, target, draft(), Duration::from_millis(300)),
                };
                let token = self.shards[at].token();
                self.input(at, Input::Gather(token, question));
            }
            16 => {
                let Some(socket) = socket else { return };
                let room = ROOMS[choices.below(3)].to_owned();
                self.input(
                    at,
                    match choices.below(2) {
                        0 => Input::Join(socket, room),
                        _ => Input::Leave(socket, room),
                    },
                );
            }
            17 => {
                let Some(socket) = socket else { return };
                let reason = DisconnectReason::HandlerFailed;
                self.input(at, Input::Disconnect(socket, choices.below(2) == 0, reason));
            }
            18 => self.turn(at),
            _ => self.pass(Duration::from_millis(1 << choices.below(15))),
        }
    }
}

fn draft() -> Draft {
    let mut draft = Draft::event("question").expect("not reserved");
    draft.arg(&1).expect("a number");
    draft
}

/// Somebody, or some, or all.
fn aim(choices: &mut Choices<'_>, socket: Option<SocketKey>) -> (Scope, Target) {
    let namespace = Scope::Listed(NamespaceKey(choices.below(NAMESPACES.len()) as u32));
    let bits = choices.byte();
    let rooms = |bits: u8| (0..3).filter(|i| bits >> i & 1 == 1).map(|i| ROOMS[i].into()).collect();
    let target = Target {
        socket: socket.filter(|_| bits & 0xc0 == 0xc0),
        rooms: rooms(bits),
        except: rooms(bits >> 3),
        except_socket: socket.filter(|_| bits & 0xc0 == 0x80),
        local: bits & 0xc0 == 0x40,
    };
    (namespace, target)
}

pub(super) fn world(data: &[u8]) {
    let all = [shard(0), shard(1)];
    let shards = all.map(|own| Driven::new(own, &all));
    let mut pair = Pair { now: Time::ZERO, shards, words: VecDeque::new() };
    let mut choices = Choices::new(data);
    for n_steps in 1..=400 {
        if choices.is_over() {
            break;
        }
        pair.step(&mut choices);
        if n_steps % 32 == 0 {
            let now = pair.now;
            pair.shards.iter_mut().for_each(|driven| driven.assert_rooms_agree(now));
        }
    }
    let now = pair.now;
    pair.shards.iter_mut().for_each(|driven| driven.assert_rooms_agree(now));
    for at in [0, 1] {
        for session in pair.shards[at].sessions.keys() {
            pair.close(at, session, CloseReason::TransportClose);
        }
    }
    pair.settle();
    pair.pass(A_WHILE);
    for driven in &pair.shards {
        assert!(driven.sockets.is_empty(), "sockets are left");
        assert!(driven.awaited.is_empty(), "questions are left");
        assert!(driven.world.is_empty(), "something is left");
        assert_eq!(driven.world.deadline(), None, "it waits for something");
    }
}

/// A world with a few clients, to be told whatever may come.
pub(super) struct Lone {
    now: Time,
    driven: Driven,
}

impl Lone {
    pub(super) fn with_clients() -> Self {
        let mut driven = Driven::new(shard(0), &[shard(0), shard(1)]);
        let now = Time::ZERO;
        let text = |start: &str| {
            let text = TEXTS.iter().find(|text| text.starts_with(start));
            *text.expect("there is such a text")
        };
        let chess = text(r#"2/lobby,#["create",{"game":"chess""#);
        let circles = text(r#"2/lobby,#["create",{"game":"circles""#);
        let duel = text(r#"2/matchmaking,#["create",{"queue":"duel""#);
        let party = text(r#"2/matchmaking,#["party:create""#);
        for texts in [
            &["0", "0/lobby,", chess][..],
            &["0", "0/a,"],
            &["0/lobby,", circles],
            &["0/matchmaking,", party, duel],
            &["0/lobby,", "0/matchmaking,", duel],
        ] {
            let session = driven.sessions.insert(());
            driven.input(now, Input::Opened(session, Origin::default()));
            for said in texts {
                let said = said.replace('#', "1");
                driven.input(now, Input::Text(session, &said));
                let connecting: Vec<_> = driven.sockets.keys().copied().collect();
                for socket in connecting {
                    driven.input(now, Input::Admit(socket));
                    driven.input(now, Input::Join(socket, ROOMS[0].to_owned()));
                }
            }
        }
        Self { now, driven }
    }

    pub(super) fn told(&mut self, from: ShardId, message: Message) {
        self.driven.input(self.now, Input::Told(from, message));
    }

    /// What comes of it later, it is not harmed by.
    pub(super) fn live_on(&mut self) {
        self.driven.look();
        let _ = self.driven.world.take_views();
        self.driven.assert_rooms_agree(self.now);
        for _ in 0..20 {
            let Some(next) = self.driven.world.deadline() else { break };
            self.now = self.now.max(next);
            self.driven.input(self.now, Input::Timeout);
            for (session, reason) in std::mem::take(&mut self.driven.to_close) {
                self.driven.input(self.now, Input::Closed(session, reason));
            }
            self.driven.look();
        }
    }
}

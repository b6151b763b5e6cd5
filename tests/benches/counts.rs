//! Instructions per hot step of an input's journey, as valgrind counts them: the same on a busy
//! machine as on a quiet one. What they may be stands in `counts.json`, compared by `counts.py`.
//! Nanoseconds are `src/bin/steps.rs`'s part.

#![expect(clippy::exit, unused_qualifications, reason = "gungraun's macros write them")]

use std::{hint::black_box, sync::Arc, time::Duration};

use gungraun::{library_benchmark, library_benchmark_group, main};
use parlor_core::{
    World, WorldSettings,
    cluster::Neighbours,
    delivery::{Delivery, NoViews, Views as _},
    effect::{Effect, Effects},
    engine_io::{Session, SessionEffect, SessionInput, Settings, Transport},
    input::{Input, Target},
    key::{Key as _, NamespaceKey, Origin, SessionKey, SocketKey, ViewId},
    lobby::{Games, LobbySettings, Policy},
    socket_io::RecoverySettings,
    time::Time,
};
use parlor_shared::{
    engine_io, socket_io,
    socket_io::{Draft, Sender},
    websocket::{Decoder, Limits, Message, Opcode, Role, write_masked_frame},
};

/// Steps that are counted at once.
const N: u32 = 100;
/// Sockets in a room.
const N_SOCKETS: u32 = 1000;
const INPUT: &str = r#"42["in",{"s":1000001,"x":142.143,"y":857.857,"b":5,"k":"wa"}]"#;

#[derive(serde::Deserialize)]
struct Steering {
    s: u64,
    x: f64,
    y: f64,
    b: u8,
    k: String,
}

/// A connection's decoder and what has been read of it.
fn masked(text: &str) -> (Decoder, Vec<u8>) {
    let mut wire = Vec::new();
    for i in 0..N {
        write_masked_frame(&mut wire, Opcode::Text, text.as_bytes(), (i + 7).to_le_bytes());
    }
    let limits = Limits { max_message_bytes: 1_000_000, max_fragments: 16 };
    (Decoder::new(Role::Server, limits), wire)
}

// From masked WebSocket bytes to a typed argument.
#[library_benchmark]
#[bench::input(masked(INPUT))]
fn decode((mut decoder, mut wire): (Decoder, Vec<u8>)) -> u32 {
    let mut n = 0;
    let mut data = wire.as_mut_slice();
    while let Ok(Some(Message::Text(text))) = decoder.next(&mut data) {
        let engine_io::Packet::Text(text) = engine_io::Packet::decode(&text).expect("a packet")
        else {
            panic!("a message")
        };
        let packet = socket_io::Packet::decode(text, Sender::Client).expect("an event");
        let args = packet.args(&[]);
        assert!(args.name() == "in");
        let steering: Steering = args.get(0).expect("steering");
        black_box((steering.s, steering.x, steering.y, steering.b, steering.k));
        n += 1;
    }
    assert_eq!(n, N);
    n
}

/// A world and what it wants: who connects, what is sent, which views are to be shown.
struct Rig {
    world: World,
    now: Time,
    log: Log,
    sessions: Vec<Session>,
    sockets: Vec<SocketKey>,
    told: Vec<SessionEffect>,
}

#[derive(Default)]
struct Log {
    connecting: Vec<SocketKey>,
    sent: Vec<(SessionKey, socket_io::Frame, Delivery)>,
    views: Vec<ViewId>,
    asked: Vec<(SocketKey, u64, String)>,
}

impl Effects for Log {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Connecting { socket, .. } => self.connecting.push(socket),
            Effect::Send(to, frame, delivery) => {
                self.sent.extend(to.iter().map(|to| (*to, frame.clone(), delivery)));
            }
            Effect::Show(_, view, _) => self.views.push(view),
            Effect::Event { socket, args, ack: Some(id), .. } if args.name() == "echo" => {
                self.asked.push((socket, id, args.get(0).expect("a string")));
            }
            _ => {}
        }
    }
}

impl Rig {
    /// This many sessions, of which each has sent the packet `connect`.
    fn new(n_sessions: u32, connect: &str) -> Self {
        let mut games = Games::default();
        games.register::<parlor_games::Circles>("circles");
        let lobbies = LobbySettings {
            games,
            max_lobbies: 10,
            policy: Policy::without_countdown().into(),
            ..Default::default()
        };
        let world = World::new(WorldSettings {
            neighbours: Neighbours::alone(1),
            namespaces: vec!["/".to_owned()],
            dynamic: Default::default(),
            listeners: Default::default(),
            connect_timeout: Duration::from_secs(10),
            attachments_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            hash_seed: 1,
            recovery: RecoverySettings::default(),
            lobbies: Some(lobbies),
            signaling: Some(parlor_core::signaling::SignalSettings::default()),
            matchmaking: None,
        });
        let mut rig = Self {
            world,
            now: Time::ZERO,
            log: Log::default(),
            sessions: Vec::new(),
            sockets: Vec::new(),
            told: Vec::new(),
        };
        let settings = Arc::new(Settings::default());
        for i in 0..n_sessions {
            let (transport, settings) = (Transport::WebSocket, Arc::clone(&settings));
            rig.sessions.push(Session::open(Time::ZERO, transport, "0{}", settings));
            rig.input(Input::Opened(SessionKey::new(i, 0), Origin::default()));
            rig.text(i, connect);
            for socket in std::mem::take(&mut rig.log.connecting) {
                rig.input(Input::Admit(socket));
                rig.sockets.push(socket);
            }
            rig.write();
        }
        rig
    }

    fn text(&mut self, session: u32, text: &str) {
        self.input(Input::Text(SessionKey::new(session, 0), text));
    }

    fn input(&mut self, input: Input<'_>) {
        if self.world.wants_ids() {
            let ids = (0..8u8).map(|id| [id.wrapping_add(self.sessions.len() as u8); 18]);
            self.world.handle(self.now, Input::Ids(ids.collect()), &mut self.log);
        }
        self.world.handle(self.now, input, &mut self.log);
    }

    /// What was sent goes through the sessions onto sockets that take everything.
    fn write(&mut self) -> usize {
        let mut n_bytes = 0;
        for (key, frame, delivery) in self.log.sent.drain(..) {
            let session = &mut self.sessions[key.parts().0 as usize];
            session.handle(self.now, SessionInput::Send(frame, delivery), &mut self.told);
            // As a shard does: nearly always there is one chunk.
            let n = match session.only_chunk() {
                Some(chunk) => chunk.len(),
                None => session.poll_transmit(&mut NoViews).map(<[u8]>::len).sum(),
            };
            session.written(self.now, n);
            n_bytes += n;
        }
        self.told.clear();
        n_bytes
    }
}

/// A match of four has begun and its first state is made, a key if they want deltas; a tick is due.
fn circles(deltas: bool) -> (Rig, ViewId, Option<u64>) {
    let mut rig = Rig::new(4, "0/lobby,");
    let create = format!(r#"["create",{{"game":"circles","name":"a","deltas":{deltas}}}]"#);
    rig.text(0, &format!("2/lobby,1{create}"));
    let sent = rig.log.sent.iter().map(|(_, frame, _)| String::from_utf8_lossy(frame.wire()));
    let created = sent.last().expect("an answer").into_owned();
    let code = created.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let code = code.expect("the lobby's code").to_owned();
    for i in 1..4 {
        let join = format!(r#"["join",{{"code":"{code}","name":"p{i}","deltas":{deltas}}}]"#);
        rig.text(i, &format!("2/lobby,1{join}"));
    }
    for i in 0..4 {
        rig.text(i, r#"2/lobby,2["ready",{"ready":true}]"#);
    }
    rig.text(0, r#"2/lobby,3["start"]"#);
    let view = rig.log.views.last().copied().expect("a match has begun");
    for i in 0..4 {
        let steer = r#"["action",{"type":"steer","x":0.6,"y":-0.8}]"#;
        rig.text(i, &format!("2/lobby,4{steer}"));
    }
    rig.log.sent.clear();
    rig.tick();
    let base = rig.world.frame(view, None).expect("a state").key;
    (rig, view, base)
}

impl Rig {
    fn tick(&mut self) {
        self.now = self.world.deadline().expect("a match ticks");
        self.input(Input::Timeout);
        self.log.views.clear();
    }
}

// A match of four steps, and its view is encoded whole.
#[library_benchmark]
#[bench::four_seats(circles(false))]
fn whole((mut rig, view, _): (Rig, ViewId, Option<u64>)) -> Rig {
    for _ in 0..N {
        rig.tick();
        black_box(rig.world.frame(view, None).expect("a state"));
    }
    rig
}

// A match of four steps, and what changed since the key is encoded.
#[library_benchmark]
#[bench::four_seats(circles(true))]
fn delta((mut rig, view, mut base): (Rig, ViewId, Option<u64>)) -> Rig {
    for _ in 0..N {
        rig.tick();
        let shown = rig.world.frame(view, base).expect("a state");
        base = shown.key.or(base);
        black_box(shown);
    }
    rig
}

// Somebody speaks to a room of a thousand, and every socket is written to.
#[library_benchmark]
#[bench::room(room())]
fn fan_out((mut rig, frame): (Rig, socket_io::Frame)) -> Rig {
    let target = Target { rooms: ["r".into()].into(), ..Target::default() };
    let delivery = Delivery::Volatile { key: 1 };
    rig.input(Input::Emit(NamespaceKey(0).into(), target, frame, delivery));
    assert!(rig.write() > 200 * N_SOCKETS as usize);
    rig
}

fn room() -> (Rig, socket_io::Frame) {
    let mut rig = Rig::new(N_SOCKETS, "0");
    for socket in rig.sockets.clone() {
        rig.input(Input::Join(socket, "r".to_owned()));
    }
    let mut draft = Draft::event("s").expect("a fine name");
    draft.arg(&"x".repeat(190)).expect("JSON");
    (rig, draft.into_event("/", None).expect("no attachments"))
}

// An event that wants an answer comes in, and the answer goes out.
#[library_benchmark]
#[bench::echo(echo())]
fn ack((mut rig, mut decoder, mut wire): (Rig, Decoder, Vec<u8>)) -> Rig {
    let mut data = wire.as_mut_slice();
    while let Ok(Some(Message::Text(text))) = decoder.next(&mut data) {
        let packet = engine_io::Packet::decode(&text).expect("a packet");
        let input = SessionInput::Packet(&packet);
        rig.sessions[0].handle(rig.now, input, &mut rig.told);
        if let engine_io::Packet::Text(text) = packet {
            rig.text(0, text);
        }
        let (socket, id, text) = rig.log.asked.pop().expect("a question");
        let mut draft = Draft::ack();
        draft.arg(&text).expect("JSON");
        let frame = draft.into_ack("/", id).expect("no attachments");
        let target = Target::socket(socket);
        rig.input(Input::Emit(NamespaceKey(0).into(), target, frame, Delivery::Reliable));
        assert!(rig.write() > 32);
    }
    rig
}

fn echo() -> (Rig, Decoder, Vec<u8>) {
    let (decoder, wire) = masked(r#"4277["echo","0123456789abcdef0123456789abcdef"]"#);
    (Rig::new(1, "0"), decoder, wire)
}

library_benchmark_group!(name = steps, benchmarks = [decode, whole, delta, fan_out, ack]);
main!(library_benchmark_groups = steps);

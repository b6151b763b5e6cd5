//! Nanoseconds per step of an input's journey, one number a step, on one core of this machine.
//! Figures are the best of several rounds; side-by-side figures with other servers are not taken
//! here but by the bench of the whole server.

use std::{hint::black_box, io::Write as _, sync::Arc, time::Instant};

use anyhow::Result;
use parlor_core::{
    World, WorldSettings,
    cluster::Neighbours,
    delivery::{Delivery, NoViews},
    effect::{Effect, Effects},
    engine_io::{Session, SessionInput, Settings, Transport},
    input::{Input, Target},
    key::{Key as _, NamespaceKey, Origin, SessionKey, SocketKey},
    socket_io::RecoverySettings,
    time::Time,
};
use parlor_shared::{
    socket_io::{Draft, Frame, Packet, Sender, json},
    websocket::{Decoder, Limits, Opcode, Role, write_masked_frame},
};

const INPUT: &str = r#"2["in",{"s":1000001,"x":142.143,"y":857.857,"b":5,"k":"wa"}]"#;

fn main() -> Result<()> {
    let mut out = std::io::stdout();
    let mut row = |name: &str, nanoseconds: f64| writeln!(out, "{name:<58} {nanoseconds:>8.0} ns");
    row("WebSocket frame of 62 bytes decoded", frame_decoded())?;
    row("its JSON checked", per_step(|| black_box(json::check(black_box(&INPUT[1..])).is_ok())))?;
    row("Socket.IO packet decoded, JSON checked", packet_decoded())?;
    row("world: event from text to handler", world_event())?;
    row("event of 200 bytes encoded", per_step(|| black_box(state_frame()).wire().len()))?;
    row("session: frame sent and written", session_send())?;
    row("world: broadcast, per socket of 1000", world_broadcast())?;
    Ok(())
}

/// The best of 5 rounds of at least 20 ms each.
fn per_step<T>(mut step: impl FnMut() -> T) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let (start, mut n) = (Instant::now(), 0u32);
        while start.elapsed().as_millis() < 20 {
            for _ in 0..100 {
                black_box(step());
            }
            n += 100;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(n));
    }
    best
}

fn frame_decoded() -> f64 {
    let mut wire = Vec::new();
    write_masked_frame(&mut wire, Opcode::Text, INPUT.as_bytes(), [1, 2, 3, 4]);
    let limits = Limits { max_message_bytes: 1_000_000, max_fragments: 16 };
    let mut decoder = Decoder::new(Role::Server, limits);
    let mut buffer = wire.clone();
    per_step(|| {
        buffer.copy_from_slice(&wire);
        let mut data = buffer.as_mut_slice();
        decoder.next(&mut data).is_ok_and(|message| message.is_some())
    })
}

fn packet_decoded() -> f64 {
    per_step(|| Packet::decode(black_box(INPUT), Sender::Client).is_ok())
}

fn state_frame() -> Frame {
    #[derive(serde::Serialize)]
    struct State {
        n: u64,
        t: u64,
        l: u32,
        p: &'static str,
    }
    let p = "a filler of about as many bytes as a small game has to say of its state each tick, \
             so that the whole packet is 200 bytes long, give or take a few more";
    let mut draft = Draft::event("s").expect("a fine name");
    draft.arg(&State { n: 1, t: 1_700_000_000_000_000, l: 12, p }).expect("JSON");
    draft.into_event("/", None).expect("no attachments")
}

fn session_send() -> f64 {
    let settings = Arc::new(Settings::default());
    let mut session = Session::open(Time::ZERO, Transport::WebSocket, "0{}", settings);
    let frame = state_frame();
    let mut effects = Vec::new();
    per_step(|| {
        let input = SessionInput::Send(frame.clone(), Delivery::Reliable);
        session.handle(Time::ZERO, input, &mut effects);
        let n = session.poll_transmit(&mut NoViews).map(<[u8]>::len).sum();
        session.written(Time::ZERO, n);
        n
    })
}

/// Counts effects, and remembers who connects.
#[derive(Default)]
struct Sink {
    n: usize,
    connecting: Vec<SocketKey>,
}

impl Effects for Sink {
    fn push(&mut self, effect: Effect<'_>) {
        self.n += 1;
        if let Effect::Connecting { socket, .. } = effect {
            self.connecting.push(socket);
        }
    }
}

fn world(n_clients: u32) -> (World, Sink) {
    let mut world = World::new(WorldSettings {
        neighbours: Neighbours::alone(1),
        namespaces: vec!["/".to_owned()],
        dynamic: Default::default(),
        listeners: Default::default(),
        connect_timeout: std::time::Duration::from_secs(10),
        attachments_timeout: std::time::Duration::from_secs(10),
        max_payload: 1_000_000,
        hash_seed: 1,
        recovery: RecoverySettings::default(),
        lobbies: None,
        signaling: None,
        matchmaking: None,
    });
    let mut sink = Sink::default();
    for i in 0..n_clients {
        let ids = (0..8u8).map(|id| {
            let mut bytes = [id; 18];
            bytes[..4].copy_from_slice(&i.to_le_bytes());
            bytes
        });
        world.handle(Time::ZERO, Input::Ids(ids.collect()), &mut sink);
        let session = SessionKey::new(i, 0);
        world.handle(Time::ZERO, Input::Opened(session, Origin::default()), &mut sink);
        world.handle(Time::ZERO, Input::Text(session, "0"), &mut sink);
        for socket in std::mem::take(&mut sink.connecting) {
            world.handle(Time::ZERO, Input::Admit(socket), &mut sink);
        }
    }
    (world, sink)
}

fn world_event() -> f64 {
    let (mut world, mut sink) = world(1000);
    let mut i = 0;
    per_step(|| {
        i = (i + 1) % 1000;
        world.handle(Time::ZERO, Input::Text(SessionKey::new(i, 0), INPUT), &mut sink);
        sink.n
    })
}

fn world_broadcast() -> f64 {
    let (mut world, mut sink) = world(1000);
    let frame = state_frame();
    let all = per_step(|| {
        let (to, delivery) = (Target::default(), Delivery::Volatile { key: 1 });
        world.handle(
            Time::ZERO,
            Input::Emit(NamespaceKey(0).into(), to, frame.clone(), delivery),
            &mut sink,
        );
        sink.n
    });
    all / 1000.0
}

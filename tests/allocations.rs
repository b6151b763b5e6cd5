//! What a server allocates per message once it has warmed up: a frame for each thing that is said,
//! however many get it, and nothing for what is heard.
//! The whole process is counted: server threads and all. The clients here allocate nothing.
//! Beside it: what lobbies keep.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "allocations/lobbies.rs"]
mod lobbies;

use std::{
    alloc::System,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parlor_server::{Config, Running, Server};
use parlor_shared::websocket::{Opcode, write_masked_frame};
use parlor_tests::harness::{DEADLINE, WebSocket};
use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// All of the process is counted, so there is one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

const CLIENTS: usize = 50;
const ROUNDS: usize = 500;
/// A frame: its bytes, and the count of those who share it.
const PER_FRAME: usize = 2;
/// Not of messages: timers, metrics, another thread.
const SLACK: usize = ROUNDS / 20;

#[derive(Serialize)]
struct State {
    n: u32,
    filler: &'static str,
}

/// A client that is done with its handshakes: what it writes and reads has a known length.
struct Client(TcpStream);

impl Client {
    fn join(server: &Running) -> Self {
        let (stream, _, rest) = WebSocket::join(server.address()).unwrap().into_parts();
        assert!(rest.is_empty());
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    fn say(&mut self, frame: &[u8]) {
        self.0.write_all(frame).unwrap();
    }

    fn hear(&mut self, n_bytes: usize) {
        let mut buffer = [0; 512];
        self.0.read_exact(&mut buffer[..n_bytes]).unwrap();
    }
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    write_masked_frame(&mut frame, Opcode::Text, text.as_bytes(), [1, 2, 3, 4]);
    frame
}

/// Bytes on the wire of a server's frame with this text.
fn length(text: &str) -> usize {
    text.len() + if text.len() < 126 { 2 } else { 4 }
}

/// Allocations of so many rounds, after as many that are not counted.
fn count(mut round: impl FnMut()) -> usize {
    (0..ROUNDS).for_each(|_| round());
    let region = Region::new(COUNTED);
    (0..ROUNDS).for_each(|_| round());
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn what_is_heard_costs_no_allocation_and_what_is_said_one_frame_for_all() {
    let _alone = ALONE.lock().unwrap();
    let filler = "state of a small game, over and over, so that it is about two hundred bytes \
                  long: state of a small game, over and over, and a few more bytes";
    let heard = Arc::new(AtomicUsize::new(0));
    let mut config = Config::default();
    config.server.shards = 1;
    // One client says what many would: it is counted, and never too much.
    config.limits.max_messages_per_second = 1_000_000;
    let mut server = Server::new(config);
    let count_inputs = Arc::clone(&heard);
    server
        .namespace("/")
        .on_typed("in", move |_, (_, _, _): (f64, f64, f64)| {
            count_inputs.fetch_add(1, Relaxed);
        })
        .on("echo", |cx, args| cx.ack(args))
        .on_connect(|cx| cx.join("all"))
        .on("tick", move |cx, _| {
            cx.everyone().to("all").volatile().emit("s", (State { n: 1, filler },));
        });
    let running = server.start("127.0.0.1:0").unwrap();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::join(&running)).collect();

    let echo = frame(r#"421["echo","0123456789"]"#);
    let answer = length(r#"431["0123456789"]"#);
    let echoes = count(|| {
        clients[0].say(&echo);
        clients[0].hear(answer);
    });
    assert!(echoes <= ROUNDS * PER_FRAME + SLACK, "{echoes} allocations for {ROUNDS} echoes");

    // What comes with an echo has been handled when its answer is here.
    let mut inputs = Vec::new();
    for _ in 0..20 {
        inputs.extend(frame(r#"42["in",1000001,142.143,857.857]"#));
    }
    inputs.extend(&echo);
    let with_inputs = count(|| {
        clients[1].say(&inputs);
        clients[1].hear(answer);
    });
    assert_eq!(heard.load(Relaxed), 2 * ROUNDS * 20);
    assert!(with_inputs <= echoes + SLACK, "{with_inputs} allocations with 20 inputs to each echo");

    let tick = frame(r#"42["tick"]"#);
    let state = length(&format!(r#"42["s",{{"n":1,"filler":"{filler}"}}]"#));
    let ticks = count(|| {
        clients[0].say(&tick);
        clients.iter_mut().for_each(|client| client.hear(state));
    });
    assert!(
        ticks <= ROUNDS * PER_FRAME + SLACK,
        "{ticks} allocations for {ROUNDS} states, each to {CLIENTS} clients"
    );
    println!("{ROUNDS} echoes: {echoes}; with 20 inputs each: {with_inputs}; states: {ticks}");
    running.stop();
    running.wait().unwrap();
}

//! What clients say while their shard is busy waits in the kernel, and is read when it has time.

use std::{
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parlor_server::Config;
use parlor_tests::harness::WebSocket;

use super::{Hold, start, start_with, wait_for_metric};

/// Each has its turn.
const N_CLIENTS: usize = 40;
/// Little, and more than is read at once.
const SIZES: [usize; 5] = [1, 4_000, 4_200, 8_192, 70_000];

#[test]
fn what_many_said_to_a_busy_shard_is_heard_whole_and_in_order() {
    let n_heard = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&n_heard);
    let mut config = Config::default();
    config.server.shards = 1;
    let (running, hold) = start_with(config, |server| {
        server.namespace("/").on("echo", move |cx, args| {
            heard.fetch_add(1, Ordering::SeqCst);
            cx.ack(args);
        });
        Hold::serve(server)
    });
    let server = running.address();
    let mut holder = WebSocket::join(server).unwrap();
    let mut clients: Vec<WebSocket> =
        (0..N_CLIENTS).map(|_| WebSocket::join(server).unwrap()).collect();
    hold.begin(&mut holder);

    let says = |i: usize| {
        ["a".to_owned(), "b".repeat(SIZES[i % SIZES.len()]), "c".to_owned()].into_iter().enumerate()
    };
    for (i, client) in clients.iter_mut().enumerate() {
        for (id, text) in says(i) {
            client.send(&format!(r#"42{id}["echo","{text}"]"#)).unwrap();
        }
    }
    // Every third has nothing to say after that: its end lies behind its words.
    let mut finished = Vec::new();
    let mut talking = Vec::new();
    for (i, client) in clients.into_iter().enumerate() {
        if i % 3 == 0 {
            let (stream, ..) = client.into_parts();
            stream.shutdown(Shutdown::Write).unwrap();
            finished.push(stream);
        } else {
            talking.push((i, client));
        }
    }
    hold.release();
    for (i, client) in &mut talking {
        for (id, text) in says(*i) {
            assert_eq!(client.text().unwrap(), format!(r#"43{id}["{text}"]"#));
        }
    }
    let n_left = talking.len() + 1;
    wait_for_metric(server, &format!(r#"parlor_sessions{{transport="websocket"}} {n_left}"#));
    assert_eq!(n_heard.load(Ordering::SeqCst), N_CLIENTS * 3);
}

/// The bug: a client that had read everything was cut as a slow reader for what one call of a
/// handler sent it.
#[test]
fn a_long_history_in_several_events_is_no_sign_of_a_slow_reader() {
    for is_recoverable in [false, true] {
        let running = start(Config::default(), |server| {
            let namespace = server.namespace("/").on("history", |cx, _| {
                let text = "x".repeat(600_000);
                (0..6).for_each(|n| cx.emit("part", (n, &text)));
            });
            if is_recoverable {
                namespace.recoverable();
            }
        });
        let mut socket = WebSocket::join(running.address()).unwrap();
        for _ in 0..2 {
            socket.send(r#"42["history"]"#).unwrap();
            for n in 0..6 {
                let text = socket.text().unwrap();
                assert!(text.starts_with(&format!(r#"42["part",{n},"xxx"#)), "{}", &text[..40]);
            }
        }
    }
}

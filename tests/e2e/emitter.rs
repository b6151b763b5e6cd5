//! What comes to sockets from no handler of theirs: emitters on other threads, and functions
//! called once per period.

use std::sync::{Arc, Barrier};

use parlor_server::{EmitError, ShardContext};

use super::*;

#[test]
fn four_threads_emit_each_in_its_own_order() {
    const EACH: usize = 2_000;
    let mut server = Server::default();
    server.namespace("/").on("join", |cx, _| {
        cx.join("room");
        cx.ack(());
    });
    let early = server.emitter();
    assert!(matches!(early.namespace("/").emit("e", ()), Err(EmitError::NotRunning)));
    let running = server.start("127.0.0.1:0").unwrap();
    let emitter = running.emitter();
    let unknown = emitter.namespace("/nowhere").emit("e", ());
    assert!(matches!(unknown, Err(EmitError::UnknownNamespace)));
    let reserved = early.namespace("/").emit("connect", ());
    assert!(matches!(reserved, Err(EmitError::Encode(_))));
    let mut outside = WebSocket::join(running.address()).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"421["join"]"#).unwrap();
    assert_eq!(socket.text().unwrap(), "431[]");
    let begin = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (emitter, begin) = (emitter.clone(), Arc::clone(&begin));
            std::thread::spawn(move || {
                begin.wait();
                for i in 0..EACH {
                    emitter.namespace("/").to("room").emit("n", (thread, i)).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; 4];
    for _ in 0..4 * EACH {
        let text = socket.text().unwrap();
        let args = text.strip_prefix(r#"42["n","#).unwrap().strip_suffix(']').unwrap();
        let (thread, i) = args.split_once(',').unwrap();
        let next = &mut next[thread.parse::<usize>().unwrap()];
        assert_eq!(i.parse::<usize>().unwrap(), *next, "thread {thread}");
        *next += 1;
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    emitter.namespace("/").except("room").emit("others", ()).unwrap();
    assert_eq!(outside.text().unwrap(), r#"42["others"]"#);
    running.stop();
    running.wait().unwrap();
    assert!(matches!(emitter.namespace("/").emit("e", ()), Err(EmitError::NotRunning)));
}

/// Emits when it was due, in microseconds, and how many calls were left out before.
fn tick(cx: &mut ShardContext<'_>) {
    let (due, n_skipped) = (cx.due().as_micros() as u64, cx.n_skipped());
    assert!(cx.late() <= PERIOD, "later ones are skipped");
    cx.namespace("/").emit("tick", (due, n_skipped, ()));
}

const PERIOD: Duration = Duration::from_millis(10);

fn ticks(socket: &mut WebSocket, n: usize) -> Vec<(u64, u64)> {
    let read = |text: String| {
        let args = text.strip_prefix(r#"42["tick","#).unwrap();
        let mut numbers = args.split(',').map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap(), numbers.next().unwrap())
    };
    (0..n).map(|_| read(socket.text().unwrap())).collect()
}

#[test]
fn calls_once_per_period_are_due_whole_periods_apart() {
    let running = start(Config::default(), |server| {
        server.every(PERIOD, tick);
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    let ticks = ticks(&mut socket, 50);
    for pair in ticks.windows(2) {
        let n_periods = 1 + pair[1].1;
        assert_eq!(pair[1].0 - pair[0].0, n_periods * PERIOD.as_micros() as u64, "{pair:?}");
    }
}

#[test]
fn each_shard_calls_and_emits_to_its_own() {
    let running = start(Config::default(), |server| {
        echo(server);
        server.every_on_each_shard(PERIOD, |cx| {
            let shard = cx.shard();
            cx.namespace("/").local().emit("tick", (shard,));
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    assert_eq!(socket.text().unwrap(), r#"42["tick",0]"#);
}

#[test]
fn a_timer_of_a_running_server_is_cancelled() {
    let running = start(Config::default(), echo);
    let emitter = running.emitter();
    let mut socket = WebSocket::join(running.address()).unwrap();
    let timer = emitter.every(PERIOD, tick).unwrap();
    ticks(&mut socket, 3);
    timer.cancel();
    // Posted after the cancelling, so what comes after it was called after it.
    emitter.namespace("/").emit("end", ()).unwrap();
    while socket.text().unwrap() != r#"42["end"]"# {}
    let next = emitter.every(5 * PERIOD, |cx| cx.namespace("/").emit("next", ())).unwrap();
    assert_eq!(socket.text().unwrap(), r#"42["next"]"#);
    drop(next);
    assert_eq!(socket.text().unwrap(), r#"42["next"]"#, "dropping it leaves it running");
}

//! Async handlers from outside: what waits behind one, what overtakes it, and whom it delays.
//! They wait by asking their client, who answers when the test wants it.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    task::{Poll, Waker},
};

use parlor_server::{AsyncContext, Binary, ConnectError, EmitError, Emitter};

use super::{places::say, *};

/// A handler that runs until its client answers, and one that runs until its client is gone.
fn waiting(server: &mut Server) {
    echo(server);
    server
        .namespace("/")
        .on_async("wait", |cx, _| async move {
            let answer = cx.ask("question", (), None).await;
            let answer = answer.ok().and_then(|answer| answer.get::<String>(0).ok());
            cx.ack((answer,)).await;
        })
        .on_async("until gone", |cx, _| async move {
            cx.disconnected().await;
            assert!(!cx.is_connected());
            cx.everyone().emit("gave up", ()).await;
        })
        .on_async("later", |cx, args| async move { cx.ack(args).await })
        .on("bye", |cx, _| cx.disconnect())
        .on("handled", |cx, _| cx.everyone().emit("handled", ()))
        .on_disconnect(|cx, reason| cx.everyone().emit("left", (reason.as_str(),)));
}

fn expect(socket: &mut WebSocket, texts: &[&str]) {
    for text in texts {
        assert_eq!(socket.text().unwrap(), *text);
    }
}

#[test]
fn events_wait_behind_an_async_handler_in_order_and_acks_overtake_them() {
    let running = start(Config::default(), waiting);
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"421["wait"]"#).unwrap();
    assert_eq!(socket.text().unwrap(), r#"420["question"]"#);
    for event in [r#"422["echo",2]"#, r#"423["later",3]"#, r#"424["later",4]"#, r#"425["echo",5]"#]
    {
        socket.send(event).unwrap();
    }
    // Sent last, and the only thing that can end the handler: it overtakes the four.
    socket.send(r#"430["go on"]"#).unwrap();
    expect(&mut socket, &[r#"431["go on"]"#, "432[2]", "433[3]", "434[4]", "435[5]"]);
    assert_echoes(&mut socket);
}

#[test]
fn a_slow_handler_delays_only_its_own_socket_and_pings_overtake_it() {
    let mut config = Config::default();
    (config.engine.ping_interval_ms, config.engine.ping_timeout_ms) = (100, 200);
    let running = start(config, |server| {
        waiting(server);
        server.every(Duration::from_millis(50), |cx| cx.namespace("/").emit("tick", ()));
    });
    let mut slow = WebSocket::join(running.address()).unwrap();
    let mut other = WebSocket::join(running.address()).unwrap();
    slow.send(r#"421["wait"]"#).unwrap();
    let mut n_ticks = 0;
    // A second and a half: three times as long as a session lives without a pong.
    while n_ticks < 30 {
        match slow.text().unwrap().as_str() {
            r#"42["tick"]"# => n_ticks += 1,
            text => assert_eq!(text, r#"420["question"]"#),
        }
        other.send(r#"427["later","at once"]"#).unwrap();
        while other.text().unwrap() != r#"437["at once"]"# {}
    }
    slow.send(r#"430["still here"]"#).unwrap();
    while slow.text().unwrap() != r#"431["still here"]"# {}
}

#[test]
fn a_disconnect_overtakes_a_handler_and_what_waits_is_dropped() {
    let running = start(Config::default(), waiting);
    let mut witness = WebSocket::join(running.address()).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"42["until gone"]"#).unwrap();
    socket.send(r#"42["handled"]"#).unwrap();
    socket.send("41").unwrap();
    let left = r#"42["left","client namespace disconnect"]"#;
    expect(&mut witness, &[left, r#"42["gave up"]"#]);
    assert_echoes(&mut witness);
}

#[test]
fn what_waits_behind_a_handler_that_disconnects_is_dropped() {
    let running = start(Config::default(), waiting);
    let mut witness = WebSocket::join(running.address()).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    for packet in [r#"42["wait"]"#, r#"42["bye"]"#, r#"42["handled"]"#] {
        socket.send(packet).unwrap();
    }
    expect(&mut socket, &[r#"420["question"]"#]);
    socket.send(r#"430["go on"]"#).unwrap();
    expect(&mut socket, &["41"]);
    expect(&mut witness, &[r#"42["left","server namespace disconnect"]"#]);
    assert_echoes(&mut witness);
}

#[test]
fn as_many_events_wait_as_may_and_one_more_ends_the_session() {
    let running = start(Config::default(), waiting);
    let mut socket = WebSocket::join(running.address()).unwrap();
    let mut fill = |n: usize| {
        socket.send(r#"42["wait"]"#).unwrap();
        let question = socket.text().unwrap();
        (0..n).for_each(|_| socket.send(r#"421["echo"]"#).unwrap());
        let answer = question.replace("42", "43").replace(r#""question""#, "");
        socket.send(&answer).unwrap();
        (0..n).map_while(|_| socket.text().ok()).filter(|text| text == "431[]").count()
    };
    assert_eq!(fill(1024), 1024);
    assert_eq!(fill(1024), 1024, "their places are free again");
    assert_eq!(fill(1025), 0);
    let line = r#"parlor_sessions_closed_total{reason="policy violation"} 1"#;
    wait_for_metric(running.address(), line);
}

#[test]
fn an_async_context_does_what_a_sync_one_does() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on("count", |cx, _| *cx.data::<u32>() += 1).on_async(
            "do",
            |cx, args| async move {
                cx.join("room").await;
                cx.to("room").emit("not to me", ()).await;
                cx.broadcast().except("room").emit("others", (cx.id(),)).await;
                cx.everyone().emit("all", &args).await;
                cx.volatile().emit("me", ()).await;
                let count = cx.run(|cx| *cx.data::<u32>()).await.unwrap();
                let address = cx.handshake().unwrap().address.to_string();
                cx.ack((count, address, cx.namespace())).await;
                cx.leave("room").await;
                cx.disconnect().await;
                cx.disconnected().await;
                assert_eq!(cx.run(|_| ()).await.unwrap_err().to_string(), "the socket is gone");
            },
        );
    });
    let mut other = WebSocket::join(running.address()).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    for event in [r#"42["count"]"#, r#"42["count"]"#, r#"421["do",{"a":1}]"#] {
        socket.send(event).unwrap();
    }
    let answer = r#"431[2,"127.0.0.1","/"]"#;
    expect(&mut socket, &[r#"42["all",{"a":1}]"#, r#"42["me"]"#, answer, "41"]);
    assert!(other.text().unwrap().starts_with(r#"42["others",""#));
    expect(&mut other, &[r#"42["all",{"a":1}]"#]);
    wait_for_metric(running.address(), "parlor_handlers_running 0");
}

#[test]
fn async_admission_keeps_events_waiting_and_lets_clients_go() {
    let running = start(Config::default(), |server| {
        echo(server);
        server
            .namespace("/")
            .admit(|cx, _| {
                *cx.data::<Vec<&str>>() = vec!["first"];
                Ok(())
            })
            .admit_async(|cx, auth| async move {
                if auth.raw() == Some(r#"{"wait":true}"#) {
                    cx.disconnected().await;
                }
                cx.run(|cx| cx.data::<Vec<&str>>().push("second")).await.unwrap();
                match auth.raw() {
                    Some(_) => Err(ConnectError::new("no")),
                    None => Ok(()),
                }
            })
            .admit(|cx, _| {
                cx.data::<Vec<&str>>().push("third");
                Ok(())
            })
            .on_connect_async(|cx| async move {
                let told = cx.run(|cx| cx.data::<Vec<&str>>().clone()).await.unwrap();
                cx.emit("welcome", (told,)).await;
            });
    });
    let mut socket = WebSocket::open(running.address(), "").unwrap();
    socket.text().unwrap();
    socket.send(r#"40{"refuse":true}"#).unwrap();
    assert_eq!(socket.text().unwrap(), r#"44{"message":"no"}"#);
    socket.send(r#"40{"wait":true}"#).unwrap();
    socket.send("41").unwrap();
    // It finds its socket gone, and panics over it: nobody notices.
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
    wait_for_metric(running.address(), "parlor_handlers_running 0");
    socket.send("40").unwrap();
    socket.send(r#"421["echo",1]"#).unwrap();
    assert!(socket.text().unwrap().starts_with("40{"));
    expect(&mut socket, &[r#"42["welcome",["first","second","third"]]"#, "431[1]"]);
    assert_echoes(&mut socket);
}

#[test]
fn who_is_admitted_by_several_is_asked_about_in_order_until_one_refuses() {
    let (note, notes) = mpsc::channel();
    let running = start(Config::default(), |server| {
        let [first, second, third] = [(); 3].map(|()| Mutex::new(note.clone()));
        let second = Arc::new(second);
        server
            .namespace("/asked")
            .admit(move |_, _| {
                first.lock().unwrap().send(1).unwrap();
                Ok(())
            })
            .admit_async(move |_, auth| {
                let second = Arc::clone(&second);
                async move {
                    once_more().await;
                    second.lock().unwrap().send(2).unwrap();
                    let data = BTreeMap::from([("code", 7)]);
                    match auth.raw() {
                        Some(r#"{"may":true}"#) => Ok(()),
                        _ => Err(ConnectError::with_data("not you", &data)),
                    }
                }
            })
            .admit(move |_, _| {
                third.lock().unwrap().send(3).unwrap();
                Ok(())
            })
            .on("echo", |cx, args| cx.ack(args));
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send("40/asked,").unwrap();
    let refused = r#"44/asked,{"message":"not you","data":{"code":7}}"#;
    assert_eq!(socket.text().unwrap(), refused);
    assert_eq!(notes.try_iter().collect::<Vec<_>>(), [1, 2]);
    // As many events as may wait meanwhile.
    socket.send(r#"40/asked,{"may":true}"#).unwrap();
    for i in 0..64 {
        socket.send(&format!(r#"42/asked,{i}["echo",{i}]"#)).unwrap();
    }
    assert!(socket.text().unwrap().starts_with("40/asked,{"));
    for i in 0..64 {
        assert_eq!(socket.text().unwrap(), format!("43/asked,{i}[{i}]"));
    }
    assert_eq!(notes.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_handler_of_one_namespace_delays_none_of_another_for_the_same_client() {
    let running = start(Config::default(), |server| {
        waiting(server);
        server.namespace("/b").on("echo", |cx, args| cx.ack(args));
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    say(&mut socket, "40/b,", "40/b,{");
    socket.send(r#"421["wait"]"#).unwrap();
    let question = socket.text().unwrap();
    let id = question.strip_prefix("42").unwrap().strip_suffix(r#"["question"]"#).unwrap();
    socket.send(r#"422["echo","behind it"]"#).unwrap();
    socket.send(r#"42/b,3["echo","beside it"]"#).unwrap();
    expect(&mut socket, &[r#"43/b,3["beside it"]"#]);
    socket.send(&format!(r#"43{id}["go on"]"#)).unwrap();
    expect(&mut socket, &[r#"431["go on"]"#, r#"432["behind it"]"#]);
}

/// As a matchmaker does, whose players wait until there are enough.
#[test]
fn a_clone_of_an_async_context_answers_later_from_any_thread() {
    let (wait, waiting) = mpsc::channel::<AsyncContext>();
    let running = start(Config::default(), |server| {
        let wait = Arc::new(Mutex::new(wait));
        server.namespace("/").on_async("match me", move |cx, _| {
            wait.lock().unwrap().send(cx).unwrap();
            async {}
        });
    });
    let mut sockets = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    for socket in &mut sockets {
        socket.send(r#"421["match me"]"#).unwrap();
    }
    let players = [(); 2].map(|()| waiting.recv_timeout(DEADLINE).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for player in players {
            player.ack(("matched",)).await;
        }
    });
    for socket in &mut sockets {
        assert_eq!(socket.text().unwrap(), r#"431["matched"]"#);
    }
}

/// Lets the runtime look at other tasks, or end, before this one goes on.
async fn once_more() {
    let mut is_ready = false;
    poll_fn(|cx| match std::mem::replace(&mut is_ready, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn a_server_that_stops_waits_for_what_handlers_still_have_to_save() {
    static IS_SAVED: AtomicBool = AtomicBool::new(false);
    let running = start(Config::default(), |server| {
        let emitter = server.emitter();
        server.namespace("/").on_disconnect_async(move |_, reason| {
            let emitter = emitter.clone();
            async move {
                assert_eq!(reason.as_str(), "server shutting down");
                // Until the shard itself is no more, and then some.
                while !matches!(emitter.namespace("/").emit("e", ()), Err(EmitError::NotRunning)) {
                    once_more().await;
                }
                for _ in 0..100_000 {
                    once_more().await;
                }
                IS_SAVED.store(true, Ordering::Relaxed);
            }
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    running.stop();
    assert_eq!(socket.receive().unwrap(), Received::Close(Some(1001)));
    running.wait().unwrap();
    assert!(IS_SAVED.load(Ordering::Relaxed));
}

/// Handlers wait here until it is open.
#[derive(Default)]
struct Gate(Mutex<(bool, Vec<Waker>)>);

impl Gate {
    async fn pass(&self) {
        poll_fn(|cx| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn open(&self) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = true;
        gate.1.drain(..).for_each(Waker::wake);
    }
}

/// Namespaces of which each has one kind of handler that waits at the gate.
fn gated(server: &mut Server, gate: &Arc<Gate>) {
    echo(server);
    let waiting = || {
        let gate = Arc::clone(gate);
        move || {
            let gate = Arc::clone(&gate);
            async move { gate.pass().await }
        }
    };
    let (admit, connect, event, disconnect) = (waiting(), waiting(), waiting(), waiting());
    server.namespace("/admit").admit_async(move |_, _| {
        let passed = admit();
        async move {
            passed.await;
            Ok(())
        }
    });
    server.namespace("/connect").on_connect_async(move |_| connect());
    server.namespace("/event").on_async("wait", move |_, _| event());
    server.namespace("/disconnect").on_disconnect_async(move |_, _| disconnect());
    let (going, started) = (Arc::clone(gate), Arc::clone(gate));
    server.namespace("/disconnecting").on_disconnecting(move |cx, _, _| {
        let gate = Arc::clone(&going);
        cx.spawn(|_| async move { gate.pass().await }).unwrap();
    });
    server.namespace("/start").on("start", move |cx, _| {
        let gate = Arc::clone(&started);
        let is_started = cx.spawn(|cx| async move {
            gate.pass().await;
            cx.emit("passed", ()).await;
        });
        cx.ack((is_started.is_ok(),));
    });
}

#[test]
fn handlers_of_sockets_that_are_gone_count_and_one_client_has_so_many_at_most() {
    for name in ["/admit", "/connect", "/event", "/disconnect", "/disconnecting"] {
        let gate = Arc::<Gate>::default();
        let running = start(Config::default(), |server| gated(server, &gate));
        let mut client = WebSocket::join(running.address()).unwrap();
        for _ in 0..64 {
            client.send(&format!("40{name},")).unwrap();
            if name != "/admit" {
                assert!(client.text().unwrap().starts_with(&format!("40{name},{{")), "{name}");
            }
            if name == "/event" {
                client.send(r#"42/event,["wait"]"#).unwrap();
            }
            client.send(&format!("41{name},")).unwrap();
        }
        wait_for_metric(running.address(), "parlor_handlers_running 64");
        let refused = "Too much of this client is still being handled";
        let refused = format!(r#"44{name},{{"message":"{refused}"}}"#);
        client.send(&format!("40{name},")).unwrap();
        assert_eq!(client.text().unwrap(), refused);
        assert_echoes(&mut client);
        // Others do not notice.
        let mut other = WebSocket::join(running.address()).unwrap();
        other.send(&format!("40{name},")).unwrap();
        gate.open();
        assert!(other.text().unwrap().starts_with(&format!("40{name},{{")));
        wait_for_metric(running.address(), "parlor_handlers_running 0");
        // The shard hears of their ends with its next turn.
        assert_echoes(&mut client);
        client.send(&format!("40{name},")).unwrap();
        assert!(client.text().unwrap().starts_with(&format!("40{name},{{")), "{name}");
    }
}

#[test]
fn what_a_sync_handler_starts_delays_nothing_and_one_client_has_so_much_at_most() {
    let gate = Arc::<Gate>::default();
    let running = start(Config::default(), |server| gated(server, &gate));
    let mut client = WebSocket::join(running.address()).unwrap();
    say(&mut client, "40/start,", "40/start,{");
    for i in 0..65 {
        client.send(&format!(r#"42/start,{i}["start"]"#)).unwrap();
        assert_eq!(client.text().unwrap(), format!("43/start,{i}[{}]", i < 64));
    }
    wait_for_metric(running.address(), "parlor_handlers_running 64");
    let mut other = WebSocket::join(running.address()).unwrap();
    say(&mut other, "40/start,", "40/start,{");
    say(&mut other, r#"42/start,1["start"]"#, "43/start,1[true]");
    // Nor does it get another socket that may start some.
    client.send("41/start,").unwrap();
    client.send("40/start,").unwrap();
    let refused = "Too much of this client is still being handled";
    assert_eq!(client.text().unwrap(), format!(r#"44/start,{{"message":"{refused}"}}"#));
    gate.open();
    assert_eq!(other.text().unwrap(), r#"42/start,["passed"]"#);
    wait_for_metric(running.address(), "parlor_handlers_running 0");
    // The shard hears of their ends with its next turn.
    assert_echoes(&mut client);
    say(&mut client, "40/start,", "40/start,{");
    say(&mut client, r#"42/start,1["start"]"#, "43/start,1[true]");
}

/// Without any async handler.
#[test]
fn what_sockets_leave_at_their_end_is_saved_before_the_server_is_gone() {
    let saved = Arc::<Mutex<Vec<(u32, bool)>>>::default();
    let running = start(Config::default(), |server| {
        let (going, gone) = (Arc::clone(&saved), Arc::clone(&saved));
        let save = |saved: &Arc<Mutex<Vec<_>>>, data: u32, emitter: Emitter| {
            let saved = Arc::clone(saved);
            move |cx: AsyncContext| async move {
                // Until the shard itself is no more.
                while !matches!(emitter.namespace("/").emit("e", ()), Err(EmitError::NotRunning)) {
                    once_more().await;
                }
                saved.lock().unwrap().push((data, cx.is_connected()));
            }
        };
        let (emitter, again) = (server.emitter(), server.emitter());
        server
            .namespace("/")
            .on("set", |cx, _| {
                *cx.data::<u32>() = 7;
                cx.ack(());
            })
            .on_disconnecting(move |cx, _, _| {
                let data = *cx.data::<u32>();
                cx.spawn(save(&going, data, emitter.clone())).unwrap();
            })
            .on_disconnect(move |cx, _| {
                let data = std::mem::take(cx.data::<u32>()) + 1;
                cx.spawn(save(&gone, data, again.clone())).unwrap();
            });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    say(&mut socket, r#"421["set"]"#, "431[]");
    running.stop();
    running.wait().unwrap();
    let mut saved = saved.lock().unwrap().clone();
    saved.sort_unstable();
    assert_eq!(saved, [(7, false), (8, false)]);
}

#[test]
fn what_a_sync_handler_starts_ends_its_socket_if_it_panics() {
    let running = start(Config::default(), |server| {
        waiting(server);
        server.namespace("/").on("boom", |cx, _| {
            cx.spawn(|_| async { panic!("as the test wants it") }).unwrap();
        });
    });
    let mut sockets = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    sockets[0].send(r#"42["boom"]"#).unwrap();
    expect(&mut sockets[0], &["41"]);
    expect(&mut sockets[1], &[r#"42["left","handler failed"]"#]);
    assert_echoes(&mut sockets[1]);
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
}

/// One thing that holds a mebibyte, wanted by an async handler or an emitter. What is no question
/// is counted in `mailbox`'s own tests.
type Wanted<'f> = Pin<Box<dyn Future<Output = ()> + Send + 'f>>;
type Want = for<'f> fn(&'f AsyncContext, Binary) -> Wanted<'f>;
type Offer = fn(&Emitter, Binary) -> Result<(), EmitError>;

const SECOND: Duration = Duration::from_secs(1);

const WANTS: [(&str, Want); 4] = [
    ("emit", |cx, mib| Box::pin(async move { cx.emit("e", (mib,)).await })),
    ("ask", |cx, mib| Box::pin(async move { drop(cx.ask("e", (mib,), Some(SECOND)).await) })),
    ("ask many", |cx, mib| {
        Box::pin(async move { drop(cx.everyone().ask("e", (mib,), SECOND).await) })
    }),
    ("ask servers", |cx, mib| {
        Box::pin(async move { drop(cx.server_side_ask("e", (mib,), SECOND).await) })
    }),
];

const OFFERS: [(&str, Offer); 3] = [
    ("emit", |emitter, mib| emitter.namespace("/").emit("e", (mib,))),
    ("ask", |emitter, mib| emitter.namespace("/").ask("e", (mib,), SECOND).map(drop)),
    ("ask servers", |emitter, mib| emitter.server_side_ask("e", (mib,), SECOND).map(drop)),
];

#[test]
fn whatever_waits_for_a_busy_shard_counts_with_its_bytes() {
    const MAX_MIB: usize = 64;
    let (go_on, (posted, has_posted)) = (Arc::new(tokio::sync::Notify::new()), mpsc::channel());
    let gate = Arc::clone(&go_on);
    let mut config = Config::default();
    config.server.shards = 1;
    let (running, hold) = start_with(config, |server| {
        server.namespace("/").on_async_typed("want", move |cx, (at,): (usize,)| {
            let (gate, posted) = (Arc::clone(&gate), posted.clone());
            async move {
                cx.emit("waits", ()).await;
                gate.notified().await;
                let mib = Binary::from(vec![0; 1 << 20]);
                let mut all: Vec<_> =
                    (0..=MAX_MIB).map(|_| WANTS[at].1(&cx, mib.clone())).collect();
                // Each is posted at once, or waits for room.
                for wanted in &mut all {
                    // Its answer is nobody's.
                    let _ = poll_fn(|cx| Poll::Ready(wanted.as_mut().poll(cx))).await;
                }
                posted.send(()).unwrap();
            }
        });
        Hold::serve(server)
    });
    let emitter = running.emitter();
    for (at, (name, _)) in WANTS.iter().enumerate() {
        let [mut socket, mut busy] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
        socket.send(&format!(r#"42["want",{at}]"#)).unwrap();
        assert_eq!(socket.text().unwrap(), r#"42["waits"]"#);
        hold.begin(&mut busy);
        go_on.notify_one();
        has_posted.recv_timeout(DEADLINE).unwrap();
        let refused = emitter.namespace("/").emit("e", ());
        assert!(matches!(refused, Err(EmitError::Overloaded)), "{name}");
        hold.release();
    }
    for (name, offer) in OFFERS {
        let mut busy = WebSocket::join(running.address()).unwrap();
        hold.begin(&mut busy);
        let mib = Binary::from(vec![0; 1 << 20]);
        let n_taken = (0..=MAX_MIB).take_while(|_| offer(&emitter, mib.clone()).is_ok()).count();
        assert_eq!(n_taken, MAX_MIB, "{name}");
        hold.release();
    }
}

#[test]
fn what_a_handler_spawns_runs_though_nobody_speaks_http() {
    let (done, is_done) = mpsc::channel();
    let mut config = Config::default();
    config.server.shards = 1;
    let running = start(config, |server| {
        server.namespace("/").on("save", move |_, _| {
            let done = done.clone();
            tokio::spawn(async move { done.send(()).unwrap() });
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"42["save"]"#).unwrap();
    is_done.recv_timeout(DEADLINE).unwrap();
}

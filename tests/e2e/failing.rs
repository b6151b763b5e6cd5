//! Handlers that panic, of each kind: each ends its own socket with a reason, and nothing else.

use super::*;

fn fail() {
    panic!("as the test wants it");
}

/// A namespace whose handlers all panic, each at an event of its own, and one that tells others.
fn failing(server: &mut Server) {
    echo(server);
    server
        .namespace("/")
        .middleware(|_, args| {
            if args.name() == "middleware" {
                fail();
            }
            Ok(())
        })
        .on("sync", |_, _| fail())
        .on("ask", |cx, _| cx.ask("question", (), None, |_, _| fail()))
        .on("too much", |cx, args| {
            let n: u32 = args.get(0).unwrap();
            (0..n).for_each(|_| cx.leave("nowhere"));
        })
        .on_async("at once", |_, _| {
            fail();
            async {}
        })
        .on_async("later", |cx, _| async move {
            cx.join("room").await;
            fail();
        })
        .on_async("job", |cx, _| async move {
            assert!(cx.run(|_| fail()).await.is_err());
        })
        .on_disconnect(|cx, reason| cx.broadcast().emit("left", (reason.as_str(),)));
    for (name, is_async) in [("/sync", false), ("/async", true)] {
        let namespace = server.namespace(name);
        match is_async {
            false => namespace.on_connect(|_| fail()).admit(|_, auth| {
                if auth.raw().is_some() {
                    fail();
                }
                Ok(())
            }),
            true => {
                namespace.on_connect_async(|_| async { fail() }).admit_async(|_, auth| async move {
                    if auth.raw().is_some() {
                        fail();
                    }
                    Ok(())
                })
            }
        };
    }
}

#[test]
fn a_handler_that_panics_ends_its_socket_and_nothing_else() {
    let running = start(Config::default(), failing);
    let mut witness = WebSocket::join(running.address()).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    let events = [
        r#"42["middleware"]"#,
        r#"42["sync"]"#,
        r#"42["ask"]"#,
        r#"42["too much",65537]"#,
        r#"42["at once"]"#,
        r#"42["later"]"#,
        r#"42["job"]"#,
    ];
    for event in events {
        socket.send(event).unwrap();
        let mut text = socket.text().unwrap();
        if let Some(id) = text.strip_suffix(r#"["question"]"#) {
            socket.send(&format!("43{}[]", &id[2..])).unwrap();
            text = socket.text().unwrap();
        }
        assert_eq!(text, "41", "{event}");
        assert_eq!(witness.text().unwrap(), r#"42["left","handler failed"]"#, "{event}");
        assert_echoes(&mut witness);
        socket.send("40").unwrap();
        assert!(socket.text().unwrap().starts_with("40{"), "its client may connect again");
    }
    let n = events.len();
    wait_for_metric(running.address(), &format!("parlor_handler_panics_total {n}"));
    // As much as may be wanted at once, on the other hand, is carried out.
    socket.send(r#"42["too much",65536]"#).unwrap();
    assert_echoes(&mut socket);
}

#[test]
fn one_that_panics_at_the_entrance_refuses_or_ends_its_socket() {
    let running = start(Config::default(), failing);
    let mut socket = WebSocket::join(running.address()).unwrap();
    for name in ["/sync", "/async"] {
        socket.send(&format!("40{name},{{}}")).unwrap();
        let refused = format!(r#"44{name},{{"message":"Internal error"}}"#);
        assert_eq!(socket.text().unwrap(), refused);
        socket.send(&format!("40{name},")).unwrap();
        assert!(socket.text().unwrap().starts_with(&format!("40{name},{{")));
        assert_eq!(socket.text().unwrap(), format!("41{name},"));
    }
    assert_echoes(&mut socket);
    wait_for_metric(running.address(), "parlor_handler_panics_total 4");
}

#[test]
fn a_function_called_once_per_period_goes_on_after_a_panic() {
    let running = start(Config::default(), |server| {
        echo(server);
        let mut n = 0;
        server.every(Duration::from_millis(5), move |cx| {
            n += 1;
            cx.namespace("/").emit("tick", (n,));
            assert_ne!(n, 3, "as the test wants it");
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    while socket.text().unwrap() != r#"42["tick",6]"# {}
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
}

/// What panics when it is dropped.
#[derive(Default)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        fail();
    }
}

#[test]
fn what_a_socket_leaves_behind_may_panic_when_it_is_dropped() {
    let mut config = Config::default();
    config.server.shards = 1;
    let running = start(config, |server| {
        echo(server);
        server.namespace("/data").on("arm", |cx, _| {
            cx.data::<Bomb>();
        });
        server.namespace("/many").on("arm", |cx, _| {
            let bomb = Bomb;
            cx.everyone().fetch_sockets(move |_, _| drop(bomb));
            cx.disconnect();
        });
        server.namespace("/ask").on_disconnect(|cx, _| {
            let bomb = Bomb;
            cx.ask("question", (), None, move |_, _| drop(bomb));
        });
        server.namespace("/job").on_disconnect_async(|cx, _| async move {
            let bomb = Bomb;
            assert!(cx.run(move |_| drop(bomb)).await.is_err());
        });
        server.namespace("/thrown").on("arm", |_, _| std::panic::panic_any(Bomb));
    });
    let mut witness = WebSocket::join(running.address()).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    for (name, n) in [("data", 1), ("many", 2), ("ask", 3), ("job", 4), ("thrown", 5)] {
        socket.send(&format!("40/{name},")).unwrap();
        assert!(socket.text().unwrap().starts_with(&format!("40/{name},{{")));
        socket.send(&format!(r#"42/{name},["arm"]"#)).unwrap();
        match name {
            "many" | "thrown" => assert_eq!(socket.text().unwrap(), format!("41/{name},")),
            _ => socket.send(&format!("41/{name},")).unwrap(),
        }
        wait_for_metric(running.address(), &format!("parlor_handler_panics_total {n}"));
        assert_echoes(&mut witness);
        assert_echoes(&mut socket);
    }
}

#[test]
fn what_is_left_when_a_server_stops_may_panic_when_it_is_dropped() {
    let mut config = Config::default();
    config.server.shards = 1;
    let running = start(config, |server| {
        echo(server);
        server.namespace("/").on("arm", |cx, _| {
            let (one, other) = (Bomb, Bomb);
            cx.everyone().ask("question", (), DEADLINE, move |_, _| drop(one));
            cx.ask("question", (), None, move |_, _| drop(other));
            cx.data::<Bomb>();
        });
    });
    let timer_bomb = Bomb;
    let run = move |_: &mut parlor_server::ShardContext<'_>| {
        let _kept = &timer_bomb;
    };
    let timer = running.emitter().every(Duration::from_secs(3600), run).unwrap();
    let mut socket = WebSocket::join(running.address()).unwrap();
    timer.cancel();
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
    socket.send(r#"42["arm"]"#).unwrap();
    for _ in 0..2 {
        assert!(socket.text().unwrap().ends_with(r#"["question"]"#));
    }
    assert_echoes(&mut socket);
    running.stop();
    running.wait().unwrap();
}

/// It would wait for itself.
#[test]
fn a_sync_handler_that_waits_for_answers_ends_its_socket_and_hangs_nothing() {
    for n_shards in [1, 2] {
        let mut config = Config::default();
        config.server.shards = n_shards;
        let running = start(config, |server| {
            echo(server);
            let emitter = server.emitter();
            server.namespace("/").on("wait", move |_, _| {
                drop(emitter.namespace("/").fetch_sockets().unwrap().wait());
            });
        });
        let [mut one, mut two] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
        one.send(r#"42["wait"]"#).unwrap();
        assert_eq!(one.text().unwrap(), "41", "{n_shards} shards");
        assert_echoes(&mut two);
    }
}

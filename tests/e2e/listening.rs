//! What handlers hear of rooms, of sockets that are going, and of what is sent.

use std::sync::Arc;

use super::{
    places::{everywhere, hear, say},
    *,
};

/// Tells a witness everything, in the order of the socket's own shard.
fn witnessed(server: &mut Server) {
    macro_rules! tell {
        ($words:literal) => {
            |cx, room| {
                let room = room.to_owned();
                cx.to("witness").emit("told", ($words, room))
            }
        };
    }
    server
        .namespace("/")
        .on("witness", |cx, _| {
            cx.join("witness");
            cx.ack(());
        })
        .on_create_room(tell!("created"))
        .on_join_room(tell!("joined"))
        .on_leave_room(tell!("left"))
        .on_delete_room(tell!("deleted"))
        .on_disconnecting(|cx, reason, rooms| {
            cx.to("witness").emit("told", (reason.as_str(), rooms));
            cx.to(rooms).emit("told", ("mates",));
        })
        .on_disconnect(|cx, reason| cx.to("witness").emit("told", ("gone", reason.as_str())))
        .on("join", |cx, args| {
            cx.join(args.get::<String>(0).unwrap());
            cx.ack(());
        })
        .on("leave", |cx, args| cx.leave(args.get::<String>(0).unwrap()))
        .on("all", |cx, _| cx.everyone().except("witness").sockets_join(["one", "two"]));
}

fn told(socket: &mut WebSocket, args: &[&str]) {
    for args in args {
        assert_eq!(socket.text().unwrap(), format!(r#"42["told",{args}]"#));
    }
}

#[test]
fn rooms_and_ends_are_told_in_order_wherever_they_are() {
    everywhere(witnessed, |place| {
        let [mut witness, mut socket] = place.join(2).try_into().ok().unwrap();
        say(&mut witness, r#"421["witness"]"#, "431[]");
        say(&mut socket, r#"421["join","first"]"#, "431[]");
        told(&mut witness, &[r#""created","first""#, r#""joined","first""#]);
        say(&mut socket, r#"421["join","red"]"#, "431[]");
        told(&mut witness, &[r#""created","red""#, r#""joined","red""#]);
        socket.send(r#"42["all"]"#).unwrap();
        told(&mut witness, &[r#""created","one""#, r#""joined","one""#]);
        told(&mut witness, &[r#""created","two""#, r#""joined","two""#]);
        socket.send(r#"42["leave","two"]"#).unwrap();
        told(&mut witness, &[r#""left","two""#, r#""deleted","two""#]);
        // Nor does the order of the others change by one that is left.
        socket.send(r#"42["leave","first"]"#).unwrap();
        told(&mut witness, &[r#""left","first""#, r#""deleted","first""#]);
        socket.send("41").unwrap();
        let reason = "client namespace disconnect";
        told(&mut witness, &[&format!(r#""{reason}",["red","one"]"#)]);
        told(&mut witness, &[r#""left","red""#, r#""deleted","red""#]);
        told(&mut witness, &[r#""left","one""#, r#""deleted","one""#]);
        told(&mut witness, &[&format!(r#""gone","{reason}""#)]);
    });
}

#[test]
fn mates_hear_of_one_that_is_going_by_its_rooms() {
    let running = start(Config::default(), witnessed);
    let [mut mate, mut socket] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    for socket in [&mut mate, &mut socket] {
        say(socket, r#"421["join","red"]"#, "431[]");
    }
    drop(socket);
    told(&mut mate, &[r#""mates""#]);
}

#[test]
fn listeners_see_every_event_that_is_sent_for_each_that_gets_it() {
    let (note, notes) = mpsc::channel();
    let note = Arc::new(Mutex::new(note));
    let running = start(Config::default(), |server| {
        server.namespaces_matching("^/c$").on_any_outgoing({
            let note = Arc::clone(&note);
            move |cx, args| {
                let line = format!("{} {} {}", cx.namespace(), args.array(), cx.is_blocked());
                note.lock().unwrap().send(line).unwrap();
            }
        });
        server
            .namespace("/")
            .on_any_outgoing(move |_, args| {
                let n_bytes: usize = args.attachments().iter().map(|bytes| bytes.len()).sum();
                let line = format!("{} {} {n_bytes}", args.name(), args.count());
                note.lock().unwrap().send(line).unwrap();
            })
            .on("go", |cx, _| {
                cx.ack((1,));
                cx.emit("own", (1, 2));
                let bytes = parlor_server::Binary::from(vec![0; 7]);
                cx.everyone().emit("all", (bytes,));
                cx.in_namespace("/c").emit("e", ("c",));
                cx.ask("question", (), None, |_, _| ());
                cx.to("nobody").emit("never", ());
            });
    });
    let [mut first, mut second] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    say(&mut first, "40/c,", "40/c,");
    first.send(r#"421["go"]"#).unwrap();
    for socket in [&mut first, &mut second] {
        while socket.receive().unwrap() != Received::Binary(vec![0; 7]) {}
    }
    hear(&mut first, r#"42/c,["e","c"]"#);
    assert!(first.text().unwrap().ends_with(r#"["question"]"#));
    let mut lines: Vec<String> = notes.try_iter().collect();
    lines.sort_unstable();
    let expected = [r#"/c ["e","c"] false"#, "all 1 7", "all 1 7", "own 2 0", "question 0 0"];
    assert_eq!(lines, expected);
}

/// As an application of several parts registers them, none of which knows of the others.
#[test]
fn handlers_of_one_kind_are_all_called_in_the_order_of_registration() {
    let (note, notes) = mpsc::channel();
    let mut config = Config::default();
    config.server.shards = 1;
    let running = start(config, |server| {
        for n in [1, 2] {
            let note = |what: &'static str| {
                let note = Mutex::new(note.clone());
                move || note.lock().unwrap().send(format!("{what} {n}")).unwrap()
            };
            let told = note("server side");
            server.on_server_side("told", move |cx, _| {
                told();
                cx.ack((n,));
            });
            let [begun, going, gone, saved] = ["begun", "going", "gone", "saved"].map(note);
            let on_room = |what| {
                let note = note(what);
                move |_: &mut parlor_server::Context<'_>, _: &str| note()
            };
            server
                .namespaces_matching("^/many-")
                .on_new_namespace(move |_, _| begun())
                .on_connect(move |cx| cx.emit("now", (n,)))
                .on_connect_async(move |cx| async move {
                    tokio::task::yield_now().await;
                    cx.emit("later", (n,)).await;
                })
                .on_async("both", move |cx, _| async move {
                    tokio::task::yield_now().await;
                    cx.emit("later", (n,)).await;
                    cx.ack((n + 2,)).await;
                })
                .on("both", move |cx, _| cx.emit("now", (n,)))
                .on_typed("answered", move |cx, (_,): (u32,)| {
                    cx.emit("answering", (n,));
                    cx.ack((n,));
                })
                .on_fallback_async(move |cx, _| async move { cx.emit("later", (n,)).await })
                .on_fallback(move |cx, _| cx.emit("now", (n,)))
                .on("room", move |cx, _| match n {
                    1 => cx.join("room"),
                    _ => cx.leave("room"),
                })
                .on_create_room(on_room("created"))
                .on_join_room(on_room("joined"))
                .on_leave_room(on_room("left"))
                .on_delete_room(on_room("deleted"))
                .on_disconnecting(move |_, _, _| going())
                .on_disconnect(move |_, _| gone())
                .on_disconnect_async(move |_, _| {
                    saved();
                    async {}
                });
        }
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send("40/many-1,").unwrap();
    assert!(socket.text().unwrap().starts_with("40/many-1,{"));
    let both = ["now\",1", "now\",2", "later\",1", "later\",2"];
    let expect = |socket: &mut WebSocket, told: &[&str]| {
        for told in told {
            assert_eq!(socket.text().unwrap(), format!("42/many-1,[\"{told}]"));
        }
    };
    expect(&mut socket, &both);
    socket.send(r#"42/many-1,7["both"]"#).unwrap();
    expect(&mut socket, &both[..3]);
    assert_eq!(socket.text().unwrap(), "43/many-1,7[3]", "the first answer counts");
    expect(&mut socket, &both[3..]);
    socket.send(r#"42/many-1,8["answered",0]"#).unwrap();
    expect(&mut socket, &["answering\",1"]);
    assert_eq!(socket.text().unwrap(), "43/many-1,8[1]", "the first answer counts");
    expect(&mut socket, &["answering\",2"]);
    socket.send(r#"42/many-1,["nobody's"]"#).unwrap();
    expect(&mut socket, &both);
    socket.send(r#"42/many-1,["room"]"#).unwrap();
    socket.send("41/many-1,").unwrap();
    let expect = |whats: &[&str]| {
        for line in whats.iter().flat_map(|what| [1, 2].map(|n| format!("{what} {n}"))) {
            assert_eq!(notes.recv_timeout(DEADLINE).unwrap(), line);
        }
    };
    expect(&["begun", "created", "joined", "left", "deleted", "going", "gone", "saved"]);
    let told = running.emitter().server_side_ask("told", (), DEADLINE).unwrap().wait().unwrap();
    assert_eq!(told[0].args.get::<u32>(0).unwrap(), 1, "the first answer counts");
    expect(&["server side"]);
}

#[test]
fn each_end_has_its_reason_and_the_rooms_are_still_there() {
    for n_shards in [1, 2] {
        let (note, notes) = mpsc::channel();
        let mut config = parlor_tests::app::config();
        config.server.shards = n_shards;
        (config.engine.ping_interval_ms, config.engine.ping_timeout_ms) = (300, 200);
        let running = start(config, |server| {
            for name in ["/", "/b"] {
                let (going, gone) = (Mutex::new(note.clone()), Mutex::new(note.clone()));
                server
                    .namespace(name)
                    .on_connect(|cx| ["x", "y"].into_iter().for_each(|room| cx.join(room)))
                    .on_disconnecting(move |_, reason, rooms| {
                        let line = format!("{name} going, {}, {rooms:?}", reason.as_str());
                        going.lock().unwrap().send(line).unwrap();
                    })
                    .on_disconnect(move |_, reason| {
                        let line = format!("{name} gone, {}", reason.as_str());
                        gone.lock().unwrap().send(line).unwrap();
                    })
                    .on("leave", |cx, _| cx.disconnect())
                    .on("leave all", |cx, _| cx.disconnect_session())
                    .on("disconnect many", |cx, _| {
                        let id = cx.id();
                        cx.everyone().to(id).disconnect_sockets(true);
                    });
            }
        });
        let expect = |names: &[&str], reason: &str| {
            for name in names {
                for line in [
                    format!(r#"{name} going, {reason}, ["x", "y"]"#),
                    format!("{name} gone, {reason}"),
                ] {
                    assert_eq!(notes.recv_timeout(DEADLINE).unwrap(), line);
                }
            }
        };
        let join = || {
            let mut socket = WebSocket::join(running.address()).unwrap();
            say(&mut socket, "40/b,", "40/b,{");
            socket
        };
        let mut socket = join();
        socket.send("41/b,").unwrap();
        expect(&["/b"], "client namespace disconnect");
        socket.send(r#"42["leave"]"#).unwrap();
        expect(&["/"], "server namespace disconnect");
        let both = ["/", "/b"];
        for (sent, reason) in [
            (r#"42["leave all"]"#, "server namespace disconnect"),
            (r#"42["disconnect many"]"#, "server namespace disconnect"),
            ("4{", "forced close"),
            ("9", "parse error"),
        ] {
            let mut socket = join();
            socket.send(sent).unwrap();
            expect(&both, reason);
        }
        drop(join());
        expect(&both, "transport close");
        let _silent = join();
        expect(&both, "ping timeout");
        let _last = join();
        running.stop();
        expect(&both, "server shutting down");
        running.wait().unwrap();
    }
}

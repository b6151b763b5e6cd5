//! What handlers may say to whom, and who hears of an event before its handler.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use parlor_server::{Context, Namespace, Refusal};

use super::{
    places::{everywhere, hear, join_on_demand, say},
    *,
};

/// Joins rooms on demand; each of the other events is sent on in a way of its own.
fn rooms(server: &mut Server) {
    join_on_demand(server)
        .on("to two", |cx, _| cx.to(["red", "blue"]).emit("heard", (1,)))
        .on("in", |cx, _| cx.everyone().in_(vec!["red".to_owned()]).in_("blue").emit("heard", (2,)))
        .on("to none", |cx, _| {
            cx.to(Vec::<String>::new()).emit("heard", ("nobody",));
            cx.everyone().to([""; 0]).to(Cow::from("red")).emit("heard", (3,));
        })
        .on("except", |cx, _| cx.except(["red", "green"].as_slice()).emit("heard", (4,)))
        .on("except id", |cx, _| {
            let own = cx.id();
            cx.everyone().except(own).emit("heard", (5,));
        })
        .on("own", |cx, _| {
            let own = cx.id();
            cx.everyone().to(own).emit("heard", (6,));
        })
        .on_async("async to", |cx, _| async move {
            cx.in_(["red", "blue"]).emit("heard", (7,)).await;
        })
        .on_async("async except", |cx, _| async move {
            cx.except("red").emit("heard", (8,)).await;
        })
        .on("end", |cx, _| cx.everyone().emit("end", ()));
}

#[test]
fn rooms_are_named_one_by_one_or_several_at_once_on_all_shards() {
    everywhere(rooms, |place| {
        let mut all = place.join(4);
        for (socket, rooms) in all.iter_mut().zip(["red", r#"red","blue"#, "blue", "green"]) {
            assert_eq!(say(socket, &format!(r#"421["join","{rooms}"]"#), "431"), [""; 0]);
        }
        // The last speaks; what each hears.
        for (event, heard) in [
            ("to two", [Some(1), Some(1), Some(1), None]),
            ("in", [Some(2), Some(2), Some(2), None]),
            ("to none", [Some(3), Some(3), None, None]),
            ("except", [None, None, Some(4), None]),
            ("except id", [Some(5), Some(5), Some(5), None]),
            ("own", [None, None, None, Some(6)]),
            ("async to", [Some(7), Some(7), Some(7), None]),
            ("async except", [None, None, Some(8), None]),
        ] {
            all[3].send(&format!(r#"42["{event}"]"#)).unwrap();
            all[3].send(r#"42["end"]"#).unwrap();
            for (socket, number) in all.iter_mut().zip(heard) {
                let expected = number.map(|n| format!(r#"42["heard",{n}]"#));
                let heard = hear(socket, r#"42["end"]"#);
                assert_eq!(heard, Vec::from_iter(expected), "{event}");
            }
        }
    });
}

#[test]
fn a_local_event_stays_on_its_shard() {
    let mut config = Config::default();
    config.server.shards = 2;
    let running = start(config, |server| {
        server
            .namespace("/")
            .on("local", |cx, _| cx.local().emit("near", ()))
            .on("volatile local", |cx, _| cx.volatile().local().emit("near", ()))
            .on("local volatile", |cx, _| cx.local().volatile().emit("near", ()))
            .on_async("async volatile local", |cx, _| async move {
                cx.volatile().local().emit("near", ()).await;
            })
            .on_async("async", |cx, _| async move { cx.everyone().local().emit("near", ()).await })
            .on("end", |cx, _| cx.everyone().emit("end", ()));
    });
    let mut all = [(); 4].map(|()| WebSocket::join(running.address()).unwrap());
    for (event, expected) in [
        ("local", 1),
        ("volatile local", 1),
        ("local volatile", 1),
        ("async volatile local", 1),
        ("async", 2),
    ] {
        all[0].send(&format!(r#"42["{event}"]"#)).unwrap();
        // What an async handler wants is wanted before it has ended, and the next event waits.
        all[0].send(r#"42["end"]"#).unwrap();
        let heard = all.each_mut().map(|socket| hear(socket, r#"42["end"]"#).len());
        let own = usize::from(event == "async");
        assert_eq!((heard[0], heard.iter().sum()), (own, expected), "{event}");
    }
}

#[test]
fn listeners_hear_every_event_before_middleware_and_handlers() {
    let running = start(Config::default(), |server| {
        server
            .namespace("/")
            .on_any(|cx, args| cx.emit("any", (args.name(), args.count())))
            .on_any(|cx, _| cx.emit("any too", ()))
            .middleware(|_, args| match args.name().as_ref() {
                "bad" => Err(Refusal::new("E_BAD", "no")),
                _ => Ok(()),
            })
            .on("good", |cx, _| cx.ack(("handled",)))
            .on_async("later", |cx, _| async move { cx.ack(("handled",)).await })
            .on_fallback(|cx, args| cx.ack(("fallback", args.name())));
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    for (event, answer) in [
        ("good", r#"431["handled"]"#),
        ("later", r#"431["handled"]"#),
        ("bad", r#"431[{"ok":false,"code":"E_BAD","message":"no"}]"#),
        ("other", r#"431["fallback","other"]"#),
    ] {
        let before = say(&mut socket, &format!(r#"421["{event}",1,2]"#), answer);
        assert_eq!(before, [format!(r#"42["any","{event}",2]"#), r#"42["any too"]"#.to_owned()]);
    }
}

#[test]
fn a_fallback_may_wait() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on_fallback_async(|cx, args| async move {
            let name = args.name().into_owned();
            cx.ack((name,)).await;
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    assert_eq!(say(&mut socket, r#"421["whatever"]"#, r#"431["whatever"]"#), [""; 0]);
}

/// Middleware that asks the client whether an event may pass.
fn gate(server: &mut Server) {
    echo(server);
    server
        .namespace("/")
        .middleware(|cx, args| {
            cx.data::<Vec<String>>().push(args.name().into_owned());
            Ok(())
        })
        .middleware_async(|cx, args| async move {
            assert_ne!(args.name(), "boom", "as the test wants it");
            let answer = cx.ask("may I?", (args.name(),), None).await;
            let answer = answer.ok().and_then(|answer| answer.get::<bool>(0).ok());
            cx.ack(("never",)).await;
            if answer == Some(true) { Ok(()) } else { Err(Refusal::new("E_NO", "no")) }
        })
        .middleware(|cx, args| {
            cx.data::<Vec<String>>().push(format!("{} passed", args.name()));
            Ok(())
        })
        .on("seen", |cx, _| {
            let seen = cx.data_ref::<Vec<String>>().cloned();
            cx.ack((seen,));
        })
        .on_async("later", |cx, args| async move { cx.ack(args).await });
}

#[test]
fn middleware_may_wait_and_events_of_its_socket_wait_for_it_in_order() {
    let running = start(Config::default(), gate);
    let mut socket = WebSocket::join(running.address()).unwrap();
    for (i, event) in ["echo", "later", "echo", "seen"].into_iter().enumerate() {
        socket.send(&format!(r#"42{i}["{event}",{i}]"#)).unwrap();
    }
    let refused = r#"[{"ok":false,"code":"E_NO","message":"no"}]"#;
    for (i, (event, may, answer)) in [
        ("echo", true, "[0]"),
        ("later", true, "[1]"),
        ("echo", false, refused),
        ("seen", true, r#"[["echo","echo passed","later","later passed","echo","seen","#),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(socket.text().unwrap(), format!(r#"42{i}["may I?","{event}"]"#));
        socket.send(&format!("43{i}[{may}]")).unwrap();
        let text = socket.text().unwrap();
        assert!(text.starts_with(&format!("43{i}{answer}")), "{text}");
    }
    socket.send(r#"421["boom"]"#).unwrap();
    assert_eq!(socket.text().unwrap(), "41");
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
}

#[test]
fn an_event_whose_socket_goes_while_middleware_waits_has_no_handler() {
    let running = start(Config::default(), |server| {
        gate(server);
        server.namespace("/").on("last", |cx, _| cx.everyone().emit("handled", ()));
        server.namespace("/").on_disconnect(|cx, _| cx.everyone().emit("left", ()));
    });
    let [mut witness, mut socket] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    socket.send(r#"42["last"]"#).unwrap();
    socket.text().unwrap();
    socket.send("41").unwrap();
    assert_eq!(witness.text().unwrap(), r#"42["left"]"#);
    witness.send(r#"421["echo",1]"#).unwrap();
    assert!(witness.text().unwrap().ends_with(r#"["may I?","echo"]"#), "and not `handled`");
}

#[test]
fn a_handler_of_an_event_that_never_comes_is_refused_at_once() {
    let register: [fn(&mut Namespace, &str); 4] = [
        |namespace, event| _ = namespace.on(event, |_, _| ()),
        |namespace, event| _ = namespace.on_typed(event, |_, ()| ()),
        |namespace, event| _ = namespace.on_async(event, |_, _| async {}),
        |namespace, event| _ = namespace.on_async_typed(event, |_, ()| async {}),
    ];
    for (event, method) in [
        ("connect", "on_connect"),
        ("connection", "on_connect"),
        ("disconnect", "on_disconnect"),
        ("disconnecting", "on_disconnecting"),
        ("connect_error", "no client"),
        ("newListener", "no client"),
        ("removeListener", "no client"),
    ] {
        for register in register {
            let mut server = Server::default();
            let refused = catch_unwind(AssertUnwindSafe(|| {
                register(server.namespace("/"), event);
            }));
            let words = refused.unwrap_err().downcast::<String>().unwrap();
            assert!(words.contains(&format!("`{event}` is a reserved event name")), "{words}");
            assert!(words.contains(method), "{words}");
        }
    }
}

fn spied(server: &mut Server) {
    server
        .namespace("/")
        .on_typed("spy", |cx, (id,): (String,)| {
            cx.join(id);
            cx.ack(());
        })
        .on_typed("tell", |cx, (id,): (String,)| cx.everyone().to(id).emit("told", ()))
        .on("id", |cx, _| {
            let id = cx.id();
            cx.ack((id,));
        });
}

#[test]
fn the_id_of_another_can_be_joined_as_a_room() {
    everywhere(spied, |place| {
        let [mut one, mut two, mut three] = place.join(3).try_into().ok().unwrap();
        one.send(r#"421["id"]"#).unwrap();
        let id = one.text().unwrap().strip_prefix("431").unwrap().replace(['[', ']'], "");
        say(&mut two, &format!(r#"421["spy",{id}]"#), "431");
        three.send(&format!(r#"42["tell",{id}]"#)).unwrap();
        for socket in [&mut one, &mut two] {
            assert_eq!(socket.text().unwrap(), r#"42["told"]"#);
        }
    });
}

#[test]
fn what_is_wanted_behind_a_disconnect_reaches_others_alone() {
    let build = |server: &mut Server| {
        server.namespace("/").on("go", |cx, _| {
            cx.emit("before", ());
            cx.ack((1,));
            cx.disconnect();
            cx.emit("after", ());
            cx.join("room");
            cx.broadcast().emit("others", ());
            cx.everyone().emit("all", ());
        });
    };
    everywhere(build, |place| {
        let [mut one, mut two] = place.join(2).try_into().ok().unwrap();
        one.send(r#"427["go"]"#).unwrap();
        for text in [r#"42["before"]"#, "437[1]", "41"] {
            assert_eq!(one.text().unwrap(), text);
        }
        for text in [r#"42["others"]"#, r#"42["all"]"#] {
            assert_eq!(two.text().unwrap(), text);
        }
        one.send("40").unwrap();
        assert!(one.text().unwrap().starts_with("40{"));
    });
}

#[test]
fn middleware_of_both_kinds_is_asked_in_order_for_each_event() {
    fn note(cx: &mut Context<'_>, what: &str) {
        cx.data::<Vec<String>>().push(what.to_owned());
    }
    let refuse = |args: Cow<'_, str>, name| match args == name {
        true => Err(Refusal::new("E_NO", "no")),
        false => Ok(()),
    };
    let running = start(Config::default(), |server| {
        server
            .namespace("/")
            .on_any(|cx, args| note(cx, &format!("any {}", args.name())))
            .middleware(|cx, _| {
                note(cx, "first");
                Ok(())
            })
            .middleware_async(move |cx, args| async move {
                cx.run(|cx| note(cx, "second")).await.unwrap();
                refuse(args.name(), "no")
            })
            .middleware(move |cx, args| {
                note(cx, "third");
                refuse(args.name(), "later no")
            })
            .on("log", |cx, _| {
                let log = std::mem::take(cx.data::<Vec<String>>()).join(", ");
                cx.ack((log,));
            })
            .on_fallback_async(|cx, args| async move {
                cx.run(|cx| note(cx, "handler")).await.unwrap();
                cx.ack((args.name(),)).await;
            });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    for (i, event) in ["no", "yes", "later no", "log"].into_iter().enumerate() {
        socket.send(&format!(r#"42{i}["{event}"]"#)).unwrap();
    }
    let no = r#"[{"ok":false,"code":"E_NO","message":"no"}]"#;
    for (i, answer) in [no, r#"["yes"]"#, no].into_iter().enumerate() {
        assert_eq!(socket.text().unwrap(), format!("43{i}{answer}"));
    }
    let log = "any no, first, second, any yes, first, second, third, handler, \
               any later no, first, second, third, any log, first, second, third";
    assert_eq!(socket.text().unwrap(), format!(r#"433["{log}"]"#));
}

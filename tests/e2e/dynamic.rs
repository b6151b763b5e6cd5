//! Namespaces that begin when a client names them.

use parlor_server::EmitError;

use super::{
    places::{everywhere, hear, say},
    *,
};

fn games(server: &mut Server) {
    server
        .namespaces_matching(r"^/game-\d+$")
        .admit(|cx, auth| {
            let refused = auth.raw().is_some_and(|auth| auth.contains("bad"));
            let name = cx.namespace().to_owned();
            if refused { Err(parlor_server::ConnectError::new(name)) } else { Ok(()) }
        })
        .on_connect(|cx| cx.join("all"))
        .on("who", |cx, _| {
            let name = cx.namespace().to_owned();
            cx.ack((name,));
        })
        .on("say", |cx, args| {
            cx.everyone().to("all").emit("said", args);
            cx.ack(());
        })
        .on("news", |cx, _| cx.in_namespace(r"^/game-\d+$").emit("news", (1,)))
        .on_async("find", |cx, _| async move {
            let here = cx.everyone().fetch_sockets().await.unwrap().len();
            let all = cx.in_namespace(r"^/game-\d+$").fetch_sockets().await.unwrap().len();
            let one = cx.in_namespace("/game-2").fetch_sockets().await.unwrap().len();
            cx.ack((here, all, one)).await;
        });
    server.namespaces_where("tenants", |name, auth| {
        assert!(!name.contains("boom"), "as the test wants it");
        auth.raw() == Some(r#"{"tenant":true}"#)
    });
}

fn one_shard() -> Config {
    let mut config = Config::default();
    config.server.shards = 1;
    config
}

#[test]
fn sockets_of_a_child_hear_each_other_wherever_they_are() {
    everywhere(games, |place| {
        let mut all = place.join(6);
        for (i, socket) in all.iter_mut().enumerate() {
            let name = format!("/game-{}", i / 4);
            say(socket, &format!("40{name},"), &format!("40{name},{{"));
            let answer = say(socket, &format!(r#"42{name},1["who"]"#), &format!("43{name},1"));
            assert_eq!(answer, [""; 0]);
        }
        // Who is in is known everywhere as soon as all are found.
        let found = r#"43/game-0,2[4,6,0]"#;
        let wait = Instant::now();
        loop {
            all[0].send(r#"42/game-0,2["find"]"#).unwrap();
            if all[0].text().unwrap() == found {
                break;
            }
            assert!(wait.elapsed() < DEADLINE);
        }
        all[1].send(r#"42/game-0,["say","hi"]"#).unwrap();
        for socket in &mut all[..4] {
            assert_eq!(socket.text().unwrap(), r#"42/game-0,["said","hi"]"#);
        }
        all[5].send(r#"42/game-1,["news"]"#).unwrap();
        for (i, socket) in all.iter_mut().enumerate() {
            let news = format!(r#"42/game-{},["news",1]"#, i / 4);
            assert_eq!(socket.text().unwrap(), news);
        }
        // From other threads, by a child's name and by that of all; and no other hears it.
        let emitter = place.first().emitter();
        emitter.namespace("/game-1").volatile().emit("one", ()).unwrap();
        emitter.namespace("/game-9").emit("nobody", ()).unwrap();
        emitter.namespace(r"^/game-\d+$").volatile().emit("each", ()).unwrap();
        for (i, socket) in all.iter_mut().enumerate() {
            if i / 4 == 1 {
                assert_eq!(socket.text().unwrap(), r#"42/game-1,["one"]"#);
            }
            assert_eq!(socket.text().unwrap(), format!(r#"42/game-{},["each"]"#, i / 4));
        }
    });
}

#[test]
fn names_that_nobody_takes_are_refused_and_so_is_whom_a_handler_refuses() {
    let running = start(one_shard(), games);
    let mut socket = WebSocket::join(running.address()).unwrap();
    let mut ask = |text: &str| {
        socket.send(text).unwrap();
        socket.text().unwrap()
    };
    for name in ["/game-", "/game-1x", "/x/game-1", "/game-٣", "tenants", "^/game"] {
        let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        let refused = format!(r#"44{name},{{"message":"Invalid namespace"}}"#);
        assert_eq!(ask(&format!("40{name},")), refused);
    }
    assert_eq!(ask(r#"40/game-7,{"bad":1}"#), r#"44/game-7,{"message":"/game-7"}"#);
    assert!(ask("40/game-7,").starts_with(r#"40/game-7,{"sid""#));
    assert_eq!(ask("40/x,{}"), r#"44/x,{"message":"Invalid namespace"}"#);
    assert!(ask(r#"40/x,{"tenant":true}"#).starts_with(r#"40/x,{"sid""#));
    assert_eq!(ask("40/boom,"), r#"44/boom,{"message":"Internal error"}"#);
    let mut other = WebSocket::join(running.address()).unwrap();
    other.send("40/x,").unwrap();
    assert!(other.text().unwrap().starts_with("40/x,{"), "it is there now: asked once");
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
}

#[test]
fn each_shard_tells_when_a_child_begins_there() {
    let running = start(one_shard(), |server| {
        server.namespaces_matching("^/[a-z]$").on_new_namespace(|cx, name| {
            cx.namespace("/").emit("new", (name,));
            assert!(name != "/p", "as the test wants it");
        });
    });
    let [mut watcher, mut client] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    for name in ["/a", "/a", "/p"] {
        say(&mut client, &format!("40{name},"), &format!("40{name},"));
        assert_eq!(watcher.text().unwrap(), format!(r#"42["new","{name}"]"#));
        // With its last socket it goes, and begins anew.
        client.send(&format!("41{name},")).unwrap();
    }
    let mut second = WebSocket::join(running.address()).unwrap();
    say(&mut client, "40/b,", "40/b,");
    say(&mut second, "40/b,", "40/b,");
    running.emitter().namespace("/").emit("end", ()).unwrap();
    let told = hear(&mut watcher, r#"42["end"]"#);
    assert_eq!(told, [r#"42["new","/b"]"#], "once for all its sockets");
    wait_for_metric(running.address(), "parlor_handler_panics_total 1");
}

#[test]
fn there_are_as_many_children_as_configured_and_not_one_more() {
    let mut config = one_shard();
    config.limits.max_dynamic_namespaces = 2;
    let running = start(config, games);
    let mut socket = WebSocket::join(running.address()).unwrap();
    for name in ["/game-1", "/game-2"] {
        say(&mut socket, &format!("40{name},"), &format!("40{name},{{\"sid"));
    }
    socket.send("40/game-3,").unwrap();
    let refused = r#"44/game-3,{"message":"Too many namespaces"}"#;
    assert_eq!(socket.text().unwrap(), refused);
    socket.send("41/game-1,").unwrap();
    say(&mut socket, "40/game-3,", "40/game-3,{\"sid");
}

#[test]
fn an_emitter_learns_that_a_name_is_no_childs_unless_a_predicate_has_the_last_word() {
    for has_predicate in [false, true] {
        let running = start(one_shard(), |server| {
            server.namespaces_matching(r"^/game-\d+$");
            if has_predicate {
                server.namespaces_where("tenants", |name, _| name == "/tenant");
            }
        });
        let emitter = running.emitter();
        for (name, is_known) in [
            ("/", true),
            ("/game-7", true),
            (r"^/game-\d+$", true),
            ("/game-x", has_predicate),
            ("/typo", has_predicate),
            ("game-7", false),
        ] {
            let emitted = emitter.namespace(name).emit("e", ());
            let is_unknown = matches!(emitted, Err(EmitError::UnknownNamespace));
            assert_eq!(!is_unknown, is_known, "{name}: {emitted:?}");
        }
    }
}

#[test]
#[should_panic(expected = "the pattern ^/(: ")]
fn a_pattern_that_is_none_is_refused_at_once() {
    Server::default().namespaces_matching("^/(");
}

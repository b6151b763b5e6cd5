//! Asking many and finding them: what is told of sockets elsewhere, and what of shards that do not
//! answer.

use std::sync::{Arc, Mutex};

use parlor_server::{Ack, AckError, Binary, EmitError};
use parlor_shared::websocket::{Opcode, write_masked_frame};
use serde::{Deserialize, Serialize};

use super::{
    places::{everywhere, say},
    *,
};

#[derive(Default, Serialize, Deserialize)]
struct Player {
    name: String,
}

fn players(server: &mut Server) {
    server
        .namespace("/")
        .show_data::<Player>()
        .on_typed("name", |cx, (name,): (String,)| {
            cx.data::<Player>().name = name;
            cx.join("named");
            cx.ack(());
        })
        .on_async("who", |cx, _| async move {
            let found = cx.everyone().fetch_sockets().await.unwrap();
            assert_eq!(found.n_silent_shards(), 0);
            let named = found.iter().filter(|socket| socket.rooms == ["named"]);
            let names = named.map(|socket| socket.data::<Player>().unwrap().unwrap().name);
            let mut names: Vec<String> = names.collect();
            names.sort_unstable();
            let own = cx.handshake().unwrap();
            let agents = found.iter().filter(|socket| {
                let handshake = socket.handshake.as_ref().unwrap();
                let is_host = |(name, value): &(String, String)| name == "host" && value == "test";
                handshake.address.is_loopback()
                    && handshake.query().contains("EIO=4")
                    && handshake.url == own.url
                    && handshake.issued.abs_diff(own.issued) < DEADLINE.as_millis() as u64
                    && handshake.headers.iter().any(is_host)
            });
            cx.ack((found.len(), names, agents.count())).await;
        })
        .on("rooms", |cx, _| {
            let ack = cx.take_ack().unwrap();
            cx.rooms(|cx, rooms| ack.send(cx, (rooms,)));
        })
        .on_async("rooms async", |cx, _| async move {
            let rooms = cx.rooms().await.unwrap();
            cx.ack((rooms,)).await;
        });
}

#[test]
fn sockets_of_all_shards_are_found_with_their_handshake_and_data() {
    everywhere(players, |place| {
        let mut all = place.join(5);
        // One has no data.
        for (i, socket) in all[1..].iter_mut().enumerate() {
            assert_eq!(say(socket, &format!(r#"421["name","p{i}"]"#), "431[]"), [""; 0]);
        }
        let expected = r#"431[5,["p0","p1","p2","p3"],5]"#;
        let wait = Instant::now();
        loop {
            // Another node may not know yet who has joined there.
            all[0].send(r#"421["who"]"#).unwrap();
            if all[0].text().unwrap() == expected {
                break;
            }
            assert!(wait.elapsed() < DEADLINE);
        }
        for event in ["rooms", "rooms async"] {
            all[1].send(&format!(r#"421["{event}"]"#)).unwrap();
            assert_eq!(all[1].text().unwrap(), r#"431[["named"]]"#);
        }
        let emitter = place.first().emitter();
        let found = emitter.namespace("/").to("named").fetch_sockets().unwrap().wait().unwrap();
        let data = found.iter().map(|socket| socket.data::<Player>().unwrap().unwrap().name);
        let mut names: Vec<String> = data.collect();
        names.sort_unstable();
        assert_eq!(names, ["p0", "p1", "p2", "p3"]);
    });
}

/// Two shards, of which the second is at work until it is released, and a client on each.
fn one_is_busy(build: impl FnOnce(&mut Server)) -> (Running, Hold, [WebSocket; 2]) {
    let mut config = Config::default();
    config.server.shards = 2;
    let (running, hold) = start_with(config, |server| {
        build(server);
        Hold::serve(server)
    });
    let mut sockets = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    hold.begin(&mut sockets[1]);
    (running, hold, sockets)
}

#[test]
fn what_came_in_time_is_told_though_a_shard_does_not_answer() {
    let (running, hold, [mut first, mut second]) = one_is_busy(|server| {
        server
            .namespace("/")
            .on("ask", |cx, _| {
                let ack = cx.take_ack().unwrap();
                cx.everyone().ask("question", (), Duration::from_millis(50), |cx, answers| {
                    let n_answered = answers.iter().filter(|a| a.answer.is_ok()).count();
                    let n_silent = answers.n_silent_shards();
                    ack.send(cx, (answers.len(), n_answered, n_silent));
                });
            })
            .on_async("find", |cx, _| async move {
                let found = cx.everyone().fetch_sockets().await.unwrap();
                cx.ack((found.len(), found.n_silent_shards())).await;
            });
    });
    first.send(r#"421["ask"]"#).unwrap();
    let question = first.text().unwrap();
    assert_eq!(question, r#"420["question"]"#);
    first.send("430[1]").unwrap();
    assert_eq!(first.text().unwrap(), "431[1,1,1]");
    first.send(r#"422["find"]"#).unwrap();
    let emitter = running.emitter();
    let timeout = Duration::from_millis(50);
    let answers = emitter.namespace("/").ask("question", (), timeout).unwrap();
    let found = emitter.namespace("/").fetch_sockets().unwrap().wait().unwrap();
    assert_eq!((found.len(), found.n_silent_shards()), (1, 1));
    let answers = answers.wait().unwrap();
    assert_eq!((answers.len(), answers.n_silent_shards()), (1, 1));
    assert!(matches!(answers[0].answer, Err(AckError::Timeout)));
    let rest = places::hear(&mut first, "432[1,1]");
    assert_eq!(rest, [r#"421["question"]"#]);
    hold.release();
    // What comes too late harms nothing.
    places::hear(&mut second, "431[]");
    first.send(r#"423["find"]"#).unwrap();
    places::hear(&mut first, "433[2,0]");
}

#[test]
fn other_threads_and_functions_without_a_socket_ask_as_handlers_do() {
    let running = start(Config::default(), |server| {
        let mut is_first = true;
        server.every(Duration::from_millis(10), move |cx| {
            let is_on = std::mem::take(&mut is_first);
            cx.namespace("/").to("asked").fetch_sockets(move |cx, found| {
                if !is_on && !found.is_empty() {
                    cx.namespace("/").to("asked").sockets_leave("asked");
                    cx.namespace("/").ask("period", (), DEADLINE, |cx, answers| {
                        cx.namespace("/").emit("got", (answers.len(),));
                    });
                }
            });
        });
        server.namespace("/").on("join", |cx, _| cx.join("asked"));
    });
    let emitter = running.emitter();
    let mut socket = WebSocket::join(running.address()).unwrap();
    let answers = emitter.namespace("/").ask("question", (1,), DEADLINE).unwrap();
    let none = emitter.namespace("/").to("nobody").ask("question", (), DEADLINE).unwrap();
    assert!(none.wait().unwrap().is_empty());
    let id = socket.text().unwrap();
    let id = id.strip_prefix("42").unwrap().strip_suffix(r#"["question",1]"#).unwrap();
    socket.send(&format!("43{id}[7]")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answers = runtime.block_on(answers).unwrap();
    let number: u32 = answers[0].answer.as_ref().unwrap().get(0).unwrap();
    assert_eq!((answers.len(), number), (1, 7));
    let unknown = emitter.namespace("/nowhere").fetch_sockets();
    assert!(matches!(unknown, Err(EmitError::UnknownNamespace)));

    socket.send(r#"42["join"]"#).unwrap();
    let id = socket.text().unwrap();
    let id = id.strip_prefix("42").unwrap().strip_suffix(r#"["period"]"#).unwrap();
    socket.send(&format!("43{id}[]")).unwrap();
    places::hear(&mut socket, r#"42["got",1]"#);

    let late = emitter.namespace("/").ask("question", (), DEADLINE).unwrap();
    running.stop();
    running.wait().unwrap();
    // With an answer or without, it has an end.
    drop(late.wait());
    let late = emitter.namespace("/").fetch_sockets();
    assert!(matches!(late, Err(EmitError::NotRunning)));
}

#[test]
fn an_emitter_is_told_why_it_cannot_ask_as_it_is_of_an_event() {
    let running = start(Config::default(), |_| ());
    let emitter = running.emitter();
    let many: Vec<Binary> = (0..11).map(|n| Binary::from(vec![n])).collect();
    let nameless = BTreeMap::from([((1, 2), 3)]);
    let all = || emitter.namespace("/");
    for (emitted, asked) in [
        (all().emit("disconnect", ()), all().ask("disconnect", (), DEADLINE)),
        (all().emit("e", (&many,)), all().ask("e", (&many,), DEADLINE)),
        (all().emit("e", (&nameless,)), all().ask("e", (&nameless,), DEADLINE)),
    ] {
        let [emitted, asked] = [emitted, asked.map(drop)].map(|result| {
            let Err(EmitError::Encode(error)) = result else { panic!("{result:?}") };
            error.to_string()
        });
        assert_eq!(emitted, asked);
    }
}

/// What one of many says when it is asked.
type Say = fn(&mut WebSocket, &str);

#[test]
fn of_each_that_was_asked_is_told_what_it_said_or_why_it_did_not() {
    let build = |server: &mut Server| {
        server.namespace("/").on_async("ask", |cx, _| async move {
            let answers = cx.broadcast().ask("question", (1,), Duration::from_millis(400)).await;
            let answers = answers.unwrap();
            let told = answers.iter().map(|answer| match &answer.answer {
                Ok(args) => args.array().to_owned(),
                Err(error) => error.to_string(),
            });
            let mut told: Vec<String> = told.collect();
            told.sort_unstable();
            cx.ack((told.join(" | "), answers.n_silent_shards())).await;
        });
    };
    let says: [Say; 4] = [
        |socket, id| {
            socket.send(&format!("43{id}[1,2]")).unwrap();
            socket.send(&format!(r#"43{id}["once more"]"#)).unwrap();
        },
        |socket, id| {
            let mut binary = Vec::new();
            write_masked_frame(&mut binary, Opcode::Binary, b"abc", [0; 4]);
            socket.send(&format!(r#"461-{id}[{{"_placeholder":true,"num":0}}]"#)).unwrap();
            socket.write(&binary).unwrap();
        },
        |socket, _| socket.send("41").unwrap(),
        |_, _| (),
    ];
    everywhere(build, |place| {
        let mut all = place.join(1 + says.len());
        let wait = Instant::now();
        // Sockets on other nodes are there as soon as they are found.
        let found = || place.first().emitter().namespace("/").fetch_sockets().unwrap().wait();
        while found().unwrap().len() < all.len() {
            assert!(wait.elapsed() < DEADLINE);
        }
        all[0].send(r#"427["ask"]"#).unwrap();
        for (socket, say) in all[1..].iter_mut().zip(says) {
            let question = socket.text().unwrap();
            let id = question.strip_prefix("42").unwrap().strip_suffix(r#"["question",1]"#);
            say(socket, id.unwrap());
        }
        let told = all[0].text().unwrap();
        let [timeout, gone] = [AckError::Timeout, AckError::Disconnected];
        let binary = r#"[{\"_placeholder\":true,\"num\":0}]"#;
        let mut expected =
            ["[1,2]".to_owned(), binary.to_owned(), timeout.to_string(), gone.to_string()];
        expected.sort_unstable();
        assert_eq!(told, format!(r#"437["{}",0]"#, expected.join(" | ")));
    });
}

#[test]
fn where_nobody_is_asked_the_answer_is_there_at_once() {
    let build = |server: &mut Server| {
        server.namespace("/").on("ask", |cx, _| {
            let ack = cx.take_ack().unwrap();
            cx.to("nobody").ask("question", (), Duration::MAX, |cx, answers| {
                ack.send(cx, (answers.len(),));
            });
        });
    };
    everywhere(build, |place| {
        let mut socket = place.join(1).remove(0);
        socket.send(r#"421["ask"]"#).unwrap();
        assert_eq!(socket.text().unwrap(), "431[0]");
        let emitter = place.first().emitter();
        let asked = emitter.namespace("/").to("nobody").ask("question", (), Duration::MAX);
        assert!(asked.unwrap().wait().unwrap().is_empty());
    });
}

#[test]
fn an_answer_is_sent_by_whoever_has_the_right_to_it_on_any_shard_or_thread() {
    let kept: Arc<Mutex<Vec<Ack>>> = Arc::default();
    let mut config = Config::default();
    config.server.shards = 2;
    let running = start(config, |server| {
        let (keep, take) = (Arc::clone(&kept), Arc::clone(&kept));
        server
            .namespace("/")
            .on("keep", move |cx, _| {
                keep.lock().unwrap().extend(cx.take_ack());
                cx.emit("kept", ());
            })
            .on("send", move |cx, _| {
                let ack = take.lock().unwrap().pop().unwrap();
                ack.send(cx, ("sent",));
                cx.emit("has sent", ());
            });
    });
    let mut sockets = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    for asker in [0, 1] {
        for sender in [asker, 1 - asker] {
            sockets[asker].send(r#"427["keep"]"#).unwrap();
            assert_eq!(sockets[asker].text().unwrap(), r#"42["kept"]"#);
            sockets[sender].send(r#"42["send"]"#).unwrap();
            if asker != sender {
                assert_eq!(sockets[sender].text().unwrap(), r#"42["has sent"]"#);
            }
            assert_eq!(sockets[asker].text().unwrap(), r#"437["sent"]"#);
            if asker == sender {
                assert_eq!(sockets[sender].text().unwrap(), r#"42["has sent"]"#);
            }
        }
        sockets[asker].send(r#"428["keep"]"#).unwrap();
        assert_eq!(sockets[asker].text().unwrap(), r#"42["kept"]"#);
        kept.lock().unwrap().pop().unwrap().post(("posted",));
        assert_eq!(sockets[asker].text().unwrap(), r#"438["posted"]"#);
    }
}

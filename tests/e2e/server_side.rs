//! Events between servers: the shards of one process, and those of two nodes.

use std::sync::Arc;

use parlor_server::{Binary, EmitError, ServerAnswer};

use super::{places::everywhere, *};

fn numbers(answers: &[ServerAnswer]) -> Vec<u32> {
    let read = |answer: &ServerAnswer| {
        let bytes: Binary = answer.args.get(1).unwrap();
        assert_eq!(bytes.0.as_ref(), b"bytes");
        answer.args.get(0).unwrap()
    };
    let mut numbers: Vec<u32> = answers.iter().map(read).collect();
    numbers.sort_unstable();
    numbers
}

fn talking(server: &mut Server) {
    server
        .on_server_side("tell", |cx, args| {
            assert!(cx.take_ack().is_none(), "nobody wants an answer");
            let (text, shard) = (args.get::<String>(0).unwrap(), cx.shard());
            cx.namespace("/").local().emit("told", (text, shard));
        })
        .on_server_side("add", |cx, args| {
            let (n, bytes) = (args.get::<u32>(0).unwrap(), args.get::<Binary>(1).unwrap());
            cx.ack((n + 1, bytes));
            cx.ack(("only the first counts",));
        })
        .on_server_side("add later", |cx, args| {
            let (n, bytes) = (args.get::<u32>(0).unwrap(), args.get::<Binary>(1).unwrap());
            let ack = cx.take_ack().unwrap();
            assert!(cx.take_ack().is_none());
            cx.ack(("the right to do that is taken",));
            std::thread::spawn(move || ack.send((n + 1, bytes)));
        })
        .on_server_side("give up", |cx, _| drop(cx.take_ack().unwrap()))
        .on_server_side("boom later", |cx, _| {
            let _ack = cx.take_ack().unwrap();
            panic!("as the test wants it");
        })
        .on_server_side("silent", |_, _| ())
        .on_server_side("boom", |_, _| panic!("as the test wants it"));
    server
        .namespace("/")
        .on("tell", |cx, _| cx.server_side_emit("tell", ("hi",)))
        .on_async("tell async", |cx, _| async move { cx.server_side_emit("tell", ("a",)).await })
        .on("ask", |cx, _| {
            let ack = cx.take_ack().unwrap();
            let args = (7, Binary::from(b"bytes".to_vec()));
            cx.server_side_ask("add", args, DEADLINE, |cx, answers| {
                ack.send(cx, (numbers(&answers), answers.n_silent_shards()));
            });
        })
        .on_async("ask async", |cx, args| async move {
            let name: String = args.get(0).unwrap();
            let args = (8, Binary::from(b"bytes".to_vec()));
            let answers = cx.server_side_ask(&name, args, DEADLINE).await.unwrap();
            cx.ack((numbers(&answers), answers.n_silent_shards())).await;
        })
        .on("end", |cx, _| cx.everyone().emit("end", ()));
}

#[test]
fn servers_hear_each_other_and_answer() {
    everywhere(talking, |place| {
        let n_shards = place.n_shards();
        let n_others = n_shards - 1;
        let mut all = place.join(n_shards);
        for event in ["tell", "tell async"] {
            all[0].send(&format!(r#"42["{event}"]"#)).unwrap();
            all[0].send(r#"42["end"]"#).unwrap();
            let heard = all.iter_mut().map(|socket| places::hear(socket, r#"42["end"]"#).len());
            let heard: Vec<usize> = heard.collect();
            assert_eq!(heard.iter().sum::<usize>(), n_others, "{event}: {heard:?}");
            assert_eq!(heard[0], 0, "it is for the others");
        }
        let eights = vec!["8"; n_others].join(",");
        all[0].send(r#"421["ask"]"#).unwrap();
        assert_eq!(all[0].text().unwrap(), format!("431[[{eights}],0]"));
        let nines = vec!["9"; n_others].join(",");
        for (event, answer) in [
            ("add", format!("431[[{nines}],0]")),
            ("add later", format!("431[[{nines}],0]")),
            ("silent", format!("431[[],{n_others}]")),
            ("give up", format!("431[[],{n_others}]")),
            ("boom later", format!("431[[],{n_others}]")),
            ("boom", format!("431[[],{n_others}]")),
            ("nobody listens", format!("431[[],{n_others}]")),
        ] {
            // Who has nothing to say says so: nobody waits for it.
            all[0].send(&format!(r#"421["ask async","{event}"]"#)).unwrap();
            assert_eq!(all[0].text().unwrap(), answer);
        }
        // An emitter is beside the shards: all of them hear it.
        let emitter = place.first().emitter();
        emitter.server_side_emit("tell", ("all",)).unwrap();
        for socket in &mut all {
            assert!(socket.text().unwrap().starts_with(r#"42["told","all","#));
        }
        let args = (1, Binary::from(b"bytes".to_vec()));
        let answers = emitter.server_side_ask("add", args, DEADLINE).unwrap().wait().unwrap();
        assert_eq!(numbers(&answers), vec![2; n_shards]);
        let refused = emitter.server_side_emit("new_namespace", ());
        assert!(matches!(refused, Err(EmitError::Encode(_))));
    });
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_longer_than_asked() {
    let mut config = Config::default();
    config.server.shards = 2;
    let (running, hold) = start_with(config, |server| {
        talking(server);
        Hold::serve(server)
    });
    let [first, mut second] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
    hold.begin(&mut second);
    let args = (1, Binary::from(b"bytes".to_vec()));
    let timeout = Duration::from_millis(50);
    let emitter = running.emitter();
    let answers = emitter.server_side_ask("add", args, timeout).unwrap().wait().unwrap();
    assert_eq!((numbers(&answers), answers.n_silent_shards()), (vec![2], 1));
    hold.release();
    drop(first);
}

#[test]
#[should_panic(expected = "`connection` is a reserved event name")]
fn reserved_names_are_not_listened_to() {
    Server::default().on_server_side("connection", |_, _| ());
}

#[test]
fn a_handler_that_emits_a_reserved_name_ends_its_socket() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on("go", |cx, _| cx.server_side_emit("connection", ()));
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"42["go"]"#).unwrap();
    assert_eq!(socket.text().unwrap(), "41");
}

/// Closes the server in one of four ways.
fn closing(server: &mut Server, told: mpsc::Sender<&'static str>) {
    let told = Arc::new(Mutex::new(told));
    server
        .namespace("/")
        .on("now", |cx, _| cx.close_server())
        .on_async("later", |cx, _| async move { cx.close_server() })
        .on_disconnect(move |_, reason| told.lock().unwrap().send(reason.as_str()).unwrap());
}

#[test]
fn handlers_and_emitters_close_the_server() {
    for how in ["now", "later", "emitter"] {
        let (sender, reasons) = mpsc::channel();
        let running = start(Config::default(), |server| closing(server, sender));
        let [mut first, mut second] = [(); 2].map(|()| WebSocket::join(running.address()).unwrap());
        match how {
            "emitter" => running.emitter().close_server().unwrap(),
            event => first.send(&format!(r#"42["{event}"]"#)).unwrap(),
        }
        for socket in [&mut first, &mut second] {
            assert_eq!(socket.receive().unwrap(), Received::Close(Some(1001)));
        }
        running.wait().unwrap();
        assert_eq!(reasons.iter().collect::<Vec<_>>(), ["server shutting down"; 2], "{how}");
    }
}

//! Clients that come back, over real connections: what each row of the list of bad inputs says of
//! recovery, on one shard and on several, where a client comes back to any of them.
//! Every interleaving is core's matter (`world/tests/shards/recovery.rs`) and the simulator's.

use std::net::SocketAddr;

use parlor_server::{ConnectError, Context, DisconnectReason, Namespace};
use parlor_tests::harness::WebSocket;
use serde_json::Value;

use super::*;

/// What a client knows of itself, as stock ones do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    sid: String,
    pid: String,
    offset: Option<String>,
}

struct Client {
    socket: WebSocket,
    known: Known,
    /// Events, without their offsets.
    heard: Vec<String>,
}

impl Client {
    /// Connects with these words, and hears everything up to the welcome.
    fn connect(server: SocketAddr, auth: &str) -> Result<Self, String> {
        let mut socket = WebSocket::open(server, "").unwrap();
        assert!(socket.text().unwrap().starts_with('0'));
        socket.send(&format!("40{auth}")).unwrap();
        let mut client = Self { socket, known: Known::default(), heard: Vec::new() };
        loop {
            let text = client.socket.text().unwrap();
            if text.starts_with("44") {
                return Err(text);
            }
            if let Some(welcome) = text.strip_prefix("40") {
                let welcome: Value = serde_json::from_str(welcome).unwrap();
                let part = |name: &str| welcome[name].as_str().unwrap_or_default().to_owned();
                (client.known.sid, client.known.pid) = (part("sid"), part("pid"));
                return Ok(client);
            }
            client.hear(&text);
        }
    }

    fn new(server: SocketAddr) -> Self {
        Self::connect(server, "").unwrap()
    }

    /// Comes back as one that knows this much.
    fn back(server: SocketAddr, known: &Known) -> Self {
        let offset = known.offset.as_ref().map(|offset| format!(r#","offset":"{offset}""#));
        let offset = offset.unwrap_or_default();
        let auth = format!(r#"{{"pid":"{}"{offset}}}"#, known.pid);
        Self::connect(server, &auth).unwrap()
    }

    fn is_recovered_as(&self, known: &Known) -> bool {
        let is_it = self.known.pid == known.pid;
        assert_eq!(is_it, self.known.sid == known.sid);
        is_it
    }

    /// An event: a trailing string is taken for its offset.
    fn hear(&mut self, text: &str) {
        let Some(event) = text.strip_prefix("42") else { panic!("{text}") };
        let mut args: Vec<Value> = serde_json::from_str(event).unwrap();
        if let Some(Value::String(offset)) = args.last() {
            self.known.offset = Some(offset.clone());
        }
        args.pop();
        self.heard.push(Value::from(args).to_string());
    }

    /// Hears events until the answer to an event of its own.
    fn call(&mut self, event: &str) -> String {
        self.socket.send(&format!("427{event}")).unwrap();
        loop {
            let text = self.socket.text().unwrap();
            if let Some(answer) = text.strip_prefix("437") {
                return answer.to_owned();
            }
            self.hear(&text);
        }
    }

    fn say(&mut self, room: &str, word: &str) {
        assert_eq!(self.call(&format!(r#"["say","{room}","{word}"]"#)), "[]");
    }

    /// Hangs up without a word; the server knows when this is done.
    fn lose(self, bystander: &mut Self) -> Known {
        let Self { socket, known, .. } = self;
        drop(socket);
        let gone = format!(r#"["gone","{}"]"#, known.sid);
        while bystander.call(&gone) != "[true]" {}
        known
    }
}

fn recovering(n_shards: usize, build: impl FnOnce(&mut Server)) -> Running {
    let mut config = Config::default();
    config.server.shards = n_shards;
    recovering_with(config, build)
}

/// A server whose main namespace lets clients come back: `say` to a room, `gone` tells whether a
/// socket has lost its connection, `note` keeps something, `notes` tells it.
fn recovering_with(config: Config, build: impl FnOnce(&mut Server)) -> Running {
    let gone: std::sync::Arc<Mutex<Vec<String>>> = std::sync::Arc::default();
    start(config, |server| {
        let lost = std::sync::Arc::clone(&gone);
        server
            .namespace("/")
            .recoverable()
            .on_connect(|cx| {
                if !cx.recovered() {
                    cx.join("all");
                }
            })
            .on_typed("say", |cx, (room, word): (String, String)| {
                cx.everyone().to(room).emit("said", (word,));
                cx.ack(());
            })
            .on_typed("join", |cx, (room,): (String,)| {
                cx.join(room);
                cx.ack(());
            })
            .on_typed("note", |cx, (word,): (String,)| {
                cx.data::<Vec<String>>().push(word);
                cx.ack(());
            })
            .on("notes", |cx, _| {
                let notes = cx.data::<Vec<String>>().clone();
                cx.ack((notes, cx.recovered()));
            })
            .on_typed("gone", move |cx, (sid,): (String,)| {
                let is_gone = gone.lock().unwrap().contains(&sid);
                cx.ack((is_gone,));
            })
            .on_disconnect(move |cx: &mut Context<'_>, _| {
                lost.lock().unwrap().push(cx.id().to_string());
            });
        build(server);
    })
}

#[test]
fn a_client_that_was_away_has_its_id_rooms_data_and_all_it_missed() {
    for n_shards in [1, 3] {
        let running = recovering(n_shards, |_| ());
        let server = running.address();
        let mut other = Client::new(server);
        // Each comes back to another shard than it was on, if there is one.
        for round in 0..4 {
            let mut client = Client::new(server);
            assert_eq!(client.call(r#"["join","red"]"#), "[]");
            assert_eq!(client.call(r#"["note","kept"]"#), "[]");
            other.say("red", "before");
            while client.heard.is_empty() {
                client.call(r#"["notes"]"#);
            }
            let known = client.lose(&mut other);
            for word in ["one", "two"] {
                other.say("red", word);
            }
            other.say("blue", "of others");
            let mut client = Client::back(server, &known);
            assert!(client.is_recovered_as(&known), "{n_shards} shards, round {round}");
            other.say("red", "after");
            while client.heard.len() < 3 {
                assert_eq!(client.call(r#"["notes"]"#), r#"[["kept"],true]"#);
            }
            assert_eq!(
                client.heard,
                [r#"["said","one"]"#, r#"["said","two"]"#, r#"["said","after"]"#]
            );
            other.heard.clear();
        }
        running.stop();
        running.wait().unwrap();
    }
}

#[test]
fn rec_01_rec_02_the_last_to_come_holds_the_socket_alone_and_the_first_is_told() {
    let (tell, told) = mpsc::channel();
    let running = recovering(2, |server| {
        let tell = Mutex::new(tell);
        server.namespace("/").on_disconnect(move |_, reason: DisconnectReason| {
            tell.lock().unwrap().send(reason.as_str()).unwrap();
        });
    });
    let server = running.address();
    let (mut first, mut other) = (Client::new(server), Client::new(server));
    other.say("all", "before");
    while first.heard.is_empty() {
        first.call(r#"["notes"]"#);
    }
    let known = first.known.clone();
    let mut second = Client::back(server, &known);
    assert!(second.is_recovered_as(&known));
    assert_eq!(first.socket.text().unwrap(), "41");
    assert_eq!(first.socket.receive().unwrap(), Received::Close(Some(1000)));
    assert_eq!(told.recv_timeout(DEADLINE).unwrap(), "session taken over");
    other.say("all", "after");
    while second.heard.is_empty() {
        second.call(r#"["notes"]"#);
    }
    assert_eq!(second.heard, [r#"["said","after"]"#]);
}

#[test]
fn a_handler_of_one_that_is_gone_or_back_says_to_others_what_is_for_others() {
    for n_shards in [1, 3] {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        let gates = std::sync::Arc::clone(&gate);
        let running = recovering(n_shards, move |server| {
            server.namespace("/").on_async("wait", move |cx, _| {
                let gate = std::sync::Arc::clone(&gates);
                async move {
                    cx.emit("waiting", ()).await;
                    gate.notified().await;
                    assert!(!cx.is_connected());
                    cx.volatile().to("all").emit("volatile to", ()).await;
                    cx.volatile().except("none").emit("volatile except", ()).await;
                    cx.to("all").emit("to", ()).await;
                    cx.broadcast().emit("broadcast", ()).await;
                    cx.emit("own", ()).await;
                }
            });
        });
        let server = running.address();
        let mut other = Client::new(server);
        for (round, is_back) in [false, true, true, true, true].into_iter().enumerate() {
            let mut client = Client::new(server);
            client.socket.send(r#"42["wait"]"#).unwrap();
            let waiting = client.socket.text().unwrap();
            client.hear(&waiting);
            let known = client.lose(&mut other);
            let back = is_back.then(|| Client::back(server, &known));
            gate.notify_one();
            while other.heard.len() < 4 {
                other.call(r#"["notes"]"#);
            }
            let all = [r#"["volatile to"]"#, r#"["volatile except"]"#, r#"["to"]"#];
            assert_eq!(other.heard, [&all[..], &[r#"["broadcast"]"#]].concat());
            let mut client = back.unwrap_or_else(|| Client::back(server, &known));
            assert!(client.is_recovered_as(&known));
            other.say("all", &round.to_string());
            let end = format!(r#"["said","{round}"]"#);
            let own = r#"["own"]"#.to_owned();
            while !(client.heard.contains(&end) && client.heard.contains(&own)) {
                client.call(r#"["notes"]"#);
            }
            // What was said in the round before may come late.
            client.heard.retain(|text| !text.starts_with(r#"["said""#));
            assert_eq!(client.heard, [own], "{is_back}");
            other.heard.clear();
            std::mem::forget(client);
        }
    }
}

#[test]
fn rec_03_a_volatile_event_that_ends_in_a_string_is_no_offset() {
    let running = recovering(1, |server| {
        server.namespace("/").on("volatile", |cx, _| {
            cx.emit("reliable", ("r",));
            cx.volatile().emit("volatile", (1, "looks like an offset"));
            cx.volatile().emit("bare", ());
            cx.ack(());
        });
    });
    let server = running.address();
    let (mut client, mut other) = (Client::new(server), Client::new(server));
    client.call(r#"["volatile"]"#);
    assert_eq!(
        client.heard,
        [r#"["reliable","r"]"#, r#"["volatile",1,"looks like an offset"]"#, r#"["bare"]"#],
        "one argument more: an offset or a null"
    );
    let known = client.lose(&mut other);
    other.say("all", "missed");
    let client = Client::back(server, &known);
    assert!(client.is_recovered_as(&known));
    assert_eq!(client.heard, [r#"["said","missed"]"#]);
}

#[test]
fn rec_04_a_client_comes_back_before_it_has_got_any_event() {
    for n_shards in [1, 2] {
        let running = recovering(n_shards, |_| ());
        let server = running.address();
        let (client, mut other) = (Client::new(server), Client::new(server));
        let known = client.lose(&mut other);
        assert_eq!(known.offset, None);
        let client = Client::back(server, &known);
        assert!(client.is_recovered_as(&known));
        let known = client.lose(&mut other);
        other.say("all", "first of all");
        let client = Client::back(server, &known);
        assert!(client.is_recovered_as(&known));
        assert_eq!(client.heard, [r#"["said","first of all"]"#]);
    }
}

#[test]
fn rec_05_a_client_that_heard_nothing_for_longer_than_anything_is_kept_comes_back() {
    let mut config = Config::default();
    config.server.shards = 1;
    config.engine.ping_interval_ms = 50;
    config.engine.ping_timeout_ms = 5_000;
    // What others are sent pushes everything older out.
    config.recovery.max_total_bytes = 2_000;
    let running = recovering_with(config, |_| ());
    let server = running.address();
    let (mut client, mut other) = (Client::new(server), Client::new(server));
    other.say("all", "the last that it hears");
    client.call(r#"["notes"]"#);
    let known = client.known.clone();
    // Its pong confirms what it has.
    while client.socket.n_pings < 2 {
        client.call(r#"["notes"]"#);
    }
    other.call(r#"["join","others"]"#);
    (0..100).for_each(|_| other.say("others", "something that takes room"));
    drop(client);
    let client = Client::back(server, &known);
    assert!(client.is_recovered_as(&known));
}

#[test]
fn rec_06_ns_13_ns_14_a_wrong_claim_is_a_new_beginning_and_tells_nothing() {
    let running = recovering(2, |_| ());
    let server = running.address();
    let (client, mut other) = (Client::new(server), Client::new(server));
    other.say("all", "secret");
    let known = client.lose(&mut other);
    let (pid, offset) = (&known.pid, other.known.offset.clone().unwrap());
    for auth in [
        r#"{"pid":"AAAAAAAAAAAAAAAAAAAAAAAA","offset":"1"}"#.to_owned(),
        format!(r#"{{"pid":"{pid}","offset":"ffff"}}"#),
        format!(r#"{{"pid":"{pid}","offset":"__proto__"}}"#),
        format!(r#"{{"pid":"{}","offset":"{offset}"}}"#, &pid[1..]),
        format!(r#"{{"pid":{{"toString":"{pid}"}},"offset":"{offset}"}}"#),
        format!(r#"{{"pid":7,"offset":"{offset}"}}"#),
        format!(r#"{{"pid":"{pid}","offset":7}}"#),
        format!(r#"{{"pid":"{pid}","offset":null}}"#),
        format!(r#"{{"pid":"{pid}","pid":"x","offset":"{offset}"}}"#),
        format!(r#"{{"pid":["{pid}"]}}"#),
        format!(r#"{{"offset":"{offset}"}}"#),
    ] {
        let client = Client::connect(server, &auth).unwrap();
        assert!(!client.is_recovered_as(&known), "{auth}");
        assert_eq!(client.heard, [""; 0], "{auth}");
    }
    assert!(Client::back(server, &known).is_recovered_as(&known), "it is still there");
}

#[test]
fn rec_07_what_was_one_persons_nobody_else_gets() {
    check_identity(|namespace| {
        namespace.admit(|cx, auth| {
            let auth: Value = auth.get().unwrap_or_default();
            if let Some(name) = auth["name"].as_str() {
                cx.identify(name);
            }
            Ok(())
        });
    });
    check_identity(|namespace| {
        namespace.admit_async(|cx, auth| async move {
            let auth: Value = auth.get().unwrap_or_default();
            if let Some(name) = auth["name"].as_str() {
                cx.identify(name).await;
            }
            Ok(())
        });
    });
}

fn check_identity(admit: impl FnOnce(&mut Namespace)) {
    let running = recovering(2, |server| admit(server.namespace("/")));
    let server = running.address();
    let mut other = Client::new(server);
    let alice = Client::connect(server, r#"{"name":"alice"}"#).unwrap();
    let known = alice.lose(&mut other);
    let claim = |name: &str| format!(r#"{{"name":"{name}","pid":"{}"}}"#, known.pid);
    assert!(!Client::connect(server, &claim("mallory")).unwrap().is_recovered_as(&known));
    assert!(!Client::back(server, &known).is_recovered_as(&known), "nobody in particular");
    assert!(Client::connect(server, &claim("alice")).unwrap().is_recovered_as(&known));
}

#[test]
fn what_is_said_to_one_that_is_just_gone_arrives_when_it_is_back() {
    let running = recovering(2, |server| {
        server
            .namespace("/news")
            .recoverable()
            .on_disconnect(|cx, _| cx.emit("last", (1,)))
            .on_disconnect_async(|cx, _| async move { cx.emit("last", (2,)).await });
    });
    let server = running.address();
    let mut client = WebSocket::open(server, "").unwrap();
    client.text().unwrap();
    client.send("40/news,").unwrap();
    let welcome = client.text().unwrap();
    let welcome: Value = serde_json::from_str(welcome.strip_prefix("40/news,").unwrap()).unwrap();
    drop(client);
    wait_for_metric(server, "parlor_sockets_parked 1");
    let mut client = WebSocket::open(server, "").unwrap();
    client.text().unwrap();
    client.send(&format!(r#"40/news,{{"pid":{}}}"#, welcome["pid"])).unwrap();
    let mut texts = [(); 3].map(|()| client.text().unwrap());
    texts.sort_unstable();
    assert!(texts[0].starts_with("40/news,"), "{texts:?}");
    assert!(texts[1].starts_with(r#"42/news,["last",1,"#), "{texts:?}");
    assert!(texts[2].starts_with(r#"42/news,["last",2,"#), "{texts:?}");
}

#[test]
fn one_that_is_taken_over_says_good_bye_to_the_others_and_not_to_itself() {
    let running = recovering(2, |server| {
        server
            .namespace("/")
            .on_disconnecting(|cx, _, rooms| cx.to(rooms).emit("leaves", ()))
            .on_disconnect(|cx, _| {
                cx.broadcast().emit("left", ());
                cx.volatile().to("all").emit("all left", ());
                cx.emit("own", ());
            });
    });
    let server = running.address();
    let mut other = Client::new(server);
    let first = Client::new(server);
    let mut known = first.known.clone();
    let mut holders = vec![first];
    // Each on the other shard than the one before, or on the same.
    for round in 0..6 {
        if round == 3 {
            holders.push(Client::new(server));
        }
        holders.push(Client::back(server, &known));
        while other.heard.len() < 3 {
            other.call(r#"["notes"]"#);
        }
        assert_eq!(other.heard, [r#"["leaves"]"#, r#"["left"]"#, r#"["all left"]"#]);
        other.heard.clear();
        other.say("all", "end");
        let Some(holder) = holders.last_mut() else { panic!("somebody has it") };
        assert!(holder.is_recovered_as(&known), "round {round}");
        let (own, end) = (r#"["own"]"#.to_owned(), r#"["said","end"]"#.to_owned());
        while !(holder.heard.contains(&end) && holder.heard.contains(&own)) {
            holder.call(r#"["notes"]"#);
        }
        holder.heard.retain(|text| *text != end);
        assert_eq!(holder.heard, [own], "round {round}");
        known = holder.known.clone();
        other.heard.clear();
    }
}

#[test]
fn rec_08_so_many_are_kept_and_the_oldest_go_first() {
    let mut config = Config::default();
    config.server.shards = 1;
    config.recovery.max_sockets_per_address = 3;
    let running = recovering_with(config, |_| ());
    let server = running.address();
    let mut other = Client::new(server);
    let mut known = Vec::new();
    for _ in 0..5 {
        known.push(Client::new(server).lose(&mut other));
    }
    wait_for_metric(server, "parlor_sockets_parked 3");
    for (at, known) in known.iter().enumerate() {
        let client = Client::back(server, known);
        assert_eq!(client.is_recovered_as(known), at >= 2, "{at}");
        std::mem::forget(client);
    }
    wait_for_metric(server, "parlor_sockets_parked 0");
    wait_for_metric(server, "parlor_sockets_recovered_total 3");
}

#[test]
fn rec_09_admission_is_asked_again() {
    let banned = std::sync::Arc::new(Mutex::new(false));
    let running = recovering(2, |server| {
        let banned = std::sync::Arc::clone(&banned);
        server.namespace("/").admit(move |_, _| match *banned.lock().unwrap() {
            false => Ok(()),
            true => Err(ConnectError::new("banned")),
        });
    });
    let server = running.address();
    let (client, mut other) = (Client::new(server), Client::new(server));
    let known = client.lose(&mut other);
    *banned.lock().unwrap() = true;
    let claim = format!(r#"{{"pid":"{}"}}"#, known.pid);
    let refused = Client::connect(server, &claim).err();
    assert_eq!(refused.as_deref(), Some(r#"44{"message":"banned"}"#));
}

#[test]
fn nothing_is_kept_of_who_says_good_bye_or_after_the_window() {
    let mut config = Config::default();
    config.recovery.window_ms = 1;
    let running = recovering_with(config, |_| ());
    let server = running.address();
    let (client, mut other) = (Client::new(server), Client::new(server));
    let known = client.lose(&mut other);
    wait_for_metric(server, "parlor_sockets_parked 0");
    assert!(!Client::back(server, &known).is_recovered_as(&known), "the window is over");

    let running = recovering(1, |_| ());
    let server = running.address();
    let mut client = Client::new(server);
    client.socket.send("41").unwrap();
    assert!(!Client::back(server, &client.known).is_recovered_as(&client.known));
}

#[test]
fn an_offset_of_a_process_before_this_one_leaves_no_gap() {
    let running = recovering(1, |_| ());
    let (mut client, mut other) = (Client::new(running.address()), Client::new(running.address()));
    other.say("all", "a");
    other.say("all", "b");
    while client.heard.len() < 2 {
        client.call(r#"["notes"]"#);
    }
    let mut known = client.known.clone();
    running.stop();
    running.wait().unwrap();
    let running = recovering(1, |_| ());
    let server = running.address();
    let mut other = Client::new(server);
    let client = Client::back(server, &known);
    assert!(!client.is_recovered_as(&known));
    // Stock clients keep the offset that they have.
    (known.pid, known.sid) = (client.known.pid.clone(), client.known.sid.clone());
    client.lose(&mut other);
    for word in ["1", "2", "3"] {
        other.say("all", word);
    }
    let client = Client::back(server, &known);
    assert!(client.is_recovered_as(&known));
    assert_eq!(client.heard, ["1", "2", "3"].map(|word| format!(r#"["said","{word}"]"#)));
}

#[test]
fn who_loses_its_connection_has_left_its_rooms_for_those_who_count() {
    let (tell, told) = mpsc::channel::<String>();
    let running = recovering(1, |server| {
        let tell = std::sync::Arc::new(Mutex::new(tell));
        let note = move |what: String| drop(tell.lock().unwrap().send(what));
        let [created, joined, left, deleted, leaving] = [(); 5].map(|()| note.clone());
        server
            .namespace("/")
            .on_create_room(move |_, room| created(format!("created {room}")))
            .on_join_room(move |_, room| joined(format!("joined {room}")))
            .on_leave_room(move |_, room| left(format!("left {room}")))
            .on_delete_room(move |_, room| deleted(format!("deleted {room}")))
            .on_disconnecting(move |_, _, rooms| leaving(format!("leaving {}", rooms.len())));
    });
    let server = running.address();
    let mut other = Client::new(server);
    let mut client = Client::new(server);
    client.call(r#"["join","red"]"#);
    let known = client.lose(&mut other);
    let client = Client::back(server, &known);
    assert!(client.is_recovered_as(&known));
    running.stop();
    running.wait().unwrap();
    let is_of_other = |what: &String| what.ends_with(" all") || what == "leaving 1";
    let of_red: Vec<String> = told.try_iter().filter(|what| !is_of_other(what)).collect();
    let (there, gone) = (["created red", "joined red"], ["leaving 2", "left red", "deleted red"]);
    let once = there.into_iter().chain(gone);
    let all: Vec<&str> = once.clone().chain(once).collect();
    assert_eq!(of_red, all, "and once more when the server ends");
}

#[test]
fn what_admission_has_stored_is_not_overwritten_by_what_was_kept() {
    #[derive(serde::Deserialize)]
    struct Role {
        role: Option<String>,
    }
    let running = recovering(1, |server| {
        server.namespace("/").admit(|cx, auth| {
            if let Some(role) = auth.get::<Role>().ok().and_then(|role| role.role) {
                *cx.data::<Vec<String>>() = vec![role];
            }
            Ok(())
        });
    });
    let server = running.address();
    let mut other = Client::new(server);
    let client = Client::connect(server, r#"{"role":"admin"}"#).unwrap();
    let mut known = client.lose(&mut other);
    for (role, notes) in
        [(r#","role":"guest""#, r#"[["guest"],true]"#), ("", r#"[["guest"],true]"#)]
    {
        let auth = format!(r#"{{"pid":"{}"{role}}}"#, known.pid);
        let mut client = Client::connect(server, &auth).unwrap();
        assert!(client.is_recovered_as(&known));
        assert_eq!(client.call(r#"["notes"]"#), notes);
        known = client.lose(&mut other);
    }
}

/// As on Node, where middleware may emit before the socket is connected.
#[test]
fn what_admission_sends_comes_behind_the_welcome() {
    let running = start(Config::default(), |server| {
        server.namespace("/now").recoverable().admit(|cx, _| {
            cx.emit("session", (cx.recovered(),));
            Ok(())
        });
        server.namespace("/later").recoverable().admit_async(|cx, _| async move {
            cx.emit("session", (1,)).await;
            Ok(())
        });
        server.namespace("/refused").admit(|cx, _| {
            cx.emit("session", (1,));
            Err(ConnectError::new("no"))
        });
    });
    let open = || {
        let mut socket = WebSocket::open(running.address(), "").unwrap();
        socket.text().unwrap();
        socket
    };
    for name in ["/now", "/later"] {
        let mut socket = open();
        socket.send(&format!("40{name},")).unwrap();
        assert!(socket.text().unwrap().starts_with(&format!("40{name},{{")));
        let session = socket.text().unwrap();
        assert!(session.starts_with(&format!(r#"42{name},["session","#)), "{session}");
        assert!(session.ends_with("\"]"), "with an offset: {session}");
    }
    let mut socket = open();
    for _ in 0..2 {
        socket.send("40/refused,").unwrap();
        assert_eq!(socket.text().unwrap(), r#"44/refused,{"message":"no"}"#);
    }
}

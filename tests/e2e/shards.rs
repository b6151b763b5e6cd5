//! Several shards, and two nodes: whatever one client does reaches the others wherever they are.
//! That requests of one session may land on any shard is the stock clients' matter, behind nginx.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parlor_server::{Binary, Config, Running};
use parlor_tests::{
    app::{self, App},
    harness::WebSocket,
};
use serde_json::{Value, json};

use super::{Hold, POLLING};

/// A client of the application, which remembers what came while it waited for something else.
struct Client {
    socket: WebSocket,
    id: String,
    heard: Vec<String>,
}

impl Client {
    fn connect(server: SocketAddr) -> Self {
        let socket = WebSocket::join(server).unwrap();
        let mut client = Self { socket, id: String::new(), heard: Vec::new() };
        assert_eq!(client.next(), r#"42["auth",{}]"#);
        client.id = client.call(&json!(["whoami"]))["id"].as_str().unwrap().to_owned();
        client
    }

    fn next(&mut self) -> String {
        self.socket.text().unwrap()
    }

    fn send(&mut self, text: &str) {
        self.socket.send(text).unwrap();
    }

    /// An event, and the first argument of its answer.
    fn call(&mut self, event: &Value) -> Value {
        self.send(&format!("427{event}"));
        loop {
            let text = self.next();
            if let Some(answer) = text.strip_prefix("437") {
                return serde_json::from_str::<Vec<Value>>(answer).unwrap().remove(0);
            }
            self.heard.push(text);
        }
    }

    fn join(&mut self, room: &str) {
        assert_eq!(self.call(&json!(["join", room])), "ok");
    }

    /// Everything that has reached this client, once a message of its own has come back.
    fn heard(&mut self) -> Vec<String> {
        self.call(&json!(["message-with-ack", 1]));
        std::mem::take(&mut self.heard)
    }
}

fn start(shards: usize) -> Running {
    let mut config = app::config();
    config.server.shards = shards;
    App::Socket.server(config).start("127.0.0.1:0").unwrap()
}

/// Twice as many clients as shards, so that each shard has two.
fn clients(servers: &[SocketAddr], n: usize) -> Vec<Client> {
    (0..n).map(|i| Client::connect(servers[i % servers.len()])).collect()
}

/// All that clients on different shards can do to each other.
fn speak(all: &mut [Client]) {
    for client in all.iter_mut() {
        client.join("r");
    }
    all[0].join("first");
    // Who has joined is known everywhere: from here on each broadcast reaches all but its sender.
    for (i, client) in all.iter_mut().enumerate() {
        for n in 0..20 {
            assert_eq!(client.call(&json!(["room-send", "r", [i, n]])), "ok");
        }
    }
    let n_others = all.len() - 1;
    for client in all.iter_mut() {
        // What another shard was told may still be on its way: 20 from each other come.
        while client.heard.len() < 20 * n_others {
            let text = client.next();
            client.heard.push(text);
        }
        let heard = client.heard();
        assert_eq!(heard.len(), 20 * n_others, "each once");
        let mut next = vec![0; n_others + 1];
        for text in heard {
            let event: Value = serde_json::from_str(text.strip_prefix("42").unwrap()).unwrap();
            assert_eq!((&event[0], &event[1]), (&json!("room-message"), &json!("r")));
            let (from, n) = (event[2][0].as_u64().unwrap(), event[2][1].as_u64().unwrap());
            assert_eq!(n, next[from as usize], "in order from each");
            next[from as usize] += 1;
        }
    }
    let mut ids: Vec<String> = all.iter().map(|client| client.id.clone()).collect();
    ids.sort_unstable();
    let (head, tail) = all.split_at_mut(1);
    assert_eq!(head[0].call(&json!(["sockets", "r"])), json!(ids));

    // Everybody but the last answers a question that is asked of all.
    head[0].send(r#"428["ask-room","r","who?"]"#);
    let last = tail.len() - 1;
    for (i, client) in tail.iter_mut().enumerate() {
        let question = client.next();
        let id = question.strip_prefix("42").unwrap().strip_suffix(r#"["question","who?"]"#);
        if i < last {
            client.send(&format!("43{}[{i}]", id.unwrap()));
        }
    }
    let own = head[0].next();
    let id = own.strip_prefix("42").unwrap().strip_suffix(r#"["question","who?"]"#).unwrap();
    head[0].send(&format!("43{id}[\"me\"]"));
    let answers = head[0].next();
    let answers: Vec<Vec<Value>> =
        serde_json::from_str(answers.strip_prefix("438").unwrap()).unwrap();
    let n_null = answers[0].iter().filter(|answer| answer.is_null()).count();
    assert_eq!((answers[0].len(), n_null), (all.len(), 1), "{answers:?}");

    // One speaks to another by its id alone, and the last one sends all others away.
    let (head, tail) = all.split_at_mut(1);
    assert_eq!(tail[last].call(&json!(["room-send", head[0].id, "psst"])), "ok");
    assert_eq!(head[0].next(), format!(r#"42["room-message","{}","psst"]"#, head[0].id));
    assert_eq!(tail[last].call(&json!(["gather", "r", "s"])), "ok");
    assert_eq!(tail[last].call(&json!(["leave", "s"])), "ok");
    wait_until(&mut tail[last], &json!(["sockets", "s"]), ids.len() - 1);
    assert_eq!(tail[last].call(&json!(["kick", "s"])), "ok");
    for client in head.iter_mut().chain(&mut tail[..last]) {
        assert_eq!(client.next(), "41");
    }
    wait_until(&mut tail[last], &json!(["sockets", "r"]), 1);
}

/// Asks until so many sockets are told.
fn wait_until(client: &mut Client, event: &Value, n: usize) {
    let wait = std::time::Instant::now();
    loop {
        let told = client.call(event);
        if told.as_array().unwrap().len() == n {
            return;
        }
        assert!(wait.elapsed() < super::DEADLINE, "{told}");
    }
}

#[test]
fn clients_of_all_shards_hear_each_other() {
    for shards in [1, 3] {
        let running = start(shards);
        speak(&mut clients(&[running.address()], 6));
        running.stop();
        running.wait().unwrap();
    }
}

#[test]
fn a_polling_session_is_reached_from_every_connection() {
    let running = start(3);
    let server = running.address();
    // Each request goes by a connection of its own, and so to the next shard.
    let get = |path: &str| super::get(server, path).unwrap();
    let opened = get(POLLING);
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let path = format!("{POLLING}&sid={sid}");
    let post = |body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Length: {}\r\nHost: test\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = super::connect(server).unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    };
    post("40");
    assert!(get(&path).contains("40{\"sid\""));
    for n in 0..12 {
        post(&format!(r#"42["message",{n}]"#));
        let answer = get(&path);
        assert!(answer.contains(&format!(r#"42["message-back",{n}]"#)), "{answer}");
    }
    post("1");
    assert!(get(&path).contains("Session ID unknown"));
    running.stop();
    running.wait().unwrap();
}

/// The fixture as one of two nodes.
struct Node {
    process: Child,
    link: Option<String>,
    address: SocketAddr,
}

impl Node {
    fn start(link: &str, shards: &str) -> Self {
        let mut process = Command::new(super::binary("fixture"))
            .args(["--port", "0", "--shards", shards, "--link", link])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = |word: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(word).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let link = (link == "listen").then(|| line("LINK "));
        let address = line("READY ").parse().unwrap();
        Self { process, link, address }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn clients_of_two_nodes_hear_each_other() {
    for shards in ["1", "2"] {
        let first = Node::start("listen", shards);
        let second = Node::start(first.link.as_ref().unwrap(), shards);
        speak(&mut clients(&[first.address, second.address], 6));
    }
}

#[test]
fn a_session_of_another_node_is_unknown_here() {
    let first = Node::start("listen", "2");
    let second = Node::start(first.link.as_ref().unwrap(), "2");
    let opened = super::get(first.address, POLLING).unwrap();
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("{POLLING}&sid={sid}");
    let answer = super::get(second.address, &path).unwrap();
    assert!(answer.contains("Session ID unknown"), "{answer}");
}

/// Two shards of which the second is at work until it is released.
struct Busy {
    running: Running,
    hold: Hold,
    n_handled: Arc<AtomicUsize>,
    /// On the first shard, whose link to the second is full.
    first: WebSocket,
    /// On the second.
    second: WebSocket,
}

impl Busy {
    fn start() -> Self {
        let n_handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&n_handled);
        let mut config = Config::default();
        config.server.shards = 2;
        let (running, hold) = super::start_with(config, |server| {
            super::echo(server);
            server
                .namespace("/")
                .on("fill", |cx, _| {
                    let filler = Binary::from(vec![0; 1 << 20]);
                    for _ in 0..70 {
                        cx.to("nobody").emit("x", (filler.clone(),));
                    }
                    cx.ack(());
                })
                .on("count", move |cx, _| {
                    count.fetch_add(1, Ordering::SeqCst);
                    cx.to("nobody").emit("y", ());
                });
            Hold::serve(server)
        });
        let mut first = WebSocket::join(running.address()).unwrap();
        let mut second = WebSocket::join(running.address()).unwrap();
        hold.begin(&mut second);
        // One batch fills the mailbox, the next one has to wait.
        for _ in 0..2 {
            first.send(r#"421["fill"]"#).unwrap();
            assert_eq!(first.text().unwrap(), "431[]");
        }
        Self { running, hold, n_handled, first, second }
    }

    fn end(self) {
        self.running.stop();
        self.running.wait().unwrap();
    }
}

/// A GET by a connection that is kept, and its short answer.
fn ask(kept: &mut TcpStream, path: &str) -> String {
    write!(kept, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    let n = kept.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..n]).into_owned()
}

#[test]
fn who_talks_to_a_shard_that_is_stuck_is_not_read_and_then_read_again() {
    let mut busy = Busy::start();
    for _ in 0..2_000 {
        busy.first.send(r#"42["count"]"#).unwrap();
    }
    busy.first.send(r#"422["echo","still here"]"#).unwrap();
    // The first shard is awake all the while: the third connection is its own.
    let mut kept = super::connect(busy.running.address()).unwrap();
    for _ in 0..50 {
        assert!(ask(&mut kept, "/livez").starts_with("HTTP/1.1 200"));
    }
    assert_eq!(busy.n_handled.load(Ordering::SeqCst), 0);
    busy.hold.release();
    assert_eq!(busy.second.text().unwrap(), "431[]");
    assert_eq!(busy.first.text().unwrap(), r#"432["still here"]"#);
    assert_eq!(busy.n_handled.load(Ordering::SeqCst), 2_000, "nothing is lost");
    busy.end();
}

#[test]
fn as_many_shards_as_there_may_be_start_and_stop_and_one_more_is_refused() {
    let running = start(256);
    drop(Client::connect(running.address()));
    running.stop();
    running.wait().unwrap();
    let mut config = app::config();
    config.server.shards = 257;
    let refused = App::Socket.server(config).start("127.0.0.1:0").unwrap_err();
    assert!(refused.to_string().contains("256 at most"), "{refused}");
}

#[test]
fn a_server_that_stops_opens_no_sessions() {
    let running = start(1);
    let server = running.address();
    // It has a session that cannot be told good-bye, and a connection that is kept.
    super::get(server, POLLING).unwrap();
    let mut kept = super::connect(server).unwrap();
    ask(&mut kept, "/livez");
    running.stop();
    let wait = std::time::Instant::now();
    while !ask(&mut kept, "/readyz").starts_with("HTTP/1.1 503") {
        assert!(wait.elapsed() < super::DEADLINE);
    }
    let answer = ask(&mut kept, POLLING);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("stopping"), "{answer}");
    running.wait().unwrap();
}

#[test]
fn an_upgrade_given_up_on_its_way_to_a_busy_shard_is_not_waited_for() {
    let mut config = Config::default();
    config.server.shards = 2;
    let (running, hold) = super::start_with(config, Hold::serve);
    let server = running.address();
    // Connections get to the shards in turn.
    let path = "/socket.io/?EIO=4&transport";
    let mut own = super::connect(server).unwrap();
    let opened = ask(&mut own, &format!("{path}=polling"));
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut other = super::connect(server).unwrap();
    ask(&mut other, "/livez");
    let mut holder = WebSocket::join(server).unwrap();
    hold.begin(&mut holder);

    let mut upgrade = super::connect(server).unwrap();
    write!(
        upgrade,
        "GET {path}=websocket&sid={sid} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    // What has an answer now came later.
    let let_read = |other: &mut TcpStream| (0..3).for_each(|_| drop(ask(other, "/livez")));
    let_read(&mut other);
    drop(upgrade);
    let_read(&mut other);
    hold.release();
    let begin = std::time::Instant::now();
    write!(
        own,
        "POST {path}=polling&sid={sid} HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n40"
    )
    .unwrap();
    let mut answer = [0; 4096];
    let n = own.read(&mut answer).unwrap();
    assert!(answer[..n].ends_with(b"ok"), "{}", String::from_utf8_lossy(&answer[..n]));
    assert!(begin.elapsed() < std::time::Duration::from_secs(1), "it waited for the upgrade");
    running.stop();
    running.wait().unwrap();
}

//! The library and the binary from outside: what an operator and a user of the library may rely on.
//! What clients see of the protocols is the conformance suites' matter (`interop/`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "e2e/accounts.rs"]
mod accounts;
#[path = "e2e/asynchronous.rs"]
mod asynchronous;
#[path = "e2e/bad_input/mod.rs"]
mod bad_input;
#[path = "e2e/chains.rs"]
mod chains;
#[path = "e2e/dynamic.rs"]
mod dynamic;
#[path = "e2e/emitter.rs"]
mod emitter;
#[path = "e2e/failing.rs"]
mod failing;
#[path = "e2e/gathering.rs"]
mod gathering;
#[path = "e2e/handshakes.rs"]
mod handshakes;
#[path = "e2e/limits.rs"]
mod limits;
#[path = "e2e/listening.rs"]
mod listening;
#[path = "e2e/many.rs"]
mod many;
#[path = "e2e/opening.rs"]
mod opening;
#[path = "e2e/places.rs"]
mod places;
#[path = "e2e/players.rs"]
mod players;
#[path = "e2e/reading.rs"]
mod reading;
#[path = "e2e/recovery.rs"]
mod recovery;
#[path = "e2e/server_side.rs"]
mod server_side;
#[path = "e2e/shards.rs"]
mod shards;
#[path = "e2e/time.rs"]
mod time;
#[path = "e2e/typed.rs"]
mod typed;
#[path = "e2e/verbs.rs"]
mod verbs;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parlor_server::{Auth, Config, EngineMessage, Handshake, Running, Server, queue::Declared};
use parlor_tests::harness::{DEADLINE, Received, WebSocket, connect, get, request};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

fn start(config: Config, build: impl FnOnce(&mut Server)) -> Running {
    start_with(config, build).0
}

fn start_with<T>(config: Config, build: impl FnOnce(&mut Server) -> T) -> (Running, T) {
    let mut server = Server::new(config);
    server.namespace("/");
    let built = build(&mut server);
    (server.start("127.0.0.1:0").unwrap(), built)
}

/// Keeps a shard at work: the event `hold` of one of its clients lasts until it is released.
struct Hold {
    release: mpsc::Sender<()>,
    has_begun: mpsc::Receiver<()>,
}

impl Hold {
    fn serve(server: &mut Server) -> Self {
        let (release, released) = mpsc::channel();
        let (begin, has_begun) = mpsc::channel();
        let ends = Mutex::new((begin, released));
        server.namespace("/").on("hold", move |cx, _| {
            let (begin, released) = &*ends.lock().unwrap();
            begin.send(()).unwrap();
            released.recv_timeout(DEADLINE).unwrap();
            cx.ack(());
        });
        Self { release, has_begun }
    }

    /// The client's shard is at work when this is done.
    fn begin(&self, client: &mut WebSocket) {
        client.send(r#"421["hold"]"#).unwrap();
        self.has_begun.recv_timeout(DEADLINE).unwrap();
    }

    fn release(&self) {
        self.release.send(()).unwrap();
    }
}

fn echo(server: &mut Server) {
    server.namespace("/").on("echo", |cx, args| cx.ack(args));
}

fn assert_echoes(socket: &mut WebSocket) {
    socket.send(r#"421["echo","still here"]"#).unwrap();
    assert_eq!(socket.text().unwrap(), r#"431["still here"]"#);
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A handshake by polling with these headers.
fn polling(server: SocketAddr, headers: &str) -> String {
    request(server, &format!("GET {POLLING} HTTP/1.1{headers}")).unwrap()
}

/// The status of a WebSocket's opening with these headers.
fn upgrade(server: SocketAddr, headers: &str) -> String {
    match WebSocket::open(server, headers) {
        Ok(_) => "101".to_owned(),
        Err(answer) => status(&answer.to_string()).to_owned(),
    }
}

/// Asks until the metrics hold this line.
fn wait_for_metric(server: SocketAddr, line: &str) {
    let wait = Instant::now();
    loop {
        let metrics = get(server, "/metrics").unwrap();
        if metrics.lines().any(|l| l == line) {
            return;
        }
        assert!(wait.elapsed() < DEADLINE, "{line} is not in\n{metrics}");
    }
}

/// Does something in that time. On a machine that is busy elsewhere it may take longer now and
/// then; with a server that is harmed it takes longer each time.
fn assert_within(limit: Duration, run: impl Fn()) {
    let wait = Instant::now();
    loop {
        let begun = Instant::now();
        run();
        let took = begun.elapsed();
        if took <= limit {
            return;
        }
        assert!(wait.elapsed() < DEADLINE, "{took:?}, again and again");
    }
}

#[test]
fn a_handler_of_bare_messages_that_panics_ends_its_session_alone() {
    let mut server = Server::new(Config::default());
    server.engine(|cx, message| {
        assert!(message != EngineMessage::Text("boom"));
        cx.send(message);
    });
    let running = server.start("127.0.0.1:0").unwrap();
    let mut sockets = [(); 4].map(|()| WebSocket::open(running.address(), "").unwrap());
    for socket in &mut sockets {
        socket.text().unwrap();
    }
    sockets[0].send("4boom").unwrap();
    assert!(matches!(sockets[0].receive().unwrap(), Received::Close(_)));
    for socket in &mut sockets[1..] {
        socket.send("4hello").unwrap();
        assert_eq!(socket.text().unwrap(), "4hello");
    }
    running.stop();
    running.wait().unwrap();
}

#[test]
fn a_server_that_stops_says_good_bye_and_is_gone() {
    let running = start(Config::default(), echo);
    let server = running.address();
    let mut socket = WebSocket::join(server).unwrap();
    // On one connection, so that the poll's is known to the server before it stops.
    let mut poll = connect(server).unwrap();
    let mut reader = poll.try_clone().unwrap();
    let mut ask = |query: &str| {
        write!(poll, "GET {POLLING}{query} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    };
    ask("");
    let (mut opened, mut part) = (String::new(), [0; 1024]);
    while !opened.ends_with('}') {
        let n = reader.read(&mut part).unwrap();
        assert!(n > 0, "{opened}");
        opened += std::str::from_utf8(&part[..n]).unwrap();
    }
    let sid = opened.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    ask(&format!("&sid={sid}"));
    running.stop();
    assert_eq!(socket.receive().unwrap(), Received::Close(Some(1001)));
    let mut answer = String::new();
    reader.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with('1'), "the waiting poll ends with a close: {answer}");
    running.wait().unwrap();
    assert!(connect(server).is_err(), "nobody listens any more");
}

#[test]
fn a_reader_that_stalls_gets_the_newest_volatile_event_and_skips_others() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on("flood", |cx, _| {
            let filler = "x".repeat(8_000);
            for i in 0..2_000 {
                cx.volatile().emit("state", (i, &filler));
            }
            cx.emit("done", ());
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"42["flood"]"#).unwrap();
    // While the whole flood was being sent this reader took nothing: 16 MB do not fit anywhere.
    let (mut n_received, mut last, mut done) = (0, 0, false);
    while !done || last != 1_999 {
        let text = socket.text().unwrap();
        if text == r#"42["done"]"# {
            done = true;
        } else {
            let number = text.trim_start_matches(r#"42["state","#).split(',').next().unwrap();
            let number: u32 = number.parse().unwrap();
            assert!(number > last || n_received == 0, "{number} after {last}");
            (n_received, last) = (n_received + 1, number);
        }
    }
    assert!(n_received < 1_500, "{n_received} of 2000 came, though most had been replaced");
    let metrics = get(running.address(), "/metrics").unwrap();
    assert!(!metrics.contains("parlor_volatile_replaced_total 0"), "{metrics}");
}

#[test]
fn a_reader_that_stalls_on_reliable_events_is_cut_and_nobody_else_notices() {
    let mut config = Config::default();
    config.limits.write_stall_timeout_ms = 300;
    let running = start(config, |server| {
        echo(server);
        server.namespace("/").on("flood", |cx, _| {
            let filler = "x".repeat(8_000);
            for _ in 0..2_000 {
                cx.emit("event", (&filler,));
            }
        });
    });
    let mut healthy = WebSocket::join(running.address()).unwrap();
    let mut stalled = WebSocket::join(running.address()).unwrap();
    stalled.send(r#"42["flood"]"#).unwrap();
    let wait = Instant::now();
    let closed = "parlor_sessions_closed_total{reason=\"slow consumer\"} 1";
    while !get(running.address(), "/metrics").unwrap().contains(closed) {
        assert!(wait.elapsed() < DEADLINE, "the stalled reader is not cut");
        assert_echoes(&mut healthy);
    }
    assert_echoes(&mut healthy);
}

#[test]
fn a_burst_to_a_client_that_reads_is_not_taken_for_a_slow_reader() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on("burst", |cx, _| {
            for i in 0..20_000 {
                cx.emit("b", (i,));
            }
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"42["burst"]"#).unwrap();
    for i in 0..20_000 {
        assert_eq!(socket.text().unwrap(), format!(r#"42["b",{i}]"#));
    }
}

#[test]
fn an_address_gets_its_sessions_and_connections_and_not_one_more() {
    let mut config = Config::default();
    config.limits.max_sessions_per_address = 2;
    config.limits.max_connections_per_address = 5;
    let running = start(config, echo);
    let server = running.address();
    let first = WebSocket::join(server).unwrap();
    let _second = WebSocket::join(server).unwrap();
    let refused = WebSocket::open(server, "").unwrap_err().to_string();
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.to_lowercase().contains("retry-after: 10"), "{refused}");
    let polling = get(server, POLLING).unwrap();
    assert!(polling.starts_with("HTTP/1.1 429"), "{polling}");
    drop(first);
    let wait = Instant::now();
    while WebSocket::open(server, "").is_err() {
        assert!(wait.elapsed() < DEADLINE, "a session's end gives its place back");
    }
    // Two WebSockets are open, and refused ones have gone: three more connections fit.
    let held: Vec<_> = (0..5).map(|_| connect(server).unwrap()).collect();
    let is_cut = |mut stream: &std::net::TcpStream| matches!(stream.read(&mut [0]), Ok(0) | Err(_));
    let last = held.last().unwrap();
    last.set_read_timeout(Some(DEADLINE)).unwrap();
    assert!(is_cut(last), "one connection too many is closed");
}

#[test]
fn a_session_that_is_closed_is_not_one_that_may_still_join() {
    let mut config = Config::default();
    config.limits.max_pending_sessions_per_address = 1;
    config.engine.connect_timeout_ms = 1;
    let running = start(config, echo);
    let server = running.address();
    let open = || get(server, POLLING).unwrap();
    for n_closed in 1..4 {
        assert!(open().starts_with("HTTP/1.1 200"), "the place of one that nobody polls");
        let closed =
            format!("parlor_sessions_closed_total{{reason=\"forced server close\"}} {n_closed}");
        wait_for_metric(server, &closed);
    }
}

#[test]
fn forwarded_addresses_count_only_from_trusted_proxies() {
    let whoami = |server: &mut Server| {
        server.namespace("/").on("whoami", |cx, _| {
            let address = cx.handshake().map(|handshake| handshake.address.to_string());
            cx.ack((address,));
        });
    };
    let ask = |server: SocketAddr| {
        let mut socket = WebSocket::open(server, "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n").unwrap();
        socket.text().unwrap();
        socket.send("40").unwrap();
        socket.text().unwrap();
        socket.send(r#"420["whoami"]"#).unwrap();
        socket.text().unwrap()
    };
    let running = start(Config::default(), whoami);
    assert_eq!(ask(running.address()), r#"430["127.0.0.1"]"#);
    let mut config = Config::default();
    config.proxy.trusted = vec!["127.0.0.0/8".to_owned()];
    let running = start(config, whoami);
    assert_eq!(ask(running.address()), r#"430["1.2.3.4"]"#);
}

/// Sync and async handlers know both what was asked for and what came along at the CONNECT.
#[test]
fn handlers_see_the_request_that_opened_the_session_and_the_sockets_auth() {
    fn told(by: Option<&Handshake>, auth: Auth<'_>) -> String {
        let by = by.unwrap();
        let token = auth.get::<BTreeMap<String, u32>>().unwrap();
        let (url, xdomain, secure) = (&by.url, by.xdomain(), by.secure());
        let transport = by.param("transport").unwrap();
        assert!(by.time().contains("GMT+0000"), "{}", by.time());
        format!("{url} {transport} {xdomain} {secure} {token:?} {}", by.issued)
    }
    let running = start(Config::default(), |server| {
        server
            .namespace("/")
            .on("tell", |cx, _| {
                let told = told(cx.handshake(), cx.auth());
                cx.ack((told,));
            })
            .on_async("tell later", |cx, _| async move {
                let told = told(cx.handshake(), cx.auth());
                cx.ack((told,)).await;
            });
    });
    let before = SystemTime::now();
    let mut socket = WebSocket::open(running.address(), "Origin: http://a.example\r\n").unwrap();
    let after = SystemTime::now();
    socket.text().unwrap();
    socket.send(r#"40{"token":7}"#).unwrap();
    socket.text().unwrap();
    for event in ["tell", "tell later"] {
        socket.send(&format!(r#"421["{event}"]"#)).unwrap();
        let answer = socket.text().unwrap();
        let (told, issued) = answer.rsplit_once(' ').unwrap();
        let expected = r#"431["/socket.io/?EIO=4&transport=websocket websocket true false"#;
        assert_eq!(told, format!(r#"{expected} {{\"token\": 7}}"#));
        let ms = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let issued: u128 = issued.trim_end_matches("\"]").parse().unwrap();
        // The machine's clock may be set meanwhile; the server's goes on.
        assert!((ms(before) - 1_000..ms(after) + 1_000).contains(&issued), "{issued}");
    }
    // Who sends nothing along is not given somebody else's.
    let mut other = WebSocket::join(running.address()).unwrap();
    other.send(r#"421["tell"]"#).unwrap();
    let answer = other.text().unwrap();
    assert!(answer.contains("websocket false false {} "), "{answer}");
}

#[test]
fn operators_see_health_and_metrics() {
    let running = start(Config::default(), |server| {
        server.game::<parlor_games::Chess>("chess");
    });
    let server = running.address();
    let _socket = WebSocket::join(server).unwrap();
    assert!(get(server, "/livez").unwrap().ends_with(r#"{"status":"live"}"#));
    assert!(get(server, "/readyz").unwrap().ends_with(r#"{"status":"ready"}"#));
    let metrics = get(server, "/metrics").unwrap();
    for line in [
        "parlor_sessions{transport=\"websocket\"} 1",
        "parlor_sockets 1",
        "parlor_lobbies 0",
        "parlor_messages_received_total 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let post = request(server, "POST /livez HTTP/1.1\r\nContent-Length: 0").unwrap();
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

#[test]
fn a_program_declares_queues_of_its_own_and_hears_what_is_wrong_with_them() {
    let relay = |queue: Declared| {
        let mut config = Config::default();
        config.server.shards = 1;
        let mut server = Server::new(config);
        server.game::<parlor_games::Relay>("relay").queue(queue);
        server
    };
    let running = relay(Declared::duel("casual", "relay")).start("127.0.0.1:0").unwrap();
    let page = get(running.address(), "/metrics").unwrap();
    assert!(page.contains("parlor_queue_tickets{queue=\"casual\"} 0"), "{page}");
    for usual in ["blitz", "arena"] {
        assert!(!page.contains(&format!("queue=\"{usual}\"")), "whoever declares one, all");
    }
    running.stop();
    running.wait().unwrap();
    for (queue, why) in [
        (Declared::duel("Casual", "relay"), "its name has 1 to 32"),
        (Declared::duel("casual", "chess"), "queue `casual`: no game is called `chess`"),
        (Declared { bots_after_ms: 1, ..Declared::duel("a", "relay") }, "has no bots"),
    ] {
        let error = relay(queue).check().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let mut twice = relay(Declared::duel("casual", "relay"));
    twice.queue(Declared::duel("casual", "relay"));
    assert!(twice.check().unwrap_err().to_string().contains("two"));
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    for (change, sentence) in [
        ((|c| c.proxy.trusted = vec!["x".to_owned()]) as fn(&mut Config), "neither an address"),
        (|c| c.engine.ping_interval_ms = 0, "engine.ping_interval_ms must not be 0"),
        (|c| c.lobbies.finished_ms = 999, "lobbies.finished_ms is 1000 or more"),
        (|c| c.engine.transports.clear(), "engine.transports must not be empty"),
        (
            |c| (c.cors.origins, c.cors.credentials) = (vec!["*".to_owned()], true),
            "credentials cannot be allowed for every origin",
        ),
    ] {
        let mut config = Config::default();
        change(&mut config);
        let error = Server::new(config).start("127.0.0.1:0").unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn a_queue_whose_game_would_refuse_what_players_may_choose_is_refused() {
    let start = |word: &str| {
        let rule = format!(
            r#"{{"name": "casual", "game": "chess", "rules": [{{"kind": "overlap",
                "attribute": "pace", "config": {{
                    "3+2": {{"clock": {{"initial_ms": 180000, "increment_ms": 2000}}}},
                    "5+0": {{"{word}": {{"initial_ms": 300000}}}}}}}}]}}"#
        );
        let mut config = Config::default();
        config.matchmaking.queues = vec![serde_json::from_str(&rule).unwrap()];
        let mut server = Server::new(config);
        server.game::<parlor_games::Chess>("chess");
        server.start("127.0.0.1:0")
    };
    assert!(start("clock").is_ok());
    let error = start("clok").unwrap_err().to_string();
    assert!(error.starts_with("queue `casual`: ") && error.contains("clok"), "{error}");
}

// ---- the binary ------------------------------------------------------------------------------

/// One of the workspace's binaries: beside this test's own executable, where Cargo puts them.
fn binary(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join(name)
}

fn parlor(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("parlor"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PARLOR_")) {
        command.env_remove(name);
    }
    command
}

fn said(arguments: &[&str]) -> (bool, String) {
    let output = parlor(arguments).output().expect("cargo build --bins comes first");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Ended with the test, whatever becomes of it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn dev_is_up_in_well_under_a_second_and_ends_at_sigterm() {
    let begun = Instant::now();
    let mut process = Process(parlor(&["dev", "--server-port", "0"]).spawn().unwrap());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let site = lines.find_map(|line| {
        let line = line.unwrap();
        line.trim().strip_prefix("demo site").map(|url| url.trim().to_owned())
    });
    let took = begun.elapsed();
    let address: SocketAddr =
        site.unwrap().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    assert!(get(address, "/readyz").unwrap().contains("ready"));
    // A debug build on a busy machine has its second as well; the figure stands in the bench.
    assert!(took < Duration::from_secs(5), "{took:?}");
    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(process.0.wait().unwrap().success());
    let mut log = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(first["fields"]["message"], "listening", "JSON when not on a terminal");
    assert!(log.contains("\"stopped\""), "{log}");
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_place() {
    let path = std::env::temp_dir().join(format!("parlor-test-{}.toml", std::process::id()));
    std::fs::write(&path, "[server]\nport = 1\nhots = \"x\"\n").unwrap();
    let file = path.to_str().unwrap();
    let (ok, text) = said(&["serve", "--config", file]);
    assert!(!ok);
    let expected = ":3: unknown key `server.hots`; did you mean `server.host`?";
    assert!(text.contains(expected), "{text}");
    std::fs::remove_file(&path).unwrap();
    let (ok, text) = said(&["serve", "--server-port", "many"]);
    assert!(!ok && text.contains("--server-port: `many` is not a number"), "{text}");
    let (ok, text) = said(&["config", "--server-port", "4000", "--cors-origins", "http://a"]);
    assert!(ok && text.contains("port = 4000") && text.contains("http://a"), "{text}");
    // What only a start would find out, of `config` too; and it is not about where to listen.
    let queue =
        ["--matchmaking-queues", "[{ name = 'a', game = 'chess', players = {from=2,to=4} }]"];
    for command in ["config", "serve"] {
        let (ok, text) = said(&[&[command, "--server-port", "0"], &queue[..]].concat());
        assert!(!ok && text.contains("queue `a`: `chess` is for 2 players"), "{text}");
        assert!(!text.contains("listen") && !text.contains("[server]"), "{text}");
    }
}

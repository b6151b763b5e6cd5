//! How a connection begins: who is waited for and how long, and that a WebSocket's request comes to
//! the same whether it arrives in one piece, which is answered at once, or in several.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use parlor_server::{Config, Running, config::Offered};
use parlor_shared::websocket::{Opcode, write_masked_frame};
use parlor_tests::harness::{DEADLINE, WebSocket, connect, get};

use super::{
    Hold, POLLING, assert_echoes, assert_within, echo, start, start_with, wait_for_metric,
};

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";
const HEADERS: &str = "Host: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const HEADER_TIMEOUT: Duration = Duration::from_millis(400);

fn config() -> Config {
    let mut config = Config::default();
    config.server.shards = 1;
    config.limits.header_timeout_ms = HEADER_TIMEOUT.as_millis() as u64;
    config
}

/// Reads until this has come, and gives all that came.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(end.as_bytes()) {
        let n = stream.read(&mut byte).unwrap();
        assert!(n > 0, "the end came before {end:?}: {}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// The head of an answer, without what differs each time.
fn read_head(stream: &mut TcpStream) -> String {
    let head = read_until(stream, "\r\n\r\n");
    head.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
}

/// By the time that another connection, which came later, has its answer, the server has read what
/// was written before.
fn let_read(running: &Running) {
    get(running.address(), "/livez").unwrap();
}

fn frame(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    write_masked_frame(&mut wire, Opcode::Text, text.as_bytes(), [7, 1, 8, 2]);
    wire
}

/// A server one of whose shards is at work until it is released.
struct Held {
    running: Running,
    hold: Hold,
    _holder: WebSocket,
}

impl Held {
    fn start(config: Config) -> Self {
        let (running, hold) = start_with(config, Hold::serve);
        let mut holder = WebSocket::join(running.address()).unwrap();
        hold.begin(&mut holder);
        Self { running, hold, _holder: holder }
    }
}

#[test]
fn who_says_nothing_or_not_enough_is_not_waited_for() {
    let running = start(config(), echo);
    let server = running.address();
    let begin = Instant::now();
    let (mut silent, mut idle) = (connect(server).unwrap(), connect(server).unwrap());
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    read_until(&mut idle, r#"{"status":"live"}"#);
    // One byte and one more, and never all of them: what counts is the whole head, and its first
    // word gives it no more time.
    assert_within(HEADER_TIMEOUT * 2, || {
        let begin = Instant::now();
        let mut slow = connect(server).unwrap();
        slow.set_read_timeout(Some(HEADER_TIMEOUT / 20)).unwrap();
        let mut head = PATH.bytes().cycle();
        slow.write_all(b"GET ").unwrap();
        while !matches!(slow.read(&mut [0]), Ok(0)) {
            // Once it is cut, this fails.
            let _ = slow.write_all(&[head.next().unwrap()]);
            assert!(begin.elapsed() < DEADLINE);
        }
        assert!(begin.elapsed() >= HEADER_TIMEOUT);
    });
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert!(begin.elapsed() >= HEADER_TIMEOUT);
    wait_for_metric(server, "parlor_connections 1");
}

#[test]
fn who_waits_for_an_answer_is_waited_for() {
    let mut config = config();
    config.engine.ping_interval_ms = 3 * HEADER_TIMEOUT.as_millis() as u64;
    let running = start(config, echo);
    let mut stream = connect(running.address()).unwrap();
    let ask = |stream: &mut TcpStream, sid: &str| {
        write!(stream, "GET {POLLING}{sid} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    };
    ask(&mut stream, "");
    let greeting = read_until(&mut stream, "}");
    let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let begin = Instant::now();
    ask(&mut stream, &format!("&sid={sid}"));
    let answer = read_until(&mut stream, "\r\n\r\n2");
    assert!(answer.contains("200 OK"), "{answer}");
    assert!(begin.elapsed() > 2 * HEADER_TIMEOUT);
}

#[test]
fn a_transport_that_is_off_is_unknown_and_not_offered() {
    let plain = format!("GET {PATH} HTTP/1.1\r\n{HEADERS}\r\n");
    let answer_to = |server: SocketAddr, request: &str| {
        let mut stream = connect(server).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        read_head(&mut stream)
    };
    let mut config = Config::default();
    config.engine.transports = vec![Offered::Polling];
    let running = start(config.clone(), echo);
    let server = running.address();
    let greeting = get(server, POLLING).unwrap();
    assert!(greeting.contains(r#""upgrades":[]"#), "{greeting}");
    let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    for path in [PATH.to_owned(), format!("{PATH}&sid={sid}")] {
        let answer = answer_to(server, &plain.replacen(PATH, &path, 1));
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let unknown = r#"{"code":0,"message":"Transport unknown"}"#;
    let answer = get(server, PATH).unwrap();
    assert!(answer.ends_with(unknown), "{answer}");

    config.engine.transports = vec![Offered::Websocket];
    let running = start(config, echo);
    let server = running.address();
    for path in [POLLING.to_owned(), format!("{POLLING}&sid={sid}")] {
        let answer = get(server, &path).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with(unknown), "{answer}");
    }
    assert_echoes(&mut WebSocket::join(server).unwrap());
}

#[test]
fn a_request_in_pieces_comes_to_the_same_as_a_whole_one() {
    let mut config = config();
    config.limits.header_timeout_ms = 60_000;
    config.site.enabled = false;
    config.cors.origins = vec!["http://a".to_owned(), "http://b".to_owned()];
    let running = start(config, echo);
    let plain = format!("GET {PATH} HTTP/1.1\r\n{HEADERS}\r\n");
    let with = |from: &str, to: &str| plain.replacen(from, to, 1);
    let more = |line: &str| with("Host", &format!("{line}\r\nHost"));
    let requests = [
        (plain.clone(), "101"),
        (more("Origin: http://b"), "101"),
        (more("Origin: http://evil"), "403"),
        (more("Origin: http://test"), "101"),
        (more("Sec-WebSocket-Protocol: one, two"), "101"),
        (more("User-Agent: Mozilla/5.0 (compatible;MSIE 10.0)"), "101"),
        (more("Content-Length: 0"), "101"),
        (with(PATH, &format!("http://test{PATH}")), "101"),
        (more("Expect: 100-continue"), "101"),
        (with("HTTP/1.1", "HTTP/1.0"), "405"),
        (with("GET", "POST"), "400"),
        (with("Host: test\r\n", ""), "400"),
        (with("EIO=4", "EIO=3"), "400"),
        (with("EIO=4", "EIO=4&EIO=4"), "400"),
        (with("EIO=4", "EIO=4&sid=nobody"), "400"),
        (with("=websocket ", "=polling "), "400"),
        (with("Upgrade: websocket", "Upgrade: h2c"), "400"),
        (with("Key: dGhl", "Key: dGh"), "400"),
        (with("Version: 13", "Version: 8"), "426"),
        (with("/socket.io/", "/socket.io/../"), "404"),
        (with("/socket.io/", "/livez/"), "404"),
        (more(&vec!["A: b"; 96].join("\r\n")), "431"),
        (more(&format!("A: {}", "b".repeat(16 * 1024))), "431"),
    ];
    for (request, status) in requests {
        let mut whole = connect(running.address()).unwrap();
        whole.write_all(request.as_bytes()).unwrap();
        let answer = read_head(&mut whole);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{request}{answer}");
        for at in [1, request.len() / 2, request.len() - 1] {
            let mut pieces = connect(running.address()).unwrap();
            pieces.write_all(&request.as_bytes()[..at]).unwrap();
            let_read(&running);
            // It may be refused before all of it is there.
            let _ = pieces.write_all(&request.as_bytes()[at..]);
            assert_eq!(read_head(&mut pieces), answer, "{at} bytes, then the rest of {request}");
        }
    }
}

#[test]
fn as_many_headers_as_may_are_taken_however_they_arrive() {
    let running = start(config(), echo);
    let many = ["A: b\r\n"; 95].concat();
    let request = format!("GET {PATH} HTTP/1.1\r\n{many}{HEADERS}\r\n");
    assert_eq!(request.matches(": ").count(), 100);
    for at in [0, 9] {
        let mut stream = connect(running.address()).unwrap();
        stream.write_all(&request.as_bytes()[..at]).unwrap();
        let_read(&running);
        stream.write_all(&request.as_bytes()[at..]).unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    }
}

#[test]
fn what_comes_right_behind_the_request_is_heard() {
    let running = start(config(), echo);
    let mut wire = format!("GET {PATH} HTTP/1.1\r\n{HEADERS}\r\n").into_bytes();
    wire.extend(frame("40"));
    let echo = frame(r#"421["echo","early"]"#);
    wire.extend(&echo[..5]);
    let mut stream = connect(running.address()).unwrap();
    stream.write_all(&wire).unwrap();
    let_read(&running);
    stream.write_all(&echo[5..]).unwrap();
    read_until(&mut stream, r#"431["early"]"#);
}

#[test]
fn who_leaves_with_the_first_word_is_not_kept() {
    let mut config = config();
    config.engine.connect_timeout_ms = 60_000;
    config.limits.header_timeout_ms = 60_000;
    let held = Held::start(config);
    let server = held.running.address();
    let mut stream = connect(server).unwrap();
    write!(stream, "GET {PATH} HTTP/1.1\r\n{HEADERS}\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    connect(server).unwrap().shutdown(Shutdown::Write).unwrap();
    held.hold.release();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    // The one that held the shard, and the one that asks.
    wait_for_metric(server, r#"parlor_sessions{transport="websocket"} 1"#);
    drop(stream);
    wait_for_metric(server, "parlor_connections 2");
}

#[test]
fn an_upgrade_in_one_piece_is_done_before_the_next_request() {
    let running = start(config(), echo);
    let server = running.address();
    let greeting = get(server, POLLING).unwrap();
    let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut wire = format!("GET {PATH}&sid={sid} HTTP/1.1\r\n{HEADERS}\r\n").into_bytes();
    wire.extend(frame("2probe"));
    wire.extend(frame("5"));
    let mut stream = connect(server).unwrap();
    stream.write_all(&wire).unwrap();
    let refused = get(server, &format!("{POLLING}&sid={sid}")).unwrap();
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(refused.contains(r#""code":3"#), "it has another transport: {refused}");
    read_until(&mut stream, "3probe");
    stream.write_all(&frame("40")).unwrap();
    read_until(&mut stream, "40{");
}

#[test]
fn a_crowd_at_the_door_gets_in() {
    for n_shards in [1, 2] {
        let mut config = config();
        config.server.shards = n_shards;
        config.limits.header_timeout_ms = 60_000;
        let held = Held::start(config);
        let server = held.running.address();
        // While a shard is busy, more come than are taken at once.
        let crowd: Vec<TcpStream> = (0..200).map(|_| connect(server).unwrap()).collect();
        held.hold.release();
        for mut stream in crowd {
            write!(stream, "GET {PATH} HTTP/1.1\r\n{HEADERS}\r\n").unwrap();
            read_until(&mut stream, "\"maxPayload\":1000000}");
        }
    }
}

#[test]
fn who_takes_a_long_answer_slowly_gets_all_of_it_and_who_stops_is_cut() {
    const LONG: usize = 600_000;
    const PIECE: usize = 8 * 1024;
    let running = start(config(), |server| {
        server.namespace("/").on_connect(|cx| cx.emit("long", ("x".repeat(LONG),)));
    });
    let server = running.address();
    let begin_poll = || {
        let greeting = get(server, POLLING).unwrap();
        let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        let path = format!("{POLLING}&sid={sid}");
        let post = format!("POST {path} HTTP/1.1\r\nContent-Length: 2");
        let mut join = connect(server).unwrap();
        write!(join, "{post}\r\nHost: test\r\n\r\n40").unwrap();
        read_until(&mut join, "ok");
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_recv_buffer_size(PIECE).unwrap();
        socket.connect(&server.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        stream
    };
    let (mut slow, stopped) = (begin_poll(), begin_poll());
    let begin = Instant::now();
    let (mut n_bytes, mut tail, mut piece) = (0, Vec::new(), [0; PIECE]);
    while !tail.ends_with(b"\"]") {
        let n = slow.read(&mut piece).unwrap();
        assert!(n > 0, "cut after {n_bytes} bytes and {:?}", begin.elapsed());
        n_bytes += n;
        tail = piece[..n].to_vec();
        // The reader's pace: three times as long in all as who is silent may be.
        let due =
            HEADER_TIMEOUT * 3 * u32::try_from(n_bytes / 1000).unwrap() / (LONG / 1000) as u32;
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
    }
    assert!(n_bytes > LONG && begin.elapsed() > HEADER_TIMEOUT * 2);
    drop(slow);
    wait_for_metric(server, "parlor_connections 1");
    drop(stopped);
}

//! The event `time`: what clients learn of the server's clock, and that the way is measured by the
//! server.

use std::thread;

use serde_json::{Value, json};

use super::*;

/// Asks in a namespace; the answer.
fn ask(socket: &mut WebSocket, namespace: &str, argument: Option<&Value>) -> Value {
    let prefix = if namespace == "/" { String::new() } else { format!("{namespace},") };
    let argument = argument.map(|argument| format!(",{argument}")).unwrap_or_default();
    socket.send(&format!(r#"42{prefix}7["time"{argument}]"#)).unwrap();
    // Guests of `/lobby` are told their token as well.
    let head = format!("43{prefix}7");
    let mut texts = std::iter::from_fn(|| Some(socket.text().unwrap()));
    let answer = texts.find_map(|text| Some(text.strip_prefix(&head)?.to_owned())).unwrap();
    let [answer]: [Value; 1] = serde_json::from_str(&answer).unwrap();
    answer
}

fn echo(answer: &Value) -> Value {
    json!({ "echo": answer["echo"] })
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A server with games, and a client in its main namespace and in `/lobby`.
fn served(rule: &str) -> (Running, WebSocket) {
    let mut config = Config::default();
    config.auth.lobby = serde_json::from_value(json!(rule)).unwrap();
    let running = start(config, |server| {
        server.namespace("/");
        server.game::<parlor_games::Chess>("chess");
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send("40/lobby,").unwrap();
    assert!(socket.text().unwrap().starts_with("40/lobby,{"));
    (running, socket)
}

#[test]
fn the_time_is_told_in_the_main_namespace_and_in_the_lobbys() {
    for rule in ["none", "guests"] {
        let (_running, mut socket) = served(rule);
        for namespace in ["/", "/lobby"] {
            let before = unix_ms();
            let first = ask(&mut socket, namespace, None);
            let server_ms = first["server_ms"].as_u64().unwrap();
            // The clock may have been set meanwhile, and both are cut to whole milliseconds.
            assert!(server_ms + 500 >= before && server_ms <= unix_ms() + 500, "{first}");
            assert_eq!((&first["ok"], first.get("rtt_ms")), (&json!(true), None));
            let second = ask(&mut socket, namespace, Some(&echo(&first)));
            assert!(second["rtt_ms"].as_f64().unwrap() < 5000.0, "{second}");
            assert!(second["server_ms"].as_u64() >= first["server_ms"].as_u64());
            assert_ne!(first["echo"], second["echo"]);
            let third = ask(&mut socket, namespace, Some(&json!({})));
            assert_eq!(third.get("rtt_ms"), None);
            let bad = ask(&mut socket, namespace, Some(&json!({"echo": 7})));
            assert_eq!(bad["code"], "E_BAD_REQUEST");
        }
    }
}

#[test]
fn the_way_looks_as_long_as_the_client_takes_and_never_shorter() {
    let (running, mut socket) = served("none");
    let slow = Duration::from_millis(60);
    let first = ask(&mut socket, "/", None);
    // A client that is far away.
    thread::sleep(slow);
    let second = ask(&mut socket, "/", Some(&echo(&first)));
    assert!(second["rtt_ms"].as_f64().unwrap() >= 60.0, "{second}");
    let third = ask(&mut socket, "/", Some(&echo(&first)));
    let rtt = |answer: &Value| answer["rtt_ms"].as_f64().unwrap();
    assert!(rtt(&third) >= rtt(&second), "an old echo is an older one");
    // What another socket was told tells nothing of this one, nor does what nobody was told.
    let mut other = WebSocket::join(running.address()).unwrap();
    let told = ask(&mut other, "/", None);
    assert_eq!(ask(&mut socket, "/", Some(&echo(&told))).get("rtt_ms"), None);
    let in_lobby = ask(&mut socket, "/lobby", None);
    assert_eq!(ask(&mut socket, "/", Some(&echo(&in_lobby))).get("rtt_ms"), None);
    let made_up = json!({"echo": "A".repeat(54)});
    assert_eq!(ask(&mut socket, "/", Some(&made_up)).get("rtt_ms"), None);
}

#[test]
fn a_handler_of_ones_own_is_asked_instead() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on("time", |cx, _| cx.ack(("mine",)));
        server.namespace("/other").on("x", |_, _| ());
        server.game::<parlor_games::Chess>("chess");
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    assert_eq!(ask(&mut socket, "/", None), "mine");
    socket.send("40/lobby,").unwrap();
    assert!(socket.text().unwrap().starts_with("40/lobby,{"));
    assert!(ask(&mut socket, "/lobby", None)["server_ms"].is_u64());
    let all = start(Config::default(), |server| {
        server.namespace("/").on_fallback(|cx, _| cx.ack(("whatever",)));
    });
    let mut socket = WebSocket::join(all.address()).unwrap();
    assert_eq!(ask(&mut socket, "/", None), "whatever");
}

#[test]
fn it_does_not_wait_behind_a_handler_that_takes_its_time() {
    let running = start(Config::default(), |server| {
        server.namespace("/").on_async("slow", |cx, _| async move {
            cx.ask("go on", (), None).await.unwrap();
            cx.ack(("done",)).await;
        });
    });
    let mut socket = WebSocket::join(running.address()).unwrap();
    socket.send(r#"421["slow"]"#).unwrap();
    let question = socket.text().unwrap();
    assert!(question.starts_with("42") && question.contains("go on"), "{question}");
    assert!(ask(&mut socket, "/", None)["server_ms"].is_u64());
    let id: String = question[2..].chars().take_while(char::is_ascii_digit).collect();
    socket.send(&format!("43{id}[]")).unwrap();
    assert_eq!(socket.text().unwrap(), r#"431["done"]"#);
}

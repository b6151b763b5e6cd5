//! Which handshakes are taken: pages' origins, cookies, and the operator's `allow_request`.
//! Tests that have an id of the list of bad inputs in their name show the answer to that input.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::{
    accounts::{connect_to, refused, serve, token, with_keys},
    *,
};

#[test]
fn ws_05_a_page_of_a_foreign_origin_opens_no_websocket_once_origins_are_named() {
    let with = |origins: &[&str]| {
        let mut config = Config::default();
        config.cors.origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        start(config, echo)
    };
    let (evil, listed) = ("Origin: http://evil.example\r\n", "Origin: http://game.example\r\n");
    let cookie = "Cookie: session=victim\r\n";
    let any = with(&[]);
    assert_eq!(upgrade(any.address(), evil), "101", "as with the reference");
    let named = with(&["http://game.example"]);
    let server = named.address();
    for headers in [evil.to_owned(), format!("{evil}{cookie}")] {
        assert_eq!(upgrade(server, &headers), "403", "{headers}");
    }
    for headers in ["", listed, "Origin: http://test\r\n"] {
        assert_eq!(upgrade(server, headers), "101", "{headers}");
    }
    // The same for who upgrades a session that polls.
    let greeting = polling(server, "");
    let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let head = format!(
        "GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Origin: http://evil.example\r\nConnection: Upgrade"
    );
    let mut stream = connect(server).unwrap();
    write!(stream, "{head}\r\nHost: test\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), "403", "{answer}");
    let answer = polling(server, "\r\nOrigin: http://evil.example");
    assert_eq!(status(&answer), "200", "a page cannot read it");
    assert_eq!(header(&answer, "access-control-allow-origin"), Some("http://game.example"));
}

#[test]
fn ws_06_the_origin_null_is_refused_unless_it_is_listed() {
    for (origins, answer) in [(vec!["http://a"], "403"), (vec!["http://a", "null"], "101")] {
        let mut config = Config::default();
        config.cors.origins = origins.into_iter().map(str::to_owned).collect();
        let running = start(config, echo);
        assert_eq!(upgrade(running.address(), "Origin: null\r\n"), answer);
    }
}

#[test]
fn auth_06_cookies_say_who_somebody_is_only_if_turned_on_and_then_for_known_pages_only() {
    let cookie = format!("Cookie: a=b; account={}\r\n", token("ada", "1", 1000.0));
    let evil = format!("{cookie}Origin: http://evil.example\r\n");
    let entered = |server: SocketAddr, headers: &str| {
        let mut socket = WebSocket::open(server, headers).unwrap();
        socket.text().unwrap();
        connect_to(&mut socket, "/members", &json!({}))
    };
    let (config, _keys) = with_keys();
    let off = start(config, serve);
    let missing = refused("/members", "a token is needed");
    assert_eq!(entered(off.address(), &cookie), missing, "cookies mean nothing");
    let (mut config, _keys) = with_keys();
    config.auth.cookie = "account".to_owned();
    config.cors.origins = vec!["http://game.example".to_owned()];
    let on = start(config, serve);
    let server = on.address();
    assert!(entered(server, &cookie).starts_with("40/members,{"));
    let listed = format!("{cookie}Origin: http://game.example\r\n");
    assert!(entered(server, &listed).starts_with("40/members,{"));
    for headers in [evil, format!("{cookie}Origin: null\r\n")] {
        assert_eq!(upgrade(server, &headers), "403");
        let polled = polling(server, &format!("\r\n{}", headers.trim_end()));
        assert!(polled.ends_with(r#"{"code":4,"message":"Forbidden"}"#), "{polled}");
        assert_eq!(status(&polled), "403");
    }
    let (mut config, _keys) = with_keys();
    config.auth.cookie = "account".to_owned();
    config.cors.origins = vec!["*".to_owned()];
    let error = Server::new(config).start("127.0.0.1:0").unwrap_err().to_string();
    assert!(error.contains("cannot be allowed for every origin"), "{error}");
}

#[test]
fn http_22_a_preflight_of_a_foreign_origin_is_told_nothing() {
    let mut config = Config::default();
    config.cors.origins = vec!["http://game.example".to_owned()];
    let running = start(config, echo);
    for path in [POLLING, "/guest"] {
        let ask = |origin: &str| {
            let head = format!("OPTIONS {path} HTTP/1.1\r\nOrigin: {origin}");
            request(running.address(), &head).unwrap()
        };
        let answer = ask("http://evil.example");
        assert_eq!(status(&answer), "204", "{answer}");
        assert_eq!(header(&answer, "access-control-allow-origin"), None, "{answer}");
        let allowed = ask("http://game.example");
        let told = header(&allowed, "access-control-allow-origin");
        assert_eq!(told, Some("http://game.example"), "{allowed}");
    }
}

#[test]
fn eio_20_a_session_that_is_bound_is_nobody_elses() {
    let mut config = Config::default();
    config.proxy.trusted = vec!["127.0.0.1".to_owned()];
    config.limits.bind_sessions = true;
    for n_shards in [1, 2] {
        config.server.shards = n_shards;
        let running = start(config.clone(), echo);
        let server = running.address();
        let own = "\r\nX-Forwarded-For: 1.2.3.4\r\nOrigin: http://game.example";
        let greeting = polling(server, own);
        let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(sid.len() >= 24, "144 random bits: {sid}");
        let ask = |method: &str, headers: &str| {
            let head = format!("{method} {POLLING}&sid={sid} HTTP/1.1{headers}");
            request(server, &head).unwrap()
        };
        let foreign = [
            "\r\nX-Forwarded-For: 1.2.3.5\r\nOrigin: http://game.example",
            "\r\nX-Forwarded-For: 1.2.3.4\r\nOrigin: http://evil.example",
        ];
        for headers in foreign {
            // Whichever shard they come to.
            for _ in 0..n_shards {
                assert_eq!(status(&ask("GET", headers)), "403", "{headers}");
            }
            let post = format!("{headers}\r\nContent-Length: 0");
            assert_eq!(status(&ask("POST", &post)), "403");
            let upgrade = format!(
                "GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1{headers}\r\n\
                 Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost: test\r\n\r\n"
            );
            for _ in 0..n_shards {
                let mut stream = connect(server).unwrap();
                stream.write_all(upgrade.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert_eq!(status(&answer), "403", "{answer}");
            }
        }
        let post =
            format!("{own}\r\nContent-Length: 2\r\nHost: test\r\nConnection: close\r\n\r\n40");
        let mut stream = connect(server).unwrap();
        write!(stream, "POST {POLLING}&sid={sid} HTTP/1.1{post}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("ok"), "{answer}");
        let polled = ask("GET", "\r\nX-Forwarded-For: 1.2.3.4");
        assert!(polled.contains("40{"), "it goes on: {polled}");
    }
}

#[test]
fn a_page_of_the_server_itself_polls_a_session_that_is_bound_as_browsers_do() {
    let mut config = Config::default();
    config.limits.bind_sessions = true;
    let running = start(config, echo);
    let server = running.address();
    // They name the origin of a page when they POST or open a WebSocket, and not when they GET
    // from where it came.
    let greeting = polling(server, "");
    let sid = greeting.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    for (origin, code) in [("http://test", "200"), ("http://evil.example", "403")] {
        let post = format!("Origin: {origin}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n40");
        let mut stream = connect(server).unwrap();
        write!(stream, "POST {POLLING}&sid={sid} HTTP/1.1\r\nHost: test\r\n{post}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(status(&answer), code, "{origin}");
    }
}

// ---- allow_request -----------------------------------------------------------------------------

#[test]
fn whoever_judges_handshakes_is_asked_once_about_each_and_words_the_refusal() {
    let judge = |who: Option<&str>| match who {
        Some("good") => Ok(()),
        Some("panic") => panic!("as the test wants it"),
        _ => Err("not you \"there\"".to_owned()),
    };
    let asked = Arc::new(AtomicUsize::new(0));
    for is_async in [false, true] {
        let asked = Arc::clone(&asked);
        let n_asked = Arc::clone(&asked);
        let running = start(Config::default(), move |server| {
            echo(server);
            let who = move |request: &parlor_server::HandshakeRequest| {
                asked.fetch_add(1, Ordering::Relaxed);
                assert!(request.address.is_loopback() && request.method == "GET");
                assert!(request.uri.query().unwrap().contains("EIO=4"));
                request.headers.get("x-who").map(|who| who.to_str().unwrap().to_owned())
            };
            if is_async {
                server.allow_request_async(move |request| {
                    let who = who(&request);
                    async move {
                        tokio::task::yield_now().await;
                        judge(who.as_deref())
                    }
                });
            } else {
                server.allow_request(move |request| judge(who(request).as_deref()));
            }
        });
        let server = running.address();
        let n = || n_asked.swap(0, Ordering::Relaxed);
        let mut socket = WebSocket::open(server, "X-Who: good\r\n").unwrap();
        socket.join_main().unwrap();
        assert_echoes(&mut socket);
        assert_eq!(n(), 1);
        let polled = polling(server, "\r\nX-Who: good");
        assert_eq!((status(&polled), n()), ("200", 1), "{polled}");
        let sid = polled.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        let unknown = get(server, &format!("{POLLING}&sid=nobody")).unwrap();
        assert_eq!(status(&unknown), "400");
        let known = format!("POST {POLLING}&sid={sid} HTTP/1.1\r\nContent-Length: 0");
        assert_eq!((status(&request(server, &known).unwrap()), n()), ("400", 0), "of a session");
        let polled = polling(server, "");
        assert_eq!((status(&polled), n()), ("403", 1));
        let body = r#"{"code":4,"message":"not you \"there\""}"#;
        assert!(polled.ends_with(body), "{polled}");
        let mut stream = connect(server).unwrap();
        write!(
            stream,
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\n\
             Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!((status(&answer), n()), ("400", 1));
        assert_eq!(header(&answer, "content-type"), Some("text/html"));
        assert!(answer.ends_with("\r\n\r\nnot you \"there\""), "{answer}");
        let panicked = polling(server, "\r\nX-Who: panic");
        assert!(panicked.ends_with(r#"{"code":4,"message":"Forbidden"}"#), "{panicked}");
        assert_eq!((upgrade(server, "X-Who: panic\r\n"), n()), ("400".to_owned(), 2));
        assert_echoes(&mut socket);
    }
}

#[test]
fn a_judge_that_does_not_answer_refuses_in_time() {
    let mut config = Config::default();
    config.engine.connect_timeout_ms = 200;
    let running = start(config, |server| {
        server.allow_request_async(|_| std::future::pending());
    });
    assert_eq!(status(&polling(running.address(), "")), "403");
    assert_eq!(upgrade(running.address(), ""), "400");
}

#[test]
fn who_comes_too_often_is_not_even_judged() {
    let mut config = Config::default();
    config.limits.max_handshake_burst_per_address = 3;
    config.limits.max_handshakes_per_second_per_address = 1;
    for (is_async, is_allowed) in [(false, false), (false, true), (true, false), (true, true)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let n_asked = Arc::clone(&asked);
        let running = start(config.clone(), move |server| {
            let judge = move || {
                asked.fetch_add(1, Ordering::Relaxed);
                if is_allowed { Ok(()) } else { Err("no".to_owned()) }
            };
            if is_async {
                server.allow_request_async(move |_| std::future::ready(judge()));
            } else {
                server.allow_request(move |_| judge());
            }
        });
        let server = running.address();
        let (polled, upgraded) = if is_allowed { ("200", "101") } else { ("403", "400") };
        let mut n_judged = 0;
        for _ in 0..5 {
            for (answer, judged) in
                [(status(&polling(server, "")).to_owned(), polled), (upgrade(server, ""), upgraded)]
            {
                n_judged += usize::from(answer != "429");
                assert!(answer == "429" || answer == judged, "{answer}");
            }
        }
        assert!((3..10).contains(&n_judged), "{n_judged}");
        assert_eq!(n_asked.load(Ordering::Relaxed), n_judged, "{is_async} {is_allowed}");
    }
}

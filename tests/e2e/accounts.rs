//! Who may come in, and how much of what: accounts and their tokens, origins, `allow_request`, and
//! limits per address, account and session. Tests that have an id of the list of bad inputs in
//! their name show the answer to that input.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
        mpsc,
    },
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use parlor_server::{AccountRule, ConnectError, Revoked};
use ring::hmac;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a secret that is long enough for it";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A file that is gone with the test.
struct TestFile(PathBuf);

impl TestFile {
    fn new(content: &str) -> Self {
        static N: AtomicU32 = AtomicU32::new(0);
        let n = N.fetch_add(1, Ordering::Relaxed);
        let name = format!("parlor-accounts-{}-{n}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(content);
        file
    }

    fn write(&self, content: &str) {
        fs::write(&self.0, content).unwrap();
    }

    fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn sign(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |part: &Value| BASE64.encode(part.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature))
}

/// A good token of this account for so many seconds.
fn token(account: &str, id: &str, seconds: f64) -> String {
    let claims = json!({"sub": account, "jti": id, "exp": unix() + seconds});
    sign(&json!({"alg": "HS256"}), &claims, SECRET.as_bytes())
}

/// A configuration whose tokens are signed by [`SECRET`].
fn with_keys() -> (Config, TestFile) {
    let keys = TestFile::new(SECRET);
    let mut config = Config::default();
    config.auth.keys = keys.path();
    (config, keys)
}

/// Namespaces `/guests` and `/members`, which tell who somebody is.
fn serve(server: &mut Server) {
    for (name, rule) in [("/guests", AccountRule::Guests), ("/members", AccountRule::Required)] {
        server.namespace(name).accounts(rule).on("who", |cx, _| {
            let account = Arc::clone(cx.account().unwrap());
            cx.ack((account.id(), account.is_guest()));
        });
    }
}

fn open(server: SocketAddr) -> WebSocket {
    let mut socket = WebSocket::open(server, "").unwrap();
    socket.text().unwrap();
    socket
}

/// What a CONNECT with this `auth` is answered.
fn connect_to(socket: &mut WebSocket, namespace: &str, auth: &Value) -> String {
    socket.send(&format!("40{namespace},{auth}")).unwrap();
    socket.text().unwrap()
}

fn enter(server: SocketAddr, namespace: &str, auth: &Value) -> WebSocket {
    let mut socket = open(server);
    let answer = connect_to(&mut socket, namespace, auth);
    assert!(answer.starts_with(&format!("40{namespace},{{\"sid\":\"")), "{answer}");
    socket
}

fn who(socket: &mut WebSocket, namespace: &str) -> (String, bool) {
    socket.send(&format!(r#"42{namespace},7["who"]"#)).unwrap();
    let answer = socket.text().unwrap();
    serde_json::from_str(answer.strip_prefix(&format!("43{namespace},7")).unwrap()).unwrap()
}

fn refused(namespace: &str, message: &str) -> String {
    format!(r#"44{namespace},{{"message":"{message}","data":{{"code":"E_AUTH"}}}}"#)
}

/// Seconds that a token lives which is to expire: enough to come in, on a busy machine.
const LIFE: f64 = 4.0;

/// Does the same in several namespaces at once.
fn in_each(namespaces: &[&str], run: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for namespace in namespaces {
            scope.spawn(|| run(namespace));
        }
    });
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// The status of a WebSocket's opening with these headers.
fn upgrade(server: SocketAddr, headers: &str) -> String {
    match WebSocket::open(server, headers) {
        Ok(_) => "101".to_owned(),
        Err(answer) => status(&answer.to_string()).to_owned(),
    }
}

fn polling(server: SocketAddr, headers: &str) -> String {
    request(server, &format!("GET {POLLING} HTTP/1.1{headers}")).unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

// ---- tokens ------------------------------------------------------------------------------------

#[test]
fn guests_get_a_token_and_are_known_again() {
    let running = start(Config::default(), serve);
    let server = running.address();
    let (id, is_guest) = who(&mut enter(server, "/guests", &json!({})), "/guests");
    assert!(is_guest && id.starts_with("guest:"), "{id}");
    let answer = request(server, "POST /guest HTTP/1.1\r\nContent-Length: 0").unwrap();
    assert_eq!(status(&answer), "200");
    let guest: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let auth = json!({"token": guest["token"]});
    for _ in 0..2 {
        let (id, is_guest) = who(&mut enter(server, "/guests", &auth), "/guests");
        assert!(is_guest && guest["account"] == id, "{id}");
    }
    let mut asking = enter(server, "/guests", &json!({"guest": true}));
    let told = asking.text().unwrap();
    let told = told.strip_prefix(r#"42/guests,["auth:guest","#).unwrap().strip_suffix(']').unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    let (id, _) = who(&mut asking, "/guests");
    assert_eq!(told["account"], id);
    let again = enter(server, "/guests", &json!({"token": told["token"]}));
    assert_eq!(who(&mut { again }, "/guests").0, id);
    let mut socket = open(server);
    let none = refused("/members", "guests may not enter");
    assert_eq!(connect_to(&mut socket, "/members", &auth), none);
    let missing = refused("/members", "a token is needed");
    assert_eq!(connect_to(&mut socket, "/members", &json!({})), missing);
    let wrong = request(server, "GET /guest HTTP/1.1").unwrap();
    assert_eq!((status(&wrong), header(&wrong, "allow")), ("405", Some("POST")));
}

#[test]
fn auth_01_bad_tokens_are_refused_with_e_auth() {
    let (config, _keys) = with_keys();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
    });
    let good = json!({"sub": "ada", "exp": unix() + 1000.0});
    let signed = |header: &Value, secret: &str| sign(header, &good, secret.as_bytes());
    let hs = json!({"alg": "HS256"});
    let unsigned = signed(&json!({"alg": "none"}), SECRET);
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    let traversal = json!({"alg": "HS256", "kid": "../../../../dev/null"});
    for bad in [
        json!(format!("{unsigned}.")),
        json!(signed(&json!({"alg": "none"}), SECRET)),
        json!(signed(&hs, "another secret than the server's")),
        json!(signed(&json!({"alg": "RS256"}), SECRET)),
        json!(signed(&traversal, "")),
        json!("x".repeat(8 * 1024 + 1)),
        json!({"toString": 1}),
    ] {
        // One session each: 32 failed CONNECTs would end it.
        let mut socket = open(running.address());
        for namespace in ["/members", "/guests", "/lobby"] {
            let answer = connect_to(&mut socket, namespace, &json!({"token": bad}));
            assert_eq!(answer, refused(namespace, "the token is not accepted"), "{bad}");
        }
        let auth = json!({"token": signed(&hs, SECRET)});
        assert!(connect_to(&mut socket, "/members", &auth).starts_with("40/members,{"));
        assert_eq!(who(&mut socket, "/members"), ("ada".to_owned(), false));
        assert!(connect_to(&mut socket, "/lobby", &auth).starts_with("40/lobby,{"));
    }
    wait_for_metric(running.address(), "parlor_auth_failed_total 21");
}

#[test]
fn what_is_wrong_with_a_token_that_is_well_signed_is_told_to_who_has_it() {
    let (config, _keys) = with_keys();
    let running = start(config, serve);
    let mut socket = open(running.address());
    let end = unix() + 1000.0;
    for (claims, why) in [
        (json!({"sub": "ada"}), "the token has no `exp`"),
        (json!({"exp": end}), "the token has no `sub` of 1 to 256 bytes"),
        (json!({"sub": "ada", "exp": "soon"}), "the token's claims cannot be read"),
        (json!({"sub": "ada", "exp": end, "nbf": end}), "the token is not valid yet"),
    ] {
        let told = |secret: &str| {
            let token = sign(&json!({"alg": "HS256"}), &claims, secret.as_bytes());
            json!({"token": token})
        };
        let answer = connect_to(&mut socket, "/members", &told(SECRET));
        assert_eq!(answer, refused("/members", why));
        let forged = told("another secret than the server's");
        let answer = connect_to(&mut socket, "/members", &forged);
        assert_eq!(answer, refused("/members", "the token is not accepted"));
    }
}

#[test]
fn a_key_of_rsa_is_never_taken_for_a_secret() {
    let public = include_str!("../data/keys/rsa_public.pem");
    let keys = TestFile::new(public);
    let mut config = Config::default();
    config.auth.keys = keys.path();
    let running = start(config, serve);
    let claims = json!({"sub": "ada", "exp": unix() + 60.0});
    for secret in [public, public.trim_end()] {
        let forged = sign(&json!({"alg": "HS256"}), &claims, secret.as_bytes());
        let answer =
            connect_to(&mut open(running.address()), "/members", &json!({"token": forged}));
        assert_eq!(answer, refused("/members", "the token is not accepted"));
    }
}

#[test]
fn auth_02_a_token_that_expires_is_announced_and_then_ends_its_socket() {
    let (mut config, _keys) = with_keys();
    config.auth.expiring_notice_s = 60;
    let (reasons, heard) = mpsc::channel();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
        let reasons = Mutex::new(reasons);
        server.namespace("/members").on_disconnect(move |_, reason| {
            reasons.lock().unwrap().send(reason.as_str()).unwrap();
        });
    });
    let server = running.address();
    in_each(&["/members", "/lobby"], |namespace| {
        let auth = json!({"token": token("ada", "1", LIFE)});
        let mut socket = enter(server, namespace, &auth);
        let told = socket.text().unwrap();
        let told = told.strip_prefix(&format!(r#"42{namespace},["auth:expiring",{{"in_ms":"#));
        let in_ms: f64 = told.unwrap().strip_suffix("}]").unwrap().parse().unwrap();
        assert!(in_ms <= LIFE * 1000.0, "{in_ms}");
        assert_eq!(socket.text().unwrap(), format!("41{namespace},"));
        let expired = refused(namespace, "the token has expired");
        assert_eq!(connect_to(&mut socket, namespace, &auth), expired);
    });
    assert_eq!(heard.recv_timeout(DEADLINE).unwrap(), "token expired");
}

#[test]
fn a_client_that_renews_its_token_stays() {
    let (config, _keys) = with_keys();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
    });
    let server = running.address();
    in_each(&["/members", "/lobby"], |namespace| {
        let mut socket = enter(server, namespace, &json!({"token": token("ada", "1", LIFE)}));
        let expires = format!(r#"42{namespace},["auth:expiring""#);
        assert!(socket.text().unwrap().starts_with(&expires));
        let mut renew = |argument: Value| renew(&mut socket, namespace, &argument);
        let no = |message: &str| json!({"ok": false, "code": "E_AUTH", "message": message});
        assert_eq!(renew(json!("nonsense")), no("the token is not accepted"));
        assert_eq!(renew(json!(7)), no("the token is not accepted"));
        let others = token("bob", "2", 1000.0);
        assert_eq!(renew(json!({"token": others})), no("the token is another account's"));
        assert_eq!(renew(json!({"token": token("ada", "3", 1000.0)}))["ok"], true);
        // Past the end of the first one.
        let mut later = enter(server, namespace, &json!({"token": token("eve", "4", LIFE)}));
        assert!(later.text().unwrap().starts_with(&expires));
        assert_eq!(later.text().unwrap(), format!("41{namespace},"));
        assert_eq!(renew(json!(token("ada", "5", 1000.0)))["ok"], true);
    });
}

#[test]
fn guests_whose_server_was_restarted_are_refused_and_not_shut_out() {
    let before = start(Config::default(), serve);
    let guest = request(before.address(), "POST /guest HTTP/1.1\r\nContent-Length: 0").unwrap();
    let guest: Value = serde_json::from_str(guest.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let mut config = Config::default();
    config.limits.max_failed_auths_per_minute_per_address = 5;
    let running = start(config, serve);
    let server = running.address();
    let unknown = refused("/guests", "the guest is not known, or not any more");
    for _ in 0..20 {
        let mut socket = open(server);
        let answer = connect_to(&mut socket, "/guests", &json!({"token": guest["token"]}));
        assert_eq!(answer, unknown);
        assert!(connect_to(&mut socket, "/guests", &json!({"guest": true})).starts_with("40"));
    }
}

#[test]
fn a_proxy_that_is_not_trusted_is_noticed() {
    let mut config = Config::default();
    let running = start(config.clone(), echo);
    let forwarded = "X-Forwarded-For: 1.2.3.4\r\n";
    assert_eq!(upgrade(running.address(), ""), "101");
    assert_eq!(upgrade(running.address(), forwarded), "101");
    assert_eq!(upgrade(running.address(), "Forwarded: for=1.2.3.4\r\n"), "101");
    assert_eq!(status(&polling(running.address(), "\r\nX-Forwarded-For: 1.2.3.4")), "200");
    wait_for_metric(running.address(), "parlor_forwarded_untrusted_total 3");
    config.proxy.trusted = vec!["127.0.0.1".to_owned()];
    let running = start(config, echo);
    assert_eq!(upgrade(running.address(), forwarded), "101");
    wait_for_metric(running.address(), "parlor_forwarded_untrusted_total 0");
}

#[test]
fn guests_who_are_revoked_are_disconnected_wherever_they_are() {
    let file = TestFile::new("");
    let mut config = Config::default();
    config.auth.revoked = file.path();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
    });
    let server = running.address();
    // Those who have no token, and one who wants one.
    let mut guests: Vec<(WebSocket, String)> = [json!({}), json!({}), json!({"guest": true})]
        .map(|auth| {
            let mut socket = enter(server, "/guests", &auth);
            if auth["guest"] == true {
                assert!(socket.text().unwrap().starts_with(r#"42/guests,["auth:guest""#));
            }
            let (id, _) = who(&mut socket, "/guests");
            (socket, id)
        })
        .into();
    let (mut by_file, id) = guests.remove(0);
    file.write(&format!("account {id}\n"));
    assert_eq!(by_file.text().unwrap(), "41/guests,");
    for (mut socket, id) in guests {
        assert_eq!(who(&mut socket, "/guests").0, id, "not yet");
        running.revoke(&Revoked::Account(id)).unwrap();
        assert_eq!(socket.text().unwrap(), "41/guests,");
    }
    let guest = request(server, "POST /guest HTTP/1.1\r\nContent-Length: 0").unwrap();
    let guest: Value = serde_json::from_str(guest.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let mut player = enter(server, "/lobby", &json!({"token": guest["token"]}));
    running.revoke(&Revoked::Account(guest["account"].as_str().unwrap().to_owned())).unwrap();
    assert_eq!(player.text().unwrap(), "41/lobby,");
}

/// What a renewal is answered.
fn renew(socket: &mut WebSocket, namespace: &str, argument: &Value) -> Value {
    socket.send(&format!(r#"42{namespace},1["auth:renew",{argument}]"#)).unwrap();
    let answer = socket.text().unwrap();
    let answer = answer.strip_prefix(&format!("43{namespace},1[")).expect(&answer);
    serde_json::from_str(answer.strip_suffix(']').unwrap()).unwrap()
}

#[test]
fn a_client_that_renews_in_vain_again_and_again_is_disconnected() {
    let (config, _keys) = with_keys();
    let (reasons, heard) = mpsc::channel();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
        let reasons = Mutex::new(reasons);
        server.namespace("/members").on_disconnect(move |_, reason| {
            reasons.lock().unwrap().send(reason.as_str()).unwrap();
        });
    });
    let server = running.address();
    in_each(&["/members", "/lobby"], |namespace| {
        let good = json!(token("ada", "1", 1000.0));
        let mut socket = enter(server, namespace, &json!({"token": good}));
        (0..7).for_each(|_| assert_eq!(renew(&mut socket, namespace, &json!("x"))["ok"], false));
        assert_eq!(renew(&mut socket, namespace, &good)["ok"], true, "it begins anew");
        for _ in 0..8 {
            assert_eq!(renew(&mut socket, namespace, &json!("x"))["code"], "E_AUTH");
        }
        assert_eq!(socket.text().unwrap(), format!("41{namespace},"));
    });
    assert_eq!(heard.recv_timeout(DEADLINE).unwrap(), "token refused");
}

#[test]
fn auth_04_renewals_in_vain_count_and_are_not_looked_at_while_their_address_is_shut_out() {
    for namespace in ["/members", "/lobby"] {
        let (mut config, _keys) = with_keys();
        config.limits.max_failed_auths_per_minute_per_address = 5;
        let running = start(config, |server| {
            serve(server);
            server.game::<parlor_games::Chess>("chess");
        });
        let server = running.address();
        let good = json!(token("ada", "1", 1000.0));
        let mut socket = enter(server, namespace, &json!({"token": good}));
        for _ in 0..5 {
            assert_eq!(renew(&mut socket, namespace, &json!("x"))["code"], "E_AUTH");
            assert_eq!(status(&polling(server, "")), "200");
        }
        assert_eq!(renew(&mut socket, namespace, &json!("x"))["code"], "E_AUTH");
        assert_eq!(status(&polling(server, "")), "429", "{namespace}");
        for token in [json!("x"), good] {
            assert_eq!(renew(&mut socket, namespace, &token)["code"], "E_RATE");
        }
    }
}

#[test]
fn a_guest_without_a_token_has_none_to_renew() {
    let (config, _keys) = with_keys();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
    });
    let server = running.address();
    let good = json!(token("ada", "1", 1000.0));
    in_each(&["/guests", "/lobby"], |namespace| {
        let mut socket = enter(server, namespace, &json!({}));
        for _ in 0..200 {
            for token in [&json!("x"), &good] {
                let answer = renew(&mut socket, namespace, token);
                assert_eq!(answer["message"], "the token is another account's");
            }
        }
    });
    assert_eq!(status(&polling(server, "")), "200", "nothing was looked at");
}

#[test]
fn a_renewal_waits_for_no_handler_and_is_shown_to_nobody_else() {
    let (config, _keys) = with_keys();
    let (tell, heard) = mpsc::channel();
    let running = start(config, |server| {
        let heard_by = |who: &'static str| {
            let tell = Mutex::new(tell.clone());
            move |name: &str| tell.lock().unwrap().send(format!("{who} {name}")).unwrap()
        };
        let [any, middleware, later, fallback, own] =
            ["any", "middleware", "later", "fallback", "own"].map(heard_by);
        server
            .namespace("/members")
            .accounts(AccountRule::Required)
            .on_any(move |_, args| any(&args.name()))
            .middleware(move |_, args| {
                middleware(&args.name());
                Ok(())
            })
            .middleware_async(move |_, args| {
                later(&args.name());
                async { Ok(()) }
            })
            .on("auth:renew", move |_, args| own(&args.name()))
            .on_fallback(move |_, args| fallback(&args.name()))
            .on_async("slow", |_, _| std::future::pending());
    });
    drop(tell);
    let auth = json!({"token": token("ada", "1", 1000.0)});
    let mut socket = enter(running.address(), "/members", &auth);
    socket.send(r#"42/members,["slow"]"#).unwrap();
    for who in ["any", "middleware", "later"] {
        assert_eq!(heard.recv_timeout(DEADLINE).unwrap(), format!("{who} slow"));
    }
    let next = json!(token("ada", "2", 1000.0));
    assert_eq!(renew(&mut socket, "/members", &next)["ok"], true);
    // A name is a name, however it is written.
    socket.send(&format!(r#"42/members,1["auth\u003arenew",{next}]"#)).unwrap();
    assert!(socket.text().unwrap().starts_with(r#"43/members,1[{"ok":true"#));
    drop(socket);
    drop(running);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn auth_03_a_revoked_token_ends_its_sockets_and_opens_none() {
    let (mut config, _keys) = with_keys();
    let file = TestFile::new("# nobody yet\n");
    config.auth.revoked = file.path();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
    });
    let server = running.address();
    let of = |id: &str| json!({"token": token("ada", id, 1000.0)});
    let (one, other) = (of("one"), of("other"));
    for namespace in ["/members", "/lobby"] {
        let id = format!("of {namespace}");
        let revoked = of(&id);
        let (mut gone, mut stays) =
            (enter(server, namespace, &revoked), enter(server, namespace, &one));
        running.revoke(&Revoked::Token { id, until_ms: None }).unwrap();
        assert_eq!(gone.text().unwrap(), format!("41{namespace},"));
        let why = refused(namespace, "the token has been revoked");
        assert_eq!(connect_to(&mut gone, namespace, &revoked), why);
        assert!(connect_to(&mut stays, "/guests", &one).starts_with("40"));
    }
    // By the file, within a second or two.
    let (mut gone, mut stays) =
        (enter(server, "/members", &one), enter(server, "/members", &other));
    file.write("token one\n");
    assert_eq!(gone.text().unwrap(), "41/members,");
    assert_eq!(who(&mut stays, "/members").0, "ada");
    let emitter = running.emitter();
    emitter.revoke(&Revoked::Account("ada".to_owned())).unwrap();
    assert_eq!(stays.text().unwrap(), "41/members,");
    emitter.reinstate(&Revoked::Account("ada".to_owned())).unwrap();
    assert!(connect_to(&mut stays, "/members", &other).starts_with("40"));
}

#[test]
fn rec_09_whoever_comes_back_is_asked_for_its_token_again() {
    let (mut config, _keys) = with_keys();
    config.server.shards = 1;
    let running = start(config, |server| {
        serve(server);
        server.namespace("/members").recoverable().on("recovered", |cx, _| {
            let has_recovered = cx.recovered();
            cx.ack((has_recovered,));
        });
    });
    let server = running.address();
    let tell = |what: &str| running.emitter().namespace("/members").emit("news", (what,)).unwrap();
    let read = |event: &str| -> [String; 3] {
        serde_json::from_str(event.strip_prefix("42/members,").expect(event)).unwrap()
    };
    /// The answer to the CONNECT, and the events that came before it.
    fn back(server: SocketAddr, auth: &Value) -> (WebSocket, String, Vec<String>) {
        let mut socket = open(server);
        let mut answer = connect_to(&mut socket, "/members", auth);
        let mut missed = Vec::new();
        while answer.starts_with("42") {
            missed.push(answer);
            answer = socket.text().unwrap();
        }
        (socket, answer, missed)
    }
    let welcome = |answer: &str| -> (String, String) {
        let welcome: Value =
            serde_json::from_str(answer.strip_prefix("40/members,").expect(answer)).unwrap();
        let part = |name: &str| welcome[name].as_str().unwrap().to_owned();
        (part("sid"), part("pid"))
    };

    let first = token("ada", "1", 1000.0);
    let (mut socket, answer, _) = back(server, &json!({"token": first}));
    let (sid, pid) = welcome(&answer);
    tell("heard");
    let [_, _, offset] = read(&socket.text().unwrap());
    drop(socket);
    wait_for_metric(server, "parlor_sockets_parked 1");
    tell("missed");
    running.revoke(&Revoked::Token { id: "1".to_owned(), until_ms: None }).unwrap();

    let as_ada = |token: &str| json!({"token": token, "pid": pid, "offset": offset});
    let (_, answer, missed) = back(server, &as_ada(&first));
    assert_eq!(answer, refused("/members", "the token has been revoked"));
    assert_eq!(missed, [""; 0]);

    let (mut bob, answer, missed) = back(server, &as_ada(&token("bob", "2", 1000.0)));
    let (bobs_sid, bobs_pid) = welcome(&answer);
    assert!(bobs_sid != sid && bobs_pid != pid && missed.is_empty(), "{missed:?}");
    bob.send(r#"42/members,1["recovered"]"#).unwrap();
    assert_eq!(bob.text().unwrap(), "43/members,1[false]");
    assert_eq!(who(&mut bob, "/members").0, "bob");

    let (mut ada, answer, missed) = back(server, &as_ada(&token("ada", "3", 1000.0)));
    assert_eq!(welcome(&answer), (sid, pid));
    let missed: Vec<String> = missed.iter().map(|event| read(event)[1].clone()).collect();
    assert_eq!(missed, ["missed"]);
    ada.send(r#"42/members,1["recovered"]"#).unwrap();
    assert_eq!(ada.text().unwrap(), "43/members,1[true]");
    assert_eq!(who(&mut ada, "/members").0, "ada");
}

#[test]
fn auth_04_an_address_with_many_bad_tokens_is_shut_out_for_a_while() {
    let (mut config, _keys) = with_keys();
    config.limits.max_failed_auths_per_minute_per_address = 5;
    let running = start(config, |server| {
        serve(server);
        server.namespace("/own").admit(|_, _| Err(ConnectError::unauthorized("never")));
    });
    let server = running.address();
    let mut socket = open(server);
    for n in 0..5 {
        // What a handler of the user's own refuses counts as well.
        let namespace = if n % 2 == 0 { "/members" } else { "/own" };
        let answer = connect_to(&mut socket, namespace, &json!({"token": "x"}));
        assert!(answer.contains(r#""code":"E_AUTH""#), "{answer}");
        assert_eq!(status(&polling(server, "")), "200");
    }
    connect_to(&mut socket, "/members", &json!({"token": "x"}));
    let answer = polling(server, "");
    assert_eq!((status(&answer), header(&answer, "retry-after")), ("429", Some("60")));
    assert_eq!(upgrade(server, ""), "429");
    assert_eq!(status(&request(server, "POST /guest HTTP/1.1").unwrap()), "429");
    let auth = json!({"token": token("ada", "1", 1000.0)});
    let answer = connect_to(&mut socket, "/members", &auth);
    assert!(answer.contains(r#""code":"E_RATE""#), "no token is looked at: {answer}");
    assert!(connect_to(&mut socket, "/", &json!({})).starts_with("40"), "who is here stays");
}

#[test]
fn auth_05_auth_of_900_kb_ends_the_connection_with_1009() {
    let running = start(Config::default(), echo);
    for auth in [16 * 1024, 16 * 1024 + 1, 900_000] {
        let mut socket = open(running.address());
        let token = "x".repeat(auth - r#"{"token":""}"#.len());
        socket.send(&format!(r#"40{{"token":"{token}"}}"#)).unwrap();
        match socket.receive().unwrap() {
            Received::Text(text) => assert!(text.starts_with("40{") && auth == 16 * 1024, "{text}"),
            other => assert_eq!(other, Received::Close(Some(1009)), "{auth}"),
        }
    }
    let mut next = WebSocket::join(running.address()).unwrap();
    assert_echoes(&mut next);
}

#[test]
fn an_account_has_as_many_sockets_as_it_may_and_not_one_more() {
    let (mut config, _keys) = with_keys();
    config.limits.max_sockets_per_account = 2;
    let running = start(config, serve);
    let server = running.address();
    let auth = json!({"token": token("ada", "1", 1000.0)});
    let first = enter(server, "/members", &auth);
    let _second = enter(server, "/guests", &auth);
    let mut third = open(server);
    let answer = connect_to(&mut third, "/members", &auth);
    assert!(answer.contains(r#""code":"E_RATE""#), "{answer}");
    enter(server, "/members", &json!({"token": token("bob", "2", 1000.0)}));
    drop(first);
    let wait = Instant::now();
    while !connect_to(&mut third, "/members", &auth).starts_with("40") {
        assert!(wait.elapsed() < DEADLINE, "a socket's end gives its place back");
    }
}

// ---- origins and cookies -----------------------------------------------------------------------

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
        let unknown = get(server, "/socket.io/?EIO=4&transport=polling&sid=nobody").unwrap();
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

// ---- limits ------------------------------------------------------------------------------------

#[test]
fn eio_21_handshakes_left_idle_are_too_many_at_some_point() {
    let mut config = Config::default();
    config.limits.max_handshake_burst_per_address = 300;
    // However slow the machine is, the first are still there with the last.
    config.engine.connect_timeout_ms = 60_000;
    let running = start(config, echo);
    let server = running.address();
    let held: Vec<String> = (0..256).map(|_| polling(server, "")).collect();
    assert!(held.iter().all(|answer| status(answer) == "200"));
    for refused in [polling(server, ""), WebSocket::open(server, "").unwrap_err().to_string()] {
        assert_eq!((status(&refused), header(&refused, "retry-after")), ("429", Some("10")));
    }
    let sid = held[0].split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut stream = connect(server).unwrap();
    let post = "Host: test\r\nContent-Length: 2\r\nConnection: close\r\n\r\n40";
    write!(stream, "POST {POLLING}&sid={sid} HTTP/1.1\r\n{post}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    assert_eq!(upgrade(server, ""), "101", "one has joined a namespace");
}

#[test]
fn eio_21_handshakes_that_come_too_fast_are_told_when_to_come_again() {
    let mut config = Config::default();
    (config.server.shards, config.limits.max_handshakes_per_second_per_address) = (2, 1);
    config.limits.max_handshake_burst_per_address = 3;
    let running = start(config, echo);
    let server = running.address();
    let begun = Instant::now();
    let answers: Vec<String> = (0..20).map(|_| polling(server, "")).collect();
    let n_taken = answers.iter().filter(|answer| status(answer) == "200").count();
    let n_more = begun.elapsed().as_secs() as usize;
    assert!((3..=3 + n_more).contains(&n_taken), "{n_taken} of 20 in {:?}", begun.elapsed());
    let refused = answers.iter().find(|answer| status(answer) != "200").unwrap();
    assert_eq!((status(refused), header(refused, "retry-after")), ("429", Some("1")));
    let wait = Instant::now();
    while upgrade(server, "") != "101" {
        assert!(wait.elapsed() < DEADLINE, "it may come again");
    }
}

#[test]
fn sio_41_10_000_events_in_one_burst_are_told_to_be_too_many_and_end_the_connection() {
    let mut config = Config::default();
    // However long they take.
    config.limits.max_messages_per_second = 1_000;
    let running = start(config, echo);
    let server = running.address();
    let mut next = WebSocket::join(server).unwrap();
    let flood = WebSocket::join(server).unwrap();
    let (mut stream, decoder, unread) = flood.into_parts();
    let mut wire = Vec::new();
    for i in 0..10_000 {
        let text = format!(r#"42{i}["echo",{i}]"#);
        parlor_shared::websocket::write_masked_frame(
            &mut wire,
            parlor_shared::websocket::Opcode::Text,
            text.as_bytes(),
            [7, 1, 8, 2],
        );
    }
    let writing = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        // The server may be gone before all of it is written.
        let _ = (&writing).write_all(&wire);
    });
    let mut flood = WebSocket::from_parts(stream.try_clone().unwrap(), decoder, unread);
    let (mut n_acks, mut n_told, mut last) = (0, 0, None);
    let end = loop {
        match flood.receive().unwrap() {
            Received::Text(text) if text.starts_with(r#"42["rate_limited",{"#) => n_told += 1,
            Received::Text(text) => {
                let id = text.strip_prefix("43").unwrap().split('[').next().unwrap();
                let number: u32 = id.parse().unwrap();
                assert_eq!(text, format!("43{number}[{number}]"), "acks of what is kept are right");
                assert!(last < Some(number), "{number} after {last:?}");
                (n_acks, last) = (n_acks + 1, Some(number));
            }
            end => break end,
        }
    };
    assert_eq!(end, Received::Close(Some(1008)));
    // The CONNECT counts as well.
    assert!((4_999..9_000).contains(&n_acks) && n_told >= 1, "{n_acks} kept, told {n_told} times");
    stream.flush().unwrap();
    drop(stream);
    writer.join().unwrap();
    assert_echoes(&mut next);
    wait_for_metric(server, r#"parlor_sessions_closed_total{reason="policy violation"} 1"#);
}

#[test]
fn a_session_that_is_limited_for_a_moment_goes_on() {
    let mut config = Config::default();
    // The first of them joins.
    (config.limits.max_messages_per_second, config.limits.max_message_burst) = (20, 11);
    let running = start(config, echo);
    let mut socket = WebSocket::join(running.address()).unwrap();
    for i in 0..10 {
        socket.send(&format!(r#"421["echo",{i}]"#)).unwrap();
        assert_eq!(socket.text().unwrap(), format!("431[{i}]"));
    }
    let mut n_sent = 0;
    let told = loop {
        socket.send(r#"421["echo","more"]"#).unwrap();
        n_sent += 1;
        let answer = socket.text().unwrap();
        if answer != r#"431["more"]"# {
            break answer;
        }
        assert!(n_sent < 1_000, "it was never limited");
    };
    let expected = r#"42["rate_limited",{"code":"E_RATE","message":"too many messages; "#;
    assert!(told.starts_with(expected) && told.ends_with(r#""dropped":1}]"#), "{told}");
    let wait = Instant::now();
    // Not in a loop without a breath: that would end it.
    while !is_answered(&mut socket, Duration::from_millis(200)) {
        assert!(wait.elapsed() < DEADLINE);
    }
}

/// True if an echo is answered within this time.
fn is_answered(socket: &mut WebSocket, within: Duration) -> bool {
    socket.send(r#"421["echo","again"]"#).unwrap();
    socket.set_timeout(within).unwrap();
    let answer = socket.text();
    socket.set_timeout(DEADLINE).unwrap();
    answer.is_ok_and(|answer| answer == r#"431["again"]"#)
}

#[test]
fn bytes_past_the_limit_are_dropped_as_events_are() {
    let mut config = Config::default();
    config.engine.max_payload = 10_000;
    (config.limits.max_bytes_per_second, config.limits.max_byte_burst) = (1_024, 100 * 1_024);
    let running = start(config, echo);
    let mut socket = WebSocket::join(running.address()).unwrap();
    let filler = "x".repeat(9_000);
    let mut n_kept = 0;
    loop {
        socket.send(&format!(r#"421["echo","{filler}"]"#)).unwrap();
        let answer = socket.text().unwrap();
        if answer.starts_with(r#"42["rate_limited""#) {
            break;
        }
        n_kept += 1;
        assert!(n_kept < 50, "it was never limited");
    }
    assert!(n_kept >= 11, "{n_kept} messages of 9 kB");
}

//! Accounts and their tokens: who somebody is, for how long, and who is let in no more. Which
//! handshakes are taken at all is `handshakes`' part, how much of what, that of `limits`. Tests
//! that have an id of the list of bad inputs in their name show the answer to that input.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
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

/// A file that is gone with the test.
pub(super) struct TestFile(PathBuf);

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
pub(super) fn token(account: &str, id: &str, seconds: f64) -> String {
    let claims = json!({"sub": account, "jti": id, "exp": unix() + seconds});
    sign(&json!({"alg": "HS256"}), &claims, SECRET.as_bytes())
}

/// A configuration whose tokens are signed by [`SECRET`].
pub(super) fn with_keys() -> (Config, TestFile) {
    let keys = TestFile::new(SECRET);
    let mut config = Config::default();
    config.auth.keys = keys.path();
    (config, keys)
}

/// Namespaces `/guests` and `/members`, which tell who somebody is.
pub(super) fn serve(server: &mut Server) {
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
pub(super) fn connect_to(socket: &mut WebSocket, namespace: &str, auth: &Value) -> String {
    socket.send(&format!("40{namespace},{auth}")).unwrap();
    socket.text().unwrap()
}

pub(super) fn enter(server: SocketAddr, namespace: &str, auth: &Value) -> WebSocket {
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

pub(super) fn refused(namespace: &str, message: &str) -> String {
    format!(r#"44{namespace},{{"message":"{message}","data":{{"code":"E_AUTH"}}}}"#)
}

/// Seconds that a token lives which is to expire: enough to come in, on a busy machine.
const LIFE: f64 = 4.0;

/// A server with chess, and the reasons for which sockets of `/members` go.
fn start_and_hear(config: Config) -> (Running, mpsc::Receiver<&'static str>) {
    let (reasons, heard) = mpsc::channel();
    let running = start(config, |server| {
        serve(server);
        server.game::<parlor_games::Chess>("chess");
        let reasons = Mutex::new(reasons);
        server.namespace("/members").on_disconnect(move |_, reason| {
            reasons.lock().unwrap().send(reason.as_str()).unwrap();
        });
    });
    (running, heard)
}

/// Does the same in several namespaces at once.
fn in_each(namespaces: &[&str], run: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for namespace in namespaces {
            scope.spawn(|| run(namespace));
        }
    });
}

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
    let (running, heard) = start_and_hear(config);
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
    let (running, heard) = start_and_hear(config);
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

//! Accounts in virtual time: what tokens are taken for, when they end, and who is let in no more.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use parlor_core::key::{Key as _, NamespaceKey, SocketKey};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use super::{
    gate::{MAX_FAILED_RENEWALS, Refused},
    *,
};
use crate::{address::Network, config, mailbox::mailbox};

const SECRET: &str = "a secret that is long enough for it";
const RSA_PRIVATE: &str = include_str!("../../../tests/data/keys/rsa_private.pem");
const RSA_PUBLIC: &str = include_str!("../../../tests/data/keys/rsa_public.pem");
/// 2026-01-01
const UNIX_MS: u64 = 1_767_225_600_000;
const UNIX: u64 = UNIX_MS / 1000;
const NAMESPACE: NamespaceKey = NamespaceKey(3);

/// A file that is gone with the test.
struct TestFile(PathBuf);

impl TestFile {
    fn new(content: &[u8]) -> Self {
        static N: AtomicU32 = AtomicU32::new(0);
        let n = N.fetch_add(1, Ordering::Relaxed);
        let name = format!("parlor-auth-{}-{n}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(content);
        file
    }

    fn write(&self, content: &[u8]) {
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

fn accounts(keys: &str, change: impl FnOnce(&mut AuthSection)) -> Accounts {
    let file = TestFile::new(keys.as_bytes());
    let mut settings = AuthSection { keys: file.path(), ..AuthSection::default() };
    change(&mut settings);
    let limits = Limits::new(&config::Limits::default(), 1_000_000);
    Accounts::new(&settings, Arc::new(limits), Clock::start(), [].into()).unwrap()
}

fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |part: &Value| BASE64.encode(part.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature))
}

fn hs256(secret: &[u8]) -> impl FnOnce(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

fn rs256(message: &[u8]) -> Vec<u8> {
    let body: String = RSA_PRIVATE.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
    let key = RsaKeyPair::from_der(&der).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

fn ed25519() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn claims(sub: &str) -> Value {
    json!({"sub": sub, "exp": UNIX + 3600, "jti": format!("{sub}-1"), "level": 7})
}

/// A good token of this account, by [`SECRET`].
fn token(claims: &Value) -> String {
    signed(&json!({"alg": "HS256", "typ": "JWT"}), claims, hs256(SECRET.as_bytes()))
}

#[test]
fn tokens_of_all_three_kinds_are_accepted_by_their_keys() {
    let x = BASE64.encode(ed25519().public_key());
    let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ed"}]}).to_string();
    let ed = |message: &[u8]| ed25519().sign(message).as_ref().to_vec();
    let (hs, rs) = (json!({"alg": "HS256"}), json!({"alg": "RS256", "kid": "whatever"}));
    let eddsa = json!({"alg": "EdDSA", "kid": "ed"});
    let by = |keys: &str, token: &str| accounts(keys, |_| ()).verify(UNIX_MS, token);
    for account in [
        by(SECRET, &signed(&hs, &claims("ada"), hs256(SECRET.as_bytes()))),
        by(RSA_PUBLIC, &signed(&rs, &claims("ada"), rs256)),
        by(&jwks, &signed(&eddsa, &claims("ada"), ed)),
    ] {
        let account = account.unwrap();
        assert_eq!((account.id(), account.token_id()), ("ada", Some("ada-1")));
        assert_eq!(account.claims::<Value>().unwrap(), claims("ada"));
        assert!(!account.is_guest() && account.expires_ms() == Some(UNIX_MS + 3_600_000));
    }
}

#[test]
fn auth_01_tokens_that_are_forged_or_signed_otherwise_are_not_accepted() {
    use Denied::{NotAccepted, UnknownGuest};
    let none = |_: &[u8]| Vec::new();
    let x = BASE64.encode(ed25519().public_key());
    let k = BASE64.encode(SECRET);
    let jwks = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ed"},
        {"kty": "oct", "k": k, "kid": "hs"},
    ]});
    let jwks = jwks.to_string();
    let (good, public) = (claims("ada"), RSA_PUBLIC.as_bytes());
    let header = |alg: &str| json!({"alg": alg});
    let with_kid = |kid: &str| json!({"alg": "HS256", "kid": kid});
    let secret = SECRET.as_bytes();
    let guest = json!({"alg": "HS256", "typ": GUEST_TYPE});
    for (why, keys, token) in [
        ("no signature", SECRET, signed(&header("none"), &good, none)),
        ("an empty signature", SECRET, signed(&header("HS256"), &good, none)),
        ("`none` with a signature", SECRET, signed(&header("none"), &good, hs256(secret))),
        ("another secret", SECRET, signed(&header("HS256"), &good, hs256(b"another secret"))),
        ("a public key as the secret", RSA_PUBLIC, signed(&header("HS256"), &good, hs256(public))),
        ("RS256 by a secret", SECRET, signed(&header("RS256"), &good, rs256)),
        ("what its header does not say", RSA_PUBLIC, signed(&header("HS256"), &good, rs256)),
        ("the name of another key", &jwks, signed(&with_kid("ed"), &good, hs256(secret))),
        ("a path", &jwks, signed(&with_kid("../../../etc/passwd"), &good, hs256(secret))),
        ("a path to nothing", &jwks, signed(&with_kid("/dev/null"), &good, hs256(b""))),
        ("a secret, as of a guest", SECRET, signed(&guest, &good, hs256(secret))),
        ("too long", SECRET, token(&json!({"sub": "ada", "exp": UNIX + 9, "x": "x".repeat(9000)}))),
        ("no token", SECRET, "ada".to_owned()),
    ] {
        assert_eq!(
            accounts(keys, |_| ()).verify(UNIX_MS, &token),
            Err(if why.contains("of a guest") { UnknownGuest } else { NotAccepted }),
            "{why}"
        );
    }
    let named = signed(&with_kid("hs"), &good, hs256(secret));
    assert!(accounts(&jwks, |_| ()).verify(UNIX_MS, &named).is_ok());
}

#[test]
fn claims_that_do_not_hold_are_told_apart() {
    let ours = accounts(SECRET, |settings| {
        (settings.issuer, settings.audience) = ("id.example".to_owned(), "game".to_owned());
    });
    let mut good = claims("ada");
    (good["iss"], good["aud"]) = ("id.example".into(), "game".into());
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        ours.verify(UNIX_MS, &token(&claims)).map(|account| account.id().len())
    };
    let long = |n: usize| Value::from("x".repeat(n));
    assert_eq!(with("aud", json!(["chat", "game"])), Ok(3));
    assert_eq!(with("sub", long(MAX_ID_BYTES)), Ok(MAX_ID_BYTES));
    assert_eq!(with("exp", json!(1e300)), Ok(3));
    assert_eq!(with("exp", json!(UNIX as f64 + 0.001)), Ok(3));
    assert_eq!(with("nbf", json!(UNIX + 5)), Ok(3));
    use Denied::{BadId, Expired, NoAccount, NoEnd, NotForUs, NotYet, Unreadable};
    for (name, value, denied) in [
        ("exp", json!(UNIX), Expired),
        ("exp", json!(0), Expired),
        ("exp", json!(-1e300), Expired),
        ("exp", Value::Null, NoEnd),
        ("exp", json!((UNIX + 9).to_string()), Unreadable),
        ("nbf", json!(UNIX + 6), NotYet),
        ("iss", json!("evil.example"), NotForUs),
        ("iss", Value::Null, NotForUs),
        ("aud", json!("chat"), NotForUs),
        ("aud", json!([]), NotForUs),
        ("aud", Value::Null, NotForUs),
        ("sub", Value::Null, NoAccount),
        ("sub", json!(""), NoAccount),
        ("sub", json!(7), Unreadable),
        ("sub", long(MAX_ID_BYTES + 1), NoAccount),
        ("jti", long(MAX_ID_BYTES + 1), BadId),
        ("jti", json!(""), BadId),
    ] {
        assert_eq!(with(name, value.clone()), Err(denied), "{name}: {value}");
    }
}

#[test]
fn a_guest_is_known_again_by_who_has_the_secret_and_by_nobody_else() {
    let file = TestFile::new(SECRET.as_bytes());
    let of_file = || accounts(RSA_PUBLIC, |settings| settings.guest_secret = file.path());
    let guest = of_file().guest_token(UNIX_MS, &Account::new_guest());
    let again = of_file().verify(UNIX_MS, &guest.token).unwrap();
    assert_eq!((again.id(), again.is_guest()), (guest.account.as_str(), true));
    assert!(again.id().starts_with(GUEST));
    assert_eq!(of_file().verify(guest.expires * 1000, &guest.token), Err(Denied::Expired));
    let drawn = || accounts(RSA_PUBLIC, |_| ());
    assert_eq!(drawn().verify(UNIX_MS, &guest.token), Err(Denied::UnknownGuest));
    let other = drawn().guest_token(UNIX_MS, &Account::new_guest());
    assert_eq!(drawn().verify(UNIX_MS, &other.token), Err(Denied::UnknownGuest));
}

#[test]
fn files_are_read_again_when_they_change_and_kept_when_they_are_wrong() {
    let (keys, revoked) = (TestFile::new(SECRET.as_bytes()), TestFile::new(b""));
    let (mailbox, inbox) = mailbox();
    let settings =
        AuthSection { keys: keys.path(), revoked: revoked.path(), ..AuthSection::default() };
    let limits = Arc::new(Limits::new(&config::Limits::default(), 1_000_000));
    let accounts = Accounts::new(&settings, limits, Clock::start(), [mailbox].into()).unwrap();
    inbox.take();
    let token = token(&claims("ada"));
    assert!(accounts.verify(UNIX_MS, &token).is_ok());
    assert_eq!(look(&accounts), [""; 0]);
    assert_eq!(inbox.take().len(), 0, "nothing has changed");
    revoked.write(b"account ada\n");
    assert_eq!(look(&accounts), [""; 0]);
    assert_eq!(inbox.take().len(), 1, "the shard is told");
    assert_eq!(accounts.verify(UNIX_MS, &token), Err(Denied::Revoked));
    revoked.write(b"somebody ada\n");
    assert!(look(&accounts)[0].contains("line 1"));
    assert_eq!(look(&accounts), [""; 0], "it is told once");
    assert_eq!(accounts.verify(UNIX_MS, &token), Err(Denied::Revoked));
    revoked.write(b"token another\n");
    keys.write(b"{");
    assert!(look(&accounts)[0].contains("no JWKS"));
    assert!(accounts.verify(UNIX_MS, &token).is_ok(), "one that is wrong does not keep another");
    keys.write(RSA_PUBLIC.as_bytes());
    assert_eq!(look(&accounts), [""; 0]);
    assert_eq!(accounts.verify(UNIX_MS, &token), Err(Denied::NotAccepted));
    drop(keys);
    assert!(look(&accounts)[0].contains("auth.keys"));
    assert_eq!(look(&accounts), [""; 0]);
}

/// Looks at the files as is done once a second: what is told of them.
fn look(accounts: &Accounts) -> Vec<String> {
    let looked = [accounts.look_at_keys(), accounts.look_at_revoked()];
    looked.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect()
}

#[test]
fn a_file_that_could_not_be_read_is_read_once_it_can_be() {
    let keys = TestFile::new(SECRET.as_bytes());
    let revoked = TestFile::new(b"");
    let settings =
        AuthSection { keys: keys.path(), revoked: revoked.path(), ..AuthSection::default() };
    let limits = Arc::new(Limits::new(&config::Limits::default(), 1_000_000));
    let accounts = Accounts::new(&settings, limits, Clock::start(), [].into()).unwrap();
    // Root may read every file, but no directory.
    fs::remove_file(&revoked.0).unwrap();
    fs::create_dir(&revoked.0).unwrap();
    let stamp = fs::metadata(&revoked.0).unwrap();
    assert!(look(&accounts)[0].contains("auth.revoked: "));
    assert_eq!(look(&accounts), [""; 0], "it is told once");
    // Then it can be read, and looks no other than before.
    fs::remove_dir(&revoked.0).unwrap();
    let line = "account ada\n#";
    let rest = (stamp.len() as usize).saturating_sub(line.len());
    revoked.write(format!("{line}{}", "#".repeat(rest)).as_bytes());
    let file = fs::File::options().write(true).open(&revoked.0).unwrap();
    file.set_modified(stamp.modified().unwrap()).unwrap();
    assert_eq!(look(&accounts), [""; 0]);
    assert_eq!(accounts.verify(UNIX_MS, &token(&claims("ada"))), Err(Denied::Revoked));
}

#[test]
fn a_file_that_cannot_be_read_is_told_at_the_start() {
    let start = |change: &dyn Fn(&mut AuthSection)| {
        let mut settings = AuthSection::default();
        change(&mut settings);
        let limits = Arc::new(Limits::new(&config::Limits::default(), 1_000_000));
        Accounts::new(&settings, limits, Clock::start(), [].into()).unwrap_err().to_string()
    };
    let none = || "/nowhere/at/all".to_owned();
    assert!(start(&|settings| settings.keys = none()).contains("auth.keys: /nowhere"));
    assert!(start(&|settings| settings.revoked = none()).contains("auth.revoked: /nowhere"));
    assert!(start(&|settings| settings.guest_secret = none()).contains("auth.guest_secret: "));
    let short = TestFile::new(b"short");
    assert!(start(&|settings| settings.guest_secret = short.path()).contains("32 bytes"));
}

// ---- the gate ----------------------------------------------------------------------------------

fn at(ms: u64) -> Time {
    Time::after_start(Duration::from_millis(ms))
}

fn socket(n: u32) -> SocketKey {
    SocketKey::new(n, 0)
}

/// A gate whose clock shows zero at [`UNIX_MS`].
struct Script(Gate);

impl Script {
    fn new(change: impl FnOnce(&mut AuthSection)) -> Self {
        Self(Gate::new(Arc::new(accounts(SECRET, change))))
    }

    fn enter(
        &mut self,
        ms: u64,
        n: u32,
        rule: AccountRule,
        auth: &Value,
    ) -> Result<String, Refused> {
        let auth = auth.to_string();
        let request = Request {
            socket: socket(n),
            namespace: NAMESPACE,
            rule,
            network: Some(Network::of([1, 2, 3, 4].into())),
            auth: Some(&auth),
            cookie: None,
        };
        self.0.enter(at(ms), UNIX_MS + ms, &request).map(|entered| entered.account.id().to_owned())
    }

    fn renew(&mut self, ms: u64, n: u32, token: &str) -> Result<(), Refused> {
        self.0.renew(at(ms), UNIX_MS + ms, socket(n), token).map(|_| ())
    }

    fn revoked(&self, revoked: Option<&Revoked>) -> Vec<SocketKey> {
        self.0.revoked(revoked, std::iter::empty()).into_iter().collect()
    }

    /// What is due by then, with the time at which it is.
    fn due(&mut self, until_ms: u64) -> Vec<(u64, Due)> {
        let mut all = Vec::new();
        while let Some(now) = self.0.deadline().filter(|now| *now <= at(until_ms)) {
            let due = self.0.due(now);
            all.extend(due.map(|due| (now.since_start().as_millis() as u64, due)));
        }
        all
    }
}

fn with_token(exp: u64) -> Value {
    json!({"token": token(&json!({"sub": "ada", "exp": exp, "jti": format!("t{exp}")}))})
}

#[test]
fn who_enters_is_as_the_rule_says() {
    use AccountRule::{Guests, Required};
    let mut script = Script::new(|_| ());
    let good = with_token(UNIX + 100);
    let guest = script.0.accounts().guest_token(UNIX_MS, &Account::new_guest());
    let guest_token = json!({"token": guest.token});
    for rule in [Guests, Required] {
        assert_eq!(script.enter(0, 1, rule, &good), Ok("ada".to_owned()));
        let refused = Err(Refused::Denied(Denied::NotAccepted));
        for bad in [json!({"token": "x"}), json!({"token": 7}), json!({"token": {}})] {
            assert_eq!(script.enter(0, 2, rule, &bad), refused, "{bad}");
        }
    }
    assert_eq!(script.enter(0, 3, Guests, &guest_token), Ok(guest.account));
    let no_guests = Err(Refused::Denied(Denied::NoGuests));
    assert_eq!(script.enter(0, 4, Required, &guest_token), no_guests);
    for none in [json!({}), json!({"token": null}), json!({"token": ""}), json!({"other": 1})] {
        assert!(script.enter(0, 5, Guests, &none).unwrap().starts_with(GUEST));
        let missing = Err(Refused::Denied(Denied::Missing));
        assert_eq!(script.enter(0, 6, Required, &none), missing);
    }
    assert_eq!(script.due(200_000), [(100_000, Due::Expired(socket(1)))]);
}

#[test]
fn a_guest_hears_of_its_token_if_it_wants_to_and_once() {
    let mut script = Script::new(|_| ());
    script.enter(0, 1, AccountRule::Guests, &json!({})).unwrap();
    assert_eq!(script.0.connected(socket(1)), None);
    let account = script.enter(0, 2, AccountRule::Guests, &json!({"guest": true})).unwrap();
    let guest = script.0.connected(socket(2)).unwrap();
    assert_eq!(script.0.connected(socket(2)), None);
    assert_eq!(guest.account, account);
    let again = script.enter(9, 3, AccountRule::Guests, &json!({"token": guest.token}));
    assert_eq!(again, Ok(account));
}

#[test]
fn auth_02_a_token_that_expires_is_announced_and_then_ends_its_socket() {
    let mut script = Script::new(|settings| settings.expiring_notice_s = 60);
    for n in [1, 2] {
        script.enter(500, n, AccountRule::Required, &with_token(UNIX + 100)).unwrap();
    }
    script.0.connected(socket(1));
    let expiring = Due::Expiring(socket(1), NAMESPACE, 60_000);
    assert_eq!(script.due(99_999), [(40_000, expiring)], "who is not in yet hears nothing");
    let expired = |n| (100_000, Due::Expired(socket(n)));
    assert_eq!(script.due(100_000), [expired(1), expired(2)]);
    script.enter(200_000, 3, AccountRule::Required, &with_token(UNIX + 210)).unwrap();
    script.0.connected(socket(3));
    assert_eq!(script.0.due(at(200_000)), Some(Due::Expiring(socket(3), NAMESPACE, 10_000)));
    script.0.gone(socket(3));
    assert_eq!(script.0.deadline(), None, "nothing is kept of who is gone");
}

#[test]
fn a_client_that_renews_its_token_in_time_stays() {
    let mut script = Script::new(|_| ());
    script.enter(0, 1, AccountRule::Required, &with_token(UNIX + 100)).unwrap();
    script.0.connected(socket(1));
    assert_eq!(script.due(50_000).len(), 1);
    let renew = |script: &mut Script, ms: u64, token: &str| script.renew(ms, 1, token);
    let text = |token: Value| token["token"].as_str().unwrap().to_owned();
    let denied = |why| Err(Refused::Denied(why));
    assert_eq!(renew(&mut script, 50_000, "x"), denied(Denied::NotAccepted));
    let old = text(with_token(UNIX + 50));
    assert_eq!(renew(&mut script, 50_000, &old), denied(Denied::Expired));
    let others = token(&claims("bob"));
    assert_eq!(renew(&mut script, 50_000, &others), denied(Denied::Another));
    assert_eq!(renew(&mut script, 50_000, &text(with_token(UNIX + 300))), Ok(()));
    let due = [
        (240_000, Due::Expiring(socket(1), NAMESPACE, 60_000)),
        (300_000, Due::Expired(socket(1))),
    ];
    assert_eq!(script.due(u64::MAX), due);
}

#[test]
fn auth_03_who_is_revoked_is_put_out_and_not_let_in_again() {
    let mut script = Script::new(|_| ());
    let (one, two) = (with_token(UNIX + 100), with_token(UNIX + 200));
    script.enter(0, 1, AccountRule::Guests, &one).unwrap();
    script.enter(0, 2, AccountRule::Guests, &two).unwrap();
    let guest = script.enter(0, 3, AccountRule::Guests, &json!({"guest": true})).unwrap();
    script.enter(0, 4, AccountRule::Guests, &json!({})).unwrap();
    let accounts = Arc::clone(script.0.accounts());
    let logged_out = Revoked::Token { id: format!("t{}", UNIX + 100), until_ms: None };
    assert!(accounts.revoke(&logged_out));
    assert_eq!(script.revoked(Some(&logged_out)), [socket(1)]);
    let revoked = Err(Refused::Denied(Denied::Revoked));
    assert_eq!(script.enter(0, 5, AccountRule::Guests, &one), revoked);
    assert!(script.enter(0, 5, AccountRule::Guests, &two).is_ok());
    assert!(accounts.revoke(&Revoked::Account(guest.clone())));
    assert_eq!(script.revoked(Some(&Revoked::Account(guest))), [socket(3)]);
    let banned = Revoked::Account("ada".to_owned());
    assert!(accounts.revoke(&banned));
    assert_eq!(script.revoked(None), [1, 2, 3, 5].map(socket));
    assert_eq!(script.enter(0, 6, AccountRule::Guests, &two), revoked);
    accounts.reinstate(&banned);
    assert!(script.enter(0, 6, AccountRule::Guests, &two).is_ok());
}

#[test]
fn auth_04_guesses_count_for_their_network_and_nothing_else_does() {
    let mut script = Script::new(|settings| settings.audience = "us".to_owned());
    let of = |claims: Value| json!({"token": token(&claims)});
    let good = json!({"sub": "ada", "exp": UNIX + 100, "aud": "us", "jti": "1"});
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        of(claims)
    };
    script.0.accounts().revoke(&Revoked::Token { id: "gone".to_owned(), until_ms: None });
    let of_another_server = accounts(SECRET, |_| ()).new_guest().token;
    for honest in [
        json!({}),
        json!({"token": of_another_server}),
        but("exp", json!(UNIX)),
        but("exp", Value::Null),
        but("sub", Value::Null),
        but("nbf", json!(UNIX + 100)),
        but("aud", json!("them")),
        but("jti", json!("gone")),
    ] {
        for _ in 0..200 {
            script.enter(0, 1, AccountRule::Required, &honest).unwrap_err();
        }
    }
    let network = Network::of([1, 2, 3, 4].into());
    for _ in 0..100 {
        assert!(script.0.accounts().limits.pass(at(0), network, false).is_ok());
        script.enter(0, 1, AccountRule::Required, &json!({"token": "x"})).unwrap_err();
    }
    script.enter(0, 1, AccountRule::Required, &of(good)).unwrap();
    let expired = of(json!({"sub": "ada", "exp": UNIX}));
    let expired = script.renew(0, 1, expired["token"].as_str().unwrap());
    assert_eq!(expired, Err(Refused::Denied(Denied::Expired)));
    assert!(script.0.accounts().limits.pass(at(0), network, false).is_ok());
    assert_eq!(script.renew(0, 1, "x"), Err(Refused::Denied(Denied::NotAccepted)));
    assert!(script.0.accounts().limits.pass(at(0), network, false).is_err());
}

#[test]
fn tokens_that_are_brought_in_vain_are_looked_at_so_often_and_not_once_more() {
    let mut script = Script::new(|_| ());
    let good = with_token(UNIX + 1000);
    let text = good["token"].as_str().unwrap();
    script.enter(0, 1, AccountRule::Required, &good).unwrap();
    let denied = Err(Refused::Denied(Denied::NotAccepted));
    for n_in_vain in [MAX_FAILED_RENEWALS - 1, MAX_FAILED_RENEWALS] {
        assert_eq!(script.renew(0, 1, text), Ok(()), "it begins anew");
        (0..n_in_vain).for_each(|_| assert_eq!(script.renew(0, 1, "x"), denied));
        assert_eq!(script.0.has_failed_too_often(socket(1)), n_in_vain == MAX_FAILED_RENEWALS);
    }
    let another = Err(Refused::Denied(Denied::Another));
    script.enter(0, 2, AccountRule::Guests, &json!({})).unwrap();
    for _ in 0..1000 {
        assert_eq!(script.renew(0, 2, text), another, "a guest without a token has none to renew");
    }
    assert!(!script.0.has_failed_too_often(socket(2)), "nothing was looked at");
    // As often as its account may connect.
    let n_more = (0..1000).filter(|_| script.renew(9_000, 1, text).is_ok()).count();
    assert_eq!(n_more, 50);
    assert_eq!(script.renew(9_000, 1, text), Err(Refused::TooMany));
    assert_eq!(script.renew(9_200, 1, text), Ok(()));
    assert_eq!(script.renew(9_200, 1, text), Err(Refused::TooMany));
}

#[test]
fn while_a_network_is_shut_out_no_token_of_it_is_looked_at() {
    let mut script = Script::new(|_| ());
    let good = with_token(UNIX + 1000);
    script.enter(0, 1, AccountRule::Required, &good).unwrap();
    let network = Network::of([1, 2, 3, 4].into());
    let limits = Arc::clone(&script.0.accounts().limits);
    (0..101).for_each(|_| limits.auth_failed(at(0), network));
    for token in ["x", good["token"].as_str().unwrap()] {
        for _ in 0..100 {
            assert_eq!(script.renew(59_999, 1, token), Err(Refused::TooMany));
            let auth = json!({"token": token});
            let entered = script.enter(59_999, 2, AccountRule::Required, &auth);
            assert_eq!(entered, Err(Refused::TooMany));
        }
    }
    assert!(script.enter(0, 3, AccountRule::Guests, &json!({})).is_ok(), "it has no token");
    assert_eq!(script.renew(60_000, 1, good["token"].as_str().unwrap()), Ok(()));
    assert!(script.enter(60_000, 2, AccountRule::Required, &good).is_ok());
}

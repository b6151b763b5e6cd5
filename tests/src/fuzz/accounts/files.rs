//! What an operator's files say of accounts: whose keys are known, and who is revoked.

use std::collections::HashSet;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use parlor_server::doors::{self, Verifier};
use serde_json::{Value, json};

use super::signers::{self, GUEST, SIGNERS, Signer};
use crate::fuzz::{plain::Object, text};

const MAX_KEYS: usize = 64;

/// What is said of a file that is refused: nothing of what is in it. `#` is a number.
const REASONS: [&str; 17] = [
    "a secret has at least # bytes",
    "it holds no key for HS#, RS# or EdDSA",
    "it holds more than # keys",
    "it is no JWKS",
    "key #: it is no JWK",
    "key #: a part is missing, or no base#url",
    "key #: its secret is too short",
    "key #: RSA keys have at least # bits",
    "key #: Ed# keys have # bytes",
    "RSA keys have at least # bits",
    "Ed# keys have # bytes",
    "a PEM block does not end",
    "a PEM block is no base#",
    "a PEM block is not a public key",
    "a `PUBLIC KEY` is neither RSA nor Ed#",
    "a `RSA PUBLIC KEY` is neither RSA nor Ed#",
    "it is UTF-#, not UTF-#",
];

/// Any bytes as a file of keys: what is public is never taken for a secret, a good key among what
/// is there is one more, and what is wrong is said without a word of the file's.
pub(in crate::fuzz) fn keys(data: &[u8]) {
    let read = |content: &[u8]| Verifier::new(content, GUEST, "", "").map(|v| v.n_keys());
    let verifies = |content: &[u8], token: &str| {
        Verifier::new(content, GUEST, "", "").is_ok_and(|keys| keys.claims(token).is_some())
    };
    let n_keys = read(data);
    match &n_keys {
        Ok(n_keys) => assert!((1..=MAX_KEYS).contains(n_keys)),
        Err(why) => assert!(REASONS.contains(&digitless(why).as_str()), "{why}"),
    }
    let trimmed = data.trim_ascii_end();
    let is_pem = data.windows(10).any(|part| part == b"-----BEGIN");
    let is_json = trimmed_start(text(data)).starts_with('{');
    let forged = [data, trimmed].map(|secret| Signer::secret(secret, None).token("{}"));
    if is_pem || is_json {
        for forged in forged {
            assert!(!verifies(data, &forged), "what is public was taken for a secret");
        }
    } else if n_keys.is_ok() {
        assert_eq!(n_keys, Ok(1));
        assert!(trimmed.len() >= 32 && verifies(data, &forged[1]));
    }
    let data = String::from_utf8_lossy(data);
    if is_json {
        among_others(trimmed_start(&data), n_keys.ok());
    } else {
        let (good, token) = (signers::ED_PEM, SIGNERS[2].token("{}"));
        let n_keys = n_keys.ok().filter(|_| is_pem);
        for file in [format!("{data}\n{good}"), format!("{good}\n{data}")] {
            let n_blocks = data.matches("-----BEGIN ").count();
            match read(file.as_bytes()) {
                Ok(n) => {
                    assert_eq!(n, n_blocks + 1);
                    assert!(verifies(file.as_bytes(), &token));
                }
                Err(_) => assert!(n_keys.is_none_or(|n| n == MAX_KEYS) && n_blocks > 0),
            }
        }
    }
}

/// A good key in front of those of a JWKS, and with each of them alone.
fn among_others(set: &str, n_keys: Option<usize>) {
    let Some(Value::Array(keys)) = Object::read(set).and_then(|set| set.member("keys").ok()?)
    else {
        assert_eq!(n_keys, None);
        return;
    };
    assert!(n_keys.is_none_or(|n| n <= keys.len()));
    let (good, token) = (signers::ed_jwk(), SIGNERS[2].token("{}"));
    let of = |keys: &[Value]| {
        let set = json!({"keys": keys}).to_string();
        Verifier::new(set.as_bytes(), GUEST, "", "")
    };
    let with_good = of(&[std::slice::from_ref(&good), &keys[..]].concat());
    if let Some(n) = n_keys.filter(|n| *n < MAX_KEYS) {
        let all = with_good.expect("a good key spoils nothing");
        assert_eq!(all.n_keys(), n + 1);
        assert!(all.claims(&token).is_some());
    }
    for key in keys.iter().take(8) {
        let both = of(&[key.clone(), good.clone()]);
        let words = |name: &str| key.get(name).is_none_or(|v| v.is_string() || v.is_null());
        let word = |name: &str| key.get(name).and_then(Value::as_str);
        let kind = word("kty");
        let is_jwk = kind.is_some()
            && ["kid", "alg", "use", "crv", "n", "e", "x", "k"].into_iter().all(words);
        let is_for_us = matches!(word("use"), None | Some("sig"));
        let is_known = matches!(
            (kind, word("alg")),
            (Some("RSA"), None | Some("RS256")) | (Some("oct"), None | Some("HS256"))
        ) || kind == Some("OKP") && word("crv") == Some("Ed25519");
        assert!(is_jwk || both.is_err(), "{key} is no key");
        if is_jwk && !(is_for_us && is_known) {
            assert!(both.is_ok_and(|both| both.n_keys() == 1 && both.claims(&token).is_some()));
        } else if kind == Some("oct") && is_jwk {
            let secret = word("k").and_then(|k| BASE64.decode(k).ok()).filter(|k| k.len() >= 32);
            assert_eq!(both.is_ok(), secret.is_some());
            let Some((secret, both)) = secret.zip(both.ok()) else { continue };
            let signer = Signer::secret(&secret, None);
            assert!(both.claims(&signer.token("{}")).is_some());
            let named = |kid: &str| {
                let header = json!({"alg": "HS256", "kid": kid}).to_string();
                signer.sign(&format!("{}.e30", BASE64.encode(header)))
            };
            let other = format!("{}x", word("kid").unwrap_or_default());
            assert!(word("kid").is_none_or(|kid| both.claims(&named(kid)).is_some()));
            assert_eq!(both.claims(&named(&other)).is_some(), word("kid").is_none());
        }
    }
}

/// Editors put a mark of its encoding in front of a text.
fn trimmed_start(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Each number as `#`.
fn digitless(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut found = String::new();
    for c in text.chars().map(|c| if is_digit(c) { '#' } else { c }) {
        if c != '#' || !found.ends_with('#') {
            found.push(c);
        }
    }
    found
}

/// Any bytes as DER between the lines of a PEM: if that is a key, it is the one at its end.
pub(in crate::fuzz) fn der(data: &[u8]) {
    let (ed, rsa) = (SIGNERS[2].token("{}"), SIGNERS[1].token("{}"));
    for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
        let body = BASE64_STANDARD.encode(data);
        let file = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let Ok(read) = Verifier::new(file.as_bytes(), GUEST, "", "") else { continue };
        assert_eq!(read.n_keys(), 1);
        let is_ed = data.len() < 256;
        assert_eq!(read.claims(&ed).is_some(), is_ed && data.ends_with(&signers::ed_public()));
        let modulus = signers::rsa_modulus();
        let has_it = data.windows(modulus.len()).any(|part| part == modulus);
        assert!(read.claims(&rsa).is_none() || has_it);
    }
}

/// Any text as a file of the revoked: those that it names are, and no others.
pub(in crate::fuzz) fn revoked(data: &[u8]) {
    let file = text(data);
    let (mut accounts, mut tokens, mut wrong) = (HashSet::new(), HashSet::new(), None);
    let lines = file.strip_prefix('\u{feff}').unwrap_or(file).lines();
    for (at, line) in lines.enumerate() {
        let has_comment = line.split_whitespace().skip(1).any(|word| word.starts_with('#'));
        let mut words = line.trim().splitn(2, char::is_whitespace);
        match (words.next(), words.next().map(str::trim)) {
            (Some(word), _) if word.is_empty() || word.starts_with('#') => {}
            _ if has_comment => wrong = wrong.or(Some(at + 1)),
            (Some("account"), Some(id)) => drop(accounts.insert(id)),
            (Some("token"), Some(id)) => drop(tokens.insert(id)),
            _ => wrong = wrong.or(Some(at + 1)),
        }
    }
    let known = ["ada", "t1", ""].into_iter().chain(file.split_whitespace());
    let known = known.chain(accounts.iter().copied()).chain(tokens.iter().copied());
    let pairs: Vec<(&str, Option<&str>)> =
        known.flat_map(|id| [(id, None), (id, Some(id)), ("nobody", Some(id))]).collect();
    match (doors::revoked(file, &pairs), wrong) {
        (Ok(read), None) => {
            let is_revoked = |(id, token): &(&str, Option<&str>)| {
                accounts.contains(id) || token.is_some_and(|token| tokens.contains(token))
            };
            assert_eq!(read, pairs.iter().map(is_revoked).collect::<Vec<_>>());
        }
        (Err(why), Some(line)) => assert!(why.starts_with(&format!("line {line}: ")), "{why}"),
        (read, wrong) => panic!("{read:?}, and the wrong line is {wrong:?}"),
    }
}

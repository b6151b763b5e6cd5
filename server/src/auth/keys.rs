//! The keys that accounts' tokens are checked by, read from what an operator's file holds: a JWKS,
//! public keys in PEM, or a secret. What a `kid` says is compared and never used as a path.
//! Source: RFC 7517, 7518 § 6, 8037 § 2 (JWK); RFC 8017 A.1.1, 8410 § 4 (public keys).

use std::fmt;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde::Deserialize;

use super::token::{Key, Unverified};

/// Keys of one file: a token without a `kid` is tried with all of its algorithm.
pub(crate) const MAX_KEYS: usize = 64;
/// A secret shorter than its hash may be guessed (RFC 7518 § 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Shorter moduli may be factored (RFC 7518 § 3.3).
const MIN_RSA_BYTES: usize = 256;

/// The keys of a file.
#[derive(Default)]
pub(crate) struct Keys(Vec<(Option<String>, Key)>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Keys {
    /// Reads what a file holds.
    ///
    /// # Errors
    /// What is wrong with it; never any of its content.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, String> {
        // What is public must not be taken for a secret because an editor has put a mark of its
        // encoding in front of it, or a remark is in another.
        if [[0xff, 0xfe], [0xfe, 0xff]].iter().any(|mark| content.starts_with(mark)) {
            return Err("it is UTF-16, not UTF-8".to_owned());
        }
        let text = String::from_utf8_lossy(content);
        let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let keys = if text.starts_with('{') {
            jwks(text)?
        } else if text.contains("-----BEGIN") {
            pem(text)?.into_iter().map(|key| (None, key)).collect()
        } else {
            let secret = content.trim_ascii_end();
            if secret.len() < MIN_SECRET_BYTES {
                return Err(format!("a secret has at least {MIN_SECRET_BYTES} bytes"));
            }
            vec![(None, Key::secret(secret))]
        };
        match keys.len() {
            0 => Err("it holds no key for HS256, RS256 or EdDSA".to_owned()),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(format!("it holds more than {MAX_KEYS} keys")),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The claims of a token that one of these keys has signed. A token that names a key is not
    /// tried with others, unless they have no name.
    pub(super) fn verify(&self, token: &Unverified<'_>) -> Option<String> {
        let may_be = |kid: &Option<String>| match (kid, &token.header.kid) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        };
        let mut keys = self.0.iter().filter(|(kid, _)| may_be(kid));
        keys.find_map(|(_, key)| token.verify(key))
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    k: Option<String>,
}

/// Keys of other kinds, or for other uses, are left out: files hold what several readers need.
fn jwks(text: &str) -> Result<Vec<(Option<String>, Key)>, String> {
    let set: Jwks = serde_json::from_str(text).map_err(|_| "it is no JWKS".to_owned())?;
    let mut keys = Vec::new();
    for (at, value) in set.keys.into_iter().enumerate() {
        let wrong = |what: &str| format!("key {at}: {what}");
        let jwk = Some(value).filter(serde_json::Value::is_object);
        let jwk = jwk.and_then(|jwk| serde_json::from_value(jwk).ok());
        let jwk: Jwk = jwk.ok_or_else(|| wrong("it is no JWK"))?;
        if jwk.usage.as_ref().is_some_and(|usage| usage != "sig") {
            continue;
        }
        let part = |part: &Option<String>| {
            let part = part.as_ref().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
            part.ok_or_else(|| wrong("a part is missing, or no base64url"))
        };
        let key = match (jwk.kty.as_str(), jwk.alg.as_deref(), jwk.crv.as_deref()) {
            ("RSA", None | Some("RS256"), _) => rsa(&part(&jwk.n)?, &part(&jwk.e)?),
            ("OKP", None | Some("EdDSA" | "Ed25519"), Some("Ed25519")) => ed25519(&part(&jwk.x)?),
            ("oct", None | Some("HS256"), _) => {
                let secret = part(&jwk.k)?;
                let is_long = secret.len() >= MIN_SECRET_BYTES;
                is_long.then(|| Key::secret(&secret)).ok_or("its secret is too short")
            }
            _ => continue,
        };
        keys.push((jwk.kid, key.map_err(wrong)?));
    }
    Ok(keys)
}

fn rsa(n: &[u8], e: &[u8]) -> Result<Key, &'static str> {
    let trimmed = |bytes: &[u8]| {
        let n_zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes[n_zeros..].to_vec()
    };
    let (n, e) = (trimmed(n), trimmed(e));
    if n.len() < MIN_RSA_BYTES || e.is_empty() {
        return Err("RSA keys have at least 2048 bits");
    }
    Ok(Key::Rsa { n, e })
}

fn ed25519(x: &[u8]) -> Result<Key, &'static str> {
    if x.len() != 32 {
        return Err("Ed25519 keys have 32 bytes");
    }
    Ok(Key::Ed25519(x.to_vec()))
}

/// Public keys between their lines. A file with anything else in such lines is refused: what was
/// meant as a key for RS256 must never be taken for a secret.
fn pem(text: &str) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let block = after.split_once("-----").and_then(|(label, after)| {
            let (body, after) = after.split_once(&format!("-----END {label}-----"))?;
            Some((label, body, after))
        });
        let (label, body, after) = block.ok_or("a PEM block does not end")?;
        rest = after;
        let body: String = body.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).map_err(|_| "a PEM block is no base64")?;
        let key = match label {
            "PUBLIC KEY" => public_key(&der),
            "RSA PUBLIC KEY" => rsa_public_key(&der),
            _ => return Err("a PEM block is not a public key".to_owned()),
        };
        keys.push(key.ok_or_else(|| format!("a `{label}` is neither RSA nor Ed25519"))??);
    }
    Ok(keys)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// `rsaEncryption` with its parameters, NULL.
const RSA: [u8; 13] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
/// `id-Ed25519`, which has none.
const ED25519: [u8; 5] = [6, 3, 0x2b, 0x65, 0x70];

type Read = Option<Result<Key, &'static str>>;

/// A `SubjectPublicKeyInfo`.
fn public_key(der: &[u8]) -> Read {
    let (info, rest) = element(SEQUENCE, der)?;
    let (algorithm, bits) = element(SEQUENCE, info)?;
    let (bits, end) = element(BIT_STRING, bits)?;
    let ([0, key @ ..], [], []) = (bits, rest, end) else { return None };
    match algorithm {
        rsa if *rsa == RSA => rsa_public_key(key),
        ed if *ed == ED25519 => Some(ed25519(key)),
        _ => None,
    }
}

/// An `RSAPublicKey`.
fn rsa_public_key(der: &[u8]) -> Read {
    let (parts, rest) = element(SEQUENCE, der)?;
    let (n, e) = element(INTEGER, parts)?;
    let (e, end) = element(INTEGER, e)?;
    (rest.is_empty() && end.is_empty()).then(|| rsa(n, e))
}

/// The content of the first element, if it is one of this kind, and what follows it.
fn element(kind: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, first], mut rest) = der.split_first_chunk()?;
    if found != kind {
        return None;
    }
    let mut n = usize::from(first);
    if first >= 0x80 {
        let n_digits = usize::from(first & 0x7f);
        let (digits, after) = rest.split_at_checked(n_digits).filter(|_| n_digits <= 3)?;
        n = digits.iter().fold(0, |n, digit| n << 8 | usize::from(*digit));
        rest = after;
    }
    rest.split_at_checked(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::Algorithm;

    const ED: &str = "-----BEGIN PUBLIC KEY-----\n\
                      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                      -----END PUBLIC KEY-----\n";

    fn read(text: &str) -> Result<Vec<Algorithm>, String> {
        Ok(Keys::parse(text.as_bytes())?.0.iter().map(|(_, key)| key.algorithm()).collect())
    }

    #[test]
    fn keys_are_read_as_what_they_are() {
        use Algorithm::{EdDSA, HS256, RS256};
        assert_eq!(read(ED).unwrap(), [EdDSA]);
        let rsa = include_str!("../../../tests/data/keys/rsa_public.pem");
        assert_eq!(read(rsa).unwrap(), [RS256]);
        assert_eq!(read(&format!("of two\n{ED}and\n{rsa}")).unwrap(), [EdDSA, RS256]);
        assert_eq!(read(&"s".repeat(MIN_SECRET_BYTES)).unwrap(), [HS256]);
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let k = BASE64_URL_SAFE_NO_PAD.encode([7; MIN_SECRET_BYTES]);
        let set = format!(
            r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"a"}},
                {{"kty":"oct","k":"{k}","alg":"HS256"}}, {{"kty":"oct","k":"{k}","alg":"HS512"}},
                {{"kty":"EC","crv":"P-256","x":"","y":""}}, {{"kty":"RSA","use":"enc"}}]}}"#
        );
        assert_eq!(read(&set).unwrap(), [EdDSA, HS256]);
        assert_eq!(read(&format!("\u{feff}{set}")).unwrap(), [EdDSA, HS256]);
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let secret = "s".repeat(MIN_SECRET_BYTES - 1);
        let short = BASE64_URL_SAFE_NO_PAD.encode(&secret);
        for (text, why) in [
            (format!("{secret}\n"), "at least 32 bytes"),
            (String::new(), "at least 32 bytes"),
            ("{}".to_owned(), "no JWKS"),
            (r#"{"keys":[]}"#.to_owned(), "no key"),
            (r#"{"keys":[7]}"#.to_owned(), "key 0"),
            (format!(r#"{{"keys":[{{"kty":"oct","k":"{short}"}}]}}"#), "too short"),
            (r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#.to_owned(), "2048 bits"),
            (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAB"}]}"#.to_owned(), "32 bytes"),
            (r#"{"keys":[{"kty":"RSA","n":"!"}]}"#.to_owned(), "missing"),
            (ED.replace("PUBLIC", "PRIVATE"), "not a public key"),
            (ED.replace("MCow", "MCox"), "neither RSA nor Ed25519"),
            (ED.replace("MCow", "!Cow"), "no base64"),
            (ED.replace("-----END", ""), "does not end"),
            ("-----BEGIN".to_owned(), "no key"),
        ] {
            let error = Keys::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(why) && !error.contains(&secret), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_public_is_never_a_secret_in_whatever_encoding() {
        let remark = [b"Schl\xfcssel\n", ED.as_bytes()].concat();
        let keys = Keys::parse(&remark).unwrap();
        assert_eq!(keys.0[0].1.algorithm(), Algorithm::EdDSA);
        for file in [ED, r#"{"keys":[{"kty":"oct","k":""}]}"#] {
            let words = |bytes: fn(u16) -> [u8; 2]| {
                "\u{feff}".encode_utf16().chain(file.encode_utf16()).flat_map(bytes).collect()
            };
            let files: [Vec<u8>; 2] = [words(u16::to_le_bytes), words(u16::to_be_bytes)];
            for file in files {
                assert_eq!(Keys::parse(&file).unwrap_err(), "it is UTF-16, not UTF-8");
            }
        }
    }

    #[test]
    fn a_key_that_is_cut_off_or_changed_is_never_read_past_its_end() {
        let der = |label: &str, text: &str| {
            let body: String = text.lines().filter(|line| !line.contains(label)).collect();
            BASE64_STANDARD.decode(body).unwrap()
        };
        let rsa = der("PUBLIC", include_str!("../../../tests/data/keys/rsa_public.pem"));
        assert!(public_key(&rsa).unwrap().is_ok());
        for n in 0..rsa.len() {
            assert!(public_key(&rsa[..n]).is_none(), "{n}");
            for byte in [0, 0x7f, 0x80, 0x83, 0x84, 0xff] {
                let mut changed = rsa.clone();
                changed[n] = byte;
                public_key(&changed);
            }
        }
    }

    #[test]
    fn as_many_keys_are_taken_as_may_be_and_not_one_more() {
        assert_eq!(read(&ED.repeat(MAX_KEYS)).unwrap().len(), MAX_KEYS);
        assert!(read(&ED.repeat(MAX_KEYS + 1)).unwrap_err().contains("more than"));
    }
}

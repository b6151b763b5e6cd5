//! What decides who somebody is: tokens and their claims here, an operator's files in `files`. All
//! is held against a plain reading of it, and signatures against what the keys themselves sign.

mod files;
mod signers;

use std::sync::LazyLock;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
pub(super) use files::{der, keys, revoked};
use parlor_server::doors::Verifier;
use serde_json::Value;
use signers::{GUEST, SIGNERS, Signer};

use super::{
    plain::{Object, Unreadable},
    text,
};

/// One second before the token of RFC 7515, appendix A.1, expires.
const UNIX_MS: u64 = 1_300_819_379_000;
const ISSUER: &str = "joe";
const AUDIENCE: &str = "parlor";
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Knows all signers, and asks nothing of claims but what it must.
static ANY: LazyLock<Verifier> = LazyLock::new(|| {
    Verifier::new(signers::jwks().as_bytes(), GUEST, "", "").expect("keys that are good")
});
/// Asks for issuer and audience as well.
static OURS: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = signers::jwks();
    Verifier::new(keys.as_bytes(), GUEST, ISSUER, AUDIENCE).expect("keys that are good")
});

/// Any text as a token: it is accepted if it is, to the letter, what one of the keys makes of its
/// header and claims, and in no other case.
pub(super) fn token(data: &[u8]) {
    let token = text(data);
    let told = told(token);
    let header = token.split('.').next().and_then(decoded);
    // The server's own are not tried with the operator's keys at all.
    if !header.and_then(|header| Header::read(&header)).is_some_and(|header| header.is_guest) {
        assert_eq!(ANY.claims(token), told.as_ref().map(|told| told.claims.clone()));
    }
    holds(token, told.as_ref());
}

/// A header in one line, and claims: signed by the key that the header asks for, they are taken
/// for what they say, and for nothing else.
pub(super) fn claims(data: &[u8]) {
    let data = text(data);
    let Some((header, claims)) = data.split_once('\n') else { return };
    let read = Header::read(header.as_bytes());
    let signer = read.and_then(|header| header.signers().first().copied());
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let token = signer.unwrap_or(&SIGNERS[0]).sign(&signed);
    let told = told(&token);
    assert_eq!(told.is_some(), signer.is_some() && token.len() <= MAX_TOKEN_BYTES);
    holds(&token, told.as_ref());
}

/// Who it says somebody is, for who asks for anything and for who asks for more.
fn holds(token: &str, told: Option<&Told>) {
    for (verifier, is_asking) in [(&ANY, false), (&OURS, true)] {
        let account = verifier.account(UNIX_MS, token);
        let expected = told.and_then(|told| told.account(is_asking));
        let Ok(account) = account else {
            assert!(expected.is_none(), "refused: {account:?}");
            continue;
        };
        let expected = expected.expect("accepted what is not to be");
        let found = (account.id(), account.token_id(), account.expires_ms());
        let (id, token_id, expires_ms) = &expected;
        assert_eq!(found, (id.as_str(), token_id.as_deref(), Some(*expires_ms)));
        assert_eq!(account.is_guest(), told.expect("it says who").is_guest);
        assert!((1..=256).contains(&account.id().len()));
        assert!(account.expires_ms() > Some(UNIX_MS));
    }
}

/// What a token's header says, if it can be checked at all.
struct Header {
    algorithm: &'static str,
    kid: Option<String>,
    is_guest: bool,
}

impl Header {
    fn read(header: &[u8]) -> Option<Self> {
        let header = Object::read(std::str::from_utf8(header).ok()?)?;
        let named: String = header.member("alg").ok()??;
        let known =
            [("HS256", "HS256"), ("RS256", "RS256"), ("EdDSA", "EdDSA"), ("Ed25519", "EdDSA")];
        let (_, algorithm) = known.into_iter().find(|(name, _)| *name == named)?;
        let kid = header.member("kid").ok()?;
        let is_guest = header.member::<String>("typ").ok()?.as_deref() == Some("parlor-guest");
        if header.member::<Value>("crit").ok()?.is_some() {
            return None;
        }
        Some(Self { algorithm, kid, is_guest })
    }

    /// Whose signature would do.
    fn signers(&self) -> Vec<&'static Signer> {
        let names = |kid| self.kid.as_deref().is_none_or(|named| named == kid);
        let all = SIGNERS.iter().filter(|signer| signer.algorithm() == self.algorithm);
        all.filter(|signer| match signer.kid() {
            None => self.is_guest,
            Some(kid) => !self.is_guest && names(kid),
        })
        .collect()
    }
}

/// What somebody has vouched for.
struct Told {
    is_guest: bool,
    claims: String,
}

fn told(token: &str) -> Option<Told> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _] = parts[..] else { return None };
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let read = Header::read(&decoded(header)?)?;
    let signed = format!("{header}.{claims}");
    read.signers().iter().find(|signer| signer.sign(&signed) == token)?;
    Some(Told { is_guest: read.is_guest, claims: String::from_utf8(decoded(claims)?).ok()? })
}

/// A part of a token, if it is written in the one way there is.
fn decoded(part: &str) -> Option<Vec<u8>> {
    BASE64.decode(part).ok().filter(|bytes| BASE64.encode(bytes) == part)
}

type Expected = (String, Option<String>, u64);

impl Told {
    fn account(&self, is_asking: bool) -> Option<Expected> {
        let claims = Object::read(&self.claims)?;
        self.read(&claims, is_asking && !self.is_guest).ok().flatten()
    }

    fn read(&self, claims: &Object, is_asking: bool) -> Result<Option<Expected>, Unreadable> {
        let (id, token_id): (Option<String>, Option<String>) =
            (claims.member("sub")?, claims.member("jti")?);
        let (until, from): (Option<f64>, Option<f64>) =
            (claims.member("exp")?, claims.member("nbf")?);
        let issuer: Option<String> = claims.member("iss")?;
        let audience = match claims.member("aud")? {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => {
                let names = many.iter().map(|name| name.as_str().map(str::to_owned));
                names.collect::<Option<_>>().ok_or(Unreadable)?
            }
            Some(_) => return Err(Unreadable),
        };
        let (Some(id), Some(until)) = (id, until) else { return Ok(None) };
        let is_short = |id: &String| (1..=256).contains(&id.len());
        let now = UNIX_MS as f64;
        let is_now =
            until * 1000.0 >= now + 1.0 && from.is_none_or(|from| from * 1000.0 < now + 5_001.0);
        let is_ours = issuer.as_deref() == Some(ISSUER) && audience.iter().any(|a| a == AUDIENCE);
        let is_one = is_short(&id) && token_id.as_ref().is_none_or(is_short) && is_now;
        let expires_ms = (until * 1000.0) as u64;
        Ok((is_one && (is_ours || !is_asking)).then_some((id, token_id, expires_ms)))
    }
}

//! Signed tokens in compact form: taken apart, checked against a key, and made for guests.
//! Which key is whose is `keys`' part; what the claims mean, `auth`'s.
//! Source: RFC 7515 (JWS) §§ 3.1, 5.2; RFC 7519 (JWT) § 4.1; RFC 8725 for what goes wrong.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ring::{
    hmac,
    signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey},
};
use serde::{Deserialize, de::DeserializeOwned};

/// Longest token that is looked at: one that is longer is no token.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How a token is signed. There is no `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Algorithm {
    HS256,
    RS256,
    EdDSA,
}

impl TryFrom<String> for Algorithm {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "HS256" => Ok(Self::HS256),
            "RS256" => Ok(Self::RS256),
            "EdDSA" | "Ed25519" => Ok(Self::EdDSA),
            _ => Err("no algorithm of ours"),
        }
    }
}

/// A key that checks signatures. It goes with one algorithm, whatever a token says.
pub(crate) enum Key {
    Secret(hmac::Key),
    /// Modulus and exponent, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ed25519(Vec<u8>),
}

impl Key {
    pub(crate) fn secret(bytes: &[u8]) -> Self {
        Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::HS256,
            Self::Rsa { .. } => Algorithm::RS256,
            Self::Ed25519(_) => Algorithm::EdDSA,
        }
    }

    /// True if this key has signed that. Signatures by a secret are compared in constant time.
    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
        }
    }
}

/// What a token says of itself. Whatever else it says, such as where its key is to be had, nobody
/// reads; what must be understood (`crit`) is not.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) alg: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

/// Reads what has to be a JSON object; of a list, serde would take the parts in their order.
pub(super) fn object<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let is_object = text.trim_ascii_start().starts_with(b"{");
    serde_json::from_slice(text).ok().filter(|_| is_object)
}

/// A token in its parts, which nobody has vouched for yet. No part of it is ever logged.
pub(super) struct Unverified<'t> {
    pub(super) header: Header,
    /// Header and claims as they are signed.
    signed: &'t str,
    claims: &'t str,
    signature: Vec<u8>,
}

impl<'t> Unverified<'t> {
    /// `None` if it is no token that can be checked.
    pub(super) fn read(token: &'t str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = object(&BASE64.decode(header).ok()?)?;
        if header.crit.is_some() || claims.contains('.') {
            return None;
        }
        Some(Self { header, signed, claims, signature: BASE64.decode(signature).ok()? })
    }

    /// Its claims, if this key has signed it.
    pub(super) fn verify(&self, key: &Key) -> Option<String> {
        if key.algorithm() != self.header.alg
            || !key.has_signed(self.signed.as_bytes(), &self.signature)
        {
            return None;
        }
        String::from_utf8(BASE64.decode(self.claims).ok()?).ok()
    }
}

/// A token with these claims, signed by a secret. `typ` tells it from others'.
pub(super) fn sign(secret: &hmac::Key, typ: &str, claims: &str) -> String {
    let header = BASE64.encode(format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#));
    let signed = format!("{header}.{}", BASE64.encode(claims));
    let signature = BASE64.encode(hmac::sign(secret, signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515, appendix A.1.
    const RFC: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA\
                       4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB9\
                       2K27uhbUJU1p1r_wW1gFWFOEjXk";
    const RFC_KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgU\
                           uTwjAzZr1Z9CAow";

    fn rfc_key() -> Key {
        Key::secret(&BASE64.decode(RFC_KEY).unwrap())
    }

    #[test]
    fn the_token_of_the_rfc_is_accepted_and_no_change_of_a_letter_is() {
        let claims = Unverified::read(RFC).unwrap().verify(&rfc_key()).unwrap();
        assert!(claims.contains(r#""http://example.com/is_root":true"#), "{claims}");
        for at in 0..RFC.len() {
            let mut changed = RFC.to_owned();
            let other = if &RFC[at..=at] == "A" { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            let verified = Unverified::read(&changed).and_then(|token| token.verify(&rfc_key()));
            assert!(verified.is_none(), "letter {at}");
        }
        assert!(Unverified::read(RFC).unwrap().verify(&Key::secret(b"another")).is_none());
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let with = |header: &str| format!("{}.e30.AAAA", BASE64.encode(header));
        assert!(Unverified::read(&with(r#"{"alg":"HS256"}"#)).is_some());
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"nOnE"}"#,
            r#"{"alg":"HS384"}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":{"HS256":null}}"#,
            r#"["HS256",null,null,null]"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"HS256","kid":7}"#,
            "{}",
            "[]",
            "",
        ] {
            assert!(Unverified::read(&with(header)).is_none(), "{header}");
        }
        for token in ["", ".", "..", "a.b", "a.b.c", "e30.e30.e30", "e30.e30.e30.e30"] {
            assert!(Unverified::read(token).is_none(), "{token}");
        }
        let padded = format!("{}=.e30.AAAA", BASE64.encode(r#"{"alg":"HS256"}"#));
        assert!(Unverified::read(&padded).is_none());
    }

    #[test]
    fn as_long_a_token_is_read_as_may_be_and_not_one_byte_more() {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let of = |n: usize| sign(&secret, "JWT", &"x".repeat(n));
        let n = (0..).map(|n| 6000 + n).find(|n| of(*n).len() > MAX_TOKEN_BYTES).unwrap();
        assert!(Unverified::read(&of(n)).is_none());
        let token = of(n - 1);
        assert!(MAX_TOKEN_BYTES - token.len() < 4);
        assert!(Unverified::read(&token).unwrap().verify(&Key::secret(b"secret")).is_some());
    }
}

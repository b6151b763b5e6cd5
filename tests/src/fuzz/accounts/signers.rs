//! Keys of both halves: what they sign is what is to be accepted. All of them sign the same bytes
//! in one way only.
//! Source: RFC 7515, appendix A.1 (the secret); RFC 8037, appendix A.1 (Ed25519).

use std::sync::LazyLock;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};

/// The server's own.
pub(super) const GUEST: &[u8] = b"what guests' tokens are signed by";
/// Name of the first key.
const KID: &str = "of RFC 7515";
const HS: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const ED_PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const RSA_PRIVATE: &str = include_str!("../../../data/keys/rsa_private.pem");
/// The public half of RFC 8037's, as RFC 8410 has it.
pub(super) const ED_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
                                 MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                                 -----END PUBLIC KEY-----\n";

/// Who signs: three of the operator's, whose keys are known by name, and the server for guests.
pub(super) static SIGNERS: LazyLock<[Signer; 4]> = LazyLock::new(|| {
    let body: String = RSA_PRIVATE.lines().filter(|line| !line.starts_with("---")).collect();
    let der = BASE64_STANDARD.decode(body).expect("base64");
    let rsa = RsaKeyPair::from_der(&der).expect("a key");
    let ed = Ed25519KeyPair::from_seed_unchecked(&decoded(ED_PRIVATE)).expect("a seed");
    [
        Signer::secret(&decoded(HS), Some(KID)),
        Signer { key: Key::Rsa(Box::new(rsa)), kid: Some("rsa") },
        Signer { key: Key::Ed(ed), kid: Some("ed") },
        Signer::secret(GUEST, None),
    ]
});

pub(super) struct Signer {
    key: Key,
    kid: Option<&'static str>,
}

enum Key {
    Secret(hmac::Key),
    Rsa(Box<RsaKeyPair>),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub(super) fn secret(secret: &[u8], kid: Option<&'static str>) -> Self {
        Self { key: Key::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret)), kid }
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Secret(_) => "HS256",
            Key::Rsa(_) => "RS256",
            Key::Ed(_) => "EdDSA",
        }
    }

    /// `None`: the server's.
    pub(super) fn kid(&self) -> Option<&'static str> {
        self.kid
    }

    /// Header and claims, in base64url, with their signature.
    pub(super) fn sign(&self, signed: &str) -> String {
        let signature = match &self.key {
            Key::Secret(key) => hmac::sign(key, signed.as_bytes()).as_ref().to_vec(),
            Key::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
                    .expect("the signature has its length");
                signature
            }
        };
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// A token with these claims that names no key.
    pub(super) fn token(&self, claims: &str) -> String {
        let header = json!({"alg": self.algorithm()}).to_string();
        self.sign(&format!("{}.{}", BASE64.encode(header), BASE64.encode(claims)))
    }
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64.decode(text).expect("base64url")
}

pub(super) fn ed_public() -> Vec<u8> {
    let Key::Ed(pair) = &SIGNERS[2].key else { unreachable!("it is the third") };
    pair.public_key().as_ref().to_vec()
}

pub(super) fn rsa_modulus() -> Vec<u8> {
    let Key::Rsa(pair) = &SIGNERS[1].key else { unreachable!("it is the second") };
    RsaPublicKeyComponents::<Vec<u8>>::from(pair.public()).n
}

pub(super) fn ed_jwk() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(ed_public()), "kid": "ed"})
}

/// The operator's file: what checks the signatures of the first three.
pub(super) fn jwks() -> String {
    let rsa = json!({"kty": "RSA", "n": BASE64.encode(rsa_modulus()), "e": "AQAB", "kid": "rsa"});
    let secret = json!({"kty": "oct", "k": HS, "kid": KID});
    json!({"keys": [secret, rsa, ed_jwk()]}).to_string()
}

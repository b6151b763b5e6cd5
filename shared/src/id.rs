//! Identities and secrets that travel as text: 144 random bits in 24 letters each.
//! Where the randomness comes from is the server's business; core gets it with its inputs.

use std::{borrow::Borrow, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Random bytes behind one identity.
pub const ID_BYTES: usize = 18;
/// Letters of one identity as it travels (base64url without padding, RFC 4648 § 5).
pub const ID_LETTERS: usize = 24;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_LETTERS]);

        impl $name {
            /// The identity these bytes spell.
            pub fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                let mut letters = [0; ID_LETTERS];
                URL_SAFE_NO_PAD
                    .encode_slice(bytes, &mut letters)
                    .expect("18 bytes are 24 base64 letters");
                Self(letters)
            }

            /// Reads an identity as a peer sent it; `None` if it cannot be one of ours.
            pub fn parse(text: &str) -> Option<Self> {
                let letters: [u8; ID_LETTERS] = text.as_bytes().try_into().ok()?;
                let known = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                letters.iter().all(known).then_some(Self(letters))
            }

            /// The bytes behind the letters.
            pub fn to_bytes(self) -> [u8; ID_BYTES] {
                let mut bytes = [0; ID_BYTES];
                URL_SAFE_NO_PAD
                    .decode_slice(self.0, &mut bytes)
                    .expect("24 base64 letters are 18 bytes");
                bytes
            }

            /// As it travels.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("base64 letters are ASCII")
            }
        }

        /// Found in a map by what may be its letters: nothing has to be checked before.
        impl Borrow<[u8; ID_LETTERS]> for $name {
            fn borrow(&self) -> &[u8; ID_LETTERS] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            /// The first letters only: whole identities are bearer secrets and stay out of logs.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), &self.as_str()[..6])
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom("not an identity"))
            }
        }
    };
}

identity! {
    /// An Engine.IO session. Whoever knows it can take part in the session: it is a secret.
    Sid
}
identity! {
    /// A Socket.IO socket: one client in one namespace. Told to other clients; not a secret.
    SocketId
}
identity! {
    /// What a client names to get back the socket that it had: a secret of its own.
    Pid
}
identity! {
    /// A lobby.
    LobbyId
}
identity! {
    /// Takes its holder back to a seat, once: a secret.
    ResumeToken
}

/// A socket's id is the name of a room with that socket in it.
impl AsRef<str> for SocketId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_and_nothing_else_is_one() {
        let sid = Sid::from_bytes(*b"eighteen bytes 1+2");
        assert_eq!(sid.as_str().len(), 24);
        assert_eq!(Sid::parse(sid.as_str()), Some(sid));
        assert_eq!(&sid.to_bytes(), b"eighteen bytes 1+2");
        for bad in
            ["", "__proto__", "constructor", "ä23456789012345678901234", &"a".repeat(100_000)]
        {
            assert_eq!(Sid::parse(bad), None, "{bad:.20}");
        }
    }
}

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
                // All are looked at, whatever the first is: that is many at a time.
                letters.iter().fold(true, |all, b| all & known(b)).then_some(Self(letters))
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
    /// A ticket of the matchmaker's. Without an account whoever knows it speaks for it: a secret.
    TicketId
}
identity! {
    /// Lets its holder, who has no account, speak for a member of a party: a secret.
    MemberToken
}
identity! {
    /// Lets its holder speak for a seat in `/signal`, as long as the player has it: a secret.
    PeerToken
}
/// Takes its holder back to a seat, once: a secret. Held as bytes: lobbies keep two for each seat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResumeToken([u8; ID_BYTES]);

impl ResumeToken {
    /// The token these bytes spell.
    pub fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads a token as a peer sent it; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; ID_BYTES];
        let n = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (n == ID_BYTES).then_some(Self(bytes))
    }

    /// The bytes behind the letters.
    pub fn to_bytes(self) -> [u8; ID_BYTES] {
        self.0
    }
}

impl Serialize for ResumeToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResumeToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a token"))
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for ResumeToken {
    /// The first letters only, as those of other identities.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumeToken({}…)", &URL_SAFE_NO_PAD.encode(self.0)[..6])
    }
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
            assert_eq!(ResumeToken::parse(bad), None, "{bad:.20}");
        }
    }

    #[test]
    fn a_token_reads_back_and_shows_itself_to_no_log() {
        let (bytes, sid) = (*b"eighteen bytes 1+2", Sid::from_bytes(*b"eighteen bytes 1+2"));
        let token = ResumeToken::from_bytes(bytes);
        assert_eq!((token.to_string(), token.to_bytes()), (sid.to_string(), bytes));
        assert_eq!(ResumeToken::parse(sid.as_str()), Some(token));
        assert_eq!(ResumeToken::parse(&sid.as_str()[..20]), None, "too few letters");
        assert_eq!(ResumeToken::parse(&format!("{sid}AAAA")), None, "too many");
        assert_eq!(format!("{token:?}"), format!("{sid:?}").replace("Sid", "ResumeToken"));
        let written = serde_json::to_string(&token).unwrap();
        assert_eq!(serde_json::from_str::<ResumeToken>(&written).unwrap(), token);
        assert!(serde_json::from_str::<ResumeToken>("\"short\"").is_err());
    }
}

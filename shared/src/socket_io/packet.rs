//! One Socket.IO packet: kind, namespace, acknowledgement id and raw JSON, borrowed from the text.
//! Reassembly of binary packets and what a packet leads to are decided in `parlor-core`.
//! Source: Socket.IO protocol v5, § Packet encoding; limits after socket.io-parser 4.2.7.

use bytes::Bytes;

use super::{
    Args,
    json::{self, JsonError, Outline, Token},
};

/// Most attachments of a binary packet (CVE-2026-33151).
pub const MAX_ATTACHMENTS: usize = 10;
/// Longest name of a namespace, in bytes. It is echoed, logged and kept, so it has to be short.
pub const MAX_NAMESPACE_BYTES: usize = 256;
/// Largest acknowledgement id: what a JavaScript number can hold exactly.
pub const MAX_ACK_ID: u64 = (1 << 53) - 1;
/// Event names that no peer may send (socket.io-parser).
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// What a packet is. Binary kinds are told from the others by [`Packet::attachments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `0`: join a namespace, or welcome to it.
    Connect,
    /// `1`: leave a namespace.
    Disconnect,
    /// `2` and `5`
    Event,
    /// `3` and `6`
    Ack,
    /// `4`: the namespace is refused.
    ConnectError,
}

/// Who wrote the packet that is decoded: some kinds may travel one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A client wrote it.
    Client,
    /// A server wrote it.
    Server,
}

/// A packet as it arrives; its JSON is known to be valid, of the right shape and not too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub kind: Kind,
    /// `Some(n)` for a binary kind: n binary messages follow.
    pub attachments: Option<usize>,
    /// Starts with `/`.
    pub namespace: &'a str,
    /// Of an event: an answer is wanted under this id. Of an ack: whose answer it is.
    pub id: Option<u64>,
    /// The JSON after it: an object for CONNECT and CONNECT_ERROR, an array for EVENT and ACK.
    pub data: Option<&'a str>,
    /// Where the elements of that array lie; of what it is not without meaning.
    pub outline: Outline,
}

/// Why a text is no packet; the connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The first letter is none of `0` to `6`.
    #[error("unknown packet type")]
    UnknownType,
    /// The number of attachments is missing, not a number, or over [`MAX_ATTACHMENTS`].
    #[error("illegal number of attachments")]
    Attachments,
    /// A placeholder points at no attachment.
    #[error("illegal placeholder")]
    Placeholder,
    /// The namespace's name is over [`MAX_NAMESPACE_BYTES`].
    #[error("namespace name too long")]
    Namespace,
    /// The id is over [`MAX_ACK_ID`].
    #[error("acknowledgement id too large")]
    AckId,
    /// The payload is not JSON or too deep.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The payload is JSON of the wrong shape for this kind, or missing.
    #[error("invalid payload")]
    Payload,
    /// The event's name is one of [`RESERVED_EVENTS`].
    #[error("reserved event name")]
    Reserved,
    /// A kind that this side may not send.
    #[error("packet of a kind that the peer may not send")]
    Direction,
}

impl<'a> Packet<'a> {
    /// Reads `<type>[<n>-][<namespace>,][<id>][<json>]` and checks all of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(text: &'a str, sender: Sender) -> Result<Self, PacketError> {
        let (kind, is_binary) = match text.as_bytes().first() {
            Some(b'0') => (Kind::Connect, false),
            Some(b'1') => (Kind::Disconnect, false),
            Some(b'2') => (Kind::Event, false),
            Some(b'3') => (Kind::Ack, false),
            Some(b'4') if sender == Sender::Client => return Err(PacketError::Direction),
            Some(b'4') => (Kind::ConnectError, false),
            Some(b'5') => (Kind::Event, true),
            Some(b'6') => (Kind::Ack, true),
            _ => return Err(PacketError::UnknownType),
        };
        let rest = &text[1..];
        let (attachments, rest) = if is_binary {
            split_attachments(rest).map(|(n, r)| (Some(n), r))?
        } else {
            (None, rest)
        };
        let (namespace, rest) = split_namespace(rest)?;
        let (id, rest) = split_id(rest)?;
        // The reference takes white space in front of it for an id, which means nothing here.
        let rest = match kind {
            Kind::Connect => rest.trim_start_matches([' ', '\t', '\n', '\r']),
            _ => rest,
        };
        let data = (!rest.is_empty()).then_some(rest);
        let outline = Outline::default();
        let mut packet = Self { kind, attachments, namespace, id, data, outline };
        packet.check()?;
        Ok(packet)
    }

    /// The arguments of an event or acknowledgement, none of which has to be looked for again.
    pub fn args(&self, attachments: &'a [Bytes]) -> Args<'a> {
        let has_name = self.kind == Kind::Event;
        Args::from_parts(self.data.unwrap_or("[]"), has_name, attachments, self.outline)
    }

    /// Checks the shape and the data, and notes the data's outline.
    fn check(&mut self) -> Result<(), PacketError> {
        let begins_with = |letter| self.data.is_some_and(|data| data.starts_with(letter));
        let shape_is_right = match self.kind {
            Kind::Connect => self.data.is_none() || begins_with('{'),
            Kind::ConnectError => begins_with('{'),
            Kind::Disconnect => self.data.is_none(),
            Kind::Event => begins_with('['),
            Kind::Ack => begins_with('[') && self.id.is_some(),
        };
        if !shape_is_right {
            return Err(PacketError::Payload);
        }
        let Some(data) = self.data else { return Ok(()) };
        let mut all_right = true;
        self.outline = match self.attachments {
            None => Outline::of(data)?,
            Some(n) => {
                let mut placeholders = Placeholders::of(n);
                let outline = json::walk(data, |token| placeholders.meet(token))?;
                all_right = placeholders.all_right;
                outline
            }
        };
        if self.kind == Kind::Event {
            check_event_name(data, &self.outline)?;
        }
        if all_right { Ok(()) } else { Err(PacketError::Placeholder) }
    }
}

fn split_attachments(text: &str) -> Result<(usize, &str), PacketError> {
    let (digits, rest) = text.split_once('-').ok_or(PacketError::Attachments)?;
    if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PacketError::Attachments);
    }
    let n = digits.parse().map_err(|_| PacketError::Attachments)?;
    if n > MAX_ATTACHMENTS { Err(PacketError::Attachments) } else { Ok((n, rest)) }
}

fn split_namespace(text: &str) -> Result<(&str, &str), PacketError> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    if namespace.len() > MAX_NAMESPACE_BYTES {
        return Err(PacketError::Namespace);
    }
    Ok((namespace, rest))
}

fn split_id(text: &str) -> Result<(Option<u64>, &str), PacketError> {
    let n = text.bytes().take_while(u8::is_ascii_digit).count();
    if n == 0 {
        return Ok((None, text));
    }
    let id = text[..n].parse().map_err(|_| PacketError::AckId)?;
    if id > MAX_ACK_ID { Err(PacketError::AckId) } else { Ok((Some(id), &text[n..])) }
}

/// The first element is a number, or a string that is not reserved.
fn check_event_name(data: &str, outline: &Outline) -> Result<(), PacketError> {
    let first = outline.element(data, 0).ok_or(PacketError::Payload)?;
    match first.as_bytes()[0] {
        b'-' | b'0'..=b'9' => Ok(()),
        b'"' if is_reserved(&outline.spelled(first)) => Err(PacketError::Reserved),
        b'"' => Ok(()),
        _ => Err(PacketError::Payload),
    }
}

/// One bit for each length that a reserved name has: most names are told by that alone.
const RESERVED_LENGTHS: u64 = {
    let (mut lengths, mut i) = (0, 0);
    while i < RESERVED_EVENTS.len() {
        lengths |= 1 << RESERVED_EVENTS[i].len();
        i += 1;
    }
    lengths
};

/// True for one of [`RESERVED_EVENTS`].
pub(super) fn is_reserved(name: &str) -> bool {
    name.len() < 64 && RESERVED_LENGTHS >> name.len() & 1 == 1 && RESERVED_EVENTS.contains(&name)
}

/// The text of a JSON string token. Lone surrogates become U+FFFD.
pub(super) fn unquoted(token: &str) -> std::borrow::Cow<'_, str> {
    let inner = token.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(token);
    if !inner.contains('\\') {
        return inner.into();
    }
    match serde_json::from_str::<String>(token) {
        Ok(text) => text.into(),
        // Valid JSON that serde_json refuses can only hold lone surrogates: a name nobody has.
        Err(_) => format!("{inner}\u{fffd}").into(),
    }
}

/// Looks whether every `{"_placeholder":true,"num":i}` has 0 ≤ i < n (CVE-2022-2421).
struct Placeholders {
    n: usize,
    member: Member,
    /// A bit for every open bracket, the innermost lowest; arrays have members of no name.
    are_placeholders: u128,
    have_right_nums: u128,
    all_right: bool,
}

#[derive(Clone, Copy)]
enum Member {
    Placeholder,
    Num,
    Other,
}

impl Member {
    /// The member of this name, which stands here with its quotes and escapes.
    fn of(key: &str) -> Self {
        match key {
            r#""_placeholder""# => Self::Placeholder,
            r#""num""# => Self::Num,
            _ if !key.contains('\\') => Self::Other,
            _ => match unquoted(key).as_ref() {
                "_placeholder" => Self::Placeholder,
                "num" => Self::Num,
                _ => Self::Other,
            },
        }
    }
}

impl Placeholders {
    fn of(n: usize) -> Self {
        let (are_placeholders, have_right_nums) = (0, 0);
        Self { n, member: Member::Other, are_placeholders, have_right_nums, all_right: true }
    }

    fn meet(&mut self, token: Token<'_>) {
        let member = std::mem::replace(&mut self.member, Member::Other);
        match token {
            Token::Key(key) => self.member = Member::of(key),
            Token::ObjectStart | Token::ArrayStart => {
                self.are_placeholders <<= 1;
                self.have_right_nums <<= 1;
            }
            Token::ObjectEnd | Token::ArrayEnd => {
                self.all_right &= self.are_placeholders & 1 == 0 || self.have_right_nums & 1 == 1;
                self.are_placeholders >>= 1;
                self.have_right_nums >>= 1;
            }
            Token::Scalar(value) => match member {
                Member::Placeholder => {
                    let is_one = u128::from(value == "true");
                    self.are_placeholders = self.are_placeholders & !1 | is_one;
                }
                Member::Num => {
                    let is_right = value.parse::<usize>().is_ok_and(|num| num < self.n);
                    self.have_right_nums = self.have_right_nums & !1 | u128::from(is_right);
                }
                Member::Other => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Packet<'_>, PacketError> {
        Packet::decode(text, Sender::Client)
    }

    #[test]
    fn packets_are_cut_into_their_parts() {
        let event = Packet {
            kind: Kind::Event,
            attachments: None,
            namespace: "/",
            id: None,
            data: Some(r#"["m",1]"#),
            outline: Outline::of(r#"["m",1]"#).unwrap(),
        };
        assert_eq!(decode(r#"2["m",1]"#), Ok(event));
        assert_eq!(
            decode(r#"2/chat?x=1,12["m",1]"#),
            Ok(Packet { namespace: "/chat?x=1", id: Some(12), ..event })
        );
        assert_eq!(
            decode(r#"51-/a,7["m",{"_placeholder":true,"num":0}]"#),
            Ok(Packet {
                attachments: Some(1),
                namespace: "/a",
                id: Some(7),
                data: Some(r#"["m",{"_placeholder":true,"num":0}]"#),
                outline: Outline::of(r#"["m",{"_placeholder":true,"num":0}]"#).unwrap(),
                ..event
            })
        );
        for (text, data) in [("0 {}", "{}"), ("0/a,\t\r\n {\"b\": 1} ", "{\"b\": 1} ")] {
            assert_eq!(decode(text).unwrap().data, Some(data), "{text:?}");
        }
        for bad in ["0\u{c}{}", "0\u{a0}{}", "0 x", "0 []", " 0"] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
        for root in ["0", "0/", "0/,", "0\n", "0/, "] {
            let packet = decode(root).unwrap();
            assert_eq!((packet.kind, packet.namespace, packet.data), (Kind::Connect, "/", None));
        }
    }

    #[test]
    fn names_that_are_no_trap_in_rust_are_plain_names() {
        for name in ["error", "connection", "__proto__", "constructor", ""] {
            assert!(decode(&format!(r#"2["{name}"]"#)).is_ok(), "{name}");
        }
        assert!(decode("2[1,2]").is_ok());
        assert!(decode(r#"2["m",{"_placeholder":true,"num":0}]"#).is_ok(), "plain data");
        assert!(decode(r#"50-["message",1]"#).is_ok());
    }

    #[test]
    fn everything_else_has_its_error() {
        use PacketError::*;
        let long = format!("0/{},", "x".repeat(MAX_NAMESPACE_BYTES));
        let ok = format!("0/{},", "x".repeat(MAX_NAMESPACE_BYTES - 1));
        assert!(decode(&ok).is_ok());
        let depth = format!(r#"2["m",{}{}]"#, "[".repeat(100_000), "]".repeat(100_000));
        let many_digits = format!("2{}[\"m\"]", "1".repeat(400));
        for (text, error) in [
            ("", UnknownType),
            ("9", UnknownType),
            ("abc", UnknownType),
            ("2", Payload),
            ("2{}", Payload),
            ("2[]", Payload),
            ("2[null]", Payload),
            ("2[true]", Payload),
            ("2[{}]", Payload),
            (r#"2["m"]x"#, Json(JsonError::Syntax)),
            (r#"2["connect"]"#, Reserved),
            (r#"2["disconnecting"]"#, Reserved),
            (r#"2["conn\u0065ct"]"#, Reserved),
            (r#"2abc["m"]"#, Payload),
            (r#"2-1["m"]"#, Payload),
            (r#"21e5["m"]"#, Payload),
            (r#"20x10["m"]"#, Payload),
            (r#"29007199254740992["m"]"#, AckId),
            (&many_digits, AckId),
            ("3[]", Payload),
            ("31{}", Payload),
            ("4{}", Direction),
            ("0[]", Payload),
            ("0\"a\"", Payload),
            ("0abc", Payload),
            ("0null", Payload),
            ("1{}", Payload),
            (&long, Namespace),
            (&depth, Json(JsonError::TooDeep)),
            (r#"511-["m"]"#, Attachments),
            (r#"5999999999-["m"]"#, Attachments),
            (r#"5-1-["m"]"#, Attachments),
            (r#"51.5-["m"]"#, Attachments),
            (r#"5NaN-["m"]"#, Attachments),
            (r#"5-["m"]"#, Attachments),
            (r#"51e1-["m"]"#, Attachments),
            (r#"51["m"]"#, Attachments),
            (r#"51-["m",{"_placeholder":true,"num":1}]"#, Placeholder),
            (r#"51-["m",{"_placeholder":true,"num":-1}]"#, Placeholder),
            (r#"51-["m",{"_placeholder":true,"num":0.5}]"#, Placeholder),
            (r#"51-["m",{"_placeholder":true,"num":"splice"}]"#, Placeholder),
            (r#"51-["m",{"_placeholder":true}]"#, Placeholder),
            (r#"51-["m",[{"a":{"num":3,"_placeholder":true}}]]"#, Placeholder),
            (r#"51-["m",{"_pl\u0061ceholder":true,"num":9}]"#, Placeholder),
        ] {
            assert_eq!(decode(text), Err(error), "{text:.60}");
        }
        assert!(decode(r#"29007199254740991["m"]"#).is_ok());
        assert!(decode(r#"510-["m",{"_placeholder":true,"num":9}]"#).is_ok());
        assert!(Packet::decode(r#"4{"message":"no"}"#, Sender::Server).is_ok());
    }
}

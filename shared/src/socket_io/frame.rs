//! An outgoing Socket.IO packet, encoded once for all who get it.
//! Which transport it goes out by is the session's business: a frame serves all of them.
//! Source: Socket.IO protocol v5, § Packet encoding; RFC 6455 § 5.2 for the header in front.

use std::cell::Cell;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{MAX_ATTACHMENTS, Offset, binary, json, packet::Kind};
use crate::websocket::{self, Opcode};

/// A packet ready to send: one WebSocket text frame and its attachments' binary frames, back to
/// back in one buffer. Cloning shares the buffer.
///
/// Server frames are unmasked, so the same bytes serve every WebSocket; long-polling takes the
/// packets without their headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bytes", into = "Bytes")]
pub struct Frame {
    wire: Bytes,
}

impl Frame {
    /// An Engine.IO packet alone, such as `2`.
    pub fn engine(packet: &str) -> Self {
        Self::of(Opcode::Text, &[packet])
    }

    /// Text for the layer above Engine.IO.
    pub fn message_text(text: &str) -> Self {
        Self::of(Opcode::Text, &["4", text])
    }

    /// Bytes for the layer above Engine.IO.
    pub fn message_binary(bytes: &[u8]) -> Self {
        Self::of(Opcode::Binary, &[bytes])
    }

    /// A pong of the WebSocket protocol: not a packet, so polling never carries it.
    pub fn pong(payload: &[u8]) -> Self {
        Self::of(Opcode::Pong, &[payload])
    }

    /// A close frame of the WebSocket protocol, empty without a code (the peer sees 1005).
    pub fn close(code: Option<u16>, reason: &str) -> Self {
        let mut wire = Vec::new();
        match code {
            Some(code) => websocket::write_close(&mut wire, code, reason),
            None => websocket::write_frame(&mut wire, Opcode::Close, &[]),
        }
        Self { wire: wire.into() }
    }

    /// `40…{"sid":…}`: welcome to the namespace. With a `pid` the client may come back to what it
    /// has there.
    pub fn connected(namespace: &str, sid: &str, pid: Option<&str>) -> Self {
        let pid = pid.map(|pid| format!(",\"pid\":\"{pid}\"")).unwrap_or_default();
        Self::message_text(&format!("0{}{{\"sid\":\"{sid}\"{pid}}}", prefix(namespace)))
    }

    /// `44…`: the namespace is refused. `data` is JSON.
    pub fn connect_error(namespace: &str, message: &str, data: Option<&str>) -> Self {
        let message = serde_json::Value::from(message);
        let data = data.map(|data| format!(",\"data\":{data}")).unwrap_or_default();
        Self::message_text(&format!("4{}{{\"message\":{message}{data}}}", prefix(namespace)))
    }

    /// `41…`: the namespace is left.
    pub fn disconnected(namespace: &str) -> Self {
        Self::message_text(&format!("1{}", prefix(namespace)))
    }

    fn of<P: AsRef<[u8]>>(opcode: Opcode, pieces: &[P]) -> Self {
        let length = pieces.iter().map(|piece| piece.as_ref().len()).sum();
        let mut wire = Vec::with_capacity(websocket::frame_len(length));
        websocket::write_header(&mut wire, opcode, length);
        for piece in pieces {
            wire.extend_from_slice(piece.as_ref());
        }
        Self { wire: wire.into() }
    }

    /// The bytes as a WebSocket takes them.
    pub fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// The packets without their WebSocket headers: is it binary, and its bytes. Control frames of
    /// the WebSocket protocol are no packets.
    pub fn packets(&self) -> impl Iterator<Item = (bool, &[u8])> {
        let mut rest: &[u8] = &self.wire;
        std::iter::from_fn(move || {
            let (is_binary, payload, length) = Self::first_packet(rest)?;
            rest = &rest[length..];
            Some((is_binary?, payload))
        })
    }

    /// The first of many frames that lie back to back: is it binary (`None`: it is a control frame
    /// of the WebSocket protocol, and no packet), its bytes, and how long it is with its header.
    pub fn first_packet(wire: &[u8]) -> Option<(Option<bool>, &[u8], usize)> {
        let (opcode, payload, after) = websocket::split_frame(wire)?;
        let is_binary =
            matches!(opcode, Opcode::Text | Opcode::Binary).then_some(opcode == Opcode::Binary);
        Some((is_binary, payload, wire.len() - after.len()))
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        frame.wire
    }
}

impl TryFrom<Bytes> for Frame {
    type Error = &'static str;

    /// Takes the bytes of one or more whole frames, as another node sends them.
    fn try_from(wire: Bytes) -> Result<Self, Self::Error> {
        let mut rest = &wire[..];
        while !rest.is_empty() {
            let (_, _, length) = Self::first_packet(rest).ok_or("half a frame")?;
            rest = &rest[length..];
        }
        if wire.is_empty() { Err("no frame") } else { Ok(Self { wire }) }
    }
}

/// `""` for the main namespace, else its name and a comma.
fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

/// Why a packet could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value has no JSON form (such as a map whose keys are not strings).
    #[error("not writable as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// More binary attachments than any Socket.IO peer accepts.
    #[error("more than {MAX_ATTACHMENTS} binary attachments")]
    TooManyAttachments,
    /// The event's name is reserved for the protocol itself.
    #[error("`{0}` is a reserved event name")]
    Reserved(String),
}

/// Room that drafts begin with: most packets are no longer.
const ROOM_BYTES: usize = 1024;
/// A longer buffer is not kept for the next draft (nor is a shorter one, of a draft's copy).
const MAX_KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    /// The buffer of the draft that this thread finished last: writing grows none, and a frame is
    /// one allocation of its own length.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Arguments being written; the head comes in front when they are complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "(Bytes, Vec<Bytes>)", into = "(Bytes, Vec<Bytes>)")]
pub struct Draft {
    /// The JSON array without its last bracket.
    json: Vec<u8>,
    attachments: Vec<Bytes>,
}

impl From<Draft> for (Bytes, Vec<Bytes>) {
    fn from(draft: Draft) -> Self {
        (draft.json.into(), draft.attachments)
    }
}

impl TryFrom<(Bytes, Vec<Bytes>)> for Draft {
    type Error = &'static str;

    /// Takes a draft as another node sends it.
    fn try_from((json, attachments): (Bytes, Vec<Bytes>)) -> Result<Self, Self::Error> {
        if json.first() != Some(&b'[') {
            return Err("no draft");
        }
        Ok(Self { json: json.into(), attachments })
    }
}

impl Draft {
    /// A draft of an event.
    ///
    /// # Errors
    /// If the name is one of [`super::RESERVED_EVENTS`].
    pub fn event(name: &str) -> Result<Self, EncodeError> {
        if super::packet::is_reserved(name) {
            return Err(EncodeError::Reserved(name.to_owned()));
        }
        let mut draft = Self::ack();
        if json::is_plain(name) {
            draft.json.push(b'"');
            draft.json.extend_from_slice(name.as_bytes());
            draft.json.push(b'"');
        } else {
            draft.arg(name)?;
        }
        Ok(draft)
    }

    /// A draft of an acknowledgement.
    pub fn ack() -> Self {
        let mut json = BUFFER.try_with(Cell::take).unwrap_or_default();
        if json.capacity() == 0 {
            json.reserve_exact(ROOM_BYTES);
        }
        json.push(b'[');
        Self { json, attachments: Vec::new() }
    }

    /// Bytes written so far, attachments included.
    pub fn n_bytes(&self) -> usize {
        self.json.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    /// Appends one argument.
    ///
    /// # Errors
    /// If it has no JSON form.
    pub fn arg<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.comma();
        let Self { json, attachments } = self;
        binary::collect_attachments(attachments, || serde_json::to_writer(json, value))?;
        Ok(())
    }

    /// Appends one argument that is JSON already, given in pieces that are written one after the
    /// other. Nothing checks that it is JSON.
    pub fn json(&mut self, pieces: &[&str]) {
        self.comma();
        for piece in pieces {
            self.json.extend_from_slice(piece.as_bytes());
        }
    }

    /// Appends the event's offset, as stock clients look for it: behind all arguments.
    pub fn offset(&mut self, offset: Offset) {
        self.json(&["\"", &offset.to_string(), "\""]);
    }

    /// Appends a `null` if stock clients would take the last argument for an offset: a string, or
    /// the name of an event that has no arguments.
    pub fn no_offset(&mut self) {
        if self.json.last() == Some(&b'"') {
            self.json(&["null"]);
        }
    }

    /// Appends arguments that are JSON already, separated by commas; placeholders in them point
    /// into `attachments`, so nothing binary may stand before them.
    pub(super) fn raw(&mut self, args: &str, attachments: &[Bytes]) -> Result<(), EncodeError> {
        if args.is_empty() {
            return Ok(());
        }
        debug_assert!(self.attachments.is_empty(), "forwarded arguments come first");
        self.comma();
        self.json.extend_from_slice(args.as_bytes());
        self.attachments.extend_from_slice(attachments);
        Ok(())
    }

    fn comma(&mut self) {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
    }

    /// Whether a head can be put in front.
    ///
    /// # Errors
    /// If there are too many attachments.
    pub fn check(&self) -> Result<(), EncodeError> {
        let fits = self.attachments.len() <= MAX_ATTACHMENTS;
        if fits { Ok(()) } else { Err(EncodeError::TooManyAttachments) }
    }

    /// Puts the head in front: the packet is an event that wants an answer under `id`, if given.
    ///
    /// # Errors
    /// If there are too many attachments.
    pub fn into_event(self, namespace: &str, id: Option<u64>) -> Result<Frame, EncodeError> {
        self.finish(Kind::Event, namespace, id)
    }

    /// Puts the head in front: the packet answers `id`.
    ///
    /// # Errors
    /// If there are too many attachments.
    pub fn into_ack(self, namespace: &str, id: u64) -> Result<Frame, EncodeError> {
        self.finish(Kind::Ack, namespace, Some(id))
    }

    /// The packet's text and attachments apart: what a client masks and sends.
    ///
    /// # Errors
    /// If there are too many attachments.
    pub fn into_parts(
        self,
        kind: Kind,
        namespace: &str,
        id: Option<u64>,
    ) -> Result<(String, Vec<Bytes>), EncodeError> {
        let attachments = self.attachments.clone();
        let frame = self.finish(kind, namespace, id)?;
        let (_, text) = frame.packets().next().expect("a text packet leads");
        // The leading `4` is the Engine.IO type.
        Ok((String::from_utf8_lossy(&text[1..]).into_owned(), attachments))
    }

    /// The arguments as one JSON array, an event's name first, and the attachments: for those who
    /// are no clients.
    pub fn into_array(mut self) -> (String, Vec<Bytes>) {
        self.json.push(b']');
        (String::from_utf8_lossy(&self.json).into_owned(), std::mem::take(&mut self.attachments))
    }

    /// Writes `4<type>[<n>-][<namespace>,][<id>]<json>` and the attachments, each behind its
    /// WebSocket header, into a buffer of exactly their length.
    fn finish(self, kind: Kind, namespace: &str, id: Option<u64>) -> Result<Frame, EncodeError> {
        self.check()?;
        let n = self.attachments.len();
        let (mut count, mut number) = (itoa::Buffer::new(), itoa::Buffer::new());
        let count = (n > 0).then(|| count.format(n).as_bytes());
        let namespace = (namespace != "/").then_some(namespace.as_bytes());
        let id = id.map(|id| number.format(id).as_bytes());
        let digit = match (kind, n > 0) {
            (Kind::Event, false) => b'2',
            (Kind::Event, true) => b'5',
            (_, false) => b'3',
            (_, true) => b'6',
        };

        let with_separator = |length: usize| length + 1;
        let length = 2
            + count.map_or(0, |count| with_separator(count.len()))
            + namespace.map_or(0, |namespace| with_separator(namespace.len()))
            + id.map_or(0, <[u8]>::len)
            + with_separator(self.json.len());
        let attached = self.attachments.iter().map(|bytes| websocket::frame_len(bytes.len()));
        let n_bytes = websocket::frame_len(length) + attached.sum::<usize>();

        let mut wire = Vec::with_capacity(n_bytes);
        websocket::write_header(&mut wire, Opcode::Text, length);
        wire.extend_from_slice(&[b'4', digit]);
        if let Some(count) = count {
            wire.extend_from_slice(count);
            wire.push(b'-');
        }
        if let Some(namespace) = namespace {
            wire.extend_from_slice(namespace);
            wire.push(b',');
        }
        if let Some(id) = id {
            wire.extend_from_slice(id);
        }
        wire.extend_from_slice(&self.json);
        wire.push(b']');
        for attachment in &self.attachments {
            websocket::write_frame(&mut wire, Opcode::Binary, attachment);
        }
        debug_assert_eq!((wire.len(), wire.capacity()), (n_bytes, n_bytes));
        self.recycle();
        Ok(Frame { wire: wire.into() })
    }

    /// Leaves its buffer to the next draft.
    fn recycle(mut self) {
        if (ROOM_BYTES..=MAX_KEPT_BYTES).contains(&self.json.capacity()) {
            self.json.clear();
            // A thread that ends keeps nothing.
            let _ = BUFFER.try_with(|buffer| buffer.set(self.json));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Args, Binary, EventArgs, Packet, Sender};
    use super::*;
    use crate::websocket::{Decoder, Limits, Message, Role};

    fn event(namespace: &str, id: Option<u64>, name: &str, args: impl EventArgs) -> Frame {
        let mut draft = Draft::event(name).unwrap();
        args.write(&mut draft).unwrap();
        draft.into_event(namespace, id).unwrap()
    }

    fn texts(frame: &Frame) -> Vec<String> {
        frame.packets().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    #[test]
    fn an_event_is_written_as_the_reference_writes_it() {
        assert_eq!(texts(&event("/", None, "m", (1, "2"))), [r#"42["m",1,"2"]"#]);
        assert_eq!(texts(&event("/a", Some(7), "m", ())), [r#"42/a,7["m"]"#]);
        let frame = event("/", None, "m", (Binary::from(vec![1]), [Binary::from(vec![2])]));
        assert_eq!(
            texts(&frame),
            [
                r#"452-["m",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]"#,
                "\u{1}",
                "\u{2}"
            ]
        );
        assert!(matches!(Draft::event("disconnect"), Err(EncodeError::Reserved(_))));
    }

    #[test]
    fn an_argument_that_is_json_already_is_written_as_it_is() {
        let mut draft = Draft::event("m").unwrap();
        draft.arg(&1).unwrap();
        draft.json(&[r#"{"a":1"#, r#","b":2}"#]);
        let frame = draft.into_event("/", None).unwrap();
        assert_eq!(texts(&frame), [r#"42["m",1,{"a":1,"b":2}]"#]);
    }

    #[test]
    fn offsets_stand_behind_all_arguments_and_nothing_else_can_be_taken_for_one() {
        let written = |args: &[&str], offset: Option<Offset>| {
            let mut draft = Draft::event("m").unwrap();
            draft.json(args);
            match offset {
                Some(offset) => draft.offset(offset),
                None => draft.no_offset(),
            }
            texts(&draft.into_event("/", None).unwrap()).remove(0)
        };
        assert_eq!(written(&["1"], Some(Offset::new(0, 26))), r#"42["m",1,"1a"]"#);
        assert_eq!(written(&[r#""s""#], None), r#"42["m","s",null]"#);
        for last in ["1", "{}", r#"["s"]"#, "null", r#"{"a":"b"}"#] {
            assert_eq!(written(&[last], None), format!(r#"42["m",{last}]"#));
        }
        let mut bare = Draft::event("m").unwrap();
        bare.no_offset();
        assert_eq!(texts(&bare.into_event("/", None).unwrap()), [r#"42["m",null]"#]);
    }

    #[test]
    fn a_copy_of_a_draft_goes_its_own_way_and_names_are_escaped() {
        let draft = Draft::event("a\"b\n").unwrap();
        let mut copy = draft.clone();
        copy.arg(&u64::MAX).unwrap();
        let copy = copy.into_ack("/", u64::MAX).unwrap();
        assert_eq!(texts(&copy), [r#"4318446744073709551615["a\"b\n",18446744073709551615]"#]);
        assert_eq!(texts(&draft.into_event("/", Some(0)).unwrap()), [r#"420["a\"b\n"]"#]);
    }

    #[test]
    fn arguments_are_sent_on_as_they_came() {
        let array = r#"["m", 1.0 ,{"a":"\ud800"}]"#;
        let args = Args::of_event(array, &[]);
        assert_eq!(texts(&event("/", None, "back", args)), [r#"42["back",1.0 ,{"a":"\ud800"}]"#]);
        assert_eq!(
            texts(&event("/", None, "back", args.forward_from(1))),
            [r#"42["back",{"a":"\ud800"}]"#]
        );
        assert_eq!(texts(&event("/", None, "back", args.forward_from(5))), [r#"42["back"]"#]);
        assert_eq!((args.name().as_ref(), args.count()), ("m", 2));
        assert_eq!(args.get::<f64>(0).unwrap(), 1.0);
        assert!(args.get::<String>(1).is_err());
        assert_eq!(args.get::<Option<u8>>(2).unwrap(), None);
    }

    #[test]
    fn the_wire_is_what_a_websocket_client_reads() {
        for length in [0, 100, 125, 126, 300, 65_000, 70_000] {
            let text = "x".repeat(length);
            let namespace = format!("/{}", "n".repeat(length.min(250)));
            let frame = event(&namespace, Some(3), "m", (&text, Binary::from(vec![9; length])));
            let mut wire = frame.wire().to_vec();
            let limits = Limits { max_message_bytes: 100_000, max_fragments: 1 };
            let mut decoder = Decoder::new(Role::Client, limits);
            let mut data = wire.as_mut_slice();
            let Ok(Some(Message::Text(read))) = decoder.next(&mut data) else { panic!("text") };
            let packet = Packet::decode(&read[1..], Sender::Server).unwrap();
            assert_eq!((packet.namespace, packet.id), (namespace.as_str(), Some(3)));
            let Ok(Some(Message::Binary(bytes))) = decoder.next(&mut data) else { panic!("bytes") };
            assert_eq!(bytes.len(), length);
            let attachments = [Bytes::copy_from_slice(&bytes)];
            let args = Args::of_event(packet.data.unwrap(), &attachments);
            assert_eq!(args.get::<String>(0).unwrap(), text);
            assert_eq!(args.get::<Binary>(1).unwrap().0.len(), length);
        }
    }
}

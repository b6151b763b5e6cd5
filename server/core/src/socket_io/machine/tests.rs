//! Sockets in virtual time: clients and handlers are played by a [`Script`], and what the machine
//! wants is read as lines of text. One file per subject below.

mod acks;
mod binary;
mod connect;
mod disconnect;
mod dynamic;
mod limits;
mod listening;
mod random;
mod recovery;
mod rooms;

use parlor_shared::{
    id::ID_BYTES,
    id::SocketId,
    socket_io::{Args, Offset},
};

use super::*;
use crate::{
    cluster::Change,
    ids::MAX_IDS_PER_INPUT,
    input::{AckToken, Scope},
    key::{Key as _, Origin},
    socket_io::MAX_SOCKETS_PER_CLIENT,
};

const CONNECT_TIMEOUT_MS: u64 = 10_000;
const MAX_PAYLOAD: usize = 200;

/// Those of the list; the last may be a parent.
const NAMES: [&str; 4] = ["/", "/a", "/b", "parent"];
const PARENT: NamespaceKey = NamespaceKey(3);

/// Namespaces `/`, `/a` and `/b`. Sessions are called by number, sockets `#0`, `#1`, … in the
/// order in which they ask to connect.
struct Script {
    machine: SocketIo,
    now: Time,
    sockets: Vec<SocketKey>,
    /// Sessions that the machine wants closed.
    closing: Vec<SessionKey>,
    /// What they were sent has not left yet.
    has_queued: bool,
}

impl Script {
    fn new() -> Self {
        Self::with(Dynamic::default(), Listeners::default())
    }

    /// Whose handlers listen to what becomes of rooms, leaving and sending in `/a` and in children.
    fn with_listeners() -> Self {
        let keys = || vec![NamespaceKey(1), PARENT];
        let listeners = Listeners { rooms: keys(), leaving: keys(), sending: keys() };
        Self::with(Dynamic { parents: vec![PARENT], max_children: 9 }, listeners)
    }

    /// Where clients may name so many other namespaces, children of [`PARENT`].
    fn with_children(max_children: usize) -> Self {
        Self::with(Dynamic { parents: vec![PARENT], max_children }, Listeners::default())
    }

    fn with(dynamic: Dynamic, listeners: Listeners) -> Self {
        Self::with_all(dynamic, listeners, RecoverySettings::default())
    }

    fn with_recovery(recovery: RecoverySettings) -> Self {
        Self::with_all(Dynamic::default(), Listeners::default(), recovery)
    }

    fn with_all(dynamic: Dynamic, listeners: Listeners, recovery: RecoverySettings) -> Self {
        let machine = SocketIo::new(Settings {
            namespaces: NAMES.map(str::to_owned).to_vec(),
            dynamic,
            listeners,
            connect_timeout: Duration::from_millis(CONNECT_TIMEOUT_MS),
            attachments_timeout: Duration::from_secs(10),
            max_payload: MAX_PAYLOAD,
            hash_seed: 7,
            neighbours: Neighbours::alone(1),
            recovery,
        });
        let now = Time::after_start(Duration::from_secs(1000));
        Self { machine, now, sockets: Vec::new(), closing: Vec::new(), has_queued: false }
    }

    /// With these sessions opened.
    fn with_sessions(numbers: std::ops::Range<u32>) -> Self {
        let mut script = Self::new();
        for number in numbers {
            assert_eq!(script.tell(Input::Opened(session(number), Origin::default())), [""; 0]);
        }
        script
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        let Self { machine, now, sockets, closing, has_queued } = self;
        let mut ids = Ids::default();
        let fresh = |i| id_bytes(sockets.len() + i);
        ids.refill((0..MAX_IDS_PER_INPUT).rev().map(fresh).collect());
        let mut log = Log { sockets, closing, has_queued: *has_queued, lines: Vec::new() };
        machine.handle(*now, input, &mut ids, &mut log);
        log.lines
    }

    fn text(&mut self, number: u32, text: &str) -> Vec<String> {
        self.tell(Input::Text(session(number), text))
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) -> Vec<String> {
        self.tell(Input::Bytes(session(number), bytes))
    }

    /// Connects a client to a namespace whose handler admits it; the socket's number.
    fn connect(&mut self, number: u32, namespace: &str) -> usize {
        let asked = self.text(number, &format!("0{namespace},"));
        let socket = self.sockets.len() - 1;
        assert_eq!(asked, [format!("#{socket} wants {namespace}")]);
        let admitted = self.admit(socket);
        assert_eq!(admitted[1], format!("#{socket} is in {namespace}"));
        socket
    }

    fn admit(&mut self, socket: usize) -> Vec<String> {
        self.tell(Input::Admit(self.sockets[socket]))
    }

    fn refuse(&mut self, socket: usize) -> Vec<String> {
        self.tell(Input::Refuse(self.sockets[socket], "no".to_owned(), None))
    }

    fn join(&mut self, socket: usize, room: &str) {
        let input = Input::Join(self.sockets[socket], room.to_owned());
        assert_eq!(self.tell(input), [""; 0]);
    }

    fn leave(&mut self, socket: usize, room: &str) {
        let input = Input::Leave(self.sockets[socket], room.to_owned());
        assert_eq!(self.tell(input), [""; 0]);
    }

    /// The sessions to which an event `e` is sent, in order.
    fn emit(&mut self, namespace: &str, target: Target) -> Vec<u32> {
        let frame = event(namespace, "e");
        let lines = self.tell(Input::Emit(scope(namespace), target, frame, Delivery::Reliable));
        let to = |line: &String| line.strip_prefix("to ")?.split_once(':')?.0.parse().ok();
        lines.iter().map(|line| to(line).unwrap()).collect()
    }

    fn ask(&mut self, socket: usize, token: u64, timeout_ms: Option<u64>) -> Vec<String> {
        let draft = Draft::event("question").unwrap();
        let timeout = timeout_ms.map(Duration::from_millis);
        self.tell(Input::Ask(self.sockets[socket], draft, AckToken(token), timeout))
    }

    fn close(&mut self, number: u32, reason: CloseReason) -> Vec<String> {
        self.tell(Input::Closed(session(number), reason))
    }

    /// Lets time pass; each deadline on the way is fired when it is due.
    fn wait(&mut self, ms: u64) -> Vec<String> {
        let end = self.now + Duration::from_millis(ms);
        let mut lines = Vec::new();
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end) {
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            lines.extend(self.tell(Input::Timeout));
            assert!(self.machine.deadline().is_none_or(|at| at > self.now), "no progress");
        }
        self.now = end;
        lines
    }

    /// Nobody is here any more, and no table remembers anybody.
    fn check_nothing_is_left(&self) {
        let machine = &self.machine;
        assert_eq!((machine.n_clients(), machine.n_sockets()), (0, 0));
        assert_eq!((machine.deadline(), machine.deadlines.len()), (None, 0));
        assert_eq!(machine.n_children(), 0);
        for namespace in machine.namespaces.iter() {
            assert!(namespace.sockets.is_empty() && namespace.by_id.is_empty());
            assert!(namespace.rooms.is_empty(), "rooms of {}", namespace.name);
        }
    }
}

fn session(number: u32) -> SessionKey {
    SessionKey::new(number, 0)
}

/// One of the list, or a child.
fn scope(namespace: &str) -> Scope {
    match NAMES.iter().position(|name| *name == namespace) {
        Some(at) => Scope::Listed(NamespaceKey(u32::try_from(at).unwrap())),
        None => Scope::Child(namespace.into()),
    }
}

/// The id of socket `#number`.
fn id(number: usize) -> SocketId {
    SocketId::from_bytes(id_bytes(number))
}

fn id_bytes(number: usize) -> [u8; ID_BYTES] {
    SocketId::parse(&format!("{number:04}-is-the-id-of-a-test")).unwrap().to_bytes()
}

fn rooms(names: &[&str]) -> Target {
    Target { rooms: names.iter().map(|&name| name.into()).collect(), ..Target::default() }
}

fn disconnect(socket: SocketKey, whole: bool) -> Input<'static> {
    Input::Disconnect(socket, whole, DisconnectReason::ServerNamespaceDisconnect)
}

fn event(namespace: &str, name: &str) -> Frame {
    Draft::event(name).unwrap().into_event(namespace, None).unwrap()
}

/// Effects as lines of text.
struct Log<'s> {
    sockets: &'s mut Vec<SocketKey>,
    closing: &'s mut Vec<SessionKey>,
    has_queued: bool,
    lines: Vec<String>,
}

impl Log<'_> {
    fn name(&self, key: SocketKey) -> String {
        format!("#{}", self.sockets.iter().position(|socket| *socket == key).unwrap())
    }
}

impl Effects for Log<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        let namespace = |key: NamespaceKey| NAMES[key.0 as usize];
        let line = match effect {
            Effect::Send(to, frame, delivery) => {
                let is_volatile = matches!(delivery, Delivery::Volatile { .. });
                let volatile = if is_volatile { "volatile " } else { "" };
                let line = |session: &SessionKey| {
                    format!("to {}: {volatile}{}", session.parts().0, packets(&frame))
                };
                return self.lines.extend(to.iter().map(line));
            }
            Effect::Close(session, reason) => {
                self.closing.push(session);
                format!("close {}: {}", session.parts().0, reason.as_str())
            }
            Effect::Connecting { socket, id: given, namespace: to, child, auth, .. } => {
                assert_eq!(given, id(self.sockets.len()));
                self.sockets.push(socket);
                let auth = auth.map(|auth| format!(" with {auth}")).unwrap_or_default();
                let child = child.map(|name| format!("{name} of ")).unwrap_or_default();
                format!("{} wants {child}{}{auth}", self.name(socket), namespace(to))
            }
            Effect::Unlisted { socket, id: given, name, auth, .. } => {
                assert_eq!(given, id(self.sockets.len()));
                self.sockets.push(socket);
                let auth = auth.map(|auth| format!(" with {auth}")).unwrap_or_default();
                format!("{} wants {name} of nobody{auth}", self.name(socket))
            }
            // Right before its first socket is.
            Effect::Joined(_) => return,
            Effect::Connected(socket, to, _) => {
                format!("{} is in {}", self.name(socket), namespace(to))
            }
            Effect::Event { socket, args, ack, .. } => {
                let ack = ack.map(|id| format!(" ack {id}")).unwrap_or_default();
                format!("{}: {}{}{ack}", self.name(socket), args.name(), arguments(&args))
            }
            Effect::Acked(token, Ok(args)) => format!("answer {}:{}", token.0, arguments(&args)),
            Effect::Acked(token, Err(error)) => format!("no answer {}: {error}", token.0),
            Effect::Gathered(..) | Effect::Tell(..) | Effect::ServerSide(..) => {
                unreachable!("the world's business")
            }
            other @ (Effect::Show(..)
            | Effect::Hide(..)
            | Effect::Rebase(..)
            | Effect::Linked(..)
            | Effect::Recorded(..)
            | Effect::Ticked(..)) => panic!("{other:?} is not of sockets"),
            Effect::Recovered { socket, id, pid } => {
                format!("{} is {id} again, {pid}", self.name(socket))
            }
            Effect::Kept(socket, pid) => format!("{} is kept as {pid}", self.name(socket)),
            Effect::Forgotten(pid) => format!("{pid} is forgotten"),
            Effect::Disconnected(socket, from, reason) => {
                format!("{} is out of {}: {}", self.name(socket), namespace(from), reason.as_str())
            }
            Effect::Abandoned(socket) => format!("{} is abandoned", self.name(socket)),
            Effect::Disconnecting(socket, reason, rooms) => {
                format!("{} leaves {rooms:?}: {}", self.name(socket), reason.as_str())
            }
            Effect::Room(socket, room, change) => {
                format!("{room} {change:?} by {}", self.name(socket))
            }
            Effect::Sending(sockets, frame) => {
                let names: Vec<String> = sockets.iter().map(|key| self.name(*key)).collect();
                format!("for {}: {}", names.join(" "), packets(frame))
            }
        };
        self.lines.push(line);
    }

    fn has_queued(&self, _: SessionKey) -> bool {
        self.has_queued
    }
}

/// Arguments as written, and the attachments' bytes.
fn arguments(args: &Args<'_>) -> String {
    let raw = args.raw().map(|raw| format!(" {raw}"));
    raw.chain(args.attachments().iter().map(|bytes| format!(" {:?}", bytes.as_ref()))).collect()
}

/// Packets without their Engine.IO type.
fn packets(frame: &Frame) -> String {
    let readable = |(is_binary, bytes): (bool, &[u8])| match is_binary {
        true => format!(" {bytes:?}"),
        false => String::from_utf8_lossy(bytes).strip_prefix('4').unwrap().to_owned(),
    };
    frame.packets().map(readable).collect()
}

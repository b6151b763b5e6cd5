//! The application of `tests/src/app.rs`, in short, for a world without a server: its handlers say
//! by inputs what they want.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use parlor_core::{
    World, WorldSettings,
    close::CloseReason,
    cluster::Neighbours,
    delivery::Delivery,
    effect::{DisconnectReason, Effect, Effects},
    engine_io::Transport,
    ids::REFILL,
    input::{AckToken, Input, Target},
    key::{NamespaceKey, SessionKey, SocketKey},
    socket_io::RecoverySettings,
    time::Time,
};
use parlor_shared::{
    id::{ID_BYTES, SocketId},
    socket_io::{Args, Draft, EventArgs, Frame},
};
use serde_json::{Value, json, value::RawValue};

use crate::{app::App, wire::script::Story};

/// In the order of their keys.
const NAMESPACES: [&str; 3] = ["/", "/custom", "/auth"];
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) enum Application {
    Engine,
    Socket(Box<SocketApp>),
}

pub(super) struct SocketApp {
    world: World,
    state: State,
    /// What handlers want, in order.
    pub(super) wanted: VecDeque<Input<'static>>,
    n_ids: u64,
}

/// What handlers remember.
#[derive(Default)]
struct State {
    sockets: BTreeMap<SocketKey, Socket>,
    /// Whose questions wait for a client's answer, and which event that answers.
    asks: BTreeMap<AckToken, (SocketKey, NamespaceKey, u64)>,
    next_ask: u64,
}

struct Socket {
    id: SocketId,
    session: SessionKey,
    auth: Option<String>,
}

/// What a session is to do.
pub(super) enum Wish {
    Send(Frame, Delivery),
    Close(CloseReason),
}

/// The transport of a session, and how many packets wait in it.
type Sessions<'s> = &'s dyn Fn(SessionKey) -> Option<(Transport, usize)>;

impl Application {
    pub(super) fn new(story: &Story) -> Self {
        match story.app {
            App::Engine => Self::Engine,
            App::Socket => Self::Socket(Box::new(SocketApp {
                world: World::new(WorldSettings {
                    neighbours: Neighbours::alone(1),
                    namespaces: NAMESPACES.map(str::to_owned).to_vec(),
                    dynamic: Default::default(),
                    listeners: Default::default(),
                    connect_timeout: story.settings.connect_timeout,
                    attachments_timeout: Duration::from_secs(10),
                    max_payload: story.settings.session.max_payload,
                    hash_seed: 1,
                    recovery: RecoverySettings::default(),
                    lobbies: None,
                    signaling: None,
                    matchmaking: None,
                }),
                state: State::default(),
                wanted: VecDeque::new(),
                n_ids: 0,
            })),
            App::ClientSuite => unreachable!("no script asks for it"),
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Engine => None,
            Self::Socket(app) => app.world.deadline(),
        }
    }
}

impl SocketApp {
    /// Hands an input to the world; what sessions are to do about it, in order.
    pub(super) fn handle(
        &mut self,
        now: Time,
        input: Input<'_>,
        sessions: Sessions<'_>,
    ) -> Vec<(SessionKey, Wish)> {
        let (state, wanted) = (&mut self.state, &mut self.wanted);
        let mut outlet = Outlet { state, wanted, sessions, wishes: Vec::new() };
        if self.world.wants_ids() {
            let first = self.n_ids;
            self.n_ids += REFILL as u64;
            let ids = (first..self.n_ids).map(|n| {
                let mut id = [0xff; ID_BYTES];
                id[..8].copy_from_slice(&n.to_be_bytes());
                id
            });
            self.world.handle(now, Input::Ids(ids.collect()), &mut outlet);
        }
        self.world.handle(now, input, &mut outlet);
        outlet.wishes
    }
}

/// Where a world's effects go: to sessions, or to the handlers below.
struct Outlet<'o> {
    state: &'o mut State,
    wanted: &'o mut VecDeque<Input<'static>>,
    sessions: Sessions<'o>,
    wishes: Vec<(SessionKey, Wish)>,
}

impl Effects for Outlet<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send(to, frame, delivery) => {
                let wish = |to: &SessionKey| (*to, Wish::Send(frame.clone(), delivery));
                self.wishes.extend(to.iter().map(wish));
            }
            Effect::Close(key, reason) => self.wishes.push((key, Wish::Close(reason))),
            Effect::Connecting { socket, id, session, namespace, auth, .. } => {
                let auth = auth.map(str::to_owned);
                let input = admission(socket, namespace, auth.as_deref());
                self.wanted.push_back(input);
                self.state.sockets.insert(socket, Socket { id, session, auth });
            }
            Effect::Connected(socket, namespace, _) => self.connected(socket, namespace),
            Effect::Event { socket, namespace, args, ack } => {
                self.event(socket, namespace, args, ack);
            }
            Effect::Acked(token, answer) => {
                let asked = self.state.asks.remove(&token);
                if let (Some((socket, namespace, id)), Ok(answer)) = (asked, answer) {
                    self.ack(socket, namespace, Some(id), answer);
                }
            }
            Effect::Disconnected(socket, ..) | Effect::Abandoned(socket) => {
                self.state.sockets.remove(&socket);
            }
            // All are in the list, and nobody listens.
            Effect::Unlisted { .. }
            | Effect::Disconnecting(..)
            | Effect::Room(..)
            | Effect::Sending(..) => {}
            // There is one shard, nobody asks many, and there are no lobbies.
            Effect::Joined(_)
            | Effect::Tell(..)
            | Effect::Gathered(..)
            | Effect::ServerSide(..)
            | Effect::Show(..)
            | Effect::Hide(..)
            | Effect::Rebase(..)
            | Effect::Recovered { .. }
            | Effect::Kept(..)
            | Effect::Forgotten(_)
            | Effect::Linked(..)
            | Effect::Recorded(..)
            | Effect::Ticked(..) => {}
        }
    }

    fn has_queued(&self, session: SessionKey) -> bool {
        (self.sessions)(session).is_some_and(|(_, n_queued)| n_queued > 0)
    }
}

/// `/auth` wants a token, the others take everybody.
fn admission(socket: SocketKey, namespace: NamespaceKey, auth: Option<&str>) -> Input<'static> {
    let auth: Value = auth.and_then(|auth| serde_json::from_str(auth).ok()).unwrap_or_default();
    if NAMESPACES[namespace.0 as usize] != "/auth" || auth["token"] == "secret" {
        return Input::Admit(socket);
    }
    let data = json!({ "code": "E_AUTH" }).to_string();
    Input::Refuse(socket, "Unauthorized".to_owned(), Some(data))
}

impl Outlet<'_> {
    fn connected(&mut self, socket: SocketKey, namespace: NamespaceKey) {
        if NAMESPACES[namespace.0 as usize] == "/auth" {
            return;
        }
        let auth = self.state.sockets.get_mut(&socket).and_then(|socket| socket.auth.take());
        let auth = RawValue::from_string(auth.unwrap_or_else(|| "{}".to_owned()));
        if let Ok(auth) = auth {
            self.emit(namespace, Target::socket(socket), "auth", (auth,));
        }
    }

    fn event(
        &mut self,
        socket: SocketKey,
        namespace: NamespaceKey,
        args: Args<'_>,
        ack: Option<u64>,
    ) {
        let room = args.get::<String>(0);
        let back = Target::socket(socket);
        match (NAMESPACES[namespace.0 as usize], args.name().as_ref()) {
            ("/" | "/custom", "message") => self.emit(namespace, back, "message-back", args),
            ("/" | "/custom", "message-with-ack") => self.ack(socket, namespace, ack, args),
            ("/", "ask-back") => self.ask_back(socket, namespace, args, ack),
            ("/", "join" | "leave" | "room-send") => {
                let Ok(room) = room else { return };
                self.wanted.push_back(match args.name().as_ref() {
                    "join" => Input::Join(socket, room),
                    "leave" => Input::Leave(socket, room),
                    _ => {
                        let except_socket = Some(socket);
                        let rooms = [room.into()].into();
                        let to = Target { rooms, except_socket, ..Target::default() };
                        return {
                            self.emit(namespace, to, "room-message", args);
                            self.ack(socket, namespace, ack, ("ok",));
                        };
                    }
                });
                self.ack(socket, namespace, ack, ("ok",));
            }
            ("/", "burst") => {
                for i in 0..args.get::<u32>(0).unwrap_or(0) {
                    self.emit(namespace, back.clone(), "burst", (i,));
                }
            }
            ("/", "whoami") => {
                let Some(own) = self.state.sockets.get(&socket) else { return };
                let session = (self.sessions)(own.session);
                let transport = session.map_or("", |(transport, _)| transport.as_str());
                // As text: the order of its fields is part of what scripts expect.
                let who = format!(
                    r#"{{"id":"{}","transport":"{transport}","recovered":false}}"#,
                    own.id.as_str()
                );
                if let Ok(who) = RawValue::from_string(who) {
                    self.ack(socket, namespace, ack, (who,));
                }
            }
            ("/", "bye") => {
                let reason = DisconnectReason::ServerNamespaceDisconnect;
                self.wanted.push_back(Input::Disconnect(socket, false, reason));
            }
            _ => {}
        }
    }

    /// Asks the client its own question; its answer is the answer.
    fn ask_back(
        &mut self,
        socket: SocketKey,
        namespace: NamespaceKey,
        args: Args<'_>,
        ack: Option<u64>,
    ) {
        let token = AckToken(self.state.next_ask);
        self.state.next_ask += 1;
        if let Some(id) = ack {
            self.state.asks.insert(token, (socket, namespace, id));
        }
        if let Some(draft) = written(Draft::event("question").ok(), args) {
            self.wanted.push_back(Input::Ask(socket, draft, token, Some(ASK_TIMEOUT)));
        }
    }

    fn emit(&mut self, namespace: NamespaceKey, to: Target, event: &str, args: impl EventArgs) {
        let name = NAMESPACES[namespace.0 as usize];
        let draft = written(Draft::event(event).ok(), args);
        if let Some(frame) = draft.and_then(|draft| draft.into_event(name, None).ok()) {
            self.wanted.push_back(Input::Emit(namespace.into(), to, frame, Delivery::Reliable));
        }
    }

    fn ack(
        &mut self,
        socket: SocketKey,
        namespace: NamespaceKey,
        id: Option<u64>,
        args: impl EventArgs,
    ) {
        let name = NAMESPACES[namespace.0 as usize];
        let draft = written(Some(Draft::ack()), args);
        let frame = draft.zip(id).and_then(|(draft, id)| draft.into_ack(name, id).ok());
        if let Some(frame) = frame {
            let to = Target::socket(socket);
            self.wanted.push_back(Input::Emit(namespace.into(), to, frame, Delivery::Reliable));
        }
    }
}

fn written(draft: Option<Draft>, args: impl EventArgs) -> Option<Draft> {
    let mut draft = draft?;
    args.write(&mut draft).ok()?;
    Some(draft)
}

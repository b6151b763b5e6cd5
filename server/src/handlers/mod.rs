//! Users' handlers: how they are registered, and what they may do while one runs.
//! Handlers run on the shard and must not block. They never touch the world: a [`Context`] only
//! notes what they want, and the shard hands that in when they return.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use parlor_core::{
    delivery::Delivery,
    effect::{AckError, DisconnectReason},
    engine_io::Transport,
    input::{AckToken, Input, Target},
    key::{NamespaceKey, SessionKey, SocketKey},
    volatile_by_name,
};
use parlor_shared::{
    id::SocketId,
    socket_io::{Args, Draft, EncodeError, EventArgs},
};
use serde::{Serialize, de::DeserializeOwned};

type OnAdmit = Arc<dyn Fn(&mut Context<'_>, Auth<'_>) -> Admission + Send + Sync>;
type OnConnect = Arc<dyn Fn(&mut Context<'_>) + Send + Sync>;
type OnEvent = Arc<dyn Fn(&mut Context<'_>, Args<'_>) + Send + Sync>;
type OnDisconnect = Arc<dyn Fn(&mut Context<'_>, DisconnectReason) + Send + Sync>;
type OnAck = Box<dyn FnOnce(&mut Context<'_>, Result<Args<'_>, AckError>) + Send>;

/// The handlers of one namespace, as they are being registered.
#[derive(Clone, Default)]
pub struct Namespace {
    admit: Option<OnAdmit>,
    connect: Option<OnConnect>,
    events: BTreeMap<String, OnEvent>,
    fallback: Option<OnEvent>,
    disconnect: Option<OnDisconnect>,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("events", &self.events.keys()).finish_non_exhaustive()
    }
}

impl Namespace {
    /// Decides whether a socket may join: called with what the client sent as `auth`. Without it
    /// everybody may.
    ///
    /// Events that the client sends meanwhile wait for the answer.
    pub fn admit(
        &mut self,
        handler: impl Fn(&mut Context<'_>, Auth<'_>) -> Admission + Send + Sync + 'static,
    ) -> &mut Self {
        self.admit = Some(Arc::new(handler));
        self
    }

    /// Called for each socket, right after its client was told that it is connected.
    pub fn on_connect(
        &mut self,
        handler: impl Fn(&mut Context<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.connect = Some(Arc::new(handler));
        self
    }

    /// Called for each event of this name. A second handler of one name replaces the first.
    pub fn on(
        &mut self,
        event: &str,
        handler: impl Fn(&mut Context<'_>, Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.events.insert(event.to_owned(), Arc::new(handler));
        self
    }

    /// Called for each event that has no handler of its own; [`Args::name`] tells its name.
    pub fn on_any(
        &mut self,
        handler: impl Fn(&mut Context<'_>, Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.fallback = Some(Arc::new(handler));
        self
    }

    /// Called when a socket is gone. It can no longer be sent anything.
    pub fn on_disconnect(
        &mut self,
        handler: impl Fn(&mut Context<'_>, DisconnectReason) + Send + Sync + 'static,
    ) -> &mut Self {
        self.disconnect = Some(Arc::new(handler));
        self
    }
}

/// What a client sent along with its CONNECT.
#[derive(Debug, Clone, Copy)]
pub struct Auth<'a>(Option<&'a str>);

impl<'a> Auth<'a> {
    /// The raw JSON object; `None` if the client sent none.
    pub fn raw(&self) -> Option<&'a str> {
        self.0
    }

    /// As a `T`; an absent payload reads as `{}`.
    ///
    /// # Errors
    /// If it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.unwrap_or("{}"))
    }
}

/// Whether a socket may join.
pub type Admission = Result<(), ConnectError>;

/// Why a socket may not join: the client's `connect_error` gets it as `message` and `data`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    message: String,
    data: Option<String>,
}

impl ConnectError {
    /// With a message alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// With data that programs can read.
    ///
    /// # Panics
    /// If `data` has no JSON form.
    pub fn with_data(message: impl Into<String>, data: &impl Serialize) -> Self {
        let data = serde_json::to_string(data).expect("the data has a JSON form");
        Self { message: message.into(), data: Some(data) }
    }
}

/// The request that opened a session.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The client's address, as told by trusted proxies.
    pub address: IpAddr,
    /// The query string, without `?`.
    pub query: String,
    /// The headers.
    pub headers: hyper::HeaderMap,
}

/// A socket as its handlers know it.
pub(crate) struct SocketInfo {
    id: SocketId,
    session: SessionKey,
    namespace: NamespaceKey,
    data: Option<Box<dyn Any>>,
}

/// What handlers run with. The shard owns one.
pub(crate) struct Handlers {
    namespaces: Arc<[(String, Namespace)]>,
    sockets: HashMap<SocketKey, SocketInfo>,
    asks: HashMap<AckToken, (SocketKey, OnAck)>,
    next_ask: u64,
    /// What handlers want, in order.
    pub(crate) wanted: VecDeque<Input<'static>>,
}

/// What the shard knows of a session that handlers may ask for.
pub(crate) trait Sessions {
    fn transport(&self, session: SessionKey) -> Option<Transport>;
    fn handshake(&self, session: SessionKey) -> Option<&Handshake>;
    fn queued_bytes(&self, session: SessionKey) -> usize;
}

impl Handlers {
    pub(crate) fn new(namespaces: Arc<[(String, Namespace)]>) -> Self {
        Self {
            namespaces,
            sockets: HashMap::new(),
            asks: HashMap::new(),
            next_ask: 0,
            wanted: VecDeque::new(),
        }
    }

    pub(crate) fn connecting(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        id: SocketId,
        session: SessionKey,
        namespace: NamespaceKey,
        auth: Option<&str>,
    ) {
        self.sockets.insert(socket, SocketInfo { id, session, namespace, data: None });
        let Some(admit) = self.namespace(namespace).admit.clone() else {
            return self.wanted.push_back(Input::Admit(socket));
        };
        let verdict = self.call(sessions, socket, None, |cx| admit(cx, Auth(auth)));
        self.wanted.push_back(match verdict {
            Ok(Ok(())) => Input::Admit(socket),
            Ok(Err(error)) => {
                self.sockets.remove(&socket);
                Input::Refuse(socket, error.message, error.data)
            }
            Err(Panicked) => {
                self.sockets.remove(&socket);
                Input::Refuse(socket, "Internal error".to_owned(), None)
            }
        });
    }

    pub(crate) fn connected(&mut self, sessions: &dyn Sessions, socket: SocketKey) {
        let Some(info) = self.sockets.get(&socket) else { return };
        if let Some(connect) = self.namespace(info.namespace).connect.clone() {
            let called = self.call(sessions, socket, None, |cx| connect(cx));
            self.after(socket, &called);
        }
    }

    /// Runs the event's handler; false if it has none.
    pub(crate) fn event(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        namespace: NamespaceKey,
        args: Args<'_>,
        ack: Option<u64>,
    ) -> bool {
        let handlers = self.namespace(namespace);
        let handler = handlers.events.get(args.name().as_ref()).or(handlers.fallback.as_ref());
        let Some(handler) = handler.cloned() else { return false };
        let called = self.call(sessions, socket, ack, |cx| handler(cx, args));
        self.after(socket, &called);
        true
    }

    pub(crate) fn acked(
        &mut self,
        sessions: &dyn Sessions,
        token: AckToken,
        answer: Result<Args<'_>, AckError>,
    ) {
        let Some((socket, on_ack)) = self.asks.remove(&token) else { return };
        let called = self.call(sessions, socket, None, |cx| on_ack(cx, answer));
        self.after(socket, &called);
    }

    pub(crate) fn disconnected(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        namespace: NamespaceKey,
        reason: DisconnectReason,
    ) {
        if let Some(disconnect) = self.namespace(namespace).disconnect.clone() {
            // It is gone already: a panic has nothing left to end.
            let _ = self.call(sessions, socket, None, |cx| disconnect(cx, reason));
        }
        self.sockets.remove(&socket);
    }

    fn namespace(&self, key: NamespaceKey) -> &Namespace {
        &self.namespaces[key.0 as usize].1
    }

    fn after(&mut self, socket: SocketKey, called: &Result<(), Panicked>) {
        if called.is_err() {
            let reason = DisconnectReason::HandlerFailed;
            self.wanted.push_back(Input::Disconnect(socket, false, reason));
        }
    }

    fn call<T>(
        &mut self,
        sessions: &dyn Sessions,
        socket: SocketKey,
        ack: Option<u64>,
        run: impl FnOnce(&mut Context<'_>) -> T,
    ) -> Result<T, Panicked> {
        let Some(mut info) = self.sockets.remove(&socket) else { return Err(Panicked) };
        let name = Arc::clone(&self.namespaces);
        let mut context = Context {
            socket,
            namespace: &name[info.namespace.0 as usize].0,
            info: &mut info,
            ack,
            sessions,
            handlers: self,
        };
        let run = std::panic::AssertUnwindSafe(|| run(&mut context));
        let result = std::panic::catch_unwind(run).map_err(|_| {
            tracing::error!("a handler panicked; its socket is disconnected");
            Panicked
        });
        self.sockets.insert(socket, info);
        result
    }
}

/// A handler panicked (or its socket is not there any more).
pub(crate) struct Panicked;

/// What a handler may do. It notes wishes; they are carried out, in order, when the handler has
/// returned.
pub struct Context<'c> {
    socket: SocketKey,
    namespace: &'c str,
    info: &'c mut SocketInfo,
    ack: Option<u64>,
    sessions: &'c dyn Sessions,
    handlers: &'c mut Handlers,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl<'c> Context<'c> {
    /// The socket's public id; other sockets can be addressed by it as by a room.
    pub fn id(&self) -> SocketId {
        self.info.id
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        self.namespace
    }

    /// Carrier of the moment; `None` once the session is gone.
    pub fn transport(&self) -> Option<Transport> {
        self.sessions.transport(self.info.session)
    }

    /// The request that opened the session; `None` once it is gone.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.sessions.handshake(self.info.session)
    }

    /// Bytes that wait for this client: more than a few thousand mean that it reads slowly.
    pub fn queued_bytes(&self) -> usize {
        self.sessions.queued_bytes(self.info.session)
    }

    /// Data of this socket, made at first use.
    ///
    /// # Panics
    /// If it was made as another type before.
    pub fn data<T: Default + 'static>(&mut self) -> &mut T {
        let data = self.info.data.get_or_insert_with(|| Box::new(T::default()));
        data.downcast_mut().expect("a socket's data has one type")
    }

    /// Sends an event to this socket.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn emit(&mut self, event: &str, args: impl EventArgs) {
        let target = Target::socket(self.socket);
        Emit { context: self, target, volatile: None }.emit(event, args);
    }

    /// To this socket, and only if nothing newer of this event comes before it can take it.
    pub fn volatile(&mut self) -> Emit<'_, 'c> {
        let target = Target::socket(self.socket);
        Emit { context: self, target, volatile: Some(None) }
    }

    /// To the sockets in a room, but not this one.
    pub fn to(&mut self, room: impl Into<String>) -> Emit<'_, 'c> {
        let except_socket = Some(self.socket);
        let target = Target { rooms: vec![room.into()], except_socket, ..Target::default() };
        Emit { context: self, target, volatile: None }
    }

    /// To all sockets of the namespace but this one.
    pub fn broadcast(&mut self) -> Emit<'_, 'c> {
        let target = Target { except_socket: Some(self.socket), ..Target::default() };
        Emit { context: self, target, volatile: None }
    }

    /// To all sockets of the namespace, this one included.
    pub fn everyone(&mut self) -> Emit<'_, 'c> {
        Emit { context: self, target: Target::default(), volatile: None }
    }

    /// Sends an event that wants an answer. `then` gets it, or why there is none: it did not come
    /// within `timeout` (`None` waits for ever), the socket is gone, or too many are awaited.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn ask(
        &mut self,
        event: &str,
        args: impl EventArgs,
        timeout: Option<Duration>,
        then: impl FnOnce(&mut Context<'_>, Result<Args<'_>, AckError>) + Send + 'static,
    ) {
        let draft = draft(Draft::event(event), args);
        let token = AckToken(self.handlers.next_ask);
        self.handlers.next_ask += 1;
        self.handlers.asks.insert(token, (self.socket, Box::new(then)));
        self.handlers.wanted.push_back(Input::Ask(self.socket, draft, token, timeout));
    }

    /// Answers the event that is being handled. Does nothing if its client wants no answer, or
    /// has one already.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn ack(&mut self, args: impl EventArgs) {
        if let Some(ack) = self.take_ack() {
            ack.send(self, args);
        }
    }

    /// Takes the right to answer the event that is being handled, to do it later; `None` if its
    /// client wants no answer.
    pub fn take_ack(&mut self) -> Option<Ack> {
        let id = self.ack.take()?;
        Some(Ack { socket: self.socket, namespace: self.info.namespace, id })
    }

    /// Puts this socket into a room. A socket is in at most 256.
    pub fn join(&mut self, room: impl Into<String>) {
        self.handlers.wanted.push_back(Input::Join(self.socket, room.into()));
    }

    /// Takes this socket out of a room.
    pub fn leave(&mut self, room: impl Into<String>) {
        self.handlers.wanted.push_back(Input::Leave(self.socket, room.into()));
    }

    /// Disconnects this socket from its namespace; other namespaces of the client stay.
    pub fn disconnect(&mut self) {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        self.handlers.wanted.push_back(Input::Disconnect(self.socket, false, reason));
    }

    /// Disconnects the client from all namespaces and ends its session.
    pub fn disconnect_session(&mut self) {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        self.handlers.wanted.push_back(Input::Disconnect(self.socket, true, reason));
    }
}

/// The right to answer one event, once.
#[derive(Debug)]
#[must_use = "the client waits for the answer"]
pub struct Ack {
    socket: SocketKey,
    namespace: NamespaceKey,
    id: u64,
}

impl Ack {
    /// Sends the answer, from any handler.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn send(self, context: &mut Context<'_>, args: impl EventArgs) {
        let name = Arc::clone(&context.handlers.namespaces);
        let name = &name[self.namespace.0 as usize].0;
        let draft = draft(Ok(Draft::ack()), args);
        let frame = draft.into_ack(name, self.id).expect("at most 10 attachments");
        let to = Target::socket(self.socket);
        let input = Input::Emit(self.namespace, to, frame, Delivery::Reliable);
        context.handlers.wanted.push_back(input);
    }
}

/// Whom an event goes to, being told.
#[derive(Debug)]
#[must_use = "nothing is sent before `emit`"]
pub struct Emit<'e, 'c> {
    context: &'e mut Context<'c>,
    target: Target,
    /// `Some(None)`: under the event's name.
    volatile: Option<Option<u64>>,
}

impl Emit<'_, '_> {
    /// Also to the sockets in this room.
    pub fn to(mut self, room: impl Into<String>) -> Self {
        self.target.rooms.push(room.into());
        self
    }

    /// But to none that is in this room.
    pub fn except(mut self, room: impl Into<String>) -> Self {
        self.target.except.push(room.into());
        self
    }

    /// A client that cannot take it at once gets only the newest of this event.
    pub fn volatile(mut self) -> Self {
        self.volatile = Some(None);
        self
    }

    /// Like [`Self::volatile`], but the newest under `key`, of whatever event.
    pub fn volatile_key(mut self, key: u64) -> Self {
        self.volatile = Some(Some(key));
        self
    }

    /// Sends it. The packet is encoded once for all who get it.
    ///
    /// # Panics
    /// If an argument has no JSON form, there are more than 10 binary attachments, or the event's
    /// name is reserved: mistakes of the program, which end the socket whose handler made them.
    pub fn emit(self, event: &str, args: impl EventArgs) {
        let namespace = self.context.info.namespace;
        let draft = draft(Draft::event(event), args);
        let frame = draft.into_event(self.context.namespace, None).expect("at most 10 attachments");
        let delivery = match self.volatile {
            None => Delivery::Reliable,
            Some(None) => volatile_by_name(namespace, event),
            Some(Some(key)) => Delivery::Volatile { key },
        };
        let input = Input::Emit(namespace, self.target, frame, delivery);
        self.context.handlers.wanted.push_back(input);
    }
}

fn draft(draft: Result<Draft, EncodeError>, args: impl EventArgs) -> Draft {
    let mut draft = draft.expect("the event's name is not reserved");
    args.write(&mut draft).expect("every argument has a JSON form");
    draft
}

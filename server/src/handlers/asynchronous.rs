//! What an async handler may do: the same as a sync one, posted to the socket's shard.
//! Where it runs is `tasks`' part; when it is called, and what waits behind it, is `handlers`'.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use parlor_core::{
    cluster::Question,
    delivery::Delivery,
    effect::{AckError, DisconnectReason},
    engine_io::Transport,
    input::{Input, Scope, Target},
    key::{NamespaceKey, SocketKey},
};
use parlor_shared::{
    api::{Refusal, Reply, code},
    id::SocketId,
    socket_io::{Args, ArgsError, Draft, EventArgs, OwnedArgs},
};
use tokio::sync::{oneshot, watch};

use super::{
    Auth, Context, Emit, Handshake, OwnedAuth, Rooms, Volatile,
    context::answer,
    desk::{Env, Gathered, OnGathered},
};
use crate::{auth::Account, mailbox::Parcel};

/// What an async handler may do. Cloning is cheap, and a clone may outlive the handler.
///
/// What it wants is carried out by the socket's shard, in the order in which it is awaited. Each
/// of its verbs waits while the shard has more to do than it may. Once the socket is gone, what is
/// wanted of itself does nothing, but what goes to others still reaches them, and what is emitted
/// to it reaches its client if that gets it back. Once the server is gone, nothing does.
///
/// The socket's data is the shard's: [`Self::run`] takes a function there, while the socket is. At
/// its end [`Context::spawn`] hands over what is to be saved.
#[derive(Clone)]
pub struct AsyncContext(Arc<Inner>);

struct Inner {
    env: Arc<Env>,
    socket: SocketKey,
    id: SocketId,
    scope: Scope,
    /// Whose handlers serve it.
    family: NamespaceKey,
    handshake: Option<Arc<Handshake>>,
    auth: OwnedAuth,
    account: Option<Arc<Account>>,
    /// Its sender is dropped with the socket.
    life: watch::Receiver<()>,
    is_recovered: bool,
    /// A lock, because clones share the right to answer once; held to take it.
    ack: Mutex<Option<u64>>,
}

/// The socket is gone, or its handler panicked, before it could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the socket is gone")]
pub struct Gone;

impl fmt::Debug for AsyncContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncContext").field("namespace", &self.namespace()).finish_non_exhaustive()
    }
}

/// A socket, and what its event wants.
pub(super) struct Of {
    pub(super) socket: SocketKey,
    pub(super) id: SocketId,
    pub(super) scope: Scope,
    pub(super) family: NamespaceKey,
    pub(super) handshake: Option<Arc<Handshake>>,
    pub(super) auth: OwnedAuth,
    pub(super) account: Option<Arc<Account>>,
    pub(super) life: watch::Receiver<()>,
    pub(super) ack: Option<u64>,
    pub(super) is_recovered: bool,
}

impl AsyncContext {
    pub(super) fn new(env: Arc<Env>, of: Of) -> Self {
        let Of { socket, id, scope, family, handshake, auth, account, life, ack, is_recovered } =
            of;
        Self(Arc::new(Inner {
            env,
            socket,
            id,
            scope,
            family,
            handshake,
            auth,
            account,
            life,
            is_recovered,
            ack: Mutex::new(ack),
        }))
    }

    /// The socket's public id; other sockets can be addressed by it as by a room.
    pub fn id(&self) -> SocketId {
        self.0.id
    }

    /// The namespace's name: of one that was made for a client, as that client called it.
    pub fn namespace(&self) -> &str {
        self.0.env.names.text(&self.0.scope)
    }

    /// The request that opened the session; `None` if it was gone before this began.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.0.handshake.as_deref()
    }

    /// What the client sent along when it joined the namespace.
    pub fn auth(&self) -> Auth<'_> {
        self.0.auth.as_auth()
    }

    /// True if the client was away and has got this socket back; see [`Context::recovered`].
    pub fn recovered(&self) -> bool {
        self.0.is_recovered
    }

    /// Who the client was when the handler began; `None` in namespaces that do not ask.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.0.account.as_ref()
    }

    /// Bytes that wait for this client; see [`Context::queued_bytes`]. The shard is asked, after
    /// what was wanted before.
    ///
    /// # Errors
    /// If the socket is gone.
    pub async fn queued_bytes(&self) -> Result<usize, Gone> {
        self.run(|cx| cx.queued_bytes()).await
    }

    /// Packets that wait for this client; see [`Context::queued_packets`].
    ///
    /// # Errors
    /// If the socket is gone.
    pub async fn queued_packets(&self) -> Result<usize, Gone> {
        self.run(|cx| cx.queued_packets()).await
    }

    /// True if this client can take nothing just now; see [`Context::is_blocked`].
    ///
    /// # Errors
    /// If the socket is gone.
    pub async fn is_blocked(&self) -> Result<bool, Gone> {
        self.run(|cx| cx.is_blocked()).await
    }

    /// Volatile events to this client that a newer one has replaced so far.
    ///
    /// # Errors
    /// If the socket is gone.
    pub async fn n_replaced(&self) -> Result<u64, Gone> {
        self.run(|cx| cx.n_replaced()).await
    }

    /// Carrier of the moment; `None` once the session is gone.
    ///
    /// # Errors
    /// If the socket is gone.
    pub async fn transport(&self) -> Result<Option<Transport>, Gone> {
        self.run(|cx| cx.transport()).await
    }

    /// Says whose socket this is, while it is being admitted; see [`Context::identify`].
    pub async fn identify(&self, identity: impl Into<String>) {
        self.wish(Input::Identify(self.0.socket, identity.into())).await;
    }

    /// False once the socket is gone.
    pub fn is_connected(&self) -> bool {
        self.0.life.has_changed().is_ok()
    }

    /// Ends when the socket is gone: to give up what nobody waits for any more.
    pub async fn disconnected(&self) {
        let mut life = self.0.life.clone();
        while life.changed().await.is_ok() {}
    }

    /// Sends an event to this socket.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub async fn emit(&self, event: &str, args: impl EventArgs) {
        self.aim(self.own()).emit(event, args).await;
    }

    /// To this socket, or to the others that are told next: who cannot take it at once gets only
    /// the newest of this event.
    pub fn volatile(&self) -> Volatile<&Self> {
        Volatile::new(self.aim(self.own()), self.others())
    }

    /// Like [`Self::volatile`], but the newest under `key`, of whatever event.
    pub fn volatile_key(&self, key: u64) -> Volatile<&Self> {
        self.volatile().volatile_key(key)
    }

    /// To the sockets in these rooms, but not this one.
    pub fn to(&self, rooms: impl Rooms) -> Emit<&Self> {
        self.broadcast().to(rooms)
    }

    /// The same as [`Self::to`]: this socket is left out, as on Node. All in a room are reached by
    /// [`Self::everyone`]`().in_(room)`.
    pub fn in_(&self, rooms: impl Rooms) -> Emit<&Self> {
        self.to(rooms)
    }

    /// To all sockets of the namespace but this one and those in these rooms.
    pub fn except(&self, rooms: impl Rooms) -> Emit<&Self> {
        self.broadcast().except(rooms)
    }

    /// To the sockets of the namespace that are on this one's shard, but not this one.
    pub fn local(&self) -> Emit<&Self> {
        self.broadcast().local()
    }

    /// To all sockets of the namespace but this one.
    pub fn broadcast(&self) -> Emit<&Self> {
        self.aim(self.others())
    }

    /// To all sockets of the namespace, this one included.
    pub fn everyone(&self) -> Emit<&Self> {
        self.aim(Target::default())
    }

    /// To all sockets of another namespace, or to those in rooms that are named next. The pattern
    /// or name of a parent means all its children.
    ///
    /// # Panics
    /// If it has no handlers.
    pub fn in_namespace(&self, name: &str) -> Emit<&Self> {
        Emit::new(self, Some(self.0.env.handled(name)), Target::default())
    }

    /// Sends an event that wants an answer, and waits for it: at most for `timeout`, if one is
    /// given.
    ///
    /// # Errors
    /// If none came in time, the socket is gone, or too many answers are awaited.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub async fn ask(
        &self,
        event: &str,
        args: impl EventArgs,
        timeout: Option<Duration>,
    ) -> Result<OwnedArgs, AckError> {
        let draft = super::context::draft(Draft::event(event), args);
        let n_bytes = draft.n_bytes();
        let (sender, answer) = oneshot::channel();
        let job = move |cx: &mut Context<'_>| {
            let then = move |_: &mut Context<'_>, answer: Result<Args<'_>, AckError>| {
                // Who asked may have given up.
                let _ = sender.send(answer.map(Args::to_owned));
            };
            cx.ask_draft(draft, timeout, Box::new(then));
        };
        self.post(Parcel::Run(self.0.socket, Box::new(job), n_bytes)).await;
        answer.await.unwrap_or(Err(AckError::Disconnected))
    }

    /// Answers the event that is being handled. Does nothing if its client wants no answer, or
    /// has one already.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub async fn ack(&self, args: impl EventArgs) {
        let id = self.0.ack.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(id) = id else { return };
        let frame = answer(self.namespace(), id, args);
        let to = Target::socket(self.0.socket);
        self.wish(Input::Emit(self.0.scope.clone(), to, frame, Delivery::Reliable)).await;
    }

    /// Puts this socket into a room. A socket is in at most 1,024, and a name has at most 1,024
    /// bytes: a join beyond that is logged, and nothing else.
    pub async fn join(&self, room: impl Into<String>) {
        self.wish(Input::Join(self.0.socket, room.into())).await;
    }

    /// Takes this socket out of a room.
    pub async fn leave(&self, room: impl Into<String>) {
        self.wish(Input::Leave(self.0.socket, room.into())).await;
    }

    /// Looks up which rooms this socket is in, but for that of its own id, in the order of joining.
    ///
    /// # Errors
    /// If the socket is gone.
    pub async fn rooms(&self) -> Result<Vec<String>, Gone> {
        let found = self.aim(Target::socket(self.0.socket)).fetch_sockets().await?;
        Ok(found.into_iter().flat_map(|own| own.rooms).collect())
    }

    /// Disconnects this socket from its namespace; other namespaces of the client stay.
    pub async fn disconnect(&self) {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        self.wish(Input::Disconnect(self.0.socket, false, reason)).await;
    }

    /// Disconnects the client from all namespaces and ends its session.
    pub async fn disconnect_session(&self) {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        self.wish(Input::Disconnect(self.0.socket, true, reason)).await;
    }

    /// Stops the whole server, as [`Running::stop`](crate::Running::stop) does.
    pub fn close_server(&self) {
        self.0.env.close_server();
    }

    /// Runs `job` on the socket's shard, after what was wanted before: it sees the socket's data.
    ///
    /// # Errors
    /// If the socket is gone. A `job` that panics ends it.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Context<'_>) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (sender, result) = oneshot::channel();
        let job = move |cx: &mut Context<'_>| {
            // Who wanted it may have given up.
            let _ = sender.send(job(cx));
        };
        // What users leave in it, nobody knows.
        self.post(Parcel::Run(self.0.socket, Box::new(job), 0)).await;
        result.await.map_err(|_| Gone)
    }

    pub(super) async fn refuse_arguments(&self, error: &ArgsError) {
        self.0.env.metrics.refused_arguments();
        let refusal = Refusal::new(code::BAD_REQUEST, error.to_string());
        self.ack((Reply::<()>::Refused(refusal),)).await;
    }

    /// Asks many sockets, until this one is gone.
    pub(super) async fn gather(&self, question: Question) -> Result<Gathered, Gone> {
        let n_bytes = question.n_bytes();
        self.gather_by(n_bytes, |cx, then| cx.desk.gather(cx.socket, question, then)).await
    }

    /// Has something of so many bytes asked on the shard, until this socket is gone.
    pub(super) async fn gather_by(
        &self,
        n_bytes: usize,
        ask: impl FnOnce(&mut Context<'_>, OnGathered) + Send + 'static,
    ) -> Result<Gathered, Gone> {
        let (sender, answer) = oneshot::channel();
        let job = move |cx: &mut Context<'_>| {
            let then = move |_: &mut Context<'_>, answer| {
                // Who asked may have given up.
                let _ = sender.send(answer);
            };
            ask(cx, Box::new(then));
        };
        self.post(Parcel::Run(self.0.socket, Box::new(job), n_bytes)).await;
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| Gone),
            () = self.disconnected() => Err(Gone),
        }
    }

    pub(super) async fn wish(&self, input: Input<'static>) {
        self.post(Parcel::Wish(input)).await;
    }

    pub(super) fn env(&self) -> &Env {
        &self.0.env
    }

    fn aim(&self, target: Target) -> Emit<&Self> {
        Emit::new(self, Some(self.0.scope.clone()), target)
    }

    /// The socket; if it is gone, the one that its client will have back, or has.
    fn own(&self) -> Target {
        let mut own = Target::socket(self.0.socket);
        if self.0.env.names.is_recoverable(self.0.family) {
            own.rooms.push(self.0.id.as_str().into());
        }
        own
    }

    /// All but the socket; if it is gone, but the one that its client has back, on any shard.
    fn others(&self) -> Target {
        let mut others = Target { except_socket: Some(self.0.socket), ..Target::default() };
        if self.0.env.names.is_recoverable(self.0.family) && !self.is_connected() {
            others.except.push(self.0.id.as_str().into());
        }
        others
    }

    async fn post(&self, parcel: Parcel) {
        // If the shard is no more, nobody is left to want it for.
        let _ = self.0.env.mailbox.send(parcel).await;
    }
}

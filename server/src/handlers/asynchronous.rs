//! What an async handler may do: the same as a sync one, posted to the socket's shard.
//! Where it runs is `tasks`' part; when it is called, and what waits behind it, is `handlers`'.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use parlor_core::{
    cluster::{Answer, Question},
    delivery::Delivery,
    effect::{AckError, DisconnectReason},
    input::{Input, Target},
    key::{NamespaceKey, SocketKey},
};
use parlor_shared::{
    api::{Refusal, Reply, code},
    id::SocketId,
    socket_io::{Args, ArgsError, Draft, EventArgs, OwnedArgs},
};
use tokio::sync::{oneshot, watch};

use super::{Context, Emit, Handshake, context::answer, desk::Env};
use crate::{auth::Account, mailbox::Parcel};

/// What an async handler may do. Cloning is cheap, and a clone may outlive the handler.
///
/// What it wants is carried out by the socket's shard, in the order in which it is awaited. Each
/// of its verbs waits while the shard has more to do than it may. Once the socket is gone, what is
/// wanted of itself does nothing, but what goes to others still reaches them. Once the server is
/// gone, nothing does.
#[derive(Clone)]
pub struct AsyncContext(Arc<Inner>);

struct Inner {
    env: Arc<Env>,
    socket: SocketKey,
    id: SocketId,
    namespace: NamespaceKey,
    handshake: Option<Arc<Handshake>>,
    account: Option<Arc<Account>>,
    /// Its sender is dropped with the socket.
    life: watch::Receiver<()>,
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
    pub(super) namespace: NamespaceKey,
    pub(super) handshake: Option<Arc<Handshake>>,
    pub(super) account: Option<Arc<Account>>,
    pub(super) life: watch::Receiver<()>,
    pub(super) ack: Option<u64>,
}

impl AsyncContext {
    pub(super) fn new(env: Arc<Env>, of: Of) -> Self {
        let Of { socket, id, namespace, handshake, account, life, ack } = of;
        let ack = Mutex::new(ack);
        Self(Arc::new(Inner { env, socket, id, namespace, handshake, account, life, ack }))
    }

    /// The socket's public id; other sockets can be addressed by it as by a room.
    pub fn id(&self) -> SocketId {
        self.0.id
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        self.0.env.name(self.0.namespace)
    }

    /// The request that opened the session; `None` if it was gone before this began.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.0.handshake.as_deref()
    }

    /// Who the client was when the handler began; `None` in namespaces that do not ask.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.0.account.as_ref()
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
        self.aim(Target::socket(self.0.socket)).emit(event, args).await;
    }

    /// To this socket, and only if nothing newer of this event comes before it can take it.
    pub fn volatile(&self) -> Emit<&Self> {
        self.aim(Target::socket(self.0.socket)).volatile()
    }

    /// To the sockets in a room, but not this one.
    pub fn to(&self, room: impl AsRef<str>) -> Emit<&Self> {
        self.broadcast().to(room)
    }

    /// To all sockets of the namespace but this one.
    pub fn broadcast(&self) -> Emit<&Self> {
        self.aim(Target { except_socket: Some(self.0.socket), ..Target::default() })
    }

    /// To all sockets of the namespace, this one included.
    pub fn everyone(&self) -> Emit<&Self> {
        self.aim(Target::default())
    }

    /// To all sockets of another namespace, or to those in rooms that are named next.
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
        let (sender, answer) = oneshot::channel();
        let job = move |cx: &mut Context<'_>| {
            let then = move |_: &mut Context<'_>, answer: Result<Args<'_>, AckError>| {
                // Who asked may have given up.
                let _ = sender.send(answer.map(Args::to_owned));
            };
            cx.ask_draft(draft, timeout, Box::new(then));
        };
        self.post(Parcel::Run(self.0.socket, Box::new(job))).await;
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
        self.wish(Input::Emit(self.0.namespace, to, frame, Delivery::Reliable)).await;
    }

    /// Puts this socket into a room. A socket is in at most 256.
    pub async fn join(&self, room: impl Into<String>) {
        self.wish(Input::Join(self.0.socket, room.into())).await;
    }

    /// Takes this socket out of a room.
    pub async fn leave(&self, room: impl Into<String>) {
        self.wish(Input::Leave(self.0.socket, room.into())).await;
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
        self.post(Parcel::Run(self.0.socket, Box::new(job))).await;
        result.await.map_err(|_| Gone)
    }

    pub(super) async fn refuse_arguments(&self, error: &ArgsError) {
        self.0.env.metrics.refused_arguments();
        let refusal = Refusal::new(code::BAD_REQUEST, error.to_string());
        self.ack((Reply::<()>::Refused(refusal),)).await;
    }

    /// Asks many sockets, until this one is gone.
    pub(super) async fn gather(&self, question: Question) -> Result<Answer, Gone> {
        let (sender, answer) = oneshot::channel();
        let job = move |cx: &mut Context<'_>| {
            let then = move |_: &mut Context<'_>, answer| {
                // Who asked may have given up.
                let _ = sender.send(answer);
            };
            cx.desk.gather(cx.socket, question, Box::new(then));
        };
        self.post(Parcel::Run(self.0.socket, Box::new(job))).await;
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
        Emit::new(self, Some(self.0.namespace), target)
    }

    async fn post(&self, parcel: Parcel) {
        // If the shard is no more, nobody is left to want it for.
        let _ = self.0.env.mailbox.send(parcel).await;
    }
}

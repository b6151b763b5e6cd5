//! What a sync handler may do while it runs: it notes wishes, and the shard carries them out.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use parlor_core::{
    delivery::Delivery,
    effect::{AckError, DisconnectReason},
    engine_io::Transport,
    input::{Input, Scope, Target},
    key::{NamespaceKey, SessionKey, SocketKey},
    who::player_room,
};
use parlor_shared::{
    api::{self, Refusal, Reply, code},
    id::{Pid, SocketId},
    socket_io::{Args, ArgsError, Draft, EncodeError, EventArgs, Frame},
};
use tokio::sync::watch;

use super::{
    AsyncContext, Auth, Emit, End, Handshake, OwnedAuth, Rooms, Volatile,
    asynchronous::Of,
    desk::{Desk, Env, OnAck},
    foreign::Foreign,
    lane::Lane,
    names::scope_of,
    namespace::Running,
};
use crate::{auth::Account, mailbox::Parcel};

/// What the shard knows of a session that handlers may ask for.
pub(crate) trait Sessions {
    fn transport(&self, session: SessionKey) -> Option<Transport>;
    fn handshake(&self, session: SessionKey) -> Option<&Arc<Handshake>>;
    fn queued_bytes(&self, session: SessionKey) -> usize;
    fn queued_packets(&self, session: SessionKey) -> usize;
    fn is_blocked(&self, session: SessionKey) -> bool;
    fn n_replaced(&self, session: SessionKey) -> u64;
}

/// What handlers keep of a socket.
pub(super) type Data = Box<dyn Any + Send>;

/// A socket as its handlers know it.
pub(super) struct SocketInfo {
    pub(super) id: SocketId,
    pub(super) session: SessionKey,
    /// Whose handlers serve it.
    pub(super) namespace: NamespaceKey,
    pub(super) handshake: Option<Arc<Handshake>>,
    pub(super) auth: OwnedAuth,
    /// `None` in namespaces that ask for none.
    pub(super) account: Option<Arc<Account>>,
    /// Events that wait behind an async handler.
    pub(super) lane: Lane,
    pub(super) data: Option<Foreign<Data>>,
    /// It is the one that its client had before.
    pub(super) is_recovered: bool,
    /// It is about to go.
    pub(super) is_leaving: bool,
    rare: Option<Box<Rare>>,
}

/// What most sockets never have, kept apart so that they are small.
#[derive(Default)]
struct Rare {
    /// The name of its own namespace, if that is a child of the one whose handlers serve it.
    child: Option<Arc<str>>,
    /// Its client may have it back under this pid.
    kept: Option<Pid>,
    /// Made with the first async context; its receivers learn when the socket is dropped.
    life: Option<watch::Sender<()>>,
}

impl SocketInfo {
    pub(super) fn new(
        (id, session): (SocketId, SessionKey),
        (namespace, child): (NamespaceKey, Option<Arc<str>>),
        handshake: Option<Arc<Handshake>>,
        auth: OwnedAuth,
        account: Option<Arc<Account>>,
    ) -> Self {
        Self {
            id,
            session,
            namespace,
            handshake,
            auth,
            account,
            lane: Lane::default(),
            data: None,
            is_recovered: false,
            is_leaving: false,
            rare: child.map(|child| Box::new(Rare { child: Some(child), ..Rare::default() })),
        }
    }

    pub(super) fn data(&self) -> Option<&(dyn Any + Send)> {
        self.data.as_deref().map(|data| &**data)
    }

    /// Its namespace.
    pub(super) fn scope(&self) -> Scope {
        scope_of(self.namespace, self.child())
    }

    fn child(&self) -> Option<&Arc<str>> {
        self.rare.as_ref()?.child.as_ref()
    }

    /// Its client may have it back under this pid.
    pub(super) fn keep(&mut self, pid: Pid) {
        self.rare.get_or_insert_default().kept = Some(pid);
    }

    pub(super) fn kept(&self) -> Option<Pid> {
        self.rare.as_ref()?.kept
    }
}

/// What a handler may do. It notes wishes; they are carried out, in order, when the handler has
/// returned. One call may want 65,536 things; one more is a panic.
pub struct Context<'c> {
    pub(super) socket: SocketKey,
    pub(super) info: &'c mut SocketInfo,
    pub(super) ack: Option<u64>,
    pub(super) sessions: &'c dyn Sessions,
    pub(super) desk: &'c mut Desk,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("namespace", &self.namespace()).finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// The socket's public id; other sockets can be addressed by it as by a room.
    pub fn id(&self) -> SocketId {
        self.info.id
    }

    /// The namespace's name: of one that was made for a client, as that client called it.
    pub fn namespace(&self) -> &str {
        let listed = || self.desk.env.names.listed()[self.info.namespace.0 as usize].as_str();
        self.info.child().map(|child| &**child).unwrap_or_else(listed)
    }

    /// Carrier of the moment; `None` once the session is gone.
    pub fn transport(&self) -> Option<Transport> {
        self.sessions.transport(self.info.session)
    }

    /// The request that opened the session.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.info.handshake.as_deref()
    }

    /// What the client sent along when it joined the namespace.
    pub fn auth(&self) -> Auth<'_> {
        self.info.auth.as_auth()
    }

    /// Who the client is; `None` in namespaces that do not ask, see [`Namespace::accounts`].
    ///
    /// [`Namespace::accounts`]: crate::Namespace::accounts
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.info.account.as_ref()
    }

    /// Bytes that wait for this client: more than a few thousand mean that it reads slowly.
    pub fn queued_bytes(&self) -> usize {
        self.sessions.queued_bytes(self.info.session)
    }

    /// Packets that wait for this client. Past `limits.max_queue_packets`, or
    /// `limits.max_queue_bytes`, its session ends with the reason `slow consumer`.
    pub fn queued_packets(&self) -> usize {
        self.sessions.queued_packets(self.info.session)
    }

    /// True if this client can take nothing just now: its connection is full, or it is between
    /// two polls. What is sent waits; of volatile events the newest.
    pub fn is_blocked(&self) -> bool {
        self.sessions.is_blocked(self.info.session)
    }

    /// Volatile events to this client that a newer one has replaced so far.
    pub fn n_replaced(&self) -> u64 {
        self.sessions.n_replaced(self.info.session)
    }

    /// True if the client was away and has got this socket back, with its id, rooms and data, and
    /// has been sent what it had missed; false if it has to be told everything, and while it is
    /// being admitted: whether it may come back is known after that. See
    /// [`Namespace::recoverable`](super::Namespace::recoverable).
    pub fn recovered(&self) -> bool {
        self.info.is_recovered
    }

    /// Says whose socket this is, while it is being admitted: a client that comes back gets only
    /// what was of the same. What a token says, say.
    pub fn identify(&mut self, identity: impl Into<String>) {
        self.desk.wish(Input::Identify(self.socket, identity.into()));
    }

    /// Data of this socket, made at first use. A client that comes back finds it as it was, if it
    /// comes back to the same process, and no handler of admission has stored other data for it
    /// meanwhile, which counts then; see [`Namespace::recoverable`](super::Namespace::recoverable).
    ///
    /// # Panics
    /// If it was made as another type before.
    pub fn data<T: Default + Send + 'static>(&mut self) -> &mut T {
        let env = &self.desk.env;
        let make = || Foreign::new(Box::new(T::default()) as Data, env);
        let data = self.info.data.get_or_insert_with(make);
        data.downcast_mut().expect("a socket's data has one type")
    }

    /// Data of this socket; `None` if none was made, or as another type.
    pub fn data_ref<T: 'static>(&self) -> Option<&T> {
        self.info.data.as_ref()?.downcast_ref()
    }

    /// Sends an event to this socket.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn emit(&mut self, event: &str, args: impl EventArgs) {
        let own = self.own();
        self.aim(own).emit(event, args);
    }

    /// To this socket, or to the others that are told next: who cannot take it at once gets only
    /// the newest of this event.
    pub fn volatile(&mut self) -> Volatile<&mut Self> {
        let (own, others) = (self.own(), self.others());
        Volatile::new(self.aim(own), others)
    }

    /// Like [`Self::volatile`], but the newest under `key`, of whatever event.
    pub fn volatile_key(&mut self, key: u64) -> Volatile<&mut Self> {
        self.volatile().volatile_key(key)
    }

    /// To the sockets in these rooms, but not this one.
    pub fn to(&mut self, rooms: impl Rooms) -> Emit<&mut Self> {
        self.broadcast().to(rooms)
    }

    /// The same as [`Self::to`]: this socket is left out, as on Node. All in a room are reached by
    /// [`Self::everyone`]`().in_(room)`.
    pub fn in_(&mut self, rooms: impl Rooms) -> Emit<&mut Self> {
        self.to(rooms)
    }

    /// To all sockets of the namespace but this one and those in these rooms.
    pub fn except(&mut self, rooms: impl Rooms) -> Emit<&mut Self> {
        self.broadcast().except(rooms)
    }

    /// To the sockets of the namespace that are on this one's shard, but not this one.
    pub fn local(&mut self) -> Emit<&mut Self> {
        self.broadcast().local()
    }

    /// To all sockets of the namespace but this one.
    pub fn broadcast(&mut self) -> Emit<&mut Self> {
        let others = self.others();
        self.aim(others)
    }

    /// To all sockets of the namespace, this one included.
    pub fn everyone(&mut self) -> Emit<&mut Self> {
        self.aim(Target::default())
    }

    /// To all sockets of another namespace, or to those in rooms that are named next. The pattern
    /// or name of a parent means all its children.
    ///
    /// # Panics
    /// If it has no handlers.
    pub fn in_namespace(&mut self, name: &str) -> Emit<&mut Self> {
        let scope = Some(self.desk.env.handled(name));
        Emit::new(self, scope, Target::default())
    }

    /// To all sockets of this player's in `/lobby`, as [`Emitter::player`](crate::Emitter::player).
    ///
    /// # Panics
    /// If the server has no game, and so no lobbies.
    pub fn player(&mut self, id: &str) -> Emit<&mut Self> {
        self.in_namespace(api::lobby::NAMESPACE).to(&*player_room(id))
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
        self.ask_draft(draft(Draft::event(event), args), timeout, Box::new(then));
    }

    pub(super) fn ask_draft(&mut self, draft: Draft, timeout: Option<Duration>, then: OnAck) {
        self.desk.ask(self.socket, draft, timeout, then);
    }

    /// Answers the event that is being handled. Does nothing if its client wants no answer, or
    /// has one already.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn ack(&mut self, args: impl EventArgs) {
        if let Some(id) = self.ack.take() {
            let scope = self.info.scope();
            let frame = answer(self.desk.env.names.text(&scope), id, args);
            let to = Target::socket(self.socket);
            self.desk.wish(Input::Emit(scope, to, frame, Delivery::Reliable));
        }
    }

    /// Takes the right to answer the event that is being handled, to do it later; `None` if its
    /// client wants no answer.
    pub fn take_ack(&mut self) -> Option<Ack> {
        let id = self.ack.take()?;
        let (env, scope) = (Arc::clone(&self.desk.env), self.info.scope());
        Some(Ack { env, socket: self.socket, scope, id })
    }

    /// Starts an async function, which delays nothing of this socket's: what a handler cannot wait
    /// for, because it is sync, or because the socket goes. Its context is this socket's, and stays
    /// when that is gone; the right to answer stays here. A server that stops waits for its end,
    /// as for that of async handlers. A panic in it ends the socket.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// # #[derive(Default, Clone)]
    /// # struct Player;
    /// # async fn save(player: Player) {}
    /// server.namespace("/").on_disconnect(|cx, _| {
    ///     let player = std::mem::take(cx.data::<Player>());
    ///     // While a socket goes it is always taken.
    ///     cx.spawn(|_| save(player)).ok();
    /// });
    /// ```
    ///
    /// # Errors
    /// If 64 of the client's session run already, async handlers among them, or 65,536 of the
    /// server; not in [`on_disconnecting`] and [`on_disconnect`], where what is to be saved would
    /// be lost.
    ///
    /// [`on_disconnecting`]: crate::Namespace::on_disconnecting
    /// [`on_disconnect`]: crate::Namespace::on_disconnect
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        run: impl FnOnce(AsyncContext) -> F + Send + 'static,
    ) -> Result<(), Busy> {
        let SocketInfo { session, namespace, is_leaving, .. } = *self.info;
        if !is_leaving && self.desk.is_busy(session) {
            return Err(Busy);
        }
        let ack = self.ack.take();
        let cx = self.hand_over();
        self.ack = ack;
        let (socket, scope, env) = (self.socket, self.info.scope(), Arc::clone(&self.desk.env));
        let end = move |outcome: Result<(), String>| {
            // Here, because the shard may be no more.
            if let Err(words) = &outcome {
                env.report_panic(env.names.text(&scope), words);
            }
            Parcel::Spawned(socket, End { session, outcome })
        };
        self.desk.note_spawning(namespace);
        self.desk.spawn(session, move || -> Running<()> { Box::pin(run(cx)) }, end);
        Ok(())
    }

    /// Puts this socket into a room. A socket is in at most 1,024, and a name has at most 1,024
    /// bytes: a join beyond that is logged, and nothing else.
    pub fn join(&mut self, room: impl Into<String>) {
        self.desk.wish(Input::Join(self.socket, room.into()));
    }

    /// Takes this socket out of a room.
    pub fn leave(&mut self, room: impl Into<String>) {
        self.desk.wish(Input::Leave(self.socket, room.into()));
    }

    /// Looks up which rooms this socket is in, but for that of its own id, in the order of joining;
    /// `then` gets them.
    pub fn rooms(&mut self, then: impl FnOnce(&mut Context<'_>, Vec<String>) + Send + 'static) {
        let own = Target::socket(self.socket);
        self.aim(own).fetch_sockets(|cx, found| {
            then(cx, found.into_iter().flat_map(|own| own.rooms).collect());
        });
    }

    /// Disconnects this socket from its namespace; other namespaces of the client stay.
    pub fn disconnect(&mut self) {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        self.desk.wish(Input::Disconnect(self.socket, false, reason));
    }

    /// Disconnects the client from all namespaces and ends its session.
    pub fn disconnect_session(&mut self) {
        let reason = DisconnectReason::ServerNamespaceDisconnect;
        self.desk.wish(Input::Disconnect(self.socket, true, reason));
    }

    /// Stops the whole server, as [`Running::stop`](crate::Running::stop) does.
    pub fn close_server(&self) {
        self.desk.env.close_server();
    }

    /// Answers an event whose arguments its handler cannot take.
    pub(super) fn refuse_arguments(&mut self, error: &ArgsError) {
        self.desk.env.metrics.refused_arguments();
        self.ack((Reply::<()>::Refused(Refusal::new(code::BAD_REQUEST, error.to_string())),));
    }

    /// Answers an event that a middleware keeps from its handler.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.desk.env.metrics.refused_by_middleware();
        self.ack((Reply::<()>::Refused(refusal),));
    }

    /// The same for other threads; the right to answer goes along.
    pub(super) fn hand_over(&mut self) -> AsyncContext {
        let life = &mut self.info.rare.get_or_insert_default().life;
        let life = life.get_or_insert_with(|| watch::channel(()).0).subscribe();
        let of = Of {
            socket: self.socket,
            id: self.info.id,
            scope: self.info.scope(),
            family: self.info.namespace,
            handshake: self.info.handshake.clone(),
            auth: self.info.auth.clone(),
            account: self.info.account.clone(),
            life,
            ack: self.ack.take(),
            is_recovered: self.info.is_recovered,
        };
        AsyncContext::new(Arc::clone(&self.desk.env), of)
    }

    /// The socket; if it is going, the one that its client will have back, or has.
    fn own(&self) -> Target {
        let mut own = Target::socket(self.socket);
        if self.is_handed_on() {
            own.rooms.push(self.info.id.as_str().into());
        }
        own
    }

    /// All others; if the socket is going, also but the one that its client has back.
    fn others(&self) -> Target {
        let mut others = Target { except_socket: Some(self.socket), ..Target::default() };
        if self.is_handed_on() {
            others.except.push(self.info.id.as_str().into());
        }
        others
    }

    /// True if another may soon be this socket: its client has come back already, say.
    fn is_handed_on(&self) -> bool {
        let SocketInfo { is_leaving, namespace, .. } = &*self.info;
        self.info.kept().is_some() || *is_leaving && self.desk.env.names.is_recoverable(*namespace)
    }

    fn aim(&mut self, target: Target) -> Emit<&mut Self> {
        let scope = Some(self.info.scope());
        Emit::new(self, scope, target)
    }
}

/// So much of this client is still being done that no more may begin; see [`Context::spawn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much of this client is still being done")]
pub struct Busy;

/// The right to answer one event, once; whoever has it may be on any thread.
#[must_use = "the client waits for the answer"]
pub struct Ack {
    /// Of the socket's shard, where alone its key means anything.
    env: Arc<Env>,
    socket: SocketKey,
    scope: Scope,
    id: u64,
}

impl Ack {
    /// Sends the answer, from any handler of any socket: behind what that has sent by then, if
    /// both sockets are of one shard.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn send(self, context: &mut Context<'_>, args: impl EventArgs) {
        let frame = answer(self.env.names.text(&self.scope), self.id, args);
        if Arc::ptr_eq(&self.env, &context.desk.env) {
            context.desk.wish(self.input(frame));
        } else {
            self.post_frame(frame);
        }
    }

    /// Sends the answer from anywhere: another thread, or a function that no socket calls. Does
    /// nothing if the client, or the server, is gone.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn post(self, args: impl EventArgs) {
        let frame = answer(self.env.names.text(&self.scope), self.id, args);
        self.post_frame(frame);
    }

    fn post_frame(self, frame: Frame) {
        let env = Arc::clone(&self.env);
        // One for an event that was taken: not more than these can wait.
        env.mailbox.post(Parcel::Wish(self.input(frame)));
    }

    fn input(self, frame: Frame) -> Input<'static> {
        Input::Emit(self.scope, Target::socket(self.socket), frame, Delivery::Reliable)
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ack").field("socket", &self.socket).field("id", &self.id).finish()
    }
}

pub(super) fn answer(namespace: &str, id: u64, args: impl EventArgs) -> Frame {
    draft(Ok(Draft::ack()), args).into_ack(namespace, id).expect("at most 10 attachments")
}

pub(super) fn draft(draft: Result<Draft, EncodeError>, args: impl EventArgs) -> Draft {
    let mut draft = draft.expect("the event's name is not reserved");
    args.write(&mut draft).expect("every argument has a JSON form");
    draft
}

//! The handlers of one namespace, as they are being registered.
//! When they are called is `handlers`' part, with what is `context`'s and `asynchronous`'s.

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};

use parlor_core::effect::DisconnectReason;
use parlor_shared::{
    api::Refusal,
    socket_io::{Args, FromArgs, OwnedArgs, RESERVED_EVENTS},
};

use serde::Serialize;

use super::{
    Admission, AsyncContext, Auth, Context, Matching, OwnedAuth, ShardContext,
    dynamic::OnNewNamespace,
    listening::Listening,
    remote::{ShowData, show},
};
use crate::auth::AccountRule;

/// A handler that runs on the shard.
pub(super) type Now<A, T = ()> = Arc<dyn Fn(&mut Context<'_>, A) -> T + Send + Sync>;
/// An async handler, which runs elsewhere.
pub(super) type Later<A, T = ()> = Arc<dyn Fn(AsyncContext, A) -> Running<T> + Send + Sync>;
/// One that runs.
pub(crate) type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type NowAdmit = dyn Fn(&mut Context<'_>, Auth<'_>) -> Admission + Send + Sync;
type NowEvent = dyn Fn(&mut Context<'_>, Args<'_>) + Send + Sync;
type NowMiddleware = dyn Fn(&mut Context<'_>, &Args<'_>) -> Result<(), Refusal> + Send + Sync;
type Listener = dyn Fn(&mut Context<'_>, &Args<'_>) + Send + Sync;

#[derive(Clone)]
pub(super) enum OnAdmit {
    Now(Arc<NowAdmit>),
    Later(Later<OwnedAuth, Admission>),
}

/// The handlers of one event: those that run on the shard are called first.
#[derive(Clone, Default)]
pub(super) struct OnEvent {
    pub(super) now: Option<Arc<NowEvent>>,
    pub(super) later: Option<Later<OwnedArgs>>,
}

impl OnEvent {
    fn add_now(&mut self, next: impl Fn(&mut Context<'_>, Args<'_>) + Send + Sync + 'static) {
        self.now = Some(match self.now.take() {
            None => Arc::new(next),
            // Composed, so that one alone costs a call and no list.
            Some(first) => Arc::new(move |cx, args| {
                first(cx, args);
                next(cx, args);
            }),
        });
    }

    fn add_later(&mut self, next: Later<OwnedArgs>) {
        add_later(&mut self.later, next);
    }
}

/// One after the other, so that a socket has one handler at work.
fn add_later<A: Clone + Send + 'static>(all: &mut Option<Later<A>>, next: Later<A>) {
    *all = Some(match all.take() {
        None => next,
        Some(first) => Arc::new(move |cx, args| {
            let (running, next) = (first(cx.clone(), args.clone()), Arc::clone(&next));
            Box::pin(async move {
                running.await;
                next(cx, args).await;
            })
        }),
    });
}

/// # Panics
/// If events of this name never come.
fn assert_comes(event: &str) {
    let instead = match event {
        "connect" | "connection" => "`on_connect` is called for each socket",
        "disconnect" => "`on_disconnect` is called when a socket is gone",
        "disconnecting" => "`on_disconnecting` is called when a socket is going",
        _ if RESERVED_EVENTS.contains(&event) => "no client can send it",
        _ => return,
    };
    panic!("`{event}` is a reserved event name: {instead}");
}

#[derive(Clone)]
pub(super) enum Middleware {
    Now(Arc<NowMiddleware>),
    Later(Later<OwnedArgs, Result<(), Refusal>>),
}

/// The handlers of one namespace.
///
/// Those that take a [`Context`] run on the thread that owns the socket, for a few microseconds:
/// they must not block. Those that take an [`AsyncContext`] run on a few threads of their own
/// (`handlers.threads`) and may await whatever they like; what blocks belongs into
/// `tokio::task::spawn_blocking`, because there it would hold up other sockets' async handlers.
/// Either way the events of one socket are handled in their order, one after the other; answers
/// to `ask`, pings and disconnects overtake them. Events that still wait when their socket goes are
/// dropped: no handler is called for them, also if the socket can be had back. A client that has
/// to know asks for an acknowledgement.
///
/// Handlers add up: of several for the same, all are called, in the order in which they were
/// registered, those that take a [`Context`] before those that take an [`AsyncContext`]; of the
/// latter each begins when the one before has ended. One that panics keeps the rest from being
/// called. The right to answer an event is the first one's to use. The exceptions are rules, of
/// which the last counts: [`Self::accounts`] and [`Self::show_data`].
///
/// An async handler runs to its end even if its socket is gone. A session of which 64 run gets no
/// more sockets in namespaces that have any; [`AsyncContext::disconnected`] helps to end early.
#[derive(Clone, Default)]
pub struct Namespace {
    pub(super) admit: Vec<OnAdmit>,
    pub(super) any: Vec<Arc<Listener>>,
    pub(super) middleware: Vec<Middleware>,
    pub(super) connect: Vec<Now<()>>,
    pub(super) connect_later: Option<Later<()>>,
    events: BTreeMap<String, OnEvent>,
    fallback: Option<OnEvent>,
    pub(super) disconnect: Vec<Now<DisconnectReason>>,
    pub(super) disconnect_later: Option<Later<DisconnectReason>>,
    has_async: bool,
    pub(crate) is_recoverable: bool,
    /// Which namespaces are its children; `None`: it is one itself.
    pub(super) matching: Option<Matching>,
    pub(super) new_namespace: Vec<OnNewNamespace>,
    pub(super) show_data: Option<ShowData>,
    pub(super) listening: Listening,
    pub(super) accounts: AccountRule,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("events", &self.events.keys()).finish_non_exhaustive()
    }
}

impl Namespace {
    /// Which accounts this namespace asks for; none unless this is said. Clients send their token
    /// as `token` of their `auth`; one that is not accepted is refused with the code `E_AUTH`.
    /// Your own tokens are JWTs that one of the keys in `auth.keys` has signed. They need the
    /// claims `sub`, the account's name of 1 to 256 bytes, and `exp`, when they end; what is wrong
    /// with one that is well signed, the message of the refusal says. Handlers see the account in
    /// [`Context::account`].
    ///
    /// The event `auth:renew`, by which clients bring their next token, is then the server's: it
    /// overtakes whatever waits, and neither handlers nor listeners nor middleware see it. A client
    /// that brings eight in vain, one after the other, is disconnected (`token refused`); one may
    /// bring them as often as its account may connect.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// use parlor_server::AccountRule;
    ///
    /// server.namespace("/scores").accounts(AccountRule::Required).on("mine", |cx, _| {
    ///     let name = cx.account().map(|account| account.id().to_owned());
    ///     cx.ack((name,));
    /// });
    /// ```
    pub fn accounts(&mut self, rule: AccountRule) -> &mut Self {
        self.accounts = rule;
        self
    }

    /// Decides whether a socket may join: called with what the client sent as `auth`. Without it
    /// everybody may. Of more than one, all are asked in order, and the first refusal counts.
    ///
    /// Events that the client sends meanwhile wait for the answer.
    pub fn admit(
        &mut self,
        handler: impl Fn(&mut Context<'_>, Auth<'_>) -> Admission + Send + Sync + 'static,
    ) -> &mut Self {
        self.admit.push(OnAdmit::Now(Arc::new(handler)));
        self
    }

    /// Like [`Self::admit`], by a handler that may wait: up to `engine.connect_timeout_ms`, unless
    /// its client is in another namespace already.
    pub fn admit_async<F: Future<Output = Admission> + Send + 'static>(
        &mut self,
        handler: impl Fn(AsyncContext, OwnedAuth) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let later = self.later(handler);
        self.admit.push(OnAdmit::Later(later));
        self
    }

    /// Called before each event's handler, in order. A refusal keeps the event from it: the client
    /// gets it as its acknowledgement, `{ok: false, code, message}`, if it wants one.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// use parlor_server::Refusal;
    ///
    /// server.namespace("/").middleware(|cx, args| match args.name().as_ref() {
    ///     "admin" if cx.handshake().is_none_or(|by| !by.address.is_loopback()) => {
    ///         Err(Refusal::new("E_FORBIDDEN", "only from this machine"))
    ///     }
    ///     _ => Ok(()),
    /// });
    /// ```
    pub fn middleware<F>(&mut self, middleware: F) -> &mut Self
    where
        F: Fn(&mut Context<'_>, &Args<'_>) -> Result<(), Refusal> + Send + Sync + 'static,
    {
        self.middleware.push(Middleware::Now(Arc::new(middleware)));
        self
    }

    /// Like [`Self::middleware`], by a function that may wait, as events of the same socket do
    /// meanwhile. The right to answer is the handler's: here the context has none. If the socket
    /// goes meanwhile, neither this event nor those behind it get to their handlers.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// # async fn may(id: parlor_server::SocketId, event: &str) -> bool { true }
    /// use parlor_server::Refusal;
    ///
    /// server.namespace("/").middleware_async(|cx, args| async move {
    ///     match may(cx.id(), &args.name()).await {
    ///         true => Ok(()),
    ///         false => Err(Refusal::new("E_FORBIDDEN", "you may not do that")),
    ///     }
    /// });
    /// ```
    pub fn middleware_async<F: Future<Output = Result<(), Refusal>> + Send + 'static>(
        &mut self,
        middleware: impl Fn(AsyncContext, OwnedArgs) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let later = self.later(middleware);
        self.middleware.push(Middleware::Later(later));
        self
    }

    /// Called with every event, whether it has a handler or not, before middleware and handler; of
    /// several, all are, in order. [`Args::name`] tells its name.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.namespace("/").on_any(|cx, args| {
    ///     println!("{} says {}", cx.id(), args.array());
    /// });
    /// ```
    pub fn on_any(
        &mut self,
        listener: impl Fn(&mut Context<'_>, &Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.any.push(Arc::new(listener));
        self
    }

    /// Called for each socket, right after its client was told that it is connected.
    pub fn on_connect(
        &mut self,
        handler: impl Fn(&mut Context<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.connect.push(Arc::new(move |cx, ()| handler(cx)));
        self
    }

    /// Called for each socket, after [`Self::on_connect`]; its events wait meanwhile.
    pub fn on_connect_async<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        handler: impl Fn(AsyncContext) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let later = self.later(move |cx, ()| handler(cx));
        add_later(&mut self.connect_later, later);
        self
    }

    /// Called for each event of this name; of several handlers, all are.
    ///
    /// # Panics
    /// If the name is reserved: `disconnect` and its like are no events here, but have methods of
    /// their own. A client's `connection`, which is one, gets to [`Self::on_fallback`].
    pub fn on(
        &mut self,
        event: &str,
        handler: impl Fn(&mut Context<'_>, Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.event_mut(event).add_now(handler);
        self
    }

    /// Like [`Self::on`], with the arguments read as a tuple. If they cannot be, the handler is
    /// not called, and the acknowledgement is `{ok: false, code: "E_BAD_REQUEST", message}`.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.namespace("/").on_typed("say", |cx, (room, text): (String, String)| {
    ///     cx.to(room).emit("said", (text,));
    /// });
    /// ```
    pub fn on_typed<T: FromArgs>(
        &mut self,
        event: &str,
        handler: impl Fn(&mut Context<'_>, T) + Send + Sync + 'static,
    ) -> &mut Self {
        self.on(event, move |cx, args| match T::from_args(&args) {
            Ok(args) => handler(cx, args),
            Err(error) => cx.refuse_arguments(&error),
        })
    }

    /// Called for each event of this name, by a handler that may wait. Further events of the same
    /// socket wait behind it: up to 1024 and 1 MiB, then the session ends. If the socket goes, the
    /// handler runs to its end, and what waits behind it is dropped.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// # async fn look_up(name: &str) -> u32 { 0 }
    /// server.namespace("/").on_async("score", |cx, args| async move {
    ///     let name: String = args.get(0).unwrap_or_default();
    ///     let score = look_up(&name).await;
    ///     cx.ack((score,)).await;
    /// });
    /// ```
    pub fn on_async<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        event: &str,
        handler: impl Fn(AsyncContext, OwnedArgs) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let later = self.later(handler);
        self.event_mut(event).add_later(later);
        self
    }

    /// [`Self::on_async`] with arguments as in [`Self::on_typed`].
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// # async fn look_up(name: &str) -> u32 { 0 }
    /// server.namespace("/").on_async_typed("score", |cx, (name,): (String,)| async move {
    ///     cx.ack((look_up(&name).await,)).await;
    /// });
    /// ```
    pub fn on_async_typed<T: FromArgs, F: Future<Output = ()> + Send + 'static>(
        &mut self,
        event: &str,
        handler: impl Fn(AsyncContext, T) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        self.on_async(event, move |cx, args| {
            // Reading costs the handlers' threads, not the shard.
            let read = T::from_args(&args.as_args()).map(|args| handler(cx.clone(), args));
            async move {
                match read {
                    Ok(running) => running.await,
                    Err(error) => cx.refuse_arguments(&error).await,
                }
            }
        })
    }

    /// Called for each event that has no handler of its own; [`Args::name`] tells its name.
    pub fn on_fallback(
        &mut self,
        handler: impl Fn(&mut Context<'_>, Args<'_>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.fallback.get_or_insert_default().add_now(handler);
        self
    }

    /// Like [`Self::on_fallback`], by a handler that may wait, as that of [`Self::on_async`].
    pub fn on_fallback_async<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        handler: impl Fn(AsyncContext, OwnedArgs) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let later = self.later(handler);
        self.fallback.get_or_insert_default().add_later(later);
        self
    }

    /// Called when a socket is gone. Its client gets nothing that is emitted to it from here on;
    /// but where sockets can be had back, and this one was not left on purpose, that is kept with
    /// what else it misses, and the client has it when it comes back.
    pub fn on_disconnect(
        &mut self,
        handler: impl Fn(&mut Context<'_>, DisconnectReason) + Send + Sync + 'static,
    ) -> &mut Self {
        self.disconnect.push(Arc::new(handler));
        self
    }

    /// Called when a socket is gone, after [`Self::on_disconnect`], even while another handler of
    /// the socket still runs. A server that stops waits for it. The socket's data are gone by then:
    /// [`Context::spawn`] starts what needs them.
    pub fn on_disconnect_async<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        handler: impl Fn(AsyncContext, DisconnectReason) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        let later = self.later(handler);
        add_later(&mut self.disconnect_later, later);
        self
    }

    /// Lets clients that lose their connection come back to what they had, for
    /// `recovery.window_ms`: the socket's id, rooms and data, and whatever reliable event it was
    /// sent meanwhile, once and in order. [`Context::recovered`] tells handlers; if it is false,
    /// the client starts anew. Whether it may connect is asked again in any case.
    ///
    /// Data stays in the process: a client that comes back to another node has its rooms and
    /// events, and no data. If a handler of admission has stored data for the new connection, that
    /// counts, and what was kept is dropped; otherwise what was kept is there again, from
    /// [`Self::on_connect`] on.
    ///
    /// Stock JavaScript clients do their part from 4.6 on. For them each event carries its offset
    /// as one more argument, behind all others (or a `null`, behind the last argument of a volatile
    /// one that is a string), which handlers of any client get to see.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.namespace("/").recoverable().on_connect(|cx| {
    ///     if !cx.recovered() {
    ///         cx.join("news");
    ///         cx.emit("snapshot", ("everything",));
    ///     }
    /// });
    /// ```
    pub fn recoverable(&mut self) -> &mut Self {
        self.is_recoverable = true;
        self
    }

    /// Shows the data of its sockets, if it is a `T`, to those who find them by `fetch_sockets`.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// #[derive(Default, serde::Serialize, serde::Deserialize)]
    /// struct Player {
    ///     name: String,
    /// }
    ///
    /// server
    ///     .namespace("/")
    ///     .show_data::<Player>()
    ///     .on_typed("name", |cx, (name,): (String,)| cx.data::<Player>().name = name)
    ///     .on_async("who", |cx, _| async move {
    ///         let Ok(sockets) = cx.everyone().fetch_sockets().await else { return };
    ///         let names = sockets.iter().filter_map(|socket| socket.data::<Player>()?.ok());
    ///         let names: Vec<String> = names.map(|player| player.name).collect();
    ///         cx.ack((names,)).await;
    ///     });
    /// ```
    pub fn show_data<T: Default + Serialize + Send + 'static>(&mut self) -> &mut Self {
        self.show_data = Some(show::<T>());
        self
    }

    /// Of a parent: called when a client names a child that has no other socket on this shard:
    /// that is how it begins there, before that socket is admitted. Each of several shards calls it
    /// for itself.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// server.namespace("/admin");
    /// server.namespaces_matching(r"^/game-\d+$").on_new_namespace(|cx, name| {
    ///     cx.namespace("/admin").emit("new-namespace", (name,));
    /// });
    /// ```
    pub fn on_new_namespace(
        &mut self,
        handler: impl Fn(&mut ShardContext<'_>, &str) + Send + Sync + 'static,
    ) -> &mut Self {
        self.new_namespace.push(Arc::new(handler));
        self
    }

    /// The handlers of those children.
    pub(crate) fn parent_of(matching: Matching) -> Self {
        Self { matching: Some(matching), ..Self::default() }
    }

    /// True if registering the two under one name adds to one: two of a name, or of a pattern. Of
    /// two predicates under one label, one would never be asked.
    pub(crate) fn adds_up_with(&self, other: &Self) -> bool {
        matches!(
            (&self.matching, &other.matching),
            (None, None) | (Some(Matching::Pattern(_)), Some(Matching::Pattern(_)))
        )
    }

    /// What its children are called, if it is a parent.
    pub(crate) fn matching(&self) -> Option<&Matching> {
        self.matching.as_ref()
    }

    /// True if a runtime for async handlers is needed.
    pub(crate) fn has_async(&self) -> bool {
        self.has_async
    }

    /// The handler of an event, or the one for all that have none.
    pub(super) fn event(&self, name: &str) -> Option<&OnEvent> {
        self.events.get(name).or(self.fallback.as_ref())
    }

    fn event_mut(&mut self, name: &str) -> &mut OnEvent {
        assert_comes(name);
        self.events.entry(name.to_owned()).or_default()
    }

    fn later<A, T, F: Future<Output = T> + Send + 'static>(
        &mut self,
        handler: impl Fn(AsyncContext, A) -> F + Send + Sync + 'static,
    ) -> Later<A, T> {
        self.has_async = true;
        Arc::new(move |cx, args| Box::pin(handler(cx, args)))
    }
}

//! A multiplayer game session server that speaks Socket.IO, as a library: register namespaces and
//! games on a [`Server`], and start it. Stock Socket.IO clients connect unchanged.
//!
//! What is decided lives in `parlor-core`; here are sockets, clocks, threads and files.
//!
//! Who knows Socket.IO on Node finds each of its verbs in the [`guide`], with an example that runs:
//!
//! | on Node | here |
//! |---|---|
//! | `socket.on`, `emit`, callbacks, `timeout` | [events and acknowledgements][events] |
//! | `io.of`, dynamic namespaces | [namespaces][of] |
//! | `io.use`, `socket.use`, `onAny` | [middleware][use] |
//! | `join`, `to`, `except`, `broadcast`, `volatile`, `local` | [rooms, and who hears what][to] |
//! | `fetchSockets`, `socketsJoin`, acks of many, `socket.data` | [many sockets at once][many] |
//! | `connection`, `handshake`, `disconnecting`, `disconnect` | [first word to last][life] |
//! | `connectionStateRecovery`, `recovered` | [clients that come back][back] |
//! | `conn.transport.writable` | [clients that read slowly][slow] |
//! | `serverSideEmit`, adapters | [between servers][servers] |
//! | what there is not | [the rest][rest] |
//!
//! What a game may have beyond its rules, such as bots, is in [`guide::games`].
//!
//! [events]: guide#events-and-acknowledgements
//! [of]: guide#namespaces
//! [use]: guide#middleware
//! [to]: guide#rooms-and-who-hears-what
//! [many]: guide#many-sockets-at-once
//! [life]: guide#from-the-first-word-to-the-last
//! [back]: guide#clients-that-come-back
//! [slow]: guide#clients-that-read-slowly
//! [servers]: guide#between-servers
//! [rest]: guide#what-there-is-not
//!
//! # A namespace
//!
//! Handlers run on the thread that owns the socket and must not block. Arguments stay raw JSON
//! until a type is asked for.
//!
//! ```
//! use parlor_server::{ConnectError, Server};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Token {
//!     token: Option<String>,
//! }
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/chat")
//!     .admit(|_, auth| match auth.get::<Token>() {
//!         Ok(Token { token: Some(token) }) if token == "secret" => Ok(()),
//!         _ => Err(ConnectError::new("Unauthorized")),
//!     })
//!     .on("join", |cx, args| match args.get::<String>(0) {
//!         Ok(room) => {
//!             cx.join(room);
//!             cx.ack(("ok",));
//!         }
//!         Err(error) => cx.ack((error.to_string(),)),
//!     })
//!     .on("say", |cx, args| {
//!         let from = cx.id();
//!         if let (Ok(room), Ok(text)) = (args.get::<String>(0), args.get::<String>(1)) {
//!             cx.to(room).emit("said", (from, text));
//!         }
//!     });
//! let running = server.start("127.0.0.1:0")?;
//! println!("listening on {}", running.address());
//! running.stop();
//! running.wait()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Accounts
//!
//! A namespace may ask who its clients are: they send a token as `token` of their `auth`, which is
//! a guest's, made by this server, or one of the operator's own, by the keys in `auth.keys`. The
//! limits of `limits.…` hold with or without.
//!
//! ```
//! use parlor_server::{AccountRule, Revoked, Server};
//!
//! let mut server = Server::default();
//! server.allow_request(|request| match request.headers.get("user-agent") {
//!     Some(agent) if agent == "a bot" => Err("no bots".to_owned()),
//!     _ => Ok(()),
//! });
//! server.namespace("/chat").accounts(AccountRule::Guests).on("say", |cx, args| {
//!     let from = cx.account().map(|account| account.id().to_owned());
//!     if let Ok(text) = args.get::<String>(0) {
//!         cx.everyone().emit("said", (from, text));
//!     }
//! });
//! let running = server.start("127.0.0.1:0")?;
//! running.revoke(&Revoked::Account("eve".to_owned()))?;
//! # running.stop();
//! # running.wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Handlers that wait, periods, other threads
//!
//! Async handlers run on threads of their own. While one runs, further events of its socket wait;
//! everything else goes on. Functions called once per period, and emitters, have no socket.
//!
//! ```
//! use std::time::Duration;
//!
//! use parlor_server::Server;
//!
//! async fn look_up(name: &str) -> usize {
//!     name.len()
//! }
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .on_typed("move", |cx, (x, y): (f32, f32)| {
//!         let id = cx.id();
//!         cx.to("arena").volatile().emit("moved", (id, x, y));
//!     })
//!     .on_async_typed("score", |cx, (name,): (String,)| async move {
//!         cx.ack((look_up(&name).await,)).await;
//!     });
//! server.every(Duration::from_millis(50), |cx| {
//!     let due_ms = cx.due().as_millis() as u64;
//!     cx.namespace("/").to("arena").volatile().emit("tick", (due_ms,));
//! });
//! let running = server.start("127.0.0.1:0")?;
//! let emitter = running.emitter();
//! std::thread::spawn(move || emitter.namespace("/").emit("headline", ("news",)));
//! # running.stop();
//! # running.wait()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A game
//!
//! A game is a handful of pure functions; lobbies, seats, reconnection and views come with it.
//!
//! ```
//! use parlor_server::Server;
//! use parlor_server::game::{Cx, Game, Outcome, Reject, Seat, Viewer};
//!
//! /// Two players take one to three matches in turn; who takes the last one loses.
//! struct Nim;
//!
//! impl Game for Nim {
//!     type Config = ();
//!     type State = (u8, Vec<Seat>); // matches left, and whose turn: the first
//!     type Action = u8;
//!     type View = u8;
//!     type Event = ();
//!     const SEATS: std::ops::RangeInclusive<u8> = 2..=2;
//!
//!     fn setup(_: &(), cx: &mut Cx<'_, Self>) -> Self::State {
//!         (21, cx.seats().to_vec())
//!     }
//!     fn apply(state: &mut Self::State, seat: Seat, take: u8, _: &mut Cx<'_, Self>)
//!         -> Result<(), Reject> {
//!         if state.1[0] != seat {
//!             return Err(Reject::new("E_TURN", "it is not your turn"));
//!         }
//!         if !(1..=3).contains(&take) || take > state.0 {
//!             return Err(Reject::new("E_TAKE", "take one to three of what is left"));
//!         }
//!         state.0 -= take;
//!         state.1.reverse();
//!         Ok(())
//!     }
//!     fn view(state: &Self::State, _: Viewer) -> u8 {
//!         state.0
//!     }
//!     fn outcome(state: &Self::State) -> Option<Outcome> {
//!         (state.0 == 0).then(|| Outcome::new(vec![state.1[0]], "last_match"))
//!     }
//! }
//!
//! let mut server = Server::default();
//! server.game::<Nim>("nim");
//! # let running = server.start("127.0.0.1:0")?;
//! # running.stop();
//! # running.wait()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! With `const PACE: Pace = Pace::Hz(20)` a match ticks: actions wait for the next
//! [`tick`](game::Game::tick), and [`CATCH_UP`](game::Game::CATCH_UP) says what becomes of late
//! ones. A game that hides nothing says so in [`VIEWS`](game::Game::VIEWS), and each state is
//! encoded once for all.

mod acceptor;
mod address;
mod allow;
mod auth;
mod chance;
mod clock;
pub mod cluster;
pub mod config;
mod cors;
mod engine_app;
pub mod guide;
mod handlers;
mod http;
mod ice;
mod limits;
mod mailbox;
mod metrics;
mod patience;
mod plan;
mod server;
mod shard;
mod site;
mod ticket_trace;
mod transport;

pub use allow::HandshakeRequest;
pub use auth::{Account, AccountRule, Revoked};
pub use config::Config;
pub use engine_app::{EngineContext, EngineMessage};
pub use handlers::{
    Ack, Admission, Answer, AsyncContext, Auth, Busy, ConnectError, Context, Emit, EmitError,
    Emitter, Gone, Handshake, Headers, Namespace, OwnedAuth, Pending, RemoteHandshake,
    RemoteSocket, Replies, Rooms, ServerAck, ServerAnswer, ShardContext, Timer, Volatile,
};
#[doc(hidden)]
pub use http::doors;
pub use parlor_core::{
    close::CloseReason,
    effect::{AckError, DisconnectReason},
    engine_io::Transport,
    lobby::{HostMigration, SecondTab, game},
    matchmaker::queue,
    time::Time,
};
pub use parlor_shared::{
    api::Refusal,
    id::SocketId,
    socket_io::{Args, ArgsError, Binary, EncodeError, EventArgs, Forward, FromArgs, OwnedArgs},
};
pub use server::{Running, Server};

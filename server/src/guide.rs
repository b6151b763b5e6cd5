//! Each verb of Socket.IO's server, and how it is said here. All examples run.
//!
//! A server is put together as a value, [`Server`]: namespaces are registered on it with their
//! handlers, and then it is started. Handlers get a context: a socket, and whatever may be done
//! with it or with others. There are four kinds, with the same verbs as far as they make sense:
//!
//! | where | with what | runs |
//! |---|---|---|
//! | handlers of a namespace | [`Context`] | on the shard that owns the socket; must not block |
//! | async handlers | [`AsyncContext`] | on threads of their own; may wait |
//! | `every`, server-side events | [`ShardContext`] | on a shard, for no socket |
//! | any thread | [`Emitter`] | wherever you are |
//!
//! What a sync handler wants is noted, and carried out in order when it has returned. An async
//! handler delays the events of its own socket and nothing else; it may await whatever it likes,
//! but what blocks belongs into `tokio::task::spawn_blocking`. [`spawn`] starts something async
//! from a sync handler, and delays nothing.
//!
//! Handlers add up, as listeners do on Node: of several for one event, for connections, ends or
//! rooms, all are called in the order in which they were registered, sync ones before async ones.
//!
//! # Events and acknowledgements
//!
//! `socket.on(event, …)` is [`on`]; [`on_typed`] reads the arguments, [`on_async`] may wait.
//! `socket.emit(event, …)` is [`emit`]: its arguments are a tuple. `callback(…)` is [`ack`], or
//! [`take_ack`] to answer later. `socket.timeout(ms).emit(event, …, callback)` is [`ask`].
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! use parlor_server::Server;
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .on_typed("add", |cx, (a, b): (i64, i64)| cx.ack((a + b,)))
//!     .on_async_typed("slow add", |cx, (a, b): (i64, i64)| async move {
//!         // … something that takes its time …
//!         cx.ack((a + b,)).await;
//!     })
//!     .on("guess", |cx, _| {
//!         let ack = cx.take_ack();
//!         let timeout = Some(Duration::from_secs(5));
//!         cx.ask("think of a number", (), timeout, |cx, answer| {
//!             let number: Option<u32> = answer.ok().and_then(|args| args.get(0).ok());
//!             if let Some(ack) = ack {
//!                 ack.send(cx, (number,));
//!             }
//!         });
//!     });
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut client = join(&server, "/")?;
//! let sum: i64 = client.emit_with_ack("/", "add", (1, 2), SOON)?.args().get(0)?;
//! assert_eq!(sum, 3);
//! let sum: i64 = client.emit_with_ack("/", "slow add", (3, 4), SOON)?.args().get(0)?;
//! assert_eq!(sum, 7);
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Namespaces
//!
//! `io.of("/chat")` is [`namespace`]; `/` too is there only if it is named.
//! `io.of(/^\/game-\d+$/)` is [`namespaces_matching`], and `io.of((name, auth, next) => …)` is
//! [`namespaces_where`]: such namespaces begin when a client names them, share the handlers, and go
//! with their last socket. Handlers learn the name by [`cx.namespace()`], others reach one by its
//! name, and all by the pattern.
//! `io.on("new_namespace", …)` is [`on_new_namespace`].
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! # fn hear(client: &mut Connection) -> Result<String, Box<dyn Error>> {
//! #     loop {
//! #         match client.next_event(Some(Instant::now() + SOON))? {
//! #             Some(Event::Pushed(pushed)) => return Ok(pushed.args().array().to_owned()),
//! #             Some(_) => {}
//! #             None => return Err("nothing came".into()),
//! #         }
//! #     }
//! # }
//! use parlor_server::Server;
//!
//! let mut server = Server::default();
//! server.namespaces_matching(r"^/game-\d+$").on("where am I?", |cx, _| {
//!     let name = cx.namespace().to_owned();
//!     cx.ack((name,));
//! });
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut client = join(&server, "/game-7")?;
//! let answer = client.emit_with_ack("/game-7", "where am I?", (), SOON)?;
//! assert_eq!(answer.args().get::<String>(0)?, "/game-7");
//!
//! server.emitter().namespace("/game-7").emit("to those in 7", (1,))?;
//! assert_eq!(hear(&mut client)?, r#"["to those in 7",1]"#);
//! server.emitter().namespace(r"^/game-\d+$").emit("to those in any", (2,))?;
//! assert_eq!(hear(&mut client)?, r#"["to those in any",2]"#);
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Middleware
//!
//! `io.use(…)` is [`admit`], or [`admit_async`]: it sees the handshake and what the client sent as
//! `auth`, and refuses with a [`ConnectError`], which is the client's `connect_error`.
//! `socket.use(…)` is [`middleware`], or [`middleware_async`]: what it refuses never gets to the
//! handler, and the client's acknowledgement says why. `socket.onAny` is [`on_any`],
//! `socket.onAnyOutgoing` is [`on_any_outgoing`], and [`on_fallback`] handles events that have no
//! handler.
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! use parlor_server::{ConnectError, Refusal, Server};
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .admit(|cx, _| match cx.handshake() {
//!         Some(by) if by.address.is_loopback() => Ok(()),
//!         _ => Err(ConnectError::new("only from this machine")),
//!     })
//!     .on_any(|cx, args| println!("{} says {}", cx.id(), args.name()))
//!     .middleware(|_, args| match args.get::<String>(0).as_deref() {
//!         Ok("please") => Ok(()),
//!         _ => Err(Refusal::new("E_POLITE", "say please")),
//!     })
//!     .on("tea", |cx, _| cx.ack(("here you are",)))
//!     .on_fallback(|cx, args| cx.ack((format!("what is {}?", args.name()),)));
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut client = join(&server, "/")?;
//! let mut say = |event: &str, word: &str| -> Result<String, Box<dyn Error>> {
//!     let answer = client.emit_with_ack("/", event, (word,), SOON)?;
//!     Ok(answer.args().array().to_owned())
//! };
//! assert_eq!(say("tea", "please")?, r#"["here you are"]"#);
//! assert_eq!(say("rum", "please")?, r#"["what is rum?"]"#);
//! let refused = r#"[{"ok":false,"code":"E_POLITE","message":"say please"}]"#;
//! assert_eq!(say("tea", "now")?, refused);
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Rooms, and who hears what
//!
//! `socket.join(room)` and `leave` are [`join`] and [`leave`]. Whom an event goes to is told
//! first, and then it is emitted:
//!
//! | Socket.IO | here | who |
//! |---|---|---|
//! | `socket.emit` | `cx.emit(…)` | this socket |
//! | `socket.broadcast.emit` | `cx.broadcast().emit(…)` | all others of the namespace |
//! | `socket.to(room)`, `in(room)` | `cx.to(room)`, `cx.in_(room)` | others in any of the rooms |
//! | `socket.except(room)` | `cx.except(room)` | others, but those in the room |
//! | `io.emit` | `cx.everyone().emit(…)` | all of the namespace |
//! | `io.to(a).except(b)` | `cx.everyone().to(a).except(b)` | all in a room, but those in another |
//! | `io.of(name).emit` | `cx.in_namespace(name).emit(…)` | all of another namespace |
//! | `….volatile.emit` | `….volatile().emit(…)` | if a client cannot take it now, the newest |
//! | `….local.emit` | `….local().emit(…)` | sockets of this shard |
//!
//! A room is a name, or several in an array, slice or `Vec`; the id of a socket is a room with
//! that socket in it. Who is meant twice gets it once. What asks for answers is never volatile:
//! `volatile()` before `ask` means nothing. The order of modifiers means nothing, as on
//! Node: `cx.volatile().to(room)` is `cx.to(room).volatile()`. Threads of your own have an
//! [`Emitter`], functions called once per period a [`ShardContext`].
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! # fn hear(client: &mut Connection) -> Result<String, Box<dyn Error>> {
//! #     loop {
//! #         match client.next_event(Some(Instant::now() + SOON))? {
//! #             Some(Event::Pushed(pushed)) => return Ok(pushed.args().array().to_owned()),
//! #             Some(_) => {}
//! #             None => return Err("nothing came".into()),
//! #         }
//! #     }
//! # }
//! use parlor_server::Server;
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .on_typed("join", |cx, (room,): (String,)| {
//!         cx.join(room);
//!         cx.ack(());
//!     })
//!     .on_typed("say", |cx, (room, text): (String, String)| {
//!         let from = cx.id();
//!         cx.to(room).except("deaf").emit("said", (from, text));
//!         cx.ack(());
//!     });
//! let server = server.start("127.0.0.1:0")?;
//!
//! let [mut ann, mut bob] = [join(&server, "/")?, join(&server, "/")?];
//! bob.emit_with_ack("/", "join", ("lounge",), SOON)?;
//! ann.emit_with_ack("/", "say", ("lounge", "hello"), SOON)?;
//! assert!(hear(&mut bob)?.ends_with(r#","hello"]"#));
//! server.emitter().namespace("/").to(["lounge", "garden"]).volatile().emit("tick", (1,))?;
//! assert_eq!(hear(&mut bob)?, r#"["tick",1]"#);
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Many sockets at once
//!
//! `fetchSockets`, `socketsJoin`, `socketsLeave` and `disconnectSockets` are [`fetch_sockets`],
//! `sockets_join`, `sockets_leave` and `disconnect_sockets` of whatever was told as above; they
//! reach sockets of all shards and nodes. So does `ask`, `io.timeout(ms).emit(event, callback)`:
//! it gives each socket's answer or why there is none, and what has come when the time is up; a
//! shard that says nothing is counted in [`n_silent_shards`]. A socket's own [`data`] is typed,
//! and others see it if the namespace says [`show_data`].
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! use parlor_server::{RemoteSocket, Server};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Player {
//!     name: String,
//! }
//!
//! let mut server = Server::default();
//! server.namespace("/").show_data::<Player>().on_typed("name", |cx, (name,): (String,)| {
//!     cx.data::<Player>().name = name;
//!     cx.ack(());
//! });
//! let server = server.start("127.0.0.1:0")?;
//! let emitter = server.emitter();
//!
//! let mut client = join(&server, "/")?;
//! client.emit_with_ack("/", "name", ("Ada",), SOON)?;
//! let found = emitter.namespace("/").fetch_sockets()?.wait()?;
//! let name = |socket: &RemoteSocket| Some(socket.data::<Player>()?.ok()?.name);
//! assert_eq!(name(&found[0]).as_deref(), Some("Ada"));
//!
//! emitter.namespace("/").sockets_join("vip")?;
//! let answers = emitter.namespace("/").to("vip").ask("ready?", (), Duration::from_millis(50))?;
//! let answers = answers.wait()?;
//! assert!(answers[0].answer.is_err(), "this client does not answer in time");
//! emitter.namespace("/").to(found[0].id).disconnect_sockets(true)?;
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # From the first word to the last
//!
//! | Socket.IO | here |
//! |---|---|
//! | `io.on("connection", …)` | [`on_connect`] |
//! | `socket.handshake` | [`cx.handshake()`]; `auth` is what `admit` gets |
//! | `socket.id`, `socket.data`, `socket.rooms` | `cx.id()`, `cx.data::<T>()`, `cx.rooms(…)` |
//! | `socket.on("disconnecting", …)` | [`on_disconnecting`], with the rooms |
//! | `socket.on("disconnect", …)` | [`on_disconnect`] |
//! | `socket.disconnect()`, `disconnect(true)` | `cx.disconnect()`, `cx.disconnect_session()` |
//! | `create-room`, `join-room`, `leave-room`, `delete-room` | [`on_create_room`], … |
//! | `io.close()` | [`stop`], or `close_server` of any context or emitter |
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! use std::sync::{Mutex, mpsc};
//!
//! use parlor_server::Server;
//!
//! let (told, ends) = mpsc::channel();
//! let told = Mutex::new(told);
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .on_connect(|cx| cx.join("lounge"))
//!     .on_disconnecting(move |cx, reason, rooms| {
//!         let id = cx.id();
//!         cx.to(rooms).emit("left", (id,));
//!         let line = format!("{} {rooms:?}", reason.as_str());
//!         // The example may have ended.
//!         told.lock().map(|told| told.send(line)).ok();
//!     })
//!     .on("bye", |cx, _| cx.disconnect());
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut client = join(&server, "/")?;
//! client.emit("/", "bye", ())?;
//! assert_eq!(ends.recv_timeout(SOON)?, r#"server namespace disconnect ["lounge"]"#);
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! When a socket is gone, so is its data: what is to be kept is taken out by [`on_disconnect`] or
//! [`on_disconnecting`], and saved by an async function that they start. A server that stops waits
//! for it, for `shutdown.timeout_ms`. On Node that is
//! `socket.on("disconnect", async () => save(socket.data))`.
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! # use std::sync::Mutex;
//! # static SAVED: Mutex<Vec<String>> = Mutex::new(Vec::new());
//! # async fn save(player: Player) {
//! #     tokio::task::yield_now().await;
//! #     SAVED.lock().unwrap().push(player.name);
//! # }
//! use parlor_server::Server;
//!
//! #[derive(Default)]
//! struct Player {
//!     name: String,
//! }
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .on_typed("name", |cx, (name,): (String,)| {
//!         cx.data::<Player>().name = name;
//!         cx.ack(());
//!     })
//!     .on_disconnect(|cx, _| {
//!         let player = std::mem::take(cx.data::<Player>());
//!         // It is refused to clients of which too much runs, but never here.
//!         cx.spawn(|_| save(player)).ok();
//!     });
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut client = join(&server, "/")?;
//! client.emit_with_ack("/", "name", ("Ada",), SOON)?;
//! server.stop();
//! server.wait()?;
//! # assert_eq!(*SAVED.lock().unwrap(), ["Ada"]);
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Clients that come back
//!
//! `connectionStateRecovery` is [`recoverable`], for each namespace that wants it; how long and how
//! much is kept stands in the configuration, under `recovery`. A client that has lost its
//! connection comes back to its id, its rooms, its data and the reliable events that it has missed,
//! on any shard. `socket.recovered` is [`recovered`]: if it is false, the client has to be told
//! everything. Stock clients do their part by themselves. Unlike on Node, admission is asked again;
//! [`identify`] binds a socket to a person, so that nobody else can claim it.
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, pid: Option<String>)
//! #     -> Result<(Connection, Option<String>), Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     let auth = serde_json::json!({ "pid": pid });
//! #     let (_, pid) = client.connect_again("/", &auth, SOON)?;
//! #     Ok((client, pid))
//! # }
//! # fn hear(client: &mut Connection) -> Result<String, Box<dyn Error>> {
//! #     loop {
//! #         match client.next_event(Some(Instant::now() + SOON))? {
//! #             Some(Event::Pushed(pushed)) => return Ok(pushed.args().array().to_owned()),
//! #             Some(_) => {}
//! #             None => return Err("nothing came".into()),
//! #         }
//! #     }
//! # }
//! use parlor_server::Server;
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .recoverable()
//!     .on_connect(|cx| {
//!         if !cx.recovered() {
//!             cx.join("news");
//!         }
//!     })
//!     .on_typed("name", |cx, (name,): (String,)| {
//!         *cx.data::<String>() = name;
//!         cx.ack(());
//!     })
//!     .on("who am I?", |cx, _| {
//!         let name = cx.data::<String>().clone();
//!         cx.ack((name, cx.recovered()));
//!     });
//! let server = server.start("127.0.0.1:0")?;
//!
//! // What it may claim its socket by, a stock client notes for itself.
//! let (mut client, pid) = join(&server, None)?;
//! client.emit_with_ack("/", "name", ("Ada",), SOON)?;
//! drop(client); // The network changes.
//! server.emitter().namespace("/").to("news").emit("headline", ("it is missed",))?;
//!
//! let (mut client, _) = join(&server, pid)?;
//! assert!(hear(&mut client)?.starts_with(r#"["headline","it is missed","#));
//! let answer = client.emit_with_ack("/", "who am I?", (), SOON)?;
//! assert_eq!(answer.args().array(), r#"["Ada",true]"#);
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Clients that read slowly
//!
//! What a client cannot take at once waits for it, up to `limits.max_queue_bytes` and
//! `limits.max_queue_packets`; past that its session ends with the reason `slow consumer`, so that
//! one client costs what is configured and no more. What one call of a handler sends to a client
//! that had kept up counts for itself, up to `limits.max_burst_bytes`: a long history in several
//! events, say. On Node there is no limit, and
//! `socket.conn.transport.writable` is all one can ask. Here there are four answers:
//!
//! - Emit state as `volatile()`: a client that cannot take it now gets the newest of each event
//!   when it can, of `limits.max_volatile_keys` events or keys. On Node such an event is dropped,
//!   also if nothing newer ever comes.
//! - [`volatile_key`] says which replaces which: positions of one player, say.
//! - [`is_blocked`], [`queued_bytes`], [`queued_packets`] and [`n_replaced`] of a socket's context
//!   tell how far behind its client is, to send it less.
//! - Emitters tell that the server has more to do than it may ([`Overloaded`]), and async contexts
//!   wait.
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! # fn hear(client: &mut Connection) -> Result<String, Box<dyn Error>> {
//! #     loop {
//! #         match client.next_event(Some(Instant::now() + SOON))? {
//! #             Some(Event::Pushed(pushed)) => return Ok(pushed.args().array().to_owned()),
//! #             Some(_) => {}
//! #             None => return Err("nothing came".into()),
//! #         }
//! #     }
//! # }
//! use parlor_server::Server;
//!
//! let mut server = Server::default();
//! server
//!     .namespace("/")
//!     .on_typed("move", |cx, (player, x, y): (u64, f32, f32)| {
//!         // Only the newest of each player counts, for whom this comes too fast.
//!         cx.everyone().volatile_key(player).emit("moved", (player, x, y));
//!     })
//!     .on("replay", |cx, _| {
//!         let is_slow = cx.is_blocked() || cx.queued_bytes() > 64 * 1024;
//!         cx.ack((if is_slow { "the short one" } else { "the long one" },));
//!     })
//!     .on_async("how far behind?", |cx, _| async move {
//!         let (Ok(waiting), Ok(replaced)) = (cx.queued_packets().await, cx.n_replaced().await)
//!         else {
//!             return; // It is gone.
//!         };
//!         cx.ack((waiting, replaced)).await;
//!     });
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut client = join(&server, "/")?;
//! client.emit("/", "move", (7, 1.5, 2.5))?;
//! assert_eq!(hear(&mut client)?, r#"["moved",7,1.5,2.5]"#);
//! let answer = client.emit_with_ack("/", "replay", (), SOON)?;
//! assert_eq!(answer.args().get::<String>(0)?, "the long one");
//! let answer = client.emit_with_ack("/", "how far behind?", (), SOON)?;
//! assert_eq!(answer.args().array(), "[0,0]");
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # Between servers
//!
//! `io.serverSideEmit(event, …)` is [`server_side_emit`] of any context or emitter, with answers
//! [`server_side_ask`]; `io.on(event, …)` is [`on_server_side`], which answers by `ack` or, later,
//! by [`what it takes`]. Each shard is a server in that
//! sense. An adapter is given to [`cluster`]; every verb above spans the nodes then.
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, namespace: &str) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect(namespace, &(), SOON)?;
//! #     Ok(client)
//! # }
//! use parlor_server::Server;
//!
//! let mut server = Server::default();
//! server.on_server_side("which?", |cx, _| {
//!     let shard = cx.shard();
//!     cx.ack((shard,));
//! });
//! let server = server.start("127.0.0.1:0")?;
//!
//! let answers = server.emitter().server_side_ask("which?", (), SOON)?.wait()?;
//! let shards = answers.iter().filter_map(|answer| answer.args.get::<u16>(0).ok());
//! assert!(shards.into_iter().any(|shard| shard == 0));
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # What there is not
//!
//! - `compress(false)`: the reference reads it only where polling answers are compressed, and here
//!   they are not. There is no option that does nothing.
//! - `prependAny`, `offAny`, `once` and `removeListener`: handlers are registered before the
//!   start, and not taken away.
//! - `allSockets` and `adapter.rooms`: [`fetch_sockets`] tells the rooms too.
//!
//! [`AsyncContext`]: crate::AsyncContext
//! [`ConnectError`]: crate::ConnectError
//! [`Context`]: crate::Context
//! [`Emitter`]: crate::Emitter
//! [`Overloaded`]: crate::EmitError::Overloaded
//! [`Server`]: crate::Server
//! [`ShardContext`]: crate::ShardContext
//! [`ack`]: crate::Context::ack
//! [`admit_async`]: crate::Namespace::admit_async
//! [`admit`]: crate::Namespace::admit
//! [`ask`]: crate::Context::ask
//! [`cluster`]: crate::Server::cluster
//! [`cx.handshake()`]: crate::Context::handshake
//! [`cx.namespace()`]: crate::Context::namespace
//! [`data`]: crate::Context::data
//! [`emit`]: crate::Context::emit
//! [`fetch_sockets`]: crate::Emit::fetch_sockets
//! [`identify`]: crate::Context::identify
//! [`is_blocked`]: crate::Context::is_blocked
//! [`join`]: crate::Context::join
//! [`leave`]: crate::Context::leave
//! [`middleware_async`]: crate::Namespace::middleware_async
//! [`middleware`]: crate::Namespace::middleware
//! [`n_replaced`]: crate::Context::n_replaced
//! [`n_silent_shards`]: crate::Replies::n_silent_shards
//! [`namespace`]: crate::Server::namespace
//! [`namespaces_matching`]: crate::Server::namespaces_matching
//! [`namespaces_where`]: crate::Server::namespaces_where
//! [`on_any_outgoing`]: crate::Namespace::on_any_outgoing
//! [`on_any`]: crate::Namespace::on_any
//! [`on_async`]: crate::Namespace::on_async
//! [`on_connect`]: crate::Namespace::on_connect
//! [`on_create_room`]: crate::Namespace::on_create_room
//! [`on_disconnect`]: crate::Namespace::on_disconnect
//! [`on_disconnecting`]: crate::Namespace::on_disconnecting
//! [`on_fallback`]: crate::Namespace::on_fallback
//! [`on_new_namespace`]: crate::Namespace::on_new_namespace
//! [`on_server_side`]: crate::Server::on_server_side
//! [`on_typed`]: crate::Namespace::on_typed
//! [`on`]: crate::Namespace::on
//! [`queued_bytes`]: crate::Context::queued_bytes
//! [`queued_packets`]: crate::Context::queued_packets
//! [`recoverable`]: crate::Namespace::recoverable
//! [`recovered`]: crate::Context::recovered
//! [`server_side_ask`]: crate::Context::server_side_ask
//! [`server_side_emit`]: crate::Context::server_side_emit
//! [`show_data`]: crate::Namespace::show_data
//! [`spawn`]: crate::Context::spawn
//! [`stop`]: crate::Running::stop
//! [`take_ack`]: crate::Context::take_ack
//! [`volatile_key`]: crate::Emit::volatile_key
//! [`what it takes`]: crate::ShardContext::take_ack

pub mod games;

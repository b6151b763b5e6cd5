//! What a game has beyond its rules, and how a server reaches those who play. All examples run;
//! they play by the typed client of `parlor-client-demo`, as any Socket.IO client could.
//!
//! A game itself, whole and with its test, is `examples/tictactoe.rs`; each of its verbs is
//! explained at [`Game`].
//!
//! # Bots
//!
//! A game that says [`BOTS`] has them: its host seats one by `bot`, or has them take what is free
//! by `fill: true`. They sit in lobbies, make way for people, and want each rematch without a line
//! of the game's. What one does is [`bot`]: an action of the game's own, checked by [`apply`] as a
//! player's is, so that a bot cannot cheat by mistake. It is asked a moment after each change
//! (`lobbies.bot_delay_ms`), and before each tick of a game that ticks; `None` is nothing to do
//! now. Chance comes from [`Cx::random`].
//!
//! ```
//! # use std::error::Error;
//! # use parlor_client_demo::{client::Limits, lobby::LobbySocket};
//! # use parlor_server::Running;
//! # use parlor_shared::api::lobby::Create;
//! # fn open(server: &Running) -> Result<LobbySocket, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     Ok(LobbySocket::open(&address, Limits::default())?)
//! # }
//! # /// The newest state, once the match has accepted so many actions.
//! # fn view_after(socket: &mut LobbySocket, turn: u64) -> Result<String, Box<dyn Error>> {
//! #     loop {
//! #         let state = socket.story().and_then(|story| story.state());
//! #         if let Some(state) = state.filter(|state| state.turn == turn) {
//! #             return Ok(state.view.get().to_owned());
//! #         }
//! #         socket.next_push(None)?;
//! #     }
//! # }
//! use parlor_server::{Config, Server};
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
//!     const BOTS: bool = true;
//!
//!     fn bot((left, turn): &Self::State, seat: Seat, cx: &mut Cx<'_, Self>) -> Option<u8> {
//!         if turn[0] != seat {
//!             return None;
//!         }
//!         // Who is left with one of 1, 5, 9 … matches loses against somebody who knows that.
//!         Some(match (left - 1) % 4 {
//!             0 => 1 + cx.random(3.min(u32::from(*left))) as u8,
//!             take => take,
//!         })
//!     }
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
//! let mut config = Config::default();
//! config.lobbies.countdown_ms = 0; // nobody has to wait here
//! config.lobbies.bot_delay_ms = 1;
//! let mut server = Server::new(config);
//! server.game::<Nim>("nim");
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut ada = open(&server)?;
//! let (game, name) = ("nim".to_owned(), "Ada".to_owned());
//! ada.create(&Create { game, name, fill: true, ..Create::default() })?;
//! ada.start()?;
//! ada.action(&1)?;
//! assert_eq!(view_after(&mut ada, 2)?, "17", "the bot took 3 of the 20 that were left");
//! ada.action(&3)?;
//! assert_eq!(view_after(&mut ada, 4)?, "13");
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! # All devices of a player
//!
//! A player is known by an account: of a token of yours (`auth.keys`), or of a guest who asked for
//! one. Whoever comes to `/lobby` with it is in a room of that player's, so [`emitter.player(id)`]
//! reaches all of them, on whichever shard: in a lobby, in another one, or in none. Handlers say
//! [`cx.player(id)`]. Nothing is kept for players who are not there.
//!
//! ```
//! # use std::{error::Error, time::{Duration, Instant}};
//! # use parlor_client_demo::client::{Connection, Event, Limits};
//! # use parlor_server::Running;
//! # use serde_json::Value;
//! # const SOON: Duration = Duration::from_secs(10);
//! # fn join(server: &Running, auth: &Value) -> Result<Connection, Box<dyn Error>> {
//! #     let address = format!("http://{}", server.address()).parse()?;
//! #     let mut client = Connection::open(&address, Limits::default())?;
//! #     client.connect("/lobby", auth, SOON)?;
//! #     Ok(client)
//! # }
//! # fn hear(client: &mut Connection) -> Result<Value, Box<dyn Error>> {
//! #     loop {
//! #         match client.next_event(Some(Instant::now() + SOON))? {
//! #             Some(Event::Pushed(pushed)) => return Ok(pushed.args().get(0)?),
//! #             Some(_) => {}
//! #             None => return Err("nothing came".into()),
//! #         }
//! #     }
//! # }
//! use parlor_server::Server;
//! use serde_json::json;
//!
//! let mut server = Server::default();
//! server.game::<parlor_games::Chess>("chess");
//! let server = server.start("127.0.0.1:0")?;
//!
//! let mut phone = join(&server, &json!({ "guest": true }))?;
//! let guest = hear(&mut phone)?; // auth:guest, with the account and its token
//! let mut laptop = join(&server, &json!({ "token": guest["token"] }))?;
//!
//! let ada = guest["account"].as_str().ok_or("no account")?;
//! server.emitter().player(ada).emit("invited", (json!({ "by": "Bob" }),))?;
//! for device in [&mut phone, &mut laptop] {
//!     assert_eq!(hear(device)?, json!({ "by": "Bob" }));
//! }
//! # server.stop();
//! # server.wait()?;
//! # Ok::<(), Box<dyn Error>>(())
//! ```
//!
//! [`BOTS`]: crate::game::Game::BOTS
//! [`Cx::random`]: crate::game::Cx::random
//! [`Game`]: crate::game::Game
//! [`apply`]: crate::game::Game::apply
//! [`bot`]: crate::game::Game::bot
//! [`cx.player(id)`]: crate::Context::player
//! [`emitter.player(id)`]: crate::Emitter::player

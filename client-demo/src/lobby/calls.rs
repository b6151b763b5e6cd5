//! The requests of `/lobby` as functions that wait for their answers, on one connection.
//! What the server pushes meanwhile is told in order by [`LobbySocket::next_push`].
//! Source: `parlor_shared::api::lobby`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parlor_shared::{
    api::{
        Refusal, Reply,
        lobby::{
            Acted, BotSeated, Chat, Colour, Create, Done, Filter, HandOver, Join, Joined, Kick,
            Listed, Listing, ListingChange, NAMESPACE, Paint, Quick, Ready, Resume, Settings,
            Typing, push, request,
        },
    },
    socket_io::{ArgsError, EventArgs},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    story::{Push, Story, StoryError},
    watched::Watched,
};
use crate::client::{Address, Connection, ConnectionError, Event, Limits, Pushed};

/// How long an answer may take. Parlor answers within a tick; this is for networks.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket in `/lobby`, and the lobby it is in. Its story is kept from JSON: no other `format` may
/// be asked for.
#[derive(Debug)]
pub struct LobbySocket {
    connection: Connection,
    story: Option<Story>,
    watched: Option<Watched>,
    /// A whole state was asked for and has not come yet.
    is_behind: bool,
}

/// Why a request was not granted, or a push not understood.
#[derive(Debug, thiserror::Error)]
pub enum LobbyError {
    /// The server says no and nothing has changed; the code tells why.
    #[error("{} ({})", .0.message, .0.code)]
    Refused(Refusal),
    /// The answer is not what `shared::api` says it is.
    #[error("the answer to `{request}` cannot be read: {source}")]
    Unreadable {
        /// What was asked.
        request: &'static str,
        /// What is wrong with the answer.
        source: ArgsError,
    },
    /// The connection failed, or has ended.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A push does not belong after the one before.
    #[error("the lobby's story is broken: {0}")]
    Story(#[from] StoryError),
}

impl LobbySocket {
    /// Connects to a server, and there to `/lobby`.
    ///
    /// # Errors
    /// If the server is not there, or does not want us.
    pub fn open(address: &Address, limits: Limits) -> Result<Self, LobbyError> {
        let mut connection = Connection::open(address, limits)?;
        connection.connect(NAMESPACE, &(), CALL_TIMEOUT)?;
        Ok(Self { connection, story: None, watched: None, is_behind: false })
    }

    /// The lobby this socket is in.
    pub fn story(&self) -> Option<&Story> {
        self.story.as_ref()
    }

    /// Opens a lobby and takes its first seat as host. With `deltas` states come in short; the
    /// story is the same.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn create(&mut self, create: &Create) -> Result<&Story, LobbyError> {
        let joined = self.call(request::CREATE, (create,))?;
        Ok(self.begin(joined))
    }

    /// Joins a lobby. With `deltas` states come in short; the story is the same.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn join(&mut self, join: &Join) -> Result<&Story, LobbyError> {
        let joined = self.call(request::JOIN, (join,))?;
        Ok(self.begin(joined))
    }

    /// Takes a seat in the best open lobby that fits, or opens one.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn quick(&mut self, quick: &Quick) -> Result<&Story, LobbyError> {
        let joined = self.call(request::QUICK, (quick,))?;
        Ok(self.begin(joined))
    }

    /// Returns to a place whose token is [`Story::token`] of the connection that was lost. A
    /// socket that still holds the place is disconnected. With the version of the lobby that was
    /// lost, [`Self::next_push`] tells what was missed.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn resume(&mut self, resume: &Resume) -> Result<&Story, LobbyError> {
        let joined = self.call(request::RESUME, (resume,))?;
        Ok(self.begin(joined))
    }

    /// The public lobbies that a filter lets through.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn list(&mut self, filter: &Filter) -> Result<Listing, LobbyError> {
        self.call(request::LIST, (filter,))
    }

    /// The same, kept up to date from now on: [`Self::next_push`] says when it has changed. Takes
    /// the place of what was watched before.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn watch(&mut self, filter: &Filter) -> Result<&[Arc<Listed>], LobbyError> {
        let listing = self.call(request::WATCH, (filter,))?;
        // What came before the answer is of the filter before.
        self.connection.drop_backlog(|event| !is_listing(event));
        Ok(self.watched.insert(Watched::new(listing)).lobbies())
    }

    /// Ends that.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn unwatch(&mut self) -> Result<(), LobbyError> {
        let Done {} = self.call(request::UNWATCH, ())?;
        self.watched = None;
        Ok(())
    }

    /// The lobbies that are watched, as they stand: in the order of the first answer, then as they
    /// came.
    pub fn watched(&self) -> &[Arc<Listed>] {
        self.watched.as_ref().map_or(&[], Watched::lobbies)
    }

    /// Seats a bot, as host: in which seat.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn seat_bot(&mut self) -> Result<u8, LobbyError> {
        self.call(request::BOT, ()).map(|BotSeated { seat }| seat)
    }

    /// Sends somebody away, as host.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn kick(&mut self, kick: &Kick) -> Result<(), LobbyError> {
        self.call(request::KICK, (kick,)).map(|Done {}| ())
    }

    /// Changes how the lobby is run, as host.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn settings(&mut self, settings: &Settings) -> Result<(), LobbyError> {
        self.call(request::SETTINGS, (settings,)).map(|Done {}| ())
    }

    /// Makes another seat host, as host.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn hand_over(&mut self, seat: u8) -> Result<(), LobbyError> {
        self.call(request::HOST, (HandOver { seat },)).map(|Done {}| ())
    }

    /// Takes another colour.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn paint(&mut self, colour: Colour) -> Result<(), LobbyError> {
        self.call(request::COLOUR, (Paint { colour },)).map(|Done {}| ())
    }

    /// Says whether this seat is ready.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn ready(&mut self, ready: bool) -> Result<(), LobbyError> {
        self.call(request::READY, (Ready { ready },)).map(|Done {}| ())
    }

    /// Begins the match, as host.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn start(&mut self) -> Result<(), LobbyError> {
        self.call(request::START, ()).map(|Done {}| ())
    }

    /// Ends the countdown to a match, as host.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn stop(&mut self) -> Result<(), LobbyError> {
        self.call(request::STOP, ()).map(|Done {}| ())
    }

    /// Claims what the game gives for it that others have been away for too long.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn claim(&mut self) -> Result<(), LobbyError> {
        self.call(request::CLAIM, ()).map(|Done {}| ())
    }

    /// Does something in the match, in the game's own words; how many actions the match has
    /// accepted, this one included.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn action(&mut self, action: &impl Serialize) -> Result<u64, LobbyError> {
        self.call(request::ACTION, (action,)).map(|Acted { turn }| turn)
    }

    /// The same, but once however often it is sent: `seq` grows from 1 with each match. In a game
    /// with ticks the answer comes with the tick.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn input(&mut self, seq: u64, action: &impl Serialize) -> Result<u64, LobbyError> {
        self.call(request::INPUT, (seq, action)).map(|Acted { turn }| turn)
    }

    /// Says something to everybody in the lobby.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn chat(&mut self, text: &str) -> Result<(), LobbyError> {
        self.call(request::CHAT, (Chat { text: text.to_owned() },)).map(|Done {}| ())
    }

    /// Says that one begins or stops typing.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn typing(&mut self, typing: bool) -> Result<(), LobbyError> {
        self.call(request::TYPING, (Typing { typing },)).map(|Done {}| ())
    }

    /// Wants another match; it begins when all seats do.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn rematch(&mut self) -> Result<(), LobbyError> {
        self.call(request::REMATCH, ()).map(|Done {}| ())
    }

    /// Leaves the lobby for good; what it has pushed and was not read is dropped.
    ///
    /// # Errors
    /// If the server refuses or does not answer.
    pub fn leave(&mut self) -> Result<(), LobbyError> {
        let Done {} = self.call(request::LEAVE, ())?;
        self.connection.drop_backlog(is_listing);
        self.story = None;
        Ok(())
    }

    /// The next push, waiting for it until `deadline`; without one, as long as the session lives.
    /// `None` at the deadline. Also keeps the session alive: wait here, not in a sleep.
    ///
    /// # Errors
    /// If the session has ended, or the push does not belong after the one before.
    pub fn next_push(&mut self, deadline: Option<Instant>) -> Result<Option<Push>, LobbyError> {
        loop {
            match self.connection.next_event(deadline)? {
                None => return Ok(None),
                Some(event) if is_listing(&event) => {
                    let (Event::Pushed(pushed), Some(watched)) = (event, &mut self.watched) else {
                        continue;
                    };
                    watched.follow(read_listing(&pushed)?);
                    return Ok(Some(Push::Listing));
                }
                Some(Event::Pushed(pushed)) => {
                    // Without a story it is the rest of a lobby that was left.
                    let Some(story) = &mut self.story else { continue };
                    let push = story.tell(&pushed.args())?;
                    match push {
                        // Those under way will not be understood either; one question is enough.
                        Push::Behind if !std::mem::replace(&mut self.is_behind, true) => {
                            self.connection.emit(NAMESPACE, request::RESYNC, ())?;
                        }
                        Push::State => self.is_behind = false,
                        _ => {}
                    }
                    return Ok(Some(push));
                }
                Some(Event::Closed(reason)) => return Err(ConnectionError::from(reason).into()),
                Some(Event::Disconnected { namespace }) => {
                    return Err(ConnectionError::Disconnected(namespace.to_string()).into());
                }
                Some(_) => {}
            }
        }
    }

    /// Says good-bye to the server. Without [`Self::leave`] before, the seat is kept for a while.
    ///
    /// # Errors
    /// If the connection broke before.
    pub fn close(self) -> Result<(), LobbyError> {
        Ok(self.connection.close()?)
    }

    fn call<T: DeserializeOwned>(
        &mut self,
        request: &'static str,
        args: impl EventArgs,
    ) -> Result<T, LobbyError> {
        let answer = self.connection.emit_with_ack(NAMESPACE, request, args, CALL_TIMEOUT)?;
        let reply: Result<Reply<T>, ArgsError> = answer.args().get(0);
        let reply = reply.map_err(|source| LobbyError::Unreadable { request, source })?;
        reply.into_result().map_err(LobbyError::Refused)
    }

    fn begin(&mut self, joined: Joined) -> &Story {
        self.is_behind = false;
        self.story.insert(Story::new(joined))
    }
}

fn is_listing(event: &Event<'_>) -> bool {
    matches!(event, Event::Pushed(pushed) if pushed.name() == push::LISTING)
}

fn read_listing(pushed: &Pushed<'_>) -> Result<ListingChange, StoryError> {
    let unreadable = |source| StoryError::Unreadable { event: push::LISTING.to_owned(), source };
    pushed.args().get(0).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::{
        code,
        lobby::{Change, LeaveReason},
    };

    use super::*;
    use crate::client::script::{Server, serve};

    const LOBBY: &str = r#"{"id":"i","code":"BCDFG","game":"chess","config":{},
        "visibility":"private","phase":"open","version":1,"host":0,
        "seats":[{"seat":0,"name":"Ada","connected":true,"ready":false}],
        "capacity":2,"needed":2,"spectators":0}"#;

    fn opened(
        script: impl FnOnce(&mut Server) + Send + 'static,
    ) -> (LobbySocket, std::thread::JoinHandle<()>) {
        let (address, server) = serve(|server| {
            server.welcome("/lobby");
            script(server);
        });
        (LobbySocket::open(&address, Limits::default()).unwrap(), server)
    }

    fn create() -> Create {
        let (game, name) = ("chess".to_owned(), "Ada".to_owned());
        Create { game, name, deltas: true, ..Create::default() }
    }

    const CREATE: &str =
        r#"["create",{"game":"chess","visibility":"private","name":"Ada","deltas":true}]"#;

    #[test]
    fn requests_are_answered_and_pushes_told_in_order() {
        let (mut socket, server) = opened(|server| {
            let joined = format!(r#"{{"ok":true,"lobby":{LOBBY},"seat":0,"token":"t"}}"#);
            server.answer("/lobby", CREATE, &joined);
            let ready = r#"{"type":"ready","seat":0,"ready":true}"#;
            server.say(&format!(r#"42/lobby,["changed",{{"version":2,"change":{ready}}}]"#));
            server.answer("/lobby", r#"["ready",{"ready":true}]"#, r#"{"ok":true}"#);
            server.answer("/lobby", r#"["action",{"x":1}]"#, r#"{"ok":true,"turn":7}"#);
            server.answer("/lobby", r#"["list",{"game":"chess"}]"#, r#"{"ok":true,"lobbies":[]}"#);
            server.answer("/lobby", r#"["leave"]"#, r#"{"ok":true}"#);
            server.say(r#"42/lobby,["changed",{"version":9}]"#);
            assert_eq!(server.hear(), "end");
        });
        let story = socket.create(&create()).unwrap();
        assert_eq!(
            (story.lobby().code.as_str(), story.seat(), story.token()),
            ("BCDFG", Some(0), "t")
        );
        socket.ready(true).unwrap();
        assert!(matches!(socket.next_push(None).unwrap(), Some(Push::Changed(_))));
        assert_eq!(socket.story().unwrap().lobby().version, 2);
        assert_eq!(socket.action(&serde_json::json!({"x": 1})).unwrap(), 7);
        let filter = Filter { game: Some("chess".to_owned()), ..Filter::default() };
        assert!(socket.list(&filter).unwrap().lobbies.is_empty());
        socket.leave().unwrap();
        assert!(socket.story().is_none());
        let soon = Some(Instant::now() + Duration::from_millis(20));
        assert!(socket.next_push(soon).unwrap().is_none(), "nothing of a lobby that was left");
        drop(socket);
        server.join().unwrap();
    }

    #[test]
    fn a_delta_whose_base_is_not_known_is_ignored_and_a_whole_state_is_asked_for_once() {
        let (mut socket, server) = opened(|server| {
            let joined = format!(r#"{{"ok":true,"lobby":{LOBBY},"seat":0,"token":"t"}}"#);
            server.answer("/lobby", CREATE, &joined);
            let started = r#"{"type":"started","number":1}"#;
            server.say(&format!(r#"42/lobby,["changed",{{"version":2,"change":{started}}}]"#));
            let state = r#"{"number":1,"turn":0,"players":[],"view":{"x":1},"n":3,"key":true}"#;
            server.say(&format!(r#"42/lobby,["state",{state}]"#));
            let delta = |n, base| {
                let delta = format!(r#"{{"turn":[{n}],"view":{{"x":[{n}]}}}}"#);
                format!(r#"42/lobby,["delta",{{"n":{n},"base":{base},"delta":{delta}}}]"#)
            };
            server.say(&delta(4, 3));
            server.say(&delta(9, 8));
            server.say(&delta(10, 8));
            assert_eq!(server.hear(), r#"42/lobby,["resync"]"#);
            let state = r#"{"number":1,"turn":11,"players":[],"view":{"x":11},"n":11,"key":true}"#;
            server.say(&format!(r#"42/lobby,["state",{state}]"#));
            server.say(&delta(12, 11));
            server.answer("/lobby", r#"["input",1,{"x":1}]"#, r#"{"ok":true,"turn":13}"#);
        });
        socket.create(&create()).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 7 {
            let push = socket.next_push(None).unwrap().unwrap();
            let state = socket.story().unwrap().state();
            let view = state.map_or("none", |state| state.view.get());
            seen.push(match push {
                Push::State => view.to_owned(),
                Push::Behind => format!("behind at {view}"),
                _ => "other".to_owned(),
            });
        }
        let behind = r#"behind at {"x":4}"#;
        let x = [r#"{"x":1}"#, r#"{"x":4}"#, r#"{"x":11}"#, r#"{"x":12}"#];
        assert_eq!(seen, ["other", x[0], x[1], behind, behind, x[2], x[3]]);
        assert_eq!(socket.input(1, &serde_json::json!({"x": 1})).unwrap(), 13);
        server.join().unwrap();
    }

    #[test]
    fn what_is_watched_is_kept_up_to_date_in_a_lobby_and_out_of_it() {
        let listed = |id: &str| {
            let lobby = r#""game":"chess","host":"A","players":1,"capacity":2,"phase":"open""#;
            format!(r#"{{"id":"{id}",{lobby}}}"#)
        };
        let (mut socket, server) = opened(move |server| {
            let watch = |game: &str| format!(r#"["watch",{{"game":"{game}"}}]"#);
            let all = |id: &str| format!(r#"{{"ok":true,"lobbies":[{}]}}"#, listed(id));
            let added = |id: &str| format!(r#"42/lobby,["listing",{{"added":[{}]}}]"#, listed(id));
            server.answer("/lobby", &watch("chess"), &all("a"));
            server.say(&added("b"));
            server.say(&added("of the old filter"));
            server.answer("/lobby", &watch("circles"), &all("c"));
            let joined = format!(r#"{{"ok":true,"lobby":{LOBBY},"seat":0,"token":"t"}}"#);
            server.answer("/lobby", CREATE, &joined);
            server.say(&added("d"));
            server.answer("/lobby", r#"["leave"]"#, r#"{"ok":true}"#);
            server.say(r#"42/lobby,["listing",{"removed":["c"]}]"#);
            server.answer("/lobby", r#"["unwatch"]"#, r#"{"ok":true}"#);
            assert_eq!(server.hear(), "end");
        });
        let chess = |game: &str| Filter { game: Some(game.to_owned()), ..Filter::default() };
        let ids = |socket: &LobbySocket| {
            socket.watched().iter().map(|one| one.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(socket.watch(&chess("chess")).unwrap().len(), 1);
        assert!(matches!(socket.next_push(None).unwrap(), Some(Push::Listing)));
        assert_eq!(ids(&socket), ["a", "b"]);
        socket.watch(&chess("circles")).unwrap();
        assert_eq!(ids(&socket), ["c"]);
        socket.create(&create()).unwrap();
        socket.leave().unwrap();
        for known in [vec!["c", "d"], vec!["d"]] {
            assert!(matches!(socket.next_push(None).unwrap(), Some(Push::Listing)));
            assert_eq!(ids(&socket), known);
        }
        socket.unwatch().unwrap();
        assert!(socket.watched().is_empty());
        drop(socket);
        server.join().unwrap();
    }

    #[test]
    fn a_host_seats_a_bot_and_sends_it_away() {
        let (mut socket, server) = opened(|server| {
            let joined = format!(r#"{{"ok":true,"lobby":{LOBBY},"seat":0,"token":"t"}}"#);
            server.answer("/lobby", CREATE, &joined);
            let bot = r#"{"type":"joined","seat":1,"name":"Bot","connected":true,"ready":true,
                "bot":true}"#;
            server.say(&format!(r#"42/lobby,["changed",{{"version":2,"change":{bot}}}]"#));
            server.answer("/lobby", r#"["bot"]"#, r#"{"ok":true,"seat":1}"#);
            let left = r#"{"type":"left","seat":1,"reason":"kicked"}"#;
            server.say(&format!(r#"42/lobby,["changed",{{"version":3,"change":{left}}}]"#));
            server.answer("/lobby", r#"["kick",{"seat":1}]"#, r#"{"ok":true}"#);
        });
        socket.create(&create()).unwrap();
        assert_eq!(socket.seat_bot().unwrap(), 1);
        assert!(matches!(socket.next_push(None).unwrap(), Some(Push::Changed(_))));
        assert!(socket.story().unwrap().lobby().seats[1].bot);
        socket.kick(&Kick { seat: Some(1), ..Kick::default() }).unwrap();
        let told = socket.next_push(None).unwrap();
        let reason = LeaveReason::Kicked;
        assert!(
            matches!(told, Some(Push::Changed(Change::Left { seat: 1, reason: r })) if r == reason)
        );
        server.join().unwrap();
    }

    #[test]
    fn a_refusal_and_an_unreadable_answer_are_told_apart() {
        let (mut socket, server) = opened(|server| {
            let refusal = r#"{"ok":false,"code":"E_LIMIT","message":"no more lobbies"}"#;
            server.answer("/lobby", CREATE, refusal);
            server.answer("/lobby", CREATE, r#"{"ok":true,"lobby":{}}"#);
            server.answer("/lobby", CREATE, r#""what?""#);
        });
        let error = socket.create(&create()).unwrap_err();
        assert!(matches!(&error, LobbyError::Refused(no) if no.code == code::LIMIT));
        assert_eq!(error.to_string(), "no more lobbies (E_LIMIT)");
        for _ in 0..2 {
            let error = socket.create(&create()).unwrap_err();
            assert!(matches!(error, LobbyError::Unreadable { request: "create", .. }), "{error}");
        }
        server.join().unwrap();
    }
}

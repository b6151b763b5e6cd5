//! What a game is to Parlor: one trait of pure functions over a state of the game's own.
//! Who sits where, who is connected and when a match begins is decided in `lobby`; running a
//! match behind this trait is `play`'s part.

use std::{borrow::Cow, fmt::Debug, ops::RangeInclusive, time::Duration};

use parlor_shared::api::{code, lobby::OpenPoll};
use serde::{Serialize, de::DeserializeOwned};

use super::question;
use crate::time::Time;

/// The rules of a game, written as a deterministic reducer.
///
/// All of it is called on the shard that owns the lobby: nothing may block, read a clock or use
/// chance other than [`Cx::random`], so that a match can be replayed from its inputs. A panic
/// ends the match with the reason `crashed` and nothing else.
pub trait Game: Sized + Send + 'static {
    /// What the creator of a lobby may choose; read from JSON before the lobby exists.
    type Config: DeserializeOwned + Serialize + Default + Clone + Send + Sync + Debug;
    /// Everything there is to know about a match.
    type State: Clone + Send + Debug;
    /// What a player may do; read from JSON.
    type Action: DeserializeOwned;
    /// What a viewer may know; written as JSON, once for each viewer it differs for.
    type View: Serialize;
    /// What happens once and must reach everybody, in order; `()` if there is no such thing.
    type Event: Serialize;

    /// How many seats a match needs at least, and a lobby has at most.
    const SEATS: RangeInclusive<u8>;

    /// How long the others wait for a dropped player during a match, before they may claim.
    const GRACE: Duration = Duration::from_secs(60);

    /// How long a dropped player's seat is kept during a match; at least [`Self::GRACE`]. If that
    /// is all, there is nothing to claim: the player is gone.
    const KEEP: Duration = Self::GRACE;

    /// True if a free seat may be taken while a match is on: [`SeatChange::Joined`] tells of it.
    const LATE_JOIN: bool = false;

    /// True if [`Self::bot`] can play a seat: the host may seat bots, or have them fill what is
    /// free.
    const BOTS: bool = false;

    /// When actions are applied: as they come, or with a tick.
    const PACE: Pace = Pace::Turns;

    /// What is done about ticks that are late.
    const CATCH_UP: CatchUp = CatchUp::Steps(5);

    /// Who sees the same.
    const VIEWS: Views = Views::PerSeat;

    /// Checks a configuration that could be read but may still make no sense.
    ///
    /// # Errors
    /// One sentence that says what is wrong with it.
    fn check(_config: &Self::Config) -> Result<(), String> {
        Ok(())
    }

    /// The state in which a match begins. `cx.seats()` are those that play.
    fn setup(config: &Self::Config, cx: &mut Cx<'_, Self>) -> Self::State;

    /// Applies what a seat does. On `Err` the state and the events of this call are discarded.
    ///
    /// # Errors
    /// A [`Reject`] that travels to the player with the game's own code.
    fn apply(
        state: &mut Self::State,
        seat: Seat,
        action: Self::Action,
        cx: &mut Cx<'_, Self>,
    ) -> Result<(), Reject>;

    /// A tick, of a game with [`Pace::Hz`]: after the actions that came since the last one.
    /// `cx.now()` is when it was due and `cx.tick()` which one it is.
    fn tick(_: &mut Self::State, _: &mut Cx<'_, Self>) {}

    /// A deadline that [`Cx::deadline`] set has come. `cx.now()` is that very moment, however late
    /// it is heard of: a flag falls when the time is up.
    fn wake(_: &mut Self::State, _: Timer, _: &mut Cx<'_, Self>) {}

    /// A seat's player dropped, returned or is gone for good. By default nothing happens.
    fn seat(_: &mut Self::State, _: Seat, _: SeatChange, _: &mut Cx<'_, Self>) {}

    /// `by` claims what the rules give for it, as these players are overdue: dropped for longer
    /// than [`Self::GRACE`], and not back. `overdue` is never empty. On `Err` the state and the
    /// events of this call are discarded.
    ///
    /// # Errors
    /// By default: there is nothing to claim.
    fn claim(
        _: &mut Self::State,
        _by: Seat,
        _overdue: &[Seat],
        _: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        Err(Reject::new(code::FORBIDDEN, "there is nothing to claim in this game"))
    }

    /// Another seat is host now: [`Cx::host`]. By default nothing happens.
    fn host(_: &mut Self::State, _: &mut Cx<'_, Self>) {}

    /// The audience and the spectators have voted on what [`Cx::ask`] asked: how many for each
    /// option. By default nothing happens.
    fn votes(_: &mut Self::State, _votes: &[u32], _: &mut Cx<'_, Self>) {}

    /// What a bot in this seat does now; `None`: nothing. In a game of turns one of the bots does
    /// something at a time: they are asked a moment after each change (`lobbies.bot_delay_ms`), the
    /// one after the last that did something first. In a game of ticks all are asked before each
    /// tick. What [`Self::apply`] rejects is not done. A fair game looks at no more than the seat's
    /// [`Self::view`] shows.
    fn bot(_: &Self::State, _: Seat, _: &mut Cx<'_, Self>) -> Option<Self::Action> {
        None
    }

    /// What `viewer` may know. With [`Views::Shared`] everybody sees what a spectator does.
    fn view(state: &Self::State, viewer: Viewer) -> Self::View;

    /// How the match ended; `None` while it is on. Asked after every change.
    fn outcome(state: &Self::State) -> Option<Outcome>;
}

/// How a game passes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Actions are applied as they come. A match has no timer.
    Turns,
    /// So many ticks a second, 1 to 128. Actions wait for the next one.
    Hz(u8),
}

/// What a game does about ticks whose time has passed, because the server had no time for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// Only the newest is played; the others are left out.
    Skip,
    /// At most so many are played at once, the newest; those before are left out. At least 1.
    Steps(u8),
    /// All are played, each as much later as the server was: the match takes longer.
    Slow,
}

/// Who sees the same of a match, and so shares one encoding of each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Views {
    /// Everybody: nothing is hidden.
    Shared,
    /// Each seat has a view of its own; all spectators share one, and so does the audience.
    PerSeat,
}

/// A seat's number in its lobby, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(pub u8);

/// Who looks at a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// The player in this seat.
    Seat(Seat),
    /// Somebody who only watches.
    Spectator,
    /// One of the many who watch from afar, and may vote.
    Audience,
}

/// Whom an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Everybody in the lobby.
    All,
    /// The player in this seat, and nobody else.
    Seat(Seat),
    /// The players in these seats.
    Seats(Seats),
    /// The players in all seats but this one.
    OtherSeats(Seat),
    /// Everybody in the lobby but the player in this seat.
    AllBut(Seat),
    /// Those who only watch.
    Watchers,
}

/// Some of the seats with numbers below 64, in 8 bytes, as lobbies keep them with what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seats(u64);

impl Seats {
    /// True if this seat is among them.
    pub fn has(self, seat: Seat) -> bool {
        seat.0 < 64 && self.0 & (1 << seat.0) != 0
    }
}

impl FromIterator<Seat> for Seats {
    /// # Panics
    /// If there is a seat 64 or above: such are told one by one.
    fn from_iter<I: IntoIterator<Item = Seat>>(seats: I) -> Self {
        Self(seats.into_iter().fold(0, |bits, seat| {
            assert!(seat.0 < 64, "seat {} does not go into a set of seats", seat.0);
            bits | 1 << seat.0
        }))
    }
}

/// A deadline of a match, by the game's own number: setting one again moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(pub u8);

/// What became of a seat's player during a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatChange {
    /// Took a seat of a match that is on: see [`Game::LATE_JOIN`]. It is among [`Cx::seats`] now,
    /// and was before if a bot made way.
    Joined,
    /// The connection was lost; the seat is kept for [`Game::KEEP`].
    Dropped,
    /// Dropped for longer than [`Game::GRACE`]: from now on others may [`Game::claim`].
    Overdue,
    /// Back after a loss.
    Returned,
    /// Left, or did not come back in time: nobody will play this seat any more.
    Left,
}

/// How a match ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The seats that won; empty for a draw.
    pub winners: Vec<Seat>,
    /// The game's word for it, such as `checkmate`.
    pub reason: Cow<'static, str>,
    /// It tells nothing of who plays better: no rating changes by it.
    pub is_void: bool,
}

impl Outcome {
    /// These won; nobody: a draw.
    pub fn new(winners: Vec<Seat>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { winners, reason: reason.into(), is_void: false }
    }

    /// Nobody won, and it was no draw either: the match was hardly played, or not to its end.
    pub fn void(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { winners: Vec::new(), reason: reason.into(), is_void: true }
    }
}

/// Why an action was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// A stable code such as `E_TURN`.
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
}

impl Reject {
    /// A rejection with this code and sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The shortest time ahead for which a deadline can be set: earlier ones come then.
pub const MIN_DEADLINE: Duration = Duration::from_millis(1);

/// What a game may ask of its surroundings, and where it leaves its events.
#[derive(Debug)]
pub struct Cx<'a, G: Game> {
    now: Time,
    unix_ms: u64,
    tick: u64,
    number: u32,
    host: Option<Seat>,
    seats: &'a [Seat],
    random: &'a mut Random,
    said: Vec<Said<G::Event>>,
    timers: Vec<(Timer, Option<Time>)>,
    keeps_view: bool,
    asked: Option<OpenPoll>,
}

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<E> {
    /// Whom it is for.
    pub to: To,
    /// `Some`: it may be lost, and only the newest with this number counts.
    pub volatile: Option<u8>,
    /// What happened.
    pub event: E,
}

impl<'a, G: Game> Cx<'a, G> {
    /// A context for one call. `number` counts the matches of the lobby from 1; `seats` are
    /// those that play, in order. (Public so that a game's own tests can call its rules.)
    pub fn new(now: Time, number: u32, seats: &'a [Seat], random: &'a mut Random) -> Self {
        let (said, timers) = (Vec::new(), Vec::new());
        let (unix_ms, tick, host, keeps_view, asked) = (0, 0, None, false, None);
        Self { now, unix_ms, tick, number, host, seats, random, said, timers, keeps_view, asked }
    }

    /// The same at this time of day.
    pub fn at_unix_ms(mut self, unix_ms: u64) -> Self {
        self.unix_ms = unix_ms;
        self
    }

    /// The same in tick number `tick`.
    pub fn at_tick(mut self, tick: u64) -> Self {
        self.tick = tick;
        self
    }

    /// The same in a lobby with this host.
    pub fn with_host(mut self, host: Option<Seat>) -> Self {
        self.host = host;
        self
    }

    /// Logical time of this call.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The same as people write it, in milliseconds since the Unix epoch: for views, where a clock
    /// that all agree on is wanted. Rules reckon with [`Self::now`].
    pub fn unix_ms(&self) -> u64 {
        self.unix_ms
    }

    /// Number of the tick, from 0; between two ticks, that of the next. Always 0 in a game without
    /// ticks. Numbers are left out as [`Game::CATCH_UP`] says.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Number of this match in its lobby, from 1: a rematch is 2.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The lobby's host, if a player is. It need not play in this match.
    pub fn host(&self) -> Option<Seat> {
        self.host
    }

    /// The seats that play, in order.
    pub fn seats(&self) -> &[Seat] {
        self.seats
    }

    /// A number in `0..below`, from the match's own seed.
    ///
    /// # Panics
    /// If `below` is 0.
    pub fn random(&mut self, below: u32) -> u32 {
        self.random.below(below)
    }

    /// Calls [`Game::wake`] with this timer at that time, or [`MIN_DEADLINE`] from now if that is
    /// later. It takes the place of the time set for this timer before, if it has not come yet.
    pub fn deadline(&mut self, timer: Timer, at: Time) {
        self.timers.push((timer, Some(at.max(self.now + MIN_DEADLINE))));
    }

    /// Forgets the time set for this timer, if it has not come yet.
    pub fn cancel(&mut self, timer: Timer) {
        self.timers.push((timer, None));
    }

    /// Pushes an event to everybody in the lobby, after the acknowledgement of this call.
    pub fn emit(&mut self, event: G::Event) {
        self.emit_to(To::All, event);
    }

    /// The same to these alone: to others it leaves no trace.
    pub fn emit_to(&mut self, to: To, event: G::Event) {
        self.said.push(Said { to, volatile: None, event });
    }

    /// Pushes what soon is old: it may be lost, and while a client is slow only the newest with
    /// this number (`kind`) waits for it.
    pub fn emit_volatile(&mut self, to: To, kind: u8, event: G::Event) {
        self.said.push(Said { to, volatile: Some(kind), event });
    }

    /// Asks the audience and the spectators something: they vote for so many seconds, and
    /// [`Game::votes`] hears how, unless the match is over by then. It takes the place of what is
    /// being asked, of whose votes the game hears nothing.
    ///
    /// # Errors
    /// `E_BAD_REQUEST` if the question is longer than 200 code points, if there are not 2 to 8
    /// options of 1 to 64 code points each, if any of it has control characters or marks that turn
    /// text around, or if the time is not 1 to 3600 s.
    pub fn ask(&mut self, question: &str, options: &[&str], seconds: u32) -> Result<(), Reject> {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let open = OpenPoll { question: question.to_owned(), options, seconds };
        question::check(&open).map_err(|message| Reject::new(code::BAD_REQUEST, message))?;
        self.asked = Some(open);
        Ok(())
    }

    /// Says that nobody's view is another after this call, so that no state is sent for it. A
    /// client then learns of its action by the acknowledgement alone, and the state's `turn` waits
    /// for the next one.
    pub fn keep_view(&mut self) {
        self.keeps_view = true;
    }

    /// True if [`Self::keep_view`] was called. (For `play`, and for a game's own tests.)
    pub fn keeps_view(&self) -> bool {
        self.keeps_view
    }

    /// Takes the events emitted so far, whomever they are for. (For a game's own tests.)
    pub fn take_events(&mut self) -> Vec<G::Event> {
        self.take_said().into_iter().map(|said| said.event).collect()
    }

    /// The same with whom each is for. (For `play`, and for a game's own tests.)
    pub fn take_said(&mut self) -> Vec<Said<G::Event>> {
        std::mem::take(&mut self.said)
    }

    /// Takes what was asked last. (For `play`, and for a game's own tests.)
    pub fn take_asked(&mut self) -> Option<OpenPoll> {
        self.asked.take()
    }

    /// Takes the deadlines set (`Some`) and cancelled so far, in order. (For `play`, and for a
    /// game's own tests.)
    pub fn take_timers(&mut self) -> Vec<(Timer, Option<Time>)> {
        std::mem::take(&mut self.timers)
    }
}

/// A small seeded generator (SplitMix64) for rules and ties: fast and repeatable, not secret.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator that this seed always gives.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..below`.
    ///
    /// # Panics
    /// If `below` is 0.
    pub fn below(&mut self, below: u32) -> u32 {
        assert!(below > 0, "a number below 0 was asked for");
        // Lemire's multiply-shift; the bias below 2^-32 does not matter for games.
        ((u128::from(self.next_u64()) * u128::from(below)) >> 64) as u32
    }
}

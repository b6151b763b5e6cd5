//! What a game is to Parlor: one trait of pure functions over a state of the game's own.
//! Who sits where, who is connected and when a match begins is decided in `lobby`; running a
//! match behind this trait is `play`'s part.

use std::{fmt::Debug, ops::RangeInclusive, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::time::Time;

/// The rules of a game, written as a deterministic reducer.
///
/// All of it is called on the shard that owns the lobby: nothing may block, read a clock or use
/// chance other than [`Cx::random`], so that a match can be replayed from its inputs. A panic
/// ends the match with the reason `crashed` and nothing else.
pub trait Game: Sized + Send + 'static {
    /// What the creator of a lobby may choose; read from JSON before the lobby exists.
    type Config: DeserializeOwned + Serialize + Default + Clone + Send + Debug;
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

    /// How long a dropped player's seat is kept during a match.
    const GRACE: Duration = Duration::from_secs(60);

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

    /// A seat's player dropped, returned or is gone for good. By default nothing happens.
    fn seat(_: &mut Self::State, _: Seat, _: SeatChange, _: &mut Cx<'_, Self>) {}

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
    /// Each seat has a view of its own; all spectators share one.
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
}

/// What became of a seat's player during a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatChange {
    /// The connection was lost; the seat is kept for [`Game::GRACE`].
    Dropped,
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
    /// The game's word for it.
    pub reason: &'static str,
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

/// What a game may ask of its surroundings, and where it leaves its events.
#[derive(Debug)]
pub struct Cx<'a, G: Game> {
    now: Time,
    tick: u64,
    number: u32,
    seats: &'a [Seat],
    random: &'a mut Random,
    events: Vec<G::Event>,
}

impl<'a, G: Game> Cx<'a, G> {
    /// A context for one call. `number` counts the matches of the lobby from 1; `seats` are
    /// those that play, in order. (Public so that a game's own tests can call its rules.)
    pub fn new(now: Time, number: u32, seats: &'a [Seat], random: &'a mut Random) -> Self {
        Self { now, tick: 0, number, seats, random, events: Vec::new() }
    }

    /// The same in tick number `tick`.
    pub fn at_tick(mut self, tick: u64) -> Self {
        self.tick = tick;
        self
    }

    /// Logical time of this call.
    pub fn now(&self) -> Time {
        self.now
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

    /// Pushes an event to everybody in the lobby, after the acknowledgement of this call.
    pub fn emit(&mut self, event: G::Event) {
        self.events.push(event);
    }

    /// Takes the events emitted so far. (For `play` and for a game's own tests.)
    pub fn take_events(&mut self) -> Vec<G::Event> {
        std::mem::take(&mut self.events)
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

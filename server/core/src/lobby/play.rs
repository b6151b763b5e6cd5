//! One match: a game's pure functions around its state, with the game's types erased.
//! Who sits where is the lobby's knowledge. A panic of the game ends the match and nothing else.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    marker::PhantomData,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use parlor_shared::api::{Refusal, code};
use serde::Serialize;
use serde_json::value::RawValue;

use super::game::{
    CatchUp, Cx, Game, Outcome, Pace, Random, Reject, Seat, SeatChange, Viewer, Views,
};
use crate::time::Time;

/// Ticks a second at most.
pub const MAX_HZ: u8 = 128;

/// The games of a server, by name. Built before it starts, then shared by all shards.
#[derive(Debug, Clone, Default)]
pub struct Games {
    kinds: BTreeMap<String, Arc<dyn Kind>>,
}

impl Games {
    /// Adds a game under a name; a game of the same name is replaced.
    ///
    /// # Panics
    /// If the game's pace is none that can be kept.
    pub fn register<G: Game>(&mut self, name: &str) {
        if let Pace::Hz(hz) = G::PACE {
            let is_fine = (1..=MAX_HZ).contains(&hz);
            assert!(is_fine, "game `{name}` wants {hz} ticks a second; 1 to {MAX_HZ} are possible");
            let is_fine = G::CATCH_UP != CatchUp::Steps(0);
            assert!(is_fine, "game `{name}` would never catch up: `CatchUp::Steps` is at least 1");
        }
        self.kinds.insert(name.to_owned(), Arc::new(Erased::<G>(PhantomData)));
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The registered names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    pub(super) fn kind(&self, name: &str) -> Option<Arc<dyn Kind>> {
        self.kinds.get(name).cloned()
    }
}

/// A game without its types.
pub(super) trait Kind: Send + Sync + Debug {
    fn seats(&self) -> RangeInclusive<u8>;
    fn grace(&self) -> Duration;
    /// Ticks a second, if there are any.
    fn hz(&self) -> Option<u8>;
    fn catch_up(&self) -> CatchUp;
    fn views(&self) -> Views;
    /// Reads, completes and checks a configuration.
    fn configure(&self, config: Option<&RawValue>) -> Result<Box<dyn Configured>, Refusal>;
}

/// A game with a checked configuration: what a lobby holds.
pub(super) trait Configured: Send + Debug {
    /// Defaults filled in.
    fn json(&self) -> &RawValue;
    /// Begins a match.
    fn start(&self, now: Time, number: u32, seats: Vec<Seat>, seed: u64) -> Box<dyn Play>;
}

/// Logical time of a call, and the number of the tick that is on, or comes next.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub(super) now: Time,
    pub(super) tick: u64,
}

/// A match.
pub(super) trait Play: Send + Debug {
    /// Applies an action: the game's events, or why not (then nothing has changed).
    fn apply(
        &mut self,
        when: When,
        seat: Seat,
        action: &RawValue,
    ) -> Result<Vec<Box<RawValue>>, Refusal>;
    /// A tick: the game's events.
    fn tick(&mut self, when: When) -> Vec<Box<RawValue>>;
    /// Tells the game about a seat: its events.
    fn seat(&mut self, when: When, seat: Seat, change: SeatChange) -> Vec<Box<RawValue>>;
    fn view(&mut self, viewer: Viewer) -> Box<RawValue>;
    fn outcome(&mut self) -> Option<Outcome>;
    /// True once the game has panicked; then it has an outcome as well.
    fn has_crashed(&self) -> bool;
    /// Actions accepted so far.
    fn turn(&self) -> u64;
}

struct Erased<G>(PhantomData<fn() -> G>);

impl<G> Debug for Erased<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<G>())
    }
}

impl<G: Game> Kind for Erased<G> {
    fn seats(&self) -> RangeInclusive<u8> {
        G::SEATS
    }

    fn grace(&self) -> Duration {
        G::GRACE
    }

    fn hz(&self) -> Option<u8> {
        match G::PACE {
            Pace::Turns => None,
            Pace::Hz(hz) => Some(hz),
        }
    }

    fn catch_up(&self) -> CatchUp {
        G::CATCH_UP
    }

    fn views(&self) -> Views {
        G::VIEWS
    }

    fn configure(&self, config: Option<&RawValue>) -> Result<Box<dyn Configured>, Refusal> {
        let read = || {
            let config: G::Config = match config {
                Some(raw) => serde_json::from_str(raw.get()).map_err(|error| error.to_string())?,
                None => G::Config::default(),
            };
            G::check(&config)?;
            let json = serde_json::value::to_raw_value(&config).map_err(|e| e.to_string())?;
            Ok(WithConfig::<G> { config, json })
        };
        match guard(read).unwrap_or_else(|Crashed| Err("the game could not check it".to_owned())) {
            Ok(configured) => Ok(Box::new(configured)),
            Err(message) => Err(Refusal::new(code::BAD_CONFIG, message)),
        }
    }
}

struct WithConfig<G: Game> {
    config: G::Config,
    json: Box<RawValue>,
}

impl<G: Game> Debug for WithConfig<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

impl<G: Game> Configured for WithConfig<G> {
    fn json(&self) -> &RawValue {
        &self.json
    }

    fn start(&self, now: Time, number: u32, seats: Vec<Seat>, seed: u64) -> Box<dyn Play> {
        let mut random = Random::new(seed);
        let state = guard(|| {
            let mut cx = Cx::new(now, number, &seats, &mut random);
            G::setup(&self.config, &mut cx)
        });
        Box::new(Match::<G> { state: state.ok(), number, seats, random, turn: 0 })
    }
}

struct Match<G: Game> {
    /// `None` once the game has crashed.
    state: Option<G::State>,
    number: u32,
    seats: Vec<Seat>,
    random: Random,
    turn: u64,
}

impl<G: Game> Debug for Match<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Match").field("number", &self.number).field("turn", &self.turn).finish()
    }
}

impl<G: Game> Play for Match<G> {
    fn apply(
        &mut self,
        when: When,
        seat: Seat,
        action: &RawValue,
    ) -> Result<Vec<Box<RawValue>>, Refusal> {
        // Reading an action, copying a state and writing events are the game's code as well.
        let read = guard(|| (serde_json::from_str(action.get()), self.state.clone()));
        let Ok((action, Some(before))) = read else { return Err(self.crash()) };
        let action: G::Action =
            action.map_err(|error| Refusal::new(code::BAD_REQUEST, error.to_string()))?;
        let random = self.random.clone();
        let state = self.state.as_mut().expect("just copied");
        let cx = Cx::new(when.now, self.number, &self.seats, &mut self.random);
        let mut cx = cx.at_tick(when.tick);
        let applied = guard(|| {
            G::apply(state, seat, action, &mut cx)?;
            Ok(write_events::<G>(&mut cx))
        });
        match applied {
            Ok(Ok(events)) => {
                self.turn += 1;
                Ok(events)
            }
            Ok(Err(Reject { code, message })) => {
                (self.state, self.random) = (Some(before), random);
                Err(Refusal::new(code, message))
            }
            Err(Crashed) => Err(self.crash()),
        }
    }

    fn tick(&mut self, when: When) -> Vec<Box<RawValue>> {
        self.tell(when, G::tick)
    }

    fn seat(&mut self, when: When, seat: Seat, change: SeatChange) -> Vec<Box<RawValue>> {
        self.tell(when, |state, cx| G::seat(state, seat, change, cx))
    }

    fn view(&mut self, viewer: Viewer) -> Box<RawValue> {
        let null = || RawValue::from_string("null".to_owned()).expect("null is JSON");
        let Some(state) = &self.state else { return null() };
        match guard(|| serde_json::value::to_raw_value(&G::view(state, viewer))) {
            Ok(Ok(view)) => view,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a view has no JSON form");
                null()
            }
            Err(Crashed) => {
                self.state = None;
                null()
            }
        }
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let crashed = Some(Outcome { winners: Vec::new(), reason: "crashed" });
        let Some(state) = &self.state else { return crashed };
        guard(|| G::outcome(state)).unwrap_or_else(|Crashed| {
            self.state = None;
            crashed
        })
    }

    fn has_crashed(&self) -> bool {
        self.state.is_none()
    }

    fn turn(&self) -> u64 {
        self.turn
    }
}

impl<G: Game> Match<G> {
    /// Calls the game about something it cannot refuse: its events.
    fn tell(
        &mut self,
        when: When,
        call: impl FnOnce(&mut G::State, &mut Cx<'_, G>),
    ) -> Vec<Box<RawValue>> {
        let Some(state) = &mut self.state else { return Vec::new() };
        let cx = Cx::new(when.now, self.number, &self.seats, &mut self.random);
        let mut cx = cx.at_tick(when.tick);
        let told = guard(|| {
            call(state, &mut cx);
            write_events::<G>(&mut cx)
        });
        told.unwrap_or_else(|Crashed| {
            self.state = None;
            Vec::new()
        })
    }

    /// Gives the state up: the match is over.
    fn crash(&mut self) -> Refusal {
        self.state = None;
        Refusal::new(code::MATCH_CRASH, "the game failed; the match is over")
    }
}

fn write_events<G: Game>(cx: &mut Cx<'_, G>) -> Vec<Box<RawValue>> {
    cx.take_events().iter().filter_map(write_event).collect()
}

fn write_event<E: Serialize>(event: &E) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(event)
        .inspect_err(|error| tracing::warn!(%error, "an event has no JSON form"))
        .ok()
}

/// The game panicked.
struct Crashed;

/// Runs a game's code. What it may leave half done is given up by the caller.
fn guard<T>(run: impl FnOnce() -> T) -> Result<T, Crashed> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        tracing::error!("a game panicked; its match ends");
        Crashed
    })
}

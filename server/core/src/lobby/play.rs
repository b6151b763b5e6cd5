//! One match: a game's pure functions around its state, with the game's types erased.
//! Who sits where is the lobby's knowledge. A panic of the game ends the match and nothing else.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use parlor_shared::api::{Refusal, code, lobby::OpenPoll};
use serde::Serialize;
use serde_json::value::RawValue;

use super::game::{
    CatchUp, Cx, Game, Outcome, Pace, Random, Reject, Said, Seat, SeatChange, Timer, Viewer, Views,
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
        let is_fine = G::KEEP >= G::GRACE;
        assert!(is_fine, "game `{name}` gives seats away before their grace is over");
        self.kinds.insert(name.to_owned(), Arc::new(Erased::<G>::new(name)));
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The registered names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// Whether a queue's matches could be played in this game, with so many players.
    ///
    /// # Errors
    /// Why not, as the end of a sentence.
    pub fn judge(
        &self,
        name: &str,
        players: RangeInclusive<usize>,
        has_bots: bool,
        config: Option<&RawValue>,
    ) -> Result<(), String> {
        let kind = self.kinds.get(name).ok_or_else(|| format!("no game is called `{name}`"))?;
        let seats = usize::from(*kind.seats().start())..=usize::from(*kind.seats().end());
        if !seats.contains(players.start()) || !seats.contains(players.end()) {
            let (from, to) = seats.into_inner();
            let most = if from == to { String::new() } else { format!(" to {to}") };
            return Err(format!("`{name}` is for {from}{most} players"));
        }
        if has_bots && !kind.bots() {
            return Err(format!("`{name}` has no bots"));
        }
        let told = |refusal: Refusal| format!("its `config`: {}", refusal.message);
        kind.configure(config).map(|_| ()).map_err(told)
    }

    pub(super) fn kind(&self, name: &str) -> Option<Arc<dyn Kind>> {
        self.kinds.get(name).cloned()
    }
}

/// A game without its types.
pub(super) trait Kind: Send + Sync + Debug {
    /// What it is registered as.
    fn name(&self) -> &str;
    fn seats(&self) -> RangeInclusive<u8>;
    fn grace(&self) -> Duration;
    fn keep(&self) -> Duration;
    fn late_join(&self) -> bool;
    fn bots(&self) -> bool;
    /// Ticks a second, if there are any.
    fn hz(&self) -> Option<u8>;
    fn catch_up(&self) -> CatchUp;
    fn views(&self) -> Views;
    /// Reads, completes and checks a configuration. Those who choose what everybody gets share it.
    fn configure(&self, config: Option<&RawValue>) -> Result<Arc<dyn Configured>, Refusal>;
}

/// A game with a checked configuration: what a lobby holds.
pub(super) trait Configured: Send + Sync + Debug {
    /// Defaults filled in.
    fn json(&self) -> &RawValue;
    /// Begins a match.
    fn start(&self, when: When, number: u32, cast: Cast, seed: u64) -> Started;
}

/// What the many are asked, and until when.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) open: OpenPoll,
    pub(super) ends: Time,
    pub(super) ends_ms: u64,
}

impl Question {
    /// Asked now.
    pub(super) fn new(open: OpenPoll, now: Time, unix_ms: u64) -> Self {
        let seconds = u64::from(open.seconds);
        let (ends, ends_ms) = (now + Duration::from_secs(seconds), unix_ms + 1000 * seconds);
        Self { open, ends, ends_ms }
    }
}

/// Who plays a match.
#[derive(Debug)]
pub(super) struct Cast {
    /// All of them, in order.
    pub(super) seats: Vec<Seat>,
    /// Those of them whom nobody plays, in order.
    pub(super) bots: Vec<Seat>,
    /// How long one of these thinks, in a game of turns.
    pub(super) bot_delay: Duration,
}

/// A match that has begun, and the game's first events.
pub(super) type Started = (Box<dyn Play>, Vec<Told>);

/// Logical time of a call, the number of the tick that is on, or comes next, and who is host.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub(super) now: Time,
    pub(super) unix_ms: u64,
    pub(super) tick: u64,
    pub(super) host: Option<Seat>,
}

/// An event of a game, as it travels.
pub(super) type Told = Said<Box<RawValue>>;

/// A match.
pub(super) trait Play: Send + Debug {
    /// Applies an action: the game's events, or why not (then nothing has changed).
    fn apply(&mut self, when: When, seat: Seat, action: &RawValue) -> Result<Vec<Told>, Refusal>;
    /// Bots have these seats from now on, in order, and each thinks for so long in a game of turns.
    fn set_bots(&mut self, when: When, seats: Vec<Seat>, delay: Duration);
    /// Each bot does what it would, until one ends the match: the game's events. For games with
    /// ticks; in a game of turns [`Self::wake`] sees to bots, one each time.
    fn bots(&mut self, when: When) -> Vec<Told>;
    /// A seat claims against others that are overdue.
    fn claim(&mut self, when: When, by: Seat, overdue: &[Seat]) -> Result<Vec<Told>, Refusal>;
    /// A tick: the game's events.
    fn tick(&mut self, when: When) -> Vec<Told>;
    /// Tells the game about a seat: its events.
    fn seat(&mut self, when: When, seat: Seat, change: SeatChange) -> Vec<Told>;
    /// Tells the game that another is host: its events.
    fn host(&mut self, when: When) -> Vec<Told>;
    /// Tells the game how audience and spectators have voted: its events.
    fn votes(&mut self, when: When, votes: &[u32]) -> Vec<Told>;
    /// What the game asks them. Asked when [`Self::take_changed`] is true.
    fn take_question(&mut self) -> Option<Question>;
    /// When [`Self::wake`] is due.
    fn deadline(&self) -> Option<Time>;
    /// Calls the earliest timer whose time has come at `when.now`: the game's events.
    fn wake(&mut self, when: When) -> Vec<Told>;
    fn view(&mut self, viewer: Viewer) -> Box<RawValue>;
    /// True if a view may be another than when this was asked before.
    fn take_changed(&mut self) -> bool;
    fn outcome(&mut self) -> Option<Outcome>;
    /// True once the game has panicked; then it has an outcome as well.
    fn has_crashed(&self) -> bool;
    /// Actions accepted so far.
    fn turn(&self) -> u64;
}

struct Erased<G: Game> {
    name: Box<str>,
    /// The configuration of who chooses none.
    default: Result<Arc<WithConfig<G>>, Refusal>,
}

impl<G: Game> Erased<G> {
    fn new(name: &str) -> Self {
        Self { name: name.into(), default: WithConfig::read(None).map(Arc::new) }
    }
}

impl<G: Game> Debug for Erased<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<G>())
    }
}

impl<G: Game> Kind for Erased<G> {
    fn name(&self) -> &str {
        &self.name
    }

    fn seats(&self) -> RangeInclusive<u8> {
        G::SEATS
    }

    fn grace(&self) -> Duration {
        G::GRACE
    }

    fn keep(&self) -> Duration {
        G::KEEP
    }

    fn late_join(&self) -> bool {
        G::LATE_JOIN
    }

    fn bots(&self) -> bool {
        G::BOTS
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

    fn configure(&self, config: Option<&RawValue>) -> Result<Arc<dyn Configured>, Refusal> {
        if config.is_none() {
            return Ok(self.default.clone()?);
        }
        let chosen = WithConfig::<G>::read(config)?;
        match &self.default {
            Ok(default) if default.json.get() == chosen.json.get() => Ok(Arc::clone(default) as _),
            _ => Ok(Arc::new(chosen)),
        }
    }
}

struct WithConfig<G: Game> {
    config: G::Config,
    json: Box<RawValue>,
}

impl<G: Game> WithConfig<G> {
    fn read(config: Option<&RawValue>) -> Result<Self, Refusal> {
        let read = || {
            let config: G::Config = match config {
                Some(raw) => serde_json::from_str(raw.get()).map_err(|error| error.to_string())?,
                None => G::Config::default(),
            };
            G::check(&config)?;
            let json = serde_json::value::to_raw_value(&config).map_err(|e| e.to_string())?;
            Ok(Self { config, json })
        };
        let read = guard(read).unwrap_or_else(|Crashed| Err("the game failed over it".to_owned()));
        read.map_err(|message| Refusal::new(code::BAD_CONFIG, message))
    }
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

    fn start(&self, when: When, number: u32, cast: Cast, seed: u64) -> Started {
        let Cast { seats, bots, bot_delay } = cast;
        let mut random = Random::new(seed);
        let begun = guard(|| {
            let mut cx = context::<G>(when, number, &seats, &mut random);
            let state = G::setup(&self.config, &mut cx);
            (state, Left::take(&mut cx))
        });
        let (state, left) = begun
            .map_or_else(|Crashed| (None, Left::default()), |(state, left)| (Some(state), left));
        let (timers, changed) = (Timers::default(), true);
        let bots = (!bots.is_empty()).then(|| Box::new(Bots::new(bots, bot_delay)));
        let mut play = Match::<G> {
            state,
            number,
            seats,
            random,
            turn: 0,
            timers,
            changed,
            bots,
            question: None,
        };
        let told = play.take(when, left);
        (Box::new(play), told)
    }
}

struct Match<G: Game> {
    /// `None` once the game has crashed.
    state: Option<G::State>,
    number: u32,
    seats: Vec<Seat>,
    random: Random,
    turn: u64,
    timers: Timers,
    /// A call may have changed a view since the lobby looked.
    changed: bool,
    /// `None` as long as there is none.
    bots: Option<Box<Bots>>,
    /// What the game would have asked.
    question: Option<Box<Question>>,
}

/// Those whom nobody plays.
#[derive(Debug)]
struct Bots {
    seats: Vec<Seat>,
    delay: Duration,
    /// When one of them is asked, in a game of turns: soon after a change.
    due: Option<Time>,
    /// Which is asked first, so that each has its turn.
    next: usize,
}

impl Bots {
    fn new(seats: Vec<Seat>, delay: Duration) -> Self {
        Self { seats, delay, due: None, next: 0 }
    }
}

/// The deadlines of a match: few.
#[derive(Debug, Default)]
struct Timers(Vec<(Time, Timer)>);

impl Timers {
    fn change(&mut self, changes: Vec<(Timer, Option<Time>)>) {
        for (timer, at) in changes {
            self.0.retain(|(_, set)| *set != timer);
            self.0.extend(at.map(|at| (at, timer)));
        }
    }

    /// The earliest; of those at the same time, the one with the lowest number.
    fn first(&self) -> Option<(Time, Timer)> {
        self.0.iter().min().copied()
    }
}

impl<G: Game> Debug for Match<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Match").field("number", &self.number).field("turn", &self.turn).finish()
    }
}

impl<G: Game> Play for Match<G> {
    fn apply(&mut self, when: When, seat: Seat, action: &RawValue) -> Result<Vec<Told>, Refusal> {
        // Reading an action is the game's code as well.
        let Ok(action) = guard(|| serde_json::from_str(action.get())) else {
            return Err(self.crash());
        };
        let action: G::Action =
            action.map_err(|error| Refusal::new(code::BAD_REQUEST, error.to_string()))?;
        let told = self.attempt(when, |state, cx| G::apply(state, seat, action, cx))?;
        self.turn += 1;
        Ok(told)
    }

    fn set_bots(&mut self, when: When, seats: Vec<Seat>, delay: Duration) {
        self.bots = (!seats.is_empty()).then(|| Box::new(Bots::new(seats, delay)));
        self.expect_bots(when);
    }

    fn bots(&mut self, when: When) -> Vec<Told> {
        let n = self.bots.as_ref().map_or(0, |bots| bots.seats.len());
        let mut told = Vec::new();
        for at in 0..n {
            let Some(seat) = self.bots.as_ref().and_then(|bots| bots.seats.get(at)) else { break };
            told.extend(self.bot(when, *seat).into_iter().flatten());
            if self.outcome().is_some() {
                break;
            }
        }
        told
    }

    fn claim(&mut self, when: When, by: Seat, overdue: &[Seat]) -> Result<Vec<Told>, Refusal> {
        self.attempt(when, |state, cx| G::claim(state, by, overdue, cx))
    }

    fn tick(&mut self, when: When) -> Vec<Told> {
        self.tell(when, G::tick)
    }

    fn seat(&mut self, when: When, seat: Seat, change: SeatChange) -> Vec<Told> {
        if change == SeatChange::Joined
            && let Err(at) = self.seats.binary_search(&seat)
        {
            self.seats.insert(at, seat);
        }
        self.tell(when, |state, cx| G::seat(state, seat, change, cx))
    }

    fn host(&mut self, when: When) -> Vec<Told> {
        self.tell(when, G::host)
    }

    fn votes(&mut self, when: When, votes: &[u32]) -> Vec<Told> {
        self.tell(when, |state, cx| G::votes(state, votes, cx))
    }

    fn take_question(&mut self) -> Option<Question> {
        self.question.take().map(|question| *question)
    }

    fn deadline(&self) -> Option<Time> {
        let bots = self.bots.as_ref().and_then(|bots| bots.due);
        let first = self.timers.first().map(|(at, _)| at).into_iter().chain(bots).min();
        first.filter(|_| !self.has_crashed())
    }

    fn wake(&mut self, when: When) -> Vec<Told> {
        let is_due = |at: Time| at <= when.now;
        // A flag that falls as a bot would move has fallen.
        let bots = self.bots.as_ref().and_then(|bots| bots.due);
        let timer = self.timers.first().filter(|(at, _)| bots.is_none_or(|bots| *at <= bots));
        let Some((_, timer)) = timer.filter(|(at, _)| is_due(*at)) else {
            return if bots.is_some_and(is_due) { self.wake_bots(when) } else { Vec::new() };
        };
        self.timers.change(vec![(timer, None)]);
        self.tell(when, |state, cx| G::wake(state, timer, cx))
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
                self.crash();
                null()
            }
        }
    }

    fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let crashed = Some(Outcome::void("crashed"));
        let Some(state) = &self.state else { return crashed };
        let outcome = guard(|| G::outcome(state)).unwrap_or_else(|Crashed| {
            self.crash();
            crashed
        });
        // A state tells of the end.
        self.changed |= outcome.is_some();
        outcome
    }

    fn has_crashed(&self) -> bool {
        self.state.is_none()
    }

    fn turn(&self) -> u64 {
        self.turn
    }
}

impl<G: Game> Match<G> {
    /// Calls the game about something it may refuse: its events. If it does, all is as before.
    fn attempt(
        &mut self,
        when: When,
        call: impl FnOnce(&mut G::State, &mut Cx<'_, G>) -> Result<(), Reject>,
    ) -> Result<Vec<Told>, Refusal> {
        // Copying a state and writing events are the game's code as well.
        let Ok(Some(before)) = guard(|| self.state.clone()) else { return Err(self.crash()) };
        let random = self.random.clone();
        let state = self.state.as_mut().expect("just copied");
        let mut cx = context::<G>(when, self.number, &self.seats, &mut self.random);
        let called = guard(|| {
            call(state, &mut cx)?;
            Ok(Left::take(&mut cx))
        });
        match called {
            Ok(Ok(left)) => Ok(self.take(when, left)),
            Ok(Err(Reject { code, message })) => {
                (self.state, self.random) = (Some(before), random);
                Err(Refusal::new(code, message))
            }
            Err(Crashed) => Err(self.crash()),
        }
    }

    /// Calls the game about something it cannot refuse: its events.
    fn tell(&mut self, when: When, call: impl FnOnce(&mut G::State, &mut Cx<'_, G>)) -> Vec<Told> {
        let Some(state) = &mut self.state else { return Vec::new() };
        let mut cx = context::<G>(when, self.number, &self.seats, &mut self.random);
        let called = guard(|| {
            call(state, &mut cx);
            Left::take(&mut cx)
        });
        let Ok(left) = called else {
            self.crash();
            return Vec::new();
        };
        self.take(when, left)
    }

    /// Takes over what a call has left: its events remain.
    fn take(&mut self, when: When, left: Left) -> Vec<Told> {
        self.timers.change(left.timers);
        self.changed |= !left.keeps_view || left.asked.is_some();
        if let Some(open) = left.asked {
            self.question = Some(Box::new(Question::new(open, when.now, when.unix_ms)));
        }
        self.expect_bots(when);
        left.told
    }

    /// Something has changed: in a game of turns a bot may have something to do about it.
    fn expect_bots(&mut self, when: When) {
        if let (Some(bots), Pace::Turns) = (&mut self.bots, G::PACE) {
            bots.due.get_or_insert(when.now + bots.delay);
        }
    }

    /// One bot does what it would, of those that would do something.
    fn wake_bots(&mut self, when: When) -> Vec<Told> {
        let Some(bots) = &mut self.bots else { return Vec::new() };
        bots.due = None;
        let (n, first) = (bots.seats.len(), bots.next);
        for at in (first..n).chain(0..first.min(n)) {
            let Some(seat) = self.bots.as_ref().and_then(|bots| bots.seats.get(at)) else { break };
            if let Some(told) = self.bot(when, *seat) {
                self.bots.as_mut().into_iter().for_each(|bots| bots.next = at + 1);
                return told;
            }
        }
        Vec::new()
    }

    /// What the bot in this seat does: the game's events. `None`: nothing now.
    fn bot(&mut self, when: When, seat: Seat) -> Option<Vec<Told>> {
        let state = self.state.as_ref()?;
        let mut cx = context::<G>(when, self.number, &self.seats, &mut self.random);
        let Ok(action) = guard(|| G::bot(state, seat, &mut cx)) else {
            self.crash();
            return Some(Vec::new());
        };
        let action = action?;
        match self.attempt(when, |state, cx| G::apply(state, seat, action, cx)) {
            Ok(told) => {
                self.turn += 1;
                Some(told)
            }
            Err(refusal) => {
                tracing::debug!(code = refusal.code, refusal.message, "a bot may not do that");
                self.has_crashed().then(Vec::new)
            }
        }
    }

    /// Gives the state up: the match is over.
    fn crash(&mut self) -> Refusal {
        self.state = None;
        self.changed = true;
        Refusal::new(code::MATCH_CRASH, "the game failed; the match is over")
    }
}

fn context<'a, G: Game>(
    when: When,
    number: u32,
    seats: &'a [Seat],
    random: &'a mut Random,
) -> Cx<'a, G> {
    let cx = Cx::new(when.now, number, seats, random);
    cx.at_unix_ms(when.unix_ms).at_tick(when.tick).with_host(when.host)
}

/// What a call of the game has left: its events, written, and its deadlines.
#[derive(Default)]
struct Left {
    told: Vec<Told>,
    timers: Vec<(Timer, Option<Time>)>,
    keeps_view: bool,
    asked: Option<OpenPoll>,
}

impl Left {
    fn take<G: Game>(cx: &mut Cx<'_, G>) -> Self {
        let said = cx.take_said().into_iter();
        let told = said.filter_map(|Said { to, volatile, event }| {
            Some(Told { to, volatile, event: write_event(&event)? })
        });
        let (told, timers, keeps_view) = (told.collect(), cx.take_timers(), cx.keeps_view());
        Self { told, timers, keeps_view, asked: cx.take_asked() }
    }
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

//! The desk: every ticket of the server, who handed it in, and what becomes of it.
//! Who goes with whom is each queue's pool to find; the lobby they meet in is its shard's matter.
//!
//! ```text
//!  Waiting ──found──► Paired(asked) ──all say yes──► Paired(lobby opens) ──► Paired(seats wait)
//!     ▲                     │                              │                      │
//!     └── somebody else ────┴──────────────────────────────┘──────────────────────┤
//!                                                             Ended(with a reason) ◄── all came
//! ```

mod choices;
mod explain;
mod gathering;
mod pairings;
mod people;
mod seats;
mod tickets;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parlor_shared::{
    api::{Refusal, code, matchmaking as api},
    id::TicketId,
};
use slab::Slab;

use super::{
    effect::{Effects, answer},
    figures::QueueFigures,
    parties::{Parties, PartyEffects},
    penalty::Penalties,
    pool::{Pool, Progress, TicketKey},
    queue::{Kind, Queue, RATING, Rule},
    rating::Ladders,
    recent::Recent,
    request::Request,
    settings::MatchmakerSettings,
};
use crate::{
    assignment::Assigned,
    hash::Keyed,
    ids::Ids,
    key::{Address, Origin, PartyKey, PersonKey, ShardId},
    time::{Deadlines, Time, earliest},
    who::Who,
};
use pairings::Pairing;
use people::People;
use tickets::Ticket;

/// What a turn of the shard spends on pairing, in the pool's units: about a millisecond.
const SLICE: usize = 1_000;
/// Deadlines that are seen to in one turn, of each kind. If more are due, pairing waits for them.
const DUE_AT_ONCE: usize = 32;

/// Waits that tell those who wait now what to expect: at another time of day it is another crowd.
const LATELY: Duration = Duration::from_secs(1800);

/// The machine.
#[derive(Debug)]
pub(super) struct Desk {
    settings: MatchmakerSettings,
    /// Where lobbies may be made.
    shards: Vec<ShardId>,
    lines: Vec<Line>,
    /// The line that the next slice begins with.
    next_line: usize,
    people: People,
    tickets: Slab<Ticket>,
    by_id: BTreeMap<TicketId, TicketKey>,
    /// By idempotency key, and whose account it came with: the ticket, and who has handed it in.
    by_key: BTreeMap<(Box<str>, Box<str>), (TicketKey, PersonKey)>,
    /// Tickets that have not ended.
    n_active: usize,
    /// The same by where they come from, for those that some do.
    n_active_from: BTreeMap<Origin, usize>,
    pairings: BTreeMap<u64, Pairing>,
    n_pairings: u64,
    ladders: Ladders,
    penalties: Penalties,
    parties: Parties,
    /// What parties want, until it is done.
    gathered: PartyEffects,
    /// Tickets of parties that are what they were when it was handed in.
    by_party: BTreeSet<(PartyKey, TicketKey)>,
    deadlines: Deadlines<Due>,
    /// Where in the tickets the next are told how it goes on.
    told_up_to: usize,
    /// [`Due::Progress`] is set.
    is_telling: bool,
    hasher: Keyed,
}

/// One queue and who waits in it.
#[derive(Debug)]
struct Line {
    queue: Arc<Queue>,
    ladder: Box<str>,
    pool: Pool,
    /// The pool is in the middle of a wave.
    is_busy: bool,
    waits: Recent,
    gaps: Recent,
    figures: QueueFigures,
}

/// What is due at a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A player has been away for long enough.
    Away(PersonKey),
    /// A stage of a pairing is over.
    Pairing(u64),
    /// A ticket that has ended is forgotten.
    Forget(TicketKey),
    /// Some who wait are told how it goes on.
    Progress,
}

impl Desk {
    /// Nobody waits.
    pub(super) fn new(settings: MatchmakerSettings, shards: Vec<ShardId>) -> Self {
        let line = |(at, queue): (u64, &Arc<Queue>)| Line {
            queue: Arc::clone(queue),
            ladder: queue.ladder().into(),
            pool: Pool::new(Arc::clone(queue), settings.seed.wrapping_add(at)),
            is_busy: false,
            waits: Recent::default(),
            gaps: Recent::default(),
            figures: QueueFigures::default(),
        };
        Self {
            lines: (0..).zip(&settings.queues).map(line).collect(),
            shards,
            next_line: 0,
            people: People::default(),
            tickets: Slab::new(),
            by_id: BTreeMap::new(),
            by_key: BTreeMap::new(),
            n_active: 0,
            n_active_from: BTreeMap::new(),
            pairings: BTreeMap::new(),
            n_pairings: 0,
            ladders: Ladders::in_memory(settings.seed),
            penalties: Penalties::default(),
            parties: Parties::new(settings.parties),
            gathered: PartyEffects::new(),
            by_party: BTreeSet::new(),
            deadlines: Deadlines::default(),
            told_up_to: 0,
            is_telling: false,
            hasher: Keyed::new(settings.seed),
            settings,
        }
    }

    /// True if nobody waits or plays, and no socket is known.
    pub(super) fn is_empty(&self) -> bool {
        let has_people = !self.people.is_empty() || !self.parties.is_empty();
        self.n_active == 0 && !has_people && self.pairings.is_empty()
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let lines = self.lines.iter();
        let pools = lines
            .filter_map(|line| if line.is_busy { Some(Time::ZERO) } else { line.pool.deadline() });
        earliest([self.deadlines.next(), self.parties.deadline(), pools.min()])
    }

    /// How it stands with each queue.
    pub(super) fn figures(&self) -> Vec<(&str, QueueFigures)> {
        let of = |line: &Line| QueueFigures {
            n_waiting: line.pool.len(),
            n_players: line.pool.n_players(),
            waits_ms: line.waits.percentiles(Time::ZERO),
            gaps: line.gaps.percentiles(Time::ZERO),
            ..line.figures.clone()
        };
        self.lines.iter().map(|line| (&*line.queue.name, of(line))).collect()
    }

    /// A socket of any shard asks something.
    pub(super) fn ask(
        &mut self,
        now: Time,
        (socket, who): (Address, Who),
        request: Request,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Effects,
    ) {
        if who.player.is_some() {
            // From now on it hears what is said to its player, whatever it asks.
            self.somebody(now, (socket, &who), ids);
        }
        match request {
            Request::Queues => answer(socket, ack, Ok(self.queues(now)), effects),
            Request::Ratings(ask) => {
                let ratings = self.ratings(now, &who, ask.player.as_deref());
                answer(socket, ack, ratings, effects);
            }
            Request::Create(create) => {
                let created = self.create(now, (socket, &who), &create, ids, effects);
                self.answer_ticket(now, socket, ack, created, effects);
            }
            Request::Ticket(which) => {
                let found = self.find(now, (socket, &who), which);
                self.answer_ticket(now, socket, ack, found, effects);
            }
            Request::Cancel(which) => {
                let found = self.find(now, (socket, &who), which);
                let done = found.and_then(|key| self.cancel(now, key, socket, effects));
                self.answer_ticket(now, socket, ack, done, effects);
            }
            Request::Accept(which) => {
                let found = self.find(now, (socket, &who), which);
                let done = found.and_then(|key| self.accept(now, key, socket, effects));
                self.answer_ticket(now, socket, ack, done, effects);
            }
            Request::Decline(which) => {
                let found = self.find(now, (socket, &who), which);
                let done = found.and_then(|key| self.decline(now, key, socket, effects));
                self.answer_ticket(now, socket, ack, done, effects);
            }
            Request::Party(request) => {
                self.ask_party(now, (socket, &who), &request, ack, ids, effects);
            }
        }
        self.settle_parties(now, effects);
    }

    /// A socket is gone that had asked something.
    pub(super) fn gone(&mut self, now: Time, socket: Address, effects: &mut Effects) {
        if let Some(player) = self.people.lost(socket) {
            self.is_gone(now, player);
        }
        self.settle_parties(now, effects);
    }

    /// A lobby says something of the seats that are kept in it.
    pub(super) fn assigned(&mut self, now: Time, assigned: Assigned, effects: &mut Effects) {
        match assigned {
            Assigned::Opened { number, lobby, code, tokens } => {
                self.opened(now, number, (lobby, &code, &tokens), effects);
            }
            Assigned::Refused { number, refusal } => self.refused(now, number, &refusal, effects),
            Assigned::Seated { number } => {
                self.seated(now, number, effects);
                self.settle_parties(now, effects);
            }
            Assigned::Absent { number, seats } => self.absent(now, number, &seats, effects),
            Assigned::Played { number, winners, left, counts, .. } => {
                self.played(now, number, (&winners, &left, counts), effects);
            }
        }
    }

    /// Deadlines may have passed; a slice of a wave is due.
    pub(super) fn timeout(&mut self, now: Time, effects: &mut Effects) {
        let mut n_due = 0;
        while n_due < DUE_AT_ONCE
            && let Some((_, due)) = self.deadlines.pop(now)
        {
            n_due += 1;
            match due {
                Due::Away(player) => self.away(now, player, effects),
                Due::Pairing(number) => self.overdue(now, number, effects),
                Due::Forget(key) => self.forget(key),
                Due::Progress => self.tell_progress(now, effects),
            }
        }
        self.parties.expire(now, &mut self.gathered);
        self.settle_parties(now, effects);
        let n_expired = self.expire(now, effects);
        if n_due.max(n_expired) < DUE_AT_ONCE {
            self.pair(now, effects);
        }
    }

    /// Those whom their queues give up, and how many they were.
    fn expire(&mut self, now: Time, effects: &mut Effects) -> usize {
        let mut n_expired = 0;
        for line in 0..self.lines.len() {
            while n_expired < DUE_AT_ONCE
                && let Some(key) = self.lines[line].pool.expire(now)
            {
                n_expired += 1;
                self.end(now, key, api::Reason::Expired, effects);
            }
        }
        n_expired
    }

    /// One slice of pairing, for the queue whose turn it is.
    fn pair(&mut self, now: Time, effects: &mut Effects) {
        let n_lines = self.lines.len();
        let is_due = |line: &Line| line.is_busy || line.pool.deadline().is_some_and(|at| at <= now);
        let mut turn = (0..n_lines).map(|i| (self.next_line + i) % n_lines);
        let Some(at) = turn.find(|at| is_due(&self.lines[*at])) else { return };
        self.next_line = at + 1;
        let mut found = Vec::new();
        let line = &mut self.lines[at];
        line.is_busy = line.pool.step(now, SLICE, &mut found) == Progress::More;
        for found in found {
            self.found(now, at, found, effects);
        }
    }

    fn queues(&self, now: Time) -> api::Queues {
        api::Queues { queues: self.lines.iter().map(|line| line.told(now)).collect() }
    }

    fn ratings(&mut self, now: Time, who: &Who, of: Option<&str>) -> Result<api::Ratings, Refusal> {
        let nobody = || Refusal::new(code::AUTH, "only players with an account have ratings");
        let player = of.or(who.player.as_deref()).ok_or_else(nobody)?;
        let unix_ms = self.unix_ms(now);
        let mut names: Vec<&str> = self.lines.iter().map(|line| &*line.ladder).collect();
        names.sort_unstable();
        names.dedup();
        let rating =
            |ladder: &str| told_rating(ladder, &self.ladders.rating(unix_ms, ladder, player));
        let ratings = names.into_iter().map(rating).filter(|rating| rating.games > 0);
        Ok(api::Ratings { ratings: ratings.collect() })
    }

    /// What the clock shows.
    fn unix_ms(&self, now: Time) -> u64 {
        self.settings.epoch_ms + now.since_start().as_millis() as u64
    }
}

impl Line {
    fn told(&self, now: Time) -> api::Queue {
        use super::queue::Shape;
        let (teams, team_size) = match self.queue.shape() {
            Shape::Teams(teams) => (teams.count, teams.size),
            Shape::Players(players) => (players.to, 1),
        };
        let config = serde_json::value::to_raw_value(&self.queue.config);
        api::Queue {
            name: self.queue.name.clone(),
            game: self.queue.game.clone(),
            config: config.expect("JSON has a JSON form"),
            teams,
            team_size,
            max_party: self.queue.largest_party() as u8,
            rated: self.queue.rated,
            ladder: self.ladder.to_string(),
            asks: self.queue.rules.iter().filter_map(asked).collect(),
            asks_latencies: self
                .queue
                .rules
                .iter()
                .any(|rule| matches!(rule.kind, Kind::Region { .. })),
            accept_ms: self.queue.accept_ms,
            bots_after_ms: self.queue.bots_after_ms,
            give_up_ms: self.queue.give_up_ms,
            waiting: self.pool.n_players() as u32,
            estimate: self.estimate(now),
        }
    }

    fn estimate(&self, now: Time) -> Option<api::Estimate> {
        let since = now.since_start().saturating_sub(LATELY);
        let (p50, p95) = self.waits.percentiles(Time::after_start(since))?;
        Some(api::Estimate { p50_ms: p50.into(), p95_ms: p95.into() })
    }
}

/// What a rule asks tickets to say.
fn asked(rule: &Rule) -> Option<api::Asked> {
    let kind = match &rule.kind {
        Kind::Difference { attribute, .. } if attribute == RATING => return None,
        Kind::Difference { .. } => api::AskedKind::Number,
        Kind::Equal { .. } => api::AskedKind::Same,
        Kind::Overlap { .. } => api::AskedKind::Texts,
        Kind::Region { .. } | Kind::Balance { .. } => return None,
        Kind::PartySize { .. } | Kind::AvoidRepeats { .. } => return None,
    };
    Some(api::Asked {
        name: rule.kind.attribute()?.to_owned(),
        kind,
        required: rule.optional_after_ms == 0,
        choices: rule.config.keys().cloned().collect(),
    })
}

/// A rating as clients are told it: half points are as much as anybody can use.
fn told_rating(ladder: &str, rating: &super::rating::Rating) -> api::Rating {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    api::Rating {
        ladder: ladder.to_owned(),
        rating: round(rating.rating),
        deviation: round(rating.deviation),
        provisional: rating.is_provisional(),
        games: rating.games,
    }
}

//! The sockets of this shard that watch listings, and what the lobbies of all shards come to for
//! each: what they are told first, and then what has changed of it.
//! Each filter is kept once, however many sockets watch it. What one shard's lobbies are is said by
//! its `watch`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parlor_shared::api::{
    Refusal, code,
    lobby::{Filter, Listed, Listing, ListingChange, push},
};

use super::{
    effect::{Sends, answer_frame, event, refusal_frame},
    filter::{Card, arrange},
    watch::{LISTING_INTERVAL, Told, WatchMessage, name},
};
use crate::{
    cluster::Neighbours,
    key::{Origin, ShardId, SocketKey},
    time::{Deadlines, Time},
};

/// Different filters watched on all shards together: each is looked at when a lobby changes.
pub const MAX_WATCHED_FILTERS: usize = 1024;
/// Different filters watched by sockets of one address, on one shard.
pub const MAX_FILTERS_PER_ADDRESS: usize = 16;
/// How long is waited for what all shards have, before what there is is told.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);

/// The machine.
#[derive(Debug)]
pub(super) struct Watchers {
    neighbours: Neighbours,
    watches: BTreeMap<u64, Watch>,
    by_filter: BTreeMap<Box<str>, u64>,
    sockets: BTreeMap<SocketKey, (u64, Origin)>,
    /// How many sockets of an address watch each filter.
    origins: BTreeMap<Origin, BTreeMap<u64, usize>>,
    /// When something is to be told of a watch.
    deadlines: Deadlines<u64>,
    n_watches: u64,
}

#[derive(Debug)]
struct Watch {
    name: Box<str>,
    filter: Filter,
    sockets: BTreeSet<SocketKey>,
    /// What each shard lets through of its lobbies.
    parts: BTreeMap<(ShardId, u64), Card>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// These shards have not answered yet; these sockets wait for it.
    First { waiting: BTreeSet<ShardId>, asked: Vec<(SocketKey, Option<u64>)> },
    /// What the sockets know, in order, and when they may be told more.
    Told { known: Vec<Arc<Listed>>, next: Time },
}

impl Watchers {
    pub(super) fn new(neighbours: Neighbours) -> Self {
        Self {
            neighbours,
            watches: BTreeMap::new(),
            by_filter: BTreeMap::new(),
            sockets: BTreeMap::new(),
            origins: BTreeMap::new(),
            deadlines: Deadlines::default(),
            n_watches: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.watches.is_empty() && self.sockets.is_empty() && self.origins.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// A socket watches this, in place of what it watched before.
    pub(super) fn watch(
        &mut self,
        now: Time,
        (socket, origin): (SocketKey, Origin),
        filter: Filter,
        ack: Option<u64>,
        (told, sends): (&mut Told, &mut Sends),
    ) {
        let name = name(&filter);
        let number = self.by_filter.get(&name).copied();
        if let Err(refusal) = self.admit(socket, origin, number) {
            let frame = refusal_frame(ack, refusal);
            return sends.extend(frame.map(|frame| (socket, frame)));
        }
        let before = self.sockets.get(&socket).map(|(before, _)| *before);
        if before != number || before.is_none() {
            self.unwatch(socket, told, sends);
            let number = number.unwrap_or_else(|| self.begin(now, name, filter, told));
            self.sockets.insert(socket, (number, origin));
            *self.origins.entry(origin).or_default().entry(number).or_default() += 1;
        }
        let Some((number, _)) = self.sockets.get(&socket) else { return };
        let Some(watch) = self.watches.get_mut(number) else { return };
        watch.sockets.insert(socket);
        match &mut watch.stage {
            Stage::First { asked, .. } => asked.push((socket, ack)),
            Stage::Told { known, .. } => {
                let frame = answer_frame(ack, Ok(Listing { lobbies: known.clone() }));
                sends.extend(frame.map(|frame| (socket, frame)));
            }
        }
    }

    /// Whether this socket may watch another filter: what it watches until then counts no more.
    fn admit(&self, socket: SocketKey, origin: Origin, number: Option<u64>) -> Result<(), Refusal> {
        let before = self.sockets.get(&socket).map(|(before, _)| *before);
        let is_last = |watch: &&Watch| watch.sockets.len() == 1;
        let n_freed = before.and_then(|before| self.watches.get(&before)).filter(is_last);
        let n_filters = self.watches.len() - usize::from(n_freed.is_some());
        let share = (MAX_WATCHED_FILTERS / self.neighbours.all.len()).max(1);
        if number.is_none() && n_filters >= share {
            let sentence = "the server watches as many listings as it may; ask with `list`";
            return Err(Refusal::new(code::LIMIT, sentence));
        }
        let Some(of_origin) = self.origins.get(&origin) else { return Ok(()) };
        let is_known = number.is_some_and(|number| of_origin.contains_key(&number));
        let freed = before.and_then(|before| of_origin.get(&before)).filter(|n| **n == 1);
        if !is_known && of_origin.len() - usize::from(freed.is_some()) >= MAX_FILTERS_PER_ADDRESS {
            let sentence = "too many different listings are watched from this address";
            return Err(Refusal::new(code::LIMIT, sentence));
        }
        Ok(())
    }

    /// The first socket watches a filter: all shards are asked.
    fn begin(&mut self, now: Time, name: Box<str>, filter: Filter, told: &mut Told) -> u64 {
        self.n_watches += 1;
        let number = self.n_watches;
        let watch = || WatchMessage::Watch(number, Box::new(filter.clone()));
        told.extend(self.neighbours.all.iter().map(|shard| (*shard, watch())));
        let waiting = self.neighbours.all.iter().copied().collect();
        let stage = Stage::First { waiting, asked: Vec::new() };
        let (sockets, parts) = (BTreeSet::new(), BTreeMap::new());
        let watch = Watch { name: name.clone(), filter, sockets, parts, stage };
        self.by_filter.insert(name, number);
        self.watches.insert(number, watch);
        self.deadlines.set(number, Some(now + FIRST_TIMEOUT));
        number
    }

    /// A socket watches nothing any more, or is gone.
    pub(super) fn unwatch(&mut self, socket: SocketKey, told: &mut Told, sends: &mut Sends) {
        let Some((number, origin)) = self.sockets.remove(&socket) else { return };
        if let Some(of_origin) = self.origins.get_mut(&origin)
            && let Some(n) = of_origin.get_mut(&number)
        {
            *n -= 1;
            if *n == 0 {
                of_origin.remove(&number);
            }
            if of_origin.is_empty() {
                self.origins.remove(&origin);
            }
        }
        let Some(watch) = self.watches.get_mut(&number) else { return };
        watch.sockets.remove(&socket);
        if let Stage::First { asked, .. } = &mut watch.stage {
            for (_, ack) in asked.extract_if(.., |(asker, _)| *asker == socket) {
                let refusal = Refusal::new(code::RATE, "something else was watched meanwhile");
                let frame = refusal_frame(ack, refusal);
                sends.extend(frame.map(|frame| (socket, frame)));
            }
        }
        if watch.sockets.is_empty() {
            self.by_filter.remove(&watch.name);
            self.watches.remove(&number);
            self.deadlines.set(number, None);
            let unwatch = |shard: &ShardId| (*shard, WatchMessage::Unwatch(number));
            told.extend(self.neighbours.all.iter().map(unwatch));
        }
    }

    /// A shard has told what is new of its lobbies.
    pub(super) fn shown(
        &mut self,
        now: Time,
        from: ShardId,
        number: u64,
        (new, gone): (Vec<Card>, Vec<u64>),
        sends: &mut Sends,
    ) {
        let Some(watch) = self.watches.get_mut(&number) else { return };
        watch.parts.extend(new.into_iter().map(|card| ((from, card.serial), card)));
        for serial in gone {
            watch.parts.remove(&(from, serial));
        }
        match &mut watch.stage {
            Stage::First { waiting, .. } => {
                waiting.remove(&from);
                if waiting.is_empty() {
                    let next = watch.tell_first(now, sends);
                    self.deadlines.set(number, next);
                }
            }
            Stage::Told { next, .. } => self.deadlines.set(number, Some(now.max(*next))),
        }
    }

    /// Tells what there is where the time is up.
    pub(super) fn timeout(&mut self, now: Time, sends: &mut Sends) {
        while let Some((_, number)) = self.deadlines.pop(now) {
            let Some(watch) = self.watches.get_mut(&number) else { continue };
            match watch.stage {
                Stage::First { .. } => _ = watch.tell_first(now, sends),
                Stage::Told { .. } => watch.tell_changes(now, sends),
            }
        }
    }
}

impl Watch {
    fn lobbies(&self) -> Vec<Arc<Listed>> {
        let mut cards = self.parts.values().cloned().collect();
        arrange(&self.filter, &mut cards);
        cards.into_iter().map(|card| card.listed).collect()
    }

    /// Answers all who wait for it. What comes later is told as a change; `None`: nothing waits.
    fn tell_first(&mut self, now: Time, sends: &mut Sends) -> Option<Time> {
        let known = self.lobbies();
        let stage = Stage::Told { known: known.clone(), next: now };
        if let Stage::First { asked, .. } = std::mem::replace(&mut self.stage, stage) {
            for (socket, ack) in asked {
                let listing = Listing { lobbies: known.clone() };
                let frame = answer_frame(ack, Ok(listing));
                sends.extend(frame.map(|frame| (socket, frame)));
            }
        }
        None
    }

    fn tell_changes(&mut self, now: Time, sends: &mut Sends) {
        let lobbies = self.lobbies();
        let Stage::Told { known, next } = &mut self.stage else { return };
        let of = |lobbies: &[Arc<Listed>]| -> BTreeMap<String, Arc<Listed>> {
            lobbies.iter().map(|listed| (listed.id.clone(), Arc::clone(listed))).collect()
        };
        let (before, after) = (of(known), of(&lobbies));
        *known = lobbies;
        let mut change = ListingChange::default();
        for (id, listed) in &after {
            match before.get(id) {
                None => change.added.push(Arc::clone(listed)),
                Some(before) if before != listed => change.changed.push(Arc::clone(listed)),
                Some(_) => {}
            }
        }
        change.removed = before.into_keys().filter(|id| !after.contains_key(id)).collect();
        if change == ListingChange::default() {
            return;
        }
        *next = now + LISTING_INTERVAL;
        let frame = event(push::LISTING, &change);
        sends.extend(self.sockets.iter().map(|socket| (*socket, frame.clone())));
    }
}

//! The public lobbies of this shard as others watch them: what each filter lets through, and what
//! has changed of it. Each filter is kept once, however many shards watch it.
//! Who watches, and what all shards' lobbies come to together, is `watchers`' part.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_shared::api::lobby::Filter;
use serde::{Deserialize, Serialize};

use super::{
    filter::Card,
    listing::{Board, MAX_EXAMINED},
    machine::Lobby,
};
use crate::{
    key::{LobbyKey, ShardId, Table},
    time::Time,
};

/// Changes of listings are told no more often: four times a second.
pub const LISTING_INTERVAL: Duration = Duration::from_millis(250);
/// Lobbies looked at each time, for all filters together. Those that it does not last for have
/// their turn first the next time.
const MAX_EXAMINED_AT_ONCE: usize = 8 * MAX_EXAMINED;

/// What shards say to each other about listings that are watched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum WatchMessage {
    /// To any shard: what does this filter let through, now and from now on? Under this number.
    Watch(u64, Box<Filter>),
    /// To any shard: not any more.
    Unwatch(u64),
    /// From it: lobbies that are new or have changed, and those (by their serials) that are no
    /// longer let through. The first is the answer, and has all.
    Shown(u64, Vec<Card>, Vec<u64>),
}

/// Who is told, and as what.
type Reader = (ShardId, u64);
/// What is told to whom.
pub(super) type Told = Vec<(ShardId, WatchMessage)>;
type Lobbies = Table<LobbyKey, Lobby>;

/// The machine.
#[derive(Debug, Default)]
pub(super) struct Watched {
    watches: BTreeMap<u64, Watch>,
    by_filter: BTreeMap<Box<str>, u64>,
    by_reader: BTreeMap<Reader, u64>,
    n_watches: u64,
    /// Lobbies that something happened to since, by their serials.
    touched: BTreeMap<u64, LobbyKey>,
    /// As they were when something happened to them last.
    known: BTreeMap<u64, Card>,
    /// When changes may be told again.
    next: Time,
    /// Some filters had no turn the last time.
    is_behind: bool,
    /// Whose turn it is first.
    first: u64,
}

/// A filter, and what its readers know.
#[derive(Debug)]
struct Watch {
    name: Box<str>,
    filter: Filter,
    readers: BTreeSet<Reader>,
    shown: BTreeMap<u64, Card>,
    /// It was not looked at when something changed.
    is_stale: bool,
}

impl Watched {
    pub(super) fn is_empty(&self) -> bool {
        let Self { watches, by_filter, by_reader, touched, known, .. } = self;
        let is_empty = watches.is_empty() && by_filter.is_empty() && by_reader.is_empty();
        is_empty && touched.is_empty() && known.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    /// When changes are to be told.
    pub(super) fn deadline(&self) -> Option<Time> {
        (!self.touched.is_empty() || self.is_behind).then_some(self.next)
    }

    /// After any change of a lobby.
    pub(super) fn touched(&mut self, serial: u64, key: LobbyKey) {
        if !self.watches.is_empty() {
            self.touched.insert(serial, key);
        }
    }

    /// A shard wants to know what a filter lets through.
    pub(super) fn watch(
        &mut self,
        reader: Reader,
        filter: Filter,
        board: &Board,
        lobbies: &Lobbies,
        told: &mut Told,
    ) {
        let name = name(&filter);
        let number = *self.by_filter.entry(name.clone()).or_insert_with(|| {
            self.n_watches += 1;
            self.n_watches
        });
        if !self.watches.contains_key(&number) {
            // It sees these as they are now: if they become again as they were, that is news to it.
            for serial in self.touched.keys() {
                self.known.remove(serial);
            }
        }
        let watch = self.watches.entry(number).or_insert_with(|| {
            let (found, _) = board.list(&filter, lobbies);
            let shown = found.into_iter().map(|card| (card.serial, card)).collect();
            Watch { name, filter, readers: BTreeSet::new(), shown, is_stale: false }
        });
        watch.readers.insert(reader);
        self.by_reader.insert(reader, number);
        let all = watch.shown.values().cloned().collect();
        told.push((reader.0, WatchMessage::Shown(reader.1, all, Vec::new())));
    }

    pub(super) fn unwatch(&mut self, reader: Reader) {
        let Some(number) = self.by_reader.remove(&reader) else { return };
        let Some(watch) = self.watches.get_mut(&number) else { return };
        watch.readers.remove(&reader);
        if watch.readers.is_empty() {
            self.by_filter.remove(&watch.name);
            self.watches.remove(&number);
        }
        if self.watches.is_empty() {
            self.touched.clear();
            self.known.clear();
            self.is_behind = false;
        }
    }

    /// Tells what has changed, if it is time to.
    pub(super) fn timeout(&mut self, now: Time, board: &Board, lobbies: &Lobbies, told: &mut Told) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        self.next = now + LISTING_INTERVAL;
        let changed = self.changed(board, lobbies);
        self.is_behind = false;
        let mut n_left = MAX_EXAMINED_AT_ONCE;
        let (later, earlier) = (self.watches.range(self.first..), self.watches.range(..self.first));
        let turns: Vec<u64> = later.chain(earlier).map(|(number, _)| *number).collect();
        for number in turns {
            let Some(watch) = self.watches.get_mut(&number) else { continue };
            if n_left == 0 {
                watch.is_stale |= !changed.is_empty();
                self.is_behind |= watch.is_stale;
                continue;
            }
            let n_examined = watch.look(&changed, board, lobbies, told);
            n_left = n_left.saturating_sub(n_examined);
            self.first = number + 1;
        }
    }

    /// Those that are not as they were, as they are now; `None`: not listed any more.
    fn changed(&mut self, board: &Board, lobbies: &Lobbies) -> BTreeMap<u64, Option<Card>> {
        let mut changed = BTreeMap::new();
        for (serial, key) in std::mem::take(&mut self.touched) {
            let lobby = lobbies.get(key).filter(|lobby| board.has(lobby));
            let card = lobby.and_then(Lobby::card);
            let known = match &card {
                Some(card) => self.known.insert(serial, card.clone()),
                None => self.known.remove(&serial),
            };
            if known != card || card.is_none() {
                changed.insert(serial, card);
            }
        }
        changed
    }
}

impl Watch {
    /// Looks at what has changed, and tells the readers what it means to them. How many lobbies
    /// were looked at.
    fn look(
        &mut self,
        changed: &BTreeMap<u64, Option<Card>>,
        board: &Board,
        lobbies: &Lobbies,
        told: &mut Told,
    ) -> usize {
        let (filter, most) = (&self.filter, self.filter.most());
        let admitted =
            |card: &Option<Card>| card.clone().filter(|card| card.face().is_admitted(filter));
        let concerned: Vec<(u64, Option<Card>)> = changed
            .iter()
            .map(|(serial, card)| (*serial, admitted(card)))
            .filter(|(serial, card)| card.is_some() || self.shown.contains_key(serial))
            .collect();
        let mut n_examined = changed.len();
        if concerned.is_empty() && !self.is_stale {
            return n_examined;
        }
        let mut after = self.shown.clone();
        for (serial, card) in concerned {
            match card {
                Some(card) => _ = after.insert(serial, card),
                None => _ = after.remove(&serial),
            }
        }
        // Where not all have room, which of them have is seen when all are looked at.
        if self.is_stale || self.shown.len() >= most || after.len() > most {
            let (found, n) = board.list(filter, lobbies);
            n_examined += n;
            after = found.into_iter().map(|card| (card.serial, card)).collect();
        }
        self.is_stale = false;
        let new = after.iter().filter(|(serial, card)| self.shown.get(serial) != Some(card));
        let new: Vec<Card> = new.map(|(_, card)| card.clone()).collect();
        let gone = self.shown.keys().filter(|serial| !after.contains_key(serial));
        let gone: Vec<u64> = gone.copied().collect();
        self.shown = after;
        if !new.is_empty() || !gone.is_empty() {
            let shown = |(to, number): &Reader| {
                (*to, WatchMessage::Shown(*number, new.clone(), gone.clone()))
            };
            told.extend(self.readers.iter().map(shown));
        }
        n_examined
    }
}

/// What a filter is known by: the same for all that are the same.
pub(super) fn name(filter: &Filter) -> Box<str> {
    serde_json::to_string(filter).expect("types of shared::api have a JSON form").into()
}

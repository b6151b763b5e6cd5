//! The public lobbies of a shard, by what they are looked for: a listing examines few of many.
//! What a filter lets through is `filter`'s knowledge; who is told what, that of others.

use std::{collections::BTreeMap, ops::RangeInclusive};

use parlor_shared::api::lobby::{Condition, Filter, Metadata, Scalar, Sort, Visibility};

use super::{
    filter::{Card, arrange},
    machine::Lobby,
    quick::{MAX_PROSPECTS, Prospect},
};
use crate::{
    fault::{self, Fault},
    key::{LobbyKey, Table},
};

/// Public lobbies looked at for one listing: it must not cost a tick. If more come into question,
/// those that come first in the order asked for are.
pub const MAX_EXAMINED: usize = 1000;

/// Where public lobbies are found.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// By the game. There are no more than games that are registered.
    shelves: BTreeMap<Box<str>, Shelf>,
}

/// The public lobbies of one game.
#[derive(Debug, Default)]
struct Shelf {
    /// In the order of making.
    all: BTreeMap<u64, Entry>,
    /// Those that anybody may join who comes by: the fullest first, of these the oldest.
    open: BTreeMap<(u8, u64), LobbyKey>,
    /// By what metadata says, for each of its names.
    values: BTreeMap<Box<str>, Values>,
}

/// What was known of a lobby when it was looked at last.
#[derive(Debug)]
struct Entry {
    key: LobbyKey,
    metadata: Metadata,
    /// Its free seats, if anybody may join who comes by.
    free: Option<u8>,
}

type Values = BTreeMap<(Scalar, u64), LobbyKey>;
type Lobbies = Table<LobbyKey, Lobby>;

impl Board {
    /// After any change of a lobby.
    pub(super) fn keep(&mut self, key: LobbyKey, lobby: &Lobby) {
        let is_listed = lobby.visibility() == Visibility::Public
            || fault::is_planted(Fault::PrivateLobbyListed);
        if !is_listed || lobby.is_empty() {
            return self.remove(lobby);
        }
        let (serial, metadata, free) = (lobby.serial, lobby.metadata(), lobby.free_to_all());
        let kept = self.shelves.get(lobby.game()).and_then(|shelf| shelf.all.get(&serial));
        if kept.is_some_and(|kept| kept.free == free && kept.metadata.is_same(metadata)) {
            return;
        }
        self.remove(lobby);
        let shelf = self.shelves.entry(lobby.game().into()).or_default();
        for (name, value) in metadata.iter() {
            let values = shelf.values.entry(name.into()).or_default();
            values.insert((value.clone(), serial), key);
        }
        shelf.open.extend(free.map(|free| ((free, serial), key)));
        shelf.all.insert(serial, Entry { key, metadata: metadata.clone(), free });
    }

    fn remove(&mut self, lobby: &Lobby) {
        let Some(shelf) = self.shelves.get_mut(lobby.game()) else { return };
        let Some(Entry { metadata, free, .. }) = shelf.all.remove(&lobby.serial) else { return };
        if let Some(free) = free {
            shelf.open.remove(&(free, lobby.serial));
        }
        for (name, value) in metadata.iter() {
            let Some(values) = shelf.values.get_mut(name) else { continue };
            values.remove(&(value.clone(), lobby.serial));
            if values.is_empty() {
                shelf.values.remove(name);
            }
        }
        if shelf.all.is_empty() {
            self.shelves.remove(lobby.game());
        }
    }

    /// The lobbies that a filter lets through, in its order and no more than it wants; and how many
    /// were examined.
    pub(super) fn list(&self, filter: &Filter, lobbies: &Lobbies) -> (Vec<Card>, usize) {
        let game = filter.game.as_deref();
        let shelves =
            || self.shelves.iter().filter(|(own, _)| game.is_none_or(|game| game == &***own));
        let most = MAX_EXAMINED / shelves().count().max(1);
        let (mut found, mut n_examined) = (Vec::new(), 0);
        for (_, shelf) in shelves() {
            n_examined += shelf.list(filter, most, lobbies, &mut found);
        }
        arrange(filter, &mut found);
        (found, n_examined)
    }

    /// True if this lobby is one of them.
    pub(super) fn has(&self, lobby: &Lobby) -> bool {
        let shelf = self.shelves.get(lobby.game());
        shelf.is_some_and(|shelf| shelf.all.contains_key(&lobby.serial))
    }

    /// Lobbies that anybody may join who comes by, as many as one shard tells.
    pub(super) fn prospects(&self, filter: &Filter, lobbies: &Lobbies) -> Vec<Prospect> {
        let shelf = filter.game.as_deref().and_then(|game| self.shelves.get(game));
        let open = shelf.into_iter().flat_map(|shelf| &shelf.open).take(MAX_EXAMINED);
        let fitting = open.filter_map(|((free, _), key)| {
            let lobby = lobbies.get(*key)?;
            let is_fitting = lobby.face().is_some_and(|face| face.is_admitted(filter));
            let (id, made_ms) = (lobby.id.to_string().into(), lobby.made_ms);
            is_fitting.then_some(Prospect { id, free: *free, made_ms })
        });
        fitting.take(MAX_PROSPECTS).collect()
    }

    /// True if it has each public lobby, and nothing else; for checks.
    pub(super) fn is_consistent(&self, lobbies: &Lobbies) -> bool {
        let kept = || self.shelves.values().flat_map(|shelf| &shelf.all);
        let is_public = |lobby: &Lobby| lobby.visibility() == Visibility::Public;
        let n_public = lobbies.iter().filter(|(_, lobby)| is_public(lobby)).count();
        (kept().count() == n_public || fault::is_planted(Fault::PrivateLobbyListed))
            && kept().all(|(serial, Entry { key, metadata, free })| {
                lobbies.get(*key).is_some_and(|lobby| {
                    (lobby.serial, lobby.metadata()) == (*serial, metadata)
                        && lobby.free_to_all() == *free
                })
            })
            && self.shelves.values().all(|shelf| {
                let n_values: usize = shelf.values.values().map(BTreeMap::len).sum();
                let n_named: usize = shelf.all.values().map(|e| e.metadata.iter().count()).sum();
                let n_open = shelf.all.values().filter(|entry| entry.free.is_some()).count();
                n_values == n_named && n_open == shelf.open.len() && !shelf.all.is_empty()
            })
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.shelves.is_empty()
    }
}

impl Shelf {
    /// Adds what the filter lets through. How many were examined: `most` at most.
    fn list(
        &self,
        filter: &Filter,
        most: usize,
        lobbies: &Lobbies,
        found: &mut Vec<Card>,
    ) -> usize {
        let n_before = found.len();
        let mut look = Look { filter, lobbies, n_examined: 0, found };
        // If one condition leaves few, these are all there can be, and their order does not matter.
        let few = filter.metadata.iter().filter_map(|(name, condition)| {
            let Some(values) = self.values.get(name) else { return Some((0, name, condition)) };
            let n = chosen(values, condition).take(most + 1).count();
            (n <= most).then_some((n, name, condition))
        });
        if let Some((_, name, condition)) = few.min_by_key(|(n, ..)| *n) {
            let values = self.values.get(name).into_iter();
            values.flat_map(|values| chosen(values, condition)).for_each(|(_, key)| look.at(*key));
            return look.n_examined;
        }
        match (&filter.sort, filter.sort.name().and_then(|name| self.values.get(name))) {
            (Sort::Rising(_), Some(values)) => look.along(values.iter(), most),
            (Sort::Falling(_), Some(values)) => look.along(values.iter().rev(), most),
            _ => {}
        }
        // By the newest; behind those that have what the order goes by, those that have it not.
        let lacks = |metadata: &Metadata| {
            filter.sort.name().is_none_or(|name| metadata.get(name).is_none())
        };
        let wants_all = filter.sort == Sort::Players;
        for Entry { key, metadata, .. } in self.all.values().rev() {
            let is_enough = !wants_all && look.found.len() - n_before >= filter.most();
            if look.n_examined >= most || is_enough {
                break;
            }
            if lacks(metadata) {
                look.at(*key);
            } else {
                look.n_examined += 1;
            }
        }
        look.n_examined
    }
}

/// One look along a shelf.
struct Look<'l> {
    filter: &'l Filter,
    lobbies: &'l Lobbies,
    n_examined: usize,
    found: &'l mut Vec<Card>,
}

impl Look<'_> {
    fn at(&mut self, key: LobbyKey) {
        self.n_examined += 1;
        let Some(lobby) = self.lobbies.get(key) else { return };
        if lobby.face().is_some_and(|face| face.is_admitted(self.filter)) {
            self.found.extend(lobby.card());
        }
    }

    /// In this order, until there are enough or too many were examined. Those equal to the last of
    /// what is enough are looked at too: which of them come first is for others to say.
    fn along<'v>(
        &mut self,
        values: impl Iterator<Item = (&'v (Scalar, u64), &'v LobbyKey)>,
        most: usize,
    ) {
        let n_before = self.found.len();
        let mut last: Option<&Scalar> = None;
        for ((value, _), key) in values {
            let is_enough = self.found.len() - n_before >= self.filter.most();
            if self.n_examined >= most || (is_enough && last.is_some_and(|last| last != value)) {
                return;
            }
            self.at(*key);
            last = Some(value);
        }
    }
}

/// Those that a condition comes down to.
fn chosen<'v>(
    values: &'v Values,
    condition: &Condition,
) -> impl Iterator<Item = (&'v (Scalar, u64), &'v LobbyKey)> {
    let ranges: Vec<RangeInclusive<Scalar>> = match condition {
        Condition::Is(value) => vec![value.clone()..=value.clone()],
        Condition::In(choices) => choices.iter().map(|c| c.clone()..=c.clone()).collect(),
        Condition::Range(min, max) => {
            let end = |end: &Option<Scalar>, otherwise: f64| {
                end.clone().unwrap_or(Scalar::Number(otherwise))
            };
            vec![end(min, f64::NEG_INFINITY)..=end(max, f64::INFINITY)]
        }
    };
    ranges.into_iter().flat_map(|range| {
        let (min, max) = range.into_inner();
        values.range((min, 0)..=(max, u64::MAX))
    })
}

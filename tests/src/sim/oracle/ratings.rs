//! The ledger of ratings, as players are told of them: each rated match counts once, for those who
//! had a seat in it, and goes on from where the one before has left their rating.

use std::collections::{BTreeMap, BTreeSet};

use parlor_shared::api::matchmaking as api;

use crate::sim::queues::{Line, account};

/// What everybody begins with.
const FIRST: f64 = 1500.0;
/// What is told is rounded to a tenth.
const ROUNDED: f64 = 0.05;

type Check = Result<(), String>;

#[derive(Debug, Default)]
pub(in crate::sim) struct Ratings {
    /// By client, and how many matches had counted.
    told: BTreeMap<(usize, u32), f64>,
    /// Matches that a client was told to have changed its rating, by their number.
    heard: BTreeSet<(usize, u32)>,
    /// Lobbies in which a client had a seat.
    lobbies: BTreeMap<usize, BTreeSet<String>>,
}

impl Ratings {
    /// A client has a seat in a lobby whose match is perhaps rated.
    pub(in crate::sim) fn seated(&mut self, client: usize, ticket: &api::Ticket) {
        let seat = ticket.assignment.as_ref().filter(|_| ticket.queue == Line::Ranked.name());
        let own = self.lobbies.entry(client).or_default();
        own.extend(seat.map(|seat| seat.lobby.to_string()));
    }

    /// A client is told its rating. `has_failed` says of which lobbies no match has come.
    pub(in crate::sim) fn told(
        &mut self,
        client: usize,
        rating: &api::Rating,
        has_failed: impl Fn(&str) -> bool,
    ) -> Check {
        let ladder = format!("{}/{}", Line::Ranked.game(), Line::Ranked.name());
        if account(client).is_none() || rating.ladder != ladder {
            return Err(format!("{client} has {rating:?}"));
        }
        let lobbies = self.lobbies.get(&client).into_iter().flatten();
        let n_matches = lobbies.filter(|lobby| !has_failed(lobby)).count();
        if rating.games as usize > n_matches {
            return Err(format!("{n_matches} matches of {client} make {rating:?}"));
        }
        let known = *self.told.entry((client, rating.games)).or_insert(rating.rating);
        if is_near(known, rating.rating) {
            return Ok(());
        }
        Err(format!("{client} had {known}, and has {rating:?}"))
    }

    /// A client is told what a match has made of its rating.
    pub(in crate::sim) fn rated(
        &mut self,
        client: usize,
        rated: &api::Rated,
        has_failed: impl Fn(&str) -> bool,
    ) -> Check {
        let n = rated.rating.games;
        let is_new = rated.unchanged || n > 0 && self.heard.insert((client, n));
        let n_before = if rated.unchanged { n } else { n.saturating_sub(1) };
        let first = (n_before == 0).then_some(FIRST);
        let before = self.told.get(&(client, n_before)).copied().or(first);
        if !is_new || before.is_some_and(|before| !is_near(before, rated.before)) {
            return Err(format!("{client} had {before:?}, and {rated:?}"));
        }
        if rated.unchanged && !is_near(rated.before, rated.rating.rating) {
            return Err(format!("{rated:?} says that nothing has changed"));
        }
        if n == 0 { Ok(()) } else { self.told(client, &rated.rating, has_failed) }
    }
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() < ROUNDED
}

//! Nobody starves: of those who wait together for a while, and would go with each other by their
//! own windows at their widest, some are matched.

use std::{collections::BTreeSet, time::Duration};

use parlor_core::time::Time;
use parlor_shared::api::matchmaking::State;
use serde_json::Value;

use super::{super::parties::Parties, Check, Line, Ticket, Tickets, are_of_one_address};

/// Longer than a few waves take, of which one may leave out who is far away.
const WAVES: Duration = Duration::from_secs(4);
/// Windows are as wide as they get.
const WIDEST_MS: u64 = 60_000;
/// What anybody speaks who waits in [`Line::Pairs`].
const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

impl Tickets {
    /// The owner of this ticket, which waits, has received all that there is.
    pub(super) fn is_not_starving(&self, now: Time, id: &str, parties: &Parties) -> Check {
        let own = &self.tickets[id];
        let enough = own.line.widens_within() + WAVES + 4 * self.slack;
        if now < own.told_at + enough || self.wish(own).is_none() {
            return Ok(());
        }
        let is_waiting = |other: &&Ticket| {
            other.state == State::Queued && other.line == own.line && other.client != own.client
        };
        let others: Vec<&Ticket> = self.tickets.values().filter(is_waiting).collect();
        // From the moment at which one of them began to wait, all of these have waited together.
        let begins = others.iter().map(|other| other.told_at.max(own.told_at));
        for begin in begins.filter(|begin| now > *begin + enough) {
            let waits =
                |other: &&&Ticket| other.told_at <= begin && other.drained_at > begin + enough;
            let together: Vec<&Ticket> = others.iter().filter(waits).copied().collect();
            let is_enough = match own.line {
                Line::Duel | Line::Arena | Line::Ranked => {
                    together.iter().any(|other| self.may_go_together(own, other, parties))
                }
                Line::Pairs => self.are_two_teams(own, &together, parties),
            };
            if is_enough {
                return Err(format!("{own:?} starves beside {together:?}"));
            }
        }
        Ok(())
    }

    fn may_go_together(&self, own: &Ticket, other: &Ticket, parties: &Parties) -> bool {
        let (Some(wish), Some(wish_of_other)) = (self.wish(own), self.wish(other)) else {
            return false;
        };
        let players = [own, other].map(|ticket| self.players(ticket, parties));
        let [Some(players), Some(players_of_other)] = players else { return false };
        let is_barred = !players.is_disjoint(&players_of_other);
        let is_barred = is_barred || own.line == Line::Ranked && are_of_one_address(own, other);
        let widest = [wish, wish_of_other].map(|wish| (wish, WIDEST_MS));
        !is_barred && own.line.may_meet(widest[0], widest[1]).is_ok()
    }

    /// True if there are two and two among these who all share one language. Nobody is counted
    /// twice, who may wait by several tickets.
    fn are_two_teams(&self, own: &Ticket, others: &[&Ticket], parties: &Parties) -> bool {
        LANGUAGES.iter().any(|language| {
            let (mut n_pairs, mut n_alone, mut seen) = (0, 0, BTreeSet::new());
            let speakers = [own].into_iter().chain(others.iter().copied());
            for ticket in speakers.filter(|ticket| self.speaks(ticket, language)) {
                let Some(players) = self.players(ticket, parties) else { continue };
                if players.is_disjoint(&seen) {
                    n_pairs += usize::from(players.len() == 2);
                    n_alone += usize::from(players.len() == 1);
                    seen.extend(players);
                }
            }
            self.speaks(own, language) && 2 * n_pairs.min(2) + n_alone >= 4
        })
    }

    fn speaks(&self, ticket: &Ticket, language: &str) -> bool {
        let all = self.wish(ticket).map(|wish| &wish["attributes"]["languages"]);
        all.and_then(Value::as_array).is_some_and(|all| all.iter().any(|own| own == language))
    }
}

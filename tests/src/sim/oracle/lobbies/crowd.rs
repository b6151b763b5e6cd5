//! What the audience of a lobby is told and does, and what it is asked: a vote counts once, and a
//! question ends once.

use std::{collections::BTreeSet, time::Duration};

use parlor_core::time::Time;
use parlor_shared::api::{
    code,
    lobby::{Poll, Tally},
};
use serde_json::Value;

use super::{Check, EPOCH_MS, Invariant, Lobbies, Story, Wish};

/// What somebody in the audience may ask for.
const OF_AUDIENCE: [&str; 6] = ["vote", "resync", "leave", "list", "watch", "unwatch"];
/// A vote may be on its way for so long.
const SLOWEST: Duration = Duration::from_secs(30);

/// A vote that somebody cast, or may have cast.
#[derive(Debug)]
pub(super) struct Cast {
    wish: Wish,
    /// The session: one has one vote.
    epoch: u32,
    option: u8,
}

impl Lobbies {
    /// Somebody is about to vote.
    pub(in crate::sim) fn votes(&mut self, story: &Story, wish: Wish, epoch: u32, vote: &Value) {
        let option = vote["option"].as_u64().and_then(|option| u8::try_from(option).ok());
        let record = self.records.entry(story.lobby.clone()).or_default();
        record.votes.extend(option.map(|option| Cast { wish, epoch, option }));
    }

    /// A vote was taken.
    pub(in crate::sim) fn voted(&self, story: &Story, vote: &Value) -> Check {
        let option = vote["option"].as_u64().unwrap_or_default() as usize;
        let poll = story.fold.poll.as_ref();
        if story.seat.is_none() && poll.is_some_and(|poll| option < poll.options.len()) {
            return Ok(());
        }
        let what = format!("{:?} voted {option} on {poll:?}", story.seat);
        Err((Invariant::Polls, what))
    }

    /// A vote was not taken.
    pub(in crate::sim) fn not_voted(&mut self, story: &Story, wish: Wish, refusal: &str) -> Check {
        if let Some(record) = self.records.get_mut(&story.lobby) {
            record.votes.retain(|cast| cast.wish != wish);
        }
        if refusal == code::PHASE && story.fold.poll.is_some() {
            let what = format!("no vote is taken on {:?}", story.fold.poll);
            return Err((Invariant::Polls, what));
        }
        Ok(())
    }

    /// So the votes stand, somebody is told, or so they stood in the end.
    pub(in crate::sim) fn counted(&self, story: &Story, tally: &Tally) -> Check {
        let what = |what: String| Err((Invariant::Polls, format!("{tally:?}: {what}")));
        // What is of the moment may come late.
        let Some(poll) = story.fold.poll.as_ref().filter(|poll| poll.number == tally.number) else {
            return Ok(());
        };
        if tally.votes.len() != poll.options.len() {
            return what(format!("{poll:?}"));
        }
        let Some(record) = self.records.get(&story.lobby) else { return Ok(()) };
        let since = opened(poll);
        let cast = || record.votes.iter().filter(move |cast| cast.wish.at + SLOWEST >= since);
        let voters: BTreeSet<_> = cast().map(|cast| (cast.wish.client, cast.epoch)).collect();
        let n_votes: u32 = tally.votes.iter().sum();
        if n_votes as usize > voters.len() {
            return what(format!("of {} voters", voters.len()));
        }
        let all = tally.votes.iter().enumerate();
        for (option, n) in all {
            let of = cast().filter(|cast| usize::from(cast.option) == option);
            let of: BTreeSet<_> = of.map(|cast| (cast.wish.client, cast.epoch)).collect();
            if *n as usize > of.len() {
                return what(format!("{} voted for {option}", of.len()));
            }
        }
        Ok(())
    }

    /// All that there is has arrived: a question whose time is up has ended.
    pub(super) fn polls_end(&self, now: Time, story: &Story) -> Check {
        let late_ms = now.since_start().saturating_sub(self.slack).as_millis() as u64;
        match &story.fold.poll {
            Some(poll) if poll.ends_ms < EPOCH_MS + late_ms => {
                Err((Invariant::Polls, format!("{poll:?} does not end")))
            }
            _ => Ok(()),
        }
    }
}

/// Nobody in the audience does what only members may.
pub(super) fn expect_of_audience(story: &Story, event: &str) -> Check {
    if story.is_fan && !OF_AUDIENCE.contains(&event) {
        return Err((Invariant::Hosts, format!("{event} by somebody of the audience")));
    }
    Ok(())
}

/// When a question was asked: it says how long its votes are taken.
fn opened(poll: &Poll) -> Time {
    let seconds: u64 = poll.question.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(3600);
    let opened_ms = (poll.ends_ms - EPOCH_MS).saturating_sub(seconds * 1000);
    Time::after_start(Duration::from_millis(opened_ms))
}

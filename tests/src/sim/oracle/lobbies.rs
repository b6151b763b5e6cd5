//! What all members of each lobby have been told, side by side: one story, one match, one owner of
//! each seat.

mod claims;
mod crowd;
mod door;
mod quick;
mod reserved;
mod shown;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_core::{key::ShardId, lobby::Policy, time::Time};
use parlor_shared::api::{
    lobby::{Change, Changed, Joined, LeaveReason, Listing, MatchEvent, Phase, Visibility},
    relay,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Invariant,
    kind::GameKind,
    messages::{Letter, Messages},
    story::{Fold, Left, Said, Story},
};
use crate::sim::{
    plan::{GRACE, Plan},
    secrets,
    server::EPOCH_MS,
};

use crowd::Cast;
use door::Door;
pub(in crate::sim) use door::Wish;
use quick::Astray;
use reserved::Reserved;

type Check = Result<(), (Invariant, String)>;

#[derive(Debug)]
pub(in crate::sim) struct Lobbies {
    shards: Vec<ShardId>,
    slack: Duration,
    policy: Policy,
    records: BTreeMap<String, Record>,
    /// Which lobby a code has led to.
    ids: BTreeMap<String, String>,
    /// Whose each secret is: the lobby and the name.
    secrets: BTreeMap<String, (String, String)>,
    /// Who has sought a seat.
    seekers: Vec<Wish>,
    /// What those are called who wait for a match.
    seekers_names: BTreeSet<String>,
}

/// How somebody has come to be in a lobby just now.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) enum Came<'a> {
    /// For the first time.
    New,
    /// Back to a place where this was known when it was left.
    Back(Option<&'a Left>),
    /// It was there already, by the same socket.
    Stays(&'a Left),
}

#[derive(Debug, Default)]
struct Record {
    code: String,
    is_public: bool,
    /// What members are told, and what the audience is.
    members: Tale,
    audience: Tale,
    /// What the board looked like, by match, turn or tick, and whether it was over.
    boards: BTreeMap<(u32, u64, u64), String>,
    acted: BTreeSet<(u32, u64)>,
    /// Who has ever had a seat.
    names: BTreeSet<String>,
    /// At which version things were said.
    chats: BTreeMap<u64, u64>,
    messages: Messages,
    /// Some player wanted the game to fail.
    has_traps: bool,
    door: Door,
    votes: Vec<Cast>,
    game: String,
    astray: Vec<Astray>,
    reserved: Reserved,
}

/// What was told at each version that all who hear it have in common, and what followed from it.
#[derive(Debug, Default)]
struct Tale {
    told: BTreeMap<u64, String>,
    folds: BTreeMap<u64, Fold>,
}

impl Lobbies {
    pub(super) fn new(plan: &Plan) -> Self {
        let slack = plan.slack() + Duration::from_millis(2 * plan.latency_ms);
        Self {
            shards: plan.shards.clone(),
            slack,
            policy: plan.lobbies.clone(),
            records: BTreeMap::new(),
            ids: BTreeMap::new(),
            secrets: BTreeMap::new(),
            seekers: Vec::new(),
            seekers_names: BTreeSet::new(),
        }
    }

    pub(super) fn index_of(&self, shard: ShardId) -> usize {
        self.shards.iter().position(|own| *own == shard).expect("a shard of this run")
    }

    /// Somebody is in a lobby now: its story begins with what it was told.
    pub(in crate::sim) fn joined(
        &mut self,
        now: Time,
        joined: &Joined,
        name: &str,
        came: Came<'_>,
    ) -> Result<Story, (Invariant, String)> {
        let lobby = &joined.lobby;
        // There is one lobby of each code, wherever those are who use it.
        let id = self.ids.entry(lobby.code.clone()).or_insert_with(|| lobby.id.clone());
        if *id != lobby.id {
            let what = format!("{} leads to {id} and to {}", lobby.code, lobby.id);
            return Err((Invariant::Story, what));
        }
        let record = self.records.entry(lobby.id.clone()).or_default();
        if record.code.is_empty() {
            record.code.clone_from(&lobby.code);
            record.is_public = lobby.visibility == Visibility::Public;
            record.game.clone_from(&lobby.game);
        } else if record.code != lobby.code {
            return Err((Invariant::Story, format!("{} has another code now", lobby.id)));
        }
        record.reserved.has_begun |= lobby.state.is_some();
        let left = match came {
            Came::New => None,
            Came::Stays(left) => Some(left),
            Came::Back(left) => left.filter(|_| joined.missed.is_some()),
        };
        let at = lobby.state.as_ref().map_or((0, 0), |state| (state.number, state.turn));
        let stay = left.map(|left| left.stay);
        let stay = stay.unwrap_or_else(|| record.messages.stay(name, joined.seat, at));
        let mut story = Story::of(now, joined, name, stay, left);
        if let Came::Back(left) = came {
            story.misses(left.map(|left| left.version), joined.missed)?;
            if story.kind.has_private_events() && joined.missed.is_none() {
                story.private = None;
            }
        }
        if let Some(seat) = joined.seat {
            let own = story.fold.seats.get(&seat);
            if !own.is_some_and(|own| own.connected && own.name == name) {
                let what = format!("{name} is told of seat {seat}, where {own:?} is");
                return Err((Invariant::AckOrder, what));
            }
        }
        record.agree(&story)?;
        if let Some(state) = &lobby.state {
            let mut state = state.clone();
            (state.n, state.key) = (None, false);
            self.seen(&mut story, &state)?;
        }
        Ok(story)
    }

    /// A member is told of a change.
    pub(in crate::sim) fn changed(
        &mut self,
        now: Time,
        story: &mut Story,
        changed: &Changed,
        text: &str,
    ) -> Check {
        if let Change::PollEnded(tally) = &changed.change {
            self.counted(story, tally)?;
        }
        let record = self.records.entry(story.lobby.clone()).or_default();
        record.settle_common(story, changed);
        record.told(story, changed.version, text)?;
        match &changed.change {
            Change::Started { number } => {
                record.reserved.has_begun = true;
                story.stay = record.messages.next_match(story.stay, *number);
                // Who did not play the last one looks at another view now.
                story.n = None;
            }
            Change::Finished { outcome } => {
                record.messages.match_over(story.stay);
                if outcome.reason == "crashed" && !record.has_traps {
                    let what = format!("{}: nobody wanted its game to fail", story.lobby);
                    return Err((Invariant::Crashes, what));
                }
            }
            Change::Chat { .. } if story.is_fan => {
                return Err((Invariant::Hidden, "the audience hears talk".to_owned()));
            }
            _ => {}
        }
        if story.is_missed(changed.version)? {
            return match &changed.change {
                Change::Chat { text, .. } => Said::read(text).map_or(Ok(()), |s| story.hears(s)),
                _ => Ok(()),
            };
        }
        story.next(changed.version)?;
        let now_ms = EPOCH_MS + now.since_start().as_millis() as u64;
        match &changed.change {
            Change::Dropped { seat, kept_until_ms, claim_from_ms } => {
                let is_playing = story.fold.phase == Phase::Playing;
                let kept = if is_playing { story.kind.keep() } else { GRACE };
                if *kept_until_ms > now_ms + kept.as_millis() as u64 {
                    return Err((Invariant::Grace, format!("seat {seat} is kept too long")));
                }
                story.kept_until_ms.insert(*seat, *kept_until_ms);
                if is_playing && claim_from_ms < kept_until_ms {
                    story.claim_from_ms.insert(*seat, *claim_from_ms);
                }
            }
            Change::Overdue { seat } => story.is_overdue(*seat, now_ms)?,
            Change::Returned { seat } => {
                story.kept_until_ms.remove(seat);
                story.claim_from_ms.remove(seat);
            }
            Change::Left { seat, reason } => {
                let own = story.fold.seats.get(seat);
                own.into_iter().for_each(|seat| record.door.left(now, &seat.name));
                let is_lost = own.is_some_and(|seat| !seat.connected);
                let kept_until_ms = story.kept_until_ms.remove(seat);
                story.claim_from_ms.remove(seat);
                let is_kicked = [LeaveReason::Kicked, LeaveReason::Banned].contains(reason);
                if is_kicked && !record.door.is_to_be_free(*seat) {
                    return Err((Invariant::Hosts, format!("nobody sent seat {seat} away")));
                }
                if is_lost && !is_kicked && kept_until_ms.is_some_and(|until| now_ms < until) {
                    return Err((Invariant::Grace, format!("seat {seat} was freed early")));
                }
            }
            // Who is away as a match begins is waited for from then on.
            Change::Started { .. } | Change::Finished { .. } => story.claim_from_ms.clear(),
            _ => {}
        }
        let phase = story.fold.phase;
        story.changed_at = now;
        story.change(&changed.change)?;
        if story.fold.phase != phase || matches!(changed.change, Change::Started { .. }) {
            story.since = now;
        }
        record.agree(story)?;
        self.keeps_seats(story, &changed.change)
    }

    /// A member is told what happened in the match.
    pub(in crate::sim) fn happened(
        &mut self,
        story: &mut Story,
        event: &MatchEvent,
        text: &str,
    ) -> Check {
        let record = self.records.entry(story.lobby.clone()).or_default();
        let is_missed = story.missed.is_some();
        let is_common = match story.kind {
            GameKind::Chess | GameKind::Circles => true,
            GameKind::Relay => record.message(story, event)?,
            GameKind::Secrets | GameKind::Ticking => secret(story, event)?,
        };
        if is_common {
            record.told(story, event.version, text)?;
        } else {
            story.counts_private();
        }
        if story.is_missed(event.version)? {
            return Ok(());
        }
        story.next(event.version)?;
        if story.fold.phase != Phase::Playing && !is_missed {
            let what = format!("{}: turn {} of no match", story.lobby, event.turn);
            return Err((Invariant::Story, what));
        }
        if !story.kind.tells_turns() {
            return record.agree(story);
        }
        if story.fold.phase != Phase::Playing || event.turn != story.fold.turn + 1 {
            let what = format!("{}: turn {} after {:?}", story.lobby, event.turn, story.fold);
            return Err((Invariant::Story, what));
        }
        story.fold.turn = event.turn;
        record.agree(story)
    }

    /// A member's action, or the input of this number, was accepted as the turn of this number.
    pub(in crate::sim) fn acted(
        &mut self,
        now: Time,
        story: &mut Story,
        (seq, action): (Option<u64>, &Value),
        turn: u64,
    ) -> Check {
        let record = self.records.entry(story.lobby.clone()).or_default();
        let Fold { phase, number, turn: before, .. } = story.fold;
        let is_next = !story.kind.tells_turns() || turn == before + 1;
        if phase != Phase::Playing || !is_next || !record.acted.insert((number, turn)) {
            let what = format!("{}: turn {turn} of {number} after {before}", story.lobby);
            return Err((Invariant::AckOrder, what));
        }
        record.messages.passed(story.stay, number, turn);
        match (action["type"].as_str(), story.seat) {
            // Nobody's view is another for it, so that no state comes.
            (Some("send"), Some(seat)) => {
                let message: Option<Letter> = serde_json::from_value(action["data"].clone()).ok();
                let is_volatile = action["volatile"] == true;
                let Some(message) = message.filter(|_| !is_volatile) else { return Ok(()) };
                return record.messages.accepted((number, turn), seat, &message);
            }
            // These are stepped into before long; a seat may never change, nor a tick come.
            (Some("trap"), _) if action["call"] == "seat" => {}
            (Some("trap"), _) if action["call"] == "tick" && story.kind == GameKind::Secrets => {}
            (Some("trap"), _) => story.trapped = Some((number, now)),
            _ => {}
        }
        let (_, turns, seqs) = story.acted_in(number);
        (*turns, *seqs) = (turn.max(*turns), seq.unwrap_or_default().max(*seqs));
        Ok(())
    }

    /// A member is about to ask its game to fail.
    pub(in crate::sim) fn wants_trap(&mut self, story: &Story) {
        self.records.entry(story.lobby.clone()).or_default().has_traps = true;
    }

    /// A game has failed, says a refusal.
    pub(in crate::sim) fn crashed(&self, story: &Story) -> Check {
        match self.records.get(&story.lobby).is_some_and(|record| record.has_traps) {
            true => Ok(()),
            false => Err((Invariant::Crashes, format!("{}: the game has failed", story.lobby))),
        }
    }

    /// Something that only a game's lobby could say has reached this client: no secret in it is
    /// another's than this one's own.
    pub(in crate::sim) fn saw(&mut self, story: Option<&Story>, text: &str) -> Check {
        for (seat, word) in secrets::secrets_in(text) {
            let own = story.filter(|story| story.seat == Some(seat));
            let Some(own) = own else {
                let who = story.map(|story| (&story.name, story.seat));
                return Err((Invariant::Hidden, format!("{who:?} is sent {word}")));
            };
            let place = (own.lobby.clone(), own.name.clone());
            let owner = self.secrets.entry(word.to_owned()).or_insert_with(|| place.clone());
            if *owner != place {
                return Err((Invariant::Hidden, format!("{place:?} is sent {word} of {owner:?}")));
            }
        }
        Ok(())
    }

    /// At the end: every message has reached those that it was for.
    pub(super) fn check_end(&self) -> Check {
        self.records.values().try_for_each(|record| record.messages.check())
    }

    pub(in crate::sim) fn listed(&self, listing: &Listing) -> Check {
        let mut ids: Vec<&str> = listing.lobbies.iter().map(|lobby| lobby.id.as_str()).collect();
        // Of some only what others were refused is known.
        let is_private = |r: &Record| !r.is_public && !r.code.is_empty();
        let is_private = |id: &&str| self.records.get(*id).is_some_and(is_private);
        if let Some(id) = ids.iter().find(|id| is_private(id)) {
            return Err((Invariant::Listing, format!("{id} is private")));
        }
        ids.sort_unstable();
        let n = ids.len();
        ids.dedup();
        if ids.len() < n {
            return Err((Invariant::Listing, "a lobby is listed twice".to_owned()));
        }
        Ok(())
    }

    /// A member has received all that there is.
    pub(in crate::sim) fn drained(&mut self, now: Time, story: &Story) -> Check {
        let fold = &story.fold;
        if let Some(missed) = story.missed {
            let what = format!("{} never heard {missed:?}", story.name);
            return Err((Invariant::Versions, what));
        }
        if fold.phase == Phase::Playing && story.awaits_whole {
            return Err((Invariant::States, format!("{} got no whole state", story.name)));
        }
        let most = match fold.phase {
            Phase::Starting => Some(self.policy.countdown),
            Phase::Playing => Some(self.policy.max_match),
            Phase::Finished => Some(self.policy.finished),
            // It lasts for as long as somebody says or does something.
            Phase::Open => None,
        };
        if most.is_some_and(|most| now > story.since + most + self.slack) {
            let what = format!("{} is {:?} since {:?}", story.lobby, fold.phase, story.since);
            return Err((Invariant::Stuck, what));
        }
        if let Some((number, at)) = story.trapped
            && (fold.number, fold.phase) == (number, Phase::Playing)
            && now > at + secrets::WAKES_AFTER + self.slack
        {
            let what = format!("{} goes on, though its game has failed", story.lobby);
            return Err((Invariant::Crashes, what));
        }
        let is_newest = !story.kind.tells_turns() || story.shown == (fold.number, fold.turn);
        let (number, turn, seq) = story.acted;
        let is_contained = number != story.shown.0
            || story.shown.1 >= turn
                && story.seat.is_none_or(|seat| {
                    let applied = story.applied.1.get(&seat);
                    applied.copied().unwrap_or_default() >= seq
                });
        if fold.phase == Phase::Playing && (!is_newest || !is_contained) {
            let what = format!(
                "{} was shown {:?} {:?} of {fold:?}, after {:?}",
                story.name, story.shown, story.applied, story.acted
            );
            return Err((Invariant::States, what));
        }
        if let Some(said) = story.said.front() {
            return Err((Invariant::AckOrder, format!("{} never heard {said:?}", story.name)));
        }
        self.overdue(now, story)?;
        self.still_there(now, story)?;
        self.polls_end(now, story)?;
        self.led_astray(now, story)?;
        let late_ms = now.since_start().saturating_sub(self.slack).as_millis() as u64;
        for seat in fold.seats.values().filter(|seat| !seat.connected) {
            let until = story.kept_until_ms.get(&seat.seat);
            if until.is_some_and(|until| *until < EPOCH_MS + late_ms) {
                return Err((Invariant::Grace, format!("{seat:?} is kept too long")));
            }
        }
        Ok(())
    }
}

impl Record {
    /// Who has missed something for good finds its place in the common story again by what was
    /// said.
    fn settle_common(&mut self, story: &mut Story, changed: &Changed) {
        let Change::Chat { text, .. } = &changed.change else { return };
        let Some(said) = Said::read(text) else { return };
        match story.common(changed.version) {
            Some(common) => _ = self.chats.insert(said.number, common),
            None => {
                let common = self.chats.get(&said.number);
                story.private = common.and_then(|common| changed.version.checked_sub(*common));
            }
        }
    }

    /// A member of a relay match is told a message. True if all are.
    fn message(
        &mut self,
        story: &mut Story,
        event: &MatchEvent,
    ) -> Result<bool, (Invariant, String)> {
        let relay::Event::Message { from, data } = read(event.event.get())?;
        let message: Letter = read(data.get())?;
        if message.lobby != story.lobby {
            return Err((Invariant::Hidden, format!("{} is told {message:?}", story.name)));
        }
        let Letter { number, client, .. } = message;
        story.hears(Said { number, client })?;
        // Who was host when something happened that was missed is not known.
        let host = story.missed.is_none().then_some(story.fold.host);
        self.messages.told(story.stay, (event.turn, from), &message, host)?;
        Ok(message.is_common())
    }

    fn tale(&mut self, story: &Story) -> &mut Tale {
        if story.is_fan { &mut self.audience } else { &mut self.members }
    }

    /// All are told the same at one version.
    fn told(&mut self, story: &Story, version: u64, text: &str) -> Check {
        let Some(version) = story.common(version) else { return Ok(()) };
        let text = text.split_once(',').map_or(text, |(_, rest)| rest);
        let told = self.tale(story).told.entry(version).or_insert_with(|| text.to_owned());
        if told == text {
            return Ok(());
        }
        Err((Invariant::Story, format!("at {version} one is told {told}, another {text}")))
    }

    /// All know the same at one version.
    fn agree(&mut self, story: &Story) -> Check {
        // Bots have the same names everywhere.
        let people = story.fold.seats.values().filter(|seat| !seat.bot);
        self.names.extend(people.map(|seat| seat.name.clone()));
        let Some(version) = story.common(story.version).filter(|_| story.missed.is_none()) else {
            return Ok(());
        };
        let fold = self.tale(story).folds.entry(version).or_insert_with(|| story.fold.clone());
        if *fold == story.fold {
            return Ok(());
        }
        let what =
            format!("at {} one knows {fold:?}, {} {:?}", story.version, story.name, story.fold);
        Err((Invariant::Story, what))
    }
}

/// A member of a game of secrets is told something. True if all are.
fn secret(story: &Story, event: &MatchEvent) -> Result<bool, (Invariant, String)> {
    let event: secrets::Event = read(event.event.get())?;
    if event.to.is_some() && event.to != story.seat {
        return Err((Invariant::Hidden, format!("{} is told {event:?}", story.name)));
    }
    Ok(event.to.is_none())
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, (Invariant, String)> {
    serde_json::from_str(data).map_err(|error| (Invariant::States, format!("{error}: {data}")))
}

//! What all members of each lobby have been told, side by side: one story, one match, one owner of
//! each seat.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parlor_core::{key::ShardId, time::Time};
use parlor_shared::api::{
    chess::{Side, View},
    circles, delta,
    lobby::{
        Change, Changed, Delta, Joined, Listing, MatchEvent, Phase, Player, State, Visibility,
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Invariant,
    story::{Fold, Story},
};
use crate::sim::{
    plan::{GRACE, KEEP, Plan},
    server::EPOCH_MS,
};

type Check = Result<(), (Invariant, String)>;

#[derive(Debug)]
pub(in crate::sim) struct Lobbies {
    shards: Vec<ShardId>,
    slack: Duration,
    records: BTreeMap<String, Record>,
    /// Which lobby a code has led to.
    ids: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Record {
    code: String,
    is_public: bool,
    /// What was told at each version, and what followed from it.
    told: BTreeMap<u64, String>,
    folds: BTreeMap<u64, Fold>,
    /// What the board looked like, by match, turn or tick, and whether it was over.
    boards: BTreeMap<(u32, u64, u64), String>,
    acted: BTreeSet<(u32, u64)>,
    /// Who has ever had a seat.
    names: BTreeSet<String>,
}

impl Lobbies {
    pub(super) fn new(plan: &Plan) -> Self {
        let slack = plan.slack() + Duration::from_millis(2 * plan.latency_ms);
        Self { shards: plan.shards.clone(), slack, records: BTreeMap::new(), ids: BTreeMap::new() }
    }

    pub(super) fn index_of(&self, shard: ShardId) -> usize {
        self.shards.iter().position(|own| *own == shard).expect("a shard of this run")
    }

    /// Somebody is in a lobby now: its story begins with what it was told.
    pub(in crate::sim) fn joined(
        &mut self,
        joined: &Joined,
        name: &str,
    ) -> Result<Story, (Invariant, String)> {
        let lobby = &joined.lobby;
        let mut story = Story::of(joined, name);
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
        } else if record.code != lobby.code {
            return Err((Invariant::Story, format!("{} has another code now", lobby.id)));
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
        let record = self.records.entry(story.lobby.clone()).or_default();
        record.told(changed.version, text)?;
        if story.is_missed(changed.version)? {
            return Ok(());
        }
        story.next(changed.version)?;
        let now_ms = EPOCH_MS + now.since_start().as_millis() as u64;
        match &changed.change {
            Change::Dropped { seat, kept_until_ms } => {
                let is_chess = story.fold.phase == Phase::Playing && !story.is_circles;
                let kept = if is_chess { KEEP } else { GRACE };
                if *kept_until_ms > now_ms + kept.as_millis() as u64 {
                    return Err((Invariant::Grace, format!("seat {seat} is kept too long")));
                }
                story.kept_until_ms.insert(*seat, *kept_until_ms);
            }
            Change::Returned { seat } => _ = story.kept_until_ms.remove(seat),
            Change::Left { seat, .. } => {
                let kept_until_ms = story.kept_until_ms.remove(seat);
                let is_lost = story.fold.seats.get(seat).is_some_and(|seat| !seat.connected);
                if is_lost && kept_until_ms.is_some_and(|until| now_ms < until) {
                    return Err((Invariant::Grace, format!("seat {seat} was freed early")));
                }
            }
            _ => {}
        }
        story.change(&changed.change)?;
        record.agree(story)
    }

    /// A member is told what happened in the match.
    pub(in crate::sim) fn happened(
        &mut self,
        story: &mut Story,
        event: &MatchEvent,
        text: &str,
    ) -> Check {
        let record = self.records.entry(story.lobby.clone()).or_default();
        record.told(event.version, text)?;
        if story.is_missed(event.version)? {
            return Ok(());
        }
        story.next(event.version)?;
        if story.fold.phase != Phase::Playing || event.turn != story.fold.turn + 1 {
            let what = format!("{}: turn {} after {:?}", story.lobby, event.turn, story.fold);
            return Err((Invariant::Story, what));
        }
        story.fold.turn = event.turn;
        record.agree(story)
    }

    /// A member is shown the match: a whole state.
    pub(in crate::sim) fn state(&mut self, story: &mut Story, data: &str) -> Check {
        let mut value: Value = read(data)?;
        let n = value["n"].as_u64();
        let is_key = value["key"] == true;
        if let Value::Object(members) = &mut value {
            members.retain(|name, _| name != "n" && name != "key");
        }
        story.numbered(n)?;
        story.awaits_whole = false;
        if is_key {
            story.base = n.map(|n| (n, value.clone()));
        }
        self.shown(story, value)
    }

    /// The same as what differs from the last key.
    pub(in crate::sim) fn delta(&mut self, story: &mut Story, data: &str) -> Check {
        let told: Delta = read(data)?;
        story.numbered(Some(told.n))?;
        if story.awaits_whole {
            return Err((Invariant::States, format!("{} asked for a whole state", story.name)));
        }
        let what = |what: &str| (Invariant::States, format!("{}: {what}: {data}", story.name));
        let (_, base) = story
            .base
            .as_ref()
            .filter(|(n, _)| *n == told.base)
            .ok_or_else(|| what(&format!("a delta on another key than {:?}", story.base)))?;
        let value = delta::apply(base, &told.delta).map_err(|misfit| what(&misfit.to_string()))?;
        self.shown(story, value)
    }

    fn seen(&mut self, story: &mut Story, state: &State) -> Check {
        let all = &self.records;
        // Who has played and left before any client heard of the lobby is in none.
        let is_in = |record: &Record, player: &Player| record.names.contains(&player.name);
        let is_strange = |player: &Player| {
            let is_its = all.get(&story.lobby).is_some_and(|own| is_in(own, player));
            !is_its && all.values().any(|other| is_in(other, player))
        };
        if state.players.iter().any(is_strange) {
            let what = format!("{} is shown {:?} of another lobby", story.name, state.players);
            return Err((Invariant::Hidden, what));
        }
        self.records.entry(story.lobby.clone()).or_default().state(story, state)
    }

    fn shown(&mut self, story: &mut Story, value: Value) -> Check {
        let state: State = serde_json::from_value(value)
            .map_err(|error| (Invariant::States, error.to_string()))?;
        self.seen(story, &state)
    }

    /// A member's action, or the input of this number, was accepted as the turn of this number.
    pub(in crate::sim) fn acted(
        &mut self,
        story: &mut Story,
        seq: Option<u64>,
        turn: u64,
    ) -> Check {
        let record = self.records.entry(story.lobby.clone()).or_default();
        let Fold { phase, number, turn: before, .. } = story.fold;
        let is_next = story.is_circles || turn == before + 1;
        if phase != Phase::Playing || !is_next || !record.acted.insert((number, turn)) {
            let what = format!("{}: turn {turn} of {number} after {before}", story.lobby);
            return Err((Invariant::AckOrder, what));
        }
        let (_, turns, seqs) = story.acted_in(number);
        (*turns, *seqs) = (turn.max(*turns), seq.unwrap_or_default().max(*seqs));
        Ok(())
    }

    pub(in crate::sim) fn listed(&self, listing: &Listing) -> Check {
        let mut ids: Vec<&str> = listing.lobbies.iter().map(|lobby| lobby.id.as_str()).collect();
        let is_private = |id: &&str| self.records.get(*id).is_some_and(|r| !r.is_public);
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
    pub(in crate::sim) fn drained(&self, now: Time, story: &Story) -> Check {
        let fold = &story.fold;
        if let Some(missed) = story.missed {
            let what = format!("{} never heard {missed:?}", story.name);
            return Err((Invariant::Versions, what));
        }
        if fold.phase == Phase::Playing && story.awaits_whole {
            return Err((Invariant::States, format!("{} got no whole state", story.name)));
        }
        let is_newest = story.is_circles || story.shown == (fold.number, fold.turn);
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
    /// All are told the same at one version.
    fn told(&mut self, version: u64, text: &str) -> Check {
        let told = self.told.entry(version).or_insert_with(|| text.to_owned());
        if told == text {
            return Ok(());
        }
        Err((Invariant::Story, format!("at {version} one is told {told}, another {text}")))
    }

    /// All know the same at one version.
    fn agree(&mut self, story: &Story) -> Check {
        self.names.extend(story.fold.seats.values().map(|seat| seat.name.clone()));
        let fold = self.folds.entry(story.version).or_insert_with(|| story.fold.clone());
        if *fold == story.fold {
            return Ok(());
        }
        let what =
            format!("at {} one knows {fold:?}, {} {:?}", story.version, story.name, story.fold);
        Err((Invariant::Story, what))
    }

    fn state(&mut self, story: &mut Story, state: &State) -> Check {
        let shown = (state.number, state.turn);
        let fold = &story.fold;
        let is_ahead =
            fold.phase == Phase::Playing && (state.turn > fold.turn && !story.is_circles);
        if shown < story.shown || state.number != fold.number || is_ahead {
            let what = format!("{shown:?} came after {:?}, in {fold:?}", story.shown);
            return Err((Invariant::States, what));
        }
        (story.shown, story.tick) = (shown, state.tick);
        story.applied_grows(state)?;
        if story.is_circles {
            return self.arena(state);
        }
        let view: View = serde_json::from_str(state.view.get())
            .map_err(|error| (Invariant::States, error.to_string()))?;
        let to_move = if view.turn == Side::White { view.white } else { view.black };
        let is_own = story.seat == Some(to_move);
        let is_told = !view.legal.is_empty();
        if is_told && !is_own {
            let what = format!("{:?} is shown what only seat {to_move} may know", story.seat);
            return Err((Invariant::Hidden, what));
        }
        // The seat may have changed hands since the match ended.
        if is_own && !is_told && state.outcome.is_none() {
            return Err((Invariant::Hidden, format!("seat {to_move} is not shown its moves")));
        }
        let board = format!("{} {:?}", view.fen, view.moves);
        self.same_board((state.number, state.turn, 0), &board)?;
        story.legal = view.legal;
        Ok(())
    }

    /// Everybody sees the same circles, whole or put together.
    fn arena(&mut self, state: &State) -> Check {
        let view: circles::View = read(state.view.get())?;
        let outcome = u64::from(state.outcome.is_some());
        let board = format!("{} {view:?} {:?}", state.turn, state.applied);
        self.same_board((state.number, view.tick, outcome), &board)
    }

    fn same_board(&mut self, at: (u32, u64, u64), board: &str) -> Check {
        let seen = self.boards.entry(at).or_insert_with(|| board.to_owned());
        if *seen == board {
            return Ok(());
        }
        Err((Invariant::States, format!("at {at:?} one sees {seen}, another {board}")))
    }
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, (Invariant, String)> {
    serde_json::from_str(data).map_err(|error| (Invariant::States, format!("{error}: {data}")))
}

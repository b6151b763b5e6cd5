//! What is shown of matches, whole or as what differs: it goes forward, is the same for all who see
//! the same, and nobody is shown what is not theirs.

use parlor_shared::api::{
    chess::{Side, View},
    circles, delta,
    lobby::{Delta, Phase, Player, State},
    relay,
};
use serde_json::Value;

use super::{Check, GameKind, Invariant, Lobbies, Record, Story, read};
use crate::sim::secrets;

impl Lobbies {
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

    pub(super) fn seen(&mut self, story: &mut Story, state: &State) -> Check {
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
}

impl Record {
    fn state(&mut self, story: &mut Story, state: &State) -> Check {
        let shown = (state.number, state.turn);
        let fold = &story.fold;
        let is_ahead =
            fold.phase == Phase::Playing && (state.turn > fold.turn && story.kind.tells_turns());
        // What leaves a view as it is leaves the turn of the state that is shown as it was.
        let waits = story.kind == GameKind::Relay && shown.0 == story.shown.0;
        if shown < story.shown && !waits || state.number != fold.number || is_ahead {
            let what = format!("{shown:?} came after {:?}, in {fold:?}", story.shown);
            return Err((Invariant::States, what));
        }
        (story.shown, story.tick) = (shown, state.tick);
        story.applied_grows(state, waits)?;
        match story.kind {
            GameKind::Chess => {}
            GameKind::Circles => return self.arena(state),
            GameKind::Relay => return read::<relay::View>(state.view.get()).map(|_| ()),
            GameKind::Secrets | GameKind::Ticking => return self.own_secret(story, state),
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

    /// Who plays sees its own secret, and who does not none. What is no seat's own is looked for in
    /// every byte: see `player`.
    fn own_secret(&self, story: &Story, state: &State) -> Check {
        if state.view.get() == "null" && self.has_traps {
            return Ok(());
        }
        let view: secrets::View = read(state.view.get())?;
        let plays = story.seat.is_some_and(|seat| view.seats.contains(&seat));
        // What spectators see is not for the thousands of the audience.
        if view.n_whispers.is_some() == story.is_fan {
            return Err((Invariant::Hidden, format!("{} is shown {view:?}", story.name)));
        }
        // Who took the seat after the match sees it as those do who watch.
        let is_over = state.outcome.is_some() && view.secret.is_none();
        if view.secret.is_some() == plays || is_over {
            return Ok(());
        }
        Err((Invariant::Hidden, format!("seat {:?} is shown {view:?}", story.seat)))
    }

    /// Everybody sees the same circles, whole or put together.
    fn arena(&mut self, state: &State) -> Check {
        let view: circles::View = read(state.view.get())?;
        // Between two ticks somebody may have joined: then there are two boards.
        let seats = view.circles.iter().filter_map(|circle| circle.seat);
        let playing = seats.fold(0, |all, seat| all | (2_u64 << seat));
        let outcome = u64::from(state.outcome.is_some()) | playing;
        // Who joins in a seat that was left begins to number anew, between two ticks as well.
        let board = format!("{} {view:?}", state.turn);
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

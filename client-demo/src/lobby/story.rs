//! One lobby as its pushes tell it: the snapshot from joining, kept up to date.
//! Where pushes come from is not known here, so a bot on an epoll loop can use it as it is.
//! Source: `parlor_shared::api::lobby`.

use parlor_shared::{
    api::{
        delta,
        lobby::{
            Change, Changed, Delta, Joined, Lobby, MatchEvent, Phase, Seat, State, TypingPush, push,
        },
    },
    socket_io::{Args, ArgsError},
};
use serde_json::{Value, value::RawValue};

/// What a push told.
#[derive(Debug)]
pub enum Push {
    /// The lobby changed.
    Changed(Change),
    /// Something happened in the match, in the game's own words.
    Event {
        /// Accepted actions so far.
        turn: u64,
        /// What happened.
        event: Box<RawValue>,
    },
    /// The match's state is newer now; see [`Story::state`].
    State,
    /// The state is newer than the story can tell: ask for `resync`.
    Behind,
    /// Somebody began or stopped typing.
    Typing(TypingPush),
    /// What is watched of the public lobbies has changed; see [`super::LobbySocket::watched`].
    Listing,
    /// Nothing new: an older state, or an event of a later version of Parlor.
    Nothing,
}

/// Why a story cannot go on: join again, or resume, for a fresh one.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// A push was lost or came twice. Parlor never does that.
    #[error("version {seen} came after version {last}")]
    Gap {
        /// Of the last push.
        last: u64,
        /// Of the push that came.
        seen: u64,
    },
    /// A push is not what `shared::api` says it is.
    #[error("`{event}` cannot be read: {source}")]
    Unreadable {
        /// The push's name.
        event: String,
        /// What is wrong with it.
        source: ArgsError,
    },
}

/// Whether a push says more than the lobby knows.
#[derive(PartialEq, Eq)]
enum News {
    Yes,
    No,
}

/// The story so far.
#[derive(Debug)]
pub struct Story {
    lobby: Lobby,
    seat: Option<u8>,
    token: String,
    /// Of the next so many pushes the lobby knows already.
    missed: u32,
    /// The state that deltas build on, and its number.
    base: Option<(u64, Value)>,
}

impl Story {
    /// It begins with the answer to `create`, `join` or `resume`. What was missed is told next,
    /// push by push, though the lobby stands as it does after all of it.
    pub fn new(joined: Joined) -> Self {
        let Joined { mut lobby, seat, token, missed, .. } = joined;
        let missed = missed.unwrap_or(0);
        lobby.version = lobby.version.saturating_sub(missed.into());
        Self { lobby, seat, token, missed, base: None }
    }

    /// The lobby as it stands.
    pub fn lobby(&self) -> &Lobby {
        &self.lobby
    }

    /// The newest state of the running or last match.
    pub fn state(&self) -> Option<&State> {
        self.lobby.state.as_ref()
    }

    /// One's own seat; `None` for a spectator.
    pub fn seat(&self) -> Option<u8> {
        self.seat
    }

    /// What `resume` takes after a lost connection: a secret.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Name of the player who has this seat.
    pub fn name(&self, seat: u8) -> Option<&str> {
        self.lobby.seats.iter().find(|s| s.seat == seat).map(|s| s.name.as_str())
    }

    /// Goes on with one event of `/lobby`.
    ///
    /// # Errors
    /// If it does not belong after the one before.
    pub fn tell(&mut self, args: &Args<'_>) -> Result<Push, StoryError> {
        let name = args.name();
        let unreadable = |source| StoryError::Unreadable { event: name.to_string(), source };
        match name.as_ref() {
            push::CHANGED => {
                let Changed { version, change } = args.get(0).map_err(unreadable)?;
                if self.follow(version)? == News::Yes {
                    self.change(&change);
                }
                Ok(Push::Changed(change))
            }
            push::EVENT => {
                let MatchEvent { version, turn, event } = args.get(0).map_err(unreadable)?;
                self.follow(version)?;
                Ok(Push::Event { turn, event })
            }
            push::STATE => {
                let state: State = args.get(0).map_err(unreadable)?;
                if let (Some(n), true) = (state.n, state.key) {
                    self.base = Some((n, args.get(0).map_err(unreadable)?));
                }
                Ok(self.renew(state))
            }
            push::DELTA => Ok(self.build(&args.get(0).map_err(unreadable)?)),
            push::TYPING => Ok(Push::Typing(args.get(0).map_err(unreadable)?)),
            _ => Ok(Push::Nothing),
        }
    }

    fn follow(&mut self, version: u64) -> Result<News, StoryError> {
        let last = self.lobby.version;
        if version.checked_sub(1) != Some(last) {
            return Err(StoryError::Gap { last, seen: version });
        }
        self.lobby.version = version;
        if self.missed > 0 {
            self.missed -= 1;
            return Ok(News::No);
        }
        Ok(News::Yes)
    }

    /// States are volatile: the newest counts, and one of the lobby that was left before this one
    /// can still arrive while no match has begun here.
    fn renew(&mut self, state: State) -> Push {
        let age = |state: &State| (state.number, state.turn);
        let is_old = self.state().is_some_and(|known| age(known) > age(&state));
        if is_old || matches!(self.lobby.phase, Phase::Open | Phase::Starting) {
            return Push::Nothing;
        }
        self.lobby.state = Some(state);
        Push::State
    }

    /// A state from its key and what differs since.
    fn build(&mut self, Delta { n, base, delta }: &Delta) -> Push {
        let base = self.base.as_ref().filter(|known| known.0 == *base);
        let state = base.and_then(|(_, state)| delta::apply(state, delta).ok());
        match state.and_then(|state| serde_json::from_value::<State>(state).ok()) {
            Some(state) => self.renew(State { n: Some(*n), key: false, ..state }),
            None => Push::Behind,
        }
    }

    fn change(&mut self, change: &Change) {
        let lobby = &mut self.lobby;
        match change {
            Change::Joined(seat) => {
                let at = lobby.seats.partition_point(|s| s.seat < seat.seat);
                lobby.seats.insert(at, seat.clone());
            }
            Change::Settings(terms) => lobby.set_terms(terms),
            Change::Poll(poll) => lobby.poll = Some(poll.clone()),
            Change::PollEnded(_) => lobby.poll = None,
            Change::Colour { seat, colour } => self.at(*seat, |s| s.colour = Some(*colour)),
            Change::Dropped { seat, .. } => {
                let is_open = matches!(lobby.phase, Phase::Open | Phase::Starting);
                self.at(*seat, |s| {
                    s.connected = false;
                    // Without a push of its own.
                    s.ready &= !is_open;
                });
            }
            Change::Overdue { seat } => self.at(*seat, |s| s.overdue = true),
            Change::Returned { seat } => {
                self.at(*seat, |s| (s.connected, s.overdue) = (true, false));
            }
            Change::Left { seat, .. } => {
                lobby.seats.retain(|s| s.seat != *seat);
                // Who is host next is told behind it, if anybody is.
                lobby.host = lobby.host.filter(|host| host != seat);
            }
            Change::Host { seat } => lobby.host = Some(*seat),
            Change::Ready { seat, ready } => self.at(*seat, |s| s.ready = *ready),
            Change::Spectators { count } => lobby.spectators = *count,
            Change::Starting { at_ms } => {
                (lobby.phase, lobby.starts_at_ms) = (Phase::Starting, Some(*at_ms));
            }
            Change::Stopped => (lobby.phase, lobby.starts_at_ms) = (Phase::Open, None),
            Change::Opened => (lobby.phase, lobby.state) = (Phase::Open, None),
            Change::Started { .. } => {
                lobby.starts_at_ms = None;
                lobby.phase = Phase::Playing;
                lobby.seats.iter_mut().for_each(|s| s.ready = s.bot);
            }
            Change::Finished { .. } => {
                lobby.phase = Phase::Finished;
                lobby.seats.iter_mut().for_each(|s| s.overdue = false);
            }
            Change::Chat { .. } | Change::Unknown => {}
        }
    }

    fn at(&mut self, seat: u8, edit: impl FnOnce(&mut Seat)) {
        if let Some(seat) = self.lobby.seats.iter_mut().find(|s| s.seat == seat) {
            edit(seat);
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::lobby::{Colour, LeaveReason, Outcome, Role};
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    /// A lobby at version 3 in which Ada sits alone.
    fn story() -> Story {
        let (name, connected, ready) = ("Ada".to_owned(), true, true);
        let ada = Seat { name, connected, ready, ..Seat::default() };
        let lobby = Lobby {
            id: "id".to_owned(),
            code: "BCDFG".to_owned(),
            game: "chess".to_owned(),
            config: raw("{}"),
            version: 3,
            host: Some(0),
            seats: vec![ada],
            capacity: 2,
            needed: 2,
            ..Lobby::default()
        };
        Story::new(Joined {
            lobby,
            seat: Some(0),
            token: "secret".to_owned(),
            created: false,
            missed: None,
        })
    }

    fn tell(story: &mut Story, name: &str, payload: impl Serialize) -> Result<Push, StoryError> {
        let array = serde_json::to_string(&(name, payload)).unwrap();
        story.tell(&Args::of_event(&array, &[]))
    }

    fn change(story: &mut Story, change: Change) {
        let version = story.lobby().version + 1;
        tell(story, "changed", Changed { version, change }).unwrap();
    }

    fn state(number: u32, turn: u64) -> State {
        let (players, applied) = (Vec::new(), Default::default());
        let view = raw("{}");
        State {
            number,
            turn,
            tick: None,
            players,
            view,
            outcome: None,
            applied,
            n: None,
            key: false,
        }
    }

    #[test]
    fn changes_build_on_each_other() {
        let mut story = story();
        let (name, connected) = ("Grace".to_owned(), true);
        let grace = Seat { seat: 1, name, connected, ..Seat::default() };
        change(&mut story, Change::Joined(grace));
        change(&mut story, Change::Colour { seat: 1, colour: Colour::Teal });
        assert_eq!(story.lobby().seats[1].colour, Some(Colour::Teal));
        change(&mut story, Change::Ready { seat: 1, ready: true });
        assert_eq!(story.name(1), Some("Grace"));
        assert!(story.lobby().seats[1].ready);
        change(&mut story, Change::Dropped { seat: 1, kept_until_ms: 0, claim_from_ms: 0 });
        let seat = &story.lobby().seats[1];
        assert!(!seat.connected && !seat.ready);
        change(&mut story, Change::Returned { seat: 1 });
        change(&mut story, Change::Started { number: 1 });
        assert_eq!(story.lobby().phase, Phase::Playing);
        assert!(story.lobby().seats.iter().all(|s| s.connected && !s.ready));
        change(&mut story, Change::Spectators { count: 2 });
        let outcome = Outcome { winners: vec![1], reason: "checkmate".to_owned() };
        change(&mut story, Change::Finished { outcome });
        change(&mut story, Change::Left { seat: 0, reason: LeaveReason::Left });
        assert_eq!(story.lobby().host, None, "until another is told");
        change(&mut story, Change::Host { seat: 1 });
        let lobby = story.lobby();
        assert_eq!((lobby.phase, lobby.host, lobby.spectators), (Phase::Finished, Some(1), 2));
        assert_eq!((lobby.seats.len(), lobby.version), (1, 13));
    }

    #[test]
    fn what_was_missed_is_told_and_known_already() {
        let Story { mut lobby, .. } = story();
        (lobby.phase, lobby.version) = (Phase::Playing, 5);
        let joined =
            Joined { lobby, seat: Some(0), token: "t".to_owned(), created: false, missed: Some(2) };
        let mut story = Story::new(joined);
        let outcome = Outcome { winners: vec![], reason: "agreement".to_owned() };
        let push = Changed { version: 4, change: Change::Finished { outcome } };
        let told = tell(&mut story, "changed", push).unwrap();
        assert!(matches!(told, Push::Changed(Change::Finished { .. })));
        change(&mut story, Change::Started { number: 2 });
        assert_eq!((story.lobby().phase, story.lobby().version), (Phase::Playing, 5));
        change(&mut story, Change::Left { seat: 0, reason: LeaveReason::Left });
        assert!(story.lobby().seats.is_empty(), "from here on it is news");
    }

    #[test]
    fn a_change_of_a_later_version_is_counted_and_changes_nothing() {
        let mut story = story();
        let later = json!({ "version": 4, "change": { "type": "exploded", "seats": [0] } });
        let told = tell(&mut story, "changed", later).unwrap();
        assert!(matches!(told, Push::Changed(Change::Unknown)));
        let left = json!({ "version": 5, "change": { "type": "left", "seat": 0, "reason": "?" } });
        tell(&mut story, "changed", left).unwrap();
        assert_eq!((story.lobby().version, story.lobby().seats.len()), (5, 0));
    }

    #[test]
    fn a_gap_or_a_repetition_in_the_versions_is_an_error() {
        for seen in [0, 2, 3, 5, u64::MAX] {
            let mut story = story();
            let changed = Changed { version: seen, change: Change::Host { seat: 0 } };
            let error = tell(&mut story, "changed", changed).unwrap_err();
            let is_right = matches!(error, StoryError::Gap { last: 3, seen: s } if s == seen);
            assert!(is_right, "{error}");
        }
    }

    #[test]
    fn events_and_changes_are_counted_together_and_states_are_not() {
        let mut story = story();
        change(&mut story, Change::Started { number: 1 });
        tell(&mut story, "state", state(1, 0)).unwrap();
        let event = MatchEvent { version: 5, turn: 1, event: raw(r#"{"type":"x"}"#) };
        assert!(matches!(tell(&mut story, "event", &event), Ok(Push::Event { turn: 1, .. })));
        assert!(matches!(tell(&mut story, "event", &event), Err(StoryError::Gap { .. })));
    }

    #[test]
    fn only_the_newest_state_counts() {
        let mut story = story();
        assert!(matches!(tell(&mut story, "state", state(1, 9)), Ok(Push::Nothing)), "not ours");
        change(&mut story, Change::Started { number: 1 });
        for (number, turn, is_new) in
            [(1, 4, true), (1, 3, false), (1, 4, true), (2, 0, true), (1, 9, false)]
        {
            let push = tell(&mut story, "state", state(number, turn)).unwrap();
            assert_eq!(matches!(push, Push::State), is_new, "{number} {turn}");
        }
        assert_eq!(story.state().map(|s| (s.number, s.turn)), Some((2, 0)));
    }

    #[test]
    fn a_delta_builds_on_the_last_key_and_on_nothing_else() {
        let mut story = story();
        change(&mut story, Change::Started { number: 1 });
        let key = |n, turn| State { n: Some(n), key: true, ..state(1, turn) };
        let delta = |n, base, turn: u64| Delta { n, base, delta: json!({ "turn": [turn] }) };
        assert!(matches!(tell(&mut story, "delta", delta(2, 1, 9)), Ok(Push::Behind)));
        tell(&mut story, "state", State { key: false, ..key(4, 1) }).unwrap();
        assert!(matches!(tell(&mut story, "delta", delta(5, 4, 9)), Ok(Push::Behind)), "no key");
        tell(&mut story, "state", key(6, 2)).unwrap();
        assert!(matches!(tell(&mut story, "delta", delta(8, 6, 4)), Ok(Push::State)));
        let known = story.state().unwrap();
        assert_eq!((known.turn, known.n, known.key), (4, Some(8), false));
        assert!(matches!(tell(&mut story, "delta", delta(7, 5, 9)), Ok(Push::Behind)));
        let misfit = Delta { n: 9, base: 6, delta: json!({ "view": { "gone": 0 } }) };
        assert!(matches!(tell(&mut story, "delta", misfit), Ok(Push::Behind)));
        assert_eq!(story.state().unwrap().turn, 4);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_what_is_not_known_is_nothing() {
        let mut story = story();
        let bad = tell(&mut story, "changed", Role::Player);
        assert!(matches!(bad, Err(StoryError::Unreadable { event, .. }) if event == "changed"));
        assert!(matches!(tell(&mut story, "fireworks", 3), Ok(Push::Nothing)));
        assert_eq!(story.lobby().version, 3);
    }
}

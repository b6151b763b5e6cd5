//! The audience of one lobby, and what it is asked: thousands without names, of whom is known where
//! their sockets are and what they voted. What they are told goes to the room of the lobby's id,
//! once for each shard.
//!
//! They hear what spectators hear but chat, reactions and typing, in versions of their own, which
//! are the same for all of them.

use std::collections::BTreeMap;

use parlor_shared::{
    api::lobby::{
        AudiencePush, Format, MAX_OPTION_CODE_POINTS, MAX_POLL_OPTIONS, MAX_POLL_SECONDS,
        MAX_QUESTION_CODE_POINTS, MIN_POLL_OPTIONS, OpenPoll, Poll, Tally,
    },
    socket_io::Frame,
};

use super::*;
use crate::lobby::name::is_plain;

/// How often is told how many there are.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);
/// How often is told how the votes stand.
const TALLY_INTERVAL: Duration = Duration::from_millis(500);
/// Votes of players who have left, beside those of who may be there.
const MAX_VOTES_OF_ABSENT: usize = 1000;
/// How often the host may ask something.
const POLL_RATE: Rate = Rate { burst: 5, every: Duration::from_secs(2) };

/// Volatile frames of `/lobby`: votes, and how many are in the audience.
const TALLY_KEY: u64 = 5 << 32;
const COUNT_KEY: u64 = TALLY_KEY | 1;

/// Made with the first who comes, or the first question.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Where each is. Little else is kept of it.
    sockets: BTreeMap<Address, Fan>,
    /// Of those, who wants it in MessagePack.
    n_packed: usize,
    /// How much was told to all of them, beginning with what everybody had been told by then.
    pub(super) version: u64,
    /// When members and audience are told how many they are, as that has changed.
    count_due: Option<Time>,
    n_polls: u32,
    questions: Allowance,
    poll: Option<Box<Voting>>,
}

/// How one of them is shown the match.
#[derive(Debug, Clone, Copy)]
struct Fan {
    /// When it may ask for a whole state again.
    resync_from: Time,
    format: Format,
    deltas: bool,
}

/// A question and its votes.
#[derive(Debug)]
struct Voting {
    poll: Poll,
    ends: Time,
    tally_due: Option<Time>,
    tally: Vec<u32>,
    votes: BTreeMap<Voter, u8>,
}

/// Whose vote it is: of one player there is one, by whichever socket.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Voter {
    Player(Arc<str>),
    Socket(Address),
}

impl Voter {
    fn of(who: &Who, socket: Address) -> Self {
        who.player.clone().map_or(Self::Socket(socket), Self::Player)
    }
}

impl Crowd {
    fn new(now: Time, version: u64) -> Self {
        Self {
            sockets: BTreeMap::new(),
            n_packed: 0,
            version,
            count_due: None,
            n_polls: 0,
            questions: Allowance::full(now, POLL_RATE),
            poll: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// When something is to be told.
    pub(super) fn deadline(&self) -> Option<Time> {
        let voting = self.poll.as_ref();
        let poll = voting.map(|voting| voting.tally_due.unwrap_or(voting.ends).min(voting.ends));
        self.count_due.into_iter().chain(poll).min()
    }

    /// How those who are there are shown the match.
    pub(super) fn formats(&self) -> impl Iterator<Item = Format> {
        let has_json = self.sockets.len() > self.n_packed;
        let json = Some(Format::Json).filter(|_| has_json);
        json.into_iter().chain(Some(Format::Msgpack).filter(|_| self.n_packed > 0))
    }

    fn changed(&mut self, now: Time) {
        self.count_due.get_or_insert(now + COUNT_INTERVAL);
    }
}

impl Lobby {
    /// How many are in the audience.
    pub(in crate::lobby) fn n_audience(&self) -> usize {
        self.crowd.as_ref().map_or(0, |crowd| crowd.sockets.len())
    }

    /// True if this socket is one of them.
    pub(in crate::lobby) fn has_in_audience(&self, socket: Address) -> bool {
        self.crowd.as_ref().is_some_and(|crowd| crowd.sockets.contains_key(&socket))
    }

    /// The question that is being voted on.
    pub(super) fn poll(&self) -> Option<Poll> {
        Some(self.crowd.as_ref()?.poll.as_ref()?.poll.clone())
    }

    /// Lets somebody into the audience, who says no name. There are at most so many.
    pub(in crate::lobby) fn attend(
        &mut self,
        now: Now,
        comer: &Comer,
        max_audience: usize,
        pushes: &mut Pushes,
    ) -> Result<api::Joined, Refusal> {
        if self.n_audience() >= max_audience {
            return Err(Refusal::new(code::FULL, "no more fit into the audience"));
        }
        let version = self.version;
        let crowd = self.crowd.get_or_insert_with(|| Box::new(Crowd::new(now.time, version)));
        let (format, deltas) = (comer.format, comer.deltas);
        crowd.sockets.insert(comer.socket, Fan { resync_from: now.time, format, deltas });
        crowd.n_packed += usize::from(!comer.format.is_json());
        crowd.changed(now.time);
        pushes.push(LobbyEffect::Room(comer.socket, self.id, true));
        Ok(self.show_fan(now, comer.socket, pushes))
    }

    /// Answers once more one who is in the audience.
    pub(in crate::lobby) fn attend_again(
        &mut self,
        now: Now,
        socket: Address,
        pushes: &mut Pushes,
    ) -> api::Joined {
        pushes.push(LobbyEffect::Unwatch(socket));
        self.show_fan(now, socket, pushes)
    }

    /// Shows one of the audience what there is.
    fn show_fan(&mut self, now: Now, socket: Address, pushes: &mut Pushes) -> api::Joined {
        let crowd = self.crowd.as_ref();
        let fan = crowd.and_then(|crowd| Some((crowd.version, *crowd.sockets.get(&socket)?)));
        let (version, fan) = fan.expect("it is there");
        self.watch((socket, fan.deltas, fan.format), Place::Audience, pushes);
        let lobby = api::Lobby { version, ..self.snapshot(now, Place::Audience) };
        self.end_if_crashed(pushes);
        api::Joined { lobby, seat: None, token: String::new(), missed: None, created: false }
    }

    /// Lets one go; its vote goes with it, unless it is a player's. False if it was not there.
    pub(in crate::lobby) fn unattend(
        &mut self,
        now: Now,
        socket: Address,
        pushes: &mut Pushes,
    ) -> bool {
        let Some(crowd) = &mut self.crowd else { return false };
        let Some(fan) = crowd.sockets.remove(&socket) else { return false };
        crowd.n_packed -= usize::from(!fan.format.is_json());
        crowd.changed(now.time);
        pushes.push(LobbyEffect::Unwatch(socket));
        pushes.push(LobbyEffect::Room(socket, self.id, false));
        self.forget_vote(now, socket);
        true
    }

    /// The audience of a lobby that is no more.
    pub(in crate::lobby) fn take_audience(&mut self) -> Vec<Address> {
        self.crowd.take().map_or_else(Vec::new, |crowd| crowd.sockets.into_keys().collect())
    }

    /// The vote of who is nobody in particular goes with its socket: or it could vote again.
    pub(super) fn forget_vote(&mut self, now: Now, socket: Address) {
        let Some(crowd) = &mut self.crowd else { return };
        if let Some(voting) = &mut crowd.poll
            && let Some(option) = voting.votes.remove(&Voter::Socket(socket))
        {
            voting.tally[usize::from(option)] -= 1;
            voting.tally_due.get_or_insert(now.time + TALLY_INTERVAL);
        }
    }

    /// The host asks something.
    pub(in crate::lobby) fn open_poll(
        &mut self,
        now: Now,
        at: usize,
        open: OpenPoll,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        self.expect_host(at, "ask")?;
        check(&open)?;
        let version = self.version;
        let crowd = self.crowd.get_or_insert_with(|| Box::new(Crowd::new(now.time, version)));
        if crowd.poll.is_some() {
            return Err(Refusal::new(code::PHASE, "there is a question already"));
        }
        if !crowd.questions.take(now.time, POLL_RATE) {
            return Err(Refusal::new(code::RATE, "too many questions; wait a moment"));
        }
        crowd.n_polls += 1;
        let duration = Duration::from_secs(open.seconds.into());
        let poll = Poll {
            number: crowd.n_polls,
            question: open.question,
            options: open.options,
            ends_ms: now.unix_ms + duration.as_millis() as u64,
        };
        crowd.poll = Some(Box::new(Voting {
            ends: now.time + duration,
            tally_due: None,
            tally: vec![0; poll.options.len()],
            votes: BTreeMap::new(),
            poll: poll.clone(),
        }));
        self.push(Change::Poll(poll), pushes);
        Ok(api::Done {})
    }

    /// A member chooses an answer: a spectator may.
    pub(in crate::lobby) fn vote_of(
        &mut self,
        now: Now,
        at: usize,
        who: (Address, &Who),
        option: u8,
        max_audience: usize,
    ) -> Result<api::Done, Refusal> {
        if self.members[at].place.seat().is_some() {
            return Err(Refusal::new(code::FORBIDDEN, "players do not vote; the audience does"));
        }
        self.vote(now, who, option, max_audience)
    }

    /// Somebody of the audience, or a spectator, chooses an answer.
    pub(in crate::lobby) fn vote(
        &mut self,
        now: Now,
        (socket, who): (Address, &Who),
        option: u8,
        max_audience: usize,
    ) -> Result<api::Done, Refusal> {
        let none = || Refusal::new(code::PHASE, "there is no question to vote on");
        let crowd = self.crowd.as_mut().ok_or_else(none)?;
        let voting = crowd.poll.as_mut().ok_or_else(none)?;
        let option_at = usize::from(option);
        if option_at >= voting.tally.len() {
            let message = format!("the options are 0 to {}", voting.tally.len() - 1);
            return Err(Refusal::new(code::BAD_REQUEST, message));
        }
        let voter = Voter::of(who, socket);
        let most = max_audience + MAX_SPECTATORS + MAX_VOTES_OF_ABSENT;
        if voting.votes.len() >= most && !voting.votes.contains_key(&voter) {
            return Err(Refusal::new(code::LIMIT, "no more votes are taken"));
        }
        let before = voting.votes.insert(voter, option);
        if before != Some(option) {
            before.into_iter().for_each(|before| voting.tally[usize::from(before)] -= 1);
            voting.tally[option_at] += 1;
            voting.tally_due.get_or_insert(now.time + TALLY_INTERVAL);
        }
        Ok(api::Done {})
    }

    /// Tells what is to be told by now of the audience and its votes.
    pub(super) fn tell_of_crowd(&mut self, now: Now, pushes: &mut Pushes) {
        let Some(crowd) = &mut self.crowd else { return };
        let is_due = |at: &mut Time| *at <= now.time;
        let count = crowd.count_due.take_if(is_due).map(|_| crowd.sockets.len() as u32);
        let (mut tally, mut result) = (None, None);
        if let Some(voting) = crowd.poll.take_if(|voting| voting.ends <= now.time) {
            result = Some((voting.poll.number, voting.tally));
        } else if let Some(voting) = &mut crowd.poll
            && voting.tally_due.take_if(is_due).is_some()
        {
            tally = Some(Tally { number: voting.poll.number, votes: voting.tally.clone() });
        }
        if let Some(count) = count {
            let frame = event(push::AUDIENCE, &AudiencePush { count });
            self.to_everybody(&frame, Delivery::Volatile { key: COUNT_KEY }, pushes);
        }
        if let Some(tally) = tally {
            let frame = event(push::TALLY, &tally);
            self.to_everybody(&frame, Delivery::Volatile { key: TALLY_KEY }, pushes);
        }
        if let Some((number, votes)) = result {
            self.push(Change::PollEnded(Tally { number, votes }), pushes);
        }
        if self.crowd.as_ref().is_some_and(|crowd| {
            crowd.is_empty() && crowd.n_polls == 0 && crowd.count_due.is_none()
        }) {
            self.crowd = None;
        }
    }

    /// One of the audience has lost what deltas build on.
    pub(in crate::lobby) fn resync_fan(
        &mut self,
        now: Now,
        socket: Address,
        pushes: &mut Pushes,
    ) -> Result<api::Done, Refusal> {
        let fan = self.crowd.as_mut().and_then(|crowd| crowd.sockets.get_mut(&socket));
        match fan.filter(|fan| fan.resync_from <= now.time) {
            Some(fan) => fan.resync_from = now.time + COUNT_INTERVAL,
            None => return Err(Refusal::new(code::RATE, "too many resyncs; wait a moment")),
        }
        pushes.push(LobbyEffect::Resync(socket));
        Ok(api::Done {})
    }

    /// Shows all of them the match, which has just come to be.
    pub(super) fn show_audience(&self, pushes: &mut Pushes) {
        for (socket, fan) in self.crowd.iter().flat_map(|crowd| &crowd.sockets) {
            self.watch((*socket, fan.deltas, fan.format), Place::Audience, pushes);
        }
    }

    /// There is no match to be shown to them any more.
    pub(super) fn hide_from_audience(&self, pushes: &mut Pushes) {
        let sockets = self.crowd.iter().flat_map(|crowd| crowd.sockets.keys());
        pushes.extend(sockets.copied().map(LobbyEffect::Unwatch));
    }

    fn to_everybody(&self, frame: &Frame, delivery: Delivery, pushes: &mut Pushes) {
        self.to_members(frame, delivery, None, pushes);
        self.to_audience(frame, delivery, pushes);
    }

    /// One broadcast for each shard, however many there are.
    pub(super) fn to_audience(&self, frame: &Frame, delivery: Delivery, pushes: &mut Pushes) {
        if self.n_audience() > 0 {
            pushes.push(LobbyEffect::Broadcast(self.id, frame.clone(), delivery));
        }
    }
}

fn check(open: &OpenPoll) -> Result<(), Refusal> {
    let has = |text: &str, most: usize| {
        let n = text.chars().take(most + 1).count();
        (1..=most).contains(&n) && !text.trim().is_empty() && is_plain(text, false)
    };
    let refuse = |message: String| Err(Refusal::new(code::BAD_REQUEST, message));
    if !has(&open.question, MAX_QUESTION_CODE_POINTS) {
        return refuse(format!("a question has 1 to {MAX_QUESTION_CODE_POINTS} characters"));
    }
    if !(MIN_POLL_OPTIONS..=MAX_POLL_OPTIONS).contains(&open.options.len())
        || !open.options.iter().all(|option| has(option, MAX_OPTION_CODE_POINTS))
    {
        return refuse(format!(
            "a question has {MIN_POLL_OPTIONS} to {MAX_POLL_OPTIONS} options, of 1 to \
             {MAX_OPTION_CODE_POINTS} characters each"
        ));
    }
    if !(1..=MAX_POLL_SECONDS).contains(&open.seconds) {
        return refuse(format!("votes are taken for 1 to {MAX_POLL_SECONDS} s"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_in_the_audience_costs_64_bytes_at_most_in_its_lobby() {
        // In a tree of which each node is half full at least.
        assert!(2 * size_of::<(Address, Fan)>() <= 64);
        assert!(size_of::<(Voter, u8)>() <= 32);
    }
}

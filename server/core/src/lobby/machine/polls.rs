//! What audience and spectators of one lobby are asked, by its host or its game, and their votes.

use std::collections::BTreeMap;

use parlor_shared::api::lobby::{OpenPoll, Poll, Tally};

use super::*;
use crate::lobby::{play::Question, question};

/// How often the host may ask something.
const POLL_RATE: Rate = Rate { burst: 5, every: Duration::from_secs(2) };
/// How often is told how the votes stand.
const TALLY_INTERVAL: Duration = Duration::from_millis(500);
/// Votes of players who have left, beside those of who may be there.
const MAX_VOTES_OF_ABSENT: usize = 1000;

/// Volatile frames of `/lobby`: votes.
const TALLY_KEY: u64 = 5 << 32;

/// What was asked, and is.
#[derive(Debug, Default)]
pub(super) struct Polls {
    pub(super) n_asked: u32,
    /// What is left to hosts; `None`: all they may.
    questions: Option<Allowance>,
    voting: Option<Voting>,
}

/// A question and its votes.
#[derive(Debug)]
struct Voting {
    poll: Poll,
    /// The game hears how it ends.
    is_games: bool,
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

impl Polls {
    /// When something is to be told.
    pub(super) fn deadline(&self) -> Option<Time> {
        let voting = self.voting.as_ref()?;
        Some(voting.tally_due.map_or(voting.ends, |due| due.min(voting.ends)))
    }

    fn open(&mut self, question: Question, is_games: bool) -> Poll {
        let Question { open, ends, ends_ms } = question;
        self.n_asked += 1;
        let OpenPoll { question, options, .. } = open;
        let poll = Poll { number: self.n_asked, question, options, ends_ms };
        let is_endless = fault::is_planted(Fault::PollForever);
        self.voting = Some(Voting {
            is_games,
            ends: if is_endless { ends + GRACE } else { ends },
            tally_due: None,
            tally: vec![0; poll.options.len()],
            votes: BTreeMap::new(),
            poll: poll.clone(),
        });
        poll
    }
}

impl Lobby {
    /// The question that is being voted on.
    pub(super) fn poll(&self) -> Option<Poll> {
        Some(self.crowd.as_ref()?.polls.voting.as_ref()?.poll.clone())
    }

    fn polls(&mut self) -> &mut Polls {
        let version = self.version;
        &mut self.crowd.get_or_insert_with(|| Box::new(Crowd::new(version))).polls
    }

    fn voting(&mut self) -> Option<&mut Voting> {
        self.crowd.as_mut()?.polls.voting.as_mut()
    }

    /// The vote of who is nobody in particular goes with its socket: or it could vote again.
    pub(super) fn forget_vote(&mut self, now: Now, socket: Address) {
        if let Some(voting) = self.voting()
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
        let refused = |message| Refusal::new(code::BAD_REQUEST, message);
        question::check(&open).map_err(refused)?;
        let polls = self.polls();
        if polls.voting.is_some() {
            return Err(Refusal::new(code::PHASE, "there is a question already"));
        }
        let questions = polls.questions.get_or_insert_with(|| Allowance::full(now.time, POLL_RATE));
        if !questions.take(now.time, POLL_RATE) {
            return Err(Refusal::new(code::RATE, "too many questions; wait a moment"));
        }
        let poll = polls.open(Question::new(open, now.time, now.unix_ms), false);
        self.push(Change::Poll(poll), pushes);
        Ok(api::Done {})
    }

    /// The game of the match asks something, in place of what is being asked.
    pub(super) fn ask_for_game(&mut self, question: Question, pushes: &mut Pushes) {
        self.end_poll(pushes);
        let poll = self.polls().open(question, true);
        self.push(Change::Poll(poll), pushes);
    }

    /// The match is over, and with it what its game asks.
    pub(super) fn end_games_poll(&mut self, pushes: &mut Pushes) {
        if self.voting().is_some_and(|voting| voting.is_games) {
            self.end_poll(pushes);
        }
    }

    /// Votes are taken no more.
    fn end_poll(&mut self, pushes: &mut Pushes) -> Option<Voting> {
        let voting = self.crowd.as_mut()?.polls.voting.take()?;
        let (number, votes) = (voting.poll.number, voting.tally.clone());
        let ended = Change::PollEnded(Tally { number, votes });
        if fault::is_planted(Fault::PollEndedTwice) {
            self.push(ended.clone(), pushes);
        }
        self.push(ended, pushes);
        Some(voting)
    }

    /// Tells how the votes stand, if that is due, or how they stood in the end.
    pub(super) fn tell_of_votes(&mut self, now: Now, pushes: &mut Pushes) {
        let Some(voting) = self.voting() else { return };
        if voting.ends <= now.time {
            let voting = self.end_poll(pushes).filter(|voting| voting.is_games);
            return voting.into_iter().for_each(|voting| {
                let when = self.when(now.before(voting.ends));
                self.tell_play(|play| play.votes(when, &voting.tally), pushes);
            });
        }
        if voting.tally_due.take_if(|due| *due <= now.time).is_some() {
            let tally = Tally { number: voting.poll.number, votes: voting.tally.clone() };
            let frame = event(push::TALLY, &tally);
            self.to_everybody(&frame, Delivery::Volatile { key: TALLY_KEY }, pushes);
        }
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
        let voting = self.voting().ok_or_else(none)?;
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
        let before = before.filter(|_| !fault::is_planted(Fault::VoteCountedTwice));
        if before != Some(option) {
            before.into_iter().for_each(|before| voting.tally[usize::from(before)] -= 1);
            voting.tally[option_at] += 1;
            voting.tally_due.get_or_insert(now.time + TALLY_INTERVAL);
        }
        Ok(api::Done {})
    }
}

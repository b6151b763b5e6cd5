//! The audience of a lobby: any number who watch without a name, are counted but not told one by
//! one, and have a say by votes.

use serde::{Deserialize, Serialize};

/// Options of a [`Poll`], at least.
pub const MIN_POLL_OPTIONS: usize = 2;
/// Options of a [`Poll`], at most.
pub const MAX_POLL_OPTIONS: usize = 8;
/// Code points of a question.
pub const MAX_QUESTION_CODE_POINTS: usize = 200;
/// Code points of an option.
pub const MAX_OPTION_CODE_POINTS: usize = 64;
/// How long a poll may take.
pub const MAX_POLL_SECONDS: u32 = 3600;

/// The host asks the audience and the spectators something; one question at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPoll {
    /// 1 to 200 code points.
    pub question: String,
    /// 2 to 8 answers to choose from, of 1 to 64 code points each.
    pub options: Vec<String>,
    /// How long votes are taken: 1 to 3600 s.
    pub seconds: u32,
}

/// Choose an answer, or another one than before; each socket once, and each player once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Position in [`Poll::options`], from 0.
    pub option: u8,
}

/// A question that is being voted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Number of the question in this lobby, from 1.
    pub number: u32,
    /// The question.
    pub question: String,
    /// What to choose from.
    pub options: Vec<String>,
    /// Until when votes are taken, in milliseconds since the Unix epoch.
    pub ends_ms: u64,
}

/// Votes so far; at most twice a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Of which question: [`Poll::number`].
    pub number: u32,
    /// Votes for each option.
    pub votes: Vec<u32>,
}

/// How many are in the audience; at most once a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudiencePush {
    /// So many.
    pub count: u32,
}

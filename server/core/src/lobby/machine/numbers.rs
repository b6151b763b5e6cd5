//! The numbers of what one seat does in a match: which are new, and what the last ones were
//! answered, so that an input that comes again is answered as the first time.
//! What inputs do is `acts`' part.
//!
//! ```text
//!  too old │ the last 64: answered again, or skipped and lost │ the highest │ 1,024: new │ too new
//! ```

use std::collections::VecDeque;

use parlor_shared::api::{Refusal, code, lobby::Acted};

/// So far above the highest number taken the next one may be: a client that leaves more out is not
/// counting inputs.
pub const MAX_SEQ_AHEAD: u64 = 1024;
/// Of so many of the last numbers the answers are known: what is under way at once.
pub const MAX_SEQ_BEHIND: u64 = 64;

/// Those of one seat in one match.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The highest that was taken.
    highest: u64,
    /// The highest that the game accepted.
    pub(super) applied: u64,
    /// What was answered to those that were taken; in order.
    answers: VecDeque<(u64, Answer)>,
}

#[derive(Debug)]
enum Answer {
    /// Its tick has yet to come.
    Waits,
    Accepted(Acted),
    Refused(Box<Refusal>),
}

/// What a number is.
#[derive(Debug)]
pub(super) enum Known {
    /// Not taken yet.
    New,
    /// Taken, and to be answered with its tick.
    Waits,
    /// Taken, and answered so.
    Answered(Result<Acted, Refusal>),
    /// Not to be taken.
    Refused(Refusal),
}

impl Numbers {
    pub(super) fn look_up(&self, seq: u64) -> Known {
        if seq > self.highest {
            let too_new = || {
                let message =
                    format!("the next number is {} at most", self.highest + MAX_SEQ_AHEAD);
                Known::Refused(Refusal::new(code::SEQ, message))
            };
            return if seq - self.highest > MAX_SEQ_AHEAD { too_new() } else { Known::New };
        }
        let found = self.answers.binary_search_by_key(&seq, |(taken, _)| *taken);
        match found.map(|at| &self.answers[at].1) {
            Ok(Answer::Waits) => Known::Waits,
            Ok(Answer::Accepted(acted)) => Known::Answered(Ok(*acted)),
            Ok(Answer::Refused(refusal)) => Known::Answered(Err((**refusal).clone())),
            Err(_) => {
                let message = format!("the last number was {} already", self.highest);
                Known::Refused(Refusal::new(code::SEQ_OLD, message))
            }
        }
    }

    /// No number is answered again.
    pub(super) fn forget(&mut self) {
        self.answers = VecDeque::new();
    }

    /// Takes a number that is new.
    pub(super) fn take(&mut self, seq: u64) {
        if seq <= self.highest {
            return;
        }
        self.highest = seq;
        self.answers.push_back((seq, Answer::Waits));
        while self.answers.front().is_some_and(|(taken, _)| seq - taken >= MAX_SEQ_BEHIND) {
            self.answers.pop_front();
        }
    }

    /// A number that was taken is answered.
    pub(super) fn answered(&mut self, seq: u64, reply: &Result<Acted, Refusal>) {
        let answer = match reply {
            Ok(acted) => Answer::Accepted(*acted),
            Err(refusal) => Answer::Refused(Box::new(refusal.clone())),
        };
        if reply.is_ok() {
            self.applied = self.applied.max(seq);
        }
        if let Ok(at) = self.answers.binary_search_by_key(&seq, |(taken, _)| *taken) {
            self.answers[at].1 = answer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &Numbers, seq: u64) -> String {
        match numbers.look_up(seq) {
            Known::New => "new".to_owned(),
            Known::Waits => "waits".to_owned(),
            Known::Answered(Ok(Acted { turn })) => turn.to_string(),
            Known::Answered(Err(refusal)) | Known::Refused(refusal) => refusal.code,
        }
    }

    #[test]
    fn a_number_1024_above_the_highest_is_new_and_one_more_is_too_new() {
        let mut numbers = Numbers::default();
        assert_eq!(told(&numbers, 1024), "new");
        assert_eq!(told(&numbers, 1025), "E_SEQ");
        assert_eq!(told(&numbers, u64::MAX), "E_SEQ");
        numbers.take(1000);
        assert_eq!(told(&numbers, 2024), "new");
        assert_eq!(told(&numbers, 2025), "E_SEQ");
    }

    #[test]
    fn of_the_last_64_numbers_the_answers_are_known_and_of_one_more_it_is_not() {
        let mut numbers = Numbers::default();
        for seq in 1..=100 {
            numbers.take(seq);
            let refused = || Refusal::new("E_NO", "not this one");
            numbers.answered(
                seq,
                &if seq % 2 == 0 { Ok(Acted { turn: seq }) } else { Err(refused()) },
            );
        }
        assert_eq!(told(&numbers, 36), "E_SEQ_OLD");
        assert_eq!(told(&numbers, 37), "E_NO");
        assert_eq!(told(&numbers, 38), "38");
        assert_eq!(told(&numbers, 100), "100");
        assert_eq!((numbers.answers.len(), numbers.applied), (64, 100));
        numbers.take(200);
        assert_eq!(told(&numbers, 200), "waits");
        assert_eq!(told(&numbers, 199), "E_SEQ_OLD", "left out, and too late now");
        assert_eq!(told(&numbers, 100), "E_SEQ_OLD");
        assert_eq!(numbers.answers.len(), 1);
    }

    #[test]
    fn what_was_answered_late_changes_nothing_above_it() {
        let mut numbers = Numbers::default();
        (1..=70).for_each(|seq| numbers.take(seq));
        numbers.answered(70, &Ok(Acted { turn: 1 }));
        numbers.answered(1, &Ok(Acted { turn: 2 }));
        assert_eq!((numbers.applied, told(&numbers, 1).as_str()), (70, "E_SEQ_OLD"));
    }
}

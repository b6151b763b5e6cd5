//! What the many may be asked, by a host or a game.

use parlor_shared::api::lobby::{
    MAX_OPTION_CODE_POINTS, MAX_POLL_OPTIONS, MAX_POLL_SECONDS, MAX_QUESTION_CODE_POINTS,
    MIN_POLL_OPTIONS, OpenPoll,
};

use super::name::is_plain;

/// Checks a question; why it may not be asked, in a sentence.
pub(super) fn check(open: &OpenPoll) -> Result<(), String> {
    let has = |text: &str, most: usize| {
        let n = text.chars().take(most + 1).count();
        (1..=most).contains(&n) && !text.trim().is_empty() && is_plain(text, false)
    };
    if !has(&open.question, MAX_QUESTION_CODE_POINTS) {
        return Err(format!("a question has 1 to {MAX_QUESTION_CODE_POINTS} characters"));
    }
    if !(MIN_POLL_OPTIONS..=MAX_POLL_OPTIONS).contains(&open.options.len())
        || !open.options.iter().all(|option| has(option, MAX_OPTION_CODE_POINTS))
    {
        return Err(format!(
            "a question has {MIN_POLL_OPTIONS} to {MAX_POLL_OPTIONS} options, of 1 to \
             {MAX_OPTION_CODE_POINTS} characters each"
        ));
    }
    if !(1..=MAX_POLL_SECONDS).contains(&open.seconds) {
        return Err(format!("votes are taken for 1 to {MAX_POLL_SECONDS} s"));
    }
    Ok(())
}

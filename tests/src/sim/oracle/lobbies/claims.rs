//! Who is overdue, and what becomes of claims.

use parlor_core::time::Time;
use parlor_shared::api::lobby::Phase;

use super::{Check, EPOCH_MS, Invariant, Lobbies, Story};

impl Lobbies {
    /// A member claimed, and that was accepted.
    pub(in crate::sim) fn claimed(&self, story: &mut Story) -> Check {
        let fold = &story.fold;
        if fold.phase != Phase::Playing || !has_overdue(story) {
            let what = format!("{} claimed, where nobody is overdue: {fold:?}", story.name);
            return Err((Invariant::Claims, what));
        }
        story.claimed = Some(fold.number);
        Ok(())
    }

    /// A member claimed, and nobody is overdue, it is said.
    pub(in crate::sim) fn claimed_in_vain(&self, story: &Story) -> Check {
        if story.fold.phase == Phase::Playing && has_overdue(story) {
            return Err((Invariant::Claims, format!("{} may claim: {:?}", story.name, story.fold)));
        }
        Ok(())
    }

    /// Who should be overdue is, and what was claimed has ended.
    pub(super) fn overdue(&self, now: Time, story: &Story) -> Check {
        let fold = &story.fold;
        if fold.phase != Phase::Playing {
            return Ok(());
        }
        if story.claimed == Some(fold.number) {
            let what = format!("{} has claimed, and the match goes on", story.name);
            return Err((Invariant::Claims, what));
        }
        let late_ms = now.since_start().saturating_sub(self.slack).as_millis() as u64;
        match story.claim_from_ms.iter().find(|(_, from)| **from < EPOCH_MS + late_ms) {
            Some((seat, _)) => Err((Invariant::Claims, format!("seat {seat} is not overdue yet"))),
            None => Ok(()),
        }
    }
}

/// Somebody is who could be claimed for.
fn has_overdue(story: &Story) -> bool {
    story.fold.seats.values().any(|seat| seat.overdue)
}

//! Quick play: who opens a lobby while another waits that would have done was sent astray.

use std::time::Duration;

use parlor_core::time::Time;
use parlor_shared::api::lobby::{Joined, Phase};

use super::{Check, Invariant, Lobbies, Story, Wish};

/// Longer than anybody is in line.
const IN_LINE: Duration = Duration::from_secs(20);

/// Somebody has opened a lobby though there was this one, if that did not change meanwhile.
#[derive(Debug)]
pub(super) struct Astray {
    wish: Wish,
    until: Time,
    opened: String,
}

impl Lobbies {
    /// Somebody seeks a seat.
    pub(in crate::sim) fn seeks(&mut self, wish: Wish) {
        self.seekers.push(wish);
    }

    /// Somebody who sought a seat has opened a lobby: no other that was open to all should have
    /// waited for just this one.
    pub(in crate::sim) fn opened_quickly(&mut self, now: Time, joined: &Joined, wish: Wish) {
        // A seat that was given to somebody else, who did not take it, is not free for a while.
        let is_in_line = |other: &Wish| *other != wish && other.at + IN_LINE >= wish.at;
        if self.seekers.iter().any(is_in_line) {
            return;
        }
        let opened = &joined.lobby.id;
        for (id, record) in &mut self.records {
            if id != opened && record.is_public && record.game == joined.lobby.game {
                record.astray.push(Astray { wish, until: now, opened: opened.clone() });
            }
        }
    }

    /// A member has received all that there is, and nothing was changed since somebody went astray.
    pub(super) fn led_astray(&mut self, now: Time, story: &Story) -> Check {
        let Some(record) = self.records.get_mut(&story.lobby) else { return Ok(()) };
        let is_known = |astray: &Astray| now > astray.until + self.slack;
        let Some(at) = record.astray.iter().position(is_known) else { return Ok(()) };
        let Astray { wish, opened, .. } = record.astray.remove(at);
        let fold = &story.fold;
        let n_people = fold.seats.values().filter(|seat| !seat.bot).count();
        let is_open = fold.phase == Phase::Open && n_people < usize::from(fold.capacity);
        let has_waited = is_open && story.changed_at < wish.at && story.seat.is_some();
        if has_waited && record.door.is_open_to_all(wish.at) {
            let what = format!("{wish:?} opened {opened}, while {} waited", story.lobby);
            return Err((Invariant::Quick, what));
        }
        Ok(())
    }
}

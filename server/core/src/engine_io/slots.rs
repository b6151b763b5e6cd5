//! What waits for one client with only its newest word counting: volatile frames by key, and views,
//! which are not even encoded before the client can take them.
//! When that is, is the session's knowledge; what a view looks like is that of `views`.
//! Source: DESIGN, "State and deltas".

use std::collections::VecDeque;

use parlor_shared::socket_io::Frame;

use crate::{
    delivery::{Shown, Views},
    fault::{self, Fault},
    key::ViewId,
    time::Time,
};

/// Of so many views of one client bases are remembered. With one more, the oldest is forgotten.
const MAX_BASES: usize = 8;

/// How much may wait for one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotLimits {
    /// Volatile kinds and views. With one more, the oldest is dropped.
    pub(super) keys: usize,
    /// Bytes of volatile frames; the newest one may be longer alone.
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Oldest first.
    slots: VecDeque<Slot>,
    /// Of the frames in them.
    n_bytes: usize,
    /// Of each view the key that its client has begun to receive, oldest first.
    bases: Vec<(ViewId, u64)>,
}

#[derive(Debug)]
enum Slot {
    Frame {
        key: u64,
        frame: Frame,
        /// It is dropped then.
        until: Option<Time>,
    },
    View {
        view: ViewId,
        /// The client can do something with deltas.
        deltas: bool,
        /// What it was offered last and has not begun.
        offer: Option<Shown>,
    },
}

impl Slot {
    fn is(&self, wanted: ViewId) -> bool {
        matches!(self, Self::View { view, .. } if *view == wanted)
    }

    fn frame(&self) -> Option<&Frame> {
        match self {
            Self::Frame { frame, .. } => Some(frame),
            Self::View { offer, .. } => offer.as_ref().map(|shown| &shown.frame),
        }
    }
}

impl Slots {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// True if a key of some view is remembered that the client has begun to receive.
    pub(super) fn has_bases(&self) -> bool {
        !self.bases.is_empty()
    }

    /// True if a frame waits under `key`: a newer one must take its place, not overtake it.
    pub(super) fn holds(&self, key: u64) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Frame { key: k, .. } if *k == key))
    }

    /// Keeps the newest frame under `key`; how many others that cost their place.
    pub(super) fn replace(
        &mut self,
        key: u64,
        (frame, until): (Frame, Option<Time>),
        limits: SlotLimits,
    ) -> u64 {
        self.n_bytes += frame.wire().len();
        for slot in &mut self.slots {
            if let Slot::Frame { key: k, frame: before, until: end } = slot
                && *k == key
            {
                if fault::is_planted(Fault::OlderVolatileStays) {
                    self.n_bytes -= frame.wire().len();
                    return 1;
                }
                self.n_bytes -= before.wire().len();
                (*before, *end) = (frame, until);
                return 1 + self.make_room(limits, Some(key));
            }
        }
        self.add(Slot::Frame { key, frame, until }, limits)
    }

    /// Drops the frames whose time is up; how many.
    pub(super) fn expire(&mut self, now: Time) -> u64 {
        if fault::is_planted(Fault::FleetingForever) {
            return 0;
        }
        let n_before = self.slots.len();
        let n_bytes = &mut self.n_bytes;
        self.slots.retain(|slot| match slot {
            Slot::Frame { frame, until: Some(until), .. } if *until < now => {
                *n_bytes -= frame.wire().len();
                false
            }
            _ => true,
        });
        (n_before - self.slots.len()) as u64
    }

    /// Notes that there is something new to see; true if that was known already, or cost something
    /// else its place.
    pub(super) fn show(&mut self, view: ViewId, deltas: bool, limits: SlotLimits) -> bool {
        match self.slots.iter_mut().find(|slot| slot.is(view)) {
            Some(slot) => {
                *slot = Slot::View { view, deltas, offer: None };
                true
            }
            None => self.add(Slot::View { view, deltas, offer: None }, limits) > 0,
        }
    }

    fn add(&mut self, slot: Slot, limits: SlotLimits) -> u64 {
        let is_full = self.slots.len() >= limits.keys;
        if is_full && fault::is_planted(Fault::NewestVolatileDropped) {
            self.forget(&slot);
            return 1;
        }
        let key = match slot {
            Slot::Frame { key, .. } => Some(key),
            Slot::View { .. } => None,
        };
        self.slots.push_back(slot);
        self.make_room(limits, key)
    }

    /// Drops the oldest while there are too many, and the oldest frames while these are too long,
    /// but for the one under `newest`; how many. Those that are worth nothing soon go first: other
    /// clients choose their keys, and must not cost anybody a view.
    fn make_room(&mut self, limits: SlotLimits, newest: Option<u64>) -> u64 {
        let mut n_dropped = 0;
        while self.slots.len() > limits.keys.max(1)
            && let Some(oldest) = self.slots.remove(self.first_fleeting(None).unwrap_or(0))
        {
            self.forget(&oldest);
            n_dropped += 1;
        }
        while self.n_bytes > limits.bytes {
            let is_older =
                |slot: &Slot| matches!(slot, Slot::Frame { key, .. } if Some(*key) != newest);
            let at = self.first_fleeting(newest).or_else(|| self.slots.iter().position(is_older));
            let Some(at) = at else { break };
            let oldest = self.slots.remove(at).expect("just found");
            self.forget(&oldest);
            n_dropped += 1;
        }
        n_dropped
    }

    /// Where the oldest frame is whose time will be up, but for the one under this key.
    fn first_fleeting(&self, except: Option<u64>) -> Option<usize> {
        self.slots.iter().position(
            |slot| matches!(slot, Slot::Frame { key, until: Some(_), .. } if Some(*key) != except),
        )
    }

    /// It is not here any more.
    fn forget(&mut self, slot: &Slot) {
        if let Slot::Frame { frame, .. } = slot {
            self.n_bytes -= frame.wire().len();
        }
    }

    /// The client does not look any more: nothing of this view will be sent, or built upon.
    pub(super) fn hide(&mut self, view: ViewId) {
        if fault::is_planted(Fault::StaleViewAfterLeaving) {
            return;
        }
        self.slots.retain(|slot| !slot.is(view));
        if !fault::is_planted(Fault::KeyNotRenewed) {
            self.rebase(view);
        }
    }

    /// The next frame of this view is a whole one.
    pub(super) fn rebase(&mut self, view: ViewId) {
        self.bases.retain(|base| base.0 != view);
    }

    /// So is the next one of every view: what another transport has carried does not count.
    pub(super) fn forget_bases(&mut self) {
        self.bases.clear();
    }

    /// Takes the frames that wait, and drops the views.
    pub(super) fn take_frames(&mut self) -> Vec<Frame> {
        self.n_bytes = 0;
        let frame = |slot| match slot {
            Slot::Frame { frame, .. } => Some(frame),
            Slot::View { .. } => None,
        };
        std::mem::take(&mut self.slots).into_iter().filter_map(frame).collect()
    }

    /// Asks for the newest frame of each view that waits. A view that has none does not wait.
    pub(super) fn offer(&mut self, views: &mut dyn Views) {
        let bases = &self.bases;
        self.slots.retain_mut(|slot| ask(slot, bases, views));
    }

    /// The same until there is a first frame.
    pub(super) fn offer_first(&mut self, views: &mut dyn Views) -> Option<&Frame> {
        while let Some(slot) = self.slots.front_mut()
            && !ask(slot, &self.bases, views)
        {
            self.slots.pop_front();
        }
        self.slots.front()?.frame()
    }

    /// Offers nothing: the client cannot take anything of what is here.
    pub(super) fn withdraw(&mut self) {
        for slot in &mut self.slots {
            if let Slot::View { offer, .. } = slot {
                *offer = None;
            }
        }
    }

    /// What was offered, in order.
    pub(super) fn offered(&self) -> impl Iterator<Item = &Frame> {
        self.slots.iter().filter_map(Slot::frame)
    }

    /// The first of what was offered has begun: from now on it is in the queue. A key that has
    /// begun either arrives before what builds on it, or the session dies.
    pub(super) fn begin(&mut self) -> Option<Frame> {
        let at = self.slots.iter().position(|slot| slot.frame().is_some())?;
        match self.slots.remove(at)? {
            Slot::Frame { frame, .. } => {
                self.n_bytes -= frame.wire().len();
                Some(frame)
            }
            Slot::View { view, deltas, offer } => {
                let shown = offer?;
                if let Some(key) = shown.key.filter(|_| deltas) {
                    self.rebase(view);
                    if self.bases.len() == MAX_BASES {
                        self.bases.remove(0);
                    }
                    self.bases.push((view, key));
                }
                Some(shown.frame)
            }
        }
    }
}

/// False if a view has nothing to show.
fn ask(slot: &mut Slot, bases: &[(ViewId, u64)], views: &mut dyn Views) -> bool {
    let Slot::View { view, deltas, offer } = slot else { return true };
    let base = bases.iter().find(|base| base.0 == *view && *deltas).map(|base| base.1);
    *offer = views.frame(*view, base);
    offer.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::NoViews,
        key::{Key as _, LobbyKey, ShardId, ViewerKey},
    };

    fn view(number: u32) -> ViewId {
        let lobby = LobbyKey::new(number, 0);
        ViewId {
            shard: ShardId::default(),
            lobby,
            viewer: ViewerKey::Everybody,
            format: Default::default(),
        }
    }

    /// Shows each view's number and what it builds on; `key` is what it becomes.
    struct Told {
        key: Option<u64>,
    }

    impl Views for Told {
        fn frame(&mut self, view: ViewId, base: Option<u64>) -> Option<Shown> {
            let text = format!("{} on {base:?}", view.lobby.parts().0);
            Some(Shown { frame: Frame::message_text(&text), key: self.key })
        }
    }

    fn take(slots: &mut Slots, views: &mut dyn Views) -> Vec<String> {
        slots.offer(views);
        let text = |frame: Frame| {
            let (_, bytes) = frame.packets().next().unwrap();
            String::from_utf8(bytes[1..].to_vec()).unwrap()
        };
        std::iter::from_fn(|| slots.begin()).map(text).collect()
    }

    const EIGHT: SlotLimits = SlotLimits { keys: 8, bytes: 1000 };

    fn frame(text: &str) -> Frame {
        Frame::message_text(text)
    }

    #[test]
    fn so_many_kinds_and_views_are_kept_and_one_more_drops_the_oldest() {
        let mut slots = Slots::default();
        for key in 0..4 {
            let newest = (frame(&format!("frame {key}")), None);
            assert_eq!(slots.replace(key.into(), newest, EIGHT), 0);
            assert!(!slots.show(view(key), false, EIGHT));
        }
        assert!(slots.show(view(2), false, EIGHT), "known already");
        assert_eq!(slots.replace(1, (frame("frame 1"), None), EIGHT), 1);
        assert!(slots.show(view(4), false, EIGHT), "one too many");
        let all = take(&mut slots, &mut Told { key: None });
        assert_eq!(all[..3], ["0 on None", "frame 1", "1 on None"]);
        assert_eq!((all.len(), all[7].as_str()), (8, "4 on None"));
        assert!(slots.is_empty());
    }

    #[test]
    fn so_many_bytes_are_kept_and_one_more_drops_the_oldest_frames_and_no_view() {
        // A header of two bytes and the type stand before each text.
        let limits = SlotLimits { keys: 8, bytes: 40 };
        let mut slots = Slots::default();
        slots.show(view(0), false, limits);
        for key in 0..4 {
            assert_eq!(slots.replace(key, (frame(&format!("number{key}")), None), limits), 0);
        }
        assert_eq!(slots.replace(0, (frame("numberX"), None), limits), 1, "in its place");
        assert_eq!(slots.replace(4, (frame("x"), None), limits), 1, "the oldest");
        assert_eq!(
            slots.replace(2, (frame("longer than its place"), None), limits),
            2,
            "another beside"
        );
        let all = take(&mut slots, &mut Told { key: None });
        assert_eq!(all, ["0 on None", "longer than its place", "number3", "x"]);
        assert_eq!(
            slots.replace(9, (frame(&"x".repeat(50)), None), limits),
            0,
            "one may be longer"
        );
        assert_eq!(slots.replace(8, (frame("x"), None), limits), 1);
        assert_eq!(take(&mut slots, &mut NoViews), ["x"]);
        assert_eq!(slots.n_bytes, 0);
    }

    #[test]
    fn what_is_worth_nothing_soon_costs_nothing_else_its_place() {
        let soon = Some(Time::ZERO + std::time::Duration::from_millis(200));
        let mut slots = Slots::default();
        slots.show(view(0), false, EIGHT);
        slots.replace(100, (frame("kept"), None), EIGHT);
        for key in 0..20 {
            slots.replace(key, (frame(&format!("fleeting {key}")), soon), EIGHT);
        }
        let all = take(&mut slots, &mut Told { key: None });
        assert_eq!(all[..3], ["0 on None", "kept", "fleeting 14"]);
        assert_eq!((all.len(), all[7].as_str()), (8, "fleeting 19"));
        let limits = SlotLimits { keys: 8, bytes: 40 };
        slots.replace(100, (frame("kept"), None), limits);
        for key in 0..4 {
            slots.replace(key, (frame(&format!("number{key}")), soon), limits);
        }
        assert_eq!(take(&mut slots, &mut NoViews), ["kept", "number1", "number2", "number3"]);
    }

    #[test]
    fn a_view_builds_on_the_last_key_that_was_begun() {
        let mut slots = Slots::default();
        let key = |slots: &mut Slots, key| {
            slots.show(view(1), true, EIGHT);
            take(slots, &mut Told { key })
        };
        assert_eq!(key(&mut slots, None), ["1 on None"]);
        assert_eq!(key(&mut slots, Some(3)), ["1 on None"]);
        assert_eq!(key(&mut slots, None), ["1 on Some(3)"]);
        assert_eq!(key(&mut slots, Some(7)), ["1 on Some(3)"]);
        assert_eq!(key(&mut slots, None), ["1 on Some(7)"]);
        slots.rebase(view(1));
        assert_eq!(key(&mut slots, Some(9)), ["1 on None"]);
        slots.forget_bases();
        assert_eq!(key(&mut slots, Some(9)), ["1 on None"]);
        slots.show(view(1), true, EIGHT);
        slots.hide(view(1));
        assert!(slots.is_empty());
        assert_eq!(key(&mut slots, None), ["1 on None"]);
    }

    #[test]
    fn what_is_offered_and_not_begun_is_no_base_and_is_offered_afresh() {
        let mut slots = Slots::default();
        slots.show(view(1), true, EIGHT);
        slots.offer(&mut Told { key: Some(1) });
        slots.withdraw();
        assert_eq!(slots.offered().count(), 0);
        assert_eq!(take(&mut slots, &mut Told { key: Some(2) }), ["1 on None"]);
        slots.show(view(1), true, EIGHT);
        assert_eq!(take(&mut slots, &mut Told { key: None }), ["1 on Some(2)"]);
    }

    #[test]
    fn who_wants_no_deltas_has_no_base() {
        let mut slots = Slots::default();
        for _ in 0..2 {
            slots.show(view(1), false, EIGHT);
            assert_eq!(take(&mut slots, &mut Told { key: Some(1) }), ["1 on None"]);
        }
    }

    #[test]
    fn the_bases_of_eight_views_are_remembered_and_the_ninth_forgets_the_oldest() {
        let mut slots = Slots::default();
        for number in 0..9 {
            slots.show(view(number), true, EIGHT);
            take(&mut slots, &mut Told { key: Some(5) });
        }
        for (number, base) in [(0, "None"), (1, "Some(5)"), (8, "Some(5)")] {
            slots.show(view(number), true, EIGHT);
            let told = take(&mut slots, &mut Told { key: None });
            assert_eq!(told, [format!("{number} on {base}")]);
        }
    }

    #[test]
    fn a_view_with_nothing_to_show_does_not_wait() {
        let mut slots = Slots::default();
        slots.show(view(1), true, EIGHT);
        slots.show(view(2), true, EIGHT);
        slots.replace(1, (frame("frame"), None), EIGHT);
        assert_eq!(take(&mut slots, &mut NoViews), ["frame"]);
        slots.show(view(1), true, EIGHT);
        assert!(slots.offer_first(&mut NoViews).is_none());
        assert!(slots.is_empty());
    }
}

//! Views of slow and fast readers: made when they can be taken and not before, the newest of each
//! and no other, and on what the client has.

use std::collections::BTreeMap;

use super::*;
use crate::{
    delivery::{Shown, Views},
    key::{Key as _, LobbyKey, ShardId, ViewId, ViewerKey},
};

/// Views by number: at which state each is, and since when it has its key.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) states: BTreeMap<u32, (u64, u64)>,
    n_asked: usize,
}

impl Views for Shelf {
    fn frame(&mut self, view: ViewId, base: Option<u64>) -> Option<Shown> {
        self.n_asked += 1;
        let number = view.lobby.parts().0;
        let (n, key) = *self.states.get(&number)?;
        let is_delta = base == Some(key) && n != key;
        let text = match base {
            Some(base) if is_delta => format!("s{number}.{n} on {base}"),
            _ => format!("s{number}.{n}{}", if n == key { " key" } else { "" }),
        };
        let key = (n == key && !is_delta).then_some(key);
        Some(Shown { frame: Frame::message_text(&text), key })
    }
}

pub(super) fn view(number: u32) -> ViewId {
    let lobby = LobbyKey::new(number, 0);
    ViewId {
        shard: ShardId::default(),
        lobby,
        viewer: ViewerKey::Everybody,
        format: Default::default(),
    }
}

impl Script {
    /// The view is at this state now, which builds on this key.
    pub(super) fn show(&mut self, number: u32, n: u64, key: u64) -> Vec<SessionEffect> {
        self.views.states.insert(number, (n, key));
        self.tell(SessionInput::Show { view: view(number), deltas: true })
    }

    fn block(&mut self) {
        self.tell(SessionInput::Blocked);
    }

    fn free(&mut self) -> Vec<String> {
        self.tell(SessionInput::Writable);
        self.read()
    }
}

#[test]
fn a_view_is_made_when_it_can_be_taken_and_only_the_newest() {
    let mut script = Script::websocket();
    script.block();
    for n in 1..=5 {
        script.show(1, n, 1);
        assert_eq!(script.session.poll_transmit(&mut script.views).count(), 0);
    }
    assert_eq!(script.views.n_asked, 0, "nobody can take it");
    assert_eq!(script.free(), ["4s1.5"]);
    assert_eq!((script.session.n_coalesced(), script.session.n_replaced()), (4, 0));
    assert_eq!(script.read(), [""; 0], "once");
}

#[test]
fn a_free_client_gets_the_newest_once_a_turn_and_after_what_is_reliable() {
    let mut script = Script::websocket();
    script.show(1, 1, 1);
    script.send("event");
    script.show(1, 2, 1);
    let n_chunks = script.session.poll_transmit(&mut script.views).count();
    assert_eq!(n_chunks, 2, "in one write");
    assert_eq!(script.read(), ["4event", "4s1.2"]);
}

#[test]
fn a_view_offered_but_not_begun_is_made_afresh_and_one_begun_is_finished() {
    let mut script = Script::websocket();
    script.show(1, 1, 1);
    assert_eq!(script.session.poll_transmit(&mut script.views).count(), 1);
    script.block();
    script.show(1, 2, 1);
    script.tell(SessionInput::Writable);
    script.write(1);
    script.block();
    script.show(1, 3, 1);
    assert_eq!(script.free(), ["4s1.2", "4s1.3"]);
}

#[test]
fn deltas_build_on_the_key_that_was_begun_last() {
    let mut script = Script::websocket();
    script.show(1, 5, 4);
    assert_eq!(script.read(), ["4s1.5"], "without a base it is whole, and no base");
    script.show(1, 6, 4);
    assert_eq!(script.read(), ["4s1.6"]);
    script.show(1, 7, 7);
    assert_eq!(script.read(), ["4s1.7 key"]);
    script.show(1, 8, 7);
    assert_eq!(script.read(), ["4s1.8 on 7"]);
    script.show(1, 9, 7);
    assert_eq!(script.read(), ["4s1.9 on 7"], "cumulative");
    script.block();
    script.show(1, 10, 10);
    script.show(1, 11, 10);
    assert_eq!(script.free(), ["4s1.11"], "key 10 was never begun");
    script.show(1, 12, 10);
    assert_eq!(script.read(), ["4s1.12"]);
}

#[test]
fn a_key_counts_from_its_first_byte() {
    let mut script = Script::websocket();
    script.show(1, 1, 1);
    script.write(1);
    script.block();
    script.show(1, 2, 1);
    assert_eq!(script.free(), ["4s1.1 key", "4s1.2 on 1"]);
}

#[test]
fn an_upgrade_starts_from_a_whole_state() {
    let mut script = Script::polling();
    script.show(1, 1, 1);
    assert_eq!(script.get().as_deref(), Some("4s1.1 key"));
    script.show(1, 2, 1);
    assert_eq!(script.get().as_deref(), Some("4s1.2 on 1"));
    script.tell(SessionInput::CandidateOpened);
    script.show(1, 3, 1);
    script.candidate("5");
    assert_eq!(script.read(), ["4s1.3"]);
}

#[test]
fn a_poll_gets_the_newest_and_waits_if_there_is_nothing_to_see() {
    let mut script = Script::polling();
    script.tell(SessionInput::Show { view: view(9), deltas: false });
    assert_eq!(script.get(), None, "the view has no state");
    script.show(1, 1, 1);
    script.show(1, 2, 1);
    script.send("event");
    assert_eq!(script.answer().as_deref(), Some("4event|4s1.2"));
}

#[test]
fn a_view_that_does_not_fit_into_an_answer_is_made_afresh_for_the_next() {
    let mut script = Script::polling();
    (0..16).for_each(|_| drop(script.send("a")));
    script.show(1, 1, 1);
    assert_eq!(script.get().unwrap().split('|').count(), 16);
    script.show(1, 2, 1);
    assert_eq!(script.get().as_deref(), Some("4s1.2"));
}

#[test]
fn who_stopped_looking_gets_nothing_more() {
    let mut script = Script::websocket();
    script.show(1, 1, 1);
    script.read();
    script.block();
    script.show(1, 2, 1);
    script.show(2, 1, 1);
    script.tell(SessionInput::Hide { view: view(1) });
    assert_eq!(script.free(), ["4s2.1 key"]);
    script.show(1, 3, 1);
    assert_eq!(script.read(), ["4s1.3"], "and builds on nothing when it looks again");
}

#[test]
fn who_lost_its_base_gets_a_whole_state() {
    let mut script = Script::websocket();
    script.show(1, 1, 1);
    script.read();
    script.tell(SessionInput::Rebase { view: view(1) });
    script.show(1, 2, 1);
    assert_eq!(script.read(), ["4s1.2"]);
}

#[test]
fn views_and_frames_share_eight_slots() {
    let mut script = Script::websocket();
    script.block();
    for key in 0..4 {
        script.volatile(key, &format!("v{key}"));
        script.show(key as u32, 1, 1);
    }
    assert_eq!(script.session.n_replaced() + script.session.n_coalesced(), 0);
    script.show(9, 1, 1);
    assert_eq!(script.session.n_coalesced(), 1);
    let read = script.free();
    assert_eq!((read.len(), read[0].as_str(), read[7].as_str()), (8, "4s0.1 key", "4s9.1 key"));
}

#[test]
fn views_never_cut_a_blocked_client_and_cost_it_no_bytes() {
    let mut script = Script::open(Transport::WebSocket, |s| s.max_queue_bytes = 10);
    script.block();
    for n in 1..1000 {
        script.show(1, n, n);
    }
    assert_eq!(script.session.queued_bytes(), 0);
    assert_eq!(script.free(), ["4s1.999 key"]);
}

#[test]
fn who_takes_no_byte_is_cut_though_only_views_wait() {
    let mut script = Script::websocket();
    script.block();
    script.show(1, 1, 1);
    assert_eq!(script.wait(9_999), []);
    script.show(1, 2, 1);
    assert_eq!(script.wait(1), closed(CloseReason::SlowConsumer));
    assert_eq!(script.views.n_asked, 0);
}

#[test]
fn views_wait_while_much_is_queued() {
    let mut script = Script::websocket();
    script.send(&"x".repeat(HIGH_WATER_BYTES));
    script.show(1, 1, 1);
    assert_eq!(script.session.poll_transmit(&mut script.views).count(), 1);
    assert_eq!(script.views.n_asked, 0);
    script.show(1, 2, 1);
    assert_eq!(script.read()[1], "4s1.2");
}

#[test]
fn a_session_that_ends_drops_its_views() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut script = Script::open(transport, |_| ());
        script.tell(SessionInput::Blocked);
        script.show(1, 1, 1);
        script.close(CloseReason::ServerShuttingDown);
        script.show(1, 2, 1);
        let said = match transport {
            Transport::Polling => script.get().into_iter().collect(),
            Transport::WebSocket => script.read(),
        };
        assert!(!said.concat().contains("s1"), "{said:?}");
    }
}

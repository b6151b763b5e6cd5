//! What one client must receive: reliable packets in order and once, of volatile ones the newest.
//! Source: ARCHITECTURE.md, Slow clients.

use std::collections::{BTreeMap, VecDeque};

use parlor_core::{delivery::Delivery, engine_io::Settings, key::ViewId};
use parlor_shared::socket_io::Frame;

use super::Invariant;

type Packet = (bool, Vec<u8>);

/// Stands for whatever a view's frame will hold.
const VIEW: &str = "a state of a view";
/// A client looks at one view at a time: to it they are one kind of volatile packets.
const VIEW_KEY: u64 = u64::MAX;
/// How volatile frames of peers begin, all those of one link alike.
const ALIKE: &str = r#"451-/signal,["volatile","#;
/// How frames of views begin.
const VIEWS: [&str; 2] = [r#"42/lobby,["state","#, r#"42/lobby,["delta","#];

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Reliable frames that have not arrived.
    reliable: VecDeque<VecDeque<Packet>>,
    /// Volatile frames that have not arrived, and may yet.
    volatile: Vec<Volatile>,
    /// Some kind had to make room for others, and did not arrive.
    pub(super) lacks_some: bool,
    /// The view that a client has just asked for.
    rebased: Option<ViewId>,
    /// What is left of a frame that has begun to arrive.
    rest: VecDeque<Packet>,
    /// The first packet of a frame that others begin with as well: its attachment tells which.
    head: Option<Packet>,
}

#[derive(Debug)]
struct Volatile {
    key: u64,
    packets: VecDeque<Packet>,
    /// The client could take it when it was sent: it was not to be replaced.
    is_sure: bool,
    /// The client could take nothing when it was sent, and that since this moment.
    blocked: Option<u64>,
    /// An equal one has arrived, which may have been this one.
    may_have_come: bool,
    /// Its bytes.
    n_bytes: usize,
    /// Other kinds sent since, with the bytes of the longest.
    others: BTreeMap<u64, usize>,
}

impl Stream {
    pub(super) fn send(
        &mut self,
        frame: &Frame,
        delivery: Delivery,
        is_free: bool,
        blocked: Option<u64>,
    ) {
        let packets = || frame.packets().map(|(is_binary, p)| (is_binary, p.to_vec())).collect();
        match delivery {
            Delivery::Reliable | Delivery::Recoverable(_) => self.reliable.push_back(packets()),
            Delivery::Volatile { key } | Delivery::Fleeting { key, .. } => {
                let is_sure = is_free && self.volatile.iter().all(|v| v.key != key);
                for other in self.volatile.iter_mut().filter(|v| v.key != key) {
                    let longest = other.others.entry(key).or_default();
                    *longest = frame.wire().len().max(*longest);
                }
                let mut others = BTreeMap::new();
                if blocked.is_some() {
                    // What waited when nothing could be taken is replaced, in the same place.
                    self.volatile.retain_mut(|v| {
                        let is_replaced = v.key == key && v.blocked == blocked;
                        if is_replaced {
                            others.append(&mut v.others);
                        }
                        !is_replaced
                    });
                }
                let packets = packets();
                // It may have become too old meanwhile.
                let may_have_come = matches!(delivery, Delivery::Fleeting { .. }) && !is_free;
                self.volatile.push(Volatile {
                    key,
                    packets,
                    n_bytes: frame.wire().len(),
                    is_sure,
                    blocked,
                    may_have_come,
                    others,
                });
            }
        }
    }

    /// There is something new to see: its frame is made when the client can take it.
    pub(super) fn show(&mut self, view: ViewId) {
        let frame = Frame::engine(VIEW);
        self.send(&frame, Delivery::Volatile { key: VIEW_KEY }, false, None);
        if self.rebased.take() == Some(view)
            && let Some(asked_for) = self.volatile.last_mut()
        {
            // There may be no match to show.
            asked_for.may_have_come = true;
        }
    }

    /// What comes next of this view, if there is anything to see, is whole.
    pub(super) fn rebase(&mut self, view: ViewId) {
        self.rebased = Some(view);
    }

    /// The client does not look any more; what has begun may still come.
    pub(super) fn hide(&mut self) {
        self.volatile.iter_mut().filter(|v| v.key == VIEW_KEY).for_each(|v| v.may_have_come = true);
    }

    /// An Engine.IO packet of the server's own.
    pub(super) fn engine(&mut self, packet: &str) {
        self.reliable.push_back([(false, packet.as_bytes().to_vec())].into());
    }

    pub(super) fn received(
        &mut self,
        is_binary: bool,
        packet: &[u8],
    ) -> Result<(), (Invariant, String)> {
        let is_view = VIEWS.iter().any(|view| packet.starts_with(view.as_bytes()));
        let is_it = |next: &Packet| {
            next.0 == is_binary && (next.1 == packet || is_view && next.1 == VIEW.as_bytes())
        };
        if let Some(next) = self.rest.pop_front() {
            let what = || format!("{} inside of another frame", words(packet));
            return if is_it(&next) { Ok(()) } else { Err((Invariant::Order, what())) };
        }
        let head = self.head.take();
        if head.is_none() && packet.starts_with(ALIKE.as_bytes()) {
            self.head = Some((is_binary, packet.to_vec()));
            return Ok(());
        }
        let is_next = self.reliable.front().and_then(VecDeque::front).is_some_and(is_it);
        if is_next && head.is_none() {
            self.rest = self.reliable.pop_front().expect("just seen");
            self.rest.pop_front();
            return Ok(());
        }
        let n_before = usize::from(head.is_some());
        let begins = |v: &&Volatile| head.as_ref().is_none_or(|head| v.packets[0] == *head);
        let found = self
            .volatile
            .iter()
            .position(|v| begins(&v) && v.packets.get(n_before).is_some_and(is_it));
        let Some(found) = found else {
            let next = self.reliable.front().and_then(VecDeque::front);
            let next = next.map_or_else(|| "nothing".to_owned(), |next| words(&next.1));
            let what = format!("{} came where {next} was to come", words(packet));
            return Err((Invariant::Order, what));
        };
        let Volatile { key, packets, .. } = self.volatile.remove(found);
        let mut before = 0;
        let mut lost = None;
        self.volatile.retain(|v| {
            before += 1;
            let is_older = v.key == key && before <= found;
            if is_older && v.is_sure && !v.may_have_come {
                lost = Some(words(&v.packets[0].1));
            }
            !is_older
        });
        for later in self.volatile.iter_mut().filter(|v| v.key == key && v.packets == packets) {
            later.may_have_come = true;
        }
        self.rest = packets;
        self.rest.drain(..=n_before);
        match lost {
            Some(lost) => {
                let what = format!("{lost} never came, though its client could take it");
                Err((Invariant::Newest, what))
            }
            None => Ok(()),
        }
    }

    /// Everything that was written has arrived, and nothing is left to write.
    pub(super) fn drained(&mut self, settings: &Settings) -> Result<(), (Invariant, String)> {
        if let Some(frame) = self.reliable.front() {
            return Err((Invariant::Order, format!("{} never came", words(&frame[0].1))));
        }
        let volatile = std::mem::take(&mut self.volatile);
        for (i, newest) in volatile.iter().enumerate() {
            let is_newest = volatile[i + 1..].iter().all(|v| v.key != newest.key);
            let first = volatile.iter().find(|v| v.key == newest.key);
            let had_to_go = first.is_some_and(|v| {
                let n_bytes = newest.n_bytes + v.others.values().sum::<usize>();
                v.others.len() >= settings.max_volatile_keys || n_bytes > settings.max_queue_bytes
            });
            self.lacks_some |= had_to_go;
            if is_newest && !newest.may_have_come && !had_to_go {
                let what = format!("{} never came, and nothing newer", words(&newest.packets[0].1));
                return Err((Invariant::Newest, what));
            }
        }
        Ok(())
    }
}

fn words(packet: &[u8]) -> String {
    String::from_utf8_lossy(packet).chars().take(120).collect()
}

//! What is on its way from hubs to their peers: who gets what, in which order, and until when.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use parlor_core::{delivery::Delivery, time::Time};

use super::{At, Check, Invariant, turn::words};

/// A volatile frame waits so long for who can take nothing, and then for the end of a turn.
const MAX_AGE: Duration = Duration::from_millis(200 + 6);

/// How something has come to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Way {
    Polled,
    Streamed,
    /// Its session has ended: it is told all that waits.
    Last,
}

/// The packets of a frame, each with whether it is binary.
pub(super) type Packets = Vec<(bool, Vec<u8>)>;

#[derive(Debug, Default)]
pub(super) struct Post {
    /// By receiver and the hub's shard: when each was sent.
    reliable: BTreeMap<(At, usize), VecDeque<(Time, Packets)>>,
    volatile: BTreeMap<At, Vec<Fleeting>>,
    /// Of each receiver's kinds the number of the last that arrived.
    newest: BTreeMap<(At, u64), u64>,
    n: u64,
}

#[derive(Debug)]
struct Fleeting {
    number: u64,
    key: u64,
    packets: Packets,
    /// When its session got it, and first offered it to a WebSocket.
    sent_at: Option<Time>,
    offered_at: Option<Time>,
}

impl Post {
    /// A hub sends something.
    pub(super) fn pushed(
        &mut self,
        now: Time,
        (who, from): (At, usize),
        packets: &Packets,
        delivery: Delivery,
    ) {
        let packets = packets.clone();
        match delivery {
            Delivery::Fleeting { key, .. } | Delivery::Volatile { key } => {
                let (sent_at, offered_at, number) = (None, None, self.n);
                self.n += 1;
                let fleeting = Fleeting { number, key, packets, sent_at, offered_at };
                self.volatile.entry(who).or_default().push(fleeting);
            }
            Delivery::Reliable | Delivery::Recoverable(_) => {
                self.reliable.entry((who, from)).or_default().push_back((now, packets));
            }
        }
    }

    /// A session gets something that may be volatile.
    pub(super) fn sent(&mut self, now: Time, who: At, packets: &Packets) {
        let all = self.volatile.get_mut(&who).into_iter().flatten();
        let mut waiting = all.filter(|v| v.sent_at.is_none() && v.packets == *packets);
        waiting.next().into_iter().for_each(|v| v.sent_at = Some(now));
    }

    /// It does not wait for its client: what is queued is no older than the transport is slow.
    pub(super) fn taken(&mut self, now: Time, who: At, packets: &Packets) {
        let all = self.volatile.get_mut(&who).into_iter().flatten();
        let mut waiting = all.filter(|v| v.offered_at.is_none() && v.packets == *packets);
        waiting.next().into_iter().for_each(|v| v.offered_at = Some(now));
    }

    /// These bytes are offered to a WebSocket: what is in them has begun in time.
    pub(super) fn offered(&mut self, now: Time, who: At, bytes: &[u8]) {
        let after = |part: &[u8]| {
            let at = bytes.windows(part.len()).rposition(|window| window == part);
            at.map(|at| bytes.len() - at - part.len())
        };
        let all = self.volatile.get_mut(&who).into_iter().flatten();
        for v in all.filter(|v| v.offered_at.is_none()) {
            let [(_, head), (_, payload)] = v.packets.as_slice() else { continue };
            // Of the last one only the beginning may be there; of several it may be any.
            let has_begun = || after(head).is_some_and(|rest| rest < payload.len() + 4);
            if after(payload).is_some() || has_begun() {
                v.offered_at = Some(now);
            }
        }
    }

    /// A client gets something whole: it is the next of those from some hub, or volatile and
    /// newer than the last of its kind. What is polled may come so much later.
    pub(super) fn received(
        &mut self,
        now: Time,
        who: At,
        packets: &Packets,
        (way, late): (Way, Duration),
    ) -> Check {
        let range = (who, 0)..=(who, usize::MAX);
        for (_, queue) in self.reliable.range_mut(range) {
            if queue.front().is_some_and(|(_, next)| next == packets) {
                queue.pop_front();
                return Ok(());
            }
        }
        let text = words(packets);
        let all = self.volatile.entry(who).or_default();
        let Some(found) = all.iter().position(|v| v.packets == *packets) else {
            return Err((Invariant::Peers, format!("{who:?} gets {text}, which is not its next")));
        };
        let v = all.remove(found);
        let newest = self.newest.insert((who, v.key), v.number);
        if newest.is_some_and(|newest| newest > v.number) {
            return Err((Invariant::Newest, format!("{who:?} gets {text} after a newer one")));
        }
        all.retain(|other| other.key != v.key || other.number > v.number);
        let Some(sent_at) = v.sent_at else {
            return Err((Invariant::Peers, format!("{who:?} gets {text}, which nobody sent")));
        };
        let taken_at = match way {
            Way::Polled => v.offered_at.or(Some(now)),
            Way::Streamed => v.offered_at,
            Way::Last => None,
        };
        let late = if v.offered_at.is_some() { Duration::ZERO } else { late };
        if let Some(age) = taken_at.map(|at| at.since(sent_at))
            && age > MAX_AGE + late
        {
            return Err((Invariant::Newest, format!("{who:?} gets {text}, {age:?} old")));
        }
        Ok(())
    }

    /// A client has received all that its session had.
    pub(super) fn drained(&self, now: Time, who: At, slack: Duration) -> Check {
        let range = (who, 0)..=(who, usize::MAX);
        let first = self.reliable.range(range).filter_map(|(_, queue)| queue.front());
        match first.into_iter().find(|(at, _)| *at + slack < now) {
            Some((_, packets)) => {
                let what = format!("{who:?} never got {}", words(packets));
                Err((Invariant::Peers, what))
            }
            None => Ok(()),
        }
    }

    /// Nothing reaches this client any more.
    pub(super) fn forget(&mut self, who: At) {
        self.reliable.retain(|(whose, _), _| *whose != who);
        self.newest.retain(|(whose, _), _| *whose != who);
        self.volatile.remove(&who);
    }
}

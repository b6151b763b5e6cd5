//! What one shard has to say to the others: gathered in a turn, and sent as one batch for each at
//! its end. While a way is full, the newest of what is volatile counts, and the shard reads its
//! clients no further, so that what must arrive stays bounded.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parlor_core::{cluster::Message, key::ShardId};

use super::Adapter;

/// Messages that may wait for one other shard before the shard stops reading its clients.
pub(crate) const MAX_WAITING: usize = 65_536;
/// Bytes that may.
pub(crate) const MAX_WAITING_BYTES: usize = 64 << 20;
/// So many of the newest messages are looked through for one that a newer volatile one replaces.
const MAX_LOOKED_THROUGH: usize = 1024;

/// One shard's links.
pub(crate) struct Links {
    own: ShardId,
    /// To shards of this process.
    near: Arc<dyn Adapter>,
    /// To those of other nodes.
    far: Option<Arc<dyn Adapter>>,
    ways: BTreeMap<ShardId, Way>,
    n_dropped: u64,
}

/// What became of the batches of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// All went, as in the turn before.
    Sent,
    /// All went, and some had to wait before: who waited for that may go on.
    Caught,
    /// Some have to wait.
    Held,
}

/// What there is for one shard.
#[derive(Default)]
struct Way {
    /// Of turns before, which it could not take then.
    held: Vec<Message>,
    /// Of this turn: what leads, and the rest.
    first: Vec<Message>,
    then: Vec<Message>,
    n_bytes: usize,
}

impl Way {
    fn len(&self) -> usize {
        self.held.len() + self.first.len() + self.then.len()
    }

    fn is_full(&self) -> bool {
        self.len() >= MAX_WAITING || self.n_bytes >= MAX_WAITING_BYTES
    }

    /// Puts a volatile message in the place of an older one of its kind; false if there is none.
    fn replace(&mut self, newer: Message) -> bool {
        let newest = self.then.iter_mut().rev().chain(self.held.iter_mut().rev());
        let older = newest.take(MAX_LOOKED_THROUGH).find(|older| replaces(&newer, older));
        let Some(older) = older else { return false };
        self.n_bytes = (self.n_bytes + newer.n_bytes()).saturating_sub(older.n_bytes());
        *older = newer;
        true
    }
}

/// True if only the newest of these counts.
fn is_volatile(message: &Message) -> bool {
    match message {
        Message::Emit(_, _, _, delivery) | Message::EmitEach(_, _, _, delivery) => {
            delivery.is_volatile()
        }
        Message::Signal(message) => message.is_volatile(),
        _ => false,
    }
}

/// True if they are events of one kind for the same sockets.
fn replaces(newer: &Message, older: &Message) -> bool {
    match (newer, older) {
        (Message::Emit(scope, target, _, delivery), Message::Emit(s, t, _, d))
        | (Message::EmitEach(scope, target, _, delivery), Message::EmitEach(s, t, _, d)) => {
            (scope, target, delivery) == (s, t, d)
        }
        _ => false,
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("own", &self.own).finish_non_exhaustive()
    }
}

impl Links {
    pub(crate) fn new(own: ShardId, near: Arc<dyn Adapter>, far: Option<Arc<dyn Adapter>>) -> Self {
        Self { own, near, far, ways: BTreeMap::new(), n_dropped: 0 }
    }

    /// Adds to the batch for a shard.
    pub(crate) fn push(&mut self, to: ShardId, message: Message) {
        let way = self.ways.entry(to).or_default();
        if is_volatile(&message) && way.is_full() {
            self.n_dropped += 1;
            // The newest counts, if an older one waits that it can replace.
            way.replace(message);
            return;
        }
        way.n_bytes += message.n_bytes();
        way.then.push(message);
    }

    /// Adds what goes before everything else of this turn.
    pub(crate) fn push_first(&mut self, to: ShardId, message: Message) {
        let way = self.ways.entry(to).or_default();
        way.n_bytes += message.n_bytes();
        way.first.push(message);
    }

    /// Sends every batch that can go.
    pub(crate) fn flush(&mut self) -> Flushed {
        let was_behind = self.is_holding() || self.is_congested();
        for (to, way) in &mut self.ways {
            let Way { held, first, then, n_bytes } = way;
            let mut batch = std::mem::take(held);
            batch.append(first);
            batch.append(then);
            if batch.is_empty() {
                continue;
            }
            let adapter =
                if to.node == self.own.node { Some(&self.near) } else { self.far.as_ref() };
            // Without a way to other nodes there are none.
            let sent = adapter.map_or(Ok(()), |adapter| adapter.send(self.own, *to, batch));
            match sent {
                Ok(()) => *n_bytes = 0,
                Err(back) => *held = back,
            }
        }
        match (self.is_holding(), was_behind) {
            (true, _) => Flushed::Held,
            (false, true) => Flushed::Caught,
            (false, false) => Flushed::Sent,
        }
    }

    /// True if so much waits that no more should be made of what clients send.
    pub(crate) fn is_congested(&self) -> bool {
        self.ways.values().any(Way::is_full)
    }

    /// True if something could not be sent yet.
    pub(crate) fn is_holding(&self) -> bool {
        self.ways.values().any(|way| !way.held.is_empty())
    }

    /// Volatile messages dropped since somebody asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.n_dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    use parlor_core::{delivery::Delivery, input::Target, key::NamespaceKey};
    use parlor_shared::socket_io::{Draft, Frame};

    use crate::cluster::Inlet;

    /// Takes batches while it is open.
    #[derive(Default)]
    struct Way {
        is_open: Mutex<bool>,
        sent: Mutex<Vec<(ShardId, usize)>>,
    }

    impl Adapter for Way {
        fn send(&self, _: ShardId, to: ShardId, batch: Vec<Message>) -> Result<(), Vec<Message>> {
            if !*self.is_open.lock().unwrap() {
                return Err(batch);
            }
            self.sent.lock().unwrap().push((to, batch.len()));
            Ok(())
        }

        fn start(&self, _: Inlet) {}
    }

    fn emit(delivery: Delivery) -> Message {
        let frame = Frame::message_text("x");
        Message::Emit(NamespaceKey(0).into(), Target::default(), frame, delivery)
    }

    #[test]
    fn one_batch_goes_to_each_shard_and_what_cannot_go_waits_in_order() {
        let way = Arc::new(Way::default());
        let shard = |shard| ShardId { node: 0, shard };
        let mut links = Links::new(shard(0), Arc::clone(&way) as Arc<dyn Adapter>, None);
        for to in [1, 2, 1] {
            links.push(shard(to), emit(Delivery::Reliable));
        }
        assert_eq!(links.flush(), Flushed::Held, "the way is shut");
        assert_eq!(links.flush(), Flushed::Held);
        links.push(shard(1), emit(Delivery::Reliable));
        *way.is_open.lock().unwrap() = true;
        assert_eq!(links.flush(), Flushed::Caught);
        assert_eq!(*way.sent.lock().unwrap(), [(shard(1), 3), (shard(2), 1)]);
        assert_eq!(links.flush(), Flushed::Sent);
        assert_eq!(way.sent.lock().unwrap().len(), 2, "nothing is sent when there is nothing");
    }

    /// A volatile event of one namespace, and one of a parent's children.
    const VOLATILE: [fn(u64, &str) -> Message; 2] = [
        |key, text| {
            let frame = Frame::message_text(text);
            let delivery = Delivery::Volatile { key };
            Message::Emit(NamespaceKey(0).into(), Target::default(), frame, delivery)
        },
        |key, text| {
            let mut draft = Draft::event("e").unwrap();
            draft.arg(text).unwrap();
            let delivery = Delivery::Volatile { key };
            Message::EmitEach(NamespaceKey(0).into(), Target::default(), draft, delivery)
        },
    ];

    #[test]
    fn past_the_limit_a_volatile_message_takes_the_place_of_an_older_one() {
        for volatile in VOLATILE {
            let way = Arc::new(Way::default());
            let to = ShardId { node: 0, shard: 1 };
            let near = Arc::clone(&way) as Arc<dyn Adapter>;
            let mut links = Links::new(ShardId::default(), near, None);
            links.push(to, volatile(1, "old"));
            let large = Frame::message_binary(&vec![0; MAX_WAITING_BYTES]);
            let large =
                Message::Emit(NamespaceKey(0).into(), Target::default(), large, Delivery::Reliable);
            assert!(!links.is_congested());
            links.push(to, large);
            assert!(links.is_congested(), "bytes count as well");
            for (key, text) in [(1, "newer"), (2, "other"), (1, "newest")] {
                links.push(to, volatile(key, text));
            }
            let then = &links.ways[&to].then;
            assert_eq!(then.len(), 2);
            assert_eq!(format!("{:?}", then[0]), format!("{:?}", volatile(1, "newest")));
            let n_bytes = then.iter().map(Message::n_bytes).sum::<usize>();
            assert_eq!(links.ways[&to].n_bytes, n_bytes, "as much as waits");
            assert_eq!(links.take_dropped(), 3);
            *way.is_open.lock().unwrap() = true;
            assert_eq!(links.flush(), Flushed::Caught);
            assert!(!links.is_congested());
        }
    }

    #[test]
    fn past_the_limit_volatile_messages_are_dropped_and_others_are_not() {
        for volatile in VOLATILE {
            let way = Arc::new(Way::default());
            let to = ShardId { node: 0, shard: 1 };
            let near = Arc::clone(&way) as Arc<dyn Adapter>;
            let mut links = Links::new(ShardId::default(), near, None);
            for _ in 0..MAX_WAITING {
                assert!(!links.is_congested());
                links.push(to, volatile(1, ""));
            }
            assert!(links.is_congested());
            links.push(to, volatile(1, ""));
            links.push(to, emit(Delivery::Reliable));
            assert_eq!(links.take_dropped(), 1);
            *way.is_open.lock().unwrap() = true;
            links.flush();
            assert_eq!(*way.sent.lock().unwrap(), [(to, MAX_WAITING + 1)]);
            assert!(!links.is_congested());
        }
    }
}

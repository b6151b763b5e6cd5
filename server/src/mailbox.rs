//! What other threads want of a shard: parcels that wait for its next turn.
//! What is in a parcel is carried out by `shard::parcels`; who posts what is `handlers`' part.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use parlor_core::{
    cluster::Message,
    input::Input,
    key::{ShardId, SocketKey},
};
use tokio::sync::Notify;

use crate::{
    auth::Revoked,
    handlers::{Beat, Context, Decision, End, Passed, ShardContext, TimerId, caught},
    shard::Handle,
};

/// Parcels that may wait for one shard. Each costs about a microsecond of its next turn.
pub(crate) const MAX_PARCELS: usize = 65_536;
/// Bytes that may wait for one shard: a few thousand times what a turn writes.
pub(crate) const MAX_PARCEL_BYTES: usize = 64 * 1024 * 1024;

/// Something to be done with one socket on its shard.
pub(crate) type Job = Box<dyn FnOnce(&mut Context<'_>) + Send>;

/// Something to be done on a shard for no socket of its.
pub(crate) type JobHere = Box<dyn FnOnce(&mut ShardContext<'_>) + Send>;

/// Something to be done on a shard's thread, beside its turns.
pub(crate) type Visit = Box<dyn FnOnce(&Handle) + Send>;

/// What another thread wants of a shard.
pub(crate) enum Parcel {
    /// What another shard had to say in one turn.
    Batch(ShardId, Vec<Message>),
    /// A request or a connection that belongs to this shard.
    Visit(Visit),
    /// Hand this to the world.
    Wish(Input<'static>),
    /// Run this with the socket's context. It is dropped if the socket is gone. It holds about so
    /// many bytes, as far as is known.
    Run(SocketKey, Job, usize),
    /// Run this on the shard, for nobody in particular. It holds about so many bytes.
    RunHere(JobHere, usize),
    /// An async handler has decided about a socket that wants to connect.
    Decided(Decision),
    /// An async middleware has decided about an event of this socket.
    Passed(SocketKey, Passed),
    /// An async handler of this socket has ended: what waits behind it goes on.
    Ended(SocketKey, End),
    /// What a sync handler of this socket started has ended. Nothing waits for it.
    Spawned(SocketKey, End),
    /// Call this again and again.
    Every(TimerId, Beat),
    /// Call that no more.
    Cancel(TimerId),
    /// This one, or (`None`) many, are let in no more.
    Revoked(Option<Revoked>),
}

impl Parcel {
    /// Bytes that clients may have chosen the number of. Of who waits for a decision, no more than
    /// one parcel is on its way.
    fn n_bytes(&self) -> usize {
        match self {
            Self::Wish(input) => input.n_bytes(),
            Self::Run(_, _, n_bytes) | Self::RunHere(_, n_bytes) => *n_bytes,
            Self::Batch(_, messages) => messages.iter().map(Message::n_bytes).sum(),
            _ => 0,
        }
    }
}

/// Why a parcel is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// As much waits as may. It may be taken later.
    Full,
    /// The shard is no more.
    Closed,
}

/// The sending side of a shard's mailbox; cloning shares it.
#[derive(Clone)]
pub(crate) struct Mailbox(Arc<Shared>);

/// The shard's side. Dropping it closes the mailbox.
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// A lock, because posting must keep the order of each thread without a wait. It is held for
    /// a push or a swap, and never while anything of others' runs.
    queue: Mutex<Queue>,
    posted: Notify,
    room: Notify,
    bell: Bell,
}

/// Wakes a shard that waits on its own poll.
#[derive(Default)]
struct Bell {
    /// `None` until the shard has a poll.
    waker: OnceLock<mio::Waker>,
    is_heard: AtomicBool,
    is_rung: AtomicBool,
}

#[derive(Default)]
struct Queue {
    parcels: VecDeque<Parcel>,
    n_bytes: usize,
    is_closed: bool,
}

/// Both sides of a new mailbox.
pub(crate) fn mailbox() -> (Mailbox, Inbox) {
    let shared = Arc::<Shared>::default();
    (Mailbox(Arc::clone(&shared)), Inbox(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that holds it can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_full(&self) -> bool {
        self.parcels.len() >= MAX_PARCELS || self.n_bytes >= MAX_PARCEL_BYTES
    }
}

impl Mailbox {
    /// Posts what must not be lost and is bounded by its sender; false if the shard is no more.
    pub(crate) fn post(&self, parcel: Parcel) -> bool {
        self.push(parcel, |_| true).is_ok()
    }

    /// Posts unless as much waits as may; the parcel comes back then.
    pub(crate) fn offer(&self, parcel: Parcel) -> Result<(), (Box<Parcel>, Refused)> {
        self.push(parcel, |queue| !queue.is_full())
    }

    /// Posts as soon as there is room.
    ///
    /// # Errors
    /// If the shard is no more.
    pub(crate) async fn send(&self, mut parcel: Parcel) -> Result<(), Refused> {
        loop {
            match self.offer(parcel) {
                Ok(()) => return Ok(()),
                Err((_, Refused::Closed)) => return Err(Refused::Closed),
                Err((back, Refused::Full)) => parcel = *back,
            }
            let room = self.0.room.notified();
            tokio::pin!(room);
            // From here on no word is missed: look once more, then wait.
            room.as_mut().enable();
            if self.is_full() {
                room.await;
            }
        }
    }

    /// True if as much waits as may.
    pub(crate) fn is_full(&self) -> bool {
        let queue = self.0.lock();
        queue.is_full() && !queue.is_closed
    }

    /// Waits until the shard is wanted. Only its loop may wait here.
    pub(crate) async fn posted(&self) {
        self.0.posted.notified().await;
    }

    /// Tells the shard to look around.
    pub(crate) fn ring(&self) {
        let bell = &self.0.bell;
        // Either this is seen by the shard before it waits, or its listening is seen here.
        bell.is_rung.store(true, Ordering::SeqCst);
        if bell.is_heard.load(Ordering::SeqCst)
            && let Some(Err(error)) = bell.waker.get().map(mio::Waker::wake)
        {
            tracing::error!(%error, "a shard could not be woken");
        }
        self.0.posted.notify_one();
    }

    fn push(
        &self,
        parcel: Parcel,
        may: impl FnOnce(&Queue) -> bool,
    ) -> Result<(), (Box<Parcel>, Refused)> {
        let n_bytes = parcel.n_bytes();
        let mut queue = self.0.lock();
        if queue.is_closed {
            return Err((Box::new(parcel), Refused::Closed));
        }
        if !may(&queue) {
            return Err((Box::new(parcel), Refused::Full));
        }
        let was_empty = queue.parcels.is_empty();
        queue.n_bytes += n_bytes;
        queue.parcels.push_back(parcel);
        drop(queue);
        if was_empty {
            self.ring();
        }
        Ok(())
    }
}

impl Inbox {
    /// Everything that waits, in the order in which it came.
    pub(crate) fn take(&self) -> VecDeque<Parcel> {
        let mut queue = self.0.lock();
        let was_full = queue.is_full();
        queue.n_bytes = 0;
        let parcels = std::mem::take(&mut queue.parcels);
        drop(queue);
        if was_full {
            self.0.room.notify_waiters();
        }
        parcels
    }

    /// From now on, a poll that this wakes can be waited on.
    pub(crate) fn hang(&self, waker: mio::Waker) {
        // It is hung once, by the one that owns the poll.
        let _ = self.0.bell.waker.set(waker);
    }

    /// Listens to the bell while the shard waits on its poll; false if it has rung already.
    pub(crate) fn listen(&self) -> bool {
        self.0.bell.is_heard.store(true, Ordering::SeqCst);
        !self.0.bell.is_rung.load(Ordering::SeqCst)
    }

    /// The shard is awake: it does not listen. True if the bell has rung.
    pub(crate) fn has_rung(&self) -> bool {
        self.0.bell.is_heard.store(false, Ordering::SeqCst);
        self.0.bell.is_rung.swap(false, Ordering::SeqCst)
    }

    /// The other side.
    pub(crate) fn mailbox(&self) -> Mailbox {
        Mailbox(Arc::clone(&self.0))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        // What waits may post when it is dropped: not under the lock.
        for parcel in self.take() {
            // Nor does what users left in one end the others.
            if let Err(words) = caught(|| drop(parcel)) {
                tracing::error!(panic = words, "a job that was never run panicked when dropped");
            }
        }
        self.0.room.notify_waiters();
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use parlor_core::{
        cluster::{Change, Question},
        delivery::Delivery,
        input::{AckToken, Reach, Target},
        key::{Key as _, NamespaceKey},
    };
    use parlor_shared::socket_io::{Draft, Frame};

    fn leave(number: usize) -> Parcel {
        Parcel::Wish(Input::Leave(SocketKey::new(0, 0), number.to_string()))
    }

    fn emit(n_bytes: usize) -> Parcel {
        let frame = Frame::message_binary(&vec![0; n_bytes]);
        Parcel::Wish(Input::Emit(
            NamespaceKey(0).into(),
            Target::default(),
            frame,
            Delivery::Reliable,
        ))
    }

    fn number(parcel: &Parcel) -> usize {
        let Parcel::Wish(Input::Leave(_, number)) = parcel else { panic!("no such parcel") };
        number.parse().unwrap()
    }

    #[test]
    fn parcels_come_in_order_and_as_many_as_may_wait_and_not_one_more() {
        let (mailbox, inbox) = mailbox();
        for i in 0..MAX_PARCELS {
            assert!(mailbox.offer(leave(i)).is_ok());
        }
        assert!(mailbox.is_full());
        let (back, refused) = mailbox.offer(leave(7)).unwrap_err();
        assert_eq!((number(&back), refused), (7, Refused::Full));
        assert!(mailbox.post(leave(MAX_PARCELS)), "what must not be lost is taken");
        let numbers: Vec<usize> = inbox.take().iter().map(number).collect();
        assert_eq!(numbers, (0..=MAX_PARCELS).collect::<Vec<_>>());
        assert!(mailbox.offer(leave(0)).is_ok());
    }

    #[test]
    fn as_many_bytes_as_may_wait_and_not_one_parcel_more() {
        let (mailbox, inbox) = mailbox();
        let many = 1024 * 1024;
        while !mailbox.is_full() {
            assert!(mailbox.offer(emit(many)).is_ok());
        }
        let (_, refused) = mailbox.offer(emit(1)).unwrap_err();
        assert_eq!(refused, Refused::Full);
        assert_eq!(inbox.take().len(), MAX_PARCEL_BYTES / many);
        assert!(mailbox.offer(emit(1)).is_ok(), "room again");
    }

    /// Whatever holds what clients may have chosen, so many bytes of it, and a little more.
    fn large(n_bytes: usize) -> Vec<Parcel> {
        let text = || "x".repeat(n_bytes);
        let draft = || {
            let mut draft = Draft::event("e").unwrap();
            draft.arg(&text()).unwrap();
            draft
        };
        let scope = || NamespaceKey(0).into();
        let rooms = || Target { rooms: [text().into()].into_iter().collect(), ..Target::default() };
        let (to, second) = (Target::default(), Duration::from_secs(1));
        let (socket, token) = (SocketKey::new(0, 0), AckToken(1));
        let frame = || Frame::message_text("x");
        let ask = Question::Ask(scope(), to.clone(), draft(), second);
        [
            Input::EmitEach(scope(), to.clone(), draft(), Delivery::Reliable),
            Input::Emit(scope(), rooms(), frame(), Delivery::Reliable),
            Input::Ask(socket, draft(), token, None),
            Input::Change(scope(), to.clone(), Change::Join(vec![text()])),
            Input::Change(scope(), rooms(), Change::Disconnect(true)),
            Input::Gather(token, ask.clone()),
            Input::Gather(token, Question::Sockets(scope(), rooms())),
            Input::ServerSide(draft(), Reach::All),
            Input::AskServers(token, draft(), Reach::All, second),
            Input::Join(socket, text()),
            Input::Leave(socket, text()),
            Input::Identify(socket, text()),
        ]
        .map(Parcel::Wish)
        .into_iter()
        .chain([
            Parcel::Run(socket, Box::new(|_| ()), n_bytes),
            Parcel::RunHere(Box::new(|_| ()), n_bytes),
        ])
        .chain(
            [
                Message::EmitEach(scope(), to.clone(), draft(), Delivery::Reliable),
                Message::Emit(scope(), rooms(), frame(), Delivery::Reliable),
                Message::Change(scope(), to, Change::Leave(vec![text()])),
                Message::Question(1, ask),
                Message::Question(1, Question::Sockets(scope(), rooms())),
                Message::ServerSide(draft(), None),
            ]
            .map(|message| Parcel::Batch(ShardId::default(), vec![message])),
        )
        .collect()
    }

    #[test]
    fn whatever_holds_bytes_counts_them() {
        const N: usize = 10_000;
        for (at, parcel) in large(N).iter().enumerate() {
            assert!((N..N + 100).contains(&parcel.n_bytes()), "{at}: {}", parcel.n_bytes());
        }
        let (mailbox, _inbox) = mailbox();
        let many = MAX_PARCEL_BYTES / 17;
        let n_taken = large(many).into_iter().take_while(|_| !mailbox.is_full());
        assert_eq!(n_taken.map(|parcel| assert!(mailbox.offer(parcel).is_ok())).count(), 17);
        let refused = mailbox.offer(leave(1)).unwrap_err().1;
        assert_eq!(refused, Refused::Full);
    }

    #[tokio::test]
    async fn who_waits_for_room_gets_it_or_learns_that_there_is_none() {
        let (mailbox, inbox) = mailbox();
        (0..MAX_PARCELS).for_each(|i| assert!(mailbox.post(leave(i))));
        let (first, second) = (mailbox.clone(), mailbox.clone());
        let sent = tokio::spawn(async move { first.send(leave(8)).await });
        tokio::task::yield_now().await;
        assert!(!sent.is_finished());
        inbox.take();
        sent.await.unwrap().unwrap();
        assert_eq!(inbox.take().iter().map(number).collect::<Vec<_>>(), [8]);
        (0..MAX_PARCELS).for_each(|i| assert!(mailbox.post(leave(i))));
        let sent = tokio::spawn(async move { second.send(leave(9)).await });
        tokio::task::yield_now().await;
        drop(inbox);
        assert_eq!(sent.await.unwrap(), Err(Refused::Closed));
        assert!(!mailbox.post(leave(0)));
    }

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as the test wants it");
        }
    }

    #[test]
    fn jobs_that_are_never_run_may_panic_when_they_are_dropped() {
        let (mailbox, inbox) = mailbox();
        let whole = Arc::new(());
        for _ in 0..2 {
            let (bomb, part) = (Bomb, Arc::clone(&whole));
            let job = move |_: &mut Context<'_>| drop((bomb, part));
            mailbox.post(Parcel::Run(SocketKey::new(0, 0), Box::new(job), 0));
        }
        drop(inbox);
        assert_eq!(Arc::strong_count(&whole), 1, "both are gone");
    }

    #[tokio::test]
    async fn the_first_parcel_wakes_the_shard() {
        let (mailbox, _inbox) = mailbox();
        mailbox.post(leave(0));
        mailbox.post(leave(1));
        mailbox.posted().await;
    }

    #[test]
    fn a_shard_that_waits_on_its_poll_is_woken_and_one_that_was_rung_does_not_wait() {
        let (mailbox, inbox) = mailbox();
        let mut poll = mio::Poll::new().unwrap();
        inbox.hang(mio::Waker::new(poll.registry(), mio::Token(1)).unwrap());
        mailbox.post(leave(1));
        assert!(!inbox.listen(), "it was rung before");
        assert!(inbox.has_rung() && !inbox.has_rung());
        drop(inbox.take());
        assert!(inbox.listen());
        let poster = std::thread::spawn(move || mailbox.post(leave(2)));
        let mut events = mio::Events::with_capacity(1);
        poll.poll(&mut events, None).unwrap();
        assert_eq!(events.iter().count(), 1);
        assert!(inbox.has_rung());
        assert!(poster.join().unwrap());
    }
}

//! Asking many sockets at once, and finding them, on whichever shards they are.
//! Changing them is `many`'s part; who answers what, and for how long, is core's.

use std::{ops::Deref, pin::Pin, task::Poll, time::Duration};

use parlor_core::{
    cluster::{AckOf, Answer as Told, Question},
    effect::AckError,
};
use parlor_shared::{
    id::SocketId,
    socket_io::{Args, Draft, EncodeError, EventArgs, OwnedArgs},
};

use tokio::sync::oneshot;

use super::{
    AsyncContext, Context, Emit, EmitError, Emitter, Gathered, Gone, RemoteSocket, ShardContext,
    desk::OnGatheredHere, emit::FITS,
};
use crate::mailbox::Parcel;

/// The longest time that many sockets are given to answer: what is longer is cut to it.
pub(super) const MAX_GATHERING: Duration = Duration::from_hours(24);

/// What one of many sockets answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whose answer it is.
    pub socket: SocketId,
    /// Its arguments, or why there are none.
    pub answer: Result<OwnedArgs, AckError>,
}

impl Answer {
    fn of(ack: AckOf) -> Self {
        let owned =
            |(array, attachments): (String, Vec<_>)| Args::of_ack(&array, &attachments).to_owned();
        Self { socket: ack.socket, answer: ack.answer.map(owned) }
    }
}

impl<S> Emit<S> {
    fn asking(
        self,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
    ) -> Result<(S, Question), EncodeError> {
        let mut draft = Draft::event(event)?;
        args.write(&mut draft)?;
        draft.check()?;
        let Self { from, scope, target, .. } = self;
        let scope = scope.expect("only an emitter's may be unknown");
        Ok((from, Question::Ask(scope, target, draft, timeout.min(MAX_GATHERING))))
    }

    fn finding(self) -> (S, Question) {
        let Self { from, scope, target, .. } = self;
        let scope = scope.expect("only an emitter's may be unknown");
        (from, Question::Sockets(scope, target))
    }
}

/// What many sockets or shards answered, in no order: a slice, and whether anybody is missing.
#[derive(Debug, Clone)]
pub struct Replies<T> {
    all: Vec<T>,
    n_silent_shards: usize,
}

impl<T> Replies<T> {
    /// Shards that did not answer in time, and whose sockets are therefore not among these. A
    /// socket that did not answer is: its answer says why.
    pub fn n_silent_shards(&self) -> usize {
        self.n_silent_shards
    }
}

impl<T> Deref for Replies<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<T> IntoIterator for Replies<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'r, T> IntoIterator for &'r Replies<T> {
    type Item = &'r T;
    type IntoIter = std::slice::Iter<'r, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

/// Replies on their way to another thread: awaited on any runtime, or [waited for](Self::wait).
#[derive(Debug)]
#[must_use = "replies come to whoever awaits them"]
pub struct Pending<T>(oneshot::Receiver<Replies<T>>);

impl<T> Pending<T> {
    /// Blocks until they are there.
    ///
    /// # Errors
    /// If the server ends first.
    ///
    /// # Panics
    /// On a thread that drives async tasks, and so may not block.
    pub fn wait(self) -> Result<Replies<T>, EmitError> {
        self.0.blocking_recv().map_err(|_| EmitError::NotRunning)
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<Replies<T>, EmitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| EmitError::NotRunning)
    }
}

impl Emit<&mut Context<'_>> {
    /// Asks all these sockets' clients. `then` gets each one's answer, or why there is none within
    /// `timeout` (a day at most), once all have answered or their time is up; the order means
    /// nothing. If the socket that asks goes first, `then` is never called.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn ask(
        self,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
        then: impl FnOnce(&mut Context<'_>, Replies<Answer>) + Send + 'static,
    ) {
        let (from, question) = self.asking(event, args, timeout).expect(FITS);
        let then = move |cx: &mut Context<'_>, gathered| then(cx, answers(gathered));
        from.desk.gather(from.socket, question, Box::new(then));
    }

    /// Finds these sockets. `then` gets what is known of each; the order means nothing. A shard
    /// that says nothing is waited for, 2 seconds. If the socket that asks goes first, `then` is
    /// never called.
    pub fn fetch_sockets(
        self,
        then: impl FnOnce(&mut Context<'_>, Replies<RemoteSocket>) + Send + 'static,
    ) {
        let (from, question) = self.finding();
        let then = move |cx: &mut Context<'_>, gathered| then(cx, sockets(gathered));
        from.desk.gather(from.socket, question, Box::new(then));
    }
}

impl Emit<&AsyncContext> {
    /// Asks all these sockets' clients, and waits until all have answered or `timeout` (a day at
    /// most) is over: each one's answer, or why there is none. The order means nothing.
    ///
    /// # Errors
    /// If the socket that asks is gone.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub async fn ask(
        self,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
    ) -> Result<Replies<Answer>, Gone> {
        let (from, question) = self.asking(event, args, timeout).expect(FITS);
        from.gather(question).await.map(answers)
    }

    /// Finds these sockets: what is known of each. The order means nothing. A shard that says
    /// nothing is waited for, 2 seconds.
    ///
    /// # Errors
    /// If the socket that asks is gone.
    pub async fn fetch_sockets(self) -> Result<Replies<RemoteSocket>, Gone> {
        let (from, question) = self.finding();
        from.gather(question).await.map(sockets)
    }
}

impl Emit<&mut ShardContext<'_>> {
    /// Asks all these sockets' clients. `then` gets each one's answer, or why there is none within
    /// `timeout` (a day at most), once all have answered or their time is up.
    ///
    /// # Panics
    /// As [`Emit::emit`].
    pub fn ask(
        self,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
        then: impl FnOnce(&mut ShardContext<'_>, Replies<Answer>) + Send + 'static,
    ) {
        let (from, question) = self.asking(event, args, timeout).expect(FITS);
        let then = move |cx: &mut ShardContext<'_>, gathered| then(cx, answers(gathered));
        from.desk.gather_here(question, Box::new(then));
    }

    /// Finds these sockets. `then` gets what is known of each. A shard that says nothing is waited
    /// for, 2 seconds.
    pub fn fetch_sockets(
        self,
        then: impl FnOnce(&mut ShardContext<'_>, Replies<RemoteSocket>) + Send + 'static,
    ) {
        let (from, question) = self.finding();
        let then = move |cx: &mut ShardContext<'_>, gathered| then(cx, sockets(gathered));
        from.desk.gather_here(question, Box::new(then));
    }
}

impl Emit<&Emitter> {
    /// Asks all these sockets' clients: each one's answer, or why there is none, comes once all
    /// have answered or `timeout` (a day at most) is over.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let running = parlor_server::Server::default().start("127.0.0.1:0")?;
    /// use std::time::Duration;
    ///
    /// let emitter = running.emitter();
    /// let answers = emitter.namespace("/").ask("ready?", (), Duration::from_secs(5))?.wait()?;
    /// let n_ready = answers.iter().filter(|answer| answer.answer.is_ok()).count();
    /// println!("{n_ready} of {} are ready", answers.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If it cannot be sent, now or ever; it is not sent later.
    pub fn ask(
        self,
        event: &str,
        args: impl EventArgs,
        timeout: Duration,
    ) -> Result<Pending<Answer>, EmitError> {
        let (from, question) = self.known()?.asking(event, args, timeout)?;
        from.gather(question, answers)
    }

    /// Finds these sockets: what is known of each. A shard that says nothing is waited for, 2
    /// seconds.
    ///
    /// # Errors
    /// If the server does not run, is overloaded or has no such namespace.
    pub fn fetch_sockets(self) -> Result<Pending<RemoteSocket>, EmitError> {
        let (from, question) = self.known()?.finding();
        from.gather(question, sockets)
    }

    fn known(self) -> Result<Self, EmitError> {
        self.from.env()?;
        if self.scope.is_none() { Err(EmitError::UnknownNamespace) } else { Ok(self) }
    }
}

impl Emitter {
    fn gather<T: Send + 'static>(
        &self,
        question: Question,
        read: fn(Gathered) -> Replies<T>,
    ) -> Result<Pending<T>, EmitError> {
        let n_bytes = question.n_bytes();
        self.gather_by(read, n_bytes, |cx, then| cx.desk.gather_here(question, then))
    }

    /// Has something of so many bytes asked on a shard.
    pub(super) fn gather_by<T: Send + 'static>(
        &self,
        read: fn(Gathered) -> Replies<T>,
        n_bytes: usize,
        ask: impl FnOnce(&mut ShardContext<'_>, OnGatheredHere) + Send + 'static,
    ) -> Result<Pending<T>, EmitError> {
        let (sender, replies) = oneshot::channel();
        let then = move |_: &mut ShardContext<'_>, gathered| {
            // Who asked may have given up.
            let _ = sender.send(read(gathered));
        };
        let job = |cx: &mut ShardContext<'_>| ask(cx, Box::new(then));
        self.env()?.offer(Parcel::RunHere(Box::new(job), n_bytes))?;
        Ok(Pending(replies))
    }
}

pub(super) fn replies<T>(all: Vec<T>, n_silent_shards: usize) -> Replies<T> {
    Replies { all, n_silent_shards }
}

fn answers((told, n_silent_shards): Gathered) -> Replies<Answer> {
    match told {
        Told::Acks(acks) => replies(acks.into_iter().map(Answer::of).collect(), n_silent_shards),
        Told::Sockets(_) | Told::Servers(_) => unreachable!("clients were asked"),
    }
}

fn sockets((told, n_silent_shards): Gathered) -> Replies<RemoteSocket> {
    match told {
        Told::Sockets(sockets) => {
            replies(sockets.into_iter().map(RemoteSocket::of).collect(), n_silent_shards)
        }
        Told::Acks(_) | Told::Servers(_) => unreachable!("sockets were looked up"),
    }
}

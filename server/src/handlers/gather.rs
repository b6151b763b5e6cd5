//! Asking many sockets at once, and finding them, on whichever shards they are.
//! Changing them is `many`'s part; who answers what, and for how long, is core's.

use std::time::Duration;

use parlor_core::{
    cluster::{AckOf, Answer as Gathered, Question, SocketInfo},
    effect::AckError,
};
use parlor_shared::{
    id::SocketId,
    socket_io::{Args, Draft, EventArgs, OwnedArgs},
};

use super::{AsyncContext, Context, Emit, Gone, context::draft};

/// The longest time that many sockets are given to answer: what is longer is cut to it.
pub(crate) const MAX_GATHERING: Duration = Duration::from_hours(24);

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
    fn asking(self, event: &str, args: impl EventArgs, timeout: Duration) -> (S, Question) {
        let draft = draft(Draft::event(event), args);
        let Self { from, scope, target, .. } = self;
        let scope = scope.expect("only an emitter's may be unknown");
        (from, Question::Ask(scope, target, draft, timeout.min(MAX_GATHERING)))
    }

    fn finding(self) -> (S, Question) {
        let Self { from, scope, target, .. } = self;
        let scope = scope.expect("only an emitter's may be unknown");
        (from, Question::Sockets(scope, target))
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
        then: impl FnOnce(&mut Context<'_>, Vec<Answer>) + Send + 'static,
    ) {
        let (from, question) = self.asking(event, args, timeout);
        let then = move |cx: &mut Context<'_>, answer| then(cx, answers(answer));
        from.desk.gather(from.socket, question, Box::new(then));
    }

    /// Finds these sockets. `then` gets what is known of each; the order means nothing. If the
    /// socket that asks goes first, `then` is never called.
    pub fn fetch_sockets(
        self,
        then: impl FnOnce(&mut Context<'_>, Vec<SocketInfo>) + Send + 'static,
    ) {
        let (from, question) = self.finding();
        let then = move |cx: &mut Context<'_>, answer| then(cx, sockets(answer));
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
    ) -> Result<Vec<Answer>, Gone> {
        let (from, question) = self.asking(event, args, timeout);
        from.gather(question).await.map(answers)
    }

    /// Finds these sockets: what is known of each. The order means nothing.
    ///
    /// # Errors
    /// If the socket that asks is gone.
    pub async fn fetch_sockets(self) -> Result<Vec<SocketInfo>, Gone> {
        let (from, question) = self.finding();
        from.gather(question).await.map(sockets)
    }
}

fn answers(gathered: Gathered) -> Vec<Answer> {
    match gathered {
        Gathered::Acks(acks) => acks.into_iter().map(Answer::of).collect(),
        Gathered::Sockets(_) => unreachable!("clients were asked"),
    }
}

fn sockets(gathered: Gathered) -> Vec<SocketInfo> {
    match gathered {
        Gathered::Sockets(sockets) => sockets,
        Gathered::Acks(_) => unreachable!("shards were asked"),
    }
}

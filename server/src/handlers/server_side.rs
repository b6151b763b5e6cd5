//! Events from one server to another: between the shards of this process and of other nodes. No
//! client takes part.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use parlor_core::{
    cluster::{Answer as Told, Asker, RawArgs},
    input::{Input, Reach},
    key::ShardId,
    time::Time,
};
use parlor_shared::socket_io::{Args, Draft, EncodeError, EventArgs, OwnedArgs, RESERVED_EVENTS};

use super::{
    AsyncContext, Context, EmitError, Emitter, Gathered, Gone, Handlers, Pending, Replies,
    ShardContext,
    context::draft,
    gather::{MAX_GATHERING, replies},
};
use crate::mailbox::{Mailbox, Parcel};

/// Names that mean something else between servers of Socket.IO.
const RESERVED: [&str; 3] = ["connect", "connection", "new_namespace"];

type OnServerSide = Arc<dyn Fn(&mut ShardContext<'_>, Args<'_>) + Send + Sync>;

/// Who hears of which event.
#[derive(Clone, Default)]
pub(crate) struct ServerSide(BTreeMap<String, OnServerSide>);

impl ServerSide {
    /// # Panics
    /// If the name is reserved.
    pub(crate) fn on(
        &mut self,
        event: &str,
        handler: impl Fn(&mut ShardContext<'_>, Args<'_>) + Send + Sync + 'static,
    ) {
        let is_reserved = RESERVED.contains(&event) || RESERVED_EVENTS.contains(&event);
        assert!(!is_reserved, "`{event}` is a reserved event name");
        let next: OnServerSide = match self.0.remove(event) {
            None => Arc::new(handler),
            Some(first) => Arc::new(move |cx, args| {
                first(cx, args);
                handler(cx, args);
            }),
        };
        self.0.insert(event.to_owned(), next);
    }
}

impl fmt::Debug for ServerSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What the server of one shard answered.
#[derive(Debug, Clone)]
pub struct ServerAnswer {
    /// Its shard.
    pub shard: ShardId,
    /// What it answered.
    pub args: OwnedArgs,
}

/// The right to answer one server-side event, once. Who drops it says that there is no answer.
#[derive(Debug)]
#[must_use = "the server that asks waits for the answer"]
pub struct ServerAck {
    /// `None` once it is used.
    asker: Option<Asker>,
    mailbox: Mailbox,
}

impl ServerAck {
    /// Sends the answer. It is not heard if the time that its sender gave is up.
    ///
    /// # Panics
    /// If an argument has no JSON form.
    pub fn send(mut self, args: impl EventArgs) {
        self.answer(Some(draft(Ok(Draft::ack()), args).into_array()));
    }

    fn answer(&mut self, reply: Option<RawArgs>) {
        if let Some(asker) = self.asker.take() {
            // If the shard is no more, its neighbours know. There is one for each question.
            let _ = self.mailbox.post(Parcel::Wish(Input::AnswerServer(asker, reply)));
        }
    }
}

impl Drop for ServerAck {
    fn drop(&mut self) {
        self.answer(None);
    }
}

fn event(name: &str, args: impl EventArgs) -> Result<Draft, EncodeError> {
    if RESERVED.contains(&name) {
        return Err(EncodeError::Reserved(name.to_owned()));
    }
    let mut event = Draft::event(name)?;
    args.write(&mut event)?;
    Ok(event)
}

const FITS: &str = "the event's name is not reserved, and its arguments have a JSON form";

impl Context<'_> {
    /// Sends an event to the servers of all other shards, of this process and of other nodes: to
    /// what is registered by [`Server::on_server_side`](crate::Server::on_server_side).
    ///
    /// # Panics
    /// If the name is reserved (for clients, or `connection` or `new_namespace`), or an argument
    /// has no JSON form.
    pub fn server_side_emit(&mut self, name: &str, args: impl EventArgs) {
        let event = event(name, args).expect(FITS);
        self.desk.wish(Input::ServerSide(event, Reach::Others));
    }

    /// Like [`Self::server_side_emit`]; `then` gets what those servers answer within `timeout` (a
    /// day at most). If the socket that asks goes first, `then` is never called.
    ///
    /// # Panics
    /// As [`Self::server_side_emit`].
    pub fn server_side_ask(
        &mut self,
        name: &str,
        args: impl EventArgs,
        timeout: Duration,
        then: impl FnOnce(&mut Context<'_>, Replies<ServerAnswer>) + Send + 'static,
    ) {
        let event = event(name, args).expect(FITS);
        let then = move |cx: &mut Context<'_>, gathered| then(cx, servers(gathered));
        self.desk.ask_servers(self.socket, event, timeout.min(MAX_GATHERING), Box::new(then));
    }
}

impl ShardContext<'_> {
    /// Sends an event to the servers of all other shards; see [`Context::server_side_emit`].
    ///
    /// # Panics
    /// As there.
    pub fn server_side_emit(&mut self, name: &str, args: impl EventArgs) {
        let event = event(name, args).expect(FITS);
        self.desk.wish(Input::ServerSide(event, Reach::Others));
    }

    /// Like [`Self::server_side_emit`]; `then` gets what those servers answer within `timeout` (a
    /// day at most).
    ///
    /// # Panics
    /// As [`Context::server_side_emit`].
    pub fn server_side_ask(
        &mut self,
        name: &str,
        args: impl EventArgs,
        timeout: Duration,
        then: impl FnOnce(&mut ShardContext<'_>, Replies<ServerAnswer>) + Send + 'static,
    ) {
        let event = event(name, args).expect(FITS);
        let then = move |cx: &mut ShardContext<'_>, gathered| then(cx, servers(gathered));
        let timeout = timeout.min(MAX_GATHERING);
        self.desk.ask_servers_here(event, Reach::Others, timeout, Box::new(then));
    }

    /// Answers the server-side event that is being handled, if its sender wants that; the first
    /// answer counts. Elsewhere it does nothing.
    ///
    /// # Panics
    /// If an argument has no JSON form.
    pub fn ack(&mut self, args: impl EventArgs) {
        self.reply.get_or_insert_with(|| draft(Ok(Draft::ack()), args).into_array());
    }

    /// Takes the right to answer the server-side event that is being handled, to do it later, from
    /// any thread; `None` if its sender wants no answer, or has one.
    ///
    /// ```
    /// # let mut server = parlor_server::Server::default();
    /// # async fn count() -> u32 { 7 }
    /// server.on_server_side("count", |cx, _| {
    ///     let Some(ack) = cx.take_ack() else { return };
    ///     // Threads of your own will do as well.
    ///     tokio::spawn(async move { ack.send((count().await,)) });
    /// });
    /// ```
    pub fn take_ack(&mut self) -> Option<ServerAck> {
        if self.reply.is_some() {
            return None;
        }
        let asker = self.asker.take()?;
        Some(ServerAck { asker: Some(asker), mailbox: self.desk.env.mailbox.clone() })
    }
}

impl AsyncContext {
    /// Sends an event to the servers of all other shards; see [`Context::server_side_emit`].
    ///
    /// # Panics
    /// As there.
    pub async fn server_side_emit(&self, name: &str, args: impl EventArgs) {
        let event = event(name, args).expect(FITS);
        self.wish(Input::ServerSide(event, Reach::Others)).await;
    }

    /// Like [`Self::server_side_emit`], and waits for what those servers answer within `timeout`
    /// (a day at most).
    ///
    /// # Errors
    /// If the socket that asks is gone.
    ///
    /// # Panics
    /// As [`Context::server_side_emit`].
    pub async fn server_side_ask(
        &self,
        name: &str,
        args: impl EventArgs,
        timeout: Duration,
    ) -> Result<Replies<ServerAnswer>, Gone> {
        let (event, timeout) = (event(name, args).expect(FITS), timeout.min(MAX_GATHERING));
        let n_bytes = event.n_bytes();
        let ask = move |cx: &mut Context<'_>, then| {
            cx.desk.ask_servers(cx.socket, event, timeout, then);
        };
        self.gather_by(n_bytes, ask).await.map(servers)
    }
}

impl Emitter {
    /// Sends an event to the servers of all shards, of this process and of other nodes; see
    /// [`Context::server_side_emit`].
    ///
    /// # Errors
    /// If it cannot be sent, now or ever; it is not sent later.
    pub fn server_side_emit(&self, name: &str, args: impl EventArgs) -> Result<(), EmitError> {
        let event = event(name, args)?;
        self.env()?.offer(Parcel::Wish(Input::ServerSide(event, Reach::All)))
    }

    /// Like [`Self::server_side_emit`]; what those servers answer within `timeout` (a day at most)
    /// is awaited or waited for.
    ///
    /// # Errors
    /// As [`Self::server_side_emit`].
    pub fn server_side_ask(
        &self,
        name: &str,
        args: impl EventArgs,
        timeout: Duration,
    ) -> Result<Pending<ServerAnswer>, EmitError> {
        let (event, timeout) = (event(name, args)?, timeout.min(MAX_GATHERING));
        self.gather_by(servers, event.n_bytes(), move |cx, then| {
            cx.desk.ask_servers_here(event, Reach::All, timeout, then);
        })
    }
}

impl Handlers {
    /// An event from another server, which may want an answer.
    pub(crate) fn server_side(&mut self, now: Time, args: &Args<'_>, asker: Option<Asker>) {
        let name = args.name();
        let handler = self.server_side.0.get(name.as_ref()).cloned();
        let (mut asker, mut reply) = (asker, None);
        if let Some(handler) = handler {
            let wanted = asker;
            self.run_here(now, &name, |cx| {
                cx.asker = wanted;
                handler(cx, *args);
                (asker, reply) = (cx.asker.take(), cx.reply.take());
            });
        }
        if let Some(asker) = asker {
            self.desk.note(Input::AnswerServer(asker, reply));
        }
    }
}

fn servers((told, n_silent): Gathered) -> Replies<ServerAnswer> {
    let Told::Servers(told) = told else { unreachable!("servers were asked") };
    let n_asked = told.len();
    let answer = |(shard, answer): (ShardId, Option<RawArgs>)| {
        let (array, attachments) = answer?;
        Some(ServerAnswer { shard, args: Args::of_ack(&array, &attachments).to_owned() })
    };
    let all: Vec<ServerAnswer> = told.into_iter().filter_map(answer).collect();
    let n_silent = n_silent + n_asked - all.len();
    replies(all, n_silent)
}

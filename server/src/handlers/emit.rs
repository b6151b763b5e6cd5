//! An event on its way out: whom it goes to is told first, and then it is emitted.
//! From which thread that may happen depends on where it was begun: see the `impl`s below.

use parlor_core::{
    delivery::Delivery,
    input::{Input, Scope, Target},
    volatile_by_key, volatile_by_name,
};
use parlor_shared::socket_io::{Draft, EncodeError, EventArgs};

use super::{
    AsyncContext, Context, EmitError, Emitter, Rooms, ShardContext, desk::Env, names::Recovery,
};
use crate::mailbox::Parcel;

/// Whom an event goes to, being told.
#[derive(Debug)]
#[must_use = "nothing is sent before `emit`"]
pub struct Emit<S> {
    pub(super) from: S,
    /// `None`: there is none of the name that was given.
    pub(super) scope: Option<Scope>,
    pub(super) target: Target,
    /// `Some(None)`: under the event's name.
    volatile: Option<Option<u64>>,
}

impl<S> Emit<S> {
    pub(super) fn new(from: S, scope: Option<Scope>, target: Target) -> Self {
        Self { from, scope, target, volatile: None }
    }

    /// To these instead.
    pub(super) fn aimed_at(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// To the sockets in these rooms, beside those in rooms that were named before. Who is in
    /// several gets it once. Of a list without rooms, that is nobody.
    pub fn to(mut self, rooms: impl Rooms) -> Self {
        let named = &mut self.target.rooms;
        named.retain(|room| room != NOBODY);
        rooms.each(|room| named.push(room.into()));
        if named.is_empty() {
            named.push(NOBODY.into());
        }
        self
    }

    /// The same as [`Self::to`].
    pub fn in_(self, rooms: impl Rooms) -> Self {
        self.to(rooms)
    }

    /// But to none that is in one of these rooms.
    pub fn except(mut self, rooms: impl Rooms) -> Self {
        rooms.each(|room| self.target.except.push(room.into()));
        self
    }

    /// A client that cannot take it at once gets only the newest of this event. It is about events
    /// that want no answer: `ask` is never volatile, because whoever asks waits for all.
    pub fn volatile(mut self) -> Self {
        self.volatile = Some(None);
        self
    }

    /// Like [`Self::volatile`], but the newest under `key`, of whatever event of this namespace.
    /// Of `limits.max_volatile_keys` keys and events the newest waits for a client; with one more,
    /// the one that has waited longest is dropped.
    pub fn volatile_key(mut self, key: u64) -> Self {
        self.volatile = Some(Some(key));
        self
    }

    /// The event as the world takes it, encoded once for all who get it.
    fn encode(
        self,
        env: &Env,
        event: &str,
        args: impl EventArgs,
    ) -> Result<Input<'static>, EncodeError> {
        let scope = self.scope.expect("the caller has looked");
        let mut draft = Draft::event(event)?;
        args.write(&mut draft)?;
        let mut delivery = match self.volatile {
            None => Delivery::Reliable,
            Some(None) => volatile_by_name(&scope, event),
            Some(Some(key)) => volatile_by_key(&scope, key),
        };
        let recovery = env.names.recovery(&scope);
        if recovery != Recovery::Off && delivery == Delivery::Reliable {
            delivery = Delivery::Recoverable(env.next_offset());
        }
        if recovery == Recovery::OfSome || env.names.parent(&scope).is_some() {
            // Each child's clients know it by its own name, and some can be had back. What cannot
            // be written is told here.
            draft.check()?;
            return Ok(Input::EmitEach(scope, self.target, draft, delivery));
        }
        if recovery == Recovery::On {
            delivery.mark(&mut draft);
        }
        let frame = draft.into_event(env.names.text(&scope), None)?;
        Ok(Input::Emit(scope, self.target, frame, delivery))
    }
}

/// A room that nobody is in. An empty list of rooms would mean everybody.
const NOBODY: &str = "\0nobody";

/// A mistake of the program, which ends the socket whose handler made it.
pub(super) const FITS: &str = "the event's name is not reserved, its arguments have a JSON form, \
                    and at most 10 attachments";

impl Emit<&mut Context<'_>> {
    /// Only to sockets of this shard: the thread that runs the handler.
    pub fn local(mut self) -> Self {
        self.target.local = true;
        self
    }

    /// Sends it. The packet is encoded once for all who get it.
    ///
    /// # Panics
    /// If an argument has no JSON form, there are more than 10 binary attachments, or the event's
    /// name is reserved: mistakes of the program, which end the socket whose handler made them.
    /// The same if one call of a handler wants more than 65,536 things.
    pub fn emit(self, event: &str, args: impl EventArgs) {
        let (from, emit) = self.split();
        let input = emit.encode(&from.desk.env, event, args).expect(FITS);
        from.desk.wish(input);
    }
}

impl Emit<&mut ShardContext<'_>> {
    /// Only to sockets of this shard: the thread that runs the function.
    pub fn local(mut self) -> Self {
        self.target.local = true;
        self
    }

    /// Sends it. The packet is encoded once for all who get it.
    ///
    /// # Panics
    /// As for a [`Context`].
    pub fn emit(self, event: &str, args: impl EventArgs) {
        let (from, emit) = self.split();
        let input = emit.encode(&from.desk.env, event, args).expect(FITS);
        from.desk.wish(input);
    }
}

impl Emit<&AsyncContext> {
    /// Only to sockets of the shard whose socket the context is of.
    pub fn local(mut self) -> Self {
        self.target.local = true;
        self
    }

    /// Sends it. The packet is encoded once for all who get it. Waits while the shard has more to
    /// do than it may.
    ///
    /// # Panics
    /// As for a [`Context`].
    pub async fn emit(self, event: &str, args: impl EventArgs) {
        let (from, emit) = self.split();
        let input = emit.encode(from.env(), event, args).expect(FITS);
        from.wish(input).await;
    }
}

impl Emit<&Emitter> {
    /// Sends it. The packet is encoded once for all who get it.
    ///
    /// # Errors
    /// If it cannot be sent, now or ever; it is not sent later.
    pub fn emit(self, event: &str, args: impl EventArgs) -> Result<(), EmitError> {
        let (from, emit) = self.split();
        let env = from.env()?;
        if emit.scope.is_none() {
            return Err(EmitError::UnknownNamespace);
        }
        let input = emit.encode(env, event, args)?;
        env.offer(Parcel::Wish(input)).inspect_err(|error| {
            if matches!(error, EmitError::Overloaded) {
                env.metrics.emits_refused.inc();
            }
        })
    }
}

impl<S> Emit<S> {
    /// Where it comes from, and the rest.
    fn split(self) -> (S, Emit<()>) {
        let Self { from, scope, target, volatile } = self;
        (from, Emit { from: (), scope, target, volatile })
    }
}

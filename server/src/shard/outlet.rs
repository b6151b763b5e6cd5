//! Carries a world's effects out while it is still at work: frames to sessions, events to handlers.
//! What sessions say to that is seen to by the shard when the world is done.

use parlor_core::{
    World,
    effect::{Effect, Effects},
    engine_io::{SessionEffect, SessionInput, Transport},
    input::Input,
    key::{SessionKey, Table},
    time::Time,
};

use super::Slot;
use crate::{
    chance,
    handlers::{Handlers, Handshake, Sessions},
    metrics::Metrics,
};

/// Carries a world's effects out as they come.
pub(super) struct Outlet<'s> {
    pub(super) now: Time,
    pub(super) sessions: &'s mut Table<SessionKey, Slot>,
    pub(super) handlers: &'s mut Handlers,
    pub(super) dirty: &'s mut Vec<SessionKey>,
    pub(super) full: &'s mut Vec<SessionKey>,
    pub(super) metrics: &'s Metrics,
    /// What sessions said meanwhile; it is seen to when the world is done.
    pub(super) aftermath: Vec<(SessionKey, SessionEffect)>,
}

impl Outlet<'_> {
    fn tell(&mut self, key: SessionKey, input: SessionInput<'_>) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        let mut effects = Vec::new();
        slot.session.handle(self.now, input, &mut effects);
        slot.mark(key, self.dirty);
        if slot.session.wants_flush() {
            self.full.push(key);
        }
        self.aftermath.extend(effects.into_iter().map(|effect| (key, effect)));
    }
}

impl Effects for Outlet<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send(key, frame, delivery) => {
                self.metrics.frames_sent.inc();
                self.tell(key, SessionInput::Send(frame, delivery));
            }
            Effect::Show(key, view, deltas) => self.tell(key, SessionInput::Show { view, deltas }),
            Effect::Hide(key, view) => self.tell(key, SessionInput::Hide { view }),
            Effect::Rebase(key, view) => self.tell(key, SessionInput::Rebase { view }),
            Effect::Ticked(late, n_skipped) => self.metrics.ticked(late, n_skipped),
            Effect::Close(key, reason) => self.tell(key, SessionInput::Close(reason)),
            Effect::Connecting { socket, id, session, namespace, auth } => {
                let sessions = View(self.sessions);
                self.handlers.connecting(&sessions, socket, id, session, namespace, auth);
            }
            Effect::Connected(socket, _) => {
                self.handlers.connected(&View(self.sessions), socket);
            }
            Effect::Event { socket, namespace, args, ack } => {
                self.handlers.event(&View(self.sessions), socket, namespace, args, ack);
            }
            Effect::Acked(token, answer) => {
                self.handlers.acked(&View(self.sessions), token, answer);
            }
            Effect::Disconnected(socket, namespace, reason) => {
                self.handlers.disconnected(&View(self.sessions), socket, namespace, reason);
            }
        }
    }
}

/// What handlers may know of sessions.
struct View<'s>(&'s Table<SessionKey, Slot>);

impl Sessions for View<'_> {
    fn transport(&self, session: SessionKey) -> Option<Transport> {
        self.0.get(session).map(|slot| slot.session.transport())
    }

    fn handshake(&self, session: SessionKey) -> Option<&Handshake> {
        self.0.get(session).map(|slot| &slot.handshake)
    }

    fn queued_bytes(&self, session: SessionKey) -> usize {
        self.0.get(session).map_or(0, |slot| slot.session.queued_bytes())
    }
}

pub(super) fn refill(world: &mut World, now: Time) {
    if world.wants_ids() {
        let ids = Input::Ids(chance::ids());
        world.handle(now, ids, &mut NoEffects);
    }
}

struct NoEffects;

impl Effects for NoEffects {
    fn push(&mut self, effect: Effect<'_>) {
        unreachable!("a refill has no effect, but {effect:?}");
    }
}

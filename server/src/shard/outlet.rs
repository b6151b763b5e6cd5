//! Carries a world's effects out while it is still at work: frames to sessions, events to handlers.
//! What sessions say to that is seen to by the shard when the world is done.

use std::sync::Arc;

use parlor_core::{
    World,
    close::CloseReason,
    effect::{Effect, Effects},
    engine_io::{SessionEffect, SessionInput, Transport},
    input::Input,
    key::{SessionKey, Table},
    time::Time,
};

use super::{Slot, Tally};
use crate::{
    chance,
    cluster::Links,
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
    pub(super) tally: &'s mut Tally,
    pub(super) links: &'s mut Links,
    /// What sessions said meanwhile; it is seen to when the world is done.
    pub(super) aftermath: Vec<(SessionKey, SessionEffect)>,
}

impl Outlet<'_> {
    fn tell(&mut self, key: SessionKey, input: SessionInput<'_>) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        let mut effects = Vec::new();
        slot.handle(self.now, input, &mut effects, self.tally);
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
            Effect::Send(to, frame, delivery) => {
                self.tally.frames_sent += to.len() as u64;
                for key in to {
                    self.tell(*key, SessionInput::Send(frame.clone(), delivery));
                }
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
            Effect::Event { socket, args, ack, .. } => {
                let heard = self.handlers.event(&View(self.sessions), socket, args, ack);
                if let Err(session) = heard {
                    self.tell(session, SessionInput::Close(CloseReason::PolicyViolation));
                }
            }
            Effect::Acked(token, answer) => {
                self.handlers.acked(&View(self.sessions), token, answer);
            }
            Effect::Tell(to, message) => self.links.push(to, message),
            Effect::Gathered(token, answer) => {
                self.handlers.gathered(&View(self.sessions), token, answer);
            }
            Effect::Disconnected(socket, _, reason) => {
                self.handlers.disconnected(&View(self.sessions), socket, reason);
            }
            Effect::Abandoned(socket) => self.handlers.abandoned(socket),
        }
    }
}

/// What handlers may know of sessions.
pub(super) struct View<'s>(pub(super) &'s Table<SessionKey, Slot>);

impl Sessions for View<'_> {
    fn transport(&self, session: SessionKey) -> Option<Transport> {
        self.0.get(session).map(|slot| slot.session.transport())
    }

    fn handshake(&self, session: SessionKey) -> Option<&Arc<Handshake>> {
        self.0.get(session).map(|slot| &slot.seldom.handshake)
    }

    fn queued_bytes(&self, session: SessionKey) -> usize {
        self.0.get(session).map_or(0, |slot| slot.session.queued_bytes())
    }

    fn is_blocked(&self, session: SessionKey) -> bool {
        self.0.get(session).is_none_or(|slot| slot.session.is_blocked())
    }

    fn n_replaced(&self, session: SessionKey) -> u64 {
        self.0.get(session).map_or(0, |slot| slot.session.n_replaced())
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

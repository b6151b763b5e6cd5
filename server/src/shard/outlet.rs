//! Hands inputs to the world and carries its effects out while it is still at work: frames to
//! sessions, events to handlers. What sessions say to that is seen to when the world is done.

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

use super::{App, Shard, Slot, Tally};
use crate::{
    chance,
    cluster::Links,
    handlers::{Handlers, Handshake, Sessions, Unlisted},
    limits::Budget,
    metrics::{Metrics, Ticks},
    ticket_trace::TicketTrace,
};

impl Shard {
    /// Hands one input to the world, and then what its handlers want, until all is still.
    pub(super) fn input(&mut self, input: Input<'_>) {
        let mut aftermath = Vec::new();
        self.hand_in(input, &mut aftermath);
        self.settle_after(aftermath);
    }

    /// Hands to the world what handlers want, until all is still.
    pub(super) fn settle(&mut self) {
        self.settle_after(Vec::new());
    }

    fn settle_after(&mut self, mut aftermath: Aftermath) {
        loop {
            for (key, effect) in aftermath.drain(..) {
                self.carry_out(key, effect);
                self.arm(key);
            }
            self.flush_full();
            let App::SocketIo { handlers, .. } = &mut self.app else { return };
            let Some(wish) = handlers.next_wish() else { return };
            self.hand_in(wish, &mut aftermath);
        }
    }

    fn hand_in(&mut self, input: Input<'_>, aftermath: &mut Aftermath) {
        let App::SocketIo { world, handlers } = &mut self.app else { return };
        refill(world, self.time);
        let mut outlet = Outlet {
            now: self.time,
            sessions: &mut self.sessions,
            handlers,
            dirty: &mut self.dirty,
            full: &mut self.full,
            metrics: &self.settings.metrics,
            ticks: &self.ticks,
            tally: &mut self.tally,
            links: &mut self.links,
            trace: &mut self.settings.trace,
            aftermath,
        };
        world.handle(self.time, input, &mut outlet);
    }
}

/// What sessions said while the world was at work; it is seen to when the world is done.
type Aftermath = Vec<(SessionKey, SessionEffect)>;

/// Carries a world's effects out as they come.
struct Outlet<'s> {
    now: Time,
    sessions: &'s mut Table<SessionKey, Slot>,
    handlers: &'s mut Handlers,
    dirty: &'s mut Vec<SessionKey>,
    full: &'s mut Vec<SessionKey>,
    metrics: &'s Metrics,
    ticks: &'s Ticks,
    tally: &'s mut Tally,
    links: &'s mut Links,
    trace: &'s mut Option<TicketTrace>,
    aftermath: &'s mut Aftermath,
}

impl Outlet<'_> {
    /// From now on a session shares this with others of its account.
    fn share(&mut self, session: SessionKey, budget: Option<Arc<Budget>>) {
        if let (Some(_), Some(slot)) = (&budget, self.sessions.get_mut(session)) {
            slot.seldom.account_budget = budget;
        }
    }

    fn tell(&mut self, key: SessionKey, input: SessionInput<'_>) {
        let Some(slot) = self.sessions.get_mut(key) else { return };
        let mut effects = Vec::new();
        slot.handle(self.now, input, &mut effects, self.tally);
        slot.mark(key, self.dirty);
        if slot.session.wants_flush() {
            self.full.push(key);
        }
        // Nearly always it says nothing.
        if !effects.is_empty() {
            self.aftermath.extend(effects.into_iter().map(|effect| (key, effect)));
        }
    }
}

impl Effects for Outlet<'_> {
    fn push(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send(to, frame, delivery) => {
                self.tally.frames_sent += to.len() as u64;
                // One counts the frame's owners once less.
                let Some((last, others)) = to.split_last() else { return };
                for key in others {
                    self.tell(*key, SessionInput::Send(frame.clone(), delivery));
                }
                self.tell(*last, SessionInput::Send(frame, delivery));
            }
            Effect::Show(key, view, deltas) => self.tell(key, SessionInput::Show { view, deltas }),
            Effect::Hide(key, view) => self.tell(key, SessionInput::Hide { view }),
            Effect::Rebase(key, view) => self.tell(key, SessionInput::Rebase { view }),
            Effect::Ticked(late, n_skipped) => self.ticks.ticked(late, n_skipped),
            Effect::Linked(via, after) => self.metrics.signaling.direct(via, after),
            Effect::Recorded(record) => {
                if let Some(trace) = self.trace {
                    trace.put(record);
                }
            }
            Effect::Close(key, reason) => self.tell(key, SessionInput::Close(reason)),
            Effect::Connecting { socket, id, session, namespace, child, auth } => {
                let (sessions, wanted) = (View(self.sessions), (socket, id, session));
                let namespace = (namespace, child);
                let budget = self.handlers.connecting(&sessions, self.now, wanted, namespace, auth);
                self.share(session, budget);
            }
            Effect::Joined(session) => {
                let slot = self.sessions.get_mut(session);
                if let Some(pass) = slot.and_then(|slot| slot.seldom.pass.as_mut()) {
                    pass.pending = None;
                }
            }
            Effect::Unlisted { socket, id, session, name, auth } => {
                let wanted = Unlisted { socket, id, session, name, auth };
                let sessions = View(self.sessions);
                let budget = self.handlers.unlisted(self.now, &sessions, &wanted);
                self.share(session, budget);
            }
            Effect::Recovered { socket, id, pid } => {
                self.metrics.recovered.inc();
                self.handlers.recovered(socket, id, &pid);
            }
            Effect::Kept(socket, pid) => self.handlers.kept(socket, pid),
            Effect::Forgotten(pid) => self.handlers.forgotten(&pid),
            Effect::Connected(socket, ..) => {
                self.handlers.connected(&View(self.sessions), socket);
            }
            Effect::Event { socket, namespace, args, ack } => {
                let sessions = View(self.sessions);
                let heard =
                    self.handlers.event(&sessions, self.now, (socket, namespace), args, ack);
                if let Err(session) = heard {
                    self.tell(session, SessionInput::Close(CloseReason::PolicyViolation));
                }
            }
            Effect::Acked(token, answer) => {
                self.handlers.acked(&View(self.sessions), token, answer);
            }
            Effect::ServerSide(args, asker) => {
                self.handlers.server_side(self.now, &args, asker);
            }
            Effect::Tell(to, mut message) => {
                self.handlers.describe(&mut message);
                self.links.push(to, message);
            }
            Effect::Gathered(token, answer, n_silent) => {
                let gathered = (answer, n_silent);
                self.handlers.gathered(self.now, &View(self.sessions), token, gathered);
            }
            Effect::Disconnecting(socket, reason, rooms) => {
                self.handlers.disconnecting(&View(self.sessions), socket, reason, rooms);
            }
            Effect::Room(socket, room, change) => {
                self.handlers.room(&View(self.sessions), socket, room, change);
            }
            Effect::Sending(to, frame) => self.handlers.sending(&View(self.sessions), to, frame),
            Effect::Disconnected(socket, _, reason) => {
                self.handlers.disconnected(&View(self.sessions), socket, reason);
            }
            Effect::Abandoned(socket) => self.handlers.abandoned(socket),
        }
    }

    fn has_queued(&self, session: SessionKey) -> bool {
        self.sessions.get(session).is_some_and(|slot| slot.session.queued_packets() > 0)
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

    fn queued_packets(&self, session: SessionKey) -> usize {
        self.0.get(session).map_or(0, |slot| slot.session.queued_packets())
    }

    fn is_blocked(&self, session: SessionKey) -> bool {
        self.0.get(session).is_none_or(|slot| slot.session.is_blocked())
    }

    fn n_replaced(&self, session: SessionKey) -> u64 {
        self.0.get(session).map_or(0, |slot| slot.session.n_replaced())
    }
}

fn refill(world: &mut World, now: Time) {
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

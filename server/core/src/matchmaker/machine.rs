//! The matchmaker of one shard: its sockets in `/matchmaking`, and, on the first shard of all, the
//! desk where every ticket is.

use parlor_shared::api::Refusal;

use super::{
    callers::Callers,
    desk::Desk,
    effect::{Effects, MatchEffect, answer},
    figures::QueueFigures,
    message::MatchMessage,
    request::Request,
    settings::MatchmakerSettings,
};
use crate::{
    assignment::Assigned,
    cluster::Neighbours,
    ids::Ids,
    key::{Address, ShardId, SocketKey},
    time::Time,
    who::Who,
};

/// Everything that can happen to it.
#[derive(Debug)]
pub enum MatchInput {
    /// A socket has joined `/matchmaking`.
    Arrived(SocketKey, Who),
    /// It asks something; the answer goes to this ack id, if it wants one.
    Asked(SocketKey, Result<Request, Refusal>, Option<u64>),
    /// It is gone.
    Gone(SocketKey),
    /// A lobby of any shard says something of the seats that are kept in it.
    Assigned(Assigned),
    /// Another shard says something.
    Told(ShardId, MatchMessage),
    /// A deadline may have passed.
    Timeout,
}

/// The machine.
#[derive(Debug)]
pub struct Matchmaker {
    neighbours: Neighbours,
    callers: Callers,
    /// On the shard that has it.
    desk: Option<Box<Desk>>,
}

impl Matchmaker {
    /// Nobody waits.
    pub fn new(settings: MatchmakerSettings, neighbours: Neighbours) -> Self {
        let is_here = neighbours.all.first() == Some(&neighbours.own);
        let desk = is_here.then(|| Box::new(Desk::new(settings, neighbours.all.clone())));
        Self { neighbours, callers: Callers::default(), desk }
    }

    /// True if no socket is in `/matchmaking`, and nobody waits.
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty() && self.desk.as_ref().is_none_or(|desk| desk.is_empty())
    }

    /// When [`MatchInput::Timeout`] is due.
    pub fn deadline(&self) -> Option<Time> {
        self.desk.as_ref()?.deadline()
    }

    /// How it stands with each queue, by name; none on shards that have no desk.
    pub fn figures(&self) -> Vec<(&str, QueueFigures)> {
        self.desk.as_ref().map(|desk| desk.figures()).unwrap_or_default()
    }

    /// Takes in one thing that happened.
    pub fn handle(&mut self, now: Time, input: MatchInput, ids: &mut Ids, effects: &mut Effects) {
        match input {
            MatchInput::Arrived(socket, who) => self.callers.arrived(now, socket, who),
            MatchInput::Asked(socket, request, ack) => {
                self.asked(now, socket, request, ack, ids, effects);
            }
            MatchInput::Gone(socket) => {
                if self.callers.gone(socket) {
                    self.tell_desk(now, MatchMessage::Gone(socket), ids, effects);
                }
            }
            MatchInput::Assigned(assigned) => {
                let mut wishes = Vec::new();
                if let Some(desk) = &mut self.desk {
                    desk.assigned(now, assigned, &mut wishes);
                }
                self.carry_out(now, wishes, ids, effects);
            }
            MatchInput::Told(from, message) => self.told(now, from, message, ids, effects),
            MatchInput::Timeout => {
                let mut wishes = Vec::new();
                if let Some(desk) = &mut self.desk {
                    desk.timeout(now, &mut wishes);
                }
                self.carry_out(now, wishes, ids, effects);
            }
        }
    }

    /// A socket of this shard asks something.
    fn asked(
        &mut self,
        now: Time,
        socket: SocketKey,
        request: Result<Request, Refusal>,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Effects,
    ) {
        let asked = request.and_then(|request| {
            let who = self.callers.ask(now, socket, &request)?;
            Ok((who, request))
        });
        match asked {
            Ok((who, request)) => {
                let ask = MatchMessage::Ask(socket, who, Box::new(request), ack);
                self.tell_desk(now, ask, ids, effects);
            }
            Err(refusal) => {
                let to = Address { shard: self.neighbours.own, socket };
                answer::<()>(to, ack, Err(refusal), effects);
            }
        }
    }

    fn tell_desk(
        &mut self,
        now: Time,
        message: MatchMessage,
        ids: &mut Ids,
        effects: &mut Effects,
    ) {
        let desk = self.neighbours.all[0];
        self.tell(now, desk, message, ids, effects);
    }

    fn tell(
        &mut self,
        now: Time,
        to: ShardId,
        message: MatchMessage,
        ids: &mut Ids,
        effects: &mut Effects,
    ) {
        if to == self.neighbours.own {
            self.told(now, to, message, ids, effects);
        } else {
            effects.push(MatchEffect::Tell(to, message));
        }
    }

    /// A shard, perhaps this one, says something.
    fn told(
        &mut self,
        now: Time,
        from: ShardId,
        message: MatchMessage,
        ids: &mut Ids,
        effects: &mut Effects,
    ) {
        let own = self.neighbours.own;
        let mut wishes = Vec::new();
        match (message, &mut self.desk) {
            (MatchMessage::Push(socket, frame, delivery), _) => {
                effects.push(MatchEffect::Push(Address { shard: own, socket }, frame, delivery));
            }
            (MatchMessage::Ask(socket, who, request, ack), Some(desk)) => {
                let socket = Address { shard: from, socket };
                desk.ask(now, (socket, who), *request, ack, ids, &mut wishes);
            }
            (MatchMessage::Gone(socket), Some(desk)) => {
                desk.gone(now, Address { shard: from, socket }, &mut wishes);
            }
            // Meant for a desk, and there is none: shards disagree about their order.
            (_, None) => {}
        }
        self.carry_out(now, wishes, ids, effects);
    }

    /// What the desk says to sockets and shards, this one perhaps among them.
    fn carry_out(&mut self, now: Time, wishes: Effects, ids: &mut Ids, effects: &mut Effects) {
        for wish in wishes {
            match wish {
                MatchEffect::Push(to, frame, delivery) if to.shard != self.neighbours.own => {
                    let push = MatchMessage::Push(to.socket, frame, delivery);
                    effects.push(MatchEffect::Tell(to.shard, push));
                }
                MatchEffect::Tell(to, message) => self.tell(now, to, message, ids, effects),
                wish => effects.push(wish),
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Sockets of this shard that seek a seat: where they are told to go, and what becomes of it.
//! Who is sent where is `quick`'s part, on the shard that puts them in line.

use super::*;

/// How long a socket waits in line.
const QUICK_TIMEOUT: Duration = Duration::from_secs(15);

impl Seeking {
    /// What is told to the shard that put it in line.
    pub(super) fn settled(&self, socket: SocketKey, number: u64, is_done: bool) -> VisitorEffect {
        let game = self.quick.create.game.as_str().into();
        let settled = QuickMessage::Settled(game, socket, number, is_done);
        VisitorEffect::Tell(self.line, LobbyMessage::Quick(settled))
    }
}

impl Visitors {
    /// A socket seeks a seat: it is on its way to be put in line.
    pub(super) fn seek(
        &mut self,
        now: Time,
        socket: SocketKey,
        line: ShardId,
        quick: Box<api::Quick>,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        let game = Some(quick.create.game.clone());
        let filter = api::Filter { game, ..quick.filter.clone() };
        let wish = Wish { filter, capacity: quick.create.capacity };
        visitor.seeking = Some(Box::new(Seeking { quick, line, stage: Stage::Waiting }));
        self.moves.set(socket, Some(now + QUICK_TIMEOUT));
        let seek = QuickMessage::Seek(socket, self.n_asked, Box::new(wish));
        effects.push(VisitorEffect::Tell(line, LobbyMessage::Quick(seek)));
    }

    /// The line says where a socket goes: into this lobby, or (`None`) into its own.
    pub(in crate::lobby) fn sent(
        &mut self,
        now: Time,
        line: ShardId,
        (socket, number): (SocketKey, u64),
        lobby: Option<&str>,
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        let (who, blocked) = (visitor.who.clone(), visitor.blocked.clone());
        let Some((moving, seeking)) = in_line(visitor, line, number) else { return };
        let (shard, request) = match lobby {
            Some(id) => {
                seeking.stage = Stage::Joining;
                let join = seeking.quick.join(id);
                (shard_of_join(&self.neighbours, &join), Request::Join(join))
            }
            None => {
                seeking.stage = Stage::Opening;
                (None, Request::Create(Box::new(seeking.quick.create.clone())))
            }
        };
        moving.to = shard.unwrap_or(self.neighbours.own);
        let (to, ack) = (moving.to, moving.ack);
        self.moves.set(socket, Some(now + MOVE_TIMEOUT));
        let ask = Ask { socket, who, number, request, ack, is_elsewhere: false, blocked };
        effects.push(VisitorEffect::Tell(to, LobbyMessage::Ask(ask)));
    }

    /// The line takes nobody in any more.
    pub(in crate::lobby) fn turned_away(
        &mut self,
        line: ShardId,
        (socket, number): (SocketKey, u64),
        effects: &mut Vec<VisitorEffect>,
    ) {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return };
        let Some((moving, _)) = in_line(visitor, line, number) else { return };
        let ack = moving.ack;
        (visitor.standing, visitor.seeking) = (Standing::Outside, None);
        self.moves.set(socket, None);
        self.released = Some(socket);
        let refusal = Refusal::new(code::LIMIT, "too many seek a seat; try again in a moment");
        effects.extend(refuse(socket, ack, refusal));
    }

    #[cfg(test)]
    pub(in crate::lobby) fn is_joining(&self, socket: SocketKey) -> bool {
        let seeking = self.visitors.get(&socket).and_then(|visitor| visitor.seeking.as_ref());
        seeking.is_some_and(|seeking| seeking.stage == Stage::Joining)
    }

    /// A socket that did not get into somebody's lobby goes back to the line; true if it does.
    pub(super) fn seeks_on(&mut self, socket: SocketKey, effects: &mut Vec<VisitorEffect>) -> bool {
        let Some(visitor) = self.visitors.get_mut(&socket) else { return false };
        let Standing::Moving(moving) = &mut visitor.standing else { return false };
        let Some(seeking) = visitor.seeking.as_deref_mut() else { return false };
        if seeking.stage != Stage::Joining {
            return false;
        }
        (moving.to, seeking.stage) = (seeking.line, Stage::Waiting);
        effects.push(seeking.settled(socket, moving.number, false));
        true
    }
}

/// If a socket waits in that line under this number. Who does not any more has said so.
fn in_line(visitor: &mut Visitor, line: ShardId, number: u64) -> Option<(&mut Move, &mut Seeking)> {
    let Standing::Moving(moving) = &mut visitor.standing else { return None };
    let seeking = visitor.seeking.as_deref_mut()?;
    let is_it = (moving.number, seeking.line, seeking.stage) == (number, line, Stage::Waiting);
    is_it.then_some((moving, seeking))
}

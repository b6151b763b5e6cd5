//! Whom players have blocked: what is asked about it reaches the player's home, and what follows
//! from it those who see it.

use super::*;
use crate::lobby::{
    blocks::{BlockMessage, BlockWish},
    online::Told,
};

impl Lobbies {
    /// A socket asks something about its player's list.
    pub(super) fn ask_of_blocks(
        &mut self,
        now: Now,
        socket: SocketKey,
        request: Request,
        ack: Option<u64>,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let who = self.visitors.may_watch(now.time, socket);
        let player = match who.and_then(|who| account_of(&who)) {
            Ok(player) => player,
            Err(refusal) => {
                return answer(self.own(socket), ack, Err::<Done, _>(refusal), effects);
            }
        };
        let wish = match request {
            Request::Block(api::Block::Player(whom)) => BlockWish::Block(whom.into(), None),
            Request::Unblock(which) => BlockWish::Unblock(which),
            Request::Blocks => BlockWish::List,
            // Who sits there is known where the lobby is.
            request => {
                let mut asked = Vec::new();
                self.visitors.asked(now.time, socket, request, ack, &mut asked);
                return self.carry(now, asked, ids, effects);
            }
        };
        let socket = self.own(socket);
        self.wishes.push(BlockMessage { player, socket, ack, wish });
    }

    /// A member wants to block another: what the home is to be told.
    pub(super) fn wish_to_block(
        &mut self,
        (who, person): (Address, &Who),
        block: &api::Block,
        ack: Option<u64>,
    ) -> Result<(), Refusal> {
        if self.attended(who).is_some() {
            return Err(Refusal::new(code::FORBIDDEN, "the audience cannot do this"));
        }
        let (key, at) = self.lobby_of(who)?;
        let lobby = self.lobbies.get(key).expect("just found");
        let (whom, name) = lobby.meant(at, block)?;
        let (player, wish) = (account_of(person)?, BlockWish::Block(whom, Some(name)));
        self.wishes.push(BlockMessage { player, socket: who, ack, wish });
        Ok(())
    }

    /// Tells homes what is wished for.
    pub(super) fn tell_wishes(&mut self, now: Now, ids: &mut Ids, effects: &mut Vec<LobbyEffect>) {
        for message in std::mem::take(&mut self.wishes) {
            let home = self.neighbours.of_word(message.player.as_bytes());
            self.tell(now, home, LobbyMessage::Block(message), ids, effects);
        }
    }

    /// A player whose home this is wants something done about the list.
    pub(super) fn blocks_told(
        &mut self,
        now: Now,
        message: BlockMessage,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let BlockMessage { player, socket, ack, wish } = message;
        let mut changed = Vec::new();
        let frame = match wish {
            BlockWish::Block(whom, name) => {
                let blocked = self.blocks.block(&player, whom, name);
                let blocked = blocked.map(|(blocked, forgotten)| {
                    changed = forgotten;
                    changed.push(player);
                    blocked
                });
                answer_frame(ack, blocked)
            }
            BlockWish::Unblock(which) => {
                self.blocks.unblock(&player, &which);
                changed.push(player);
                answer_frame(ack, Ok(Done {}))
            }
            BlockWish::List => answer_frame(ack, Ok(self.blocks.list(&player))),
        };
        effects.extend(frame.map(|f| LobbyEffect::Push(socket, f, Delivery::Reliable)));
        let mut told = Told::new();
        for player in &changed {
            self.online.tell(player, &self.blocks, &mut told);
            let set = self.blocks.set(player);
            for shard in self.online.shards(player) {
                let message = LobbyMessage::BlockSet(Arc::clone(player), set.clone());
                self.tell(now, shard, message, ids, effects);
            }
        }
        self.spread(now, (Sends::new(), told), ids, effects);
    }
}

/// The account that a list is kept for.
fn account_of(who: &Who) -> Result<Arc<str>, Refusal> {
    let sentence = "who blocks others needs an account, or a guest's token: connect with the \
                    `token` of one in `auth`, or with `guest: true`";
    who.player.clone().ok_or_else(|| Refusal::new(code::FORBIDDEN, sentence))
}

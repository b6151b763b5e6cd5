//! Those who seek a seat, here and on other shards: what is said about them reaches who decides.

use super::*;

impl Lobbies {
    /// A shard, perhaps this one, says something about those who seek a seat.
    pub(super) fn quick_told(
        &mut self,
        now: Now,
        from: ShardId,
        message: QuickMessage,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let at = now.time;
        let address = |socket| Address { shard: from, socket };
        let (mut told, mut asked) = (Told::new(), Vec::new());
        match message {
            QuickMessage::Seek(socket, number, wish) => {
                self.quick.seek(at, address(socket), number, wish, &mut told);
            }
            QuickMessage::Probe(number, filter) => {
                let prospects = self.board.prospects(&filter, &self.lobbies);
                let game = filter.game.unwrap_or_default().into();
                told.push((from, QuickMessage::Found(game, number, prospects)));
            }
            QuickMessage::Found(game, number, prospects) => {
                let n_seats = self.n_seats(&game);
                self.quick.found(at, from, (&game, number), prospects, n_seats, &mut told);
            }
            QuickMessage::Settled(game, socket, number, is_done) => {
                self.quick.settled(at, address(socket), (&game, number), is_done, &mut told);
            }
            QuickMessage::Go(socket, number, lobby) => {
                self.visitors.sent(at, from, (socket, number), lobby.as_deref(), &mut asked);
            }
            QuickMessage::Full(socket, number) => {
                self.visitors.turned_away(from, (socket, number), &mut asked);
            }
        }
        self.spread(now, (Sends::new(), told), ids, effects);
        self.carry(now, asked, ids, effects);
    }

    pub(super) fn quick_timeout(
        &mut self,
        now: Now,
        ids: &mut Ids,
        effects: &mut Vec<LobbyEffect>,
    ) {
        let mut told = Told::new();
        let games = &self.settings.games;
        let go = self.quick.timeout(now.time, |game| n_seats(games, game), &mut told);
        self.spread(now, (Sends::new(), told), ids, effects);
        if let Some(message) = go {
            self.quick_told(now, self.neighbours.own, message, ids, effects);
        }
    }

    fn n_seats(&self, game: &str) -> u8 {
        n_seats(&self.settings.games, game)
    }
}

/// How many seats a lobby of this game has; of one that there is not, each may hear that alone.
fn n_seats(games: &Games, game: &str) -> u8 {
    games.kind(game).map_or(1, |kind| *kind.seats().end())
}

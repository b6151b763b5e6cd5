//! A match of chess: whose turn it is, what each side may do, and how it ended.
//! Which moves there are is `position`'s and `notation`'s, when it ends by itself `end`'s, and
//! what an offer is `draw`'s.

use cozy_chess::Color;
use parlor_core::{
    lobby::game::{Outcome, Reject, Seat, Viewer},
    time::Time,
};
use parlor_shared::api::{
    self,
    chess::{Action, Event, Side, View, code, reason},
};

use super::{
    bot,
    clock::{Clock, Moment},
    draw::{Made, Offer},
    end::{self, End},
    fen,
    history::History,
    material,
    moves::Moves,
    notation,
    position::Position,
    san, uci,
};

/// Everything there is to know about a match of chess; a clone costs two short copies.
#[derive(Debug, Clone)]
pub struct State {
    white: Seat,
    black: Seat,
    position: Position,
    history: History,
    moves: Moves,
    /// Nothing stands here once the match is over.
    offer: Offer,
    end: Option<End>,
    /// Most matches have none.
    clock: Option<Box<Clock>>,
}

impl State {
    pub(super) fn new(position: Position, white: Seat, black: Seat, clock: Option<Clock>) -> Self {
        let history = History::new(&position);
        let end = end::automatic(&position, &history);
        let (moves, offer) = (Moves::default(), Offer::default());
        let clock = clock.map(Box::new);
        Self { white, black, position, history, moves, offer, end, clock }
    }

    /// A seat does something, and this is what everybody is told.
    ///
    /// # Errors
    /// Why it may not; the state is unchanged.
    pub(super) fn act(
        &mut self,
        seat: Seat,
        action: &Action,
        now: Moment,
    ) -> Result<Option<Event>, Reject> {
        let side = self.playing(seat)?;
        match action {
            Action::Move { text } => self.make_move(side, text, now).map(Some),
            Action::Resign => Ok(self.finish(End::won(!side, reason::RESIGNATION), now.time)),
            Action::OfferDraw => self.offer_draw(seat, side, now.time),
            Action::AcceptDraw => {
                self.offer.accept(side)?;
                Ok(self.finish(End::drawn(reason::AGREEMENT), now.time))
            }
            Action::DeclineDraw => {
                self.offer.decline(side)?;
                Ok(Some(Event::DrawDeclined { seat: seat.0 }))
            }
            Action::ClaimDraw => self.claim_draw(side, now.time),
        }
    }

    /// A seat will not be played any more: the other one wins, unless the match is over.
    pub(super) fn abandon(&mut self, seat: Seat, now: Time) {
        if let Ok(side) = self.playing(seat) {
            self.win_if_possible(!side, reason::ABANDONMENT, now);
        }
    }

    /// `by` claims the match, because these players have been away for too long.
    ///
    /// # Errors
    /// The other side is not among them.
    pub(super) fn claim(&mut self, by: Seat, overdue: &[Seat], now: Time) -> Result<(), Reject> {
        let side = self.playing(by)?;
        if !overdue.contains(&self.seat_of(!side)) {
            return Err(Reject::new(api::code::FORBIDDEN, "the other side is not overdue"));
        }
        self.win_if_possible(side, reason::ABANDONMENT, now);
        Ok(())
    }

    /// When [`Self::time_up`] is due, if the match has a clock and is on.
    pub(super) fn due(&self) -> Option<Time> {
        self.clock.as_ref()?.due(self.position.turn())
    }

    /// The time of the side to move is up.
    pub(super) fn time_up(&mut self, now: Time) {
        let turn = self.position.turn();
        match &self.clock {
            Some(clock) if self.end.is_none() && clock.has_started() => {
                self.win_if_possible(!turn, reason::TIME, now);
            }
            Some(_) if self.end.is_none() => {
                self.finish(End::drawn(reason::NO_START), now);
            }
            _ => {}
        }
    }

    /// What a bot in this seat does.
    pub(super) fn bot(&self, seat: Seat, lot: impl FnOnce(u32) -> u32) -> Option<Action> {
        let side = self.playing(seat).ok()?;
        if self.offer.by() == Some(!side) {
            return Some(Action::DeclineDraw);
        }
        if side != self.position.turn() {
            return None;
        }
        let mv = bot::choose(&self.position, lot)?;
        Some(Action::Move { text: uci::write(&self.position, mv) })
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        let End { winner, reason } = self.end?;
        if reason == reason::NO_START {
            return Some(Outcome::void(reason));
        }
        let winners = winner.map(|side| self.seat_of(side)).into_iter().collect();
        Some(Outcome::new(winners, reason))
    }

    pub(super) fn view(&self, viewer: Viewer) -> View {
        let on = self.end.is_none();
        let turn = self.position.turn();
        let to_move = on && viewer == Viewer::Seat(self.seat_of(turn));
        View {
            fen: fen::write(&self.position),
            turn: word(turn),
            white: self.white.0,
            black: self.black.0,
            moves: self.moves.san(),
            last: self.moves.last(),
            check: self.position.check(),
            draw_offer: self.offer.by().map(|side| self.seat_of(side).0),
            can_claim_draw: on && end::claimable(&self.position, &self.history).is_some(),
            legal: if to_move { self.legal() } else { Vec::new() },
            clock: self.clock.as_deref().map(Clock::view),
        }
    }

    fn make_move(&mut self, side: Color, text: &str, now: Moment) -> Result<Event, Reject> {
        if side != self.position.turn() {
            return Err(Reject::new(code::TURN, "it is the other side's turn"));
        }
        let mv = notation::read(&self.position, text)?;
        let san = san::write(&self.position, mv);
        let in_uci = self.position.in_uci(mv);
        self.position.play(mv);
        self.history.push(&self.position);
        self.moves.push(&san, in_uci);
        self.offer.lapse_by_move_of(side);
        if let Some(clock) = &mut self.clock {
            clock.moved(side, self.moves.ply(), now);
        }
        if let Some(end) = end::automatic(&self.position, &self.history) {
            self.finish(end, now.time);
        }
        let (uci, ply) = (in_uci.to_string(), self.moves.ply());
        Ok(Event::Moved { side: word(side), san, uci, ply })
    }

    fn offer_draw(&mut self, seat: Seat, side: Color, now: Time) -> Result<Option<Event>, Reject> {
        match self.offer.make(side)? {
            Made::Stands => Ok(Some(Event::DrawOffered { seat: seat.0 })),
            Made::Agreed => Ok(self.finish(End::drawn(reason::AGREEMENT), now)),
        }
    }

    fn claim_draw(&mut self, side: Color, now: Time) -> Result<Option<Event>, Reject> {
        let refused = |message: &str| Err(Reject::new(code::DRAW_OFFER, message));
        if side != self.position.turn() {
            return refused("only the side to move may claim a draw");
        }
        match end::claimable(&self.position, &self.history) {
            Some(reason) => Ok(self.finish(End::drawn(reason), now)),
            None => refused("neither threefold repetition nor fifty moves can be claimed here"),
        }
    }

    /// Ends the match. There is no event for it: the lobby tells everybody the outcome.
    fn finish(&mut self, end: End, now: Time) -> Option<Event> {
        self.end = Some(end);
        self.offer = Offer::default();
        let turn = self.position.turn();
        if let Some(clock) = &mut self.clock {
            clock.stop(turn, now);
        }
        None
    }

    /// Ends the match for `winner`, or as a draw if that side could not have mated.
    fn win_if_possible(&mut self, winner: Color, reason: &'static str, now: Time) {
        let end = match material::can_mate(self.position.board(), winner) {
            true => End::won(winner, reason),
            false => End::drawn(reason::INSUFFICIENT_MATERIAL),
        };
        self.finish(end, now);
    }

    /// The side of a seat that may do something.
    fn playing(&self, seat: Seat) -> Result<Color, Reject> {
        if self.end.is_some() {
            return Err(Reject::new(api::code::MATCH_OVER, "the match has ended"));
        }
        self.side_of(seat).ok_or_else(|| {
            Reject::new(api::code::NOT_IN_MATCH, "this seat does not play in the match")
        })
    }

    fn legal(&self) -> Vec<String> {
        let legal = self.position.legal();
        legal.into_iter().map(|mv| uci::write(&self.position, mv)).collect()
    }

    fn side_of(&self, seat: Seat) -> Option<Color> {
        match seat {
            _ if seat == self.white => Some(Color::White),
            _ if seat == self.black => Some(Color::Black),
            _ => None,
        }
    }

    fn seat_of(&self, side: Color) -> Seat {
        match side {
            Color::White => self.white,
            Color::Black => self.black,
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let clock = self.clock.as_deref().map_or(0, size_of_val);
        size_of::<Self>() + clock + self.history.heap_bytes() + self.moves.heap_bytes()
    }
}

fn word(side: Color) -> Side {
    match side {
        Color::White => Side::White,
        Color::Black => Side::Black,
    }
}

#[cfg(test)]
mod tests {
    use parlor_core::lobby::game::SeatChange;
    use parlor_shared::api::chess::Config;

    use super::*;
    use crate::chess::table::{GUEST, HOST, Table};

    fn moved(text: &str) -> Action {
        Action::Move { text: text.to_owned() }
    }

    #[test]
    fn a_move_is_told_in_san_and_uci_with_its_number() {
        let mut table = Table::at("4k3/8/8/8/8/8/8/4K2R w K - 0 1");
        let event = |side, san: &str, uci: &str, ply| {
            [Event::Moved { side, san: san.to_owned(), uci: uci.to_owned(), ply }]
        };
        assert_eq!(table.act(HOST, moved("e1h1")), Ok(event(Side::White, "O-O", "e1g1", 1).into()));
        assert_eq!(table.act(GUEST, moved("Ke7")), Ok(event(Side::Black, "Ke7", "e8e7", 2).into()));
        assert_eq!(
            table.act(HOST, moved("f1f7")),
            Ok(event(Side::White, "Rf7+", "f1f7", 3).into())
        );
    }

    #[test]
    fn a_view_holds_the_position_and_all_moves() {
        let mut table = Table::new();
        let start = table.spectator();
        assert_eq!((start.last, start.moves.len()), (None, 0));
        table.play("e4 e5 Bc4 Nc6 Bxf7+");
        let view = table.spectator();
        assert_eq!(view.fen, "r1bqkbnr/pppp1Bpp/2n5/4p3/4P3/8/PPPP1PPP/RNBQK1NR b KQkq - 0 3");
        assert_eq!(view.turn, Side::Black);
        assert_eq!((view.white, view.black), (HOST.0, GUEST.0));
        assert_eq!(view.moves, ["e4", "e5", "Bc4", "Nc6", "Bxf7+"]);
        assert_eq!(view.last.as_deref(), Some("c4f7"));
        assert!(view.check && !view.can_claim_draw);
        assert_eq!(view.draw_offer, None);
    }

    #[test]
    fn only_the_seat_to_move_is_told_its_legal_moves_and_nobody_after_the_end() {
        let mut table = Table::new();
        for ply in ["f3", "e5", "g4", "Qh4#"] {
            let (to_move, other) =
                if table.spectator().turn == Side::White { (HOST, GUEST) } else { (GUEST, HOST) };
            assert!(!table.view(to_move).legal.is_empty());
            assert!(table.view(other).legal.is_empty());
            assert!(table.spectator().legal.is_empty());
            table.play(ply);
        }
        assert!(table.view(HOST).legal.is_empty() && table.view(GUEST).legal.is_empty());
        let mut table = Table::new();
        table.act(GUEST, Action::Resign).unwrap();
        assert!(table.view(HOST).legal.is_empty());
    }

    #[test]
    fn legal_moves_are_in_uci_and_each_of_them_is_accepted() {
        let table = Table::at("r3k2r/P7/8/8/8/8/8/R3K2R w KQkq - 0 1");
        let legal = table.view(HOST).legal;
        assert!(["e1g1", "e1c1"].iter().all(|castling| legal.iter().any(|mv| mv == castling)));
        assert!(!legal.iter().any(|mv| mv == "e1h1" || mv == "e1a1"));
        for mv in legal {
            table.clone().play(&mv);
        }
    }

    #[test]
    fn a_match_may_begin_with_black_to_move_and_counts_its_own_half_moves() {
        let mut table = Table::at("4k3/4p3/8/8/8/8/4P3/4K3 b - - 7 31");
        assert_eq!(table.view(GUEST).legal.len(), 6);
        assert_eq!(table.refused(HOST, moved("e4")), "E_TURN");
        let events = table.act(GUEST, moved("e5")).unwrap();
        assert!(matches!(events[..], [Event::Moved { side: Side::Black, ply: 1, .. }]));
        assert_eq!(table.spectator().fen, "4k3/8/8/4p3/8/8/4P3/4K3 w - - 0 32");
    }

    #[test]
    fn a_move_of_the_wrong_side_is_refused_even_if_it_cannot_be_read() {
        let mut table = Table::new();
        for text in ["e5", "e4", "nonsense"] {
            assert_eq!(table.refused(GUEST, moved(text)), "E_TURN");
        }
        table.play("e4");
        assert_eq!(table.refused(HOST, moved("d4")), "E_TURN");
    }

    #[test]
    fn an_illegal_move_is_refused_and_changes_nothing() {
        let mut table = Table::new();
        for text in ["e5", "e2e5", "Nd2", "O-O", "nonsense", "", "e7e5"] {
            assert_eq!(table.refused(HOST, moved(text)), "E_ILLEGAL_MOVE");
        }
        assert_eq!(table.spectator(), Table::new().spectator());
    }

    #[test]
    fn either_side_may_resign_at_any_time_and_the_other_one_wins() {
        for (resigns, wins) in [(HOST, GUEST), (GUEST, HOST)] {
            for moves in ["", "e4"] {
                let mut table = Table::new();
                table.play(moves);
                assert_eq!(table.act(resigns, Action::Resign), Ok(vec![]));
                assert_eq!(table.ended(), (vec![wins], "resignation"));
            }
        }
    }

    #[test]
    fn who_leaves_loses_and_who_only_drops_does_not() {
        let mut table = Table::new();
        table.change(HOST, SeatChange::Dropped);
        table.change(HOST, SeatChange::Returned);
        table.change(GUEST, SeatChange::Dropped);
        assert_eq!(table.outcome(), None);
        table.change(GUEST, SeatChange::Left);
        assert_eq!(table.ended(), (vec![HOST], "abandonment"));
    }

    #[test]
    fn who_could_not_have_mated_draws_when_the_other_side_is_gone() {
        let fen = "4k3/8/8/8/8/8/Q7/4K3 w - - 0 1";
        let mut table = Table::at(fen);
        table.change(HOST, SeatChange::Left);
        assert_eq!(table.ended(), (vec![], "insufficient_material"));
        let mut table = Table::at(fen);
        table.change(GUEST, SeatChange::Left);
        assert_eq!(table.ended(), (vec![HOST], "abandonment"));
    }

    #[test]
    fn the_match_is_claimed_against_who_is_overdue_and_drawn_by_who_could_not_have_mated() {
        let mut table = Table::new();
        table.play("e4");
        assert_eq!(table.claim(HOST, &[HOST]), Err("E_FORBIDDEN"));
        assert_eq!(table.claim(Seat(0), &[GUEST]), Err("E_NOT_IN_MATCH"));
        assert_eq!(table.outcome(), None);
        assert_eq!(table.claim(HOST, &[Seat(0), GUEST]), Ok(()));
        assert_eq!(table.ended(), (vec![HOST], "abandonment"));
        assert_eq!(table.claim(HOST, &[GUEST]), Err("E_MATCH_OVER"));
        let mut table = Table::at("4k3/8/8/8/8/8/Q7/4K3 w - - 0 1");
        assert_eq!(table.claim(GUEST, &[HOST]), Ok(()));
        assert_eq!(table.ended(), (vec![], "insufficient_material"));
    }

    #[test]
    fn a_bot_moves_when_it_is_its_turn_and_declines_offers_whenever_they_come() {
        let mut table = Table::new();
        assert_eq!(table.bot(GUEST), None);
        let Some(Action::Move { text }) = table.bot(HOST) else { panic!("it is its turn") };
        table.act(HOST, Action::OfferDraw).unwrap();
        assert_eq!(table.bot(GUEST), Some(Action::DeclineDraw));
        table.act(GUEST, Action::DeclineDraw).unwrap();
        assert_eq!(table.bot(GUEST), None);
        table.act(HOST, moved(&text)).unwrap();
        assert!(matches!(table.bot(GUEST), Some(Action::Move { .. })));
        table.act(HOST, Action::Resign).unwrap();
        assert_eq!(table.bot(GUEST), None);
    }

    #[test]
    fn two_bots_play_to_an_end() {
        for seed in 0..20 {
            let mut table = Table::seated(&Config::default(), 1, seed);
            while table.outcome().is_none() {
                let action = [HOST, GUEST].iter().find_map(|seat| Some((*seat, table.bot(*seat)?)));
                let (seat, action) = action.expect("one of them has something to do");
                table.act(seat, action).unwrap();
            }
        }
    }

    #[test]
    fn if_both_leave_the_first_one_loses() {
        let mut table = Table::new();
        table.change(HOST, SeatChange::Left);
        table.change(GUEST, SeatChange::Left);
        assert_eq!(table.ended(), (vec![GUEST], "abandonment"));
    }

    #[test]
    fn leaving_after_the_end_changes_nothing() {
        let mut table = Table::new();
        table.act(HOST, Action::Resign).unwrap();
        table.change(GUEST, SeatChange::Left);
        assert_eq!(table.ended(), (vec![GUEST], "resignation"));
    }

    #[test]
    fn every_action_is_refused_after_the_end() {
        let mut ends = vec![Table::new(), Table::new(), Table::new()];
        ends[0].play("f3 e5 g4 Qh4#");
        ends[1].act(HOST, Action::Resign).unwrap();
        ends[2].change(HOST, SeatChange::Left);
        for table in &mut ends {
            for seat in [HOST, GUEST] {
                for action in [
                    moved("a3"),
                    Action::Resign,
                    Action::OfferDraw,
                    Action::AcceptDraw,
                    Action::DeclineDraw,
                    Action::ClaimDraw,
                ] {
                    assert_eq!(table.refused(seat, action), "E_MATCH_OVER");
                }
            }
        }
    }

    #[test]
    fn a_seat_that_does_not_play_may_do_nothing_and_leaves_unnoticed() {
        let mut table = Table::new();
        for action in [moved("e4"), Action::Resign, Action::OfferDraw] {
            assert_eq!(table.refused(Seat(0), action), "E_NOT_IN_MATCH");
        }
        table.change(Seat(0), SeatChange::Left);
        assert_eq!(table.outcome(), None);
        assert!(table.view(Seat(0)).legal.is_empty());
    }

    #[test]
    fn a_position_that_is_over_at_once_ends_the_match_before_it_begins() {
        let mut table = Table::at("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1");
        assert_eq!(table.ended(), (vec![], "stalemate"));
        assert_eq!(table.refused(GUEST, moved("Kg8")), "E_MATCH_OVER");
    }
}

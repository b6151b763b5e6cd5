//! The draw offer on the table. Draws that need no offer are in `end`.
//! Source: FIDE Laws of Chess, 9.1.

use cozy_chess::Color;
use parlor_core::lobby::game::Reject;
use parlor_shared::api::chess::code;

/// At most one offer stands:
///
/// ```text
///          make (a)                  make (b), accept (b)
/// none ───────────────► by side a ─────────────────────────► agreed: the match ends
///   ▲                       │
///   └───────────────────────┘
///     decline (b), a move of b
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offer(Option<Color>);

/// What an offer led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It stands.
    Stands,
    /// The other side's stood already, so both agree.
    Agreed,
}

impl Offer {
    /// Who made the offer that stands.
    pub(super) fn by(self) -> Option<Color> {
        self.0
    }

    /// `side` offers a draw.
    ///
    /// # Errors
    /// Its own offer stands already.
    pub(super) fn make(&mut self, side: Color) -> Result<Made, Reject> {
        match self.0 {
            Some(by) if by == side => Err(refused("your draw offer stands already")),
            Some(_) => Ok(Made::Agreed),
            None => {
                self.0 = Some(side);
                Ok(Made::Stands)
            }
        }
    }

    /// `side` accepts the other side's offer.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn accept(self, side: Color) -> Result<(), Reject> {
        if self.0 == Some(!side) {
            Ok(())
        } else {
            Err(refused("there is no draw offer to accept"))
        }
    }

    /// `side` declines the other side's offer.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn decline(&mut self, side: Color) -> Result<(), Reject> {
        if self.0 != Some(!side) {
            return Err(refused("there is no draw offer to decline"));
        }
        self.0 = None;
        Ok(())
    }

    /// `side` moves, by which it declines the other side's offer; its own stands.
    pub(super) fn lapse_by_move_of(&mut self, side: Color) {
        self.0 = self.0.filter(|by| *by == side);
    }
}

fn refused(message: &str) -> Reject {
    Reject::new(code::DRAW_OFFER, message)
}

#[cfg(test)]
mod tests {
    use parlor_shared::api::chess::{Action, Event};

    use crate::chess::table::{GUEST, HOST, Table};

    fn offered() -> Table {
        let mut table = Table::new();
        table.play("e4");
        table.act(HOST, Action::OfferDraw).unwrap();
        table
    }

    #[test]
    fn an_offer_is_announced_and_stands_for_everybody_to_see() {
        let mut table = Table::new();
        table.play("e4");
        let events = table.act(HOST, Action::OfferDraw).unwrap();
        assert_eq!(events, [Event::DrawOffered { seat: HOST.0 }]);
        assert_eq!(table.spectator().draw_offer, Some(HOST.0));
        assert_eq!(table.outcome(), None);
    }

    #[test]
    fn either_side_may_offer_at_any_time() {
        for seat in [HOST, GUEST] {
            let mut table = Table::new();
            assert_eq!(table.act(seat, Action::OfferDraw).unwrap().len(), 1);
        }
    }

    #[test]
    fn accepting_ends_the_match_without_a_winner() {
        let mut table = offered();
        assert_eq!(table.act(GUEST, Action::AcceptDraw).unwrap(), []);
        assert_eq!(table.ended(), (vec![], "agreement"));
        assert_eq!(table.spectator().draw_offer, None);
    }

    #[test]
    fn offering_while_the_other_sides_offer_stands_accepts_it() {
        let mut table = offered();
        assert_eq!(table.act(GUEST, Action::OfferDraw).unwrap(), []);
        assert_eq!(table.ended(), (vec![], "agreement"));
    }

    #[test]
    fn declining_takes_the_offer_off_the_table() {
        let mut table = offered();
        let events = table.act(GUEST, Action::DeclineDraw).unwrap();
        assert_eq!(events, [Event::DrawDeclined { seat: GUEST.0 }]);
        assert_eq!(table.spectator().draw_offer, None);
        assert_eq!(table.refused(GUEST, Action::AcceptDraw), "E_DRAW_OFFER");
        assert_eq!(table.outcome(), None);
    }

    #[test]
    fn a_second_offer_is_refused_while_the_first_stands_and_not_after_it_was_declined() {
        let mut table = offered();
        assert_eq!(table.refused(HOST, Action::OfferDraw), "E_DRAW_OFFER");
        table.act(GUEST, Action::DeclineDraw).unwrap();
        table.act(HOST, Action::OfferDraw).unwrap();
    }

    #[test]
    fn nobody_answers_an_own_offer_or_one_that_was_not_made() {
        let mut table = offered();
        assert_eq!(table.refused(HOST, Action::AcceptDraw), "E_DRAW_OFFER");
        assert_eq!(table.refused(HOST, Action::DeclineDraw), "E_DRAW_OFFER");
        let mut table = Table::new();
        for seat in [HOST, GUEST] {
            assert_eq!(table.refused(seat, Action::AcceptDraw), "E_DRAW_OFFER");
            assert_eq!(table.refused(seat, Action::DeclineDraw), "E_DRAW_OFFER");
        }
    }

    #[test]
    fn an_offer_lapses_with_the_move_of_the_side_that_received_it() {
        let mut table = offered();
        table.play("e5");
        assert_eq!(table.spectator().draw_offer, None);
        assert_eq!(table.refused(GUEST, Action::AcceptDraw), "E_DRAW_OFFER");
    }

    #[test]
    fn an_offer_outlives_the_move_of_the_side_that_made_it_and_one_that_was_refused() {
        let mut table = Table::new();
        table.act(HOST, Action::OfferDraw).unwrap();
        table.play("e4");
        assert_eq!(table.spectator().draw_offer, Some(HOST.0));
        table.refused(GUEST, Action::Move { text: "e4".to_owned() });
        assert_eq!(table.spectator().draw_offer, Some(HOST.0));
        table.act(GUEST, Action::AcceptDraw).unwrap();
        assert_eq!(table.ended(), (vec![], "agreement"));
    }
}

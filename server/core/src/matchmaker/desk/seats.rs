//! Who of a match gets which seat: teams in the order of their seats, sides by wish where nobody
//! else has the same, and by lot otherwise.

use super::super::pool::TicketKey;

/// A seat of a match, and who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) seat: u8,
    /// Counted from 0, in the order of their seats.
    pub(super) team: u8,
    /// Of which ticket.
    pub(super) ticket: TicketKey,
    /// Which of its members.
    pub(super) place: usize,
}

/// Puts the teams in an order. Each wants a side, or any; who wants one that nobody before in
/// `teams` wants gets it. `lot` decides the rest.
pub(super) fn arrange<T>(teams: Vec<(T, Option<u8>)>, lot: u64) -> Vec<T> {
    let n = teams.len();
    let mut teams: Vec<Option<(T, Option<u8>)>> = teams.into_iter().map(Some).collect();
    let mut order: Vec<Option<usize>> = vec![None; n];
    // Those who wish go first, in an order that nobody chooses.
    let mut lot = Lot(lot);
    let mut drawn: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        drawn.swap(i, lot.below(i + 1));
    }
    let wish = |team: &Option<(T, Option<u8>)>| team.as_ref().and_then(|(_, side)| *side);
    for at in drawn.iter().copied() {
        let side = wish(&teams[at]).map(usize::from).filter(|side| *side < n);
        if let Some(side) = side.filter(|side| order[*side].is_none()) {
            order[side] = Some(at);
        }
    }
    let mut left = drawn.into_iter().filter(|at| !order.contains(&Some(*at))).collect::<Vec<_>>();
    for place in &mut order {
        if place.is_none() {
            *place = left.pop();
        }
    }
    let places = order.into_iter().flatten();
    places.filter_map(|at| teams[at].take().map(|(team, _)| team)).collect()
}

/// A sequence of numbers from a seed: splitmix64.
pub(super) struct Lot(pub(super) u64);

impl Lot {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wishes_alone_gets_the_side_and_the_rest_is_chance() {
        let mut firsts = 0;
        for lot in 0..1000 {
            assert_eq!(arrange(vec![('a', Some(1)), ('b', None)], lot), ['b', 'a']);
            assert_eq!(arrange(vec![('a', Some(1)), ('b', Some(0))], lot), ['b', 'a']);
            assert_eq!(arrange(vec![('a', Some(7)), ('b', Some(0))], lot), ['b', 'a']);
            firsts += usize::from(arrange(vec![('a', Some(0)), ('b', Some(0))], lot)[0] == 'a');
            firsts += usize::from(arrange(vec![('a', None), ('b', None)], lot)[0] == 'a');
            let mut four = arrange(vec![(0, None), (1, Some(3)), (2, None), (3, None)], lot);
            assert_eq!(four[3], 1);
            four.sort_unstable();
            assert_eq!(four, [0, 1, 2, 3], "nobody is lost");
        }
        assert!((900..1100).contains(&firsts), "{firsts} of 2000");
    }
}

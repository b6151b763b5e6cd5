//! Test only: two players who do anything at all, to the end of the match.

use parlor_core::lobby::game::Random;
use parlor_shared::api::chess::{Action, Event};

use super::{
    fen,
    table::{GUEST, HOST, Table},
};

/// What odd texts are made of: parts of moves, and what no move has.
const PARTS: [&str; 24] = [
    "a",
    "b",
    "e",
    "h",
    "1",
    "4",
    "8",
    "9",
    "N",
    "B",
    "K",
    "Q",
    "x",
    "=",
    "+",
    "#",
    "O-O",
    "0",
    "-",
    "é",
    "♞",
    "\0",
    "\u{202e}",
    "\u{1f3f3}\u{fe0f}",
];

fn one_of<'a, T>(random: &mut Random, choices: &'a [T]) -> &'a T {
    &choices[random.below(u32::try_from(choices.len()).unwrap()) as usize]
}

fn odd_text(random: &mut Random) -> String {
    (0..random.below(9)).map(|_| *one_of(random, &PARTS)).collect()
}

/// Mostly a legal move, and sometimes anything else.
fn any_action(random: &mut Random, legal: &[String]) -> Action {
    match random.below(400) {
        0 => Action::Resign,
        1..20 => Action::OfferDraw,
        20 => Action::AcceptDraw,
        21..40 => Action::DeclineDraw,
        40..50 => Action::ClaimDraw,
        50..100 => Action::Move { text: odd_text(random) },
        _ => Action::Move { text: one_of(random, legal).clone() },
    }
}

fn play_out(seed: u64) {
    let mut random = Random::new(seed);
    let mut table = Table::new();
    let mut plies = 0;
    while table.outcome().is_none() {
        let seat = *one_of(&mut random, &[HOST, GUEST]);
        let action = any_action(&mut random, &table.legal());
        let events = table.act(seat, action).unwrap_or_default();
        plies += events.iter().filter(|event| matches!(event, Event::Moved { .. })).count();
        let view = table.spectator();
        assert_eq!(view.moves.len(), plies);
        assert_eq!(fen::write(&fen::read(&view.fen).unwrap()), view.fen);
    }
}

#[test]
fn random_players_come_to_an_end_and_every_position_on_the_way_can_be_read() {
    (0..60).for_each(play_out);
}

#[test]
fn a_match_of_up_to_300_half_moves_takes_less_than_4_kilobytes() {
    for seed in 0..20 {
        let (mut table, mut random) = (Table::new(), Random::new(seed));
        for _ in 0..300 {
            let legal = table.legal();
            if legal.is_empty() {
                break;
            }
            table.play(one_of(&mut random, &legal).as_str());
            assert!(table.bytes() < 4096, "{}", table.bytes());
        }
    }
}

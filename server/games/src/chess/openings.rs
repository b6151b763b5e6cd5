//! Test only: every opening that has a name, played as people write it and as programs do.
//! Source: github.com/lichess-org/chess-openings (CC0), in tests/data/chess-openings.

use std::fs;

use parlor_shared::api::chess::Event;

use super::table::Table;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/chess-openings/");

/// Name and moves of each line, without the numbers of the moves.
fn openings() -> Vec<(String, String)> {
    let mut openings = Vec::new();
    for volume in ["a.tsv", "b.tsv", "c.tsv", "d.tsv", "e.tsv"] {
        let text = fs::read_to_string(format!("{FOLDER}{volume}")).unwrap();
        for line in text.lines().skip(1) {
            let [_eco, name, pgn] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{volume}: {line}");
            };
            let is_move = |word: &&str| !word.ends_with('.');
            let moves: Vec<_> = pgn.split(' ').filter(is_move).collect();
            openings.push((name.to_owned(), moves.join(" ")));
        }
    }
    openings
}

/// What everybody was told of the moves, in SAN and in UCI.
fn told(events: Vec<Event>) -> (String, String) {
    let told = events.into_iter().map(|event| match event {
        Event::Moved { san, uci, .. } => (san, uci),
        Event::DrawOffered { .. } | Event::DrawDeclined { .. } => panic!("{event:?}"),
    });
    let (san, uci): (Vec<_>, Vec<_>) = told.unzip();
    (san.join(" "), uci.join(" "))
}

#[test]
fn every_named_opening_is_written_as_it_was_read_and_ends_alike_by_san_and_by_uci() {
    let openings = openings();
    assert_eq!(openings.len(), 3807);
    for (name, moves) in openings {
        let (mut by_san, mut by_uci) = (Table::new(), Table::new());
        let (san, uci) = told(by_san.play(&moves));
        assert_eq!(san, moves, "{name}");
        by_uci.play(&uci);
        assert_eq!(by_san.spectator(), by_uci.spectator(), "{name}");
    }
}

//! Standard algebraic notation: written as PGN wants it, read as people and programs type it.
//! Source: PGN standard (1994), section 8.2.3; what is read beyond it stands at [`read`].

use cozy_chess::{File, Move, Piece, Rank, Square};

use super::{notation::Misread, position::Position};

/// Writes a legal move, with `+` or `#` and as much of its origin as tells it from others.
pub(super) fn write(position: &Position, mv: Move) -> String {
    let mut text = if position.is_castling(mv) { castling(mv) } else { ordinary(position, mv) };
    let mut after = position.clone();
    after.play(mv);
    if after.check() {
        text.push(if after.can_move() { '+' } else { '#' });
    }
    text
}

/// The legal move that a text stands for. `+`, `#`, `!`, `?`, `x` and `=` may be missing or too
/// many, castling may be of zeros, and the origin may be given in full, as in `Ng1-f3`.
///
/// # Errors
/// [`Misread::Unreadable`] if the text is not of this form at all.
pub(super) fn read(position: &Position, text: &str) -> Result<Move, Misread> {
    let wanted = Wanted::parse(text).ok_or(Misread::Unreadable)?;
    let mut found = Err(Misread::Illegal);
    for mv in position.legal() {
        match wanted.fits(position, mv) {
            Fit::No => {}
            Fit::ButForPromotion => found = found.or(Err(Misread::NoPromotion)),
            Fit::Yes if found.is_ok() => return Err(Misread::Ambiguous),
            Fit::Yes => found = Ok(mv),
        }
    }
    found
}

fn castling(mv: Move) -> String {
    let short = mv.from < mv.to;
    if short { "O-O" } else { "O-O-O" }.to_owned()
}

fn ordinary(position: &Position, mv: Move) -> String {
    let piece = position.board().piece_on(mv.from).unwrap_or(Piece::Pawn);
    let capture = position.is_capture(mv);
    let mut text = String::with_capacity(8);
    if piece != Piece::Pawn {
        text.push(letter(piece));
        text.push_str(&origin(position, piece, mv));
    } else if capture {
        text.push(mv.from.file().into());
    }
    if capture {
        text.push('x');
    }
    text.push_str(&mv.to.to_string());
    if let Some(promotion) = mv.promotion {
        text.extend(['=', letter(promotion)]);
    }
    text
}

/// What tells the piece from others of its kind that can go there too: nothing, its file, its
/// rank or both, the first of these that does.
fn origin(position: &Position, piece: Piece, mv: Move) -> String {
    let board = position.board();
    let (mut rivals, mut on_file, mut on_rank) = (false, false, false);
    board.generate_moves_for(board.colored_pieces(position.turn(), piece), |moves| {
        if moves.from != mv.from && moves.to.has(mv.to) {
            rivals = true;
            on_file |= moves.from.file() == mv.from.file();
            on_rank |= moves.from.rank() == mv.from.rank();
        }
        false
    });
    match (rivals, on_file, on_rank) {
        (false, _, _) => String::new(),
        (true, false, _) => mv.from.file().to_string(),
        (true, true, false) => mv.from.rank().to_string(),
        (true, true, true) => mv.from.to_string(),
    }
}

fn letter(piece: Piece) -> char {
    char::from(piece).to_ascii_uppercase()
}

/// The piece of an upper-case letter.
fn piece(letter: char) -> Option<Piece> {
    letter.is_ascii_uppercase().then(|| letter.to_ascii_lowercase().try_into().ok())?
}

/// What a text in SAN says of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Castling {
        short: bool,
    },
    Ordinary {
        piece: Piece,
        file: Option<File>,
        rank: Option<Rank>,
        to: Square,
        promotion: Option<Piece>,
    },
}

/// Whether a move is what a text says.
enum Fit {
    No,
    /// The move promotes, and the text says nothing of it.
    ButForPromotion,
    Yes,
}

impl Wanted {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['+', '#', '!', '?']);
        match text {
            "O-O" | "0-0" => return Some(Self::Castling { short: true }),
            "O-O-O" | "0-0-0" => return Some(Self::Castling { short: false }),
            _ => {}
        }
        let (piece, text) = leading_piece(text);
        let (text, promotion) = trailing_promotion(text);
        let (origin, to) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let to: Square = to.parse().ok()?;
        let (file, rank) = parse_origin(origin.strip_suffix(['x', '-']).unwrap_or(origin))?;
        // A pawn that names no file stays on its own: e5 is never a capture.
        let file = file.or_else(|| (piece == Piece::Pawn).then(|| to.file()));
        Some(Self::Ordinary { piece, file, rank, to, promotion })
    }

    fn fits(&self, position: &Position, mv: Move) -> Fit {
        match *self {
            Self::Castling { short } if position.is_castling(mv) => {
                if short == (mv.from < mv.to) {
                    Fit::Yes
                } else {
                    Fit::No
                }
            }
            Self::Ordinary { piece, file, rank, to, promotion } if !position.is_castling(mv) => {
                let fits = to == mv.to
                    && position.board().piece_on(mv.from) == Some(piece)
                    && file.is_none_or(|file| file == mv.from.file())
                    && rank.is_none_or(|rank| rank == mv.from.rank());
                match (fits, promotion == mv.promotion, promotion) {
                    (true, true, _) => Fit::Yes,
                    (true, false, None) => Fit::ButForPromotion,
                    (true, false, Some(_)) | (false, _, _) => Fit::No,
                }
            }
            Self::Castling { .. } | Self::Ordinary { .. } => Fit::No,
        }
    }
}

/// The piece a text begins with, a pawn if it begins with none, and the rest of it.
fn leading_piece(text: &str) -> (Piece, &str) {
    let mut rest = text.chars();
    match rest.next().and_then(piece) {
        Some(named) if named != Piece::Pawn => (named, rest.as_str()),
        Some(_) | None => (Piece::Pawn, text),
    }
}

/// A text without the piece to promote to, and that piece.
fn trailing_promotion(text: &str) -> (&str, Option<Piece>) {
    let mut rest = text.chars();
    match rest.next_back().and_then(piece) {
        Some(named @ (Piece::Knight | Piece::Bishop | Piece::Rook | Piece::Queen)) => {
            let rest = rest.as_str();
            (rest.strip_suffix('=').unwrap_or(rest), Some(named))
        }
        Some(Piece::Pawn | Piece::King) | None => (text, None),
    }
}

/// File and rank of a text that has one, the other, both or neither.
fn parse_origin(text: &str) -> Option<(Option<File>, Option<Rank>)> {
    let mut letters = text.chars();
    let (first, second, end) = (letters.next(), letters.next(), letters.next());
    match (first, second, end) {
        (None, _, _) => Some((None, None)),
        (Some(either), None, _) => match File::try_from(either) {
            Ok(file) => Some((Some(file), None)),
            Err(_) => Some((None, Some(either.try_into().ok()?))),
        },
        (Some(file), Some(rank), None) => {
            Some((Some(file.try_into().ok()?), Some(rank.try_into().ok()?)))
        }
        (Some(_), Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chess::fen;

    const POSITIONS: [&str; 10] = [
        "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
        "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R b KQkq - 0 1",
        "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1",
        "r2q1rk1/pP1p2pp/Q4n2/bbp1p3/Np6/1B3NBn/pPPP1PPP/R3K2R b KQ - 0 1",
        "rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8",
        "n1n5/PPPk4/8/8/8/8/4Kppp/5N1N b - - 0 1",
        "rnbqkbnr/1pp1pppp/p7/3pP3/8/8/PPPP1PPP/RNBQKBNR w KQkq d6 0 3",
        "R6R/3Q4/1Q4Q1/4Q3/2Q4Q/Q4Q2/pp1Q4/kBNN1KB1 w - - 0 1", // 218 moves, the most there are
        "7k/8/8/1N3N2/8/1N3N2/8/K7 w - - 0 1",
    ];

    /// What `text` reads as in `fen`, in UCI.
    fn check(fen: &str, text: &str, expected: Result<&str, Misread>) {
        let position = fen::read(fen).unwrap();
        let found = read(&position, text).map(|mv| position.in_uci(mv).to_string());
        assert_eq!(found, expected.map(str::to_owned), "{text} in {fen}");
    }

    fn check_written(fen: &str, mv: &str, expected: &str) {
        let position = fen::read(fen).unwrap();
        assert_eq!(write(&position, mv.parse().unwrap()), expected, "{mv} in {fen}");
    }

    #[test]
    fn every_legal_move_reads_back_as_it_was_written() {
        for fen in POSITIONS {
            let position = fen::read(fen).unwrap();
            for mv in position.legal() {
                let text = write(&position, mv);
                assert!(text.len() <= 7, "{text}");
                assert_eq!(read(&position, &text), Ok(mv), "{text} in {fen}");
                let bare = text.trim_end_matches(['+', '#']).replace('=', "").replace('O', "0");
                assert_eq!(read(&position, &bare), Ok(mv), "{bare} in {fen}");
                assert_eq!(read(&position, &format!("{text}!?")), Ok(mv), "{text}!? in {fen}");
            }
        }
    }

    #[test]
    fn no_two_legal_moves_are_written_alike() {
        for fen in POSITIONS {
            let position = fen::read(fen).unwrap();
            let mut written: Vec<_> =
                position.legal().into_iter().map(|mv| write(&position, mv)).collect();
            let moves = written.len();
            written.sort();
            written.dedup();
            assert_eq!(written.len(), moves, "{fen}");
        }
    }

    #[test]
    fn the_origin_is_written_as_file_then_rank_then_both_and_only_if_needed() {
        let two_rooks_on_a_file = "4k3/8/8/R7/8/8/8/R3K3 w - - 0 1";
        check_written(two_rooks_on_a_file, "a1a3", "R1a3");
        check_written(two_rooks_on_a_file, "a5a3", "R5a3");
        check_written(two_rooks_on_a_file, "a5h5", "Rh5");
        check_written("4k3/8/8/8/8/8/4K3/R6R w - - 0 1", "a1d1", "Rad1");
        let four_knights = POSITIONS[9];
        check_written(four_knights, "b3d4", "Nb3d4");
        check_written(four_knights, "b3c1", "Nc1");
        // Two knights, neither on the other's file nor rank: the file is enough.
        check_written("4k3/8/8/8/1N6/8/8/K3N3 w - - 0 1", "b4d3", "Nbd3");
    }

    #[test]
    fn a_pinned_rival_does_not_count() {
        check_written("4k3/8/8/8/1b6/2N5/8/4K1N1 w - - 0 1", "g1e2", "Ne2");
    }

    #[test]
    fn check_mate_captures_and_promotions_are_marked() {
        check_written("6k1/5ppp/8/8/8/8/8/R3K3 w - - 0 1", "a1a8", "Ra8#");
        check_written("6k1/5pp1/8/8/8/8/8/R3K3 w - - 0 1", "a1a8", "Ra8+");
        check_written("1r2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7b8q", "axb8=Q+");
        check_written("4k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7a8n", "a8=N");
        check_written("4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 1", "e5d6", "exd6");
        check_written("5k2/8/8/8/8/8/8/4K2R w K - 0 1", "e1h1", "O-O+");
        check_written("5k2/8/8/8/8/6Q1/4R3/4K2R w K - 0 1", "e1h1", "O-O#");
        check_written("3k4/8/8/8/8/8/8/R3K3 w Q - 0 1", "e1a1", "O-O-O+");
    }

    #[test]
    fn marks_may_be_missing_or_too_many() {
        let mate = "6k1/5ppp/8/8/8/8/8/R3K3 w - - 0 1";
        for text in
            ["Ra8#", "Ra8", "Ra8+", "Ra8++", "Ra8#!!", "Ra8?!", "Rxa8", "Raa8", "Ra1a8", "Ra1-a8"]
        {
            check(mate, text, Ok("a1a8"));
        }
        check("1r2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "ab8Q", Ok("a7b8q"));
        check("1r2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "axb8=Q#", Ok("a7b8q"));
        check("1r2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7xb8=R", Ok("a7b8r"));
    }

    #[test]
    fn castling_may_be_of_zeros_and_is_not_a_move_to_the_rook() {
        let fen = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1";
        for text in ["O-O", "0-0", "O-O+", "0-0!"] {
            check(fen, text, Ok("e1g1"));
        }
        for text in ["O-O-O", "0-0-0"] {
            check(fen, text, Ok("e1c1"));
        }
        for text in ["Kh1", "Kg1", "Kxh1"] {
            check(fen, text, Err(Misread::Illegal));
        }
        for text in ["OO", "o-o", "O-0", "0-0-", "O-O-O-O"] {
            check(fen, text, Err(Misread::Unreadable));
        }
        check("4k3/8/8/8/8/8/8/4K3 w - - 0 1", "O-O", Err(Misread::Illegal));
    }

    #[test]
    fn a_pawn_that_names_no_file_does_not_capture() {
        let fen = "4k3/8/8/4p3/3P4/4P3/8/4K3 w - - 0 1";
        check(fen, "e4", Ok("e3e4"));
        check(fen, "e5", Err(Misread::Illegal));
        check(fen, "dxe5", Ok("d4e5"));
        check(fen, "de5", Ok("d4e5"));
        check(fen, "xe5", Err(Misread::Illegal));
    }

    #[test]
    fn a_small_b_is_a_pawn_and_a_great_one_a_bishop() {
        let fen = "4k3/8/8/2p5/1P6/B7/8/4K3 w - - 0 1";
        check(fen, "bxc5", Ok("b4c5"));
        check(fen, "Bxc5", Err(Misread::Illegal));
        check(fen, "Bb2", Ok("a3b2"));
        check(fen, "bb2", Err(Misread::Illegal));
    }

    #[test]
    fn a_text_that_fits_two_moves_is_ambiguous_until_it_says_more() {
        let fen = POSITIONS[9];
        for text in ["Nd4", "Nbd4", "N3d4"] {
            check(fen, text, Err(Misread::Ambiguous));
        }
        check(fen, "Nb3d4", Ok("b3d4"));
        check(fen, "Nc2d4", Err(Misread::Illegal));
    }

    #[test]
    fn a_promotion_is_named_where_there_is_one_and_only_there() {
        let fen = "8/P7/8/8/8/8/4P3/k3K3 w - - 0 1";
        check(fen, "a8", Err(Misread::NoPromotion));
        for text in ["a8=K", "a8=P", "a8=", "a8q", "a8=q"] {
            check(fen, text, Err(Misread::Unreadable));
        }
        for text in ["e4=Q", "Kd1=Q"] {
            check(fen, text, Err(Misread::Illegal));
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_unreadable() {
        let fen = POSITIONS[0];
        for text in ["", "N", "Nf", "f", "x", "N9", "Pe4", "Nx", "Ngf3x", "Ng1f3f", "Nf33", "♞f3"]
        {
            check(fen, text, Err(Misread::Unreadable));
        }
    }
}

//! FEN, read strictly and written with an en-passant square only where a pawn can capture.
//! Whether the position read is already decided is asked in `end`.
//! Source: PGN standard (1994), section 16.1; the en-passant rule is that of X-FEN.

use cozy_chess::{Board, Color, FenParseError, File, get_king_moves};

use super::position::Position;

/// Longer than any FEN: 71 bytes of pieces and 25 of all else.
const MAX_BYTES: usize = 128;

/// Reads a position of ordinary chess; fields may stand apart by any blanks, and a number of
/// empty squares may be given in parts.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Position, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("the fen is longer than 128 bytes");
    }
    let fields: Vec<_> = text.split_ascii_whitespace().collect();
    let [pieces, turn, castling, en_passant, clock, number] = fields[..] else {
        return Err("a fen has six fields");
    };
    // cozy-chess takes fewer ranks for empty ones.
    if pieces.split('/').count() != 8 {
        return Err("the pieces in the fen are not eight ranks");
    }
    // cozy-chess refuses a clock above 100, which is a claim and not an end.
    let clock = clock.parse().map_err(|_| "the half-move clock in the fen is not 0 to 255")?;
    let rest = format!("{pieces} {turn} {castling} {en_passant} 0 {number}");
    let board = Board::from_fen(&rest, false).map_err(sentence)?;
    legal(&board)?;
    Ok(Position::new(board, clock))
}

/// Writes a position.
pub(super) fn write(position: &Position) -> String {
    let board = position.board();
    let (clock, number) = (position.clock(), board.fullmove_number());
    // Of what cozy-chess writes, pieces, turn and castling are as wanted.
    let text = board.to_string();
    let head = text.rsplitn(4, ' ').last().unwrap_or_default();
    match position.en_passant() {
        Some(square) => format!("{head} {square} {clock} {number}"),
        None => format!("{head} - {clock} {number}"),
    }
}

/// What cozy-chess does not look at: kings side by side, and castling from where ordinary chess
/// has no king.
fn legal(board: &Board) -> Result<(), &'static str> {
    if get_king_moves(board.king(Color::White)).has(board.king(Color::Black)) {
        return Err("the kings in the fen stand side by side");
    }
    for color in Color::ALL {
        let rights = board.castle_rights(color);
        let may_castle = rights.short.is_some() || rights.long.is_some();
        if may_castle && board.king(color).file() != File::E {
            return Err("the fen allows castling with a king that is not on the e-file");
        }
    }
    Ok(())
}

fn sentence(error: FenParseError) -> &'static str {
    match error {
        FenParseError::InvalidBoard => "the pieces in the fen are no legal position",
        FenParseError::InvalidSideToMove => "the side to move in the fen is not w or b",
        FenParseError::InvalidCastlingRights => "the fen allows castling without king and rook",
        FenParseError::InvalidEnPassant => "no pawn has just passed the fen's en-passant square",
        FenParseError::InvalidHalfMoveClock => "the half-move clock in the fen is not a number",
        FenParseError::InvalidFullmoveNumber => "the move number in the fen is not 1 to 65535",
        FenParseError::MissingField | FenParseError::TooManyFields => "a fen has six fields",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(fen: &str) -> &'static str {
        read(fen).err().unwrap_or("accepted")
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        for fen in [
            "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
            "r3k2r/8/8/8/8/8/8/R3K2R b Kq - 12 65535",
            "rnbqkbnr/1pp1pppp/p7/3pP3/8/8/PPPP1PPP/RNBQKBNR w KQkq d6 0 3",
            "4k3/8/8/8/8/8/4P3/4K3 b - - 149 200",
        ] {
            assert_eq!(write(&read(fen).unwrap()), fen);
        }
    }

    #[test]
    fn an_en_passant_square_where_nothing_can_capture_is_not_written() {
        let read_and_written = |fen| write(&read(fen).unwrap());
        assert_eq!(
            read_and_written("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1"),
            "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
        );
        assert_eq!(
            read_and_written("8/8/8/8/k2pP2R/8/8/4K3 b - e3 0 1"),
            "8/8/8/8/k2pP2R/8/8/4K3 b - - 0 1",
        );
    }

    #[test]
    fn blanks_and_the_order_of_castling_rights_do_not_matter() {
        let position = read("  r3k2r/8/8/8/8/8/8/R3K2R\tw  qkQK - 0 1 ").unwrap();
        assert_eq!(write(&position), "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1");
    }

    #[test]
    fn a_fen_of_another_shape_is_refused() {
        for fen in ["", "chess", "8/8 w - -", "4k3/8/8/8/8/8/8/4K3 w - - 0 1 x"] {
            assert_eq!(refusal(fen), "a fen has six fields");
        }
        assert!(refusal("4k3/8/4K3 w - - 0 1").contains("eight ranks"));
        assert!(refusal("4k3/8/8/8/8/8/8/8/4K3 w - - 0 1").contains("eight ranks"));
        assert!(refusal("4k3/9/8/8/8/8/8/4K3 w - - 0 1").contains("pieces"));
        assert!(refusal("4k3/♟7/8/8/8/8/8/4K3 w - - 0 1").contains("pieces"));
        assert!(refusal("4k3/8/8/8/8/8/8/4K3 x - - 0 1").contains("w or b"));
        assert!(refusal("4k3/8/8/8/8/8/8/4K3 w - - 256 1").contains("half-move"));
        assert!(refusal("4k3/8/8/8/8/8/8/4K3 w - - -1 1").contains("half-move"));
        assert!(refusal("4k3/8/8/8/8/8/8/4K3 w - - 0 0").contains("move number"));
        assert!(refusal("4k3/8/8/8/8/8/8/4K3 w - - 0 65536").contains("move number"));
    }

    #[test]
    fn a_fen_of_the_greatest_length_is_read_and_one_past_it_refused() {
        let fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1";
        let padded = |length: usize| format!("{fen:<length$}");
        assert_ne!(refusal(&padded(MAX_BYTES)), "the fen is longer than 128 bytes");
        assert!(read(&padded(MAX_BYTES)).is_ok());
        assert_eq!(refusal(&padded(MAX_BYTES + 1)), "the fen is longer than 128 bytes");
    }

    #[test]
    fn a_position_that_no_game_can_have_is_refused() {
        for pieces in [
            "8/8/8/8/8/8/8/4K3",           // one king
            "4k3/4k3/8/8/8/8/8/4K3",       // three kings
            "4k2P/8/8/8/8/8/8/4K3",        // a pawn on the last rank
            "4k3/8/8/8/8/8/8/p3K3",        // and on the first
            "4k3/8/8/8/8/8/8/4K2R/8",      // nine ranks
            "4k3/8/8/8/4R3/8/8/4K3",       // black in check, white to move
            "4k3/pppppppp/p7/8/8/8/8/4K3", // nine pawns
            "8/8/8/3kK3/8/8/8/8",          // kings side by side
        ] {
            assert!(read(&format!("{pieces} w - - 0 1")).is_err(), "{pieces}");
        }
    }

    #[test]
    fn castling_rights_without_king_and_rook_in_place_are_refused() {
        assert!(refusal("4k3/8/8/8/8/8/8/4K3 w K - 0 1").contains("castling"));
        assert!(refusal("4k3/8/8/8/8/8/8/R3K3 w K - 0 1").contains("castling"));
        assert!(refusal("4k3/8/8/8/8/8/8/R3K3 w QQ - 0 1").contains("castling"));
        // The king between its rooks, but not on the e-file: only Chess960 castles here.
        assert!(refusal("4k3/8/8/8/8/8/8/RK5R w KQ - 0 1").contains("e-file"));
        assert!(refusal("4k3/8/8/8/8/8/8/R3K2R w HA - 0 1").contains("castling"));
    }

    #[test]
    fn an_en_passant_square_without_its_pawn_is_refused() {
        for square in ["e3", "e6", "d6", "z9", "e", "♟"] {
            let fen = format!("4k3/8/8/3P4/8/8/8/4K3 b - {square} 0 1");
            assert!(refusal(&fen).contains("en-passant"), "{fen}");
        }
    }
}

//! Tic-tac-toe: a game of one's own, whole, with its test. After `cargo run --example tictactoe`
//! any Socket.IO client plays it on `http://127.0.0.1:3000/lobby`.

use parlor_server::Server;
use parlor_server::game::{Cx, Game, Outcome, Reject, Seat, SeatChange, Viewer, Views};
use serde::{Deserialize, Serialize};

struct TicTacToe;

/// What everybody sees: whose mark is on each square, row by row, and whose turn it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Board {
    squares: [Option<u8>; 9],
    turn: u8,
    winner: Option<u8>,
}

#[derive(Deserialize)]
struct Mark {
    square: usize,
}

const LINES: [[usize; 3]; 8] =
    [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

impl Game for TicTacToe {
    type Config = ();
    type State = Board;
    type Action = Mark;
    type View = Board;
    type Event = ();
    const SEATS: std::ops::RangeInclusive<u8> = 2..=2;
    const VIEWS: Views = Views::Shared;

    fn setup((): &(), cx: &mut Cx<'_, Self>) -> Board {
        // In a rematch the other one begins.
        Board { squares: [None; 9], turn: (cx.number() - 1) as u8 % 2, winner: None }
    }

    fn apply(
        board: &mut Board,
        Seat(seat): Seat,
        Mark { square }: Mark,
        _: &mut Cx<'_, Self>,
    ) -> Result<(), Reject> {
        if seat != board.turn {
            return Err(Reject::new("E_TURN", "it is not your turn"));
        }
        match board.squares.get_mut(square) {
            Some(free @ None) => *free = Some(seat),
            _ => return Err(Reject::new("E_SQUARE", "take a free square, 0 to 8")),
        }
        let is_own = |line: &[usize; 3]| line.iter().all(|at| board.squares[*at] == Some(seat));
        board.winner = LINES.iter().any(is_own).then_some(seat);
        board.turn = 1 - seat;
        Ok(())
    }

    fn seat(board: &mut Board, Seat(seat): Seat, change: SeatChange, _: &mut Cx<'_, Self>) {
        if change == SeatChange::Left {
            board.winner = Some(1 - seat);
        }
    }

    fn view(board: &Board, _: Viewer) -> Board {
        board.clone()
    }

    fn outcome(board: &Board) -> Option<Outcome> {
        let is_full = board.squares.iter().all(Option::is_some);
        let won = board.winner.map(|seat| Outcome::new(vec![Seat(seat)], "won"));
        won.or_else(|| is_full.then(|| Outcome::new(vec![], "full")))
    }
}

fn main() -> std::io::Result<()> {
    let mut server = Server::default();
    server.game::<TicTacToe>("tictactoe");
    server.start("127.0.0.1:3000")?.wait()
}

#[test]
fn three_in_a_row_win_and_nobody_marks_twice() {
    let (mut random, seats) = (parlor_server::game::Random::new(1), [Seat(0), Seat(1)]);
    let mut cx = Cx::new(parlor_server::Time::ZERO, 1, &seats, &mut random);
    let mut board = TicTacToe::setup(&(), &mut cx);
    let mut mark = |seat, square| {
        let marked = TicTacToe::apply(&mut board, Seat(seat), Mark { square }, &mut cx);
        marked.map(|()| TicTacToe::outcome(&board)).map_err(|reject| reject.code)
    };
    assert_eq!(mark(1, 4), Err("E_TURN"));
    assert_eq!(mark(0, 4), Ok(None));
    assert_eq!(mark(1, 4), Err("E_SQUARE"));
    [(1, 0), (0, 2), (1, 3)].map(|(seat, square)| assert_eq!(mark(seat, square), Ok(None)));
    assert_eq!(mark(0, 6), Ok(Some(Outcome::new(vec![Seat(0)], "won"))));
}

//! What `parlor-player` prints. Names and moves come from the server, so control characters are
//! taken out before they reach a terminal.

use std::io::{self, Write};

use parlor_client_demo::{
    client::Address,
    player::{Finish, Scene},
};
use parlor_shared::api::{chess::Side, chess::reason};

/// Prints a game as it is played. Once nobody reads any more (`| head`), the game goes on unseen.
#[derive(Debug)]
pub(crate) struct Report<W = io::Stdout> {
    out: W,
    quiet: bool,
    /// White has moved, and the line waits for black.
    is_half_line: bool,
}

impl Report {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { out: io::stdout(), quiet, is_half_line: false }
    }
}

impl<W: Write> Report<W> {
    /// The code that an opponent needs; printed even if quiet.
    pub(crate) fn invitation(&mut self, server: &Address, code: &str) {
        let code = plain(code);
        let path = match server.path() {
            "/socket.io/" => String::new(),
            other => format!(" --path {other}"),
        };
        self.print(&format!(
            "Waiting for an opponent. Join with this code: {code}\n  \
             parlor-player --server {server}{path} --join {code}\n"
        ));
    }

    /// A lobby in which both players are of this process.
    pub(crate) fn meeting(&mut self, server: &Address, code: &str, seed: u64) {
        if !self.quiet {
            let code = plain(code);
            self.print(&format!("Two players meet in lobby {code} on {server} (seed {seed}).\n"));
        }
    }

    pub(crate) fn scene(&mut self, scene: Scene<'_>) {
        if self.quiet {
            return;
        }
        match scene {
            Scene::Began { white, black } => {
                self.print(&format!("{} (white) – {} (black)\n", plain(white), plain(black)));
            }
            Scene::Moved { side: Side::White, san, ply } => {
                self.print(&format!("{:>4}. {:<8}", ply.div_ceil(2), plain(san)));
                self.is_half_line = true;
            }
            Scene::Moved { side: Side::Black, san, ply } => {
                let number = ply.div_ceil(2);
                let begin =
                    if self.is_half_line { String::new() } else { format!("{number:>4}… ") };
                self.print(&format!("{begin}{}\n", plain(san)));
                self.is_half_line = false;
            }
        }
    }

    pub(crate) fn result(&mut self, finish: &Finish) {
        self.end_line();
        self.print(&format!("{}\n", sentence(finish)));
    }

    /// Ends a line that waits for black.
    pub(crate) fn end_line(&mut self) {
        if std::mem::take(&mut self.is_half_line) {
            self.print("\n");
        }
    }

    fn print(&mut self, text: &str) {
        // Whoever has stopped reading does not miss it.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

fn sentence(finish: &Finish) -> String {
    let (reason, n) = (plain(&finish.reason.replace('_', " ")), finish.n_plies);
    let moves = if n == 1 { "1 half-move".to_owned() } else { format!("{n} half-moves") };
    match &finish.winner {
        Some((name, side)) => {
            let side = match side {
                Some(Side::White) => " (white)",
                Some(Side::Black) => " (black)",
                None => "",
            };
            format!("{}{side} wins by {reason} after {moves}.", plain(name))
        }
        None if finish.reason == reason::STALEMATE => format!("Stalemate after {moves}: a draw."),
        None => format!("A draw by {reason} after {moves}."),
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(quiet: bool, tell: impl FnOnce(&mut Report<Vec<u8>>)) -> String {
        let mut report = Report { out: Vec::new(), quiet, is_half_line: false };
        tell(&mut report);
        String::from_utf8(report.out).unwrap()
    }

    fn scholars_mate(report: &mut Report<Vec<u8>>) {
        report.scene(Scene::Began { white: "Ada", black: "Gr\u{1b}[2Jace" });
        for (i, san) in ["e4", "e5", "Qh5", "Nc6", "Bc4", "Nf6", "Qxf7#"].into_iter().enumerate() {
            let side = if i % 2 == 0 { Side::White } else { Side::Black };
            report.scene(Scene::Moved { side, san, ply: i as u32 + 1 });
        }
        let winner = Some(("Ada".to_owned(), Some(Side::White)));
        report.result(&Finish { winner, reason: "checkmate".to_owned(), n_plies: 7 });
    }

    #[test]
    fn a_game_is_printed_two_half_moves_to_a_line() {
        assert_eq!(
            printed(false, scholars_mate),
            "Ada (white) – Gr[2Jace (black)\n   1. e4      e5\n   2. Qh5     Nc6\n   3. Bc4     \
             Nf6\n   4. Qxf7#   \nAda (white) wins by checkmate after 7 half-moves.\n"
        );
    }

    #[test]
    fn a_quiet_player_prints_the_result_and_what_an_opponent_needs() {
        let result = "Ada (white) wins by checkmate after 7 half-moves.\n";
        assert_eq!(printed(true, scholars_mate), result);
        let server: Address = "http://127.0.0.1:3000".parse().unwrap();
        assert!(printed(true, |report| report.invitation(&server, "BCDFG")).contains("BCDFG"));
        assert_eq!(printed(true, |report| report.meeting(&server, "BCDFG", 1)), "");
    }

    #[test]
    fn a_draw_names_its_reason() {
        let draw = |reason: &str| {
            sentence(&Finish { winner: None, reason: reason.to_owned(), n_plies: 1 })
        };
        assert_eq!(draw("fifty_moves"), "A draw by fifty moves after 1 half-move.");
        assert_eq!(draw("stalemate"), "Stalemate after 1 half-move: a draw.");
    }
}

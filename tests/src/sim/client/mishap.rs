//! What goes wrong: connections are lost on one side or both, clients fall silent, break the rules
//! now and then, or go for good.

use parlor_core::close::CloseReason;

use super::Line;
use crate::sim::{
    Sim,
    agenda::{Happening, Up},
    chance::Chance as _,
};

impl Sim {
    pub(super) fn mishap(&mut self, n: usize) {
        match self.random.below(10) {
            0..3 => {
                self.lose(n);
                self.redial(n);
            }
            3 | 4 => {
                self.half_open(n);
                self.redial(n);
            }
            5 => self.clients[n].mood.is_silent = true,
            6 => self.say(n, "1"),
            _ => self.misbehave(n),
        }
    }

    /// Some come back before anybody has noticed.
    fn redial(&mut self, n: usize) {
        if self.random.one_in(2) {
            self.dial(n);
        }
    }

    /// The connection breaks, and both sides notice.
    fn lose(&mut self, n: usize) {
        let later = self.now + self.latency();
        match &self.clients[n].line {
            Line::WebSocket(connection) => {
                let connection = *connection;
                let clean = self.random.one_in(2);
                self.up(connection, Up::Gone { clean });
            }
            Line::Polling(polling) if polling.has_get => {
                let epoch = self.clients[n].epoch;
                self.agenda.note(later, Happening::GetAborted { client: n, epoch });
            }
            _ => {}
        }
        self.lost(n);
    }

    /// The connection breaks, and the server hears nothing of it.
    fn half_open(&mut self, n: usize) {
        self.lost(n);
    }

    fn misbehave(&mut self, n: usize) {
        let websocket = match &self.clients[n].line {
            Line::WebSocket(connection) => Some(*connection),
            _ => None,
        };
        let Some(at) = self.clients[n].at else { return };
        self.trace.tell(self.now, || format!("client {n} misbehaves"));
        match (self.random.below(12), websocket) {
            (0, _) => self.say(n, "9?"),
            (1, _) => self.say(n, "2"),
            (2, Some(connection)) => self.up(connection, Up::Violation),
            (3, Some(connection)) => self.up(connection, Up::Malformed),
            (4, Some(connection)) => self.up(connection, Up::Close(Some(1000))),
            (5, Some(connection)) => {
                for _ in 0..self.random.pick(&[1, 50, 120]) {
                    self.up(connection, Up::Ping);
                }
            }
            (2, None) => {
                let later = self.now + self.latency();
                let epoch = self.clients[n].epoch;
                self.agenda.note(later, Happening::Post { client: n, epoch, body: None });
            }
            // Two GETs at once, and nobody there for the answers.
            (3, None) => {
                let later = self.now + self.latency();
                let epoch = self.clients[n].epoch;
                self.agenda.note(later, Happening::Get { client: n, epoch });
                self.lost(n);
            }
            (6, _) => self.say(n, "40/nowhere,"),
            (kind, _) => {
                // Against Socket.IO's rules: the world may end the session for it.
                self.oracle.allow(at, CloseReason::ForcedClose);
                self.say(
                    n,
                    match kind {
                        7 => "43999999999[]",
                        8 => r#"42/nowhere,["x"]"#,
                        9 => r#"451-/lobby,["x",{"_placeholder":true,"num":0}]"#,
                        10 => "44",
                        _ => "40/lobby,",
                    },
                );
            }
        }
    }

    /// The run is over: everybody goes, each in some way.
    pub(super) fn leave_for_good(&mut self, n: usize) {
        match (&self.clients[n].line, self.random.below(4)) {
            (Line::Off, _) => {}
            (Line::Opening, _) => self.clients[n].epoch += 1,
            (_, 0) => self.half_open(n),
            (_, 1) => {
                self.say(n, "1");
                self.clients[n].mood.is_silent = true;
            }
            (_, 2) => self.clients[n].mood.is_silent = true,
            _ => self.lose(n),
        }
    }
}

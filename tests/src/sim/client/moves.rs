//! What clients do in matches of games other than chess.

use parlor_core::lobby::game::Random;
use serde_json::{Value, json};

use crate::sim::{
    Sim,
    chance::Chance as _,
    oracle::{GameKind, Letter, Story},
};

impl Sim {
    /// Does something in the match that is on, mostly under a number.
    pub(super) fn play(&mut self, n: usize) {
        let Some(story) = &self.clients[n].player.story else { return };
        let action = match story.kind {
            GameKind::Chess => return,
            GameKind::Circles => steer(&mut self.random),
            GameKind::Relay => {
                self.n_said += 1;
                relay(&mut self.random, story, n, self.n_said)
            }
            GameKind::Secrets | GameKind::Ticking => secret(&mut self.random),
        };
        if action["type"] == "trap" {
            self.oracle.lobbies.wants_trap(story);
        }
        if self.random.one_in(3) {
            self.act_at_will(n, &action);
        } else {
            self.act_once(n, &action);
        }
    }
}

fn steer(random: &mut Random) -> Value {
    let part = |random: &mut Random| f64::from(random.below(21)) / 10.0 - 1.0;
    json!({ "type": "steer", "x": part(random), "y": part(random) })
}

/// Says something to some of those who are here, or does what a host may.
fn relay(random: &mut Random, story: &Story, client: usize, number: u64) -> Value {
    let seats: Vec<u8> = story.fold.seats.keys().copied().collect();
    let any = |random: &mut Random| random.pick(&seats);
    let to = match random.below(6) {
        _ if seats.is_empty() => json!("all"),
        0 | 1 => json!("all"),
        2 => json!("others"),
        3 => json!("host"),
        4 => json!(any(random)),
        _ => json!([any(random), any(random)]),
    };
    let to = serde_json::from_value(to).expect("recipients");
    let message = Letter { number, client, lobby: story.lobby.clone(), to };
    match random.below(40) {
        0 => json!({ "type": "finish" }),
        1..4 => json!({ "type": "publish", "state": number }),
        4..10 => {
            json!({ "type": "send", "to": message.to, "data": message, "volatile": true })
        }
        _ => json!({ "type": "send", "to": message.to, "data": message }),
    }
}

fn secret(random: &mut Random) -> Value {
    match random.below(24) {
        0 => json!({ "type": "end" }),
        1 | 2 => {
            let calls = ["apply", "view", "outcome", "wake", "tick", "seat"];
            json!({ "type": "trap", "call": random.pick(&calls) })
        }
        3..8 => json!({ "type": "shout" }),
        _ => json!({ "type": "whisper", "to": random.below(4) }),
    }
}

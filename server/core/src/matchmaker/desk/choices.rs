//! What players choose of a match's configuration: of the texts that all of them have said for a
//! rule one, by lot.

use serde_json::{Map, Value};

use super::{
    super::{
        pool::Candidate,
        queue::{Queue, Rule},
    },
    seats::Lot,
};

/// The configuration of a match of these tickets. `lot` decides where they share several.
pub(super) fn config_of(queue: &Queue, tickets: &[&Candidate], lot: u64) -> Map<String, Value> {
    let mut lot = Lot(lot);
    queue.config_of(|rule| {
        let shared = shared(rule, tickets);
        match shared.len() {
            0 => "",
            n => shared[lot.below(n)],
        }
    })
}

/// Of what can be chosen by a rule, what all of them have said.
fn shared<'q>(rule: &'q Rule, tickets: &[&Candidate]) -> Vec<&'q str> {
    let says =
        |ticket: &&Candidate, text: &str| ticket.texts(rule).iter().any(|own| **own == *text);
    let texts = rule.config.keys().map(String::as_str);
    texts.filter(|text| tickets.iter().all(|ticket| says(ticket, text))).collect()
}

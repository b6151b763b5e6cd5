//! Requests of clients that want an acknowledgement: each gets one, in time.

use std::{collections::BTreeMap, time::Duration};

use parlor_core::time::Time;
use parlor_shared::socket_io::Frame;

use super::At;
use crate::sim::plan::LIST_TIMEOUT;

#[derive(Debug, Default)]
pub(super) struct Requests {
    /// By session, namespace and id: since when, and what.
    open: BTreeMap<(At, &'static str, u64), (Time, String)>,
    /// Those whose attachment is still to come.
    half: BTreeMap<At, String>,
}

impl Requests {
    /// A client's text is about to reach the world.
    pub(super) fn asked(&mut self, now: Time, at: At, text: &str) {
        if text.starts_with("51-") {
            self.half.insert(at, text.to_owned());
        } else {
            self.noted(now, at, text);
        }
    }

    /// The attachment of what a client said is about to reach the world.
    pub(super) fn attached(&mut self, now: Time, at: At) {
        if let Some(text) = self.half.remove(&at) {
            self.noted(now, at, &text);
        }
    }

    fn noted(&mut self, now: Time, at: At, text: &str) {
        if let Some((namespace, id)) = id_of(text, &["2", "51-"]) {
            self.open.insert((at, namespace, id), (now, text.chars().take(80).collect()));
        }
    }

    /// A session is sent something: it may be an acknowledgement.
    pub(super) fn sent(&mut self, at: At, frame: &Frame) -> Result<(), String> {
        let packet = frame.packets().next().map(|(_, packet)| packet);
        let text = packet.and_then(|packet| std::str::from_utf8(packet.get(1..)?).ok());
        let Some((namespace, id)) = text.and_then(|text| id_of(text, &["3"])) else {
            return Ok(());
        };
        match self.open.remove(&(at, namespace, id)) {
            Some(_) => Ok(()),
            None => Err(format!("{at:?} is told twice, or never asked: {}", text.expect("seen"))),
        }
    }

    /// A session, or its socket of one namespace, is no more.
    pub(super) fn gone(&mut self, at: At, namespace: Option<&str>) {
        let is_it = |n: &str| namespace.is_none_or(|namespace| namespace == n);
        self.open.retain(|(whose, n, _), _| *whose != at || !is_it(n));
    }

    /// A request that should have been answered.
    pub(super) fn unanswered(&self, now: Time, slack: Duration) -> Result<(), String> {
        let is_late = |since: Time| since + LIST_TIMEOUT + slack < now;
        match self.open.iter().find(|(_, (since, _))| is_late(*since)) {
            Some(((at, ..), (_, text))) => Err(format!("{at:?} has no answer to {text}")),
            None => Ok(()),
        }
    }
}

/// The namespace and id of a packet of one of these types that has an id.
fn id_of(text: &str, kinds: &[&str]) -> Option<(&'static str, u64)> {
    let (head, _) = text.split_once('[')?;
    let rest = kinds.iter().find_map(|kind| head.strip_prefix(kind))?;
    let (namespace, digits) = match rest.split_once(',') {
        Some(("/lobby", digits)) => ("/lobby", digits),
        Some(("/signal", digits)) => ("/signal", digits),
        Some(("/matchmaking", digits)) => ("/matchmaking", digits),
        _ => ("/", rest),
    };
    Some((namespace, digits.parse().ok()?))
}

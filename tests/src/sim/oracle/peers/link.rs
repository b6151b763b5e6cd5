//! One link as it must be: what of that which its ends tell each other may pass, and when.
//! Source: W3C WebRTC 1.0, § 10.7; the documentation of `shared::api::signal`.

use std::time::Duration;

use parlor_core::time::Time;
use parlor_shared::api::{
    code,
    signal::{self as api, DescriptionKind, MAX_CANDIDATES, code as signal_code},
};

use super::budget::Bucket;

/// An offer waits so long for its answer, and a candidate for its description.
const NEGOTIATION: Duration = Duration::from_secs(15);
/// An address that must not be known where links are private.
pub(in crate::sim) const ADDRESS: &str = "203.0.113.9";

#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The two ends, and which of them is polite, and offers first.
    pub(super) ends: [u32; 2],
    pub(super) polite: u32,
    pub(super) offers: u32,
    pub(super) rtc: bool,
    pub(super) is_private: bool,
    generation: u32,
    pub(super) sides: [Side; 2],
}

#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    offered_until: Option<Time>,
    /// Of the last description.
    fragment: Option<String>,
    n_candidates: usize,
    /// Candidates that came before their description.
    early: Vec<api::Signal>,
    early_until: Option<Time>,
    pub(super) budget: Bucket,
    pub(super) refused_at: Option<Time>,
}

impl Link {
    pub(super) fn new(ends: [u32; 2], polite: u32, offers: u32) -> Self {
        let (rtc, is_private, sides) = (true, false, Default::default());
        Self { ends, polite, offers, rtc, is_private, generation: 0, sides }
    }

    pub(super) fn has(&self, peer: u32) -> bool {
        self.ends.contains(&peer)
    }

    pub(super) fn other(&self, peer: u32) -> u32 {
        if self.ends[0] == peer { self.ends[1] } else { self.ends[0] }
    }

    pub(super) fn side(&mut self, peer: u32) -> &mut Side {
        &mut self.sides[usize::from(self.ends[0] != peer)]
    }

    /// What the other end is told if this end says that; or the code by which it is refused.
    pub(super) fn signal(
        &mut self,
        now: Time,
        from: u32,
        signal: &api::Signal,
        pin: &mut Option<String>,
    ) -> Result<Vec<api::Signal>, &'static str> {
        for side in &mut self.sides {
            side.offered_until = side.offered_until.filter(|until| *until > now);
            if side.early_until.is_some_and(|until| until <= now) {
                side.n_candidates -= side.early.len();
                (side.early, side.early_until) = (Vec::new(), None);
            }
        }
        match (&signal.description, &signal.candidate) {
            _ if !self.rtc => Err(code::BAD_REQUEST),
            _ if signal.generation < self.generation => Err(signal_code::STALE),
            _ if signal.generation > self.generation + 1 => Err(signal_code::STATE),
            (Some(description), None) => self.describe(now, from, signal, description, pin),
            (None, Some(_)) => self.candidate(now, from, signal),
            _ => Err(code::BAD_REQUEST),
        }
    }

    fn describe(
        &mut self,
        now: Time,
        from: u32,
        signal: &api::Signal,
        description: &api::Description,
        pin: &mut Option<String>,
    ) -> Result<Vec<api::Signal>, &'static str> {
        let word = |name: &str| description.sdp.split("\r\n").find_map(|l| l.strip_prefix(name));
        let certificate = word("a=fingerprint:").ok_or(code::BAD_REQUEST)?.to_lowercase();
        let fragment = word("a=ice-ufrag:").ok_or(code::BAD_REQUEST)?;
        if pin.as_ref().is_some_and(|pin| *pin != certificate) {
            return Err(signal_code::FINGERPRINT);
        }
        if description.kind == DescriptionKind::Offer {
            if signal.generation > self.generation {
                self.restart(signal.generation);
            }
            self.side(from).offered_until = Some(now + NEGOTIATION);
        } else {
            let (other, is_polite) = (self.other(from), self.polite == from);
            let is_wanted = self.side(other).offered_until.is_some();
            let gives_way = is_polite || self.side(from).offered_until.is_none();
            if !is_wanted || !gives_way || signal.generation != self.generation {
                return Err(signal_code::STATE);
            }
            self.sides.iter_mut().for_each(|side| side.offered_until = None);
        }
        pin.get_or_insert(certificate);
        let (generation, is_private) = (self.generation, self.is_private);
        let side = self.side(from);
        side.fragment = Some(fragment.to_owned());
        let is_of = |early: &api::Signal| early.generation == generation;
        let (of_it, later) = std::mem::take(&mut side.early).into_iter().partition(is_of);
        side.early = later;
        side.early_until = side.early_until.filter(|_| !side.early.is_empty());
        let of_it: Vec<api::Signal> = of_it;
        let fits = |early: &api::Signal| named(early).is_none_or(|name| name == fragment);
        let passed = std::iter::once(signal.clone()).chain(of_it.into_iter().filter(fits));
        Ok(passed.map(|signal| without_address(signal, is_private)).collect())
    }

    /// What belongs to the generation before counts no more.
    fn restart(&mut self, generation: u32) {
        self.generation = generation;
        for side in &mut self.sides {
            (side.offered_until, side.fragment) = (None, None);
            side.early.retain(|early| early.generation == generation);
            side.n_candidates = side.early.len();
            side.early_until = side.early_until.filter(|_| !side.early.is_empty());
        }
    }

    fn candidate(
        &mut self,
        now: Time,
        from: u32,
        signal: &api::Signal,
    ) -> Result<Vec<api::Signal>, &'static str> {
        let (generation, is_private) = (self.generation, self.is_private);
        let side = self.side(from);
        let described = side.fragment.as_ref().filter(|_| signal.generation == generation);
        if side.n_candidates >= MAX_CANDIDATES {
            return Err(code::RATE);
        }
        if let (Some(fragment), Some(name)) = (described, named(signal))
            && fragment != name
        {
            return Err(signal_code::STALE);
        }
        side.n_candidates += 1;
        let candidate = signal.candidate.as_ref().and_then(Option::as_ref);
        let is_hidden = is_private && candidate.is_some_and(|c| c.candidate.contains("typ host"));
        match described {
            _ if is_hidden => Ok(Vec::new()),
            Some(_) => Ok(vec![without_address(signal.clone(), is_private)]),
            None => {
                side.early.push(signal.clone());
                side.early_until.get_or_insert(now + NEGOTIATION);
                Ok(Vec::new())
            }
        }
    }
}

/// The fragment that a candidate names.
fn named(signal: &api::Signal) -> Option<&str> {
    signal.candidate.as_ref()?.as_ref()?.username_fragment.as_deref()
}

/// As who may not know where the other is gets it.
fn without_address(mut signal: api::Signal, is_private: bool) -> api::Signal {
    if !is_private {
        return signal;
    }
    if let Some(description) = &mut signal.description {
        let origin = format!("o=- 1 1 IN IP4 {ADDRESS}");
        description.sdp = description
            .sdp
            .replace(&origin, "o=- 1 1 IN IP4 127.0.0.1")
            .replace(&format!("c=IN IP4 {ADDRESS}"), "c=IN IP4 0.0.0.0");
    }
    if let Some(Some(candidate)) = &mut signal.candidate {
        let behind = format!("raddr {ADDRESS} rport 4");
        candidate.candidate = candidate.candidate.replace(&behind, "raddr 0.0.0.0 rport 9");
    }
    signal
}

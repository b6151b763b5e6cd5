//! One link: two peers of a lobby, what they tell each other to be connected directly, and how
//! each says that it goes.
//! Whether they are there, and what they may relay, is `hub`'s knowledge.
//! Source: W3C WebRTC 1.0, § 10.7 (perfect negotiation); RFC 8838, § 11 (what is of a generation).
//!
//! ```text
//!               offer                       both ends report it
//!  Relayed ──────────────► Negotiating ────────────────────────────► Direct
//!     ▲                         │                                       │
//!     ├──────── 15 s ───────────┘                                       │
//!     └──────────────── one end reports the relay, or nothing for 35 s ─┘
//! ```
//! Frames may go through the server in each of these states: what they tell is what peers have
//! said, and how long that counts.

use std::time::Duration;

use parlor_shared::api::{
    Refusal, code,
    signal::{
        Candidate, Description, DescriptionKind, LinkQuality, MAX_CANDIDATE_BYTES, MAX_CANDIDATES,
        Path, Signal, Via, code as signal_code,
    },
};

use super::{
    candidate::{self, Kind},
    description::{self, Described},
    request::signal_bytes,
};
use crate::{
    fault::{self, Fault},
    rate::Allowance,
    time::Time,
};

/// How long an offer waits for its answer, a candidate for its description, and a negotiation for
/// its end: as long as browsers try.
pub(super) const NEGOTIATION_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of candidates that wait for their description, of one end of a link.
pub(super) const MAX_EARLY_BYTES: usize = 16 * 1024;
/// How long what an end has reported counts: three reports, and some.
pub(super) const REPORT_TIMEOUT: Duration = Duration::from_secs(35);

/// Two peers of a lobby.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) number: u32,
    pub(super) ends: [End; 2],
    /// Which of them gives way if both make an offer at the same time.
    pub(super) polite: Side,
    /// Which of them makes the first.
    pub(super) offerer: Side,
    /// Both can do WebRTC.
    pub(super) rtc: bool,
    /// Neither may learn the other's addresses.
    pub(super) is_private: bool,
    /// How often ICE was restarted.
    generation: u32,
    state: State,
    opened: Time,
    /// How it was direct first, if it was.
    pub(super) via: Option<Via>,
}

/// Which end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Relayed,
    Negotiating { until: Time },
    Direct { until: Time },
}

/// What one end has said.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) peer: u32,
    /// It has made an offer; how long that waits for its answer.
    offered: Option<Time>,
    /// Its last description, if that is of the link's generation.
    described: Option<Described>,
    /// Candidates of the link's generation so far.
    n_candidates: usize,
    /// Candidates that came before their description.
    early: Vec<Signal>,
    /// They are forgotten then.
    early_until: Option<Time>,
    path: Path,
    via: Option<Via>,
    /// Bytes that may be relayed for it.
    pub(super) budget: Allowance,
    /// When it was told last that something was refused.
    pub(super) refused: Option<Time>,
}

/// What has become of the link's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is direct for the first time, so long after it was opened.
    First(Via, Duration),
    /// Nothing that counts.
    None,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl End {
    fn new(peer: u32) -> Self {
        Self {
            peer,
            offered: None,
            described: None,
            n_candidates: 0,
            early: Vec::new(),
            early_until: None,
            path: Path::Relay,
            via: None,
            budget: Allowance::untouched(),
            refused: None,
        }
    }
}

/// Who is to be linked, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// The first is there longer, or is host of a star.
    pub(super) peers: [u32; 2],
    pub(super) rtc: bool,
    pub(super) is_private: bool,
}

impl Link {
    /// Links two peers: the newer one makes the first offer, and gives way.
    pub(super) fn new(now: Time, number: u32, pair: Pair) -> Self {
        Self {
            number,
            ends: pair.peers.map(End::new),
            polite: Side::B,
            offerer: Side::B,
            rtc: pair.rtc,
            is_private: pair.is_private,
            generation: 0,
            state: State::Relayed,
            opened: now,
            via: None,
        }
    }

    /// Which end this peer is, if it is one.
    pub(super) fn side_of(&self, peer: u32) -> Option<Side> {
        match peer {
            _ if self.ends[0].peer == peer => Some(Side::A),
            _ if self.ends[1].peer == peer => Some(Side::B),
            _ => None,
        }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    pub(super) fn is_direct(&self) -> bool {
        matches!(self.state, State::Direct { .. })
    }

    /// When [`Self::timeout`] is due.
    pub(super) fn deadline(&self) -> Option<Time> {
        let until = match self.state {
            State::Relayed => None,
            State::Negotiating { until } | State::Direct { until } => Some(until),
        };
        let ends = self.ends.iter().flat_map(|end| [end.offered, end.early_until]);
        ends.flatten().chain(until).min()
    }

    /// What nobody has said anything about for too long counts no more.
    pub(super) fn timeout(&mut self, now: Time) {
        for end in &mut self.ends {
            end.offered = end.offered.filter(|until| *until > now);
            if end.early_until.is_some_and(|until| until <= now) {
                end.n_candidates = end.n_candidates.saturating_sub(end.early.len());
                (end.early, end.early_until) = (Vec::new(), None);
            }
        }
        match self.state {
            State::Negotiating { until } | State::Direct { until } if until <= now => {
                self.state = State::Relayed;
            }
            _ => {}
        }
    }

    /// What one end has to tell the other, as it is passed on: nothing yet, or more than that, as
    /// a description brings along the candidates that were ahead of it.
    ///
    /// # Errors
    /// As [`Signal`]'s parts are refused; nothing has changed then.
    pub(super) fn signal(
        &mut self,
        now: Time,
        side: Side,
        signal: Signal,
        pin: &mut Option<Vec<Box<str>>>,
    ) -> Result<Vec<Signal>, Refusal> {
        self.timeout(now);
        let bad = |sentence| Refusal::new(code::BAD_REQUEST, sentence);
        if !self.rtc {
            return Err(bad("one of the two cannot do WebRTC: the link stays relayed"));
        }
        let is_stale = signal.generation < self.generation;
        if is_stale && !fault::is_planted(Fault::StaleGenerationPasses) {
            let sentence = format!("the link is at generation {}", self.generation);
            return Err(Refusal::new(signal_code::STALE, sentence));
        }
        if signal.generation > self.generation + 1 {
            return Err(Refusal::new(signal_code::STATE, "generations follow one by one"));
        }
        match (&signal.description, &signal.candidate) {
            (Some(described), None) => {
                let read = self.described(now, side, signal.generation, described, pin)?;
                Ok(self.pass_description(side, signal, read))
            }
            (None, Some(_)) => self.candidate(now, side, signal),
            _ => Err(bad("a signal is a description or a candidate")),
        }
    }

    /// Reads a description, and says whether it may come now. If so, it counts.
    fn described(
        &mut self,
        now: Time,
        side: Side,
        generation: u32,
        description: &Description,
        pin: &mut Option<Vec<Box<str>>>,
    ) -> Result<Described, Refusal> {
        let read = description::read(&description.sdp)?;
        let is_other = pin.as_ref().is_some_and(|pin| *pin != read.fingerprints);
        if is_other && !fault::is_planted(Fault::CertificateNotPinned) {
            let sentence = "another certificate than before: use one for all connections of a peer";
            return Err(Refusal::new(signal_code::FINGERPRINT, sentence));
        }
        match description.kind {
            DescriptionKind::Offer => {
                if generation > self.generation {
                    self.restart(generation);
                }
                let until = now + NEGOTIATION_TIMEOUT;
                self.end_mut(side).offered = Some(until);
                // What is direct stays so: its ends say when it is not.
                if !self.is_direct() {
                    self.state = State::Negotiating { until };
                }
            }
            DescriptionKind::Answer => {
                let has_offer = self.end(side.other()).offered.is_some()
                    || fault::is_planted(Fault::AnswerToNoOffer);
                // Who answers has given up an offer of its own, and only who is polite does.
                let gives_way = self.end(side).offered.is_none() || side == self.polite;
                if !has_offer || !gives_way || generation != self.generation {
                    let sentence = "there is no offer that this would answer";
                    return Err(Refusal::new(signal_code::STATE, sentence));
                }
                self.ends.iter_mut().for_each(|end| end.offered = None);
            }
        }
        pin.get_or_insert_with(|| read.fingerprints.clone());
        Ok(read)
    }

    /// ICE begins anew: what was said before does not count.
    fn restart(&mut self, generation: u32) {
        self.generation = generation;
        for end in &mut self.ends {
            (end.offered, end.described, end.n_candidates) = (None, None, 0);
            end.early.retain(|signal| signal.generation == generation);
            end.n_candidates = end.early.len();
            end.early_until = end.early_until.filter(|_| !end.early.is_empty());
        }
    }

    fn pass_description(&mut self, side: Side, mut signal: Signal, read: Described) -> Vec<Signal> {
        let is_private = self.is_private;
        let end = self.end_mut(side);
        // A description that comes anew holds those of before again.
        end.n_candidates = end.n_candidates.max(read.n_candidates);
        let fragments = read.fragments.clone();
        end.described = Some(read);
        if let (true, Some(description)) = (is_private, &mut signal.description) {
            description.sdp = description::without_addresses(&description.sdp);
        }
        let generation = signal.generation;
        let early = std::mem::take(&mut end.early);
        let (now, later): (Vec<_>, Vec<_>) =
            early.into_iter().partition(|signal| signal.generation == generation);
        end.early = later;
        end.early_until = end.early_until.filter(|_| !end.early.is_empty());
        let fits = |signal: &Signal| names_one_of(signal, &fragments);
        let mut passed: Vec<Signal> =
            std::iter::once(signal).chain(now.into_iter().filter(fits)).collect();
        if fault::is_planted(Fault::CandidatesAhead) {
            passed.reverse();
        }
        passed
    }

    fn candidate(
        &mut self,
        now: Time,
        side: Side,
        mut signal: Signal,
    ) -> Result<Vec<Signal>, Refusal> {
        let hidden = match &mut signal.candidate {
            Some(Some(candidate)) => !self.may_know(candidate)?,
            _ => false,
        };
        let is_current = signal.generation == self.generation;
        let end = self.end_mut(side);
        if end.n_candidates >= MAX_CANDIDATES {
            let sentence = format!("at most {MAX_CANDIDATES} candidates of a generation");
            return Err(Refusal::new(code::RATE, sentence));
        }
        if let (Some(described), true) = (&end.described, is_current)
            && !names_one_of(&signal, &described.fragments)
        {
            let sentence = "the candidate is not of the last description";
            return Err(Refusal::new(signal_code::STALE, sentence));
        }
        if hidden {
            end.n_candidates += 1;
            return Ok(Vec::new());
        }
        if end.described.is_some() && is_current {
            end.n_candidates += 1;
            return Ok(vec![signal]);
        }
        let n_bytes: usize = end.early.iter().chain([&signal]).map(signal_bytes).sum();
        if n_bytes > MAX_EARLY_BYTES {
            let sentence = "too many candidates ahead of their description";
            return Err(Refusal::new(code::RATE, sentence));
        }
        end.n_candidates += 1;
        if !fault::is_planted(Fault::EarlyCandidatesDropped) {
            end.early.push(signal);
        }
        end.early_until.get_or_insert(now + NEGOTIATION_TIMEOUT);
        Ok(Vec::new())
    }

    /// Reads a candidate, and takes out of it what the other end may not know; false if nothing is
    /// left then.
    fn may_know(&self, candidate: &mut Candidate) -> Result<bool, Refusal> {
        let bad = |sentence| Refusal::new(code::BAD_REQUEST, sentence);
        let is_long = |word: &Option<String>| word.as_ref().is_some_and(|word| word.len() > 256);
        if candidate.candidate.len() > MAX_CANDIDATE_BYTES
            || is_long(&candidate.sdp_mid)
            || is_long(&candidate.username_fragment)
        {
            let sentence = format!("a candidate has at most {MAX_CANDIDATE_BYTES} bytes");
            return Err(Refusal::new(signal_code::TOO_LARGE, sentence));
        }
        // The last of a section says only that.
        if candidate.candidate.is_empty() {
            return Ok(true);
        }
        let line = candidate.candidate.strip_prefix("a=").unwrap_or(&candidate.candidate);
        let may_tell = !self.is_private || fault::is_planted(Fault::AddressesTold);
        match candidate::read(line).ok_or_else(|| bad("this is no candidate"))? {
            _ if may_tell => Ok(true),
            Kind::Address => Ok(false),
            Kind::Relay => {
                candidate.candidate = candidate::without_address(line);
                Ok(true)
            }
        }
    }

    /// One end says how it goes.
    pub(super) fn report(&mut self, now: Time, side: Side, quality: &LinkQuality) -> Turn {
        let end = self.end_mut(side);
        (end.path, end.via) = (quality.path, quality.via);
        if self.ends.iter().any(|end| end.path == Path::Relay) {
            if self.is_direct() {
                self.state = State::Relayed;
            }
            return Turn::None;
        }
        self.state = State::Direct { until: now + REPORT_TIMEOUT };
        if self.via.is_some() {
            return Turn::None;
        }
        // The farther of the two ends says how: who sees another at home may be seen from afar.
        let via = self.ends.iter().filter_map(|end| end.via).max().unwrap_or(Via::Host);
        self.via = Some(via);
        Turn::First(via, now.since(self.opened))
    }
}

/// True if a candidate does not say which description it is of, or says one of these.
fn names_one_of(signal: &Signal, fragments: &[Box<str>]) -> bool {
    let Some(Some(candidate)) = &signal.candidate else { return true };
    let inside = || candidate::username_fragment(&candidate.candidate);
    let named = candidate.username_fragment.as_deref().or_else(inside);
    named.is_none_or(|named| fragments.iter().any(|fragment| &**fragment == named))
}

#[cfg(test)]
mod tests;

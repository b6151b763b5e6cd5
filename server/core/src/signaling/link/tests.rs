//! Every order in which two ends may negotiate, told as scripts of who says what.

use super::{super::description::tests::sdp, *};
use parlor_shared::api::signal::SwitchReason;

struct Script {
    link: Link,
    pins: [Option<Vec<Box<str>>>; 2],
    now: Time,
}

/// What the other end is told of one signal, or by which code it is refused.
type Told = Result<Vec<String>, String>;

impl Script {
    fn new() -> Self {
        Self::of(Pair { peers: [1, 2], rtc: true, is_private: false })
    }

    fn of(pair: Pair) -> Self {
        Self { link: Link::new(Time::ZERO, 7, pair), pins: [None, None], now: Time::ZERO }
    }

    fn say(&mut self, side: Side, signal: Signal) -> Told {
        let pin = &mut self.pins[side as usize];
        let told = self.link.signal(self.now, side, signal, pin);
        told.map(|signals| signals.iter().map(told_of).collect()).map_err(|refusal| refusal.code)
    }

    fn offer(&mut self, side: Side, generation: u32, fragment: &str) -> Told {
        self.say(side, described(DescriptionKind::Offer, generation, fragment, side))
    }

    fn answer(&mut self, side: Side, generation: u32, fragment: &str) -> Told {
        self.say(side, described(DescriptionKind::Answer, generation, fragment, side))
    }

    fn candidate(&mut self, side: Side, generation: u32, fragment: &str) -> Told {
        self.say(side, candidate(generation, Some(fragment), HOST))
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }
}

const HOST: &str = "candidate:1 1 udp 2113937151 192.0.2.7 51234 typ host";

fn described(kind: DescriptionKind, generation: u32, fragment: &str, side: Side) -> Signal {
    let sdp = sdp(fragment, &format!("{:?}", side as usize));
    let description = Some(Description { kind, sdp });
    Signal { link: 7, from: 0, generation, description, candidate: None }
}

fn candidate(generation: u32, fragment: Option<&str>, line: &str) -> Signal {
    let candidate = Candidate {
        candidate: line.to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
        username_fragment: fragment.map(str::to_owned),
    };
    Signal { link: 7, from: 0, generation, description: None, candidate: Some(Some(candidate)) }
}

fn told_of(signal: &Signal) -> String {
    match (&signal.description, &signal.candidate) {
        (Some(description), _) => {
            let fragment = &description::read(&description.sdp).unwrap().fragments[0];
            format!("{:?} {fragment}", description.kind)
        }
        (None, Some(Some(candidate))) => {
            format!("candidate {}", candidate.username_fragment.as_deref().unwrap_or("-"))
        }
        (None, Some(None)) => "end".to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

fn passed(told: &str) -> Told {
    Ok(vec![told.to_owned()])
}

fn refused(code: &str) -> Told {
    Err(code.to_owned())
}

#[test]
fn an_offer_and_its_answer_pass_and_so_do_their_candidates() {
    let mut script = Script::new();
    assert_eq!(script.offer(Side::B, 0, "bb"), passed("Offer bb"));
    assert_eq!(script.candidate(Side::B, 0, "bb"), passed("candidate bb"));
    assert_eq!(script.answer(Side::A, 0, "aa"), passed("Answer aa"));
    assert_eq!(script.candidate(Side::A, 0, "aa"), passed("candidate aa"));
    let mut end = candidate(0, None, "");
    end.candidate = Some(None);
    assert_eq!(script.say(Side::A, end), passed("end"));
    assert_eq!(script.say(Side::A, candidate(0, None, "")), passed("candidate -"));
}

#[test]
fn an_answer_to_nothing_is_refused_and_so_is_a_second_one() {
    let mut script = Script::new();
    assert_eq!(script.answer(Side::A, 0, "aa"), refused("E_STATE"));
    script.offer(Side::B, 0, "bb").unwrap();
    assert_eq!(script.answer(Side::B, 0, "bb"), refused("E_STATE"), "to one's own");
    script.answer(Side::A, 0, "aa").unwrap();
    assert_eq!(script.answer(Side::A, 0, "aa"), refused("E_STATE"));
}

#[test]
fn candidates_that_come_before_their_description_wait_for_it() {
    let mut script = Script::new();
    assert_eq!(script.candidate(Side::B, 0, "bb"), Ok(vec![]));
    assert_eq!(script.candidate(Side::B, 0, "old"), Ok(vec![]));
    assert_eq!(script.say(Side::B, candidate(0, None, HOST)), Ok(vec![]));
    let told = ["Offer bb", "candidate bb", "candidate -"].map(str::to_owned);
    assert_eq!(script.offer(Side::B, 0, "bb"), Ok(told.to_vec()), "and what is stale is dropped");
    assert_eq!(script.candidate(Side::A, 1, "aa"), Ok(vec![]), "of the next generation");
    script.answer(Side::A, 0, "a").unwrap();
    let told = ["Offer aa", "candidate aa"].map(str::to_owned);
    assert_eq!(script.offer(Side::A, 1, "aa"), Ok(told.to_vec()));
}

#[test]
fn with_two_offers_at_once_the_polite_end_gives_way_in_every_order() {
    // Both are on their way; the polite one answers what it got.
    for first in [Side::A, Side::B] {
        let mut script = Script::new();
        assert_eq!(script.link.polite, Side::B);
        script.offer(first, 0, "x").unwrap();
        script.offer(first.other(), 0, "y").unwrap();
        assert_eq!(script.answer(Side::A, 0, "aa"), refused("E_STATE"), "it does not give way");
        assert_eq!(script.answer(Side::B, 0, "b2"), passed("Answer b2"));
        assert_eq!(script.candidate(Side::B, 0, "b2"), passed("candidate b2"));
        // Candidates of the offer that was taken back come too late.
        let dropped = if first == Side::B { "x" } else { "y" };
        assert_eq!(script.candidate(Side::B, 0, dropped), refused("E_STALE"));
        assert_eq!(script.answer(Side::A, 0, "aa"), refused("E_STATE"), "nothing is open");
        assert_eq!(script.offer(Side::B, 0, "b2"), passed("Offer b2"), "and it may offer again");
        assert_eq!(script.answer(Side::A, 0, "aa"), passed("Answer aa"));
    }
}

#[test]
fn two_restarts_at_once_are_one_and_what_is_of_before_is_stale() {
    let mut script = Script::new();
    script.offer(Side::B, 0, "b0").unwrap();
    script.answer(Side::A, 0, "a0").unwrap();
    assert_eq!(script.offer(Side::A, 1, "a1"), passed("Offer a1"));
    assert_eq!(script.offer(Side::B, 1, "b1"), passed("Offer b1"), "glare");
    assert_eq!(script.candidate(Side::B, 0, "b0"), refused("E_STALE"));
    assert_eq!(script.answer(Side::B, 0, "b0"), refused("E_STALE"));
    assert_eq!(script.answer(Side::B, 1, "b2"), passed("Answer b2"));
    assert_eq!(script.offer(Side::A, 3, "a3"), refused("E_STATE"), "one by one");
    assert_eq!(script.offer(Side::A, 2, "a2"), passed("Offer a2"));
}

#[test]
fn an_answer_that_comes_when_ice_has_begun_anew_is_stale() {
    let mut script = Script::new();
    script.offer(Side::B, 0, "b0").unwrap();
    script.offer(Side::B, 1, "b1").unwrap();
    assert_eq!(script.answer(Side::A, 0, "a0"), refused("E_STALE"));
    assert_eq!(script.answer(Side::A, 1, "a1"), passed("Answer a1"));
}

#[test]
fn an_offer_waits_for_its_answer_as_long_as_browsers_try() {
    let mut script = Script::new();
    script.offer(Side::B, 0, "bb").unwrap();
    let due = script.link.deadline().unwrap();
    assert_eq!(due, Time::ZERO + NEGOTIATION_TIMEOUT);
    script.wait(15);
    assert_eq!(script.answer(Side::A, 0, "aa"), refused("E_STATE"));
    assert_eq!(script.link.deadline(), None);
    assert_eq!(script.offer(Side::B, 1, "b1"), passed("Offer b1"));
    script.wait(14);
    assert_eq!(script.answer(Side::A, 1, "aa"), passed("Answer aa"));
}

#[test]
fn a_peer_keeps_the_certificate_that_it_has_shown() {
    let mut script = Script::new();
    script.offer(Side::B, 0, "bb").unwrap();
    let other = described(DescriptionKind::Offer, 0, "bb", Side::A);
    assert_eq!(script.say(Side::B, other.clone()), refused("E_FINGERPRINT"));
    assert_eq!(script.say(Side::A, other), passed("Offer bb"), "another peer has another");
}

#[test]
fn of_each_generation_so_many_candidates_pass_and_not_one_more() {
    let mut script = Script::new();
    // One stands in the description.
    script.offer(Side::B, 0, "bb").unwrap();
    for _ in 1..MAX_CANDIDATES {
        script.candidate(Side::B, 0, "bb").unwrap();
    }
    assert_eq!(script.candidate(Side::B, 0, "bb"), refused("E_RATE"));
    assert_eq!(script.candidate(Side::A, 0, "aa"), Ok(vec![]), "each end has its own");
    script.offer(Side::B, 1, "b1").unwrap();
    assert_eq!(script.candidate(Side::B, 1, "b1"), passed("candidate b1"));
    let mut early = Script::new();
    for _ in 0..MAX_CANDIDATES {
        early.candidate(Side::B, 0, "bb").unwrap();
    }
    assert_eq!(early.candidate(Side::B, 0, "bb"), refused("E_RATE"));
    assert_eq!(early.offer(Side::B, 0, "bb").unwrap().len(), 1 + MAX_CANDIDATES);
}

#[test]
fn a_description_that_comes_anew_with_its_candidates_costs_none_of_those_to_come() {
    let mut script = Script::new();
    for _ in 0..2 * MAX_CANDIDATES {
        script.offer(Side::B, 0, "bb").unwrap();
        script.answer(Side::A, 0, "aa").unwrap();
    }
    assert_eq!(script.candidate(Side::B, 0, "bb"), passed("candidate bb"));
}

#[test]
fn so_many_bytes_of_candidates_wait_for_their_description_and_not_one_more() {
    let mut script = Script::new();
    let early = |n_bytes: usize| {
        let line = format!("{HOST} x {}", "y".repeat(n_bytes - HOST.len() - 4));
        candidate(0, None, &line)
    };
    // The section's name is one byte, also of those.
    let n_whole = MAX_EARLY_BYTES / 512;
    for _ in 1..n_whole {
        assert_eq!(script.say(Side::B, early(512)), Ok(vec![]));
    }
    assert_eq!(script.say(Side::B, early(513)), refused("E_RATE"));
    assert_eq!(script.say(Side::B, early(512)), Ok(vec![]));
    assert_eq!(script.say(Side::B, candidate(0, None, HOST)), refused("E_RATE"));
    assert_eq!(script.offer(Side::B, 0, "bb").unwrap().len(), 1 + n_whole);
    assert_eq!(script.say(Side::B, candidate(0, None, HOST)).unwrap().len(), 1);
}

#[test]
fn candidates_whose_description_does_not_come_are_forgotten() {
    let mut script = Script::new();
    for _ in 0..MAX_CANDIDATES {
        assert_eq!(script.candidate(Side::B, 0, "bb"), Ok(vec![]));
    }
    assert_eq!(script.candidate(Side::B, 0, "bb"), refused("E_RATE"));
    script.wait(14);
    script.link.timeout(script.now);
    assert_eq!(script.candidate(Side::B, 0, "bb"), refused("E_RATE"));
    script.wait(1);
    assert_eq!(script.link.deadline(), Some(script.now));
    script.link.timeout(script.now);
    assert_eq!(script.link.deadline(), None);
    assert_eq!(script.offer(Side::B, 0, "bb"), passed("Offer bb"));
    assert_eq!(script.candidate(Side::B, 0, "bb"), passed("candidate bb"));
}

#[test]
fn what_is_too_long_or_nothing_is_refused() {
    let mut script = Script::new();
    let line = |n: usize| format!("{HOST} x {}", "y".repeat(n - HOST.len() - 3));
    let longest = candidate(0, None, &line(MAX_CANDIDATE_BYTES));
    assert_eq!(script.say(Side::B, longest), Ok(vec![]));
    let longer = candidate(0, None, &line(MAX_CANDIDATE_BYTES + 1));
    assert_eq!(script.say(Side::B, longer), refused("E_TOO_LARGE"));
    let fragment = "f".repeat(257);
    assert_eq!(script.say(Side::B, candidate(0, Some(&fragment), HOST)), refused("E_TOO_LARGE"));
    assert_eq!(script.say(Side::B, candidate(0, None, "nonsense")), refused("E_BAD_REQUEST"));
    let nothing = Signal { candidate: None, ..candidate(0, None, HOST) };
    assert_eq!(script.say(Side::B, nothing), refused("E_BAD_REQUEST"));
    let both =
        Signal { candidate: Some(None), ..described(DescriptionKind::Offer, 0, "bb", Side::B) };
    assert_eq!(script.say(Side::B, both), refused("E_BAD_REQUEST"));
}

#[test]
fn nobody_learns_an_address_of_a_private_link() {
    let mut script = Script::of(Pair { peers: [1, 2], rtc: true, is_private: true });
    let offer = described(DescriptionKind::Offer, 0, "bb", Side::B);
    let told = script.link.signal(Time::ZERO, Side::B, offer, &mut None).unwrap();
    let sdp = &told[0].description.as_ref().unwrap().sdp;
    assert!(!sdp.contains("192.0.2.7"), "{sdp}");
    assert_eq!(script.candidate(Side::B, 0, "bb"), Ok(vec![]), "taken, and not passed on");
    let relay = "candidate:2 1 udp 1 198.51.100.1 3478 typ relay raddr 192.0.2.7 rport 51234";
    let signal = candidate(0, Some("bb"), relay);
    let told = script.link.signal(Time::ZERO, Side::B, signal, &mut None).unwrap();
    let line = &told[0].candidate.as_ref().unwrap().as_ref().unwrap().candidate;
    assert!(line.contains("198.51.100.1") && !line.contains("192.0.2.7"), "{line}");
}

#[test]
fn who_cannot_do_webrtc_signals_nothing() {
    let mut script = Script::of(Pair { peers: [1, 2], rtc: false, is_private: false });
    assert_eq!(script.offer(Side::B, 0, "bb"), refused("E_BAD_REQUEST"));
}

#[test]
fn a_link_is_direct_while_both_ends_say_so_and_not_for_longer() {
    let mut script = Script::new();
    let report = |script: &mut Script, side, path, via| {
        let quality = LinkQuality { path, via, ..LinkQuality::default() };
        (script.link.report(script.now, side, &quality), script.link.is_direct())
    };
    script.wait(1);
    let (direct, relay) = (Path::Direct, Path::Relay);
    let first = Turn::First(Via::Srflx, Duration::from_secs(2));
    assert_eq!(report(&mut script, Side::A, direct, Some(Via::Host)), (Turn::None, false));
    script.wait(1);
    assert_eq!(report(&mut script, Side::B, direct, Some(Via::Srflx)), (first, true));
    assert_eq!(report(&mut script, Side::B, relay, None), (Turn::None, false));
    let again = (Turn::None, true);
    assert_eq!(report(&mut script, Side::B, direct, Some(Via::Host)), again, "it counts once");
    assert_eq!(script.offer(Side::A, 0, "aa"), passed("Offer aa"));
    assert!(script.link.is_direct(), "another track takes no path away");
    script.wait(34);
    script.link.timeout(script.now);
    assert!(script.link.is_direct());
    script.wait(1);
    assert_eq!(script.link.deadline(), Some(script.now));
    script.link.timeout(script.now);
    assert!(!script.link.is_direct(), "nobody has said so for 35 s");
    assert_eq!(script.link.deadline(), None);
    assert_eq!(SwitchReason::Silent as usize, 1, "figures count by place");
}

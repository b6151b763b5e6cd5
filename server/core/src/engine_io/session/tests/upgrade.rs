//! From polling to a WebSocket: the probe, the hand-over, everything that stops it, and that no
//! frame is lost or overtakes another on the way.

use super::*;

fn probing() -> Script {
    let mut script = Script::polling();
    assert_eq!(script.tell(SessionInput::CandidateOpened), [SessionEffect::AcceptCandidate]);
    let probed = [SessionEffect::SendToCandidate(Frame::engine("3probe"))];
    assert_eq!(script.candidate("2probe"), probed);
    script
}

/// Polling goes on as if nothing had been tried, and may be left by another try.
fn check_goes_on_polling(mut script: Script) {
    assert_eq!(script.session.transport(), Transport::Polling);
    assert_eq!(script.candidate("5"), [], "who was dropped upgrades nothing");
    assert_eq!(script.get(), None);
    assert_eq!(script.wait(1000), []);
    assert_eq!(script.answer(), None, "no noops without a candidate");
    script.send("a");
    assert_eq!(script.answer().as_deref(), Some("4a"));
    assert_eq!(script.tell(SessionInput::CandidateOpened), [SessionEffect::AcceptCandidate]);
    assert_eq!(script.candidate("5"), [SessionEffect::Upgraded]);
}

#[test]
fn a_probed_websocket_takes_over_when_its_client_says_so() {
    let mut script = probing();
    assert_eq!(script.session.transport(), Transport::Polling);
    assert_eq!(script.candidate("5"), [SessionEffect::Upgraded]);
    assert_eq!(script.session.transport(), Transport::WebSocket);
    assert_eq!(script.last_answer, None, "no GET waits");
    script.send("a");
    assert_eq!(script.read(), ["4a"]);
    assert_eq!(script.packet("4b"), [SessionEffect::Deliver]);
}

#[test]
fn an_upgrade_without_a_probe_is_taken_as_the_reference_takes_it() {
    let mut script = Script::polling();
    script.tell(SessionInput::CandidateOpened);
    assert_eq!(script.candidate("5"), [SessionEffect::Upgraded]);
}

#[test]
fn a_waiting_get_ends_with_a_noop_when_the_websocket_is_probed() {
    let mut script = Script::polling();
    assert_eq!(script.get(), None);
    script.tell(SessionInput::CandidateOpened);
    assert_eq!(script.answer(), None);
    script.candidate("2probe");
    assert_eq!(script.answer().as_deref(), Some("6"));
}

#[test]
fn a_get_that_comes_during_the_probe_ends_with_a_noop_within_a_tenth_of_a_second() {
    let mut script = probing();
    for _ in 0..3 {
        assert_eq!(script.get(), None);
        script.wait(100);
        assert_eq!(script.answer().as_deref(), Some("6"));
    }
    assert!(!script.session.is_closed());
}

#[test]
fn a_get_that_has_something_to_carry_gets_that_instead_of_a_noop() {
    let mut script = probing();
    script.send("a");
    assert_eq!(script.get().as_deref(), Some("4a"));
}

#[test]
fn a_get_that_still_waits_at_the_upgrade_ends_with_a_noop() {
    let mut script = probing();
    assert_eq!(script.get(), None);
    assert_eq!(script.candidate("5"), [SessionEffect::Upgraded]);
    assert_eq!(script.last_answer.as_deref(), Some("6"));
    assert_eq!(script.answer(), None);
    assert_eq!(script.tell(SessionInput::PollAborted), [], "polling is over");
    assert_eq!(script.tell(SessionInput::PollOpened), [SessionEffect::RefuseRequest]);
}

#[test]
fn any_other_packet_ends_the_candidate_and_polling_goes_on() {
    for packet in ["4a", "2", "2other", "3probe", "6", "1", "0{}", "bAQID"] {
        let mut script = Script::polling();
        script.tell(SessionInput::CandidateOpened);
        assert_eq!(script.candidate(packet), [SessionEffect::DropCandidate], "{packet}");
        check_goes_on_polling(script);
        let mut script = probing();
        assert_eq!(script.candidate(packet), [SessionEffect::DropCandidate], "{packet}");
        check_goes_on_polling(script);
    }
}

#[test]
fn a_candidate_that_is_lost_leaves_polling_as_it_was() {
    let mut script = probing();
    assert_eq!(script.tell(SessionInput::CandidateGone), []);
    check_goes_on_polling(script);
}

#[test]
fn a_candidate_that_does_not_take_over_within_upgrade_timeout_is_dropped() {
    let mut script = probing();
    assert_eq!(script.wait(9_999), []);
    assert_eq!(script.wait(1), [SessionEffect::DropCandidate]);
    check_goes_on_polling(script);
}

#[test]
fn noops_do_not_put_off_the_upgrade_timeout() {
    let mut script = probing();
    let mut n_noops = 0;
    let mut effects = Vec::new();
    for _ in 0..100 {
        assert_eq!(script.get(), None);
        effects.extend(script.wait(100));
        n_noops += usize::from(script.answer().is_some());
        if !effects.is_empty() {
            break;
        }
    }
    assert_eq!(effects, [SessionEffect::DropCandidate]);
    assert!((99..=100).contains(&n_noops), "{n_noops}");
}

#[test]
fn a_second_candidate_is_dropped_and_the_first_goes_on() {
    let mut script = probing();
    assert_eq!(script.tell(SessionInput::CandidateOpened), [SessionEffect::DropCandidate]);
    assert_eq!(script.candidate("5"), [SessionEffect::Upgraded]);
    assert_eq!(script.tell(SessionInput::CandidateOpened), [SessionEffect::DropCandidate]);
    assert!(!script.session.is_closed());
}

#[test]
fn a_session_that_ends_takes_its_candidate_with_it() {
    let both = |reason| [SessionEffect::DropCandidate, SessionEffect::Closed(reason)];
    let mut script = probing();
    let reason = CloseReason::ForcedServerClose;
    assert_eq!(script.close(reason), both(reason));
    assert_eq!(script.candidate("5"), []);
    assert_eq!(script.session.transport(), Transport::Polling);

    let mut script = probing();
    script.get();
    let reason = CloseReason::TransportError;
    assert_eq!(script.tell(SessionInput::PollAborted), both(reason));
}

#[test]
fn a_post_that_ends_after_the_upgrade_still_delivers() {
    let mut script = probing();
    script.tell(SessionInput::PostOpened);
    script.candidate("5");
    assert_eq!(script.packet("4a"), [SessionEffect::Deliver]);
    assert_eq!(script.tell(SessionInput::PostClosed), []);
    assert!(!script.session.is_closed());
}

/// What a client does to upgrade, step by step; frames may be sent between any two of them.
#[derive(Debug, Clone, Copy)]
enum Step {
    Get,
    Open,
    Probe,
    Noop,
    Upgrade,
    Read,
}

#[test]
fn frames_sent_at_every_moment_of_an_upgrade_arrive_once_and_in_order() {
    use Step::*;
    for steps in [
        // Pauses polling, waits for its GET to end, then upgrades.
        [Get, Open, Probe, Noop, Upgrade, Read],
        // Polls once more between the probe and its answer.
        [Get, Open, Probe, Get, Noop, Upgrade],
        // Does not wait for its GET.
        [Get, Open, Probe, Get, Upgrade, Read],
        [Open, Get, Probe, Upgrade, Read, Read],
        [Open, Probe, Upgrade, Read, Read, Read],
    ] {
        for sends in 0..1u32 << (steps.len() + 1) {
            for answers_at_once in [true, false] {
                check_upgrade(&steps, sends, answers_at_once);
            }
        }
    }
}

/// Sends a frame before each step whose bit is set. `answers_at_once`: the driver answers a GET
/// after each frame and not only after each step.
fn check_upgrade(steps: &[Step], sends: u32, answers_at_once: bool) {
    let mut script = Script::polling();
    let (mut sent, mut got) = (Vec::new(), Vec::new());
    let mut answers = String::new();
    for i in 0..=steps.len() {
        if sends >> i & 1 == 1 {
            script.send(&i.to_string());
            sent.push(i.to_string());
            if answers_at_once {
                answers.extend(script.answer().map(|answer| answer + "|"));
            }
        }
        match steps.get(i) {
            // A client opens no GET while another waits.
            Some(Step::Get) if script.session.answers_get() => {}
            Some(Step::Get) => answers.extend(script.get().map(|answer| answer + "|")),
            Some(Step::Open) => drop(script.tell(SessionInput::CandidateOpened)),
            Some(Step::Probe) => drop(script.candidate("2probe")),
            Some(Step::Noop) => drop(script.wait(100)),
            Some(Step::Upgrade) => drop(script.candidate("5")),
            Some(Step::Read) | None => {}
        }
        answers.extend(script.answer().map(|answer| answer + "|"));
        answers.extend(script.last_answer.take().map(|answer| answer + "|"));
        let frames = answers.split('|').map(str::to_owned).chain(script.read());
        got.extend(frames.filter_map(|frame| frame.strip_prefix('4').map(str::to_owned)));
        answers.clear();
    }
    assert_eq!(script.session.transport(), Transport::WebSocket);
    assert_eq!(got, sent, "{steps:?} {sends:b} {answers_at_once}");
}

impl Session {
    fn answers_get(&self) -> bool {
        matches!(self.carrier, Carrier::Polling(Polling { get: true, .. }))
    }
}

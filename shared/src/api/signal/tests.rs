//! What travels in `/signal`, as it is written.

use super::*;
use serde_json::json;

#[test]
fn a_signal_is_read_as_browsers_write_it_and_a_forged_sender_is_not() {
    let value = json!({"link": 3, "from": 9, "generation": 1, "candidate": {
        "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0",
        "sdpMLineIndex": 0, "usernameFragment": "abcd"}});
    let mut signal: Signal = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(signal.from, 0);
    let candidate = signal.candidate.clone().unwrap().unwrap();
    assert_eq!(candidate.username_fragment.as_deref(), Some("abcd"));
    signal.from = 9;
    assert_eq!(serde_json::to_value(&signal).unwrap(), value);
    let value = json!({"link": 3, "generation": 0, "description": {"type": "offer", "sdp": "v=0"}});
    let signal: Signal = serde_json::from_value(value).unwrap();
    assert_eq!(signal.description.unwrap().kind, DescriptionKind::Offer);
    assert_eq!(signal.candidate, None);
}

#[test]
fn the_end_of_candidates_is_there_though_it_is_null() {
    let value = json!({"link": 3, "generation": 0, "candidate": null});
    let signal: Signal = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(signal.candidate, Some(None));
    assert_eq!(serde_json::to_value(&signal).unwrap(), value);
}

#[test]
fn who_joins_can_do_webrtc_and_is_open_unless_it_says_otherwise() {
    let token = PeerToken::from_bytes([7; crate::id::ID_BYTES]);
    let join: Join = serde_json::from_value(json!({"token": token})).unwrap();
    assert!(join.rtc && !join.private && join.resume.is_none() && join.key.is_none());
    let unknown = json!({"token": token, "admin": true});
    assert!(serde_json::from_value::<Join>(unknown).is_err());
}

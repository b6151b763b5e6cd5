//! One session description: whether it may be passed on, what later signals are held against, and
//! what is left of it where nobody may learn addresses.
//! Source: RFC 8866, § 5; RFC 8839, § 5.4 (`ice-ufrag`); RFC 8122, § 5 (`fingerprint`).

use parlor_shared::api::{
    Refusal, code,
    signal::{MAX_CANDIDATES, MAX_SDP_BYTES, MAX_SECTIONS, code as signal_code},
};

use super::candidate::{self, Kind};

/// Certificates that one description may name: one for each hash that somebody may want.
const MAX_FINGERPRINTS: usize = 8;
/// Letters of a username fragment. (RFC 8839, § 5.4)
const MAX_FRAGMENT_BYTES: usize = 256;

/// What of a description counts later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// What its candidates name, in the order of its sections, each once.
    pub(super) fragments: Vec<Box<str>>,
    /// Its certificates, in order, each once.
    pub(super) fingerprints: Vec<Box<str>>,
    /// Candidates in it.
    pub(super) n_candidates: usize,
}

/// Reads a description that a client wants passed on.
///
/// # Errors
/// `E_TOO_LARGE`, or `E_BAD_REQUEST` with what is wrong.
pub(super) fn read(sdp: &str) -> Result<Described, Refusal> {
    if sdp.len() > MAX_SDP_BYTES {
        let sentence = format!("a description has at most {MAX_SDP_BYTES} bytes");
        return Err(Refusal::new(signal_code::TOO_LARGE, sentence));
    }
    let bad = |sentence: &str| Err(Refusal::new(code::BAD_REQUEST, sentence));
    let mut described = Described::default();
    let mut n_sections = 0;
    for line in lines(sdp) {
        if line.chars().any(char::is_control) {
            return bad("a line of a description holds control characters");
        }
        let Some((kind, value)) = line.split_once('=').filter(|(kind, _)| is_kind(kind)) else {
            return bad("each line of a description is a small letter, `=` and a value");
        };
        n_sections += usize::from(kind == "m");
        if kind == "a" && !is_name(value) {
            return bad("an attribute's name has small letters, and no blanks");
        }
        if kind == "a" && !described.note(value) {
            return bad("a description holds something that is no candidate, or too much");
        }
    }
    described.fingerprints.sort_unstable();
    match () {
        () if !sdp.starts_with("v=0") => bad("a description begins with `v=0`"),
        () if n_sections == 0 => bad("a description has a media section"),
        () if n_sections > MAX_SECTIONS => bad("a description has at most 64 media sections"),
        () if described.fingerprints.is_empty() => bad("a description names its certificate"),
        () if described.fragments.is_empty() => bad("a description has a username fragment"),
        () => Ok(described),
    }
}

impl Described {
    /// Notes an attribute; false if there is too much of it, or it is not what it says.
    fn note(&mut self, attribute: &str) -> bool {
        if let Some(fragment) = attribute.strip_prefix("ice-ufrag:") {
            add(&mut self.fragments, fragment);
            let is_short = fragment.len() <= MAX_FRAGMENT_BYTES;
            return is_short && self.fragments.len() <= MAX_SECTIONS;
        }
        if let Some(fingerprint) = attribute.strip_prefix("fingerprint:") {
            add(&mut self.fingerprints, &fingerprint.to_ascii_lowercase());
            return self.fingerprints.len() <= MAX_FINGERPRINTS;
        }
        if attribute.starts_with("candidate:") {
            self.n_candidates += 1;
            return self.n_candidates <= MAX_CANDIDATES && candidate::read(attribute).is_some();
        }
        true
    }
}

fn add(list: &mut Vec<Box<str>>, word: &str) {
    if !list.iter().any(|known| &**known == word) {
        list.push(word.into());
    }
}

fn is_kind(kind: &str) -> bool {
    matches!(kind.as_bytes(), [b'a'..=b'z'])
}

/// True if all who read this attribute take it for the same. Some know names in capitals, and with
/// blanks around them, as well, and would find there what is hidden from everybody else.
fn is_name(attribute: &str) -> bool {
    let name = attribute.split(':').next().unwrap_or_default();
    name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
}

/// The lines, whether they end as they should (RFC 8866, § 5: CRLF) or as some write them.
fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split_terminator('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

/// The description without its candidates, but for relayed ones, and without addresses elsewhere.
pub(super) fn without_addresses(sdp: &str) -> String {
    let mut bare = String::with_capacity(sdp.len());
    for line in lines(sdp) {
        match line.split_once('=') {
            Some(("a", candidate)) if candidate.starts_with("candidate:") => {
                if candidate::read(candidate) != Some(Kind::Relay) {
                    continue;
                }
                bare.push_str("a=");
                bare.push_str(&candidate::without_address(candidate));
            }
            Some(("a", remote)) if remote.starts_with("remote-candidates:") => continue,
            Some(("a", rtcp)) if rtcp.starts_with("rtcp:") => {
                bare.push_str("a=rtcp:9 IN IP4 0.0.0.0");
            }
            Some(("c", _)) => bare.push_str("c=IN IP4 0.0.0.0"),
            Some(("o", origin)) => {
                let mut words: Vec<&str> = origin.split(' ').collect();
                words.truncate(3);
                bare.push_str("o=");
                bare.push_str(&words.join(" "));
                bare.push_str(" IN IP4 127.0.0.1");
            }
            _ => bare.push_str(line),
        }
        bare.push_str("\r\n");
    }
    bare
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A description as Chromium writes one for data channels.
    pub(in crate::signaling) fn sdp(fragment: &str, fingerprint: &str) -> String {
        format!(
            "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             a=group:BUNDLE 0\r\nm=application 51234 UDP/DTLS/SCTP webrtc-datachannel\r\n\
             c=IN IP4 192.0.2.7\r\n\
             a=candidate:1 1 udp 2113937151 192.0.2.7 51234 typ host generation 0\r\n\
             a=ice-ufrag:{fragment}\r\na=ice-pwd:ePd7wpOJKXtAHl2yVfVbJIJ8\r\n\
             a=ice-options:trickle\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n\
             a=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
        )
    }

    fn code_of(sdp: &str) -> String {
        read(sdp).map_or_else(|refusal| refusal.code, |_| "ok".to_owned())
    }

    #[test]
    fn a_description_is_read_for_what_later_signals_are_held_against() {
        let described = read(&sdp("EEtu", "AB:CD")).unwrap();
        assert_eq!(described.fragments, ["EEtu".into()]);
        assert_eq!(described.fingerprints, ["sha-256 ab:cd".into()]);
        assert_eq!(described.n_candidates, 1);
    }

    #[test]
    fn a_description_that_is_too_much_or_no_description_is_refused() {
        let good = sdp("EEtu", "AB:CD");
        let section = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
        let with = |n: usize, line: &str| format!("{good}{}", line.repeat(n));
        assert_eq!(code_of(&with(MAX_SECTIONS - 1, section)), "ok");
        assert_eq!(code_of(&with(MAX_SECTIONS, section)), code::BAD_REQUEST);
        let pad = |n: usize| format!("{good}a=x:{}\r\n", "y".repeat(n - good.len() - 6));
        assert_eq!(pad(MAX_SDP_BYTES).len(), MAX_SDP_BYTES);
        assert_eq!(code_of(&pad(MAX_SDP_BYTES)), "ok");
        assert_eq!(code_of(&pad(MAX_SDP_BYTES + 1)), signal_code::TOO_LARGE);
        let candidate = "a=candidate:1 1 udp 1 192.0.2.7 9 typ host\r\n";
        assert_eq!(code_of(&with(MAX_CANDIDATES - 1, candidate)), "ok");
        assert_eq!(code_of(&with(MAX_CANDIDATES, candidate)), code::BAD_REQUEST);
        let fingerprint = |n: usize| {
            let others = |i| format!("a=fingerprint:sha-1 {i:02}\r\n");
            format!("{good}{}", (0..n).map(others).collect::<String>())
        };
        assert_eq!(code_of(&fingerprint(MAX_FINGERPRINTS - 1)), "ok");
        assert_eq!(code_of(&fingerprint(MAX_FINGERPRINTS)), code::BAD_REQUEST);
        let fragments = |n: usize| {
            let others = |i| format!("a=ice-ufrag:{i:04}\r\n");
            format!("{good}{}", (0..n).map(others).collect::<String>())
        };
        assert_eq!(code_of(&fragments(MAX_SECTIONS - 1)), "ok");
        assert_eq!(code_of(&fragments(MAX_SECTIONS)), code::BAD_REQUEST);
        for bad in [
            String::new(),
            "v=0\r\n".to_owned(),
            good.replace("v=0", "v=1"),
            good.replace("a=fingerprint", "a=foot"),
            good.replace("a=ice-ufrag", "a=ice"),
            good.replace("a=mid:0", "mid 0"),
            good.replace("a=mid:0", "a=mid:\r0"),
            good.replace("a=mid:0", "a=mid:\u{0}"),
            good.replace(" typ host", " typ nonsense"),
            good.replace("a=candidate", "A=candidate"),
            good.replace("a=candidate", "a=Candidate"),
            good.replace("a=candidate", "a= candidate"),
            good.replace("a=candidate", "a=candidate "),
            good.replace("a=candidate", "a=\u{a0}candidate"),
        ] {
            assert_eq!(code_of(&bad), code::BAD_REQUEST, "{bad}");
        }
    }

    #[test]
    fn nothing_of_an_address_is_left_where_nobody_may_learn_one() {
        let relay = "a=candidate:2 1 udp 1 198.51.100.1 3478 typ relay raddr 192.0.2.7 rport 9\r\n";
        let given = sdp("EEtu", "AB:CD").replace("IN IP4 127.0.0.1", "IN IP4 192.0.2.7");
        let bare = without_addresses(&format!(
            "{given}{relay}a=rtcp:9 IN IP4 192.0.2.7\r\n\
             a=remote-candidates:1 192.0.2.7 51234\r\n"
        ));
        assert!(!bare.contains("192.0.2.7"), "{bare}");
        assert!(bare.contains("198.51.100.1 3478 typ relay"), "{bare}");
        let (before, after) = (read(&given).unwrap(), read(&bare).unwrap());
        assert_eq!(before.fragments, after.fragments);
        assert_eq!(before.fingerprints, after.fingerprints);
    }
}

//! One ICE candidate: whether it is one, of which kind, and what is left of it where nobody may
//! learn addresses. The server never connects to any.
//! Source: RFC 8839, § 5.1.

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An address of the peer's own, or as others see it.
    Address,
    /// One of a TURN server's.
    Relay,
}

/// Reads a candidate as it stands behind `a=` in a description; `None` if it is none.
pub(super) fn read(line: &str) -> Option<Kind> {
    let mut words = line.strip_prefix("candidate:")?.split(' ');
    let mut next = || words.next().filter(|word| !word.is_empty());
    let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_graphic());
    let foundation = next()?;
    let _component: u16 = next()?.parse().ok()?;
    let transport = next()?;
    let _priority: u32 = next()?.parse().ok()?;
    let address = next()?;
    let _port: u16 = next()?.parse().ok()?;
    if next()? != "typ" || ![foundation, transport, address].into_iter().all(is_plain) {
        return None;
    }
    let kind = match next()? {
        "host" | "srflx" | "prflx" => Kind::Address,
        "relay" => Kind::Relay,
        _ => return None,
    };
    words.all(is_plain).then_some(kind)
}

/// The fragment that an extension of the candidate names.
pub(super) fn username_fragment(line: &str) -> Option<&str> {
    line.split_once(" ufrag ")?.1.split(' ').next()
}

/// A relayed candidate without the address that is behind it (RFC 8839, § 5.1: `0.0.0.0` and port
/// 9 where that is nobody's business).
pub(super) fn without_address(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    for at in 1..words.len() {
        match words[at - 1] {
            "raddr" => words[at] = "0.0.0.0",
            "rport" => words[at] = "9",
            _ => {}
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_read_as_browsers_write_it() {
        let host = "candidate:842163049 1 udp 1677729535 192.0.2.7 46154 typ srflx raddr 10.0.0.17 \
                    rport 46154 generation 0 ufrag EEtu network-cost 999";
        assert_eq!(read(host), Some(Kind::Address));
        assert_eq!(username_fragment(host), Some("EEtu"));
        let mdns = "candidate:1 1 udp 2113937151 4c0d3a2e-0f0b.local 51234 typ host";
        assert_eq!((read(mdns), username_fragment(mdns)), (Some(Kind::Address), None));
        for address in ["169.254.169.254", "127.0.0.1", "::ffff:10.0.0.1", "example.org"] {
            let line = format!("candidate:1 1 tcp 1 {address} 9 typ host tcptype active");
            assert_eq!(read(&line), Some(Kind::Address), "{address}");
        }
    }

    #[test]
    fn what_is_no_candidate_is_none() {
        for bad in [
            "",
            "candidate:",
            "a=candidate:1 1 udp 1 192.0.2.7 9 typ host",
            "candidate:1 1 udp 1 192.0.2.7 9",
            "candidate:1 1 udp 1 192.0.2.7 9 typ",
            "candidate:1 1 udp 1 192.0.2.7 9 typ magic",
            "candidate:1 x udp 1 192.0.2.7 9 typ host",
            "candidate:1 1 udp 4294967296 192.0.2.7 9 typ host",
            "candidate:1 1 udp 1 192.0.2.7 65536 typ host",
            "candidate:1 1 udp 1  9 typ host",
            "candidate:1 1 udp 1 192.0.2.7 9 typ host\r\na=evil",
            "candidate:1 1 udp 1 ä 9 typ host",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_relayed_candidate_does_not_say_what_is_behind_it() {
        let relay =
            "candidate:2 1 udp 41885439 198.51.100.1 3478 typ relay raddr 203.0.113.9 rport 40000";
        assert_eq!(read(relay), Some(Kind::Relay));
        let bare = without_address(relay);
        assert!(!bare.contains("203.0.113.9") && !bare.contains("40000"), "{bare}");
        assert_eq!(read(&bare), Some(Kind::Relay));
    }
}

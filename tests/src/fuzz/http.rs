//! What the server reads of HTTP by itself. All else is hyper's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use parlor_server::{
    Handshake, Headers,
    doors::{self, Read},
};
use parlor_shared::id::Sid;

use super::text;

/// Any bytes as a WebSocket's opening handshake: what is read of it stands in it, it ends where it
/// says, and nothing of it ends a line of the answer.
pub(super) fn opening(data: &[u8]) {
    let Some(opening) = doors::read_opening(data) else { return };
    let head = &data[..opening.n_head];
    assert!(head.ends_with(b"\r\n\r\n"), "it ends with an empty line");
    assert!(opening.headers.len() <= 100);
    for (name, value) in &opening.headers {
        assert!(!value.iter().any(|byte| b"\r\n\0".contains(byte)), "{name}: {value:?}");
        let is_in = |part: &[u8]| part.is_empty() || head.windows(part.len()).any(|p| p == part);
        assert!(is_in(value), "{name}: {value:?}");
    }
    // What follows is left, and what is cut short is not taken.
    let alone = doors::read_opening(head).expect("it was complete");
    assert_eq!((alone.n_head, alone.headers.len()), (opening.n_head, opening.headers.len()));
    assert!(doors::read_opening(&head[..head.len() - 1]).is_none_or(|o| o.n_head < head.len()));
    if let Some(answer) = opening.answer {
        let answer = String::from_utf8(answer).expect("what is echoed is a token");
        let (head, rest) = answer.split_once("\r\n\r\n").expect("it ends");
        assert_eq!(rest, "");
        let lines: Vec<&str> = head.split("\r\n").collect();
        assert_eq!(lines[0], "HTTP/1.1 101 Switching Protocols");
        assert!((4..=5).contains(&lines.len()), "{answer}");
        assert!(lines[1..].iter().all(|line| line.contains(": ") && !line.contains(['\r', '\n'])));
    }
}

/// Any text as a query: it is read as plainly as can be.
pub(super) fn query(data: &[u8]) {
    let query = text(data);
    let Some(read) = doors::read_query(query) else { return };
    // A fragment is none of the server's business.
    let query = query.split('#').next().unwrap_or_default();
    let all = |wanted: &str| -> Vec<String> {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let wanted = pairs.filter(|(name, _)| unescaped(name) == wanted);
        wanted.map(|(_, value)| unescaped(value)).collect()
    };
    let last = |name: &str| all(name).pop().unwrap_or_default();
    let expected = Read {
        transport: ["polling", "websocket"].into_iter().find(|name| *name == last("transport")),
        names_session: !last("sid").is_empty(),
        sid: Sid::parse(&last("sid")).map(|sid| sid.to_bytes()),
        is_repeated: ["transport", "EIO", "sid"].iter().any(|name| all(name).len() > 1),
    };
    assert_eq!(read, expected);
    if let Some(bytes) = read.sid {
        assert_eq!(Sid::from_bytes(bytes).to_string(), last("sid"), "an id is written in one way");
    }
}

/// A URL in one line, a name in the next, and lines of cookies: parameters and cookies are what a
/// plain reading finds.
pub(super) fn handshake(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let (url, name) = (text(lines.next().unwrap_or_default()), lines.next().unwrap_or_default());
    let (name, lines) = (text(name), lines.collect::<Vec<_>>());
    let headers = Headers::default();
    let address = Ipv4Addr::LOCALHOST.into();
    let handshake = Handshake { address, url: url.into(), headers, issued: 0 };
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let expected: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (unescaped(name), unescaped(value)))
        .collect();
    let found = handshake.params().map(|(name, value)| (name.into_owned(), value.into_owned()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let first = expected.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(handshake.param(name).as_deref(), first);

    let is_header =
        |line: &&[u8]| line.iter().all(|byte| matches!(byte, b'\t' | b' '..=126 | 128..));
    let cookies = doors::cookie(&lines, name);
    assert_eq!(cookies.is_some(), lines.iter().all(is_header));
    let Some(cookie) = cookies else { return };
    let texts: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    let pairs = texts.iter().flat_map(|line| line.split(';')).map(str::trim);
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().filter(|_| !name.contains('='));
    assert_eq!(cookie.as_deref(), value.map(|value| value.trim_matches('"')));
}

/// A word of a query, whose plus signs are blanks and whose escapes are bytes.
fn unescaped(word: &str) -> String {
    let word = word.replace('+', " ");
    let mut parts = word.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.map(|two| u8::from_str_radix(two, 16).expect("two digits")) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Any lines as `X-Forwarded-For`: who is not behind a trusted proxy is who it is, and others are
/// whom the last line's last hop names, or somebody that a line names if that is a proxy too. What
/// cannot be read leaves the proxy itself.
pub(super) fn forwarded(data: &[u8]) {
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let values: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let trusted = |networks: &[&str]| networks.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    for networks in [&[][..], &["192.168.0.0/16"]] {
        let client = doors::forwarded(&trusted(networks), peer, &values);
        assert!(client.is_none_or(|client| client == peer));
    }
    let Some(client) = doors::forwarded(&trusted(&["10.0.0.0/8", "::1"]), peer, &values) else {
        return;
    };
    let lines: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
    let hops: Vec<_> = lines.iter().flat_map(|line| line.split(',')).map(address).collect();
    let is_proxy = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST,
    };
    match hops.last().copied().flatten() {
        Some(last) if !is_proxy(last) => assert_eq!(client, last),
        Some(_) => assert!(hops.contains(&Some(client)), "{client} is named by nobody"),
        None => assert!(client == peer || hops.contains(&Some(client))),
    }
}

/// A hop's address, with a port or without.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let alone = || hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || {
        let inner = hop.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let address = alone().or_else(with_port).or_else(in_brackets)?;
    Some(address.to_canonical())
}

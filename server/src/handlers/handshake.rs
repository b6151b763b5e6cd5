//! The request that opened a session, as handlers may ask about it for as long as it lives.
//! What a client says when it joins a namespace is `admission`'s.

use std::{borrow::Cow, fmt, net::IpAddr, ops::Deref, sync::OnceLock};

use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue, ORIGIN, PROXY_AUTHORIZATION},
};

/// The request that opened a session. Its `Debug` tells neither the query nor what cookies and
/// authorizations say: they may be secrets.
///
/// ```
/// # let mut server = parlor_server::Server::default();
/// server.namespace("/").on_connect(|cx| {
///     let Some(handshake) = cx.handshake() else { return };
///     let locale = handshake.param("locale").unwrap_or("en".into()).into_owned();
///     let agent = handshake.headers.get("user-agent").is_some();
///     cx.emit("welcome", (locale, agent, handshake.time()));
/// });
/// ```
#[derive(Clone)]
pub struct Handshake {
    /// The client's address, as told by trusted proxies.
    pub address: IpAddr,
    /// Path and query, as they were asked for.
    pub url: Box<str>,
    /// The headers, as a [`HeaderMap`].
    pub headers: Headers,
    /// When it came: milliseconds since the beginning of 1970 in UTC.
    pub issued: u64,
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url.split('?').next();
        f.debug_struct("Handshake")
            .field("address", &self.address)
            .field("path", &path.unwrap_or_default())
            .field("headers", &self.headers)
            .field("issued", &self.issued)
            .finish()
    }
}

impl Handshake {
    /// The query string, without `?`.
    pub fn query(&self) -> &str {
        query(&self.url)
    }

    /// What the query string says, decoded, in its order: what the client was told to send, and
    /// Engine.IO's own (`EIO`, `transport`, perhaps `t`).
    pub fn params(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        params(&self.url)
    }

    /// The first value of this name in the query string, decoded.
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        param(&self.url, name)
    }

    /// [`Self::issued`] for people, as JavaScript writes a date where the time zone is UTC:
    /// `Sat Nov 21 2026 15:36:00 GMT+0000 (Coordinated Universal Time)`.
    pub fn time(&self) -> String {
        date(self.issued)
    }

    /// True if a page of a browser's asked from another origin, or said where it is all the same.
    pub fn xdomain(&self) -> bool {
        self.headers.contains_key(ORIGIN)
    }

    /// True if it came by TLS. This server has none yet; what a proxy in front of it takes off is
    /// told by its headers.
    pub fn secure(&self) -> bool {
        false
    }

    /// The value of a cookie; of two of one name the first, which is the one of the longer path.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all(COOKIE);
        // One that is not ASCII is another page's, and hides none that stands beside it.
        all.iter().map(|all| String::from_utf8_lossy(all.as_bytes())).find_map(|all| {
            let mut pairs = all.split(';').filter_map(|pair| pair.trim().split_once('='));
            let (_, value) = pairs.find(|(own, _)| *own == name)?;
            Some(value.trim_matches('"').to_owned())
        })
    }
}

/// What is behind the first `?`.
pub(super) fn query(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query)
}

pub(super) fn params(url: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = query(url).split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

pub(super) fn param<'u>(url: &'u str, name: &str) -> Option<Cow<'u, str>> {
    params(url).find(|(known, _)| known == name).map(|(_, value)| value)
}

/// One word of a query string. What is no escape stays, and what is no UTF-8 is replaced.
pub(crate) fn decode(word: &str) -> Cow<'_, str> {
    if !word.contains(['%', '+']) {
        return Cow::Borrowed(word);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (mut bytes, mut rest) = (Vec::with_capacity(word.len()), word.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            None if *first == b'+' => bytes.push(b' '),
            None => bytes.push(*first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Milliseconds since 1970 as JavaScript writes them.
pub(super) fn date(ms: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, u64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    /// Of four hundred years, after which the calendar repeats.
    const N_DAYS_OF_ERA: u64 = 146_097;
    let seconds = ms / 1_000;
    let n_days = seconds / 86_400;
    let (mut year, mut day) = (1970 + 400 * (n_days / N_DAYS_OF_ERA), n_days % N_DAYS_OF_ERA);
    let leap = |year: u64| {
        u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
    };
    while day >= 365 + leap(year) {
        day -= 365 + leap(year);
        year += 1;
    }
    let mut month = "";
    for (i, (name, n_days)) in MONTHS.into_iter().enumerate() {
        let n_days = n_days + if i == 1 { leap(year) } else { 0 };
        month = name;
        if day < n_days {
            break;
        }
        day -= n_days;
    }
    let weekday = WEEKDAYS[(n_days % 7) as usize];
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!(
        "{weekday} {month} {:02} {year} {hour:02}:{minute:02}:{second:02} GMT+0000 \
         (Coordinated Universal Time)",
        day + 1
    )
}

/// The headers of a request. They are kept as text, for as long as the session lives, and made a
/// map when somebody asks for the first time.
#[derive(Clone, Default)]
pub struct Headers {
    /// `name:value` and a line's end for each.
    text: Box<[u8]>,
    map: OnceLock<Box<HeaderMap>>,
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not by the map: that would stay.
        f.debug_map().entries(self.lines().map(|(name, value)| shown(name, value))).finish()
    }
}

impl Headers {
    /// Names and values, as bytes.
    fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // No name has a colon, and no value an end of line.
        self.text.split(|byte| *byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], &line[colon + 1..]))
        })
    }
}

/// A header for people's eyes: not what says who somebody is.
pub(crate) fn shown<'h>(name: &'h [u8], value: &'h [u8]) -> (Cow<'h, str>, Cow<'h, str>) {
    let is_secret = [COOKIE, AUTHORIZATION, PROXY_AUTHORIZATION]
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret.as_str().as_bytes()));
    let value = if is_secret { Cow::Borrowed("…") } else { String::from_utf8_lossy(value) };
    (String::from_utf8_lossy(name), value)
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let n_bytes = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
        let mut text = Vec::with_capacity(n_bytes);
        for (name, value) in map {
            text.extend_from_slice(name.as_str().as_bytes());
            text.push(b':');
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        Self { text: text.into(), map: OnceLock::new() }
    }
}

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let mut map = HeaderMap::new();
            for (name, value) in self.lines() {
                let name = HeaderName::from_bytes(name);
                let value = HeaderValue::from_bytes(value);
                if let (Ok(name), Ok(value)) = (name, value) {
                    map.append(name, value);
                }
            }
            Box::new(map)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("host", "a:80"),
            ("x-twice", "1"),
            ("cookie", "a=b; c=d"),
            ("x-empty", ""),
            ("x-twice", "2:\t3"),
        ] {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map.append("x-raw", HeaderValue::from_bytes(&[0xff, b':', 0x80]).unwrap());
        let headers = Headers::from(&map);
        assert_eq!(*headers, map);
        assert!(Headers::default().is_empty());
    }
    fn of(url: &str) -> Handshake {
        let address = Ipv4Addr::LOCALHOST.into();
        Handshake { address, url: url.into(), headers: Headers::default(), issued: 0 }
    }

    #[test]
    fn a_query_is_read_as_a_browser_writes_it() {
        let read = |url: &str| -> Vec<(String, String)> {
            let handshake = of(url);
            let pairs = handshake.params();
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("/socket.io/"), []);
        assert_eq!(read("/?"), []);
        assert_eq!(
            read("/socket.io/?EIO=4&%26a=%26%3D%3fa&&b=c=d&e&=f&g=h+i%20j&g=?"),
            [
                pair("EIO", "4"),
                pair("&a", "&=?a"),
                pair("b", "c=d"),
                pair("e", ""),
                pair("", "f"),
                pair("g", "h i j"),
                pair("g", "?"),
            ]
        );
        assert_eq!(
            read("/?a=%E2%82%AC&b=%ff&c=%&d=%2&e=%zz&f=%+1"),
            [
                pair("a", "€"),
                pair("b", "\u{fffd}"),
                pair("c", "%"),
                pair("d", "%2"),
                pair("e", "%zz"),
                pair("f", "% 1"),
            ]
        );
        let handshake = of("/?t=1&t=2");
        assert_eq!(handshake.param("t").as_deref(), Some("1"));
        assert_eq!(handshake.param("x"), None);
        assert_eq!(handshake.query(), "t=1&t=2");
    }

    #[test]
    fn times_look_as_javascript_writes_them() {
        for (seconds, text) in [
            (0, "Thu Jan 01 1970 00:00:00"),
            (68_169_599, "Mon Feb 28 1972 23:59:59"),
            (68_169_600, "Tue Feb 29 1972 00:00:00"),
            (951_868_800, "Wed Mar 01 2000 00:00:00"),
            (1_795_275_360, "Sat Nov 21 2026 15:36:00"),
            (1_798_761_599, "Thu Dec 31 2026 23:59:59"),
            (4_107_542_400, "Mon Mar 01 2100 00:00:00"),
            (16_725_225_600, "Fri Jan 01 2500 00:00:00"),
        ] {
            let expected = format!("{text} GMT+0000 (Coordinated Universal Time)");
            assert_eq!(date(seconds * 1_000), expected, "{seconds}");
        }
        assert!(!date(u64::MAX).is_empty());
    }

    #[test]
    fn adm_09_what_is_printed_of_it_tells_no_secret() {
        let mut map = HeaderMap::new();
        for name in ["cookie", "authorization", "proxy-authorization"] {
            map.append(HeaderName::from_static(name), HeaderValue::from_static("secret"));
        }
        map.append("user-agent", HeaderValue::from_static("a browser"));
        let handshake = Handshake { headers: Headers::from(&map), ..of("/socket.io/?t=secret") };
        let printed = format!("{handshake:?}");
        assert!(!printed.contains("secret"), "{printed}");
        for told in [r#""cookie": "…""#, r#""user-agent": "a browser""#, r#"path: "/socket.io/""#]
        {
            assert!(printed.contains(told), "{printed}");
        }
        assert!(handshake.headers.map.get().is_none(), "nothing is kept for it");
    }

    #[test]
    fn an_origin_makes_it_cross_origin() {
        let mut handshake = of("/");
        assert!(!handshake.xdomain());
        let map = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("http://a"))]);
        handshake.headers = Headers::from(&map);
        assert!(handshake.xdomain());
    }
}

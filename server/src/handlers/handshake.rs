//! The request that opened a session, as handlers may ask about it for as long as it lives.
//! What a client says when it joins a namespace is `admission`'s.

use std::{net::IpAddr, ops::Deref, sync::OnceLock};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};

/// The request that opened a session.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The client's address, as told by trusted proxies.
    pub address: IpAddr,
    /// The query string, without `?`.
    pub query: String,
    /// The headers, as a [`HeaderMap`].
    pub headers: Headers,
}

/// The headers of a request. They are kept as text, for as long as the session lives, and made a
/// map when somebody asks for the first time.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// `name:value` and a line's end for each.
    text: Box<[u8]>,
    map: OnceLock<Box<HeaderMap>>,
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
            for line in self.text.split(|byte| *byte == b'\n') {
                // No name has a colon, and no value an end of line.
                let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
                let name = HeaderName::from_bytes(&line[..colon]);
                let value = HeaderValue::from_bytes(&line[colon + 1..]);
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
}

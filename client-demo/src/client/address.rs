//! Where a server is: `http://host:port`, and the path its Socket.IO answers below.
//! Names are resolved by `connection`. TLS is not spoken: a proxy may add it.

use std::{fmt, str::FromStr};

/// Below this path Socket.IO answers unless the server was told otherwise.
const DEFAULT_PATH: &str = "/socket.io/";

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, the latter without brackets.
    host: String,
    port: u16,
    /// Begins and ends with `/`; letters that may stand in a request line only.
    path: String,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// `https://` or `wss://`.
    #[error("TLS is not spoken by this client; use http://")]
    Tls,
    /// Another scheme, or none.
    #[error("an address begins with http:// (such as http://127.0.0.1:3000)")]
    Scheme,
    /// No host, or letters that no host has.
    #[error("there is no valid host in the address")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// Something follows host and port.
    #[error("nothing may follow host and port; the path of Socket.IO is an option of its own")]
    Tail,
    /// The path holds letters that no path has.
    #[error("the path may hold letters, digits and -._~/ only")]
    Path,
}

impl Address {
    /// The same server, whose Socket.IO answers below another path.
    ///
    /// # Errors
    /// If the path holds letters that would have to be escaped.
    pub fn with_path(self, path: &str) -> Result<Self, AddressError> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
        if !path.bytes().all(is_plain) {
            return Err(AddressError::Path);
        }
        let path = match path.trim_matches('/') {
            "" => "/".to_owned(),
            inner => format!("/{inner}/"),
        };
        Ok(Self { path, ..self })
    }

    /// The host's name or IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, from `/` to `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and port as a `Host` header has them.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(AddressError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => {}
            "https" | "wss" => return Err(AddressError::Tls),
            _ => return Err(AddressError::Scheme),
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(AddressError::Tail);
        }
        let (host, port) = split_port(rest)?;
        let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-._:%".contains(&b);
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(AddressError::Host);
        }
        Ok(Self { host: host.to_owned(), port, path: DEFAULT_PATH.to_owned() })
    }
}

fn split_port(text: &str) -> Result<(&str, u16), AddressError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or(AddressError::Host)?,
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    if port.is_empty() {
        return Ok((host, 80));
    }
    let digits = port.strip_prefix(':').ok_or(AddressError::Host)?;
    let number = digits.parse().ok().filter(|port| *port > 0).ok_or(AddressError::Port)?;
    Ok((host, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_into_host_and_port() {
        for (text, host, port, shown) in [
            ("http://127.0.0.1:3000", "127.0.0.1", 3000, "http://127.0.0.1:3000"),
            ("HTTP://play.example/", "play.example", 80, "http://play.example:80"),
            (" ws://[::1]:3000 ", "::1", 3000, "http://[::1]:3000"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port));
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.path(), "/socket.io/");
        }
    }

    #[test]
    fn a_path_always_ends_with_a_slash() {
        let address: Address = "http://a".parse().unwrap();
        for (path, shown) in [("/", "/"), ("", "/"), ("games", "/games/"), ("/a/b/", "/a/b/")] {
            assert_eq!(address.clone().with_path(path).unwrap().path(), shown);
        }
        for path in ["/a b/", "/a?b", "/a\r\nX: y/"] {
            assert_eq!(address.clone().with_path(path), Err(AddressError::Path));
        }
    }

    #[test]
    fn everything_else_has_its_error() {
        for (text, error) in [
            ("127.0.0.1:3000", AddressError::Scheme),
            ("ftp://a", AddressError::Scheme),
            ("https://a", AddressError::Tls),
            ("wss://a", AddressError::Tls),
            ("http://", AddressError::Host),
            ("http://:80", AddressError::Host),
            ("http://a b", AddressError::Host),
            ("http://[::1", AddressError::Host),
            ("http://[::1]x", AddressError::Host),
            ("http://a\r\nX", AddressError::Host),
            ("http://a:0", AddressError::Port),
            ("http://a:65536", AddressError::Port),
            ("http://a:b", AddressError::Port),
            ("http://a:80/lobby", AddressError::Tail),
            ("http://a?b", AddressError::Tail),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}

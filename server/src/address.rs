//! Who a client is by its address: behind trusted proxies, and how much one address may have.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use hyper::HeaderMap;
use ipnet::IpNet;
use parlor_core::key::Origin;

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses (`127.0.0.1`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// The text that is neither.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, String> {
        let parse = |text: &String| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| format!("`{text}` is neither an address nor a network"))
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the last one that a trusted proxy vouches for.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // What a client has put in front may be anything: it must not hide what a proxy says.
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        for hop in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            if !self.contains(client) {
                break;
            }
            let Some(address) = std::str::from_utf8(hop).ok().and_then(hop_address) else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// Reads an address as proxies write it: some put it in brackets, and some add its port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    hop.parse().ok().or_else(with_port).or_else(bracketed)
}

/// Whose limits count for a client: its address, or the /64 of an IPv6 address, of which one
/// client has as many as it likes. In 8 bytes, as every session has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(u64);

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        // No network has an address in the first 2^-8 of IPv6, where those of IPv4 are put.
        Self(match address.to_canonical() {
            IpAddr::V4(address) => 1 << 32 | u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        })
    }

    /// As core knows it.
    pub(crate) fn origin(self) -> Origin {
        Origin(self.0)
    }
}

/// Counts something per network, up to a limit; 0 is no limit.
pub(crate) type PerAddress = Per<Network>;

/// Counts something per `K`, up to a limit; 0 is no limit.
#[derive(Debug, Clone)]
pub(crate) struct Per<K> {
    limit: usize,
    /// Shared by the acceptor and all shards; held for one look-up at a time.
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

/// One that counts; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Counted<K: Eq + Hash = Network> {
    key: K,
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash + Clone> Per<K> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// Takes a place; `None` if there are as many of this key as may be.
    pub(crate) fn take(&self, key: K) -> Option<Counted<K>> {
        let mut counts = self.counts.lock().expect("nobody panics while holding it");
        let count = counts.entry(key.clone()).or_default();
        if self.limit != 0 && *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Counted { key, counts: Arc::clone(&self.counts) })
    }
}

impl<K: Eq + Hash> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().expect("nobody panics while holding it");
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|s| (*s).to_owned()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append("x-forwarded-for", value);
        }
        let proxies = TrustedProxies::parse(&trusted).unwrap();
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_only_from_trusted_proxies() {
        assert_eq!(client(&[], "9.9.9.9", &["1.2.3.4"]), "9.9.9.9");
        assert_eq!(client(&["9.9.9.9"], "9.9.9.9", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(client(&["10.0.0.0/8"], "::ffff:10.1.1.1", &["1.2.3.4", "10.2.2.2"]), "1.2.3.4");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["nonsense"]), "10.1.1.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[]), "10.1.1.1");
        assert!(TrustedProxies::parse(&["proxy.example".to_owned()]).is_err());
    }

    #[test]
    fn what_a_proxy_says_is_read_whatever_its_client_has_put_in_front() {
        for front in ["\u{e9}", "nonsense", "", ",", "1.2.3.4:", "[::1"] {
            let line = format!("{front}, 9.9.8.1");
            assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[&line]), "9.9.8.1", "{line}");
            assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[front, "9.9.8.1"]), "9.9.8.1");
        }
        let forms = ["9.9.8.1:443", " 9.9.8.1 ", "::ffff:9.9.8.1", "[::ffff:9.9.8.1]:80"];
        for hop in forms {
            assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[hop]), "9.9.8.1", "{hop}");
        }
        for hop in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"] {
            assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &[hop]), "2001:db8::1", "{hop}");
        }
    }

    #[test]
    fn an_address_gets_its_limit_and_not_one_more() {
        let (per, own) = (PerAddress::new(2), network("1.2.3.4"));
        let first = per.take(own).unwrap();
        let _second = per.take(own).unwrap();
        assert!(per.take(own).is_none());
        assert!(per.take(network("1.2.3.5")).is_some());
        drop(first);
        assert!(per.take(own).is_some());
        assert!(PerAddress::new(0).take(own).is_some());
    }

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    #[test]
    fn an_address_of_ipv6_counts_by_its_64() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
        assert_ne!(network("1.2.3.4"), network("1.2.3.5"));
    }
}

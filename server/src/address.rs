//! Who a client is by its address: behind trusted proxies, and how much one address may have.

use std::{
    collections::HashMap,
    hash::BuildHasher as _,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use hyper::HeaderMap;
use ipnet::IpNet;
use parlor_core::{hash::Keyed, key::Origin};

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
        let forwarded = headers.get_all("x-forwarded-for").iter().rev();
        let hops = forwarded.filter_map(|value| value.to_str().ok()).flat_map(|v| v.rsplit(','));
        for hop in hops {
            if !self.contains(client) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// Gives each address a number that tells nobody which it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origins(Keyed);

impl Origins {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Keyed::new(seed))
    }

    /// The number of an address. Of IPv6 the network counts, of which a client has all addresses.
    pub(crate) fn of(self, address: IpAddr) -> Origin {
        Origin(match address.to_canonical() {
            IpAddr::V4(address) => self.0.hash_one(address),
            IpAddr::V6(address) => self.0.hash_one(address.to_bits() >> 64),
        })
    }
}

/// Counts something per address, up to a limit; 0 is no limit.
#[derive(Debug, Clone)]
pub(crate) struct PerAddress {
    limit: usize,
    /// Shared by the acceptor and all shards; held for one look-up at a time.
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One that counts; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Counted {
    address: IpAddr,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl PerAddress {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// Takes a place; `None` if the address has as many as it may.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Counted> {
        let mut counts = self.counts.lock().expect("nobody panics while holding it");
        let count = counts.entry(address).or_default();
        if self.limit != 0 && *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Counted { address, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().expect("nobody panics while holding it");
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|s| (*s).to_owned()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
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
    fn an_address_gets_its_limit_and_not_one_more() {
        let (per, address) = (PerAddress::new(2), "1.2.3.4".parse().unwrap());
        let first = per.take(address).unwrap();
        let _second = per.take(address).unwrap();
        assert!(per.take(address).is_none());
        assert!(per.take("1.2.3.5".parse().unwrap()).is_some());
        drop(first);
        assert!(per.take(address).is_some());
        assert!(PerAddress::new(0).take(address).is_some());
    }
}

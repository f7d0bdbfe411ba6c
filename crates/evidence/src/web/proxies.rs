//! Proxies that are trusted to say whose requests they pass on.

use std::{net::IpAddr, sync::Arc};

use super::entry::{Column, Entry};

/// The addresses of an organisation's own reverse proxies and load balancers. A request that comes from one of them is that of the client
/// which its `X-Forwarded-For` names: the last address there that is not a trusted proxy's itself, since whatever stands before it, the client
/// may have sent.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[Network]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// How many bits of the address are the network's.
    bits: u32,
}

impl Proxies {
    /// Reads addresses (`192.0.2.10`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let network = |text: &str| {
            Network::parse(text).ok_or_else(|| {
                format!("expected an address or a network such as 192.0.2.10 or 10.0.0.0/8, found '{text}'")
            })
        };
        Ok(Self(texts.into_iter().map(network).collect::<Result<Vec<_>, _>>()?.into()))
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// Puts the client in the place of a trusted proxy.
    pub(super) fn look_behind(&self, entry: &mut Entry<'_>) {
        if self.0.is_empty() {
            return;
        }
        let Some((proxy, list)) = entry.get(Column::Client).zip(entry.get(Column::ForwardedFor)) else { return };
        if !address(proxy).is_some_and(|address| self.has(address)) {
            return;
        }
        let client = list.rsplit(',').map(trimmed).find(|text| !address(text).is_some_and(|one| self.has(one)));
        if let Some(client) = client.filter(|text| address(text).is_some()) {
            entry.replace(Column::Client, without_port(client));
            entry.replace(Column::Proxy, proxy);
        }
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.parse().ok().filter(|bits| *bits <= all))?;
        Some(Self { address, bits })
    }

    fn has(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// An address without the port that some proxies write behind it: `192.0.2.1:5678`, `[2001:db8::1]:5678`, `[2001:db8::1]`.
fn without_port(text: &str) -> &str {
    match text.strip_prefix('[') {
        Some(inside) => inside.split_once(']').map_or(text, |(address, _)| address),
        None => text.split_once(':').filter(|(_, port)| !port.contains(':')).map_or(text, |(address, _)| address),
    }
}

/// An item of the list; IIS writes a blank as `+`.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '+'])
}

pub(super) fn address(text: &str) -> Option<IpAddr> {
    // No address is longer; text may be.
    Some(without_port(text)).filter(|text| text.len() <= 45)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(client: &'static str, forwarded: &'static str) -> (String, String) {
        let proxies = Proxies::parse(["10.0.0.0/8", "192.0.2.10", "2001:db8:1::/48"]).unwrap();
        let mut entry = Entry::default();
        entry.set(Column::Client, client);
        entry.set(Column::ForwardedFor, forwarded);
        proxies.look_behind(&mut entry);
        let text = |column| entry.get(column).unwrap_or_default().to_owned();
        (text(Column::Client), text(Column::Proxy))
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        for (client, forwarded, expected) in [
            ("10.1.2.3", "203.0.113.7", "203.0.113.7"),
            ("192.0.2.10", "198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
            ("2001:db8:1::5", "[2001:db8:2::7]:443", "2001:db8:2::7"),
            ("10.0.0.1", "198.51.100.1,+203.0.113.7,+10.0.0.9", "203.0.113.7"),
            ("::ffff:10.0.0.1", "203.0.113.7:55000,192.0.2.10:80", "203.0.113.7"),
        ] {
            assert_eq!(behind(client, forwarded), (expected.to_owned(), client.to_owned()), "{client} {forwarded}");
        }
        // Nobody who is trusted says so, or nothing that is an address.
        for (client, forwarded) in [
            ("203.0.113.7", "198.51.100.1"),
            ("192.0.2.11", "198.51.100.1"),
            ("10.0.0.1", "-"),
            ("10.0.0.1", "unknown"),
            ("10.0.0.1", "198.51.100.1, unknown"),
            ("10.0.0.1", "10.0.0.2, 192.0.2.10"),
            ("10.0.0.1", ""),
        ] {
            assert_eq!(behind(client, forwarded), (client.to_owned(), String::new()), "{client} {forwarded}");
        }
    }

    #[test]
    fn networks_are_read() {
        assert!(Proxies::parse(["0.0.0.0/0"]).unwrap().has([203, 0, 113, 7].into()));
        for wrong in ["", "10.0.0.0/33", "10.0.0", "example.com", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(Proxies::parse([wrong]).is_err(), "{wrong}");
        }
    }
}

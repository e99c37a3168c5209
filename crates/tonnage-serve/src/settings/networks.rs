//! Who is trusted to speak for others: addresses and networks, as `forwarded_allow_ips`
//! lists them.

use std::net::{IpAddr, Ipv4Addr};

/// Peers that are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedPeers {
    everybody: bool,
    networks: Vec<Network>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    prefix_bits: u32,
}

impl TrustedPeers {
    /// Reads addresses, networks such as `10.0.0.0/8`, and `*` for everybody. The error
    /// says what would be right.
    pub fn parse<T: AsRef<str>>(list: &[T]) -> Result<Self, String> {
        let mut trusted = Self::default();
        for entry in list {
            match entry.as_ref() {
                "*" => trusted.everybody = true,
                entry => trusted.networks.push(Network::parse(entry)?),
            }
        }
        Ok(trusted)
    }

    /// Whether this peer is trusted. Without an address it came through a unix socket,
    /// which the permissions of its file guard: it is.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        self.everybody
            || peer.is_none_or(|peer| {
                // An IPv4 client of a socket for both versions.
                let peer = peer.to_canonical();
                self.networks.iter().any(|network| network.contains(peer))
            })
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("addresses and networks such as 10.0.0.0/8, not {text:?}");
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| wrong())?;
        let all_bits = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match mask {
            None => all_bits,
            Some(mask) => prefix_bits(mask, first.is_ipv4()).ok_or_else(wrong)?,
        };
        if prefix_bits > all_bits {
            return Err(wrong());
        }
        let network = Self { first, prefix_bits };
        if network.masked(first) == bits(first) {
            Ok(network)
        } else {
            // Most likely a slip: is it the one address or its whole network?
            Err(format!(
                "a network's first address before the slash, not {text:?}"
            ))
        }
    }

    fn contains(self, peer: IpAddr) -> bool {
        self.first.is_ipv4() == peer.is_ipv4() && self.masked(peer) == bits(self.first)
    }

    /// The bits of an address of the same version, those behind the prefix cleared.
    fn masked(self, address: IpAddr) -> u128 {
        let all_bits = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = all_bits - self.prefix_bits;
        let host = 1_u128
            .checked_shl(host_bits)
            .map_or(u128::MAX, |first| first - 1);
        bits(address) & !host
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// `8`, or `255.0.0.0` as old configurations have it.
fn prefix_bits(mask: &str, is_ipv4: bool) -> Option<u32> {
    if let Ok(mask) = mask.parse::<Ipv4Addr>() {
        let ones = mask.to_bits().count_ones();
        return (is_ipv4 && mask.to_bits().leading_ones() == ones).then_some(ones);
    }
    // A sign is no part of a prefix, though `parse` would take it.
    mask.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| mask.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(list: &[&str], peer: &str) -> bool {
        TrustedPeers::parse(list)
            .unwrap()
            .trusts(Some(peer.parse().unwrap()))
    }

    #[test]
    fn addresses_and_networks_trust_their_own() {
        let home = ["127.0.0.1", "::1"];
        assert!(trusts(&home, "127.0.0.1"));
        assert!(trusts(&home, "::1"));
        assert!(trusts(&home, "::ffff:127.0.0.1"));
        assert!(!trusts(&home, "127.0.0.2"));
        assert!(!trusts(&home, "::2"));
        assert!(trusts(&["10.0.0.0/8"], "10.255.0.1"));
        assert!(!trusts(&["10.0.0.0/8"], "11.0.0.0"));
        assert!(trusts(&["10.0.0.0/255.0.0.0"], "10.1.2.3"));
        assert!(trusts(&["2001:db8::/33"], "2001:db8:7fff::1"));
        assert!(!trusts(&["2001:db8::/33"], "2001:db8:8000::1"));
        // Every address of one version says nothing about the other.
        assert!(trusts(&["0.0.0.0/0"], "192.0.2.1"));
        assert!(!trusts(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(trusts(&["::/0"], "2001:db8::1"));
        assert!(!trusts(&[], "127.0.0.1"));
        assert!(trusts(&["*"], "192.0.2.1"));
    }

    #[test]
    fn a_unix_socket_is_trusted() {
        assert!(TrustedPeers::default().trusts(None));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.1/8",
            "10.0.0.0/255.0.255.0",
            "::/255.0.0.0",
            "10.0.0",
            "**",
        ] {
            assert!(TrustedPeers::parse(&[wrong]).is_err(), "{wrong}");
        }
        let error = TrustedPeers::parse(&["192.168.1.1/24"]).unwrap_err();
        assert!(error.contains("first address"), "{error}");
    }
}

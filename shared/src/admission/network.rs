//! Networks from which a key may be used.

use std::net::IpAddr;

use crate::store::items::ANY;

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    /// Parses a network. IPv4 must be written as IPv4, never inside IPv6.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().ok()?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) => digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())??,
            None => width,
        };
        (prefix <= width && base.to_canonical() == base).then_some(Self { base, prefix })
    }

    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let same = |base: u128, address: u128, width: u32| {
            let ignored = width.saturating_sub(self.prefix);
            ignored == width || base.checked_shr(ignored) == address.checked_shr(ignored)
        };
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => same(u32::from(base).into(), u32::from(address).into(), 32),
            (IpAddr::V6(base), IpAddr::V6(address)) => same(base.into(), address.into(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether an address is in one of the networks, or one of them is `*` for all. An unknown address is in none, and an
/// invalid network contains nothing.
pub(super) fn allows(networks: &[String], address: Option<IpAddr>) -> bool {
    let holds = |network: &str| address.is_some_and(|address| Network::parse(network).is_some_and(|n| n.contains(address)));
    networks.iter().any(|network| network == ANY || holds(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_the_addresses_of_their_prefix() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/x", "10.0.0.1", false),
            ("*", "10.0.0.1", true),
        ] {
            assert_eq!(allows(&[network.to_owned()], address.parse().ok()), inside, "{network} {address}");
        }
        assert!(!allows(&["10.0.0.0/8".to_owned()], None));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "10.0.0.0/", "10.0.0.0/+8", "::ffff:10.0.0.0/104", "*"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        for text in ["10.0.0.0/8", "10.1.2.3", "::/0", "2001:db8::1"] {
            assert!(Network::parse(text).is_some(), "{text}");
        }
    }
}

//! Networks that a key may be used from.

use std::net::IpAddr;

use crate::store::items::ANY;

/// Whether an address lies in one of the networks (`10.0.0.0/8`, `2001:db8::/32`, a single address, or `*` for all). An unknown
/// address lies in none of them.
pub(super) fn allows(networks: &[String], address: Option<IpAddr>) -> bool {
    networks.iter().any(|network| network == ANY || address.is_some_and(|address| contains(network, address)))
}

fn contains(network: &str, address: IpAddr) -> bool {
    let (base, bits) = network.split_once('/').map_or((network, None), |(base, bits)| (base, Some(bits)));
    let (Ok(base), Some(prefix)) = (base.parse::<IpAddr>(), bits.map_or(Some(u32::MAX), |bits| bits.parse().ok())) else {
        return false;
    };
    let same = |base: u128, address: u128, width: u32| {
        let ignored = width.saturating_sub(prefix.min(width));
        base.checked_shr(ignored) == address.checked_shr(ignored) || ignored == width
    };
    match (base, address.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(address)) => same(u32::from(base).into(), u32::from(address).into(), 32),
        (IpAddr::V6(base), IpAddr::V6(address)) => same(base.into(), address.into(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
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
}

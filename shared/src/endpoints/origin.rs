//! Whether a call came through the edge, and whose address it has then.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::config::OriginSecrets;
use crate::error::{ErrorKind, GatewayError};

/// The header that the edge adds to every request; it replaces one that a client sends.
const SECRET_HEADER: &str = "x-gateway-origin-secret";
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The way that a call took to the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Through the edge, which has proved itself.
    Edge,
    /// To the function's own URL, as far as anybody can tell.
    Direct,
}

/// How a call came. `None` if only calls through the edge are answered, and this is no such call.
pub(super) fn of(headers: &HeaderMap, secrets: Option<&OriginSecrets>) -> Option<Origin> {
    let Some(secrets) = secrets else { return Some(Origin::Direct) };
    let given = headers.get(SECRET_HEADER).map_or(&[][..], |value| value.as_bytes());
    let current = equal(given, &secrets.current);
    let previous = secrets.previous.as_ref().is_some_and(|secret| equal(given, secret));
    (current | previous).then_some(Origin::Edge)
}

/// The refusal of a call that did not come through the edge.
pub(super) fn refusal() -> GatewayError {
    let message = "This address serves only calls that come through the gateway's base URL.";
    GatewayError::new(ErrorKind::Forbidden, message)
        .with_code("direct_call")
        .with_hint("Use the base URL of the deployment: its CloudFront domain, or the domain of your own.")
}

/// Takes as long for every value: digests have one length, and are compared in constant time.
fn equal(given: &[u8], secret: &SecretString) -> bool {
    let (given, secret) = (digest(&SHA256, given), digest(&SHA256, secret.expose_secret().as_bytes()));
    given.as_ref().ct_eq(secret.as_ref()).into()
}

/// The caller's address. The edge appends it to what the caller claims in `x-forwarded-for`, and the function URL may append the
/// edge's own, `peer`. Of a direct call only the peer is known: anybody can send that header.
pub(super) fn caller(headers: &HeaderMap, origin: Origin, peer: Option<IpAddr>) -> Option<IpAddr> {
    match origin {
        Origin::Direct => peer,
        Origin::Edge => {
            let claims = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
            let entries: Vec<&str> = claims.flat_map(|list| list.split(',')).map(str::trim).collect();
            let mut newest_first = entries.into_iter().rev().map(address);
            newest_first.find(|address| address.is_none() || *address != peer).flatten()
        }
    }
}

/// An address, with or without brackets and a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const CURRENT: &str = "0123456789abcdef0123456789abcdef";
    const PREVIOUS: &str = "fedcba9876543210fedcba9876543210";

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_the_two_secrets_prove_the_edge() {
        let secrets = OriginSecrets { current: CURRENT.into(), previous: Some(PREVIOUS.into()) };
        for (value, proved) in [
            (CURRENT, true),
            (PREVIOUS, true),
            ("", false),
            ("0123456789abcdef0123456789abcdeF", false),
            ("0123456789abcdef0123456789abcde", false),
            ("0123456789abcdef0123456789abcdef0", false),
        ] {
            assert_eq!(of(&with(SECRET_HEADER, value), Some(&secrets)).is_some(), proved, "{value}");
        }
        assert_eq!(of(&HeaderMap::new(), Some(&secrets)), None);
        let alone = OriginSecrets { current: CURRENT.into(), previous: None };
        assert_eq!(of(&with(SECRET_HEADER, PREVIOUS), Some(&alone)), None);
        assert_eq!(of(&with(SECRET_HEADER, ""), Some(&alone)), None);
    }

    #[test]
    fn without_a_secret_every_call_is_a_direct_one() {
        assert_eq!(of(&with(SECRET_HEADER, CURRENT), None), Some(Origin::Direct));
    }

    #[test]
    fn the_callers_address_is_the_last_that_is_not_the_edges_own() {
        let peer = "198.51.100.9".parse().ok();
        for (forwarded, caller_is) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("203.0.113.7, 198.51.100.9", Some("203.0.113.7")),
            ("10.0.0.1, 203.0.113.7", Some("203.0.113.7")),
            ("10.0.0.1,203.0.113.7,198.51.100.9", Some("203.0.113.7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("[2001:db8::7]:4711", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("203.0.113.7:4711", Some("203.0.113.7")),
            ("10.0.0.1, unknown", None),
            ("198.51.100.9", None),
            ("", None),
        ] {
            let expected = caller_is.map(|address| address.parse().unwrap());
            assert_eq!(caller(&with(FORWARDED_FOR, forwarded), Origin::Edge, peer), expected, "{forwarded}");
            assert_eq!(caller(&with(FORWARDED_FOR, forwarded), Origin::Direct, peer), peer, "{forwarded}");
        }
        assert_eq!(caller(&HeaderMap::new(), Origin::Edge, peer), None);
    }
}

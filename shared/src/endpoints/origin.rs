//! Decides whether a call came through the edge, and finds the caller's address.

use std::net::IpAddr;

use http::HeaderMap;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::config::OwnSecret;
use crate::error::{ErrorKind, GatewayError};

/// The header that the edge adds to every request. It replaces a client's header with this name.
const SECRET_HEADER: &str = "x-gateway-origin-secret";
/// The header in which `CloudFront` sends its viewer's address; the managed policy `AllViewerExceptHostHeader` forwards it.
const VIEWER_ADDRESS: &str = "cloudfront-viewer-address";

/// How a call reached the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Through the edge, which sent the secret.
    Edge,
    /// Directly to the function's own URL, as far as known.
    Direct,
}

/// How a call arrived. Returns `None` if only calls through the edge are answered, and this one did not come through it.
pub(super) fn of(headers: &HeaderMap, secrets: Option<&OwnSecret>) -> Option<Origin> {
    let Some(secrets) = secrets else { return Some(Origin::Direct) };
    let given = headers.get(SECRET_HEADER).map_or(&[][..], |value| value.as_bytes());
    let current = equal(given, &secrets.current);
    let previous = secrets.previous.as_ref().is_some_and(|secret| equal(given, secret));
    (current | previous).then_some(Origin::Edge)
}

/// The refusal of a direct call.
pub(super) fn refusal() -> GatewayError {
    let message = "This address serves only calls that come through the gateway's base URL.";
    GatewayError::new(ErrorKind::Forbidden, message)
        .with_code("direct_call")
        .with_hint("Use the base URL of the deployment: its CloudFront domain, or your own domain.")
}

/// Takes the same time for every value: digests have one length and are compared in constant time.
fn equal(given: &[u8], secret: &SecretString) -> bool {
    let (given, secret) = (digest(&SHA256, given), digest(&SHA256, secret.expose_secret().as_bytes()));
    given.as_ref().ct_eq(secret.as_ref()).into()
}

/// The caller's address. Behind the edge it is the viewer address from `CloudFront`, or `None` without one.
/// `x-forwarded-for` is not used, because a function URL keeps only its leftmost value, which the caller writes. For a
/// direct call it is the peer's address from Lambda (`requestContext`).
pub(super) fn caller(headers: &HeaderMap, origin: Origin, peer: Option<IpAddr>) -> Option<IpAddr> {
    match origin {
        Origin::Direct => peer,
        Origin::Edge => {
            let mut viewers = headers.get_all(VIEWER_ADDRESS).into_iter();
            let viewer = viewers.next()?.to_str().ok()?;
            // `CloudFront` replaces a client's header with this name, so of two values one is forged.
            if viewers.next().is_some() { None } else { address(viewer) }
        }
    }
}

/// An address with a port after its last colon, without brackets (AWS, `CloudFront-Viewer-Address`).
fn address(text: &str) -> Option<IpAddr> {
    let (address, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    address.parse().ok()
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
        let secrets = OwnSecret { current: CURRENT.into(), previous: Some(PREVIOUS.into()) };
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
        let alone = OwnSecret { current: CURRENT.into(), previous: None };
        assert_eq!(of(&with(SECRET_HEADER, PREVIOUS), Some(&alone)), None);
        assert_eq!(of(&with(SECRET_HEADER, ""), Some(&alone)), None);
    }

    #[test]
    fn without_a_secret_every_call_is_a_direct_one() {
        assert_eq!(of(&with(SECRET_HEADER, CURRENT), None), Some(Origin::Direct));
    }

    #[test]
    fn behind_the_edge_the_callers_address_is_its_viewers_and_otherwise_the_peers() {
        let peer = "198.51.100.9".parse().ok();
        for (viewer, address) in [
            ("203.0.113.7:4711", Some("203.0.113.7")),
            ("2001:db8::7:4711", Some("2001:db8::7")),
            ("2001:db8:1:2:3:4:5:6:443", Some("2001:db8:1:2:3:4:5:6")),
            ("203.0.113.7", None),
            ("203.0.113.7:port", None),
            ("203.0.113.7:1, 203.0.113.8:2", None),
            ("unknown", None),
            ("", None),
        ] {
            let expected = address.map(|address| address.parse().unwrap());
            assert_eq!(caller(&with(VIEWER_ADDRESS, viewer), Origin::Edge, peer), expected, "{viewer}");
            assert_eq!(caller(&with(VIEWER_ADDRESS, viewer), Origin::Direct, peer), peer, "{viewer}");
        }
    }

    #[test]
    fn behind_the_edge_nothing_but_its_one_word_for_the_viewer_counts() {
        let peer = "198.51.100.9".parse().ok();
        let forwarded = with("x-forwarded-for", "203.0.113.7");
        assert_eq!(caller(&forwarded, Origin::Edge, peer), None);
        let mut twice = with(VIEWER_ADDRESS, "203.0.113.7:1");
        twice.append(VIEWER_ADDRESS, HeaderValue::from_static("203.0.113.8:2"));
        assert_eq!(caller(&twice, Origin::Edge, peer), None);
    }
}

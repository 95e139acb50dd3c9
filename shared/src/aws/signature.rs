//! AWS Signature Version 4, with the signing key cached for the day.
//!
//! The SDK's own signer derives the key and builds the canonical request for each request, which is a sixth of all
//! instructions of a small request. Every request here is a POST with its body in memory, so little is left to compute.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use ring::{digest, hmac};
use url::Url;

/// The name of the algorithm in signatures.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs the requests to one service in one region.
#[derive(Debug)]
pub(super) struct Signer {
    region: String,
    service: &'static str,
    kept: Mutex<Option<DayKey>>,
}

/// A signing key. It depends on the day, the region, the service, and the secret of the access key id.
#[derive(Clone, Debug)]
struct DayKey {
    day: String,
    access_key: String,
    key: hmac::Key,
}

/// A POST to sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsigned<'a> {
    /// The URL. Its path and query must be encoded as AWS requires.
    pub(super) url: &'a Url,
    /// Lower-case names and values, without the host.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub(super) body: &'a [u8],
}

impl Signer {
    /// Signs for this service, by its name in signatures, in this region.
    pub(super) const fn new(region: String, service: &'static str) -> Self {
        Self { region, service, kept: Mutex::new(None) }
    }

    /// The headers to add to a request that is sent at this time.
    pub(super) fn sign(
        &self,
        request: &Unsigned<'_>,
        credentials: &Credentials,
        at: SystemTime,
    ) -> Vec<(&'static str, String)> {
        let moment = moment(at);
        let day = moment.get(..8).unwrap_or_default();
        let host = host(request.url);
        let mut headers: Vec<(&str, &str)> = request.headers.to_vec();
        headers.extend([("host", host.as_str()), ("x-amz-date", moment.as_str())]);
        headers.extend(credentials.session_token().map(|token| ("x-amz-security-token", token)));
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let canonical = hex(digest::digest(&digest::SHA256, canonical(request, &headers, &names).as_bytes()).as_ref());
        let to_sign = format!("{ALGORITHM}\n{moment}\n{scope}\n{canonical}");
        let signature = hex(hmac::sign(&self.key(day, credentials), to_sign.as_bytes()).as_ref());
        let access_key = credentials.access_key_id();
        let authorization =
            format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}");
        let token = credentials.session_token().map(|token| ("x-amz-security-token", token.to_owned()));
        [("authorization", authorization), ("x-amz-date", moment)].into_iter().chain(token).collect()
    }

    /// The signing key of a day, derived once.
    fn key(&self, day: &str, credentials: &Credentials) -> hmac::Key {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(DayKey { key, .. }) =
            kept.as_ref().filter(|kept| kept.day == day && kept.access_key == credentials.access_key_id())
        {
            return key.clone();
        }
        let start = format!("AWS4{}", credentials.secret_access_key());
        let steps = [day, &self.region, self.service, "aws4_request"];
        let key =
            steps.iter().fold(key_of(start.as_bytes()), |key, step| key_of(hmac::sign(&key, step.as_bytes()).as_ref()));
        *kept = Some(DayKey { day: day.to_owned(), access_key: credentials.access_key_id().to_owned(), key: key.clone() });
        key
    }
}

fn key_of(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

/// The canonical request, which both sides build in the same way ("Create a canonical request" in AWS's guide).
fn canonical(request: &Unsigned<'_>, headers: &[(&str, &str)], names: &str) -> String {
    let mut pairs: Vec<&str> = request.url.query().unwrap_or_default().split('&').collect();
    pairs.sort_unstable();
    let mut text = format!("POST\n{}\n{}\n", request.url.path(), pairs.join("&"));
    for (name, value) in headers {
        text.extend([name, ":", value.trim(), "\n"]);
    }
    text.extend(["\n", names, "\n", &hex(digest::digest(&digest::SHA256, request.body).as_ref())]);
    text
}

/// The `host` header for a URL.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A time in the format of signatures: `20150830T123600Z`. An impossible time becomes the epoch, which AWS rejects.
fn moment(at: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(at).unwrap_or_default();
    format!("{time:.0}").replace(['-', ':'], "")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_kept_key_signs_as_one_of_the_day_and_of_the_credentials_does() {
        let url = Url::parse("https://example.amazonaws.com/").unwrap();
        let request = Unsigned { url: &url, headers: &[], body: b"{}" };
        let signer = || Signer::new("us-east-1".to_owned(), "service");
        let (kept, day) = (signer(), Duration::from_hours(24));
        let start = SystemTime::UNIX_EPOCH + 20_000 * day;
        for (name, secret, at) in [("A", "1", start), ("A", "1", start), ("A", "1", start + day), ("B", "2", start + day)] {
            let credentials = Credentials::new(name, secret, None, None, "test");
            let fresh = signer().sign(&request, &credentials, at);
            assert_eq!(kept.sign(&request, &credentials, at), fresh, "{name} {at:?}");
        }
    }

    #[test]
    fn a_port_is_named_unless_it_is_the_schemes_own() {
        for (url, expected) in [
            ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
            ("https://dynamodb.us-east-1.amazonaws.com:443/", "dynamodb.us-east-1.amazonaws.com"),
        ] {
            assert_eq!(host(&Url::parse(url).unwrap()), expected);
        }
    }
}

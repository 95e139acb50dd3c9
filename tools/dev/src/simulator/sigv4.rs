//! Checks AWS signatures, version 4, by computing them from AWS's public description.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use ring::hmac;

use super::aws::AwsCredentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Maximum difference between the signature's time and now, in seconds.
const WINDOW: i64 = 15 * 60;

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// By lower-case name.
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) payload: &'a [u8],
}

/// Why a signature is invalid: AWS's name for the error, and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) kind: &'static str,
    pub(super) message: String,
}

/// The parts of an `authorization` value.
#[derive(Clone, Copy, Debug)]
struct Authorization<'a> {
    key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl Signed<'_> {
    /// Checks the signature for this service at this time, and returns its region. The host, each `x-amz-` header and these
    /// `others` must be signed.
    pub(super) fn check(
        &self,
        service: &str,
        others: &[&str],
        credentials: &AwsCredentials,
        now: Timestamp,
    ) -> Result<String, Wrong> {
        let authorization = Authorization::parse(self.header("authorization"))?;
        let known = authorization.key == credentials.access_key_id
            && self.header("x-amz-security-token") == credentials.session_token.as_deref().unwrap_or_default();
        ensure(known, "UnrecognizedClientException", "The security token included in the request is invalid.")?;
        let right = authorization.service == service;
        ensure(right, INVALID, &format!("Credential should be scoped to correct service: '{service}'."))?;
        self.check_time(authorization.date, now)?;
        self.check_names(authorization.signed_headers, others)?;
        let told = self.header("x-amz-content-sha256");
        ensure(told.is_empty() || told == hash(self.payload), INVALID, "The payload's hash does not match the payload.")?;
        let signature = self.signature(authorization, &credentials.secret_access_key);
        ensure(
            signature == authorization.signature,
            INVALID,
            "The request signature we calculated does not match the signature you provided.",
        )?;
        Ok(authorization.region.to_owned())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    fn check_time(&self, date: &str, now: Timestamp) -> Result<(), Wrong> {
        let told = self.header("x-amz-date");
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", told).and_then(|time| time.to_zoned(TimeZone::UTC));
        let Ok(time) = time else {
            return wrong("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.");
        };
        ensure(
            told.starts_with(date),
            INVALID,
            "Date in Credential scope does not match YYYYMMDD from the time of the request.",
        )?;
        let distance = time.timestamp().as_second().abs_diff(now.as_second());
        ensure(
            distance <= WINDOW.unsigned_abs(),
            INVALID,
            &format!("Signature expired: {told} is not within 15 minutes of now"),
        )
    }

    fn check_names(&self, signed: &str, others: &[&str]) -> Result<(), Wrong> {
        let names: Vec<&str> = signed.split(';').collect();
        ensure(names.is_sorted(), INVALID, "The signed headers are not in order.")?;
        let amazon = self.headers.keys().map(String::as_str).filter(|name| name.starts_with("x-amz-"));
        // Parameters that only identify the caller may be added after signing.
        let amazon = amazon.filter(|name| *name != "x-amz-user-agent");
        let mut needed = ["host", "x-amz-date"].into_iter().chain(others.iter().copied()).chain(amazon);
        if let Some(name) = needed.find(|name| !names.contains(name)) {
            return wrong(INVALID, &format!("There were headers which were not signed: {name}"));
        }
        match names.iter().find(|name| !self.headers.contains_key(**name)) {
            Some(name) => wrong(INVALID, &format!("A signed header is missing: {name}")),
            None => Ok(()),
        }
    }

    /// The expected signature.
    fn signature(&self, authorization: Authorization<'_>, secret: &str) -> String {
        let Authorization { date, region, service, signed_headers, .. } = authorization;
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let request = hash(self.canonical(signed_headers).as_bytes());
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{request}", self.header("x-amz-date"));
        let start = format!("AWS4{secret}").into_bytes();
        let key = [date, region, service, "aws4_request"].iter().fold(start, |key, part| keyed(&key, part));
        hex(&keyed(&key, &text))
    }

    fn canonical(&self, signed_headers: &str) -> String {
        let mut pairs: Vec<&str> = self.query.split('&').filter(|pair| !pair.is_empty()).collect();
        pairs.sort_unstable();
        let path = if self.path.is_empty() { "/" } else { self.path };
        let mut text = format!("{}\n{path}\n{}\n", self.method, pairs.join("&"));
        for name in signed_headers.split(';') {
            let words: Vec<&str> = self.header(name).split_whitespace().collect();
            // Writing to a string never fails.
            let _ = writeln!(text, "{name}:{}", words.join(" "));
        }
        format!("{text}\n{signed_headers}\n{}", hash(self.payload))
    }
}

impl<'a> Authorization<'a> {
    fn parse(value: &'a str) -> Result<Self, Wrong> {
        let Some(fields) = value.strip_prefix(ALGORITHM).map(str::trim) else {
            return wrong("MissingAuthenticationTokenException", "Missing Authentication Token");
        };
        let field = |name: &str| {
            fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let parts: Vec<&str> = field("Credential").split('/').collect();
        let [key, date, region, service, "aws4_request"] = parts.as_slice() else {
            return wrong("IncompleteSignatureException", "Credential is not a key with its scope.");
        };
        let (signed_headers, signature) = (field("SignedHeaders"), field("Signature"));
        Ok(Self { key, date, region, service, signed_headers, signature })
    }
}

const INVALID: &str = "InvalidSignatureException";

fn ensure(holds: bool, kind: &'static str, message: &str) -> Result<(), Wrong> {
    if holds { Ok(()) } else { wrong(kind, message) }
}

fn wrong<T>(kind: &'static str, message: &str) -> Result<T, Wrong> {
    Err(Wrong { kind, message: message.to_owned() })
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
pub(super) mod tests;

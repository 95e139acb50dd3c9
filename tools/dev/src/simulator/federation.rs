//! Google's workload identity federation with AWS: a signed AWS request proves the caller and is exchanged for a federated
//! token, and that for the token of a service account.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::aws::AwsCredentials;
use super::json::json;
use super::sigv4::Signed;
use super::token::{EMAIL, SCOPE, form};

const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/simulated/providers/aws";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SUBJECT: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// The type of the requested and issued tokens.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const QUESTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const TARGET: &str = "x-goog-cloud-target-resource";

/// Google's configuration for a workload with an AWS identity that exchanges it at the simulator with this origin (such as
/// `http://127.0.0.1:4000`), with or without impersonation of a service account.
pub fn external_account_json(origin: &str, impersonate: bool) -> String {
    let impersonation = format!("{origin}/impersonate/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken");
    json(&ExternalAccount {
        kind: "external_account",
        audience: AUDIENCE,
        subject_token_type: SUBJECT,
        service_account_impersonation_url: impersonate.then_some(impersonation),
        token_url: format!("{origin}/sts/v1/token"),
        credential_source: CredentialSource {
            environment_id: "aws1",
            regional_cred_verification_url: format!("https://sts.{{region}}.amazonaws.com?{QUESTION}"),
        },
        universe_domain: "googleapis.com",
    })
}

#[derive(Serialize)]
struct ExternalAccount<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    audience: &'a str,
    subject_token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation_url: Option<String>,
    token_url: String,
    credential_source: CredentialSource<'a>,
    universe_domain: &'a str,
}

#[derive(Serialize)]
struct CredentialSource<'a> {
    environment_id: &'a str,
    regional_cred_verification_url: String,
}

#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    audience: String,
    scope: String,
    requested_token_type: String,
    subject_token_type: String,
    subject_token: String,
}

/// The form field that contains the subject token.
#[derive(Deserialize)]
struct Decoded {
    token: String,
}

#[derive(Deserialize)]
struct Subject {
    url: String,
    method: String,
    headers: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: String,
}

/// Checks a request for a federated token.
pub(super) fn check(text: &str, credentials: &AwsCredentials, now: Timestamp) -> anyhow::Result<()> {
    let request: Exchange = form(text)?;
    ensure!(request.grant_type == GRANT, "Unsupported grant_type");
    ensure!(request.audience == AUDIENCE, "Invalid value for audience");
    ensure!(request.scope.split(' ').any(|scope| scope == SCOPE), "Invalid scope: cloud-platform is missing");
    ensure!(request.requested_token_type == ACCESS_TOKEN, "Invalid requested_token_type");
    ensure!(request.subject_token_type == SUBJECT, "Invalid subject_token_type");
    // The form's encoding has been removed; the token has its own.
    ensure!(!request.subject_token.contains(['{', '"', '&']), "The subject_token is not URL-encoded");
    let decoded: Decoded = form(&format!("token={}", request.subject_token)).context("Unable to parse the subject_token")?;
    let subject: Subject = serde_json::from_str(&decoded.token).context("Unable to parse the subject_token")?;
    subject.check(credentials, now)
}

impl Subject {
    /// Checks the signed request as AWS does when Google sends it on.
    fn check(&self, credentials: &AwsCredentials, now: Timestamp) -> anyhow::Result<()> {
        ensure!(self.method == "POST", "Invalid method in the subject_token");
        let mut headers = BTreeMap::new();
        for Pair { key, value } in &self.headers {
            if headers.insert(key.to_ascii_lowercase(), value.clone()).is_some() {
                bail!("Header {key} is there twice");
            }
        }
        let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        ensure!(header(TARGET) == AUDIENCE, "Header {TARGET} is not the audience");
        let place = self.url.strip_prefix("https://").context("The URL in the subject_token is not of AWS")?;
        let (host, query) = place.split_once('?').context("The URL in the subject_token asks nothing")?;
        let host = host.strip_suffix('/').unwrap_or(host);
        ensure!(query == QUESTION, "The URL in the subject_token asks something else");
        ensure!(header("host") == host, "Header host is not the host of the URL");
        let signed = Signed { method: &self.method, path: "/", query, headers: &headers, payload: b"" };
        let region = signed.check("sts", &[TARGET], credentials, now);
        let region = region.map_err(|wrong| anyhow!("{}: {}", wrong.kind, wrong.message))?;
        ensure!(host == format!("sts.{region}.amazonaws.com"), "The URL in the subject_token is not of AWS");
        Ok(())
    }
}

/// A request for the token of a service account.
#[derive(Deserialize)]
struct Impersonation {
    scope: Vec<String>,
    #[serde(default)]
    lifetime: Option<String>,
}

/// The requested lifetime of a service account's token, in seconds.
pub(super) fn impersonation(body: &str) -> anyhow::Result<u64> {
    let request: Impersonation = serde_json::from_str(body).context("Invalid JSON payload received.")?;
    ensure!(request.scope.iter().any(|scope| scope == SCOPE), "Request contains an invalid argument: scope");
    let Some(lifetime) = request.lifetime else { return Ok(3_600) };
    let seconds = lifetime.strip_suffix('s').and_then(|seconds| seconds.parse().ok());
    seconds.filter(|seconds| (1..=3_600).contains(seconds)).context("Request contains an invalid argument: lifetime")
}

#[cfg(test)]
pub(super) mod tests;

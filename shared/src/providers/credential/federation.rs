//! Workload identity federation from AWS (`external_account`). A request to STS, signed with the function's role and sent by
//! Google, proves the function's identity. No Google key is stored anywhere.

use std::time::SystemTime;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::super::transport::Transport;
use super::account::{SCOPE, exchange};
use super::{Token, failure, json_fault};
use crate::aws::{Post, Role};
use crate::error::UpstreamError;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The only kind of proof that a Lambda function has.
const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// The header that binds the signed request to one identity pool.
const TARGET: &str = "x-goog-cloud-target-resource";
/// Lifetime of an impersonated account's token: Google's default limit.
const LIFETIME: &str = "3600s";

/// The credential file, as Google's console writes it. Fields about instance metadata are left out, because Lambda has none.
#[derive(Deserialize)]
pub(super) struct ConfigFile {
    audience: String,
    subject_token_type: String,
    token_url: Url,
    service_account_impersonation_url: Option<Url>,
    credential_source: CredentialSource,
}

#[derive(Deserialize)]
struct CredentialSource {
    environment_id: String,
    regional_cred_verification_url: String,
}

pub(super) struct Federation {
    file: ConfigFile,
    /// The verification URL, with the region filled in.
    verification: String,
    verification_url: Url,
    role: Role,
}

/// The signed request in Google's form.
#[derive(Serialize)]
struct Proof<'a> {
    url: &'a str,
    method: &'static str,
    headers: Vec<ProofHeader<'a>>,
}

#[derive(Serialize)]
struct ProofHeader<'a> {
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Impersonate {
    scope: [&'static str; 1],
    lifetime: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: SecretString,
    expire_time: String,
}

impl Federation {
    pub(super) fn new(file: ConfigFile, role: &Role) -> Result<Self, String> {
        if file.subject_token_type != AWS_REQUEST {
            return Err(format!("must have subject_token_type {AWS_REQUEST}"));
        }
        if file.credential_source.environment_id != "aws1" {
            return Err("must have credential_source.environment_id aws1".to_owned());
        }
        let verification = file.credential_source.regional_cred_verification_url.replace("{region}", role.region());
        let url = Url::parse(&verification).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let verification_url = url.ok_or("has a regional_cred_verification_url that is not an http or https URL")?;
        Ok(Self { file, verification, verification_url, role: role.clone() })
    }

    pub(super) async fn token(&self, transport: &Transport, now: SystemTime) -> Result<Token, UpstreamError> {
        let proof = self.proof(now).await.map_err(failure)?;
        let fields = [
            ("grant_type", GRANT_TYPE),
            ("audience", &self.file.audience),
            ("scope", SCOPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", AWS_REQUEST),
            ("subject_token", &proof),
        ];
        let federated = exchange(transport, &self.file.token_url, &fields, now).await?;
        match &self.file.service_account_impersonation_url {
            Some(url) => impersonate(transport, url, &federated.secret, now).await,
            None => Ok(federated),
        }
    }

    /// A signed `GetCallerIdentity` request that is not sent, as URL-encoded JSON.
    async fn proof(&self, now: SystemTime) -> Result<String, String> {
        let target = (TARGET, self.file.audience.as_str());
        let post = Post { service: "sts", url: &self.verification_url, headers: &[target], body: "" };
        let signed = self.role.sign(&post, now).await.map_err(|error| error.to_string())?;
        let host = self.verification_url.host_str().unwrap_or_default();
        let host = self.verification_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let signed = signed.iter().map(|(key, value)| (*key, value.as_str()));
        let headers = [("host", host.as_str()), target].into_iter().chain(signed);
        let headers = headers.map(|(key, value)| ProofHeader { key, value }).collect();
        let proof = serde_json::to_string(&Proof { url: &self.verification, method: "POST", headers });
        let proof = proof.map_err(|error| error.to_string())?;
        // `%20` for a space is read the same by all decoders; a real plus is already `%2B`.
        Ok(byte_serialize(proof.as_bytes()).collect::<String>().replace('+', "%20"))
    }
}

/// A token of the service account that the federated identity may impersonate.
async fn impersonate(
    transport: &Transport,
    url: &Url,
    federated: &SecretString,
    now: SystemTime,
) -> Result<Token, UpstreamError> {
    let failed = |cause: &str| failure(format!("impersonation: {cause}"));
    let body = serde_json::to_string(&Impersonate { scope: [SCOPE], lifetime: LIFETIME });
    let body = body.map_err(|error| failed(&error.to_string()))?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", federated.expose_secret()));
    let mut bearer = bearer.map_err(|_| failed("the token cannot be a header value"))?;
    bearer.set_sensitive(true);
    let headers =
        HeaderMap::from_iter([(AUTHORIZATION, bearer), (CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let reply = transport.post(url, headers, body).await.map_err(|error| failed(&error.message))?;
    let reply: Impersonated = serde_json::from_str(&reply).map_err(|error| failed(&json_fault(&error)))?;
    let expires: jiff::Timestamp = reply.expire_time.parse().map_err(|_| failed("expireTime is not a time"))?;
    let lifetime = SystemTime::from(expires).duration_since(now).map_err(|_| failed("the token has expired"))?;
    Ok(Token::new(reply.access_token, now, lifetime))
}

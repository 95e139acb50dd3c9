//! A Google account, by the kind of its credential file.

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::super::transport::Transport;
use super::federation::Federation;
use super::service_account::ServiceAccount;
use super::{Token, failure, json_fault};
use crate::aws::Role;
use crate::error::UpstreamError;

/// The scope of every token.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A source of Google tokens.
pub(super) enum Account {
    Service(Box<ServiceAccount>),
    Federated(Box<Federation>),
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: SecretString,
    expires_in: u64,
}

impl Account {
    /// Parses either kind of credential file. Errors never quote the file, because it is a secret.
    pub(super) fn parse(json: &SecretString, role: Option<&Role>) -> Result<Self, String> {
        let fault = |error: serde_json::Error| format!("is not a Google credential file: {}", json_fault(&error));
        let text = json.expose_secret();
        let Kind { kind } = serde_json::from_str(text).map_err(fault)?;
        match kind.as_str() {
            "service_account" => {
                Ok(Self::Service(Box::new(ServiceAccount::new(serde_json::from_str(text).map_err(fault)?)?)))
            }
            "external_account" => {
                let role = role.ok_or("is of type external_account, which needs AWS_REGION")?;
                Ok(Self::Federated(Box::new(Federation::new(serde_json::from_str(text).map_err(fault)?, role)?)))
            }
            _ => Err("must be of type service_account or external_account".to_owned()),
        }
    }

    /// A new access token.
    pub(super) async fn token(&self, transport: &Transport, now: SystemTime) -> Result<Token, UpstreamError> {
        match self {
            Self::Service(account) => account.token(transport, now).await,
            Self::Federated(federation) => federation.token(transport, now).await,
        }
    }
}

/// Calls an OAuth token endpoint.
pub(super) async fn exchange(
    transport: &Transport,
    endpoint: &Url,
    fields: &[(&str, &str)],
    now: SystemTime,
) -> Result<Token, UpstreamError> {
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    let content = HeaderValue::from_static("application/x-www-form-urlencoded");
    let reply = transport.post(endpoint, HeaderMap::from_iter([(CONTENT_TYPE, content)]), form).await;
    let reply = reply.map_err(|error| failure(format!("token endpoint: {}", error.message)))?;
    let reply: TokenReply =
        serde_json::from_str(&reply).map_err(|error| failure(format!("token reply: {}", json_fault(&error))))?;
    Ok(Token::new(reply.access_token, now, Duration::from_secs(reply.expires_in)))
}

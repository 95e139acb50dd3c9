//! SSM's `GetParameter`.

use std::time::SystemTime;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::super::transport::Transport;
use super::{failure, json_fault};
use crate::aws::{Post, Role};
use crate::config::Parameter;
use crate::error::UpstreamError;

const CONTENT: &str = "application/x-amz-json-1.1";
const TARGET: (&str, &str) = ("x-amz-target", "AmazonSSM.GetParameter");

/// Reads one parameter with the function's role.
pub(super) struct ParameterReader {
    pub(super) parameter: Parameter,
    pub(super) role: Role,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter<'a> {
    name: &'a str,
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    parameter: Held,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Held {
    value: SecretString,
}

impl ParameterReader {
    pub(super) fn new(parameter: &Parameter) -> Self {
        Self { role: Role::of_function(&parameter.region), parameter: parameter.clone() }
    }

    pub(super) fn name(&self) -> &str {
        &self.parameter.name
    }

    pub(super) fn role(&self) -> &Role {
        &self.role
    }

    /// The current value of the parameter, without white space around it.
    pub(super) async fn read(&self, transport: &Transport, now: SystemTime) -> Result<SecretString, UpstreamError> {
        let failed = |cause: &str| failure(format!("SSM parameter {}: {cause}", self.name()));
        let body = serde_json::to_string(&GetParameter { name: self.name(), with_decryption: true });
        let body = body.map_err(|error| failed(&error.to_string()))?;
        let own = [("content-type", CONTENT), TARGET];
        let post = Post { service: "ssm", url: &self.parameter.endpoint, headers: &own, body: &body };
        let signed = self.role.sign(&post, now).await.map_err(|error| failed(&error.to_string()))?;
        let mut headers = HeaderMap::with_capacity(5);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        headers.insert(TARGET.0, HeaderValue::from_static(TARGET.1));
        for (name, value) in signed {
            let value = HeaderValue::from_str(&value).map_err(|_| failed("the signature cannot be a header value"))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let reply = transport.post(&self.parameter.endpoint, headers, body).await;
        let reply = reply.map_err(|error| failed(&error.message))?;
        let reply: Reply = serde_json::from_str(&reply).map_err(|error| failed(&json_fault(&error)))?;
        match reply.parameter.value.expose_secret().trim() {
            "" => Err(failed("is empty")),
            value => Ok(value.into()),
        }
    }
}
